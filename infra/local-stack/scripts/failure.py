"""The one error that these scripts raise on purpose."""


class Failure(Exception):
    """A deployment that cannot continue. Its text is one line for the person at the terminal."""

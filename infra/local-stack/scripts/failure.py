"""The one error that these scripts raise on purpose."""


class Failure(Exception):
    """A deployment that cannot go on. Its text is a line for the person who started it."""

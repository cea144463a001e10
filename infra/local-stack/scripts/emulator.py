"""Starts the emulator; its settings come from the environment.

The emulator is the published one. Three changes are made before its start, through the standard library and its own
modules.
"""

import copy
import json
import os
import socketserver

from ministack import app
from ministack.services import dynamodb

from door import Door, close_runtime_apis


def answer_at_once() -> None:
    """The emulator sends an event to a function in two small writes. With Nagle's algorithm the second waits for the
    acknowledgement of the first, which the function's side delays: 40 ms in each invocation."""
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def keep_streams() -> None:
    """Keeps the records of the tables' streams over a restart, as DynamoDB does for a day.

    The emulator keeps only how far each function has read. After a restart a function would miss the records that it
    had not read yet, and of the new ones as many as it had read before.
    """
    streams = {"stream_records": dynamodb._stream_records, "stream_trimmed": dynamodb._stream_trimmed}
    get_state, load_persisted_state = dynamodb.get_state, dynamodb.load_persisted_state

    def get_state_with_streams() -> dict:
        return get_state() | copy.deepcopy(streams)

    def load_state_with_streams(state: dict) -> None:
        load_persisted_state(state)
        for name, stream in streams.items():
            stream.update(state.get(name, {}))

    dynamodb.get_state, dynamodb.load_persisted_state = get_state_with_streams, load_state_with_streams


def keep_pages_out() -> None:
    """Refuses web pages of other origins, at the emulator's own port and at those of its functions."""
    # The functions inherit the environment, and this is not for them.
    app.app = Door(app.app, json.loads(os.environ.pop("EMULATOR_DOOR")))
    close_runtime_apis()


if __name__ == "__main__":
    answer_at_once()
    keep_streams()
    keep_pages_out()
    app.main()

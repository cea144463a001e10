"""Starts the emulator; its settings come from the environment."""

import socketserver

from ministack.app import main

# The emulator hands an event to a function in two small writes. With Nagle's algorithm the second waits for the
# acknowledgement of the first, which the function's side delays: 40 ms in each invocation.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

if __name__ == "__main__":
    main()

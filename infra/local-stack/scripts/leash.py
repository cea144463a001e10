"""Runs a command for as long as the starter of this script lives: `python leash.py command argument…`

The starter holds the other end of this script's standard input. The kernel closes the pipe when the starter closes it,
panics, is killed or loses its terminal. Then the command gets SIGTERM, with time to write down its state. So nothing is
left running in any case.
"""

import os
import signal
import subprocess
import sys
import threading

# To write its state takes the emulator seconds, and on busy cores many.
GRACE_SECONDS = 60


def main() -> int:
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=end_with_starter, args=(child,), daemon=True).start()
    status = child.wait()

    # The children of the command are in this process group too, and so is this script.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(os.getpgrp(), signal.SIGTERM)
    return status if status >= 0 else 128 - status


def end_with_starter(child: subprocess.Popen) -> None:
    sys.stdin.buffer.read()
    child.terminate()
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())

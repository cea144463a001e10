"""Runs a command for as long as whoever started this script lives: `python leash.py command argument…`

The starter holds the other end of this script's standard input. When it lets go of it, on purpose or because it
panicked, was killed or lost its terminal, the kernel closes the pipe, and the command is asked to end (SIGTERM), in its
own good time to write down its state. So nothing is left running, whatever happens to the starter.
"""

import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 15


def main() -> int:
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=end_with_starter, args=(child,), daemon=True).start()
    status = child.wait()

    # What the command itself started is in this process group too, and so is this script.
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

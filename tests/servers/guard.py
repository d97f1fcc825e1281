"""Runs a command and ends it when whoever started this is gone.

The starter holds the other end of our standard input: the system closes it however the starter
ends, even by SIGKILL. We share a process group with the command, and leave SIGTERM to it.
"""

import os
import signal
import subprocess
import sys
import threading


def end_with_starter() -> None:
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # SIG_IGN would be handed down to the command
    threading.Thread(target=end_with_starter, daemon=True).start()
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    os._exit(command.wait() & 0xFF)  # the thread that reads would hold up an ordinary exit


if __name__ == "__main__":
    main()

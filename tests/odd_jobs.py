"""Work for other processes, in a module that they can import."""

import os
import signal
import sys
import time


def nothing() -> None:
    """Prepare for work by doing nothing."""


def twice(number: int) -> int:
    return 2 * number


def tell_threads(name: str) -> str:
    """Return the process's own setting of that name."""
    return os.environ[name]


def be_killed(_: int) -> None:
    """Do what the kernel does to a process that asks for too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def be_interrupted(number: int) -> int:
    """Take a Ctrl-C, and go on if that is ignored."""
    os.kill(os.getpid(), signal.SIGINT)
    return number


def never_end(_: int) -> None:
    sys.stdout.write("at work\n")
    sys.stdout.flush()
    time.sleep(600)

"""A server for as long as a test needs it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from servers.install import MissingServer
from servers.servers import Server

Kind = TypeVar("Kind", bound=Server)


@contextmanager
def running(kind: type[Kind], directory: Path) -> Iterator[Kind]:
    """Run a server, or skip the test with the reason why there is none; its data goes with it."""
    try:
        server = kind(directory)
    except MissingServer as missing:
        pytest.skip(str(missing))
    try:
        with server:
            yield server
    finally:
        shutil.rmtree(directory, ignore_errors=True)

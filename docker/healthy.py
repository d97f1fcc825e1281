# ruff: noqa: INP001 - a program of the image, and no part of a package
"""Whether a container of Tocsin works, as far as that can be seen from beside it: exit code 0 or 1.

    python healthy.py kafka:19092                      something here is connected to that port
    python healthy.py http://127.0.0.1:8765/healthz    a page answers

A role does its work over its connection to Kafka and closes one that does not answer, so a
connection that stands is a good sign. It is no proof: how far a role has come, it reports itself.
"""

import sys
import urllib.error
import urllib.request
from pathlib import Path

ESTABLISHED = "01"
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
TIMEOUT_S = 3.0


def connected(port: int) -> bool:
    """Tell whether a connection to ``port`` of another machine stands."""
    lines = [line for table in TABLES if table.exists() for line in table.open().readlines()[1:]]
    # number, local address, remote address, state, ...; addresses are hexadecimal
    return any(
        state == ESTABLISHED and int(remote.rpartition(":")[2], 16) == port
        for _, _, remote, state, *_ in map(str.split, lines)
    )


def answers(url: str) -> bool:
    """Tell whether a page answers that all is well."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - http, see main
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def main(target: str) -> int:
    """Return the exit code for an address."""
    if target.startswith("http://"):
        return 0 if answers(target) else 1
    return 0 if connected(int(target.rpartition(":")[2])) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

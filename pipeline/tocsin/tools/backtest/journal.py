"""What was found so far, one JSON line a job, so that a benchmark can be stopped at any time."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from tocsin.tools.backtest.jobs import Result


def read_journal(path: Path) -> Mapping[str, Result]:
    """Return the results in a journal by key, the newest of each; none if there is no journal.

    A line that is no result, such as the last one of a run that was killed, is left aside.
    """
    if not path.exists():
        return {}
    decoder = msgspec.json.Decoder(Result)
    found = {}
    for line in path.read_bytes().splitlines():
        try:
            result = decoder.decode(line)
        except msgspec.DecodeError:
            continue
        found[result.key] = result
    return found


def append_result(path: Path, result: Result) -> None:
    """Add a result to a journal, on a line of its own whatever stands before it."""
    with path.open("ab") as file:
        file.write(b"\n" + msgspec.json.encode(result) + b"\n")

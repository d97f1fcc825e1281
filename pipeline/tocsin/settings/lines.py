"""In which line of a TOML file a key stands."""

import re
from collections.abc import Mapping

from tocsin.settings.outline import KeyPath

_HEAD = re.compile(r"\s*(\[\[?)\s*([\w.\"'\s-]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"\s*([\w.\"'-]+(?:\s*\.\s*[\w\"'-]+)*)\s*=")


def find_lines(text: str) -> Mapping[KeyPath, int]:
    """Return the lines of the keys and heads of a file that is valid TOML, from 1.

    It looks at lines, not at syntax: what looks like a key inside a text of several lines may be
    taken for one, so the lines are good for telling people and for nothing else.
    """
    table: KeyPath = ()
    counts: dict[KeyPath, int] = {}
    found: dict[KeyPath, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if head := _HEAD.match(line):
            table = _resolve(_parts(head[2]), counts)
            if head[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_parts(key[1])), number)
    return found


def line_near(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of ``path``, or of the nearest thing around it."""
    around = (path[:length] for length in range(len(path), 0, -1))
    return next((lines[each] for each in around if each in lines), None)


def _parts(dotted: str) -> KeyPath:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _resolve(path: KeyPath, counts: Mapping[KeyPath, int]) -> KeyPath:
    """Return ``path`` with the number of the newest table of each array on the way."""
    whole: KeyPath = ()
    for place, part in enumerate(path):
        whole = (*whole, part)
        if place < len(path) - 1 and whole in counts:
            whole = (*whole, counts[whole])
    return whole

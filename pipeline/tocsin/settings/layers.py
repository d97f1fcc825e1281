"""Values from several places on top of one another, each with where it came from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tocsin.settings.outline import KeyPath


class Source(StrEnum):
    """The kinds of places, from the weakest to the strongest."""

    DEFAULT = "default"
    FILE = "file"
    VARIABLE = "environment"
    SECRET = "secret file"  # noqa: S105 - the name of a kind of place
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was said: ``where`` is a file, a variable or a flag."""

    source: Source
    where: str = ""
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.where}:{self.line}" if self.line else self.where or self.source


@dataclass(frozen=True, slots=True)
class Told:
    """A value and where it was said."""

    value: Any = field(repr=False)  # may be a secret
    origin: Origin


Layer = dict[str, Any]
"""A tree of tables and lists of tables; its leaves are `Told`."""

OriginOf = Callable[[KeyPath], Origin]


def layer_of(values: Mapping[str, Any], origin_of: OriginOf) -> Layer:
    """Return plain values as a layer."""
    return {str(key): _wrapped(value, (str(key),), origin_of) for key, value in values.items()}


def _wrapped(value: Any, path: KeyPath, origin_of: OriginOf) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _wrapped(v, (*path, str(k)), origin_of) for k, v in value.items()}
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        return [_wrapped(each, (*path, number), origin_of) for number, each in enumerate(value)]
    return Told(value, origin_of(path))


def lay(under: Layer, over: Layer) -> Layer:
    """Return both, table by table; where both say something, ``over`` counts."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        tables = isinstance(value, dict) and isinstance(below, dict)
        merged[key] = lay(below or {}, value) if tables else value
    return merged


def values_of(layer: Any) -> Any:
    """Return the plain values of a layer."""
    if isinstance(layer, Told):
        return layer.value
    if isinstance(layer, dict):
        return {key: values_of(value) for key, value in layer.items()}
    return [values_of(each) for each in layer]


def told_at(layer: Layer, path: KeyPath) -> Told | None:
    """Return what was said at ``path`` itself."""
    found = find(layer, path)
    return found if isinstance(found, Told) else None


def origin_near(layer: Layer, path: KeyPath) -> Origin | None:
    """Return where ``path`` was said, or what stands around it; None if nowhere."""
    for length in range(len(path), 0, -1):
        first = next(leaves(find(layer, path[:length]), path[:length]), None)
        if first is not None:
            return first[1].origin
    return None


def find(layer: Any, path: KeyPath) -> Any:
    """Return what stands at ``path``: a leaf, a table, a list of tables or None."""
    for part in path:
        if isinstance(layer, dict):
            layer = layer.get(str(part))
        elif isinstance(layer, list):
            number = number_of(layer, part)
            layer = None if number is None else layer[number]
        elif not isinstance(layer, Told):  # what stands in a leaf was said with it
            return None
    return layer


def leaves(layer: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Told]]:
    """Give every leaf and where it stands."""
    if isinstance(layer, Told):
        yield path, layer
    elif isinstance(layer, dict):
        for key, value in layer.items():
            yield from leaves(value, (*path, key))
    elif isinstance(layer, list):
        for number, value in enumerate(layer):
            yield from leaves(value, (*path, number))


def put(layer: Layer, path: KeyPath, what: Any) -> None:
    """Put a leaf or a list of tables at ``path``, making tables on the way.

    Raises:
        KeyError: if a list of tables on the way has no such table.
    """
    table: Any = layer
    for part in path[:-1]:
        if isinstance(table, list):
            number = number_of(table, part)
            if number is None:
                raise KeyError(part)
            table = table[number]
            continue
        if not isinstance(table.get(part), dict | list):
            table[part] = {}
        table = table[part]
    if isinstance(table, list):
        raise KeyError(path[-1])
    table[path[-1]] = what


def name_in(tables: list[Any], number: int) -> str | int:
    """Return what a table of a list is called, or its number if it has no name."""
    told = tables[number].get("name") if isinstance(tables[number], dict) else None
    name = told.value if isinstance(told, Told) else None
    return name if name and isinstance(name, str) else number


def number_of(tables: list[Any], part: str | int) -> int | None:
    """Return the number of the table that is called ``part``, or has this number."""
    names = [name_in(tables, number) for number in range(len(tables))]
    if isinstance(part, str) and part in names:
        return names.index(part)
    number = int(part) if str(part).isdecimal() else len(tables)
    return number if number < len(tables) else None

"""What there is to set, table by table: for the page, the first file, and hints."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, SecretStr
from pydantic.fields import FieldInfo

from tocsin.settings.durations import parse_duration, parse_span
from tocsin.settings.model import PREFIX, Settings

KeyPath = tuple[str | int, ...]
"""Where a value stands: names of tables and keys, numbers in arrays of tables."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: ``path`` has the names of its tables and its own."""

    path: tuple[str, ...]
    field: FieldInfo
    repeated: bool

    @property
    def name(self) -> str:
        """What stands to the left of the equals sign."""
        return self.path[-1]

    @property
    def meaning(self) -> str:
        """What it is for."""
        return self.field.description or ""

    @property
    def kind(self) -> str:
        """What may stand to the right of it, for people."""
        if choices := choices_of(self.field):
            return " or ".join(f'"{choice}"' for choice in choices)
        if is_duration(self.field):
            return "duration"
        if get_origin(self.field.annotation) is list:
            return "list of text"
        kinds = {
            "str": "text",
            "int": "whole number",
            "float": "number",
            "SecretStr": "secret",
            "bool": "true or false",
        }
        return kinds.get(getattr(self.field.annotation, "__name__", ""), "path")

    @property
    def default(self) -> str:
        """The default as TOML; "" where there is none."""
        default = self.field.get_default(call_default_factory=True)
        if self.field.is_required() or default is None:
            return ""
        return as_toml(default)

    @property
    def example(self) -> str:
        """An example as TOML; "" where there is none."""
        return as_toml(self.field.examples[0]) if self.field.examples else ""

    @property
    def variable(self) -> str:
        """The environment variable; "" in an array of tables, whose variable is the array's."""
        return "" if self.repeated else variable_of(self.path)

    @property
    def secret_file(self) -> str:
        """The name of its file in the folder of secrets; "" where it is no secret."""
        if not is_secret(self.field):
            return ""
        return "_".join((*self.path[:-1], "NAME", self.name) if self.repeated else self.path)


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its keys and the tables in it."""

    path: tuple[str, ...]
    model: type[BaseModel]
    array: bool
    keys: Sequence[Key]
    tables: Sequence["Table"]

    @property
    def title(self) -> str:
        """Its head in a TOML file."""
        name = ".".join(self.path)
        return f"[[{name}]]" if self.array else f"[{name}]"

    @property
    def meaning(self) -> str:
        """What it is for."""
        return (self.model.__doc__ or "").strip()


def outline(
    model: type[BaseModel] = Settings,
    path: tuple[str, ...] = (),
    *,
    array: bool = False,
    repeated: bool = False,
) -> Table:
    """Return a table of the settings with all that is in it; without arguments, everything."""
    keys, tables = list[Key](), list[Table]()
    for name, field in model.model_fields.items():
        inner, here = table_of(field), (*path, name)
        if inner is None:
            keys.append(Key(here, field, repeated or array))
        else:
            many = get_origin(field.annotation) is list
            tables.append(outline(inner, here, array=many, repeated=repeated or array))
    return Table(path, model, array, keys, tables)


def table_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the table that a field is, or is an array of."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def fields_at(path: KeyPath) -> dict[str, FieldInfo]:
    """Return what may stand in the table at ``path``; nothing if there is no such table."""
    model: type[BaseModel] = Settings
    for part in path:
        field = None if isinstance(part, int) else model.model_fields.get(part)
        if isinstance(part, int):
            continue
        inner = table_of(field) if field else None
        if inner is None:
            return {}
        model = inner
    return dict(model.model_fields)


def field_at(path: KeyPath) -> FieldInfo | None:
    """Return what stands at ``path``; None if there is no such key."""
    names = [part for part in path if isinstance(part, str)]
    return fields_at(tuple(names[:-1])).get(names[-1]) if names else None


def values_in(table: BaseModel, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Give the value of every key of a table and of the tables in it, and where it stands."""
    for key, value in table:
        many = isinstance(value, list) and table_of(type(table).model_fields[key]) is not None
        if isinstance(value, BaseModel):
            yield from values_in(value, (*path, key))
        elif many:
            for number, each in enumerate(value):
                yield from values_in(each, (*path, key, number))
        else:
            yield (*path, key), value


def choices_of(field: FieldInfo) -> tuple[str, ...]:
    """Return the texts that a field may be; nothing if it may be any."""
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def is_duration(field: FieldInfo) -> bool:
    """Whether a field is written like ``30s``."""
    readers = [mark.func for mark in field.metadata if isinstance(mark, BeforeValidator)]
    return parse_duration in readers or parse_span in readers


def is_secret(field: FieldInfo) -> bool:
    """Whether a field is never shown."""
    return field.annotation is SecretStr


def variable_of(path: Sequence[str | int]) -> str:
    """Return the environment variable for ``path``."""
    return PREFIX + "__".join(str(part) for part in path).upper()


def as_toml(value: Any) -> str:
    """Return a value as it is written in a TOML file."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Path):
        value = str(value)
    return json.dumps(value, ensure_ascii=False)

"""Where settings come from: a TOML file, under the environment, under secrets, under flags."""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from tocsin.settings.layers import (
    Layer,
    Origin,
    Source,
    Told,
    find,
    lay,
    layer_of,
    leaves,
    name_in,
    put,
    told_at,
    values_of,
)
from tocsin.settings.lines import find_lines, line_near
from tocsin.settings.mistakes import ConfigError, sentences
from tocsin.settings.model import PREFIX, Settings
from tocsin.settings.outline import KeyPath, field_at, is_secret, outline, table_of, variable_of
from tocsin.settings.secret_files import read_kept_secret, secret_files

FILE_VARIABLE = "TOCSIN_CONFIG"
DEFAULT_FILE = Path("tocsin.toml")


@dataclass(frozen=True, slots=True)
class Found:
    """Settings, and what was said where."""

    settings: Settings
    layer: Layer

    def origin(self, path: KeyPath) -> Origin:
        """Return where the value at ``path`` comes from."""
        told = told_at(self.layer, path)
        by_file = told_at(self.layer, (*path[:-1], f"{path[-1]}_file"))
        if by_file is not None and by_file.value:
            where = f"{by_file.value}, named by {path[-1]}_file in {by_file.origin}"
            return Origin(Source.SECRET, where)
        return told.origin if told else Origin(Source.DEFAULT)


def load_settings(
    path: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
) -> Settings:
    """Return the settings from file, environment, secrets and flags; see `find_settings`."""
    return find_settings(path, flags, assignments).settings


def find_settings(
    path: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
) -> Found:
    """Return the settings from file, environment, secrets and flags, rising in precedence.

    Args:
        path: the TOML file; without it the one named by TOCSIN_CONFIG, else ``tocsin.toml`` if
            it is there.
        flags: nested values that win over all that was said elsewhere.
        assignments: texts like ``influx.bucket=plant``, which win over those too.

    Raises:
        ConfigError: with one line for each mistake.
    """
    mistakes: list[str] = []
    layer = lay(_from_file(path), _from_environment())
    mistakes += _add_secrets(layer)
    layer = lay(layer, layer_of(flags or {}, lambda _: Origin(Source.FLAG, "a flag")))
    mistakes += _assign(layer, assignments)
    try:
        settings = Settings(**values_of(layer))
    except ValidationError as error:
        mistakes += sentences(error, layer)
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return Found(settings, layer)


def _from_file(path: Path | None) -> Layer:
    named = path or os.environ.get(FILE_VARIABLE)
    file = Path(named or DEFAULT_FILE)
    try:
        text = file.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except FileNotFoundError:
        if not named:
            return {}
        raise ConfigError(
            f"{file}: there is no such file; tocsin config init {file} makes one"
        ) from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise ConfigError(f"{file}: not valid TOML: {error}") from None
    lines = find_lines(text)

    def origin_of(path: KeyPath) -> Origin:
        return Origin(Source.FILE, str(file), line_near(lines, path))

    return layer_of(values, origin_of)


class _Environment(EnvSettingsSource):
    """What is said in variables; text that is no JSON is left as it is, for one more mistake."""

    def decode_complex_value(self, field_name: str, field: FieldInfo | None, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)  # type: ignore[arg-type]
        except ValueError:
            return value


def _from_environment() -> Layer:
    names = {name.upper(): name for name in os.environ if name.upper().startswith(PREFIX)}

    def origin_of(path: KeyPath) -> Origin:
        around = (variable_of(path[:length]) for length in range(len(path), 0, -1))
        where = next((names[each] for each in around if each in names), "environment")
        return Origin(Source.VARIABLE, where)

    layer = layer_of(_Environment(Settings)(), origin_of)
    for name in names:
        path = tuple(name.removeprefix(PREFIX).lower().split("__"))
        if len(path) > 1 and path[0] not in Settings.model_fields:
            put(layer, path[:1], Told("", origin_of(path)))  # a mistake, to be named with the rest
    return layer


def _add_secrets(layer: Layer) -> Iterator[str]:
    """Put what stands in the folder of secrets on top, and give what is wrong with it.

    A secret there also wins over a ``NAME_file`` of the file or the environment.
    """
    try:
        files = secret_files()
    except ValueError as error:
        yield str(error)
        return
    for name, path in secret_names(layer).items():
        if name in files:
            try:
                secret = read_kept_secret(files[name])
            except ValueError as error:
                yield f"{'.'.join(map(str, path))}: {error}"
                continue
            put(layer, path, Told(secret, Origin(Source.SECRET, str(files[name]))))
            table = find(layer, path[:-1])
            table.pop(f"{path[-1]}_file", None)


def secret_names(layer: Layer) -> Mapping[str, KeyPath]:
    """Return every secret that there may be, by the name of its file."""
    found: dict[str, KeyPath] = {}
    for table in outline().tables:
        for key in filter(lambda key: key.secret_file, table.keys):
            if not table.array:
                found[key.secret_file] = key.path
                continue
            tables = find(layer, table.path)
            for number in range(len(tables) if isinstance(tables, list) else 0):
                name = name_in(tables, number)
                path = (*table.path, name, key.name)
                found[key.secret_file.replace("NAME", str(name))] = path
    return found


def _assign(layer: Layer, assignments: Sequence[str]) -> Iterator[str]:
    """Put what was said with ``--set`` on top, and give what is wrong with it."""
    for assignment in assignments:
        dotted, equals, text = assignment.partition("=")
        path: KeyPath = tuple(part.strip() for part in dotted.split("."))
        if not equals or not all(path):
            yield "--set: write table.key=value, as in --set influx.bucket=plant"
            continue
        if _is_table(layer, path):
            yield f"--set {dotted}: is a table; set its keys, as in --set {dotted}.key=value"
            continue
        what = _flagged(_model_path(path), text)
        if any(_is_kept(path, within) for within, _ in leaves(what)):
            yield (
                f"--set {dotted}: everybody on this machine can read a command line; "
                "put the secret into a file and name that"
            )
            continue
        try:
            put(layer, path, what)
        except KeyError as error:
            yield f"--set {dotted}: {_no_such_table(layer, path[0], error.args[0])}"


def _flagged(path: KeyPath, text: str) -> Any:
    """Return a list, if one belongs at ``path`` and the text is its JSON; else the text."""
    field, value = field_at(path), text
    if field is not None and get_origin(field.annotation) is list:
        with suppress(ValueError):
            value = json.loads(text)
    return layer_of({"": value}, lambda _: Origin(Source.FLAG, "--set"))[""]


def _is_table(layer: Layer, path: KeyPath) -> bool:
    if isinstance(find(layer, path), dict):
        return True
    field = field_at(path)
    return field is not None and bool(table_of(field)) and get_origin(field.annotation) is not list


def _no_such_table(layer: Layer, name: str | int, part: object) -> str:
    tables = find(layer, (name,))
    there = [str(name_in(tables, number)) for number in range(len(tables))]
    return f"{name} has no {part}; there are {', '.join(there)}"


def _is_kept(path: KeyPath, within: KeyPath) -> bool:
    field = field_at(_model_path((*path, *within)))
    return field is not None and is_secret(field)


def _model_path(path: KeyPath) -> KeyPath:
    """Return ``path`` without the names of tables in a list."""
    field = field_at(path[:1])
    many = field is not None and get_origin(field.annotation) is list
    return (*path[:1], *path[2:]) if many else path

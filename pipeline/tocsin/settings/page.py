"""The page about settings, made from the settings: ``python -m tocsin.settings.page``."""

import json
import sys
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from tocsin.settings.model import PREFIX, Settings

_INTRODUCTION = """\
# Settings

<!-- made by: python -m tocsin.settings.page > docs/settings.md -->

Settings come from a TOML file and from environment variables, which win over the file. The file is
the one named by `--config`, else the one named by `TOCSIN_CONFIG`, else `tocsin.toml` in the
current folder, if it is there. Everything has a default but the channels of a profile, and the name
and address of a receiver.

`tocsin check` says whether settings are valid, every mistake in a line of its own, and looks at no
server.

- **Durations** are written like `30s`, `5m`, `1h30m` or `250ms`; a bare number counts seconds.
- **Secrets** are best kept in files: `token_file`, `secret_file` and `sasl_password_file` name one,
  and win over the setting without `_file`. Secrets are never logged or shown.
- **Environment variables** are `TOCSIN_`, the table, two underscores and the key:
  `TOCSIN_KAFKA__BOOTSTRAP_SERVERS`. Lists of tables are JSON there:
  `TOCSIN_PROFILES='[{"channels": ["flow"]}]'`.
"""


def render() -> str:
    """Return the page, in Markdown."""
    return "\n".join([_INTRODUCTION, *_section(Settings, "")])


def _section(model: type[BaseModel], path: str) -> Iterator[str]:
    """Give the lines about one table, then those about the tables in it."""
    plain = {key: field for key, field in model.model_fields.items() if _inner(field) is None}
    many = "[]" in path
    if path:
        yield f"## {_title(path)}\n"
        yield f"{(model.__doc__ or '').strip()}\n"
    yield f"| key | type | default | meaning |{'' if many else ' environment |'}"
    yield "| --- | --- | --- | --- |" + ("" if many else " --- |")
    for key, field in plain.items():
        cells = [f"`{key}`", _type(field), _default(field), field.description or ""]
        if not many:
            variable = "__".join(filter(None, [path.upper(), key.upper()]))
            cells.append(f"`{PREFIX}{variable}`")
        yield f"| {' | '.join(cells)} |"
    yield ""
    for key, field in model.model_fields.items():
        inner = _inner(field)
        if inner is not None:
            yield from _section(inner, _join(path, key, field))


def _title(path: str) -> str:
    tables = path.replace("[]", "")
    return f"`[[{tables}]]`" if path.endswith("[]") else f"`[{tables}]`"


def _join(path: str, key: str, field: FieldInfo) -> str:
    mark = "[]" if get_origin(field.annotation) is list else ""
    return f"{path}.{key}{mark}" if path else f"{key}{mark}"


def _inner(field: FieldInfo) -> type[BaseModel] | None:
    """Return the table that a field is, or is a list of."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _type(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(kind))
    if any(getattr(mark, "func", None) for mark in field.metadata):
        return "duration"
    if get_origin(kind) is list:
        return "list of text"
    kinds = {str: "text", int: "whole number", float: "number", SecretStr: "secret"}
    return kinds.get(kind, "path")


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if field.is_required():
        return "needed"
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    return "" if default in (None, "") else f"`{json.dumps(default, default=str)}`"


if __name__ == "__main__":
    sys.stdout.write(render())

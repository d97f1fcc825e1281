"""What is valid and yet looks wrong: told by ``tocsin check``, and nobody is held up by it."""

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import SecretStr

from tocsin.settings.layers import Source, leaves
from tocsin.settings.mistakes import nearest, title
from tocsin.settings.model import PREFIX, Settings
from tocsin.settings.outline import Table, field_at, is_secret, outline, values_in
from tocsin.settings.secret_files import FOLDER_VARIABLE, is_open_to_all, secret_files
from tocsin.settings.sources import FILE_VARIABLE, Found, secret_names

_PLACEHOLDERS = {
    *("admin", "change-me", "change_me", "changeit", "changeme", "default", "example", "password"),
    *("replace-me", "secret", "tocsin", "todo", "token", "xxx", "your-token"),
}
_VERY_NEAR = 0.85


def doubts(found: Found) -> list[str]:
    """Return one sentence for each thing that is probably not meant so."""
    return [
        *_placeholders(found),
        *_open_secrets(found),
        *_shadowed_patterns(found.settings),
        *_misspelt_variables(),
        *_misspelt_secrets(found),
    ]


def _placeholders(found: Found) -> Iterator[str]:
    for path, value in values_in(found.settings):
        if isinstance(value, SecretStr) and value.get_secret_value().casefold() in _PLACEHOLDERS:
            yield f"{title(path, found.layer)}: looks like a placeholder; put the real one there"


def _open_secrets(found: Found) -> Iterator[str]:
    """Give the files with secrets in them that everybody on this machine can read."""
    files: dict[Path, str] = {}
    for path, told in leaves(found.layer):
        field = field_at(path)
        if field is None or not told.value:
            continue
        name = title(path, found.layer)
        if is_secret(field) and told.origin.source in (Source.FILE, Source.SECRET):
            files.setdefault(Path(told.origin.where), name)
        elif name.endswith("_file") and not name.endswith("ca_file"):
            files.setdefault(Path(told.value), name)
    for file, name in files.items():
        if is_open_to_all(file):
            yield f"{name}: everybody on this machine can read {file}; chmod 600 {file}"


def _shadowed_patterns(settings: Settings) -> Iterator[str]:
    earlier: list[tuple[str, str]] = []
    for profile in settings.profiles:
        for pattern in profile.assets:
            taken = next((each for each in earlier if _covers(each[1], pattern)), None)
            if taken is not None:
                yield (
                    f"profiles.{profile.name}.assets: {pattern!r} never gets an asset, since "
                    f"{taken[1]!r} of profile {taken[0]} stands before it; put the narrower first"
                )
        earlier += [(profile.name, pattern) for pattern in profile.assets]


def _covers(wide: str, pattern: str) -> bool:
    """Whether ``wide`` surely fits whatever ``pattern`` fits."""
    if wide in ("*", pattern):
        return True
    if any(sign in pattern for sign in "[?*") and any(sign in wide + pattern for sign in "[?"):
        return False
    return fnmatchcase(pattern, wide)


def _misspelt_variables() -> Iterator[str]:
    known = {FILE_VARIABLE, FOLDER_VARIABLE, *_variables(outline())}
    for name in os.environ:
        if name.startswith(PREFIX) and name.upper() not in known:
            meant = nearest(name, known, _VERY_NEAR)
            if meant and not _is_read(name):
                yield f"{name}: nothing reads this variable; did you mean {meant}?"


def _is_read(name: str) -> bool:
    """Whether a variable is one of ours: the others are known as mistakes already."""
    return name.upper().removeprefix(PREFIX).lower().split("__")[0] in Settings.model_fields


def _variables(table: Table) -> Iterator[str]:
    yield from (key.variable for key in table.keys if key.variable)
    for inner in table.tables:
        yield from _variables(inner)


def _misspelt_secrets(found: Found) -> Iterator[str]:
    known = secret_names(found.layer)
    for name, path in secret_files().items():
        if name not in known:
            meant = nearest(name, known, _VERY_NEAR)
            if meant:
                yield f"{path}: nothing reads this secret; did you mean {meant}?"

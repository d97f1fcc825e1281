"""Settings as they may be shown: every value with where it comes from, and no secret."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from tocsin.settings.durations import format_duration
from tocsin.settings.mistakes import title
from tocsin.settings.outline import as_toml, field_at, is_duration, values_in
from tocsin.settings.sources import Found

_MASK = "********"


@dataclass(frozen=True, slots=True)
class Shown:
    """One value as it may be shown."""

    key: str
    value: Any
    origin: str

    @property
    def text(self) -> str:
        """The value as TOML; "" where there is none."""
        return "" if self.value is None else as_toml(self.value)


def show(found: Found) -> Iterator[Shown]:
    """Give every value that counts, the unset ones with their defaults."""
    for path, value in values_in(found.settings):
        field = field_at(path)
        if field is not None:
            key, origin = title(path, found.layer), str(found.origin(path))
            yield Shown(key, _public(field, value), origin)


def _public(field: FieldInfo, value: Any) -> Any:
    if isinstance(value, SecretStr):
        return _MASK if value.get_secret_value() else ""
    if is_duration(field):
        return format_duration(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str) and "://" in value:
        return _public_address(value, whole=field.repr)
    return value


def _public_address(url: str, *, whole: bool) -> str:
    """Return an address without a name and password in it; only its host if not ``whole``."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return _MASK
    host = parts.netloc.rpartition("@")[2]
    if whole:
        return parts._replace(netloc=host).geturl()
    hidden = parts.path.strip("/") or parts.query
    return f"{parts.scheme}://{host}/{_MASK if hidden else ''}"

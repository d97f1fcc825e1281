"""Where settings come from: a TOML file, under the environment, under flags."""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeGuard, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, SettingsError

from tocsin.settings.model import PREFIX, Section, Settings

FILE_VARIABLE = "TOCSIN_CONFIG"
DEFAULT_FILE = Path("tocsin.toml")

_FIELD = re.compile(r'field "(\w+)"')


class ConfigError(Exception):
    """The settings do not hold; every line of the message says what to mend."""


def load_settings(path: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings from file, environment and flags, rising in precedence.

    Args:
        path: the TOML file; without it the one named by TOCSIN_CONFIG, else ``tocsin.toml`` if
            it is there.
        flags: nested values that win over both.

    Raises:
        ConfigError: with one line for each mistake.
    """
    merged = _merge(_merge(_from_file(path), _from_environment()), flags or {})
    try:
        return Settings(**merged)
    except ValidationError as error:
        lines = [_sentence(one) for one in error.errors(include_input=False, include_url=False)]
        raise ConfigError("\n".join(lines)) from None


def _from_file(path: Path | None) -> Mapping[str, Any]:
    named = path or os.environ.get(FILE_VARIABLE)
    file = Path(named or DEFAULT_FILE)
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if not named:
            return {}
        raise ConfigError(f"{file}: there is no such file") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from None


def _from_environment() -> Mapping[str, Any]:
    keys = list(Settings.model_fields)
    for name in os.environ:
        key, nested, _ = name.upper().removeprefix(PREFIX).partition("__")
        if name.upper().startswith(PREFIX) and nested and key.lower() not in keys:
            raise ConfigError(f"{name}: there is no such setting{_hint(key.lower(), keys)}")
    try:
        return EnvSettingsSource(Settings)()
    except SettingsError as error:
        field = _FIELD.search(str(error))
        where = PREFIX + field[1].upper() if field else "environment"
        raise ConfigError(f"{where}: lists and tables are written as JSON here") from None


def _merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, table by table; where both say something, ``over`` counts."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(below, value)
        else:
            merged[key] = value
    return merged


def _sentence(error: ErrorDetails) -> str:
    """Return one line about a mistake, with the nearest key where one is misspelt."""
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        return f"{where or 'settings'}: {error['msg'].removeprefix('Value error, ')}"
    return f"{where}: there is no such setting{_hint(error['loc'][-1], _keys(error['loc'][:-1]))}"


def _hint(key: object, keys: Sequence[str]) -> str:
    near = get_close_matches(str(key), keys, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _keys(path: tuple[int | str, ...]) -> list[str]:
    """Return the keys that exist at ``path``."""
    model: type[BaseModel] = Settings
    for part in path:
        if isinstance(part, str):
            found = model.model_fields[part].annotation
            model = next((a for a in (found, *get_args(found)) if _is_model(a)), Section)
    return list(model.model_fields)


def _is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)

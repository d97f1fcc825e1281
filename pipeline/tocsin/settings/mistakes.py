"""What is wrong with settings, in sentences: which key, what to write, and where it stands."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tocsin.settings.layers import Layer, find, name_in, origin_near
from tocsin.settings.outline import KeyPath, choices_of, field_at, fields_at
from tocsin.settings.section import Misfits

_SENTENCES = {
    "string_type": "write a text, in quotes",
    "string_pattern_mismatch": "may hold letters, digits, dots, hyphens and underscores only",
    "string_too_short": "must not be empty",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "int_parsing_size": "write a smaller number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "finite_number": "write a number",
    "path_type": "write the path of a file, in quotes",
    "too_short": "must not be empty",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
}


class ConfigError(Exception):
    """The settings do not hold; every line of the message says what to mend."""


def hint(word: object, words: Iterable[str]) -> str:
    """Return "; did you mean ...?" with the nearest of ``words``; "" if none is near."""
    near = nearest(word, words)
    return f"; did you mean {near}?" if near else ""


def nearest(word: object, words: Iterable[str], likeness: float = 0.6) -> str:
    """Return the word that is most like ``word``, whatever the case; "" if none is near."""
    known = {each.casefold(): each for each in words}
    near = get_close_matches(str(word).casefold(), known, 1, likeness)
    return known[near[0]] if near else ""


def sentences(error: ValidationError, layer: Layer) -> Iterator[str]:
    """Give a line for each mistake; no value is in it but names that were chosen."""
    for one in error.errors(include_url=False):
        cause = one.get("ctx", {}).get("error")
        if isinstance(cause, Misfits):
            for key, sentence in cause.found:
                yield line((*one["loc"], key), sentence, layer)
        else:
            yield line(one["loc"], _sentence(one), layer)


def line(path: KeyPath, sentence: str, layer: Layer) -> str:
    """Return which key, what is wrong with it, and where that stands."""
    origin = origin_near(layer, path)
    where = f" ({origin})" if origin is not None else ""
    return f"{title(path, layer) or 'settings'}: {sentence}{where}"


def title(path: KeyPath, layer: Layer) -> str:
    """Return ``path`` for people: tables of a list by their names."""
    parts: list[str] = []
    for length, part in enumerate(path):
        tables = find(layer, path[:length])
        named = isinstance(tables, list) and isinstance(part, int)
        parts.append(str(name_in(tables, int(part)) if named else part))
    return ".".join(parts)


def _sentence(error: ErrorDetails) -> str:
    path, kind = error["loc"], error["type"]
    if kind == "extra_forbidden":
        return f"there is no such setting{hint(path[-1], fields_at(path[:-1]))}"
    field = field_at(path)
    if kind == "missing":
        return f"is needed: {field.description}" if field else "is needed"
    if kind == "literal_error" and field:
        choices = choices_of(field)
        return f"choose {' or '.join(choices)}{hint(error['input'], choices)}"
    if kind in ("list_type", "model_type", "model_attributes_type"):
        return _shape(path, kind)
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(**error.get("ctx", {}))
    return error["msg"].removeprefix("Value error, ")


def _shape(path: KeyPath, kind: str) -> str:
    """Return how a table or list is written, in the file and outside of it."""
    name = ".".join(str(part) for part in path if isinstance(part, str))
    if kind != "list_type":
        return f"is a table: write [{name}] and its keys below; elsewhere a JSON object"
    if fields_at(path):
        return f"is a list of tables: write [[{name}]] for each; elsewhere a JSON array"
    return 'write a list, like ["flow", "load"]; outside the file as JSON'

"""The JSON Schema of the settings, for editors: ``python -m tocsin.settings.schema``."""

import json
import sys
from typing import Any

from tocsin.settings.model import Settings

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def render_schema() -> str:
    """Return the schema as JSON."""
    found = _plain(Settings.model_json_schema())
    whole = {"$schema": _DIALECT, **found, "title": "Settings of Tocsin"}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _plain(node: Any) -> Any:
    """Return a part of the schema without what says nothing to people or cannot stand in TOML."""
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: _plain(value)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "default" and (value is None or "$ref" in node))
    }
    choices = kept.get("anyOf", [])
    if {"type": "null"} in choices and len(choices) == 2:  # there is no null in TOML
        kept |= next(each for each in choices if each != {"type": "null"})
        del kept["anyOf"]
    return kept


if __name__ == "__main__":
    sys.stdout.write(render_schema())

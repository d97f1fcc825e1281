"""What is made from the settings: the page, the first file and the JSON Schema."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tocsin.settings import Settings, load_settings
from tocsin.settings.outline import Table, outline
from tocsin.settings.page import render
from tocsin.settings.schema import render_schema
from tocsin.settings.starter import render_starter

DOCS = Path(__file__).parents[3] / "docs"
SCHEMA: dict[str, Any] = json.loads(render_schema())

DURATIONS = ["30s", "1h30m", "250ms", "2 d", "1.5s", "7us", "8ns", 5, 0.25]


def keys(table: Table) -> list[str]:
    found = [".".join(key.path) for key in table.keys]
    return [*found, *(name for inner in table.tables for name in keys(inner))]


def faults(values: dict[str, Any]) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(values)]


def test_every_setting_says_what_it_is_for() -> None:
    assert "| |" not in render()


def test_the_page_about_settings_is_fresh() -> None:
    said = "run: python -m tocsin.settings.page > docs/settings.md"
    assert (DOCS / "settings.md").read_text() == render(), said


def test_the_schema_is_fresh() -> None:
    said = "run: python -m tocsin.settings.schema > docs/tocsin.schema.json"
    assert (DOCS / "tocsin.schema.json").read_text() == render_schema(), said


def test_the_page_and_the_first_file_name_every_key() -> None:
    for name in keys(outline()):
        key = name.rpartition(".")[2]
        assert f"| `{key}` |" in render()
        assert re.search(rf"^(# )?{key} = ", render_starter(), re.MULTILINE)


def test_the_first_file_is_valid_and_says_nothing_but_what_is_needed(folder: Path) -> None:
    (folder / "tocsin.toml").write_text(render_starter())
    settings = load_settings()
    assert settings.profiles[0].channels == ["flow", "pressure", "temperature"]
    assert settings.model_copy(update={"profiles": []}) == Settings()


def test_what_stands_behind_a_number_sign_is_the_default(folder: Path) -> None:
    examples = ("_file = ", "bootstrap_servers", "url = ", "org = ")
    lines = render_starter().split("# [[receivers]]")[0].splitlines()
    shown = [line if any(e in line for e in examples) else uncommented(line) for line in lines]
    assert shown != lines
    (folder / "tocsin.toml").write_text("\n".join(shown))
    before = Settings.model_validate(
        {"profiles": [{"channels": ["flow", "pressure", "temperature"]}]}
    )
    assert load_settings() == before


def test_every_line_of_the_first_file_can_be_used(folder: Path) -> None:
    text = "\n".join(uncommented(line) for line in render_starter().splitlines())
    whole = text.replace("# [[receivers]]", "[[receivers]]")
    for name in set(re.findall(r'_file = "([^"]+)"', whole)):
        (folder / name).write_text("whsec_c29tZXRoaW5nIHRoYXQgbm9ib2R5IGtub3dz")
    (folder / "tocsin.toml").write_text(whole)
    assert load_settings().receivers[0].name == "shift"


def uncommented(line: str) -> str:
    return re.sub(r"^# (?=\w+ = )", "", line)


def test_the_first_file_names_the_schema_that_fits_it() -> None:
    assert render_starter().startswith("#:schema ./tocsin.schema.json\n")
    assert faults(tomllib.loads(render_starter())) == []


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "values",
    [
        {"kafak": {}},
        {"influx": {"bukcet": "x"}},
        {"influx": {"timeout": "soon"}},
        {"influx": {"timeout": "5"}},
        {"kafka": {"security_protocol": "TLS"}},
        {"profiles": [{"name": "pump"}]},
        {"profiles": [{"channels": []}]},
        {"train": {"hidden": 0}},
        {"topics": {"scores": "a b"}},
        {"receivers": [{"name": "shift"}]},
    ],
)
def test_the_schema_refuses_what_the_settings_refuse(values: dict[str, Any]) -> None:
    assert faults(values)
    with pytest.raises(ValueError, match="validation error"):
        Settings(**values)


@pytest.mark.parametrize("duration", DURATIONS)
def test_the_schema_takes_every_way_to_write_a_duration(duration: object) -> None:
    values = {"influx": {"timeout": duration}}
    assert faults(values) == []
    Settings.model_validate(values)


def test_secrets_are_for_writing_only() -> None:
    kinds = SCHEMA["$defs"]
    assert kinds["InfluxSettings"]["properties"]["token"]["writeOnly"]
    assert kinds["ReceiverSettings"]["properties"]["secret"]["writeOnly"]


def test_no_default_in_the_schema_is_in_nanoseconds() -> None:
    assert not re.search(r'"default": \d{6,}', render_schema())
    assert "null" not in render_schema()

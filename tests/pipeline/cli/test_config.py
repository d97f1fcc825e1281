import json
from pathlib import Path

import pytest

from desk import Desk
from tocsin.settings.schema import render_schema
from tocsin.settings.starter import render_starter

OPEN = "open-sesame"
PLANT = f"""
[[profiles]]
name = "pump"
channels = ["flow"]
max_gap = "90s"

[influx]
url = "http://me:{OPEN}@influx:8086"
token = "{OPEN}"

[[receivers]]
name = "shift"
url = "https://hooks.example.com/{OPEN}?key={OPEN}"
secret = "{OPEN}"
"""


def shown(desk: Desk, *words: str) -> dict[str, tuple[object, str]]:
    found = desk.ask("config", "show", *words)["settings"]
    return {each["key"]: (each["value"], each["origin"]) for each in found}


def test_the_first_file_is_written_and_valid_as_it_is(desk: Desk) -> None:
    result = desk.call("config", "init")
    assert result.exit_code == 0
    assert result.stdout == "Wrote tocsin.toml. Put your channels into it, then: tocsin check\n"
    assert (desk.folder / "tocsin.toml").read_text() == render_starter()
    assert desk.ask("check")["profiles"] == ["default"]
    assert desk.ask("check")["warnings"] == []


def test_the_first_file_can_have_another_name(desk: Desk) -> None:
    assert "tocsin check --config plant.toml" in desk.call("config", "init", "plant.toml").stdout
    assert desk.ask("check", "--config", "plant.toml")["valid"]


def test_the_first_file_can_go_to_standard_output(desk: Desk) -> None:
    assert desk.call("config", "init", "-").stdout == render_starter()
    assert list(desk.folder.iterdir()) == []


def test_a_file_that_is_there_stays_unless_it_is_forced_away(desk: Desk) -> None:
    desk.write("# mine")
    result = desk.call("config", "init")
    assert result.exit_code == 1
    assert "is there already: name another file, or overwrite it with --force" in result.stderr
    assert (desk.folder / "tocsin.toml").read_text() == "# mine"
    assert desk.call("config", "init", "--force").exit_code == 0
    assert (desk.folder / "tocsin.toml").read_text() == render_starter()


def test_a_file_that_cannot_be_written_is_told(desk: Desk) -> None:
    result = desk.call("config", "init", Path("no") / "folder.toml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no/folder.toml: cannot be written: No such file or directory" in result.stderr


def test_every_value_is_shown_with_where_it_was_said(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write(PLANT)
    monkeypatch.setenv("TOCSIN_TRAIN__HIDDEN", "32")
    found = shown(desk, "--set", "profiles.pump.stride=16")
    assert found["profiles.pump.channels"] == (["flow"], "tocsin.toml:4")
    assert found["profiles.pump.max_gap"] == ("1m30s", "tocsin.toml:5")
    assert found["profiles.pump.stride"] == (16, "--set")
    assert found["train.hidden"] == (32, "TOCSIN_TRAIN__HIDDEN")
    assert found["retrain.history"] == ("14d", "default")
    assert found["kafka.ca_file"] == (None, "default")


def test_values_are_shown_to_people_as_they_are_written(desk: Desk) -> None:
    desk.write(PLANT)
    lines = desk.call("config", "show").stdout.splitlines()
    assert 'profiles.pump.channels = ["flow"]' in lines
    assert 'kafka.session_timeout = "10s"' in lines
    assert "tocsin.toml:4" in desk.call("config", "show", "--origin").stdout


@pytest.mark.parametrize("words", [(), ("--origin",), ("--json",)])
def test_no_secret_is_shown(desk: Desk, words: tuple[str, ...]) -> None:
    desk.write(PLANT)
    said = desk.call("config", "show", *words).output
    assert OPEN not in said
    assert "https://hooks.example.com/********" in said


def test_a_secret_that_is_there_differs_from_one_that_is_not(desk: Desk) -> None:
    desk.write(PLANT)
    found = shown(desk)
    assert found["influx.token"] == ("********", "tocsin.toml:9")
    assert found["influx.url"] == ("http://influx:8086", "tocsin.toml:8")
    assert found["page.token"] == ("", "default")


def test_settings_that_do_not_hold_are_not_shown(desk: Desk) -> None:
    desk.write("[influx]\nbukcet = 'x'")
    result = desk.call("config", "show")
    assert (result.exit_code, result.stdout) == (78, "")


def test_the_schema_is_printed(desk: Desk) -> None:
    said = desk.call("config", "schema").stdout
    assert said == render_schema()
    assert json.loads(said)["additionalProperties"] is False

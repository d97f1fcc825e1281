import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.settings import ConfigError, Settings, load_settings, parse_duration
from tocsin.settings.page import render

KEY = "whsec_c29tZXRoaW5nIHRoYXQgbm9ib2R5IGtub3dz"
PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
PROFILE = '[[profiles]]\nchannels = ["flow"]\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, and an environment that says nothing."""
    for name in os.environ:
        if name.startswith("TOCSIN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(path: Path | None = None, **flags: Any) -> str:
    with pytest.raises(ConfigError) as error:
        load_settings(path, flags)
    return str(error.value)


def test_without_anything_there_are_the_defaults() -> None:
    assert load_settings() == Settings()
    assert Settings().kafka.session_timeout == 10_000_000_000


def test_the_environment_wins_over_the_file_and_flags_over_both(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "tocsin.toml"
    path.write_text("[influx]\nurl = 'http://file'\nbucket = 'file'\norg = 'file'\n")
    monkeypatch.setenv("TOCSIN_INFLUX__BUCKET", "environment")
    monkeypatch.setenv("TOCSIN_INFLUX__ORG", "environment")
    influx = load_settings(path, {"influx": {"org": "flag"}}).influx
    assert (influx.url, influx.bucket, influx.org) == ("http://file", "environment", "flag")


def test_the_file_is_the_one_that_is_named_then_the_one_in_the_environment_then_the_usual(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("named", "variable", "tocsin"):
        (folder / f"{name}.toml").write_text(f"external_url = '{name}'")
    assert load_settings().external_url == "tocsin"
    monkeypatch.setenv("TOCSIN_CONFIG", "variable.toml")
    assert load_settings().external_url == "variable"
    assert load_settings(Path("named.toml")).external_url == "named"


def test_a_file_that_only_the_environment_names_has_to_be_there_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOCSIN_CONFIG", "variable.toml")
    assert refusal() == "variable.toml: there is no such file"


def test_loading_leaves_the_environment_as_it_was(folder: Path) -> None:
    (folder / "tocsin.toml").write_text(PROFILE)
    before = dict(os.environ)
    load_settings()
    assert dict(os.environ) == before


def test_lists_in_the_environment_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_PROFILES", '[{"channels": ["flow"], "period": "100ms"}]')
    assert load_settings().profiles[0].period == 100_000_000
    monkeypatch.setenv("TOCSIN_PROFILES", "flow")
    assert refusal() == "TOCSIN_PROFILES: lists and tables are written as JSON here"


def test_a_misspelt_variable_comes_with_the_key_that_was_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOCSIN_KAFKA__BOOTSTRAP_SERVER", "kafka:9092")
    assert refusal().endswith("no such setting; did you mean bootstrap_servers?")
    monkeypatch.delenv("TOCSIN_KAFKA__BOOTSTRAP_SERVER")
    monkeypatch.setenv("TOCSIN_KAFAK__BOOTSTRAP_SERVERS", "kafka:9092")
    assert refusal().endswith("no such setting; did you mean kafka?")


def test_what_an_orchestrator_puts_into_the_environment_does_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOCSIN_SERVICE_HOST", "10.0.0.1")
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    ("text", "duration_ns"),
    [
        ("30s", 30 * 10**9),
        ("1h30m", 5_400 * 10**9),
        ("250ms", 250 * 10**6),
        ("2 d", 172_800 * 10**9),
        ("1.5s", 1_500_000_000),
        ("7us", 7_000),
        ("8ns", 8),
        (5, 5 * 10**9),
        (0.25, 250_000_000),
    ],
)
def test_durations_are_written_as_people_write_them(text: object, duration_ns: int) -> None:
    assert parse_duration(text) == duration_ns


@pytest.mark.parametrize(
    "text", ["", "soon", "5", "5 years", "s", "-3s", "1s2", True, None, float("inf"), float("nan")]
)
def test_what_is_no_duration_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="write a duration like 30s"):
        parse_duration(text)


@given(st.text(max_size=12))
def test_a_text_is_a_duration_or_refused(text: str) -> None:
    try:
        assert parse_duration(text) >= 0
    except ValueError as error:
        assert "write a duration" in str(error)  # noqa: PT017 - either is right


def test_a_negative_duration_is_refused(folder: Path) -> None:
    (folder / "tocsin.toml").write_text("[kafka]\nsession_timeout = -1")
    assert "kafka.session_timeout" in refusal()


def test_secrets_come_from_files(folder: Path) -> None:
    (folder / "secret.txt").write_text(f"  {KEY}\n")
    (folder / "tocsin.toml").write_text(
        "[[receivers]]\nname = 'shift'\nurl = 'http://x'\nsecret = 'old'\n"
        "secret_file = 'secret.txt'"
    )
    assert load_settings().receivers[0].secret.get_secret_value() == KEY


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"", "is empty"), (b"\xff\xfe\x00", "is no text file")]
)
def test_a_file_that_holds_no_secret_is_refused(
    folder: Path, content: bytes, sentence: str
) -> None:
    (folder / "token").write_bytes(content)
    (folder / "tocsin.toml").write_text("[influx]\ntoken_file = 'token'")
    assert refusal().endswith(f"token {sentence}")


def test_no_secret_stands_in_what_settings_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_KAFKA__SASL_PASSWORD", KEY)
    monkeypatch.setenv("TOCSIN_INFLUX__TOKEN", KEY)
    receiver = f'[{{"name": "shift", "url": "http://x", "secret": "{KEY}"}}]'
    monkeypatch.setenv("TOCSIN_RECEIVERS", receiver)
    settings = load_settings()
    assert settings.influx.token.get_secret_value() == KEY
    assert KEY not in repr(settings) + str(settings) + str(settings.model_dump())


@pytest.mark.parametrize(
    "flags",
    [
        {"influx": {"token": [KEY]}},
        {"influx": {"token": KEY, "tokn": KEY}},
        {"kafka": {"sasl_password": KEY, "security_protocol": KEY}},
        {"receivers": [{"name": "shift", "secret": KEY}]},
        {"influx": KEY},
    ],
)
def test_no_secret_stands_in_what_is_said_of_a_mistake(flags: dict[str, Any]) -> None:
    assert KEY not in refusal(**flags)


@pytest.mark.parametrize(
    ("profile", "sentence"),
    [
        ({"name": "a|b"}, "must not be empty or hold a |"),
        ({"name": ""}, "must not be empty or hold a |"),
        ({"name": "pump\n1"}, "it contains a control character"),
        ({"channels": ["flow\\"]}, "it has a backslash at its end"),
        ({"channels": []}, "name at least one channel"),
        ({"channels": ["flow", "flow"]}, "each once"),
        ({"stride": 65}, "choose 1 <= stride <= length"),
        ({"period": "2m"}, "max_gap not below period"),
        ({"alerts": {"open_count": 9}}, "choose 1 <= open_count <= open_of"),
    ],
)
def test_a_profile_that_cannot_work_is_refused(profile: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal(profiles=[{"channels": ["flow"], **profile}])


@pytest.mark.parametrize("key", ["profiles", "receivers"])
def test_a_name_stands_for_one_thing(key: str) -> None:
    rest = {"channels": ["x"]} if key == "profiles" else {"url": "http://x"}
    flags: dict[str, Any] = {key: [{"name": "a", **rest}, {"name": "a", **rest}]}
    assert refusal(**flags).startswith(f"settings: {key}: give each its own name")


def test_every_setting_says_what_it_is_for() -> None:
    assert "| |" not in render()


def test_the_page_about_settings_is_fresh() -> None:
    assert PAGE.read_text() == render(), "run: python -m tocsin.settings.page > docs/settings.md"

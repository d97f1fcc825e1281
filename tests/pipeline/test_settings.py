import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.settings import (
    ConfigError,
    Settings,
    format_duration,
    load_settings,
    parse_duration,
)

KEY = "whsec_c29tZXRoaW5nIHRoYXQgbm9ib2R5IGtub3dz"
PROTOCOLS = "PLAINTEXT or SSL or SASL_PLAINTEXT or SASL_SSL"
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
    said = "variable.toml: there is no such file; tocsin config init variable.toml makes one"
    assert refusal() == said


def test_loading_leaves_the_environment_as_it_was(folder: Path) -> None:
    (folder / "tocsin.toml").write_text(PROFILE)
    before = dict(os.environ)
    load_settings()
    assert dict(os.environ) == before


def test_lists_in_the_environment_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_PROFILES", '[{"channels": ["flow"], "period": "100ms"}]')
    assert load_settings().profiles[0].period == 100_000_000
    monkeypatch.setenv("TOCSIN_PROFILES", "flow")
    said = "profiles: is a list of tables: write [[profiles]] for each; elsewhere a JSON array"
    assert refusal() == f"{said} (TOCSIN_PROFILES)"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TOCSIN_KAFKA__BOOTSTRAP_SERVER", "kafka.bootstrap_server: BAD bootstrap_servers?"),
        ("TOCSIN_KAFAK__BOOTSTRAP_SERVERS", "kafak: BAD kafka?"),
    ],
)
def test_a_misspelt_variable_comes_with_the_key_that_was_meant(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "kafka:9092")
    said = meant.replace("BAD", "there is no such setting; did you mean")
    assert refusal() == f"{said} ({name})"


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


@given(st.integers(0, 2**62 - 1))
def test_a_duration_that_was_shown_can_be_written(duration_ns: int) -> None:
    assert parse_duration(format_duration(duration_ns)) == duration_ns


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        (0, "0s"),
        (30 * 10**9, "30s"),
        (86_400 * 10**9, "1d"),
        (90 * 60 * 10**9, "1h30m"),
        (7, "7ns"),
    ],
)
def test_durations_are_shown_as_people_write_them(duration_ns: int, text: str) -> None:
    assert format_duration(duration_ns) == text


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
    assert refusal() == f"influx.token_file: token {sentence} (tocsin.toml:2)"


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
    ("profile", "said"),
    [
        ({"name": "a|b"}, "profiles.a|b.name: must not hold a |"),
        ({"name": ""}, "profiles.0.name: choose another name for '': it is empty"),
        ({"name": "pump\n1"}, "it contains a control character"),
        ({"channels": ["flow\\"]}, "it has a backslash at its end"),
        ({"channels": []}, "profiles.0.channels: must not be empty"),
        ({"channels": ["a", "b", "a"]}, "name each channel once; a stands there twice"),
        ({"channels": "flow"}, 'profiles.0.channels: write a list, like ["flow", "load"]'),
        ({"channels": [1]}, "profiles.0.channels.0: write a text, in quotes"),
        ({"assets": []}, "profiles.0.assets: must not be empty"),
        ({"length": 0}, "profiles.0.length: must be at least 1"),
        ({"stride": 65}, "profiles.0.stride: must be at most length, which is 64"),
        ({"stride": 0}, "profiles.0.stride: must be at least 1"),
        ({"period": "2m"}, "profiles.0.max_gap: must not be shorter than period"),
        ({"period": "0s"}, "profiles.0.period: must be longer than 0; write a duration like 30s"),
        ({"min_coverage": 1.5}, "profiles.0.min_coverage: must be at most 1"),
        ({"min_coverage": 0}, "profiles.0.min_coverage: must be more than 0"),
        (
            {"alerts": {"open_count": 9}},
            "profiles.0.alerts.open_count: must be at most open_of, which is 5",
        ),
    ],
)
def test_a_profile_that_cannot_work_is_refused(profile: dict[str, Any], said: str) -> None:
    assert said in refusal(profiles=[{"channels": ["flow"], **profile}])


def test_every_slot_stands_in_equally_many_windows() -> None:
    said = refusal(profiles=[{"name": "pump", "channels": ["flow"], "length": 60, "stride": 8}])
    assert said == (
        "profiles.pump.stride: 8 does not divide length, which is 60: choose stride 6 or 10, or "
        "length 56 or 64 (a flag)"
    )


@given(st.integers(1, 200), st.integers(1, 200))
def test_what_is_said_of_a_stride_can_be_chosen(length: int, stride: int) -> None:
    def profile(length: int, stride: int) -> dict[str, Any]:
        return {"profiles": [{"channels": ["x"], "length": length, "stride": stride}]}

    if length % stride == 0:
        Settings(**profile(length, stride))
        return
    said = refusal(**profile(length, stride))
    for choice in re.findall(r"stride (\d+) or (\d+), or length (\d+) or (\d+)", said):
        below, above, shorter, longer = map(int, choice)
        assert below < stride < above
        for better in ((length, below), (length, above), (shorter, stride), (longer, stride)):
            Settings(**profile(*better))


@pytest.mark.parametrize("key", ["profiles", "receivers"])
def test_a_name_stands_for_one_thing(key: str) -> None:
    rest = {"channels": ["x"]} if key == "profiles" else {"url": "http://x"}
    flags: dict[str, Any] = {key: [{"name": "a", **rest}, {"name": "a", **rest}]}
    assert refusal(**flags) == f"{key}: give each its own name; a is there twice (a flag)"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"train": {"hidden": "many"}}, "train.hidden: write a whole number"),
        ({"train": {"hidden": 1.5}}, "train.hidden: write a whole number"),
        ({"train": {"budget": "some"}}, "train.budget: write a number"),
        ({"train": {"budget": 0.5}}, "train.budget: must be less than 0.5"),
        ({"train": 5}, "train: is a table: write [train] and its keys below"),
        ({"influx": {"url": 5}}, "influx.url: write a text, in quotes"),
        ({"influx": {"token_file": 5}}, "influx.token_file: write the path of a file, in quotes"),
        ({"influx": {"timeout": "10"}}, "influx.timeout: write a duration like 30s"),
        ({"topics": {"scores": "a b"}}, "topics.scores: may hold letters, digits, dots"),
        ({"topics": {"scores": "alerts"}}, "topics.scores: 'alerts' is named twice, here and in"),
        ({"receivers": [{"name": "shift"}]}, "receivers.shift.url: is needed: where notices"),
        ({"receivers": {"name": "shift"}}, "receivers: is a list of tables: write [[receivers]]"),
        (
            {"kafka": {"security_protocol": "sasl-ssl"}},
            f"kafka.security_protocol: choose {PROTOCOLS}; did you mean SASL_SSL?",
        ),
        ({"kafka": {"security_protocol": "SSL", "ca_file": "no"}}, "kafka.ca_file: cannot read no"),
    ],
)
def test_what_cannot_stand_there_is_told_with_what_can(flags: dict[str, Any], said: str) -> None:
    assert refusal(**flags).startswith(said)


def test_a_password_in_an_address_is_not_repeated() -> None:
    said = refusal(kafka={"bootstrap_servers": f"me:{KEY}@kafka:x"})
    assert said == "kafka.bootstrap_servers: 'kafka:x' is no host:port (a flag)"

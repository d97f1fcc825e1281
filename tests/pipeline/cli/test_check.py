from pathlib import Path

import pytest

from desk import SMALL, Desk

OPEN = "open-sesame"


def refuse(desk: Desk, settings: str) -> str:
    """Return what ``check`` complains of, which is all that it says."""
    desk.write(settings)
    result = desk.call("check")
    assert result.exit_code == 78
    assert result.stdout == ""
    return result.stderr


def test_valid_settings_are_said_to_be_valid(plant: Desk) -> None:
    assert plant.call("check").stdout.startswith("The settings are valid.")
    assert plant.ask("check") == {
        "valid": True,
        "log": "embedded in .tocsin",
        "store": "embedded in .tocsin",
        "profiles": ["pump"],
        "receivers": [],
        "warnings": [],
    }


def test_looking_at_settings_leaves_no_trace(plant: Desk) -> None:
    plant.call("check")
    assert [path.name for path in plant.folder.iterdir()] == ["tocsin.toml"]


def test_a_misspelt_key_comes_with_the_key_that_was_meant(desk: Desk) -> None:
    said = refuse(desk, SMALL.replace("stride", "strid"))
    meant = "there is no such setting; did you mean stride? (tocsin.toml:6)"
    assert said == f"tocsin: profiles.pump.strid: {meant}\n"


def test_a_misspelt_table_comes_with_the_table_that_was_meant(desk: Desk) -> None:
    assert "kafak: there is no such setting; did you mean kafka?" in refuse(desk, "[kafak]\na = 1")


def test_every_mistake_is_named_in_a_line_of_its_own(desk: Desk) -> None:
    said = refuse(desk, "nonsense = 1\n[train]\nhidden = 'many'\n[kafka]\nsession_timeout = '1 y'")
    assert [line.split(": ")[1] for line in said.splitlines()] == [
        "kafka.session_timeout",
        "train.hidden",
        "nonsense",
    ]


def test_a_value_of_the_wrong_type_is_named(desk: Desk) -> None:
    said = refuse(desk, SMALL.replace("length = 16", "length = 'long'"))
    assert said == "tocsin: profiles.pump.length: write a whole number (tocsin.toml:5)\n"


def test_a_secret_file_that_cannot_be_read_is_named(desk: Desk) -> None:
    said = refuse(desk, SMALL + "[influx]\ntoken_file = 'missing.txt'")
    assert "token_file: cannot read missing.txt: No such file or directory" in said


def test_text_that_is_no_toml_is_named_with_its_line(desk: Desk) -> None:
    assert "tocsin.toml: not valid TOML" in refuse(desk, "[kafka\n")


def test_a_named_file_that_is_not_there_is_a_mistake(desk: Desk) -> None:
    result = desk.call("check", "--config", "plant.toml")
    said = "tocsin: plant.toml: there is no such file; tocsin config init plant.toml makes one\n"
    assert (result.exit_code, result.stderr) == (78, said)


def test_settings_without_profiles_are_not_enough(desk: Desk) -> None:
    assert "add [[profiles]] with channels" in refuse(desk, "")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("[influx]\nurl = 'influx'", "influx"),
        ("[[receivers]]\nname = 'shift'\nurl = 'ftp://x'", "receiver shift"),
        (
            f"[[receivers]]\nname = 'a'\nurl = 'http://x'\nsecret = '{OPEN}'",
            "whsec_ and base64",
        ),
        ("[kafka]\nbootstrap_servers = 'kafka://x'", "'kafka://x' is no host:port"),
        ("[kafka]\nsecurity_protocol = 'SASL_SSL'", "SASL needs sasl_username"),
        ("[kafka]\nca_file = 'no.pem'", "ca_file: cannot read no.pem"),
        ("[topics]\nscores = 'alerts'", "'alerts' is named twice"),
    ],
)
def test_what_cannot_work_is_refused_without_its_secrets(
    desk: Desk, settings: str, sentence: str
) -> None:
    said = refuse(desk, SMALL + settings)
    assert sentence in said
    assert OPEN not in said


def test_mistakes_are_data_too(desk: Desk) -> None:
    desk.write(SMALL + "[influx]\nbukcet = 'x'\ntimeout = 'y'")
    found = desk.ask("check", code=78)
    assert not found["valid"]
    assert [line.split(":")[0] for line in found["mistakes"]] == ["influx.timeout", "influx.bukcet"]


def test_everything_that_cannot_work_is_told_at_once(desk: Desk) -> None:
    receivers = "".join(f"[[receivers]]\nname = '{n}'\nurl = 'x'\n" for n in "ab")
    said = refuse(desk, f"{receivers}[influx]\nurl = 'x'\n[page]\nhost = '0.0.0.0'")
    begins = ["profiles: there are none", "influx: the url", "receivers: receiver a: the url"]
    begins += ["receivers: receiver b: the url", "page.host 0.0.0.0 can be reached"]
    lines = said.splitlines()
    assert len(lines) == len(begins)
    for line, begin in zip(lines, begins, strict=True):
        assert line.startswith(f"tocsin: {begin}")


def test_a_doubt_is_a_warning_and_no_failure(desk: Desk) -> None:
    desk.write(SMALL + "[influx]\nurl = 'http://x'\ntoken = 'changeme'").chmod(0o600)
    told = "influx.token: looks like a placeholder; put the real one there"
    result = desk.call("check")
    assert result.exit_code == 0
    assert result.stderr == f"tocsin: warning: {told}\n"
    assert desk.ask("check")["warnings"] == [told]


def test_a_flag_counts_here_too(plant: Desk) -> None:
    found = plant.ask("check", "--set", "kafka.bootstrap_servers=kafka:9092")
    assert found["log"] == "kafka:9092"
    assert plant.ask("check")["log"] == "embedded in .tocsin"
    result = plant.call("check", "--set", "kafka.bootstrap=x")
    assert result.exit_code == 78
    assert "did you mean bootstrap_servers? (--set)" in result.stderr


def test_a_secret_is_never_shown(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text(f"{OPEN}\n")
    desk.write(SMALL + "[influx]\nurl = 'http://localhost:8086'\ntoken_file = 'token.txt'")
    assert OPEN not in desk.call("check").output
    assert OPEN not in str(desk.ask("check"))

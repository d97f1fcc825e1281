import socket
import time
from pathlib import Path
from typing import Any

import pytest

from desk import SMALL, Desk
from servers.servers import free_ports

NOWHERE = "[kafka]\nbootstrap_servers = '127.0.0.1:1'\n"


@pytest.fixture(autouse=True)
def _page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port for the page that is free, whatever else runs on this machine."""
    del desk  # it empties the environment first
    monkeypatch.setenv("TOCSIN_PAGE__PORT", str(free_ports(1)[0]))


def findings(desk: Desk, code: int) -> dict[str, dict[str, Any]]:
    return {each["what"]: each for each in desk.ask("doctor", code=code)["findings"]}


def test_what_is_missing_comes_with_what_to_do(plant: Desk) -> None:
    found = findings(plant, code=3)
    assert not found["topic readings"]["well"]
    assert found["topic readings"]["remedy"] == "tocsin topics create"
    assert found["store"]["well"]


def test_what_is_there_is_found_one_after_the_other(plant: Desk, lesson: Path) -> None:
    plant.ask("topics", "create")
    before = findings(plant, code=3)
    assert not before["readings"]["well"]
    assert not before["model of pump"]["well"]
    plant.ask("replay", lesson, "-a", "pump-1", "-t", "datetime")
    plant.ask("train", lesson, "-t", "datetime")
    after = findings(plant, code=0)
    assert all(each["well"] for each in after.values())
    assert after["readings"]["found"].startswith("pump-1 ")
    assert "model of pump" in plant.call("doctor").stdout


def test_readings_that_no_profile_knows_are_a_finding(plant: Desk, lesson: Path) -> None:
    plant.ask("replay", lesson, "-a", "pump-1", "-t", "datetime")
    plant.write("[[profiles]]\nchannels = ['humidity']")
    found = findings(plant, code=3)["readings"]
    assert not found["well"]
    assert "channels" in found["remedy"]


def test_a_misspelt_channel_comes_with_the_one_that_was_meant(plant: Desk, lesson: Path) -> None:
    plant.ask("replay", lesson, "-a", "pump-1", "-t", "datetime")
    plant.write("[[profiles]]\nname = 'pump'\nchannels = ['flow', 'presure']")
    found = findings(plant, code=3)
    assert found["readings"]["well"]
    assert "presure" in found["channels of pump"]["found"]
    assert "did you mean pressure for presure?" in found["channels of pump"]["remedy"]


def test_a_model_of_another_shape_is_a_finding(plant: Desk, lesson: Path) -> None:
    plant.ask("train", lesson, "-t", "datetime")
    plant.write(SMALL.replace("stride = 4", "stride = 8"))
    found = findings(plant, code=3)["model of pump"]
    assert not found["well"]
    assert "train a new one" in found["found"]


def test_a_damaged_log_and_store_are_findings(plant: Desk) -> None:
    (plant.folder / "here").mkdir()
    for name in ("log.sqlite", "points.sqlite"):
        (plant.folder / "here" / name).write_text("hello\n")
    plant.write(f"data_dir = 'here'\n{SMALL}")
    found = findings(plant, code=3)
    for what in ("log", "store"):
        assert found[what]["found"].endswith("is not Tocsin's, or is damaged")
        assert found[what]["remedy"] == "move it away"
    result = plant.call("models", "list")
    assert result.exit_code == 1
    assert "is damaged; move it away" in result.stderr


def test_a_data_dir_that_cannot_be_is_a_finding(plant: Desk) -> None:
    plant.write("", "file")
    plant.write(f"data_dir = 'file/here'\n{SMALL}")
    found = findings(plant, code=3)
    assert [found[what]["remedy"] for what in ("log", "store")] == ["mend data_dir"] * 2


def test_settings_that_do_not_hold_together_are_a_finding(desk: Desk) -> None:
    assert "[[profiles]]" in findings(desk, code=3)["settings"]["found"]


def test_a_kafka_that_is_not_there_is_a_finding(desk: Desk) -> None:
    desk.write(SMALL + NOWHERE)
    began_s = time.monotonic()
    found = findings(desk, code=3)
    assert time.monotonic() - began_s < 15
    assert not found["log"]["well"]
    assert "127.0.0.1:1" in found["log"]["found"]
    assert found["store"]["well"]


def test_an_influxdb_and_a_receiver_that_are_not_there_are_findings(desk: Desk) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"'http://127.0.0.1:{free.getsockname()[1]}/secret-path'"
    receiver = f"[[receivers]]\nname = 'shift'\nurl = {url}\n"
    desk.write(SMALL + "[influx]\nurl = 'http://127.0.0.1:1'\n" + receiver)
    found = findings(desk, code=3)
    assert not found["store"]["well"]
    assert found["store"]["remedy"] == "start InfluxDB, or mend influx.url"
    assert not found["receiver shift"]["well"]
    assert "secret-path" not in str(found)


@pytest.mark.parametrize("command", ["run", "detect", "sink", "notify", "retrain"])
def test_no_role_starts_without_kafka(desk: Desk, command: str) -> None:
    desk.write(SMALL + NOWHERE)
    result = desk.call(command)
    assert (result.exit_code, result.stdout) == (69, "")
    assert result.stderr.startswith("tocsin: Kafka at 127.0.0.1:1")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("words", [("topics", "list"), ("models", "list"), ("simulate",)])
def test_no_command_works_without_kafka(desk: Desk, words: tuple[str, ...]) -> None:
    desk.write(SMALL + NOWHERE)
    result = desk.call(*words)
    assert (result.exit_code, result.stdout) == (69, "")
    assert result.stderr.startswith("tocsin: Kafka at 127.0.0.1:1")


@pytest.mark.parametrize("command", ["run", "detect", "retrain"])
def test_no_role_that_needs_profiles_starts_without_them(desk: Desk, command: str) -> None:
    result = desk.call(command)
    assert (result.exit_code, result.stdout) == (78, "")
    assert "profiles: there are none" in result.stderr


def test_a_role_that_is_not_there_is_a_mistake_of_use(plant: Desk) -> None:
    result = plant.call("run", "--only", "detector")
    assert result.exit_code == 2
    assert "choose from detect, sink, notify, retrain" in result.stderr

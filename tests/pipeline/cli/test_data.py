import json
import re
import time
from pathlib import Path

import pytest

from desk import CHANNEL_NAMES, Desk
from tocsin_models.calibration import Method


def test_a_plant_runs_into_the_log_and_tells_what_is_wrong_in_it(plant: Desk) -> None:
    found = plant.ask("simulate", "--assets", "2", "--for", "10m", "--faults", "3")
    assert 1_000 < found["records"] <= 1_200
    assert found["channels"] == CHANNEL_NAMES
    assert [set(fault) for fault in found["truth"]] == [
        {"asset", "channels", "kind", "start_ns", "end_ns", "magnitude"}
    ] * 3


def test_the_same_seed_and_start_give_the_same_plant(plant: Desk) -> None:
    words = ("simulate", "--for", "1m", "--start", "2026-01-05T00:00:00Z", "--seed", "4")
    assert plant.ask(*words) == plant.ask(*words)
    assert plant.ask(*words)["first_ns"] // 10**9 == 1_767_571_200


def test_a_plant_ends_now_or_as_long_ago_as_told(plant: Desk) -> None:
    for words, ago_s in ((("--for", "10m"), 0), (("--for", "10m", "--ago", "1h"), 3_600)):
        sent = plant.ask("simulate", *words)
        assert sent["last_ns"] / 1e9 == pytest.approx(time.time() - ago_s, abs=20)


def test_a_plant_that_runs_fast_never_runs_ahead_of_the_clock(plant: Desk) -> None:
    sent = plant.ask("simulate", "--for", "10m", "--speed", "600")
    assert sent["last_ns"] - sent["first_ns"] > 590e9
    assert sent["last_ns"] <= time.time_ns() + 1e9


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--for", "soon"),
        ("--for", "0s"),
        ("--period", "0s"),
        ("--start", "yesterday"),
        ("--ago", "never"),
        ("--speed", "-1"),
        ("--assets", "0"),
    ],
)
def test_a_plant_that_cannot_be_is_a_mistake_of_use(plant: Desk, option: str, value: str) -> None:
    result = plant.call("simulate", option, value)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert option.removeprefix("--") in result.stderr


def test_a_table_is_sent_into_the_log(plant: Desk, lesson: Path) -> None:
    words = ("replay", lesson, "--asset", "pump-1", "-t", "datetime", "--speed", "max")
    found = plant.ask(*words)
    assert 1_000 < found["records"] <= 1_200
    assert found["readings"] > 8_000
    assert found["bad_rows"] == 0


def test_a_table_can_be_moved_to_now(plant: Desk, lesson: Path) -> None:
    words = ("replay", lesson, "-a", "pump-1", "-t", "datetime")
    assert plant.ask(*words, "--shift-to-now")["last_ns"] > plant.ask(*words)["last_ns"]


def test_a_time_column_that_is_not_there_comes_with_the_one_that_was_meant(
    plant: Desk, lesson: Path
) -> None:
    result = plant.call("replay", lesson, "--asset", "pump-1", "--time-column", "date_time")
    assert result.exit_code == 2
    assert "there is no column 'date_time'; did you mean 'datetime'?" in result.stderr


def test_a_table_without_an_asset_is_a_mistake_of_use(plant: Desk, lesson: Path) -> None:
    result = plant.call("replay", lesson, "--time-column", "datetime")
    assert result.exit_code == 2
    assert "--asset NAME or --asset-column COLUMN" in result.stderr


def test_a_file_that_is_not_there_is_a_mistake_of_use(plant: Desk) -> None:
    assert plant.call("replay", "missing.csv", "--asset", "pump-1").exit_code == 2


def test_a_model_is_learned_from_a_table_and_scores(plant: Desk, lesson: Path) -> None:
    found = plant.ask("train", lesson, "--time-column", "datetime")
    assert found["promoted"]
    assert found["facts"]["table"] == "pump.csv"
    listed = plant.ask("models", "list")["models"]
    assert [(each["version"], each["standing"]) for each in listed] == [
        (found["version"], "champion")
    ]


def test_a_model_tells_how_its_limit_was_found(plant: Desk, lesson: Path) -> None:
    words = ("train", lesson, "--time-column", "datetime")
    found = plant.ask(*words)

    assert found["limit_method"] in set(Method)
    assert "windows" in found["limit_reason"]
    said = re.search(r"^limit ([\d.]+), (\w+): (.+)$", plant.call(*words).stdout, re.MULTILINE)
    assert said is not None
    latest = plant.ask("models", "show", plant.ask("models", "list")["models"][-1]["version"])
    assert float(said[1]) == pytest.approx(latest["limit"], rel=1e-3)
    assert (said[2], said[3]) == (latest["limit_method"], latest["limit_reason"])


def test_a_model_that_only_copies_is_let_in_with_a_note(plant: Desk, lesson: Path) -> None:
    words = ("train", lesson, "-t", "datetime", "--set", "train.latent=128")
    result = plant.call(*words, "--set", "train.model=pca", "--json")

    found = json.loads(result.stdout)
    assert (result.exit_code, found["facts"]["copies"]) == (0, 1)
    (said,) = found["notes"]
    assert "the model copies what it sees" in said
    assert f"tocsin: note: {said}\n" in result.stderr


def test_an_error_code_in_the_table_is_noted(plant: Desk, lesson: Path) -> None:
    head, *rows = lesson.read_text().splitlines()
    place = head.split(",").index("flow")
    for at in range(0, len(rows), 100):
        cells = rows[at].split(",")
        rows[at] = ",".join([*cells[:place], "-9999", *cells[place + 1 :]])
    table = plant.write("\n".join([head, *rows]) + "\n", "coded.csv")
    words = ("train", table, "-t", "datetime")

    result = plant.call(*words)

    note = "tocsin: note: 1.0% of the values of flow lie far from all others, as far as -9999"
    assert note in result.stderr
    assert "-9999" not in result.stdout
    assert (
        note.removeprefix("tocsin: note: ") in plant.ask(*words, code=result.exit_code)["notes"][-1]
    )


def test_a_table_that_is_as_it_should_be_has_no_notes(plant: Desk, lesson: Path) -> None:
    result = plant.call("train", lesson, "-t", "datetime", "--json")

    assert json.loads(result.stdout)["notes"] == []
    assert "note" not in result.stderr


def test_a_model_can_be_learned_from_the_first_rows(plant: Desk, lesson: Path) -> None:
    words = ("train", lesson, "--time-column", "datetime")
    part = plant.ask(*words, "--rows", "900")
    assert part["facts"]["windows"] < plant.ask(*words)["facts"]["windows"]


def test_a_table_that_is_too_short_to_learn_from_is_said_to_be(plant: Desk, lesson: Path) -> None:
    result = plant.call("train", lesson, "--time-column", "datetime", "--rows", "20")
    assert result.exit_code == 1
    assert result.stderr.startswith("tocsin: ")


def test_a_table_without_the_channels_of_the_profile_is_a_mistake_of_use(plant: Desk) -> None:
    table = plant.write("time,load\n1,2\n", "short.csv")
    result = plant.call("train", table)
    assert result.exit_code == 2
    assert "there is no column 'current'" in result.stderr


def test_a_profile_that_is_not_there_is_a_mistake_of_use(plant: Desk, lesson: Path) -> None:
    result = plant.call("train", lesson, "--profile", "motor")
    assert result.exit_code == 2
    assert "the settings have pump" in result.stderr

"""What commands say of files that cannot be read whole."""

import json
from pathlib import Path

import numpy as np
import pytest

from desk import CHANNEL_NAMES, Desk


def spoil(desk: Desk, lesson: Path, column: str, cell: str, rows: range) -> Path:
    """Write a copy of a table with other cells in a column, at these rows behind the head."""
    head, *lines = lesson.read_text().splitlines()
    place = head.split(",").index(column)
    for at in rows:
        cells = lines[at].split(",")
        lines[at] = ",".join([*cells[:place], cell, *cells[place + 1 :]])
    return desk.write("\n".join([head, *lines]) + "\n", "spoilt.csv")


def swing(desk: Desk, *, cell: str = "", head: str = "time,flow,heat", rows: int = 300) -> Path:
    """Write two channels that swing; ``cell`` stands in the second one in row 250."""
    values = np.sin(np.arange(rows)[:, None] / 7 + np.arange(2))
    lines = [
        f"{1_700_000_000 + row},{flow:.4f},{heat:.4f}" for row, (flow, heat) in enumerate(values)
    ]
    if cell:
        lines[250] = f"{1_700_000_250},0.5,{cell}"
    return desk.write("\n".join([head, *lines]) + "\n", "swing.csv")


def test_a_word_in_a_channel_is_told_by_backtest_and_changes_no_json(desk: Desk) -> None:
    table = swing(desk, cell="Bad Input")

    result = desk.call("backtest", table, "--models", "", "--json", "-")

    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["series"]["swing"]["channels"] == ["flow", "heat"]
    assert "warning: " in result.stderr
    assert "swing.csv: cells not measured, as they cannot be read: 1 (heat 1)" in result.stderr
    assert "line 252: heat: expected a number, found 'Bad Input'" in result.stderr


def test_a_word_in_a_channel_is_told_by_suggest(desk: Desk) -> None:
    result = desk.call("suggest", swing(desk, cell="Bad Input"))

    assert 'channels = ["flow", "heat"]' in result.stdout
    assert "line 252: heat: expected a number, found 'Bad Input'" in result.stderr


def test_a_word_in_a_channel_is_told_by_replay(plant: Desk, lesson: Path) -> None:
    table = spoil(plant, lesson, CHANNEL_NAMES[0], "ERR", range(7, 9))

    result = plant.call("replay", table, "-a", "pump-1", "-t", "datetime", "--json")

    assert json.loads(result.stdout)["readings"] > 8_000
    assert (
        f"spoilt.csv: cells not measured, as they cannot be read: 2 ({CHANNEL_NAMES[0]} 2)"
        in result.stderr
    )


TRAIN = ("-t", "datetime", "--set", "train.epochs=1")


def test_training_tells_what_it_did_not_read(plant: Desk, lesson: Path) -> None:
    table = spoil(plant, lesson, CHANNEL_NAMES[0], "ERR", range(7, 9))

    result = plant.call("train", table, *TRAIN, "--json")

    assert json.loads(result.stdout)["version"]
    assert f"spoilt.csv: cells not measured, as they cannot be read: 2 ({CHANNEL_NAMES[0]} 2)" in (
        result.stderr
    )


@pytest.mark.parametrize("column", ["datetime", CHANNEL_NAMES[0]])
def test_nothing_is_learned_where_a_tenth_of_the_lines_is_bad(
    plant: Desk, lesson: Path, column: str
) -> None:
    table = spoil(plant, lesson, column, "05.01.2026", range(130))

    result = plant.call("train", table, *TRAIN)

    assert result.exit_code == 1
    assert result.stderr.startswith("tocsin: spoilt.csv: line 2: ")
    assert "found '05.01.2026', and 129 more like that" in result.stderr
    assert result.stderr.count("\n") == 1
    assert plant.ask("models", "list")["models"] == []


def test_what_is_bad_behind_the_rows_that_are_learned_from_does_not_matter(
    plant: Desk, lesson: Path
) -> None:
    table = spoil(plant, lesson, CHANNEL_NAMES[0], "ERR", range(900, 1_100))

    result = plant.call("train", table, *TRAIN, "--rows", "900", "--json")

    assert json.loads(result.stdout)["version"]
    assert "warning" not in result.stderr


def test_a_channel_that_no_row_measures_is_not_learned(plant: Desk, lesson: Path) -> None:
    table = spoil(plant, lesson, CHANNEL_NAMES[0], "NaN", range(1_150))

    result = plant.call("train", table, *TRAIN, "--rows", "1150")

    assert result.exit_code == 1
    assert f"spoilt.csv: no row measures '{CHANNEL_NAMES[0]}'" in result.stderr
    assert plant.ask("models", "list")["models"] == []


def test_a_table_without_rows_teaches_nothing(plant: Desk, lesson: Path) -> None:
    head = lesson.read_text().splitlines()[0]

    result = plant.call("train", plant.write(head + "\n", "head.csv"), *TRAIN)

    assert (result.exit_code, result.stderr) == (1, "tocsin: head.csv: there is no row in it\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "time,a\n05.01.2026,1\n05.01.2026,2\n",
            "2 of 2; line 2: expected a time, found '05.01.2026'",
        ),
        ("time,a\n1700000000,inf\n", "1 (a 1); line 2: a: expected a number, found 'inf'"),
        ("time,a\n1700000000,1\n1700000001,x\n", "column 'a' is left out: 1 of the first 2 cells"),
        ("time,a\n1700000000,\n", "no cell is a number"),
        ("time,a\n", "there is no row in it"),
    ],
)
def test_a_table_of_which_nothing_is_sent_is_a_failure(plant: Desk, text: str, said: str) -> None:
    result = plant.call("replay", plant.write(text, "bad.csv"), "-a", "pump-1", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["readings"] == 0
    assert result.stderr.startswith("tocsin: bad.csv: nothing was sent: ")
    assert said in result.stderr


def test_two_columns_of_one_name_are_a_mistake(plant: Desk) -> None:
    table = swing(plant, head="time,flow,flow")

    for words in (("backtest", table), ("suggest", table), ("replay", table, "-a", "p")):
        result = plant.call(*words)
        assert result.exit_code == 2
        assert "column 'flow' stands there twice" in result.stderr


def test_a_column_to_ignore_has_to_be_there(plant: Desk) -> None:
    table = swing(plant)

    for words in (("suggest", table), ("replay", table, "-a", "p")):
        result = plant.call(*words, "--ignore", "nosuch")
        assert result.exit_code == 2
        assert "no column 'nosuch'; the columns are 'time', 'flow', 'heat'" in result.stderr


def test_an_archive_of_arrays_is_no_table(plant: Desk) -> None:
    path = plant.folder / "pump.npz"
    np.savez(path, x=np.zeros((9, 2)))

    for words in (("suggest", path), ("train", path), ("replay", path, "-a", "p")):
        result = plant.call(*words)
        assert result.exit_code == 2
        assert result.stderr.endswith(
            "pump.npz: this is no CSV file; save the table as CSV, in UTF-8\n"
        )
        assert result.stderr.count("pump.npz") == 1


def test_days_since_1900_are_no_seconds_and_that_is_told(plant: Desk) -> None:
    days = "".join(f"{46_027 + row / 86_400:.8f},{row % 7}\n" for row in range(300))
    table = plant.write("time,flow\n" + days, "days.csv")

    for words in (("suggest",), ("replay", "-a", "p"), ("backtest", "--models", "")):
        result = plant.call(*words, table)
        assert result.exit_code == 0
        assert "days.csv: rows are 0.012 ms apart, if times are what they seem" in result.stderr

"""What commands say of files that cannot be read whole."""

import json
from pathlib import Path

import numpy as np

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

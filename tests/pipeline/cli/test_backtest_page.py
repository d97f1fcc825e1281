"""docs/backtest.md does what it says: its commands are understood, its tables are what there is."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from backtesting import small_series
from desk import Desk
from tocsin.cli.main import app
from tocsin.tools.backtest.names import CONTROLS

PAPER = (Path(__file__).parents[3] / "docs" / "backtest.md").read_text()
COMMANDS = re.findall(r"^\$ tocsin backtest (.*)$", PAPER, re.MULTILINE)


def command() -> Any:
    group: Any = typer.main.get_command(app)
    return group.commands["backtest"]


def first_cells(title: str) -> list[str]:
    """Return the first cell of each row of the table that begins with ``title``."""
    table = PAPER.split(f"| {title} |")[1].split("\n\n")[0]
    return re.findall(r"^\| (.*?) \|", table, re.MULTILINE)[1:]


def titles_in(said: str) -> list[str]:
    """Return how the lines of the first table are called."""
    return re.findall(r"^│ (\S.*?) +│", said.split("Means over", maxsplit=1)[0], re.MULTILINE)


@pytest.mark.parametrize("words", COMMANDS)
def test_commands_are_understood(words: str, desk: Desk) -> None:
    (desk.folder / "valve1").mkdir()
    for name in ("pump.csv", "valve1/0.csv"):
        (desk.folder / name).touch()
    context = command().make_context("backtest", shlex.split(words))
    assert context.params["time_column"] == "datetime"


def test_every_option_is_told_of_and_no_other() -> None:
    told = {word for cell in first_cells("option") for word in re.findall(r"`(-\S+)`", cell)}
    there = {word for each in command().params for word in (*each.opts, *each.secondary_opts)}
    assert told == {word for word in there if word.startswith("-")} - {"-c"}


def test_the_controls_are_told_of() -> None:
    assert first_cells("name") == [f"`{name}`" for name in CONTROLS]


def test_every_line_of_the_table_is_explained(desk: Desk) -> None:
    series = small_series()
    assert series.label is not None
    cells = [
        f"{time},{flow},{int(label)}"
        for time, flow, label in zip(series.time_ns, series.values[:, 0], series.label, strict=True)
    ]
    desk.write("\n".join(["time,flow,label", *cells]), "pump.csv")
    said = desk.call("backtest", "pump.csv", "--models", "always", "--no-controls").stdout.split(
        "Means over"
    )[0]
    titles = re.findall(r"^│ (\S.*?) +│", said, re.MULTILINE)
    assert [re.sub(r" \(.*\)", "", title) for title in titles] == first_cells("line")
    example = PAPER.split("<!-- output begins -->")[1].split("<!-- output ends -->")[0]
    assert titles_in(example) == titles

"""The command ``backtest``: what the detector would have said of recorded data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from tocsin.cli.shared import (
    Config,
    Exit,
    add_row,
    console,
    demand_place,
    fail,
    print_json,
    settings_from,
    warn,
)
from tocsin.tools.backtest.names import CONTROLS, MODELS

if TYPE_CHECKING:
    from tocsin.cli.trials import Found

_MOST_ALERTS, _MOST_CHANNELS = 12, 3  # that are printed; the JSON has all
_MUCH = 0.05  # of the rows without a score

Files = Annotated[
    list[Path],
    typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV or npz files."),
]
Train = Annotated[
    str,
    typer.Option(
        metavar="SHARE|ROWS",
        help="What to learn from: so many rows at the start, such as 400, or a share of all, such "
        "as 0.3 or 30%. What an npz file says of itself goes before a share.",
    ),
]


def backtest(
    files: Files,
    label: Annotated[
        str, typer.Option(help="Column that is 1 where something was wrong; found by its name.")
    ] = "",
    time_column: Annotated[
        str, typer.Option("--time-column", "-t", help="Column with the time.")
    ] = "time",
    train: Train = "0.3",
    models: Annotated[
        str, typer.Option(metavar="NAME,…", help="default, lstm, conv, dense, sparse and so on.")
    ] = "default",
    controls: Annotated[bool, typer.Option(help="Also try what a model has to beat.")] = True,
    seeds: Annotated[int, typer.Option(min=1, help="Learn so many times, by chance anew.")] = 1,
    length: Annotated[
        str,
        typer.Option(
            metavar="N|auto",
            help="Rows a window; auto: as many as suit the rows that are learned from. Nothing "
            "else is chosen: the network's sizes are train.hidden and train.latent.",
        ),
    ] = "64",
    budget: Annotated[
        float | None,
        typer.Option(help="Share of normal windows at which an alert may open."),
    ] = None,
    hindsight: Annotated[
        bool, typer.Option("--hindsight", help="Also judge rows by later ones, and mark it.")
    ] = False,
    json_to: Annotated[
        str, typer.Option("--json", metavar="OUT", help="Write the figures as JSON; - prints them.")
    ] = "",
    report: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write a page to look at, one HTML file.")
    ] = None,
    config: Config = None,
) -> None:
    """Learn from the first rows of recorded data, and replay the rest as if it were streamed now.

    Beside the models stand an alarm that never ends, T2 with an average, principal components and
    an isolation forest. Nothing is written into a log, and none is needed.

    Example: tocsin backtest pump.csv --time-column datetime --report pump.html
    """
    changes = {} if budget is None else {"train": {"budget": budget}}
    settings = settings_from(config, **changes)
    if json_to not in {"", "-"}:
        demand_place("--json", Path(json_to))
    if report is not None:
        demand_place("--report", report)
    try:
        named = _named(models)
        entrants = list(dict.fromkeys([*named, *(CONTROLS if controls else ())]))
        if not entrants:
            fail("nobody is to be tried: name --models, or leave the controls in", Exit.USAGE)
        rows, share = _train(train)
        slots = _length(length)
        from tocsin.cli.trials import Wanted, hold  # noqa: PLC0415 - loads torch
        from tocsin.tools.backtest.model import ReplayPolicy  # noqa: PLC0415

        policy = ReplayPolicy(slots)
        wanted = Wanted(
            files, time_column, label, rows, share, entrants, seeds, policy, hindsight=hindsight
        )
        found = hold(settings, wanted)
    except ValueError as error:
        fail(str(error), Exit.USAGE)
    for said in (said for trial in found.trials for said in trial.series.notes):
        warn(said)
    _warn_of_refusals(found.content["refusals"])
    if not found.content["models"].keys() & set(named or entrants):
        fail("nobody could learn from what there is", Exit.FAILED)
    if json_to == "-":
        print_json(found.content)
    else:
        _show(found.content)
    _write(found, json_to, report)


def _named(models: str) -> list[str]:
    """Return the models that were named.

    Raises:
        ValueError: If there is no such model; says which there are.
    """
    named = [name.strip() for name in models.split(",") if name.strip()]
    for name in named:
        if name not in MODELS:
            close = get_close_matches(name.lower(), MODELS, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            listed = ", ".join(MODELS)
            raise ValueError(f"--models {name}: there is no such model{hint}; there are {listed}")
    return named


def _train(text: str) -> tuple[int | None, float | None]:
    """Return how many rows are to be learned from, or which share of them.

    Raises:
        ValueError: If it is neither; says what to write.
    """
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = -1.0
    if text.endswith("%"):
        number = number / 100 if 0 < number < 100 else -1.0
    if 0 < number < 1:
        return None, number
    if number >= 1 and number.is_integer():
        return int(number), None
    raise ValueError(f"--train {text}: give a number of rows such as 400, or a share such as 0.3")


def _length(text: str) -> int | None:
    """Return how many rows a window has, or None if the data are to decide.

    Raises:
        ValueError: If it is neither; says what to write.
    """
    if text == "auto":
        return None
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise ValueError(f"--length {text}: give a number of rows such as 64, or auto")


def _warn_of_refusals(refusals: Mapping[str, Mapping[str, str]]) -> None:
    """Say who is left out where: once for each reason."""
    names: dict[str, list[str]] = {}
    for name, reasons in refusals.items():
        for reason in reasons.values():
            names.setdefault(reason, []).append(name)
    for reason, left_out in names.items():
        warn(f"{reason} (left out: {', '.join(left_out)})")


def _write(found: "Found", json_to: str, report: Path | None) -> None:
    place = Path(json_to)
    try:
        if json_to not in {"", "-"}:
            place.write_bytes(msgspec.json.format(msgspec.json.encode(found.content)))
        if report is not None:
            place = report
            found.write_report(report)
    except OSError as error:
        fail(f"cannot write {place}: {error.strerror}", Exit.FAILED)


@dataclass(frozen=True, slots=True)
class _Line:
    """A measure in the table: what it is called for people, and how its numbers are written."""

    key: str
    title: str
    unit: str = ""


_LABELLED = (
    _Line("vus_pr", "ranks faults on top (VUS-PR)"),
    _Line("auc_pr", "the same, row by row (AUC-PR)"),
    _Line("event_recall", "faults found", "%"),
    _Line("event_precision", "alarms that were right", "%"),
    _Line("event_f1", "both in one (event F1)"),
    _Line("delay_s", "median delay", "s"),
    _Line("false_alarms_per_day", "false alarms a day", "a day"),
    _Line("false_alarm_rate", "normal rows in alarm", "%"),
)
_UNLABELLED = (
    _Line("alarms_per_day", "alarms a day", "a day"),
    _Line("in_alarm", "rows in alarm", "%"),
)
_AHEAD = (
    "What looks ahead judges a row by later ones too, and is in alarm where its score reaches 1. "
    "Nobody could have rung by it: compare it with nothing that does not look ahead."
)
_ALWAYS = (_Line("unknown", "rows without a score", "%"), _Line("fit_s", "time to learn", "s"))


def _show(content: Mapping[str, Any]) -> None:
    """Print the figures for people, and what the first model rang about."""
    models, series = content["models"], content["series"]
    labelled = [each["abnormal_rows"] is not None for each in series.values()]
    lines = [*(_LABELLED if any(labelled) else ()), *(() if all(labelled) else _UNLABELLED)]
    ahead = [name for name, figures in models.items() if figures.get("looks_ahead")]
    table = Table("", *(f"{name}\nlooks ahead" if name in ahead else name for name in models))
    for line in [*lines, *_ALWAYS]:
        cells = [figures.get(line.key) for figures in models.values()]
        most = max((len(cell["series"]) for cell in cells if cell), default=0)
        add_row(table, line.title, *(_cell(cell, line.unit, most) for cell in cells))
    console.print(table)
    seeds = len(content["seeds"])
    over = f"{len(series)} series and {seeds} seed{'s' if seeds > 1 else ''}"
    console.print(Text(f"Means over {over}, ± standard error; - is what cannot be said."))
    if ahead:
        console.print(Text(_AHEAD))
    _show_alerts(content["alerts"], series)
    _show_unknown(models)


def _cell(figure: Mapping[str, Any] | None, unit: str, most: int) -> str:
    """Return mean and standard error, and of how many series where it is not of all of them."""
    if figure is None or isnan(figure["mean"]):
        return "-"
    text = _number(figure["mean"], unit)
    if not isnan(figure["se"]):
        text += f" ± {_number(figure['se'], unit)}"
    text += f" {unit}" if unit in {"%", "s"} else ""
    count = len(figure["series"])
    return text if count == most else f"{text} (of {count})"


def _number(value: float, unit: str) -> str:
    if not unit:
        return f"{value:.3f}"
    if unit == "%":
        return f"{value * 100:.1f}"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _show_alerts(alerts: Mapping[str, Any], series: Mapping[str, Any]) -> None:
    for model, by_series in list(alerts.items())[:1]:
        rung = [(name, alert) for name, each in by_series.items() for alert in each]
        if not rung:
            console.print(Text(f"{model} rang about nothing."))
            return
        table = Table("series", "from", "to", "times its limit", "mostly in")
        table.title = f"What {model} rang about"
        for name, alert in rung[:_MOST_ALERTS]:
            begin, end = _moments(alert, timed=series[name]["timed"])
            most = alert["channels"][:_MOST_CHANNELS]
            where = ", ".join(f"{each['name']} ({each['share']:.0%})" for each in most)
            score = "-" if alert["score"] is None else f"{alert['score']:.3g}"
            add_row(table, name, begin, end, score, where or "all alike")
        console.print(table)
        if len(rung) > _MOST_ALERTS:
            console.print(Text(f"and {len(rung) - _MOST_ALERTS} more; --json has all of them"))


def _show_unknown(models: Mapping[str, Any]) -> None:
    """Say how much the first model did not judge, if that is much: it is not calm there."""
    for name, figures in list(models.items())[:1]:
        share = figures["unknown"]["mean"]
        if share > _MUCH:
            said = (
                f"{share:.1%} of the rows have no score from {name}: nothing is known about them."
            )
            console.print(Text(said))


def _moments(alert: Mapping[str, Any], *, timed: bool) -> Sequence[str]:
    """Return from when to when an alert stood: in time, or in rows where nobody knows the time."""
    if timed:
        return alert["opened"], alert["closed"] or "the end"
    closed = alert["closed_row"]
    return f"row {alert['opened_row']}", "the end" if closed is None else f"row {closed}"

"""What a backtest found, as one file for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tocsin.core.profile import AlertPolicy
from tocsin.tools.backtest.replay import ROW_BY_ROW
from tocsin.tools.backtest.report.chapter import write_chapter
from tocsin.tools.backtest.report.levels import make_grid
from tocsin.tools.backtest.report.page import make_page
from tocsin.tools.backtest.report.table import make_table
from tocsin.tools.backtest.trial import Trial

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReportPolicy:
    """How much is shown.

    Attributes:
        alerts: the rule that the trials were run with; the page tries other limits by it.
        most_bytes: about how much all series may take, beside plotly's 5 MB.
        most_series: that are shown one by one, the first ones; the table has all of them.
    """

    alerts: AlertPolicy = ROW_BY_ROW
    most_bytes: int = 12_000_000
    most_series: int = 100


def write_report(trials: Sequence[Trial], path: Path, policy: ReportPolicy | None = None) -> None:
    """Write one HTML file that shows what every entrant said of every series, and what it is worth.

    The file is whole in itself: it opens in a browser from wherever it lies, and asks nobody for
    anything. Equal trials give equal bytes, save for the times that they took.

    Raises:
        ValueError: If there is no outcome at all.
        OSError: If the file cannot be written.
    """
    policy = policy or ReportPolicy()
    told = [trial for trial in trials if any(trial.outcomes.values())]
    if not told:
        raise ValueError("report: no entrant said anything of any series")
    shown = told[: policy.most_series]
    grid = make_grid(policy.alerts)
    content = {
        "table": make_table(told),
        "first": _choose_first(told),
        "limits": grid.limits,
        "shipped": grid.shipped,
        "chapters": [write_chapter(each, grid, policy.most_bytes // len(shown)) for each in shown],
        "left_out": len(told) - len(shown),
        "silent": [_refused(trial) for trial in trials if trial not in told],
    }
    path.write_text(make_page(_title(told), content), encoding="utf-8")


def _choose_first(trials: Sequence[Trial]) -> str:
    """Return the entrant that the report is about: the first of our models, if there is any.

    One that looks ahead brings no model of its own.
    """
    named = [(name, runs) for trial in trials for name, runs in trial.outcomes.items()]
    models = [name for name, runs in named if any(outcome.bundle for outcome in runs)]
    return (models or [name for name, _ in named])[0]


def _refused(trial: Trial) -> Json:
    return {"name": trial.series.name, "refusals": trial.refusals}


def _title(trials: Sequence[Trial]) -> str:
    name, more = trials[0].series.name, len(trials) - 1
    return f"Backtest of {name}" + (f" and {more} more" if more else "")

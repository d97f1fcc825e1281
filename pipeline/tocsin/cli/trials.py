"""What ``backtest`` does; in a module of its own because it loads torch."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tocsin.adapters.csv import TableFormat, read_table
from tocsin.cli.shared import percent
from tocsin.core.formats.table import Chunk
from tocsin.core.instants import rfc3339
from tocsin.core.profile import SECOND_NS
from tocsin.settings import Settings
from tocsin.tools.backtest.entrants import make_entrants
from tocsin.tools.backtest.hindsight import add_hindsight
from tocsin.tools.backtest.loaders import LoadPolicy, load_file
from tocsin.tools.backtest.model import ReplayPolicy
from tocsin.tools.backtest.run import run_trials
from tocsin.tools.backtest.series import Series
from tocsin.tools.backtest.trial import Alert, Trial, compare, judged_rows, list_alerts
from tocsin.wiring.models import recipe_of
from tocsin_models.inference import settle_threads


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be tried on which files.

    Attributes:
        files: CSV or npz.
        time_column: of CSV files.
        label: column of CSV files; empty: found by its name, if there is one.
        train_rows: how many rows to learn from; None: ``train_share`` of them.
        train_share: of all rows, where a file does not say itself how many.
        entrants: who is to judge them, by `tocsin.tools.backtest.names.MODELS`.
        seeds: how many; they are 0, 1, 2 and so on.
        replay: how a series becomes windows and alerts.
        hindsight: whether our models also say what they think once all rows are there.
    """

    files: Sequence[Path]
    time_column: str
    label: str
    train_rows: int | None
    train_share: float | None
    entrants: Sequence[str]
    seeds: int
    replay: ReplayPolicy
    hindsight: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What came of it, and the same as plain values."""

    trials: Sequence[Trial]
    content: Mapping[str, Any]

    def write_report(self, path: Path) -> None:
        """Write the page to look at; raises OSError if that is not possible."""
        from tocsin.tools.backtest.report import write_report  # noqa: PLC0415 - brings plotly

        write_report([trial for trial in self.trials if trial.outcomes], path)


def hold(settings: Settings, wanted: Wanted) -> Found:
    """Try all entrants on all files.

    Raises:
        ValueError: If a file does not do; says what to do.
    """
    settle_threads()
    series = _load(wanted)
    made = make_entrants(recipe_of(settings), wanted.replay)
    entrants = [made[name]() for name in wanted.entrants]
    with percent("trying " + ", ".join(wanted.entrants)) as show:
        held = run_trials(series, entrants, range(wanted.seeds), show)
        trials = [add_hindsight(each) if wanted.hindsight else each for each in held]
    return Found(trials, _sum_up(trials, wanted, settings))


def _load(wanted: Wanted) -> list[Series]:
    """Return the series in the files, each under a name of its own."""

    def open_table(path: Path, time_column: str) -> Iterable[Chunk]:
        try:
            if wanted.label:  # says at once what is there instead, if it is not
                read_table(path, TableFormat(time_column, channels=(wanted.label,)))
            return read_table(path, TableFormat(time_column))
        except ValueError as error:  # the loader names the file
            raise ValueError(str(error).removeprefix(f"{path.name}: ")) from None

    policy = LoadPolicy(
        open_table,
        time_column=wanted.time_column,
        label_column=wanted.label or None,
        train_rows=wanted.train_rows,
    )
    if wanted.train_share is not None:
        policy = replace(policy, train_share=wanted.train_share)
    paths = {path.resolve(): path for path in wanted.files}.values()  # each once
    series = [load_file(path, policy) for path in paths]
    count = Counter(each.name for each in series)
    for at, path in enumerate(paths):
        if count[series[at].name] > 1:
            name = f"{path.resolve().parent.name}/{path.name}"
            series[at] = replace(series[at], name=name)
    return series


def _sum_up(trials: Sequence[Trial], wanted: Wanted, settings: Settings) -> dict[str, Any]:
    """Return all that was found, but for the rows, as plain values."""
    compared = compare(trials)
    lengths = {
        trial.series.name: outcome.bundle.length
        for trial in trials
        for runs in trial.outcomes.values()
        for outcome in runs
        if outcome.bundle
    }
    return {
        "settings": {
            "files": [str(path) for path in wanted.files],
            "models": list(wanted.entrants),
            "length": wanted.replay.length or "auto",
            "hindsight": wanted.hindsight,
            "train": settings.train.model_dump(mode="json"),
        },
        "seeds": list(range(wanted.seeds)),
        "series": {
            trial.series.name: {**_describe(trial.series), "length": lengths.get(trial.series.name)}
            for trial in trials
        },
        "models": {
            name: _mark(name, trials) | {key: asdict(each) for key, each in figures.items()}
            for name, figures in compared.items()
        },
        "refusals": _refusals(trials),
        "alerts": _alerts(trials),
    }


def _describe(series: Series) -> dict[str, Any]:
    rows = judged_rows(series)
    return {
        "rows": len(series.values),
        "train_rows": series.train_rows,
        "channels": series.channels,
        "period_s": series.period_ns / SECOND_NS if series.timed else None,
        "abnormal_rows": None if series.label is None else int(series.label[rows].sum()),
        "timed": series.timed,
    }


def _mark(name: str, trials: Sequence[Trial]) -> dict[str, Any]:
    """Return what stands before the figures of an entrant that looks ahead; nothing for others."""
    ahead = any(run.looks_ahead for trial in trials for run in trial.outcomes.get(name, ()))
    return {"looks_ahead": True} if ahead else {}


def _refusals(trials: Sequence[Trial]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for trial in trials:
        for name, reason in trial.refusals.items():
            found.setdefault(name, {})[trial.series.name] = reason
    return found


def _alerts(trials: Sequence[Trial]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return what each of our models rang about with the first seed: model -> series -> alerts."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for trial in trials:
        for name, outcomes in trial.outcomes.items():
            if outcomes and outcomes[0].bundle:
                alerts = list_alerts(trial.series, outcomes[0])
                found.setdefault(name, {})[trial.series.name] = [
                    _plain(alert, trial.series) for alert in alerts
                ]
    return found


def _plain(alert: Alert, series: Series) -> dict[str, Any]:
    """Return an alert as plain values; without real times there are only rows."""
    last = alert.last
    closed_ns = None if alert.closed_row is None else last.at_ns
    return {
        "opened_row": alert.opened_row,
        "closed_row": alert.closed_row,
        "opened": rfc3339(last.opened_ns) if series.timed else None,
        "closed": rfc3339(closed_ns) if series.timed and closed_ns is not None else None,
        "severity": last.severity,
        "score": alert.score,
        "channels": [{"name": name, "share": share} for name, share in alert.channels],
    }

"""The tables of a benchmark, made of its JSON object."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tocsin.tools.backtest.protocols import MEASURES

_NO_SHARES = ("delay_s", "false_alarms_per_day")
_SAME = (
    "How `default` is learned and alerts close; other members of the family have the same settings "
    "and a score of their own."
)
_SETTINGS = {
    "hidden": ("recipe", "network", "hidden"),
    "latent": ("recipe", "network", "latent"),
    "epochs": ("recipe", "training", "epochs"),
    "aspects": ("recipe", "scoring", "aspects"),
    "spans": ("recipe", "scoring", "spans"),
    "budget": ("recipe", "calibration", "budget"),
    "rows a window": ("replay", "length"),
    "calm windows": ("replay", "alerts", "calm_count"),
}
_TIMES = ("runs", "rows", "fit_s", "judge_s", "took_s", "unknown")


def write_tables(found: Mapping[str, Any]) -> str:
    """Return what ``tabulate`` found as Markdown: settings, measures, times, failures."""
    parts = (_head, _how, _measured, _timed, _failed)
    return "\n".join([*(line for part in parts for line in part(found)), ""])


def _head(found: Mapping[str, Any]) -> Iterator[str]:
    seeds = ", ".join(map(str, found["seeds"]))
    yield "# Detection, measured"
    yield ""
    yield (
        "Mean ± standard error over series, each the mean over its seeds; official and causal F1 "
        f"and FAR are those of all rows together, ± over seeds. Seeds: {seeds}. "
        "docs/benchmark.md says how it is measured."
    )


def _how(found: Mapping[str, Any]) -> Iterator[str]:
    """Give how the default was learned and how rows were judged, as far as it is known."""
    told = {title: _find(found["settings"], path) for title, path in _SETTINGS.items()}
    if any(told.values()):
        yield from ("", _SAME, "")
        yield from _table(list(told), [list(told.values())])


def _find(settings: Mapping[str, Any], path: Sequence[str]) -> str:
    """Return the value at ``path``, or "" where there is none."""
    value: Any = settings
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _measured(found: Mapping[str, Any]) -> Iterator[str]:
    for name, models in found["sets"].items():
        names = [each for each in MEASURES if any(each in model for model in models.values())]
        series = max(
            (len(m["series"]) for each in models.values() for m in each.values()), default=0
        )
        yield from ("", f"## {name}, {series} series", "")
        yield from _table(
            ["model", *names],
            [[model, *(_cell(said.get(n), n) for n in names)] for model, said in models.items()],
        )
        yield from _pooled(found["pooled"].get(name, {}))


def _pooled(models: Mapping[str, Any]) -> Iterator[str]:
    """Give the figures of all rows and events of a set together, and of its parts."""
    rows = [
        [model, group, *(_number(value, name) for name, value in figures.items())]
        for model, groups in models.items()
        for group, figures in groups.items()
    ]
    names = next((list(each) for groups in models.values() for each in groups.values()), [])
    if rows:
        yield from ("", "Events and rows of all series together:", "")
        yield from _table(["model", "part", *names], rows)


def _timed(found: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", "## Times", "", "Seconds a series, and the share of rows without a score.", "")
    yield from _table(
        ["set", "model", *_TIMES],
        [
            [name, model, *(f"{said[each]:.3g}" for each in _TIMES)]
            for name, models in found["times"].items()
            for model, said in models.items()
        ],
    )


def _failed(found: Mapping[str, Any]) -> Iterator[str]:
    if found["failures"]:
        yield from ("", "## Failures", "", "These runs are in no figure above.", "")
        names = ("set", "series", "model", "seed", "reason")
        yield from _table(names, [[str(each[n]) for n in names] for each in found["failures"]])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _line(head)
    yield _line(["---"] * len(head))
    yield from map(_line, rows)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def _cell(said: Mapping[str, Any] | None, measure: str) -> str:
    if said is None or said["mean"] is None:
        return "-"
    error = "" if said["se"] is None else f" ± {_number(said['se'], measure)}"
    return _number(said["mean"], measure) + error


def _number(value: float | None, measure: str) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if measure in _NO_SHARES else f"{value:.3f}"

"""The results of a benchmark as one JSON object, and as tables for people."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from math import isnan, sqrt
from operator import add
from statistics import fmean, stdev
from typing import Any

from tocsin.tools.backtest.jobs import Result
from tocsin.tools.backtest.protocols import MEASURES, POOLED, Worth, ratios
from tocsin_models.metrics import EventTally, RowCounts

Found = Mapping[str, Mapping[str, Sequence[Result]]]
"""Results that are worth something, of each set and in it of each model."""

ALL = "all"
"""The group of all series of a set."""


def tabulate(
    results: Sequence[Result], settings: Mapping[str, Any], seeds: Sequence[int]
) -> dict[str, Any]:
    """Return what a benchmark found, in the form that ``docs/benchmark.md`` describes."""
    found = _sort(results)
    return {
        "settings": dict(settings),
        "seeds": list(seeds),
        "sets": _for_each(found, _measure_all),
        "pooled": _for_each(found, _pool_all),
        "times": _for_each(found, _time),
        "failures": [_tell_failure(each) for each in results if each.worth is None],
    }


def _sort(results: Sequence[Result]) -> Found:
    sets: dict[str, dict[str, list[Result]]] = {}
    for result in results:
        models = sets.setdefault(result.set_name, {})
        found = models.setdefault(result.model, [])
        if result.worth is not None:
            found.append(result)
    return sets


def _for_each(found: Found, say: Callable[[Sequence[Result]], Any]) -> dict[str, dict[str, Any]]:
    return {
        name: {model: say(results) for model, results in models.items() if results}
        for name, models in found.items()
    }


def _measure_all(results: Sequence[Result]) -> dict[str, Any]:
    """Return every measure that these results have, for one model on one set."""
    names = [name for name in MEASURES if any(name in _worth(each).measures for each in results)]
    return {name: _measure(results, name) for name in names}


def _measure(results: Sequence[Result], name: str) -> dict[str, Any]:
    """Return mean, standard error and series of one measure.

    The mean is that of the series' means over seeds, and its error that over series. What is
    pooled is first of all series for each seed, and its error is that over seeds.
    """
    values = _by(results, lambda each: each.series, lambda each: _worth(each).measures.get(name))
    series = {key: _mean(each) for key, each in values.items()}
    if name in POOLED:
        parts = list(_by(results, lambda each: each.seed, lambda each: each).values())
        figures = [_row_ratios(part).get(name) for part in parts]
    else:
        figures = list(series.values())
    return {"mean": _mean(figures), "se": _standard_error(figures), "series": series}


def _pool_all(results: Sequence[Result]) -> dict[str, Any]:
    """Return pooled figures of all series and of each group of them, as means over seeds."""
    groups = sorted({each.group for each in results} - {""})
    return {
        group: _pool([each for each in results if group in {ALL, each.group}])
        for group in [ALL, *(groups if groups[1:] else ())]
    }


def _pool(results: Sequence[Result]) -> dict[str, float | None]:
    parts = _by(results, lambda each: each.seed, lambda each: each).values()
    figures = [_event_ratios(part) | _row_ratios(part) for part in parts]
    return {name: _mean([each.get(name) for each in figures]) for name in figures[0]}


def _event_ratios(results: Sequence[Result]) -> dict[str, float]:
    tally = reduce(add, (_worth(each).events for each in results), EventTally())
    return {
        "event_f1": tally.f1,
        "event_precision": tally.precision,
        "event_recall": tally.recall,
    }


def _row_ratios(results: Sequence[Result]) -> dict[str, float]:
    worths = [_worth(each) for each in results]
    official = [worth.official for worth in worths if worth.official is not None]
    by_rule = reduce(add, official, RowCounts()) if official else None
    causal = reduce(add, (worth.causal for worth in worths), RowCounts())
    return ratios("official", by_rule) | ratios("causal", causal)


def _time(results: Sequence[Result]) -> dict[str, Any]:
    """Return how long one series took on average, and what share of its rows has no score."""
    return {
        "runs": len(results),
        "rows": fmean(each.rows for each in results),
        "fit_s": fmean(each.fit_s for each in results),
        "judge_s": fmean(each.judge_s for each in results),
        "took_s": fmean(each.took_s for each in results),
        "unknown": fmean(_worth(each).unknown for each in results),
    }


def _tell_failure(result: Result) -> dict[str, Any]:
    return {
        "set": result.set_name,
        "series": result.series,
        "model": result.model,
        "seed": result.seed,
        "reason": result.failure,
    }


def _by(
    results: Iterable[Result], key: Callable[[Result], Any], value: Callable[[Result], Any]
) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = {}
    for each in results:
        groups.setdefault(key(each), []).append(value(each))
    return groups


def _worth(result: Result) -> Worth:
    if result.worth is None:
        raise ValueError(f"{result.series}: a run that failed is worth nothing")
    return result.worth


def _said(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and not isnan(value)]


def _mean(values: Iterable[float | None]) -> float | None:
    said = _said(values)
    return fmean(said) if said else None


def _standard_error(values: Iterable[float | None]) -> float | None:
    said = _said(values)
    return stdev(said) / sqrt(len(said)) if said[1:] else None

"""Figures that are known of real recordings, found again with these measures.

The detectors are one-liners, so that what is checked is the protocol and the measure. Tolerances
are a unit of the last digit that is known, and the effect of where an average starts: that is
not told, and moves one series of the 24 from .30 to .71 if it starts with an odd first row.
"""

import os
from collections.abc import Callable
from functools import cache
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

from tocsin_models.arrays import Flags, Floats
from tocsin_models.metrics import (
    MeasurePolicy,
    RowCounts,
    auc_pr,
    count_rows,
    f1_adjusted,
    f1_adjusted_area,
    find_runs,
    flag_causally,
    flag_officially,
    measure,
    score_affiliation,
    vus_pr,
    vus_window,
)

pytestmark = pytest.mark.integration

TRAIN_ROWS = 400  # of each recording of SKAB


def files(name: str, pattern: str) -> list[Path]:
    folder = os.environ.get("TOCSIN_TEST_DATA")
    if not folder:
        pytest.skip("TOCSIN_TEST_DATA does not name a folder with real recordings")
    found = sorted((Path(folder) / name).glob(pattern))
    if not found:
        pytest.skip(f"{folder} has no {name}/{pattern}")
    return found


@cache
def skab() -> list[tuple[Floats, Flags]]:
    """Return the values of each recording with a fault, scaled by its training rows, and labels."""
    series = []
    for path in files("skab", "[ov]*/*.csv"):
        cells = np.loadtxt(path, delimiter=";", skiprows=1, usecols=range(1, 10))
        train = cells[:TRAIN_ROWS, :8]
        scaled: Floats = (cells[:, :8] - train.mean(axis=0)) / train.std(axis=0)
        series.append((scaled, cells[TRAIN_ROWS:, 8] == 1))
    return series


def window_means(scaled: Floats, window: int) -> Floats:
    """Return the mean over each window of the sum of absolute values."""
    sums = np.r_[0, np.abs(scaled).sum(axis=1).cumsum()]
    return np.asarray((sums[window:] - sums[:-window]) / window)


def pool(window: int, rule: Callable[[Floats, Floats, float], Flags]) -> RowCounts:
    """Return the pooled counts with a limit at the .99 quantile of the training windows."""
    total = RowCounts()
    for scaled, label in skab():
        limit = float(np.quantile(window_means(scaled[:TRAIN_ROWS], window), 0.99))
        before = scaled[TRAIN_ROWS - window + 1 : TRAIN_ROWS]
        total += count_rows(label, rule(scaled[TRAIN_ROWS:], before, limit))
    return total


def t_squared(train: Floats, values: Floats) -> Floats:
    """Return the Mahalanobis distance of each row, the covariance shrunk by a tenth."""
    spread = np.cov(train.T)
    shrunk = 0.9 * spread + 0.1 * np.diag(spread).mean() * np.eye(len(spread))
    gaps = values - train.mean(axis=0)
    return np.asarray(np.einsum("ij,ij->i", gaps @ np.linalg.inv(shrunk), gaps))


def average(score: Floats, span: int) -> Floats:
    """Return the exponentially weighted mean of each row and all before it."""
    keep = 1 - 2 / (span + 1)
    sums = accumulate(score.tolist(), lambda total, value: keep * total + value)
    weights = accumulate(np.ones(len(score)).tolist(), lambda total, value: keep * total + value)
    return np.fromiter(sums, np.float64) / np.fromiter(weights, np.float64)


def test_to_be_always_in_alarm_has_an_f1_of_two_thirds_on_skab() -> None:
    found = pool(60, lambda rows, _before, _limit: np.ones(len(rows), np.bool_))

    assert found.f1 == pytest.approx(0.6865, abs=5e-5)
    assert (found.false_alarm_rate, found.missed_alarm_rate) == (1, 0)


def test_the_trivial_line_of_skab_by_the_official_rule() -> None:
    found = pool(60, lambda rows, _, limit: flag_officially(window_means(rows, 60), limit, 60))

    assert found.f1 == pytest.approx(0.818, abs=5e-4)
    assert found.false_alarm_rate == pytest.approx(0.270, abs=5e-4)


def test_the_trivial_line_of_skab_by_the_causal_rule() -> None:
    def rule(rows: Floats, before: Floats, limit: float) -> Flags:
        means = window_means(np.concatenate([before, rows]), 10)
        return flag_causally(means, limit, 10)[9:]

    found = pool(10, rule)

    assert found.f1 == pytest.approx(0.758, abs=5e-4)
    assert found.false_alarm_rate == pytest.approx(0.476, abs=5e-4)


def test_t_squared_averaged_on_24_series_of_tsb_ad_m() -> None:
    volumes = []
    for path in files("tsb-ad-m", "*.npz"):
        with np.load(path) as series:
            values, label = series["x"].astype(np.float64), series["label"]
            train, window = values[: series["train_rows"]], int(series["vus_window"])
        assert vus_window(values[:, 0]) == window
        volumes.append(vus_pr(label, average(t_squared(train, values), 60), window))

    assert len(volumes) == 24
    assert np.mean(volumes) == pytest.approx(0.478, abs=2e-3)


@cache
def smd() -> list[tuple[Flags, Floats, float, int]]:
    """Return label, averaged T squared, its .999 training quantile and window of each machine."""
    machines = []
    for path in files("smd", "*.npz"):
        with np.load(path) as series:
            train, values = series["train"].astype(np.float64), series["test"].astype(np.float64)
            label = series["label"] == 1
        score = average(t_squared(train, np.concatenate([train, values])), 15)
        limit = float(np.quantile(score[: len(train)], 0.999))
        machines.append((label, score[len(train) :], limit, vus_window(values[:, 0])))
    return machines


def test_t_squared_averaged_on_ten_machines_of_smd() -> None:
    areas = [auc_pr(label, score) for label, score, _, _ in smd()]

    assert len(areas) == 10
    assert np.mean(areas) == pytest.approx(0.459, abs=1e-3)


def in_the_paper(name: str) -> list[float]:
    """Return the figures of a line of the table in docs/metrics.md."""
    paper = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
    line = next(line for line in paper.splitlines() if line.startswith(f"| {name} |"))
    return [float(cell.strip(" *")) for cell in line.split("|")[2:-1]]


def in_the_table(label: Flags, score: Floats, alarm: Flags, window: int) -> list[float]:
    """Return the figures of one machine, in the order of that table."""
    found = measure(label, score, alarm, MeasurePolicy(period_s=60, vus_window=window))
    near = score_affiliation(find_runs(label), find_runs(alarm), (0, len(label)))
    return [
        *(found.vus_pr, found.auc_pr, count_rows(label, alarm).f1),
        *(found.event_f1, found.event_recall, found.false_alarms_per_day, found.false_alarm_rate),
        *(near.f1, f1_adjusted(label, alarm, 0), f1_adjusted_area(label, alarm)),
    ]


def test_the_papers_table_is_what_is_measured() -> None:
    random = np.random.default_rng(0)
    lines: dict[str, list[list[float]]] = {}
    for label, score, limit, window in smd():
        dice = random.random(len(label))
        always = np.ones(len(label), np.bool_)
        for name, values, alarm in (
            ("T²", score, score > limit),
            ("always in alarm", always.astype(np.float64), always),
            ("one row in 100, at random", dice, dice > 0.99),
            ("one row in 20, at random", dice, dice > 0.95),
        ):
            lines.setdefault(name, []).append(in_the_table(label, values, alarm, window))

    for name, machines in lines.items():
        assert np.mean(machines, axis=0) == pytest.approx(in_the_paper(name), abs=6e-4, rel=5e-3)

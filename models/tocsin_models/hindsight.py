"""Judging a recording that is over: of a row is expected the mean over all windows that hold it.

In the stream a row is judged as the last step of a window. Once a recording is over, up to T
windows of T steps hold it, and what the network makes up in one of them averages out over all. That
looks ahead by up to T - 1 rows: it is for reading what happened, and never what an alarm could have
said.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tocsin_models.arrays import Flags, Floats, Indices, Singles
from tocsin_models.bundle import Bundle
from tocsin_models.calibration import Calibration, CalibrationPolicy, weigh_run
from tocsin_models.evidence import Evidence, collect, join_evidence
from tocsin_models.learning import find_limit
from tocsin_models.scoring import Scorer, ScoringPolicy, fit_scorer, judge_crosswise
from tocsin_models.senses import Aspect
from tocsin_models.sifting import sift

_PART = 1_024  # windows that are there at once
_LEAST_MEASURED = 0.5  # of a window's cells: of one with less nothing is said


@dataclass(frozen=True, slots=True, eq=False)
class Hindsight:
    """What a model says of N rows once all of them are there; without a number there is NaN."""

    expected: Floats  # [N, F] engineering units
    score: Floats  # [N] 1.0 at a limit of its own
    blame: Singles  # [N, F] each channel's share of the row's surprise, sums to 1
    reach: int  # so many of the next rows may have a say in what is said of one


def look_back(bundle: Bundle, values: Floats, train_rows: int) -> Hindsight:
    """Judge all rows ``[N, F]`` of a recording that is over, one period after another.

    Rows are judged as the bundle's own scoring policy says, by averaged residuals. Those are
    smaller than what is left of a window's last step, so what is normal, and the limit, are found
    anew: on those of the first ``train_rows`` rows that share no window with a later one. The limit
    keeps the bundle's budget row by row, as no rule for alerts follows. Latent vectors belong to
    windows and not to rows, so that aspect is left out.

    A row in which nothing was measured has no score, nor has one that no window holds of which at
    least half was measured.

    Args:
        bundle: Learned from the first ``train_rows`` rows.
        values: Engineering units, NaN where not measured.
        train_rows: How many rows were learned from.

    Raises:
        ValueError: If those rows say nothing, or the policy has no other aspect.
    """
    expected = expect_rows(bundle, values)
    policy, rows = _policy_for_rows(bundle), _Rows(bundle, values, expected)
    learned = rows.known[rows.known + bundle.length <= train_rows]
    if not len(learned):
        raise ValueError(
            f"hindsight: the first {train_rows} rows hold no window of {bundle.length} rows that "
            "was measured by half or more; learn from more rows, or choose shorter windows"
        )
    scorer, calibration = _learn(rows, learned, policy, bundle.calibration.budget)
    nats, blame = _judge(rows, scorer, values.shape)
    score = weigh_run(nats, calibration.spans) / calibration.limit
    score[np.isnan(nats)] = np.nan
    return Hindsight(expected, score, blame, bundle.length - 1)


def expect_rows(bundle: Bundle, values: Floats) -> Floats:
    """Return what is expected of rows ``[N, F]``: the mean over the windows that hold each.

    A window of which less than half was measured says nothing; NaN stands where none says anything.
    Only some of the windows are there at once. A row's sum is taken in the order of its windows, so
    its bits do not depend on how many those are.
    """
    count, length = len(values), bundle.length
    sums, said = np.zeros(values.shape), np.zeros((count, 1))
    for start, part in _cut(values, length):
        tell = (~np.isnan(part)).mean(axis=(1, 2)) >= _LEAST_MEASURED
        found = np.zeros(part.shape)
        found[tell] = bundle.reconstruct(part[tell])
        for step in reversed(range(length)):  # the earlier window first
            rows = slice(start + step, start + step + len(part))
            sums[rows] += found[:, step]
            said[rows, 0] += tell
    return np.asarray(np.divide(sums, said, out=np.full(values.shape, np.nan), where=said > 0))


def _cut(values: Floats, length: int) -> Iterator[tuple[int, Floats]]:
    """Give all windows of rows ``[N, F]`` as parts ``[B, T, F]``, each with its first row."""
    if len(values) < length:
        return
    windows = sliding_window_view(values, length, axis=0).transpose(0, 2, 1)
    for start in range(0, len(windows), _PART):
        yield start, windows[start : start + _PART]


def _policy_for_rows(bundle: Bundle) -> ScoringPolicy:
    """Return the bundle's policy without what only windows have."""
    policy = bundle.scorer.policy
    aspects = tuple(each for each in policy.aspects if each is not Aspect.LATENT)
    if not aspects:
        raise ValueError("hindsight: a model that scores by latent vectors alone cannot look back")
    return replace(policy, aspects=aspects)


class _Rows:
    """The evidence in rows, each as the last of T that end with it.

    Args:
        bundle: Whose spreads they are in.
        values: ``[N, F]`` engineering units, NaN where not measured.
        expected: ``[N, F]``; NaN in rows of which nothing is expected.
    """

    def __init__(self, bundle: Bundle, values: Floats, expected: Floats) -> None:
        self._scaled, self._said = bundle.scaler.scale(values), bundle.scaler.scale(expected)
        self.length, self._recent = bundle.length, 1 + bundle.scorer.policy.lags
        told: Flags = np.asarray(~np.isnan(self._said).any(axis=1))
        self._seen: Flags = ~np.isnan(self._scaled) & told[:, None]
        begins = np.diff(told, prepend=False) & told
        every = np.arange(len(values))
        self._first: Indices = np.maximum.accumulate(np.where(begins, every, 0))  # of its stretch
        self.known: Indices = np.flatnonzero(self._seen.any(axis=1))

    def evidence(self, rows: Indices) -> Evidence:
        """Return the evidence in ``rows [n]``; rows before their stretch count as unmeasured."""
        parts = np.array_split(rows, range(_PART, len(rows), _PART))
        return join_evidence([self._collect(part) for part in parts])

    def _collect(self, rows: Indices) -> Evidence:
        at, first = rows[:, None] + np.arange(1 - self.length, 1), self._first[rows, None]
        mask = self._seen[at] & (at >= first)[:, :, None]
        at = np.maximum(at, first)
        return collect(self._scaled[at], self._said[at], mask, self._recent)


def _learn(
    rows: _Rows, learned: Indices, policy: ScoringPolicy, budget: float
) -> tuple[Scorer, Calibration]:
    """Return what judges rows, and the limit, by the rows ``learned [n]``."""
    evidence, cuts = rows.evidence(learned), np.flatnonzero(np.diff(learned) != 1) + 1
    runs = np.split(np.arange(len(learned)), cuts)
    if Aspect.BULK in policy.aspects:
        evidence = sift(evidence, runs, rows.length // 2, policy.shrinkage)
    crosswise = judge_crosswise(evidence, learned, 1, policy)
    scorer = fit_scorer(evidence, 1, policy).widened(crosswise.widths)
    limits = CalibrationPolicy(budget, open_count=1, open_of=1)
    return scorer, find_limit(evidence, runs, scorer, crosswise, limits)


def _judge(rows: _Rows, scorer: Scorer, shape: tuple[int, ...]) -> tuple[Floats, Singles]:
    """Return surprise ``[N]`` and blame ``[N, F]`` of all rows, NaN where nothing is known."""
    nats, blame = np.full(shape[0], np.nan), np.full(shape, np.nan, np.float32)
    for start in range(0, len(rows.known), _PART):
        part = rows.known[start : start + _PART]
        found = scorer.surprise(rows.evidence(part))
        nats[part], blame[part] = found.nats, found.blame
    return nats, blame

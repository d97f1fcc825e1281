"""From what a network says of a window to one number, and to the channels that made it.

Every *aspect* of a window is a distance with a distribution of its own in normal operation, which
turns it into a surprise: -log of how rarely normal windows get that far. The window's surprise is
the largest of them, so one aspect that sees a fault is enough, and one that sees nothing does no
harm. Averages over several spans follow (`spans`), and the largest of *their* surprises, divided by
the limit, is the score.

Training data may hold faults that nobody has seen. What lies far from the bulk of them may be
that, or a rare way of running: nothing tells the two apart. So it counts as normal, and the aspect
*bulk*, which does not know it, has a say that is bounded: what was rare in training stands out from
the rest, and does not ring.

Only the newest steps of a window are judged, as many as lie between two windows: every step is
judged once, and by nothing that came after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np

from tocsin_models.arrays import Floats, Indices, Singles, Times
from tocsin_models.evidence import Evidence
from tocsin_models.gauges import Mahalanobis
from tocsin_models.senses import Aspect, Look, Sense, fit_sense, load_sense
from tocsin_models.spans import MOST_WINDOWS

OWN_ASPECTS = (Aspect.RESIDUAL, Aspect.ERROR)
"""What the network itself has to say."""

_PARTS = 5  # of time, for judging crosswise
_MOST_OF_BULK = 20.0  # nats
_MOST_ROWS = 40_000  # that gauges are fitted on; more would only cost time


@dataclass(frozen=True, slots=True)
class ScoringPolicy:
    """How windows are judged.

    ``spans`` are in steps; those of ``capped_from`` steps and more take at most ``cap`` nats from
    a window. ``lags`` steps before the newest are looked at together with it, where an aspect looks
    back. ``references`` normal rows are kept as neighbours, of which the ``nearest`` count. What
    lies far from all else in training, up to a quarter of it, is taken for faults if ``sifted``:
    then ``bulk`` may say what it likes.
    """

    aspects: tuple[Aspect, ...] = (*OWN_ASPECTS, Aspect.MOTION, Aspect.NEIGHBOURS, Aspect.BULK)
    spans: tuple[int, ...] = (1, 5, 20, 60)
    cap: float = 30.0
    capped_from: int = 9
    lags: int = 3
    shrinkage: float = 0.1
    references: int = 512
    nearest: int = 5
    sifted: bool = False

    def __post_init__(self) -> None:
        if not set(self.aspects) - {Aspect.BULK} or len(set(self.aspects)) != len(self.aspects):
            raise ValueError("scoring: choose at least one aspect that is not bulk, each once")
        if not self.spans or min(self.spans) < 1 or max(self.spans) > MOST_WINDOWS:
            raise ValueError(f"scoring: choose spans from 1 to {MOST_WINDOWS} steps")
        if not (self.cap > 0 and 0 < self.shrinkage <= 1 and 0 <= self.lags <= 16):
            raise ValueError("scoring: choose cap > 0, 0 < shrinkage <= 1 and lags from 0 to 16")
        if self.nearest < 1 or self.references < 1:
            raise ValueError("scoring: choose at least one reference and one nearest")


@dataclass(frozen=True, slots=True, eq=False)
class Surprise:
    """What N windows are worth."""

    nats: Floats  # [N] -log of how rare they are; NaN where nothing was measured
    blame: Singles  # [N, F] each channel's share of that, sums to 1
    onset: Indices  # [N] steps from the start of the one that stands out to the window's end


@dataclass(frozen=True, slots=True, eq=False)
class Scorer:
    """Everything that turns evidence into surprise."""

    policy: ScoringPolicy
    stride: int
    senses: tuple[Sense, ...]

    @property
    def recent(self) -> int:
        """Newest steps of a window that evidence is wanted of."""
        return self.stride + self.policy.lags

    @property
    def wants_latent(self) -> bool:
        """Whether evidence has to hold latent vectors."""
        return Aspect.LATENT in self.policy.aspects

    def surprise(self, evidence: Evidence, *, own: bool = False) -> Surprise:
        """Judge N windows; a window's bits depend on it alone.

        ``own`` are windows that the scorer was fitted on: none is its own neighbour.
        """
        look = look_of(self.policy, self.stride)
        best = np.full(len(evidence), np.nan)
        parts = np.full(evidence.sums.shape, np.nan)
        step = np.zeros(len(best), np.int64)
        for sense in self.senses:
            said = sense.ask(evidence, look, own=own)
            nats = self._weigh(sense, said.distance)
            more = (nats > best) | (np.isnan(best) & ~np.isnan(nats))
            best[more], parts[more], step[more] = nats[more], said.parts[more], said.step[more]
        steps = min(self.stride, evidence.residual.shape[1])
        return Surprise(best, _share(parts, evidence.counts), steps - step)

    def widened(self, widths: Mapping[Aspect, float]) -> "Scorer":
        """Return the scorer to which normal is so many times as wide, by aspect."""
        senses = [
            replace(each, tail=each.tail.widened(widths.get(each.aspect, 1.0)))
            for each in self.senses
        ]
        return replace(self, senses=tuple(senses))

    def _weigh(self, sense: Sense, distances: Floats) -> Floats:
        """Return how surprising distances ``[N]`` are, in nats that aspects are compared by."""
        nats = sense.tail.surprise(distances)
        if sense.aspect is not Aspect.BULK or self.policy.sifted:
            return nats
        return np.asarray(nats * _MOST_OF_BULK / (nats + _MOST_OF_BULK))

    def check(self, channels: int) -> None:
        """Raise `ValueError` where the scorer is not for so many channels."""
        if any(sense.typical.shape != (channels,) for sense in self.senses):
            raise ValueError("bundle: the scorer is for another number of channels")
        if not all(np.isfinite(array).all() for array in self.pack()[1].values()):
            raise ValueError("bundle: every number of the scorer must be finite")

    def pack(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """Return the scorer as what JSON can hold, and as arrays by name."""
        tails: dict[str, Any] = {}
        arrays: dict[str, Floats] = {}
        for sense in self.senses:
            tails[sense.aspect.value], own = sense.pack()
            arrays |= own
        return {"policy": asdict(self.policy), "stride": self.stride, "tails": tails}, arrays

    @classmethod
    def unpack(cls, content: dict[str, Any], arrays: dict[str, Floats]) -> Self:
        """Return what `pack` was given.

        Raises:
            KeyError, TypeError, ValueError: If they do not fit together.
        """
        plain, stride, tails = content["policy"], content["stride"], content["tails"]
        aspects = tuple(Aspect(name) for name in plain["aspects"])
        policy = ScoringPolicy(**plain | {"aspects": aspects, "spans": tuple(plain["spans"])})
        look = look_of(policy, stride)
        there = [a for a in aspects if a is not Aspect.BULK or a.value in tails]
        return cls(
            policy, stride, tuple(load_sense(a, tails[a.value], arrays, look) for a in there)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Crosswise:
    """What N normal windows are to scorers that have not seen them."""

    nats: Floats  # [N]
    widths: Mapping[Aspect, float]  # how many times as wide normal is as what was learned looks


def fit_scorer(evidence: Evidence, stride: int, policy: ScoringPolicy) -> Scorer:
    """Return what judges windows by how normal ones are.

    Where all of them are usual, the bulk is no aspect of its own.

    Args:
        evidence: Of normal windows in the order of time, with ``stride + policy.lags`` newest
            steps.
        stride: Steps between two windows.
        policy: How to judge.
    """
    most = max(_MOST_ROWS // stride, 1)
    some = np.unique(np.linspace(0, len(evidence) - 1, most).round().astype(np.int64))
    few, look = evidence.take(some), look_of(policy, stride)
    apart = 0 < few.usual.sum() < len(few)
    aspects = [each for each in policy.aspects if apart or each is not Aspect.BULK]
    return Scorer(policy, stride, tuple(fit_sense(each, few, look) for each in aspects))


def judge_crosswise(
    evidence: Evidence, end_ns: Times, stride: int, policy: ScoringPolicy
) -> Crosswise:
    """Return what scorers say of normal windows that they have not seen.

    Time is cut into parts, the same for all assets; each is judged by what the others teach. What
    is normal today seldom is all that will ever be: how far one part lies from the others says how
    far the next will lie from all of them.

    Args:
        evidence: Of N normal windows in the order of time.
        end_ns: When they end, [N].
        stride: Steps between two windows.
        policy: How to judge.
    """
    every = np.arange(len(evidence))
    parts = np.array_split(np.argsort(end_ns, kind="stable"), min(_PARTS, len(evidence)))
    taught = [np.setdiff1d(every, part) if len(parts) > 1 else part for part in parts]
    others = [fit_scorer(evidence.take(each), stride, policy) for each in taught]
    unseen = [evidence.take(part) for part in parts]
    widths = _find_widths(others, unseen)
    nats = np.empty(len(evidence))
    for part, other, windows in zip(parts, others, unseen, strict=True):
        nats[part] = other.widened(widths).surprise(windows).nats
    return Crosswise(nats, widths)


def _find_widths(others: Sequence[Scorer], unseen: Sequence[Evidence]) -> dict[Aspect, float]:
    """Return how many times as far from normal windows lie that it was not learned from.

    A covariance fits what it was learned from too well, and the more so the fewer rows there were
    for its columns. That shows in every part of time, and so in the one that is most like the
    others; what the rest of them show beyond it is that time goes on.
    """
    found: dict[Aspect, list[float]] = {}
    for other, windows in zip(others, unseen, strict=True):
        look = look_of(other.policy, other.stride)
        for sense in other.senses:
            if not isinstance(sense.gauge, Mahalanobis) or sense.tail.median <= 0:
                continue
            distances = sense.ask(windows, look).distance
            counts = windows.usual if sense.aspect is Aspect.BULK else True
            known = distances[counts & ~np.isnan(distances)]
            if known.size:
                times = float(np.median(known)) / sense.tail.median
                found.setdefault(sense.aspect, []).append(times)
    return {aspect: max(1.0, min(times)) for aspect, times in found.items()}


def look_of(policy: ScoringPolicy, stride: int) -> Look:
    """Return how aspects look at windows that lie ``stride`` steps apart."""
    return Look(stride, policy.lags, policy.shrinkage, policy.references, policy.nearest)


def _share(parts: Floats, counts: Floats) -> Singles:
    """Return parts ``[N, F]`` as shares that sum to 1; measured channels alike where all are 0."""
    alive = (counts > 0).astype(np.float64)
    even = alive / np.maximum(alive.sum(axis=1, keepdims=True), 1)
    whole = parts.sum(axis=1, keepdims=True)
    shares = np.divide(parts, whole, out=even, where=whole > 0)
    shares[np.isnan(parts).any(axis=1)] = np.nan
    return np.asarray(shares.astype(np.float32))

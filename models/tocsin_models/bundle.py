"""The immutable model bundle: one trained model with all that gives its scores meaning.

As files it is ``weights.safetensors``, ``config.json`` (channels, grid, network, scaler),
``scoring.json`` and ``scoring.safetensors`` (what is normal), ``calibration.json`` (the limit),
``golden.safetensors`` (windows with the answers that this model gave for them), ``manifest.json``
(facts; size and sha256 of each file) and ``manifest.sha256``. A bundle holds no code: nothing in
it is ever unpickled.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from tocsin_models.arrays import Flags, Floats, Indices, Singles
from tocsin_models.calibration import Calibration, weigh_run
from tocsin_models.evidence import Evidence, collect
from tocsin_models.inference import Model
from tocsin_models.networks import Form, NetworkPolicy, load_network
from tocsin_models.packing import (
    CALIBRATION,
    CONFIG,
    GAUGES,
    GOLDEN,
    SCORING,
    WEIGHTS,
    dump,
    name_version,
    plain_calibration,
    read_calibration,
    read_policy,
    save_arrays,
    seal,
    verify,
)
from tocsin_models.residuals import window_errors
from tocsin_models.scaling import RobustScaler
from tocsin_models.scoring import Scorer
from tocsin_models.spans import Averaging

PROBE_TOLERANCE = 1e-5
"""How far another machine's answers to the golden probe may be off, in errors and in spreads.

The machine that made a bundle gives the same bits; other instruction sets round differently.
"""

Facts = Mapping[str, str | int | float]

_MISFITS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What contents that do not fit together raise; `RecursionError` is a `RuntimeError`."""

_REST = 1e-6  # of a spread: a channel that moves less does not move


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a model says of B windows; rows that are not ``finite`` hold NaN."""

    error: Floats  # [B] surprise / limit, not averaged
    blame: Singles  # [B, F] share of the error, sums to 1
    expected: Singles  # [B, F] the model's value for the last step, engineering units
    onset: Indices  # [B] steps from the one that the error is about to the window's end
    finite: Flags  # [B] whether the row has numbers at all


@dataclass(frozen=True, slots=True, eq=False)
class Compression:
    """What it means to keep the latent vectors of windows instead of the windows."""

    ratio: float  # numbers that go in / numbers that are kept
    error: Floats  # [F] root mean square of what is lost / of the channel around its mean, or NaN


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """P windows and what the model said of them when it was made."""

    values: Floats  # [P, T, F] engineering units
    error: Floats  # [P]
    expected: Singles  # [P, F]


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A trained model.

    ``version`` is the start of the manifest's sha256, 16 hex digits: it names every byte of the
    bundle. ``facts`` is free: when and from what the model was made, and how well it did.
    """

    channels: tuple[str, ...]
    length: int  # steps a window
    period_ns: int  # between two steps
    stride: int  # steps between two windows
    scaler: RobustScaler
    policy: NetworkPolicy
    weights: Mapping[str, Singles]
    typical: Floats  # [F] mean squared scaled error of a measured cell in normal windows
    scorer: Scorer
    calibration: Calibration
    facts: Facts
    probe: Probe
    version: str = field(init=False)
    _model: Model = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check(self)
        network = load_network(len(self.channels), self.length, self.policy, self.weights)
        model = Model(network, self.scaler, self.length)
        object.__setattr__(self, "_model", model)
        object.__setattr__(self, "version", name_version(pack(self)))

    @property
    def averaging(self) -> tuple[Averaging, ...]:
        """How errors of a window and its forerunners are averaged, one for each span."""
        limit = self.calibration.limit
        return tuple(
            Averaging(span.weights, span.cap / limit, span.usual / limit)
            for span in self.calibration.spans
        )

    def weigh(self, averages: Floats) -> Floats:
        """Return the scores ``[B]``, 1.0 at the profile's limit, of averages of errors ``[B, S]``.

        There is one column for each of ``averaging``.
        """
        limit = self.calibration.limit
        return self.calibration.weigh(averages * limit) / limit

    def score(self, values: Floats) -> Floats:
        """Return the scores ``[B]`` of windows ``[B, T, F]`` of one asset that follow one another.

        This is what a stream would have said, but for the asset's own limit; NaN where a window
        has no finite error, which then counts as usual.
        """
        error, limit = self.judge(values).error, self.calibration.limit
        scores = weigh_run(error * limit, self.calibration.spans)
        return np.where(np.isnan(error), np.nan, scores / limit)

    def limits_of(self, assets: Sequence[str]) -> Floats:
        """Return the limits of assets in limits of their profile: 1 for one that is not known."""
        own = self.calibration.assets
        return np.array([own.get(asset, 1.0) for asset in assets])

    def judge(self, values: Floats) -> Judged:
        """Judge windows ``[B, T, F]`` in engineering units, NaN where not measured.

        A row's bits depend on that row alone, whatever its neighbours, its place in the batch or
        the number of threads. A row without a measured cell is not ``finite``.
        """
        rows, channels, scorer = len(values), len(self.channels), self.scorer
        error, onset = np.empty(rows), np.empty(rows, np.int64)
        blame = np.empty((rows, channels), dtype=np.float32)
        expected = np.empty((rows, channels), dtype=np.float32)
        for each in self._model.answers(values, encode=scorer.wants_latent):
            found = scorer.surprise(
                collect(each.scaled, each.expected, each.mask, scorer.recent, each.latent)
            )
            error[each.part], onset[each.part] = found.nats, found.onset
            blame[each.part] = found.blame
            with np.errstate(over="ignore"):  # what f32 cannot hold is found not finite below
                expected[each.part] = self.scaler.unscale(each.expected[:, -1])
        finite = np.isfinite(error) & np.isfinite(expected).all(axis=1)
        error[~finite], blame[~finite], expected[~finite] = np.nan, np.nan, np.nan
        return Judged(error / self.calibration.limit, blame, expected, onset, finite)

    def evidence(self, values: Floats) -> Evidence:
        """Return what there is to judge windows ``[B, T, F]`` by, in engineering units."""
        scorer = self.scorer
        return self._model.evidence(values, scorer.recent, encode=scorer.wants_latent)

    def errors(self, values: Floats) -> Floats:
        """Return the mean squared errors ``[B]`` of windows ``[B, T, F]``, in spreads."""
        return window_errors(self._model.residuals(values), self.typical)

    def residuals(self, values: Floats) -> Floats:
        """Return the squared scaled error of each cell, ``[B, T, F]``, 0 where not measured."""
        return self._model.cell_residuals(values)

    def reconstruct(self, values: Floats) -> Floats:
        """Return what windows ``[B, T, F]`` should have been, in engineering units."""
        return self._model.reconstruct(values)

    def encode(self, values: Floats) -> Singles:
        """Return the latent vectors ``[B, Z]`` of windows ``[B, T, F]``."""
        return self._model.encode(values)

    def decode(self, latent: Singles) -> Floats:
        """Return the windows ``[B, T, F]`` that latent vectors ``[B, Z]`` stand for."""
        return self._model.decode(latent)

    def denoise(self, values: Floats) -> Floats:
        """Return windows ``[B, T, F]`` without noise and without gaps, in engineering units.

        That is their reconstruction: a few latent numbers carry what channels and steps have in
        common, and noise has nothing in common with anything.
        """
        return self.reconstruct(values)

    def project(self, values: Floats, dimensions: int = 2) -> Singles:
        """Return latent vectors of windows ``[B, T, F]`` as ``[B, dimensions]``, to be looked at.

        They are turned so that these windows lie apart as far as can be (principal components),
        so project together what is to be compared.

        Raises:
            ValueError: If ``dimensions`` is not between 1 and the latent's own.
        """
        if not 1 <= dimensions <= self.policy.latent:
            raise ValueError(f"project: choose dimensions from 1 to {self.policy.latent}")
        latent = self.encode(values).astype(np.float64)
        apart = latent - latent.mean(axis=0) if len(latent) else latent
        _, axes = np.linalg.eigh(apart.T @ apart)  # the liveliest comes last
        axes = axes[:, : -dimensions - 1 : -1]
        largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
        seen: Singles = (apart @ (axes * np.sign(largest))).astype(np.float32)
        return seen

    def compression(self, values: Floats) -> Compression:
        """Return how much smaller windows ``[B, T, F]`` get as latent vectors, and what is lost."""
        policy = self.policy
        # of a sparse vector the numbers that are not zero are kept, and where they stand
        kept = min(2 * policy.active, policy.latent) if policy.active else policy.latent
        seen = np.maximum((~np.isnan(values)).sum(axis=(0, 1)), 1)
        mean = np.nansum(values, axis=(0, 1)) / seen
        moved = np.nansum((values - mean) ** 2, axis=(0, 1))
        lost = np.nansum((values - self.decode(self.encode(values))) ** 2, axis=(0, 1))
        alive = moved > seen * (_REST * self.scaler.spread) ** 2
        error = np.divide(lost, moved, out=np.full(len(mean), np.nan), where=alive)
        return Compression(self.length * len(self.channels) / kept, np.sqrt(error))

    def sample(self, count: int, seed: int = 0) -> Floats:
        """Return ``count`` windows that never were, ``[count, T, F]`` in engineering units.

        They have no noise of measurement. One seed gives the same windows.

        Raises:
            ValueError: If the model is not variational: other latent spaces have holes in which no
                window lies.
        """
        if self.policy.form is not Form.VARIATIONAL:
            raise ValueError(f"sample: only a variational model can, not a {self.policy.form} one")
        drawn = np.random.default_rng(seed).standard_normal((count, self.policy.latent))
        return self.decode(drawn.astype(np.float32))


def make_bundle(draft: Bundle, probe: Floats) -> Bundle:
    """Return ``draft`` with the golden probe ``[P, T, F]`` and its answers to it."""
    judged = draft.judge(probe)
    return replace(draft, probe=Probe(probe, judged.error, judged.expected))


def empty_probe(length: int, channels: int) -> Probe:
    """Return the probe of a bundle that has not been asked yet."""
    none = np.empty((0, channels), dtype=np.float32)
    return Probe(np.empty((0, length, channels)), np.empty(0), none)


def probe_gap(bundle: Bundle) -> float:
    """Return how far the bundle is off from its golden answers here: 0.0 where it was made.

    The larger of the gaps in errors (of those above 1 the relative one) and, in spreads, in
    expected values. Those are kept in engineering units and f32, so one may be rounded otherwise by
    its last digit, which is not counted. NaN if an answer is.
    """
    judged, probe = bundle.judge(bundle.probe.values), bundle.probe
    if not len(probe.values):
        return 0.0
    if not (judged.finite.all() and np.isfinite(probe.error).all()):
        return float("inf")
    apart = np.abs(judged.expected.astype(np.float64) - probe.expected)
    said = np.maximum(apart - np.spacing(np.abs(probe.expected)), 0) / bundle.scaler.spread
    error = np.abs(judged.error - probe.error) / np.maximum(probe.error, 1)
    return float(np.max([error.max(), said.max()]))


def pack(bundle: Bundle) -> dict[str, bytes]:
    """Return the bundle as files: name to contents. Equal bundles give equal bytes."""
    config = {
        "channels": bundle.channels,
        "length": bundle.length,
        "period_ns": bundle.period_ns,
        "stride": bundle.stride,
        "network": asdict(bundle.policy),
        "centre": bundle.scaler.centre.tolist(),
        "spread": bundle.scaler.spread.tolist(),
        "typical": bundle.typical.tolist(),
    }
    scoring, gauges = bundle.scorer.pack()
    files = {
        CONFIG: dump(config),
        SCORING: dump(scoring),
        GAUGES: save_arrays(gauges),
        CALIBRATION: dump(plain_calibration(asdict(bundle.calibration))),
        WEIGHTS: save_arrays(bundle.weights),
        GOLDEN: save_arrays(asdict(bundle.probe)),
    }
    return seal(files, bundle.facts)


def unpack(files: Mapping[str, bytes]) -> Bundle:
    """Return the bundle in ``files`` if every byte is as it was packed and the model still works.

    Raises:
        ValueError: Naming what is missing, damaged, misshapen or no longer true.
    """
    facts = verify(files)
    try:
        bundle = _read(files, facts)
        gap = probe_gap(bundle)
    except (*_MISFITS, SafetensorError) as error:
        raise ValueError(f"bundle: the contents do not fit together: {error!r}") from error
    if name_version(files) != bundle.version:
        raise ValueError("bundle: manifest.json is not written as it should be")
    if not len(bundle.probe.values):
        raise ValueError("bundle: it has no golden probe")
    if not gap <= PROBE_TOLERANCE:
        raise ValueError(f"bundle: the golden probe is answered otherwise here, by {gap:.3g}")
    return bundle


def _read(files: Mapping[str, bytes], facts: Facts) -> Bundle:
    config, calibration = json.loads(files[CONFIG]), json.loads(files[CALIBRATION])
    scoring = json.loads(files[SCORING])
    golden = load(files[GOLDEN])
    return Bundle(
        channels=tuple(config["channels"]),
        length=config["length"],
        period_ns=config["period_ns"],
        stride=config["stride"],
        scaler=RobustScaler(_floats(config["centre"]), _floats(config["spread"])),
        policy=read_policy(config["network"]),
        weights=load(files[WEIGHTS]),
        typical=_floats(config["typical"]),
        scorer=Scorer.unpack(scoring, load(files[GAUGES])),
        calibration=read_calibration(calibration),
        facts=facts,
        probe=Probe(golden["values"], golden["error"], golden["expected"]),
    )


def _floats(numbers: list[float]) -> Floats:
    return np.array(numbers, dtype=np.float64)


def _check(bundle: Bundle) -> None:
    """Raise `ValueError` where the bundle's parts do not fit together."""
    channels, length = len(bundle.channels), bundle.length
    if not channels or len(set(bundle.channels)) != channels:
        raise ValueError("bundle: name at least one channel, each once")
    if not all(isinstance(n, int) for n in (length, bundle.stride, bundle.period_ns)):
        raise ValueError("bundle: length, stride and period are whole numbers")
    if not 1 <= bundle.stride <= length or bundle.period_ns < 1:
        raise ValueError("bundle: choose 1 <= stride <= length and a positive period")
    if bundle.scorer.stride != bundle.stride:
        raise ValueError("bundle: the scorer is for another stride")
    if bundle.scaler.centre.shape != (channels,) or bundle.typical.shape != (channels,):
        raise ValueError("bundle: the scaler or typical errors are for another number of channels")
    if not (np.isfinite(bundle.typical).all() and (bundle.typical > 0).all()):
        raise ValueError("bundle: typical errors must be finite and above zero")
    bundle.scorer.check(channels)
    rows, probe = len(bundle.probe.values), bundle.probe
    shapes = (probe.values.shape, probe.error.shape, probe.expected.shape)
    if shapes != ((rows, length, channels), (rows,), (rows, channels)):
        raise ValueError(f"bundle: the golden probe has shapes {shapes}")

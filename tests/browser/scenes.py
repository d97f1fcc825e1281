"""What there is to see: pictures and traces of a small plant, in the shape that the page gets."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CHANNELS = (
    "load",
    "current",
    "voltage",
    "flow",
    "pressure",
    "temperature",
    "bearing_temperature",
    "vibration",
)
ASSETS = ("pump-1", "pump-2", "pump-3", "pump-4")
BEGIN_MS = 1_767_571_200_000
STRIDE_MS = 4_000
MISSING = "\N{EN DASH}"
MODEL = "a3787a30feded037c4"
CHOICES = (
    ("shift", "Shift", "The sensor is suddenly off by a fixed amount."),
    ("ramp", "Drift", "The sensor drifts away, slowly at first."),
    ("stuck", "Stuck", "The sensor repeats its last value."),
    ("noise", "Noise", "The sensor becomes noisy."),
    ("spike", "Spikes", "Single values jump up or down."),
    ("dropout", "Dropout", "The sensor sends nothing any more."),
    ("lag", "Lag", "The sensor comes late."),
    ("decorrelation", "Decoupled", "Normal by itself, but out of step with the others."),
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """A channel that leaves what is expected of it, from one window to another."""

    first: int
    last: int
    channel: int = 6

    def size(self, at: int) -> float:
        """Return 0 where all is well, 1 where the fault is whole."""
        return min(1.0, (at - self.first) / 8) if self.first <= at < self.last else 0.0


NO_FAULT = Fault(0, 0)


def trace(
    asset: str = "pump-1",
    windows: int = 300,
    *,
    first: int = 0,
    learned: int = 40,
    fault: Fault = NO_FAULT,
) -> Json:
    """Return windows of an asset; those before the number ``learned`` have no model."""
    rows = [_window(at, known=at >= learned, fault=fault) for at in range(first, first + windows)]
    cells = [_cells(asset, c, range(first, first + windows), learned, fault) for c in range(8)]
    return {
        "asset": asset,
        "profile": "pump",
        "limit": 1,
        **{name: [row[name] for row in rows] for name in rows[0]},
        "channels": cells,
    }


def _window(at: int, *, known: bool, fault: Fault) -> Json:
    score = 0.3 + 0.12 * math.sin(at / 9) + 0.05 * math.sin(at * 7.1) + 4.2 * fault.size(at)
    return {
        "end_ms": BEGIN_MS + at * STRIDE_MS,
        "score": score if known else None,
        "error": score if known else None,
        "status": "ok" if known else "no_model",
        "model": MODEL if known else "",
        "coverage": 0.7 if at % 97 < 4 else 1.0,
    }


def _cells(asset: str, channel: int, steps: range, learned: int, fault: Fault) -> Json:
    faulty = channel == fault.channel
    wrong = [18 * fault.size(at) * faulty for at in steps]
    calm = [_wave(asset, channel, at) for at in steps]
    expected = [calm[at - steps.start] + math.sin(at / 3 + channel) * 0.7 for at in steps]
    blame = [_share(channel, at, fault.size(at), faulty=faulty) for at in steps]
    return {
        "name": CHANNELS[channel],
        "measured": [value + off for value, off in zip(calm, wrong, strict=True)],
        "expected": [expected[at - steps.start] if at >= learned else None for at in steps],
        "blame": [blame[at - steps.start] if at >= learned else None for at in steps],
        "coverage": [1.0] * len(steps),
    }


def _wave(asset: str, channel: int, at: int) -> float:
    """Return a value that looks like a sensor's."""
    shift = len(asset) + sum(map(ord, asset[-1:]))
    slow = 4 * math.sin(at / (23 + 5 * channel) + shift)
    step = 9 * math.tanh(8 * math.sin(at / 61 + shift))
    return 40 + 6 * channel + slow + step + 0.3 * math.sin(at * 12.9898 + channel * 78.233)


def _share(channel: int, at: int, size: float, *, faulty: bool) -> float:
    calm = (1 + 0.8 * math.sin(at / 11 + channel)) / len(CHANNELS)
    return calm * (1 - size) + size * (0.72 if faulty else 0.04)


def asset(name: str, **more: Any) -> Json:
    """Return a card of the plant, normal unless told otherwise."""
    spark = [0.3 + 0.1 * math.sin(at / 5 + len(name)) for at in range(60)]
    return {
        "asset": name,
        "profile": "pump",
        "state": "ok",
        "severity": None,
        "status": "ok",
        "score": 0.31,
        "end_ms": BEGIN_MS + 300 * STRIDE_MS,
        "coverage": 1.0,
        "model": MODEL,
        "alert": None,
        "rule": None,
        "spark": spark,
        **more,
    }


def alarmed(name: str, severity: str = "critical", score: float = 4.61) -> Json:
    """Return the card of an asset in alert."""
    spark = [0.3 + 0.05 * math.sin(at) for at in range(46)] + [0.5 + at * 0.32 for at in range(14)]
    return asset(
        name, state="alert", severity=severity, score=score, alert="a1", rule="anomaly", spark=spark
    )


def unknown(name: str, status: str = "no_model") -> Json:
    """Return the card of an asset of which nothing can be said."""
    nothing = [None] * 60
    return asset(name, state="unknown", status=status, score=None, model="", spark=nothing)


def told(number: int = 1, **more: Any) -> Json:
    """Return who was told a step of an alert."""
    return {
        "receiver": "demo",
        "webhook_id": f"msg_{number:032x}",
        "step": number,
        "status": "firing",
        "outcome": "delivered",
        "at_ms": BEGIN_MS + 282 * STRIDE_MS,
        "signed": True,
        "verified": True,
        **more,
    }


def alert(name: str = "pump-2", **more: Any) -> Json:
    """Return an open alert about an asset."""
    return {
        "id": "a1",
        "asset": name,
        "profile": "pump",
        "rule": "anomaly",
        "state": "open",
        "severity": "critical",
        "began_ms": BEGIN_MS + 272 * STRIDE_MS,
        "opened_ms": BEGIN_MS + 275 * STRIDE_MS,
        "resolved_ms": None,
        "score": 4.61,
        "channels": [["bearing_temperature", 0.71], ["temperature", 0.06], ["flow", 0.05]],
        "model": MODEL,
        "summary": f"{name} has been abnormal since 2026-01-05 00:18:08 UTC: up to 4.61 times its "
        "limit, mostly in bearing_temperature (71%).",
        "told": [told()],
        **more,
    }


def model(version: str = MODEL, **more: Any) -> Json:
    """Return a version of a model."""
    return {
        "profile": "pump",
        "version": version,
        "created_ms": BEGIN_MS + 40 * STRIDE_MS,
        "standing": "champion",
        "promoted": True,
        "parent": "",
        "windows": 10_000,
        "scoring": True,
        "checks": [
            check("weights", "All weights are finite."),
            check("constants", "All constants are finite."),
            check(
                "holdout",
                "On the 1000 newest windows, which it did not learn from, the error is 0.0122.",
            ),
        ],
        **more,
    }


def check(name: str, sentence: str, *, passed: bool = True) -> Json:
    """Return one reason of a verdict."""
    return {"name": name, "passed": passed, "value": 0.0, "bound": None, "sentence": sentence}


def breakage(**more: Any) -> Json:
    """Return something that a visitor broke and that is not caught yet."""
    return {
        "id": "b1",
        "asset": "pump-3",
        "channel": "flow",
        "kind": "shift",
        "by": "visitor",
        "start_ms": BEGIN_MS + 288 * STRIDE_MS,
        "end_ms": BEGIN_MS + 348 * STRIDE_MS,
        "fate": "running",
        "alert": None,
        "delay_s": None,
        "named": None,
        **more,
    }


def bench() -> Json:
    """Return what may be broken."""
    return {
        "channels": {name: list(CHANNELS) for name in ASSETS},
        "choices": [{"kind": k, "title": t, "meaning": m} for k, t, m in CHOICES],
    }


def picture(
    assets: Sequence[Mapping[str, Any]] | None = None,
    alerts: Sequence[Mapping[str, Any]] = (),
    **more: Any,
) -> Json:
    """Return a picture of the demo: four pumps, all well, unless told otherwise."""
    shown = [asset(name) for name in ASSETS] if assets is None else list(assets)
    states = [each["state"] for each in shown]
    return {
        "kind": "demo",
        "now_ms": BEGIN_MS + 300 * STRIDE_MS,
        "story": {"title": "All is well.", "phase": "calm", "progress": 0.4},
        "counts": {
            "assets": len(shown),
            "shown": len(shown),
            **{state: states.count(state) for state in ("alert", "ok", "unknown")},
        },
        "assets": shown,
        "alerts": list(alerts),
        "models": [model()],
        "breakages": [],
        "bench": bench(),
        **more,
    }

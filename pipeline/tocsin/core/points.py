"""Scores and alerts -> points in InfluxDB's line protocol; the one place that knows the schema.

The schema works on InfluxDB 1.8, 2 and 3: a measurement's points all have the same tags, numbers
are always floats, and a point is never written twice with different values. Only a name that
every version reads back as it was is written:
https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.core.records import Floats, Scores, Transition

LONGEST_NAME_BYTES = 256
"""A tag's value may be this long in UTF-8."""

_MILLISECOND_NS = 1_000_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_AMBIGUOUS = re.compile(r"\\(?=[\\,= ]|$)")  # InfluxDB 2 and 3 read these differently
_TAG = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_TEXT = str.maketrans({'"': r"\"", "\\": r"\\"})


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a measurement: float or string, its unit, and what it says."""

    kind: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement: when it gets a point and of what time, its tags and its fields."""

    meaning: str
    tags: tuple[str, ...]
    fields: Mapping[str, Field]


MEASUREMENTS: Mapping[str, Measurement] = {
    "tocsin_score": Measurement(
        "One point per window, at its end. A window without a score has a status instead.",
        ("asset", "profile"),
        {
            "coverage": Field("float", "1", "share of the window's cells that were measured"),
            "error": Field("float", "1", "the window's own error / limit; only with status 0"),
            "model": Field("string", "", "version of the model; missing where there is none"),
            "score": Field(
                "float", "1", "smoothed error / limit, 1.0 is the boundary; only with status 0"
            ),
            "status": Field(
                "float",
                "",
                "0 scored, 1 warming up, 2 no model, 3 too few values, 4 model gave no number",
            ),
        },
    ),
    "tocsin_channel": Measurement(
        "One point per window and channel, at the window's end.",
        ("asset", "channel", "profile"),
        {
            "blame": Field("float", "1", "the channel's share of the window's error"),
            "coverage": Field("float", "1", "share of the window's slots that were measured"),
            "expected": Field("float", "engineering", "the model's value for the last slot"),
            "measured": Field("float", "engineering", "the value measured in the last slot"),
        },
    ),
    "tocsin_alert": Measurement(
        "One point per step of an alert, at the time of the step.",
        ("asset", "profile", "rule", "severity", "state"),
        {
            "alert": Field("string", "", "id of the alert, the same in all its steps"),
            "began_ms": Field(
                "float", "ms", "first sign: window end, or time of the newest reading"
            ),
            "opened_ms": Field("float", "ms", "when the alert opened"),
            "resolved_ms": Field("float", "ms", "when it was over; only with state resolved"),
            "score": Field("float", "1", "highest score so far; only with rule anomaly"),
            "sequence": Field("float", "", "1, 2, 3, ... within the alert"),
            "tags": Field("string", "", "rule, severity, state and most blamed channels"),
            "text": Field("string", "", "a sentence for a person"),
            "title": Field("string", "", "asset and rule"),
        },
    ),
    "tocsin_episode": Measurement(
        "One point per alert that is over, at its first sign: a region for annotations.",
        ("asset", "profile", "rule", "severity"),
        {
            "alert": Field("string", "", "id of the alert"),
            "score": Field("float", "1", "highest score; only with rule anomaly"),
            "tags": Field("string", "", "rule, severity and most blamed channels"),
            "text": Field("string", "", "a sentence for a person"),
            "time_end_ms": Field("float", "ms", "when it was over"),
            "title": Field("string", "", "asset and rule"),
        },
    ),
}
"""The schema. Times in fields are milliseconds since the Unix epoch, as Grafana wants them."""


@dataclass(slots=True)
class Lines:
    """Lines to be written, without newlines, and what could not be written.

    Attributes:
        lines: one point each.
        rejects: name that cannot be a tag -> why.
        dropped: how many points have such a name.
    """

    lines: list[bytes] = field(default_factory=list)
    rejects: dict[str, str] = field(default_factory=dict)
    dropped: int = 0

    def writable(self, *names: str) -> bool:
        """Whether all names can be tags; those that cannot are noted."""
        reasons = {name: reason for name in names if (reason := unwritable(name))}
        self.rejects.update(reasons)
        return not reasons


def unwritable(name: str) -> str:
    """Return why ``name`` cannot be the value of a tag; empty if it can."""
    if not name:
        return "it is empty"
    if len(name.encode(errors="replace")) > LONGEST_NAME_BYTES:
        return f"it is longer than {LONGEST_NAME_BYTES} bytes"
    if _CONTROL.search(name):
        return "it contains a control character"
    if _AMBIGUOUS.search(name):
        return "it has a backslash at its end or before a backslash, comma, equals sign or space"
    if not name.isascii() and any("\ud800" <= letter <= "\udfff" for letter in name):
        return "it is not Unicode text"
    return ""


def score_lines(scores: Scores) -> Lines:
    """Return the points of B windows: ``tocsin_score``, and ``tocsin_channel`` per channel."""
    found = Lines()
    assets = scores.asset.tolist()
    tags = _asset_tags(scores, found)
    times = [f" {end_ns}" for end_ns in scores.end_ns.tolist()]
    heads = {asset: f"tocsin_score,asset={name},{end}" for asset, (name, end) in tags.items()}
    _add(found, [heads.get(asset) for asset in assets], _score_fields(scores), times)
    for column, channel in enumerate(scores.channels):
        heads = {}
        if found.writable(channel):
            start = f"channel={_tag(channel)}"
            heads = {
                asset: f"tocsin_channel,asset={name},{start},{end}"
                for asset, (name, end) in tags.items()
            }
        fields = _channel_fields(scores, column)
        _add(found, [heads.get(asset) for asset in assets], fields, times)
    return found


def alert_lines(transitions: Iterable[Transition]) -> Lines:
    """Return the points of alert steps: ``tocsin_alert``, and ``tocsin_episode`` at the end."""
    found = Lines()
    for step in transitions:
        lines = [_alert_line(step)]
        if step.resolved_ns is not None:
            lines.append(_episode_line(step, step.resolved_ns))
        if found.writable(step.asset, step.profile):
            found.lines.extend(line.encode() for line in lines)
        else:
            found.dropped += len(lines)
    return found


def _asset_tags(scores: Scores, found: Lines) -> dict[int, tuple[str, str]]:
    """Return the escaped asset and the tags after it, of every asset that can be written."""
    if not found.writable(scores.profile):
        return {}
    end = f"profile={_tag(scores.profile)}"
    names = {asset: scores.names[asset] for asset in np.unique(scores.asset).tolist()}
    return {asset: (_tag(name), end) for asset, name in names.items() if found.writable(name)}


def _score_fields(scores: Scores) -> list[str]:
    """Return " field=value,...," of every window [B]."""
    covered = scores.coverage.mean(axis=1, dtype=np.float64)
    coverage = _short("coverage", covered)
    error = _exact("error", scores.error)
    model = f'model="{_text(scores.model)}",' if scores.model else ""
    score = _exact("score", scores.score)
    status = _exact("status", scores.status.astype(np.float64))
    columns = zip(coverage, error, score, status, strict=True)
    return [f" {before}{own}{model}{value}{why}" for before, own, value, why in columns]


def _channel_fields(scores: Scores, column: int) -> list[str]:
    """Return " field=value,...," of one channel in every window [B]; empty without values."""
    names = ("blame", "coverage", "expected", "measured")
    columns = [_short(name, getattr(scores, name)[:, column]) for name in names]
    return [f" {text}" if text else "" for text in map("".join, zip(*columns, strict=True))]


def _add(
    found: Lines, heads: Sequence[str | None], fields: Sequence[str], times: Sequence[str]
) -> None:
    """Add the line of every row that has fields and whose names can be written."""
    rows = zip(heads, fields, times, strict=True)
    lines = [f"{head}{body[:-1]}{time}".encode() for head, body, time in rows if head and body]
    found.lines.extend(lines)
    found.dropped += sum(map(bool, fields)) - len(lines)


def _short(name: str, column: NDArray[np.floating[Any]]) -> list[str]:
    """Return "name=value," of every row, with all digits of a single; empty if not finite."""
    return [f"{name}={value:.7g}," if isfinite(value) else "" for value in column.tolist()]


def _exact(name: str, column: Floats) -> list[str]:
    """Return "name=value," of every row, with all digits of a double; empty if not finite."""
    return [f"{name}={value!r}," if isfinite(value) else "" for value in column.tolist()]


def _alert_line(step: Transition) -> str:
    fields: dict[str, str | float | None] = {
        "alert": step.id,
        "began_ms": step.began_ns / _MILLISECOND_NS,
        "opened_ms": step.opened_ns / _MILLISECOND_NS,
        "resolved_ms": None if step.resolved_ns is None else step.resolved_ns / _MILLISECOND_NS,
        "score": step.score,
        "sequence": float(step.sequence),
        "tags": _labels(step, step.rule, step.severity, step.state),
        "text": step.summary,
        "title": f"{step.asset}: {step.rule}",
    }
    tags = f"{_alert_tags(step)},state={step.state}"
    return f"tocsin_alert,{tags} {_fields(fields)} {step.at_ns}"


def _episode_line(step: Transition, resolved_ns: int) -> str:
    fields: dict[str, str | float | None] = {
        "alert": step.id,
        "score": step.score,
        "tags": _labels(step, step.rule, step.severity),
        "text": step.summary,
        "time_end_ms": resolved_ns / _MILLISECOND_NS,
        "title": f"{step.asset}: {step.rule}",
    }
    return f"tocsin_episode,{_alert_tags(step)} {_fields(fields)} {step.began_ns}"


def _alert_tags(step: Transition) -> str:
    asset, profile = _tag(step.asset), _tag(step.profile)
    return f"asset={asset},profile={profile},rule={step.rule},severity={step.severity}"


def _labels(step: Transition, *words: str) -> str:
    """Return words and channels as Grafana splits them: a comma between, none within."""
    channels = (name.replace(",", " ") for name, _ in step.channels)
    return ",".join([*words, *channels])


def _fields(fields: Mapping[str, str | float | None]) -> str:
    written = []
    for name, value in fields.items():
        if isinstance(value, str):
            written.append(f'{name}="{_text(value)}"')
        elif value is not None and isfinite(value):
            written.append(f"{name}={value!r}")
    return ",".join(written)


def _tag(name: str) -> str:
    return name.translate(_TAG)


def _text(text: str) -> str:
    return _CONTROL.sub(" ", text).translate(_TEXT)

"""Scores, alerts and reports -> points in InfluxDB's line protocol, as `schema` has them.

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

from tocsin.core.operations import FitReport, Report, RoleReport
from tocsin.core.records import Check, Floats, Scores, Transition
from tocsin.core.schema import MEASUREMENTS

__all__ = ["MEASUREMENTS", "Lines", "alert_lines", "report_lines", "score_lines", "unwritable"]

LONGEST_NAME_BYTES = 256
"""A tag's value may be this long in UTF-8."""

Fields = Mapping[str, str | float | None]
"""Fields of a point, in the order of their names; None is left out."""

_MILLISECOND_NS = 1_000_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_AMBIGUOUS = re.compile(r"\\(?=[\\,= ]|$)")  # InfluxDB 2 and 3 read these differently
_TAG = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_TEXT = str.maketrans({'"': r"\"", "\\": r"\\"})


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


def report_lines(report: Report) -> Lines:
    """Return the points of a report.

    ``tocsin_role`` of a role; ``tocsin_model`` of a fit, and ``tocsin_check`` per check.
    """
    found = Lines()
    if isinstance(report, RoleReport):
        tags = {"instance": report.instance, "role": report.role}
        _add_point(found, ("tocsin_role", tags), _role_fields(report), report.at_ns)
        return found
    tags = {"profile": report.profile, "verdict": report.verdict}
    _add_point(found, ("tocsin_model", tags), _fit_fields(report), report.at_ns)
    for check in report.checks:
        tags = {"check": check.name, "profile": report.profile}
        fields = _check_fields(check, report.version)
        _add_point(found, ("tocsin_check", tags), fields, report.at_ns)
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
    fields: Fields = {
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
    fields: Fields = {
        "alert": step.id,
        "score": step.score,
        "tags": _labels(step, step.rule, step.severity),
        "text": step.summary,
        "time_end_ms": resolved_ns / _MILLISECOND_NS,
        "title": f"{step.asset}: {step.rule}",
    }
    return f"tocsin_episode,{_alert_tags(step)} {_fields(fields)} {step.began_ns}"


def _role_fields(report: RoleReport) -> Fields:
    return {name: report.numbers.get(name) for name in MEASUREMENTS["tocsin_role"].fields}


def _fit_fields(report: FitReport) -> Fields:
    title = f"{report.profile}: {report.verdict} {report.version}".rstrip()
    return {
        "left_out": float(report.left_out),
        "parent": report.parent or None,
        "seconds": report.seconds,
        "tags": f"{report.profile.replace(',', ' ')},{report.verdict}",
        "text": report.text,
        "title": title,
        "version": report.version or None,
        "windows": float(report.windows),
    }


def _check_fields(check: Check, version: str) -> Fields:
    return {
        "bound": check.bound,
        "passed": float(check.passed),
        "text": check.sentence,
        "value": check.value,
        "version": version or None,
    }


def _add_point(
    found: Lines, series: tuple[str, Mapping[str, str]], fields: Fields, time_ns: int
) -> None:
    """Add a point of ``series``, a measurement and its tags, if it has fields."""
    measurement, tags = series
    if not (body := _fields(fields)):
        return
    if not found.writable(*tags.values()):
        found.dropped += 1
        return
    head = ",".join([measurement, *(f"{name}={_tag(value)}" for name, value in tags.items())])
    found.lines.append(f"{head} {body} {time_ns}".encode())


def _alert_tags(step: Transition) -> str:
    asset, profile = _tag(step.asset), _tag(step.profile)
    return f"asset={asset},profile={profile},rule={step.rule},severity={step.severity}"


def _labels(step: Transition, *words: str) -> str:
    """Return words and channels as Grafana splits them: a comma between, none within."""
    channels = (name.replace(",", " ") for name, _ in step.channels)
    return ",".join([*words, *channels])


def _fields(fields: Fields) -> str:
    """Return "field=value,..." of what there is; a number that is not finite is not."""
    written = []
    for name, value in fields.items():
        if isinstance(value, str):
            written.append(f'{name}="{_text(value)}"')
        elif value is not None and isfinite(value):
            written.append(f"{name}={float(value)!r}")
    return ",".join(written)


def _tag(name: str) -> str:
    return name.translate(_TAG)


def _text(text: str) -> str:
    return _CONTROL.sub(" ", text).translate(_TEXT)

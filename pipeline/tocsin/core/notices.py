"""What is, against what was said -> what to say now.

A body is what Alertmanager sends to webhooks, version 4, so that whatever understands Alertmanager
understands Tocsin: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from tocsin.core.instants import duration, rfc3339
from tocsin.core.records import Notice, Rule, State, Transition

ALERT_NAMES: Mapping[Rule, str] = {Rule.ANOMALY: "TocsinAnomaly", Rule.SILENT: "TocsinSilent"}
"""The label ``alertname`` of every rule."""

_NOT_ENDED = "0001-01-01T00:00:00Z"
_MARGIN_NS = 1_800_000_000_000


@dataclass(frozen=True, slots=True)
class NoticeContext:
    """What a body says of Tocsin itself.

    Attributes:
        external_url: where people find this Tocsin; "" if nowhere.
        dashboard_url: a Grafana dashboard with a variable ``asset``; "" if there is none.
    """

    external_url: str = ""
    dashboard_url: str = ""


def plan(
    pending: Sequence[Transition],
    said: Mapping[str, int],
    receiver: str,
    context: NoticeContext,
) -> list[Notice]:
    """Return what a receiver is to be told, in this order.

    A step opens or worsens an alert, or resolves it. Of the first kind only the last one of an
    alert is told, because it says all that those before it would have said. That an alert is
    resolved is always told, and after that it was open wherever that is pending too.

    Args:
        pending: steps in the order of the log, which may hold a step more than once.
        said: alert id -> highest sequence that the receiver has taken.
        receiver: its name.
        context: what a body says of Tocsin itself.
    """
    news = {
        (step.id, step.sequence): step for step in pending if step.sequence > said.get(step.id, 0)
    }
    last_open: dict[str, int] = {}
    for step in news.values():
        if step.state is State.OPEN:
            last_open[step.id] = max(step.sequence, last_open.get(step.id, 0))
    return [
        _notice(step, receiver, context)
        for step in news.values()
        if step.state is State.RESOLVED or step.sequence == last_open[step.id]
    ]


def notice_id(receiver: str, step: Transition) -> str:
    """Return the idempotency key of telling a step to a receiver."""
    return "msg_" + _digest(f"{receiver}|{step.id}|{step.sequence}")[:32]


def _notice(step: Transition, receiver: str, context: NoticeContext) -> Notice:
    labels, annotations = _labels(step), _annotations(step, context)
    group = {name: labels[name] for name in ("alertname", "asset", "profile")}
    body = {
        "version": "4",
        "groupKey": f"{{}}:{_label_set(group)}",
        "truncatedAlerts": 0,
        "status": _status(step),
        "receiver": receiver,
        "groupLabels": group,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": context.external_url,
        "alerts": [_alert(step, labels, annotations, context)],
    }
    return Notice(notice_id(receiver, step), receiver, msgspec.json.encode(body), (step,))


def _alert(
    step: Transition,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    context: NoticeContext,
) -> dict[str, object]:
    ended = _NOT_ENDED if step.resolved_ns is None else rfc3339(step.resolved_ns)
    return {
        "status": _status(step),
        "labels": labels,
        "annotations": annotations,
        "startsAt": rfc3339(step.began_ns),
        "endsAt": ended,
        "generatorURL": _dashboard(step, context) or context.external_url,
        "fingerprint": _digest(f"{step.profile}|{step.asset}|{step.rule}")[:16],
    }


def _labels(step: Transition) -> dict[str, str]:
    return {
        "alertname": ALERT_NAMES[step.rule],
        "asset": step.asset,
        "profile": step.profile,
        "rule": step.rule.value,
        "severity": step.severity.value,
    }


def _annotations(step: Transition, context: NoticeContext) -> dict[str, str]:
    told = {
        "alert_id": step.id,
        "sequence": str(step.sequence),
        "summary": step.summary,
        "description": _description(step),
        "top_channels": ", ".join(f"{name} {share:.0%}" for name, share in step.channels),
        "score": "" if step.score is None else f"{step.score:.4g}",
        "model": step.model,
        "dashboard_url": _dashboard(step, context),
    }
    return {name: text for name, text in told.items() if text}


def _description(step: Transition) -> str:
    parts = [step.summary, f"First sign at {rfc3339(step.began_ns)}"]
    parts.append(f"alert opened at {rfc3339(step.opened_ns)}")
    if step.resolved_ns is not None:
        lasted = duration(max(0, step.resolved_ns - step.began_ns))
        parts.append(f"over at {rfc3339(step.resolved_ns)} after {lasted}")
    return f"{parts[0]} {', '.join(parts[1:])}."


def _dashboard(step: Transition, context: NoticeContext) -> str:
    if not context.dashboard_url:
        return ""
    ended_ns = step.at_ns if step.resolved_ns is None else step.resolved_ns
    begin_ms = (step.began_ns - _MARGIN_NS) // 1_000_000
    end_ms = (ended_ns + _MARGIN_NS) // 1_000_000
    joint = "&" if "?" in context.dashboard_url else "?"
    asset = quote(step.asset, safe="")
    return f"{context.dashboard_url}{joint}var-asset={asset}&from={begin_ms}&to={end_ms}"


def _status(step: Transition) -> str:
    return "firing" if step.state is State.OPEN else "resolved"


def _label_set(labels: Mapping[str, str]) -> str:
    quoted = (f"{name}={msgspec.json.encode(value).decode()}" for name, value in labels.items())
    return f"{{{', '.join(quoted)}}}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

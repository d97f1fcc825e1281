"""The JSON of everything that the page is sent. Times are milliseconds, missing numbers null."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tocsin.core.notices import NoticeContext
from tocsin.core.records import Check, State, Transition
from tocsin.page.fleet import STATUS_NAMES, shorten
from tocsin.page.seams import Breakage, Plant, Postmark
from tocsin.page.tales import Telling
from tocsin.page.traces import CELLS, Stretch
from tocsin.ports import Version

_MILLISECOND_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class Model:
    """A version, and the facts that its bundle tells of itself, where they are known."""

    version: Version
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Post:
    """What can be said of webhooks.

    Attributes:
        signed: receiver -> whether it is sent a signature.
        context: what a notice says of Tocsin itself.
        postmark: who knows whether a signature held; None if nobody.
    """

    signed: Mapping[str, bool]
    context: NoticeContext
    postmark: Postmark | None = None

    def verified(self, telling: Telling) -> bool | None:
        """Return whether the signature held; None: not known."""
        return self.postmark.verified(telling.webhook_id) if self.postmark else None


def milliseconds(time_ns: int | None) -> int | None:
    """Return a time as the page has it."""
    return None if time_ns is None else time_ns // _MILLISECOND_NS


def alert_form(step: Transition, tellings: Sequence[Telling], post: Post) -> dict[str, Any]:
    """Return an alert by its newest step, with who was told."""
    return {
        "id": step.id,
        "asset": step.asset,
        "profile": step.profile,
        "rule": step.rule,
        "state": step.state,
        "severity": step.severity,
        "began_ms": milliseconds(step.began_ns),
        "opened_ms": milliseconds(step.opened_ns),
        "resolved_ms": milliseconds(step.resolved_ns),
        "score": step.score,
        "channels": step.channels,
        "model": step.model,
        "summary": step.summary,
        "told": [_telling_form(telling, post) for telling in tellings],
    }


def letter_form(telling: Telling, post: Post) -> dict[str, Any]:
    """Return a webhook with its body."""
    return {
        "webhook_id": telling.webhook_id,
        "receiver": telling.receiver,
        "signed": post.signed.get(telling.receiver),
        "verified": post.verified(telling),
        "outcome": telling.outcome,
        "body": msgspec.Raw(telling.body(post.context)),
    }


def model_form(model: Model, *, scoring: bool) -> dict[str, Any]:
    """Return a version with its verdict; ``scoring``: it was seen to score."""
    version = model.version
    return {
        "profile": version.profile,
        "version": version.version,
        "created_ms": milliseconds(version.created_ns),
        "standing": version.standing,
        "promoted": version.verdict.promoted,
        "parent": model.facts.get("parent") or None,
        "windows": model.facts.get("windows"),
        "scoring": scoring,
        "checks": [_check_form(check) for check in version.verdict.checks],
    }


def stretch_form(asset: str, stretch: Stretch) -> dict[str, Any]:
    """Return windows of an asset, as columns."""
    cells = shorten(stretch.cells, 7).transpose(2, 1, 0).tolist()  # [F, 4, N]
    return {
        "asset": asset,
        "profile": stretch.profile,
        "limit": 1,
        "end_ms": (stretch.end_ns // _MILLISECOND_NS).tolist(),
        "score": shorten(stretch.score, 7).tolist(),
        "error": shorten(stretch.error, 7).tolist(),
        "status": [STATUS_NAMES[code] for code in stretch.status.tolist()],
        "model": stretch.model,
        "coverage": shorten(stretch.coverage, 4).tolist(),
        "channels": [
            {"name": name, **dict(zip(CELLS, own, strict=True))}
            for name, own in zip(stretch.channels, cells, strict=True)
        ],
    }


def plant_form(plant: Plant | None) -> dict[str, Any]:
    """Return what only a plant knows: its story, what was broken, and what may be."""
    if plant is None:
        return {"story": None, "breakages": None, "bench": None}
    choices = [
        {"kind": each.kind, "title": each.title, "meaning": each.meaning} for each in plant.choices
    ]
    told = plant.narration()
    channels = {asset: list(names) for asset, names in plant.channels.items()}
    return {
        "story": {"title": told.title, "phase": told.phase, "progress": told.progress},
        "breakages": [breakage_form(each) for each in reversed(plant.breakages())],
        "bench": {"channels": channels, "choices": choices},
    }


def breakage_form(breakage: Breakage) -> dict[str, Any]:
    """Return something that was broken."""
    return {
        "id": breakage.id,
        "asset": breakage.asset,
        "channel": breakage.channel,
        "kind": breakage.kind,
        "by": breakage.by,
        "start_ms": milliseconds(breakage.start_ns),
        "end_ms": milliseconds(breakage.end_ns),
        "fate": breakage.fate,
        "alert": breakage.alert or None,
        "delay_s": breakage.delay_s,
        "named": breakage.named,
    }


def _telling_form(telling: Telling, post: Post) -> dict[str, Any]:
    firing = telling.step.state is State.OPEN
    return {
        "receiver": telling.receiver,
        "webhook_id": telling.webhook_id,
        "step": telling.step.sequence,
        "status": "firing" if firing else "resolved",
        "outcome": telling.outcome,
        "at_ms": milliseconds(telling.at_ns),
        "signed": post.signed.get(telling.receiver),
        "verified": post.verified(telling),
    }


def _check_form(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "passed": check.passed,
        "value": check.value,
        "bound": check.bound,
        "sentence": check.sentence,
    }

"""What has been seen of the log -> what the page shows of it. No clock, no socket."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocsin.core.profile import Profile
from tocsin.core.records import Ids, Scores, Severity, Status, Transition
from tocsin.page.fleet import NO_WINDOW, STATUS_NAMES, Fleet, shorten
from tocsin.page.forms import Model, Post, alert_form, milliseconds, model_form
from tocsin.page.tales import Mark, Tales, Telling
from tocsin.page.traces import Stretch, Traces

_STATES = ("alert", "alert", "unknown", "ok")
"""By rank, which is also what is shown first: critical, warning, unknown, in order."""

_MOST_VERSIONS = 1_000


@dataclass(frozen=True, slots=True)
class PicturePolicy:
    """What is shown, and how much is kept for it.

    Attributes:
        kind: "live", or "demo": few assets, which keep their places.
        assets: at most so many are shown.
        alerts: at most so many are shown.
        models: at most so many of each profile are shown.
        history_bytes: what the histories of all assets may take.
    """

    kind: str = "live"
    assets: int = 200
    alerts: int = 50
    models: int = 30
    history_bytes: int = 128 * 1024 * 1024


class Picture:
    """All that the page knows of the log; grows to a bound and no further.

    Args:
        profiles: the kinds of assets that are expected; others are shown all the same.
        post: who is told of alerts, and how.
        policy: what is shown and kept.

    Attributes:
        changes: grows with everything that is taken.
        watched: assets that somebody looks at: they get a history even where there is no room
            for all.
    """

    def __init__(self, profiles: Sequence[Profile], post: Post, policy: PicturePolicy) -> None:
        self.changes = 0
        self.watched: Collection[str] = ()
        self._post = post
        self._policy = policy
        self._patience_ns = {profile.name: _patience_ns(profile) for profile in profiles}
        self._room_bytes = policy.history_bytes // max(1, len(profiles))
        self._trouble = "The log has not been read yet."
        self._newest_ns: int | None = None
        self._fleet = Fleet()
        self._tales = Tales()
        self._traces: dict[str, Traces] = {}
        self._models: dict[str, Sequence[Model]] = {}
        self._scored: dict[tuple[str, str], None] = {}

    def take_scores(self, scores: Scores, heard_ns: int) -> None:
        """Take a block; ``heard_ns`` is the log's own time of its entry.

        Raises:
            ValueError: if it speaks of assets that it does not name.
        """
        if not len(scores):
            return
        if scores.asset.min() < 0 or scores.asset.max() >= len(scores.names):
            raise ValueError("a score block with an asset that has no name")
        news = self._fleet.take(scores, heard_ns)
        if not len(news.row):
            return
        self._shelf(scores).take(scores, news, self._is_wanted, heard_ns)
        self._reach(int(scores.end_ns[news.row].max()))
        if scores.model and len(self._scored) < _MOST_VERSIONS:
            self._scored[scores.profile, scores.model] = None

    def take_step(self, step: Transition) -> None:
        """Take a step of an alert."""
        self._tales.take(step)
        self._reach(step.at_ns)

    def take_mark(self, alert: str, receiver: str, mark: Mark) -> None:
        """Take what became of telling a receiver."""
        self._tales.mark(alert, receiver, mark)
        self.changes += 1

    def take_models(self, profile: str, models: Sequence[Model]) -> None:
        """Take all models of a profile, oldest first."""
        if self._models.get(profile) != models:
            self._models[profile] = models
            self.changes += 1

    def say(self, trouble: str) -> None:
        """Say why the log cannot be read now; an empty text if it can be."""
        self.changes += trouble != self._trouble
        self._trouble = trouble

    def find(self, webhook_id: str) -> Telling | None:
        """Return what a ``webhook-id`` stands for, if that is still known."""
        return self._tales.find(webhook_id, self._post.signed)

    def trace(self, asset: str, after_ns: int = -1) -> tuple[bool, Stretch] | None:
        """Return an asset's windows that ended later, and whether that is all that is kept.

        None if nothing has been seen of it.
        """
        index = self._fleet.find(asset)
        traces = None if index is None else self._traces.get(self._fleet.profiles[index])
        return None if traces is None else traces.since(asset, after_ns)

    def draw(self, now_ns: int) -> dict[str, Any]:
        """Return what is shown, ready for JSON; ``now_ns`` is the wall clock.

        An asset of which the log has had nothing for longer than its profile calls silent is
        unknown, whatever its last window said: perhaps nobody scores any more.
        """
        alarmed = self._tales.alarmed()
        rank = self._rank(alarmed, now_ns)
        shown = self._choose(rank)
        tales, told = self._tales.newest(self._policy.alerts), self._tales.told
        return {
            "kind": self._policy.kind,
            "now_ms": milliseconds(self._newest_ns),
            "log": {"ok": not self._trouble, "reason": self._trouble},
            "counts": _count(rank, len(shown)),
            "assets": [self._asset(index, int(rank[index]), alarmed) for index in shown],
            "alerts": [
                alert_form(tale.newest, told(tale, self._post.signed), self._post) for tale in tales
            ],
            "models": [
                model_form(model, scoring=(profile, model.version.version) in self._scored)
                for profile, models in self._models.items()
                for model in models[: -self._policy.models - 1 : -1]
            ],
        }

    def _is_wanted(self, asset: str) -> bool:
        return asset in self.watched or asset in self._tales.alarmed()

    def _reach(self, time_ns: int) -> None:
        self._newest_ns = max(time_ns, self._newest_ns or 0)
        self.changes += 1

    def _shelf(self, scores: Scores) -> Traces:
        traces = self._traces.get(scores.profile)
        if traces is None or traces.channels != scores.channels:
            traces = Traces(scores.profile, scores.channels, self._room_bytes)
            self._traces[scores.profile] = traces
        return traces

    def _rank(self, alarmed: Mapping[str, Transition], now_ns: int) -> Ids:
        """Return an index into `_STATES` for every asset."""
        fleet = self._fleet
        owners = {fleet.enter(asset, step.profile): step for asset, step in alarmed.items()}
        size = len(fleet)
        patience_ns = [self._patience_ns.get(name, 2**62) for name in fleet.profiles]
        lively = fleet.heard_ns[:size] >= now_ns - np.array(patience_ns, np.int64)
        rank = np.where((fleet.status[:size] == Status.OK) & lively, 3, 2).astype(np.int32)
        for index, step in owners.items():
            rank[index] = 0 if step.severity is Severity.CRITICAL else 1
        return rank

    def _choose(self, rank: Ids) -> list[int]:
        most, fleet = self._policy.assets, self._fleet
        if self._policy.kind == "demo":
            return sorted(range(len(rank)), key=lambda index: fleet.names[index])[:most]
        score = np.nan_to_num(fleet.score[: len(rank)], nan=-1.0)
        found: list[int] = np.lexsort((-score, rank))[:most].tolist()
        return found

    def _asset(self, index: int, rank: int, alarmed: Mapping[str, Transition]) -> dict[str, Any]:
        fleet, state = self._fleet, _STATES[rank]
        status = int(fleet.status[index])
        alert = alarmed.get(fleet.names[index])
        numbers = shorten(np.array([fleet.score[index], fleet.coverage[index]]), 4).tolist()
        return {
            "asset": fleet.names[index],
            "profile": fleet.profiles[index],
            "state": state,
            "severity": alert.severity if alert else None,
            "status": STATUS_NAMES[status],
            "score": None if state == "unknown" else numbers[0],
            "end_ms": None if status == NO_WINDOW else milliseconds(int(fleet.end_ns[index])),
            "coverage": numbers[1],
            "model": fleet.models[index],
            "alert": alert.id if alert else None,
            "rule": alert.rule if alert else None,
            "spark": fleet.spark(index),
        }


def _count(rank: Ids, shown: int) -> dict[str, int]:
    critical, warning, unknown, well = np.bincount(rank, minlength=len(_STATES)).tolist()
    return {
        "assets": len(rank),
        "shown": shown,
        "alert": critical + warning,
        "ok": well,
        "unknown": unknown,
    }


def _patience_ns(profile: Profile) -> int:
    """Return for how long the log may have nothing of an asset before it counts as unknown."""
    return profile.silent_after_ns + 2 * profile.stride * profile.period_ns

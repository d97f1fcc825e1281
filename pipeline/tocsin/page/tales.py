"""The alerts, step by step, and who was told what."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import msgspec

from tocsin.core.notices import NoticeContext, notice_id, plan
from tocsin.core.records import Severity, State, Transition

_MOST_OPEN = 5_000
_MOST_OVER = 500
_MOST_MARKED = 10_000

_Kept = TypeVar("_Kept")


class Outcome(StrEnum):
    """What became of telling a step to a receiver."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    DISABLED = "disabled"


class Mark(msgspec.Struct, frozen=True):
    """What stands in the topic of deliveries under ``alert id|receiver``."""

    sequence: int
    status: Outcome
    at: int  # wall clock, ns


@dataclass(frozen=True, slots=True)
class Telling:
    """A step and a receiver: what became of it; ``at_ns`` is None while it waits."""

    receiver: str
    step: Transition
    outcome: Outcome
    at_ns: int | None

    @property
    def webhook_id(self) -> str:
        """The same on every try."""
        return notice_id(self.receiver, self.step)

    def body(self, context: NoticeContext) -> bytes:
        """Return the JSON that is posted: it depends on the step and the context alone."""
        return plan([self.step], {}, self.receiver, context)[0].body


@dataclass(slots=True)
class Tale:
    """The steps of one alert by their sequence."""

    steps: dict[int, Transition] = field(default_factory=dict)

    @property
    def newest(self) -> Transition:
        """The step that says how things stand."""
        return self.steps[max(self.steps)]


class Tales:
    """Alerts and deliveries, in whatever order and however often they come; bounded."""

    def __init__(self) -> None:
        self._open: dict[str, Tale] = {}
        self._over: dict[str, Tale] = {}  # those that were resolved last stand at the end
        self._marks: dict[str, dict[str, dict[int, Mark]]] = {}  # alert -> receiver -> sequence
        self._alarmed: dict[str, Transition] | None = None

    def take(self, step: Transition) -> None:
        """Take a step; one that is known changes nothing."""
        tale = self._open.pop(step.id, None) or self._over.pop(step.id, None) or Tale()
        tale.steps.setdefault(step.sequence, step)
        kept = self._over if tale.newest.state is State.RESOLVED else self._open
        kept[step.id] = tale
        self._alarmed = None
        _trim(self._open, _MOST_OPEN)
        _trim(self._over, _MOST_OVER)

    def mark(self, alert: str, receiver: str, mark: Mark) -> None:
        """Take what stands in the topic of deliveries."""
        marks = self._marks.setdefault(alert, {})
        marks.setdefault(receiver, {})[mark.sequence] = mark
        _trim(self._marks, _MOST_MARKED)

    def alarmed(self) -> Mapping[str, Transition]:
        """Return every asset that has an open alert, with the newest step of the worst of them."""
        if self._alarmed is None:
            steps = sorted((tale.newest for tale in self._open.values()), key=_urgency)
            self._alarmed = {step.asset: step for step in steps}
        return self._alarmed

    def newest(self, most: int) -> list[Tale]:
        """Return alerts, newest first; none that is open is left out for one that is over."""
        chosen = _newest_first(self._open.values())[:most]
        chosen += _newest_first(self._over.values())[: most - len(chosen)]
        return _newest_first(chosen)

    def told(self, tale: Tale, receivers: Iterable[str]) -> list[Telling]:
        """Return who was told which step; the newest one may still be waiting.

        Args:
            tale: an alert.
            receivers: who is to be told; whoever else was told is named after them.
        """
        newest, found = tale.newest, list[Telling]()
        by_receiver = self._marks.get(newest.id, {})
        for receiver in dict.fromkeys([*receivers, *by_receiver]):
            marks = by_receiver.get(receiver, {})
            found += [
                Telling(receiver, tale.steps[sequence], mark.status, mark.at)
                for sequence, mark in sorted(marks.items())
                if sequence in tale.steps
            ]
            if newest.sequence > max(marks, default=0):
                found.append(Telling(receiver, newest, Outcome.WAITING, None))
        return found

    def find(self, webhook_id: str, receivers: Collection[str]) -> Telling | None:
        """Return what a ``webhook-id`` stands for, if that is still known."""
        for tale in [*self._open.values(), *self._over.values()]:
            for telling in self.told(tale, receivers):
                if telling.webhook_id == webhook_id:
                    return telling
        return None


def _newest_first(tales: Iterable[Tale]) -> list[Tale]:
    return sorted(tales, key=lambda tale: (tale.newest.opened_ns, tale.newest.id), reverse=True)


def _urgency(step: Transition) -> tuple[bool, int]:
    return step.severity is Severity.CRITICAL, step.opened_ns


def _trim(kept: dict[str, _Kept], most: int) -> None:
    while len(kept) > most:
        del kept[next(iter(kept))]

"""What the page is given by whoever opens it, beside the log.

Only the demo has a plant that may be broken, a story to tell and a receiver that says whether a
signature held. Everything else on the page comes from the log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Occupied(Exception):  # noqa: N818 - a state of the world, read as such where it is caught
    """Nothing can be broken now; the message says why, and when it can be."""


class Fate(StrEnum):
    """What became of something that was broken."""

    RUNNING = "running"
    """It lasts, and no alert has opened yet."""
    CAUGHT = "caught"
    """An alert about the asset opened while it lasted, or soon after."""
    MISSED = "missed"
    """It is over, and nothing was said."""


@dataclass(frozen=True, slots=True)
class Narration:
    """Where the story stands.

    Attributes:
        title: one sentence.
        phase: learning, calm, fault, recovery or free (whatever visitors make of it).
        progress: 0 to 1 where something is awaited whose end is known, else None.
    """

    title: str
    phase: str
    progress: float | None = None


@dataclass(frozen=True, slots=True)
class Breakage:
    """A fault that was put into the plant, by the story or by a visitor; times in event time."""

    id: str
    asset: str
    channel: str
    kind: str
    by: str  # "story" or "visitor"
    start_ns: int
    end_ns: int
    fate: Fate
    alert: str = ""  # id of the alert that caught it
    delay_s: float | None = None  # from its start to the opening of the alert
    named: bool | None = None  # whether the channel is the most blamed one; None: nothing caught


@dataclass(frozen=True, slots=True)
class FaultChoice:
    """A kind of fault as a visitor sees it."""

    kind: str
    title: str  # "Shift"
    meaning: str  # one short sentence


class Plant(Protocol):
    """A plant whose story is told, and which visitors may break."""

    @property
    def channels(self) -> Mapping[str, Sequence[str]]:
        """The channels of every asset."""
        ...

    @property
    def choices(self) -> Sequence[FaultChoice]:
        """The kinds of faults."""
        ...

    def narration(self) -> Narration:
        """Return where the story stands."""
        ...

    def breakages(self) -> Sequence[Breakage]:
        """Return what was broken so far, oldest first, at most the newest hundred."""
        ...

    def break_channel(self, asset: str, channel: str, kind: str) -> Breakage:
        """Break something from now on, for a while.

        Raises:
            KeyError: if there is no such asset, channel or kind; the argument says which.
            Occupied: if nothing can be broken now.
        """
        ...


class Postmark(Protocol):
    """A receiver that can be asked about what arrived."""

    def verified(self, webhook_id: str) -> bool | None:
        """Return whether the signature of what arrived held; None: nothing has arrived yet."""
        ...

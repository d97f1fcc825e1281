"""What the page is given of a live demo."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tocsin.page.seams import Breakage, Fate, FaultChoice, Narration, Occupied
from tocsin.ports import Registry, Version
from tocsin.tools.breaking import CHOICES, Broken, Busy
from tocsin.tools.live import LiveStory
from tocsin_models.faults import FaultKind

if TYPE_CHECKING:
    from tocsin_models.bundle import Bundle


class Theatre:
    """The plant of a story that is played: a `tocsin.page.seams.Plant`."""

    def __init__(self, story: LiveStory) -> None:
        self.channels: Mapping[str, Sequence[str]] = dict.fromkeys(story.assets, story.channels)
        self.choices: Sequence[FaultChoice] = [
            FaultChoice(str(kind), choice.title, choice.meaning) for kind, choice in CHOICES.items()
        ]
        self._story = story

    def narration(self) -> Narration:
        """Return where the story stands."""
        chapter = self._story.chapter
        return Narration(chapter.title, str(chapter.phase), chapter.progress)

    def breakages(self) -> Sequence[Breakage]:
        """Return what was broken so far, oldest first."""
        self._story.settle()
        return [_breakage(broken) for broken in self._story.ledger.entries]

    def break_channel(self, asset: str, channel: str, kind: str) -> Breakage:
        """Break something from now on, for a while.

        Raises:
            KeyError: if there is no such asset, channel or kind; the argument says which.
            Occupied: if nothing can be broken now.
        """
        if asset not in self.channels:
            raise KeyError(f"there is no asset {asset}")
        if channel not in self.channels[asset]:
            raise KeyError(f"{asset} has no channel {channel}")
        if kind not in CHOICES:
            raise KeyError(f"there is no kind of fault called {kind}")
        try:
            return _breakage(self._story.break_channel(asset, channel, FaultKind(kind)))
        except Busy as reason:
            raise Occupied(str(reason)) from None


class LateRegistry:
    """The part of a registry that a page and a story need; empty until it is opened.

    Opening one loads torch, which takes longer than anybody wants to wait for a page.
    """

    def __init__(self) -> None:
        self.opened: Registry | None = None

    async def versions(self, profile: str) -> Sequence[Version]:
        """Return all versions, oldest first."""
        return await self.opened.versions(profile) if self.opened else ()

    async def champion(self, profile: str) -> str | None:
        """Return the version that should score now."""
        return await self.opened.champion(profile) if self.opened else None

    async def fetch(self, profile: str, version: str) -> "Bundle":
        """Return a bundle; raises KeyError if there is no such version."""
        if self.opened is None:
            raise KeyError(version)
        return await self.opened.fetch(profile, version)


def _breakage(broken: Broken) -> Breakage:
    missed = Fate.MISSED if broken.over else Fate.RUNNING
    return Breakage(
        id=str(broken.number),
        asset=broken.fault.asset,
        channel=broken.channel,
        kind=str(broken.fault.kind),
        by=broken.by,
        start_ns=broken.fault.start_ns,
        end_ns=broken.fault.end_ns,
        fate=missed if broken.alert is None else Fate.CAUGHT,
        alert="" if broken.alert is None else broken.alert.id,
        delay_s=broken.delay_s,
        named=broken.named,
    )

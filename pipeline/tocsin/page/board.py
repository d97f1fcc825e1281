"""The picture as it is sent: drawn no more often than needed, and encoded once for everybody."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from tocsin.page.forms import plant_form, stretch_form
from tocsin.page.picture import Picture
from tocsin.page.seams import Plant


@dataclass(frozen=True, slots=True)
class BoardPolicy:
    """When the picture is drawn anew.

    Attributes:
        few: assets up to which it is drawn every ``often_s``, if something changed.
        often_s: least time between two pictures of few assets.
        seldom_s: the same, of many.
        anyway_s: time after which it is drawn though nothing changed: what is not heard of for
            long becomes unknown.
    """

    few: int = 20
    often_s: float = 0.25
    seldom_s: float = 1.0
    anyway_s: float = 5.0


class Board:
    """What hangs on the wall for all who look.

    Args:
        picture: what is known of the log.
        plant: the plant of a demo, or None.
        clock: the wall clock in ns.
        policy: when the picture is drawn anew.

    Attributes:
        bell: set when there may be news; a new one hangs there from then on.
        number: of the present picture; 0 while there is none.
        event: the present picture as a server-sent event.
        closed: whether everybody is to leave.
    """

    def __init__(
        self, picture: Picture, plant: Plant | None, clock: Callable[[], int], policy: BoardPolicy
    ) -> None:
        self.bell = asyncio.Event()
        self.number = 0
        self.event = b""
        self.closed = False
        self._picture = picture
        self._plant = plant
        self._clock = clock
        self._policy = policy
        self._drawn = -1  # changes of the picture that was drawn
        self._drawn_s = float("-inf")
        self._interval_s = policy.often_s
        self._audience: Counter[str] = Counter()

    @property
    def audience(self) -> int:
        """How many look."""
        return self._audience.total()

    @contextmanager
    def attended(self, asset: str) -> Iterator[None]:
        """Have somebody look; ``asset`` is the one that is watched, or empty."""
        self._audience[asset] += 1
        self._picture.watched = self._audience.keys()
        self._renew()
        try:
            yield
        finally:
            self._audience[asset] -= 1
            if not self._audience[asset]:
                del self._audience[asset]

    async def run(self) -> None:
        """Draw while somebody looks, until cancelled."""
        while True:
            if self._audience:
                self._renew()
            await asyncio.sleep(self._interval_s)

    def close(self) -> None:
        """Send everybody away."""
        self.closed = True
        self._ring()

    def windows(self, asset: str, after_ns: int) -> tuple[bytes, int] | None:
        """Return an event with an asset's windows that ended later, and the end of the last one.

        None if there are none. The event is ``trace`` where it replaces what was sent before.
        """
        found = self._picture.trace(asset, after_ns)
        if found is None:
            return None
        whole, stretch = found
        if not len(stretch.end_ns) and not (whole and after_ns < 0):
            return None
        last_ns = int(stretch.end_ns[-1]) if len(stretch.end_ns) else 0
        return _event("trace" if whole else "rows", stretch_form(asset, stretch)), last_ns

    def _renew(self) -> None:
        """Draw the picture if it may be another by now, but not too soon after the last one."""
        age_s = time.monotonic() - self._drawn_s
        restless = self._plant is not None or age_s >= self._policy.anyway_s
        if age_s >= self._interval_s * 0.9 and (restless or self._picture.changes != self._drawn):
            self._draw()

    def _draw(self) -> None:
        changed = self._picture.changes != self._drawn
        self._drawn, self._drawn_s = self._picture.changes, time.monotonic()
        content = self._picture.draw(self._clock())
        few = content["counts"]["shown"] <= self._policy.few
        self._interval_s = self._policy.often_s if few else self._policy.seldom_s
        event = _event("picture", content | plant_form(self._plant))
        if event != self.event:
            self.number += 1
            self.event = event
            changed = True
        if changed:
            self._ring()

    def _ring(self) -> None:
        bell, self.bell = self.bell, asyncio.Event()
        bell.set()


def _event(name: str, content: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(content))

"""Two pumps in a log that comes and goes, in time of their own."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import numpy as np

from tocsin.adapters.embedded import EmbeddedLog
from tocsin.core.formats.json import encode_wide
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.core.records import Batch, Entry, Place
from tocsin.ports import Unavailable

PROFILE = Profile("pump", ("flow", "heat"), length=16, stride=4)
STEP_NS = PROFILE.stride * SECOND_NS
LENGTH_NS = PROFILE.length * SECOND_NS
BEGAN_NS = 1_700_000_000 * SECOND_NS
ASSETS = ("p1", "p2")


class Flickering(EmbeddedLog):
    """A log that is gone for the next ``failures`` calls, and ``tears`` off in that many reads."""

    failures = 0
    tears = 0

    async def append(self, entries: Sequence[Entry]) -> Sequence[int]:
        self._flicker()
        return await super().append(entries)

    async def bounds(self, place: Place) -> tuple[int, int]:
        self._flicker()
        return await super().bounds(place)

    async def read(self, place: Place, start: int, stop: int) -> AsyncIterator[Batch]:
        async for batch in super().read(place, start, stop):
            yield batch
            if self.tears:
                self.tears -= 1
                raise Unavailable("torn for a test", 0.01)

    def _flicker(self) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("down for a test", 0.01)


@dataclass
class Plant:
    """Two pumps that are read once a second, each in its own partition; time goes on by itself."""

    log: EmbeddedLog
    seconds: int = 0

    async def run(self, seconds: int, fault: float = 0.0) -> None:
        """Let time pass; ``fault`` lifts one channel of the first pump."""
        chance = np.random.default_rng(self.seconds)
        for second in range(self.seconds, self.seconds + seconds):
            time_ns = BEGAN_NS + second * SECOND_NS
            wave = np.sin(second / 5 + np.arange(2)) + 0.05 * chance.normal(size=(2, 2))
            wave[0, 0] += fault
            await self.log.append(
                [
                    Entry(
                        "readings",
                        encode_wide(asset, time_ns, dict(zip(PROFILE.channels, row, strict=True))),
                        partition=number,
                        time_ns=time_ns,
                    )
                    for number, (asset, row) in enumerate(zip(ASSETS, wave.tolist(), strict=True))
                ]
            )
        self.seconds += seconds

    @property
    def now_ns(self) -> int:
        return BEGAN_NS + (self.seconds - 1) * SECOND_NS


def ends(first: int, last: int) -> list[int]:
    """Return the ends of the windows whose last reading is one of these seconds of the plant."""
    return [
        BEGAN_NS + (second + 1) * SECOND_NS
        for second in range(first, last + 1)
        if second % PROFILE.stride == 0
    ]

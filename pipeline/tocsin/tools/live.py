"""The story to be watched: it begins by itself, and then visitors may break what they like."""

import asyncio
from collections.abc import Callable

from tocsin.core.profile import SECOND_NS
from tocsin.tools.breaking import CHOICES, Broken, Busy, Ledger
from tocsin.tools.plan import Episode
from tocsin.tools.plant import PlantPolicy
from tocsin.tools.replay import Pace
from tocsin.tools.story import Phase, Stage, Story, StoryPolicy
from tocsin.tools.witness import Witness
from tocsin_models.faults import FaultKind

LIVE = StoryPolicy(
    learn_s=8_400,
    calm_s=100,
    fault_s=300,
    speed=20.0,
    patience_s=600.0,
    faulty_channel="vibration",
    kind=FaultKind.RAMP,
    magnitude=14.0,
    plant=PlantPolicy(regime_steps=300, day_ns=3_600 * SECOND_NS),
)
"""At this speed the plant changes its load every 15 s, and the first fault lasts as long.

Its days have an hour, so that what is learned from holds whole ones.
"""

_FLYING_S = 1_200  # of the plant's time that fly by while the first model is learned
_FLIGHT_S = 0.2  # of our time in which a minute of them does
_SENT = 0.3  # share of the learning that is done when all that is learned from was sent
_NEWS_S = 10.0  # of our time in which a refit is news

_Scene = tuple[str, Phase, float | None]


class LiveStory(Story):
    """Tells its chapters at a speed that can be watched, and then goes on for ever.

    Args:
        stage: what it plays on.
        witness: trails the log.
        policy: how long the chapters are; `LIVE` was made for it.
        pace: the clock that it keeps step with.
        fit: gives the share of the fit under way that is done, None where there is none.

    Attributes:
        ledger: what was broken, by the story and by visitors.
    """

    def __init__(
        self,
        stage: Stage,
        witness: Witness,
        policy: StoryPolicy,
        pace: Pace,
        fit: Callable[[], float | None],
    ) -> None:
        super().__init__(stage, witness, policy, pace)
        self.ledger = Ledger()
        self._fit = fit
        self._version = ""
        self._news_until_s = 0.0

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets of the plant."""
        return self._plant.assets

    async def play(self) -> None:
        """Tell the story, and then let the plant run until cancelled.

        Raises:
            TimeoutError: if no model came to score; the message says what was waited for.
        """
        await self._learn()
        self._begin("A first model scores, and all is well.", Phase.CALM)
        await self._run(self._policy.calm_s)
        await self._show_a_fault()
        while True:
            self._begin(*self._outlook())
            await self._go_on()

    def settle(self) -> None:
        """Bring the ledger up to what the log shows."""
        seen_ns = {name: trace.end_ns for name, trace in self._witness.assets.items()}
        self.ledger.settle(self._witness.alerts(), seen_ns)

    def break_channel(self, asset: str, channel: str, kind: FaultKind) -> Broken:
        """Break something from the next reading on, as large and as long as `CHOICES` says.

        Raises:
            ValueError: if the plant has no such asset or channel.
            Busy: if nothing can be broken there now.
        """
        choice, end_ns = CHOICES[kind], self._at_ns + CHOICES[kind].lasts_s * SECOND_NS
        fault = Episode(asset, (channel,), kind, self._at_ns, end_ns, choice.magnitude)
        hindrance = self._hindrance(asset)
        if hindrance:
            raise Busy(hindrance)
        return self._put(fault, "visitor")

    async def _learn(self) -> None:
        learn_s = self._policy.learn_s
        for at_s in range(0, learn_s, 60):
            share = _SENT * at_s / learn_s
            self._begin("The plant runs. Nothing has been learned yet.", Phase.LEARNING, share)
            await self._run(min(60, learn_s - at_s), fast=True)
        self._begin("A first model is being learned from the log.", Phase.LEARNING, _SENT)
        learning = asyncio.create_task(self._first_champion())
        try:
            await self._fly(learning)
        finally:
            learning.cancel()
        self._version = learning.result()
        await self._run_until(lambda: bool(self._witness.models), "the first model to score")

    async def _fly(self, learning: asyncio.Task[str]) -> None:
        """Let time fly until the first model is there, or it flew far enough."""
        flown_s = 0
        while not learning.done():
            done = _SENT + (1 - _SENT) * (self._fit() or 0.0)
            self.chapter.progress = max(done, self.chapter.progress or 0.0)
            if flown_s < _FLYING_S:
                await self._run(60, fast=True)
                flown_s += 60
            await asyncio.wait({learning}, timeout=_FLIGHT_S)

    async def _show_a_fault(self) -> None:
        """Break something that no visitor has broken, and wait until that is over."""
        policy = self._policy
        names = dict.fromkeys((policy.faulty_asset, *self.assets))
        while not (whole := [name for name in names if not self._hindrance(name)]):
            await self._go_on()
        end_ns = self._at_ns + policy.fault_s * SECOND_NS
        channels = (policy.faulty_channel,)
        broken = self._put(
            Episode(whole[0], channels, policy.kind, self._at_ns, end_ns, policy.magnitude),
            "story",
        )
        while not broken.settled:
            self._begin(*self._plot(broken))
            await self._go_on()

    async def _go_on(self) -> None:
        """Let the plant run for a moment."""
        await self._run(self._beat_s)
        self._plan.forget(self._at_ns)
        self.settle()

    def _put(self, fault: Episode, by: str) -> Broken:
        self._plan.add(fault)
        return self.ledger.enter(fault, by)

    def _hindrance(self, asset: str) -> str:
        """Return why nothing can be broken there now; empty if it can."""
        if self.chapter.phase is Phase.LEARNING:
            return (
                "Nothing could be noticed yet: the first model is still being learned. "
                "Break something as soon as it scores."
            )
        self.settle()
        latest = self.ledger.latest(asset)
        if latest and self._left_s(latest) > 0:
            what = f"{latest.channel}, {CHOICES[latest.fault.kind].title.lower()}"
            return f"{asset} is broken already ({what}), for another {self._left_s(latest):.0f} s."
        if latest and not latest.settled and latest.alert is None:
            return f"{asset} has just been mended, and may still be noticed. Wait a few seconds."
        if any(alert.asset == asset for alert in self._witness.open_alerts()):
            return f"The alert about {asset} is still open. It ends once {asset} has been calm."
        return ""

    def _left_s(self, broken: Broken) -> float:
        """Return how much of our time a fault has still to last."""
        return max(0, broken.fault.end_ns - self._at_ns) / SECOND_NS / self._policy.speed

    def _plot(self, broken: Broken) -> _Scene:
        """Return what is told of a fault."""
        where = f"{broken.channel} of {broken.fault.asset}"
        if self._left_s(broken) > 0:
            if broken.alert is None:
                return f"Something is going wrong: {where}.", Phase.FAULT, None
            told = f"Noticed within {broken.delay_s:.0f} s of the plant's time: {where}."
            return told, Phase.FAULT, None
        if broken.alert is None:
            return f"It is over, and was not noticed: {where}.", Phase.RECOVERY, None
        return f"The {where} is as it was. The alert ends once all is calm.", Phase.RECOVERY, None

    def _outlook(self) -> _Scene:
        """Return what is told while the plant just runs."""
        share, now_s = self._fit(), self._pace.now_s()
        if share is not None:
            return "The model is refitted on what was judged normal.", Phase.FREE, share
        if self._witness.models[-1] != self._version:
            self._version, self._news_until_s = self._witness.models[-1], now_s + _NEWS_S
        if now_s < self._news_until_s:
            return "The refitted model scores.", Phase.FREE, None
        return "Your turn: break something, and see whether it is noticed.", Phase.FREE, None

"""The live page as a visitor sees it: a page on a log in memory, a client, a plant that obeys."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from aiohttp import ClientResponse, ClientSession, ClientTimeout

from tocsin.adapters.embedded import EmbeddedLog
from tocsin.adapters.registry import LogRegistry
from tocsin.core.blocks import encode_scores, encode_transition
from tocsin.core.profile import Profile
from tocsin.core.records import (
    Entry,
    Place,
    Rule,
    Scores,
    Severity,
    State,
    Status,
    Transition,
)
from tocsin.page.page import Page
from tocsin.page.policy import PagePolicy
from tocsin.page.seams import Breakage, Fate, FaultChoice, Narration, Occupied, Plant, Postmark
from tocsin.page.watch import WatchPolicy
from tocsin.ports import TopicSpec, Unavailable

START_NS = 1_767_571_200_000_000_000
SECOND_NS = 1_000_000_000
PROFILE = Profile("pump", ("flow", "heat"), length=8, stride=2)
TOPICS = [
    TopicSpec("scores", 2),
    TopicSpec("alerts", 2),
    TopicSpec("deliveries", 1, compacted=True),
    TopicSpec("models", 1, compacted=True),
]
TOKEN = "a-token-for-tests-0123"  # noqa: S105 - opens nothing
QUICK = WatchPolicy(interval_s=0.02, models_s=0.05, retry_s=0.05)


class OutageLog(EmbeddedLog):
    """A log in memory that can be told to be away."""

    def __init__(self) -> None:
        super().__init__(None, clock=time.time_ns)
        self.away = ""

    async def bounds(self, place: Place) -> tuple[int, int]:
        if self.away:
            raise Unavailable(self.away)
        return await super().bounds(place)


class ObedientPlant:
    """Breaks what it is told to, of one asset with one channel; `busy` says why it does not."""

    def __init__(self) -> None:
        self.busy = ""
        self.title = "All is well."
        self.broken: list[Breakage] = []

    @property
    def channels(self) -> Mapping[str, Sequence[str]]:
        return {"p1": ["flow"]}

    @property
    def choices(self) -> Sequence[FaultChoice]:
        return [FaultChoice("shift", "Shift", "Every reading is off by the same amount.")]

    def narration(self) -> Narration:
        return Narration(self.title, "free", 0.5)

    def breakages(self) -> Sequence[Breakage]:
        return self.broken

    def break_channel(self, asset: str, channel: str, kind: str) -> Breakage:
        if asset not in self.channels:
            raise KeyError(f"there is no asset {asset}")
        if self.busy:
            raise Occupied(self.busy)
        number, end_ns = len(self.broken) + 1, START_NS + 60 * SECOND_NS
        breakage = Breakage(
            f"b{number}", asset, channel, kind, "visitor", START_NS, end_ns, Fate.RUNNING
        )
        self.broken.append(breakage)
        return breakage


class KnownPostmark:
    """Says of every webhook what it was told to say."""

    def __init__(self) -> None:
        self.held: dict[str, bool] = {}

    def verified(self, webhook_id: str) -> bool | None:
        return self.held.get(webhook_id)


@dataclass(frozen=True, slots=True)
class Visitor:
    """What came over one connection, as it came."""

    answer: ClientResponse

    async def next(self) -> tuple[str, Any]:
        """Return the next event and what it holds; a comment is an event without a name."""
        name, content = "", None
        async with asyncio.timeout(10):
            while line := await self.answer.content.readline():
                text = line.decode().rstrip("\n")
                if text.startswith(":"):
                    return "", text
                if text.startswith("event: "):
                    name = text.removeprefix("event: ")
                if text.startswith("data: "):
                    content = json.loads(text.removeprefix("data: "))
                if not text and name:
                    return name, content
        raise ConnectionError("the page has ended the connection")

    async def until(self, wanted: str, true: Callable[[Any], object] = lambda _: True) -> Any:
        """Return what the first event of that name holds for which something is true."""
        async with asyncio.timeout(10):
            while True:
                name, content = await self.next()
                if name == wanted and true(content):
                    return content


@dataclass(frozen=True, slots=True)
class Gallery:
    """A page that runs, and what it shows."""

    page: Page
    log: OutageLog
    registry: LogRegistry
    client: ClientSession
    stop: asyncio.Event
    done: "asyncio.Task[None]"

    def at(self, path: str) -> str:
        return self.page.url + path.lstrip("/")

    @asynccontextmanager
    async def visit(self, asset: str = "", **headers: str) -> AsyncIterator[Visitor]:
        query = {"asset": asset} if asset else {}
        async with self.client.get(self.at("/api/live"), params=query, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            yield Visitor(answer)

    async def picture(self, true: Callable[[Any], object] = lambda _: True) -> Any:
        """Return the first picture of which something is true."""
        async with self.visit() as visitor:
            return await visitor.until("picture", true)


def a_policy(**changes: Any) -> PagePolicy:
    """Return a policy of a page on a free port that looks often."""
    return replace(PagePolicy(port=0, watch=QUICK), **changes)


@asynccontextmanager
async def a_log() -> AsyncIterator[OutageLog]:
    async with OutageLog() as log:
        await log.declare(TOPICS, create=True)
        yield log


@asynccontextmanager
async def a_gallery(
    log: OutageLog,
    policy: PagePolicy | None = None,
    *,
    plant: Plant | None = None,
    postmark: Postmark | None = None,
) -> AsyncIterator[Gallery]:
    """Run a page; what is in ``log`` is its past."""
    registry, stop = LogRegistry(log), asyncio.Event()
    page = Page(
        log,
        registry,
        [PROFILE],
        policy or a_policy(),
        time.time_ns,
        plant=plant,
        postmark=postmark,
    )
    async with page, ClientSession(timeout=ClientTimeout(20)) as client:
        done = asyncio.create_task(page.run(stop))
        try:
            yield Gallery(page, log, registry, client, stop, done)
        finally:
            stop.set()
            async with asyncio.timeout(5):
                await done


def windows(
    asset: str,
    scores: Sequence[float] = (0.5,),
    *,
    first: int = 0,
    status: Status = Status.OK,
    model: str = "m1",
) -> Scores:
    """Return windows of one asset, the first ending ``first`` seconds after the start."""
    rows, known = len(scores), status is Status.OK
    score = np.array(scores) if known else np.full(rows, np.nan)
    cells = np.tile(np.array([[0.25, 0.75]], np.float32), (rows, 1))
    return Scores(
        profile="pump",
        model=model,
        channels=PROFILE.channels,
        names=(asset,),
        asset=np.zeros(rows, np.int32),
        end_ns=START_NS + SECOND_NS * np.arange(first, first + rows, dtype=np.int64),
        status=np.full(rows, status, np.uint8),
        score=score,
        error=score * 2,
        blame=cells if known else np.full_like(cells, np.nan),
        expected=cells + 1 if known else np.full_like(cells, np.nan),
        measured=cells + 2,
        coverage=np.full_like(cells, 0.5),
    )


def score_entry(scores: Scores, partition: int = 0) -> Entry:
    return Entry("scores", encode_scores(scores, 0, 1), partition=partition)


def a_step(
    alert: str,
    sequence: int = 1,
    *,
    asset: str = "p1",
    state: State = State.OPEN,
    severity: Severity = Severity.WARNING,
    rule: Rule = Rule.ANOMALY,
) -> Transition:
    at_ns = START_NS + sequence * SECOND_NS
    return Transition(
        id=alert,
        sequence=sequence,
        asset=asset,
        profile="pump",
        rule=rule,
        state=state,
        severity=severity,
        began_ns=START_NS,
        opened_ns=START_NS + SECOND_NS,
        at_ns=at_ns,
        resolved_ns=at_ns if state is State.RESOLVED else None,
        score=1.5,
        channels=(("flow", 0.75), ("heat", 0.25)),
        model="m1",
        summary=f"{asset} is not as it was.",
    )


def step_entry(step: Transition) -> Entry:
    return Entry("alerts", encode_transition(step), step.asset.encode())


def mark_entry(
    step: Transition, outcome: str = "delivered", receiver: str = "shift", at_ns: int = START_NS
) -> Entry:
    mark = {"sequence": step.sequence, "status": outcome, "at": at_ns}
    key = f"{step.id}|{receiver}".encode()
    return Entry("deliveries", msgspec.json.encode(mark), key, partition=0)


async def until(true: Callable[[], bool], *, within_s: float = 10.0) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - what it looks at tells nobody
            await asyncio.sleep(0.005)

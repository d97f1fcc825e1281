"""Fills a store as a plant at work does: every point is written by the roles themselves."""

import asyncio
import base64
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import numpy as np

from tocsin.adapters.embedded import EmbeddedLog, LogPolicy
from tocsin.adapters.registry import LogRegistry
from tocsin.adapters.webhook import WebhookNotifier, WebhookPolicy
from tocsin.core.challenge import ChallengePolicy
from tocsin.core.engine import Engine
from tocsin.core.operations import FitReport, FitVerdict, describe_fit
from tocsin.core.points import report_lines, score_lines
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.core.records import Place, Scores, State, Status
from tocsin.ports import Log, PointStore
from tocsin.roles.detect import Detector, DetectPolicy
from tocsin.roles.notify import Notify, NotifyPolicy
from tocsin.roles.reporter import Reporter, ReportPolicy
from tocsin.roles.retrain import Retrainer, RetrainPolicy
from tocsin.roles.sink import Sink, SinkPolicy
from tocsin.settings import TopicSettings
from tocsin.tools.plan import Episode, Plan
from tocsin.tools.plant import CHANNELS, Plant
from tocsin.tools.receiver import Receiver
from tocsin.tools.replay import Pace, ReplayPolicy, Stamp
from tocsin.tools.simulate import SimulationPolicy, simulate
from tocsin.tools.story import Stage, Story, StoryPolicy
from tocsin.tools.witness import Witness
from tocsin.wiring import Role, run_together, topic_specs
from tocsin_models.calibration import CalibrationPolicy
from tocsin_models.faults import FaultKind
from tocsin_models.inference import settle_threads
from tocsin_models.learning import Recipe
from tocsin_models.networks import NetworkPolicy
from tocsin_models.training import TrainingPolicy

PROFILE = Profile(
    "pump",
    tuple(channel.name for channel in CHANNELS),
    length=32,
    stride=4,
    lateness_ns=SECOND_NS,
    max_gap_ns=60 * SECOND_NS,
)
ASSETS = ("pump-1", "pump-2", "pump-3", "pump (4)/b")  # the last one wants escaping in a regex
_PARTITIONS = 4
_POLL_S = 0.05
_OPEN_S = 300
_REPORTS_FASTER = 60  # a minute of the roles' clock is a second here


@dataclass(frozen=True, slots=True)
class Filled:
    """What has been written: the times of the first reading and of the last, in milliseconds."""

    from_ms: int
    to_ms: int


async def fill(store: PointStore) -> Filled:
    """Let a plant run for an hour or two of its own time, and store all that comes of it.

    A model is learned, a fault comes and goes, a refit follows, and at the end another fault is
    there whose alert is still open. What a healthy plant does not show is stored beside it.
    """
    settle_threads()
    policy = StoryPolicy(
        assets=ASSETS,
        learn_s=2_400,
        calm_s=200,
        fault_s=200,
        recover_s=600,
        after_s=200,
    )
    async with _at_work(store, policy, _fast_clock(policy.start_ns)) as (log, story, witness):
        await story.play()
        await _leave_open(log, story.chapter.now_ns, policy, witness)
    await _store_rarities(store, story.chapter.now_ns)
    end_ns = story.chapter.now_ns + _OPEN_S * SECOND_NS
    return Filled(policy.start_ns // 1_000_000, end_ns // 1_000_000)


def _fast_clock(start_ns: int) -> Callable[[], int]:
    """Return a clock for the reports that runs as fast as the plant, about."""
    began_ns = time.time_ns()
    return lambda: start_ns + (time.time_ns() - began_ns) * _REPORTS_FASTER


@asynccontextmanager
async def _at_work(
    store: PointStore, policy: StoryPolicy, clock: Callable[[], int]
) -> AsyncIterator[tuple[Log, Story, Witness]]:
    """Run all four roles on a log in memory."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    async with AsyncExitStack() as stack:
        kept = LogPolicy(partitions=_PARTITIONS, retention_ns=None)
        log = await stack.enter_async_context(EmbeddedLog(None, clock=time.time_ns, policy=kept))
        await log.declare(topic_specs(TopicSettings(), _PARTITIONS), create=True)
        receiver = await stack.enter_async_context(Receiver(secret))
        notifier = await stack.enter_async_context(
            WebhookNotifier(WebhookPolicy("shift", receiver.url, secret), time.time_ns)
        )
        witness = Witness(log, "scores", "alerts")
        stage = Stage(log, LogRegistry(log), receiver, "shift", "readings", PROFILE.name)
        roles: dict[str, Role] = {
            "detect": Detector(log, LogRegistry(log), Engine([PROFILE]), _detecting()),
            "sink": Sink(log, store, SinkPolicy(poll_s=_POLL_S)),
            "notify": Notify(log, {"shift": notifier}, NotifyPolicy(poll_s=_POLL_S), time.time_ns),
            "retrain": Retrainer(log, LogRegistry(log), [PROFILE], _retraining()),
        }
        reports = ReportPolicy("plant-a", first_s=0.2, period_s=0.5)
        reported = [Reporter(role, name, log, reports, clock) for name, role in roles.items()]
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(run_together(reported, stop))
            watching = tasks.create_task(witness.watch())
            yield log, Story(stage, witness, policy, Pace(time.monotonic, asyncio.sleep)), witness
            watching.cancel()
            await _drained(log)
            stop.set()
            await working


def _detecting() -> DetectPolicy:
    return DetectPolicy(poll_s=_POLL_S, checkpoint_s=0.5, champion_s=0.1)


def _retraining() -> RetrainPolicy:
    recipe = Recipe(
        NetworkPolicy(hidden=16, latent=4),
        TrainingPolicy(seed=1, epochs=15, patience=15),
        calibration=CalibrationPolicy(budget=1e-3),
    )
    return RetrainPolicy(
        challenge=ChallengePolicy(recipe),
        first_windows=2_000,
        every_ns=700 * SECOND_NS,
        poll_s=_POLL_S,
    )


async def _leave_open(log: Log, at_ns: int, policy: StoryPolicy, witness: Witness) -> None:
    """Break another asset, and wait for an alert that stays open."""
    fault = Episode(
        policy.assets[-1],
        (policy.faulty_channel,),
        FaultKind.SHIFT,
        at_ns,
        at_ns + 10 * _OPEN_S * SECOND_NS,
        8.0,
    )
    plan = Plan(Plant(policy.seed, policy.assets), [fault])
    sending = ReplayPolicy(speed=float("inf"), stamp=Stamp.EVENT)
    pace = Pace(time.monotonic, asyncio.sleep)
    await simulate(log, "readings", plan, SimulationPolicy(at_ns, _OPEN_S, sending), pace)
    async with asyncio.timeout(30):
        while not _open(witness, fault.asset):  # noqa: ASYNC110 - it stands in the log
            await asyncio.sleep(0.05)


def _open(witness: Witness, asset: str) -> bool:
    """Whether the asset has an alert that is open."""
    return any(step.asset == asset and step.state is State.OPEN for step in witness.alerts())


async def _store_rarities(store: PointStore, at_ns: int) -> None:
    """Store windows of every status, and fits that came to nothing, as the sink would."""
    statuses = np.array(sorted(Status), np.uint8)
    count, width = len(statuses), len(PROFILE.channels)
    nothing = np.full((count, width), np.nan, np.float32)
    scored = np.where(statuses == Status.OK, 0.5, np.nan)
    windows = Scores(
        PROFILE.name,
        "",
        PROFILE.channels,
        [ASSETS[0]],
        np.zeros(count, np.int32),
        at_ns + np.arange(count) * SECOND_NS + SECOND_NS // 2,  # no window of the plant ends then
        statuses,
        *(scored, scored, nothing, nothing, nothing),
        np.ones((count, width), np.float32),
    )
    lines = list(score_lines(windows).lines)
    for verdict in (FitVerdict.REFUSED, FitVerdict.FAILED):
        version = "0123456789abcdef" if verdict is FitVerdict.REFUSED else ""
        said = describe_fit(verdict, (), "too few windows")
        fit = FitReport(PROFILE.name, verdict, at_ns, 100, 5, 1.5, said, version)
        lines += report_lines(fit).lines
    await store.write(lines)


async def _drained(log: Log) -> None:
    """Wait until the sink has stored what stands in the log."""
    async with log.join("tocsin-sink", []) as member, asyncio.timeout(30):
        for topic in ("scores", "alerts", "operations"):
            for partition in range(await log.partitions(topic)):
                place = Place(topic, partition)
                first, end = await log.bounds(place)
                while first < end:
                    commit = await member.committed(place)
                    first = commit.offset if commit else first
                    await asyncio.sleep(0.02)

"""The role that learns: it fits models on schedule and lets the good ones score."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import structlog

from tocsin.core.challenge import Challenge, ChallengePolicy, challenge
from tocsin.core.engine import Engine, EnginePolicy
from tocsin.core.formats.json import JsonPolicy
from tocsin.core.lessons import Lesson, LessonPolicy, Lessons
from tocsin.core.operations import FitReport, FitVerdict, describe_fit
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.core.records import Check
from tocsin.core.scoring import fits
from tocsin.ports import Log, Registry, Rejected, Unavailable
from tocsin.roles.consumer import WaitPolicy, Waits, pause
from tocsin.roles.outputs import Topics
from tocsin.roles.reporter import append_report
from tocsin.roles.trail import Trail
from tocsin_models.bundle import Bundle, Facts
from tocsin_models.training import Progress

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RetrainPolicy:
    """When a model is learned, from what, and how.

    Attributes:
        topics: where readings, scores and alerts are, and where reports go.
        json: how readings are written.
        lessons: how much is kept to learn from.
        challenge: how a model is learned and judged.
        first_windows: windows that the first model waits for.
        every_ns: time in the log from one model to the next.
        retry_ns: time in the log after which a fit that came to nothing is tried again, unless
            ``every_ns`` is shorter.
        poll_s: how often the log is looked at.
        waits: between tries while the log cannot be reached.
        report_s: how long the report of a fit may take; after that it is dropped.
    """

    topics: Topics = field(default_factory=Topics)
    json: JsonPolicy = field(default_factory=JsonPolicy)
    lessons: LessonPolicy = field(default_factory=LessonPolicy)
    challenge: ChallengePolicy = field(default_factory=ChallengePolicy)
    first_windows: int = 1_000
    every_ns: int = 86_400 * SECOND_NS
    retry_ns: int = 3_600 * SECOND_NS
    poll_s: float = 1.0
    waits: WaitPolicy = field(default_factory=WaitPolicy)
    report_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One fit and what came of it."""

    profile: str
    at_ns: int  # the log's time
    windows: int  # to learn from and to be judged on
    left_out: Mapping[str, int]  # windows that were not, by reason
    version: str = ""  # "" if nothing was learned
    promoted: bool = False
    reason: str = ""  # why it was not promoted
    parent: str = ""  # version that scored before, "" if nothing did
    seconds: float = 0.0  # that choosing, learning and judging took
    checks: tuple[Check, ...] = ()  # that the new model was held to

    @property
    def verdict(self) -> FitVerdict:
        """What came of it, in a word."""
        if self.promoted:
            return FitVerdict.PROMOTED
        return FitVerdict.REFUSED if self.version else FitVerdict.FAILED

    def report(self) -> FitReport:
        """Return what the log is told of it."""
        failure = self.reason if self.verdict is FitVerdict.FAILED else ""
        return FitReport(
            self.profile,
            self.verdict,
            self.at_ns,
            windows=self.windows,
            left_out=sum(self.left_out.values()),
            seconds=self.seconds,
            text=describe_fit(self.verdict, self.checks, failure),
            version=self.version,
            parent=self.parent,
            checks=self.checks,
        )


@dataclass(frozen=True, slots=True)
class RetrainStatistics:
    """What a retrainer has done since it was made."""

    records: int
    undecodable: int
    windows: Mapping[str, int]  # profile -> kept now
    promoted: int
    refused: int
    failed: int
    latest: Mapping[str, Attempt]  # by profile


class _Interrupted(Exception):  # noqa: N818 - no error: somebody wants to go home
    """Raised into a training to end it."""


class Retrainer:
    """Learns the first model of every profile once enough was seen, and a new one on schedule.

    Time is the log's own, so a recording that is replayed at speed is learned from at speed. Fits
    are a function of what was read and of the policy's seed. One retrainer is enough: a second one
    would learn the same again.

    Args:
        log: an entered log.
        registry: where models go, and where the champion is.
        profiles: what is learned.
        policy: when and how.
        progress: told of every epoch with the profile's name, in the thread that trains.
    """

    def __init__(
        self,
        log: Log,
        registry: Registry,
        profiles: Sequence[Profile],
        policy: RetrainPolicy | None = None,
        progress: Callable[[str, Progress], None] | None = None,
    ) -> None:
        self._policy = policy or RetrainPolicy()
        engine = Engine(profiles, EnginePolicy(self._policy.json))
        self._profiles = {profile.name: profile for profile in engine.profiles}
        self._lessons = {
            name: Lessons(profile, engine.names, self._policy.lessons)
            for name, profile in self._profiles.items()
        }
        self._log = log
        self._trail = Trail(log, engine, self._policy.topics, self._lessons)
        self._registry = registry
        self._progress = progress
        self._champions: dict[str, tuple[str, Bundle | None]] = {}
        self._attempts: dict[str, Attempt] = {}
        self._counts: Counter[str] = Counter()
        self._stop = asyncio.Event()
        self._cancelled = threading.Event()

    def statistics(self) -> RetrainStatistics:
        """Return what was done so far."""
        trail, counts = self._trail.statistics(), self._counts
        return RetrainStatistics(
            trail.records,
            trail.undecodable,
            {name: len(lessons) for name, lessons in self._lessons.items()},
            counts["promoted"],
            counts["refused"],
            counts["failed"],
            dict(self._attempts),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; a training under way is given up."""
        self._stop, waits = stop, Waits(self._policy.waits)
        try:
            while not stop.is_set():
                try:
                    await self._look()
                    waits.tries = 0
                    await pause(stop, self._policy.poll_s)
                except Unavailable as failure:
                    await self._wait(failure, waits)
        except _Interrupted:
            _log.info("gave up a training to stop")
        except asyncio.CancelledError:
            self._cancelled.set()  # a thread can only be asked to end
            raise

    async def fit_now(self, profile: str) -> Attempt:
        """Read what the log holds, fit, publish, and promote if the gate lets it pass.

        Raises:
            Unavailable: if the log or the registry cannot be reached now.
        """
        await self._trail.follow(self._stop)
        return await self._fit(profile, await self._champion(profile))

    async def _look(self) -> None:
        await self._trail.follow(self._stop)
        for name in self._profiles:
            champion = await self._champion(name)
            if not self._stop.is_set() and await self._due(name, champion):
                await self._fit(name, champion)

    async def _due(self, profile: str, champion: Bundle | None) -> bool:
        now_ns, policy = self._trail.now_ns, self._policy
        tried = self._attempts.get(profile)
        if tried and now_ns - tried.at_ns < min(policy.retry_ns, policy.every_ns):
            return False
        if champion is None:
            return self._lessons[profile].seen >= policy.first_windows
        versions = await self._registry.versions(profile)
        newest_ns = max((version.created_ns for version in versions), default=0)
        return now_ns - newest_ns >= policy.every_ns

    async def _champion(self, profile: str) -> Bundle | None:
        """Return what scores now, or None if that is nothing that could score."""
        version = await self._registry.champion(profile)
        if version is None:
            return None
        known = self._champions.get(profile)
        if known is None or known[0] != version:
            known = self._champions[profile] = (version, await self._fetch(profile, version))
        return known[1]

    async def _fetch(self, profile: str, version: str) -> Bundle | None:
        try:
            bundle = await self._registry.fetch(profile, version)
            reason = fits(bundle, self._profiles[profile])
        except (KeyError, ValueError) as error:
            reason = str(error)
        if not reason:
            return bundle
        _log.warning("learning anew", profile=profile, version=version, reason=reason)
        return None

    async def _fit(self, profile: str, champion: Bundle | None) -> Attempt:
        began_s = time.monotonic()
        lessons, now_ns = self._lessons[profile], self._trail.now_ns
        choose = partial(lessons.trusted, champion) if champion else lessons.all
        lesson = await asyncio.to_thread(choose)
        count, parent = len(lesson.windows.values), champion.version if champion else ""
        attempt = Attempt(profile, now_ns, count, lesson.left_out, parent=parent)
        _log.info("fit begins", profile=profile, windows=attempt.windows, **lesson.left_out)
        try:
            found = await asyncio.to_thread(self._learn, attempt, lesson, champion)
        except ValueError as error:
            attempt = replace(attempt, reason=str(error), seconds=time.monotonic() - began_s)
        else:
            attempt = replace(attempt, seconds=time.monotonic() - began_s)
            attempt = await self._publish(attempt, found)
        self._conclude(attempt)
        await self._report(attempt)
        return attempt

    def _learn(self, attempt: Attempt, lesson: Lesson, champion: Bundle | None) -> Challenge:
        facts: Facts = {
            "profile": attempt.profile,
            "created_ns": attempt.at_ns,
            "parent": attempt.parent,
            **{f"left_out_{reason}": count for reason, count in attempt.left_out.items()},
        }

        def tell(progress: Progress) -> None:
            if self._stop.is_set() or self._cancelled.is_set():
                raise _Interrupted
            if self._progress:
                self._progress(attempt.profile, progress)

        policy = self._policy.challenge.for_alerts(self._profiles[attempt.profile].alerts)
        return challenge(lesson.windows, champion, policy, facts, tell)

    async def _publish(self, attempt: Attempt, found: Challenge) -> Attempt:
        name, bundle, verdict = attempt.profile, found.bundle, found.verdict
        await self._patiently(lambda: self._registry.publish(name, bundle, verdict, attempt.at_ns))
        if verdict.promoted:
            await self._patiently(lambda: self._registry.promote(name, bundle.version))
        return replace(
            attempt,
            version=bundle.version,
            promoted=verdict.promoted,
            reason=verdict.failing,
            checks=verdict.checks,
        )

    async def _patiently(self, attempt: Callable[[], Awaitable[None]]) -> None:
        """Try until it is not `Unavailable` any more: a fit is too dear to be lost."""
        waits = Waits(self._policy.waits)
        while True:
            try:
                return await attempt()
            except Unavailable as failure:
                await self._wait(failure, waits)
                if self._stop.is_set():
                    raise _Interrupted from failure

    async def _wait(self, failure: Unavailable, waits: Waits) -> None:
        wait_s = waits.next_s(failure)
        _log.warning("log_unavailable", reason=str(failure), wait_s=round(wait_s, 3))
        await pause(self._stop, wait_s)

    def _conclude(self, attempt: Attempt) -> None:
        self._counts[attempt.verdict] += 1
        self._attempts[attempt.profile] = attempt
        _log.info(
            f"fit {attempt.verdict}",
            profile=attempt.profile,
            version=attempt.version,
            reason=attempt.reason,
        )

    async def _report(self, attempt: Attempt) -> None:
        """Tell the log, but wait for it no longer than is good."""
        try:
            async with asyncio.timeout(self._policy.report_s):
                await append_report(self._log, self._policy.topics.operations, attempt.report())
        except (Unavailable, Rejected, TimeoutError) as failure:
            _log.warning("report_dropped", profile=attempt.profile, reason=str(failure))

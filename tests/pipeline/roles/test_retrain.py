import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from detecting import detecting, score_rows, specs, until, values
from pumps import ASSETS, BEGAN_NS, LENGTH_NS, PROFILE, STEP_NS, Flickering, Plant, ends
from tocsin.adapters.embedded import EmbeddedLog
from tocsin.adapters.registry import LogRegistry
from tocsin.core.blocks import encode_scores, encode_transition
from tocsin.core.challenge import ChallengePolicy
from tocsin.core.gate import GatePolicy
from tocsin.core.operations import FitReport, FitVerdict, decode_report
from tocsin.core.profile import SECOND_NS
from tocsin.core.records import (
    Entry,
    Rule,
    Scores,
    Severity,
    State,
    Status,
    Transition,
)
from tocsin.roles.consumer import WaitPolicy
from tocsin.roles.detect import DetectPolicy
from tocsin.roles.outputs import Topics
from tocsin.roles.retrain import Retrainer, RetrainPolicy
from tocsin_models.learning import Recipe
from tocsin_models.networks import NetworkPolicy
from tocsin_models.training import Progress, TrainingPolicy

torch.set_num_threads(1)

RECIPE = Recipe(NetworkPolicy(8, 3), TrainingPolicy(epochs=3, batches=8))
POLICY = RetrainPolicy(
    challenge=ChallengePolicy(RECIPE),
    first_windows=300,
    every_ns=1_000 * SECOND_NS,
    retry_ns=100 * SECOND_NS,
    poll_s=0.02,
    waits=WaitPolicy(0.01, 0.05),
)


@pytest.fixture
async def log() -> AsyncIterator[Flickering]:
    async with Flickering(None, clock=lambda: BEGAN_NS) as log:
        await log.declare(specs(Topics(), partitions=2), create=True)
        yield log


async def say(log: EmbeddedLog, asset: str, end_ns: Sequence[int], score: float) -> None:
    """Write what a detector would have said of windows."""
    rows = len(end_ns)
    nothing = np.zeros((rows, 2), np.float32)
    scores = Scores(
        "pump",
        "m1",
        PROFILE.channels,
        (asset,),
        asset=np.zeros(rows, np.int32),
        end_ns=np.array(end_ns, np.int64),
        status=np.full(rows, Status.OK, np.uint8),
        score=np.full(rows, score),
        error=np.full(rows, score),
        blame=nothing,
        expected=nothing,
        measured=nothing,
        coverage=nothing,
    )
    value = encode_scores(scores, 0, 1)
    await log.append([Entry("scores", value, partition=ASSETS.index(asset))])


def alert(began_ns: int, resolved_ns: int) -> Transition:
    return Transition(
        *("a1", 2, "p1", "pump", Rule.ANOMALY, State.RESOLVED, Severity.WARNING),
        *(began_ns, began_ns, resolved_ns, resolved_ns),
    )


def fits(retrainer: Retrainer) -> int:
    said = retrainer.statistics()
    return said.promoted + said.refused + said.failed


@asynccontextmanager
async def retraining(
    log: EmbeddedLog, policy: RetrainPolicy = POLICY
) -> AsyncIterator[tuple[Retrainer, LogRegistry]]:
    stop = asyncio.Event()
    async with LogRegistry(log) as registry, asyncio.TaskGroup() as tasks:
        retrainer = Retrainer(log, registry, [PROFILE], policy)
        tasks.create_task(retrainer.run(stop))
        try:
            yield retrainer, registry
        finally:
            stop.set()


async def test_the_first_model_is_learned_once_enough_was_seen(log: Flickering) -> None:
    plant = Plant(log)
    await plant.run(400)
    async with retraining(log) as (retrainer, registry):
        await until(lambda: retrainer.statistics().records == 800)
        await asyncio.sleep(0.1)
        assert retrainer.statistics().latest == {}
        await plant.run(300)
        await until(lambda: retrainer.statistics().promoted == 1)
    (version,) = await registry.versions("pump")
    assert version.standing == "champion"
    attempt = retrainer.statistics().latest["pump"]
    assert plant.now_ns - 100 * SECOND_NS < version.created_ns == attempt.at_ns <= plant.now_ns
    assert (attempt.version, attempt.left_out) == (version.version, {})
    assert 300 <= attempt.windows <= retrainer.statistics().windows["pump"]
    facts = (await registry.fetch("pump", version.version)).facts
    assert (facts["created_ns"], facts["parent"], facts["profile"]) == (attempt.at_ns, "", "pump")


async def test_a_refit_on_schedule_leaves_out_what_was_not_judged_normal(log: Flickering) -> None:
    plant = Plant(log)
    await plant.run(700)
    async with retraining(log) as (retrainer, registry):
        await until(lambda: retrainer.statistics().promoted == 1)
        first = await registry.champion("pump")
        await plant.run(900)
        for asset in ASSETS:
            await say(log, asset, ends(700, 1_800), 0.5)
        await say(log, "p2", ends(1_000, 1_039), 1.5)
        began_ns, *_, resolved_ns = ends(1_200, 1_300)
        await log.append([Entry("alerts", encode_transition(alert(began_ns, resolved_ns)))])
        await until(lambda: retrainer.statistics().records == 3_200)
        await asyncio.sleep(0.1)
        assert retrainer.statistics().promoted == 1
        await plant.run(101)
        await until(lambda: fits(retrainer) == 2)
    said = retrainer.statistics()
    attempt = said.latest["pump"]
    assert attempt.windows + sum(attempt.left_out.values()) == said.windows["pump"]
    assert attempt.left_out == {
        "near_alert": 1 + (resolved_ns - began_ns + 2 * LENGTH_NS) // STEP_NS,
        "above_limit": len(ends(1_000, 1_039)),
        "unjudged": 0,  # the champion judges what is older than itself
    }
    bundle = await registry.fetch("pump", attempt.version)
    assert bundle.facts["parent"] == first
    assert bundle.facts["left_out_above_limit"] == attempt.left_out["above_limit"]


async def test_a_fit_that_comes_to_nothing_is_recorded_and_tried_again(log: Flickering) -> None:
    plant = Plant(log)
    await plant.run(700)
    async with retraining(log) as (retrainer, registry):
        await until(lambda: retrainer.statistics().promoted == 1)
        first = await registry.champion("pump")
        for asset in ASSETS:
            await say(log, asset, ends(0, 1_800), 1.5)
        await plant.run(1_000)
        await until(lambda: retrainer.statistics().failed == 1)
        attempt = retrainer.statistics().latest["pump"]
        assert (attempt.version, attempt.promoted, attempt.windows) == ("", False, 0)
        assert "too few" in attempt.reason
        assert attempt.left_out["above_limit"] == retrainer.statistics().windows["pump"]
        for asset in ASSETS:
            await say(log, asset, ends(0, 1_800), 0.5)
        await plant.run(90)
        await until(lambda: retrainer.statistics().records == 2 * plant.seconds)
        await asyncio.sleep(0.1)
        assert fits(retrainer) == 2
        await plant.run(20)
        await until(lambda: fits(retrainer) == 3)
        assert retrainer.statistics().latest["pump"].version
        oldest, _ = await registry.versions("pump")
        assert oldest.version == first


async def test_a_worse_challenger_is_published_but_does_not_score(log: Flickering) -> None:
    plant = Plant(log)
    await plant.run(700)
    good = replace(RECIPE, training=TrainingPolicy(epochs=15, batches=16))
    unlearned = TrainingPolicy(epochs=1, batches=1, learning_rate=1e-9)
    bad = replace(RECIPE, network=NetworkPolicy(4, 2), training=unlearned)
    async with LogRegistry(log) as registry:
        first = await a_retrainer(log, registry, good).fit_now("pump")
        for asset in ASSETS:
            await say(log, asset, ends(0, 700), 0.5)
        second = await a_retrainer(log, registry, bad).fit_now("pump")
        versions = await registry.versions("pump")
        assert await registry.champion("pump") == first.version
    assert (first.promoted, second.promoted) == (True, False)
    assert "beside the champion's" in second.reason
    assert {version.standing for version in versions} == {"champion", "refused"}


def a_retrainer(log: EmbeddedLog, registry: LogRegistry, recipe: Recipe) -> Retrainer:
    policy = replace(POLICY, challenge=replace(POLICY.challenge, recipe=recipe))
    return Retrainer(log, registry, [PROFILE], policy)


async def test_a_training_that_meets_no_finite_loss_stops_nothing(log: Flickering) -> None:
    await Plant(log).run(700)
    wild = replace(RECIPE, training=TrainingPolicy(epochs=2, batches=8, learning_rate=1e30))
    async with LogRegistry(log) as registry:
        attempt = await a_retrainer(log, registry, wild).fit_now("pump")
        assert await registry.champion("pump") is None
    assert not attempt.promoted
    assert "finite" in attempt.reason


async def fit_reports(log: EmbeddedLog) -> list[FitReport]:
    found = [decode_report(value) for value in await values(log, "operations")]
    return [report for report in found if isinstance(report, FitReport)]


async def test_the_log_is_told_of_every_fit_and_why_it_ended_so(log: Flickering) -> None:
    good = replace(RECIPE, training=TrainingPolicy(epochs=15, batches=16))
    unlearned = TrainingPolicy(epochs=1, batches=1, learning_rate=1e-9)
    bad = replace(RECIPE, network=NetworkPolicy(4, 2), training=unlearned)
    async with LogRegistry(log) as registry:
        nothing = await a_retrainer(log, registry, good).fit_now("pump")
        plant = Plant(log)
        await plant.run(700)
        first = await a_retrainer(log, registry, good).fit_now("pump")
        for asset in ASSETS:
            await say(log, asset, ends(0, 600), 0.5)
        await say(log, "p1", ends(601, 700), 1.5)
        second = await a_retrainer(log, registry, bad).fit_now("pump")
        verdicts = {each.version: each.verdict for each in await registry.versions("pump")}
    failed, promoted, refused = await fit_reports(log)
    assert [each.verdict for each in (failed, promoted, refused)] == [
        *(FitVerdict.FAILED, FitVerdict.PROMOTED, FitVerdict.REFUSED)
    ]
    assert (failed.version, failed.windows, failed.checks) == ("", 0, ())
    assert failed.text == f"Nothing was learned. Training{nothing.reason.removeprefix('training')}."
    assert (promoted.version, promoted.parent) == (first.version, "")
    assert (refused.version, refused.parent) == (second.version, first.version)
    assert promoted.at_ns == refused.at_ns == plant.now_ns
    assert refused.left_out == sum(second.left_out.values()) > 0
    assert (promoted.windows, refused.windows) == (first.windows, second.windows)
    assert second.reason in refused.text
    assert [len(each.checks) for each in (promoted, refused)] == [3, 4]
    for report in (promoted, refused):
        told = [(check.name, check.passed, check.sentence) for check in report.checks]
        checks = verdicts[report.version].checks
        assert told == [(check.name, check.passed, check.sentence) for check in checks]
    assert all(0 < each.seconds < 60 for each in (failed, promoted, refused))


async def test_a_fit_counts_though_the_log_cannot_be_told_of_it(log: Flickering) -> None:
    await Plant(log).run(700)
    silent = replace(POLICY, topics=Topics(operations="nowhere"))
    async with LogRegistry(log) as registry:
        retrainer = Retrainer(log, registry, [PROFILE], silent)
        attempt = await retrainer.fit_now("pump")
        assert await registry.champion("pump") == attempt.version != ""
    assert retrainer.statistics().promoted == 1
    assert await fit_reports(log) == []


async def test_the_same_log_gives_the_same_model(log: Flickering) -> None:
    await Plant(log).run(400)
    versions = set()
    for topic in ("models", "models-2"):
        await log.declare([replace(specs(Topics())[5], name=topic)], create=True)
        async with LogRegistry(log, topic) as registry:
            attempt = await Retrainer(log, registry, [PROFILE], POLICY).fit_now("pump")
            versions.add(attempt.version)
    assert len(versions) == 1


async def test_a_champion_that_does_not_fit_the_profile_is_replaced_as_if_there_were_none(
    log: Flickering,
) -> None:
    await Plant(log).run(700)
    async with LogRegistry(log) as registry:
        wider = replace(PROFILE, stride=8)
        policy = replace(POLICY, first_windows=100)
        old = await Retrainer(log, registry, [wider], policy).fit_now("pump")
        assert old.promoted
    async with retraining(log) as (retrainer, registry):
        await until(lambda: retrainer.statistics().promoted == 1)
        new = retrainer.statistics().latest["pump"].version
        assert await registry.champion("pump") == new
        assert (await registry.fetch("pump", new)).stride == 4


async def test_a_log_that_goes_away_and_comes_back_costs_nothing(log: Flickering) -> None:
    plant = Plant(log)
    await plant.run(700)
    log.failures, log.tears = 5, 2
    epochs: list[int] = []

    def interfere(_: str, progress: Progress) -> None:
        log.failures = 5
        epochs.append(progress.epoch)

    stop = asyncio.Event()
    async with LogRegistry(log) as registry, asyncio.TaskGroup() as tasks:
        retrainer = Retrainer(log, registry, [PROFILE], POLICY, interfere)
        tasks.create_task(retrainer.run(stop))
        await until(lambda: retrainer.statistics().promoted == 1)
        stop.set()
        assert await registry.champion("pump") is not None
    assert epochs == [1, 2, 3]
    assert retrainer.statistics().records == 2 * plant.seconds


@pytest.mark.parametrize("cancel", [False, True])
async def test_a_training_is_given_up_when_the_role_is_to_stop(
    log: Flickering, *, cancel: bool
) -> None:
    await Plant(log).run(700)
    epochs: list[int] = []
    long = replace(RECIPE, training=TrainingPolicy(epochs=100_000, patience=100_000, batches=1))
    policy = replace(POLICY, challenge=replace(POLICY.challenge, recipe=long))
    stop = asyncio.Event()
    async with LogRegistry(log) as registry:
        retrainer = Retrainer(
            log, registry, [PROFILE], policy, lambda _, progress: epochs.append(progress.epoch)
        )
        task = asyncio.create_task(retrainer.run(stop))
        await until(lambda: len(epochs) > 3)
        if cancel:
            task.cancel()
        else:
            stop.set()
        await asyncio.wait({task}, timeout=5)
        assert task.done()
        reached = len(epochs)
        await asyncio.sleep(0.2)
        assert len(epochs) <= reached + 1  # the epoch that was under way
        assert await registry.versions("pump") == []


async def test_what_cannot_be_read_is_counted_and_skipped(log: Flickering) -> None:
    await Plant(log).run(100)
    await log.append(
        [Entry(topic, value) for topic in ("scores", "alerts") for value in (b"\xc1", b"{}", None)]
    )
    async with LogRegistry(log) as registry:
        retrainer = Retrainer(log, registry, [PROFILE], POLICY)
        assert (await retrainer.fit_now("pump")).version == ""
    assert retrainer.statistics().undecodable == 6


async def test_detector_and_retrainer_together_learn_catch_a_fault_and_swap_without_a_seam(
    log: Flickering,
) -> None:
    plant = Plant(log)
    recipe = replace(RECIPE, training=TrainingPolicy(epochs=15, batches=16))
    policy = replace(POLICY, challenge=ChallengePolicy(recipe, GatePolicy(worse_by=2.0)))
    watch = DetectPolicy(poll_s=0.02, checkpoint_s=0.05, champion_s=0.02)
    async with detecting(log, [PROFILE], watch) as detector:

        async def judged() -> None:
            await until(lambda: sum(detector.statistics().windows.values()) >= 2 * closed(plant))

        async with retraining(log, policy) as (retrainer, registry):
            await plant.run(700)
            await until(lambda: retrainer.statistics().promoted == 1)
            await until(lambda: detector.statistics().swaps >= 2)  # in each of two partitions
            await plant.run(500)
            await plant.run(100, fault=3.0)
            await plant.run(300)
            await judged()
            await plant.run(200)
            await until(lambda: fits(retrainer) == 2)
            attempt = retrainer.statistics().latest["pump"]
            assert attempt.promoted, attempt.reason
            await until(lambda: detector.statistics().swaps >= 4)
            await plant.run(50)
            await judged()
    found, conflicts = await score_rows(log, partitions=2)
    assert not conflicts
    assert len(found) == 2 * closed(plant)
    assert attempt.left_out["near_alert"] * STEP_NS > 100 * SECOND_NS + LENGTH_NS
    assert await registry.champion("pump") == attempt.version


def closed(plant: Plant) -> int:
    """Return how many windows of one pump are due by now."""
    return len(ends(0, plant.seconds - 2))

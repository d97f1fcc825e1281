"""Whatever moment a detector dies at, what it says is what it would have said."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from simulation import Input, World, wide
from small_models import small_model
from tocsin.core.profile import SECOND_NS, AlertPolicy, Profile
from tocsin_models.bundle import Bundle

CHANNELS = ("flow", "heat")
PROFILE = Profile(
    "p",
    CHANNELS,
    length=8,
    stride=2,
    lateness_ns=2 * SECOND_NS,
    max_gap_ns=12 * SECOND_NS,
    silent_after_ns=25 * SECOND_NS,
    alerts=AlertPolicy(open_count=2, open_of=4, calm_count=2),
)
START_NS = 1_700_000_000 * SECOND_NS


def story(seed: int, assets: int, seconds: int) -> list[Input]:
    """Assets of different tempers: jitter, holes, spikes, one slow, one that falls silent."""
    chance = np.random.default_rng(seed)
    entries: list[tuple[int, bytes]] = []
    for asset in range(assets):
        every = 1 if asset else 5
        dies = seconds // 3 if asset == 1 else seconds
        for second in range(asset, dies, every):
            if chance.random() < 0.03:
                continue
            spike = 8.0 if (second // 20) % 4 == asset % 4 else 0.0
            time_ns = START_NS + second * SECOND_NS
            values = {
                "flow": float(np.sin(second / 5) + spike + 0.1 * chance.normal()),
                "heat": float(np.cos(second / 5) + 0.1 * chance.normal()),
            }
            delay = int(chance.integers(0, 3)) * SECOND_NS
            entries.append((time_ns + delay, wide(f"a{asset}", time_ns, values)))
        comes_back = START_NS + (seconds - 5) * SECOND_NS
        entries.append((comes_back, wide(f"a{asset}", comes_back, {"flow": 0.0})))
    entries.sort(key=lambda entry: entry[0])
    return [Input(time_ns, value) for time_ns, value in entries]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return small_model(PROFILE)


def undisturbed(world: World) -> World:
    whole = world.fresh()
    whole.start()
    whole.feed(0, len(whole.entries))
    return whole


def disturbed(world: World, sizes: Sequence[int], fates: Sequence[str]) -> World:
    """Go through the input in batches of ``sizes``, each of which has its fate."""
    world = world.fresh()
    world.start()
    at, step = 0, 0
    while at < len(world.entries):
        size, fate = sizes[step % len(sizes)], fates[step % len(fates)]
        step += 1
        high = min(at + size, len(world.entries))
        checkpoint = world.feed(at, high, mark=fate != "go on")
        at = high
        if checkpoint and fate != "die before the snapshots":
            world.save(checkpoint)
            if fate != "die before the commit":
                world.commit(checkpoint)
        if fate.startswith("die"):
            world.start()
            at = world.offset
        if step > 40:
            fates, sizes = ["commit"], [90]
    return world


FATES = st.lists(
    st.sampled_from(
        [
            "go on",
            "go on",
            "commit",
            "commit",
            "die before the snapshots",
            "die before the commit",
            "die after the commit",
        ]
    ),
    min_size=3,
    max_size=12,
).filter(lambda fates: "commit" in fates or "die after the commit" in fates)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(  # what was written down further ahead once told a wrong time, and all others were silent
    seed=7267,
    sizes=[78, 34, 59, 68],
    fates=["go on", "die after the commit", "go on", "die before the commit", "commit"],
    budget=100,
)
@given(
    seed=st.integers(0, 10_000),
    sizes=st.lists(st.integers(1, 120), min_size=2, max_size=9),
    fates=FATES,
    budget=st.sampled_from([20, 100, 200_000]),
)
def test_crashes_at_any_point_change_no_byte_of_what_is_said(
    bundle: Bundle, seed: int, sizes: list[int], fates: list[str], budget: int
) -> None:
    world = World(story(seed, 4, 120), [PROFILE], {"p": bundle}, replay_budget=budget)
    expected = undisturbed(world)
    found = disturbed(world, sizes, fates)
    assert found.conflicts == []
    assert found.rows == expected.rows
    assert found.steps == expected.steps


def test_the_story_holds_what_it_is_meant_to_test(bundle: Bundle) -> None:
    world = undisturbed(World(story(1, 4, 160), [PROFILE], {"p": bundle}))
    said = b"".join(world.steps.values())
    assert b'"anomaly"' in said
    assert b'"silent"' in said
    assert b'"resolved"' in said
    assert len(world.rows) > 100


def test_a_lane_too_slow_to_replay_is_written_down(bundle: Bundle) -> None:
    world = World(story(1, 4, 160), [PROFILE], {"p": bundle}, replay_budget=20)
    world.start()
    checkpoint = world.feed(0, 300, mark=True)
    assert checkpoint is not None
    assert {s.kind for s in checkpoint.snapshots} == {"lane", "machine"}
    assert checkpoint.note.replay_from >= 280

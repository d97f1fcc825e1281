import time

import pytest

from bundles import ACCEPTED, tiny_bundle
from tocsin.adapters.embedded import EmbeddedLog
from tocsin.adapters.registry import LogRegistry
from tocsin.core.records import Rule, Severity, State, Transition
from tocsin.demo.seams import LateRegistry, Theatre
from tocsin.page.seams import Fate, Occupied, Plant
from tocsin.ports import TopicSpec
from tocsin.tools.breaking import GRACE_NS
from tocsin.tools.live import LIVE, LiveStory
from tocsin.tools.plan import Episode
from tocsin.tools.receiver import Receiver
from tocsin.tools.replay import Pace
from tocsin.tools.story import Phase, Stage
from tocsin.tools.witness import Trace, Witness
from tocsin_models.faults import FaultKind

SECRET = "whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5"  # noqa: S105
SECOND_NS = 10**9


async def never(_: float) -> None:
    raise AssertionError("nobody plays here")


def stage() -> tuple[LiveStory, Witness, Plant]:
    """Return a story that is not played, its witness, and what the page sees of them."""
    log = EmbeddedLog(None, clock=lambda: 0)
    witness = Witness(log, "scores", "alerts")
    on = Stage(log, LogRegistry(log), Receiver(SECRET), "demo", "readings", "pump")
    story = LiveStory(on, witness, LIVE, Pace(time.monotonic, never), lambda: None)
    return story, witness, Theatre(story)


def test_the_page_is_told_what_there_is_to_break() -> None:
    _, _, plant = stage()
    assert list(plant.channels) == list(LIVE.assets)
    assert "vibration" in plant.channels["pump-1"]
    assert {choice.kind for choice in plant.choices} == set(FaultKind)
    assert all(choice.title and choice.meaning for choice in plant.choices)


def test_the_page_is_told_where_the_story_stands() -> None:
    story, _, plant = stage()
    story.chapter.title, story.chapter.phase, story.chapter.progress = "Well.", Phase.CALM, 0.5
    told = plant.narration()
    assert (told.title, told.phase, told.progress) == ("Well.", "calm", 0.5)


@pytest.mark.parametrize(
    ("asset", "channel", "kind", "said"),
    [
        ("pump-9", "flow", "shift", "there is no asset pump-9"),
        ("pump-1", "speed", "shift", "pump-1 has no channel speed"),
        ("pump-1", "flow", "fire", "there is no kind of fault called fire"),
    ],
)
def test_what_is_not_there_cannot_be_broken(asset: str, channel: str, kind: str, said: str) -> None:
    story, _, plant = stage()
    story.chapter.phase = Phase.FREE
    with pytest.raises(KeyError) as error:
        plant.break_channel(asset, channel, kind)
    assert error.value.args == (said,)
    assert not plant.breakages()


def test_a_visitor_is_told_why_nothing_can_be_broken_now() -> None:
    story, _, plant = stage()
    with pytest.raises(Occupied, match="still being learned"):
        plant.break_channel("pump-1", "flow", "shift")
    story.chapter.phase = Phase.FREE
    broken = plant.break_channel("pump-1", "flow", "shift")
    assert (broken.asset, broken.channel, broken.kind) == ("pump-1", "flow", "shift")
    assert (broken.by, broken.fate, broken.delay_s) == ("visitor", Fate.RUNNING, None)
    with pytest.raises(Occupied, match="broken already"):
        plant.break_channel("pump-1", "flow", "noise")


def test_each_fault_has_the_fate_that_the_log_shows() -> None:
    story, witness, plant = stage()
    for asset in ("pump-1", "pump-2", "pump-3"):
        fault = Episode(asset, ("flow",), FaultKind.SHIFT, SECOND_NS, 100 * SECOND_NS)
        story.ledger.enter(fault, "story" if asset == "pump-1" else "visitor")
    opened_ns = 21 * SECOND_NS
    witness.transitions["a1", 1] = Transition(
        "a1",
        1,
        "pump-1",
        "pump",
        Rule.ANOMALY,
        State.OPEN,
        Severity.WARNING,
        opened_ns,
        opened_ns,
        opened_ns,
        channels=(("flow", 0.9),),
    )
    witness.assets["pump-2"] = Trace(end_ns=100 * SECOND_NS + GRACE_NS + 1)
    first, second, third = plant.breakages()
    assert (first.fate, first.alert, first.delay_s, first.named) == (Fate.CAUGHT, "a1", 20.0, True)
    assert (first.by, second.by) == ("story", "visitor")
    assert (second.fate, second.alert, second.delay_s, second.named) == (
        Fate.MISSED,
        "",
        None,
        None,
    )
    assert third.fate is Fate.RUNNING
    assert len({each.id for each in (first, second, third)}) == 3


async def test_a_registry_that_is_not_open_yet_is_empty() -> None:
    late, bundle = LateRegistry(), tiny_bundle(1)
    async with EmbeddedLog(None, clock=lambda: 0) as log:
        await log.declare([TopicSpec("models", 1, compacted=True)], create=True)
        registry = LogRegistry(log)
        await registry.publish("pump", bundle, ACCEPTED, 1)
        await registry.promote("pump", bundle.version)
        assert (await late.versions("pump"), await late.champion("pump")) == ((), None)
        with pytest.raises(KeyError):
            await late.fetch("pump", bundle.version)
        late.opened = registry
        assert await late.champion("pump") == bundle.version
        assert [each.version for each in await late.versions("pump")] == [bundle.version]
        assert (await late.fetch("pump", bundle.version)).version == bundle.version

import numpy as np
import pytest

from tocsin.tools.plan import Episode, Plan, draw_plan
from tocsin.tools.plant import Plant, PlantPolicy
from tocsin_models.faults import FaultKind

SECOND_NS = 10**9
START_NS = 1_700_000_000 * SECOND_NS
BEGIN, END = 700, 900  # steps of the fault


def plant() -> Plant:
    return Plant(5, ("P1", "P2"), policy=PlantPolicy(missing_share=0.0, gap_share=0.0))


def episode(kind: FaultKind, magnitude: float = 4.0) -> Episode:
    begin_ns, end_ns = START_NS + BEGIN * SECOND_NS, START_NS + END * SECOND_NS
    return Episode("P2", ("current", "flow"), kind, begin_ns, end_ns, magnitude)


@pytest.mark.parametrize("kind", list(FaultKind))
def test_a_fault_changes_its_channels_of_its_asset_in_its_time_and_nothing_else(
    kind: FaultKind,
) -> None:
    clean = plant().stretch(START_NS, 2_000)
    faulty = Plan(plant(), [episode(kind)]).stretch(START_NS, 2_000)
    changed = ~((clean == faulty) | (np.isnan(clean) & np.isnan(faulty)))  # [A, N, F]
    assert changed[1, BEGIN:END][:, [1, 3]].any(axis=0).all()
    changed[1, BEGIN:END, [1, 3]] = False
    assert not changed.any()


@pytest.mark.parametrize("kind", list(FaultKind))
@pytest.mark.parametrize("cut", [699, 750, 899, 1_500])
def test_adjoining_stretches_of_a_faulty_plant_are_the_bytes_of_one(
    kind: FaultKind, cut: int
) -> None:
    episodes = [episode(kind), episode(FaultKind.NOISE)]
    whole = Plan(plant(), episodes).stretch(START_NS, 2_000)
    plan = Plan(plant(), episodes)
    second = plan.stretch(START_NS + cut * SECOND_NS, 2_000 - cut)
    first = plan.stretch(START_NS, cut)
    assert np.concatenate([first, second], axis=1).tobytes() == whole.tobytes()


def test_a_shift_is_as_large_as_ordered() -> None:
    clean = plant().stretch(START_NS, 2_000)
    faulty = Plan(plant(), [episode(FaultKind.SHIFT, -2.0)]).stretch(START_NS, 2_000)
    moved = (faulty - clean)[1, BEGIN:END, 1]
    assert np.allclose(moved, -2.0 * plant().spread[1], atol=0.002)


def test_an_episode_of_what_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="asset 'P9'"):
        Plan(plant(), [Episode("P9", ("flow",), FaultKind.SHIFT, 0, 1)])
    with pytest.raises(ValueError, match="channel 'speed'"):
        Plan(plant(), [Episode("P1", ("speed",), FaultKind.SHIFT, 0, 1)])
    with pytest.raises(ValueError, match="asset 'P9'"):
        Plan(plant()).add(Episode("P9", ("flow",), FaultKind.SHIFT, 0, 1))
    with pytest.raises(ValueError, match="channel"):
        Episode("P1", (), FaultKind.SHIFT, 0, 1)
    with pytest.raises(ValueError, match="start"):
        Episode("P1", ("flow",), FaultKind.SHIFT, 5, 5)


@pytest.mark.parametrize("kind", list(FaultKind))
def test_what_is_forgotten_changes_nothing_in_what_still_runs(kind: FaultKind) -> None:
    over = Episode("P1", ("flow",), kind, START_NS, START_NS + 100 * SECOND_NS)
    whole = Plan(plant(), [over, episode(kind)]).stretch(START_NS, 2_000)
    plan = Plan(plant(), [over])
    begin = plan.stretch(START_NS, 500)
    plan.forget(START_NS + 100 * SECOND_NS)
    plan.add(episode(kind))
    rest = plan.stretch(START_NS + 500 * SECOND_NS, 1_500)
    assert np.concatenate([begin, rest], axis=1).tobytes() == whole.tobytes()


def test_a_plan_that_forgets_does_not_grow() -> None:
    plan = Plan(plant())
    for at in range(0, 3_000, 10):
        start_ns, end_ns = START_NS + at * SECOND_NS, START_NS + (at + 5) * SECOND_NS
        plan.add(Episode("P1", ("flow",), FaultKind.NOISE, start_ns, end_ns))
        plan.stretch(start_ns, 10)
        assert len(plan.episodes) == len(plan._made) == 1
        plan.forget(end_ns - 1)
        assert len(plan.episodes) == 1  # it is not over yet
        plan.forget(end_ns)
    assert (plan.episodes, plan._made) == ((), {})


def test_a_drawn_plan_has_every_kind_one_after_another_and_is_the_same_again() -> None:
    end_ns = START_NS + 8_000 * SECOND_NS
    plan = draw_plan(plant(), 1, START_NS, end_ns, len(FaultKind))
    assert {episode.kind for episode in plan.episodes} == set(FaultKind)
    edges = [ns for episode in plan.episodes for ns in (episode.start_ns, episode.end_ns)]
    assert edges == sorted(edges)
    assert edges[0] > START_NS
    assert edges[-1] < end_ns
    again = draw_plan(plant(), 1, START_NS, end_ns, len(FaultKind))
    assert again.episodes == plan.episodes
    assert draw_plan(plant(), 2, START_NS, end_ns, len(FaultKind)).episodes != plan.episodes
    assert not draw_plan(plant(), 1, START_NS, end_ns, 0).episodes

import numpy as np
import pytest

from tocsin_models.arrays import Floats
from tocsin_models.faults import Fault, FaultKind, inject

SPREAD = np.array([1.0, 10.0, 0.1])
START, LENGTH = 100, 40
INSIDE = slice(START, START + LENGTH)


@pytest.fixture
def values() -> Floats:
    return np.random.default_rng(0).normal(0, SPREAD, (400, 3))


def faulty(values: Floats, kind: FaultKind, magnitude: float = 4.0, seed: int = 0) -> Floats:
    fault = Fault(kind, 1, START, LENGTH, magnitude)
    changed = inject(values, fault, np.random.default_rng(seed), SPREAD)
    return changed[INSIDE, 1]


@pytest.mark.parametrize("kind", FaultKind)
def test_a_fault_stays_in_its_place_and_leaves_the_input_alone(
    kind: FaultKind, values: Floats
) -> None:
    before = values.copy()

    changed = inject(values, Fault(kind, 1, START, LENGTH), np.random.default_rng(0), SPREAD)

    np.testing.assert_array_equal(values, before)
    different = changed != values
    assert different[INSIDE, 1].any()
    different[INSIDE, 1] = False
    assert not different.any()


@pytest.mark.parametrize("kind", FaultKind)
def test_one_state_of_chance_gives_one_fault(kind: FaultKind, values: Floats) -> None:
    np.testing.assert_array_equal(faulty(values, kind), faulty(values, kind))


def test_a_spike_hits_the_first_step_and_few_others(values: Floats) -> None:
    gap = faulty(values, FaultKind.SPIKE) - values[INSIDE, 1]

    assert abs(gap[0]) == pytest.approx(40)
    assert 1 <= (np.abs(gap) > 1).sum() <= LENGTH // 2


def test_a_shift_is_the_same_everywhere_and_has_a_sign(values: Floats) -> None:
    np.testing.assert_allclose(faulty(values, FaultKind.SHIFT, -2) - values[INSIDE, 1], -20)


def test_a_ramp_grows_to_its_magnitude(values: Floats) -> None:
    gap = faulty(values, FaultKind.RAMP) - values[INSIDE, 1]

    assert gap[0] == pytest.approx(1)
    assert gap[-1] == pytest.approx(40)
    assert (np.diff(gap) > 0).all()


def test_a_stuck_channel_holds_its_last_measured_value(values: Floats) -> None:
    values[START - 1 : START + 1, 1] = np.nan

    assert (faulty(values, FaultKind.STUCK) == values[START - 2, 1]).all()


def test_noise_has_the_deviation_asked_for(values: Floats) -> None:
    gap = faulty(values, FaultKind.NOISE) - values[INSIDE, 1]

    assert gap.std() == pytest.approx(40, rel=0.3)


def test_a_dropout_is_not_measured(values: Floats) -> None:
    assert np.isnan(faulty(values, FaultKind.DROPOUT)).all()


def test_a_lag_is_counted_in_steps(values: Floats) -> None:
    late = faulty(values, FaultKind.LAG, 7)

    np.testing.assert_array_equal(late, values[START - 7 : START - 7 + LENGTH, 1])
    head = inject(values, Fault(FaultKind.LAG, 1, 0, 3, 2), np.random.default_rng(0), SPREAD)
    assert (head[:3, 1] == values[0, 1]).all()


@pytest.mark.parametrize("seed", range(10))
def test_a_decorrelated_channel_is_itself_at_another_time(seed: int, values: Floats) -> None:
    stretch = faulty(values, FaultKind.DECORRELATION, seed=seed)

    begin = int(np.flatnonzero(values[:, 1] == stretch[0])[0])
    np.testing.assert_array_equal(stretch, values[begin : begin + LENGTH, 1])
    assert abs(begin - START) >= LENGTH


def test_without_another_time_a_decorrelated_channel_is_shuffled(values: Floats) -> None:
    short = values[:50]
    fault = Fault(FaultKind.DECORRELATION, 1, 0, 50)

    changed = inject(short, fault, np.random.default_rng(0), SPREAD)

    assert sorted(changed[:, 1]) == sorted(short[:, 1])
    assert (changed[:, 1] != short[:, 1]).any()


@pytest.mark.parametrize("where", [(3, 0, 10), (0, 391, 10)])
def test_a_fault_outside_of_the_values_is_refused(
    where: tuple[int, int, int], values: Floats
) -> None:
    with pytest.raises(ValueError, match="reaches outside"):
        inject(values, Fault(FaultKind.SHIFT, *where), np.random.default_rng(0), SPREAD)


@pytest.mark.parametrize("where", [(-1, 0, 1, 1.0), (0, -1, 1, 1.0), (0, 0, 0, 1.0)])
def test_an_impossible_fault_is_refused(where: tuple[int, int, int, float]) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        Fault(FaultKind.SHIFT, *where)
    with pytest.raises(ValueError, match="finite"):
        Fault(FaultKind.SHIFT, 0, 0, 1, np.inf)

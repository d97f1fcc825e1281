import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tocsin_models.arrays import Floats
from tocsin_models.tails import Tail, fit_tail

SOME = arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1e9))


def test_the_surprise_of_a_normal_number_is_how_rare_it_is() -> None:
    numbers = np.random.default_rng(0).gamma(2, 3, 200_000)
    others = np.random.default_rng(1).gamma(2, 3, 200_000)

    nats = fit_tail(numbers).surprise(others)

    for share in (0.5, 0.25, 0.1, 0.01):
        assert (nats >= -np.log(share)).mean() == pytest.approx(share, rel=0.25)


@given(SOME, SOME)
def test_more_is_never_less_surprising(normal: Floats, numbers: Floats) -> None:
    nats = fit_tail(normal).surprise(np.sort(numbers))

    assert (nats >= 0).all()
    assert (np.diff(nats) >= 0).all()


def test_numbers_that_are_so_many_times_as_large_are_as_rare_in_a_tail_as_wide() -> None:
    numbers = np.random.default_rng(0).gamma(2, 3, 500)
    tail = fit_tail(numbers)

    wide = tail.widened(1.7)

    assert wide.median == 1.7 * tail.median
    np.testing.assert_allclose(wide.surprise(1.7 * numbers), tail.surprise(numbers), atol=1e-12)


def test_ties_stay_apart_when_a_tail_is_widened() -> None:
    tail = fit_tail(np.full(50, 1.2))

    for times in np.linspace(1, 2, 500).tolist():
        assert tail.widened(times).scale > 0


def test_unknown_stays_unknown() -> None:
    tail = fit_tail(np.array([1.0, np.nan, 2.0, 3.0]))

    assert np.isnan(tail.surprise(np.array([np.nan]))).all()


def test_what_never_varied_is_surprised_by_more_and_not_by_the_same() -> None:
    tail = fit_tail(np.full(100, 5.0))

    nats = tail.surprise(np.array([5.0, 6.0]))

    assert nats[0] == 0
    assert 1e3 < nats[1] < np.inf


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(ValueError, match="no normal number"):
        fit_tail(np.array([np.nan]))


@pytest.mark.parametrize(
    ("knots", "scale"),
    [((1.0, 2.0, 3.0), 1.0), ((1.0, 1.0, 2.0, 3.0), 1.0), ((1.0, 2.0, 3.0, 4.0), 0.0)],
)
def test_a_tail_that_is_none_is_refused(knots: tuple[float, ...], scale: float) -> None:
    with pytest.raises(ValueError, match="tail:"):
        Tail(knots, scale)

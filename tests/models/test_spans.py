import numpy as np
import pytest

from tocsin_models.spans import REACH, Span, average, choose_windows, span_weights
from tocsin_models.tails import Tail


def test_weights_fall_and_sum_to_one() -> None:
    weights = span_weights(16)

    assert len(weights) == REACH * 16
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert (np.diff(weights) < 0).all()
    assert weights[1] / weights[0] == pytest.approx(1 - 2 / 17)
    assert span_weights(1).tolist() == [1.0]


def test_what_an_average_forgets_would_weigh_a_quarter_of_a_percent() -> None:
    weights = span_weights(64)

    assert (weights[1] / weights[0]) ** len(weights) == pytest.approx(0.0025, rel=0.02)


def test_averages_look_back_only_and_forget() -> None:
    run = np.ones(300)
    run[100] = 17.0

    found = average(run, 4, np.inf, 1.0)

    np.testing.assert_allclose(found[:100], 1)
    assert found[100] == pytest.approx(1 + 16 * span_weights(4)[0])
    np.testing.assert_allclose(found[100 + REACH * 4 :], 1)


def test_a_run_begins_with_what_is_usual_and_not_with_the_accident_of_its_first_value() -> None:
    assert average(np.array([9.0]), 64, np.inf, 1.0)[0] < 1.3
    assert average(np.array([9.0]), 1, np.inf, 1.0)[0] == 9


def test_spans_in_steps_become_spans_in_windows() -> None:
    assert choose_windows((1, 4, 16, 64), 1) == (1, 4, 16, 64)
    assert choose_windows((1, 4, 16, 64), 8) == (1, 2, 8)
    assert choose_windows((1, 4, 16, 64), 64) == (1,)
    assert choose_windows((1, 5, 15), 4) == (1, 4)  # the nearest


@pytest.mark.parametrize(
    ("windows", "cap", "usual"), [(0, 1, 1), (1, 0, 1), (1, 1, -1), (1, 1, np.inf)]
)
def test_a_span_that_is_none_is_refused(windows: int, cap: float, usual: float) -> None:
    with pytest.raises(ValueError, match="span:"):
        Span(windows, cap, usual, Tail((0.0, 1.0, 2.0, 3.0), 1.0))

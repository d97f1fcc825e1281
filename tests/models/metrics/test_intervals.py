import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive_metrics
from tocsin_models.metrics import find_runs, mark_rows
from tocsin_models.metrics.intervals import as_intervals, close_gaps


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=30))
def test_runs_are_found_and_marked_again(flags: list[bool]) -> None:
    found = find_runs(flags)

    assert list(map(tuple, found.tolist())) == naive_metrics.runs(flags)
    assert mark_rows(found, len(flags)).tolist() == flags


def test_intervals_that_touch_are_marked_as_one() -> None:
    assert find_runs(mark_rows([(1, 3), (3, 4)], 6)).tolist() == [[1, 4]]


def test_gaps_up_to_the_widest_are_closed() -> None:
    spans = np.array([[0, 2], [4, 5], [8, 9]])

    assert close_gaps(spans, 1).tolist() == spans.tolist()
    assert close_gaps(spans, 2).tolist() == [[0, 5], [8, 9]]
    assert close_gaps(spans, 3).tolist() == [[0, 9]]


@pytest.mark.parametrize("spans", [[(3, 1)], [(1, 1)], [(4, 6), (1, 2)], [(1, 5), (4, 6)]])
def test_intervals_out_of_order_are_refused(spans: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="events: each must end after it begins"):
        as_intervals("events", spans)


@pytest.mark.parametrize("spans", [[1, 2], [(1, 2, 3)], [(0.5, 2.0)]])
def test_what_are_no_intervals_is_refused(spans: list[object]) -> None:
    with pytest.raises(ValueError, match="events: give whole numbers"):
        as_intervals("events", np.array(spans))


def test_rows_that_are_not_there_cannot_be_marked() -> None:
    with pytest.raises(ValueError, match="beyond the 4 rows"):
        mark_rows([(2, 5)], 4)

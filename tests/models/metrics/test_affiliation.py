import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive_metrics
from tocsin_models.metrics import find_runs, score_affiliation


def test_the_second_event_of_the_papers_example() -> None:
    """Three hours in seconds; the paper gives .672 and .944 for the second event."""
    minutes = [(5, 6), (7, 10), (11, 12), (40, 60), (115, 130), (135, 140), (165, 170)]
    alarms = np.array(minutes) * 60
    events = np.array([(0, 10), (50, 70), (170, 175)]) * 60

    found = score_affiliation(events, alarms, (0, 180 * 60))

    assert found.precisions[1] == pytest.approx(0.672222222)
    assert found.recalls[1] == pytest.approx(0.944444444)


def test_a_small_case_by_hand() -> None:
    """Zones are [0, 5.5) and [5.5, 10).

    First: the alarm is 0 to 1 away, and of 5.5 rows 4.5 - 2d are at least d away: the integral is
    3.5 / 5.5. Second: inside, 1. The recall of the first: each y of [3, 4) is 4 - y away, 2y - 2.5
    of 5.5 rows are at least as far: 4.5 / 5.5. The second: 3.5, 4.5 and 3.75 of 4.5 in its rows.
    """
    found = score_affiliation([(3, 4), (7, 10)], [(4, 5), (8, 9)], (0, 10))

    assert found.precisions == pytest.approx([3.5 / 5.5, 1])
    assert found.recalls == pytest.approx([4.5 / 5.5, 11.75 / 13.5])
    assert found.precision == pytest.approx((3.5 / 5.5 + 1) / 2)
    assert found.recall == pytest.approx((4.5 / 5.5 + 11.75 / 13.5) / 2)
    assert 1 / found.f1 == pytest.approx((1 / found.precision + 1 / found.recall) / 2)


def test_alarms_that_are_the_events_are_perfect() -> None:
    spans = [(3, 9), (20, 21), (44, 50)]

    found = score_affiliation(spans, spans, (0, 50))

    assert (found.precision, found.recall, found.f1) == pytest.approx((1, 1, 1))


def test_an_alarm_without_end_recalls_all_and_has_a_precision_near_one_half() -> None:
    found = score_affiliation([(50, 51)], [(0, 101)], (0, 101))

    assert found.recall == pytest.approx(1)
    assert found.precision == pytest.approx(0.5, abs=0.02)


def test_an_alarm_at_random_in_a_wide_zone_has_a_precision_near_one_half() -> None:
    rows = range(0, 1_000, 7)

    found = [
        score_affiliation([(500, 501)], [(row, row + 1)], (0, 1_001)).precision for row in rows
    ]

    assert np.mean(found) == pytest.approx(0.5, abs=0.01)


def test_nearer_is_better() -> None:
    found = [score_affiliation([(50, 60)], [(row, row + 2)], (0, 100)) for row in (70, 64, 60, 55)]

    assert [each.precision for each in found] == sorted(each.precision for each in found)
    assert [each.recall for each in found] == sorted(each.recall for each in found)


def test_a_zone_without_alarm_counts_for_recall_only() -> None:
    found = score_affiliation([(10, 20), (80, 90)], [(10, 20)], (0, 100))

    assert found.precisions == pytest.approx([1, float("nan")], nan_ok=True)
    assert (found.precision, found.recall) == (1, 0.5)


def test_without_alarms_there_is_no_precision() -> None:
    found = score_affiliation([(10, 20)], [], (0, 100))

    assert np.isnan(found.precision)
    assert (found.recall, found.f1) == (0, 0)


def test_without_events_nothing_can_be_said() -> None:
    found = score_affiliation([], [(3, 4)], (0, 100))

    assert np.isnan([found.precision, found.recall, found.f1]).all()


def test_an_event_over_all_the_span_has_no_far_away() -> None:
    found = score_affiliation([(0, 10)], [(2, 3)], (0, 10))

    assert found.precision == 1
    assert 0 < found.recall < 1


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_integrals_are_those_of_sums_over_small_bits(data: st.DataObject) -> None:
    flags = st.lists(st.booleans(), min_size=14, max_size=14)
    label, alarm = data.draw(flags.filter(any)), data.draw(flags)
    events, alarms = find_runs(label), find_runs(alarm)

    found = score_affiliation(events, alarms, (0, 14))

    sums = naive_metrics.affiliate(naive_metrics.runs(label), naive_metrics.runs(alarm), 14)
    assert found.precisions == pytest.approx(sums[0], abs=0.02, nan_ok=True)
    assert found.recalls == pytest.approx(sums[1], abs=0.02)


def test_mirrored_time_changes_nothing() -> None:
    events, alarms = np.array([(3, 5), (30, 41)]), np.array([(1, 2), (9, 12), (28, 33), (44, 47)])

    there = score_affiliation(events, alarms, (0, 50))
    back = score_affiliation(50 - events[::-1, ::-1], 50 - alarms[::-1, ::-1], (0, 50))

    assert there.precisions == pytest.approx(back.precisions[::-1])
    assert there.recalls == pytest.approx(back.recalls[::-1])


def test_nanoseconds_since_1970_do_as_well_as_seconds() -> None:
    events, alarms = np.array([(3, 5), (30, 41)]), np.array([(1, 2), (9, 12), (28, 33), (44, 47)])
    second, start = 10**9, 1_700_000_000 * 10**9

    rows = score_affiliation(events, alarms, (0, 50))
    span = (start, start + 50 * second)
    times = score_affiliation(start + second * events, start + second * alarms, span)

    assert times.precisions == pytest.approx(rows.precisions, rel=1e-12)
    assert times.recalls == pytest.approx(rows.recalls, rel=1e-12)


def test_what_reaches_out_of_the_span_is_refused() -> None:
    with pytest.raises(ValueError, match="alarms: some reach beyond"):
        score_affiliation([(1, 2)], [(9, 11)], (0, 10))

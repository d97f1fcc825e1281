import numpy as np
import pytest

from tocsin_models.metrics import RowCounts, count_rows, raise_alarms


def test_rows_are_counted_by_what_they_are_and_what_was_said() -> None:
    counts = count_rows([0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 0])

    assert counts == RowCounts(hit=3, false=1, missed=1, calm=2)
    assert counts.f1 == pytest.approx(0.75)
    assert counts.false_alarm_rate == pytest.approx(1 / 3)
    assert counts.missed_alarm_rate == pytest.approx(1 / 4)


def test_pooled_counts_are_those_of_the_rows_in_a_row() -> None:
    first, second = ([0, 1, 1], [1, 1, 0]), ([1, 0], [1, 0])

    assert count_rows(*first) + count_rows(*second) == count_rows([0, 1, 1, 1, 0], [1, 1, 0, 1, 0])


def test_without_abnormal_rows_there_is_no_f1_and_nothing_to_miss() -> None:
    counts = count_rows([0, 0], [0, 1])

    assert np.isnan(counts.f1)
    assert np.isnan(counts.missed_alarm_rate)
    assert counts.false_alarm_rate == 0.5


def test_without_normal_rows_there_is_no_false_alarm_rate() -> None:
    counts = count_rows([1, 1], [0, 1])

    assert np.isnan(counts.false_alarm_rate)
    assert counts.f1 == pytest.approx(2 / 3)


def test_never_an_alarm_has_an_f1_of_zero() -> None:
    assert count_rows([0, 1], [0, 0]).f1 == 0


def test_an_alarm_is_raised_at_the_limit_and_not_by_what_is_unknown() -> None:
    score = [0.5, 1.0, np.nan, 2.0, np.inf, -np.inf]

    assert raise_alarms(score, 1.0).tolist() == [False, True, False, True, True, False]


def test_labels_of_any_number_type_are_taken() -> None:
    alarm = np.array([True, False, True])

    for kind in (np.uint8, np.int64, np.float32, np.bool_):
        assert count_rows(np.array([1, 0, 0], dtype=kind), alarm) == RowCounts(1, 1, 0, 1)


@pytest.mark.parametrize("label", [[0, 2], [0.5, 1], [np.nan, 1], ["0", "1"], [-1, 1]])
def test_what_is_no_flag_is_refused(label: list[object]) -> None:
    with pytest.raises(ValueError, match="label: give 0 or 1"):
        count_rows(np.array(label), [0, 1])


def test_tables_are_refused() -> None:
    with pytest.raises(ValueError, match=r"alarm: give one value a row, .* \(2, 1\)"):
        count_rows([0, 1], [[0], [1]])


def test_lengths_that_differ_are_refused_with_both() -> None:
    with pytest.raises(ValueError, match="label has 2, alarm has 3"):
        count_rows([0, 1], [0, 1, 1])

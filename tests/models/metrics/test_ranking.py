import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_models.metrics import auc_pr, auc_roc


def test_areas_of_a_small_case_by_hand() -> None:
    label, score = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]

    assert auc_pr(label, score) == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    assert auc_roc(label, score) == pytest.approx(3 / 4)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_the_roc_area_is_the_share_of_pairs_in_order(rows: list[tuple[bool, int]]) -> None:
    high = [score for abnormal, score in rows if abnormal]
    low = [score for abnormal, score in rows if not abnormal]
    pairs = [(one > other) + (one == other) / 2 for one in high for other in low]

    found = auc_roc(*map(np.array, zip(*rows, strict=True)))

    assert found == pytest.approx(np.mean(pairs)) if pairs else np.isnan(found)


def test_a_constant_score_is_worth_as_much_as_there_are_abnormal_rows() -> None:
    assert auc_pr([0, 0, 0, 1], np.ones(4)) == 0.25
    assert auc_roc([0, 0, 0, 1], np.ones(4)) == 0.5


def test_only_unknown_scores_are_a_constant_score() -> None:
    assert auc_pr([0, 0, 0, 1], np.full(4, np.nan)) == 0.25


@pytest.mark.parametrize("label", [[0, 0, 0], [1, 1, 1], []])
def test_rows_of_one_kind_cannot_be_told_apart(label: list[int]) -> None:
    assert np.isnan(auc_pr(label, np.arange(len(label))))
    assert np.isnan(auc_roc(label, np.arange(len(label))))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_not_knowing_an_abnormal_row_never_gains(data: st.DataObject) -> None:
    label = np.array([True, False, *data.draw(st.lists(st.booleans(), max_size=20))])
    score = np.array(data.draw(st.permutations(range(len(label)))), dtype=float)
    unknown = score.copy()
    unknown[data.draw(st.sampled_from(np.flatnonzero(label).tolist()))] = np.nan

    assert auc_pr(label, unknown) <= auc_pr(label, score) + 1e-12
    assert auc_roc(label, unknown) <= auc_roc(label, score) + 1e-12


def test_not_knowing_is_the_lowest_score() -> None:
    label, score = [1, 0, 1, 0, 1], [3.0, np.nan, np.nan, 1.0, 2.0]
    lowest = [3.0, -9.0, -9.0, 1.0, 2.0]

    assert auc_pr(label, score) == auc_pr(label, lowest)
    assert auc_roc(label, score) == auc_roc(label, lowest)


def test_infinite_scores_rank_beyond_all_others() -> None:
    assert auc_pr([1, 0, 1, 0], [np.inf, -np.inf, 7.0, -7.0]) == 1


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="label has 1, score has 2"):
        auc_pr([1], [1.0, 2.0])

"""Finding what does not belong into training."""

import numpy as np
import pytest

from tocsin_models.arrays import Flags, Floats, Indices
from tocsin_models.evidence import Evidence, collect
from tocsin_models.scoring import ScoringPolicy, fit_scorer
from tocsin_models.sifting import find_usual, sift

ROWS, HALF = 2_000, 8
FAULTS = (slice(300, 360), slice(900, 980), slice(1_500, 1_560))


def recording(seed: int = 0) -> Floats:
    """Return rows of six channels that go together."""
    chance = np.random.default_rng(seed)
    return np.asarray(chance.normal(size=(ROWS, 2)) @ chance.normal(size=(2, 6))) + 0.3 * (
        chance.normal(size=(ROWS, 6))
    )


def spoilt(size: float = 5.0) -> tuple[Floats, Flags]:
    """Return the same with a tenth of the rows abnormal, all in the same way, and which."""
    rows, dirt = recording(), np.zeros(ROWS, np.bool_)
    for fault in FAULTS:
        rows[fault, 1] += size
        dirt[fault] = True
    return rows, dirt


def whole(rows: Floats) -> list[Indices]:
    return [np.arange(len(rows))]


def test_dirt_that_lasts_is_found() -> None:
    rows, dirt = spoilt()

    usual = find_usual(rows, whole(rows), HALF, 0.1)

    assert usual[dirt].mean() < 0.1
    assert usual[~dirt].mean() > 0.9


def test_of_clean_rows_hardly_any_is_left_out() -> None:
    left = [find_usual(recording(seed), whole(recording()), HALF, 0.1).mean() for seed in range(5)]

    assert min(left) > 0.98


def test_of_normal_rows_those_beyond_a_few_deviations_stand_out() -> None:
    rows = np.random.default_rng(0).normal(size=(4_000, 40))

    assert 0.003 < 1 - find_usual(rows, whole(rows), 0, 0.1).mean() < 0.02


def test_nearly_a_quarter_of_far_rows_does_not_draw_the_bulk_to_itself() -> None:
    rows = np.random.default_rng(0).normal(size=(ROWS, 20))
    rows[400:880, 0] += 15

    assert not find_usual(rows, whole(rows), HALF, 0.1)[400:880].any()


def test_columns_that_hardly_ever_part_may_part_a_little_if_shrunk() -> None:
    rows = np.random.default_rng(0).normal(size=(ROWS, 3))
    rows[:, 2] = rows[:, 0] + 0.001 * rows[:, 2]
    rows[300:400, 2] += 0.01

    shrunk, plain = (find_usual(rows, whole(rows), HALF, each)[300:400] for each in (0.1, 1e-6))

    assert shrunk.all()
    assert not plain.any()


def test_three_quarters_are_usual_whatever_comes() -> None:
    rows = recording()
    rows[: ROWS // 2, 0] += 50

    assert find_usual(rows, whole(rows), HALF, 0.1).mean() >= 0.75


def test_a_lone_far_row_is_no_fault_that_lasts() -> None:
    rows = recording()
    rows[700, 2] += 6

    assert find_usual(rows, whole(rows), HALF, 0.1)[700]
    assert not find_usual(rows, whole(rows), 0, 0.1)[700]


def test_runs_are_looked_at_by_themselves() -> None:
    rows, _ = spoilt()
    order = np.random.default_rng(0).permutation(ROWS)
    place = np.argsort(order)

    usual = find_usual(rows, whole(rows), HALF, 0.1)
    mixed = find_usual(rows[order], [place], HALF, 0.1)

    np.testing.assert_array_equal(mixed[place], usual)


@pytest.mark.parametrize("rows", [np.zeros((30, 4)), np.ones((1, 2)), recording()[:3]])
def test_rows_that_say_nothing_are_usual(rows: Floats) -> None:
    assert find_usual(rows, whole(rows), HALF, 0.1).mean() >= 0.75


def evidence(rows: Floats) -> Evidence:
    windows = np.lib.stride_tricks.sliding_window_view(rows, 8, axis=0).transpose(0, 2, 1)
    scaled = windows.astype(np.float32)
    return collect(scaled, 0 * scaled, ~np.isnan(scaled), 4)


def test_a_position_that_a_switch_seldom_takes_is_usual() -> None:
    rows, _ = spoilt(0)
    switch = np.zeros((ROWS, 2))
    for on in FAULTS:
        switch[on] = 1
    swung = np.where(switch[:, :1] > 0, chance_of(2), 0)  # more than two positions: a measurement

    assert left_out(np.hstack([rows, switch])) == left_out(rows) < 0.02
    assert left_out(np.hstack([rows, swung])) > 0.05


def test_what_a_switch_was_expected_to_be_while_not_measured_makes_it_no_measurement() -> None:
    rows, _ = spoilt(0)
    switch = np.zeros((ROWS, 1))
    for on in FAULTS:
        switch[on] = 1
    learned = evidence(np.hstack([rows, switch]))
    learned.seen[::7, :, 6] = False
    learned.level[::7, :, 6] = 0.4

    sifted = sift(learned, whole(learned.sums), HALF, 0.1)

    assert (~sifted.usual).mean() == pytest.approx(left_out(rows))


def test_what_runs_backwards_lies_apart_though_no_step_of_it_does() -> None:
    speed = np.full(ROWS, 0.5)
    speed[900:1_000] *= -1
    turn = speed.cumsum()
    rows = np.column_stack([np.sin(turn), np.cos(turn)])
    learned = evidence(rows + 0.1 * np.random.default_rng(0).normal(size=rows.shape))

    usual = sift(learned, whole(learned.sums), HALF, 0.1).usual

    assert not usual[900:985].any()
    assert usual[:880].mean() > 0.98


def test_a_channel_alone_is_apart_from_nothing() -> None:
    rows, _ = spoilt()

    assert left_out(rows) > 0.05
    assert left_out(rows[:, 1:2]) == 0
    assert left_out(np.hstack([rows[:, 1:2], np.ones((ROWS, 3))])) == 0


def test_a_thousand_windows_are_needed_to_tell() -> None:
    rows, _ = spoilt()

    assert left_out(rows[:1_007]) > 0.05  # windows of 8 rows
    assert left_out(rows[:1_006]) == 0


def chance_of(size: float) -> Floats:
    return size + np.random.default_rng(5).normal(size=(ROWS, 1))


def left_out(rows: Floats) -> float:
    """Return the share of windows that lie apart."""
    learned = evidence(rows)
    return float((~sift(learned, whole(learned.sums), HALF, 0.1).usual).mean())


def test_what_lay_apart_surprises_when_it_comes_again_but_no_more_than_it_may() -> None:
    rows, _ = spoilt()
    learned, policy, fault = evidence(rows), ScoringPolicy(), rows[FAULTS[1]]
    sifted = sift(learned, whole(learned.sums), HALF, policy.shrinkage)

    medians = [
        float(np.median(fit_scorer(each, 1, policy).surprise(evidence(fault)).nats))
        for each in (learned, sifted)
    ]

    assert learned.usual.all()
    assert not sifted.usual.all()
    assert 3 * medians[0] < medians[1] < 20


def test_what_was_sifted_out_surprises_without_bounds_when_it_comes_again() -> None:
    rows, _ = spoilt()
    learned, policy = evidence(rows), ScoringPolicy(sifted=True)
    fault = recording(1)
    fault[:, 1] += 5

    sifted = sift(learned, whole(learned.sums), HALF, policy.shrinkage)
    medians = [
        float(np.median(fit_scorer(each, 1, policy).surprise(evidence(fault)).nats))
        for each in (learned, sifted)
    ]

    assert medians[1] > 3 * medians[0]


def test_where_nothing_lies_apart_the_bulk_is_no_aspect() -> None:
    normal = sift(evidence(recording()[:500]), whole(recording()[:493]), HALF, 0.1)

    aspects = [sense.aspect for sense in fit_scorer(normal, 1, ScoringPolicy()).senses]

    assert normal.usual.all()
    assert aspects == list(ScoringPolicy().aspects[:-1])

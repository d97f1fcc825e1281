"""Judging a recording that is over: averages over all windows that hold a row."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from small_plant import LENGTH, run_plant
from tocsin_models import hindsight
from tocsin_models.arrays import Floats, Indices
from tocsin_models.bundle import Bundle
from tocsin_models.evidence import collect
from tocsin_models.hindsight import expect_rows, look_back
from tocsin_models.senses import Aspect

TRAIN_ROWS = 400


def recording(rows: int = 700) -> Floats:
    """Return rows of the small plant, a few cells missing."""
    values = run_plant(rows, seed=3)
    values[np.random.default_rng(1).random(values.shape) < 0.02] = np.nan
    return values


def expect_plainly(bundle: Bundle, values: Floats) -> Floats:
    """Return the mean of what is expected of each row, window by window and row by row."""
    expected = np.full(values.shape, np.nan)
    for row in range(len(values)):
        said = []
        for start in range(max(0, row - LENGTH + 1), min(row, len(values) - LENGTH) + 1):
            window = values[start : start + LENGTH]
            if 2 * np.count_nonzero(~np.isnan(window)) >= window.size:
                said.append(bundle.reconstruct(window[None])[0, row - start])
        if said:
            expected[row] = np.mean(said, axis=0)
    return expected


@pytest.mark.parametrize("gap", [slice(0), slice(30, 33), slice(20, 60), slice(0, 25)])
def test_of_a_row_is_expected_the_mean_over_the_windows_that_hold_it(
    bundle: Bundle, gap: slice
) -> None:
    values = recording(90)
    values[gap] = np.nan

    expected = expect_rows(bundle, values)

    np.testing.assert_allclose(expected, expect_plainly(bundle, values), rtol=1e-12)
    assert np.isnan(expected).any() == (gap.stop > 33 or gap == slice(0, 25))


def test_the_first_and_the_last_row_lie_in_one_window_each(bundle: Bundle) -> None:
    values = run_plant(60)

    expected = expect_rows(bundle, values)

    ends = bundle.reconstruct(np.stack([values[:LENGTH], values[-LENGTH:]]))
    np.testing.assert_array_equal(expected[[0, -1]], [ends[0, 0], ends[1, -1]])


def test_of_rows_that_no_whole_window_holds_nothing_is_expected(bundle: Bundle) -> None:
    assert np.isnan(expect_rows(bundle, run_plant(LENGTH - 1))).all()
    assert np.isfinite(expect_rows(bundle, run_plant(LENGTH))).all()


def test_the_mean_of_many_is_nearer_to_the_truth_than_the_last_step(bundle: Bundle) -> None:
    values = run_plant(600, seed=5)
    truth = np.mean([run_plant(600, seed) for seed in range(100, 300)], axis=0)  # without noise
    ends = np.arange(LENGTH, len(values) + 1)

    gap = expect_rows(bundle, values) - truth

    windows = np.stack([values[end - LENGTH : end] for end in ends])
    causal = bundle.reconstruct(windows)[:, -1] - truth[ends - 1]
    assert (gap[ends - 1].std(axis=0) < 0.8 * causal.std(axis=0)).all()


def test_later_rows_have_a_say_up_to_the_reach_and_in_the_stream_they_have_none(
    bundle: Bundle,
) -> None:
    values, row = recording(), 550
    before = look_back(bundle, values, TRAIN_ROWS)
    causal = bundle.score(windows_ending_at(values, row))
    assert before.reach == LENGTH - 1
    for ahead, expects, scores in (
        (1, True, True),
        (LENGTH - 1, True, None),
        (LENGTH, False, False),
    ):
        other = values.copy()
        other[row + ahead :] += 4 * bundle.scaler.spread

        after = look_back(bundle, other, TRAIN_ROWS)

        assert (before.expected[row].tobytes() != after.expected[row].tobytes()) == expects
        # of a little that is expected otherwise a score need not know, if values say more
        assert scores in {None, bool(before.score[row] != after.score[row])}
        np.testing.assert_array_equal(causal, bundle.score(windows_ending_at(other, row)))


def windows_ending_at(values: Floats, row: int) -> Floats:
    """Return the windows that end with the rows up to ``row``."""
    return np.stack([values[end - LENGTH + 1 : end + 1] for end in range(row - 60, row + 1)])


def test_nothing_is_learned_from_rows_that_were_not_to_learn_from(bundle: Bundle) -> None:
    values = recording()
    other = values.copy()
    other[TRAIN_ROWS:] *= 1.5

    one, two = (look_back(bundle, each, TRAIN_ROWS) for each in (values, other))

    same = slice(TRAIN_ROWS - LENGTH + 1)
    np.testing.assert_array_equal(one.score[same], two.score[same])
    assert np.nanmean(two.score[TRAIN_ROWS:]) > 2 * np.nanmean(one.score[TRAIN_ROWS:])


def test_normal_rows_stay_below_the_limit_and_a_fault_does_not(bundle: Bundle) -> None:
    values = run_plant(2_000, seed=3)
    values[1_700:1_720, 1] += 1.0

    found = look_back(bundle, values, 1_000)

    assert (found.score[1_000:1_600] >= 1).mean() < 0.01
    assert found.score[1_700:1_720].min() > 1
    assert (found.blame[1_700:1_720].mean(axis=0).argmax()) == 1
    np.testing.assert_allclose(found.blame.sum(axis=1), 1, rtol=1e-5)


def test_limits_of_the_stream_would_be_too_wide_for_averages(bundle: Bundle) -> None:
    values = run_plant(1_500, seed=3)
    expected = expect_rows(bundle, values)
    rows = hindsight._Rows(bundle, values, expected)
    evidence = rows.evidence(np.arange(1_000, 1_400))
    own, _ = hindsight._learn(rows, np.arange(980), bundle.scorer.policy, 0.001)

    stream = replace(bundle.scorer, stride=1).surprise(evidence).nats
    anew = own.surprise(evidence).nats

    assert np.median(stream) < np.median(anew)


def test_the_limit_is_found_crosswise_and_spans_by_rows_that_are_not_their_own_neighbours(
    bundle: Bundle,
) -> None:
    values, learned = run_plant(1_000, seed=3), np.arange(980)
    unlike = values.copy()
    unlike[800:] += 0.5 * bundle.scaler.spread  # a condition that the other parts do not know
    traces = [hindsight._Rows(bundle, v, expect_rows(bundle, v)) for v in (values, unlike)]

    (scorer, one), (_, other) = (
        hindsight._learn(rows, learned, bundle.scorer.policy, 0.001) for rows in traces
    )

    assert other.limit > 1.5 * one.limit
    own = scorer.surprise(traces[0].evidence(learned), own=True).nats
    assert one.spans[0].usual == pytest.approx(own.mean())


def test_the_evidence_in_a_row_is_that_of_a_window_with_averaged_expectations(
    bundle: Bundle,
) -> None:
    values = recording(120)
    expected = expect_rows(bundle, values)
    rows: Indices = np.array([15, 40, 119])

    found = hindsight._Rows(bundle, values, expected).evidence(rows)

    scaled, said = bundle.scaler.scale(values), bundle.scaler.scale(expected)
    at = rows[:, None] + np.arange(1 - LENGTH, 1)
    recent = 1 + bundle.scorer.policy.lags
    plainly = collect(scaled[at], said[at], ~np.isnan(scaled[at]), recent)
    for name in ("residual", "level", "seen", "sums", "counts"):
        np.testing.assert_array_equal(getattr(found, name), getattr(plainly, name))


def test_a_row_is_not_judged_by_what_lies_before_a_hole(bundle: Bundle) -> None:
    values = recording(300)
    values[100:140] = np.nan
    expected = expect_rows(bundle, values)
    begin = int(np.flatnonzero(np.isnan(expected).any(axis=1))[-1]) + 1
    rows: Indices = np.arange(begin, 150)
    other = expected.copy()
    other[:begin] += bundle.scaler.spread

    one, two = (hindsight._Rows(bundle, values, each).evidence(rows) for each in (expected, other))

    np.testing.assert_array_equal(one.sums, two.sums)
    np.testing.assert_array_equal(one.residual, two.residual)
    assert np.isfinite(one.level).all()


def test_rows_before_the_first_count_as_unmeasured(bundle: Bundle) -> None:
    values = run_plant(60)

    found = hindsight._Rows(bundle, values, expect_rows(bundle, values)).evidence(np.arange(4))

    np.testing.assert_array_equal(found.counts[:, 0], [1, 2, 3, 4])
    assert not found.seen[0, :-1].any()
    assert (found.residual[0, :-1] == 0).all()


def test_a_row_in_which_nothing_was_measured_is_unknown(bundle: Bundle) -> None:
    values = recording()
    values[500] = np.nan
    values[600:640] = np.nan
    values[200:204] = np.nan  # of those that were learned from

    found = look_back(bundle, values, TRAIN_ROWS)

    unmeasured = np.isnan(values).all(axis=1)
    np.testing.assert_array_equal(np.isnan(found.score), unmeasured)
    np.testing.assert_array_equal(np.isnan(found.blame).any(axis=1), unmeasured)
    assert np.isfinite(found.expected[500]).all()
    assert np.isnan(found.expected[620]).all()


def test_how_many_windows_are_there_at_once_changes_no_bit(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = recording()
    whole = look_back(bundle, values, TRAIN_ROWS)

    monkeypatch.setattr(hindsight, "_PART", 37)
    parts = look_back(bundle, values, TRAIN_ROWS)

    for name in ("expected", "score", "blame"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_all_windows_are_never_there_at_once(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hindsight, "_PART", 128)
    values = run_plant(12_000)

    tracemalloc.start()
    expect_rows(bundle, values)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < values.nbytes * LENGTH / 4


def test_latent_vectors_are_left_out(bundle: Bundle) -> None:
    values = recording()
    plain = look_back(bundle, values, TRAIN_ROWS)
    aspects = bundle.scorer.policy.aspects

    found = look_back(with_aspects(bundle, *aspects, Aspect.LATENT), values, TRAIN_ROWS)

    np.testing.assert_array_equal(found.score, plain.score)
    with pytest.raises(ValueError, match="by latent vectors alone cannot look back"):
        look_back(with_aspects(bundle, Aspect.LATENT), values, TRAIN_ROWS)


def with_aspects(bundle: Bundle, *aspects: Aspect) -> Bundle:
    """Return the bundle as one that looks at these."""
    policy = replace(bundle.scorer.policy, aspects=aspects)
    return replace(bundle, scorer=replace(bundle.scorer, policy=policy))


@pytest.mark.parametrize("train_rows", [0, LENGTH - 1])
def test_with_too_little_to_learn_from_it_is_said_what_to_do(
    bundle: Bundle, train_rows: int
) -> None:
    with pytest.raises(ValueError, match="learn from more rows, or choose shorter windows"):
        look_back(bundle, recording(), train_rows)


def test_a_recording_shorter_than_a_window_says_what_to_do(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="learn from more rows"):
        look_back(bundle, recording(LENGTH - 1), LENGTH - 1)

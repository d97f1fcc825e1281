"""Aspects, and what they come to together."""

from dataclasses import replace

import numpy as np
import pytest

from tocsin_models.arrays import Floats, Singles
from tocsin_models.evidence import Evidence, collect, join_evidence
from tocsin_models.gauges import Neighbours, Square, fit_mahalanobis, fit_neighbours
from tocsin_models.scoring import (
    OWN_ASPECTS,
    Scorer,
    ScoringPolicy,
    fit_scorer,
    judge_crosswise,
    look_of,
)
from tocsin_models.senses import Aspect

LENGTH, STRIDE = 12, 2
ALONE = [each for each in Aspect if each is not Aspect.BULK]
EVERY = ScoringPolicy(tuple(Aspect))


def windows(count: int, seed: int = 0) -> Singles:
    """Return normal windows ``[count, LENGTH, 3]``; channels 0 and 1 go together."""
    chance = np.random.default_rng(seed)
    rows = chance.normal(size=(count * STRIDE + LENGTH, 3))
    rows[:, 1] = rows[:, 0] + 0.1 * rows[:, 1]
    cut = [rows[n * STRIDE : n * STRIDE + LENGTH] for n in range(count)]
    return np.stack(cut).astype(np.float32)


def noise(count: int, channels: int) -> Singles:
    """Return windows ``[count, LENGTH, channels]`` of channels that have nothing in common."""
    rows = np.random.default_rng(0).normal(size=(count * STRIDE + LENGTH, channels))
    cut = [rows[n * STRIDE : n * STRIDE + LENGTH] for n in range(count)]
    return np.stack(cut).astype(np.float32)


def evidence(scaled: Singles, policy: ScoringPolicy = EVERY) -> Evidence:
    """Return the evidence of a network that always expects a tenth of what it sees."""
    mask = ~np.isnan(scaled)
    expected = 0.1 * np.nan_to_num(scaled)
    latent = np.nan_to_num(scaled)[:, ::4].reshape(len(scaled), -1)
    return collect(scaled, expected, mask, STRIDE + policy.lags, latent)


def scorer(policy: ScoringPolicy = EVERY) -> Scorer:
    return fit_scorer(evidence(windows(800), policy), STRIDE, policy)


@pytest.mark.parametrize("aspect", ALONE)
def test_normal_windows_surprise_as_often_as_they_should(aspect: Aspect) -> None:
    policy = replace(EVERY, aspects=(aspect,))

    nats = scorer(policy).surprise(evidence(windows(4_000, 1), policy)).nats

    for share in (0.5, 0.1, 0.01):
        assert (nats >= -np.log(share)).mean() == pytest.approx(share, rel=1.2)


@pytest.mark.parametrize("aspect", ALONE)
def test_a_loud_channel_surprises_and_is_blamed(aspect: Aspect) -> None:
    policy = replace(EVERY, aspects=(aspect,))
    broken = windows(60, 1)
    broken[30, :, 2] += 12

    found = scorer(policy).surprise(evidence(broken, policy))

    assert found.nats[30] > 10
    assert found.blame[30].argmax() == 2
    np.testing.assert_allclose(found.blame.sum(axis=1), 1, rtol=1e-5)
    assert (found.blame >= 0).all()


@pytest.mark.parametrize("aspect", [Aspect.RESIDUAL, Aspect.LEVEL, Aspect.MOTION])
def test_channels_that_part_are_seen_though_each_is_as_usual(aspect: Aspect) -> None:
    policy = replace(EVERY, aspects=(aspect,))
    broken = windows(60, 1)
    broken[:, -1, :2] = (1.5, -1.5)

    assert (scorer(policy).surprise(evidence(broken, policy)).nats > 10).all()


def test_the_most_surprised_aspect_counts() -> None:
    some = evidence(windows(50, 1))
    each = [
        fit_scorer(evidence(windows(800)), STRIDE, replace(EVERY, aspects=(aspect,)))
        .surprise(some)
        .nats
        for aspect in ALONE
    ]

    np.testing.assert_array_equal(scorer().surprise(some).nats, np.max(each, axis=0))


def test_only_the_newest_steps_count_and_every_step_is_once_among_them() -> None:
    policy = ScoringPolicy((Aspect.ERROR, Aspect.LEVEL))
    calm, spiked = windows(1, 1), windows(1, 1)
    spiked[0, LENGTH - STRIDE - 1, 0] = 50
    judge = scorer(policy)

    before, after = (judge.surprise(evidence(each, policy)) for each in (calm, spiked))

    assert before.nats == after.nats
    for back in range(1, STRIDE + 1):
        spiked = windows(1, 1)
        spiked[0, -back, 0] = 50
        found = judge.surprise(evidence(spiked, policy))
        assert found.nats > 100
        assert found.onset == back


def test_unmeasured_channels_are_not_blamed_and_make_nothing_abnormal() -> None:
    whole, holey = windows(2_000, 1), windows(2_000, 1)
    holey[:, :, 2] = np.nan
    policy = ScoringPolicy()

    one, other = (scorer(policy).surprise(evidence(each, policy)) for each in (whole, holey))

    assert (other.blame[:, 2] == 0).all()
    assert np.median(other.nats) == pytest.approx(np.median(one.nats), rel=0.6)


def test_without_a_new_measurement_the_error_of_the_whole_window_stands_in() -> None:
    policy = ScoringPolicy()
    late = windows(20, 1)
    late[:, -STRIDE:] = np.nan

    found = scorer(policy).surprise(evidence(late, policy))

    assert np.isfinite(found.nats).all()
    np.testing.assert_allclose(found.blame.sum(axis=1), 1, rtol=1e-5)


def test_what_measured_nothing_is_unknown() -> None:
    nothing = np.full((2, LENGTH, 3), np.nan, np.float32)

    found = scorer().surprise(evidence(nothing))

    assert np.isnan(found.nats).all()
    assert np.isnan(found.blame).all()


@pytest.mark.parametrize("apart", [0, 80])
def test_it_comes_back_from_what_was_packed(apart: int) -> None:
    learned, some = evidence(windows(800)), evidence(windows(50, 1))
    one = fit_scorer(replace(learned, usual=np.arange(800) >= apart), STRIDE, EVERY)

    back = Scorer.unpack(*one.pack())

    assert back.policy == one.policy
    assert [each.aspect for each in back.senses] == [each.aspect for each in one.senses]
    assert len(one.senses) == len(EVERY.aspects) - (apart == 0)
    np.testing.assert_array_equal(one.surprise(some).nats, back.surprise(some).nats)


def test_crosswise_no_part_is_judged_by_itself() -> None:
    normal = windows(500)
    normal[400:, :, 2] += 30  # the last fifth was lived under other conditions
    some, ends = evidence(normal), np.arange(500)
    judge = fit_scorer(some, STRIDE, EVERY)

    crosswise = judge_crosswise(some, ends, STRIDE, EVERY)
    own = judge.surprise(some, own=True).nats

    assert crosswise.nats[400:].min() > 3 * own[400:].max()


@pytest.mark.parametrize(("channels", "least", "most"), [(3, 1.0, 1.1), (40, 1.3, 3.0)])
def test_many_channels_in_few_windows_are_known_to_fit_too_well(
    channels: int, least: float, most: float
) -> None:
    policy = ScoringPolicy((Aspect.MOTION, Aspect.ERROR))
    scaled = noise(500, channels)
    known = evidence(scaled[:350], policy)

    crosswise = judge_crosswise(known, np.arange(350), STRIDE, policy)
    judge = fit_scorer(known, STRIDE, policy).widened(crosswise.widths)
    unseen = judge.surprise(evidence(scaled[360:], policy)).nats

    assert set(crosswise.widths) == {Aspect.MOTION}
    assert least <= crosswise.widths[Aspect.MOTION] <= most
    assert np.median(unseen) < 2.5


def test_what_time_changes_widens_nothing() -> None:
    moved = windows(500)
    moved[300:, :, 2] += 30  # two parts of five: each of the others has its like

    widths = judge_crosswise(evidence(moved), np.arange(500), STRIDE, EVERY).widths

    assert all(width < 1.2 for width in widths.values())


def test_where_nothing_ever_moves_nothing_is_widened() -> None:
    still = np.ones((100, LENGTH, 3), np.float32)

    crosswise = judge_crosswise(evidence(still), np.arange(100), STRIDE, EVERY)

    assert all(width == 1.0 for width in crosswise.widths.values())
    assert np.isfinite(crosswise.nats).all()


@pytest.mark.parametrize("aspect", ALONE)
def test_a_cell_that_is_missing_raises_no_distance_where_nothing_moves(aspect: Aspect) -> None:
    policy = replace(EVERY, aspects=(aspect,))
    switches = np.zeros((400, LENGTH, 3), np.float32)
    switches[200:, :, 1] = 1
    judge = fit_scorer(evidence(switches, policy), STRIDE, policy)
    holes = switches.copy()
    holes[:, -1, 0] = np.nan

    assert judge.surprise(evidence(holes, policy)).nats.max() < 10


def test_evidence_is_joined_and_taken_window_by_window() -> None:
    some = evidence(windows(20))

    joined = join_evidence([some.take(slice(0, 7)), some.take(slice(7, None))])

    for name in ("residual", "level", "seen", "sums", "counts", "latent"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(some, name))


def test_a_mean_of_squares_is_over_channels_and_lags_and_weighs_channels() -> None:
    rows = np.array([[[1.0, -2.0], [3.0, 0.5]], [[0.0, 0.0], [0.0, -4.0]]])  # [N, L, F]

    parts = Square(np.array([1.0, 0.5])).read(rows)

    np.testing.assert_allclose(parts, [[(1 + 9) / 4, 0.5 * (4 + 0.25) / 4], [0, 0.5 * 16 / 4]])


def test_shares_of_a_mahalanobis_distance_add_up_to_it() -> None:
    rows = np.random.default_rng(0).normal(size=(500, 2, 3)) @ np.diag((1.0, 5.0, 0.1))
    gauge = fit_mahalanobis(rows, 0.1)
    flat = rows.reshape(500, 6)
    own = np.cov(flat.T, bias=True)
    shrunk = 0.9 * own + 0.1 * np.trace(own) / 6 * np.eye(6)
    apart = flat - flat.mean(axis=0)

    parts = gauge.read(rows)

    assert (parts >= 0).all()
    expected = (apart @ np.linalg.inv(shrunk) * apart).sum(axis=1)
    np.testing.assert_allclose(parts.sum(axis=1), expected)


def nearest_plainly(rows: Floats, references: Floats, count: int) -> Floats:
    """Return the mean distances to the nearest references, one row after another."""
    far = np.sqrt(((rows[:, None] - references[None]) ** 2).sum(axis=2))
    return np.asarray(np.sort(far, axis=1)[:, :count].mean(axis=1))


def test_neighbours_are_the_nearest() -> None:
    chance = np.random.default_rng(0)
    references, rows = chance.normal(size=(300, 4)), chance.normal(size=(1_500, 4))

    found = Neighbours(references, np.ones(4), 10).read(rows[:, None]).sum(axis=1)

    np.testing.assert_allclose(found, nearest_plainly(rows, references, 10), rtol=1e-6)


def test_a_reference_is_not_its_own_neighbour() -> None:
    rows = np.random.default_rng(0).normal(size=(100, 1, 4))
    gauge = fit_neighbours(rows, 100, 3)

    found = gauge.read_own(rows).sum(axis=1)

    far = np.sqrt(((rows - rows[:, 0][None]) ** 2).sum(axis=2))
    np.testing.assert_allclose(found, np.sort(far, axis=1)[:, 1:4].mean(axis=1), rtol=1e-6)
    alone = fit_neighbours(rows[:1], 5, 3)
    assert alone.read_own(rows[:1]).sum() == 0


def test_of_several_new_steps_the_one_farthest_from_its_nearest_neighbour_counts() -> None:
    policy = ScoringPolicy((Aspect.NEIGHBOURS,), lags=0)
    chosen = scorer(policy).senses[0]
    broken = windows(60, 1)
    broken[7, -2, 1] += 9  # the older of two new steps
    broken[8, -1, 1] += 9

    said = chosen.ask(evidence(broken, policy), look_of(policy, STRIDE))

    rows = broken[np.arange(60), said.step - STRIDE].astype(np.float64)
    assert isinstance(chosen.gauge, Neighbours)
    plainly = nearest_plainly(rows, chosen.gauge.references, policy.nearest)
    np.testing.assert_allclose(said.distance, plainly, rtol=1e-5)
    assert (said.step[7], said.step[8]) == (0, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"aspects": ()},
        {"aspects": (Aspect.BULK,)},
        {"aspects": (*OWN_ASPECTS, Aspect.ERROR)},
        {"spans": ()},
        {"spans": (0, 5)},
        {"spans": (65,)},
        {"cap": 0.0},
        {"shrinkage": 0.0},
        {"lags": -1},
        {"nearest": 0},
    ],
)
def test_an_impossible_policy_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="choose"):
        ScoringPolicy(**wrong)  # type: ignore[arg-type]

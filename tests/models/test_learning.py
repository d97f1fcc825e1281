import re
from dataclasses import replace

import numpy as np
import pytest

from small_plant import LENGTH, RECIPE, SECOND_NS, STRIDE, cut_windows, run_plant, training_set
from tocsin_models.arrays import Floats
from tocsin_models.bundle import Bundle
from tocsin_models.calibration import CalibrationPolicy
from tocsin_models.identity import check_identity
from tocsin_models.learning import (
    Recipe,
    TrainingSet,
    compare_error,
    holdout_error,
    recalibrate,
    split_by_time,
    train_bundle,
)
from tocsin_models.networks import Form, NetworkPolicy
from tocsin_models.scaling import RobustScaler
from tocsin_models.scoring import ScoringPolicy
from tocsin_models.senses import Aspect
from tocsin_models.training import Progress, TrainingPolicy

SIFTING = replace(RECIPE, scoring=ScoringPolicy(sifted=True))
QUICK = Recipe(NetworkPolicy(hidden=8, latent=3), TrainingPolicy(epochs=2, batches=4))


def two_assets() -> TrainingSet:
    """Two assets in turn, of which the second begins later."""
    first, second = training_set(run_plant(600)), training_set(run_plant(500, seed=1), group=1)
    order = np.random.default_rng(0).permutation(len(first.end_ns) + len(second.end_ns))
    late_ns = second.end_ns + 300 * SECOND_NS
    return replace(
        first,
        values=np.concatenate([first.values, second.values])[order],
        end_ns=np.concatenate([first.end_ns, late_ns])[order],
        group=np.concatenate([first.group, second.group])[order],
    )


def test_each_part_begins_after_the_part_before_it_has_ended() -> None:
    windows = two_assets()
    start_ns = windows.end_ns - LENGTH * SECOND_NS

    split = split_by_time(windows, Recipe())

    assert windows.end_ns[split.older].max() <= start_ns[split.later].min()
    assert windows.end_ns[split.later].max() <= start_ns[split.unseen].min()
    for part in (split.older, split.later, split.unseen):
        assert (np.diff(windows.end_ns[part]) >= 0).all()


def test_the_parts_have_the_shares_asked_for() -> None:
    windows = two_assets()
    count = len(windows.end_ns)

    split = split_by_time(windows, Recipe(later=0.1, unseen=0.3))

    assert len(split.unseen) == pytest.approx(0.3 * count, abs=2)
    assert len(split.later) == pytest.approx(0.1 * count, abs=2)
    assert len(split.older) >= 0.6 * count - 4 * LENGTH / STRIDE - 4


def test_windows_without_a_measured_cell_are_in_no_part() -> None:
    windows = training_set(run_plant(600))
    windows.values[::5] = np.nan

    split = split_by_time(windows, Recipe())

    used = np.concatenate([split.older, split.later, split.unseen])
    assert (used % 5 != 0).all()


@pytest.mark.parametrize("rows", [LENGTH, 2 * LENGTH, 100])
def test_too_few_windows_say_what_to_do(rows: int) -> None:
    with pytest.raises(ValueError, match="record for longer"):
        train_bundle(training_set(run_plant(rows)), QUICK)


def test_as_many_windows_as_it_says_are_enough() -> None:
    recipe = replace(QUICK, training=replace(QUICK.training, epochs=1))
    with pytest.raises(ValueError, match="about") as refused:
        train_bundle(training_set(run_plant(100)), recipe)
    wanted = int(re.findall(r"about (\d+) are needed", str(refused.value))[0])

    train_bundle(training_set(run_plant(LENGTH + (wanted + 1) * STRIDE)), recipe)


def test_windows_that_measured_nothing_are_too_few() -> None:
    with pytest.raises(ValueError, match="record for longer"):
        train_bundle(training_set(np.full((600, 3), np.nan)), QUICK)


def test_the_same_windows_and_seed_give_the_same_version() -> None:
    windows = training_set(run_plant(400))

    first, second = train_bundle(windows, QUICK), train_bundle(windows, QUICK)
    other = train_bundle(windows, replace(QUICK, training=replace(QUICK.training, seed=1)))

    assert first.version == second.version != other.version


def test_the_order_of_the_windows_does_not_matter() -> None:
    windows = training_set(run_plant(400))
    order = np.random.default_rng(0).permutation(len(windows.end_ns))
    shuffled = replace(
        windows, values=windows.values[order], end_ns=windows.end_ns[order], group=windows.group
    )

    assert train_bundle(shuffled, QUICK).version == train_bundle(windows, QUICK).version


def test_facts_say_where_a_model_comes_from(bundle: Bundle) -> None:
    facts = bundle.facts

    assert facts["parent"] == "none"
    assert facts["seed"] == 0
    assert facts["windows"] == 593
    parts = [facts[f"windows_{part}"] for part in ("learned", "stopping", "calibrating")]
    assert sum(int(part) for part in parts) == 593 - 2 * (LENGTH // STRIDE - 1)
    assert facts["last_end_ns"] == 1_200 * SECOND_NS


def test_facts_say_how_much_of_noise_a_model_loses(bundle: Bundle) -> None:
    windows = training_set(run_plant(1_200))
    unseen = windows.values[split_by_time(windows, RECIPE).unseen]

    assert bundle.facts["copies"] == 0
    assert bundle.facts["noise_lost"] == pytest.approx(check_identity(bundle, unseen).noise)


def test_facts_say_that_a_network_without_a_bottleneck_copies() -> None:
    copier = Recipe(NetworkPolicy(latent=LENGTH * 3, form=Form.PCA))

    facts = train_bundle(training_set(run_plant(800)), copier).facts

    assert facts["copies"] == 1
    assert float(facts["noise_lost"]) < 0.1


def test_the_holdout_error_is_that_of_windows_that_were_not_learned(bundle: Bundle) -> None:
    windows = training_set(run_plant(1_200))
    unseen = windows.values[split_by_time(windows, RECIPE).unseen]

    assert bundle.facts["holdout_error"] == pytest.approx(holdout_error(bundle, unseen))
    assert bundle.calibration.samples == len(windows.values)


@pytest.mark.parametrize("aspect", [each for each in Aspect if each is not Aspect.BULK])
def test_every_aspect_alone_can_be_learned_whatever_is_missing(aspect: Aspect) -> None:
    rows = run_plant(800)
    rows[np.random.default_rng(0).random(len(rows)) < 0.1] = np.nan  # now and then, all at once
    windows = training_set(rows)
    windows.group[300] = 1  # an asset of one window, of which most aspects say nothing
    windows.values[300, -STRIDE:] = np.nan

    bundle = train_bundle(windows, replace(QUICK, scoring=ScoringPolicy((aspect,))))

    assert np.isfinite(bundle.calibration.limit)
    assert (bundle.score(windows.values) < 1).sum() > 0.9 * len(windows.values)


def test_what_lies_far_from_all_else_stands_out_and_rings_only_if_sifted() -> None:
    rows = run_plant(2_400)
    rows[200:400, 1] += 6 * rows[:, 1].std()
    windows = training_set(rows)
    plain = replace(RECIPE, scoring=ScoringPolicy(ScoringPolicy().aspects[:-1]))

    blind, bundle, sifted = (train_bundle(windows, each) for each in (plain, RECIPE, SIFTING))

    assert blind.facts["windows_apart"] == 0
    assert bundle.facts["windows_apart"] == sifted.facts["windows_apart"]
    assert 0 < int(bundle.facts["windows_apart"]) < len(windows.values) / 4
    fault = cut_windows(rows[200:400]).values
    nats = [
        float(np.median(each.judge(fault).error)) * each.calibration.limit
        for each in (blind, bundle, sifted)
    ]
    assert 2 * nats[0] < nats[1] < nats[2]
    assert bundle.score(fault).max() < 1 < np.median(sifted.score(fault))
    again = recalibrate(sifted, windows, CalibrationPolicy())
    assert again.limit == pytest.approx(sifted.calibration.limit)


def test_a_bundle_tells_when_the_longest_run_lay_apart() -> None:
    rows = run_plant(2_400)
    rows[200:400, 1] += 60 * rows[:, 1].std()
    rows[1_500:1_560, 1] += 60 * rows[:, 1].std()
    windows = replace(training_set(rows), names=("pump-1",))

    facts = train_bundle(windows, RECIPE).facts

    assert facts["apart_asset"] == "pump-1"
    begin, end = (int(facts[f"apart_{name}_ns"]) // SECOND_NS for name in ("from", "to"))
    assert begin == pytest.approx(200, abs=2 * LENGTH)
    assert end == pytest.approx(400, abs=2 * LENGTH)
    assert "apart_from_ns" not in train_bundle(training_set(run_plant(1_200)), RECIPE).facts


def test_what_was_sifted_out_does_not_deafen() -> None:
    rows = run_plant(2_400)
    rows[200:400, 1] += 60 * rows[:, 1].std()

    sifted = train_bundle(training_set(rows), SIFTING)

    assert int(sifted.facts["windows_apart"]) > 90  # of the hundred in the fault
    assert all(span.tail.scale < RECIPE.scoring.cap for span in sifted.calibration.spans)


def test_another_rule_and_budget_have_limits_of_their_own(bundle: Bundle) -> None:
    windows = training_set(run_plant(1_200))
    asked = (CalibrationPolicy(), CalibrationPolicy(budget=0.01), CalibrationPolicy(0.01, 40, 40))

    usual, often, long = (recalibrate(bundle, windows, policy) for policy in asked)

    assert usual.limit == pytest.approx(bundle.calibration.limit, rel=0.2)
    assert often.limit < usual.limit
    assert long.threshold < often.threshold  # what 40 in a row reach is less than what 3 of 5 do
    assert usual.samples == len(windows.values)


def test_progress_is_told() -> None:
    told: list[Progress] = []

    train_bundle(training_set(run_plant(400)), QUICK, progress=told.append)

    assert len(told) == 2


def test_a_gap_in_time_breaks_the_averages_of_calibration() -> None:
    whole = training_set(run_plant(400))
    moved = replace(whole, end_ns=whole.end_ns * 2)  # no window follows upon another

    one, other = (train_bundle(each, QUICK).calibration for each in (whole, moved))

    assert one.spans[-1].tail.scale > 1.2 * other.spans[-1].tail.scale
    assert other.threshold == 0  # nothing ever stands out for three windows in a row


def test_the_better_model_has_the_smaller_error_under_one_scaler(
    bundle: Bundle, windows: Floats
) -> None:
    worse = train_bundle(training_set(run_plant(400)), QUICK)

    for scaler in (bundle.scaler, worse.scaler):
        assert compare_error(bundle, windows, scaler) < compare_error(worse, windows, scaler)


def test_the_common_scaler_sets_the_unit_of_a_comparison(bundle: Bundle) -> None:
    windows = cut_windows(run_plant(400, seed=9)).values
    wider = RobustScaler(bundle.scaler.centre, bundle.scaler.spread * 2)

    whole = compare_error(bundle, windows, bundle.scaler)

    assert compare_error(bundle, windows, wider) == pytest.approx(whole / 4, rel=1e-4)
    assert whole == pytest.approx(holdout_error(bundle, windows), rel=1e-4)


def test_windows_without_cells_are_not_compared(bundle: Bundle, windows: Floats) -> None:
    more = np.concatenate([windows, np.full((3, LENGTH, 3), np.nan)])

    assert compare_error(bundle, more, bundle.scaler) == pytest.approx(
        compare_error(bundle, windows, bundle.scaler)
    )
    assert np.isnan(compare_error(bundle, more[-3:], bundle.scaler))


def test_a_set_whose_columns_differ_is_refused() -> None:
    windows = training_set(run_plant(100))

    with pytest.raises(ValueError, match="one end and one group"):
        replace(windows, end_ns=windows.end_ns[1:])
    with pytest.raises(ValueError, match="F channels"):
        replace(windows, channels=("flow",))
    with pytest.raises(ValueError, match="leave something"):
        Recipe(later=0.5, unseen=0.5)

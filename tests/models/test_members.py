"""One battery of checks for all members of the family, and for all of their options."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from family import DRAWN, MEMBERS, RECIPE, RECIPES, model
from small_plant import LENGTH, cut_windows, run_plant, training_set
from tocsin_models.arrays import Floats
from tocsin_models.bundle import Bundle, pack, probe_gap, unpack
from tocsin_models.faults import Fault, FaultKind, inject
from tocsin_models.inference import BATCH_ROWS
from tocsin_models.learning import Recipe, compare_error, train_bundle
from tocsin_models.losses import Loss
from tocsin_models.members import Member, choose_loss, choose_member
from tocsin_models.networks import Form, NetworkPolicy, Output
from tocsin_models.training import TrainingPolicy

members = pytest.mark.parametrize("name", RECIPES)
WHOLE = cut_windows(run_plant(400, seed=9)).values


def shorter(name: str, seed: int = 0) -> Recipe:
    """Return a member's recipe with next to no training."""
    recipe = RECIPES[name]
    return replace(recipe, training=replace(recipe.training, seed=seed, epochs=2, batches=4))


def all_said(bundle: Bundle, values: Floats) -> dict[str, Floats]:
    """Return everything that a bundle says of each window."""
    judged = bundle.judge(values)
    latent = bundle.encode(values)
    return {
        "error": judged.error,
        "blame": judged.blame.astype(np.float64),
        "expected": judged.expected.astype(np.float64),
        "latent": latent.astype(np.float64),
        "decoded": bundle.decode(latent),
        "reconstruction": bundle.reconstruct(values),
        "residuals": bundle.residuals(values),
    }


def assert_same_bits(said: dict[str, Floats], expected: dict[str, Floats]) -> None:
    for part, values in expected.items():
        np.testing.assert_array_equal(said[part], values, err_msg=part)


def test_every_form_is_a_member() -> None:
    assert {recipe.network.form for recipe in MEMBERS.values()} == set(Form)


@members
def test_shapes_are_kept_and_the_input_is_left_alone(name: str, windows: Floats) -> None:
    before, bundle = windows.copy(), model(name)

    said = all_said(bundle, windows)

    np.testing.assert_array_equal(windows, before)
    rows, latent = len(windows), RECIPES[name].network.latent
    shapes = {part: values.shape for part, values in said.items()}
    assert shapes == {
        "error": (rows,),
        "blame": (rows, 3),
        "expected": (rows, 3),
        "latent": (rows, latent),
        "decoded": windows.shape,
        "reconstruction": windows.shape,
        "residuals": windows.shape,
    }


@members
def test_a_member_tells_apart_what_it_has_learned(name: str) -> None:
    bundle = model(name)
    rubbish = np.random.default_rng(0).permuted(WHOLE, axis=1)

    assert compare_error(bundle, WHOLE, bundle.scaler) < 0.04
    assert 5 * bundle.errors(WHOLE).max() < np.quantile(bundle.errors(rubbish), 0.05)
    assert (bundle.score(WHOLE) < 1).mean() > 0.95


@members
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_fault_raises_the_error_and_its_channel_is_blamed_most(name: str, channel: int) -> None:
    bundle, rows = model(name), run_plant(300, seed=9)
    fault = Fault(FaultKind.NOISE, channel, 150, LENGTH, magnitude=4)
    broken = inject(rows, fault, np.random.default_rng(0), bundle.scaler.spread)

    before, after = (bundle.judge(cut_windows(each).values) for each in (rows, broken))

    hit = cut_windows(rows).ends == 150 + LENGTH
    assert (after.error[hit] > 50 * before.error[hit]).all()
    assert (after.blame[hit].argmax(axis=1) == channel).all()


@members
def test_missing_cells_and_absurd_ones_still_give_finite_answers(
    name: str, windows: Floats
) -> None:
    windows[0, -1, 0], windows[1, -1, 0] = 1e300, np.inf
    windows[4], windows[5, :, 1] = np.nan, np.nan

    judged = model(name).judge(windows)

    assert np.flatnonzero(~judged.finite).tolist() == [4]
    assert (judged.error[judged.finite] >= 0).all()
    assert judged.blame[5, 1] == 0
    assert (judged.error[:2] > 1).all()
    np.testing.assert_allclose(judged.blame[judged.finite].sum(axis=1), 1, rtol=1e-6)


@members
def test_what_a_missing_channel_should_have_been_follows_from_the_others(name: str) -> None:
    blind = WHOLE.copy()
    blind[:, :, 1] = np.nan

    said = model(name).denoise(blind)[:, 2:-2, 1]

    assert np.corrcoef(said.ravel(), WHOLE[:, 2:-2, 1].ravel())[0, 1] > 0.95


@members
def test_a_reconstruction_is_nearer_to_the_truth_than_what_was_measured(name: str) -> None:
    noisy = WHOLE + 0.3 * model(name).scaler.spread * np.random.default_rng(3).normal(
        size=WHOLE.shape
    )

    gaps = [
        np.square((each - WHOLE) / model(name).scaler.spread).mean()
        for each in (model(name).denoise(noisy), noisy)
    ]

    assert gaps[0] < 0.4 * gaps[1]


@members
def test_a_row_has_the_same_bits_whatever_its_neighbours_and_place(
    name: str, windows: Floats
) -> None:
    bundle, chance = model(name), np.random.default_rng(0)
    beside = windows.copy()
    beside[::2] = 1e300
    whole = all_said(bundle, windows)

    for count in (1, BATCH_ROWS - 1, BATCH_ROWS, BATCH_ROWS + 1, len(windows)):
        rows = chance.permutation(len(windows))[:count]
        expected = {part: values[rows] for part, values in whole.items()}
        assert_same_bits(all_said(bundle, windows[rows]), expected)
    others = {part: values[1::2] for part, values in all_said(bundle, beside).items()}
    assert_same_bits(others, {part: values[1::2] for part, values in whole.items()})


@members
def test_a_whole_row_has_the_same_bits_beside_rows_with_gaps(name: str) -> None:
    bundle, beside = model(name), WHOLE.copy()
    beside[::2, 3:7, 1] = np.nan

    said, expected = (all_said(bundle, each) for each in (beside, WHOLE))

    assert_same_bits(
        {part: values[1::2] for part, values in said.items()},
        {part: values[1::2] for part, values in expected.items()},
    )


@members
def test_the_number_of_threads_changes_nothing(name: str, windows: Floats) -> None:
    alone = all_said(model(name), windows)

    torch.set_num_threads(2)

    assert_same_bits(all_said(model(name), windows), alone)


@members
def test_no_windows_give_no_rows(name: str, windows: Floats) -> None:
    said = all_said(model(name), windows[:0])

    assert all(len(values) == 0 for values in said.values())
    assert said["reconstruction"].shape == said["decoded"].shape == (0, LENGTH, 3)


@members
def test_a_bundle_comes_back_from_its_files_bit_for_bit(name: str, windows: Floats) -> None:
    bundle = model(name)

    back = unpack(pack(bundle))

    assert (back.version, back.policy) == (bundle.version, bundle.policy)
    assert probe_gap(back) == 0
    assert_same_bits(all_said(back, windows), all_said(bundle, windows))


@members
def test_the_same_windows_and_seed_give_the_same_model(name: str) -> None:
    learned = training_set(run_plant(400))

    first, second = (train_bundle(learned, shorter(name)) for _ in range(2))

    assert first.version == second.version


@pytest.mark.parametrize("name", DRAWN)
def test_another_seed_gives_another_model(name: str) -> None:
    learned = training_set(run_plant(400))

    first, second = (train_bundle(learned, shorter(name, seed=seed)) for seed in (0, 1))

    assert first.weights["output.weight"].tolist() != second.weights["output.weight"].tolist()


@members
def test_learning_on_from_a_model_never_ends_up_worse(name: str) -> None:
    learned, recipe = training_set(run_plant(1_200)), shorter(name, seed=5)

    further = train_bundle(learned, recipe, start=model(name))
    anew = train_bundle(learned, recipe)

    best = float(model(name).facts["best_loss"])
    assert float(further.facts["best_loss"]) <= best * (1 + 1e-6)
    if name in DRAWN:
        assert float(further.facts["best_loss"]) < float(anew.facts["best_loss"])


@members
def test_a_model_for_windows_of_another_length_is_no_start(name: str) -> None:
    longer = training_set(run_plant(400))
    shorter_windows = replace(longer, values=longer.values[:, 4:])

    further, anew = (
        train_bundle(shorter_windows, shorter(name), start=start) for start in (model(name), None)
    )

    assert further.version == anew.version


@members
def test_the_most_important_thing_is_kept_when_a_window_is_compressed(name: str) -> None:
    bundle = model(name)

    found = bundle.compression(WHOLE)

    policy = bundle.policy
    kept = 2 * policy.active if policy.active else policy.latent
    assert found.ratio == LENGTH * 3 / kept
    assert found.error.shape == (3,)
    assert (found.error < 0.3).all()
    lost = WHOLE - bundle.decode(bundle.encode(WHOLE))
    np.testing.assert_allclose(found.error, lost.std((0, 1)) / WHOLE.std((0, 1)), rtol=0.02)


@members
def test_a_channel_that_rests_has_no_relative_loss(name: str, windows: Floats) -> None:
    windows[:, :, 2], windows[:, :, 1] = -300.1, np.nan

    error = model(name).compression(windows).error

    assert np.isnan(error).tolist() == [False, True, True]


@members
def test_windows_are_shown_in_two_dimensions(name: str) -> None:
    bundle = model(name)

    seen = bundle.project(WHOLE, 2)

    assert seen.shape == (len(WHOLE), 2)
    assert seen[:, 0].std() >= seen[:, 1].std() > 0
    assert abs(np.corrcoef(*seen.T)[0, 1]) < 1e-3
    turn = np.arctan2(seen[:, 1], seen[:, 0])  # the plant goes round and round
    assert len(np.unique(np.floor(turn / (np.pi / 4)))) == 8


@pytest.mark.parametrize("dimensions", [0, 5])
def test_more_dimensions_than_there_are_cannot_be_shown(dimensions: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 4"):
        model("lstm").project(WHOLE, dimensions)


def test_a_variational_model_makes_windows_like_those_it_has_learned() -> None:
    bundle = model("variational")

    made = bundle.sample(200, seed=1)

    assert made.shape == (200, LENGTH, 3)
    np.testing.assert_array_equal(made, bundle.sample(200, seed=1))
    assert not np.array_equal(made, bundle.sample(200, seed=2))
    spread = bundle.scaler.spread
    np.testing.assert_array_less(np.abs(made.mean((0, 1)) - WHOLE.mean((0, 1))), 0.3 * spread)
    np.testing.assert_array_less(np.abs(made.std((0, 1)) - WHOLE.std((0, 1))), 0.4 * spread)
    links = [np.corrcoef(each[:, 0, 0], each[:, 0, 2])[0, 1] for each in (made, WHOLE)]
    assert links[0] == pytest.approx(links[1], abs=0.25)  # as the plant links its channels


@pytest.mark.parametrize("name", [name for name in RECIPES if "variational" not in name])
def test_only_a_variational_model_makes_windows(name: str) -> None:
    with pytest.raises(ValueError, match="only a variational model"):
        model(name).sample(3)


@pytest.mark.parametrize("name", [name for name in RECIPES if "forecast" in name])
def test_a_forecast_does_not_know_what_it_tells(name: str) -> None:
    moved = WHOLE.copy()
    moved[:, -1] += 3 * model(name).scaler.spread

    np.testing.assert_array_equal(model(name).reconstruct(moved), model(name).reconstruct(WHOLE))
    told = model(name).judge(WHOLE).expected
    assert np.median(np.abs(told - WHOLE[:, -1]) / model(name).scaler.spread) < 0.3
    assert (model(name).errors(moved) > 2 * model(name).errors(WHOLE)).all()


@pytest.mark.parametrize("name", ["sparse", "lstm sparse"])
def test_of_a_sparse_vector_only_the_largest_numbers_are_kept(name: str) -> None:
    latent = model(name).encode(WHOLE)

    assert ((latent != 0).sum(axis=1) == RECIPES[name].network.active).all()
    assert (latent != 0).any(axis=0).sum() > RECIPES[name].network.active


@pytest.mark.parametrize("name", ["dense bce", "conv bce"])
def test_a_sigmoid_says_nothing_that_was_never_seen(name: str, windows: Floats) -> None:
    said = model(name).reconstruct(windows * 5)

    lowest, highest = WHOLE.min((0, 1)), WHOLE.max((0, 1))
    room = 0.15 * (highest - lowest)
    assert (said > lowest - room).all()
    assert (said < highest + room).all()


@pytest.mark.parametrize(
    ("network", "training"),
    [
        (NetworkPolicy(), TrainingPolicy(loss=Loss.BCE)),
        (NetworkPolicy(form=Form.PCA), TrainingPolicy(loss=Loss.MAE)),
        (NetworkPolicy(form=Form.PCA), TrainingPolicy(noise=0.1)),
    ],
)
def test_what_makes_no_sense_together_is_refused(
    network: NetworkPolicy, training: TrainingPolicy
) -> None:
    with pytest.raises(ValueError, match=r"training: .* (choose|leave)"):
        Recipe(network, training)


def test_a_loss_brings_the_output_that_it_asks_for() -> None:
    assert choose_loss(Loss.BCE, RECIPE).network.output is Output.UNIT
    assert choose_loss(Loss.MAE, RECIPE).network == RECIPE.network
    with pytest.raises(ValueError, match="a pca has no sigmoid"):
        choose_loss(Loss.BCE, MEMBERS["pca"])


def test_a_denoising_member_learns_with_noise_and_with_more_hidden_than_others() -> None:
    denoising, dense = (MEMBERS[name].training for name in ("denoising", "dense"))

    assert (denoising.noise, denoising.hide) == (0.3, 0.15)
    assert (dense.noise, dense.hide) == (0, 0.05)


def test_a_member_keeps_the_sizes_that_were_chosen() -> None:
    recipe = Recipe(NetworkPolicy(hidden=24, latent=6), TrainingPolicy(epochs=7))

    for member in Member:
        chosen = choose_member(member, recipe)
        assert (chosen.network.hidden, chosen.training.epochs) == (24, 7)
        assert chosen.network.active or chosen.network.latent == 6
    assert choose_member(Member.SPARSE, recipe).network.active == 6
    assert choose_member(Member.LSTM, recipe) == recipe

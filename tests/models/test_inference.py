from dataclasses import fields

import numpy as np
import pytest
import torch

from tocsin_models.arrays import Flags, Floats, Indices, Singles
from tocsin_models.bundle import Bundle, Judged
from tocsin_models.inference import BATCH_ROWS
from tocsin_models.networks import NetworkPolicy, build_network


def assert_same_bits(one: Judged, other: Judged) -> None:
    np.testing.assert_array_equal(one.error, other.error)
    np.testing.assert_array_equal(one.blame, other.blame)
    np.testing.assert_array_equal(one.expected, other.expected)
    np.testing.assert_array_equal(one.onset, other.onset)
    np.testing.assert_array_equal(one.finite, other.finite)


def take(judged: Judged, rows: Indices) -> Judged:
    return Judged(*(getattr(judged, column.name)[rows] for column in fields(judged)))


def test_a_row_has_the_same_bits_whatever_its_neighbours_and_place(
    bundle: Bundle, windows: Floats
) -> None:
    chance = np.random.default_rng(0)
    whole = bundle.judge(windows)

    for count in (1, 2, BATCH_ROWS - 1, BATCH_ROWS, BATCH_ROWS + 1, len(windows)):
        rows = chance.permutation(len(windows))[:count]
        assert_same_bits(bundle.judge(windows[rows]), take(whole, rows))


def test_a_row_has_the_same_bits_beside_rows_that_are_absurd(
    bundle: Bundle, windows: Floats
) -> None:
    beside, others = windows.copy(), np.arange(1, len(windows), 2)
    beside[::2] = 1e300

    assert_same_bits(take(bundle.judge(beside), others), take(bundle.judge(windows), others))


def test_the_number_of_threads_changes_nothing(bundle: Bundle, windows: Floats) -> None:
    alone = bundle.judge(windows)

    torch.set_num_threads(2)

    assert_same_bits(bundle.judge(windows), alone)


def forward(rows: Singles, mask: Flags) -> Singles:
    network = build_network(8, rows.shape[1], NetworkPolicy(hidden=64, latent=16))
    with torch.inference_mode():
        joined = network.join(torch.from_numpy(rows), torch.from_numpy(mask))
        said: Singles = network.forward(joined).numpy()
    return said


def test_ragged_batches_do_change_bits_so_the_padding_is_needed() -> None:
    rows = np.random.default_rng(0).standard_normal((BATCH_ROWS, 32, 8)).astype(np.float32)
    mask = np.ones(rows.shape, dtype=np.bool_)
    whole = forward(rows, mask)

    ragged = [np.array_equal(forward(rows[:n], mask[:n]), whole[:n]) for n in range(1, 20)]

    if all(ragged):
        pytest.skip("this processor's matrix product rounds alike for every batch size")
    assert not all(ragged)


def test_windows_of_another_shape_are_refused(bundle: Bundle, windows: Floats) -> None:
    with pytest.raises(ValueError, match=r"must be \[B, 16, 3\]"):
        bundle.judge(windows[:, :-1])


def test_no_windows_give_no_rows(bundle: Bundle, windows: Floats) -> None:
    assert len(bundle.judge(windows[:0]).error) == 0
    assert bundle.reconstruct(windows[:0]).shape == (0, 16, 3)
    assert bundle.encode(windows[:0]).shape == (0, 4)

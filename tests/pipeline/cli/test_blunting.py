from collections.abc import Iterator

import numpy as np
import pytest

from tocsin.cli.blunting import Onlooker, find_blunted
from tocsin.core.formats.table import Chunk
from tocsin_models.arrays import Floats

NAMES = ("flow", "heat", "level")


def rows(count: int = 4_000, seed: int = 0) -> Floats:
    """Return normal rows of three channels, in units of their own."""
    chance = np.random.default_rng(seed)
    return chance.normal(size=(count, 3)) * [1, 50, 0.01] + [20, 101_325, 0]


def spoil(values: Floats, channel: int, share: float, code: float = -9999.0) -> Floats:
    spoilt = values.copy()
    spoilt[:: round(1 / share), channel] = code
    return spoilt


def chunks(values: Floats, size: int) -> Iterator[Chunk]:
    for low in range(0, len(values), size):
        part = values[low : low + size]
        time_ns = np.arange(low, low + len(part), dtype=np.int64)
        yield Chunk(None, time_ns, NAMES, part)


@pytest.mark.parametrize("channel", [0, 1, 2])
@pytest.mark.parametrize("share", [0.004, 0.05])
def test_a_channel_with_an_error_code_is_found(channel: int, share: float) -> None:
    (found,) = find_blunted(spoil(rows(), channel, share), NAMES)

    assert (found.channel, found.farthest) == (NAMES[channel], -9999)
    assert found.share == pytest.approx(share)


def test_a_large_size_and_a_lone_spike_blunt_nothing() -> None:
    values = rows()
    values[7, 0] = 1e12
    values[8, 0] = np.inf

    assert find_blunted(values, NAMES) == []


def test_a_channel_that_is_still_missing_or_swings_is_left_aside() -> None:
    values = rows()
    values[:, 0] = 3
    values[5:25, 0] = 1e6  # its quartiles are one number
    values[:, 1] = np.nan
    values[:, 2] = np.where(np.arange(len(values)) % 2, 0, 1_000)

    assert find_blunted(values, NAMES) == []


def test_missing_values_hide_no_error_code() -> None:
    values = spoil(rows(), 2, 0.01)
    values[1::2] = np.nan

    assert [each.channel for each in find_blunted(values, NAMES)] == ["level"]


@pytest.mark.parametrize("size", [1, 97, 5_000])
def test_an_onlooker_takes_nothing_away(size: int) -> None:
    values = rows(1_000)

    passed = list(Onlooker(most=100).watch(chunks(values, size)))

    np.testing.assert_array_equal(np.concatenate([each.values for each in passed]), values)


@pytest.mark.parametrize("size", [1, 97, 5_000])
@pytest.mark.parametrize("most", [500, 10_000])
def test_of_many_rows_evenly_spread_ones_tell(size: int, most: int) -> None:
    onlooker = Onlooker(most)

    for _ in onlooker.watch(chunks(spoil(rows(), 1, 0.01), size)):
        pass

    (found,) = onlooker.blunted()
    assert found.channel == "heat"
    assert 0.005 < found.share < 0.1


def test_without_rows_nothing_is_blunted() -> None:
    assert Onlooker().blunted() == []

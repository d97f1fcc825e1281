"""What stands for a cell that was not measured."""

import numpy as np
import pytest

from tocsin_models.arrays import Singles
from tocsin_models.evidence import BRIDGED, Evidence, collect

LENGTH, RECENT = 12, 5


def window(seed: int = 0) -> tuple[Singles, Singles]:
    """Return a window ``[1, LENGTH, 2]`` and what is expected of it."""
    chance = np.random.default_rng(seed)
    seen, said = chance.normal(size=(2, 1, LENGTH, 2)).astype(np.float32)
    return seen, said


def look(seen: Singles, said: Singles) -> Evidence:
    return collect(seen, said, ~np.isnan(seen), RECENT)


def test_what_was_measured_stands_as_it_is() -> None:
    seen, said = window()

    found = look(seen, said)

    np.testing.assert_array_equal(found.level, seen[:, -RECENT:])
    np.testing.assert_array_equal(found.residual, (seen - said)[:, -RECENT:])
    assert found.usual.all()


@pytest.mark.parametrize("hole", range(1, BRIDGED + 1))
def test_a_short_hole_is_bridged_by_the_last_residual(hole: int) -> None:
    seen, said = window()
    last = (seen - said)[0, -1 - hole, 0]
    seen[0, -hole:, 0] = np.nan

    found = look(seen, said)

    np.testing.assert_allclose(found.residual[0, -hole:, 0], last)
    np.testing.assert_allclose(found.level[0, -hole:, 0], said[0, -hole:, 0] + last)
    np.testing.assert_array_equal(found.level[0, :, 1], seen[0, -RECENT:, 1])
    assert not found.seen[0, -hole:, 0].any()


def test_after_a_while_nothing_is_known_any_more() -> None:
    seen, said = window()
    seen[0, -BRIDGED - 1 :, 0] = np.nan

    found = look(seen, said)

    assert found.residual[0, -1, 0] == 0
    assert found.level[0, -1, 0] == said[0, -1, 0]
    assert found.residual[0, -2, 0] != 0


def test_a_hole_may_begin_before_the_newest_steps() -> None:
    seen, said = window()
    last = (seen - said)[0, -RECENT - 2, 0]
    seen[0, -RECENT - 1 : -RECENT + 1, 0] = np.nan

    assert look(seen, said).residual[0, 0, 0] == pytest.approx(last)


def test_before_the_first_value_the_expected_one_stands() -> None:
    seen, said = window()
    seen[:, :, 0] = np.nan

    found = look(seen, said)

    assert (found.residual[:, :, 0] == 0).all()
    np.testing.assert_array_equal(found.level[:, :, 0], said[:, -RECENT:, 0])


def test_a_sum_over_the_window_knows_nothing_of_bridges() -> None:
    seen, said = window()
    seen[0, -2:, 0] = np.nan

    found = look(seen, said)

    assert found.counts[0, 0] == LENGTH - 2
    assert found.sums[0, 0] == pytest.approx(np.nansum((seen - said)[0, :, 0] ** 2), rel=1e-5)

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.smoothing import RING_WINDOWS, ErrorRings, ranks

WEIGHTS = (0.5, 0.3, 0.2)


def smooth(rings: ErrorRings, rows: list[tuple[int, int, float]], floor: int = 0) -> list[float]:
    asset, number, error = zip(*rows, strict=True)
    return list(
        rings.smooth(np.array(asset, np.int32), np.array(number), np.array(error), WEIGHTS, floor)
    )


def plainly(rows: list[tuple[int, int, float]]) -> list[float]:
    """Return the weighted mean over the neighbours that are there, one window after another."""
    seen: dict[tuple[int, int], float] = {}
    found = []
    for asset, number, error in rows:
        seen[asset, number] = error
        there = [
            (weight, seen[asset, number - back])
            for back, weight in enumerate(WEIGHTS)
            if (asset, number - back) in seen
        ]
        total = share = 0.0
        for weight, value in there:
            total += weight * value
            share += weight
        found.append(total / share)
    return found


HISTORIES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 90), st.floats(0, 10)), min_size=1, max_size=60
).map(
    lambda steps: [
        (a, n, e) for a, n, e in sorted({(a, n): (a, n, e) for a, n, e in steps}.values())
    ]
)


@settings(max_examples=100, deadline=None)
@given(HISTORIES, st.integers(1, 60))
def test_it_is_the_mean_of_the_neighbours_that_are_there_however_it_is_cut(
    history: list[tuple[int, int, float]], size: int
) -> None:
    rings, found = ErrorRings(), []
    for at in range(0, len(history), size):
        found += smooth(rings, history[at : at + size])
    assert found == plainly(history)


@settings(max_examples=100, deadline=None)
@given(HISTORIES, st.integers(0, 60), st.booleans())
def test_what_is_recalled_or_adopted_is_as_if_it_had_never_been_away(
    history: list[tuple[int, int, float]],
    cut: int,
    adopted: bool,  # noqa: FBT001
) -> None:
    history.sort(key=lambda row: row[1])
    before, after = history[:cut], sorted(history[cut:])
    rings, restored = ErrorRings(), ErrorRings()
    for row in before:
        smooth(rings, [row], floor=7)
    if adopted:
        for asset in {asset for asset, _, _ in before}:
            restored.adopt(asset, rings.snapshot(asset))
    elif before:
        for _ in range(2):  # blocks may stand in the log twice, and in any order
            for asset, number, error in reversed(before):
                restored.recall(
                    np.array([asset], np.int32), np.array([number]), np.array([error]), 7
                )
    if after:
        assert smooth(restored, after) == smooth(rings, after)


def test_the_oldest_floor_is_where_recalling_has_to_begin() -> None:
    rings = ErrorRings()
    assert rings.oldest_floor(30) == 30
    smooth(rings, [(0, 1, 1.0)], floor=10)
    smooth(rings, [(1, 1, 1.0)], floor=20)
    assert rings.oldest_floor(30) == 10
    rings.snapshot(0)  # written down: it need not be recalled
    assert rings.oldest_floor(30) == 20


def test_a_ring_forgets_exactly() -> None:
    long, short = ErrorRings(), ErrorRings()
    smooth(long, [(0, n, float(n)) for n in range(1, 3 * RING_WINDOWS)])
    newest = [(0, 3 * RING_WINDOWS - back, float(back)) for back in (2, 1, 0)]
    assert smooth(long, newest)[-1] == smooth(short, newest)[-1]


@pytest.mark.parametrize(
    ("asset", "expected"),
    [([], []), ([5], [[0]]), ([1, 1, 2, 3, 3, 3], [[0, 2, 3], [1, 4], [5]])],
)
def test_ranks_go_through_all_assets_at_once(asset: list[int], expected: list[list[int]]) -> None:
    assert [rank.tolist() for rank in ranks(np.array(asset, np.int32))] == expected

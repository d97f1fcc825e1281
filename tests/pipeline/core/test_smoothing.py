import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.smoothing import REACH_WINDOWS, RING_WINDOWS, ErrorRings
from tocsin_models.spans import Averaging

AVERAGING = (
    Averaging(np.array([1.0]), np.inf, 0.5),
    Averaging(np.array([0.5, 0.3, 0.2]), np.inf, 0.5),
    Averaging(np.full(REACH_WINDOWS, 1 / REACH_WINDOWS), 4.0, 0.5),
)

Averages = list[tuple[float, ...]]


def smooth(rings: ErrorRings, rows: list[tuple[int, int, float]], floor: int = 0) -> Averages:
    asset, number, error = zip(*rows, strict=True)
    found = rings.smooth(
        np.array(asset, np.int32), np.array(number), np.array(error), AVERAGING, floor
    )
    return [tuple(row) for row in found.tolist()]


def plainly(rows: list[tuple[int, int, float]]) -> Averages:
    """Return the averages with what is usual for what is missing, one window after another."""
    seen: dict[tuple[int, int], float] = {}
    found = []
    for asset, number, error in rows:
        seen[asset, number] = error
        found.append(
            tuple(
                each.usual
                + sum(
                    weight * (min(seen[asset, number - back], each.cap) - each.usual)
                    for back, weight in enumerate(each.weights)
                    if (asset, number - back) in seen
                )
                for each in AVERAGING
            )
        )
    return found


HISTORIES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 500), st.floats(0, 10)), min_size=1, max_size=60
).map(
    lambda steps: [
        (a, n, e) for a, n, e in sorted({(a, n): (a, n, e) for a, n, e in steps}.values())
    ]
)


@settings(max_examples=100, deadline=None)
@given(HISTORIES, st.integers(1, 60))
def test_averages_are_of_the_windows_that_are_there_however_it_is_cut(
    history: list[tuple[int, int, float]], size: int
) -> None:
    rings, whole = ErrorRings(), smooth(ErrorRings(), history)
    found: Averages = []
    for at in range(0, len(history), size):
        found += smooth(rings, history[at : at + size])
    assert found == whole
    np.testing.assert_allclose(found, plainly(history), rtol=1e-12, atol=1e-12)


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
    last = 3 * RING_WINDOWS
    smooth(long, [(0, n, float(n)) for n in range(1, last)])
    newest = [(0, last - back, float(back)) for back in range(REACH_WINDOWS - 1, -1, -1)]
    assert smooth(long, newest)[-1] == smooth(short, newest)[-1]

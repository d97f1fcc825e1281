"""What is kept of every asset: the newest window, a sparkline, a history."""

import numpy as np
import pytest

from gallery import PROFILE, SECOND_NS, START_NS, windows
from tocsin.core.blocks import take_scores
from tocsin.core.records import Scores, Status
from tocsin.page.fleet import NO_WINDOW, SPARK, Fleet, News, shorten
from tocsin.page.traces import DEPTH, Traces

COLUMNS = ("end_ns", "status", "score", "error", "blame", "expected", "measured", "coverage")
ROOM_BYTES = 10_000_000
MINUTE_NS = 60 * SECOND_NS


def together(*blocks: Scores) -> Scores:
    """Return one block with the rows of several, each of one asset."""
    lengths = [len(block) for block in blocks]
    return Scores(
        "pump",
        "m1",
        PROFILE.channels,
        tuple(block.names[0] for block in blocks),
        np.repeat(np.arange(len(blocks), dtype=np.int32), lengths),
        *(np.concatenate([getattr(block, name) for block in blocks]) for name in COLUMNS),
    )


def keep(traces: Traces, fleet: Fleet, scores: Scores, at_ns: int = START_NS) -> News:
    news = fleet.take(scores, at_ns)
    traces.take(scores, news, lambda name: name.startswith("wanted"), at_ns)
    return news


def test_rows_of_several_assets_are_taken_in_the_order_of_their_time() -> None:
    fleet = Fleet()
    block = together(windows("a", [0.1, 0.2]), windows("b", [0.3]), windows("c", [0.4, 0.5, 0.6]))
    upside_down = take_scores(block, slice(None, None, -1))
    news = fleet.take(upside_down, START_NS)
    assert news.rank.tolist() == [0, 1, 0, 0, 1, 2]
    assert news.last.tolist() == [1, 2, 5]
    assert [fleet.spark(index) for index in range(3)] == [[0.1, 0.2], [0.3], [0.4, 0.5, 0.6]]


def test_a_row_that_a_block_holds_twice_is_taken_once() -> None:
    fleet = Fleet()
    block = windows("a", [0.1, 0.2])
    block.end_ns[:] = START_NS
    fleet.take(block, START_NS)
    assert fleet.spark(0) == [0.1]


def test_a_sparkline_holds_the_last_scores_only() -> None:
    fleet = Fleet()
    for first in range(0, SPARK + 30, 10):
        scores = np.arange(first, first + 10) / 100
        fleet.take(windows("a", scores.tolist(), first=first), START_NS)
    assert fleet.spark(0) == pytest.approx([number / 100 for number in range(30, SPARK + 30)])


def test_more_rows_at_once_than_are_kept_leave_the_last_ones() -> None:
    fleet, traces = Fleet(), Traces("pump", PROFILE.channels, ROOM_BYTES)
    keep(traces, fleet, windows("a", np.arange(2_000).tolist()))
    assert fleet.spark(0) == list(range(2_000 - SPARK, 2_000))
    whole, stretch = traces.since("a", -1)
    assert whole
    assert stretch.score.tolist() == list(range(2_000 - DEPTH, 2_000))


def test_of_too_many_assets_the_one_longest_untouched_goes() -> None:
    fleet = Fleet(most=3)
    for name in ("a", "b", "c", "a", "d"):
        fleet.take(windows(name, [0.5], first=len(fleet)), START_NS)
    assert sorted(fleet.names) == ["a", "c", "d"]
    assert fleet.find("b") is None
    index = fleet.find("d")
    assert index is not None
    assert fleet.spark(index) == [0.5]


def test_a_status_that_is_not_known_here_counts_as_an_error() -> None:
    fleet = Fleet()
    block = windows("a", status=Status.ERROR)
    block.status[:] = 77
    fleet.take(block, START_NS)
    assert fleet.status[0] == Status.ERROR
    fleet.enter("b", "pump")
    assert fleet.status[1] == NO_WINDOW


@pytest.mark.parametrize(
    ("value", "short"),
    [
        (0.0, 0.0),
        (1 / 3, 0.3333),
        (-123_456.0, -123_500.0),
        (1.5e-9, 1.5e-9),
        (np.float32(0.1), 0.1),
        (5e-324, 5e-324),
    ],
)
def test_numbers_are_shortened_to_what_a_person_reads(value: float, short: float) -> None:
    assert shorten(np.array([value]), 4)[0] == short


def test_what_is_not_finite_stays_as_it_is() -> None:
    assert np.isnan(shorten(np.array([np.nan]), 4)[0])
    assert shorten(np.array([np.inf]), 4)[0] == np.inf


def test_a_history_has_every_column_and_goes_on_where_it_was_read() -> None:
    fleet, traces = Fleet(), Traces("pump", PROFILE.channels, ROOM_BYTES)
    keep(traces, fleet, windows("a", [0.1, 0.2], model="m1"))
    keep(traces, fleet, windows("a", [0.9], first=2, status=Status.LOW_COVERAGE, model="m2"))
    whole, stretch = traces.since("a", -1)
    assert (whole, stretch.model) == (True, ["m1", "m1", "m2"])
    assert stretch.status.tolist() == [0, 0, Status.LOW_COVERAGE]
    assert stretch.error[:2].tolist() == [0.2, 0.4]
    assert np.isnan(stretch.score[2])
    assert stretch.coverage.tolist() == [0.5] * 3
    measured, expected, blame, coverage = stretch.cells[0]
    assert (measured.tolist(), expected.tolist()) == ([2.25, 2.75], [1.25, 1.75])
    assert (blame.tolist(), coverage.tolist()) == ([0.25, 0.75], [0.5, 0.5])
    whole, later = traces.since("a", int(stretch.end_ns[1]))
    assert (whole, later.end_ns.tolist()) == (False, [START_NS + 2 * SECOND_NS])


def test_whoever_has_missed_more_than_is_kept_gets_all_of_it_anew() -> None:
    fleet, traces = Fleet(), Traces("pump", PROFILE.channels, ROOM_BYTES)
    keep(traces, fleet, windows("a", [0.5]))
    keep(traces, fleet, windows("a", [0.5] * DEPTH, first=10))
    whole, stretch = traces.since("a", START_NS)
    assert (whole, len(stretch.end_ns)) == (True, DEPTH)


def test_histories_take_no_more_room_than_they_have() -> None:
    fleet, traces = Fleet(), Traces("pump", PROFILE.channels, 0)
    keep(traces, fleet, windows("a", [0.1]))
    keep(traces, fleet, windows("b", [0.2]), START_NS + MINUTE_NS)
    assert (len(traces), len(traces.since("b", -1)[1].end_ns)) == (1, 0)
    assert len(traces.since("a", -1)[1].end_ns) == 1


def test_an_asset_that_fell_silent_makes_room_for_another() -> None:
    fleet, traces = Fleet(), Traces("pump", PROFILE.channels, 0)
    keep(traces, fleet, windows("a", [0.1]))
    keep(traces, fleet, windows("b", [0.2]), START_NS + 11 * MINUTE_NS)
    assert traces.since("b", -1)[1].score.tolist() == [0.2]
    assert len(traces.since("a", -1)[1].end_ns) == 0


def test_an_asset_that_is_wanted_gets_a_history_at_once() -> None:
    fleet, traces = Fleet(), Traces("pump", PROFILE.channels, 0)
    keep(traces, fleet, windows("a", [0.1]))
    block = together(windows("a", [0.2], first=1), windows("wanted", [0.3], first=1))
    keep(traces, fleet, block)
    assert traces.since("wanted", -1)[1].score.tolist() == [0.3]
    assert len(traces.since("a", -1)[1].end_ns) == 0

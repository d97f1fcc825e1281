import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from oracle import Oracle, Reading, as_columns, as_rows
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.core.records import Status, Windows
from tocsin.core.windows import Counts, Fed, Lanes

START = 1_700_000_000  # divisible by 4: windows end on it
PROFILE = Profile(
    "pump",
    ("flow", "heat"),
    length=4,
    stride=2,
    max_gap_ns=3 * SECOND_NS,
    min_coverage=0.5,
    max_ahead_ns=10 * SECOND_NS,
)
PATIENT = replace(PROFILE, lateness_ns=2 * SECOND_NS)


def lanes_of(profile: Profile = PROFILE) -> Lanes:
    return Lanes(profile, np.array([0, 1, -1], np.int32))


def at(second: float, value: float = 1.0, **more: Any) -> Reading:
    time_ns = START * SECOND_NS + round(second * SECOND_NS)
    known: dict[str, Any] = {"asset": 0, "channel": 0, "arrived_ns": time_ns, **more}
    return Reading(time_ns=time_ns, value=value, **known)


def both(seconds: Iterable[int], **more: Any) -> list[Reading]:
    return [at(second, second, channel=c, **more) for second in seconds for c in (0, 1)]


def feed(lanes: Lanes, *readings: Reading, low: int = 0) -> Fed:
    return lanes.feed(as_columns(readings), low)


def ends(windows: Windows) -> list[int]:
    return [int(end) // SECOND_NS - START for end in windows.end_ns]


def statuses(windows: Windows) -> list[Status]:
    return [Status(status) for status in windows.status.tolist()]


def test_a_window_holds_the_values_of_its_slots_oldest_first() -> None:
    windows = feed(lanes_of(), *both(range(8))).windows
    assert ends(windows) == [1, 3, 5, 7]
    assert windows.values[-1].tolist() == [[3, 3], [4, 4], [5, 5], [6, 6]]
    assert windows.values.shape == (4, 4, 2)
    assert windows.coverage[-1].tolist() == [1, 1]


def test_a_window_is_due_when_a_reading_of_a_later_slot_comes_and_not_before() -> None:
    lanes = lanes_of()
    assert ends(feed(lanes, *both(range(5))).windows) == [1, 3]
    assert ends(feed(lanes, at(4.999)).windows) == []
    assert ends(feed(lanes, at(5)).windows) == [5]


def test_windows_are_warming_up_until_the_lane_has_been_seen_for_a_whole_window() -> None:
    windows = feed(lanes_of(), *both(range(1, 9))).windows
    assert ends(windows) == [3, 5, 7]
    assert statuses(windows) == [Status.WARMING_UP, Status.OK, Status.OK]
    assert np.isnan(windows.values[0, :2]).all()


def test_a_channel_that_is_missing_is_nan_and_its_coverage_tells() -> None:
    windows = feed(lanes_of(), *(at(s) for s in range(8))).windows
    assert windows.coverage[-1].tolist() == [1, 0]
    assert np.isnan(windows.values[-1, :, 1]).all()
    assert statuses(windows)[-1] == Status.OK


def test_too_few_values_are_low_coverage() -> None:
    windows = feed(lanes_of(), *(at(s) for s in (0, 1, 2, 4, 5, 6, 7))).windows
    assert ends(windows)[-2:] == [5, 7]
    assert statuses(windows)[-2:] == [Status.LOW_COVERAGE] * 2


def test_a_late_reading_is_counted_and_changes_nothing() -> None:
    plain, bothered = lanes_of(), lanes_of()
    expected = as_rows(feed(plain, *both(range(8))).windows)
    seen = as_rows(feed(bothered, *both(range(5))).windows)
    late = feed(bothered, at(3.9, 77), at(-500, 77))
    assert late.counts == Counts(late=2)
    assert as_rows(late.windows) == []
    assert seen + as_rows(feed(bothered, *both(range(5, 8))).windows) == expected


def test_a_reading_that_is_late_within_its_own_batch_is_late() -> None:
    fed = feed(lanes_of(), at(0), at(3), at(2.5), at(3.5))
    assert fed.counts == Counts(accepted=3, late=1)


def test_a_reading_within_the_lateness_is_in_its_window() -> None:
    windows = feed(lanes_of(PATIENT), *both((0, 1, 2, 4, 5)), *both([3]), *both((6, 7))).windows
    assert ends(windows) == [1, 3, 5]
    assert windows.values[-1, :, 0].tolist() == [1, 2, 3, 4]


def test_a_reading_ahead_of_the_log_is_rejected_and_makes_nobody_late() -> None:
    lanes = lanes_of()
    arrived_ns = START * SECOND_NS
    fed = feed(lanes, at(0), at(10.5, offset=41, arrived_ns=arrived_ns), at(1), low=40)
    assert fed.counts == Counts(accepted=2, future=1)
    assert [(reject.offset, reject.reason) for reject in fed.rejects] == [(41, "future")]
    assert "10.500 s ahead" in fed.rejects[0].detail
    assert feed(lanes, at(10, arrived_ns=arrived_ns)).counts == Counts(accepted=1)


def test_an_asset_of_which_only_unusable_readings_came_has_no_lane() -> None:
    lanes = lanes_of()
    fed = feed(lanes, at(0, channel=2), at(60, asset=1, arrived_ns=START * SECOND_NS))
    assert fed.counts == Counts(unknown=1, future=1)
    assert [len(column) for column in lanes.arrivals()] == [0, 0, 0]


@pytest.mark.parametrize("turn", [1, -1])
def test_in_a_cell_the_newest_and_then_the_greatest_value_stands(turn: int) -> None:
    lanes = lanes_of()
    rivals = [at(2.1, 9), at(2.6, 3), at(2.6, 5), at(2.4, 8)][::turn]
    windows = feed(lanes, at(1), *rivals, at(3), at(4)).windows
    assert ends(windows) == [3]
    assert windows.values[0, -2:, 0].tolist() == [1, 5]


def test_a_cell_keeps_its_winner_over_batches() -> None:
    lanes = lanes_of()
    for reading in (at(2.1, 9), at(2.6, 3), at(2.6, 5), at(2.4, 8)):
        feed(lanes, reading)
    assert feed(lanes, at(3)).windows.values[-1, -1, 0] == 5


def test_only_what_equals_what_its_cell_holds_is_a_duplicate() -> None:
    lanes = lanes_of()
    assert feed(lanes, at(0, 5), at(0, 5), at(0.5, 5), at(0, 5)).counts == Counts(3, 1)
    assert feed(lanes, at(0.5, 5), at(0.5, 4), at(0.5, 6)).counts == Counts(2, 1)


def test_negative_zero_is_zero() -> None:
    windows = feed(lanes_of(), at(0, -0.0), at(0, 0.0), at(1)).windows
    assert math.copysign(1, windows.values[0, -1, 0]) == 1


def test_a_gap_of_max_gap_is_bridged_and_a_wider_one_empties_the_lane() -> None:
    bridged = feed(lanes_of(), *both((0, 1, 2, 3, 4, 7, 8, 9))).windows
    assert ends(bridged) == [1, 3, 5, 7, 9]
    assert statuses(bridged)[-1] == Status.OK

    emptied = feed(lanes_of(), *both((0, 1, 2, 3, 4, 8, 9, 10, 11))).windows
    assert ends(emptied) == [1, 3, 5, 7, 9, 11]
    assert statuses(emptied)[-2:] == [Status.WARMING_UP] * 2
    assert np.isnan(emptied.values[4, :3]).all()


def test_no_window_ends_deep_in_a_gap() -> None:
    windows = feed(lanes_of(), *both((0, 1, 2, 3, 4, 20, 21))).windows
    assert ends(windows) == [1, 3, 5, 7, 21]


def test_a_leap_of_centuries_costs_no_more_than_a_step() -> None:
    tick = replace(PROFILE, period_ns=1, max_gap_ns=3, max_ahead_ns=2**61)
    times_ns = [-(2**61), 0, 1, 2, 2**61, 2**61 + 1]
    readings = [Reading(0, 0, time_ns, 1.0, arrived_ns=time_ns) for time_ns in times_ns]
    windows = as_rows(feed(lanes_of(tick), *readings).windows)
    assert windows == Oracle(tick, (0, 1, -1)).feed(readings)
    assert len(windows) == 6


def test_many_leaps_of_many_assets_in_one_batch_are_each_taken() -> None:
    readings = [at(100 * n * (asset + 1), n, asset=asset) for n in range(20) for asset in range(9)]
    windows = as_rows(feed(lanes_of(), *readings).windows)
    assert windows == Oracle(PROFILE, (0, 1, -1)).feed(readings)
    assert len(windows) > 9 * 19


def test_one_asset_does_not_move_the_time_of_another() -> None:
    lanes = lanes_of()
    feed(lanes, *both(range(4), asset=3))
    feed(lanes, at(500, asset=1))
    assert feed(lanes, at(4, asset=3)).counts == Counts(accepted=1)
    assert ends(feed(lanes, at(5, asset=3)).windows) == [5]


def test_windows_are_sorted_by_asset_and_then_by_time() -> None:
    lanes = lanes_of()
    feed(lanes, at(0, asset=7), at(0, asset=2))
    windows = feed(lanes, at(300, asset=7), *both(range(1, 6), asset=2), at(301, asset=7)).windows
    keys = list(zip(windows.asset.tolist(), ends(windows), strict=True))
    assert keys == sorted(keys)
    assert {asset for asset, _ in keys} == {2, 7}


def test_nothing_in_gives_nothing_out_in_the_right_shapes() -> None:
    fed = feed(lanes_of())
    assert fed.counts == Counts()
    assert fed.windows.values.shape == (0, 4, 2)
    assert fed.windows.coverage.shape == (0, 2)
    assert lanes_of().replay_from(17) == 17


def test_replay_starts_at_what_the_next_windows_see_and_moves_on_with_the_lane() -> None:
    lanes = lanes_of()
    starts = []
    for second in range(300):
        feed(lanes, *both([second]), low=10 * second)
        starts.append(lanes.replay_from(10 * second + 10))
    assert starts == sorted(starts)
    assert starts[20] == 0
    assert starts[-1] >= 2000


def test_an_emptied_lane_needs_nothing_from_before() -> None:
    lanes = lanes_of()
    feed(lanes, *both(range(4)), low=0)
    feed(lanes, *both([50]), low=100)
    assert lanes.replay_from(101) == 100


def test_a_lane_that_bridges_a_wide_gap_still_knows_after_replay_that_it_is_warm() -> None:
    tolerant = replace(PROFILE, max_gap_ns=200 * SECOND_NS)
    lanes, rebuilt = lanes_of(tolerant), lanes_of(tolerant)
    log = [*both(range(8)), *both([150])]
    feed(lanes, *log[:16], low=0)
    feed(lanes, *log[16:], low=16)
    feed(rebuilt, *log[lanes.replay_from(18) :], low=lanes.replay_from(18))
    expected = feed(lanes, *both((151, 152))).windows
    assert statuses(expected) == [Status.LOW_COVERAGE]
    assert as_rows(feed(rebuilt, *both((151, 152))).windows) == as_rows(expected)


def test_replay_goes_back_to_the_entry_that_tells_when_an_asset_was_last_heard() -> None:
    lanes = lanes_of()
    feed(lanes, at(0), low=3)
    feed(lanes, at(1, arrived_ns=(START + 900) * SECOND_NS), low=4)
    for second in range(2, 300):
        feed(lanes, at(second), low=second + 3)
    assert lanes.replay_from(400) == 4
    feed(lanes, at(300, arrived_ns=(START + 900) * SECOND_NS + 1), low=400)
    assert lanes.replay_from(401) > 100


def test_a_slow_asset_holds_replay_back_until_it_is_spilled() -> None:
    lanes = lanes_of()
    feed(lanes, at(0, asset=5), low=0)
    feed(lanes, *both(range(9)), low=1000)
    assert lanes.replay_from(1001) == 0
    assert lanes.slow(1000) == [5]
    lanes.mark_spilled(5)
    assert lanes.slow(1000) == []
    assert lanes.replay_from(1001) == 1000
    feed(lanes, at(1, asset=5), low=1200)
    assert lanes.slow(1201) == [5, 0]
    lanes.mark_spilled(0)
    assert lanes.replay_from(1300) == 1200


def test_a_snapshot_is_plain_and_an_adopted_lane_goes_on_with_the_same_bytes() -> None:
    lanes, other = lanes_of(PATIENT), lanes_of(PATIENT)
    feed(lanes, *both((0, 1, 2, 3, 5, 4, 6)), at(6.5, 9))
    snapshot = msgspec.msgpack.decode(msgspec.msgpack.encode(lanes.snapshot(0)))
    other.adopt(0, snapshot)
    assert other.replay_from(50) == 50
    rest = [at(6.5, 9), at(5.5, 3), at(3, 7), *both(range(7, 14))]
    expected, found = feed(lanes, *rest), feed(other, *rest)
    assert found.counts == expected.counts == Counts(accepted=15, duplicate=1, late=1)
    assert as_rows(found.windows) == as_rows(expected.windows)
    assert statuses(found.windows)[0] == Status.OK


def test_a_snapshot_of_another_grid_is_refused() -> None:
    lanes = lanes_of()
    feed(lanes, *both(range(6)))
    with pytest.raises(ValueError, match="reshape"):
        lanes_of(replace(PROFILE, length=6)).adopt(0, lanes.snapshot(0))


def test_a_snapshot_of_an_asset_never_seen_is_a_bug() -> None:
    with pytest.raises(KeyError):
        lanes_of().snapshot(3)


def test_arrivals_tell_when_an_asset_was_last_heard_even_by_a_late_reading() -> None:
    lanes, now_ns = lanes_of(), (START + 60) * SECOND_NS
    feed(lanes, at(5, asset=4, arrived_ns=now_ns), at(5, asset=2, arrived_ns=now_ns + 1))
    late = feed(lanes, at(1, asset=2, arrived_ns=now_ns + 8), at(5, asset=4, arrived_ns=now_ns - 9))
    assert late.counts == Counts(late=1, duplicate=1)
    asset, arrived_ns, newest_ns = lanes.arrivals()
    assert asset.tolist() == [2, 4]
    assert (arrived_ns - now_ns).tolist() == [8, 0]
    assert newest_ns.tolist() == [(START + 5) * SECOND_NS] * 2

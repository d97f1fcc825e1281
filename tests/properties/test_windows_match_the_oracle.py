"""Windows of whole batches are the windows of the plain rules, byte for byte."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle import Oracle, Reading, Window, as_columns, as_rows
from tocsin.core.profile import Profile
from tocsin.core.windows import Lanes

COLUMNS = (2, -1, 0, 1)  # the decoder knows a channel that the profile does not
EPOCH_NS = 1_700_000_000_123_456_789
VALUES = st.sampled_from([0.0, -0.0, 1.5, 2.5, -3.0, 1e300])
bounded = settings(deadline=None, max_examples=80)
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    period_ns = draw(st.sampled_from([1_000_000_000, 70_000_000, 333]))
    length = draw(st.sampled_from([1, 2, 5, 8]))
    return Profile(
        "pump",
        ("a", "b", "c"),
        period_ns=period_ns,
        length=length,
        stride=draw(st.integers(1, length)),
        lateness_ns=draw(st.sampled_from([0, period_ns // 2, 3 * period_ns, 5 * period_ns + 1])),
        max_gap_ns=period_ns * draw(st.sampled_from([1, 2, 5, 30, 200])),
        min_coverage=draw(st.sampled_from([0.2, 0.5, 1.0])),
        max_ahead_ns=draw(st.sampled_from([0, 2 * period_ns, 10**12])),
    )


def journal(profile: Profile, random: Random, size: int) -> list[Reading]:
    """Return a log with jitter, disorder, repeats, contradictions, gaps and great leaps."""
    period_ns, assets = profile.period_ns, random.choice([1, 2, 5])
    leaps = [profile.max_gap_ns, 2 * profile.max_gap_ns, 90 * period_ns, 10**8 * period_ns]
    now_ns = [EPOCH_NS + random.randrange(1000) * period_ns for _ in range(assets)]
    log: list[Reading] = []
    restless = random.choice([0.01, 0.05, 0.3])
    for offset in range(size):
        asset = random.randrange(assets)
        if random.random() < restless:
            now_ns[asset] += random.randrange(random.choice(leaps) + 1)
        now_ns[asset] += random.randrange(2 * period_ns)
        time_ns = now_ns[asset]
        if random.random() < 0.4:
            time_ns -= random.randrange(2 * profile.lateness_ns + 2 * period_ns)
        if log and random.random() < 0.15:
            asset, time_ns = (model := random.choice(log[-12:])).asset, model.time_ns
        value = random.choice([0.0, -0.0, 1.5, 2.5, -3.0])
        arrived_ns = time_ns - random.choice([0, 0, 0, 3 * period_ns])
        log.append(Reading(asset, random.randrange(4), time_ns, value, offset, arrived_ns))
    return log


def lanes_of(profile: Profile) -> Lanes:
    return Lanes(profile, np.array(COLUMNS, np.int32))


def feed(lanes: Lanes, log: Sequence[Reading], random: Random) -> list[Window]:
    """Feed a log in batches of random size, and return all windows in their order."""
    windows: list[Window] = []
    largest = random.choice([1, 4, 30, 1000])
    while log:
        cut = random.randint(1, largest)
        windows += as_rows(lanes.feed(as_columns(log[:cut]), log[0].offset).windows)
        log = log[cut:]
    return sorted(windows, key=lambda w: (w.asset, w.end_ns))


@bounded
@given(profiles(), SEEDS, st.integers(1, 250))
def test_batches_give_the_windows_of_the_plain_rules(
    profile: Profile, seed: int, size: int
) -> None:
    random = Random(seed)
    log = journal(profile, random, size)
    assert feed(lanes_of(profile), log, random) == Oracle(profile, COLUMNS).feed(log)


@bounded
@given(profiles(), st.data())
def test_single_readings_anywhere_in_time_give_the_windows_of_the_plain_rules(
    profile: Profile, data: st.DataObject
) -> None:
    steps = st.integers(-40, 90) | st.integers(-(10**6), 10**6)
    places = st.tuples(st.integers(0, 1), st.integers(0, 3), steps, VALUES)
    log = [
        Reading(asset, channel, EPOCH_NS + step * profile.period_ns // 3, value, offset)
        for offset, (asset, channel, step, value) in enumerate(
            data.draw(st.lists(places, max_size=60))
        )
    ]
    log = [replace(reading, arrived_ns=reading.time_ns) for reading in log]
    random = Random(data.draw(SEEDS))
    assert feed(lanes_of(profile), log, random) == Oracle(profile, COLUMNS).feed(log)


@bounded
@given(profiles(), SEEDS)
def test_every_reading_is_counted_once_and_wherever_a_log_is_cut_as_the_same_thing(
    profile: Profile, seed: int
) -> None:
    random = Random(seed)
    log = journal(profile, random, 200)
    oracle = Oracle(profile, COLUMNS)
    oracle.feed(log)
    lanes, counted = lanes_of(profile), dict.fromkeys(oracle.counts, 0)
    for first, last in zip([0, 1, 30, 31, 90], [1, 30, 31, 90, 200], strict=True):
        fed = lanes.feed(as_columns(log[first:last]), first)
        assert len(fed.rejects) == fed.counts.future
        for what, count in asdict(fed.counts).items():
            counted[what] += count
    assert counted == oracle.counts
    assert sum(counted.values()) == len(log)


@bounded
@given(profiles(), SEEDS)
def test_order_within_the_lateness_changes_no_byte(profile: Profile, seed: int) -> None:
    random = Random(seed)
    log = [replace(r, arrived_ns=4 * 10**18) for r in journal(profile, random, 200)]
    log.sort(key=lambda r: r.time_ns)
    delay_ns = max(profile.lateness_ns, 1)
    shuffled = sorted(log, key=lambda r: r.time_ns + random.randrange(delay_ns))
    shuffled = [replace(r, offset=offset) for offset, r in enumerate(shuffled)]
    expected = Oracle(profile, COLUMNS).feed(log)
    assert feed(lanes_of(profile), shuffled, random) == expected


@bounded
@given(profiles(), SEEDS)
def test_lanes_rebuilt_from_the_replay_offset_go_on_with_the_same_bytes(
    profile: Profile, seed: int
) -> None:
    random = Random(seed)
    log = journal(profile, random, random.choice([100, 400]))
    cut = random.randint(0, len(log))
    lanes, rebuilt = lanes_of(profile), lanes_of(profile)
    feed(lanes, log[:cut], random)
    feed(rebuilt, log[lanes.replay_from(cut) : cut], random)
    assert heard(rebuilt) == heard(lanes)
    expected = feed(lanes, log[cut:], random)
    assert feed(rebuilt, log[cut:], random) == expected


@bounded
@given(profiles(), SEEDS)
def test_lanes_restored_from_old_snapshots_and_replay_go_on_with_the_same_bytes(
    profile: Profile, seed: int
) -> None:
    random = Random(seed)
    log = journal(profile, random, random.choice([100, 400]))
    spilled_at, cut = sorted(random.randint(0, len(log)) for _ in range(2))
    lanes, restored = lanes_of(profile), lanes_of(profile)
    feed(lanes, log[:spilled_at], random)
    slow = lanes.slow(random.randint(0, spilled_at))
    snapshots = {asset: lanes.snapshot(asset) for asset in slow}
    for asset in slow:
        lanes.mark_spilled(asset)
    assert not set(slow) & set(lanes.slow(spilled_at))
    feed(lanes, log[spilled_at:cut], random)

    for asset, snapshot in snapshots.items():
        restored.adopt(asset, snapshot)
    replay = log[lanes.replay_from(cut) : cut]
    replay = [r for r in replay if r.asset not in snapshots or r.offset >= spilled_at]
    feed(restored, replay, random)
    assert heard(restored) == heard(lanes)
    expected = feed(lanes, log[cut:], random)
    assert feed(restored, log[cut:], random) == expected


def heard(lanes: Lanes) -> set[tuple[int, ...]]:
    return set(zip(*(column.tolist() for column in lanes.arrivals()), strict=True))

from dataclasses import replace

import numpy as np
import pytest

from small_models import small_model
from tocsin.core.blocks import take_scores
from tocsin.core.lessons import RUN, LessonPolicy, Lessons
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.core.records import (
    Floats,
    Names,
    Rule,
    Scores,
    Severity,
    State,
    Status,
    Transition,
    Windows,
)
from tocsin.core.scoring import window_number

PROFILE = Profile("pump", ("flow", "heat"), length=4, stride=2)
STEP_NS = PROFILE.stride * SECOND_NS
LENGTH_NS = PROFILE.length * SECOND_NS
BOUND = 16 * RUN


def cut(names: Names, asset: str, numbers: range, status: Status = Status.OK) -> Windows:
    """Return windows that hold their own number."""
    rows = len(numbers)
    number = np.array(numbers, np.float64)
    return Windows(
        np.full(rows, names.intern(asset), np.int32),
        (np.array(numbers, np.int64) * PROFILE.stride + 1) * SECOND_NS,
        np.full(rows, status, np.uint8),
        np.broadcast_to(number[:, None, None], (rows, 4, 2)).copy(),
        np.ones((rows, 2)),
    )


def score(windows: Windows, names: Names, value: float) -> Scores:
    """Return the scores of windows; the name's id is another one here."""
    rows, nothing = len(windows), np.zeros((len(windows), 2), np.float32)
    return Scores(
        "pump",
        "m1",
        PROFILE.channels,
        ("nobody", names.table[windows.asset[0]]),
        asset=np.ones(rows, np.int32),
        end_ns=windows.end_ns,
        status=windows.status,
        score=np.full(rows, value),
        error=np.full(rows, value),
        blame=nothing,
        expected=nothing,
        measured=nothing,
        coverage=nothing,
    )


def alert(asset: str, began_ns: int, resolved_ns: int | None = None) -> Transition:
    state = State.OPEN if resolved_ns is None else State.RESOLVED
    return Transition(
        *("a1", 1, asset, "pump", Rule.ANOMALY, state, Severity.WARNING),
        *(began_ns, began_ns, resolved_ns or began_ns, resolved_ns),
    )


def numbers(values: Floats) -> list[int]:
    return [int(value) for value in values[:, 0, 0]]


def test_only_windows_that_are_whole_are_learned_from() -> None:
    names = Names()
    lessons = Lessons(PROFILE, names, LessonPolicy())
    for status in Status:
        lessons.take(cut(names, "p1", range(status * 10, status * 10 + 5), status))
    assert len(lessons) == lessons.seen == 5
    assert numbers(lessons.all().windows.values) == [0, 1, 2, 3, 4]


def test_before_there_is_a_model_nothing_is_left_out() -> None:
    names = Names()
    lessons = Lessons(PROFILE, names, LessonPolicy())
    lessons.take(cut(names, "p1", range(10)))
    lessons.note(alert("p1", 5 * SECOND_NS))
    assert len(lessons.all().windows.values) == 10
    assert lessons.all().left_out == {}


def test_trusted_are_those_below_the_limit_and_a_window_away_from_alerts() -> None:
    names = Names()
    lessons = Lessons(PROFILE, names, LessonPolicy())
    windows = cut(names, "p1", range(40))
    lessons.take(windows)
    scores = score(windows, names, 0.5)
    scores.score[3] = 1.0
    scores.status[5] = Status.ERROR
    lessons.mark(scores)
    began_ns, resolved_ns = int(windows.end_ns[20]), int(windows.end_ns[23])
    lessons.note(alert("p1", began_ns))
    lessons.note(alert("p1", began_ns, resolved_ns))
    lesson = lessons.trusted()
    reach = LENGTH_NS // STEP_NS
    gone = {3, 5, *range(20 - reach, 23 + reach + 1)}
    assert numbers(lesson.windows.values) == [n for n in range(40) if n not in gone]
    assert lesson.left_out == {"near_alert": 8, "above_limit": 1, "unjudged": 1}


def test_what_no_model_has_judged_is_judged_by_the_champion() -> None:
    names = Names()
    lessons = Lessons(PROFILE, names, LessonPolicy())
    windows = cut(names, "p1", range(40))
    lessons.take(windows)
    lessons.mark(take_scores(score(windows, names, 0.5), slice(20, 40)))
    champion = small_model(PROFILE)
    below = champion.judge(windows.values[:20]).error < 1.0
    lesson = lessons.trusted(champion)
    assert 0 < below.sum() < 20
    assert numbers(lesson.windows.values) == [*np.flatnonzero(below), *range(20, 40)]
    assert lesson.left_out == {
        "near_alert": 0,
        "above_limit": 20 - below.sum(),
        "unjudged": 0,
    }


def test_an_alert_that_is_still_open_leaves_out_all_that_follows() -> None:
    names = Names()
    lessons = Lessons(PROFILE, names, LessonPolicy())
    windows = cut(names, "p1", range(40))
    lessons.take(windows)
    lessons.mark(score(windows, names, 0.5))
    lessons.note(alert("p1", int(windows.end_ns[20])))
    assert numbers(lessons.trusted().windows.values) == list(range(18))


def test_what_is_said_of_another_profile_does_not_count() -> None:
    names = Names()
    lessons = Lessons(PROFILE, names, LessonPolicy())
    windows = cut(names, "p1", range(10))
    lessons.take(windows)
    scores = score(windows, names, 0.5)
    lessons.mark(replace(scores, profile="fan"))
    lessons.mark(replace(scores, channels=("heat", "flow")))
    assert lessons.trusted().left_out["unjudged"] == 10
    lessons.mark(scores)
    lessons.note(replace(alert("p1", 0), profile="fan"))
    assert len(lessons.trusted().windows.values) == 10


def test_the_order_in_which_assets_came_changes_nothing() -> None:
    lessons = []
    for order in (("p1", "p2", "p3"), ("p3", "p1", "p2")):
        names = Names()
        lessons.append(Lessons(PROFILE, names, LessonPolicy()))
        for asset in order:
            windows = cut(names, asset, range(int(asset[1]), 20))
            lessons[-1].take(windows)
            lessons[-1].mark(score(windows, names, float(asset[1]) * 0.4))
    one, other = (each.trusted().windows for each in lessons)
    assert len(one.values) == 19 + 18
    for name in ("values", "end_ns", "group"):
        assert (getattr(one, name) == getattr(other, name)).all()


def test_windows_come_out_oldest_first() -> None:
    names = Names()
    lessons = Lessons(PROFILE, names, LessonPolicy())
    for asset in ("p2", "p1"):
        lessons.take(cut(names, asset, range(5)))
    windows = lessons.all().windows
    assert numbers(windows.values) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert windows.group.tolist() == [0, 1] * 5


def test_what_is_older_than_the_history_is_forgotten() -> None:
    names = Names()
    lessons = Lessons(PROFILE, names, LessonPolicy(history_ns=10 * STEP_NS))
    for first in range(0, 100, 5):
        lessons.take(cut(names, "p1", range(first, first + 5)))
    lessons.take(cut(names, "late", range(5)))
    assert numbers(lessons.all().windows.values) == list(range(90, 100))


@pytest.mark.parametrize("assets", [1, 7, 200])
def test_memory_stays_bounded_and_what_is_kept_is_spread_evenly_in_whole_runs(
    assets: int,
) -> None:
    names = Names()
    lessons = Lessons(PROFILE, names, LessonPolicy(max_windows=BOUND))
    each = 64_000 // assets
    for first in range(0, each, 64):
        for asset in range(assets):
            windows = cut(names, f"p{asset}", range(first, min(first + 64, each)))
            lessons.take(windows)
            lessons.mark(score(windows, names, 0.5))
            assert len(lessons) <= BOUND * 9 // 8
    lesson = lessons.trusted()
    kept = lesson.windows
    assert BOUND // 4 <= len(kept.values) <= BOUND
    assert lesson.left_out["unjudged"] == 0  # scores are kept for the very same windows
    run = window_number(kept.end_ns, PROFILE) // RUN + kept.group * 100_000
    sizes = np.unique(run, return_counts=True)[1]
    assert (sizes == RUN).mean() > 0.7
    place = np.sort(kept.end_ns) / (each * STEP_NS)
    assert np.abs(place - np.linspace(0, 1, len(place))).max() < 0.3


def test_what_is_kept_does_not_depend_on_how_windows_came() -> None:
    kept = []
    for size in (1_000, 37):
        names = Names()
        lessons = Lessons(PROFILE, names, LessonPolicy(max_windows=BOUND))
        for first in range(0, 10_000, size):
            lessons.take(cut(names, "p1", range(first, min(first + size, 10_000))))
        kept.append(numbers(lessons.all().windows.values))
    assert kept[0] == kept[1]


def test_a_value_that_single_precision_cannot_hold_does_no_harm() -> None:
    names = Names()
    lessons = Lessons(PROFILE, names, LessonPolicy())
    windows = cut(names, "p1", range(3))
    windows.values[1, 2, 0] = -1e300
    lessons.take(windows)
    assert lessons.all().windows.values[1, 2].tolist() == [-np.inf, 1.0]


@pytest.mark.parametrize(("history_ns", "most"), [(0, BOUND), (1, BOUND - 1)])
def test_a_bound_must_leave_something_to_learn_from(history_ns: int, most: int) -> None:
    with pytest.raises(ValueError, match="lessons"):
        LessonPolicy(history_ns, most)

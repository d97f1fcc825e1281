from tocsin.core.points import MEASUREMENTS
from tocsin.core.records import Place
from tocsin.roles.detect import DetectStatistics
from tocsin.roles.figures import FIGURES, Figures
from tocsin.roles.notify import NotifyStatistics
from tocsin.roles.outbox import OutboxStatistics
from tocsin.roles.retrain import RetrainStatistics
from tocsin.roles.sink import SinkStatistics

SAID = {
    "detect": DetectStatistics(
        {Place("readings", 0): 70, Place("readings", 2): 9},
        records=100,
        windows={"ok": 20, "no_model": 5},
        transitions=4,
        rejects=3,
        checkpoints=7,
        swaps=1,
        takeovers=2,
    ),
    "sink": SinkStatistics(10, 90, 2, 1, 6, {Place("scores", 0): 8}),
    "notify": NotifyStatistics(
        2,
        (
            OutboxStatistics("a", pending=3, delivered=10, failed=1, failed_tries=5),
            OutboxStatistics("b", pending=1, delivered=7, disabled=True),
        ),
    ),
    "retrain": RetrainStatistics(500, 4, {"pump": 60, "fan": 20}, 3, 2, 1, {}),
}
"""Something to say for each role, every number of its own."""

BESIDES = {"uptime_s", "memory_bytes", "lag_entries"}
"""What a report says that is in no role's statistics."""


def figures(role: str) -> Figures:
    return FIGURES[role](SAID[role])


def test_a_detector_says_what_it_did_and_where_it_is() -> None:
    found = figures("detect")
    assert found.positions == {Place("readings", 0): 70, Place("readings", 2): 9}
    assert found.numbers == {
        "records": 100,
        "windows": 25,
        "windows_ok": 20,
        "transitions": 4,
        "rejects": 3,
        "checkpoints": 7,
        "swaps": 1,
        "takeovers": 2,
        "partitions": 2,
    }


def test_a_sink_says_what_it_did_and_where_it_is() -> None:
    found = figures("sink")
    assert found.positions == {Place("scores", 0): 8}
    assert found.numbers == {
        "entries": 10,
        "lines": 90,
        "rejected_lines": 2,
        "undecodable": 1,
        "retries": 6,
    }


def test_receivers_are_told_of_together() -> None:
    assert figures("notify").numbers == {
        "pending": 4,
        "delivered": 17,
        "failed": 1,
        "failed_tries": 5,
        "disabled": 1,
        "undecodable": 2,
    }


def test_profiles_are_told_of_together() -> None:
    assert figures("retrain").numbers == {
        "records": 500,
        "kept_windows": 80,
        "promoted": 3,
        "refused": 2,
        "fit_failed": 1,
    }


def test_all_that_roles_say_has_a_field_and_every_field_is_said() -> None:
    said = {name for role in FIGURES for name in figures(role).numbers}
    assert said | BESIDES == set(MEASUREMENTS["tocsin_role"].fields)

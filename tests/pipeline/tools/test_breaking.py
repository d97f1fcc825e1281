from dataclasses import replace

import pytest

from tocsin.core.records import Rule, Severity, State, Transition
from tocsin.tools.breaking import CHOICES, GRACE_NS, Broken, Ledger
from tocsin.tools.plan import Episode
from tocsin_models.faults import FaultKind

SECOND_NS = 10**9
START_NS = 1_000 * SECOND_NS
END_NS = 1_200 * SECOND_NS


def fault(start_ns: int = START_NS, kind: FaultKind = FaultKind.SHIFT) -> Episode:
    return Episode("P1", ("flow",), kind, start_ns, start_ns + END_NS - START_NS)


def alert(began_s: int, opened_s: int, name: str = "a1") -> Transition:
    """Return an open alert; times in seconds after the fault's start."""
    began_ns, opened_ns = (START_NS + at_s * SECOND_NS for at_s in (began_s, opened_s))
    return Transition(
        name,
        1,
        "P1",
        "pump",
        Rule.ANOMALY,
        State.OPEN,
        Severity.WARNING,
        began_ns,
        opened_ns,
        opened_ns,
        channels=(("flow", 0.8), ("heat", 0.1)),
    )


def settled(*alerts: Transition, seen_ns: int = 0, kind: FaultKind = FaultKind.SHIFT) -> Broken:
    ledger = Ledger()
    broken = ledger.enter(fault(kind=kind), "visitor")
    ledger.settle(alerts, {"P1": seen_ns})
    return broken


def test_a_fault_is_caught_by_an_alert_that_opens_while_it_lasts() -> None:
    broken = settled(alert(5, 13))
    assert broken.alert == alert(5, 13)
    assert (broken.delay_s, broken.named, broken.settled) == (13.0, True, False)


def test_it_is_caught_within_the_grace_after_its_end_and_no_later() -> None:
    grace_s, lasts_s = GRACE_NS // SECOND_NS, (END_NS - START_NS) // SECOND_NS
    assert settled(alert(100, lasts_s + grace_s)).delay_s == lasts_s + grace_s
    assert settled(alert(100, lasts_s + grace_s + 1)).alert is None


@pytest.mark.parametrize(
    "other",
    [
        alert(0, 13),  # its first window ended when the fault began
        alert(-20, -10),
        replace(alert(5, 13), asset="P2"),
        replace(alert(5, 13), rule=Rule.SILENT),
    ],
)
def test_what_began_before_or_is_about_something_else_catches_nothing(other: Transition) -> None:
    assert settled(other).alert is None


def test_silence_is_the_right_word_for_a_dropout() -> None:
    silence = replace(alert(5, 13), rule=Rule.SILENT, channels=())
    broken = settled(silence, kind=FaultKind.DROPOUT)
    assert (broken.alert, broken.named) == (silence, False)


def test_an_alert_that_blames_another_channel_most_has_not_named_it() -> None:
    wrong = replace(alert(5, 13), channels=(("heat", 0.6), ("flow", 0.4)))
    assert settled(wrong).named is False


def test_a_fault_is_missed_once_nothing_can_be_said_of_it_any_more() -> None:
    early = settled(seen_ns=END_NS + GRACE_NS)
    assert not early.over
    late = settled(seen_ns=END_NS + GRACE_NS + 1)
    assert (late.over, late.alert, late.delay_s, late.named) == (True, None, None, None)
    assert late.settled


def test_of_two_alerts_the_first_counts_and_it_is_kept_when_the_log_forgets_it() -> None:
    ledger = Ledger()
    broken = ledger.enter(fault(), "visitor")
    ledger.settle([alert(60, 70, "a2"), alert(5, 13)], {})
    assert broken.alert is not None
    assert broken.alert.id == "a1"
    ledger.settle([], {"P1": END_NS + 2 * GRACE_NS})
    assert broken.alert.id == "a1"


def test_it_is_settled_when_its_alert_is_resolved_and_named_by_the_newest_step() -> None:
    ledger = Ledger()
    broken = ledger.enter(fault(), "visitor")
    ledger.settle([alert(5, 13)], {})
    end = replace(
        alert(5, 13), sequence=2, state=State.RESOLVED, channels=(("heat", 0.9), ("flow", 0.1))
    )
    ledger.settle([end], {})
    assert broken.settled
    assert broken.named is False


def test_an_alert_belongs_to_the_fault_that_began_last_before_it() -> None:
    ledger = Ledger()
    first = ledger.enter(fault(), "visitor")
    second = ledger.enter(fault(END_NS + 10 * SECOND_NS), "visitor")
    ledger.settle([alert(230, 240)], {})
    assert first.alert is None
    assert second.delay_s == 30.0


def test_only_the_newest_are_kept_and_numbers_go_on() -> None:
    ledger = Ledger(keep=3)
    for at in range(10):
        ledger.enter(fault(START_NS + at * END_NS), "visitor")
    assert [broken.number for broken in ledger.entries] == [8, 9, 10]
    assert ledger.latest("P1") is ledger.entries[-1]
    assert ledger.latest("P2") is None


def test_every_kind_of_fault_is_offered_in_a_short_sentence_and_lasts_for_some_minutes() -> None:
    assert set(CHOICES) == set(FaultKind)
    for choice in CHOICES.values():
        assert choice.meaning.endswith(".")
        assert len(choice.meaning) < 90
        assert 180 <= choice.lasts_s <= 300

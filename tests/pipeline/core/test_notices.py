import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.instants import rfc3339
from tocsin.core.notices import NoticeContext, notice_id, plan
from tocsin.core.records import Notice, Rule, Severity, State, Transition

SECOND_NS = 1_000_000_000
BEGAN_NS = 1_795_248_553_000_000_000
HERE = NoticeContext("https://tocsin.example", "https://grafana.example/d/asset")

OPENED = Transition(
    id="0123456789abcdef0123456789abcdef",
    sequence=1,
    asset='P-"101" é',
    profile="pumps",
    rule=Rule.ANOMALY,
    state=State.OPEN,
    severity=Severity.WARNING,
    began_ns=BEGAN_NS,
    opened_ns=BEGAN_NS + 16 * SECOND_NS,
    at_ns=BEGAN_NS + 16 * SECOND_NS,
    score=4.21875,
    channels=(("vib_rms", 0.61), ("temp", 0.22)),
    model="m-7",
    summary="P-101 has been abnormal.",
)
WORSE = replace(OPENED, sequence=2, severity=Severity.CRITICAL, at_ns=BEGAN_NS + 24 * SECOND_NS)
RESOLVED = replace(
    WORSE,
    sequence=3,
    state=State.RESOLVED,
    at_ns=BEGAN_NS + 90 * SECOND_NS,
    resolved_ns=BEGAN_NS + 60_500_000_000,
)
SILENT = Transition(
    id="f" * 32,
    sequence=1,
    asset="P-102",
    profile="pumps",
    rule=Rule.SILENT,
    state=State.OPEN,
    severity=Severity.WARNING,
    began_ns=BEGAN_NS,
    opened_ns=BEGAN_NS,
    at_ns=BEGAN_NS,
)

LABELS = {
    "alertname": "TocsinAnomaly",
    "asset": 'P-"101" é',
    "profile": "pumps",
    "rule": "anomaly",
    "severity": "warning",
}


def told(
    *pending: Transition, said: dict[str, int] | None = None, receiver: str = "ops"
) -> list[Notice]:
    return plan(pending, said or {}, receiver, HERE)


def sequences(notices: list[Notice]) -> list[int]:
    return [step.sequence for notice in notices for step in notice.transitions]


def body(step: Transition, context: NoticeContext = HERE) -> Any:
    (notice,) = plan([step], {}, "ops", context)
    return json.loads(notice.body)


def test_a_new_step_is_told_and_a_told_one_is_not() -> None:
    assert sequences(told(OPENED)) == [1]
    assert told(OPENED, said={OPENED.id: 1}) == []
    assert sequences(told(OPENED, WORSE, said={OPENED.id: 1})) == [2]


def test_a_repeated_step_is_told_once() -> None:
    assert sequences(told(OPENED, WORSE, OPENED, WORSE)) == [2]


def test_an_open_step_that_a_later_one_supersedes_is_left_out() -> None:
    assert sequences(told(OPENED, WORSE)) == [2]


def test_a_resolved_step_is_always_told_after_an_open_one_that_is_pending() -> None:
    assert sequences(told(OPENED, WORSE, RESOLVED)) == [2, 3]
    assert sequences(told(RESOLVED, said={OPENED.id: 2})) == [3]
    assert sequences(told(OPENED, WORSE, RESOLVED, said={OPENED.id: 2})) == [3]


def test_alerts_are_told_in_the_order_of_the_log() -> None:
    notices = told(OPENED, SILENT, RESOLVED)
    assert [notice.transitions[0].id[0] for notice in notices] == ["0", "f", "0"]


def test_the_id_and_the_bytes_are_the_same_on_every_try_and_differ_between_receivers() -> None:
    first, again = told(OPENED), told(OPENED)
    assert first == again
    (other,) = told(OPENED, receiver="night shift")
    ids = {first[0].id, other.id, notice_id("ops", WORSE), notice_id("ops", SILENT)}
    assert len(ids) == 4
    assert all(key.startswith("msg_") and len(key) == 36 for key in ids)


def test_a_firing_body_is_what_alertmanager_sends() -> None:
    link = (
        "https://grafana.example/d/asset?var-asset=P-%22101%22%20%C3%A9"
        "&from=1795246753000&to=1795250369000"
    )
    annotations = {
        "alert_id": OPENED.id,
        "sequence": "1",
        "summary": "P-101 has been abnormal.",
        "description": "P-101 has been abnormal. First sign at 2026-11-21T08:09:13Z, "
        "alert opened at 2026-11-21T08:09:29Z.",
        "top_channels": "vib_rms 61%, temp 22%",
        "score": "4.219",
        "model": "m-7",
        "dashboard_url": link,
    }
    assert body(OPENED) == {
        "version": "4",
        "groupKey": '{}:{alertname="TocsinAnomaly", asset="P-\\"101\\" é", profile="pumps"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "ops",
        "groupLabels": {name: LABELS[name] for name in ("alertname", "asset", "profile")},
        "commonLabels": LABELS,
        "commonAnnotations": annotations,
        "externalURL": "https://tocsin.example",
        "alerts": [
            {
                "status": "firing",
                "labels": LABELS,
                "annotations": annotations,
                "startsAt": "2026-11-21T08:09:13Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": link,
                "fingerprint": body(OPENED)["alerts"][0]["fingerprint"],
            }
        ],
    }


def test_a_resolved_body_says_when_it_was_over() -> None:
    resolved = body(RESOLVED)
    assert resolved["status"] == resolved["alerts"][0]["status"] == "resolved"
    assert resolved["alerts"][0]["startsAt"] == rfc3339(BEGAN_NS)
    assert resolved["alerts"][0]["endsAt"] == "2026-11-21T08:10:13.5Z"


def test_all_steps_of_an_alert_have_one_fingerprint_that_is_its_rule_s_and_asset_s_alone() -> None:
    prints = [body(step)["alerts"][0]["fingerprint"] for step in (OPENED, WORSE, RESOLVED)]
    assert len(set(prints)) == 1
    assert len(prints[0]) == 16
    assert int(prints[0], 16) >= 0
    assert body(SILENT)["alerts"][0]["fingerprint"] != prints[0]
    assert body(replace(OPENED, id="a" * 32))["alerts"][0]["fingerprint"] == prints[0]


def test_what_is_not_known_is_left_out_and_all_the_rest_is_text() -> None:
    silent = body(SILENT, NoticeContext())
    assert silent["commonLabels"]["alertname"] == "TocsinSilent"
    assert set(silent["commonAnnotations"]) == {"alert_id", "sequence", "description"}
    assert silent["externalURL"] == silent["alerts"][0]["generatorURL"] == ""
    for step in (OPENED, RESOLVED, SILENT):
        texts = {**body(step)["commonLabels"], **body(step)["commonAnnotations"]}
        assert all(isinstance(text, str) and text for text in texts.values())


@pytest.mark.parametrize("joint", ["?", "?orgId=1&"])
def test_a_dashboard_link_may_have_a_query_already(joint: str) -> None:
    context = NoticeContext("", "https://grafana.example/d/asset" + joint.rstrip("?&"))
    assert f"/d/asset{joint}var-asset=P-102&" in body(SILENT, context)["alerts"][0]["generatorURL"]


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_whatever_is_replayed_every_alert_is_told_in_order_to_its_end(
    seed: int, width: int
) -> None:
    chance = random.Random(seed)
    alerts = [[replace(s, id=f"{n:032x}") for s in (OPENED, WORSE, RESOLVED)] for n in range(width)]
    log = [step for number in range(3) for alert in alerts for step in alert[number : number + 1]]
    said: dict[str, int] = {}
    heard: list[tuple[str, int]] = []
    until = 0
    while until < len(log) or any(said.get(alert[0].id) != 3 for alert in alerts):
        until = min(len(log), until + chance.randint(0, 3))
        pending = log[chance.randint(0, min(until, min_unsaid(log, said))) : until]
        for notice in plan(pending, said, "ops", HERE):
            if chance.random() < 0.3:
                break
            (step,) = notice.transitions
            heard.append((step.id, step.sequence))
            said[step.id] = step.sequence
    for alert in alerts:
        numbers = [sequence for key, sequence in heard if key == alert[0].id]
        assert numbers in ([1, 2, 3], [2, 3])


def min_unsaid(log: list[Transition], said: dict[str, int]) -> int:
    unsaid = [at for at, step in enumerate(log) if step.sequence > said.get(step.id, 0)]
    return unsaid[0] if unsaid else len(log)

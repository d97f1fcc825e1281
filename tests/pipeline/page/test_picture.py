from typing import Any

import msgspec
import numpy as np
import pytest

from bundles import ACCEPTED, REFUSED
from gallery import PROFILE, SECOND_NS, START_NS, KnownPostmark, a_step, windows
from tocsin.core.notices import NoticeContext, notice_id
from tocsin.core.records import Rule, Scores, Severity, State, Status
from tocsin.page.forms import Model, Post
from tocsin.page.picture import Picture, PicturePolicy
from tocsin.page.tales import Mark, Outcome
from tocsin.ports import Version

NOW_NS = START_NS + 60 * SECOND_NS


def a_picture(
    postmark: KnownPostmark | None = None, *, receivers: tuple[str, ...] = (), **policy: Any
) -> Picture:
    post = Post(dict.fromkeys(receivers, True), NoticeContext(), postmark)
    return Picture([PROFILE], post, PicturePolicy(**policy))


def shown(picture: Picture, now_ns: int = NOW_NS) -> Any:
    """Return the picture as the page gets it."""
    return msgspec.json.decode(msgspec.json.encode(picture.draw(now_ns)))


def the_asset(picture: Picture, now_ns: int = NOW_NS) -> Any:
    (asset,) = shown(picture, now_ns)["assets"]
    return asset


def test_an_empty_log_gives_an_empty_picture() -> None:
    assert shown(a_picture()) == {
        "kind": "live",
        "now_ms": None,
        "log": {"ok": False, "reason": "The log has not been read yet."},
        "counts": {"assets": 0, "shown": 0, "alert": 0, "ok": 0, "unknown": 0},
        "assets": [],
        "alerts": [],
        "models": [],
    }


def test_a_scored_asset_is_shown_with_its_newest_window_and_a_sparkline() -> None:
    picture = a_picture()
    picture.take_scores(windows("p1", [0.123456, 0.5]), NOW_NS)
    assert the_asset(picture) == {
        "asset": "p1",
        "profile": "pump",
        "state": "ok",
        "severity": None,
        "status": "ok",
        "score": 0.5,
        "end_ms": START_NS // 1_000_000 + 1_000,
        "coverage": 0.5,
        "model": "m1",
        "alert": None,
        "rule": None,
        "spark": [0.1235, 0.5],
    }
    assert shown(picture)["now_ms"] == START_NS // 1_000_000 + 1_000


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_what_could_not_be_scored_is_unknown_and_has_no_score(status: Status) -> None:
    picture = a_picture()
    picture.take_scores(windows("p1", [0.5]), NOW_NS)
    picture.take_scores(windows("p1", [9.0], first=1, status=status), NOW_NS)
    asset = the_asset(picture)
    assert (asset["state"], asset["status"]) == ("unknown", status.name.lower())
    assert (asset["score"], asset["spark"]) == (None, [0.5, None])
    assert shown(picture)["counts"] == {"assets": 1, "shown": 1, "alert": 0, "ok": 0, "unknown": 1}


@pytest.mark.parametrize("status", [Status.OK, Status.LOW_COVERAGE])
def test_an_asset_is_in_alert_while_an_alert_about_it_is_open(status: Status) -> None:
    picture = a_picture()
    picture.take_scores(windows("p1", status=status), NOW_NS)
    picture.take_step(a_step("a", severity=Severity.CRITICAL))
    asset = the_asset(picture)
    assert (asset["state"], asset["severity"]) == ("alert", "critical")
    assert (asset["alert"], asset["rule"]) == ("a", "anomaly")
    picture.take_step(a_step("a", 2, state=State.RESOLVED))
    asset = the_asset(picture)
    assert (asset["state"] == "alert", asset["severity"], asset["alert"]) == (False, None, None)


def test_an_asset_of_which_only_an_alert_is_known_is_shown_without_a_status() -> None:
    picture = a_picture()
    picture.take_step(a_step("a", rule=Rule.SILENT))
    asset = the_asset(picture)
    assert (asset["state"], asset["rule"], asset["profile"]) == ("alert", "silent", "pump")
    assert {asset[name] for name in ("status", "score", "end_ms", "coverage")} == {None}
    picture.take_step(a_step("a", 2, rule=Rule.SILENT, state=State.RESOLVED))
    assert the_asset(picture)["state"] == "unknown"


def test_of_two_alerts_about_an_asset_the_critical_one_is_named() -> None:
    picture = a_picture()
    picture.take_step(a_step("worse", severity=Severity.CRITICAL))
    picture.take_step(a_step("silent", rule=Rule.SILENT))
    assert the_asset(picture)["alert"] == "worse"


def test_an_asset_that_nobody_has_scored_for_long_is_unknown() -> None:
    picture = a_picture()
    picture.take_scores(windows("p1"), NOW_NS)
    silent_ns = PROFILE.silent_after_ns + 2 * PROFILE.stride * PROFILE.period_ns
    assert the_asset(picture, NOW_NS + silent_ns)["state"] == "ok"
    asset = the_asset(picture, NOW_NS + silent_ns + 1)
    assert (asset["state"], asset["status"], asset["score"]) == ("unknown", "ok", None)
    picture.take_scores(windows("p1", [0.5], first=1), NOW_NS + silent_ns)
    assert the_asset(picture, NOW_NS + silent_ns + 1)["state"] == "ok"


def test_alerts_come_first_then_what_is_unknown_then_the_highest_scores() -> None:
    picture = a_picture(assets=6)
    for name, score in (("low", 0.1), ("high", 0.9), ("middle", 0.5)):
        picture.take_scores(windows(name, [score]), NOW_NS)
    picture.take_scores(windows("blind", status=Status.LOW_COVERAGE), NOW_NS)
    for name in ("warned", "bad"):
        picture.take_scores(windows(name), NOW_NS)
    picture.take_step(a_step("a1", asset="warned"))
    picture.take_step(a_step("a2", asset="bad", severity=Severity.CRITICAL))
    names = [asset["asset"] for asset in shown(picture)["assets"]]
    assert names == ["bad", "warned", "blind", "high", "middle", "low"]


def test_of_many_assets_the_first_are_shown_and_all_are_counted() -> None:
    picture = a_picture(assets=2)
    for number in range(5):
        picture.take_scores(windows(f"p{number}", [number / 10]), NOW_NS)
    found = shown(picture)
    assert [asset["asset"] for asset in found["assets"]] == ["p4", "p3"]
    assert found["counts"] == {"assets": 5, "shown": 2, "alert": 0, "ok": 5, "unknown": 0}


def test_in_a_demo_assets_keep_their_places() -> None:
    picture = a_picture(kind="demo")
    for name, score in (("p2", 0.9), ("p3", 0.1), ("p1", 0.5)):
        picture.take_scores(windows(name, [score]), NOW_NS)
    picture.take_step(a_step("a", asset="p3"))
    assert [asset["asset"] for asset in shown(picture)["assets"]] == ["p1", "p2", "p3"]


def test_a_window_that_stands_in_the_log_twice_is_shown_once() -> None:
    picture = a_picture()
    block = windows("p1", [0.1, 0.2, 0.3])
    picture.take_scores(block, NOW_NS)
    changes = picture.changes
    picture.take_scores(block, NOW_NS)
    assert picture.changes == changes
    picture.take_scores(windows("p1", [9.0, 0.4], first=2), NOW_NS)
    assert the_asset(picture)["spark"] == [0.1, 0.2, 0.3, 0.4]
    found = picture.trace("p1")
    assert found is not None
    assert found[1].score.tolist() == [0.1, 0.2, 0.3, 0.4]


def test_a_row_that_names_no_asset_is_refused() -> None:
    scores = windows("p1")
    scores.asset[:] = 3
    with pytest.raises(ValueError, match="no name"):
        a_picture().take_scores(scores, NOW_NS)


def test_a_block_without_rows_changes_nothing() -> None:
    picture = a_picture()
    picture.take_scores(windows("p1", []), NOW_NS)
    assert (picture.changes, shown(picture)["assets"]) == (0, [])


def test_an_alert_tells_its_newest_step_however_the_steps_came() -> None:
    picture = a_picture()
    first, second = a_step("a"), a_step("a", 2, state=State.RESOLVED)
    for step in (second, first, second):
        picture.take_step(step)
    (alert,) = shown(picture)["alerts"]
    assert alert == {
        "id": "a",
        "asset": "p1",
        "profile": "pump",
        "rule": "anomaly",
        "state": "resolved",
        "severity": "warning",
        "began_ms": START_NS // 1_000_000,
        "opened_ms": START_NS // 1_000_000 + 1_000,
        "resolved_ms": START_NS // 1_000_000 + 2_000,
        "score": 1.5,
        "channels": [["flow", 0.75], ["heat", 0.25]],
        "model": "m1",
        "summary": "p1 is not as it was.",
        "told": [],
    }


def test_an_open_alert_is_not_left_out_for_newer_ones_that_are_over() -> None:
    picture = a_picture(alerts=2)
    picture.take_step(a_step("a-still-open"))
    for number in range(5):
        picture.take_step(a_step(f"z{number}", 2, state=State.RESOLVED))
    assert [alert["id"] for alert in shown(picture)["alerts"]] == ["z4", "a-still-open"]


def test_what_was_told_is_listed_and_what_is_newest_waits() -> None:
    postmark = KnownPostmark()
    picture = a_picture(postmark, receivers=("shift",))
    opened, resolved = a_step("a"), a_step("a", 2, state=State.RESOLVED)
    picture.take_step(opened)
    name = notice_id("shift", opened)
    waiting = {
        "receiver": "shift",
        "webhook_id": name,
        "step": 1,
        "status": "firing",
        "outcome": "waiting",
        "at_ms": None,
        "signed": True,
        "verified": None,
    }
    assert shown(picture)["alerts"][0]["told"] == [waiting]
    picture.take_mark("a", "shift", Mark(1, Outcome.DELIVERED, NOW_NS))
    picture.take_step(resolved)
    postmark.held[name] = True
    told, still = shown(picture)["alerts"][0]["told"]
    at_ms = NOW_NS // 1_000_000
    assert told == waiting | {"outcome": "delivered", "at_ms": at_ms, "verified": True}
    assert (still["status"], still["outcome"], still["step"]) == ("resolved", "waiting", 2)


def test_a_receiver_that_is_not_in_the_settings_any_more_is_named_all_the_same() -> None:
    picture = a_picture()
    picture.take_step(a_step("a"))
    picture.take_mark("a", "old", Mark(1, Outcome.FAILED, NOW_NS))
    (told,) = shown(picture)["alerts"][0]["told"]
    assert (told["receiver"], told["outcome"], told["signed"]) == ("old", "failed", None)


def test_models_are_shown_newest_first_with_their_verdicts_and_whether_they_scored() -> None:
    picture = a_picture()
    first = Version("pump", "m1", START_NS, ACCEPTED, "champion")
    second = Version("pump", "m2", START_NS + SECOND_NS, REFUSED, "refused")
    picture.take_models("pump", [Model(first, {"windows": 70, "parent": ""}), Model(second, {})])
    picture.take_scores(windows("p1", model="m1"), NOW_NS)
    newest, older = shown(picture)["models"]
    assert newest == {
        "profile": "pump",
        "version": "m2",
        "created_ms": START_NS // 1_000_000 + 1_000,
        "standing": "refused",
        "promoted": False,
        "parent": None,
        "windows": None,
        "scoring": False,
        "checks": [
            {
                "name": "holdout",
                "passed": False,
                "value": None,
                "bound": 0.25,
                "sentence": "It has no error.",
            }
        ],
    }
    assert (older["version"], older["scoring"], older["windows"]) == ("m1", True, 70)


def test_the_picture_says_that_the_log_cannot_be_read_and_keeps_what_it_has() -> None:
    picture = a_picture()
    picture.take_scores(windows("p1"), NOW_NS)
    picture.say("Kafka does not answer")
    found = shown(picture)
    assert found["log"] == {"ok": False, "reason": "Kafka does not answer"}
    assert len(found["assets"]) == 1
    picture.say("")
    assert shown(picture)["log"] == {"ok": True, "reason": ""}


def test_other_channels_begin_another_history() -> None:
    picture = a_picture()
    picture.take_scores(windows("p1", [0.1, 0.2]), NOW_NS)
    other = windows("p1", [0.3], first=5)
    fewer = Scores(
        other.profile,
        other.model,
        ("heat",),
        other.names,
        other.asset,
        other.end_ns,
        other.status,
        other.score,
        other.error,
        *(getattr(other, name)[:, 1:] for name in ("blame", "expected", "measured", "coverage")),
    )
    picture.take_scores(fewer, NOW_NS)
    found = picture.trace("p1")
    assert found is not None
    assert (found[1].channels, found[1].score.tolist()) == (("heat",), [0.3])


def test_what_was_never_seen_has_no_trace() -> None:
    assert a_picture().trace("p1") is None


def test_numbers_that_are_not_finite_are_null_in_every_form() -> None:
    picture = a_picture()
    scores = windows("p1", [np.inf])
    picture.take_scores(scores, NOW_NS)
    assert the_asset(picture)["score"] is None

"""What people see on the page, in a real browser."""

from collections.abc import Callable

from playwright.sync_api import expect

from browser.looking import Look
from browser.scenes import (
    ASSETS,
    BEGIN_MS,
    MISSING,
    MODEL,
    STRIDE_MS,
    Fault,
    alarmed,
    alert,
    asset,
    check,
    model,
    picture,
    told,
    trace,
    unknown,
)
from browser.scripted_page import ScriptedPage

Looks = Callable[..., Look]

FAULT = Fault(270, 400)
IN_ALERT = [asset("pump-1"), alarmed("pump-2"), asset("pump-3"), asset("pump-4")]


def test_the_page_shows_the_plant_and_one_asset_in_full(look: Looks, served: ScriptedPage) -> None:
    served.trace(trace("pump-1"))
    seen = look()
    seen.wait_for_charts()
    expect(seen.find("#counts")).to_contain_text("4")
    expect(seen.find(".card")).to_have_count(4)
    expect(seen.card("pump-1")).to_contain_text("Normal")
    expect(seen.card("pump-1")).to_contain_text("0.31")
    expect(seen.find("#asset-name")).to_have_text("pump-1")
    expect(seen.find("#names .name")).to_have_count(8)
    expect(seen.find("#story-title")).to_have_text("All is well.")
    expect(seen.find("#now-status")).to_have_text("scored")
    expect(seen.find("#connection")).to_have_text("Live")


def test_an_alert_that_opens_is_shown_announced_and_watched(
    look: Looks, served: ScriptedPage
) -> None:
    for name in ASSETS:
        served.trace(trace(name, fault=FAULT if name == "pump-2" else Fault(0, 0)))
    seen = look()
    expect(seen.find("#alerts-empty")).to_be_visible()
    expect(seen.find("#said")).to_have_text("")
    served.show(picture(IN_ALERT, [alert()]))
    expect(seen.find('.alert[data-state="open"]')).to_contain_text("Critical")
    expect(seen.find(".alert .told-line")).to_have_text("demo: delivered, signature verified")
    expect(seen.find("#said")).to_contain_text("Alert: pump-2 has been abnormal")
    expect(seen.card("pump-2")).to_have_attribute("data-tone", "critical")
    expect(seen.find("#asset-name")).to_have_text("pump-2")
    expect(seen.find("#channel-name")).to_have_text("bearing_temperature")
    assert seen.page.title() == "(1) alert · Tocsin"
    over = alert(state="resolved", resolved_ms=BEGIN_MS + 330 * STRIDE_MS)
    served.show(picture(alerts=[over | {"summary": "pump-2 is back to normal."}]))
    expect(seen.find('.alert[data-state="resolved"]')).to_contain_text("lasted 3 min 52 s")
    expect(seen.find("#said")).to_have_text("Resolved: pump-2 is back to normal.")
    assert seen.page.title() == "Tocsin"


def test_what_was_there_before_is_not_announced(look: Looks, served: ScriptedPage) -> None:
    served.show(picture(IN_ALERT, [alert()]))
    seen = look()
    expect(seen.find(".alert")).to_have_count(1)
    expect(seen.find("#said")).to_have_text("")


def test_the_body_of_a_webhook_can_be_read(look: Looks, served: ScriptedPage) -> None:
    body = {"version": "4", "status": "firing"}
    served.told[told()["webhook_id"]] = {"outcome": "delivered", "body": body}
    served.show(picture(IN_ALERT, [alert()]))
    seen = look()
    seen.find(".alert > details > summary").click()
    seen.find(".told > summary").click()
    expect(seen.find(".told pre")).to_contain_text('"version": "4"')


def test_every_outcome_of_telling_is_told_plainly(look: Looks, served: ScriptedPage) -> None:
    outcomes = [
        told(1, verified=False),
        told(2, outcome="failed", verified=None, receiver="shift"),
        told(3, verified=None, receiver="pager"),
        told(4, verified=None, signed=False, receiver="plain"),
        told(5, outcome="waiting", verified=None, at_ms=None, receiver="slow"),
        told(6, outcome="disabled", verified=None, receiver="gone"),
        told(7, verified=None, signed=None, receiver="former"),
    ]
    served.show(picture(IN_ALERT, [alert(told=outcomes)]))
    seen = look()
    seen.find(".alert > details > summary").click()
    expect(seen.find(".told .outcome")).to_have_text(
        [
            "delivered, signature did not hold",
            "not delivered",
            "delivered, signed",
            "delivered, not signed",
            "not delivered yet",
            "the receiver wants no more",
            "delivered",
        ]
    )
    first = "3 of 7 receivers told; demo: delivered, signature did not hold"
    expect(seen.find(".alert .told-line")).to_have_text(first)


def test_unknown_is_never_shown_as_normal(look: Looks, served: ScriptedPage) -> None:
    why = ("no_model", "warming_up", "low_coverage", "error")
    names = dict(zip(ASSETS, why, strict=True))
    served.show(picture([unknown(name, status) for name, status in names.items()]))
    served.trace(trace("pump-1", learned=9_999))
    seen = look()
    seen.wait_for_charts()
    words = ["No model", "Warming up", "Few values", "No number"]
    expect(seen.find(".card .word")).to_have_text(words)
    expect(seen.find(".card .card-score")).to_have_text([MISSING] * 4)
    expect(seen.find('.card[data-tone="unknown"] [data-icon="unknown"]')).to_have_count(4)
    expect(seen.find("#now-score")).to_have_text(MISSING)
    expect(seen.find("#now-status")).to_have_text("no model yet")
    green = seen.run(
        """() => {
          const canvas = document.getElementById("strip-status");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let found = 0;
          for (let at = 0; at < data.length; at += 4) {
            found += data[at + 3] === 255 && data[at + 1] > data[at] + 20;
          }
          return found;
        }"""
    )
    assert green == 0


def test_new_windows_arrive_one_by_one(look: Looks, served: ScriptedPage) -> None:
    served.trace(trace("pump-1", 100))
    seen = look()
    seen.wait_for_charts()
    expect(seen.find("#time-hint")).to_have_text("Newest 00:06:36 UTC")
    served.rows(trace("pump-1", 3, first=99))
    expect(seen.find("#time-hint")).to_have_text("Newest 00:06:44 UTC")
    assert seen.run("() => document.getElementById('plot-score').data[1].x.length") == 102


def test_the_models_tell_their_story(look: Looks, served: ScriptedPage) -> None:
    refused = model(
        "b81de3c0aa11",
        parent=MODEL,
        promoted=False,
        standing="refused",
        scoring=False,
        checks=[check("champion", "The error is 25% worse.", passed=False)],
    )
    served.show(picture(models=[refused, model()]))
    seen = look()
    expect(seen.find(".model .version")).to_have_text(["b81de3c0", "a3787a30"])
    expect(seen.find(".model .badge")).to_have_text(["refused", "scores now"])
    expect(seen.find(".model").first).to_contain_text("A refit of a3787a30.")
    expect(seen.find(".model").first).to_contain_text("The error is 25% worse.")
    expect(seen.find(".model").last).to_contain_text("Scores 4 of 4 assets.")


def test_before_anything_has_come_in_the_page_says_what_to_do(
    look: Looks, served: ScriptedPage
) -> None:
    served.show(picture([], kind="live", story=None, models=[], bench=None, now_ms=None))
    seen = look()
    expect(seen.find("#assets-empty")).to_contain_text("Send readings to the topic")
    expect(seen.find("#models-empty")).to_contain_text("No model yet.")
    expect(seen.find("#alerts-empty")).to_contain_text("No alert so far.")
    expect(seen.find("#note")).to_contain_text("Nothing has come in yet.")
    expect(seen.find("#bench")).to_be_hidden()
    expect(seen.find("#story")).to_be_hidden()


def test_an_asset_of_which_no_window_came_is_shown_all_the_same(
    look: Looks, served: ScriptedPage
) -> None:
    silent = unknown("pump-9") | {"status": None, "end_ms": None, "coverage": None, "spark": []}
    in_alert = {"state": "alert", "severity": "warning", "rule": "silent", "alert": "a1"}
    served.show(picture([silent | in_alert], [alert("pump-9", channels=[], score=None)]))
    seen = look()
    expect(seen.card("pump-9")).to_contain_text("Silent")
    expect(seen.find("#asset-facts")).to_contain_text("no window yet")


def test_another_model_is_marked_where_it_begins_to_score(
    look: Looks, served: ScriptedPage
) -> None:
    history = trace("pump-1", learned=0)
    history["model"][150:] = ["b81de3c0aa11"] * 150
    served.trace(history)
    seen = look()
    expect(seen.find("#plot-score .annotation-text")).to_have_text("model b81de3c0")


def test_a_channel_is_shown_when_it_is_chosen(look: Looks, served: ScriptedPage) -> None:
    served.trace(trace("pump-1"))
    seen = look()
    seen.wait_for_charts()
    seen.find(
        "#names .name",
    ).nth(3).click()
    expect(seen.find("#channel-name")).to_have_text("flow")
    expect(seen.find("#channel")).to_have_value("flow")
    expect(seen.find("#bench-channel")).to_have_value("flow")
    seen.find("#channel").select_option("")
    expect(seen.find("#channel-name")).not_to_have_text("flow")


def test_the_address_names_the_asset(look: Looks, served: ScriptedPage) -> None:
    served.trace(trace("pump-3"))
    seen = look("#pump-3")
    expect(seen.find("#asset-name")).to_have_text("pump-3")
    seen.card("pump-4").click()
    expect(seen.find("#asset-name")).to_have_text("pump-4")
    assert seen.page.url.endswith("#pump-4")


def test_looking_closer_stays_until_one_goes_back_to_now(look: Looks, served: ScriptedPage) -> None:
    served.trace(trace("pump-1"))
    seen = look(viewport={"width": 1440, "height": 900})
    seen.wait_for_charts()
    box = seen.find("#plot-score").bounding_box()
    assert box is not None
    seen.page.mouse.move(box["x"] + 150, box["y"] + 60)
    seen.page.mouse.down()
    seen.page.mouse.move(box["x"] + 300, box["y"] + 60, steps=5)
    seen.page.mouse.up()
    expect(seen.find("#back")).to_be_visible()
    reach = """() => {
      const [from, to] = document.getElementById("plot-signal").layout.xaxis.range;
      return to - from;
    }"""
    seen.wait_for(f"() => ({reach})() < 600000")
    served.rows(trace("pump-1", 1, first=300))
    assert seen.run(reach) < 600_000
    seen.find("#back").click()
    seen.wait_for(f"() => ({reach})() > 1000000")
    expect(seen.find("#back")).to_be_hidden()


def test_a_long_past_without_scores_is_cut_until_one_asks_for_it(
    look: Looks, served: ScriptedPage
) -> None:
    served.trace(trace("pump-1", 600, learned=590))
    seen = look(viewport={"width": 1440, "height": 900})
    seen.wait_for_charts()
    begin = "document.getElementById('plot-score').layout.xaxis.range[0]"
    assert seen.run(f"() => {begin}") == BEGIN_MS + 480 * STRIDE_MS
    expect(seen.find("#back")).to_have_text("Show all")
    seen.find("#back").click()
    seen.wait_for(f"() => {begin} === {BEGIN_MS}")
    expect(seen.find("#back")).to_have_text("Back to now")


def test_nothing_is_drawn_where_windows_are_missing(look: Looks, served: ScriptedPage) -> None:
    served.trace(trace("pump-1", 100, learned=0))
    seen = look()
    seen.wait_for_charts()
    served.rows(trace("pump-1", 10, first=150, learned=0))
    expect(seen.find("#time-hint")).to_have_text("Newest 00:10:36 UTC")
    drawn = "document.getElementById('plot-score').data[1].y"
    seen.wait_for(f"() => {drawn}.length === 111 && {drawn}[100] === null")

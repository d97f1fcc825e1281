"""A connection that is lost and comes back, in a real browser."""

from collections.abc import Callable

from playwright.sync_api import expect

from browser.looking import Look
from browser.scenes import ASSETS, MISSING, alarmed, asset, picture, trace
from browser.scripted_page import ScriptedPage

Looks = Callable[..., Look]


def test_a_lost_connection_is_said_and_heals_by_itself(look: Looks, served: ScriptedPage) -> None:
    served.trace(trace("pump-1"))
    seen = look()
    seen.wait_for_charts()
    expect(seen.find("body")).to_have_attribute("data-connection", "live")
    seen.outage = True
    served.drop()
    expect(seen.find("#banner")).to_contain_text("Connection lost. Trying again … What is shown is")
    expect(seen.find("#connection")).to_have_text("Offline")
    opacity = "() => Number(getComputedStyle(document.querySelector('main')).opacity)"
    assert seen.run(opacity) < 1
    served.show(picture([alarmed("pump-1"), *map(asset, ASSETS[1:])]))
    served.resume()
    expect(seen.find("#banner")).to_be_hidden(timeout=15_000)
    seen.outage = False
    expect(seen.find("#connection")).to_have_text("Live")
    expect(seen.card("pump-1")).to_contain_text("Critical")
    assert seen.run(opacity) == 1


def test_a_log_that_cannot_be_read_is_said(look: Looks, served: ScriptedPage) -> None:
    served.show(picture(log={"ok": False, "reason": "Kafka is not there."}))
    seen = look()
    expect(seen.find("#banner-sentence")).to_have_text(
        "The log cannot be read: Kafka is not there."
    )
    served.show(picture(log={"ok": True, "reason": ""}))
    expect(seen.find("#banner")).to_be_hidden()


def test_a_page_without_its_charts_still_shows_everything_else(
    look: Looks, served: ScriptedPage
) -> None:
    seen = look()
    seen.outage = True
    seen.page.route("**/plotly.min.js", lambda route: route.abort())
    served.trace(trace("pump-1"))
    seen.page.reload()
    expect(seen.find("#plot-signal")).to_contain_text("The charts could not be loaded.")
    expect(seen.card("pump-1")).to_contain_text("Normal")
    expect(seen.find("#now-score")).not_to_have_text(MISSING)

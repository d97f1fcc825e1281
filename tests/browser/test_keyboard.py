"""The page without a mouse, in a real browser."""

from collections.abc import Callable

from playwright.sync_api import expect

from browser.looking import Look
from browser.scenes import MISSING, alarmed, alert, asset, picture, told, trace
from browser.scripted_page import ScriptedPage

Looks = Callable[..., Look]


def test_arrows_move_in_the_plant_and_enter_chooses(look: Looks, served: ScriptedPage) -> None:
    served.trace(trace("pump-3"))
    seen = look()
    seen.card("pump-1").focus()
    seen.page.keyboard.press("ArrowDown")
    seen.page.keyboard.press("ArrowDown")
    expect(seen.card("pump-3")).to_be_focused()
    served.show(picture([alarmed("pump-3"), *map(asset, ("pump-1", "pump-2", "pump-4"))]))
    expect(seen.find(".card").first).to_contain_text("pump-3")
    expect(seen.card("pump-3")).to_be_focused()
    seen.page.keyboard.press("Enter")
    expect(seen.card("pump-3")).to_have_attribute("aria-selected", "true")
    expect(seen.find("#asset-name")).to_have_text("pump-3")
    seen.page.keyboard.press("End")
    expect(seen.card("pump-4")).to_be_focused()
    expect(seen.find('.card[tabindex="0"]')).to_have_count(1)


def test_the_moment_is_moved_by_arrows_and_let_go_by_escape(
    look: Looks, served: ScriptedPage
) -> None:
    served.trace(trace("pump-1"))
    seen = look()
    seen.wait_for_charts()
    axis = seen.find("#strip-time")
    axis.focus()
    seen.page.keyboard.press("ArrowLeft")
    expect(seen.find("#cursor")).to_be_visible()
    expect(seen.find("#time-hint")).to_have_text("At 00:19:52 UTC")
    assert "measured" in (axis.get_attribute("aria-valuetext") or "")
    seen.page.keyboard.press("Home")
    expect(seen.find("#time-hint")).to_have_text("At 00:00:00 UTC")
    expect(seen.find("#now-score")).to_have_text(MISSING)
    seen.page.keyboard.press("Escape")
    expect(seen.find("#cursor")).to_be_hidden()
    expect(seen.find("#time-hint")).to_have_text("Newest 00:19:56 UTC")


def test_everything_that_can_be_pressed_is_reached_by_tab(
    look: Looks, served: ScriptedPage
) -> None:
    served.trace(trace("pump-2"))
    served.told[told()["webhook_id"]] = {"body": {"version": "4"}}
    pumps = [alarmed("pump-2"), *map(asset, ("pump-1", "pump-3", "pump-4"))]
    served.show(picture(pumps, [alert()]))
    seen = look("#pump-2")
    seen.wait_for_charts()
    reached = set()
    for _ in range(60):
        seen.page.keyboard.press("Tab")
        reached.add(
            seen.run(
                "() => document.activeElement.id || document.activeElement.className"
                " || document.activeElement.tagName"
            )
        )
        outline = seen.run("() => getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or seen.run("() => document.activeElement === document.body")
    assert {"theme", "card", "channel", "strip-time", "bench-asset", "kind", "name"} <= reached


def test_an_alert_opens_with_the_keyboard(look: Looks, served: ScriptedPage) -> None:
    served.told[told()["webhook_id"]] = {"body": {"version": "4"}}
    served.show(picture([alarmed("pump-2")], [alert()]))
    seen = look()
    seen.find(".alert > details > summary").focus()
    seen.page.keyboard.press("Enter")
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Enter")
    expect(seen.find(".told pre")).to_contain_text('"version": "4"')

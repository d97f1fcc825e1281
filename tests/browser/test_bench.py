"""Breaking something, in a real browser."""

from collections.abc import Callable

from playwright.sync_api import expect

from browser.looking import Look
from browser.scenes import BEGIN_MS, STRIDE_MS, bench, breakage, picture, trace
from browser.scripted_page import ScriptedPage

Looks = Callable[..., Look]


def press(seen: Look, asset: str, channel: str, kind: str) -> None:
    seen.find("#bench-asset").select_option(asset)
    seen.find("#bench-channel").select_option(channel)
    seen.find(f'.kind[data-kind="{kind}"]').click()


def test_every_kind_of_fault_has_a_button_that_says_what_it_means(look: Looks) -> None:
    seen = look()
    expect(seen.find(".kind b")).to_have_text([each["title"] for each in bench()["choices"]])
    expect(seen.find(".kind span")).to_have_text([each["meaning"] for each in bench()["choices"]])


def test_what_is_broken_is_posted_watched_and_its_fate_is_told(
    look: Looks, served: ScriptedPage
) -> None:
    served.trace(trace("pump-3"))
    served.breaking = (201, breakage())
    seen = look()
    press(seen, "pump-3", "flow", "shift")
    expect(seen.find("#asset-name")).to_have_text("pump-3")
    expect(seen.find("#channel-name")).to_have_text("flow")
    assert served.broken == [{"asset": "pump-3", "channel": "flow", "kind": "shift"}]
    served.show(picture(breakages=[breakage()]))
    fate = seen.find(".fate").first
    expect(fate).to_contain_text("Shift of flow on pump-3, by you")
    expect(fate).to_contain_text("Not caught yet.")
    expect(fate).to_contain_text("Broken for 48 s of the plant's time.")
    caught = breakage(fate="caught", alert="a1", delay_s=14.0, named=True)
    served.show(picture(breakages=[caught]))
    expect(fate).to_contain_text("Caught after 14 s, and the channel was named first.")


def test_what_was_missed_is_said_as_plainly(look: Looks, served: ScriptedPage) -> None:
    later_ms = BEGIN_MS + 400 * STRIDE_MS
    missed = breakage(fate="missed")
    other = breakage(id="b0", by="story", fate="caught", delay_s=31.0, named=False)
    served.show(picture(breakages=[missed, other], now_ms=later_ms))
    seen = look()
    first, second = seen.find(".fate").first, seen.find(".fate").last
    expect(first).to_contain_text("Not caught: nothing was said.")
    expect(first).to_contain_text("It lasted 4 min and ended 3 min 28 s ago")
    expect(second).to_contain_text("by the story")
    expect(second).to_contain_text("Caught after 31 s, but another channel was named first.")


def test_why_nothing_can_be_broken_is_a_sentence(look: Looks, served: ScriptedPage) -> None:
    sentence = "pump-1 is broken already; wait until it is over."
    served.breaking = (409, {"error": sentence})
    seen = look()
    seen.outage = True  # the browser itself complains of an answer of 409
    press(seen, "pump-1", "load", "stuck")
    expect(seen.find("#refusal")).to_have_text(sentence)
    expect(seen.find(".kind").first).to_be_enabled()
    served.breaking = (201, breakage(asset="pump-1", channel="load", kind="stuck"))
    press(seen, "pump-1", "load", "stuck")
    expect(seen.find("#refusal")).to_be_hidden()


def test_real_assets_cannot_be_broken(look: Looks, served: ScriptedPage) -> None:
    served.show(picture(kind="live", story=None, bench=None, breakages=None))
    seen = look()
    expect(seen.find(".card")).to_have_count(4)
    expect(seen.find("#bench")).to_be_hidden()

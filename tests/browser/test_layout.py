"""How the page looks: every size, both themes, names from outside, and nothing that jumps."""

import re
from collections.abc import Callable, Mapping

import pytest
from playwright.sync_api import expect

from browser.looking import Look
from browser.scenes import (
    ASSETS,
    BEGIN_MS,
    STRIDE_MS,
    Fault,
    alarmed,
    alert,
    asset,
    bench,
    breakage,
    model,
    picture,
    told,
    trace,
    unknown,
)
from browser.scripted_page import ScriptedPage

Looks = Callable[..., Look]

HOSTILE = '<img src=x onerror="window.harmed=true"><b>&amp;\'\u202e'
ENDLESS = "plant-of-unusual-length/" * 8
MOST_SHIFT = 0.05
LEAST_CONTRAST = 4.5


def crowd(served: ScriptedPage) -> None:
    """Let every part of the page have something to show."""
    assets = [alarmed("pump-1"), asset(ENDLESS), unknown("pump-3"), alarmed("pump-4", "warning")]
    alerts = [alert("pump-1"), alert(ENDLESS, id="a2", severity="warning")]
    served.told[told()["webhook_id"]] = {"body": {"summary": ENDLESS}}
    served.trace(trace("pump-1", fault=Fault(270, 400)))
    served.show(picture(assets, alerts, breakages=[breakage(asset=ENDLESS)]))


_BEYOND = """() => [...document.querySelectorAll("body *")]
  .filter((node) => node.checkVisibility() && !node.closest("svg, .said, .skip"))
  .filter((node) => node.getBoundingClientRect().right > innerWidth + 1)
  .map((node) => node.className || node.tagName)"""


def test_nothing_is_wider_than_the_screen(look: Looks, served: ScriptedPage) -> None:
    crowd(served)
    seen = look("#pump-1")
    seen.wait_for_charts()
    seen.run("() => document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    for width in (320, 360, 559, 820, 1100, 1440, 2200):
        seen.page.set_viewport_size({"width": width, "height": 900})
        drawn = "document.querySelector('#plot-signal .main-svg').getBoundingClientRect().right"
        seen.wait_for(f"() => {drawn} <= innerWidth")
        assert seen.run("() => document.documentElement.scrollWidth") <= width
        assert seen.run(_BEYOND) == [], width


def test_names_from_outside_are_only_text(look: Looks, served: ScriptedPage) -> None:
    history = trace("pump-1", fault=Fault(270, 400))
    history["asset"] = history["profile"] = HOSTILE
    for channel in history["channels"]:
        channel["name"] = HOSTILE + channel["name"]
    told_of = alert(HOSTILE, channels=[[HOSTILE, 0.9]], summary=HOSTILE, model=HOSTILE)
    choices = [{"kind": HOSTILE, "title": HOSTILE, "meaning": HOSTILE}]
    served.trace(history)
    served.show(
        picture(
            [alarmed(HOSTILE) | {"profile": HOSTILE, "model": HOSTILE}],
            [told_of],
            models=[model(HOSTILE, profile=HOSTILE, parent=HOSTILE)],
            breakages=[breakage(asset=HOSTILE, channel=HOSTILE, kind=HOSTILE)],
            bench={"channels": {HOSTILE: [HOSTILE]}, "choices": choices},
            story={"title": HOSTILE, "phase": HOSTILE, "progress": None},
        )
    )
    seen = look()
    seen.wait_for_charts()
    expect(seen.find("#asset-name")).to_have_text(HOSTILE)
    expect(seen.find("#plot-signal .annotation-text")).to_contain_text("<img src=x")
    assert seen.find("img").count() == 0
    assert seen.find("main b b").count() == 0
    assert seen.run("() => window.harmed") is None


def test_nothing_jumps_while_news_stream_in(look: Looks, served: ScriptedPage) -> None:
    served.trace(trace("pump-2", 200))
    seen = look("#pump-2", viewport={"width": 1440, "height": 900})
    seen.wait_for_charts()
    seen.watch_shifts()
    for at in range(20):
        now_ms = BEGIN_MS + (200 + at) * STRIDE_MS
        fault = Fault(205, 300)
        served.rows(trace("pump-2", 1, first=200 + at, fault=fault))
        pumps = [asset(name, score=0.2 + at / 3) for name in ASSETS]
        broken = breakage(asset="pump-2", start_ms=BEGIN_MS + 205 * STRIDE_MS)
        if at > 10:
            pumps[1] = alarmed("pump-2", score=at / 2)
            broken |= {"fate": "caught", "delay_s": 20.0, "named": True}
        alerts = [alert()] if at > 10 else []
        breakages = [broken] if at > 5 else []
        served.show(picture(pumps, alerts, breakages=breakages, now_ms=now_ms))
        seen.wait_for(
            f"() => document.querySelector('.card-score').textContent === '{0.2 + at / 3:.2f}'"
        )
    expect(seen.find("#time-hint")).to_have_text("Newest 00:14:36 UTC")
    assert seen.shifts() < MOST_SHIFT


def luminance(colour: str) -> float:
    """Return the relative luminance of an opaque ``rgb()`` colour, as WCAG defines it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(colours: Mapping[str, str]) -> float:
    brighter, darker = sorted(map(luminance, colours.values()), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(theme: str, look: Looks, served: ScriptedPage) -> None:
    crowd(served)
    seen = look("#pump-1", viewport={"width": 1440, "height": 900}, color_scheme=theme)
    seen.wait_for_charts()
    seen.find(".alert > details > summary").first.click()
    places = [
        *("#story-title", ".phase", ".phase[aria-current]", ".count", "#connection"),
        *(".card-name", ".card-state", ".card[aria-selected=true] .card-state", ".aside"),
        *('.card[data-tone="warning"] .card-state', '.card[data-tone="unknown"] .card-state'),
        *(
            "#asset-facts",
            "#asset-state",
            ".legend dt",
            "#now-score",
            ".name",
            ".name[aria-pressed=true]",
        ),
        *(".kind b", ".kind span", ".fate .verdict", ".fate .clock", ".bench-where label"),
        *(".alert-sentence", ".severity", '.alert[data-tone="warning"] .severity', ".told-line"),
        *(".told code", ".model-text", ".badge", ".model-line time", ".checks summary"),
    ]
    found = {place: contrast(seen.colours(place)) for place in places}
    assert {place: value for place, value in found.items() if value < LEAST_CONTRAST} == {}


def test_the_theme_is_the_systems_until_it_is_switched_and_then_remembered(look: Looks) -> None:
    seen = look(color_scheme="light")
    paper = "() => getComputedStyle(document.documentElement).backgroundColor"
    light = seen.run(paper)
    seen.page.emulate_media(color_scheme="dark")
    dark = seen.run(paper)
    assert luminance(dark) < 0.05 < luminance(light)
    seen.find("#theme").click()
    assert seen.run(paper) == light
    seen.page.reload()
    assert seen.run(paper) == light
    seen.find("#theme").click()
    assert seen.run(paper) == dark
    assert seen.run("() => localStorage.length") == 0


def test_who_wants_no_motion_gets_none(look: Looks, served: ScriptedPage) -> None:
    seen = look(reduced_motion="reduce")
    crowd(served)
    expect(seen.find(".alert")).to_have_count(2)
    assert seen.run("() => document.getAnimations().length") == 0


def test_many_assets_can_be_filtered(look: Looks, served: ScriptedPage) -> None:
    served.show(picture([asset(f"pump-{number:03d}") for number in range(40)], kind="live"))
    seen = look()
    seen.find("#filter").fill("PUMP-01")
    expect(seen.find(".card:visible")).to_have_count(10)
    seen.find("#filter").press("Escape")
    expect(seen.find(".card:visible")).to_have_count(40)
    served.show(picture(bench=bench()))
    expect(seen.find("#filter")).to_be_hidden()


def test_the_order_is_the_servers_and_does_not_dance(look: Looks, served: ScriptedPage) -> None:
    names = "() => [...document.querySelectorAll('.card')].map((card) => card.dataset.asset)"
    seen = look()
    expect(seen.find(".card")).to_have_count(4)
    swapped = [asset("pump-2"), asset("pump-1", score=0.29), *map(asset, ASSETS[2:])]
    served.show(picture(swapped))
    expect(seen.card("pump-1")).to_contain_text("0.29")
    assert seen.run(names) == list(ASSETS)
    served.show(picture([alarmed("pump-4"), *map(asset, ASSETS[:3])]))
    expect(seen.find(".card").first).to_contain_text("pump-4")
    assert seen.run(names) == ["pump-4", *ASSETS[:3]]

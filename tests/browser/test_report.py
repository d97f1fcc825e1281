"""The report of a backtest, opened from its file in a real browser."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from browser.opened import Opens, crowd, limit_lines, told
from reporting import a_series, a_trial, an_outcome, labelled, small_trials
from tocsin.core.profile import suit_alerts
from tocsin.tools.backtest.hindsight import add_hindsight
from tocsin.tools.backtest.report.levels import find_levels, make_grid, ring
from tocsin.tools.backtest.trial import Trial, judged_rows
from tocsin_models.metrics import EventTally, find_runs, tally_rows

HOSTILE = '</script><img src=x onerror="window.harmed=true"><b>&amp;\'\u202e{{script}}<!--'
WEEK_S = 604_800
LEAST_CONTRAST = 4.5
RANGE = "() => document.querySelector('#plot-signal').layout.xaxis.range.map(String)"


def test_it_opens_from_its_file_and_draws_everything(open_report: Opens) -> None:
    seen = open_report()
    for plot in ("signal", "score", "lanes", "heat", "tail", "latent"):
        expect(seen.find(f"#plot-{plot} .main-svg").first).to_be_visible()
        assert seen.find(f"#plot-{plot}").get_attribute("aria-label")
    expect(seen.find("#verdict")).to_contain_text("default found all 4 events")
    expect(seen.find(".figures tbody tr")).to_have_count(3)
    expect(seen.find(".figures tbody tr.mute")).to_contain_text("always †")
    expect(seen.find("#table-notes")).to_contain_text("won by knowing nothing")


def test_moving_the_limit_counts_as_the_measures_do(open_report: Opens) -> None:
    seen, grid = open_report(), make_grid(suit_alerts(1))
    expect(seen.find("#limit-value")).to_have_text("1.00")
    for place in (grid.rule.calm_steps, grid.shipped - 9, grid.shipped, len(grid.limits) - 1):
        seen.find("#limit").fill(str(place))
        each = [tally_at(trial, place) for trial in small_trials()]
        both = [each[0], each[0] + each[1]]
        lines = limit_lines(seen)
        assert lines["found"] == [f"{t.hits} of {t.events}" for t in both]
        assert lines["missed"] == [str(t.misses) for t in both]
        assert lines["false"] == [str(t.false_alarms) for t in both]
        assert [told(text) for text in lines["false-weekly"]] == pytest.approx(
            [t.false_alarms * WEEK_S / (200 * (at + 1)) for at, t in enumerate(both)], rel=0.01
        )
        delays = [
            f"{t.median_delay:g}\N{NO-BREAK SPACE}s" if t.hits else "\N{EN DASH}" for t in both
        ]
        assert lines["delay"] == delays
        alarms = [alarms_at(trial, place) for trial in small_trials()]
        counts = [len(find_runs(each)) for each in alarms]
        assert lines["alarms"] == [str(counts[0]), str(sum(counts))]
    seen.find("#limit-back").click()
    expect(seen.find("#limit-value")).to_have_text("1.00")
    expect(seen.find("#limit-notes")).to_contain_text("fitted to them")


def alarms_at(trial: Trial, place: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return the judged rows in alarm of the first detector at a place of the grid."""
    grid, series = make_grid(suit_alerts(1)), trial.series
    levels = find_levels(trial.outcomes["default"][0].score, grid)
    alarm = ring(levels, np.arange(len(levels)), place, grid.rule)
    return alarm[judged_rows(series)]


def a_delay(tally: EventTally) -> str:
    return f"{tally.median_delay:g}\N{NO-BREAK SPACE}s" if tally.hits else "\N{EN DASH}"


def tally_at(trial: Trial, place: int) -> EventTally:
    assert trial.series.label is not None
    return tally_rows(trial.series.label[judged_rows(trial.series)], alarms_at(trial, place))


def test_at_the_shipped_limit_the_slider_says_what_was_rung(open_report: Opens) -> None:
    seen = open_report()
    for name in ("default", "always", "t2-ewma"):
        seen.find("#pick-entrant").select_option(name)
        alarms = [
            find_runs(trial.outcomes[name][0].alarm[judged_rows(trial.series)])
            for trial in small_trials()
        ]
        counts = [str(len(alarms[0])), str(len(alarms[0]) + len(alarms[1]))]
        assert limit_lines(seen)["alarms"] == counts


def test_the_slider_is_moved_by_keys_and_nothing_jumps(open_report: Opens) -> None:
    seen = open_report(viewport={"width": 1440, "height": 900})
    seen.find("#limit").focus()
    seen.watch_shifts()
    for _ in range(5):
        seen.page.keyboard.press("ArrowRight")
    expect(seen.find("#limit-value")).to_have_text("1.15")
    expect(seen.find("#limit")).to_have_attribute("aria-valuetext", "1.15 times the shipped limit")
    expect(seen.find("#plot-lanes .ytick").last).to_have_text("limit \N{MULTIPLICATION SIGN} 1.15")
    assert seen.shifts() == 0


_SHAPES = "() => document.querySelector('#plot-score').layout.shapes"
_NEXT_FRAMES = "() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"


def test_a_limit_that_is_tried_is_one_line_wherever_it_moves(open_report: Opens) -> None:
    seen = open_report()
    before = seen.run(_SHAPES)
    assert before[-1]["visible"] is False
    seen.find("#limit").focus()
    for _ in range(6):
        seen.page.keyboard.press("ArrowRight")
        seen.run(_NEXT_FRAMES)
    after = seen.run(_SHAPES)
    assert after[:-1] == before[:-1]
    tried = float(seen.find("#limit-value").inner_text())
    assert (after[-1]["y0"], after[-1]["y1"]) == pytest.approx((tried, tried), abs=0.01)
    assert after[-1]["visible"] is True
    seen.find("#limit-back").click()
    seen.run(_NEXT_FRAMES)
    assert seen.run(_SHAPES) == [*before[:-1], after[-1] | {"y0": 1, "y1": 1, "visible": False}]


_TAIL_POINTS = """() => {
  const { data, layout } = document.querySelector("#plot-tail");
  const tail = data.find(({ name }) => name === "fitted tail");
  const floor = 10 ** layout.yaxis.range[0];
  return tail ? tail.y.filter((share) => share >= floor).length : 0;
}"""


def test_the_fitted_tail_has_a_key_only_where_it_is_drawn(open_report: Opens) -> None:
    seen, named = open_report(), "fitted tail"
    expect(seen.find("#tail-keys")).to_contain_text(named)
    assert seen.run(_TAIL_POINTS) > 1
    seen.find("#pick-entrant").select_option("t2-ewma")
    expect(seen.find("#tail-keys")).not_to_contain_text(named)
    assert seen.run(_TAIL_POINTS) == 0


@pytest.mark.parametrize(("at", "points"), [(0.5, 2), (1e3, 0)])
def test_a_tail_that_falls_at_once_is_drawn_unless_it_lies_outside(
    open_report: Opens, at: float, points: int
) -> None:
    trial = small_trials()[0]
    outcome = trial.outcomes["default"][0]
    assert outcome.bundle is not None
    calibration = outcome.bundle.calibration
    steep = replace(calibration, threshold=at * calibration.limit, shape=0.0, scale=1e-9)
    told = replace(outcome, bundle=replace(outcome.bundle, calibration=steep))
    seen = open_report(a_trial(trial.series, ours=told))
    assert seen.run(_TAIL_POINTS) == points
    for place, words in (("#tail-keys", "fitted tail"), ("#tail-notes", "The tail begins")):
        assert (words in seen.find(place).inner_text()) == bool(points)


def test_what_looks_ahead_is_marked_wherever_it_is_shown(open_report: Opens) -> None:
    seen = open_report(*map(add_hindsight, small_trials()))
    expect(seen.find("#verdict")).to_contain_text("default found")
    marked = seen.find(".figures tr.ahead")
    expect(marked).to_have_count(1)
    expect(marked.locator("th")).to_contain_text("default (hindsight) ‡")
    expect(marked.locator("th small")).to_have_text("looks ahead")
    expect(marked.locator(".best")).to_have_count(0)
    expect(seen.find("#table-notes")).to_contain_text("‡ default (hindsight) looks ahead: a row is")
    called = "default (hindsight), looks ahead"
    expect(seen.find("#score-keys button").first).to_have_text(called)
    expect(seen.find("#pick-entrant option").nth(1)).to_have_text(called)
    expect(seen.find("#series-said")).not_to_contain_text("ahead")
    seen.find("#pick-entrant").select_option("default (hindsight)")
    expect(seen.find("#series-said")).to_contain_text("It looks ahead.")
    expect(seen.find("#signal-keys")).to_contain_text(f"expected by {called}")
    expect(seen.find("#signal-keys")).not_to_contain_text("as it came")
    expect(seen.find("#timeline-notes")).to_contain_text("Nobody could have rung by it.")
    expect(seen.find("#score-keys")).to_contain_text(called)


def test_series_detectors_and_channels_are_picked(open_report: Opens) -> None:
    seen = open_report()
    expect(seen.find("#series-before")).to_be_disabled()
    seen.find("#series-after").click()
    expect(seen.find("#pick-series")).to_have_value("1")
    expect(seen.find("#series-after")).to_be_disabled()
    seen.find("#pick-series").select_option("plant-0")
    seen.find("#pick-channel").select_option("level")
    expect(seen.find("#plot-signal")).to_have_attribute("aria-label", "level over time")
    seen.find("#pick-entrant").select_option("t2-ewma")
    expect(seen.find("#plot-heat")).to_be_hidden()
    expect(seen.find(".latent")).to_be_hidden()
    expect(seen.find("#signal-keys")).not_to_contain_text("expected")
    seen.find("#pick-entrant").select_option("default")
    expect(seen.find("#plot-heat")).to_be_visible()
    name = seen.find("#plot-heat .ytick").nth(1).text_content()
    seen.find("#plot-heat").click(position={"x": 60, "y": 34})
    expect(seen.find("#plot-signal")).to_have_attribute("aria-label", f"{name} over time")


def test_an_incident_is_looked_at_and_all_of_time_is_seen_again(open_report: Opens) -> None:
    seen = open_report()
    whole = seen.run(RANGE)
    show = seen.find("#incidents button").first
    show.focus()
    seen.page.keyboard.press("Enter")
    close = seen.run(RANGE)
    assert whole[0] < close[0] < close[1] <= whole[1]
    same = "(name) => document.querySelector(`#plot-${name}`).layout.xaxis.range.map(String)"
    assert all(seen.run(same, name) == close for name in ("score", "lanes", "heat"))
    seen.find('[data-move="out"]').click()
    assert seen.run(RANGE) != close
    seen.find('[data-move="all"]').click()
    assert seen.run(RANGE) == whole


def test_dragging_over_a_picture_sees_less_of_time_in_all_of_them(open_report: Opens) -> None:
    seen = open_report(viewport={"width": 1440, "height": 900})
    whole = seen.run(RANGE)
    seen.find("#plot-signal").scroll_into_view_if_needed()
    box = seen.find("#plot-signal .nsewdrag").bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    seen.page.mouse.move(box["x"] + box["width"] * 0.25, y)
    seen.page.mouse.down()
    seen.page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=4)
    seen.page.mouse.up()
    seen.wait_for(f"() => ({RANGE})().join() !== '{','.join(whole)}'")
    near = [float(each) for each in seen.run(RANGE)]
    first, last = map(float, whole)
    assert near == pytest.approx([first + (last - first) * s for s in (0.25, 0.5)], abs=2_000)


def test_scores_of_others_are_drawn_on_demand(open_report: Opens) -> None:
    seen = open_report()
    lines = seen.find("#plot-score .scatterlayer .trace")
    before = lines.count()
    seen.find(".toggle").filter(has_text="t2-ewma").click()
    expect(lines).to_have_count(before + 1)
    expect(seen.find(".toggle").filter(has_text="t2-ewma")).to_be_focused()
    seen.page.keyboard.press("Enter")
    expect(lines).to_have_count(before)


_BEYOND = """() => [...document.querySelectorAll("body *")]
  .filter((node) => node.checkVisibility() && !node.closest("svg, .scroller, .skip"))
  .filter((node) => node.getBoundingClientRect().right > innerWidth + 1)
  .map((node) => node.className || node.tagName)"""


_DRAWN = """(plot) => {
  const drawn = document.querySelector(`#plot-${plot} .main-svg`).getBoundingClientRect();
  return Math.abs(drawn.width - document.querySelector(`#plot-${plot}`).clientWidth) < 1;
}"""


@pytest.mark.parametrize("made", [small_trials, crowd])
def test_nothing_is_wider_than_the_screen(
    open_report: Opens, made: Callable[[], Sequence[Trial]]
) -> None:
    seen = open_report(*made(), viewport={"width": 1440, "height": 800})
    seen.find(".reading summary").click()
    for width in (320, 360, 559, 820, 1100, 1440, 2200):
        seen.page.set_viewport_size({"width": width, "height": 800})
        for plot in ("signal", "heat", "tail"):
            seen.page.wait_for_function(_DRAWN, arg=plot)
        assert seen.run("() => document.documentElement.scrollWidth") <= width
        assert seen.run(_BEYOND) == [], width


_DRAWN_ALARMS = """() => {
  const plot = document.querySelector("#plot-lanes");
  const parts = [...plot.querySelectorAll("path.js-line")].flatMap((each) =>
    (each.getAttribute("d") ?? "").split("M").slice(1));
  return parts.filter((each) => each.includes("L")).length;
}"""


@pytest.mark.parametrize("width", [320, 600, 1280])
def test_no_alarm_is_too_short_to_be_drawn(open_report: Opens, width: int) -> None:
    rows = 1_000
    alarms = an_outcome(*[(at, at + 1) for at in range(400, 1_000, 40)], rows=rows)
    seen = open_report(
        a_trial(a_series(rows, 300), ours=alarms), viewport={"width": width, "height": 800}
    )
    assert seen.run(_DRAWN_ALARMS) == 2 * 15  # once more in the lane of the limit that is tried


def test_the_lowest_score_is_not_below_the_picture(open_report: Opens) -> None:
    told = an_outcome(score=np.linspace(0, 2, 100))
    seen = open_report(a_trial(a_series(), ours=told))
    floor = "10 ** document.querySelector('#plot-score').layout.yaxis.range[0]"
    lowest = "Math.min(...document.querySelector('#plot-score').data[0].y)"
    assert seen.run(f"() => {lowest} > {floor}")


def test_channels_that_begin_alike_are_told_apart_on_a_phone(open_report: Opens) -> None:
    names = ("Accelerometer1RMS", "Accelerometer2RMS")
    seen = open_report(
        a_trial(a_series(channels=names), ours=an_outcome((60, 70))),
        viewport={"width": 390, "height": 800},
    )
    ticks = seen.find("#plot-heat .ytick").all_text_contents()
    assert sorted(ticks) == ["Accel…er1RMS", "Accel…er2RMS"]


def test_the_other_limit_stays_beside_what_happened(open_report: Opens) -> None:
    seen = open_report(viewport={"width": 1280, "height": 900})
    seen.run("() => scrollTo(0, document.body.scrollHeight)")
    edge = "(name) => document.querySelector(name).getBoundingClientRect()"
    assert seen.run(edge, ".limit")["bottom"] <= seen.run(edge, ".incidents")["top"]


def test_names_from_outside_are_only_text(open_report: Opens) -> None:
    series = labelled((50, 60), name=HOSTILE, channels=(HOSTILE, HOSTILE + "2"))
    trial = a_trial(series, **{HOSTILE: an_outcome((55, 58)), "calm": an_outcome()})
    seen = open_report(replace(trial, refusals={HOSTILE: HOSTILE}))
    expect(seen.find(".figures th.own")).to_have_text(HOSTILE)
    expect(seen.find("#pick-channel option").first).to_have_text(HOSTILE)
    assert seen.find("img, main b b, #verdict *").count() == 0
    assert seen.run("() => window.harmed") is None
    assert "<img src=x" in seen.page.title()


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(open_report: Opens, theme: str) -> None:
    seen = open_report(*crowd(), viewport={"width": 1440, "height": 900}, color_scheme=theme)
    places = [
        *("#verdict", "#verdict-more", ".reading summary", ".figures th small", ".figures td"),
        *(".figures .best", ".notes li", ".pick", "#picked", ".key", ".toggle", "#limit-notes"),
        *(".limit-table th", ".limit-table td", ".badge", ".blamed span", ".limit-ends"),
    ]
    for place in places:
        tones = sorted(luminance(tone) for tone in seen.colours(place).values())
        assert (tones[1] + 0.05) / (tones[0] + 0.05) >= LEAST_CONTRAST, place
    paper = luminance(seen.run("() => getComputedStyle(document.documentElement).backgroundColor"))
    assert (paper > 0.5) == (theme == "light")


def test_the_pictures_change_with_the_theme(open_report: Opens) -> None:
    seen = open_report(color_scheme="light")
    colour = "() => document.querySelector('#plot-score').layout.font.color"
    before = seen.run(colour)
    seen.page.emulate_media(color_scheme="dark")
    seen.wait_for(f"() => ({colour})() !== '{before}'")


def test_it_is_printed_on_white_and_goes_on_as_before(open_report: Opens) -> None:
    seen = open_report(color_scheme="dark")
    seen.run("() => dispatchEvent(new Event('beforeprint'))")
    ink = seen.run("() => document.querySelector('#plot-score').layout.font.color")
    assert luminance(ink) < 0.3
    seen.run("() => dispatchEvent(new Event('afterprint'))")
    assert seen.run("() => document.documentElement.dataset.theme ?? null") is None
    ink = seen.run("() => document.querySelector('#plot-score').layout.font.color")
    assert luminance(ink) > 0.3

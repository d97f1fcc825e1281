"""From the log to the screen: the real page on a log in memory, looked at in a real browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page as Tab
from playwright.async_api import async_playwright
from playwright.async_api import expect as expect_soon

from browser.looking import FLAGS
from gallery import (
    KnownPostmark,
    ObedientPlant,
    a_gallery,
    a_log,
    a_policy,
    a_step,
    mark_entry,
    score_entry,
    step_entry,
    windows,
)
from tocsin.core.notices import notice_id
from tocsin.core.records import State, Status


@asynccontextmanager
async def a_tab(chromium: str) -> AsyncIterator[Tab]:
    """Open a tab; in the end it must not have complained of anything."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        tab = await browser.new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        yield tab
        await browser.close()
    assert complaints == []


async def test_what_stands_in_the_log_is_on_the_screen(chromium: str) -> None:
    step, postmark = a_step("alert-1"), KnownPostmark()
    policy = a_policy(kind="demo", receivers={"shift": True})
    async with (
        a_log() as log,
        a_gallery(log, policy, plant=ObedientPlant(), postmark=postmark) as gallery,
        a_tab(chromium) as tab,
    ):
        await tab.goto(gallery.page.url)
        await expect_soon(tab.locator("#assets-empty")).to_contain_text("Nothing has come in yet.")
        unknown = windows("p1", [0.0] * 3, status=Status.NO_MODEL, model="")
        await log.append([score_entry(unknown)])
        await expect_soon(tab.locator(".card")).to_contain_text("No model")
        await log.append([score_entry(windows("p1", [0.2, 0.9, 1.8], first=3))])
        await expect_soon(tab.locator("#now-score")).to_have_text("1.80")
        await expect_soon(tab.locator("#plot-score .main-svg").first).to_be_visible()
        await log.append([step_entry(step)])
        await expect_soon(tab.locator(".alert")).to_contain_text("shift: not delivered yet")
        postmark.held[notice_id("shift", step)] = True
        await log.append([mark_entry(step)])
        told = tab.locator(".alert .told-line")
        await expect_soon(told).to_have_text("shift: delivered, signature verified")
        await tab.locator(".alert > details > summary").click()
        await tab.locator(".told > summary").click()
        await expect_soon(tab.locator(".told pre")).to_contain_text('"alertname": "TocsinAnomaly"')
        await log.append([step_entry(a_step("alert-1", 2, state=State.RESOLVED))])
        await expect_soon(tab.locator(".alert")).to_contain_text("Resolved")
        await tab.locator('.kind[data-kind="shift"]').click()
        await expect_soon(tab.locator(".fate")).to_contain_text("Shift of flow on p1, by you")

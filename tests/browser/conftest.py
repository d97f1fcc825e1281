"""Fixtures: a real Chromium that looks at the page, skipped with the reason where there is none."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from browser.looking import FLAGS, Look
from browser.scenes import picture
from browser.scripted_page import ScriptedPage
from reporting import small_trials
from tocsin.tools.backtest.report import write_report
from tocsin.tools.backtest.trial import Trial


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(names)} is installed")
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A browser for one module: playwright's loop must not be there when other tests run theirs."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def served() -> Iterator[ScriptedPage]:
    """The page, showing a plant of four pumps that are well."""
    with ScriptedPage(picture()) as page:
        yield page


@pytest.fixture
def look(browser: Browser, served: ScriptedPage) -> Iterator[Callable[..., Look]]:
    """Open the page as somebody with a screen of their own; in the end nothing may have gone wrong.

    Arguments are those of a browser's context: viewport, color_scheme, has_touch and so on.
    """
    with ExitStack() as looks:

        def open_page(path: str = "", **screen: Any) -> Look:
            context = looks.enter_context(browser.new_context(**screen))
            found = looks.enter_context(Look(context.new_page(), served.url))
            found.page.goto(served.url + path)
            return found

        yield open_page


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Look]]:
    """Write a report and open its file; in the end nothing may have gone wrong."""
    with ExitStack() as looks:

        def open_file(*trials: Trial, **screen: Any) -> Look:
            path = tmp_path / "report.html"
            write_report(trials or small_trials(), path)
            context = looks.enter_context(browser.new_context(offline=True, **screen))
            seen = looks.enter_context(Look(context.new_page(), path.as_uri()))
            seen.page.goto(path.as_uri())
            seen.find("body[data-drawn]").wait_for()
            return seen

        yield open_file

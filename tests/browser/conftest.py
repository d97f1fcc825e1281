"""Fixtures: a real Chromium that looks at the page, skipped with the reason where there is none."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from browser.looking import FLAGS, Look
from browser.scenes import picture
from browser.scripted_page import ScriptedPage


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

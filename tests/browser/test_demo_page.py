"""The demo from its start, as a visitor sees it in a real browser."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, expect

from browser.looking import Look
from programs import TOCSIN, Program
from servers.servers import free_ports


@contextmanager
def demonstrated(folder: Path) -> Iterator[str]:
    """Run the demo; give its address. In the end it must stop by itself when it is told to."""
    (port,) = free_ports(1)
    command = [str(TOCSIN), "demo", "--no-browser", "--port", str(port)]
    program = Program(command, folder / "said.txt")
    try:
        yield f"http://127.0.0.1:{port}/"
        assert program.stop() == 0
    finally:
        program.kill()


def wait_until_served(url: str, within_s: float = 60.0) -> None:
    end_s = time.monotonic() + within_s
    while True:
        try:
            with urlopen(url):  # noqa: S310 - our own server on loopback
                return
        except OSError:
            assert time.monotonic() < end_s
            time.sleep(0.1)


@pytest.mark.timeout(400)
def test_the_demo_catches_its_own_fault_and_one_of_ours(browser: Browser, tmp_path: Path) -> None:
    with demonstrated(tmp_path) as url:
        wait_until_served(url)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        with context, Look(context.new_page(), url) as seen:
            seen.page.goto(url)
            expect(seen.find(".card")).to_have_count(4, timeout=60_000)
            opened = seen.find(".alert").first
            expect(opened).to_be_visible(timeout=200_000)
            expect(opened).to_contain_text("signature verified", timeout=20_000)
            expect(seen.find(".fate").first).to_contain_text("Caught after")
            expect(seen.find("#story-title")).to_contain_text("Your turn", timeout=60_000)
            expect(seen.find(".model")).to_contain_text(["Scores 4 of 4 assets."])
            seen.find("#bench-asset").select_option("pump-3")
            seen.find("#bench-channel").select_option("flow")
            seen.find('.kind[data-kind="shift"]').click()
            ours = seen.find(".fate").first
            expect(ours).to_contain_text("Shift of flow on pump-3, by you")
            expect(seen.find("#asset-name")).to_have_text("pump-3")
            expect(ours).to_contain_text("Caught after", timeout=60_000)

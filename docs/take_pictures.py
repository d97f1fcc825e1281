"""Takes the pictures of the live page that the papers show: python docs/take_pictures.py.

Runs the demo, waits in a headless Chromium until the first fault was caught, and writes what is
then to be seen under docs/pictures. Needs the development packages and a Chromium (Debian's package
``chromium`` will do); nothing comes from the network.
"""  # noqa: INP001 - a program, not a package

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Browser, Page, sync_playwright

PICTURES = Path(__file__).with_name("pictures")
TOCSIN = Path(sys.executable).with_name("tocsin")
CATCHING_S = 300.0
GROWING_S = 10.0
"""How long the fault is left to grow on the screen once it was caught."""
SPEED = "5"
"""The plant's time against ours: slower than usual, so that the fault is there for all pictures."""
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture: its name, and the screen it is taken of."""

    name: str
    width: int
    height: int
    theme: str
    scale: float = 1.0
    whole: bool = False  # the whole page rather than the screen


MOMENT = [
    Picture("caught-light", 1440, 900, "light", scale=1.5),
    Picture("caught-dark", 1440, 900, "dark", scale=1.5),
    Picture("tablet-light", 820, 1180, "light"),
    Picture("tablet-dark", 820, 1180, "dark"),
    Picture("phone-light", 360, 780, "light", scale=2.0, whole=True),
    Picture("phone-dark", 360, 780, "dark", scale=2.0, whole=True),
]


def main() -> None:
    """Take all pictures."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if chromium is None:
        sys.exit("There is no Chromium: install the package chromium.")
    PICTURES.mkdir(exist_ok=True)
    with demo() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        take(browser, url)
        browser.close()


@contextmanager
def demo() -> Iterator[str]:
    """Run the demo; give the address of its page once that is there."""
    port = free_port()
    command = [str(TOCSIN), "demo", "--no-browser", "--port", str(port), "--speed", SPEED]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
    try:
        url = f"http://127.0.0.1:{port}/"
        wait_until_served(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_until_served(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody answers at an address."""
    while process.poll() is None:
        try:
            with urlopen(url):  # noqa: S310 - our own server on loopback
                return
        except URLError:
            time.sleep(0.1)
    sys.exit("The demo has ended before its page was there.")


def take(browser: Browser, url: str) -> None:
    """Wait until the fault was caught and can be seen well, then take all pictures of it."""
    watching = opened(browser, MOMENT[0], url)
    watching.wait_for_selector('.alert[data-state="open"]', timeout=CATCHING_S * 1_000)
    watching.wait_for_timeout(GROWING_S * 1_000)
    watching.context.close()
    for picture in MOMENT:
        page = opened(browser, picture, url)
        page.wait_for_selector('.alert[data-state="open"]')
        page.wait_for_timeout(500)  # the charts' first drawing
        path = PICTURES / f"{picture.name}.png"
        page.screenshot(path=path, full_page=picture.whole)
        page.context.close()
        sys.stdout.write(f"{path.name}: {path.stat().st_size // 1024} kB\n")


def opened(browser: Browser, picture: Picture, url: str) -> Page:
    """Open the page on a screen of its own."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme="dark" if picture.theme == "dark" else "light",
        device_scale_factor=picture.scale,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("#plot-signal .main-svg", timeout=CATCHING_S * 1_000)
    return page


if __name__ == "__main__":
    main()

"""Somebody who looks at the page: what they see, and what went wrong behind it."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import ConsoleMessage, Error, Locator, Page, Request

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

_SHIFTS = """() => {
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.shifts += entry.value;
  }).observe({ type: "layout-shift", buffered: false });
}"""


class Look:
    """A page in a browser. Once left, it wants to have seen no complaint and no other server.

    Attributes:
        outage: while it is true, requests may fail and the browser may say so.
    """

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        self.outage = False
        self._home = home
        self._complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", self._fail)
        page.on("request", self._ask)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            assert self._complaints == []

    def find(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def card(self, asset: str) -> Locator:
        return self.page.locator(f'.card[data-asset="{asset}"]')

    def wait_for_charts(self) -> None:
        self.find("#plot-signal .main-svg").first.wait_for()
        self.find("#plot-score .main-svg").first.wait_for()

    def run(self, script: str, argument: object = None) -> Any:
        return self.page.evaluate(script, argument)

    def wait_for(self, script: str) -> None:
        """Wait until an expression is true in the page."""
        self.page.wait_for_function(script)

    def watch_shifts(self) -> None:
        """Begin to count how far things move about by themselves."""
        self.run(_SHIFTS)

    def shifts(self) -> float:
        """Return the sum of all layout shifts since `watch_shifts`."""
        return float(self.run("() => window.shifts"))

    def colours(self, selector: str) -> Mapping[str, str]:
        """Return the colour of an element's text, and of what is behind it."""
        found: Mapping[str, str] = self.find(selector).first.evaluate(
            """(node) => {
              let behind = node;
              const clear = (one) => /, 0\\)$/.test(getComputedStyle(one).backgroundColor);
              while (behind.parentElement && clear(behind)) behind = behind.parentElement;
              return {
                text: getComputedStyle(node).color,
                behind: getComputedStyle(behind).backgroundColor,
              };
            }"""
        )
        return found

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning", "trace"} and not self.outage:
            self._complaints.append(f"{message.type}: {message.text}")

    def _fail(self, error: Error) -> None:
        self._complaints.append(f"uncaught: {error}")

    def _ask(self, request: Request) -> None:
        if not request.url.startswith((self._home, "data:")):
            self._complaints.append(f"asked another server: {request.url}")

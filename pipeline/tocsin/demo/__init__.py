"""The demo: a story, all four roles and a receiver of webhooks, in one process on its own log.

Nothing here loads torch before it is needed: the page is there first.
"""

from tocsin.demo.live import LivePolicy, LiveShow, PartFailed, open_live
from tocsin.demo.stage import Show, staged
from tocsin.page.server import CannotListen
from tocsin.tools.live import LIVE

__all__ = [
    "LIVE",
    "CannotListen",
    "LivePolicy",
    "LiveShow",
    "PartFailed",
    "Show",
    "open_live",
    "staged",
]

"""What the page is told by whoever opens it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tocsin.core.notices import NoticeContext
from tocsin.page.files import FOLDER
from tocsin.page.guard import SHORTEST_TOKEN, is_loopback
from tocsin.page.stream import StreamPolicy
from tocsin.page.watch import WatchPolicy


@dataclass(frozen=True, slots=True)
class PagePolicy:
    """What the page shows, and to whom.

    Attributes:
        host: address to listen on.
        port: port to listen on.
        any_port: whether another one will do if that one cannot be had.
        token: what visitors must show; empty if nothing, which is for loopback only.
        kind: "live", or "demo": few assets, which keep their places.
        receivers: who is told of alerts, and whether what they get is signed.
        context: what a notice says of Tocsin itself.
        watch: what is read, and how.
        stream: how visitors are kept.
        folder: the page's own files.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    any_port: bool = False
    token: str = field(default="", repr=False)
    kind: str = "live"
    receivers: Mapping[str, bool] = field(default_factory=dict)
    context: NoticeContext = field(default_factory=NoticeContext)
    watch: WatchPolicy = field(default_factory=WatchPolicy)
    stream: StreamPolicy = field(default_factory=StreamPolicy)
    folder: Path = FOLDER

    def __post_init__(self) -> None:
        if self.token and len(self.token) < SHORTEST_TOKEN:
            raise ValueError(
                f"page.token is too short: take {SHORTEST_TOKEN} characters or more, such as "
                "those that openssl rand -hex 24 prints"
            )
        if not self.token and not is_loopback(self.host):
            where = f"page.host {self.host}" if self.host else "page.host"
            raise ValueError(
                f"{where} can be reached from other machines: set page.token_file, or listen on "
                "127.0.0.1"
            )

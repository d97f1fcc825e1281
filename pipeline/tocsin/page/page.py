"""The live page: a consumer of the log outside of any group, with a small web server."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tocsin.core.profile import Profile
from tocsin.page.board import Board, BoardPolicy
from tocsin.page.forms import Post
from tocsin.page.picture import Picture, PicturePolicy
from tocsin.page.policy import PagePolicy
from tocsin.page.seams import Plant, Postmark
from tocsin.page.server import Exhibits, Server
from tocsin.page.watch import Watch, WatchStatistics
from tocsin.ports import Log, Registry


@dataclass(frozen=True, slots=True)
class PageStatistics:
    """What the page has done since it was made."""

    visitors: int  # now
    pictures: int
    watch: WatchStatistics


class Page:
    """Listens once it is entered, and follows the log while it runs.

    Args:
        log: an entered log.
        registry: the models in it.
        profiles: the kinds of assets.
        policy: what is shown, and to whom.
        clock: the wall clock in ns.
        plant: the plant of a demo, which visitors may break.
        postmark: a receiver that can say whether a signature held.
    """

    def __init__(  # noqa: PLR0913 - the last two are the demo's
        self,
        log: Log,
        registry: Registry,
        profiles: Sequence[Profile],
        policy: PagePolicy,
        clock: Callable[[], int],
        *,
        plant: Plant | None = None,
        postmark: Postmark | None = None,
    ) -> None:
        post = Post(policy.receivers, policy.context, postmark)
        picture = Picture(profiles, post, PicturePolicy(kind=policy.kind))
        names = [profile.name for profile in profiles]
        self._watch = Watch(log, registry, names, picture, policy.watch)
        self._board = Board(picture, plant, clock, BoardPolicy())
        self._server = Server(Exhibits(picture, self._board, post, plant), policy)

    @property
    def url(self) -> str:
        """Where the page is, for a browser on this machine; without the token."""
        return self._server.url

    def statistics(self) -> PageStatistics:
        """Return what was done so far."""
        return PageStatistics(self._board.audience, self._board.number, self._watch.statistics())

    async def __aenter__(self) -> Self:
        """Begin to listen; raises `tocsin.page.server.CannotListen`."""
        await self._server.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._server.close()

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the log and draw what it says until ``stop``; then send everybody away.

        Raises:
            CannotListen: if it was not entered, and the address cannot be had.
        """
        await self._server.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                work = [
                    tasks.create_task(self._watch.run()),
                    tasks.create_task(self._board.run()),
                ]
                await stop.wait()
                await self._server.close()
                for task in work:
                    task.cancel()
        finally:
            await self._server.close()

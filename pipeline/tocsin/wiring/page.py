"""Settings -> the live page, by itself or beside the roles. Loads torch: it reads models."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import structlog

from tocsin.core.notices import NoticeContext
from tocsin.page.page import Page
from tocsin.page.policy import PagePolicy
from tocsin.page.server import CannotListen
from tocsin.page.watch import WatchPolicy
from tocsin.settings import ConfigError, Settings
from tocsin.wiring.checks import check_settings, profiles_of
from tocsin.wiring.models import make_registry
from tocsin.wiring.ports import open_log
from tocsin.wiring.roles import run_roles
from tocsin.wiring.topics import demand_topics
from tocsin_models.inference import settle_threads

log = structlog.get_logger()


def page_policy(settings: Settings) -> PagePolicy:
    """Return what the page shows, and to whom; raises ConfigError if anybody could come in."""
    page, topics = settings.page, settings.topics
    try:
        return PagePolicy(
            page.host,
            page.port,
            token=page.token.get_secret_value(),
            receivers={
                receiver.name: bool(receiver.secret.get_secret_value())
                for receiver in settings.receivers
            },
            context=NoticeContext(settings.external_url, settings.dashboard_url),
            watch=WatchPolicy(topics.scores, topics.alerts, topics.deliveries),
        )
    except ValueError as error:
        raise ConfigError(str(error)) from None


@asynccontextmanager
async def open_page(settings: Settings) -> AsyncIterator[Page]:
    """Enter the page on a log of its own: it listens, and is then to be run.

    Torch then keeps to one thread.

    Raises:
        ConfigError: if the settings do not hold, a topic is missing, or the address is taken.
        Unavailable: if the log is not there; later it is waited for.
    """
    settle_threads()
    policy, profiles = page_policy(settings), profiles_of(settings)
    async with open_log(settings) as log_port:
        await demand_topics(log_port, settings, ["page"])
        registry = make_registry(settings, log_port)
        try:
            async with Page(log_port, registry, profiles, policy, time.time_ns) as page:
                log.info("page_opened", url=page.url)
                yield page
        except CannotListen as error:
            raise ConfigError(str(error)) from None


async def run_page(settings: Settings, stop: asyncio.Event) -> None:
    """Show what roles elsewhere write into the log, until ``stop``; raises as `open_page`."""
    async with open_page(settings) as page:
        log.info("started", roles=["page"])
        await page.run(stop)
        log.info("stopped", roles=["page"])


async def run_roles_with_page(
    settings: Settings, names: Collection[str], stop: asyncio.Event
) -> None:
    """Run roles as `run_roles` does, and the page beside them; where one fails, all end.

    Raises:
        ConfigError: if the settings do not hold, a topic is missing, or the address is taken.
        Unavailable: if the log is not there; later it is waited for.
    """
    check_settings(settings, [*names, "page"])
    async with open_page(settings) as page:
        showing = asyncio.create_task(page.run(stop))
        showing.add_done_callback(lambda _: stop.set())
        try:
            await run_roles(settings, names, stop)
        finally:
            stop.set()
            await showing

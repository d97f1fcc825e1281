"""Settings -> the four roles, at work."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

import structlog

from tocsin.core.notices import NoticeContext
from tocsin.ports import Log
from tocsin.roles.notify import Notify, NotifyPolicy
from tocsin.roles.reporter import Reporter, ReportPolicy
from tocsin.roles.sink import Sink, SinkPolicy
from tocsin.settings import Settings
from tocsin.wiring.checks import check_settings, group_of
from tocsin.wiring.ports import make_store, open_log, open_notifiers
from tocsin.wiring.topics import demand_topics

log = structlog.get_logger()


class Role(Protocol):
    """One of the four: works until it is told to stop."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set."""
        ...

    def statistics(self) -> Any:
        """Return what was done so far."""
        ...


@asynccontextmanager
async def _detect(settings: Settings, log_port: Log) -> AsyncIterator[Role]:
    from tocsin.wiring.models import make_detector  # noqa: PLC0415 - loads torch

    yield make_detector(settings, log_port)


@asynccontextmanager
async def _sink(settings: Settings, log_port: Log) -> AsyncIterator[Role]:
    topics = settings.topics
    policy = SinkPolicy(
        scores=topics.scores,
        alerts=topics.alerts,
        operations=topics.operations,
        dead_letters=topics.dead_letters,
        group=group_of(settings, "sink"),
    )
    async with make_store(settings) as store:
        yield Sink(log_port, store, policy)


@asynccontextmanager
async def _notify(settings: Settings, log_port: Log) -> AsyncIterator[Role]:
    topics, context = settings.topics, NoticeContext(settings.external_url, settings.dashboard_url)
    policy = NotifyPolicy(
        alerts=topics.alerts,
        deliveries=topics.deliveries,
        group=group_of(settings, "notify"),
        context=context,
    )
    async with open_notifiers(settings) as notifiers:
        yield Notify(log_port, notifiers, policy, time.time_ns)


@asynccontextmanager
async def _retrain(settings: Settings, log_port: Log) -> AsyncIterator[Role]:
    from tocsin.wiring.models import make_retrainer  # noqa: PLC0415 - loads torch

    yield make_retrainer(settings, log_port)


ROLES: Mapping[str, Callable[[Settings, Log], AbstractAsyncContextManager[Role]]] = {
    "detect": _detect,
    "sink": _sink,
    "notify": _notify,
    "retrain": _retrain,
}
"""What makes each role, with all that it needs besides the log."""


async def run_roles(
    settings: Settings, names: Collection[str], stop: asyncio.Event
) -> Mapping[str, Any]:
    """Run some of `ROLES` in this process until ``stop``; return their statistics.

    They report of themselves into the log. One that fails stops the others: the process ends, and
    the next start goes on from the checkpoint.

    Raises:
        ConfigError: if the settings do not hold, or a topic is missing.
        Unavailable: if the log is not there at the start; later it is waited for.
    """
    check_settings(settings, names)
    async with AsyncExitStack() as stack:
        log_port = await stack.enter_async_context(open_log(settings))
        await demand_topics(log_port, settings, names)
        roles = {
            name: await stack.enter_async_context(_reported(name, settings, log_port))
            for name in names
        }
        log.info("started", roles=list(roles), log=await log_port.ping())
        await run_together(list(roles.values()), stop)
        log.info("stopped", roles=list(roles))
        return {name: role.statistics() for name, role in roles.items()}


@asynccontextmanager
async def _reported(name: str, settings: Settings, log_port: Log) -> AsyncIterator[Role]:
    policy = ReportPolicy(settings.instance or socket.gethostname(), settings.topics.operations)
    async with ROLES[name](settings, log_port) as role:
        yield Reporter(role, name, log_port, policy, time.time_ns)


async def run_together(roles: Sequence[Role], stop: asyncio.Event) -> None:
    """Run roles side by side until ``stop`` is set or one of them fails."""
    async with asyncio.TaskGroup() as tasks:
        for role in roles:
            tasks.create_task(role.run(stop))

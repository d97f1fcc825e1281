"""What passes and what does not, and how clients are closed when nobody answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaProducer, errors
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tocsin.adapters.kafka.policy import KafkaPolicy
from tocsin.ports import Unavailable

_log = structlog.get_logger()
_Result = TypeVar("_Result")

FAILURES = (KafkaError, OSError, TimeoutError)
"""What a request to Kafka may end with when the world is at fault."""

_BACKOFF_S = 0.2
_PASSING = (
    errors.KafkaTimeoutError,
    errors.KafkaUnavailableError,
    errors.BrokerNotAvailableError,
    errors.ReplicaNotAvailableError,
    errors.UnknownError,
    # A person has to mend these, and nothing may be thrown away until then.
    errors.AuthenticationFailedError,
    errors.AuthenticationMethodNotSupported,
    errors.SaslAuthenticationFailed,
    errors.UnsupportedSaslMechanismError,
    errors.TopicAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
)

_lingering: set[asyncio.Task[None]] = set()


def passes(failure: BaseException) -> bool:
    """Tell whether trying again may help, sooner or later."""
    if isinstance(failure, KafkaError):
        return bool(failure.retriable) or isinstance(failure, _PASSING)
    return isinstance(failure, OSError | TimeoutError)


def unavailable(policy: KafkaPolicy, failure: BaseException) -> Unavailable:
    """Return ``failure`` as what the port raises."""
    return Unavailable(f"Kafka at {policy.bootstrap}: {_words(failure)}")


def _words(failure: BaseException) -> str:
    if isinstance(failure, errors.KafkaConnectionError):
        return "no broker can be reached there"
    if isinstance(failure, TimeoutError) and not str(failure):
        return "no answer in time"
    return str(failure) or type(failure).__name__


async def patiently(policy: KafkaPolicy, attempt: Callable[[], Awaitable[_Result]]) -> _Result:
    """Make a request again and again while Kafka says that it is not ready yet.

    Raises:
        Unavailable: after ``request_timeout_s``.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + policy.request_timeout_s
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                return await attempt()
        except FAILURES as failure:
            if not passes(failure):
                raise
            if loop.time() + _BACKOFF_S >= deadline:
                raise unavailable(policy, failure) from failure
        await asyncio.sleep(_BACKOFF_S)


async def start(policy: KafkaPolicy, client: Any) -> None:
    """Start a client of aiokafka, or close it and raise `Unavailable`."""
    try:
        async with asyncio.timeout(policy.request_timeout_s):
            await client.start()
    except BaseException as failure:
        await close(policy, client)
        if isinstance(failure, FAILURES):
            raise unavailable(policy, failure) from failure
        raise


async def close(policy: KafkaPolicy, client: Any) -> None:
    """Let a client say goodbye for ``close_timeout_s``; after that it does so behind our back.

    With brokers down a goodbye lasts until its requests have timed out.
    """
    task = asyncio.create_task(_say_goodbye(client))
    _lingering.add(task)
    task.add_done_callback(_forget)
    await asyncio.wait({task}, timeout=policy.close_timeout_s)


async def _say_goodbye(client: Any) -> None:
    try:
        await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())
    except BaseException:  # above all, the end of the loop
        network = client.client if isinstance(client, AIOKafkaProducer) else client._client  # noqa: SLF001
        await network.close()
        raise


def _forget(task: asyncio.Task[None]) -> None:
    _lingering.discard(task)
    if not task.cancelled() and (failure := task.exception()):
        _log.warning("kafka_goodbye_failed", reason=str(failure))

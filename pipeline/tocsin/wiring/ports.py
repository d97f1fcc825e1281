"""Settings -> the ports that do without models: log, store, receivers of webhooks."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from tocsin.adapters.embedded import EmbeddedLog, EmbeddedStore, LogPolicy
from tocsin.adapters.influx import InfluxPolicy, InfluxStore
from tocsin.adapters.kafka import KafkaLog, KafkaPolicy
from tocsin.adapters.webhook import WebhookNotifier, WebhookPolicy
from tocsin.core.profile import SECOND_NS
from tocsin.ports import Log, Notifier, PointStore
from tocsin.settings import ConfigError, InfluxSettings, ReceiverSettings, Settings
from tocsin.wiring.topics import declare_topics


def make_log(settings: Settings) -> Log:
    """Return Kafka's log, or the embedded one if no servers are named; to be entered."""
    kafka = settings.kafka
    if not kafka.bootstrap_servers:
        policy = LogPolicy(partitions=settings.topics.partitions, session_ns=kafka.session_timeout)
        _make_folder(settings)
        return EmbeddedLog(settings.data_dir / "log.sqlite", clock=time.time_ns, policy=policy)
    return KafkaLog(
        KafkaPolicy(
            kafka.bootstrap_servers,
            security_protocol=kafka.security_protocol,
            sasl_mechanism=kafka.sasl_mechanism,
            sasl_username=kafka.sasl_username or None,
            sasl_password=kafka.sasl_password.get_secret_value() or None,
            ca_file=kafka.ca_file,
            session_timeout_s=kafka.session_timeout / SECOND_NS,
            replication_factor=kafka.replication_factor,
        )
    )


def make_store(settings: Settings) -> PointStore:
    """Return InfluxDB, or the embedded store if no URL is given; to be entered."""
    if not settings.influx.url:
        _make_folder(settings)
        return EmbeddedStore(settings.data_dir / "points.sqlite")
    return InfluxStore(influx_policy(settings.influx))


def influx_policy(influx: InfluxSettings) -> InfluxPolicy:
    """Return where points go; raises ConfigError if that is nowhere."""
    token, timeout_s = influx.token.get_secret_value(), influx.timeout / SECOND_NS
    try:
        return InfluxPolicy(influx.url, influx.org, influx.bucket, token, timeout_s=timeout_s)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def make_notifier(receiver: ReceiverSettings, clock: Callable[[], int]) -> Notifier:
    """Return one receiver of webhooks; to be entered."""
    return WebhookNotifier(webhook_policy(receiver), clock)


def webhook_policy(receiver: ReceiverSettings) -> WebhookPolicy:
    """Return how a receiver is told; raises ConfigError if its address or secret is none."""
    secret, timeout_s = receiver.secret.get_secret_value(), receiver.timeout / SECOND_NS
    try:
        return WebhookPolicy(receiver.name, receiver.url, secret, timeout_s=timeout_s)
    except ValueError as error:
        raise ConfigError(f"receivers: {error}") from None


@asynccontextmanager
async def open_log(settings: Settings) -> AsyncIterator[Log]:
    """Enter the log.

    The embedded one makes its topics by itself; in Kafka a person does (``tocsin topics create``).
    """
    async with make_log(settings) as log:
        if not settings.kafka.bootstrap_servers:
            await declare_topics(log, settings, create=True)
        yield log


@asynccontextmanager
async def open_notifiers(settings: Settings) -> AsyncIterator[Mapping[str, Notifier]]:
    """Enter all receivers of webhooks; by name."""
    async with AsyncExitStack() as stack:
        notifiers = {
            receiver.name: make_notifier(receiver, time.time_ns) for receiver in settings.receivers
        }
        for notifier in notifiers.values():
            await stack.enter_async_context(notifier)
        yield notifiers


def _make_folder(settings: Settings) -> None:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"data_dir: cannot make {settings.data_dir}: {error.strerror}"
        raise ConfigError(message) from None

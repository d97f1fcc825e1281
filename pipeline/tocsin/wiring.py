"""Settings -> objects. The one place that knows every room of the house."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from tocsin.adapters.embedded import EmbeddedLog, EmbeddedStore, LogPolicy
from tocsin.adapters.influx import InfluxPolicy, InfluxStore
from tocsin.adapters.kafka import KafkaLog, KafkaPolicy
from tocsin.adapters.registry import LogRegistry
from tocsin.adapters.webhook import WebhookNotifier, WebhookPolicy
from tocsin.core.challenge import ChallengePolicy
from tocsin.core.engine import Engine
from tocsin.core.lessons import LessonPolicy
from tocsin.core.notices import NoticeContext
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.ports import Log, Notifier, PointStore, Registry, TopicSpec
from tocsin.roles.detect import Detector, DetectPolicy
from tocsin.roles.notify import Notify, NotifyPolicy
from tocsin.roles.outputs import Topics
from tocsin.roles.retrain import Retrainer, RetrainPolicy
from tocsin.roles.sink import Sink, SinkPolicy
from tocsin.settings import ConfigError, ReceiverSettings, Settings
from tocsin_models.calibration import CalibrationPolicy
from tocsin_models.inference import use_one_thread
from tocsin_models.learning import Recipe
from tocsin_models.networks import NetworkPolicy
from tocsin_models.training import Progress, TrainingPolicy

log = structlog.get_logger()

ROLES = ("detect", "sink", "notify", "retrain")
_DAY_NS = 86_400 * SECOND_NS
_WEEK_NS = 7 * _DAY_NS


class Role(Protocol):
    """One of the four: works until it is told to stop."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set."""
        ...

    def statistics(self) -> Any:
        """Return what was done so far."""
        ...


@dataclass(frozen=True, slots=True)
class Outside:
    """The ports, entered."""

    log: Log
    registry: Registry
    store: PointStore | None = None
    notifiers: Mapping[str, Notifier] | None = None


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """Return all topics as Tocsin wants them."""
    names, partitions = settings.topics, settings.topics.partitions
    return [
        TopicSpec(names.readings, partitions),
        TopicSpec(names.scores, partitions, retention_ns=_WEEK_NS),
        TopicSpec(names.alerts, partitions, retention_ns=_WEEK_NS),
        TopicSpec(names.dead_letters, 1, retention_ns=2 * _WEEK_NS),
        TopicSpec(names.state, partitions, compacted=True),
        TopicSpec(names.models, 1, compacted=True),
        TopicSpec(names.deliveries, 1, compacted=True),
    ]


def profiles_of(settings: Settings) -> list[Profile]:
    """Return the profiles; raises ConfigError if there are none."""
    if not settings.profiles:
        raise ConfigError(
            'profiles: there are none; add [[profiles]] with channels = ["…"] to the settings file'
        )
    return [profile.profile() for profile in settings.profiles]


def make_log(settings: Settings) -> Log:
    """Return Kafka's log, or the embedded one if no servers are named; to be entered."""
    kafka = settings.kafka
    if not kafka.bootstrap_servers:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        policy = LogPolicy(partitions=settings.topics.partitions, session_ns=kafka.session_timeout)
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
    influx = settings.influx
    if not influx.url:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        return EmbeddedStore(settings.data_dir / "points.sqlite")
    return InfluxStore(
        InfluxPolicy(
            influx.url,
            influx.org,
            influx.bucket,
            influx.token.get_secret_value(),
            timeout_s=influx.timeout / SECOND_NS,
        )
    )


def make_notifier(receiver: ReceiverSettings, clock: Callable[[], int]) -> WebhookNotifier:
    """Return one receiver of webhooks; to be entered."""
    try:
        policy = WebhookPolicy(
            receiver.name,
            receiver.url,
            receiver.secret.get_secret_value(),
            timeout_s=receiver.timeout / SECOND_NS,
        )
    except ValueError as error:
        raise ConfigError(f"receivers: {error}") from None
    return WebhookNotifier(policy, clock)


@asynccontextmanager
async def outside(settings: Settings, *wanted: str) -> AsyncIterator[Outside]:
    """Enter the log and the registry, and the other ports that ``wanted`` roles need.

    The embedded log makes its topics by itself; in Kafka a person does (``tocsin topics create``).
    """
    async with AsyncExitStack() as stack:
        log_port = await stack.enter_async_context(make_log(settings))
        if not settings.kafka.bootstrap_servers:
            await log_port.declare(topic_specs(settings), create=True)
        registry = await stack.enter_async_context(LogRegistry(log_port, settings.topics.models))
        store = None
        if "sink" in wanted:
            store = await stack.enter_async_context(make_store(settings))
        notifiers: dict[str, Notifier] = {}
        for receiver in settings.receivers if "notify" in wanted else []:
            notifier = make_notifier(receiver, time.time_ns)
            notifiers[receiver.name] = await stack.enter_async_context(notifier)
        yield Outside(log_port, registry, store, notifiers)


def topics_of(settings: Settings) -> Topics:
    """Return the topics' names."""
    names = settings.topics
    return Topics(
        names.readings,
        names.scores,
        names.alerts,
        names.state,
        names.dead_letters,
        names.models,
        names.deliveries,
    )


def recipe_of(settings: Settings) -> Recipe:
    """Return how models are learned."""
    train = settings.train
    return Recipe(
        NetworkPolicy(hidden=train.hidden, latent=train.latent),
        TrainingPolicy(seed=train.seed, epochs=train.epochs),
        CalibrationPolicy(budget=train.budget),
    )


def make_role(
    name: str,
    settings: Settings,
    ports: Outside,
    progress: Callable[[str, Progress], None] | None = None,
) -> Role:
    """Return one of `ROLES`."""
    topics = topics_of(settings)
    if name == "detect":
        lease_s = settings.kafka.session_timeout / SECOND_NS * 0.9
        policy = DetectPolicy(topics=topics, lease_s=lease_s)
        return Detector(ports.log, ports.registry, Engine(profiles_of(settings)), policy)
    if name == "sink":
        if ports.store is None:
            raise ValueError("the sink needs a store")
        names = SinkPolicy(
            scores=topics.scores, alerts=topics.alerts, dead_letters=topics.dead_letters
        )
        return Sink(ports.log, ports.store, names)
    if name == "notify":
        context = NoticeContext(external_url=settings.external_url)
        notify = NotifyPolicy(alerts=topics.alerts, deliveries=topics.deliveries, context=context)
        return Notify(ports.log, ports.notifiers or {}, notify, time.time_ns)
    if name == "retrain":
        return Retrainer(
            ports.log, ports.registry, profiles_of(settings), retraining(settings), progress
        )
    raise ValueError(f"{name}: there is no such role; there are {', '.join(ROLES)}")


def retraining(settings: Settings) -> RetrainPolicy:
    """Return when and how the retrainer learns."""
    retrain = settings.retrain
    return RetrainPolicy(
        topics=topics_of(settings),
        lessons=LessonPolicy(history_ns=retrain.history),
        challenge=ChallengePolicy(recipe_of(settings)),
        first_windows=retrain.first_windows,
        every_ns=retrain.every,
    )


async def run_roles(
    settings: Settings, names: Collection[str], stop: asyncio.Event
) -> Mapping[str, Any]:
    """Run roles in this process until ``stop``; return their statistics.

    One that fails stops the others: the process ends, and the next start goes on from the
    checkpoint.
    """
    async with outside(settings, *names) as ports:
        roles = {name: make_role(name, settings, ports) for name in names}
        log.info("started", roles=list(roles), log=await ports.log.ping())
        await run_together(list(roles.values()), stop)
        log.info("stopped", roles=list(roles))
        return {name: role.statistics() for name, role in roles.items()}


async def run_together(roles: Sequence[Role], stop: asyncio.Event) -> None:
    """Run roles side by side until ``stop`` is set or one of them fails."""
    use_one_thread()
    async with asyncio.TaskGroup() as tasks:
        for role in roles:
            tasks.create_task(role.run(stop))

"""The topics: which there are, how they should be, and who cannot do without which."""

from collections.abc import Collection, Mapping, Sequence

from tocsin.core.profile import SECOND_NS
from tocsin.ports import Log, TopicFinding, TopicSpec
from tocsin.settings import ConfigError, Settings, TopicSettings

_WEEK_NS = 7 * 86_400 * SECOND_NS

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "detect": ("readings", "scores", "alerts", "state", "dead_letters", "models", "operations"),
    "sink": ("scores", "alerts", "dead_letters", "operations"),
    "notify": ("alerts", "deliveries", "operations"),
    "retrain": ("readings", "scores", "alerts", "models", "operations"),
    "page": ("scores", "alerts", "deliveries", "models"),
    "registry": ("models",),
    "readings": ("readings",),
}


def topic_specs(names: TopicSettings, partitions: int) -> list[TopicSpec]:
    """Return all topics as Tocsin wants them beside ``partitions`` of readings."""
    return [
        TopicSpec(names.readings, partitions),
        TopicSpec(names.scores, partitions, retention_ns=_WEEK_NS),
        TopicSpec(names.alerts, partitions, retention_ns=_WEEK_NS),
        TopicSpec(names.dead_letters, 1, retention_ns=2 * _WEEK_NS),
        TopicSpec(names.state, partitions, compacted=True),
        TopicSpec(names.models, 1, compacted=True),
        TopicSpec(names.deliveries, 1, compacted=True),
        TopicSpec(names.operations, 1, retention_ns=_WEEK_NS),
    ]


async def declare_topics(log: Log, settings: Settings, *, create: bool) -> Sequence[TopicFinding]:
    """Compare the topics with what is wanted, and create the missing ones if ``create``.

    A topic of readings that is there already decides how many partitions the others need.
    """
    names = settings.topics
    partitions = await log.partitions(names.readings) or names.partitions
    return await log.declare(topic_specs(names, partitions), create=create)


async def demand_topics(log: Log, settings: Settings, users: Collection[str]) -> None:
    """Make sure that what ``users`` cannot do without is there.

    Args:
        log: an entered log.
        settings: how the topics are called.
        users: roles, or "registry", or "readings" for whoever only sends some.

    Raises:
        ConfigError: if a topic is missing, or has too few partitions; says what to do.
    """
    needed = list(dict.fromkeys(key for user in users for key in _NEEDED[user]))
    names = {key: str(getattr(settings.topics, key)) for key in needed}
    counts = {key: await log.partitions(name) for key, name in names.items()}
    missing = [names[key] for key in needed if not counts[key]]
    if missing:
        topics = "topic" if len(missing) == 1 else "topics"
        there = await log.ping()
        raise ConfigError(f"no {topics} {', '.join(missing)} in {there}: tocsin topics create")
    if "detect" in users:
        _check_outputs(names, counts)


def _check_outputs(names: Mapping[str, str], counts: Mapping[str, int]) -> None:
    for key in ("scores", "alerts", "state"):
        if counts[key] < counts["readings"]:
            raise ConfigError(
                f"topic {names[key]} has {counts[key]} partitions and {names['readings']} has "
                f"{counts['readings']}: give it as many"
            )

"""Topics as they are wanted, as they are, and what to do about it."""

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka.admin import NewTopic

from tocsin.adapters.kafka.cluster import Cluster, TopicShape
from tocsin.adapters.kafka.policy import KafkaPolicy, milliseconds
from tocsin.ports import TopicFinding, TopicSpec, Unavailable

_LOOK_S = 0.05


async def declare(
    cluster: Cluster, specs: Sequence[TopicSpec], *, create: bool
) -> Sequence[TopicFinding]:
    """Compare topics with what is there, and create the missing ones if ``create``.

    ``partitions=0`` means as many as the first topic of ``specs`` has or will have.
    """
    names = [spec.name for spec in specs]
    shapes = await cluster.shapes(names)
    missing = [spec for spec in specs if spec.name not in shapes] if create else []
    if missing:
        leading = _leading(specs, shapes)
        await cluster.create([_new_topic(cluster.policy, spec, leading) for spec in missing])
        shapes = await _appearance(cluster, names)
    created = {spec.name for spec in missing}
    return [
        TopicFinding(spec.name, "created")
        if spec.name in created
        else _compare(cluster.policy, spec, shapes, _leading(specs, shapes))
        for spec in specs
    ]


async def _appearance(cluster: Cluster, names: Sequence[str]) -> Mapping[str, TopicShape]:
    """Return the shapes of topics that were just created, once the brokers know them."""
    try:
        async with asyncio.timeout(cluster.policy.request_timeout_s):
            while True:
                shapes = await cluster.shapes(names)
                if len(shapes) == len(set(names)):
                    return shapes
                await asyncio.sleep(_LOOK_S)
    except TimeoutError as failure:
        raise Unavailable(f"topics were created and did not appear: {names}") from failure


def _leading(specs: Sequence[TopicSpec], shapes: Mapping[str, TopicShape]) -> int:
    first = shapes.get(specs[0].name) if specs else None
    if first is not None:
        return first.partitions
    return specs[0].partitions if specs else 0


def _new_topic(policy: KafkaPolicy, spec: TopicSpec, leading: int) -> NewTopic:
    settings = {"cleanup.policy": "compact" if spec.compacted else "delete"}
    if spec.compacted:
        settings["min.compaction.lag.ms"] = str(milliseconds(policy.compaction_lag_s))
    if spec.retention_ns is not None:
        settings["retention.ms"] = str(spec.retention_ns // 1_000_000)
    partitions = spec.partitions or leading or -1  # -1: the brokers' default
    usual = -1 in (partitions, policy.replication_factor)
    return NewTopic(
        spec.name,
        partitions,
        policy.replication_factor,
        replica_assignments={} if usual else None,  # what aiokafka wants to see beside a -1
        topic_configs=settings,
    )


def _compare(
    policy: KafkaPolicy, spec: TopicSpec, shapes: Mapping[str, TopicShape], leading: int
) -> TopicFinding:
    shape = shapes.get(spec.name)
    if shape is None:
        return TopicFinding(spec.name, "missing")
    detail = "; ".join(_differences(policy, spec, shape, leading))
    return TopicFinding(spec.name, "different" if detail else "present", detail)


def _differences(
    policy: KafkaPolicy, spec: TopicSpec, shape: TopicShape, leading: int
) -> list[str]:
    found = []
    wanted = spec.partitions or leading
    if wanted and shape.partitions != wanted:
        found.append(f"has {shape.partitions} partitions, wanted {wanted}")
    if shape.compacted != spec.compacted:
        words = ("deleted by age", "compacted")
        found.append(f"is {words[shape.compacted]}, wanted {words[spec.compacted]}")
    if spec.retention_ns is not None and shape.retention_ms != spec.retention_ns // 1_000_000:
        wanted_ms = spec.retention_ns // 1_000_000
        found.append(f"keeps entries for {shape.retention_ms} ms, wanted {wanted_ms}")
    if shape.max_bytes > policy.fetch_bytes:
        found.append(f"takes batches of {shape.max_bytes} bytes, more than the fetch_bytes here")
    return found

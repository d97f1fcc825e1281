"""Creating topics and comparing them with what is wanted: SQL for the database's thread."""

import sqlite3
from collections.abc import Sequence

from tocsin.adapters.embedded.database import writing
from tocsin.adapters.embedded.entries import Catalog, Topic
from tocsin.adapters.embedded.policy import LogPolicy
from tocsin.ports import TopicFinding, TopicSpec


def declare(
    connection: sqlite3.Connection, catalog: Catalog, specs: Sequence[TopicSpec], policy: LogPolicy
) -> list[TopicFinding]:
    """Create the topics that are missing, and say of all what was found."""
    with writing(connection):
        leading = _leading(connection, catalog, specs) or policy.partitions
        missing = [spec for spec in specs if catalog.find(connection, spec.name) is None]
        for spec in missing:
            _create(connection, spec, spec.partitions or leading)
    created = {spec.name for spec in missing}
    return [
        TopicFinding(found.name, "created") if found.name in created else found
        for found in compare(connection, catalog, specs)
    ]


def compare(
    connection: sqlite3.Connection, catalog: Catalog, specs: Sequence[TopicSpec]
) -> list[TopicFinding]:
    """Say of each topic whether it is there and as it is wanted."""
    leading = _leading(connection, catalog, specs)
    findings = []
    for spec in specs:
        topic = catalog.find(connection, spec.name)
        if topic is None:
            findings.append(TopicFinding(spec.name, "missing"))
            continue
        detail = "; ".join(_differences(topic, spec, spec.partitions or leading))
        findings.append(TopicFinding(spec.name, "different" if detail else "present", detail))
    return findings


def _differences(topic: Topic, spec: TopicSpec, partitions: int) -> list[str]:
    found = []
    if partitions and len(topic.places) != partitions:
        found.append(f"has {len(topic.places)} partitions, wanted {partitions}")
    if topic.compacted != spec.compacted:
        words = ("deleted by age", "compacted")
        found.append(f"is {words[topic.compacted]}, wanted {words[spec.compacted]}")
    if spec.retention_ns is not None and topic.retention_ns != spec.retention_ns:
        found.append(f"keeps entries for {topic.retention_ns} ns, wanted {spec.retention_ns}")
    return found


def _leading(connection: sqlite3.Connection, catalog: Catalog, specs: Sequence[TopicSpec]) -> int:
    """Return how many partitions the first topic of ``specs`` has or should have."""
    if not specs:
        return 0
    first = catalog.find(connection, specs[0].name)
    return specs[0].partitions if first is None else len(first.places)


def _create(connection: sqlite3.Connection, spec: TopicSpec, partitions: int) -> None:
    connection.execute(
        "INSERT INTO topics VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (spec.name, spec.compacted, spec.retention_ns),
    )
    connection.executemany(
        "INSERT INTO places (topic, partition) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [(spec.name, partition) for partition in range(partitions)],
    )

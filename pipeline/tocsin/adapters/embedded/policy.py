"""What the embedded log is told about its limits."""

from dataclasses import dataclass

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """Limits of an embedded log; the defaults are Kafka's where Kafka has one.

    Attributes:
        partitions: of a topic that asks for as many as a topic that is not there.
        session_ns: a member that has not polled for so long loses its places to the others.
        retention_ns: age at which entries of topics without a retention of their own go; None
            keeps them for ever.
        retention_bytes: size per partition above which the oldest entries go; None for no limit.
        tombstone_ns: how long the news that a key is gone is kept in compacted topics.
        entry_bytes: key, value and headers of one entry must fit.
        sweep_ns: how often old entries are looked for.
    """

    partitions: int = 1
    session_ns: int = 10 * SECOND_NS
    retention_ns: int | None = 7 * 24 * 3600 * SECOND_NS
    retention_bytes: int | None = None
    tombstone_ns: int = 24 * 3600 * SECOND_NS
    entry_bytes: int = 1 << 20
    sweep_ns: int = 10 * SECOND_NS

"""Where Kafka is, and how its clients behave."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class KafkaPolicy:
    """Where Kafka is, and how its clients behave.

    Attributes:
        bootstrap: ``host:port`` of some brokers, with commas between them.
        security_protocol: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
        sasl_mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
        sasl_username: for SASL.
        sasl_password: never shown.
        ca_file: certificates to trust; None: the system's.
        session_timeout_s: a member silent for so long loses its places to the others.
        rebalance_timeout_s: how long a member may take to notice that the group changes.
        request_timeout_s: after which one request, with its repetitions, counts as `Unavailable`.
        append_timeout_s: the same for one append.
        close_timeout_s: how long each client may take to say goodbye.
        stall_s: reading nothing for so long although there is something means that the client is
            stuck, which stops the process.
        fetch_bytes: of one partition per fetch; not less than any topic's ``max.message.bytes``.
        batch_bytes: entries of one partition are written together up to this size.
        entry_bytes: of one entry with its envelope, where the topic does not tell; Kafka's
            default.
        compression: of what is written: gzip, snappy, lz4, zstd or None.
        replication_factor: of the topics that are created; -1: the brokers' default.
        compaction_lag_s: how long compacted topics keep every entry, not only the last of a key.
    """

    bootstrap: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    session_timeout_s: float = 10.0
    rebalance_timeout_s: float = 60.0
    request_timeout_s: float = 10.0
    append_timeout_s: float = 30.0
    close_timeout_s: float = 5.0
    stall_s: float = 60.0
    fetch_bytes: int = 2 << 20
    batch_bytes: int = 256 << 10
    entry_bytes: int = 1_048_588
    compression: str | None = None
    replication_factor: int = -1
    compaction_lag_s: float = 24 * 3600.0


def connection(policy: KafkaPolicy) -> dict[str, Any]:
    """Return what every client needs to reach the brokers."""
    encrypted = policy.security_protocol.endswith("SSL")
    return {
        "bootstrap_servers": policy.bootstrap,
        "client_id": "tocsin",
        "security_protocol": policy.security_protocol,
        "ssl_context": ssl.create_default_context(cafile=policy.ca_file) if encrypted else None,
        "sasl_mechanism": policy.sasl_mechanism,
        "sasl_plain_username": policy.sasl_username,
        "sasl_plain_password": policy.sasl_password,
        "request_timeout_ms": milliseconds(policy.request_timeout_s),
    }


def milliseconds(seconds: float) -> int:
    """Return ``seconds`` as Kafka wants them."""
    return round(seconds * 1000)

"""A real Kafka for a benchmark: the one that the tests start."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from servers.install import MissingServer
from servers.servers import KafkaServer

__all__ = ["MissingServer", "running_kafka"]


@contextmanager
def running_kafka() -> Iterator[str]:
    """Run a broker of its own and give its address; raises `MissingServer` where there is none."""
    with (
        tempfile.TemporaryDirectory(prefix="tocsin-bench-", ignore_cleanup_errors=True) as folder,
        KafkaServer(Path(folder)) as server,
    ):
        yield server.bootstrap

"""Real servers that a test starts, kills, and starts again on the same data and ports.

Every server runs in a process group of its own under a guard (`guard.py`) that ends it when the
tests end, however they end. The methods block: call them with `asyncio.to_thread` where a loop
runs.
"""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from servers import install

GUARD = Path(__file__).with_name("guard.py")
START_S = 50.0
STOP_S = 15.0


class Server(ABC):
    """One process, its folder, its log and the port that it serves."""

    port: int

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command line; what it needs on disk is there afterwards."""

    @abstractmethod
    def ready(self) -> bool:
        """Tell whether clients are served."""

    def environment(self) -> Mapping[str, str]:
        """Return variables for the process, besides ours."""
        return {}

    def start(self) -> None:
        """Start on the data and the ports of last time; return when clients are served."""
        command = [sys.executable, str(GUARD), *self.command()]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # the guard sees it close when we are gone
                stdout=log,
                stderr=log,
                env=os.environ | dict(self.environment()),
                start_new_session=True,
            )
        self._await_ready()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while not self.ready():
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"{type(self).__name__} ended at once:\n{self._last_words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"no answer in {START_S:.0f} s:\n{self._last_words()}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it with SIGKILL, as a power cut would; the data stays."""
        self._end(signal.SIGKILL, STOP_S)

    def stop(self) -> None:
        """Ask it to end, and wait; the data stays."""
        self._end(signal.SIGTERM, STOP_S)

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen server go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _end(self, number: int, patience_s: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            if process.poll() is None:
                os.killpg(process.pid, number)
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        finally:
            if process.stdin:
                process.stdin.close()
        while listens(self.port):  # the system is still taking the process apart
            time.sleep(0.01)

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


class KafkaServer(Server):
    """One Apache Kafka broker, its own controller. Topics are not made by themselves."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.home = install.kafka_home()
        self.port, self._controller_port = free_ports(2)
        self.bootstrap = f"127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        settings = self.directory / "kafka.properties"
        if not settings.exists():
            lines = (f"{name}={value}" for name, value in self.settings().items())
            settings.write_text("\n".join(lines))
            cluster = ["-t", "dG9jc2luLXRvY3Npbi10bw", "-c", str(settings)]
            self._format(["format", *cluster])
        return [str(self.home / "bin" / "kafka-server-start.sh"), str(settings)]

    def environment(self) -> Mapping[str, str]:
        return {
            "KAFKA_HEAP_OPTS": "-Xms128m -Xmx384m",
            "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
            "LOG_DIR": str(self.directory / "logs"),
        }

    def ready(self) -> bool:
        if not listens(self.port):
            return False
        with ThreadPoolExecutor(1) as pool:  # a loop may be running in this thread
            return pool.submit(asyncio.run, answers(self.bootstrap)).result()

    def _format(self, arguments: list[str]) -> None:
        tool = str(self.home / "bin" / "kafka-storage.sh")
        environment = os.environ | dict(self.environment())
        subprocess.run([tool, *arguments], check=True, capture_output=True, env=environment)

    def settings(self) -> dict[str, object]:
        """Return the broker's settings."""
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self.directory / "data",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            "auto.create.topics.enable": "false",
        }


async def answers(bootstrap: str) -> bool:
    """Tell whether a broker at ``bootstrap`` is a member of its own cluster."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=2000)
    try:
        await admin.start()
        return bool((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await admin.close()


class InfluxServer(Server):
    """One InfluxDB 2 with an organisation, a bucket and a token."""

    org = "tocsin"
    bucket = "sensors"
    token = "loopback-only"  # noqa: S105 - opens nothing but this test server

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._influxd = install.influxd()
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [
            str(self._influxd),
            "--reporting-disabled",
            f"--http-bind-address=127.0.0.1:{self.port}",
            f"--bolt-path={self.directory / 'influxd.bolt'}",
            f"--sqlite-path={self.directory / 'influxd.sqlite'}",
            f"--engine-path={self.directory / 'engine'}",
        ]

    def start(self) -> None:
        super().start()
        if self.request("GET", "/api/v2/setup")["allowed"]:
            owner = {"username": "tocsin", "password": self.token, "token": self.token}
            self.request("POST", "/api/v2/setup", owner | {"org": self.org, "bucket": self.bucket})

    def ready(self) -> bool:
        try:
            return bool(self.request("GET", "/health")["status"] == "pass")
        except (urllib.error.URLError, OSError):
            return False

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Ask the server, as its owner; return its JSON."""
        request = urllib.request.Request(  # noqa: S310 - http to the loopback
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")


def free_ports(count: int) -> list[int]:
    """Return free ports of the loopback.

    They lie below the range that outgoing connections take theirs from: else one of those could
    sit on a port while its server is down.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().randint(15_000, 32_000)
        if port not in found and not listens(port):
            found.append(port)
    return found


def listens(port: int) -> bool:
    """Tell whether something takes connections at a port of the loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

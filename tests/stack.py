"""The stack of docker/compose.yaml without Docker: its programs, its settings, real servers.

Every service of our image runs as a process of this machine, with the command and the environment
that stand in compose.yaml, in the order that stands there. Kafka and InfluxDB are the real ones of
these tests, with the settings that stand there too. Replaced is only what Docker's network and
volumes would give: where servers are, which port is free, and the folders that are mounted.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path

from compose import DOCKER, environment, is_ours, mounts, needs, runs_once, services, started, words
from programs import TOCSIN, Program
from servers.running import running
from servers.servers import InfluxServer, KafkaServer, Server, free_ports
from tocsin.adapters.influx import InfluxPolicy

ONCE_S = 90.0
"""How long a service that runs once may take."""

HEALTHY = DOCKER / "healthy.py"


class StackKafka(KafkaServer):
    """Kafka with the settings that stand in compose.yaml, at addresses of this machine."""

    def settings(self) -> dict[str, object]:
        given = environment(services()["kafka"])
        known = {
            name.removeprefix("KAFKA_").lower().replace("_", "."): value
            for name, value in given.items()
            if name.startswith("KAFKA_") and name != "KAFKA_HEAP_OPTS"
        }
        ours = super().settings()
        voter = str(ours["controller.quorum.voters"])
        known["listeners"] = f"PLAINTEXT://{self.bootstrap},CONTROLLER://{voter.partition('@')[2]}"
        places = ("advertised.listeners", "controller.quorum.voters", "log.dirs")
        return known | {name: ours[name] for name in places}


class StackInflux(InfluxServer):
    """InfluxDB, set up as its image would with what stands in compose.yaml."""

    def start(self) -> None:
        """Start without any set-up: `set_up` does that."""
        Server.start(self)

    def set_up(self, given: Mapping[str, str]) -> None:
        """Make user, organisation, bucket and the first token."""
        init = {name.removeprefix("DOCKER_INFLUXDB_INIT_"): given[name] for name in given}
        self.org, self.bucket = init["ORG"], init["BUCKET"]
        self.token = Path(init["ADMIN_TOKEN_FILE"]).read_text().strip()
        owner = {
            "username": init["USERNAME"],
            "password": Path(init["PASSWORD_FILE"]).read_text().strip(),
            "token": self.token,
            "org": self.org,
            "bucket": self.bucket,
            "retentionPeriodSeconds": int(init["RETENTION"].removesuffix("d")) * 86_400,
        }
        self.request("POST", "/api/v2/setup", owner)


@dataclass(slots=True)
class Stack:
    """The stack at work.

    Attributes:
        folder: its volumes, and what its programs say.
        kafka: where readings come in.
        influx: where points are.
        page_port: where the page is.
        programs: the services that run on, by name.
    """

    folder: Path
    kafka: StackKafka
    influx: StackInflux
    page_port: int
    programs: dict[str, Program] = field(default_factory=dict)

    def reader(self) -> InfluxPolicy:
        """Return where Grafana reads, with the token that it has."""
        influx, token = self.influx, self.secret("grafana-secrets", "influx-token")
        return InfluxPolicy(influx.url, influx.org, influx.bucket, token)

    def secret(self, volume: str, name: str) -> str:
        return (self.folder / volume / name).read_text().strip()

    def call(self, service: str, *command: str) -> str:
        """Run a service's command, or another one in its place, to its end; return its output."""
        line = self._line(service, command or words(services()[service]))
        done = subprocess.run(line, capture_output=True, text=True, timeout=ONCE_S, check=False)
        assert done.returncode == 0, f"{service} ended with {done.returncode}:\n{done.stderr}"
        return done.stdout

    def begin(self, service: str) -> Program:
        """Start a service."""
        line = self._line(service, words(services()[service]))
        self.programs[service] = Program(line, self.folder / f"{service}.log")
        return self.programs[service]

    def said(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text()

    def healthy(self, service: str) -> bool:
        """Run a service's health check."""
        _, *_, target = services()[service]["healthcheck"]["test"]
        done = subprocess.run(
            [sys.executable, "-I", HEALTHY, self._here(service, target)], check=False
        )
        return done.returncode == 0

    def surroundings(self, service: str) -> Mapping[str, str]:
        """Return a service's environment, with what is here in the place of what is there."""
        given = environment(services()[service])
        return {name: self._here(service, str(value)) for name, value in given.items()}

    def _line(self, service: str, command: Sequence[str]) -> list[str]:
        others = [name for name in os.environ if name.startswith("TOCSIN_")]
        given = self.surroundings(service)
        return [
            "env",
            *(part for name in others for part in ("-u", name)),
            *(f"{name}={value}" for name, value in given.items()),
            str(TOCSIN),
            *(self._here(service, word) for word in command),
        ]

    def _here(self, service: str, text: str) -> str:
        """Return ``text`` with addresses and folders of this machine."""
        places = {
            "kafka:19092": self.kafka.bootstrap,
            "http://influxdb:8086": self.influx.url,
            "8765": str(self.page_port),
            "0.0.0.0": "127.0.0.1",  # noqa: S104 - which it replaces
            "/etc/tocsin/tocsin.toml": str(DOCKER / "tocsin.toml"),
        }
        for target, (source, _) in mounts(services()[service]).items():
            places[f"{target}/"] = f"{self.folder / source}/"
        there = "|".join(re.escape(place) for place in places)
        return re.sub(there, lambda found: places[found[0]], text)


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """Start everything in its order, as `docker compose --profile demo up` does; end it after.

    Skips the test with the reason where a server is missing. What the programs said is told where
    the block fails.
    """
    with (
        running(StackKafka, folder / "kafka") as kafka,
        running(StackInflux, folder / "influx") as influx,
        ExitStack() as ending,
    ):
        (page_port,) = free_ports(1)
        stack = Stack(folder, kafka, influx, page_port)
        try:
            for service in _order():
                if service == "influxdb":
                    influx.set_up(stack.surroundings(service))
                elif is_ours(services()[service]):
                    _start(stack, service, ending)
            yield stack
        except BaseException as error:
            for service in stack.programs:
                error.add_note(f"{service}:\n{stack.said(service)[-2_000:]}")
            raise


def _order() -> Sequence[str]:
    return tuple(TopologicalSorter({n: needs(s) for n, s in started().items()}).static_order())


def _start(stack: Stack, service: str, ending: ExitStack) -> None:
    if runs_once(services()[service]):
        stack.call(service)
    else:
        ending.callback(stack.begin(service).kill)

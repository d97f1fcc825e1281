"""Real servers for the tests, without Docker: an Apache Kafka and an InfluxDB 2.

    python tests/servers/install.py [kafka] [influxdb]

Kafka's jars come from Maven in seconds; InfluxDB is built from its Go module, with its query
language from Rust, which takes some minutes once. Both are kept under ``~/.cache/tocsin-servers``
(elsewhere: ``TOCSIN_SERVERS``), so a second call returns at once, and two calls at once are safe.
``KAFKA_HOME`` and ``INFLUXD`` name servers that are already there: they win.

What cannot be had is said, with the tool that is missing, and is no failure: the tests that need
it are skipped and repeat the reason.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PKG_CONFIG = "github.com/influxdata/pkg-config@v0.2.7"


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that an installation needs, and how it tells its version."""

    name: str
    command: tuple[str, str]
    version: str
    least: tuple[int, ...]


JDK = Tool("a JDK, 17 or newer,", ("java", "-version"), r'version "(\d+)', (17,))
MAVEN = Tool("Maven 3.6 or newer", ("mvn", "-version"), r"Maven (\d+)\.(\d+)", (3, 6))
GO = Tool("Go 1.23 or newer", ("go", "version"), r"go(\d+)\.(\d+)", (1, 23))
RUST = Tool("Rust", ("cargo", "--version"), r"cargo (\d+)", (1,))

COMMANDS = {
    "kafka-server-start.sh": "kafka.Kafka",
    "kafka-storage.sh": "kafka.tools.StorageTool",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-consumer-groups.sh": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
}
COMMAND = """#!/usr/bin/env bash
home=$(cd "$(dirname "$0")/.." && pwd)
exec java ${{KAFKA_HEAP_OPTS:--Xms256m -Xmx512m}} \\
  ${{KAFKA_JVM_PERFORMANCE_OPTS:-}} ${{KAFKA_OPTS:-}} \\
  -Dlog4j2.configurationFile="$home/config/log4j2.xml" -cp "$home/libs/*" {main} "$@"
"""


class MissingServer(Exception):  # noqa: N818 - a state of the machine
    """A server cannot be had here; the message says why and what to do about it."""


def kafka_home() -> Path:
    """Return the folder of an installed Kafka, or raise `MissingServer`."""
    _need(JDK)
    return _named("KAFKA_HOME", "bin/kafka-server-start.sh") or _cached("kafka", kafka_folder())


def influxd() -> Path:
    """Return the executable of an installed InfluxDB 2, or raise `MissingServer`."""
    return _named("INFLUXD", "") or _cached("influxdb", influxdb_folder() / "influxd")


def install_kafka() -> Path:
    """Fetch Kafka's jars and lay them out as in the official download; return the folder."""
    if named := _named("KAFKA_HOME", "bin/kafka-server-start.sh"):
        return named
    with _locked():
        if not kafka_folder().exists():
            _need(JDK, MAVEN)
            _build(kafka_folder(), _fetch_kafka)
    return kafka_folder()


def install_influxdb() -> Path:
    """Build InfluxDB; return its executable."""
    if named := _named("INFLUXD", ""):
        return named
    with _locked():
        if not influxdb_folder().exists():
            _need(GO, RUST)
            _build(influxdb_folder(), _compile_influxdb)
    return influxdb_folder() / "influxd"


def cache() -> Path:
    """Return the folder that keeps what was installed."""
    return Path(os.environ.get("TOCSIN_SERVERS") or Path.home() / ".cache" / "tocsin-servers")


def kafka_folder() -> Path:
    """Return where the wanted version of Kafka is kept."""
    pom = (HERE / "kafka" / "pom.xml").read_text()
    version = _first(r"kafka_2.13</artifactId>\s*<version>([^<]+)<", pom)
    return cache() / f"kafka-{version}"


def influxdb_folder() -> Path:
    """Return where the wanted version of InfluxDB is kept."""
    module = (HERE / "influxdb" / "go.mod").read_text()
    version = _first(r"influxdata/influxdb/v2 v([0-9.]+)", module)
    return cache() / f"influxdb-{version}"


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if not found:
        raise ValueError(f"no {pattern} in {text[:200]!r}")
    return found[1]


def _named(variable: str, inside: str) -> Path | None:
    value = os.environ.get(variable)
    if not value:
        return None
    if not (Path(value) / inside).exists():
        raise MissingServer(f"{variable}={value}, but there is no {Path(value) / inside}")
    return Path(value)


def _cached(name: str, path: Path) -> Path:
    if not path.exists():
        raise MissingServer(
            f"no {name} in {cache()}: run `python tests/servers/install.py {name}` "
            f"or set {'KAFKA_HOME' if name == 'kafka' else 'INFLUXD'}"
        )
    return path


@contextmanager
def _locked() -> Iterator[None]:
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # freed with the file, however this ends
        yield


def _need(*tools: Tool) -> None:
    for tool in tools:
        if not shutil.which(tool.command[0]):
            raise MissingServer(f"{tool.name} is missing: no `{tool.command[0]}` on the PATH")
        answer = subprocess.run(tool.command, capture_output=True, text=True, check=False)
        version = re.search(tool.version, answer.stdout + answer.stderr)
        if not version or tuple(map(int, version.groups())) < tool.least:
            said = version[0] if version else "nothing known"
            raise MissingServer(f"{tool.name} is needed, `{' '.join(tool.command)}` says {said}")


def _build(goal: Path, build: Callable[[Path], None]) -> None:
    """Let ``build`` fill a folder that becomes ``goal`` only when it is whole."""
    work = Path(tempfile.mkdtemp(dir=cache(), prefix=f"{goal.name}."))
    try:
        build(work)
        work.chmod(0o755)
        work.rename(goal)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _fetch_kafka(work: Path) -> None:
    say("fetching Kafka's jars with Maven")
    copy = ["dependency:copy-dependencies", "-DincludeScope=runtime"]
    pom = ["-f", str(HERE / "kafka" / "pom.xml")]
    _run(["mvn", "-q", "-B", *pom, *copy, f"-DoutputDirectory={work / 'libs'}"], work)
    for folder in ("bin", "config"):
        (work / folder).mkdir()
    shutil.copy(HERE / "kafka" / "log4j2.xml", work / "config")
    for script, main in COMMANDS.items():
        (work / "bin" / script).write_text(COMMAND.format(main=main))
        (work / "bin" / script).chmod(0o755)


def _compile_influxdb(work: Path) -> None:
    """Build with InfluxDB's own pkg-config, which compiles its query language from Rust.

    That code is older than today's compilers: its warnings must stay warnings, and the toolchain
    that it pins gives way to the installed one.
    """
    say("building InfluxDB from its sources (once, some minutes)")
    source = work / "source"
    shutil.copytree(HERE / "influxdb", source)
    wrapper = source / "rustc-as-warnings"
    wrapper.write_text('#!/bin/sh\nexec "$@" --cap-lints warn\n')
    wrapper.chmod(0o755)
    toolchain = os.environ.get("RUSTUP_TOOLCHAIN", "stable")
    rust = {"RUSTC_WRAPPER": str(wrapper), "RUSTUP_TOOLCHAIN": toolchain}
    go = {"GOBIN": str(source), "GOFLAGS": "-mod=mod", "PKG_CONFIG": str(source / "pkg-config")}
    _run(["go", "install", PKG_CONFIG], source, go)
    what = ["-tags", "osusergo,netgo", "-ldflags", "-s -w", "-o", str(work / "influxd")]
    _run(["go", "build", *what, "github.com/influxdata/influxdb/v2/cmd/influxd"], source, go | rust)
    shutil.rmtree(source)


def _run(command: Sequence[str], folder: Path, variables: dict[str, str] | None = None) -> None:
    log = cache() / f"{command[0]}.log"
    with log.open("w") as out:
        environment = os.environ | (variables or {})
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=out, stderr=out, check=False
        )
    if done.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise MissingServer(f"`{' '.join(command[:2])}` failed, see {log}:\n{tail}")


def say(line: str) -> None:
    """Tell the person who waits."""
    sys.stderr.write(f"servers: {line}\n")


INSTALLERS = {"kafka": install_kafka, "influxdb": install_influxdb}


def main(names: Sequence[str]) -> int:
    """Install the named servers, or both; print where they are."""
    if unknown := set(names) - set(INSTALLERS):
        say(f"there is no {', '.join(sorted(unknown))}: choose from {', '.join(INSTALLERS)}")
        return 2
    for name in names or INSTALLERS:
        try:
            sys.stdout.write(f"{name}: {INSTALLERS[name]()}\n")
        except MissingServer as missing:
            say(f"no {name}, its tests will be skipped: {missing}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

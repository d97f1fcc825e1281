import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from desk import CHANNEL_NAMES, SMALL, Desk
from servers.servers import KafkaServer

TOCSIN = Path(sys.executable).with_name("tocsin")
NEVER = "[[receivers]]\nname = 'shift'\nurl = 'http://127.0.0.1:1'\n"


@contextmanager
def running(desk: Desk, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until it says that it has started; it never outlives the test."""
    log = desk.folder / "log.jsonl"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [TOCSIN, *words], cwd=desk.folder, stdout=subprocess.PIPE, stderr=stderr
        )
        try:
            while b'"event": "started"' not in log.read_bytes():
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
            yield process
        finally:
            process.kill()
            process.communicate()


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (("run", "--only", "detect"), signal.SIGTERM),
        (("run",), signal.SIGINT),
        (("sink",), signal.SIGTERM),
        (("notify",), signal.SIGTERM),
        (("retrain",), signal.SIGTERM),
    ],
)
def test_a_role_that_is_told_to_stop_ends_well(
    plant: Desk, words: tuple[str, ...], number: signal.Signals
) -> None:
    plant.write(SMALL + NEVER)
    with running(plant, *words) as process:
        process.send_signal(number)
        stdout, _ = process.communicate(timeout=10)
        assert (process.returncode, stdout) == (0, b"")
    lines = (plant.folder / "log.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["event"] == "stopped"


def test_what_was_sent_is_scored_and_stored(plant: Desk, lesson: Path) -> None:
    plant.ask("train", lesson, "-t", "datetime")
    plant.ask("replay", lesson, "-a", "pump-1", "-t", "datetime", "--shift-to-now")
    with running(plant, "run"):
        deadline_s = time.monotonic() + 30
        while count_series(plant) < 1 + len(CHANNEL_NAMES):
            assert time.monotonic() < deadline_s
            time.sleep(0.2)


def count_series(desk: Desk) -> int:
    """Return what stands in the store: one series of scores, and one for each channel."""
    found = desk.ask("doctor")["findings"][-1]
    assert found["what"] == "store"
    return int(found["found"].split()[-2])


@pytest.mark.integration
@pytest.mark.parametrize("command", ["run", "detect", "sink", "notify", "retrain", "simulate"])
def test_without_topics_in_kafka_a_command_says_how_to_make_them(
    desk: Desk, kafka_server: KafkaServer, command: str
) -> None:
    desk.write(settings(kafka_server, f"cli-missing-{command}"))
    result = desk.call(command)
    assert (result.exit_code, result.stdout) == (78, "")
    assert result.stderr.startswith("tocsin: no topic")
    assert "tocsin topics create" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.integration
async def test_a_topic_of_readings_that_is_there_in_kafka_decides_about_the_others(
    desk: Desk, kafka_server: KafkaServer
) -> None:
    prefix = "cli-present"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(f"{prefix}-readings", 3, 1)])
        desk.write(settings(kafka_server, prefix))
        found = await asyncio.to_thread(desk.ask, "topics", "create")
        assert [topic["state"] for topic in found["topics"]] == ["present", *["created"] * 7]
        described = await admin.describe_topics([f"{prefix}-scores"])
        assert len(described[0]["partitions"]) == 3
    finally:
        await admin.close()


def settings(server: KafkaServer, prefix: str) -> str:
    keys = (
        *("readings", "scores", "alerts", "state", "dead_letters", "models", "deliveries"),
        "operations",
    )
    names = "\n".join(f"{key} = '{prefix}-{key}'" for key in keys)
    return f"{SMALL}[kafka]\nbootstrap_servers = '{server.bootstrap}'\n[topics]\n{names}\n"

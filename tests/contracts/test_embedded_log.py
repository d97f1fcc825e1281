import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.log import LogContract
from tocsin.adapters.embedded import EmbeddedLog, LogPolicy
from tocsin.core.records import Place
from tocsin.ports import Log, Membership

POLICY = LogPolicy(session_ns=2_000_000_000)

WRITER = """
import asyncio, sys, time
from tocsin.adapters.embedded import EmbeddedLog
from tocsin.core.records import Entry
from tocsin.ports import TopicSpec

async def write(path):
    async with EmbeddedLog(path, clock=time.time_ns) as log:
        await log.declare([TopicSpec("t", 1)], create=True)
        for turn in range(1_000_000):
            entries = [Entry("t", b"%d" % (turn * 50 + each) + bytes(200)) for each in range(50)]
            print((await log.append(entries))[-1], flush=True)

asyncio.run(write(sys.argv[1]))
"""


class Embedded(LogContract):
    async def vanish(self, member: Membership) -> None:
        """Nothing to do: a member that does not poll is forgotten."""


class TestInMemory(Embedded):
    @pytest.fixture
    async def log(self) -> AsyncIterator[Log]:
        async with EmbeddedLog(None, clock=time.time_ns, policy=POLICY) as log:
            yield log


class TestInAFile(Embedded):
    @pytest.fixture
    async def log(self, tmp_path: Path) -> AsyncIterator[Log]:
        async with EmbeddedLog(tmp_path / "log.db", clock=time.time_ns, policy=POLICY) as log:
            yield log


async def test_what_was_acknowledged_survives_sigkill_in_the_middle_of_appends(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.db"
    for _ in range(2):
        writer = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WRITER, str(path)), stdout=asyncio.subprocess.PIPE
        )
        assert writer.stdout is not None
        for _ in range(20):
            line = await writer.stdout.readline()
        writer.kill()
        rest, _ = await writer.communicate()
        assert writer.returncode == -signal.SIGKILL
        whole_lines = (line + rest).rpartition(b"\n")[0].split(b"\n")
        acknowledged = int(whole_lines[-1])
        async with EmbeddedLog(path, clock=time.time_ns) as log:
            low, high = await log.bounds(Place("t", 0))
            batches = [batch async for batch in log.read(Place("t", 0), low, high)]
        offsets = [offset for batch in batches for offset in batch.offsets]
        assert offsets == list(range(high))
        assert high > acknowledged
        assert high % 50 == 0

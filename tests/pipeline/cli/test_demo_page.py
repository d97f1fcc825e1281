"""The demo with its page, as a person starts and ends it."""

import asyncio
import json
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from servers.servers import free_ports
from tocsin.cli.watching import farewell, has_display
from tocsin.demo import LivePolicy
from tocsin.tools.breaking import Broken
from tocsin.tools.plan import Episode
from tocsin_models.faults import FaultKind

TOCSIN = Path(sys.executable).with_name("tocsin")
PROCESSOR_S = 30.0
"""What two cores that also do something else have to give within a minute."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo and where its page is."""

    process: asyncio.subprocess.Process
    url: str

    async def end(self, number: signal.Signals) -> tuple[float, str]:
        """Send a signal; return how long it took to end, and what it said until then."""
        began_s = time.monotonic()
        self.process.send_signal(number)
        said, _ = await asyncio.wait_for(self.process.communicate(), 20)
        return time.monotonic() - began_s, said.decode()

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as web, web.get(f"{self.url}{path}") as answer:
            return answer.status, await answer.text()

    async def break_channel(self, kind: str) -> tuple[int, dict[str, Any]]:
        """Break something as the page does."""
        order = {"asset": "pump-1", "channel": "flow", "kind": kind}
        headers = {"Origin": self.url.rstrip("/")}
        async with (
            aiohttp.ClientSession(headers=headers) as web,
            web.post(f"{self.url}api/breakages", json=order) as answer,
        ):
            return answer.status, await answer.json()

    async def pictures(self) -> AsyncIterator[dict[str, Any]]:
        """Give what the page is sent."""
        endless = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(timeout=endless, read_bufsize=2**22) as web,
            web.get(f"{self.url}api/live") as answer,
        ):
            event = ""
            async for line in answer.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                event = value if name == "event" else event
                if (name, event) == ("data", "picture"):
                    yield json.loads(value)


@asynccontextmanager
async def running(folder: Path, port: int) -> AsyncIterator[Demo]:
    """Run the demo in an empty folder until it says where its page is."""
    process = await asyncio.create_subprocess_exec(
        TOCSIN,
        *("demo", "--no-browser", "--port", str(port)),
        cwd=folder,
        env=os.environ | {"HOME": str(folder), "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None
        first = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        assert first.startswith("Tocsin is at http://127.0.0.1:"), first
        yield Demo(process, first.split()[3])
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def left(folder: Path) -> list[str]:
    """Return what stands in a folder."""
    return [path.name for path in folder.iterdir()]


def used_s() -> float:
    """Return the processor time of all processes that this one started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.timeout(200)
async def test_the_first_fault_is_caught_on_the_page_within_a_minute(tmp_path: Path) -> None:
    before_s = used_s()
    async with running(tmp_path, free_ports(1)[0]) as demo:
        assert await demo.get("healthz") == (200, "ok")
        early, reason = await demo.break_channel("shift")
        assert (early, "still being learned" in reason["error"]) == (409, True)
        async for picture in demo.pictures():
            if picture["alerts"]:
                break
        (broken,) = picture["breakages"]
        (alert,) = picture["alerts"]
        assert (broken["by"], broken["fate"], broken["named"]) == ("story", "caught", True)
        assert (broken["alert"], broken["asset"]) == (alert["id"], alert["asset"])
        assert alert["channels"][0][0] == broken["channel"]
        assert await demo.break_channel("fire") == (
            400,
            {"error": "Nothing was broken: there is no kind of fault called fire."},
        )
        status, mine = await demo.break_channel("shift")
        assert (status, mine["by"], mine["fate"]) == (201, "visitor", "running")
        async for picture in demo.pictures():
            told = [each for alert in picture["alerts"] for each in alert["told"]]
            if any(each["verified"] and each["outcome"] == "delivered" for each in told):
                break
        took_s, said = await demo.end(signal.SIGINT)
        assert took_s < 2
        assert demo.process.returncode == 0
        assert "Nothing is left behind." in said.splitlines()[-1]
    assert used_s() - before_s < PROCESSOR_S
    assert left(tmp_path) == []


async def test_it_takes_another_port_and_ends_within_two_seconds_while_it_learns(
    tmp_path: Path,
) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    taken = server.sockets[0].getsockname()[1]
    async with server, running(tmp_path, taken) as demo:
        assert not demo.url.endswith(f":{taken}/")
        async for picture in demo.pictures():
            if picture["assets"]:
                break
        took_s, said = await demo.end(signal.SIGTERM)
        assert took_s < 2
        assert (demo.process.returncode, said.splitlines()[-1].split(",")[0]) == (0, "0 faults")
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("environment", "platform", "seen"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ":0", "CI": "true"}, "linux", False),
        ({"SSH_CONNECTION": "a b"}, "linux", False),
        ({"SSH_CONNECTION": "a b", "DISPLAY": "localhost:10.0"}, "linux", True),
        ({}, "linux", False),
        ({}, "darwin", True),
        ({"SSH_CONNECTION": "a b"}, "darwin", False),
        ({}, "win32", True),
    ],
)
def test_a_browser_is_opened_only_where_it_is_likely_to_be_seen(
    environment: dict[str, str], platform: str, *, seen: bool
) -> None:
    assert has_display(environment, platform) is seen


def test_the_last_line_says_what_was_noticed_and_what_is_left() -> None:
    fault = Episode("pump-1", ("flow",), FaultKind.SHIFT, 0, 1)
    missed, open_still = Broken(1, "story", fault, over=True), Broken(2, "visitor", fault)
    said = str(farewell([missed, open_still], LivePolicy()))
    assert said == "2 faults, 0 noticed, 1 missed. Nothing is left behind."
    kept = str(farewell([missed], LivePolicy(keep=Path("here"))))
    assert kept == "1 fault, 0 noticed, 1 missed. Log and points are in here."

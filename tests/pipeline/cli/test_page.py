import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from desk import SMALL, Desk

TOCSIN = Path(sys.executable).with_name("tocsin")
TOKEN = "a-token-for-tests-0123"  # noqa: S105 - opens nothing


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def opened(desk: Desk, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run a command until it says that it has started; give the page's address as it says it."""
    log = desk.folder / "log.jsonl"
    with log.open("wb") as stderr:
        process = subprocess.Popen([TOCSIN, *words], cwd=desk.folder, stderr=stderr)
        try:
            while b'"event": "started"' not in log.read_bytes():
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
            told = [json.loads(line) for line in log.read_text().splitlines()]
            yield process, next(each["url"] for each in told if each["event"] == "page_opened")
        finally:
            process.kill()
            process.wait()


def got(url: str, **headers: str) -> tuple[int, str]:
    try:
        with urlopen(Request(url, headers=headers), timeout=10) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def first_picture(url: str) -> Any:
    with urlopen(f"{url}api/live", timeout=10) as stream:  # noqa: S310
        while not (line := stream.readline()).startswith(b"data: "):
            assert line
        return json.loads(line.removeprefix(b"data: "))


@pytest.mark.parametrize(
    "command", [("run", "--only", "notify", "--page-port"), ("page", "--port")]
)
def test_a_page_is_shown_until_it_is_told_to_stop(plant: Desk, command: tuple[str, ...]) -> None:
    port = free_port()
    with opened(plant, *command, str(port)) as (process, url):
        assert url == f"http://127.0.0.1:{port}/"
        assert got(f"{url}healthz") == (200, "ok")
        assert first_picture(url)["kind"] == "live"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    lines = (plant.folder / "log.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["event"] == "stopped"


def test_what_was_scored_is_on_the_page_of_the_settings(plant: Desk, lesson: Path) -> None:
    plant.write(f"{SMALL}[page]\nport = {free_port()}\n")
    plant.ask("train", lesson, "-t", "datetime")
    plant.ask("replay", lesson, "-a", "pump-1", "-t", "datetime", "--shift-to-now")
    with opened(plant, "run", "--page") as (_, url):
        deadline_s = time.monotonic() + 30
        while "ok" not in [each["status"] for each in first_picture(url)["assets"]]:
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        picture = first_picture(url)
    (asset,), (model,) = picture["assets"], picture["models"]
    assert (asset["asset"], asset["status"], asset["model"]) == ("pump-1", "ok", model["version"])
    assert (model["standing"], model["scoring"]) == ("champion", True)
    assert model["windows"] > 0


def test_a_page_with_a_token_opens_to_whoever_has_it_and_logs_it_nowhere(plant: Desk) -> None:
    secret = plant.write(TOKEN, "token.txt")
    plant.write(f"{SMALL}[page]\nport = {free_port()}\ntoken_file = '{secret}'\n")
    with opened(plant, "page") as (_, url):
        assert got(url)[0] == 401
        assert got(f"{url}api/told/x", Authorization=f"Bearer {TOKEN}")[0] == 404
        assert got(f"{url}?token={TOKEN}x")[0] == 401
    assert TOKEN not in (plant.folder / "log.jsonl").read_text()


@pytest.mark.parametrize("words", [("run", "--page"), ("page",)])
def test_a_port_that_is_taken_ends_the_start_with_what_to_do(
    plant: Desk, words: tuple[str, ...]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        plant.write(f"{SMALL}[page]\nport = {port}\n")
        result = plant.call(*words)
    assert (result.exit_code, result.stdout) == (78, "")
    assert result.stderr == (
        f"tocsin: the page cannot listen on 127.0.0.1:{port}: something else does already; "
        "end it, or choose another page.port\n"
    )


@pytest.mark.parametrize("words", [("run", "--page"), ("page",)])
@pytest.mark.parametrize(
    ("table", "remedy"),
    [
        ("host = '0.0.0.0'", "set page.token_file"),
        ("token = 'changeme'", "take 16 characters or more"),
    ],
)
def test_a_page_that_anybody_could_open_is_not_opened(
    plant: Desk, words: tuple[str, ...], table: str, remedy: str
) -> None:
    plant.write(f"{SMALL}[page]\n{table}\n")
    result = plant.call(*words)
    assert (result.exit_code, result.stdout) == (78, "")
    assert remedy in result.stderr
    assert "changeme" not in result.stderr


def test_without_profiles_there_is_nothing_to_show(desk: Desk) -> None:
    result = desk.call("page")
    assert result.exit_code == 78
    assert "profiles" in result.stderr

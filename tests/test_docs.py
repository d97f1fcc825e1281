"""What the documentation says is tried here: settings, commands, the receiver, the body."""

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer.main

from servers.servers import free_ports
from tocsin.adapters.webhook import WebhookNotifier, WebhookPolicy
from tocsin.cli.main import app
from tocsin.core.notices import NoticeContext, plan
from tocsin.core.records import Notice, Rule, Severity, State, Status, Transition
from tocsin.ports import Unavailable
from tocsin.roles.outbox import RetryPolicy
from tocsin.settings import load_settings
from tocsin.wiring import check_settings

HOUSE = Path(__file__).parents[1]
PAPERS = [HOUSE / "README.md", *sorted((HOUSE / "docs").glob("*.md"))]
KEY = "whsec_c29tZXRoaW5nIHRoYXQgbm9ib2R5IGtub3dz"

STEP = Transition(
    "821b1903e70ee34276339c1d4760406c",
    1,
    "pump-2",
    "pump",
    Rule.ANOMALY,
    State.OPEN,
    Severity.WARNING,
    began_ns=1_795_268_945_000_000_000,
    opened_ns=1_795_268_961_000_000_000,
    at_ns=1_795_268_961_000_000_000,
    score=1.422627936958806,
    channels=(("flow", 0.98),),
    model="a3787a30feded037",
    summary="pump-2 has been abnormal since 2026-11-21 13:49:05 UTC: up to 1.42 times its limit, "
    "mostly in flow (98%).",
)


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """Give every block of code in a language, and where it stands."""
    for paper in PAPERS:
        found = re.findall(rf"```{language}\n(.*?)```", paper.read_text(), re.DOTALL)
        yield from ((f"{paper.name}-{number}", code) for number, code in enumerate(found))


def between(paper: Path, begin: str, end: str) -> str:
    return paper.read_text().split(f"<!-- {begin} -->")[1].split(f"<!-- {end} -->")[0]


def code_of(text: str) -> str:
    return text.strip().split("\n", 1)[1].removesuffix("```")


def notice() -> Notice:
    context = NoticeContext(external_url="https://grafana.example.com")
    return plan([STEP], {}, "shift", context)[0]


@pytest.mark.parametrize("code", dict(blocks("toml")).values(), ids=dict(blocks("toml")).keys())
def test_settings_in_the_papers_are_valid(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("webhook-secret.txt", "influx-token.txt"):
        (tmp_path / name).write_text(KEY)
    path = tmp_path / "tocsin.toml"
    path.write_text(code)
    check_settings(load_settings(path), ["sink", "notify"])


def commands() -> Iterator[tuple[str, list[str]]]:
    for place, code in blocks("sh"):
        for line in code.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["tocsin"]:
                yield f"{place}-{' '.join(words)}", words[1:]


@pytest.mark.parametrize("words", dict(commands()).values(), ids=dict(commands()).keys())
def test_commands_in_the_papers_are_understood(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "normal.csv").touch()
    command = typer.main.get_command(app)
    context = command.make_context("tocsin", words, resilient_parsing=False)
    while rest := [*context._protected_args, *context.args]:
        _, command, rest = command.resolve_command(context, rest)  # type: ignore[attr-defined]
        context = command.make_context("tocsin", rest, parent=context)


def test_the_readme_names_every_status() -> None:
    text = (HOUSE / "README.md").read_text()
    assert all(f"| `{status.name.lower()}` |" in text for status in Status)


def test_the_readme_names_every_command() -> None:
    text = (HOUSE / "README.md").read_text().split("## Commands")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+?`) \| ", text, re.MULTILINE)
    named = {each.split()[0] for row in rows for each in re.findall(r"`(.+?)`", row)}
    command = typer.main.get_group(app)
    assert set(command.list_commands(typer.Context(command))) <= named


def test_the_body_in_the_papers_is_what_is_sent() -> None:
    shown = code_of(between(HOUSE / "docs" / "webhooks.md", "body begins", "body ends"))
    assert shown.strip() == json.dumps(json.loads(notice().body), indent=2)


def test_the_retry_schedule_in_the_papers_is_the_one_that_is_kept() -> None:
    text = between(HOUSE / "docs" / "webhooks.md", "schedule begins", "schedule ends")
    units = {"s": 1, "min": 60, "h": 3_600}
    told = re.findall(r"(\d+) (s|min|h)\b", text)
    assert tuple(int(number) * units[unit] for number, unit in told) == RetryPolicy().delays_s
    assert f"{RetryPolicy().jitter:.0%}".replace("%", " %") in text


@contextmanager
def receiving(folder: Path) -> Iterator[tuple[str, Path]]:
    """Run the receiver in the papers; give its address and what it prints."""
    code = code_of(between(HOUSE / "docs" / "webhooks.md", "receiver begins", "receiver ends"))
    (port,) = free_ports(1)
    said = folder / "said.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", code.replace("9000", str(port))],
            env=os.environ | {"WEBHOOK_SECRET": KEY},
            stdout=output,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield f"http://127.0.0.1:{port}/", said
        finally:
            process.kill()
            process.wait()


async def test_the_receiver_in_the_papers_verifies_what_is_sent(tmp_path: Path) -> None:
    with receiving(tmp_path) as (url, said):
        async with WebhookNotifier(WebhookPolicy("shift", url, KEY), time.time_ns) as notifier:
            await deliver(notifier)
        other = WebhookPolicy("shift", url, "whsec_" + "A" * 40)
        async with WebhookNotifier(other, time.time_ns) as forger:
            with pytest.raises(Unavailable, match="401"):
                await forger.deliver(notice())
        assert said.read_text() == f"firing {STEP.summary}\n"


async def deliver(notifier: WebhookNotifier) -> None:
    """Deliver once the receiver is up."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await notifier.deliver(notice())
            except Unavailable:
                await asyncio.sleep(0.1)

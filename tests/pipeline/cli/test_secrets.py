import asyncio
import base64
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desk import Desk
from servers.servers import InfluxServer
from tocsin.adapters.influx import InfluxPolicy, InfluxStore
from tocsin.adapters.webhook import WebhookPolicy
from tocsin.ports import Unavailable


def secret(desk: Desk, name: str) -> str:
    return (desk.folder / name).read_text()


def test_every_file_gets_a_secret_of_its_own(desk: Desk) -> None:
    found = desk.ask("secrets", "a", "deep/b")
    assert found == {"files": {"a": "made", "deep/b": "made"}}
    first, second = secret(desk, "a").strip(), secret(desk, "deep/b").strip()
    assert first != second
    assert all(len(each) == 43 and each.isalnum() and each.isascii() for each in (first, second))


def test_a_secret_that_is_there_stays_as_it_is(desk: Desk) -> None:
    desk.ask("secrets", "a", "--webhook", "w")
    before = secret(desk, "a"), secret(desk, "w")
    assert desk.ask("secrets", "a", "--webhook", "w")["files"] == {"a": "present", "w": "present"}
    assert (secret(desk, "a"), secret(desk, "w")) == before


def test_an_empty_file_is_no_secret(desk: Desk) -> None:
    desk.write("\n", "a")
    assert desk.ask("secrets", "a")["files"] == {"a": "made"}
    assert len(secret(desk, "a").strip()) == 43


def test_a_secret_of_a_webhook_is_one_that_webhooks_take(desk: Desk) -> None:
    desk.ask("secrets", "--webhook", "w")
    made = secret(desk, "w").strip()
    assert len(base64.b64decode(made.removeprefix("whsec_"), validate=True)) == 32
    WebhookPolicy("on-call", "http://127.0.0.1/", made)


def test_a_secret_is_for_its_owner_and_group_alone_and_nothing_else_is_left(desk: Desk) -> None:
    desk.ask("secrets", "secrets/a")
    assert stat.S_IMODE((desk.folder / "secrets" / "a").stat().st_mode) == 0o440
    assert [each.name for each in (desk.folder / "secrets").iterdir()] == ["a"]


def test_secrets_are_never_shown(desk: Desk) -> None:
    result = desk.call("secrets", "a", "--webhook", "w")
    assert result.exit_code == 0
    assert "made" in result.output
    assert secret(desk, "a").strip() not in result.output
    assert secret(desk, "w").strip() not in result.output


def test_a_place_where_nothing_can_be_kept_is_named(desk: Desk) -> None:
    desk.write("", "file")
    result = desk.call("secrets", "file/a")
    assert result.exit_code == 1
    assert "file/a: " in result.stderr


@pytest.mark.parametrize("command", ["secrets", "tokens"])
def test_no_file_is_a_mistake_of_use(desk: Desk, command: str) -> None:
    assert desk.call(command).exit_code == 2


def test_tokens_need_an_influxdb_in_the_settings(desk: Desk) -> None:
    result = desk.call("tokens", "--read", "r")
    assert result.exit_code == 78
    assert "influx.url" in result.stderr


def test_a_server_that_is_not_there_is_said_to_be_missing(desk: Desk) -> None:
    desk.write('[influx]\nurl = "http://127.0.0.1:9"\norg = "o"\ntoken = "t"\n')
    result = desk.call("tokens", "--read", "r")
    assert result.exit_code == 69
    assert "InfluxDB at http://127.0.0.1:9: cannot connect" in result.stderr
    assert not (desk.folder / "r").exists()


@pytest.fixture
def office(desk: Desk, influx_server: InfluxServer) -> Iterator[InfluxServer]:
    """Settings with the token of the owner of a real InfluxDB."""
    server = influx_server
    desk.write(
        f'[influx]\nurl = "{server.url}"\norg = "{server.org}"\nbucket = "{server.bucket}"\n'
        f'token = "{server.token}"\n'
    )
    yield server
    for known in authorizations(server):
        if known["description"].startswith("tocsin: may "):
            server.request("DELETE", f"/api/v2/authorizations/{known['id']}")


def authorizations(server: InfluxServer) -> list[dict[str, str]]:
    found: list[dict[str, str]] = server.request("GET", "/api/v2/authorizations")["authorizations"]
    return found


async def call(desk: Desk, *words: str) -> Any:
    return await asyncio.to_thread(desk.ask, *words)  # a command runs a loop of its own


def store(server: InfluxServer, path: Path) -> InfluxStore:
    return InfluxStore(
        InfluxPolicy(server.url, server.org, server.bucket, path.read_text().strip())
    )


@pytest.mark.integration
async def test_one_token_only_writes_and_the_other_only_reads(
    desk: Desk, office: InfluxServer
) -> None:
    await call(desk, "tokens", "--write", "w", "--read", "r")
    async with store(office, desk.folder / "w") as writer:
        await writer.write([b"made_tokens v=1 1"])
        with pytest.raises(ValueError, match="not found"):
            await writer.query("SELECT * FROM made_tokens")
    async with store(office, desk.folder / "r") as reader:
        assert await reader.query("SELECT * FROM made_tokens") == [{"time": 1, "v": 1}]
        with pytest.raises(Unavailable, match="insufficient permissions"):
            await reader.write([b"made_tokens v=2 2"])


@pytest.mark.integration
async def test_a_token_that_works_stays_and_a_stale_one_is_made_anew(
    desk: Desk, office: InfluxServer
) -> None:
    words = ("tokens", "--write", "w", "--read", "r")
    await call(desk, *words)
    before = (desk.folder / "w").read_text(), (desk.folder / "r").read_text()
    (desk.folder / "r").unlink()
    (desk.folder / "r").write_text("stale\n")
    assert (await call(desk, *words))["files"] == {"w": "present", "r": "made"}
    assert (desk.folder / "w").read_text() == before[0]
    assert (desk.folder / "r").read_text() != before[1]
    async with store(office, desk.folder / "r") as reader:
        await reader.query("SHOW MEASUREMENTS")
    ours = [each["description"] for each in authorizations(office)]
    assert sorted(each for each in ours if each.startswith("tocsin: may ")) == [
        f"tocsin: may read {office.bucket}",
        f"tocsin: may write {office.bucket}",
    ]


@pytest.mark.integration
async def test_a_token_that_may_not_make_tokens_is_said_to_be_the_wrong_one(
    desk: Desk, office: InfluxServer
) -> None:
    await call(desk, "tokens", "--read", "r")
    settings = (desk.folder / "tocsin.toml").read_text()
    small = (desk.folder / "r").read_text().strip()
    desk.write(settings.replace(f'token = "{office.token}"', f'token = "{small}"'))
    result = await asyncio.to_thread(desk.call, "tokens", "--write", "w")
    assert result.exit_code == 1
    assert "influx.token" in result.stderr
    assert small not in result.stderr

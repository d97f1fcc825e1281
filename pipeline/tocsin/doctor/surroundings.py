"""What else has to be had on this machine: room on the disk, and the page's port."""

import asyncio
import shutil
import socket
from collections.abc import Iterator

import aiohttp

from tocsin.doctor.finding import Finding
from tocsin.settings import PageSettings, Settings

_LEAST_BYTES = 1_000_000_000
_ANSWER_S = 2.0


def examine_disk(settings: Settings) -> Iterator[Finding]:
    """Look whether the embedded log and store have room, if they are used."""
    if settings.kafka.bootstrap_servers and settings.influx.url:
        return
    folder = settings.data_dir.absolute()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        free_bytes = shutil.disk_usage(there).free
    except OSError as error:
        yield Finding(
            "disk", well=False, found=f"{there}: {error.strerror}", remedy="mend data_dir"
        )
        return
    found = f"{free_bytes / 1e9:.1f} GB free for data_dir {settings.data_dir}"
    well = free_bytes >= _LEAST_BYTES
    yield Finding("disk", well=well, found=found, remedy="" if well else "make room, or move it")


async def examine_page(settings: Settings) -> Finding:
    """Look whether the page's port is free, or the page there already.

    A port that is taken is no fault where the settings say nothing of a page.
    """
    page, wanted = settings.page, "page" in settings.model_fields_set
    try:
        await asyncio.to_thread(_listen_once, page.host, page.port)
    except OSError as error:
        if await _is_ours(page):
            return Finding("page", well=True, found=f"there already, at {_url(page)}")
        found = f"cannot listen on {page.host} port {page.port}: {error.strerror or error}"
        remedy = "choose another page.port or page.host, or end the program that has it"
        return Finding("page", well=not wanted, found=found, remedy=remedy)
    return Finding("page", well=True, found=f"{page.host} port {page.port} is free")


def _listen_once(host: str, port: int) -> None:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what aiohttp does
        probe.bind(address)
        probe.listen()


async def _is_ours(page: PageSettings) -> bool:
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{_url(page)}healthz", allow_redirects=False) as answer,
        ):
            return answer.status == 200 and answer.headers.get("Server") == "tocsin"
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return False


def _url(page: PageSettings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(page.host, page.host)  # noqa: S104 - compared, not listened on
    return f"http://{f'[{host}]' if ':' in host else host}:{page.port}/"

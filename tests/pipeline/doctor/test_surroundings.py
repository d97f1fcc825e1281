import socket
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from servers.servers import free_ports
from tocsin.doctor.surroundings import examine_disk, examine_page
from tocsin.settings import Settings

HOST = "127.0.0.1"


def settings(**page: object) -> Settings:
    return Settings.model_validate({"page": page})


async def test_a_free_port_is_said_to_be_free() -> None:
    (port,) = free_ports(1)
    found = await examine_page(settings(port=port))
    assert (found.well, found.found) == (True, f"127.0.0.1 port {port} is free")
    assert (await examine_page(settings(port=port))).well  # it was left free


async def test_a_port_that_another_program_has_is_told_with_the_setting() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        found = await examine_page(settings(port=port))
    assert not found.well
    assert found.found == f"cannot listen on 127.0.0.1 port {port}: Address already in use"
    assert found.remedy.startswith("choose another page.port")


async def test_a_taken_port_is_no_fault_where_nobody_asked_for_a_page() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # whoever has it already does as well
            other.bind((HOST, Settings().page.port))
            other.listen()
        found = await examine_page(Settings())
    assert found.well


async def test_a_page_that_is_there_already_is_no_fault() -> None:
    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok", headers={"Server": "tocsin"})

    app = web.Application()
    app.router.add_get("/healthz", health)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0).start()
        port = runner.addresses[0][1]
        found = await examine_page(settings(port=port))
    finally:
        await runner.cleanup()
    assert (found.well, found.found) == (True, f"there already, at http://127.0.0.1:{port}/")


async def test_an_address_that_is_not_ours_is_told() -> None:
    found = await examine_page(settings(host="192.0.2.1"))
    assert not found.well
    assert "page.host" in found.remedy


def test_room_on_the_disk_is_told_where_something_is_kept_on_it(tmp_path: Path) -> None:
    (found,) = examine_disk(Settings(data_dir=tmp_path / "not" / "yet"))
    assert "GB free for data_dir" in found.found
    elsewhere = {"kafka": {"bootstrap_servers": "kafka:1"}, "influx": {"url": "http://influx:1"}}
    assert list(examine_disk(Settings.model_validate(elsewhere))) == []
    assert not (tmp_path / "not").exists()

"""The commands that work until they are told to stop."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.cli.shared import Config, Exit, fail, run_async, settings_from, stop_on_signals
from tocsin.settings import Settings
from tocsin.wiring import ROLES, run_roles


def run(
    config: Config = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Run just this role; may be given several times."),
    ] = None,
    page: Annotated[bool, typer.Option("--page", help="Show the live page as well.")] = False,
    page_port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="Show the live page, on this port."),
    ] = None,
) -> None:
    """Run all roles in one process: enough for one machine.

    Ctrl-C or SIGTERM ends it cleanly; started again, it goes on where it stopped.

    Example: tocsin run --page --config plant.toml
    """
    chosen = tuple(dict.fromkeys(only or ROLES))
    unknown = [name for name in chosen if name not in ROLES]
    if unknown:
        there = ", ".join(ROLES)
        fail(f"--only {unknown[0]}: there is no such role; choose from {there}", Exit.USAGE)
    _work(config, chosen, page=page or page_port is not None, page_port=page_port)


def page(
    config: Config = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port to listen on; default: page.port.")
    ] = None,
) -> None:
    """Show the live page of roles that run elsewhere.

    It reads the log and writes nothing. On an address beyond this machine it wants a token.

    Example: tocsin page --config plant.toml
    """
    from tocsin.wiring.page import run_page  # noqa: PLC0415 - loads torch

    settings = _settings(config, port)

    async def until_stopped() -> None:
        await run_page(settings, stop_on_signals())

    run_async(until_stopped())


def detect(config: Config = None) -> None:
    """Turn readings into scores and alerts.

    Start as many as there are partitions: they share the work, and take over from one another.

    Example: tocsin detect --config plant.toml
    """
    _work(config, ("detect",))


def sink(config: Config = None) -> None:
    """Bring scores and alerts into InfluxDB.

    Example: tocsin sink --config plant.toml
    """
    _work(config, ("sink",))


def notify(config: Config = None) -> None:
    """Tell the receivers of webhooks about alerts.

    Example: tocsin notify --config plant.toml
    """
    _work(config, ("notify",))


def retrain(config: Config = None) -> None:
    """Learn the first model, then refit it on schedule on what was judged normal.

    Example: tocsin retrain --config plant.toml
    """
    _work(config, ("retrain",))


def _work(
    config: Path | None, names: Sequence[str], *, page: bool = False, page_port: int | None = None
) -> None:
    settings = _settings(config, page_port)

    async def until_stopped() -> None:
        stop = stop_on_signals()
        if not page:
            await run_roles(settings, names, stop)
            return
        from tocsin.wiring.page import run_roles_with_page  # noqa: PLC0415 - loads torch

        await run_roles_with_page(settings, names, stop)

    run_async(until_stopped())


def _settings(config: Path | None, page_port: int | None) -> Settings:
    flags: dict[str, Any] = {} if page_port is None else {"page": {"port": page_port}}
    return settings_from(config, **flags)

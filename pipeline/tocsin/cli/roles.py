"""The commands that work until they are told to stop."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.shared import Config, Exit, fail, run_async, settings_from, stop_on_signals
from tocsin.wiring import ROLES, run_roles


def run(
    config: Config = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Run just this role; may be given several times."),
    ] = None,
) -> None:
    """Run all roles in one process: enough for one machine.

    Ctrl-C or SIGTERM ends it cleanly; started again, it goes on where it stopped.

    Example: tocsin run --config plant.toml
    """
    chosen = tuple(dict.fromkeys(only or ROLES))
    unknown = [name for name in chosen if name not in ROLES]
    if unknown:
        there = ", ".join(ROLES)
        fail(f"--only {unknown[0]}: there is no such role; choose from {there}", Exit.USAGE)
    _work(config, chosen)


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


def _work(config: Path | None, names: Sequence[str]) -> None:
    settings = settings_from(config)

    async def until_stopped() -> None:
        await run_roles(settings, names, stop_on_signals())

    run_async(until_stopped())

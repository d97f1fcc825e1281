"""What commands share: exit codes, options, output for people and for programs."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
import structlog
import typer
from rich.console import Console

from tocsin.ports import Rejected, Unavailable
from tocsin.settings import ConfigError, Settings, load_settings

T = TypeVar("T")
console = Console()
complaints = Console(stderr=True)


class Exit(IntEnum):
    """Exit codes, after sysexits.h where it has one."""

    OK = 0
    FAILED = 1
    USAGE = 2
    FINDINGS = 3
    UNAVAILABLE = 69
    CONFIG = 78
    INTERRUPTED = 130
    TERMINATED = 143


Config = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="TOML file with the settings; default tocsin.toml, if it is there."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]


def settings_from(config: Path | None, **flags: Any) -> Settings:
    """Return the settings, or end with a clear message and exit code 78."""
    try:
        return load_settings(config, flags)
    except ConfigError as error:
        fail(str(error), Exit.CONFIG)


def fail(message: str, code: Exit = Exit.FAILED) -> NoReturn:
    """End the program with a message on standard error."""
    for line in message.splitlines():
        complaints.print(f"[bold red]tocsin:[/] {line}", highlight=False, soft_wrap=True)
    raise typer.Exit(code)


def print_json(value: Any) -> None:
    """Print ``value`` as one JSON object on standard output."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` and end the program in the agreed way if something is not there."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None
    except (Unavailable, Rejected, BaseExceptionGroup) as error:
        cause = _first(error)
        if isinstance(cause, Unavailable):
            fail(str(cause), Exit.UNAVAILABLE)
        if isinstance(cause, Rejected):
            fail(str(cause), Exit.FAILED)
        raise


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set; the second signal ends the program at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ring(number: signal.Signals) -> None:
        if stop.is_set():
            raise SystemExit(128 + number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ring, number)
    return stop


def configure_logging(*, quiet: bool = False) -> None:
    """Log to standard error: for people on a terminal, as JSON elsewhere."""
    renderer: Any = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(30 if quiet else 20),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )

"""What commands share: exit codes, options, output for people and for programs."""

import asyncio
import errno
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
import structlog
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from tocsin.ports import Rejected, Unavailable
from tocsin.settings import ConfigError, Found, Settings, find_settings

T = TypeVar("T")

_PIPE_COLUMNS = 240
"""Width for output that is no terminal's: what reads it should not find sentences in pieces."""


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else _PIPE_COLUMNS)


console = _console(stderr=False)
complaints = _console(stderr=True)


class Exit(IntEnum):
    """Exit codes, after sysexits.h where it has one."""

    OK = 0
    FAILED = 1
    USAGE = 2
    FINDINGS = 3
    UNAVAILABLE = 69
    CONFIG = 78
    INTERRUPTED = 130


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="TOML file with the settings; default: $TOCSIN_CONFIG, else tocsin.toml if it is "
        "there.",
    ),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set one key, above file, environment and secrets: --set influx.bucket=plant; may be "
        "given several times.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]
ProfileName = Annotated[
    str,
    typer.Option("--profile", "-p", help="Which kind of asset; not needed if there is only one."),
]


_assignments: ContextVar[Sequence[str]] = ContextVar("assignments", default=())
"""What was said with ``--set`` to the command that is running."""


def settings_from(config: Path | None, **flags: Any) -> Settings:
    """Return the settings, or end with a clear message and exit code 78."""
    return found_from(config, **flags).settings


def found_from(config: Path | None, **flags: Any) -> Found:
    """Return the settings and where each was said, or end as `settings_from` does."""
    try:
        return seek_settings(config, **flags)
    except ConfigError as error:
        fail(str(error), Exit.CONFIG)


def seek_settings(config: Path | None, **flags: Any) -> Found:
    """Return the settings and where each was said, ``--set`` above all; raises `ConfigError`."""
    return find_settings(config, flags, _assignments.get())


def let_set(group: typer.Typer) -> None:
    """Give every command of a group that takes ``--config`` the option ``--set``."""
    for command in group.registered_commands:
        callback = command.callback
        if callback is not None and "config" in signature(callback).parameters:
            command.callback = _settable(callback)
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            let_set(inner.typer_instance)


def _settable(command: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(command)
    def with_assignments(*args: Any, set_: Assignments = None, **kwargs: Any) -> Any:
        token = _assignments.set(tuple(set_ or ()))
        try:
            return command(*args, **kwargs)
        finally:
            _assignments.reset(token)

    shape = signature(command)
    more = Parameter("set_", Parameter.KEYWORD_ONLY, default=None, annotation=Assignments)
    with_assignments.__signature__ = shape.replace(  # type: ignore[attr-defined]
        parameters=[*shape.parameters.values(), more]
    )
    with_assignments.__annotations__ = {**command.__annotations__, "set_": Assignments}
    return with_assignments


def choose_profile(settings: Settings, name: str) -> str:
    """Return the profile that is meant, or end with a clear message."""
    names = [profile.name for profile in settings.profiles]
    if not names:
        fail("profiles: there are none in the settings", Exit.CONFIG)
    if name not in names and (name or len(names) > 1):
        meant = f"--profile {name}: there is no such profile" if name else "--profile is needed"
        fail(f"{meant}; the settings have {', '.join(names)}", Exit.USAGE)
    return name or names[0]


def fail(message: str, code: Exit = Exit.FAILED) -> NoReturn:
    """End the program with a message on standard error."""
    for line in message.splitlines():
        complaints.print(Text.assemble(("tocsin: ", "bold red"), line), soft_wrap=True)
    raise typer.Exit(code)


def demand_place(option: str, path: Path) -> None:
    """End with exit code 2 unless a file can be written at ``path``; nothing is left there."""
    if path.is_dir():
        fail(f"{option} {path}: that is a folder; name a file in it", Exit.USAGE)
    try:
        if not path.exists():
            TemporaryFile(dir=path.parent).close()
        elif not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        fail(f"{option} {path}: cannot write there: {error.strerror}", Exit.USAGE)


def warn(message: str) -> None:
    """Say on standard error what looks wrong and holds nobody up."""
    complaints.print(Text.assemble(("tocsin: warning: ", "bold yellow"), message), soft_wrap=True)


def note(message: str) -> None:
    """Say on standard error what is worth a look and may well be as it should be."""
    complaints.print(Text.assemble(("tocsin: note: ", "bold"), message), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print ``value`` as one JSON object on standard output."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def print_facts(facts: Mapping[str, Any]) -> None:
    """Print names and values for people."""
    for name, value in facts.items():
        shown = Text(value) if isinstance(value, str) else value
        console.print(Text(name.replace("_", " "), "bold"), shown, soft_wrap=True)


def add_row(table: Table, *cells: str) -> None:
    """Add a row of plain text: brackets in it are brackets."""
    table.add_row(*(Text(cell) for cell in cells))


@contextmanager
def percent(title: str) -> Iterator[Callable[[float], None]]:
    """Show a progress bar on standard error and give what moves it."""
    columns = (TextColumn(title), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    hidden = not complaints.is_terminal
    with Progress(*columns, console=complaints, transient=True, disable=hidden) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda share: bar.update(task, completed=share)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` and end the program in the agreed way if something is not there."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None
    except ConfigError as error:
        fail(str(error), Exit.CONFIG)
    except (Unavailable, Rejected, BaseExceptionGroup) as error:
        cause = _first(error)
        if isinstance(cause, Unavailable):
            fail(_with_advice(str(cause)), Exit.UNAVAILABLE)
        if isinstance(cause, Rejected):
            fail(str(cause), Exit.FAILED)
        raise


def _with_advice(said: str) -> str:
    """Return what a server's absence was said in, with what to do about it."""
    if "; " in said:
        return said
    settings = {"Kafka": "kafka.bootstrap_servers", "InfluxDB": "influx.url"}
    setting = settings.get(said.partition(" ")[0])
    return f"{said}; start it, or mend {setting}" if setting else f"{said}; tocsin doctor says more"


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
    people = sys.stderr.isatty()
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=not os.environ.get("NO_COLOR"))
        if people
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if people else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(30 if quiet else 20),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    # What it has to say comes to us as an error too, and we say it once instead of every 100 ms.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

"""What ``benchmark`` does; in a module of its own because it loads torch."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import typer
from rich.progress import BarColumn, Progress, TextColumn

from tocsin.adapters.csv import TableFormat, read_table
from tocsin.cli.shared import Exit, complaints, console, fail, warn
from tocsin.core.formats.table import Chunk
from tocsin.settings import Settings
from tocsin.tools.backtest.benchmark import Standing, run_jobs
from tocsin.tools.backtest.jobs import Plan, make_jobs
from tocsin.tools.backtest.markdown import write_tables
from tocsin.tools.backtest.model import ReplayPolicy
from tocsin.tools.backtest.table import tabulate
from tocsin.wiring.models import recipe_of

_QUIET_S = 60.0
"""Where there is no terminal, so often a line says how far it is."""

_MOST_TOLD = 5

_WINDOW_ROWS = 32
"""Half of a profile's default: some recordings have 400 rows to learn from."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked to have measured."""

    folder: Path
    out: Path
    sets: Sequence[str]
    models: Sequence[str]
    seeds: Sequence[int]
    workers: int


def measure_detection(settings: Settings, wish: Wish) -> None:
    """Run a benchmark, write what it found, and end with exit code 3 if a run failed."""
    plan = Plan(read_csv, recipe_of(settings), ReplayPolicy(length=_WINDOW_ROWS))
    tables = wish.out.with_suffix(".md")
    try:
        found = _measure(plan, wish)
        _write(wish.out, msgspec.json.format(msgspec.json.encode(found)))
        _write(tables, write_tables(found).encode())
    except (ValueError, OSError, RuntimeError) as error:
        fail(str(error), Exit.FAILED)
    except KeyboardInterrupt:
        complaints.print("stopped; the same command goes on from here")
        raise typer.Exit(Exit.INTERRUPTED) from None
    console.print(f"wrote {wish.out} and {tables}", soft_wrap=True, highlight=False, markup=False)
    _tell_failures(found["failures"])


def read_csv(path: Path, time_column: str) -> Iterator[Chunk]:
    """Open a CSV file; a function of a module, so that workers can find it."""
    return read_table(path, TableFormat(time_column))


def _measure(plan: Plan, wish: Wish) -> dict[str, Any]:
    jobs = make_jobs(wish.folder, wish.sets, wish.models, wish.seeds, plan)
    journal = wish.out.with_suffix(".journal.jsonl")
    with _watching(len(jobs)) as tell:
        results = run_jobs(jobs, plan, journal, wish.workers, tell)
    settings = {
        "tocsin": version("tocsin"),
        "sets": list(wish.sets),
        "models": list(wish.models),
        "jobs": wish.workers,
        **plan.settings(),
    }
    return tabulate(results, settings, wish.seeds)


@contextmanager
def _watching(total: int) -> Iterator[Callable[[Standing], None]]:
    """Show how far it is on standard error: a bar on a terminal, now and then a line elsewhere."""
    if not complaints.is_terminal:
        yield _Lines().tell
        return
    columns = (TextColumn("{task.completed} of {task.total}"), BarColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=complaints) as bar:
        task = bar.add_task("", total=total)
        yield lambda now: bar.update(task, completed=now.done, description=_say(now))


class _Lines:
    """Says how far it is in lines, and not too often."""

    def __init__(self) -> None:
        self._said_s = float("-inf")

    def tell(self, now: Standing) -> None:
        if now.done < now.total and time.monotonic() < self._said_s + _QUIET_S:
            return
        self._said_s = time.monotonic()
        line = f"{now.done} of {now.total} {_say(now)}"
        complaints.print(line.rstrip(), soft_wrap=True, highlight=False, markup=False)


def _say(now: Standing) -> str:
    """Return what is left and what came last, in words."""
    parts = []
    if now.left_s is not None and now.done < now.total:
        parts.append(f"about {tell_span(now.left_s)} left")
    if now.last is not None:
        last = now.last
        parts.append(f"{last.set_name} {last.series} {last.model} seed {last.seed}")
    return "; ".join(parts)


def tell_span(seconds: float) -> str:
    """Return a length of time as a person would say it."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _tell_failures(failures: Sequence[Mapping[str, Any]]) -> None:
    for each in failures[:_MOST_TOLD]:
        run = f"{each['set']} {each['series']} {each['model']} seed {each['seed']}"
        warn(f"{run}: {each['reason']}")
    if failures:
        fail(f"{len(failures)} runs failed; they are in the file and in no figure", Exit.FINDINGS)


def _write(path: Path, content: bytes) -> None:
    """Put a file where it belongs at once, so that nobody finds half of it."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(content)
    draft.replace(path)

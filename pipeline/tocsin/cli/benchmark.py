"""The command that measures detection on public recordings."""

import os
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from tocsin.cli.shared import Config, Exit, demand_place, fail, settings_from
from tocsin.tools.backtest.names import BENCHMARK_SETS, MODELS, SETS

_LISTS: Mapping[str, Sequence[str]] = {"--sets": SETS, "--models": MODELS}


class ListingCommand(TyperCommand):
    """A command whose lists can be written ``--sets smd nab``, with commas, or one by one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Spread the lists before anything is understood."""
        return super().parse_args(ctx, list(spread_lists(args)))


def spread_lists(words: Sequence[str]) -> Iterator[str]:
    """Give ``--sets smd --sets nab`` for ``--sets smd nab`` and for ``--sets smd,nab``.

    What follows the option at once is in the list, and so is every name after it that there is to
    choose from; any other word, such as a folder, is none of the list's.
    """
    option, first = "", False
    for word in words:
        name, assigned, value = word.partition("=")
        parts = (value if assigned else word).split(",")
        if name in _LISTS:
            option, first = name, not assigned
            parts = parts if assigned else []
        elif not option or not (first or set(parts) <= set(_LISTS[option])):
            option, parts = "", []
            yield word
        else:
            first = False
        for part in parts:
            yield from (option, part)


def benchmark(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with a folder for each set of recordings.")
    ],
    out: Annotated[
        Path,
        typer.Option("--json", metavar="OUT", help="Where what is found goes; with a .md beside."),
    ],
    sets: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME...",
            help=f"Of {', '.join(SETS)}; default: those that are there, without tep.",
        ),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME...", help=f"Of {', '.join(MODELS)}; default: all."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How often each model is learned.")] = 3,
    jobs: Annotated[
        int, typer.Option(min=0, help="Processes at work, one thread each; 0: one a core.")
    ] = 0,
    config: Config = None,
) -> None:
    """Measure detection on labelled recordings: every model, beside what it has to beat.

    Stopped and called again, it goes on where it was. Exit code 3 if a run failed.

    Example: tocsin benchmark recordings --json detection.json --models default t2-ewma
    """
    from tocsin.cli.benchmarking import Wish, measure_detection  # noqa: PLC0415 - loads torch

    settings = settings_from(config)
    if not folder.is_dir():
        fail(f"{folder}: there is no such folder", Exit.USAGE)
    if out.suffix.lower() == ".md":
        fail(f"--json {out}: the tables get that name; call it {out.stem}.json", Exit.USAGE)
    wish = Wish(
        folder=folder,
        out=out,
        sets=_choose("--sets", sets) or _there(folder),
        models=_choose("--models", models) or MODELS,
        seeds=range(seeds),
        workers=jobs or os.cpu_count() or 1,
    )
    _demand_places(out)
    measure_detection(settings, wish)


def _demand_places(out: Path) -> None:
    """Make the folder that everything goes to, or end with why it cannot go there."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"--json {out}: cannot make {out.parent}: {error.strerror}", Exit.USAGE)
    demand_place("--json", out)
    for suffix in (".md", ".journal.jsonl"):
        demand_place(f"--json {out}:", out.with_suffix(suffix))


def _choose(option: str, names: Sequence[str] | None) -> Sequence[str]:
    """Return the names that were asked for, each once, or end with what there is."""
    known = _LISTS[option]
    for name in names or ():
        if name not in known:
            close = get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(known)}"
            fail(f"{option} {name}: there is no such thing; {hint}", Exit.USAGE)
    return tuple(name for name in known if name in (names or ()))


def _there(folder: Path) -> Sequence[str]:
    """Return the sets that the folder has, or end with how it should look."""
    found = tuple(name for name in BENCHMARK_SETS if (folder / name).is_dir())
    if not found:
        expected = ", ".join(BENCHMARK_SETS)
        fail(f"{folder}: there is none of the folders {expected} in it", Exit.USAGE)
    return found

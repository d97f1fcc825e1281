"""The command ``demo``."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.shared import Exit, Json, configure_logging, console, fail, print_json, run_async
from tocsin.tools.story import StoryPolicy

_WATCHABLE = 60.0


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="As fast as the machine can, then end.")
    ] = False,
    as_json: Json = False,
    seed: Annotated[int, typer.Option(min=0, help="Another plant.")] = StoryPolicy().seed,
    keep: Annotated[
        Path | None, typer.Option(help="Folder to keep the log and the points in.")
    ] = None,
) -> None:
    """Watch a fault being caught: a plant, all four roles and a receiver of webhooks, no servers.

    Exit code 0 only if the fault was caught, its signed webhook arrived, so did its resolution, and
    a refitted model is scoring.

    Example: tocsin demo --once --json
    """
    from tocsin.cli.stage import ending, play  # noqa: PLC0415 - loads torch

    configure_logging(quiet=True)
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    policy = StoryPolicy(seed=seed) if once else StoryPolicy(seed=seed, speed=_WATCHABLE)
    live = console.is_terminal and not (once or as_json)
    account, shortcomings = run_async(play(policy, keep, live=live))
    if as_json:
        print_json(account)
    else:
        console.print(ending(account))
    if shortcomings:
        fail("\n".join(shortcomings), Exit.FAILED)

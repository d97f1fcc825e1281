"""The command ``demo``."""

from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.shared import (
    Exit,
    Json,
    complaints,
    configure_logging,
    console,
    fail,
    print_json,
    run_async,
)

_SEED = 7
_PORT = 8765
_WATCHABLE = 60.0


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="No page: as fast as the machine can, then end.")
    ] = False,
    as_json: Json = False,
    seed: Annotated[int, typer.Option(min=0, help="Another plant.")] = _SEED,
    speed: Annotated[
        float | None,
        typer.Option(min=0.1, help="The plant's time against ours; 20 on the page, else 60."),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Where the page is; if taken, it goes elsewhere.")
    ] = _PORT,
    page: Annotated[
        bool, typer.Option("--page/--no-page", help="Watch in a browser, or in the terminal.")
    ] = True,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
    keep: Annotated[
        Path | None, typer.Option(help="Folder to keep the log and the points in.")
    ] = None,
) -> None:
    """Watch a fault being caught: a plant, all four roles and a receiver of webhooks, no servers.

    It opens a page in the browser, goes on until Ctrl-C, and then ends with exit code 0.

    Without the page (--once, --json, --no-page) the story is told once. Exit code 0 then means:

    the fault was caught, signed webhooks told of both its ends, and a refit scores or was refused.

    Example: tocsin demo
    """
    configure_logging(quiet=True)
    if keep:
        _make_folder(keep)
    if page and not (once or as_json):
        _show(seed, speed, port, keep, browser=browser)
    _tell(seed, inf if once else speed or _WATCHABLE, keep, live=not once, as_json=as_json)


def _show(seed: int, speed: float | None, port: int, keep: Path | None, *, browser: bool) -> None:
    """Show the demo on its page, which ends the program, unless there can be no page."""
    from tocsin.cli.watching import watch  # noqa: PLC0415 - brings a web server along
    from tocsin.demo import LIVE, CannotListen, LivePolicy  # noqa: PLC0415

    story = replace(LIVE, seed=seed, speed=speed or LIVE.speed)
    try:
        run_async(watch(LivePolicy(story, port, keep), browser=browser))
    except CannotListen as reason:
        complaints.print(f"{reason}: here is the story in the terminal.", markup=False)


def _make_folder(keep: Path) -> None:
    """Make the folder, or end the program with a message if it cannot be used."""
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"--keep {keep}: {error.strerror}", Exit.USAGE)
    if (keep / "log.sqlite").exists():
        fail(f"--keep {keep}: a log is there already; choose another folder", Exit.USAGE)


def _tell(seed: int, speed: float, keep: Path | None, *, live: bool, as_json: bool) -> None:
    """Tell the story once, in the terminal or to a program."""
    from tocsin.cli.stage import ending, play  # noqa: PLC0415
    from tocsin.tools.story import StoryPolicy  # noqa: PLC0415

    policy = StoryPolicy(seed=seed, speed=speed)
    shown = console.is_terminal and live and not as_json
    account, shortcomings = run_async(play(policy, keep, live=shown))
    if as_json:
        print_json(account)
    else:
        console.print(ending(account))
    if shortcomings:
        fail("\n".join(shortcomings), Exit.FAILED)

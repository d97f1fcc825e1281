"""What ``demo`` says while its page is open."""

import asyncio
import os
import sys
import threading
import time
import webbrowser
from collections.abc import Mapping, Sequence
from contextlib import suppress

from rich.text import Text

from tocsin.cli.shared import Exit, complaints, console, stop_on_signals
from tocsin.demo import LivePolicy, LiveShow, PartFailed, open_live
from tocsin.tools.breaking import Broken
from tocsin.tools.story import Phase

_LOOK_S = 0.1
_GOODBYE_S = 1.5


async def watch(policy: LivePolicy, *, browser: bool) -> None:
    """Run the demo with its page until SIGINT or SIGTERM, or until a part of it fails.

    That is the end of the program: it does not wait for threads that learn or import, which cannot
    be broken off, and the log loses nothing by the death of a process.

    Raises:
        CannotListen: if the page cannot have any address; the program then goes on.
    """
    stop, code = stop_on_signals(), Exit.OK
    try:
        async with open_live(policy, stop) as show:
            console.print(Text.assemble("Tocsin is at ", (show.url, "bold"), "  (Ctrl-C ends it)"))
            if browser and has_display(os.environ, sys.platform):
                # not waited for: some browsers only come back when they are closed
                threading.Thread(target=webbrowser.open, args=(show.url,), daemon=True).start()
            await _narrate(show, stop)
            console.print(farewell(show.story.ledger.entries, policy))
            late = threading.Timer(_GOODBYE_S, _leave, (code,))
            late.daemon = True
            late.start()
    except* PartFailed as failures:
        reason = f"{_first(failures)}. The demo cannot go on without it."
        complaints.print(Text.assemble(("tocsin: ", "bold red"), reason), soft_wrap=True)
        code = Exit.FAILED
    _leave(code)


def has_display(environment: Mapping[str, str], platform: str) -> bool:
    """Whether a browser that is opened now is likely to be seen by whoever typed the command."""
    if environment.get("CI"):
        return False
    if platform in ("darwin", "win32"):
        return "SSH_CONNECTION" not in environment
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def farewell(broken: Sequence[Broken], policy: LivePolicy) -> Text:
    """Return the last line: what was noticed, and what is left."""
    noticed = sum(each.alert is not None for each in broken)
    missed = sum(each.alert is None and each.over for each in broken)
    faults = "1 fault" if len(broken) == 1 else f"{len(broken)} faults"
    kept = f"Log and points are in {policy.keep}." if policy.keep else "Nothing is left behind."
    return Text(f"{faults}, {noticed} noticed, {missed} missed. {kept}")


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


async def _narrate(show: LiveShow, stop: asyncio.Event) -> None:
    """Print the story until it is the visitors' turn, with the seconds since the page was there."""
    began_s, told, chapter = time.monotonic(), "", show.story.chapter
    while not stop.is_set():
        if chapter.title != told:
            told = chapter.title
            console.print(f"{time.monotonic() - began_s:5.1f} s  {told}", highlight=False)
            if chapter.phase is Phase.FREE:
                break
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await stop.wait()
    await stop.wait()


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

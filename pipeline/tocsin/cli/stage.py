"""What ``demo`` shows in the terminal; in a module of its own because of what it brings along."""

import asyncio
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tocsin.cli.shared import console
from tocsin.demo import Show, staged
from tocsin.tools.story import StoryPolicy

_BARS = "▁▂▃▄▅▆▇█"
_FULL_BAR = 2.0
"""The score at which a bar is as high as it gets."""


async def play(
    policy: StoryPolicy, keep: Path | None, *, live: bool
) -> tuple[dict[str, Any], list[str]]:
    """Play the story, and return the account of it and what it fell short of."""
    failure = ""
    async with staged(policy, keep) as show:
        try:
            if live:
                await _watch(show)
            else:
                await show.story.play()
        except TimeoutError as error:
            failure = str(error)
        account = await show.account()
        shortcomings = show.shortcomings(account)
    return account, [failure, *shortcomings] if failure else shortcomings


async def _watch(show: Show) -> None:
    playing = asyncio.create_task(show.story.play())
    with Live(console=console, refresh_per_second=8) as screen:
        while not playing.done():
            screen.update(_picture(show))
            await asyncio.wait({playing}, timeout=0.125)
        screen.update(_picture(show))
    await playing


def _picture(show: Show) -> RenderableType:
    chapter, witness = show.story.chapter, show.witness
    minutes, seconds = divmod((chapter.now_ns // 1_000_000_000) % 86_400, 60)
    clock = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    head = Text.assemble((clock, "bold"), "  ", (chapter.title, "bold cyan"))
    table = Table("asset", "status", "score", "the last minutes", expand=True)
    alarmed = {alert.asset: alert for alert in witness.open_alerts()}
    for name, trace in sorted(witness.assets.items()):
        score = "" if trace.score is None else f"{trace.score:.2f}"
        style = "bold red" if name in alarmed else ""
        table.add_row(name, trace.status.replace("_", " "), score, _bars(trace.recent), style=style)
    told = [
        Text(f"{step.state} {step.severity}: {step.summary}", style=_STYLES[str(step.state)])
        for step in list(witness.transitions.values())[-4:]
    ]
    accepted = len([each for each in show.receiver.accepted if each.verified])
    foot = Text(
        f"{chapter.readings:,} readings   {witness.statuses.total():,} windows   "
        f"{accepted} webhooks verified   models {', '.join(witness.models) or 'none yet'}",
        style="dim",
    )
    return Panel(Group(head, table, *told, foot), title="Tocsin", border_style="cyan")


_STYLES = {"open": "bold red", "resolved": "green"}


def _bars(scores: Any) -> str:
    top = len(_BARS) - 1
    return "".join(_BARS[min(top, int(score / _FULL_BAR * top))] for score in scores)


def ending(account: dict[str, Any]) -> RenderableType:
    """Return what happened, for people."""
    seen = f"{account['readings']:,} readings, {account['scores']:,} scores"
    told = f"{account['webhooks']['verified']} verified webhooks"
    lines = [f"{seen}, {told} in {account['seconds']:.1f} s"]
    for alert in account["alerts"]:
        what = f"{alert['asset']} {', '.join(alert['channels'][:2])}"
        truth = (
            f"fault in {', '.join(alert['true_channels'])}, found after {alert['delay_s']:.0f} s"
        )
        lines.append(f"{what}: {truth if alert['true_channels'] else 'a false alarm'}")
    lines += [
        f"model {model['version']} was refused: {model['why']}"
        for model in account["models"]
        if model["verdict"] == "refused"
    ]
    return Panel.fit(Text("\n".join(lines)), title="What happened", border_style="green")

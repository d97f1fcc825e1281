"""The commands that bring data: simulate, replay, train."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from tocsin.adapters.csv import TableFormat, read_table
from tocsin.cli.shared import (
    Config,
    Exit,
    Json,
    complaints,
    console,
    fail,
    print_json,
    run_async,
    settings_from,
)
from tocsin.core.challenge import ChallengePolicy
from tocsin.core.formats.table import Chunk, find_span
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.core.scoring import fits
from tocsin.settings import ConfigError, Settings, parse_duration
from tocsin.tools.plan import Plan, draw_plan
from tocsin.tools.plant import CHANNELS, Plant
from tocsin.tools.replay import Pace, ReplayPolicy, ReplayReport, Stamp, parse_speed
from tocsin.tools.replay import replay as send_table
from tocsin.tools.simulate import SimulationPolicy
from tocsin.tools.simulate import simulate as send_plant
from tocsin.tools.train import TrainPolicy, release, train_from_table
from tocsin.wiring import outside, profiles_of, recipe_of
from tocsin_models.inference import use_one_thread

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV file.")]
Asset = Annotated[str, typer.Option("--asset", "-a", help="Whose readings these are.")]
AssetColumn = Annotated[
    str | None, typer.Option("--asset-column", help="Column that names the asset of each row.")
]
TimeColumn = Annotated[str, typer.Option("--time-column", "-t", help="Column with the time.")]
Speed = Annotated[str, typer.Option("--speed", help="max, real, or N times as fast as it was.")]
Ignore = Annotated[
    list[str] | None,
    typer.Option("--ignore", help="Column to leave out; may be given several times."),
]
_PACE = Pace(time.monotonic, asyncio.sleep)


def replay(
    file: File,
    time_column: TimeColumn = "time",
    asset: Asset = "",
    asset_column: AssetColumn = None,
    ignore: Ignore = None,
    speed: Speed = "max",
    shift_to_now: Annotated[
        bool, typer.Option("--shift-to-now", help="Move all times so that the last one is now.")
    ] = False,
    stamp: Annotated[
        Stamp, typer.Option(help="Time of the log entries: the log's own, or the readings'.")
    ] = Stamp.LOG,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Send a CSV file into the log, one wide JSON entry a row.

    Example: tocsin replay pump.csv --asset pump-1 --time-column datetime --speed 60
    """
    settings = settings_from(config)
    try:
        form = TableFormat(time_column, asset_column=asset_column, ignore=tuple(ignore or ()))
        shift_ns = _shift(read_table(file, form)) if shift_to_now else 0
        policy = ReplayPolicy(asset, parse_speed(speed), shift_ns, stamp)
        table = read_table(file, form)
    except ValueError as error:
        fail(str(error), Exit.USAGE)

    async def send() -> ReplayReport:
        async with outside(settings) as ports:
            with _percent(f"sending {file.name}") as show:
                return await send_table(
                    ports.log,
                    settings.topics.readings,
                    table,
                    policy,
                    _PACE,
                    lambda r: show(r.share),
                )

    try:
        report = run_async(send())
    except ValueError as error:
        fail(str(error), Exit.USAGE)
    _tell(asdict(report), as_json=as_json)


def simulate(
    assets: Annotated[int, typer.Option(min=1, help="Pumps in the plant.")] = 4,
    length: Annotated[str, typer.Option("--for", help="Stretch of the plant's time.")] = "1h",
    period: Annotated[str, typer.Option(help="Distance of readings.")] = "1s",
    faults: Annotated[int, typer.Option(min=0, help="Faults, every kind in turn.")] = 0,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    speed: Speed = "max",
    start: Annotated[
        str, typer.Option(help="RFC 3339 time of the first reading; default: ends now.")
    ] = "",
    stamp: Annotated[
        Stamp, typer.Option(help="Time of the log entries: the log's own, or the readings'.")
    ] = Stamp.LOG,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Run a plant into the log: linked channels, regimes, noise, gaps, and faults with their truth.

    The report names the plant's channels: put them into a profile to have it watched.

    Example: tocsin simulate --assets 3 --for 30m --faults 4 --speed 60
    """
    settings = settings_from(config)
    try:
        period_ns, length_ns = parse_duration(period), parse_duration(length)
        begin_ns = _begin(start, length_ns, parse_speed(speed)) // period_ns * period_ns
        plant = Plant(seed, [f"pump-{n + 1}" for n in range(assets)], period_ns)
        plan = (
            draw_plan(plant, seed, begin_ns, begin_ns + length_ns, faults)
            if faults
            else Plan(plant)
        )
        sending = ReplayPolicy(speed=parse_speed(speed), stamp=stamp)
        policy = SimulationPolicy(begin_ns, max(1, length_ns // period_ns), sending)
    except ValueError as error:
        fail(str(error), Exit.USAGE)

    async def send() -> dict[str, Any]:
        async with outside(settings) as ports:
            with _percent("the plant runs") as show:
                report = await send_plant(
                    ports.log,
                    settings.topics.readings,
                    plan,
                    policy,
                    _PACE,
                    lambda r: show(r.share),
                )
        truth = {"channels": [c.name for c in CHANNELS], "truth": list(report.truth)}
        return {**asdict(report.sent), **truth}

    _tell(run_async(send()), as_json=as_json)


def train(
    file: File,
    time_column: TimeColumn = "time",
    asset: Asset = "table",
    asset_column: AssetColumn = None,
    profile: Annotated[
        str, typer.Option("--profile", "-p", help="Which kind of asset.")
    ] = "default",
    rows: Annotated[
        int | None, typer.Option(min=1, help="Learn from this many rows at the start.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Learn a model from a CSV file of normal operation, and let it score if its verdict allows.

    Exit code 3 if the verdict is a refusal.

    Example: tocsin train normal.csv --time-column datetime --config plant.toml
    """
    use_one_thread()
    settings = settings_from(config)
    chosen = _profile(settings, profile)
    try:
        form = TableFormat(time_column, asset_column=asset_column, channels=chosen.channels)
        table = _first_rows(read_table(file, form), rows)
        policy = TrainPolicy(
            asset, ChallengePolicy(recipe_of(settings)), facts={"table": file.name}
        )
        result = run_async(_learn(settings, chosen, table, policy))
    except ValueError as error:
        fail(str(error), Exit.FAILED)
    _tell(result, as_json=as_json)
    if not result["promoted"]:
        raise typer.Exit(Exit.FINDINGS)


async def _learn(
    settings: Settings, profile: Profile, table: Iterable[Chunk], policy: TrainPolicy
) -> dict[str, Any]:
    async with outside(settings) as ports:
        version = await ports.registry.champion(profile.name)
        champion = await ports.registry.fetch(profile.name, version) if version else None
        if champion and fits(champion, profile):
            champion = None
        with _percent(f"learning {profile.name}") as show:
            found = await asyncio.to_thread(
                train_from_table,
                table,
                profile,
                policy,
                champion,
                lambda p: show(p.epoch / p.epochs),
            )
        await release(ports.registry, profile.name, found, time.time_ns())
    return {
        "version": found.bundle.version,
        "promoted": found.verdict.promoted,
        "checks": [asdict(check) for check in found.verdict.checks],
        "limit": found.bundle.calibration.limit,
        "facts": dict(found.bundle.facts),
    }


def _profile(settings: Settings, name: str) -> Profile:
    try:
        profiles = {profile.name: profile for profile in profiles_of(settings)}
    except ConfigError as error:
        fail(str(error), Exit.CONFIG)
    if name not in profiles:
        fail(f"--profile {name}: the settings have {', '.join(profiles)}", Exit.USAGE)
    return profiles[name]


def _first_rows(table: Iterable[Chunk], rows: int | None) -> Iterator[Chunk]:
    left = rows
    for chunk in table:
        if left is None or left >= len(chunk):
            yield chunk
            left = None if left is None else left - len(chunk)
        else:
            asset = None if chunk.asset is None else chunk.asset[:left]
            yield replace(
                chunk, asset=asset, time_ns=chunk.time_ns[:left], values=chunk.values[:left]
            )
            left = 0
        if left == 0:
            return


def _shift(table: Iterable[Chunk]) -> int:
    span = find_span(table)
    return time.time_ns() - span[1] if span else 0


def _begin(start: str, length_ns: int, speed: float) -> int:
    """Return when the plant begins: as told, or so that it ends now, or now if time passes."""
    if start:
        return round(datetime.fromisoformat(start).astimezone(UTC).timestamp()) * SECOND_NS
    return time.time_ns() - (length_ns if speed == parse_speed("max") else 0)


@contextmanager
def _percent(title: str) -> Iterator[Callable[[float], None]]:
    """Show a progress bar on standard error and give what moves it."""
    columns = (TextColumn(title), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=complaints, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda share: bar.update(task, completed=share)


def _tell(result: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    for name, value in result.items():
        console.print(f"[bold]{name.replace('_', ' ')}[/]", value)

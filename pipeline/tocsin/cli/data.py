"""The commands that bring data: simulate, replay, train."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.adapters.csv import TableFormat, read_table
from tocsin.cli.limits import for_people
from tocsin.cli.shared import (
    Config,
    Exit,
    Json,
    ProfileName,
    choose_profile,
    fail,
    note,
    percent,
    print_facts,
    print_json,
    run_async,
    settings_from,
    warn,
)
from tocsin.core.formats.faults import Faults
from tocsin.core.formats.table import Chunk, find_span
from tocsin.core.formats.times import UNREADABLE, time_ns
from tocsin.settings import Settings, parse_duration
from tocsin.tools.plan import Plan, draw_plan
from tocsin.tools.plant import CHANNELS, Plant
from tocsin.tools.replay import Pace, ReplayPolicy, ReplayReport, Stamp, parse_speed
from tocsin.tools.replay import replay as send_table
from tocsin.tools.simulate import SimulationPolicy, SimulationReport
from tocsin.tools.simulate import simulate as send_plant
from tocsin.wiring import demand_topics, open_log

File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file.")
]
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
StampOption = Annotated[
    Stamp, typer.Option(help="Time of the log entries: the log's own, or the readings'.")
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
    stamp: StampOption = Stamp.LOG,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Send a CSV file into the log, one wide JSON entry a row.

    Exit code 1 if there was not one reading to send.

    Example: tocsin replay pump.csv --asset pump-1 --time-column datetime --speed 60
    """
    settings = settings_from(config)
    if not asset and not asset_column:
        fail("whose readings are these? give --asset NAME or --asset-column COLUMN", Exit.USAGE)
    try:
        form = TableFormat(time_column, asset_column=asset_column, ignore=tuple(ignore or ()))
        shift_ns = _shift(read_table(file, form)) if shift_to_now else 0
        policy = ReplayPolicy(asset, parse_speed(speed), shift_ns, stamp)
        table = read_table(file, form)
    except ValueError as error:
        fail(str(error), Exit.USAGE)
    faults = Faults()
    report = run_async(_send_table(settings, faults.watch(table), policy, file.name))
    _tell(asdict(report), as_json=as_json)
    if not report.readings:
        why = "no cell is a number" if faults.rows else "there is no row in it"
        fail(f"{file.name}: nothing was sent: {'; '.join(faults.warnings()) or why}", Exit.FAILED)
    _warn_of(faults, file)


async def _send_table(
    settings: Settings, table: Iterable[Chunk], policy: ReplayPolicy, title: str
) -> ReplayReport:
    topic = settings.topics.readings
    async with open_log(settings) as log:
        await demand_topics(log, settings, ["readings"])
        with percent(f"sending {title}") as show:
            return await send_table(log, topic, table, policy, _PACE, lambda r: show(r.share))


def simulate(
    assets: Annotated[int, typer.Option(min=1, help="Pumps in the plant.")] = 4,
    length: Annotated[str, typer.Option("--for", help="Stretch of the plant's time.")] = "1h",
    period: Annotated[str, typer.Option(help="Distance of readings.")] = "1s",
    faults: Annotated[int, typer.Option(min=0, help="Faults, every kind in turn.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Another plant.")] = 0,
    speed: Speed = "max",
    ago: Annotated[str, typer.Option(help="How long ago the last reading is, once sent.")] = "0s",
    start: Annotated[
        str, typer.Option(help="Time of the first reading, RFC 3339, in place of --ago.")
    ] = "",
    stamp: StampOption = Stamp.LOG,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Run a plant into the log: linked channels, regimes, noise, gaps, and faults with their truth.

    The report names the plant's channels: put them into a profile to have it watched.

    Example: tocsin simulate --assets 3 --for 30m --faults 4 --speed 60
    """
    settings = settings_from(config)
    try:
        period_ns, length_ns = _span(period, "--period"), _span(length, "--for")
        if not min(period_ns, length_ns):
            fail("--period and --for must not be 0", Exit.USAGE)
        begin_ns = _begin(start, length_ns / parse_speed(speed) - length_ns - _span(ago, "--ago"))
        begin_ns -= begin_ns % period_ns
        plant = Plant(seed, [f"pump-{n + 1}" for n in range(assets)], period_ns)
        end_ns = begin_ns + length_ns
        plan = draw_plan(plant, seed, begin_ns, end_ns, faults) if faults else Plan(plant)
        sending = ReplayPolicy(speed=parse_speed(speed), stamp=stamp)
        policy = SimulationPolicy(begin_ns, max(1, length_ns // period_ns), sending)
    except ValueError as error:
        fail(str(error), Exit.USAGE)
    report = run_async(_send_plant(settings, plan, policy))
    truth = {"channels": [channel.name for channel in CHANNELS], "truth": list(report.truth)}
    _tell({**asdict(report.sent), **truth}, as_json=as_json)


async def _send_plant(settings: Settings, plan: Plan, policy: SimulationPolicy) -> SimulationReport:
    topic = settings.topics.readings
    async with open_log(settings) as log:
        await demand_topics(log, settings, ["readings"])
        with percent("the plant runs") as show:
            return await send_plant(log, topic, plan, policy, _PACE, lambda r: show(r.share))


def train(
    file: File,
    time_column: TimeColumn = "time",
    asset: Asset = "table",
    asset_column: AssetColumn = None,
    profile: ProfileName = "",
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
    from tocsin.cli.training import Lesson, learn  # noqa: PLC0415 - loads torch

    settings = settings_from(config)
    name = choose_profile(settings, profile)
    chosen = next(each.profile() for each in settings.profiles if each.name == name)
    form = TableFormat(time_column, asset_column=asset_column, channels=chosen.channels)
    try:
        table = read_table(file, form)
    except ValueError as error:
        fail(str(error), Exit.USAGE)
    lesson = Lesson(table, asset, file.name, rows)
    try:
        result = run_async(learn(settings, chosen, lesson))
    except ValueError as error:
        if not lesson.faults.too_many:  # else the error says so
            _warn_of(lesson.faults, file)
        fail(f"{file.name}: {error}", Exit.FAILED)
    _warn_of(lesson.faults, file)
    if as_json:
        print_json(result)
    else:
        print_facts(for_people({key: value for key, value in result.items() if key != "notes"}))
    for sentence in result["notes"]:
        note(sentence)
    if not result["promoted"]:
        raise typer.Exit(Exit.FINDINGS)


def _warn_of(faults: Faults, file: Path) -> None:
    """Say what was not taken from a file."""
    for said in faults.warnings():
        warn(f"{file.name}: {said}")


def _shift(table: Iterable[Chunk]) -> int:
    span = find_span(table)
    return time.time_ns() - span[1] if span else 0


def _span(text: str, option: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError(f"{option} {text}: {error}") from None


def _begin(start: str, from_now_ns: float) -> int:
    """Return when the plant begins, in ns: as told, or so long from now, but never after it."""
    if not start:
        return time.time_ns() + min(0, round(from_now_ns))
    begin_ns = time_ns(start)
    if begin_ns == UNREADABLE:
        raise ValueError(f"--start {start}: write a time like 2026-01-05T00:00:00Z")
    return begin_ns


def _tell(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(result)
    else:
        print_facts(result)

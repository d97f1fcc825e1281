"""Are the servers there, and what do they say? Every complaint comes with what to do."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

from tocsin.core.formats.json import JsonDecoder
from tocsin.core.profile import Profile
from tocsin.core.records import Names, Place
from tocsin.ports import Log, Unavailable
from tocsin.settings import ConfigError, Settings
from tocsin.wiring import make_log, make_store, outside, profiles_of, topic_specs


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    well: bool
    found: str
    remedy: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything, in the order in which one thing needs the other."""
    return [finding async for finding in _examine(settings)]


async def _examine(settings: Settings) -> AsyncIterator[Finding]:
    profiles: list[Profile] = []
    try:
        profiles = profiles_of(settings)
        yield Finding(
            "settings", well=True, found=f"profiles {', '.join(p.name for p in profiles)}"
        )
    except ConfigError as error:
        yield Finding("settings", well=False, found=str(error), remedy="tocsin check")
    async with AsyncExitStack() as stack:
        try:
            log = await stack.enter_async_context(make_log(settings))
            yield Finding("log", well=True, found=await log.ping())
        except Unavailable as error:
            yield Finding(
                "log",
                well=False,
                found=str(error),
                remedy="start Kafka, or mend kafka.bootstrap_servers",
            )
        else:
            async for finding in _examine_log(log, settings, profiles):
                yield finding
    yield await _examine_store(settings)


async def _examine_log(
    log: Log, settings: Settings, profiles: list[Profile]
) -> AsyncIterator[Finding]:
    missing = False
    for found in await log.declare(topic_specs(settings), create=False):
        well = found.state not in ("missing", "different")
        missing |= not well
        remedy = "" if well else "tocsin topics create"
        yield Finding(f"topic {found.name}", well, f"{found.state} {found.detail}".strip(), remedy)
    if not missing:
        yield await _examine_readings(log, settings, profiles)
        for profile in profiles:
            yield await _examine_model(settings, profile)


async def _examine_readings(log: Log, settings: Settings, profiles: list[Profile]) -> Finding:
    """Decode the newest entries of the first partition that has any."""
    channels = tuple(dict.fromkeys(c for profile in profiles for c in profile.channels))
    names = Names()
    for partition in range(await log.partitions(settings.topics.readings)):
        place = Place(settings.topics.readings, partition)
        first, end = await log.bounds(place)
        async for batch in log.read(place, max(first, end - 100), end):
            decoded = JsonDecoder(channels, names).decode(batch)
            if len(decoded.readings):
                asset = names.table[int(decoded.readings.asset[0])]
                channel = channels[int(decoded.readings.channel[0])]
                value = float(decoded.readings.value[0])
                return Finding("readings", well=True, found=f"{asset} {channel} = {value}")
            why = decoded.rejects[0].detail if decoded.rejects else "no known channel in them"
            return Finding(
                "readings",
                well=False,
                found=why,
                remedy="compare profiles.channels with the entries",
            )
    return Finding(
        "readings",
        well=False,
        found="none yet",
        remedy="tocsin replay, tocsin simulate, or a producer",
    )


async def _examine_model(settings: Settings, profile: Profile) -> Finding:
    async with outside(settings) as ports:
        version = await ports.registry.champion(profile.name)
        if version is None:
            return Finding(
                f"model of {profile.name}",
                well=False,
                found="none yet",
                remedy="let tocsin retrain run, or tocsin train a CSV file",
            )
        try:
            bundle = await ports.registry.fetch(profile.name, version)
        except ValueError as error:
            return Finding(
                f"model of {profile.name}",
                well=False,
                found=str(error),
                remedy="tocsin models rollback",
            )
        return Finding(f"model of {profile.name}", well=True, found=f"{bundle.version} is whole")


async def _examine_store(settings: Settings) -> Finding:
    try:
        async with make_store(settings) as store:
            return Finding("store", well=True, found=await store.ping())
    except Unavailable as error:
        return Finding(
            "store", well=False, found=str(error), remedy="start InfluxDB, or mend influx.*"
        )

"""Are the servers there, and what do they say? Every complaint comes with what to do."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tocsin.core.formats.json import Decoded, JsonDecoder
from tocsin.core.profile import Profile
from tocsin.core.records import Names, Place
from tocsin.core.scoring import fits
from tocsin.ports import Log, Port, Registry, Rejected, Unavailable
from tocsin.settings import ConfigError, Settings
from tocsin.wiring import ROLES, check_settings, declare_topics, make_log, make_notifier, make_store
from tocsin.wiring.models import make_registry

_SAMPLE = 100
"""Entries of readings that are looked at."""

_PROBLEMS = (Unavailable, Rejected, ConfigError)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    well: bool
    found: str
    remedy: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything, in the order in which one thing needs the other."""
    found = [_examine_settings(settings)]
    found += [finding async for finding in _examine_log(settings)]
    make = partial(make_store, settings)
    found.append(await _examine_port("store", make, "start InfluxDB, or mend influx.*"))
    for receiver in settings.receivers:
        make_one = partial(make_notifier, receiver, time.time_ns)
        remedy = "start it, or mend its url under receivers"
        found.append(await _examine_port(f"receiver {receiver.name}", make_one, remedy))
    return found


def _examine_settings(settings: Settings) -> Finding:
    try:
        check_settings(settings, ROLES)
    except ConfigError as error:
        return Finding("settings", well=False, found=str(error), remedy="mend the settings")
    names = ", ".join(profile.name for profile in settings.profiles)
    return Finding("settings", well=True, found=f"profiles {names}")


async def _examine_port(what: str, make: Callable[[], Port], remedy: str) -> Finding:
    try:
        async with make() as port:
            return Finding(what, well=True, found=await port.ping())
    except _PROBLEMS as error:
        return Finding(what, well=False, found=str(error), remedy=remedy)


async def _examine_log(settings: Settings) -> AsyncIterator[Finding]:
    profiles = [profile.profile() for profile in settings.profiles]
    try:
        async with make_log(settings) as log:
            yield Finding("log", well=True, found=await log.ping())
            async for finding in _examine_topics(log, settings):
                yield finding
            if await log.partitions(settings.topics.readings):
                yield await _examine_readings(log, settings, profiles)
            if await log.partitions(settings.topics.models):
                registry = make_registry(settings, log)
                for profile in profiles:
                    yield await _examine_model(registry, profile)
    except _PROBLEMS as error:
        remedy = "start Kafka, or mend kafka.*" if settings.kafka.bootstrap_servers else ""
        yield Finding("log", well=False, found=str(error), remedy=remedy)


async def _examine_topics(log: Log, settings: Settings) -> AsyncIterator[Finding]:
    for found in await declare_topics(log, settings, create=False):
        what, said = f"topic {found.name}", f"{found.state} {found.detail}".strip()
        if found.state == "missing":
            yield Finding(what, well=False, found=said, remedy="tocsin topics create")
        elif found.state == "different":
            yield Finding(what, well=False, found=said, remedy="change the topic, or topics.*")
        else:
            yield Finding(what, well=True, found=said)


async def _examine_readings(log: Log, settings: Settings, profiles: Sequence[Profile]) -> Finding:
    """Decode the newest entries of the first partition that has any."""
    channels = tuple(dict.fromkeys(c for profile in profiles for c in profile.channels))
    names = Names()
    for partition in range(await log.partitions(settings.topics.readings)):
        place = Place(settings.topics.readings, partition)
        first, end = await log.bounds(place)
        async for batch in log.read(place, max(first, end - _SAMPLE), end):
            return _judge_sample(JsonDecoder(channels, names).decode(batch), channels, names)
    remedy = "tocsin replay, tocsin simulate, or a producer"
    return Finding("readings", well=False, found="none yet", remedy=remedy)


def _judge_sample(decoded: Decoded, channels: Sequence[str], names: Names) -> Finding:
    readings = decoded.readings
    if not len(readings):
        why = decoded.rejects[0].detail if decoded.rejects else "no known channel in them"
        remedy = "compare the channels of the profiles with the entries"
        return Finding("readings", well=False, found=why, remedy=remedy)
    asset, channel = names.table[int(readings.asset[-1])], channels[int(readings.channel[-1])]
    found = f"{asset} {channel} = {float(readings.value[-1]):g}"
    return Finding("readings", well=True, found=found)


async def _examine_model(registry: Registry, profile: Profile) -> Finding:
    what = f"model of {profile.name}"
    version = await registry.champion(profile.name)
    if version is None:
        remedy = "let tocsin retrain run, or tocsin train a CSV file"
        return Finding(what, well=False, found="none yet", remedy=remedy)
    try:
        why = fits(await registry.fetch(profile.name, version), profile)
    except (KeyError, ValueError) as error:
        return Finding(what, well=False, found=str(error), remedy="tocsin models rollback")
    if why:
        return Finding(what, well=False, found=why, remedy="tocsin train, or tocsin retrain")
    return Finding(what, well=True, found=f"{version} is whole and fits")

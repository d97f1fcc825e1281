"""Everything that Tocsin needs, looked at in the order in which one thing needs the other."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

from tocsin.core.profile import Profile
from tocsin.core.records import Place
from tocsin.doctor.finding import Finding, missing_model
from tocsin.doctor.readings import judge_sample
from tocsin.doctor.sample import take_sample
from tocsin.doctor.surroundings import examine_disk, examine_page
from tocsin.ports import Log, Port, Rejected, Unavailable
from tocsin.settings import ConfigError, Settings
from tocsin.wiring import ROLES, check_settings, declare_topics, make_log, make_notifier, make_store

_PROBLEMS = (Unavailable, Rejected, ConfigError)


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; nothing is left behind anywhere."""
    found = [_examine_settings(settings), *examine_disk(settings)]
    found.append(await examine_page(settings))
    found += [finding async for finding in _examine_log(settings)]
    make = partial(make_store, settings)
    remedy = "start InfluxDB, or mend influx.url" if settings.influx.url else "mend data_dir"
    found.append(await _examine_port("store", make, remedy))
    for receiver in settings.receivers:
        make_one = partial(make_notifier, receiver, time.time_ns)
        remedy = f"start it, or mend receivers.{receiver.name}.url"
        found.append(await _examine_port(f"receiver {receiver.name}", make_one, remedy))
    return found


def _examine_settings(settings: Settings) -> Finding:
    try:
        check_settings(settings, [*ROLES, "page"])
    except ConfigError as error:
        return Finding("settings", well=False, found=_one_line(error), remedy="mend the settings")
    names = ", ".join(profile.name for profile in settings.profiles)
    return Finding("settings", well=True, found=f"profiles {names}")


def _one_line(error: Exception) -> str:
    return "; ".join(str(error).splitlines())


async def _examine_port(what: str, make: Callable[[], Port], remedy: str) -> Finding:
    try:
        async with make() as port:
            return Finding(what, well=True, found=await port.ping())
    except _PROBLEMS as error:
        return _complaint(what, error, remedy)


def _complaint(what: str, error: Exception, remedy: str) -> Finding:
    """Return what went wrong; advice in the error itself goes before ``remedy``."""
    said, _, advice = str(error).partition("; ")
    return Finding(what, well=False, found=said, remedy=advice or remedy)


async def _examine_log(settings: Settings) -> AsyncIterator[Finding]:
    profiles = [profile.profile() for profile in settings.profiles]
    try:
        async with make_log(settings) as log:
            yield Finding("log", well=True, found=await log.ping())
            async for finding in _examine_topics(log, settings):
                yield finding
            if await log.partitions(settings.topics.readings):
                channels = tuple(dict.fromkeys(c for each in profiles for c in each.channels))
                sample = await take_sample(log, settings.topics.readings, channels)
                for finding in judge_sample(sample, profiles, time.time_ns()):
                    yield finding
            async for finding in _examine_models(log, settings, profiles):
                yield finding
    except _PROBLEMS as error:
        kafka = settings.kafka.bootstrap_servers
        remedy = "start Kafka, or mend kafka.bootstrap_servers" if kafka else "mend data_dir"
        yield _complaint("log", error, remedy)


async def _examine_topics(log: Log, settings: Settings) -> AsyncIterator[Finding]:
    for found in await declare_topics(log, settings, create=False):
        what, said = f"topic {found.name}", f"{found.state} {found.detail}".strip()
        if found.state == "missing":
            yield Finding(what, well=False, found=said, remedy="tocsin topics create")
        elif found.state == "different":
            yield Finding(what, well=False, found=said, remedy="change the topic, or topics.*")
        else:
            yield Finding(what, well=True, found=said)


async def _examine_models(
    log: Log, settings: Settings, profiles: Sequence[Profile]
) -> AsyncIterator[Finding]:
    place = Place(settings.topics.models, 0)
    if not await log.partitions(place.topic):
        return
    first, end = await log.bounds(place)
    if first == end:
        for profile in profiles:
            yield missing_model(profile)
        return
    from tocsin.doctor.models import examine_model  # noqa: PLC0415 - loads torch

    for profile in profiles:
        yield await examine_model(log, settings, profile)

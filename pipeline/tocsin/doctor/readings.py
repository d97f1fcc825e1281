"""Do the readings and the profiles speak of the same things?"""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from tocsin.core.profile import SECOND_NS, Profile
from tocsin.doctor.finding import Finding
from tocsin.doctor.sample import Sample
from tocsin.settings import format_duration

_MOST_NAMES = 8
_FORM = "write entries as JSON, wide or long: docs/getting-started.md"


def judge_sample(sample: Sample, profiles: Sequence[Profile], now_ns: int) -> Iterator[Finding]:
    """Give what some entries say: can they be read, how old are they, and what never comes?"""
    yield _judge_readings(sample, profiles, now_ns)
    for profile in profiles if sample.channels else ():
        yield _judge_profile(sample, profile, profiles)
    if sample.others:
        found = f"{_listed(sample.others)}: no profile names them, so they are left out"
        yield Finding("other channels", well=True, found=found)
    strays = [asset for asset in sample.channels if not any(p.owns(asset) for p in profiles)]
    if strays:
        found = f"{_listed(strays)}: of no profile, so nobody watches them"
        remedy = "add them to the assets of a profile, or leave it so"
        yield Finding("other assets", well=True, found=found, remedy=remedy)


def _judge_readings(sample: Sample, profiles: Sequence[Profile], now_ns: int) -> Finding:
    if not sample.entries:
        remedy = "tocsin replay, tocsin simulate, or a producer"
        return Finding("readings", well=False, found="none yet", remedy=remedy)
    if sample.newest is None:
        return _judge_unreadable(sample, profiles)
    newest_ns, what = sample.newest
    most_ns = max((profile.max_ahead_ns for profile in profiles), default=0)
    if newest_ns - now_ns > most_ns:
        found = f"{what}, {_span(newest_ns - now_ns)} in the future, which is refused"
        remedy = "set the sensor's clock or this one, or max_ahead of the profile"
        return Finding("readings", well=False, found=found, remedy=remedy)
    when = f"{_span(now_ns - newest_ns)} ago" if newest_ns <= now_ns else "ahead of this clock"
    return Finding("readings", well=True, found=f"{what}, {when}")


def _judge_unreadable(sample: Sample, profiles: Sequence[Profile]) -> Finding:
    """Say why there is not one reading in entries that are there."""
    wanted = [channel for profile in profiles for channel in profile.channels]
    found = sample.fault or f"none of {_listed(wanted)} in the newest {sample.entries} entries"
    remedy = _FORM if sample.fault else "mend the channels under profiles"
    return Finding("readings", well=False, found=found, remedy=_advice(wanted, sample, remedy))


def _judge_profile(sample: Sample, profile: Profile, profiles: Sequence[Profile]) -> Finding:
    what = f"channels of {profile.name}"
    assets = [a for a in sample.channels if _owner(a, profiles) is profile]
    if not assets:
        found = f"none of its assets ({_listed(profile.assets)}) in the newest entries"
        remedy = f"mend profiles.{profile.name}.assets, or wait for them"
        return Finding(what, well=False, found=found, remedy=remedy)
    seen = {channel for asset in assets for channel in sample.channels[asset]}
    absent = [channel for channel in profile.channels if channel not in seen]
    if absent:
        found = f"never in the newest {sample.entries} entries: {_listed(absent)}"
        remedy = f"mend profiles.{profile.name}.channels, or what sends them"
        return Finding(what, well=False, found=found, remedy=_advice(absent, sample, remedy))
    return Finding(what, well=True, found=f"all in the newest {sample.entries} entries")


def _owner(asset: str, profiles: Sequence[Profile]) -> Profile | None:
    return next((profile for profile in profiles if profile.owns(asset)), None)


def _advice(absent: Sequence[str], sample: Sample, remedy: str) -> str:
    """Return ``remedy`` with the names in the entries that are most like the absent ones."""
    folded = {other.casefold(): other for other in sorted(sample.others)}
    hints = []
    for name in absent[:_MOST_NAMES]:
        near = get_close_matches(name.casefold(), folded, 1)
        hints += [f"{folded[near[0]]} for {name}"] if near else []
    return f"did you mean {', '.join(hints)}? {remedy}" if hints else remedy


def _listed(names: Sequence[str] | set[str]) -> str:
    shown = sorted(names) if isinstance(names, set) else list(names)
    more = f" and {len(shown) - _MOST_NAMES} more" if len(shown) > _MOST_NAMES else ""
    return ", ".join(shown[:_MOST_NAMES]) + more


def _span(span_ns: int) -> str:
    """Return a time for people: whole seconds."""
    return format_duration(span_ns // SECOND_NS * SECOND_NS)

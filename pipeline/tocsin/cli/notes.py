"""What is worth a look in what was learned from, and may well be as it should be."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tocsin.cli.blunting import Blunted
from tocsin.core.instants import clock_time
from tocsin.settings import Settings

_MUCH_APART = 0.02  # of all windows: so much lies apart where nothing was ever rare


def take_notes(
    facts: Mapping[str, Any], blunted: Sequence[Blunted], settings: Settings
) -> Iterator[str]:
    """Give a sentence for each thing that a person should look at.

    Args:
        facts: Of the bundle that was learned.
        blunted: Channels that hardly count, by the rows that it was learned from.
        settings: By which it was learned.
    """
    if facts["windows_apart"] >= _MUCH_APART * facts["windows"]:
        yield tell_apart(facts, sifted=settings.train.sifted)
    if facts.get("copies"):
        yield tell_copying(facts["noise_lost"], settings.train.latent)
    if blunted:
        yield tell_blunted(blunted)


def tell_apart(facts: Mapping[str, Any], *, sifted: bool) -> str:
    """Say how much lies far from all else, and when the longest run of it was."""
    whose = f" of {facts['apart_asset']}" if "apart_asset" in facts else ""
    begin, end = (clock_time(facts[f"apart_{name}_ns"]) for name in ("from", "to"))
    taken = (
        "faults; if they are normal, leave train.sifted out"
        if sifted
        else "rare but normal; if they are faults, learn from other rows, or set train.sifted"
    )
    share = facts["windows_apart"] / facts["windows"]
    return (
        f"{share:.1%} of the windows lie far from all others, the longest run of them{whose} "
        f"from {begin} to {end}: they are taken for {taken}"
    )


def tell_copying(noise_lost: float, latent: int) -> str:
    """Say that a model hands through what it sees, and what to do about it."""
    return (
        f"{max(0.0, 1 - noise_lost):.0%} of white noise comes back: the model copies what it sees, "
        f"faults as well; choose a smaller train.latent, which is {latent}"
    )


def tell_blunted(blunted: Sequence[Blunted]) -> str:
    """Say in which channels a few far values make all else look alike, and what to do about it."""
    first, *others = blunted
    also = f"; so it is with {', '.join(each.channel for each in others)}" if others else ""
    return (
        f"{first.share:.1%} of the values of {first.channel} lie far from all others, as far as "
        f"{first.farthest:g}, and beside them its usual ups and downs count for next to nothing"
        f"{also}; if that is an error code, take such values out, or send null"
    )

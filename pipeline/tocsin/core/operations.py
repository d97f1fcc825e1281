"""What the roles say of themselves: reports that stand in the log as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import isfinite, nan
from typing import Annotated, Any

import msgspec

from tocsin.core.records import Check

Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""A number of things that a point can hold."""


class FitVerdict(StrEnum):
    """What came of a fit."""

    PROMOTED = "promoted"
    REFUSED = "refused"
    """There is a new model, but it was not good enough to score."""
    FAILED = "failed"
    """Nothing was learned."""


@dataclass(frozen=True, slots=True)
class RoleReport:
    """What a role has done since its process started, and how it is."""

    instance: str  # name of the process
    role: str
    at_ns: int  # by the clock of its machine
    numbers: Mapping[str, float]  # fields of tocsin_role; those that are not finite do not travel


@dataclass(frozen=True, slots=True)
class FitReport:
    """What came of a fit."""

    profile: str
    verdict: FitVerdict
    at_ns: int  # the log's time
    windows: Count  # to learn from and to be judged on
    left_out: Count  # windows that were not
    seconds: float  # that it took
    text: str  # a sentence for a person
    version: str = ""  # "" if nothing was learned
    parent: str = ""  # what scored before, "" if nothing did
    checks: tuple[Check, ...] = ()


Report = RoleReport | FitReport

_KINDS: Mapping[str, type[Report]] = {"role": RoleReport, "fit": FitReport}
_OPENINGS: Mapping[FitVerdict, str] = {
    FitVerdict.PROMOTED: "The new model scores from now on.",
    FitVerdict.REFUSED: "The new model was not good enough.",
    FitVerdict.FAILED: "Nothing was learned.",
}


def encode_report(report: Report) -> bytes:
    """Return the JSON of ``report``; numbers in checks that are not finite become null."""
    values = asdict(report)
    if isinstance(report, RoleReport):
        values["numbers"] = {
            name: number for name, number in report.numbers.items() if isfinite(number)
        }
    kind = next(kind for kind, form in _KINDS.items() if isinstance(report, form))
    return msgspec.json.encode({"kind": kind, **values})


def decode_report(value: bytes) -> Report:
    """Return what `encode_report` wrote; numbers that are null come back as NaN.

    Raises:
        ValueError: if the bytes are no report.
    """
    try:
        values = msgspec.json.decode(value, type=dict[str, Any])
        form = _KINDS[values.pop("kind")]
        if form is FitReport:
            values["checks"] = [_measured(check) for check in values.get("checks", ())]
        return msgspec.convert(values, form)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not a report: {error}") from error


def describe_fit(verdict: FitVerdict, checks: Sequence[Check], failure: str = "") -> str:
    """Return what came of a fit and why, in sentences for a person.

    Args:
        verdict: what came of it.
        checks: what the new model was held to; of a refused one, what it failed is told.
        failure: why nothing was learned.
    """
    passed = verdict is FitVerdict.PROMOTED
    reasons = [check.sentence for check in checks if check.passed is passed]
    if failure:
        reasons.append(f"{failure[:1].upper()}{failure[1:]}.")
    return " ".join([_OPENINGS[verdict], *reasons])


def _measured(check: Any) -> dict[str, Any]:
    """Return the values of a check with NaN for null."""
    return {name: nan if value is None else value for name, value in dict(check).items()}

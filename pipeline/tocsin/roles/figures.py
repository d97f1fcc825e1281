"""What a role's statistics say, as the numbers of a report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tocsin.core.records import Place

if TYPE_CHECKING:  # some roles load torch, and those that do without it are reported of too
    from tocsin.roles.detect import DetectStatistics
    from tocsin.roles.notify import NotifyStatistics
    from tocsin.roles.retrain import RetrainStatistics
    from tocsin.roles.sink import SinkStatistics


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers by the name of their field, and the next entry of each partition that is held."""

    numbers: Mapping[str, float]
    positions: Mapping[Place, int] = field(default_factory=dict)


def detect_figures(said: "DetectStatistics") -> Figures:
    """Return what a detector says."""
    numbers = {
        "records": said.records,
        "windows": sum(said.windows.values()),
        "windows_ok": said.windows.get("ok", 0),
        "transitions": said.transitions,
        "rejects": said.rejects,
        "checkpoints": said.checkpoints,
        "swaps": said.swaps,
        "takeovers": said.takeovers,
        "partitions": len(said.positions),
    }
    return Figures(numbers, said.positions)


def sink_figures(said: "SinkStatistics") -> Figures:
    """Return what a sink says."""
    numbers = {
        "entries": said.entries,
        "lines": said.lines,
        "rejected_lines": said.rejected_lines,
        "undecodable": said.undecodable,
        "retries": said.retries,
    }
    return Figures(numbers, said.positions)


def notify_figures(said: "NotifyStatistics") -> Figures:
    """Return what whoever tells receivers says, of all receivers together."""
    receivers = said.receivers
    return Figures(
        {
            "pending": sum(each.pending for each in receivers),
            "delivered": sum(each.delivered for each in receivers),
            "failed": sum(each.failed for each in receivers),
            "failed_tries": sum(each.failed_tries for each in receivers),
            "disabled": sum(each.disabled for each in receivers),
            "undecodable": said.undecodable,
        }
    )


def retrain_figures(said: "RetrainStatistics") -> Figures:
    """Return what a retrainer says, of all profiles together."""
    return Figures(
        {
            "records": said.records,
            "kept_windows": sum(said.windows.values()),
            "promoted": said.promoted,
            "refused": said.refused,
            "fit_failed": said.failed,
        }
    )


FIGURES: Mapping[str, Callable[[Any], Figures]] = {
    "detect": detect_figures,
    "sink": sink_figures,
    "notify": notify_figures,
    "retrain": retrain_figures,
}
"""What reads the statistics of each role."""

"""The alert machines of all assets of one profile in one partition.

The same input gives the same steps, byte for byte, in whatever batches it comes and however
often the machines were written down and taken up again between them.
"""

from typing import Any

from tocsin.core.anomalies import Anomalies
from tocsin.core.profile import Profile
from tocsin.core.records import Ids, Names, Scores, Times, Transition
from tocsin.core.silences import Silences


class Incidents:
    """Judges scores and silence, and says which alerts open, become worse and end.

    Steps are returned in the order of their time, then asset, then rule. Every alert's steps are
    numbered 1, 2, 3, ... and end with a resolved one, unless the alert is still open.

    Args:
        profile: what decides when an alert opens and closes.
        names: what asset ids point into.
    """

    def __init__(self, profile: Profile, names: Names) -> None:
        self._anomalies = Anomalies(profile, names)
        self._silences = Silences(profile, names)
        self._changed: set[int] = set()

    def judge(self, scores: Scores) -> list[Transition]:
        """Let the rule ``anomaly`` see windows whose asset ids point into the names.

        Any number of windows of an asset may be there, each later than all that were seen
        before it.
        """
        steps, touched = self._anomalies.judge(scores)
        self._changed.update(touched)
        return _ordered(steps)

    def hear(self, asset: Ids, arrived_ns: Times, time_ns: Times) -> list[Transition]:
        """Let the rule ``silent`` see N readings in the order of the log.

        Args:
            asset: ids [N].
            arrived_ns: the log's time of each [N].
            time_ns: the sensor's own time of each [N].
        """
        return self._silence(self._silences.hear(asset, arrived_ns, time_ns))

    def recall(self, asset: Ids, arrived_ns: Times, time_ns: Times) -> None:
        """Take in readings, as `hear` does, that were heard before: they cause nothing."""
        self._silences.recall(asset, arrived_ns, time_ns)

    def listen(self, now_ns: int) -> list[Transition]:
        """Open alerts for assets of which nothing was heard for too long.

        Args:
            now_ns: the newest time of the log. What is opened does not depend on it, only that
                it is opened now: calling early, late, twice or never loses and doubles nothing.
        """
        return self._silence(self._silences.listen(now_ns))

    def open_alerts(self) -> list[Transition]:
        """Return the latest step of every open alert."""
        return _ordered([*self._anomalies.open_alerts(), *self._silences.open_alerts()])

    def changed(self) -> list[int]:
        """Return the assets whose machine is not as it was in their last snapshot.

        That an asset was heard again is no change: `recall` restores it.
        """
        return sorted(self._changed)

    def snapshot(self, asset: int) -> dict[str, Any]:
        """Return all that is known of one asset, as plain values: never empty, short when idle."""
        self._changed.discard(asset)
        return {
            "anomaly": self._anomalies.snapshot(asset),
            "silent": self._silences.snapshot(asset),
        }

    def adopt(self, asset: int, snapshot: dict[str, Any]) -> None:
        """Take over what `snapshot` returned, in place of what was known of the asset."""
        self._changed.discard(asset)
        self._anomalies.adopt(asset, snapshot["anomaly"])
        self._silences.adopt(asset, snapshot["silent"])

    def _silence(self, steps: list[tuple[int, Transition]]) -> list[Transition]:
        self._changed.update(asset for asset, _ in steps)
        return _ordered([step for _, step in steps])


def _ordered(steps: list[Transition]) -> list[Transition]:
    return sorted(steps, key=lambda step: (step.at_ns, step.asset, step.rule, step.sequence))

"""What visitors may break in a plant that runs, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tocsin.core.profile import SECOND_NS
from tocsin.core.records import Rule, State, Transition
from tocsin.tools.plan import Episode
from tocsin_models.faults import FaultKind

GRACE_NS = 60 * SECOND_NS
"""How long after its end a fault may still be caught.

A window of the plant's profile is 32 s long and an alert needs three of them, so the last ones that
a fault is in can open an alert as late as this.
"""

_NEVER_NS = 2**63


class Busy(Exception):  # noqa: N818 - a state of the plant, read as such where it is caught
    """Nothing can be broken there now; the message says why, and when it can be."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind of fault as it is offered to people.

    Attributes:
        title: a word for it.
        meaning: one short sentence; says so if it is hard to notice.
        magnitude: as for `tocsin_models.faults.FaultKind`.
        lasts_s: how long it lasts, in the plant's time.
    """

    title: str
    meaning: str
    magnitude: float
    lasts_s: int


CHOICES: Mapping[FaultKind, Choice] = {
    FaultKind.SHIFT: Choice("Shift", "Every reading is too high by the same amount.", 2.0, 240),
    FaultKind.RAMP: Choice("Drift", "It rises further and further, slowly at first.", 4.0, 300),
    FaultKind.NOISE: Choice("Noise", "It jitters far more than it should.", 1.5, 240),
    FaultKind.SPIKE: Choice("Spikes", "One reading in eight jumps far up or down.", 5.0, 240),
    FaultKind.DECORRELATION: Choice(
        "Out of step",
        "It repeats what it measured at another time, whatever the others do.",
        1.0,
        300,
    ),
    FaultKind.STUCK: Choice(
        "Stuck", "It repeats one value. Hard: that shows only once the load changes.", 1.0, 300
    ),
    FaultKind.LAG: Choice(
        "Late", "It comes 90 s late. Hard: that shows only while the load changes.", 90.0, 300
    ),
    FaultKind.DROPOUT: Choice(
        "Dropout",
        "It is silent. No alert is due while the others speak: see its coverage.",
        1.0,
        180,
    ),
}
"""What visitors may choose from, the easiest to notice first.

The sizes are what a person who looks at the chart would call a fault.
"""


@dataclass(slots=True)
class Broken:
    """A fault in the plant and what became of it.

    Attributes:
        number: 1 for the first one.
        by: "story" or "visitor".
        fault: what was broken: one channel.
        alert: the newest step of the alert that caught it.
        over: nothing that is seen from now on could be because of it.
    """

    number: int
    by: str
    fault: Episode
    alert: Transition | None = None
    over: bool = False

    @property
    def channel(self) -> str:
        """The channel that was broken."""
        return self.fault.channels[0]

    @property
    def delay_s(self) -> float | None:
        """Event time from the fault's start to the opening of the alert; None if there is none."""
        if self.alert is None:
            return None
        return (self.alert.opened_ns - self.fault.start_ns) / SECOND_NS

    @property
    def named(self) -> bool | None:
        """Whether the alert blames the broken channel most; None if there is no alert."""
        if self.alert is None:
            return None
        return [name for name, _ in self.alert.channels[:1]] == [self.channel]

    @property
    def settled(self) -> bool:
        """Whether nothing about it can change any more."""
        return self.over if self.alert is None else self.alert.state is State.RESOLVED


class Ledger:
    """Everything that was broken, the newest ``keep`` of it, oldest first."""

    def __init__(self, keep: int = 100) -> None:
        self.entries: list[Broken] = []
        self._keep = keep
        self._count = 0

    def enter(self, fault: Episode, by: str) -> Broken:
        """Note a fault; faults of one asset come in the order of time."""
        self._count += 1
        broken = Broken(self._count, by, fault)
        self.entries.append(broken)
        del self.entries[: -self._keep]
        return broken

    def latest(self, asset: str) -> Broken | None:
        """Return what was broken last on an asset."""
        return next((each for each in reversed(self.entries) if each.fault.asset == asset), None)

    def settle(self, alerts: Sequence[Transition], seen_ns: Mapping[str, int]) -> None:
        """Say what became of each fault.

        A fault is caught by the first alert about its asset that began after it did and before the
        next one there, and opened while it lasted or within `GRACE_NS` after. An alert of the rule
        ``silent`` counts for a dropout only.

        Args:
            alerts: the newest step of every alert that is known.
            seen_ns: asset -> the end of its newest window in the log.
        """
        next_ns: dict[str, int] = {}
        for broken in reversed(self.entries):
            fault = broken.fault
            if not broken.settled:
                until_ns = next_ns.get(fault.asset, _NEVER_NS)
                found = (each for each in alerts if _catches(each, fault, until_ns))
                broken.alert = min(found, key=lambda each: each.opened_ns, default=broken.alert)
                broken.over = seen_ns.get(fault.asset, 0) > fault.end_ns + GRACE_NS
            next_ns[fault.asset] = fault.start_ns


def _catches(alert: Transition, fault: Episode, until_ns: int) -> bool:
    heard = alert.rule is not Rule.SILENT or fault.kind is FaultKind.DROPOUT
    in_time = alert.opened_ns <= fault.end_ns + GRACE_NS
    began = fault.start_ns < alert.began_ns <= until_ns
    return alert.asset == fault.asset and heard and began and in_time

"""What one kind of asset looks like, and when a person should be told about it."""

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

SECOND_NS = 1_000_000_000
_CALM_STEPS = 20


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """When the rule ``anomaly`` opens and closes.

    An alert opens when ``open_count`` of the last ``open_of`` windows score 1.0 or more, becomes
    critical at a score of ``critical_score``, and closes after ``calm_count`` windows in a row
    below ``calm_score``. A window without a score is neither a breach nor calm.
    """

    open_count: int = 3
    open_of: int = 5
    calm_count: int = 5
    calm_score: float = 0.8
    critical_score: float = 3.0

    def __post_init__(self) -> None:
        if not 1 <= self.open_count <= self.open_of <= 64:
            raise ValueError("alerts: choose 1 <= open_count <= open_of <= 64")
        if self.calm_count < 1:
            raise ValueError("alerts: calm_count must be at least 1")
        if not 0 < self.calm_score <= 1 <= self.critical_score:
            raise ValueError("alerts: choose 0 < calm_score <= 1 <= critical_score")


def suit_alerts(stride: int) -> AlertPolicy:
    """Return the rule that suits windows so many steps apart: no calm of less than 20 steps closes.

    Where every step has a window, fewer calm ones make several alerts of one fault.
    """
    usual = AlertPolicy()
    return replace(usual, calm_count=max(usual.calm_count, -(-_CALM_STEPS // stride)))


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of asset: its channels, its grid in time, and what is expected of its data.

    Time is cut into slots of ``period_ns`` that start at the Unix epoch. A window is ``length``
    slots; windows end on slots whose number is divisible by ``stride``.
    """

    name: str
    channels: tuple[str, ...]
    assets: tuple[str, ...] = ("*",)
    period_ns: int = SECOND_NS
    length: int = 64
    stride: int = 8
    lateness_ns: int = 0
    max_gap_ns: int = 60 * SECOND_NS
    min_coverage: float = 0.5
    max_ahead_ns: int = 300 * SECOND_NS
    silent_after_ns: int = 300 * SECOND_NS
    alerts: AlertPolicy = AlertPolicy()

    def __post_init__(self) -> None:
        if not self.name or "|" in self.name:
            raise ValueError(f"profile {self.name!r}: the name must not be empty or hold a |")
        if not self.channels or len(set(self.channels)) != len(self.channels):
            raise ValueError(f"profile {self.name}: name at least one channel, each once")
        if self.period_ns < 1:
            raise ValueError(f"profile {self.name}: period must be positive")
        if not 1 <= self.stride <= self.length:
            raise ValueError(f"profile {self.name}: choose 1 <= stride <= length")
        if self.lateness_ns < 0 or self.max_gap_ns < self.period_ns:
            raise ValueError(
                f"profile {self.name}: lateness must not be negative, and max_gap not below period"
            )
        if not 0 < self.min_coverage <= 1:
            raise ValueError(f"profile {self.name}: choose 0 < min_coverage <= 1")

    @property
    def lateness_slots(self) -> int:
        """Slots that stay open behind the newest reading, rounded up."""
        return -(-self.lateness_ns // self.period_ns)

    @property
    def max_gap_slots(self) -> int:
        """The widest hole, in slots, that a window may have in it."""
        return self.max_gap_ns // self.period_ns

    def owns(self, asset: str) -> bool:
        """Whether ``asset`` is of this kind."""
        return any(fnmatchcase(asset, pattern) for pattern in self.assets)

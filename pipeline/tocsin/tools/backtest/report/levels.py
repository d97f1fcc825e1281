"""Scores on a grid of limits, so that a page can try any of them on every row.

On the grid a score is one byte, the number of limits that it reaches, and whether it reaches one of
them can still be said exactly. The same grid holds the bounds below which a row is calm.
"""

import base64
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tocsin.core.profile import AlertPolicy
from tocsin_models.arrays import Flags, Floats, Indices

UNKNOWN = 255
"""In place of a level: the row has no score."""

_REACH = 8.0  # the grid goes from an eighth of the shipped limit to eight times it
_STEP = 0.028  # about how far two limits are apart, as a logarithm


@dataclass(frozen=True, slots=True)
class Rule:
    """When rows make an alarm: `open_count` of the last `open_of` slots reach the limit.

    It ends after `calm_count` rows in a row below the limit that is `calm_steps` lower on the
    grid. A row without a score, or a slot without a row, does neither.
    """

    open_count: int = 1
    open_of: int = 1
    calm_count: int = 1
    calm_steps: int = 0


@dataclass(frozen=True, slots=True)
class Grid:
    """The limits that can be tried, in units of the shipped one.

    Attributes:
        limits: rising, at most 254; calm bounds of the lowest among them.
        shipped: where 1.0 is.
        rule: that of the alerts, in steps of the grid.
    """

    limits: Floats
    shipped: int
    rule: Rule


def make_grid(alerts: AlertPolicy) -> Grid:
    """Return a grid on which the calm bound of every limit is a whole number of steps away."""
    down = -np.log(alerts.calm_score)
    steps = max(1, round(down / _STEP)) if down else 0
    step = down / steps if steps else _STEP
    reach = min(int(np.log(_REACH) / step), 100)
    below = reach + min(steps, 50)
    exponents = np.arange(-below, reach + 1)
    # as powers of the calm score itself, so that 1.0 and the calm score are on the grid to the bit
    limits = alerts.calm_score ** (-exponents / steps) if steps else np.exp(step * exponents)
    rule = Rule(alerts.open_count, alerts.open_of, alerts.calm_count, steps)
    return Grid(limits, below, rule)


def find_levels(score: Floats, grid: Grid) -> Indices:
    """Return for each of ``score [N]`` how many limits it reaches, or `UNKNOWN`."""
    found = np.searchsorted(grid.limits, score, side="right")
    return np.where(np.isnan(score), UNKNOWN, found)


def write_levels(levels: Indices) -> str:
    """Return levels as base64, a byte each."""
    return base64.b64encode(levels.astype(np.uint8).tobytes()).decode()


def ring(levels: Indices, slots: Indices, limit: int, rule: Rule) -> Flags:
    """Return whether an alarm stands at each row if the limit at this place of the grid is taken.

    Args:
        levels: of each row [N].
        slots: on the grid in time, of each row [N]; never falling.
        limit: its place on the grid.
        rule: when rows make an alarm.
    """
    known = levels != UNKNOWN
    breaches = np.flatnonzero(known & (levels > limit))
    opening = _openings(breaches, slots, rule)
    closing = _closings(known, levels <= limit - rule.calm_steps, rule.calm_count)
    alarm = np.zeros(len(levels), np.bool_)
    fresh = 0  # the first breach that belongs to no alarm yet
    while True:
        at = np.searchsorted(opening, fresh + rule.open_count - 1)
        if at == len(opening):
            return alarm
        begin = breaches[opening[at]]
        later = np.searchsorted(closing, begin, side="right")
        end = closing[later] if later < len(closing) else len(levels)
        alarm[begin:end] = True
        fresh = int(np.searchsorted(breaches, end))


def _openings(breaches: Indices, slots: Indices, rule: Rule) -> Indices:
    """Return which breaches come close enough behind the one `open_count` - 1 before them."""
    back = rule.open_count - 1
    spans = slots[breaches[back:]] - slots[breaches[: len(breaches) - back]]
    return np.flatnonzero(spans < rule.open_of) + back


def _closings(known: Flags, calm: Flags, count: int) -> Indices:
    """Return the rows with which a stretch of ``count`` calm ones is complete."""
    rows = np.flatnonzero(known)
    restless = np.flatnonzero(~calm[known])
    edges = [-1, *restless.tolist(), len(rows)]
    ends = [begin + count for begin, end in pairwise(edges) if begin + count < end]
    return rows[np.array(ends, np.int64)]


def find_rule(levels: Indices, slots: Indices, alarm: Flags, grid: Grid) -> tuple[Rule, int]:
    """Return the rule by which these scores make these alarms, and in how many rows it does not.

    Either the grid's own, or the plain one: a row is in alarm if it reaches the limit.
    """
    rules = (grid.rule, Rule())
    apart = [int((ring(levels, slots, grid.shipped, rule) != alarm).sum()) for rule in rules]
    best = int(np.argmin(apart))
    return rules[best], apart[best]

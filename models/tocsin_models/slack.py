"""How much farther a channel may go than it went while it was learned from.

A channel that wanders slowly took few independent values in training, however many rows there were.
Their variance says little of where it goes next, and a distance that trusts it rings as soon as the
channel moves on. So it is given slack, and counts for less beside channels that are well known.
"""

from dataclasses import dataclass

import numpy as np

from tocsin_models.arrays import Floats

_CERTAIN, _UNSURE = 8.0, 5.0  # independent values by which a variance is known, and hardly at all
_MOST = 100.0  # times that a variance may grow: a spread by ten
_PIECES = (2, 3, 4, 5)  # that training is cut into
_STILL = 1e-9  # variance of a channel that does not move, in squares of its spread


@dataclass(frozen=True, slots=True, eq=False)
class Slack:
    """What is added to the variance of each channel, ``[F]``."""

    values: Floats  # in squares of spreads
    shares: Floats  # of one spread at most, for distances in which channels count by their size

    @property
    def weights(self) -> Floats:
        """What squares of a channel are multiplied by where variances play no part, ``[F]``."""
        return 1 / (1 + self.shares)


def no_slack(channels: int) -> Slack:
    """Return the slack of channels that are trusted to stay where they were."""
    return Slack(np.zeros(channels), np.zeros(channels))


def find_slack(level: Floats) -> Slack:
    """Return the slack by normal rows ``[N, F]``, scaled, in the order of time.

    The number of independent values is estimated by batch means (Alexopoulos and Goldsman 2004):
    with ``m`` of them, means over each of ``n`` pieces of time have a variance of ``n / m`` times
    that of the values; the fewest that any number of pieces speaks for is taken. Rows of many
    assets at once count as what they are, many values. The steadiest channel has no slack: what all
    of them do alike is no reason to trust one less than another.
    """
    variance = level.var(axis=0)
    moves, count = variance > _STILL, np.full(level.shape[1], float(len(level)))
    for pieces in _PIECES:
        if len(level) >= 2 * pieces:
            means = [piece.mean(axis=0) for piece in np.array_split(level, pieces)]
            between = np.var(means, axis=0, ddof=1)
            found = np.divide(pieces * variance, between, out=count.copy(), where=between > 0)
            count = np.where(moves, np.minimum(count, found), count)
    times = _MOST ** np.clip((_CERTAIN - count) / (_CERTAIN - _UNSURE), 0, 1)
    more = times / times.min() - 1
    return Slack(more * variance, more * np.minimum(variance, 1))

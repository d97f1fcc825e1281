"""Sizes for a model, chosen from what is to be learned from: nothing here sees a label."""

from dataclasses import dataclass

import numpy as np

from tocsin_models.arrays import Flags, Floats, Indices
from tocsin_models.scaling import RobustScaler

_STEP = 8  # lengths are multiples of it
_SHORTEST, _LONGEST = 16, 128
_USUAL, _LONGEST_WITHOUT_PERIOD = 32, 64  # more steps of what has no shape only cost time
_SHORTEST_CYCLES = 24  # rows of short cycles, to see more than one of them
_SIDE_BY_SIDE = 8  # windows that the rows must hold next to each other
_LEAST_LEARNED = 64  # windows to learn from, one a row
_LEARNED, _CUTS = 0.65, 2  # share of the windows that is learned from; cuts that each lose a window
_LEAST_LATENT, _MOST_LATENT = 4, 64
_SQUEEZE = 4  # cells of a window for each latent number, at least
_KEPT = 0.9  # of what stands above the noise, in the latent numbers
_LEAST_HIDDEN, _MOST_HIDDEN = 32, 64
_LEAST_PERIOD = 4  # rows: what is up and down in turn is no cycle to be seen
_CYCLES = 3  # in each half of the rows, before a period is believed
_PROMINENCE = 0.3  # by which an autocorrelation falls before a period, and rises again
_LINKED = 0.1  # autocorrelation of neighbours that can have a memory at all
_SURE = 3.0  # standard errors above which an autocorrelation is not chance
_ALIKE = 0.1  # by which a period may differ between halves, and between channels
_SUPPORT = 0.2  # of the moving channels that must share a period
_MOST_WINDOWS = 1_024  # that the latent size is found from
_MOST_ROWS = 50_000  # newest rows that are looked at


@dataclass(frozen=True, slots=True)
class Sizes:
    """What suits some rows, and why."""

    length: int  # steps a window
    hidden: int  # units a layer
    latent: int  # numbers that a window is squeezed into
    period: int | None  # rows from one cycle to the next, where there are cycles
    why: str  # sentences for a person
    memory: int  # rows after which the typical channel has forgotten what it was


def choose_sizes(values: Floats) -> Sizes:
    """Choose sizes for a model of ``values [N, F]``, oldest row first, NaN where not measured.

    A window holds one cycle where cycles are found, else the rows over which channels remember. It
    is never longer than an eighth of the rows, and 64 windows or more are left to learn from where
    N allows it at all. The latent size is the number of directions in which windows move
    by more than noise. Units and offsets of the channels do not matter.

    Raises:
        ValueError: If ``values`` is not ``[N, F]`` with a row and a channel.
    """
    if values.ndim != 2 or not values.size:
        raise ValueError("sizes: give values [N, F] with at least one row and one channel")
    rows = values[-_MOST_ROWS:]
    scaled = RobustScaler.fit(rows).scale(rows).astype(np.float64)
    scaled = scaled[:, _moving(scaled)]
    memory, period = _find_memory(scaled), _find_period(scaled)
    length, reason = _choose_length(len(values), memory, period)
    latent = _choose_latent(scaled, length, values.shape[1])
    hidden = _round_up(2 * (latent + scaled.shape[1]))
    return Sizes(
        length=length,
        hidden=min(max(hidden, _LEAST_HIDDEN), _MOST_HIDDEN),
        latent=latent,
        period=period,
        why=f"{reason} Its cells move in about {latent} ways.",
        memory=memory,
    )


def longest_window(rows: int) -> int:
    """Return the longest window that ``rows`` carry, a multiple of 8 from 16 to 128."""
    learned = (_LEARNED * (rows + 1) - _LEAST_LEARNED + _CUTS) / (_LEARNED + _CUTS)
    carried = int(min(rows / _SIDE_BY_SIDE, learned))
    return min(max(carried // _STEP * _STEP, _SHORTEST), _LONGEST)


def _choose_length(rows: int, memory: int, period: int | None) -> tuple[int, str]:
    """Return a window's length, and a sentence about it."""
    carried = longest_window(rows)
    if period is not None and period <= _LONGEST:
        cycles = -(-_SHORTEST_CYCLES // period)
        wanted, reason = cycles * period, f"A window holds {_count_cycles(cycles, period)}"
    else:
        wanted = min(max(2 * memory, _USUAL), _LONGEST_WITHOUT_PERIOD)
        found = "No cycle is found" if period is None else f"A cycle of {period} rows is too long"
        reason = f"{found}, and channels remember for {memory} rows"
    length = _round_up(wanted)
    if length > carried:
        return carried, f"{reason}; {rows} rows carry no more than {carried} a window."
    return length, f"{reason}."


def _count_cycles(count: int, period: int) -> str:
    return f"a cycle of {period} rows" if count == 1 else f"{count} cycles of {period} rows"


def _round_up(number: int) -> int:
    return -(-number // _STEP) * _STEP


def _moving(scaled: Floats) -> Flags:
    """Return which channels of ``[N, F]`` are measured and move."""
    seen = ~np.isnan(scaled)
    count = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, scaled, 0).sum(axis=0) / count
    apart = np.where(seen, scaled - mean, 0)
    moving: Flags = (seen.sum(axis=0) >= 2) & ((apart**2).sum(axis=0) / count > 1e-6)
    return moving


def _find_memory(scaled: Floats) -> int:
    """Return after how many rows the median channel has forgotten what it was; 1 or more.

    That is where its autocorrelation is below 1 / e of that of neighbours: noise of measurement,
    which neighbours do not share, does not make a slow channel a fast one.
    """
    lags = []
    for column in scaled.T:
        links = _autocorrelate(column, len(column) // 2)
        bound = np.exp(-1) * links[1] if links[1] > _LINKED else np.inf
        below = np.flatnonzero(links[1:] < bound)
        lags.append(int(below[0]) + 1 if below.size else len(links))
    return max(1, int(np.median(lags))) if lags else 1


def _find_period(scaled: Floats) -> int | None:
    """Return the period that most channels of ``[N, F]`` share, or None."""
    found = [period for column in scaled.T if (period := _period_of(column)) is not None]
    if not found:
        return None
    periods = np.array(found)
    near = np.abs(periods[:, None] - periods) <= np.maximum(1, _ALIKE * periods)
    support = near.sum(axis=0)
    best = int(support.argmax())
    if support[best] < max(1, _SUPPORT * scaled.shape[1]):
        return None
    return round(float(np.median(periods[near[:, best]])))


def _period_of(column: Floats) -> int | None:
    """Return a period of ``column [N]``: one that its older and its newer half both have.

    What only looks like a cycle, as a random walk does now and then, does not come again.
    """
    half = len(column) // 2
    most = half // _CYCLES
    if most < _LEAST_PERIOD:
        return None
    old, new = (_peak(_autocorrelate(part, most)) for part in (column[:half], column[half:]))
    if old is None or new is None or abs(old - new) > max(1, _ALIKE * min(old, new)):
        return None
    links = _autocorrelate(column, most)
    found = _peak(links)
    return None if found is None else _sharpen(links, found)


def _sharpen(links: Floats, period: int) -> int:
    """Return the period that the peak after several cycles tells better than the first one."""
    cycles = min(_CYCLES, (len(links) - 1) // period)
    low = cycles * period - period // 4
    near = links[low : cycles * period + period // 4 + 1]
    return round((low + int(near.argmax())) / cycles)


def _peak(links: Floats) -> int | None:
    """Return the lag of the first high peak of an autocorrelation ``[L]``, or None."""
    inner = links[1:-1]
    tops = np.flatnonzero((inner > links[:-2]) & (inner >= links[2:])) + 1
    lowest = np.minimum.accumulate(links)
    rise = links[tops] - lowest[tops]
    links_of_noise = _SURE * _standard_error(links)
    tops = tops[(tops >= _LEAST_PERIOD) & (rise > _PROMINENCE) & (links[tops] > links_of_noise)]
    if not tops.size:
        return None
    # the first that is nearly as high as the highest: later ones are its multiples
    high = links[tops] >= 0.8 * links[tops].max()
    return int(tops[high][0])


def _standard_error(links: Floats) -> float:
    """Return how far autocorrelations ``[L]`` lie from 0 by chance (Bartlett 1946).

    Chance is what moves as slowly as this up to where its autocorrelation is first 0, over as many
    rows as `_period_of` gives.
    """
    crossed = np.flatnonzero(links <= 0)
    slow = links[1 : crossed[0]] if crossed.size else links[1:]
    return float(np.sqrt((1 + 2 * (slow**2).sum()) / (_CYCLES * len(links))))


def _autocorrelate(column: Floats, most: int) -> Floats:
    """Return the autocorrelation of ``column [N]`` at lags 0 to ``most``, without its trend.

    Each lag is over the pairs of rows that were both measured, and 0 where there are too few.
    """
    count = len(column)
    seen = ~np.isnan(column)
    if seen.sum() < 3:
        return np.zeros(most + 1)
    steps = np.linspace(-1, 1, count)
    trend = np.polyfit(steps[seen], column[seen], 1)
    flat = np.where(seen, column - np.polyval(trend, steps), 0.0)
    size = 1 << (count + most).bit_length()
    spectra = [np.fft.rfft(part, size) for part in (flat, seen.astype(np.float64))]
    links, pairs = (np.fft.irfft(np.abs(each) ** 2, size)[: most + 1] for each in spectra)
    enough = pairs > max(1.0, 0.1 * seen.sum())
    mean = np.divide(links, pairs, out=np.zeros(most + 1), where=enough)
    return np.asarray(mean / mean[0]) if mean[0] > 1e-12 else np.zeros(most + 1)


def _choose_latent(scaled: Floats, length: int, channels: int) -> int:
    """Return in how many ways windows of ``[N, F]`` move by more than noise, within bounds.

    Of the principal components' variances, as far as they stand above the noise, two counts are
    taken: how many hold 0.9 of them all, which counts every little way, and the participation ratio
    (sum squared / sum of squares), which counts only ways as large as the largest. The answer lies
    in the middle, on a scale of ratios.
    """
    most = max(_LEAST_LATENT, min(_MOST_LATENT, length * channels // _SQUEEZE))
    windows = _some_windows(np.nan_to_num(scaled), length)
    if len(windows) < 2 or not windows.shape[1]:
        return _LEAST_LATENT
    above = _variances_above_noise(windows)
    if not above.sum() > 0:
        return _LEAST_LATENT
    many = int(np.searchsorted(np.cumsum(above) / above.sum(), _KEPT)) + 1
    few = float(above.sum() ** 2 / (above**2).sum())
    return int(min(max(round((many * few) ** 0.5), _LEAST_LATENT), most))


def _variances_above_noise(windows: Floats) -> Floats:
    """Return the variances of the principal components of ``[M, D]``, largest first, less noise.

    Of white noise a sample's components spread as Marchenko and Pastur (1967) have it. The median
    one tells how much noise there is, and the law how large the largest of it may be.
    """
    count, cells = windows.shape
    apart = windows - windows.mean(axis=0)
    square = apart @ apart.T if count <= cells else apart.T @ apart
    variances = np.linalg.eigvalsh(square)[::-1].clip(min=0)
    if count <= cells:
        variances = variances[:-1]  # around their mean, windows have one direction less
    ratio = min(count, cells) / max(count, cells)
    median = float(np.median(variances)) / (1 - ratio / 3)  # of a law whose mean is 1
    return np.asarray((variances - median * (1 + ratio**0.5) ** 2).clip(min=0))


def _some_windows(rows: Floats, length: int) -> Floats:
    """Return windows of ``rows [N, F]``, each as one long row, spread evenly."""
    last = len(rows) - length
    if last < 0:
        return np.empty((0, length * rows.shape[1]))
    starts: Indices = np.unique(np.linspace(0, last, _MOST_WINDOWS).astype(np.int64))
    return np.stack([rows[start : start + length].ravel() for start in starts])

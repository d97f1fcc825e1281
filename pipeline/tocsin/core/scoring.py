"""Windows of many assets -> scores: one padded forward pass, then the smoothing ring."""

from collections.abc import Sequence

import numpy as np

from tocsin.core.profile import Profile
from tocsin.core.records import Floats, Scores, Singles, Status, Times, Windows
from tocsin.core.smoothing import REACH_WINDOWS, ErrorRings
from tocsin_models.bundle import Bundle, Judged


def fits(bundle: Bundle, profile: Profile) -> str:
    """Return why ``bundle`` cannot score windows of ``profile``; empty if it can."""
    trained = (bundle.channels, bundle.length, bundle.stride, bundle.period_ns)
    wanted = (profile.channels, profile.length, profile.stride, profile.period_ns)
    if trained != wanted:
        return (
            f"it was trained on (channels, length, stride, period) {trained}, "
            f"but profile {profile.name} has {wanted}: train a new one"
        )
    reach = max(len(each.weights) for each in bundle.averaging)
    if reach > REACH_WINDOWS:
        return f"it averages over {reach} windows; {REACH_WINDOWS} are kept"
    return ""


def score(
    windows: Windows,
    profile: Profile,
    names: Sequence[str],
    bundle: Bundle | None,
    rings: ErrorRings,
    floor: int,
) -> Scores:
    """Judge windows and take their errors into the rings.

    Every window gives a row. A window that can be judged but for which there is no model has
    status NO_MODEL; one to which the model has no finite answer has status ERROR.

    Args:
        windows: B windows, ordered by asset and then by time.
        profile: what the windows were cut by.
        names: what ``windows.asset`` points into.
        bundle: the model, or None.
        rings: where errors of earlier windows are.
        floor: an offset in ``scores`` that is not after the one these scores will get.
    """
    status = windows.status.copy()
    rows, channels = len(windows), len(profile.channels)
    error, smoothed = np.full(rows, np.nan), np.full(rows, np.nan)
    blame, expected = _unknown(rows, channels), _unknown(rows, channels)
    chosen = np.flatnonzero(status == Status.OK)
    if bundle is None:
        status[chosen] = Status.NO_MODEL
    elif len(chosen):
        judged = bundle.judge(windows.values[chosen])
        status[chosen[~judged.finite]] = Status.ERROR
        good = chosen[judged.finite]
        error[good], blame[good], expected[good] = _good(judged)
        number = window_number(windows.end_ns, profile)
        averages = rings.smooth(
            windows.asset[good], number[good], error[good], bundle.averaging, floor
        )
        owners, owner = np.unique(windows.asset[good], return_inverse=True)
        limits = bundle.limits_of([names[asset] for asset in owners])
        smoothed[good] = bundle.weigh(averages) / limits[owner]
    return Scores(
        profile.name,
        bundle.version if bundle else "",
        profile.channels,
        names,
        windows.asset,
        windows.end_ns,
        status,
        smoothed,
        error,
        blame,
        expected,
        windows.values[:, -1, :].astype(np.float32),
        windows.coverage.astype(np.float32),
    )


def window_number(end_ns: Times, profile: Profile) -> Times:
    """Return the numbers of windows on the profile's grid; neighbours differ by one."""
    return (end_ns // profile.period_ns - 1) // profile.stride


def _good(judged: Judged) -> tuple[Floats, Singles, Singles]:
    good = judged.finite
    return judged.error[good], judged.blame[good], judged.expected[good]


def _unknown(rows: int, channels: int) -> Singles:
    return np.full((rows, channels), np.nan, np.float32)

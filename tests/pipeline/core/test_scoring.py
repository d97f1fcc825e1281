"""Unknown shows as unknown: one test for every status."""

from dataclasses import replace

import numpy as np
import pytest

from small_models import small_model
from tocsin.core.points import score_lines
from tocsin.core.profile import Profile
from tocsin.core.records import Floats, Scores, Status, Windows
from tocsin.core.scoring import fits, score
from tocsin.core.smoothing import ErrorRings
from tocsin_models.bundle import Bundle

PROFILE = Profile("p", ("flow", "heat"), length=8, stride=2)
NUMBERS = ("score", "error")
PER_CHANNEL = ("blame", "expected")


def normal(rows: int) -> Floats:
    steps = 2 * np.arange(rows)[:, None, None] + np.arange(8)[None, :, None]
    return np.sin(steps / 5 + np.arange(2)[None, None, :])


def windows(values: Floats, status: Status = Status.OK) -> Windows:
    rows = len(values)
    ends = (2 * np.arange(rows) + 9) * PROFILE.period_ns
    return Windows(
        np.zeros(rows, np.int32),
        ends,
        np.full(rows, status, np.uint8),
        values,
        1.0 - np.isnan(values).mean(axis=1),
    )


def judge(cut: Windows, bundle: Bundle | None) -> Scores:
    return score(cut, PROFILE, ["rig"], bundle, ErrorRings(), 0)


def assert_unknown(scores: Scores, status: Status) -> None:
    """A row for every window, its status in it, no number anywhere, and so in InfluxDB."""
    assert set(scores.status.tolist()) == {status}
    for column in (*NUMBERS, *PER_CHANNEL):
        assert np.isnan(getattr(scores, column)).all()
    lines = [line for line in score_lines(scores).lines if line.startswith(b"tocsin_score")]
    assert len(lines) == len(scores)
    for line in lines:
        assert b" score=" not in line
        assert b",score=" not in line
        assert f"status={float(status)}".encode() in line


def test_ok_has_numbers() -> None:
    scores = judge(windows(normal(20)), small_model(PROFILE))
    assert set(scores.status.tolist()) == {Status.OK}
    assert (scores.score > 0).all()
    assert np.isfinite(scores.expected).all()
    np.testing.assert_allclose(scores.blame.sum(axis=1), 1.0, rtol=1e-5)
    assert scores.model == small_model(PROFILE).version


def test_warming_up_has_none() -> None:
    scores = judge(windows(normal(3), Status.WARMING_UP), small_model(PROFILE))
    assert_unknown(scores, Status.WARMING_UP)


def test_low_coverage_has_none() -> None:
    values = normal(3)
    values[:, 2:] = np.nan
    scores = judge(windows(values, Status.LOW_COVERAGE), small_model(PROFILE))
    assert_unknown(scores, Status.LOW_COVERAGE)
    assert (scores.coverage == 0.25).all()


def test_no_model_has_none() -> None:
    scores = judge(windows(normal(3)), None)
    assert_unknown(scores, Status.NO_MODEL)
    assert scores.model == ""


def test_an_answer_that_is_not_finite_is_an_error_and_has_none() -> None:
    values = np.full((3, 8, 2), np.nan)  # nothing was measured, yet it was passed on as ok
    assert_unknown(judge(windows(values), small_model(PROFILE)), Status.ERROR)


def test_one_error_does_not_touch_its_neighbours() -> None:
    values = normal(5)
    values[2] = np.nan
    scores = judge(windows(values), small_model(PROFILE))
    assert scores.status.tolist() == [0, 0, Status.ERROR, 0, 0]
    assert np.isfinite(scores.score[[0, 1, 3, 4]]).all()


def test_an_asset_is_judged_by_the_limit_of_its_own() -> None:
    bundle = small_model(PROFILE)
    known = replace(bundle, calibration=replace(bundle.calibration, assets={"mill": 1.5}))
    one = windows(normal(5))
    cut = replace(
        one,
        asset=np.repeat(np.array([1, 2], np.int32), 5),
        end_ns=np.tile(one.end_ns, 2),
        status=np.tile(one.status, 2),
        values=np.tile(one.values, (2, 1, 1)),
        coverage=np.tile(one.coverage, (2, 1)),
    )

    scores = score(cut, PROFILE, ["press", "pump", "mill"], known, ErrorRings(), 0)

    pump, mill = scores.score[:5], scores.score[5:]
    np.testing.assert_array_equal(pump, judge(one, bundle).score)
    np.testing.assert_allclose(mill, pump / 1.5)
    np.testing.assert_array_equal(scores.error[5:], scores.error[:5])


@pytest.mark.parametrize(
    "other",
    [
        replace(PROFILE, channels=("heat", "flow")),
        replace(PROFILE, length=16),
        replace(PROFILE, stride=4),
        replace(PROFILE, period_ns=1),
    ],
)
def test_a_model_of_another_form_is_told_apart(other: Profile) -> None:
    assert fits(small_model(PROFILE), PROFILE) == ""
    assert "train a new one" in fits(small_model(PROFILE), other)

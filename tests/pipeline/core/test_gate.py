from dataclasses import replace
from math import inf, isnan, nan

import numpy as np
import pytest

from bundles import some_windows, tiny_bundle
from tocsin.core.gate import Figures, GatePolicy, judge, measure
from tocsin.core.records import Check, Verdict
from tocsin_models.learning import compare_error

POLICY = GatePolicy()
CHAMPION = Figures(0, 0, 0.100, 120)


def failed(verdict: Verdict) -> list[str]:
    return [check.name for check in verdict.checks if not check.passed]


def last(verdict: Verdict) -> Check:
    return verdict.checks[-1]


def test_a_challenger_as_good_as_the_champion_is_promoted() -> None:
    verdict = judge(CHAMPION, CHAMPION, POLICY)
    assert verdict.promoted
    assert [check.name for check in verdict.checks] == [
        *("weights", "constants", "holdout", "champion")
    ]


@pytest.mark.parametrize(("error", "promoted"), [(0.05, True), (0.109, True), (0.12, False)])
def test_up_to_ten_percent_worse_is_promoted_and_twenty_is_not(
    error: float, *, promoted: bool
) -> None:
    verdict = judge(replace(CHAMPION, holdout_error=error), CHAMPION, POLICY)
    assert verdict.promoted is promoted
    assert failed(verdict) == ([] if promoted else ["champion"])
    assert last(verdict).value == error
    assert last(verdict).bound == pytest.approx(0.11)


def test_a_refusal_says_why_in_plain_words() -> None:
    verdict = judge(replace(CHAMPION, holdout_error=0.12), CHAMPION, POLICY)
    assert last(verdict).sentence == (
        "The error of 0.12 beside the champion's 0.1 (+20.0%); up to 10% worse is accepted."
    )


@pytest.mark.parametrize(
    ("figures", "name"),
    [
        (replace(CHAMPION, bad_weights=3), "weights"),
        (replace(CHAMPION, bad_constants=1), "constants"),
    ],
)
def test_numbers_that_are_not_finite_are_refused_by_name(figures: Figures, name: str) -> None:
    for champion in (CHAMPION, None):
        verdict = judge(figures, champion, POLICY)
        assert not verdict.promoted
        assert failed(verdict) == [name]


@pytest.mark.parametrize("error", [nan, inf])
def test_an_error_that_is_not_finite_is_refused(error: float) -> None:
    challenger = replace(CHAMPION, holdout_error=error)
    assert failed(judge(challenger, None, POLICY)) == ["holdout"]
    assert failed(judge(challenger, CHAMPION, POLICY)) == ["holdout", "champion"]


def test_a_first_model_is_only_asked_to_be_finite() -> None:
    verdict = judge(replace(CHAMPION, holdout_error=1e6), None, POLICY)
    assert verdict.promoted
    assert [check.name for check in verdict.checks] == ["weights", "constants", "holdout"]


@pytest.mark.parametrize("error", [nan, inf])
def test_a_champion_without_a_finite_error_stops_nobody(error: float) -> None:
    assert judge(CHAMPION, replace(CHAMPION, holdout_error=error), POLICY).promoted


def test_between_two_errors_that_mean_nothing_neither_is_worse() -> None:
    exact = replace(CHAMPION, holdout_error=0.0)
    assert judge(replace(CHAMPION, holdout_error=1e-5), exact, POLICY).promoted
    assert not judge(replace(CHAMPION, holdout_error=1e-3), exact, POLICY).promoted


def test_a_bundle_is_measured_with_the_scaler_that_is_given() -> None:
    bundle, other, windows = tiny_bundle(1), tiny_bundle(2), some_windows(32)
    wider = replace(bundle.scaler, spread=bundle.scaler.spread * 2)
    figures = measure(bundle, windows, wider)
    assert figures == Figures(0, 0, compare_error(bundle, windows, wider), 32)
    assert 0 < figures.holdout_error < measure(bundle, windows, bundle.scaler).holdout_error
    assert measure(other, windows, wider).holdout_error != figures.holdout_error


def test_a_poisoned_bundle_is_measured_as_such() -> None:
    bundle = tiny_bundle(1)
    poisoned = dict(bundle.weights)
    poisoned["output.bias"] = np.array([np.nan, np.inf], np.float32)
    object.__setattr__(bundle, "weights", poisoned)  # a bundle would not be made with these
    object.__setattr__(bundle, "typical", np.array([1.0, np.nan]))
    figures = measure(bundle, some_windows(8), bundle.scaler)
    assert (figures.bad_weights, figures.bad_constants) == (2, 1)
    assert failed(judge(figures, None, POLICY)) == ["weights", "constants"]


def test_held_out_windows_without_a_measured_cell_give_no_error() -> None:
    bundle = tiny_bundle(1)
    nothing = np.full_like(some_windows(4), np.nan)
    assert isnan(measure(bundle, nothing, bundle.scaler).holdout_error)


@pytest.mark.parametrize("share", [-0.1, nan])
def test_a_gate_cannot_ask_for_nonsense(share: float) -> None:
    with pytest.raises(ValueError, match="worse_by"):
        GatePolicy(worse_by=share)

"""A report that is opened, and what its slider says."""

from collections.abc import Callable, Mapping

import numpy as np

from browser.looking import Look
from reporting import a_trial, an_outcome, labelled
from tocsin.tools.backtest.trial import Trial

Opens = Callable[..., Look]

ENDLESS = "sensor-of-unusual-length_" * 8


def limit_lines(seen: Look) -> Mapping[str, list[str]]:
    """Return what the slider's table says, line by line."""
    rows = seen.find("#limit-found tbody tr").all()
    return {
        str(row.get_attribute("data-line")): row.locator("td").all_inner_texts() for row in rows
    }


def told(text: str) -> float:
    return float(text.replace(",", ""))


def crowd() -> list[Trial]:
    """Return trials with endless names, many alarms, misses and things unknown."""
    score = np.full(100, 0.5)
    score[70:75] = np.nan
    series = labelled((50, 60), (90, 95), name=ENDLESS, channels=(ENDLESS, "heat"))
    rings = an_outcome(*[(at, at + 1) for at in range(41, 89, 3)])
    return [
        a_trial(series, **{ENDLESS: rings, "calm": an_outcome(score=score)}),
        Trial(labelled((50, 60)), {ENDLESS: [rings]}, {"calm": f"it refused {ENDLESS}"}),
    ]

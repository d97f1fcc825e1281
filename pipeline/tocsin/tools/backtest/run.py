"""Several entrants on several series, with several seeds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from tocsin.tools.backtest.model import ModelEntrant
from tocsin.tools.backtest.series import Entrant, Outcome, Series
from tocsin.tools.backtest.trial import Trial

Told = Callable[[float], None]
"""Hears which share of all is done."""


def run_trials(
    series: Sequence[Series],
    entrants: Sequence[Entrant],
    seeds: Sequence[int],
    told: Told = lambda _: None,
) -> Iterator[Trial]:
    """Let every entrant judge every series with every seed; give the trials one by one.

    An entrant that cannot learn from a series is left out there, with its reason.
    """
    total = max(1, len(series) * len(entrants) * len(seeds))
    for at, each in enumerate(series):
        outcomes: dict[str, Sequence[Outcome]] = {}
        refusals: dict[str, str] = {}
        for number, entrant in enumerate(entrants):
            done = (at * len(entrants) + number) * len(seeds)
            try:
                outcomes[entrant.name] = [
                    _heard(entrant, told, (done + turn) / total, 1 / total).run(each, seed)
                    for turn, seed in enumerate(seeds)
                ]
            except ValueError as error:
                refusals[entrant.name] = str(error)
            told((done + len(seeds)) / total)
        yield Trial(each, outcomes, refusals)


def _heard(entrant: Entrant, told: Told, done: float, share: float) -> Entrant:
    """Return the entrant; one that tells how far its learning is is listened to."""
    told(done)
    if not isinstance(entrant, ModelEntrant):
        return entrant
    return replace(entrant, progress=lambda part: told(done + part * share))

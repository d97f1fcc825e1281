from dataclasses import replace

import numpy as np

from tocsin.adapters.embedded import EmbeddedLog
from tocsin.core.blocks import encode_scores, encode_transition
from tocsin.core.records import Entry, Rule, Scores, Severity, State, Status, Transition
from tocsin.ports import TopicSpec
from tocsin.tools.witness import Witness

NAMES = ("P1", "P2")


def scores(*ends: int, model: str = "m1", status: Status = Status.OK) -> Scores:
    """Return a window of every asset at each of ``ends``."""
    rows = len(ends) * len(NAMES)
    value = np.full(rows, 0.5 if status is Status.OK else np.nan)
    cells = np.zeros((rows, 1), np.float32)
    return Scores(
        "pump",
        model,
        ("flow",),
        NAMES,
        np.repeat(np.arange(len(NAMES), dtype=np.int32), len(ends)),
        np.tile(np.array(ends, np.int64), len(NAMES)),
        np.full(rows, status, np.uint8),
        value,
        value,
        cells,
        cells,
        cells,
        cells,
    )


def step(name: str, sequence: int, state: State = State.OPEN) -> Transition:
    return Transition(
        name, sequence, "P1", "pump", Rule.ANOMALY, state, Severity.WARNING, 1, 2, sequence
    )


async def witness_of(log: EmbeddedLog, keep: int | None, *seen: Scores | Transition) -> Witness:
    await log.declare([TopicSpec("scores", 1), TopicSpec("alerts", 1)], create=True)
    witness = Witness(log, "scores", "alerts", keep)
    for each in seen:
        if isinstance(each, Scores):
            entry = Entry("scores", encode_scores(each, 0, 1), partition=0)
        else:
            entry = Entry("alerts", encode_transition(each), partition=0)
        await log.append([entry])
        await witness.look()
    return witness


async def test_a_window_that_stands_in_the_log_twice_counts_once() -> None:
    async with EmbeddedLog(None, clock=lambda: 0) as log:
        witness = await witness_of(log, None, scores(4, 8), scores(4, 8), scores(8, 12))
    assert witness.statuses == {"ok": 6}
    assert witness.assets["P2"].end_ns == 12
    assert list(witness.assets["P2"].recent) == [0.5, 0.5]


async def test_a_window_without_a_score_is_no_zero() -> None:
    async with EmbeddedLog(None, clock=lambda: 0) as log:
        witness = await witness_of(
            log, None, scores(4), scores(8, model="", status=Status.NO_MODEL)
        )
    assert (witness.assets["P1"].status, witness.assets["P1"].score) == ("no_model", None)
    assert witness.models == ["m1"]


async def test_the_newest_step_of_an_alert_says_whether_it_is_open() -> None:
    async with EmbeddedLog(None, clock=lambda: 0) as log:
        witness = await witness_of(
            log, None, step("a1", 1), step("a2", 1), step("a1", 2, State.RESOLVED)
        )
    assert {each.id: each.sequence for each in witness.alerts()} == {"a1": 2, "a2": 1}
    assert [each.id for each in witness.open_alerts()] == ["a2"]


async def test_only_so_much_is_kept_as_was_ordered() -> None:
    steps = [step(f"a{at}", 1) for at in range(10)]
    blocks = [replace(scores(4 * at + 4), model=f"m{at}") for at in range(10)]
    async with EmbeddedLog(None, clock=lambda: 0) as log:
        witness = await witness_of(log, 3, *steps, *blocks)
    assert [name for name, _ in witness.transitions] == ["a7", "a8", "a9"]
    assert witness.models == ["m7", "m8", "m9"]

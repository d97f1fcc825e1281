from dataclasses import replace

import numpy as np
import pytest

from tocsin.core.blocks import (
    BLOCK_CELLS,
    decode_scores,
    decode_snapshot,
    decode_transition,
    encode_scores,
    encode_snapshot,
    encode_transition,
    split_scores,
    take_scores,
)
from tocsin.core.records import Rule, Scores, Severity, State, Transition

COLUMNS = ("end_ns", "status", "score", "error", "blame", "expected", "measured", "coverage")
STEP = Transition(
    id="id",
    sequence=2,
    asset="rig",
    profile="p",
    rule=Rule.ANOMALY,
    state=State.RESOLVED,
    severity=Severity.CRITICAL,
    began_ns=1,
    opened_ns=2,
    at_ns=3,
    resolved_ns=4,
    score=1.5,
    channels=(("flow", 0.75), ("heat", 0.25)),
    model="m",
    summary="All is well.",
)


def scores(rows: int, channels: int = 3) -> Scores:
    chance = np.random.default_rng(rows)
    cells = [chance.random((rows, channels)).astype(np.float32) for _ in range(4)]
    cells[0][::2] = np.nan
    return Scores(
        "p",
        "m1",
        tuple(f"c{n}" for n in range(channels)),
        [f"rig-{n}" for n in range(100)],
        chance.integers(40, 60, rows).astype(np.int32),
        np.arange(rows) * 10**9,
        chance.integers(0, 5, rows).astype(np.uint8),
        chance.random(rows),
        chance.random(rows),
        *cells,
    )


@pytest.mark.parametrize("rows", [0, 1, 500])
def test_a_block_comes_back_bit_for_bit(rows: int) -> None:
    sent = scores(rows)
    block = decode_scores(encode_scores(sent, 17, 99))
    got = block.scores
    assert (block.low, block.high, got.profile, got.model) == (17, 99, "p", "m1")
    assert [got.names[a] for a in got.asset] == [sent.names[a] for a in sent.asset]
    for column in COLUMNS:
        assert getattr(got, column).tobytes() == getattr(sent, column).tobytes()


def test_only_names_that_are_used_travel() -> None:
    block = decode_scores(encode_scores(take_scores(scores(500), slice(0, 1)), 0, 1))
    assert len(block.scores.names) == 1


@pytest.mark.parametrize("channels", [1, 8, 1_000, 20_000])
def test_parts_fit_into_the_log_and_are_the_whole(channels: int) -> None:
    whole = scores(3 * BLOCK_CELLS // channels + 2, channels)
    parts = split_scores(whole)
    assert max(len(encode_scores(part, 0, 1)) for part in parts) < 900_000
    assert np.concatenate([part.end_ns for part in parts]).tolist() == whole.end_ns.tolist()


@pytest.mark.parametrize("junk", [b"", b"\x00", b"{}", b"\x80", b"\x81\xa1v\x02", b"\xff" * 9])
def test_other_bytes_are_said_to_be_other_bytes(junk: bytes) -> None:
    with pytest.raises(ValueError, match=r"block|version"):
        decode_scores(junk)
    with pytest.raises(ValueError, match="transition"):
        decode_transition(junk)


def test_a_damaged_block_is_not_read_as_another() -> None:
    whole = encode_scores(scores(5), 0, 1)
    with pytest.raises(ValueError, match="block"):
        decode_scores(whole[:-9])


@pytest.mark.parametrize("step", [STEP, replace(STEP, resolved_ns=None, score=None, channels=())])
def test_a_transition_comes_back(step: Transition) -> None:
    assert decode_transition(encode_transition(step)) == step


def test_a_snapshot_comes_back() -> None:
    snapshot = {"a": 1, "b": b"\x00\xff", "c": [1.5, None, "x"]}
    assert decode_snapshot(encode_snapshot(snapshot)) == snapshot
    with pytest.raises(ValueError, match="snapshot"):
        decode_snapshot(b"\x93\x01\x02\x03")

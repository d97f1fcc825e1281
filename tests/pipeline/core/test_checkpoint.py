import json

import pytest

from tocsin.core.blocks import encode_snapshot
from tocsin.core.checkpoint import Note, Snapshot, Tally

NOTE = Note(17, 4, {"pump": "0123456789abcdef"}, "fedcba9876543210", Tally(10, 2, 3, 1))


def test_a_note_comes_back() -> None:
    assert Note.decode(NOTE.encode()) == NOTE


def test_a_note_is_short_json_that_people_can_read() -> None:
    assert json.loads(NOTE.encode()) == {
        "v": 1,
        "l": 17,
        "s": 4,
        "m": {"pump": "0123456789abcdef"},
        "c": "fedcba9876543210",
        "n": [10, 2, 3, 1],
    }


@pytest.mark.parametrize("text", ["", "hello", "[]", "7", "null", '{"v":2}', '{"v":1,"l":3}'])
def test_a_note_of_somebody_else_is_none_of_ours(text: str) -> None:
    assert Note.decode(text) is None


def test_a_snapshot_comes_back_under_a_key_of_its_own() -> None:
    lane = Snapshot("lane", "rig/1", 99, "c", {"x": b"\x01", "n": 3})
    assert Snapshot.decode(lane.encode()) == lane
    machine = Snapshot("machine", "rig/1", 99, "c", {})
    assert lane.key != machine.key


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"junk", "snapshot"),
        (encode_snapshot({"v": 2}), "version 2"),
        (encode_snapshot({"v": 1, "kind": "lane"}), "'asset' is missing"),
    ],
)
def test_a_snapshot_that_cannot_be_read_says_why(value: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Snapshot.decode(value)


def test_tallies_add_up() -> None:
    assert Tally(1, 2, 3, 4).plus(Tally(10, 20, 30, 40)) == Tally(11, 22, 33, 44)

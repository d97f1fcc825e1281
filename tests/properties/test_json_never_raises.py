"""Whatever the bytes, decoding never raises, and how entries are batched changes nothing."""

import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from json_entries import CHANNELS, batch_of, rows_of
from tocsin.core.formats.json import JsonDecoder, JsonPolicy
from tocsin.core.records import Batch, Names, Reject

CELLS = st.one_of(
    st.floats(),
    st.integers(),
    st.sampled_from([None, True, "3.5", "warm", "nan", [1], {"v": 1}, 10**40, -0.0, "", 1e31]),
)
MOMENTS = st.one_of(
    st.integers(1_500_000_000, 1_900_000_000),
    st.integers(10**17, 2 * 10**18),
    st.floats(1e8, 2e18),
    st.sampled_from([None, True, -1, "2020-02-08T13:30:47Z", "2020-02-08 13:30:47.5", "x", 10**30]),
)
ASSETS = st.sampled_from(["P1", "P2", "P1", 7, None, "", "a\nb", 1.5, "Pümpe", "\ud800"])
FIELDS = st.one_of(
    st.tuples(st.sampled_from(["asset", "Device", "sensorId", "source"]), ASSETS),
    st.tuples(st.sampled_from(["time", "ts", "Timestamp"]), MOMENTS),
    st.tuples(st.sampled_from(["channel", "name"]), st.sampled_from([*CHANNELS, "rpm", 3])),
    st.tuples(st.sampled_from([*CHANNELS, "v", "data", "site", "x"]), CELLS),
)
FLAT = st.lists(FIELDS, max_size=8).map(dict)
NESTED = st.builds(
    lambda outer, name, inner: {**outer, name: inner},
    FLAT,
    st.sampled_from(["values", "data", "payload"]),
    st.one_of(FLAT, st.lists(FLAT, max_size=3)),
)
SOUND = st.sampled_from(
    [
        {"asset": "P1", "time": 1_700_000_000, "temp": 1.0, "pressure": 2.0},
        {"asset": "P1", "time": 1_700_000_000, "channel": "temp", "value": 1.0, "site": "x"},
        {"device": 7, "ts": "2020-02-08T13:30:47Z", "values": {"temp": 1.0, "t": 2.0, "x": 0}},
        {"temp": 1.0, "value": 2.0, "x": None},
        {"schema": None, "payload": {"asset": "P1", "temp": 1.0}},
        {"schema": None, "payload": {"temp": 1.0}, "ts": 1_700_000_000},
        {"source": "P1", "sensorId": "temp", "v": 3.0},
    ]
)
KEYS = st.sampled_from([None, b"K1", b"K2", b"\xff"])
PINS = st.sampled_from(
    [
        JsonPolicy(),
        JsonPolicy(asset="source", time_unit="ms"),
        JsonPolicy(channel="x", value="value"),
        JsonPolicy(time="", asset=""),
    ]
)


@st.composite
def entries(draw: st.DrawFn) -> list[tuple[bytes | None, bytes | None]]:
    """Mixtures in which some objects come often enough, with other cells, to be learned."""
    found: list[tuple[bytes | None, bytes | None]] = [
        (_dump(draw(_variant(template))), draw(KEYS))
        for template in draw(st.lists(st.one_of(SOUND, FLAT, NESTED), min_size=1, max_size=3))
        for _ in range(draw(st.integers(1, 25)))
    ]
    found.extend(draw(st.lists(st.tuples(st.one_of(st.none(), st.binary()), KEYS), max_size=4)))
    found.extend(
        (value[:cut], key)
        for value, key in draw(st.permutations(found))[:3]
        if value and (cut := draw(st.integers(0, len(value))))
    )
    return list(draw(st.permutations(found)))


@st.composite
def _variant(draw: st.DrawFn, template: dict[str, Any]) -> dict[str, Any]:
    """The object as it is, or with some of its fields left out or given another value."""
    varied = dict(template)
    for name, value in template.items():
        match draw(st.integers(0, 19)):
            case 0:
                del varied[name]
            case 1 | 2 if isinstance(value, float):
                varied[name] = draw(st.floats())
            case 3 | 4:
                varied[name] = draw(CELLS)
    return varied


def _dump(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _encode(text: str) -> bytes:
    return text.encode()


def _outcome(
    decoder: JsonDecoder, names: Names, batch: Batch
) -> tuple[list[Any], list[Reject], int]:
    decoded = decoder.decode(batch)
    assert np.isfinite(decoded.readings.value).all()
    return rows_of(decoded, names), decoded.rejects, decoded.ignored


@settings(deadline=None, max_examples=150)
@given(entries(), PINS)
def test_a_batch_holds_what_its_entries_hold_one_by_one(
    found: list[tuple[bytes | None, bytes | None]], policy: JsonPolicy
) -> None:
    # repeated, so that shapes are learned from the first part and met again in the second
    found = [*found, *found]
    values, keys = [value for value, _ in found], [key for _, key in found]
    names = Names()
    decoder = JsonDecoder(CHANNELS, names, policy)
    whole = _outcome(decoder, names, batch_of(values, keys))
    again = _outcome(decoder, names, batch_of(values, keys))
    rows, rejects, ignored = [], [], 0
    for offset, (value, key) in enumerate(found):
        alone = Names()
        one = JsonDecoder(CHANNELS, alone, policy)
        part = _outcome(one, alone, batch_of([value], [key], low=offset))
        rows += part[0]
        rejects += part[1]
        ignored += part[2]
    assert repr(whole) == repr((rows, rejects, ignored))
    assert repr(again) == repr(whole)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.one_of(st.none(), st.binary(max_size=200), st.text().map(lambda text: text.encode()))
    )
)
def test_any_bytes_are_readings_or_rejects(values: list[bytes | None]) -> None:
    decoded = JsonDecoder(CHANNELS, Names()).decode(batch_of(values))
    assert {reject.offset for reject in decoded.rejects} <= set(range(len(values)))

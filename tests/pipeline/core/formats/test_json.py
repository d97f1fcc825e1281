import json
import math

import pytest

from json_entries import ARRIVED_NS, CHANNELS, batch_of, read, rows_of
from tocsin.core.formats.json import JsonDecoder, JsonPolicy, encode_wide
from tocsin.core.records import Names

T = 1_700_000_000
NS = T * 10**9


@pytest.mark.parametrize(
    "value",
    [
        b'{"asset":"P1","channel":"temp","time":1700000000,"value":1.5}',
        b'{"deviceId":"P1","sensorId":"temp","timestamp":1700000000000,"reading":1.5}',
        b'{"MACHINE":"P1","Tag":"temp","TS":"2023-11-14T22:13:20Z","V":"1.5"}',
        b'{"source":"P1","metric":"temp","@timestamp":1700000000000000,"data":1.5}',
        b'{"asset":"P1","time":1700000000,"temp":1.5}',
        b'{"host":"P1","event_time":"1700000000","temp":"15e-1"}',
        b'{"asset":"P1","ts":1700000000,"values":{"temp":1.5}}',
        b'{"asset":"P1","ts":1700000000,"payload":{"temp":1.5}}',
        b'{"ts":1700000000,"data":{"asset":"P1","temp":1.5}}',
        b'{"asset":"P1","ts":1700000000,"readings":[{"channel":"temp","value":1.5}]}',
        b'[{"asset":"P1","ts":1700000000,"temp":1.5}]',
        b'\xef\xbb\xbf{"asset":"P1","time":1700000000,"temp":1.5}',
        b'{"asset":"P9","asset":"P1","time":1700000000,"temp":9,"temp":1.5}',
    ],
)
def test_every_usual_spelling_is_the_same_reading(value: bytes) -> None:
    assert read(value) == ([("P1", "temp", NS, 1.5)], [], 0)


def test_the_envelope_of_kafka_connect_is_unwrapped() -> None:
    value = b'{"schema":{"type":"struct"},"payload":{"asset":"P1","ts":1700000000,"temp":1.5}}'
    assert read(value) == ([("P1", "temp", NS, 1.5)], [], 0)


def test_a_field_named_as_a_known_channel_is_that_channel() -> None:
    rows, reasons, _ = read(b'{"asset":"P1","time":1700000000,"t":3,"value":4}')
    assert rows == [("P1", "value", NS, 4.0), ("P1", "t", NS, 3.0)]
    assert not reasons


def test_a_channel_called_value_can_be_sent_in_the_long_form() -> None:
    rows, _, _ = read(b'{"asset":"P1","channel":"value","time":1700000000,"value":4}')
    assert rows == [("P1", "value", NS, 4.0)]


def test_the_record_gives_the_asset_and_the_time_that_the_value_leaves_out() -> None:
    assert read(b'{"temp":1}', "Pümpe".encode())[0] == [("Pümpe", "temp", ARRIVED_NS, 1.0)]
    nulls = b'{"asset":null,"time":null,"temp":1}'
    assert read(nulls, b"P2")[0] == [("P2", "temp", ARRIVED_NS, 1.0)]


def test_a_sensor_names_the_asset_only_where_nothing_else_does() -> None:
    value = b'{"sensorId":"S1","timestamp":1700000000,"temp":2}'
    assert read(value) == ([("S1", "temp", NS, 2.0)], [], 0)
    assert read(value, b"P1") == ([("P1", "temp", NS, 2.0)], [], 1)


@pytest.mark.parametrize("key", [None, b"", b"\xff\xfe", b"a\nb", b"x" * 300])
def test_an_object_without_any_asset_is_rejected(key: bytes | None) -> None:
    assert read(b'{"temp":1}', key) == ([], ["schema"], 0)


def test_a_number_may_name_an_asset() -> None:
    assert read(b'{"asset":17,"time":1700000000,"temp":1}')[0] == [("17", "temp", NS, 1.0)]


@pytest.mark.parametrize("asset", [b"true", b"1.5", b'""', b"[1]", b"{}", b'"a\\nb"', b'"\\ud800"'])
def test_what_cannot_name_an_asset_is_rejected(asset: bytes) -> None:
    value = b'{"asset":%s,"time":1700000000,"temp":1}' % asset
    assert read(value, b"P1") == ([], ["schema"], 0)


@pytest.mark.parametrize("time", [b"true", b"-1", b"NaN", b'"soon"', b"[1]", b"1e300"])
def test_an_unreadable_time_is_rejected_and_not_replaced(time: bytes) -> None:
    value = b'{"asset":"P1","time":%s,"temp":1,"pressure":2}' % time
    assert read(value) == ([], ["time"], 0)


@pytest.mark.parametrize("cell", [b"null", b"NaN", b'"nan"'])
def test_null_and_nan_mean_not_measured(cell: bytes) -> None:
    assert read(b'{"asset":"P1","time":1700000000,"temp":%s}' % cell) == ([], [], 0)
    long = b'{"asset":"P1","channel":"temp","time":1700000000,"value":%s}' % cell
    assert read(long) == ([], [], 0)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (b"Infinity", "range"),
        (b"-Infinity", "range"),
        (b"1.1e30", "range"),
        (b"1e400", "range"),
        (b"9" * 400, "range"),
        (b'"inf"', "range"),
        (b"true", "schema"),
        (b'"warm"', "schema"),
        (b'""', "schema"),
        (b"[1]", "schema"),
        (b'{"v":1}', "schema"),
    ],
)
def test_one_bad_reading_rejects_only_itself(cell: bytes, reason: str) -> None:
    value = b'{"asset":"P1","time":1700000000,"temp":%s,"pressure":2}' % cell
    assert read(value) == ([("P1", "pressure", NS, 2.0)], [reason], 0)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "parse"),
        (b"", "parse"),
        (b"\xff{}", "parse"),
        (b"not json", "parse"),
        (b'{"asset":"P1","temp":1', "parse"),
        (b'{"asset":"P1"},{"asset":"P2"}', "parse"),
        (b"[" * 100_000, "parse"),
        (b"9" * 10_000, "parse"),
        (b" " * 2_000_000, "size"),
        (b"21.5", "schema"),
        (b"null", "schema"),
        (b'"temp"', "schema"),
        (b"[[1]]", "schema"),
    ],
)
def test_an_unusable_entry_is_rejected_with_its_reason(value: bytes | None, reason: str) -> None:
    assert read(value) == ([], [reason], 0)


def test_unknown_fields_and_channels_are_ignored_and_counted() -> None:
    assert read(b'{"asset":"P1","time":1700000000,"site":"x","temp":1,"fw":{"v":2}}')[2] == 2
    assert read(b'{"asset":"P1","channel":"rpm","time":1700000000,"value":1}') == ([], [], 1)
    assert read(b'{"weather":"fine"}') == ([], [], 1)


def test_a_megabyte_of_rubbish_is_not_a_million_rejects() -> None:
    rows, reasons, _ = read(
        b'[{"asset":"P1","time":1700000000,"temp":1},' + b"1," * 400_000 + b"1]"
    )
    assert len(rows) == 1
    assert len(reasons) == 100


def test_a_sensor_names_no_asset_where_the_asset_is_pinned() -> None:
    value = b'{"sensorId":"S1","timestamp":1700000000,"temp":2}'
    assert read(value, policy=JsonPolicy(asset="line")) == ([], ["schema"], 1)


def test_pinned_fields_take_the_place_of_the_usual_spellings() -> None:
    policy = JsonPolicy(asset="line", time="t", channel="was", value="x", time_unit="ms")
    value = b'{"asset":"no","line":"L1","time":1,"t":1700000000000,"was":"temp","x":3}'
    assert read(value, policy=policy) == ([("L1", "temp", NS, 3.0)], [], 2)


def test_a_field_pinned_to_nothing_comes_from_the_record() -> None:
    policy = JsonPolicy(asset="", time="")
    value = b'{"asset":"no","time":1,"temp":3}'
    assert read(value, b"P1", policy) == ([("P1", "temp", ARRIVED_NS, 3.0)], [], 2)


@pytest.mark.parametrize(
    "pins", [{"asset": "x", "time": "x"}, {"time_unit": "h"}, {"max_bytes": 0}]
)
def test_a_policy_that_cannot_be_meant_is_refused(pins: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="format"):
        JsonPolicy(**pins)  # type: ignore[arg-type]


def test_readings_and_rejects_keep_the_order_of_the_log_and_say_where_they_came_from() -> None:
    good = [encode_wide(f"P{i}", NS + i, {"temp": i, "pressure": -i}) for i in range(200)]
    good[70], good[90] = b"broken", b'{"asset":"P90","time":%d,"temp":"9"}' % (NS + 90)
    names = Names()
    decoded = JsonDecoder(CHANNELS, names, JsonPolicy()).decode(batch_of(good, low=1_000))
    rows = rows_of(decoded, names)
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert [row for row in rows if row[0] == 1_090] == [
        (1_090, "P90", "temp", NS + 90, 9.0, ARRIVED_NS + 1_090 * 10**9)
    ]
    assert len(rows) == 2 * 198 + 1
    assert [(reject.offset, reject.reason) for reject in decoded.rejects] == [(1_070, "parse")]


def test_two_broken_neighbours_do_not_make_a_whole() -> None:
    good = [encode_wide("P1", NS + i, {"temp": i}) for i in range(100)]
    pieces = [b'{"asset":"P1","time":1700000000,"temp":', b'1},{"temp":2}', b"],[", b"1,2"]
    decoded = JsonDecoder(CHANNELS, Names(), JsonPolicy()).decode(
        batch_of([*good[:50], *pieces, *good[50:]])
    )
    assert len(decoded.readings) == 100
    assert [reject.offset for reject in decoded.rejects] == [50, 51, 52, 53]


def test_learning_a_form_goes_on_when_channels_and_spellings_change() -> None:
    names = Names()
    decoder = JsonDecoder(CHANNELS, names, JsonPolicy())
    for template, count in [
        ('{"asset":"P1","time":%d,"temp":1}', 1),
        ('{"asset":"P1","time":%d,"temp":1,"pressure":2}', 2),
        ('{"device":"P1","ts":%d,"site":"x","pressure":2}', 1),
        ('{"asset":"P1","channel":"temp","time":%d,"value":1}', 1),
        ('{"asset":"P1","time":%d,"values":{"temp":1,"t":2}}', 2),
        ('{"channel":"temp","value":1,"n":%d}', 1),
    ]:
        for _ in range(2):
            batch = batch_of([(template % (NS + i)).encode() for i in range(100)], [b"K"] * 100)
            decoded = decoder.decode(batch)
            assert len(decoded.readings) == 100 * count
            assert not decoded.rejects


def test_what_is_encoded_is_read_back() -> None:
    value = encode_wide("P1", NS, {"temp": 1.25, "pressure": math.nan, "t": None})
    assert json.loads(value) == {
        "asset": "P1", "time": NS, "temp": 1.25, "pressure": None, "t": None
    }  # fmt: skip
    assert read(value) == ([("P1", "temp", NS, 1.25)], [], 0)


def test_an_envelope_that_keeps_coming_is_unwrapped_every_time() -> None:
    decoder = JsonDecoder(CHANNELS, Names(), JsonPolicy())
    value = b'{"schema":null,"payload":{"asset":"P1","temp":1}}'
    bare = b'{"schema":null,"payload":{"temp":1}}'
    for _ in range(2):
        decoded = decoder.decode(batch_of([value, bare] * 50, [b"K"] * 100))
        assert len(decoded.readings) == 100
        assert decoded.ignored == 0

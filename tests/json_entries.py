"""Batches of log entries for tests of what reads them."""

from collections.abc import Sequence

from tocsin.core.formats.json import Decoded, JsonDecoder, JsonPolicy
from tocsin.core.records import Batch, Names, Place

ARRIVED_NS = 1_700_000_000_000_000_000
CHANNELS = ("temp", "pressure", "value", "t")

Row = tuple[int, str, str, int, float, int]
"""(offset, asset, channel, time_ns, value, arrived_ns)"""


def batch_of(
    values: Sequence[bytes | None], keys: Sequence[bytes | None] | None = None, low: int = 0
) -> Batch:
    """Entries one second apart in the log's own time."""
    offsets = range(low, low + len(values))
    return Batch(
        Place("readings", 0),
        low,
        low + len(values),
        offsets,
        [ARRIVED_NS + offset * 10**9 for offset in offsets],
        [None] * len(values) if keys is None else keys,
        values,
        [()] * len(values),
    )


def rows_of(decoded: Decoded, names: Names, channels: Sequence[str] = CHANNELS) -> list[Row]:
    """The readings as rows with names in place of ids."""
    found = decoded.readings
    return [
        (record, names.table[asset], channels[channel], time_ns, value, arrived_ns)
        for record, asset, channel, time_ns, value, arrived_ns in zip(
            found.record.tolist(),
            found.asset.tolist(),
            found.channel.tolist(),
            found.time_ns.tolist(),
            found.value.tolist(),
            found.arrived_ns.tolist(),
            strict=True,
        )
    ]


def read(
    value: bytes | None, key: bytes | None = None, policy: JsonPolicy | None = None
) -> tuple[list[tuple[str, str, int, float]], list[str], int]:
    """(asset, channel, time_ns, value), reasons of rejects and ignored fields of one entry."""
    names = Names()
    decoded = JsonDecoder(CHANNELS, names, policy or JsonPolicy()).decode(batch_of([value], [key]))
    rows = [row[1:5] for row in rows_of(decoded, names)]
    return rows, [reject.reason for reject in decoded.rejects], decoded.ignored

"""JSON log entries -> readings.

Every entry is one object or an array of objects, long (``{asset, channel, time, value}``) or wide
(one object, many channels); `fields` lists the usual spellings, `objects` says what an entry
means, `forms` makes it fast, `times` and `numbers` say what a time and a value may look like.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from tocsin.core.formats.columns import AssetIds, Part, Sheet, assemble
from tocsin.core.formats.fields import JsonPolicy
from tocsin.core.formats.forms import Form
from tocsin.core.formats.objects import ObjectReader, parse
from tocsin.core.formats.shapes import Shape, see
from tocsin.core.records import Batch, Names, Readings, Reject

__all__ = ["Decoded", "JsonDecoder", "JsonPolicy", "encode_wide"]

_MOST_FORMS = 8
_SAMPLE = 32
"""Entries without a form that are read one by one before the forms they show are compiled."""
_ENOUGH = 4
"""Entries of one shape that make it worth compiling."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What stood in a batch; ``ignored`` counts fields that are no known channel."""

    readings: Readings
    rejects: list[Reject]
    ignored: int


class JsonDecoder:
    """Decodes batches of JSON; learns how its feed writes, which changes nothing but its speed.

    ``channel`` in the readings points into ``channels``, ``asset`` into ``names``.
    """

    def __init__(
        self, channels: Sequence[str], names: Names, policy: JsonPolicy | None = None
    ) -> None:
        self._policy = policy or JsonPolicy()
        self._known = {name: index for index, name in enumerate(channels)}
        self._assets = AssetIds(names)
        self._reader = ObjectReader(self._known, self._assets, self._policy)
        self._forms: list[Form] = []

    def decode(self, batch: Batch) -> Decoded:
        """Return all that can be read, and why the rest cannot be; never raises.

        Readings and rejects come in the order of the log.
        """
        sheet, parts = Sheet(), list[Part]()
        fit, rest = self._sort_out(batch)
        unread = self._take(batch, fit, sheet, parts)
        sample, unseen = unread[:_SAMPLE], unread[_SAMPLE:]
        if unseen and self._learn(batch, sample):
            unseen = self._take(batch, unseen, sheet, parts)
        for row in sorted([*rest, *sample, *unseen]):
            self._reader.read(batch, row, sheet)
        readings = assemble(batch, [*parts, sheet.part()])
        return Decoded(readings, sheet.rejects, sheet.ignored)

    def _sort_out(self, batch: Batch) -> tuple[list[int], list[int]]:
        """Return the entries that are worth parsing, and the others."""
        most, fit, rest = self._policy.max_bytes, list[int](), list[int]()
        for row, value in enumerate(batch.values):
            (fit if value and len(value) <= most else rest).append(row)
        return fit, rest

    def _take(
        self, batch: Batch, rows: Sequence[int], sheet: Sheet, parts: list[Part]
    ) -> Sequence[int]:
        """Let every form read what is its own; return what is left."""
        taken = Counter[Form]()
        for form in self._forms:
            if rows:
                take = form.take(batch, rows, self._assets, self._policy.time_unit)
                taken[form] = len(rows) - len(take.left)
                rows = take.left
                parts.append(take.part)
                sheet.ignored += take.ignored
        self._forms.sort(key=lambda form: -taken[form])
        return rows

    def _learn(self, batch: Batch, rows: Sequence[int]) -> bool:
        """Compile what the entries at ``rows`` have in common; whether there was anything."""
        seen, channels = Counter[Shape](), dict[Shape, set[int]]()
        for row in rows:
            content, _ = parse(batch.values[row], self._policy.max_bytes)
            sight = see(content, self._reader.fields, self._known)
            if sight is not None:
                seen[sight.shape] += 1
                channels.setdefault(sight.shape, set()).update(sight.channels)
        fresh = [shape for shape in seen if seen[shape] >= _ENOUGH]
        compiled = [self._compile(shape, channels[shape]) for shape in fresh]
        return any(compiled)

    def _compile(self, shape: Shape, channels: set[int]) -> bool:
        """Make a form for ``shape`` with these and all earlier channels, if there is none yet."""
        old = next((form for form in self._forms if form.shape == shape), None)
        if old is not None and channels <= set(old.channels):
            return False
        form = Form(shape, [*channels.union(old.channels if old else ())], self._known)
        kept = [each for each in self._forms if each is not old]
        # the forms stand by use, so what makes room for a new one is the least used
        self._forms = [*kept[: _MOST_FORMS - 1], form]
        return True


def encode_wide(asset: str, time_ns: int, values: Mapping[str, float | None]) -> bytes:
    """Return one wide object; NaN becomes null. No channel may be called asset or time."""
    return msgspec.json.encode({"asset": asset, "time": time_ns, **values})

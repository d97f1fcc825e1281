"""The model registry in the log itself: a compacted topic of one partition, no shared disk.

Its keys, where a file name never holds ``/`` or ``#`` and a version is hexadecimal:

- ``profile/version/file#n``: the n-th piece of one of a bundle's files;
- ``profile/version``: what a version consists of and what was said of it, as MessagePack. It is
  written last, so a version is there as a whole or not at all;
- ``profile/pointer``: which version scores, and which did before, as MessagePack. One entry, so a
  promotion has happened or has not.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from tocsin.core.records import Batch, Entry, Place, Verdict
from tocsin.ports import Log, Version
from tocsin_models.bundle import Bundle, pack, unpack

CHUNK_BYTES = 512 * 1024
"""Size of a piece: well below the 1 MB that a log takes in one entry."""

_POINTER = "pointer"
_Content = TypeVar("_Content", bound=msgspec.Struct)


class _Release(msgspec.Struct, frozen=True):
    """What stands under ``profile/version``."""

    created_ns: int
    verdict: Verdict
    pieces: dict[str, int]  # of each file


class _Pointer(msgspec.Struct, frozen=True):
    """What stands under ``profile/pointer``."""

    champion: str
    previous: str | None = None


@dataclass(slots=True)
class _Shelf:
    """What the log says of one profile's models."""

    releases: dict[str, _Release] = field(default_factory=dict)
    pieces: dict[str, dict[str, int]] = field(default_factory=dict)  # version -> piece -> offset
    pointer: _Pointer | None = None


class LogRegistry:
    """A `tocsin.ports.Registry` in a compacted topic.

    Keeps an index of offsets, not the bundles; every call first reads what is new at the end of
    the topic, so it sees what other processes did and is cheap to call often.

    Args:
        log: an entered log.
        topic: its topic, of one partition.
    """

    def __init__(self, log: Log, topic: str = "models") -> None:
        self._log = log
        self._place = Place(topic, 0)
        self._shelves: dict[str, _Shelf] = {}
        self._next = 0
        self._reading = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the log as it is: it belongs to others too."""

    async def ping(self) -> str:
        """Return one line about what is there, or raise `Unavailable`."""
        await self._catch_up()
        count = sum(len(shelf.releases) for shelf in self._shelves.values())
        return f"registry in topic {self._place.topic}, {count} models"

    async def publish(self, profile: str, bundle: Bundle, verdict: Verdict, at_ns: int) -> None:
        """Store ``bundle`` under its version; the pointer stays where it is."""
        stem, pieces, entries = f"{profile}/{bundle.version}", dict[str, int](), list[Entry]()
        for name, content in pack(bundle).items():
            cuts = range(0, max(len(content), 1), CHUNK_BYTES)
            pieces[name] = len(cuts)
            entries += [
                self._entry(f"{stem}/{name}#{number}", content[cut : cut + CHUNK_BYTES])
                for number, cut in enumerate(cuts)
            ]
        await self._log.append(entries)
        release = msgspec.msgpack.encode(_Release(at_ns, verdict, pieces))
        await self._log.append([self._entry(stem, release)])

    async def fetch(self, profile: str, version: str) -> Bundle:
        """Return a bundle whose digests and golden probe hold.

        Raises:
            KeyError: if there is no such version.
            ValueError: if it is damaged.
        """
        shelf = await self._shelf(profile)
        bundle = unpack(await self._files(shelf, version))
        if bundle.version != version:
            raise ValueError(f"bundle: {bundle.version} stands under the name of {version}")
        return bundle

    async def champion(self, profile: str) -> str | None:
        """Return the version that should score now."""
        pointer = (await self._shelf(profile)).pointer
        return pointer.champion if pointer else None

    async def promote(self, profile: str, version: str) -> None:
        """Let ``version`` score from now on; raises `KeyError` if there is no such version."""
        shelf = await self._shelf(profile)
        if version not in shelf.releases:
            raise KeyError(version)
        before = shelf.pointer.champion if shelf.pointer else None
        if before != version:
            await self._point(profile, _Pointer(version, before))

    async def rollback(self, profile: str) -> str:
        """Swap champion and previous, return the new champion; `KeyError` if there is none."""
        pointer = (await self._shelf(profile)).pointer
        if pointer is None or pointer.previous is None:
            raise KeyError(f"profile {profile} has no previous model")
        await self._point(profile, _Pointer(pointer.previous, pointer.champion))
        return pointer.previous

    async def versions(self, profile: str) -> Sequence[Version]:
        """Return all versions, oldest first."""
        shelf = await self._shelf(profile)
        found = [
            Version(profile, name, release.created_ns, release.verdict, _standing(shelf, name))
            for name, release in shelf.releases.items()
        ]
        return sorted(found, key=lambda version: (version.created_ns, version.version))

    async def _shelf(self, profile: str) -> _Shelf:
        """Return what the log says of ``profile`` by now."""
        await self._catch_up()
        return self._shelves.get(profile) or _Shelf()

    async def _catch_up(self) -> None:
        async with self._reading:
            first, end = await self._log.bounds(self._place)
            async for batch in self._log.read(self._place, max(first, self._next), end):
                self._take(batch)
                self._next = batch.high
            self._next = end

    def _take(self, batch: Batch) -> None:
        for offset, key, value in zip(batch.offsets, batch.keys, batch.values, strict=True):
            path = (key or b"").decode(errors="replace")
            if "#" in path.rpartition("/")[2]:
                self._note_piece(path, offset)
            else:
                self._note(path, value)

    def _note_piece(self, path: str, offset: int) -> None:
        stem, _, piece = path.rpartition("/")
        profile, _, version = stem.rpartition("/")
        shelf = self._shelves.setdefault(profile, _Shelf())
        shelf.pieces.setdefault(version, {})[piece] = offset

    def _note(self, path: str, value: bytes | None) -> None:
        """Note a pointer or a release; what cannot be read changes nothing."""
        profile, _, name = path.rpartition("/")
        shelf = self._shelves.setdefault(profile, _Shelf())
        if value is None:
            shelf.releases.pop(name, None)
        elif name == _POINTER:
            shelf.pointer = _decoded(value, _Pointer) or shelf.pointer
        elif release := _decoded(value, _Release):
            shelf.releases[name] = release

    async def _files(self, shelf: _Shelf, version: str) -> dict[str, bytes]:
        """Return a version's files, each joined from its pieces."""
        pieces, offsets = shelf.releases[version].pieces, shelf.pieces.get(version, {})
        wanted = {name: [f"{name}#{n}" for n in range(count)] for name, count in pieces.items()}
        lost = [piece for each in wanted.values() for piece in each if piece not in offsets]
        if lost:
            raise ValueError(f"bundle: {version} lacks {', '.join(lost)}")
        found = await self._read(
            {piece: offsets[piece] for each in wanted.values() for piece in each}
        )
        return {name: b"".join(found[piece] for piece in each) for name, each in wanted.items()}

    async def _read(self, offsets: Mapping[str, int]) -> dict[str, bytes]:
        """Return what stands at the given offsets; what is gone is empty."""
        names = {offset: piece for piece, offset in offsets.items()}
        found = dict.fromkeys(offsets, b"")
        async for batch in self._log.read(self._place, min(names), max(names) + 1):
            for offset, value in zip(batch.offsets, batch.values, strict=True):
                if offset in names:
                    found[names[offset]] = value or b""
        return found

    async def _point(self, profile: str, pointer: _Pointer) -> None:
        entry = self._entry(f"{profile}/{_POINTER}", msgspec.msgpack.encode(pointer))
        await self._log.append([entry])

    def _entry(self, path: str, value: bytes) -> Entry:
        return Entry(self._place.topic, value, path.encode(), self._place.partition)


def _standing(shelf: _Shelf, version: str) -> str:
    if shelf.pointer and version == shelf.pointer.champion:
        return "champion"
    if shelf.pointer and version == shelf.pointer.previous:
        return "previous"
    return "retired" if shelf.releases[version].verdict.promoted else "refused"


def _decoded(value: bytes, kind: type[_Content]) -> _Content | None:
    """Return what ``value`` holds, or None if it is no such thing."""
    try:
        return msgspec.msgpack.decode(value, type=kind)
    except msgspec.DecodeError:
        return None

"""How content gets out of packs: looked up, read in long stretches, unpacked by several threads, checked."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, cast

from nbproof.core.errors import NotFound
from nbproof.storage.content.codec import decompress
from nbproof.storage.content.packs import (
    RECORD_BYTES,
    Damaged,
    Kind,
    Part,
    Recipe,
    Record,
    read_record_header,
    unpacked,
    unpacked_parts,
)
from nbproof.storage.content.writing import ahead, pool

if TYPE_CHECKING:
    from nbproof.storage.content.ends import StorageBackend
    from nbproof.storage.content.index import ContentIndex, Place

__all__ = ["ContentReader", "PackReader"]

_TOGETHER = 64  # chunks fetched by one thread at once: about 5 MB
_STRETCH_BYTES = 8 << 20
_LOOKS = 3  # for what garbage collection moves at this moment


class PackReader:
    """Reads chunks and objects.

    Parameters
    ----------
    end : StorageBackend
    index : ContentIndex
    """

    def __init__(self, end: StorageBackend, index: ContentIndex) -> None:
        self._end = end
        self._index = index

    def record(self, place: Place) -> bytes | memoryview:
        """The content of one record, checked."""
        pack, record = place
        return _checked(record, memoryview(self._end.read(pack, record.offset, RECORD_BYTES + record.stored)))

    def recipe(self, hash: bytes) -> Recipe | None:
        """What an object is made of; None where it is not here."""
        for _ in range(_LOOKS):
            found = self._index.find([hash], Kind.OBJECT, any_state=True).get(hash)
            if found is None:
                chunk = self._index.find([hash], Kind.CHUNK, any_state=True).get(hash)
                return None if chunk is None else Recipe(chunk[1].raw, 0, [(hash, chunk[1].raw)])
            if (recipe := self._recipe_at(found)) is not None:
                return recipe
        return None

    def recipes(self, hashes: Sequence[bytes]) -> dict[bytes, Recipe]:
        """What objects are made of; those that are not here are left out."""
        objects = self._index.find(hashes, Kind.OBJECT, any_state=True)
        chunks = self._index.find(
            [each for each in hashes if each not in objects], Kind.CHUNK, any_state=True
        )
        found = {hash: Recipe(record.raw, 0, [(hash, record.raw)]) for hash, (_, record) in chunks.items()}
        for hash in objects:
            if (recipe := self._recipe_at(objects[hash]) or self.recipe(hash)) is not None:
                found[hash] = recipe
        return found

    def parts(self, recipe: Recipe) -> list[Part]:
        """The chunks of an object's content, in order."""
        parts = list(recipe.parts)
        for _ in range(recipe.level):
            parts = unpacked_parts(b"".join(self.chunks(parts)))
        return parts

    def chunks(self, parts: Sequence[Part]) -> Iterator[bytes | memoryview]:
        """The contents of chunks, in order, those to come being fetched meanwhile."""
        work = (
            cast("Future[object]", pool().submit(self._fetch, parts[start : start + _TOGETHER]))
            for start in range(0, len(parts), _TOGETHER)
        )
        for found in ahead(work):
            yield from cast("list[bytes | memoryview]", found)

    # -- inside ------------------------------------------------------------------------------------

    def _recipe_at(self, place: Place) -> Recipe | None:
        """None where garbage collection has just moved it."""
        try:
            return Recipe.of(self.record(place))
        except NotFound:
            return None

    def _fetch(self, parts: Sequence[Part]) -> list[bytes | memoryview]:
        for look in range(_LOOKS):
            places = self._index.find([hash for hash, _ in parts], Kind.CHUNK, any_state=True)
            missing = [hash for hash, _ in parts if hash not in places]
            if missing:
                raise NotFound(
                    f"the chunk {missing[0].hex()[:12]} of this content is not in the store",
                    hint="it was forgotten, or the workspace was copied without its folder content",
                )
            try:
                found: dict[bytes, bytes | memoryview] = {}
                for pack, run in _runs(list(places.values())):
                    start = run[0].offset
                    stretch = memoryview(self._end.read(pack, start, run[-1].end - start))
                    for record in run:
                        found[record.hash] = _checked(
                            record, stretch[record.offset - start : record.end - start]
                        )
                return [found[hash] for hash, _ in parts]
            except NotFound:
                if look == _LOOKS - 1:
                    raise
        raise AssertionError


def _checked(record: Record, content: memoryview) -> bytes | memoryview:
    told = read_record_header(content, record.offset)
    if (told.hash, told.kind, told.stored) != (record.hash, record.kind, record.stored):
        raise Damaged(f"another record is at byte {record.offset:,} of a pack")
    return unpacked(record, content[RECORD_BYTES:], decompress)


def _runs(places: list[Place]) -> Iterator[tuple[str, list[Record]]]:
    """Records that follow each other in a pack, to be read in one go."""
    places.sort(key=lambda place: (place[0], place[1].offset))
    run: list[Record] = []
    of = ""
    for pack, record in places:
        if run and (
            pack != of or record.offset != run[-1].end or record.end - run[0].offset > _STRETCH_BYTES
        ):
            yield of, run
            run = []
        of = pack
        run.append(record)
    if run:
        yield of, run


class ContentReader(io.RawIOBase):
    """The content of an object as a binary stream that can seek.

    Parameters
    ----------
    reader : PackReader
    parts : list of (hash, length)
    """

    def __init__(self, reader: PackReader, parts: Sequence[Part]) -> None:
        self._reader = reader
        self._parts = parts
        self._ends = list(accumulate(length for _, length in parts))
        self._position = 0
        self._stream: Iterator[bytes | memoryview] | None = None
        self._piece = memoryview(b"")
        self._at = 0  # where in the content what is left of the piece begins

    @property
    def size_bytes(self) -> int:
        """Of the content."""
        return self._ends[-1] if self._ends else 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Where it stands."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere; nothing is read for it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size_bytes}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: object) -> int:
        """Fill a buffer from where it stands; gives the bytes read, 0 at the end."""
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        done = 0
        while done < len(target) and self._position < self.size_bytes:
            piece = self._here()
            some = piece[: len(target) - done]
            target[done : done + len(some)] = some
            done += len(some)
            self._position += len(some)
        return done

    def _here(self) -> memoryview:
        """What is left, from the position, of the chunk that holds it."""
        if not self._at <= self._position < self._at + len(self._piece):
            ahead_of = self._at + len(self._piece)
            if self._stream is None or self._position != ahead_of:
                first = bisect_right(self._ends, self._position)
                # Who jumps about reads little: not more is fetched than goes on from there.
                self._stream = _growing(self._reader, self._parts[first:])
                ahead_of = self._ends[first - 1] if first else 0
            self._at = ahead_of
            self._piece = memoryview(next(self._stream))
        return self._piece[self._position - self._at :]


def _growing(reader: PackReader, parts: Sequence[Part]) -> Iterator[bytes | memoryview]:
    fetch = partial(reader.chunks)
    size, start = 1, 0
    while start < len(parts):
        if size >= _TOGETHER:
            yield from fetch(parts[start:])
            return
        yield from fetch(parts[start : start + size])
        start, size = start + size, size * 4

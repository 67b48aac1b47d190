"""The content store: bytes under their hash, each stretch of them kept once.

`ContentStore` is what rooms use.  Content is taken in by an `Intake`, made durable, and entered into the
index by the transaction that first refers to it; read back by its location.
"""

from __future__ import annotations

import io
import os
import secrets
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeVar, cast

from nbproof.core.errors import Invalid, NotFound, PlatformError
from nbproof.storage.content.chunking import AVERAGE_BYTES, Foreseen, cut, into, pieces
from nbproof.storage.content.codec import worth_packing
from nbproof.storage.content.packs import Kind, Part, Recipe, Record, digest, packed_parts
from nbproof.storage.content.reading import ContentReader, PackReader
from nbproof.storage.content.writing import PackWriter, Prepared, digests, groups, pool, prepared
from nbproof.storage.holds import holds_in
from nbproof.storage.objects import OnBytes, StoredObject
from nbproof.storage.seen import SeenFiles

if TYPE_CHECKING:
    from blake3 import blake3
    from sqlalchemy.engine import Connection

    from nbproof.storage.content.ends import StorageBackend
    from nbproof.storage.content.index import ContentIndex

__all__ = ["INTAKE", "ContentStore", "Hashed", "Intake", "Known", "Receiver", "hash_of", "location_of"]

_LISTED = 512  # a list of more parts is itself kept in chunks, so that a change of few writes few of them
_LEAST_LISTED, _MOST_LISTED = 64, 1024
_AHEAD = 4
_BLOCK_BYTES = 4 << 20
_ASKED_TOGETHER = 2
_LEAST_BEGUN = 64  # chunks: of a smaller file it is not looked for what it grew from
_TRIED = 16
_FILES_TOGETHER = 256
_SMALL_TOGETHER_BYTES = 4 << 20
_BUFFER_BYTES = 1 << 20
INTAKE = "intake:"
_PREFIX = "b3/"
T = TypeVar("T")
_HEX = set("0123456789abcdef")


def location_of(hash: bytes) -> str:
    """Where content of a hash is found in any store."""
    return _PREFIX + hash.hex()


def hash_of(location: str) -> bytes:
    """The hash in a location; `Invalid` for what is none."""
    digits = location.removeprefix(_PREFIX) if isinstance(location, str) else ""
    if len(digits) == 64 and location.startswith(_PREFIX) and set(digits) <= _HEX:
        return bytes.fromhex(digits)
    raise Invalid(f"{str(location)[:80]!r} is not a place in the store", details={"field": "location"})


class Known(Protocol):
    """What an intake has to know of a store; where it knows less than there is, bytes are kept twice."""

    def known(self, hashes: Iterable[bytes]) -> set[tuple[bytes, Kind]]:
        """Those of the hashes that are here and may be shared, and as what."""
        ...

    def indexed_of(self, pack: str) -> int:
        """How far a pack is known to be whole, in bytes."""
        ...


class Receiver:
    """The half of a content store that takes content in; it knows no database.

    Parameters
    ----------
    end : StorageBackend
        Where packs are.
    known : Known
    folder : Path
        Of this machine, for what processes tell each other: what is being taken in, which files were seen.
    """

    def __init__(
        self, end: StorageBackend, known: Known, folder: Path, *, pack_bytes: int | None = None
    ) -> None:
        self.end = end
        self.known = known
        self.folder = Path(folder)
        self.holds = holds_in(self.folder / "intakes")
        self.seen = SeenFiles(self.folder / "seen-files.jsonl", worth_bytes=0)
        more = {} if pack_bytes is None else {"pack_bytes": pack_bytes}
        self.writer = PackWriter(end, known.indexed_of, **more)

    def parts_known(self, location: str) -> list[Part]:
        """Hash and length of each chunk of some content, where that is known here; else nothing."""
        return []

    @contextmanager
    def announced(self, work: str) -> Iterator[None]:
        """Let others see for the time of a block that this process is at some work.

        Raises
        ------
        Unavailable
            It can't be written down: the disk is full or read-only, or the folder somebody else's.
        """
        from nbproof.storage.content.ends import trouble

        name = work + secrets.token_hex(8)
        try:
            self.holds.take(name)
        except OSError as error:
            raise trouble(str(self.folder), error) from error
        try:
            yield
        finally:
            self.holds.give_back(name)

    @contextmanager
    def intake(self) -> Iterator[Intake]:
        """Take in content; what was neither entered into the index nor kept by the end is taken back."""
        with self.announced(INTAKE), self.writer.used():
            taking = Intake(self)
            try:
                yield taking
            finally:
                if not taking.entered:
                    self.writer.take_back(taking)


class ContentStore(Receiver):
    """Chunks in packs, found by the database.

    Laws
    ----
    - Safe from any thread, and beside other processes on the same store; a fork goes on by itself.
    - Objects do not change.  What is read was checked against its hash, or raises `Damaged`.
    - What an `Intake` entered in a committed transaction survives a power cut; of what it did not, nothing is
      seen, and gc removes what is left of it.
    - Memory is bounded, whatever the size of the content.

    Parameters
    ----------
    end : StorageBackend
        Where packs are.
    index : ContentIndex
    folder : Path
        Of this machine, for what processes tell each other: what is being taken in, which files were seen.
    """

    def __init__(
        self, end: StorageBackend, index: ContentIndex, folder: Path, *, pack_bytes: int | None = None
    ) -> None:
        super().__init__(end, index, folder, pack_bytes=pack_bytes)
        self.index = index
        self.reader = PackReader(end, index)

    def __repr__(self) -> str:
        return f"ContentStore({self.end!r})"

    @contextmanager
    def intake(self) -> Iterator[Intake]:
        """Take in content; what is not entered into the index by the end of the block is taken back.

        Examples
        --------
        >>> import tempfile
        >>> from nbproof.storage.content.ends import FileSystemStorage
        >>> from nbproof.storage.content.index import ContentIndex
        >>> from nbproof.storage.database import open_database
        >>> folder = Path(tempfile.mkdtemp())
        >>> database = open_database(folder / "meta.db")
        >>> store = ContentStore(FileSystemStorage(folder), ContentIndex(database), folder)
        >>> with store.intake() as intake:
        ...     kept = intake.put(io.BytesIO(b"a table"))
        ...     intake.commit()
        >>> store.read(kept.location)
        b'a table'
        """
        with super().intake() as taking:
            yield taking

    def open(self, location: str) -> BinaryIO:
        """A stream of the content that can seek; the caller closes it."""
        return io.BufferedReader(self._reader(location), _BUFFER_BYTES)

    def read(self, location: str) -> bytes:
        """All of the content; for what is known to be small."""
        return b"".join(self.stream(location))

    def read_each(self, locations: Sequence[str]) -> Iterator[bytes]:
        """All of the content of each, in order, the next ones being fetched meanwhile."""
        found = self.reader.recipes([hash_of(each) for each in locations])
        parts = [
            self.reader.parts(recipe)
            if (recipe := found.get(hash_of(each))) is not None
            else self._parts(each)
            for each in locations
        ]
        chunks = self.reader.chunks([part for each in parts for part in each])
        for each in parts:
            yield b"".join(islice(chunks, len(each)))

    def stream(self, location: str) -> Iterator[bytes | memoryview]:
        """The content piece by piece, the next ones being fetched meanwhile."""
        return self.reader.chunks(self._parts(location))

    def size_bytes(self, location: str) -> int:
        """Of the content."""
        return self._recipe(location).size_bytes

    def parts(self, location: str) -> list[Part]:
        """Hash and length of each chunk of the content."""
        return self._parts(location)

    def parts_known(self, location: str) -> list[Part]:
        """The same; nothing where the content, or the list of its chunks, is not here."""
        with suppress(PlatformError):
            return self._parts(location)
        return []

    def exists(self, location: str) -> bool:
        """Whether the content is here."""
        return self.reader.recipe(hash_of(location)) is not None

    # -- inside ------------------------------------------------------------------------------------

    def _reader(self, location: str) -> ContentReader:
        return ContentReader(self.reader, self._parts(location))

    def _parts(self, location: str) -> list[Part]:
        return self.reader.parts(self._recipe(location))

    def _recipe(self, location: str) -> Recipe:
        found = self.reader.recipe(hash_of(location))
        if found is None:
            raise NotFound(
                f"the content {location} is not in the store",
                hint="it was forgotten, or the workspace was copied without its folder content",
            )
        return found


@dataclass(frozen=True, slots=True)
class Hashed:
    """Content with its hash, in chunks with theirs: made by any thread, for `Intake.put_hashed`."""

    hash: bytes
    size_bytes: int
    chunks: list[tuple[bytes, memoryview]]

    @classmethod
    def of(cls, content: memoryview) -> Hashed:
        """Cut and hash what is in memory as a whole."""
        chunks = [each for block, lengths in _blocks_of(content) for each in _apart(block, lengths)]
        found = list(zip(digests(chunks), chunks, strict=True))
        return cls(found[0][0] if len(found) == 1 else digest(content), len(content), found)


class Intake:
    """Content on its way in; made by `Receiver.intake`, used by one thread.

    Attributes
    ----------
    entered : bool
        Whether `enter` or `keep` was called.
    new_bytes : int
        What the packs grew by.
    files_read : set of str
        The paths of files that were read, and not found to be as they were when they were taken in before.
    """

    def __init__(self, store: Receiver) -> None:
        self._store = store
        self._records: dict[str, list[Record]] = {}
        self._mine: dict[tuple[bytes, Kind], None] = {}
        self._writing: deque[tuple[list[Future[list[Prepared]]], Sequence[Prepared]]] = deque()
        self.entered = False
        self.new_bytes = 0
        self.files_read: set[str] = set()

    def put(
        self,
        source: BinaryIO | Path | bytes | memoryview,
        *,
        packing: bool | None = None,
        on_bytes: OnBytes | None = None,
    ) -> StoredObject:
        """Take in a file, a binary stream from where it stands, or bytes.

        Parameters
        ----------
        packing : bool, optional
            Whether to compress; by default unless the content begins like something compressed.
        on_bytes : callable, optional
            Told how many more bytes were taken in; what it raises ends the taking in.

        Raises
        ------
        NotFound, Invalid
            `source` is a path without a file, or of something that is not a file or cannot be read.
        Unavailable
            The disk is full, read-only or away.
        """
        if isinstance(source, Path):
            return self.put_many([source], on_bytes=on_bytes)[0]
        if isinstance(source, (bytes, memoryview)):
            content = memoryview(source).cast("B")
            if on_bytes is not None:
                on_bytes(len(content))
            packing = worth_packing(content[:64]) if packing is None else packing
            return self.put_hashed([Hashed.of(content)], packing=packing)[0]
        head = _head(source)
        if len(head) <= AVERAGE_BYTES:
            return self.put(head, packing=packing, on_bytes=on_bytes)
        return self._put_blocks(into(_after(head, source)), packing, on_bytes)

    def put_hashed(self, contents: Sequence[Hashed], *, packing: bool = True) -> list[StoredObject]:
        """Take in what was cut and hashed already; it is compressed and written while others are put."""
        known = self._store.known.known(
            [hash for content in contents for hash in (content.hash, *(part for part, _ in content.chunks))]
        )
        under_way = self._packing([each for content in contents for each in content.chunks], packing, known)
        lists: list[Prepared] = []
        for content in contents:
            parts = [(hash, len(chunk)) for hash, chunk in content.chunks]
            lists += self._lists(content.hash, parts, content.size_bytes, known)
        self._write_later(under_way, lists)
        return [
            StoredObject(content.hash.hex(), content.size_bytes, location_of(content.hash))
            for content in contents
        ]

    def put_many(
        self,
        sources: Sequence[Path | str],
        *,
        states: Sequence[os.stat_result] | None = None,
        like: str | None = None,
        on_bytes: OnBytes | None = None,
    ) -> list[StoredObject]:
        """Take in files, in order; one that is as it was when it was taken in before is not read.

        Parameters
        ----------
        sources : sequence of path
        states : sequence of os.stat_result, optional
            What they are, where the caller has just looked.
        like : str, optional
            Where content is that large ones among them resemble, such as what a file was before: what is the
            same is found faster.
        on_bytes : callable, optional
        """
        states = [_state(source) for source in sources] if states is None else states
        found = self._not_changed(sources, states, on_bytes)
        rest = [number for number in range(len(sources)) if number not in found]
        for start in range(0, len(rest), _FILES_TOGETHER):
            here = {number: states[number] for number in rest[start : start + _FILES_TOGETHER]}
            self._put_files(sources, here, found, like, on_bytes)
        return [found[number] for number in range(len(sources))]

    def sync(self) -> None:
        """Make durable what was taken in."""
        self._append_all()
        self._store.writer.sync()

    def enter(self, connection: Connection) -> None:
        """Enter what was taken in and made durable into the index, in a transaction of the caller.

        Nothing is taken back after this: whether the transaction comes to its end is not known here.
        """
        self.entered = True
        self._index().add(connection, self._records)

    def commit(self) -> None:
        """`sync` and `enter` in a transaction of its own."""
        self.sync()
        with self._index().database.begin() as connection:
            self.enter(connection)

    def keep(self) -> dict[str, list[Record]]:
        """`sync`, and give what is where: whoever asked sees to it that it comes into the index later."""
        self.sync()
        self.entered = True
        return self._records

    # -- inside ------------------------------------------------------------------------------------

    def _index(self) -> ContentIndex:
        assert isinstance(self._store, ContentStore), "only a whole store has an index"
        return self._store.index

    def _put_blocks(
        self,
        read: Callable[[memoryview], int | None],
        packing: bool | None,
        on_bytes: OnBytes | None,
        *,
        ahead: bool = False,
        like: Sequence[Part] = (),
        begun: _Begun | None = None,
    ) -> StoredObject:
        self._append_all()
        foreseen = Foreseen(like)
        parts: list[Part] = [] if begun is None else list(begun.parts)
        hashing: deque[tuple[list[memoryview], Future[list[bytes]]]] = deque()

        def hashed(many: int) -> None:
            found: list[tuple[bytes, memoryview]] = []
            for _ in range(many):
                contents, under_way = hashing.popleft()
                found += zip(under_way.result(), contents, strict=True)
            parts.extend([(hash, len(content)) for hash, content in found])
            self._write_later(self._packing(found, packing is not False))

        with (
            _whole(None if begun is None else begun.hash) as whole,
            closing(pieces(read, _BLOCK_BYTES, whole.thread if ahead else None, foreseen)) as blocks,
        ):
            for block, lengths in blocks:
                if packing is None:
                    packing = worth_packing(block)
                contents = _apart(block, lengths)
                hashes = foreseen.hashes[: len(contents)]
                rest = contents[len(hashes) :]
                hashing.append(
                    (
                        contents,
                        pool().submit(digests, contents) if not hashes else _done(hashes + digests(rest)),
                    )
                )
                whole.update(block)
                # Some together: to ask the database about each block takes longer than to hash it.
                if len(hashing) > _ASKED_TOGETHER:
                    hashed(_ASKED_TOGETHER)
                if on_bytes is not None:
                    on_bytes(len(block))
            hashed(len(hashing))
            hash = whole.digest()
        size = sum(length for _, length in parts)
        self._append_all()
        self._append(self._lists(hash, parts, size, self._store.known.known([hash])))
        return StoredObject(hash.hex(), size, location_of(hash))

    def _lists(
        self, hash: bytes, parts: Sequence[Part], size: int, known: Container[tuple[bytes, Kind]]
    ) -> list[Prepared]:
        """What says of which chunks an object is made, where it is not one chunk or here already.

        It is written after them: what is in a pack has its chunks there or in an earlier one.
        """
        if not parts:
            return [Prepared(hash, Kind.CHUNK, 0, 0, b"")]
        key = (hash, Kind.OBJECT)
        if len(parts) == 1 or key in self._mine or key in known:
            return []
        self._mine[key] = None
        payload = self._listed(parts, size).payload()
        return [Prepared(hash, Kind.OBJECT, 0, len(payload), payload)]

    def _listed(self, parts: Sequence[Part], size: int) -> Recipe:
        level = 0
        while len(parts) > _LISTED:
            contents = [memoryview(packed_parts(group)) for group in _listed_together(parts)]
            found = list(zip(digests(contents), contents, strict=True))
            self._append_all()
            self._append_each(self._packing(found, False))
            parts = [(hash, len(content)) for hash, content in found]
            level += 1
        return Recipe(size, level, parts)

    def _packing(
        self,
        found: Sequence[tuple[bytes, memoryview]],
        packing: bool,
        known: Container[tuple[bytes, Kind]] | None = None,
    ) -> list[Future[list[Prepared]]]:
        """Begin to compress what is not here yet."""
        fresh = {hash: content for hash, content in found if (hash, Kind.CHUNK) not in self._mine}
        if known is None:
            known = self._store.known.known(fresh)
        fresh = {hash: content for hash, content in fresh.items() if (hash, Kind.CHUNK) not in known}
        self._mine.update(dict.fromkeys((hash, Kind.CHUNK) for hash in fresh))
        if sum(map(len, fresh.values())) <= AVERAGE_BYTES:
            return [_done(prepared(list(fresh.items()), packing))] if fresh else []
        return [pool().submit(prepared, group, packing) for group in groups(list(fresh.items()))]

    def _write_later(self, under_way: list[Future[list[Prepared]]], behind: Sequence[Prepared] = ()) -> None:
        """Append what is being compressed when more comes than may wait, and what stands behind it."""
        if under_way or behind:
            self._writing.append((under_way, behind))
        if len(self._writing) > _AHEAD:
            self._append_next()

    def _append_all(self) -> None:
        while self._writing:
            self._append_next()

    def _append_next(self) -> None:
        under_way, behind = self._writing.popleft()
        self._append_each(under_way)
        self._append(behind)

    def _append_each(self, under_way: Iterable[Future[list[Prepared]]]) -> None:
        for each in under_way:
            self._append(each.result())

    def _append(self, records: Sequence[Prepared]) -> None:
        if not records:
            return
        for pack, record in self._store.writer.append(records, self):
            self._records.setdefault(pack, []).append(record)
            self._mine[record.hash, record.kind] = None
            self.new_bytes += record.end - record.offset

    def _not_changed(
        self, sources: Sequence[Path | str], states: Sequence[os.stat_result], on_bytes: OnBytes | None
    ) -> dict[int, StoredObject]:
        """Those of the files that are as they were when they were taken in before."""
        recalled = self._store.seen.recall_all(list(zip(sources, states, strict=True)))
        known = [(number, bytes.fromhex(seen[0]), seen) for number, seen in enumerate(recalled) if seen]
        here = self.here([hash for _, hash, _ in known])
        found = {
            number: StoredObject(digits, size, _PREFIX + digits)
            for number, hash, (digits, size) in known
            if hash in here
        }
        if on_bytes is not None and found:
            on_bytes(sum(each.size_bytes for each in found.values()))
        return found

    def _put_files(
        self,
        sources: Sequence[Path | str],
        states: Mapping[int, os.stat_result],
        found: dict[int, StoredObject],
        like: str | None,
        on_bytes: OnBytes | None,
    ) -> None:
        """Read files; small ones together, compressed while the next are read."""
        rested: list[tuple[Path | str, os.stat_result, str]] = []
        small: dict[bool, list[tuple[bytes, memoryview]]] = {True: [], False: []}
        waiting_bytes = 0

        def write_small() -> None:
            for packing, contents in small.items():
                self._write_later(self._packing(contents, packing))
                contents.clear()

        for number, before in states.items():
            source = sources[number]
            self.files_read.add(os.fspath(source))
            if before.st_size <= AVERAGE_BYTES and (read := _small(source, before.st_size)) is not None:
                content, after = read
                hash = digest(content)
                small[worth_packing(content)].append((hash, memoryview(content)))
                found[number] = StoredObject(hash.hex(), len(content), location_of(hash))
                waiting_bytes += len(content)
                if waiting_bytes >= _SMALL_TOGETHER_BYTES:
                    write_small()
                    waiting_bytes = 0
                if on_bytes is not None:
                    on_bytes(len(content))
            else:
                with _opened(source) as stream:
                    found[number] = self._put_large(stream, like, on_bytes)
                    after = os.fstat(stream.fileno())
            if _same(before, after):
                rested.append((source, after, found[number].hash))
        write_small()
        # What is taken back after all is looked up before it is believed.
        self._store.seen.remember_all(rested)

    def _put_large(self, stream: _Reading, like: str | None, on_bytes: OnBytes | None) -> StoredObject:
        parts = [] if like is None else self._store.parts_known(like)
        known = self._store.known.known([hash for hash, _ in parts])
        self._mine.update(dict.fromkeys(each for each in known if each[1] is Kind.CHUNK))
        packing = worth_packing(stream.read(64))
        stream.seek(0)
        begun = None
        if like is not None and all((hash, Kind.CHUNK) in known for hash, _ in parts):
            begun, on_bytes = _begun(stream, hash_of(like), parts, on_bytes)
        return self._put_blocks(
            stream.readinto, packing, on_bytes, ahead=True, like=parts if begun is None else (), begun=begun
        )

    def here(self, hashes: Sequence[bytes]) -> set[bytes]:
        """Those of the hashes whose content is in the store, and stays while this intake lasts."""
        return {hash for hash, _ in self._store.known.known(hashes)}


@dataclass(frozen=True, slots=True)
class _Begun:
    """The beginning of a file that is known already, and the hash of it, to go on from there."""

    parts: Sequence[Part]
    hash: blake3


def _begun(
    stream: _Reading, hash: bytes, parts: Sequence[Part], on_bytes: OnBytes | None
) -> tuple[_Begun | None, OnBytes | None]:
    """What a file begins with where that is some content whole, as of one that grew; else it is read anew.

    Of such content only one hash is made, not those of its chunks.  Whether to try is told by a few of them.

    Returns
    -------
    tuple
        None unless it is so, and what is to be told of the bytes from now on; the stream stands behind what
        is known, or at the beginning.
    """
    from blake3 import blake3

    *whole, (_, last) = parts or [(b"", 0)]
    handle, end = stream.fileno(), sum(length for _, length in whole)
    if len(whole) < _LEAST_BEGUN or os.fstat(handle).st_size < end + last:
        return None, on_bytes
    starts = list(accumulate((length for _, length in whole), initial=0))
    for place in {*range(0, len(whole), len(whole) // _TRIED), len(whole) - 1}:
        part, length = whole[place]
        stream.seek(starts[place])
        if digest(stream.read(length)) != part:
            stream.seek(0)
            return None, on_bytes
    found = blake3(max_threads=min(os.cpu_count() or 2, 8))
    told = 0
    stream.seek(0)
    here, other = memoryview(bytearray(_BLOCK_BYTES)), memoryview(bytearray(_BLOCK_BYTES))
    with ThreadPoolExecutor(1, "nbproof-content-reading") as thread:
        coming = thread.submit(stream.readinto, here[:end])
        while many := coming.result():
            block = here[:many]
            here, other = other, here
            coming = thread.submit(stream.readinto, here[: end - told - many])
            found.update(block)
            told += many
            if on_bytes is not None:
                on_bytes(many)
    with_last = found.copy()
    with_last.update(stream.read(last))
    if with_last.digest() == hash:
        stream.seek(end)
        return _Begun(whole, found), on_bytes
    stream.seek(0)
    return None, None if on_bytes is None else _after_bytes(told, on_bytes)


def _after_bytes(told: int, on_bytes: OnBytes) -> OnBytes:
    """Tells of bytes but of so many that were told of already."""
    left = [told]

    def tell(many: int) -> object:
        again = min(many, left[0])
        left[0] -= again
        return on_bytes(many - again)

    return tell


class _Whole:
    """The hash of a stream: after its first block in a thread of its own."""

    def __init__(self, thread: ThreadPoolExecutor, begun: blake3 | None) -> None:
        from blake3 import blake3

        self._hash = blake3() if begun is None else begun
        self.thread = thread
        self._waiting: deque[Future[object]] = deque()
        self._begun = False

    def update(self, block: memoryview) -> None:
        """Go on with a block, which is not changed afterwards."""
        if not self._begun:
            self._begun = True
            self._hash.update(block)
            return
        self._waiting.append(cast("Future[object]", self.thread.submit(self._hash.update, block)))
        if len(self._waiting) > _AHEAD:
            self._waiting.popleft().result()

    def digest(self) -> bytes:
        """Of all blocks."""
        while self._waiting:
            self._waiting.popleft().result()
        return self._hash.digest()


@contextmanager
def _whole(begun: blake3 | None = None) -> Iterator[_Whole]:
    with ThreadPoolExecutor(1, "nbproof-content-whole") as thread:
        yield _Whole(thread, begun)


def _blocks_of(content: memoryview) -> Iterator[tuple[memoryview, list[int]]]:
    if len(content):
        yield content, cut(content) if len(content) > AVERAGE_BYTES else [len(content)]


def _apart(block: memoryview, lengths: Sequence[int]) -> list[memoryview]:
    contents = []
    start = 0
    for length in lengths:
        contents.append(block[start : start + length])
        start += length
    return contents


def _listed_together(parts: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """Parts in groups of some hundreds that end where the parts themselves say, as chunks do."""
    start = 0
    for place, (hash, _) in enumerate(parts, 1):
        many = place - start
        if place == len(parts) or many == _MOST_LISTED or (many >= _LEAST_LISTED and not hash[-1]):
            yield parts[start:place]
            start = place


def _state(source: Path | str) -> os.stat_result:
    import stat

    try:
        state = os.stat(source)
    except FileNotFoundError:
        raise NotFound(f"no file {source}", details={"field": "path"}) from None
    except OSError as error:
        raise _unreadable(source, error) from error
    # Asked before opening: to open a pipe is to wait for somebody who writes.
    if not stat.S_ISREG(state.st_mode):
        raise Invalid(f"{source} is not a regular file", details={"field": "path"})
    return state


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_size, after.st_mtime_ns, after.st_ctime_ns,
    )  # fmt: skip


def _done(found: T) -> Future[T]:
    """Work that needed no thread."""
    future: Future[T] = Future()
    future.set_result(found)
    return future


def _head(source: BinaryIO) -> bytes:
    """The first bytes of a stream: one more than a small one has, or all."""
    head = b""
    while len(head) <= AVERAGE_BYTES and (piece := source.read(AVERAGE_BYTES + 1 - len(head))):
        head = head + piece if head else bytes(piece)
    return head


def _after(head: bytes, source: BinaryIO) -> Callable[[int], bytes]:
    """Reads what was read already, and then the rest; never more than it is asked for, as some streams do."""
    left = [head]

    def read(size: int) -> bytes:
        piece = left.pop() if left else source.read(size)
        if len(piece) > size:
            left.append(piece[size:])
            piece = piece[:size]
        return piece

    return read


class _Reading(io.FileIO):
    """A file whose failures are told as such of the source."""

    def read(self, size: int | None = -1) -> bytes:
        with self._told():
            return cast(bytes, super().read(-1 if size is None else size))

    def readinto(self, buffer: object) -> int | None:
        with self._told():
            return super().readinto(buffer)  # type: ignore[arg-type]  # whatever holds bytes

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _unreadable(Path(os.fsdecode(cast(str, self.name))), error) from error


def _opened(source: Path | str) -> _Reading:
    try:
        return _Reading(source, "r")
    except FileNotFoundError:
        raise NotFound(f"no file {source}", details={"field": "path"}) from None
    except OSError as error:
        raise _unreadable(source, error) from error


def _small(source: Path | str, size: int) -> tuple[bytes, os.stat_result] | None:
    """What a small file holds, and its state afterwards; None for one that grew or tells no size."""
    try:
        handle = os.open(source, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            content = os.read(handle, size + 1)
            while len(content) <= AVERAGE_BYTES and (more := os.read(handle, AVERAGE_BYTES + 1)):
                content += more
            after = os.fstat(handle)
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise NotFound(f"no file {source}", details={"field": "path"}) from None
    except OSError as error:
        raise _unreadable(source, error) from error
    return (content, after) if len(content) <= AVERAGE_BYTES else None


def _unreadable(source: Path | str, error: OSError) -> Invalid:
    return Invalid(f"{str(source)!r} can't be read: {error.strerror}", details={"field": "path"})

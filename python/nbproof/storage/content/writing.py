"""How content gets into packs: hashed and compressed by several threads, appended by one at a time."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from nbproof.core.errors import Conflict
from nbproof.storage.content.codec import compress, decompress, packed
from nbproof.storage.content.ends import PackSink, StorageBackend
from nbproof.storage.content.packs import (
    HEADER_BYTES,
    RAW,
    RECORD_BYTES,
    ZSTD,
    Damaged,
    Kind,
    Record,
    digest,
    footer,
    pack_header,
    read_pack_header,
    record_header,
    scan,
    unpacked,
)

__all__ = ["PACK_BYTES", "PackWriter", "Prepared", "ahead", "digests", "pool", "prepared"]

PACK_BYTES = 64 << 20
_GROUP_BYTES = 512 << 10  # what a thread is given at once
_AHEAD = 6

_pool: ThreadPoolExecutor | None = None
_pool_lock = threading.Lock()


def pool() -> ThreadPoolExecutor:
    """The threads that hash and compress, of the whole process."""
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(min(os.cpu_count() or 2, 8), thread_name_prefix="nbproof-content")
        return _pool


def _forget_pool() -> None:
    global _pool, _pool_lock
    _pool, _pool_lock = None, threading.Lock()  # the threads are the parent's


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record on its way into a pack."""

    hash: bytes
    kind: Kind
    codec: int
    raw: int
    payload: bytes | memoryview


def ahead(work: Iterable[Future[object]] | Iterator[Future[object]]) -> Iterator[object]:
    """Results in order, with a few of the next under way."""
    waiting: deque[Future[object]] = deque()
    try:
        for each in work:
            waiting.append(each)
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for each in waiting:
            each.cancel()


def digests(contents: Sequence[memoryview]) -> list[bytes]:
    """Their hashes."""
    return [digest(each) for each in contents]


def prepared(found: Sequence[tuple[bytes, memoryview]], packing: bool) -> list[Prepared]:
    """Chunks with their hashes, compressed where that saves something."""
    contents = [content for _, content in found]
    payloads = packed(contents) if packing else [None] * len(contents)
    return [
        Prepared(hash, Kind.CHUNK, RAW, len(content), content)
        if payload is None
        else Prepared(hash, Kind.CHUNK, ZSTD, len(content), payload)
        for (hash, content), payload in zip(found, payloads, strict=True)
    ]


def groups(found: Sequence[tuple[bytes, memoryview]]) -> Iterator[list[tuple[bytes, memoryview]]]:
    """Chunks in groups that are worth a thread's turn."""
    group: list[tuple[bytes, memoryview]] = []
    size = 0
    for each in found:
        group.append(each)
        size += len(each[1])
        if size >= _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


@dataclass
class _Written:
    record: Record
    by: object


@dataclass
class PackWriter:
    """The pack that this process adds to; another one when it is full.

    Laws: safe from any thread; a fork begins a pack of its own; what was appended by one is cut off again
    only while nobody has appended behind it.

    Parameters
    ----------
    end : StorageBackend
    indexed_of : callable
        How far a pack is known to be whole, in bytes.
    pack_bytes : int
        From when a pack is full.
    """

    end: StorageBackend
    indexed_of: Callable[[str], int]
    pack_bytes: int = PACK_BYTES
    _sink: PackSink | None = field(default=None, init=False)
    _written: list[_Written] = field(default_factory=list, init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)
    _pid: int = field(default_factory=os.getpid, init=False)
    _dirty: bool = field(default=False, init=False)
    _users: int = field(default=0, init=False)
    _left: tuple[str, int] | None = field(default=None, init=False)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Between uses the pack is nobody's: garbage collection and other processes may go on with it."""
        with self._lock:
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._leave()

    def append(
        self, records: Sequence[Prepared], by: object, *, anew: bool = False
    ) -> list[tuple[str, Record]]:
        """Add records; gives where each is.  Not durable yet."""
        with self._lock:
            sink = self._current(anew)
            parts: list[bytes | memoryview] = []
            found: list[Record] = []
            position = sink.position
            if position == 0:
                parts.append(pack_header(sink.pack))
                position = HEADER_BYTES
            for each in records:
                stored = len(each.payload)
                parts += (record_header(each.kind, each.codec, stored, each.raw, each.hash), each.payload)
                found.append(Record(each.hash, each.kind, each.codec, stored, each.raw, position))
                position += RECORD_BYTES + stored
            self._dirty = True
            sink.append(parts)
            self._written += [_Written(each, by) for each in found]
            if sink.position >= self.pack_bytes:
                self._finish(sink)
            return [(sink.pack, each) for each in found]

    def sync(self) -> None:
        """Make durable what was appended."""
        with self._lock:
            sink = self._sink
            if sink is None or self._pid != os.getpid() or not self._dirty:
                return
            if self.end.appends:
                sink.sync()
                self._dirty = False
            elif self._written:
                self._finish(sink)

    def take_back(self, by: object) -> None:
        """Cut off what somebody appended last; what lies before another's records stays, and is garbage."""
        with self._lock:
            if self._sink is None or self._pid != os.getpid():
                return
            start = None
            while self._written and self._written[-1].by is by:
                start = self._written.pop().record.offset
            if start is not None:
                self._sink.cut(start)

    def recover(self, pack: str, *, finish: bool = False) -> list[Record] | None:
        """The whole records of an unfinished pack that nobody adds to now; None where somebody does.

        What follows them is cut off, and the rest made durable.
        """
        sink = self.end.adopt(pack)
        if sink is None:
            return None
        try:
            records = self._recovered(sink)
            if not records:
                self.end.delete(pack)
            elif finish:
                sink.append([footer(records, sink.position, compress)])
                sink.finish()
            else:
                sink.sync()
        finally:
            sink.leave()
        return records

    # -- inside ------------------------------------------------------------------------------------

    def _current(self, anew: bool) -> PackSink:
        if self._pid != os.getpid():
            if self._sink is not None:
                self._sink.leave()
            self._sink, self._written, self._pid, self._dirty = None, [], os.getpid(), False
            self._left, self._users = None, 1
        if self._sink is not None and anew:
            self._leave()
        while self._sink is None:
            left = None if anew or self._left is None else self.end.adopt(self._left[0])
            if left is not None and self._left == (left.pack, left.position):
                self._sink = left
                break
            sink = left or self.end.begin(anew=anew)
            try:
                records = self._recovered(sink)
            except (Damaged, Conflict):
                sink.leave()  # somebody else's trouble: `verify` tells of it
                self._left, anew = None, True
                continue
            except BaseException:
                sink.leave()
                raise
            self._written = [_Written(each, None) for each in records]
            self._dirty = bool(records)  # of what its writer left behind nobody knows whether it is durable
            if sink.position >= self.pack_bytes:
                self._finish(sink)
                continue
            self._sink = sink
        return self._sink

    def _leave(self) -> None:
        if self._sink is None:
            return
        if self._pid != os.getpid() or not self._sink.position:
            self._left = None
        else:
            self._left = (self._sink.pack, self._sink.position)
            self._written = [_Written(each.record, None) for each in self._written]
        self._sink.leave()
        self._sink = None

    def _recovered(self, sink: PackSink) -> list[Record]:
        """The whole records of a pack that another one left; what comes after them is cut off."""
        if sink.position == 0:
            return []
        try:
            if read_pack_header(sink.read(0, HEADER_BYTES)) != sink.pack:
                raise Damaged("a pack has the header of another")
        except Conflict:
            raise  # a later nbproof's: not ours to cut
        except Damaged:
            if self.indexed_of(sink.pack):
                raise
            sink.cut(0)
            return []
        known = self.indexed_of(sink.pack)
        records: list[Record] = []
        end = HEADER_BYTES
        for each in scan(sink.read, sink.position):
            if each.offset >= known:
                try:
                    unpacked(each, sink.read(each.offset + RECORD_BYTES, each.stored), decompress)
                except Damaged:
                    break
            records.append(each)
            end = each.end
        if end < known:
            # Damage in what was whole once: nothing is cut, and nothing is added behind it.
            raise Damaged(f"the pack {sink.pack} is damaged at byte {end:,}")
        if end < sink.position:
            sink.cut(end)
        return records

    def _finish(self, sink: PackSink) -> None:
        records = [each.record for each in self._written]
        sink.append([footer(records, sink.position, compress)])
        sink.finish()
        self._sink, self._written, self._dirty = None, [], False

"""Looking after a content store: verify, collect garbage, erase, make the index anew, count.

Garbage beside live writers
---------------------------
What nobody refers to is condemned first: who takes in content from then on does not share it, but keeps it
anew.  Who began before may share it still, so those intakes are waited for; then it is looked once more what
is referred to.  What is still referred to by nothing is deleted.  None of that asks a clock.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from nbproof.core.errors import NotFound
from nbproof.storage.content.codec import decompress
from nbproof.storage.content.index import CONDEMNED, DAMAGED, GOOD, batched
from nbproof.storage.content.packs import (
    RECORD_BYTES,
    Damaged,
    Kind,
    Part,
    Recipe,
    Record,
    read_footer,
    read_record_header,
    scan,
    unpacked,
    unpacked_parts,
)
from nbproof.storage.content.store import INTAKE, ContentStore, hash_of, location_of
from nbproof.storage.content.writing import Prepared

__all__ = ["Collected", "Stored", "Verified", "catch_up", "collect", "rebuild", "stored", "verify"]

Key = tuple[bytes, Kind]
Progress = Callable[[int, int], object]
"""Told how many bytes of how many are done; what it raises ends the work."""

_LIVE_SHARE = 0.6
_SMALL_SHARE = 8  # a pack smaller than one such part of a full one is put together with others
_FEW = 4
_STRETCH_BYTES = 8 << 20
_PATIENCE_SECONDS = 10.0
_GLANCE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Verified:
    """What `verify` found.

    Attributes
    ----------
    records, bytes : int
        Looked at; bytes as they are in the packs.
    damaged : list of str
        Locations of objects that can't be read whole any more.
    damaged_records : int
        Chunks and lists of chunks that are damaged or missing.
    """

    records: int
    bytes: int
    damaged: list[str] = field(default_factory=list)
    damaged_records: int = 0


@dataclass(frozen=True, slots=True)
class Collected:
    """What `collect` deleted, or would delete.

    Attributes
    ----------
    objects, chunks : int
        Referred to by nothing, and forgotten.
    bytes : int
        By which the packs shrink.
    left_bytes : int
        Of what is forgotten, in packs of which most is needed or that somebody writes: they go when that
        changes.
    kept_bytes : int
        Referred to.
    waiting : bool
        Somebody took in content all the while: what was found goes with the next collection.
    """

    objects: int = 0
    chunks: int = 0
    bytes: int = 0
    left_bytes: int = 0
    kept_bytes: int = 0
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store holds.

    Attributes
    ----------
    logical_bytes : int
        Of all objects that were asked about, each counted as often as it is referred to.
    unique_bytes : int
        Of all chunks, unpacked.
    stored_bytes : int
        Of all packs.
    chunks, packs : int
    """

    logical_bytes: int
    unique_bytes: int
    stored_bytes: int
    chunks: int
    packs: int

    @property
    def dedup_ratio(self) -> float | None:
        """How many bytes are referred to for one that is kept, before compression."""
        return self.logical_bytes / self.unique_bytes if self.unique_bytes else None

    @property
    def compression_ratio(self) -> float | None:
        """How many bytes of content one in a pack holds."""
        return self.unique_bytes / self.stored_bytes if self.stored_bytes else None


def catch_up(store: ContentStore) -> int:
    """Enter into the index what whole packs hold and it does not; gives how many records that was.

    After a process was killed between its pack and its transaction, and for an index that was lost.
    """
    indexed = store.index.indexed()
    added = 0
    for pack, size, finished in list(store.end.packs()):
        known = indexed.get(pack, 0)
        if known >= size:
            continue
        records = _of_finished(store, pack, size, known) if finished else store.writer.recover(pack)
        fresh = [each for each in records or () if each.offset >= known]
        for some in batched(fresh, 10_000):
            with store.index.database.begin() as connection:
                store.index.add(connection, {pack: some})
        if finished:
            with store.index.database.begin() as connection:
                store.index.whole(connection, pack, size)
        added += len(fresh)
    return added


def rebuild(store: ContentStore) -> int:
    """Make the index anew from the packs; gives how many records it has."""
    with store.index.database.begin() as connection:
        store.index.forget_all(connection)
    return catch_up(store)


def stored(store: ContentStore, locations: Iterable[str]) -> Stored:
    """Count what is kept; `locations` as often as each is referred to."""
    logical = sum(store.size_bytes(each) for each in locations if store.exists(each))
    with store.index.database.connect() as connection:
        chunks, raw, _, packs = store.index.totals(connection)
    return Stored(logical, raw, sum(size for _, size, _ in store.end.packs()), chunks, packs)


def verify(
    store: ContentStore, *, share: float = 1.0, seed: int | None = None, progress: Progress | None = None
) -> Verified:
    """Read records and compare them with their hashes; what is damaged is not shared any more.

    Parameters
    ----------
    share : float
        What part of the records to look at, chosen by chance; 1.0 looks at all.
    seed : int, optional
        Repeats a choice.
    """
    chance = random.Random(seed)
    indexed = store.index.indexed()
    records_done = bytes_done = 0
    total = sum(indexed.values())
    before = 0
    damaged: list[Key] = []
    for pack, size in indexed.items():
        with store.index.database.connect() as connection:
            records = store.index.of_pack(connection, pack)
        if share < 1.0:
            records = [each for each in records if chance.random() < share]
        for run in _stretches(records):
            records_done += len(run)
            bytes_done += sum(each.stored for each in run)
            damaged += _damaged_of(store, pack, run)
            if progress is not None:
                progress(before + run[-1].end, total)
        before += size
    if damaged:
        with store.index.database.begin() as connection:
            store.index.mark(connection, damaged, DAMAGED)
    return Verified(records_done, bytes_done, _touched(store, set(damaged)), len(damaged))


def collect(
    store: ContentStore,
    referred: Callable[[], set[str]],
    settle: Callable[[], object],
    *,
    dry_run: bool = False,
    erase: bool = False,
    patience_seconds: float = _PATIENCE_SECONDS,
    progress: Progress | None = None,
) -> Collected:
    """Delete what nobody refers to.

    Parameters
    ----------
    referred : callable
        The locations that are needed.
    settle : callable
        Brings into the tables what waits in journals; called before the second look.
    dry_run : bool
        Only count.
    erase : bool
        Rewrite each pack that holds anything to be deleted, not only those where it pays.
    patience_seconds : float
        How long to wait for those who take in content.
    """
    if not dry_run:
        catch_up(store)
        for pack, _, finished in list(store.end.packs()):
            if not finished and erase:
                store.writer.recover(pack, finish=True)
    live = _live(store, referred())
    dead = _dead(store, live)
    if dry_run:
        return _counted(store, live, dead, erase)
    doomed = [key for keys in dead.values() for key in keys]
    with store.index.database.begin() as connection:
        store.index.mark(connection, doomed, CONDEMNED)
    if not _intakes_over(store, patience_seconds):
        left = sum(each.end - each.offset for keys in dead.values() for each in keys.values())
        return Collected(left_bytes=left, kept_bytes=_kept(store, live), waiting=True)
    settle()
    live = _live(store, referred())
    with store.index.database.begin() as connection:
        store.index.mark(connection, [key for key in doomed if key in live], GOOD)
    dead = {pack: {key: each for key, each in keys.items() if key not in live} for pack, keys in dead.items()}
    return _sweep(store, live, dead, erase, progress)


# -- inside ------------------------------------------------------------------------------------------------


def _of_finished(store: ContentStore, pack: str, size: int, known: int) -> list[Record]:
    def read(offset: int, length: int) -> bytes:
        return store.end.read(pack, offset, length)

    records = read_footer(read, size, decompress)
    if records is not None:
        return records
    found = []
    for each in scan(read, size):
        if each.offset >= known and _damaged_of(store, pack, [each]):
            break
        found.append(each)
    return found


def _stretches(records: Sequence[Record]) -> Iterator[list[Record]]:
    run: list[Record] = []
    for each in records:
        if run and (
            each.end - run[0].offset > _STRETCH_BYTES or each.offset - run[-1].end > RECORD_BYTES * 64
        ):
            yield run
            run = []
        run.append(each)
    if run:
        yield run


def _damaged_of(store: ContentStore, pack: str, run: Sequence[Record]) -> list[Key]:
    start = run[0].offset
    try:
        stretch = memoryview(store.end.read(pack, start, run[-1].end - start))
    except NotFound:
        return [(each.hash, each.kind) for each in run]
    damaged = []
    for each in run:
        content = stretch[each.offset - start : each.end - start]
        try:
            told = read_record_header(content, each.offset)
            if told != each:
                raise Damaged("another record is there")
            found = unpacked(each, content[RECORD_BYTES:], decompress)
            if each.kind == Kind.OBJECT:
                Recipe.of(found)
        except Damaged:
            damaged.append((each.hash, each.kind))
    return damaged


def _touched(store: ContentStore, damaged: set[Key]) -> list[str]:
    """Locations of objects that need any of the records."""
    if not damaged:
        return []
    found = {location_of(hash) for hash, _ in damaged}
    with store.index.database.connect() as connection:
        objects = [place[1].hash for place in store.index.objects(connection)]
    for hash in objects:
        try:
            keys = _needed(store, hash)
        except (Damaged, NotFound):
            found.add(location_of(hash))
            continue
        if not damaged.isdisjoint(keys):
            found.add(location_of(hash))
    return sorted(found)


def _needed(store: ContentStore, hash: bytes) -> set[Key]:
    """The records that an object needs, itself included."""
    recipe = store.reader.recipe(hash)
    if recipe is None:
        return set()
    keys: set[Key] = {(hash, Kind.OBJECT)}
    parts: Sequence[Part] = recipe.parts
    keys.update((each, Kind.CHUNK) for each, _ in parts)
    if recipe.level:
        parts = store.reader.parts(recipe)
        keys.update((each, Kind.CHUNK) for each, _ in parts)
        # Lists of lists are few; what they are kept in is found on the way down.
        listed: Sequence[Part] = recipe.parts
        for _ in range(recipe.level - 1):
            listed = unpacked_parts(b"".join(store.reader.chunks(listed)))
            keys.update((each, Kind.CHUNK) for each, _ in listed)
    return keys


def _live(store: ContentStore, locations: Iterable[str]) -> set[Key]:
    live: set[Key] = set()
    for location in locations:
        if location.startswith("b3/"):
            live |= _needed(store, hash_of(location))
    return live


def _dead(store: ContentStore, live: set[Key]) -> dict[str, dict[Key, Record]]:
    """What is not needed, of each pack that has any."""
    found: dict[str, dict[Key, Record]] = {}
    for pack in store.index.indexed():
        with store.index.database.connect() as connection:
            records = store.index.of_pack(connection, pack)
        dead = {(each.hash, each.kind): each for each in records if (each.hash, each.kind) not in live}
        # What the index does not know of a pack is garbage as well: copies of what is kept elsewhere.
        if dead or not records:
            found[pack] = dead
    return found


def _sizes(store: ContentStore) -> dict[str, int]:
    return {pack: size for pack, size, _ in store.end.packs()}


def _live_bytes(store: ContentStore, pack: str, dead: dict[Key, Record]) -> int:
    with store.index.database.connect() as connection:
        records = store.index.of_pack(connection, pack)
    return sum(each.end - each.offset for each in records if (each.hash, each.kind) not in dead)


def _goes(size: int, live_bytes: int, dead: bool, erase: bool) -> bool:
    """Whether a pack is to be rewritten."""
    return live_bytes < size * _LIVE_SHARE or (erase and dead)


def _kept(store: ContentStore, live: set[Key]) -> int:
    total = 0
    for pack in store.index.indexed():
        with store.index.database.connect() as connection:
            total += sum(
                each.end - each.offset
                for each in store.index.of_pack(connection, pack)
                if (each.hash, each.kind) in live
            )
    return total


def _counted(
    store: ContentStore, live: set[Key], dead: dict[str, dict[Key, Record]], erase: bool
) -> Collected:
    freed = left = objects = chunks = 0
    for pack, size in _sizes(store).items():
        keys = dead.get(pack, {})
        live_bytes = _live_bytes(store, pack, keys)
        garbage = max(size - live_bytes, 0)
        objects += sum(kind == Kind.OBJECT for _, kind in keys)
        chunks += sum(kind == Kind.CHUNK for _, kind in keys)
        if _goes(size, live_bytes, bool(keys), erase):
            freed += garbage
        else:
            left += sum(each.end - each.offset for each in keys.values())
    return Collected(objects, chunks, freed, left, _kept(store, live))


def _intakes_over(store: ContentStore, patience_seconds: float) -> bool:
    """Wait for the intakes that are under way; whether they have ended."""
    waited = {name for name in store.holds.look().names if name.startswith(INTAKE)}
    until = time.monotonic() + patience_seconds
    while waited:
        waited &= store.holds.look().names
        if waited and time.monotonic() > until:
            return False
        if waited:
            time.sleep(_GLANCE_SECONDS)
    return True


def _sweep(
    store: ContentStore,
    live: set[Key],
    dead: dict[str, dict[Key, Record]],
    erase: bool,
    progress: Progress | None,
) -> Collected:
    freed = left = objects = chunks = 0
    sizes = _sizes(store)
    small = [pack for pack, size in sizes.items() if size < store.writer.pack_bytes // _SMALL_SHARE]
    together = set(small) if len(small) > _FEW else set()
    done, total = 0, sum(sizes.values())
    for pack, size in sizes.items():
        done += size
        keys = dead.get(pack, {})
        live_bytes = _live_bytes(store, pack, keys)
        if not _goes(size, live_bytes, bool(keys), erase) and pack not in together:
            left += sum(each.end - each.offset for each in keys.values())
            with store.index.database.begin() as connection:
                store.index.forget(connection, keys)
            objects += sum(kind == Kind.OBJECT for _, kind in keys)
            chunks += sum(kind == Kind.CHUNK for _, kind in keys)
            continue
        grown = _rewrite(store, pack, set(keys))
        if grown is None:  # somebody adds to it
            left += sum(each.end - each.offset for each in keys.values())
            continue
        freed += size - grown
        objects += sum(kind == Kind.OBJECT for _, kind in keys)
        chunks += sum(kind == Kind.CHUNK for _, kind in keys)
        if progress is not None:
            progress(done, total)
    return Collected(objects, chunks, freed, left, _kept(store, live))


def _rewrite(store: ContentStore, pack: str, dead: set[Key]) -> int | None:
    """Copy what is needed of a pack into another and delete it; gives the bytes copied, None if in use."""
    is_finished = any(each == pack and finished for each, _, finished in store.end.packs())
    if not is_finished and store.writer.recover(pack, finish=True) is None:
        return None
    with store.index.database.connect() as connection:
        records = store.index.of_pack(connection, pack)
    keep = [each for each in records if (each.hash, each.kind) not in dead]
    moved: dict[str, list[Record]] = {}
    copied = 0
    with store.writer.used():
        for run in _stretches(keep):
            start = run[0].offset
            stretch = store.end.read(pack, start, run[-1].end - start)
            again = [
                Prepared(
                    each.hash, each.kind, each.codec, each.raw,
                    stretch[each.offset - start + RECORD_BYTES : each.end - start],
                )
                for each in run
            ]  # fmt: skip
            for where, record in store.writer.append(again, store):
                moved.setdefault(where, []).append(record)
                copied += record.end - record.offset
        store.writer.sync()
        with store.index.database.begin() as connection:
            done = store.index.move(connection, pack, moved)
        if not done:  # another collection did the same
            store.writer.take_back(store)
            return None
    store.end.delete(pack)
    return copied

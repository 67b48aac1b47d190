"""Looking after a content store: verify, collect garbage, erase, make the index anew, count.

Garbage beside live writers
---------------------------
What nobody refers to is condemned first: who takes in content from then on does not share it, but keeps it
anew.  Who began before may share it still, so those intakes are waited for; then it is looked once more what
is referred to.  What is still referred to by nothing is deleted.  None of that asks a clock.

Processes that log tell the index by way of their journals.  So a pack is rewritten only when it is finished
and whoever may have added to it has ended and was drained: until then nobody knows what in it is needed.
What they hold till their records are written counts as referred to.

Who has to find every pack where the index says that it is, as a backup does, is `undisturbed`: that counts
as taking in, and waits for whoever moves packs at that moment.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from nbproof.core.errors import NotFound, Unavailable
from nbproof.storage.content.codec import decompress
from nbproof.storage.content.index import CONDEMNED, DAMAGED, GOOD, batched
from nbproof.storage.content.logged import begin_sweep
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

__all__ = [
    "Collected",
    "Condition",
    "Key",
    "Rebuilt",
    "Stored",
    "Verified",
    "bytes_of",
    "catch_up",
    "collect",
    "condition",
    "needed_by",
    "rebuild",
    "stored",
    "undisturbed",
    "verify",
]

Key = tuple[bytes, Kind]
Progress = Callable[[int, int], object]
"""Told how many bytes of how many are done; what it raises ends the work."""

_LIVE_SHARE = 0.6
_SMALL_SHARE = 8  # a pack smaller than one such part of a full one is put together with others
_FEW = 4
_STRETCH_BYTES = 8 << 20
_PATIENCE_SECONDS = 10.0
_SWEEP = "sweep:"
_SWEEP_SECONDS = 600.0  # a sweep rewrites packs: many take minutes
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
        Lists of chunks, and chunks, that nothing refers to: forgotten.
    bytes : int
        By which the packs shrink.
    left_bytes : int
        Of what is forgotten, in packs of which most is needed or that somebody writes: they go when that
        changes.
    kept, kept_bytes : int
        Referred to.
    waiting : bool
        Somebody took in content all the while: what was found goes with the next collection.
    """

    objects: int = 0
    chunks: int = 0
    bytes: int = 0
    left_bytes: int = 0
    kept: int = 0
    kept_bytes: int = 0
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What `rebuild` did.

    Attributes
    ----------
    records, packs : int
        Taken in from packs.
    packs_in_use : int
        Somebody takes content in there: what the index had of them stays, and the rest comes with the next
        rebuild.
    packs_missing : int
        The index knew them, and they are not there: their content has to be registered again.
    """

    records: int = 0
    packs: int = 0
    packs_in_use: int = 0
    packs_missing: int = 0


@dataclass(frozen=True, slots=True)
class Condition:
    """What can be told of a store without reading content.

    Attributes
    ----------
    packs, bytes : int
    unfinished : int
        Packs that may grow.
    damaged_records : int
        Found by a `verify`, and not kept anew since.
    packs_unknown : int
        Finished packs of which the index does not have everything.
    packs_missing : int
        Packs that the index has, and that are not there.
    """

    packs: int
    bytes: int
    unfinished: int
    damaged_records: int
    packs_unknown: int
    packs_missing: int


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


def rebuild(store: ContentStore) -> Rebuilt:
    """Make the index anew from the packs, pack by pack; what it knew to be damaged stays so."""
    in_use = 0
    with undisturbed(store):
        for pack, _, finished in list(store.end.packs()):
            if not finished and store.writer.recover(pack, finish=True) is None:
                in_use += 1
        packs = {pack: size for pack, size, finished in store.end.packs() if finished}
        present = {pack for pack, _, _ in store.end.packs()}
        missing = [pack for pack in store.index.indexed() if pack not in present]
        with store.index.database.begin() as connection:
            for pack in missing:
                # Not forgotten: who reads is told of damage, and who registers it again keeps it anew.
                lost = [(each.hash, each.kind) for each in store.index.of_pack(connection, pack)]
                store.index.mark(connection, lost, DAMAGED)
        total = 0
        for pack, size in packs.items():
            records = _of_finished(store, pack, size, 0)
            with store.index.database.begin() as connection:
                damaged = store.index.damaged(connection, pack)
                store.index.forget_pack(connection, pack)
                store.index.add(connection, {pack: records})
                store.index.mark(connection, damaged, DAMAGED)
                store.index.whole(connection, pack, size)
            total += len(records)
    return Rebuilt(total, len(packs), in_use, len(missing))


def condition(store: ContentStore) -> Condition:
    """What packs there are, and whether the index has them."""
    indexed = store.index.indexed()
    with store.index.database.connect() as connection:
        damaged = len(store.index.damaged(connection))
    # One that is finished at this moment is met twice.
    packs = {pack: (size, finished) for pack, size, finished in store.end.packs()}
    return Condition(
        packs=len(packs),
        bytes=sum(size for size, _ in packs.values()),
        unfinished=sum(not finished for _, finished in packs.values()),
        damaged_records=damaged,
        packs_unknown=sum(
            finished and indexed.get(pack, 0) < _end_of_records(store, pack, size, indexed.get(pack, 0))
            for pack, (size, finished) in packs.items()
        ),
        packs_missing=sum(pack not in packs for pack in indexed),
    )


@contextmanager
def undisturbed(store: ContentStore, *, patience_seconds: float = _SWEEP_SECONDS) -> Iterator[None]:
    """For the time of a block no pack is moved or deleted.

    Raises
    ------
    Unavailable
        Somebody went on deleting garbage all the while.
    """
    with store.announced(INTAKE):
        until = time.monotonic() + patience_seconds
        while any(name.startswith(_SWEEP) for name in store.holds.look().names):
            if time.monotonic() > until:
                raise Unavailable("garbage is being deleted at this moment", hint="try again when gc is done")
            time.sleep(_GLANCE_SECONDS)
        yield


def needed_by(store: ContentStore, locations: Iterable[str]) -> set[Key]:
    """The chunks, and lists of chunks, that objects need."""
    return _live(store, locations)


def bytes_of(store: ContentStore, keys: Iterable[Key]) -> int:
    """What records take in the packs."""
    of_kind: dict[Kind, list[bytes]] = {}
    for hash, kind in keys:
        of_kind.setdefault(kind, []).append(hash)
    return sum(
        record.end - record.offset
        for kind, hashes in of_kind.items()
        for _, record in store.index.find(hashes, kind, any_state=True).values()
    )


def stored(store: ContentStore, locations: Iterable[str]) -> Stored:
    """Count what is kept; `locations` as often as each is referred to."""
    logical = 0
    wanted = Counter(locations)
    alone = store.index.find(map(hash_of, wanted), Kind.CHUNK, any_state=True)
    for location, times in wanted.items():
        if (chunk := alone.get(hash_of(location))) is not None:
            logical += times * chunk[1].raw
            continue
        with suppress(NotFound, Damaged):  # `verify` tells of that
            logical += times * store.size_bytes(location)
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
    touched = _touched(store, set(damaged))
    with store.index.database.connect() as connection:
        before_that = store.index.damaged(connection)
    # An object with a damaged chunk is not shared either: whoever takes it in again looks at all of it.
    bad = {*damaged, *((hash_of(each), Kind.OBJECT) for each in touched)}
    mended = [key for key in before_that if key not in bad] if share >= 1.0 else []
    if bad or mended:
        with store.index.database.begin() as connection:
            store.index.mark(connection, bad, DAMAGED)
            store.index.mark(connection, mended, GOOD)
    if bad:
        begin_sweep(store.folder)
    return Verified(records_done, bytes_done, touched, len(damaged))


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
        Brings into the tables what waits in journals; called before each look, and once more where packs
        were written to meanwhile.
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
    held = _held(store)
    settle()
    live = _live(store, referred() | held)
    dead = _dead(store, live)
    if dry_run:
        return _counted(store, live, dead, erase)
    doomed = [key for keys in dead.values() for key in keys]
    # Said before it is looked who takes in: of two that begin at once, at least one sees the other.
    with store.announced(_SWEEP):
        settled = {pack for pack, _, finished in store.end.packs() if finished}
        with store.index.database.begin() as connection:
            store.index.mark(connection, doomed, CONDEMNED)
        # Who logs shares what it remembers: from now on only what the index gives.  Said when that knows what
        # is condemned, and before it is looked who takes in: who began earlier is waited for.
        begin_sweep(store.folder)
        if not _intakes_over(store, patience_seconds):
            left = sum(each.end - each.offset for keys in dead.values() for each in keys.values())
            kept, kept_bytes = _kept(store, live)
            return Collected(left_bytes=left, kept=kept, kept_bytes=kept_bytes, waiting=True)
        held = _held(store)  # what was let go of before has its record in a journal
        settle()
        live = _live(store, referred() | held)
        with store.index.database.begin() as connection:
            # Also what an earlier collection condemned before it gave up.
            condemned = store.index.of_state(connection, CONDEMNED)
            store.index.mark(connection, [key for key in condemned if key in live], GOOD)
        dead = {
            pack: {key: each for key, each in keys.items() if key not in live} for pack, keys in dead.items()
        }
        settled |= _settled_anew(store, settled, dead, erase, settle, patience_seconds)
        return _sweep(store, live, dead, erase, progress, settled)


# -- inside ------------------------------------------------------------------------------------------------


def _of_finished(store: ContentStore, pack: str, size: int, known: int) -> list[Record]:
    def read(offset: int, length: int) -> bytes:
        return store.end.read(pack, offset, length)

    records = read_footer(read, size, decompress)
    if records is not None:
        return records
    found = []
    for each in scan(read, size):
        # Of one that is damaged the header still says where the next begins.
        if each.offset < known or not _damaged_of(store, pack, [each]):
            found.append(each)
    return found


def _end_of_records(store: ContentStore, pack: str, size: int, known: int) -> int:
    """Where the last record of a finished pack ends; asked only where the index does not reach the end."""
    if known >= size:
        return known
    records = read_footer(lambda offset, length: store.end.read(pack, offset, length), size, decompress)
    return size if records is None else max((each.end for each in records), default=0)


def _hidden(store: ContentStore, pack: str, size: int) -> bool:
    """Whether a pack holds anything that the index does not have there: what was forgotten before."""
    with store.index.database.connect() as connection:
        known = {each.offset for each in store.index.of_pack(connection, pack)}
    try:
        return any(each.offset not in known for each in _of_finished(store, pack, size, 0))
    except NotFound:
        return False  # another collection was faster


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
    hashes = {hash_of(location) for location in locations if location.startswith("b3/")}
    listed = store.index.find(hashes, Kind.OBJECT, any_state=True)
    live: set[Key] = set()
    for hash in hashes:
        if hash in listed:
            live |= _needed(store, hash)
        else:
            # One chunk, or nothing: there is nothing to be read for that.
            live |= {(hash, Kind.OBJECT), (hash, Kind.CHUNK)}
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
    return sum(each.end - each.offset for each in records if dead.get((each.hash, each.kind)) != each)


def _goes(size: int, live_bytes: int, dead: bool, erase: bool) -> bool:
    """Whether a pack is to be rewritten; `dead` if it holds anything that nobody needs."""
    return live_bytes < size * _LIVE_SHARE or (erase and dead)


def _kept(store: ContentStore, live: set[Key]) -> tuple[int, int]:
    """How many records are needed, and their bytes."""
    count = total = 0
    for pack in store.index.indexed():
        with store.index.database.connect() as connection:
            needed = [
                each.end - each.offset
                for each in store.index.of_pack(connection, pack)
                if (each.hash, each.kind) in live
            ]
        count, total = count + len(needed), total + sum(needed)
    return count, total


def _counted(
    store: ContentStore, live: set[Key], dead: dict[str, dict[Key, Record]], erase: bool
) -> Collected:
    freed = left = objects = chunks = 0
    for pack, size in _sizes(store).items():
        keys = dead.get(pack, {})
        live_bytes = _live_bytes(store, pack, keys)
        garbage = max(size - live_bytes, 0)
        hidden = erase and not keys and _hidden(store, pack, size)
        objects += sum(kind == Kind.OBJECT for _, kind in keys)
        chunks += sum(kind == Kind.CHUNK for _, kind in keys)
        if _goes(size, live_bytes, bool(keys) or hidden, erase):
            freed += garbage
        else:
            left += sum(each.end - each.offset for each in keys.values())
    return Collected(objects, chunks, freed, left, *_kept(store, live))


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


def _held(store: ContentStore) -> set[str]:
    """Locations that somebody is about to refer to."""
    return {name for name in store.holds.look().names if not name.startswith((INTAKE, _SWEEP))}


def _settled_anew(
    store: ContentStore,
    settled: set[str],
    dead: dict[str, dict[Key, Record]],
    erase: bool,
    settle: Callable[[], object],
    patience_seconds: float,
) -> set[str]:
    """Of the packs to be rewritten that were not finished: those of which the index knows everything now."""
    sizes = _sizes(store)
    together = _together(store, sizes)
    wanted = {
        pack
        for pack, size in sizes.items()
        if pack not in settled
        and (
            pack in together
            or _goes(size, _live_bytes(store, pack, dead.get(pack, {})), bool(dead.get(pack)), erase)
        )
    }
    if not wanted:
        return set()
    for pack, _, finished in list(store.end.packs()):
        if pack in wanted and not finished and store.writer.recover(pack, finish=True) is None:
            wanted.discard(pack)
    if not _intakes_over(store, patience_seconds):
        return set()
    settle()
    return wanted


def _together(store: ContentStore, sizes: dict[str, int]) -> set[str]:
    """Small packs that are put together."""
    small = {pack for pack, size in sizes.items() if size < store.writer.pack_bytes // _SMALL_SHARE}
    return small if len(small) > _FEW else set()


def _sweep(
    store: ContentStore,
    live: set[Key],
    dead: dict[str, dict[Key, Record]],
    erase: bool,
    progress: Progress | None,
    settled: set[str],
) -> Collected:
    freed = left = objects = chunks = 0
    sizes = _sizes(store)
    together = _together(store, sizes)
    done, total = 0, sum(sizes.values())
    for pack, size in sizes.items():
        done += size
        keys = dead.get(pack, {})
        live_bytes = _live_bytes(store, pack, keys)
        going = bool(keys) or (erase and _hidden(store, pack, size))
        if not _goes(size, live_bytes, going, erase) and pack not in together:
            left += sum(each.end - each.offset for each in keys.values())
            with store.index.database.begin() as connection:
                store.index.forget(connection, keys)
            objects += sum(kind == Kind.OBJECT for _, kind in keys)
            chunks += sum(kind == Kind.CHUNK for _, kind in keys)
            continue
        grown = _rewrite(store, pack, keys) if pack in settled else None
        if grown is None:  # somebody adds to it
            left += sum(each.end - each.offset for each in keys.values())
            continue
        freed += size - grown
        objects += sum(kind == Kind.OBJECT for _, kind in keys)
        chunks += sum(kind == Kind.CHUNK for _, kind in keys)
        if progress is not None:
            progress(done, total)
    return Collected(objects, chunks, freed, left, *_kept(store, live))


def _rewrite(store: ContentStore, pack: str, dead: dict[Key, Record]) -> int | None:
    """Copy what is needed of a pack into another and delete it; gives the bytes copied, None if in use."""
    with store.index.database.connect() as connection:
        records = store.index.of_pack(connection, pack)
    # By its place: the same content may have been kept anew meanwhile, behind what nobody needed.
    keep = [each for each in records if dead.get((each.hash, each.kind)) != each]
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

"""Objects kept in packs by processes that log, without a word to the database.

Who logs puts content into a pack, makes it durable, and writes into its journal what is where; the drain
carries that into the index with everything else (`nbproof.storage.content.applying`).  So logging waits for
no database and loads no library for one, and a process that is killed between its pack and its journal leaves
garbage, never a reference to nothing.

What is kept already is known from two sides: of what this process wrote it remembers the hashes, because the
index may not have them yet; the rest it looks up in the SQLite file by the standard library.  Either may know
less than there is: then bytes are written twice, and garbage collection takes one of them away.

Beside garbage collection
-------------------------
`put` holds an intake while it looks and writes, as all intakes do, and the location of what it gave until
`let_go`: what is held counts as referred to.  What this process remembers of its own writing is forgotten
when a collection began since: from then on only the index knows what may be shared.
"""

from __future__ import annotations

import base64
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from nbproof.core.errors import NotFound, PlatformError
from nbproof.storage.content.ends import trouble
from nbproof.storage.content.packs import Kind, Record, packed_records
from nbproof.storage.content.store import Intake, Known, Receiver, hash_of, location_of
from nbproof.storage.objects import OnBytes, StoredObject

if TYPE_CHECKING:
    from nbproof.storage.content.ends import StorageBackend
    from nbproof.storage.content.store import ContentStore

__all__ = ["EVENT", "LoggedIndex", "PackedObjects", "begin_sweep", "clear_copies", "events_of"]

EVENT = "content"
"""The kind of event that says what is where in a pack."""

_SWEEPS = "swept"
_TOGETHER = 256
_RECORDS = 10_000  # in one event
_MOST_FRESH = 200_000
_SOME = 500  # SQLite allowed 999 parameters once
_PIECE = 1 << 20
_SULK_SECONDS = 60.0
_COPY_SECONDS = 86_400.0

Found = TypeVar("Found")


def events_of(records: Mapping[str, Sequence[Record]]) -> Iterator[dict[str, Any]]:
    """The fields of the events that bring records into the index."""
    for pack, found in records.items():
        for start in range(0, len(found), _RECORDS):
            packed = packed_records(found[start : start + _RECORDS])
            yield {"pack": pack, "records": base64.b64encode(packed).decode("ascii")}


def begin_sweep(folder: Path) -> None:
    """Tell processes that log to forget what they remember: from now on only the index says what stays."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f"{_SWEEPS}.", delete=False) as mark:
            pass
        os.replace(mark.name, folder / _SWEEPS)  # Windows renames nothing that is open
    except OSError as error:
        raise trouble(str(folder), error) from error


def clear_copies(folder: Path, is_kept: Callable[[bytes], bool] = lambda hash: True) -> None:
    """Delete copies of objects that nobody asked for in a day, and those of what is not kept any more."""
    before = time.time() - _COPY_SECONDS
    with suppress(OSError):
        for copy in (folder / "copies" / "objects").iterdir():
            with suppress(OSError, ValueError):
                if copy.stat().st_mtime < before or not is_kept(bytes.fromhex(copy.name)):
                    copy.unlink()


class LoggedIndex:
    """What a process that logs knows of a store.

    Laws: safe from any thread and after a fork; never raises for what the database does.

    Parameters
    ----------
    end : StorageBackend
    database : Path, optional
        The SQLite file of the records, whether it is there or not.
    elsewhere : callable, optional
        Gives the index where the records are on a server; it may fail.
    folder : Path
        Where garbage collections leave their mark.
    """

    def __init__(
        self,
        end: StorageBackend,
        database: Path | None,
        folder: Path,
        *,
        elsewhere: Callable[[], Known] | None = None,
    ) -> None:
        self._end = end
        self._path = database
        self._sweeps = Path(folder) / _SWEEPS
        self._elsewhere = elsewhere
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._fresh: set[tuple[bytes, Kind]] = set()
        self._sizes: dict[str, int] = {}
        self._last_pack: str | None = None
        self._swept: tuple[int, int] | None = None
        self._opened: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._sulks_until = 0.0

    def look(self) -> None:
        """Notice a garbage collection; called when an intake has begun, before anything is looked up."""
        if self._pid != os.getpid():
            self._begin()  # the connection, and what it reads, are the parent's
        try:
            state = os.stat(self._sweeps)
            mark = state.st_ino, state.st_mtime_ns
        except OSError:
            mark = None
        with self._lock:
            # A folder that was deleted and made anew has no mark either.
            lost = self._last_pack is not None and not self._end.has(self._last_pack)
            many = max(len(self._fresh), len(self._sizes)) > _MOST_FRESH
            if mark != self._swept or lost or many:
                self._fresh.clear()
                self._sizes.clear()
                self._last_pack = None
                self._swept = mark

    def remember(self, records: Mapping[str, Sequence[Record]], kept: Iterable[StoredObject]) -> None:
        """Know what was written, though the index does not yet."""
        with self._lock:
            for pack, found in records.items():
                self._last_pack = pack
                self._fresh.update((each.hash, each.kind) for each in found)
            self._sizes.update((each.location, each.size_bytes) for each in kept)

    def size_of(self, location: str) -> int | None:
        """The size of what this process has put."""
        return self._sizes.get(location)

    def known(self, hashes: Iterable[bytes]) -> set[tuple[bytes, Kind]]:
        """Those of the hashes that are here and may be shared, and as what."""
        with self._lock:
            wanted = list(dict.fromkeys(hashes))
            keys = ((hash, kind) for hash in wanted for kind in (Kind.CHUNK, Kind.OBJECT))
            found = {key for key in keys if key in self._fresh}
            here = {hash for hash, _ in found}
            if left := [hash for hash in wanted if hash not in here]:
                found |= self._looked_up(left)
            return found

    def indexed_of(self, pack: str) -> int:
        """How far a pack is in the index, in bytes; 0 also where nobody can tell."""
        if self._elsewhere is not None:
            return self._asked(lambda index: index.indexed_of(pack), 0)
        rows = self._selected("SELECT indexed FROM content_packs WHERE name = ?", [pack])
        return int(rows[0][0]) if rows else 0

    # -- inside ------------------------------------------------------------------------------------

    def _looked_up(self, hashes: list[bytes]) -> set[tuple[bytes, Kind]]:
        if self._elsewhere is not None:
            return self._asked(lambda index: index.known(hashes), set())
        found: set[tuple[bytes, Kind]] = set()
        for start in range(0, len(hashes), _SOME):
            some = hashes[start : start + _SOME]
            marks = ",".join("?" * len(some))
            rows = self._selected(
                f"SELECT hash, kind FROM content_records WHERE state = 0 AND hash IN ({marks})", some
            )
            found.update((bytes(hash), Kind(kind)) for hash, kind in rows)
        return found

    def _asked(self, ask: Callable[[Known], Found], otherwise: Found) -> Found:
        assert self._elsewhere is not None
        if time.monotonic() < self._sulks_until:
            return otherwise
        try:
            return ask(self._elsewhere())
        except PlatformError:
            # Logging goes on without the server, and does not wait for it at every call.
            self._sulks_until = time.monotonic() + _SULK_SECONDS
            return otherwise

    def _selected(self, statement: str, values: Sequence[object]) -> list[Any]:
        with self._lock, suppress(sqlite3.Error, OSError):
            connection = self._connection()
            if connection is not None:
                return connection.execute(statement, values).fetchall()
        return []

    def _connection(self) -> sqlite3.Connection | None:
        if self._path is None:
            return None
        try:
            state = os.stat(self._path)
        except OSError:
            self._opened = self._identity = None
            return None
        if self._opened is None or self._identity != (state.st_dev, state.st_ino):
            self._opened = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.2, isolation_level=None,
                check_same_thread=False,
            )  # fmt: skip
            self._identity = state.st_dev, state.st_ino
        return self._opened


class PackedObjects:
    """Objects in the content store of a workspace; see `nbproof.storage.objects.ObjectStorage`.

    Parameters
    ----------
    receiver : Receiver
        Takes content in; knows what `index` knows.
    index : LoggedIndex
    tell : callable
        Writes an event into the journal of this process: its kind, and fields by name.
    store : callable
        Gives the whole store, for reading.
    drain : callable
        Brings what journals hold into the index.
    moved : callable, optional
        Gives an object that was kept as a file before, by its old location.
    """

    def __init__(
        self,
        receiver: Receiver,
        index: LoggedIndex,
        tell: Callable[..., object],
        store: Callable[[], ContentStore],
        drain: Callable[[], object],
        *,
        moved: Callable[[str], str | Path] | None = None,
    ) -> None:
        self._receiver = receiver
        self._index = index
        self._tell = tell
        self._store = store
        self._drain = drain
        self._moved = moved

    def __repr__(self) -> str:
        return f"PackedObjects({self._receiver.end!r})"

    def put(self, source: BinaryIO | Path, *, on_bytes: OnBytes | None = None) -> StoredObject:
        """Keep the bytes of a binary stream, from where it stands, or of a file.

        A file that is as it was when it was put before is not read again; see `nbproof.storage.seen`.

        Raises
        ------
        NotFound, Invalid
            `source` is a path without a file, or of something that is not a file or cannot be read.
        Unavailable
            The disk is full, read-only or away; nothing is kept then.
        OSError
            Reading a stream failed, or the journal could not be written.
        """
        return self._taken(lambda intake: [intake.put(source, on_bytes=on_bytes)])[0]

    def put_many(self, sources: Sequence[Path], *, on_bytes: OnBytes | None = None) -> Iterator[StoredObject]:
        """Keep files, in order; faster than one by one, because they become durable together.

        What was given before an error or an interruption is kept.
        """
        for start in range(0, len(sources), _TOGETHER):
            some = sources[start : start + _TOGETHER]
            found = self._taken(lambda intake: intake.put_many(some, on_bytes=on_bytes))  # noqa: B023 - called at once
            given = 0
            try:
                for each in found:
                    given += 1
                    yield each
            finally:
                # Who stopped before it had these refers to none of them.
                for each in found[given:]:
                    self.let_go(each.location)

    def open(self, location: str) -> BinaryIO:
        """A stream of the content that can seek; the caller closes it."""
        place = self._place(location)
        if isinstance(place, Path):
            return place.open("rb")
        try:
            return self._store().open(place)
        except NotFound:
            if self._index.size_of(place) is None:
                raise
            self._drain()  # it was put just now, and the index does not know
            return self._store().open(place)

    def path(self, location: str) -> Path:
        """A file of this machine with the content: a copy, which stays a day for the next one who asks."""
        place = self._place(location)
        if isinstance(place, Path):
            return place
        hash = hash_of(place).hex()
        copy = self._receiver.folder / "copies" / "objects" / hash
        with suppress(OSError):
            os.utime(copy)  # those that nobody asked for are cleared away
            return copy
        with self.open(place) as stream, ExitStack() as undo:
            try:
                copy.parent.mkdir(parents=True, exist_ok=True)
                with tempfile.NamedTemporaryFile(dir=copy.parent, prefix=".", delete=False) as partial:
                    name = partial.name
                    undo.callback(_unlinked, name)
                    while piece := stream.read(_PIECE):
                        partial.write(piece)
                    partial.flush()
                    os.fsync(partial.fileno())  # it is believed by its name, also after a power cut
                os.chmod(name, 0o444)
                os.replace(name, copy)
                undo.pop_all()
            except OSError as error:
                raise trouble(str(copy.parent), error) from error
        clear_copies(self._receiver.folder)
        return copy

    def exists(self, location: str) -> bool:
        """Whether the content is here."""
        return not self.missing([location])

    def missing(self, locations: Iterable[str]) -> set[str]:
        """Those of the locations whose content is not here."""
        wanted: dict[str, str] = {}
        locations = list(locations)
        for each in locations:
            with suppress(NotFound):
                place = self._place(each)
                wanted[each] = place if isinstance(place, str) else ""
        gone = self._not_indexed({place for place in wanted.values() if place})
        if any(self._index.size_of(place) is not None for place in gone):
            self._drain()  # it was put just now, and the index does not know
            gone = self._not_indexed(gone)
        return {each for each in locations if each not in wanted or wanted[each] in gone}

    def find(self, hash: str) -> StoredObject | None:
        """The content of that hash, if it is here."""
        location = location_of(hash_of(f"b3/{hash}"))
        self._hold(location)
        try:
            with self._receiver.intake() as intake:
                self._index.look()
                if intake.here([bytes.fromhex(hash)]):
                    size = self._index.size_of(location)
                    return StoredObject(
                        hash, self._store().size_bytes(location) if size is None else size, location
                    )
        except BaseException:
            self.let_go(location)
            raise
        self.let_go(location)
        return None

    def let_go(self, location: str) -> None:
        """Say that the record which refers to content is written, or never will be."""
        self._receiver.holds.give_back(location)

    # -- inside ------------------------------------------------------------------------------------

    def _taken(self, take: Callable[[Intake], list[StoredObject]]) -> list[StoredObject]:
        with ExitStack() as undo:
            try:
                intake = undo.enter_context(self._receiver.intake())
            except OSError as error:
                raise trouble(str(self._receiver.folder), error) from error
            self._index.look()
            kept = take(intake)
            with ExitStack() as held:
                for each in kept:
                    self._hold(each.location)
                    held.callback(self.let_go, each.location)
                records = intake.keep()
                for fields in events_of(records):
                    self._tell(EVENT, **fields)
                held.pop_all()  # they are the caller's now
            self._index.remember(records, kept)
            return kept

    def _hold(self, location: str) -> None:
        try:
            self._receiver.holds.take(location)
        except OSError as error:
            raise trouble(str(self._receiver.folder), error) from error

    def _not_indexed(self, places: set[str]) -> set[str]:
        known = self._store().index.known(map(hash_of, places), any_state=True)
        return places - {location_of(hash) for hash, _ in known}

    def _place(self, location: str) -> str | Path:
        if self._moved is not None and isinstance(location, str) and location.startswith("objects/"):
            return self._moved(location)
        hash_of(location)  # raises for what is none
        return location


def _unlinked(name: str) -> None:
    with suppress(OSError):
        os.unlink(name)

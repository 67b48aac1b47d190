"""Brings artifacts of older workspaces, files ``content/objects/ab/cdef...``, into the content store.

A file is taken in, checked against the hash in its name, and made durable; then one transaction enters it
into the index, points its rows to it, and notes where it went; then the file is deleted.  Stopped anywhere,
nothing is lost: what was not committed is garbage in a pack, what was not deleted is noted already.  The note
stays: journals that are drained later, and what was put aside, may name the old place.

What no row refers to is not moved.  It may be garbage, which `nbproof gc` deletes, or be waited for by a
journal: then its row comes, and the next look moves it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from nbproof.storage.content.ends import locked
from nbproof.storage.content.index import batched
from nbproof.storage.content.store import location_of
from nbproof.storage.objects import StoredObject
from nbproof.storage.tables import MovedObjectRow, all_tables, table_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from nbproof.storage.content.store import ContentStore
    from nbproof.storage.database import Database

__all__ = ["Moved", "move_in", "moved_to"]

_log = logging.getLogger("nbproof.storage")

_PLACE = re.compile(r"objects/([0-9a-f]{2})/([0-9a-f]{62})")
_TOGETHER_BYTES = 64 << 20
_TOGETHER = 256
_SOME = 500
_LOCK = "moving.lock"


@dataclass(slots=True)
class Moved:
    """What one look did.

    Attributes
    ----------
    objects, bytes : int
        Moved.
    left : int
        Still to be moved: time was over.
    damaged : int
        Files that can't be read, or are not what their names say; they stay where they are.
    """

    objects: int = 0
    bytes: int = 0
    left: int = 0
    damaged: int = 0


def moved_to(database: Database, places: set[str]) -> dict[str, str]:
    """Where objects are now, by their old places; those that were never moved are left out."""
    found: dict[str, str] = {}
    moved = table_of(MovedObjectRow)
    with database.connect() as connection:
        for some in batched(sorted(places), _SOME):
            rows = connection.execute(sa.select(moved.c.place, moved.c.hash).where(moved.c.place.in_(some)))
            found.update((place, location_of(bytes(hash))) for place, hash in rows)
    return found


def move_in(
    store: ContentStore,
    folder: Path,
    *,
    seconds: float | None = None,
    say: Callable[[str], object] | None = None,
) -> Moved:
    """Move what rows refer to; nothing where another process is at it.

    Parameters
    ----------
    store : ContentStore
    folder : Path
        ``content``.
    seconds : float, optional
        No new object is begun after that.
    say : callable, optional
        Told once, in words, where it takes longer.
    """
    report = Moved()
    if not (folder / "objects").is_dir():
        return report
    with _alone(folder / _LOCK) as alone:
        if not alone:
            return report
        until = None if seconds is None else time.monotonic() + seconds
        places = _referred(store.index.database)
        gone = moved_to(store.index.database, places)
        if gone:
            # Rows that came later, or a file that could not be deleted.
            with store.index.database.begin(durable=True) as connection:
                _point(connection, gone)
        waiting = sorted(places - gone.keys())
        if say is not None and len(waiting) > _TOGETHER:
            say(f"nbproof: moving {len(waiting):,} artifacts into the content store, once")
        for group in _groups(folder, waiting):
            if until is not None and time.monotonic() > until:
                report.left = len(waiting) - report.objects - report.damaged
                break
            _move(store, folder, group, report)
        _clear(store.index.database, folder)
    return report


# -- inside ------------------------------------------------------------------------------------------------


def _referred(database: Database) -> set[str]:
    found: set[str] = set()
    with database.connect() as connection:
        for table in _tables():
            rows = connection.execute(
                sa.select(table.c.location).where(table.c.location.like("objects/%")).distinct()
            )
            found.update(place for place in rows.scalars() if _PLACE.fullmatch(place))
    return found


def _tables() -> list[sa.Table]:
    return [table for table in all_tables().sorted_tables if "location" in table.c]


def _groups(folder: Path, places: list[str]) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for place in places:
        with suppress(OSError):
            size += (folder / place).stat().st_size
            group.append(place)
        if size >= _TOGETHER_BYTES or len(group) >= _TOGETHER:
            yield group
            group, size = [], 0
    if group:
        yield group


def _move(store: ContentStore, folder: Path, places: list[str], report: Moved) -> None:
    kept: dict[str, StoredObject] = {}
    with store.intake() as intake:
        for place in places:
            try:
                with open(folder / place, "rb") as file:
                    checked = _Checked(file)
                    found = intake.put(cast(BinaryIO, checked))
            except FileNotFoundError:
                continue
            except OSError as error:
                report.damaged += 1
                _log.warning("the artifact %s can't be read and stays where it is: %s", folder / place, error)
                continue
            if checked.digest == place.removeprefix("objects/").replace("/", ""):
                kept[place] = found
            else:
                report.damaged += 1
                _log.warning("the artifact %s is damaged and stays where it is", folder / place)
        intake.sync()
        with store.index.database.begin(durable=True) as connection:
            intake.enter(connection)
            _note(connection, {place: bytes.fromhex(each.hash) for place, each in kept.items()})
            _point(connection, {place: each.location for place, each in kept.items()})
    for place, each in kept.items():
        with suppress(OSError):
            (folder / place).unlink()
        report.objects += 1
        report.bytes += each.size_bytes


class _Checked:
    """A file that is hashed, as its name was made, while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.blake2b(digest_size=32)

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._hash.update(piece)
        return piece

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


def _note(connection: Connection, hashes: dict[str, bytes]) -> None:
    if not hashes:
        return
    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(
        insert(table_of(MovedObjectRow)).on_conflict_do_nothing(index_elements=["place"]),
        [{"place": place, "hash": hash} for place, hash in sorted(hashes.items())],
    )


def _point(connection: Connection, locations: dict[str, str]) -> None:
    """Have rows name the new place, and the hash that goes with it."""
    if not locations:
        return
    for table in _tables():
        values: dict[str, Any] = {"location": sa.bindparam("now")}
        if "hash" in table.c:
            values["hash"] = sa.bindparam("hashed")
        connection.execute(
            sa.update(table).where(table.c.location == sa.bindparam("before")).values(values),
            [
                {"before": place, "now": location, "hashed": location.removeprefix("b3/")}
                if "hash" in table.c
                else {"before": place, "now": location}
                for place, location in sorted(locations.items())
            ],
        )


def _clear(database: Database, folder: Path) -> None:
    """Delete files that were moved before and are there still, and what is empty."""
    objects = folder / "objects"
    places = {path.relative_to(folder).as_posix() for path in objects.glob("[0-9a-f][0-9a-f]/*")}
    for place in moved_to(database, {each for each in places if _PLACE.fullmatch(each)}):
        with suppress(OSError):
            (folder / place).unlink()
    for path in [*objects.glob("[0-9a-f][0-9a-f]"), objects]:
        with suppress(OSError):
            path.rmdir()
    if not objects.exists():
        with suppress(OSError):
            (folder / "seen.jsonl").unlink()


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Whether this process is the only one in the block."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        yield False  # nothing can be moved in a folder that can't be written
        return
    try:
        yield locked(descriptor)
    finally:
        os.close(descriptor)

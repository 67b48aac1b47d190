"""Deleting content that nothing refers to any more: that of purged runs, and of what was replaced.

Who refers to content does it in a column named ``location`` of a table; where the table has ``deleted_us``
too, a row that was deleted before the grace period began refers to nothing.  What a drain has put aside
counts as well, unless its run was purged.

Beside live writers
-------------------
A writer puts content first and then writes the event that refers to it, so for a moment nothing in the tables
does.  Whoever puts holds the content till its event is written (`nbproof.storage.holds`).  What is held is
looked at first, then journals are drained: so what was let go of before is referred to by then.  At last
content is taken from its place, and only then looked at once more: who held it since is seen, who comes later
finds it gone from its place, and brings it back or keeps it anew.  None of that asks a clock; that content
younger than the grace period stays is for people, who may want back what they threw away.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from nbproof.storage.database import Database
from nbproof.storage.spool import SpooledObjects
from nbproof.storage.tables import all_tables

__all__ = ["PURGED", "Garbage", "collect", "referred"]

PURGED = "the run was purged"
"""Why records of a purged run are put aside."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """What was, or would be, deleted.

    Attributes
    ----------
    objects, bytes : int
        Deleted; with a dry run, what would be.
    young_objects, young_bytes : int
        Not referred to either, but younger than the grace period, or held.
    kept_objects, kept_bytes : int
        Referred to.
    """

    objects: int = 0
    bytes: int = 0
    young_objects: int = 0
    young_bytes: int = 0
    kept_objects: int = 0
    kept_bytes: int = 0


def collect(
    storage: SpooledObjects,
    database: Database,
    rejected: Path,
    drain: Callable[[], object],
    *,
    grace_seconds: float,
    now_us: int,
    dry_run: bool,
) -> Garbage:
    """Delete content that nothing refers to.

    Parameters
    ----------
    storage : SpooledObjects
    database : Database
    rejected : Path
        Where drains put records aside.
    drain : callable
        Brings every journal into the tables; raises where that cannot be done, and then nothing is deleted.
    grace_seconds : float
        How long content rests before it goes.
    now_us : int
        The time by which rows were deleted.
    dry_run : bool
        Only count.
    """
    storage.bring_all_back()
    held = storage.holds.look()
    drain()
    grace_us = round(grace_seconds * 1e6)
    needed = referred(database, rejected, now_us - grace_us)
    before = storage.disk_time() - grace_seconds
    kept = young = gone = kept_bytes = young_bytes = gone_bytes = 0
    doomed: list[tuple[str, int]] = []
    for each in storage.iter():
        if each.location in needed:
            kept, kept_bytes = kept + 1, kept_bytes + each.size_bytes
        elif each.location in held or storage.rested_since(each.location) >= before:
            young, young_bytes = young + 1, young_bytes + each.size_bytes
        else:
            doomed.append((each.location, each.size_bytes))
    if doomed and not dry_run:
        # Looking took a while.
        held = storage.holds.look()
        drain()
        needed = referred(database, rejected, now_us - grace_us)
    for location, size in doomed:
        if location in needed:
            kept, kept_bytes = kept + 1, kept_bytes + size
        elif dry_run or storage.discard(location, before, held):
            gone, gone_bytes = gone + 1, gone_bytes + size
        else:
            young, young_bytes = young + 1, young_bytes + size
    return Garbage(gone, gone_bytes, young, young_bytes, kept, kept_bytes)


def referred(database: Database, rejected: Path, deleted_before_us: int) -> set[str]:
    """What rows of any table, and what drains have put aside, refer to."""
    found: set[str] = set(_put_aside(rejected))
    with database.connect() as connection:
        for table in all_tables().sorted_tables:
            if "location" not in table.c:
                continue
            locations = sa.select(table.c.location).distinct()
            if "deleted_us" in table.c:
                deleted = table.c.deleted_us
                locations = locations.where(sa.or_(deleted.is_(None), deleted > deleted_before_us))
            found.update(each for each in connection.execute(locations).scalars().yield_per(10_000) if each)
    return found


def _put_aside(folder: Path) -> Iterator[str]:
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in sorted(folder.iterdir()):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError):
                    told = json.loads(line)
                    location = told["record"].get("location") if told.get("reason") != PURGED else None
                    if isinstance(location, str):
                        yield location

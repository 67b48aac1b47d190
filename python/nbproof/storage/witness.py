"""Knows of writers on other machines that they went silent, as far as that can be known.

Whether a process lives can only be seen on its own machine.  So the servers of a workspace that several
machines share (PostgreSQL, a network mount) bear witness: each says in the tables, every quarter of a minute,
which writers it sees alive beside itself.  A writer for which its machine's server had spoken and then no
longer does is *lost*: the machine is off, or cut off.  What it had in hand is settled, and taken up again
when it is seen once more.

Times of another machine's clock are never compared with ours: what counts is how long a time in the tables
has not changed, by our own clock.  A writer that no server ever saw alive (a script on a machine without a
server) may be alive or dead, and is left alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from nbproof.core.clock import Clock
from nbproof.core.events import Changed, merged
from nbproof.storage.database import Database
from nbproof.storage.drain import Applier
from nbproof.storage.journal.process import Process, is_dead, this_process
from nbproof.storage.tables import WriterRow

__all__ = ["LOST_AFTER_SECONDS", "SEEN_EVERY_SECONDS", "Witness"]

SEEN_EVERY_SECONDS = 15.0
LOST_AFTER_SECONDS = 40.0
"""Silence after which a writer is lost; with the time between two looks it stays below a minute."""


@dataclass(slots=True)
class _Sighting:
    seen_us: int
    since: float


class Witness:
    """Sees writers of this machine alive, and misses those of others.

    Parameters
    ----------
    database : Database
    appliers : sequence of Applier
        Settle what a silent writer has in hand, and take it up again.
    clock : Clock
    shared : bool
        Whether other machines are to be expected; otherwise nothing is written until one is found.
    here : Process, optional
        Who looks; by default this process.
    monotonic : callable
        Seconds that only grow.
    """

    def __init__(
        self,
        database: Database,
        appliers: Sequence[Applier],
        *,
        clock: Clock,
        shared: bool,
        here: Process | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._appliers = tuple(appliers)
        self._clock = clock
        self._shared = shared
        self._here = here or this_process()
        self._monotonic = monotonic
        self._due = 0.0
        self._sightings: dict[str, _Sighting] = {}
        self._lost: set[str] = set()

    def look(self) -> list[Changed]:
        """Say who is alive here and settle who was lost elsewhere, every `SEEN_EVERY_SECONDS`."""
        now = self._monotonic()
        if now < self._due or self._database.read_only:
            return []
        self._due = now + SEEN_EVERY_SECONDS
        with self._database.connect() as connection:
            rows = connection.execute(_OPEN).all()
        ours = [row for row in rows if self._is_here(row)]
        others = [row for row in rows if not self._is_here(row)]
        self._shared = self._shared or bool(others)
        alive = [row.id for row in ours if not is_dead(_process(row))] if self._shared else []
        missed = self._missed(others, now)
        if not alive and not missed:
            return []
        changed: list[Changed] = []
        with self._database.begin() as connection:
            time_us = self._clock.now_us()
            for start in range(0, len(alive), 500):
                some = alive[start : start + 500]
                connection.execute(
                    sa.update(WriterRow)
                    .where(WriterRow.id.in_(some), WriterRow.ended_us.is_(None))
                    .values(seen_us=time_us)
                )
            for applier in self._appliers:
                for writer_id in alive:
                    changed += applier.writer_returned(connection, writer_id)
                for writer_id in missed:
                    changed += applier.writer_died(connection, writer_id, time_us)
        self._lost |= set(missed)
        return merged(changed)

    def _is_here(self, row: Any) -> bool:
        return (row.host, _process(row).pid_space) == (self._here.host, self._here.pid_space)

    def _missed(self, rows: Sequence[Any], now: float) -> list[str]:
        """Writers elsewhere that were seen alive and are no longer, for the first time."""
        missed = []
        known, self._sightings = self._sightings, {}
        for row in rows:
            if row.seen_us is None:
                continue
            before = known.get(row.id)
            if before is None or before.seen_us != row.seen_us:
                before = _Sighting(row.seen_us, now)
                self._lost.discard(row.id)
            self._sightings[row.id] = before
            if now - before.since >= LOST_AFTER_SECONDS and row.id not in self._lost:
                missed.append(row.id)
        return missed


_OPEN = sa.select(
    WriterRow.id,
    WriterRow.host,
    WriterRow.boot_id,
    WriterRow.pid,
    WriterRow.pid_started,
    WriterRow.cursor,
    WriterRow.seen_us,
).where(WriterRow.ended_us.is_(None))


def _process(row: Any) -> Process:
    space = row.cursor.get("pid_space", "") if isinstance(row.cursor, dict) else ""
    return Process(row.host, row.boot_id, row.pid, row.pid_started or "", space)

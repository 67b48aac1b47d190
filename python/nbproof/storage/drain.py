"""Carries what journals hold into the tables, each record exactly once, whoever does it.

There are no locks.  A drainer reads a batch of a journal, and in one transaction moves that writer's mark
(``UPDATE writers SET drained = :to WHERE id = :writer AND drained = :from``) and lets the rooms apply the
batch.  Where no row was updated another drainer was faster: everything is rolled back and read anew.  So any
number of processes may drain at any time, and a drainer that is killed has done all of a batch or nothing.

Order: within a journal by sequence number; between journals so that what a process could know of (a run of
its parent, before a fork) is applied before what it wrote about it.

What a room refuses is put aside in ``journal/rejected/`` and counted, and never holds up the rest.  While the
database is locked or away, journals are left alone: they are the queue.

``python -m nbproof.storage.drain ROOT`` drains the workspace in a folder and ends.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import exc

from nbproof.core.clock import Clock
from nbproof.core.errors import PlatformError, Unavailable
from nbproof.core.events import Changed, Changes, merged
from nbproof.storage.database import Database
from nbproof.storage.journal.carrier import Carrier, Known, Overtaken
from nbproof.storage.journal.process import Process, is_dead
from nbproof.storage.journal.reader import Batch, Cursor, WriterInfo, torn_records
from nbproof.storage.journal.wire import Sent
from nbproof.storage.tables import WriterRow, table_of

__all__ = ["Applier", "Drain", "DrainReport", "end_all_writers", "main"]

_log = logging.getLogger("nbproof.storage.drain")

REJECTED = "rejected"
# So many failing pieces of one batch are looked at one by one; the rest is put aside as it is.
_PATIENCE = 500
_ORPHANS_EVERY_SECONDS = 15.0
# A sender gives a sign of life every 15 s while the process whose journal it sends lives; with the time
# between two looks the silence that counts stays below a minute.
_SILENCE_US = 40_000_000
# The machine's fault, not the records'.
_MACHINE = (Unavailable, exc.OperationalError, exc.InterfaceError, exc.TimeoutError, MemoryError, OSError)


class Applier(Protocol):
    """A room's hand in the drain.

    Laws: everything goes through the connection given, whose transaction is not the applier's to end;
    records of one batch come in order and once; what is refused for good raises, or is told by
    `Batch.refuse`; nothing is read from files.  Times come from the records, not from the clock, which may
    only keep a time that users gave from passing for activity in the future.
    """

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of events it takes; who takes ``"series"`` is given the points as well."""
        ...

    def apply(self, connection: sa.Connection, batch: Batch) -> Iterable[Changed]:
        """Write a batch into the tables; tells what changed."""
        ...

    def writer_died(self, connection: sa.Connection, writer_id: str, time_us: int) -> Iterable[Changed]:
        """Settle what a process left open that ended without closing its journal."""
        ...

    def writer_returned(self, connection: sa.Connection, writer_id: str) -> Iterable[Changed]:
        """Undo `writer_died`: the process lives, it was out of reach."""
        ...


@dataclass(frozen=True, slots=True)
class DrainReport:
    """What one look at the journals did.

    Attributes
    ----------
    points, events : int
        Records read, those refused too.
    bad : int
        Damaged records.
    rejected : int
        Records put aside.
    changed : tuple of Changed
    unreadable : tuple of str
        Journals that could not be read, and why.
    """

    points: int = 0
    events: int = 0
    bad: int = 0
    rejected: int = 0
    changed: tuple[Changed, ...] = ()
    unreadable: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.points or self.events or self.bad or self.changed)


@dataclass(slots=True)
class _Tally:
    points: int = 0
    events: int = 0
    bad: int = 0
    rejected: int = 0
    changed: list[Changed] = field(default_factory=list)


@dataclass(slots=True)
class _Refused:
    seq: int
    reason: str
    record: dict[str, Any]


class Drain(Carrier):
    """Drains all journals of a workspace, and takes what other machines send of theirs.

    Laws: safe from any thread and beside any number of others; an idle look costs well under a millisecond
    and does not touch the database.

    Parameters
    ----------
    folder : Path
        ``<workspace>/journal``.
    database : Database
    appliers : sequence of Applier
        In the order in which they see a batch.
    clock : Clock
        Stamps the end of dead writers.
    changes : Changes, optional
        Told what changed, after the commit.
    limit : int
        Points in a batch.
    """

    def __init__(
        self,
        folder: Path,
        database: Database,
        appliers: Sequence[Applier],
        *,
        clock: Clock,
        changes: Changes | None = None,
        limit: int = 100_000,
    ) -> None:
        super().__init__(folder, limit=limit)
        self._database = database
        self._appliers = tuple(appliers)
        self._clock = clock
        self._changes = changes
        self._lock = threading.Lock()
        self._wait: float | None = None  # of the run that holds the lock
        self._tally = _Tally()
        self._orphans_due = 0.0
        _drains.add(self)

    def _renew(self) -> None:
        # A thread of the parent that was draining does not exist here, and would never free the lock.
        self._lock = threading.Lock()
        self._known.clear()

    def run_once(self, *, wait_seconds: float | None = None) -> DrainReport:
        """Carry over what was in the journals when this was called, and perhaps more.

        Parameters
        ----------
        wait_seconds : float, optional
            How long to wait for the database, or for another thread that drains; by default as long as
            `Database.begin` does.

        Raises
        ------
        Unavailable
            The database or the journal can't be used now; nothing is lost.
        """
        if self._database.read_only:
            return DrainReport(unreadable=(f"{self._database.where} can only be read",))
        with self._counted(wait_seconds) as tally:
            present = self._carry()
            if time.monotonic() >= self._orphans_due:
                self._bury_orphans(present)
                self._orphans_due = time.monotonic() + _ORPHANS_EVERY_SECONDS
            unreadable = tuple(self._unreadable.values())
        return DrainReport(
            points=tally.points,
            events=tally.events,
            bad=tally.bad,
            rejected=tally.rejected,
            changed=tuple(merged(tally.changed)),
            unreadable=unreadable,
        )

    def take(self, sent: Sent) -> int:
        """Take a stretch of a journal that lies on another machine; how far that journal is drained now.

        Nothing is taken, and the answer is not `sent.batch.to`, where the mark of its writer is not where the
        stretch begins: the sender goes on from the answer.

        Raises
        ------
        Unavailable
            The database can't be used now; nothing was taken.
        """
        batch = sent.batch
        with self._counted():
            known = Known(batch.writer, 0, over=sent.ended is not None)
            mark = self._cursor_of(batch.writer, seen_us=self._clock.now_us())
            if mark.seq != batch.from_:
                return mark.seq
            try:
                self._commit(batch, known, seen_us=self._clock.now_us())
            except Overtaken:
                return self._cursor_of(batch.writer).seq
            if sent.ended is not None:
                known.cursor = batch.cursor
                self._settle_end(known, died=sent.ended == "died", torn=sent.torn)
            if sent.durable:
                self._make_durable()
        return batch.to

    @contextmanager
    def _counted(self, wait_seconds: float | None = None) -> Iterator[_Tally]:
        """Alone in this process, with a fresh tally; tells what changed, also where something failed."""
        tally = _Tally()
        try:
            if not self._lock.acquire(timeout=-1 if wait_seconds is None else wait_seconds):
                raise Unavailable("another thread is draining the journals", hint="try again in a moment")
            try:
                self._tally, self._wait = tally, wait_seconds
                yield tally
            finally:
                self._lock.release()
        except OSError as error:
            raise Unavailable(
                f"the journal {self._folder} can't be read: {error.strerror or error}",
                hint="check the disk and who may read the folder",
            ) from error
        except exc.DBAPIError as error:
            raise Unavailable(
                "the database would not take what is in the journal",
                hint="run: nbproof doctor",
                details={"said": str(error.orig)},
            ) from error
        finally:
            # Also what was committed before something failed.
            if self._changes is not None:
                for change in merged(tally.changed):
                    self._changes.publish(change)

    # -- draining ----------------------------------------------------------------------------------------

    def _cursor_of(self, info: WriterInfo, *, seen_us: int | None = None) -> Cursor:
        row = sa.select(WriterRow.drained, WriterRow.cursor).where(WriterRow.id == info.id)
        with self._database.connect() as connection:
            found = connection.execute(row).one_or_none()
        if found is None:
            process = info.process
            with suppress(exc.IntegrityError), self._database.begin(wait_seconds=self._wait) as connection:
                connection.execute(
                    sa.insert(WriterRow).values(
                        id=info.id,
                        host=process.host,
                        boot_id=process.boot_id,
                        pid=process.pid,
                        pid_started=process.pid_started,
                        version=info.version,
                        created_us=info.created_us,
                        cursor=_places(Cursor(), process, seen_us),
                    )
                )
            with self._database.connect() as connection:
                found = connection.execute(row).one()
        return Cursor.of(found.drained, found.cursor)

    def _commit(self, batch: Batch, known: Known, *, seen_us: int | None = None) -> None:
        tally = self._tally
        written: list[Path] = []
        returned: list[Changed] = []
        try:
            with self._database.begin(wait_seconds=self._wait) as connection:
                moved = connection.execute(
                    _moving(),
                    {
                        "writer": batch.writer.id,
                        "before": batch.from_,
                        "to": batch.to,
                        "places": _places(batch.cursor, batch.writer.process, seen_us),
                        "more_points": batch.point_count,
                        "more_events": len(batch.events),
                        "more_bad": batch.bad,
                    },
                )
                if moved.rowcount != 1:
                    raise Overtaken
                if seen_us is not None and not known.over:
                    returned = self._take_back_end(connection, batch.writer.id)
                changed, refused = self._apply(connection, batch)
                if refused:
                    connection.execute(
                        sa.update(WriterRow)
                        .where(WriterRow.id == batch.writer.id)
                        .values(rejected=WriterRow.rejected + len(refused))
                    )
                    written.append(self._put_aside(batch.writer.id, refused))
        except BaseException:
            self._delete(written)
            raise
        tally.points += batch.point_count
        tally.events += len(batch.events)
        tally.bad += batch.bad
        tally.rejected += len(refused)
        tally.changed += [*returned, *changed]
        if batch.bad:
            _log.warning("%d records of the journal %s are damaged", batch.bad, batch.writer.id)
        if refused:
            _log.warning(
                "%d records of the journal %s were put aside, the first because: %s",
                len(refused),
                batch.writer.id,
                refused[0].reason,
            )

    def _apply(self, connection: sa.Connection, batch: Batch) -> tuple[list[Changed], list[_Refused]]:
        changed: list[Changed] = []
        refused: dict[int, _Refused] = {}
        taken: set[str] = set()
        for applier in self._appliers:
            taken |= applier.kinds
            share = replace(
                batch,
                events=[event for event in batch.events if event.get("kind") in applier.kinds],
                points=batch.points if "series" in applier.kinds else b"",
                refused=[],
            )
            if share.events or share.points:
                _Application(applier, connection, changed, refused).run(share)
        for event in batch.events:
            if event.get("kind") not in taken:
                # Perhaps of a later nbproof: it is kept, and can be given to it.
                reason = f"no room takes events of the kind {event.get('kind')!r}"
                refused[event["seq"]] = _Refused(event["seq"], reason, event)
        if batch.points and "series" not in taken:
            _refuse(batch, "no room takes points", (seq for _, seq, *_ in batch.iter_points()), refused)
        return changed, [refused[seq] for seq in sorted(refused)]

    def _put_aside(self, writer_id: str, refused: list[_Refused]) -> Path:
        folder = self._folder / REJECTED
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{writer_id}-{refused[0].seq}.jsonl"
        with open(path, "w", encoding="utf-8") as file:
            for one in refused:
                line = {"seq": one.seq, "reason": one.reason, "record": one.record}
                file.write(json.dumps(line, allow_nan=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
        return path

    # -- the end of a journal ------------------------------------------------------------------------------

    def _finish(self, known: Known) -> None:
        """Everything is in the tables: settle what the process left open, and delete its folder."""
        path, info, cursor = self._path(known), known.info, known.cursor
        assert cursor is not None
        torn = torn_records(path, cursor)
        if self._settle_end(known, died=info.closed_us is None, torn=torn):
            known.finished = True
            self._delete([path])
        else:
            known.cursor = None  # somebody is at it; the next look will tell

    def _settle_end(self, known: Known, *, died: bool, torn: int) -> bool:
        """Mark a journal as ended, once; whether it is, with all of it drained."""
        info, cursor = known.info, known.cursor
        assert cursor is not None
        changed: list[Changed] = []
        with self._database.begin(wait_seconds=self._wait) as connection:
            now = self._clock.now_us()
            ended = connection.execute(
                sa.update(WriterRow)
                .where(WriterRow.id == info.id, WriterRow.drained == cursor.seq, WriterRow.ended_us.is_(None))
                .values(ended_us=info.closed_us or now, bad=WriterRow.bad + torn)
            )
            if ended.rowcount == 1 and died:
                changed = self._settle(connection, info.id, now)
            row = connection.execute(
                sa.select(WriterRow.drained, WriterRow.ended_us).where(WriterRow.id == info.id)
            ).one_or_none()
        if ended.rowcount == 1:
            self._tally.bad += torn
            self._tally.changed += changed
        return row is not None and row.drained == cursor.seq and row.ended_us is not None

    def _bury_orphans(self, present: set[str]) -> None:
        """Settle what others left open: dead processes whose journals were deleted by hand, and machines that
        have sent nothing for so long that nobody can tell whether they still run.
        """
        rows = sa.select(
            WriterRow.id,
            WriterRow.host,
            WriterRow.boot_id,
            WriterRow.pid,
            WriterRow.pid_started,
            WriterRow.drained,
            WriterRow.cursor,
        ).where(WriterRow.ended_us.is_(None))
        with self._database.connect() as connection:
            found = [row for row in connection.execute(rows) if row.id not in present]
        for row in found:
            places = row.cursor if isinstance(row.cursor, dict) else {}
            seen_us = places.get("seen_us")
            if isinstance(seen_us, int):
                now = self._clock.now_us()
                if now < seen_us:
                    # The clock was set back: the silence is counted from here, not from when it gets there.
                    with self._database.begin(wait_seconds=self._wait) as connection:
                        connection.execute(
                            sa.update(WriterRow)
                            .where(WriterRow.id == row.id, WriterRow.drained == row.drained)
                            .values(cursor={**places, "seen_us": now})
                        )
                    continue
                if now - seen_us < _SILENCE_US:
                    continue
            elif not is_dead(
                Process(row.host, row.boot_id, row.pid, row.pid_started or "", places.get("pid_space", ""))
            ):
                continue
            changed: list[Changed] = []
            with self._database.begin(wait_seconds=self._wait) as connection:
                now = self._clock.now_us()
                ended = connection.execute(
                    sa.update(WriterRow)
                    .where(WriterRow.id == row.id, WriterRow.ended_us.is_(None))
                    .values(ended_us=now)
                )
                if ended.rowcount == 1:
                    changed = self._settle(connection, row.id, now)
            self._tally.changed += changed

    def _take_back_end(self, connection: sa.Connection, writer_id: str) -> list[Changed]:
        """A machine that was silent sends again: what was settled meanwhile goes on."""
        row = sa.update(WriterRow).where(WriterRow.id == writer_id, WriterRow.ended_us.is_not(None))
        if connection.execute(row.values(ended_us=None)).rowcount != 1:
            return []
        return [
            change for applier in self._appliers for change in applier.writer_returned(connection, writer_id)
        ]

    def _settle(self, connection: sa.Connection, writer_id: str, now_us: int) -> list[Changed]:
        changed: list[Changed] = []
        for applier in self._appliers:
            try:
                with connection.begin_nested():
                    changed += applier.writer_died(connection, writer_id, now_us)
            except _MACHINE:
                raise
            except Exception:
                # It would fail again at every look, and keep everybody from reading.
                _log.exception("what the process of journal %s left open could not be settled", writer_id)
        return changed

    def _delete(self, paths: Sequence[Path]) -> None:
        if paths:
            self._make_durable()
            super()._delete(paths)

    def _make_durable(self) -> None:
        if self._database.dialect == "sqlite":
            # A commit in WAL mode survives the death of the process, not yet a power cut; a checkpoint makes
            # it durable.  Only then may the journal go.  Nothing may be read before it: SQLite makes no
            # checkpoint within a transaction.
            with suppress(exc.DBAPIError), self._database.engine.connect() as connection:
                _, frames, done = connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").one()
                if done >= frames:
                    return
            # Somebody reads an older moment: so long SQLite leaves what came later in the log, and need not
            # have brought the log to the disk.  (Its locks are on other files: opening this one loses none.)
            if self._database.path is not None:
                with suppress(FileNotFoundError), open(f"{self._database.path}-wal", "rb+") as log:
                    os.fsync(log.fileno())


@lru_cache(maxsize=1)
def _moving() -> sa.Update:
    """Moves a mark.  Put together once: of a batch of one point that would be a tenth of the cost."""
    writers = table_of(WriterRow)
    w = writers.c
    return (
        sa.update(writers)
        .where(w.id == sa.bindparam("writer"), w.drained == sa.bindparam("before"))
        .values(
            drained=sa.bindparam("to"),
            cursor=sa.bindparam("places"),
            points=w.points + sa.bindparam("more_points"),
            events=w.events + sa.bindparam("more_events"),
            bad=w.bad + sa.bindparam("more_bad"),
        )
    )


def _places(cursor: Cursor, process: Process, seen_us: int | None) -> dict[str, object]:
    """What a writer's row remembers beside its mark; `seen_us` of a journal that lies elsewhere."""
    seen = {} if seen_us is None else {"seen_us": seen_us}
    return {**cursor.as_json(), "pid_space": process.pid_space, **seen}


class _Application:
    """Applies a batch; where that raises, halves of it, down to the records that are refused."""

    def __init__(
        self,
        applier: Applier,
        connection: sa.Connection,
        changed: list[Changed],
        refused: dict[int, _Refused],
    ) -> None:
        self._applier = applier
        self._connection = connection
        self._changed = changed
        self._refused = refused
        self._patience = _PATIENCE

    def run(self, batch: Batch) -> None:
        try:
            with self._connection.begin_nested():
                changed = list(self._applier.apply(self._connection, batch))
        except _MACHINE:
            raise
        except Exception as error:
            self._divide(batch, error)
            return
        self._changed += changed
        for reason, seqs in batch.refused:
            _refuse(batch, reason, seqs, self._refused)

    def _divide(self, batch: Batch, error: Exception) -> None:
        seqs = sorted([event["seq"] for event in batch.events] + [seq for _, seq, *_ in batch.iter_points()])
        self._patience -= 1
        if len(seqs) == 1 or self._patience <= 0:
            said = error.message if isinstance(error, PlatformError) else f"{type(error).__name__}: {error}"
            _refuse(batch, said, seqs, self._refused)
            return
        middle = seqs[len(seqs) // 2 - 1]
        self.run(batch.part(batch.from_, middle))
        self.run(batch.part(middle, batch.to))


def _refuse(batch: Batch, reason: str, seqs: Iterable[int], refused: dict[int, _Refused]) -> None:
    wanted = set(seqs)
    for event in batch.events:
        if event["seq"] in wanted:
            refused[event["seq"]] = _Refused(event["seq"], reason, event)
    for series, seq, step, time_us, value in batch.iter_points():
        if seq in wanted:
            record = {"kind": "point", "series": series, "step": step, "time": time_us, "value": value}
            refused[seq] = _Refused(seq, reason, record)


def end_all_writers(database: Database, appliers: Sequence[Applier], time_us: int) -> None:
    """Settle what every process left open: for a copy of a workspace, in which none of them writes."""
    with database.begin() as connection:
        open_ = sa.select(WriterRow.id).where(WriterRow.ended_us.is_(None))
        for writer_id in connection.execute(open_).scalars().all():
            for applier in appliers:
                applier.writer_died(connection, writer_id, time_us)
        connection.execute(sa.update(WriterRow).where(WriterRow.ended_us.is_(None)).values(ended_us=time_us))


_drains: weakref.WeakSet[Drain] = weakref.WeakSet()


def _renew_after_fork() -> None:
    for drain in list(_drains):
        drain._renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)


# -- in a process of its own -------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Drain the workspace in a folder: ``python -m nbproof.storage.drain ROOT``."""
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) != 1:
        sys.stderr.write("usage: python -m nbproof.storage.drain ROOT\n")
        return 2
    # Which rooms take part is known two floors up; storage may not import that, so it is found by its name
    # at run time.
    module, _, name = "nbproof.platform.workspace:drain".partition(":")
    drain: Callable[[str], object] = getattr(importlib.import_module(module), name)
    try:
        drain(words[0])
    except PlatformError as error:
        sys.stderr.write(f"nbproof: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Reading points: those in the tables, and behind them those that are still in journals.

A chart of a live run needs no write to the database: what no drain has brought there yet is read straight
from the journals.  Each point shows exactly once.  The marks of the writers (how far each was drained) are
read with the points; from there on the journals are read; then the marks are looked at again.  Where one has
moved meanwhile a drain was at work, and all is read anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from nbproof.core.errors import Unavailable
from nbproof.core.ids import short
from nbproof.storage.database import Database
from nbproof.storage.journal.reader import Cursor, has_news, read_batch, read_writer, writer_ids
from nbproof.storage.tables import WriterRow, table_of
from nbproof.tracking.domain import SYSTEM
from nbproof.tracking.point_stream import PackedMetric
from nbproof.tracking.points import CHUNK, OUTLINE, TAIL_POINT_BYTES, Points, Window, pack, thinned, unpack
from nbproof.tracking.repository.harvest import Key, sorted_points
from nbproof.tracking.repository.stored import CHUNKS, METRICS, RUNS, clean, portions

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["Histories", "Line"]

_WRITERS = table_of(WriterRow)
# Drains come every half second; so many times in a row none falls between two looks at the marks.
_ATTEMPTS = 5
# Where outlines give at least so many points for each that is wanted, they are read instead of the chunks.
_PLENTY = 4
# Chunks in memory at once, where a history goes out as it is kept.
_CHUNKS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Line:
    """The points of one metric that were asked for, and how many it has in all."""

    count: int
    points: Points


@dataclass(slots=True)
class _Waiting:
    """What journals hold beyond the marks."""

    points: dict[Key, list[Points]] = field(default_factory=lambda: defaultdict(list))
    runs: dict[str, str] = field(default_factory=dict)  # names of those that began, by id


@dataclass(slots=True)
class _Kept:
    """What the tables hold of one metric, in bytes."""

    count: int
    tail: bytes | None
    blobs: list[bytes] = field(default_factory=list)

    @property
    def in_chunks(self) -> int:
        """Points in front of those of the tail."""
        return self.count - len(self.tail or b"") // TAIL_POINT_BYTES


class _Which(NamedTuple):
    """Which points are wanted; see `Histories.lines`."""

    most: int | None
    start: int
    end: int | None
    window: Window | None
    last_only: bool = False  # of the chunks only one that is not full


class Histories:
    """Points of metrics, as recorded up to this moment.

    Parameters
    ----------
    database : Database
    journal : Path, optional
        The folder of journals; without it only what is in the tables is seen.
    """

    def __init__(self, database: Database, journal: Path | None) -> None:
        self._database = database
        self._journal = journal

    def lines(
        self,
        runs: Sequence[str],
        names: Sequence[str],
        *,
        most: int | None = None,
        start: int = 0,
        end: int | None = None,
        window: Window | None = None,
    ) -> dict[Key, Line]:
        """Metrics of runs, those that there are, in the order logged.

        Parameters
        ----------
        runs, names : sequence of str
            Ids and metrics; each of the one is looked for with each of the other.
        most : int, optional
            Thin each to at most so many points.
        start, end : int
            Which points of each, counted from its first.
        window : Window, optional
            Only the points that lie in it; not together with `start` and `end`.
        """
        wanted = [clean(name) for name in names]
        began = self._began(runs) if window is not None and window.axis == "relative" else {}
        which = _Which(most, start, end, window)
        kept, waiting = self._consistent(runs, wanted, which)
        found = {}
        for key in [(run, name) for run in runs for name in wanted]:
            fresh = waiting.points.get(key, [])
            if key not in kept and not fresh:
                continue
            stored = kept.get(key) or _Kept(0, None)
            parts = [unpack(bytes(blob)) for blob in [*stored.blobs, stored.tail or b""] if blob]
            points = Points.joined([*parts, *fresh])
            count = stored.count + sum(each.n for each in fresh)
            if window is not None:
                points = window.cut(points, began.get(key[0], 0))
            if most is not None:
                points = thinned(points, most)
            elif start or end is not None:
                # Chunks in front of the first point asked for were not read.
                skipped = min(start // CHUNK * CHUNK, stored.in_chunks)
                points = points.at(slice(start - skipped, None if end is None else end - skipped))
            found[key] = Line(count, points)
        return found

    def packed(self, run: str, names: Sequence[str] | None) -> list[PackedMetric]:
        """Metrics of a run as they are kept, those that there are; by default all but the machine's.

        What may still change is read now.  Full chunks stay as they are, and are read when their turn comes:
        however long a history is, only a few of them are in memory.
        """
        wanted = None if names is None else list(dict.fromkeys(clean(name) for name in names))
        kept, waiting = self._consistent([run], wanted, _Which(None, 0, None, None, last_only=True))
        if wanted is None:
            there = {name for of, name in [*kept, *waiting.points] if of == run}
            wanted = sorted(name for name in there if not name.startswith(SYSTEM))
        found = []
        for name in wanted:
            fresh = waiting.points.get((run, name), [])
            if (run, name) in kept or fresh:
                stored = kept.get((run, name)) or _Kept(0, None)
                count = stored.count + sum(each.n for each in fresh)
                found.append(PackedMetric(name, count, self._blobs(run, name, stored, fresh)))
        return found

    def _blobs(self, run: str, name: str, kept: _Kept, fresh: list[Points]) -> Iterator[bytes]:
        c, full = CHUNKS.c, kept.in_chunks // CHUNK
        for start in range(0, full, _CHUNKS_AT_ONCE):
            end = min(start + _CHUNKS_AT_ONCE, full)
            statement = sa.select(c.blob).where(c.run_id == run, c.name == name, c.seq >= start, c.seq < end)
            with self._database.connect() as connection:
                blobs = connection.execute(statement.order_by(c.seq)).scalars().all()
            if len(blobs) != end - start:
                raise Unavailable(
                    f"points of the metric {name!r} of the run {short(run)} went while they were read",
                    hint="was the run purged? else run: nbproof db check",
                )
            yield from map(bytes, blobs)
        yield from map(bytes, kept.blobs)
        if kept.tail:
            yield bytes(kept.tail)
        for points in fresh:
            for at in range(0, points.n, CHUNK):
                yield pack(points.at(slice(at, at + CHUNK)))

    def names(self, run: str, limit: int = 2000) -> list[str]:
        """Metrics of a run, in the tables and in journals."""
        with self._database.connect() as connection:
            statement = sa.select(METRICS.c.name).where(METRICS.c.run_id == run).limit(limit)
            names = list(connection.execute(statement).scalars())
            marks = self._marks(connection, self._writers())
        waiting = self._read_journals(marks)
        return list(dict.fromkeys([*names, *(name for of, name in waiting.points if of == run)]))

    def waiting_run(self, reference: str) -> str | None:
        """The id of a run that began in a journal and is in no table yet: by id, name or its last digits."""
        with self._database.connect() as connection:
            marks = self._marks(connection, self._writers())
        runs = self._read_journals(marks).runs
        if reference in runs:
            return reference
        found = [run for run, name in runs.items() if name == reference or run[-6:] == reference.lower()]
        return found[0] if len(found) == 1 else None

    def _began(self, runs: Sequence[str]) -> dict[str, int]:
        """When runs began, in µs; those that are in no table yet are left out."""
        began: dict[str, int] = {}
        with self._database.connect() as connection:
            for some in portions(runs):
                rows = sa.select(RUNS.c.id, RUNS.c.started_us).where(RUNS.c.id.in_(some))
                began.update((run, started) for run, started in connection.execute(rows))
        return began

    # -- both at one moment ------------------------------------------------------------------------

    def _consistent(
        self, runs: Sequence[str], names: Sequence[str] | None, which: _Which
    ) -> tuple[dict[Key, _Kept], _Waiting]:
        for _ in range(_ATTEMPTS):
            writers = self._writers()
            with self._database.moment() as connection:
                marks = self._marks(connection, writers)
                kept = _stored(connection, runs, names, which)
            if not writers:
                break
            waiting = self._read_journals(marks)
            with self._database.connect() as connection:
                after = self._marks(connection, writers)
            if {w: mark.seq for w, mark in after.items()} == {w: mark.seq for w, mark in marks.items()}:
                return kept, waiting
        # What is in the tables is of one moment: a beginning without a hole.
        return kept, _Waiting()

    def _writers(self) -> list[str]:
        return [] if self._journal is None else writer_ids(self._journal)

    def _marks(self, connection: Connection, writers: Sequence[str]) -> dict[str, Cursor]:
        marks = {writer: Cursor() for writer in writers}
        for some in portions(writers):
            rows = sa.select(_WRITERS.c.id, _WRITERS.c.drained, _WRITERS.c.cursor)
            for writer, drained, places in connection.execute(rows.where(_WRITERS.c.id.in_(some))):
                marks[writer] = Cursor.of(drained, places)
        return marks

    def _read_journals(self, marks: dict[str, Cursor]) -> _Waiting:
        waiting = _Waiting()
        for writer, cursor in marks.items():
            assert self._journal is not None
            path = self._journal / writer
            if not has_news(path, cursor):
                continue
            try:
                info = read_writer(path)
            except ValueError:
                continue  # of a later format: its drain says so
            if info is None:
                continue
            told: dict[int, Key] = {}
            while batch := read_batch(path, info, cursor):
                cursor = batch.cursor
                for event in batch.events:
                    match event:
                        case {"kind": "series", "series": int(number), "run": str(run), "key": str(name)}:
                            told[number] = (run, clean(name))
                        case {"kind": "run.start", "run": str(run), "name": str(name)}:
                            waiting.runs[run] = name
                with self._database.connect() as connection:
                    harvest = sorted_points(connection, batch, told)
                for place, key in enumerate(harvest.keys):
                    waiting.points[key].append(harvest.of(place))
        return waiting


def _stored(
    connection: Connection, runs: Sequence[str], names: Sequence[str] | None, which: _Which
) -> dict[Key, _Kept]:
    m, c = METRICS.c, CHUNKS.c
    most, start, end, window, last_only = which
    kept: dict[Key, _Kept] = {}
    for ids in portions(runs):
        for some in [None] if names is None else portions(names):
            rows = sa.select(m.run_id, m.name, m.count, m.tail).where(m.run_id.in_(ids))
            if some is not None:
                rows = rows.where(m.name.in_(some))
            for run, name, count, tail in connection.execute(rows):
                kept[run, name] = _Kept(count, tail)
            blob: Any = c.blob
            statement = sa.select(c.run_id, c.name, c.seq, c.blob)
            if most is not None and window is None:
                # Whether a metric has so many points that its outlines will do.
                many = most * _PLENTY * CHUNK // OUTLINE
                blob = sa.case((sa.and_(m.count >= many, c.outline.is_not(None)), c.outline), else_=c.blob)
                statement = sa.select(c.run_id, c.name, c.seq, blob).join_from(
                    CHUNKS, METRICS, sa.and_(c.run_id == m.run_id, c.name == m.name)
                )
            statement = statement.where(c.run_id.in_(ids)).order_by(c.run_id, c.name, c.seq)
            if some is not None:
                statement = statement.where(c.name.in_(some))
            if last_only:
                statement = statement.where(c.n < CHUNK)
            if window is not None:
                statement = statement.where(*_may_lie_in(window))
            elif most is None and start:
                statement = statement.where(c.seq >= start // CHUNK)
            if most is None and end is not None:
                statement = statement.where(c.seq <= (end - 1) // CHUNK)
            for run, name, _, packed in connection.execute(statement):
                kept[run, name].blobs.append(packed)
    return kept


def _may_lie_in(window: Window) -> list[sa.ColumnElement[bool]]:
    """Of the chunks: that some of their points may lie in a window.  Chunks without bounds may."""
    c = CHUNKS.c
    first: sa.ColumnElement[Any] = c.first_step
    last: sa.ColumnElement[Any] = c.last_step
    scale = 1.0
    if window.axis != "step":
        first, last, scale = c.first_us, c.last_us, 1e6
    if window.axis == "relative":
        began = sa.select(RUNS.c.started_us).where(RUNS.c.id == c.run_id).scalar_subquery()
        first, last = first - began, last - began
    conditions = []
    if window.low is not None:
        low: sa.ColumnElement[float] = sa.literal(window.low * scale - 1, sa.Double())
        conditions.append(sa.or_(c.last_us.is_(None), last >= low))
    if window.high is not None:
        high: sa.ColumnElement[float] = sa.literal(window.high * scale + 1, sa.Double())
        conditions.append(sa.or_(c.first_us.is_(None), first <= high))
    return conditions

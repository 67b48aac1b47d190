"""Reading points: those in the tables, and behind them those that are still in journals.

A chart of a live run needs no write to the database: what no drain has brought there yet is read straight
from the journals.  Each point shows exactly once.  The marks of the writers (how far each was drained) are
read with the points; from there on the journals are read; then the marks are looked at again.  Where one has
moved meanwhile a drain was at work, and all is read anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from nbproof.storage.database import Database
from nbproof.storage.journal.reader import Cursor, has_news, read_batch, read_writer, writer_ids
from nbproof.storage.tables import WriterRow, table_of
from nbproof.tracking.points import CHUNK, OUTLINE, TAIL_POINT_BYTES, Points, thinned, unpack
from nbproof.tracking.repository.harvest import Key, sorted_points
from nbproof.tracking.repository.stored import CHUNKS, METRICS, clean, portions

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["Histories", "Line"]

_WRITERS = table_of(WriterRow)
# Drains come every half second; so many times in a row none falls between two looks at the marks.
_ATTEMPTS = 5
# Where outlines give at least so many points for each that is wanted, they are read instead of the chunks.
_PLENTY = 4


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
        """
        wanted = [clean(name) for name in names]
        kept, waiting = self._consistent(runs, wanted, most, start, end)
        found = {}
        for key in [(run, name) for run in runs for name in wanted]:
            fresh = waiting.points.get(key, [])
            if key not in kept and not fresh:
                continue
            stored = kept.get(key) or _Kept(0, None)
            parts = [unpack(bytes(blob)) for blob in [*stored.blobs, stored.tail or b""] if blob]
            points = Points.joined([*parts, *fresh])
            count = stored.count + sum(each.n for each in fresh)
            if most is not None:
                points = thinned(points, most)
            elif start or end is not None:
                # Chunks in front of the first point asked for were not read.
                skipped = min(
                    start // CHUNK * CHUNK, stored.count - len(stored.tail or b"") // TAIL_POINT_BYTES
                )
                points = points.at(slice(start - skipped, None if end is None else end - skipped))
            found[key] = Line(count, points)
        return found

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

    # -- both at one moment ------------------------------------------------------------------------

    def _consistent(
        self, runs: Sequence[str], names: Sequence[str], most: int | None, start: int, end: int | None
    ) -> tuple[dict[Key, _Kept], _Waiting]:
        for _ in range(_ATTEMPTS):
            writers = self._writers()
            with self._database.moment() as connection:
                marks = self._marks(connection, writers)
                kept = _stored(connection, runs, names, most, start, end)
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
    connection: Connection,
    runs: Sequence[str],
    names: Sequence[str],
    most: int | None,
    start: int,
    end: int | None,
) -> dict[Key, _Kept]:
    m, c = METRICS.c, CHUNKS.c
    kept: dict[Key, _Kept] = {}
    for ids in portions(runs):
        for some in portions(names):
            rows = sa.select(m.run_id, m.name, m.count, m.tail)
            for run, name, count, tail in connection.execute(rows.where(m.run_id.in_(ids), m.name.in_(some))):
                kept[run, name] = _Kept(count, tail)
            blob: Any = c.blob
            statement = sa.select(c.run_id, c.name, c.seq, c.blob)
            if most is not None:
                # Whether a metric has so many points that its outlines will do.
                many = most * _PLENTY * CHUNK // OUTLINE
                blob = sa.case((sa.and_(m.count >= many, c.outline.is_not(None)), c.outline), else_=c.blob)
                statement = sa.select(c.run_id, c.name, c.seq, blob).join_from(
                    CHUNKS, METRICS, sa.and_(c.run_id == m.run_id, c.name == m.name)
                )
            statement = statement.where(c.run_id.in_(ids), c.name.in_(some)).order_by(c.run_id, c.name, c.seq)
            if most is None and start:
                statement = statement.where(c.seq >= start // CHUNK)
            if most is None and end is not None:
                statement = statement.where(c.seq <= (end - 1) // CHUNK)
            for run, name, _, packed in connection.execute(statement):
                kept[run, name].blobs.append(packed)
    return kept

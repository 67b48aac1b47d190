"""What tests of the journal and the drain share: read all of a journal, and a room with two tables."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa

from nbproof.core.clock import SystemClock
from nbproof.core.events import Changed
from nbproof.storage.database import Database, open_database
from nbproof.storage.drain import Drain
from nbproof.storage.journal.reader import Batch, Cursor, read_batch, read_writer, writer_ids
from nbproof.storage.journal.writer import JournalWriter

_METADATA = sa.MetaData()
POINTS = sa.Table(
    "test_points",
    _METADATA,
    sa.Column("writer", sa.String(32), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("series", sa.BigInteger),
    sa.Column("step", sa.BigInteger),
    sa.Column("time_us", sa.BigInteger),
    sa.Column("value", sa.Double),
)
EVENTS = sa.Table(
    "test_events",
    _METADATA,
    sa.Column("writer", sa.String(32), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text),
    sa.Column("body", sa.Text),
)
DEATHS = sa.Table("test_deaths", _METADATA, sa.Column("writer", sa.String(32), primary_key=True))


class Notebook:
    """A room that writes down all it is given; the primary keys refuse whatever comes twice."""

    kinds = frozenset({"series", "note", "bad"})

    def apply(self, connection: sa.Connection, batch: Batch) -> Iterable[Changed]:
        if any(event["kind"] == "bad" for event in batch.events):
            raise ValueError("bad on purpose")
        writer = batch.writer.id
        points = [
            {"writer": writer, "seq": seq, "series": series, "step": step, "time_us": when, "value": value}
            for series, seq, step, when, value in batch.iter_points()
        ]
        events = [
            {"writer": writer, "seq": event["seq"], "kind": event["kind"], "body": json.dumps(event)}
            for event in batch.events
        ]
        if points:
            connection.execute(sa.insert(POINTS), points)
        if events:
            connection.execute(sa.insert(EVENTS), events)
        return [Changed("writer", (writer,))]

    def writer_died(self, connection: sa.Connection, writer_id: str, time_us: int) -> Iterable[Changed]:
        connection.execute(sa.insert(DEATHS).values(writer=writer_id))
        return [Changed("writer", (writer_id,))]

    def writer_returned(self, connection: sa.Connection, writer_id: str) -> Iterable[Changed]:
        connection.execute(sa.delete(DEATHS).where(DEATHS.c.writer == writer_id))
        return [Changed("writer", (writer_id,))]


def open_notebook(url: str | Path, backups: Path, *, busy_timeout_seconds: float | None = None) -> Database:
    """A database with the tables of nbproof and of `Notebook`."""
    open_database(url, backup_dir=backups).close()
    database = (
        Database(url) if busy_timeout_seconds is None
        else Database(url, busy_timeout_seconds=busy_timeout_seconds)
    )  # fmt: skip
    with database.begin() as connection:
        _METADATA.create_all(connection)
    return database


def notebook_drain(folder: Path, database: Database, limit: int = 100_000) -> Drain:
    return Drain(folder, database, [Notebook()], clock=SystemClock(), limit=limit)


def new_writer(folder: Path, **options: object) -> JournalWriter:
    return JournalWriter(folder, clock=SystemClock(), **options)  # type: ignore[arg-type]  # passed on as given


def fork() -> int:
    """`os.fork`, also beside threads, of which Python 3.12 warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def read_all(folder: Path, limit: int = 100_000) -> list[Batch]:
    """All batches of all journals."""
    batches = []
    for identifier in writer_ids(folder):
        info = read_writer(folder / identifier)
        assert info is not None
        cursor = Cursor()
        while batch := read_batch(folder / identifier, info, cursor, limit):
            batches.append(batch)
            cursor = batch.cursor
    return batches


def all_points(folder: Path) -> list[tuple[int, int, int, int, float]]:
    return [point for batch in read_all(folder) for point in batch.iter_points()]


def all_values(folder: Path) -> list[float]:
    return [value for *_, value in all_points(folder)]


def all_events(folder: Path) -> list[dict[str, object]]:
    return [event for batch in read_all(folder) for event in batch.events]


def stored_values(database: Database) -> list[float]:
    with database.connect() as connection:
        return list(connection.scalars(sa.select(POINTS.c.value).order_by(POINTS.c.writer, POINTS.c.seq)))


def stored_kinds(database: Database) -> list[str]:
    with database.connect() as connection:
        return list(connection.scalars(sa.select(EVENTS.c.kind).order_by(EVENTS.c.writer, EVENTS.c.seq)))


def stored_deaths(database: Database) -> set[str]:
    with database.connect() as connection:
        return set(connection.scalars(sa.select(DEATHS.c.writer)))

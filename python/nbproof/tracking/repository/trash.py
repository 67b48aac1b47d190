"""Throwing runs and experiments away, bringing them back, and getting rid of them for good.

What is thrown away has ``deleted_us``: lists and searches leave it out, its names stay known.  All that one
call throws away has the same time, so that restoring a parent or an experiment brings back what went with it
and leaves what had been thrown away before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from nbproof.core.errors import Invalid
from nbproof.core.events import Changed
from nbproof.lineage.repository import forget_runs
from nbproof.storage.database import Database
from nbproof.storage.tables import WriterRow, table_of
from nbproof.tracking.repository.stored import (
    ARTIFACTS,
    ENVIRONMENTS,
    EXPERIMENTS,
    METRICS,
    PURGED,
    RUNS,
    SERIES,
    portions,
)
from nbproof.tracking.trash_models import Purged

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from nbproof.storage.journal.reader import Batch

__all__ = ["Leftovers", "Lineage", "TrashApplier", "TrashRepository", "purged_among"]

WRITERS = table_of(WriterRow)
_RUN_KINDS = frozenset({"run.delete", "run.restore"})
_EXPERIMENT_KINDS = frozenset({"experiment.delete", "experiment.restore"})


@dataclass(frozen=True, slots=True)
class Lineage:
    """A run as its place among others, and its life, matter to the trash."""

    id: str
    name: str
    status: str
    deleted_us: int | None
    detached: bool


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What `TrashRepository.forget_leftovers` removed."""

    series: int
    environments: int


class TrashApplier:
    """Applies what users throw away and bring back; follows `TrackingApplier`, which makes the rows."""

    kinds = _RUN_KINDS | _EXPERIMENT_KINDS | {"run.cancel"}

    def apply(self, connection: Connection, batch: Batch) -> Iterable[Changed]:
        """Write a batch; raises `Invalid` for an event that cannot be understood."""
        runs: dict[str, None] = {}
        experiments: dict[str, None] = {}
        for event in batch.events:
            kind, time_us = event.get("kind"), event.get("time")
            about = event.get("experiment" if kind in _EXPERIMENT_KINDS else "run")
            if not isinstance(about, str) or not isinstance(time_us, int):
                raise Invalid(f"an event {kind!r} names what it is about, and when", details={"event": event})
            if kind == "run.cancel":
                running = sa.and_(RUNS.c.id == about, RUNS.c.status == "running")
                connection.execute(sa.update(RUNS).where(running).values(cancel_us=time_us))
            elif kind in _RUN_KINDS:
                _mark(connection, RUNS, about, kind == "run.delete", time_us)
            else:
                _mark(connection, EXPERIMENTS, about, kind == "experiment.delete", time_us)
            (experiments if kind in _EXPERIMENT_KINDS else runs)[about] = None
        changes = [Changed("run", tuple(runs))] if runs else []
        if experiments or runs:
            changes.append(Changed("experiment", tuple(experiments or _experiments_of(connection, runs))))
        return changes

    def writer_died(self, connection: Connection, writer_id: str, time_us: int) -> Iterable[Changed]:
        """Nothing is left open here."""
        return []

    def writer_returned(self, connection: Connection, writer_id: str) -> Iterable[Changed]:
        """Nothing was settled here."""
        return []


def _mark(connection: Connection, table: Any, identifier: str, deleted: bool, time_us: int) -> None:
    statement = sa.update(table).where(table.c.id == identifier)
    if deleted:
        # Thrown away twice, the first time counts: that is what it goes with.
        statement = statement.where(table.c.deleted_us.is_(None)).values(deleted_us=time_us)
    else:
        statement = statement.where(table.c.deleted_us <= time_us).values(deleted_us=None)
    connection.execute(statement)


def _experiments_of(connection: Connection, runs: Iterable[str]) -> list[str]:
    found: set[str] = set()
    for some in portions(list(runs)):
        ids = sa.select(RUNS.c.experiment_id).where(RUNS.c.id.in_(some), RUNS.c.experiment_id.is_not(None))
        found |= set(connection.execute(ids).scalars())
    return sorted(found)


def purged_among(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Which of these runs are gone for good."""
    found: set[str] = set()
    for some in portions(list(ids)):
        found |= set(connection.execute(sa.select(PURGED.c.id).where(PURGED.c.id.in_(some))).scalars())
    return found


class TrashRepository:
    """What the rules of the trash ask the records.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def lineage(self, ids: Sequence[str]) -> list[Lineage]:
        """These runs and all that are nested in them, parents first."""
        with self._database.connect() as connection:
            found: dict[str, Lineage] = {}
            some = list(ids)
            while some:  # level by level: a ring, which only a forged journal could have, ends too
                found |= {run.id: run for run in _all(connection, RUNS.c.id, some)}
                nested = _all(connection, RUNS.c.parent_id, some)
                some = [run.id for run in nested if run.id not in found]
        return list(found.values())

    def of_experiment(self, experiment_id: str) -> list[Lineage]:
        """Every run of an experiment."""
        with self._database.connect() as connection:
            return _all(connection, RUNS.c.experiment_id, [experiment_id])

    def trash(self, before_us: int | None = None) -> list[Lineage]:
        """The runs in the trash, those thrown away before a time only where one is given."""
        statement = _SELECT.where(RUNS.c.deleted_us.is_not(None))
        if before_us is not None:
            statement = statement.where(RUNS.c.deleted_us <= before_us)
        with self._database.connect() as connection:
            return [_lineage(row) for row in connection.execute(statement.order_by(RUNS.c.id))]

    def purged(self, ids: Iterable[str]) -> set[str]:
        """Which of these runs are gone for good: what is said of them is put aside."""
        with self._database.connect() as connection:
            return purged_among(connection, ids)

    def purge(self, ids: Sequence[str], *, time_us: int, dry_run: bool) -> Purged:
        """Remove runs of the trash for good, and experiments of the trash that have no runs left.

        A run that was brought back meanwhile stays.
        """
        runs = points = artifacts = size = 0
        would_go: Counter[str] = Counter()  # of a dry run, by experiment
        with self._database.connect() if dry_run else self._database.begin() as connection:
            for some in portions(ids):
                doomed = list(
                    connection.execute(
                        sa.select(RUNS.c.id).where(RUNS.c.id.in_(some), RUNS.c.deleted_us.is_not(None))
                    ).scalars()
                )
                if not doomed:
                    continue
                if dry_run:
                    of_them = sa.select(RUNS.c.experiment_id).where(RUNS.c.id.in_(doomed))
                    would_go.update(connection.execute(of_them).scalars())
                runs += len(doomed)
                points += connection.execute(
                    sa.select(sa.func.coalesce(sa.func.sum(METRICS.c.count), 0)).where(
                        METRICS.c.run_id.in_(doomed)
                    )
                ).scalar_one()
                files, bytes_ = connection.execute(
                    sa.select(
                        sa.func.count(), sa.func.coalesce(sa.func.sum(ARTIFACTS.c.size_bytes), 0)
                    ).where(ARTIFACTS.c.run_id.in_(doomed))
                ).one()
                artifacts, size = artifacts + files, size + int(bytes_)
                if not dry_run:
                    connection.execute(
                        sa.insert(PURGED), [{"id": each, "purged_us": time_us} for each in doomed]
                    )
                    forget_runs(connection, doomed)
                    # What belongs to them goes by the foreign keys.
                    connection.execute(sa.delete(RUNS).where(RUNS.c.id.in_(doomed)))
                    connection.execute(sa.delete(SERIES).where(SERIES.c.run_id.in_(doomed)))
            left = (
                sa.select(EXPERIMENTS.c.id, sa.func.count(RUNS.c.id))
                .select_from(EXPERIMENTS)
                .outerjoin(RUNS, RUNS.c.experiment_id == EXPERIMENTS.c.id)
                .where(EXPERIMENTS.c.deleted_us.is_not(None))
                .group_by(EXPERIMENTS.c.id)
            )
            experiments = [each for each, count in connection.execute(left) if count == would_go[each]]
            if not dry_run:
                for some in portions(experiments):
                    connection.execute(sa.delete(EXPERIMENTS).where(EXPERIMENTS.c.id.in_(some)))
        return Purged(
            runs=runs,
            experiments=len(experiments),
            points=int(points),
            artifacts=artifacts,
            artifact_bytes=size,
            dry_run=dry_run,
        )

    def forget_leftovers(self, *, dry_run: bool) -> Leftovers:
        """Remove what purged runs left behind, and environments that no run has.

        Words on the metrics of a purged run are needed while its process may still write to it.  A process
        tells an environment whole only once; so environments go only when no process is writing.
        """
        gone = sa.exists().where(PURGED.c.id == SERIES.c.run_id)
        writing = sa.exists().where(WRITERS.c.id == SERIES.c.writer_id, WRITERS.c.ended_us.is_(None))
        late = sa.and_(gone, ~writing)
        unused = ~sa.exists().where(RUNS.c.environment == ENVIRONMENTS.c.hash)
        with self._database.connect() if dry_run else self._database.begin() as connection:
            if not dry_run and connection.dialect.name == "postgresql":
                # Who is just bringing in a run of an environment is waited for, and waits.
                connection.exec_driver_sql("LOCK TABLE environments IN SHARE ROW EXCLUSIVE MODE")
            series = _count(connection, SERIES, late)
            any_writer = sa.select(WRITERS.c.id).where(WRITERS.c.ended_us.is_(None)).limit(1)
            busy = connection.execute(any_writer).first() is not None
            environments = 0 if busy else _count(connection, ENVIRONMENTS, unused)
            if series and not dry_run:
                connection.execute(sa.delete(SERIES).where(late))
            if environments and not dry_run:
                connection.execute(sa.delete(ENVIRONMENTS).where(unused))
        return Leftovers(series, environments)


def _count(connection: Connection, table: Any, which: Any) -> int:
    found: int = connection.execute(sa.select(sa.func.count()).select_from(table).where(which)).scalar_one()
    return found


_SELECT = sa.select(RUNS.c.id, RUNS.c.name, RUNS.c.status, RUNS.c.deleted_us, RUNS.c.writer_id)


def _all(connection: Connection, column: Any, values: Sequence[str]) -> list[Lineage]:
    return [
        _lineage(row)
        for some in portions(values)
        for row in connection.execute(_SELECT.where(column.in_(some)).order_by(RUNS.c.id))
    ]


def _lineage(row: Any) -> Lineage:
    return Lineage(row.id, row.name, row.status, row.deleted_us, row.writer_id is None)

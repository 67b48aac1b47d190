"""The records of jobs.  Every change of hands is a compare-and-set: of several takers one succeeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from nbproof.core.errors import Conflict, NotFound
from nbproof.jobs.domain import JobRecord
from nbproof.jobs.tables import JobRow
from nbproof.storage.database import Database
from nbproof.storage.journal.process import Process
from nbproof.storage.tables import table_of

__all__ = ["JobRepository"]

_JOBS = table_of(JobRow)


class JobRepository:
    """Jobs as recorded.

    Laws: safe from any thread and beside other processes; a job has one owner at a time, and what an owner
    who lost it writes changes nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job: JobRecord) -> None:
        """Keep a new job."""
        values = {each.name: getattr(job, each.name) for each in dataclasses.fields(job)}
        values["owner"] = None if job.owner is None else dataclasses.asdict(job.owner)
        with self._database.begin() as connection:
            connection.execute(sa.insert(_JOBS), values)

    def get(self, reference: str) -> JobRecord:
        """The job of an id, or of the last 6 digits of one.

        Raises
        ------
        NotFound
        Conflict
            The digits are those of several jobs.
        """
        wanted = _JOBS.c.id == reference
        if len(reference) == 6 and reference.isalnum():
            wanted = sa.or_(wanted, _JOBS.c.id.like(f"%{reference}"))
        with self._database.connect() as connection:
            rows = connection.execute(sa.select(_JOBS).where(wanted).limit(20)).mappings().all()
        if not rows:
            raise NotFound(f"no job {reference!r}", hint="list them with: nbproof jobs list")
        if len(rows) > 1:
            raise Conflict(
                f"{len(rows)} jobs end in {reference!r}",
                hint="use the whole id",
                details={"candidates": [{"id": row["id"], "kind": row["kind"]} for row in rows]},
            )
        return _record(rows[0])

    def newest(
        self, *, status: str | None = None, limit: int, before: tuple[int, str] | None = None
    ) -> list[JobRecord]:
        """Jobs, newest first, below a place ``(created_us, id)``."""
        statement = sa.select(_JOBS).order_by(_JOBS.c.created_us.desc(), _JOBS.c.id.desc()).limit(limit)
        if status is not None:
            statement = statement.where(_JOBS.c.status == status)
        if before is not None:
            statement = statement.where(sa.tuple_(_JOBS.c.created_us, _JOBS.c.id) < before)
        with self._database.connect() as connection:
            return [_record(row) for row in connection.execute(statement).mappings()]

    def unfinished(self) -> list[JobRecord]:
        """Jobs that are queued or running, oldest first."""
        statement = (
            sa.select(_JOBS)
            .where(_JOBS.c.status.in_(("queued", "running")))
            .order_by(_JOBS.c.created_us, _JOBS.c.id)
        )
        with self._database.connect() as connection:
            return [_record(row) for row in connection.execute(statement).mappings()]

    def claim(self, job: JobRecord, owner_id: str, owner: Process, *, now_us: int, lease_us: int) -> bool:
        """Take a queued job to run it; False if another was faster, or it was cancelled."""
        return self._change(
            job,
            status="running",
            owner_id=owner_id,
            owner=dataclasses.asdict(owner),
            lease_us=lease_us,
            started_us=now_us,
            attempt=job.attempt + 1,
            progress=None,
            message=None,
        )

    def release(self, job: JobRecord) -> bool:
        """Put a job back into the queue, for anyone."""
        return self._change(job, status="queued", owner_id=None, owner=None, lease_us=None)

    def settle(self, job: JobRecord, status: str, *, now_us: int, error: Any = None) -> bool:
        """End a job that nobody runs; False if it changed hands meanwhile."""
        return self._change(job, status=status, ended_us=now_us, error=error, lease_us=None)

    def ask_to_cancel(self, identifier: str) -> None:
        """Leave word for whoever runs a job."""
        with self._database.begin() as connection:
            connection.execute(
                sa.update(_JOBS)
                .where(_JOBS.c.id == identifier, _JOBS.c.status == "running")
                .values(cancel_asked=True)
            )

    def report(self, identifier: str, owner_id: str, attempt: int, values: Mapping[str, Any]) -> bool:
        """Write progress or the end of a job as its owner; False if it is no longer that."""
        with self._database.begin() as connection:
            changed = connection.execute(
                sa.update(_JOBS)
                .where(
                    _JOBS.c.id == identifier,
                    _JOBS.c.owner_id == owner_id,
                    _JOBS.c.attempt == attempt,
                    _JOBS.c.status == "running",
                )
                .values(dict(values))
            )
        return bool(changed.rowcount == 1)

    def heartbeat(self, owner_id: str, ids: Sequence[str], *, lease_us: int) -> dict[str, bool]:
        """Renew the leases of jobs; tells of each that is still the owner's whether it shall be cancelled."""
        own = sa.and_(_JOBS.c.id.in_(ids), _JOBS.c.owner_id == owner_id, _JOBS.c.status == "running")
        with self._database.begin() as connection:
            connection.execute(sa.update(_JOBS).where(own).values(lease_us=lease_us))
            rows = connection.execute(sa.select(_JOBS.c.id, _JOBS.c.cancel_asked).where(own)).all()
        return {row.id: bool(row.cancel_asked) for row in rows}

    def _change(self, job: JobRecord, **values: Any) -> bool:
        same_owner = _JOBS.c.owner_id.is_(None) if job.owner_id is None else _JOBS.c.owner_id == job.owner_id
        with self._database.begin() as connection:
            changed = connection.execute(
                sa.update(_JOBS)
                .where(
                    _JOBS.c.id == job.id,
                    _JOBS.c.status == job.status,
                    _JOBS.c.attempt == job.attempt,
                    same_owner,
                )
                .values(values)
            )
        return bool(changed.rowcount == 1)


def _record(row: Mapping[Any, Any]) -> JobRecord:
    values = {each.name: row[each.name] for each in dataclasses.fields(JobRecord)}
    values["owner"] = None if row["owner"] is None else Process(**row["owner"])
    return JobRecord(**values)

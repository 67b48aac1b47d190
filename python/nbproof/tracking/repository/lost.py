"""Runs of writers whose machine went silent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from nbproof.core.events import Changed
from nbproof.tracking.repository.stored import RUNS

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["LostRuns"]


class LostRuns:
    """Interrupts the runs of a lost writer, and lets them go on when it is seen again."""

    def writer_lost(self, connection: Connection, writer_id: str, time_us: int) -> Iterable[Changed]:
        """Mark its live runs interrupted, ended at their last sign of life."""
        live = sa.and_(RUNS.c.writer_id == writer_id, RUNS.c.status == "running")
        ids = connection.execute(sa.select(RUNS.c.id).where(live).order_by(RUNS.c.id)).scalars().all()
        if not ids:
            return []
        last = sa.case((RUNS.c.active_us > RUNS.c.started_us, RUNS.c.active_us), else_=RUNS.c.started_us)
        connection.execute(
            sa.update(RUNS).where(live).values(status="interrupted", ended_us=last, lost_us=time_us)
        )
        return [Changed("run", tuple(ids))]

    def writers_returned(self, connection: Connection, writer_ids: Sequence[str]) -> Iterable[Changed]:
        """Let the runs that they lost go on, but for those that were ended or resumed meanwhile."""
        lost = sa.and_(RUNS.c.writer_id.in_(writer_ids), RUNS.c.lost_us.is_not(None))
        ids = connection.execute(sa.select(RUNS.c.id).where(lost).order_by(RUNS.c.id)).scalars().all()
        if not ids:
            return []
        connection.execute(sa.update(RUNS).where(lost).values(status="running", ended_us=None, lost_us=None))
        return [Changed("run", tuple(ids))]

"""The table of jobs."""

from __future__ import annotations

from sqlalchemy import Boolean, Double, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from nbproof.storage.tables import Base, Id, InstantUs, Json, Name, Prose

__all__ = ["JobRow"]


class JobRow(Base):
    """A piece of long work, and the process that does it."""

    __tablename__ = "jobs"

    id: Mapped[Id] = mapped_column(primary_key=True)
    kind: Mapped[Name]
    ask: Mapped[Json] = mapped_column(nullable=False)
    status: Mapped[Name]
    progress: Mapped[float | None] = mapped_column(Double)
    message: Mapped[Prose | None]
    result: Mapped[Json | None]
    error: Mapped[Json | None]
    created_us: Mapped[InstantUs]
    started_us: Mapped[InstantUs | None]
    ended_us: Mapped[InstantUs | None]
    cancel_asked: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    restartable: Mapped[bool] = mapped_column(Boolean)  # may be run anew if its process dies
    attempt: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    # Who runs it, and until when that may be believed without asking.
    owner_id: Mapped[Id | None]
    owner: Mapped[Json | None]
    lease_us: Mapped[InstantUs | None]

    __table_args__ = (
        Index("ix_jobs_status_created_us", "status", "created_us"),
        Index("ix_jobs_created_us_id", "created_us", "id"),
    )

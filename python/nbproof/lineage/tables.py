"""The table of lineage."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from nbproof.storage.tables import Base, Id, InstantUs, Json, Name, Prose

__all__ = ["LineageRow"]

_GIVEN = text("run_id IS NOT NULL")


class LineageRow(Base):
    """An edge: the target came of the source.

    Keys are numbers made of kind and id, because an id may be as long as a path.
    """

    __tablename__ = "data_lineage"

    source_key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    target_key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    relation: Mapped[Name] = mapped_column(primary_key=True)
    source_kind: Mapped[Name]
    source_id: Mapped[Name]
    target_kind: Mapped[Name]
    target_id: Mapped[Name]
    label: Mapped[Prose | None]
    code: Mapped[Prose | None]
    details: Mapped[Json | None]
    run_id: Mapped[Id | None]  # in which it came about; no foreign keys: it may be drained later
    cell_id: Mapped[Id | None]
    created_us: Mapped[InstantUs]
    last_us: Mapped[InstantUs]

    __table_args__ = (
        Index("ix_data_lineage_target_key_source_key", "target_key", "source_key"),
        Index("ix_data_lineage_run_id", "run_id", sqlite_where=_GIVEN, postgresql_where=_GIVEN),
    )

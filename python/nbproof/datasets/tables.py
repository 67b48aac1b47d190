"""The tables of datasets."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nbproof.storage.tables import Base, Blob, Count, Id, InstantUs, Json, Name, Prose

__all__ = ["DatasetAliasRow", "DatasetRow", "DatasetSlabRow", "DatasetVersionRow", "DriftReportRow"]


class DatasetRow(Base):
    """A name, and what holds for all of its versions."""

    __tablename__ = "datasets"

    id: Mapped[Id] = mapped_column(primary_key=True)
    name: Mapped[Name] = mapped_column(unique=True)
    description: Mapped[Prose | None]
    contract: Mapped[Json | None]
    created_us: Mapped[InstantUs]
    last_version: Mapped[int] = mapped_column(Integer)  # numbers are not given twice


class DatasetVersionRow(Base):
    """One state of a dataset."""

    __tablename__ = "dataset_versions"
    __table_args__ = (
        UniqueConstraint("dataset_id", "version"),
        Index("ix_dataset_versions_digest", "digest"),
        Index("ix_dataset_versions_created_us_id", "created_us", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    dataset_id: Mapped[Id] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    version: Mapped[int] = mapped_column(Integer)
    kind: Mapped[Name]
    digest: Mapped[Name]  # BLAKE3 of the manifest, which says what the content is
    manifest: Mapped[Name | None]  # where it is; none of what was forgotten
    profile: Mapped[Name | None]  # where the profiles of the columns are
    rows: Mapped[int | None] = mapped_column(BigInteger)
    columns: Mapped[int | None] = mapped_column(Integer)
    files: Mapped[int | None] = mapped_column(BigInteger)
    size_bytes: Mapped[Count]
    new_bytes: Mapped[Count]  # what the packs grew by
    fields: Mapped[Json | None]  # names and types of the columns
    description: Mapped[Prose | None]
    tags: Mapped[Json | None]
    source: Mapped[Prose | None]  # the path or address that it was read from
    reference: Mapped[Json | None]  # where content stays that was not copied
    breaches: Mapped[Json | None]  # of the contract, when it was registered
    run_id: Mapped[Id | None]
    created_us: Mapped[InstantUs]
    deleted_us: Mapped[InstantUs | None]
    forgotten_us: Mapped[InstantUs | None]


class DatasetAliasRow(Base):
    """A name for one version of a dataset, which moves."""

    __tablename__ = "dataset_aliases"

    dataset_id: Mapped[Id] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[Name] = mapped_column(primary_key=True)
    version_id: Mapped[Id] = mapped_column(ForeignKey("dataset_versions.id", ondelete="CASCADE"))
    set_us: Mapped[InstantUs]


class DatasetSlabRow(Base):
    """A stretch of a column that was encoded before: what is the same again is not even looked at.

    A help that may be lost.
    """

    __tablename__ = "dataset_slabs"
    __table_args__ = ({"sqlite_with_rowid": False},)

    fingerprint: Mapped[Blob] = mapped_column(primary_key=True)
    object: Mapped[Name]  # where it is; not called location, because it keeps nothing from being garbage
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    profile: Mapped[Blob]  # JSON, compressed


class DriftReportRow(Base):
    """What was found when two tables were compared; of two versions one report for each way of asking."""

    __tablename__ = "drift_reports"
    __table_args__ = (
        UniqueConstraint("reference_id", "current_id", "asked"),
        Index("ix_drift_reports_current_id", "current_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    reference_id: Mapped[Id | None]  # of the version; none of a frame
    current_id: Mapped[Id | None]
    asked: Mapped[Name]  # which columns, and whether exactly
    reference: Mapped[Prose]  # as people call it
    current: Mapped[Prose]
    severity: Mapped[Name]
    report: Mapped[Blob]  # JSON, compressed
    run_id: Mapped[Id | None]
    created_us: Mapped[InstantUs]

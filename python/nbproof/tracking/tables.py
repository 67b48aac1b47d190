"""The tables of tracking.

A metric has one row in ``metrics`` (what lists and searches need) and its points in ``metric_chunks``
(what charts need), packed by `nbproof.tracking.points`.  The newest few points, or all of a metric that has
no more, stand in the row itself: most metrics of most runs are logged once.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Double, ForeignKey, Index, Integer, SmallInteger, false, text
from sqlalchemy.orm import Mapped, mapped_column

from nbproof.storage.tables import Base, Blob, Count, Id, InstantUs, Json, Name, Prose

__all__ = [
    "ArtifactRow",
    "ArtifactVersionRow",
    "EnvironmentPackageRow",
    "EnvironmentRow",
    "ExperimentRow",
    "MetricChunkRow",
    "MetricRow",
    "MetricSeriesRow",
    "ParamHistoryRow",
    "ParamRow",
    "PurgedRunRow",
    "RunRow",
    "SavedSearchRow",
    "TagRow",
]

# Rows that are found by their key only are kept in the key's own tree: half the pages on SQLite.
_BY_KEY = {"sqlite_with_rowid": False}


def _where_set(column: str) -> Index:
    """An index of the few runs that have a value there."""
    given = text(f"{column} IS NOT NULL")
    return Index(f"ix_runs_{column}", column, sqlite_where=given, postgresql_where=given)


class ExperimentRow(Base):
    """A series of runs about one question."""

    __tablename__ = "experiments"

    id: Mapped[Id] = mapped_column(primary_key=True)
    name: Mapped[Name] = mapped_column(unique=True)
    description: Mapped[Prose | None]
    tags: Mapped[Json] = mapped_column(nullable=False)
    created_us: Mapped[InstantUs]
    deleted_us: Mapped[InstantUs | None]  # in the trash since


class RunRow(Base):
    """A run.  Without an experiment it is a promise: its values arrived before its start did."""

    __tablename__ = "runs"

    id: Mapped[Id] = mapped_column(primary_key=True)
    ending: Mapped[Name]  # last 6 digits of the id, by which people call it
    name: Mapped[Name]
    experiment_id: Mapped[Id | None] = mapped_column(ForeignKey("experiments.id"))
    status: Mapped[Name]
    started_us: Mapped[InstantUs]
    ended_us: Mapped[InstantUs | None]
    resumed_us: Mapped[InstantUs | None]
    active_us: Mapped[InstantUs]  # time of the newest record
    parent_id: Mapped[Id | None]  # no foreign key: a child may be drained before its parent
    notes: Mapped[Prose | None]
    user: Mapped[Prose | None] = mapped_column("user_name")  # USER is a reserved word
    host: Mapped[Prose | None]
    source: Mapped[Prose | None]
    python: Mapped[Prose | None]
    nbproof: Mapped[Prose | None]
    git_commit: Mapped[Prose | None]
    git_branch: Mapped[Prose | None]
    git_dirty: Mapped[bool | None] = mapped_column(Boolean)
    code: Mapped[Prose | None]
    writer_id: Mapped[Id | None]  # the process in whose hands it is
    newest_metric: Mapped[Prose | None]
    group_name: Mapped[Name | None]  # GROUP is a reserved word
    cancel_us: Mapped[InstantUs | None]  # when somebody asked it to stop
    deleted_us: Mapped[InstantUs | None]  # in the trash since
    git_remote: Mapped[Prose | None]
    entry: Mapped[Prose | None]
    command: Mapped[Prose | None]
    environment: Mapped[Name | None]  # its hash; no foreign key: it may be drained later
    os: Mapped[Prose | None]
    gpu: Mapped[Prose | None]
    redacted: Mapped[Count]

    __table_args__ = (
        Index("ix_runs_ending", "ending"),
        Index("ix_runs_name", "name"),
        Index("ix_runs_parent_id", "parent_id"),
        Index("ix_runs_experiment_id_active_us", "experiment_id", "active_us"),
        Index("ix_runs_writer_id_status", "writer_id", "status"),
        Index("ix_runs_started_us_id", "started_us", "id"),
        Index("ix_runs_experiment_id_started_us_id", "experiment_id", "started_us", "id"),
        Index("ix_runs_experiment_id_deleted_us_active_us", "experiment_id", "deleted_us", "active_us"),
        _where_set("group_name"),
        _where_set("deleted_us"),
    )


class PurgedRunRow(Base):
    """A run that is gone for good: what is still written to it is put aside, and makes no new run."""

    __tablename__ = "purged_runs"

    id: Mapped[Id] = mapped_column(primary_key=True)
    purged_us: Mapped[InstantUs]

    __table_args__ = (_BY_KEY,)


class EnvironmentRow(Base):
    """An environment, kept once under the hash of its facts however many runs had it."""

    __tablename__ = "environments"

    hash: Mapped[Name] = mapped_column(primary_key=True)
    python: Mapped[Prose | None]
    facts: Mapped[Json] = mapped_column(nullable=False)
    created_us: Mapped[InstantUs]


class EnvironmentPackageRow(Base):
    """A package of an environment, for searches."""

    __tablename__ = "environment_packages"

    environment: Mapped[Name] = mapped_column(
        ForeignKey("environments.hash", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[Name] = mapped_column(primary_key=True)
    version: Mapped[Name]

    __table_args__ = (Index("ix_environment_packages_name_version", "name", "version"), _BY_KEY)


def _of_run() -> Mapped[str]:
    return mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)


class ParamRow(Base):
    """The value of a param that counts: the one given last."""

    __tablename__ = "params"

    run_id: Mapped[Id] = _of_run()
    key: Mapped[Name] = mapped_column(primary_key=True)
    value: Mapped[Json]
    text: Mapped[Name]  # how it reads, for comparisons
    number: Mapped[float | None] = mapped_column(Double)  # where it is one, for comparisons
    time_us: Mapped[InstantUs]
    start: Mapped[Name | None]  # of the text, where it is no number: short enough for an index

    __table_args__ = (
        Index("ix_params_key_run_id", "key", "run_id"),
        Index("ix_params_key_number_start_run_id", "key", "number", "start", "run_id"),
        _BY_KEY,
    )


class ParamHistoryRow(Base):
    """A value of a param that another one took the place of."""

    __tablename__ = "param_history"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    run_id: Mapped[Id] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    key: Mapped[Name]
    value: Mapped[Json]
    time_us: Mapped[InstantUs]

    __table_args__ = (Index("ix_param_history_run_id_key", "run_id", "key"),)


class TagRow(Base):
    """A tag of a run."""

    __tablename__ = "tags"

    run_id: Mapped[Id] = _of_run()
    key: Mapped[Name] = mapped_column(primary_key=True)
    value: Mapped[Prose]
    time_us: Mapped[InstantUs]

    __table_args__ = (Index("ix_tags_key_run_id", "key", "run_id"), _BY_KEY)


class SavedSearchRow(Base):
    """A search under a name.  One that was deleted stays: an older save, drained late, does not undo it."""

    __tablename__ = "saved_searches"

    name: Mapped[Name] = mapped_column(primary_key=True)
    query: Mapped[Prose]
    time_us: Mapped[InstantUs]
    deleted: Mapped[bool] = mapped_column(Boolean, server_default=false())


class ArtifactRow(Base):
    """The version of an artifact that shows: the one logged last."""

    __tablename__ = "artifacts"

    run_id: Mapped[Id] = _of_run()
    name: Mapped[Name] = mapped_column(primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[Prose]
    hash: Mapped[Prose]
    location: Mapped[Prose]
    created_us: Mapped[InstantUs]
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    kind: Mapped[Prose | None]  # NULL: what the media type says
    step: Mapped[int | None] = mapped_column(BigInteger)
    facts: Mapped[Json | None] = mapped_column("metadata")  # SQLAlchemy keeps the attribute for itself
    reference: Mapped[Prose | None]  # where the content is, if it is not in the store

    __table_args__ = (
        Index("ix_artifacts_hash", "hash"),
        Index(
            "ix_artifacts_run_id_reference",
            "run_id",
            sqlite_where=text("reference IS NOT NULL"),
            postgresql_where=text("reference IS NOT NULL"),
        ),
        _BY_KEY,
    )


class ArtifactVersionRow(Base):
    """Every version of every artifact; the bytes are in the content store.  Numbers are never given twice."""

    __tablename__ = "artifact_versions"

    run_id: Mapped[Id] = _of_run()
    name: Mapped[Name] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[Prose]
    hash: Mapped[Prose]
    location: Mapped[Prose]
    created_us: Mapped[InstantUs]
    kind: Mapped[Prose | None]
    step: Mapped[int | None] = mapped_column(BigInteger)
    facts: Mapped[Json | None] = mapped_column("metadata")
    reference: Mapped[Prose | None]
    preview: Mapped[Json | None]  # what was told at the logging: the head of a table, a histogram
    deleted_us: Mapped[InstantUs | None]  # nobody is shown it; its content goes with the next gc

    __table_args__ = (Index("ix_artifact_versions_hash", "hash"),)


class MetricRow(Base):
    """The state of one metric of a run.  ``value`` is NULL where ``special`` names NaN or an infinity.

    ``best`` is the least value of a loss or an error and the greatest of anything else.
    """

    __tablename__ = "metrics"

    run_id: Mapped[Id] = _of_run()
    name: Mapped[Name] = mapped_column(primary_key=True)
    value: Mapped[float | None] = mapped_column(Double)
    special: Mapped[int | None] = mapped_column(SmallInteger)
    step: Mapped[int] = mapped_column(BigInteger)
    time_us: Mapped[InstantUs]
    min: Mapped[float | None] = mapped_column(Double)
    max: Mapped[float | None] = mapped_column(Double)
    count: Mapped[Count]
    spark: Mapped[Json] = mapped_column(nullable=False)
    best: Mapped[float | None] = mapped_column(Double)
    best_step: Mapped[int | None] = mapped_column(BigInteger)
    tail: Mapped[Blob | None]  # points behind those of the chunks

    __table_args__ = (
        Index("ix_metrics_name_value_run_id", "name", "value", "run_id"),
        Index("ix_metrics_name_best_run_id", "name", "best", "run_id"),
        _BY_KEY,
    )


class MetricChunkRow(Base):
    """Up to 4,096 points of one metric; all chunks but the last are full.

    Steps, times and values lie between the bounds given, NaN left out; where steps rise, the first and the
    last step are those logged first and last.  A full chunk has an outline: a few of its points that draw the
    same line.  Chunks of before there were bounds and outlines have none.
    """

    __tablename__ = "metric_chunks"

    run_id: Mapped[Id] = _of_run()
    name: Mapped[Name] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(Integer)
    blob: Mapped[Blob]
    first_step: Mapped[int | None] = mapped_column(BigInteger)
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    first_us: Mapped[InstantUs | None]
    last_us: Mapped[InstantUs | None]
    min: Mapped[float | None] = mapped_column(Double)
    max: Mapped[float | None] = mapped_column(Double)
    outline: Mapped[Blob | None]


class MetricSeriesRow(Base):
    """What a number in a writer's point records stands for."""

    __tablename__ = "metric_series"

    writer_id: Mapped[Id] = mapped_column(primary_key=True)
    series: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    run_id: Mapped[Id]
    name: Mapped[Name]

    __table_args__ = (_BY_KEY,)

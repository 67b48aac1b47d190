"""Every table of the first release.

Existing rows: there are none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _storage()
    _tracking()
    _jobs()


# Spelled out here rather than imported: the tables of tomorrow must not change this step of yesterday.
def _id() -> sa.types.TypeEngine[str]:
    return sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")


def _name() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _run_id(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("run_id", _id(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=f"fk_{table}_run_id_runs", ondelete="CASCADE"),
    ]


def _storage() -> None:
    op.create_table(
        "workspace_meta",
        sa.Column("key", _name(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_workspace_meta"),
    )
    op.create_table(
        "writers",
        sa.Column("id", _id(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("pid_started", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("drained", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cursor", sa.Text()),
        sa.Column("points", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("events", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("bad", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rejected", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("ended_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_writers"),
    )


def _tracking() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", _id(), nullable=False),
        sa.Column("name", _name(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_experiments"),
        sa.UniqueConstraint("name", name="uq_experiments_name"),
    )
    op.create_table(
        "runs",
        sa.Column("id", _id(), nullable=False),
        sa.Column("ending", _name(), nullable=False),
        sa.Column("name", _name(), nullable=False),
        sa.Column("experiment_id", _id()),
        sa.Column("status", _name(), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger()),
        sa.Column("resumed_us", sa.BigInteger()),
        sa.Column("active_us", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", _id()),
        sa.Column("notes", sa.Text()),
        sa.Column("user_name", sa.Text()),
        sa.Column("host", sa.Text()),
        sa.Column("source", sa.Text()),
        sa.Column("python", sa.Text()),
        sa.Column("nbproof", sa.Text()),
        sa.Column("git_commit", sa.Text()),
        sa.Column("git_branch", sa.Text()),
        sa.Column("git_dirty", sa.Boolean()),
        sa.Column("code", sa.Text()),
        sa.Column("writer_id", _id()),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name="fk_runs_experiment_id_experiments"
        ),
    )
    op.create_index("ix_runs_ending", "runs", ["ending"])
    op.create_index("ix_runs_name", "runs", ["name"])
    op.create_index("ix_runs_parent_id", "runs", ["parent_id"])
    op.create_index("ix_runs_experiment_id_active_us", "runs", ["experiment_id", "active_us"])
    op.create_index("ix_runs_writer_id_status", "runs", ["writer_id", "status"])
    op.create_index("ix_runs_started_us_id", "runs", ["started_us", "id"])
    op.create_index("ix_runs_experiment_id_started_us_id", "runs", ["experiment_id", "started_us", "id"])
    op.create_table(
        "params",
        *_run_id("params"),
        sa.Column("key", _name(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("text", _name(), nullable=False),
        sa.Column("number", sa.Double()),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "key", name="pk_params"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_params_key_run_id", "params", ["key", "run_id"])
    op.create_table(
        "param_history",
        sa.Column("id", sa.Integer(), nullable=False),
        *_run_id("param_history"),
        sa.Column("key", _name(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_param_history"),
    )
    op.create_index("ix_param_history_run_id_key", "param_history", ["run_id", "key"])
    op.create_table(
        "tags",
        *_run_id("tags"),
        sa.Column("key", _name(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "key", name="pk_tags"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tags_key_run_id", "tags", ["key", "run_id"])
    op.create_table(
        "artifacts",
        *_run_id("artifacts"),
        sa.Column("name", _name(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "name", name="pk_artifacts"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_artifacts_hash", "artifacts", ["hash"])
    op.create_table(
        "metrics",
        *_run_id("metrics"),
        sa.Column("name", _name(), nullable=False),
        sa.Column("value", sa.Double()),
        sa.Column("special", sa.SmallInteger()),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("min", sa.Double()),
        sa.Column("max", sa.Double()),
        sa.Column("count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("spark", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "name", name="pk_metrics"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_metrics_name_value_run_id", "metrics", ["name", "value", "run_id"])
    op.create_table(
        "metric_chunks",
        *_run_id("metric_chunks"),
        sa.Column("name", _name(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "name", "seq", name="pk_metric_chunks"),
    )
    op.create_table(
        "metric_series",
        sa.Column("writer_id", _id(), nullable=False),
        sa.Column("series", sa.BigInteger(), nullable=False),
        sa.Column("run_id", _id(), nullable=False),
        sa.Column("name", _name(), nullable=False),
        sa.PrimaryKeyConstraint("writer_id", "series", name="pk_metric_series"),
        sqlite_with_rowid=False,
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _id(), nullable=False),
        sa.Column("kind", _name(), nullable=False),
        sa.Column("ask", sa.Text(), nullable=False),
        sa.Column("status", _name(), nullable=False),
        sa.Column("progress", sa.Double()),
        sa.Column("message", sa.Text()),
        sa.Column("result", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("started_us", sa.BigInteger()),
        sa.Column("ended_us", sa.BigInteger()),
        sa.Column("cancel_asked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("restartable", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("owner_id", _id()),
        sa.Column("owner", sa.Text()),
        sa.Column("lease_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_status_created_us", "jobs", ["status", "created_us"])
    op.create_index("ix_jobs_created_us_id", "jobs", ["created_us", "id"])

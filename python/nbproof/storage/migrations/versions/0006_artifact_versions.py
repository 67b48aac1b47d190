"""Artifacts have versions, a kind, a step, metadata and a preview, and may be references.

``artifacts`` keeps what it had: the version that shows.  ``artifact_versions`` has every version.

Existing rows: each artifact becomes version 1 of itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("step", sa.BigInteger(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
    ):
        op.add_column("artifacts", column)
    identifier = sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")
    name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "artifact_versions",
        sa.Column("run_id", identifier, nullable=False),
        sa.Column("name", name, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text()),
        sa.Column("step", sa.BigInteger()),
        sa.Column("metadata", sa.Text()),
        sa.Column("reference", sa.Text()),
        sa.Column("preview", sa.Text()),
        sa.Column("deleted_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("run_id", "name", "version", name="pk_artifact_versions"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="fk_artifact_versions_run_id_runs", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_artifact_versions_hash", "artifact_versions", ["hash"])
    columns = "run_id, name, version, size_bytes, media_type, hash, location, created_us"
    op.execute(f"INSERT INTO artifact_versions ({columns}) SELECT {columns} FROM artifacts")

"""Edges of lineage, and an index of the artifacts that are references.

Existing rows: they stay as they are; lineage begins empty.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _name() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _id() -> sa.types.TypeEngine[str]:
    return sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")


def _where(index: str, table: str, column: str, given: str) -> None:
    where = sa.text(f"{given} IS NOT NULL")
    op.create_index(index, table, [column], sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    op.create_table(
        "data_lineage",
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("target_key", sa.BigInteger(), nullable=False),
        sa.Column("relation", _name(), nullable=False),
        sa.Column("source_kind", _name(), nullable=False),
        sa.Column("source_id", _name(), nullable=False),
        sa.Column("target_kind", _name(), nullable=False),
        sa.Column("target_id", _name(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("run_id", _id(), nullable=True),
        sa.Column("cell_id", _id(), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source_key", "target_key", "relation", name="pk_data_lineage"),
    )
    op.create_index("ix_data_lineage_target_key_source_key", "data_lineage", ["target_key", "source_key"])
    _where("ix_data_lineage_run_id", "data_lineage", "run_id", "run_id")
    _where("ix_artifacts_run_id_reference", "artifacts", "run_id", "reference")

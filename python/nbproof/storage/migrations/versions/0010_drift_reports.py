"""Drift reports: what was found when two dataset versions were compared.

Existing rows: they stay as they are; there are no reports yet.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[str]:
    return sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")


def _name() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "drift_reports",
        sa.Column("id", _id(), nullable=False),
        sa.Column("reference_id", _id(), nullable=True),
        sa.Column("current_id", _id(), nullable=True),
        sa.Column("asked", _name(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("current", sa.Text(), nullable=False),
        sa.Column("severity", _name(), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.Column("run_id", _id(), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drift_reports"),
        sa.UniqueConstraint(
            "reference_id", "current_id", "asked", name="uq_drift_reports_reference_id_current_id_asked"
        ),
    )
    op.create_index("ix_drift_reports_current_id", "drift_reports", ["current_id"])

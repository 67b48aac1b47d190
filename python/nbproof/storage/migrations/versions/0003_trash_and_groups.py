"""Runs have a group, and can be cancelled, thrown away, brought back and purged.

Existing rows: none is in the trash, in a group, or asked to cancel.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("runs", sa.Column("group_name", name, nullable=True))
    op.add_column("runs", sa.Column("cancel_us", sa.BigInteger(), nullable=True))
    op.add_column("runs", sa.Column("deleted_us", sa.BigInteger(), nullable=True))
    op.add_column("experiments", sa.Column("deleted_us", sa.BigInteger(), nullable=True))
    op.add_column("writers", sa.Column("seen_us", sa.BigInteger(), nullable=True))
    # Few runs are in a group or in the trash: the indexes hold these few.
    for column in ("group_name", "deleted_us"):
        op.create_index(
            f"ix_runs_{column}",
            "runs",
            [column],
            sqlite_where=sa.text(f"{column} IS NOT NULL"),
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )
    # Counting the runs of every experiment reads this index alone.
    op.create_index(
        "ix_runs_experiment_id_deleted_us_active_us", "runs", ["experiment_id", "deleted_us", "active_us"]
    )
    op.create_table(
        "purged_runs",
        sa.Column(
            "id", sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("purged_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_purged_runs"),
        sqlite_with_rowid=False,
    )

"""Artifacts in the content store: where those are now that were files of their own.

Existing rows: they stay as they are.  Their content is moved file by file after the upgrade, and each row is
changed in the transaction that says where its content is (`nbproof.storage.content.moving`).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "moved_objects",
        sa.Column("place", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("place", name="pk_moved_objects"),
    )

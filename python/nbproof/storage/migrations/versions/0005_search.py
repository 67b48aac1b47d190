"""Searches are saved by name, and find runs by the value of a param through an index.

Existing rows: each param gets the start of its text, by which it is found; numbers need none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    name = sa.Text(collation="C") if postgresql else sa.Text()
    op.create_table(
        "saved_searches",
        sa.Column("name", name, nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_saved_searches"),
    )
    op.add_column("params", sa.Column("start", name, nullable=True))
    op.execute("UPDATE params SET start = substr(text, 1, 64) WHERE number IS NULL")
    op.create_index("ix_params_key_number_start_run_id", "params", ["key", "number", "start", "run_id"])

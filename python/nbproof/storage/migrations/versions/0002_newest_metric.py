"""Runs remember which metric was logged last.

The list of runs shows each run's newest metric; to find it, every metric of every run on the page was read.

Existing rows: each run gets the name of its metric with the latest time; of several, the first by name.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("newest_metric", sa.Text(), nullable=True))
    op.execute(
        """
        UPDATE runs SET newest_metric = (
            SELECT name FROM metrics WHERE metrics.run_id = runs.id ORDER BY time_us DESC, name LIMIT 1
        )
        """
    )

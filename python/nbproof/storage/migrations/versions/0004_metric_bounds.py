"""Metrics know their best value; chunks know between what they lie; short metrics need no chunk.

Existing rows: each metric gets its best value (the least of a loss or an error, else the greatest), without
the step at which it was, which nobody had written down.  Chunks stay as they are, without bounds and outline:
charts read them whole.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# As it was decided at this revision; the rule of today is `nbproof.tracking.domain.less_is_better`.
_ERRORS = frozenset(
    "error errors err mse rmse mae mape smape rmsle msle medae wape crps nll ppl perplexity deviance "
    "brier".split()
)


def _less_is_better(metric: str) -> bool:
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", metric).lower())
    return any(word in _ERRORS or word.endswith(("loss", "losses")) for word in words)


def upgrade() -> None:
    op.add_column("metrics", sa.Column("best", sa.Double(), nullable=True))
    op.add_column("metrics", sa.Column("best_step", sa.BigInteger(), nullable=True))
    op.add_column("metrics", sa.Column("tail", sa.LargeBinary(), nullable=True))
    for name, kind in (
        ("first_step", sa.BigInteger()),
        ("last_step", sa.BigInteger()),
        ("first_us", sa.BigInteger()),
        ("last_us", sa.BigInteger()),
        ("min", sa.Double()),
        ("max", sa.Double()),
        ("outline", sa.LargeBinary()),
    ):
        op.add_column("metric_chunks", sa.Column(name, kind, nullable=True))
    connection = op.get_bind()
    metrics = sa.table("metrics", *(sa.column(name) for name in ("name", "min", "max", "best")))
    connection.execute(sa.update(metrics).values(best=metrics.c.max))
    for name in connection.execute(sa.select(metrics.c.name).distinct()).scalars().all():
        if _less_is_better(name):
            connection.execute(sa.update(metrics).where(metrics.c.name == name).values(best=metrics.c.min))
    op.create_index("ix_metrics_name_best_run_id", "metrics", ["name", "best", "run_id"])

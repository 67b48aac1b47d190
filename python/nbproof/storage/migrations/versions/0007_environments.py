"""Runs remember where they came from: environment, command, remote, and how many secrets were blanked.

Existing rows: runs keep NULL, which reads as "not recorded", and have 0 secrets blanked.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _name() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    for column in ("git_remote", "entry", "command"):
        op.add_column("runs", sa.Column(column, sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("environment", _name(), nullable=True))
    for column in ("os", "gpu"):
        op.add_column("runs", sa.Column(column, sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("redacted", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "environments",
        sa.Column("hash", _name(), nullable=False),
        sa.Column("python", sa.Text(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_environments"),
    )
    op.create_table(
        "environment_packages",
        sa.Column("environment", _name(), nullable=False),
        sa.Column("name", _name(), nullable=False),
        sa.Column("version", _name(), nullable=False),
        sa.PrimaryKeyConstraint("environment", "name", name="pk_environment_packages"),
        sa.ForeignKeyConstraint(
            ["environment"],
            ["environments.hash"],
            name="fk_environment_packages_environment_environments",
            ondelete="CASCADE",
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_environment_packages_name_version", "environment_packages", ["name", "version"])

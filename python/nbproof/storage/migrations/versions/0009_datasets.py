"""Datasets: names, versions, aliases, what was encoded before; and which pack holds what content.

Existing rows: none; artifacts that were kept as whole files stay so.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[str]:
    return sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")


def _name() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "content_packs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", _id(), nullable=False),
        sa.Column("indexed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_content_packs"),
        sa.UniqueConstraint("name", name="uq_content_packs_name"),
    )
    op.create_table(
        "content_records",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("pack_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("codec", sa.SmallInteger(), nullable=False),
        sa.Column("stored", sa.Integer(), nullable=False),
        sa.Column("raw", sa.Integer(), nullable=False),
        sa.Column("state", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("hash", "kind", name="pk_content_records"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_content_records_pack_id", "content_records", ["pack_id"])
    op.create_table(
        "datasets",
        sa.Column("id", _id(), nullable=False),
        sa.Column("name", _name(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("contract", sa.Text(), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
        sa.UniqueConstraint("name", name="uq_datasets_name"),
    )
    op.create_table(
        "dataset_versions",
        sa.Column("id", _id(), nullable=False),
        sa.Column("dataset_id", _id(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", _name(), nullable=False),
        sa.Column("digest", _name(), nullable=False),
        sa.Column("manifest", _name(), nullable=True),
        sa.Column("profile", _name(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("columns", sa.Integer(), nullable=True),
        sa.Column("files", sa.BigInteger(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("new_bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("fields", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("breaches", sa.Text(), nullable=True),
        sa.Column("run_id", _id(), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("deleted_us", sa.BigInteger(), nullable=True),
        sa.Column("forgotten_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dataset_versions"),
        sa.ForeignKeyConstraint(
            ["dataset_id"],
            ["datasets.id"],
            name="fk_dataset_versions_dataset_id_datasets",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("dataset_id", "version", name="uq_dataset_versions_dataset_id_version"),
    )
    op.create_index("ix_dataset_versions_digest", "dataset_versions", ["digest"])
    op.create_index("ix_dataset_versions_created_us_id", "dataset_versions", ["created_us", "id"])
    op.create_table(
        "dataset_aliases",
        sa.Column("dataset_id", _id(), nullable=False),
        sa.Column("name", _name(), nullable=False),
        sa.Column("version_id", _id(), nullable=False),
        sa.Column("set_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", "name", name="pk_dataset_aliases"),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_dataset_aliases_dataset_id_datasets", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["dataset_versions.id"],
            name="fk_dataset_aliases_version_id_dataset_versions",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "dataset_slabs",
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("object", _name(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("profile", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_dataset_slabs"),
        sqlite_with_rowid=False,
    )

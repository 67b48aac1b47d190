"""How Alembic runs our migrations: on the connection it is handed, in that connection's transaction."""

from __future__ import annotations

from alembic import context

from nbproof.storage.tables import all_tables

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError(
        'run migrations with "nbproof db upgrade"; nbproof.storage.database hands over the connection'
    )

context.configure(
    connection=connection,
    target_metadata=all_tables(),
    render_as_batch=True,
    compare_type=True,
    # SQLite can roll schema changes back; Alembic assumes it cannot, because pysqlite used to commit first.
    transactional_ddl=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()

"""DuckDB, the engine that needs no server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["relation_of"]


def relation_of(table: pa.Table) -> Any:
    """Rows as a relation of a connection of its own, which lives as long as the relation."""
    import duckdb

    return duckdb.connect().from_arrow(table)

"""DuckDB, the engine that needs no server."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbproof.core.errors import Invalid, Unavailable
from nbproof.storage.engines.plan import Column, Form

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DuckEngine", "relation_of"]

_SOURCE = "nbproof_source"


def relation_of(table: pa.Table) -> Any:
    """Rows as a relation of DuckDB's connection for everybody, so that it can be joined with a user's own."""
    import duckdb

    return duckdb.from_arrow(table)


class DuckEngine:
    """Runs a profile's plan in DuckDB.

    Parameters
    ----------
    relation : duckdb.DuckDBPyRelation
        Asked in its own connection, whose settings hold.
    columns : sequence of Column, optional
        Where the relation's own names and types are not those that are meant.
    connection : duckdb.DuckDBPyConnection, optional
        The relation's, if it is ours: a view is made there, which is faster to ask than the relation.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from nbproof.storage.engines.plan import gather
    >>> (price,) = gather(DuckEngine.of_arrow(pa.table({"price": [3.0, 1.0, None]})))
    >>> price.rows, price.missing, price.maximum
    (3, 1, 3.0)
    """

    dialect = "duckdb"
    table = (_SOURCE,)

    def __init__(
        self, relation: Any, columns: Sequence[Column] | None = None, *, connection: Any = None
    ) -> None:
        self._relation, self._connection = relation, connection
        if connection is not None and relation is not None:
            relation.create_view(_SOURCE)
        if columns is None:
            schema = relation.limit(0).to_arrow_table().schema
            columns = [Column(each.name, form_of(each.type), str(each.type)) for each in schema]
        self.columns = tuple(columns)

    @classmethod
    def of_arrow(cls, table: pa.Table) -> DuckEngine:
        """Rows in memory; they are not copied.

        Parameters
        ----------
        table : pyarrow.Table
            Two columns may have the same name.

        Raises
        ------
        Invalid
            A column has a type that DuckDB does not know.
        """
        import pyarrow as pa

        columns = [
            # To DuckDB, "a" and "A" are one name.
            Column(each.name, form_of(each.type), str(each.type), f"c{place}")
            for place, each in enumerate(table.schema)
        ]
        # What not every DuckDB knows.
        known = {pa.float16(): pa.float32(), pa.binary_view(): pa.large_binary()}
        for place, each in enumerate(table.schema):
            if each.type in known:
                plain = table.column(place).cast(known[each.type])
                table = table.set_column(place, each.name, plain)
            elif pa.types.is_decimal256(each.type):
                raise Invalid(
                    f"column {each.name!r} has the type {each.type}, which DuckDB does not know",
                    hint="cast it to a decimal of at most 38 digits, or profile the table in memory",
                )
        table = table.rename_columns([f"c{place}" for place in range(len(columns))])
        connection = _connection()
        return cls(connection.from_arrow(table) if columns else None, columns, connection=connection)

    @classmethod
    def of_parquet(
        cls, path: str | Path | Sequence[str | Path], *, memory_bytes: int | None = None, threads: int = 2
    ) -> DuckEngine:
        """A Parquet file, several, or a pattern of names, read as far as a statement needs.

        Parameters
        ----------
        path : str, Path or a sequence of them
        memory_bytes : int, optional
            How much DuckDB may hold; what is more goes to a temporary folder.  1 GiB without.
        threads : int

        Raises
        ------
        Invalid
            A file cannot be read, or is none of that kind.
        """
        return cls._of_files("read_parquet", path, _connection(memory_bytes, threads))

    @classmethod
    def of_csv(
        cls, path: str | Path | Sequence[str | Path], *, memory_bytes: int | None = None, threads: int = 2
    ) -> DuckEngine:
        """A CSV file, several, or a pattern of names; types are what DuckDB finds.  See `of_parquet`."""
        return cls._of_files("read_csv", path, _connection(memory_bytes, threads))

    @classmethod
    def _of_files(cls, read: str, path: str | Path | Sequence[str | Path], connection: Any) -> DuckEngine:
        import duckdb

        names = [str(each) for each in ([path] if isinstance(path, str | Path) else path)]
        try:
            return cls(getattr(connection, read)(names), connection=connection)
        except duckdb.Error as error:
            connection.close()
            raise Invalid(
                f"{', '.join(names)} cannot be read: {str(error).splitlines()[0]}",
                hint="look at the path, and whether the file is whole and of the kind that was said",
            ) from error

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows that a statement gives.

        Raises
        ------
        Unavailable
            It needs more memory than DuckDB may hold.
        """
        import duckdb

        own = self._connection
        try:
            answer = own.execute(sql) if own is not None else self._relation.query(_SOURCE, sql)
            found: list[tuple[Any, ...]] = answer.fetchall()
        except duckdb.OutOfMemoryException as error:
            raise Unavailable(
                f"DuckDB may not hold as much memory as it needs: {str(error).splitlines()[0]}",
                hint="allow it more, by memory_bytes or SET memory_limit",
            ) from error
        return found


def _connection(memory_bytes: int | None = None, threads: int = 2) -> Any:
    import duckdb

    return duckdb.connect(
        config={
            "memory_limit": f"{(memory_bytes or 1 << 30) // (1 << 20)}MiB",
            # Made when it is needed, removed with the connection.  Two that shared one would mix their files.
            "temp_directory": str(Path(tempfile.gettempdir(), f"nbproof-duckdb-{uuid.uuid4().hex}")),
            "threads": threads,
            "preserve_insertion_order": False,
        }
    )


def form_of(kind: Any) -> Form:
    """What may be asked of values of an Arrow type."""
    import pyarrow as pa
    import pyarrow.types as t

    while isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name == "arrow.uuid":
            return "text"  # DuckDB shows it as people write it
        kind = kind.storage_type
    if t.is_dictionary(kind) or t.is_run_end_encoded(kind):
        return form_of(kind.value_type)
    if t.is_timestamp(kind) and kind.unit == "ns":
        return "nanoseconds"
    forms: dict[Form, Any] = {
        "null": t.is_null,
        "boolean": t.is_boolean,
        "integer": t.is_integer,
        "float": t.is_floating,
        "decimal": t.is_decimal,
        "date": t.is_date,
        "timestamp": t.is_timestamp,
        "time": t.is_time,
        "duration": t.is_duration,
        "text": lambda kind: t.is_string(kind) or t.is_large_string(kind) or kind == pa.string_view(),
        "bytes": lambda kind: (
            t.is_binary(kind)
            or t.is_large_binary(kind)
            or t.is_fixed_size_binary(kind)
            or kind == pa.binary_view()
        ),
    }
    found = next((form for form, holds in forms.items() if holds(kind)), None)
    return found or ("list" if "list" in str(kind).partition("<")[0] else "nested")

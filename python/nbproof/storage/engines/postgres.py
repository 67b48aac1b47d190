"""PostgreSQL: what is asked of a table is computed where it lives."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from nbproof.core.errors import Invalid, Unavailable
from nbproof.storage.engines.plan import Column, Form, quoted

__all__ = ["PostgresEngine", "parsed_table", "place_of"]

_TYPES: dict[str, tuple[Form, str]] = {
    "bool": ("boolean", "bool"),
    "int2": ("integer", "int16"),
    "int4": ("integer", "int32"),
    "int8": ("integer", "int64"),
    "oid": ("integer", "uint32"),
    "float4": ("float", "float"),
    "float8": ("float", "double"),
    "date": ("date", "date32[day]"),
    "time": ("time", "time64[us]"),
    "timestamp": ("timestamp", "timestamp[us]"),
    "timestamptz": ("timestamp", "timestamp[us, tz=UTC]"),
    "text": ("text", "string"),
    "bytea": ("bytes", "binary"),
    "interval": ("nested", "month_day_nano_interval"),
}
_NESTED = ("json", "jsonb", "xml", "hstore", "record")


class PostgresEngine:
    """Runs a profile's plan in PostgreSQL, in one transaction that writes nothing and sees one state.

    Parameters
    ----------
    url : str
        SQLAlchemy's URL of the database.
    table : str
    schema : str, optional
        Where the table is; without, the connection's search path tells.

    Raises
    ------
    Unavailable
        The driver is missing, the database cannot be reached, or it has no such table.
    """

    dialect = "postgres"

    def __init__(self, url: str, table: str, schema: str | None = None) -> None:
        self.table = (table,) if schema is None else (schema, table)
        self._connection = _connect(url)
        try:
            self.columns = self._described()
        except BaseException:
            self.close()
            raise

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows that a statement gives."""
        import psycopg

        with self._connection.cursor() as cursor:
            try:
                found: list[tuple[Any, ...]] = cursor.execute(sql).fetchall()
            except (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege) as error:
                raise Unavailable(
                    f"{'.'.join(self.table)} could not be asked: {error.diag.message_primary or error}",
                    hint="may the user read all of its columns, and is there time and memory enough?",
                ) from error
            return found

    def close(self) -> None:
        """Leave the database."""
        self._connection.close()

    def __enter__(self) -> PostgresEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _described(self) -> tuple[Column, ...]:
        import psycopg
        from sqlglot import exp

        rows = exp.select("*").from_(quoted(self.table)).limit(0)
        statement = rows.sql(dialect=self.dialect, identify=True)
        with self._connection.cursor() as cursor:
            try:
                cursor.execute(statement)
            except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege) as error:
                raise Unavailable(
                    f"the table {'.'.join(self.table)} cannot be read: {error.diag.message_primary}",
                    hint="look at the table's name, its schema and who may read it",
                ) from error
            types = self._connection.adapters.types
            return tuple(_column(each, types.get(each.type_code)) for each in cursor.description or ())


def place_of(url: str) -> str:
    """The address of a PostgreSQL database, without user, password and options.

    Raises
    ------
    Invalid
        It is none.

    Examples
    --------
    >>> place_of("postgresql+psycopg://ann:secret@db:5433/shop?sslmode=require")
    'postgresql://db:5433/shop'
    """
    import sqlalchemy as sa

    hint = "postgresql://user@host:5432/database"
    try:
        parsed = sa.engine.make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise Invalid("that is no address of a database", hint=hint, details={"field": "source"}) from error
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise Invalid(
            f"tables are profiled where they are in PostgreSQL, not in {parsed.get_backend_name()}",
            hint=hint,
            details={"field": "source"},
        )
    host = parsed.host or "" if ":" not in (parsed.host or "") else f"[{parsed.host}]"
    port = f":{parsed.port}" if parsed.port else ""
    return f"postgresql://{host}{port}/{parsed.database or ''}"


def parsed_table(text: str) -> tuple[str, ...]:
    """The name of a table, after its schema's if there is one; a name with dots stands in double quotes.

    Raises
    ------
    Invalid
        It is none.

    Examples
    --------
    >>> parsed_table("shop.Sales"), parsed_table('"my.table"')
    (('shop', 'Sales'), ('my.table',))
    """
    import re

    part = r'(?:"((?:[^"]|"")+)"|([^".]+))'
    found = re.fullmatch(rf"(?:{part}\.)?{part}", text)
    if found is None:
        raise Invalid(
            f"{text!r} is no name of a table",
            hint='write table, schema.table or "name.with.dots" in double quotes',
            details={"field": "table"},
        )
    parts = ((found[1], found[2]), (found[3], found[4]))
    return tuple(whole.replace('""', '"') if whole else bare for whole, bare in parts if whole or bare)


def _connect(url: str) -> Any:
    import sqlalchemy as sa

    try:
        import psycopg
    except ImportError as error:
        raise Unavailable(
            "a table in PostgreSQL needs the package psycopg, which is not installed here",
            hint='pip install "nbproof[postgres]"',
        ) from error
    parsed = sa.engine.make_url(url).set(drivername="postgresql+psycopg")
    given, options = parsed.get_dialect()().create_connect_args(parsed)
    try:
        connection = psycopg.connect(
            *given, **{"connect_timeout": 10, "application_name": "nbproof", **options}
        )
    except psycopg.OperationalError as error:
        where = parsed.render_as_string(hide_password=True)
        raise Unavailable(f"{where} cannot be reached", hint="is the server running?") from error
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


def _column(told: Any, known: Any) -> Column:
    name = known.name if known is not None else ""
    if known is not None and told.type_code == known.array_oid:
        return Column(told.name, "list", f"list<item: {_TYPES.get(name, ('text', 'string'))[1]}>")
    if name == "numeric":
        digits, scale = told.precision, told.scale
        return Column(told.name, "decimal", "decimal" if digits is None else f"decimal128({digits}, {scale})")
    if name in _NESTED:
        return Column(told.name, "nested", name)
    # Names, enumerations and what extensions bring are what they read like.
    form, kind = _TYPES.get(name, ("text", "string"))
    return Column(told.name, form, kind)

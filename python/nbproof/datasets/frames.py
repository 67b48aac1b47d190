"""Tables of any library as Arrow batches on their way in, and the very same objects on their way out.

::

    pandas, polars, numpy, DuckDB, Arrow, ...  --incoming-->  schema, batches, restore (JSON)
    pandas, polars, numpy, Arrow               <--restored--  table, restore

What Arrow holds is in the batches; what only the library knows (an index, labels that are no strings,
unused categories, which kind of missing value stood where) is in `restore`.  What neither can hold is
refused by name: nothing is changed in silence.

In arrays of numpy, also inside pandas, a NaN is the mark of a missing value: it becomes null, and NaN again.
Where a type tells NaN from null (nullable floats of pandas, polars, Arrow) they stay two things.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from nbproof.core.errors import Invalid
from nbproof.datasets.held import hold_array
from nbproof.datasets.numpy_columns import one_array
from nbproof.datasets.pandas_frames import index_fields

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Incoming", "in_little_memory", "incoming", "index_fields", "of_no_columns", "restored"]

_ROWS = 1 << 20


@dataclass(frozen=True, slots=True)
class Incoming:
    """A table on its way in.

    Parameters
    ----------
    kind : str
        What it was: pandas, polars, numpy, arrow, duckdb, or the library that speaks the Arrow C stream.
    schema : pyarrow.Schema
        Names are unique; what pandas and polars note there for themselves is left out.
    batches : iterator of pyarrow.RecordBatch
        Can be consumed once.  Nothing is computed or read before the first is asked for, where the source is
        lazy, and then one batch after another.
    restore : dict
        Plain JSON: what `restored` needs beside the table.  It depends on the rows for frames with objects,
        so it belongs to this content.
    rows : int or None
        Where it is known beforehand.
    """

    kind: str
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    restore: dict[str, Any]
    rows: int | None


def incoming(obj: object) -> Incoming | None:
    """A table of any library as Arrow batches; None for what is no table, such as a path or bytes.

    DataFrames and Series of pandas and polars (also lazy), arrays of numpy with one or two dimensions or
    named fields, everything of pyarrow that holds rows, relations of DuckDB, and whatever else speaks the
    Arrow C stream or array interface.

    Of a pandas frame the index, the column labels, each dtype, `attrs` that are JSON and the flag for
    duplicate labels come back.  What does not is listed under ``restore["lost"]``: other `attrs`, the
    frequency of an index that has no name, such as that of holidays, and the class of a subclass.

    Raises
    ------
    Invalid
        Where two columns have the same name, or a column would not come back as it is;
        ``details["field"]`` names it.
    """
    pandas, polars, numpy = (sys.modules.get(name) for name in ("pandas", "polars", "numpy"))
    if pandas is not None and isinstance(obj, pandas.DataFrame | pandas.Series):
        from nbproof.datasets.pandas_frames import pandas_to_arrow

        table, restore = pandas_to_arrow(obj)
        return _incoming("pandas", table.schema, _batches(table), restore, len(obj))
    if polars is not None and isinstance(obj, polars.DataFrame | polars.LazyFrame | polars.Series):
        from nbproof.datasets.polars_frames import polars_to_arrow

        return _incoming("polars", *polars_to_arrow(obj))
    if numpy is not None and isinstance(obj, numpy.ndarray):
        from nbproof.datasets.numpy_arrays import numpy_to_arrow

        table, restore = numpy_to_arrow(obj)
        return _incoming("numpy", table.schema, _batches(table), restore, len(obj))
    _refuse_plain(obj)
    return _incoming_arrow(obj)


def restored(
    table: pa.Table, restore: Mapping[str, Any], as_: Literal["pandas", "polars", "arrow"] | None = None
) -> Any:
    """The object that came in, or its table for another library.

    Parameters
    ----------
    table : pyarrow.Table
        Of the types that `Incoming.schema` says; chunks and the order of dictionaries may differ.  It may be
        some of the columns (with those of `index_fields`), or the first rows.
    restore : mapping
        What `Incoming.restore` was; an empty one for a table from a file.
    as_ : {"pandas", "polars", "arrow"}, optional
        Without it the very kind of object that came in: a frame for a frame, a series for a series.  What
        streamed in (a LazyFrame, a relation, a reader) comes back as a frame or table.
    """
    kind = str(restore.get("kind", "arrow"))
    wanted = as_ or kind
    if wanted == "numpy":
        from nbproof.datasets.numpy_arrays import array_from_arrow

        return array_from_arrow(table, restore)
    if wanted == "pandas":
        if kind == "pandas":
            from nbproof.datasets.pandas_frames import frame_from_arrow

            return frame_from_arrow(table, restore)
        from nbproof.datasets.pandas_defaults import frame_of

        return frame_of(_arrow_table(table, restore))
    if kind == "pandas":
        from nbproof.datasets.pandas_frames import arrow_from_pandas

        table = arrow_from_pandas(table, restore)
    if wanted == "polars":
        from nbproof.datasets.polars_frames import polars_from_arrow

        return polars_from_arrow(table, restore)
    table = _arrow_table(table, restore)
    return table if as_ else _arrow_object(table, restore)


def _incoming(
    kind: str,
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
    restore: dict[str, Any],
    rows: int | None,
) -> Incoming:
    _refuse_duplicates(schema)
    if rows is not None and not len(schema):
        # Whoever makes a table of no columns loses count of its rows.
        batches = iter(of_no_columns(rows).to_batches())
    if strict := [field for field in schema if _forbids_nulls(field)]:
        batches = _kept_to(strict, batches)
    return Incoming(kind, schema, batches, {"kind": kind, **restore}, rows)


def _batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    yield from table.to_batches(max_chunksize=_ROWS)


def _refuse_duplicates(schema: pa.Schema) -> None:
    twice = [name for name, count in Counter(schema.names).items() if count > 1]
    if twice:
        told = ", ".join(map(repr, twice[:5])) + (", ..." if len(twice) > 5 else "")
        raise Invalid(
            f"the table has several columns of the name {told}",
            hint="give each column a name of its own: table.rename_columns([...])",
            details={"field": twice[0], "duplicates": twice},
        )


def _kept_to(strict: Sequence[pa.Field], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches, seen to have no nulls where their own types say so: Arrow itself does not look."""
    for batch in batches:
        for field in strict:
            if _has_forbidden_nulls(field, batch.column(batch.schema.get_field_index(field.name))):
                raise Invalid(
                    f"column {field.name!r} is said to be not null ({field.type}) and has nulls",
                    hint="fill them, or say that it may have some: pyarrow.field(name, type, nullable=True)",
                    details={"field": field.name},
                )
        yield batch


def _forbids_nulls(field: pa.Field) -> bool:
    return not field.nullable or any(map(_forbids_nulls, _fields_in(field.type)))


def _fields_in(kind: pa.DataType) -> list[pa.Field]:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return list(kind)
    return [kind.value_field] if pa.types.is_list(kind) or pa.types.is_large_list(kind) else []


def _has_forbidden_nulls(field: pa.Field, array: pa.Array) -> bool:
    import pyarrow as pa

    if not field.nullable and array.null_count:
        return True
    inside = _fields_in(field.type)
    if not any(map(_forbids_nulls, inside)):
        return False
    present = array.drop_null()  # what is below a null is nothing
    parts = map(present.field, range(len(inside))) if pa.types.is_struct(field.type) else [present.flatten()]
    return any(map(_has_forbidden_nulls, inside, parts))


def _refuse_plain(obj: object) -> None:
    """Lists of dictionaries and dictionaries of lists say nothing of their columns' types."""
    of_rows = isinstance(obj, list) and bool(obj) and all(isinstance(row, dict) for row in obj[:10])
    of_columns = isinstance(obj, dict) and bool(obj) and all(_is_sequence(each) for each in obj.values())
    if of_rows or of_columns:
        raise Invalid(
            f"a {'list of dictionaries' if of_rows else 'dictionary of columns'} is not a table yet: "
            "the types of its columns are open",
            hint="make a frame of it: pandas.DataFrame(...) or polars.DataFrame(...)",
            details={"field": "obj"},
        )


def _is_sequence(value: object) -> bool:
    return isinstance(value, list | tuple) or (hasattr(value, "__array__") and hasattr(value, "__len__"))


# --------------------------------------------------------------------------------------------------- Arrow


def _incoming_arrow(obj: Any) -> Incoming | None:
    import pyarrow as pa

    if isinstance(obj, pa.Table):
        return _in_memory(obj, "table")
    if isinstance(obj, pa.RecordBatch):
        return _in_memory(pa.Table.from_batches([obj]), "batch")
    if isinstance(obj, pa.ChunkedArray | pa.Array):
        kind = "array" if isinstance(obj, pa.Array) else "chunked"
        return _in_memory(pa.table({"value": obj}), kind)
    if isinstance(obj, pa.RecordBatchReader):
        return _streamed("arrow", obj.schema, iter(obj))
    if module := sys.modules.get("pyarrow.dataset"):
        if isinstance(obj, module.Dataset):
            return _streamed("arrow", obj.schema, _lazily(partial(in_little_memory, obj)))
        if isinstance(obj, module.Scanner):
            return _streamed("arrow", obj.projected_schema, _lazily(obj.to_batches))
    library = type(obj).__module__.partition(".")[0].lstrip("_")
    if library == "duckdb":
        # A limit numbers names that come twice, or in another case; the relation itself does not.
        fields = zip(obj.columns, _duckdb_reader(obj.limit(0)).schema, strict=True)
        schema = pa.schema([field.with_name(name) for name, field in fields])
        return _streamed("duckdb", schema, _lazily(lambda: _duckdb_reader(obj)))
    if isinstance(obj, type):
        return None
    if hasattr(obj, "__arrow_c_stream__"):
        try:
            reader = pa.RecordBatchReader.from_stream(obj)
        except pa.ArrowInvalid:  # a column alone
            return _in_memory(pa.table({"value": pa.chunked_array(obj)}), "chunked")
        return _streamed(library, reader.schema, iter(reader))
    if hasattr(obj, "__arrow_c_array__"):
        found = pa.array(obj)
        if pa.types.is_struct(found.type):
            return _in_memory(pa.Table.from_batches([pa.RecordBatch.from_struct_array(found)]), "batch")
        return _in_memory(pa.table({"value": found}), "array")
    return None


def _duckdb_reader(relation: Any) -> Any:
    # The older name is the only one before 1.4, and deprecated since.
    read = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
    return read(_ROWS)


def _lazily(read: Any) -> Iterator[pa.RecordBatch]:
    yield from read()


def _in_memory(table: pa.Table, kind: str) -> Incoming:
    _refuse_duplicates(table.schema)
    restore: dict[str, Any] = {"object": kind}
    if dictionaries := _dictionaries(table):
        restore["dictionaries"] = dictionaries
    if not table.num_columns:
        restore["rows"] = table.num_rows
    schema = _without_pandas(table.schema, restore)
    plain = table.replace_schema_metadata(schema.metadata)
    return _incoming("arrow", schema, _batches(plain), restore, table.num_rows)


def in_little_memory(dataset: Any, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of an Arrow dataset, for whoever is slower than the disk."""
    import pyarrow.dataset as ds

    # By default four files are read ahead, and of Parquet all that was fetched stays in memory to the end;
    # and threads of Arrow's go on until a GiB waits to be fetched.
    options: dict[str, Any] = {"batch_readahead": 2, "fragment_readahead": 1}
    if isinstance(getattr(dataset, "format", None), ds.ParquetFileFormat):
        options["fragment_scan_options"] = ds.ParquetFragmentScanOptions(pre_buffer=False)
        options["use_threads"] = False
    yield from dataset.to_batches(columns=columns, **options)


def _streamed(kind: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Incoming:
    restore: dict[str, Any] = {"object": "stream"}
    plain = _without_pandas(schema, restore)
    if plain.metadata != schema.metadata:
        batches = (batch.replace_schema_metadata(plain.metadata) for batch in batches)
    return _incoming(kind, plain, batches, restore, None)


def _without_pandas(schema: pa.Schema, restore: dict[str, Any]) -> pa.Schema:
    """The schema without what pandas notes there, which `restore` takes over."""
    metadata = dict(schema.metadata or {})
    if noted := metadata.pop(b"pandas", None):
        restore["pandas"] = noted.decode()
    return schema.with_metadata(metadata or None)


def _dictionaries(table: pa.Table) -> dict[str, Any]:
    """The dictionaries of a table's columns: their order, and the values that no row has."""
    import pyarrow as pa

    found = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if not pa.types.is_dictionary(column.type) or pa.types.is_nested(column.type.value_type):
            continue
        column = column.unify_dictionaries()
        if column.num_chunks:
            found[name] = {"dictionary": hold_array(column.chunk(0).dictionary)}
    return found


def of_no_columns(rows: int) -> pa.Table:
    """A table of rows alone."""
    import pyarrow as pa

    return pa.table({"row": pa.nulls(rows)}).select([])


def _arrow_table(table: pa.Table, restore: Mapping[str, Any]) -> pa.Table:
    if not table.num_columns and restore.get("rows"):
        table = of_no_columns(restore["rows"])
    if restore.get("dictionaries"):
        from nbproof.datasets.pandas_columns import with_categories

        for place, name in enumerate(table.column_names):
            if note := restore["dictionaries"].get(name):
                column = with_categories(table.column(place), note)
                table = table.set_column(place, table.schema.field(place), column)
    if noted := restore.get("pandas"):
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), b"pandas": noted.encode()})
    return table


def _arrow_object(table: pa.Table, restore: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    kind = restore.get("object")
    if kind == "batch":
        return pa.RecordBatch.from_arrays(list(map(one_array, table.columns)), schema=table.schema)
    if kind == "chunked":
        return table.column(0)
    if kind == "array":
        return one_array(table.column(0))
    return table

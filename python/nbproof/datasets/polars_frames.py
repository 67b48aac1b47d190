"""Frames and series of polars as Arrow batches, and exactly the same back."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nbproof.core.errors import Invalid, Unavailable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["polars_from_arrow", "polars_to_arrow"]

_ROWS = 1 << 18
_NOT_IN_ARROW = {
    "Object": "Python objects",
    "Int128": "integers of 128 bits",
    "UInt128": "integers of 128 bits",
    "Unknown": "values of an unknown type",
}


def polars_to_arrow(
    obj: Any,
) -> tuple[pa.Schema, Iterator[pa.RecordBatch], dict[str, Any], int | None]:
    """A DataFrame, LazyFrame or Series: its schema, batches, what is needed to have it again, and its rows.

    A LazyFrame is computed in streaming batches once they are asked for, and comes back as a DataFrame.
    """
    import polars as pl

    restore: dict[str, Any] = {"object": "frame"}
    frame = obj
    if isinstance(obj, pl.Series):
        restore = {"object": "series", "name": obj.name}
        frame = obj.alias(obj.name or "value").to_frame()
    types = frame.collect_schema()
    for name, dtype in types.items():
        _refuse(name, dtype)
    empty = pl.DataFrame(schema=types).to_arrow()
    schema = _plain(empty)
    back = _from_arrow(_with_schema(empty, schema)).schema
    differing = {name: _type_to_json(dtype) for name, dtype in types.items() if back[name] != dtype}
    if differing:
        restore["types"] = differing
    if isinstance(frame, pl.LazyFrame):
        return schema, _lazy_batches(frame, schema), restore, None
    return schema, _batches(frame, schema), restore, frame.height


def polars_from_arrow(table: pa.Table, restore: Mapping[str, Any]) -> Any:
    """What `polars_to_arrow` was given, or some rows and columns of it; others as polars reads Arrow."""
    if importlib.util.find_spec("polars") is None:
        raise Unavailable("polars is not installed", hint="pip install polars, or read it by to_pandas()")
    try:
        frame = _from_arrow(_for_polars(table))
    except BaseException as error:  # a panic of Rust is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        raise Invalid(
            f"polars cannot hold this table: {error}",
            hint="read it as Arrow or for pandas",
            details={"field": "as_"},
        ) from None
    types = {
        name: _type_from_json(held)
        for name, held in restore.get("types", {}).items()
        if name in table.column_names
    }
    frame = frame.with_columns(_as_type(frame[name], dtype) for name, dtype in types.items())
    if restore.get("object") == "series" and restore.get("kind") == "polars" and frame.width == 1:
        return frame.to_series().alias(restore["name"])
    return frame


def _for_polars(table: pa.Table) -> pa.Table:
    """Times of an offset, which polars does not know, as the same instants in UTC."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_decimal256(field.type):
            raise Invalid(
                f"column {field.name!r} has up to {field.type.precision} digits, more than polars can hold",
                hint="read it as Arrow or for pandas, or leave it out",
                details={"field": field.name},
            )
        if pa.types.is_timestamp(field.type) and (field.type.tz or "").startswith(("+", "-")):
            wanted = pa.timestamp(field.type.unit, "UTC")
            table = table.set_column(place, field.with_type(wanted), table.column(place).cast(wanted))
    return table


def _batches(frame: Any, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for start in range(0, frame.height, _ROWS):
        yield from _with_schema(frame.slice(start, _ROWS).to_arrow(), schema).to_batches()


def _lazy_batches(frame: Any, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    if not hasattr(frame, "collect_batches"):  # polars before 1.34
        yield from _batches(frame.collect(), schema)
        return
    for part in frame.collect_batches(chunk_size=_ROWS, maintain_order=True):
        yield from _batches(part, schema)


def _plain(table: pa.Table) -> pa.Schema:
    """The schema without polars' own words on its fields; what names an extension type stays."""
    import pyarrow as pa

    fields = []
    for field in table.schema:
        kept = {key: word for key, word in (field.metadata or {}).items() if not key.startswith(b"_PL_")}
        fields.append(field.with_metadata(kept) if kept else field.remove_metadata())
    return pa.schema(fields)


def _with_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_arrays(
        [
            column if column.type == field.type else column.cast(field.type)
            for column, field in zip(table.columns, schema, strict=True)
        ],
        schema=schema,
    )


def _from_arrow(table: pa.Table) -> Any:
    import polars as pl

    found = pl.from_arrow(table)
    return found if isinstance(found, pl.DataFrame) else found.to_frame()


def _as_type(series: Any, dtype: Any) -> Any:
    import polars as pl

    if isinstance(dtype, pl.Enum) and series.dtype != pl.String:
        series = series.cast(pl.String)
    return series.cast(dtype)


# --------------------------------------------------------------------------------------------------- types


def _refuse(name: str, dtype: Any) -> None:
    import polars as pl

    found = _NOT_IN_ARROW.get(type(dtype).__name__ if isinstance(dtype, pl.DataType) else dtype.__name__)
    if found:
        raise Invalid(
            f"column {name!r} of the frame holds {found} ({dtype}), which Arrow does not have",
            hint=f'convert it first, for instance: frame.with_columns(pl.col("{name}").cast(pl.String))'
            if "Int" in str(dtype)
            else f'leave it out, frame.drop("{name}"), or make texts of it',
            details={"field": name, "dtype": str(dtype)},
        )
    inner = getattr(dtype, "inner", None)
    if inner is not None:
        _refuse(name, inner)
    for field in getattr(dtype, "fields", None) or ():
        _refuse(name, field.dtype)


def _type_to_json(dtype: Any) -> Any:
    """A type of polars as JSON; of most the name says it all."""
    import polars as pl

    name = type(dtype).__name__ if isinstance(dtype, pl.DataType) else dtype.__name__
    if isinstance(dtype, pl.Enum):
        return {"is": name, "categories": dtype.categories.to_list()}
    if isinstance(dtype, pl.List):
        return {"is": name, "inner": _type_to_json(dtype.inner)}
    if isinstance(dtype, pl.Array):
        # `inner` of an array of several dimensions is the innermost or the next one, by release.
        shape = list(dtype.shape)
        inner = dtype.inner
        while isinstance(inner, pl.Array):
            inner = inner.inner
        return {"is": name, "inner": _type_to_json(inner), "shape": shape}
    if isinstance(dtype, pl.Struct):
        return {"is": name, "fields": [[field.name, _type_to_json(field.dtype)] for field in dtype.fields]}
    if isinstance(dtype, pl.Datetime):
        return {"is": name, "unit": dtype.time_unit, "zone": dtype.time_zone}
    if isinstance(dtype, pl.Duration):
        return {"is": name, "unit": dtype.time_unit}
    if isinstance(dtype, pl.Decimal):
        return {"is": name, "precision": dtype.precision, "scale": dtype.scale}
    return {"is": name}


def _type_from_json(held: Mapping[str, Any]) -> Any:
    import polars as pl

    name = held["is"]
    if name == "Enum":
        return pl.Enum(held["categories"])
    if name == "List":
        return pl.List(_type_from_json(held["inner"]))
    if name == "Array":
        return pl.Array(_type_from_json(held["inner"]), tuple(held["shape"]))
    if name == "Struct":
        return pl.Struct([pl.Field(field, _type_from_json(dtype)) for field, dtype in held["fields"]])
    if name == "Datetime":
        return pl.Datetime(held["unit"], held["zone"])
    if name == "Duration":
        return pl.Duration(held["unit"])
    if name == "Decimal":
        return pl.Decimal(held["precision"], held["scale"])
    return getattr(pl, name)()

"""Arrow for pandas, where it did not come from pandas: by pandas' own rules, but losing nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["frame_of", "series_of"]


def frame_of(table: pa.Table) -> Any:
    """A table as a frame.

    As ``table.to_pandas()`` makes it, but integers and booleans with missing values stay what they are
    (Int64, boolean), and so do floats that hold both NaN and missing values (Float64).
    """
    import pandas as pd

    nullable = [place for place, column in enumerate(table.columns) if _needs_nullable(column)]
    if not nullable:
        return table.to_pandas()
    kept = set(nullable)
    rest = table.select([place for place in range(table.num_columns) if place not in kept])
    frame = rest.to_pandas() if rest.num_columns else pd.DataFrame(index=pd.RangeIndex(table.num_rows))
    for place in nullable:
        values = series_of(table.column(place)).array
        if place <= frame.shape[1]:
            frame.insert(place, table.column_names[place], values)
        else:
            # Columns before it became the index.
            frame[table.column_names[place]] = values
    return frame


def series_of(column: pa.ChunkedArray) -> Any:
    """A column as a series, by the same rules."""
    from nbproof.datasets.pandas_columns import column_from_arrow

    if not _needs_nullable(column):
        return column.to_pandas()
    import pandas as pd

    name = str(column.type)
    dtype = _NULLABLE.get(name) or name.replace("int", "Int").replace("uI", "UI")
    return pd.Series(column_from_arrow(column, {"dtype": "masked", "of": dtype}))


_NULLABLE = {"bool": "boolean", "double": "Float64", "float": "Float32"}


def _needs_nullable(column: pa.ChunkedArray) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not column.null_count:
        return False
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        return True
    if not pa.types.is_float32(column.type) and not pa.types.is_float64(column.type):
        return False
    return bool(pc.any(pc.is_nan(column)).as_py())

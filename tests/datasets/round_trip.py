"""Through a store and back, and what "exactly the same" means."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas.testing import assert_frame_equal, assert_series_equal

from nbproof.datasets.frames import Incoming, incoming, restored

__all__ = ["arrived", "assert_same", "assert_same_objects", "back", "stored"]


def arrived(obj: object) -> Incoming:
    found = incoming(obj)
    assert found is not None
    return found


def stored(found: Incoming, *, rows: int = 3) -> pa.Table:
    """What a store of Parquet files gives back: other chunks, other dictionaries, the same types."""
    table = pa.Table.from_batches(list(found.batches), found.schema)
    assert not table.num_columns or found.rows in (None, table.num_rows)
    columns = [_through_parquet(column, rows) for column in table.columns]
    return pa.Table.from_arrays(columns, schema=found.schema) if columns else table.select([])


def _through_parquet(column: pa.ChunkedArray, rows: int) -> pa.ChunkedArray:
    wanted = column.type
    if pa.types.is_fixed_size_list(wanted) and column.null_count and int(pa.__version__.split(".")[0]) < 26:
        return column  # which these releases cannot write to Parquet, or not read
    if pa.types.is_dictionary(wanted):
        column = column.cast(wanted.value_type)
    file = io.BytesIO()
    pq.write_table(pa.table({"it": column}), file, row_group_size=rows)
    read = pq.read_table(file).column("it")
    if pa.types.is_dictionary(wanted):
        # In order of appearance: what no row has is gone.
        coded = read.dictionary_encode().unify_dictionaries()
        chunks = [
            pa.DictionaryArray.from_arrays(
                each.indices.cast(wanted.index_type), each.dictionary, ordered=wanted.ordered
            )
            for each in coded.chunks
        ]
        return pa.chunked_array(chunks, wanted)
    return read.cast(wanted)


def back(obj: object, as_: Any = None) -> Any:
    found = arrived(obj)
    told = json.loads(json.dumps(found.restore, allow_nan=False))
    assert told == found.restore, "restore is plain JSON"
    return restored(stored(found), told, as_)


def assert_same(found: Any, wanted: Any) -> None:
    """Nothing can tell the two apart: values, dtypes, labels, index, and the types of objects."""
    assert type(found) is type(wanted)
    options: dict[str, Any] = {"check_exact": True, "check_freq": True, "check_flags": True}
    if isinstance(wanted, pd.Series):
        if wanted.dtype == object:
            assert found.dtype == object
            found, wanted = described_column(found), described_column(wanted)
        assert_series_equal(found, wanted, check_index_type=True, **options)
        found, wanted = found.to_frame(), wanted.to_frame()
    assert_frame_equal(described_objects(found), described_objects(wanted), check_column_type=True, **options)
    assert found.attrs == wanted.attrs
    assert_same_index(found.index, wanted.index)
    assert_same_index(found.columns, wanted.columns)
    for place in range(wanted.shape[1]):
        assert_same_objects(found.iloc[:, place], wanted.iloc[:, place])


def described_column(series: Any) -> Any:
    """Objects as words: pandas cannot compare NaN within lists."""
    return pd.Series(
        [repr(described(each)) for each in series], index=series.index, name=series.name, dtype=object
    )


def described_objects(frame: Any) -> Any:
    frame = frame.copy()
    for place in range(frame.shape[1]):
        if frame.iloc[:, place].dtype == object:
            frame.isetitem(place, described_column(frame.iloc[:, place]))
    return frame


def assert_same_index(found: Any, wanted: Any) -> None:
    assert type(found) is type(wanted)
    assert found.dtype == wanted.dtype
    if isinstance(wanted, pd.RangeIndex):
        assert (found.start, found.stop, found.step) == (wanted.start, wanted.stop, wanted.step)
    for left, right in zip(found.names, wanted.names, strict=True):
        assert repr(left) == repr(right)
    assert_same_objects(found, wanted)


def assert_same_objects(found: Any, wanted: Any) -> None:
    """The very types of Python's values, which others overlook: 1, 1.0, True, and None, NaN, NA."""
    if wanted.dtype == object:
        assert [described(each) for each in found] == [described(each) for each in wanted]
    elif isinstance(wanted.dtype, pd.CategoricalDtype):
        assert_same_index(found.dtype.categories, wanted.dtype.categories)


def described(value: Any) -> Any:
    if isinstance(value, dict):
        return dict, [(described(key), described(each)) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return type(value), [described(each) for each in value]
    if isinstance(value, np.ndarray):
        return np.ndarray, value.dtype, value.shape, value.tobytes()
    return type(value), repr(value), getattr(value, "unit", None), getattr(value, "fold", None)

"""Numbers and times of numpy as Arrow arrays, without a copy where that can be, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbproof.storage.content.writing import pool

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["is_number", "numbers_from_arrow", "numbers_to_arrow", "one_array", "with_missing"]

_NOT_A_TIME = -(2**63)
_ARROW_UNITS = ("s", "ms", "us", "ns")
_MUCH = 1 << 17  # rows


def is_number(dtype: np.dtype[Any]) -> bool:
    """Whether Arrow has this type of numpy: integers, floats, booleans, times and durations."""
    import numpy as np

    if dtype.kind in "mM":
        return np.datetime_data(dtype)[0] != "generic"
    return dtype.kind in "biu" or (dtype.kind == "f" and dtype.itemsize <= 8)


def numbers_to_arrow(values: npt.NDArray[Any]) -> pa.Array | None:
    """An array of one dimension as an Arrow array; its NaN and NaT, which mean "missing" there, as null.

    None where some of its times are beyond what Arrow holds.
    """
    import numpy as np
    import pyarrow as pa

    # Arrow knows the machine's own byte order only; a column of a table in rows is strided.
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    kind = values.dtype.kind
    if kind == "b":
        return pa.array(values)
    if kind in "iu":
        return with_missing(values, None, pa.from_numpy_dtype(values.dtype))
    if kind == "f":
        with np.errstate(invalid="ignore"):
            # The smallest of numbers with a NaN is NaN: found in a third of the time of isnan.
            none_missing = len(values) == 0 or not np.isnan(values.min())
        missing = None if none_missing else np.isnan(values)
        return with_missing(values, missing, pa.from_numpy_dtype(values.dtype))
    unit, count = np.datetime_data(values.dtype)
    if unit not in _ARROW_UNITS or count != 1:
        exact = values.astype(f"{kind}8[s]")
        if not np.array_equal(exact.astype(values.dtype), values, equal_nan=True):
            return None
        values, unit = exact, "s"
    ticks = values.view(np.int64)
    missing = ticks == _NOT_A_TIME if len(ticks) and ticks.min() == _NOT_A_TIME else None
    return with_missing(ticks, missing, pa.timestamp(unit) if kind == "M" else pa.duration(unit))


def with_missing(
    values: npt.NDArray[Any], missing: npt.NDArray[np.bool_] | None, arrow_type: pa.DataType
) -> pa.Array:
    """An Arrow array over the memory of a contiguous one."""
    import numpy as np
    import pyarrow as pa

    bits = None if missing is None else pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Array.from_buffers(arrow_type, len(values), [bits, pa.py_buffer(values)])


def numbers_from_arrow(column: pa.Array | pa.ChunkedArray, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """What `numbers_to_arrow` was given; the caller may write into it."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if dtype.kind in "mM":
        unit = np.datetime_data(dtype)[0]
        arrow_unit = unit if unit in _ARROW_UNITS and np.datetime_data(dtype)[1] == 1 else "s"
        wanted = pa.timestamp(arrow_unit) if dtype.kind == "M" else pa.duration(arrow_unit)
        if column.type != wanted and pa.types.is_timestamp(column.type) and column.type.tz is not None:
            wanted = pa.timestamp(arrow_unit, column.type.tz)
        ticks = pc.fill_null(column.cast(wanted).cast(pa.int64()), _NOT_A_TIME)
        found = _writable(ticks).view(f"{dtype.kind}8[{arrow_unit}]")
        return found.astype(dtype, copy=False)
    if dtype.kind == "f" and column.null_count:
        return _writable(pc.fill_null(column, float("nan"))).astype(dtype, copy=False)
    return _writable(column).astype(dtype, copy=False)


def one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The chunks of a column as one array."""
    import pyarrow as pa

    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    found = column.combine_chunks()
    # Some releases answer with a chunked array again.
    return (
        found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks or [pa.nulls(0, column.type)])
    )


def _writable(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray) and len(column) >= _MUCH and not column.null_count:
        return _joined(column)
    options = {} if isinstance(column, pa.ChunkedArray) else {"zero_copy_only": False}
    found: npt.NDArray[Any] = column.to_numpy(**options)
    return found if found.flags.writeable else found.copy()


def _joined(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """The chunks of a long column as one array, copied by several threads: fresh memory comes slowly."""
    import numpy as np

    parts = [each.to_numpy(zero_copy_only=False) for each in column.chunks]
    found = np.empty(len(column), parts[0].dtype)
    places = np.cumsum([len(each) for each in parts])[:-1]
    for each in [
        pool().submit(np.copyto, target, part)
        for target, part in zip(np.split(found, places), parts, strict=True)
    ]:
        each.result()
    return found

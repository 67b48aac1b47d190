"""Arrays of numpy as Arrow tables, and exactly the same back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbproof.core.errors import Invalid
from nbproof.datasets.numpy_columns import is_number, numbers_from_arrow, numbers_to_arrow
from nbproof.datasets.objects import objects_from_arrow, objects_to_arrow

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["array_from_arrow", "numpy_to_arrow"]


def numpy_to_arrow(array: npt.NDArray[Any]) -> tuple[pa.Table, dict[str, Any]]:
    """An array as a table: a column named `value`, columns named 0, 1, ... or by the fields of its rows."""
    import numpy as np
    import pyarrow as pa

    restore: dict[str, Any] = {"object": "array", "dtype": array.dtype.str}
    if isinstance(array, np.ma.MaskedArray):
        raise Invalid(
            "a masked array is not one table column after another",
            hint="make a frame of it, or fill it first: array.filled(numpy.nan)",
            details={"field": "value"},
        )
    if type(array) not in (np.ndarray, np.memmap):
        known = {np.recarray: "recarray", np.matrix: "matrix"}.get(type(array))
        if known is None:
            raise Invalid(
                f"a {type(array).__name__} would come back as a plain array",
                hint="register numpy.asarray(...) of it",
                details={"field": "value"},
            )
        restore["class"] = known
    columns: dict[str, npt.NDArray[Any]]
    if array.dtype.names is not None:
        if array.ndim != 1:
            raise _shape(array)
        restore["dtype"] = _structure(array.dtype)
        columns = {name: np.asarray(array[name]) for name in array.dtype.names}
    elif array.ndim == 1:
        columns = {"value": np.asarray(array)}
    elif array.ndim == 2:
        restore["shape"] = list(array.shape)
        plain = np.asarray(array)
        columns = {str(place): plain[:, place] for place in range(array.shape[1])}
    else:
        raise _shape(array)
    arrays, notes = [], {}
    for name, column in columns.items():
        found, note = _column(column, name)
        arrays.append(found)
        if note is not None:
            notes[name] = note
    if notes:
        restore["fields"] = notes
    return pa.Table.from_arrays(arrays, names=list(columns)), restore


def array_from_arrow(table: pa.Table, restore: Mapping[str, Any]) -> Any:
    """What `numpy_to_arrow` was given, or some rows and columns of it."""
    import numpy as np

    notes = restore.get("fields", {})
    dtype = restore["dtype"]
    found: Any
    if isinstance(dtype, list):
        wanted = np.dtype([(name, kind) for name, kind in dtype if name in table.column_names])
        found = np.empty(table.num_rows, wanted)
        for name, kind in dtype:
            if name in table.column_names:
                found[name] = _values(table.column(name), np.dtype(kind), notes.get(name))
    elif "shape" in restore:
        rows = table.num_rows if table.num_columns else restore["shape"][0]
        found = np.empty((rows, table.num_columns), np.dtype(dtype))
        for place, name in enumerate(table.column_names):
            found[:, place] = _values(table.column(name), found.dtype, notes.get(name))
    else:
        found = _values(table.column("value"), np.dtype(dtype), notes.get("value"))
    if kind := restore.get("class"):
        found = found.view(getattr(np, kind))
    return found


def _structure(dtype: np.dtype[Any]) -> list[list[str]]:
    import numpy as np

    fields = [(name, dtype[name]) for name in dtype.names or ()]
    for name, kind in fields:
        if kind.names is not None or kind.shape:
            raise Invalid(
                f"field {name!r} of the array has {kind}, fields within a field or several values",
                hint="give each value a field of its own",
                details={"field": name, "dtype": str(kind)},
            )
    if np.dtype([(name, kind) for name, kind in fields]) != dtype:
        raise Invalid(
            "the array's fields lie apart or over each other in memory",
            hint="copy it first: numpy.lib.recfunctions.repack_fields(array)",
            details={"field": fields[0][0]},
        )
    return [[name, kind.str] for name, kind in fields]


def _shape(array: npt.NDArray[Any]) -> Invalid:
    return Invalid(
        f"an array of {array.ndim} dimensions {array.shape} is no table, which has one or two",
        hint="reshape it to rows and columns: array.reshape(len(array), -1), or save it as a file: numpy.save"
        if array.ndim
        else "make it an array of one row: array.reshape(1)",
        details={"field": "value", "shape": list(array.shape)},
    )


def _column(values: npt.NDArray[Any], name: str) -> tuple[pa.Array, Any]:
    import pyarrow as pa

    kind = values.dtype.kind
    found = None
    if kind == "O":
        return objects_to_arrow(values.tolist(), name)
    if kind == "U":
        found = pa.array(values.tolist(), pa.large_string())
    elif kind == "S":
        found = pa.array(values.tolist(), pa.large_binary())
    elif is_number(values.dtype):
        found = numbers_to_arrow(values)
    if found is None:
        raise Invalid(
            f"column {name!r} of the array has the dtype {values.dtype}, which Arrow does not hold",
            hint="keep the real and imaginary parts apart: array.real, array.imag"
            if kind == "c"
            else "convert it first, for instance: array.astype(float)",
            details={"field": name, "dtype": str(values.dtype)},
        )
    return found, None


def _values(column: pa.ChunkedArray, dtype: np.dtype[Any], note: Any) -> npt.NDArray[Any]:
    import numpy as np

    if note is not None:
        return objects_from_arrow(column, note)
    if dtype.kind in "US":
        return np.array(column.to_pylist(), dtype)
    return numbers_from_arrow(column, dtype)

"""Labels and short arrays as plain JSON, to be had again exactly."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["held_array", "held_codes", "hold_array", "hold_codes", "is_plain", "same"]

_PLAIN = ("string", "large_string", "bool", "int8", "int16", "int32", "int64", "double")
_LISTED = 1000  # values that are still written one by one


def is_plain(value: object) -> bool:
    """Whether JSON has a word for exactly this value, containers left out."""
    return value is None or type(value) in (str, int, bool) or (type(value) is float and math.isfinite(value))


def same(left: object, right: object) -> bool:
    """Whether two values of JSON are equal in type, value and order, so that 1, 1.0 and True are three."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    # repr: -0.0 isn't 0.0, and NaN is NaN.
    return repr(left) == repr(right) if isinstance(left, float) else left == right


def hold_array(array: pa.Array) -> dict[str, Any]:
    """An Arrow array as JSON: its values where they're few and plain, else Arrow's own bytes."""
    import pyarrow as pa

    kind = str(array.type)
    if kind in _PLAIN and len(array) <= _LISTED:
        values = array.to_pylist()
        if all(map(is_plain, values)):
            return {"type": kind, "values": values}
    sink = pa.BufferOutputStream()
    batch = pa.record_batch([array], names=["values"])
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(batch)
    return {"arrow": base64.b64encode(sink.getvalue()).decode()}


def held_array(held: dict[str, Any]) -> pa.Array:
    """What `hold_array` was given."""
    import pyarrow as pa

    if "arrow" in held:
        with pa.ipc.open_stream(base64.b64decode(held["arrow"])) as reader:
            return reader.read_next_batch().column(0)
    return pa.array(
        held["values"], getattr(pa, {"double": "float64", "bool": "bool_"}.get(held["type"], held["type"]))()
    )


def hold_codes(codes: Sequence[int] | npt.NDArray[np.integer[Any]]) -> str:
    """Small numbers, one a row, as a short text."""
    import numpy as np

    return base64.b64encode(zlib.compress(np.asarray(codes, "<i2").tobytes(), 6)).decode()


def held_codes(held: str) -> npt.NDArray[np.int16]:
    """What `hold_codes` was given."""
    import numpy as np

    return np.frombuffer(zlib.decompress(base64.b64decode(held)), "<i2")

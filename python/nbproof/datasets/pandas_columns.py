"""Columns and indexes of pandas as Arrow arrays, and exactly the same back.

Each dtype has its own way, there and back; what Arrow cannot say stands in a `Note` beside the array.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbproof.core.errors import Invalid
from nbproof.datasets.held import held_array, hold_array, is_plain
from nbproof.datasets.numpy_columns import (
    is_number,
    numbers_from_arrow,
    numbers_to_arrow,
    one_array,
    with_missing,
)
from nbproof.datasets.objects import (
    Note,
    Refused,
    objects_from_arrow,
    objects_to_arrow,
    zone_from_json,
    zone_name,
    zone_to_json,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = [
    "codes_of",
    "column_from_arrow",
    "column_to_arrow",
    "freq_of",
    "held_index",
    "held_label",
    "hold_index",
    "hold_label",
    "index_of",
    "loses_freq",
    "with_categories",
]


def column_to_arrow(array: Any, field: str) -> tuple[pa.Array | pa.ChunkedArray, Note]:
    """An array of pandas or numpy as an Arrow array.

    Parameters
    ----------
    array : pandas.api.extensions.ExtensionArray or numpy.ndarray
        Of one dimension, such as `series.array`.
    field : str
        Its column, for the error.

    Raises
    ------
    Invalid
        Where its dtype is unknown or its values would not come back as they are.
    """
    import numpy as np
    import pandas as pd

    if type(array) is pd.arrays.NumpyExtensionArray:  # strings are a kind of it
        array = array.to_numpy()
    dtype = array.dtype
    try:
        if isinstance(dtype, np.dtype) and dtype.kind != "O":
            return _numpy_to_arrow(np.asarray(array))
        if isinstance(dtype, np.dtype):
            return objects_to_arrow(np.asarray(array, dtype=object).tolist(), field)
        for kind, encode in _encoders(pd):
            if isinstance(dtype, kind):
                return encode(array, field)
        raise Refused(f"has the dtype {dtype}, which is not one of pandas' own")
    except Refused as refused:
        raise refused.invalid(field, dtype=str(dtype)) from None


def column_from_arrow(column: pa.Array | pa.ChunkedArray, note: Note) -> Any:
    """What `column_to_arrow` was given: an array of numpy or pandas."""
    decode = _DECODERS.get(note.get("dtype", ""))
    return decode(column, note) if decode else objects_from_arrow(column, note)


def _encoders(pd: Any) -> list[tuple[type, Callable[[Any, str], tuple[Any, Note]]]]:
    signed = [pd.Int8Dtype, pd.Int16Dtype, pd.Int32Dtype, pd.Int64Dtype]
    unsigned = [pd.UInt8Dtype, pd.UInt16Dtype, pd.UInt32Dtype, pd.UInt64Dtype]
    masked = [*signed, *unsigned, pd.Float32Dtype, pd.Float64Dtype, pd.BooleanDtype]
    return [
        *((dtype, _masked_to_arrow) for dtype in masked),
        (pd.StringDtype, _string_to_arrow),
        (pd.CategoricalDtype, _category_to_arrow),
        (pd.DatetimeTZDtype, _zoned_to_arrow),
        (pd.ArrowDtype, _arrow_to_arrow),
        (pd.PeriodDtype, _period_to_arrow),
        (pd.IntervalDtype, _interval_to_arrow),
        (pd.SparseDtype, _sparse_to_arrow),
    ]


# --------------------------------------------------------------------------------------------------- numpy


def _numpy_to_arrow(values: npt.NDArray[Any]) -> tuple[pa.Array, Note]:
    found = numbers_to_arrow(values) if is_number(values.dtype) else None
    if found is None:
        if values.dtype.kind == "c":
            raise Refused(
                f"holds complex numbers ({values.dtype})",
                "make two columns of it: {column}.to_numpy().real and {column}.to_numpy().imag",
            )
        raise Refused(f"holds {values.dtype}")
    return found, {"dtype": "numpy", "of": values.dtype.str}


def _numpy_from_arrow(column: pa.Array | pa.ChunkedArray, note: Note) -> npt.NDArray[Any]:
    import numpy as np

    return numbers_from_arrow(column, np.dtype(note["of"]))


# ---------------------------------------------------------------------------------- nullable, strings, Arrow


def _masked_to_arrow(array: Any, _: str) -> tuple[pa.Array, Note]:
    import pyarrow as pa

    # from_pandas=False: in a nullable float NaN is a value, and NA is what is missing.
    return pa.array(array, from_pandas=False), {"dtype": "masked", "of": array.dtype.name}


def _masked_from_arrow(column: pa.Array | pa.ChunkedArray, note: Note) -> Any:
    import numpy as np
    import pandas as pd
    import pyarrow.compute as pc

    dtype: Any = pd.api.types.pandas_dtype(note["of"])
    mask = numbers_from_arrow(column.is_null(), np.dtype(bool))
    filled = pc.fill_null(column, False if dtype.kind == "b" else 0) if column.null_count else column
    return dtype.construct_array_type()(numbers_from_arrow(filled, dtype.numpy_dtype), mask)


def _string_to_arrow(array: Any, field: str) -> tuple[pa.Array | pa.ChunkedArray, Note]:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    dtype = array.dtype
    storage = dtype.storage
    missing = "NA" if getattr(dtype, "na_value", pd.NA) is pd.NA else "nan"
    if storage == "pyarrow_numpy":
        storage = "pyarrow"
    note = {"dtype": "string", "storage": storage, "missing": missing}
    if storage == "pyarrow":
        return pa.array(array), note
    try:
        objects = np.asarray(array, dtype=object)
        return pa.array(objects, pa.large_string(), from_pandas=True), note
    except UnicodeEncodeError:
        raise Refused("holds text with half of a surrogate pair, which is no Unicode") from None


def _string_from_arrow(column: pa.Array | pa.ChunkedArray, note: Note) -> Any:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    if note["missing"] == "NA":
        dtype: Any = pd.StringDtype(note["storage"])
    else:
        try:
            dtype = pd.StringDtype(note["storage"], na_value=np.nan)
        except TypeError:  # pandas 2.2 has one such dtype, under a name of its own
            dtype = pd.StringDtype("pyarrow_numpy")
    if not isinstance(column, pa.ChunkedArray):
        column = pa.chunked_array([column])
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        column = column.cast(pa.large_string())
    return dtype.__from_arrow__(column)


def _arrow_to_arrow(array: Any, _: str) -> tuple[pa.Array | pa.ChunkedArray, Note]:
    import pyarrow as pa

    found = pa.array(array)
    note: Note = {"dtype": "arrow"}
    if pa.types.is_dictionary(found.type) and len(found):
        found = found.unify_dictionaries() if isinstance(found, pa.ChunkedArray) else found
        first = found.chunk(0) if isinstance(found, pa.ChunkedArray) else found
        note["dictionary"] = hold_array(first.dictionary)
    return found, note


def _arrow_from_arrow(column: pa.Array | pa.ChunkedArray, note: Note) -> Any:
    import pandas as pd
    import pyarrow as pa

    column = with_categories(column, note)
    if not isinstance(column, pa.ChunkedArray):
        column = pa.chunked_array([column])
    return pd.arrays.ArrowExtensionArray(column)


# ---------------------------------------------------------------------------------------------- categorical


def _category_to_arrow(array: Any, field: str) -> tuple[pa.Array, Note]:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    categories = array.categories
    note: Note = {
        "dtype": "category",
        "ordered": bool(array.ordered),
        "categories": hold_index(categories, field),
    }
    words = None
    if categories.dtype != object or pd.api.types.infer_dtype(categories) == "string":
        words = one_array(column_to_arrow(categories.array, field)[0])
    if words is None or not _is_word(words.type) or words.null_count:
        # Numbers and words may stand in a dictionary; intervals and what else is shown as its text.
        texts = [str(category) for category in categories]
        if len(set(texts)) < len(texts):
            texts = [f"{text} ({place})" for place, text in enumerate(texts)]
        words = pa.array(texts, pa.large_string())
        note["dictionary"] = hold_array(words)
    codes = np.ascontiguousarray(array.codes)
    missing = codes < 0 if len(codes) and codes.min() < 0 else None
    indices = with_missing(codes, missing, pa.from_numpy_dtype(codes.dtype))
    assert isinstance(array.dtype, pd.CategoricalDtype)
    return pa.DictionaryArray.from_arrays(indices, words, ordered=bool(array.ordered)), note


def _is_word(arrow_type: pa.DataType) -> bool:
    import pyarrow as pa

    kinds = pa.types
    return bool(
        kinds.is_string(arrow_type)
        or kinds.is_large_string(arrow_type)
        or kinds.is_integer(arrow_type)
        or kinds.is_floating(arrow_type)
        or kinds.is_timestamp(arrow_type)
    )


def _category_from_arrow(column: pa.Array | pa.ChunkedArray, note: Note) -> Any:
    import pandas as pd

    categories = held_index(note["categories"])
    dtype = pd.CategoricalDtype(categories, ordered=note["ordered"])
    return pd.Categorical.from_codes(codes_of(column, _words(note)), dtype=dtype)


def _words(note: Note) -> pa.Array:
    """The dictionary of a column, as it was made."""
    if "dictionary" in note:
        return held_array(note["dictionary"])
    return one_array(column_to_arrow(held_index(note["categories"]).array, "")[0])


def with_categories(column: pa.Array | pa.ChunkedArray, note: Note) -> pa.Array | pa.ChunkedArray:
    """The column with the dictionary it came with: also the categories no row has, in their order."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type) or not ("dictionary" in note or "categories" in note):
        return column
    words = _words(note)
    codes = codes_of(column, words)
    missing = codes < 0 if len(codes) and codes.min() < 0 else None
    indices = with_missing(codes, missing, pa.int32()).cast(column.type.index_type)
    return pa.DictionaryArray.from_arrays(indices, words, ordered=column.type.ordered)


def codes_of(column: pa.Array | pa.ChunkedArray, words: pa.Array) -> npt.NDArray[np.int32]:
    """The place of each value among `words`, -1 where it is null.

    The column may be a dictionary in another order, or none at all, as stores and engines make of it.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = []
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        if not pa.types.is_dictionary(chunk.type):
            places = pc.index_in(chunk.cast(words.type), words, skip_nulls=True)
        elif chunk.dictionary.equals(words):
            places = chunk.indices
        else:
            places = pc.index_in(chunk.dictionary.cast(words.type), words, skip_nulls=True).take(
                chunk.indices
            )
        if places.null_count > chunk.null_count:
            raise Invalid("a column holds values that are none of its categories", details={"field": "table"})
        parts.append(pc.fill_null(places.cast(pa.int32()), -1).to_numpy(zero_copy_only=False))
    return np.ascontiguousarray(np.concatenate(parts) if parts else np.empty(0), np.int32)


# -------------------------------------------------------------------------------------------- times, spans


def _zoned_to_arrow(array: Any, field: str) -> tuple[pa.Array, Note]:
    import numpy as np
    import pyarrow as pa

    zone = zone_to_json(array.dtype.tz)
    ticks = np.ascontiguousarray(array.asi8).view(f"M8[{array.dtype.unit}]")
    found = numbers_to_arrow(ticks)
    assert found is not None
    return found.view(pa.timestamp(array.dtype.unit, zone_name(array.dtype.tz))), {
        "dtype": "zoned",
        "unit": array.dtype.unit,
        "zone": zone,
    }


def _zoned_from_arrow(column: pa.Array | pa.ChunkedArray, note: Note) -> Any:
    import numpy as np
    import pandas as pd

    times = pd.DatetimeIndex(numbers_from_arrow(column, np.dtype(f"M8[{note['unit']}]")))
    return times.tz_localize("UTC").tz_convert(zone_from_json(note["zone"])).array


def _period_to_arrow(array: Any, field: str) -> tuple[pa.Array, Note]:
    """Periods as the time they start at; as numbers where that lies beyond the times of pandas."""
    import numpy as np
    import pandas as pd

    note: Note = {"dtype": "period", "freq": str(array.dtype).removeprefix("period[").removesuffix("]")}
    ordinals = np.ascontiguousarray(array.asi8)
    if pd.PeriodDtype(note["freq"]) != array.dtype:
        raise Refused(f"holds periods of {array.dtype.freq!r}")
    try:
        starts = pd.PeriodIndex(array).to_timestamp(how="start")
        if np.array_equal(starts.to_period(array.dtype.freq).asi8, ordinals):
            found = numbers_to_arrow(starts.to_numpy())
            assert found is not None
            return found, {**note, "starts": starts.to_numpy().dtype.str}
    except (ValueError, OverflowError):
        pass
    missing = np.asarray(array.isna())
    import pyarrow as pa

    return with_missing(ordinals, missing if missing.any() else None, pa.int64()), note


def _period_from_arrow(column: pa.Array | pa.ChunkedArray, note: Note) -> Any:
    import numpy as np
    import pandas as pd
    import pyarrow.compute as pc

    if "starts" in note:
        times = pd.DatetimeIndex(numbers_from_arrow(column, np.dtype(note["starts"])))
        return times.to_period(note["freq"]).array
    ordinals = numbers_from_arrow(pc.fill_null(column, -(2**63)), np.dtype(np.int64))
    return pd.arrays.PeriodArray(ordinals, dtype=pd.PeriodDtype(note["freq"]))


def _interval_to_arrow(array: Any, field: str) -> tuple[pa.Array, Note]:
    import numpy as np
    import pyarrow as pa

    left, note = column_to_arrow(array.left.array, field)
    right, _ = column_to_arrow(array.right.array, field)
    missing = np.asarray(array.isna())
    found = pa.StructArray.from_arrays(
        [one_array(left), one_array(right)],
        names=["left", "right"],
        mask=pa.array(missing) if missing.any() else None,
    )
    return found, {"dtype": "interval", "closed": array.closed, "ends": note}


def _interval_from_arrow(column: pa.Array | pa.ChunkedArray, note: Note) -> Any:
    import pandas as pd

    ends = [pd.Index(column_from_arrow(end, note["ends"])) for end in one_array(column).flatten()]
    return pd.arrays.IntervalArray.from_arrays(ends[0], ends[1], closed=note["closed"])


def _sparse_to_arrow(array: Any, field: str) -> tuple[pa.Array, Note]:
    """All values; which of them are left out in memory is told by the fill value."""
    import numpy as np
    import pandas as pd

    dtype = array.dtype
    if dtype.subtype.kind == "O":
        raise Refused("holds sparse objects")
    dense, note = _numpy_to_arrow(np.asarray(array, dtype=dtype.subtype))
    return dense, {
        "dtype": "sparse",
        "fill": None if pd.isna(dtype.fill_value) else hold_label(dtype.fill_value, field),
        "kind": array.kind,
        "values": note,
    }


def _sparse_from_arrow(column: pa.Array | pa.ChunkedArray, note: Note) -> Any:
    import pandas as pd

    dense = _numpy_from_arrow(column, note["values"])
    held = note["fill"]
    fill = pd.SparseDtype(dense.dtype).fill_value if held is None else held_label(held)
    return pd.arrays.SparseArray(
        dense, fill_value=fill, kind=note["kind"], dtype=pd.SparseDtype(dense.dtype, fill)
    )


_DECODERS: dict[str, Callable[[Any, Note], Any]] = {
    "numpy": _numpy_from_arrow,
    "masked": _masked_from_arrow,
    "string": _string_from_arrow,
    "arrow": _arrow_from_arrow,
    "category": _category_from_arrow,
    "zoned": _zoned_from_arrow,
    "period": _period_from_arrow,
    "interval": _interval_from_arrow,
    "sparse": _sparse_from_arrow,
}


# -------------------------------------------------------------------------------------- labels and indexes


def hold_label(label: Any, field: str) -> Any:
    """A name of a column or level as JSON."""
    if is_plain(label):
        return label
    if type(label) is tuple:
        return {"tuple": [hold_label(part, field) for part in label]}
    try:
        array, note = objects_to_arrow([label], field)
    except Invalid:
        raise Invalid(
            f"the label {label!r} is a {type(label).__name__}, which would not come back unchanged",
            hint="make texts of the labels: frame.rename(columns=str), frame.rename_axis(...)",
            details={"field": field},
        ) from None
    return {"values": hold_array(array), "note": note}


def held_label(held: Any) -> Any:
    """What `hold_label` was given."""
    if not isinstance(held, dict):
        return held
    if "tuple" in held:
        return tuple(map(held_label, held["tuple"]))
    return objects_from_arrow(held_array(held["values"]), held["note"])[0]


def hold_index(index: Any, field: str) -> dict[str, Any]:
    """A short index, such as that of the columns or of categories, as JSON."""
    import pandas as pd

    held: dict[str, Any] = {"names": [hold_label(name, field) for name in index.names]}
    if isinstance(index, pd.RangeIndex):
        return {**held, "range": [index.start, index.stop, index.step]}
    if isinstance(index, pd.MultiIndex):
        return {
            **held,
            "levels": [hold_index(level, field) for level in index.levels],
            "codes": [codes.tolist() for codes in index.codes],
        }
    if index.dtype == object:
        return {**held, "labels": [hold_label(label, field) for label in index]}
    array, note = column_to_arrow(index.array, field)
    return {**held, "values": hold_array(one_array(array)), "note": note, "freq": freq_of(index)}


def held_index(held: dict[str, Any]) -> Any:
    """What `hold_index` was given."""
    import numpy as np
    import pandas as pd

    names = [held_label(name) for name in held["names"]]
    if "range" in held:
        start, stop, step = held["range"]
        return pd.RangeIndex(start, stop, step, name=names[0])
    if "levels" in held:
        levels = [held_index(level) for level in held["levels"]]
        return pd.MultiIndex(levels=levels, codes=held["codes"], names=names)
    if "labels" in held:
        labels = np.fromiter(map(held_label, held["labels"]), object, len(held["labels"]))
        return index_of(labels, names[0])
    return index_of(column_from_arrow(held_array(held["values"]), held["note"]), names[0], held["freq"])


def index_of(values: Any, name: Any, freq: str | None = None) -> Any:
    """An index over an array, of the array's own dtype."""
    import pandas as pd
    from pandas.tseries.frequencies import to_offset

    # Tuples are labels here, not levels.
    index: Any = pd.Index(values, dtype=values.dtype, name=name, tupleize_cols=False)
    if freq is not None:
        # Of some rows only, which need not follow each other at that distance, it is none.
        with contextlib.suppress(ValueError):
            index.freq = to_offset(freq)
    return index


def loses_freq(index: Any) -> bool:
    """Whether an index has a frequency that `freq_of` cannot tell."""
    return _freq(index) is not None and freq_of(index) is None


def _freq(index: Any) -> Any:
    import pandas as pd

    # That of periods is part of their dtype.
    return index.freq if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex) else None


def freq_of(index: Any) -> str | None:
    """The frequency of an index, where its name says it all."""
    from pandas.tseries.frequencies import to_offset

    freq = _freq(index)
    if freq is None:
        return None
    try:
        told = to_offset(freq.freqstr)
    except ValueError:
        return None
    return str(freq.freqstr) if told == freq else None

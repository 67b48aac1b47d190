"""Python objects as an Arrow array, and the very same objects back.

What one Arrow type holds becomes that type: strings, bytes, numbers, decimals, dates, times, identifiers,
lists, tuples, arrays and dictionaries of them.  What else JSON can say exactly becomes its JSON text.  All
other columns are refused: nothing is changed in silence.  The way of writing is chosen by exact types, so
it need not be tried out; what is beyond Arrow (which kind of missing value stood where, how many trailing
zeros a decimal had) is kept beside it, in the `Note`.
"""

from __future__ import annotations

import datetime as dt
import decimal
import importlib
import json
import math
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from nbproof.core.errors import Invalid
from nbproof.datasets.held import held_codes, hold_codes, same
from nbproof.datasets.numpy_columns import one_array

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = [
    "Note",
    "Refused",
    "objects_from_arrow",
    "objects_to_arrow",
    "zone_from_json",
    "zone_name",
    "zone_to_json",
]

Note: TypeAlias = dict[str, Any]
"""What must be known beside an Arrow array to have the objects again; plain JSON."""

_DEEPEST = 32
_EXACT = 2**53  # up to here each integer is a float of its own


class Refused(Exception):
    """No Arrow type holds these values exactly.

    Its text ends the sentence "column 'x' ..."; its hint may say {column} for ``frame["x"]``.
    """

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint or "give it one type first, for instance: {column} = {column}.astype(str)"

    def invalid(self, field: str, **details: Any) -> Invalid:
        """What the user is told."""
        return Invalid(
            f"column {field!r} {self}, which would not come back unchanged",
            hint=self.hint.replace("{column}", f'frame["{field}"]'),
            details={"field": field, **details},
        )


def objects_to_arrow(values: Sequence[Any], field: str) -> tuple[pa.Array, Note]:
    """Objects as an Arrow array.

    Raises
    ------
    Invalid
        Where that would change one of them.
    """
    import pyarrow as pa

    values = list(values)
    try:
        return _encode(values, 0)
    except (Refused, pa.ArrowException, OverflowError, UnicodeEncodeError) as structural:
        try:
            return _encode_json(values)
        except Refused:
            beyond = Refused(f"holds {_found(values)} beyond what Arrow holds")
            reason = structural if isinstance(structural, Refused) else beyond
    raise reason.invalid(field, found={_word(kind): count for kind, count in _kinds(values)})


def objects_from_arrow(column: pa.Array | pa.ChunkedArray, note: Note) -> npt.NDArray[np.object_]:
    """What `objects_to_arrow` was given, as an array of objects."""
    return _decode(one_array(column), note)


# ------------------------------------------------------------------------------------------------- missing


def _missing_kinds() -> dict[str, object]:
    import numpy as np
    import pandas as pd

    return {
        "None": None,
        "nan": math.nan,
        "NA": pd.NA,
        "NaT": pd.NaT,
        "Decimal": decimal.Decimal("NaN"),
        "float64": np.float64("nan"),
        "float32": np.float32("nan"),
        "float16": np.float16("nan"),
    }


def _missing_codes(values: list[Any], kinds: set[type]) -> list[int] | None:
    """Which kind of missing value each is, -1 for none; None where no value can be missing."""
    import numpy as np

    missing = _missing_kinds()
    quiet = decimal.Decimal("NaN").as_tuple()
    may_be = {type(value): code for code, value in enumerate(missing.values())}
    if not kinds & may_be.keys():
        return None
    numbers = (float, decimal.Decimal, *(kind for kind in may_be if issubclass(kind, np.floating)))
    if not any(issubclass(kind, numbers) for kind in kinds):
        return [may_be.get(kind, -1) for kind in map(type, values)]

    def code(value: Any) -> int:
        found = may_be.get(type(value), -1)
        if found < 0 or not isinstance(value, numbers):
            return found
        if isinstance(value, decimal.Decimal):
            return found if value.as_tuple() == quiet else -1
        return found if value != value else -1

    return list(map(code, values))


def _missing_note(codes: list[int] | None) -> Note:
    """Which kinds of missing values there are; nothing where all are None."""
    found = [code for code in codes or () if code >= 0]
    if len(set(found)) > 1:
        return {"codes": hold_codes(found)}
    return {"missing": list(_missing_kinds())[found[0]]} if found and found[0] else {}


def _fill_missing(found: npt.NDArray[np.object_], null: npt.NDArray[np.bool_], note: Note) -> None:
    import numpy as np

    kinds = list(_missing_kinds().values())
    if "codes" in note:
        places = np.flatnonzero(null)
        for place, code in zip(
            places.tolist(), held_codes(note["codes"])[: len(places)].tolist(), strict=False
        ):
            found[place] = kinds[code]
    else:
        found[null] = _missing_kinds()[note.get("missing", "None")]


# -------------------------------------------------------------------------------------------------- encode


def _encode(values: list[Any], depth: int) -> tuple[pa.Array, Note]:
    import pyarrow as pa

    if depth > _DEEPEST:
        raise Refused(f"holds values nested more than {_DEEPEST} deep")
    kinds = set(map(type, values))
    codes = _missing_codes(values, kinds)
    note = _missing_note(codes)
    present = values
    if codes is not None:
        present = [value for value, code in zip(values, codes, strict=True) if code < 0]
        values = [None if code >= 0 else value for value, code in zip(values, codes, strict=True)]
        kinds = set(map(type, present))
    if not kinds:
        # Parquet cannot say that the items of a list have no type.
        return pa.nulls(len(values), pa.bool_() if depth else pa.null()), {"of": "null", **note}
    array, told = _encode_present(values, present, kinds, depth)
    return array, {**told, **note}


def _encode_present(
    values: list[Any], present: list[Any], kinds: set[type], depth: int
) -> tuple[pa.Array, Note]:
    """`values` with None for what is missing, and those that are not."""
    import numpy as np
    import pyarrow as pa

    if kinds == {int, float}:
        return _encode_numbers(values, present)
    if len(kinds) > 1:
        raise Refused(f"holds {_found(present)}")
    kind = next(iter(kinds))
    if simple := _SIMPLE.get(kind):
        name, arrow_type = simple
        return pa.array(values, getattr(pa, arrow_type)()), {"of": name}
    if kind is int:
        low, high = min(present), max(present)
        if low >= -(2**63) and high < 2**63:
            return pa.array(values, pa.int64()), {"of": "int"}
        if low >= 0 and high < 2**64:
            return pa.array(values, pa.uint64()), {"of": "int"}
        raise Refused("holds integers beyond 64 bits")
    if kind is np.ndarray:
        return _encode_arrays(values, present)
    if encoder := _ENCODERS.get(kind):
        return encoder(values, present, depth)
    if issubclass(kind, np.bool_ | np.integer | np.floating) and kind is not np.longdouble:
        dtype = np.dtype(kind)
        mask = np.fromiter((value is None for value in values), bool, len(values))
        filled = np.array([dtype.type(0) if value is None else value for value in values], dtype)
        return pa.array(filled, mask=mask), {"of": "numpy", "dtype": dtype.name}
    if kind.__module__.partition(".")[0] == "pandas":
        return _encode_pandas(values, present, kind)
    raise Refused(f"holds {_found(present)}")


_SIMPLE: dict[type, tuple[str, str]] = {
    str: ("str", "large_string"),
    bytes: ("bytes", "large_binary"),
    bool: ("bool", "bool_"),
    float: ("float", "float64"),
    dt.date: ("date", "date32"),
}


def _encode_numbers(values: list[Any], present: list[Any]) -> tuple[pa.Array, Note]:
    """Integers among floats: floats, and which of them were integers."""
    import pyarrow as pa

    if any(type(value) is int and abs(value) > _EXACT for value in present):
        raise Refused(f"holds {_found(present)}, some integers too large for a float")
    whole = hold_codes([type(value) is int for value in present])
    return pa.array(values, pa.float64()), {"of": "numbers", "whole": whole}


def _encode_decimals(values: list[Any], present: list[Any], _: int) -> tuple[pa.Array, Note]:
    import pyarrow as pa

    if not all(map(decimal.Decimal.is_finite, present)):
        raise Refused("holds decimals that are no numbers, such as Infinity")
    if any(value.is_zero() and value.is_signed() for value in present):
        raise Refused("holds negative zeros among its decimals")
    exponents = [value.as_tuple().exponent for value in present]
    low, high = min(exponents), max(exponents)
    if low < -76 or high > 76:
        raise Refused("holds decimals of more than 76 digits")
    # Written out: 1E+3 has one digit and needs four.
    digits = max(
        max(len(value.as_tuple().digits) + exponent, 0)
        for value, exponent in zip(present, exponents, strict=True)
    )
    scale = max(0, -low)
    precision = max(digits + scale, 1)
    if precision > 76:
        raise Refused("holds decimals of more than 76 digits")
    arrow_type = pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
    note: Note = {"of": "decimal"}
    if low != high or low > 0:
        note["exponents"] = hold_codes(exponents)
    return pa.array(values, arrow_type), note


def _encode_times(values: list[Any], present: list[Any], _: int) -> tuple[pa.Array, Note]:
    import pyarrow as pa

    if any(value.tzinfo is not None for value in present):
        raise Refused("holds times of day with a time zone")
    return pa.array(values, pa.time64("us")), {"of": "time", **_folds(present)}


def _folds(present: list[Any]) -> Note:
    """Which times are the second of two that a clock shows alike when it is put back."""
    folds = [value.fold for value in present]
    return {"folds": hold_codes(folds)} if any(folds) else {}


def _encode_datetimes(values: list[Any], present: list[Any], _: int) -> tuple[pa.Array, Note]:
    import pyarrow as pa

    zones = {id(value.tzinfo): value.tzinfo for value in present}
    told = [zone_to_json(zone) for zone in zones.values()]
    if any(each != told[0] for each in told[1:]):
        raise Refused("holds times of several time zones")
    if told[0] is None:
        return pa.array(values, pa.timestamp("us")), {"of": "datetime", **_folds(present)}
    zone = zone_from_json(told[0])
    for value in present:
        # A wall time that a clock never showed would come back as another.
        back = value.astimezone(dt.UTC).astimezone(zone)
        if back.replace(tzinfo=None) != value.replace(tzinfo=None) or back.fold != value.fold:
            raise Refused(f"holds {value!r}, a time that its time zone skipped")
    return pa.array(values, pa.timestamp("us", zone_name(zone))), {"of": "datetime", "zone": told[0]}


def _encode_timedeltas(values: list[Any], present: list[Any], _: int) -> tuple[pa.Array, Note]:
    import pyarrow as pa

    return pa.array(values, pa.duration("us")), {"of": "timedelta"}


def _encode_uuids(values: list[Any], present: list[Any], _: int) -> tuple[pa.Array, Note]:
    import pyarrow as pa

    return pa.array([None if v is None else str(v) for v in values], pa.large_string()), {"of": "uuid"}


def _encode_lists(values: list[Any], present: list[Any], depth: int) -> tuple[pa.Array, Note]:
    items, note = _encode(list(chain.from_iterable(present)), depth + 1)
    return _lists(values, items), {"of": type(present[0]).__name__, "items": note}


def _encode_arrays(values: list[Any], present: list[Any]) -> tuple[pa.Array, Note]:
    import numpy as np
    import pyarrow as pa

    dtypes = {value.dtype for value in present}
    shapes = {value.shape for value in present}
    dtype = next(iter(dtypes))
    if len(dtypes) > 1 or dtype.kind not in "biuf" or dtype == np.longdouble or not dtype.isnative:
        raise Refused(f"holds arrays of {', '.join(sorted(map(str, dtypes)))}")
    if any(len(shape) != 1 for shape in shapes) and (len(shapes) > 1 or 0 in next(iter(shapes))):
        raise Refused("holds arrays of several shapes")
    items = pa.array(np.concatenate([value.ravel() for value in present]))
    note: Note = {"of": "ndarray", "dtype": dtype.name}
    shape = next(iter(shapes))
    if len(shape) != 1:
        note["shape"] = list(shape)
    return _lists(values, items), note


def _encode_dicts(values: list[Any], present: list[Any], depth: int) -> tuple[pa.Array, Note]:
    import numpy as np
    import pyarrow as pa

    keys = set(map(tuple, present))
    names = next(iter(keys))
    if len(keys) > 1 or not names or any(type(name) is not str for name in names):
        raise Refused("holds dictionaries with different keys")
    encoded = [_encode([None if v is None else v[name] for v in values], depth + 1) for name in names]
    array = pa.StructArray.from_arrays(
        [child for child, _ in encoded],
        names=list(names),
        mask=pa.array(np.fromiter((value is None for value in values), bool, len(values))),
    )
    return array, {"of": "dict", "names": list(names), "items": [note for _, note in encoded]}


_ENCODERS: dict[type, Callable[[list[Any], list[Any], int], tuple[pa.Array, Note]]] = {
    decimal.Decimal: _encode_decimals,
    dt.time: _encode_times,
    dt.datetime: _encode_datetimes,
    dt.timedelta: _encode_timedeltas,
    uuid.UUID: _encode_uuids,
    list: _encode_lists,
    tuple: _encode_lists,
    dict: _encode_dicts,
}


def _encode_pandas(values: list[Any], present: list[Any], kind: type) -> tuple[pa.Array, Note]:
    """Timestamps, timedeltas and periods: arrays of pandas, whose elements they are."""
    import pandas as pd

    from nbproof.datasets.pandas_columns import column_to_arrow

    built: Any
    if kind is pd.Timestamp or kind is pd.Timedelta:
        units = {value.unit for value in present}
        zones = [
            zone_to_json(zone)
            for zone in {id(z): z for z in (getattr(v, "tzinfo", None) for v in present)}.values()
        ]
        if len(units) > 1 or any(zone != zones[0] for zone in zones[1:]):
            raise Refused("holds times of several units or time zones")
        built = pd.DatetimeIndex(values) if kind is pd.Timestamp else pd.TimedeltaIndex(values)
        built = built.as_unit(units.pop())
        name = "Timestamp" if kind is pd.Timestamp else "Timedelta"
    elif kind is pd.Period:
        if len({value.freqstr for value in present}) > 1:
            raise Refused("holds periods of several lengths")
        built, name = pd.PeriodIndex(values), "Period"
    else:
        raise Refused(f"holds {_found(present)}")
    array, note = column_to_arrow(built.array, "")
    return array, {"of": name, "values": note}


def _lists(values: list[Any], items: pa.Array) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    sizes = (0 if v is None else v.size if isinstance(v, np.ndarray) else len(v) for v in values)
    lengths = np.fromiter(sizes, np.int64, len(values))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    null = np.fromiter((value is None for value in values), bool, len(values))
    return pa.LargeListArray.from_arrays(
        pa.array(offsets, pa.int64()), items, mask=pa.array(null) if null.any() else None
    )


def _encode_json(values: list[Any]) -> tuple[pa.Array, Note]:
    """The text of values that JSON says exactly; missing ones are told apart as everywhere."""
    import pyarrow as pa

    codes = _missing_codes(values, set(map(type, values))) or [-1] * len(values)
    note: Note = {"of": "json", **_missing_note(codes)}
    return pa.array(
        [_json(value) if code < 0 else None for value, code in zip(values, codes, strict=True)],
        pa.large_string(),
    ), note


def _json(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
        if not same(json.loads(text), value):
            raise Refused("holds what JSON cannot say")
        try:
            text.encode()
        except UnicodeEncodeError:
            return json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused("holds what JSON cannot say") from error
    return text


# -------------------------------------------------------------------------------------------------- decode


def _decode(array: pa.Array, note: Note) -> npt.NDArray[np.object_]:
    import numpy as np
    import pyarrow as pa

    null = np.asarray(array.is_null().to_numpy(zero_copy_only=False), bool)
    of = note["of"]
    values: Any
    if of in ("list", "tuple", "ndarray"):
        values = _decode_lists(array, note)
    elif of == "dict":
        children = [
            _decode(child, told).tolist() for child, told in zip(array.flatten(), note["items"], strict=True)
        ]
        values = [dict(zip(note["names"], row, strict=True)) for row in zip(*children, strict=True)]
    elif of in ("Timestamp", "Timedelta", "Period"):
        import pandas as pd

        from nbproof.datasets.pandas_columns import column_from_arrow

        # Through an index: its elements are pandas' own.
        values = list(pd.Index(column_from_arrow(array, note["values"])))
    elif of == "numpy":
        kind = np.dtype(note["dtype"]).type
        values = [None if value is None else kind(value) for value in array.to_pylist()]
    elif of in ("str", "json", "uuid"):
        values = array.cast(pa.large_string()).to_numpy(zero_copy_only=False)
    elif of == "datetime" and "zone" in note:
        zone = zone_from_json(note["zone"])
        utc = array.cast(pa.int64()).cast(pa.timestamp("us")).to_pylist()
        values = [v and v.replace(tzinfo=dt.UTC).astimezone(zone) for v in utc]
    else:
        values = array.to_pylist()
    change = _CHANGES.get(of)
    if change is not None:
        values = [None if value is None else change(value) for value in values]
    for name, with_code in _BY_ROW.items():
        if name in note:
            # strict=False: of the first rows only, there are more codes than rows.
            codes = held_codes(note[name]).tolist()
            for place, code in zip(np.flatnonzero(~null).tolist(), codes, strict=False):
                values[place] = with_code(values[place], code)
    found = values if isinstance(values, np.ndarray) else np.fromiter(values, dtype=object, count=len(array))
    if null.any():
        _fill_missing(found, null, note)
    return found


_CHANGES: dict[str, Callable[[Any], Any]] = {"json": json.loads, "uuid": uuid.UUID}


def _decode_lists(array: pa.Array, note: Note) -> list[Any]:
    import numpy as np
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    ends = np.cumsum(lengths)
    bounds = zip((ends - lengths).tolist(), ends.tolist(), strict=True)
    flat = array.flatten()
    if note["of"] == "ndarray":
        numbers = flat.to_numpy(zero_copy_only=False).astype(np.dtype(note["dtype"]), copy=False)
        shape = note.get("shape", [-1])
        # Copies: to write into one of them must not write into its neighbours.
        return [
            numbers[start:end].reshape(shape).copy() if end > start or shape == [-1] else None
            for start, end in bounds
        ]
    items = _decode(flat, note["items"]).tolist()
    kind = tuple if note["of"] == "tuple" else list
    return [kind(items[start:end]) for start, end in bounds]


def _at_exponent(value: decimal.Decimal, exponent: int) -> decimal.Decimal:
    sign, digits, found = value.as_tuple()
    assert isinstance(found, int)
    number = int("".join(map(str, digits)))
    number = number * 10 ** (found - exponent) if found >= exponent else number // 10 ** (exponent - found)
    return decimal.Decimal((sign, tuple(map(int, str(number))), exponent))


_BY_ROW: dict[str, Callable[[Any, int], Any]] = {
    "whole": lambda number, whole: int(number) if whole else number,
    "folds": lambda time, fold: time.replace(fold=fold),
    "exponents": _at_exponent,
}


# ----------------------------------------------------------------------------------------------- time zones


def zone_to_json(zone: dt.tzinfo | None) -> Any:
    """What makes the same time zone again: its library and name, or its offset."""
    import zoneinfo

    if zone is None:
        return None
    if zone is dt.UTC:
        return {"library": "datetime", "seconds": 0}
    if type(zone) is dt.timezone:
        seconds = zone.utcoffset(None).total_seconds()
        # One with a name of its own, or not of whole minutes, is none that Arrow can write.
        if seconds % 60 == 0 and repr(zone) == repr(dt.timezone(dt.timedelta(seconds=seconds))):
            return {"library": "datetime", "seconds": int(seconds)}
    if isinstance(zone, zoneinfo.ZoneInfo) and zone.key:
        return {"library": "zoneinfo", "name": zone.key}
    if type(zone).__module__.partition(".")[0] == "pytz":
        if name := getattr(zone, "zone", None):
            return {"library": "pytz", "name": name}
        offset = zone.utcoffset(None)
        if offset is not None:
            return {"library": "pytz", "minutes": int(offset.total_seconds() // 60)}
    raise Refused(
        f"has the time zone {zone!r}", 'name it: {column} = {column}.dt.tz_convert("Europe/London")'
    )


def zone_from_json(held: Any) -> dt.tzinfo | None:
    """What `zone_to_json` was given; a zone of pytz is one of zoneinfo where pytz is missing."""
    import zoneinfo

    if held is None:
        return None
    if "seconds" in held:
        return dt.timezone(dt.timedelta(seconds=held["seconds"])) if held["seconds"] else dt.UTC
    if held["library"] == "pytz":
        try:
            pytz: Any = importlib.import_module("pytz")
        except ImportError:
            if "minutes" in held:
                return dt.timezone(dt.timedelta(minutes=held["minutes"]))
        else:
            zone: dt.tzinfo = (
                pytz.FixedOffset(held["minutes"]) if "minutes" in held else pytz.timezone(held["name"])
            )
            return zone
    return zoneinfo.ZoneInfo(held["name"])


def zone_name(zone: dt.tzinfo | None) -> str | None:
    """A time zone as Arrow writes it."""
    if zone is None:
        return None
    if zone is dt.UTC:
        return "UTC"
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    if name:
        return str(name)
    offset = zone.utcoffset(None)
    assert offset is not None
    minutes = int(offset.total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


# ---------------------------------------------------------------------------------------------------- words


def _kinds(values: list[Any]) -> list[tuple[type, int]]:
    return Counter(map(type, values)).most_common(5)


def _word(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _found(values: list[Any]) -> str:
    kinds = _kinds(values)
    told = ", ".join(f"{_word(kind)} ({count})" for kind, count in kinds[:4])
    more = ", ..." if len(kinds) > 4 else ""
    return f"values of several kinds: {told}{more}" if len(kinds) > 1 else f"{_word(kinds[0][0])} objects"

"""Whole columns that users hand to `log_history` and `log_frame`, turned into numbers.

On the hot path: numpy is used where the caller has it already, and never imported for plain lists.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Mapping, Sized
from typing import Any, NamedTuple

from nbproof.core.errors import Invalid
from nbproof.tracking.values import metric_value, name_of, step_of, time_us_of

__all__ = ["Column", "Logged", "columns_of_frame", "steps_of", "times_of", "values_of"]

Column = Any
"""Numbers in order: an array of numpy, or a list where there is no numpy."""


# Types of values that are missing: of pandas, and of numpy where it masks.
_MISSING = ("NAType", "NaTType", "MaskedConstant")


class Logged(NamedTuple):
    """Values of one metric with their steps and times, each of one length; None where they have none."""

    key: str
    values: Column
    steps: Column | None
    times: Column | None


def values_of(key: str, values: object) -> Column:
    """Values of a metric as float64; raises `Invalid` for what `metric_value` refuses, too."""
    found = _plain(values, "values", f"the values of metric {key!r}")
    array = _array(found)
    if array is not None:
        if array.dtype.kind in "biuf":
            return array.astype("float64", copy=False)
        if array.dtype.kind == "c":
            metric_value(key, complex(array[0]) if len(array) else 0j)  # says why
    numbers = [metric_value(key, value) for value in found]
    return numbers if array is None else _numpy().array(numbers, "float64")


def steps_of(steps: object, count: int) -> Column:
    """Steps as int64, one for each of `count` values."""
    found = _plain(steps, "steps", "the steps")
    _same_length(found, count, "steps")
    array = _array(found)
    if array is not None and array.dtype.kind == "i":
        return array.astype("int64", copy=False)
    whole = [step_of(step) for step in found]
    return whole if array is None else _numpy().array(whole, "int64")


def times_of(times: object, count: int) -> Column:
    """Times as µs since 1970: datetimes, a column of them, or seconds; one for each of `count` values."""
    if getattr(getattr(times, "dtype", None), "tz", None) is not None:  # of pandas: the zone is taken off
        column: Any = getattr(times, "dt", times)
        times = column.tz_convert(None)
    found = _plain(times, "times", "the times")
    _same_length(found, count, "times")
    array = _array(found)
    if array is not None and array.dtype.kind == "M":
        moments = array.astype("datetime64[us]")
        if _numpy().isnat(moments).any():
            raise Invalid("a time is missing (NaT)", hint="leave those rows out", details={"field": "times"})
        return moments.view("int64")
    if array is not None and array.dtype.kind in "iuf":
        np = _numpy()
        with np.errstate(all="ignore"):
            micros = np.round(array.astype("float64") * 1e6)
        if not (np.abs(micros) < 2.0**63).all():
            raise Invalid(
                "times are seconds since 1970, within 64 bits of microseconds", details={"field": "times"}
            )
        return micros.astype("int64")
    whole = [time_us_of(time) for time in found]
    return whole if array is None else _numpy().array(whole, "int64")


def columns_of_frame(frame: object, step: str | None, time: str | None) -> list[Logged]:
    """A frame, or a mapping of columns: each column but those of step and time as a metric."""
    columns = _frame_columns(frame)
    for role, name in (("step", step), ("time", time)):
        if name is not None and name not in columns:
            from nbproof.core.errors import near_names

            near = near_names(str(name), [str(each) for each in columns])
            raise Invalid(
                f"the frame has no column {name!r} for the {role}",
                hint=f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, columns))}",
                details={"field": role},
            )
    names = [name for name in columns if name not in (step, time)]
    if not names:
        raise Invalid("the frame has no column to log", details={"field": "frame"})
    count: int | None = None
    found = []
    for name in names:
        key = name_of(name, "a metric", "frame")
        given, there = _without_missing(columns[name])
        length = len(given) if there is None else len(there)
        if count is not None and length != count:
            raise Invalid(
                f"column {name!r} has {length} rows, the one before it {count}",
                hint="all columns of a frame have the same length",
                details={"field": "frame"},
            )
        count = length
        found.append((key, values_of(key, given), there))
    assert count is not None
    steps = None if step is None else steps_of(columns[step], count)
    times = None if time is None else times_of(columns[time], count)
    return [
        Logged(key, values, _of_rows(steps, there), _of_rows(times, there)) for key, values, there in found
    ]


def _of_rows(column: Column | None, there: list[bool] | None) -> Column | None:
    if column is None or there is None:
        return column
    return list(itertools.compress(column, there))


def _frame_columns(frame: object) -> Mapping[Any, Any]:
    if isinstance(frame, Mapping):
        return frame
    names: Any = getattr(frame, "column_names", None)  # Arrow, before `columns`: that is no list of names
    if names is None:
        names = getattr(frame, "columns", None)
    if names is None or not hasattr(frame, "__getitem__"):
        raise Invalid(
            f"a frame is a DataFrame, an Arrow table or a mapping of columns, found {type(frame).__name__}",
            hint="for one metric use log_history(name, values)",
            details={"field": "frame"},
        )
    columns: dict[Any, Any] = {}
    for name in names:
        if name in columns:
            raise Invalid(f"two columns are called {name!r}", details={"field": "frame"})
        columns[name] = frame[name]
    return columns


def _without_missing(column: Any) -> tuple[Any, list[bool] | None]:
    """A column's values that are there, and which those are (None: all).

    None, what numpy masked and the missing values of nullable columns are missing; NaN is a value.
    """
    kind: Any = getattr(column, "dtype", None)
    if type(kind).__module__.startswith("numpy") and kind.kind in "biuf" and not _is_masked(column):
        return column, None
    items = column.to_pylist() if hasattr(column, "to_pylist") else list(column)
    there = [item is not None and type(item).__name__ not in _MISSING for item in items]
    if all(there):
        return items, None
    return list(itertools.compress(items, there)), there


def _is_masked(column: Any) -> bool:
    """Whether a column of numpy has places that are masked: what lies below is nobody's value."""
    return hasattr(column, "mask") and _numpy().ma.is_masked(column)


def _plain(given: object, field: str, what: str) -> Any:
    """One dimension of anything that can be gone through in order and has a length."""
    shape = getattr(given, "shape", None)
    if shape is not None and len(shape) != 1:
        raise Invalid(
            f"{what} must be one column, found shape {tuple(shape)}",
            hint="log_frame takes several columns",
            details={"field": field},
        )
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise Invalid(
            f"{what} must be a list or an array, found {type(given).__name__}", details={"field": field}
        )
    return given if isinstance(given, Sized) else list(given)


def _same_length(found: Sized, count: int, field: str) -> None:
    if len(found) != count:
        raise Invalid(
            f"there are {count} values and {len(found)} {field}",
            hint=f"give one of the {field} for each value, or leave them out",
            details={"field": field},
        )


def _array(found: Any) -> Any:
    """An array of numpy, where numpy is loaded or the caller's own array can become one."""
    if "numpy" not in sys.modules and not hasattr(found, "__array__"):
        return None
    np = _numpy()
    if _is_masked(found):
        return np.empty(0, object)  # looked at one by one, which says where
    try:
        array = np.asarray(found.detach().cpu() if hasattr(found, "detach") else found)
    except (ValueError, TypeError, RuntimeError):
        return np.empty(0, object)  # uneven rows, a tensor elsewhere: looked at one by one
    return array if array.ndim == 1 else np.empty(0, object)


def _numpy() -> Any:
    import numpy

    return numpy

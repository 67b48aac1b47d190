"""Tables come in from any library and go out as the very same objects."""

from __future__ import annotations

import datetime as dt
import decimal
import importlib
import json
import math
import uuid
import zoneinfo
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbproof.core.errors import Invalid
from nbproof.datasets.frames import incoming, index_fields, restored
from tests.datasets.round_trip import arrived, assert_same, back, stored

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
NOON = dt.datetime.fromisoformat("2020-01-01T12:00:00")
AGAIN = dt.datetime(2020, 10, 25, 2, 30, tzinfo=BERLIN)  # clocks showed this twice
NAN = float("nan")


PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3
STRING_WITH_NAN: Any = pd.StringDtype("pyarrow", na_value=NAN) if PANDAS_3 else "string[pyarrow_numpy]"


def objects(*values: Any) -> pd.Series[Any]:
    held = np.empty(len(values), object)
    for place, value in enumerate(values):
        held[place] = value
    return pd.Series(held, dtype=object)


# ---------------------------------------------------------------------------------------- columns of pandas

TIMES = pd.DatetimeIndex(["2020-03-29 01:30:00.5", None, "2020-10-25 01:30:00.123456"])
SPANS = pd.to_timedelta([1, None, -(10**9)], unit="s")
UNITS: list[Any] = ["s", "ms", "us", "ns"]


def in_unit(times: Any, unit: str) -> Any:
    return pd.Series(times.as_unit(unit))


NUMBERS: dict[str, Callable[[], Any]] = {
    **{name: partial(pd.Series, [0, 1, 100], dtype=name) for name in "int8 int16 int32 int64".split()},
    **{name: partial(pd.Series, [0, 1, 200], dtype=name) for name in "uint8 uint16 uint32".split()},
    "uint64": lambda: pd.Series([0, 2**64 - 1], dtype="uint64"),
    "int64 at its ends": lambda: pd.Series([-(2**63), 2**63 - 1]),
    "float16": lambda: pd.Series(np.array([0.5, NAN, -0.0], "f2")),
    "float32": lambda: pd.Series([0.1, NAN, math.inf], dtype="float32"),
    "float64": lambda: pd.Series([0.1, NAN, -math.inf, -0.0, 5e-324]),
    "float64 without NaN": lambda: pd.Series([0.1, math.inf, 0.3]),
    "float64, big-endian": lambda: pd.Series(np.array([1.5, NAN], ">f8")),
    "bool": lambda: pd.Series([True, False, True]),
    "every other row": lambda: pd.DataFrame(np.arange(12.0).reshape(4, 3))[1][::2],
    "Int64": lambda: pd.Series([1, None, 2**62 + 1], dtype="Int64"),
    "UInt8": lambda: pd.Series([1, None, 255], dtype="UInt8"),
    "Float32": lambda: pd.Series([1.5, None], dtype="Float32"),
    "Float64 with NaN and NA": lambda: pd.Series(
        pd.arrays.FloatingArray(np.array([1.0, NAN, 2.0]), np.array([False, False, True]))
    ),
    "boolean": lambda: pd.Series([True, None, False], dtype="boolean"),
    "sparse float": lambda: pd.Series(pd.arrays.SparseArray([0.0, NAN, 1.5, 0.0], fill_value=0.0)),
    "sparse NaN": lambda: pd.Series(pd.arrays.SparseArray([NAN, NAN, 1.5])),
    "sparse int": lambda: pd.Series(pd.arrays.SparseArray([0, 0, 7, 0], kind="block")),
    "sparse times": lambda: pd.Series(pd.arrays.SparseArray(np.array(["2020", "NaT"], "M8[ns]"))),
    "sparse bool": lambda: pd.Series(pd.arrays.SparseArray([True, False, False], fill_value=False)),
}
TEXTS: dict[str, Callable[[], Any]] = {
    "default": lambda: pd.Series(["a", None, "ß😀"]),
    "string[python]": lambda: pd.Series(["a", None, ""], dtype="string[python]"),
    "string[pyarrow]": lambda: pd.Series(["a", None, ""], dtype="string[pyarrow]"),
    "NaN for missing": lambda: pd.Series(["a", None, ""], dtype=STRING_WITH_NAN),
    "str": lambda: pd.Series(["a", "b", ""]).astype(str),
    "concatenated": lambda: pd.concat([pd.Series(["a"], dtype="string[pyarrow]")] * 3, ignore_index=True),
    "none": lambda: pd.Series([], dtype="string[pyarrow]"),
}


def arrow_series(array: Any) -> Any:
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([array])))


ARROW: dict[str, Callable[[], Any]] = {
    str(array.type): partial(arrow_series, array)
    for array in [
        pa.array([1, None], pa.int64()),
        pa.array([1.0, NAN, None], pa.float64()),
        pa.array(["a", None], pa.string()),
        pa.array(["a", None], pa.large_string()),
        pa.array([b"a", None], pa.binary()),
        pa.array([True, None]),
        pa.array([Decimal("1.50"), None], pa.decimal128(10, 2)),
        pa.array([dt.date(2020, 1, 1), None]),
        pa.array([dt.time(1, 2, 3), None], pa.time64("us")),
        pa.array([1, None], pa.timestamp("ms", "Europe/Berlin")),
        pa.array([1, None], pa.duration("us")),
        pa.array([[1, 2], None, []], pa.list_(pa.int8())),
        pa.array([{"a": 1, "b": "x"}, None], pa.struct([("a", pa.int8()), ("b", pa.string())])),
        pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32())),
        pa.array([None, None], pa.null()),
        pa.DictionaryArray.from_arrays(pa.array([0, None], pa.int8()), pa.array(["b", "a"])),
    ]
}
CATEGORIES: dict[str, Callable[[], Any]] = {
    "texts": lambda: pd.Series(["b", None, "a", "b"], dtype="category"),
    "ordered, with unused": lambda: pd.Series(
        pd.Categorical(["b", None, "a"], categories=["z", "b", "a", "c"], ordered=True)
    ),
    "integers": lambda: pd.Series(pd.Categorical([3, 1, None], categories=[3, 2, 1])),
    "floats": lambda: pd.Series(pd.Categorical([0.5, 1.5], categories=[1.5, 0.5, math.inf])),
    "booleans": lambda: pd.Series(pd.Categorical([True, None, False])),
    "times": lambda: pd.Series(pd.Categorical(pd.to_datetime(["2020", "2021"]))),
    "times with a zone": lambda: pd.Series(pd.Categorical(pd.to_datetime(["2020"]).tz_localize(BERLIN))),
    "intervals": lambda: pd.Series(pd.cut([1.0, 5.0, NAN, 9.0], [0, 2, 6, 8, 10])),
    "periods": lambda: pd.Series(pd.Categorical(pd.period_range("2020", periods=2, freq="M"))),
    "dates": lambda: pd.Series(pd.Categorical([dt.date(2020, 1, 1), None])),
    "several kinds": lambda: pd.Series(pd.Categorical(["1", 1, None], categories=[1, "1", 2.5])),
    "tuples": lambda: pd.Series(
        pd.Categorical.from_codes([1, -1], pd.Index([("a", 1), ("b", 2)], tupleize_cols=False))
    ),
    "alike": lambda: pd.Series(pd.Categorical([1.5, "1.5"])),
    "nullable": lambda: pd.Series(pd.Categorical(pd.array([2, 1, None], dtype="Int64"))),
    "strings": lambda: pd.Series(pd.Categorical(pd.array(["a", None], dtype="string[python]"))),
    "none": lambda: pd.Series(pd.Categorical([], categories=[])),
    "missing only": lambda: pd.Series(pd.Categorical([None, None], categories=["a"])),
    "1,200": lambda: pd.Series(pd.Categorical([f"{n % 1200:05}" for n in range(0, 4000, 7)])),
}
CLOCKS: dict[str, Callable[[], Any]] = {
    **{f"datetime64[{unit}]": partial(in_unit, TIMES.floor("s"), unit) for unit in UNITS},
    **{f"timedelta64[{unit}]": partial(in_unit, SPANS, unit) for unit in UNITS},
    "UTC": lambda: pd.Series(TIMES.tz_localize("UTC")),
    "zoneinfo": lambda: pd.Series(TIMES.tz_localize("UTC").tz_convert(BERLIN)),
    "by name": lambda: pd.Series(TIMES.as_unit("ms").tz_localize("UTC").tz_convert("America/New_York")),
    "an offset": lambda: pd.Series(TIMES.tz_localize(dt.timezone(dt.timedelta(hours=-5, minutes=-30)))),
    "year 1": lambda: pd.Series(np.array(["0001-01-01", "NaT", "9999-12-31"], "M8[s]")),
    "months": lambda: pd.Series(pd.PeriodIndex(["2020-01", None, "1850-02"], freq="M")),
    "weeks": lambda: pd.Series(pd.period_range("2020", periods=3, freq="W-WED")),
    "quarters": lambda: pd.Series(pd.period_range("2020", periods=3, freq="Q-NOV")),
    "periods of 3 hours": lambda: pd.Series(pd.period_range("2020", periods=3, freq="3h")),
    "year 9999": lambda: pd.Series(pd.PeriodIndex(["9999-01", None], freq="M")),
    "intervals of integers": lambda: pd.Series(pd.interval_range(0, 3, closed="left")),
    "intervals of floats": lambda: pd.Series(
        pd.arrays.IntervalArray.from_arrays([0.5, NAN, 1.0], [1.0, NAN, math.inf], closed="both")
    ),
    "intervals of times": lambda: pd.Series(pd.interval_range(pd.Timestamp("2020", tz=BERLIN), periods=2)),
}
OBJECTS: dict[str, Callable[[], Any]] = {
    "texts": lambda: objects("a", "b"),
    "texts, None": lambda: objects("a", None),
    "texts, nan": lambda: objects("a", NAN),
    "texts, NA": lambda: objects("a", pd.NA),
    "texts, all of them": lambda: objects(None, "a", NAN, pd.NA, "b", pd.NaT, None),
    "half a surrogate pair": lambda: objects("a\ud800", "ü", None),
    "nothing but missing": lambda: objects(None, NAN, None),
    "nothing": lambda: objects(),
    "bytes": lambda: objects(b"a", None, b"\xff\x00"),
    "booleans": lambda: objects(True, None, False),
    "integers": lambda: objects(1, None, -(2**63)),
    "unsigned": lambda: objects(2**64 - 1, 0),
    "integers beyond 64 bits": lambda: objects(2**100, None, -1),
    "floats": lambda: objects(1.5, NAN, None, -0.0, math.inf),
    "integers and floats": lambda: objects(1, 2.5, None, 3.0, NAN, 4),
    "booleans and integers": lambda: objects(True, 1, 0, False),
    "integers and texts": lambda: objects(1, "1", None, 2.5, "ß"),
    "numpy's": lambda: objects(np.int64(1), None, np.int64(3)),
    "numpy's floats": lambda: objects(np.float64(1.5), np.float64("nan"), None, NAN),
    "numpy's booleans": lambda: objects(np.True_, np.False_),
    "decimals": lambda: objects(Decimal("1.50"), None, Decimal("-0.25")),
    "decimals of several scales": lambda: objects(
        Decimal("1.5"), Decimal("1.50"), Decimal("1E+3"), Decimal("0E-5")
    ),
    "decimals of 60 digits": lambda: objects(Decimal("1" * 60), Decimal("NaN")),
    "dates": lambda: objects(dt.date(2020, 1, 1), None, dt.date(1, 1, 1)),
    "times of day": lambda: objects(dt.time(23, 59, 59, 999999), None, dt.time(2, fold=1)),
    "datetimes of no zone, twice": lambda: objects(NOON, NOON.replace(fold=1), None, NOON),
    "datetimes": lambda: objects(NOON, None, NOON.replace(year=1, microsecond=4)),
    "datetimes of a zone": lambda: objects(
        dt.datetime(2020, 10, 25, 2, 30, tzinfo=BERLIN),
        dt.datetime(2020, 10, 25, 2, 30, fold=1, tzinfo=BERLIN),
        None,
    ),
    "datetimes of an offset": lambda: objects(
        dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    ),
    "timedeltas": lambda: objects(dt.timedelta(-1, 2, 3), None),
    "pandas' times": lambda: objects(pd.Timestamp("2020-01-01 00:00:00.123456789"), pd.NaT, None),
    "pandas' times of a zone": lambda: objects(
        pd.Timestamp("2020", tz=BERLIN), pd.Timestamp("2021", tz=BERLIN)
    ),
    "pandas' timedeltas": lambda: objects(pd.Timedelta(1, "ns"), None),
    "pandas' periods": lambda: objects(pd.Period("2020-01", "M"), None),
    "identifiers": lambda: objects(uuid.UUID(int=1), None),
    "lists": lambda: objects([1, 2], [], None, [3]),
    "lists of texts and missing": lambda: objects(["a", None], [NAN, "b"], NAN),
    "lists of lists": lambda: objects([[1], []], [[2, 3]], []),
    "lists of several kinds": lambda: objects([1, "a", 2.5, None, True], []),
    "tuples": lambda: objects((1, 2), (), None),
    "tuples of decimals": lambda: objects((Decimal("1.5"), Decimal("1.50")), (Decimal("1"),)),
    "vectors": lambda: objects(np.array([1.5, NAN], "f4"), None, np.array([], "f4"), np.array([2], "f4")),
    "images": lambda: objects(np.arange(6, dtype="u1").reshape(2, 3), None, np.zeros((2, 3), "u1")),
    "dictionaries": lambda: objects({"a": 1, "b": "x"}, None, {"a": 2, "b": None}),
    "dictionaries of other keys": lambda: objects({"a": 1}, {"b": [1, {"c": None}]}, {}),
    "dictionaries in another order": lambda: objects({"a": 1, "b": 2}, {"b": 3, "a": 4}),
    "nested": lambda: objects(
        {"a": [{"b": (1, 2)}], "c": {"d": dt.date(2020, 1, 1)}}, {"a": [], "c": {"d": None}}
    ),
}
COLUMNS = {
    f"{of}: {name}": make
    for of, columns in [
        ("numbers", NUMBERS),
        ("texts", TEXTS),
        ("arrow", ARROW),
        ("categories", CATEGORIES),
        ("clocks", CLOCKS),
        ("objects", OBJECTS),
    ]
    for name, make in columns.items()
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_pandas_comes_back_as_it_was(name):
    series = COLUMNS[name]().rename("x")
    frame = series.to_frame()
    assert_same(back(frame), frame)
    assert_same(back(series), series)


@pytest.mark.parametrize("name", COLUMNS)
def test_no_rows_and_first_rows_come_back_too(name):
    frame = COLUMNS[name]().rename("x").to_frame()
    assert_same(back(frame.iloc[:0]), frame.iloc[:0])
    found = arrived(frame)
    first = stored(found).slice(0, 2)
    assert_same(restored(first, found.restore), frame.iloc[:2])


def as_index(name: str) -> Any:
    """The column as an index, where pandas has one; it finds no NaN among Arrow's."""
    series = COLUMNS[name]()
    if "sparse" in name or series.dtype == "float16" or name == "arrow: double":
        return None
    index = pd.Index(series.array, dtype=series.dtype, name="x", tupleize_cols=False)
    try:
        hash(tuple(index))
    except TypeError:  # lists and dictionaries
        return None
    return index


@pytest.mark.parametrize("name", [name for name in COLUMNS if as_index(name) is not None])
def test_a_column_may_be_an_index(name):
    index = as_index(name)
    frame = pd.DataFrame({"y": np.arange(len(index))}, index=index)
    assert_same(back(frame), frame)


@pytest.mark.parametrize(
    ("series", "found"),
    [
        (objects({1}, {2}), "set objects"),
        (objects(1, object), "int (1), type (1)"),
        (objects(dt.date(2020, 1, 1), NOON), "datetime.date (1), datetime.datetime (1)"),
        (objects(Decimal("1"), 1.5), "decimal.Decimal (1), float (1)"),
        (objects(Decimal("Infinity")), "no numbers"),
        (objects(Decimal("-0")), "negative zeros"),
        (objects(np.int64(1), 1), "numpy.int64 (1), int (1)"),
        (objects({1: "a"}), "different keys"),
        (objects([{1}]), "set objects"),
        (objects(dt.time(1, tzinfo=dt.UTC)), "time zone"),
        (objects(dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 1, 1, tzinfo=BERLIN)), "zones"),
        (objects(dt.datetime(2020, 3, 29, 2, 30, tzinfo=BERLIN)), "skipped"),
        (objects(np.array([1]), np.array([1.5])), "arrays of float64, int64"),
        (objects(np.zeros((1, 2)), np.zeros((2, 1))), "several shapes"),
        (objects(pd.Interval(0, 1)), "Interval objects"),
        (pd.Series([1j]), "complex"),
        (pd.Series(np.array([1.5], np.longdouble)), "float128"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_what_would_change_is_refused_by_name(series, found):
    with pytest.raises(Invalid, match="column 'x' h") as told:
        incoming(pd.DataFrame({"fine": series, "x": series})[["x"]])
    assert found in told.value.message
    assert told.value.details["field"] == "x"
    assert told.value.hint and 'frame["x"]' in told.value.hint


def test_each_refusal_says_what_to_do():
    named = dt.timezone(dt.timedelta(hours=1), "here")
    for series, hint in [
        (pd.Series([1j]), "real"),
        (pd.Series(TIMES.tz_localize(named)), "tz_convert"),
        (objects({1}), "astype(str)"),
    ]:
        with pytest.raises(Invalid) as told:
            incoming(pd.DataFrame({"x": series}))
        assert told.value.hint is not None
        assert hint in told.value.hint


def test_labels_that_cannot_be_kept_are_refused():
    with pytest.raises(Invalid, match=r"the label <object object .* is a object"):
        incoming(pd.DataFrame({object(): [1]}))
    with pytest.raises(Invalid, match="surrogate"):
        incoming(pd.DataFrame([[1]], columns=pd.Index(["a\ud800"], dtype=object)))


def test_a_list_within_itself_is_refused():
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(Invalid, match="nested"):
        incoming(pd.DataFrame({"x": objects(endless)}))


def test_a_dtype_of_others_is_refused():
    others = importlib.import_module("pandas.tests.extension.decimal")
    with pytest.raises(Invalid, match="the dtype decimal"):
        incoming(pd.DataFrame({"x": others.DecimalArray([Decimal("1")])}))


# -------------------------------------------------------------------------------- labels and index of pandas

LABELS: dict[str, Any] = {
    "texts": pd.Index(["a", "b", "c"]),
    "objects": pd.Index(["a", "b", "c"], dtype=object),
    "named": pd.Index(["a", "b", "c"], name="kind"),
    "range": pd.RangeIndex(3),
    "range from 5": pd.RangeIndex(5, 11, 2, name=1),
    "integers": pd.Index([3, 1, 2]),
    "floats": pd.Index([0.5, NAN, 1.0]),
    "several kinds": pd.Index(["a", 1, None], dtype=object),
    "alike": pd.Index(["1", 1, "1 (int)"], dtype=object),
    "tuples": pd.Index([("a", 1), "b", ("a", "b")], dtype=object, tupleize_cols=False),
    "dates": pd.Index([dt.date(2020, 1, day) for day in (1, 2, 3)], dtype=object),
    "times": pd.date_range("2020", periods=3, name="day"),
    "periods": pd.period_range("2020", periods=3, freq="M"),
    "categories": pd.CategoricalIndex(["a", "b", "c"], categories=["c", "b", "a", "z"], ordered=True),
    "intervals": pd.interval_range(0, 3),
    "levels": pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["x", None]),
    "levels with missing": pd.MultiIndex.from_tuples([("a", ""), ("a", NAN), (None, 1)]),
    "booleans": pd.Index([True, "True", False], dtype=object),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_columns_come_back(name):
    frame = pd.DataFrame(np.arange(6).reshape(2, 3), columns=LABELS[name])
    found = arrived(frame)
    assert len(set(found.schema.names)) == 3
    assert_same(back(frame), frame)


INDEXES: dict[str, Any] = {
    **{f"labels: {name}": index for name, index in LABELS.items() if name != "tuples"},
    "range, uneven": pd.RangeIndex(0, 5, 2),
    "range, backwards": pd.RangeIndex(3, 0, -1),
    "duplicates": pd.Index([1, 1, 2]),
    "named as a column": pd.Index([1, 2, 3], name="y"),
    "hours": pd.date_range("2020-03-28", periods=3, freq="h", tz=BERLIN),
    "month ends": pd.date_range("2020", periods=3, freq="ME"),
    "spans": pd.timedelta_range("1h", periods=3),
    "nullable": pd.Index([1, None, 3], dtype="Int64"),
    "product": pd.MultiIndex.from_product([["a"], pd.date_range("2020", periods=3)], names=["x", "x"]),
    "not sorted": pd.MultiIndex.from_arrays([["b", "a", "b"], [2, 1, 1]], names=["y", "z"]),
    "categories in levels": pd.MultiIndex.from_arrays(
        [pd.Categorical(["b", "a", "b"], categories=["c", "b", "a"]), [1, 2, 3]]
    ),
    "integers missing in levels": pd.MultiIndex(levels=[[10, 20], ["a"]], codes=[[0, -1, 1], [0, 0, -1]]),
    "objects in levels": pd.MultiIndex.from_arrays(
        [objects(1, 2.5, "a"), objects(Decimal("1.5"), Decimal("1.50"), None)]
    ),
    "intervals in levels": pd.MultiIndex.from_arrays([pd.interval_range(0, 3), [3, 2, 1]]),
}


@pytest.mark.parametrize("name", INDEXES)
def test_an_index_comes_back(name):
    frame = pd.DataFrame({"y": [1, 2, 3]}, index=INDEXES[name])
    assert_same(back(frame), frame)
    assert_same(back(frame["y"]), frame["y"])
    assert_same(back(frame[[]]), frame[[]])


@pytest.mark.parametrize("name", INDEXES)
def test_an_index_of_many_levels_is_as_sorted_as_it_was(name):
    frame = pd.DataFrame({"y": [1, 2, 3]}, index=INDEXES[name])
    assert back(frame).index.is_monotonic_increasing == frame.index.is_monotonic_increasing


def test_fields_of_the_index_are_named():
    frame = pd.DataFrame({"y": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)], names=["day", None]))
    found = arrived(frame)
    assert found.schema.names == ["y", "day", "__index_level_1__"]
    assert index_fields(found.restore) == ("day", "__index_level_1__")
    assert index_fields(arrived(frame.reset_index()).restore) == ()


def test_some_columns_are_read_with_the_index():
    frame = pd.DataFrame({("a", 1): [1, 2], ("a", 2): ["x", "y"], ("b", 1): [0.5, NAN]}, index=[10, 20])
    found = arrived(frame)
    table = stored(found).select(["a.2", "b.1", *index_fields(found.restore)])
    assert_same(restored(table, found.restore), frame[[("a", 2), ("b", 1)]])


def test_columns_that_came_later_are_read_by_the_rules_of_pandas():
    found = arrived(pd.DataFrame({"a": [1, 2]}, index=["x", "y"]))
    table = stored(found).append_column("later", pa.array([1, None]))
    wanted = pd.DataFrame({"a": [1, 2], "later": pd.array([1, None], "Int64")}, index=["x", "y"])
    assert_same(restored(table, found.restore), wanted)


def test_first_rows_of_a_frame_with_a_frequency():
    frame = pd.DataFrame({"a": range(5)}, index=pd.date_range("2020", periods=5))
    found = arrived(frame)
    assert_same(restored(stored(found).slice(0, 3), found.restore), frame.iloc[:3])
    assert restored(stored(arrived(frame)).take([0, 3]), found.restore).index.freq is None


def test_a_series_keeps_its_name():
    for name in ("x", None, 1, ("a", 1), NAN, dt.date(2020, 1, 1)):
        series = pd.Series([1, 2], name=name)
        assert_same(back(series), series)


def test_attrs_that_are_json_are_kept_and_others_are_told():
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = {"unit": {"a": "m"}, "made": dt.date(2020, 1, 1), "levels": (1, 2), "n": [1, 2.5, None]}
    found = arrived(frame)
    assert found.restore["lost"] == ["attrs['made'], which is not JSON", "attrs['levels'], which is not JSON"]
    assert back(frame).attrs == {"unit": {"a": "m"}, "n": [1, 2.5, None]}


def test_a_subclass_is_told():
    class Measured(pd.DataFrame):
        pass

    assert arrived(Measured({"a": [1]})).restore["lost"] == ["its class Measured"]


def test_a_frequency_without_a_name_is_told():
    holidays = pd.offsets.CustomBusinessDay(holidays=["2020-01-02"])
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2020-01-01", periods=2, freq=holidays))
    assert "frequency" in arrived(frame).restore["lost"][0]
    assert back(frame).index.equals(frame.index)


def test_a_frame_that_forbids_duplicate_labels():
    frame = pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)
    assert_same(back(frame), frame)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(index=range(5)),
        pd.DataFrame(index=["a", "b"]),
        pd.DataFrame(columns=["a", "b"]),
        pd.DataFrame({"a": []}),
    ],
    ids=["nothing", "rows only", "index only", "columns only", "no rows"],
)
def test_empty_frames(frame):
    assert_same(back(frame), frame)


def test_duplicate_labels_are_refused_by_name():
    with pytest.raises(Invalid, match="several columns of the name 'a', 1") as told:
        incoming(pd.DataFrame([[1] * 5], columns=["a", 1, "a", 1, "b"]))
    assert told.value.details == {"field": "a", "duplicates": ["a", "1"]}
    assert told.value.hint and "duplicated()" in told.value.hint


def test_two_thousand_columns_and_a_hundred_megabytes_of_text():
    wide = pd.DataFrame(np.ones((2, 2000), "i1")).rename(columns=str)
    long = pd.DataFrame({"a": ["x" * 100_000_000, None]})
    for frame in (wide, long):
        found = arrived(frame)
        assert restored(pa.Table.from_batches(found.batches), found.restore).equals(frame)


def test_what_comes_back_may_be_written_into():
    frame = pd.DataFrame(
        {"n": [1.5, 2.5], "i": [1, 2], "b": [True, False], "t": pd.to_datetime(["2020", "2021"])}
    )
    found = back(frame)
    for name in frame:
        found.loc[0, name] = found.loc[1, name]
        found[name].to_numpy(copy=True)[:] = found[name].to_numpy()
    assert found.iloc[0].equals(frame.iloc[1].rename(0))


def test_numbers_and_texts_of_arrow_are_not_copied():
    frame = pd.DataFrame({"n": np.arange(1000.0), "i": np.arange(1000)})
    batch = next(arrived(frame).batches)
    for name in ("n", "i"):
        assert batch.column(name).buffers()[1].address == frame[name].to_numpy().ctypes.data
    text = pa.chunked_array([pa.array(["a", "b"], pa.large_string())])
    series = pd.Series(pd.arrays.ArrowExtensionArray(text))
    assert next(arrived(series).batches).column(0).buffers()[2].address == text.chunk(0).buffers()[2].address


# ------------------------------------------------------------------------------------------ any frame at all

ANY_OBJECT = st.one_of(
    st.none(),
    st.just(NAN),
    st.just(pd.NA),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.just(Decimal("NaN")),
    st.uuids(),
    st.lists(st.integers() | st.text(max_size=2), max_size=3),
    st.dictionaries(st.text(max_size=1), st.integers() | st.none(), max_size=2),
)
ONE_KIND = st.sampled_from(
    [
        st.booleans(),
        st.integers(),
        st.integers() | st.floats(),
        st.text(max_size=3),
        st.binary(max_size=3),
        st.dates(),
        st.times(),
        st.datetimes(),
        st.datetimes(timezones=st.just(BERLIN)),
        st.timedeltas(),
        st.decimals(allow_nan=False, allow_infinity=False, places=2),
        st.lists(st.integers(-5, 5) | st.none() | st.just(NAN), max_size=3),
        st.lists(st.text(max_size=2), max_size=3).map(tuple),
        st.dictionaries(st.sampled_from("ab"), st.integers() | st.none(), max_size=2),
        st.fixed_dictionaries({"a": st.integers(0, 3), "b": st.lists(st.text(max_size=1), max_size=2)}),
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_objects_come_back_or_are_refused(data):
    kind = data.draw(ONE_KIND | st.just(ANY_OBJECT))
    missing = data.draw(
        st.sampled_from([st.none(), st.just(NAN), st.just(pd.NA), st.sampled_from([None, NAN, pd.NaT])])
    )
    series = objects(*data.draw(st.lists(kind | missing, max_size=6)))
    try:
        found = back(series)
    except Invalid:
        return
    assert_same(found, series)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_objects_of_one_common_kind_come_back(data):
    kinds = [st.booleans(), st.integers(), st.floats(), st.text(), st.dates(), st.datetimes(), st.times()]
    kind = data.draw(st.sampled_from(kinds))
    series = objects(*data.draw(st.lists(kind | st.none() | st.just(NAN), max_size=6)))
    assert_same(back(series), series)


def arrays(dtype: str, count: int) -> st.SearchStrategy[Any]:
    of: Any = dtype
    floats = st.floats(width=32) | st.none()
    texts = st.text(st.characters(codec="utf-8"), max_size=3) | st.none()
    values: dict[str, st.SearchStrategy[Any]] = {
        "int8": st.integers(-128, 127),
        "uint64": st.integers(0, 2**64 - 1),
        "float32": floats,
        "float64": st.floats() | st.none(),
        "bool": st.booleans(),
        "Int16": st.integers(-5, 5) | st.none(),
        "Float64": st.floats(allow_nan=False) | st.none(),
        "boolean": st.booleans() | st.none(),
        "string[python]": texts,
        "string[pyarrow]": texts,
        "category": st.sampled_from(["a", "b", None]),
        "datetime64[ms]": st.integers(-(10**12), 10**12) | st.none(),
        "timedelta64[s]": st.integers(-(10**9), 10**9) | st.none(),
    }
    return st.lists(values[dtype], min_size=count, max_size=count).map(lambda held: pd.array(held, dtype=of))


DTYPES = st.sampled_from(
    "int8 uint64 float32 float64 bool Int16 Float64 boolean string[python] string[pyarrow] category "
    "datetime64[ms] timedelta64[s]".split()
)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(0, 6))
def test_any_frame_comes_back(data, count):
    labels = (
        st.text(max_size=2)
        | st.integers(0, 3)
        | st.none()
        | st.tuples(st.text(max_size=1), st.integers(0, 2))
    )
    columns = data.draw(st.lists(labels, max_size=4, unique_by=repr))
    held = [pd.Series(data.draw(arrays(data.draw(DTYPES), count))) for _ in columns]
    frame = pd.DataFrame(dict(enumerate(held)), index=range(count))
    frame.columns = pd.Index(
        columns, dtype=object, tupleize_cols=False, name=data.draw(st.none() | st.text())
    )
    levels = data.draw(st.integers(0, 3))
    if levels:
        index = [pd.Index(data.draw(arrays(data.draw(DTYPES), count))) for _ in range(levels)]
        names = data.draw(st.lists(st.none() | st.text(max_size=1), min_size=levels, max_size=levels))
        frame.index = (
            index[0].set_names(names) if levels == 1 else pd.MultiIndex.from_arrays(index, names=names)
        )
    assert_same(back(frame), frame)


# ------------------------------------------------------------------------------------- as another library's


def test_a_frame_of_pandas_for_arrow_has_its_categories():
    series = pd.Series(pd.Categorical(["b", None], categories=["z", "b"], ordered=True), name="x")
    column = back(series.to_frame(), "arrow").column("x")
    assert column.type.ordered
    assert column.chunk(0).dictionary.to_pylist() == ["z", "b"]
    assert column.to_pylist() == ["b", None]


def test_intervals_are_shown_as_their_text():
    table = back(pd.DataFrame({"x": pd.cut([1, 5], [0, 2, 6])}), "arrow")
    assert table.column("x").to_pylist() == ["(0, 2]", "(2, 6]"]


def test_arrow_for_pandas_loses_nothing():
    table = pa.table(
        {
            "i": pa.array([1, None], pa.int64()),
            "u": pa.array([2**64 - 1, None], pa.uint64()),
            "b": pa.array([True, None]),
            "n": pa.array([NAN, None]),
            "f": pa.array([1.5, None]),
            "whole": pa.array([1, 2], pa.int16()),
        }
    )
    found = back(table, "pandas")
    assert found.dtypes.astype(str).to_dict() == {
        "i": "Int64",
        "u": "UInt64",
        "b": "boolean",
        "n": "Float64",
        "f": "float64",
        "whole": "int16",
    }
    assert found["u"][0] == 2**64 - 1
    assert pd.isna(found["i"][1])


def test_a_table_made_by_pandas_has_its_index_again():
    frame = pd.DataFrame({"a": [1.5, 2.5]}, index=pd.Index(["x", "y"], name="key"))
    table = pa.Table.from_pandas(frame)
    found = arrived(table)
    assert b"pandas" not in (found.schema.metadata or {})
    assert back(table, "pandas").equals(frame)
    assert back(table).equals(table, check_metadata=True)
    with_gap = pa.Table.from_pandas(pd.DataFrame({"a": pd.array([1, None], "Int64")}, index=["x", "y"]))
    assert back(with_gap, "pandas").index.tolist() == ["x", "y"]


# ------------------------------------------------------------------------------------------------------ Arrow

TABLE = pa.table(
    {
        "a": pa.array([1, None, 3], pa.int32()),
        "d": pa.DictionaryArray.from_arrays(pa.array([1, None, 1], pa.int8()), pa.array(["z", "y", "x"])),
        "l": pa.array([[1], None, []], pa.list_(pa.int8())),
        "t": pa.array([1, 2, None], pa.timestamp("ns", "Europe/Berlin")),
        "v": pa.array(["a", None, "b"], pa.string_view()),
    },
    schema=pa.schema(
        [
            pa.field("a", pa.int32(), metadata={"unit": "m"}),
            ("d", pa.dictionary(pa.int8(), pa.string(), ordered=True)),
            ("l", pa.list_(pa.int8())),
            ("t", pa.timestamp("ns", "Europe/Berlin")),
            ("v", pa.string_view()),
        ],
        metadata={"from": "here"},
    ),
)


def test_tables_of_arrow_come_back():
    found = back(TABLE)
    assert found.equals(TABLE, check_metadata=True)
    assert found.column("d").chunk(0).dictionary.to_pylist() == ["z", "y", "x"]
    batch = TABLE.to_batches()[0]
    assert back(batch).equals(batch)
    assert isinstance(back(batch), pa.RecordBatch)
    assert back(TABLE.column("l")).equals(TABLE.column("l"))
    assert back(batch.column(0)).equals(batch.column(0))


@pytest.mark.parametrize("rows", [0, 3])
def test_tables_without_columns_or_rows(rows):
    table = TABLE.slice(0, rows).select([])
    assert back(table).num_rows == rows
    assert back(TABLE.slice(0, 0)).equals(TABLE.slice(0, 0))
    empty = TABLE.to_batches()[0].slice(0, 0)
    assert back(empty).equals(empty)


def test_extension_types_keep_their_metadata():
    array = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16, None], pa.binary(16)))
    table = pa.table({"id": array})
    found = arrived(table)
    assert found.schema == table.schema
    assert restored(pa.Table.from_batches(found.batches), found.restore).equals(table)


def test_streams_are_read_when_they_are_asked_for(tmp_path):
    asked = []

    def batches():
        for batch in TABLE.to_batches(max_chunksize=1):
            asked.append(batch)
            yield batch

    found = arrived(pa.RecordBatchReader.from_batches(TABLE.schema, batches()))
    assert (found.rows, asked) == (None, [])
    assert next(found.batches).num_rows == 1
    assert len(asked) == 1
    pq.write_table(TABLE.select(["a", "l"]), tmp_path / "a.parquet")
    files = ds.dataset(tmp_path)
    assert back(files).equals(TABLE.select(["a", "l"]))
    assert back(files.scanner(columns=["l"], filter=ds.field("a") > 1)).to_pydict() == {"l": [[]]}


def test_the_stream_and_array_interfaces_of_arrow():
    class Stream:
        def __init__(self, held: Any) -> None:
            self.held = held

        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return self.held.__arrow_c_stream__(requested_schema)

    class Array:
        def __init__(self, held: Any) -> None:
            self.held = held

        def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
            return self.held.__arrow_c_array__(requested_schema)

    # In which order a dictionary was is known of tables in memory only.
    plain = TABLE.drop_columns(["d"])
    assert back(Stream(plain)).equals(plain)
    assert back(Stream(TABLE.column("a"))).equals(TABLE.column("a"))
    assert arrived(Stream(TABLE)).kind == "tests"
    batch = plain.to_batches()[0]
    assert back(Array(batch)).equals(batch)
    assert back(Array(batch.column(0))).equals(batch.column(0))


def test_duplicate_names_of_fields_are_refused():
    with pytest.raises(Invalid, match="several columns of the name 'a'") as told:
        incoming(pa.table([[1], [2], [3]], names=["a", "b", "a"]))
    assert told.value.details == {"field": "a", "duplicates": ["a"]}


@pytest.mark.parametrize(
    "obj", ["a.csv", b"bytes", None, 1, [], {}, ["a.csv"], {"a": 1}, pd.DataFrame, object()]
)
def test_what_is_no_table(obj):
    assert incoming(obj) is None


@pytest.mark.parametrize("obj", [[{"a": 1}], {"a": [1, 2]}, {"a": np.arange(2), "b": (1, 2)}])
def test_rows_and_columns_of_plain_python_are_refused(obj):
    with pytest.raises(Invalid, match="not a table yet") as told:
        incoming(obj)
    assert told.value.hint and "pandas.DataFrame" in told.value.hint


# ------------------------------------------------------------------------------------------------------ numpy


@pytest.mark.parametrize(
    "array",
    [
        np.arange(5),
        np.array([1.5, NAN, -0.0], "f4"),
        np.array([1.5, NAN], ">f8"),
        np.arange(6, dtype="u1").reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.zeros((0, 3)),
        np.zeros((3, 0), "i2"),
        np.zeros(0),
        np.array([True, False]),
        np.array(["a", "ßé", ""]),
        np.array([b"a", b"bc"]),
        np.array(["2020-01-01", "NaT"], "M8[D]"),
        np.array(["2020-01", "NaT"], "M8[M]"),
        np.array(["2020-01-01", "NaT"], "M8[ns]"),
        np.array([1, "NaT"], "m8[h]"),
        np.array([1, "a", None], object),
        np.array([(1, 2.5, "x"), (2, NAN, "y")], [("a", "i4"), ("b", "f8"), ("c", "U3")]),
        np.array([(1, 2.5)], [("a", "i4"), ("b", ">f8")]).view(np.recarray),
    ],
    ids=lambda array: f"{array.dtype}{list(array.shape)}",
)
def test_arrays_of_numpy_come_back(array):
    found = back(array)
    assert type(found) is type(array)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    for name in array.dtype.names or [...]:
        np.testing.assert_array_equal(found[name], array[name])
    found[:] = found.copy()


def test_nan_of_numpy_is_missing():
    assert back(np.array([1.5, NAN]), "arrow").column("value").to_pylist() == [1.5, None]
    assert back(np.arange(4).reshape(2, 2), "pandas").columns.tolist() == ["0", "1"]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2, 2)), "3 dimensions"),
        (np.array(1.5), "0 dimensions"),
        (np.array([1j]), "complex128"),
        (np.array([(1, (2, 3))], [("a", "i4"), ("b", "i4", 2)]), "several values"),
        (np.ma.masked_array([1, 2], [True, False]), "masked"),
        (np.array([b"x"], "V1"), "dtype"),
    ],
)
def test_arrays_that_are_no_tables(array, message):
    with pytest.raises(Invalid, match=message) as told:
        incoming(array)
    assert told.value.hint
    assert "field" in told.value.details


# ----------------------------------------------------------------------------------------------------- polars


@pytest.fixture
def pl() -> Any:
    pytest.importorskip("polars.testing", reason="polars is not installed")
    import polars

    return polars


@pytest.fixture
def polars_frame(pl) -> Any:
    return pl.DataFrame(
        {
            "text": ["x", None, "😀"],
            "category": pl.Series(["x", "y", None], dtype=pl.Categorical),
            "enum": pl.Series(["x", None, "y"], dtype=pl.Enum(["y", "unused", "x"])),
            "enums": pl.Series([["x"], None, []], dtype=pl.List(pl.Enum(["y", "x"]))),
            "decimal": pl.Series(["1.5", None, "2"]).cast(pl.Decimal(10, 2)),
            "time": [dt.time(1), None, dt.time(23, 59, 59, 999999)],
            "list": [[1], [2, None], None],
            "array": pl.Series([[1, 2], None, [3, 4]], dtype=pl.Array(pl.Int8, 2)),
            "matrix": pl.Series([[[1], [2]]] * 3, dtype=pl.Array(pl.Int8, (2, 1))),
            "struct": [{"a": 1, "b": "x"}, {"a": None, "b": None}, {"a": 3, "b": "z"}],
            "null": [None, None, None],
            "duration": pl.Series([1, None, 3], dtype=pl.Duration("ms")),
            "instant": pl.Series([1, None, 3], dtype=pl.Datetime("ns", "Europe/Berlin")),
            "float": [1.5, NAN, None],
            "small": pl.Series([1, None, 3], dtype=pl.UInt8),
            "binary": [b"x", None, b""],
            "date": [dt.date(2020, 1, 1), None, dt.date(1, 1, 1)],
            "bool": [True, None, False],
        }
    )


def test_frames_of_polars_come_back(pl, polars_frame):
    found = back(polars_frame)
    assert found.schema == polars_frame.schema
    pl.testing.assert_frame_equal(found, polars_frame, categorical_as_str=True)
    assert [field.metadata for field in arrived(polars_frame).schema] == [None] * polars_frame.width
    assert back(polars_frame.clear()).schema == polars_frame.schema
    for name in polars_frame.columns:
        series = polars_frame[name]
        pl.testing.assert_series_equal(back(series), series, categorical_as_str=True)
    assert back(pl.Series([1, 2])).name == ""


def test_lazy_frames_are_computed_when_they_are_asked_for(pl, polars_frame):
    computed = []

    def compute(frame):
        computed.append(frame.height)
        return frame

    lazy = polars_frame.lazy().map_batches(compute, schema=polars_frame.schema)
    found = arrived(lazy)
    assert (found.rows, computed) == (None, [])
    back_again = restored(stored(found), found.restore)
    assert computed
    pl.testing.assert_frame_equal(back_again, polars_frame, categorical_as_str=True)


def test_extension_types_of_polars_come_back(pl):
    if not hasattr(pl, "Extension"):
        pytest.skip("this polars has no extension types")
    kind = pl.Extension("tests.length", pl.Int32, "metres")
    frame = pl.DataFrame({"x": pl.Series([1, None], dtype=pl.Int32).ext.to(kind)})
    assert back(frame).schema == frame.schema


@pytest.mark.parametrize("dtype", ["Int128", "Object"])
def test_types_of_polars_that_arrow_lacks_are_refused(pl, dtype):
    frame = pl.DataFrame({"ok": [1], "x": pl.Series([1], dtype=getattr(pl, dtype))})
    with pytest.raises(Invalid, match=f"column 'x' .*{dtype}") as told:
        incoming(frame)
    assert told.value.details["field"] == "x"


def test_frames_of_pandas_for_polars(pl):
    frame = pd.DataFrame(
        {"x": pd.Categorical(["b", None]), "n": [1.5, NAN]}, index=pd.Index([7, 8], name="key")
    )
    found = back(frame, "polars")
    assert found.to_dict(as_series=False) == {"x": ["b", None], "n": [1.5, None], "key": [7, 8]}


def test_a_table_that_polars_cannot_hold(pl):
    table = pa.table({"x": pa.array([(1, 2, 3)], pa.month_day_nano_interval())})
    with pytest.raises(Invalid, match="polars cannot hold"):
        restored(table, {}, "polars")
    with pytest.raises(Invalid, match="column 'x' has up to 60 digits"):
        back(pd.DataFrame({"x": objects(Decimal("1" * 60))}), "polars")


def test_times_of_an_offset_are_utc_in_polars(pl):
    instant = dt.datetime.fromisoformat("2020-01-01T12:00:00-05:30")
    series = back(pd.DataFrame({"x": [pd.Timestamp(instant)]}), "polars")["x"]
    assert series.dtype.time_zone == "UTC"
    assert series[0] == instant


# ----------------------------------------------------------------------------------------------------- DuckDB


def test_names_of_relations_are_those_that_they_show():
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    with pytest.raises(Invalid, match="several columns of the name 'a'"):
        incoming(duckdb.sql("SELECT 1 AS a, 2 AS a"))
    found = incoming(duckdb.sql("SELECT 1 AS a, 2 AS A"))
    assert found is not None and found.schema.names == ["a", "A"]


def test_relations_of_duckdb_stream():
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    with duckdb.connect() as connection:
        relation = connection.sql("select range::int as a, 'x' || range as b from range(300000)")
        found = arrived(relation)
        assert (found.kind, found.rows) == ("duckdb", None)
        table = pa.Table.from_batches(found.batches, found.schema)
        assert (table.num_rows, table.column("b")[-1].as_py()) == (300000, "x299999")
        assert restored(table, found.restore).equals(table)


def test_restore_of_files_is_empty():
    assert restored(TABLE, {}) is TABLE
    assert json.dumps({}) and restored(TABLE.select(["a"]), {}, "pandas")["a"].dtype == "Int32"


def test_decimals_do_not_depend_on_the_context():
    with decimal.localcontext(prec=2):
        series = objects(Decimal("12345.678"), Decimal("1.2"))
        assert_same(back(series), series)

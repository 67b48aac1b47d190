"""Columns to try things with."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

_DAY, _TIME = dt.date(2020, 2, 29), dt.time(1, 2, 3)
_MOMENT = dt.datetime(2020, 2, 29, 1, 2, 3, tzinfo=dt.UTC)


def _column(value: Any, kind: Any = None) -> Any:
    return pa.array([value, None, value], kind)


#: A column of each type: a value, a null, and the same value again.
ONE_OF_EACH = [
    _column(True),
    *(_column(3, kind) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())),
    *(_column(3, kind) for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())),
    _column(np.float16(1.5), pa.float16()),
    _column(1.5, pa.float32()),
    _column(1.5),
    _column(Decimal("1.1"), pa.decimal32(5, 1)),
    _column(Decimal("1.1"), pa.decimal64(5, 1)),
    _column(Decimal("1.1")),
    _column(Decimal("1.1"), pa.decimal256(50, 2)),
    _column(_DAY),
    _column(_DAY, pa.date64()),
    _column(_TIME, pa.time32("s")),
    _column(_TIME),
    _column(_MOMENT, pa.timestamp("s")),
    _column(_MOMENT, pa.timestamp("ns", "Europe/Paris")),
    _column(dt.timedelta(hours=1), pa.duration("ms")),
    _column("text"),
    _column("text", pa.large_string()),
    _column("a longer text", pa.string_view()),
    _column(b"bytes"),
    _column(b"bytes", pa.large_binary()),
    _column(b"four", pa.binary(4)),
    _column(b"longer than twelve", pa.binary_view()),
    _column("word").dictionary_encode(),
    _column(7).dictionary_encode(),
    _column([1, 2]),
    _column([1, 2], pa.large_list(pa.int8())),
    _column([1, 2], pa.list_(pa.int8(), 2)),
    _column({"a": 1, "b": None}),
    _column([("key", 1)], pa.map_(pa.string(), pa.int8())),
    _column((1, 2, 3), pa.month_day_nano_interval()),
    pa.ExtensionArray.from_storage(pa.uuid(), _column(b"a" * 16, pa.binary(16))),
]

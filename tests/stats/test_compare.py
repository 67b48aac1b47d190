"""How the statistics of columns differ between two tables."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nbproof.stats.compare import STATISTICS, ColumnComparison, compare_columns
from nbproof.stats.profile import merge, profile_column, profile_table
from tests.stats.columns import ONE_OF_EACH


def compared(before: Any, after: Any) -> list[ColumnComparison]:
    tables = [each if isinstance(each, pa.Table) else pa.table(each) for each in (before, after)]
    found = compare_columns(*map(profile_table, tables))
    assert [ColumnComparison.from_json(json.loads(json.dumps(each.to_json()))) for each in found] == found
    assert compare_columns(*map(profile_table, tables)) == found
    return found


def test_what_changed_is_said_with_both_values():
    (found,) = compared({"x": [1.0, 2.0, 3.0, 0.0]}, {"x": [1.0, None, 5.0, float("nan")]})
    assert found.change == "changed"
    assert found.changed == tuple(name for name in STATISTICS if name != "median")
    assert found.before == {
        "missing": 0, "nans": 0, "distinct": 4, "mean": 1.5, "std": pytest.approx(1.29, abs=0.01),
        "minimum": 0.0, "median": 1.0, "maximum": 3.0, "zeros": 1,
    }  # fmt: skip
    assert found.after["mean"] == 3.0 and found.after["missing"] == found.after["nans"] == 1


def test_columns_come_go_and_change_their_type():
    found = compared({"a": [1], "b": [1], "c": [1]}, {"d": ["x"], "c": [1.0], "a": [1]})
    assert [(each.name, each.change) for each in found] == [
        ("a", "same"), ("b", "removed"), ("c", "changed"), ("d", "added"),
    ]  # fmt: skip
    assert (found[1].before_type, found[1].after_type, found[1].after) == ("int64", None, {})
    assert found[2].changed == ("type",) and (found[2].before_type, found[2].after_type) == (
        "int64",
        "double",
    )
    assert (found[3].before, found[3].after) == ({}, {"missing": 0, "nans": 0, "distinct": 1})


def test_sums_in_another_order_are_no_change():
    values = np.random.default_rng(0).normal(size=1000)
    whole = profile_column("x", pa.array(values))
    slabs = merge([profile_column("x", pa.array(part)) for part in np.array_split(values, 7)])
    assert whole.mean != slabs.mean or whole.m2 != slabs.m2
    (found,) = compare_columns([whole], [slabs])
    assert found.change == "same"


@pytest.mark.parametrize("column", ONE_OF_EACH, ids=lambda each: str(each.type)[:30])
def test_of_any_type(column):
    (found,) = compared({"x": column}, {"x": column})
    assert found.change == "same" and found.before["missing"] == 1


def test_tables_with_little_in_them():
    assert compared({}, {}) == []
    (empty,) = compared({"x": pa.array([], pa.float64())}, {"x": pa.array([], pa.float64())})
    assert empty.change == "same"
    twice = pa.table([pa.array([1]), pa.array([2])], ["x", "x"])
    assert [each.change for each in compared(twice, twice)] == ["same", "same"]

"""What is known of a column without its data."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections import Counter
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbproof.stats import profile as module
from nbproof.stats.profile import ColumnProfile, distribution_at, merge, profile_column, profile_table
from nbproof.stats.sketch import estimate, sketch_of
from tests.stats.columns import ONE_OF_EACH

ANY_FLOAT = st.floats(width=64) | st.none()
FEW = st.sampled_from([0.0, 1.0, 2.5, -3.0, None])


def through_json(profile: ColumnProfile) -> ColumnProfile:
    return ColumnProfile.from_json(json.loads(json.dumps(profile.to_json(), allow_nan=False)))


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=count)


# ------------------------------------------------------------------------------------------------- one pass


@given(st.lists(ANY_FLOAT | FEW, max_size=60))
def test_of_floats(values):
    found = profile_column("x", pa.array(values, pa.float64()))
    held = [each for each in values if each is not None]
    finite = np.array([each for each in held if math.isfinite(each)])
    assert (found.kind, found.rows, found.missing) == ("numeric", len(values), len(values) - len(held))
    assert found.nans == sum(map(math.isnan, held))
    assert found.infinities == sum(map(math.isinf, held))
    assert found.count == len(finite)
    assert found.distinct == len({each for each in held if not math.isnan(each)}) and found.distinct_exact
    assert found.edges == tuple(np.unique(finite))
    assert found.below == tuple(np.count_nonzero(finite < edge) for edge in found.edges)
    assert found.upto == tuple(np.count_nonzero(finite <= edge) for edge in found.edges)
    assert dict(found.top) == Counter(finite.tolist())
    assert found.zeros == np.count_nonzero(finite == 0)
    assert found.knows_all_values or found.infinities
    if len(finite):
        assert found.minimum is not None and found.maximum is not None and found.mean is not None
        with np.errstate(over="ignore", invalid="ignore"):
            assert (found.minimum, found.maximum) == (finite.min(), finite.max())
            scale = float(np.abs(finite).max())
            if scale < 1e100:
                assert found.mean == pytest.approx(finite.mean(), rel=1e-12, abs=1e-12 * scale)
                expected = ((finite - finite.mean()) ** 2).sum()
                assert found.m2 == pytest.approx(expected, rel=1e-9, abs=1e-12 * scale**2)
    assert through_json(found) == found


@given(st.lists(st.text(max_size=4) | st.none(), max_size=60), st.booleans())
def test_of_texts(values, coded):
    column = pa.array(values, pa.string())
    found = profile_column("x", column.dictionary_encode() if coded else column)
    counts = Counter(each for each in values if each is not None)
    assert (found.kind, found.missing, found.distinct) == ("categorical", values.count(None), len(counts))
    assert dict(found.top) == counts and found.other == 0 and found.knows_all_values
    assert [count for _, count in found.top] == sorted(counts.values(), reverse=True)
    sizes = [len(each) for each in values if each is not None]
    assert found.lengths is not None and found.lengths.rows == len(sizes)
    if sizes:
        assert found.lengths.mean == pytest.approx(np.mean(sizes))
        assert found.lengths.quantile(1.0) == max(sizes)
    assert through_json(found) == found


@pytest.mark.parametrize("column", ONE_OF_EACH, ids=lambda each: str(each.type)[:30])
def test_of_any_type(column):
    """Each is [value, null, the same value]; also in chunks, of slices, and merged with itself."""
    found = profile_column("x", column)
    assert (found.rows, found.missing, found.distinct, found.count) == (3, 1, 1, 2)
    assert found.type == str(column.type)
    assert through_json(found) == found
    assert profile_column("x", pa.chunked_array([column.slice(1), column.slice(0, 1)])) == found
    empty = profile_column("x", pa.chunked_array([], column.type))
    assert (empty.rows, empty.missing, empty.distinct, empty.edges, empty.top) == (0, 0, 0, (), ())
    nulls = profile_column("x", column.slice(1, 1))
    assert (nulls.rows, nulls.missing, nulls.distinct, nulls.mean) == (1, 1, 0, None)
    both = merge([found, nulls, empty, found])
    assert (both.rows, both.missing, both.distinct, both.kind) == (7, 3, 1, found.kind)


def test_kinds():
    kinds = {str(each.type): profile_column("x", each).kind for each in ONE_OF_EACH}
    assert kinds["bool"] == "boolean"
    assert kinds["uint8"] == kinds["decimal128(2, 1)"] == kinds["halffloat"] == "numeric"
    assert kinds["date32[day]"] == kinds["time64[us]"] == kinds["duration[ms]"] == "datetime"
    assert kinds["string"] == kinds["binary"] == kinds["fixed_size_binary[4]"] == "categorical"
    assert kinds["list<item: int64>"] == kinds["month_day_nano_interval"] == "nested"
    assert profile_column("x", pa.nulls(2)).kind == "null"
    assert profile_column("x", pa.array([f"number {k}" for k in range(1500)])).kind == "text"
    assert profile_column("x", pa.array([f"number {k % 1500}" for k in range(9000)])).kind == "categorical"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_are_microseconds(unit):
    moments = [dt.datetime(1969, 12, 31, 23, 59, 59, tzinfo=dt.UTC), dt.datetime(2020, 2, 29, tzinfo=dt.UTC)]
    found = profile_column("x", pa.array(moments, pa.timestamp(unit, "UTC")))
    assert (found.minimum, found.maximum) == (-1_000_000, 1_582_934_400_000_000)
    assert found.edges == (-1e6, 1.5829344e15) and dict(found.top) == {
        -1_000_000: 1,
        1_582_934_400_000_000: 1,
    }
    assert profile_column("x", pa.array([dt.date(1970, 1, 2)])).mean == 86_400e6
    assert profile_column("x", pa.array([dt.date(1970, 1, 2)], pa.date64())).mean == 86_400e6
    # Later than Python's last year.
    assert profile_column("x", pa.array([10**15], pa.timestamp("s"))).maximum == 10**21


def test_nanoseconds_that_are_one_microsecond_are_counted_together_and_differ():
    kind = pa.timestamp("ns")
    slabs = [pa.array([1, 2, 1500, 2], pa.int64()).cast(kind), pa.array([3, -1, 2], pa.int64()).cast(kind)]
    found = profile_column("x", pa.chunked_array(slabs))
    assert (found.top, found.distinct, found.other) == (((0, 5), (-1, 1), (1, 1)), 5, 0)
    merged = merge([profile_column("x", each) for each in slabs])
    assert (merged.top, merged.other) == (found.top, 0)
    assert not merged.distinct_exact and merged.distinct == 5


def test_large_integers_are_not_rounded():
    found = profile_column("x", pa.array([2**64 - 1, 2**64 - 2, 2**64 - 2], pa.uint64()))
    assert (found.minimum, found.maximum, found.distinct) == (2**64 - 2, 2**64 - 1, 2)
    assert found.top == ((2**64 - 2, 2), (2**64 - 1, 1))
    assert found.edges == (2.0**64,) and (found.below, found.upto) == ((0,), (3,))
    assert through_json(found) == found


def test_decimals_of_many_digits_are_counted_as_they_are():
    from decimal import Decimal

    column = pa.array([Decimal("1.00000000000000000001"), Decimal("1.00000000000000000002")])
    assert profile_column("x", column).distinct == 2


@pytest.mark.parametrize("kind", [pa.decimal128(20, 2), pa.decimal256(40, 2), pa.decimal128(38, 25)])
def test_decimals_are_the_nearest_floats(kind):
    from decimal import Decimal

    values = [Decimal(number) / 100 for number in (468, -1, 0, 10**9 + 1)]
    column = pa.chunked_array([pa.array(values[:2], kind), pa.array([None, *values], kind).slice(1)])
    assert profile_column("x", column).edges == tuple(sorted(map(float, values)))
    assert profile_column("x", column.slice(0, 0)).edges == ()


def test_long_texts_are_cut_and_stay_apart():
    found = profile_column("x", pa.array(["a" * 5000, "a" * 5001, "a" * 5000, "b" * 200]))
    values = dict(found.top)
    assert sorted(values.values()) == [1, 1, 2] and values["b" * 200] == 1
    assert all(len(str(each)) < 230 for each in values)
    assert found.lengths and found.lengths.maximum == 5001


def test_one_text_of_a_hundred_megabytes():
    found = profile_column("x", pa.array(["x" * 100_000_000, None]))
    assert found.lengths and found.lengths.maximum == 100_000_000
    assert len(json.dumps(found.to_json())) < 2000


def test_bytes_that_are_no_text():
    broken = pa.array([b"\xff\xfe", b"a"]).view(pa.string())
    assert dict(profile_column("x", broken).top) == {"0xfffe": 1, "a": 1}


def test_a_dictionary_may_hold_a_value_twice_a_null_and_what_nobody_uses():
    coded = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None, 0]), pa.array(["a", None, "a", "never"]))
    found = profile_column("x", coded)
    assert (found.missing, found.top) == (2, (("a", 3),))


def test_columns_that_arrow_has_few_functions_for():
    union = pa.UnionArray.from_dense(
        pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([1]), pa.array(["a"])]
    )
    assert (profile_column("x", union).kind, profile_column("x", union).distinct) == ("nested", 2)
    views = pa.array([[1, 2], None, [1, 2]], pa.list_view(pa.int8()))
    assert (profile_column("x", views).missing, profile_column("x", views).distinct) == (1, 1)
    runs = pa.RunEndEncodedArray.from_arrays([2, 3], pa.array(["a", None]))
    found = profile_column("x", runs)
    assert (found.rows, found.missing, found.top) == (3, 1, (("a", 2),))


# -------------------------------------------------------------------------------------------- many values


def test_the_distribution_is_exact_at_no_more_than_1001_edges():
    values = np.concatenate([noise(50_000), np.full(3_000, 0.25), [1e6]])
    found = profile_column("x", pa.array(values))
    assert len(found.edges) <= 1001 and not found.knows_all_values and found.rank_error == 0
    edges = np.array(found.edges)
    ordered = np.sort(values)
    assert found.below == tuple(np.searchsorted(ordered, edges, "left"))
    assert found.upto == tuple(np.searchsorted(ordered, edges, "right"))
    assert {values.min(), 0.25, 1e6} <= set(found.edges)  # a spike is an edge, and so are the ends
    between = np.diff(found.below) - np.diff((0, *found.upto))[:-1]
    assert between.max() <= len(values) / 900
    assert found.top == () and found.other == found.count
    assert through_json(found) == found
    assert len(json.dumps(found.to_json())) < 32_000


@pytest.mark.parametrize("share", [0.0, 0.001, 0.25, 0.5, 0.999, 1.0])
def test_quantiles_are_those_of_the_data(share):
    values = noise(100_000)
    found = profile_column("x", pa.array(values)).quantile(share)
    ordered = np.sort(values)
    rank = share * len(values)
    assert ordered[max(int(rank) - 110, 0)] <= found <= ordered[min(int(rank) + 110, len(values) - 1)]


def test_the_most_frequent_of_many_texts_are_known():
    values = ["often"] * 500 + ["less"] * 100 + [f"once {number}" for number in range(5000)]
    found = profile_column("x", pa.array(values))
    assert found.top[:2] == (("often", 500), ("less", 100)) and len(found.top) == 1000
    assert found.other == len(values) - 600 - 998 and found.distinct == 5002
    assert profile_column("x", pa.array(values[::-1])) == found


# ------------------------------------------------------------------------------------------------- merging


@given(st.lists(st.lists(ANY_FLOAT | FEW, max_size=20), min_size=1, max_size=5))
def test_few_numbers_merged_are_the_whole(slabs):
    parts = [profile_column("x", pa.array(slab, pa.float64())) for slab in slabs]
    whole = profile_column("x", pa.array([each for slab in slabs for each in slab], pa.float64()))
    merged = merge(parts)
    if not whole.infinities:
        assert merged.distinct == whole.distinct
    same: dict[str, Any] = {"mean": None, "m2": None, "distinct": 0, "distinct_exact": True}
    assert replace(merged, **same) == replace(whole, **same)
    if whole.minimum is None or whole.maximum is None:
        return
    scale = max(abs(whole.minimum), abs(whole.maximum))
    if scale < 1e100:
        assert merged.mean == pytest.approx(whole.mean, rel=1e-9, abs=1e-9 * scale)
        assert merged.m2 == pytest.approx(whole.m2, rel=1e-9, abs=1e-9 * scale**2)


@given(st.lists(st.lists(st.sampled_from("abcdé") | st.none(), max_size=20), min_size=1, max_size=5))
def test_few_texts_merged_are_the_whole(slabs):
    merged = merge([profile_column("x", pa.array(slab, pa.string())) for slab in slabs])
    whole = profile_column("x", pa.array([each for slab in slabs for each in slab], pa.string()))
    same: dict[str, Any] = {"mean": None, "m2": None}
    assert merged.lengths is not None and whole.lengths is not None
    assert replace(merged, lengths=None) == replace(whole, lengths=None)
    assert replace(merged.lengths, **same) == replace(whole.lengths, **same)


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_many_numbers_merged_are_the_whole_within_the_stated_error(shift):
    slabs = [noise(20_000, seed) + shift * seed for seed in range(5)]
    parts = [profile_column("x", pa.array(slab)) for slab in slabs]
    merged, together = merge(parts), np.concatenate(slabs)
    ordered = np.sort(together)
    assert 0 < merged.rank_error <= len(together) / 900
    sides: list[tuple[Any, Literal["left", "right"]]] = [(merged.below, "left"), (merged.upto, "right")]
    for told, side in sides:
        wrong = np.abs(np.array(told) - np.searchsorted(ordered, merged.edges, side))
        assert wrong.max() <= merged.rank_error
    assert (merged.below[0], merged.upto[-1]) == (0, len(together))
    assert list(merged.upto) == sorted(merged.upto) and len(merged.edges) <= 1001
    assert merged.mean == pytest.approx(together.mean(), rel=1e-12)
    assert merged.std == pytest.approx(together.std(ddof=1), rel=1e-12)
    assert not merged.distinct_exact and abs(merged.distinct / len(together) - 1) < 0.1
    assert through_json(merged) == merged
    again = merge([merge(parts[:2]), merge(parts[2:])])
    wrong = np.abs(np.array(again.upto) - np.searchsorted(ordered, again.edges, "right"))
    assert wrong.max() <= again.rank_error


def test_many_texts_merged_count_what_is_frequent_within_the_stated_error():
    random = np.random.default_rng(0)
    slabs = [[f"v{k}" for k in random.zipf(1.3, 20_000) % 5000] for _ in range(4)]
    merged = merge([profile_column("x", pa.array(slab)) for slab in slabs])
    counts: Counter[Any] = Counter(each for slab in slabs for each in slab)
    assert len(merged.top) == 1000 and merged.top_error > 0
    assert all(count <= counts[value] <= count + merged.top_error for value, count in merged.top)
    assert [value for value, _ in merged.top[:20]] == [value for value, _ in counts.most_common(20)]
    assert abs(merged.distinct / len(counts) - 1) < 0.1
    assert sum(count for _, count in merged.top) + merged.other == 80_000


def test_a_long_column_is_looked_at_in_slabs(monkeypatch):
    monkeypatch.setattr(module, "_SLAB", 1000)
    values = pa.array(np.arange(2500) % 700)
    sliced = profile_column("x", values)
    monkeypatch.undo()
    assert replace(sliced, mean=0, m2=0) == replace(profile_column("x", values), mean=0, m2=0)


def test_only_one_column_is_merged():
    with pytest.raises(ValueError, match="column 'x' have different types: double, string"):
        merge([profile_column("x", pa.array(["a"])), profile_column("x", pa.array([1.0]))])
    with pytest.raises(ValueError, match="at least one"):
        merge([])
    both = merge([profile_column("x", pa.nulls(3)), profile_column("x", pa.array([1.0]))])
    assert (both.type, both.rows, both.missing, both.mean) == ("double", 4, 3, 1.0)


@given(st.floats(-1e12, 1e12), st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=40))
def test_between_edges_the_distribution_is_wrong_by_no_more_than_it_says(point, values):
    found = profile_column("x", pa.array(values))
    below, upto, error = distribution_at(found, np.array([point]))
    assert error == 0  # few values: all of them are edges
    assert (below[0], upto[0]) == (sum(v < point for v in values), sum(v <= point for v in values))


@pytest.mark.parametrize("count", [0, 1, 10, 1000, 100_000])
def test_a_sketch_counts_within_its_error(count):
    hashes = np.random.default_rng(count).integers(0, 2**64, count, dtype=np.uint64)
    assert abs(estimate(sketch_of(hashes)) - count) <= 4 * 0.023 * count


# ------------------------------------------------------------------------------------------------- tables


def test_of_a_table():
    table = pa.table([pa.array([1, 2]), pa.array(["a", None]), pa.array([1.0, 2.0])], ["x", "x", "🙂/."])
    found = profile_table(table)
    assert [(each.name, each.kind) for each in found] == [
        ("x", "numeric"),
        ("x", "categorical"),
        ("🙂/.", "numeric"),
    ]
    assert profile_table(table, threads=1) == found
    assert profile_table(table.to_batches()[0]) == found


def test_of_tables_with_little_in_them():
    assert profile_table(pa.table({})) == []
    (found,) = profile_table(pa.table({"x": pa.array([], pa.float64())}))
    assert (found.rows, found.mean, found.quantile(0.5), found.std) == (0, None, None, None)


@pytest.mark.newest
def test_of_two_thousand_columns():
    table = pa.table({f"c{number}": pa.array([number, None]) for number in range(2000)})
    found = profile_table(table)
    assert len(found) == 2000 and found[1999].mean == 1999

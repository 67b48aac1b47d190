"""Points as bytes: nothing is lost, and what is thinned still draws the same line."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbproof.core.errors import Unavailable
from nbproof.tracking.points import (
    SPARK,
    TAIL_POINT_BYTES,
    Points,
    extent,
    pack,
    sparkle,
    tails,
    thinned,
    unpack,
)

INT64 = st.integers(-(2**63), 2**63 - 1)


def points_of(values):
    values = np.array(values, np.float64)
    places = np.arange(len(values), dtype=np.int64)
    return Points(places, places * 1000, values)


@given(st.lists(st.tuples(INT64, INT64, st.floats()), max_size=50))
def test_every_step_time_and_value_comes_back(rows):
    steps, times, values = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    points = Points(np.array(steps, np.int64), np.array(times, np.int64), np.array(values, np.float64))

    back = unpack(pack(points))

    assert back.steps.tolist() == steps
    assert back.times.tolist() == times
    assert back.values.tobytes() == points.values.tobytes()


def test_regular_points_take_little_room():
    points = points_of(np.exp(-np.arange(4096) / 500).round(4))

    assert len(pack(points)) < 4096 * 6


@pytest.mark.parametrize("blob", [b"", b"\x02abc", b"\x01abc", b"\x01" + b"\0" * 50])
def test_damaged_bytes_are_told_as_such(blob):
    with pytest.raises(Unavailable):
        unpack(blob)


@given(st.lists(st.floats(), max_size=300), st.integers(2, 60))
def test_thinning_keeps_ends_extremes_and_order_within_the_bound(values, most):
    points = points_of(values)

    thin = thinned(points, most)

    assert thin.n <= max(most, 0) or thin.n == points.n <= most
    assert (np.diff(thin.steps) > 0).all()
    if points.n:
        assert (thin.steps[0], thin.steps[-1]) == (points.steps[0], points.steps[-1])
    numbers = [value for value in values if not math.isnan(value)]
    if numbers and most >= 4:
        kept = [value for value in thin.values.tolist() if not math.isnan(value)]
        assert (min(kept), max(kept)) == (min(numbers), max(numbers))


@pytest.mark.parametrize("most", [10, 50, 1000])
def test_a_gap_is_seen_however_short_it_is(most):
    values = np.sin(np.arange(100_000.0))
    values[77_777] = math.nan

    thin = thinned(points_of(values), most)

    assert thin.n <= most
    assert thin.steps[np.isnan(thin.values)].tolist() == [77_777]


def test_a_tail_is_put_behind_another_by_joining_bytes():
    points = points_of([1.0, math.nan, math.inf, -0.0])
    first, second = tails(points, [0, 1], [1, 4])

    assert unpack(first + second[1:]).values.tobytes() == points.values.tobytes()
    assert len(first) == 1 + TAIL_POINT_BYTES


def test_the_extent_of_points_leaves_nan_out():
    points = points_of([math.nan, 3.0, -math.inf])

    assert extent(points) == (0, 2, 0, 2000, -math.inf, 3.0)
    assert extent(points.at([0]))[4:] == (None, None)


@given(st.lists(st.integers(0, 200), max_size=20))
def test_a_sparkline_is_the_same_however_the_points_came(sizes):
    values = np.arange(sum(sizes), dtype=np.float64)
    kept: list[float] = []
    stride, count = 1, 0
    for size in sizes:
        stride, kept = sparkle(stride, kept, count, values[count : count + size])
        count += size

    assert (stride, kept) == sparkle(1, [], 0, values)
    assert kept == values[::stride].tolist()
    assert len(kept) < SPARK

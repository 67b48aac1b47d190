"""Where values lie on an axis, and what is written along it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbproof.plots.axis import axis_of, categories_of, tick_text, ticks

numbers = st.floats(allow_nan=True, allow_infinity=True)


def test_the_outermost_values_lie_at_the_ends():
    axis = axis_of([2.0, 6.0, 4.0], slack=False)
    assert [axis.at(value) for value in (2.0, 4.0, 6.0)] == [0.0, 0.5, 1.0]


def test_with_slack_there_is_room_beyond_them():
    axis = axis_of([0.0, 1.0])
    assert (axis.low, axis.high) == (-0.04, 1.04)


def test_nan_has_no_place_and_infinities_lie_at_the_ends():
    axis = axis_of([1.0, 2.0, math.nan, math.inf, -math.inf])
    assert axis.at(math.nan) is None and axis.at(None) is None
    assert (axis.at(math.inf), axis.at(-math.inf)) == (1.0, 0.0)


def test_equal_distances_are_equal_ratios_on_a_log_axis():
    axis = axis_of([0.001, 1000.0], log=True, slack=False)
    assert [round(axis.at(value) or 0.0, 9) for value in (0.001, 1.0, 1000.0)] == [0.0, 0.5, 1.0]
    assert axis.at(0.0) is None and axis.at(-1.0) is None
    assert [text for _, text in axis.ticks] == ["0.001", "0.1", "10", "1,000"]


def test_a_log_axis_of_less_than_a_decade_has_ticks_all_the_same():
    assert len(axis_of([0.31, 0.34], log=True).ticks) >= 2


@pytest.mark.parametrize("values", [[], [5.0], [0.0, 0.0], [math.nan], [-1.7e308, 1.7e308], [5e-324, 1e-323]])
def test_odd_spans_have_an_axis_too(values):
    axis = axis_of(values)
    for value in values:
        place = axis.at(value)
        assert place is None or 0 <= place <= 1


def test_whole_numbers_have_whole_ticks():
    assert [text for _, text in axis_of([5, 7]).ticks] == ["5", "6", "7"]
    assert "5.5" in [text for _, text in axis_of([5.0, 7.0]).ticks]


def test_names_share_the_axis_evenly_in_their_order():
    axis = categories_of(["xgb", "forest", None, "xgb"])
    assert axis.categories == ("forest", "xgb")
    assert [axis.at(name) for name in ("forest", "xgb", "linear", None)] == [0.25, 0.75, None, None]


def test_of_very_many_names_some_are_ticked():
    assert len(categories_of([f"name {number:03d}" for number in range(500)]).ticks) <= 30


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
        (0.1, 0.3, [0.1, 0.15, 0.2, 0.25, 0.3]),
        (1e9, 1e9 + 5, [1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 4, 1e9 + 5]),
        (3, 3, [3]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == expected


def test_ticks_of_time_are_round_in_minutes_and_hours():
    assert ticks(0, 7200, kind="seconds") == [0, 1800, 3600, 5400, 7200]
    assert tick_text(1_767_323_045, "time", 60) == "03:04"
    assert tick_text(1_767_323_045, "time", 1) == "03:04:05"
    assert tick_text(1_767_323_045.25, "time", 0.05) == "04:05.25"
    assert tick_text(1_767_323_045, "time", 86_400) == "Jan 02"


@given(st.lists(numbers, max_size=20), st.booleans())
def test_every_value_lies_within_or_nowhere(values, log):
    axis = axis_of(values, log=log)
    for value in values:
        place = axis.at(value)
        assert place is None or 0 <= place <= 1
    assert all(-1e-6 <= place <= 1 + 1e-6 for place, _ in axis.ticks)
    assert len(axis.ticks) <= 20


@given(numbers, numbers)
def test_the_greater_of_two_values_never_lies_lower(one, other):
    axis = axis_of([one, other])
    lower, higher = (axis.at(value) for value in sorted((one, other)))
    if lower is not None and higher is not None:
        assert lower <= higher

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbproof.plots.sparkline import sparkline_points, sparkline_svg, sparkline_text

NAN, INF = float("nan"), float("inf")


def box(*values: float) -> list[list[tuple[float, float]]]:
    return sparkline_points(values, width=100, height=20, margin=0)


def test_values_are_spread_over_the_width_and_the_greatest_is_on_top():
    assert box(0, 1, 2) == [[(0, 20), (50, 10), (100, 0)]]


def test_nan_is_a_gap_that_keeps_its_place():
    assert box(0, NAN, 2) == [[(0, 20)], [(100, 0)]]


def test_leading_and_trailing_gaps_keep_their_places():
    assert box(NAN, 0, 1, NAN) == [[(33.33, 20), (66.67, 0)]]


def test_infinities_lie_at_the_edges_and_do_not_flatten_the_rest():
    assert box(0, INF, -INF, 1) == [[(0, 20), (33.33, 0), (66.67, 20), (100, 0)]]


def test_one_value_lies_in_the_middle():
    assert box(7) == [[(50, 10)]]


def test_a_constant_course_lies_in_the_middle():
    assert box(3, 3) == [[(0, 10), (100, 10)]]


def test_only_infinities():
    assert box(INF, INF) == [[(0, 0), (100, 0)]]


@pytest.mark.parametrize("values", [(), (NAN, NAN)])
def test_nothing_to_draw(values):
    assert box(*values) == []
    assert "polyline" not in sparkline_svg(values)


def test_the_range_of_floats_is_no_limit():
    assert box(-1.7e308, 1.7e308) == [[(0, 20), (100, 0)]]


def test_the_margin_is_kept_free():
    assert sparkline_points([0, 1], width=100, height=20, margin=2) == [[(2, 18), (98, 2)]]


@given(st.lists(st.floats(), max_size=50))
def test_every_point_lies_in_the_box_and_none_is_lost(values):
    points = [point for stretch in sparkline_points(values) for point in stretch]
    assert len(points) == sum(not math.isnan(value) for value in values)
    assert all(0 <= x <= 100 and 0 <= y <= 20 for x, y in points)


def test_text_has_one_block_for_each_value():
    assert sparkline_text([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"


def test_text_shows_a_gap_as_a_space():
    assert sparkline_text([0, NAN, INF, -INF]) == "▅ █▁"


def test_text_is_thinned_from_the_first_value_to_the_last():
    assert sparkline_text(range(100), width=8) == "▁▂▃▄▅▆▇█"


@pytest.mark.parametrize(("width", "expected"), [(0, ""), (1, "▅"), (2, "▁█")])
def test_text_of_hardly_any_width(width, expected):
    assert sparkline_text([0, 1, 2], width=width) == expected


def test_svg_is_well_formed_and_says_what_it_shows():
    svg = ElementTree.fromstring(sparkline_svg([0, NAN, 1, 2], label='<b> & "auc"'))
    assert svg.get("aria-label") == '<b> & "auc"'
    assert svg.get("role") == "img"
    assert [child.tag for child in svg] == ["circle", "polyline", "circle"]


def test_svg_without_a_label_is_passed_over_by_screen_readers():
    svg = ElementTree.fromstring(sparkline_svg([1, 2]))
    assert svg.get("aria-hidden") == "true"
    assert svg.get("role") is None

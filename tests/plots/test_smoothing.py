"""The debiased moving average."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbproof.plots.smoothing import smoothed

finite = st.floats(-1e6, 1e6)


def test_it_is_the_weighted_mean_of_all_so_far():
    values = [3.0, 1.0, 4.0, 1.0, 5.0]
    weight = 0.7
    for n in range(1, 6):
        shares = np.array([weight ** (n - 1 - place) for place in range(n)])
        assert smoothed(values, weight)[n - 1] == pytest.approx(np.average(values[:n], weights=shares))


def test_the_first_value_is_itself_and_a_constant_stays():
    assert smoothed([7.0, 0.0], 0.99)[0] == pytest.approx(7.0)
    assert smoothed([2.5] * 50, 0.9) == pytest.approx([2.5] * 50)


def test_a_weight_of_nothing_changes_nothing():
    assert smoothed([1.0, math.inf, 2.0], 0.0) == [1.0, math.inf, 2.0]


def test_what_is_not_finite_stays_where_it_is_and_moves_nothing():
    found = smoothed([1.0, math.nan, 3.0, math.inf, 5.0], 0.5)
    assert math.isnan(found[1]) and found[3] == math.inf
    assert [found[0], found[2], found[4]] == smoothed([1.0, 3.0, 5.0], 0.5)


@pytest.mark.parametrize("weight", [-0.1, 1.0, 1.5, math.nan])
def test_a_weight_outside_its_range_is_refused(weight):
    with pytest.raises(ValueError, match="weight"):
        smoothed([1.0], weight)


@given(st.lists(finite, min_size=1, max_size=50), st.floats(0, 0.999))
def test_it_lies_between_the_least_and_the_greatest(values, weight):
    assert all(min(values) - 1e-6 <= value <= max(values) + 1e-6 for value in smoothed(values, weight))

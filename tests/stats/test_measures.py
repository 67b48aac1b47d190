"""How far two distributions lie apart, and whether that may be chance: beside scipy."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nbproof.stats import measures
from nbproof.stats.measures import FromProfile, Sorted
from nbproof.stats.profile import merge, profile_column

FEW = st.lists(st.integers(-3, 3).map(float) | st.floats(-1e6, 1e6), min_size=1, max_size=50)
COUNTS = st.lists(st.integers(0, 40), min_size=2, max_size=6)


def of_profile(values) -> FromProfile:
    return FromProfile(profile_column("x", pa.array(np.asarray(values, np.float64))))


def of_values(values) -> Sorted:
    return Sorted(np.sort(np.asarray(values, np.float64)))


def scipy_ks(one, other):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return stats.ks_2samp(one, other)


def samples(count: int, other: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(count)
    return {
        "the same": (random.normal(size=count), random.normal(size=other)),
        "shifted": (random.normal(size=count), random.normal(size=other) + 0.3),
        "heavy tails": (random.standard_t(2, count), random.standard_t(2, other)),
        "few values": (random.integers(0, 7, count), random.binomial(6, 0.4, other)),
        "a spike": (random.exponential(size=count), np.maximum(random.normal(size=other), 0)),
        "many integers": (random.integers(0, 10**6, count), random.integers(0, 10**6, other)),
        "far apart": (random.normal(size=count), random.normal(size=other) * 1000 + 5000),
        "outliers": (random.normal(size=count), np.append(random.normal(size=other - 5), [1e6] * 5)),
    }


LARGE = samples(40_000, 30_000)


# ------------------------------------------------------------------------------------------------- numbers


@given(FEW, FEW)
@settings(max_examples=40)
def test_of_few_values_d_and_p_are_scipys(one, other):
    expected = scipy_ks(one, other)
    for make in (of_profile, of_values):
        ours, theirs = make(one), make(other)
        distance = measures.kolmogorov_smirnov(ours, theirs)
        assert distance == pytest.approx(expected.statistic, abs=1e-12)
        assert measures.kolmogorov_smirnov_p(distance, ours, theirs) == pytest.approx(
            expected.pvalue, rel=1e-9
        )


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("count", [7, 20_000])
def test_of_the_same_values_d_is_zero_and_p_one(count, times):
    values = np.random.default_rng(5).integers(0, 1000, count)
    repeated = np.tile(values, times)
    for make in (of_profile, of_values):
        ours, theirs = make(values), make(repeated)
        assert measures.kolmogorov_smirnov(ours, theirs) == pytest.approx(0, abs=1e-12)
        assert measures.kolmogorov_smirnov_p(0.0, ours, theirs) == scipy_ks(values, repeated).pvalue == 1


@pytest.mark.parametrize("case", LARGE)
def test_of_many_values_d_is_scipys(case):
    one, other = LARGE[case]
    expected = scipy_ks(one, other).statistic
    assert measures.kolmogorov_smirnov(of_values(one), of_values(other)) == pytest.approx(expected, abs=1e-12)
    assert measures.kolmogorov_smirnov(of_profile(one), of_profile(other)) == pytest.approx(
        expected, abs=1e-3
    )


@pytest.mark.parametrize("case", LARGE)
def test_of_merged_slabs_d_is_scipys(case):
    one, other = LARGE[case]
    merged = [
        FromProfile(merge([profile_column("x", pa.array(part)) for part in np.array_split(values, 4)]))
        for values in (one, other)
    ]
    assert measures.kolmogorov_smirnov(*merged) == pytest.approx(scipy_ks(one, other).statistic, abs=2e-3)


@pytest.mark.parametrize("reach", [0.5, 0.8, 1.0, 1.3, 1.6, 2.0])
def test_of_many_values_p_is_scipys_within_a_thousandth(reach):
    ours, theirs = of_values(np.arange(20_000)), of_values(np.arange(30_000))
    effective = 20_000 * 30_000 / 50_000
    distance = reach / math.sqrt(effective)
    expected = stats.kstwo.sf(distance, round(effective))
    assert measures.kolmogorov_smirnov_p(distance, ours, theirs) == pytest.approx(expected, rel=1e-3)


def winsorised(values: np.ndarray) -> np.ndarray:
    ordered = np.sort(values)
    ends = [math.ceil(0.001 * len(values)) - 1, math.ceil(0.999 * len(values)) - 1]
    found: np.ndarray = np.clip(ordered, *ordered[ends])
    return found


@pytest.mark.parametrize("case", LARGE)
def test_the_way_that_values_go_is_scipys(case):
    one, other = (np.asarray(each, np.float64) for each in LARGE[case])
    expected = stats.wasserstein_distance(winsorised(one), winsorised(other))
    assert measures.wasserstein(of_values(one), of_values(other)) == pytest.approx(expected, rel=1e-9)
    width = np.quantile(one, 0.75) - np.quantile(one, 0.25)
    found = measures.wasserstein(of_profile(one), of_profile(other))
    assert found == pytest.approx(expected, rel=0.01, abs=0.002 * width)
    same = measures.wasserstein(of_values(one), of_values(one + 1))
    assert same == pytest.approx(1)


@given(FEW, FEW)
def test_the_way_of_few_values_is_scipys(one, other):
    expected = stats.wasserstein_distance(one, other)
    for make in (of_profile, of_values):
        found = measures.wasserstein(make(one), make(other))
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-6 * max(map(abs, one + other)))


@pytest.mark.parametrize("case", LARGE)
def test_psi_and_jensen_shannon_over_the_deciles_of_the_reference(case):
    one, other = (np.asarray(each, np.float64) for each in LARGE[case])
    ordered = np.sort(one)
    cuts = np.unique([ordered[math.ceil(part * len(one) / 10) - 1] for part in range(1, 10)])
    expected = [np.bincount(np.searchsorted(cuts, each), minlength=len(cuts) + 1) for each in (one, other)]
    exact = measures.bins(of_values(one), of_values(other))
    assert [each.tolist() for each in exact] == [each.tolist() for each in expected]
    p, q = (np.maximum(each, 0.5) / each.sum() for each in expected)
    assert measures.stability_index(*exact) == pytest.approx(np.sum((q - p) * np.log(q / p)))
    from scipy.spatial.distance import jensenshannon

    assert measures.jensen_shannon(*exact) == pytest.approx(jensenshannon(*expected, base=2), abs=1e-9)
    near = measures.bins(of_profile(one), of_profile(other))
    assert np.abs(near[1] - exact[1]).max() <= 2e-3 * len(other)


# ---------------------------------------------------------------------------------------------- categories


@given(COUNTS, COUNTS)
def test_the_statistic_of_categories_is_scipys(one, other):
    size = min(len(one), len(other))
    table = np.array([one[:size], other[:size]], np.float64)
    held = table[:, table.sum(axis=0) > 0]
    test, statistic, chance = measures.chi_square(*table)
    if held.shape[1] < 2 or not held.sum(axis=1).all():
        assert (statistic, chance) == (0, 1)
        return
    expected = stats.chi2_contingency(held)
    assert statistic == pytest.approx(expected.statistic, rel=1e-12, abs=1e-12)
    if expected.expected_freq.min() >= 5:
        assert test == "chi-square" and chance == pytest.approx(expected.pvalue, rel=1e-9)
    else:
        assert test == "chi-square by permutation" and 0 < chance <= 1


def test_where_few_are_expected_p_is_that_of_all_tables_with_these_sums():
    """Two by two these are the probabilities of Fisher's test, which has them in nearly the same order."""
    _, _, chance = measures.chi_square(np.array([8.0, 1.0]), np.array([2.0, 7.0]))
    assert chance == pytest.approx(stats.fisher_exact([[8, 1], [2, 7]]).pvalue, abs=0.01)
    _, _, chance = measures.chi_square(np.array([3.0, 3.0, 3.0]), np.array([3.0, 3.0, 3.0]))
    assert chance == 1.0


def test_where_few_are_expected_of_many_rows_it_is_the_g_test():
    table = np.array([[9000.0, 1000.0, 1.0], [9000.0, 1100.0, 4.0]])
    test, statistic, chance = measures.chi_square(*table)
    expected = stats.chi2_contingency(table, lambda_="log-likelihood")
    assert test == "G-test" and statistic == pytest.approx(expected.statistic)
    assert chance == pytest.approx(expected.pvalue)


def test_association_is_cramers_v_without_bias():
    random = np.random.default_rng(0)
    draws = [
        measures.association(*random.multinomial(300, np.full(40, 1 / 40), 2).astype(float))[0]
        for _ in range(200)
    ]
    assert np.mean(draws) < 0.06  # the plain V is 0.25 on the average
    strength, variation = measures.association(np.array([500.0, 0.0]), np.array([0.0, 500.0]))
    assert strength == pytest.approx(1, abs=1e-3) and variation == 1.0
    strength, variation = measures.association(
        np.array([700_000.0, 300_000.0]), np.array([690_000.0, 310_000.0])
    )
    assert strength == pytest.approx(stats.contingency.association([[700, 300], [690, 310]]), abs=1e-4)
    assert variation == pytest.approx(0.01)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 60), st.integers(0, 60))
def test_of_two_shares(part, other_part, rest, other_rest):
    rows, other_rows = part + rest, other_part + other_rest
    table = [[part, rest], [other_part, other_rest]]
    chance = measures.proportions_p(part, rows, other_part, other_rows)
    if not rows or not other_rows or not part + other_part or not rest + other_rest:
        assert chance == 1
    elif stats.contingency.expected_freq(table).min() >= 5:
        assert chance == pytest.approx(stats.chi2_contingency(table).pvalue, rel=1e-9)
    else:
        assert chance == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-6)


def test_what_lies_beyond_the_range_by_chance():
    """Of ten current values among twenty, the largest is one in every second case."""
    random = np.random.default_rng(0)
    draws = random.random((20_000, 60))
    beyond = (draws[:, 20:] > draws[:, :20].max(axis=1, keepdims=True)).sum(axis=1)
    beyond += (draws[:, 20:] < draws[:, :20].min(axis=1, keepdims=True)).sum(axis=1)
    for count in (10, 20, 30):
        assert (beyond >= count).mean() <= measures.out_of_range_p(count, 20, 40) + 0.01
    assert measures.out_of_range_p(0, 20, 40) == 1 and measures.out_of_range_p(1000, 10**6, 10**6) < 1e-290


@given(st.lists(st.floats(0, 1), max_size=30))
def test_adjusted_p_values_are_scipys(chances):
    expected = stats.false_discovery_control(chances).tolist() if chances else []
    assert measures.adjusted(chances) == pytest.approx(expected)


def test_what_can_be_seen_of_so_many_rows():
    """Four of five tries find a difference of the size that is said to be the smallest."""
    random = np.random.default_rng(0)
    shift = measures.detectable_distance(150, 150)
    found = 0
    for _ in range(200):
        one, other = random.random(150), random.random(150)
        other[random.random(150) < shift] += 1  # so many of them are moved beyond all others
        found += scipy_ks(one, other).pvalue <= 0.05
    assert found >= 140
    strength = measures.detectable_difference(150, 150, 2)
    assert strength == pytest.approx(2.8 / math.sqrt(300), rel=0.02)  # 1.96 + 0.84 deviations
    assert measures.detectable_distance(0, 5) == measures.detectable_difference(0, 5, 3) == 1.0

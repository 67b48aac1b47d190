"""How far two distributions lie apart, and whether that may be chance.

Each takes either what a profile knows or the sorted values themselves; from the latter every figure is exact.
Formulas and their sources are in docs/explanation/drift.md.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nbproof.stats.profile import ColumnProfile, distribution_at

__all__ = [
    "Distribution",
    "FromProfile",
    "Sorted",
    "adjusted",
    "association",
    "bins",
    "chi_square",
    "detectable_difference",
    "detectable_distance",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "kolmogorov_smirnov_p",
    "out_of_range_p",
    "proportions_p",
    "stability_index",
    "wasserstein",
]

Floats = npt.NDArray[np.float64]

_WINSORISED = 0.001
_BLOCK = 64  # values between two points at which the exact D is first looked for
_EXACT = 10_000  # rows up to which a p-value is exact, as in scipy
_DRAWS = 9_999


# ------------------------------------------------------------------------------------------- distributions


class Distribution(Protocol):
    """The empirical distribution of some numbers."""

    count: int

    def at(self, points: Floats) -> tuple[Floats, Floats]:
        """How many numbers are smaller than each point, and how many are no larger."""

    def quantile(self, share: float) -> float:
        """The smallest number that a share of them does not exceed."""

    def points(self) -> Floats:
        """Where it is known exactly, in order: the smallest and the largest among them."""

    def values(self) -> Floats | None:
        """All the numbers in order, if they are known."""


class FromProfile:
    """As far as a profile knows it.

    Parameters
    ----------
    profile : ColumnProfile
        With at least one finite number.
    factor, offset : float
        What its numbers are multiplied by, above 0, and what is then added.
    """

    def __init__(self, profile: ColumnProfile, factor: float = 1.0, offset: float = 0.0) -> None:
        self._profile = profile
        self._factor, self._offset = factor, offset
        self.count = profile.count

    def at(self, points: Floats) -> tuple[Floats, Floats]:
        """How many numbers are smaller than each point, and how many are no larger."""
        if (self._factor, self._offset) != (1.0, 0.0):
            points = (points - self._offset) / self._factor
            # What was an edge is one again, in spite of rounding.
            edges = self._profile.distribution[0]
            near = edges[np.clip(np.searchsorted(edges, points), 0, len(edges) - 1)]
            before = edges[np.clip(np.searchsorted(edges, points) - 1, 0, len(edges) - 1)]
            near = np.where(np.abs(near - points) < np.abs(before - points), near, before)
            points = np.where(np.isclose(near, points, rtol=1e-12, atol=0), near, points)
        below, upto, _ = distribution_at(self._profile, points)
        return below, upto

    def quantile(self, share: float) -> float:
        """The number that a share of them does not exceed."""
        found = self._profile.quantile(share)
        assert found is not None, "a profile with numbers has quantiles"
        return found * self._factor + self._offset

    def points(self) -> Floats:
        """Where it is known exactly."""
        return self._profile.distribution[0] * self._factor + self._offset

    def values(self) -> Floats | None:
        """All the numbers in order, where they are known and few."""
        if not self._profile.knows_all_values or self.count > _EXACT:
            return None
        _, below, upto = self._profile.distribution
        return np.repeat(self.points(), upto - below)


class Sorted:
    """The numbers themselves.

    Parameters
    ----------
    ordered : array of float
        Finite, in order, at least one.
    """

    def __init__(self, ordered: Floats) -> None:
        self._ordered = ordered
        self.count = len(ordered)

    def at(self, points: Floats) -> tuple[Floats, Floats]:
        """How many numbers are smaller than each point, and how many are no larger."""
        below = np.searchsorted(self._ordered, points, "left").astype(np.float64)
        return below, np.searchsorted(self._ordered, points, "right").astype(np.float64)

    def quantile(self, share: float) -> float:
        """The number that a share of them does not exceed."""
        return float(self._ordered[min(max(math.ceil(share * self.count - 1e-9) - 1, 0), self.count - 1)])

    def points(self) -> Floats:
        """Where it is known exactly."""
        return self._ordered

    def values(self) -> Floats | None:
        """All the numbers in order, where they are known and few."""
        return self._ordered


# ------------------------------------------------------------------------------------------------- numbers


def kolmogorov_smirnov(one: Distribution, other: Distribution) -> float:
    """D, the largest distance between two distribution functions.

    Of sorted values it is exact; of profiles it may be too small by what lies between two edges: a
    thousandth.
    """
    if isinstance(one, Sorted) and isinstance(other, Sorted):
        return _exact_distance(one.points(), other.points())
    points = np.union1d(one.points(), other.points())
    return max(_apart(one, other, points))


def _apart(one: Distribution, other: Distribution, points: Floats) -> tuple[float, float]:
    (below, upto), (other_below, other_upto) = one.at(points), other.at(points)
    left = np.abs(below / one.count - other_below / other.count)
    return float(left.max()), float(np.abs(upto / one.count - other_upto / other.count).max())


def _exact_distance(one: Floats, other: Floats) -> float:
    """Look at each 64th value; then only where a larger distance may hide between two of these."""
    n, m = len(one), len(other)
    points = np.unique(np.concatenate([one[::_BLOCK], other[::_BLOCK], one[-1:], other[-1:]]))
    below, upto = np.searchsorted(one, points, "left"), np.searchsorted(one, points, "right")
    other_below = np.searchsorted(other, points, "left")
    other_upto = np.searchsorted(other, points, "right")
    best = float(np.abs(upto / n - other_upto / m).max())
    best = max(best, float(np.abs(below / n - other_below / m).max()))
    highest = np.maximum(
        below[1:] / n - other_upto[:-1] / m,
        other_below[1:] / m - upto[:-1] / n,
    )
    hidden = np.flatnonzero(highest > best)
    if not len(hidden):
        return best
    parts = [one[upto[k] : below[k + 1]] for k in hidden]
    parts += [other[other_upto[k] : other_below[k + 1]] for k in hidden]
    points = np.sort(np.concatenate(parts))
    if not len(points):
        return best
    apart = np.searchsorted(one, points, "right") / n - np.searchsorted(other, points, "right") / m
    return max(best, float(np.abs(apart).max()))


def kolmogorov_smirnov_p(distance: float, one: Distribution, other: Distribution) -> float:
    """How often samples of one distribution lie so far apart.

    Exact, by scipy, where no sample has more than 10,000 numbers and they are known; otherwise from the
    limiting distribution with the correction of Vrbik (2018), within 0.1 % of scipy's value where that is
    above 0.0001.  (scipy's own takes more than half a second of a million rows.)
    """
    if not distance:
        return 1.0
    from scipy.special import kolmogorov

    if max(one.count, other.count) <= _EXACT and one.values() is not None and other.values() is not None:
        return _exact_p(one.count, other.count, round(distance * math.lcm(one.count, other.count)))
    effective = one.count * other.count / (one.count + other.count)
    root = math.sqrt(effective)
    reach = distance * root
    return float(kolmogorov(max(reach + 1 / (6 * root) + (reach - 1) / (4 * effective), 0.0)))


@lru_cache(4096)
def _exact_p(count: int, other: int, steps: int) -> float:
    """The p by scipy of two samples whose D is so many times 1 / lcm(count, other), and on nothing else.

    Columns of one table are of one length, so that most of them share it.
    """
    from scipy.stats import ks_2samp

    step, other_step = (math.lcm(count, other) // each for each in (count, other))
    # Two samples of zeros and ones that lie so far apart: low / count - other_low / other = D.
    low = next(
        low
        for low in range(count + 1)
        if 0 <= low * step - steps <= other * other_step and not (low * step - steps) % other_step
    )
    other_low = (low * step - steps) // other_step
    values = np.repeat([0, 1], [low, count - low])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells where it could not be exact
        return float(ks_2samp(values, np.repeat([0, 1], [other_low, other - other_low])).pvalue)


def wasserstein(one: Distribution, other: Distribution) -> float:
    """The mean way that values have to go, each sample winsorised at its own 0.1 % and 99.9 % quantiles.

    Without that a few values, far out, decide it alone.
    """
    low, high = one.quantile(_WINSORISED), one.quantile(1 - _WINSORISED)
    other_low, other_high = other.quantile(_WINSORISED), other.quantile(1 - _WINSORISED)
    if isinstance(one, Sorted) and isinstance(other, Sorted):
        values = np.clip(one.points(), low, high)
        others = np.clip(other.points(), other_low, other_high)
        if len(values) == len(others):
            return float(np.abs(values - others).mean())
        steps = np.concatenate(
            [np.arange(1, len(values) + 1) / len(values), np.arange(1, len(others)) / len(others)]
        )
        steps.sort()
        width = np.diff(steps, prepend=0.0)
        middle = steps - width / 2
        place = np.minimum((middle * len(values)).astype(np.int64), len(values) - 1)
        other_place = np.minimum((middle * len(others)).astype(np.int64), len(others) - 1)
        return float(np.abs(values[place] - others[other_place]) @ width)
    points = np.union1d(np.union1d(one.points(), other.points()), [low, high, other_low, other_high])
    points = points[(points >= min(low, other_low)) & (points <= max(high, other_high))]
    left, right = _winsorised(one, points, low, high)
    other_left, other_right = _winsorised(other, points, other_low, other_high)
    # From each point to the next the functions are straight, and so is their difference.
    start, end = (left - other_left)[:-1], (right - other_right)[1:]
    total = np.abs(start) + np.abs(end)
    crossing = np.where(total > 0, (start**2 + end**2) / np.where(total > 0, total, 1), 0)
    return float(np.where(start * end >= 0, total, crossing) / 2 @ np.diff(points))


def _winsorised(of: Distribution, points: Floats, low: float, high: float) -> tuple[Floats, Floats]:
    """The distribution function at points, and just before them."""
    below, upto = of.at(points)
    after = np.where(points < low, 0, np.where(points >= high, 1, upto / of.count))
    return after, np.where(points <= low, 0, np.where(points > high, 1, below / of.count))


def bins(reference: Distribution, current: Distribution, parts: int = 10) -> tuple[Floats, Floats]:
    """How many numbers of each fall between the deciles of the reference; equal deciles are one."""
    cuts = np.unique([reference.quantile(part / parts) for part in range(1, parts)])
    found = [np.diff(of.at(cuts)[1], prepend=0.0, append=of.count) for of in (reference, current)]
    return found[0], found[1]


def stability_index(reference: Floats, current: Floats) -> float:
    """PSI of counts: the symmetric Kullback-Leibler divergence, each share raised by half a row."""
    one, other = (np.maximum(each, 0.5) / max(each.sum(), 1) for each in (reference, current))
    return float(((other - one) * np.log(other / one)).sum())


def jensen_shannon(reference: Floats, current: Floats) -> float:
    """The distance, from 0 to 1: the root of the divergence to base 2."""
    one, other = reference / max(reference.sum(), 1), current / max(current.sum(), 1)
    middle = (one + other) / 2
    total = 0.0
    for each in (one, other):
        held = each > 0
        total += float((each[held] * np.log2(each[held] / middle[held])).sum())
    return math.sqrt(max(total / 2, 0.0))


# ---------------------------------------------------------------------------------------------- categories


def chi_square(reference: Floats, current: Floats) -> tuple[str, float, float]:
    """Whether two rows of counts come from one distribution: test, statistic and p.

    The statistic is scipy's (`chi2_contingency`, with Yates' correction of two by two).  Where fewer than
    five are expected in some field, the p-value is found by drawing tables with the same sums, or from 10,000
    rows on by the G-test.
    """
    from scipy.special import chdtrc

    table = np.stack([reference, current])
    table = table[:, table.sum(axis=0) > 0]
    total, rows = table.sum(), table.sum(axis=1)
    freedom = table.shape[1] - 1
    if freedom < 1 or not rows.all():
        return "chi-square", 0.0, 1.0
    expected = np.outer(rows, table.sum(axis=0)) / total
    statistic = _pearson(table, expected, correct=freedom == 1)
    if expected.min() >= 5:
        return "chi-square", statistic, float(chdtrc(freedom, statistic))
    if total > _EXACT:
        held = table > 0
        g = 2 * float((table[held] * np.log(table[held] / expected[held])).sum())
        return "G-test", g, float(chdtrc(freedom, g))
    # The second row follows from the first, and so does the statistic: a sum of squares over columns.
    random = np.random.default_rng(0)
    columns = table.sum(axis=0).astype(np.int64)
    drawn = random.multivariate_hypergeometric(columns, int(rows[0]), _DRAWS, method="marginals")
    weights = 1 / expected[0] + 1 / expected[1]
    reached = ((drawn - expected[0]) ** 2) @ weights
    plain = _pearson(table, expected, correct=False)
    return (
        "chi-square by permutation",
        statistic,
        float((np.count_nonzero(reached >= plain * (1 - 1e-9)) + 1) / (_DRAWS + 1)),
    )


def _pearson(table: Floats, expected: Floats, *, correct: bool) -> float:
    apart = np.abs(table - expected)
    if correct:
        apart = apart - np.minimum(0.5, apart)
    return float((apart**2 / expected).sum())


def association(reference: Floats, current: Floats) -> tuple[float, float]:
    """Cramér's V without its bias, and total variation.

    Bergsma, "A bias-correction for Cramér's V and Tschuprow's T" (2013): with many categories the plain V is
    above zero by chance alone.
    """
    table = np.stack([reference, current])
    table = table[:, table.sum(axis=0) > 0]
    total, rows = table.sum(), table.sum(axis=1)
    if table.shape[1] < 2 or not rows.all():
        return 0.0, 0.0
    expected = np.outer(rows, table.sum(axis=0)) / total
    freedom = table.shape[1] - 1
    phi = _pearson(table, expected, correct=False) / total
    phi = max(0.0, phi - freedom / (total - 1))
    least = min(1 - 1 / (total - 1) + 0.0, freedom - freedom**2 / (total - 1))
    variation = float(np.abs(table[0] / rows[0] - table[1] / rows[1]).sum() / 2)
    return (min(math.sqrt(phi / least), 1.0) if least > 0 else 0.0), variation


def proportions_p(part: int, rows: int, other_part: int, other_rows: int) -> float:
    """Whether two shares may be the same: chi-square, or Fisher's exact test where few are expected."""
    from scipy.special import chdtrc, gammaln

    total, parts = rows + other_rows, part + other_part
    if not rows or not other_rows or parts in (0, total):
        return 1.0
    table = np.array([[part, rows - part], [other_part, other_rows - other_part]], np.float64)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    if expected.min() >= 5:
        return float(chdtrc(1, _pearson(table, expected, correct=True)))
    # Mirrored so that the smaller of both counts is what is drawn: then there are few cases.
    if parts > total - parts:
        part, parts = rows - part, total - parts

    def ways(count: Any, of: Any) -> Any:
        return gammaln(of + 1) - gammaln(count + 1) - gammaln(of - count + 1)

    cases = np.arange(max(0, parts - other_rows), min(parts, rows) + 1)
    chance = np.exp(ways(cases, rows) + ways(parts - cases, other_rows) - ways(parts, total))
    found = chance[part - int(cases[0])]
    return float(min(chance[chance <= found * (1 + 1e-7)].sum(), 1.0))


def out_of_range_p(beyond: int, reference: int, current: int) -> float:
    """How often so many of the current values lie beyond all those of the reference, on both sides together.

    If all come from one distribution, the ``k`` largest are all current ones with probability below
    ``(m / (n + m)) ** k``, whatever the distribution; ``k`` can be split between two sides in ``k + 1`` ways.
    """
    if not beyond:
        return 1.0
    return float(min((beyond + 1) * (current / (reference + current)) ** beyond, 1.0))


def share_p(found: int, rows: int, expected: float) -> float:
    """How often at least so many of some rows have what a share of rows is expected to have."""
    from scipy.special import bdtrc

    return 1.0 if found <= 0 else float(bdtrc(found - 1, rows, min(max(expected, 0.0), 1.0)))


# ----------------------------------------------------------------------------------------------- all columns


def adjusted(chances: Sequence[float]) -> list[float]:
    """P-values after Benjamini and Hochberg (1995): of those below q, a share q are false alarms at most."""
    if not chances:
        return []
    values = np.array(chances)
    order = np.argsort(values)
    ranked = values[order] * len(values) / np.arange(1, len(values) + 1)
    found = np.empty(len(values))
    found[order] = np.minimum(np.minimum.accumulate(ranked[::-1])[::-1], 1.0)
    return [float(each) for each in found]


def detectable_distance(n: int, m: int) -> float:
    """The smallest D that n and m rows show in four of five cases, at a level of 0.05."""
    return min((1.358 + 0.842 * 0.5) * math.sqrt((n + m) / (n * m)), 1.0) if n and m else 1.0


def detectable_difference(n: int, m: int, categories: int) -> float:
    """The smallest Cramér's V that they show in four of five cases, at a level of 0.05 (Cohen 1988)."""
    from scipy.special import chdtri, chndtrinc

    if not n or not m or categories < 2:
        return 1.0
    limit = float(chdtri(categories - 1, 0.05))
    return min(math.sqrt(float(chndtrinc(limit, categories - 1, 0.2)) / (n + m)), 1.0)

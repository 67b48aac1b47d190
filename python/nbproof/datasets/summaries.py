"""What people look at first of a column: a few numbers and a small histogram."""

from __future__ import annotations

from itertools import pairwise

from nbproof.datasets.models import ColumnSummary
from nbproof.stats.profile import ColumnProfile, distribution_at

__all__ = ["summary_of"]

_BARS = 20
_TOP = 10


def summary_of(profile: ColumnProfile) -> ColumnSummary:
    """The summary of a column."""
    edges, bars = _histogram(profile)
    return ColumnSummary(
        name=profile.name,
        type=profile.type,
        kind=profile.kind,
        rows=profile.rows,
        missing=profile.missing,
        distinct=profile.distinct,
        distinct_exact=profile.distinct_exact,
        mean=profile.mean,
        std=profile.std,
        minimum=profile.minimum,
        lower_quartile=profile.quantile(0.25),
        median=profile.quantile(0.5),
        upper_quartile=profile.quantile(0.75),
        maximum=profile.maximum,
        edges=edges,
        bars=bars,
        top=[(str(value), count) for value, count in profile.top[:_TOP]],
    )


def _histogram(profile: ColumnProfile) -> tuple[list[float], list[int]]:
    """Bars of equal width between the extremes."""
    import numpy as np

    low, high = profile.minimum, profile.maximum
    if not profile.edges or low is None or high is None:
        return [], []
    if low == high:
        return [low, high], [profile.count]
    edges = np.linspace(float(low), float(high), _BARS + 1)  # as whole numbers some are beyond 64 bits
    below, upto, _ = distribution_at(profile, edges)
    upto_edges = [*below[:-1], upto[-1]]
    return edges.tolist(), [round(float(right - left)) for left, right in pairwise(upto_edges)]

"""How often values that are no numbers come in two columns."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nbproof.stats.profile import ColumnProfile, Counts, Value, shown

__all__ = ["Categories", "categories_of_counts", "categories_of_profiles"]

Floats = npt.NDArray[np.float64]

_MOST = 50  # values that are looked at one by one
_NAMED = 10


@dataclass(frozen=True)
class Categories:
    """How often each value comes in the reference and in the current data.

    Parameters
    ----------
    values : tuple
        Those that come most often, in both together.
    reference, current : array
        Their counts; a last one, for all other values, is there if there are such.
    new, vanished : tuple of (value, count)
        Values that are only in the current data, only in the reference; the most frequent first.
    new_rows, vanished_rows : int
        Rows of all these values.
    unseen : float
        The share of rows with a value not seen before that is to be expected by chance.
    """

    values: tuple[Value, ...]
    reference: Floats
    current: Floats
    new: tuple[tuple[Value, int], ...] = ()
    vanished: tuple[tuple[Value, int], ...] = ()
    new_rows: int = 0
    vanished_rows: int = 0
    unseen: float = 0.0


def categories_of_profiles(reference: ColumnProfile, current: ColumnProfile) -> Categories:
    """The most frequent values of both together, from what profiles know.

    Where a profile knows only its thousand most frequent values, another one is taken to come there as often
    as in the other profile, or as the least frequent known one, whichever is less: what is not known never
    looks like drift.
    """
    one, other = dict(reference.top), dict(current.top)
    least, other_least = _least(reference), _least(current)
    rows, other_rows = reference.count, current.count
    ratio = other_rows / rows if rows else 1.0
    counts: list[tuple[Value, float, float]] = []
    new: list[tuple[Value, int]] = []
    vanished: list[tuple[Value, int]] = []
    for value in dict.fromkeys([*one, *other]):
        before, after = one.get(value), other.get(value)
        if before is None:
            assert after is not None
            before_count = min(least, after / ratio if ratio else 0.0)
            if after > 10 * least * ratio:
                new.append((value, after))
            counts.append((value, before_count, after))
        elif after is None:
            if before * ratio > 10 * other_least:
                vanished.append((value, before))
            counts.append((value, before, min(other_least, before * ratio)))
        else:
            counts.append((value, before, after))
    once = sum(count == 1 for count in one.values()) if not least else reference.other
    return _most_frequent(counts, rows, other_rows, new, vanished, once)


def _least(profile: ColumnProfile) -> int:
    """How often a value may come at most that is not among the known ones."""
    if not profile.other and not profile.top_error:
        return 0
    return (profile.top[-1][1] if profile.top else profile.other) + profile.top_error


def categories_of_counts(reference: Counts, current: Counts) -> Categories:
    """The most frequent values of both together, all of them counted."""
    import pyarrow as pa

    one, other = reference.values, current.values
    if one.type != other.type:
        wider = pa.large_binary() if "binary" in str(one.type) else pa.large_string()
        one, other = one.cast(wider), other.cast(wider)
    coded = pa.chunked_array([one, other]).dictionary_encode().unify_dictionaries()
    known = coded.chunk(0).dictionary
    before, after = np.zeros(len(known), np.int64), np.zeros(len(known), np.int64)
    before[coded.chunk(0).indices.to_numpy()] = reference.counts
    after[coded.chunk(1).indices.to_numpy()] = current.counts
    ranked = np.argsort(-(before + after), kind="stable")[: _MOST + 1]
    counts: list[tuple[Value, float, float]] = [
        (shown(known[int(k)]), float(before[k]), float(after[k])) for k in ranked
    ]
    appeared, gone = np.flatnonzero((before == 0) & (after > 0)), np.flatnonzero((after == 0) & (before > 0))

    def some(places: Any, of: Any) -> list[tuple[Value, int]]:
        best = places[np.argsort(-of[places], kind="stable")[:_NAMED]]
        return [(shown(known[int(k)]), int(of[k])) for k in best]

    found = _most_frequent(
        counts,
        int(before.sum()),
        int(after.sum()),
        some(appeared, after),
        some(gone, before),
        int(np.count_nonzero(before == 1)),
    )
    return replace(found, new_rows=int(after[appeared].sum()), vanished_rows=int(before[gone].sum()))


def _rank(each: tuple[Value, int]) -> tuple[int, str]:
    return -each[1], str(each[0])


def _most_frequent(
    counts: list[tuple[Value, float, float]],
    rows: int,
    other_rows: int,
    new: list[tuple[Value, int]],
    vanished: list[tuple[Value, int]],
    once: int,
) -> Categories:
    counts.sort(key=lambda each: (-(each[1] + each[2]), str(each[0])))
    most = counts[:_MOST]
    before = [each[1] for each in most]
    after = [each[2] for each in most]
    rest, other_rest = max(rows - sum(before), 0.0), max(other_rows - sum(after), 0.0)
    if rest + other_rest >= 1:
        before, after = [*before, rest], [*after, other_rest]
    return Categories(
        tuple(each[0] for each in most),
        np.array(before, np.float64),
        np.array(after, np.float64),
        tuple(sorted(new, key=_rank)[:_NAMED]),
        tuple(sorted(vanished, key=_rank)[:_NAMED]),
        sum(count for _, count in new),
        sum(count for _, count in vanished),
        # Good and Turing: what came once tells how much has not come yet; here with two deviations added.
        min((once + 1 + 2 * math.sqrt(once + 1)) / rows, 1.0) if rows else 1.0,
    )

"""How the statistics of columns differ between two tables, for a diff; whether it matters is for `drift`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nbproof.core.type_words import stored_alike
from nbproof.stats.profile import ColumnProfile

__all__ = ["STATISTICS", "ColumnComparison", "compare_columns", "numbered", "paired"]

#: What is compared of a column, in this order.
STATISTICS = ("missing", "nans", "distinct", "mean", "std", "minimum", "median", "maximum", "zeros")


@dataclass(frozen=True)
class ColumnComparison:
    """A column's statistics before and after.

    Parameters
    ----------
    name : str
    change : str
        added, removed, changed, same.
    before_type, after_type : str or None
        Arrow's types; None where there is no column.
    before, after : mapping of str to number
        Of `STATISTICS` those that the column has; means and the like are of its finite numbers, times in
        microseconds.
    changed : tuple of str
        Those that differ, ``type`` among them.
    """

    name: str
    change: Literal["added", "removed", "changed", "same"]
    before_type: str | None
    after_type: str | None
    before: Mapping[str, float]
    after: Mapping[str, float]
    changed: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain values, for `json.dumps`."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> ColumnComparison:
        """From what `to_json` gave."""
        return cls(**{**found, "changed": tuple(found["changed"])})


def compare_columns(
    before: Sequence[ColumnProfile], after: Sequence[ColumnProfile]
) -> list[ColumnComparison]:
    """Compare the statistics of two tables by their profiles.

    Parameters
    ----------
    before, after : sequence of ColumnProfile
        Of several columns of one name the first meets the first.

    Returns
    -------
    list of ColumnComparison
        The columns of `before` in their order, then those that were added.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from nbproof.stats.profile import profile_table
    >>> one, other = pa.table({"x": [1.0, 2.0, 3.0]}), pa.table({"x": [1.0, 2.0, None]})
    >>> (column,) = compare_columns(profile_table(one), profile_table(other))
    >>> column.change, column.changed
    ('changed', ('missing', 'distinct', 'mean', 'std', 'median', 'maximum'))
    >>> column.before["mean"], column.after["mean"]
    (2.0, 1.5)
    """
    return [_compared(one, other) for one, other in paired(before, after)]


def paired(
    before: Sequence[ColumnProfile], after: Sequence[ColumnProfile]
) -> list[tuple[ColumnProfile | None, ColumnProfile | None]]:
    """Columns of the same name, None where there is no such column."""
    keys, other_keys = (numbered([each.name for each in profiles]) for profiles in (before, after))
    one, other = dict(zip(keys, before, strict=True)), dict(zip(other_keys, after, strict=True))
    return [(one.get(key), other.get(key)) for key in dict.fromkeys([*keys, *other_keys])]


def numbered(names: Sequence[str]) -> list[tuple[str, int]]:
    """Each name with how many of the same came before it, so that all are different."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        place = seen.get(name, 0)
        found.append((name, place))
        seen[name] = place + 1
    return found


def _compared(before: ColumnProfile | None, after: ColumnProfile | None) -> ColumnComparison:
    if before is None or after is None:
        known = before or after
        assert known is not None, "one of both is there"
        return ColumnComparison(
            known.name,
            "added" if before is None else "removed",
            before.type if before else None,
            after.type if after else None,
            _statistics(before) if before else {},
            _statistics(after) if after else {},
        )
    one, other = _statistics(before), _statistics(after)
    changed = ["type"] if stored_alike(before.type) != stored_alike(after.type) else []
    changed += [name for name in STATISTICS if not _same(one.get(name), other.get(name))]
    return ColumnComparison(
        before.name, "changed" if changed else "same", before.type, after.type, one, other, tuple(changed)
    )


def _statistics(profile: ColumnProfile) -> dict[str, float]:
    found: dict[str, float | None] = {
        "missing": profile.missing,
        "nans": profile.nans,
        "distinct": profile.distinct,
        "mean": profile.mean,
        "std": profile.std,
        "minimum": profile.minimum,
        "median": profile.quantile(0.5),
        "maximum": profile.maximum,
        "zeros": profile.zeros if profile.kind == "numeric" else None,
    }
    return {name: value for name, value in found.items() if value is not None and math.isfinite(value)}


def _same(one: float | None, other: float | None) -> bool:
    """To the digits that sums of floats keep when they are added in another order."""
    if one is None or other is None:
        return one is other
    return one == other or math.isclose(one, other, rel_tol=1e-12)

"""Groups of runs, ranked by the mean of a metric: the arithmetic, without records and pictures."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbproof.tracking.models import LeaderboardGroup

__all__ = ["Scored", "ranked"]


@dataclass(frozen=True, slots=True)
class Scored:
    """One run's value."""

    run_id: str
    name: str
    started_us: int
    value: float


@dataclass(slots=True)
class _Group:
    keys: Mapping[str, Any]
    runs: list[Scored] = field(default_factory=list)


def ranked(
    runs: Sequence[tuple[Hashable, Mapping[str, Any], Scored]], *, less_is_better: bool
) -> list[LeaderboardGroup]:
    """Groups from the best mean to the worst; those without a number come last.

    Parameters
    ----------
    runs : sequence
        Of each run what tells its group from others, what the group shows of it, and its value.
    less_is_better : bool

    Examples
    --------
    >>> one, two = Scored("a", "a", 0, 1.0), Scored("b", "b", 1, 2.0)
    >>> (group,) = ranked([("x", {"model": "x"}, one), ("x", {"model": "x"}, two)], less_is_better=True)
    >>> group.n, group.mean, round(group.std, 6), group.best_name
    (2, 1.5, 0.707107, 'a')
    """
    groups: dict[Hashable, _Group] = {}
    for key, keys, run in runs:
        groups.setdefault(key, _Group(keys)).runs.append(run)
    found = [_measured(group, less_is_better) for group in groups.values()]
    sign = 1.0 if less_is_better else -1.0

    def place(group: LeaderboardGroup) -> tuple[bool, float, int, str]:
        lost = group.mean is None or math.isnan(group.mean)
        return lost, 0.0 if lost or group.mean is None else sign * group.mean, -group.n, str(group.keys)

    found.sort(key=place)
    return [group.model_copy(update={"rank": rank}) for rank, group in enumerate(found, 1)]


def _measured(group: _Group, less_is_better: bool) -> LeaderboardGroup:
    numbers = [run for run in group.runs if not math.isnan(run.value)]
    nan = len(group.runs) - len(numbers)
    if not numbers:
        return LeaderboardGroup(rank=0, keys=dict(group.keys), n=0, nan=nan)
    # A sum depends on the order, and databases give runs in any: sorted, the mean is the same in each.
    values = np.array(sorted(run.value for run in numbers))
    with np.errstate(all="ignore"):  # infinities have a mean, and no spread
        if (values == values[0]).all():  # the mean of equals is rounded, and would make a spread of 1e-16
            mean, std = float(values[0]), 0.0 if math.isfinite(values[0]) else math.nan
        else:
            mean, std = float(values.mean()), float(values.std(ddof=1))
        if len(values) == 1:
            std = math.nan
    sign = -1.0 if less_is_better else 1.0
    best = max(numbers, key=lambda run: (sign * run.value, run.started_us, run.run_id))
    return LeaderboardGroup(
        rank=0,
        keys=dict(group.keys),
        n=len(numbers),
        nan=nan,
        mean=mean,
        std=std if math.isfinite(std) else None,
        min=float(values.min()),
        max=float(values.max()),
        best_run=best.run_id,
        best_name=best.name,
    )

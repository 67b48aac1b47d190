"""Runs side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from nbproof.tracking.domain import less_is_better
from nbproof.tracking.models import ComparedValues, Comparison, Run

__all__ = ["compare"]


def compare(runs: Sequence[Run]) -> Comparison:
    """Params, metrics, tags and git facts of runs; those that differ first, then by name."""
    git = [run.git.model_dump() if run.git else {} for run in runs]
    return Comparison(
        runs=list(runs),
        params=_rows([run.params for run in runs]),
        metrics=[_with_best(row) for row in _rows([run.metrics for run in runs])],
        tags=_rows([run.tags for run in runs]),
        git=_rows([{**facts, "code": run.code} for facts, run in zip(git, runs, strict=True)]),
    )


def _rows(columns: Sequence[Mapping[str, Any]]) -> list[ComparedValues]:
    keys = dict.fromkeys(key for column in columns for key in column)
    rows = []
    for key in keys:
        values = [column.get(key) for column in columns]
        first = values[0]
        rows.append(
            ComparedValues(key=key, values=values, differs=any(not _same(first, each) for each in values[1:]))
        )
    return sorted(rows, key=lambda row: (not row.differs, row.key))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    return type(one) is type(other) and bool(one == other)


def _with_best(row: ComparedValues) -> ComparedValues:
    numbers = [
        (value, place)
        for place, value in enumerate(row.values)
        if isinstance(value, (int, float)) and not math.isnan(value)
    ]
    choose = min if less_is_better(row.key) else max
    best = choose(numbers, key=lambda pair: pair[0])[1] if numbers and row.differs else None
    return row.model_copy(update={"best": best})

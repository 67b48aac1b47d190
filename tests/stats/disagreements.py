"""Columns about which tests and thresholds disagree, each with the right answer.

scipy's p-value and Evidently's default each are wrong about several of them; see docs/explanation/drift.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

_Make = Callable[[np.random.Generator, int], tuple[Any, Any]]


def _texts(codes: np.ndarray) -> Any:
    known, places = np.unique(codes, return_inverse=True)
    return pa.array([f"c{code}" for code in known]).take(pa.array(places))


def _mean(shift: float) -> _Make:
    return lambda random, rows: (random.normal(size=rows), random.normal(size=rows) + shift)


def _outliers(random: np.random.Generator, rows: int) -> tuple[Any, Any]:
    current = random.normal(size=rows)
    current[: rows // 1000] = 1000
    return random.normal(size=rows), current


def _spike(random: np.random.Generator, rows: int) -> tuple[Any, Any]:
    current = random.lognormal(size=rows)
    current[random.random(rows) < 0.05] = 0
    return random.lognormal(size=rows), current


def _unit(random: np.random.Generator, rows: int) -> tuple[Any, Any]:
    return random.lognormal(3, 1, rows), random.lognormal(3, 1, rows) * 1000


def _nulls(random: np.random.Generator, rows: int) -> tuple[Any, Any]:
    one, other = (
        pa.array(random.normal(size=rows), mask=random.random(rows) < share) for share in (0.02, 0.2)
    )
    return one, other


def _new(random: np.random.Generator, rows: int) -> tuple[Any, Any]:
    codes = random.integers(0, 10, rows)
    codes[random.random(rows) < 0.03] = 99
    return _texts(random.integers(0, 10, rows)), _texts(codes)


def _binary(random: np.random.Generator, rows: int) -> tuple[Any, Any]:
    return pa.array(random.random(rows) < 0.30), pa.array(random.random(rows) < 0.31)


def _categories(count: int) -> _Make:
    return lambda random, rows: (
        _texts(random.integers(0, count, rows)),
        _texts(random.integers(0, count, rows)),
    )


#: What is done to the column: how it is made, the severities that are right, the code of its first finding.
DISAGREEMENTS: dict[str, tuple[_Make, set[str], str | None]] = {
    "mean +0.005 sd": (_mean(0.005), {"none"}, None),
    "mean +0.05 sd": (_mean(0.05), {"none"}, None),
    "mean +0.2 sd": (_mean(0.2), {"low"}, "shift"),
    "0.1 % outliers = 1000": (_outliers, {"none"}, "outliers"),
    "5 % zeros spike": (_spike, {"low", "medium"}, "spike"),
    "unit change x1000": (_unit, {"critical"}, "unit"),
    "nulls 2 -> 20 %": (_nulls, {"critical"}, "missing"),
    "3 % new category": (_new, {"low", "medium"}, "new"),
    "binary 30 -> 31 %": (_binary, {"none"}, None),
    "20,000 categories, no drift": (_categories(20_000), {"none"}, None),
    "30 categories, no drift": (_categories(30), {"none"}, None),
}

"""Whether a classifier can tell new rows from old ones."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nbproof.stats.drift import detect_drift_exact
from nbproof.stats.multivariate import MultivariateDrift, detect_multivariate_drift

WORDS = pa.array([f"v{number}" for number in range(10)])


def table(seed: int, rows: int = 4000, **columns: Any) -> pa.Table:
    random = np.random.default_rng(seed)
    base = {f"n{number}": random.normal(size=rows) for number in range(4)}
    base["c"] = WORDS.take(pa.array(random.integers(0, 10, rows)))
    return pa.table(base | columns)


def bound(seed: int, correlation: float, rows: int = 4000) -> dict[str, Any]:
    one, other = np.random.default_rng(seed).normal(size=(2, rows))
    return {"n0": one, "n1": correlation * one + (1 - correlation**2) ** 0.5 * other}


def found(reference: pa.Table, current: pa.Table, **options: Any) -> MultivariateDrift:
    result = detect_multivariate_drift(reference, current, **options)
    assert MultivariateDrift.from_json(json.loads(json.dumps(result.to_json()))) == result
    assert result == detect_multivariate_drift(reference, current, **options)
    return result


def test_rows_of_one_distribution_cannot_be_told_apart():
    for seed in range(5):
        same = found(table(seed), table(seed + 50))
        assert abs(same.auc - 0.5) < 4 * same.noise
        assert (same.severity, same.score, same.causes) == ("none", 0.0, ())
        assert same.sentence.startswith("New rows cannot be told from old ones (AUC 0.")


def test_what_changed_is_named_as_the_cause():
    shifted = np.random.default_rng(9).normal(1.5, size=4000)
    result = found(table(0), table(1, n2=shifted))
    assert result.severity == "high" and 0.8 < result.auc < 0.9 and 0.75 <= result.score < 1
    assert result.causes[0][0] == "n2" and result.causes[0][1] > 0.9
    assert "by n2 (" in result.sentence and result.action.startswith("Look at n2 first")
    codes = WORDS.take(pa.array(np.random.default_rng(9).integers(0, 2, 4000)))
    result = found(table(0), table(1, c=codes))
    assert result.causes[0][0] == "c" and result.severity == "high"


def test_what_binds_two_columns_is_seen_though_each_is_as_before():
    reference, current = table(0, **bound(0, 0.7)), table(1, **bound(1, -0.7))
    alone = detect_drift_exact(reference, current)
    assert not alone.drifted
    result = found(reference, current)
    assert result.severity in ("medium", "high") and result.causes[0][0] == "n0 × n1"
    ((one, other, before, after),) = result.pairs
    assert (
        (one, other) == ("n0", "n1")
        and before == pytest.approx(0.68, abs=0.05)
        and after == pytest.approx(-before, abs=0.08)
    )
    together = detect_drift_exact(reference, current, multivariate=True)
    assert together.multivariate == result
    assert (together.severity, together.sentence) == (result.severity, result.sentence)
    assert together.score == result.score


def test_gaps_are_something_to_go_by():
    gaps = pa.array(np.random.default_rng(3).normal(size=4000), mask=np.arange(4000) % 3 == 0)
    assert found(table(0), table(1, n3=gaps)).causes[0][0] == "n3"
    nans = np.where(np.arange(4000) % 3 == 0, np.nan, np.random.default_rng(3).normal(size=4000))
    assert found(table(0), table(1, n3=nans)).causes[0][0] == "n3"


def test_dates_and_identifiers_are_left_out():
    """They would tell new rows from old ones by themselves."""
    days = pa.array(np.arange(4000), pa.timestamp("s"))
    later = pa.array(np.arange(4000) + 4000, pa.timestamp("s"))
    names = [pa.array([f"user {number}" for number in range(start, start + 4000)]) for start in (0, 4000)]
    lists = pa.array([[1]] * 4000)
    reference = table(0, day=days, number=np.arange(4000), name=names[0], lists=lists)
    current = table(1, day=later, number=np.arange(4000) + 4000, name=names[1], lists=lists)
    result = found(reference, current)
    assert set(result.left_out) == {"day", "number", "name", "lists"} and result.severity == "none"


def test_only_a_sample_is_looked_at():
    result = found(table(0, 3000), table(1, 5000), sample=2000)
    assert (result.reference_rows, result.current_rows) == (1000, 1000)


def test_tables_with_little_in_them():
    few = found(table(0, 100), table(1))
    assert (few.severity, few.sentence) == ("none", "Too few rows to look at the columns together.")
    nothing = found(pa.table({"a": [1] * 300}), pa.table({"b": [1] * 300}))
    assert nothing.sentence == "No columns to look at together."
    assert found(pa.table({"a": [1] * 300}), pa.table({"a": [1] * 300})).severity == "none"
    assert found(pa.table({"a": [1] * 300}), pa.table({"a": [2] * 300})).auc == 1.0
    empty = pa.table({"a": pa.array([None] * 300, pa.float64())})
    assert found(empty, empty).sentence == "No columns to look at together."
    twice = pa.table([pa.array([1] * 300)] * 2, ["a", "a"])
    assert found(twice, twice).severity == "none"


def test_of_many_columns_those_that_differ_are_looked_at():
    random = np.random.default_rng(0)
    one = {f"c{number}": random.normal(size=400) for number in range(250)}
    other = {f"c{number}": random.normal(2 if number == 249 else 0, size=400) for number in range(250)}
    result = found(pa.table(one), pa.table(other))
    assert len(result.left_out) == 50 and result.causes[0][0] == "c249"

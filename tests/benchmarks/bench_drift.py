"""Drift and leakage between two tables, and profiles of their columns: scipy and Evidently beside it.

14 columns of numbers and 6 of categories and texts, a million rows each.  scipy has no policy: it is asked
for the statistics alone, column by column.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import stats

from nbproof.stats.drift import detect_drift, detect_drift_exact
from nbproof.stats.leakage import check_leakage
from nbproof.stats.profile import ColumnProfile, profile_table
from tests.benchmarks.environments import HERE, Refused, environ, python_of, title
from tests.benchmarks.table import Row, Table, median

_ROWS = 1_000_000
_SMALL = 100_000
_NUMBERS = 14
_PATIENCE = 300  # seconds

ROWS = {
    "profile": Row("profile of 1 M x 20 in memory", "s", at_most=1),
    "exact": Row("drift of 1 M x 20 against 1 M x 20, data read", "s", ahead=True),
    "part": Row("the same, part of what scipy takes for its statistics", at_most=0.25),
    "stored": Row("the same from stored profiles", "ms", at_most=50),
    "parsed": Row("the same, profiles read from JSON as well", "ms"),
    "wrong": Row("D from profiles, largest difference from scipy's", at_most=1e-3),
    "wrong exact": Row("D from data, largest difference from scipy's", at_most=1e-12),
    "chi": Row("chi-square from profiles, largest relative difference from scipy's", at_most=1e-3),
    "small": Row("drift of 100,000 x 19 against as many, data read", "s", ahead=True),
    "together": Row("the same, with a classifier over all columns", "s"),
    "leakage": Row("leakage of 1 M x 20 into 1 M x 20", "s", at_most=5),
}


def made(rows: int, seed: int) -> pa.Table:
    """Columns as they come: normal, skewed, heavy tails, counts, codes; few and many categories, names."""
    random = np.random.default_rng(seed)
    kinds: list[Callable[[], Any]] = [
        lambda: random.normal(size=rows),
        lambda: random.exponential(size=rows),
        lambda: random.integers(0, 1000, rows),
        lambda: random.integers(0, 10**9, rows),
        lambda: random.standard_t(2, rows),
        lambda: random.normal(size=rows).astype(np.float32),
        lambda: random.lognormal(size=rows),
    ]
    columns: dict[str, Any] = {f"n{place}": kinds[place % len(kinds)]() for place in range(_NUMBERS)}

    def words(count: int, codes: Any) -> Any:
        return pa.array([f"value {code}" for code in range(count)]).take(pa.array(codes))

    columns |= {
        "five": words(5, random.integers(0, 5, rows)),
        "thirty": words(30, random.integers(0, 30, rows)),
        "hundred": words(100, random.integers(0, 100, rows)).dictionary_encode().cast(pa.string()),
        "skewed": words(20_000, random.zipf(1.3, rows) % 20_000),
        "truth": words(2, random.integers(0, 10, rows) // 7),
        "names": words(rows, random.integers(0, rows, rows)),
    }
    return pa.table(columns)


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """The middle of some, after one that warms up."""
    work()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return median(taken)


def scipy_loop(one: pa.Table, other: pa.Table) -> tuple[float, list[float]]:
    """What one would write with scipy; and the D of each column of numbers."""
    frames = [[column.to_numpy() for column in table.columns[:_NUMBERS]] for table in (one, other)]
    words = [[column.combine_chunks() for column in table.columns[_NUMBERS:]] for table in (one, other)]
    began = time.perf_counter()
    found = []
    for values, others in zip(*frames, strict=True):
        # Its exact p-value of a million rows is one of a limit, which takes half a second by itself.
        found.append(float(stats.ks_2samp(values, others, method="asymp").statistic))
        stats.wasserstein_distance(values, others)
    for texts, others in zip(*words, strict=True):
        stats.chi2_contingency(crossed(texts, others))
    return time.perf_counter() - began, found


def crossed(one: Any, other: Any) -> Any:
    """Counts of all values that come in both."""
    coded = pa.chunked_array([one, other]).dictionary_encode()
    size = len(coded.chunk(0).dictionary)
    table = np.stack([np.bincount(chunk.indices.to_numpy(), minlength=size) for chunk in coded.chunks])
    return table[:, table.sum(axis=0) > 0]


def evidently(one: pa.Table, other: pa.Table) -> dict[str, float | str]:
    """Seconds that its preset takes, or why they are not known."""
    name = "evidently"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        paths = [folder / f"{number}.parquet" for number in range(2)]
        for table, path in zip((one, other), paths, strict=True):
            pq.write_table(table, path)
        try:
            done = subprocess.run(
                [python_of(name), "-P", HERE / "peers" / name / "drift.py", *paths],
                cwd=folder,
                env=environ(folder),
                capture_output=True,
                text=True,
                check=False,
                timeout=_PATIENCE,
            )
            found = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
            if not found:
                raise Refused(f"failed: {(done.stderr.strip() or '?').splitlines()[-1]}")
        except subprocess.TimeoutExpired:
            return {title(name): f"no answer within {_PATIENCE} s"}
        except Refused as refused:
            print(f"*** {title(name)} is left out: {refused}", flush=True)
            return {title(name): str(refused)}
    return {title(name): json.loads(found[0].removeprefix("ANSWER "))}


def main() -> int:
    """Measure all of it."""
    table = Table(ROWS)
    one, other = made(_ROWS, 0), made(_ROWS, 1)
    table.line("profile", seconds(lambda: profile_table(one)))

    scipy_takes, distances = scipy_loop(one, other)
    ours = seconds(lambda: detect_drift_exact(one, other))
    table.line("exact", ours, peers={"scipy": scipy_takes})
    table.line("part", ours / scipy_takes)

    profiles = profile_table(one), profile_table(other)
    table.line("stored", seconds(lambda: detect_drift(*profiles), 7) * 1e3)
    told = [json.dumps([each.to_json() for each in side]) for side in profiles]

    def read() -> object:
        return detect_drift(*([ColumnProfile.from_json(each) for each in json.loads(side)] for side in told))

    table.line("parsed", seconds(read, 7) * 1e3, note=f"{len(told[0]) / 1e3:.0f} kB of JSON a table")

    near, exact = detect_drift(*profiles), detect_drift_exact(one, other)
    for name, result in (("wrong", near), ("wrong exact", exact)):
        found = [column.statistic for column in result.columns[:_NUMBERS]]
        table.line(
            name, max(abs(each - d) for each, d in zip(found, distances, strict=True) if each is not None)
        )
    apart = []
    for column in ("five", "thirty", "truth"):
        expected = stats.chi2_contingency(
            crossed(one[column].combine_chunks(), other[column].combine_chunks())
        )
        apart.append(abs(near.column(column).statistic / expected.statistic - 1))
    table.line("chi", max(apart))

    # Without the names, each of which comes once: with them Evidently had not finished after eight minutes.
    small, others = (each.drop_columns(["names"]).slice(0, _SMALL) for each in (one, other))
    peers = {"scipy": scipy_loop(small, others)[0], **evidently(small, others)}
    table.line("small", seconds(lambda: detect_drift_exact(small, others)), peers=peers)
    table.line("together", seconds(lambda: detect_drift_exact(small, others, multivariate=True), 1))
    table.line("leakage", seconds(lambda: check_leakage(one, other), 1))
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())

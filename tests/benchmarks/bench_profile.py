"""Profiles of columns that stay where they are: 10 million rows of Parquet, asked of DuckDB.

Each profile is made in a process of its own, so that the memory is its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from nbproof.stats.gathered import profile_from
from nbproof.storage.engines.duck import DuckEngine
from nbproof.storage.engines.plan import gather
from tests.benchmarks.table import Row, Table, median

_ROWS = 10_000_000
_ROUNDS = 3
_MEGABYTES = 1024  # that DuckDB may hold

ROWS = {
    "files": Row("profile of 10 M x 20 of Parquet by DuckDB", "s", at_most=10),
    "memory": Row("the same, memory of its process", "MB", at_most=1500),
    "counted": Row("the same, nothing estimated", "s"),
    "counted memory": Row("the same, nothing estimated, memory of its process", "MB", at_most=1500),
    "plan": Row("profile of 2 x 20 by DuckDB: what the plan alone takes", "ms", at_most=200),
}

# Nine columns of numbers of which most differ, four of few, times, days, truth values, three of texts.
_COLUMNS = """
    range AS id, random() * 100 AS evenly, sqrt(-2 * ln(random() + 1e-300)) * cos(tau * random()) AS normal,
    sqrt(-2 * ln(random() + 1e-300)) * cos(tau * random()) AS other,
    exp(sqrt(-2 * ln(random() + 1e-300))) AS skewed, round(random() * 1000, 2) AS price,
    round(random() * 20)::DOUBLE AS few, CASE WHEN random() < 0.1 THEN NULL ELSE random() END AS missing,
    random()::FLOAT AS real, (random() * 100)::INT AS percent, (random() * 1e6)::INT AS counted,
    (random() * 9e18)::BIGINT AS large, (random() * 5)::SMALLINT AS grade,
    'city ' || (random() * 5)::INT AS city, 'shop ' || (random() * 200)::INT AS shop,
    'user ' || (random() * 50000)::INT AS buyer,
    TIMESTAMP '2020-01-01' + to_microseconds((random() * 1e14)::BIGINT) AS at,
    DATE '2020-01-01' + (random() * 1500)::INT AS day, random() < 0.3 AS paid,
    (random() * 100000)::DECIMAL(12, 2) AS amount
"""


def make(path: Path) -> None:
    """Write the rows."""
    import duckdb

    with duckdb.connect(config={"memory_limit": "2GiB"}) as connection:
        rows = connection.sql(f"SELECT {_COLUMNS} FROM range({_ROWS}), (SELECT 2 * pi() AS tau)")
        rows.write_parquet(str(path))


def profile(path: str, exact: bool) -> list[float]:
    """Make a profile here: seconds, seconds of processors, megabytes at most."""
    start, used = time.perf_counter(), time.process_time()
    engine = DuckEngine.of_parquet(path, memory_bytes=_MEGABYTES << 20)
    for each in gather(engine, exact=exact or None):
        profile_from(asdict(each))
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return [seconds, time.process_time() - used, memory]


def apart(path: Path, exact: bool) -> list[float]:
    """The same in a new process."""
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.bench_profile",
        str(path),
        *(["exact"] if exact else []),
    ]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: list[float] = json.loads(answer.stdout)
    return found


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table(ROWS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.parquet")
        make(path)
        for name, exact, rounds in (("files", False, _ROUNDS), ("counted", True, 1)):
            found = [apart(path, exact) for _ in range(rounds)]
            seconds, used, memory = (median(each) for each in zip(*found, strict=True))
            size = path.stat().st_size / 1e6
            table.line(name, seconds, note=f"{used:.3g} s of processors, {size:.0f} MB of Parquet")
            table.line("memory" if name == "files" else "counted memory", memory)
    engine = DuckEngine.of_arrow(pa.table({f"c{number}": [1.0, 2.0] for number in range(20)}))
    spent = []
    for _ in range(10):
        start = time.perf_counter()
        gather(engine)
        spent.append(time.perf_counter() - start)
    table.line("plan", median(spent) * 1e3)
    return table.exit_code


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(profile(sys.argv[1], "exact" in sys.argv)))
    else:
        raise SystemExit(main())

"""MLflow with many runs: ``python -P search.py RUNS``; seconds of a search and of a frame of them all.

The runs are put straight into its tables, as clones of one that its API made.  Its filters do not compare
params as numbers, so text stands for that, which leaves fewer runs.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import time
from collections.abc import Callable
from typing import Any

import mlflow
from mlflow.tracking import MlflowClient

_FILTER = "metrics.m3 > 0.5 and params.p7 LIKE '1%'"


def first_run() -> tuple[str, str]:
    """The experiment and the run that are cloned."""
    experiment = mlflow.set_experiment("bench").experiment_id
    with mlflow.start_run() as run:
        mlflow.log_params({f"p{each}": each for each in range(20)})
        mlflow.log_metrics({f"m{each}": 0.5 for each in range(20)})
    return experiment, run.info.run_id


def clone(
    database: sqlite3.Connection, table: str, run: str, runs: int, change: Callable[[int], dict[str, Any]]
) -> None:
    """Copy the run's rows of a table, each copy with some columns changed."""
    names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    found = database.execute(f"SELECT * FROM {table} WHERE run_uuid = ?", (run,)).fetchall()
    rows = [dict(zip(names, row, strict=True)) for row in found]
    marks = ", ".join("?" * len(names))
    for number in range(runs):
        made = [{**row, "run_uuid": f"{number:032x}", **change(number)} for row in rows]
        database.executemany(
            f"INSERT INTO {table} VALUES ({marks})", [tuple(row[name] for name in names) for row in made]
        )


def middle(times: int, ask: Callable[[], object]) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - began)
    return sorted(taken)[times // 2]


def main(runs: int) -> int:
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    experiment, run = first_run()
    chance = random.Random(7)
    with sqlite3.connect("mlflow.db") as database:
        clone(database, "runs", run, runs, lambda number: {"name": f"run {number}"})
        clone(database, "params", run, runs, lambda number: {"value": str(chance.randrange(100))})
        for table in ("latest_metrics", "metrics"):
            clone(database, table, run, runs, lambda number: {"value": chance.random()})
    client = MlflowClient()
    search = middle(
        5,
        lambda: client.search_runs(
            [experiment], _FILTER, max_results=100, order_by=["metrics.m3 DESC"]
        ),
    )  # fmt: skip
    frame = middle(1, lambda: mlflow.search_runs([experiment], max_results=runs))
    print("ANSWER", json.dumps([search, frame]))
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))

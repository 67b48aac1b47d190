"""Records with many runs, put straight into the tables: for what must be fast with a hundred thousand.

Each run has 20 params (``p0`` to ``p15`` numbers from 0 to 99, ``model`` one of five words, ``lr`` a float,
``seed``, ``data`` one of a thousand paths), 20 metrics (``m0`` to ``m19``, one point each, the last of a
thousand runs NaN), two tags, a name and, one in ten, notes.  The same seed gives the same runs.

``python -m tests.benchmarks.generated FOLDER 10000`` makes a workspace of them.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

from nbproof.storage.database import Database, open_database
from nbproof.storage.tables import dump_json
from nbproof.tracking.names import kind_name
from nbproof.tracking.points import Points, pack
from nbproof.tracking.repository.stored import start_of

__all__ = ["EXPERIMENTS", "MODELS", "fill"]

EXPERIMENTS = 4
MODELS = ("xgb", "forest", "lightgbm", "linear", "mlp")
_START_US = 1_750_000_000_000_000
_BATCH = 2_000

_WORDS = (
    "baseline wider deeper dropout warmup clean leaky tuned stable noisy early later rerun ablation".split()
)


def fill(
    database: Database,
    runs: int,
    *,
    params: int = 20,
    metrics: int = 20,
    seed: int = 7,
    points: bool = True,
) -> None:
    """Add runs to empty records.

    Parameters
    ----------
    database : Database
    runs, params, metrics : int
        How many runs, and of each run.
    seed : int
    points : bool
        Also write each metric's point, which searching never reads.
    """
    chance = random.Random(seed)
    experiments = [(f"{number:032x}", f"study {number}") for number in range(EXPERIMENTS)]
    _insert(
        database,
        "experiments",
        ("id", "name", "description", "tags", "created_us"),
        [(*each, None, dump_json({"team": "growth"}), _START_US) for each in experiments],
    )
    for start in range(0, runs, _BATCH):
        rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _COLUMNS}
        for number in range(start, min(start + _BATCH, runs)):
            _run(rows, number, params, metrics, chance, experiments, points)
        for table, columns in _COLUMNS.items():
            _insert(database, table, columns, rows[table])
    with database.begin() as connection:
        if database.dialect == "postgresql":
            connection.exec_driver_sql("ANALYZE")


_COLUMNS = {
    "runs": (
        "id", "ending", "name", "experiment_id", "status", "started_us", "ended_us", "active_us", "notes",
        "user_name", "host", "source", "python", "nbproof", "git_commit", "git_branch", "git_dirty",
        "newest_metric",
    ),
    "params": ("run_id", "key", "value", "text", "number", "time_us", "start"),
    "tags": ("run_id", "key", "value", "time_us"),
    "metrics": ("run_id", "name", "value", "special", "step", "time_us", "min", "max", "count", "spark"),
    "metric_chunks": ("run_id", "name", "seq", "n", "blob"),
}  # fmt: skip


def _run(
    rows: dict[str, list[tuple[Any, ...]]],
    number: int,
    params: int,
    metrics: int,
    chance: random.Random,
    experiments: list[tuple[str, str]],
    points: bool,
) -> None:
    time_us = _START_US + number * 60_000_000
    run_id = f"{time_us // 1000:012x}7{chance.getrandbits(76):019x}"
    status = "failed" if number % 17 == 0 else "finished"
    notes = f"A {' '.join(chance.choices(_WORDS, k=6))} run." if number % 10 == 0 else None
    rows["runs"].append(
        (
            run_id, run_id[-6:], kind_name(run_id), experiments[number % len(experiments)][0], status,
            time_us, time_us + chance.randrange(1, 3600) * 1_000_000, time_us + 1_000_000, notes, "ada",
            "lab", "study.ipynb", "3.11.7", "0.1.0", f"{chance.getrandbits(160):040x}", "main",
            number % 3 == 0,
            f"m{metrics - 1}" if metrics else None,
        )
    )  # fmt: skip
    given: dict[str, Any] = {
        "model": chance.choice(MODELS),
        "lr": chance.random(),
        "seed": number % 5,
        "data": f"s3://bucket/part-{chance.randrange(1000):04d}.parquet",
    }
    given = dict(list(given.items())[:params])
    given |= {f"p{each}": chance.randrange(100) for each in range(params - len(given))}
    for key, value in given.items():
        text = value if isinstance(value, str) else dump_json(value)
        number_or_none = None if isinstance(value, str) else value
        rows["params"].append(
            (run_id, key, dump_json(value), text, number_or_none, time_us, start_of(text, number_or_none))
        )
    for key, value in (("owner", chance.choice(("ann", "bob", "joanne"))), ("stage", "draft")):
        rows["tags"].append((run_id, key, value, time_us))
    for each in range(metrics):
        value = chance.random()
        special = 1 if each == metrics - 1 and number % 1000 == 999 else None
        shown = float("nan") if special else value
        spark = dump_json({"stride": 1, "values": [{"$float": "NaN"} if special else value]})
        rows["metrics"].append(
            (
                run_id, f"m{each}", None if special else value, special, 0, time_us,
                None if special else value, None if special else value, 1, spark,
            )
        )  # fmt: skip
        if points:
            point = Points(np.array([0], np.int64), np.array([time_us], np.int64), np.array([shown]))
            rows["metric_chunks"].append((run_id, f"m{each}", 0, 1, pack(point)))


def _insert(database: Database, table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    if not rows:
        return
    names = ", ".join(f'"{column}"' for column in columns)
    with database.begin() as connection:
        if database.dialect == "postgresql":
            cursor = connection.connection.cursor()
            with cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows)


def main(arguments: list[str]) -> int:
    """Make a workspace in a folder."""
    folder, runs = Path(arguments[0]), int(arguments[1])
    (folder / ".nbproof").mkdir(parents=True, exist_ok=True)
    with open_database(folder / ".nbproof" / "meta.db") as database:
        fill(database, runs)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Stores of other tools are imported in bounded memory, however many points a run has."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.tracking.transfer.test_tensorboard import event_file, record, scalar

REPOSITORY = Path(__file__).resolve().parents[3]
START_MS = 1_767_225_600_000

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")


def mlflow_files(folder, name, points):
    (file,) = (folder / "mlruns").glob("*/*/metrics/auc")
    run = file.parents[1]
    with file.open("a") as lines:
        lines.writelines(f"{START_MS + step} {step / 7} {step}\n" for step in range(points))
    return run.parents[1]


def mlflow_sqlite(folder, name, points):
    database = folder / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection:
        (run,) = connection.execute("SELECT run_uuid FROM metrics WHERE key = 'auc'").fetchone()
        connection.execute("DELETE FROM metrics WHERE key = 'auc'")
        connection.executemany(
            "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) "
            "VALUES ('auc', ?, ?, ?, ?, 0)",
            ((step / 7, START_MS + step, run, step) for step in range(points)),
        )
        connection.commit()
    return database


def tensorboard(folder, name, points):
    thousand = b"".join(record(scalar(1767225600.0 + step, step, "auc", step)) for step in range(1000))
    file = event_file(folder / name / "run", name=f"events.out.tfevents.1767225600.{name}")
    with file.open("ab") as stream:
        for _ in range(points // 1000):
            stream.write(thousand)
    return folder / name


STORES = {
    "mlflow-3-files": mlflow_files,
    "mlflow-3-sqlite": mlflow_sqlite,
    "tensorboard": tensorboard,
}


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize(
    ("points", "most_mb"),
    [(200_000, 60), pytest.param(1_000_000, 150, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])],
)
@pytest.mark.newest
def test_an_import_of_many_points_takes_little_memory(tmp_path, store, kind, points, most_mb):
    small = STORES[kind](store(kind), "small", 1000)
    small = small.rename(small.with_name("small" + small.suffix))
    large = STORES[kind](store(kind), "large", points)
    (tmp_path / "target").mkdir()

    done = subprocess.run(
        [sys.executable, "-m", "tests.tracking.transfer.import_memory", tmp_path / "target", small, large],
        cwd=REPOSITORY, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    print(kind, told)
    assert told["points"] >= points - 1000
    assert told["grown_mb"] <= most_mb

"""Searching 10,000 and 100,000 runs: in Python, over REST, as a frame, while written; MLflow beside it.

MLflow gets its 10,000 runs straight into its own tables as well, as clones of one that its API made; it
answers in an environment of its own, made from ``peers/mlflow/requirements.txt``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace
from nbproof.storage.database import Database, open_database
from nbproof.tracking.repository import RunRepository
from tests.benchmarks.bench_server import Server
from tests.benchmarks.generated import fill
from tests.benchmarks.table import Table, median
from tests.support.plain_user import PlainUser
from tests.support.postgres import PostgresServer, find_postgres

HERE = Path(__file__).resolve().parent
QUERY = "metrics.m3 > 0.5 and params.p7 < 50 order by metrics.m3 desc"
_MORE = {
    "rare number": "params.lr < 0.0005 and metrics.m1 < 0.5 order by metrics.m3",
    "rare text": 'params.data = "s3://bucket/part-0007.parquet" and metrics.m1 < 0.5 order by metrics.m3',
    "two rare metrics": "metrics.m1 < 0.02 and metrics.m2 < 0.02 order by metrics.m3 desc",
    "ordered by a param": "metrics.m1 > 0.5 order by params.lr",
    "full text, found": '"forest"',
    "full text, not found": '"nowhere"',
    "regular expression, not found": 'tags.owner ~ "^zz"',
}

_MLFLOW = """
import json, os, random, sqlite3, sys, time
os.environ["MLFLOW_DISABLE_TELEMETRY"] = os.environ["DO_NOT_TRACK"] = "true"
import mlflow
from mlflow.tracking import MlflowClient
mlflow.set_tracking_uri("sqlite:///mlflow.db")
experiment = mlflow.set_experiment("bench").experiment_id
with mlflow.start_run() as run:
    first = run.info.run_id
    mlflow.log_params({f"p{each}": each for each in range(20)})
    mlflow.log_metrics({f"m{each}": 0.5 for each in range(20)})
chance = random.Random(7)
with sqlite3.connect("mlflow.db") as database:
    def columns(table):
        return [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    def clone(table, changes):
        names = columns(table)
        rows = [dict(zip(names, row)) for row in database.execute(
            f"SELECT * FROM {table} WHERE run_uuid = ?", (first,))]
        marks = ", ".join("?" * len(names))
        for number in range(RUNS):
            made = [tuple(changes(dict(row), number)[name] for name in names) for row in rows]
            database.executemany(f"INSERT INTO {table} VALUES ({marks})", made)
    def named(row, number):
        return {**row, "run_uuid": f"{number:032x}"}
    clone("runs", lambda row, number: {**named(row, number), "name": f"run {number}"})
    clone("params", lambda row, number: {**named(row, number), "value": str(chance.randrange(100))})
    for table in ("latest_metrics", "metrics"):
        clone(table, lambda row, number: {**named(row, number), "value": chance.random()})
client = MlflowClient()
def best(times, ask):
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - began)
    return sorted(taken)[times // 2]
search = best(5, lambda: client.search_runs(
    [experiment], "metrics.m3 > 0.5 and params.p7 LIKE '1%'", max_results=100, order_by=["metrics.m3 DESC"]))
frame = best(1, lambda: mlflow.search_runs([experiment], max_results=RUNS))
print("TIMES", json.dumps([search, frame]))
"""


def timed(ask: Callable[[], object], times: int = 15) -> tuple[float, float]:
    """Milliseconds of the middle and the slowest of some calls, after one that warms up."""
    ask()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began) * 1e3)
    return median(taken), max(taken)


def mlflow(folder: Path, runs: int) -> dict[str, float]:
    """Seconds that MLflow takes for the search and the frame; nothing where it can't be installed."""
    environment = folder / "mlflow"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    install = [str(python), "-m", "pip", "-q", "install", "-r", str(HERE / "peers/mlflow/requirements.txt")]
    if subprocess.run(install, stderr=subprocess.DEVNULL, check=False).returncode:
        print("*** MLflow can't be installed here and is left out", flush=True)
        return {}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NBPROOF_", "PYTHONPATH"))}
    done = subprocess.run(
        [python, "-c", f"RUNS = {runs}\n{_MLFLOW}"],
        cwd=folder,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    said = [line for line in done.stdout.splitlines() if line.startswith("TIMES ")]
    if not said:
        print("*** MLflow's figures could not be measured", flush=True)
        return {}
    search, frame = json.loads(said[0].removeprefix("TIMES "))
    return {"search": search, "frame": frame}


def in_python(table: Table, database: Database, what: str, bar: float, peers: dict[str, float]) -> None:
    """The standard search and some others."""
    records = RunRepository(database)
    middle, slowest = timed(lambda: records.search(QUERY, limit=100))
    table.line(
        f"search: top 100 of {what}", middle, "ms", bar=bar, peers=peers, note=f"slowest {slowest:.0f} ms"
    )
    for name, query in _MORE.items():
        middle, slowest = timed(lambda query=query: records.search(query, limit=100), 5)  # type: ignore[misc]  # its own query
        table.line(f"search of {what}, {name}", middle, "ms", note=f"slowest {slowest:.0f} ms")


def ten_thousand(table: Table, folder: Path) -> None:
    """In Python, as a frame, while it is written, and over REST."""
    project = folder / "ten"
    (project / ".nbproof").mkdir(parents=True)
    with open_database(project / ".nbproof" / "meta.db") as database:
        fill(database, 10_000)
        peer = mlflow(folder, 10_000)
        beside = {"mlflow": peer["search"] * 1e3} if peer else {}
        in_python(table, database, "10,000 runs", 10, beside)
    workspace = Workspace(Location(project, True, "a bench"), say=lambda line: None)
    tracker = workspace.tracker
    middle, _ = timed(lambda: tracker.search_runs(limit=10_000), 5)
    beside = {"mlflow": peer["frame"]} if peer else {}
    table.line("10,000 runs as a DataFrame", middle / 1e3, "s", bar=0.4, peers=beside)
    for query in ("metrics.m", "params.model = ", "order by m1"):
        middle, slowest = timed(lambda query=query: tracker.complete_search(query))  # type: ignore[misc]  # its own query
        table.line(f"completion of {query!r}", middle, "ms", bar=20, note=f"slowest {slowest:.0f} ms")
    middle, _ = timed(lambda: tracker.leaderboard("m3", group_by="params.model"), 5)
    table.line("leaderboard of 10,000 runs by a param", middle, "ms")
    workspace.close()
    server = Server(project, folder / "home", with_nbproof=True)
    try:
        base = "/nbproof/api/v1/runs/search"
        middle, slowest = timed(lambda: server.get(f"{base}?limit=100&query={quote(QUERY)}"), 40)
        table.line(
            "search: top 100 of 10,000 runs over REST", middle, "ms", bar=25, note=f"slowest {slowest:.0f} ms"
        )
    finally:
        server.stop()


def a_hundred_thousand(table: Table, folder: Path) -> None:
    """The same where there are ten times as many, on both databases."""
    with open_database(folder / "hundred.db") as database:
        fill(database, 100_000, points=False)
        in_python(table, database, "100,000 runs", 100, {})
    programs, user = find_postgres(), PlainUser()
    if programs is None or user.open_the_way():
        print("search on PostgreSQL was not measured: it is not installed")
        return
    server = PostgresServer(programs, user)
    try:
        with open_database(server.create_database()) as database:
            fill(database, 100_000, points=False)
            in_python(table, database, "100,000 runs, PostgreSQL", 100, {})
    finally:
        server.close()
        user.close()


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        ten_thousand(table, Path(folder))
        a_hundred_thousand(table, Path(folder))
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())

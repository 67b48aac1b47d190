"""Searching 10,000 and 100,000 runs: in Python, over REST, as a frame, while written; MLflow beside it.

MLflow gets its 10,000 runs straight into its own tables as well, as clones of one that its API made; see
``peers/mlflow/search.py``.  No other peer has a search over stored runs that sorts by a metric.
"""

from __future__ import annotations

import json
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
from tests.benchmarks.environments import Refused, environ, python_of, title
from tests.benchmarks.generated import fill
from tests.benchmarks.table import Row, Table, median
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

_IN = {"10,000 runs": 10, "100,000 runs": 100, "100,000 runs, PostgreSQL": 100}
_COMPLETED = ("metrics.m", "params.model = ", "order by m1")

ROWS = {
    **{f"top {what}": Row(f"search: top 100 of {what}", "ms", at_most=bar) for what, bar in _IN.items()},
    "rest": Row("search: top 100 of 10,000 runs over REST", "ms", at_most=25),
    "frame": Row("10,000 runs as a DataFrame", "s", at_most=0.4),
    **{f"{name} {what}": Row(f"search of {what}, {name}", "ms") for what in _IN for name in _MORE},
    **{query: Row(f"completion of {query!r}", "ms", at_most=20) for query in _COMPLETED},
    "leaderboard": Row("leaderboard of 10,000 runs by a param", "ms"),
}  # fmt: skip


def timed(ask: Callable[[], object], times: int = 15) -> tuple[float, float]:
    """Milliseconds of the middle and the slowest of some calls, after one that warms up."""
    ask()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began) * 1e3)
    return median(taken), max(taken)


def mlflow(folder: Path, runs: int) -> dict[str, float | str]:
    """Seconds that MLflow takes for the search and the frame, or why they are not known."""
    try:
        done = subprocess.run(
            [python_of("mlflow"), "-P", HERE / "peers" / "mlflow" / "search.py", str(runs)],
            cwd=folder,
            env=environ(folder),
            capture_output=True,
            text=True,
            check=False,
        )
        found = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
        if not found:
            raise Refused(f"failed: {(done.stderr.strip() or '?').splitlines()[-1]}")
    except Refused as refused:
        print(f"*** {title('mlflow')} is left out: {refused}", flush=True)
        return {"search": str(refused), "frame": str(refused)}
    search, frame = json.loads(found[0].removeprefix("ANSWER "))
    return {"search": search, "frame": frame}


def in_python(
    table: Table, database: Database, what: str, peers: dict[str, float | str] | None = None
) -> None:
    """The standard search and some others."""
    records = RunRepository(database)
    middle, slowest = timed(lambda: records.search(QUERY, limit=100))
    table.line(f"top {what}", middle, peers=peers, note=f"slowest {slowest:.0f} ms")
    for name, query in _MORE.items():
        middle, slowest = timed(lambda query=query: records.search(query, limit=100), 5)  # type: ignore[misc]  # its own query
        table.line(f"{name} {what}", middle, note=f"slowest {slowest:.0f} ms")


def ten_thousand(table: Table, folder: Path) -> None:
    """In Python, as a frame, while it is written, and over REST."""
    project = folder / "ten"
    (project / ".nbproof").mkdir(parents=True)
    with open_database(project / ".nbproof" / "meta.db") as database:
        fill(database, 10_000)
        peer = mlflow(folder, 10_000)
        search = peer["search"]
        beside = {title("mlflow"): search if isinstance(search, str) else search * 1e3}
        in_python(table, database, "10,000 runs", beside)
    workspace = Workspace(Location(project, True, "a bench"), say=lambda line: None)
    tracker = workspace.tracker
    middle, _ = timed(lambda: tracker.search_runs(limit=10_000), 5)
    table.line("frame", middle / 1e3, peers={title("mlflow"): peer["frame"]})
    for query in _COMPLETED:
        middle, slowest = timed(lambda query=query: tracker.complete_search(query))  # type: ignore[misc]  # its own query
        table.line(query, middle, note=f"slowest {slowest:.0f} ms")
    middle, _ = timed(lambda: tracker.leaderboard("m3", group_by="params.model"), 5)
    table.line("leaderboard", middle)
    workspace.close()
    server = Server(project, folder / "home", with_nbproof=True)
    try:
        base = "/nbproof/api/v1/runs/search"
        middle, slowest = timed(lambda: server.get(f"{base}?limit=100&query={quote(QUERY)}"), 40)
        table.line("rest", middle, note=f"slowest {slowest:.0f} ms")
    finally:
        server.stop()


def a_hundred_thousand(table: Table, folder: Path) -> None:
    """The same where there are ten times as many, on both databases."""
    with open_database(folder / "hundred.db") as database:
        fill(database, 100_000, points=False)
        in_python(table, database, "100,000 runs")
    programs, user = find_postgres(), PlainUser()
    if programs is None or user.open_the_way():
        print("search on PostgreSQL was not measured: it is not installed")
        return
    server = PostgresServer(programs, user)
    try:
        with open_database(server.create_database()) as database:
            fill(database, 100_000, points=False)
            in_python(table, database, "100,000 runs, PostgreSQL")
    finally:
        server.close()
        user.close()


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table(ROWS)
    with tempfile.TemporaryDirectory() as folder:
        ten_thousand(table, Path(folder))
        a_hundred_thousand(table, Path(folder))
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())

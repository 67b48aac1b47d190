"""Points in bulk: into the journal, into both databases, back out, and as a chart over REST.

Processor time stands beside each figure, so that on a busy machine one can see what is ours.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from nbproof.core.clock import SystemClock
from nbproof.core.ids import new_id
from nbproof.storage.database import Database, open_database
from nbproof.storage.drain import Drain
from nbproof.storage.journal.writer import JournalWriter
from nbproof.storage.point_records import encoder
from nbproof.tracking.repository import RunRepository, TrackingApplier
from tests.benchmarks.bench_server import Server
from tests.benchmarks.table import Table, median
from tests.support.plain_user import PlainUser
from tests.support.postgres import PostgresServer, find_postgres

_POINTS = 1_000_000
_RUNS = 2_000
_NAMES = 100_000
_TIMES = 5

_FOUR = """
import sys, time
import nbproof as nbp
run = nbp.start_run(f"writer {sys.argv[1]}", experiment="bench")
nbp.log_metric("loss", 0.5)
print("ready", flush=True)
sys.stdin.readline()
log = run.log_metric
start = time.perf_counter()
for number in range(300_000):
    log("loss", 0.5)
print(time.perf_counter() - start, flush=True)
if run.unacknowledged:
    print("unacknowledged", flush=True)
"""


def taken(work: Callable[[], object], times: int = 1) -> tuple[float, float]:
    """Seconds and processor seconds: the median of several, each after one that warms up."""
    if times > 1:
        work()
    walls, processors = [], []
    for _ in range(times):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return median(walls), median(processors)


def rate(
    table: Table, name: str, count: int, seconds: tuple[float, float], unit: str, bar: float | None
) -> None:
    """A line of so many a second, at least `bar`."""
    table.line(
        name,
        count / seconds[0],
        f"{unit}/s",
        passed=None if bar is None else count / seconds[0] >= bar,
        told="" if bar is None else f">= {bar:,.0f}",
        note=f"{count / seconds[1]:,.0f}/s of our processor time",
    )


def start(writer: JournalWriter, name: str) -> str:
    run = new_id()
    experiment = {"id": new_id(), "name": "bench"}
    writer.event("run.start", run=run, experiment=experiment, name=name, params={}, tags={})
    return run


def one_long_series(folder: Path) -> str:
    """A journal with a million points of one metric: noise, taken about each millisecond."""
    random = np.random.default_rng(0)
    writer = JournalWriter(folder, clock=SystemClock())
    run = start(writer, "long")
    steps = np.arange(_POINTS)
    times = 1_767_225_600_000_000 + steps * 1000 + random.integers(0, 100, _POINTS)
    writer.series(run, "loss").log_many(_POINTS, encoder(steps, times, random.normal(size=_POINTS)))
    writer.close()
    return run


def many_short_runs(folder: Path) -> None:
    """A journal with many runs of 20 metrics, each of them logged once."""
    writer = JournalWriter(folder, clock=SystemClock())
    for number in range(_RUNS):
        run = start(writer, f"short {number}")
        for key in range(20):
            writer.series(run, f"m{key}").log(number / 10 + key)
        writer.event("run.end", run=run, status="finished")
    writer.close()


def many_names(folder: Path) -> None:
    """A journal with one run that has very many metrics."""
    writer = JournalWriter(folder, clock=SystemClock())
    run = start(writer, "wide")
    for number in range(_NAMES):
        writer.series(run, f"m{number}").log(0.5)
    writer.close()


def drained(folder: Path, database: Database) -> tuple[float, float]:
    drain = Drain(folder, database, [TrackingApplier()], clock=SystemClock())
    return taken(drain.run_once)


def databases(folder: Path) -> Iterator[tuple[str, Callable[[], Database], float]]:
    """Name, a new database, and the bar of its drain in points a second."""
    made = iter(range(1000))
    yield "SQLite", lambda: open_database(folder / f"{next(made)}.db"), 1_000_000
    programs = find_postgres()
    if programs is None:
        print("*** PostgreSQL is not installed here and is left out", flush=True)
        return
    user = PlainUser()
    server = PostgresServer(programs, user)
    try:
        yield "PostgreSQL", lambda: open_database(server.create_database(), backup_dir=folder), 300_000
    finally:
        server.close()
        user.close()


def drains(table: Table, folder: Path) -> None:
    number = 0
    for name, new, bar in databases(folder):
        for words, fill, count, unit, least in (
            (f"drain of one metric into {name}", one_long_series, _POINTS, "points", bar),
            (f"drain of runs x 20 metrics into {name}", many_short_runs, _RUNS, "runs", 1_220),
            (f"drain of {_NAMES:,} metrics of one run into {name}", many_names, _NAMES, "metrics", None),
        ):
            number += 1
            journal = folder / f"journal-{number}"
            run = fill(journal)
            with new() as database:
                rate(table, words, count, drained(journal, database), unit, least)
                if fill is one_long_series:
                    assert run is not None
                    read(table, name, database, run)


def read(table: Table, name: str, database: Database, run: str) -> None:
    if database.path is not None:
        # Not by `connect`, which reads first: SQLite makes no checkpoint within a transaction.
        with database.engine.connect() as connection:
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        assert busy == 0
        table.line("a point in SQLite", database.path.stat().st_size / _POINTS, "bytes", bar=12)
    records = RunRepository(database)
    seconds, processor = taken(lambda: records.metric_columns(run, "loss"), _TIMES)
    note = f"{processor:.3f} s of processor time"
    table.line(f"1 M points read whole from {name}", seconds, "s", bar=0.1, note=note)


def into_the_journal(table: Table, folder: Path) -> None:
    values = np.random.default_rng(0).normal(size=_POINTS)
    steps = np.arange(_POINTS)
    with workspace(folder):
        import nbproof as nbp

        with nbp.start_run("bulk", experiment="bench"):
            seconds = taken(lambda: nbp.log_history("loss", values, steps=steps), 3)
        rate(table, "log_history of an array", _POINTS, seconds, "points", 2_000_000)
        with nbp.start_run("list", experiment="bench"):
            numbers = values[:100_000].tolist()
            seconds = taken(lambda: nbp.log_history("loss", numbers), 3)
        rate(table, "log_history of a list", 100_000, seconds, "points", None)


@contextmanager
def workspace(folder: Path) -> Iterator[None]:
    """nbproof records into this folder."""
    import nbproof as nbp

    folder.mkdir()
    os.environ["NBPROOF_WORKSPACE"] = str(folder)
    nbp.workspace(folder)
    yield
    nbp.workspace().close()


def over_rest(table: Table, folder: Path) -> None:
    served = folder / "served"
    with workspace(served):
        import nbproof as nbp

        with nbp.start_run("long", experiment="bench"):
            nbp.log_history("loss", np.random.default_rng(0).normal(size=_POINTS).cumsum())
        for number in range(50):
            with nbp.start_run(f"r{number}", experiment="bench"):
                nbp.log_history("loss", np.random.default_rng(number).normal(size=20_000).cumsum())
        nbp.get_run("long")
    server = Server(served, folder / "home", with_nbproof=True)
    try:
        api = "/nbproof/api/v1/runs"
        path = f"{api}/long/metrics/loss?max_points=1000"
        assert 900 < len(server.get(path)["items"]) <= 1000
        seconds, _ = taken(lambda: server.get(path), 9)
        table.line("1 M points thinned to 1,000 over REST", seconds * 1e3, "ms", bar=50)
        ids = "&".join(f"id=r{number}" for number in range(50))
        path = f"{api}/metrics/lines?{ids}&name=loss&max_points=500"
        assert len(server.get(path)["items"]) == 50
        seconds, _ = taken(lambda: server.get(path), 5)
        table.line("50 runs x 20,000 points thinned to 500 over REST", seconds * 1e3, "ms")
    finally:
        server.stop()


def four_processes(table: Table, folder: Path) -> None:
    """Four processes write one workspace while a fifth drains it."""
    folder.mkdir()
    environ = {**os.environ, "NBPROOF_WORKSPACE": str(folder)}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _FOUR, str(number)],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    began = time.perf_counter()
    said = []
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    seconds = time.perf_counter() - began
    for writer in writers:
        out, err = writer.communicate()
        said.append(out + err)
    count = "import nbproof as nbp\nprint(sum(nbp.list_metrics(f'writer {n}')[0].count for n in range(4)))"
    found = subprocess.run(
        [sys.executable, "-c", count], env=environ, stdout=subprocess.PIPE, text=True, check=True
    )
    complaints = [text for text in said if "locked" in text or "unacknowledged" in text]
    table.line(
        "four processes into one workspace, together",
        1_200_000 / seconds,
        "points/s",
        passed=1_200_000 / seconds >= 400_000,
        told=">= 400,000",
    )
    table.line(
        "points of those processes that were found",
        int(found.stdout),
        "points",
        passed=int(found.stdout) == 1_200_004 and not complaints,
        told="all",
        note=f"{len(complaints)} complaints",
    )


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        into_the_journal(table, folder / "bulk")
        drains(table, folder)
        over_rest(table, folder)
        four_processes(table, folder / "four")
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())

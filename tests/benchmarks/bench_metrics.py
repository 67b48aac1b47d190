"""Points in bulk: beside the peers, into the journal, into both databases, back out, as a chart over REST.

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
from nbproof.platform.remote import RemoteWorkspace
from nbproof.storage.database import Database, open_database
from nbproof.storage.drain import Drain
from nbproof.storage.journal.writer import JournalWriter
from nbproof.storage.point_records import encoder
from nbproof.tracking.repository import RunRepository, TrackingApplier
from tests.benchmarks.bench_server import TOKEN, Server
from tests.benchmarks.contestant import used_bytes
from tests.benchmarks.environments import NAMES, ask, beside, figures
from tests.benchmarks.table import Row, Table, median
from tests.support.plain_user import PlainUser
from tests.support.postgres import PostgresServer, find_postgres

_POINTS = 1_000_000
_BESIDE = 100_000
_RUNS = 2_000
_NAMES = 100_000
_WIDE = 2_000
_TIMES = 5

_SQLITE, _POSTGRES = "SQLite", "PostgreSQL"
_DRAINS = {_SQLITE: 1_000_000, _POSTGRES: 300_000}

_ROWS_BESIDE = {
    "written": Row(f"{_BESIDE:,} points of one metric, logged and closed", "points/s"),
    "bytes": Row(f"{_BESIDE:,} points of one metric, each on the disk", "bytes", at_most=12),
    "first": Row(f"{_BESIDE:,} points of one metric, import and read", "ms"),
    "again": Row(f"{_BESIDE:,} points of one metric, read once more", "ms"),
}
ROWS = {
    **{f"beside {name}": row for name, row in _ROWS_BESIDE.items()},
    "array": Row("log_history of an array", "points/s", at_least=2_000_000),
    "list": Row("log_history of a list", "points/s"),
    **{
        f"one {name}": Row(f"drain of one metric into {name}", "points/s", at_least=bar)
        for name, bar in _DRAINS.items()
    },
    **{
        f"runs {name}": Row(f"drain of runs x 20 metrics into {name}", "runs/s", at_least=1_220)
        for name in _DRAINS
    },
    **{
        f"names {name}": Row(f"drain of {_NAMES:,} metrics of one run into {name}", "metrics/s")
        for name in _DRAINS
    },
    "bytes": Row("1 M points, each in SQLite", "bytes", at_most=12),
    **{f"read {name}": Row(f"1 M points read whole from {name}", "s", at_most=0.1) for name in _DRAINS},
    "afar": Row("1 M points read whole from a server", "s", at_most=0.5),
    "afar wide": Row(f"{_WIDE:,} short metrics read whole from a server", "s"),
    "posted": Row(f"log_metric over REST into a run of {_WIDE:,} metrics, p50", "ms", at_most=5),
    "thinned": Row("1 M points thinned to 1,000 over REST", "ms", at_most=50),
    "thinned 50": Row("50 runs x 20,000 points thinned to 500 over REST", "ms"),
    "four": Row("four processes into one workspace, together", "points/s", at_least=400_000),
    "four found": Row("points of those processes that were found", "points", all=True),
    "four complaints": Row('complaints of those processes ("database is locked")', at_most=0),
}

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


def rate(table: Table, name: str, count: int, seconds: tuple[float, float]) -> None:
    """A line of so many a second."""
    table.line(name, count / seconds[0], note=f"{count / seconds[1]:,.0f}/s of our processor time")


def side_by_side(table: Table) -> None:
    """One long metric: written in the quickest way each has, its size, and read back."""

    def measure(name: str, folder: Path) -> list[float]:
        # What lies there when nobody has it open, with a run of one point and with the long one.
        ask(name, folder, "fill", "1")
        ask(name, folder, "count")
        before = used_bytes(folder)
        seconds = ask(name, folder, "fill", str(_BESIDE))
        found, first, again = ask(name, folder, "read")
        grown = used_bytes(folder) - before
        assert found == _BESIDE, f"{name}: {found} of {_BESIDE} points were found"
        return [_BESIDE / seconds, grown / _BESIDE, first * 1e3, again * 1e3]

    found = beside(NAMES, measure)
    for place, row in enumerate(_ROWS_BESIDE):
        ours, peers = figures(found, lambda answer, place=place: answer[place])  # type: ignore[misc]  # its own place
        table.line(f"beside {row}", ours, peers=peers)


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


def databases(folder: Path) -> Iterator[tuple[str, Callable[[], Database]]]:
    """Name, and a new database."""
    made = iter(range(1000))
    yield _SQLITE, lambda: open_database(folder / f"{next(made)}.db")
    programs = find_postgres()
    if programs is None:
        print("*** PostgreSQL is not installed here and is left out", flush=True)
        return
    user = PlainUser()
    server = PostgresServer(programs, user)
    try:
        yield _POSTGRES, lambda: open_database(server.create_database(), backup_dir=folder)
    finally:
        server.close()
        user.close()


def drains(table: Table, folder: Path) -> None:
    number = 0
    for name, new in databases(folder):
        for row, fill, count in (
            ("one", one_long_series, _POINTS),
            ("runs", many_short_runs, _RUNS),
            ("names", many_names, _NAMES),
        ):
            number += 1
            journal = folder / f"journal-{number}"
            run = fill(journal)
            with new() as database:
                rate(table, f"{row} {name}", count, drained(journal, database))
                if fill is one_long_series:
                    assert run is not None
                    read(table, name, database, run)


def read(table: Table, name: str, database: Database, run: str) -> None:
    if database.path is not None:
        # Not by `connect`, which reads first: SQLite makes no checkpoint within a transaction.
        with database.engine.connect() as connection:
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        assert busy == 0
        table.line("bytes", database.path.stat().st_size / _POINTS)
    records = RunRepository(database)
    seconds, processor = taken(lambda: records.metric_columns(run, "loss"), _TIMES)
    note = f"{processor:.3f} s of processor time"
    table.line(f"read {name}", seconds, note=note)


def into_the_journal(table: Table, folder: Path) -> None:
    values = np.random.default_rng(0).normal(size=_POINTS)
    steps = np.arange(_POINTS)
    with workspace(folder):
        import nbproof as nbp

        with nbp.start_run("bulk", experiment="bench"):
            seconds = taken(lambda: nbp.log_history("loss", values, steps=steps), 3)
        rate(table, "array", _POINTS, seconds)
        with nbp.start_run("list", experiment="bench"):
            numbers = values[:100_000].tolist()
            seconds = taken(lambda: nbp.log_history("loss", numbers), 3)
        rate(table, "list", 100_000, seconds)


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
        with nbp.start_run("wide", experiment="bench"):
            for _ in range(3):
                nbp.log_metrics({f"layer {number}/norm": float(number) for number in range(_WIDE)})
        nbp.get_run("long")
    server = Server(served, folder / "home", with_nbproof=True)
    try:
        api = "/nbproof/api/v1/runs"
        server.get(f"{api}/long")
        afar(table, server)
        posted(table, server, api)
        path = f"{api}/long/metrics/loss?max_points=1000"
        assert 900 < len(server.get(path)["items"]) <= 1000
        seconds, _ = taken(lambda: server.get(path), 9)
        table.line("thinned", seconds * 1e3)
        ids = "&".join(f"id=r{number}" for number in range(50))
        path = f"{api}/metrics/lines?{ids}&name=loss&max_points=500"
        assert len(server.get(path)["items"]) == 50
        seconds, _ = taken(lambda: server.get(path), 5)
        table.line("thinned 50", seconds * 1e3)
    finally:
        server.stop()


def afar(table: Table, server: Server) -> None:
    """Whole histories through NBPROOF_URL."""
    far = RemoteWorkspace(f"http://127.0.0.1:{server.port}/nbproof", token=TOKEN)
    run = far.tracker.get_run("long")
    assert len(run.metric_arrays("loss").value) == _POINTS
    seconds, processor = taken(lambda: run.metric_arrays("loss"), _TIMES)
    table.line("afar", seconds, note=f"{processor:.3f} s of the reader's processor time")
    assert len(far.tracker.metric_histories("wide")) == 3 * _WIDE
    seconds, processor = taken(lambda: far.tracker.metric_histories("wide"), _TIMES)
    table.line("afar wide", seconds, note=f"{processor:.3f} s of the reader's processor time")


def posted(table: Table, server: Server, api: str) -> None:
    """Single points of a run that belongs to no process."""
    server.post(f"{api}/wide/resume", {})
    milliseconds = []
    for number in range(201):
        began = time.perf_counter()
        server.post(f"{api}/wide/metrics", {"key": "layer 7/norm", "value": number})
        milliseconds.append((time.perf_counter() - began) * 1e3)
    table.line("posted", median(milliseconds[1:]), note=f"p95 {sorted(milliseconds)[190]:.0f} ms")


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
    table.line("four", 1_200_000 / seconds)
    table.line("four found", int(found.stdout), of=1_200_004)
    table.line("four complaints", len(complaints))


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table(ROWS)
    side_by_side(table)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        into_the_journal(table, folder / "bulk")
        drains(table, folder)
        over_rest(table, folder)
        four_processes(table, folder / "four")
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())

"""How long a logged metric takes: beside the peers, beside a busy thread, and the journal alone.

Times are of single calls, the clock's own 50 ns included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

from tests.benchmarks.contestant import timed_us
from tests.benchmarks.environments import NAMES, ask, beside, figures
from tests.benchmarks.table import Row, Table

_CALLS = 20_000
_ROUNDS = 3
_MEDIAN_BAR_US = 2.0
_P99_BAR_US = 10.0
_WAYS: tuple[Literal["map", "write"], ...] = ("map", "write")

ROWS = {
    "mean": Row("log_metric, mean", "µs", ahead=True),
    "median": Row("log_metric, median", "µs", at_most=_MEDIAN_BAR_US, ahead=True),
    "p99": Row("log_metric, p99", "µs", at_most=_P99_BAR_US, ahead=True),
    "twenty": Row("a dict of 20 metrics in one call, median", "µs", at_most=20, ahead=True),
    "busy median": Row("log_metric beside a CPU-bound thread, median", "µs", at_most=_MEDIAN_BAR_US),
    "busy p99": Row("log_metric beside a CPU-bound thread, p99", "µs", at_most=_P99_BAR_US),
    "crowd": Row("log_metric beside 3 threads that log, median", "µs"),
    **{way: Row(f"journal alone, points by {way}, median", "µs") for way in _WAYS},
    **{f"{way} busy": Row(f"journal beside a CPU-bound thread, by {way}, median", "µs") for way in _WAYS},
}


def times_us(call: Callable[[], object], calls: int = 5 * _CALLS) -> tuple[float, float]:
    """Median and 99th percentile, of the better of two rounds: other programs run here, too."""
    _, middle, p99 = min((timed_us(lambda step: call(), calls) for _ in range(2)), key=lambda each: each[1])
    return middle, p99


@contextmanager
def company(work: Callable[[], object], count: int = 1) -> Iterator[None]:
    """Threads that do something over and over meanwhile."""
    stop = threading.Event()

    def again_and_again() -> None:
        while not stop.is_set():
            work()

    threads = [threading.Thread(target=again_and_again, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def burn() -> None:
    total = 0
    for number in range(10_000):
        total += number


def measure() -> None:
    """Measure in the workspace that the environment names, and tell."""
    import nbproof as nbp

    nbp.start_run("bench", experiment="bench")
    told = {}
    with company(burn):
        told["busy"] = times_us(lambda: nbp.log_metric("auc", 0.5))
    with company(lambda: nbp.log_metric("other", 0.5), 3):
        told["crowd"] = times_us(lambda: nbp.log_metric("auc", 0.5))
    print(json.dumps(told), flush=True)


def journal_alone(table: Table, folder: Path) -> None:
    """The two ways of writing points, without what is above the journal."""
    from nbproof.core.clock import SystemClock
    from nbproof.storage.journal.writer import JournalWriter

    for way in _WAYS:
        writer = JournalWriter(folder / way, clock=SystemClock(), way=way)
        log = partial(writer.series("run", "auc").log, 0.5)
        middle, p99 = times_us(log)
        table.line(way, middle, note=f"p99 {p99:.2f}")
        with company(burn):
            # What gives up the interpreter waits 5 ms to get it back: no more calls than show it.
            middle, p99 = times_us(log, 5 * _CALLS if way == "map" else 1_000)
        table.line(f"{way} busy", middle, note=f"p99 {p99:.2f}")
        writer.close()


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table(ROWS)
    logged = beside(NAMES, lambda name, folder: ask(name, folder, "log", str(_CALLS)), rounds=_ROUNDS)
    for place, name in enumerate(("mean", "median", "p99")):
        ours, peers = figures(logged, lambda answer, place=place: answer[0][place])  # type: ignore[misc]  # its own place
        table.line(name, ours, peers=peers)
    ours, peers = figures(logged, lambda answer: answer[1][1])
    table.line("twenty", ours, peers=peers)
    with tempfile.TemporaryDirectory() as folder:
        measured = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.bench_log_metric", "--measure"],
            env={**os.environ, "NBPROOF_WORKSPACE": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        told = json.loads(measured.stdout)
        table.line("busy median", told["busy"][0])
        table.line("busy p99", told["busy"][1])
        table.line("crowd", told["crowd"][0], note=f"p99 {told['crowd'][1]:,.1f} µs")
        journal_alone(table, Path(folder))
    return table.exit_code


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure()
    else:
        sys.exit(main())

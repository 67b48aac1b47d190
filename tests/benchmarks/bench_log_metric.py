"""How long `log_metric` takes, alone and beside a busy thread; the process is then killed and checked.

The measured process counts its calls, kills itself with SIGKILL, and every call that had returned must be in
the journal.  Times are of single calls, the clock's own 50 ns included.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

from tests.benchmarks.table import Table

_CALLS = 100_000
_MEDIAN_BAR_US = 2.0
_P99_BAR_US = 10.0


def times_us(call: Callable[[], object], calls: int = _CALLS) -> tuple[float, float, float]:
    """Median, 99th percentile and the longest, of the better of two rounds: other programs run here, too."""
    clock = time.perf_counter_ns
    rounds = []
    for _ in range(2):
        taken = [0] * calls
        gc.collect()
        for index in range(calls):
            start = clock()
            call()
            taken[index] = clock() - start
        taken.sort()
        rounds.append((taken[calls // 2] / 1e3, taken[calls * 99 // 100] / 1e3, taken[-1] / 1e3))
    return min(rounds)


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
    """Measure in the workspace that the environment names, tell, and die without saying goodbye."""
    import nbproof as nbp

    run = nbp.start_run("bench", experiment="bench")
    acknowledged = 0

    def public() -> None:
        nonlocal acknowledged
        nbp.log_metric("auc", 0.5)
        acknowledged += 1

    def others() -> None:
        nbp.log_metric("other", 0.5)

    told: dict[str, object] = {"run": run.id}
    told["alone"] = times_us(lambda: nbp.log_metric("auc", 0.5))
    acknowledged += 2 * _CALLS
    with company(burn):
        told["busy"] = times_us(lambda: nbp.log_metric("auc", 0.5))
    acknowledged += 2 * _CALLS
    with company(others, 3):
        told["crowd"] = times_us(lambda: nbp.log_metric("auc", 0.5))
    acknowledged += 2 * _CALLS
    twenty = {f"metric {number}": 0.5 for number in range(20)}
    told["twenty"] = times_us(lambda: nbp.log_metrics(twenty), 10_000)
    with company(burn):
        for _ in range(1000):
            public()
        told["acknowledged"] = acknowledged
        print(json.dumps(told), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)


def journal_alone(table: Table, folder: Path) -> None:
    """The two ways of writing points, without what is above the journal."""
    from nbproof.core.clock import SystemClock
    from nbproof.storage.journal.writer import JournalWriter

    ways: tuple[Literal["map", "write"], ...] = ("map", "write")
    for way in ways:
        writer = JournalWriter(folder / way, clock=SystemClock(), way=way)
        log = partial(writer.series("run", "auc").log, 0.5)
        middle, p99, _ = times_us(log)
        table.line(f"journal alone, points by {way}, median", middle, "µs", note=f"p99 {p99:.2f}")
        with company(burn):
            # What gives up the interpreter waits 5 ms to get it back: no more calls than show it.
            middle, p99, _ = times_us(log, _CALLS if way == "map" else 1_000)
        table.line(
            f"journal beside a CPU-bound thread, by {way}, median", middle, "µs", note=f"p99 {p99:.2f}"
        )
        writer.close()


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NBPROOF_WORKSPACE": folder}
        measured = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.bench_log_metric", "--measure"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        assert measured.returncode == -signal.SIGKILL, measured.returncode
        told = json.loads(measured.stdout)
        for key, words in (("alone", "log_metric"), ("busy", "log_metric beside a CPU-bound thread")):
            middle, p99, longest = told[key]
            table.line(f"{words}, median", middle, "µs", bar=_MEDIAN_BAR_US)
            table.line(f"{words}, p99", p99, "µs", bar=_P99_BAR_US, note=f"longest {longest:,.0f} µs")
        table.line(
            "log_metric beside 3 threads that log, median",
            told["crowd"][0],
            "µs",
            note=f"p99 {told['crowd'][1]:,.1f} µs",
        )
        table.line("log_metrics of 20, median", told["twenty"][0], "µs", bar=20)
        check = (
            "import sys, nbproof as nbp\n"
            "print({metric.name: metric.count for metric in nbp.list_metrics(sys.argv[1])}['auc'])"
        )
        found = subprocess.run(
            [sys.executable, "-c", check, told["run"]],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        table.line(
            "points of that process after kill -9",
            int(found.stdout),
            "points",
            passed=int(found.stdout) == told["acknowledged"],
            told="all",
            note=f"acknowledged {told['acknowledged']:,}",
        )
        journal_alone(table, Path(folder))
    return table.exit_code


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure()
    sys.exit(main())

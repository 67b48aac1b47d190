"""Many points at one stroke keep the promises that single points have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest

from nbproof.storage.journal.format import POINT
from nbproof.storage.journal.reader import Cursor, read_batch, read_writer
from nbproof.storage.journal.writer import JournalWriter, Series
from nbproof.storage.point_records import encoder, records
from tests.support.journals import all_points, all_values, fork, new_writer, read_all


def log_many(series: Series, values: np.ndarray, start: int = 0) -> None:
    steps = np.arange(start, start + len(values))
    series.log_many(len(values), encoder(steps, steps * 1000, values))


def test_records_made_by_arrays_are_those_made_one_by_one() -> None:
    random = np.random.default_rng(1)
    steps = random.integers(-(2**63), 2**63 - 1, 5000, np.int64)
    times = random.integers(-(2**63), 2**63 - 1, 5000, np.int64)
    values = random.integers(0, 2**63, 5000, np.int64).view(np.float64)

    made = records(4_000_000_000, 2**40, steps, times, values)

    for place, (series, seq, step, time, _, crc) in enumerate(POINT.iter_unpack(made)):
        assert (series, seq, step, time) == (4_000_000_000, 2**40 + place, steps[place], times[place])
        assert crc == zlib.crc32(made[place * 40 : place * 40 + 36])


@pytest.mark.parametrize("way", ["map", "write"])
def test_single_points_and_many_stand_in_the_order_logged(tmp_path: Path, way: str) -> None:
    writer = new_writer(tmp_path / "journal", way=way)
    series, other = writer.series("r", "a"), writer.series("r", "b")
    meant: list[float] = []
    for size in (1, 3, 0, 200_000, 1, 70_000, 5):
        values = np.arange(size) + len(meant) / 1.0
        if size == 1:
            series.log(float(len(meant)))
        elif size:
            log_many(series, values)
        meant += values.tolist()
        writer.event("note", size=size)
        other.log(-1.0)
    writer.close()

    points = all_points(tmp_path / "journal")
    assert [value for number, *_, value in points if number == series.id] == meant
    assert [seq for _, seq, *_ in points] == sorted({seq for _, seq, *_ in points})
    assert sum(batch.bad for batch in read_all(tmp_path / "journal")) == 0
    assert series.last == 4


def test_threads_log_single_points_between_the_blocks_of_another(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "journal")
    many, single = writer.series("r", "many"), writer.series("r", "single")
    done = threading.Event()

    def log() -> None:
        while not done.is_set():
            single.log(1.0)

    thread = threading.Thread(target=log)
    thread.start()
    for start in range(0, 600_000, 200_000):
        log_many(many, np.arange(start, start + 200_000.0), start)
    done.set()
    thread.join()
    writer.close()

    batches = read_all(tmp_path / "journal")
    assert sum(batch.bad for batch in batches) == 0
    points = [point for batch in batches for point in batch.iter_points()]
    assert [value for number, *_, value in points if number == many.id] == list(map(float, range(600_000)))
    assert [step for number, _, step, *_ in points if number == single.id] == list(range(single.last + 1))


def test_a_reader_beside_finds_no_hole(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "journal")
    series = writer.series("r", "a")
    series.log(0.0)
    info = read_writer(writer.path)
    assert info is not None

    def log() -> None:
        for start in range(1, 1_000_001, 100_000):
            log_many(series, np.arange(start, start + 100_000.0))
            series.log(-1.0)

    thread = threading.Thread(target=log)
    thread.start()
    cursor, found = Cursor(), 0
    while True:
        alive = thread.is_alive()
        batch = read_batch(writer.path, info, cursor, 30_000, patience_seconds=0)
        if batch is None:
            if not alive:
                break
            continue
        assert batch.bad == 0
        cursor = batch.cursor
        found += batch.point_count
    thread.join()
    writer.close()
    assert found == 1_000_011


def test_a_signal_that_logs_and_one_that_forks_come_in_between(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "journal")
    series, other = writer.series("r", "a"), writer.series("r", "b")
    forks: list[int] = []
    handled = 0

    def handle(number: int, frame: object) -> None:
        nonlocal handled
        handled += 1
        if handled > 30:
            return
        if handled in (2, 9):
            child = fork()
            if child == 0:
                code = 1
                try:
                    log_many(other, np.arange(10.0))
                    writer.close()
                    code = 0
                finally:
                    os._exit(code)
            forks.append(child)
        if handled % 2:
            other.log(1.0)
        log_many(other, np.ones(3))

    before = signal.signal(signal.SIGVTALRM, handle)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.002, 0.002)
    try:
        for start in range(0, 200_000, 5_000):
            log_many(series, np.arange(start, start + 5_000.0))
            series.log(0.5)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in forks] == [0] * len(forks)
    writer.close()

    batches = read_all(tmp_path / "journal")
    assert sum(batch.bad for batch in batches) == 0
    values = [value for batch in batches for number, *_, value in batch.iter_points() if number == series.id]
    assert [value for value in values if value != 0.5] == list(map(float, range(200_000)))
    assert len(values) == 200_040


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    program = """
import sys, os
from pathlib import Path
import numpy as np
from nbproof.core.clock import SystemClock
from nbproof.storage.journal.writer import JournalWriter
from nbproof.storage.point_records import encoder
series = JournalWriter(Path(sys.argv[1]), clock=SystemClock()).series("r", "a")
start = 0
while True:
    steps = np.arange(start, start + 5_000)
    series.log_many(5_000, encoder(steps, steps, steps / 1.0))
    series.log(-1.0)
    start += 5_000
    os.write(1, b"%d\\n" % start)
"""
    folder = tmp_path / "journal"
    with subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE) as logger:
        assert logger.stdout is not None
        for _ in range(20):
            acknowledged = int(logger.stdout.readline())
        logger.kill()

    values = [value for value in all_values(folder) if value >= 0]
    assert values == list(map(float, range(len(values)))) and len(values) >= acknowledged
    assert sum(batch.bad for batch in read_all(folder)) == 0


def test_a_full_disk_is_an_error_and_what_fits_is_kept_whole(small_disk: Path) -> None:
    writer = JournalWriter(small_disk / "journal", clock=new_writer(small_disk / "unused")._clock)
    series = writer.series("r", "a")
    log_many(series, np.arange(10.0))

    def fill() -> None:
        while True:
            log_many(series, np.arange(300_000.0))

    with pytest.raises(OSError, match="space"):
        fill()
    for path in (small_disk / "journal").rglob("points-*.bin"):
        assert path.stat().st_size % POINT.size == 0
    numbers = [seq for _, seq, *_ in all_points(small_disk / "journal")]
    assert len(numbers) == len(set(numbers))
    assert sum(batch.bad for batch in read_all(small_disk / "journal")) == 0
    writer.close()

"""Code that logs while the same thread is inside the writer: signal handlers, finalizers, forks."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nbproof.storage.journal import writer as writer_module
from nbproof.storage.journal.reader import Batch, writer_ids
from tests.support.journals import all_events, all_values, fork, new_writer, read_all

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and forks")


@contextmanager
def interrupted_by(handler: Callable[[int, object], None], most: float = 0.001) -> Iterator[None]:
    """Another process sends us signals, up to `most` seconds apart (pytest's own timer is left alone)."""
    program = (
        "import os, random, sys, time\n"
        "pid, most = int(sys.argv[1]), float(sys.argv[2])\n"
        "while os.getppid() == pid: os.kill(pid, 10); time.sleep(random.uniform(0.0001, most))"
    )
    before = signal.signal(signal.SIGUSR1, handler)
    sender = subprocess.Popen([sys.executable, "-S", "-c", program, str(os.getpid()), str(most)])
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        sender.kill()
        sender.wait()
        signal.signal(signal.SIGUSR1, before)


def is_whole(folder: Path, total: int) -> bool:
    batches = read_all(folder)
    seqs = [seq for batch in batches for _, seq, *_ in batch.iter_points()]
    seqs += [event["seq"] for batch in batches for event in batch.events]
    return sorted(seqs) == list(range(1, total + 1)) and not any(batch.bad for batch in batches)


@pytest.mark.parametrize("way", ["map", "write"])
def test_a_signal_handler_may_log_in_the_middle_of_logging(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small files: growth and rotation are interrupted, too.
    monkeypatch.setattr(writer_module, "SEGMENT_BYTES", 200_000)
    monkeypatch.setattr(writer_module, "_LOOK_EVERY", 40 * 40)
    writer = new_writer(tmp_path / "journal", way=way)
    mine, theirs = writer.series("r", "mine"), writer.series("r", "theirs")
    handled = within = 0

    def handler(number: int, frame: object) -> None:
        nonlocal handled, within
        if within == 20:  # on a machine that is slower than signals come, without end
            return
        handled, within = handled + 1, within + 1
        theirs.log(float(handled))  # and may be interrupted itself
        writer.event("note", number=handled)
        within -= 1

    logged = 0
    deadline = time.monotonic() + 60
    with interrupted_by(handler):
        while handled < 3_000 and time.monotonic() < deadline:
            for _ in range(100):
                mine.log(float(logged))
                logged += 1
            writer.event("note", text="x" * 2_000)
    assert handled >= 3_000
    assert is_whole(tmp_path / "journal", writer.seq)
    points = [point for batch in read_all(tmp_path / "journal") for point in batch.iter_points()]
    assert [value for number, *_, value in points if number == mine.id] == [float(n) for n in range(logged)]
    values = [value for number, *_, value in points if number == theirs.id]
    assert sorted(values) == [float(n + 1) for n in range(handled)]


def test_a_finalizer_may_log_in_the_middle_of_logging(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "journal")
    mine, theirs = writer.series("r", "mine"), writer.series("r", "theirs")
    finalized = 0

    class Logs:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            nonlocal finalized
            theirs.log(float(finalized))
            writer.event("note")
            finalized += 1

    threshold = gc.get_threshold()
    gc.set_threshold(20)
    try:
        for number in range(20_000):
            if number % 5 == 0:
                Logs()
            mine.log(float(number))
            if number % 50 == 0:
                writer.event("note", values=[[], {}, []])
        gc.collect()
    finally:
        gc.set_threshold(*threshold)
    assert finalized == 4_000
    assert is_whole(tmp_path / "journal", writer.seq)


def test_an_interrupt_leaves_the_writer_usable_from_every_thread(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "journal")
    series = writer.series("r", "loss")
    armed = False

    def handler(number: int, frame: object) -> None:
        nonlocal armed
        if armed:
            armed = False  # once, and where it is caught
            raise KeyboardInterrupt

    interrupted = acknowledged = 0
    with interrupted_by(handler, 0.01):
        while interrupted < 200:
            try:
                armed = True
                while True:
                    series.log(1.0)
                    acknowledged += 1
                    writer.event("note")
            except KeyboardInterrupt:
                interrupted += 1
    thread = threading.Thread(target=series.log, args=(2.0,))
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert is_whole(tmp_path / "journal", writer.seq)
    assert acknowledged + 1 <= len(all_values(tmp_path / "journal")) <= acknowledged + interrupted + 1


def test_a_fork_within_a_signal_handler_within_logging_keeps_both_journals_whole(tmp_path: Path) -> None:
    # The child goes on inside the call that the signal interrupted in the parent: often the first one, which
    # makes the folder and the files.
    program = """
import os, random, signal, sys
from pathlib import Path
from nbproof.core.clock import SystemClock
from nbproof.storage.journal.writer import JournalWriter
top, random = os.getpid(), random.Random(5)
forked = False
def handler(number, frame):
    global forked
    if os.fork() == 0:
        series.log(-1.0)
    forked = True
signal.signal(signal.SIGALRM, handler)
for turn in range(40):
    writer = JournalWriter(Path(sys.argv[1], str(turn)), clock=SystemClock())
    series = writer.series("r", "loss")
    forked, number = False, 0
    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00005, 0.004))
    while not forked:
        series.log(float(number)); number += 1
        if not forked:
            writer.event("note")
    if os.getpid() != top:
        writer.event("child")
        os._exit(0)
    os.wait()
    writer.event("logged", number=number)
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=100)
    pid_of_parent = None
    for turn in range(40):
        folder = tmp_path / str(turn)
        journals: dict[str, list[Batch]] = {}
        for batch in read_all(folder):
            journals.setdefault(batch.writer.id, []).append(batch)
        assert len(journals) == 2
        for batches in journals.values():
            seqs = [seq for batch in batches for _, seq, *_ in batch.iter_points()]
            seqs += [event["seq"] for batch in batches for event in batch.events]
            assert sorted(seqs) == list(range(1, len(seqs) + 1))
        (logged,) = [event for event in all_events(folder) if event["kind"] == "logged"]
        (parent,) = [
            identifier
            for identifier, batches in journals.items()
            if any(event["kind"] == "logged" for batch in batches for event in batch.events)
        ]
        values = [value for batch in journals[parent] for *_, value in batch.iter_points()]
        assert values == [float(number) for number in range(int(str(logged["number"])))]
        assert pid_of_parent in (None, journals[parent][0].writer.process.pid)
        pid_of_parent = journals[parent][0].writer.process.pid


def test_a_forked_child_writes_a_journal_of_its_own(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "journal")
    series = writer.series("r", "loss")
    series.log(1.0)
    first = writer.id
    pid = fork()
    if pid == 0:
        series.log(2.0)
        writer.event("note", text="of the child")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    series.log(3.0)
    assert writer.id == first
    assert len(writer_ids(tmp_path / "journal")) == 2
    parent, child = read_all(tmp_path / "journal")
    assert [(step, value) for _, _, step, _, value in parent.iter_points()] == [(0, 1.0), (1, 3.0)]
    assert [(step, value) for _, _, step, _, value in child.iter_points()] == [(1, 2.0)]
    assert [(event["kind"], event.get("key")) for event in child.events] == [
        ("series", "loss"),
        ("note", None),
    ]


def test_a_child_logs_though_a_thread_of_its_parent_held_the_lock_at_the_fork(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "journal")
    series = writer.series("r", "loss")
    series.log(1.0)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with writer.lock:
            held.set()
            release.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    pid = fork()
    if pid == 0:
        signal.alarm(20)  # a deadlock would end here
        series.log(2.0)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    release.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 0
    assert all_values(tmp_path / "journal") == [1.0, 2.0]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_multiprocessing_log_each_on_its_own(tmp_path: Path, method: str) -> None:
    program = f"""
import multiprocessing, sys
from pathlib import Path
from nbproof.core.clock import SystemClock
from nbproof.storage.journal.writer import JournalWriter
writer = JournalWriter(Path(sys.argv[1]), clock=SystemClock())
series = writer.series("r", "loss")
def work(number):
    for step in range(500):
        series.log(float(step))
        writer.event("note")
if __name__ == "__main__":
    series.log(-1.0)
    with multiprocessing.get_context({method!r}).Pool(3) as pool:
        pool.map(work, range(6), chunksize=1)
"""
    script = tmp_path / "workers.py"
    script.write_text(program)
    subprocess.run([sys.executable, script, str(tmp_path / "journal")], check=True, timeout=60)
    batches = read_all(tmp_path / "journal")
    values = [value for batch in batches for *_, value in batch.iter_points()]
    assert sorted(values) == sorted([-1.0] + [float(step) for step in range(500)] * 6)
    assert sum(batch.bad for batch in batches) == 0
    assert 2 <= len(writer_ids(tmp_path / "journal")) <= 4


def test_what_is_logged_while_the_interpreter_exits_is_kept(tmp_path: Path) -> None:
    program = """
import atexit, sys, threading, weakref
from pathlib import Path
from nbproof.core.clock import SystemClock
from nbproof.storage.journal.writer import JournalWriter
writer = JournalWriter(Path(sys.argv[1]), clock=SystemClock())
series = writer.series("r", "loss")
series.log(1.0)
class Late:
    def __del__(self): series.log(4.0); writer.event("late")
late = Late()
atexit.register(series.log, 3.0)
atexit.register(writer.close)
atexit.register(series.log, 2.0)
threading.Thread(target=lambda: [series.log(0.0) for _ in range(100)]).start()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "journal")],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    values = all_values(tmp_path / "journal")
    assert sorted(values) == [0.0] * 100 + [1.0, 2.0, 3.0, 4.0]
    assert "late" in [event["kind"] for event in all_events(tmp_path / "journal")]

"""A warm parent that forks processes which log, and kills them in the middle of it.

``python -m tests.faults.kill_loggers FOLDER FIRST_SEED ROUNDS THREADS PROCESSES``; for each round a line of
JSON on standard output: the folder of the round's journals, and by the id of each process's own journal how
many records each of its threads had been told are safe.  A process is killed when it has logged so many
points as a die says, and a moment later: on a busy machine as on an idle one.

What was acknowledged is counted in memory that parent and child share: it outlives the child as surely as
the journal does, and counting costs the child next to nothing.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import struct
import sys
import threading
import time
import warnings
from pathlib import Path

from nbproof.core.clock import SystemClock
from nbproof.storage.journal.writer import JournalWriter, Series

_COUNT = struct.Struct("<QQ")  # points, events
_ID_AT = mmap.PAGESIZE - 32  # of the journal
_MOST_POINTS = 12_000


def log(writer: JournalWriter, series: Series, thread: int, shared: mmap.mmap, pause: bool) -> None:
    points = events = 0
    at = thread * _COUNT.size
    while True:
        series.log(float(points))
        points += 1
        # Not pack_into: it writes zeros first, and a kill just then would take back what was told.
        shared[at : at + _COUNT.size] = _COUNT.pack(points, events)
        if points % 13 == 0:
            writer.event("note", thread=thread, number=events)
            events += 1
            shared[at : at + _COUNT.size] = _COUNT.pack(points, events)
        if pause and points % 50 == 0:
            time.sleep(0.0001)


def child(writer: JournalWriter, seed: int, threads: int, shared: mmap.mmap) -> None:
    # Half of them wait now and then, so that threads take turns in the middle of things.
    arguments = [
        (writer, writer.series("r", f"thread {number}"), number, shared, seed % 2 == 1)
        for number in range(threads)
    ]
    shared[_ID_AT:] = writer.id.encode()
    for argument in arguments[1:]:
        threading.Thread(target=log, args=argument).start()
    log(*arguments[0])


def acknowledged(shared: mmap.mmap, threads: int) -> list[tuple[int, int]]:
    counts = [_COUNT.unpack_from(shared, number * _COUNT.size) for number in range(threads)]
    return [(points, events) for points, events in counts]


def start(writer: JournalWriter, seed: int, threads: int) -> tuple[int, mmap.mmap]:
    shared = mmap.mmap(-1, mmap.PAGESIZE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            child(writer, seed, threads, shared)
        finally:
            os._exit(1)
    return pid, shared


def main(folder: Path, first_seed: int, rounds: int, threads: int, processes: int) -> None:
    for seed in range(first_seed, first_seed + rounds):
        journal = folder / f"round-{seed}" / "journal"
        # Warm: the parent has this writer open and has used it.
        writer = JournalWriter(journal, clock=SystemClock())
        writer.series("r", "of the parent").log(-1.0)
        children = [start(writer, seed, threads) for _ in range(processes)]
        randomness = random.Random(seed)
        targets = [randomness.randint(1, _MOST_POINTS) for _ in children]
        waiting = set(range(processes))
        while waiting:
            for number in sorted(waiting):
                pid, shared = children[number]
                if sum(points for points, _ in acknowledged(shared, threads)) >= targets[number]:
                    time.sleep(randomness.uniform(0, 0.002))
                    os.kill(pid, signal.SIGKILL)
                    _, status = os.waitpid(pid, 0)
                    assert os.WIFSIGNALED(status), status
                    waiting.remove(number)
            time.sleep(0.0001)
        told = {bytes(shared[_ID_AT:]).decode(): acknowledged(shared, threads) for _, shared in children}
        print(json.dumps({"journal": str(journal), "acknowledged": told}), flush=True)
        writer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:6]))

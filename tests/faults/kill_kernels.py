"""Like `kill_loggers`, through the functions that users call.

``python -m tests.faults.kill_kernels FOLDER ROUNDS THREADS``; a line of JSON for each round: the workspace's
folder, the run, and how many points of each thread were acknowledged.
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

import nbproof as nbp
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace, use

_COUNT = struct.Struct("<Q")


def log(thread: int, shared: mmap.mmap) -> None:
    points = 0
    while True:
        nbp.log_metric(f"thread {thread}", float(points))
        points += 1
        _COUNT.pack_into(shared, thread * _COUNT.size, points)
        if points % 500 == 0:
            nbp.log_param(f"thread {thread}", points)
            time.sleep(0.0001)


def main(folder: Path, rounds: int, threads: int) -> None:
    for number in range(rounds):
        root = folder / f"round-{number}"
        root.mkdir()
        use(Workspace(Location(root, False, "named"), say=lambda line: None))
        nbp.start_run("of the parent", experiment="e")
        nbp.log_metric("warm", 1.0)
        shared = mmap.mmap(-1, mmap.PAGESIZE)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            try:
                nbp.start_run("of the child", experiment="e", nested=True)
                for thread in range(1, threads):
                    threading.Thread(target=log, args=(thread, shared)).start()
                log(0, shared)
            finally:
                os._exit(1)
        while _COUNT.unpack_from(shared, 0)[0] == 0:
            time.sleep(0.0001)
        time.sleep(random.Random(number).uniform(0, 0.1))
        os.kill(pid, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        acknowledged = [_COUNT.unpack_from(shared, thread * _COUNT.size)[0] for thread in range(threads)]
        print(json.dumps({"root": str(root), "acknowledged": acknowledged}), flush=True)
        nbp.end_run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:4]))

"""What every tracker is asked to do, in its environment: ``python -P contestant.py NAME TASK [ARGUMENT]``.

``peers/NAME/adapter.py`` says how NAME does it; here is what is done, the same for all, and how it is timed.
Standard library only: this runs where nbproof is not installed.  The answer is one line, ``ANSWER`` and JSON.
An adapter has no method for what its tracker cannot do.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import mmap
import os
import random
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_WARM = 20
_SLOW_US = 1_000  # what takes longer than this is called less often
_SECONDS = 2.0


def load(name: str) -> Any:
    """A peer's adapter, which imports the tracker; `variant` is what follows the name's ``-``."""
    name, _, variant = name.partition("-")
    path = _HERE / "peers" / name / "adapter.py"
    spec = importlib.util.spec_from_file_location("adapter", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Adapter(variant)


def settled(adapter: Any) -> None:
    """Bring what was written to where it is read, for those that have a step for it."""
    getattr(adapter, "settle", lambda: None)()


def seconds(call: Callable[..., Any], *given: Any) -> tuple[float, Any]:
    """How long a call takes, and what it gives."""
    start = time.perf_counter()
    given_back = call(*given)
    return time.perf_counter() - start, given_back


def timed_us(call: Callable[[int], object], calls: int) -> list[float]:
    """Mean, median and 99th percentile of single calls; the first ones, which open things, are left out."""
    clock = time.perf_counter_ns
    start = clock()
    for step in range(_WARM):
        call(step)
    # The first call opens the most, so it's the last ones that tell how many there is time for.
    start = clock()
    for step in range(_WARM, 2 * _WARM):
        call(step)
    each = (clock() - start) / _WARM / 1e3
    if each > _SLOW_US:
        calls = min(calls, int(_SECONDS * 1e6 / each))
    taken = [0] * calls
    gc.collect()
    for index in range(calls):
        before = clock()
        call(2 * _WARM + index)
        taken[index] = clock() - before
    taken.sort()
    return [sum(taken) / calls / 1e3, taken[calls // 2] / 1e3, taken[calls * 99 // 100] / 1e3]


def first(name: str, _: str) -> Any:
    """The import, and the first run with its first point in an empty store: seconds, and of the processor."""
    clocks = [(time.perf_counter(), time.process_time())]
    adapter = load(name)
    clocks.append((time.perf_counter(), time.process_time()))
    adapter.start()
    adapter.log(0.5, 0)
    clocks.append((time.perf_counter(), time.process_time()))
    adapter.end()
    (a, b), (c, d), (e, f) = clocks
    return [c - a, e - c, d - b, f - d]


def log(name: str, calls: str) -> Any:
    """Microseconds of a logged metric, and of a dict of 20."""
    adapter = load(name)
    adapter.start()
    one = timed_us(lambda step: adapter.log(0.5, step), int(calls))
    values = {f"metric {number}": 0.5 for number in range(20)}
    twenty = timed_us(lambda step: adapter.log_many(values, step), int(calls) // 5)
    adapter.end()
    return [one, twenty]


def until_killed(name: str, file: str) -> Any:
    """Log at the pace that `file` asks for, counting there what has returned, until somebody ends us."""
    adapter = load(name)
    adapter.start()
    with open(file, "r+b") as opened:
        shared = mmap.mmap(opened.fileno(), 16)
    wait = struct.unpack_from("d", shared, 8)[0]
    step = 0
    while True:
        adapter.log(0.5, step)
        step += 1
        struct.pack_into("q", shared, 0, step)
        if wait:
            time.sleep(wait)


def fill(name: str, points: str) -> Any:
    """Log one long metric of noise in the quickest way; seconds until the run was closed."""
    adapter = load(name)
    chance = random.Random(0)
    values = [chance.gauss(0, 1) for _ in range(int(points))]
    adapter.start()
    taken, _ = seconds(lambda: (adapter.log_history(values), adapter.end()))
    settled(adapter)
    return taken


def count(name: str, _: str) -> Any:
    """How many points of the newest run a new process finds."""
    adapter = load(name)
    settled(adapter)
    return len(adapter.read())


def read(name: str, _: str) -> Any:
    """Points of the newest run; seconds of import and first reading, and of the best of three more."""
    start = time.perf_counter()
    adapter = load(name)
    values = adapter.read()
    taken = time.perf_counter() - start
    return [len(values), taken, min(seconds(adapter.read)[0] for _ in range(3))]


def artifact(name: str, file: str) -> Any:
    """Seconds that a file takes, and the same once more; bytes by which the disk fills at the second time."""
    adapter = load(name)
    adapter.start()
    small = Path(file).with_name("small.bin")
    small.write_bytes(b"warm")
    adapter.log_artifact(small)
    first, _ = seconds(adapter.log_artifact, Path(file))
    # A file that was changed within the last two seconds is read again by those that look at its time.
    time.sleep(2.1)
    adapter.log_artifact(Path(file))
    before = used_bytes(Path.cwd())
    again, _ = seconds(adapter.log_artifact, Path(file))
    time.sleep(0.5)  # some store it behind the call
    grown = max(used_bytes(Path.cwd()) - before, 0)  # less, where a journal of a database was closed
    adapter.end()
    return [first, again, grown]


def used_bytes(folder: Path) -> int:
    """What the files of a folder take on the disk; one that is linked twice counts once."""
    seen: dict[tuple[int, int], int] = {}
    for base, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(base, name))
            except FileNotFoundError:
                continue
            seen[found.st_dev, found.st_ino] = found.st_blocks * 512
    return sum(seen.values())


_TASKS = {each.__name__: each for each in (first, log, until_killed, fill, count, read, artifact)}


def main(arguments: list[str]) -> int:
    """Do what is asked, and answer."""
    name, task, *more = arguments
    answer = _TASKS[task](name, more[0] if more else "")
    print("ANSWER", json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""How many points are lost when the process that logs them is ended by ``kill -9``: some a second, flat out.

A point counts as acknowledged when its call has returned.  It's lost if a new process does not find it later,
after whatever step a tracker has for that.  A process that a tracker started beside itself is left alone for
some seconds, so that it can finish.
"""

from __future__ import annotations

import os
import random
import signal
import struct
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks.environments import NAMES, OURS, Refused, ask, beside, end_group, figures, start, title
from tests.benchmarks.table import Row, Table

_SECONDS = 3.0
_HELPERS_SECONDS = 3.0
_START_SECONDS = 120.0
_A_SECOND = 200
# What it offers for being quicker.
_ALSO = ("mlflow-async",)
_ROUNDS_OF_OURS = 3

ROWS = {
    "paced": Row(f"points lost by kill -9, {_A_SECOND} a second", "%", at_most=0),
    "flat out": Row("points lost by kill -9, flat out", "%", at_most=0),
}


def kill(name: str, folder: Path, *, wait: float) -> tuple[int, int]:
    """Points that were acknowledged, and those that were found afterwards."""
    counted = folder / "acknowledged"
    counted.write_bytes(struct.pack("=qd", 0, wait))
    process = start(name, folder, "until_killed", str(counted), stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _number(counted):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Refused("failed: it logged nothing")
            time.sleep(0.02)
        time.sleep(_SECONDS + random.random() / 2)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        acknowledged = _number(counted)
        if _has_helpers(process.pid):
            time.sleep(_HELPERS_SECONDS)
    finally:
        end_group(process)
    return acknowledged, ask(name, folder, "count")


def _number(file: Path) -> int:
    return int(struct.unpack("=qd", file.read_bytes())[0])


def _has_helpers(session: int) -> bool:
    """Whether a process of this session is left."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            return True
    return False


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table(ROWS)
    for row, wait in (("paced", 1 / _A_SECOND), ("flat out", 0.0)):
        found: dict[str, list[Any] | str] = beside((*NAMES, *_ALSO), partial(kill, wait=wait))
        ours = found[OURS]
        assert isinstance(ours, list)
        if not wait:
            # One that is lucky says little: the others would not take part in so many.
            more = beside((), partial(kill, wait=wait), rounds=_ROUNDS_OF_OURS - 1)[OURS]
            assert isinstance(more, list)
            ours += more
        # Of all rounds together: a median would forgive a loss.
        points = [sum(each) for each in zip(*ours, strict=True)]
        found[OURS] = [points]
        lost, peers = figures(found, _lost)
        counted = {title(name): each[0][0] for name, each in found.items() if not isinstance(each, str)}
        said = ", ".join(f"{name} {points:,}" for name, points in counted.items())
        table.line(row, lost, peers=peers, note=f"acknowledged: {said}")
    return table.exit_code


def _lost(points: tuple[int, int]) -> float:
    """Percent.  One may be found that was not counted: its call had not returned, or not told so yet."""
    acknowledged, found = points
    return max(acknowledged - found, 0) / acknowledged * 100


if __name__ == "__main__":
    sys.exit(main())

"""What capture and redaction cost: cells while a run's origin is found out, the look at a param, a diff."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.table import Row, Table, median

_TIMES = 7
_PARAMS = (("max_depth", 6), ("model", "xgb"), ("path", "data/2026/train.parquet"))
_DIFF = "\n".join(
    f"+    total_{line} = compute(value_{line}, rate=0.1)  # a comment" for line in range(16_000)
)

ROWS = {
    "start": Row("start_run in a repository with changes", "ms", at_most=20),
    "median": Row("added to cells while a run's origin is found out: median", "ms", at_most=1),
    "95 %": Row("added to cells while a run's origin is found out: 95 %", "ms", at_most=3),
    **{name: Row(f"redaction looks at the param {name}={value}", "µs", at_most=3) for name, value in _PARAMS},
    "diff": Row(f"redaction of a diff of {len(_DIFF) / 1e6:.1f} MB", "ms"),
    "environment": Row("environment: packages, system, hardware, again", "ms"),
}
# Cells of 1 ms that follow the start of a run: how late the worst of them is while the thread works.
_CELLS = """
import json, time, nbproof as nbp
def cell():
    end = time.perf_counter() + 1e-3
    while time.perf_counter() < end: pass
cells = []
start = time.perf_counter()
nbp.start_run("bench", experiment="bench")
started = (time.perf_counter() - start) * 1e3
for _ in range(400):
    before = time.perf_counter()
    cell()
    cells.append((time.perf_counter() - before) * 1e3 - 1)
threads = nbp.workspace().tracker._capturing
for thread in threads: thread.join()
cells.sort()
print(json.dumps([started, cells[len(cells) // 2], cells[len(cells) * 95 // 100]]))
"""


def cells(*, capture: bool) -> list[float]:
    """Milliseconds of the start, and by which the cells after it were longer: median and 95th percentile."""
    switch = {f"NBPROOF_CAPTURE_{part}": str(int(capture)) for part in ("GIT", "COMMAND", "ENVIRONMENT")}
    with tempfile.TemporaryDirectory() as folder:
        git = ["git", "-C", folder, "-c", "user.name=b", "-c", "user.email=b@b"]
        subprocess.run([*git, "init", "-q"], check=True)
        Path(folder, "train.py").write_text("x = 1\n" * 10_000)
        subprocess.run([*git, "add", "train.py"], check=True)
        subprocess.run([*git, "commit", "-qm", "x"], check=True)
        Path(folder, "train.py").write_text("x = 2\n" * 10_000)
        done = subprocess.run(
            [sys.executable, "-c", _CELLS],
            cwd=folder,
            env={**os.environ, **switch, "NBPROOF_WORKSPACE": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        found: list[float] = json.loads(done.stdout)
        return found


def each_us(call: Callable[[], object], calls: int) -> float:
    """Microseconds of a call, of the best of some rounds."""
    rounds = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        rounds.append((time.perf_counter() - start) / calls * 1e6)
    return min(rounds)


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    from nbproof.core.redaction import redact_text, redact_value
    from nbproof.tracking.environment import environment_facts, environment_hash

    table = Table(ROWS)
    # Turn about, so that both meet the same neighbours.
    rounds = [(cells(capture=True), cells(capture=False)) for _ in range(_TIMES)]
    table.line("start", median(each[0][0] for each in rounds))
    for place, name in ((1, "median"), (2, "95 %")):
        with_it, without = (median(each[which][place] for each in rounds) for which in (0, 1))
        table.line(name, max(with_it - without, 0.0), note=f"{without:.3g} ms of delay without capture")
    for name, value in _PARAMS:
        table.line(name, each_us(lambda name=name, value=value: redact_value(name, value), 20_000))  # type: ignore[misc]
    table.line("diff", each_us(lambda: redact_text(_DIFF), 1) / 1e3)
    table.line("environment", each_us(lambda: environment_hash(environment_facts()), 20) / 1e3)
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())

"""`make bench`: every `bench_*.py` here, one after the other, as one table; 1 if a bar was missed.

`python -m tests.benchmarks log_metric cold` runs those two.  What was measured is kept in
``tests/output/bench.json``.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
OUTPUT = REPOSITORY / "tests" / "output" / "bench.json"


def main(wanted: list[str]) -> int:
    found = sorted(file.stem.removeprefix("bench_") for file in Path(__file__).parent.glob("bench_*.py"))
    if unknown := set(wanted) - set(found):
        print(f"no bench {', '.join(sorted(unknown))}; there are: {', '.join(found)}", file=sys.stderr)
        return 2
    load = os.getloadavg()[0]
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"
    print(f"{machine}; load average {load:.1f} at the start")
    if load > 1:
        print("*** other programs are running: figures are worse than they should be")
    print(f"\n{'what':<56} {'ours':>14} {'bar':<12}      beside it: peer's figure (times ours)")
    broken = []
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder, "lines")
        lines.touch()
        for name in wanted or found:
            # Each in a process of its own: what one has imported must not make another faster.
            before = lines.read_text().count('"passed": false')
            code = subprocess.call(
                [sys.executable, "-m", f"tests.benchmarks.bench_{name}"],
                cwd=REPOSITORY,
                env={**os.environ, "NBPROOF_BENCH_LINES": str(lines)},
            )
            # Python ends with 1 after an exception, too.
            if code not in (0, 1) or (code and lines.read_text().count('"passed": false') == before):
                broken.append(name)
        measured = [json.loads(line) for line in lines.read_text().splitlines()]
    OUTPUT.parent.mkdir(exist_ok=True)
    facts = {"time": int(time.time()), "machine": machine, "load": [load, os.getloadavg()[0]]}
    OUTPUT.write_text(json.dumps({**facts, "broken": broken, "lines": measured}, indent=1) + "\n")
    missed = [line["name"] for line in measured if line["passed"] is False]
    bars = sum(line["passed"] is not None for line in measured)
    print(f"\n{bars - len(missed)} of {bars} bars kept; load average {os.getloadavg()[0]:.1f} at the end")
    for name in missed:
        print(f"missed: {name}")
    for name in broken:
        print(f"ended without result: {name}")
    return 1 if missed or broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

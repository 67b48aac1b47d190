"""`make bench`: every `bench_*.py` here, one after the other, as one table; 1 if a bar was missed.

`python -m tests.benchmarks log_metric cold` runs those two.  What was measured is kept in
``tests/output/bench.json``; ``--markdown FILE`` also puts the tables into a page, between its marks.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import environments
from tests.benchmarks.page import BENCHES, bench, write

REPOSITORY = Path(__file__).resolve().parents[2]
OUTPUT = REPOSITORY / "tests" / "output" / "bench.json"


def arguments(given: list[str]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.partition(":")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHES)}; all of them")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="put the table into this page")
    asked = parser.parse_args(given)
    if unknown := set(asked.names) - set(BENCHES):
        parser.error(f"no bench {', '.join(sorted(unknown))}; there are: {', '.join(BENCHES)}")
    return asked


def machine() -> dict[str, Any]:
    """What this is measured on."""
    told = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"^model name\s*: (.+)$", told, re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": os.cpu_count(),
        "processor": model[1] if model else platform.machine(),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(given: list[str]) -> int:
    """Measure what was asked for."""
    asked = arguments(given)
    wanted = asked.names or list(BENCHES)
    began, load, facts = time.monotonic(), os.getloadavg()[0], machine()
    print(", ".join(f"{name} {fact}" for name, fact in facts.items()) + f"; load average {load:.1f}")
    if load > 1:
        print("*** other programs are running: figures are worse than they should be")
    everybody = (environments.OURS, *environments.NAMES, *environments.DATA_NAMES)
    # Ours anew, since the sources may have changed; for a part the peers are made when they are asked.
    for name in everybody[:1] if asked.names else everybody:
        try:
            environments.make(name)
        except environments.Refused as refused:
            if name == environments.OURS:
                raise
            print(f"*** {environments.title(name)}: {refused}", flush=True)
    print(f"\n{'what':<58} {'nbproof':>16} {'bar':<18}      beside it: peer's figure (times ours)")
    broken = []
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder, "lines")
        lines.touch()
        for name in wanted:
            print(f"--- {bench(name).__doc__.splitlines()[0]}", flush=True)
            # Each in a process of its own: what one has imported must not make another faster.
            before = lines.read_text().count('"passed": false')
            started = time.monotonic(), _processor_seconds()
            code = subprocess.call(
                [sys.executable, "-m", f"tests.benchmarks.bench_{name}"],
                cwd=REPOSITORY,
                env={**os.environ, "NBPROOF_BENCH_LINES": str(lines)},
            )
            # Python ends with 1 after an exception, too.
            if code not in (0, 1) or (code and lines.read_text().count('"passed": false') == before):
                broken.append(name)
            took, processor = time.monotonic() - started[0], _processor_seconds() - started[1]
            print(f"    {name} took {took:.0f} s, {processor:.0f} s of the processor", flush=True)
        measured = [json.loads(line) for line in lines.read_text().splitlines()]
    result = {
        "time": int(time.time()),
        "seconds": round(time.monotonic() - began),
        "machine": facts,
        "load": [load, os.getloadavg()[0]],
        "versions": environments.versions([each for each in everybody if environments.is_made(each)]),
        "broken": broken,
        "lines": measured,
    }
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(result, indent=1) + "\n")
    known = {line["what"] for line in measured}
    absent = [row.what for name in wanted for row in bench(name).ROWS.values() if row.what not in known]
    missed = [line["what"] for line in measured if line["passed"] is False]
    bars = sum(line["passed"] is not None for line in measured)
    for what in missed:
        print(f"missed: {what}")
    for what in absent:
        print(f"not measured: {what}")
    for name in broken:
        print(f"ended with an error: {name}")
    if asked.markdown:
        write(asked.markdown, result, wanted)
    print(
        f"{bars - len(missed)} of {bars} bars kept, {len(missed)} missed, {len(absent)} rows not measured;"
        f" {result['seconds']} s, load average {os.getloadavg()[0]:.1f} at the end"
    )
    return 1 if missed or broken or absent else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

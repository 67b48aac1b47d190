"""`make bench`: every `bench_*.py` here, one after the other; 1 if a bar was missed.

`python -m tests.benchmarks log_metric import` runs those two.
"""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def main(wanted: list[str]) -> int:
    found = sorted(file.stem.removeprefix("bench_") for file in Path(__file__).parent.glob("bench_*.py"))
    if unknown := set(wanted) - set(found):
        print(f"no bench {', '.join(sorted(unknown))}; there are: {', '.join(found)}", file=sys.stderr)
        return 2
    missed = []
    for name in wanted or found:
        print(f"\n--- {name}", flush=True)
        # Each in a process of its own: what one has imported must not make another faster.
        if subprocess.call([sys.executable, "-m", f"tests.benchmarks.bench_{name}"], cwd=REPOSITORY):
            missed.append(name)
    print(f"\n{'missed a bar: ' + ', '.join(missed) if missed else 'every bar was kept'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What is paid once: imports, the first run, the first read; each in a fresh process, medians.

The import and the first run are those of a plain installation, beside the peers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.environments import NAMES, OURS, ask, beside, figures
from tests.benchmarks.table import Row, Table, median

_TIMES = 7
_ROUNDS = 3
_READS = ("get_run('@last')", "search_runs()")

ROWS = {
    "import": Row("import nbproof", "ms", at_most=150),
    "first": Row("first run and first metric in an empty store", "ms", at_most=20),
    "load": Row("%load_ext nbproof in a kernel", "ms", at_most=300),
    **{call: Row(f"first read there: {call}", "s", at_most=1.5) for call in _READS},
}
_FIRST = """
import nbproof as nbp, time
nbp.start_run("first", experiment="bench")
nbp.log_metric("auc", 0.5)
logged, used = time.perf_counter(), time.process_time()
{read}
print(time.perf_counter() - logged, time.process_time() - used)
"""
_START = "import time; start, used = time.perf_counter(), time.process_time()\n"
_END = "\nprint((time.perf_counter() - start) * 1e3, (time.process_time() - used) * 1e3)"
_LOAD = _START + "%load_ext nbproof" + _END


def fresh(code: str) -> list[float]:
    """Figures that a new process prints, in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env={**os.environ, "NBPROOF_WORKSPACE": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        return [float(word) for word in done.stdout.split()]


def load_in_a_kernel() -> list[float]:
    """Milliseconds of ``%load_ext nbproof`` in a new IPython kernel: by the clock, and of the processor."""
    from jupyter_client.manager import start_new_kernel

    with tempfile.TemporaryDirectory() as folder:
        manager, client = start_new_kernel(
            cwd=folder,
            env={**os.environ, "NBPROOF_WORKSPACE": folder, "IPYTHONDIR": str(Path(folder, "ipython"))},
            stderr=subprocess.DEVNULL,
        )
        try:
            said: list[str] = []

            def hear(message: dict[str, dict[str, str]]) -> None:
                said.append(message["content"].get("text", ""))

            reply = client.execute_interactive(_LOAD, timeout=60, output_hook=hear)
            assert reply["content"]["status"] == "ok", reply["content"]
            return [float(word) for word in "".join(said).split()[-2:]]
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table(ROWS)
    # Ours more often: a bar of a few milliseconds wants it.
    found = beside(NAMES, lambda name, folder: ask(name, folder, "first"), rounds=_ROUNDS)
    ours = found[OURS]
    assert isinstance(ours, list)
    more = beside((), lambda name, folder: ask(name, folder, "first"), rounds=_TIMES - _ROUNDS)[OURS]
    assert isinstance(more, list)
    ours += more
    for place, row in enumerate(("import", "first")):
        figure, peers = figures(found, lambda answer, place=place: answer[place] * 1e3)  # type: ignore[misc]  # its own place
        processor = median(answer[place + 2] * 1e3 for answer in ours)
        table.line(row, figure, peers=peers, note=f"processor {processor:.3g} ms")

    taken: dict[str, list[list[float]]] = {"load": [], **{call: [] for call in _READS}}
    fresh(_FIRST.format(read="nbp.search_runs()"))  # bytecode and page cache, for all
    for _ in range(_TIMES):
        for call in _READS:
            taken[call].append(fresh(_FIRST.format(read=f"nbp.{call}")))
        taken["load"].append(load_in_a_kernel())
    for row, times in taken.items():
        # The processor's time tells a slow program from a busy machine.
        clock, processor = (median(each[index] for each in times) for index in (0, 1))
        table.line(row, clock, note=f"processor {processor:.3g} {ROWS[row].unit}")
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())

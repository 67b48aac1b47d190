"""What is paid once: imports, the first run, the first read; each in a fresh process, medians."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.table import Table, median

_TIMES = 9
_FIRST = """
import nbproof as nbp, time
start, used = time.perf_counter(), time.process_time()
run = nbp.start_run("first", experiment="bench")
nbp.log_metric("auc", 0.5)
logged, used_for_log = time.perf_counter(), time.process_time()
{read}
read, used_for_read = time.perf_counter(), time.process_time()
print((logged - start) * 1e3, (used_for_log - used) * 1e3, read - logged, used_for_read - used_for_log)
"""
_START = "import time; start, used = time.perf_counter(), time.process_time()\n"
_END = "\nprint((time.perf_counter() - start) * 1e3, (time.process_time() - used) * 1e3)"
_IMPORT = _START + "{line}" + _END
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
    table = Table()
    taken: dict[str, list[list[float]]] = {name: [] for name in ("nbproof", "pandas", "load", "first")}
    reads: dict[str, list[list[float]]] = {"get_run('@last')": [], "search_runs()": []}
    fresh(_FIRST.format(read="nbp.search_runs()"))  # bytecode and page cache, for all
    for _ in range(_TIMES):
        for name in ("nbproof", "pandas"):
            taken[name].append(fresh(_IMPORT.format(line=f"import {name}")))
        for call, times in reads.items():
            first_and_read = fresh(_FIRST.format(read=f"nbp.{call}"))
            taken["first"].append(first_and_read[:2])
            times.append(first_and_read[2:])
        taken["load"].append(load_in_a_kernel())

    def line(name: str, times: list[list[float]], unit: str, bar: float, **peers: list[list[float]]) -> None:
        # The processor's time tells a slow program from a busy machine.
        clock, processor = (median(each[index] for each in times) for index in (0, 1))
        beside = {peer: median(each[0] for each in values) for peer, values in peers.items()}
        table.line(name, clock, unit, bar=bar, peers=beside, note=f"processor {processor:.3g} {unit}")

    line("import nbproof", taken["nbproof"], "ms", 150, pandas=taken["pandas"])
    line("%load_ext nbproof in a kernel", taken["load"], "ms", 300)
    line("first start_run + log_metric, empty workspace", taken["first"], "ms", 20)
    for call, times in reads.items():
        line(f"first read there: {call}", times, "s", 1.5)
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())

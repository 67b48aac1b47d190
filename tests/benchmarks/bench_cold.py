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
start = time.perf_counter()
run = nbp.start_run("first", experiment="bench")
nbp.log_metric("auc", 0.5)
logged = time.perf_counter()
{read}
print((logged - start) * 1e3, time.perf_counter() - logged)
"""
_IMPORT = "import time; start = time.perf_counter(); {line}; print((time.perf_counter() - start) * 1e3)"
_LOAD = (
    "import time; start = time.perf_counter()\n%load_ext nbproof\nprint((time.perf_counter() - start) * 1e3)"
)


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


def load_in_a_kernel() -> float:
    """Milliseconds of ``%load_ext nbproof`` in a new IPython kernel."""
    from jupyter_client.manager import start_new_kernel

    with tempfile.TemporaryDirectory() as folder:
        manager, client = start_new_kernel(
            cwd=folder,
            env={**os.environ, "NBPROOF_WORKSPACE": folder, "IPYTHONDIR": str(Path(folder, "ipython"))},
        )
        try:
            said: list[str] = []

            def hear(message: dict[str, dict[str, str]]) -> None:
                said.append(message["content"].get("text", ""))

            reply = client.execute_interactive(_LOAD, timeout=60, output_hook=hear)
            assert reply["content"]["status"] == "ok", reply["content"]
            return float("".join(said).split()[-1])
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table()
    imports = {"nothing": "pass", "nbproof": "import nbproof", "pandas": "import pandas"}
    taken: dict[str, list[float]] = {name: [] for name in imports}
    firsts: list[float] = []
    reads: dict[str, list[float]] = {"get_run('@last')": [], "search_runs()": []}
    loads: list[float] = []
    fresh(_FIRST.format(read="nbp.search_runs()"))  # bytecode and page cache, for all
    for _ in range(_TIMES):
        for name, line in imports.items():
            taken[name] += fresh(_IMPORT.format(line=line))
        for call, times in reads.items():
            first, read = fresh(_FIRST.format(read=f"nbp.{call}"))
            firsts.append(first)
            times.append(read)
        loads.append(load_in_a_kernel())
    table.line(
        "import nbproof", median(taken["nbproof"]), "ms", bar=150, peers={"pandas": median(taken["pandas"])}
    )
    table.line("%load_ext nbproof in a kernel", median(loads), "ms", bar=300)
    table.line("first start_run + log_metric, empty workspace", median(firsts), "ms", bar=20)
    for call, times in reads.items():
        table.line(f"first read there: {call}", median(times), "s", bar=1.5)
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())

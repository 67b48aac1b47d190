"""What a run does to its machine: processor, memory, disk, network and GPUs, sampled beside the run.

A small process does it, not a thread: in the kernel it would compete with the user's code, and stand still
whenever that holds the interpreter.  It has a journal of its own, into which it writes points of the run, and
ends with the run, or with the process that started it.

The upper half runs in the kernel and needs the standard library only; the lower half is
``python -m nbproof.tracking.system_metrics``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbproof.core.clock import SystemClock
from nbproof.storage.background import start_in_background
from nbproof.storage.journal.process import is_dead, this_process
from nbproof.storage.journal.writer import JournalWriter, Series
from nbproof.tracking.domain import SYSTEM

__all__ = ["Machine", "main", "sample_in_background"]

_MOST_FAILURES = 3


def sample_in_background(journal: Path, run_id: str, seconds: float) -> Callable[[], None]:
    """Start sampling for a run; gives what stops it.

    Parameters
    ----------
    journal : Path
        The folder of journals.
    run_id : str
    seconds : float
        From one sample to the next.
    """
    me = this_process()
    # What is written to the pipe says stop; where this process dies, its end says so.
    ours, theirs = os.pipe()
    try:
        told = [str(journal), run_id, str(seconds), str(me.pid), me.pid_started]
        start_in_background("nbproof.tracking.system_metrics", *told, stdin=ours)
    except BaseException:
        os.close(theirs)
        raise
    finally:
        os.close(ours)

    def stop() -> None:
        # A forked child has the pipe, too; the run is not its to stop.
        if os.getpid() == me.pid:
            with suppress(OSError):
                os.write(theirs, b".")
        with suppress(OSError):
            os.close(theirs)

    return stop


# -- in a process of its own -----------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Sample until the run or the process that started it ends: JOURNAL RUN SECONDS PID STARTED."""
    folder, run_id, seconds, pid, *started = sys.argv[1:] if arguments is None else arguments
    parent = replace(this_process(), pid=int(pid), pid_started="".join(started))
    stopped = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=(stopped,), daemon=True).start()
    journal = JournalWriter(Path(folder), clock=SystemClock())
    series: dict[str, Series] = {}
    machine = Machine(parent.pid, Path(folder))
    # Rates need a first look to start from; a short run shall have a sample all the same.
    pause = min(float(seconds), 0.5)
    try:
        while not stopped.wait(pause) and not is_dead(parent):
            pause = float(seconds)
            for name, value in machine.sample():
                if name not in series:
                    series[name] = journal.series(run_id, SYSTEM + name)
                series[name].log(value)
    except OSError as error:  # a full disk, a workspace that was deleted: the run goes on without
        sys.stderr.write(f"nbproof: no more system metrics: {error}\n")
        return 1
    finally:
        journal.close()
    return 0


def _wait_for_the_end(stopped: threading.Event) -> None:
    with suppress(OSError):
        os.read(0, 1)
    stopped.set()


class Machine:
    """Measures; what a machine does not have is left out.

    Parameters
    ----------
    pid : int
        The process whose share is measured, too.
    place : Path
        On the disk that is measured.
    """

    def __init__(self, pid: int, place: Path) -> None:
        import psutil

        self._psutil: Any = psutil
        self._place = place
        self._process = psutil.Process(pid)
        self._counters: dict[str, tuple[float, int]] = {}
        self._nvidia = shutil.which("nvidia-smi")
        self._failures = 0  # of it, one after the other
        list(self.sample())

    def sample(self) -> Iterator[tuple[str, float]]:
        """Names and values; rates are those since the sample before."""
        ps = self._psutil
        yield "cpu_percent", ps.cpu_percent(None)
        memory = ps.virtual_memory()
        yield "memory_percent", memory.percent
        yield "memory_used_mb", (memory.total - memory.available) / 1e6
        with suppress(ps.Error):
            yield "process_cpu_percent", self._process.cpu_percent(None)
            yield "process_memory_mb", self._process.memory_info().rss / 1e6
        with suppress(OSError):
            yield "disk_percent", ps.disk_usage(str(self._place)).percent
        for counters, names in (
            (ps.disk_io_counters, {"disk_read": "read_bytes", "disk_written": "write_bytes"}),
            (ps.net_io_counters, {"network_received": "bytes_recv", "network_sent": "bytes_sent"}),
        ):
            with suppress(OSError, RuntimeError):
                found = counters()
                for name, field in names.items() if found is not None else ():
                    yield from self._rate(f"{name}_mb_per_second", getattr(found, field))
        if self._nvidia:
            yield from self._gpus(self._nvidia)

    def _rate(self, name: str, total: int) -> Iterator[tuple[str, float]]:
        now, before = time.monotonic(), self._counters.get(name)
        self._counters[name] = (now, total)
        if before is not None and now > before[0] and total >= before[1]:
            yield name, (total - before[1]) / 1e6 / (now - before[0])

    def _gpus(self, program: str) -> Iterator[tuple[str, float]]:
        fields = "index,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw"
        try:
            said = subprocess.run(
                [program, f"--query-gpu={fields}", "--format=csv,noheader,nounits"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=10,
                check=True,
            ).stdout
        except (OSError, subprocess.SubprocessError):
            # Without a driver it fails each time; on a busy machine it may be late now and then.
            self._failures += 1
            if self._failures == _MOST_FAILURES:
                self._nvidia = None
            return
        self._failures = 0
        for line in said.splitlines():
            index, *cells = (cell.strip() for cell in line.split(","))
            used: dict[str, float] = {}
            for name, cell in zip(("percent", "memory_mb", "total", "celsius", "watts"), cells, strict=False):
                with suppress(ValueError):  # "[N/A]"
                    used[name] = float(cell)
            total = used.pop("total", 0.0)
            if total and "memory_mb" in used:
                used["memory_percent"] = 100 * used["memory_mb"] / total
            for name, value in used.items():
                yield f"gpu_{index}_{name}", value


if __name__ == "__main__":
    sys.exit(main())

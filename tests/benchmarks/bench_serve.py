"""``nbproof serve``: from the command to the first answer, and what it holds in memory then."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.table import Table, median
from tests.support.plain_user import PlainUser, stop

_TIMES = 5
_TOKEN = "bench"


def _start(user: PlainUser, folder: Path) -> tuple[float, float, float]:
    """Seconds to the first answer, processor seconds until then, MB once it was used."""
    argv = [sys.executable, "-m", "nbproof.server.serve", str(folder), "--port", "0", "--token", _TOKEN]
    began = time.perf_counter()
    process = user.start(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    with process.stdout:
        try:
            found = None
            while found is None:
                line = process.stdout.readline()
                assert line, "it ended before it was ready"
                found = re.search(r"at http://([^/]+)/api/v1", line)
            connection = http.client.HTTPConnection(found[1], timeout=60)
            _get(connection, "/api/v1/health")
            seconds = time.perf_counter() - began
            processor = _processor_seconds(process.pid)
            for path in ("experiments", "runs/search", "openapi.json", "docs"):
                _get(connection, f"/api/v1/{path}")
            connection.close()
            return seconds, processor, _memory_mb(process.pid)
        finally:
            stop(process)


def _get(connection: http.client.HTTPConnection, path: str) -> None:
    connection.request("GET", path, headers={"Authorization": f"token {_TOKEN}"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, (path, answer.status)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def main() -> int:
    """Measure and print; 1 if the bar was missed."""
    table = Table()
    user = PlainUser()
    if reason := user.open_the_way():
        print(f"nbproof serve was not measured: {reason}")
        return 0
    try:
        folder = user.folder("bench")
        _start(user, folder)  # caches are warm from here on
        seconds, processor, memory = zip(*(_start(user, folder) for _ in range(_TIMES)), strict=True)
    finally:
        user.close()
    note = f"processor time {median(processor):.2f} s"
    table.line("nbproof serve, ready", median(seconds), "s", bar=2, note=note)
    table.line("nbproof serve, memory when used", median(memory), "MB")
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())

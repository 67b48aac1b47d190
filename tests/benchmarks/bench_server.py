"""The server extension: what it adds to Jupyter Server, and the panel's list with 10,000 runs."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.benchmarks.table import Row, Table, median

_RUNS = 10_000
_TIMES = 7
TOKEN = "bench"
ROWS = {
    "seconds": Row("server extension adds, start to first answer", "s", at_most=0.3),
    "memory": Row("server extension adds, memory after its first answers", "MB", at_most=75),
    "first 50": Row("panel: the first 50 runs of an experiment", "ms", at_most=100),
    "experiments": Row("panel: the experiments", "ms", at_most=100),
    "next 50": Row("panel: the next 50 runs", "ms", at_most=100),
    "filter": Row("panel: 50 runs by a filter over metric and param", "ms"),
    "recorded": Row(f"recording and draining {_RUNS:,} runs of 20 params and 20 metrics", "runs/s"),
}
_FILL = """
import random, nbproof as nbp
random.seed(7)
for number in range({runs}):
    with nbp.start_run(f"run {{number}}", experiment=f"study {{number % 4}}") as run:
        run.log_params({{f"p{{each}}": random.randrange(100) for each in range(20)}})
        run.log_metrics({{f"m{{each}}": random.random() for each in range(20)}})
nbp.list_experiments()
"""


class Server:
    """A Jupyter Server on a folder, with nbproof or without it."""

    def __init__(self, folder: Path, home: Path, *, with_nbproof: bool) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        argv = [
            sys.executable,
            "-m",
            "jupyter_server",
            f"--ServerApp.jpserver_extensions=nbproof={with_nbproof}",
        ]
        argv += ["--no-browser", f"--port={self.port}", "--ServerApp.port_retries=0", "--allow-root"]
        argv += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}"]
        folders = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
        started = time.perf_counter()
        self.process = subprocess.Popen(
            argv, env={**os.environ, **folders}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self._until(lambda: self.get("/api") is not None)
        self.answered_after = time.perf_counter() - started
        self.processor_seconds = self._processor_seconds()
        if with_nbproof:
            self._until(lambda: self.get("/nbproof/api/v1/health")["status"] == "ok")

    def get(self, path: str) -> Any:
        """The JSON at a path, over one connection that stays open, as a browser's does."""
        return self._asked("GET", path)

    def post(self, path: str, body: object) -> Any:
        """What a path answers to JSON, over the same connection."""
        return self._asked("POST", path, json.dumps(body))

    def _asked(self, method: str, path: str, body: str | None = None) -> Any:
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            said = answer.read()
        except OSError:
            self._connection.close()
            raise
        assert answer.status in (200, 201, 204), (path, answer.status, said[:300])
        return json.loads(said) if said else None

    def _until(self, works: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError):
                if works():
                    return
            time.sleep(0.005)
        raise AssertionError("the server did not answer")

    def _processor_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self) -> float:
        """Resident memory of the process."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def stop(self) -> None:
        self._connection.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def added(table: Table, folder: Path) -> None:
    """Interleaved starts with and without the extension."""
    project = folder / "small"
    (project / ".nbproof").mkdir(parents=True)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    processor: dict[bool, list[float]] = {True: [], False: []}
    megabytes: dict[bool, list[float]] = {True: [], False: []}
    for round_ in range(_TIMES + 1):
        # Whoever comes second finds warmer caches: turn about.
        for with_nbproof in (False, True) if round_ % 2 else (True, False):
            server = Server(project, folder / "home", with_nbproof=with_nbproof)
            if with_nbproof:
                # As a user meets it: everything loaded and the list answered.
                server.get("/nbproof/api/v1/experiments")
                server.get("/nbproof/api/v1/runs/search?query=")
            if round_:  # the first one warms the caches
                seconds[with_nbproof].append(server.answered_after)
                processor[with_nbproof].append(server.processor_seconds)
                megabytes[with_nbproof].append(server.megabytes())
            server.stop()
    more = median(processor[True]) - median(processor[False])
    without = f"without it {median(seconds[False]):.2f} s; of the processor it adds {more:.2f} s"
    table.line("seconds", median(seconds[True]) - median(seconds[False]), note=without)
    without = f"without it {median(megabytes[False]):.0f} MB"
    table.line("memory", median(megabytes[True]) - median(megabytes[False]), note=without)


def crowded(table: Table, folder: Path) -> None:
    """The panel's questions in a workspace with many runs."""
    project = folder / "large"
    project.mkdir()
    environment = {**os.environ, "NBPROOF_WORKSPACE": str(project), "NBPROOF_CAPTURE_GIT": "0"}
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", _FILL.format(runs=_RUNS)],
        cwd=project,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    filled = time.perf_counter() - start
    server = Server(project, folder / "home", with_nbproof=True)
    try:
        base = "/nbproof/api/v1"
        experiments = server.get(f"{base}/experiments?limit=200")["items"]
        found = {each["name"]: each["run_count"] for each in experiments}
        assert sum(found.values()) == _RUNS, found
        first = experiments[0]["id"]
        page = server.get(f"{base}/experiments/{first}/runs?limit=50")
        assert len(page["items"][0]["params"]) == len(page["items"][0]["metrics"]) == 20

        def ask(path: str) -> tuple[float, float]:
            taken = []
            for _ in range(40):
                began = time.perf_counter()
                server.get(f"{base}{path}")
                taken.append((time.perf_counter() - began) * 1e3)
            return median(taken), sorted(taken)[37]

        query = quote("metrics.m3 > 0.5 and params.p7 < 50 order by metrics.m3 desc")
        for row, path in (
            ("first 50", f"/experiments/{first}/runs?limit=50"),
            ("experiments", "/experiments?limit=200"),
            ("next 50", f"/experiments/{first}/runs?limit=50&after={quote(page['next'])}"),
            ("filter", f"/runs/search?limit=50&query={query}"),
        ):
            middle, late = ask(path)
            table.line(row, middle, note=f"p95 {late:.0f} ms")
        table.line("recorded", _RUNS / filled, note=f"{filled:.0f} s for all")
    finally:
        server.stop()


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table(ROWS)
    with tempfile.TemporaryDirectory() as folder:
        added(table, Path(folder))
        crowded(table, Path(folder))
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())

"""Servers: from the command to the first answer, and what they hold in memory then.

Each serves a store with one run of 100,000 points.  ``nbproof serve`` and the bare Jupyter Server that it is
compared with come from the plain installation; the first start of each only warms the caches.
"""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.benchmarks.environments import (
    OURS,
    Refused,
    ask,
    beside,
    environ,
    figures,
    python_of,
)
from tests.benchmarks.table import Row, Table, median
from tests.support.plain_user import PlainUser, stop

_TIMES = 5
_POINTS = 100_000
_TOKEN = "bench"
_START_SECONDS = 180
_SETTLE_SECONDS = 2.0

# How each is started; what answers first is its page.
_COMMANDS: dict[str, Callable[[Path, int], Sequence[str | Path]]] = {
    "mlflow": lambda bin_, port: [
        bin_ / "mlflow", "server", "--backend-store-uri", "sqlite:///mlflow.db", f"--port={port}",
    ],
    "trackio": lambda bin_, port: [
        bin_ / "python", "-c",
        f"import trackio; trackio.show(open_browser=False, server_port={port}, block_thread=True)",
    ],
    "aim": lambda bin_, port: [bin_ / "aim", "up", "--repo", ".", f"--port={port}"],
    "tensorboardx": lambda bin_, port: [bin_ / "tensorboard", "--logdir", "runs", f"--port={port}"],
}  # fmt: skip

ROWS = {
    "ready": Row("server, from the command to the first answer", "s", at_most=2),
    "memory": Row("server, memory of all its processes", "MB"),
    "above": Row("nbproof serve, memory above a bare Jupyter Server", "MB", at_most=75),
}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def answers(port: int, path: str) -> bool:
    """Whether something says 200 there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Authorization": f"token {_TOKEN}"})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return answer.status == 200


def until(works: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not works():
        if process.poll() is not None or time.monotonic() > deadline:
            raise Refused("failed: its server did not answer")
        time.sleep(0.02)


def memory_mb(session: int) -> float:
    """What the processes of a session hold, a page that several share counted once."""
    kilobytes = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int((folder / "stat").read_text().rpartition(")")[2].split()[3]) == session:
                found = re.search(r"^Pss:\s+(\d+)", (folder / "smaps_rollup").read_text(), re.MULTILINE)
                kilobytes += int(found[1]) if found else 0
    return kilobytes / 1024


@contextmanager
def jupyter(user: PlainUser, folder: Path, *module_and_options: str) -> Iterator[tuple[int, int]]:
    """A server of ours, or a bare one, once it answers: its session and its port."""
    port = free_port()
    argv = [
        str(python_of(OURS)),
        "-m",
        *(each.format(port=port, folder=folder) for each in module_and_options),
    ]
    process = user.start(argv, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        path = "/api/v1/health" if "nbproof" in argv[2] else "/api"
        until(lambda: answers(port, path), process)
        yield process.pid, port
    finally:
        stop(process)


_SERVE = ("nbproof.server.serve", "{folder}", "--port", "{port}", "--token", _TOKEN)
_BARE = (
    "jupyter_server", "--ServerApp.jpserver_extensions=nbproof=False", "--no-browser", "--port={port}",
    "--ServerApp.port_retries=0", f"--IdentityProvider.token={_TOKEN}", "--ServerApp.root_dir={folder}",
)  # fmt: skip


def ours(user: PlainUser, folder: Path) -> tuple[float, float]:
    """Seconds to the first answer, and MB once it was used."""
    began = time.perf_counter()
    with jupyter(user, folder, *_SERVE) as (session, port):
        seconds = time.perf_counter() - began
        for path in ("experiments", "runs/search", "openapi.json", "docs"):
            assert answers(port, f"/api/v1/{path}"), path
        return seconds, memory_mb(session)


def bare(user: PlainUser, folder: Path) -> float:
    """MB of a Jupyter Server without nbproof, once it has answered."""
    with jupyter(user, folder, *_BARE) as (session, port):
        for path in ("/api/status", "/api/contents", "/api/kernelspecs"):
            assert answers(port, path), path
        return memory_mb(session)


def theirs(name: str, folder: Path) -> tuple[float, float]:
    """The same of a peer, which runs as whoever we are."""
    began = time.perf_counter()
    port = free_port()
    process = subprocess.Popen(
        [*_COMMANDS[name](python_of(name).parent, port)],
        cwd=folder,
        env=environ(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        until(lambda: answers(port, "/"), process)
        seconds = time.perf_counter() - began
        # Some go on starting processes after their first answer.
        time.sleep(_SETTLE_SECONDS)
        return seconds, memory_mb(process.pid)
    finally:
        stop(process)


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table(ROWS)
    user = PlainUser()
    if reason := user.open_the_way():
        print(f"nbproof serve was not measured: {reason}")
        return 0
    try:
        bare_mb: list[float] = []

        def measure(name: str, folder: Path) -> tuple[float, float]:
            if name != OURS:
                ask(name, folder, "fill", str(_POINTS))
                if name == "mlflow":  # 25 s and more of both cores: once is enough
                    return theirs(name, folder)
                theirs(name, folder)
                return theirs(name, folder)
            place = user.folder("bench")
            ask(name, place, "fill", str(_POINTS))
            user.own(place)
            ours(user, place), bare(user, place)
            rounds = []
            for _ in range(_TIMES):
                rounds.append(ours(user, place))
                bare_mb.append(bare(user, place))
            return median(each[0] for each in rounds), median(each[1] for each in rounds)

        found = beside(_COMMANDS, measure)
        for place, row in enumerate(("ready", "memory")):
            figure, peers = figures(found, lambda answer, place=place: answer[place])  # type: ignore[misc]  # its own place
            table.line(row, figure, peers=peers)
        table.line("above", figure - median(bare_mb), note=f"that one has {median(bare_mb):.0f} MB")
    finally:
        user.close()
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())

"""Two kernels, a server and a reader at work in one workspace at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from tests.support.plain_user import PlainUser, stop
from tests.support.served import Served

POINTS = 4000
POSTED = 150

# Every now and then a kernel reads, and so drains what the others wrote, too.
LOG = """
import time, nbproof as nbp
with nbp.start_run({name!r}, experiment="crowd", params={{"points": {points}}}) as run:
    for point in range({points}):
        run.log_metric("a", point)
        run.log_metric("b", -point)
        if point % 100 == 0:
            run.log_param("reached", point)
            time.sleep(0.01)
        if point % 1000 == 999:
            assert nbp.get_run(run.id).metrics["a"] == point
"""

# Reads until it is told to stop; what is there may only grow.
READ = """
import sys, threading, nbproof as nbp
told = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), told.set()), daemon=True).start()
seen, rounds = {}, 0
while not told.is_set() or not rounds:
    for run in nbp.search_runs().itertuples():
        for metric in nbp.list_metrics(run.id):
            assert metric.count >= seen.get((run.id, metric.name), 0), (run, metric)
            seen[run.id, metric.name] = metric.count
    rounds += 1
    told.wait(0.05)
print(rounds)
"""

CHECK = """
import json, nbproof as nbp
found = {}
for run in nbp.search_runs().itertuples():
    run = nbp.get_run(run.id)
    found[run.name] = {"status": run.status, "params": run.params}
    for key in run.metrics:
        frame = run.metric_history(key)
        found[run.name][key] = [frame["step"].tolist(), frame["value"].tolist()]
print(json.dumps(found))
"""


class Kernel:
    """An IPython kernel that a plain user runs in a folder."""

    def __init__(self, user: PlainUser, folder: Path, name: str) -> None:
        path, _ = write_connection_file(str(user.folder("kernel") / f"{name}.json"))
        user.own(Path(path))
        self.log = Path(path).with_suffix(".log")
        with self.log.open("w") as log:
            self.process = user.start(
                [sys.executable, "-m", "ipykernel_launcher", "-f", path],
                cwd=folder,
                env=user.environment(PYDEVD_DISABLE_FILE_VALIDATION="1"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.client = BlockingKernelClient(connection_file=path)
        self.client.load_connection_file()
        self.client.start_channels()
        # Not wait_for_ready: on a busy machine it takes a late heartbeat for a death.
        self.client.kernel_info(reply=True, timeout=90)

    def begin(self, code: str) -> str:
        """Send a cell; its id, for `finish`."""
        return str(self.client.execute(code))

    def finish(self, cell: str) -> None:
        """Wait until the cell is done; it must not have failed, nor said anything."""
        while True:
            reply: dict[str, Any] = self.client.get_shell_msg(timeout=90)
            if reply["parent_header"].get("msg_id") == cell:
                break
        content = reply["content"]
        assert content["status"] == "ok", "\n".join(content["traceback"])
        with suppress(Empty):
            while True:
                message = self.client.get_iopub_msg(timeout=0.5)
                if message["msg_type"] == "stream" and message["content"]["name"] == "stderr":
                    raise AssertionError(message["content"]["text"])

    def close(self) -> None:
        self.client.stop_channels()
        stop(self.process)


@pytest.fixture
def root(plain_user: PlainUser) -> Path:
    folder = plain_user.folder("crowd")
    (folder / ".nbproof").mkdir()
    plain_user.own(folder)
    return folder


@pytest.fixture
def served(plain_user: PlainUser, root: Path) -> Iterator[Served]:
    server = Served(plain_user, root)
    yield server
    server.close()


@pytest.fixture
def kernels(plain_user: PlainUser, root: Path) -> Iterator[list[Kernel]]:
    kernels = []
    try:
        for name in ("one", "two"):
            kernels.append(Kernel(plain_user, root, name))
        yield kernels
    finally:
        for kernel in kernels:
            kernel.close()


@contextmanager
def reading(user: PlainUser, root: Path) -> Iterator[None]:
    """A process that reads all the time meanwhile."""
    process = user.start(
        [sys.executable, "-c", READ],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert err == ""
        assert int(out) > 0
    finally:
        stop(process)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def post(served: Served, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{served.url}/api/v1{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"token {served.token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        said = answer.read()
    return json.loads(said) if said else None


@pytest.mark.timeout(240)
def test_two_kernels_the_server_and_a_reader_at_once_lose_nothing_and_double_nothing(
    plain_user: PlainUser, root: Path, served: Served, kernels: list[Kernel]
) -> None:
    experiment = post(served, "/experiments", {"name": "crowd"})["id"]
    run = post(served, f"/experiments/{experiment}/runs", {"name": "posted"})["id"]
    with reading(plain_user, root):
        cells = [
            kernel.begin(LOG.format(name=f"kernel {number}", points=POINTS))
            for number, kernel in enumerate(kernels)
        ]
        for point in range(POSTED):
            post(served, f"/runs/{run}/metrics", {"key": "a", "value": point})
            if point % 10 == 0:
                served.get(f"/runs/{run}")
        post(served, f"/runs/{run}/end", {"status": "finished"})
        for kernel, cell in zip(kernels, cells, strict=True):
            kernel.finish(cell)

    checked = plain_user.run([sys.executable, "-c", CHECK], cwd=root, timeout=60, check=True)
    found = json.loads(checked.stdout)
    assert set(found) == {"kernel 0", "kernel 1", "posted"}
    for name in ("kernel 0", "kernel 1"):
        assert found[name]["status"] == "finished"
        assert found[name]["params"] == {"points": POINTS, "reached": POINTS - 100}
        assert found[name]["a"] == [list(range(POINTS)), [float(point) for point in range(POINTS)]]
        assert found[name]["b"] == [list(range(POINTS)), [float(-point) for point in range(POINTS)]]
    assert found["posted"]["a"] == [list(range(POSTED)), [float(point) for point in range(POSTED)]]

    said = served.log.read_text() + "".join(kernel.log.read_text() for kernel in kernels) + checked.stderr
    assert "locked" not in said
    assert "Traceback" not in said

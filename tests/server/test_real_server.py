"""A real Jupyter Server in a process of its own, run as a plain user."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.ioloop import IOLoop
from tornado.websocket import websocket_connect

from tests.support.plain_user import PlainUser, stop
from tests.support.served import Served

LOG = """
import sys, nbproof as nbp
with nbp.start_run("from afar", experiment="events"):
    for line in sys.stdin:
        nbp.log_metric("auc", float(line))
        print("logged", flush=True)
"""
LOG_AND_READ = """
import nbproof as nbp
with nbp.start_run("reader", experiment="events") as run:
    nbp.log_metric("auc", 0.5)
    assert len(nbp.search_runs()) == 1
    print(run.id, flush=True)
"""


@pytest.fixture
def root(plain_user: PlainUser) -> Path:
    folder = plain_user.folder("project")
    (folder / ".nbproof").mkdir()
    plain_user.own(folder)
    return folder


@pytest.fixture
def served(plain_user: PlainUser, root: Path) -> Iterator[Served]:
    server = Served(plain_user, root)
    yield server
    server.close()


def test_what_another_process_logs_is_an_event_within_a_second(
    plain_user: PlainUser, root: Path, served: Served
) -> None:
    kernel = plain_user.start(
        [sys.executable, "-c", LOG],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert kernel.stdin is not None
    assert kernel.stdout is not None

    def log() -> None:
        assert kernel.stdin is not None
        assert kernel.stdout is not None
        kernel.stdin.write("0.9\n")
        kernel.stdin.flush()
        assert kernel.stdout.readline() == "logged\n"

    log()  # the first one opens everything
    _until(lambda: served.get("/runs/from%20afar")["metrics"] == {"auc": 0.9})
    run = served.get("/runs/from%20afar")["id"]
    with kernel.stdin, kernel.stdout:
        seen = _events_after(served, log, lambda event: event["kind"] == "run" and run in event["ids"])
        stop(kernel)
    assert seen["workspace"] == served.get("/workspaces")["items"][0]["id"]
    assert set(seen) >= {"schema_id", "workspace", "kind", "ids"}
    assert "0.9" not in json.dumps({key: seen[key] for key in ("workspace", "kind", "ids")})


def test_what_another_process_drained_itself_is_an_event_too(
    plain_user: PlainUser, root: Path, served: Served
) -> None:
    plain_user.run([sys.executable, "-c", "import nbproof as nbp; nbp.create_experiment('events')"], cwd=root)
    _until(lambda: served.get("/health")["drain"]["behind_seconds"] is not None)

    def log_and_read() -> None:
        done = plain_user.run([sys.executable, "-c", LOG_AND_READ], cwd=root, check=True)
        assert len(done.stdout.strip()) == 32

    seen = _events_after(served, log_and_read, lambda event: event["kind"] == "run" and bool(event["ids"]))
    assert [served.get(f"/runs/{run}")["name"] for run in seen["ids"]] == ["reader"]


def test_a_new_server_knows_what_the_old_one_did(plain_user: PlainUser, root: Path) -> None:
    first = Served(plain_user, root)
    run = _post(first, "/experiments/kept/runs", {"name": "survivor"})["id"]
    _post(first, f"/runs/{run}/metrics", {"key": "auc", "value": 0.75})
    first.close()
    second = Served(plain_user, root)
    try:
        again = second.get(f"/runs/{run}")
        assert (again["name"], again["metrics"], again["status"]) == ("survivor", {"auc": 0.75}, "running")
        _post(second, f"/runs/{run}/metrics", {"key": "auc", "value": 0.8})
        assert second.get(f"/runs/{run}")["newest_metric"]["step"] == 1
        assert _post(second, f"/runs/{run}/end", {})["status"] == "finished"
    finally:
        second.close()


def test_ten_projects_under_one_root_are_drained_and_kept_apart(plain_user: PlainUser) -> None:
    root = plain_user.folder("projects")
    code = "import nbproof as nbp, sys; nbp.start_run(sys.argv[1], experiment='e'); nbp.end_run()"
    for number in range(10):
        project = root / f"project {number}"
        (project / ".nbproof").mkdir(parents=True)
    plain_user.own(root)
    served = Served(plain_user, root)
    try:
        for number in range(10):
            plain_user.run(
                [sys.executable, "-c", code, f"run {number}"], cwd=root / f"project {number}", check=True
            )
        _until(lambda: served.get("/health")["drain"]["workspaces"] == 10)
        listed = {each["path"]: each["id"] for each in served.get("/workspaces")["items"]}
        assert sorted(listed) == [f"project {number}" for number in range(10)]
        for number in range(10):
            found = served.get(f"/runs/search?workspace={listed[f'project {number}']}")
            assert [run["name"] for run in found["items"]] == [f"run {number}"]
    finally:
        served.close()


def test_the_server_announces_itself_while_it_runs(plain_user: PlainUser, root: Path) -> None:
    code = "from nbproof.storage.announce import server_alive; import sys; print(server_alive(sys.argv[1]))"

    def alive() -> str:
        return plain_user.run([sys.executable, "-c", code, str(root)], check=True).stdout.strip()

    served = Served(plain_user, root)
    assert alive() == "True"
    served.close()
    assert alive() == "False"


def test_the_server_ends_in_order(plain_user: PlainUser, root: Path) -> None:
    served = Served(plain_user, root)
    _post(served, "/experiments/kept/runs", {})
    served.process.terminate()
    assert served.process.wait(60) == 0
    log = served.log.read_text()
    assert "Traceback" not in log
    assert "ERROR" not in log


def _events_after(
    served: Served, act: Callable[[], None], wanted: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The first wanted event, seen by a websocket client at most a second after `act` was done."""

    async def listen() -> dict[str, Any]:
        url = served.base.replace("http", "ws") + "/api/events/subscribe"
        socket = await websocket_connect(HTTPRequest(url, headers={"Authorization": f"token {served.token}"}))
        await IOLoop.current().run_in_executor(None, act)
        while True:
            message = await socket.read_message()
            assert message is not None
            event: dict[str, Any] = json.loads(message)
            if event["schema_id"].endswith("/events/changed/v1") and wanted(event):
                socket.close()
                return event

    seen: dict[str, Any] = IOLoop(make_current=False).run_sync(listen, timeout=60)
    return seen


def _post(served: Served, path: str, body: object) -> Any:
    request = urllib.request.Request(
        f"{served.url}/api/v1{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"token {served.token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def _until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except urllib.error.HTTPError as error:
            error.close()
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.05)

"""A workspace behind a server: the same calls, another place."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import closing
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import numpy as np
import pytest

from nbproof.core.errors import Conflict, Invalid, NotAuthenticated, NotFound, Unavailable
from nbproof.platform.location import Location
from nbproof.platform.remote import RemoteWorkspace
from nbproof.platform.workspace import Workspace
from nbproof.tracking.point_stream import PackedMetric, frames_of
from nbproof.tracking.points import CHUNK, Points, pack
from tests.support.served import Served


@pytest.fixture(scope="module")
def server(plain_user):
    served = Served(plain_user, plain_user.folder("served"))
    yield served
    served.close()


def test_a_script_records_on_the_server_and_nowhere_else(server, project, monkeypatch):
    monkeypatch.setenv("NBPROOF_URL", server.url)
    monkeypatch.setenv("NBPROOF_TOKEN", server.token)
    (project / "train.py").write_text(
        """
import nbproof as nbp
open("model.bin", "wb").write(b"x" * 1000)
with nbp.start_run("remote", experiment="far", params={"a": {"b": float("nan")}}, tags={"k": "v"}) as run:
    for loss in (3.0, 2.0, 1.0):
        nbp.log_metric("loss", loss)
    nbp.log_artifact("model.bin")
    with nbp.start_run("child", nested=True):
        nbp.log_metric("x", 1)
found = nbp.get_run("remote")
print(found.status, found.metrics, [a.name for a in found.artifacts], found.params)
print(run.metric_history("loss").value.tolist(), nbp.search_runs("metrics.loss < 2").name.tolist())
with nbp.start_run(resume="remote"):
    nbp.log_metric("loss", 0.5)
print(nbp.get_run("remote").metric_history("loss").step.tolist(), nbp.get_run("child").parent_id == run.id)
"""
    )
    done = subprocess.run([sys.executable, "train.py"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "finished {'loss': 1.0} ['model.bin'] {'a.b': 'NaN'}",
        "[3.0, 2.0, 1.0] ['remote']",
        "[0, 1, 2, 3] True",
    ]
    assert sorted(path.name for path in project.iterdir()) == ["model.bin", "train.py"]
    found = server.get("/runs/remote")
    assert found["source"].endswith("train.py")


def test_artifacts_of_every_kind_are_sent_and_read_back(server, project, monkeypatch):
    monkeypatch.setenv("NBPROOF_URL", server.url)
    monkeypatch.setenv("NBPROOF_TOKEN", server.token)
    (project / "train.py").write_text(
        """
import pathlib, nbproof as nbp
pathlib.Path("data").mkdir()
for name in ("a", "b"):
    pathlib.Path("data", name).write_text(name)
with nbp.start_run("kinds", experiment="far") as run:
    nbp.log_artifact("data")
    nbp.log_text("one", "notes.md")
    nbp.log_text("two", "notes.md", step=2)
    nbp.log_table([{"x": 1}, {"x": 2}], "t")
    nbp.log_histogram([1.0, 2.0, 2.0], "h", bins=2)
    nbp.log_artifact("data/a", "here", reference=True)
found = nbp.get_run("kinds").artifacts
print([each.name for each in found], found["notes.md"].step)
notes = [found[name].read_text() for name in ("notes.md@v1", "notes.md")]
print(*notes, found["t.jsonl"].to_pandas().x.tolist())
print(found["h.json"].preview().histograms[0].counts, found["here"].check(), found["t.jsonl"].preview().rows)
print(nbp.list_artifacts("kinds", folder="data").items[1].read_text())
copied = nbp.download_artifact("kinds", "data", "copies")
print(sorted(each.read_text() for each in copied.iterdir()))
nbp.delete_artifact("kinds", "notes.md@v2")
print(nbp.get_run("kinds").artifacts["notes.md"].read_text(), found["data/a"].download("got").read_text())
"""
    )
    done = subprocess.run([sys.executable, "train.py"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "['data/a', 'data/b', 'h.json', 'here', 'notes.md', 't.jsonl'] 2",
        "one two [1, 2]",
        "[1.0, 2.0] unchanged [[1], [2]]",
        "b",
        "['a', 'b']",
        "one a",
    ]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def far(request, plain_user) -> Iterator[tuple[RemoteWorkspace, str]]:
    """A workspace, and what opens it, behind a server that keeps its records in either database."""
    root = plain_user.folder(f"far-{request.param}")
    if request.param == "postgresql":
        database = request.getfixturevalue("postgres_server").create_database()
        (root / ".nbproof").mkdir()
        settings = f'format = 1\ndatabase = "{database}"\n'
        (root / ".nbproof" / "nbproof.toml").write_text(settings)
    served = Served(plain_user, root)
    environ = {"XDG_DATA_HOME": str(plain_user.folder("queues")), "NBPROOF_CAPTURE_GIT": "0"}
    workspace = RemoteWorkspace(served.url, token=served.token, environ=environ)
    yield workspace, served.token
    workspace.close()
    served.close()


def test_whole_histories_are_read_from_afar_as_they_were_logged(far, monkeypatch):
    far, token = far
    monkeypatch.setenv("NBPROOF_TOKEN", token)  # of the process that sends
    odd = [(2**63 - 1, 0, math.inf), (-(2**63), -1, -math.inf), (5, 1, math.nan), (5, 1, -0.0)]
    count = 3 * CHUNK + 50
    with far.tracker.start_run("whole", experiment="far") as live:
        live.log_history("loss", np.arange(float(count)), steps=np.arange(count) * 2)
        for step, time_us, value in odd:
            live.log_metric("odd", value, step, time=time_us / 1e6)
        for number in range(300):
            live.log_metric(f"layer {number} of the network/grädient norm", number)
    run = far.tracker.get_run("whole")

    loss, strange = run.metric_arrays("loss"), run.metric_arrays("odd")
    assert loss.value.tolist() == list(range(count)) and loss.step.tolist() == list(range(0, 2 * count, 2))
    columns = (strange.step, strange.time.view("int64"), strange.value)
    assert repr(list(zip(*(column.tolist() for column in columns), strict=True))) == repr(odd)
    assert len(run.metric_history("loss")) == run.metric_table("loss").num_rows == count
    everything = far.tracker.metric_histories("whole")
    assert everything.groupby("metric").size().to_dict() == {"loss": count, "odd": 4} | {
        f"layer {number} of the network/grädient norm": 1 for number in range(300)
    }
    names = [f"layer {number} of the network/grädient norm" for number in range(299, -1, -1)]
    named = far.tracker.metric_histories(["whole"], [*names, "none"])
    assert named.metric.tolist() == names and named.value.tolist() == list(range(299, -1, -1))
    with pytest.raises(NotFound, match="did you mean 'loss'"):
        run.metric_arrays("lost")


class Answering:
    """A server that gives one answer to whatever it is asked."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.send_response(status)
                for name, value in {**headers, "Connection": "close"}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.workspace = RemoteWorkspace(f"http://127.0.0.1:{self._server.server_port}")

    def __enter__(self) -> RemoteWorkspace:
        self._thread.start()
        return self.workspace

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0], ids=["nothing", "half", "all but the end of HTTP"])
def test_a_connection_that_is_cut_while_a_history_arrives_is_an_error(share):
    points = Points(np.arange(1000), np.arange(1000), np.random.default_rng(0).normal(size=1000))
    whole = b"".join(frames_of([PackedMetric("loss", 1000, iter([pack(points)]))]))
    part = whole[: int(share * len(whole))]
    with (
        Answering(200, chunked(part) if part else b"", {"Transfer-Encoding": "chunked"}) as workspace,
        pytest.raises(Unavailable, match="was cut off"),
    ):
        workspace.tracker._records().metric_columns("r", "loss")
    # A proxy may have taken off what HTTP says of the end.
    with Answering(200, part, {}) as workspace:
        records = workspace.tracker._records()
        if share == 1.0:
            assert len(records.metric_columns("r", "loss")[0]) == 1000
        else:
            with pytest.raises(Unavailable, match="cut off"):
                records.metric_columns("r", "loss")


def test_a_folder_is_fetched_from_afar_in_one_piece_without_references(server, project, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(project / "data"))
    monkeypatch.setenv("NBPROOF_TOKEN", server.token)  # of the process that sends
    workspace = RemoteWorkspace(server.url, token=server.token)
    (project / "referred.bin").write_bytes(b"elsewhere")
    with workspace.tracker.start_run("folders", experiment="far") as run:
        for name in ("out/plots/a.bin", "out/plots/deep/ü 1.bin", "out/b.bin"):
            run.log_artifact(name.encode() * 1000, name)
        run.log_artifact(project / "referred.bin", "out/plots/referred.bin", reference=True)
        run.log_artifact(project / "referred.bin", "only/referred.bin", reference=True)
    workspace.catch_up()
    asked = []
    sent = workspace.connection.sent

    def noted(method: str, path: str, **more: Any) -> Any:
        asked.append(path.partition("?")[0].split("/")[3:])
        return sent(method, path, **more)

    monkeypatch.setattr(workspace.connection, "sent", noted)

    made = workspace.tracker.download_artifact("folders", "out/plots/", project / "copies")

    assert [path for path in asked if path] == [["folders", "out%2Fplots%2F"]]
    found = {str(path.relative_to(made)): path.read_bytes() for path in made.rglob("*") if path.is_file()}
    assert (made, found) == (
        project / "copies" / "plots",
        {"a.bin": b"out/plots/a.bin" * 1000, "deep/ü 1.bin": "out/plots/deep/ü 1.bin".encode() * 1000},
    )
    with pytest.raises(Conflict, match="references only"):
        workspace.tracker.download_artifact("folders", "only/", project / "copies")
    with pytest.raises(NotFound, match="out/plots"):
        workspace.tracker.download_artifact("folders", "out/plot/", project / "copies")
    workspace.close()
    command = [sys.executable, "-m", "nbproof", "runs", "get-artifact", "folders", "out/plots"]
    environ = {**os.environ, "NBPROOF_URL": server.url, "NBPROOF_TOKEN": server.token}
    done = subprocess.run([*command, "--output", "again"], env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "again/plots"), done.stderr
    assert (project / "again" / "plots" / "a.bin").read_bytes() == found["a.bin"]


def test_a_connection_that_is_cut_while_a_folder_arrives_leaves_nothing(project):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("plots/a.bin", bytes(100_000))
    half = file.getvalue()[:50_000]
    for body, headers in ((chunked(half), {"Transfer-Encoding": "chunked"}), (half, {})):
        with Answering(200, body, headers) as workspace, pytest.raises(Unavailable, match="cut off"):
            workspace.tracker._copy_folder("r", "plots", project / "copies")
        assert not [path for path in project.rglob("*") if path.name != ".nbproof"]


def test_a_server_that_sends_no_histories_is_told_as_an_older_one():
    said = b'{"error": {"code": "not-found", "message": "there is nothing", "hint": null, "details": {}}}'
    with (
        Answering(404, said, {}) as workspace,
        pytest.raises(Unavailable, match="does not send whole histories") as told,
    ):
        workspace.tracker._records().metric_columns("r", "loss")
    assert "older nbproof" in (told.value.hint or "")


def test_a_wrong_token_is_told_as_such(server):
    with pytest.raises(NotAuthenticated, match="does not take the token of NBPROOF_TOKEN") as refused:
        RemoteWorkspace(server.url, token="wrong").ask("experiments.list")
    assert "set NBPROOF_TOKEN" in (refused.value.hint or "")
    with pytest.raises(NotAuthenticated, match="wants a token"):
        RemoteWorkspace(server.url, token=None).ask("experiments.list")


def test_a_server_that_is_away_is_unavailable_and_says_what_to_mend():
    with pytest.raises(Unavailable, match="NBPROOF_URL"):
        RemoteWorkspace("http://127.0.0.1:9", token="x").ask("experiments.list")


def test_a_server_is_asked_all_that_a_repository_is_asked():
    from nbproof.platform.remote import _Records
    from nbproof.tracking.repository import RunRepository

    def asked(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    of_a_server = {"active_since", "artifacts_kept", "cancelled_of", "trash"}
    of_a_server |= {"artifacts_of", "params_in_time"}  # exports and imports are made there
    of_a_server |= {"packed_metrics"}  # what it sends
    assert asked(RunRepository) - asked(_Records) <= of_a_server


def test_no_message_repeats_the_password_of_an_address():
    workspace = RemoteWorkspace("http://ann:q7Rk2mX9@127.0.0.1:9/")
    with pytest.raises(Unavailable) as away:
        workspace.ask("runs.get", id="x")
    with pytest.raises(Invalid) as refused:
        RemoteWorkspace("postgresql://ann:q7Rk2mX9@host")
    for said in (str(away.value), str(refused.value), repr(workspace)):
        assert "q7Rk2mX9" not in said


def test_an_address_without_http_is_refused():
    with pytest.raises(Invalid, match="http://"):
        RemoteWorkspace("ftp://x")


@pytest.mark.parametrize("url", ["http://h/nbproof", "http://h/nbproof/", "http://h/nbproof/api/v1"])
def test_the_base_of_the_api_may_be_left_out(url):
    assert RemoteWorkspace(url).url == "http://h/nbproof/api/v1"


def test_the_token_does_not_follow_a_redirect():
    seen = []
    port = 0

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, self.headers.get("Authorization")))
            moved = self.path.startswith("/here")
            self.send_response(307 if moved else 404)
            if moved:
                self.send_header("Location", f"http://localhost:{port}/there")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        port = server.server_port
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            with pytest.raises(NotFound):
                RemoteWorkspace(f"http://127.0.0.1:{port}/here", token="hush").ask("experiments.list")
        finally:
            server.shutdown()
            thread.join()
    assert [told for _, told in seen] == ["token hush", None]


def test_a_backup_of_the_server_is_fetched_whole_or_in_parts_and_restored(server, project, monkeypatch):
    monkeypatch.setenv("NBPROOF_URL", server.url)
    monkeypatch.setenv("NBPROOF_TOKEN", server.token)
    script = """
import nbproof as nbp
with nbp.start_run("kept afar", experiment="backups") as run:
    nbp.log_metric("loss", 0.5)
    nbp.log_artifact(b"weights" * 1000, "model.bin")
report = nbp.backup("copy.zip")
print(report.path.endswith("copy.zip"), report.database)
try:
    nbp.backup("copy.zip")
except nbp.Conflict as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told, refused = done.stdout.splitlines()
    assert told == "True sqlite" and "copy.zip" in refused
    monkeypatch.delenv("NBPROOF_URL")
    restored = [sys.executable, "-m", "nbproof", "restore", "copy.zip", "restored"]
    subprocess.run(restored, cwd=project, check=True, capture_output=True)
    with closing(Workspace(Location(project / "restored", False, "a test"), say=lambda line: None)) as opened:
        run = opened.tracker.get_run("kept afar")
        assert run.metrics == {"loss": 0.5} and run.artifacts["model.bin"].read_bytes() == b"weights" * 1000

    # Over REST: whoever was cut off goes on where it was.
    def ask(path: str, method: str = "GET", **headers: str) -> tuple[int, Message, bytes]:
        request = urllib.request.Request(
            f"{server.url}/api/v1{path}",
            method=method,
            data=b"{}" if method == "POST" else None,
            headers={"Authorization": f"token {server.token}", "Content-Type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    job = json.loads(ask("/backups", "POST")[2])["id"]
    deadline = time.monotonic() + 60
    while json.loads(ask(f"/jobs/{job}")[2])["status"] not in ("done", "failed"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    status, headers, whole = ask(f"/backups/{job}")
    assert status == 200 and headers["Accept-Ranges"] == "bytes"
    assert zipfile.ZipFile(io.BytesIO(whole)).testzip() is None
    tag = {"If-Range": headers["ETag"]}
    first, rest = (
        ask(f"/backups/{job}", Range="bytes=0-99"),
        ask(f"/backups/{job}", Range="bytes=100-", **tag),
    )
    assert (first[0], rest[0]) == (206, 206) and first[2] + rest[2] == whole
    assert rest[1]["Content-Range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    assert ask(f"/backups/{job}", Range="bytes=-7")[2] == whole[-7:]
    other = ask(f"/backups/{job}", Range="bytes=100-", **{"If-Range": '"of another backup"'})
    assert (other[0], other[2]) == (200, whole)
    assert ask(f"/backups/{job}", Range=f"bytes={len(whole)}-")[0] == 416

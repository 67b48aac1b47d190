"""A workspace behind a server: the same calls, another place."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from nbproof.core.errors import Invalid, NotAuthenticated, NotFound, Unavailable
from nbproof.platform.remote import RemoteWorkspace
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


def test_a_wrong_token_is_told_as_such(server):
    with pytest.raises(NotAuthenticated):
        RemoteWorkspace(server.url, token="wrong").ask("experiments.list")


def test_a_server_that_is_away_is_unavailable_and_says_what_to_mend():
    with pytest.raises(Unavailable, match="NBPROOF_URL"):
        RemoteWorkspace("http://127.0.0.1:9", token="x").ask("experiments.list")


def test_a_server_is_asked_all_that_a_repository_is_asked():
    from nbproof.platform.remote import _Records
    from nbproof.tracking.repository import RunRepository

    def asked(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert asked(RunRepository) - asked(_Records) <= {"active_since"}  # for a server's own use


def test_an_address_without_http_is_refused():
    with pytest.raises(Invalid, match="http://"):
        RemoteWorkspace("ftp://x")


@pytest.mark.parametrize("url", ["http://h/nbproof", "http://h/nbproof/", "http://h/nbproof/api/v1"])
def test_the_base_of_the_api_may_be_left_out(url):
    assert RemoteWorkspace(url).url == "http://h/nbproof/api/v1"


def test_the_token_does_not_follow_a_redirect():
    from http.server import BaseHTTPRequestHandler, HTTPServer

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

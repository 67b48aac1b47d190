"""Recording into a server: through the journal, in order and once, whatever the network does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbproof.core.errors import Invalid, NotAuthenticated, Unavailable
from nbproof.core.operation import validated
from nbproof.platform.connection import TooLarge
from nbproof.platform.location import Location
from nbproof.platform.queue import Queue, all_queues
from nbproof.platform.remote import RemoteWorkspace
from nbproof.platform.rooms import find_operation
from nbproof.platform.sender import Sender
from nbproof.platform.workspace import Workspace
from nbproof.storage import background
from nbproof.storage.journal.reader import writer_ids
from nbproof.tracking.active import RecordingWaits
from tests.support.gate import Gate
from tests.support.plain_user import stop
from tests.support.served import Served

_SECONDS = 60.0


@pytest.fixture(scope="module")
def server(plain_user) -> Iterator[Served]:
    served = Served(plain_user, plain_user.folder("served"))
    yield served
    served.close()


@pytest.fixture
def gate(server) -> Iterator[Gate]:
    gate = Gate(int(server.base.rpartition(":")[2]))
    yield gate
    gate.close()


@pytest.fixture
def url(server, gate, request) -> str:
    """The way through the gate to a workspace of its own on the server."""
    folder = server.root / f"w{abs(hash(request.node.name))}"
    folder.mkdir()
    server.user.own(folder)
    found = server.get(f"/workspaces/resolve?path={folder.name}")
    return f"{gate.url}/nbproof?workspace={found['id']}"


@pytest.fixture(autouse=True)
def queues(tmp_path: Path, monkeypatch) -> Iterator[Path]:
    """Queues of this test alone; whoever still sends from them is ended."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    yield tmp_path / "data" / "nbproof" / "queues"
    for queue in all_queues({"XDG_DATA_HOME": str(tmp_path / "data")}):
        if process := queue.sender():
            os.kill(process.pid, signal.SIGKILL)


@pytest.fixture
def alone(monkeypatch) -> None:
    """No process is started in the background: the test says when something is sent."""
    monkeypatch.setattr(background, "_start", lambda *_: None)


def remote(url: str, server: Served) -> RemoteWorkspace:
    return RemoteWorkspace(url, token=server.token)


def until(condition) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def history(server: Served, url: str, run: str, key: str) -> list[float]:
    direct = RemoteWorkspace(f"{server.url}?{url.partition('?')[2]}", token=server.token)
    found = direct.ask("runs.metric_history", id=run, name=key)
    return [point.value for point in found.items]


# -- a cell does not wait ------------------------------------------------------------------------------------


def test_what_is_recorded_while_the_server_is_away_arrives_when_it_is_back(server, url, gate, alone, project):
    (project / "model.bin").write_bytes(os.urandom(100_000))
    workspace = remote(url, server)
    with gate.being("closed"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with workspace.tracker.start_run("far", experiment="e", params={"nan": float("nan"), "n": 2**60}):
                for step in range(1000):
                    workspace.tracker.log_metric("loss", float(step))
                workspace.tracker.set_tag("stage", "draft")
                workspace.tracker.log_artifact(project / "model.bin")
        with pytest.raises(Unavailable, match="does not answer"):
            workspace.tracker.get_run("far")

    run = workspace.tracker.get_run("far")

    assert run.status == "finished" and run.tags == {"stage": "draft"}
    # Types survive the way, also where JSON has no word for them.
    assert len(workspace.tracker.find_runs("params.n = 1152921504606846976 and params.nan = nan").items) == 1
    assert [artifact.size_bytes for artifact in run.artifacts] == [100_000]
    assert history(server, url, run.id, "loss") == [float(step) for step in range(1000)]
    assert server.get(f"/runs/{run.id}?{url.partition('?')[2]}")["artifacts"][0]["name"] == "model.bin"
    workspace.close()
    assert writer_ids(workspace.queue.journal) == []


def test_a_command_that_reads_sends_first_what_another_process_left(server, url, gate, alone, capsys):
    before = remote(url, server)
    with gate.being("closed"):
        with before.tracker.start_run("left behind", experiment="e") as run:
            before.tracker.log_metric("loss", 0.5)
        before.close()
    assert "records wait" in capsys.readouterr().err

    operation = find_operation("runs.get")
    read = remote(url, server).call(operation, validated(operation.ask, {"id": run.id}))

    assert (read.status, read.metrics) == ("finished", {"loss": 0.5})


@pytest.mark.parametrize("way", ["no answers", "half requests", "errors"])
def test_nothing_arrives_twice_or_is_missed_when_the_network_fails_in_the_middle(
    server, url, gate, alone, way
):
    workspace = remote(url, server)
    run = workspace.tracker.start_run("shaky", experiment="e")
    for number in range(5):
        with gate.being(way):
            for value in range(100):
                run.log_metric("x", float(100 * number + value))
            with pytest.raises(Unavailable):
                workspace.catch_up()
        if number % 2:
            workspace.catch_up()
    workspace.close()

    assert history(server, url, run.id, "x") == [float(value) for value in range(500)]


def test_two_who_send_at_once_send_everything_once(server, url, gate, alone):
    workspace = remote(url, server)
    with gate.being("closed"):
        run = workspace.tracker.start_run("both", experiment="e")
        for value in range(20_000):
            run.log_metric("x", float(value))
        run.end()
    words = [sys.executable, "-m", "nbproof.platform.sender", str(workspace.queue.folder)]
    other = subprocess.Popen(words, env={**os.environ, "NBPROOF_TOKEN": server.token})
    try:
        workspace.catch_up()
        workspace.close()
        until(lambda: not writer_ids(workspace.queue.journal))
        assert other.wait(_SECONDS) == 0  # nobody writes any more: it ends by itself
    finally:
        other.kill()
        other.wait()
    assert history(server, url, run.id, "x") == [float(value) for value in range(20_000)]


# -- in the background ---------------------------------------------------------------------------------------


def test_a_process_in_the_background_sends_what_a_killed_one_recorded(
    server, url, gate, project, monkeypatch
):
    program = """
import os, signal
import nbproof as nbp
run = nbp.start_run("killed", experiment="e")
for value in range(3000):
    run.log_metric("x", float(value))
print(run.id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    gate.way = "closed"
    environ = {**os.environ, "NBPROOF_URL": url, "NBPROOF_TOKEN": server.token}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, env=environ, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    identifier = done.stdout.strip()
    workspace = remote(url, server)
    assert workspace.queue.waiting() >= 3000
    until(lambda: workspace.queue.sender() is not None)
    until(lambda: "does not answer" in (workspace.queue.trouble() or ""))

    gate.way = "open"

    until(lambda: workspace.queue.waiting() == 0 and not writer_ids(workspace.queue.journal))
    found = server.get(f"/runs/{identifier}?{url.partition('?')[2]}")
    assert found["status"] == "interrupted"
    assert history(server, url, identifier, "x") == [float(value) for value in range(3000)]
    until(lambda: workspace.queue.sender() is None)  # it ends when there is nothing to wait for
    assert workspace.queue.trouble() is None


def test_a_server_that_is_killed_while_it_takes_and_started_again_has_everything_once(plain_user, alone):
    root = plain_user.folder("killed")
    server = Served(plain_user, root)
    gate = Gate(int(server.base.rpartition(":")[2]))
    try:
        workspace = RemoteWorkspace(f"{gate.url}/nbproof", token=server.token)
        workspace.sender._limit = 5000
        run = workspace.tracker.start_run("r", experiment="e")
        for value in range(20_000):
            run.log_metric("x", float(value))
        taken = []

        def kill(records: int) -> None:
            taken.append(records)
            if len(taken) == 2:
                stop(server.process, signal.SIGKILL)

        with pytest.raises(Unavailable):
            workspace.sender.run_once(told=kill)
        server = Served(plain_user, root)
        gate.target = int(server.base.rpartition(":")[2])
        workspace.catch_up()
        workspace.close()
        found = RemoteWorkspace(server.url, token=server.token).ask(
            "runs.metric_history", id=run.id, name="x"
        )
        assert [point.value for point in found.items] == [float(value) for value in range(20_000)]
    finally:
        gate.close()
        server.close()


def test_a_script_that_ends_waits_for_the_last_records(server, url, gate, alone, project):
    program = """
import nbproof as nbp
from nbproof.storage import background
background._start = lambda *_: None
nbp.log_metric("x", 1.0)
"""
    environ = {**os.environ, "NBPROOF_URL": url, "NBPROOF_TOKEN": server.token}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, env=environ, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert remote(url, server).ask("runs.search").items[0].metrics == {"x": 1.0}


def test_a_script_that_ends_without_the_server_says_what_waits_and_where(url, gate, alone, project, queues):
    gate.way = "closed"
    program = """
import nbproof as nbp
from nbproof.storage import background
background._start = lambda *_: None
nbp.log_metric("x", 1.0)
"""
    environ = {**os.environ, "NBPROOF_URL": url, "NBPROOF_TOKEN": "t"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "records wait in" in done.stderr and str(queues) in done.stderr
    assert "nbproof sync" in done.stderr


# -- people are told -----------------------------------------------------------------------------------------


def test_a_wrong_token_is_told_and_nothing_is_lost(server, url, alone):
    workspace = RemoteWorkspace(url, token="wrong")
    with workspace.tracker.start_run("locked out", experiment="e") as run:
        run.log_metric("x", 1.0)
    with pytest.raises(NotAuthenticated):
        workspace.catch_up()
    words = [sys.executable, "-m", "nbproof.platform.sender", str(workspace.queue.folder)]
    assert subprocess.run(words, env={**os.environ, "NBPROOF_TOKEN": "wrong"}).returncode == 1

    with pytest.warns(RecordingWaits, match="does not take the token"):
        workspace.tracker.start_run("again", experiment="e")
    workspace.tracker.close()

    good = remote(url, server)
    good.catch_up()
    assert history(server, url, run.id, "x") == [1.0]


def test_sync_sends_what_waits_and_says_how_much(server, url, gate, alone, project, monkeypatch, capsys):
    from nbproof.cli.main import main

    with gate.being("closed"):
        workspace = remote(url, server)
        with workspace.tracker.start_run("later", experiment="e") as run:
            run.log_metric("x", 1.0)
        workspace.close()
        capsys.readouterr()
        assert main(["sync"]) == 0
        assert f"records wait for {workspace.queue.address}" in capsys.readouterr().out
        monkeypatch.setenv("NBPROOF_TOKEN", server.token)
        assert main(["sync", "--url", url]) == 6
        assert "does not answer" in capsys.readouterr().err

    assert main(["sync", "--url", url, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sent"] >= 3 and told["waiting"] == 0
    assert main(["sync", "--url", url]) == 0
    assert "has everything already" in capsys.readouterr().out
    assert history(server, url, run.id, "x") == [1.0]


def test_sync_brings_the_runs_of_the_workspace_of_this_folder_along_once(
    server, url, alone, project, monkeypatch, capsys
):
    from nbproof.cli.main import main

    local = Workspace(Location(project, False, "a test"), say=lambda line: None)
    (project / "a.txt").write_text("kept")
    with local.tracker.start_run("local", experiment="e", params={"depth": 3}) as run:
        run.log_metric("x", 1.5)
        run.log_artifact(project / "a.txt")
        with local.tracker.start_run("child", nested=True):
            pass
    local.close()
    monkeypatch.setenv("NBPROOF_TOKEN", server.token)

    assert main(["sync", "--url", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 2
    found = remote(url, server).ask("runs.get", id="local")
    assert (found.id, found.params, found.metrics) == (run.id, {"depth": 3}, {"x": 1.5})
    assert [artifact.name for artifact in found.artifacts] == ["a.txt"]
    assert main(["sync", "--url", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 0


def test_the_queue_never_holds_the_token_and_is_for_its_user_alone(server, url, alone):
    workspace = remote(url, server)
    with workspace.tracker.start_run("r", experiment="e"):
        pass
    with pytest.raises(NotAuthenticated):
        RemoteWorkspace(url, token="another").catch_up()
    folder = workspace.queue.folder
    assert folder.stat().st_mode & 0o077 == 0
    for path in folder.rglob("*"):
        assert path.is_dir() or server.token.encode() not in path.read_bytes()


def test_what_the_server_will_never_take_is_put_aside_and_the_rest_arrives(server, url, alone):
    workspace = remote(url, server)
    with workspace.tracker.start_run("r", experiment="e") as run:
        run.log_metric("x", 1.0)
        # An artifact whose content somebody deleted from the queue.
        workspace.journal.event(
            "artifact", run=run.id, name="gone", size=1, media_type="text/plain", hash="0" * 64,
            location=f"objects/00/{'0' * 62}",
        )  # fmt: skip
        run.log_metric("x", 2.0)
    report = workspace.catch_up()
    assert report is not None and report.refused == 1
    assert list((workspace.queue.journal / "rejected").iterdir())
    assert history(server, url, run.id, "x") == [1.0, 2.0]
    workspace.close()


def test_what_is_put_aside_is_on_disk_before_the_server_passes_it(server, url, alone, monkeypatch):
    workspace = remote(url, server)
    run = workspace.tracker.start_run("r", experiment="e")
    workspace.catch_up()
    workspace.journal.event(
        "artifact", run=run.id, name="gone", size=1, media_type="text/plain", hash="0" * 64,
        location=f"objects/00/{'0' * 62}",
    )  # fmt: skip
    post = Sender._post

    def killed_after(sender, sent):
        post(sender, sent)
        raise Unavailable("killed")

    with monkeypatch.context() as patched:
        patched.setattr(Sender, "_post", killed_after)
        with pytest.raises(Unavailable, match="killed"):
            workspace.catch_up()
    run.log_metric("x", 1.0)
    workspace.catch_up()

    put_aside = [json.loads(path.read_text("utf-8")) for path in workspace.queue.journal.glob("rejected/*")]
    assert [each["record"]["name"] for each in put_aside] == ["gone"]
    assert history(server, url, run.id, "x") == [1.0]
    workspace.close()


def test_content_of_what_the_server_will_not_take_stays_on_this_machine(server, url, alone, monkeypatch):
    workspace = remote(url, server)
    run = workspace.tracker.start_run("r", experiment="e")
    run.log_artifact(b"weights", "a.bin")

    def too_large(sender, writer, digest):
        raise TooLarge("the server takes no body of that size")

    monkeypatch.setattr(Sender, "_found_content", too_large)
    report = workspace.catch_up()
    assert report is not None and report.refused
    # What was not committed to git may be there, too.
    queued = workspace.queue.content.glob("objects/*/*")
    content = next(path for path in queued if path.read_bytes() == b"weights")
    os.utime(content, (0, 0))
    workspace.sender._clear_content(workspace.sender._storage().holds.look())
    assert content.read_bytes() == b"weights"
    for put_aside in workspace.queue.journal.glob("rejected/*"):
        put_aside.unlink()
    workspace.sender._clear_content(workspace.sender._storage().holds.look())
    assert not content.exists()
    workspace.close()


def test_content_that_the_server_has_deleted_since_is_sent_again(server, url, alone):
    workspace = remote(url, server)
    run = workspace.tracker.start_run("r", experiment="e")
    run.log_artifact(b"weights", "a.bin")
    workspace.catch_up()
    workspace.tracker.delete_artifact("r", "a.bin")
    workspace.catch_up()
    assert workspace.ask("maintenance.gc", grace_hours=0).objects >= 1
    run.log_artifact(b"weights", "b.bin")
    assert workspace.tracker.get_run("r").artifacts["b.bin"].read_bytes() == b"weights"
    workspace.close()


def test_a_search_that_means_itself_is_refused_before_it_is_recorded(server, url, alone):
    workspace = remote(url, server)
    workspace.tracker.save_search("mine", 'tags.owner = "ann"')
    with pytest.raises(Invalid):
        workspace.tracker.save_search("mine", "@mine and metrics.auc > 0.9")
    assert [each.query for each in workspace.tracker.list_searches().items] == ['tags.owner = "ann"']
    workspace.close()


def test_a_request_to_stop_reaches_the_process_with_the_answers(server, url, alone):
    workspace = remote(url, server)
    run = workspace.tracker.start_run("long", experiment="e")
    assert not run.cancel_requested
    workspace.tracker.cancel_run("long")
    run.log_metric("x", 1.0)
    workspace.catch_up()
    assert run.cancel_requested
    run.end()
    assert workspace.tracker.get_run("long").status == "cancelled"
    workspace.close()


def test_what_is_done_to_runs_is_done_on_the_server(server, url, alone):
    workspace = remote(url, server)
    tracker = workspace.tracker
    with tracker.start_run("parent", experiment="e", params={"a": 1}):
        tracker.log_param("a", 2)
        with tracker.start_run("child", experiment="e", nested=True):
            tracker.log_metric("x", 1.0)
    assert tracker.children("parent", metric=["x"]).metrics[0].mean == 1.0
    assert tracker.get_run("parent").param_history("a")["value"].tolist() == [1, 2]
    assert tracker.delete_runs(["parent"]).count == 2
    assert tracker.find_runs("").items == []
    assert tracker.restore_run("parent").deleted is None
    assert tracker.delete_experiment("e").deleted is not None
    assert tracker.restore_experiment("e").deleted is None
    tracker.delete_run("child")
    assert tracker.purge_runs(["child"], yes=True).runs == 1
    workspace.close()


def test_a_forked_child_sends_its_own_records(server, url, alone, project):
    program = """
import os
import nbproof as nbp
from nbproof.storage import background
background._start = lambda *_: None
run = nbp.start_run("parent", experiment="e")
run.log_metric("x", 1.0)
pid = os.fork()
run.log_metric("child" if pid == 0 else "parent", 2.0)
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
print(nbp.get_run("parent").metrics)
"""
    environ = {**os.environ, "NBPROOF_URL": url, "NBPROOF_TOKEN": server.token}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, env=environ, capture_output=True, text=True
    )
    assert done.stdout == "{'child': 2.0, 'parent': 2.0, 'x': 1.0}\n", done.stderr


def test_one_queue_belongs_to_one_workspace_of_one_server():
    from nbproof.platform.connection import Connection

    environ = {"XDG_DATA_HOME": "/d"}
    places = {
        Queue.of(Connection(url), environ).folder
        for url in (
            "http://h/nbproof",
            "http://h/nbproof/",
            "http://h/nbproof?workspace=a",
            "https://h/nbproof",
        )
    }
    assert len(places) == 3

"""Several processes that write one run, real ones."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nbproof.core.errors import Conflict, NotFound, Unavailable
from nbproof.core.ids import new_id
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace, use

WORKER = """
import nbproof as nbp, os, sys
rank = int(os.environ.get("RANK", "0"))
if "--start" in sys.argv:
    nbp.start_run("train", experiment="e", params={"lr": 0.1})
for step in range(50):
    nbp.log_metric("loss", rank + step / 100)
    nbp.log_metric(f"loss/rank{rank}", step)
nbp.log_param(f"host{rank}", rank)
if "--wait" in sys.argv:
    print("logged", flush=True)
    sys.stdin.readline()
if "--fail" in sys.argv:
    raise RuntimeError("this worker failed")
"""


@pytest.fixture
def workspace(project, monkeypatch):
    monkeypatch.setenv("NBPROOF_CAPTURE_GIT", "0")
    opened = Workspace(Location(project, False, "a test"), say=lambda line: None)
    before = use(opened)
    yield opened
    use(before)
    opened.close()


@pytest.fixture
def tracker(workspace):
    return workspace.tracker


@pytest.fixture
def start(workspace):
    """Starts a worker with a run to join and a rank."""
    workers = []

    def start_one(run_id, *words, rank=None, script=WORKER):
        environ = {**os.environ, "NBPROOF_RUN_ID": run_id}
        if rank is not None:
            environ["RANK"] = str(rank)
        worker = subprocess.Popen(
            [sys.executable, "-c", script, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
        )
        workers.append(worker)
        return worker

    yield start_one
    for worker in workers:
        worker.kill()
        worker.communicate()


def done(*workers):
    return [(worker.communicate(timeout=120), worker.returncode)[1] for worker in workers]


def test_ranks_write_one_run_with_steps_of_their_own_and_leave_it_to_its_owner(tracker, start):
    with tracker.start_run("parent", experiment="e") as parent:
        tracker.log_metric("loss", 1.0)
        assert done(*(start(parent.id, "--start", rank=rank) for rank in range(2))) == [0, 0]
        run = tracker.get_run("parent")
        assert (run.status, run.name, run.params["lr"], run.params["host1"]) == ("running", "parent", 0.1, 1)
        steps = run.metric_history("loss")["step"].tolist()
        assert sorted(steps) == sorted([0, *range(50), *range(50)])
    assert len(tracker.list_runs("e").items) == 1
    assert tracker.get_run("parent").status == "finished"


def test_one_after_the_other_counts_on(tracker, start):
    with tracker.start_run("parent") as parent:
        tracker.log_metric("loss", 1.0)
        assert done(start(parent.id)) == [0]
        assert parent.metric_history("loss")["step"].tolist() == list(range(51))


def test_an_id_of_ones_own_makes_one_run_of_workers_that_start_at_once(tracker, start):
    run_id = new_id()
    assert done(*(start(run_id, "--start", rank=rank) for rank in range(3))) == [0, 0, 0]
    run = tracker.get_run(run_id)
    assert (run.name, run.experiment, run.status) == ("train", "e", "finished")
    assert len(run.metric_history("loss")) == 150
    assert len(tracker.list_runs("e").items) == 1


def test_a_job_that_is_queued_again_goes_on_with_its_run(tracker, start):
    run_id = new_id()
    worker = start(run_id, "--wait")
    worker.stdout.readline()
    worker.kill()
    worker.wait()
    assert tracker.get_run(run_id).status == "interrupted"
    assert done(start(run_id)) == [0]
    run = tracker.get_run(run_id)
    assert run.status == "finished"
    assert run.metric_history("loss")["step"].tolist() == list(range(100))


def test_a_worker_that_fails_or_is_killed_leaves_the_run_as_it_is(tracker, start):
    with tracker.start_run("parent") as parent:
        failing, killed = start(parent.id, "--fail"), start(parent.id, "--wait")
        killed.stdout.readline()
        killed.kill()
        assert done(failing, killed) == [1, -9]
        run = tracker.get_run("parent")
        assert (run.status, len(run.metric_history("loss"))) == ("running", 100)


def test_a_run_of_no_process_is_joined_by_its_name_and_ended_by_hand(tracker, start):
    tracker.open_run("e", name="from a shell")
    assert done(start("from a shell")) == [0]
    run = tracker.get_run("from a shell")
    assert run.status == "running" and len(run.metric_history("loss")) == 50
    tracker.end_run(run_id=run.id)
    assert tracker.get_run(run.id).status == "finished"


def test_a_name_that_no_run_has_is_refused(tracker, workspace):
    workspace.make()
    tracker._environ = {"NBPROOF_RUN_ID": "nobody"}
    with pytest.raises(NotFound, match="NBPROOF_RUN_ID is 'nobody'"):
        tracker.log_metric("loss", 1.0)


def test_a_process_that_has_left_a_run_says_so(tracker):
    run_id = tracker.open_run("e", name="r").id
    tracker._environ = {"NBPROOF_RUN_ID": run_id}
    run = tracker.start_run("other name")
    assert (run.id, run.name, run.joined) == (run_id, "r", True)
    with tracker.start_run("child", nested=True) as child:
        assert child.parent_id == run_id and not child.joined
    tracker.end_run()
    assert (run.status, tracker.get_run("r").status) == ("left", "running")
    with pytest.raises(Conflict, match="this process has left run 'r'"):
        run.log_metric("loss", 1.0)


def test_records_that_are_away_keep_nobody_from_logging_into_the_run(tracker, monkeypatch):
    with tracker.start_run("owner", experiment="e") as owner:
        tracker._stack.clear()  # as another process
        tracker._live = None
        with monkeypatch.context() as away:

            def locked():
                raise Unavailable("the database is locked")

            away.setattr(tracker, "_catch_up", locked)
            tracker._environ = {"NBPROOF_RUN_ID": owner.id}
            tracker.log_metric("loss", 0.5)
            joined = tracker.live
            tracker.end_run()
        assert (joined.id, joined.joined) == (owner.id, True)
        assert tracker.get_run("owner").metrics == {"loss": 0.5}
        assert tracker.get_run("owner").status == "running"
        tracker._environ = {}
        tracker._stack.append(owner)


def test_a_run_in_the_trash_is_not_joined(tracker):
    with tracker.start_run("r") as run:
        pass
    tracker.delete_run("r")
    tracker._environ = {"NBPROOF_RUN_ID": run.id}
    with pytest.raises(Conflict, match="trash"):
        tracker.start_run()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_that_starts_or_ends_runs_does_not_end_its_parents(project, start):
    script = """
import nbproof as nbp, os
run = nbp.start_run("parent", experiment="e")
nbp.log_metric("loss", 1.0)
for number in range(3):
    pid = os.fork()
    if pid == 0:
        nbp.log_metric("loss", 2.0)
        if number == 1:
            nbp.end_run()
        if number == 2:
            with nbp.start_run("of the child", experiment="e"):
                nbp.log_metric("loss", 3.0)
        os._exit(0)
    os.waitpid(pid, 0)
nbp.log_metric("loss", 4.0)
print(nbp.get_run("parent").status, len(run.metric_history("loss")))
nbp.end_run()
print(nbp.get_run("parent").status, nbp.get_run("of the child").status)
"""
    environ = {key: value for key, value in os.environ.items() if key != "NBPROOF_RUN_ID"}
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environ, check=True
    )
    assert told.stdout.split("\n")[:2] == ["running 5", "finished finished"]


def test_an_end_is_not_lost_when_the_clock_goes_back(project, clock):
    workspace = Workspace(Location(project, False, "a test"), clock=clock, say=lambda line: None)
    tracker = workspace.tracker
    with tracker.start_run("r"):
        clock.advance(-3600)
    run = tracker.get_run("r")
    assert run.status == "finished" and run.ended is not None and run.ended >= run.started
    with tracker.start_run(resume="r"):
        clock.advance(-3600)
    assert tracker.get_run("r").status == "finished"
    workspace.close()


def test_what_was_told_last_shows_though_the_clock_went_back(project, clock):
    workspace = Workspace(Location(project, False, "a test"), clock=clock, say=lambda line: None)
    tracker = workspace.tracker
    with tracker.start_run("r", params={"lr": 1}, tags={"owner": "ann", "reviewed": "no"}) as run:
        clock.advance(-3600)
        run.log_param("lr", 2)
        run.set_tags({"owner": "bob", "reviewed": None})
        for content in (b"first", b"second"):
            run.log_artifact(content, "note.txt")
            clock.advance(-3600)
    tracker.set_tag("owner", "cid", run_id=run.id)
    found = tracker.get_run("r")
    assert found.params == {"lr": 2} and found.tags == {"owner": "cid"}
    assert found.artifacts["note.txt"].read_bytes() == b"second"
    assert found.param_history("lr")["value"].tolist() == [1, 2]
    workspace.close()

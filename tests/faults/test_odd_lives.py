"""What programs do to a run: fork, threads, tasks, exits, far too many names, a journal that is deleted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace


@pytest.fixture
def python(project):
    """Runs a program in the project; what it printed, its last line read as JSON."""

    def run(script):
        environ = {**os.environ, "NBPROOF_CAPTURE_GIT": "0"}
        told = subprocess.run(
            [sys.executable, "-W", "error::UserWarning", "-c", script],
            capture_output=True,
            text=True,
            env=environ,
            timeout=300,
        )
        assert told.returncode == 0, told.stderr
        return json.loads(told.stdout.strip().splitlines()[-1]) if told.stdout.strip() else None

    return run


@pytest.fixture
def workspace(project):
    opened = Workspace(Location(project, False, "a test"), say=lambda line: None)
    yield opened
    opened.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_workers_forked_by_a_pool_log_into_the_run_of_their_parent(python, workspace):
    python("""
import multiprocessing, nbproof as nbp

def work(number):
    nbp.log_metric("loss", number)
    nbp.log_param(f"seed.{number}", number)

with nbp.start_run("parent", experiment="e"):
    nbp.log_metric("loss", -1)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(work, range(20))
        pool.close()
        pool.join()
    nbp.log_metric("loss", 99)
""")
    run = workspace.tracker.get_run("parent")
    assert run.status == "finished" and len(run.params) == 20
    assert sorted(run.metric_history("loss")["value"]) == [-1, *range(20), 99]
    assert len(workspace.tracker.list_runs("e").items) == 1


@pytest.mark.newest
@pytest.mark.parametrize(
    ("backend", "joining"),
    [("loky", "the variable"), ("loky", "the id"), ("multiprocessing", "nothing"), ("threading", "nothing")],
)
def test_workers_of_joblib_log_into_the_run_of_their_parent(python, workspace, backend, joining):
    pytest.importorskip("joblib", reason="joblib is not installed")
    told = python(f"""
import json, os, uuid
if {joining == "the variable"}:
    os.environ["NBPROOF_RUN_ID"] = uuid.uuid4().hex
import joblib, nbproof as nbp

def work(number, run_id):
    where = {{"run_id": run_id}} if {joining == "the id"} else {{}}
    for step in range(5):
        nbp.log_metric(f"worker {{number % 5}}", number * 5 + step, **where)
    nbp.log_history("together", [number] * 20, **where)
    nbp.log_param(f"seed.{{number}}", number, **where)
    return os.getpid()

with nbp.start_run("parent", experiment="e") as run:
    nbp.log_metric("together", -1)
    pool = joblib.Parallel(n_jobs=2, backend={backend!r})
    pids = pool(joblib.delayed(work)(number, run.id) for number in range(10))
    nbp.log_metric("together", 99)
print(json.dumps([run.id, len(set(pids) - {{os.getpid()}})]))
""")
    assert (told[1] == 0) is (backend == "threading")
    (run,) = workspace.tracker.list_runs("e").items
    run = workspace.tracker.get_run(run.id)
    assert (run.id, run.status) == (told[0], "finished")
    assert run.params == {f"seed.{number}": number for number in range(10)}
    logged = [value for part in range(5) for value in run.metric_history(f"worker {part}")["value"]]
    assert sorted(logged) == list(range(50))
    together = [-1, *(number for number in range(10) for _ in range(20)), 99]
    assert sorted(run.metric_history("together")["value"]) == together


def test_tasks_and_threads_share_the_live_run(python, workspace):
    python("""
import asyncio, threading, nbproof as nbp

async def task(number):
    for step in range(50):
        nbp.log_metric(f"task {number}", step)
        await asyncio.sleep(0)

async def all_of_them():
    await asyncio.gather(*(task(number) for number in range(10)))

with nbp.start_run("r", experiment="e"):
    asyncio.run(all_of_them())
    log = lambda: [nbp.log_metric("threads", 1) for _ in range(50)]
    threads = [threading.Thread(target=log) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
""")
    counts = {each.name: each.count for each in workspace.tracker.list_metrics("r")}
    assert counts == {**{f"task {number}": 50 for number in range(10)}, "threads": 200}


@pytest.mark.parametrize("by_id", [False, True], ids=["the live run", "a run of nobody, by its id"])
def test_threads_that_log_one_metric_at_once_never_count_the_same_step(workspace, by_id):
    tracker = workspace.tracker
    run = tracker.open_run("e") if by_id else tracker.start_run("r", experiment="e")
    where = {"run_id": run.id} if by_id else {}
    rounds, wrong = 15, []
    all_there = threading.Barrier(3)

    def log(write):
        try:
            for _ in range(rounds):
                all_there.wait(60)
                write()
        except Exception as error:
            all_there.abort()
            wrong.append(error)

    writes = (
        lambda: tracker.log_history("loss", np.zeros(1000), **where),
        lambda: tracker.log_history("loss", [0.0] * 100, **where),
        lambda: [tracker.log_metric("loss", 0.0, **where) for _ in range(3 if by_id else 100)],
    )
    threads = [threading.Thread(target=log, args=(write,)) for write in writes]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)

    assert wrong == []
    steps = tracker.get_run(run.id).metric_arrays("loss").step.tolist()
    assert len(steps) == rounds * (1000 + 100 + (3 if by_id else 100))
    assert sorted(steps) == list(range(len(steps)))


def test_what_is_logged_while_the_interpreter_exits_is_kept(python, workspace):
    python("""
import atexit, threading
def late(): nbp.log_metric("late", 1)
atexit.register(late)        # runs after nbproof has ended its run: that is another run
import nbproof as nbp
nbp.start_run("r", experiment="e")
atexit.register(lambda: nbp.log_metric("in time", 1))
""")
    runs = workspace.tracker.find_runs("").items
    assert {name for run in runs for name in run.metrics} == {"late", "in time"}
    assert workspace.tracker.get_run("r").status == "finished"
    assert workspace.tracker.get_run("r").metrics == {"in time": 1.0}


def test_a_journal_deleted_in_the_middle_of_a_run_loses_nothing(workspace):
    import shutil

    tracker = workspace.tracker
    with tracker.start_run("r", params={"depth": 3}) as run:
        for step in range(600):
            run.log_metric("loss", step)
        shutil.rmtree(workspace.folder / "journal")
        run.set_tag("after", "yes")
        for step in range(600, 1200):
            run.log_metric("loss", step)
        with tracker.start_run("child", nested=True, group="g"):
            pass
    read = tracker.get_run("r")
    assert (read.status, read.params, read.tags) == ("finished", {"depth": 3}, {"after": "yes"})
    assert read.metric_history("loss")["value"].tolist() == list(range(1200))
    assert read.children == {"finished": 1}


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_a_run_with_far_too_many_names_of_metrics_keeps_them_all(workspace, count):
    tracker = workspace.tracker
    with tracker.start_run("r") as run:
        for start in range(0, count, 10_000):
            run.log_metrics({f"unit {number}": number for number in range(start, start + 10_000)})
        assert len(tracker.list_metrics("r")) == count
        run.log_metric("unit 9999", 0.5)
    assert tracker.metric_history("r", "unit 9999").count == 2
    assert tracker.get_run("r").metrics["unit 4321"] == 4321.0

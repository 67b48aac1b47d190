"""Runs and experiments that are thrown away, brought back and purged; runs that are asked to stop."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

import nbproof as nbp
from nbproof.core.errors import Conflict, Invalid, NotFound
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace, use


@pytest.fixture
def workspace(project, clock):
    opened = Workspace(Location(project, False, "a test"), clock=clock, say=lambda line: None)
    before = use(opened)
    yield opened
    use(before)
    opened.close()


@pytest.fixture
def tracker(workspace):
    return workspace.tracker


def ended(tracker, name, **values):
    with tracker.start_run(name, experiment="e", **values) as run:
        tracker.log_metric("auc", 0.9)
    return run.id


# -- the trash ----------------------------------------------------------------------------------------


def test_a_run_in_the_trash_is_left_out_everywhere_and_still_called_by_name(tracker):
    ended(tracker, "kept")
    ended(tracker, "gone")
    tracker.delete_run("gone")
    assert tracker.get_run("@last").name == "kept" == tracker.get_run("@best:auc").name
    assert [run.name for run in tracker.list_runs("e").items] == ["kept"]
    assert tracker.search_runs()["name"].tolist() == ["kept"]
    assert tracker.search_runs("deleted > -1d")["name"].tolist() == ["gone"]
    assert tracker.get_experiment("e").run_count == 1
    assert tracker.get_run("gone").deleted is not None


def test_a_name_means_the_run_that_is_not_in_the_trash(tracker):
    first = ended(tracker, "same")
    tracker.delete_run("same")
    second = ended(tracker, "same")
    assert tracker.get_run("same").id == second
    assert tracker.restore_run(first).deleted is None
    with pytest.raises(Conflict, match="2 runs"):
        tracker.get_run("same")


def test_a_live_run_is_not_thrown_away_nor_one_with_a_live_run_in_it(tracker):
    with tracker.start_run("parent"):
        tracker.start_run("child", nested=True)
        with pytest.raises(Conflict, match=r"'child' .* is running") as caught:
            tracker.delete_run("child")
        tracker.end_run()
    assert "runs end" in str(caught.value)
    parent = tracker.start_run(resume="parent")
    with pytest.raises(Conflict, match="'parent'"):
        tracker.delete_runs(["child", "parent"])
    assert tracker.get_run("child").deleted is None
    parent.end()


def test_what_went_along_comes_back_along_and_nothing_else(tracker, clock):
    with tracker.start_run("parent"):
        for name in ("one", "two"):
            with tracker.start_run(name, nested=True), tracker.start_run(f"{name} deep", nested=True):
                pass
    tracker.delete_run("one deep")
    clock.advance(10)
    assert tracker.delete_runs(["parent"]).count == 4
    clock.advance(10)
    assert tracker.restore_runs(["parent"]).count == 4
    assert tracker.get_run("one deep").deleted is not None
    assert tracker.get_run("two deep").deleted is None


def test_a_clock_that_went_back_keeps_nobody_from_restoring(tracker, clock):
    ended(tracker, "r")
    tracker.delete_run("r")
    clock.advance(-3600)
    assert tracker.restore_run("r").deleted is None


def test_what_is_written_to_a_run_in_the_trash_is_kept(tracker, workspace):
    ended(tracker, "r")
    identifier = tracker.delete_run("r").id
    workspace.journal.event("params", run=identifier, values={"late": 1})
    workspace.journal.series(identifier, "auc", 0).log(0.5)
    run = tracker.restore_run("r")
    assert run.params == {"late": 1} and run.metric_history("auc")["value"].tolist() == [0.9, 0.5]


def test_a_run_in_the_trash_is_not_gone_on_with(tracker):
    ended(tracker, "r")
    tracker.delete_run("r")
    for go_on in (lambda: tracker.start_run(resume="r"), lambda: tracker.reopen_run("r")):
        with pytest.raises(Conflict, match="trash"):
            go_on()


def test_what_is_still_written_to_a_purged_run_is_put_aside_and_makes_no_new_run(tracker, workspace):
    identifier = ended(tracker, "r")
    ended(tracker, "other")
    tracker.delete_run("r")
    assert tracker.purge_runs(["r"], yes=True).points == 1
    workspace.journal.event("params", run=identifier, values={"late": 1})
    series = workspace.journal.series(identifier, "auc", 0)
    series.log(0.5)
    with pytest.raises(NotFound):
        tracker.get_run(identifier)
    assert tracker.search_runs("", limit=10)["name"].tolist() == ["other"]
    assert workspace.catch_up() is not None
    files = (workspace.folder / "journal" / "rejected").iterdir()
    aside = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    assert {each["reason"] for each in aside} == {"the run was purged"}
    # Where the machine is busy, what is found out of a run's origin comes as late as that.
    records = [each["record"] for each in aside if each["record"]["kind"] in ("params", "series", "point")]
    assert [each["kind"] for each in records] == ["params", "series", "point"]
    assert records[0]["values"] == {"late": 1} and records[2]["value"] == 0.5


def test_purging_says_what_goes_and_takes_only_what_is_old_enough(tracker, clock):
    ended(tracker, "old")
    ended(tracker, "new")
    tracker.delete_run("old")
    clock.advance(40 * 86_400)
    tracker.delete_run("new")
    told = tracker.purge_runs(older_than_days=30, dry_run=True)
    assert (told.runs, told.points, told.dry_run) == (1, 1, True)
    assert tracker.purge_runs(older_than_days=30, yes=True).runs == 1
    assert tracker.get_run("new").deleted is not None
    with pytest.raises(NotFound):
        tracker.get_run("old")


def test_an_experiment_goes_with_its_runs_and_a_new_run_brings_it_back(tracker):
    ended(tracker, "first")
    tracker.delete_experiment("e")
    assert tracker.list_experiments().items == [] and tracker.get_run("first").deleted is not None
    ended(tracker, "second")
    assert [each.name for each in tracker.list_experiments().items] == ["e"]
    assert [run.name for run in tracker.list_runs("e").items] == ["second"]


def test_restoring_a_run_brings_its_experiment_back(tracker):
    ended(tracker, "first")
    ended(tracker, "second")
    tracker.delete_experiment("e")
    tracker.restore_run("first")
    assert tracker.get_experiment("e").deleted is None
    assert [run.name for run in tracker.list_runs("e").items] == ["first"]


def test_purging_takes_experiments_of_the_trash_that_are_empty(tracker):
    ended(tracker, "first")
    tracker.delete_experiment("e")
    assert tracker.purge_runs(dry_run=True).experiments == 1
    assert tracker.purge_runs(yes=True).experiments == 1
    with pytest.raises(NotFound):
        tracker.get_experiment("e")


def test_a_dry_purge_counts_experiments_of_any_size_as_the_purge_does(tracker):
    for number in range(1100):
        tracker.start_run(f"run {number}", experiment="e")
    tracker.end_run()
    ended(tracker, "kept in e")
    tracker.start_run("other", experiment="another")
    tracker.end_run()
    for name in ("e", "another"):
        tracker.delete_experiment(name)
    assert tracker.purge_runs(dry_run=True).experiments == 2
    tracker.restore_run("kept in e")
    told = tracker.purge_runs(dry_run=True)
    done = tracker.purge_runs(yes=True)
    assert (told.runs, told.experiments) == (done.runs, done.experiments) == (1101, 1)


def test_deleting_thousands_is_one_call(tracker, workspace):
    from nbproof.core.ids import new_id

    ids = [new_id() for _ in range(1100)]
    for each in ids:
        workspace.journal.event(
            "run.start", run=each, experiment={"id": new_id(), "name": "e"}, name=each[-6:], detached=True
        )
        workspace.journal.event("run.end", run=each, status="finished")
    assert tracker.delete_runs(ids).count == 1100
    assert tracker.list_runs("e").items == []
    assert tracker.purge_runs(yes=True).runs == 1100


# -- asked to stop ------------------------------------------------------------------------------------


def test_a_loop_sees_that_it_shall_stop_and_the_run_is_cancelled(tracker):
    with tracker.start_run("r") as run:
        assert not run.cancel_requested
        assert nbp.cancel_run("r").status == "running"
        assert run.cancel_requested
    ended_run = tracker.get_run("r")
    assert (run.status, ended_run.status) == ("cancelled", "cancelled")
    assert ended_run.cancel_requested is not None


def test_a_loop_may_be_ended_like_by_ctrl_c(tracker):
    def train():
        with tracker.start_run("r") as run:
            run.raise_if_cancelled()
            tracker.cancel_run("r")
            try:
                run.raise_if_cancelled()
            except Exception:
                pytest.fail("no `except Exception` of a framework may swallow it")

    with pytest.raises(KeyboardInterrupt, match="asked to stop"):
        train()
    assert tracker.get_run("r").status == "cancelled"


def test_cancelling_a_parent_reaches_what_is_nested_in_it(tracker):
    with tracker.start_run("sweep"), tracker.start_run("trial", nested=True) as trial:
        tracker.cancel_run("sweep")
        assert trial.cancel_requested


def test_a_run_that_did_not_look_ends_as_it_ended(tracker):
    with tracker.start_run("r"):
        tracker.cancel_run("r")
    assert tracker.get_run("r").status == "finished"


def test_a_run_that_goes_on_again_is_not_asked_to_stop_any_more(tracker):
    with tracker.start_run("r") as run:
        tracker.cancel_run("r")
        assert run.cancel_requested
    with tracker.start_run(resume="r") as again:
        assert not again.cancel_requested
    assert tracker.get_run("r").cancel_requested is None


def test_a_request_to_a_process_that_was_killed_does_not_stop_the_next(tracker, workspace):
    run = tracker.start_run("r")
    tracker.cancel_run("r")
    workspace.journal.event("run.end", run=run.id, status="interrupted")  # as its death is told
    run.close("interrupted")
    tracker._stack.clear()
    with tracker.start_run(resume="r") as again:
        assert not again.cancel_requested


def test_the_command_line_reaches_the_process_that_runs(project):
    script = """
import nbproof as nbp, time
with nbp.start_run("busy", experiment="e") as run:
    print("started", flush=True)
    while not run.cancel_requested:
        time.sleep(0.02)
"""
    busy = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert busy.stdout is not None
    busy.stdout.readline()
    subprocess.run(
        [sys.executable, "-m", "nbproof", "runs", "cancel", "busy"], check=True, capture_output=True
    )
    assert busy.wait(60) == 0
    busy.stdout.close()
    assert nbp.get_run("busy").status == "cancelled"
    nbp.workspace().close()
    use(None)


def test_where_the_records_are_elsewhere_they_are_asked_now_and_then(tracker):
    from nbproof.tracking.joining import Signals

    asked: list[str] = []

    def ask(run):
        asked.append(run)
        return len(asked) > 1

    signals = Signals(None, ask, every_seconds=0.01)
    assert not signals.cancelled(("r", None))
    deadline = time.monotonic() + 30
    while not signals.cancelled(("r", None)):
        assert time.monotonic() < deadline
    assert asked == ["r", "r"]


# -- params ------------------------------------------------------------------------------------------


def test_a_long_param_is_kept_whole_and_shown_by_its_beginning_in_lists(tracker):
    prompt = "Be kind. " * 1000
    with tracker.start_run("r", experiment="e", params={"prompt": prompt, "list": list(range(1000)), "n": 1}):
        pass
    for listed in (tracker.list_runs("e").items[0], tracker.find_runs('name = "r"').items[0]):
        assert listed.params["prompt"].startswith("Be kind. Be kind")
        assert listed.params["prompt"].endswith("... (9,000 characters)")
        assert listed.params["list"].startswith("[0, 1, 2") and listed.params["n"] == 1
        assert listed.previews["prompt"] == 9000 and set(listed.previews) == {"prompt", "list"}
    run = tracker.get_run("r")
    assert run.params == {"prompt": prompt, "list": list(range(1000)), "n": 1} and run.previews == {}


def test_a_param_logged_again_keeps_its_history(tracker, clock):
    with tracker.start_run("r", params={"depth": 3}) as run:
        for value in ("deep", 5):
            clock.advance(1)
            run.log_param("depth", value)
        assert run.param_history("depth")["value"].tolist() == [3, "deep", 5]
    history = tracker.get_run("r").param_history("depth")
    assert history["time"].diff().dt.total_seconds().tolist()[1:] == [1.0, 1.0]
    with pytest.raises(NotFound, match="depth"):
        run.param_history("depht")


def test_ten_thousand_params_in_one_run(tracker):
    params = {f"layer.{number}.size": number for number in range(10_000)}
    with tracker.start_run("r", params=params) as run:
        run.log_params({f"layer.{number}.size": -number for number in range(1, 10_000)})
    assert tracker.get_run("r").params["layer.9999.size"] == -9999
    assert len(tracker.get_run("r").params) == 10_000
    assert [each.value for each in tracker.param_history("r", "layer.7.size").items] == [7, -7]


# -- groups, nested runs --------------------------------------------------------------------------------


def test_a_group_is_found_by_searches(tracker):
    for number in range(3):
        with tracker.start_run(f"trial {number}", group="sweep 7"):
            pass
    with tracker.start_run("alone"):
        pass
    assert tracker.search_runs('group = "sweep 7"')["name"].tolist() == ["trial 2", "trial 1", "trial 0"]
    assert tracker.search_runs("group is null")["name"].tolist() == ["alone"]
    assert tracker.get_run("trial 1").group == "sweep 7"
    with pytest.raises(Invalid):
        tracker.start_run(group="")


def test_runs_are_nested_to_any_depth(tracker):
    with tracker.start_run("0"):
        for depth in range(1, 40):
            tracker.start_run(str(depth), nested=True)
            tracker.log_metric("loss", depth)
    found = tracker.children("0", metric=["loss"], deep=True)
    assert (found.count, found.descendants, found.statuses) == (1, 39, {"running": 1})
    assert (found.metrics[0].best, found.metrics[0].mean) == (1.0, 20.0)
    assert tracker.get_run("38").children == {"running": 1}

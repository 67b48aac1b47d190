"""What users throw away, nest and group, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from nbproof.core.errors import NotFound
from nbproof.platform.location import Location
from nbproof.platform.maintenance import Maintenance
from nbproof.platform.workspace import Workspace
from nbproof.storage.tables import all_tables


@pytest.fixture
def workspace(project, clock, database_url):
    opened = Workspace(
        Location(project, False, "a test"),
        clock=clock,
        say=lambda line: None,
        environ={"NBPROOF_DATABASE": database_url, "NBPROOF_CAPTURE_GIT": "0"},
    )
    yield opened
    opened.close()


@pytest.fixture
def tracker(workspace):
    return workspace.tracker


def test_thrown_away_brought_back_and_purged_without_a_trace(tracker, workspace):
    with (
        tracker.start_run("parent", experiment="e"),
        tracker.start_run("child", experiment="e", nested=True, params={"depth": 3}, tags={"a": "b"}),
    ):
        tracker.log_metric("auc", 0.9)
        tracker.log_param("depth", 4)
    with tracker.start_run("other", experiment="e"):
        pass
    assert tracker.delete_run("parent").deleted is not None
    assert [run.name for run in tracker.list_runs("e").items] == ["other"]
    assert {run.name for run in tracker.list_runs("e", deleted=True).items} == {"parent", "child"}
    assert tracker.get_run("@last").name == "other" and tracker.get_experiment("e").run_count == 1
    with pytest.raises(NotFound):
        tracker.get_run("@best:auc")
    assert tracker.restore_runs(["parent"]).count == 2
    assert tracker.get_run("@best:auc").name == "child"
    tracker.delete_runs(["parent"])
    told = tracker.purge_runs(yes=True)
    assert (told.runs, told.points) == (2, 1)
    with workspace.database.connect() as connection:
        for name in ("params", "param_history", "tags", "metrics", "metric_chunks", "metric_series"):
            rows = sa.select(sa.func.count()).select_from(all_tables().tables[name])
            assert connection.execute(rows).scalar() == 0, name


def test_gc_removes_what_came_late_and_environments_that_no_run_has(tracker, workspace):
    facts = {"python": "3.13.1", "packages": {"numpy": "2.0.0"}}
    with tracker.start_run("kept", experiment="e") as kept:
        tracker.await_capture()  # its own environment, which the next one takes the place of
        tracker.set_provenance(kept.id, environment={**facts, "python": "3.12.0"})
    with tracker.start_run("gone", experiment="e") as gone:
        tracker.await_capture()
        tracker.set_provenance(gone.id, environment=facts)
    tracker.delete_runs(["gone"])
    tracker.purge_runs(yes=True)
    late = workspace.journal.series(gone.id, "late")
    late.log(1.0)
    chores = Maintenance(workspace)

    # This process may write to it again, and will not tell the environment again.
    assert leftovers(chores.collect_garbage()) == (0, 0)
    late.log(2.0)
    workspace.journal.close()
    workspace.catch_up()
    assert leftovers(chores.collect_garbage(dry_run=True)) == (1, 2)
    assert leftovers(chores.collect_garbage()) == (1, 2)
    assert leftovers(chores.collect_garbage()) == (0, 0)
    with workspace.database.connect() as connection:
        for name, count in (("metric_series", 0), ("environments", 1), ("environment_packages", 1)):
            rows = sa.select(sa.func.count()).select_from(all_tables().tables[name])
            assert connection.execute(rows).scalar() == count, name
    assert tracker.environment_of("kept").python == "3.12.0"


def leftovers(report):
    return report.series, report.environments


def test_experiments_go_and_come_back(tracker):
    with tracker.start_run("first", experiment="e"):
        pass
    assert tracker.delete_experiment("e").deleted is not None
    assert tracker.list_experiments().items == []
    assert [each.name for each in tracker.list_experiments(deleted=True).items] == ["e"]
    assert tracker.restore_experiment("e").run_count == 1
    tracker.delete_experiment("e")
    with tracker.start_run("second", experiment="e"):
        pass
    assert [run.name for run in tracker.list_runs("e").items] == ["second"]


def test_groups_nested_runs_and_histories(tracker, clock):
    with tracker.start_run("sweep"):
        for number in range(3):
            with tracker.start_run(f"trial {number}", nested=True, group="größe", params={"depth": 1}):
                clock.advance(1)
                tracker.log_metric("rmse", 3 - number)
                tracker.log_param("depth", "x" * 5000)
    assert len(tracker.find_runs('group = "größe" and group like "gr%"').items) == 3
    found = tracker.children("sweep", metric=["rmse"])
    assert (found.statuses, found.metrics[0].best, found.metrics[0].std) == ({"finished": 3}, 1.0, 1.0)
    listed = tracker.find_runs('name = "trial 1"').items[0]
    assert listed.previews == {"depth": 5000} and len(listed.params["depth"]) < 300
    assert [each.value for each in tracker.param_history("trial 1", "depth").items] == [1, "x" * 5000]


def test_garbage_and_cancelling(tracker, workspace, project):
    (project / "a.bin").write_bytes(b"model")
    with tracker.start_run("r") as run:
        tracker.log_artifact(project / "a.bin")
        tracker.cancel_run("r")
        assert run.cancel_requested
    assert tracker.get_run("r").status == "cancelled"
    assert Maintenance(workspace).collect_garbage(grace_hours=0).kept_objects == 1


def test_what_a_purged_run_still_says_holds_up_nothing_else(tracker, workspace):
    with tracker.start_run("gone", experiment="e") as gone:
        tracker.log_metric("x", 1.0)
    tracker.delete_run("gone")
    tracker.purge_runs(yes=True)
    with tracker.start_run("kept", experiment="e") as kept:
        for number in range(600):  # more than are looked at one by one where a batch fails
            workspace.journal.event("tags", run=gone.id, time=1, values={"a": "b"}, redacted=1)
            tracker.log_metric("y", float(number))
            tracker.set_tag(f"t{number}", "x")
    assert len(tracker.get_run(kept.id).tags) == 600
    assert len(tracker.metric_history(kept.id, "y").items) == 600


def test_a_reopened_run_belongs_to_no_process(tracker):
    with tracker.start_run("r", experiment="e") as run:
        pass
    tracker.reopen_run(run.id)
    assert tracker.cancel_run(run.id).status == "cancelled"

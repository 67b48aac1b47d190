"""What a panel knows of a live run: read from a real journal."""

from __future__ import annotations

import json
import math

import pytest

from nbproof.notebook.follow import Course, follower_of
from nbproof.notebook.live import state_of
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace


@pytest.fixture
def tracker(project):
    workspace = Workspace(Location(project, False, "test"), say=lambda line: None)
    yield workspace.tracker
    workspace.close()


def test_everything_that_was_recorded_is_shown(tracker, project):
    (project / "note.txt").write_text("hello")
    run = tracker.start_run("first", experiment="digits", params={"lr": 0.1}, tags={"team": "a"})
    follower = follower_of(run)
    run.log_metric("loss", 0.5)
    run.log_metric("loss", -math.inf, 7)
    run.log_metric("auc", math.nan)
    run.log_params({"odd": math.inf})
    run.set_tag("team", None)
    run.log_artifact(project / "note.txt")
    follower.look()

    card = follower.card()
    assert (card.name, card.status, card.params) == ("first", "running", {"lr": 0.1, "odd": math.inf})
    assert (card.tags, card.artifacts) == ({}, [("note.txt", 5)])
    assert [(each.name, each.step) for each in card.metrics] == [("loss", 7), ("auc", 0)]
    points = {each["name"]: each["points"] for each in state_of(follower)["metrics"]}
    assert points == {"loss": [[0, 0.5], [7, "-Infinity"]], "auc": [[0, None]]}
    json.dumps(state_of(follower), allow_nan=False)


def test_a_second_look_reads_only_what_is_new(tracker):
    run = tracker.start_run(experiment="digits")
    follower = follower_of(run)
    for value in range(3):
        run.log_metric("loss", value)
        follower.look()
        follower.look()
    assert follower.card().metrics[0].recent == [0.0, 1.0, 2.0]


def test_other_runs_of_the_process_do_not_show(tracker):
    parent = tracker.start_run("parent", experiment="digits")
    child = tracker.start_run("child", nested=True)
    follower = follower_of(parent)
    child.log_metric("loss", 1.0)
    parent.log_metric("loss", 2.0)
    child.log_metric("loss", 3.0)
    follower.look()
    assert follower.card().metrics[0].recent == [2.0]


def test_the_end_of_the_run_is_seen(tracker):
    run = tracker.start_run(experiment="digits")
    follower = follower_of(run)
    tracker.end_run("failed")
    follower.look()
    card = follower.card()
    assert card.status == "failed"
    assert card.seconds is not None
    assert card.seconds >= 0


def test_a_flood_is_shown_in_samples_and_costs_little(tracker):
    run = tracker.start_run(experiment="digits")
    follower = follower_of(run)
    for value in range(30_000):
        run.log_metric("loss", value)
    follower.look()
    state = state_of(follower)["metrics"][0]
    assert state["step"] == 29_999
    assert len(state["points"]) <= 120


def test_a_course_keeps_its_shape_and_its_last_value():
    course = Course("loss")
    for step in range(10_000):
        course.add(step, float(step))
    points = course.course()
    assert len(points) <= 480
    assert points[0] == (0, 0.0)
    assert points[-1] == (9_999, 9_999.0)
    assert points == sorted(points)


def test_a_journal_that_is_gone_is_no_error(tracker, project):
    import shutil

    run = tracker.start_run(experiment="digits")
    follower = follower_of(run)
    shutil.rmtree(project / ".nbproof" / "journal")
    follower.look()
    assert follower.card().status == "running"


def test_notes_are_shown_and_follow_their_changes(tracker):
    run = tracker.start_run(experiment="digits", notes="A *first* try.")
    follower = follower_of(run)
    follower.look()
    assert follower.card().notes == "A *first* try."
    run.set_notes("Better.")
    follower.look()
    assert follower.card().notes == "Better."

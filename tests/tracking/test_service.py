"""The verbs of tracking, from the call to what is read back, in a real workspace."""

from __future__ import annotations

import functools
import math
import os
import subprocess
import sys
import threading
import warnings
from datetime import UTC
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas
import pytest

import nbproof as nbp
from nbproof.core.errors import Conflict, Invalid, NotFound, Unavailable
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace, use
from nbproof.tracking.active import RecordingFailed
from nbproof.tracking.frames import runs_frame


@pytest.fixture
def workspace(project):
    opened = Workspace(Location(project, False, "a test"), say=lambda line: None)
    before = use(opened)
    yield opened
    use(before)
    opened.close()


@pytest.fixture
def tracker(workspace):
    return workspace.tracker


def values_of(run, name):
    return run.metric_history(name)["value"].tolist()


# -- the life of a run ------------------------------------------------------------------------------


def test_a_run_is_recorded_from_start_to_end(tracker):
    with tracker.start_run(
        "first", experiment="churn", params={"depth": 3}, tags={"owner": "ann"}, notes="*hi*"
    ):
        tracker.log_metric("auc", 0.9)
    run = tracker.get_run("first")
    assert (run.experiment, run.status, run.params, run.tags, run.notes) == (
        "churn",
        "finished",
        {"depth": 3},
        {"owner": "ann"},
        "*hi*",
    )
    assert run.metrics == {"auc": 0.9}
    assert run.started <= run.ended


def test_a_run_without_a_name_gets_a_kind_one(tracker):
    assert "-" in tracker.start_run().name


def test_without_an_experiment_it_is_named_after_the_folder_or_notebook(tracker, project):
    assert tracker.start_run().experiment == project.name


def test_logging_without_a_run_starts_one(tracker):
    tracker.log_metric("loss", 1.0)
    assert tracker.live is not None
    assert tracker.get_run("@last").metrics == {"loss": 1.0}


def test_starting_another_run_ends_the_live_one(tracker):
    first = tracker.start_run("first")
    tracker.start_run("second")
    assert first.status == "finished"
    assert tracker.get_run("first").status == "finished"
    assert tracker.get_run("second").status == "running"


def test_a_nested_run_keeps_its_parent_live(tracker):
    with tracker.start_run("parent") as parent:
        with tracker.start_run("child", nested=True) as child:
            tracker.log_metric("loss", 1.0)
        tracker.log_metric("mean", 2.0)
    assert tracker.get_run("child").parent_id == parent.id
    assert tracker.get_run("child").metrics == {"loss": 1.0}
    assert tracker.get_run("parent").metrics == {"mean": 2.0}
    assert child.status == "finished"


def test_a_nested_run_is_in_the_experiment_of_its_parent_unless_told_otherwise(tracker):
    with tracker.start_run("parent", experiment="churn"), tracker.start_run("child", nested=True):
        with tracker.start_run("grandchild", nested=True):
            pass
        with tracker.start_run("elsewhere", nested=True, experiment="aside"):
            pass
    found = [tracker.get_run(name).experiment for name in ("child", "grandchild", "elsewhere")]
    assert found == ["churn", "churn", "aside"]


def test_a_run_may_be_nested_in_one_that_has_ended(tracker):
    with tracker.start_run("parent", experiment="churn") as parent:
        pass
    before = tracker.start_run("before", experiment="aside")
    child = tracker.start_run("child", parent="parent")
    found = tracker.get_run("child")
    assert (found.parent_id, found.experiment) == (parent.id, "churn")
    assert before.status == "finished" and tracker.live is child


def test_nested_in_a_live_run_the_run_beside_is_ended_and_the_parent_goes_on(tracker):
    parent = tracker.start_run("parent")
    one = tracker.start_run("one", parent=parent.id)
    two = tracker.start_run("two", parent="parent")
    assert (parent.status, one.status, two.status) == ("running", "finished", "running")
    assert tracker.get_run("two").parent_id == parent.id
    tracker.end_run()
    assert tracker.live is parent


@pytest.mark.parametrize("other", [{"nested": True}, {"resume": "parent"}])
def test_a_parent_and_what_says_otherwise_exclude_each_other(tracker, other):
    tracker.start_run("parent")
    with pytest.raises(Invalid, match="exclude each other"):
        tracker.start_run("child", parent="parent", **other)
    assert tracker.live.name == "parent"


def test_an_unknown_parent_starts_and_ends_nothing(tracker):
    live = tracker.start_run("live")
    with pytest.raises(NotFound, match="nobody"):
        tracker.start_run("child", parent="nobody")
    assert tracker.live is live


def test_starting_anew_ends_a_parent_with_its_children(tracker):
    parent = tracker.start_run("parent")
    child = tracker.start_run("child", nested=True)
    tracker.start_run("other")
    assert (parent.status, child.status) == ("finished", "finished")


def test_a_block_that_raises_leaves_a_failed_run_and_the_exception(tracker):
    with pytest.raises(ZeroDivisionError), tracker.start_run("broken"):
        raise ZeroDivisionError
    assert tracker.get_run("broken").status == "failed"


def test_an_interrupted_block_leaves_a_cancelled_run(tracker):
    with pytest.raises(KeyboardInterrupt), tracker.start_run("stopped"):
        raise KeyboardInterrupt
    assert tracker.get_run("stopped").status == "cancelled"


def test_ending_without_a_live_run_does_nothing(tracker):
    tracker.end_run()


def test_an_unknown_status_is_refused_with_the_near_one(tracker):
    tracker.start_run()
    with pytest.raises(Invalid, match="did you mean 'finished'"):
        tracker.end_run("finishd")


def test_a_metric_after_the_end_is_refused_and_says_how_to_go_on(tracker):
    run = tracker.start_run()
    tracker.end_run()
    with pytest.raises(Conflict, match="resume"):
        run.log_metric("loss", 1.0)
    with pytest.raises(Conflict):
        run.log_param("a", 1)
    with pytest.raises(Conflict):
        tracker.log_metric("loss", 1.0, run_id=run.id)


def test_a_metric_that_was_logged_before_is_refused_after_the_end_as_well(tracker):
    run = tracker.start_run()
    run.log_metric("loss", 1.0)
    run.end()
    with pytest.raises(Conflict):
        run.log_metric("loss", 2.0)


def test_a_resumed_run_counts_on_from_its_last_step(tracker):
    with tracker.start_run("long") as first:
        tracker.log_metric("loss", 3.0)
        tracker.log_metric("loss", 2.0)
    with tracker.start_run(resume="long") as again:
        tracker.log_metric("loss", 1.0)
        assert tracker.get_run("long").status == "running"
    assert again.id == first.id
    history = tracker.get_run("long").metric_history("loss")
    assert history["step"].tolist() == [0, 1, 2]
    assert tracker.get_run("long").status == "finished"


def test_resuming_what_does_not_exist_names_what_is_near(tracker):
    tracker.start_run("baseline")
    with pytest.raises(NotFound, match="baseline"):
        tracker.start_run(resume="baselin")


def test_two_runs_of_one_name_are_ambiguous_and_listed(tracker):
    ids = {tracker.start_run("twin").id for _ in range(2)}
    with pytest.raises(Conflict) as caught:
        tracker.get_run("twin")
    assert ids <= {str(each).split()[0] for each in _flat(caught.value.details)} | set(
        _flat(caught.value.details)
    )


def _flat(found):
    if isinstance(found, dict):
        return [each for value in found.values() for each in _flat(value)]
    if isinstance(found, (list, tuple)):
        return [each for value in found for each in _flat(value)]
    return [found]


def test_a_run_is_found_by_every_way_of_naming_it(tracker):
    with tracker.start_run("one") as one:
        tracker.log_metric("auc", 0.7)
    with tracker.start_run("two") as two:
        tracker.log_metric("auc", 0.6)
    named = {ref: tracker.get_run(ref).id for ref in ("one", one.id, one.id[-6:], "@last~1", "@best:auc")}
    assert set(named.values()) == {one.id}
    assert tracker.get_run("@last").id == two.id


def test_a_detached_run_lives_until_it_is_ended(workspace):
    run = workspace.tracker.open_run("remote", name="r")
    workspace.close()
    again = Workspace(workspace.location)
    assert again.tracker.get_run(run.id).status == "running"
    again.tracker.log_metric("loss", 1.0, run_id="r")
    again.tracker.end_run(run_id="r")
    assert again.tracker.get_run("r").status == "finished"
    again.close()


# -- metrics ----------------------------------------------------------------------------------------


def test_steps_count_up_and_any_step_may_be_given(tracker):
    for step in (None, None, 10, None, 5, None, -(2**63), 2**63 - 1):
        tracker.log_metric("loss", 1.0, step)
    history = tracker.get_run("@last").metric_history("loss")
    assert history["step"].tolist() == [0, 1, 10, 11, 5, 6, -(2**63), 2**63 - 1]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (1, 1.0),
        (True, 1.0),
        (Decimal("0.5"), 0.5),
        (Fraction(1, 4), 0.25),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7.0),
        (np.bool_(True), 1.0),
        (np.array(0.25), 0.25),
        (float("inf"), math.inf),
        (float("-inf"), -math.inf),
        (5e-324, 5e-324),
    ],
)
def test_one_real_number_of_any_kind_is_a_metric(tracker, value, kept):
    tracker.log_metric("x", value)
    assert values_of(tracker.get_run("@last"), "x") == [kept]


def test_nan_is_kept(tracker):
    tracker.log_metric("x", float("nan"))
    assert math.isnan(values_of(tracker.get_run("@last"), "x")[0])


def test_a_torch_scalar_is_a_metric(tracker):
    class Tensor:  # what torch offers for a tensor of no dimension
        shape = ()

        def item(self):
            return 0.125

    tracker.log_metric("x", Tensor())
    assert tracker.get_run("@last").metrics == {"x": 0.125}


@pytest.mark.parametrize(
    "value", ["0.9", None, 1j, np.array([1.0]), [1.0], {}, object(), np.complex64(1), 10**400, b"1", float]
)
def test_what_is_not_one_real_number_is_refused_and_nothing_is_written(tracker, value):
    tracker.start_run("r")
    with pytest.raises(Invalid, match="'x'") as caught:
        tracker.log_metric("x", value)
    assert caught.value.details["field"] == "value"
    assert tracker.get_run("r").metrics == {}


@pytest.mark.parametrize(
    "value", [np.ma.masked, np.ma.array(0.5, mask=True), np.ma.array([0.5], mask=True)[0]]
)
def test_a_value_that_numpy_masked_is_refused_and_not_what_lies_below_the_mask(tracker, value):
    tracker.start_run("r")
    with pytest.raises(Invalid, match="masked"):
        tracker.log_metric("x", value)
    with pytest.raises(Invalid, match="masked"):
        tracker.log_metrics({"x": value})
    tracker.log_param("p", value)
    run = tracker.get_run("r")
    assert (run.metrics, run.params) == ({}, {"p": None})


def test_a_step_that_numpy_masked_is_refused(tracker):
    tracker.start_run("r")
    with pytest.raises(Invalid, match="step"):
        tracker.log_metric("x", 1.0, np.ma.array(4, mask=True))
    tracker.log_metric("x", np.ma.array(0.5), np.ma.array(4))
    assert tracker.get_run("r").metric_history("x")["step"].tolist() == [4]


@pytest.mark.parametrize("step", [1.5, "1", 2**63, -(2**63) - 1, True, float("nan"), [1]])
def test_a_step_that_is_no_64_bit_integer_is_refused(tracker, step):
    tracker.start_run()
    tracker.log_metric("x", 1.0)
    with pytest.raises(Invalid, match="step"):
        tracker.log_metric("x", 1.0, step)


def test_a_step_of_numpy_or_a_whole_float_is_taken(tracker):
    tracker.log_metric("x", 1.0, np.int32(4))
    tracker.log_metric("x", 1.0, 6.0)
    assert tracker.get_run("@last").metric_history("x")["step"].tolist() == [4, 6]


@pytest.mark.parametrize("name", ["a/b", "💥 loss", "val loss", "x" * 500, "日本", "a.b", "%_\\"])
def test_a_metric_may_have_nearly_any_name(tracker, name):
    tracker.log_metric(name, 1.0)
    assert tracker.get_run("@last").metrics == {name: 1.0}


@pytest.mark.parametrize("name", ["", "  ", "x" * 10_000, "a\x00b", 3, None, ["a"], "\ud800"])
def test_an_impossible_name_is_refused(tracker, name):
    with pytest.raises(Invalid, match="name"):
        tracker.log_metric(name, 1.0)


def test_of_several_metrics_either_all_are_written_or_none(tracker):
    tracker.start_run("r")
    with pytest.raises(Invalid, match="'b'"):
        tracker.log_metrics({"a": 1.0, "b": "x"})
    assert tracker.get_run("r").metrics == {}


def test_the_time_of_a_point_may_be_given(tracker):
    from datetime import datetime

    tracker.log_metric("x", 1.0, time=datetime(2020, 1, 1, tzinfo=UTC))
    tracker.log_metric("x", 1.0, time=1577836800.5)
    times = tracker.get_run("@last").metric_history("x")["time"]
    assert [time.isoformat() for time in times] == [
        "2020-01-01T00:00:00+00:00",
        "2020-01-01T00:00:00.500000+00:00",
    ]


@pytest.mark.parametrize("time", ["now", float("nan"), float("inf"), True, 10**30])
def test_an_impossible_time_is_refused(tracker, time):
    with pytest.raises(Invalid, match="time"):
        tracker.log_metric("x", 1.0, time=time)


def test_threads_share_the_live_run_and_lose_nothing(tracker):
    tracker.start_run("r")

    def work():
        for _ in range(5_000):
            tracker.log_metric("x", 1.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    steps = tracker.get_run("r").metric_history("x")["step"]
    assert sorted(steps) == list(range(20_000))


# -- params and tags --------------------------------------------------------------------------------


def test_params_keep_their_types_and_nesting_is_flattened(tracker):
    given = {
        "lr": 0.1,
        "n": 2**70,
        "name": "x",
        "on": True,
        "none": None,
        "layers": [1, "a"],
        "opt": {"m": {"b": 2}},
    }
    tracker.log_params(given)
    assert tracker.get_run("@last").params == {
        "lr": 0.1,
        "n": 2**70,
        "name": "x",
        "on": True,
        "none": None,
        "layers": [1, "a"],
        "opt.m.b": 2,
    }


def test_values_of_other_kinds_become_plain(tracker):
    class Model:
        def __repr__(self):
            return "Model(depth=3)"

    tracker.log_params(
        {"a": np.float64(0.5), "b": np.arange(3), "c": Path("x/y"), "d": Model(), "e": Decimal("1.5")}
    )
    assert tracker.get_run("@last").params == {
        "a": 0.5,
        "b": [0, 1, 2],
        "c": "x/y",
        "d": "Model(depth=3)",
        "e": 1.5,
    }


def test_what_has_no_value_but_a_place_in_memory_is_the_same_param_in_each_run(tracker):
    def given():
        def loss(x):
            return x

        class Model:
            def __repr__(self):
                return f"Model at {hex(id(self))}"

            def fit(self):
                return self

        return {
            "function": loss,
            "lambda": lambda x: x,
            "method": Model().fit,
            "built in": [].append,
            "class": Model,
            "partial": functools.partial(loss, 3),
            "object": object(),
            "own words": Model(),
            "within": [loss, object(), {"deep": Model()}],
            "set": set("badc"),
            "numbers": {10, 9, 1.5},
        }

    first, second = given(), given()  # both alive, so nothing is at the same place twice
    for name, params in (("one", first), ("two", second)):
        with tracker.start_run(name, params=params):
            pass

    one, two = tracker.get_run("one").params, tracker.get_run("two").params
    assert one == two and "0x" not in str(one)
    assert one["function"].endswith("given.<locals>.loss")
    assert one["set"] == ["a", "b", "c", "d"] and one["numbers"] == [1.5, 9, 10]


def test_floats_that_json_lacks_survive_in_params(tracker):
    tracker.log_params({"a": float("nan"), "b": [float("inf")]})
    params = tracker.get_run("@last").params
    assert math.isnan(params["a"]) and params["b"] == [math.inf]


def test_the_same_param_again_with_another_value_shows_the_last(tracker):
    tracker.log_param("lr", 0.1)
    tracker.log_param("lr", 0.2)
    assert tracker.get_run("@last").params == {"lr": 0.2}


def test_a_tag_set_to_none_is_gone(tracker):
    tracker.set_tags({"a": "1", "b": 2})
    tracker.set_tag("a", None)
    assert tracker.get_run("@last").tags == {"b": "2"}


@pytest.mark.parametrize("verb", ["log_params", "set_tags", "log_metrics"])
def test_what_is_no_mapping_is_refused(tracker, verb):
    with pytest.raises(Invalid, match="mapping"):
        getattr(tracker, verb)(["a"])


# -- artifacts --------------------------------------------------------------------------------------


def test_an_artifact_is_kept_whole_and_found_again(tracker, project):
    (project / "model.bin").write_bytes(os.urandom(3_000_000))
    tracker.log_artifact("model.bin")
    (artifact,) = tracker.get_run("@last").artifacts
    path, media_type = tracker.get_artifact("@last", "model.bin")
    assert path.read_bytes() == (project / "model.bin").read_bytes()
    assert (artifact.size_bytes, media_type) == (3_000_000, "application/octet-stream")


def test_an_artifact_logged_again_replaces_the_one_before(tracker, project):
    for text in ("one", "two"):
        (project / "a.txt").write_text(text)
        tracker.log_artifact("a.txt", "notes/a.txt")
    (artifact,) = tracker.get_run("@last").artifacts
    path, media_type = tracker.get_artifact("@last", "notes/a.txt")
    assert (artifact.name, path.read_text(), media_type) == ("notes/a.txt", "two", "text/plain")


def test_a_folder_is_kept_file_by_file(tracker, project):
    (project / "plots" / "deep").mkdir(parents=True)
    (project / "plots" / "a.txt").write_text("a")
    (project / "plots" / "deep" / "b.txt").write_text("b")
    tracker.log_artifact("plots")
    names = [artifact.name for artifact in tracker.get_run("@last").artifacts]
    assert sorted(names) == ["plots/a.txt", "plots/deep/b.txt"]


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../b", "a//b", ".", "C:\\x", "..\\x", "", "a\x00"])
def test_a_name_that_leaves_the_run_is_refused(tracker, project, name):
    (project / "a.txt").touch()
    with pytest.raises(Invalid):
        tracker.log_artifact("a.txt", name)


def test_a_file_that_is_missing_is_refused_with_the_near_one(tracker, project):
    (project / "model.pkl").touch()
    with pytest.raises(Invalid, match=r"did you mean 'model\.pkl'"):
        tracker.log_artifact("modle.pkl")


def test_an_empty_folder_and_a_pipe_are_no_artifacts(tracker, project):
    (project / "empty").mkdir()
    os.mkfifo(project / "pipe")
    for name in ("empty", "pipe"):
        with pytest.raises(Invalid):
            tracker.log_artifact(name)


def test_something_that_is_no_path_is_refused(tracker):
    with pytest.raises(Invalid, match="is a path"):
        tracker.log_artifact(3)


def test_an_unknown_artifact_names_what_is_near(tracker, project):
    (project / "model.pkl").touch()
    tracker.log_artifact("model.pkl")
    with pytest.raises(NotFound, match=r"model\.pkl"):
        tracker.get_artifact("@last", "model.pk")


def test_a_file_that_can_not_be_read_is_refused(project, plain_user):
    folder = plain_user.folder("unreadable")
    secret = folder / "secret.bin"
    secret.write_bytes(b"x")
    secret.chmod(0)
    script = f"""
import nbproof as nbp
try:
    nbp.log_artifact({str(secret)!r})
except nbp.Invalid as error:
    print("refused:", error)
"""
    done = plain_user.run([sys.executable, "-c", script], cwd=folder, check=True)
    assert "refused:" in done.stdout and "can't be read" in done.stdout


# -- experiments, comparing, searching --------------------------------------------------------------


def test_an_experiment_can_be_made_once(tracker):
    tracker.create_experiment("churn", description="who leaves", tags={"team": "a"})
    with pytest.raises(Conflict):
        tracker.create_experiment("churn")
    found = tracker.get_experiment("churn")
    assert (found.description, found.tags, found.run_count) == ("who leaves", {"team": "a"}, 0)


def test_an_unknown_experiment_names_what_is_near(tracker):
    tracker.create_experiment("churn")
    with pytest.raises(NotFound, match="churn"):
        tracker.get_experiment("chrun")


def test_two_processes_may_begin_one_experiment_at_once(project):
    script = "import nbproof as nbp; nbp.start_run(experiment='shared'); nbp.end_run()"
    children = [subprocess.Popen([sys.executable, "-c", script], cwd=project) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    opened = Workspace(Location(project, True, "a test"))
    (experiment,) = opened.tracker.list_experiments().items
    assert (experiment.name, experiment.run_count) == ("shared", 3)
    opened.close()


def test_comparing_puts_what_differs_first_and_marks_the_best(tracker):
    for name, depth, auc in (("a", 3, 0.7), ("b", 5, 0.9)):
        with tracker.start_run(name, params={"seed": 1, "z_depth": depth}):
            tracker.log_metric("auc", auc)
    compared = tracker.compare_runs("a", "b")
    assert [(row.key, row.values, row.differs) for row in compared.params] == [
        ("z_depth", [3, 5], True),
        ("seed", [1, 1], False),
    ]
    assert compared.metrics[0].best == 1
    assert compared.to_frame().loc[("metrics", "auc")].tolist() == [0.7, 0.9]


def test_comparing_takes_two_runs(tracker):
    tracker.start_run("a")
    with pytest.raises(Invalid, match="two runs"):
        tracker.compare_runs("a")


def test_a_search_gives_a_frame_in_the_order_asked(tracker):
    for depth in range(5):
        with tracker.start_run(f"r{depth}", params={"depth": depth, "model": "xgb"}):
            tracker.log_metric("auc", depth / 10)
    frame = tracker.search_runs('metrics.auc > 0.1 and params.model = "xgb" order by metrics.auc desc')
    assert frame["name"].tolist() == ["r4", "r3", "r2"]
    assert frame["params.depth"].tolist() == [4, 3, 2]
    assert str(frame["metrics.auc"].dtype) == "float64"
    assert tracker.search_runs(limit=2).shape[0] == 2


def test_a_frame_has_what_its_runs_have_whatever_their_names_and_kinds(tracker):
    deep = {"depth": 3, "model": {"name": "xgb", "sizes": [1, math.inf]}, "long": "x" * 2000}
    with tracker.start_run("a", params=deep, tags={"owner": "ann"}):
        tracker.log_metrics({"auc": 0.5, "val loss": math.nan, "system/cpu_percent": 7.0})
    with tracker.start_run("b", params={"depth": "deep", "on": True, "big": 2**70, "no": None}):
        tracker.log_metrics({"auc": -math.inf})
    tracker.start_run("c")

    frame = tracker.search_runs()

    pandas.testing.assert_frame_equal(frame, runs_frame(tracker.find_runs().items))
    assert frame["name"].tolist() == ["c", "b", "a"]
    assert [name for name in frame.columns if name.startswith("metrics.")] == [
        "metrics.auc",
        "metrics.val loss",
    ]
    assert frame["params.depth"].tolist() == [None, "deep", 3]
    assert frame["params.big"].tolist() == [None, 2**70, None]
    assert frame["params.long"][2].endswith("(2,000 characters)")


def test_a_search_asked_again_counts_from_the_time_it_is_asked(project, clock):
    workspace = Workspace(Location(project, False, "a test"), clock=clock, say=lambda line: None)
    tracker = workspace.tracker
    tracker.start_run("a")
    assert len(tracker.search_runs("started > -1h")) == 1
    assert len(tracker.search_runs("duration > 1h")) == 0
    clock.advance(2 * 3600)
    assert len(tracker.search_runs("started > -1h")) == 0
    assert len(tracker.search_runs("duration > 1h")) == 1
    workspace.close()


def test_a_search_says_how_many_runs_are_nested_in_each(tracker):
    with tracker.start_run("parent"):
        for status in ("finished", "failed"):
            tracker.start_run(nested=True)
            tracker.end_run(status)

    assert tracker.find_runs('name = "parent"')[0].children == {"failed": 1, "finished": 1}


def test_a_search_that_can_not_be_read_points_at_the_column(tracker):
    with pytest.raises(Invalid) as caught:
        tracker.search_runs("metrics.auc >> 0.1")
    assert caught.value.details["column"] == 14


@pytest.mark.parametrize(
    "wrong", [{"query": 3}, {"query": None}, {"limit": 0}, {"limit": -1}, {"limit": "many"}]
)
def test_a_search_for_what_is_no_query_is_refused(tracker, wrong):
    with pytest.raises(Invalid):
        tracker.search_runs(**wrong)


def test_an_empty_search_has_the_columns_all_the_same(tracker):
    assert tracker.search_runs().columns.tolist()[:4] == ["id", "name", "experiment", "status"]


def test_a_run_is_renamed_and_annotated(tracker):
    run = tracker.start_run("before")
    tracker.update_run("before", name="after", notes="**good**")
    assert (tracker.get_run("after").notes, run.name) == ("**good**", "after")


def test_a_run_is_put_into_another_group_and_out_of_it(tracker):
    with tracker.start_run("a", group="monday"):
        pass
    assert tracker.update_run("a", group="tuesday").group == "tuesday"
    assert tracker.search_runs('group = "tuesday"')["name"].tolist() == ["a"]
    assert tracker.update_run("a", notes="kept").group == "tuesday"
    assert tracker.update_run("a", group="").group is None
    with pytest.raises(Invalid, match="a group"):
        tracker.update_run("a", group="x" * 1000)


# -- provenance -------------------------------------------------------------------------------------


def test_commit_branch_and_dirty_flag_are_recorded(workspace, project):
    git = ["git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    (project / "train.py").write_text("1")
    subprocess.run([*git, "add", "train.py"], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    commit = subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    workspace.tracker.start_run("clean")
    for thread in workspace.tracker._capturing:
        thread.join()
    (project / "train.py").write_text("2")
    workspace.tracker.start_run("dirty")
    for thread in workspace.tracker._capturing:
        thread.join()
    clean, dirty = (workspace.tracker.get_run(name).git for name in ("clean", "dirty"))
    assert (clean.commit, clean.branch, clean.dirty) == (commit, "main", False)
    assert (dirty.commit, dirty.dirty) == (commit, True)


def test_without_git_a_run_has_no_commit(workspace, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with workspace.tracker.start_run("r"):
        pass
    for thread in workspace.tracker._capturing:
        thread.join()
    assert workspace.tracker.get_run("r").git is None


# -- the machine fails ------------------------------------------------------------------------------


def test_a_workspace_that_can_not_be_written_warns_once_and_never_stops_the_cell(plain_user):
    folder = plain_user.folder("locked")
    folder.chmod(0o555)
    script = """
import warnings, nbproof as nbp
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    run = nbp.start_run("r")
    for _ in range(3):
        nbp.log_metric("x", 1.0)
    nbp.log_param("a", 1)
    nbp.end_run()
print(len(told), told[0].category.__name__, run.unacknowledged)
"""
    done = plain_user.run(
        [sys.executable, "-c", script], env=plain_user.environment(NBPROOF_WORKSPACE=str(folder)), check=True
    )
    warned, category, lost = done.stdout.split()
    assert (warned, category) == ("1", RecordingFailed.__name__)
    assert int(lost) >= 5


def test_malformed_settings_are_said_once_and_logging_goes_on(project):
    (project / ".nbproof").mkdir()
    (project / ".nbproof" / "nbproof.toml").write_text("format = [")
    opened = Workspace(Location(project, True, "a test"))
    with pytest.warns(UserWarning, match=r"nbproof\.toml"):
        tracker = opened.tracker
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tracker.log_metric("x", 1.0)
    with pytest.raises(Invalid, match=r"nbproof\.toml"):
        tracker.get_run("@last")
    (project / ".nbproof" / "nbproof.toml").write_text("format = 1")
    assert tracker.get_run("@last").metrics == {"x": 1.0}
    opened.close()


def test_a_workspace_from_the_future_is_refused_with_the_way_out_and_loses_nothing(project):
    (project / ".nbproof").mkdir()
    settings = project / ".nbproof" / "nbproof.toml"
    settings.write_text("format = 99")
    opened = Workspace(Location(project, True, "a test"))
    with pytest.warns(UserWarning, match="format 99"):
        opened.tracker.log_metric("x", 1.0)
    with pytest.raises(Conflict, match="pip install -U nbproof"):
        opened.tracker.get_run("@last")
    settings.write_text("format = 1")
    assert opened.tracker.get_run("@last").metrics == {"x": 1.0}
    opened.close()


def test_reading_where_nothing_was_recorded_is_empty_and_leaves_no_trace(tracker, project):
    assert tracker.list_experiments().items == []
    with pytest.raises(NotFound):
        tracker.get_run("@last")
    assert list(project.iterdir()) == []


def test_the_front_door_writes_to_the_workspace_of_the_current_folder(workspace):
    with nbp.start_run("via nbp") as run:
        assert nbp.active_run() is run
        nbp.log_metrics({"a": 1, "b": 2}, step=4)
    assert nbp.get_run("via nbp").metrics == {"a": 1.0, "b": 2.0}
    assert nbp.active_run() is None


# -- what is refused is refused in the one way --------------------------------------------------------


@pytest.mark.parametrize(
    "log",
    [
        lambda: nbp.log_metric("m", Decimal("sNaN")),
        lambda: nbp.log_metric("m", Fraction(10**400)),
        lambda: nbp.log_metric("m", 10**5000),
        lambda: nbp.log_metric("m", 1, step=10**5000),
        lambda: nbp.log_metric("m", 1, time=10**5000),
        lambda: nbp.log_metric("m", "1"),
        lambda: nbp.log_metrics({"m": 1, "n": "x"}),
        lambda: nbp.log_metrics([("m", 1)]),  # type: ignore[arg-type]  # that is the point
        lambda: nbp.log_artifact(""),
        lambda: nbp.log_artifact("a\0b"),
    ],
)
def test_a_wrong_argument_is_invalid_and_starts_no_run(workspace, log):
    with pytest.raises(Invalid):
        log()
    assert nbp.active_run() is None


@pytest.mark.parametrize("look", [nbp.get_run, nbp.list_metrics, lambda id: nbp.compare_runs(id, id)])
@pytest.mark.parametrize("reference", [None, 3, b"last"])
def test_a_run_is_named_by_text(workspace, look, reference):
    with pytest.raises(Invalid, match="named by text"):
        look(reference)


def test_no_step_follows_the_greatest(tracker):
    with tracker.start_run("steps"):
        tracker.log_metric("m", 1, step=2**63 - 1)
        with pytest.raises(Invalid, match="none follows"):
            tracker.log_metric("m", 2)
        with pytest.raises(Invalid, match="none follows"):
            tracker.log_metrics({"m": 2})
        tracker.log_metric("m", 3, step=-1)
    assert values_of(tracker.get_run("steps"), "m") == [1, 3]


def test_an_integer_too_long_for_text_is_kept_as_hex(tracker):
    with tracker.start_run("long"):
        tracker.log_param("p", 10**5000)
    assert int(tracker.get_run("long").params["p"], 16) == 10**5000


def test_changing_a_run_says_when_the_disk_did_not_take_it(tracker, workspace, monkeypatch):
    with tracker.start_run("kept"):
        pass

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(workspace.journal), "event", full)
    with pytest.raises(Unavailable, match="No space left"):
        tracker.update_run("kept", notes="new")


@pytest.mark.parametrize(
    "call",
    [
        lambda: nbp.log_metric("x", 1.0),
        lambda: nbp.log_metrics({"x": 1.0}),
        lambda: nbp.log_param("a", 1),
        lambda: nbp.log_params({"a": 1}),
        lambda: nbp.set_tag("a", "b"),
        lambda: nbp.start_run("again"),
        lambda: nbp.active_run().log_metric("x", 1.0),
        lambda: nbp.active_run().log_metrics({"x": 1.0}),
        lambda: nbp.active_run().log_params({"a": 1}),
        lambda: nbp.end_run(),
    ],
)
def test_the_warning_of_a_failed_record_names_the_users_line(project, call):
    (project / ".nbproof").mkdir()
    (project / ".nbproof" / "journal").write_text("a file in its place")
    opened = Workspace(Location(project, True, "a test"), say=lambda line: None)
    before = use(opened)
    try:
        with pytest.warns(RecordingFailed):
            run = opened.tracker.start_run("r")
        run._warned = False
        with pytest.warns(RecordingFailed) as told:
            call()
    finally:
        use(before)
        opened.close()
    assert {Path(each.filename) for each in told} == {Path(__file__)}
    assert {each.lineno for each in told} == {call.__code__.co_firstlineno}


def test_of_a_masked_column_what_lies_below_the_mask_is_never_a_value(tracker):
    column = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])
    whole = np.ma.array([1.0, 2.0, 3.0])
    with tracker.start_run("masked") as run:
        with pytest.raises(Invalid, match="masked"):
            run.log_history("loss", column)
        with pytest.raises(Invalid, match="masked"):
            run.log_history("loss", [1.0, 2.0, 3.0], steps=np.ma.array([1, 2, 3], mask=[False, True, False]))
        run.log_history("loss", whole)
        run.log_frame({"epoch": [5, 6, 7], "auc": column, "f1": whole}, step="epoch")
    found = tracker.get_run("masked")
    assert found.metric_history("loss")["value"].tolist() == [1.0, 2.0, 3.0]
    assert found.metric_history("auc")[["step", "value"]].values.tolist() == [[5.0, 1.0], [7.0, 3.0]]
    assert found.metric_history("f1")["value"].tolist() == [1.0, 2.0, 3.0]


class Scaler:
    """A user's class, without a text of its own."""


def test_functions_classes_and_objects_are_kept_without_their_place_in_memory(tracker):
    for name in ("one", "two"):
        params = {"loss": math.sqrt, "type": Scaler, "object": Scaler(), "f": lambda x: x, "of": [Scaler()]}
        with tracker.start_run(name, params=params):
            pass
    found = tracker.get_run("one").params
    assert found == tracker.get_run("two").params
    assert found["loss"] == "math.sqrt" and found["type"] == f"{__name__}.Scaler"
    assert found["object"] == f"<{__name__}.Scaler object>" and "0x" not in str(found)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (None, "float('nan')"),
        ("high", "float(...)"),
        ({"auc": 1.0}, "log_metrics"),
        ([1.0, 2.0], "log_history"),
        (object(), "one number"),
    ],
)
def test_what_is_no_metric_is_told_with_what_to_do(tracker, value, hint):
    with pytest.raises(Invalid) as told:
        tracker.log_metric("auc", value)
    assert hint in (told.value.hint or "")

"""Every operation does the same locally and over HTTP.

Each scenario below is run twice: on the workspace of this process, and through a real server by the client
that is made from the same declarations.  A test fails when an operation has no scenario.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from nbproof.core.clock import SystemClock
from nbproof.core.errors import Conflict, Invalid, NotFound
from nbproof.core.operation import Download, validated
from nbproof.datasets.parcels import FileContent, Header, Piece, parcel_of
from nbproof.platform.location import Location
from nbproof.platform.maintenance import restore_workspace
from nbproof.platform.remote import RemoteWorkspace
from nbproof.platform.rooms import find_operation, operations
from nbproof.platform.workspace import Workspace
from nbproof.storage.journal.wire import Sent, encode
from nbproof.storage.journal.writer import JournalWriter
from nbproof.tracking.point_stream import points_from
from nbproof.tracking.provenance import Capture
from nbproof.tracking.service import ExperimentTracker
from tests.support.journals import read_all
from tests.support.served import Served

SCENARIOS: dict[str, Callable[[Caller, Path], None]] = {}


class Caller:
    """Asks operations by name."""

    def __init__(self, workspace: Workspace | RemoteWorkspace, folder: Path) -> None:
        self.workspace = workspace
        self.folder = folder  # in which the workspace is

    def __call__(self, verb: str, /, **values: Any) -> Any:
        operation = find_operation(verb)
        return self.workspace.call(operation, validated(operation.ask, values))

    def job(self, accepted: Any) -> Any:
        """The job once it has ended."""
        deadline = time.monotonic() + 60
        while (job := self("jobs.get", id=accepted.id)).status in ("queued", "running"):
            assert time.monotonic() < deadline, "the job did not end in time"
            time.sleep(0.02)
        return job

    def run(self, name: str, experiment: str = "e", **values: Any) -> str:
        return str(self("runs.start", id=experiment, name=name, **values).id)


def scenario(*names: str) -> Callable[[Callable[[Caller, Path], None]], Callable[[Caller, Path], None]]:
    def declare(function: Callable[[Caller, Path], None]) -> Callable[[Caller, Path], None]:
        for name in names:
            SCENARIOS[name] = function
        return function

    return declare


@pytest.fixture(scope="module")
def server(plain_user) -> Iterator[Served]:
    served = Served(plain_user, plain_user.folder("served"))
    yield served
    served.close()


@pytest.fixture(params=["locally", "over HTTP"])
def call(request: pytest.FixtureRequest, project: Path) -> Iterator[Caller]:
    if request.param == "locally":
        workspace = Workspace(Location(project, False, "a test"), say=lambda line: None)
        yield Caller(workspace, project)
        workspace.close()
        return
    server: Served = request.getfixturevalue("server")
    # A folder, and so a workspace, of its own for each test.
    folder = server.root / f"w{abs(hash(request.node.name))}"
    folder.mkdir()
    server.user.own(folder)
    found = server.get(f"/workspaces/resolve?path={folder.name}")
    assert not found["exists"]
    remote = RemoteWorkspace(f"{server.url}?workspace={found['id']}", token=server.token)
    yield Caller(remote, folder)


@scenario("experiments.create", "experiments.get", "experiments.list")
def experiments(call: Caller, folder: Path) -> None:
    made = call("experiments.create", name="churn/2026 💥", description="who", tags={"team": "a"})
    assert call("experiments.get", id="churn/2026 💥") == made
    assert call("experiments.get", id=made.id).tags == {"team": "a"}
    with pytest.raises(Conflict):
        call("experiments.create", name="churn/2026 💥")
    with pytest.raises(NotFound) as caught:
        call("experiments.get", id="churn/2026")
    assert "churn/2026 💥" in str(caught.value)
    for number in range(3):
        call("experiments.create", name=f"e{number}")
    first = call("experiments.list", limit=3)
    rest = call("experiments.list", limit=3, after=first.next)
    assert {each.name for each in first.items + rest.items} == {"churn/2026 💥", "e0", "e1", "e2"}
    assert rest.next is None
    with pytest.raises(Invalid) as refused:
        call("experiments.create", name="x" * 10_000)
    assert refused.value.details["field"] == "name"


@scenario("runs.start", "runs.get", "runs.end", "runs.resume")
def life_of_a_run(call: Caller, folder: Path) -> None:
    parent = call.run("parent")
    started = call(
        "runs.start",
        id="e",
        name="child",
        tags={"a": "b"},
        params={"m": {"d": 3}},
        notes="n",
        parent_id="parent",
    )
    assert (started.status, started.parent_id, started.params, started.tags) == (
        "running",
        parent,
        {"m.d": 3},
        {"a": "b"},
    )
    ended = call("runs.end", id="child", status="failed")
    assert ended.status == "failed" and ended.ended >= ended.started
    with pytest.raises(Conflict):
        call("runs.end", id="child")
    assert call("runs.resume", id="child").status == "running"
    assert call("runs.end", id=started.id).status == "finished"
    assert call("runs.get", id=started.id[-6:]).id == started.id
    with pytest.raises(NotFound):
        call("runs.get", id="nobody")
    with pytest.raises(Invalid):
        call("runs.end", id="child", status="dead")
    again = call("runs.start", id="e", name="parent", run_id=parent)
    with pytest.raises(NotFound):
        call("runs.start", id="0" * 32)
    assert again.id == parent and len(call("runs.list", id="e").items) == 2


@scenario("runs.open")
def a_run_with_an_experiment_or_a_parent(call: Caller, folder: Path) -> None:
    parent = call("runs.open", experiment="e", name="parent", params={"depth": 3})
    child = call("runs.open", parent_id="parent", name="child")
    assert (parent.experiment, parent.parent_id, parent.params) == ("e", None, {"depth": 3})
    assert (child.experiment, child.parent_id, child.status) == ("e", parent.id, "running")
    elsewhere = call("runs.open", experiment="other", parent_id=parent.id)
    assert (elsewhere.experiment, elsewhere.parent_id) == ("other", parent.id)
    with pytest.raises(Invalid, match="an experiment, or a parent"):
        call("runs.open", name="nowhere")
    with pytest.raises(NotFound):
        call("runs.open", parent_id="nobody")


@scenario("runs.list", "runs.search", "runs.compare")
def many_runs(call: Caller, folder: Path) -> None:
    for number in range(5):
        call.run(f"r{number}", params={"depth": number, "seed": 1})
        call("runs.log_metric", id=f"r{number}", key="auc", value=number / 10)
    page = call("runs.list", id="e", limit=3)
    rest = call("runs.list", id="e", limit=3, after=page.next)
    assert [run.name for run in page.items + rest.items] == ["r4", "r3", "r2", "r1", "r0"]
    found = call("runs.search", query="metrics.auc >= 0.2 and params.depth < 4 order by metrics.auc asc")
    assert [run.name for run in found.items] == ["r2", "r3"]
    assert call("runs.search", query="", experiment="e", limit=2).next
    with pytest.raises(Invalid) as caught:
        call("runs.search", query="metrics.auc >")
    assert caught.value.details["column"] == 14
    with pytest.raises(Invalid):
        call("runs.search", after="nonsense")
    compared = call("runs.compare", id=["r1", "r4"])
    assert [(row.key, row.values) for row in compared.params] == [("depth", [1, 4]), ("seed", [1, 1])]
    for number in range(5):
        for step in range(10):
            call("runs.log_metric", id=f"r{number}", key="loss", value=1 / (step + 1), step=step)
    compared = call("runs.compare", id=["r1", "r4"], metrics=["loss"], smoothing=0.5, points=5)
    (loss,) = compared.charts
    assert [course.run for course in loss.courses] == [0, 1]
    assert all(len(course.steps) == len(course.smoothed) <= 5 for course in loss.courses)
    with pytest.raises(Invalid):
        call("runs.compare", id=["r1"])
    with pytest.raises(Invalid):
        call("runs.compare", id=["r1", "r2"], smoothing=1)


@scenario("environment.get", "runs.environment")
def environments(call: Caller, folder: Path) -> None:
    here = call("environment.get")
    assert here.packages["numpy"] and here.python
    call.run("bare")
    with pytest.raises(NotFound):
        call("runs.environment", id="bare")
    call("runs.set_provenance", id="bare", environment=here.model_dump())
    assert call("runs.environment", id="bare") == here
    run = call("runs.get", id="bare")
    assert (run.environment_hash, run.os) == (here.hash, here.os)


@scenario("searches.save", "searches.list", "searches.delete", "runs.complete_search", "runs.leaderboard")
def searches(call: Caller, folder: Path) -> None:
    for number in range(4):
        call.run(f"r{number}", params={"model": "ab"[number % 2], "seed": number // 2})
        call("runs.log_metric", id=f"r{number}", key="auc", value=number / 10)
    saved = call("searches.save", name="gut/ü", query="metrics.auc > 0.05 order by metrics.auc")
    assert call("searches.list").items == [saved]
    found = call("runs.search", query='@"gut/ü" and params.model = "b"')
    assert [run.name for run in found.items] == ["r1", "r3"]
    with pytest.raises(Invalid) as caught:
        call("searches.save", name="bad", query="name ~ '('")
    assert caught.value.details["column"] == 10
    offered = call("runs.complete_search", query="params.model = ", limit=5)
    assert (offered.start, [each.text for each in offered.items]) == (15, ['"a"', '"b"'])
    assert call("runs.complete_search", query="metrics.a and", cursor=9).items[0].text == "metrics.auc"
    board = call("runs.leaderboard", metric="auc", query="status = 'running'", over=["params.seed"])
    assert [(group.keys, group.n) for group in board.groups] == [
        ({"params.model": "b"}, 2),
        ({"params.model": "a"}, 2),
    ]
    assert board.groups == call("runs.leaderboard", metric="auc", group_by=["params.model"]).groups
    with pytest.raises(NotFound):
        call("runs.leaderboard", metric="acu")
    call("searches.delete", name="gut/ü")
    with pytest.raises(NotFound):
        call("searches.delete", name="gut/ü")


@scenario("runs.update", "runs.set_provenance")
def facts_of_a_run(call: Caller, folder: Path) -> None:
    call.run("before")
    run = call("runs.update", id="before", name="after", notes="# good\n\n<b>")
    assert (run.name, run.notes) == ("after", "# good\n\n<b>")
    assert call("runs.update", id="after", notes="").notes in (None, "")
    assert call("runs.update", id="after", group="sweep").group == "sweep"
    call(
        "runs.set_provenance",
        id="after",
        git={"commit": "c0ffee", "branch": "main", "dirty": True, "remote": "https://ann:pw@host/a"},
        code="ab",
        entry="script",
        command="train.py --password hunter2",
    )
    run = call("runs.get", id="after")
    assert (run.git.commit, run.git.branch, run.git.dirty, run.code) == ("c0ffee", "main", True, "ab")
    assert (run.git.remote, run.entry) == ("https://host/a", "script")
    assert run.command == "train.py --password [redacted]" and run.redacted == 1


@scenario("runs.log_metric", "runs.log_metrics", "runs.metrics", "runs.metric_history")
def metrics(call: Caller, folder: Path) -> None:
    call.run("r")
    when = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    call("runs.log_metric", id="r", key="loss/train ü", value=0.5, step=2**63 - 1, time=when)
    for value in (math.nan, math.inf, -math.inf):
        call("runs.log_metric", id="r", key="odd", value=value)
    call("runs.log_metrics", id="r", metrics={"a": 1, "b": 2}, step=7)
    (point,) = call("runs.metric_history", id="r", name="loss/train ü").items
    assert (point.step, point.value, point.time) == (2**63 - 1, 0.5, when)
    odd = call("runs.metric_history", id="r", name="odd").items
    assert math.isnan(odd[0].value) and [each.value for each in odd[1:]] == [math.inf, -math.inf]
    assert [each.step for each in odd] == [0, 1, 2]
    found = {each.name: each for each in call("runs.metrics", id="r").items}
    assert (found["a"].value, found["b"].step, found["odd"].count) == (1.0, 7, 3)
    for step in range(1000):
        if step % 100 == 0:
            call("runs.log_metric", id="r", key="long", value=step, step=step)
    thinned = call("runs.metric_history", id="r", name="long", max_points=4)
    assert thinned.count == 10 and len(thinned.items) <= 4
    assert {0.0, 900.0} <= {each.value for each in thinned.items}
    with pytest.raises(NotFound, match="long"):
        call("runs.metric_history", id="r", name="lon")
    with pytest.raises(Invalid) as caught:
        call("runs.log_metric", id="r", key="x", value="many")
    assert caught.value.details["field"] == "value"
    call("runs.end", id="r")
    with pytest.raises(Conflict):
        call("runs.log_metric", id="r", key="x", value=1)


@scenario("runs.log_history", "runs.log_frame", "runs.metric_lines", "runs.points")
def histories(call: Caller, folder: Path) -> None:
    for name in ("r", "s"):
        call.run(name)
        call("runs.log_history", id=name, key="loss", values=[3, math.nan, math.inf], steps=[0, 2**63 - 1, 5])
    when = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    call("runs.log_history", id="r", key="auc", values=[0.5, 0.75], times=[when, when])
    call(
        "runs.log_frame",
        id="r",
        columns={"epoch": [1, 2**60 + 1], "at": [10, 20.5], "f1": [0.1, 0.2], "gap": [None, -math.inf]},
        step="epoch",
        time="at",
    )
    loss = call("runs.metric_history", id="r", name="loss").items
    assert [each.step for each in loss] == [0, 2**63 - 1, 5]
    assert math.isnan(loss[1].value) and loss[2].value == math.inf
    assert [each.time for each in call("runs.metric_history", id="r", name="auc").items] == [when, when]
    f1 = call("runs.metric_history", id="r", name="f1").items
    assert [(each.step, each.time.timestamp()) for each in f1] == [(1, 10.0), (2**60 + 1, 20.5)]
    assert [each.value for each in call("runs.metric_history", id="r", name="gap").items] == [-math.inf]
    found = {each.name: each for each in call("runs.metrics", id="r").items}
    assert (found["auc"].best, found["auc"].best_step) == (0.75, 1)
    lines = call("runs.metric_lines", id=["r", "s", "r"], name=["loss", "auc"], axis="step")
    assert [(line.run, line.metric, line.count) for line in lines.items] == [
        ("r", "loss", 3),
        ("r", "auc", 2),
        ("s", "loss", 3),
    ]
    (thin,) = call("runs.metric_lines", id=["r"], name=["auc"], axis="time", max_points=2).items
    assert thin.x == [when.timestamp()] * 2 and thin.y == [0.5, 0.75]
    (part,) = call("runs.metric_lines", id=["r"], name=["loss"], low=4.5, high=1e6).items
    assert (part.x, part.y, part.count) == ([5], [math.inf], 3)
    with call("runs.points", id="r", name=["f1", "loss", "none"]).open() as stream:
        whole = points_from(stream)
    assert {name: points.steps.tolist() for name, points in whole.items()} == {
        "f1": [1, 2**60 + 1],
        "loss": [0, 2**63 - 1, 5],
    }
    assert math.isnan(whole["loss"].values[1]) and whole["f1"].times.tolist() == [10_000_000, 20_500_000]
    with call("runs.points", id="r").open() as stream:
        assert list(points_from(stream)) == ["auc", "f1", "gap", "loss"]
    with pytest.raises(NotFound, match="did you mean 'loss'"):
        call("runs.points", id="r", name=["los"])
    assert call("runs.metric_lines", id=["r"], name=["none"]).items == []
    with pytest.raises(NotFound):
        call("runs.metric_lines", id=["nobody"], name=["loss"])
    with pytest.raises(Invalid):
        call("runs.log_history", id="r", key="loss", values=[1, 2], steps=[1])
    with pytest.raises(Invalid):
        call("runs.log_frame", id="r", columns={"a": [1], "b": [1, 2]})


@scenario("runs.log_param", "runs.log_params", "runs.set_tag", "runs.set_tags")
def params_and_tags(call: Caller, folder: Path) -> None:
    call.run("r")
    call("runs.log_param", id="r", key="lr", value=0.1)
    call("runs.log_param", id="r", key="lr", value=0.2)
    call("runs.log_params", id="r", params={"deep": {"er": [1, None, "x"]}, "on": False})
    call("runs.set_tag", id="r", key="owner", value="ann")
    call("runs.end", id="r")
    call("runs.set_tags", id="r", tags={"owner": None, "ok": "yes"})  # people tag what has ended
    run = call("runs.get", id="r")
    assert run.params == {"lr": 0.2, "deep.er": [1, None, "x"], "on": False}
    assert run.tags == {"ok": "yes"}
    with pytest.raises(Invalid):
        call("runs.log_params", id="r", params={})


@scenario("runs.delete", "runs.delete_many", "runs.restore", "runs.restore_many", "runs.purge")
def the_trash(call: Caller, folder: Path) -> None:
    parent = call.run("parent")
    child = call.run("child", parent_id="parent")
    call.run("other", params={"depth": 3})
    for name in ("child", "parent"):
        with pytest.raises(Conflict, match="running"):
            call("runs.delete", id="parent")
        call("runs.end", id=name)
    assert call("runs.delete", id="parent").deleted is not None
    assert [run.name for run in call("runs.list", id="e").items] == ["other"]
    assert {run.name for run in call("runs.list", id="e", deleted=True).items} == {"parent", "child"}
    assert [run.name for run in call("runs.search").items] == ["other"]
    assert len(call("runs.search", query="deleted is not null").items) == 2
    assert call("runs.restore", id="parent").deleted is None
    assert call("runs.get", id="child").deleted is None
    call("runs.end", id="other")
    assert call("runs.delete_many", id=["other", "child"]).count == 2
    with pytest.raises(NotFound):
        call("runs.delete_many", id=["parent", "nobody"])
    assert call("runs.get", id="parent").deleted is None
    assert call("runs.restore_many", id=["child"]).ids == [child]
    with pytest.raises(Invalid) as refused:
        call("runs.purge")
    assert refused.value.details["field"] == "yes"
    with pytest.raises(Conflict, match="not in the trash"):
        call("runs.purge", id=["parent"], yes=True)
    assert call("runs.purge", dry_run=True).runs == 1
    assert call("runs.purge", older_than_days=1, yes=True).runs == 0
    assert call("runs.purge", yes=True).runs == 1
    with pytest.raises(NotFound):
        call("runs.get", id="other")
    assert call("runs.get", id=parent).children == {"finished": 1}


@scenario("experiments.delete", "experiments.restore")
def the_trash_of_experiments(call: Caller, folder: Path) -> None:
    call.run("r", experiment="churn")
    with pytest.raises(Conflict):
        call("experiments.delete", id="churn")
    call("runs.end", id="r")
    assert call("experiments.delete", id="churn").deleted is not None
    assert call("experiments.list").items == [] and call("runs.search").items == []
    assert [each.name for each in call("experiments.list", deleted=True).items] == ["churn"]
    with pytest.raises(Conflict, match="trash"):
        call("experiments.create", name="churn")
    back = call("experiments.restore", id="churn")
    assert (back.deleted, back.run_count) == (None, 1)


@scenario("runs.cancel")
def cancelling(call: Caller, folder: Path) -> None:
    call.run("r")
    assert call("runs.cancel", id="r").status == "cancelled"  # it belongs to no process
    with pytest.raises(Conflict, match="cancelled"):
        call("runs.cancel", id="r")


@scenario("runs.children")
def nested_runs(call: Caller, folder: Path) -> None:
    call.run("sweep")
    for number, auc in enumerate((0.7, 0.9, math.nan)):
        call.run(f"trial {number}", parent_id="sweep", group="g")
        call("runs.log_metric", id=f"trial {number}", key="auc", value=auc)
    call.run("fold", parent_id="trial 0")
    call("runs.end", id="trial 1")
    found = call("runs.children", id="sweep", metric=["auc", "none"])
    assert (found.count, found.descendants, found.statuses) == (3, 4, {"finished": 1, "running": 2})
    auc, nothing = found.metrics
    assert (auc.count, auc.best, auc.mean, auc.min) == (2, 0.9, pytest.approx(0.8), 0.7)
    assert auc.best_run == call("runs.get", id="trial 1").id
    assert auc.std == pytest.approx(0.02**0.5) and (nothing.count, nothing.best) == (0, None)
    assert call("runs.get", id="sweep").children == {"finished": 1, "running": 2}
    assert call("runs.get", id="fold").children == {}
    assert len(call("runs.search", query='group = "g"').items) == 3


@scenario("runs.param_history")
def history_of_a_param(call: Caller, folder: Path) -> None:
    call.run("r", params={"depth": 3})
    for value in (3, "deep", math.inf, 5):
        call("runs.log_param", id="r", key="depth", value=value)
    found = call("runs.param_history", id="r", key="depth")
    assert [each.value for each in found.items] in (
        [3, "deep", math.inf, 5],
        [3, "deep", "Infinity", 5],  # plain JSON has no word for it
    )
    assert sorted(each.time for each in found.items) == [each.time for each in found.items]
    with pytest.raises(NotFound, match="depth"):
        call("runs.param_history", id="r", key="dept")


@scenario(
    "runs.log_artifact",
    "runs.artifact",
    "runs.artifact_folder",
    "runs.artifacts",
    "runs.artifact_preview",
    "runs.delete_artifact",
    "runs.log_reference",
)
def artifacts(call: Caller, folder: Path) -> None:
    call.run("r")
    content = bytes(range(256)) * 5_000
    (folder / "model.bin").write_bytes(content)
    call("runs.log_artifact", id="r", path=folder / "model.bin")
    call("runs.log_artifact", id="r", path=folder / "model.bin", name="deep/er/ü 1.bin")
    assert {each.name for each in call("runs.get", id="r").artifacts} == {"model.bin", "deep/er/ü 1.bin"}
    found = call("runs.artifact", id="r", name="deep/er/ü 1.bin")
    assert isinstance(found, Download)
    with found.open() as stream:
        assert stream.read() == content
    with pytest.raises(NotFound, match=r"model\.bin"):
        call("runs.artifact", id="r", name="modle.bin")
    with pytest.raises(Invalid):
        call("runs.log_artifact", id="r", path=folder / "model.bin", name="../../escape")
    zipped = call("runs.artifact_folder", id="r", name="deep")
    with zipped.open() as stream, zipfile.ZipFile(io.BytesIO(stream.read())) as archive:
        assert (zipped.name, archive.namelist()) == ("deep.zip", ["deep/er/ü 1.bin"])
        assert archive.read("deep/er/ü 1.bin") == content
    with pytest.raises(NotFound, match="did you mean 'deep'"):
        call("runs.artifact_folder", id="r", name="depe")
    versions_of_artifacts(call, folder)
    looks_at_artifacts(call, folder)


def versions_of_artifacts(call: Caller, folder: Path) -> None:
    for text in ("one", "two"):
        (folder / "a.txt").write_text(text)
        call("runs.log_artifact", id="r", path=folder / "a.txt", name="ü/a.txt", step=len(text), kind="note")
    with call("runs.artifact", id="r", name="ü/a.txt@v1").open() as stream:
        assert stream.read() == b"one"
    (shown,) = call("runs.artifacts", id="r", prefix="ü").items
    assert (shown.version, shown.kind, shown.step, shown.size_bytes) == (2, "note", 3, 3)
    every = call("runs.artifacts", id="r", prefix="ü", versions=True, limit=1)
    assert [each.version for each in every.items] == [1]
    rest = call("runs.artifacts", id="r", prefix="ü", versions=True, after=every.next)
    assert [each.version for each in rest.items] == [2]
    top = call("runs.artifacts", id="r", folder="").items
    assert [each.name for each in top] == ["deep/", "model.bin", "ü/"]
    assert call("runs.artifacts", id="r", name="ü/a.txt@v1").items[0].version == 1
    call("runs.delete_artifact", id="r", name="ü/a.txt@v2")
    with call("runs.artifact", id="r", name="ü/a.txt").open() as stream:
        assert stream.read() == b"one"
    call("runs.delete_artifact", id="r", name="ü/a.txt")
    for verb in ("runs.artifact", "runs.artifact_preview", "runs.delete_artifact"):
        with pytest.raises(NotFound):
            call(verb, id="r", name="ü/a.txt")


def looks_at_artifacts(call: Caller, folder: Path) -> None:
    (folder / "scores.csv").write_text("name,score\nann,1\nbob,2\n")
    call("runs.log_artifact", id="r", path=folder / "scores.csv")
    preview = call("runs.artifact_preview", id="r", name="scores.csv")
    assert (preview.shows, preview.rows, preview.row_count) == ("table", [["ann", "1"], ["bob", "2"]], 2)
    call(
        "runs.log_reference",
        id="r",
        target="s3://bucket/huge.bin",
        size_bytes=2**40,
        metadata={"etag": "x"},
    )
    (referenced,) = call("runs.artifacts", id="r", prefix="huge").items
    assert (referenced.reference, referenced.size_bytes) == ("s3://bucket/huge.bin", 2**40)
    assert call("runs.artifact_preview", id="r", name="huge.bin").text == "s3://bucket/huge.bin"
    with pytest.raises(Conflict):
        call("runs.artifact", id="r", name="huge.bin")
    with pytest.raises(Invalid):
        call("runs.log_reference", id="r", target="s3://b/k", hash="nonsense")


@scenario(
    "datasets.register", "datasets.list", "datasets.versions", "datasets.show", "datasets.columns",
    "datasets.get", "datasets.update", "datasets.alias", "datasets.delete", "datasets.lineage",
    "datasets.track_transformation", "datasets.objects", "datasets.profile", "datasets.remove_alias",
)  # fmt: skip
def datasets(call: Caller, folder: Path) -> None:
    file = folder / "sales.csv"
    file.write_text("city,visits\nOslo,3\nRome,5\n")
    first = call(
        "datasets.register", path=file, name="sales", description="as it came", tags={"owner": "ann"}
    )
    assert (first.name, first.kind, first.size_bytes, first.unchanged) == ("sales@v1", "file", 26, False)
    assert call("datasets.register", path=file, name="sales").unchanged
    file.write_text("city,visits\nOslo,3\nRome,5\nBonn,8\n")
    second = call("datasets.register", path=file, name="sales", alias=["prod"])
    assert (second.version, second.aliases) == (2, ["prod"])
    (listed,) = call("datasets.list").items
    assert (listed.name, listed.latest, listed.versions, listed.aliases) == ("sales", 2, 2, {"prod": 2})
    assert call("datasets.list", query="nothing").items == []
    page = call("datasets.versions", name="sales", limit=1)
    assert [each.version for each in page.items] == [2]
    assert [each.version for each in call("datasets.versions", name="sales", after=page.next).items] == [1]
    shown = call("datasets.show", id="sales@v1")
    assert (shown.description, shown.tags, shown.digest) == ("as it came", {"owner": "ann"}, first.digest)
    assert call("datasets.show", id=first.digest[:12]).version == 1
    city, visits = call("datasets.columns", id="sales").columns
    assert (city.kind, city.distinct, city.top[0][1]) == ("categorical", 3, 1)
    assert (visits.minimum, visits.maximum, sum(visits.bars)) == (3, 8, 3)
    with call("datasets.get", id="sales@v1").open() as stream:
        assert stream.read() == b"city,visits\nOslo,3\nRome,5\n"
    with call("datasets.get", id="sales@v1", format="csv", column=["visits"], limit=1).open() as stream:
        assert stream.read() == b'"visits"\n3\n'
    with call("datasets.profile", id="sales").open() as stream:
        assert [each["name"] for each in json.load(stream)] == ["city", "visits"]
    with call("datasets.objects", id="sales@v1", objects=[f"b3/{first.digest}"]).open() as stream:
        assert json.loads(stream.read()[8:])["kind"] == "file"
    with pytest.raises(NotFound, match="has nothing at"):
        call("datasets.objects", id="sales", objects=[f"b3/{first.digest}"])
    assert call("datasets.update", id="sales@v1", tags={"owner": "", "seen": "yes"}).tags == {"seen": "yes"}
    assert call("datasets.alias", id="sales@v1", alias="prod").aliases == ["prod"]
    with pytest.raises(NotFound, match="no alias"):
        call("datasets.show", id="sales@dev")
    call("datasets.alias", id="sales@v1", alias="old")
    assert call("datasets.remove_alias", id="sales@old", alias="old").aliases == ["prod"]
    with pytest.raises(NotFound, match="sales@v1 has no alias 'old'"):
        call("datasets.remove_alias", id="sales@v1", alias="old")
    with pytest.raises(NotFound, match="sales@v2 has no alias 'prod'"):
        call("datasets.remove_alias", id="sales@v2", alias="prod")
    with pytest.raises(Invalid, match="alias"):
        call("datasets.alias", id="sales@v1", alias="v7")
    made = call(
        "datasets.track_transformation", inputs=["sales@v1", "s3://raw/x.csv"], output="sales@v2", code="more"
    )
    assert made.name == "sales@v2"
    graph = call("datasets.lineage", id="sales@v2", direction="upstream", depth=1)
    assert {node.label for node in graph.nodes} >= {"sales@v2", "sales@v1"}
    assert {edge.relation for edge in graph.edges} >= {"derived"}
    with pytest.raises(NotFound, match="no dataset 'nothing'"):
        call("datasets.track_transformation", inputs=["nothing"], output="sales@v2")
    assert [each.version for each in call("datasets.delete", id="sales@v2").items] == [2]
    assert call("datasets.show", id="sales").version == 1
    call("datasets.delete", id="sales", all=True)
    with pytest.raises(NotFound, match="no dataset 'sales'"):
        call("datasets.show", id="sales")


@scenario("datasets.refer")
def references(call: Caller, folder: Path) -> None:
    place = call.folder
    (place / "big.csv").write_text("city,visits\nOslo,3\n")
    made = call("datasets.refer", path=str(place / "big.csv"), alias=["prod"], description="stays")
    assert (made.name, made.aliases, made.rows) == ("big@v1", ["prod"], 1)
    assert made.reference["target"] == str(place / "big.csv")
    assert call("datasets.refer", path=str(place / "big.csv")).unchanged
    assert call("content.stats").referenced_versions == 1
    with call("datasets.get", id="big").open() as stream:
        assert stream.read() == b"city,visits\nOslo,3\n"
    (place / "big.csv").write_text("city,visits\nOslo,30\n")
    with pytest.raises(Conflict, match="big@v1 was registered by reference"):
        call("datasets.get", id="big")
    verified = call.job(call("content.verify")).result
    assert (verified["changed"], verified["missing"]) == (["big@v1"], [])
    (place / "big.csv").unlink()
    assert call.job(call("content.verify")).result["missing"] == ["big@v1"]
    with pytest.raises(NotFound, match="any more"):
        call("datasets.get", id="big")
    with pytest.raises(NotFound, match="there is nothing at"):
        call("datasets.refer", path=str(place / "none.csv"))


@scenario("datasets.send")
def parcels(call: Caller, folder: Path) -> None:
    content = b"city,visits\nOslo,3\n"
    hash = blake3(content).digest()
    header = Header(name="sent", aliases=["prod"], content=FileContent(size=len(content), hash=hash.hex()))

    def sent(pieces: list[Piece]) -> Any:
        (folder / "parcel").write_bytes(b"".join(parcel_of(header, pieces)[1]))
        return call("datasets.send", path=folder / "parcel")

    assert sent([]).wanted == [hash.hex()]
    with pytest.raises(NotFound):
        call("datasets.show", id="sent")
    made = sent([Piece(hash, hash, len(content), lambda: [content])]).version
    assert (made.name, made.aliases, made.unchanged) == ("sent@v1", ["prod"], False)
    assert sent([]).version.unchanged
    (folder / "parcel").write_bytes(b"something else")
    with pytest.raises(Invalid, match="no parcel"):
        call("datasets.send", path=folder / "parcel")


@scenario(
    "datasets.drift", "datasets.leakage", "drift_reports.list", "drift_reports.get", "drift_reports.add"
)
def comparing_distributions(call: Caller, folder: Path) -> None:
    file = folder / "sales.csv"
    for factor in (1, 1000):
        rows = "".join(f"{factor * (number + 0.5)},Oslo\n" for number in range(500))
        file.write_text(f"price,city\n{rows}")
        call("datasets.register", path=file, name="sales")
    report = call("datasets.drift", reference="sales@v1", current="sales")
    assert (report.reference, report.current, report.severity) == ("sales@v1", "sales@v2", "critical")
    assert report.columns[0].sentence.endswith("(×1,000): has the unit changed?")
    assert len(report.columns[0].reference_bars) == len(report.columns[0].edges) - 1 > 1
    exact = call("datasets.drift", reference="sales@v1", current="sales", exact=True, columns=["price"])
    assert exact.exact and exact.columns[0].statistic == pytest.approx(report.columns[0].statistic)
    assert call("drift_reports.get", id=report.id[-6:]) == report
    assert {each.id for each in call("drift_reports.list", dataset="sales").items} == {report.id, exact.id}
    assert len(call("drift_reports.list", limit=1).items) == 1
    told = report.model_dump(mode="json") | {"id": "f" * 32, "current_id": None, "current": "a frame"}
    added = call("drift_reports.add", report=told)
    assert call("drift_reports.get", id=added.id).current == "a frame"
    with pytest.raises(NotFound, match="no dataset version"):
        call("drift_reports.add", report=told | {"current_id": "0" * 32})
    leakage = call("datasets.leakage", train="sales@v1", test="sales@v1")
    assert (leakage.findings[0].code, leakage.findings[0].share) == ("duplicate", 1)
    with pytest.raises(Invalid) as refused:
        call("datasets.leakage", train="sales@v1", test="sales@v2", entity=["customer"])
    assert refused.value.details["field"] == "entity"
    for wrong in ({"current": "sales@v7"}, {"columns": ["prize"]}):
        with pytest.raises(NotFound):
            call("datasets.drift", **{"reference": "sales@v1", "current": "sales", **wrong})
    with pytest.raises(NotFound, match="no drift report"):
        call("drift_reports.get", id="0" * 32)


@scenario("datasets.diff")
def comparing_content(call: Caller, folder: Path) -> None:
    file = folder / "sales.csv"
    for rows in ("Oslo,3\nRome,5\n", "Oslo,4\nBonn,8\nBern,9\n"):
        file.write_text(f"city,visits\n{rows}")
        call("datasets.register", path=file, name="sales")
    diff = call("datasets.diff", a="sales@v1", b="sales", key=["city"])
    assert (diff.rows_added, diff.rows_removed, diff.rows_changed) == (2, 1, 1)
    assert diff.changes[0].values == {"visits": (3, 4)} and diff.changes[0].key == {"city": "Oslo"}
    assert [each["city"] for each in diff.added] == ["Bonn", "Bern"]
    assert "2 added, 1 removed, 1 changed" in diff.to_markdown()
    assert call("datasets.diff", a="sales", b="sales@v2").same
    assert call("datasets.diff", a="sales@v1", b="sales@v2", markdown=True).rows_after == 3
    for wrong in ({"a": "sales@v7"}, {"key": ["town"]}):
        with pytest.raises(NotFound):
            call("datasets.diff", **{"a": "sales@v1", "b": "sales", **wrong})


@scenario("datasets.compare")
def comparing_in_a_job(call: Caller, folder: Path) -> None:
    file = folder / "sales.csv"
    for rows in ("Oslo,3\nRome,5\n", "Oslo,4\nBonn,8\nBern,9\n"):
        file.write_text(f"city,visits\n{rows}")
        call("datasets.register", path=file, name="sales")
    versions = {"a": "sales@v1", "b": "sales"}
    job = call.job(call("datasets.compare", **versions, key=["city"]))
    assert (job.result["rows_added"], job.result["rows_removed"], job.result["rows_changed"]) == (2, 1, 1)
    assert job.result["changes"][0]["values"] == {"visits": [3, 4]}
    job = call.job(call("datasets.compare", **versions, find="leakage", entity=["city"]))
    assert (job.result["train_rows"], job.result["findings"][0]["code"]) == (2, "entity")
    with pytest.raises(NotFound, match="no version v7"):
        call("datasets.compare", a="sales@v1", b="sales@v7")
    with pytest.raises(Invalid, match="key says nothing"):
        call("datasets.compare", **versions, find="leakage", key=["city"])


@scenario("datasets.contract", "datasets.set_contract")
def contracts(call: Caller, folder: Path) -> None:
    file = folder / "contract.json"
    file.write_text('{"columns": {"visits": {"min": 0}}, "key": ["city"]}')
    told = call("datasets.set_contract", name="sales", file=file, on_breach="refuse")
    assert told.contract["columns"] == {"visits": {"min": 0}} and told.contract["on_breach"] == "refuse"
    assert call("datasets.contract", name="sales") == told
    (folder / "sales.csv").write_text("city,visits\nOslo,-3\n")
    with pytest.raises(Invalid, match="sales breaks its contract: visits: the least is -3"):
        call("datasets.register", path=folder / "sales.csv", name="sales")
    (folder / "sales.txt").write_text("no rows")
    with pytest.raises(Invalid, match="sales breaks its contract: a file is no table"):
        call("datasets.register", path=folder / "sales.txt", name="sales")
    (folder / "sales.csv").write_text("city,visits\nOslo,3\n")
    call("datasets.register", path=folder / "sales.csv", name="other")
    proposal = call("datasets.contract", name="other@v1", propose=True)
    assert proposal.proposed and proposal.contract["columns"]["visits"]["type"] == "int64"
    file.write_text("null")
    assert call("datasets.set_contract", name="sales", file=file).contract is None
    for text in ("{", '{"column": {}}', "[1]"):
        file.write_text(text)
        with pytest.raises(Invalid):
            call("datasets.set_contract", name="sales", file=file)
    with pytest.raises(NotFound):
        call("datasets.contract", name="nothing")


@scenario("journal.take", "content.keep", "content.find")
def journals_of_other_machines(call: Caller, folder: Path) -> None:
    writer = JournalWriter(folder / "afar", clock=SystemClock())
    nothing = Capture(git=False, command=False, environment=False)
    tracker = ExperimentTracker(writer, _not_here, _not_here, _not_here, capture=nothing)
    with tracker.start_run("from afar", experiment="e") as run:
        run.log_metric("x", 1.5)
    (batch,) = read_all(folder / "afar")
    stretch = folder / "stretch"
    stretch.write_bytes(encode(Sent(batch, "closed", durable=True)))
    for _ in range(2):
        assert call("journal.take", writer=writer.id, path=stretch).drained == batch.to
    found = call("runs.get", id="from afar")
    assert (found.id, found.status, found.metrics) == (run.id, "finished", {"x": 1.5})
    with pytest.raises(Invalid):
        call("journal.take", writer="0" * 32, path=stretch)
    stretch.write_bytes(b"something else")
    with pytest.raises(Invalid, match="no stretch of a journal"):
        call("journal.take", writer=writer.id, path=stretch)

    digest = blake3(b"something else").hexdigest()
    assert call("content.find", hash=digest).location is None
    kept = call("content.keep", hash=digest, path=stretch)
    assert kept.size_bytes == 14 and call("content.find", hash=digest).location == kept.location
    older = hashlib.blake2b(b"something else", digest_size=32).hexdigest()  # as an earlier sender has it
    assert call("content.keep", hash=older, path=stretch).location == kept.location
    with pytest.raises(Invalid, match="announced"):
        call("content.keep", hash="0" * 64, path=stretch)


def _not_here() -> Any:
    raise AssertionError("recording reads nothing")


@scenario("runs.export", "runs.exported", "runs.import")
def moving(call: Caller, folder: Path) -> None:
    call.run("r", params={"depth": 3}, notes="n")
    (folder / "a.txt").write_text("hello")
    call("runs.log_artifact", id="r", path=folder / "a.txt")
    call("runs.log_metric", id="r", key="x", value=math.nan, step=2**60)
    call("runs.end", id="r")
    with pytest.raises(NotFound):
        call("runs.export", id=["nobody"])
    exported = call.job(call("runs.export", id=["r"]))
    assert exported.result["taken"]["runs"] == 1
    with pytest.raises(NotFound):
        call("runs.exported", id="0" * 32)
    found = call("runs.exported", id=exported.id)
    assert isinstance(found, Download) and found.path and found.media_type == "application/zip"
    (folder / "runs.zip").write_bytes(found.path.read_bytes())
    again = call.job(call("runs.import", path=folder / "runs.zip", name="runs.zip"))
    assert again.result["outcomes"] == {"there already": 1}
    copied = call.job(
        call("runs.import", path=folder / "runs.zip", name="runs.zip", new_ids=True, experiment="copies")
    )
    assert copied.result["outcomes"] == {"taken": 1} and (folder / "runs.zip").is_file()
    (copy,) = call("runs.list", id="copies").items
    assert copy.params == {"depth": 3} and [each.name for each in copy.artifacts] == ["a.txt"]
    (folder / "steps.csv").write_text("epoch,loss\n0,0.5\n")
    read = call.job(
        call("runs.import", path=folder / "steps.csv", name="steps.csv", column={"loss": "metric"})
    )
    assert read.result["format"] == "csv" and call("runs.get", id="steps").metrics == {"loss": 0.5}
    (folder / "bad.zip").write_bytes(b"PK\x03\x04 no more")
    bad = call.job(call("runs.import", path=folder / "bad.zip", name="bad.zip"))
    assert bad.status == "failed" and bad.error["code"] == "invalid"
    with pytest.raises(NotFound):
        call("runs.exported", id=bad.id)


@scenario("lineage.export", "lineage.import")
def lineage_in_and_out(call: Caller, folder: Path) -> None:
    run = call.run("train")
    ends = {"source": {"kind": "file", "id": "/d/ü.csv"}, "target": {"kind": "run", "id": run}}
    call("lineage.add", edges=[{**ends, "relation": "read"}])
    with call("lineage.export").open() as stream:
        told = stream.read()
    assert len(told.splitlines()) == 2 and run in told.decode()
    with call("lineage.export", id="train").open() as stream:
        assert len(stream.read().splitlines()) == 2
    with pytest.raises(NotFound):
        call("lineage.export", id="nobody")
    with pytest.raises(Invalid):
        call("lineage.export", kind="run")
    (folder / "events.jsonl").write_bytes(told + b"{\n")
    taken = call("lineage.import", path=folder / "events.jsonl")
    assert (taken.events, taken.added, taken.known, taken.malformed) == (2, 0, 1, 1)
    assert taken.problems[0].line == 3


@scenario("lineage.graph", "lineage.add")
def where_things_come_from(call: Caller, folder: Path) -> None:
    run = call.run("train")
    read = {
        "source": {"kind": "file", "id": "/data/säles 💥.csv"},
        "target": {"kind": "run", "id": run},
        "relation": "read",
        "code": "pd.read_csv(...)",
        "details": {"rows": 2**60},
    }
    told = call("lineage.add", edges=[read, {**read, "relation": "copied"}])
    assert (told.added, told.known) == (2, 0)
    assert call("lineage.add", edges=[read]).known == 1
    graph = call("lineage.graph", id="train")
    assert [(node.kind, node.label) for node in graph.nodes] == [("run", "train"), ("file", "säles 💥.csv")]
    assert {each.relation for each in graph.edges} == {"read", "copied"} and graph.complete
    down = call(
        "lineage.graph", kind="file", id="/data/säles 💥.csv", direction="downstream", depth=1, limit=1
    )
    assert len(down.edges) == 1 and not down.complete and down.drawing is None
    assert len(call("lineage.graph", id="train", drawing=True).drawing.edges) == 2
    assert call("lineage.graph", id="/data/säles 💥.csv", direction="upstream").edges == []
    with pytest.raises(NotFound):
        call("lineage.graph", id="nothing")
    for odd in ({"kind": "dataset"}, {"depth": -1}, {"direction": "up"}, {"id": "x" * 10_000}):
        with pytest.raises(Invalid) as caught:
            call("lineage.graph", **{"id": "train", **odd})
        assert caught.value.details["field"] == next(iter(odd))
    with pytest.raises(Invalid) as refused:
        call("lineage.add", edges=[read, {**read, "target": {"kind": "runs", "id": run}}])
    assert refused.value.details["field"] == "edges[1].target.kind"


@scenario("jobs.list", "jobs.get", "jobs.cancel")
def jobs(call: Caller, folder: Path) -> None:
    assert call("jobs.list").items == []
    with pytest.raises(NotFound):
        call("jobs.get", id="0" * 32)
    with pytest.raises(NotFound):
        call("jobs.cancel", id="0" * 32)


@scenario("maintenance.gc")
def garbage(call: Caller, folder: Path) -> None:
    call.run("r")
    for content in (b"first", b"second"):
        (folder / "a.bin").write_bytes(content)
        call("runs.log_artifact", id="r", path=folder / "a.bin")
    found = call("maintenance.gc", dry_run=True)
    assert (found.objects, found.dry_run) == (0, True)  # what was replaced is a version, and stays
    assert found.kept_objects == 2
    with pytest.raises(Invalid):
        call("maintenance.gc", grace_hours=-1)


@scenario("content.verify", "content.stats", "content.rebuild_index", "datasets.forget")
def content(call: Caller, folder: Path) -> None:
    (folder / "a.bin").write_bytes(b"content" * 1000)
    call("datasets.register", path=folder / "a.bin", name="a")
    job = call.job(call("content.verify"))
    assert job.result["records"] >= 2 and job.result["damaged"] == []
    found = call("content.stats")
    assert found.versions == 1 and found.logical_bytes > 7000 and found.packs == 1
    assert call("content.rebuild_index").records >= 2
    with pytest.raises(Invalid, match="can't be undone"):
        call("datasets.forget", id="a@v1")
    assert call("datasets.forget", id="a@v1", dry_run=True).versions == ["a@v1"]
    done = call("datasets.forget", id="a@v1", yes=True)
    assert done.complete and done.erased_bytes > 0
    assert call("datasets.show", id="a@v1").forgotten
    with pytest.raises(Invalid):
        call("content.verify", percent=0)


@scenario("maintenance.backup", "maintenance.backed_up")
def backups(call: Caller, folder: Path) -> None:
    call.run("r", params={"depth": 3})
    (folder / "a.bin").write_bytes(b"content")
    call("runs.log_artifact", id="r", path=folder / "a.bin")
    call("runs.end", id="r")
    job = call.job(call("maintenance.backup"))
    assert job.result["files"] >= 2 and job.result["version"]
    with pytest.raises(NotFound):
        call("maintenance.backed_up", id="0" * 32)
    with pytest.raises(NotFound, match="no export but"):
        call("runs.exported", id=job.id)
    found = call("maintenance.backed_up", id=job.id)
    assert (
        isinstance(found, Download) and found.path and found.path.stat().st_size == job.result["size_bytes"]
    )
    restore_workspace(found.path, folder / "restored", now_us=2**60)
    restored = Workspace(Location(folder / "restored", True, "a test"), say=lambda line: None)
    assert restored.tracker.get_run("r").params == {"depth": 3}
    assert restored.tracker.get_artifact("r", "a.bin")[0].read_bytes() == b"content"
    restored.close()


@scenario("workspaces.list", "workspaces.resolve")
def workspaces(call: Caller, folder: Path) -> None:
    call.run("r")
    found = call("workspaces.resolve", path="")
    assert found.id and found.root
    assert found.id in {each.id for each in call("workspaces.list").items} or not found.exists
    with pytest.raises(Invalid):
        call("workspaces.resolve", path="../..")


def test_every_operation_has_a_scenario():
    assert {each.name for each in operations()} == set(SCENARIOS)


@pytest.mark.parametrize(
    "function", dict.fromkeys(SCENARIOS.values()), ids=lambda function: function.__name__
)
def test_an_operation_does_the_same_everywhere(call, tmp_path, function):
    function(call, tmp_path)

"""Runs and artifacts in the graph of where things come from, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from nbproof.core.errors import Conflict, NotFound
from nbproof.lineage.models import LineageEdge
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace


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
def story(workspace, project):
    """A file is read by a run; its child writes two artifacts, of which one is a reference."""
    tracker = workspace.tracker
    (project / "sales.csv").write_text("a,b\n1,2\n")
    (project / "model.bin").write_bytes(b"weights")
    with (
        tracker.start_run("parent", experiment="e") as parent,
        tracker.start_run("child", experiment="e", nested=True) as child,
    ):
        tracker.log_text("one", "notes.txt")
        tracker.log_text("two", "notes.txt")
        tracker.log_artifact(project / "model.bin", reference=True)
    told = LineageEdge(
        source=("file", str(project / "sales.csv")), target=("run", parent.id), relation="read"
    )
    workspace.lineage.add_edges([told])
    return {"parent": parent.id, "child": child.id}


def shown(graph):
    names = {(node.kind, node.id): node.label for node in graph.nodes}
    return {
        f"{names[each.source.kind, each.source.id]} {each.relation} {names[each.target.kind, each.target.id]}"
        for each in graph.edges
    }


ALL = {
    "sales.csv read parent",
    "parent nested child",
    "child wrote notes.txt@v2",
    "child wrote model.bin@v1",
    "model.bin@v1 refers model.bin",
}


@pytest.mark.parametrize("depth", [None, 10])
def test_the_whole_way_from_a_file_through_runs_to_artifacts(workspace, story, project, depth):
    lineage = workspace.lineage

    down = lineage.downstream(("file", str(project / "sales.csv")), depth)
    up = lineage.upstream(("file", str(project / "model.bin")), depth)

    assert shown(down) == ALL
    assert shown(up) == ALL - {"child wrote notes.txt@v2"}
    assert {node.link for node in down.nodes if node.kind == "run"} == {
        f"/runs/{run}" for run in story.values()
    }


def test_an_earlier_version_of_an_artifact_is_known_too(workspace, story):
    earlier = ("artifact", f"{story['child']}/notes.txt@v1")

    assert shown(workspace.lineage.upstream(earlier, 1)) == {"child wrote notes.txt@v1"}
    for odd in ("x", f"{story['child']}/notes.txt@v7", f"{story['child']}/notes.txt@v" + "9" * 40):
        assert workspace.lineage.around(("artifact", odd)).edges == []


def test_runs_and_files_are_called_by_what_people_call_them(workspace, story, project):
    lineage = workspace.lineage

    assert lineage.resolve("@last").id == story["child"]
    assert lineage.resolve("parent").id == story["parent"]
    assert lineage.resolve("model.bin").id == str(project / "model.bin")
    assert lineage.resolve("sales.csv").id == str(project / "sales.csv")
    with pytest.raises(NotFound) as caught:
        lineage.resolve("parant")
    assert "parent" in (caught.value.hint or "")
    with workspace.tracker.start_run("parent", experiment="e"):
        pass
    with pytest.raises(Conflict):
        lineage.resolve("parent")


def test_a_run_thrown_away_is_no_longer_told_and_purged_it_takes_its_edges_along(workspace, story, project):
    lineage, tracker = workspace.lineage, workspace.tracker
    notes = ("artifact", f"{story['child']}/notes.txt@v2")
    made = ("external", "dwh/made")
    lineage.add_edges(
        [
            LineageEdge(source=notes, target=made, relation="copied"),
            LineageEdge(
                source=made, target=("external", "dwh/next"), relation="derived", run_id=story["child"]
            ),
        ]
    )
    tracker.delete_run("child")
    assert "parent nested child" not in shown(lineage.downstream(("run", story["parent"])))

    tracker.purge_runs(yes=True)

    assert lineage.around(("run", story["child"])).edges == []
    (left,) = lineage.around(made).edges
    assert (left.target.id, left.run_id) == ("dwh/next", None)
    assert shown(lineage.around(("run", story["parent"]))) == {"sales.csv read parent"}

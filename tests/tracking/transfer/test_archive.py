"""One file of runs: all of a run arrives, anybody can read it, and nothing harmful or damaged gets in."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
import zipfile

import pytest
from blake3 import blake3

from nbproof.core.errors import Conflict, Invalid, NotFound
from nbproof.lineage.models import LineageEdge
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace
from nbproof.tracking.active import SecretBlanked
from nbproof.tracking.transfer.archive import ArchiveSource
from tests.support.content import lose


def fill(workspace, folder):
    """Two runs, one nested in the other, with everything that is odd."""
    tracker = workspace.tracker
    (folder / "model.bin").write_bytes(bytes(range(256)) * 40)
    tracker.create_experiment("churn", description="Who leaves?", tags={"team": "growth"})
    with tracker.start_run(
        "parent", experiment="churn", notes="# good\n\n*ü*", tags={"a,b": 'x"y\n'}
    ) as parent:
        tracker.log_params({"big": 2**70, "rate": 0.1, "nan": math.nan, "list": [1, math.inf, None, "x"]})
        tracker.log_params({"text": "NaN", "off": False, "none": None})
        for value in (0.1, 1 / 3, -0.0, math.nan, math.inf, -math.inf, 5e-324):
            tracker.log_metric('odd, "quoted" ü', value)
        for step in (2**63 - 1, -(2**63), 7, 7):
            tracker.log_metric("steps", 1.0, step=step, time=1.5)
        tracker.log_artifact(folder / "model.bin", "deep/ü 1.bin")
        for step, text in enumerate(("first", "second", "third", "first")):
            tracker.log_artifact(
                text.encode(), name="notes.txt", step=step, metadata={"loss": math.nan, "deep": {"n": [1]}}
            )
        tracker.delete_artifact(parent.id, "notes.txt@v2")
        tracker.log_histogram([1.0, 2.0, 2.0], "weights")
        tracker.log_artifact("s3://lake/birds.parquet", reference=True)
        tracker.log_artifact(folder / "model.bin", "where.bin", reference=True)
        for rate in (0.3, 0.2, 0.3):
            tracker.log_param("tried", rate)
        with tracker.start_run("child", experiment="churn", nested=True) as child:
            tracker.log_metric("auc", 0.5)
        tracker.set_provenance(child.id, git={"commit": "c0ffee", "branch": "main", "dirty": True}, code="ab")
    return parent.id, child.id


def digest_of(content):
    return blake3(content).hexdigest()


def same(ours, theirs):
    """Equal, NaN too."""
    return json.dumps(ours, default=str, sort_keys=True) == json.dumps(theirs, default=str, sort_keys=True)


def facts(workspace, run_id):
    run = workspace.tracker.get_run(run_id)
    told = run.model_dump(exclude={"experiment_id", "artifacts", "newest_metric"})
    points = {
        name: [
            (step, time, struct.pack("<d", value))
            for step, time, value in zip(
                *(column.tolist() for column in workspace.runs.metric_columns(run_id, name)), strict=True
            )
        ]
        for name in run.metrics
    }
    kept = [each.model_dump(exclude={"location"}) for each in run.artifacts]
    versions = workspace.tracker.list_artifacts(run_id, versions=True).items
    read = []
    for each in versions:
        if each.reference is None:
            with workspace.storage.open(each.location) as stream:
                read.append(stream.read())
    previews = [
        workspace.tracker.preview_artifact(run_id, f"{each.name}@v{each.version}").model_dump()
        for each in versions
    ]
    history = {key: workspace.tracker.param_history(run_id, key).model_dump() for key in run.params}
    every = [each.model_dump(exclude={"location"}) for each in versions]
    return told, points, kept, every, read, previews, history


def rewritten(file, target, change):
    """The same archive after `change` of its members, with a manifest that agrees."""
    with zipfile.ZipFile(file) as packed:
        members = {info.filename: packed.read(info) for info in packed.infolist()}
    change(members)
    manifest = json.loads(members.pop("manifest.json"))
    manifest["members"] = {
        name: {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
    }
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
        packed.writestr("manifest.json", json.dumps(manifest))
    return target


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """A workspace with two runs, and the file they were exported to."""
    folder = tmp_path_factory.mktemp("moved")
    source = Workspace(Location(folder, False, "a test"), say=lambda line: None)
    fill(source, folder)
    source.transfer.export_runs(output=folder / "runs.zip")
    yield source, folder / "runs.zip"
    source.close()


@pytest.fixture
def exported(moved):
    """A file with two runs."""
    return moved[1]


def test_all_of_a_run_arrives(workspace, project, database_url):
    source, target = workspace("source"), workspace("target", database=database_url)
    ids = fill(source, project)

    told = source.transfer.export_runs("parent", output=project / "runs.zip")
    report = target.transfer.import_runs(project / "runs.zip")

    assert report.outcomes == {"taken": 2} and report.not_taken == []
    assert report.taken == told.taken
    assert told.not_taken == []
    assert told.taken == {"runs": 2, "params": 8, "tags": 1, "metrics": 3, "points": 12, "artifacts": 7}
    for run_id in ids:
        for ours, theirs in zip(facts(target, run_id), facts(source, run_id), strict=True):
            assert same(ours, theirs)
    assert target.tracker.get_run("child").parent_id == ids[0]
    kept = target.tracker.get_experiment("churn")
    assert (kept.description, kept.tags) == ("Who leaves?", {"team": "growth"})


@pytest.mark.parametrize("new_ids", [False, True])
def test_the_lineage_of_a_run_and_of_its_artifacts_goes_along(workspace, project, new_ids):
    here, there = workspace("here"), workspace("there")
    with here.tracker.start_run("train", experiment="e") as run:
        here.tracker.log_text("weights", "model.txt")
    data, made = ("file", "/data/sales.csv"), ("external", "dwh/scores")
    here.lineage.add_edges(
        [
            LineageEdge(
                source=data, target=("run", run.id), relation="read", code="read_csv()", details={"rows": 3}
            ),
            LineageEdge(source=("artifact", f"{run.id}/model.txt@v1"), target=made, relation="copied"),
            LineageEdge(source=made, target=("external", "dwh/next"), relation="derived", run_id=run.id),
            LineageEdge(source=data, target=("external", "elsewhere"), relation="copied"),
        ]
    )
    here.transfer.export_runs(output=project / "runs.zip")

    for _ in range(2):
        there.transfer.import_runs(project / "runs.zip", new_ids=new_ids)

    arrived = [each.id for each in there.tracker.list_runs("e").items]
    assert (run.id in arrived, len(arrived)) == ((False, 2) if new_ids else (True, 1))
    records = there.lineage._records()
    kept = records.whole(list(records.every()))
    assert len(kept) == 2 * len(arrived) + 1
    for identifier in arrived:
        graph = there.lineage.around(("run", identifier))
        ends = {(each.source.id, each.relation, each.target.id) for each in graph.edges}
        model = f"{identifier}/model.txt@v1"
        assert ends == {
            ("/data/sales.csv", "read", identifier),
            (identifier, "wrote", model),
            (model, "copied", "dwh/scores"),
            ("dwh/scores", "derived", "dwh/next"),
        }
    read = next(each for each in kept if each.relation == "read")
    assert (read.code, read.details) == ("read_csv()", {"rows": 3})


def test_lineage_that_is_not_understood_is_left_out_and_told(workspace, exported, project):
    def spoil(members):
        for name in [each for each in members if each.endswith("run.json")]:
            told = json.loads(members[name])
            told["lineage"] = [{"source": 1}]
            members[name] = json.dumps(told).encode()

    report = workspace("there").transfer.import_runs(rewritten(exported, project / "odd.zip", spoil))

    assert report.outcomes == {"taken": 2}
    assert [(each.kind, each.count) for each in report.not_taken] == [("lineage", 2)]


def test_how_many_secrets_were_blanked_arrives_and_is_counted_once(workspace, project):
    source, target = workspace("source"), workspace("target")
    with pytest.warns(SecretBlanked):
        source.tracker.start_run("slip", params={"db": "postgresql://ann:hunter2@islands/birds"}).end()
    source.transfer.export_runs("slip", output=project / "runs.zip")
    for _ in range(2):
        report = target.transfer.import_runs(project / "runs.zip")
        assert report.not_taken == []
        assert target.tracker.get_run("slip").redacted == 1


def test_importing_again_changes_nothing(workspace, exported, database_url):
    target = workspace("target", database=database_url)
    target.transfer.import_runs(exported)
    before = [facts(target, each.id) for each in target.tracker.list_runs("churn").items]

    report = target.transfer.import_runs(exported)

    assert report.outcomes == {"there already": 2}
    assert set(report.taken.values()) == {0}
    assert same(before, [facts(target, each.id) for each in target.tracker.list_runs("churn").items])


def test_a_run_of_the_same_id_that_differs_is_left_alone_and_said(workspace, exported):
    target = workspace("target")
    target.transfer.import_runs(exported)
    target.tracker.update_run("parent", name="mine")

    report = target.transfer.import_runs(exported)

    assert report.outcomes == {"differs": 1, "there already": 1}
    (run,) = [run for run in report.runs if run.outcome == "differs"]
    assert run.differences == ["name is 'mine' here and 'parent' there"]
    assert target.tracker.get_run(run.id).name == "mine"


def test_what_was_added_here_is_no_difference(workspace, exported):
    target = workspace("target")
    target.transfer.import_runs(exported)
    run = target.tracker.reopen_run("parent")
    target.tracker.set_tag("reviewed", "yes", run_id=run.id)
    target.tracker.end_run(run_id=run.id)

    assert target.transfer.import_runs(exported).outcomes == {"there already": 2}


def test_a_version_that_is_another_here_or_was_deleted_here_is_left_as_it_is(workspace, exported):
    target = workspace("target")
    target.transfer.import_runs(exported)
    run = target.tracker.reopen_run("parent")
    target.tracker.delete_artifact(run.id, "notes.txt@v3")
    target.tracker.log_artifact(b"mine", name="notes.txt", run_id=run.id)
    target.tracker.end_run(run_id=run.id)

    assert target.transfer.import_runs(exported).outcomes == {"there already": 2}
    assert [
        each.version for each in target.tracker.list_artifacts(run.id, prefix="notes", versions=True).items
    ] == [1, 4, 5]


def test_of_a_run_that_has_grown_the_new_versions_are_brought(workspace, project):
    source, target = workspace("source"), workspace("target")
    with source.tracker.start_run("live", experiment="e"):
        source.tracker.log_artifact(b"one", name="notes.txt")
        source.transfer.export_runs("live", output=project / "early.zip")
        source.tracker.log_artifact(b"two", name="notes.txt")
        source.tracker.log_artifact("s3://lake/birds.parquet", reference=True)
    source.transfer.export_runs("live", output=project / "late.zip")

    target.transfer.import_runs(project / "early.zip")
    assert target.transfer.import_runs(project / "late.zip").outcomes == {"completed": 1}
    run = target.tracker.get_run("live")
    assert [run.artifacts[f"notes.txt@v{n}"].read_text() for n in (1, 2)] == ["one", "two"]
    assert run.artifacts["birds.parquet"].reference == "s3://lake/birds.parquet"
    assert target.transfer.import_runs(project / "early.zip").outcomes == {"there already": 1}


def test_a_reference_to_something_else_is_a_difference(workspace, project):
    source, target = workspace("source"), workspace("target")
    source.tracker.start_run("one", experiment="e").end()
    run = source.tracker.reopen_run("one")
    source.tracker.log_artifact("s3://lake/birds", run_id=run.id, reference=True)
    source.tracker.end_run(run_id=run.id)
    source.transfer.export_runs(output=project / "runs.zip")

    def elsewhere(members):
        name = next(name for name in members if name.endswith("run.json"))
        members[name] = members[name].replace(b"s3://lake", b"s3://ann:hunter2secret@pond")

    changed = rewritten(project / "runs.zip", project / "changed.zip", elsewhere)
    target.transfer.import_runs(project / "runs.zip")
    report = target.transfer.import_runs(changed)
    assert report.runs[0].differences == ["artifact 'birds' refers to something else here"]
    report = target.transfer.import_runs(changed, new_ids=True)
    assert target.tracker.get_run(report.runs[0].id).artifacts["birds"].reference == "s3://pond/birds"


def test_with_new_ids_every_run_is_taken_again(workspace, exported):
    target = workspace("target")
    target.transfer.import_runs(exported)

    report = target.transfer.import_runs(exported, new_ids=True, experiment="copies")

    assert report.outcomes == {"taken": 2}
    runs = {run.name: run for run in target.tracker.list_runs("copies").items}
    assert runs["child"].parent_id == runs["parent"].id
    assert not {run.id for run in runs.values()} & {r.id for r in target.tracker.list_runs("churn").items}


def test_a_dry_run_says_the_same_and_records_nothing(workspace, exported):
    target = workspace("target")

    dry = target.transfer.import_runs(exported, dry_run=True)

    assert not target.exists
    real = target.transfer.import_runs(exported)
    assert dry.dry_run and (dry.outcomes, dry.taken) == (real.outcomes, real.taken)


def test_an_import_that_was_cut_off_is_completed_by_the_next(workspace, moved, monkeypatch):
    source, exported = moved
    target = workspace("target")
    journal = target.journal
    logged = 0
    before = type(journal.series("0" * 32, "x")).log_many

    def dying(self, count, encode):
        nonlocal logged
        logged += 1
        if logged == 3:
            before(self, 1, encode)
            raise KeyboardInterrupt
        before(self, count, encode)

    with monkeypatch.context() as patched:
        patched.setattr("nbproof.storage.journal.writer.Series.log_many", dying)
        with pytest.raises(KeyboardInterrupt):
            target.transfer.import_runs(exported)
    half = target.tracker.get_run("parent")
    arrived = sum(metric.count for metric in target.tracker.list_metrics(half.id))
    assert half.status == "interrupted"
    assert 0 < arrived < sum(metric.count for metric in source.tracker.list_metrics(half.id))

    report = target.transfer.import_runs(exported)

    assert report.outcomes == {"there already": 1, "completed": 1}
    for run in source.tracker.list_runs("churn").items:
        assert same(facts(target, run.id), facts(source, run.id))
    assert target.transfer.import_runs(exported).outcomes == {"there already": 2}


def test_an_import_that_was_killed_is_completed_by_the_next(workspace, moved, project):
    source, exported = moved
    script = """
import os, signal, sys
import nbproof as nbp
from nbproof.storage.journal.writer import Series
before, logged = Series.log_many, 0
def dying(self, count, encode):
    global logged
    logged += 1
    if logged == 3:
        before(self, 1, encode)
        os.kill(os.getpid(), signal.SIGKILL)
    before(self, count, encode)
Series.log_many = dying
nbp.import_runs(sys.argv[1])
"""
    (project / "target" / ".nbproof").mkdir(parents=True)
    done = subprocess.run([sys.executable, "-c", script, str(exported)], cwd=project / "target", timeout=60)
    assert done.returncode == -signal.SIGKILL
    target = workspace("target")

    report = target.transfer.import_runs(exported)

    assert report.outcomes == {"there already": 1, "completed": 1}
    for run in source.tracker.list_runs("churn").items:
        assert same(facts(target, run.id), facts(source, run.id))


def test_cancelling_before_anything_is_recorded_leaves_nothing(workspace, exported):
    target = workspace("target")

    def stop(fraction, message):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        target.transfer.import_runs(exported, step=stop)
    assert not target.exists


def test_a_run_that_goes_on_is_exported_as_it_is_and_imported_as_interrupted(workspace, project):
    source, target = workspace("source"), workspace("target")
    with source.tracker.start_run("live", experiment="e"):
        source.tracker.log_metric("loss", 1.0)
        source.transfer.export_runs("live", output=project / "early.zip")
        source.tracker.log_metric("loss", 0.5)
    source.transfer.export_runs("live", output=project / "late.zip")

    early = target.transfer.import_runs(project / "early.zip")
    assert target.tracker.get_run("live").status == "interrupted"
    assert any("running" in note for note in early.notes)
    assert target.transfer.import_runs(project / "late.zip").outcomes == {"completed": 1}
    run = target.tracker.get_run("live")
    assert run.status == "finished" and run.metric_history("loss")["value"].tolist() == [1.0, 0.5]
    assert target.transfer.import_runs(project / "early.zip").outcomes == {"there already": 1}


# -- the file itself ------------------------------------------------------------------------------------


def test_the_file_can_be_read_without_nbproof(exported):
    with zipfile.ZipFile(exported) as packed:
        assert "run.json" in packed.read("README.md").decode()
        manifest = json.loads(packed.read("manifest.json"))
        for name, told in manifest["members"].items():
            data = packed.read(name)
            assert told == {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        runs = [json.loads(packed.read(name)) for name in packed.namelist() if name.endswith("run.json")]
        parent = next(run for run in runs if run["name"] == "parent")
        rows = list(
            csv.DictReader(io.StringIO(packed.read(f"runs/{parent['id']}/metrics.csv").decode(), newline=""))
        )
        model = next(each for each in parent["artifacts"] if each["name"] == "deep/ü 1.bin")
        artifact = packed.read(model["file"])
        for each in parent["artifact_versions"]:
            assert digest_of(packed.read(each["file"])) == each["hash"]
    old = {each["file"].rsplit("/", 2)[1]: each["hash"] for each in parent["artifact_versions"]}
    assert old == {str(n): digest_of(text) for n, text in ((1, b"first"), (3, b"third"))}
    assert [each["value"] for each in parent["param_history"]["tried"]] == [0.3, 0.2, 0.3]
    assert parent["params"]["big"] == 2**70 and parent["params"]["nan"] == {"$float": "NaN"}
    assert parent["params"]["text"] == "NaN"
    odd = [float(row["value"]) for row in rows if row["metric"] == 'odd, "quoted" ü']
    assert odd[:3] == [0.1, 1 / 3, -0.0] and math.isnan(odd[3]) and odd[4:] == [math.inf, -math.inf, 5e-324]
    assert [int(row["step"]) for row in rows if row["metric"] == "steps"] == [2**63 - 1, -(2**63), 7, 7]
    assert digest_of(artifact) == model["hash"]


def test_runs_are_chosen_by_name_query_or_experiment(workspace, project):
    source = workspace("source")
    fill(source, project)
    with source.tracker.start_run("alone", experiment="other"):
        pass
    export = source.transfer.export_runs

    assert export("parent", output=project / "a.zip").taken["runs"] == 2  # with what is nested in it
    assert export("child", output=project / "b.zip").taken["runs"] == 1
    assert export(query='name = "alone"', output=project / "c.zip").taken["runs"] == 1
    assert export(experiment="churn", output=project / "d.zip").taken["runs"] == 2
    assert export(output=project / "e.zip").taken["runs"] == 3
    with pytest.raises(NotFound, match="no run"):
        export(query='name = "nobody"', output=project / "f.zip")
    with pytest.raises(Invalid, match="one by one"):
        export("child", experiment="churn", output=project / "f.zip")
    with pytest.raises(Invalid, match="valid string"):
        export(3, output=project / "f.zip")
    assert not (project / "f.zip").exists()


def test_a_file_that_is_there_is_replaced_only_if_asked(workspace, project):
    source = workspace("source")
    fill(source, project)
    (project / "runs.zip").write_text("mine")

    with pytest.raises(Conflict, match="there already"):
        source.transfer.export_runs(output=project / "runs.zip")
    assert (project / "runs.zip").read_text() == "mine"
    source.transfer.export_runs(output=project / "runs.zip", force=True)
    assert zipfile.is_zipfile(project / "runs.zip")
    with pytest.raises(Invalid, match="not there"):
        source.transfer.export_runs(output=project / "no" / "runs.zip")


def test_an_export_that_is_stopped_leaves_no_file(workspace, project):
    source = workspace("source")
    fill(source, project)
    (project / "out").mkdir()
    seen = []

    def stop(fraction, message):
        seen.append(message)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        source.transfer.export_runs(output=project / "out" / "runs.zip", step=stop)
    assert list((project / "out").iterdir()) == []


def test_an_artifact_whose_content_is_gone_is_said_and_the_rest_exported(workspace, project):
    source, target = workspace("source"), workspace("target")
    fill(source, project)
    lose(source, source.tracker.get_run("parent").artifacts["deep/ü 1.bin"].location)

    told = source.transfer.export_runs(output=project / "runs.zip")
    report = target.transfer.import_runs(project / "runs.zip")

    assert [(each.kind, each.count) for each in told.not_taken] == [("artifact", 1)]
    assert [(each.kind, each.count) for each in report.not_taken] == [("artifact", 1)]
    assert report.taken["runs"] == 2
    assert "deep/ü 1.bin" not in target.tracker.get_run("parent").artifacts


def test_a_field_that_this_version_does_not_know_is_said(workspace, exported, project):
    def add(members):
        for name in members:
            if name.endswith("run.json"):
                told = json.loads(members[name])
                told["mood"] = "sunny"
                members[name] = json.dumps(told).encode()

    report = workspace("target").transfer.import_runs(rewritten(exported, project / "later.zip", add))

    assert report.outcomes == {"taken": 2}
    (left,) = report.not_taken
    assert (left.kind, left.names, left.count) == ("field of a run", ["mood"], 1)


def test_a_large_artifact_moves_in_bounded_memory(workspace, project):
    import tracemalloc

    source, target = workspace("source"), workspace("target")
    size = 48 << 20
    with (project / "big.bin").open("wb") as file:
        file.truncate(size)
    with source.tracker.start_run("big", experiment="e"):
        source.tracker.log_artifact(project / "big.bin")
    source.transfer.export_runs(output=project / "warm.zip")  # what is imported once counts for nobody
    tracemalloc.start()
    try:
        source.transfer.export_runs(output=project / "runs.zip")
        target.transfer.import_runs(project / "runs.zip")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 << 20
    assert target.tracker.get_run("big").artifacts[0].size_bytes == size


# -- files that are damaged or mean harm -------------------------------------------------------------------


def refused(workspace, file, match):
    """The file is refused with this reason, and nothing of it was recorded or kept."""
    target = workspace("target")
    with pytest.raises(Invalid, match=match):
        target.transfer.import_runs(file)
    assert not target.exists


def raw(target, content, *, manifest=True, **extra):
    """A zip of (ZipInfo or name, bytes)."""
    with zipfile.ZipFile(target, "w") as packed:
        for name, data in content:
            packed.writestr(name, data)
        if manifest:
            told = {
                "format": "nbproof runs",
                "version": 1,
                "members": {
                    name if isinstance(name, str) else name.filename: {
                        "size_bytes": len(data),
                        "sha256": hashlib.sha256(data).hexdigest(),
                    }
                    for name, data in content
                },
                **extra,
            }
            packed.writestr("manifest.json", json.dumps(told))
    return target


def test_a_file_that_was_cut_off_is_refused(workspace, exported, project):
    data = exported.read_bytes()
    for part in (0.3, 0.9, 0.999):
        (project / "cut.zip").write_bytes(data[: int(len(data) * part)])
        refused(workspace, project / "cut.zip", "cut off")


def test_every_flipped_byte_is_noticed_or_harmless(workspace, exported, project):
    data = bytearray(exported.read_bytes())
    with ArchiveSource(exported) as source:
        good = list(source.runs())
    for at in range(40, len(data), max(1, len(data) // 60)):
        damaged = data.copy()
        damaged[at] ^= 0x5A
        (project / "flipped.zip").write_bytes(damaged)
        try:
            with ArchiveSource(project / "flipped.zip") as source:
                source.check(lambda fraction, message: None)
                runs = list(source.runs())
        except Invalid:
            continue
        # What zip keeps beside the content (times, attributes) may differ.
        assert [(run.id, run.name, run.params.keys()) for run in runs] == [
            (run.id, run.name, run.params.keys()) for run in good
        ]


@pytest.mark.parametrize(
    "name", ["../../escape", "/etc/passwd", "runs/../../x", "a\\..\\b", "C:/x", "runs//x", "runs/./x"]
)
def test_a_name_that_leads_out_is_refused(workspace, project, name):
    refused(workspace, raw(project / "bad.zip", [(name, b"x")]), "leads out")


def test_a_link_is_refused(workspace, project):
    link = zipfile.ZipInfo("runs/x")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    refused(workspace, raw(project / "bad.zip", [(link, b"/etc/passwd")]), "link")


def test_a_bomb_is_refused_before_it_is_read(workspace, project, monkeypatch):
    monkeypatch.setattr("nbproof.tracking.transfer.archive._RATIO_FROM", 4 << 20)
    with zipfile.ZipFile(project / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("manifest.json", bytes(8 << 20))
    refused(workspace, project / "bomb.zip", "would become")


def test_members_that_are_not_in_the_manifest_or_twice_are_refused(workspace, project, exported):
    shutil.copy(exported, project / "more.zip")
    with zipfile.ZipFile(project / "more.zip", "a") as packed:
        packed.writestr("stray.txt", "x")
    refused(workspace, project / "more.zip", "does not know 'stray.txt'")
    shutil.copy(exported, project / "twice.zip")
    with zipfile.ZipFile(project / "twice.zip", "a") as packed, pytest.warns(UserWarning, match="Duplicate"):
        packed.writestr("README.md", "x")
    refused(workspace, project / "twice.zip", "twice")


def test_a_member_with_another_hash_is_refused(workspace, project, exported):
    with zipfile.ZipFile(exported) as packed:
        members = {info.filename: packed.read(info) for info in packed.infolist()}
    artifact = next(name for name in members if name.endswith(".bin"))
    members[artifact] = b"X" + members[artifact][1:]
    with zipfile.ZipFile(project / "changed.zip", "w") as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    refused(workspace, project / "changed.zip", "another hash")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda told: told.update(status="dancing"), "status"),
        (lambda told: told.update(parent_id="x"), "parent_id"),
        (lambda told: told.update(id="0" * 32), "id"),
        (lambda told: told.update(started="yesterday"), "yesterday"),
        (lambda told: told.pop("experiment"), "experiment"),
        (lambda told: told.update(tags={"a": 3}), "no text"),
        (lambda told: told.update(params=[1]), "understood"),
        (
            lambda told: told.update(
                artifacts=[{"name": "../x", "file": "README.md", "size_bytes": 1, "hash": None}]
            ),
            "stay inside",
        ),
        (
            lambda told: told.update(
                artifact_versions=[
                    {"name": "x", "file": "README.md", "size_bytes": 1, "hash": None, "version": 2**40}
                ]
            ),
            "has the version",
        ),
        (lambda told: told.update(param_history={"lr": [1]}), "understood"),
        (
            lambda told: told.update(
                artifacts=[{"name": "x", "file": "/etc/passwd", "size_bytes": 1, "hash": None}]
            ),
            "not in the file",
        ),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(workspace, project, exported, change, match):
    def spoil(members):
        name = next(name for name in members if name.endswith("run.json"))
        told = json.loads(members[name])
        change(told)
        members[name] = json.dumps(told).encode()

    refused(workspace, rewritten(exported, project / "odd.zip", spoil), match)


@pytest.mark.parametrize(
    "line", ["x,1,2", "x,a,2,3.0", "x,1,2,three", "x,9223372036854775808,1,1.0", '"x,1,2,3']
)
def test_points_that_make_no_sense_are_refused_with_their_line(workspace, project, exported, line):
    def spoil(members):
        name = next(name for name in members if name.endswith("metrics.csv"))
        members[name] = b"metric,step,time_us,value\nx,1,2,3.0\n" + line.encode() + b"\n"

    refused(workspace, rewritten(exported, project / "odd.zip", spoil), r"metrics\.csv, line 3|csv")


def test_other_zips_and_later_formats_are_refused_with_what_to_do(workspace, project):
    refused(workspace, raw(project / "a.zip", [("x", b"x")], manifest=False), "no manifest")
    refused(workspace, raw(project / "b.zip", [], version=2), "pip install -U nbproof")
    refused(workspace, raw(project / "c.zip", [], format="else"), "expected 'nbproof runs'")
    refused(workspace, raw(project / "d.zip", [], members=None), "names no members")
    (project / "e.zip").write_bytes(b"PK\x03\x04" + os.urandom(2000))
    refused(workspace, project / "e.zip", "no zip")


def test_what_is_not_there_or_nothing_known_is_refused(workspace, project):
    target = workspace("target")
    with pytest.raises(Invalid, match="no file or folder"):
        target.transfer.import_runs(project / "nowhere.zip")
    (project / "noise").write_bytes(bytes(100))
    with pytest.raises(Invalid, match="looks like nothing"):
        target.transfer.import_runs(project / "noise")
    (project / "empty").mkdir()
    with pytest.raises(Invalid, match="looks like nothing"):
        target.transfer.import_runs(project / "empty")
    assert not target.exists


def test_two_imports_at_once_take_each_run_once(workspace, exported):
    import threading

    target = workspace("target")
    target.make()
    reports = []
    threads = [
        threading.Thread(
            target=lambda: reports.append(target.transfer.import_runs(exported, step=lambda *_: None))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(report.outcomes.get("taken", 0) for report in reports) == 2
    assert [metric.count for metric in target.tracker.list_metrics("child")] == [1]


def test_a_report_is_shown_as_text_and_as_html(workspace, exported):
    target = workspace("<b>target")
    report = target.transfer.import_runs(exported)
    shown = report._repr_mimebundle_()
    assert "2 taken" in shown["text/plain"] and "12 points" in shown["text/plain"]
    assert "<table>" in shown["text/html"] and "<b>target" not in shown["text/html"]

"""Stores of MLflow, written by MLflow itself (see `assets/make_all.py`) and by hand."""

from __future__ import annotations

import math
import shutil
import sqlite3

import pytest

from nbproof.core.errors import Invalid
from nbproof.tracking.transfer.mlflow import MlflowDatabase

STORES = ["mlflow-2-files", "mlflow-2-sqlite", "mlflow-3-files", "mlflow-3-sqlite"]
SQLITE = ["mlflow-2-sqlite", "mlflow-3-sqlite"]
RUN = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("name", STORES)
def test_a_store_arrives_with_all_that_a_run_has(workspace, store, name):
    target = workspace("target")

    report = target.transfer.import_runs(store(name))

    assert (report.format, report.outcomes) == ("mlflow", {"taken": 4})
    run = target.tracker.get_run("forest")
    assert run.params == {
        "trees": 100, "rate": 0.1, "name": "rf", "verbose": False, "seed": None, "zip": "007",
        "model/depth": 6,
    }  # fmt: skip
    assert (run.experiment, run.status, run.notes) == ("churn", "finished", "All *columns*.")
    assert run.tags["stage"] == "draft" and run.tags["mlflow.runId"] == run.id
    assert run.tags["long"] == "x" * 300 + ": 'quoted'\n and lines"
    assert run.metric_history("loss")[["step", "value"]].values.tolist() == [[0, 0.9], [1, 0.6], [2, 0.5]]
    assert run.metrics["val/auc"] == 0.87
    odd = run.metric_history("odd")["value"].tolist()
    assert len(odd) == 3 and sum(map(math.isnan, odd)) == 1 and {math.inf, -math.inf} <= set(odd)
    files = {"notes.txt", "plots/roc ü.svg"} | ({"best/MLmodel"} if "-3-" in name else set())
    assert {each.name for each in run.artifacts} == files
    assert run.source is not None and run.source.endswith("make_mlflow.py") and run.user
    assert run.started.year >= 2026 and run.ended >= run.started
    assert target.tracker.get_run("fold 0").parent_id == run.id
    assert target.tracker.get_run("bad luck").status == "failed"
    assert target.tracker.get_run("goes on").status == "interrupted"
    kept = target.tracker.get_experiment("churn")
    assert (kept.description, kept.tags) == ("Who leaves?", {"team": "growth"})
    (deleted,) = [each for each in report.not_taken if "deleted" in each.reason]
    assert (deleted.kind, deleted.count) == ("run", 2)


@pytest.mark.parametrize("name", STORES)
def test_importing_a_store_again_changes_nothing(workspace, store, name):
    target = workspace("target")
    target.transfer.import_runs(store(name))

    again = target.transfer.import_runs(store(name))

    assert again.outcomes == {"there already": 4} and set(again.taken.values()) == {0}


@pytest.mark.parametrize("name", ["mlflow-3-files", "mlflow-3-sqlite"])
def test_deleted_runs_are_taken_if_asked(workspace, store, name):
    target = workspace("target")

    report = target.transfer.import_runs(store(name), deleted=True)

    assert report.outcomes == {"taken": 6}
    assert target.tracker.get_run("thrown away").tags["mlflow.lifecycleStage"] == "deleted"
    assert target.tracker.get_run("in a deleted experiment").experiment == "gone"


def test_the_folder_mlruns_and_the_file_mlflow_db_are_stores_too(workspace, store):
    target = workspace("target")
    assert target.transfer.import_runs(store("mlflow-3-files") / "mlruns").outcomes == {"taken": 4}
    assert target.transfer.import_runs(store("mlflow-3-sqlite") / "mlflow.db").outcomes == {"taken": 4}


def test_a_store_that_has_grown_is_completed(workspace, store):
    target = workspace("target")
    folder = store("mlflow-3-files")
    target.transfer.import_runs(folder)
    run = target.tracker.get_run("goes on")
    (file,) = (folder / "mlruns").glob(f"*/{run.id}/metrics/loss")
    with file.open("a") as lines:
        lines.write("1800000000000 0.5 1\n")

    assert target.transfer.import_runs(folder).outcomes == {"there already": 3, "completed": 1}
    assert target.tracker.get_run(run.id).metric_history("loss")["value"].tolist() == [1.0, 0.5]


def test_an_artifact_that_was_replaced_since_is_a_difference(workspace, store):
    target = workspace("target")
    folder = store("mlflow-3-files")
    target.transfer.import_runs(folder)
    (file,) = (folder / "mlruns").glob("*/*/artifacts/notes.txt")
    file.write_text("PLAIN text\n")

    report = target.transfer.import_runs(folder)

    (run,) = [run for run in report.runs if run.outcome == "differs"]
    assert run.differences == ["artifact 'notes.txt' has another content here"]
    file.write_text("longer than it was")
    (run,) = [run for run in target.transfer.import_runs(folder).runs if run.outcome == "differs"]
    assert run.differences == ["artifact 'notes.txt' has 11 bytes here and 18 there"]


def test_what_is_damaged_in_a_folder_is_said_and_the_rest_taken(workspace, store):
    folder = store("mlflow-3-files")
    (loss,) = (folder / "mlruns").glob("*/*/metrics/val/auc")
    loss.write_text("1 0.5 0\nno point\n99999999999999999999 1 1\n2 0.6 1\n3 0.7")
    (meta,) = [each.parents[1] / "meta.yaml" for each in (folder / "mlruns").glob("*/*/metrics/auc")]
    meta.write_text("a: [1, 2\n  b: !!python/object/apply:os.system ['touch /tmp/owned']")
    (folder / "mlruns" / "stray.txt").write_text("x")

    target = workspace("target")
    report = target.transfer.import_runs(folder)

    assert report.outcomes == {"taken": 3}
    reasons = {(each.kind, each.count) for each in report.not_taken}
    assert {("point", 2), ("run", 1)} <= reasons
    run = target.tracker.get_run("forest")
    assert run.metric_history("val/auc")["value"].tolist() == [0.5, 0.6, 0.7]


def test_a_link_out_of_the_store_is_not_followed(workspace, store, project):
    folder = store("mlflow-3-files")
    (project / "secret.txt").write_text("secret")
    (artifacts,) = [each.parent for each in (folder / "mlruns").glob("*/*/artifacts/notes.txt")]
    (artifacts / "link.txt").symlink_to(project / "secret.txt")

    target = workspace("target")
    report = target.transfer.import_runs(folder)

    (left,) = [each for each in report.not_taken if each.kind == "artifact"]
    assert "link" in left.reason
    assert "link.txt" not in {each.name for each in target.tracker.get_run("forest").artifacts}


def test_an_address_outside_the_store_is_not_followed(workspace, store, project):
    folder = store("mlflow-3-sqlite")
    (project / "secret").mkdir()
    (project / "secret" / "key.txt").write_text("secret")
    shutil.rmtree(folder / "mlartifacts")
    edited(folder / "mlflow.db", "UPDATE runs SET artifact_uri = ?", (project / "secret").as_uri())

    target = workspace("target")
    target.transfer.import_runs(folder)

    assert target.tracker.get_run("forest").artifacts == []


def test_artifacts_that_lie_elsewhere_are_named_or_said(workspace, store):
    folder = store("mlflow-3-sqlite")
    moved = folder.parent / "elsewhere"
    (folder / "mlartifacts").rename(moved)
    one, two = workspace("one"), workspace("two")

    one.transfer.import_runs(folder, artifacts=moved)
    assert len(one.tracker.get_run("forest").artifacts) == 3
    edited(folder / "mlflow.db", "UPDATE runs SET artifact_uri = 's3://bucket/' || run_uuid || '?key=1'")
    report = two.transfer.import_runs(folder)
    (left,) = [each for each in report.not_taken if "s3://" in each.reason][:1]
    assert left.kind == "artifact" and "key" not in left.reason
    with pytest.raises(Invalid, match="no folder"):
        two.transfer.import_runs(folder, artifacts=folder / "no")


def edited(file, *statement):
    with sqlite3.connect(file) as connection:
        connection.execute(statement[0], statement[1:])
    connection.close()


def by_hand(file, *, old):
    """A database as MLflow 0.9 made it, without steps and NaN, or as 1.x did."""
    more = "" if old else ", step BIGINT DEFAULT 0 NOT NULL, is_nan BOOLEAN DEFAULT 0 NOT NULL"
    connection = sqlite3.connect(file)
    connection.executescript(
        f"""
        CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, artifact_location TEXT,
            lifecycle_stage TEXT);
        CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, source_type TEXT, source_name TEXT,
            entry_point_name TEXT, user_id TEXT, status TEXT, start_time BIGINT, end_time BIGINT,
            source_version TEXT, lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
        CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT{more});
        CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
        CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
        INSERT INTO experiments VALUES (0, 'Default', './mlruns/0', 'active');
        INSERT INTO runs VALUES ('{RUN}', '', 'LOCAL', 'train.py', '', 'ann', 'KILLED', 1500000000000,
            NULL, 'c0ffee', 'active', './mlruns/0/{RUN}/artifacts', 0);
        INSERT INTO runs VALUES ('short-id', NULL, NULL, NULL, NULL, NULL, 'FINISHED', NULL, NULL, NULL,
            'active', NULL, 0);
        INSERT INTO params VALUES ('depth', '3', '{RUN}'), ('empty', NULL, '{RUN}');
        """
    )
    rows = [("loss", 0.5, 1500000001000, RUN), ("loss", 0.25, 1500000002000, RUN)]
    if old:
        connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?)", rows)
    else:
        odd = [(1.7976931348623157e308, 0), (-1.7976931348623157e308, 0), (0, 1)]
        connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, 5, 0)", rows)
        connection.executemany(
            f"INSERT INTO metrics VALUES ('odd', ?, 1500000003000, '{RUN}', {2**62}, ?)", odd
        )
    connection.commit()
    connection.close()


@pytest.mark.parametrize("old", [True, False])
def test_a_database_of_an_old_mlflow_is_read(workspace, project, old):
    by_hand(project / "mlflow.db", old=old)
    target = workspace("target")

    report = target.transfer.import_runs(project / "mlflow.db")

    run = target.tracker.get_run(RUN)
    assert report.outcomes == {"taken": 2}
    assert (run.status, run.user, run.source, run.git.commit) == ("cancelled", "ann", "train.py", "c0ffee")
    assert run.params == {"depth": 3, "empty": ""} and run.name == RUN[:8]
    history = run.metric_history("loss")
    assert history["value"].tolist() == [0.5, 0.25] and set(history["step"]) == {0 if old else 5}
    assert run.ended == (history["time"].iloc[-1] if old else run.metric_history("odd")["time"].iloc[-1])
    if not old:
        found = sorted(run.metric_history("odd")["value"].tolist(), key=str)
        assert found[:2] == [-math.inf, math.inf] and math.isnan(found[2])
    other = target.tracker.get_run("short-id"[:8])
    assert other.tags["mlflow.runId"] == "short-id" and len(other.id) == 32
    assert target.transfer.import_runs(project / "mlflow.db").outcomes == {"there already": 2}


def test_a_database_that_is_not_mlflows_or_damaged_is_refused(workspace, project):
    target = workspace("target")
    with sqlite3.connect(project / "other.db") as connection:
        connection.execute("CREATE TABLE runs (x)")
    connection.close()
    with pytest.raises(Invalid, match="looks like nothing"):
        target.transfer.import_runs(project / "other.db")
    with pytest.raises(Invalid, match="no table 'experiments'"):
        target.transfer.import_runs(project / "other.db", from_="mlflow")
    (project / "noise.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(Invalid, match="can't be read as a database"):
        target.transfer.import_runs(project / "noise.db", from_="mlflow")
    (project / "folder").mkdir()
    with pytest.raises(Invalid, match="no MLflow store"):
        target.transfer.import_runs(project / "folder", from_="mlflow")
    assert not target.exists


def test_a_database_that_was_sent_brings_no_files_of_the_machine_it_is_read_on(project):
    by_hand(project / "mlflow.db", old=False)
    place = project / "mlruns" / "0" / RUN / "artifacts"
    place.mkdir(parents=True)
    (place / "a.txt").write_text("x")

    assert [len(run.artifacts) for run in MlflowDatabase(project / "mlflow.db").runs()] == [0, 1]
    sent = MlflowDatabase(project / "mlflow.db", beside=False)
    assert [len(run.artifacts) for run in sent.runs()] == [0, 0]


def test_rows_that_are_no_points_are_said_and_the_rest_taken(workspace, project):
    by_hand(project / "mlflow.db", old=False)
    for value, time, step in (("'high'", 1, 0), (1.0, "'late'", 0), (1.0, 1, "'many'"), (1.0, 9e300, 0)):
        edited(
            project / "mlflow.db",
            "INSERT INTO metrics (key, value, timestamp, step, run_uuid, is_nan) "
            f"VALUES ('loss', {value}, {time}, {step}, '{RUN}', 0)",
        )
    edited(project / "mlflow.db", "UPDATE runs SET start_time = 'x', end_time = 4e18 WHERE run_uuid = ?", RUN)
    target = workspace("target")

    report = target.transfer.import_runs(project / "mlflow.db")

    assert target.tracker.get_run(RUN).metric_history("loss")["value"].tolist() == [0.5, 0.25]
    assert [each.kind for each in report.not_taken] == ["point"]
    assert any("no start" in note for note in report.notes)


def test_reading_a_store_changes_nothing_in_it(workspace, store):
    folder = store("mlflow-3-sqlite")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    workspace("target").transfer.import_runs(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before

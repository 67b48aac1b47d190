"""Garbage, backups and restored workspaces, with real files, databases and processes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

import nbproof as nbp
from nbproof.cli.main import main
from nbproof.core.errors import Conflict, Invalid, NotFound, Unavailable
from nbproof.platform.location import Location
from nbproof.platform.maintenance import Maintenance, restore_workspace
from nbproof.platform.workspace import Workspace, use
from nbproof.storage.backup import contents_of
from nbproof.storage.database import Database
from nbproof.storage.spool import SpooledObjects
from nbproof.storage.tables import all_tables
from nbproof.storage.vacuum import free_pages

DAY = 24 * 3600


def opened(root, **environ):
    return Workspace(Location(Path(root), False, "a test"), say=lambda line: None, environ=environ)


@pytest.fixture
def workspace(project):
    found = opened(project)
    before = use(found)
    yield found
    use(before)
    found.close()


@pytest.fixture
def chores(workspace):
    return Maintenance(workspace)


def held(workspace):
    """How many stretches of content the index knows."""
    with workspace.database.connect() as connection:
        return connection.execute(sa.text("SELECT count(*) FROM content_records")).scalar_one()


def log(workspace, content, *, name="a.bin", run=None):
    path = workspace.root / name
    path.write_bytes(content)
    workspace.tracker.log_artifact(path, run_id=run)


# -- garbage ----------------------------------------------------------------------------------------


def test_content_of_a_purged_run_goes_and_what_another_run_has_too_stays(workspace, chores):
    with workspace.tracker.start_run("first"):
        log(workspace, b"only here")
        log(workspace, b"shared", name="b.bin")
    with workspace.tracker.start_run("second"):
        log(workspace, b"shared", name="b.bin")
    workspace.tracker.delete_run("first")
    assert chores.collect_garbage(grace_hours=0).objects == 0  # what is in the trash keeps its content

    workspace.tracker.purge_runs(yes=True)
    told = chores.collect_garbage(dry_run=True)
    assert (told.objects, told.kept_objects) == (1, 1) and held(workspace) == 2
    done = chores.collect_garbage()
    assert (done.objects, done.kept_objects, done.waiting) == (1, 1, False) and held(workspace) == 1
    assert workspace.tracker.find_artifact("second", "b.bin").read_bytes() == b"shared"


def test_an_artifact_that_was_deleted_within_the_grace_period_keeps_its_content(workspace, chores):
    with workspace.tracker.start_run("first"):
        log(workspace, os.urandom(100_000))
    workspace.tracker.delete_artifact("first", "a.bin")
    assert chores.collect_garbage().objects == 0
    done = chores.collect_garbage(grace_hours=0)
    assert done.objects >= 1 and done.bytes > 100_000 and held(workspace) == 0


def test_content_that_is_found_for_a_sender_stays_until_its_record_is_here(workspace, chores):
    with workspace.tracker.start_run("first"):
        log(workspace, b"model")
    place = workspace.tracker.find_artifact("first", "a.bin")
    workspace.tracker.delete_run("first")
    workspace.tracker.purge_runs(yes=True)
    found = workspace.storage.find(place.hash)  # as a sender that need not send it
    assert found is not None and found.location == place.location
    assert chores.collect_garbage(grace_hours=0).objects == 0
    assert workspace.storage.exists(place.location)


def test_content_whose_event_is_not_drained_yet_stays(workspace, chores):
    workspace.tracker.start_run("live")
    log(workspace, b"not drained")
    assert chores.collect_garbage(grace_hours=0).kept_objects == 1


def test_content_that_an_event_put_aside_refers_to_stays(workspace, chores):
    workspace.make()
    (workspace.root / "x").write_bytes(b"of a later nbproof")
    stored = workspace.storage.put(workspace.root / "x")
    workspace.journal.event("dataset.register", location=stored.location)
    workspace.storage.let_go(stored.location)
    assert chores.collect_garbage(grace_hours=0).kept_objects == 1


def test_nothing_goes_while_a_journal_cannot_be_read(workspace, chores):
    with workspace.tracker.start_run("first"):
        log(workspace, b"model")
    workspace.tracker.delete_run("first")
    workspace.tracker.purge_runs(yes=True)
    unread = workspace.folder / "journal" / ("f" * 32)
    unread.mkdir()
    (unread / "writer.json").write_text('{"format": 99}')
    with pytest.raises(Unavailable, match="nothing is deleted"):
        chores.collect_garbage(grace_hours=0)
    assert held(workspace) == 1


def test_without_grace_content_whose_event_is_yet_to_be_written_stays(workspace, chores):
    workspace.make()
    stored = workspace.storage.put(io.BytesIO(b"on its way"))
    found = chores.collect_garbage(grace_hours=0)
    assert (found.objects, found.kept_objects) == (0, 1)
    workspace.storage.let_go(stored.location)  # its writer failed
    assert chores.collect_garbage(grace_hours=0).objects == 1


def test_what_was_purged_goes_at_once_though_its_process_lives(workspace, chores):
    with workspace.tracker.start_run("first"):
        log(workspace, b"model")
        workspace.tracker.log_artifact(b"text", name="b.txt")
    workspace.tracker.delete_run("first")
    workspace.tracker.purge_runs(yes=True)
    workspace.tracker.await_capture()
    assert chores.collect_garbage().objects == 2 and held(workspace) == 0


def test_what_went_is_kept_anew_by_the_process_that_had_logged_it(workspace, chores):
    for name in ("first", "second"):
        with workspace.tracker.start_run(name):
            log(workspace, b"model")
        workspace.tracker.delete_run(name)
        workspace.tracker.purge_runs(yes=True)
        chores.collect_garbage(grace_hours=0)
    with workspace.tracker.start_run("third"):
        log(workspace, b"model")
    assert workspace.tracker.find_artifact("third", "a.bin").read_bytes() == b"model"


def test_beside_another_process_that_logs_and_purges_no_content_of_a_run_goes(workspace, chores):
    script = """
import nbproof as nbp
for number in range(21):
    with nbp.start_run(f"run {number}", experiment="e") as run:
        run.log_artifact(b"shared %d" % (number % 3), name="a.bin")
    if number % 2:
        nbp.delete_run(run.id)
        nbp.purge_runs([run.id], yes=True)
"""
    workspace.make()
    environ = {**os.environ, "NBPROOF_WORKSPACE": str(workspace.root), "NBPROOF_CAPTURE_GIT": "0"}
    writer = subprocess.Popen([sys.executable, "-c", script], env=environ, cwd=workspace.root)
    rounds = 0
    while writer.poll() is None:
        chores.collect_garbage(grace_hours=0)
        rounds += 1
    assert writer.returncode == 0 and rounds > 1
    runs = workspace.tracker.list_runs("e", limit=100).items
    assert len(runs) == 11
    for run in runs:
        (artifact,) = run.artifacts
        assert workspace.storage.path(artifact.location).read_bytes().startswith(b"shared")


# -- backup and restore -----------------------------------------------------------------------------


def filled(workspace):
    with workspace.tracker.start_run("first", experiment="e", params={"depth": 3}, notes="good"):
        for step in range(100):
            workspace.tracker.log_metric("loss", 1 / (step + 1))
        log(workspace, b"model" * 1000)


def test_a_backup_is_restored_elsewhere_with_everything_in_it(workspace, chores, tmp_path):
    filled(workspace)
    live = workspace.tracker.start_run("live")
    live.log_metric("auc", 0.9)
    made = chores.back_up(tmp_path / "copy.zip")
    assert (made.database, made.size_bytes) == ("sqlite", (tmp_path / "copy.zip").stat().st_size)
    assert contents_of(tmp_path / "copy.zip") == made
    assert live.status == "running"

    restore_workspace(tmp_path / "copy.zip", tmp_path / "there", now_us=2**60)
    there = opened(tmp_path / "there")
    run = there.tracker.get_run("first")
    assert (run.params, run.notes, run.status) == ({"depth": 3}, "good", "finished")
    assert there.tracker.metric_history("first", "loss").count == 100
    path, _ = there.tracker.get_artifact("first", "a.bin")
    assert path.read_bytes() == b"model" * 1000
    # Nobody writes the copy: what was live is interrupted, with what it had logged.
    copied = there.tracker.get_run("live")
    assert (copied.status, copied.metrics) == ("interrupted", {"auc": 0.9})
    there.close()
    assert workspace.tracker.get_run("live").status == "running"


def test_all_that_was_acknowledged_before_the_start_is_in_it(workspace, chores, tmp_path):
    """While another process logs as fast as it can."""
    script = """
import nbproof as nbp, sys
run = nbp.start_run("busy", experiment="e")
step = 0
while True:
    run.log_metric("x", step)
    step += 1
    if step % 500 == 0:
        print(step, flush=True)
"""
    environ = {**os.environ, "NBPROOF_WORKSPACE": str(workspace.root), "NBPROOF_CAPTURE_GIT": "0"}
    busy = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environ, cwd=workspace.root
    )
    assert busy.stdout is not None
    try:
        for _ in range(10):
            acknowledged = int(busy.stdout.readline())
        chores.back_up(tmp_path / "copy.zip")
    finally:
        busy.kill()
        busy.wait()
        busy.stdout.close()
    restore_workspace(tmp_path / "copy.zip", tmp_path / "there", now_us=2**60)
    there = opened(tmp_path / "there")
    history = there.tracker.metric_history("busy", "x", limit=10**6)
    there.close()
    assert history.count >= acknowledged
    assert [point.value for point in history.items] == list(range(history.count))


def test_nothing_is_overwritten(workspace, chores, tmp_path):
    filled(workspace)
    target = tmp_path / "copy.zip"
    target.write_text("mine")
    with pytest.raises(Conflict, match="overwrites nothing"):
        chores.back_up(target)
    assert target.read_text() == "mine"
    target.unlink()
    chores.back_up(target)
    with pytest.raises(Conflict, match="overwrites nothing"):
        restore_workspace(target, workspace.root, now_us=0)


def test_a_damaged_backup_makes_nothing(workspace, chores, tmp_path):
    filled(workspace)
    chores.back_up(tmp_path / "copy.zip")
    content = bytearray((tmp_path / "copy.zip").read_bytes())
    at = content.index(b"nbpR") + 60  # within the content of a pack
    content[at] ^= 1
    (tmp_path / "damaged.zip").write_bytes(content)
    (tmp_path / "half.zip").write_bytes(content[: len(content) // 2])
    (tmp_path / "other.zip").write_text("hello")
    for name in ("damaged.zip", "half.zip", "other.zip"):
        with pytest.raises(Invalid, match="damaged"):
            restore_workspace(tmp_path / name, tmp_path / "there", now_us=0)
    with pytest.raises(NotFound):
        restore_workspace(tmp_path / "none.zip", tmp_path / "there", now_us=0)
    assert not (tmp_path / "there" / ".nbproof").exists()


def test_a_backup_that_would_leave_the_workspace_is_refused(workspace, chores, tmp_path):
    filled(workspace)
    chores.back_up(tmp_path / "copy.zip")
    bad_file = tmp_path / "bad.zip"
    for name in ("../evil", "content/../../evil", "/evil", "elsewhere/evil"):
        with (
            zipfile.ZipFile(tmp_path / "copy.zip") as good,
            zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad,
        ):
            manifest = json.loads(good.read("manifest.json"))
            manifest["files"] = {name: next(iter(manifest["files"].values()))}
            bad.writestr(name, good.read("nbproof.toml"))
            bad.writestr("manifest.json", json.dumps(manifest))
        with pytest.raises(Invalid, match="damaged"):
            restore_workspace(bad_file, tmp_path / "there", now_us=0)
    assert not list(tmp_path.rglob("evil"))


def test_the_address_of_a_database_is_not_in_a_backup(project, postgres_database, tmp_path):
    found = opened(project, NBPROOF_DATABASE=postgres_database)
    found.make()
    settings = found.folder / "nbproof.toml"
    settings.write_text(settings.read_text() + f'database = "{postgres_database}"\nexperiment = "e"\n')
    found.close()
    found = opened(project)
    filled(found)
    found.tracker.delete_run("first")
    made = Maintenance(found).back_up(tmp_path / "copy.zip")
    found.close()
    assert made.database == "postgresql"
    with zipfile.ZipFile(tmp_path / "copy.zip") as archive:
        assert b"postgresql" not in archive.read("nbproof.toml")
    restore_workspace(tmp_path / "copy.zip", tmp_path / "there", now_us=2**60)
    there = opened(tmp_path / "there")
    assert there.settings.experiment == "e" and there.database.dialect == "sqlite"
    run = there.tracker.get_run("first")
    assert run.deleted is not None and run.params == {"depth": 3}
    assert there.tracker.metric_history("first", "loss").count == 100
    there.close()


@pytest.mark.parametrize("source", ["sqlite", "postgresql"])
def test_a_backup_of_either_database_is_restored_into_postgresql(
    project, postgres_server, postgres_database, tmp_path, source
):
    found = opened(project, **({} if source == "sqlite" else {"NBPROOF_DATABASE": postgres_database}))
    filled(found)
    again = found.tracker.reopen_run("first")
    found.tracker.log_param("depth", 4, run_id=again.id)
    found.tracker.start_run("live", experiment="e", params={"text": "ü\0\ud800", "nan": float("nan")})
    Maintenance(found).back_up(tmp_path / "copy.zip")
    before = rows_of(found.database)
    found.close()
    target = postgres_server.create_database()
    try:
        restore_workspace(tmp_path / "copy.zip", tmp_path / "there", now_us=2**60, database=target)
        assert not list((tmp_path / "there" / ".nbproof").glob("meta.db*"))
        there = opened(tmp_path / "there", NBPROOF_DATABASE=target)
        assert there.database.dialect == "postgresql"
        after = rows_of(there.database)
        changed = {"runs", "writers", "nbproof_meta"}  # what was live is interrupted
        assert {name for name in before if before[name] != after[name]} <= changed
        assert len(after["runs"]) == len(before["runs"])
        run = there.tracker.get_run("first")
        assert run.params["depth"] == 4 and run.param_history("depth")["value"].tolist() == [3, 4]
        assert there.tracker.metric_history("first", "loss").count == 100
        assert there.tracker.get_run("live").status == "interrupted"
        assert there.tracker.get_artifact("first", "a.bin")[0].read_bytes() == b"model" * 1000
        # Its numbers go on where they were.
        there.tracker.reopen_run("first")
        there.tracker.log_param("depth", 5, run_id=run.id)
        assert there.tracker.get_run("first").param_history("depth")["value"].tolist() == [3, 4, 5]
        there.close()
        with pytest.raises(Conflict, match="holds records already"):
            restore_workspace(tmp_path / "copy.zip", tmp_path / "again", now_us=0, database=target)
        assert not (tmp_path / "again").exists()
    finally:
        postgres_server.drop_database(target)


def test_a_restore_into_postgresql_that_fails_leaves_neither_folder_nor_records(
    workspace, chores, postgres_database, tmp_path, monkeypatch
):
    filled(workspace)
    chores.back_up(tmp_path / "copy.zip")
    with Database(postgres_database) as database, pytest.raises(Invalid, match="no PostgreSQL"):
        restore_workspace(tmp_path / "copy.zip", tmp_path / "there", now_us=0, database=f"{tmp_path}/x.db")
    rename = os.rename

    def failing(source, target):
        if Path(target).name == ".nbproof":
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(Unavailable, match="Input/output"):
        restore_workspace(tmp_path / "copy.zip", tmp_path / "there", now_us=0, database=postgres_database)
    monkeypatch.undo()
    assert not list((tmp_path / "there").iterdir())
    with Database(postgres_database) as database:
        assert rows_of(database)["runs"] == []
    restore_workspace(tmp_path / "copy.zip", tmp_path / "there", now_us=0, database=postgres_database)


def rows_of(database):
    """All rows of all tables, in an order of our own."""
    with database.connect() as connection:
        return {
            table.name: sorted(
                (tuple(row) for row in connection.execute(sa.select(table))), key=lambda row: repr(row)
            )
            for table in all_tables().sorted_tables
        }


def test_gc_while_a_backup_is_made_deletes_nothing_that_it_holds(workspace, chores, tmp_path):
    filled(workspace)
    workspace.tracker.start_run("second").end()

    def purge_now(doing, done, total):
        if doing == "packing" and workspace.tracker.list_runs("e").items:
            workspace.tracker.delete_run("first")
            workspace.tracker.purge_runs(yes=True)
            assert chores.collect_garbage(grace_hours=0).objects == 0

    chores.back_up(tmp_path / "copy.zip", progress=purge_now)
    assert chores.collect_garbage(grace_hours=0).objects == 1
    restore_workspace(tmp_path / "copy.zip", tmp_path / "there", now_us=2**60)
    there = opened(tmp_path / "there")
    path, _ = there.tracker.get_artifact("first", "a.bin")
    assert path.read_bytes() == b"model" * 1000
    there.close()


def test_content_that_a_gc_has_in_its_hands_is_in_the_backup(workspace, chores, tmp_path):
    """It began before the backup, and has moved content aside to look at it once more."""
    filled(workspace)
    workspace.catch_up()
    files = SpooledObjects(workspace.folder / "content")  # as an earlier nbproof kept artifacts
    stored = files.put(io.BytesIO(b"model" * 1000))
    with workspace.database.begin() as connection:
        for table in ("artifacts", "artifact_versions"):
            connection.execute(sa.text(f"UPDATE {table} SET location = :place"), {"place": stored.location})
    place = files.path(stored.location)
    aside = workspace.folder / "content" / "leaving" / f"{stored.hash}.{'0' * 16}"
    aside.parent.mkdir()

    def move_aside(doing, done, total):
        if doing == "packing" and not aside.exists() and done < 1000:
            os.rename(place, aside)

    chores.back_up(tmp_path / "copy.zip", progress=move_aside)
    with zipfile.ZipFile(tmp_path / "copy.zip") as archive:
        assert archive.read(f"content/{stored.location}") == b"model" * 1000


def test_the_commands_say_what_they_did(workspace, tmp_path, capsys):
    filled(workspace)
    workspace.tracker.close()
    assert main(["backup", str(tmp_path / "copy.zip")]) == 0
    assert "read back and whole" in capsys.readouterr().out
    assert main(["restore", str(tmp_path / "copy.zip"), str(tmp_path / "there"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"] == str(tmp_path / "there" / ".nbproof")
    assert main(["backup", str(tmp_path / "copy.zip")]) == 4
    assert main(["gc", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dry_run"] is True
    made = nbp.backup(tmp_path / "again.zip")
    assert made.files >= 2
    assert nbp.restore_backup(tmp_path / "again.zip", tmp_path / "third") == made


# -- free pages -------------------------------------------------------------------------------------


def test_the_doctor_advises_a_vacuum_and_the_vacuum_gives_the_pages_back(workspace, capsys):
    workspace.make()
    with workspace.database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE ballast (blob BLOB)")
        connection.exec_driver_sql("INSERT INTO ballast VALUES (zeroblob(30000000))")
    with workspace.database.begin() as connection:
        connection.exec_driver_sql("DROP TABLE ballast")
    assert main(["doctor", "--json"]) in (0, 1)
    findings = json.loads(capsys.readouterr().out)["findings"]
    (advice,) = [each for each in findings if "free pages" in each["message"]]
    assert (advice["verdict"], advice["mend"]) == (
        "warn",
        "give them back to the disk: nbproof db vacuum",
    )
    assert advice["facts"]["free_bytes"] > 29_000_000
    assert main(["db", "vacuum", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["before_bytes"] - told["after_bytes"] > 29_000_000
    with Database(workspace.folder / "meta.db") as database:
        assert not free_pages(database).worth_it

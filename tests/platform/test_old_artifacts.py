"""Workspaces of before there was a content store for artifacts: each was a file of its own."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbproof.core.errors import NotFound
from nbproof.platform.location import Location
from nbproof.platform.maintenance import Maintenance, restore_workspace
from nbproof.platform.workspace import Workspace
from nbproof.storage.content.upkeep import verify

ASSET = Path(__file__).parent.parent / "migrations" / "assets" / "sqlite-0010.sql"
CONTENTS = {f"files/{number}.bin": bytes([number]) * (number * 40_000 + 1) for number in range(12)}


def old_hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=32).hexdigest()


def old_place(content: bytes) -> str:
    hash = old_hash(content)
    return f"objects/{hash[:2]}/{hash[2:]}"


def put_as_before(folder: Path, content: bytes) -> Path:
    path = folder / "content" / old_place(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)
    return path


@pytest.fixture
def saved(project: Path) -> tuple[Path, str]:
    """A workspace as an earlier nbproof left it, and its run."""
    folder = project / ".nbproof"
    folder.mkdir()
    (folder / "nbproof.toml").write_text("format = 1\n")
    with sqlite3.connect(folder / "meta.db") as connection:
        connection.executescript(ASSET.read_text(encoding="utf-8"))
        (run,) = connection.execute("SELECT id FROM runs WHERE deleted_us IS NULL LIMIT 1").fetchone()
        for name, content in CONTENTS.items():
            put_as_before(folder, content)
            values = (run, name, len(content), "x/y", old_hash(content), old_place(content), 1_000, 1)
            for table in ("artifacts", "artifact_versions"):
                connection.execute(
                    f"INSERT INTO {table} (run_id, name, size_bytes, media_type, hash, location, created_us, "
                    "version) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    values,
                )
    connection.close()
    return folder, run


@pytest.fixture
def opened() -> Iterator[Callable[[Path], Workspace]]:
    workspaces = []

    def open_there(folder: Path) -> Workspace:
        workspaces.append(
            Workspace(Location(folder.parent, False, "a test"), say=lambda line: None, environ={})
        )
        return workspaces[-1]

    yield open_there
    for each in workspaces:
        each.close()


def assert_whole(workspace: Workspace, run: str) -> None:
    artifacts = workspace.tracker.get_run(run).artifacts
    assert {each.name: each.read_bytes() for each in artifacts} == CONTENTS


def test_its_artifacts_move_into_the_content_store_when_it_is_opened(saved, opened):
    folder, run = saved
    workspace = opened(folder)
    assert_whole(workspace, run)
    assert not (folder / "content" / "objects").exists()
    for each in workspace.tracker.get_run(run).artifacts:
        assert each.location == f"b3/{each.hash}"
    assert verify(workspace.content).damaged == []
    # What is logged again is the same version, and takes nothing.
    size = sum(size for _, size, _ in workspace.content.end.packs())
    workspace.tracker.log_artifact(CONTENTS["files/7.bin"], "again.bin", run_id=None)
    assert sum(size for _, size, _ in workspace.content.end.packs()) == size


_DYING = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from nbproof.platform.location import Location
    from nbproof.platform.workspace import Workspace
    from nbproof.storage.content import moving

    moving._TOGETHER = 3
    left = int(sys.argv[2])

    def dying(act):
        def done(*given, **more):
            global left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return act(*given, **more)
        return done

    # Before each file is read, each batch is committed, each file is deleted.
    moving._Checked.read = dying(moving._Checked.read)
    moving._point = dying(moving._point)
    Path.unlink = dying(Path.unlink)
    workspace = Workspace(Location(Path(sys.argv[1]), False, "a test"), say=lambda line: None, environ={})
    workspace.database
    print("done")
    """
)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing is killed so here")
@pytest.mark.parametrize("after", [0, 3, 7, 9, 11, 16, 25])
def test_killed_in_the_middle_nothing_is_lost_and_the_next_opening_goes_on(saved, opened, after):
    folder, run = saved
    died = subprocess.run(
        [sys.executable, "-c", _DYING, str(folder.parent), str(after)], capture_output=True, check=False
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    workspace = opened(folder)
    assert_whole(workspace, run)
    assert not (folder / "content" / "objects").exists()
    assert verify(workspace.content).damaged == []


def test_what_there_was_no_time_for_is_read_where_it_is(saved, opened, monkeypatch, tmp_path):
    from nbproof.platform import workspace as module

    monkeypatch.setattr(module, "_MOVING_SECONDS", -1.0)
    folder, run = saved
    workspace = opened(folder)
    assert_whole(workspace, run)
    assert len(list((folder / "content" / "objects").rglob("*"))) >= len(CONTENTS)
    chores = Maintenance(workspace)
    assert chores.collect_garbage(dry_run=True, grace_hours=0).objects == 0
    chores.back_up(tmp_path / "copy.zip")
    workspace.transfer.export_runs(output=tmp_path / "runs.zip")

    done = chores.collect_garbage(grace_hours=0)  # has all the time
    assert done.objects == 0 and not (folder / "content" / "objects").exists()
    assert_whole(workspace, run)

    monkeypatch.setattr(module, "_MOVING_SECONDS", 10.0)
    restore_workspace(tmp_path / "copy.zip", tmp_path / "there", now_us=2**60)
    there = opened(tmp_path / "there" / ".nbproof")
    assert_whole(there, run)
    other = opened(tmp_path / "elsewhere" / ".nbproof")
    report = other.transfer.import_runs(tmp_path / "runs.zip")
    assert report.outcomes["taken"] >= 1
    assert_whole(other, run)


def test_a_damaged_file_stays_where_it_is_and_the_rest_moves(saved, opened, caplog):
    folder, run = saved
    path = folder / "content" / old_place(CONTENTS["files/3.bin"])
    path.chmod(0o644)
    path.write_bytes(b"other bytes")
    workspace = opened(folder)
    found = {each.name: each.location for each in workspace.tracker.get_run(run).artifacts}
    assert found.pop("files/3.bin") == old_place(CONTENTS["files/3.bin"])
    assert all(each.startswith("b3/") for each in found.values())
    assert path.read_bytes() == b"other bytes" and "is damaged" in caplog.text


def test_a_file_that_can_not_be_read_stays_where_it_is_and_the_rest_moves(saved, opened, caplog):
    folder, run = saved
    path = folder / "content" / old_place(CONTENTS["files/3.bin"])
    path.chmod(0)
    workspace = opened(folder)
    found = {each.name: each.location for each in workspace.tracker.get_run(run).artifacts}
    assert found.pop("files/3.bin") == old_place(CONTENTS["files/3.bin"])
    assert all(each.startswith("b3/") for each in found.values())
    assert "can't be read and stays" in caplog.text
    path.chmod(0o444)
    workspace.move_old_objects()
    assert_whole(workspace, run)
    assert not path.exists()


def test_a_journal_of_before_that_is_drained_after_the_move_still_finds_its_content(saved, opened):
    folder, run = saved
    workspace = opened(folder)
    assert_whole(workspace, run)
    content = CONTENTS["files/5.bin"]
    workspace.journal.event(
        "artifact", run=run, time=1, name="late.bin", size=len(content), hash=old_hash(content),
        location=old_place(content), media_type="x/y",
    )  # fmt: skip
    assert workspace.tracker.get_run(run).artifacts["late.bin"].read_bytes() == content
    workspace.tracker.delete_artifact(run, "files/5.bin")
    Maintenance(workspace).collect_garbage(grace_hours=0)
    assert workspace.tracker.get_run(run).artifacts["late.bin"].read_bytes() == content


def test_an_earlier_nbproof_that_still_runs_may_go_on_logging(saved, opened):
    folder, run = saved
    assert_whole(opened(folder), run)
    put_as_before(folder, b"by a kernel that was started before")
    workspace = opened(folder)
    workspace.journal.event(
        "artifact", run=run, time=1, name="late.bin", size=35, hash=old_hash(b"x"),
        location=old_place(b"by a kernel that was started before"), media_type="x/y",
    )  # fmt: skip
    late = workspace.tracker.get_run(run).artifacts["late.bin"]
    assert late.read_bytes() == b"by a kernel that was started before"
    Maintenance(workspace).collect_garbage(grace_hours=0)
    late = workspace.tracker.get_run(run).artifacts["late.bin"]
    assert late.location.startswith("b3/") and late.read_bytes().startswith(b"by a kernel")


def test_two_that_open_it_at_once_move_everything_once(saved, opened):
    folder, run = saved
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from nbproof.platform.location import Location
        from nbproof.platform.workspace import Workspace
        workspace = Workspace(Location(Path(sys.argv[1]), False, "a test"), say=lambda line: None, environ={})
        print(len([each.read_bytes() for each in workspace.tracker.get_run(sys.argv[2]).artifacts]))
        """
    )
    command = [sys.executable, "-c", script, str(folder.parent), run]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [each.communicate()[0].strip() for each in both] == [str(len(CONTENTS))] * 2
    workspace = opened(folder)
    assert_whole(workspace, run)
    assert not (folder / "content" / "objects").exists()


def test_what_nothing_needs_is_deleted_by_gc_after_its_grace(saved, opened):
    folder, run = saved
    garbage = put_as_before(folder, b"of a run that was purged")
    workspace = opened(folder)
    assert_whole(workspace, run)
    assert garbage.exists()
    Maintenance(workspace).collect_garbage()
    assert garbage.exists()
    then = garbage.stat().st_mtime - 2 * 86_400
    os.utime(garbage, (then, then))
    Maintenance(workspace).collect_garbage()
    assert not garbage.exists()


def test_a_reference_of_before_is_compared_by_the_hash_of_its_time(saved, opened, project):
    folder, run = saved
    (project / "data.csv").write_bytes(b"a,b\n1,2\n")
    with sqlite3.connect(folder / "meta.db") as connection:
        connection.execute(
            "INSERT INTO artifacts (run_id, name, size_bytes, media_type, hash, location, created_us, "
            "version, reference, metadata) VALUES (?, 'data.csv', 8, 'text/csv', ?, '', 1, 1, ?, ?)",
            (run, old_hash(b"a,b\n1,2\n"), str(project / "data.csv"), json.dumps({})),
        )
    connection.close()
    artifact = opened(folder).tracker.get_run(run).artifacts["data.csv"]
    assert artifact.check() == "unchanged"
    (project / "data.csv").write_bytes(b"a,b\n1,3\n")
    assert artifact.check() == "changed"


def test_content_that_was_lost_before_is_said(saved, opened):
    folder, run = saved
    (folder / "content" / old_place(CONTENTS["files/2.bin"])).unlink()
    workspace = opened(folder)
    with pytest.raises(NotFound, match="not in the store"):
        workspace.tracker.find_artifact(run, "files/2.bin").read_bytes()

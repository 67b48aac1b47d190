"""Artifacts in the content store: killed writers, several at once, buckets, damage, what datasets share."""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from nbproof.core.errors import Invalid
from nbproof.platform.content import ContentCare
from nbproof.platform.location import Location
from nbproof.platform.maintenance import Maintenance
from nbproof.platform.workspace import Workspace, use
from nbproof.storage.content.upkeep import verify
from nbproof.tracking.active import RecordingFailed
from tests.support.s3 import ObjectStore

Opener = Callable[..., Workspace]
NOISE = random.Random(3).randbytes(400_000)


@pytest.fixture
def opener(project: Path) -> Iterator[Opener]:
    opened = []

    def open_there(root: Path = project, **environ: str) -> Workspace:
        opened.append(Workspace(Location(root, False, "a test"), say=lambda line: None, environ=environ))
        return opened[-1]

    before = use(None)
    yield open_there
    use(before)
    for each in opened:
        each.close()


@pytest.fixture
def workspace(opener: Opener) -> Workspace:
    return opener()


def packed_bytes(workspace: Workspace) -> int:
    return sum(size for _, size, _ in workspace.content.end.packs())


# Logs, and dies within the write that brings it to so many bytes, which is cut there.
_DYING = textwrap.dedent(
    """
    import os, random, signal, sys
    import nbproof as nbp
    from pathlib import Path

    seed, left = int(sys.argv[1]), int(sys.argv[2])
    write = os.write

    def dying(descriptor, parts):
        global left
        data = b"".join(parts)
        if len(data) > left:
            write(descriptor, bytes(data)[:left])
            os.kill(os.getpid(), signal.SIGKILL)
        left -= len(data)
        return write(descriptor, data)

    run = nbp.start_run(f"run {seed}", experiment="e")
    chance = random.Random(seed)
    os.write, os.writev = lambda descriptor, data: dying(descriptor, [data]), dying
    number = 0
    while True:
        content = chance.randbytes(chance.randrange(200_000)) if number % 3 else b"words, " * 3_000
        run.log_artifact(content, f"{number}.bin")
        write(1, f"{run.id} {number}\\n".encode())
        number += 1
    """
)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing is killed so here")
@pytest.mark.parametrize("kills", [5, pytest.param(200, marks=pytest.mark.soak)])
def test_killed_at_any_byte_of_a_write_every_acknowledged_artifact_reads_back(opener, project, kills):
    chance = random.Random(kills)
    environ = {**os.environ, "NBPROOF_WORKSPACE": str(project), "NBPROOF_CAPTURE_GIT": "0"}
    acknowledged: list[tuple[int, str, int]] = []
    opener().make()
    for seed in range(kills):
        command = [sys.executable, "-c", _DYING, str(seed), str(chance.randrange(20_000, 1_500_000))]
        died = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, env=environ, cwd=project, check=False
        )
        assert died.returncode == -signal.SIGKILL
        acknowledged += [(seed, *_told(line)) for line in died.stdout.splitlines() if len(line.split()) == 2]
        if seed % 2:
            done = Maintenance(opener()).collect_garbage(grace_hours=0)
            assert not done.waiting

    workspace = opener()
    for seed, run, last in acknowledged:
        chance = random.Random(seed)
        artifacts = workspace.tracker.get_run(run).artifacts
        for number in range(last + 1):
            content = chance.randbytes(chance.randrange(200_000)) if number % 3 else b"words, " * 3_000
            if number == last:
                assert artifacts[f"{number}.bin"].read_bytes() == content
    assert len(acknowledged) > kills
    assert verify(workspace.content).damaged == []


def _told(line: str) -> tuple[str, int]:
    run, number = line.split()
    return run, int(number)


def test_several_processes_that_log_at_once_lose_nothing_beside_garbage_collection(opener, project):
    script = textwrap.dedent(
        """
        import random, sys
        import nbproof as nbp
        with nbp.start_run(f"run {sys.argv[1]}", experiment="e") as run:
            for number in range(15):
                run.log_artifact(random.Random(number % 5).randbytes(100_000), f"{number}.bin")
                own = random.Random(f"{sys.argv[1]} {number}").randbytes(50_000)
                run.log_artifact(own, f"own {number}.bin")
        """
    )
    environ = {**os.environ, "NBPROOF_WORKSPACE": str(project), "NBPROOF_CAPTURE_GIT": "0"}
    opener().make()
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(number)], env=environ, cwd=project)
        for number in range(3)
    ]
    workspace = opener()
    chores = Maintenance(workspace)
    while any(each.poll() is None for each in writers):
        chores.collect_garbage(grace_hours=0)
    assert [each.returncode for each in writers] == [0, 0, 0]
    for which in range(3):
        artifacts = workspace.tracker.get_run(f"run {which}").artifacts
        assert len(artifacts) == 30
        for number in range(15):
            shared = random.Random(number % 5).randbytes(100_000)
            assert artifacts[f"{number}.bin"].read_bytes() == shared
            own = random.Random(f"{which} {number}").randbytes(50_000)
            assert artifacts[f"own {number}.bin"].read_bytes() == own
    assert verify(workspace.content).damaged == []


def test_content_that_a_dataset_and_runs_have_is_kept_once(workspace, project):
    (project / "data.bin").write_bytes(NOISE)
    workspace.datasets.register_dataset(project / "data.bin", "data")
    size = packed_bytes(workspace)
    for name in ("one", "two"):
        with workspace.tracker.start_run(name) as run:
            run.log_artifact(NOISE, "copy.bin")
    assert packed_bytes(workspace) < size + 1_000

    found = ContentCare(workspace).stats()
    assert (found.versions, found.artifacts, found.packs) == (1, 2, 1)
    assert found.logical_bytes >= 3 * len(NOISE)
    assert found.dedup_ratio is not None and found.dedup_ratio > 2.9


def test_a_checkpoint_that_changed_a_little_takes_little(workspace):
    with workspace.tracker.start_run("fit") as run:
        for epoch in range(5):
            changed = bytearray(NOISE)
            changed[200_000 : 200_000 + epoch] = bytes(epoch)
            run.log_artifact(bytes(changed), "model.bin")
    assert packed_bytes(workspace) < len(NOISE) * 2.6


def test_damage_is_told_with_the_runs_and_mended_by_logging_again(workspace):
    with workspace.tracker.start_run("first") as run:
        run.log_artifact(NOISE, "model.bin")
        run.log_artifact(b"small", "small.txt")
    identifier = run.id
    workspace.catch_up()
    (path,) = (workspace.folder / "content").rglob("*.pack")
    content = bytearray(path.read_bytes())
    content[5_000] ^= 1
    path.write_bytes(content)

    found = ContentCare(workspace).verify()
    assert found.damaged_artifacts == [f"model.bin@v1 of run first ({identifier[-6:]})"]
    assert "model.bin@v1 of run first" in str(found.told()["can't be read whole"])
    with workspace.tracker.start_run("second") as again:
        again.log_artifact(NOISE, "again.bin")
    assert workspace.tracker.find_artifact("first", "model.bin").read_bytes() == NOISE
    assert ContentCare(workspace).verify().damaged_artifacts == []


def test_forgetting_a_dataset_leaves_what_a_run_has_and_names_it(workspace, project):
    (project / "data.bin").write_bytes(NOISE)
    workspace.datasets.register_dataset(project / "data.bin", "data")
    with workspace.tracker.start_run("fit") as run:
        run.log_artifact(project / "data.bin")
    care = ContentCare(workspace)
    told = care.forget("data@v1", dry_run=True)
    assert told.shared_with == [f"data.bin@v1 of run fit ({run.id[-6:]})"]
    assert told.shared_bytes > len(NOISE)
    care.forget("data@v1", yes=True)
    assert workspace.tracker.find_artifact("fit", "data.bin").read_bytes() == NOISE


def test_a_run_that_is_purged_leaves_what_a_dataset_has(workspace, project):
    (project / "data.bin").write_bytes(NOISE)
    with workspace.tracker.start_run("fit") as run:
        run.log_artifact(project / "data.bin")
        run.log_artifact(NOISE[::-1], "own.bin")
    workspace.datasets.register_dataset(project / "data.bin", "data")
    workspace.tracker.delete_run("fit")
    workspace.tracker.purge_runs(yes=True)
    done = Maintenance(workspace).collect_garbage(grace_hours=0)
    assert 390_000 < done.bytes < 420_000
    assert workspace.datasets.get_dataset("data").path().read_bytes() == NOISE


def test_copies_go_after_a_day_and_with_their_content(workspace):
    with workspace.tracker.start_run("fit") as run:
        for name in ("asked", "old", "purged"):
            run.log_artifact(name.encode(), name)
    paths = {name: workspace.tracker.get_artifact("fit", name)[0] for name in ("asked", "old", "purged")}
    assert {name: path.read_bytes() for name, path in paths.items()} == {
        name: name.encode() for name in paths
    }
    os.utime(paths["old"], (0, 0))
    workspace.tracker.delete_artifact("fit", "purged")
    Maintenance(workspace).collect_garbage(grace_hours=0)
    assert [name for name, path in paths.items() if path.exists()] == ["asked"]
    assert workspace.tracker.get_artifact("fit", "old")[0].read_bytes() == b"old"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_fork_that_comes_while_a_thread_logs_logs_by_itself(project):
    script = textwrap.dedent(
        """
        import os, threading
        import nbproof as nbp
        run = nbp.start_run("fit")
        going, over = threading.Event(), threading.Event()

        def log():
            number = 0
            while not over.is_set():
                run.log_artifact(os.urandom(100_000), f"of the parent {number}.bin")
                going.set()
                number += 1

        thread = threading.Thread(target=log)
        thread.start()
        going.wait()
        children = []
        for number in range(8):
            child = os.fork()
            if not child:
                run.log_artifact(b"by a child" * 20_000, f"of child {number}.bin")
                os._exit(0)
            children.append(child)
        assert all(os.waitpid(child, 0)[1] == 0 for child in children)
        over.set()
        thread.join()
        """
    )
    environ = {**os.environ, "NBPROOF_WORKSPACE": str(project), "NBPROOF_CAPTURE_GIT": "0"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], env=environ, cwd=project, timeout=60, check=False
    )
    assert done.returncode == 0
    workspace = Workspace(Location(project, False, "a test"), say=lambda line: None, environ={})
    artifacts = workspace.tracker.get_run("fit").artifacts
    for number in range(8):
        assert artifacts[f"of child {number}.bin"].read_bytes() == b"by a child" * 20_000
    assert verify(workspace.content).damaged == []
    workspace.close()


@pytest.fixture
def in_bucket(opener: Opener, project: Path, s3: ObjectStore) -> Workspace:
    import json

    return opener(
        NBPROOF_CONTENT=s3.bucket(secrets.token_hex(8)), NBPROOF_CONTENT_OPTIONS=json.dumps(s3.options)
    )


def test_artifacts_in_a_bucket(in_bucket, project):
    folder = project / "report"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.txt").write_text(f"page {number}")
    with in_bucket.tracker.start_run("fit") as run:
        run.log_artifact(NOISE, "model.bin")
        run.log_artifact(folder)
        run.log_table(pd.DataFrame({"a": [1, 2]}), "table.csv")
        run.log_artifact(NOISE, "again.bin")
    artifacts = in_bucket.tracker.get_run("fit").artifacts
    assert artifacts["model.bin"].read_bytes() == artifacts["again.bin"].read_bytes() == NOISE
    assert artifacts["report/3.txt"].read_text() == "page 3"
    assert artifacts["table.csv"].to_pandas()["a"].tolist() == [1, 2]
    with artifacts["model.bin"].open() as stream:
        stream.seek(300_000)
        assert stream.read(10) == NOISE[300_000:300_010]
    assert not list((in_bucket.folder / "content").rglob("*.pack"))
    assert packed_bytes(in_bucket) < len(NOISE) + 20_000

    chores = Maintenance(in_bucket)
    chores.back_up(project / "copy.zip")
    in_bucket.tracker.delete_artifact("fit", "model.bin")
    assert chores.collect_garbage(grace_hours=0).bytes >= 0
    assert in_bucket.tracker.find_artifact("fit", "again.bin").read_bytes() == NOISE
    assert ContentCare(in_bucket).verify().damaged_records == 0


def test_a_bucket_that_does_not_answer_costs_an_artifact_and_not_the_cell(opener, monkeypatch):
    workspace = opener(NBPROOF_CONTENT="memory://lost")
    run = workspace.tracker.start_run("fit")
    run.log_metric("loss", 0.5)
    from fsspec.implementations.memory import MemoryFileSystem

    def away(*given: object, **more: object) -> None:
        raise ConnectionError("the network is down")

    monkeypatch.setattr(MemoryFileSystem, "put_file", away)
    with pytest.warns(RecordingFailed, match="the network is down"):
        run.log_artifact(b"x", "x.bin")
    monkeypatch.undo()
    run.log_artifact(b"y", "y.bin")
    run.end()
    assert [each.name for each in workspace.tracker.get_run("fit").artifacts] == ["y.bin"]


def test_another_machine_cannot_say_what_is_where(workspace):
    from nbproof.storage.journal.process import this_process
    from nbproof.storage.journal.reader import Batch, Cursor, WriterInfo
    from nbproof.storage.journal.wire import Sent, encode

    workspace.make()
    event = {"seq": 1, "kind": "content", "time": 1, "pack": "0" * 32, "records": ""}
    writer = WriterInfo("1" * 32, this_process(), "0.1.0", 1, None)
    sent = workspace.root / "stretch"
    sent.write_bytes(encode(Sent(Batch(writer, 0, 1, [event], b"", 0, Cursor(1)))))
    with pytest.raises(Invalid, match="cannot say what is where"):
        workspace.intake.take_journal(writer.id, sent)

"""``kill -9`` in the middle of logging: what was acknowledged is there, and nothing is there twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace
from nbproof.storage.journal.format import POINT_BYTES
from nbproof.storage.journal.reader import Batch, writer_ids
from tests.support.journals import EVENTS, POINTS, notebook_drain, open_notebook, read_all

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there is no fork")

_ROOT = Path(__file__).resolve().parents[2]


def killed(
    folder: Path, first_seed: int, rounds: int, threads: int, processes: int = 1
) -> Iterator[tuple[Path, dict[str, list[list[int]]]]]:
    """The journals of each round, and by the id of each what its threads were told."""
    words = [
        sys.executable,
        "-m",
        "tests.faults.kill_loggers",
        folder,
        first_seed,
        rounds,
        threads,
        processes,
    ]
    process = subprocess.Popen(list(map(str, words)), cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            told = json.loads(line)
            yield Path(told["journal"]), told["acknowledged"]
    assert process.returncode == 0


def check(journal: Path, acknowledged: dict[str, list[list[int]]], drainers: int = 1) -> int:
    """Both in the journals themselves and in the tables after draining; returns the points acknowledged."""
    batches = read_all(journal)
    found = {child: _check_journal(child, batches, told) for child, told in acknowledged.items()}
    with open_notebook(journal.parent / "meta.db", journal.parent / "backups") as database:
        for _ in range(drainers):
            notebook_drain(journal, database, limit=5_000).run_once()
        with database.connect() as connection:
            for child, (points, notes) in found.items():
                count = sa.select(sa.func.count())
                stored = connection.scalar(count.select_from(POINTS).where(POINTS.c.writer == child))
                stored_notes = connection.scalar(
                    count.select_from(EVENTS).where(EVENTS.c.writer == child, EVENTS.c.kind == "note")
                )
                assert (stored, stored_notes) == (points, notes)
    assert not set(acknowledged) & set(writer_ids(journal))
    return sum(points for told in acknowledged.values() for points, _ in told)


def _check_journal(child: str, every: Sequence[Batch], acknowledged: list[list[int]]) -> tuple[int, int]:
    """Nothing is missing, twice or out of order in one journal; how many points and notes it has."""
    batches = [batch for batch in every if batch.writer.id == child]
    assert sum(batch.bad for batch in batches) == 0
    names = {
        event["series"]: int(event["key"].removeprefix("thread "))
        for batch in batches
        for event in batch.events
        if event["kind"] == "series"
    }
    values: dict[int, list[float]] = {thread: [] for thread in range(len(acknowledged))}
    for batch in batches:
        for series, _, _, _, value in batch.iter_points():
            values[names[series]].append(value)
    notes: dict[int, list[int]] = {thread: [] for thread in range(len(acknowledged))}
    for event in (event for batch in batches for event in batch.events if event["kind"] == "note"):
        notes[event["thread"]].append(event["number"])
    for thread, (points, events) in enumerate(acknowledged):
        # One more may be in place whose writer was not told before it died.
        assert values[thread] == [float(number) for number in range(len(values[thread]))]
        assert points <= len(values[thread]) <= points + 1
        assert notes[thread] == list(range(len(notes[thread])))
        assert events <= len(notes[thread]) <= events + 1
    return sum(map(len, values.values())), sum(map(len, notes.values()))


@pytest.mark.parametrize(("threads", "processes"), [(1, 1), (4, 1), (1, 4)])
@pytest.mark.newest
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, threads: int, processes: int) -> None:
    total = rounds = 0
    for journal, acknowledged in killed(tmp_path, 1, 20 // processes, threads, processes):
        assert len(acknowledged) == processes
        total += check(journal, acknowledged, drainers=2)
        rounds += 1
    assert rounds * processes == 20
    assert total > 20 * 1_000  # they were in the middle of it


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("processes", [1, 4])
@pytest.mark.parametrize("threads", [1, 4])
def test_none_of_a_million_acknowledged_points_is_lost_in_200_kills(
    tmp_path: Path, threads: int, processes: int
) -> None:
    """`SOAK_KILLS=20 make soak` kills fewer, of as many fewer points."""
    kills = int(os.environ.get("SOAK_KILLS", "200"))
    total = rounds = 0
    for journal, acknowledged in killed(tmp_path, 1_000, kills // processes, threads, processes):
        total += check(journal, acknowledged)
        shutil.rmtree(journal.parent)
        rounds += 1
    assert rounds * processes == kills
    assert total >= kills * 5_000
    print(f"{threads} threads, {processes} processes: 0 of {total:,} points lost in {kills} kills")


def test_a_killed_kernel_leaves_an_interrupted_run_with_all_its_points(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.kill_kernels", str(tmp_path), "4", "4"],
        cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=100,
    )  # fmt: skip
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rounds) == 4
    for told in rounds:
        workspace = Workspace(Location(Path(told["root"]), True, "named"))
        try:
            child = workspace.tracker.get_run("of the child")
            assert child.status == "interrupted"
            for thread, acknowledged in enumerate(told["acknowledged"]):
                if acknowledged:
                    values = child.metric_history(f"thread {thread}")["value"].tolist()
                    assert values == [float(number) for number in range(len(values))]
                    assert acknowledged <= len(values) <= acknowledged + 1
            assert workspace.tracker.get_run("of the parent").status == "finished"
        finally:
            workspace.close()


def test_a_record_torn_by_the_kill_is_skipped_and_counted(tmp_path: Path) -> None:
    ((journal, acknowledged),) = killed(tmp_path, 7, 1, 1)
    ((identifier, told),) = acknowledged.items()
    child = journal / identifier
    file = max(child.glob("points-*.bin"), key=lambda path: int(path.stem.partition("-")[2]))
    content = file.read_bytes()
    end = -(-len(content.rstrip(b"\0")) // POINT_BYTES) * POINT_BYTES
    # Half a record behind the last one, as a kill in the middle of a copy would leave it.
    file.write_bytes(content[:end] + content[end - POINT_BYTES : end - 17] + content[end + 23 :])
    with open_notebook(tmp_path / "meta.db", tmp_path / "backups") as database:
        report = notebook_drain(journal, database).run_once()
    assert report.bad == 1
    assert report.points >= told[0][0]

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nbproof.core.clock import FixedClock, SystemClock
from nbproof.core.errors import Unavailable
from nbproof.core.events import Changed, Changes
from nbproof.storage.database import Database
from nbproof.storage.drain import Drain
from nbproof.storage.journal import writer as writer_module
from nbproof.storage.journal.reader import Batch, writer_ids
from nbproof.storage.tables import WriterRow
from tests.support.journals import (
    Notebook,
    fork,
    new_writer,
    notebook_drain,
    open_notebook,
    stored_deaths,
    stored_kinds,
    stored_values,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    """The drain keeps its promises on both databases."""
    database = open_notebook(database_url, tmp_path / "backups")
    yield database
    database.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    database = open_notebook(tmp_path / "meta.db", tmp_path / "backups")
    yield database
    database.close()


def in_child(work: Callable[[], None]) -> int:
    """Do something in a forked process that ends without a word; its pid."""
    pid = fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return pid


def writer_row(database: Database, identifier: str) -> Any:
    with database.connect() as connection:
        return connection.execute(
            sa.select(
                WriterRow.drained, WriterRow.points, WriterRow.events, WriterRow.bad,
                WriterRow.rejected, WriterRow.ended_us,
            ).where(WriterRow.id == identifier)
        ).one()  # fmt: skip


# -- once ---------------------------------------------------------------------------------------------------


def test_a_drain_carries_over_what_is_new_and_nothing_twice(folder: Path, database: Database) -> None:
    writer = new_writer(folder)
    series = writer.series("r", "loss")
    drain = notebook_drain(folder, database)
    assert not drain.run_once()
    writer.event("note")
    series.log(1.0)
    report = drain.run_once()
    assert (report.points, report.events, report.bad, report.rejected) == (1, 2, 0, 0)
    assert report.changed == (Changed("writer", (writer.id,)),)
    assert not drain.run_once()
    series.log(2.0)
    assert drain.run_once().points == 1
    assert stored_values(database) == [1.0, 2.0]
    assert stored_kinds(database) == ["note", "series"]
    assert tuple(writer_row(database, writer.id)) == (4, 2, 2, 0, 0, None)


def test_another_drain_goes_on_where_the_first_one_was(folder: Path, database: Database) -> None:
    writer = new_writer(folder)
    series = writer.series("r", "loss")
    one, two = notebook_drain(folder, database), notebook_drain(folder, database)
    for number, drain in enumerate([one, two, two, one, two]):
        series.log(float(number))
        assert drain.run_once().points == 1
    assert stored_values(database) == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("limit", [1, 10, 1_000])
def test_small_batches_carry_over_the_same(folder: Path, sqlite: Database, limit: int) -> None:
    writer = new_writer(folder)
    series = writer.series("r", "loss")
    for number in range(200):
        series.log(float(number))
        if number % 20 == 0:
            writer.event("note")
    assert notebook_drain(folder, sqlite, limit).run_once().points == 200
    assert stored_values(sqlite) == [float(number) for number in range(200)]
    assert len(stored_kinds(sqlite)) == 11


def test_without_places_in_the_table_the_sequence_number_decides(folder: Path, sqlite: Database) -> None:
    writer = new_writer(folder)
    series = writer.series("r", "loss")
    series.log(1.0)
    notebook_drain(folder, sqlite).run_once()
    with sqlite.begin() as connection:
        connection.execute(sa.update(WriterRow).values(cursor=None))
    series.log(2.0)
    notebook_drain(folder, sqlite).run_once()
    assert stored_values(sqlite) == [1.0, 2.0]


def test_a_new_database_is_filled_from_the_journals_that_still_exist(folder: Path, tmp_path: Path) -> None:
    writer = new_writer(folder)
    series = writer.series("r", "loss")
    series.log(1.0)
    for name in ("one.db", "two.db"):
        with open_notebook(tmp_path / name, tmp_path / "backups") as database:
            notebook_drain(folder, database).run_once()
            assert stored_values(database) == [1.0]


def test_an_idle_look_asks_the_database_nothing(folder: Path, sqlite: Database) -> None:
    writers = [new_writer(folder) for _ in range(4)]
    for writer in writers:
        writer.series("r", "loss").log(1.0)
    drain = notebook_drain(folder, sqlite)
    drain.run_once()
    asked: list[str] = []
    sa.event.listen(sqlite.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    for _ in range(50):
        drain.run_once()
    assert asked == []


def test_changes_are_published_after_the_commit(folder: Path, sqlite: Database) -> None:
    seen: list[list[float]] = []
    changes = Changes()
    changes.subscribe(lambda change: seen.append(stored_values(sqlite)))
    drain = Drain(folder, sqlite, [Notebook()], clock=SystemClock(), changes=changes)
    new_writer(folder).series("r", "loss").log(1.0)
    drain.run_once()
    assert seen == [[1.0]]


# -- order --------------------------------------------------------------------------------------------------


class Ordered(Notebook):
    """Notes down in which order records of all writers arrive."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def apply(self, connection: sa.Connection, batch: Batch) -> Iterable[Changed]:
        self.seen += [event.get("name", event["kind"]) for event in batch.events]
        return super().apply(connection, batch)


def test_what_a_child_knew_of_its_parent_is_applied_before_the_childs_own(
    folder: Path, sqlite: Database
) -> None:
    writer = new_writer(folder)
    for number in range(300):
        writer.series("r", f"s{number}").log(1.0)
    writer.event("note", name="started by the parent")
    in_child(lambda: (writer.event("note", name="of the child"), None)[1])
    room = Ordered()
    Drain(folder, sqlite, [room], clock=SystemClock(), limit=20).run_once()
    notes = [name for name in room.seen if name != "series"]
    assert notes == ["started by the parent", "of the child"]


# -- what is refused ----------------------------------------------------------------------------------------


def test_what_a_room_refuses_is_put_aside_and_holds_up_nothing(folder: Path, database: Database) -> None:
    writer = new_writer(folder)
    series = writer.series("r", "loss")
    for number in range(50):
        series.log(float(number))
        if number in (10, 40):
            writer.event("bad", number=number)
    report = notebook_drain(folder, database).run_once()
    assert (report.points, report.events, report.rejected) == (50, 3, 2)
    assert stored_values(database) == [float(number) for number in range(50)]
    lines = [
        json.loads(line) for path in (folder / "rejected").iterdir() for line in path.read_text().splitlines()
    ]
    assert [line["record"]["number"] for line in lines] == [10, 40]
    assert "bad on purpose" in lines[0]["reason"]
    assert writer_row(database, writer.id).rejected == 2
    assert not notebook_drain(folder, database).run_once()


def test_a_kind_that_no_room_knows_is_kept_for_a_later_nbproof(folder: Path, sqlite: Database) -> None:
    writer = new_writer(folder)
    writer.event("from.the.future", answer=42)
    writer.event("note")
    assert notebook_drain(folder, sqlite).run_once().rejected == 1
    (path,) = (folder / "rejected").iterdir()
    assert path.name == f"{writer.id}-1.jsonl"
    assert json.loads(path.read_text())["record"]["answer"] == 42
    assert stored_kinds(sqlite) == ["note"]


class Choosy(Notebook):
    """Refuses the points of one series without raising."""

    def apply(self, connection: sa.Connection, batch: Batch) -> Iterable[Changed]:
        wrong = [seq for series, seq, *_ in batch.iter_points() if series == 1]
        batch.refuse("of series 1", wrong)
        yield Changed("writer", (batch.writer.id,))


def test_a_room_may_refuse_many_points_for_one_reason(folder: Path, sqlite: Database) -> None:
    writer = new_writer(folder)
    wrong, right = writer.series("r", "wrong"), writer.series("r", "right")
    for number in range(1_000):
        (wrong if number % 2 else right).log(float(number))
    report = Drain(folder, sqlite, [Choosy()], clock=SystemClock()).run_once()
    assert report.rejected == 500
    (path,) = (folder / "rejected").iterdir()
    records = [json.loads(line)["record"] for line in path.read_text().splitlines()]
    assert [record["value"] for record in records] == [float(number) for number in range(1, 1_000, 2)]


class Dazed(Notebook):
    """Refuses everything."""

    def apply(self, connection: sa.Connection, batch: Batch) -> Iterable[Changed]:
        raise KeyError("nothing will do")


def test_a_room_that_refuses_everything_does_not_take_forever(folder: Path, sqlite: Database) -> None:
    series = new_writer(folder).series("r", "loss")
    for number in range(20_000):
        series.log(float(number))
    assert Drain(folder, sqlite, [Dazed()], clock=SystemClock()).run_once().rejected == 20_001
    assert not Drain(folder, sqlite, [Dazed()], clock=SystemClock()).run_once()


def test_damaged_records_are_counted(folder: Path, sqlite: Database) -> None:
    writer = new_writer(folder)
    series = writer.series("r", "loss")
    for number in range(10):
        series.log(float(number))
    with open(writer.path / "points-1.bin", "r+b") as file:
        file.seek(3 * 40 + 5)
        file.write(b"\xff")
    report = notebook_drain(folder, sqlite).run_once()
    assert (report.points, report.bad) == (9, 1)
    assert writer_row(sqlite, writer.id).bad == 1


def test_a_journal_of_a_later_format_is_left_and_told(folder: Path, sqlite: Database) -> None:
    writer = new_writer(folder)
    writer.event("note")
    path = writer.path / "writer.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 9'))
    other = new_writer(folder)
    other.event("note")
    report = notebook_drain(folder, sqlite).run_once()
    assert report.events == 1
    assert "format 9" in report.unreadable[0]
    assert (writer.path / "events-1.jsonl").exists()


# -- the end of a writer ------------------------------------------------------------------------------------


def test_a_closed_journal_is_deleted_once_all_of_it_is_carried_over(folder: Path, database: Database) -> None:
    writer = new_writer(folder)
    series = writer.series("r", "loss")
    series.log(1.0)
    identifier = writer.id
    drain = notebook_drain(folder, database)
    drain.run_once()
    series.log(2.0)
    writer.close()
    drain.run_once()
    assert writer_ids(folder) == []
    assert stored_values(database) == [1.0, 2.0]
    assert stored_deaths(database) == set()
    assert writer_row(database, identifier).ended_us is not None


def test_a_dead_process_is_told_to_the_rooms_once_and_its_journal_deleted(
    folder: Path, database: Database
) -> None:
    writer = new_writer(folder)
    alive = new_writer(folder)
    alive.event("note")

    def die() -> None:
        writer.series("r", "loss").log(1.0)

    in_child(die)
    (dead,) = set(writer_ids(folder)) - {alive.id}
    drain = notebook_drain(folder, database)
    report = drain.run_once()
    assert stored_values(database) == [1.0]
    assert stored_deaths(database) == {dead}
    assert Changed("writer", (alive.id, dead)) in report.changed
    assert writer_ids(folder) == [alive.id]
    assert not drain.run_once()


def test_a_process_that_dies_later_is_noticed_later(folder: Path, sqlite: Database) -> None:
    program = (
        "import sys, time; from pathlib import Path; from nbproof.core.clock import SystemClock;"
        "from nbproof.storage.journal.writer import JournalWriter;"
        "JournalWriter(Path(sys.argv[1]), clock=SystemClock()).event('note'); print('ready', flush=True);"
        "time.sleep(60)"
    )
    drain = notebook_drain(folder, sqlite)
    with subprocess.Popen([sys.executable, "-c", program, folder], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        drain.run_once()
        (identifier,) = writer_ids(folder)
        assert not drain.run_once()
        process.send_signal(signal.SIGKILL)
    drain.run_once()
    assert stored_deaths(sqlite) == {identifier}
    assert writer_ids(folder) == []


def test_a_pid_that_was_given_to_another_process_does_not_count_as_alive(
    folder: Path, sqlite: Database
) -> None:
    writer = new_writer(folder)
    writer.event("note")
    path = writer.path / "writer.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "pid_started": "1"}))
    notebook_drain(folder, sqlite).run_once()
    assert stored_deaths(sqlite) == {facts["id"]}


@pytest.mark.parametrize("elsewhere", [{"host": "far-away"}, {"pid_space": "pid:[1]"}])
def test_of_a_process_elsewhere_nothing_is_assumed(
    folder: Path, sqlite: Database, elsewhere: dict[str, str]
) -> None:
    writer = new_writer(folder)
    writer.event("note")
    path = writer.path / "writer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "pid": 2**22 + 1, **elsewhere}))
    notebook_drain(folder, sqlite).run_once()
    assert stored_kinds(sqlite) == ["note"]
    assert stored_deaths(sqlite) == set()
    assert writer_ids(folder) == [writer.id]


def test_an_earlier_boot_of_this_machine_is_over(folder: Path, sqlite: Database) -> None:
    writer = new_writer(folder)
    writer.event("note")
    path = writer.path / "writer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "boot_id": "before"}))
    notebook_drain(folder, sqlite).run_once()
    assert stored_deaths(sqlite) == {writer.id}


def test_a_dead_process_is_settled_though_its_journal_was_deleted_by_hand(
    folder: Path, sqlite: Database
) -> None:
    writer = new_writer(folder)
    keeper = notebook_drain(folder, sqlite)
    read, write = os.pipe()

    def live_a_little() -> None:
        writer.event("note")
        os.read(read, 1)

    pid = fork()
    if pid == 0:
        live_a_little()
        os._exit(0)
    deadline = time.monotonic() + 30
    while not keeper.run_once().events and time.monotonic() < deadline:
        time.sleep(0.01)
    (identifier,) = writer_ids(folder)
    os.write(write, b"x")
    os.waitpid(pid, 0)
    os.close(read)
    os.close(write)
    shutil.rmtree(folder / identifier)
    notebook_drain(folder, sqlite).run_once()
    assert stored_deaths(sqlite) == {identifier}


class Brittle(Notebook):
    def writer_died(self, connection: sa.Connection, writer_id: str, time_us: int) -> Iterable[Changed]:
        raise RuntimeError("cannot settle")


def test_a_room_that_fails_to_settle_a_death_keeps_nobody_from_reading(
    folder: Path, sqlite: Database
) -> None:
    writer = new_writer(folder)
    in_child(lambda: (writer.event("note"), None)[1])
    Drain(folder, sqlite, [Brittle()], clock=SystemClock()).run_once()
    assert stored_kinds(sqlite) == ["note"]
    assert writer_ids(folder) == []


def test_full_files_are_deleted_when_they_were_carried_over(
    folder: Path, sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "SEGMENT_BYTES", 40_000)
    writer = new_writer(folder)
    series = writer.series("r", "loss")
    drain = notebook_drain(folder, sqlite)
    for number in range(5_500):
        series.log(float(number))
        if number % 700 == 0:
            drain.run_once()
    drain.run_once()
    assert {path.name for path in writer.path.glob("points-*")} == {"points-6.bin"}
    assert stored_values(sqlite) == [float(number) for number in range(5_500)]


def test_a_death_is_dated_by_the_clock(folder: Path, sqlite: Database, clock: FixedClock) -> None:
    writer = new_writer(folder)
    in_child(lambda: (writer.event("note"), None)[1])
    (identifier,) = writer_ids(folder)
    Drain(folder, sqlite, [Notebook()], clock=clock).run_once()
    assert writer_row(sqlite, identifier).ended_us == clock.now_us()


# -- several at once ----------------------------------------------------------------------------------------

_DRAINER = """
import sys, time
from pathlib import Path
from tests.support.journals import notebook_drain, Database
drain = notebook_drain(Path(sys.argv[1]), Database(sys.argv[2], busy_timeout_seconds=60), limit=300)
stop = Path(sys.argv[3])
print("ready", flush=True)
points = 0
while True:
    last = stop.exists()
    points += drain.run_once().points
    if last: break
print(points)
"""

_LOGGER = """
import sys
from pathlib import Path
from nbproof.core.clock import SystemClock
from nbproof.storage.journal.writer import JournalWriter
writer = JournalWriter(Path(sys.argv[1]), clock=SystemClock())
series = writer.series("r", sys.argv[2])
for number in range(20_000):
    series.log(float(number))
    if number % 100 == 0:
        writer.event("note")
writer.close()
"""


@pytest.mark.parametrize("drainers", [1, 2])
def test_writers_and_drainers_at_once_lose_and_double_nothing(
    folder: Path, tmp_path: Path, database_url: str, drainers: int
) -> None:
    stop = tmp_path / "stop"
    root = Path(__file__).resolve().parents[2]
    with open_notebook(database_url, tmp_path / "backups") as database:
        draining = [
            subprocess.Popen(
                [sys.executable, "-c", _DRAINER, folder, database_url, stop],
                cwd=root, stdout=subprocess.PIPE, text=True,
            )
            for _ in range(drainers)
        ]  # fmt: skip
        for process in draining:
            assert process.stdout is not None
            process.stdout.readline()
        logging = [subprocess.Popen([sys.executable, "-c", _LOGGER, folder, name]) for name in "ab"]
        assert [process.wait(60) for process in logging] == [0, 0]
        stop.touch()
        counted = [int(process.communicate(timeout=60)[0]) for process in draining]
        assert [process.returncode for process in draining] == [0] * drainers
        assert sum(counted) == 40_000
        assert sorted(stored_values(database)) == sorted(2 * [float(number) for number in range(20_000)])
        assert len(stored_kinds(database)) == 2 * 201
        assert stored_deaths(database) == set()
        assert writer_ids(folder) == []


def test_threads_share_a_drain(folder: Path, sqlite: Database) -> None:
    series = new_writer(folder).series("r", "loss")
    drain = notebook_drain(folder, sqlite, limit=50)
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            drain.run_once()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1_000):
        series.log(float(number))
    done.set()
    for thread in threads:
        thread.join()
    drain.run_once()
    assert stored_values(sqlite) == [float(number) for number in range(1_000)]


def test_a_forked_child_drains_though_a_thread_of_its_parent_was_at_it(
    folder: Path, sqlite: Database
) -> None:
    drain = notebook_drain(folder, sqlite)
    new_writer(folder).series("r", "loss").log(1.0)
    with drain._lock:
        in_child(lambda: (signal.alarm(20), drain.run_once(), None)[2])
    assert stored_values(sqlite) == [1.0]


# -- when the database will not have it ---------------------------------------------------------------------


def lock(database: Database) -> sqlite3.Connection:
    connection = sqlite3.connect(str(database.path), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def test_while_the_database_is_locked_the_journal_is_the_queue(folder: Path, tmp_path: Path) -> None:
    url = tmp_path / "meta.db"
    with open_notebook(url, tmp_path / "backups", busy_timeout_seconds=0.1) as database:
        series = new_writer(folder).series("r", "loss")
        drain = notebook_drain(folder, database)
        series.log(1.0)
        locked = lock(database)
        with pytest.raises(Unavailable, match="lock"):
            drain.run_once()
        series.log(2.0)
        locked.execute("ROLLBACK")
        locked.close()
        assert drain.run_once().points == 2
        assert stored_values(database) == [1.0, 2.0]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="which file is synced is seen on Linux")
def test_a_journal_goes_when_its_records_are_on_the_disk_though_somebody_reads_an_older_moment(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    with open_notebook(tmp_path / "meta.db", tmp_path / "backups") as database:
        drain = notebook_drain(folder, database)
        drain.run_once()
        with closing(sqlite3.connect(tmp_path / "meta.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM writers").fetchall()
            writer = new_writer(folder)
            writer.event("note")
            writer.close()
            monkeypatch.setattr(os, "fsync", noted)
            assert drain.run_once().events == 1
        assert synced == [str(tmp_path / "meta.db-wal")]
        assert writer_ids(folder) == []


def test_what_was_put_aside_is_taken_back_when_the_commit_fails(folder: Path, tmp_path: Path) -> None:
    with open_notebook(tmp_path / "meta.db", tmp_path / "backups") as database:
        writer = new_writer(folder)
        writer.event("bad")

        def refuse(connection: sa.Connection) -> None:
            raise sa.exc.OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))

        sa.event.listen(database.engine, "commit", refuse)
        drain = notebook_drain(folder, database)
        with pytest.raises(Unavailable):
            drain.run_once()
        sa.event.remove(database.engine, "commit", refuse)
        assert not list((folder / "rejected").glob("*")) if (folder / "rejected").exists() else True
        assert drain.run_once().rejected == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_database_that_can_only_be_read_is_left_alone(folder: Path, tmp_path: Path) -> None:
    with open_notebook(tmp_path / "meta.db", tmp_path / "backups"):
        pass
    new_writer(folder).event("note")
    (tmp_path / "meta.db").chmod(0o400)
    with Database(tmp_path / "meta.db") as database:
        assert notebook_drain(folder, database).run_once().unreadable

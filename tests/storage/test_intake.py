"""Journals of other machines: taken once, in order, and their silence is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbproof.core.clock import FixedClock
from nbproof.storage.database import Database
from nbproof.storage.drain import Drain
from nbproof.storage.journal.process import Process, this_process
from nbproof.storage.journal.reader import Batch, Cursor, WriterInfo
from nbproof.storage.journal.wire import Sent
from tests.support.journals import (
    Notebook,
    new_writer,
    open_notebook,
    read_all,
    stored_deaths,
    stored_kinds,
    stored_values,
)


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    database = open_notebook(database_url, tmp_path / "backups")
    yield database
    database.close()


@pytest.fixture
def drain(database: Database, tmp_path: Path, clock: FixedClock) -> Drain:
    return Drain(tmp_path / "server", database, [Notebook()], clock=clock)


def stretch(folder: Path, values: int = 3) -> Batch:
    """A journal of another machine, in one piece."""
    writer = new_writer(folder)
    writer.event("note", text="first")
    series = writer.series("r", "loss")
    for value in range(values):
        series.log(float(value))
    (batch,) = read_all(folder)
    return batch


def silence(drain: Drain, clock: FixedClock, seconds: float) -> None:
    clock.advance(seconds)
    drain._orphans_due = 0.0
    drain.run_once()


def test_a_stretch_is_taken_once(drain, database, tmp_path):
    batch = stretch(tmp_path / "afar")

    assert drain.take(Sent(batch)) == batch.to
    assert drain.take(Sent(batch)) == batch.to  # its answer was lost, it is sent again

    assert stored_values(database) == [0.0, 1.0, 2.0]
    assert stored_kinds(database) == ["note", "series"]


def test_a_stretch_that_does_not_follow_is_not_taken_and_the_mark_is_told(drain, database, tmp_path):
    batch = stretch(tmp_path / "afar", values=10)
    middle = batch.from_ + 5

    assert drain.take(Sent(batch.part(middle, batch.to))) == 0
    assert stored_values(database) == []
    assert drain.take(Sent(batch.part(0, middle))) == middle
    assert drain.take(Sent(batch)) == middle
    assert drain.take(Sent(batch.part(middle, batch.to))) == batch.to
    assert stored_values(database) == [float(value) for value in range(10)]


def test_a_machine_that_says_nothing_for_a_minute_counts_as_dead_until_it_speaks(
    drain, database, tmp_path, clock
):
    batch = stretch(tmp_path / "afar")
    writer = batch.writer.id
    drain.take(Sent(batch))
    silence(drain, clock, 35)
    assert stored_deaths(database) == set()
    drain.take(Sent(nothing(batch)))
    silence(drain, clock, 35)
    assert stored_deaths(database) == set()

    silence(drain, clock, 11)
    assert stored_deaths(database) == {writer}
    silence(drain, clock, 100)  # once is enough

    drain.take(Sent(nothing(batch)))
    assert stored_deaths(database) == set()


def test_silence_is_noticed_though_the_clock_was_set_back(drain, database, tmp_path, clock):
    batch = stretch(tmp_path / "afar")
    drain.take(Sent(batch))
    silence(drain, clock, -3600)
    silence(drain, clock, 35)
    assert stored_deaths(database) == set()
    silence(drain, clock, 11)
    assert stored_deaths(database) == {batch.writer.id}


def test_a_journal_that_ended_well_leaves_nothing_to_settle(drain, database, tmp_path, clock):
    batch = stretch(tmp_path / "afar")
    drain.take(Sent(batch, "closed", durable=True))
    silence(drain, clock, 1000)
    assert stored_deaths(database) == set()


def test_what_a_dead_process_left_is_settled_when_all_has_arrived(drain, database, tmp_path):
    batch = stretch(tmp_path / "afar")
    drain.take(Sent(batch))
    assert stored_deaths(database) == set()
    drain.take(Sent(nothing(batch), "died", durable=True))
    drain.take(Sent(nothing(batch), "died", durable=True))
    assert stored_deaths(database) == {batch.writer.id}


def test_a_process_of_this_machine_that_sends_is_judged_by_what_it_sends(drain, database, clock):
    # Its pid is gone, but what it logged is still on its way.
    here = this_process()
    process = Process(here.host, here.boot_id, 2**22 + 1, "1", here.pid_space)
    info = WriterInfo("0" * 31 + "1", process, "0.1.0", 0)
    drain.take(Sent(Batch(info, 0, 0, [], b"", 0, Cursor())))
    silence(drain, clock, 10)
    assert stored_deaths(database) == set()


def nothing(batch: Batch) -> Batch:
    return Batch(batch.writer, batch.to, batch.to, [], b"", 0, Cursor(batch.to))

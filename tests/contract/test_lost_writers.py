"""Writers on other machines that go silent, on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from nbproof.core.ids import new_id
from nbproof.storage.database import open_database
from nbproof.storage.drain import Drain
from nbproof.storage.journal.process import this_process
from nbproof.storage.journal.writer import JournalWriter
from nbproof.storage.tables import WriterRow
from nbproof.storage.witness import LOST_AFTER_SECONDS, SEEN_EVERY_SECONDS, Witness
from nbproof.tracking.repository import RunRepository, TrackingApplier, TrashApplier


@pytest.fixture
def database(database_url):
    with open_database(database_url) as database:
        yield database


class Machines:
    """A kernel and a server here, and a server on another machine that shares the records."""

    def __init__(self, database, clock, folder):
        self.database, self.clock, self.seconds = database, clock, 0.0
        self.journal = JournalWriter(folder / "journal", clock=clock)
        self.drain = Drain(
            folder / "journal", database, [TrackingApplier(clock), TrashApplier()], clock=clock
        )
        here = this_process()
        self.here = self.witness(here)
        self.there = self.witness(replace(here, host="another"))
        self.run = new_id()
        self.journal.event(
            "run.start", run=self.run, experiment={"id": new_id(), "name": "e"}, name="r", parent=None
        )

    def witness(self, process, *, shared=True):
        return Witness(
            self.database,
            [TrackingApplier(self.clock)],
            clock=self.clock,
            shared=shared,
            here=process,
            monotonic=lambda: self.seconds,
        )

    def trash(self, kind):
        """What somebody says at another machine."""
        self.journal.event(kind, run=self.run)
        self.drain.run_once()

    def status(self):
        self.drain.run_once()
        return RunRepository(self.database).get_run(self.run).status

    def pass_(self, seconds, *witnesses):
        changed = []
        for _ in range(round(seconds / 5)):
            self.seconds += 5
            self.clock.advance(5)
            for witness in witnesses:
                changed += witness.look()
        return changed


@pytest.fixture
def machines(database, clock, tmp_path):
    found = Machines(database, clock, tmp_path)
    yield found
    found.journal.close()


def test_a_run_whose_machine_goes_silent_is_interrupted_within_a_minute(machines):
    assert machines.status() == "running"
    machines.pass_(300, machines.here, machines.there)
    assert machines.status() == "running"
    (change,) = machines.pass_(60, machines.there)
    assert change.ids == (machines.run,) and machines.status() == "interrupted"
    assert LOST_AFTER_SECONDS + SEEN_EVERY_SECONDS < 60


def test_it_goes_on_when_its_machine_is_seen_again(machines):
    machines.status()
    machines.pass_(30, machines.here, machines.there)
    machines.pass_(120, machines.there)
    assert machines.status() == "interrupted"
    (change,) = machines.pass_(30, machines.here, machines.there)
    assert change.ids == (machines.run,) and machines.status() == "running"
    machines.pass_(120, machines.there)
    assert machines.status() == "interrupted"


def test_one_that_was_thrown_away_meanwhile_stays_interrupted_until_it_is_brought_back(machines):
    machines.status()
    machines.pass_(30, machines.here, machines.there)
    machines.pass_(120, machines.there)
    machines.trash("run.delete")
    assert machines.pass_(30, machines.here, machines.there) == []
    assert machines.status() == "interrupted"
    machines.trash("run.restore")
    (change,) = machines.pass_(30, machines.here, machines.there)
    assert change.ids == (machines.run,) and machines.status() == "running"


def test_what_it_says_in_the_end_counts(machines):
    machines.status()
    machines.pass_(30, machines.here, machines.there)
    machines.pass_(120, machines.there)
    machines.journal.event("run.end", run=machines.run, status="finished")
    assert machines.status() == "finished"
    machines.pass_(30, machines.here, machines.there)
    assert machines.status() == "finished"


def test_a_run_that_somebody_else_went_on_with_is_theirs(machines, tmp_path, clock):
    machines.status()
    machines.pass_(30, machines.here, machines.there)
    machines.pass_(120, machines.there)
    other = JournalWriter(tmp_path / "journal", clock=clock)
    other.event("run.resume", run=machines.run)
    other.event("run.end", run=machines.run, status="failed")
    assert machines.status() == "failed"
    machines.pass_(30, machines.here, machines.there)
    assert machines.status() == "failed"
    other.close()


def test_whom_no_server_ever_saw_is_left_alone(machines):
    machines.status()
    machines.pass_(600, machines.there)
    assert machines.status() == "running"


def test_clocks_that_disagree_lose_nobody(machines, clock):
    machines.status()
    for _ in range(20):
        machines.pass_(15, machines.here)
        clock.advance(-7200)
        machines.pass_(15, machines.there)
        clock.advance(7200)
    assert machines.status() == "running"


def test_where_nobody_else_is_nothing_is_written(machines):
    machines.status()
    alone = machines.witness(this_process(), shared=False)
    machines.pass_(60, alone)
    with machines.database.connect() as connection:
        assert connection.execute(sa.select(WriterRow.seen_us)).scalar() is None

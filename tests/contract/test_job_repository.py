"""What the records of jobs must do, on SQLite and on PostgreSQL."""

import threading

import pytest

from nbproof.core.errors import Conflict, NotFound
from nbproof.core.ids import new_id
from nbproof.jobs.domain import JobRecord
from nbproof.jobs.repository import JobRepository
from nbproof.storage.database import open_database
from nbproof.storage.journal.process import Process, this_process


@pytest.fixture
def records(database_url):
    with open_database(database_url) as database:
        yield JobRepository(database)


def record(**changes):
    facts = {"id": new_id(), "kind": "test.quick", "ask": {}, "status": "queued", "created_us": 1}
    return JobRecord(**{"restartable": True, **facts, **changes})


def elsewhere():
    """A process of another machine."""
    return Process(host="another", boot_id="b", pid=1, pid_started="1", pid_space="s")


def test_a_job_comes_back_as_it_was_written(records):
    job = record(
        ask={"big": 2**200, "text": "\0 \ud800 🎈", "nothing": None},
        result=[1.5, {"a": True}],
        error={"code": "error"},
        message="half way",
        progress=0.5,
        owner_id=new_id(),
        owner=elsewhere(),
        lease_us=2**62,
        cancel_asked=True,
    )

    records.add(job)

    assert records.get(job.id) == job


def test_digits_that_end_several_jobs_are_a_conflict(records):
    for start in ("a", "b"):
        records.add(record(id=start * 26 + "123456"))

    with pytest.raises(Conflict) as caught:
        records.get("123456")
    assert len(caught.value.details["candidates"]) == 2
    with pytest.raises(NotFound):
        records.get("______")


def test_unfinished_jobs_come_in_the_order_they_were_submitted(records):
    jobs = [record(created_us=number) for number in (1, 2, 3)]
    for job in reversed(jobs):
        records.add(job)
    records.settle(jobs[1], "cancelled", now_us=9)

    assert [job.id for job in records.unfinished()] == [jobs[0].id, jobs[2].id]
    assert records.get(jobs[1].id).ended_us == 9


def test_a_heartbeat_renews_the_lease_and_brings_word_of_a_cancel(records):
    owner = new_id()
    first, second, lost = (record() for _ in range(3))
    for job in (first, second, lost):
        records.add(job)
        records.claim(job, owner, elsewhere(), now_us=1, lease_us=2)
    records.ask_to_cancel(second.id)
    records.release(records.get(lost.id))

    told = records.heartbeat(owner, [first.id, second.id, lost.id], lease_us=99)

    assert told == {first.id: False, second.id: True}
    assert records.get(first.id).lease_us == 99


def test_a_job_that_was_cancelled_meanwhile_is_not_claimed(records):
    job = record()
    records.add(job)
    records.settle(job, "cancelled", now_us=1)

    assert not records.claim(job, new_id(), this_process(), now_us=2, lease_us=3)


def test_of_many_takers_one_gets_the_job(records):
    queued = record()
    records.add(queued)
    won = []
    start = threading.Barrier(8)

    def take():
        start.wait()
        if records.claim(queued, new_id(), this_process(), now_us=1, lease_us=2):
            won.append(1)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert won == [1]


def test_what_an_owner_writes_who_lost_the_job_changes_nothing(records):
    queued = record()
    records.add(queued)
    records.claim(queued, "a" * 32, elsewhere(), now_us=1, lease_us=2)
    running = records.get(queued.id)
    records.release(running)
    records.claim(records.get(queued.id), "b" * 32, elsewhere(), now_us=3, lease_us=4)

    assert not records.report(queued.id, "a" * 32, 1, {"status": "done"})
    assert records.get(queued.id).status == "running"

"""Long work: it is run, told about, cancelled, and survives the process that did it."""

import json
import logging
import os
import subprocess
import sys
import textwrap
import threading
import time
from typing import Any

import pytest

from nbproof.core.clock import SystemClock
from nbproof.core.errors import Conflict, Invalid, NotFound
from nbproof.core.events import Changes
from nbproof.core.ids import new_id
from nbproof.core.operation import Ask
from nbproof.jobs.domain import JobRecord
from nbproof.jobs.repository import JobRepository
from nbproof.jobs.service import JobContext, Jobs, job
from nbproof.storage.database import open_database
from nbproof.storage.journal.process import Process, this_process


class Add(Ask):
    numbers: list[int]


@job("test.add")
def add(ask: Add, context: JobContext) -> dict[str, int]:
    return {"sum": sum(ask.numbers)}


@job("test.fail")
def fail(ask: dict[str, object], context: JobContext) -> None:
    if ask.get("ours"):
        raise NotFound("no dataset 'x'", hint="look again", details={"near": ["y"]})
    raise ZeroDivisionError("oh")


@job("test.loop", restartable=True)
def loop(ask: dict[str, object], context: JobContext) -> str:
    for _ in range(3000):
        context.progress(0.5, "half way")
        time.sleep(0.01)
    return "never"


@job("test.quick", restartable=True)
def quick(ask: dict[str, object], context: JobContext) -> int:
    return context.attempt


KINDS = [add, fail, loop, quick]


@pytest.fixture
def database(database_url):
    with open_database(database_url) as database:
        yield database


@pytest.fixture
def records(database):
    return JobRepository(database)


@pytest.fixture
def jobs(records):
    jobs = Jobs(records, KINDS, poll_seconds=0.05)
    yield jobs
    jobs.close()


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def elsewhere():
    """A process of another machine."""
    return Process(host="another", boot_id="b", pid=1, pid_started="1", pid_space="s")


def record(kind="test.quick", **changes):
    facts = {"id": new_id(), "kind": kind, "ask": {}, "status": "queued", "restartable": True}
    return JobRecord(**{"created_us": SystemClock().now_us(), **facts, **changes})


def dead_process():
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    here = this_process()
    return Process(here.host, here.boot_id, child.pid, "1", here.pid_space)


def test_a_job_gives_its_result(jobs):
    submitted = jobs.submit("test.add", {"numbers": [1, 2, 3]})

    ended = jobs.wait(submitted.id)

    assert submitted.status == "queued"
    assert (ended.status, ended.result, ended.progress, ended.error) == ("done", {"sum": 6}, 1.0, None)
    assert ended.created <= ended.started <= ended.ended


def test_an_ask_is_checked_when_it_is_submitted(jobs):
    with pytest.raises(Invalid, match="numbers"):
        jobs.submit("test.add", {"numbers": "many"})
    assert jobs.list().items == []


def test_an_unknown_kind_is_refused_with_a_near_one(jobs):
    with pytest.raises(Invalid, match="called 'test") as caught:
        jobs.submit("test.ad")
    assert caught.value.hint == "did you mean 'test.add'?"


def test_what_a_job_raises_for_people_is_kept_as_it_is(jobs):
    ended = jobs.wait(jobs.submit("test.fail", {"ours": True}).id)

    assert ended.status == "failed"
    assert ended.error == {
        "code": "not-found",
        "message": "no dataset 'x'",
        "hint": "look again",
        "details": {"near": ["y"]},
    }


def test_the_traceback_of_a_fault_goes_to_the_log_not_to_people(jobs, caplog):
    with caplog.at_level(logging.ERROR):
        ended = jobs.wait(jobs.submit("test.fail").id)

    assert ended.error["message"] == "ZeroDivisionError: oh"
    assert "Traceback" not in json.dumps(ended.error)
    assert "Traceback" in caplog.text


def test_a_running_job_shows_progress_and_stops_when_it_is_cancelled(jobs):
    submitted = jobs.submit("test.loop")
    until(lambda: jobs.get(submitted.id).message == "half way")

    jobs.cancel(submitted.id)
    ended = jobs.wait(submitted.id)

    assert (ended.status, ended.progress, ended.result) == ("cancelled", 0.5, None)
    jobs.cancel(submitted.id)


def test_a_job_is_cancelled_by_another_process_too(jobs, records):
    submitted = jobs.submit("test.loop")
    until(lambda: jobs.get(submitted.id).status == "running")

    Jobs(records, KINDS).cancel(submitted.id)

    assert jobs.wait(submitted.id).status == "cancelled"


def test_a_queued_job_is_cancelled_at_once(records, jobs):
    waiting = record(kind="test.unknown")
    records.add(waiting)

    jobs.cancel(waiting.id)

    assert jobs.get(waiting.id).status == "cancelled"


def test_a_job_that_has_ended_cannot_be_cancelled(jobs):
    done = jobs.wait(jobs.submit("test.quick").id)

    with pytest.raises(Conflict, match="is done already"):
        jobs.cancel(done.id)


def test_jobs_are_found_by_id_or_its_last_six_digits(jobs):
    submitted = jobs.submit("test.quick")

    assert jobs.get(submitted.id[-6:]).id == submitted.id
    with pytest.raises(NotFound):
        jobs.get("0" * 32)
    with pytest.raises(NotFound):
        jobs.get("%%%%%%")


def test_jobs_are_listed_newest_first_in_pages(jobs):
    ids = [jobs.submit("test.quick").id for _ in range(5)]

    first = jobs.list(limit=2)
    second = jobs.list(limit=2, after=first.next)
    third = jobs.list(limit=2, after=second.next)

    assert [each.id for page in (first, second, third) for each in page.items] == ids[::-1]
    assert third.next is None
    with pytest.raises(Invalid):
        jobs.list(after="rubbish")


def test_changes_are_told(records):
    changes, seen = Changes(), []
    changes.subscribe(lambda change: seen.append((change.kind, *change.ids)))
    jobs = Jobs(records, KINDS, changes=changes, poll_seconds=0.05)

    submitted = jobs.submit("test.quick")
    jobs.wait(submitted.id)
    until(lambda: len(seen) == 3)
    jobs.close()

    assert set(seen) == {("job", submitted.id)}


def test_no_thread_is_left_when_there_is_nothing_to_do(jobs):
    jobs.wait(jobs.submit("test.quick").id)

    until(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("nbproof-job")])


def test_a_server_takes_over_what_a_dead_process_left_queued(records, jobs):
    left = record(owner_id=new_id(), owner=dead_process())
    records.add(left)

    jobs.start()

    assert jobs.wait(left.id).result == 1


def test_a_server_restarts_what_a_dead_process_was_doing(records, jobs):
    left = record(status="running", attempt=1, owner_id=new_id(), owner=dead_process())
    records.add(left)

    jobs.start()

    ended = jobs.wait(left.id)
    assert (ended.status, ended.result) == ("done", 2)


def test_what_cannot_be_restarted_is_marked_interrupted_when_it_is_looked_at(records, jobs):
    left = record(status="running", attempt=1, restartable=False, owner_id=new_id(), owner=dead_process())
    records.add(left)

    found = jobs.get(left.id)

    assert found.status == "interrupted"
    assert "the process that ran it ended" in found.error["message"]
    assert found.ended is not None


def test_a_job_that_kills_its_process_is_not_tried_forever(records, jobs):
    left = record(status="running", attempt=3, owner_id=new_id(), owner=dead_process())
    records.add(left)

    jobs.start()

    assert jobs.wait(left.id).status == "interrupted"


def test_a_job_of_another_machine_is_left_alone_until_its_lease_runs_out(records, clock):
    jobs = Jobs(records, KINDS, clock=clock, poll_seconds=0.05)
    left = record(
        status="running",
        attempt=1,
        owner_id=new_id(),
        owner=elsewhere(),
        lease_us=clock.now_us() + 60_000_000,
    )
    records.add(left)

    assert jobs.get(left.id).status == "running"
    clock.advance(61)
    assert jobs.get(left.id).status == "queued"
    jobs.close()


def test_a_living_process_keeps_its_job_however_long_it_sleeps(records, jobs):
    mine = record(status="running", attempt=1, owner_id=new_id(), owner=this_process(), lease_us=0)
    records.add(mine)

    assert jobs.get(mine.id).status == "running"


def test_two_servers_run_every_job_once(records):
    done = []

    @job("test.count", restartable=True)
    def count(ask: dict[str, object], context: JobContext) -> None:
        done.append(context.id)

    for _ in range(20):
        records.add(record(kind="test.count"))
    servers = [Jobs(records, [count], poll_seconds=0.01) for _ in range(2)]
    for server in servers:
        server.start()

    until(lambda: not records.unfinished())
    for server in servers:
        server.close()

    assert len(done) == len(set(done)) == 20


def test_closing_hands_on_what_is_queued_and_what_can_be_restarted(records):
    first = Jobs(records, KINDS, threads=1, poll_seconds=0.05)
    running, waiting = first.submit("test.loop"), first.submit("test.quick")
    until(lambda: first.get(running.id).status == "running")

    first.close()

    assert {each.id: each.status for each in first.list().items} == {
        running.id: "queued",
        waiting.id: "queued",
    }
    second = Jobs(records, [quick], poll_seconds=0.05)
    second.start()
    assert second.wait(waiting.id).status == "done"
    second.close()


def test_closing_waits_for_a_job_that_is_just_being_started(database):
    class SlowToClaim(JobRepository):
        def claim(self, *args, **kwargs):
            claimed = super().claim(*args, **kwargs)
            claiming.set()
            until(lambda: jobs._closed)
            return claimed

    claiming = threading.Event()
    jobs = Jobs(SlowToClaim(database), KINDS, poll_seconds=0.05)
    jobs.submit("test.loop")
    assert claiming.wait(60)

    jobs.close()

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("nbproof-job")]


def test_a_job_survives_the_kill_of_its_process(database_url, records, jobs):
    program = textwrap.dedent("""
        import sys, time
        from nbproof.jobs.repository import JobRepository
        from nbproof.jobs.service import Jobs, job
        from nbproof.storage.database import open_database

        @job("test.quick", restartable=True)
        def hangs(ask: dict[str, object], context):
            print(context.id, flush=True)
            time.sleep(600)

        jobs = Jobs(JobRepository(open_database(sys.argv[1])), [hangs], poll_seconds=0.05)
        jobs.submit("test.quick")
        time.sleep(600)
    """)
    child = subprocess.Popen([sys.executable, "-c", program, database_url], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    identifier = child.stdout.readline().strip()
    assert jobs.get(identifier).status == "running"

    child.kill()
    child.wait()
    child.stdout.close()
    jobs.start()

    assert jobs.wait(identifier).result == 2


def test_a_forked_child_has_jobs_of_its_own(jobs):
    jobs.wait(jobs.submit("test.quick").id)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, jobs.wait(jobs.submit("test.quick").id).status.encode())
        finally:
            os._exit(0)
    os.close(writing)
    answer = os.read(reading, 100)
    os.close(reading)
    os.waitpid(child, 0)

    assert answer == b"done"


def test_services_reach_a_job_through_its_context(records):
    class Room:
        word = "hello"

    @job("test.room")
    def say(ask: dict[str, object], context: JobContext) -> str:
        return context.service(Room).word

    jobs = Jobs(records, [say], supply=lambda kind: kind(), poll_seconds=0.05)
    ended = jobs.wait(jobs.submit("test.room").id)
    jobs.close()

    assert ended.result == "hello"


def test_a_job_that_is_submitted_while_the_others_are_looked_at_is_run_too(jobs, records, monkeypatch):
    look = records.unfinished
    later: list[Any] = []

    def submitting():
        found = look()
        if not later:
            later.append(None)
            later[0] = jobs.submit("test.quick")
        return found

    monkeypatch.setattr(records, "unfinished", submitting)
    first = jobs.submit("test.quick")
    assert jobs.wait(first.id, timeout_seconds=20).status == "done"
    assert jobs.wait(later[0].id, timeout_seconds=20).status == "done"

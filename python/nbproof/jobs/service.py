"""Long work: submitted, run by a few threads of whoever owns it, cancelled, and taken over from the dead.

A job is a kind and an ask.  Rooms declare how a kind is done::

    @job("datasets.verify", restartable=True)
    def verify(ask: VerifyDataset, context: JobContext) -> Verified:
        versions = context.service(DataVersionControl)
        for done, part in enumerate(parts, 1):
            context.progress(done / len(parts), f"part {done}")     # ends the job here if it was cancelled
        ...

and a verb submits it; that it returns a `JobAccepted` makes the answer a 202 with the job's id, and the
command one that waits and shows progress::

    @operation("datasets.verify", "POST /datasets/{name}/verify", action="write", cli="datasets verify")
    def verify_dataset(jobs: Jobs, ask: VerifyDataset) -> JobAccepted:
        queued = jobs.submit("datasets.verify", ask)
        return JobAccepted(id=queued.id, status=queued.status)
"""

from __future__ import annotations

import base64
import inspect
import json
import logging
import os
import threading
import time
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic_core import PydanticSerializationError

from nbproof.core.clock import Clock, SystemClock, datetime_of
from nbproof.core.errors import Conflict, Invalid, PlatformError, Unavailable, as_json, near_names
from nbproof.core.events import Changed, Changes
from nbproof.core.ids import new_id, short
from nbproof.core.operation import Page, validated
from nbproof.jobs.domain import ENDED, MOST_ATTEMPTS, JobRecord, is_abandoned
from nbproof.jobs.models import Job
from nbproof.storage.journal.process import this_process

if TYPE_CHECKING:  # declaring the verbs must not load a database
    from nbproof.jobs.repository import JobRepository

__all__ = ["JobCancelled", "JobContext", "JobKind", "Jobs", "job"]

_log = logging.getLogger("nbproof.jobs")
T = TypeVar("T")

_REPORT_EVERY_SECONDS = 0.25
_PLAIN: TypeAdapter[Any] = TypeAdapter(Any, config=ConfigDict(ser_json_inf_nan="strings"))


class JobCancelled(Exception):
    """Raised inside a job that was cancelled; let it pass."""


@dataclass(frozen=True)
class JobKind:
    """How one kind of job is done; made by `job`."""

    name: str
    function: Callable[[Any, JobContext], Any]
    ask: type[BaseModel] | None
    restartable: bool

    def __call__(self, ask: Any, context: JobContext) -> Any:
        """Do it."""
        return self.function(ask, context)


def job(kind: str, *, restartable: bool = False) -> Callable[[Callable[[Any, Any], Any]], JobKind]:
    """Declare how a kind of job is done: a function ``(ask, context) -> result``.

    Parameters
    ----------
    kind : str
        ``room.verb``.
    restartable : bool
        Whether it may be run from the start again if its process dies in the middle.

    Examples
    --------
    >>> @job("echo.say")
    ... def say(ask: dict, context: JobContext) -> str:
    ...     return ask["word"]
    >>> say.name, say.restartable
    ('echo.say', False)
    """

    def declare(function: Callable[[Any, Any], Any]) -> JobKind:
        first = next(iter(inspect.signature(function).parameters))
        ask = typing.get_type_hints(function).get(first)
        model = ask if isinstance(ask, type) and issubclass(ask, BaseModel) else None
        return JobKind(kind, function, model, restartable)

    return declare


class JobContext:
    """What a running job is given.

    Attributes
    ----------
    id : str
    attempt : int
        1 at first; more where it was taken over from a process that died.
    """

    def __init__(self, jobs: Jobs, record: JobRecord, owner_id: str) -> None:
        self._jobs = jobs
        self._kind = record.kind
        self._owner_id = owner_id
        self._cancel = threading.Event()
        self._asked = False  # somebody cancelled it; otherwise its process is going
        self._noticed = False
        self._reported = 0.0
        self._unsaid: dict[str, Any] = {}
        self.id = record.id
        self.attempt = record.attempt + 1

    @property
    def cancelled(self) -> bool:
        """Whether to stop; a job that has asked and was told so counts as cancelled when it returns."""
        self._noticed = self._noticed or self._cancel.is_set()
        return self._noticed

    def progress(self, fraction: float | None, message: str | None = None) -> None:
        """Say how far it is, from 0 to 1; may be called as often as convenient.

        Raises
        ------
        JobCancelled
            It shall stop.
        """
        if self.cancelled:
            raise JobCancelled
        self._unsaid["progress"] = None if fraction is None else min(1.0, max(0.0, float(fraction)))
        if message is not None:
            self._unsaid["message"] = str(message).replace("\0", "\ufffd")[:1000]
        now = time.monotonic()
        if now - self._reported >= _REPORT_EVERY_SECONDS:
            self._reported = now
            self._jobs._report(self)

    def service(self, kind: type[T]) -> T:
        """The service of a room."""
        return self._jobs.service(kind)


class Jobs:
    """Long work of one workspace.

    Laws: safe from any thread; a job is run by one owner at a time, among all processes; one that is queued
    when its process dies is taken over by a server, one that runs then is if its kind is restartable and is
    marked interrupted otherwise; what a job raises is kept as an error for people, its traceback goes to the
    log.

    Parameters
    ----------
    records : JobRepository
    kinds : iterable of JobKind
        What can be done here; `register` adds more.
    clock : Clock
    changes : Changes, optional
        Told about every job that changed.
    supply : callable, optional
        Gives the service of a type, for `JobContext.service`.
    threads : int
        Jobs that run here at once.
    lease_seconds : float
        How long other machines believe that a job is being worked on, without a sign of life.
    poll_seconds : float
        How often a server looks for work that others left.
    """

    def __init__(
        self,
        records: JobRepository,
        kinds: Iterable[JobKind] = (),
        *,
        clock: Clock | None = None,
        changes: Changes | None = None,
        supply: Callable[[type[Any]], Any] | None = None,
        threads: int = 2,
        lease_seconds: float = 60.0,
        poll_seconds: float = 1.0,
    ) -> None:
        self._records = records
        self._kinds = {kind.name: kind for kind in kinds}
        self._clock: Clock = clock or SystemClock()
        self._changes = changes
        self._supply = supply
        self._threads = threads
        self._lease_us = round(lease_seconds * 1_000_000)
        self._poll_seconds = poll_seconds
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._here = this_process()
        self._owner_id = new_id()
        self._state = threading.Condition()
        self._running: dict[str, JobContext] = {}
        self._workers: list[threading.Thread] = []
        self._mine: set[str] = set()  # queued by this process, for itself
        self._serving = False
        self._closed = False
        self._dispatcher: threading.Thread | None = None
        self._trouble: str | None = None

    def register(self, kind: JobKind) -> None:
        """Add a kind that can be done here."""
        self._kinds[kind.name] = kind

    def start(self) -> None:
        """Serve: also run what other processes queued, and settle what dead ones left."""
        self._renew_after_fork()
        with self._state:
            self._serving = True
            self._closed = False
            self._ensure_dispatcher()

    @property
    def busy(self) -> int:
        """Jobs that this process runs, or has queued for itself; asks nobody."""
        return len(self._running) + len(self._mine)

    def service(self, kind: type[T]) -> T:
        """The service of a room."""
        if self._supply is None:
            raise LookupError(f"no {kind.__name__} is supplied to jobs here")
        found: T = self._supply(kind)
        return found

    # -- verbs -----------------------------------------------------------------------------------

    def submit(self, kind: str, ask: Any = None) -> Job:
        """Queue a job; it is run by this process, or by a server if this one ends before.

        Parameters
        ----------
        kind : str
        ask : Ask or dict, optional
            What the kind is asked.

        Raises
        ------
        Invalid
            An unknown kind, or an ask that does not fit it.
        """
        self._renew_after_fork()
        known = self._kinds.get(kind)
        if known is None:
            near = near_names(kind, self._kinds)
            raise Invalid(
                f"no kind of job is called {kind!r}",
                hint=f"did you mean {near[0]!r}?" if near else None,
                details={"field": "kind", "near": near},
            )
        given = {} if ask is None else ask
        if known.ask is not None:
            model = given if isinstance(given, known.ask) else validated(known.ask, given)
            given = model.model_dump(mode="json")
        record = JobRecord(
            id=new_id(),
            kind=kind,
            ask=_plain(given),
            status="queued",
            created_us=self._clock.now_us(),
            restartable=known.restartable,
            owner_id=self._owner_id,
            owner=self._here,
            lease_us=self._clock.now_us() + self._lease_us,
        )
        self._records.add(record)
        with self._state:
            self._closed = False
            self._mine.add(record.id)
            self._ensure_dispatcher()
            self._state.notify_all()
        self._tell(record.id)
        return _view(record)

    def get(self, id: str) -> Job:
        """A job by its id, or the last 6 digits of it.

        Raises
        ------
        NotFound
            There is no such job.
        """
        record = self._records.get(id)
        if record.status == "running" and self._settled(record):
            record = self._records.get(record.id)
        return _view(record)

    def list(self, *, status: str | None = None, limit: int = 100, after: str | None = None) -> Page[Job]:
        """Jobs, newest first."""
        before = None if after is None else _opened(after)
        records = self._records.newest(status=status, limit=limit + 1, before=before)
        settled = [record for record in records if record.status == "running" and self._settled(record)]
        if settled:
            records = self._records.newest(status=status, limit=limit + 1, before=before)
        last = records[limit - 1] if len(records) > limit else None
        return Page[Job](
            items=[_view(record) for record in records[:limit]], next=_sealed(last) if last else None
        )

    def unfinished(self, kind: str) -> dict[str, Any]:
        """What the jobs of a kind that are queued or running were asked, by their ids."""
        return {record.id: record.ask for record in self._records.unfinished() if record.kind == kind}

    def cancel(self, id: str) -> None:
        """Cancel a job: at once if it is queued, else as soon as it looks.  Cancelling twice does nothing.

        Raises
        ------
        NotFound
            There is no such job.
        Conflict
            It has ended already.
        """
        record = self._records.get(id)
        while record.status == "queued":
            if self._records.settle(record, "cancelled", now_us=self._clock.now_us()):
                self._tell(record.id)
                self._wake()
                return
            record = self._records.get(record.id)
        if record.status == "running":
            self._records.ask_to_cancel(record.id)
            with self._state:
                context = self._running.get(record.id)
            if context is not None:
                context._asked = True
                context._cancel.set()
        elif record.status != "cancelled":
            raise Conflict(
                f"the job {record.kind} ({short(record.id)}) is {record.status} already",
                details={"id": record.id, "status": record.status},
            )

    def wait(self, id: str, *, timeout_seconds: float = 60.0) -> Job:
        """The job once it has ended.

        Raises
        ------
        Unavailable
            It has not ended in time; it goes on.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            found = self.get(id)
            if found.status in ENDED:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                what = f"the job {found.kind} ({short(found.id)})"
                raise Unavailable(
                    f"{what} is still {found.status} after {timeout_seconds:g} s",
                    hint=f"look again with: nbproof jobs show {short(found.id)}",
                )
            with self._state:
                # Another process may run it, and does not notify us.
                self._state.wait(min(left, 0.2))

    def close(self, *, timeout_seconds: float = 5.0) -> None:
        """Stop taking jobs, ask those that run to stop, and wait a little for them.

        What is still queued is left to others; what was stopped is queued again if it is restartable.
        """
        if os.getpid() != self._here.pid:
            return
        with self._state:
            self._closed = True
            self._serving = False
            for context in self._running.values():
                context._cancel.set()
            self._state.notify_all()
            dispatcher = self._dispatcher
        deadline = time.monotonic() + timeout_seconds
        if dispatcher:
            self._join(dispatcher, deadline)
        # Only now: the dispatcher may have been starting one of them.
        for worker in list(self._workers):
            self._join(worker, deadline)
        try:
            for record in self._records.unfinished() if self._mine else []:
                if record.owner_id == self._owner_id and record.status == "queued":
                    self._records.release(record)
        except PlatformError as error:
            _log.warning("queued jobs were not handed on: %s", error)
        self._mine.clear()

    @staticmethod
    def _join(thread: threading.Thread, deadline: float) -> None:
        if thread is not threading.current_thread():
            thread.join(max(0.0, deadline - time.monotonic()))

    # -- the dispatcher: one thread while there is something to do -------------------------------

    def _ensure_dispatcher(self) -> None:
        if self._dispatcher is None or not self._dispatcher.is_alive():
            self._dispatcher = threading.Thread(target=self._dispatch, name="nbproof-jobs", daemon=True)
            self._dispatcher.start()

    def _dispatch(self) -> None:
        while True:
            try:
                self._tend()
                if self._trouble is not None:
                    _log.info("jobs go on")
                self._trouble = None
            except PlatformError as error:
                if self._trouble != error.message:
                    _log.warning("jobs wait: %s", error)
                self._trouble = error.message
            except Exception:
                _log.exception("tending the jobs failed")
            with self._state:
                self._workers = [worker for worker in self._workers if worker.is_alive()]
                if self._closed or not (self._serving or self._running or self._mine):
                    # A kernel keeps no thread of ours while there is nothing to do.
                    self._dispatcher = None
                    return
                self._state.wait(self._poll_seconds)

    def _tend(self) -> None:
        with self._state:
            running = dict(self._running)
        now = self._clock.now_us()
        if running:
            still = self._records.heartbeat(self._owner_id, list(running), lease_us=now + self._lease_us)
            for identifier, context in running.items():
                # One that is no longer ours stops as well; what it would write changes nothing.
                if still.get(identifier, True):
                    context._asked = True
                    context._cancel.set()
        with self._state:
            known = set(self._mine)
        if not (self._serving or known):
            return
        unfinished = self._records.unfinished()
        with self._state:
            # One that was submitted after that look is not among them, and still to be run.
            self._mine -= known - {record.id for record in unfinished if record.status == "queued"}
        for record in unfinished:
            if self._closed:
                return
            if record.status == "queued":
                self._take(record, now)
            elif self._serving:
                self._settled(record)

    def _take(self, record: JobRecord, now: int) -> None:
        mine = record.id in self._mine
        if record.kind not in self._kinds or not (mine or self._serving):
            return
        if not mine and not is_abandoned(record, self._here, now):
            return
        with self._state:
            if len(self._running) >= self._threads:
                return
        lease = now + self._lease_us
        if not self._records.claim(record, self._owner_id, self._here, now_us=now, lease_us=lease):
            return
        context = JobContext(self, record, self._owner_id)
        worker = threading.Thread(
            target=self._run, args=(record, context), name=f"nbproof-job-{short(record.id)}", daemon=True
        )
        with self._state:
            self._mine.discard(record.id)
            self._running[record.id] = context
            self._workers.append(worker)
            if self._closed:
                context._cancel.set()
            worker.start()
        self._tell(record.id)

    def _settled(self, record: JobRecord) -> bool:
        """Whether a running job was found abandoned, and put back or ended."""
        now = self._clock.now_us()
        if record.id in self._running or not is_abandoned(record, self._here, now):
            return False
        if record.cancel_asked:
            changed = self._records.settle(record, "cancelled", now_us=now)
        elif record.restartable and record.attempt < MOST_ATTEMPTS:
            changed = self._records.release(record)
        else:
            gone = _interrupted(record.attempt)
            changed = self._records.settle(record, "interrupted", now_us=now, error=gone)
        if changed:
            self._tell(record.id)
        return changed

    # -- one job -----------------------------------------------------------------------------------

    def _run(self, record: JobRecord, context: JobContext) -> None:
        ended: dict[str, Any]
        try:
            kind = self._kinds[record.kind]
            ask = record.ask if kind.ask is None else validated(kind.ask, record.ask)
            result = kind(ask, context)
            ended = {"status": "cancelled"} if context._noticed else {"status": "done", "progress": 1.0}
            if not context._noticed:
                ended["result"] = _plain(result)
        except JobCancelled:
            ended = {"status": "cancelled"}
        except PlatformError as error:
            ended = {"status": "failed", "error": as_json(error)["error"]}
        except BaseException as error:  # also SystemExit: whatever a job does, its end is recorded
            _log.exception("the job %s (%s) failed", record.kind, short(record.id))
            told = PlatformError(
                f"{type(error).__name__}: {error}"[:1000].replace("\0", "\ufffd"),
                hint="the log of the process that ran it says where",
            )
            ended = {"status": "failed", "error": as_json(told)["error"]}
        if ended["status"] == "cancelled" and not context._asked:
            # This process is going; others may do it.
            ended = {"status": "interrupted", "error": _interrupted(context.attempt)}
            if record.restartable:
                ended = {"status": "queued", "owner_id": None, "owner": None}
        if ended["status"] != "queued":
            ended["ended_us"] = self._clock.now_us()
        self._conclude(context, {**context._unsaid, **ended, "lease_us": None})
        with self._state:
            self._running.pop(record.id, None)
            self._state.notify_all()
        self._tell(record.id)

    def _conclude(self, context: JobContext, ended: dict[str, Any]) -> None:
        # The work is done and must not be lost to a database that is away for a moment.
        deadline = time.monotonic() + 60.0
        while True:
            try:
                if not self._records.report(context.id, self._owner_id, context.attempt, ended):
                    _log.warning("the job %s was taken over by another process", short(context.id))
                return
            except PlatformError as error:
                if self._closed or time.monotonic() > deadline:
                    _log.error("the end of job %s was not recorded: %s", short(context.id), error)
                    return
                time.sleep(0.5)

    def _report(self, context: JobContext) -> None:
        said, context._unsaid = context._unsaid, {}
        try:
            self._records.report(context.id, self._owner_id, context.attempt, said)
        except PlatformError as error:
            context._unsaid = {**said, **context._unsaid}
            _log.info("progress of job %s was not recorded: %s", short(context.id), error)
            return
        self._tell(context.id)

    # -- inside --------------------------------------------------------------------------------------

    def _tell(self, identifier: str) -> None:
        if self._changes is not None:
            self._changes.publish(Changed("job", (identifier,)))

    def _wake(self) -> None:
        with self._state:
            self._state.notify_all()

    def _renew_after_fork(self) -> None:
        # Threads stay with the parent, and so do its jobs.
        if os.getpid() != self._here.pid:
            self._begin_anew()


def _interrupted(attempt: int) -> Any:
    times = "" if attempt < 2 else f", {attempt} times"
    gone = Unavailable(f"the process that ran it ended before it was done{times}", hint="start it again")
    return as_json(gone)["error"]


def _view(record: JobRecord) -> Job:
    def instant(microseconds: int | None) -> Any:
        return None if microseconds is None else datetime_of(microseconds)

    return Job(
        id=record.id,
        kind=record.kind,
        status=record.status,
        progress=record.progress,
        message=record.message,
        result=record.result,
        error=record.error,
        created=datetime_of(record.created_us),
        started=instant(record.started_us),
        ended=instant(record.ended_us),
    )


def _plain(value: Any) -> Any:
    """A value as JSON has it: models dumped, NaN as text; what JSON cannot hold raises `Invalid`."""
    try:
        dumped = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        return json.loads(_PLAIN.dump_json(dumped))
    except (PydanticSerializationError, ValueError, TypeError) as error:
        raise Invalid(f"a job keeps plain values only: {error}", details={"field": "ask"}) from None


def _sealed(record: JobRecord) -> str:
    return base64.urlsafe_b64encode(f"{record.created_us}:{record.id}".encode()).decode().rstrip("=")


def _opened(cursor: str) -> tuple[int, str]:
    try:
        created, _, identifier = (
            base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
            .decode("ascii")
            .partition(":")
        )
        if len(identifier) == 32 and abs(int(created)) < 2**63:
            return int(created), identifier
    except ValueError:
        pass
    raise Invalid(
        "the page asked for is not known", hint="begin again without `after`", details={"field": "after"}
    )

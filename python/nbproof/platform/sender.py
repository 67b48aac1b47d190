"""Carries what waits on this machine to a server, in order and once.

A process of its own does it in the background (``python -m nbproof.platform.sender QUEUE``) while any process
lives whose journal is in the queue; any process does it before it reads; `nbproof sync` does it on demand.
They may do so at once: the server takes a stretch of a journal only where its own mark says that it follows.

The network may be away for hours: the journal is the queue.  Standard library only: it is alive as long as a
kernel is, and shall not weigh much beside it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbproof.core.clock import Clock, SystemClock
from nbproof.core.errors import Invalid, NotAllowed, NotFound, PlatformError, Unavailable
from nbproof.core.ids import is_id
from nbproof.platform.connection import Connection, TooLarge
from nbproof.platform.queue import Queue
from nbproof.storage.journal.carrier import Carrier, Known, Overtaken
from nbproof.storage.journal.reader import Batch, Cursor, WriterInfo, torn_records
from nbproof.storage.journal.wire import MEDIA_TYPE, Sent, encode
from nbproof.tracking.joining import Signals

if TYPE_CHECKING:
    from nbproof.storage.holds import Held
    from nbproof.storage.spool import SpooledObjects

__all__ = ["SendReport", "Sender", "main"]

_LOOK_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0
_SIGN_OF_LIFE_SECONDS = 15.0
_GIVE_UP_SECONDS = 24 * 3600.0
_IDLE_LOOKS = 10
_OLD_CONTENT_SECONDS = 3600.0


@dataclass(slots=True)
class SendReport:
    """What one look at a queue did.

    Attributes
    ----------
    records : int
        Points and events that arrived.
    refused : int
        Records that the server will never take; they lie in ``journal/rejected/``.
    """

    records: int = 0
    refused: int = 0


class Sender(Carrier):
    """Carries the journals of one queue.

    Laws: safe from any thread; what the server has not acknowledged stays.

    Parameters
    ----------
    queue : Queue
    connection : Connection
    clock : Clock, optional
    limit : int
        Points in a request.
    """

    def __init__(
        self, queue: Queue, connection: Connection, *, clock: Clock | None = None, limit: int = 50_000
    ) -> None:
        super().__init__(queue.journal, limit=limit)
        self._queue = queue
        self._connection = connection
        self._clock: Clock = clock or SystemClock()
        self._signals = Signals(queue.folder)
        self._lock = threading.Lock()
        self._report = SendReport()
        self._told: Callable[[int], object] = lambda records: None
        self._deadline: float | None = None
        self._alive: dict[str, float] = {}  # when the server last heard of each journal
        self._there: dict[tuple[str, str], str] = {}  # content the server holds for a journal, and where

    @property
    def report(self) -> SendReport:
        """What the last look did, also where it failed."""
        return self._report

    def run_once(
        self, *, seconds: float | None = None, told: Callable[[int], object] | None = None
    ) -> SendReport:
        """Send what was in the queue when this was called, and perhaps more.

        Parameters
        ----------
        seconds : float, optional
            Begin no request later than that.
        told : callable, optional
            Told of every batch that arrived, how many records it had.

        Raises
        ------
        Unavailable
            The server does not answer, or not in time; the rest waits.
        PlatformError
            What else keeps it from taking anything: a wrong token, no such workspace.
        """
        with self._lock:
            self._report = SendReport()
            self._told = told or (lambda records: None)
            self._deadline = None if seconds is None else time.monotonic() + seconds
            # The server's gc may have been there since: asking it again makes content young.
            self._there.clear()
            held = self._storage().holds.look() if self._queue.content.is_dir() else None
            present = self._carry()
            for known in self._known.values():
                silent = time.monotonic() - self._alive.get(known.info.id, 0.0)
                if not known.over and known.cursor is not None and silent > _SIGN_OF_LIFE_SECONDS:
                    self._post(Sent(_nothing(known.info, known.cursor.seq)))
            if not present and held is not None:
                self._clear_content(held)
            return self._report

    @property
    def living(self) -> bool:
        """Whether any process may still write into the queue."""
        return any(not known.finished for known in self._known.values())

    # -- a carrier's part ------------------------------------------------------------------------------------

    def _cursor_of(self, info: WriterInfo) -> Cursor:
        seq = self._post(Sent(_nothing(info, 0)))
        told = _remembered(self._folder / info.id)
        return Cursor.of(seq, told) if told.get("seq") == seq else Cursor(seq)

    def _commit(self, batch: Batch, known: Known) -> None:
        before = known.cursor or Cursor()
        ready, refused = self._with_content(batch)
        after = batch.cursor
        durable = (before.points_number, before.events_number) != (after.points_number, after.events_number)
        self._put_aside(batch.writer.id, refused)
        try:
            drained = self._post(Sent(ready, durable=durable))
        except (Invalid, TooLarge) as error:
            if batch.to - batch.from_ > 1:
                # Somewhere in it is what the server will not take; the rest shall arrive.
                self._commit_halves(batch, known)
                return
            refused = [*refused, *_records(ready, str(error))]
            self._put_aside(batch.writer.id, refused)
            drained = self._post(Sent(replace(batch, events=[], points=b"", bad=0)))
        if drained != batch.to:
            raise Overtaken
        self._there.clear()  # the server holds it no longer: what is still needed is asked for anew
        _remember(self._folder / batch.writer.id, after)
        self._report.records += len(ready.events) + ready.point_count
        self._report.refused += len(refused)
        self._told(batch.to - batch.from_)

    def _commit_halves(self, batch: Batch, known: Known) -> None:
        middle = (batch.from_ + batch.to) // 2
        for part in (batch.part(batch.from_, middle), batch.part(middle, batch.to)):
            # Of its places in the files nothing is known; the whole batch's are remembered at the end.
            self._commit(replace(part, cursor=Cursor(part.to)), known)
        _remember(self._folder / batch.writer.id, batch.cursor)

    def _finish(self, known: Known) -> None:
        path = self._path(known)
        assert known.cursor is not None
        closed = known.info.closed_us is not None
        end = Sent(
            _nothing(known.info, known.cursor.seq),
            ended="closed" if closed else "died",
            durable=True,
            torn=torn_records(path, known.cursor),
        )
        if self._post(end) == known.cursor.seq:
            known.finished = True
            self._delete([path])
        else:
            known.cursor = None

    # -- requests --------------------------------------------------------------------------------------------

    def _post(self, sent: Sent) -> int:
        writer = sent.batch.writer.id
        body = encode(sent)
        answer = self._ask("POST", f"/journal/{writer}", body, {"Content-Type": MEDIA_TYPE})
        drained = answer.get("drained")
        if type(drained) is not int:
            raise Unavailable(
                f"what answers at {self._connection.url} is not nbproof", hint="check NBPROOF_URL"
            )
        self._alive[writer] = time.monotonic()
        for run in answer.get("cancel") or ():
            if is_id(run):
                self._signals.cancel(run)
        return drained

    def _ask(
        self,
        method: str,
        path: str,
        data: Any,
        headers: dict[str, str],
        query: Sequence[tuple[str, str]] = (),
    ) -> dict[str, Any]:
        left = 30.0
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise Unavailable("there was no time to send everything", hint="run: nbproof sync")
        try:
            with self._connection.sent(
                method, path, query=query, data=data, headers=headers, timeout_seconds=max(0.1, left)
            ) as answer:
                told = json.loads(answer.read())
        except ValueError:
            told = None
        return told if isinstance(told, dict) else {}

    # -- content ---------------------------------------------------------------------------------------------

    def _with_content(self, batch: Batch) -> tuple[Batch, list[dict[str, Any]]]:
        """The batch with its artifacts' content sent ahead, and the events that this can't be done for."""
        if not any(event.get("kind") == "artifact" and event.get("location") for event in batch.events):
            return batch, []
        kept, refused = [], []
        for event in batch.events:
            if event.get("kind") == "artifact" and event.get("location"):
                try:
                    event = {**event, "location": self._sent_content(batch.writer.id, event)}
                except (Invalid, NotFound, TooLarge) as error:
                    refused.append({"seq": event["seq"], "reason": str(error), "record": event})
                    continue
            kept.append(event)
        return replace(batch, events=kept), refused

    def _sent_content(self, writer: str, event: dict[str, Any]) -> str:
        digest = str(event.get("hash"))
        key = writer, digest
        if key not in self._there:
            location = self._found_content(*key)
            if location is None:
                with self._storage().open(str(event["location"])) as stream:
                    size = os.fstat(stream.fileno()).st_size
                    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
                    query = [("writer", writer)]
                    told = self._ask("PUT", f"/content/{digest}", stream, headers, query)
                    location = str(told.get("location"))
            self._there[key] = location
        return self._there[key]

    def _found_content(self, writer: str, digest: str) -> str | None:
        try:
            told = self._ask("GET", f"/content/{digest}", None, {}, [("writer", writer)])
        except NotFound as error:
            raise Unavailable(str(error)) from None  # the workspace or the route is not there
        location = told.get("location")
        return None if location is None else str(location)

    def _storage(self) -> SpooledObjects:
        from nbproof.storage.spool import SpooledObjects

        return SpooledObjects(self._queue.content)

    def _clear_content(self, held: Held) -> None:
        """Nothing waits: content that lay here for its sake may go, but for that of what was put aside."""
        places = list(self._queue.content.glob("objects/*/*"))
        if not places:
            return
        storage = self._storage()
        storage.bring_all_back()
        kept = self._put_aside_locations()
        with suppress(PlatformError):
            # A kernel may put the same content again at any moment, and takes it to be here then.
            oldest = storage.disk_time() - _OLD_CONTENT_SECONDS
            for path in places:
                location = path.relative_to(self._queue.content).as_posix()
                if location not in kept and storage.rested_since(location) < oldest:
                    storage.discard(location, oldest, held)

    def _put_aside_locations(self) -> set[str]:
        found = set()
        for path in (self._folder / "rejected").glob("*.jsonl"):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError, KeyError, TypeError, AttributeError):
                    found.add(str(json.loads(line)["record"].get("location")))
        return found

    def _put_aside(self, writer_id: str, refused: list[dict[str, Any]]) -> None:
        """Keep what the server will not get, before its mark passes it; done again, it is the same."""
        folder = self._folder / "rejected"
        for each in refused:
            folder.mkdir(parents=True, exist_ok=True)
            with open(folder / f"{writer_id}-{each['seq']}.jsonl", "w", encoding="utf-8") as file:
                file.write(json.dumps(each) + "\n")
                file.flush()
                os.fsync(file.fileno())


def _nothing(info: WriterInfo, seq: int) -> Batch:
    return Batch(info, seq, seq, [], b"", 0, Cursor(seq))


def _records(batch: Batch, reason: str) -> list[dict[str, Any]]:
    events = [{"seq": event["seq"], "reason": reason, "record": event} for event in batch.events]
    names = ("series", "step", "time", "value")
    points = [
        {"seq": seq, "reason": reason, "record": dict(zip(names, (series, *rest), strict=True))}
        for series, seq, *rest in batch.iter_points()
    ]
    return [*events, *points]


def _remember(path: Path, cursor: Cursor) -> None:
    # A hint, for whoever goes on after us: the server's mark decides.
    with suppress(OSError):
        partial = path / f"sent.json.{os.getpid()}.part"
        partial.write_text(json.dumps({"seq": cursor.seq, **cursor.as_json()}), encoding="ascii")
        partial.replace(path / "sent.json")


def _remembered(path: Path) -> dict[str, Any]:
    try:
        told = json.loads((path / "sent.json").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


# -- in a process of its own ---------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Send a queue until nothing waits and nobody writes: ``python -m nbproof.platform.sender QUEUE``."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    told = _read_queue(Path(words[0])) if len(words) == 1 else None
    if told is None:
        sys.stderr.write("usage: python -m nbproof.platform.sender QUEUE\n")
        return 2
    queue = Queue(Path(words[0]), told)
    if not queue.announce_sender():
        return 0
    with suppress(OSError, AttributeError):
        os.nice(5)  # in nobody's way
    try:
        return _send_on(queue, Sender(queue, Connection(told, token=os.environ.get("NBPROOF_TOKEN"))))
    finally:
        queue.withdraw_sender()


def _send_on(queue: Queue, sender: Sender) -> int:
    wait, idle, good = _LOOK_SECONDS, 0, time.monotonic()
    while True:
        try:
            sender.run_once()
        except NotAllowed as error:
            # Another token is another process's to bring.
            queue.tell_trouble(str(error))
            return 1
        except (PlatformError, OSError) as error:
            queue.tell_trouble(str(error))
            if time.monotonic() - good > _GIVE_UP_SECONDS:
                return 1
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
        else:
            queue.tell_trouble(None)
            wait, good = _LOOK_SECONDS, time.monotonic()
            idle = 0 if sender.living else idle + 1
            if idle >= _IDLE_LOOKS:
                return 0
        time.sleep(wait)


def _read_queue(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / "queue.json").read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


if __name__ == "__main__":
    sys.exit(main())

"""A workspace behind a server: the same services, spoken to over HTTP.

`RemoteWorkspace` has the faces of `Workspace`.  Its tracker is the same `ExperimentTracker`: it writes to a
journal of this machine, which `nbproof.platform.sender` carries to the server, and its repository asks the
server, once everything that waits has been sent.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from io import BufferedReader
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import quote

from nbproof.core.callers import users_stacklevel
from nbproof.core.clock import Clock, SystemClock
from nbproof.core.errors import NotFound, PlatformError, Unavailable
from nbproof.core.events import Changes
from nbproof.core.redaction import without_credentials
from nbproof.platform.connection import Broken, Connection
from nbproof.platform.location import running_source
from nbproof.platform.queue import Queue
from nbproof.platform.rooms import ROOMS, find_operation
from nbproof.storage.journal.writer import JournalWriter
from nbproof.tracking.active import RecordingWaits
from nbproof.tracking.joining import Signals
from nbproof.tracking.provenance import Capture, Origin
from nbproof.tracking.service import ExperimentTracker

if TYPE_CHECKING:
    from nbproof.core.operation import Ask, Download, Operation
    from nbproof.datasets.remote import RemoteDatasets
    from nbproof.lineage.domain import Edge
    from nbproof.platform.sender import Sender, SendReport
    from nbproof.storage.spool import SpooledObjects
    from nbproof.tracking.models import Experiment, Run
    from nbproof.tracking.points import Points
    from nbproof.tracking.transfer.remote import RemoteTransfer
    from nbproof.tracking.trash_models import Purged, TouchedRuns

__all__ = ["RemoteWorkspace"]

_BLOCK = 1 << 20
# Of an address with names in it: what is between may take no more than 8 KB of a line.
_ADDRESS_BYTES = 4000
# So long a server may work at what is asked of it.
_WORK_SECONDS = 3600.0
# After which a body is sent again whose connection broke.
_WAITS = (0.2, 1.0)
# What needs the path that is named, and more than its bytes: a folder, for instance.
_MADE_HERE = frozenset({"datasets.register"})
# How long a process that ends waits for the server; what is left is sent by another one.
_LAST_SECONDS = 3.0


class RemoteWorkspace:
    """A workspace that a server keeps.

    Laws: what is recorded waits for no network; what was acknowledged is on this machine's disk until the
    server has it; reading sends first, and raises `Unavailable` where the server does not answer.

    Parameters
    ----------
    url : str
        See `Connection`.
    token : str, optional
    clock : Clock, optional
    environ : mapping, optional
        Instead of `os.environ`.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        clock: Clock | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.connection = Connection(url, token=token)
        self.url = self.connection.url
        self.clock: Clock = clock or SystemClock()
        self.changes = Changes()
        self._environ: Mapping[str, str] = os.environ if environ is None else environ
        self.queue = Queue.of(self.connection, self._environ)
        self._fetched: dict[str, Path] = {}

    @property
    def exists(self) -> bool:
        """A server's workspace is there, or asking it fails."""
        return True

    # -- what a log call needs -------------------------------------------------------------------------------

    @cached_property
    def journal(self) -> JournalWriter:
        """The journal of this process."""
        return JournalWriter(self.queue.journal, clock=self.clock, on_restored=self._journal_restored)

    @cached_property
    def storage(self) -> SpooledObjects:
        """Content that waits for being sent."""
        from nbproof.storage.spool import SpooledObjects

        return SpooledObjects(self.queue.content)

    @cached_property
    def tracker(self) -> ExperimentTracker:
        """Experiments and runs of the server."""
        records = _Records(self)
        return _Tracker(
            self,
            self.journal,
            lambda: cast(Any, records),
            self.catch_up,
            lambda: self.storage,
            clock=self.clock,
            origin=_origin,
            experiment=self._environ.get("NBPROOF_EXPERIMENT"),
            capture=Capture.from_settings({}, self._environ),
            prepare=self._prepare,
            ended=self._run_ended,
            # Claims are of this machine's processes; requests to stop come with the server's answers.
            signals=Signals(self.queue.folder),
            environ=self._environ,
            fetch=self._fetch,
            compare=lambda **values: self.ask("runs.compare", **values),
            sampler=self._sample,
            system_metrics=self._environ.get("NBPROOF_SYSTEM_METRICS", "0").lower()
            in ("1", "true", "yes", "on"),
        )

    def _fetch(self, place: str) -> Path:
        """The content of a version, which is for ever the same: fetched once, gone with this object."""
        if place not in self._fetched:
            run, _, name = place.partition("/")
            path = cast(Path, self.ask("runs.artifact", id=run, name=name).path)
            self._fetched[place] = path
            weakref.finalize(self, shutil.rmtree, path.parent, ignore_errors=True)
        return self._fetched[place]

    def _sample(self, run_id: str) -> Callable[[], None]:
        from nbproof.tracking.system_metrics import sample_in_background

        seconds = float(self._environ.get("NBPROOF_SYSTEM_METRICS_SECONDS", "5"))
        return sample_in_background(self.queue.journal, run_id, seconds)

    def _prepare(self) -> None:
        self.queue.make()
        self.queue.see_to_sender()
        self._tell_trouble()

    def _run_ended(self) -> None:
        self.queue.see_to_sender()
        self._tell_trouble()

    def _tell_trouble(self) -> None:
        if trouble := self.queue.fresh_trouble():
            warnings.warn(
                f"nbproof: {trouble}. What you record waits on this machine, in {self.queue.folder}, and is "
                "sent as soon as that is mended; `nbproof sync` sends it now.",
                RecordingWaits,
                stacklevel=users_stacklevel(),
            )

    def _journal_restored(self) -> None:
        if "tracker" in self.__dict__:
            self.tracker.announce_again()

    @cached_property
    def datasets(self) -> RemoteDatasets:
        """Datasets of the server."""
        from nbproof.datasets.remote import RemoteDatasets

        return RemoteDatasets(
            _Patient(self),
            self.catch_up,
            clock=self.clock,
            lineage=lambda: cast(Any, _Edges(self.ask)),
            run_id=lambda: self.tracker.live.id if self.tracker.live is not None else None,
        )

    # -- the server ------------------------------------------------------------------------------------------

    @cached_property
    def sender(self) -> Sender:
        """What carries the queue to the server."""
        from nbproof.platform.sender import Sender

        return Sender(self.queue, self.connection, clock=self.clock)

    def catch_up(self) -> SendReport | None:
        """Send everything that waits; cheap when there is nothing.

        Raises
        ------
        Unavailable
            The server does not answer; nothing is lost.
        """
        return self.sender.run_once() if self.queue.exists else None

    @cached_property
    def transfer(self) -> RemoteTransfer:
        """Runs out of and into the server's workspace."""
        from nbproof.tracking.transfer.remote import RemoteTransfer

        return RemoteTransfer(self.ask, self.catch_up, clock=self.clock)

    def call(self, operation: Operation, ask: Ask) -> Any:
        """Do what an operation asks, on the server, once it has what waits here.

        Raises
        ------
        PlatformError
            What the server answered; `Unavailable` where it does not answer.
        """
        if operation.name in _MADE_HERE:
            return operation(self.datasets, ask)
        self.catch_up()
        return self._request(operation, ask)

    def _request(self, operation: Operation, ask: Ask, *, seconds: float | None = None) -> Any:
        path, query, body = operation.request_from(ask)
        data: bytes | IO[bytes] | None = None
        headers = {}
        if operation.upload is not None:
            file: Path = getattr(ask, operation.upload)
            if not any(key == "name" for key, _ in query) and "name" in operation.query_fields:
                query.append(("name", file.name))
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Length": str(file.stat().st_size),
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
            }
            with file.open("rb") as stream:
                return self._answer(operation, path, query, stream, headers, seconds)
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        return self._answer(operation, path, query, data, headers, seconds)

    def service(self, kind: type[Any]) -> Any:
        """The service of that class, where it can be spoken to over HTTP."""
        for room in ROOMS:
            if any(each.service is kind for each in room.declared()):
                return room.service(cast(Any, self))
        raise LookupError(f"no room has a service {kind.__name__}")

    def close(self, status: str = "finished") -> None:
        """End live runs, and wait a little until everything is sent."""
        if "tracker" in self.__dict__:
            self.tracker.close(status)
        if "journal" not in self.__dict__:
            return
        self.journal.close()
        if not self.queue.exists:
            return
        try:
            self.sender.run_once(seconds=_LAST_SECONDS)
        except PlatformError as error:
            # It may be about something long sent: only what still waits is worth a line.
            if waiting := self.queue.waiting():
                sys.stderr.write(
                    f"nbproof: {waiting:,} records wait in {self.queue.folder} for the server: {error}\n"
                    "  -> they are sent when it answers; `nbproof sync` sends them now\n"
                )
                self.queue.see_to_sender()

    def renew_after_fork(self) -> None:
        """Let go of locks that a thread of the parent may have held; for a forked child."""
        self.changes.renew_after_fork()
        self.__dict__.pop("sender", None)
        if "tracker" in self.__dict__:
            self.tracker.renew_after_fork()

    def ask(self, verb: str, /, *, seconds: float | None = None, **values: Any) -> Any:
        """Call an operation by name, whatever waits here; wait so long for an answer."""
        from nbproof.core.operation import validated

        operation = find_operation(verb)
        return self._request(operation, validated(operation.ask, values), seconds=seconds)

    @contextmanager
    def streamed(self, verb: str, /, *, seconds: float | None = None, **values: Any) -> Iterator[IO[bytes]]:
        """The answer of an operation that downloads, while it arrives."""
        from nbproof.core.operation import validated

        operation = find_operation(verb)
        path, query, body = operation.request_from(validated(operation.ask, values))
        data, headers = None, {}
        if body is not None:
            data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        sent = self.connection.sent(
            operation.method, path, query=query, data=data, headers=headers, **_patience(seconds)
        )
        with sent as answer:
            yield BufferedReader(answer, _BLOCK)

    def upload(self, verb: str, make: Callable[[], tuple[int, Iterator[bytes]]], /) -> Any:
        """Call an operation that takes a body; where the connection breaks it is made and sent again.

        For what may be done twice.
        """
        operation = find_operation(verb)
        for wait in (*_WAITS, None):
            size, blocks = make()
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
            try:
                return self._answer(operation, operation.path, [], blocks, headers, _WORK_SECONDS)
            except Broken:
                if wait is None:
                    raise
                time.sleep(wait)
        raise AssertionError("unreachable")

    def __repr__(self) -> str:
        return f"<workspace {without_credentials(self.url)}>"

    def _answer(
        self,
        operation: Operation,
        path: str,
        query: list[tuple[str, str]],
        data: bytes | IO[bytes] | Iterator[bytes] | None,
        headers: Mapping[str, str],
        seconds: float | None = None,
    ) -> Any:
        sent = self.connection.sent(
            operation.method, path, query=query, data=data, headers=headers, **_patience(seconds)
        )
        with sent as answer:
            if operation.downloads:
                return _downloaded(answer)
            text = answer.read()
        if operation.view is None:
            return None
        return operation.view.model_validate_json(text)


class _Patient:
    """A server that is given time: to compare or to take in large tables is work."""

    def __init__(self, workspace: RemoteWorkspace) -> None:
        self._workspace = workspace

    def ask(self, verb: str, /, **values: Any) -> Any:
        return self._workspace.ask(verb, seconds=_WORK_SECONDS, **values)

    def streamed(self, verb: str, /, **values: Any) -> AbstractContextManager[IO[bytes]]:
        return self._workspace.streamed(verb, seconds=_WORK_SECONDS, **values)

    def upload(self, verb: str, make: Callable[[], tuple[int, Iterator[bytes]]], /) -> Any:
        return self._workspace.upload(verb, make)


class _Edges:
    """The lineage that a server keeps, as far as edges are drawn from here."""

    def __init__(self, ask: Callable[..., Any]) -> None:
        self._ask = ask

    def add_edges(self, edges: Iterable[Edge]) -> Any:
        from nbproof.lineage.models import LineageEdge, NodeRef

        told = [
            LineageEdge(
                source=NodeRef(kind=edge.source.kind, id=edge.source.id),
                target=NodeRef(kind=edge.target.kind, id=edge.target.id),
                relation=edge.relation,
                label=edge.label,
                code=edge.code,
                details=edge.details,
                run_id=edge.run_id,
            )
            for edge in edges
        ]
        return self._ask("lineage.add", edges=told)


def _patience(seconds: float | None) -> dict[str, float]:
    return {} if seconds is None else {"timeout_seconds": seconds}


def _downloaded(answer: Any) -> Download:
    import tempfile

    from nbproof.core.operation import Download

    name = answer.headers.get_filename() or "artifact"
    folder = Path(tempfile.mkdtemp(prefix="nbproof-"))
    path = folder / Path(name).name
    try:
        arrived = 0
        with path.open("wb") as file:
            while block := answer.read(_BLOCK):
                arrived += len(block)
                _written(file, block)
        # An answer that is read in pieces just ends where the connection does.
        announced = answer.headers.get("Content-Length")
        if announced is not None and arrived != int(announced):
            raise Unavailable(
                f"{path.name!r} was cut off after {arrived:,} of {int(announced):,} bytes",
                hint="the connection broke; ask again",
            )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Download(path, path.name, answer.headers.get_content_type())


def _written(file: IO[bytes], block: bytes) -> None:
    try:
        file.write(block)
    except OSError as error:  # ours, and no fault of the connection
        raise Unavailable(
            f"what was fetched can't be kept in {Path(file.name).parent}: {error.strerror or error}",
            hint="make room, or set TMPDIR to a place where there is some",
        ) from error


def _origin() -> Origin:
    folder, source = running_source()
    return Origin(folder, source)


class _Tracker(ExperimentTracker):
    """The tracker, with what is not recorded by a process but done to records asked of the server."""

    def __init__(self, workspace: RemoteWorkspace, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ask = workspace.ask
        self._streamed = workspace.streamed

    def _done(self, verb: str, /, **values: Any) -> Any:
        self._fresh()  # what waits was recorded before
        return self._ask(verb, **values)

    def delete_run(self, id: str) -> Run:
        return self._bound(self._done("runs.delete", id=id))

    def delete_runs(self, ids: Sequence[str]) -> TouchedRuns:
        return cast("TouchedRuns", self._done("runs.delete_many", id=list(ids)))

    def restore_run(self, id: str) -> Run:
        return self._bound(self._done("runs.restore", id=id))

    def restore_runs(self, ids: Sequence[str]) -> TouchedRuns:
        return cast("TouchedRuns", self._done("runs.restore_many", id=list(ids)))

    def purge_runs(
        self,
        ids: Sequence[str] = (),
        *,
        older_than_days: float | None = None,
        dry_run: bool = False,
        yes: bool = False,
    ) -> Purged:
        asked = {"id": list(ids), "older_than_days": older_than_days, "dry_run": dry_run, "yes": yes}
        return cast("Purged", self._done("runs.purge", **asked))

    def delete_experiment(self, id: str) -> Experiment:
        return cast("Experiment", self._done("experiments.delete", id=id))

    def restore_experiment(self, id: str) -> Experiment:
        return cast("Experiment", self._done("experiments.restore", id=id))

    def cancel_run(self, id: str) -> Run:
        return self._bound(self._done("runs.cancel", id=id))

    def _copy_folder(self, run_id: str, name: str, folder: Path) -> Path:
        from nbproof.tracking.folders import arrived, unzip_below

        # Nothing is unpacked before all of it is here: half a folder is never taken for a whole one.
        with self._streamed("runs.artifact_folder", id=run_id, name=name) as stream:
            file = arrived(stream, folder)
        with file:
            return unzip_below(file, folder)


class _Records:
    """What a tracker reads from: the repository's questions as requests."""

    def __init__(self, workspace: RemoteWorkspace) -> None:
        self._ask: Callable[..., Any] = workspace.ask
        self._streamed = workspace.streamed

    def resolve_run(self, reference: str) -> str:
        return str(self.get_run(reference).id)

    def get_run(self, reference: str) -> Any:
        return self._ask("runs.get", id=reference)

    def brief_of(self, run_id: str) -> Any:
        return self.get_run(run_id)

    def get_experiment(self, reference: str) -> Any:
        return self._ask("experiments.get", id=reference)

    def list_experiments(self, **values: Any) -> Any:
        return self._ask("experiments.list", **values)

    def create_experiment(self, identifier: str, name: str, *, created_us: int, **values: Any) -> Any:
        return self._ask("experiments.create", name=name, **values)

    def list_runs(self, experiment_id: str, **values: Any) -> Any:
        return self._ask("runs.list", id=experiment_id, **values)

    def children_of(self, run_id: str, metrics: Sequence[str] = (), *, deep: bool = False) -> Any:
        return self._ask("runs.children", id=run_id, metric=list(metrics), deep=deep)

    def param_history(self, run_id: str, key: str) -> Any:
        return self._ask("runs.param_history", id=run_id, key=key)

    def search(self, query: str, **values: Any) -> Any:
        return self._ask("runs.search", query=query, **values)

    def get_artifact(self, run_id: str, reference: str) -> Any:
        [artifact] = self._ask("runs.artifacts", id=run_id, name=reference).items
        return artifact

    def list_artifacts(self, run_id: str, **which: Any) -> Any:
        return self._ask("runs.artifacts", id=run_id, **which)

    def preview_artifact(self, run_id: str, reference: str, read: Any) -> Any:
        return self._ask("runs.artifact_preview", id=run_id, name=reference)

    def environment_of_run(self, run_id: str) -> Any:
        try:
            return self._ask("runs.environment", id=run_id)
        except NotFound:
            return None

    def search_frame(self, query: str, *, experiment: str | None, limit: int) -> Any:
        from nbproof.tracking.frames import runs_frame

        runs: list[Any] = []
        after = None
        while len(runs) < limit:
            page = self.search(query, experiment=experiment, limit=min(limit - len(runs), 1000), after=after)
            runs.extend(page.items)
            after = page.next
            if after is None:
                break
        return runs_frame(runs)

    def complete_search(self, query: str, cursor: int | None, *, limit: int) -> Any:
        return self._ask("runs.complete_search", query=query, cursor=cursor, limit=limit)

    def leaderboard(self, metric: str, **values: Any) -> Any:
        return self._ask("runs.leaderboard", metric=metric, **values)

    def list_searches(self) -> Any:
        return self._ask("searches.list")

    def check_search(self, query: str, name: str) -> None:
        """Raise `Invalid` before it is in the journal."""
        from nbproof.tracking.query import parse

        saved = {each.name: each.query for each in self.list_searches().items}
        parse(query, {**saved, name: query} if "@" in query else saved)

    def metrics_of(self, run_id: str) -> Any:
        return self._ask("runs.metrics", id=run_id).items

    def last_steps(self, run_id: str, names: Sequence[str] | None = None) -> dict[str, int]:
        steps = {metric.name: metric.step for metric in self.metrics_of(run_id)}
        return steps if names is None else {name: steps[name] for name in names if name in steps}

    def metric_history(self, run_id: str, name: str, **values: Any) -> Any:
        return self._ask("runs.metric_history", id=run_id, name=name, **values)

    def metric_lines(self, runs: Sequence[str], names: Sequence[str], **values: Any) -> Any:
        return self._ask("runs.metric_lines", id=list(runs), name=list(names), **values)

    def waiting_run(self, reference: str) -> None:
        """The server looks into its journals itself."""

    def metric_columns(self, run_id: str, name: str) -> Points:
        [points] = self.columns_of(run_id, [name]).values()
        return points

    def columns_of(self, run_id: str, names: Sequence[str] | None = None) -> dict[str, Points]:
        from nbproof.tracking.point_stream import points_from

        found: dict[str, Points] = {}
        missing: NotFound | None = None
        for some in [None] if names is None else _fitting(names):
            try:
                with self._streamed("runs.points", id=run_id, name=some or []) as stream:
                    found |= points_from(stream)
            except NotFound as error:
                if "near" not in error.details:
                    raise Unavailable(
                        "the server does not send whole histories",
                        hint="it has an older nbproof: update that, or read thinned points with max_points",
                    ) from error
                missing = error
        if missing is not None and not found:
            raise missing
        return found


def _fitting(names: Sequence[str]) -> Iterator[list[str]]:
    """Names in portions that fit into an address."""
    some: list[str] = []
    room = _ADDRESS_BYTES
    for name in names:
        needed = len(quote(name)) + len("&name=")
        if some and needed > room:
            yield some
            some, room = [], _ADDRESS_BYTES
        some.append(name)
        room -= needed
    if some:
        yield some

"""A workspace behind a server: the same services, spoken to over HTTP.

`RemoteWorkspace` has the faces of `Workspace`.  Its tracker is the same `ExperimentTracker`, whose
journal sends each event as the request of an operation and whose repository asks the server.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from nbproof.core.clock import Clock, SystemClock, datetime_of, microseconds_of
from nbproof.core.errors import Invalid, NotAllowed, NotFound, PlatformError, Unavailable, error_of
from nbproof.core.events import Changes
from nbproof.core.operation import Ask, Download, Operation, validated
from nbproof.platform.rooms import ROOMS, find_operation
from nbproof.tracking.provenance import Origin
from nbproof.tracking.service import ExperimentTracker

if TYPE_CHECKING:
    import numpy as np

__all__ = ["RemoteWorkspace"]

_SECONDS = 30.0
_BLOCK = 1 << 20


class RemoteWorkspace:
    """A workspace that a server keeps.

    Parameters
    ----------
    url : str
        ``https://host/base/nbproof`` or the server's base; ``/api/v1`` is added where it is missing.
        ``?workspace=ID`` chooses a workspace of the server.
    token : str, optional
        Sent in the ``Authorization`` header, never in the address.
    """

    def __init__(self, url: str, *, token: str | None = None, clock: Clock | None = None) -> None:
        address, _, query = url.partition("?")
        if not address.startswith(("http://", "https://")):
            raise Invalid(
                f"NBPROOF_URL must start with http:// or https://, found {url!r}",
                details={"field": "NBPROOF_URL"},
            )
        address = address.rstrip("/")
        self.url = address if address.endswith("/api/v1") else f"{address}/api/v1"
        self.clock: Clock = clock or SystemClock()
        self.changes = Changes()
        self._query = query
        self._token = token

    @property
    def exists(self) -> bool:
        """A server's workspace is there, or asking it fails."""
        return True

    @cached_property
    def tracker(self) -> ExperimentTracker:
        """Experiments and runs of the server."""
        records = _Records(self)
        return ExperimentTracker(
            cast(Any, _Journal(self)),
            lambda: cast(Any, records),
            lambda: None,
            lambda: cast(Any, None),
            clock=self.clock,
            origin=_origin,
            experiment=os.environ.get("NBPROOF_EXPERIMENT"),
            keep=self._keep,
        )

    def call(self, operation: Operation, ask: Ask) -> Any:
        """Do what an operation asks, on the server.

        Raises
        ------
        PlatformError
            What the server answered; `Unavailable` where it does not answer.
        """
        path, query, body = operation.request_from(ask)
        data: bytes | IO[bytes] | None = None
        headers = {}
        if operation.upload is not None:
            file: Path = getattr(ask, operation.upload)
            if not any(key == "name" for key, _ in query) and "name" in operation.query_fields:
                query.append(("name", file.name))
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(file.stat().st_size)}
            with file.open("rb") as stream:
                return self._answer(operation, path, query, stream, headers)
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        return self._answer(operation, path, query, data, headers)

    def service(self, kind: type[Any]) -> Any:
        """The service of that class, where it can be spoken to over HTTP."""
        for room in ROOMS:
            if any(each.service is kind for each in room.declared()):
                return room.service(cast(Any, self))
        raise LookupError(f"no room has a service {kind.__name__}")

    def close(self, status: str = "finished") -> None:
        """End live runs."""
        if "tracker" in self.__dict__:
            self.tracker.close(status)

    def ask(self, verb: str, /, **values: Any) -> Any:
        """Call an operation by name."""
        operation = find_operation(verb)
        return self.call(operation, validated(operation.ask, values))

    def __repr__(self) -> str:
        return f"<workspace {self.url}>"

    def _answer(
        self,
        operation: Operation,
        path: str,
        query: list[tuple[str, str]],
        data: bytes | IO[bytes] | None,
        headers: Mapping[str, str],
    ) -> Any:
        with self._sent(operation.method, path, query, data, headers) as answer:
            if operation.downloads:
                return _downloaded(answer)
            text = answer.read()
        if operation.view is None:
            return None
        return operation.view.model_validate_json(text)

    @contextmanager
    def _sent(
        self,
        method: str,
        path: str,
        query: list[tuple[str, str]],
        data: bytes | IO[bytes] | None,
        headers: Mapping[str, str],
    ) -> Iterator[Any]:
        told = "&".join(part for part in (urlencode(query), self._query) if part)
        request = urllib.request.Request(
            f"{self.url}{path}{'?' + told if told else ''}", data=data, method=method, headers=dict(headers)
        )
        if self._token:
            # Where a redirect leads, the token does not follow.
            request.add_unredirected_header("Authorization", f"token {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            raise _told(error) from None
        except (urllib.error.URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise Unavailable(
                f"the server at {self.url} does not answer: {reason}",
                hint="start it with `nbproof serve`, or mend NBPROOF_URL and NBPROOF_TOKEN",
            ) from None

    def _keep(self, run: str, file: Path, name: str) -> None:
        with _as_a_machine():
            self.ask("runs.log_artifact", id=run, path=file, name=name)


@contextmanager
def _as_a_machine() -> Iterator[None]:
    """To a cell that logs, a server that refuses is a machine that fails: it is warned once and goes on.

    A run the server does not know is one whose start it missed.
    """
    try:
        yield
    except (Unavailable, NotAllowed, NotFound) as error:
        raise ConnectionError(str(error)) from error


def _told(error: urllib.error.HTTPError) -> PlatformError:
    try:
        body = json.loads(error.read())
    except ValueError:
        body = {}
    return error_of(body if isinstance(body, dict) else {}, error.code)


def _downloaded(answer: Any) -> Download:
    import tempfile

    name = answer.headers.get_filename() or "artifact"
    folder = Path(tempfile.mkdtemp(prefix="nbproof-"))
    path = folder / Path(name).name
    with path.open("wb") as file:
        while block := answer.read(_BLOCK):
            file.write(block)
    return Download(path, path.name, answer.headers.get_content_type())


def _origin() -> Origin:
    from nbproof.platform.location import running_source

    folder, source = running_source()
    return Origin(folder, source)


class _Journal:
    """What a tracker writes to: each event is a request."""

    def __init__(self, workspace: RemoteWorkspace) -> None:
        self._workspace = workspace

    def _ask(self, verb: str, /, **values: Any) -> None:
        with _as_a_machine():
            self._workspace.ask(verb, **values)

    def event(self, kind: str, **fields: Any) -> int:
        if kind == "run.start":
            self._ask(
                "runs.start",
                id=fields["experiment"]["name"],
                run_id=fields["run"],
                name=fields["name"],
                parent_id=fields["parent"],
                tags=fields["tags"],
                params=_plain_floats(fields["params"]),
                notes=fields["notes"],
                source=fields["source"],
            )
        elif kind == "run.resume":
            self._ask("runs.resume", id=fields["run"])
        elif kind == "run.end":
            self._ask("runs.end", id=fields["run"], status=fields["status"])
        elif kind == "run.update":
            self._ask(
                "runs.update",
                id=fields["run"],
                **{key: fields[key] for key in ("name", "notes") if key in fields},
            )
        elif kind == "params":
            self._ask("runs.log_params", id=fields["run"], params=_plain_floats(fields["values"]))
        elif kind == "tags":
            self._ask("runs.set_tags", id=fields["run"], tags=fields["values"])
        elif kind == "run.provenance":
            self._ask("runs.set_provenance", id=fields["run"], git=fields["git"], code=fields["code"])
        return 0

    def series(self, run: str, key: str, last: int = -1) -> _Series:
        return _Series(self._ask, run, key, last)

    def now_us(self) -> int:
        return self._workspace.clock.now_us()

    def sync(self) -> None:
        """Nothing waits: every request was answered."""

    def close(self) -> None:
        """Nothing is open."""


class _Series:
    def __init__(self, ask: Callable[..., Any], run: str, key: str, last: int) -> None:
        self._ask, self._run, self._key, self.last = ask, run, key, last

    def log(self, value: float, step: int | None = None, time_us: int | None = None) -> None:
        self.last = self.last + 1 if step is None else step
        when = None if time_us is None else datetime_of(time_us)
        self._ask("runs.log_metric", id=self._run, key=self._key, value=value, step=self.last, time=when)

    def log_many(self, count: int, encode: Callable[[int, int, slice], tuple[bytes, int]]) -> None:
        from nbproof.storage.journal.format import POINT

        made, self.last = encode(0, 1, slice(0, count))
        points = [(step, time, value) for _, _, step, time, value, _ in POINT.iter_unpack(made)]
        self._ask(
            "runs.log_history",
            id=self._run,
            key=self._key,
            values=[value for _, _, value in points],
            steps=[step for step, _, _ in points],
            times=[datetime_of(time) for _, time, _ in points],
        )


class _Records:
    """What a tracker reads from: the repository's questions as requests."""

    def __init__(self, workspace: RemoteWorkspace) -> None:
        self._ask: Callable[..., Any] = workspace.ask

    def resolve_run(self, reference: str) -> str:
        return str(self.get_run(reference).id)

    def get_run(self, reference: str) -> Any:
        return self._ask("runs.get", id=reference)

    def get_experiment(self, reference: str) -> Any:
        return self._ask("experiments.get", id=reference)

    def list_experiments(self, **values: Any) -> Any:
        return self._ask("experiments.list", **values)

    def create_experiment(self, identifier: str, name: str, *, created_us: int, **values: Any) -> Any:
        return self._ask("experiments.create", name=name, **values)

    def list_runs(self, experiment_id: str, **values: Any) -> Any:
        return self._ask("runs.list", id=experiment_id, **values)

    def search(self, query: str, **values: Any) -> Any:
        return self._ask("runs.search", query=query, **values)

    def metrics_of(self, run_id: str) -> Any:
        return self._ask("runs.metrics", id=run_id).items

    def metric_history(self, run_id: str, name: str, **values: Any) -> Any:
        return self._ask("runs.metric_history", id=run_id, name=name, **values)

    def metric_lines(self, runs: Sequence[str], names: Sequence[str], **values: Any) -> Any:
        return self._ask("runs.metric_lines", id=list(runs), name=list(names), **values)

    def waiting_run(self, reference: str) -> None:
        """The server looks into its journals itself."""

    def metric_columns(self, run_id: str, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        import numpy as np

        points: list[Any] = []
        after = None
        while True:
            history = self.metric_history(run_id, name, after=after)
            points.extend(history.items)
            after = history.next
            if after is None:
                break
        return (
            np.array([point.step for point in points], np.int64),
            np.array([microseconds_of(point.time) for point in points], np.int64),
            np.array([point.value for point in points], np.float64),
        )


def _plain_floats(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$float"}:
            return value["$float"]
        return {key: _plain_floats(item) for key, item in value.items()}
    return [_plain_floats(item) for item in value] if isinstance(value, list) else value

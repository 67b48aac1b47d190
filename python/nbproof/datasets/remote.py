"""Datasets of a server: the same verbs, over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from time import sleep
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, cast

from nbproof.core.clock import Clock, microseconds_of
from nbproof.core.errors import Invalid, NotFound, PlatformError, Unavailable, error_of
from nbproof.core.operation import Download, Page
from nbproof.datasets.contracts import DatasetContract, DatasetContracts, OnBreach, read
from nbproof.datasets.domain import VersionRecord
from nbproof.datasets.downloads import exactly, read_objects
from nbproof.datasets.drift_models import DriftReport
from nbproof.datasets.drift_reports import DriftReports
from nbproof.datasets.handle import DatasetHandle
from nbproof.datasets.lineage import edges_of_registering, version_of
from nbproof.datasets.models import ColumnSummaries, Dataset, DatasetVersion, ParcelAnswer
from nbproof.datasets.naming import alias_names, dataset_name, tags_of
from nbproof.datasets.parcels import Header, parcel_of
from nbproof.datasets.sending import Outgoing, OutgoingTable, outgoing_files
from nbproof.datasets.service import DataVersionControl, own_name, path_of, size_of, warn_of
from nbproof.datasets.taking import look_at_start
from nbproof.storage.content.packs import digest
from nbproof.storage.content.store import hash_of
from nbproof.storage.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa

    from nbproof.datasets.diff_models import DatasetDiff
    from nbproof.datasets.leakage import LeakageReport
    from nbproof.lineage.domain import Direction
    from nbproof.lineage.models import LineageGraph
    from nbproof.lineage.service import Lineage
    from nbproof.stats.profile import ColumnProfile

__all__ = ["RemoteDatasets", "Server"]

_TOGETHER = 1000  # objects that are asked for at once
_TRIES = 3
_BLOCK = 1 << 20
_LOOK_SECONDS = 0.2
_OVER = frozenset({"done", "failed", "cancelled", "interrupted"})


class Server(Protocol):
    """How a server is spoken to."""

    def ask(self, verb: str, /, **values: Any) -> Any:
        """Call an operation by its name."""
        ...

    def streamed(self, verb: str, /, **values: Any) -> AbstractContextManager[IO[bytes]]:
        """The answer of an operation that downloads, while it arrives."""
        ...

    def upload(self, verb: str, make: Callable[[], tuple[int, Iterator[bytes]]], /) -> Any:
        """Call an operation that takes a body, which is made anew where the connection breaks."""
        ...


class RemoteDatasets(DataVersionControl):
    """Datasets of the workspace of a server.

    Laws: what is registered is registered whole or not at all; of what the server has already nothing is
    sent; of a table only the columns are fetched that are asked for.

    Parameters
    ----------
    server : Server
    catch_up : callable
        Sends what was recorded before, such as the run that is live.
    clock : Clock
    lineage : callable
        Gives what keeps edges.
    run_id : callable
        The run that is live, if any.
    """

    def __init__(
        self,
        server: Server,
        catch_up: Callable[[], object],
        *,
        clock: Clock,
        lineage: Callable[[], Lineage],
        run_id: Callable[[], str | None],
    ) -> None:
        self._server = server
        self._catch_up = catch_up
        super().__init__(
            lambda: cast(Any, _Records(self._server)),
            lambda: cast(Any, self._nothing()),
            Path(),
            clock=clock,
            lineage=lineage,
            run_id=run_id,
        )

    def _ask(self, verb: str, /, **values: Any) -> Any:
        self._catch_up()
        return self._server.ask(verb, **values)

    # -- registering -----------------------------------------------------------------------------------

    def register_dataset(
        self,
        source: Any,
        name: str | None = None,
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        aliases: str | Sequence[str] = (),
        contract: Mapping[str, Any] | None = None,
        origin: str | None = None,
        reference: bool = False,
    ) -> DatasetVersion:
        """Send what the server lacks of a table, a file or a folder, and have it registered."""
        told, named = tags_of(tags), alias_names(aliases)
        if reference:
            return self._referred(source, name, description, told, named, contract)
        path = path_of(source)
        called = dataset_name(name if name is not None else own_name(path))
        self._catch_up()
        outgoing = self._outgoing(source, path, called)
        try:
            header = Header(
                name=called,
                description=description,
                tags=told,
                aliases=named,
                contract=None if contract is None else read(contract).model_dump(exclude_defaults=True),
                run_id=self._live_run(),
                source=origin or (None if path is None else str(path)),
                content=outgoing.content,
            )
            answer = self._sent(header, outgoing)
        finally:
            outgoing.close()
        assert answer.version is not None
        version = answer.version
        if path is not None and not version.notes and (note := look_at_start(path)) is not None:
            version = version.model_copy(update={"notes": [note]})
        warn_of(answer.breaches, called, version.notes)
        return version

    def _referred(
        self,
        source: Any,
        name: str | None,
        description: str | None,
        tags: dict[str, str],
        aliases: list[str],
        contract: Mapping[str, Any] | None,
    ) -> DatasetVersion:
        """Refer to a path of the server's machine."""
        if not isinstance(source, (str, os.PathLike)):
            raise Invalid(
                "a reference is a path on the server's machine",
                hint="leave out reference=True to send what is in memory",
                details={"field": "source"},
            )
        asked = {"path": os.fspath(source), "name": name, "description": description, "alias": aliases}
        given = {key: value for key, value in asked.items() if value}
        version: DatasetVersion = self._ask("datasets.refer", **given, tags=tags, contract=contract)
        self._drawn(edges_of_registering(version, self._live_run()))
        warn_of([] if version.unchanged else version.breaches, version.dataset, version.notes)
        return version

    def _outgoing(self, source: Any, path: Path | None, name: str) -> Outgoing:
        if path is not None:
            with Progress(f"reading {name}", size_of(path)) as progress:
                return outgoing_files(path, progress)
        return OutgoingTable(self._incoming(source), self._before(name))

    def _before(self, name: str) -> Mapping[str, Any] | None:
        """The manifest of the latest version, if that is a table."""
        try:
            version: DatasetVersion = self._server.ask("datasets.show", id=name)
        except NotFound:
            return None
        if version.kind != "table" or version.forgotten:
            return None
        content = RemoteContent(self._server, version.id)
        told: Mapping[str, Any] = json.loads(content.read(f"b3/{version.digest}"))
        return told

    def _sent(self, header: Header, outgoing: Outgoing) -> ParcelAnswer:
        """Ask what is wanted, and send it; asked again where content went away on the server meanwhile."""
        wanted: list[bytes] = []
        for _ in range(_TRIES):
            pieces = outgoing.pieces(wanted) if wanted else []
            with Progress(f"sending {header.name}", sum(each.size for each in pieces) or None) as progress:

                def made(pieces: list[Any] = pieces, told: Callable[[int], object] = progress) -> Any:
                    size, blocks = parcel_of(header, pieces)
                    return size, _counted(blocks, told) if pieces else blocks

                try:
                    answer: ParcelAnswer = self._server.upload("datasets.send", made)
                except Invalid:
                    outgoing.check()  # a file that changed is the better news
                    raise
            if answer.version is not None:
                return answer
            wanted = [bytes.fromhex(each) for each in answer.wanted]
        raise Unavailable(
            f"{header.name} could not be registered: the server wants again what it was sent",
            hint="is gc running there? try again",
        )

    # -- reading ---------------------------------------------------------------------------------------

    def get_dataset(self, id: str) -> DatasetHandle:
        """A version to be read: what is asked of it is fetched then."""
        self._catch_up()
        return super().get_dataset(id)

    def describe(self, id: str) -> DatasetVersion:
        """What is recorded of a version."""
        return cast(DatasetVersion, self._ask("datasets.show", id=id))

    def list_datasets(
        self, query: str | None = None, *, limit: int = 50, after: str | None = None
    ) -> Page[Dataset]:
        """Datasets by name."""
        return cast("Page[Dataset]", self._ask("datasets.list", query=query, limit=limit, after=after))

    def list_versions(
        self, name: str, *, limit: int = 50, after: str | None = None, fields: bool = True
    ) -> Page[DatasetVersion]:
        """The versions of a dataset, latest first."""
        page = self._ask("datasets.versions", name=name, limit=limit, after=after, fields=fields)
        return cast("Page[DatasetVersion]", page)

    def summarize_columns(self, id: str) -> ColumnSummaries:
        """The statistics of each column, with a small histogram."""
        return cast(ColumnSummaries, self._ask("datasets.columns", id=id))

    def content_of(
        self,
        id: str,
        *,
        format: Literal["parquet", "csv", "arrow"] | None = None,
        columns: Sequence[str] = (),
        limit: int | None = None,
    ) -> Download:
        """A version as one file, fetched."""
        asked = {"id": id, "format": format, "column": list(columns), "limit": limit}
        return cast(Download, self._ask("datasets.get", **asked))

    def set_alias(self, id: str, alias: str) -> DatasetVersion:
        """Point an alias at a version, taking it from the one that had it."""
        return cast(DatasetVersion, self._ask("datasets.alias", id=id, alias=alias))

    def remove_alias(self, id: str, alias: str) -> DatasetVersion:
        """Take an alias away from a version; the version stays."""
        return cast(DatasetVersion, self._ask("datasets.remove_alias", id=id, alias=alias))

    def update_version(
        self, id: str, *, description: str | None = None, tags: Mapping[str, str] | None = None
    ) -> DatasetVersion:
        """Change the description or the tags of a version; an empty tag is taken away."""
        asked = {"description": description, "tags": tags}
        given = {key: value for key, value in asked.items() if value is not None}
        return cast(DatasetVersion, self._ask("datasets.update", id=id, **given))

    def delete_dataset(self, id: str, *, all: bool = False) -> list[DatasetVersion]:
        """Delete a version, or a dataset with all of its versions."""
        return list(self._ask("datasets.delete", id=id, all=all))

    # -- comparing -------------------------------------------------------------------------------------

    def detect_drift(
        self,
        reference: Any,
        current: Any,
        *,
        exact: bool = False,
        columns: Sequence[str] | None = None,
        run_id: str | None = None,
    ) -> DriftReport:
        """Found by the server; what a frame has to do with it is found here, and kept there."""
        names = [_name_of(each) for each in (reference, current)]
        if None in names:
            return super().detect_drift(reference, current, exact=exact, columns=columns, run_id=run_id)
        asked: dict[str, Any] = {"reference": names[0], "current": names[1], "exact": exact}
        if columns is not None:
            asked["columns"] = [columns] if isinstance(columns, str) else list(columns)
        return cast(DriftReport, self._ask("datasets.drift", **asked, run_id=run_id or self._live_run()))

    def diff_versions(
        self,
        a: Any,
        b: Any,
        *,
        key: str | Sequence[str] | None = None,
        progress: Callable[[float], object] | None = None,
    ) -> DatasetDiff:
        """How two versions differ, found by the server."""
        from nbproof.datasets.diff_models import DatasetDiff

        names = [_name_of(each) or each for each in (a, b)]
        asked: dict[str, Any] = {"a": names[0], "b": names[1]}
        if key:
            asked["key"] = [key] if isinstance(key, str) else list(key)
        if progress is not None:
            return DatasetDiff.model_validate(self._compared(progress, asked))
        return cast(DatasetDiff, self._ask("datasets.diff", **asked))

    def check_leakage(
        self,
        train: Any,
        test: Any,
        *,
        entity: str | Sequence[str] | None = None,
        time: str | None = None,
        progress: Callable[[float], object] | None = None,
    ) -> LeakageReport:
        """Found by the server; where a frame is one of the two, what is needed of the other is fetched."""
        from nbproof.datasets.leakage import LeakageReport

        names = [_name_of(each) for each in (train, test)]
        if None in names:
            return super().check_leakage(train, test, entity=entity, time=time, progress=progress)
        asked: dict[str, Any] = {}
        if entity:
            asked["entity"] = [entity] if isinstance(entity, str) else list(entity)
        if time is not None:
            asked["time"] = time
        if progress is not None:
            asked |= {"a": names[0], "b": names[1], "find": "leakage"}
            return LeakageReport.model_validate(self._compared(progress, asked))
        return cast(LeakageReport, self._ask("datasets.leakage", train=names[0], test=names[1], **asked))

    def _compared(self, progress: Callable[[float], object], asked: Mapping[str, Any]) -> Any:
        """What a job of the server found, which is followed, and cancelled where nobody wants to know."""
        identifier = self._ask("datasets.compare", **asked).id
        try:
            while (job := self._server.ask("jobs.get", id=identifier)).status not in _OVER:
                progress(job.progress or 0.0)
                sleep(_LOOK_SECONDS)
        except BaseException:
            with suppress(PlatformError):  # what went wrong before is what is told
                self._server.ask("jobs.cancel", id=identifier)
            raise
        if job.status != "done":
            told = job.error if isinstance(job.error, dict) else {}
            raise error_of({"error": {"message": f"the comparison is {job.status}", **told}}, 503)
        progress(1.0)
        return job.result

    @cached_property
    def contracts(self) -> DatasetContracts:
        """What versions have to keep to."""
        return _Contracts(self)

    @cached_property
    def drift_reports(self) -> DriftReports:
        """The reports of drift."""
        return _Reports(self)

    def get_lineage(self, id: str, direction: Direction = "both", depth: int | None = None) -> LineageGraph:
        """What a version came of, and what came of it."""
        return cast("LineageGraph", self._ask("datasets.lineage", id=id, direction=direction, depth=depth))

    # -- inside ----------------------------------------------------------------------------------------

    def _nothing(self) -> Any:
        raise Unavailable("the content of the server's workspace is not on this machine")

    def _handle(self, record: VersionRecord) -> DatasetHandle:
        if record.manifest is None:
            raise NotFound(f"the content of {record.dataset}@v{record.version} was erased")
        return _Handle(self._view(record), self._server)


def _name_of(given: Any) -> str | None:
    version = version_of(given)
    return version.name if version is not None else given if isinstance(given, str) else None


def _counted(blocks: Iterator[bytes], told: Callable[[int], object]) -> Iterator[bytes]:
    for block in blocks:
        yield block
        told(len(block))


class _Records:
    """The repository's questions as requests."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def resolve(self, reference: str) -> VersionRecord:
        version: DatasetVersion = self._server.ask("datasets.show", id=reference)
        return VersionRecord(
            id=version.id,
            dataset_id="",
            dataset=version.dataset,
            version=version.version,
            kind=version.kind,
            digest=version.digest,
            manifest=None if version.forgotten else f"b3/{version.digest}",
            profile=None,
            rows=version.rows,
            columns=version.columns,
            files=version.files,
            size_bytes=version.size_bytes,
            new_bytes=version.new_bytes,
            fields=[field.model_dump() for field in version.fields],
            description=version.description,
            tags=version.tags,
            source=version.source,
            reference=version.reference,
            breaches=version.breaches,
            run_id=version.run_id,
            created_us=microseconds_of(version.created_at),
            deleted_us=None,
            forgotten_us=0 if version.forgotten else None,
            aliases=tuple(version.aliases),
        )


class RemoteContent:
    """The content of one version, which a server keeps: each object is checked against its hash.

    Parameters
    ----------
    server : Server
    version : str
        Its id.
    """

    def __init__(self, server: Server, version: str) -> None:
        self._server = server
        self._version = version

    def read(self, location: str) -> bytes:
        """All of it."""
        return next(self.read_each([location]))

    def read_each(self, locations: Sequence[str]) -> Iterator[bytes]:
        """All of each, many in one answer."""
        for start in range(0, len(locations), _TOGETHER):
            some = list(locations[start : start + _TOGETHER])
            done = 0
            for left in reversed(range(_TRIES)):
                try:
                    for content in self._arriving(some[done:]):
                        done += 1
                        yield content
                    break
                except Unavailable:
                    if not left:
                        raise

    def stream(self, location: str) -> Iterator[bytes | memoryview]:
        """Piece by piece; that it is whole is known at its end."""
        import blake3

        found = blake3.blake3()
        with self._server.streamed("datasets.objects", id=self._version, objects=[location]) as stream:
            for left, _ in read_objects(stream, 1):
                while left:
                    block = exactly(stream, min(left, _BLOCK))
                    left -= len(block)
                    found.update(block)
                    yield block
        _check(found.digest(), location)

    def open(self, location: str) -> BinaryIO:
        """As a file that vanishes when it is closed."""
        file = cast(BinaryIO, tempfile.TemporaryFile(prefix="nbproof-"))  # noqa: SIM115 - who reads it closes it
        try:
            for block in self.stream(location):
                file.write(block)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def _arriving(self, locations: Sequence[str]) -> Iterator[bytes]:
        with self._server.streamed("datasets.objects", id=self._version, objects=list(locations)) as stream:
            for location, (size, _) in zip(locations, read_objects(stream, len(locations)), strict=True):
                content = exactly(stream, size)
                _check(digest(content), location)
                yield content


class _Handle(DatasetHandle):
    """A version of a server: what is asked for is fetched."""

    def __init__(self, version: DatasetVersion, server: Server) -> None:
        self._server = server
        self._told: Mapping[str, Any] | None = None
        self._folder: Path | None = None  # of copies, gone with this object
        super().__init__(version, {}, RemoteContent(server, version.id), self._fetched_profiles, Path())

    @property
    def _manifest(self) -> Mapping[str, Any]:  # fetched when it is first needed
        if self._told is None:
            told: Mapping[str, Any] = json.loads(self._content.read(f"b3/{self.version.digest}"))
            self._told = told
        return self._told

    @_manifest.setter
    def _manifest(self, value: Mapping[str, Any]) -> None:
        self._told = value or None

    def _copies(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="nbproof-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns with their Arrow types."""
        if self.kind == "table":
            return super().schema
        with self._fetched((), 0) as reader:
            return reader.schema

    def batches(self, columns: Sequence[str] | None = None) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """The rows in batches; those of files are read by the server, which sends only what is asked for."""
        if self.kind == "table":
            return super().batches(columns)
        self.note_reading()
        schema = self._schema_of(columns)
        return schema, self._arriving_rows(() if columns is None else schema.names)

    def _arriving_rows(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with self._fetched(columns, None) as reader:
            yield from reader

    @contextmanager
    def _fetched(self, columns: Sequence[str], limit: int | None) -> Iterator[pa.RecordBatchReader]:
        import pyarrow as pa

        asked = {"id": self.version.id, "format": "arrow", "column": list(columns), "limit": limit}
        with self._server.streamed("datasets.get", **asked) as stream, pa.ipc.open_stream(stream) as reader:
            yield reader

    def _fetched_profiles(self) -> list[ColumnProfile]:
        from nbproof.stats.profile import ColumnProfile

        with self._server.streamed("datasets.profile", id=self.version.id) as stream:
            return [ColumnProfile.from_json(each) for each in json.load(stream)]


class _Contracts(DatasetContracts):
    """Contracts that a server keeps."""

    def __init__(self, datasets: RemoteDatasets) -> None:
        self._asked = datasets._ask

    def set_contract(
        self, name: str, contract: Mapping[str, Any] | None, *, on_breach: OnBreach | None = None
    ) -> DatasetContract:
        called = dataset_name(name)
        written = None if contract is None else read(contract, on_breach).model_dump(exclude_defaults=True)
        with tempfile.TemporaryDirectory(prefix="nbproof-") as folder:
            file = Path(folder, "contract.json")
            file.write_text(json.dumps(written), encoding="utf-8")
            return cast(DatasetContract, self._asked("datasets.set_contract", name=called, file=file))

    def get_contract(self, name: str, *, propose: bool = False) -> DatasetContract:
        return cast(DatasetContract, self._asked("datasets.contract", name=name, propose=propose))


class _Reports(DriftReports):
    """Drift reports that a server keeps: one of a frame is made here and sent there."""

    def __init__(self, datasets: RemoteDatasets) -> None:
        self._asked = datasets._ask
        super().__init__(
            datasets._opened,
            datasets._repository,
            lambda: cast(Any, None),
            clock=datasets._clock,
            run_id=datasets._live_run,
        )

    def keep(self, report: DriftReport, columns: Sequence[str] | None) -> DriftReport:
        asked = {"report": report.model_dump(mode="json"), "columns": columns}
        return cast(DriftReport, self._asked("drift_reports.add", **asked))

    def list_drift_reports(
        self, dataset: str | None = None, *, limit: int = 50, after: str | None = None
    ) -> Page[DriftReport]:
        page = self._asked("drift_reports.list", dataset=dataset, limit=limit, after=after)
        return cast("Page[DriftReport]", page)

    def get_drift_report(self, id: str) -> DriftReport:
        return cast(DriftReport, self._asked("drift_reports.get", id=id))


def _check(found: bytes, location: str) -> None:
    if found != hash_of(location):
        raise Unavailable("what the server sent is not what was registered", hint="ask again")

"""A version in the hands of a user: its rows, its files, what is known of it."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from nbproof.core.errors import Conflict, Invalid, NotFound, Unavailable, hint_of, near_names
from nbproof.datasets.models import DatasetVersion
from nbproof.datasets.statistics import statistics_of
from nbproof.datasets.taking import schema_of
from nbproof.storage.content.columns import decoded
from nbproof.storage.content.writing import pool
from nbproof.storage.progress import Progress

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from nbproof.datasets.rows import RowFiles
    from nbproof.stats.profile import ColumnProfile

__all__ = ["Contents", "DatasetHandle"]

_HEAD = 10
_SCHEMA = ".schema-1"  # no file of a version is called so
_AHEAD = 4
_SMALL_BYTES = 1 << 16
_TOGETHER = 256  # small files that are asked for at once


class Contents(Protocol):
    """Where the content of versions is read from: the store of this machine, or a server."""

    def read(self, location: str) -> bytes:
        """All of it."""
        ...

    def read_each(self, locations: Sequence[str]) -> Iterator[bytes]:
        """All of each, in order."""
        ...

    def stream(self, location: str) -> Iterator[bytes | memoryview]:
        """Piece by piece."""
        ...

    def open(self, location: str) -> BinaryIO:
        """As a stream that can seek; whoever asks closes it."""
        ...


class DatasetHandle:
    """A dataset version to be read: what `get_dataset` gives.

    Attributes
    ----------
    version : DatasetVersion
        What is recorded of it.

    Examples
    --------
    >>> import nbproof as nbp, pandas as pd
    >>> _ = nbp.register_dataset(pd.DataFrame({"city": ["Oslo", "Rome"], "visits": [3, 5]}), "handle-demo")
    >>> sales = nbp.get_dataset("handle-demo@v1")
    >>> sales.to_pandas(columns=["visits"])["visits"].tolist()
    [3, 5]
    """

    def __init__(
        self,
        version: DatasetVersion,
        manifest: Mapping[str, Any],
        content: Contents,
        profiles: Callable[[], list[ColumnProfile]],
        cache: Path,
    ) -> None:
        self.version = version
        self._manifest = manifest
        self._content = content
        self._profiles = profiles
        self._cache = cache
        self.on_read: Callable[[], None] | None = None

    def note_reading(self) -> None:
        """Have it recorded that the run that is live has read this; done whenever content is handed out."""
        if self.on_read is not None:
            self.on_read()

    @property
    def name(self) -> str:
        """`dataset@vN`."""
        return self.version.name

    @property
    def kind(self) -> str:
        """table, file or folder."""
        return self.version.kind

    def __repr__(self) -> str:
        return str(self.version)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.version._repr_mimebundle_(include, exclude)

    def __len__(self) -> int:
        return self.version.rows or self.version.files or 0

    # -- rows ------------------------------------------------------------------------------------------

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns with their Arrow types."""
        if self.kind == "table":
            return schema_of(self._manifest)
        return self._schema_of_files()

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows as an Arrow table.

        Parameters
        ----------
        columns : sequence of str, optional
            Only these are read.

        Raises
        ------
        NotFound
            There is no such column.
        Invalid
            It is no table, nor a file of rows (CSV, Parquet, JSON lines, Feather) or a folder of such.
        """
        self.note_reading()
        import pyarrow as pa

        if self.kind != "table":
            schema, batches = self.batches(columns)
            return pa.Table.from_batches(batches, schema)
        schema = self._schema_of(columns)
        arrays = self._columns([(self._files[each.name], each.type) for each in schema])
        if not arrays:
            from nbproof.datasets.frames import of_no_columns

            return of_no_columns(self._manifest["rows"])
        return pa.Table.from_arrays(arrays, schema=schema)

    def batches(self, columns: Sequence[str] | None = None) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """The rows in batches, read as they are asked for."""
        self.note_reading()
        schema = self._schema_of(columns)
        if self.kind == "table":
            return schema, self._slab_by_slab(schema)
        names = None if columns is None else schema.names
        return schema, self._rows().batches(self.name, self.schema, names)

    def _slab_by_slab(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        if not len(schema):
            yield from self.to_arrow([]).to_batches()
            return
        for number in range(len(self.slabs)):
            yield from self.read_slabs(schema, number).to_batches()

    def to_pandas(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The rows as a pandas frame; one that was registered from pandas comes back exactly.

        Of some columns it has the index too.
        """
        from nbproof.datasets.frames import index_fields, restored

        restore = self._restore()
        if columns is not None:
            named = [columns] if isinstance(columns, str) else list(columns)
            columns = [*named, *(each for each in index_fields(restore) if each not in named)]
        return cast("pd.DataFrame", restored(self.to_arrow(columns), restore, "pandas"))

    def to_polars(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """The rows as a polars frame."""
        from nbproof.datasets.frames import restored

        return cast("pl.DataFrame", restored(self.to_arrow(columns), self._restore(), "polars"))

    def to_object(self) -> Any:
        """What was registered, as it was: a frame of pandas or polars, an Arrow table, an array."""
        from nbproof.datasets.frames import restored

        return restored(self.to_arrow(), self._restore())

    def relation(self, columns: Sequence[str] | None = None) -> Any:
        """The rows as a DuckDB relation."""
        from nbproof.storage.engines.duck import relation_of

        return relation_of(self.to_arrow(columns))

    @property
    def slabs(self) -> list[int]:
        """Of a table: how many rows each of the stretches has in which its columns are kept."""
        found: list[int] = self._manifest["slabs"]
        return found

    def slab_file(self, column: str, slab: int) -> str:
        """Where a stretch of a column is kept: equal only for what is equal."""
        found: str = self._files[column][slab]
        return found

    def read_slabs(self, schema: pa.Schema, slab: int) -> pa.Table:
        """A stretch of several columns, which is quicker than one after the other."""
        import pyarrow as pa

        arrays = self._columns([([self._files[each.name][slab]], each.type) for each in schema])
        return pa.Table.from_arrays(arrays, schema=schema)

    def read_slab(self, column: str, slab: int) -> pa.ChunkedArray:
        """A stretch of a column."""
        return decoded(self._content.read(self.slab_file(column, slab)), self.schema.field(column).type)

    @cached_property
    def _files(self) -> dict[str, list[str]]:
        return {each["name"]: each["files"] for each in self._manifest["columns"]}

    # -- files -----------------------------------------------------------------------------------------

    def path(self) -> Path:
        """A local copy of the file or folder, to be read and not to be changed; it stays for later."""
        if self.kind == "table":
            raise Invalid(
                f"{self.name} is a table and no file",
                hint=f'get_dataset("{self.name}").checkout(folder) writes one',
            )
        self.note_reading()
        return self._local()

    def _local(self) -> Path:
        place = self._copies() / self.version.digest
        name = self.file_name
        if not (place / name).exists():
            partial = place.with_name(f"{place.name}.{os.getpid()}")
            shutil.rmtree(partial, ignore_errors=True)
            self._written(partial, name)
            try:
                os.rename(partial, place)
            except OSError:  # another process made it meanwhile, or it is there under another name
                with suppress(OSError):
                    os.rename(partial / name, place / name)
                shutil.rmtree(partial, ignore_errors=True)
        return place / name

    def _copies(self) -> Path:
        """Where local copies are."""
        return self._cache

    def checkout(self, folder: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Write the content into a folder: the file, the folder's files, or the table as one Parquet file.

        Parameters
        ----------
        folder : path-like
            Made where it is missing.
        force : bool
            Write over what is there.

        Returns
        -------
        Path
            Of the file, or the folder.

        Raises
        ------
        Conflict
            A file is there already.
        Unavailable
            The disk is full or away.
        """
        self.note_reading()
        target = Path(folder).expanduser()
        name = self.file_name
        whole = target if self.kind == "folder" else target / name
        taken = whole.exists() and (self.kind != "folder" or any(target.iterdir()))
        if taken and not force:
            raise Conflict(
                f"{str(whole)!r} is there already",
                hint="name another folder, or say force=True",
                details={"field": "folder"},
            )
        try:
            target.mkdir(parents=True, exist_ok=True)
            if self.kind == "folder":
                self._write_folder(target)
            else:
                self._written(target, name)
        except OSError as error:
            raise Unavailable(
                f"{str(whole)!r} can't be written: {error.strerror}", hint="check the disk"
            ) from error
        return whole

    def files(self) -> Iterator[tuple[str, int]]:
        """Path within the folder, and size in bytes, of each file."""
        for path, size, _ in self._listed():
            yield path, size

    def differing_files(self, other: DatasetHandle) -> Iterator[tuple[str, str, int | None, int | None]]:
        """Path, what became of it (added, removed, changed), size before and now, of each file that differs.

        Folders that are equal are not looked into.
        """
        yield from self._apart(self._manifest["root"], other._manifest["root"], "")

    def _apart(
        self, before: str | None, after: str | None, path: str
    ) -> Iterator[tuple[str, str, int | None, int | None]]:
        if before == after:
            return
        nothing: dict[str, Any] = {"files": [], "folders": []}
        old, new = (
            nothing if place is None else json.loads(self._content.read(place)) for place in (before, after)
        )
        files, now = ({name: (size, place) for name, size, place in each["files"]} for each in (old, new))
        for name in sorted({*files, *now}):
            was, is_ = files.get(name), now.get(name)
            if was is None or is_ is None or was[1] != is_[1]:
                change = "added" if was is None else "removed" if is_ is None else "changed"
                yield f"{path}{name}", change, was and was[0], is_ and is_[0]
        below, above = dict(old["folders"]), dict(new["folders"])
        for name in sorted({*below, *above}):
            yield from self._apart(below.get(name), above.get(name), f"{path}{name}/")

    def folders(self) -> Iterator[str]:
        """Path within the folder of each folder below it."""
        if self.kind != "folder":
            return
        waiting = [("", self._manifest["root"])]
        while waiting:
            path, location = waiting.pop()
            for name, place in json.loads(self._content.read(location))["folders"]:
                yield f"{path}{_within(name)}"
                waiting.append((f"{path}{name}/", place))

    def open(self, path: str | None = None) -> BinaryIO:
        """The file, or the one of that path in the folder, as a stream that can seek; close it."""
        self.note_reading()
        found = next(iter(self._places), None) if path is None else path
        if found in self._places:
            return self._open_file(found, self._places[found])
        raise NotFound(f"{self.name} has no file {path!r}", hint="files() lists those that it has")

    @property
    def content_hash(self) -> str:
        """BLAKE3 of a file's bytes, 64 hex digits."""
        return str(self._manifest["file"]).removeprefix("b3/")

    # -- what is known ---------------------------------------------------------------------------------

    @cached_property
    def profile(self) -> list[ColumnProfile]:
        """The profile of each column: its distribution, without the data."""
        return self._profiles()

    @cached_property
    def statistics(self) -> pd.DataFrame:
        """One row for each column: counts, extremes, mean, deviation, quartiles; of times these are times."""
        return statistics_of(self.profile)

    # -- inside ----------------------------------------------------------------------------------------

    def _restore(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._manifest.get("restore", {})
        return found

    def _checked(self, columns: Sequence[str] | None, names: Sequence[str]) -> list[str] | None:
        if columns is None:
            return None
        wanted = [columns] if isinstance(columns, str) else list(columns)
        for each in wanted:
            if each not in names:
                near = near_names(str(each), names)
                raise NotFound(
                    f"{self.name} has no column {each!r}",
                    hint=hint_of(near, names, "it has"),
                    details={"near": near},
                )
        return wanted

    def _columns(self, wanted: Sequence[tuple[Sequence[str], pa.DataType]]) -> list[pa.ChunkedArray]:
        """Columns whose files are fetched one after the other and decoded by other threads meanwhile."""
        import pyarrow as pa

        contents = self._content.read_each([place for places, _ in wanted for place in places])
        columns = []
        with Progress(f"reading {self.name}", len(wanted), unit="columns") as progress:
            under_way = [
                [pool().submit(decoded, next(contents), kind) for _ in places] for places, kind in wanted
            ]
            for parts, (_, kind) in zip(under_way, wanted, strict=True):
                chunks = [chunk for each in parts for chunk in each.result().chunks]
                columns.append(pa.chunked_array(chunks, type=kind))
                progress(1)
        return columns

    def _schema_of(self, columns: Sequence[str] | None) -> pa.Schema:
        import pyarrow as pa

        schema = self.schema
        names = self._checked(columns, schema.names)
        if names is None:
            return schema
        return pa.schema([schema.field(name) for name in names], schema.metadata)

    def _schema_of_files(self) -> pa.Schema:
        """What was found once stays for later: all rows may have to be read for it."""
        import pyarrow as pa

        kept = self._copies() / self.version.digest / _SCHEMA
        with suppress(OSError, pa.ArrowException):
            return pa.ipc.read_schema(pa.py_buffer(kept.read_bytes()))
        found = self._rows().schema(self.name)
        with suppress(OSError):
            kept.parent.mkdir(parents=True, exist_ok=True)
            partial = kept.with_name(f"{kept.name}.{os.getpid()}.{threading.get_ident()}")
            partial.write_bytes(found.serialize())
            os.replace(partial, kept)
        return found

    def _rows(self) -> RowFiles:
        """The files as files of rows."""
        path = self._local()
        found = self._row_files(path)
        if found is None:
            raise self._no_table()
        return found

    def _no_table(self) -> Invalid:
        return Invalid(
            f"{self.name} is a {self.kind} and no table",
            hint="path() and checkout(folder) give files; rows are in .parquet, .csv, .jsonl and .feather",
        )

    def check(self, *, read: bool = False) -> object:
        """See whether content that stays elsewhere is what was registered; raises where it is not.

        Parameters
        ----------
        read : bool
            Read it, also where nothing seems to have changed.
        """
        return None

    def kept_elsewhere(self) -> dict[str, tuple[int, Callable[[], BinaryIO]]]:
        """Of files that are not in the store, by their places: their size, and what opens them."""
        return {}

    def _open_file(self, path: str, location: str) -> BinaryIO:
        return self._content.open(location)

    def _stream_file(self, path: str, location: str) -> Iterator[bytes | memoryview]:
        return self._content.stream(location)

    def _read_files(self, files: Sequence[tuple[str, str]]) -> Iterator[bytes]:
        return self._content.read_each([location for _, location in files])

    def _row_files(self, path: Path) -> RowFiles | None:
        from nbproof.datasets.rows import row_files

        if self.kind == "file":
            return row_files([(self.file_name, str(path))], folder=False)
        return row_files([(name, str(path / name)) for name, _ in self.files()], folder=True)

    @property
    def file_name(self) -> str:
        """What its file or folder is called, on any file system."""
        source = (self.version.source or "").replace("\\", "/").rstrip("/").rpartition("/")[2]
        if self.kind == "table":
            return f"{_plain(self.version.dataset)}.parquet"
        return _plain(source) or _plain(self.version.dataset)

    def _written(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if self.kind == "table":
            self._write_parquet(folder / name)
        elif self.kind == "folder":
            self._write_folder(folder / name)
        else:
            with Progress(f"{self.name}", self.version.size_bytes) as progress:
                self._write_file(folder / name, name, self._manifest["file"], progress)

    def _write_file(self, target: Path, path: str, location: str, progress: Callable[[int], object]) -> None:
        partial = target.with_name(f"{target.name}.part")
        try:
            with partial.open("wb") as file:
                for piece in self._stream_file(path, location):
                    file.write(piece)
                    progress(len(piece))
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)

    def _write_folder(self, target: Path) -> None:
        with Progress(f"{self.name}", self.version.size_bytes) as progress:
            target.mkdir(parents=True, exist_ok=True)
            for folder in self.folders():
                (target / folder).mkdir(parents=True, exist_ok=True)
            small: list[tuple[str, str]] = []
            for path, size, location in self._listed():
                if size > _SMALL_BYTES:
                    self._write_file(target / path, path, location, progress)
                    continue
                small.append((path, location))
                if len(small) == _TOGETHER:
                    self._write_small(target, small, progress)
                    small = []
            self._write_small(target, small, progress)

    def _write_small(
        self, target: Path, files: Sequence[tuple[str, str]], progress: Callable[[int], object]
    ) -> None:
        contents = self._read_files(files)
        for (path, _), content in zip(files, contents, strict=True):
            (target / path).write_bytes(content)
            progress(len(content))

    def _write_parquet(self, target: Path) -> None:
        from nbproof.datasets.downloads import write_parquet

        partial = target.with_name(f"{target.name}.part")
        try:
            write_parquet(*self.batches(), partial)
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)

    @cached_property
    def _places(self) -> dict[str, str]:
        """Where the content of each file is."""
        return {path: location for path, _, location in self._listed()}

    def _listed(self) -> Iterator[tuple[str, int, str]]:
        if self.kind == "file":
            yield self.file_name, self.version.size_bytes, self._manifest["file"]
        elif self.kind == "folder":
            yield from _below(self._content, self._manifest["root"], "")


def _below(content: Contents, location: str, path: str) -> Iterator[tuple[str, int, str]]:
    told = json.loads(content.read(location))
    for name, size, place in told["files"]:
        yield f"{path}{_within(name)}", size, place
    for name, place in told["folders"]:
        yield from _below(content, place, f"{path}{_within(name)}/")


def _within(name: str) -> str:
    """The name of a file in its folder: one that leads elsewhere is not followed."""
    if name in ("", ".", "..") or "/" in name or "\0" in name or (os.sep != "/" and os.sep in name):
        raise Invalid(f"{name!r} is no name of a file in a folder", hint="nothing was written there")
    return name


def _plain(name: str) -> str:
    """A name that every file system takes."""
    return "".join(each if each.isalnum() or each in " ._-" else "_" for each in name).strip(". ")[:150]

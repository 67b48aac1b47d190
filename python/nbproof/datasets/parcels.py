r"""A dataset on its way to a server: what it consists of, and of that only what the server lacks.

::

    NBPARCEL1\n | length of the header (8 bytes) | header, JSON | pieces
    a piece:      its name (32 bytes) | BLAKE3 of its bytes (32) | their length (8) | the bytes

Numbers are big-endian.  A piece of a file or folder is a file, and its name the BLAKE3 of its bytes; one of
a table is a stretch of a column as `packed_stream` writes it, named by its fingerprint.  A parcel without
pieces asks: the server names those that it lacks, or has the dataset already.
"""

from __future__ import annotations

import base64
import io
import json
import shutil
import struct
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nbproof.core.errors import Invalid, Unavailable
from nbproof.core.operation import validated
from nbproof.datasets.domain import Slab
from nbproof.datasets.models import RunId
from nbproof.datasets.rows import row_files
from nbproof.datasets.streams import table_in
from nbproof.datasets.taking import (
    Taken,
    Tree,
    fields_of,
    file_manifest,
    folder_manifest,
    look_at_rows,
    merged_profiles,
    profiles_of_slabs,
    slab_of,
    table_manifest,
)
from nbproof.storage.content.columns import decoded, fingerprint
from nbproof.storage.content.store import hash_of, location_of
from nbproof.storage.content.writing import pool

if TYPE_CHECKING:
    import pyarrow as pa

    from nbproof.datasets.contracts import KeyWatch
    from nbproof.datasets.repository import DatasetRepository
    from nbproof.storage.content.store import ContentStore, Hashed, Intake

__all__ = ["Header", "Parcel", "Piece", "Wanted", "parcel_of", "take_parcel"]

_MAGIC = b"NBPARCEL1\n"
_LENGTH = struct.Struct(">Q")
_FRAME = struct.Struct(">32s32sQ")
_MOST_HEADER = 1 << 30
_AHEAD = 6
_BLOCK = 1 << 20

_Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Size = Annotated[int, Field(ge=0, lt=2**63)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TableContent(_Part):
    """A table: its columns by the fingerprints of their slabs."""

    kind: Literal["table"] = "table"
    arrow_schema: str = Field(description="Arrow's bytes, base64.")
    restore: str = Field(description="JSON: what the frame needs to come back.")
    cut_by: list[str]
    cuts: list[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]]
    slabs: list[_Size] = Field(min_length=1, description="Rows of each.")
    columns: list[list[_Hash]]
    size: _Size


class FileContent(_Part):
    """A file."""

    kind: Literal["file"] = "file"
    size: _Size
    hash: _Hash


class FolderContent(_Part):
    """A folder: path, size and hash of its files, and the paths of its folders."""

    kind: Literal["folder"] = "folder"
    files: list[tuple[str, _Size, _Hash]]
    folders: list[str]


Content: TypeAlias = Annotated[TableContent | FileContent | FolderContent, Field(discriminator="kind")]


class Header(_Part):
    """What is to be registered, and of what it consists."""

    name: str
    description: str | None = Field(None, max_length=100_000)
    tags: dict[str, str] = Field(default_factory=dict)
    aliases: list[str] = Field(default_factory=list)
    contract: dict[str, Any] | None = None
    run_id: RunId | None = None
    source: str | None = Field(None, max_length=10_000)
    content: Content


class Wanted(Exception):
    """What the sender has to send, by the names of pieces."""

    def __init__(self, names: Sequence[bytes]) -> None:
        super().__init__(f"{len(names)} pieces are wanted")
        self.names = list(names)


# -- writing -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to send: `read` gives its bytes, each time anew."""

    name: bytes
    hash: bytes
    size: int
    read: Callable[[], Iterable[bytes]]


def parcel_of(header: Header, pieces: Sequence[Piece] = ()) -> tuple[int, Iterator[bytes]]:
    """A parcel's length and its bytes, made while they are asked for."""
    told = header.model_dump_json().encode()
    start = _MAGIC + _LENGTH.pack(len(told)) + told
    size = len(start) + sum(_FRAME.size + each.size for each in pieces)

    def content() -> Iterator[bytes]:
        yield start
        for each in pieces:
            yield _FRAME.pack(each.name, each.hash, each.size)
            yield from each.read()

    return size, content()


# -- reading -----------------------------------------------------------------------------------------------


class Parcel:
    """A parcel that arrived.

    Parameters
    ----------
    path : Path
        Of its bytes.

    Attributes
    ----------
    path : Path
    header : Header
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[bytes, tuple[int, int, bytes]] = {}
        whole = path.stat().st_size
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise Invalid("the body is no parcel", hint="send datasets with register_dataset")
            (length,) = _LENGTH.unpack(_exactly(file, _LENGTH.size))
            if length > _MOST_HEADER:
                raise _cut()
            try:
                told = json.loads(_exactly(file, length))
            except (ValueError, RecursionError) as error:
                raise Invalid(f"the parcel's header is not JSON: {error}") from None
            if not isinstance(told, dict):
                raise Invalid("the parcel's header is no object")
            self.header = validated(Header, told)
            while file.tell() < whole:
                name, hash, size = _FRAME.unpack(_exactly(file, _FRAME.size))
                if size > whole - file.tell():
                    raise _cut()
                self._places[name] = (file.tell(), size, hash)
                file.seek(size, io.SEEK_CUR)

    def __contains__(self, name: bytes) -> bool:
        return name in self._places

    def read(self, name: bytes) -> bytes:
        """A piece that is small enough, checked."""
        start, size, hash = self._places[name]
        with self.path.open("rb") as file:
            file.seek(start)
            content = _exactly(file, size)
        _check(_hash(content), hash)
        return content

    def size_of(self, name: bytes) -> int:
        """Of a piece."""
        return self._places[name][1]

    def open(self, name: bytes) -> IO[bytes]:
        """A piece as a stream; not checked."""
        start, size, _ = self._places[name]
        return io.BufferedReader(_Window(self.path, start, size), _BLOCK)


class _Window(io.RawIOBase):
    """A stretch of a file."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._file.seek(start)
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")[: self._left]
        count = self._file.readinto(view) if len(view) else 0
        self._left -= count or 0
        return count or 0

    def close(self) -> None:
        self._file.close()
        super().close()


def take_parcel(
    intake: Intake,
    parcel: Parcel,
    repository: DatasetRepository,
    content: ContentStore,
    watch: KeyWatch | None,
) -> Taken:
    """Take in what arrived; `Wanted` if there is more to be sent."""
    told = parcel.header.content
    if isinstance(told, TableContent):
        return _take_table(intake, parcel, told, repository, content, watch)
    if isinstance(told, FileContent):
        _take_files(intake, parcel, [(told.hash, told.size)], content)
        taken = Taken(file_manifest(told.size, _place(told.hash)), "file", told.size, files=1)
        if watch is not None:
            name = PurePosixPath((parcel.header.source or "").replace("\\", "/")).name or "file"
            _look(taken, parcel, [(name, told.hash)], content, watch)
        return taken
    tree = _tree_of(told)
    _take_files(intake, parcel, [(hash, size) for _, size, hash in told.files], content)
    size = sum(size for _, size, _ in told.files)
    taken = Taken(folder_manifest(intake, tree), "folder", size, files=len(told.files))
    if watch is not None:
        _look(taken, parcel, [(path, hash) for path, _, hash in told.files], content, watch)
    return taken


def _look(
    taken: Taken,
    parcel: Parcel,
    files: Sequence[tuple[str, str]],
    content: ContentStore,
    watch: KeyWatch,
) -> None:
    """Look at the rows of files that arrived or are here: they lie beside the parcel for so long."""
    with tempfile.TemporaryDirectory(dir=parcel.path.parent, prefix="rows-") as folder:
        placed = []
        for number, (name, hash) in enumerate(files):
            place = Path(folder, f"{number}{PurePosixPath(name).suffix}")
            key = bytes.fromhex(hash)
            try:
                with place.open("wb") as file:
                    if key in parcel:
                        with parcel.open(key) as stream:
                            shutil.copyfileobj(stream, file, _BLOCK)
                    else:
                        for block in content.stream(_place(hash)):
                            file.write(block)
            except OSError as error:
                raise Unavailable(f"the server's disk can't take the files: {error.strerror}") from error
            placed.append((name, str(place)))
        look_at_rows(taken, row_files(placed, folder=taken.kind == "folder"), parcel.header.name, watch)


def _take_files(
    intake: Intake, parcel: Parcel, wanted: Sequence[tuple[str, int]], content: ContentStore
) -> None:
    sizes = {bytes.fromhex(hash): size for hash, size in wanted}
    if len(set(wanted)) > len(sizes):
        raise _damaged()
    missing = sizes.keys() - intake.here(list(sizes))
    # The sender names what the store has already: it has to be as long as he says.
    known = content.reader.recipes([name for name in sizes if name not in missing])
    if any(recipe.size_bytes != sizes[name] for name, recipe in known.items()):
        raise _damaged()
    _want(missing - {name for name in missing if name in parcel}, sizes)
    for name in sizes:
        if name not in missing:
            continue
        if parcel.size_of(name) != sizes[name]:
            raise _damaged()
        if sizes[name] <= _BLOCK:
            kept = intake.put(parcel.read(name))
        else:
            with parcel.open(name) as stream:
                kept = intake.put(stream)  # type: ignore[arg-type]  # a reader is a binary stream
        _check(hash_of(kept.location), name)


def _tree_of(told: FolderContent) -> Tree:
    files: dict[tuple[str, ...], list[tuple[str, int, str]]] = {(): []}
    below: dict[tuple[str, ...], set[str]] = {(): set()}
    for path in told.folders:
        parts = _parts_of(path)
        files.setdefault(parts, [])
        below.setdefault(parts, set())
    for parts in list(files):
        if parts:
            if parts[:-1] not in files:
                raise Invalid(f"the parcel has {'/'.join(parts)!r} and not the folder that it is in")
            below[parts[:-1]].add(parts[-1])
    for path, size, hash in told.files:
        *inside, name = _parts_of(path)
        if tuple(inside) not in files:
            raise Invalid(f"the parcel has {path!r} and not the folder that it is in")
        files[tuple(inside)].append((name, size, _place(hash)))
    for parts, found in files.items():
        names = [name for name, _, _ in found]
        if len(set(names)) < len(names) or not below[parts].isdisjoint(names):
            raise Invalid(f"the parcel has two files of one name in {'/'.join(parts) or 'its folder'}")
    return {parts: (sorted(files[parts]), sorted(below[parts])) for parts in files}


def _parts_of(path: str) -> tuple[str, ...]:
    parts = tuple(path.split("/"))
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise Invalid(f"{path!r} is no path within a folder", hint="nothing was registered")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise Invalid(f"the name {path!a} is not UTF-8", hint="rename it") from None
    return parts


def _take_table(
    intake: Intake,
    parcel: Parcel,
    told: TableContent,
    repository: DatasetRepository,
    content: ContentStore,
    watch: KeyWatch | None,
) -> Taken:
    schema, restore = _schema_of(told)
    prints = [[bytes.fromhex(each) for each in column] for column in told.columns]
    every = list(dict.fromkeys(each for column in prints for each in column))
    known = repository.slabs(every)
    here = intake.here([hash_of(place) for place, _ in known.values()])
    found = {key: place for key, (place, _) in known.items() if hash_of(place) in here}
    missing = {key for key in every if key not in found}
    _want({key for key in missing if key not in parcel}, every)
    profiles: dict[bytes, bytes] = {}
    slabs: list[Slab] = []
    for key, slab in _encoded(intake, _arriving(parcel, schema, told.slabs, prints, missing)):
        found[key] = slab.object
        profiles[key] = slab.profile
        slabs.append(slab)
    if watch is not None and all(name in schema.names for name in watch.key):
        _watch(watch, parcel, schema, prints, found, missing, content)
    places = [[found[key] for key in column] for column in prints]
    return Taken(
        table_manifest(schema, restore, told.slabs, told.cut_by, told.cuts, places),
        "table",
        told.size,
        rows=sum(told.slabs),
        columns=len(schema),
        fields=fields_of(schema),
        slabs=slabs,
        profiles=lambda: _profiles(schema, told.slabs, prints, profiles, found, repository, content.read),
    )


def _schema_of(told: TableContent) -> tuple[pa.Schema, Mapping[str, Any]]:
    import pyarrow as pa

    try:
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(told.arrow_schema, validate=True)))
        restore = json.loads(told.restore)
    except (ValueError, OSError, RecursionError) as error:  # Arrow's errors are one of these
        raise Invalid(f"the parcel's schema can't be read: {error}") from None
    if len(set(schema.names)) < len(schema):
        raise Invalid("the table has several columns of one name")
    fits = len(schema) == len(told.columns) and all(len(each) == len(told.slabs) for each in told.columns)
    if not fits or not isinstance(restore, dict):
        raise Invalid("the parcel's columns do not fit its schema")
    return schema, restore


_Work: TypeAlias = Callable[[], "tuple[bytes, Hashed, bytes]"]


def _arriving(
    parcel: Parcel,
    schema: pa.Schema,
    lengths: Sequence[int],
    prints: Sequence[Sequence[bytes]],
    missing: set[bytes],
) -> Iterator[tuple[bytes, _Work]]:
    """What encodes each piece that arrived, slab by slab."""
    done: set[bytes] = set()
    for number, rows in enumerate(lengths):
        for field, column in zip(schema, prints, strict=True):
            key = column[number]
            if key in missing and key not in done:
                done.add(key)

                def work(key: bytes = key, field: pa.Field = field, rows: int = rows) -> Any:
                    array = _piece(parcel, key, field, rows)
                    # By its own fingerprint, not by what the sender says that it is.
                    return fingerprint(array), *slab_of(field.name, array)

                yield key, work


def _piece(parcel: Parcel, key: bytes, field: pa.Field, rows: int) -> pa.ChunkedArray:
    table = table_in(parcel.read(key), field.name)
    if table.num_columns != 1 or len(table) != rows or not table.schema.field(0).type.equals(field.type):
        raise Invalid(f"column {field.name!r} of the parcel does not fit its schema")
    return table.column(0)


def _encoded(intake: Intake, wanted: Iterable[tuple[bytes, _Work]]) -> Iterator[tuple[bytes, Slab]]:
    waiting: deque[tuple[bytes, Future[tuple[bytes, Hashed, bytes]]]] = deque()

    def done() -> tuple[bytes, Slab]:
        key, under_way = waiting.popleft()
        own, hashed, profile = under_way.result()
        (kept,) = intake.put_hashed([hashed])
        return key, Slab(own, kept.location, kept.size_bytes, profile)

    try:
        for key, work in wanted:
            waiting.append((key, pool().submit(work)))
            if len(waiting) > _AHEAD:
                yield done()
        while waiting:
            yield done()
    finally:
        for _, under_way in waiting:
            under_way.cancel()


def _watch(
    watch: KeyWatch,
    parcel: Parcel,
    schema: pa.Schema,
    prints: Sequence[Sequence[bytes]],
    found: Mapping[bytes, str],
    missing: set[bytes],
    content: ContentStore,
) -> None:
    """Let the rows of the key go by, out of the parcel or out of the store."""
    import pyarrow as pa

    numbers = [schema.names.index(name) for name in watch.key]
    for slab in range(len(prints[0]) if prints else 0):
        columns = []
        for number in numbers:
            key, field = prints[number][slab], schema.field(number)
            if key in missing:
                columns.append(table_in(parcel.read(key), field.name).column(0))
            else:
                columns.append(decoded(content.read(found[key]), field.type))
        for _ in watch.watched(pa.table(columns, names=watch.key).to_batches()):
            pass


def _profiles(
    schema: pa.Schema,
    lengths: Sequence[int],
    prints: Sequence[Sequence[bytes]],
    fresh: Mapping[bytes, bytes],
    places: Mapping[bytes, str],
    repository: DatasetRepository,
    read: Callable[[str], bytes],
) -> list[dict[str, Any]]:
    slabs = {
        key: (places[key], field.type) for field, column in zip(schema, prints, strict=True) for key in column
    }
    profiles = profiles_of_slabs(slabs, fresh, repository, read)
    made = []
    for field, column in zip(schema, prints, strict=True):
        found = [profiles[key] for key in column]
        # What the store had already was named by the sender: it has to be what he says.
        if [each.rows for each in found] != list(lengths) or {each.type for each in found} != {
            str(field.type)
        }:
            raise Invalid(f"column {field.name!r} of the parcel does not fit its schema")
        made.append(merged_profiles(field.name, found).to_json())
    return made


def _want(missing: set[bytes], order: Iterable[bytes]) -> None:
    if missing:
        raise Wanted([name for name in order if name in missing])


def _place(hash: str) -> str:
    return location_of(bytes.fromhex(hash))


def _hash(content: bytes) -> bytes:
    import blake3

    return blake3.blake3(content).digest()


def _exactly(file: IO[bytes], size: int) -> bytes:
    content = file.read(size)
    if len(content) != size:
        raise _cut()
    return content


def _check(found: bytes, expected: bytes) -> None:
    if found != expected:
        raise _damaged()


def _cut() -> Invalid:
    return Invalid("the parcel was cut off: nothing was registered", hint="send it again")


def _damaged() -> Invalid:
    return Invalid(
        "what arrived is not what was sent: nothing was registered",
        hint="a file changed while it was sent, or the connection spoils data; send it again",
    )

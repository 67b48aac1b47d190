"""What of a dataset is sent to a server: fingerprints first, and then only what the server lacks."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from nbproof.core.errors import Invalid, Unavailable
from nbproof.datasets.parcels import Content, FileContent, FolderContent, Piece, TableContent
from nbproof.datasets.streams import packed_stream
from nbproof.datasets.taking import marks_in, marks_of, refuse_changed, walked
from nbproof.storage.content.columns import Slabs, bytes_of, cutting_columns, fingerprint
from nbproof.storage.content.writing import pool

if TYPE_CHECKING:
    import pyarrow as pa

    from nbproof.datasets.frames import Incoming

__all__ = ["Outgoing", "OutgoingFiles", "OutgoingTable", "outgoing_files"]

_BLOCK = 1 << 20


class Outgoing(Protocol):
    """A dataset that is to be sent.

    Attributes
    ----------
    content : Content
        What it consists of.
    """

    content: Content

    def pieces(self, wanted: Sequence[bytes]) -> list[Piece]:
        """Those that the server wants, by their names."""
        ...

    def check(self) -> None:
        """Raise `Conflict` where it changed since it was looked at."""
        ...

    def close(self) -> None:
        """Let go of what waits on the disk."""
        ...


class OutgoingTable:
    """A table: looked at once, slab by slab; what streams in waits in a file until it is known what to send.

    Parameters
    ----------
    table : Incoming
    before : mapping, optional
        The manifest of the version before, so that slabs end where they did.
    """

    def __init__(self, table: Incoming, before: Mapping[str, Any] | None = None) -> None:
        before = before or {}
        schema = table.schema
        by = cutting_columns(schema, before.get("cut_by", ()))
        cuts = [int(each, 16) for each in before.get("cuts", ())] if by == before.get("cut_by") else []
        slabs = Slabs(table.batches, schema, by, cuts, before.get("slabs", ()))
        self._kept = _KeptSlabs(in_memory=table.rows is not None)
        self._sent: IO[bytes] | None = None
        columns: list[list[str]] = [[] for _ in schema]
        self._places: dict[bytes, tuple[int, int]] = {}
        lengths: list[int] = []
        size = 0
        try:
            for number, slab in enumerate(slabs):
                self._kept.add(slab)
                for place, key in enumerate(pool().map(fingerprint, slab.columns)):
                    columns[place].append(key.hex())
                    self._places.setdefault(key, (number, place))
                lengths.append(len(slab))
                size += bytes_of(slab)
        except BaseException:
            self.close()
            raise
        self.content: Content = TableContent(
            arrow_schema=base64.b64encode(schema.serialize()).decode(),
            restore=json.dumps(table.restore),
            cut_by=list(by),
            cuts=[f"{each:016x}" for each in slabs.cuts],
            slabs=lengths,
            columns=columns,
            size=size,
        )

    def pieces(self, wanted: Sequence[bytes]) -> list[Piece]:
        """Stretches of columns, as Arrow streams, written to the disk before they are sent."""
        sent = self._sent = self._sent or _scratch()
        sent.seek(0)
        sent.truncate()
        made: list[Piece] = []
        # One slab after the other: those of a stream are read back from the disk.
        for number, place, key in sorted((*self._places[key], key) for key in wanted if key in self._places):
            content = packed_stream(self._kept.column(number, place).unify_dictionaries())
            start = sent.tell()
            _written(sent, content)
            made.append(Piece(key, _hash(content), len(content), _read_back(sent, start, len(content))))
        return made

    def check(self) -> None:
        """A frame that somebody changes meanwhile is sent as it was looked at, or refused by its hash."""

    def close(self) -> None:
        """Let go of the files."""
        self._kept.close()
        if self._sent is not None:
            self._sent.close()


class _KeptSlabs:
    """Slabs to be read again: held where they are in memory anyway, else on the disk."""

    def __init__(self, *, in_memory: bool) -> None:
        self._held: list[pa.Table] = []
        self._places: list[tuple[int, int]] = []
        self._file = None if in_memory else _scratch()
        self._last: tuple[int, pa.Table] | None = None

    def add(self, slab: pa.Table) -> None:
        if self._file is None:
            self._held.append(slab)
            return
        content = _stream_of(slab)
        self._places.append((self._file.seek(0, 2), len(content)))
        _written(self._file, content)

    def column(self, number: int, place: int) -> pa.Table:
        """A column of a slab, as a table."""
        return self._slab(number).select([place])

    def _slab(self, number: int) -> pa.Table:
        import pyarrow as pa

        if self._file is None:
            return self._held[number]
        if self._last is None or self._last[0] != number:
            start, size = self._places[number]
            self._file.seek(start)
            with pa.ipc.open_stream(pa.py_buffer(self._file.read(size))) as reader:
                self._last = number, reader.read_all()
        return self._last[1]

    def close(self) -> None:
        self._held.clear()
        self._last = None
        if self._file is not None:
            self._file.close()


@dataclass
class OutgoingFiles:
    """A file, or the files of a folder."""

    content: Content
    paths: dict[bytes, tuple[Path, int]]
    marks: dict[Path, tuple[int, ...]]
    root: Path

    def pieces(self, wanted: Sequence[bytes]) -> list[Piece]:
        """Files, read while they are sent."""
        return [
            Piece(name, name, size, _read_file(path, size))
            for name in wanted
            if name in self.paths
            for path, size in [self.paths[name]]
        ]

    def check(self) -> None:
        """Whether all files are as they were."""
        changed = [_told(path, self.root) for path, was in self.marks.items() if marks_of(path) != was]
        if changed:
            raise refuse_changed(changed)

    def close(self) -> None:
        """Nothing waits."""


def outgoing_files(path: Path, on_bytes: Callable[[int], object]) -> OutgoingFiles:
    """A file or folder, of which every file is read once for its hash.

    Raises
    ------
    Conflict
        Something changed while it was read.
    """
    if not path.is_dir():
        marks = marks_of(path)
        hash, size = _hash_of(path, on_bytes)
        one = FileContent(size=size, hash=hash.hex())
        found = OutgoingFiles(one, {hash: (path, size)}, {path: marks}, path.parent)
    else:
        listing = list(walked(path, (), set()))
        every = {Path(each): marks_in(was) for _, files, _ in listing for each, _, was in files}
        told: list[tuple[str, int, str]] = []
        paths: dict[bytes, tuple[Path, int]] = {}
        for parts, files, _ in listing:
            for (each, name, _), (hash, size) in zip(
                files, pool().map(lambda file: _hash_of(Path(file[0]), on_bytes), files), strict=True
            ):
                told.append(("/".join((*parts, name)), size, hash.hex()))
                paths[hash] = (Path(each), size)
        folders = ["/".join(parts) for parts, _, _ in listing if parts]
        found = OutgoingFiles(FolderContent(files=told, folders=folders), paths, every, path)
    found.check()
    return found


def _told(path: Path, root: Path) -> str:
    return str(path.relative_to(root))


def _read_file(path: Path, size: int) -> Callable[[], Iterator[bytes]]:
    def read() -> Iterator[bytes]:
        left = size
        try:
            with path.open("rb", buffering=0) as file:
                while left and (block := file.read(min(_BLOCK, left))):
                    left -= len(block)
                    yield block
        except OSError as error:
            raise _unreadable(path, error) from error
        if left:
            raise refuse_changed([path.name])

    return read


def _hash_of(path: Path, on_bytes: Callable[[int], object]) -> tuple[bytes, int]:
    import blake3

    found, size = blake3.blake3(), 0
    try:
        with path.open("rb", buffering=0) as file:
            while block := file.read(_BLOCK):
                found.update(block)
                size += len(block)
                on_bytes(len(block))
    except OSError as error:
        raise _unreadable(path, error) from error
    return found.digest(), size


def _unreadable(path: Path, error: OSError) -> Invalid:
    return Invalid(f"{str(path)!r} can't be read: {error.strerror}", details={"field": "path"})


def _stream_of(slab: pa.Table) -> memoryview:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, slab.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(slab)
    return memoryview(sink.getvalue()).cast("B")


def _hash(content: memoryview) -> bytes:
    import blake3

    return blake3.blake3(content).digest()


def _scratch() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile(prefix="nbproof-")
    except OSError as error:
        raise _no_room(error) from error


def _written(file: IO[bytes], content: memoryview) -> None:
    try:
        file.write(content)
        file.flush()
    except OSError as error:
        raise _no_room(error) from error


def _no_room(error: OSError) -> Unavailable:
    return Unavailable(
        f"what is to be sent can't be kept in {tempfile.gettempdir()}: {error.strerror or error}",
        hint="make room, or set TMPDIR to a place where there is some",
    )


def _read_back(file: IO[bytes], start: int, size: int) -> Callable[[], Iterator[bytes]]:
    def read() -> Iterator[bytes]:
        file.seek(start)
        left = size
        while left and (block := file.read(min(_BLOCK, left))):
            left -= len(block)
            yield block

    return read

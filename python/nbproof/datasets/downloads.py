"""A version as one file for whoever is elsewhere."""

from __future__ import annotations

import json
import struct
import tempfile
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from io import BufferedReader, BytesIO
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Literal, cast

from nbproof.core.errors import Unavailable
from nbproof.core.generated import Generated
from nbproof.core.operation import Download

if TYPE_CHECKING:
    import pyarrow as pa

    from nbproof.datasets.handle import DatasetHandle
    from nbproof.storage.content.store import ContentStore

__all__ = [
    "TABLE_MEDIA_TYPES",
    "download_of",
    "exactly",
    "objects_of",
    "profile_of",
    "read_objects",
    "write_parquet",
]

TABLE_MEDIA_TYPES = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
}
_BLOCK = 1 << 20
_GROUP_ROWS = 1 << 20
_GROUP_BYTES = 128 << 20


_LENGTH = struct.Struct(">Q")


def download_of(
    handle: DatasetHandle,
    format: Literal["parquet", "csv", "arrow"] | None,
    columns: Sequence[str] | None,
    limit: int | None = None,
) -> Download:
    """The file itself, a zip of the folder, or rows in a format: of a table, or of files where asked for."""
    rows = handle.kind == "table" or format is not None or columns is not None or limit is not None
    if handle.kind == "file" and not rows:
        stream = handle.open()
        return Download(None, handle.file_name, hash=handle.content_hash, stream=cast(IO[bytes], stream))
    made = cast(IO[bytes], tempfile.TemporaryFile(prefix="nbproof-"))  # noqa: SIM115 - who reads it closes it
    try:
        if not rows:
            name, media_type = f"{handle.file_name}.zip", "application/zip"
            _zip(handle, made)
        else:
            format = format or "parquet"
            stem = handle.file_name if handle.kind == "folder" else PurePath(handle.file_name).stem
            name, media_type = f"{stem}.{format}", TABLE_MEDIA_TYPES[format]
            _write(handle, made, format, columns, limit)
        made.seek(0)
    except BaseException:
        made.close()
        raise
    return Download(None, name, media_type, stream=made)


def objects_of(
    content: ContentStore,
    places: Sequence[str],
    elsewhere: Mapping[str, tuple[int, Callable[[], BinaryIO]]],
) -> Download:
    """Objects one after the other, each with its length before it: 8 bytes, big-endian.

    Parameters
    ----------
    elsewhere : mapping
        Of those that are not in the store: their length, and what opens them.
    """

    def pieces() -> Generator[bytes, None, None]:
        for place in places:
            if place in elsewhere:
                size, opened = elsewhere[place]
                yield _LENGTH.pack(size)
                with opened() as stream:
                    while block := stream.read(_BLOCK):
                        yield block
                continue
            yield _LENGTH.pack(content.size_bytes(place))
            for piece in content.stream(place):
                yield bytes(piece)

    return Download(None, "objects", stream=BufferedReader(Generated(pieces()), _BLOCK))


def read_objects(stream: IO[bytes], count: int) -> Iterator[tuple[int, IO[bytes]]]:
    """What `objects_of` sent: the length of each, and a stream to read so much from."""
    for _ in range(count):
        yield _LENGTH.unpack(exactly(stream, _LENGTH.size))[0], stream


def exactly(stream: IO[bytes], size: int) -> bytes:
    """So many bytes; `Unavailable` where there are fewer."""
    content = stream.read(size)
    if len(content) != size:
        raise Unavailable("the answer of the server was cut off", hint="the connection broke; ask again")
    return content


def profile_of(handle: DatasetHandle) -> Download:
    """The profiles of a version's columns as JSON."""
    told = json.dumps([each.to_json() for each in handle.profile], separators=(",", ":"))
    return Download(None, "profile.json", "application/json", stream=BytesIO(told.encode()))


def _zip(handle: DatasetHandle, made: IO[bytes]) -> None:
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=1) as archive:
        for folder in handle.folders():
            archive.mkdir(folder)
        for path, _ in handle.files():
            with handle.open(path) as source, archive.open(path, "w", force_zip64=True) as target:
                while piece := source.read(_BLOCK):
                    target.write(piece)


def _write(
    handle: DatasetHandle, made: IO[bytes], format: str, columns: Sequence[str] | None, limit: int | None
) -> None:
    import pyarrow as pa

    schema, batches = handle.batches(columns)
    if limit is not None:
        batches = _first(batches, limit)
    if format == "parquet":
        write_parquet(schema, batches, made)
    elif format == "csv":
        import pyarrow.csv

        with pyarrow.csv.CSVWriter(made, schema) as lines:
            for batch in batches:
                lines.write_batch(batch)
    else:
        with pa.ipc.new_stream(made, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)


def write_parquet(schema: pa.Schema, batches: Iterable[pa.RecordBatch], target: Any) -> None:
    """Write rows as a Parquet file: hardly more than a group of them is in memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        group: list[pa.RecordBatch] = []
        rows = size = 0
        for batch in batches:
            group.append(batch)
            rows, size = rows + len(batch), size + batch.nbytes
            if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(group, schema))
                group, rows, size = [], 0, 0
        if group:
            writer.write_table(pa.Table.from_batches(group, schema))


def _first(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if rows <= 0:
            return
        yield batch.slice(0, rows)
        rows -= len(batch)

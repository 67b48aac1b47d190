"""A version as one file for whoever is elsewhere."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Literal, cast

from nbproof.core.operation import Download

if TYPE_CHECKING:
    from nbproof.datasets.handle import DatasetHandle

__all__ = ["TABLE_MEDIA_TYPES", "download_of"]

TABLE_MEDIA_TYPES = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
}
_BLOCK = 1 << 20


def download_of(
    handle: DatasetHandle, format: Literal["parquet", "csv", "arrow"], columns: Sequence[str] | None
) -> Download:
    """The file itself, a zip of the folder, or the table in a format."""
    if handle.kind == "file":
        stream = handle.open()
        return Download(None, handle.file_name, hash=handle.content_hash, stream=cast(IO[bytes], stream))
    made = cast(IO[bytes], tempfile.TemporaryFile(prefix="nbproof-"))  # noqa: SIM115 - who reads it closes it
    try:
        if handle.kind == "folder":
            name, media_type = f"{handle.file_name}.zip", "application/zip"
            _zip(handle, made)
        else:
            name = f"{handle.file_name.removesuffix('.parquet')}.{format}"
            media_type = TABLE_MEDIA_TYPES[format]
            _write(handle, made, format, columns)
        made.seek(0)
    except BaseException:
        made.close()
        raise
    return Download(None, name, media_type, stream=made)


def _zip(handle: DatasetHandle, made: IO[bytes]) -> None:
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=1) as archive:
        for folder in handle.folders():
            archive.mkdir(folder)
        for path, _ in handle.files():
            with handle.open(path) as source, archive.open(path, "w", force_zip64=True) as target:
                while piece := source.read(_BLOCK):
                    target.write(piece)


def _write(handle: DatasetHandle, made: IO[bytes], format: str, columns: Sequence[str] | None) -> None:
    import pyarrow as pa

    table = handle.to_arrow(columns)
    if format == "parquet":
        import pyarrow.parquet as pq

        pq.write_table(table, made, compression="zstd")
    elif format == "csv":
        import pyarrow.csv

        pyarrow.csv.write_csv(table, made)
    else:
        with pa.ipc.new_stream(made, table.schema) as writer:
            writer.write_table(table)

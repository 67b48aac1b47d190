"""Files as tables: CSV, Parquet, JSON lines, Feather, and folders of such files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from nbproof.core.errors import Invalid
from nbproof.datasets.frames import in_little_memory
from nbproof.stats.profile import ColumnProfile, merge, profile_column

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["RowFiles", "profiles_of", "row_files"]

_SUFFIXES = {
    ".parquet": "parquet", ".csv": "csv", ".tsv": "tsv", ".jsonl": "json", ".ndjson": "json",
    ".feather": "feather", ".arrow": "ipc",
}  # fmt: skip
_START = 4096
_WORDS = {"json": "JSON lines", "ipc": "Arrow", "csv": "CSV", "tsv": "TSV", "parquet": "Parquet"}


@dataclass(frozen=True, slots=True)
class RowFiles:
    """Files of rows, all of one format.

    Attributes
    ----------
    paths : list of str
        In the order of their names.
    kind : str
    filesystem : object
        Where they are, if not on this machine; as fsspec has them.
    """

    paths: list[str]
    kind: str
    filesystem: Any = None

    def dataset(self, name: str) -> Any:
        """As an Arrow dataset; `Invalid` for what can't be read, with the name of the version."""
        import pyarrow.dataset as ds

        try:
            return ds.dataset(self.paths, format=_format(self.kind), filesystem=self.filesystem)
        except (OSError, ValueError) as error:
            raise self.unreadable(name, error) from error

    def batches(self, name: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Their rows, a few at a time."""
        try:
            yield from in_little_memory(self.dataset(name), columns)
        except (OSError, ValueError) as error:
            raise self.unreadable(name, error) from error

    def unreadable(self, name: str, error: Exception) -> Invalid:
        """The error of what says that it is a table, and is none."""
        told = _WORDS.get(self.kind, self.kind)
        # Arrow tells first what it tried, with paths of ours; the cause comes last, in one sentence or two.
        cause = re.split(r"input source '.*?': |CSV parse error: ", str(error))[-1].strip()
        return Invalid(
            f"{name} can't be read as {told}: {cause}",
            hint="its bytes are kept and come back as they are; mend the file and register it again",
            details={"field": "source"},
        )


def row_files(
    files: Sequence[tuple[str, str]], *, folder: bool, opened: Any = None, filesystem: Any = None
) -> RowFiles | None:
    """The files of a version as a table; None where they are none.

    Parameters
    ----------
    files : sequence of (str, str)
        Path within the folder, or the file's name, and where to read it.
    folder : bool
        Of a folder all files have to say by their suffix that they are of one format; those that begin with a
        dot or an underscore are left out.
    opened : callable, optional
        Opens a file, to see how it begins, where its name says nothing; by default `open`.
    """
    if folder:
        shown = [(name, place) for name, place in files if not _is_hidden(name)]
        kinds = {_SUFFIXES.get(PurePosixPath(name).suffix.lower()) for name, _ in shown}
        kind = kinds.pop() if len(kinds) == 1 else None
        return None if kind is None else RowFiles([place for _, place in sorted(shown)], kind, filesystem)
    ((name, place),) = files
    kind = _SUFFIXES.get(PurePosixPath(name).suffix.lower())
    if kind is None:
        with (opened or _open)(place) as file:
            kind = _kind_of_start(file.read(_START), PurePosixPath(name).suffix)
    return None if kind is None else RowFiles([place], kind, filesystem)


def profiles_of(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> tuple[int, list[ColumnProfile]]:
    """How many rows there are, and the profile of each column; hardly more than a slab is in memory."""
    from nbproof.storage.content.columns import Slabs
    from nbproof.storage.content.writing import pool

    found: dict[str, list[ColumnProfile]] = {name: [] for name in schema.names}
    rows = 0
    for slab in Slabs(batches, schema, []):
        rows += len(slab)
        made = [
            pool().submit(profile_column, name, column)
            for name, column in zip(slab.column_names, slab.columns, strict=True)
        ]
        for name, each in zip(slab.column_names, made, strict=True):
            found[name].append(each.result())
    return rows, [merge(each) for each in found.values()]


def _is_hidden(path: str) -> bool:
    return any(part.startswith((".", "_")) for part in PurePosixPath(path).parts)


def _open(place: str) -> IO[bytes]:
    return Path(place).open("rb")


def _kind_of_start(start: bytes, suffix: str) -> str | None:
    """The format of a file whose name says nothing: by how it begins."""
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"ARROW1"):
        return "ipc"
    lines = start.split(b"\n")
    same = len(lines) > 1 and lines[0].count(b",") > 0 and b"\0" not in start
    return "csv" if same and not suffix and lines[0].count(b",") == lines[1].count(b",") else None


def _format(kind: str) -> Any:
    """How to read a format; nothing between two commas is a missing text, as pandas and DuckDB have it."""
    if kind not in ("csv", "tsv"):
        return kind
    import pyarrow.csv
    import pyarrow.dataset as ds

    return ds.CsvFileFormat(
        pyarrow.csv.ParseOptions(delimiter="\t" if kind == "tsv" else ","),
        convert_options=pyarrow.csv.ConvertOptions(
            strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )

"""Files as tables: CSV, Parquet, JSON lines, Feather, and folders of such files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

from nbproof.core.errors import Invalid
from nbproof.datasets.frames import in_little_memory
from nbproof.datasets.text_types import NotText, check_text, csv_format, csv_schema, json_batches, json_schema
from nbproof.stats.profile import ColumnProfile, merge, profile_column
from nbproof.storage.content.writing import pool

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["RowFiles", "profiles_of", "row_files"]

_SUFFIXES = {
    ".parquet": "parquet", ".csv": "csv", ".tsv": "tsv", ".jsonl": "json", ".ndjson": "json",
    ".feather": "feather", ".arrow": "ipc",
}  # fmt: skip
_DELIMITED = ("csv", "tsv")
_START = 4096
_LOOKED_AT = 256
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

    def look(self, name: str) -> None:
        """Raise `Invalid` where they can't be read, as far as their beginnings tell."""
        shown = self.paths[:_LOOKED_AT]
        with self._telling(name):
            if self.kind == "json":
                json_schema(map(self._opened, shown), start_only=True)
                return
            for schema in pool().map(lambda path: self._guess([path]), shown):
                check_text(schema, of_csv=self.kind in _DELIMITED)

    def schema(self, name: str) -> pa.Schema:
        """Their columns, of types that all rows fit; `Invalid`, with the version's name, for no table."""
        with self._telling(name):
            if self.kind == "json":
                return json_schema(map(self._opened, self.paths))
            guess = self._guess(self.paths)
            return csv_schema(self._dataset, guess) if self.kind in _DELIMITED else guess

    def batches(
        self, name: str, schema: pa.Schema, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Their rows, a few at a time, in the types of a schema."""
        import pyarrow as pa

        with self._telling(name):
            if self.kind != "json":
                yield from in_little_memory(self._dataset(schema), columns)
                return
            if columns is not None:
                schema = pa.schema([schema.field(name) for name in columns])
            yield from json_batches(map(self._opened, self.paths), schema)

    def _guess(self, paths: list[str]) -> pa.Schema:
        """What Arrow finds; of text it is a guess by how the first begins."""
        import pyarrow.dataset as ds

        return ds.dataset(paths, format=self._format, filesystem=self.filesystem).schema

    def _dataset(self, schema: pa.Schema) -> Any:
        import pyarrow.dataset as ds

        return ds.dataset(self.paths, schema, format=self._format, filesystem=self.filesystem)

    @property
    def _format(self) -> Any:
        return csv_format("\t" if self.kind == "tsv" else ",") if self.kind in _DELIMITED else self.kind

    def _opened(self, path: str) -> IO[bytes]:
        if self.filesystem is None:
            return _open(path)
        return cast("IO[bytes]", self.filesystem.open(path, "rb"))

    @contextmanager
    def _telling(self, name: str) -> Iterator[None]:
        """What goes wrong in a library is told in our words."""
        import pyarrow as pa

        try:
            yield
        except (OSError, ValueError, pa.ArrowException) as error:
            raise self.unreadable(name, error) from error

    def unreadable(self, name: str, error: Exception) -> Invalid:
        """The error of what says that it is a table, and is none."""
        told = _WORDS.get(self.kind, self.kind)
        if isinstance(error, NotText):
            cause, mending = "not UTF-8", "convert it to UTF-8"
        else:
            # Arrow tells first what it tried, with paths of ours; the cause comes last, in a sentence or two.
            told_first = r"input source '.*?': (?:Invalid: )?|(?:CSV|JSON) parse error: "
            cause = re.split(told_first, str(error))[-1].strip()
            mending = "mend the file"
        return Invalid(
            f"{name} can't be read as {told}: {cause}",
            hint=f"{mending} and register it again; as a file it comes back byte for byte",
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

"""Which types the columns of text have: of CSV and JSON lines, so that every row fits.

Arrow guesses by how a file begins.  A column keeps its guess as long as all of its values fit; else it gets
the nearest type that holds them all: integers beside fractions are floats, of CSV everything is text if it
has to be.  Of the rows no more than a few blocks are in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from nbproof.datasets.frames import in_little_memory

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["NotText", "check_text", "csv_format", "csv_schema", "json_batches", "json_schema"]

_LINES = 4 << 20


class NotText(ValueError):
    """Text that is in another encoding than UTF-8."""


# -- CSV ---------------------------------------------------------------------------------------------------


def csv_format(delimiter: str) -> Any:
    """How CSV is read; nothing between two commas is a missing text, as pandas and DuckDB have it."""
    import pyarrow.csv
    import pyarrow.dataset as ds

    return ds.CsvFileFormat(
        # Without it a text of several lines is an error wherever a block ends inside.
        pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=_converting(),
    )


def csv_schema(read: Callable[[pa.Schema], Any], guess: pa.Schema) -> pa.Schema:
    """The columns of CSV.

    Parameters
    ----------
    read : callable
        Gives the files as an Arrow dataset of a schema.
    guess : pyarrow.Schema
        Arrow's.

    Raises
    ------
    NotText
        It is not UTF-8.
    ArrowInvalid
        It is no CSV.
    """
    import pyarrow as pa

    check_text(guess, of_csv=True)
    if _fits(read(guess)):
        return guess
    types = list(guess.types)
    text = pa.schema([(name, pa.string()) for name in guess.names])
    for batch in _of_utf8(in_little_memory(read(text))):
        for place, column in enumerate(batch.columns):
            if types[place] != pa.string() and not _holds(types[place], column):
                types[place] = _joined(types[place], _guessed(column), is_text=True)
    found = pa.schema(zip(guess.names, types, strict=True))
    if _fits(read(found)):
        return found
    # A value of before may not be of the wider type all the same: a number in hex is no float.
    wide = [kind if kind == before else pa.string() for kind, before in zip(types, guess.types, strict=True)]
    return pa.schema(zip(guess.names, wide, strict=True))


def _fits(dataset: Any) -> bool:
    """Whether all rows can be read so."""
    import pyarrow as pa

    try:
        for _ in in_little_memory(dataset):
            pass
    except pa.ArrowInvalid:
        return False
    return True


def _of_utf8(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    try:
        yield from batches
    except pa.ArrowInvalid as error:
        if "invalid UTF8" in str(error):
            raise NotText from error
        raise


def _holds(kind: pa.DataType, column: pa.Array) -> bool:
    import pyarrow as pa

    try:
        _read_again(column, kind)
    except pa.ArrowInvalid:
        return False
    return True


def _guessed(column: pa.Array) -> pa.DataType:
    return _read_again(column, None).schema.field(0).type


def _read_again(column: pa.Array, kind: pa.DataType | None) -> pa.Table:
    """Texts as CSV has them, read as a type or as Arrow guesses: nobody else reads them in the same way."""
    import pyarrow as pa
    import pyarrow.csv

    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(pa.table({"": column}), sink)
    content = sink.getvalue()
    return pyarrow.csv.read_csv(
        pa.BufferReader(content),
        pyarrow.csv.ReadOptions(use_threads=False, block_size=content.size + 1),
        # A missing text alone in its line leaves an empty one.
        pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        _converting({} if kind is None else {"": kind}),
    )


def _converting(types: dict[str, pa.DataType] | None = None) -> Any:
    import pyarrow.csv

    return pyarrow.csv.ConvertOptions(
        column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False
    )


# -- JSON lines --------------------------------------------------------------------------------------------


def json_schema(files: Iterable[IO[bytes]], *, start_only: bool = False) -> pa.Schema:
    """The columns of JSON lines, in the order in which they first come; the files are closed.

    Parameters
    ----------
    files : iterable of binary files
    start_only : bool
        Look at how each begins only.

    Raises
    ------
    NotText
        It is not UTF-8.
    ArrowInvalid
        It is no JSON, or a column has values that no type holds.
    """
    import pyarrow as pa

    whole = pa.struct([])
    for file in files:
        with file:
            for lines in islice(_lines(file), 1 if start_only else None):
                table = _read_json(lines)
                check_text(table.schema, of_csv=False)
                try:
                    table.validate(full=True)
                except pa.ArrowInvalid as error:
                    raise NotText from error
                whole = _joined(whole, pa.struct(list(table.schema)), is_text=False)
    return pa.schema(list(whole))


def json_batches(files: Iterable[IO[bytes]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Rows of JSON lines; what a row has not of the schema is missing there.  The files are closed."""
    # A dataset of Arrow leaves out what the beginning of a file has not.
    for file in files:
        with file:
            for lines in _lines(file):
                yield from _read_json(lines, schema).to_batches()


def _read_json(lines: bytes, schema: pa.Schema | None = None) -> pa.Table:
    import pyarrow.json

    return pyarrow.json.read_json(
        BytesIO(lines),
        pyarrow.json.ReadOptions(block_size=len(lines) + 1),
        pyarrow.json.ParseOptions(
            explicit_schema=schema, unexpected_field_behavior="infer" if schema is None else "ignore"
        ),
    )


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """A few MB of whole lines after the other."""
    rest = b""
    while block := file.read(_LINES):
        whole, newline, rest_of_it = block.rpartition(b"\n")
        if newline:
            yield rest + whole + newline
            rest = rest_of_it
        else:
            rest += block
    if rest.strip():
        yield rest


# -- both --------------------------------------------------------------------------------------------------


def _joined(one: pa.DataType, other: pa.DataType, *, is_text: bool, name: str = "") -> pa.DataType:
    """The nearest type that holds the values of two."""
    import pyarrow as pa
    import pyarrow.types as t

    if one == other or t.is_null(other):
        return one
    if t.is_null(one):
        return other
    for family in ([pa.int64(), pa.float64()], [pa.date32(), pa.timestamp("s"), pa.timestamp("ns")]):
        if one in family and other in family:
            return max(one, other, key=family.index)
    if t.is_struct(one) and t.is_struct(other):
        fields = {each.name: each for each in one}
        for each in other:
            if before := fields.get(each.name):
                called = f"{name}.{each.name}" if name else each.name
                kind = _joined(before.type, each.type, is_text=is_text, name=called)
                fields[each.name] = before.with_type(kind)
            else:
                fields[each.name] = each
        return pa.struct(list(fields.values()))
    if t.is_list(one) and t.is_list(other):
        return pa.list_(_joined(one.value_type, other.value_type, is_text=is_text, name=name))
    if is_text or all(t.is_string(each) or t.is_temporal(each) for each in (one, other)):
        return pa.string()
    raise pa.ArrowInvalid(f"{name!r} is {one} in some rows and {other} in others")


def check_text(fields: Iterable[pa.Field], *, of_csv: bool) -> None:
    """Raise `NotText` where names are not UTF-8, or values of CSV: they are bytes to Arrow, found early."""
    import pyarrow as pa

    for each in fields:
        try:
            each.name.encode()
        except UnicodeDecodeError as error:
            raise NotText from error
        if of_csv and pa.types.is_binary(each.type):
            raise NotText
        if pa.types.is_struct(each.type):
            check_text(each.type, of_csv=of_csv)

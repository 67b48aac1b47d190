"""Tables in the content store: a Parquet file for each column and slab, so written that little changes.

A slab is a stretch of about half a million rows.  Where it ends is chosen by the content of the rows: after
rows were inserted or appended, the slabs that follow are the same as before, are recognised by their
fingerprints and not even encoded.  Pages are cut by content too, and not compressed, because chunks are.  A
dictionary has its values in the order in which they come, so that rows at the end move none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nbproof.storage.content.codec import compress

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "SLAB_ROWS",
    "Slabs",
    "bytes_of",
    "coded_in",
    "cutting_columns",
    "decoded",
    "encoded",
    "fingerprint",
    "one_array",
]

SLAB_ROWS = 1 << 19  # few: when rows are appended, the last slab is encoded anew
_LEAST, _MOST = SLAB_ROWS * 3 // 4, SLAB_ROWS * 5 // 4
_MOST_BYTES = 512 << 20
_BATCH_ROWS = 1 << 16  # in what steps a slab grows, whatever batches come
_CUTTING = 4
_FED_ROWS = 1 << 15
_LONG = 255  # bytes, from which on a byte does not tell a length
_DICTIONARY_BYTES = 1 << 30  # whoever asks for a dictionary gets a whole one
_SAMPLE_ROWS = 8192
_STEP_ROWS = 1024
_NAME = "column"  # whatever it is called in a table: equal content has an equal file
_PAGES = {"min_chunk_size": 32 << 10, "max_chunk_size": 128 << 10, "norm_level": 0}
_MIX = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio: spreads what differs in a few bits


def cutting_columns(schema: pa.Schema, before: Sequence[str] = ()) -> list[str]:
    """The columns whose values choose where slabs end.

    Parameters
    ----------
    schema : pyarrow.Schema
    before : sequence of str
        Those of the version before: kept as far as they are still here, so that a column more or less moves
        no slab.
    """
    import pyarrow as pa

    def fit(kind: pa.DataType) -> bool:
        plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_temporal(kind)
        return plain and kind.bit_width in (32, 64)

    here = {field.name for field in schema if fit(field.type)}
    kept = [name for name in before if name in here]
    return kept or [field.name for field in schema if field.name in here][:_CUTTING]


class Slabs:
    """The rows of a table in slabs, at least one; iterated once.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Read as they are needed: hardly more than a slab's rows are in memory.
    schema : pyarrow.Schema
    by : sequence of str
        What `cutting_columns` gave.
    before : sequence of int
        `cuts` of the version before: a slab ends there again where it can.
    lengths_before : sequence of int
        How many rows the slabs of that had: where it can be, their ends are not looked for.

    Attributes
    ----------
    cuts : list of int
        Hashes of the rows at which slabs began, but for the first.
    """

    def __init__(
        self,
        batches: Iterable[pa.RecordBatch],
        schema: pa.Schema,
        by: Sequence[str],
        before: Sequence[int] = (),
        lengths_before: Sequence[int] = (),
    ) -> None:
        self._batches = batches
        self._schema = schema
        self._by = by
        self._before = before
        self._lengths_before = lengths_before
        self.cuts: list[int] = []

    def __iter__(self) -> Iterator[pa.Table]:
        import pyarrow as pa

        if not len(self._schema):
            # How many rows there are is all there is, and Arrow cuts no such table.
            yield pa.Table.from_batches(list(self._batches), self._schema)
            return
        waiting: list[pa.RecordBatch] = []
        rows = size = 0
        for batch in self._batches:
            waiting.append(batch)
            rows, size = rows + len(batch), size + bytes_of(batch)
            while rows >= _MOST or size >= _MOST_BYTES:
                whole = pa.Table.from_batches(waiting, self._schema)
                within = _rows_within(whole, size)
                if within == rows and within % _BATCH_ROWS:
                    break  # where a slab ends must not depend on the batches in which its rows come
                length = self._length(whole.slice(0, within))
                yield whole.slice(0, length)
                rest = whole.slice(length)
                waiting, rows, size = rest.to_batches(), len(rest), bytes_of(rest)
        yield pa.Table.from_batches(waiting, self._schema)

    def _length(self, table: pa.Table) -> int:
        """How many of these rows make the first slab: up to the row with the least hash in the later part."""
        import numpy as np

        most = len(table)
        least = most * _LEAST // _MOST
        if not self._by or least == most:
            return max(least, 1)
        number = len(self.cuts)
        if number < min(len(self._before), len(self._lengths_before)):
            length = self._lengths_before[number]
            if (
                least < length < most
                and _row_hashes(table.slice(length, 1), self._by)[0] == self._before[number]
            ):
                self.cuts.append(self._before[number])
                return length
        hashes = _row_hashes(table.slice(least), self._by)
        again = np.isin(hashes, np.array(self._before, np.uint64)) if self._before else np.zeros(1, bool)
        place = int(again.argmax()) if again.any() else int(hashes.argmin())
        self.cuts.append(int(hashes[place]))
        return max(least + place, 1)


def fingerprint(column: pa.ChunkedArray) -> bytes:
    """BLAKE3-256 over type and values: equal only for columns that are equal.

    Equal columns nearly always have equal ones, in whatever chunks they come; what differs is at most what
    lies under missing values, and the order of a dictionary.
    """
    import blake3

    valid, lengths, long, values = parts = [blake3.blake3() for _ in range(4)]
    kind = column.type
    if _is_fixed(kind) or _is_text(kind) or _is_boolean(kind):
        for chunk in column.chunks:
            if not len(chunk):
                continue
            if column.null_count:
                valid.update(_flags(chunk, 0))
            if _is_boolean(kind):
                values.update(_flags(chunk, 1))
            elif _is_fixed(kind):
                width = kind.bit_width // 8
                start, end = chunk.offset * width, (chunk.offset + len(chunk)) * width
                values.update(memoryview(chunk.buffers()[1]).cast("B")[start:end])
            else:
                _feed_texts(chunk, lengths, long, values)
    else:
        values.update(memoryview(_serialized(column)).cast("B"))
    told = f"3 {kind} {len(column)} {column.null_count}".encode()
    return blake3.blake3(told + b"".join(each.digest() for each in parts)).digest()


def encoded(array: pa.Array, *, repeats: bool = False) -> pa.Buffer:
    """A column of a slab as a Parquet file, or where Parquet would change its type as an Arrow file.

    Parameters
    ----------
    array : pyarrow.Array
        What `one_array` gave.
    repeats : bool
        Whether there are few different values: then they are kept once each.
    """
    import pyarrow as pa

    if _in_parquet(array.type):
        repeats = repeats or pa.types.is_dictionary(array.type)
        sink = pa.BufferOutputStream()
        # Parquet refuses a dictionary that has a null among its values, which its type does not tell.
        with suppress(pa.ArrowNotImplementedError):
            _write(array, sink, repeats=repeats, steps=not repeats and _in_steps(array))
            return sink.getvalue()
    sink = pa.BufferOutputStream()
    table = pa.table({_NAME: array})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def coded_in(content: pa.Buffer) -> pa.DictionaryArray:
    """The dictionary that `encoded` made of texts, which nobody needs to make again."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=[_NAME], pre_buffer=False)
    return one_array(file.read(use_threads=False).column(0))


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """A column of a slab in one piece; of more than 2 GiB of texts as large ones."""
    import pyarrow as pa

    if column.num_chunks == 1:
        return column.chunk(0)
    kind = column.type
    if pa.types.is_dictionary(kind):
        if not column.num_chunks:  # of which older releases make no array
            none = pa.array([], kind.index_type), pa.array([], kind.value_type)
            return pa.DictionaryArray.from_arrays(*none, ordered=kind.ordered)
        return column.unify_dictionaries().combine_chunks()
    try:
        return column.combine_chunks()
    except pa.ArrowInvalid:
        # More text than offsets of 32 bits reach: the fewer the rows, the longer they may be.
        if (wide := _wide(kind)) == kind:
            raise
        return column.cast(wide).combine_chunks()


def decoded(content: Any, kind: pa.DataType) -> pa.ChunkedArray:
    """What `encoded` was given, of its type.

    Parameters
    ----------
    content : bytes-like
    kind : pyarrow.DataType
        The column's type.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = pa.py_buffer(content)
    if bytes(source[:6]) == b"ARROW1":
        column = pa.ipc.open_file(source).read_all().column(0)
    else:
        # Not `read_table`: of a small file most of its time goes into what it could do besides.
        file = pq.ParquetFile(pa.BufferReader(source), pre_buffer=False)
        if _is_text(kind) and file.schema_arrow.field(0).type != kind:
            # Large for want of room: in steps, so that it is not in memory twice.
            steps = file.iter_batches(_STEP_ROWS, use_threads=False)
            return pa.chunked_array(
                [part for each in steps for part in _narrow(each.column(0), kind)], type=kind
            )
        column = _read(source, file) if _is_text(kind) else file.read(use_threads=False).column(0)
    # With the names of items, which Parquet calls its own way, and which count as metadata.
    if column.type.equals(kind, check_metadata=True):
        return column
    return pa.chunked_array([part for chunk in column.chunks for part in _narrow(chunk, kind)], type=kind)


def _read(source: pa.Buffer, file: Any) -> pa.ChunkedArray:
    """The texts of a Parquet file; of one with a dictionary put together from that, which is faster."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    groups = file.metadata
    if not groups.num_row_groups or not groups.row_group(0).column(0).has_dictionary_page:
        return file.read(use_threads=False).column(0)
    file = pq.ParquetFile(pa.BufferReader(source), read_dictionary=[_NAME], pre_buffer=False)
    parts = [pc.take(each.dictionary, each.indices) for each in file.read(use_threads=False).column(0).chunks]
    return pa.chunked_array(parts, None if parts else file.schema_arrow.field(0).type.value_type)


# -- inside ------------------------------------------------------------------------------------------------


def bytes_of(table: pa.Table | pa.RecordBatch) -> int:
    """About how many bytes the values take."""
    import pyarrow as pa

    try:
        found: int = table.nbytes
    except pa.ArrowTypeError:  # of views, in older releases
        found = table.get_total_buffer_size()
    return found


def _rows_within(table: pa.Table, size_bytes: int) -> int:
    """How many rows to choose the end of a slab from, in the steps in which batches would bring them."""
    if size_bytes < _MOST_BYTES:
        return min(len(table), _MOST)
    rows = size = 0
    while rows < min(len(table), _MOST) and size < _MOST_BYTES:
        step = table.slice(rows, _BATCH_ROWS)
        rows, size = rows + len(step), size + bytes_of(step)
    return min(rows, _MOST)


def _row_hashes(table: pa.Table, by: Sequence[str]) -> Any:
    import numpy as np

    hashes = np.zeros(len(table), np.uint64)
    for name in by:
        array = one_array(table.column(name))
        width = array.type.bit_width // 8
        data = array.buffers()[1]
        values = np.frombuffer(data, np.uint8)[array.offset * width : (array.offset + len(array)) * width]
        bits = values.view(np.uint64 if width == 8 else np.uint32).astype(np.uint64)
        hashes = (hashes ^ bits) * np.uint64(_MIX)
        hashes ^= hashes >> np.uint64(29)
    return hashes * np.uint64(_MIX)


def _flags(array: pa.Array, buffer: int) -> memoryview:
    """A byte for each bit of a buffer of an array: whether it has a value, or its booleans."""
    import numpy as np

    data = array.buffers()[buffer]
    if data is None:  # nothing is missing here, but elsewhere in the column
        return np.ones(len(array), np.uint8).data
    start = array.offset // 8
    bits = np.frombuffer(data, np.uint8)[start : (array.offset + len(array) + 7) // 8]
    first = array.offset - start * 8
    return np.unpackbits(bits, bitorder="little")[first : first + len(array)].data


def _feed_texts(array: pa.Array, lengths: Any, long: Any, values: Any) -> None:
    """Texts, and how long each is: in a byte, which is 255 where the length stands with the long ones."""
    import numpy as np
    import pyarrow as pa

    large = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    _, offsets, data = array.buffers()
    places = np.frombuffer(offsets, np.int64 if large else np.int32)
    places = places[array.offset : array.offset + len(array) + 1]
    for row in range(0, len(array), _FED_ROWS):
        few = np.diff(places[row : row + _FED_ROWS + 1])
        if few.max() >= _LONG:
            long.update(few[few >= _LONG].astype(np.int64).data.cast("B"))
            few = np.minimum(few, _LONG)
        lengths.update(few.astype(np.uint8).data)
    if data is not None:
        values.update(memoryview(data).cast("B")[places[0] : places[-1]])


def _serialized(column: pa.ChunkedArray) -> pa.Buffer:
    """What has no buffers of one kind, as the bytes in which Arrow would send it."""
    import pyarrow as pa

    if pa.types.is_string_view(column.type) or pa.types.is_binary_view(column.type):
        # How its values share buffers says nothing about them.
        column = column.cast(pa.large_binary())
    array = one_array(column)
    if pa.types.is_dictionary(array.type):
        parts = [array.indices, array.dictionary]
        batches = [pa.record_batch([each], names=["part"]).serialize() for each in parts]
        return pa.py_buffer(b"".join(memoryview(each) for each in batches))
    return pa.record_batch([array], names=["column"]).serialize()


def _is_boolean(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_boolean(kind))


def _is_fixed(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or (pa.types.is_temporal(kind) and not pa.types.is_interval(kind))
        or pa.types.is_decimal(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def _in_parquet(kind: pa.DataType) -> bool:
    """Whether Parquet, with the Arrow schema in its metadata, gives back the type that it was given."""
    import pyarrow as pa

    types = pa.types
    if types.is_list(kind) or types.is_large_list(kind):
        return _in_parquet(kind.value_type)
    if types.is_struct(kind):
        return kind.num_fields > 0 and all(_in_parquet(field.type) for field in kind)
    if types.is_dictionary(kind):
        return types.is_string(kind.value_type) and not kind.ordered
    return (
        types.is_boolean(kind)
        or types.is_integer(kind)
        or types.is_float32(kind)
        or types.is_float64(kind)
        or types.is_date32(kind)
        or (types.is_decimal128(kind) and 0 <= kind.scale <= kind.precision)
        or (types.is_timestamp(kind) and kind.unit in ("ms", "us", "ns"))
        or (types.is_time(kind) and kind.unit in ("ms", "us", "ns"))
        or types.is_duration(kind)
        or (_is_text(kind))
    )


def _in_steps(array: pa.Array) -> bool:
    """Whether integers take less room as differences from one to the next: tried with some of them."""
    import pyarrow as pa

    whole = pa.types.is_integer(array.type) or pa.types.is_temporal(array.type)
    if not whole or len(array) < _SAMPLE_ROWS:
        return False
    sample = array.slice(len(array) // 2, _SAMPLE_ROWS)
    sizes = []
    for steps in (False, True):
        sink = pa.BufferOutputStream()
        _write(sample, sink, repeats=False, steps=steps)
        sizes.append(len(compress(memoryview(sink.getvalue()))))
    return sizes[1] < sizes[0]


def _write(array: pa.Array, sink: Any, *, repeats: bool, steps: bool) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({_NAME: array}),
        sink,
        compression="NONE",
        use_dictionary=repeats,
        dictionary_pagesize_limit=_DICTIONARY_BYTES,
        column_encoding={_NAME: "DELTA_BINARY_PACKED"} if steps else None,
        write_statistics=False,
        row_group_size=max(len(array), 1),
        data_page_version="1.0",
        use_content_defined_chunking=_PAGES,
    )


def _wide(kind: pa.DataType) -> pa.DataType:
    """The type with offsets of 64 bits."""
    import pyarrow as pa

    types = pa.types
    if types.is_string(kind):
        return pa.large_string()
    if types.is_binary(kind):
        return pa.large_binary()
    if types.is_list(kind):
        return pa.large_list(kind.value_field.with_type(_wide(kind.value_type)))
    if types.is_struct(kind):
        return pa.struct([field.with_type(_wide(field.type)) for field in kind])
    return kind


def _narrow(array: pa.Array, kind: pa.DataType) -> list[pa.Array]:
    """An array as its column's type has it, in as many parts as that takes."""
    import pyarrow as pa

    try:
        return [_cast(array, kind)]
    except pa.ArrowInvalid:
        if len(array) < 2:
            raise
    middle = len(array) // 2
    # A slice keeps the offsets of the whole; put together with another one they begin with zero.
    halves = (
        pa.concat_arrays([half, half.slice(0, 0)]) for half in (array.slice(0, middle), array.slice(middle))
    )
    return [part for half in halves for part in _narrow(half, kind)]


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_dictionary(array.type) and not pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
    return array if array.type.equals(kind, check_metadata=True) else array.cast(kind)

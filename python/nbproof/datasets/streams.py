"""A stretch of a column on its way to a server: an Arrow stream in a Zstandard frame, opened with a bound.

Arrow can compress within its stream; then nothing tells beforehand how much memory a small one takes.  So
what arrives is plain inside, and its frame says how long it is.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from nbproof.core.errors import Invalid
from nbproof.storage.content.codec import compress, decompressed

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["packed_stream", "table_in"]

_MOST_BYTES = 2 << 30  # a slab has half a gigabyte, unless few of its rows have more
# Fields of Arrow's messages, as its format numbers them.
_HEADER_TYPE, _HEADER = 1, 2
_DICTIONARY, _BATCH = 2, 3
_DATA_OF_DICTIONARY, _COMPRESSION_OF_BATCH = 1, 3


def packed_stream(table: pa.Table) -> memoryview:
    """A table as such a stream.

    Raises
    ------
    Invalid
        It is longer than is ever opened.
    """
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content = sink.getvalue()
    if len(content) > _MOST_BYTES:
        raise _too_long(", ".join(table.column_names[:3]), len(content))
    return memoryview(compress(memoryview(content)))


def table_in(content: bytes, column: str) -> pa.Table:
    """What `packed_stream` was given, checked through and through.

    Parameters
    ----------
    content : bytes
    column : str
        Its name, for the error.

    Raises
    ------
    Invalid
        It is damaged, or longer than it may be.
    """
    import pyarrow as pa
    import zstandard

    try:
        size = zstandard.frame_content_size(content)
        if size < 0:
            raise ValueError("it does not say how long it is")
        if size > _MOST_BYTES:
            raise _too_long(column, size)
        plain = pa.py_buffer(decompressed(content))
        _refuse_compressed(plain)
        with pa.ipc.open_stream(plain) as reader:
            table = reader.read_all()
        table.validate(full=True)
    except Invalid:
        raise
    except (ValueError, OSError, struct.error, pa.ArrowException, zstandard.ZstdError) as error:
        raise Invalid(f"column {column!r} of the parcel can't be read: {error}") from None
    return table


def _too_long(column: str, size: int) -> Invalid:
    return Invalid(
        f"a stretch of column {column!r} has {size / 1e9:,.1f} GB, a server takes at most "
        f"{_MOST_BYTES / 1e9:,.1f} GB at once",
        hint="register it on the server's machine, or keep its long values as files of a folder",
    )


def _refuse_compressed(stream: pa.Buffer) -> None:
    """`Invalid` for a stream with messages that Arrow compressed; none is unpacked for it."""
    import pyarrow as pa

    reader = pa.ipc.MessageReader.open_stream(stream)
    with suppress(StopIteration):
        while True:
            if _is_compressed(bytes(reader.read_next_message().metadata)):
                raise Invalid(
                    "a stretch of a column is compressed twice", hint="send it with register_dataset"
                )


def _is_compressed(told: bytes) -> bool:
    """Whether a message, a FlatBuffer, names a codec."""

    def field(table: int, number: int) -> int | None:
        places = table - _whole("<i", told, table)
        if 4 + 2 * number >= _whole("<H", told, places):
            return None
        offset = _whole("<H", told, places + 4 + 2 * number)
        return table + offset if offset else None

    def leads(place: int | None) -> int:
        if place is None:
            raise ValueError("a message without a header")
        return place + _whole("<I", told, place)

    message = leads(0)
    kind = field(message, _HEADER_TYPE)
    if kind is None or told[kind] not in (_DICTIONARY, _BATCH):
        return False
    batch = leads(field(message, _HEADER))
    if told[kind] == _DICTIONARY:
        batch = leads(field(batch, _DATA_OF_DICTIONARY))
    return field(batch, _COMPRESSION_OF_BATCH) is not None


def _whole(form: str, told: bytes, place: int) -> int:
    if place < 0:
        raise ValueError("a message leads out of itself")
    return int(struct.unpack_from(form, told, place)[0])

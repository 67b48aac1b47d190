"""The format of packs: append-only files of records, each of which can be read and checked by itself.

The page ``docs/explanation/storage-format.md`` says what each byte is and what is promised; here is the only
code that reads and writes them.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, cast

from nbproof.core.errors import Conflict, Unavailable

__all__ = [
    "CHUNK",
    "HEADER_BYTES",
    "OBJECT",
    "RAW",
    "RECORD_BYTES",
    "ZSTD",
    "Damaged",
    "Kind",
    "Part",
    "Recipe",
    "Record",
    "digest",
    "footer",
    "pack_header",
    "packed_records",
    "read_footer",
    "read_pack_header",
    "record_header",
    "scan",
    "unpacked",
    "unpacked_records",
]

FORMAT = 1
_PACK = struct.Struct("<8sHxx16sI")  # magic, format, the pack's id, CRC-32 of what precedes
_PACK_MAGIC = b"nbpPACK\0"
_RECORD = struct.Struct("<4sBBxxII32sI")  # magic, kind, codec, stored, raw, BLAKE3, CRC-32 of what precedes
_RECORD_MAGIC = b"nbpR"
_ENTRY = struct.Struct("<32sBBxxIIQ")  # BLAKE3, kind, codec, stored, raw, offset of the record
_END = struct.Struct("<QI4s")  # offset of the index record, CRC-32 of that, magic
_END_MAGIC = b"nbpE"
_PART = struct.Struct("<32sI")  # BLAKE3 and length of a chunk
_OBJECT = struct.Struct("<16sQB7x")  # BLAKE3 of what follows cut to 16 bytes, size of the content, level

HEADER_BYTES = _PACK.size
RECORD_BYTES = _RECORD.size
_MOST_BYTES = 1 << 30  # of one record: more is damage
RAW, ZSTD = 0, 1


class Kind(IntEnum):
    """What a record holds."""

    CHUNK = 0
    OBJECT = 1
    INDEX = 2


CHUNK, OBJECT = Kind.CHUNK, Kind.OBJECT


class Damaged(Unavailable):
    """Bytes that are not what they were when they were written."""

    def __init__(self, message: str, **more: Any) -> None:
        hint = "nbproof datasets verify names what is touched; registering that again then mends it"
        super().__init__(message, **{"hint": hint, **more})


@dataclass(frozen=True, slots=True)
class Record:
    """Where something is in a pack.

    Attributes
    ----------
    hash : bytes
        BLAKE3-256 of the content: of a chunk's own bytes, of all bytes of an object.
    kind : Kind
    codec : int
        `RAW` or `ZSTD`.
    stored, raw : int
        Bytes of the payload in the pack, and when unpacked.
    offset : int
        Where its header begins.
    """

    hash: bytes
    kind: Kind
    codec: int
    stored: int
    raw: int
    offset: int

    @property
    def end(self) -> int:
        """Where the next record begins."""
        return self.offset + RECORD_BYTES + self.stored


Part = tuple[bytes, int]
"""Hash and length of one chunk of an object."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an object is made of.

    Attributes
    ----------
    size_bytes : int
        Of the content.
    level : int
        0: the parts are the content.  1: the parts hold a list of parts that are the content; and so on.
    parts : list of (hash, length)
    """

    size_bytes: int
    level: int
    parts: Sequence[Part]

    def payload(self) -> bytes:
        """The bytes that are kept."""
        body = _OBJECT.pack(b"", self.size_bytes, self.level)[16:] + packed_parts(self.parts)
        return digest(body)[:16] + body

    @classmethod
    def of(cls, payload: bytes | memoryview) -> Recipe:
        """What `payload` gave; raises `Damaged`."""
        if len(payload) < _OBJECT.size or digest(payload[16:])[:16] != bytes(payload[:16]):
            raise Damaged("the list of an object's parts is damaged")
        _, size, level = _OBJECT.unpack_from(payload)
        return cls(size, level, unpacked_parts(payload[_OBJECT.size :]))


def packed_parts(parts: Iterable[Part]) -> bytes:
    """Parts as bytes: 36 each."""
    return b"".join([_PART.pack(*part) for part in parts])


def unpacked_parts(content: bytes | memoryview) -> list[Part]:
    """What `packed_parts` gave; raises `Damaged`."""
    if len(content) % _PART.size:
        raise Damaged("the list of an object's parts is damaged")
    return cast(list[Part], list(_PART.iter_unpack(content)))


def digest(content: bytes | memoryview) -> bytes:
    """BLAKE3-256, 32 bytes."""
    import blake3

    return blake3.blake3(content).digest()


def pack_header(pack: str) -> bytes:
    """The first bytes of a pack of that id."""
    head = _PACK.pack(_PACK_MAGIC, FORMAT, bytes.fromhex(pack), 0)[:-4]
    return head + struct.pack("<I", zlib.crc32(head))


def read_pack_header(head: bytes) -> str:
    """The id in a pack's first bytes; raises `Damaged`, or `Conflict` for a later format."""
    if len(head) < HEADER_BYTES:
        raise Damaged("a pack is cut off within its header")
    magic, version, pack, check = _PACK.unpack(head[:HEADER_BYTES])
    if magic != _PACK_MAGIC or zlib.crc32(head[: HEADER_BYTES - 4]) != check:
        raise Damaged("the header of a pack is damaged")
    if version != FORMAT:
        raise Conflict(
            f"a pack has format {version}, this nbproof knows {FORMAT}", hint="pip install -U nbproof"
        )
    return cast(bytes, pack).hex()


def record_header(kind: Kind, codec: int, stored: int, raw: int, hash: bytes) -> bytes:
    """The bytes before a payload."""
    head = _RECORD.pack(_RECORD_MAGIC, kind, codec, stored, raw, hash, 0)[:-4]
    return head + struct.pack("<I", zlib.crc32(head))


def read_record_header(head: bytes | memoryview, offset: int) -> Record:
    """What `record_header` gave, at an offset of its pack; raises `Damaged`."""
    if len(head) < RECORD_BYTES:
        raise Damaged(f"a record is cut off at byte {offset:,}")
    magic, kind, codec, stored, raw, hash, check = _RECORD.unpack(head[:RECORD_BYTES])
    if (
        magic != _RECORD_MAGIC
        or zlib.crc32(head[: RECORD_BYTES - 4]) != check
        or kind > Kind.INDEX
        or codec > ZSTD
        or max(stored, raw) > _MOST_BYTES
    ):
        raise Damaged(f"a record is damaged at byte {offset:,}")
    return Record(hash, Kind(kind), codec, stored, raw, offset)


def unpacked(
    record: Record, payload: bytes | memoryview, decompress: Callable[[Any, int], bytes]
) -> bytes | memoryview:
    """The content of a record, checked; raises `Damaged`.

    Parameters
    ----------
    record : Record
    payload : bytes-like
        As it is in the pack.
    decompress : callable
        Zstandard, told the size of the result; one for each thread.
    """
    content: bytes | memoryview = payload
    if len(payload) != record.stored:
        raise Damaged(f"a record is cut off at byte {record.offset:,}")
    if record.codec == ZSTD:
        try:
            content = decompress(payload, record.raw)
        except Exception as error:  # the library's own class, which differs between its back ends
            raise Damaged(f"a record is damaged at byte {record.offset:,}") from error
    if len(content) != record.raw or (record.kind != OBJECT and digest(content) != record.hash):
        raise Damaged(f"a record is damaged at byte {record.offset:,}")
    return content


def scan(read: Callable[[int, int], bytes], size: int, start: int = HEADER_BYTES) -> Iterator[Record]:
    """The records of a pack by their headers, up to the first that is damaged, cut off or an index.

    Parameters
    ----------
    read : callable
        Takes offset and length.
    size : int
        Of the pack.
    start : int
        Where a record begins.
    """
    offset = start
    window, base = b"", 0
    while offset + RECORD_BYTES <= size:
        if not base <= offset <= base + len(window) - RECORD_BYTES:
            # Small records follow each other closely: one look brings many of their headers.
            base, window = offset, read(offset, min(4096, size - offset))
        try:
            record = read_record_header(window[offset - base : offset - base + RECORD_BYTES], offset)
        except Damaged:
            return
        if record.kind == Kind.INDEX or record.end > size:
            return
        yield record
        offset = record.end


def packed_records(records: Iterable[Record]) -> bytes:
    """Where records are, as bytes: 52 each."""
    return b"".join(
        [
            _ENTRY.pack(each.hash, each.kind, each.codec, each.stored, each.raw, each.offset)
            for each in records
        ]
    )


def unpacked_records(content: bytes | memoryview) -> list[Record]:
    """What `packed_records` gave; `ValueError` for what it can't have given."""
    if len(content) % _ENTRY.size:
        raise ValueError(f"entries have {_ENTRY.size} bytes each")
    return [
        Record(hash, Kind(kind), codec, stored, raw, place)
        for hash, kind, codec, stored, raw, place in _ENTRY.iter_unpack(content)
    ]


def footer(records: Sequence[Record], offset: int, compress: Callable[[bytes], bytes]) -> bytes:
    """What ends a pack: the index of its records, and where that is found from the end."""
    index = packed_records(records)
    stored = compress(index)
    head = record_header(Kind.INDEX, ZSTD, len(stored), len(index), digest(index))
    place = struct.pack("<Q", offset)
    return head + stored + place + struct.pack("<I", zlib.crc32(place)) + _END_MAGIC


def read_footer(
    read: Callable[[int, int], bytes], size: int, decompress: Callable[[Any, int], bytes]
) -> list[Record] | None:
    """The records that a pack's footer names; None where it has none, or a damaged one."""
    if size < HEADER_BYTES + RECORD_BYTES + _END.size:
        return None
    end = read(size - _END.size, _END.size)
    offset, check, magic = _END.unpack(end)
    if magic != _END_MAGIC or zlib.crc32(end[:8]) != check or not HEADER_BYTES <= offset < size:
        return None
    try:
        record = read_record_header(read(offset, RECORD_BYTES), offset)
        if record.kind != Kind.INDEX or record.end + _END.size != size:
            return None
        index = unpacked(record, read(offset + RECORD_BYTES, record.stored), decompress)
    except Damaged:
        return None
    return unpacked_records(index)

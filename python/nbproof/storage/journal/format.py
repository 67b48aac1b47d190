"""The bytes of a journal: names of files, event lines, point records, and their checksums.

Described for people in ``docs/explanation/journal-format.md``; a change here is a change of `FORMAT`.
"""

from __future__ import annotations

import json
import math
import re
import struct
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

__all__ = [
    "BODY",
    "FORMAT",
    "IDENTITY",
    "POINT",
    "POINT_BYTES",
    "SEGMENT_BYTES",
    "encode_event",
    "event_line",
    "events_name",
    "parse_line",
    "points_name",
    "segment_number",
    "valid_points",
]

FORMAT = 1
IDENTITY = "writer.json"
SEGMENT_BYTES = 64 << 20

# series u32, seq u64, step i64, time in µs i64, value f64; then the CRC-32 of those 36 bytes.
BODY = struct.Struct("<IQqqd")
POINT = struct.Struct("<IQqqdI")
POINT_BYTES = POINT.size

_ENCODER = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))
# Lines are written by us, without spaces around: the scanner alone reads them, at half the cost.
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # there, but not in the stubs
_SEGMENT = re.compile(r"(events|points)-([1-9][0-9]*)\.(?:jsonl|bin)")


def events_name(number: int) -> str:
    """The file name of a segment of events."""
    return f"events-{number}.jsonl"


def points_name(number: int) -> str:
    """The file name of a segment of points."""
    return f"points-{number}.bin"


def segment_number(name: str) -> tuple[str, int] | None:
    """``("points", 3)`` of ``points-3.bin``; None for any other file."""
    found = _SEGMENT.fullmatch(name)
    return (found[1], int(found[2])) if found else None


# -- events -----------------------------------------------------------------------------------------------


def encode_event(fields: Mapping[str, object]) -> str:
    """The fields of an event as compact JSON in ASCII; NaN and ±inf become ``{"$float": "NaN"}``.

    Raises
    ------
    TypeError, ValueError
        Something that JSON cannot hold.
    """
    try:
        return _ENCODER.encode(fields)
    except ValueError:  # most likely a NaN; what is wrong beyond that is raised by the second try
        return _ENCODER.encode(_spelled(fields))


def _spelled(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, Mapping):
        return {key: _spelled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(item) for item in value]
    return value


def event_line(seq: int, encoded: str) -> bytes:
    """The line of an event: CRC-32 as 8 hex digits, a space, the JSON, a newline."""
    body = f'{{"seq":{seq},{encoded[1:]}'.encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def parse_line(line: bytes) -> dict[str, Any] | None:
    """The event in a line (without its newline), or None where the line is damaged."""
    if line[8:9] != b" ":
        return None
    body = line[9:]
    try:
        if int(line[:8], 16) != zlib.crc32(body):
            return None
        text = body.decode("ascii")
        event, end = _scan(text, 0)
    except (ValueError, StopIteration):
        return None
    if end != len(text):
        return None
    return event if isinstance(event, dict) and type(event.get("seq")) is int else None


# -- points -----------------------------------------------------------------------------------------------

_BLOCK = 4096  # records checked by one call


@lru_cache(maxsize=1)
def _marks() -> list[int]:
    """The running CRC after 0, 1, 2, ... valid records, whatever is in them.

    CRC-32 is affine: the CRC of bytes continued from a start value is the CRC from zero xor a function of the
    start value and the *length* only.  A record that ends with its own CRC always gives the same CRC from
    zero.  So the running value after k valid records is a constant, and 4096 records are checked by one
    call of zlib instead of 4096.
    """
    body = BODY.pack(0, 0, 0, 0, 0.0)
    record = body + zlib.crc32(body).to_bytes(4, "little")
    marks = [0]
    for _ in range(_BLOCK):
        marks.append(zlib.crc32(record, marks[-1]))
    return marks


def valid_points(data: bytes) -> tuple[bytes, int]:
    """The valid records of `data`, one after the other, and where the last of them ended in it.

    Records start at multiples of `POINT_BYTES`; damaged and empty ones are left out.
    """
    marks = _marks()
    view = memoryview(data)
    whole = len(data) // POINT_BYTES * POINT_BYTES
    good: list[memoryview] = []
    end = 0
    step = _BLOCK * POINT_BYTES
    for start in range(0, whole, step):
        block = view[start : min(start + step, whole)]
        if zlib.crc32(block) == marks[len(block) // POINT_BYTES]:
            good.append(block)
            end = start + len(block)
            continue
        for at in range(start, start + len(block), POINT_BYTES):
            if zlib.crc32(view[at : at + POINT_BYTES]) == marks[1]:
                good.append(view[at : at + POINT_BYTES])
                end = at + POINT_BYTES
    if len(good) == 1 and len(good[0]) == len(data):
        return data, end
    return b"".join(good), end

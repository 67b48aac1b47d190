"""Whole histories on their way from a server: as they lie in the tables, chunk by chunk.

The bytes are told by ``docs/explanation/metrics-format.md``.  Nothing of a stream that breaks off is taken:
its last frame says how much there was.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, NoReturn

from nbproof.core.errors import Unavailable
from nbproof.tracking.points import CHUNK, TAIL_POINT_BYTES, Points, unpack

__all__ = ["MEDIA_TYPE", "PackedMetric", "frames_of", "points_from"]

MEDIA_TYPE = "application/vnd.nbproof.points"

_MAGIC = b"NBPOINTS\x01"
_HEAD = struct.Struct("<cII")  # kind, bytes of the content, CRC-32 of kind and content
_METRIC, _POINTS, _END = b"M", b"P", b"E"
# A chunk that can't be packed is a little longer than its points.
_LARGEST_BYTES = 2 * CHUNK * TAIL_POINT_BYTES


@dataclass(frozen=True, slots=True)
class PackedMetric:
    """A metric as chunks and tails, in the order logged, which together hold `count` points."""

    name: str
    count: int
    blobs: Iterator[bytes]

    def points(self) -> Points:
        """All of them."""
        return Points.joined([unpack(blob) for blob in self.blobs])


def frames_of(metrics: Iterable[PackedMetric]) -> Generator[bytes, None, None]:
    """Metrics as a stream, made while it is read."""
    yield _MAGIC
    names = points = 0
    for metric in metrics:
        yield _frame(_METRIC, json.dumps({"name": metric.name, "count": metric.count}).encode())
        for blob in metric.blobs:
            yield _frame(_POINTS, blob)
        names += 1
        points += metric.count
    yield _frame(_END, json.dumps({"metrics": names, "points": points}).encode())


def points_from(stream: IO[bytes]) -> dict[str, Points]:
    """The metrics of a stream, by name.

    Raises
    ------
    Unavailable
        It ends before its end, or is no such stream.
    """
    magic = stream.read(len(_MAGIC))
    if magic != _MAGIC:
        if _MAGIC.startswith(magic):
            _cut_off()
        raise Unavailable(
            "the server sends points in a format that this nbproof does not know",
            hint="the same release series of nbproof on both sides understands it",
        )
    found: dict[str, Points] = {}
    parts: list[Points] = []
    kind, told = _told(stream, parts)
    while kind == _METRIC and not parts:
        name, count = told["name"], told["count"]
        kind, told = _told(stream, parts)
        if name in found or sum(part.n for part in parts) != count:
            _damaged()
        found[name] = Points.joined(parts)
        parts.clear()
    whole = {"metrics": len(found), "points": sum(points.n for points in found.values())}
    if kind != _END or parts or told != whole or stream.read(1):
        _damaged()
    return found


def _told(stream: IO[bytes], parts: list[Points]) -> tuple[bytes, dict[str, Any]]:
    """The next frame that is not of points, and what it tells; points in front of it are put into `parts`."""
    while True:
        kind, content = _read(stream)
        if kind != _POINTS:
            return kind, json.loads(content)
        parts.append(unpack(content))


def _frame(kind: bytes, content: bytes) -> bytes:
    return _HEAD.pack(kind, len(content), zlib.crc32(content, zlib.crc32(kind))) + content


def _read(stream: IO[bytes]) -> tuple[bytes, bytes]:
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        _cut_off()
    kind, size, crc = _HEAD.unpack(head)
    if kind not in (_METRIC, _POINTS, _END) or size > _LARGEST_BYTES:
        _damaged()
    content = stream.read(size)
    if len(content) < size:
        _cut_off()
    if zlib.crc32(content, zlib.crc32(kind)) != crc:
        _damaged()
    return kind, content


def _cut_off() -> NoReturn:
    raise Unavailable("the points were cut off before their end", hint="the connection broke; ask again")


def _damaged() -> NoReturn:
    raise Unavailable(
        "the points were damaged on the way", hint="ask again; if it stays, look at what is between"
    )

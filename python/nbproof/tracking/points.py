"""Points of a metric as bytes: what a chunk and a tail hold, and what of many points a chart or a list needs.

A chunk is one byte of format, then a zlib stream of three columns (steps, times, bits of the values) of
64-bit words, each the difference to the word before, laid out byte by byte: all lowest bytes first, then
all second ones.  Steps and times differ little and packed so nearly vanish.  Differences wrap around, so that
every step, time and value, NaN included, comes back as it was.

A tail is what is not worth a chunk yet: another byte of format, then 24 bytes a point, so that more are
added by joining bytes.  Of many short series that is all there is.
"""

from __future__ import annotations

import zlib
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nbproof.core.errors import Unavailable
from nbproof.storage.point_records import RECORD

__all__ = [
    "CHUNK",
    "OUTLINE",
    "RECORD",
    "SPARK",
    "TAIL",
    "TAIL_POINT_BYTES",
    "Extent",
    "Points",
    "Window",
    "extent",
    "pack",
    "sparkle",
    "tails",
    "thinned",
    "unpack",
]

CHUNK = 4096
"""Points in a full chunk."""

OUTLINE = 64
"""Most points in the outline of a full chunk, which stands for it in charts of very many points."""

TAIL = 16
"""Most points in a tail.  It lies in the row that lists and searches read, so it must stay short."""

SPARK = 32
"""Most values of a sparkline."""

_FORMAT = b"\x01"
_TAIL_FORMAT = b"\x02"
_ROW = np.dtype([("step", "<i8"), ("time", "<i8"), ("value", "<f8")])

TAIL_POINT_BYTES = _ROW.itemsize
"""Bytes of a point in a tail, which has one more in front of them."""


class Points(NamedTuple):
    """Columns of equal length, in the order logged; times in µs."""

    steps: NDArray[np.int64]
    times: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def none(cls) -> Points:
        """No points."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))

    @classmethod
    def joined(cls, parts: list[Points]) -> Points:
        """Several, one after the other."""
        if len(parts) == 1:
            return parts[0]
        return (
            cls(*(np.concatenate(columns) for columns in zip(*parts, strict=True))) if parts else cls.none()
        )

    @property
    def n(self) -> int:
        """How many."""
        return len(self.steps)

    def at(self, where: Any) -> Points:
        """Those at some places: a slice or an array of indices."""
        return Points(self.steps[where], self.times[where], self.values[where])


class Window(NamedTuple):
    """A stretch of an axis, both ends included; without an end it goes on."""

    axis: Literal["step", "time", "relative"]
    low: float | None  # steps, or seconds
    high: float | None

    def cut(self, points: Points, began_us: int) -> Points:
        """The points that lie in it; `began_us` is when their run began."""
        x: NDArray[Any] = points.steps
        if self.axis != "step":
            x = (points.times - (began_us if self.axis == "relative" else 0)) / 1e6
        inside = np.ones(points.n, bool)
        if self.low is not None:
            inside &= x >= self.low
        if self.high is not None:
            inside &= x <= self.high
        return points.at(inside)


def pack(points: Points) -> bytes:
    """The bytes of a chunk."""
    words = np.empty((3, points.n), np.uint64)
    words[0] = points.steps.view(np.uint64)
    words[1] = points.times.view(np.uint64)
    words[2] = points.values.view(np.uint64)
    words[:, 1:] = words[:, 1:] - words[:, :-1]
    shuffled = words.astype("<u8", copy=False).view(np.uint8).reshape(3, points.n, 8).transpose(0, 2, 1)
    return _FORMAT + zlib.compress(shuffled.tobytes(), 1)


def unpack(blob: bytes) -> Points:
    """The points of a chunk or of a tail.

    Raises
    ------
    Unavailable
        The bytes are damaged, or of a later format.
    """
    if blob[:1] == _TAIL_FORMAT and len(blob) % _ROW.itemsize == 1:
        rows = np.frombuffer(blob, _ROW, offset=1)
        return Points(
            np.ascontiguousarray(rows["step"], np.int64),
            np.ascontiguousarray(rows["time"], np.int64),
            np.ascontiguousarray(rows["value"], np.float64),
        )
    if blob[:1] != _FORMAT:
        raise Unavailable(
            "points are kept in a format that this nbproof does not know", hint="pip install -U nbproof"
        )
    try:
        # It may come from elsewhere: never more is unpacked than a chunk can hold.
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(memoryview(blob)[1:], 24 * CHUNK + 1)
    except zlib.error as error:
        raise _damaged() from error
    n, more = divmod(len(raw), 24)
    if more or not unpacker.eof:
        raise _damaged()
    differences = np.frombuffer(raw, np.uint8).reshape(3, 8, n).transpose(0, 2, 1)
    words = np.ascontiguousarray(differences).view("<u8").reshape(3, n)
    columns = np.add.accumulate(words, axis=1, dtype=np.uint64)
    return Points(columns[0].view(np.int64), columns[1].view(np.int64), columns[2].view(np.float64))


def _damaged() -> Unavailable:
    return Unavailable("points of a metric are damaged", hint="run: nbproof db check")


def tails(points: Points, starts: list[int], ends: list[int]) -> list[bytes]:
    """Stretches of points as tails, where they are short enough; others are left empty.

    A tail may be put behind another one's bytes without its first byte.
    """
    short = [end - start <= TAIL for start, end in zip(starts, ends, strict=True)]
    if not any(short):
        return [b""] * len(starts)
    rows = np.empty(points.n, _ROW)
    rows["step"], rows["time"], rows["value"] = points
    raw, size = rows.tobytes(), _ROW.itemsize
    return [
        _TAIL_FORMAT + raw[start * size : end * size] if is_short else b""
        for start, end, is_short in zip(starts, ends, short, strict=True)
    ]


class Extent(NamedTuple):
    """Between what the points of a chunk lie; values without NaN, None where there is nothing else."""

    first_step: int
    last_step: int
    first_us: int
    last_us: int
    min: float | None
    max: float | None


def extent(points: Points) -> Extent:
    """Least and greatest step, time and value."""
    least, greatest = float(np.fmin.reduce(points.values)), float(np.fmax.reduce(points.values))
    return Extent(
        int(points.steps.min()),
        int(points.steps.max()),
        int(points.times.min()),
        int(points.times.max()),
        None if least != least else least,
        None if greatest != greatest else greatest,
    )


def sparkle(
    stride: int, values: list[float], count: int, new: NDArray[np.float64]
) -> tuple[int, list[float]]:
    """A sparkline after more points: every `stride`-th value, the stride doubled whenever they get too many.

    Parameters
    ----------
    stride, values
        As it was; ``1, []`` at first.
    count : int
        Points it stands for.
    new : array
        The points that came.

    Returns
    -------
    tuple
        The new stride and values: at most ``SPARK - 1``, which leaves room for the newest.
    """
    total = count + len(new)
    doubled = stride
    while -(-total // doubled) > SPARK - 1:
        doubled *= 2
    kept = values[:: doubled // stride]
    first = -count % doubled
    return doubled, kept + new[first::doubled].tolist()


def thinned(points: Points, most: int) -> Points:
    """At most `most` points that draw the same line.

    They are the first, the last, and of each stretch between the least and the greatest; where there is NaN
    also the first NaN of each stretch, so that gaps can be seen.
    """
    if points.n <= most:
        return points
    if most < 4:
        return points.at(np.linspace(0, points.n - 1, most).astype(np.int64))
    gaps = np.isnan(points.values)
    with_gaps = most >= 5 and bool(gaps.any())
    stretches = (most - 2) // (3 if with_gaps else 2)
    inner = points.n - 2
    length = -(-inner // stretches)
    low = np.where(gaps, np.inf, points.values) if gaps.any() else points.values
    high = np.where(gaps, -np.inf, points.values) if gaps.any() else points.values
    chosen = [np.array([0, points.n - 1])]
    # All stretches but the last are of one length: one call for all of them, one for what is left.
    for start, rows in ((1, inner // length), (1 + inner // length * length, 1)):
        size = length if start == 1 else inner % length
        if not rows or not size:
            continue
        end, ahead = start + rows * size, start + np.arange(rows) * size
        chosen.append(ahead + low[start:end].reshape(rows, size).argmin(axis=1))
        chosen.append(ahead + high[start:end].reshape(rows, size).argmax(axis=1))
        if with_gaps:
            there = gaps[start:end].reshape(rows, size)
            first = there.argmax(axis=1)
            chosen.append((ahead + first)[there.any(axis=1)])
    return points.at(np.unique(np.concatenate(chosen)))

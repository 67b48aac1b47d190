"""Points of a metric as bytes: what a chunk holds, and what of many points a chart or a list needs.

A chunk is one byte of format, then a zlib stream of three columns (steps, times, bits of the values) of
64-bit words, each the difference to the word before, laid out byte by byte: all lowest bytes first, then
all second ones.  Steps and times differ little and packed so nearly vanish.  Differences wrap around, so that
every step, time and value, NaN included, comes back as it was.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nbproof.core.errors import Unavailable

__all__ = ["CHUNK", "RECORD", "SPARK", "Points", "pack", "sparkle", "thinned", "unpack"]

CHUNK = 4096
"""Points in a full chunk."""

SPARK = 32
"""Most values of a sparkline."""

# One record of a journal's points file.
RECORD = np.dtype(
    [("series", "<u4"), ("seq", "<u8"), ("step", "<i8"), ("time", "<i8"), ("value", "<f8"), ("crc", "<u4")]
)

_FORMAT = b"\x01"


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
    """The points of a chunk.

    Raises
    ------
    Unavailable
        The bytes are damaged, or of a later format.
    """
    if blob[:1] != _FORMAT:
        raise Unavailable(
            "points are kept in a format that this nbproof does not know", hint="pip install -U nbproof"
        )
    try:
        raw = zlib.decompress(memoryview(blob)[1:])
    except zlib.error as error:
        raise Unavailable("points of a metric are damaged", hint="run: nbproof db check") from error
    n = len(raw) // 24
    differences = np.frombuffer(raw, np.uint8).reshape(3, 8, n).transpose(0, 2, 1)
    words = np.ascontiguousarray(differences).view("<u8").reshape(3, n)
    columns = np.add.accumulate(words, axis=1, dtype=np.uint64)
    return Points(columns[0].view(np.int64), columns[1].view(np.int64), columns[2].view(np.float64))


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

    They are the first, the last, and of each stretch between the least and the greatest.  NaN is left out of
    the choice, but a stretch of nothing else keeps one, so that the gap can be seen.
    """
    if points.n <= most:
        return points
    if most < 4:
        return points.at(np.linspace(0, points.n - 1, most).astype(np.int64))
    stretches = (most - 2) // 2
    bounds = np.linspace(1, points.n - 1, stretches + 1).astype(np.int64)
    inner = points.values
    chosen = [0, points.n - 1]
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        stretch = inner[start:end]
        if np.isnan(stretch).all():
            chosen.append(start)
        else:
            chosen += [start + int(np.nanargmin(stretch)), start + int(np.nanargmax(stretch))]
    return points.at(np.unique(np.array(chosen, np.int64)))

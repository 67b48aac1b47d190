"""Very many point records of the journal at once, made by numpy; the hot path does not come here.

The checksums
-------------
``zlib.crc32`` wants a call for each record.  But CRC-32 is affine: the checksum of a record is that of an
empty one xor one word for each of its bytes, and that word depends on the byte and its place alone.  So all
checksums of a block are found by 36 look-ups in small tables, each for the whole block.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nbproof.storage.journal.format import BODY, POINT_BYTES

__all__ = ["RECORD", "encoder", "records"]

RECORD = np.dtype(
    [("series", "<u4"), ("seq", "<u8"), ("step", "<i8"), ("time", "<i8"), ("value", "<f8"), ("crc", "<u4")]
)
"""One record of a file of points."""

_BLOCK = 4096  # records whose columns of bytes stay in the processor's cache


def records(
    series: int,
    first_seq: int,
    steps: NDArray[np.int64],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
) -> bytes:
    """Records of a series, one for each value, with rising sequence numbers.

    Examples
    --------
    >>> one = records(1, 7, np.array([3]), np.array([5]), np.array([0.5]))
    >>> zlib.crc32(one[:36]) == int.from_bytes(one[36:], "little")
    True
    """
    made = np.empty(len(values), RECORD)
    made["series"] = series
    made["seq"] = np.arange(first_seq, first_seq + len(values), dtype=np.uint64)
    made["step"] = steps
    made["time"] = times
    made["value"] = values
    empty, tables = _tables()
    raw = made.view(np.uint8).reshape(len(values), POINT_BYTES)
    for start in range(0, len(values), _BLOCK):
        columns = np.ascontiguousarray(raw[start : start + _BLOCK, : BODY.size].T)
        crc = np.full(columns.shape[1], empty, np.uint32)
        for table, column in zip(tables, columns, strict=True):
            crc ^= table[column]
        made["crc"][start : start + _BLOCK] = crc
    return made.tobytes()


def encoder(
    steps: NDArray[np.int64],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    *,
    reserved: bool = False,
) -> Callable[[int, int, slice], tuple[bytes, int | None]]:
    """What `nbproof.storage.journal.writer.Series.log_many` asks for the records of these points.

    `reserved` steps were taken from the series before: others count on behind them already.
    """

    def encode(series: int, first_seq: int, part: slice) -> tuple[bytes, int | None]:
        made = records(series, first_seq, steps[part], times[part], values[part])
        return made, None if reserved else int(steps[part][-1])

    return encode


@lru_cache(maxsize=1)
def _tables() -> tuple[int, NDArray[np.uint32]]:
    """The checksum of an empty record, and for each place what each byte there changes about it."""
    empty = zlib.crc32(bytes(BODY.size))
    tables = np.zeros((BODY.size, 256), np.uint32)
    every = np.arange(256)
    for place in range(BODY.size):
        for bit in range(8):
            body = bytearray(BODY.size)
            body[place] = 1 << bit
            tables[place, (every >> bit & 1) == 1] ^= np.uint32(zlib.crc32(body) ^ empty)
    return empty, tables

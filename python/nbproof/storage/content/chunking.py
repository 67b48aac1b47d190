"""Where content is cut: at places its own bytes choose (FastCDC), so that an insertion moves few of them.

Chunks have 16 to 256 KiB, about 80 KiB on average.  Where cuts fall decides what is kept twice, never what is
read back: a store with chunks of two cutters is whole.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor, wait
from functools import cache
from typing import TYPE_CHECKING, Any

from nbproof.storage.content.packs import digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "AVERAGE_BYTES",
    "MAXIMUM_BYTES",
    "MINIMUM_BYTES",
    "Foreseen",
    "cut",
    "cut_in_numpy",
    "into",
    "pieces",
]

MINIMUM_BYTES = 16 << 10
AVERAGE_BYTES = 64 << 10
MAXIMUM_BYTES = 256 << 10

_WINDOW = 64  # the rolling hash has 64 bits and moves by one a byte: it knows no more
_BLOCK = 32 << 10


def cut(data: memoryview) -> list[int]:
    """Lengths of the chunks of a buffer, in order; the last one may have ended with the buffer only.

    Examples
    --------
    >>> cut(memoryview(b"small")), sum(cut(memoryview(bytes(1_000_000))))
    ([5], 1000000)
    """
    return _cutter()(data)


class Foreseen:
    """Cuts content where content that it resembles was cut, as far as it is the same.

    Where a chunk ends is chosen by its own bytes.  What has the hash of a chunk of the other content ends
    where that ended, and need not be looked through; where it has not, cuts are looked for until a chunk is
    met that the other content has too.

    Parameters
    ----------
    parts : sequence of (hash, length)
        The chunks of what it resembles; none of nothing.
    """

    def __init__(self, parts: Sequence[tuple[bytes, int]] = ()) -> None:
        # What another cutter made longer does not fit in the buffers here.
        fit = all(0 < length <= MAXIMUM_BYTES for _, length in parts)
        self._parts = parts[:-1] if fit else ()  # the last one was ended by the end of the content
        self._places = {hash: place for place, (hash, _) in enumerate(self._parts)}
        self._next: int | None = 0 if self._parts else None
        self.hashes: list[bytes] = []
        """Of the first chunks of the buffer that was cut last."""

    def __call__(self, data: memoryview, ended: bool) -> list[int]:
        """`cut`, but for what is left before the end of a buffer with which the content has not ended."""
        lengths: list[int] = []
        self.hashes = []
        start = 0
        while self._next is not None:
            hash, length = self._parts[self._next]
            if start + length >= len(data):
                return [*lengths, *(cut(data[start:]) if ended else [len(data) - start])]
            if digest(data[start : start + length]) != hash:
                break
            lengths.append(length)
            self.hashes.append(hash)
            start += length
            self._next = self._next + 1 if self._next + 1 < len(self._parts) else None
        found = cut(data[start:])
        if self._places:
            for length in found[:-1]:
                self.hashes.append(digest(data[start : start + length]))
                start += length
            place = self._places.get(self.hashes[-1], -1) + 1 if self.hashes else 0
            self._next = place if 0 < place < len(self._parts) else None
        return lengths + found


def pieces(
    read: Callable[[memoryview], int | None],
    block_bytes: int = 4 << 20,
    thread: Executor | None = None,
    cutter: Callable[[memoryview, bool], list[int]] | None = None,
) -> Generator[tuple[memoryview, list[int]], None, None]:
    """The content of a stream in buffers, each with the lengths of the whole chunks that it holds.

    Parameters
    ----------
    read : callable
        Fills memory, as far as it likes, and says how far; nothing at the end.  `into` makes one of what
        gives bytes.
    block_bytes : int
        How much is read at once, at least two of the largest chunks.
    thread : Executor, optional
        Reads the next buffer while one is cut; nothing is being read any more when this has ended.
    cutter : callable, optional
        Cuts a buffer, told whether the content ends with it.
    """
    cutter = Foreseen() if cutter is None else cutter

    def filled() -> tuple[memoryview, int]:
        memory, many = _memory(MAXIMUM_BYTES + block_bytes), 0
        while many < block_bytes and (piece := read(memory[MAXIMUM_BYTES + many :])):
            many += piece
        return memory, many

    left = memoryview(b"")
    coming = None if thread is None else thread.submit(filled)
    try:
        while True:
            memory, many = filled() if coming is None else coming.result()
            ended = many < block_bytes
            coming = None if thread is None or ended else thread.submit(filled)
            # What was left of the buffer before stands before what was read: it is one chunk at most.
            start = MAXIMUM_BYTES - len(left)
            memory[start:MAXIMUM_BYTES] = left
            block = memory[start : MAXIMUM_BYTES + many]
            lengths = cutter(block, ended) if len(block) else []
            if ended:
                if lengths:
                    yield block, lengths
                return
            # The last one was ended by the buffer, not by its bytes.
            left = block[len(block) - lengths.pop() :]
            if lengths:
                yield block[: len(block) - len(left)], lengths
    finally:
        if coming is not None:
            wait([coming])


def _memory(size: int) -> memoryview:
    # From numpy where it is loaded: it neither fills it with zeros nor fetches it in small pages.  Who only
    # logs a file does not wait for its import.
    empty = getattr(sys.modules.get("numpy"), "empty", None)
    return memoryview(bytearray(size)) if empty is None else empty(size, "u1").data


def into(read: Callable[[int], bytes]) -> Callable[[memoryview], int]:
    """How to fill memory by a function that gives bytes."""

    def filled(target: memoryview) -> int:
        piece = read(len(target))
        target[: len(piece)] = piece
        return len(piece)

    return filled


@cache
def _cutter() -> Callable[[memoryview], list[int]]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it was built without its fast half: then ours is faster
        import pyfastcdc

    if pyfastcdc.FastCDC.__module__.startswith("pyfastcdc.py"):
        return cut_in_numpy

    def cut_fast(data: memoryview) -> list[int]:
        # One for each call: they keep state, and threads cut at once.
        cutter = pyfastcdc.FastCDC(AVERAGE_BYTES, min_size=MINIMUM_BYTES, max_size=MAXIMUM_BYTES)
        return [chunk.length for chunk in cutter.cut_buf(data)]

    return cut_fast


# -- the same cuts where the library has no compiled half --------------------------------------------------


@cache
def _tables() -> tuple[NDArray[np.uint64], int, int]:
    import numpy as np
    from pyfastcdc.py.constants import GEAR, MASKS

    bits = AVERAGE_BYTES.bit_length() - 1
    return np.array(GEAR, np.uint64), MASKS[bits + 1], MASKS[bits - 1]


def cut_in_numpy(data: memoryview) -> list[int]:
    """What `cut` gives, by numpy alone: much slower than compiled code, and much faster than plain Python.

    A hash over the last 64 bytes is the sum of shifted table entries; sums over 2, 4, 8, ... bytes are made
    of each other, for all positions of a block at once.  At the start of a chunk the window is shorter,
    because the hash begins anew there.
    """
    import numpy as np

    gear, strict, loose = _tables()
    content = np.frombuffer(data, np.uint8)
    lengths: list[int] = []
    start = 0
    while start < len(content):
        length = _next_cut(content[start : start + MAXIMUM_BYTES], gear, strict, loose)
        lengths.append(length)
        start += length
    return lengths


def _next_cut(content: Any, gear: Any, strict: int, loose: int) -> int:
    import numpy as np

    remaining = len(content)
    if remaining <= MINIMUM_BYTES:
        return remaining
    center = min(AVERAGE_BYTES, remaining) // 2 * 2
    end = remaining // 2 * 2
    for low in range(MINIMUM_BYTES, end, _BLOCK):
        high = min(low + _BLOCK, end)
        first = max(MINIMUM_BYTES, low - _WINDOW + 1)
        hashes = gear[content[first:high]]
        step = 1
        while step < _WINDOW:
            # Where the window reaches back beyond the start of the chunk there is nothing to add.
            hashes[step:] += hashes[:-step] << np.uint64(step)
            step *= 2
        hashes = hashes[low - first :]
        positions = np.arange(low, high)
        hit = np.where(positions < center, hashes & np.uint64(strict), hashes & np.uint64(loose)) == 0
        if hit.any():
            return int(positions[int(hit.argmax())])
    return remaining

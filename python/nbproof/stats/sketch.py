"""HyperLogLog: how many different values there are, from two kilobytes, mergeable.

Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog" (2007), with the estimator of Ertl, "New cardinality
estimation algorithms for HyperLogLog sketches" (arXiv 1702.01284, algorithm 6), which is unbiased from
nothing to the most.  With 2^11 registers its standard error is 2.3 %.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nbproof.stats.hashing import Hashes

__all__ = ["Sketching", "estimate", "joined", "sketch_of"]

_BITS = 11
_REGISTERS = 1 << _BITS
_REST = 64 - _BITS
_BLOCK = 1 << 15
_ALPHA = 0.5 / math.log(2)
_ENOUGH = 32  # values a register: of 2048, one sees none of so many once in 4e10 sketches
_KEPT = 1 << 17


class Sketching:
    """A sketch that is being made of fingerprints, each given once."""

    def __init__(self) -> None:
        self._kept: list[Hashes] = []
        self._size = 0
        self._seen = 0
        self._few = 0  # in bits: of many values only those of higher ranks can matter

    def add(self, hashes: Hashes) -> None:
        """Some more of them."""
        self._seen += len(hashes)
        high = self._high(hashes)
        self._kept.append(high)
        self._size += len(high)
        if self._size > _KEPT:
            self._few = int(math.log2(max(self._seen / _REGISTERS / _ENOUGH, 1)))
            self._kept = [self._high(each) for each in self._kept]
            self._size = sum(map(len, self._kept))

    def text(self) -> str:
        """What `sketch_of` gives of all."""
        return _written(_registers(np.concatenate([*self._kept, np.empty(0, np.uint64)])))

    def _high(self, hashes: Hashes) -> Hashes:
        if not self._few:
            return hashes
        return hashes[(hashes & np.uint64((1 << _REST) - 1)) < np.uint64(1 << (_REST - self._few))]


def sketch_of(hashes: Hashes) -> str:
    """The sketch of values with these fingerprints, as text."""
    sketching = Sketching()
    for start in range(0, len(hashes), _BLOCK):
        sketching.add(hashes[start : start + _BLOCK])
    return sketching.text()


def _registers(hashes: Hashes) -> npt.NDArray[np.uint8]:
    places = (hashes >> np.uint64(_REST)).astype(np.int64)
    rest = hashes & np.uint64((1 << _REST) - 1)
    # A float's exponent is the place of the highest bit; 53 bits fit exactly.
    highest = (rest.astype(np.float64).view(np.int64) >> 52) - 1023
    ranks = np.where(rest == 0, _REST + 1, _REST - highest)
    if len(hashes) < _REGISTERS * 8:
        registers = np.zeros(_REGISTERS, np.uint8)
        np.maximum.at(registers, places, ranks.astype(np.uint8))
        return registers
    # The same, quicker for many: what was seen at all, and in each register the highest of it.
    held = np.bincount(places * 64 + ranks, minlength=_REGISTERS * 64).reshape(_REGISTERS, 64) > 0
    return np.where(held.any(axis=1), 63 - held[:, ::-1].argmax(axis=1), 0).astype(np.uint8)


def joined(sketches: Sequence[str]) -> str:
    """The sketch of all that was seen by any of them."""
    return _written(np.maximum.reduce([_read(each) for each in sketches]))


def estimate(sketch: str) -> int:
    """About how many different values there were."""
    counts = np.bincount(_read(sketch), minlength=_REST + 2)
    z = _REGISTERS * _tau(1 - counts[_REST + 1] / _REGISTERS)
    for rank in range(_REST, 0, -1):
        z = 0.5 * (z + counts[rank])
    z += _REGISTERS * _sigma(counts[0] / _REGISTERS)
    return round(_ALPHA * _REGISTERS**2 / z)


def _sigma(x: float) -> float:
    if x == 1.0:
        return math.inf
    y, z = 1.0, x
    while True:
        x *= x
        before = z
        z += x * y
        y += y
        if z == before:
            return z


def _tau(x: float) -> float:
    if x in (0.0, 1.0):
        return 0.0
    y, z = 1.0, 1 - x
    while True:
        x = math.sqrt(x)
        before = z
        y *= 0.5
        z -= (1 - x) ** 2 * y
        if z == before:
            return z / 3


def _written(registers: npt.NDArray[np.uint8]) -> str:
    return base64.b64encode(zlib.compress(registers.tobytes(), 6)).decode()


def _read(sketch: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(zlib.decompress(base64.b64decode(sketch)), np.uint8)

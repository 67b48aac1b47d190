"""A stream of what a generator makes: nothing is made before it is read."""

from __future__ import annotations

import io
from collections.abc import Generator

__all__ = ["Generated"]


class Generated(io.RawIOBase):
    """The pieces that a generator gives, as one stream; closing it closes the generator.

    Parameters
    ----------
    pieces : generator of bytes

    Examples
    --------
    >>> def count():
    ...     for number in range(3):
    ...         yield b"%d," % number
    >>> Generated(count()).read()
    b'0,1,2,'
    """

    def __init__(self, pieces: Generator[bytes, None, None]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer
        """Fill a buffer; 0 at the end."""
        while not self._rest:
            if (piece := next(self._pieces, None)) is None:
                return 0
            self._rest = memoryview(piece)
        given = self._rest[: len(buffer)]
        buffer[: len(given)] = given
        self._rest = self._rest[len(given) :]
        return len(given)

    def close(self) -> None:
        """End the generator, and with it what it has open."""
        self._pieces.close()
        super().close()

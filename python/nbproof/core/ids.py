"""Identifiers: UUIDv7 in 32 hex digits, sortable by the time they were made."""

from __future__ import annotations

import os
import threading
import time

__all__ = ["is_id", "new_id", "short"]

_lock = threading.Lock()
_last = 0


def new_id(now_ms: int | None = None) -> str:
    """A fresh UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, a counter, 62 random bits.

    Ids made one after the other by one process sort in that order, even within a millisecond or
    when the clock steps back.

    Parameters
    ----------
    now_ms : int, optional
        Milliseconds since 1970 UTC; the present by default.

    Examples
    --------
    >>> from nbproof.core.ids import new_id
    >>> a, b = new_id(), new_id()
    >>> len(a), a < b
    (32, True)
    """
    global _last
    stamp = (time.time_ns() // 1_000_000 if now_ms is None else now_ms) << 12
    with _lock:
        # The 12 bits below the milliseconds count up, so that order survives equal milliseconds.
        _last = stamp = stamp if stamp > _last or now_ms is not None else _last + 1
    random = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    milliseconds, counter = stamp >> 12, stamp & 0xFFF
    return f"{(milliseconds << 80) | (0x7 << 76) | (counter << 64) | (0b10 << 62) | random:032x}"


def is_id(text: str) -> bool:
    """Whether `text` has the form of a whole id."""
    return len(text) == 32 and all(digit in "0123456789abcdef" for digit in text)


def short(identifier: str) -> str:
    """The last six digits, which people read: `new_id` puts randomness there."""
    return identifier[-6:]


def _renew_after_fork() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # a lock held by another thread at the fork would never be freed
    os.register_at_fork(after_in_child=_renew_after_fork)

"""Time as integer microseconds since 1970, UTC; a clock that tests can set."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "FixedClock", "SystemClock", "datetime_of", "microseconds_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Tells the time; safe to call from any thread."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1000


class FixedClock:
    """A clock that stands still until it is told to move.

    Examples
    --------
    >>> clock = FixedClock("2026-01-02T03:04:05Z")
    >>> clock.advance(1.5)
    >>> datetime_of(clock.now_us()).isoformat()
    '2026-01-02T03:04:06.500000+00:00'
    """

    def __init__(self, start: str | int = "2026-01-01T00:00:00Z") -> None:
        self._now = start if isinstance(start, int) else microseconds_of(datetime.fromisoformat(start))

    def now_us(self) -> int:
        """Where the clock stands."""
        return self._now

    def set(self, when: str | int) -> None:
        """Move to an ISO 8601 instant or a number of microseconds."""
        self._now = when if isinstance(when, int) else microseconds_of(datetime.fromisoformat(when))

    def advance(self, seconds: float) -> None:
        """Move by a number of seconds, backwards too."""
        self._now += round(seconds * 1_000_000)


def datetime_of(microseconds: int) -> datetime:
    """The aware UTC datetime of a number of microseconds, exactly."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds_of(when: datetime) -> int:
    """Microseconds since 1970 of a datetime, exactly; one without a zone is taken as UTC."""
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return (when - _EPOCH) // timedelta(microseconds=1)

"""An axis: which values it spans, where on it a value lies, and what is written along it.

Places run from 0 (the low end) to 1 (the high end), so that an axis knows nothing of pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

__all__ = ["Axis", "Kind", "axis_of", "categories_of", "numbers_only", "spans_ratios", "tick_text", "ticks"]

Kind = Literal["number", "seconds", "time"]

_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_MOST_CATEGORIES = 30
_SLACK = 0.04  # of the span, beyond the outermost values


@dataclass(frozen=True, slots=True)
class Axis:
    """A span with its ticks.

    Attributes
    ----------
    label : str
    low, high : float
        The ends; logarithms of them where `log`.
    log : bool
        Whether equal distances are equal ratios.
    ticks : tuple
        Places from 0 to 1, and what stands there.
    categories : tuple of str
        Names that stand for values, in order; empty on an axis of numbers.
    """

    label: str
    low: float
    high: float
    log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()
    categories: tuple[str, ...] = ()

    def at(self, value: float | str | None) -> float | None:
        """Where a value lies, from 0 to 1; None for what has no place: NaN, on a log axis 0 and less.

        What is beyond an end, an infinity above all, lies at that end.
        """
        if self.categories:
            if value not in self.categories:
                return None
            return (self.categories.index(str(value)) + 0.5) / len(self.categories)
        if value is None or isinstance(value, str) or math.isnan(value):
            return None
        if self.log:
            if value <= 0:
                return None
            value = math.log10(value)
        if math.isinf(value):
            return 1.0 if value > 0 else 0.0
        # Halves, because the difference of two floats may be beyond the greatest.
        span = self.high / 2 - self.low / 2
        return min(max((value / 2 - self.low / 2) / span, 0.0), 1.0) if span > 0 else 0.5


def axis_of(
    values: Iterable[float],
    label: str = "",
    *,
    log: bool = False,
    kind: Kind = "number",
    slack: bool = True,
    most: int = 5,
) -> Axis:
    """The axis that spans some values; NaN, the infinities and, on a log axis, 0 and less don't count.

    Parameters
    ----------
    values : iterable of float
    label : str
    log : bool
    kind : {"number", "seconds", "time"}
        What ticks read like: numbers, durations, or instants (seconds since 1970, UTC).
    slack : bool
        Whether there is a little room beyond the outermost values.
    most : int
        About so many ticks.

    Examples
    --------
    >>> axis = axis_of([0.0, 10.0], slack=False)
    >>> axis.at(2.5), axis.ticks
    (0.25, ((0.0, '0'), (0.2, '2'), (0.4, '4'), (0.6, '6'), (0.8, '8'), (1.0, '10')))
    """
    given = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    whole = all(isinstance(value, int) for value in given)
    found = [float(value) for value in given]
    if log:
        found = [math.log10(value) for value in found]
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    if low == high:
        room = abs(low) * 0.1 or 1.0
        low, high = low - (0.5 if log else room), high + (0.5 if log else room)
    elif slack:
        room = (high / 2 - low / 2) * 2 * _SLACK
        if math.isfinite(room):
            low, high = low - room, high + room
    # No axis leads beyond what a float, or a power of ten as a float, can be.
    least, greatest = (-323.0, 308.0) if log else (-1.7e308, 1.7e308)
    low, high = max(low, least), min(high, greatest)
    bare = Axis(label, low, high, log)
    marks = _log_ticks(low, high, most) if log else ticks(low, high, most, kind=kind)
    if whole and not log:
        # Between two whole numbers there is nothing to be read.
        marks = [mark for mark in marks if mark == round(mark)]
    placed = []
    step = marks[1] - marks[0] if len(marks) > 1 else 0.0
    for mark in marks:
        place = bare.at(mark)
        if place is not None:
            placed.append((round(place, 6), tick_text(mark, kind, step)))
    return Axis(label, low, high, log, tuple(placed))


def categories_of(values: Iterable[str | None], label: str = "") -> Axis:
    """An axis of names, in the order of the names; of many only the first are ticked."""
    names = tuple(sorted({value for value in values if value is not None}))
    bare = Axis(label, 0.0, 1.0, False, (), names)
    every = max(1, math.ceil(len(names) / _MOST_CATEGORIES))
    marks = tuple((round(bare.at(name) or 0.0, 6), name) for name in names[::every])
    return Axis(label, 0.0, 1.0, False, marks, names)


def ticks(low: float, high: float, most: int = 5, *, kind: Kind = "number") -> list[float]:
    """Round values between two ends: multiples of 1, 2 or 5 times a power of ten, or of round times.

    Examples
    --------
    >>> ticks(0.13, 0.94)
    [0.2, 0.4, 0.6, 0.8]
    >>> ticks(0, 150, kind="seconds")
    [0, 30, 60, 90, 120, 150]
    """
    span = high / most - low / most
    if not span > 1e-300 or not math.isfinite(span):  # one value, or what no power of ten can be told of
        return [low]
    if kind != "number" and span >= 1:
        step = next((each for each in _SECONDS if each >= span), 0) or math.ceil(span / 86_400) * 86_400
        first = math.ceil(low / step)
        return [number * step for number in range(first, math.floor(high / step) + 1)]
    power = math.floor(math.log10(span))
    # Dividing by a power of ten gives the nearest float, multiplying by its inverse does not.
    size = 10.0 ** abs(power)
    unit = span / size if power >= 0 else span * size
    digit = next(each for each in (1, 2, 5, 10) if each >= unit * 0.999999)
    first, last = (
        (math.ceil(low / (digit * size) - 1e-9), math.floor(high / (digit * size) + 1e-9))
        if power >= 0
        else (math.ceil(low * size / digit - 1e-9), math.floor(high * size / digit + 1e-9))
    )
    return [
        number * digit * size if power >= 0 else number * digit / size for number in range(first, last + 1)
    ]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Values whose logarithms lie between two ends: powers of ten, or round values where those are few."""
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    if last - first >= 2:
        every = math.ceil((last - first) / most)
        return [10.0**power for power in range(first, last + 1, every)]
    near = [digit * 10.0**power for power in range(math.floor(low), last + 1) for digit in (1, 2, 5)]
    found = [
        value for value in near if math.isfinite(value) and low - 1e-9 <= math.log10(value) <= high + 1e-9
    ]
    return found if len(found) > 1 else ticks(10.0**low, 10.0**high, most)


def tick_text(value: float, kind: Kind = "number", step: float = 0.0) -> str:
    """What is written at a tick.

    Examples
    --------
    >>> [tick_text(value) for value in (0.0, 0.25, 1500, 2_000_000, 1e-7)]
    ['0', '0.25', '1,500', '2e6', '1e-7']
    >>> [tick_text(value, "seconds") for value in (0, 45, 90, 5400, 172_800)]
    ['0', '45 s', '1:30', '1 h 30', '2 d']
    """
    if kind == "time":
        when = datetime.fromtimestamp(value, UTC)
        if step >= 86_400:
            return when.strftime("%b %d")
        if 0 < step < 1:
            fraction = f"{value % 1:.{math.ceil(-math.log10(step))}f}"
            return f"{when:%M:%S}{fraction[1:]}"
        return when.strftime("%H:%M" if step >= 60 else "%H:%M:%S")
    if kind == "seconds" and (abs(value) >= 1 or value == 0):
        return _duration(value)
    unit = " s" if kind == "seconds" else ""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e6 or size < 1e-4:
        digits, _, power = f"{value:.4e}".partition("e")
        return f"{digits.rstrip('0').rstrip('.')}e{int(power)}{unit}"
    if size >= 1000:
        return f"{value:,.10g}{unit}"
    return f"{value:.6g}{unit}"


def _duration(seconds: float) -> str:
    if seconds == 0:
        return "0"
    sign, whole = ("-" if seconds < 0 else ""), round(abs(seconds))
    days, hours, minutes, rest = whole // 86_400, whole // 3600, whole // 60, whole % 60
    if days:
        return f"{sign}{days} d" + (f" {hours % 24} h" if hours % 24 else "")
    if hours:
        return f"{sign}{hours} h" + (f" {minutes % 60:02d}" if minutes % 60 else "")
    if minutes:
        return f"{sign}{minutes}:{rest:02d}" if rest else f"{sign}{minutes} min"
    return f"{sign}{whole} s"


def spans_ratios(values: Sequence[object]) -> bool:
    """Whether values are numbers above 0 whose greatest is a hundred times the least, as of a learning rate.

    Examples
    --------
    >>> spans_ratios([1e-4, 1e-1]), spans_ratios([2, 9]), spans_ratios([0, 1000])
    (True, False, False)
    """
    there = [float(each) for each in values if isinstance(each, (int, float))]
    return numbers_only(values) and min(there) > 0 and max(there) / min(there) >= 100


def numbers_only(values: Sequence[object]) -> bool:
    """Whether every value that is there is a number, and one is."""
    there = [value for value in values if value is not None]
    return bool(there) and all(
        isinstance(each, (int, float)) and not isinstance(each, bool) for each in there
    )

"""Numbers as they stand in sentences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nbproof.stats.profile import ColumnProfile, Value

__all__ = [
    "instant",
    "is_moment",
    "moment",
    "moment_text",
    "number",
    "percent",
    "some",
    "span",
    "timestamp_text",
    "writer",
]


def percent(share: float) -> str:
    """A share of rows."""
    told = f"{100 * share:.1f} %"
    return told if share == 0 or told != "0.0 %" else "< 0.1 %"


def number(value: float) -> str:
    """Three digits that count, with thousands apart."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(2 - math.floor(math.log10(abs(value))), 0)
    if digits > 6 or abs(value) >= 1e15:
        return f"{value:.3g}"
    told = f"{round(value, digits):,.{digits}f}"
    return told.rstrip("0").rstrip(".") if "." in told else told


def writer(profile: ColumnProfile) -> Callable[[float], str]:
    """How numbers of a column are shown: as such, as moments, as times."""
    if is_moment(profile.type):
        return lambda value: moment_text(value, profile.type)
    if profile.kind == "datetime":
        return lambda value: f"{number(value / 1e6)} s"
    return number


def is_moment(told: str) -> bool:
    """Whether a type, as Arrow writes it, is of dates or times of some day."""
    return told.startswith(("timestamp", "date"))


def instant(value: float) -> np.datetime64:
    """Microseconds since 1970 as numpy has them; those beyond what it holds in whole seconds.

    Examples
    --------
    >>> print(instant(1.5e6), instant(2.0**70))
    1970-01-01T00:00:01.500000 37413429-02-25T09:56:51
    """
    whole = int(value)
    return np.datetime64(whole, "us") if abs(whole) < 1 << 63 else np.datetime64(whole // 1_000_000, "s")


def timestamp_text(value: float) -> str:
    """Microseconds since 1970, to the second."""
    return str(instant(value).astype("datetime64[s]")).replace("T", " ")


def moment_text(value: float, told: str) -> str:
    """Microseconds since 1970, to the second; of a type with a zone it is said that they are told in UTC.

    Examples
    --------
    >>> moment_text(1.5e6, "timestamp[us]"), moment_text(1.5e6, "timestamp[us, tz=Europe/Oslo]")
    ('1970-01-01 00:00:01', '1970-01-01 00:00:01 UTC')
    """
    return timestamp_text(value) + (" UTC" if "tz=" in told else "")


def span(value: float) -> str:
    """How long so many microseconds are.

    Examples
    --------
    >>> span(1.5e6), span(90_000_000 * 60), span(86_400e6 * 12)
    ('1.5 s', '90 min', '12 days')
    """
    seconds = value / 1e6
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= 2 * size:
            return f"{number(seconds / size)} {unit}"
    return f"{number(seconds)} s"


def some(values: Sequence[tuple[Value, int]]) -> str:
    """The first of some values."""
    told = ", ".join(
        repr(value) if len(str(value)) <= 40 else repr(str(value)[:40] + "…") for value, _ in values[:3]
    )
    return told + (", …" if len(values) > 3 else "")


def moment(scalar: Any) -> str:
    """A date or time of Arrow, to the second."""
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_date(scalar.type):
        return str(scalar)
    return str(np.datetime64(scalar.cast(pa.timestamp("s"), safe=False).value, "s")).replace("T", " ")

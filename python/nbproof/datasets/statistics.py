"""The statistics of columns as a frame to be looked at."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nbproof.stats.words import instant, is_moment

if TYPE_CHECKING:
    import pandas as pd

    from nbproof.stats.profile import ColumnProfile

__all__ = ["statistics_of"]

_TITLES = [
    "column", "type", "rows", "missing", "distinct", "mean", "std", "min", "25%", "median", "75%", "max",
    "most frequent", "its rows",
]  # fmt: skip
_MIDNIGHT = datetime(1970, 1, 1, tzinfo=UTC)


def statistics_of(profiles: Sequence[ColumnProfile]) -> pd.DataFrame:
    """One row for each column: counts, extremes, mean, deviation, quartiles; of times these are times."""
    import pandas as pd

    rows = [_statistics(each) for each in profiles]
    try:
        found = pd.DataFrame(rows, columns=_TITLES)
    except (ValueError, OverflowError):  # durations of which no unit has room for all
        found = pd.DataFrame(rows, columns=_TITLES, dtype=object)
    return found.set_index("column")


def _statistics(profile: ColumnProfile) -> dict[str, Any]:
    top = profile.top[0] if profile.top else (None, None)
    as_value = _value_of(profile)
    return {
        "column": profile.name,
        "type": profile.type,
        "rows": profile.rows,
        "missing": profile.missing,
        "distinct": profile.distinct,
        "mean": as_value(profile.mean),
        "std": _duration(profile.std) if profile.kind == "datetime" else profile.std,
        "min": as_value(profile.minimum),
        "25%": as_value(profile.quantile(0.25)),
        "median": as_value(profile.quantile(0.5)),
        "75%": as_value(profile.quantile(0.75)),
        "max": as_value(profile.maximum),
        "most frequent": as_value(top[0]),
        "its rows": top[1],
    }


def _value_of(profile: ColumnProfile) -> Callable[[Any], Any]:
    """What a figure of a column is: of times, which profiles have as microseconds, a time of pandas."""
    if profile.kind != "datetime":
        return lambda value: value
    if not is_moment(profile.type):
        return _time_of_day if profile.type.startswith("time") else _duration
    zone = re.search(r"tz=([^\]]+)", profile.type)

    def moment(value: float | None) -> Any:
        import pandas as pd

        if value is None:
            return None
        found = pd.Timestamp(instant(value))
        # A zone that this machine does not know, or a time at the end of all times: then as it is in UTC.
        with suppress(LookupError, ValueError, OverflowError):
            found = found if zone is None else found.tz_localize("UTC").tz_convert(zone[1])
        return found

    return moment


def _duration(value: float | None) -> Any:
    import numpy as np
    import pandas as pd

    if value is None:
        return None
    whole = int(value)
    if abs(whole) < 1 << 63:
        return pd.Timedelta(np.timedelta64(whole, "us"))
    return pd.Timedelta(np.timedelta64(whole // 1_000_000, "s"))  # microseconds are too many for 64 bits


def _time_of_day(value: float | None) -> Any:
    return None if value is None else (_MIDNIGHT + timedelta(microseconds=int(value))).time()

"""The statistics of columns as a frame to be looked at."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nbproof.stats.words import is_moment

if TYPE_CHECKING:
    import pandas as pd

    from nbproof.stats.profile import ColumnProfile

__all__ = ["statistics_of"]

_MIDNIGHT = datetime(1970, 1, 1, tzinfo=UTC)


def statistics_of(profiles: Sequence[ColumnProfile]) -> pd.DataFrame:
    """One row for each column: counts, extremes, mean, deviation, quartiles; of times these are times."""
    import pandas as pd

    return pd.DataFrame([_statistics(each) for each in profiles]).set_index("column")


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
        import numpy as np
        import pandas as pd

        if value is None:
            return None
        found = pd.Timestamp(np.datetime64(int(value), "us"))
        return found if zone is None else found.tz_localize("UTC").tz_convert(zone[1])

    return moment


def _duration(value: float | None) -> Any:
    import numpy as np
    import pandas as pd

    return None if value is None else pd.Timedelta(np.timedelta64(int(value), "us"))


def _time_of_day(value: float | None) -> Any:
    return None if value is None else (_MIDNIGHT + timedelta(microseconds=int(value))).time()

"""Runs and histories as pandas frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from nbproof.tracking.models import Run
    from nbproof.tracking.trash_models import ParamHistory

__all__ = ["history_frame", "param_frame", "runs_frame"]

_ATTRIBUTES = ("id", "name", "experiment", "status", "started", "ended")


def history_frame(steps: np.ndarray, times_us: np.ndarray, values: np.ndarray) -> pd.DataFrame:
    """Points as a frame with columns ``step, time, value``; times are UTC with microseconds."""
    times = pd.Series(times_us.astype("datetime64[us]")).dt.tz_localize("UTC")
    return pd.DataFrame({"step": steps, "time": times, "value": values})


def param_frame(history: ParamHistory) -> pd.DataFrame:
    """The values of a param as a frame with columns ``time, value``, in the order of time."""
    times = pd.to_datetime(pd.Series([each.time for each in history.items], dtype=object), utc=True)
    return pd.DataFrame(
        {
            "time": times.astype("datetime64[us, UTC]"),
            "value": pd.Series([each.value for each in history.items], dtype=object),
        }
    )


def runs_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run: attributes, then ``params.*``, ``metrics.*`` and ``tags.*``, each sorted by name."""
    columns: dict[str, list[object]] = {name: [getattr(run, name) for run in runs] for name in _ATTRIBUTES}
    for time in ("started", "ended"):
        columns[time] = list(
            pd.to_datetime(pd.Series(columns[time], dtype=object), utc=True).astype("datetime64[us, UTC]")
        )
    for group in ("params", "metrics", "tags"):
        keys = sorted({key for run in runs for key in getattr(run, group)})
        for key in keys:
            values = [getattr(run, group).get(key) for run in runs]
            # A metric column is a float column even where runs lack it; params keep their types.
            columns[f"{group}.{key}"] = (
                [float("nan") if value is None else value for value in values]
                if group == "metrics"
                else values
            )
    return pd.DataFrame(columns)

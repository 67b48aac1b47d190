"""Runs as pandas frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from nbproof.tracking.models import Run

__all__ = ["runs_frame"]

_ATTRIBUTES = ("id", "name", "experiment", "status", "started", "ended")


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

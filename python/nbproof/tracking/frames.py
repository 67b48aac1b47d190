"""Runs as pandas frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nbproof.core.clock import microseconds_of

if TYPE_CHECKING:
    from nbproof.tracking.models import Leaderboard, Run
    from nbproof.tracking.trash_models import ParamHistory

__all__ = ["RunColumns", "leaderboard_frame", "param_frame", "runs_frame"]

_FIRST_US = microseconds_of(datetime.min.replace(tzinfo=UTC))
_LAST_US = microseconds_of(datetime.max.replace(tzinfo=UTC))
_WORD = 1 << 63
_ATTRIBUTES = ("id", "name", "experiment", "status", "started", "ended")


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
    columns: dict[str, Any] = {name: [getattr(run, name) for run in runs] for name in _ATTRIBUTES}
    for time in ("started", "ended"):
        moments = pd.to_datetime(pd.Series(columns[time], dtype=object), utc=True)
        columns[time] = moments.astype("datetime64[us, UTC]")
    for group in ("params", "metrics", "tags"):
        keys = sorted({key for run in runs for key in getattr(run, group)})
        for key in keys:
            values = [getattr(run, group).get(key) for run in runs]
            # A metric column is a float column even where runs lack it; params keep their types.
            columns[f"{group}.{key}"] = (
                [float("nan") if value is None else value for value in values]
                if group == "metrics"
                else _exact(values)
            )
    return pd.DataFrame(columns)


class RunColumns:
    """The same frame, made from rows of the records as they come: rows name a run by its place.

    Parameters
    ----------
    count : int
        How many runs there are.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._known: list[tuple[Any, ...]] = [()] * count
        self._params: dict[str, list[Any]] = {}
        self._tags: dict[str, list[Any]] = {}
        self._metrics: dict[str, list[float | None]] = {}

    def add_runs(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Rows of place, then ``id, name, experiment, status, started_us, ended_us``."""
        for row in rows:
            self._known[row[0]] = row[1:]

    def add_params(self, keys: Sequence[str], places: Sequence[int], rows: Sequence[Sequence[Any]]) -> None:
        """Params of runs that have the same: the places of these runs, and the values of each."""
        for key, values in zip(keys, zip(*rows, strict=True), strict=True):
            column = self._params.setdefault(key, [None] * self._count)
            for place, value in zip(places, values, strict=True):
                column[place] = value

    def add_tags(self, rows: Iterable[tuple[int, str, str]]) -> None:
        """Rows of place, key and value."""
        tags = self._tags
        for place, key, value in rows:
            if key not in tags:
                tags[key] = [None] * self._count
            tags[key][place] = value

    def add_metrics(self, rows: Iterable[tuple[int, str, float | None]]) -> None:
        """Rows of place, name and value; None is NaN."""
        metrics = self._metrics
        for place, name, value in rows:
            if name not in metrics:
                metrics[name] = [None] * self._count
            metrics[name][place] = value

    def frame(self, unknown: str) -> pd.DataFrame:
        """The frame of `runs_frame`; `unknown` is the experiment of a run that has none yet."""
        known = list(zip(*self._known, strict=True)) or [()] * len(_ATTRIBUTES)
        columns: dict[str, Any] = dict(zip(_ATTRIBUTES, map(list, known), strict=True))
        columns["experiment"] = [unknown if each is None else each for each in columns["experiment"]]
        for time in ("started", "ended"):
            columns[time] = _instants(columns[time])
        columns |= {f"params.{key}": _exact(self._params[key]) for key in sorted(self._params)}
        columns |= {f"metrics.{key}": np.array(self._metrics[key], float) for key in sorted(self._metrics)}
        columns |= {f"tags.{key}": self._tags[key] for key in sorted(self._tags)}
        return pd.DataFrame(columns)


def _exact(values: list[Any]) -> Any:
    # Older pandas makes floats of integers that fit no machine word.
    if any(type(each) is int and not -_WORD <= each < _WORD for each in values):
        return pd.Series(values, dtype=object)
    return values


def _instants(times_us: Sequence[int | None]) -> pd.Series[Any]:
    """Times as pandas holds them; beyond the years 1 to 9999 the nearest of these, as everywhere else."""
    missing = np.iinfo(np.int64).min  # NaT
    numbers = [missing if each is None else min(max(each, _FIRST_US), _LAST_US) for each in times_us]
    times = np.array(numbers, np.int64).astype("datetime64[us]")
    return pd.Series(times).dt.tz_localize("UTC")


def leaderboard_frame(board: Leaderboard) -> pd.DataFrame:
    """One row a group, the best first."""
    columns: dict[str, Any] = {
        name: [group.keys.get(name) for group in board.groups] for name in board.group_by
    }
    for name in ("n", "nan"):
        columns[name] = np.array([getattr(group, name) for group in board.groups], np.int64)
    for name in ("mean", "std", "min", "max"):
        values = [getattr(group, name) for group in board.groups]
        columns[name] = np.array([np.nan if each is None else each for each in values], np.float64)
    columns["best_run"] = [group.best_run for group in board.groups]
    return pd.DataFrame(columns, index=pd.RangeIndex(1, len(board.groups) + 1, name="rank"))

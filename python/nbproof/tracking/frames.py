"""Runs as pandas frames."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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


class RunColumns:
    """The same frame, made from rows of the records as they come: a run's place is known by its id.

    Parameters
    ----------
    ids : sequence of str
        The runs, in order.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self._place = {run_id: place for place, run_id in enumerate(ids)}
        self._ids = list(ids)
        self._known: list[tuple[Any, ...]] = [()] * len(ids)
        self._params: dict[str, list[Any]] = defaultdict(self._nothing)
        self._tags: dict[str, list[Any]] = defaultdict(self._nothing)
        self._metrics: dict[str, list[float]] = defaultdict(lambda: [np.nan] * len(self._ids))

    def _nothing(self) -> list[Any]:
        return [None] * len(self._ids)

    def add_runs(self, rows: Iterable[Any]) -> None:
        """Rows of ``id, name, experiment, status, started_us, ended_us``."""
        for row in rows:
            self._known[self._place[row[0]]] = tuple(row)

    def add_params(self, params: Mapping[str, Mapping[str, Any]]) -> None:
        """Params of some runs by id and name."""
        for run_id, given in params.items():
            place = self._place[run_id]
            for key, value in given.items():
                self._params[key][place] = value

    def add_tags(self, rows: Iterable[Any]) -> None:
        """Rows of ``run_id, key, value``."""
        for run_id, key, value in rows:
            self._tags[key][self._place[run_id]] = value

    def add_metrics(self, rows: Iterable[Any], specials: Mapping[int, float]) -> None:
        """Rows of ``run_id, name, value, special``."""
        place, metrics = self._place, self._metrics
        for run_id, name, value, special in rows:
            metrics[name][place[run_id]] = value if special is None else specials[special]

    def frame(self, unknown: str) -> pd.DataFrame:
        """The frame of `runs_frame`; `unknown` is the experiment of a run that has none yet."""
        _, names, experiments, statuses, started, ended = (
            zip(*self._known, strict=True) if self._known else ([], [], [], [], [], [])
        )
        columns: dict[str, Any] = {
            "id": self._ids,
            "name": list(names),
            "experiment": [unknown if each is None else each for each in experiments],
            "status": list(statuses),
            "started": _instants(started),
            "ended": _instants(ended),
        }
        columns |= {f"params.{key}": self._params[key] for key in sorted(self._params)}
        columns |= {f"metrics.{key}": np.array(self._metrics[key]) for key in sorted(self._metrics)}
        columns |= {f"tags.{key}": self._tags[key] for key in sorted(self._tags)}
        return pd.DataFrame(columns)


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

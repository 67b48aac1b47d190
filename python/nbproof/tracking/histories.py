"""Points of metrics in the shapes people want them in: lines of a chart, arrays, Arrow tables, frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from nbproof.core.clock import microseconds_of
from nbproof.core.errors import Unavailable
from nbproof.tracking.models import MetricLine, MetricLines
from nbproof.tracking.points import Points, thinned

if TYPE_CHECKING:
    import pandas
    import pyarrow
    from numpy.typing import NDArray

    from nbproof.tracking.models import Run
    from nbproof.tracking.repository.histories import Line

__all__ = ["Axis", "MetricArrays", "arrays_of", "histories_frame", "history_frame", "lines_of", "table_of"]

Axis = Literal["step", "time", "relative"]


class MetricArrays(NamedTuple):
    """Every point of one metric as arrays of equal length, in the order logged.

    Attributes
    ----------
    step : numpy.ndarray of int64
    time : numpy.ndarray of datetime64[us]
        UTC.
    value : numpy.ndarray of float64
        NaN and the infinities as logged.
    """

    step: NDArray[np.int64]
    time: NDArray[np.datetime64]
    value: NDArray[np.float64]


Columns = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.float64]"]


def arrays_of(columns: Columns) -> MetricArrays:
    """Points as arrays."""
    steps, times, values = columns
    return MetricArrays(steps, times.view("datetime64[us]"), values)


def table_of(columns: Columns) -> pyarrow.Table:
    """Points as an Arrow table with columns ``step, time, value``.

    Raises
    ------
    Unavailable
        pyarrow is not installed.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise Unavailable(
            "an Arrow table needs the package pyarrow, which is not installed here",
            hint="pip install pyarrow, or read numpy arrays with run.metric_arrays(name)",
        ) from error
    steps, times, values = columns
    moments = pyarrow.array(times).cast(pyarrow.timestamp("us", tz="UTC"))
    return pyarrow.table({"step": steps, "time": moments, "value": values})


def history_frame(columns: Columns) -> pandas.DataFrame:
    """Points as a frame with columns ``step, time, value``; times are UTC with microseconds."""
    import pandas

    steps, times, values = columns
    moments = pandas.Series(times.view("datetime64[us]")).dt.tz_localize("UTC")
    return pandas.DataFrame({"step": steps, "time": moments, "value": values})


def histories_frame(
    lines: Sequence[tuple[Run, str, Columns]], max_points: int | None = None
) -> pandas.DataFrame:
    """Metrics of runs below each other: ``run, name, metric, step, time, relative, value``.

    ``relative`` is the time since the run began.
    """
    import pandas

    if not lines:
        return pandas.DataFrame(columns=["run", "name", "metric", "step", "time", "relative", "value"])
    parts = [Points(*columns) for _, _, columns in lines]
    if max_points is not None:
        parts = [thinned(points, max_points) for points in parts]
    whole, lengths = Points.joined(parts), [points.n for points in parts]
    began = np.repeat([microseconds_of(run.started) for run, _, _ in lines], lengths)
    # All at once: a frame for each metric would take most of the time where there are thousands.
    frame = history_frame(whole)
    for place, (column, texts) in enumerate(
        (
            ("run", [run.id for run, _, _ in lines]),
            ("name", [run.name for run, _, _ in lines]),
            ("metric", [metric for _, metric, _ in lines]),
        )
    ):
        frame.insert(place, column, pandas.Series(texts).repeat(lengths).reset_index(drop=True))
    frame.insert(5, "relative", (whole.times - began).view("timedelta64[us]"))
    return frame


def lines_of(
    found: Mapping[tuple[str, str], Line], runs: Mapping[str, tuple[str, int]], axis: Axis
) -> MetricLines:
    """Lines of a chart; `runs` gives the name and the start in µs of each run that is in a table."""
    items = []
    for (run, metric), line in found.items():
        name, started = runs.get(run, (run[-6:], 0))
        x: Any = line.points.steps
        if axis != "step":
            x = (line.points.times - (started if axis == "relative" else 0)) / 1e6
        items.append(
            MetricLine.model_construct(
                run_id=run,
                run=name,
                metric=metric,
                count=line.count,
                x=x.astype(np.float64).tolist(),
                y=line.points.values.tolist(),
            )
        )
    return MetricLines.model_construct(axis=axis, items=items)

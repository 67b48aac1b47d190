"""Figures of compared runs: which numbers of a comparison go where; `nbproof.plots` draws them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from nbproof.core.errors import Invalid, NotFound, hint_of, near_names
from nbproof.core.ids import short
from nbproof.plots.box import boxes_of, plot_boxes
from nbproof.plots.figure import Figure, Frame
from nbproof.plots.line import Series, lines_of, plot_lines
from nbproof.plots.parallel import plot_strands, strands_of
from nbproof.plots.scatter import dots_of, plot_dots
from nbproof.tracking.domain import param_text

if TYPE_CHECKING:
    from nbproof.plots.axis import Kind
    from nbproof.tracking.models import ComparedCourse, ComparedMetric, Comparison, MetricHistory, MetricLines

__all__ = [
    "box_figure",
    "differing_params",
    "first_metric",
    "history_figure",
    "line_figure",
    "overlaid_figures",
    "parallel_figure",
    "scatter_figure",
]

X = Literal["step", "time", "relative"]
_X: dict[str, tuple[str, Kind]] = {
    "step": ("step", "number"),
    "time": ("time (UTC)", "time"),
    "relative": ("time since the start", "seconds"),
}


def differing_params(comparison: Comparison) -> list[str]:
    """Params that differ, by name."""
    return [row.key for row in comparison.params if row.differs]


def _telling_params(comparison: Comparison) -> list[str]:
    """Params that differ and that two runs or more have; those that most have come first."""
    given = {row.key: sum(value is not None for value in row.values) for row in comparison.params}
    differing = differing_params(comparison)
    shared = [key for key in differing if given[key] > 1]
    return sorted(shared or differing, key=lambda key: -given[key])


def first_metric(comparison: Comparison) -> str | None:
    """The metric that figures show where none is named: the first that differs."""
    return next((row.key for row in comparison.metrics if row.differs), None)


def line_figure(
    comparison: Comparison,
    metric: str,
    *,
    x: X = "step",
    smoothing: float = 0.0,
    log: bool = False,
    frame: Frame | None = None,
) -> Figure:
    """One metric of all runs over each other; see `Comparison.line`."""
    if x not in _X:
        raise Invalid(f"x is one of {', '.join(_X)}, found {x!r}", details={"field": "x"})
    if not 0 <= smoothing < 1:
        raise Invalid(
            f"smoothing lies from 0 to below 1, found {smoothing!r}", details={"field": "smoothing"}
        )
    chart = _chart(comparison, metric)
    names = comparison.labels()
    label, kind = _X[x]
    lines = lines_of(
        [
            Series(
                names[course.run],
                _across(comparison, course, x),
                course.values,
                course.smoothed if course.smoothed and not smoothing else None,
            )
            for course in chart.courses
        ],
        title=f"{metric} (log)" if log else metric,
        x_label=label,
        x_kind=kind,
        log=log,
        smoothing=smoothing,
    )
    return plot_lines(lines, frame=frame, colours=[course.run for course in chart.courses])


def history_figure(history: MetricHistory) -> Figure:
    """The course of one metric; its title says of how many points."""
    count = f"{history.count:,} point{'' if history.count == 1 else 's'}"
    if len(history.items) < history.count:
        count = f"{len(history.items):,} of {count}"
    points = Series(
        history.name,
        [float(point.step) for point in history.items],
        [point.value for point in history.items],
    )
    return plot_lines(lines_of([points], title=f"{history.name}, {count}"))


def overlaid_figures(lines: MetricLines) -> list[Figure]:
    """A figure for each metric, with all its runs over each other."""
    label, kind = _X[lines.axis]
    shared = Counter(name for name, _ in {(line.run, line.run_id) for line in lines.items})
    metrics: dict[str, list[Series]] = {}
    for line in lines.items:
        name = line.run if shared[line.run] == 1 else f"{line.run} ({short(line.run_id)})"
        metrics.setdefault(line.metric, []).append(Series(name, line.x, line.y))
    return [
        plot_lines(lines_of(series, title=metric, x_label=label, x_kind=kind))
        for metric, series in metrics.items()
    ]


def _across(comparison: Comparison, course: ComparedCourse, x: X) -> Sequence[float]:
    if x == "step":
        return course.steps
    if x == "relative":
        return course.seconds
    started = comparison.runs[course.run].started.timestamp()
    return [started + each for each in course.seconds]


def _chart(comparison: Comparison, metric: str) -> ComparedMetric:
    for chart in comparison.charts:
        if chart.name == metric:
            return chart
    known = [chart.name for chart in comparison.charts]
    near = near_names(metric, known)
    hint = f"did you mean {near[0]!r}?" if near else f"compare_runs(..., metrics=[{metric!r}])"
    raise NotFound(f"the comparison has no course of {metric!r}", hint=hint, details={"near": near})


def parallel_figure(
    comparison: Comparison, metric: str | None = None, params: Sequence[str] | None = None
) -> Figure:
    """Parallel coordinates across params to a metric; see `Comparison.parallel`."""
    end = metric if metric is not None else first_metric(comparison)
    values = None if end is None else _column(comparison, end, "metrics")
    if isinstance(params, str):
        raise Invalid(
            f"params takes a list of params, found the text {params!r}",
            hint=f"params=[{params!r}]",
            details={"field": "params"},
        )
    chosen = list(params) if params is not None else _telling_params(comparison)
    columns: dict[str, Sequence[object]] = {key: _column(comparison, key) for key in chosen}
    if end is not None and values is not None:
        columns[f"{end} (metric)" if end in columns else end] = values
    if len(columns) < 2:
        raise Invalid(
            "parallel coordinates take a param that differs and a metric",
            hint="name them: .parallel(metric, params)",
            details={"field": "params"},
        )
    return plot_strands(strands_of(comparison.labels(), columns))


def scatter_figure(
    comparison: Comparison,
    param: str,
    metric: str | None = None,
    *,
    log_x: bool = False,
    log_y: bool = False,
    frame: Frame | None = None,
) -> Figure:
    """A metric against a param; see `Comparison.scatter`."""
    chosen = _metric(comparison, metric)
    return plot_dots(
        dots_of(
            comparison.labels(),
            _column(comparison, param),
            _column(comparison, chosen, "metrics"),
            x_label=param,
            y_label=chosen,
            log_x=log_x,
            log_y=log_y,
        ),
        frame=frame,
    )


def box_figure(
    comparison: Comparison,
    param: str,
    metric: str | None = None,
    *,
    log: bool = False,
    frame: Frame | None = None,
) -> Figure:
    """How a metric spreads for each value of a param; see `Comparison.box`."""
    chosen = _metric(comparison, metric)
    groups: dict[str, list[float]] = {}
    for value, found in zip(_column(comparison, param), _column(comparison, chosen, "metrics"), strict=True):
        if value is not None and found is not None:
            groups.setdefault(param_text(value), []).append(float(found))
    return plot_boxes(boxes_of(groups, x_label=param, y_label=chosen, log=log), frame=frame)


def _metric(comparison: Comparison, metric: str | None) -> str:
    chosen = metric if metric is not None else first_metric(comparison)
    if chosen is None:
        raise Invalid("no metric differs between these runs", hint="name one", details={"field": "metric"})
    return chosen


def _column(comparison: Comparison, key: str, kind: Literal["params", "metrics"] = "params") -> list[Any]:
    """Values of a param, or of a metric of that name, as figures can place them: numbers or text."""
    rows = {
        "params": {row.key: row.values for row in comparison.params},
        "metrics": {row.key: row.values for row in comparison.metrics},
    }
    order = ("params", "metrics") if kind == "params" else ("metrics",)
    for each in order:
        if isinstance(key, str) and key in rows[each]:
            return [_placed(value) for value in rows[each][key]]
    noun, known = kind.removesuffix("s"), list(rows[kind])
    if not isinstance(key, str):
        hint = hint_of([], known, f"the {kind} are") or ""
        if kind == "metrics" and isinstance(key, (list, tuple)):
            hint = f"{hint}; a list of params is params={key!r}".removeprefix("; ")
        raise Invalid(
            f"expected the name of a {noun}, found {type(key).__name__} {key!r}",
            hint=hint or None,
            details={"field": noun},
        )
    near = near_names(key, [name for each in order for name in rows[each]])
    told = hint_of(near, known, f"the {kind} are")
    if kind == "metrics" and key in rows["params"]:
        told = f"{key!r} is a param: name the param first, then the metric"
    raise NotFound(f"the compared runs have no {noun} {key!r}", hint=told, details={"near": near})


def _placed(value: object) -> float | str | None:
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    return param_text(value)

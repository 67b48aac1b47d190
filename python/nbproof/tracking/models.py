"""What crosses the boundary of tracking: asks and views."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PrivateAttr, StringConstraints

from nbproof.core.operation import Ask, Instant, Int64, Json, Number, Positional, View
from nbproof.tracking.domain import NAME_LIMIT, Ending, Status

if TYPE_CHECKING:
    import pandas
    import pyarrow

    from nbproof.tracking.histories import Columns, MetricArrays

__all__ = [
    "Artifact",
    "CompareRuns",
    "ComparedValues",
    "Comparison",
    "CreateExperiment",
    "EndRun",
    "Experiment",
    "GetArtifact",
    "GetExperiment",
    "GetMetricHistory",
    "GetMetricLines",
    "GetRun",
    "GitState",
    "ListExperiments",
    "ListRuns",
    "LogArtifact",
    "LogFrame",
    "LogHistory",
    "LogMetric",
    "LogMetrics",
    "LogParam",
    "LogParams",
    "Metric",
    "MetricHistory",
    "MetricLine",
    "MetricLines",
    "MetricPoint",
    "ResumeRun",
    "Run",
    "SearchRuns",
    "SetProvenance",
    "SetTag",
    "SetTags",
    "StartRun",
    "UpdateRun",
]

Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_LIMIT)]
RunRef = Annotated[
    str,
    StringConstraints(min_length=1, max_length=NAME_LIMIT),
    Field(description="A run's name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC."),
]
ExperimentRef = Annotated[
    str,
    StringConstraints(min_length=1, max_length=NAME_LIMIT),
    Field(description="An experiment's name or id."),
]
Limit = Annotated[int, Field(ge=1, le=10_000, description="Items in a page.")]
After = Annotated[str | None, Field(description="The `next` of the page before.")]


class GitState(View):
    """The repository a run was started in."""

    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None


class Metric(View):
    """The state of one metric of a run."""

    name: str
    value: Number = Field(description="Value logged last.")
    step: Int64
    time: Instant
    min: Number | None = Field(None, description="Least value, NaN left out; null if all were NaN.")
    max: Number | None = None
    best: Number | None = Field(
        None, description="Greatest value; of a loss or an error the least. NaN left out."
    )
    best_step: Int64 | None = Field(None, description="Where it was first reached, if that is known.")
    count: int = Field(description="Points logged.")
    spark: list[Number] = Field(
        default_factory=list, description="At most 32 values, in order, for a sparkline."
    )

    def listed(self) -> dict[str, object]:
        """What a list shows of it."""
        return {
            "metric": self.name,
            "last": self.value,
            "step": self.step,
            "least": self.min,
            "greatest": self.max,
            "points": self.count,
        }


class MetricPoint(View):
    """One logged value."""

    step: Int64
    time: Instant
    value: Number


class MetricHistory(View):
    """Points of one metric in the order logged; thinned to `max_points` if that was asked."""

    name: str
    count: int = Field(description="Points logged, before thinning.")
    items: list[MetricPoint]
    next: str | None = None


class MetricLine(View):
    """One metric of one run in a chart."""

    run_id: str
    run: str = Field(description="The run's name.")
    metric: str
    count: int = Field(description="Points logged, before thinning.")
    x: list[Number] = Field(
        description="Steps (beyond 2^53 rounded), seconds since 1970, or seconds since the run began."
    )
    y: list[Number]


class MetricLines(View):
    """Metrics of runs, thinned, for one chart; what a run does not have is left out."""

    axis: Literal["step", "time", "relative"]
    items: list[MetricLine]


class Artifact(View):
    """A file kept with a run."""

    name: str
    size_bytes: int
    media_type: str
    hash: str = Field(description="BLAKE2b-256 of the content, hex.")
    created: Instant
    location: str = Field("", exclude=True, repr=False)


class Experiment(View):
    """A series of runs about one question."""

    id: str
    name: str
    description: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    created: Instant
    run_count: int = 0
    last_activity: Instant | None = None

    def listed(self) -> dict[str, object]:
        """What a list shows of it."""
        return {
            "experiment": self.name,
            "id": self.id[-6:],
            "runs": self.run_count,
            "last activity": self.last_activity or self.created,
            "description": self.description,
        }


class Run(View):
    """A recorded run, as it was when it was read.

    Examples
    --------
    >>> import nbproof as nbp
    >>> with nbp.start_run("first", experiment="doctest") as live:
    ...     nbp.log_metric("auc", 0.9)
    >>> run = nbp.get_run(live.id)
    >>> run.status, run.metrics["auc"]
    ('finished', 0.9)
    """

    id: str
    name: str
    experiment_id: str
    experiment: str
    status: Status
    started: Instant
    ended: Instant | None = None
    parent_id: str | None = None
    notes: str | None = None
    params: dict[str, Json] = Field(default_factory=dict)
    metrics: dict[str, Number] = Field(default_factory=dict, description="Value logged last, by name.")
    tags: dict[str, str] = Field(default_factory=dict)
    artifacts: list[Artifact] = Field(default_factory=list)
    git: GitState | None = None
    code: str | None = Field(None, description="Fingerprint of the notebook or script when the run started.")
    source: str | None = Field(None, description="The notebook or script.")
    user: str | None = None
    host: str | None = None
    python: str | None = None
    newest_metric: Metric | None = Field(None, description="The metric logged last.")

    _columns: Callable[[str, str], Columns] | None = PrivateAttr(default=None)
    _measure: Callable[[str], list[Metric]] | None = PrivateAttr(default=None)

    def metric_history(self, name: str) -> pandas.DataFrame:
        """Every point of one metric, in the order logged.

        Returns
        -------
        pandas.DataFrame
            Columns ``step`` (int64), ``time`` (datetime64, UTC) and ``value`` (float64; NaN and the
            infinities as logged).

        Raises
        ------
        NotFound
            The run has no such metric.
        """
        from nbproof.tracking.histories import history_frame

        return history_frame(self._points(name))

    def metric_arrays(self, name: str) -> MetricArrays:
        """Every point of one metric as numpy arrays ``step, time, value``; see `metric_history`.

        Examples
        --------
        >>> import nbproof as nbp
        >>> with nbp.start_run(experiment="doctest") as live:
        ...     nbp.log_metric("loss", 0.5)
        >>> nbp.get_run(live.id).metric_arrays("loss").value
        array([0.5])
        """
        from nbproof.tracking.histories import arrays_of

        return arrays_of(self._points(name))

    def metric_table(self, name: str) -> pyarrow.Table:
        """Every point of one metric as an Arrow table with columns ``step``, ``time`` and ``value``.

        Raises
        ------
        Unavailable
            pyarrow is not installed.
        NotFound
            The run has no such metric.
        """
        from nbproof.tracking.histories import table_of

        return table_of(self._points(name))

    def _points(self, name: str) -> Columns:
        if self._columns is None:
            from nbproof.core.errors import Unavailable

            raise Unavailable("this Run came without its workspace", hint="read it with nbp.get_run(id)")
        return self._columns(self.id, name)

    def __str__(self) -> str:
        from nbproof.tracking.display import run_text

        return run_text(self)

    def __repr__(self) -> str:
        return f"<run {self.name} ({self.id[-6:]}) of {self.experiment}: {self.status}>"

    def listed(self) -> dict[str, object]:
        """What a list shows of it."""
        from nbproof.tracking.display import duration_text, status_text

        newest = self.newest_metric
        took = None if self.ended is None else duration_text((self.ended - self.started).total_seconds())
        return {
            "run": self.name,
            "id": self.id[-6:],
            "experiment": self.experiment,
            "status": status_text(self.status),
            "started": self.started,
            "took": took,
            "newest metric": newest.name if newest else None,
            "value": newest.value if newest else None,
        }

    def known_metrics(self) -> dict[str, Metric]:
        """What is known of each metric by name: all of them where the workspace can be asked."""
        from nbproof.core.errors import PlatformError

        known = {self.newest_metric.name: self.newest_metric} if self.newest_metric else {}
        if self._measure is not None:
            with suppress(PlatformError):  # a card is shown all the same
                known |= {metric.name: metric for metric in self._measure(self.id)}
        return known

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from nbproof.tracking.display import run_html, run_text

        return {"text/plain": run_text(self), "text/html": run_html(self)}


class ComparedValues(View):
    """One param, metric or tag across the compared runs; null where a run lacks it."""

    key: str
    values: list[Json]
    differs: bool
    best: int | None = Field(
        None,
        description="Place of the best value, for metrics: the greatest; the least of a loss or an error.",
    )


class Comparison(View):
    """Runs side by side; what differs comes first."""

    runs: list[Run]
    params: list[ComparedValues]
    metrics: list[ComparedValues]
    tags: list[ComparedValues]
    git: list[ComparedValues]

    def to_frame(self) -> pandas.DataFrame:
        """One row per param, metric, tag and git fact (index ``(kind, key)``), one column per run."""
        import pandas

        rows = {
            (kind, row.key): row.values
            for kind in ("params", "metrics", "tags", "git")
            for row in getattr(self, kind)
        }
        names = [f"{run.name} ({run.id[-6:]})" for run in self.runs]
        index = pandas.MultiIndex.from_tuples(list(rows), names=["kind", "key"]) if rows else None
        return pandas.DataFrame(list(rows.values()), index=index, columns=names)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from nbproof.tracking.display import comparison_html, comparison_text

        return {"text/plain": comparison_text(self), "text/html": comparison_html(self)}


# -- asks -----------------------------------------------------------------------------------------


class CreateExperiment(Ask):
    """Make an experiment."""

    name: Annotated[Name, Positional]
    description: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)


class ListExperiments(Ask):
    """Which page of experiments."""

    limit: Limit = 100
    after: After = None


class GetExperiment(Ask):
    """Which experiment."""

    id: ExperimentRef


class ListRuns(Ask):
    """Which page of which experiment's runs."""

    id: ExperimentRef
    limit: Limit = 100
    after: After = None


class StartRun(Ask):
    """What a new run begins with."""

    id: Annotated[Name, Field(description="Name or id of the experiment; a new name makes a new experiment.")]
    name: Name | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    params: dict[str, Json] = Field(default_factory=dict)
    notes: str | None = None
    parent_id: RunRef | None = Field(None, description="The run this one is nested in.")
    run_id: Annotated[str | None, StringConstraints(pattern="^[0-9a-f]{32}$")] = Field(
        None, description="An id made by the caller, so that a request sent twice starts one run."
    )
    source: str | None = Field(None, max_length=4096, description="The notebook or script that starts it.")


class GetRun(Ask):
    """Which run."""

    id: RunRef


class ResumeRun(Ask):
    """Which run goes on."""

    id: RunRef


class SearchRuns(Ask):
    """A query in the search language, and which page."""

    query: Annotated[
        str, Positional, Field(description='Like: metrics.auc > 0.9 and params.model = "xgb".')
    ] = ""
    experiment: ExperimentRef | None = None
    limit: Limit = 100
    after: After = None


class CompareRuns(Ask):
    """Which runs, side by side."""

    id: Annotated[
        list[RunRef], Positional, Field(min_length=2, max_length=100, description="Two runs or more.")
    ]


class SetProvenance(Ask):
    """Where a run's code came from."""

    id: RunRef
    git: GitState | None = None
    code: str | None = Field(None, max_length=200, description="Fingerprint of the notebook or script.")


class UpdateRun(Ask):
    """What changes about a run; what is left out stays."""

    id: RunRef
    name: Name | None = None
    notes: str | None = Field(None, description="Markdown; an empty text removes the notes.")


class LogMetric(Ask):
    """One value of a metric."""

    id: RunRef
    key: Annotated[Name, Positional]
    value: Annotated[Number, Positional]
    step: Int64 | None = Field(None, description="By default the last step of this metric + 1.")
    time: Instant | None = Field(None, description="By default now.")


class LogMetrics(Ask):
    """Several metrics at one step."""

    id: RunRef
    metrics: dict[Name, Number] = Field(min_length=1)
    step: Int64 | None = None
    time: Instant | None = None


class GetMetricHistory(Ask):
    """Which metric, and how many of its points."""

    id: RunRef
    name: Name
    max_points: int | None = Field(
        None, ge=2, le=1_000_000, description="Thin to at most so many points, keeping the extremes."
    )
    after: After = None
    limit: int = Field(100_000, ge=1, le=1_000_000)


class GetMetricLines(Ask):
    """Which metrics of which runs, for one chart."""

    id: Annotated[list[RunRef], Positional, Field(min_length=1, max_length=200, description="Runs.")]
    name: list[Name] = Field(min_length=1, max_length=50, description="Metrics.")
    max_points: int = Field(1000, ge=2, le=100_000, description="Thin each to at most so many points.")
    axis: Literal["step", "time", "relative"] = Field("step", description="What `x` is.")


class LogHistory(Ask):
    """Many values of one metric, in order."""

    id: RunRef
    key: Annotated[Name, Positional]
    values: Annotated[list[Number], Positional, Field(min_length=1)]
    steps: list[Int64] | None = Field(
        None, description="One for each value; by default on from the last step of this metric + 1."
    )
    times: list[Instant] | None = Field(None, description="One for each value; by default now.")


class LogFrame(Ask):
    """Many values of several metrics: columns of equal length."""

    id: RunRef
    columns: dict[Name, list[Int64 | Number | None]] = Field(
        min_length=1, description="Values by metric; null where there is none."
    )
    step: Name | None = Field(None, description="The column of steps; by default they count on.")
    time: Name | None = Field(None, description="The column of times, seconds since 1970; by default now.")


class LogParam(Ask):
    """One param."""

    id: RunRef
    key: Annotated[Name, Positional]
    value: Annotated[Json, Positional]


class LogParams(Ask):
    """Several params."""

    id: RunRef
    params: dict[Name, Json] = Field(min_length=1)


class SetTag(Ask):
    """One tag."""

    id: RunRef
    key: Annotated[Name, Positional]
    value: Annotated[str | None, Positional, Field(description="null removes the tag.")] = None


class SetTags(Ask):
    """Several tags."""

    id: RunRef
    tags: dict[Name, str | None] = Field(min_length=1)


class LogArtifact(Ask):
    """A file to keep with a run."""

    id: RunRef
    path: Annotated[Path, Positional, Field(description="A file of this machine.")]
    name: Name | None = Field(None, description="Its name in the run; by default the file's name.")


class GetArtifact(Ask):
    """Which file of which run."""

    id: RunRef
    name: Annotated[Name, Field(description="Its name in the run, with slashes.")]


class EndRun(Ask):
    """Which run ends, and how."""

    id: RunRef
    status: Ending = "finished"

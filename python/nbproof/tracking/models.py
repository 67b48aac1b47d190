"""What crosses the boundary of tracking: asks and views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal, SupportsIndex, overload

from pydantic import AfterValidator, Field, PrivateAttr, StringConstraints

from nbproof.core.errors import NotFound
from nbproof.core.listing import listing_html, listing_text, size_text
from nbproof.core.operation import Ask, Instant, Int64, Json, Number, Positional, View
from nbproof.tracking.contents import (
    Contents,
    artifact_bundle,
    downloaded,
    frame_of,
    opened,
    previewed,
    shown,
)
from nbproof.tracking.domain import NAME_LIMIT, Ending, Status
from nbproof.tracking.references import ReferenceState, state_of

if TYPE_CHECKING:
    import pandas
    import pyarrow

    from nbproof.plots.figure import Figure
    from nbproof.tracking.histories import Columns, MetricArrays
    from nbproof.tracking.trash_models import ParamHistory

__all__ = [
    "Artifact",
    "ArtifactList",
    "ArtifactPreview",
    "CodeDifference",
    "CompareRuns",
    "ComparedCourse",
    "ComparedMetric",
    "ComparedValues",
    "Comparison",
    "CompleteSearch",
    "Completion",
    "Completions",
    "CreateExperiment",
    "DatasetUse",
    "DeleteSearch",
    "EndRun",
    "Environment",
    "Experiment",
    "GetArtifact",
    "GetArtifactFolder",
    "GetExperiment",
    "GetLeaderboard",
    "GetMetricHistory",
    "GetMetricLines",
    "GetRun",
    "GitState",
    "Gpu",
    "Histogram",
    "Leaderboard",
    "LeaderboardGroup",
    "ListArtifacts",
    "ListExperiments",
    "ListRuns",
    "ListSearches",
    "LogArtifact",
    "LogFrame",
    "LogHistory",
    "LogMetric",
    "LogMetrics",
    "LogParam",
    "LogParams",
    "LogReference",
    "Metric",
    "MetricHistory",
    "MetricLine",
    "MetricLines",
    "MetricPoint",
    "PreviewColumn",
    "ResumeRun",
    "Run",
    "SaveSearch",
    "SavedSearch",
    "SearchRuns",
    "SetProvenance",
    "SetTag",
    "SetTags",
    "ShowEnvironment",
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
RunValue = Annotated[
    Literal["last", "min", "max", "best"],
    Field(
        description="Which value of each run: logged last, least, greatest; best: least of a loss or error."
    ),
]
Limit = Annotated[int, Field(ge=1, le=10_000, description="Items in a page.")]
After = Annotated[str | None, Field(description="The `next` of the page before.")]


class GitState(View):
    """The repository a run was started in."""

    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = Field(None, description="Whether a file that git tracks was changed.")
    remote: str | None = Field(None, description="Address of the remote, without user and password.")


class Gpu(View):
    """A graphics card."""

    name: str
    memory_bytes: int | None = None
    driver: str | None = None


class Environment(View):
    """Python, packages, operating system and hardware that code runs in.

    Examples
    --------
    >>> import nbproof as nbp
    >>> environment = nbp.environment()
    >>> environment.packages["numpy"] == __import__("numpy").__version__
    True
    """

    hash: str = Field(description="BLAKE2b-256 of all the rest: equal environments have equal hashes.")
    python: str
    implementation: str = "cpython"
    executable: str | None = None
    packages: dict[str, str] = Field(default_factory=dict, description="Version by normalised name.")
    os: str | None = None
    machine: str | None = None
    cpu: str | None = None
    cpu_count: int | None = None
    memory_bytes: int | None = Field(None, description="Of the machine, or what its container may use.")
    gpus: list[Gpu] = Field(default_factory=list)
    jupyter: str | None = Field(None, description="Kernel and front end.")

    def __str__(self) -> str:
        from nbproof.tracking.display_environment import environment_text

        return environment_text(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from nbproof.tracking.display_environment import environment_html, environment_text

        return {"text/plain": environment_text(self), "text/html": environment_html(self)}


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

    def __str__(self) -> str:
        from nbproof.tracking.figures import history_figure

        return str(history_figure(self))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from nbproof.tracking.figures import history_figure

        return history_figure(self)._repr_mimebundle_()


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

    def __str__(self) -> str:
        from nbproof.tracking.figures import overlaid_figures

        return "\n".join(map(str, overlaid_figures(self)))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from nbproof.tracking.figures import overlaid_figures

        figures = overlaid_figures(self)
        return {"text/plain": str(self), "text/html": "".join(figure.html() for figure in figures)}


class Artifact(View):
    """One version of a file, or of something like it, kept with a run.

    Examples
    --------
    >>> import nbproof as nbp
    >>> with nbp.start_run("kept", experiment="doctest") as live:
    ...     nbp.log_text("all is well", "notes/log.txt")
    >>> kept = nbp.get_run(live.id).artifacts["notes/log.txt"]
    >>> kept.kind, kept.version, kept.read_text()
    ('text', 1, 'all is well')
    """

    name: str
    version: int = Field(1, description="Counted by name, from 1; `name@v1` means it for ever.")
    kind: str = Field(
        "file",
        description="file, image, figure, table, text, data, html, histogram, audio, video, folder, "
        "or what the caller said.",
    )
    size_bytes: int = Field(description="0 for a reference whose size is not known.")
    media_type: str
    hash: str = Field(description="BLAKE3-256 of the content, hex; empty for a reference that was not read.")
    created: Instant
    step: Int64 | None = None
    metadata: dict[str, Json] = Field(default_factory=dict)
    reference: str | None = Field(
        None, description="Path or address of content that is not kept here, but named."
    )
    location: str = Field("", exclude=True, repr=False)

    _contents: Contents | None = PrivateAttr(default=None)

    def open(self) -> BinaryIO:
        """A binary stream of the content; close it."""
        return opened(self)

    def read_bytes(self) -> bytes:
        """The whole content."""
        with self.open() as stream:
            return stream.read()

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole content as text."""
        return self.read_bytes().decode(encoding)

    def download(self, folder: str | Path = ".") -> Path:
        """Copy the content into a folder, under the last part of its name; gives the path.

        Raises
        ------
        Conflict
            There is a file of that name with other content.
        """
        return downloaded(self, Path(folder))

    def to_pandas(self) -> pandas.DataFrame:
        """A table as a frame: of Parquet, CSV, TSV, JSON lines or Arrow."""
        return frame_of(self)

    def preview(self) -> ArtifactPreview:
        """What it is, in a few plain values; see `ArtifactPreview`."""
        return previewed(self)

    def check(self) -> ReferenceState:
        """Whether the content that a reference names is as it was: looked at from here, now.

        Returns
        -------
        {"unchanged", "changed", "vanished", "unknown"}
            Unknown where nothing to compare was told: an address that does not answer, a file that could
            not be read.
        """
        if self.reference is None:
            return "unchanged"  # it is kept here, under its hash
        return state_of(self.reference, self.hash, self.size_bytes, self.metadata)

    def show(self) -> None:
        """Show it below the cell; outside of a notebook, print it."""
        shown(self)

    def listed(self) -> dict[str, object]:
        """What a list shows of it."""
        return {
            "artifact": self.name,
            "version": "" if self.kind == "folder" else f"v{self.version}",
            "kind": self.kind,
            "size": size_text(self.size_bytes),
            "step": self.step,
            "created": self.created,
            "reference": self.reference,
        }

    def __str__(self) -> str:
        return f"{self.name}@v{self.version} ({self.kind}, {size_text(self.size_bytes)})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return artifact_bundle(self)


class ArtifactList(list[Artifact]):
    """The artifacts of a run by place, or by name: ``run.artifacts["roc.png"]``, ``["roc.png@v1"]``.

    Examples
    --------
    >>> import nbproof as nbp
    >>> with nbp.start_run("listed", experiment="doctest") as run:
    ...     nbp.log_dict({"depth": 3}, "config.json")
    >>> [each.name for each in run.artifacts], "config.json" in run.artifacts
    (['config.json'], True)
    """

    _contents: Contents | None = None

    def bound(self, contents: Contents) -> ArtifactList:
        """The same list, which knows where the content is."""
        self._contents = contents
        for artifact in self:
            artifact._contents = contents
        return self

    @overload
    def __getitem__(self, place: SupportsIndex, /) -> Artifact: ...
    @overload
    def __getitem__(self, place: slice, /) -> list[Artifact]: ...
    @overload
    def __getitem__(self, place: str, /) -> Artifact: ...
    def __getitem__(self, place: SupportsIndex | slice | str, /) -> Artifact | list[Artifact]:
        """By place, or by name; raises `NotFound` for a name that is not there."""
        if not isinstance(place, str):
            return super().__getitem__(place)
        for artifact in self:
            if place in (artifact.name, f"{artifact.name}@latest", f"{artifact.name}@v{artifact.version}"):
                return artifact
        if self._contents is not None:
            return self._contents.find(place)  # an earlier version, or an error that says what is near
        raise NotFound(f"there is no artifact {place!r}")

    def __contains__(self, wanted: object) -> bool:
        if isinstance(wanted, str):
            return any(artifact.name == wanted for artifact in self)
        return super().__contains__(wanted)

    def _repr_html_(self) -> str:
        return listing_html([artifact.listed() for artifact in self])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # IPython has its own words for lists, and hears no others.
        printer.text(listing_text([artifact.listed() for artifact in self]))


class Histogram(View):
    """One histogram of a series: `counts` has one number less than `edges`."""

    version: int
    step: Int64 | None = None
    edges: list[Number]
    counts: list[Number]


class PreviewColumn(View):
    """One column of a table."""

    name: str
    type: str


class ArtifactPreview(View):
    """What an artifact is, in a few plain values; what its kind does not have is null or empty.

    Nothing of the artifact is executed or unpickled to find it, and HTML is given as text.
    """

    name: str
    version: int
    kind: str
    media_type: str
    size_bytes: int
    shows: Literal["text", "table", "image", "histogram", "reference", "nothing"]
    text: str | None = Field(None, description="The head of a text, of HTML and SVG too.")
    columns: list[PreviewColumn] = Field(default_factory=list)
    rows: list[list[Json]] = Field(default_factory=list, description="The head of a table.")
    row_count: int | None = Field(None, description="Of the whole table, where it is known.")
    image: str | None = Field(None, description="A picture of at most 1 MB, as a data: address.")
    histograms: list[Histogram] = Field(
        default_factory=list, description="Every version of a histogram, thinned evenly to 500."
    )
    truncated: bool = Field(False, description="There is more than is shown.")
    width: int | None = Field(None, description="Of a picture, in pixels, where its head tells.")
    height: int | None = None
    note: str | None = Field(None, description="Why there is nothing to see.")

    def __str__(self) -> str:
        from nbproof.tracking.previews import preview_text

        return preview_text(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from nbproof.tracking.previews import preview_html, preview_text

        return {"text/plain": preview_text(self), "text/html": preview_html(self)}


if TYPE_CHECKING:
    Artifacts = ArtifactList
else:
    # Checked and told as the list that it is.
    Artifacts = Annotated[list[Artifact], AfterValidator(ArtifactList)]


class Experiment(View):
    """A series of runs about one question."""

    id: str
    name: str
    description: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    created: Instant
    run_count: int = 0
    last_activity: Instant | None = None
    deleted: Instant | None = Field(None, description="In the trash since.")
    moved_runs: int | None = Field(
        None,
        description="Of deleting and restoring: the runs that went to the trash or came back along with it.",
    )

    def listed(self) -> dict[str, object]:
        """What a list shows of it."""
        return {
            "experiment": self.name,
            "id": self.id[-6:],
            "runs": self.run_count,
            "last activity": self.last_activity or self.created,
            "description": self.description,
        }


class DatasetUse(View):
    """A dataset version that a run read or wrote."""

    id: str = Field(description="Of the version.")
    name: str = Field(description="Like `sales@v3`.")
    how: Literal["read", "wrote"]


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
    artifacts: Artifacts = Field(default_factory=ArtifactList)
    datasets: list[DatasetUse] = Field(
        default_factory=list, description="What it read, then what it wrote; told of a run shown by itself."
    )
    git: GitState | None = None
    code: str | None = Field(None, description="Fingerprint of the notebook or script when the run started.")
    source: str | None = Field(None, description="The notebook or script.")
    user: str | None = None
    host: str | None = None
    python: str | None = None
    entry: str | None = Field(None, description="notebook, script, module NAME or interactive.")
    command: str | None = Field(None, description="Command line of the process, secrets blanked.")
    os: str | None = None
    gpu: str | None = None
    environment_hash: str | None = None
    redacted: int = Field(0, description="Secrets that were blanked before the run was recorded.")
    newest_metric: Metric | None = Field(None, description="The metric logged last.")
    group: str | None = Field(None, description="What it is one of: the runs of a sweep, of a day.")
    children: dict[str, int] = Field(
        default_factory=dict, description="How many runs are nested in it, by status."
    )
    cancel_requested: Instant | None = Field(None, description="When it was asked to stop.")
    deleted: Instant | None = Field(None, description="In the trash since.")
    previews: dict[str, int] = Field(
        default_factory=dict,
        description="Params too long for a list, with their length: there they are shown by their beginning.",
    )

    _columns: Callable[[str, str], Columns] | None = PrivateAttr(default=None)
    _measure: Callable[[str], list[Metric]] | None = PrivateAttr(default=None)
    _param_history: Callable[[str, str], ParamHistory] | None = PrivateAttr(default=None)
    _surroundings: Callable[[str], Environment | None] | None = PrivateAttr(default=None)

    def param_history(self, key: str) -> pandas.DataFrame:
        """Every value of a param, in the order of time: a frame with columns ``time`` and ``value``.

        Raises
        ------
        NotFound
            The run has no such param.
        """
        if self._param_history is None:
            from nbproof.core.errors import Unavailable

            raise Unavailable("this Run came without its workspace", hint="read it with nbp.get_run(id)")
        from nbproof.tracking.frames import param_frame

        return param_frame(self._param_history(self.id, key))

    @property
    def environment(self) -> Environment | None:
        """The environment the run was started in; None where it was not recorded."""
        return None if self._surroundings is None else self._surroundings(self.id)

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
        description="Place of the best value of a metric: the least of a loss or an error, the greatest of a "
        "score such as auc; null where its name says neither.",
    )


class ComparedCourse(View):
    """One metric of one of the compared runs; columns of equal length, thinned but for the extremes."""

    run: int = Field(description="Place of the run in the comparison.")
    count: int = Field(description="Points logged, before thinning.")
    steps: list[Int64]
    seconds: list[Number] = Field(description="Since the run started.")
    values: list[Number]
    smoothed: list[Number] = Field(default_factory=list, description="Where smoothing was asked.")


class ComparedMetric(View):
    """The courses of one metric in the runs that have it: what an overlaid chart needs."""

    name: str
    courses: list[ComparedCourse]


class CodeDifference(View):
    """How the code of some of the compared runs differs from that of the first."""

    runs: list[int] = Field(description="Places of the runs, which all have the same code.")
    patch: str | None = Field(None, description="Unified diff; null where nothing can be shown.")
    missing: str | None = Field(None, description="What could not be shown, and why.")


class Comparison(View):
    """Runs side by side; what differs comes first."""

    runs: list[Run]
    params: list[ComparedValues]
    metrics: list[ComparedValues]
    tags: list[ComparedValues]
    git: list[ComparedValues]
    environment: list[ComparedValues] = Field(default_factory=list)
    packages: list[ComparedValues] = Field(default_factory=list, description="Versions that differ.")
    same_packages: int = Field(0, description="Packages that are the same in all.")
    charts: list[ComparedMetric] = Field(default_factory=list)
    more_metrics: int = Field(0, description="Metrics with a course that got no chart.")
    code_differences: list[CodeDifference] = Field(default_factory=list)
    parents: dict[str, str] = Field(
        default_factory=dict,
        description="Names of the runs that runs of one name are nested in, by id: what tells them apart.",
    )

    def labels(self, *, ids: bool = False) -> list[str]:
        """What each run is called beside the others; runs of one name are told apart by their parents.

        Parameters
        ----------
        ids : bool
            With the last six digits of each id; otherwise only where name and parent are not enough.
        """
        names = [run.name for run in self.runs]
        pairs = [(run.name, self.parents.get(run.parent_id or "")) for run in self.runs]
        labels = []
        for run, pair in zip(self.runs, pairs, strict=True):
            alone = names.count(run.name) == 1
            parent = None if alone else pair[1]
            told = alone or (parent is not None and pairs.count(pair) == 1)
            parts = [*([] if parent is None else [parent]), *([run.id[-6:]] if ids or not told else [])]
            labels.append(f"{run.name} ({', '.join(parts)})" if parts else run.name)
        return labels

    def __str__(self) -> str:
        from nbproof.tracking.display_comparison import comparison_text

        return comparison_text(self)

    def __repr__(self) -> str:
        return f"<comparison of {len(self.runs)} runs: {', '.join(self.labels()[:5])}>"

    def to_frame(self) -> pandas.DataFrame:
        """One row per value that was compared (index ``(kind, key)``), one column per run."""
        import pandas

        rows = {
            (kind, row.key): row.values
            for kind in ("params", "metrics", "tags", "git", "environment", "packages")
            for row in getattr(self, kind)
        }
        names = self.labels(ids=True)
        index = pandas.MultiIndex.from_tuples(list(rows), names=["kind", "key"]) if rows else None
        return pandas.DataFrame(list(rows.values()), index=index, columns=names)

    def line(
        self,
        metric: str,
        *,
        x: Literal["step", "time", "relative"] = "step",
        smoothing: float = 0.0,
        log: bool = False,
    ) -> Figure:
        """One metric of all runs over each other.

        Parameters
        ----------
        metric : str
        x : {"step", "time", "relative"}
            Over steps, over the time of day (UTC), or over the time since each run's start.
        smoothing : float
            From 0 to below 1: how much of the past stays in the moving average.
        log : bool
            Whether values are drawn by ratios.
        """
        from nbproof.tracking.figures import line_figure

        return line_figure(self, metric, x=x, smoothing=smoothing, log=log)

    def parallel(self, metric: str | None = None, params: Sequence[str] | None = None) -> Figure:
        """Each run a line across its params to a metric, by default the first that differs."""
        from nbproof.tracking.figures import parallel_figure

        return parallel_figure(self, metric, params)

    def scatter(
        self, param: str, metric: str | None = None, *, log_x: bool = False, log_y: bool = False
    ) -> Figure:
        """A metric against a param, a dot for each run; `param` may be a metric, too."""
        from nbproof.tracking.figures import scatter_figure

        return scatter_figure(self, param, metric, log_x=log_x, log_y=log_y)

    def box(self, param: str, metric: str | None = None, *, log: bool = False) -> Figure:
        """How a metric spreads for each value of a param."""
        from nbproof.tracking.figures import box_figure

        return box_figure(self, param, metric, log=log)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from nbproof.tracking.display_comparison import comparison_html, comparison_text

        return {"text/plain": comparison_text(self), "text/html": comparison_html(self)}


class SavedSearch(View):
    """A search under a name, used as ``@name``."""

    name: str
    query: str
    saved: Instant


class Completion(View):
    """Something that may be written in a search."""

    text: str = Field(description="What takes the place of the text between `start` and `end`.")
    kind: Literal["field", "operator", "value", "word", "search"]
    detail: str | None = Field(None, description="What it is, or how many of the newest runs have it.")


class Completions(View):
    """What may be written at a place in a search."""

    start: int = Field(description="Where the word that is being written begins, in characters from 0.")
    end: int = Field(description="Where it ends: the place asked for.")
    items: list[Completion]


class LeaderboardGroup(View):
    """Runs that belong together, and how well they did."""

    rank: int
    keys: dict[str, Json] = Field(description="What they have in common.")
    n: int = Field(description="Runs with a value that is a number.")
    nan: int = Field(0, description="Runs whose value is NaN; they are in no figure.")
    mean: Number | None = None
    std: Number | None = Field(
        None, description="Of the sample (n - 1); null for one run, and where it is infinite."
    )
    min: Number | None = None
    max: Number | None = None
    best_run: str | None = Field(None, description="Id of the run with the best value; of equals the newest.")
    best_name: str | None = None


class Leaderboard(View):
    """Groups of runs by the mean of a metric, the best first."""

    metric: str
    value: str = Field("last", description="Which value of each run counts.")
    less_is_better: bool
    group_by: list[str]
    groups: list[LeaderboardGroup]
    total_groups: int
    total_runs: int = Field(description="Runs in all groups.")

    def to_frame(self) -> pandas.DataFrame:
        """One row a group: what it has in common, then ``n, nan, mean, std, min, max, best_run``."""
        from nbproof.tracking.frames import leaderboard_frame

        return leaderboard_frame(self)

    def __str__(self) -> str:
        from nbproof.tracking.display import leaderboard_text

        return leaderboard_text(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from nbproof.tracking.display import leaderboard_html, leaderboard_text

        return {"text/plain": leaderboard_text(self), "text/html": leaderboard_html(self)}


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
    deleted: bool = Field(False, description="Those in the trash instead.")


class GetExperiment(Ask):
    """Which experiment."""

    id: ExperimentRef


class ListRuns(Ask):
    """Which page of which experiment's runs."""

    id: ExperimentRef
    limit: Limit = 100
    after: After = None
    deleted: bool = Field(False, description="Those in the trash instead.")


class _RunBeginning(Ask):
    name: Name | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    params: dict[str, Json] = Field(default_factory=dict)
    notes: str | None = None
    parent_id: RunRef | None = Field(None, description="The run this one is nested in.")
    run_id: Annotated[str | None, StringConstraints(pattern="^[0-9a-f]{32}$")] = Field(
        None, description="An id made by the caller, so that a request sent twice starts one run."
    )
    source: str | None = Field(None, max_length=4096, description="The notebook or script that starts it.")
    group: Name | None = Field(None, description='What it is one of, for searches: group = "...".')


class StartRun(_RunBeginning):
    """What a new run begins with."""

    id: Annotated[Name, Field(description="Name or id of the experiment; a new name makes a new experiment.")]


class OpenRun(_RunBeginning):
    """What a new run begins with: an experiment, or a parent whose experiment it shares."""

    experiment: Annotated[
        Name | None,
        Positional,
        Field(description="Name or id; a new name makes a new experiment. By default its parent's."),
    ] = None


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


class CompleteSearch(Ask):
    """A search that is being written."""

    query: str = Field("", max_length=10_000)
    cursor: int | None = Field(None, ge=0, description="Characters before the cursor; by default all.")
    limit: int = Field(50, ge=1, le=1000)


ColumnNames = list[Annotated[str, StringConstraints(min_length=1, max_length=NAME_LIMIT + 100)]]


class GetLeaderboard(Ask):
    """Which runs by which metric, and what makes a group of them."""

    metric: Annotated[Name, Positional]
    query: str = ""
    experiment: ExperimentRef | None = None
    group_by: ColumnNames = Field(
        default_factory=list, max_length=20, description="Like params.model; nothing: each run by itself."
    )
    over: ColumnNames = Field(
        default_factory=list,
        max_length=20,
        description="Instead: runs whose params are the same but for these, like params.seed.",
    )
    value: RunValue = "last"
    top: Limit = 10


class SaveSearch(Ask):
    """A search and its name."""

    name: Name
    query: Annotated[str, Positional]


class ListSearches(Ask):
    """All saved searches."""


class DeleteSearch(Ask):
    """Which saved search."""

    name: Name


class CompareRuns(Ask):
    """Which runs, side by side."""

    id: Annotated[
        list[RunRef], Positional, Field(min_length=2, max_length=100, description="Two runs or more.")
    ]
    metrics: list[Name] | None = Field(
        None, description="Metrics to chart; by default up to 12 that have a course."
    )
    smoothing: float = Field(0.0, ge=0, lt=1, description="Weight of the past in the moving average.")
    points: int | None = Field(None, ge=4, le=10_000, description="Most points of a course.")


class ShowEnvironment(Ask):
    """Nothing: there is one environment here."""


class SetProvenance(Ask):
    """Where a run came from."""

    id: RunRef
    git: GitState | None = None
    code: str | None = Field(None, max_length=200, description="Fingerprint of the notebook or script.")
    entry: str | None = Field(
        None, max_length=500, description="notebook, script, module NAME or interactive."
    )
    command: str | None = Field(None, max_length=20_000, description="Command line; secrets are blanked.")
    environment: Environment | None = Field(None, description="Its hash is made anew from the rest.")


class UpdateRun(Ask):
    """What changes about a run; what is left out stays."""

    id: RunRef
    name: Name | None = None
    notes: str | None = Field(None, description="Markdown; an empty text removes the notes.")
    group: str | None = Field(
        None, max_length=NAME_LIMIT, description="What it is one of; an empty text takes it out."
    )


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


class GetPoints(Ask):
    """Which metrics of a run are read whole."""

    id: RunRef
    name: list[Name] = Field(
        default_factory=list, description="Metrics; by default all but those of the machine."
    )


class GetMetricLines(Ask):
    """Which metrics of which runs, for one chart."""

    id: Annotated[list[RunRef], Positional, Field(min_length=1, max_length=200, description="Runs.")]
    name: list[Name] = Field(min_length=1, max_length=50, description="Metrics.")
    max_points: int = Field(1000, ge=2, le=100_000, description="Thin each to at most so many points.")
    axis: Literal["step", "time", "relative"] = Field("step", description="What `x` is.")
    low: float | None = Field(
        None, allow_inf_nan=False, description="Only points whose `x` is not less; they are thinned alone."
    )
    high: float | None = Field(None, allow_inf_nan=False, description="Only points whose `x` is not greater.")


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
    kind: str | None = Field(None, description="Such as model; by default what the media type says.")
    step: Int64 | None = Field(None, description="Where in a series it belongs.")
    metadata: dict[Name, Json] = Field(default_factory=dict, description="What else is known of it.")


class LogReference(Ask):
    """Content that stays where it is; it is named, and nothing of it is read by a server."""

    id: RunRef
    target: Annotated[
        str, Positional, Field(min_length=1, max_length=4096, description="A path or an address.")
    ]
    name: Name | None = Field(None, description="Its name in the run; by default the last part of `target`.")
    hash: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = Field(
        None, description="BLAKE3-256 of the content, where it is known."
    )
    size_bytes: int | None = Field(None, ge=0, lt=2**63)
    kind: str | None = None
    step: Int64 | None = None
    metadata: dict[Name, Json] = Field(default_factory=dict)


class ListArtifacts(Ask):
    """Which artifacts of which run."""

    id: RunRef
    folder: str | None = Field(
        None, description="Only what is directly in it, folders as one entry each; empty for the top."
    )
    prefix: str = Field("", description="Only names that begin so.")
    name: str | None = Field(None, description="Only this one; `name@v1` is an earlier version.")
    versions: bool = Field(False, description="Every version, not only the last.")
    limit: Limit = 1000
    after: After = None


class GetArtifact(Ask):
    """Which file of which run."""

    id: RunRef
    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=NAME_LIMIT + 12),
        Field(description="Its name in the run, with slashes; `name@v1` is an earlier version."),
    ]


class GetArtifactFolder(Ask):
    """Which folder of which run."""

    id: RunRef
    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=NAME_LIMIT + 1),
        Field(description="Its name in the run, with slashes."),
    ]


class EndRun(Ask):
    """Which run ends, and how."""

    id: RunRef
    status: Ending = "finished"

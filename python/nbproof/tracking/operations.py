"""The verbs of tracking, declared once for every face."""

from __future__ import annotations

from nbproof.core.operation import Download, Page, operation
from nbproof.tracking.models import (
    Artifact,
    ArtifactPreview,
    CompareRuns,
    Comparison,
    CompleteSearch,
    Completions,
    CreateExperiment,
    DeleteSearch,
    EndRun,
    Environment,
    Experiment,
    GetArtifact,
    GetArtifactFolder,
    GetExperiment,
    GetLeaderboard,
    GetMetricHistory,
    GetMetricLines,
    GetPoints,
    GetRun,
    Leaderboard,
    ListArtifacts,
    ListExperiments,
    ListRuns,
    ListSearches,
    LogArtifact,
    LogFrame,
    LogHistory,
    LogMetric,
    LogMetrics,
    LogParam,
    LogParams,
    LogReference,
    Metric,
    MetricHistory,
    MetricLines,
    OpenRun,
    ResumeRun,
    Run,
    SavedSearch,
    SaveSearch,
    SearchRuns,
    SetProvenance,
    SetTag,
    SetTags,
    ShowEnvironment,
    StartRun,
    UpdateRun,
)
from nbproof.tracking.service import ExperimentTracker
from nbproof.tracking.trash_operations import cancel_run as cancel_run
from nbproof.tracking.trash_operations import children as children
from nbproof.tracking.trash_operations import delete_experiment as delete_experiment
from nbproof.tracking.trash_operations import delete_run as delete_run
from nbproof.tracking.trash_operations import delete_runs as delete_runs
from nbproof.tracking.trash_operations import param_history as param_history
from nbproof.tracking.trash_operations import purge_runs as purge_runs
from nbproof.tracking.trash_operations import restore_experiment as restore_experiment
from nbproof.tracking.trash_operations import restore_run as restore_run
from nbproof.tracking.trash_operations import restore_runs as restore_runs


@operation(
    "experiments.create",
    "POST /experiments",
    action="write",
    python="create_experiment",
    cli="experiments create",
    creates=True,
)
def create_experiment(tracker: ExperimentTracker, ask: CreateExperiment) -> Experiment:
    """Make an experiment; a conflict if there is one of that name."""
    return tracker.create_experiment(ask.name, description=ask.description, tags=ask.tags)


@operation(
    "experiments.list", "GET /experiments", action="read", python="list_experiments", cli="experiments list"
)
def list_experiments(tracker: ExperimentTracker, ask: ListExperiments) -> Page[Experiment]:
    """List experiments, the one with the newest activity first."""
    return tracker.list_experiments(limit=ask.limit, after=ask.after, deleted=ask.deleted)


@operation(
    "experiments.get", "GET /experiments/{id}", action="read", python="get_experiment", cli="experiments show"
)
def get_experiment(tracker: ExperimentTracker, ask: GetExperiment) -> Experiment:
    """Show an experiment."""
    return tracker.get_experiment(ask.id)


@operation(
    "runs.start",
    "POST /experiments/{id}/runs",
    action="write",
    python="start_run",
    magic="start_run",
    creates=True,
)
def start_run(tracker: ExperimentTracker, ask: StartRun) -> Run:
    """Start a run in an experiment; it lives until it is ended by name or id."""
    return _opened(tracker, ask.id, ask)


@operation("runs.open", "POST /runs", action="write", cli="runs start", creates=True)
def open_run(tracker: ExperimentTracker, ask: OpenRun) -> Run:
    """Start a run that lives until it is ended by name or id; a nested one needs no experiment."""
    return _opened(tracker, ask.experiment, ask)


def _opened(tracker: ExperimentTracker, experiment: str | None, ask: StartRun | OpenRun) -> Run:
    return tracker.open_run(
        experiment,
        name=ask.name,
        tags=ask.tags,
        params=ask.params,
        notes=ask.notes,
        parent=ask.parent_id,
        run_id=ask.run_id,
        source=ask.source,
        group=ask.group,
    )


@operation("runs.list", "GET /experiments/{id}/runs", action="read", python="list_runs", cli="runs list")
def list_runs(tracker: ExperimentTracker, ask: ListRuns) -> Page[Run]:
    """List the runs of an experiment, newest first."""
    return tracker.list_runs(ask.id, limit=ask.limit, after=ask.after, deleted=ask.deleted)


@operation("runs.search", "GET /runs/search", action="read", python="search_runs", cli="runs search")
def search_runs(tracker: ExperimentTracker, ask: SearchRuns) -> Page[Run]:
    """Find runs by the search language."""
    return tracker.find_runs(ask.query, experiment=ask.experiment, limit=ask.limit, after=ask.after)


@operation("runs.complete_search", "GET /runs/search/completions", action="read", python="complete_search")
def complete_search(tracker: ExperimentTracker, ask: CompleteSearch) -> Completions:
    """Tell what may be written at a place in a search: fields, operators, values."""
    return tracker.complete_search(ask.query, ask.cursor, limit=ask.limit)


@operation(
    "runs.leaderboard", "GET /runs/leaderboard", action="read", python="leaderboard", cli="runs leaderboard"
)
def leaderboard(tracker: ExperimentTracker, ask: GetLeaderboard) -> Leaderboard:
    """Rank groups of runs by the mean of a metric: n, mean and std, least, greatest, best run."""
    return tracker.leaderboard(
        ask.metric,
        query=ask.query,
        experiment=ask.experiment,
        group_by=ask.group_by,
        over=ask.over,
        value=ask.value,
        top=ask.top,
    )


@operation("searches.list", "GET /searches", action="read", python="list_searches", cli="searches list")
def list_searches(tracker: ExperimentTracker, ask: ListSearches) -> Page[SavedSearch]:
    """List saved searches by name."""
    return tracker.list_searches()


@operation("searches.save", "PUT /searches/{name}", action="write", python="save_search", cli="searches save")
def save_search(tracker: ExperimentTracker, ask: SaveSearch) -> SavedSearch:
    """Keep a search under a name, to be used as @name; one of that name is replaced."""
    return tracker.save_search(ask.name, ask.query)


@operation(
    "searches.delete",
    "DELETE /searches/{name}",
    action="write",
    python="delete_search",
    cli="searches delete",
)
def delete_search(tracker: ExperimentTracker, ask: DeleteSearch) -> None:
    """Forget a saved search."""
    tracker.delete_search(ask.name)


@operation("runs.compare", "GET /runs/compare", action="read", python="compare_runs", cli="runs compare")
def compare_runs(tracker: ExperimentTracker, ask: CompareRuns) -> Comparison:
    """Compare two runs or more; what differs comes first."""
    return tracker.compare_runs(*ask.id, metrics=ask.metrics, smoothing=ask.smoothing, points=ask.points)


@operation("runs.get", "GET /runs/{id}", action="read", python="get_run", cli="runs show")
def get_run(tracker: ExperimentTracker, ask: GetRun) -> Run:
    """Show a run."""
    return tracker.get_run(ask.id)


@operation("runs.resume", "POST /runs/{id}/resume", action="write", cli="runs resume")
def resume_run(tracker: ExperimentTracker, ask: ResumeRun) -> Run:
    """Let an ended run go on; it is running until it is ended again."""
    return tracker.reopen_run(ask.id)


@operation("runs.update", "PATCH /runs/{id}", action="write", python="update_run", cli="runs update")
def update_run(tracker: ExperimentTracker, ask: UpdateRun) -> Run:
    """Rename a run, change its notes, or put it into another group."""
    return tracker.update_run(ask.id, name=ask.name, notes=ask.notes, group=ask.group)


@operation(
    "runs.log_metric",
    "POST /runs/{id}/metrics",
    action="write",
    python="log_metric",
    cli="runs log-metric",
    magic="log_metric",
)
def log_metric(tracker: ExperimentTracker, ask: LogMetric) -> None:
    """Record one value of a metric."""
    tracker.log_metric(ask.key, ask.value, ask.step, time=ask.time, run_id=ask.id)


@operation("runs.log_metrics", "POST /runs/{id}/metrics/batch", action="write", python="log_metrics")
def log_metrics(tracker: ExperimentTracker, ask: LogMetrics) -> None:
    """Record several metrics at one step."""
    tracker.log_metrics(ask.metrics, ask.step, time=ask.time, run_id=ask.id)


@operation(
    "runs.log_history",
    "POST /runs/{id}/metrics/history",
    action="write",
    python="log_history",
    cli="runs log-history",
)
def log_history(tracker: ExperimentTracker, ask: LogHistory) -> None:
    """Record many values of one metric at once."""
    tracker.log_history(ask.key, ask.values, steps=ask.steps, times=ask.times, run_id=ask.id)


@operation("runs.log_frame", "POST /runs/{id}/metrics/frame", action="write", python="log_frame")
def log_frame(tracker: ExperimentTracker, ask: LogFrame) -> None:
    """Record many values of several metrics at once, given as columns."""
    tracker.log_frame(ask.columns, step=ask.step, time=ask.time, run_id=ask.id)


@operation(
    "runs.metric_lines", "GET /runs/metrics/lines", action="read", python="metric_lines", cli="runs histories"
)
def metric_lines(tracker: ExperimentTracker, ask: GetMetricLines) -> MetricLines:
    """Read metrics of several runs, thinned, for one chart."""
    return tracker.metric_lines(
        ask.id, ask.name, max_points=ask.max_points, axis=ask.axis, low=ask.low, high=ask.high
    )


@operation("runs.metrics", "GET /runs/{id}/metrics", action="read", python="list_metrics", cli="runs metrics")
def list_metrics(tracker: ExperimentTracker, ask: GetRun) -> Page[Metric]:
    """List the metrics of a run: latest, least and greatest value, count."""
    return tracker.list_metrics(ask.id)


@operation(
    "runs.metric_history",
    "GET /runs/{id}/metrics/{name}",
    action="read",
    python="metric_history",
    cli="runs history",
)
def metric_history(tracker: ExperimentTracker, ask: GetMetricHistory) -> MetricHistory:
    """Read the points of a metric in the order logged."""
    return tracker.metric_history(
        ask.id, ask.name, max_points=ask.max_points, limit=ask.limit, after=ask.after
    )


@operation("runs.points", "GET /runs/{id}/points", action="read")
def get_points(tracker: ExperimentTracker, ask: GetPoints) -> Download:
    """Read every point of metrics, a few bytes each as they are kept; unknown names are left out."""
    return tracker.stream_points(ask.id, ask.name or None)


@operation(
    "runs.log_param",
    "POST /runs/{id}/params",
    action="write",
    python="log_param",
    cli="runs log-param",
    magic="log_param",
)
def log_param(tracker: ExperimentTracker, ask: LogParam) -> None:
    """Record a param; logged again, the last value shows."""
    tracker.log_param(ask.key, ask.value, run_id=ask.id)


@operation("runs.log_params", "POST /runs/{id}/params/batch", action="write", python="log_params")
def log_params(tracker: ExperimentTracker, ask: LogParams) -> None:
    """Record params; nested objects are flattened by dots."""
    tracker.log_params(ask.params, run_id=ask.id)


@operation("runs.set_tag", "POST /runs/{id}/tags", action="write", python="set_tag", cli="runs tag")
def set_tag(tracker: ExperimentTracker, ask: SetTag) -> None:
    """Set a tag of a run; without a value, remove it."""
    tracker.set_tag(ask.key, ask.value, run_id=ask.id)


@operation("runs.set_tags", "POST /runs/{id}/tags/batch", action="write", python="set_tags")
def set_tags(tracker: ExperimentTracker, ask: SetTags) -> None:
    """Set tags of a run; null removes one."""
    tracker.set_tags(ask.tags, run_id=ask.id)


@operation(
    "runs.log_artifact",
    "POST /runs/{id}/artifacts",
    action="write",
    python="log_artifact",
    cli="runs log-artifact",
    magic="log_artifact",
    upload="path",
)
def log_artifact(tracker: ExperimentTracker, ask: LogArtifact) -> None:
    """Keep a copy of a file with a run; of a name that is there, as a new version."""
    tracker.log_artifact(
        ask.path, ask.name, kind=ask.kind, step=ask.step, metadata=ask.metadata, run_id=ask.id
    )


@operation("runs.log_reference", "POST /runs/{id}/references", action="write", cli="runs log-reference")
def log_reference(tracker: ExperimentTracker, ask: LogReference) -> None:
    """Record where content is that is not kept: a path or an address, as told; nothing of it is read."""
    tracker.log_reference(
        ask.id,
        ask.target,
        ask.name,
        hash=ask.hash,
        size_bytes=ask.size_bytes,
        kind=ask.kind,
        step=ask.step,
        metadata=ask.metadata,
    )


@operation(
    "runs.artifacts", "GET /runs/{id}/artifacts", action="read", python="list_artifacts", cli="runs artifacts"
)
def list_artifacts(tracker: ExperimentTracker, ask: ListArtifacts) -> Page[Artifact]:
    """List the artifacts of a run: all, a folder, or every version."""
    if ask.name is not None:
        return Page[Artifact](items=[tracker.find_artifact(ask.id, ask.name)])
    return tracker.list_artifacts(
        ask.id,
        folder=ask.folder,
        prefix=ask.prefix,
        versions=ask.versions,
        limit=ask.limit,
        after=ask.after,
    )


@operation("runs.artifact", "GET /runs/{id}/artifacts/{name}", action="read", cli="runs get-artifact")
def get_artifact(tracker: ExperimentTracker, ask: GetArtifact) -> Download:
    """Download an artifact; name@v1 is an earlier version."""
    return tracker.open_artifact(ask.id, ask.name)


@operation(
    "runs.artifact_folder", "GET /runs/{id}/folders/{name}", action="read", cli="runs get-artifact-folder"
)
def get_artifact_folder(tracker: ExperimentTracker, ask: GetArtifactFolder) -> Download:
    """Download all artifacts of a folder as one zip; references are left out."""
    return tracker.zip_artifacts(ask.id, ask.name)


@operation(
    "runs.artifact_preview",
    "GET /runs/{id}/artifacts/{name}/preview",
    action="read",
    python="preview_artifact",
    cli="runs preview-artifact",
)
def preview_artifact(tracker: ExperimentTracker, ask: GetArtifact) -> ArtifactPreview:
    """Show the head of a text or a table, a small picture, the numbers of a histogram."""
    return tracker.preview_artifact(ask.id, ask.name)


@operation(
    "runs.delete_artifact",
    "DELETE /runs/{id}/artifacts/{name}",
    action="write",
    python="delete_artifact",
    cli="runs delete-artifact",
)
def delete_artifact(tracker: ExperimentTracker, ask: GetArtifact) -> None:
    """Delete an artifact with all its versions; name@v1 only that one."""
    tracker.delete_artifact(ask.id, ask.name)


@operation("runs.set_provenance", "PUT /runs/{id}/provenance", action="write")
def set_provenance(tracker: ExperimentTracker, ask: SetProvenance) -> None:
    """Tell where a run came from: repository, code, command, environment."""
    tracker.set_provenance(
        ask.id,
        git=ask.git.model_dump() if ask.git else None,
        code=ask.code,
        entry=ask.entry,
        command=ask.command,
        environment=ask.environment.model_dump(exclude={"hash"}) if ask.environment else None,
    )


@operation(
    "environment.get",
    "GET /environment",
    action="read",
    python="environment",
    cli="environment",
    magic="environment",
)
def environment(tracker: ExperimentTracker, ask: ShowEnvironment) -> Environment:
    """Show the environment of this process; over HTTP, the server's."""
    return tracker.environment()


@operation(
    "runs.environment",
    "GET /runs/{id}/environment",
    action="read",
    python="environment_of",
    cli="runs environment",
)
def environment_of(tracker: ExperimentTracker, ask: GetRun) -> Environment:
    """Show the environment a run was started in."""
    return tracker.environment_of(ask.id)


@operation(
    "runs.end",
    "POST /runs/{id}/end",
    action="write",
    python="end_run",
    cli="runs end",
    magic="end_run",
)
def end_run(tracker: ExperimentTracker, ask: EndRun) -> Run:
    """End a run; a conflict if it has ended already."""
    run = tracker.get_run(ask.id)
    tracker.end_run(ask.status, run_id=run.id)
    return tracker.get_run(run.id)

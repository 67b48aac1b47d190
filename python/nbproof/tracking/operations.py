"""The verbs of tracking, declared once for every face."""

from __future__ import annotations

from nbproof.core.operation import Download, Page, operation
from nbproof.tracking.models import (
    CompareRuns,
    Comparison,
    CreateExperiment,
    EndRun,
    Experiment,
    GetArtifact,
    GetExperiment,
    GetMetricHistory,
    GetMetricLines,
    GetRun,
    ListExperiments,
    ListRuns,
    LogArtifact,
    LogFrame,
    LogHistory,
    LogMetric,
    LogMetrics,
    LogParam,
    LogParams,
    Metric,
    MetricHistory,
    MetricLines,
    ResumeRun,
    Run,
    SearchRuns,
    SetProvenance,
    SetTag,
    SetTags,
    StartRun,
    UpdateRun,
)
from nbproof.tracking.service import ExperimentTracker


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
    return tracker.list_experiments(limit=ask.limit, after=ask.after)


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
    cli="runs start",
    magic="start_run",
    creates=True,
)
def start_run(tracker: ExperimentTracker, ask: StartRun) -> Run:
    """Start a run that lives until it is ended by name or id."""
    return tracker.open_run(
        ask.id,
        name=ask.name,
        tags=ask.tags,
        params=ask.params,
        notes=ask.notes,
        parent=ask.parent_id,
        run_id=ask.run_id,
        source=ask.source,
    )


@operation("runs.list", "GET /experiments/{id}/runs", action="read", python="list_runs", cli="runs list")
def list_runs(tracker: ExperimentTracker, ask: ListRuns) -> Page[Run]:
    """List the runs of an experiment, newest first."""
    return tracker.list_runs(ask.id, limit=ask.limit, after=ask.after)


@operation("runs.search", "GET /runs/search", action="read", python="search_runs", cli="runs search")
def search_runs(tracker: ExperimentTracker, ask: SearchRuns) -> Page[Run]:
    """Find runs by the search language."""
    return tracker.find_runs(ask.query, experiment=ask.experiment, limit=ask.limit, after=ask.after)


@operation("runs.compare", "GET /runs/compare", action="read", python="compare_runs", cli="runs compare")
def compare_runs(tracker: ExperimentTracker, ask: CompareRuns) -> Comparison:
    """Compare two runs or more; what differs comes first."""
    return tracker.compare_runs(*ask.id)


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
    """Rename a run or change its notes."""
    return tracker.update_run(ask.id, name=ask.name, notes=ask.notes)


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
    return tracker.metric_lines(ask.id, ask.name, max_points=ask.max_points, axis=ask.axis)


@operation("runs.metrics", "GET /runs/{id}/metrics", action="read", python="list_metrics", cli="runs metrics")
def list_metrics(tracker: ExperimentTracker, ask: GetRun) -> Page[Metric]:
    """List the metrics of a run: latest, least and greatest value, count."""
    return Page[Metric](items=tracker.list_metrics(ask.id))


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
    """Keep a copy of a file with a run."""
    tracker.log_artifact(ask.path, ask.name, run_id=ask.id)


@operation("runs.artifact", "GET /runs/{id}/artifacts/{name}", action="read", cli="runs get-artifact")
def get_artifact(tracker: ExperimentTracker, ask: GetArtifact) -> Download:
    """Download an artifact."""
    path, media_type = tracker.get_artifact(ask.id, ask.name)
    return Download(path, ask.name.rsplit("/", 1)[-1], media_type)


@operation("runs.set_provenance", "PUT /runs/{id}/provenance", action="write")
def set_provenance(tracker: ExperimentTracker, ask: SetProvenance) -> None:
    """Tell the state of the repository and the fingerprint of the code a run was started with."""
    tracker.set_provenance(ask.id, git=ask.git.model_dump() if ask.git else None, code=ask.code)


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

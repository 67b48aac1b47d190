"""The verbs of the trash, of cancelling, of nested runs and of a param's history, for every face."""

from __future__ import annotations

from nbproof.core.operation import operation
from nbproof.tracking.models import Experiment, Run
from nbproof.tracking.service import ExperimentTracker
from nbproof.tracking.trash_models import (
    CancelRun,
    Children,
    DeleteExperiment,
    DeleteRun,
    DeleteRuns,
    GetChildren,
    GetParamHistory,
    ParamHistory,
    Purged,
    PurgeRuns,
    RestoreExperiment,
    RestoreRun,
    RestoreRuns,
    TouchedRuns,
)


@operation("runs.delete", "DELETE /runs/{id}", action="write", python="delete_run")
def delete_run(tracker: ExperimentTracker, ask: DeleteRun) -> Run:
    """Throw a run away, with those nested in it; it can be brought back."""
    return tracker.delete_run(ask.id)


@operation("runs.delete_many", "POST /runs/delete", action="write", python="delete_runs", cli="runs delete")
def delete_runs(tracker: ExperimentTracker, ask: DeleteRuns) -> TouchedRuns:
    """Throw runs away, with those nested in them: all or, where one is live or unknown, none."""
    return tracker.delete_runs(ask.id)


@operation("runs.restore", "POST /runs/{id}/restore", action="write", python="restore_run")
def restore_run(tracker: ExperimentTracker, ask: RestoreRun) -> Run:
    """Bring a run back from the trash, with what went along with it."""
    return tracker.restore_run(ask.id)


@operation(
    "runs.restore_many", "POST /runs/restore", action="write", python="restore_runs", cli="runs restore"
)
def restore_runs(tracker: ExperimentTracker, ask: RestoreRuns) -> TouchedRuns:
    """Bring runs back from the trash, with what went along with them."""
    return tracker.restore_runs(ask.id)


@operation("runs.purge", "POST /runs/purge", action="write", python="purge_runs", cli="runs purge")
def purge_runs(tracker: ExperimentTracker, ask: PurgeRuns) -> Purged:
    """Remove runs of the trash for good; `nbproof gc` then frees their artifacts."""
    return tracker.purge_runs(ask.id, older_than_days=ask.older_than_days, dry_run=ask.dry_run, yes=ask.yes)


@operation("runs.cancel", "POST /runs/{id}/cancel", action="write", python="cancel_run", cli="runs cancel")
def cancel_run(tracker: ExperimentTracker, ask: CancelRun) -> Run:
    """Ask a run to stop; one that belongs to no process is cancelled at once."""
    return tracker.cancel_run(ask.id)


@operation("runs.children", "GET /runs/{id}/children", action="read", python="children", cli="runs children")
def children(tracker: ExperimentTracker, ask: GetChildren) -> Children:
    """Count the runs nested in a run by status, and tell best and mean of metrics over them."""
    return tracker.children(ask.id, metric=ask.metric, deep=ask.deep)


@operation(
    "runs.param_history",
    "GET /runs/{id}/params/{key}",
    action="read",
    python="param_history",
    cli="runs param-history",
)
def param_history(tracker: ExperimentTracker, ask: GetParamHistory) -> ParamHistory:
    """Show every value a param had, in the order of time."""
    return tracker.param_history(ask.id, ask.key)


@operation(
    "experiments.delete",
    "DELETE /experiments/{id}",
    action="write",
    python="delete_experiment",
    cli="experiments delete",
)
def delete_experiment(tracker: ExperimentTracker, ask: DeleteExperiment) -> Experiment:
    """Throw an experiment away, with its runs; it can be brought back."""
    return tracker.delete_experiment(ask.id)


@operation(
    "experiments.restore",
    "POST /experiments/{id}/restore",
    action="write",
    python="restore_experiment",
    cli="experiments restore",
)
def restore_experiment(tracker: ExperimentTracker, ask: RestoreExperiment) -> Experiment:
    """Bring an experiment back from the trash, with the runs that went along with it."""
    return tracker.restore_experiment(ask.id)

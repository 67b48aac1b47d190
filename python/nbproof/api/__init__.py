"""The functions of ``import nbproof as nbp``: thin calls of the services of the open workspace.

Written out for verbs that are typed by hand every day, so that editors know them; every other verb of
every room is found by `verb`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from nbproof.api.calls import of_service
from nbproof.platform import workspace as _workspace
from nbproof.platform.workspace import current
from nbproof.tracking.service import ExperimentTracker

__all__ = [
    "active_run",
    "backup",
    "compare_runs",
    "complete_search",
    "create_experiment",
    "delete_artifact",
    "delete_search",
    "download_artifact",
    "end_run",
    "environment",
    "export_lineage",
    "export_runs",
    "get_experiment",
    "get_run",
    "import_runs",
    "leaderboard",
    "list_artifacts",
    "list_experiments",
    "list_metrics",
    "list_runs",
    "list_searches",
    "log_artifact",
    "log_dict",
    "log_figure",
    "log_frame",
    "log_histogram",
    "log_history",
    "log_html",
    "log_image",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_table",
    "log_text",
    "metric_histories",
    "metric_history",
    "preview_artifact",
    "restore_backup",
    "save_search",
    "search_runs",
    "set_tag",
    "set_tags",
    "start_run",
    "update_run",
    "verb",
    "workspace",
]

P = ParamSpec("P")
R = TypeVar("R")


def _of_tracker(method: Callable[Concatenate[ExperimentTracker, P], R]) -> Callable[P, R]:
    return of_service(lambda: current().tracker, method)


start_run = _of_tracker(ExperimentTracker.start_run)
end_run = _of_tracker(ExperimentTracker.end_run)
log_metrics = _of_tracker(ExperimentTracker.log_metrics)
log_history = _of_tracker(ExperimentTracker.log_history)
log_frame = _of_tracker(ExperimentTracker.log_frame)
log_param = _of_tracker(ExperimentTracker.log_param)
log_params = _of_tracker(ExperimentTracker.log_params)
set_tag = _of_tracker(ExperimentTracker.set_tag)
set_tags = _of_tracker(ExperimentTracker.set_tags)
log_artifact = _of_tracker(ExperimentTracker.log_artifact)
log_dict = _of_tracker(ExperimentTracker.log_dict)
log_figure = _of_tracker(ExperimentTracker.log_figure)
log_histogram = _of_tracker(ExperimentTracker.log_histogram)
log_html = _of_tracker(ExperimentTracker.log_html)
log_image = _of_tracker(ExperimentTracker.log_image)
log_table = _of_tracker(ExperimentTracker.log_table)
log_text = _of_tracker(ExperimentTracker.log_text)
list_artifacts = _of_tracker(ExperimentTracker.list_artifacts)
download_artifact = _of_tracker(ExperimentTracker.download_artifact)
preview_artifact = _of_tracker(ExperimentTracker.preview_artifact)
delete_artifact = _of_tracker(ExperimentTracker.delete_artifact)
update_run = _of_tracker(ExperimentTracker.update_run)
create_experiment = _of_tracker(ExperimentTracker.create_experiment)
get_experiment = _of_tracker(ExperimentTracker.get_experiment)
list_experiments = _of_tracker(ExperimentTracker.list_experiments)
get_run = _of_tracker(ExperimentTracker.get_run)
list_runs = _of_tracker(ExperimentTracker.list_runs)
search_runs = _of_tracker(ExperimentTracker.search_runs)
complete_search = _of_tracker(ExperimentTracker.complete_search)
leaderboard = _of_tracker(ExperimentTracker.leaderboard)
save_search = _of_tracker(ExperimentTracker.save_search)
list_searches = _of_tracker(ExperimentTracker.list_searches)
delete_search = _of_tracker(ExperimentTracker.delete_search)
compare_runs = _of_tracker(ExperimentTracker.compare_runs)
list_metrics = _of_tracker(ExperimentTracker.list_metrics)
metric_history = _of_tracker(ExperimentTracker.metric_history)
environment = _of_tracker(ExperimentTracker.environment)
metric_histories = _of_tracker(ExperimentTracker.metric_histories)


def log_metric(  # noqa: D103 - its docstring is the service's
    key: str, value: Any, step: int | None = None, *, time: Any = None, run_id: str | None = None
) -> None:
    # By hand and not by `_of_tracker`: this one is called in the innermost loop.
    (_workspace._current or current()).tracker.log_metric(key, value, step, time=time, run_id=run_id)


log_metric.__doc__ = ExperimentTracker.log_metric.__doc__
log_metric.__module__ = "nbproof"


def active_run() -> Any:
    """The live run, or None.

    Examples
    --------
    >>> import nbproof as nbp
    >>> with nbp.start_run(experiment="doctest") as run:
    ...     nbp.active_run() is run
    True
    """
    return current().tracker.live


def backup(file: Any) -> Any:
    """Copy the workspace, here or on a server, into one file; ``nbproof restore FILE FOLDER`` reads it.

    It may be in use meanwhile.

    Parameters
    ----------
    file : path-like
        The ZIP to make; nothing is overwritten.

    Raises
    ------
    Conflict
        There is a file of that name.
    NotAllowed
        The workspace is a server's, and you may not carry it away: that takes the action ``backup``.
    """
    from pathlib import Path

    from nbproof.platform.maintenance import Maintenance

    opened = current()
    if not isinstance(opened, _workspace.Workspace):
        from nbproof.storage.backup import Backup

        return Backup(**opened.transfer.back_up(Path(file).expanduser()))
    return Maintenance(opened).back_up(file)


def restore_backup(file: Any, folder: Any, *, database: str | None = None) -> Any:
    """Make a workspace of a backup, in a folder that has none; what was live then is interrupted.

    Parameters
    ----------
    file : path-like
        What `backup` made.
    folder : path-like
        The folder that will hold the workspace; made where it is missing.
    database : str, optional
        The URL of an empty PostgreSQL database that shall hold the records.  It is not written down, because
        it may hold a password: tell it in ``nbproof.toml`` or by ``NBPROOF_DATABASE``.

    Raises
    ------
    Conflict
        There is a workspace already, or records in the database: nothing is overwritten.
    Invalid
        The file is no backup, or damaged.
    """
    from nbproof.core.clock import SystemClock
    from nbproof.platform.maintenance import restore_workspace

    return restore_workspace(file, folder, now_us=SystemClock().now_us(), database=database)


def export_runs(
    *ids: str, query: str | None = None, experiment: str | None = None, output: Any, force: bool = False
) -> Any:
    """Write runs into one file, artifacts included, which can be read without nbproof.

    Parameters
    ----------
    *ids : str
        Runs, each with those nested in it; without any, and without the next two, all runs.
    query : str, optional
        The runs that a search finds.
    experiment : str, optional
        Only its runs.
    output : path-like
        The file to write: a zip that explains itself.  It is there whole or not at all.
    force : bool
        Replace a file that is there.

    Returns
    -------
    ExportReport
        What the file holds, and what it lacks.

    Raises
    ------
    NotFound
        There is no such run, or none at all.
    Conflict
        The file is there.

    Examples
    --------
    >>> import nbproof as nbp, tempfile
    >>> with nbp.start_run("to be moved", experiment="doctest") as run:
    ...     nbp.log_metric("auc", 0.9)
    >>> report = nbp.export_runs(run.id, output=f"{tempfile.mkdtemp()}/runs.zip")
    >>> report.taken["runs"], report.taken["points"]
    (1, 1)
    """
    return current().transfer.export_runs(
        *ids, query=query, experiment=experiment, output=output, force=force
    )


def export_lineage(file: Any, id: str | None = None, *, kind: str | None = None, force: bool = False) -> Any:
    """Write lineage as OpenLineage events, one to a line: all of it, or around one thing.

    Parameters
    ----------
    file : path-like
        The file to write.  It is there whole or not at all.
    id : str, optional
        What came of this and what it came of: a run, a dataset, a file; with a kind, its id.
    kind : str, optional
        What it is; without it, `id` is looked up.
    force : bool
        Replace a file that is there.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    NotFound
        Nothing is called that.
    Conflict
        The file is there.
    """
    import shutil
    from pathlib import Path

    from nbproof.core.errors import Conflict
    from nbproof.core.operation import validated
    from nbproof.platform.rooms import find_operation

    target = Path(file).expanduser()
    if target.exists() and not force:
        raise Conflict(f"{str(target)!r} is there already", hint="replace it with force=True")
    operation = find_operation("lineage.export")
    asked = {"id": id, "kind": kind}
    told = validated(operation.ask, {key: value for key, value in asked.items() if value is not None})
    partial = target.with_name(f"{target.name}.part")
    try:
        with current().call(operation, told).open() as source, partial.open("wb") as kept:
            shutil.copyfileobj(source, kept, 1 << 20)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def import_runs(
    path: Any,
    *,
    from_: str | None = None,
    name: str | None = None,
    experiment: str | None = None,
    new_ids: bool = False,
    deleted: bool = False,
    artifacts: Any = None,
    rows: str | None = None,
    column: Any = None,
    dry_run: bool = False,
) -> Any:
    r"""Bring in exported runs, or those of MLflow, TensorBoard or a CSV.

    Importing the same again changes nothing: a run keeps its id, and what is here already is left alone.

    Parameters
    ----------
    path : path-like
        A file of `export_runs`, a folder ``mlruns`` or file ``mlflow.db``, a folder of TensorBoard, a CSV.
    from_ : {"archive", "mlflow", "tensorboard", "csv"}, optional
        What it is; by default it is looked at.
    name : str, optional
        What the file is called, instead of its own name.
    experiment : str, optional
        Put the runs into this experiment.
    new_ids : bool
        Take every run as a new one, whatever is here already.
    deleted : bool
        Of MLflow: take deleted runs, too.
    artifacts : path-like, optional
        Of MLflow: the folder of its artifacts, where that is not beside the store.
    rows : {"runs", "steps"}, optional
        Of a CSV: what a row is.
    column : mapping, optional
        Of a CSV: what a column is, such as ``{"lr": "param", "auc": "metric"}``; ``*`` means the others.
    dry_run : bool
        Say what would be taken, and record nothing.

    Returns
    -------
    ImportReport
        What was taken and what was not, with reasons.

    Raises
    ------
    Invalid
        It can't be read, or is damaged; nothing was recorded then.

    Examples
    --------
    >>> import nbproof as nbp, pathlib, tempfile
    >>> table = pathlib.Path(tempfile.mkdtemp(), "training.csv")
    >>> _ = table.write_text("epoch,loss\n0,0.9\n1,0.5\n")
    >>> report = nbp.import_runs(table)
    >>> report.format, report.outcomes, report.taken["points"]
    ('csv', {'taken': 1}, 2)
    """
    return current().transfer.import_runs(
        path, from_=from_, name=name, experiment=experiment, new_ids=new_ids, deleted=deleted,
        artifacts=artifacts, rows=rows, column=column, dry_run=dry_run,
    )  # fmt: skip


def workspace(folder: Any = None) -> Any:
    """The open workspace; with a folder, go on in the workspace of that folder.

    Parameters
    ----------
    folder : path-like, optional
        A folder in the project, or the one that holds ``.nbproof``.  Live runs of the workspace
        before are ended.
    """
    if folder is not None:
        from pathlib import Path

        before = _workspace.use(_workspace.open_workspace(Path(folder)))
        if before is not None:
            before.close()
    return current()


def verb(name: str) -> Callable[..., Any]:
    """The function of an operation that has no function above, made from its declaration.

    Raises
    ------
    AttributeError
        No operation has that name in Python.
    """
    from nbproof.core.operation import validated
    from nbproof.platform.rooms import python_verbs

    operation = python_verbs().get(name)
    if operation is None:
        raise AttributeError(f"module 'nbproof' has no attribute {name!r}")
    signature = operation.signature()
    told = operation.signature_text()

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}(): {error}; it is called {name}{told}") from None
        return current().call(operation, validated(operation.ask, bound.arguments))

    call.__signature__ = signature  # type: ignore[attr-defined]
    call.__name__ = call.__qualname__ = name
    call.__doc__ = operation.description
    call.__module__ = "nbproof"
    return call

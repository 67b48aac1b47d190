"""The functions of ``import nbproof as nbp``: thin calls of the services of the open workspace.

Written out for verbs that are typed by hand every day, so that editors know them; every other verb of
every room is found by `verb`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from nbproof.platform import workspace as _workspace
from nbproof.platform.workspace import current
from nbproof.tracking.service import ExperimentTracker

__all__ = [
    "active_run",
    "compare_runs",
    "create_experiment",
    "end_run",
    "get_experiment",
    "get_run",
    "list_experiments",
    "list_metrics",
    "list_runs",
    "log_artifact",
    "log_frame",
    "log_history",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "metric_histories",
    "metric_history",
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
    name = method.__name__

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        answer: R = getattr(current().tracker, name)(*args, **kwargs)
        return answer

    # `wraps` would show the service's own first parameter.
    call.__signature__ = _without_self(method)  # type: ignore[attr-defined]
    call.__module__ = "nbproof"
    del call.__wrapped__
    return call


def _without_self(method: Callable[..., Any]) -> inspect.Signature:
    signature = inspect.signature(method)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


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
update_run = _of_tracker(ExperimentTracker.update_run)
create_experiment = _of_tracker(ExperimentTracker.create_experiment)
get_experiment = _of_tracker(ExperimentTracker.get_experiment)
list_experiments = _of_tracker(ExperimentTracker.list_experiments)
get_run = _of_tracker(ExperimentTracker.get_run)
list_runs = _of_tracker(ExperimentTracker.list_runs)
search_runs = _of_tracker(ExperimentTracker.search_runs)
compare_runs = _of_tracker(ExperimentTracker.compare_runs)
list_metrics = _of_tracker(ExperimentTracker.list_metrics)
metric_history = _of_tracker(ExperimentTracker.metric_history)
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
    fields = operation.ask.model_fields
    positional = operation.positional()

    def call(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        return current().call(operation, validated(operation.ask, bound.arguments))

    ordered = [*positional, *(field for field in fields if field not in positional)]
    parameters = [
        inspect.Parameter(
            field,
            inspect.Parameter.POSITIONAL_OR_KEYWORD
            if field in positional
            else inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty
            if fields[field].is_required()
            else fields[field].get_default(call_default_factory=True),
            annotation=fields[field].annotation,
        )
        for field in ordered
    ]
    # Python wants parameters without a default first.
    parameters.sort(key=lambda each: (each.kind, each.default is not inspect.Parameter.empty))
    signature = inspect.Signature(parameters, return_annotation=operation.view)
    call.__signature__ = signature  # type: ignore[attr-defined]
    call.__name__ = call.__qualname__ = name
    call.__doc__ = operation.description
    call.__module__ = "nbproof"
    return call

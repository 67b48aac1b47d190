"""A run while it is being written: the handle that `start_run` gives.

Everything here is on the user's hot path: the standard library and the journal only.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from nbproof.core.errors import Conflict, Invalid, Unavailable
from nbproof.tracking.columns import Logged, columns_of_frame, steps_of, times_of, values_of
from nbproof.tracking.values import metric_value, name_of, step_of, time_us_of

if TYPE_CHECKING:
    import pandas

    from nbproof.storage.journal.writer import JournalWriter, Series
    from nbproof.tracking.models import ArtifactList, Run

__all__ = [
    "ActiveRun",
    "RecordingFailed",
    "RecordingWaits",
    "RunCancelled",
    "SecretBlanked",
    "acknowledged_only",
    "ended_conflict",
]

_acknowledged_only: ContextVar[bool] = ContextVar("nbproof_acknowledged_only", default=False)


@contextmanager
def acknowledged_only() -> Iterator[None]:
    """Within it, what the machine could not record raises `Unavailable`, where a cell would be warned.

    For faces that have no cell that must go on: who gets an answer over HTTP takes it for recorded.
    """
    before = _acknowledged_only.set(True)
    try:
        yield
    finally:
        _acknowledged_only.reset(before)


class RecordingFailed(UserWarning):
    """The machine could not record something; the cell went on.  Said once a run."""


class SecretBlanked(UserWarning):
    """What looked like a key, a token or a password was kept as ``[redacted]``.  Said once a run."""


class RecordingWaits(UserWarning):
    """The server does not take what is recorded; it waits on this machine.  Said once for each reason."""


class RunCancelled(KeyboardInterrupt):
    """The run was asked to stop: what `ActiveRun.raise_if_cancelled` raises.

    A `KeyboardInterrupt`, so that training loops treat it as Ctrl-C: no ``except Exception`` swallows it, a
    notebook's kernel lives on, and a ``with`` run ends as ``cancelled``.
    """


def ended_conflict(identifier: str, name: str, status: str, what: str) -> Conflict:
    """What is said to someone who writes to a run that has ended."""
    last = identifier[-6:]
    if status == "left":
        return Conflict(
            f"this process has left run {name!r} ({last}); {what} was not recorded",
            hint="nbp.start_run() joins it again",
            details={"run": identifier, "status": status},
        )
    return Conflict(
        f"run {name!r} ({last}) has ended ({status}); {what} was not recorded",
        hint=f"go on with it by nbp.start_run(resume={last!r}) or `nbproof runs resume {last}`, "
        "or start a new run",
        details={"run": identifier, "status": status},
    )


def _no_next_step(key: str) -> Invalid:
    return Invalid(
        f"the last step of the metric {key!r} was the greatest of 64 bits: none follows",
        hint="give the step",
        details={"field": "step"},
    )


class _Tracker(Protocol):
    def log_params(self, params: Mapping[str, object], *, run_id: str | None = None) -> None: ...
    def set_tags(self, tags: Mapping[str, object], *, run_id: str | None = None) -> None: ...
    def log_artifact(
        self,
        path: object,
        name: str | None = None,
        *,
        kind: str | None = None,
        step: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        reference: bool = False,
        run_id: str | None = None,
    ) -> None: ...
    def log_text(
        self, text: str, name: str, *, step: int | None = None, run_id: str | None = None
    ) -> None: ...
    def log_dict(
        self, data: Any, name: str, *, step: int | None = None, run_id: str | None = None
    ) -> None: ...
    def log_html(
        self, html: Any, name: str, *, step: int | None = None, run_id: str | None = None
    ) -> None: ...
    def log_image(
        self,
        image: Any,
        name: str | None = None,
        *,
        step: int | None = None,
        caption: str | None = None,
        run_id: str | None = None,
    ) -> None: ...
    def log_figure(
        self,
        figure: Any,
        name: str,
        *,
        step: int | None = None,
        caption: str | None = None,
        run_id: str | None = None,
    ) -> None: ...
    def log_table(
        self,
        table: Any,
        name: str,
        *,
        step: int | None = None,
        caption: str | None = None,
        run_id: str | None = None,
    ) -> None: ...
    def log_histogram(
        self, values: Any, name: str, *, bins: Any = 64, step: int | None = None, run_id: str | None = None
    ) -> None: ...
    def update_run(
        self, id: str, *, name: str | None = None, notes: str | None = None, group: str | None = None
    ) -> object: ...
    def end_run(self, status: str = "finished", *, run_id: str | None = None) -> None: ...
    def get_run(self, id: str) -> Run: ...
    def is_cancelled(self, run: ActiveRun) -> bool: ...


class ActiveRun:
    """A live run.  Use it as a context manager, or let `end_run` or the next `start_run` end it.

    Attributes
    ----------
    id : str
        32 hex digits.
    name, experiment : str
    status : str
        ``running`` until it ends, or until this process leaves a run that it joined (``left``).
    joined : bool
        Whether another process owns the run: this one writes to it, and does not end it.
    unacknowledged : int
        Log calls that the machine could not record (a full disk, a vanished folder).
    redacted : int
        Values that looked like a secret and were blanked, of those logged through this handle.

    Examples
    --------
    >>> import nbproof as nbp
    >>> with nbp.start_run("warm-up", experiment="doctest") as run:
    ...     run.log_param("depth", 3)
    ...     run.log_metric("loss", 0.5)
    >>> run.status
    'finished'
    """

    __slots__ = (
        "_cancelled",
        "_journal",
        "_last_steps",
        "_series",
        "_tracker",
        "_warned",
        "began_us",
        "experiment",
        "id",
        "joined",
        "name",
        "parent_id",
        "redacted",
        "start",
        "status",
        "unacknowledged",
    )

    def __init__(
        self,
        tracker: _Tracker,
        journal: JournalWriter,
        identifier: str,
        name: str,
        experiment: str,
        parent_id: str | None = None,
        last_steps: Mapping[str, int] | None = None,
    ) -> None:
        self._tracker = tracker
        self._journal = journal
        self._series: dict[str, Series] = {}
        self._last_steps = dict(last_steps or {})
        self._warned = False
        self.id = identifier
        self.name = name
        self.experiment = experiment
        self.parent_id = parent_id
        self.start: dict[str, Any] = {}
        self.status = "running"
        self.unacknowledged = 0
        self.joined = False
        self.began_us = 0  # no end is earlier, whatever the clock does
        self._cancelled = False
        self.redacted = 0

    # -- writing ----------------------------------------------------------------------------------

    def log_metric(self, key: str, value: Any, step: int | None = None, *, time: Any = None) -> None:
        """Record one value of a metric.

        Parameters
        ----------
        key : str
            The metric's name.
        value : float
            Any one real number; NaN and the infinities are kept.
        step : int, optional
            Any 64-bit integer; by default the last step of this metric + 1, from 0.
        time : datetime or float, optional
            When it was so (seconds since 1970, or a datetime); by default now.
        """
        if value.__class__ is not float:
            value = metric_value(key, value)
        if step is not None and step.__class__ is not int:
            step = step_of(step)
        try:
            series = self._series[key]
        except (KeyError, TypeError):
            defined = self._define(key)
            if defined is None:
                return
            series = defined
        try:
            series.log(value, step, None if time is None else time_us_of(time))
        except OSError as error:
            self.failed(error)
        except OverflowError:
            if step is not None:
                step_of(step)
            raise _no_next_step(key) from None

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None, *, time: Any = None) -> None:
        """Record several metrics at one step; see `log_metric`."""
        if not isinstance(metrics, Mapping):
            raise Invalid(
                f"metrics must be a mapping of names to numbers, found {type(metrics).__name__}",
                details={"field": "metrics"},
            )
        # All are checked before the first is written: half a dict would be a surprise.
        known = self._series
        checked = [
            (
                key if key in known else name_of(key, "a metric"),
                value if value.__class__ is float else metric_value(key, value),
            )
            for key, value in metrics.items()
        ]
        if step is not None:
            step = step_of(step)
        when = None if time is None else time_us_of(time)
        try:
            for key, value in checked:
                series = known.get(key) or self._define(key)
                if series is not None:
                    series.log(value, step, when)
        except OverflowError:
            if step is not None:
                step_of(step)
            raise _no_next_step(key) from None
        except OSError as error:
            self.failed(error)

    def log_history(self, key: str, values: Any, *, steps: Any = None, times: Any = None) -> None:
        """Record many values of one metric at once.

        Parameters
        ----------
        key : str
            The metric's name.
        values : sequence of float
            A list, an array or a column of a frame.
        steps : sequence of int, optional
            One for each value; by default they count on from the last step of this metric.
        times : sequence of datetime or float, optional
            One for each value; by default now.
        """
        known = key if key in self._series else name_of(key, "a metric")
        checked = values_of(known, values)
        self.log_columns(
            [
                Logged(
                    known,
                    checked,
                    None if steps is None else steps_of(steps, len(checked)),
                    None if times is None else times_of(times, len(checked)),
                )
            ]
        )

    def log_frame(self, frame: Any, *, step: str | None = None, time: str | None = None) -> None:
        """Record the columns of a frame as metrics; all are checked before the first is written.

        Parameters
        ----------
        frame : DataFrame, Arrow table, or mapping of names to columns
            NaN is a value; None and what pandas calls NA are left out.
        step, time : str, optional
            Columns with the steps and the times of the rows; by default steps count on from each metric's
            last one, and the time is now.
        """
        self.log_columns(columns_of_frame(frame, step, time))

    def log_param(self, key: str, value: Any) -> None:
        """Record a param; logging it again with another value keeps both, the last one shows."""
        self._tracker.log_params({key: value}, run_id=self.id)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Record params; nested mappings are flattened by dots."""
        self._tracker.log_params(params, run_id=self.id)

    def set_tag(self, key: str, value: Any) -> None:
        """Set a tag; None removes it."""
        self._tracker.set_tags({key: value}, run_id=self.id)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; None removes one."""
        self._tracker.set_tags(tags, run_id=self.id)

    def log_artifact(
        self,
        path: object,
        name: str | None = None,
        *,
        kind: str | None = None,
        step: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        reference: bool = False,
    ) -> None:
        """Keep a copy of a file, of every file in a folder, of bytes or a stream; by reference, none."""
        self._tracker.log_artifact(
            path, name, kind=kind, step=step, metadata=metadata, reference=reference, run_id=self.id
        )

    def log_text(self, text: str, name: str, *, step: int | None = None) -> None:
        """Keep text."""
        self._tracker.log_text(text, name, step=step, run_id=self.id)

    def log_dict(self, data: Any, name: str, *, step: int | None = None) -> None:
        """Keep a mapping or a list as JSON, or as YAML where the name ends so."""
        self._tracker.log_dict(data, name, step=step, run_id=self.id)

    def log_html(self, html: Any, name: str, *, step: int | None = None) -> None:
        """Keep a page."""
        self._tracker.log_html(html, name, step=step, run_id=self.id)

    def log_image(
        self, image: Any, name: str | None = None, *, step: int | None = None, caption: str | None = None
    ) -> None:
        """Keep a picture: a file, bytes, a PIL image, an array or a tensor."""
        self._tracker.log_image(image, name, step=step, caption=caption, run_id=self.id)

    def log_figure(
        self, figure: Any, name: str, *, step: int | None = None, caption: str | None = None
    ) -> None:
        """Keep a figure of matplotlib or plotly."""
        self._tracker.log_figure(figure, name, step=step, caption=caption, run_id=self.id)

    def log_table(
        self, table: Any, name: str, *, step: int | None = None, caption: str | None = None
    ) -> None:
        """Keep a table: a frame, an Arrow table, rows as mappings or a mapping of columns."""
        self._tracker.log_table(table, name, step=step, caption=caption, run_id=self.id)

    def log_histogram(self, values: Any, name: str, *, bins: Any = 64, step: int | None = None) -> None:
        """Keep how values are distributed."""
        self._tracker.log_histogram(values, name, bins=bins, step=step, run_id=self.id)

    def set_notes(self, notes: str) -> None:
        """Set the run's notes (Markdown)."""
        self._tracker.update_run(self.id, notes=notes)

    def end(self, status: str = "finished") -> None:
        """End the run; ending it again does nothing."""
        if self.status == "running":
            self._tracker.end_run(status, run_id=self.id)

    # -- being asked to stop -----------------------------------------------------------------------

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked this run, or the one it is nested in, to stop.

        Looking costs microseconds: ask at each step.  Nothing is interrupted by itself; a run that has seen
        the request and then ends well is ``cancelled``.
        """
        if not self._cancelled and self.status == "running":
            self._cancelled = self._tracker.is_cancelled(self)
        return self._cancelled

    def raise_if_cancelled(self) -> None:
        """Raise `RunCancelled`, a `KeyboardInterrupt`, if the run was asked to stop."""
        if self.cancel_requested:
            raise RunCancelled(f"run {self.name!r} was asked to stop")

    # -- reading: what was recorded so far -----------------------------------------------------------

    def read(self) -> Run:
        """The run as recorded so far."""
        return self._tracker.get_run(self.id)

    @property
    def params(self) -> dict[str, Any]:
        """Params recorded so far."""
        return self.read().params

    @property
    def metrics(self) -> dict[str, float]:
        """Latest value of each metric."""
        return self.read().metrics

    @property
    def tags(self) -> dict[str, str]:
        """Tags recorded so far."""
        return self.read().tags

    @property
    def artifacts(self) -> ArtifactList:
        """Artifacts recorded so far, by place or by name."""
        return self.read().artifacts

    def metric_history(self, name: str) -> pandas.DataFrame:
        """Every point of one metric; see `Run.metric_history`."""
        return self.read().metric_history(name)

    def param_history(self, key: str) -> pandas.DataFrame:
        """Every value a param had; see `Run.param_history`."""
        return self.read().param_history(key)

    # -- inside ---------------------------------------------------------------------------------------

    @property
    def journal(self) -> JournalWriter:
        """Where the run is written."""
        return self._journal

    def require_running(self, what: str) -> None:
        """Raise `Conflict` if the run has ended; `what` was not recorded."""
        if self.status != "running":
            raise ended_conflict(self.id, self.name, self.status, what)

    def log_columns(self, columns: Iterable[Logged]) -> None:
        """Record columns that were checked: arrays at one stroke, lists point by point."""
        try:
            for key, values, steps, times in columns:
                series = self._series.get(key) or self._define(key)
                if series is None or not len(values):
                    continue
                n = len(values)
                if isinstance(values, list):
                    if steps is None and series.last + n >= 2**63:
                        raise _no_next_step(key)
                    for place, value in enumerate(values):
                        series.log(
                            value,
                            None if steps is None else steps[place],
                            None if times is None else times[place],
                        )
                    continue
                import numpy as np

                from nbproof.storage.point_records import encoder

                try:
                    first = series.reserve(n) if steps is None else 0
                except OverflowError:
                    raise _no_next_step(key) from None
                encode = encoder(
                    np.arange(n) + first if steps is None else np.asarray(steps, np.int64),
                    np.full(n, self._journal.now_us()) if times is None else np.asarray(times, np.int64),
                    np.asarray(values, np.float64),
                    reserved=steps is None,
                )
                series.log_many(n, encode)
        except OSError as error:
            self.failed(error)

    def _define(self, key: str) -> Series | None:
        name_of(key, "a metric")
        self.require_running(f"the metric {key!r}")
        try:
            series = self._journal.series(self.id, key, self._last_steps.get(key, -1))
        except OSError as error:
            self.failed(error)
            return None
        # Another thread may have defined it meanwhile; all count the steps of one.
        return self._series.setdefault(key, series)

    def count_on(self, last_steps: Mapping[str, int]) -> None:
        """Let default steps follow these, the last ones by name, and what other threads log just now."""
        self._last_steps.update(last_steps)
        for key, last in last_steps.items():
            if (series := self._series.get(key)) is not None:
                series.count_on(last)

    def close(self, status: str) -> None:
        """Take no more: what the tracker calls when the run has ended."""
        self.status = status
        self._series = {}

    def failed(self, error: OSError | Unavailable) -> None:
        """Count what the machine refused, and warn once a run; the cell goes on.

        Raises
        ------
        Unavailable
            Instead of the warning, within `acknowledged_only`.
        """
        self.unacknowledged += 1
        if _acknowledged_only.get():
            raise Unavailable(
                f"run {self.name!r} could not be recorded: {error}",
                hint="free the disk or mend the folder; `nbproof doctor` shows where",
                details={"run": self.id},
            ) from error
        if not self._warned:
            self._warned = True
            from nbproof.core.callers import users_stacklevel

            warnings.warn(
                f"nbproof could not record into run {self.name!r}: {error}. The cell goes on; what is lost "
                "from here is counted in run.unacknowledged. Free the disk or mend the folder; "
                "`nbproof doctor` shows where.",
                RecordingFailed,
                stacklevel=users_stacklevel(),
            )

    def blanked(self, where: str, what: Mapping[str, int]) -> None:
        """Count secrets that were blanked, by the names they stood under, and warn once a run."""
        count = sum(what.values())
        # A face without a cell has nobody to warn; the count is recorded all the same.
        if count and not self.redacted and not _acknowledged_only.get():
            from nbproof.core.callers import users_stacklevel

            warnings.warn(
                f"nbproof blanked what looks like a secret in the {where} of run {self.name!r}: "
                f"{', '.join(map(repr, what))}. Keys, tokens and passwords are never recorded; run.redacted "
                "counts them. This is said once a run.",
                SecretBlanked,
                stacklevel=users_stacklevel(),
            )
        self.redacted += count

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(
            "finished" if kind is None else "cancelled" if issubclass(kind, KeyboardInterrupt) else "failed"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        # With the notebook extension loaded the live panel is shown instead.
        from nbproof.tracking.display import active_bundle

        return active_bundle(self)

    def __repr__(self) -> str:
        return f"<run {self.name} ({self.id[-6:]}) of {self.experiment}: {self.status}>"

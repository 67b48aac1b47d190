"""The verbs of tracking.

Writing goes to the journal and nowhere else, so no cell waits for a database; reading first lets the
journals drain and then asks the repository.  This module is on the hot path: it imports the standard
library and the journal, and everything else when a verb that reads needs it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbproof.core.clock import Clock, SystemClock
from nbproof.core.errors import Invalid, NotFound, Unavailable, near_names
from nbproof.core.ids import is_id, new_id
from nbproof.tracking.active import ActiveRun, ended_conflict
from nbproof.tracking.columns import columns_of_frame, steps_of, times_of, values_of
from nbproof.tracking.domain import ENDINGS
from nbproof.tracking.names import kind_name
from nbproof.tracking.provenance import Origin, capture_later
from nbproof.tracking.values import (
    artifact_name,
    flat_params,
    metric_value,
    name_of,
    step_of,
    tag_value,
    time_us_of,
)

if TYPE_CHECKING:
    import pandas

    from nbproof.core.operation import Page
    from nbproof.storage.backend import StorageBackend
    from nbproof.storage.journal.writer import JournalWriter
    from nbproof.tracking.histories import Axis, Columns
    from nbproof.tracking.models import Comparison, Experiment, Metric, MetricHistory, MetricLines, Run
    from nbproof.tracking.repository import RunRepository

__all__ = ["ExperimentTracker"]


class ExperimentTracker:
    """Experiments and runs of one workspace.

    Laws: safe from any thread; a `log_*` call that returned without a warning is in the journal; a
    wrong argument raises `Invalid` before anything is written; a failing machine warns once a run and
    never stops the cell.

    Parameters
    ----------
    journal : JournalWriter
        Takes every write.
    records : callable
        Gives the repository; called when a verb first reads.
    catch_up : callable
        Drains the journals; called before every read.
    artifacts : callable
        Gives the storage of artifacts.
    clock : Clock
    origin : callable
        Tells which notebook or script is running, at the start of each run.
    experiment : str, optional
        Name of the experiment of runs that name none; by default the notebook's or script's.
    capture_git : bool
        Whether a run records the state of its repository.
    prepare : callable
        Called before a run starts, to make what is missing.
    ended : callable
        Called after a run has ended, to see that its journal is drained.
    glance : callable, optional
        Drains the journals if that needs no waiting; called before points are read.
    sampler : callable, optional
        Starts to sample system metrics for a run, whose id it is given, and gives what stops it.
    system_metrics : bool
        Whether runs are sampled that do not say.
    """

    def __init__(
        self,
        journal: JournalWriter,
        records: Callable[[], RunRepository],
        catch_up: Callable[[], object],
        artifacts: Callable[[], StorageBackend],
        *,
        clock: Clock | None = None,
        origin: Callable[[], Origin] | None = None,
        experiment: str | None = None,
        capture_git: bool = True,
        prepare: Callable[[], object] | None = None,
        ended: Callable[[], object] | None = None,
        glance: Callable[[], object] | None = None,
        sampler: Callable[[str], Callable[[], None]] | None = None,
        system_metrics: bool = False,
    ) -> None:
        self._journal = journal
        self._records = records
        self._catch_up = catch_up
        self._glance = glance or catch_up
        self._artifacts = artifacts
        self._clock: Clock = clock or SystemClock()
        self._origin = origin or (lambda: Origin(Path.cwd()))
        self._experiment = experiment
        self._capture_git = capture_git
        self._prepare = prepare or (lambda: None)
        self._ended = ended or (lambda: None)
        self._sampler = sampler
        self._system_metrics = system_metrics
        self._samplers: dict[str, Callable[[], None]] = {}
        self._lock = threading.RLock()
        self._live: ActiveRun | None = None
        self._stack: list[ActiveRun] = []
        self._adopted: dict[str, ActiveRun] = {}
        self._capturing: list[threading.Thread] = []
        self._closing = threading.Event()
        self._process = os.getpid()

    # -- runs ---------------------------------------------------------------------------------------

    @property
    def live(self) -> ActiveRun | None:
        """The run that `log_*` without a run writes to."""
        return self._live

    def start_run(
        self,
        name: str | None = None,
        *,
        experiment: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        notes: str | None = None,
        nested: bool = False,
        resume: str | None = None,
        system_metrics: bool | None = None,
    ) -> ActiveRun:
        """Start a run, or go on with one.

        Parameters
        ----------
        name : str, optional
            A name is made up where none is given.
        experiment : str, optional
            A new name makes a new experiment; by default the notebook's or script's name.
        tags, params : mapping, optional
            Set at once.
        notes : str, optional
            Markdown.
        nested : bool
            Keep the live run and start a child of it; otherwise the live run is ended first.
        resume : str, optional
            Go on with this run (name, last 6 digits, id, ``@last``): it is running again, its metrics
            count on from their last steps.
        system_metrics : bool, optional
            Whether to sample processor, memory, disk, network and GPUs while it is live; by default as the
            setting says.

        Returns
        -------
        ActiveRun
            Also a context manager: the run ends with the block, `failed` if the block raised.

        Raises
        ------
        Invalid
            A wrong argument.
        NotFound, Conflict
            No such run to resume, or several.

        Examples
        --------
        >>> import nbproof as nbp
        >>> with nbp.start_run("first", experiment="doctest", params={"depth": 3}) as run:
        ...     nbp.log_metric("auc", 0.91)
        >>> run.status
        'finished'
        """
        if resume is not None:
            run = self._resume(resume, name, experiment, tags, params, notes, nested)
            self._sample(run, system_metrics)
            return run
        checked_name = None if name is None else _run_name(name)
        origin = self._origin()
        checked_experiment = name_of(
            experiment if experiment is not None else self._experiment or origin.experiment,
            "an experiment",
            "experiment",
        )
        with self._lock:
            parent = self._live if nested else None
            run = self._begin(
                checked_experiment,
                checked_name,
                tags,
                params,
                notes,
                parent.id if parent else None,
                origin=origin,
                before=None if nested else self._end_live,
            )
            self._push(run)
        self._sample(run, system_metrics)
        return run

    def open_run(
        self,
        experiment: str,
        *,
        name: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        notes: str | None = None,
        parent: str | None = None,
        run_id: str | None = None,
        source: str | None = None,
    ) -> Run:
        """Start a run that belongs to no process: whoever knows its id writes to it and ends it.

        What REST and the command line use.  It does not become the live run, and is not marked
        interrupted when this process ends.
        """
        records = self._fresh()
        if is_id(experiment):  # a name makes an experiment, an id must be one's
            experiment = records.get_experiment(experiment).name
        parent_id = None if parent is None else _run_id(records, parent)
        run = self._begin(
            name_of(experiment, "an experiment", "experiment"),
            None if name is None else _run_name(name),
            tags, params, notes, parent_id, detached=True, origin=None, identifier=run_id, source=source,
        )  # fmt: skip
        return self.get_run(run.id)

    def reopen_run(self, id: str) -> Run:
        """Let an ended run go on, as one that belongs to no process; see `open_run`."""
        identifier = _run_id(self._fresh(), id)
        self._tell("run.resume", run=identifier, detached=True)
        return self.get_run(identifier)

    def end_run(self, status: str = "finished", *, run_id: str | None = None) -> None:
        """End the live run, or the one named; without a live run nothing happens.

        Parameters
        ----------
        status : {"finished", "failed", "cancelled", "interrupted"}
        run_id : str, optional
            Any way of naming a run.

        Raises
        ------
        Invalid
            An unknown status.
        Conflict
            The named run has ended already.
        """
        if status not in ENDINGS:
            near = near_names(str(status), ENDINGS)
            raise Invalid(
                f"a run can't end as {status!r}",
                hint=f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(ENDINGS)}",
                details={"field": "status"},
            )
        with self._lock:
            run = self._live if run_id is None else self._handle(run_id)
            if run is not None:
                self._end(run, status)
        if run is not None:
            self._ended()

    # -- logging ------------------------------------------------------------------------------------

    def log_metric(
        self, key: str, value: Any, step: int | None = None, *, time: Any = None, run_id: str | None = None
    ) -> None:
        """Record one value of a metric; starts a run where none is live.

        Parameters
        ----------
        key : str
            The metric's name.
        value : float
            Any one real number (numpy and torch scalars, Decimal, bool too); NaN and ±inf are kept.
        step : int, optional
            Any 64-bit integer; by default the last step of this metric + 1, from 0.
        time : datetime or float, optional
            A datetime or seconds since 1970; by default now.
        run_id : str, optional
            Another run than the live one.

        Raises
        ------
        Invalid
            Not one real number, a step beyond 64 bits, an impossible name.
        NotFound, Conflict
            The run named does not exist, is ambiguous, or has ended.

        Examples
        --------
        >>> import nbproof as nbp
        >>> with nbp.start_run(experiment="doctest") as run:
        ...     for loss in (0.9, 0.5):
        ...         nbp.log_metric("loss", loss)
        >>> run.metric_history("loss")["step"].tolist()
        [0, 1]
        """
        run = self._live if run_id is None else self._handle(run_id)
        if run is None:
            _check_metrics([(key, value)], step, time)
            run = self._started()
        if time is None:
            run.log_metric(key, value, step)
        else:
            run.log_metric(key, value, step, time=time)

    def log_metrics(
        self,
        metrics: Mapping[str, Any],
        step: int | None = None,
        *,
        time: Any = None,
        run_id: str | None = None,
    ) -> None:
        """Record several metrics at one step; all are checked before the first is written."""
        run = self._live if run_id is None else self._handle(run_id)
        if run is None:
            _check_metrics(_mapping(metrics, "metrics").items(), step, time)
            run = self._started()
        run.log_metrics(metrics, step, time=time)

    def log_history(
        self, key: str, values: Any, *, steps: Any = None, times: Any = None, run_id: str | None = None
    ) -> None:
        """Record many values of one metric at once; starts a run where none is live.

        Parameters
        ----------
        key : str
            The metric's name.
        values : sequence of float
            A list, an array (numpy, torch) or a column of a frame; NaN and ±inf are kept.
        steps : sequence of int, optional
            One for each value; by default they count on from the last step of this metric.
        times : sequence of datetime or float, optional
            One for each value; by default now.
        run_id : str, optional
            Another run than the live one.

        Raises
        ------
        Invalid
            Something that is no column of real numbers, or columns of different length.

        Examples
        --------
        >>> import nbproof as nbp
        >>> with nbp.start_run(experiment="doctest") as run:
        ...     nbp.log_history("loss", [0.9, 0.5, 0.4])
        >>> run.metric_history("loss")["step"].tolist()
        [0, 1, 2]
        """
        run = self._live if run_id is None else self._handle(run_id)
        if run is None:
            values = values_of(name_of(key, "a metric"), values)
            if steps is not None:
                steps_of(steps, len(values))
            if times is not None:
                times_of(times, len(values))
            run = self._started()
        run.log_history(key, values, steps=steps, times=times)

    def log_frame(
        self, frame: Any, *, step: str | None = None, time: str | None = None, run_id: str | None = None
    ) -> None:
        """Record the columns of a frame as metrics; starts a run where none is live.

        Parameters
        ----------
        frame : DataFrame, Arrow table, or mapping of names to columns
            Every column but those of step and time is a metric.  NaN is a value; None and what pandas calls
            NA are left out.
        step, time : str, optional
            Columns with the steps and the times of the rows; by default steps count on from each metric's
            last one, and the time is now.
        run_id : str, optional
            Another run than the live one.

        Raises
        ------
        Invalid
            A column that is not of real numbers, or no such column; nothing was written.

        Examples
        --------
        >>> import nbproof as nbp
        >>> with nbp.start_run(experiment="doctest") as run:
        ...     nbp.log_frame({"epoch": [1, 2], "loss": [0.9, 0.5], "auc": [0.7, 0.8]}, step="epoch")
        >>> run.metric_history("auc")[["step", "value"]].values.tolist()
        [[1.0, 0.7], [2.0, 0.8]]
        """
        run = self._live if run_id is None else self._handle(run_id)
        if run is None:
            columns_of_frame(frame, step, time)  # a wrong one must not start a run
            run = self._started()
        run.log_frame(frame, step=step, time=time)

    def log_param(self, key: str, value: Any, *, run_id: str | None = None) -> None:
        """Record a param; logged again with another value both are kept, the last one shows.

        Any value: text, numbers, lists and mappings keep their type; a nested mapping is flattened
        by dots; other objects are kept as text.
        """
        self.log_params({key: value}, run_id=run_id)

    def log_params(self, params: Mapping[str, Any], *, run_id: str | None = None) -> None:
        """Record params; see `log_param`."""
        self._write(run_id, "params", values=_spelled(flat_params(_mapping(params, "params"))))

    def set_tag(self, key: str, value: Any, *, run_id: str | None = None) -> None:
        """Set a tag of a run; None removes it."""
        self.set_tags({key: value}, run_id=run_id)

    def set_tags(self, tags: Mapping[str, Any], *, run_id: str | None = None) -> None:
        """Set tags of a run; None removes one."""
        self._write(run_id, "tags", values=_checked_tags(tags))

    def log_artifact(self, path: Any, name: str | None = None, *, run_id: str | None = None) -> None:
        """Keep a copy of a file with a run; of every file below it where `path` is a folder.

        Parameters
        ----------
        path : path-like
            The file or folder.
        name : str, optional
            Its name in the run, slashes allowed; by default the file's own name.  An artifact of that
            name is replaced.

        Raises
        ------
        Invalid
            No such file, not readable, not a regular file, or a name that leaves the run.
        """
        try:
            source = Path(path)
            if not str(path) or "\0" in str(path):
                raise Invalid(
                    f"{str(path)!r} is no path", hint="name a file or a folder", details={"field": "path"}
                )
        except TypeError:
            raise Invalid(
                f"an artifact is a path, found {type(path).__name__}",
                hint="write the object to a file first",
                details={"field": "path"},
            ) from None
        called = artifact_name(name if name is not None else source.resolve().name)
        files = list(_files(source, called))
        run = self._live if run_id is None else self._handle(run_id)
        if run is None:
            run = self._started()
        for file, file_name in files:
            self._keep(run, file, file_name)

    def update_run(self, id: str, *, name: str | None = None, notes: str | None = None) -> Run:
        """Rename a run or change its notes (Markdown; empty text removes them).

        Raises
        ------
        NotFound, Conflict
            No such run, or several.
        """
        identifier = _run_id(self._fresh(), id)
        fields: dict[str, object] = {}
        if name is not None:
            fields["name"] = _run_name(name)
        if notes is not None:
            fields["notes"] = str(notes)
        if fields:
            self._tell("run.update", run=identifier, **fields)
            for live in [*self._stack, *self._adopted.values()]:
                if live.id == identifier and name is not None:
                    live.name = name
        return self.get_run(identifier)

    # -- reading ------------------------------------------------------------------------------------

    def create_experiment(
        self, name: str, *, description: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> Experiment:
        """Make an experiment.

        Raises
        ------
        Conflict
            There is one of that name.
        """
        checked = name_of(name, "an experiment", "name")
        kept = {key: value for key, value in _checked_tags(tags or {}).items() if value is not None}
        try:
            self._prepare()
        except OSError as error:
            raise _unrecorded(error) from error
        return self._fresh().create_experiment(
            new_id(), checked, description=description, tags=kept, created_us=self._clock.now_us()
        )

    def get_experiment(self, id: str) -> Experiment:
        """An experiment by name or id.

        Raises
        ------
        NotFound
            None such; near names are in the hint.
        """
        return self._fresh().get_experiment(id)

    def list_experiments(self, *, limit: int = 100, after: str | None = None) -> Page[Experiment]:
        """Experiments, the one with the newest activity first."""
        return self._fresh().list_experiments(limit=limit, after=after)

    def get_run(self, id: str) -> Run:
        """A run by name, last 6 digits, id, ``@last``, ``@last~1`` or ``@best:METRIC``.

        Raises
        ------
        NotFound
            None such; near names are in the hint.
        Conflict
            Several; the candidates are in the details.
        """
        records = self._fresh()
        return self._bound(records.get_run(_run_id(records, id)))

    def list_runs(self, id: str, *, limit: int = 100, after: str | None = None) -> Page[Run]:
        """Runs of an experiment, newest first."""
        records = self._fresh()
        page = records.list_runs(records.get_experiment(id).id, limit=limit, after=after)
        return self._bound_page(page)

    def find_runs(
        self, query: str = "", *, experiment: str | None = None, limit: int = 100, after: str | None = None
    ) -> Page[Run]:
        """A page of the runs that a query selects; see `search_runs`."""
        if not isinstance(query, str):
            raise Invalid(
                f"a query is text, found {type(query).__name__}",
                hint='like: metrics.auc > 0.9 and params.model = "xgb"',
                details={"field": "query"},
            )
        records = self._fresh()
        within = None if experiment is None else records.get_experiment(experiment).id
        return self._bound_page(records.search(query, experiment=within, limit=limit, after=after))

    def search_runs(
        self, query: str = "", *, experiment: str | None = None, limit: int = 1000
    ) -> pandas.DataFrame:
        """Runs that a query selects, one row each.

        Parameters
        ----------
        query : str
            Like ``metrics.auc > 0.9 and params.model = "xgb" order by metrics.auc desc``.
        experiment : str, optional
            Only its runs.
        limit : int
            At most so many rows.

        Returns
        -------
        pandas.DataFrame
            Columns ``id, name, experiment, status, started, ended``, then ``params.*``, ``metrics.*``
            and ``tags.*``; missing where a run lacks one.

        Raises
        ------
        Invalid
            A query that can't be read; the message points at the column.
        """
        from nbproof.tracking.frames import runs_frame

        if not isinstance(limit, int) or limit < 1:
            raise Invalid(f"limit must be a number from 1, found {limit!r}", details={"field": "limit"})
        runs: list[Run] = []
        after = None
        while len(runs) < limit:
            page = self.find_runs(
                query, experiment=experiment, limit=min(limit - len(runs), 1000), after=after
            )
            runs.extend(page.items)
            after = page.next
            if after is None:
                break
        return runs_frame(runs)

    def compare_runs(self, *ids: str) -> Comparison:
        """Two runs or more side by side: params, metrics, tags, git; what differs first."""
        from nbproof.tracking.comparison import compare

        if len(ids) < 2:
            raise Invalid(f"comparing takes two runs or more, found {len(ids)}", details={"field": "id"})
        records = self._fresh()
        return compare([self._bound(records.get_run(_run_id(records, each))) for each in ids])

    def list_metrics(self, id: str) -> list[Metric]:
        """Every metric of a run: latest, least and greatest value, count."""
        records = self._fresh()
        return records.metrics_of(_run_id(records, id))

    def metric_history(
        self,
        id: str,
        name: str,
        *,
        max_points: int | None = None,
        limit: int = 100_000,
        after: str | None = None,
    ) -> MetricHistory:
        """Points of one metric of a run, thinned to `max_points` keeping the extremes if asked."""
        records, run = self._looked_at(id)
        return records.metric_history(run, name, max_points=max_points, limit=limit, after=after)

    def metric_lines(
        self, ids: Iterable[str], names: Sequence[str], *, max_points: int = 1000, axis: Axis = "step"
    ) -> MetricLines:
        """Metrics of runs for one chart: each thinned to `max_points`, by step, time or relative time."""
        runs = list(dict.fromkeys(self._looked_at(each)[1] for each in ids))
        return self._records().metric_lines(runs, names, max_points=max_points, axis=axis)

    def metric_histories(
        self,
        ids: str | Iterable[str],
        names: str | Iterable[str] | None = None,
        *,
        max_points: int | None = None,
    ) -> pandas.DataFrame:
        """Points of several metrics and runs in one frame.

        Parameters
        ----------
        ids : str or iterable of str
            Runs, named in any way.
        names : str or iterable of str, optional
            Metrics; by default all that the runs have, but for those of the system.
        max_points : int, optional
            Thin each metric of each run to at most so many points, keeping the extremes.

        Returns
        -------
        pandas.DataFrame
            Columns ``run`` (its id), ``name`` (the run's), ``metric``, ``step``, ``time``, ``relative``
            (since the run began) and ``value``; what a run does not have is left out.

        Raises
        ------
        NotFound
            No run has any of the metrics named.
        """
        from nbproof.tracking.histories import histories_frame

        records = self._fresh()
        wanted = None if names is None else [names] if isinstance(names, str) else list(names)
        lines = []
        for each in [ids] if isinstance(ids, str) else ids:
            run = self.get_run(each)
            own = run.metrics if wanted is None else wanted
            for name in own:
                with suppress(NotFound):
                    lines.append((run, name, records.metric_columns(run.id, name)))
        if wanted and not lines:
            raise NotFound(f"none of the runs has a metric {' or '.join(map(repr, wanted))}")
        return histories_frame(lines, max_points)

    def get_artifact(self, id: str, name: str) -> tuple[Path, str]:
        """The local file and media type of an artifact."""
        records = self._fresh()
        run = records.get_run(_run_id(records, id))
        for artifact in run.artifacts:
            if artifact.name == name:
                return self._artifacts().path(artifact.location), artifact.media_type
        near = near_names(name, [artifact.name for artifact in run.artifacts])
        raise NotFound(
            f"run {run.name!r} has no artifact {name!r}",
            hint=f"did you mean {near[0]!r}?" if near else f"it has {len(run.artifacts)}",
            details={"near": near},
        )

    # -- the life of the process -----------------------------------------------------------------------

    def close(self, status: str = "finished") -> None:
        """End every live run of this process; a forked child leaves its parent's alone."""
        if os.getpid() != self._process:
            return
        self._closing.set()
        for thread in self._capturing:
            thread.join(2.0)
        self._closing.clear()
        with self._lock:
            ended = bool(self._stack)
            for run in reversed(list(self._stack)):
                self._end(run, status)
        if ended:
            self._ended()

    def set_provenance(self, id: str, *, git: Mapping[str, Any] | None, code: str | None) -> None:
        """Tell where a run's code came from; runs of this process tell it by themselves."""
        identifier = _run_id(self._fresh(), id)
        self._tell("run.provenance", run=identifier, git=dict(git) if git else None, code=code)

    def renew_after_fork(self) -> None:
        """Let go of locks that a thread of the parent may have held; for a forked child."""
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._capturing = []

    def record_into(self, journal: JournalWriter) -> None:
        """Write to another journal from now on; runs that are live stay where they are."""
        self._journal = journal

    def announce_again(self) -> None:
        """Tell a journal that had to begin anew which runs are live; a run told twice is one run."""
        for run in list(self._stack):
            if run.start:
                self._journal.event("run.start", **run.start)

    # -- inside ---------------------------------------------------------------------------------------

    def _fresh(self) -> RunRepository:
        self._catch_up()
        return self._records()

    def _looked_at(self, reference: str) -> tuple[RunRepository, str]:
        """The records and the id of a run, for readers of points: they wait for no drain."""
        self._glance()
        records = self._records()
        try:
            return records, _run_id(records, reference)
        except NotFound:
            waiting = records.waiting_run(reference)
            if waiting is None:
                raise
            return records, waiting

    def _started(self) -> ActiveRun:
        with self._lock:
            return self._live or self.start_run()

    def _begin(
        self,
        experiment: str,
        name: str | None,
        tags: Mapping[str, Any] | None,
        params: Mapping[str, Any] | None,
        notes: str | None,
        parent_id: str | None,
        *,
        origin: Origin | None,
        detached: bool = False,
        before: Callable[[], None] | None = None,
        identifier: str | None = None,
        source: str | None = None,
    ) -> ActiveRun:
        checked_tags = {key: value for key, value in _checked_tags(tags or {}).items() if value is not None}
        checked_params = _spelled(flat_params(_mapping(params or {}, "params")))
        if notes is not None and not isinstance(notes, str):
            raise Invalid(f"notes must be text, found {type(notes).__name__}", details={"field": "notes"})
        if before is not None:
            before()
        trouble: OSError | None = None
        try:
            self._prepare()  # first: it may find that another journal is written to
        except OSError as error:
            trouble = error
        identifier = identifier or new_id()
        if origin is not None and origin.source is not None:
            source = str(origin.source)
        run = ActiveRun(self, self._journal, identifier, name or kind_name(identifier), experiment, parent_id)
        run.start = {
            "run": identifier,
            "experiment": {"id": new_id(), "name": experiment},
            "name": run.name,
            "parent": parent_id,
            "tags": checked_tags,
            "params": checked_params,
            "notes": notes,
            "detached": detached,
            "time": self._clock.now_us(),
            "source": source,
            **_machine(),
        }
        try:
            if trouble is not None:
                raise trouble
            self._journal.event("run.start", **run.start)
        except OSError as error:
            run.failed(error)
            return run
        if origin is not None:
            self._capturing = [thread for thread in self._capturing if thread.is_alive()]
            self._capturing.append(
                capture_later(
                    origin,
                    lambda git, code: self._tell_provenance(identifier, git, code),
                    git=self._capture_git,
                    hurry=self._closing,
                )
            )
        return run

    def _tell_provenance(self, identifier: str, git: dict[str, object] | None, code: str | None) -> None:
        self._journal.event("run.provenance", run=identifier, git=git, code=code, time=self._clock.now_us())

    def _resume(
        self,
        reference: str,
        name: str | None,
        experiment: str | None,
        tags: Mapping[str, Any] | None,
        params: Mapping[str, Any] | None,
        notes: str | None,
        nested: bool,
    ) -> ActiveRun:
        if experiment is not None:
            raise Invalid(
                "a resumed run stays in its experiment",
                hint="leave out experiment=, or start a new run",
                details={"field": "experiment"},
            )
        with self._lock:
            recorded = self.get_run(reference)
            for live in self._stack:
                if live.id == recorded.id:
                    return live
            if not nested:
                self._end_live()
            last_steps = {metric.name: metric.step for metric in self._records().metrics_of(recorded.id)}
            run = ActiveRun(
                self,
                self._journal,
                recorded.id,
                recorded.name,
                recorded.experiment,
                recorded.parent_id,
                last_steps,
            )
            try:
                self._prepare()
                self._journal.event("run.resume", run=run.id, time=self._clock.now_us())
            except OSError as error:
                run.failed(error)
            self._push(run)
        if tags:
            self.set_tags(tags, run_id=run.id)
        if params:
            self.log_params(params, run_id=run.id)
        if name is not None or notes is not None:
            self.update_run(run.id, name=name, notes=notes)
        return run

    def _push(self, run: ActiveRun) -> None:
        self._stack.append(run)
        self._live = run

    def _sample(self, run: ActiveRun, wanted: bool | None) -> None:
        """Begin to sample the machine for a run, unless that is done for a run around it."""
        if self._sampler is None or not (self._system_metrics if wanted is None else wanted):
            return
        if not any(live.id in self._samplers for live in self._stack):
            with suppress(OSError):
                self._samplers[run.id] = self._sampler(run.id)

    def _end_live(self) -> None:
        # Not nested: whatever is open ends, children first.
        for run in reversed(list(self._stack)):
            self._end(run, "finished")

    def _end(self, run: ActiveRun, status: str) -> None:
        if run.status != "running":
            return
        try:
            self._journal.event("run.end", run=run.id, status=status, time=self._clock.now_us())
            self._journal.sync()
        except OSError as error:
            run.failed(error)
        run.close(status)
        if (stop := self._samplers.pop(run.id, None)) is not None:
            stop()
        self._adopted.pop(run.id, None)
        if run in self._stack:
            self._stack.remove(run)
        self._live = self._stack[-1] if self._stack else None

    def _handle(self, reference: str) -> ActiveRun:
        """The handle to write to a run: one of this process, or one found in the records."""
        for run in reversed(self._stack):
            if run.id == reference:
                return run
        records = self._fresh()
        identifier = _run_id(records, reference)
        for run in self._stack:
            if run.id == identifier:
                return run
        recorded = records.get_run(identifier)
        if recorded.status != "running":
            self._adopted.pop(identifier, None)
            raise ended_conflict(identifier, recorded.name, recorded.status, "this")
        with self._lock:
            last_steps = {metric.name: metric.step for metric in records.metrics_of(identifier)}
            adopted = self._adopted.get(identifier)
            if adopted is not None:
                adopted.count_on(last_steps)  # other processes may have written since
                return adopted
            run = ActiveRun(
                self,
                self._journal,
                identifier,
                recorded.name,
                recorded.experiment,
                recorded.parent_id,
                last_steps,
            )
            if len(self._adopted) >= 1000:
                self._adopted.pop(next(iter(self._adopted)))
            self._adopted[identifier] = run
        return run

    def _tell(self, kind: str, **fields: object) -> None:
        """Write an event of a verb that is no `log_*`: where the machine fails, it says so."""
        try:
            self._journal.event(kind, time=self._clock.now_us(), **fields)
        except OSError as error:
            raise _unrecorded(error) from error

    def _write(self, run_id: str | None, kind: str, **fields: object) -> None:
        run = self._live if run_id is None else self._handle(run_id)
        if run is None:
            run = self._started()
        run.require_running(f"this ({kind})")
        try:
            self._journal.event(kind, run=run.id, time=self._clock.now_us(), **fields)
        except OSError as error:
            run.failed(error)

    def _keep(self, run: ActiveRun, file: Path, name: str) -> None:
        import mimetypes

        try:
            with file.open("rb") as stream:
                try:
                    stored = self._artifacts().put(stream)
                except Unavailable as error:
                    run.failed(error)
                    return
        except OSError as error:
            raise Invalid(
                f"{str(file)!r} can't be read: {error.strerror}", details={"field": "path"}
            ) from None
        try:
            self._journal.event(
                "artifact",
                run=run.id,
                name=name,
                size=stored.size_bytes,
                media_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
                hash=stored.hash,
                location=stored.location,
                time=self._clock.now_us(),
            )
        except OSError as error:
            run.failed(error)

    def _columns(self, identifier: str, name: str) -> Columns:
        self._glance()
        return self._records().metric_columns(identifier, name)

    def _bound(self, run: Run) -> Run:
        run._columns = self._columns
        run._measure = lambda identifier: self._records().metrics_of(identifier)
        return run

    def _bound_page(self, page: Page[Run]) -> Page[Run]:
        for run in page.items:
            self._bound(run)
        return page


# Words of the routes, which a name there would hide behind.
_RESERVED = frozenset({"search", "compare", "diff"})


def _unrecorded(error: OSError) -> Unavailable:
    return Unavailable(f"this could not be recorded: {error}", hint="`nbproof doctor` shows where")


def _run_name(name: object) -> str:
    checked = name_of(name, "a run", "name")
    if checked in _RESERVED:
        raise Invalid(f"{name!r} is a reserved word", hint="choose another name", details={"field": "name"})
    return checked


def _run_id(records: RunRepository, reference: object) -> str:
    if not isinstance(reference, str):
        raise Invalid(
            f"a run is named by text, found {type(reference).__name__}",
            hint="its name, the last 6 digits of its id, its id, @last, @last~1 or @best:METRIC",
            details={"field": "id"},
        )
    return records.resolve_run(reference)


def _mapping(given: object, field: str) -> Mapping[Any, Any]:
    if not isinstance(given, Mapping):
        hint = f"{field}={{...}}"
        if hasattr(given, "__dict__") and not callable(given):
            hint = "vars(...) makes a mapping of its attributes"
        raise Invalid(
            f"{field} must be a mapping, found {type(given).__name__}", hint=hint, details={"field": field}
        )
    return given


def _check_metrics(metrics: Iterable[tuple[Any, Any]], step: object, time: object) -> None:
    """Raise `Invalid` for what a run would refuse, so that a wrong argument does not start one."""
    for key, value in metrics:
        metric_value(name_of(key, "a metric"), value)
    if step is not None:
        step_of(step)
    if time is not None:
        time_us_of(time)


def _checked_tags(tags: Mapping[str, Any]) -> dict[str, str | None]:
    return {name_of(key, "a tag"): tag_value(value) for key, value in _mapping(tags, "tags").items()}


def _spelled(params: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _floats_spelled(value) for key, value in params.items()}


def _floats_spelled(value: Any) -> Any:
    """NaN and the infinities as ``{"$float": name}``: JSON has no words for them."""
    if isinstance(value, float) and value - value != 0.0:
        return {"$float": "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, dict):
        return {key: _floats_spelled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_floats_spelled(item) for item in value]
    return value


def _files(source: Path, name: str) -> Iterator[tuple[Path, str]]:
    if source.is_dir():
        found = False
        for file in sorted(source.rglob("*")):
            if file.is_file() and ".nbproof" not in file.parts:
                found = True
                yield file, artifact_name(f"{name}/{file.relative_to(source).as_posix()}")
        if not found:
            raise Invalid(f"the folder {str(source)!r} has no files", details={"field": "path"})
    elif source.is_file():
        yield source, name
    elif source.exists():
        raise Invalid(f"{str(source)!r} is not a regular file", details={"field": "path"})
    else:
        near = near_names(source.name, os.listdir(source.parent)) if source.parent.is_dir() else []
        raise Invalid(
            f"there is no file {str(source)!r} (looked in {Path.cwd()})",
            hint=f"did you mean {near[0]!r}?" if near else None,
            details={"field": "path", "near": near},
        )


def _machine() -> dict[str, object]:
    import sys

    from nbproof._version import __version__

    return {
        "host": os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME"),
        "user": _user(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "nbproof": __version__,
    }


def _user() -> str | None:
    for variable in ("LOGNAME", "USER", "USERNAME"):
        if os.environ.get(variable):
            return os.environ[variable]
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError, OSError):
        return None

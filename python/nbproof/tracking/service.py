"""The verbs of tracking.

Writing goes to the journal and nowhere else, so no cell waits for a database; reading first lets the
journals drain and then asks the repository.  This module is on the hot path: it imports the standard
library and the journal, and everything else when a verb that reads needs it.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from nbproof.core.clock import Clock, SystemClock
from nbproof.core.errors import Conflict, Invalid, NotFound, Unavailable, near_names
from nbproof.core.ids import is_id, new_id
from nbproof.core.redaction import redact_text, without_credentials
from nbproof.tracking.active import ActiveRun, ended_conflict
from nbproof.tracking.columns import columns_of_frame, steps_of, times_of, values_of
from nbproof.tracking.domain import ENDINGS
from nbproof.tracking.joining import RUN_ID, Signals, asked_run, is_one_of_several
from nbproof.tracking.names import kind_name
from nbproof.tracking.provenance import Capture, Origin, capture_later
from nbproof.tracking.values import (
    flat_params,
    metric_value,
    name_of,
    step_of,
    tag_value,
    time_us_of,
    without_secrets,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas

    from nbproof.core.operation import Download, Page
    from nbproof.storage.journal.writer import JournalWriter
    from nbproof.storage.objects import ObjectStorage
    from nbproof.tracking.artifacts import Item
    from nbproof.tracking.contents import Contents
    from nbproof.tracking.git import Changes
    from nbproof.tracking.histories import Axis, Columns
    from nbproof.tracking.models import (
        Artifact,
        ArtifactPreview,
        Comparison,
        Completions,
        Environment,
        Experiment,
        Leaderboard,
        Metric,
        MetricHistory,
        MetricLines,
        Run,
        SavedSearch,
    )
    from nbproof.tracking.repository import RunRepository
    from nbproof.tracking.trash_models import Children, ParamHistory, Purged, TouchedRuns

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
    capture : Capture
        What a run records of where it came from.
    prepare : callable
        Called before a run starts, to make what is missing.
    ended : callable
        Called after a run has ended, to see that its journal is drained.
    signals : Signals, optional
        How processes tell each other that they own a run, and that it shall stop; by default the records are
        asked.
    environ : mapping, optional
        Instead of `os.environ`.
    fetch : callable, optional
        Gives a file with the content at a location, where that is not in the storage.
    repository : Path, optional
        A folder where git may be asked what changed between the commits of two runs.
    compare : callable, optional
        Compares runs elsewhere, where their records are.
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
        artifacts: Callable[[], ObjectStorage],
        *,
        clock: Clock | None = None,
        origin: Callable[[], Origin] | None = None,
        experiment: str | None = None,
        capture: Capture | None = None,
        prepare: Callable[[], object] | None = None,
        ended: Callable[[], object] | None = None,
        signals: Signals | None = None,
        environ: Mapping[str, str] | None = None,
        fetch: Callable[[str], Path] | None = None,
        repository: Path | None = None,
        compare: Callable[..., Comparison] | None = None,
        glance: Callable[[], object] | None = None,
        sampler: Callable[[str], Callable[[], None]] | None = None,
        system_metrics: bool = False,
    ) -> None:
        self._signals = signals or Signals(None, self.was_cancelled)
        self._environ: Mapping[str, str] = os.environ if environ is None else environ
        self._journal = journal
        self._records = records
        self._catch_up = catch_up
        self._glance = glance or catch_up
        self._artifacts = artifacts
        self._clock: Clock = clock or SystemClock()
        self._origin = origin or (lambda: Origin(Path.cwd()))
        self._experiment = experiment
        self._capture = capture or Capture()
        self._environments_told: set[str] = set()
        self._prepare = prepare or (lambda: None)
        self._ended = ended or (lambda: None)
        self._fetch = fetch or (lambda location: self._artifacts().path(location))
        self._read: Callable[[str], BinaryIO] = (
            (lambda location: self._artifacts().open(location))
            if fetch is None
            else (lambda location: fetch(location).open("rb"))
        )
        self._compare_elsewhere = compare
        self._repository = repository
        self._sampler = sampler
        self._system_metrics = system_metrics
        self._samplers: dict[str, Callable[[], None]] = {}
        self._lock = threading.RLock()
        self._live: ActiveRun | None = None
        self._stack: list[ActiveRun] = []
        self._adopted: dict[str, ActiveRun] = {}
        self._told_us: dict[str, int] = {}  # when something was last told of a run
        self._told_lock = threading.RLock()  # of its own: whoever logs waits for no disk
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
        parent: str | None = None,
        resume: str | None = None,
        group: str | None = None,
        system_metrics: bool | None = None,
    ) -> ActiveRun:
        """Start a run, or go on with one.

        Where ``NBPROOF_RUN_ID`` is set in the environment, that run is joined instead of starting one.

        Parameters
        ----------
        name : str, optional
            A name is made up where none is given.
        experiment : str, optional
            A new name makes a new experiment; by default the notebook's or script's name, of a nested run its
            parent's.
        tags, params : mapping, optional
            Set at once.
        notes : str, optional
            Markdown.
        nested : bool
            Keep the live run and start a child of it; otherwise the live run is ended first.
        parent : str, optional
            Start a child of this run (name, last 6 digits, id, ``@last``), live or ended, of this process or
            another. Live runs are ended first, but for the parent and those around it.
        resume : str, optional
            Go on with this run (name, last 6 digits, id, ``@last``): it is running again, its metrics
            count on from their last steps.
        group : str, optional
            What the run is one of (the runs of a sweep); searches find it: ``group = "sweep 7"``.
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
            No such run to resume or to be the parent, or several.

        Examples
        --------
        >>> import nbproof as nbp
        >>> with nbp.start_run("first", experiment="doctest", params={"depth": 3}) as run:
        ...     nbp.log_metric("auc", 0.91)
        >>> run.status
        'finished'
        """
        if parent is not None and (nested or resume is not None):
            other, why = (
                ("nested", "the child of the live run")
                if nested
                else ("resume", "a run that stays where it is")
            )
            raise Invalid(
                f"parent={parent!r} and {other}= exclude each other: {other}= means {why}",
                hint="leave out one of them",
                details={"field": "parent"},
            )
        if resume is not None:
            run = self._resume(resume, name, experiment, tags, params, notes, nested)
            self._sample(run, system_metrics)
            return run
        joining = asked_run(self._environ)
        if joining is not None and parent is None and not (nested and self._live is not None):
            return self._join(joining, name, experiment, tags, params, notes, group)
        checked_name = None if name is None else _run_name(name)
        origin = self._origin()
        with self._lock:
            around = self._live if nested else None if parent is None else self._parent(parent)
            if experiment is None:
                experiment = (around and around.experiment) or self._experiment or origin.experiment
            run = self._begin(
                name_of(experiment, "an experiment", "experiment"),
                checked_name,
                tags,
                params,
                notes,
                around.id if around else None,
                origin=origin,
                before=None if nested else lambda: self._end_live(around),
                group=group,
            )
            self._push(run)
        self._sample(run, system_metrics)
        return run

    def open_run(
        self,
        experiment: str | None = None,
        *,
        name: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        notes: str | None = None,
        parent: str | None = None,
        run_id: str | None = None,
        source: str | None = None,
        group: str | None = None,
    ) -> Run:
        """Start a run that belongs to no process: whoever knows its id writes to it and ends it.

        What REST and the command line use.  It does not become the live run, and is not marked
        interrupted when this process ends.  Without an experiment it is in that of its parent.
        """
        records = self._fresh()
        parent_id = None if parent is None else _run_id(records, parent)
        if parent_id is not None:
            self._refuse_deleted(parent_id)
        if experiment is None:
            if parent_id is None:
                raise Invalid(
                    "a run needs an experiment, or a parent whose experiment it shares",
                    hint="name an experiment (a new name makes one), or the run it is nested in",
                    details={"field": "experiment"},
                )
            experiment = records.brief_of(parent_id).experiment
        elif is_id(experiment):  # a name makes an experiment, an id must be one's
            experiment = records.get_experiment(experiment).name
        run = self._begin(
            name_of(experiment, "an experiment", "experiment"),
            None if name is None else _run_name(name),
            tags, params, notes, parent_id, detached=True, origin=None, identifier=run_id, source=source,
            group=group,
        )  # fmt: skip
        return self.get_run(run.id)

    def reopen_run(self, id: str) -> Run:
        """Let an ended run go on, as one that belongs to no process; see `open_run`."""
        identifier = _run_id(self._fresh(), id)
        self._refuse_deleted(identifier)
        self._signals.settled(identifier)
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
        run = self._live if run_id is None else self._handle(run_id, (key,) if step is None else ())
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
        if run_id is None:
            run = self._live
        else:
            run = self._handle(run_id, _mapping(metrics, "metrics") if step is None else ())
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
        run = self._live if run_id is None else self._handle(run_id, (key,) if steps is None else ())
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
        columns = columns_of_frame(frame, step, time)  # a wrong one must not start a run
        if run_id is None:
            run = self._live or self._started()
        else:
            run = self._handle(run_id, [each.key for each in columns] if step is None else ())
        run.log_columns(columns)

    def log_param(self, key: str, value: Any, *, run_id: str | None = None) -> None:
        """Record a param; logged again with another value both are kept, the last one shows.

        Any value: text, numbers, lists and mappings keep their type; a nested mapping is flattened
        by dots; other objects are kept as text.
        """
        self.log_params({key: value}, run_id=run_id)

    def log_params(self, params: Mapping[str, Any], *, run_id: str | None = None) -> None:
        """Record params; see `log_param`."""
        values, blanked = without_secrets(flat_params(_mapping(params, "params")))
        self._write(run_id, "params", blanked, values=_spelled(values))

    def set_tag(self, key: str, value: Any, *, run_id: str | None = None) -> None:
        """Set a tag of a run; None removes it."""
        self.set_tags({key: value}, run_id=run_id)

    def set_tags(self, tags: Mapping[str, Any], *, run_id: str | None = None) -> None:
        """Set tags of a run, also of one that has ended; None removes one."""
        values, blanked = without_secrets(_checked_tags(tags))
        if run_id is not None and not any(run.id == run_id for run in self._stack):
            run_id = _run_id(self._fresh(), run_id)
            if not any(run.id == run_id for run in self._stack):
                # What people say about a run, they say afterwards, too.
                told = {"redacted": sum(blanked.values())} if blanked else {}
                self._tell("tags", run=run_id, values=values, **told)
                return
        self._write(run_id, "tags", blanked, values=values)

    def log_artifact(
        self,
        path: Any,
        name: str | None = None,
        *,
        kind: str | None = None,
        step: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        reference: bool = False,
        run_id: str | None = None,
    ) -> None:
        """Keep a copy of a file with a run; of every file below it where `path` is a folder.

        Parameters
        ----------
        path : path-like, bytes or file-like
            The file or folder, or content; a file-like object that can is read from its start.
        name : str, optional
            Its name in the run, slashes allowed; by default the file's own name.  Of a name that is there a
            new version is kept, which shows from then on.
        kind : str, optional
            Such as ``model``; by default what the media type says.
        step : int, optional
            Where in a series it belongs.
        metadata : mapping, optional
            What else is known of it; plain values.
        reference : bool
            Keep no copy, only where it is (a path or an address), with hash and size where it can be read.

        Raises
        ------
        Invalid
            No such file, not readable, not a regular file, or a name that leaves the run.

        Examples
        --------
        >>> import nbproof as nbp
        >>> with nbp.start_run(experiment="doctest") as run:
        ...     nbp.log_artifact(b"bytes of a model", "model.bin", kind="model")
        >>> run.artifacts["model.bin"].size_bytes
        16
        """
        from nbproof.tracking.artifacts import items_of

        items = items_of(path, name, kind=kind, step=step, metadata=metadata, reference=reference)
        self._keep(run_id, items)

    def log_text(self, text: str, name: str, *, step: int | None = None, run_id: str | None = None) -> None:
        """Keep text with a run, as UTF-8."""
        from nbproof.tracking.typed import text_items

        self._keep(run_id, text_items(text, name, step=step))

    def log_dict(self, data: Any, name: str, *, step: int | None = None, run_id: str | None = None) -> None:
        """Keep a mapping or a list with a run: as JSON, or as YAML where the name ends in .yaml."""
        from nbproof.tracking.typed import data_items

        self._keep(run_id, data_items(data, name, step=step))

    def log_html(self, html: Any, name: str, *, step: int | None = None, run_id: str | None = None) -> None:
        """Keep a page with a run: its text, or an object that has ``_repr_html_``."""
        from nbproof.tracking.typed import html_items

        self._keep(run_id, html_items(html, name, step=step))

    def log_image(
        self,
        image: Any,
        name: str | None = None,
        *,
        step: int | None = None,
        caption: str | None = None,
        run_id: str | None = None,
    ) -> None:
        """Keep a picture with a run.

        Parameters
        ----------
        image : path-like, bytes, PIL image, array or tensor
            Arrays are (height, width) or (height, width, channels) with 1, 3 or 4 channels, tensors of torch
            also (channels, height, width).  Unsigned bytes and 16-bit numbers are taken as they are; floats
            must lie from 0 to 1, other integers from 0 to 255.
        name : str, optional
            Needed for anything but a file.
        step : int, optional
            Where in a series it belongs.
        caption : str, optional
        """
        from nbproof.tracking.typed import image_items

        self._keep(run_id, image_items(image, name, step=step, caption=caption))

    def log_figure(
        self,
        figure: Any,
        name: str,
        *,
        step: int | None = None,
        caption: str | None = None,
        run_id: str | None = None,
    ) -> None:
        """Keep a figure of matplotlib (PNG and SVG) or plotly (JSON and a page) with a run.

        A name that ends in one of these formats keeps only that.
        """
        from nbproof.tracking.typed import figure_items

        self._keep(run_id, figure_items(figure, name, step=step, caption=caption))

    def log_table(
        self,
        table: Any,
        name: str,
        *,
        step: int | None = None,
        caption: str | None = None,
        run_id: str | None = None,
    ) -> None:
        """Keep a table with a run.

        Parameters
        ----------
        table : frame of pandas or polars, table of pyarrow, rows as mappings, mapping of columns
            Frames become Parquet where that can be written, else CSV; plain Python becomes JSON lines.
        name : str
            Its end (.parquet, .csv, .jsonl) decides the format.
        step : int, optional
            Where in a series it belongs.
        caption : str, optional
        """
        from nbproof.tracking.typed import table_items

        try:
            with table_items(table, name, step=step, caption=caption) as items:
                self._keep(run_id, items)
        except OSError as error:  # it is written beside the workspace first: that disk may be full, too
            run = self._live if run_id is None else self._handle(run_id)
            (run or self._started()).failed(error)

    def log_histogram(
        self,
        values: Any,
        name: str,
        *,
        bins: Any = 64,
        step: int | None = None,
        run_id: str | None = None,
    ) -> None:
        """Keep how values are distributed: counts between edges, not the values.

        Parameters
        ----------
        values : array, tensor, series or list of numbers
            NaN and the infinities are left out and counted.
        name : str
            Logged again with another `step`, it is a series of histograms.
        bins : int or list of float
            How many (at most 512) between the least and the greatest value, or their edges.
        step : int, optional
        """
        from nbproof.tracking.typed import histogram_items

        self._keep(run_id, histogram_items(values, name, bins=bins, step=step))

    def log_reference(
        self,
        id: str,
        target: str,
        name: str | None = None,
        *,
        hash: str | None = None,
        size_bytes: int | None = None,
        kind: str | None = None,
        step: int | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Record where content is, as the caller says it is: nothing of it is looked at here.

        What REST and the command line use; `log_artifact` with ``reference=True`` looks and then records.
        """
        from nbproof.tracking.artifacts import told_reference

        self._keep(id, [told_reference(target, name, hash, size_bytes, kind, step, metadata)])

    def update_run(
        self, id: str, *, name: str | None = None, notes: str | None = None, group: str | None = None
    ) -> Run:
        """Rename a run, change its notes (Markdown) or its group; empty text removes notes or group.

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
            fields["notes"], fields["redacted"] = redact_text(str(notes))
        if group is not None:
            fields["group"] = name_of(group, "a group", "group") if group != "" else ""
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
        given, _ = without_secrets(_checked_tags(tags or {}))
        kept = {key: value for key, value in given.items() if value is not None}
        try:
            self._prepare()
        except OSError as error:
            raise _unrecorded(error) from error
        return self._fresh().create_experiment(
            new_id(),
            checked,
            description=description and redact_text(description).value,
            tags=kept,
            created_us=self._clock.now_us(),
        )

    def get_experiment(self, id: str) -> Experiment:
        """An experiment by name or id.

        Raises
        ------
        NotFound
            None such; near names are in the hint.
        """
        return self._fresh().get_experiment(id)

    def list_experiments(
        self, *, limit: int = 100, after: str | None = None, deleted: bool = False
    ) -> Page[Experiment]:
        """Experiments, the one with the newest activity first; with `deleted`, those in the trash."""
        return self._fresh().list_experiments(limit=limit, after=after, **_if_set(deleted=deleted))

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

    def list_runs(
        self, id: str, *, limit: int = 100, after: str | None = None, deleted: bool = False
    ) -> Page[Run]:
        """Runs of an experiment, newest first; with `deleted`, those in the trash."""
        records = self._fresh()
        page = records.list_runs(
            records.get_experiment(id).id, limit=limit, after=after, **_if_set(deleted=deleted)
        )
        return self._bound_page(page)

    def find_runs(
        self, query: str = "", *, experiment: str | None = None, limit: int = 100, after: str | None = None
    ) -> Page[Run]:
        """A page of the runs that a query selects; see `search_runs`."""
        records = self._fresh()
        within = None if experiment is None else records.get_experiment(experiment).id
        return self._bound_page(records.search(_query(query), experiment=within, limit=limit, after=after))

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
        if not isinstance(limit, int) or limit < 1:
            raise Invalid(f"limit must be a number from 1, found {limit!r}", details={"field": "limit"})
        records = self._fresh()
        within = None if experiment is None else records.get_experiment(experiment).id
        return records.search_frame(_query(query), experiment=within, limit=limit)

    def complete_search(self, query: str = "", cursor: int | None = None, *, limit: int = 50) -> Completions:
        """What may be written at a place in a search: fields, operators, values; the likely ones first."""
        return self._fresh().complete_search(_query(query), cursor, limit=limit)

    def leaderboard(
        self,
        metric: str,
        *,
        query: str = "",
        experiment: str | None = None,
        group_by: str | Iterable[str] | None = None,
        over: str | Iterable[str] | None = None,
        value: str = "last",
        top: int = 10,
    ) -> Leaderboard:
        """Groups of runs by the mean of a metric, the best first.

        Parameters
        ----------
        metric : str
            Of a loss or an error the least is the best, of others the greatest.
        query : str
            Only runs that this search finds.
        experiment : str, optional
            Only its runs.
        group_by : str or list of str, optional
            What the runs of a group have in common: ``params.model``, ``tags.owner``, ``git.branch``...
            Without, each run is by itself.
        over : str or list of str, optional
            Instead of `group_by`: runs whose params are all the same but for these are a group.
            ``over="params.seed"`` is the mean over seeds.
        value : {"last", "min", "max", "best"}
            Which value of each run counts.
        top : int
            At most so many groups.

        Returns
        -------
        Leaderboard
            A table in a cell; `to_frame` makes a DataFrame.

        Raises
        ------
        Invalid
            A query or field that cannot be read.
        NotFound
            No run has the metric.

        Examples
        --------
        >>> import nbproof as nbp
        >>> for seed, auc in ((1, 0.9), (2, 0.8)):
        ...     with nbp.start_run(experiment="ranked", params={"model": "xgb", "seed": seed}):
        ...         nbp.log_metric("auc", auc)
        >>> board = nbp.leaderboard("auc", experiment="ranked", over="params.seed")
        >>> [(group.keys, group.n, round(group.mean, 3), round(group.std, 3)) for group in board.groups]
        [({'params.model': 'xgb'}, 2, 0.85, 0.071)]
        """
        records = self._fresh()
        within = None if experiment is None else records.get_experiment(experiment).id
        return records.leaderboard(
            metric,
            query=_query(query),
            experiment=within,
            group_by=_names(group_by),
            over=_names(over),
            value=value,
            top=top,
        )

    def save_search(self, name: str, query: str) -> SavedSearch:
        """Keep a search under a name; ``@name`` stands for it in others.

        Raises
        ------
        Invalid
            A name or query that cannot be read.

        Examples
        --------
        >>> import nbproof as nbp
        >>> saved = nbp.save_search("good", "metrics.auc > 0.9 order by metrics.auc desc")
        >>> len(nbp.search_runs("@good and params.depth > 100"))
        0
        """
        checked = name_of(name, "a saved search", "name")
        self._fresh().check_search(_query(query), checked)
        self._tell("search.save", name=checked, query=query)
        return next(each for each in self.list_searches().items if each.name == checked)

    def list_searches(self) -> Page[SavedSearch]:
        """Saved searches, by name."""
        return self._fresh().list_searches()

    def delete_search(self, name: str) -> None:
        """Forget a saved search.

        Raises
        ------
        NotFound
            There is none of that name.
        """
        known = [each.name for each in self.list_searches().items]
        if name not in known:
            near = near_names(str(name), known)
            raise NotFound(
                f"no saved search {name!r}",
                hint=f"did you mean {near[0]!r}?" if near else "list them with: nbproof searches list",
                details={"near": near},
            )
        self._tell("search.delete", name=name)

    def compare_runs(
        self,
        *ids: str,
        metrics: Iterable[str] | None = None,
        smoothing: float = 0.0,
        points: int | None = None,
    ) -> Comparison:
        """Two runs or more side by side: params, metrics, tags, git, environment; what differs first.

        Parameters
        ----------
        *ids : str
            2 to 100 runs, named in any way.
        metrics : iterable of str, optional
            What is charted; by default up to 12 metrics that have a course.
        smoothing : float
            From 0 to below 1: how much of the past stays in the moving average of the charts.
        points : int, optional
            Most points of a course; by default 200, and fewer where there are many runs.

        Raises
        ------
        Invalid
            Fewer than two runs, more than 100, or a smoothing outside its range.
        NotFound, Conflict
            A run that is not known, or several.

        Examples
        --------
        >>> import nbproof as nbp
        >>> for depth in (2, 4):
        ...     with nbp.start_run(f"depth {depth}", experiment="doctest", params={"depth": depth}):
        ...         nbp.log_metric("auc", 0.8 + depth / 100)
        >>> comparison = nbp.compare_runs("depth 2", "depth 4")
        >>> [(row.key, row.values) for row in comparison.params if row.differs]
        [('depth', [2, 4])]
        >>> comparison.metrics[0].best
        1
        """
        if not 2 <= len(ids) <= 100:
            wanted = "two runs or more" if len(ids) < 2 else "at most 100 runs"
            raise Invalid(f"comparing takes {wanted}, found {len(ids)}", details={"field": "id"})
        if not 0 <= smoothing < 1:
            raise Invalid(
                f"smoothing lies from 0 to below 1, found {smoothing!r}", details={"field": "smoothing"}
            )
        chosen = None if metrics is None else [name_of(each, "a metric", "metrics") for each in metrics]
        if self._compare_elsewhere is not None:
            found = self._compare_elsewhere(id=list(ids), metrics=chosen, smoothing=smoothing, points=points)
            for run in found.runs:
                self._bound(run)
            return found
        from nbproof.tracking.comparison import code_differences, compare, courses_of, environments_of

        records = self._fresh()
        runs = [self._bound(records.get_run(_run_id(records, each))) for each in ids]
        charts, more = courses_of(records, runs, metrics=chosen, smoothing=smoothing, points=points)
        return compare(
            runs,
            environments=environments_of(records, runs),
            charts=charts,
            more_metrics=more,
            code=code_differences(runs, self._short_text, self._repository),
            parents=self._parents_of_namesakes(runs),
        )

    def _parents_of_namesakes(self, runs: Sequence[Run]) -> dict[str, str]:
        shared = Counter(run.name for run in runs)
        found: dict[str, str] = {}
        for identifier in {run.parent_id for run in runs if run.parent_id and shared[run.name] > 1}:
            with suppress(NotFound):  # purged
                found[identifier] = self._records().get_run(identifier).name
        return found

    def _short_text(self, run_id: str, name: str, most_bytes: int = 1_000_000) -> str | None:
        """Text of an artifact; None where it is gone, too large, or only referred to."""
        try:
            artifact = self.find_artifact(run_id, name)
            if artifact.reference is not None or artifact.size_bytes > most_bytes:
                return None
            return artifact.read_bytes().decode("utf-8", "replace")
        except (NotFound, Unavailable, Conflict, OSError):
            return None

    def environment(self) -> Environment:
        """The environment of this process: Python, packages, operating system, hardware.

        Examples
        --------
        >>> import nbproof as nbp
        >>> nbp.environment().python == __import__("platform").python_version()
        True
        """
        from nbproof.tracking.environment import environment_facts, environment_hash
        from nbproof.tracking.models import Environment

        facts = environment_facts()
        return Environment.model_validate({**facts, "hash": environment_hash(facts)})

    def environment_of(self, id: str) -> Environment:
        """The environment a run was started in.

        Raises
        ------
        NotFound
            No such run, or its environment was not recorded.
        """
        records = self._fresh()
        identifier = _run_id(records, id)
        found = records.environment_of_run(identifier)
        if found is None:
            raise NotFound(
                f"the environment of run {id!r} was not recorded",
                hint="runs started over HTTP or in a shell have none, nor where capture_environment is off",
                details={"run": identifier},
            )
        return found

    def list_metrics(self, id: str) -> Page[Metric]:
        """Every metric of a run: latest, least and greatest value, count."""
        from nbproof.core.operation import Page
        from nbproof.tracking.models import Metric

        records = self._fresh()
        return Page[Metric](items=records.metrics_of(_run_id(records, id)))

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
        self,
        ids: Iterable[str],
        names: Sequence[str],
        *,
        max_points: int = 1000,
        axis: Axis = "step",
        low: float | None = None,
        high: float | None = None,
    ) -> MetricLines:
        """Metrics of runs for one chart: each thinned to `max_points`, by step, time or relative time.

        With `low` or `high` only the points of that stretch of the axis: a closer look.
        """
        runs = list(dict.fromkeys(self._looked_at(each)[1] for each in ids))
        return self._records().metric_lines(runs, names, max_points=max_points, axis=axis, low=low, high=high)

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
        lines: list[tuple[Run, str, Columns]] = []
        for each in [ids] if isinstance(ids, str) else ids:
            run = self.get_run(each)
            with suppress(NotFound):
                lines += [(run, *line) for line in records.columns_of(run.id, wanted).items()]
        if wanted and not lines:
            raise NotFound(f"none of the runs has a metric {' or '.join(map(repr, wanted))}")
        return histories_frame(lines, max_points)

    def stream_points(self, id: str, names: Sequence[str] | None = None) -> Download:
        """Every point of metrics of a run as bytes that are made while they are read.

        See `nbproof.tracking.point_stream`, which reads them.
        """
        from nbproof.core.generated import Generated
        from nbproof.core.operation import Download
        from nbproof.tracking.point_stream import MEDIA_TYPE, frames_of

        records, run = self._looked_at(id)
        frames = frames_of(records.packed_metrics(run, names))
        return Download(
            None, f"{run[-6:]}.points", MEDIA_TYPE, stream=BufferedReader(Generated(frames), 1 << 20)
        )

    def find_artifact(self, id: str, name: str) -> Artifact:
        """An artifact of a run by name; ``name@v1`` is an earlier version.

        Raises
        ------
        NotFound
            None such; near names, or the versions there are, are in the hint.
        """
        return self._contents(_run_id(self._fresh(), id)).find(name)

    def get_artifact(self, id: str, name: str) -> tuple[Path, str]:
        """A local file and the media type of an artifact; a conflict where only a reference is kept.

        The file is a copy, which is not to be changed and goes when nobody has asked for it for a day.
        """
        from nbproof.tracking.contents import local_file

        artifact = self._with_content(id, name)
        return local_file(artifact), artifact.media_type

    def open_artifact(self, id: str, name: str) -> Download:
        """An artifact as a stream that can seek; a conflict where only a reference is kept."""
        from nbproof.core.operation import Download

        artifact = self._with_content(id, name)
        called = artifact.name.rsplit("/", 1)[-1]
        return Download(
            None, called, artifact.media_type, artifact.hash, artifact.open(), artifact.size_bytes
        )

    def _with_content(self, id: str, name: str) -> Artifact:
        artifact = self.find_artifact(id, name)
        if artifact.reference is not None:
            raise Conflict(
                f"{artifact.name!r} is a reference to {artifact.reference}: its content is not kept here",
                hint="fetch it from there",
                details={"reference": artifact.reference},
            )
        return artifact

    def download_artifact(self, id: str, name: str, folder: str | Path = ".") -> Path:
        """Copy an artifact, or all artifacts of a folder, into a folder of this machine.

        Parameters
        ----------
        id : str
            Any way of naming a run.
        name : str
            Of an artifact (``name@v1`` is an earlier version) or of a folder; with a slash at its end it is
            a folder.  References in a folder are left out.
        folder : path-like
            Made if it is not there.

        Returns
        -------
        Path
            The file or folder in it, called like the last part of `name`.

        Raises
        ------
        NotFound
            Neither an artifact nor a folder is called so; near names are in the hint.
        Conflict
            There is a file with other content, or a link, in the way.

        Examples
        --------
        >>> import nbproof as nbp
        >>> with nbp.start_run("fit") as run:
        ...     nbp.log_text("one", "notes/a.txt")
        ...     nbp.log_text("two", "notes/more/b.txt")
        >>> (nbp.download_artifact("fit", "notes", "copies") / "more/b.txt").read_text()
        'two'
        """
        artifact = None
        if not name.endswith("/"):
            try:
                artifact = self.find_artifact(id, name)
            except NotFound as unknown:
                if not self.list_artifacts(id, prefix=f"{name}/", limit=1).items:
                    raise unknown from None
        if artifact is not None:
            return artifact.download(folder)
        return self._copy_folder(_run_id(self._fresh(), id), name, Path(folder).expanduser())

    def _copy_folder(self, run_id: str, name: str, folder: Path) -> Path:
        from functools import partial

        from nbproof.tracking.contents import opened
        from nbproof.tracking.folders import artifacts_below, put_below

        found = artifacts_below(self.list_artifacts, run_id, name)
        return put_below([(called, partial(opened, artifact)) for called, artifact in found], folder)

    def zip_artifacts(self, id: str, name: str) -> Download:
        """All artifacts of a folder as one zip that is made while it is read; see `download_artifact`."""
        from hashlib import blake2b

        from nbproof.core.generated import Generated
        from nbproof.core.operation import Download
        from nbproof.tracking.folders import artifacts_below, require_content, zipped

        identifier = _run_id(self._fresh(), id)
        found = artifacts_below(self.list_artifacts, identifier, name)
        require_content(found, self._artifacts().missing)
        tag = blake2b(digest_size=16)
        for called, artifact in found:
            tag.update(f"{called}\0{artifact.hash}\0{artifact.created.isoformat()}\n".encode())
        called = f"{name.strip('/').rpartition('/')[2]}.zip"
        # Buffered, so that a read gives as much as it was asked for.
        stream = BufferedReader(Generated(zipped(found)), 1 << 20)
        return Download(None, called, "application/zip", tag.hexdigest(), stream)

    def list_artifacts(
        self,
        id: str,
        *,
        folder: str | None = None,
        prefix: str = "",
        versions: bool = False,
        limit: int = 1000,
        after: str | None = None,
    ) -> Page[Artifact]:
        """Artifacts of a run by name.

        Parameters
        ----------
        id : str
            Any way of naming a run.
        folder : str, optional
            Only what is directly in it; a folder below is one entry, with the size of all in it.
        prefix : str
            Only names that begin so.
        versions : bool
            Every version, not only the last.
        limit, after
            Which page.
        """
        identifier = _run_id(self._fresh(), id)
        page = self._records().list_artifacts(
            identifier, folder=folder, prefix=prefix, versions=versions, limit=limit, after=after
        )
        contents = self._contents(identifier)
        for artifact in page.items:
            artifact._contents = contents
        return page

    def preview_artifact(self, id: str, name: str) -> ArtifactPreview:
        """A small look at an artifact: head of a text or table, small picture, numbers of a histogram."""
        return self._contents(_run_id(self._fresh(), id)).preview(name)

    def delete_artifact(self, id: str, name: str) -> None:
        """Delete an artifact with all its versions; with ``name@v1`` only that version.

        Its content stays until the next gc.

        Raises
        ------
        NotFound
            There is none.
        """
        artifact = self.find_artifact(id, name)
        version = artifact.version if name != artifact.name else None
        identifier = _run_id(self._records(), id)
        self._tell("artifact.delete", run=identifier, name=artifact.name, version=version)

    # -- the trash, cancelling, nested runs; the rules are in `nbproof.tracking.trash` ------------------

    def delete_run(self, id: str) -> Run:
        """Throw a run away, with those nested in it; `restore_run` brings it back.

        Raises
        ------
        Conflict
            It, or one nested in it, is live.
        """
        identifier = _run_id(self._fresh(), id)
        self.delete_runs([identifier])
        return self.get_run(identifier)

    def delete_runs(self, ids: Sequence[str]) -> TouchedRuns:
        """Throw runs away, with those nested in them: all or, where one is live or unknown, none."""
        from nbproof.tracking.trash import thrown_away
        from nbproof.tracking.trash_models import TouchedRuns

        records = self._fresh()
        going = thrown_away(records.trash.lineage([_run_id(records, each) for each in ids]))
        time_us = self._clock.now_us()
        for run in going:
            self._tell("run.delete", run=run, time=time_us)
        self._catch_up()
        return TouchedRuns(count=len(going), ids=going)

    def restore_run(self, id: str) -> Run:
        """Bring a run back from the trash, with what went along with it."""
        identifier = _run_id(self._fresh(), id)
        self.restore_runs([identifier])
        return self.get_run(identifier)

    def restore_runs(self, ids: Sequence[str]) -> TouchedRuns:
        """Bring runs back from the trash, with what went along; one that is not there stays as it is.

        An experiment that was thrown away comes back with the first of its runs.
        """
        from nbproof.tracking.trash import brought_back
        from nbproof.tracking.trash_models import TouchedRuns

        records = self._fresh()
        asked = [_run_id(records, each) for each in ids]
        back = brought_back(asked, records.trash.lineage(asked))
        for run, deleted_us in back.items():
            self._tell("run.restore", run=run, time=max(self._clock.now_us(), deleted_us))
        self._catch_up()
        for experiment in {records.get_run(run).experiment_id for run in back} - {""}:
            self._bring_back_experiment(records.get_experiment(experiment))
        self._catch_up()
        return TouchedRuns(count=len(back), ids=list(back))

    def purge_runs(
        self,
        ids: Sequence[str] = (),
        *,
        older_than_days: float | None = None,
        dry_run: bool = False,
        yes: bool = False,
    ) -> Purged:
        """Remove runs of the trash for good: those named, or all.

        Parameters
        ----------
        ids : sequence of str
            By default every run in the trash.
        older_than_days : float, optional
            Only those thrown away so long ago.
        dry_run : bool
            Only say what would go.
        yes : bool
            Do it; without, and without `dry_run`, the call is refused.

        Raises
        ------
        Conflict
            A run that is named is not in the trash.
        Invalid
            Neither `yes` nor `dry_run`.
        """
        from nbproof.tracking.trash import refuse_purge

        records = self._fresh()
        trash, now_us = records.trash, self._clock.now_us()
        named = trash.lineage([_run_id(records, each) for each in ids]) if ids else trash.trash()
        refuse_purge(named, dry_run=dry_run, yes=yes)
        before_us = now_us if older_than_days is None else now_us - round(older_than_days * 86_400e6)
        doomed = [
            run.id
            for run in named
            if older_than_days is None or (run.deleted_us is not None and run.deleted_us <= before_us)
        ]
        return trash.purge(doomed, time_us=now_us, dry_run=dry_run)

    def delete_experiment(self, id: str) -> Experiment:
        """Throw an experiment away, with its runs; a conflict if one of them is live."""
        from nbproof.tracking.trash import thrown_away

        records = self._fresh()
        identifier = records.get_experiment(id).id
        going = thrown_away(records.trash.of_experiment(identifier))
        time_us = self._clock.now_us()
        for run in going:
            self._tell("run.delete", run=run, time=time_us)
        self._tell("experiment.delete", experiment=identifier, time=time_us)
        return self._fresh().get_experiment(identifier).model_copy(update={"moved_runs": len(going)})

    def restore_experiment(self, id: str) -> Experiment:
        """Bring an experiment back from the trash, with the runs that went along with it."""
        from nbproof.core.clock import microseconds_of

        records = self._fresh()
        experiment = records.get_experiment(id)
        along = []
        if experiment.deleted is not None:
            gone_us = microseconds_of(experiment.deleted)
            along = [run for run in records.trash.of_experiment(experiment.id) if run.deleted_us == gone_us]
            for run in along:
                self._tell("run.restore", run=run.id, time=max(self._clock.now_us(), gone_us))
            self._bring_back_experiment(experiment)
        return self._fresh().get_experiment(experiment.id).model_copy(update={"moved_runs": len(along)})

    def _bring_back_experiment(self, experiment: Experiment) -> None:
        from nbproof.core.clock import microseconds_of

        if experiment.deleted is not None:
            time_us = max(self._clock.now_us(), microseconds_of(experiment.deleted))
            self._tell("experiment.restore", experiment=experiment.id, time=time_us)

    def cancel_run(self, id: str) -> Run:
        """Ask a run to stop.

        Its process sees that by `ActiveRun.cancel_requested` and ends it as ``cancelled``; nothing is
        interrupted.  A run that belongs to no process is cancelled at once.

        Raises
        ------
        Conflict
            The run has ended.
        """
        records = self._fresh()
        (run, *_) = records.trash.lineage([_run_id(records, id)])
        if run.status != "running":
            raise ended_conflict(run.id, run.name, run.status, "the request to stop")
        if run.detached:
            self._tell("run.end", run=run.id, status="cancelled")
        else:
            self._tell("run.cancel", run=run.id)
            self._signals.cancel(run.id)
        return self.get_run(run.id)

    def is_cancelled(self, run: ActiveRun) -> bool:
        """Whether a run, or the one it is nested in, was asked to stop; never raises for the machine."""
        return self._signals.cancelled((run.id, run.parent_id))

    def was_cancelled(self, id: str) -> bool:
        """Whether the records say that a run was asked to stop; False where they can't be read."""
        try:
            return self._records().get_run(id).cancel_requested is not None
        except (Unavailable, NotFound):
            return False

    def children(self, id: str, *, metric: Sequence[str] = (), deep: bool = False) -> Children:
        """Runs nested in a run: how many by status, and best, mean and more of metrics over them.

        Parameters
        ----------
        id : str
        metric : sequence of str
            Metrics to sum up, by the value each run logged last.
        deep : bool
            Over the runs nested at any depth, not only the children.
        """
        records = self._fresh()
        return records.children_of(_run_id(records, id), metric, deep=deep)

    def param_history(self, id: str, key: str) -> ParamHistory:
        """Every value a param of a run had, in the order of time; the last one shows."""
        records = self._fresh()
        return records.param_history(_run_id(records, id), key)

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

    def set_provenance(
        self,
        id: str,
        *,
        git: Mapping[str, Any] | None = None,
        code: str | None = None,
        entry: str | None = None,
        command: str | None = None,
        environment: Mapping[str, Any] | None = None,
    ) -> None:
        """Tell where a run came from; runs of this process tell it by themselves."""
        identifier = _run_id(self._fresh(), id)
        if git or code or entry or command:
            state = dict(git or {})
            if state.get("remote"):
                state["remote"] = without_credentials(state["remote"])
            told, redacted = redact_text(command or "")
            self._tell(
                "run.provenance", run=identifier, git=state or None, code=code, entry=entry,
                command=told or None, redacted=redacted,
            )  # fmt: skip
        if environment is not None:
            self._tell("run.environment", run=identifier, **_addressed(environment))

    def await_capture(self, timeout_seconds: float = 5.0) -> None:
        """Wait a little for what is being found out about runs that this process has just started."""
        deadline = time.monotonic() + timeout_seconds
        for thread in list(self._capturing):
            thread.join(max(0.0, deadline - time.monotonic()))

    def renew_after_fork(self) -> None:
        """Let go of locks that a thread of the parent may have held; for a forked child."""
        self._lock = threading.RLock()
        self._told_lock = threading.RLock()
        self._closing = threading.Event()
        self._capturing = []
        # They are the parent's to end, whatever the child does.
        for run in self._stack:
            run.joined = True

    def record_into(self, journal: JournalWriter) -> None:
        """Write to another journal from now on; runs that are live stay where they are."""
        self._journal = journal
        self._environments_told.clear()

    def announce_again(self) -> None:
        """Tell a journal that had to begin anew which runs are live; a run told twice is one run."""
        self._environments_told.clear()
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
        group: str | None = None,
    ) -> ActiveRun:
        checked_group = None if group is None else name_of(group, "a group", "group")
        given_tags, blanked = without_secrets(_checked_tags(tags or {}))
        checked_tags = {key: value for key, value in given_tags.items() if value is not None}
        given_params, blanked_params = without_secrets(flat_params(_mapping(params or {}, "params")))
        checked_params = _spelled(given_params)
        if notes is not None and not isinstance(notes, str):
            raise Invalid(f"notes must be text, found {type(notes).__name__}", details={"field": "notes"})
        kept_notes, in_notes = redact_text(notes or "")
        blanked = {**blanked, **blanked_params, **({"notes": in_notes} if in_notes else {})}
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
            "group": checked_group,
            "notes": notes and kept_notes,
            "redacted": sum(blanked.values()),
            "detached": detached,
            "time": self._clock.now_us(),
            "source": source,
            **_machine(),
        }
        run.began_us = self._told_us[identifier] = run.start["time"]
        try:
            if trouble is not None:
                raise trouble
            self._journal.event("run.start", **run.start)
        except OSError as error:
            run.failed(error)
            return run
        run.blanked("start", blanked)
        if origin is not None:
            self._capturing = [thread for thread in self._capturing if thread.is_alive()]
            self._capturing.append(
                capture_later(origin, identifier, self, capture=self._capture, hurry=self._closing)
            )
        return run

    # -- what the capturing thread found out ----------------------------------------------------------

    def tell_provenance(self, run_id: str, facts: Mapping[str, Any]) -> None:
        """Record git, fingerprint of the code, command and entry point of a run."""
        self._journal.event("run.provenance", run=run_id, time=self._clock.now_us(), **facts)

    def tell_environment(self, run_id: str, facts: Mapping[str, Any]) -> None:
        """Record the environment of a run: whole the first time, by its hash after that."""
        told = _addressed(facts)
        if told["environment"] in self._environments_told:
            told["facts"] = None
        self._journal.event("run.environment", run=run_id, time=self._clock.now_us(), **told)
        self._environments_told.add(told["environment"])

    def keep_changes(self, run_id: str, changes: Changes) -> None:
        """Keep what was not committed as an artifact of a run."""
        from io import BytesIO

        from nbproof.tracking.git import CHANGES

        stored = self._artifacts().put(BytesIO(changes.patch))
        try:
            self._journal.event(
                "artifact",
                run=run_id,
                name=CHANGES,
                size=stored.size_bytes,
                media_type="text/x-diff",
                hash=stored.hash,
                location=stored.location,
                redacted=changes.redacted,
                time=self._moment(run_id),
            )
        finally:
            self._artifacts().let_go(stored.location)

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
            self._refuse_deleted(recorded.id)
            if not nested:
                self._end_live()
            last_steps = self._records().last_steps(recorded.id)
            run = ActiveRun(
                self,
                self._journal,
                recorded.id,
                recorded.name,
                recorded.experiment,
                recorded.parent_id,
                last_steps,
            )
            run.began_us = self._clock.now_us()
            self._signals.settled(run.id)  # of the process before, which may have been killed
            try:
                self._prepare()
                self._journal.event("run.resume", run=run.id, time=run.began_us)
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

    def _join(
        self,
        reference: str,
        name: str | None,
        experiment: str | None,
        tags: Mapping[str, Any] | None,
        params: Mapping[str, Any] | None,
        notes: str | None,
        group: str | None,
    ) -> ActiveRun:
        """Write to the run that the environment names; see `nbproof.tracking.joining`."""
        origin = self._origin()
        checked_experiment = name_of(
            experiment if experiment is not None else self._experiment or origin.experiment,
            "an experiment",
            "experiment",
        )
        checked_name = None if name is None else _run_name(name)
        with self._lock:
            self._end_live()
            try:
                recorded, known = self._recorded(reference), True
            except Unavailable:
                if not is_id(reference):
                    raise
                recorded, known = None, False  # locked or away: whose run it is will be seen later
            if recorded is None and known and self._signals.claim(reference):
                run = self._begin(
                    checked_experiment, checked_name, tags, params, notes, None,
                    origin=origin, identifier=reference, group=group,
                )  # fmt: skip
                self._push(run)
                return run
            if recorded is not None and recorded.status != "running":
                ended = "" if recorded.ended is None else f"-{recorded.ended.timestamp():.6f}"
                if self._signals.claim(recorded.id + ended):
                    return self._resume(recorded.id, None, None, tags, params, notes, False)
            run = self._joined(reference, recorded, checked_name, checked_experiment)
            self._push(run)
        if tags:
            self.set_tags(tags, run_id=run.id)
        if params:
            self.log_params(params, run_id=run.id)
        return run

    def _recorded(self, reference: str) -> Run | None:
        """The run that the environment names, if there is one; only an id may name one that is to come."""
        try:
            recorded = self.get_run(reference)
        except NotFound as error:
            if is_id(reference):
                return None
            raise NotFound(
                f"{RUN_ID} is {reference!r}, and there is no such run",
                hint="set it to the id of a run, or to 32 hex digits of your own for a new one",
                details=error.details,
            ) from None
        self._refuse_deleted(recorded.id)
        return recorded

    def _joined(self, reference: str, recorded: Run | None, name: str | None, experiment: str) -> ActiveRun:
        if recorded is None:
            run = ActiveRun(self, self._journal, reference, name or kind_name(reference), experiment)
        else:
            # Workers that run side by side do the same steps, so each counts its own.
            last_steps = {} if is_one_of_several(self._environ) else self._records().last_steps(recorded.id)
            run = ActiveRun(
                self,
                self._journal,
                recorded.id,
                recorded.name,
                recorded.experiment,
                recorded.parent_id,
                last_steps,
            )
        run.joined = True
        return run

    def _refuse_deleted(self, identifier: str) -> None:
        recorded = self._records().brief_of(identifier)
        if recorded.deleted is not None:
            raise Conflict(
                f"run {recorded.name!r} ({identifier[-6:]}) is in the trash",
                hint=f"bring it back first: nbp.restore_run({identifier[-6:]!r})",
                details={"run": identifier},
            )

    def _push(self, run: ActiveRun) -> None:
        self._stack.append(run)
        self._live = run

    def _sample(self, run: ActiveRun, wanted: bool | None) -> None:
        """Begin to sample the machine for a run, unless that is done for a run around it."""
        if self._sampler is None or not (self._system_metrics if wanted is None else wanted):
            return
        if not any(live.id in self._samplers for live in self._stack):
            with suppress(OSError, ValueError):  # no process can be started; the setting is no number
                self._samplers[run.id] = self._sampler(run.id)

    def _end_live(self, around: ActiveRun | Run | None = None) -> None:
        """End whatever is open, children first; the run `around` the next one goes on."""
        for run in reversed(list(self._stack)):
            if around is not None and run.id == around.id:
                return
            self._end(run, "finished")

    def _parent(self, reference: str) -> ActiveRun | Run:
        """The run that a new one is nested in: one that is live here, or any that is recorded."""
        for run in self._stack:
            if run.id == reference:
                return run  # without asking the database
        recorded = self.get_run(reference)
        self._refuse_deleted(recorded.id)
        return recorded

    def _end(self, run: ActiveRun, status: str) -> None:
        if run.status != "running":
            return
        if run.joined:
            status = "left"  # its owner ends it
        elif status == "finished" and run._cancelled:
            status = "cancelled"
        try:
            if not run.joined:
                # Not before it began, whatever the clock has done meanwhile: that would be another end.
                time_us = max(self._clock.now_us(), run.began_us)
                self._journal.event("run.end", run=run.id, status=status, time=time_us)
                self._signals.settled(run.id)
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

    def _handle(self, reference: str, counting: Iterable[object] = ()) -> ActiveRun:
        """The handle to write to a run: one of this process, or one found in the records.

        `counting` names the metrics that are about to be logged without a step: of these alone the last ones
        are looked up, for a run may have thousands.
        """
        for run in reversed(self._stack):
            if run.id == reference:
                return run
        records = self._fresh()
        identifier = _run_id(records, reference)
        for run in self._stack:
            if run.id == identifier:
                return run
        recorded = records.brief_of(identifier)
        if recorded.status != "running":
            self._adopted.pop(identifier, None)
            raise ended_conflict(identifier, recorded.name, recorded.status, "this")
        with self._lock:
            names = [name for name in counting if isinstance(name, str)]
            last_steps = records.last_steps(identifier, names) if names else {}
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

    def _moment(self, run_id: str) -> int:
        """The time of what is told of a run: not before what was told last, whatever the clock does.

        Of two values the later one shows, and they may arrive in any order.
        """
        with self._told_lock:
            # The newest run at the end, so that the oldest is forgotten first.
            time_us = max(self._clock.now_us(), self._told_us.pop(run_id, 0))
            self._told_us[run_id] = time_us
            if len(self._told_us) > 1000:
                del self._told_us[next(iter(self._told_us))]
        return time_us

    def _tell(self, kind: str, **fields: object) -> None:
        """Write an event of a verb that is no `log_*`: where the machine fails, it says so."""
        try:
            run_id = fields.get("run")
            time_us = self._moment(run_id) if isinstance(run_id, str) else self._clock.now_us()
            self._journal.event(kind, **{"time": time_us, **fields})
        except OSError as error:
            raise _unrecorded(error) from error

    def _write(self, run_id: str | None, kind: str, blanked: Mapping[str, int], **fields: object) -> None:
        run = self._live if run_id is None else self._handle(run_id)
        if run is None:
            run = self._started()
        run.require_running(f"this ({kind})")
        if blanked:
            fields["redacted"] = sum(blanked.values())
        try:
            self._journal.event(kind, run=run.id, time=self._moment(run.id), **fields)
        except OSError as error:
            run.failed(error)
        if blanked:
            run.blanked(kind.removesuffix("s"), blanked)

    def _keep(self, run_id: str | None, items: Sequence[Item]) -> None:
        from nbproof.tracking.artifacts import kept

        run = (self._live if run_id is None else self._handle(run_id)) or self._started()
        run.require_running("the artifact")
        try:
            for fields in kept(items, self._artifacts):
                try:
                    self._journal.event("artifact", run=run.id, time=self._moment(run.id), **_spelled(fields))
                finally:
                    if fields["location"]:
                        self._artifacts().let_go(fields["location"])
                if blanked := fields.get("redacted"):
                    run.blanked("artifacts", {fields["name"]: blanked})
        except (OSError, Unavailable) as error:
            run.failed(error)

    def _contents(self, identifier: str) -> Contents:
        from nbproof.tracking.contents import Contents

        return Contents(identifier, self._records(), self._fetch, self._read)

    def _columns(self, identifier: str, name: str) -> Columns:
        self._glance()
        return self._records().metric_columns(identifier, name)

    def _bound(self, run: Run) -> Run:
        run._columns = self._columns
        run.artifacts.bound(self._contents(run.id))
        run._measure = lambda identifier: self._records().metrics_of(identifier)
        run._param_history = self.param_history
        run._surroundings = lambda identifier: self._records().environment_of_run(identifier)
        return run

    def _bound_page(self, page: Page[Run]) -> Page[Run]:
        for run in page.items:
            self._bound(run)
        return page


# Words of the routes, which a name there would hide behind.
_RESERVED = frozenset({"search", "compare", "diff", "export", "exports", "import", "leaderboard"})


def _query(query: object) -> str:
    if not isinstance(query, str):
        raise Invalid(
            f"a query is text, found {type(query).__name__}",
            hint='like: metrics.auc > 0.9 and params.model = "xgb"',
            details={"field": "query"},
        )
    return query


def _names(given: str | Iterable[str] | None) -> list[str]:
    return [] if given is None else [given] if isinstance(given, str) else list(given)


def _unrecorded(error: OSError) -> Unavailable:
    return Unavailable(f"this could not be recorded: {error}", hint="`nbproof doctor` shows where")


def _if_set(**values: bool) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


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


def _addressed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """An environment as its event tells it: its hash, what is searched for, and the facts."""
    from nbproof.tracking.environment import environment_hash

    gpus = ", ".join(str(gpu.get("name")) for gpu in facts.get("gpus") or ())
    return {
        "environment": environment_hash(facts),
        "os": facts.get("os"),
        "gpu": gpus or None,
        "facts": dict(facts),
    }


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

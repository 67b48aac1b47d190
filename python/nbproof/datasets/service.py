"""The verbs of datasets."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from nbproof.core.callers import users_stacklevel
from nbproof.core.clock import Clock, SystemClock, datetime_of
from nbproof.core.errors import Invalid, NotFound, PlatformError, Unavailable, hint_of, near_names
from nbproof.core.events import Changed, Changes
from nbproof.core.links import broken_link
from nbproof.core.operation import Download, Page
from nbproof.core.redaction import redact_text, without_credentials
from nbproof.datasets.contracts import KeyWatch
from nbproof.datasets.domain import NewVersion, VersionRecord
from nbproof.datasets.lineage import (
    code_of,
    edges_of_reading,
    edges_of_registering,
    node_of,
    nodes_of,
    version_of,
)
from nbproof.datasets.models import ColumnSummaries, Dataset, DatasetField, DatasetVersion, ParcelAnswer
from nbproof.datasets.naming import alias_name, alias_names, dataset_name, parsed, tags_of
from nbproof.lineage.domain import Direction, Edge, Node
from nbproof.storage.progress import Progress

if TYPE_CHECKING:
    from nbproof.datasets.contracts import Contract, DatasetContracts
    from nbproof.datasets.diff_models import DatasetDiff
    from nbproof.datasets.drift_models import DriftReport
    from nbproof.datasets.drift_reports import DriftReports
    from nbproof.datasets.frames import Incoming
    from nbproof.datasets.handle import DatasetHandle
    from nbproof.datasets.leakage import LeakageReport
    from nbproof.datasets.references import ReferenceHandle
    from nbproof.datasets.repository import DatasetRepository
    from nbproof.datasets.table_profiles import TableProfile
    from nbproof.datasets.taking import Taken
    from nbproof.lineage.models import LineageGraph
    from nbproof.lineage.service import Lineage
    from nbproof.stats.profile import ColumnProfile
    from nbproof.storage.content.store import ContentStore, Intake

__all__ = ["DataVersionControl", "own_name", "path_of", "size_of", "warn_of"]

_ALL = 1_000_000
_OWN = ("meta.db", "meta.db-wal", "meta.db-shm", "online.db", "journal", "content")  # of a workspace's folder
_REMEMBERED = 3
_NEVER = 2**62  # microseconds: nothing was deleted after that


class DataVersionControl:
    """Datasets of one workspace.

    Laws: safe from any thread and beside other processes; a version that was registered does not change and
    survives a power cut; what failed leaves nothing behind.

    Parameters
    ----------
    repository, content : callable
        Made when they are first needed.
    cache : Path
        A folder for copies of files that are being read.
    clock : Clock
    lineage : callable, optional
        Gives the `Lineage` into which is drawn what came of what.
    prepare : callable, optional
        Called before the first write: makes the workspace.
    run_id : callable, optional
        The run that is live, if any.
    changes : Changes, optional
        Told which datasets changed: by a version, an alias, what is said of a version, or a deletion.
    root : Path, optional
        The project: from where paths are meant that somebody elsewhere refers to.
    """

    def __init__(
        self,
        repository: Callable[[], DatasetRepository],
        content: Callable[[], ContentStore],
        cache: Path,
        *,
        clock: Clock | None = None,
        lineage: Callable[[], Lineage] | None = None,
        prepare: Callable[[], object] | None = None,
        run_id: Callable[[], str | None] | None = None,
        changes: Changes | None = None,
        root: Path | None = None,
    ) -> None:
        self._root = root
        self._repository = repository
        self._content = content
        self._cache = cache
        self._clock = clock or SystemClock()
        self._lineage = lineage
        self._prepare = prepare
        self._run_id = run_id
        self._changes = changes
        # Of the versions that clients read now: a folder's manifests are not read again for each request.
        self._known_objects: dict[str, frozenset[str]] = {}

    # -- registering -----------------------------------------------------------------------------------

    def register_dataset(
        self,
        source: Any,
        name: str | None = None,
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        aliases: str | Sequence[str] = (),
        contract: Mapping[str, Any] | None = None,
        origin: str | None = None,
        reference: bool = False,
    ) -> DatasetVersion:
        """Keep a table, a file or a folder as the next version of a dataset.

        Content that is the latest version's already makes no new version, and the answer says so.  Of what is
        new only that is kept which no version has: for a table the columns and rows that changed.

        Parameters
        ----------
        source : frame, array, path-like
            A frame of pandas or polars, an Arrow table, reader or dataset, a DuckDB relation, a numpy array,
            anything else that speaks the Arrow C stream; or the path of a file or folder.  What is read in
            batches is never in memory as a whole.
        name : str, optional
            Of the dataset; for a path by default the file's own name without its suffix.
        description : str, optional
            Of this version.
        tags : mapping, optional
        aliases : str or sequence of str
            Point these at the new version.
        contract : mapping, optional
            What this version and those after it have to keep to, as for `set_contract`.  A breach warns, and
            is recorded in ``breaches``; or, where the contract says so, nothing is registered.
        origin : str, optional
            Where it comes from, if not from that path: an address, for instance.
        reference : bool
            Copy nothing: the file or folder stays where it is, a path or an address such as
            ``s3://bucket/key``.  Kept are its hashes and, of files of rows, the statistics; whenever it is
            read it is seen whether it is still the same.

        Returns
        -------
        DatasetVersion

        Raises
        ------
        Invalid
            What it is can't be kept, or not without a silent change, or breaks its contract; nothing was
            registered.
        Conflict
            A file changed while it was read.
        Unavailable
            The disk is full, read-only or away; nothing was registered.

        Examples
        --------
        >>> import nbproof as nbp, pandas as pd
        >>> frame = pd.DataFrame({"city": ["Oslo", "Rome"], "visits": [3, 5]})
        >>> first = nbp.register_dataset(frame, "register-demo", aliases=["prod"])
        >>> again = nbp.register_dataset(frame, "register-demo")
        >>> first.name, again.name, again.unchanged
        ('register-demo@v1', 'register-demo@v1', True)
        """
        target: str | None = None
        path: Path | None = None
        own: Path | None
        if reference:
            from nbproof.datasets.references import name_of_target, target_of

            target = target_of(source, self._root, path_of)
            own = Path(name_of_target(target))
        else:
            own = path = path_of(source)
        called = dataset_name(name if name is not None else own_name(own))

        def take(intake: Intake, latest: VersionRecord | None, watch: KeyWatch | None) -> Taken:
            if target is not None:
                from nbproof.datasets.references import take_reference

                return take_reference(intake, target, watch)
            return self._taken(intake, source, path, called, latest, watch)

        version, breaches = self._registered(
            called,
            take,
            source=origin or target or (None if path is None else str(path)),
            description=description,
            tags=tags_of(tags),
            aliases=alias_names(aliases),
            contract=contract,
            run_id=self._live_run(),
        )
        warn_of(breaches, called, version.notes)
        return version

    def receive_parcel(self, path: Path) -> ParcelAnswer:
        """Register what a client sent, or say what it has to send: see `nbproof.datasets.parcels`."""
        from nbproof.datasets.parcels import Parcel, Wanted, take_parcel

        parcel = Parcel(path)
        told = parcel.header
        called = dataset_name(told.name)

        def take(intake: Intake, latest: VersionRecord | None, watch: KeyWatch | None) -> Taken:
            return take_parcel(intake, parcel, self._repository(), self._content(), watch)

        try:
            version, breaches = self._registered(
                called,
                take,
                source=told.source,
                description=told.description,
                tags=told.tags,
                aliases=alias_names(told.aliases),
                contract=told.contract,
                run_id=told.run_id,
            )
        except Wanted as wanted:
            return ParcelAnswer(wanted=[each.hex() for each in wanted.names])
        return ParcelAnswer(version=version, breaches=breaches)

    def _registered(
        self,
        called: str,
        take: Callable[[Intake, VersionRecord | None, KeyWatch | None], Taken],
        *,
        source: str | None,
        description: str | None,
        tags: Mapping[str, str],
        aliases: Sequence[str],
        contract: Mapping[str, Any] | None,
        run_id: str | None,
    ) -> tuple[DatasetVersion, list[str]]:
        """The version that has what is taken in, and how that breaks its contract."""
        if self._prepare is not None:
            self._prepare()
        latest = self._repository().latest(called)
        rules = self._rules(called, contract)
        with self._content().intake() as intake:
            watch = None if rules is None else KeyWatch(rules.key)
            taken = take(intake, latest, watch)
            breaches = [] if rules is None or watch is None else _breaches(called, rules, taken, watch)
            if latest is not None and latest.digest == taken.digest and latest.manifest is not None:
                version, made = latest, False
                if taken.reference is not None and taken.reference != latest.reference:
                    # The same content, found at another place or written anew: from now on known by that.
                    self._repository().set_reference(latest, taken.reference)
            else:
                new = NewVersion(
                    taken.kind, taken.digest, None, None,
                    taken.rows, taken.columns, taken.files, taken.size_bytes, 0, taken.fields,
                    None if description is None else redact_text(description)[0], tags,
                    None if source is None else without_credentials(source),
                    reference=taken.reference, breaches=breaches or None, run_id=run_id,
                )  # fmt: skip
                version, made = self._kept(intake, taken, called, new), True
        if contract is not None:
            self.contracts.set_contract(called, contract)
        for each in aliases:
            self._repository().set_alias(version, each, now_us=self._clock.now_us())
        if not made and (description or tags):
            version = self._repository().update(version, description=description, tags=tags)
        if made or aliases or description or tags:
            self._tell(version)
        told = self._view(self._repository().resolve(f"{called}@v{version.version}"), unchanged=not made)
        if taken.note is not None:
            told = told.model_copy(update={"notes": [taken.note]})
        self._drawn(edges_of_registering(told, run_id))
        return told, breaches

    def set_alias(self, id: str, alias: str) -> DatasetVersion:
        """Point an alias at a version, taking it from the one that had it."""
        record = self._repository().resolve(id)
        self._repository().set_alias(record, alias_name(alias), now_us=self._clock.now_us())
        self._tell(record)
        return self._view(self._repository().resolve(f"{record.dataset}@v{record.version}"))

    def remove_alias(self, id: str, alias: str) -> DatasetVersion:
        """Take an alias away from a version; the version stays.

        Raises
        ------
        NotFound
            The version has no such alias.
        """
        record = self._repository().resolve(id)
        if not self._repository().remove_alias(record, alias):
            held = list(record.aliases)
            raise NotFound(
                f"{record.dataset}@v{record.version} has no alias {alias!r}",
                hint=hint_of(near_names(alias, held), held, "it has") or "it has none",
                details={"field": "alias"},
            )
        self._tell(record)
        return self._view(self._repository().resolve(f"{record.dataset}@v{record.version}"))

    def update_version(
        self, id: str, *, description: str | None = None, tags: Mapping[str, str] | None = None
    ) -> DatasetVersion:
        """Change the description or the tags of a version; an empty tag is taken away."""
        record = self._repository().resolve(id)
        changed = None if tags is None else tags_of(tags)
        updated = self._repository().update(record, description=description, tags=changed)
        self._tell(record)
        return self._view(updated)

    # -- reading ---------------------------------------------------------------------------------------

    def get_dataset(self, id: str) -> DatasetHandle:
        """A version to be read; the run that is live then, or when its content is asked for, has read it.

        Parameters
        ----------
        id : str
            ``name@v3``, ``name@prod`` for an alias, ``name`` for the latest, ``name@2026-11-01`` for the
            latest of that day, or the first digits of a digest.

        Raises
        ------
        NotFound
            With the nearest names.

        Examples
        --------
        >>> import nbproof as nbp, pandas as pd
        >>> _ = nbp.register_dataset(pd.DataFrame({"visits": [3, 5]}), "get-demo")
        >>> nbp.get_dataset("get-demo").to_pandas()["visits"].sum().item()
        8
        """
        handle = self._opened(id)
        handle.on_read = self._noting(handle.version)
        handle.note_reading()
        return handle

    def describe(self, id: str) -> DatasetVersion:
        """What is recorded of a version."""
        return self._view(self._repository().resolve(id))

    def list_datasets(
        self, query: str | None = None, *, limit: int = 50, after: str | None = None
    ) -> Page[Dataset]:
        """Datasets by name."""
        found = self._repository().datasets(query=query, limit=limit + 1, after=after)
        items = [_dataset(each) for each in found[:limit]]
        return Page[Dataset](items=items, next=items[-1].name if len(found) > limit else None)

    def list_versions(
        self, name: str, *, limit: int = 50, after: str | None = None, fields: bool = True
    ) -> Page[DatasetVersion]:
        """The versions of a dataset, latest first; `fields` says whether with their columns."""
        before = None
        if after is not None:
            if not after.isdecimal():
                raise Invalid(f"{after!r} is no place in the list", hint="give `next` of the page before")
            before = int(after)
        found = self._repository().versions(parsed(name).name, limit=limit + 1, before=before, fields=fields)
        items = [self._view(each) for each in found[:limit]]
        return Page[DatasetVersion](items=items, next=str(items[-1].version) if len(found) > limit else None)

    def summarize_columns(self, id: str) -> ColumnSummaries:
        """The statistics of each column, with a small histogram."""
        from nbproof.datasets.summaries import summary_of

        handle = self._opened(id)
        profiles = handle.profile
        return ColumnSummaries(
            dataset=handle.name,
            rows=profiles[0].rows if profiles else handle.version.rows or 0,
            columns=[summary_of(each) for each in profiles],
        )

    def content_of(
        self,
        id: str,
        *,
        format: Literal["parquet", "csv", "arrow"] | None = None,
        columns: Sequence[str] = (),
        limit: int | None = None,
    ) -> Download:
        """A version as one file; where rows are asked for, those of a file of rows too."""
        from nbproof.datasets.downloads import download_of

        return download_of(self._opened(id), format, list(columns) or None, limit)

    def objects_of(self, id: str, places: Sequence[str]) -> Download:
        """Some of what a version consists of, for a client that puts it together; its manifest too."""
        from nbproof.datasets.downloads import objects_of

        handle = self._opened(id)
        files = handle.kept_elsewhere()
        known = self._known_objects.get(handle.version.digest)
        if known is None:
            needed = self.content_of_version(self._repository().resolve(handle.version.id))
            known = frozenset(needed) | files.keys()
            rest = dict(list(self._known_objects.items())[-_REMEMBERED:])
            self._known_objects = {**rest, handle.version.digest: known}
        if unknown := [place for place in places if place not in known]:
            raise NotFound(f"{handle.name} has nothing at {unknown[0][:80]!r}")
        if not files.keys().isdisjoint(places):
            handle.check()  # before the answer begins: it can't say afterwards what was wrong
        return objects_of(self._content(), places, files)

    def profile_of(self, id: str) -> Download:
        """The profile of each column as JSON, whole: distributions that can be compared."""
        from nbproof.datasets.downloads import profile_of

        return profile_of(self._opened(id))

    def profile_table(
        self,
        source: Any,
        table: str | None = None,
        *,
        columns: Sequence[str] | None = None,
        exact: bool | None = None,
    ) -> TableProfile:
        """The statistics and distributions of a table that stays where it is; no row is read from there.

        Parameters
        ----------
        source : str or relation
            The address of a PostgreSQL database, ``postgresql://host/shop``, or a relation of DuckDB.
        table : str, optional
            In the database: ``orders`` or ``schema.orders``; names with dots in double quotes.
        columns : sequence of str, optional
            Only these.
        exact : bool, optional
            Beyond four million rows DuckDB chooses points by a sample and estimates how many values differ,
            unless this is true.

        Returns
        -------
        TableProfile
            Which `detect_drift` compares with any version or frame.

        Raises
        ------
        Invalid
            It is no table that can be profiled where it is, or it has no columns.
        NotFound
            There is no such column.
        Unavailable
            The database can't be reached or the table can't be read.

        Examples
        --------
        >>> import duckdb, nbproof as nbp
        >>> there = nbp.profile_table(duckdb.sql("SELECT range % 10 AS digit FROM range(1000)"))
        >>> there.rows, there.statistics.loc["digit", "mean"].item()
        (1000, 4.5)
        """
        from nbproof.datasets.table_profiles import TableProfile, profiled

        name, place, found = profiled(source, table, columns=columns, exact=exact)
        return TableProfile(name, place, found[0].rows, tuple(found), datetime_of(self._clock.now_us()))

    # -- comparing -------------------------------------------------------------------------------------

    def detect_drift(
        self,
        reference: Any,
        current: Any,
        *,
        exact: bool = False,
        columns: Sequence[str] | None = None,
        run_id: str | None = None,
    ) -> DriftReport:
        """What changed between two tables, from their stored profiles; kept as a report.

        Parameters
        ----------
        reference, current : str, DatasetHandle, DatasetVersion, frame, or TableProfile
            Versions, the older first.  A frame is looked at now and not registered.  A relation of DuckDB,
            and what `profile_table` gave, are compared by what their engine told.
        exact : bool
            Read the data instead: every statistic is exact, and all columns are looked at together too.
        columns : sequence of str, optional
            Only these.
        run_id : str, optional
            The run that asks, kept with the report; by default the live one.

        Returns
        -------
        DriftReport
            A column drifts where a difference is neither chance nor negligible; each that does has a
            sentence and an action.

        Raises
        ------
        NotFound
            There is no such version or column.
        Invalid
            One of them is no table, nor a file of rows.

        Examples
        --------
        >>> import nbproof as nbp, pandas as pd
        >>> old = pd.DataFrame({"price": [float(number) for number in range(1, 1001)]})
        >>> report = nbp.detect_drift(old, old * 1000)
        >>> report.severity, report.columns[0].sentence
        ('critical', 'price: median 500 → 500,000 (×1,000): has the unit changed?')
        """
        return self.drift_reports.detect(reference, current, exact=exact, columns=columns, run_id=run_id)

    def diff_versions(
        self,
        a: Any,
        b: Any,
        *,
        key: str | Sequence[str] | None = None,
        progress: Callable[[float], object] | None = None,
    ) -> DatasetDiff:
        """How two versions differ: columns, rows and statistics of tables, files of folders.

        Only what differs is read, a column at a time.

        Parameters
        ----------
        a, b : str, DatasetHandle or DatasetVersion
            The older first.
        key : str or sequence of str, optional
            The columns that name a row.  Without it rows are equal if all that they hold is; of a row that is
            gone and a new one at the same place, with half of their values equal, one has changed.
        progress : callable, optional
            Told the share that is done, from 0 to 1; what it raises ends the comparison.

        Returns
        -------
        DatasetDiff
            In a cell a table; ``to_markdown()`` gives a text for a pull request.

        Raises
        ------
        NotFound
            There is no such version, or no such column.
        Invalid
            A key comes more than once, or one is a folder and the other is not.

        Examples
        --------
        >>> import nbproof as nbp, pandas as pd
        >>> frame = pd.DataFrame({"city": ["Oslo", "Rome"], "visits": [3, 5]})
        >>> _ = nbp.register_dataset(frame, "diff-demo")
        >>> _ = nbp.register_dataset(frame.assign(visits=[3, 8]), "diff-demo")
        >>> diff = nbp.diff_versions("diff-demo@v1", "diff-demo@v2", key="city")
        >>> diff.rows_changed, diff.changes[0].values
        (1, {'visits': (5, 8)})
        """
        from nbproof.datasets.diffing import diff_between

        one, other = (
            self._opened(version.name if (version := version_of(each)) is not None else each)
            for each in (a, b)
        )
        with Progress(f"comparing {one.name} with {other.name}", 100, unit="%") as bar:
            keys = [key] if isinstance(key, str) else list(key or ())
            return diff_between(one, other, keys, progress or bar.share)

    def check_leakage(
        self,
        train: Any,
        test: Any,
        *,
        entity: str | Sequence[str] | None = None,
        time: str | None = None,
        progress: Callable[[float], object] | None = None,
    ) -> LeakageReport:
        """What a test set shares with its training set and should not.

        Parameters
        ----------
        train, test : str, DatasetHandle, DatasetVersion, or frame
            Versions, or frames; both are read.
        entity : str or sequence of str, optional
            The columns that say whom or what a row is about; without it they are guessed.
        time : str, optional
            The column that says when; without it every column of dates and times is looked at.
        progress : callable, optional
            Told the share that is done, from 0 to 1; what it raises ends the check.

        Returns
        -------
        LeakageReport
            Rows, nearly equal rows, entities and times in common, in one line and one by one.

        Raises
        ------
        NotFound
            There is no such version.
        Invalid
            One of them is no table, or a column is not in both.

        Examples
        --------
        >>> import nbproof as nbp, pandas as pd
        >>> train = pd.DataFrame({"user": ["ann", "bob", "eve"], "spent": [10.25, 3.5, 99.0]})
        >>> test = pd.DataFrame({"user": ["bob", "joe"], "spent": [3.5, 7.75]})
        >>> print(nbp.check_leakage(train, test, entity="user").sentence)
        50.0 % of the test rows are in the training set; 50.0 % share their user with it.
        """
        from nbproof.datasets.leakage import leakage_between

        with Progress("looking for leakage", 100, unit="%") as bar:
            return leakage_between(
                train, test, self._opened, entity=entity, time=time, progress=progress or bar.share
            )

    @cached_property
    def contracts(self) -> DatasetContracts:
        """What versions have to keep to."""
        from nbproof.datasets.contracts import DatasetContracts

        return DatasetContracts(self._repository, self._opened, self._clock.now_us, self._prepare)

    @cached_property
    def drift_reports(self) -> DriftReports:
        """The reports of drift."""
        from nbproof.datasets.drift_reports import DriftReports
        from nbproof.datasets.repository import DriftReportRepository

        return DriftReports(
            self._opened,
            self._repository,
            lambda: DriftReportRepository(self._repository().database),
            clock=self._clock,
            prepare=self._prepare,
            run_id=self._live_run,
            draw=self._drawn,
        )

    # -- lineage ---------------------------------------------------------------------------------------

    def track_transformation(
        self,
        inputs: Sequence[Any],
        output: Any,
        code: str | Callable[..., Any] | None = None,
        *,
        label: str | None = None,
    ) -> DatasetVersion:
        """Say that a version was made of others, or of files, by some code.

        Parameters
        ----------
        inputs : sequence
            Versions by their names (``sales@v3``) or as `get_dataset` gave them, paths, addresses.
        output : str or DatasetVersion
            The version that was made.
        code : str or function, optional
            What made it; of a function its source is kept.  What looks like a secret is blanked.
        label : str, optional
            What the step is called; by default the function's name.

        Returns
        -------
        DatasetVersion
            The output.

        Examples
        --------
        >>> import nbproof as nbp, pandas as pd
        >>> raw = nbp.register_dataset(pd.DataFrame({"x": [1, 2, None]}), "transform-raw")
        >>> clean = nbp.register_dataset(pd.DataFrame({"x": [1, 2]}), "transform-clean")
        >>> _ = nbp.track_transformation(["transform-raw"], "transform-clean", "raw.dropna()")
        >>> [node.label for node in nbp.get_lineage("transform-clean").nodes]
        ['transform-clean@v1', 'transform-raw@v1']
        """
        if isinstance(inputs, (str, os.PathLike)) or version_of(inputs) is not None:
            inputs = [inputs]
        made = version_of(output) or self.describe(str(output))
        name, source = code_of(code)
        sources = nodes_of(inputs, lambda each: self._repository().resolve(each).id)
        if not sources:
            raise Invalid("a transformation has at least one input", details={"field": "inputs"})
        if node_of(made) in sources:
            raise Invalid(
                f"{made.name} can't be made of itself",
                hint="name what it was made of as inputs, and the version that was made as output",
                details={"field": "inputs"},
            )
        run_id = self._live_run()
        edges = [
            Edge(each, node_of(made), "derived", label=label or name, code=source, run_id=run_id)
            for each in sources
        ]
        if run_id is not None:
            run = Node("run", run_id)
            edges += [Edge(each, run, "read", run_id=run_id) for each in sources]
            edges.append(Edge(run, node_of(made), "wrote", run_id=run_id))
        if self._lineage is not None:
            self._lineage().add_edges(edges)
        return made

    def get_lineage(self, id: str, direction: Direction = "both", depth: int | None = None) -> LineageGraph:
        """What a version came of, and what came of it: files, runs, other versions.

        Parameters
        ----------
        id : str
        direction : {"both", "upstream", "downstream"}
        depth : int, optional
            So many steps only.
        """
        record = self._repository().resolve(id)
        if self._lineage is None:
            raise Unavailable("there is no lineage here")
        return self._lineage().graph(("dataset_version", record.id), direction, depth)

    # -- deleting --------------------------------------------------------------------------------------

    def delete_dataset(self, id: str, *, all: bool = False) -> list[DatasetVersion]:
        """Delete a version, or a dataset with all of its versions; gc frees the space.

        Raises
        ------
        Invalid
            A bare name of several versions: the latest, or all of them, may be meant.
        """
        repository = self._repository()
        records = repository.versions(parsed(id).name, limit=_ALL) if all else [self._only(id)]
        repository.delete(records, now_us=self._clock.now_us())
        self._tell(*records)
        return [self._view(each) for each in records]

    def active_since(self, since_us: int) -> list[tuple[str, int]]:
        """Ids of datasets that changed at or after an instant, with when, as far as records tell."""
        return self._repository().active_since(since_us)

    # -- for the store ---------------------------------------------------------------------------------

    def locations(self, deleted_before_us: int) -> Iterator[str]:
        """All content that versions need, those included that were deleted since an instant.

        Raises
        ------
        Unavailable
            A manifest can't be read, so nobody knows what its versions need.
        """
        seen: set[str] = set()
        for manifest, profile in self._repository().manifests(deleted_before_us):
            if profile:
                yield profile
            try:
                yield from self._needed(manifest, seen)
            except (NotFound, Unavailable) as error:
                # That of a deleted version may have been garbage before, when less grace was asked for.
                if live := self._repository().with_manifest([manifest]):
                    raise _unreadable(live, error) from error

    def live_versions(self) -> list[VersionRecord]:
        """The versions in the lists that have content, in the order of names and numbers."""
        manifests = [manifest for manifest, _ in self._repository().manifests(_NEVER)]
        found = self._repository().with_manifest(dict.fromkeys(manifests))
        return sorted(found, key=lambda each: (each.dataset, each.version))

    def content_of_version(self, record: VersionRecord) -> list[str]:
        """All content that one version needs, as often as it does; `Unavailable` where that can't be read."""
        found = [record.profile] if record.profile else []
        if record.manifest is not None:
            try:
                found += self._needed(record.manifest, set())
            except (NotFound, Unavailable) as error:
                raise _unreadable([record], error) from error
        return found

    def references(self) -> list[ReferenceHandle]:
        """The versions in the lists whose content stays where it is."""
        found = [self._handle(each) for each in self.live_versions() if each.reference is not None]
        return cast("list[ReferenceHandle]", found)

    def touched(self, damaged: set[str]) -> list[VersionRecord]:
        """The versions in the lists that need any of these, in the order of names and numbers."""
        known: dict[str, bool] = {}

        def is_touched(manifest: str) -> bool:
            if manifest not in known:
                known[manifest] = True
                with suppress(NotFound, Unavailable):  # else it is damaged itself
                    known[manifest] = not damaged.isdisjoint(self._needed(manifest, set()))
            return known[manifest]

        return [
            each
            for each in self.live_versions()
            if each.manifest is not None and (each.profile in damaged or is_touched(each.manifest))
        ]

    def to_forget(self, id: str, *, all: bool = False) -> list[VersionRecord]:
        """The versions that somebody wants erased, deleted ones included.

        Raises
        ------
        NotFound
            With the nearest names.
        Invalid
            A bare name of several versions: the latest, or all of them, may be meant.
        """
        asked = parsed(id)
        found = self._repository().ever(asked.name, None if all else asked.version)
        if found and (all or asked.version is not None):
            return found
        return [self._only(id)]

    def _only(self, id: str) -> VersionRecord:
        """The version to be taken away; of several of a name it has to be said which."""
        repository = self._repository()
        record = repository.resolve(id)
        if record.dataset == id and len(repository.versions(id, limit=2, fields=False)) > 1:
            raise Invalid(
                f"{id!r} has several versions, and this can't be undone",
                hint=f"name one, such as {id}@v{record.version}, or say --all (all=True)",
                details={"field": "id"},
            )
        return record

    def forget_versions(self, records: Sequence[VersionRecord]) -> None:
        """Refer to their content no more; they stay in the lists as erased."""
        import shutil

        from nbproof.datasets.repository import DriftReportRepository

        reports = DriftReportRepository(self._repository().database).ids_about([each.id for each in records])
        self._repository().delete(records, now_us=self._clock.now_us(), forget=True)
        if self._lineage is not None:
            for report in reports:  # it told of the content, and is gone with it
                self._lineage().forget(Node("drift_report", report))
        for each in records:
            shutil.rmtree(self._cache / each.digest, ignore_errors=True)

    def forget_encoded(self, deleted_before_us: int) -> None:
        """Forget which stretches of columns were encoded before, where nothing refers to them any more."""
        self._repository().forget_slabs(set(self.locations(deleted_before_us)))

    # -- inside ----------------------------------------------------------------------------------------

    def _tell(self, *records: VersionRecord) -> None:
        if self._changes is not None:
            self._changes.publish(
                Changed("dataset", tuple(dict.fromkeys(each.dataset_id for each in records)))
            )

    def _rules(self, name: str, contract: Mapping[str, Any] | None) -> Contract | None:
        from nbproof.datasets.contracts import read

        written = contract if contract is not None else self._repository().contract(name)
        return None if written is None else read(written)

    def _taken(
        self,
        intake: Intake,
        source: Any,
        path: Path | None,
        name: str,
        latest: VersionRecord | None,
        watch: KeyWatch | None = None,
    ) -> Taken:
        from nbproof.datasets.taking import (
            everything_at,
            look_at_rows,
            look_at_start,
            refuse_changed,
            rows_at,
            take_file,
            take_folder,
            take_table,
        )

        if path is not None:
            before = None if watch is None else everything_at(path)
            with Progress(f"registering {name}", size_of(path)) as progress:
                if path.is_dir():
                    taken = take_folder(intake, path, on_bytes=progress)
                else:
                    before_that = self._manifest_of(latest, "file")
                    like = None if before_that is None else before_that.get("file")
                    taken = take_file(intake, path, like=like, on_bytes=progress)
            if before is None:
                taken.note = look_at_start(path)
            else:
                look_at_rows(taken, rows_at(path), path.name, watch)
                if changed := everything_at(path).items() ^ before.items():
                    raise refuse_changed(sorted({str(each.relative_to(path.parent)) for each, _ in changed}))
            return taken
        table = self._incoming(source)
        profiles_before = None
        manifest = self._manifest_of(latest, "table")
        if latest is not None and manifest is not None:
            profiles_before = partial(self._kept_profiles, latest)
        if watch is not None and watch.key:
            table = replace(table, batches=watch.watched(table.batches))
        with Progress(f"registering {name}", table.rows, unit="rows") as progress:
            return take_table(
                intake,
                table,
                self._repository(),
                self._content().read,
                before=manifest,
                profiles_before=profiles_before,
                on_rows=progress,
            )

    def _manifest_of(self, latest: VersionRecord | None, kind: str) -> dict[str, Any] | None:
        """Of the version before, if it is of the kind: it spares work, and is done without where damaged."""
        if latest is None or latest.kind != kind or latest.manifest is None:
            return None
        with suppress(PlatformError):
            found: dict[str, Any] = json.loads(self._content().read(latest.manifest))
            return found
        return None

    def _incoming(self, source: Any) -> Incoming:
        from nbproof.datasets.frames import incoming

        table = incoming(source)
        if table is None:
            raise Invalid(
                f"{_kind_of(source)} can't be a dataset",
                hint="give a frame of pandas or polars, an Arrow table, a numpy array, a relation, or a path",
                details={"field": "source"},
            )
        return table

    def _kept(self, intake: Intake, taken: Taken, name: str, new: NewVersion) -> VersionRecord:
        manifest = intake.put(taken.manifest, packing=True)
        profile = None
        if taken.profiles is not None:
            told = json.dumps(taken.profiles(), separators=(",", ":"))
            profile = intake.put(told.encode(), packing=True).location
        intake.sync()
        repository = self._repository()
        with repository.database.begin(durable=True) as connection:
            intake.enter(connection)
            repository.add_slabs(connection, taken.slabs)
            return repository.add(
                connection,
                name,
                replace(new, manifest=manifest.location, profile=profile, new_bytes=intake.new_bytes),
                now_us=self._clock.now_us(),
            )

    def _live_run(self) -> str | None:
        return None if self._run_id is None else self._run_id()

    def _drawn(self, edges: list[Edge]) -> None:
        """Keep edges; where that fails the version is registered, or read, all the same."""
        if self._lineage is None or not edges:
            return
        try:
            self._lineage().add_edges(edges)
        except PlatformError as error:
            warnings.warn(f"nbproof: the lineage could not be kept: {error}", stacklevel=users_stacklevel())

    def _opened(self, id: str) -> DatasetHandle:
        return self._handle(self._repository().resolve(id))

    def _handle(self, record: VersionRecord) -> DatasetHandle:
        from nbproof.datasets.handle import DatasetHandle

        if record.manifest is None:
            raise NotFound(f"the content of {record.dataset}@v{record.version} was erased")
        manifest = json.loads(self._content().read(record.manifest))
        kind = DatasetHandle
        if record.reference is not None:
            from nbproof.datasets.references import ReferenceHandle

            kind = ReferenceHandle
        handle: DatasetHandle = kind(
            self._view(record), manifest, self._content(), lambda: self._profiles(record, handle), self._cache
        )
        if record.reference is not None:
            cast("ReferenceHandle", handle).remember = partial(self._remember, record)
        return handle

    def _remember(self, record: VersionRecord, mark: str) -> None:
        """Note by what a reference is known again, where nobody has moved it meanwhile."""
        with suppress(PlatformError):  # a workspace that can only be read: then it is read again
            now = self._repository().resolve(f"{record.dataset}@v{record.version}")
            if now.reference == record.reference:
                self._repository().set_reference(record, {**(record.reference or {}), "mark": mark})

    def _noting(self, version: DatasetVersion) -> Callable[[], None]:
        """Notes once for each run that is live when a version is read."""
        noted: set[str] = set()

        def note() -> None:
            run_id = self._live_run()
            if run_id is not None and run_id not in noted:
                noted.add(run_id)
                self._drawn(edges_of_reading(version, run_id))

        return note

    def _kept_profiles(self, record: VersionRecord) -> list[dict[str, Any]]:
        assert record.profile is not None
        found: list[dict[str, Any]] = json.loads(self._content().read(record.profile))
        return found

    def _profiles(self, record: VersionRecord, handle: DatasetHandle) -> list[ColumnProfile]:
        from nbproof.stats.profile import ColumnProfile

        if record.profile is not None:
            return [ColumnProfile.from_json(each) for each in self._kept_profiles(record)]
        # Of files: made when it is first asked for.
        from nbproof.datasets.rows import profiles_of

        return profiles_of(*handle.batches())[1]

    def _needed(self, manifest: str, seen: set[str], *, copied: bool = True) -> Iterator[str]:
        # The folders of a reference may be those of a version whose files were copied: they are apart.
        key = manifest if copied else f"reference {manifest}"
        if key in seen:
            return
        seen.add(key)
        yield manifest
        told = json.loads(self._content().read(manifest))
        copied = copied and not told.get("reference")
        if told["kind"] == "table":
            for column in told["columns"]:
                yield from column["files"]
        elif told["kind"] == "file" and copied:
            yield told["file"]
        elif told["kind"] == "folder":
            yield from self._needed(told["root"], seen, copied=copied)
        elif told["kind"] == "directory":
            if copied:
                for _, _, place in told["files"]:
                    yield place
            for _, place in told["folders"]:
                yield from self._needed(place, seen, copied=copied)

    def _view(self, record: VersionRecord, *, unchanged: bool = False) -> DatasetVersion:
        return DatasetVersion(
            id=record.id,
            dataset=record.dataset,
            version=record.version,
            kind=record.kind,
            digest=record.digest,
            rows=record.rows,
            columns=record.columns,
            files=record.files,
            size_bytes=record.size_bytes,
            new_bytes=record.new_bytes,
            fields=[DatasetField(**each) for each in record.fields or ()],
            description=record.description,
            tags=record.tags or {},
            aliases=list(record.aliases),
            source=record.source,
            reference=record.reference,
            breaches=record.breaches or [],
            run_id=record.run_id,
            created_at=datetime_of(record.created_us),
            unchanged=unchanged,
            forgotten=record.forgotten_us is not None,
        )


def _breaches(name: str, rules: Contract, taken: Taken, watch: KeyWatch) -> list[str]:
    """How what was taken in breaks its contract; refused where that says so."""
    from nbproof.datasets.contracts import breaches_of
    from nbproof.stats.profile import ColumnProfile

    if taken.profiles is None:
        found = [
            f"{taken.no_table or f'a {taken.kind} is no table'}, so that its contract could not be checked"
        ]
    else:
        profiles = taken.profiles()
        taken.profiles = lambda: profiles
        found = breaches_of(
            rules, [ColumnProfile.from_json(each) for each in profiles], taken.rows or 0, watch.repeated
        )
    if found and rules.on_breach == "refuse":
        raise Invalid(
            f"{name} breaks its contract: {'; '.join(found)}",
            hint="nothing was registered: mend the data, or change the contract by set_contract",
            details={"field": "source", "breaches": found},
        )
    return found


def warn_of(breaches: Sequence[str], name: str, notes: Sequence[str] = ()) -> None:
    """Warn of how a version breaks its contract, and of what else has to be known of it."""
    for each in (*notes, *(f"{name} breaks its contract: {breach}" for breach in breaches)):
        warnings.warn(f"nbproof: {each}", stacklevel=users_stacklevel())


def _unreadable(versions: Sequence[VersionRecord], error: PlatformError) -> Unavailable:
    names = [f"{each.dataset}@v{each.version}" for each in versions]
    return Unavailable(
        f"what {', '.join(names)} consists of can't be read: {error.message}",
        hint="register the same content again, or delete the version",
        details={"versions": names},
    )


def path_of(source: Any) -> Path | None:
    """The path that somebody gave, made absolute; None for what is none."""
    if not isinstance(source, (str, os.PathLike)):
        return None
    try:
        path = Path(os.path.abspath(Path(source).expanduser()))
        if path.exists():
            _check_not_own(path)
            return path
        if broken := broken_link(path):
            raise NotFound(
                f"{str(path)!r} {broken}",
                hint="give the path of a file or folder that is there",
                details={"field": "source"},
            )
        if "://" in str(source):
            raise Invalid(
                "an address is registered by reference only, and nothing is copied from it",
                hint="say reference=True (--reference), or download it and register the file",
                details={"field": "source"},
            )
        near = near_names(path.name, os.listdir(path.parent)) if path.parent.is_dir() else []
    except (OSError, RuntimeError) as error:  # too long, not to be looked into, nobody's home
        raise Invalid(
            f"{str(source)[:80]!r} can't be looked at: {error}",
            hint="give the path of a file or folder, or a frame",
            details={"field": "source"},
        ) from error
    raise NotFound(
        f"there is nothing at {str(path)!r}",
        hint=f"did you mean {near[0]!r}?" if near else "give the path of a file or folder, or a frame",
        details={"field": "source", "near": near},
    )


def _check_not_own(path: Path) -> None:
    """Refuse what a workspace writes to: nobody can keep that while it is being kept."""
    parts = path.resolve().parts
    if ".nbproof" not in parts:
        return
    inside = parts[len(parts) - parts[::-1].index(".nbproof") :]
    if not inside or (inside[0] in _OWN and inside[:2] != ("content", "copies")):
        raise Invalid(
            f"{str(path)!r} is where a workspace keeps its records and content, which can't be a dataset",
            hint="`nbproof backup` makes a copy of a workspace; a folder is kept without the .nbproof in it",
            details={"field": "source"},
        )


def _kind_of(source: Any) -> str:
    kind = type(source)
    if source is None:
        return "None"
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"an {name}" if name[0] in "aeio" else f"a {name}"


def own_name(path: Path | None) -> str:
    """What a dataset is called that was given no name."""
    if path is None:
        raise Invalid(
            "a table needs a name", hint='register_dataset(frame, "sales")', details={"field": "name"}
        )
    return path.name.partition(".")[0] or path.name


def size_of(path: Path) -> int | None:
    """Of a file, where it is known."""
    try:
        return None if path.is_dir() else path.stat().st_size
    except OSError:
        return None


def _dataset(found: Mapping[str, Any]) -> Dataset:
    values = dict(found)
    created, updated = values.pop("created_us"), values.pop("updated_us")
    return Dataset(
        **{key: value for key, value in values.items() if value is not None},
        created_at=datetime_of(created),
        updated_at=None if updated is None else datetime_of(updated),
    )

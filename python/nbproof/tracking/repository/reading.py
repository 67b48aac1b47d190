"""Reading the records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from nbproof.core.clock import Clock, SystemClock
from nbproof.core.errors import Conflict, Invalid, NotFound, hint_of, near_names
from nbproof.core.ids import short
from nbproof.core.operation import Page
from nbproof.storage.database import Database
from nbproof.tracking import query as language
from nbproof.tracking.domain import RunBrief, less_is_better
from nbproof.tracking.histories import Axis, lines_of
from nbproof.tracking.models import (
    Artifact,
    ArtifactPreview,
    Completions,
    Environment,
    Experiment,
    Leaderboard,
    Metric,
    MetricHistory,
    MetricLines,
    MetricPoint,
    Run,
    SavedSearch,
)
from nbproof.tracking.point_stream import PackedMetric
from nbproof.tracking.points import Points, Window
from nbproof.tracking.previews import preview_of
from nbproof.tracking.repository.artifacts import ArtifactRecords, KeptArtifact
from nbproof.tracking.repository.belongings import raw_rows
from nbproof.tracking.repository.completion import completions, near_fields
from nbproof.tracking.repository.cursors import opened, sealed
from nbproof.tracking.repository.datasets import DatasetVersions, uses_of
from nbproof.tracking.repository.family import children_of, param_values, params_in_time
from nbproof.tracking.repository.histories import Histories, Line
from nbproof.tracking.repository.leaderboard import Asked, leaderboard
from nbproof.tracking.repository.saved import saved_searches
from nbproof.tracking.repository.search import Search, rank_special, search_of
from nbproof.tracking.repository.stored import ENVIRONMENTS, EXPERIMENTS, METRICS, NAN, RUNS, clean, portions
from nbproof.tracking.repository.trash import TrashRepository
from nbproof.tracking.repository.views import (
    UNKNOWN,
    environment_of,
    experiment_of,
    instant,
    measured,
    metric_of,
    runs_frame_of,
    runs_of_ids,
    select_experiments,
)
from nbproof.tracking.trash_models import Children, ParamHistory

if TYPE_CHECKING:
    import numpy as np
    import pandas
    from numpy.typing import NDArray
    from sqlalchemy.engine import Connection

__all__ = ["RunRepository"]


def _parsed(connection: Connection, query: str, saved: Mapping[str, str]) -> language.Query:
    """Read a search; of a bare name that is no field it is told how the one meant here is written."""
    try:
        return language.parse(clean(query), saved)
    except Invalid as error:
        near = near_fields(connection, error.details["unknown"]) if "unknown" in error.details else []
        if not near:
            raise
        hint = f"did you mean {' or '.join(near)}?"
        raise Invalid(error.message, hint=hint, details={**error.details, "near": near}) from None


def _thrown_away(deleted_us: sa.ColumnElement[int | None], wanted: bool) -> sa.ColumnElement[bool]:
    return deleted_us.is_not(None) if wanted else deleted_us.is_(None)


@lru_cache(maxsize=1)
def _brief() -> sa.Select[Any]:
    r = RUNS.c
    return (
        sa.select(r.id, r.name, EXPERIMENTS.c.name, r.status, r.parent_id, r.deleted_us)
        .outerjoin_from(RUNS, EXPERIMENTS, EXPERIMENTS.c.id == r.experiment_id)
        .where(r.id == sa.bindparam("run"))
    )


def _no_run(identifier: str) -> NotFound:
    return NotFound(
        f"no run {identifier!r}", hint="find runs with: nbproof runs search", details={"near": []}
    )


_MOST_CANDIDATES = 20


class RunRepository:
    """Experiments, runs and what belongs to them, as recorded.

    Laws: safe from any thread; every answer is of one moment on SQLite; nothing here writes, except
    `create_experiment`.

    Parameters
    ----------
    database : Database
    clock : Clock, optional
        For searches that say how long ago.
    journal : Path, optional
        The folder of journals: points that are there and in no table yet are read, too.
    datasets : callable, optional
        Gives who knows which versions a search means that names datasets.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock | None = None,
        journal: Path | None = None,
        datasets: Callable[[], DatasetVersions] | None = None,
    ) -> None:
        self._database = database
        self._datasets = datasets
        self._histories = Histories(database, journal)
        self._clock: Clock = clock or SystemClock()

    # -- experiments -----------------------------------------------------------------------------

    def create_experiment(
        self,
        identifier: str,
        name: str,
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        created_us: int,
    ) -> Experiment:
        """Keep a new experiment.

        Raises
        ------
        Conflict
            There is one of that name; its id is in the details.
        """
        row = {
            "id": identifier,
            "name": clean(name),
            "description": clean(description),
            "tags": dict(tags or {}),
            "created_us": created_us,
        }
        try:
            with self._database.begin() as connection:
                connection.execute(sa.insert(EXPERIMENTS), row)
        except IntegrityError as error:
            there = self.get_experiment(name)
            if there.deleted is not None:
                raise Conflict(
                    f"there is an experiment {name!r} in the trash",
                    hint=f"bring it back: nbproof experiments restore {name!r}, or choose another name",
                    details={"id": there.id, "name": there.name},
                ) from error
            raise Conflict(
                f"there is an experiment {name!r} already",
                hint="start runs in it, or choose another name",
                details={"id": there.id, "name": there.name},
            ) from error
        return experiment_of({**row, "run_count": 0, "active_us": None, "deleted_us": None})

    def get_experiment(self, reference: str) -> Experiment:
        """An experiment by id or name; raises `NotFound` with near names."""
        wanted = clean(reference)
        with self._database.connect() as connection:
            found = connection.execute(
                select_experiments().where(sa.or_(EXPERIMENTS.c.id == wanted, EXPERIMENTS.c.name == wanted))
            ).mappings()
            rows = sorted(found, key=lambda row: row["id"] != wanted)
            if rows:
                return experiment_of(rows[0])
            names = connection.execute(
                sa.select(EXPERIMENTS.c.name).order_by(EXPERIMENTS.c.id.desc()).limit(2000)
            ).scalars()
            near = near_names(reference, names)
        raise NotFound(
            f"no experiment {reference!r}",
            hint=f"did you mean {near[0]!r}?" if near else "list them with: nbproof experiments list",
            details={"near": near},
        )

    def list_experiments(
        self, *, limit: int = 100, after: str | None = None, deleted: bool = False
    ) -> Page[Experiment]:
        """Experiments, the one with the newest activity first; those in the trash if asked."""
        listed = select_experiments().where(_thrown_away(EXPERIMENTS.c.deleted_us, deleted)).subquery()
        active = sa.func.coalesce(listed.c.active_us, listed.c.created_us)
        statement = sa.select(listed).order_by(active.desc(), listed.c.id.desc()).limit(limit + 1)
        if after is not None:
            last_active, last_id = opened(after, int, str)
            statement = statement.where(
                sa.or_(active < last_active, sa.and_(active == last_active, listed.c.id < last_id))
            )
        with self._database.connect() as connection:
            rows = connection.execute(statement).mappings().all()
        last = rows[limit - 1] if len(rows) > limit else None
        return Page[Experiment](
            items=[experiment_of(row) for row in rows[:limit]],
            next=sealed([last["active_us"] or last["created_us"], last["id"]]) if last else None,
        )

    # -- runs ------------------------------------------------------------------------------------

    def resolve_run(self, reference: str) -> str:
        """The id of the run that is meant.

        Parameters
        ----------
        reference : str
            Its id, name, last 6 digits, the first 6 digits or more, ``@last``, ``@last~2`` (the second
            before the last), ``@best:METRIC`` (the greatest value logged last, of losses and errors the
            least; of equals the newest).

        Raises
        ------
        NotFound
            ``details["near"]`` lists names that are close.
        Conflict
            Several runs are meant; ``details["candidates"]`` lists them, newest first.
        Invalid
            An ``@`` word that is not known.
        """
        wanted = clean(reference)
        if wanted.startswith("@"):
            return self._resolve_word(wanted)
        with self._database.connect() as connection:
            ids = sa.select(RUNS.c.id)
            if connection.execute(ids.where(RUNS.c.id == wanted)).scalar() is not None:
                return wanted
            meant = [RUNS.c.name == wanted]
            digits = wanted.lower()
            if set(digits) <= set("0123456789abcdef"):
                if len(digits) == 6:
                    meant.append(RUNS.c.ending == digits)
                if 6 <= len(digits) < 32:
                    meant.append(RUNS.c.id.between(digits.ljust(32, "0"), digits.ljust(32, "f")))
            # One query per index: SQLite looks through the whole table for an OR across columns.
            found = sa.union(*(ids.where(condition) for condition in meant)).subquery()
            rows = connection.execute(
                sa.select(
                    RUNS.c.id,
                    RUNS.c.name,
                    RUNS.c.status,
                    RUNS.c.started_us,
                    RUNS.c.deleted_us,
                    EXPERIMENTS.c.name.label("experiment"),
                )
                .join_from(RUNS, EXPERIMENTS, RUNS.c.experiment_id == EXPERIMENTS.c.id, isouter=True)
                .where(RUNS.c.id.in_(sa.select(found.c.id)))
                .order_by(RUNS.c.deleted_us.is_not(None), RUNS.c.started_us.desc(), RUNS.c.id.desc())
                .limit(_MOST_CANDIDATES + 1)
            ).all()
            # What was thrown away keeps its name, as long as nothing else has it.
            rows = [row for row in rows if row.deleted_us is None] or rows
            if len(rows) == 1:
                return str(rows[0].id)
            if not rows:
                names = connection.execute(
                    sa.select(RUNS.c.name).order_by(RUNS.c.started_us.desc()).limit(2000)
                ).scalars()
                near = near_names(reference, dict.fromkeys(names))
                raise NotFound(
                    f"no run {reference!r}",
                    hint=f"did you mean {near[0]!r}?" if near else "find runs with: nbproof runs search",
                    details={"near": near},
                )
        candidates = [
            {
                "id": row.id,
                "name": row.name,
                "experiment": row.experiment,
                "status": row.status,
                "started": instant(row.started_us).isoformat(),
            }
            for row in rows[:_MOST_CANDIDATES]
        ]
        several = f"more than {_MOST_CANDIDATES}" if len(rows) > _MOST_CANDIDATES else str(len(rows))
        raise Conflict(
            f"{several} runs are called {reference!r}",
            hint="use the last 6 digits of one: "
            + ", ".join(f"{short(row.id)} ({row.experiment or UNKNOWN})" for row in rows[:5]),
            details={"candidates": candidates},
        )

    def _resolve_word(self, wanted: str) -> str:
        word, _, rest = wanted.partition(":")
        newest = [RUNS.c.started_us.desc(), RUNS.c.id.desc()]
        if word == "@best" and rest:
            least = less_is_better(rest)
            statement = (
                sa.select(METRICS.c.run_id)
                .join_from(METRICS, RUNS, METRICS.c.run_id == RUNS.c.id)
                .where(METRICS.c.name == rest, sa.or_(METRICS.c.special.is_(None), METRICS.c.special != NAN))
                .where(RUNS.c.deleted_us.is_(None))
                .order_by(
                    rank_special(not least),
                    METRICS.c.value.asc() if least else METRICS.c.value.desc(),
                    *newest,
                )
                .limit(1)
            )
            known = sa.select(METRICS.c.name).distinct().limit(2000)
            missing = f"no run has the metric {rest!r}"
        elif word == "@last" or (word.startswith("@last~") and word[6:].isascii() and word[6:].isdigit()):
            back = int(word[6:][:9] or "0")
            kept = sa.select(RUNS.c.id).where(RUNS.c.deleted_us.is_(None))
            statement = kept.order_by(*newest).offset(back).limit(1)
            known = None
            missing = "there are no runs yet" if back == 0 else f"there is no run {back} before the last"
        else:
            raise Invalid(
                f"{wanted!r} names no run",
                hint="known are @last, @last~1 and @best:METRIC",
                details={"field": "id"},
            )
        with self._database.connect() as connection:
            found = connection.execute(statement).scalar()
            if found is not None:
                return str(found)
            near = [] if known is None else near_names(rest, connection.execute(known).scalars())
        raise NotFound(
            missing, hint=f"did you mean @best:{near[0]}?" if near else None, details={"near": near}
        )

    def get_run(self, identifier: str) -> Run:
        """The run of an id; raises `NotFound`."""
        with self._database.connect() as connection:
            if found := runs_of_ids(connection, [identifier], whole=True):
                if self._datasets is not None:
                    uses = uses_of(connection, self._datasets(), identifier)
                    return found[0].model_copy(update={"datasets": uses})
                return found[0]
        raise _no_run(identifier)

    def brief_of(self, identifier: str) -> RunBrief:
        """What a writer must know of a run, without all that belongs to it; raises `NotFound`."""
        with self._database.connect() as connection:
            row = connection.execute(_brief(), {"run": identifier}).one_or_none()
        if row is None:
            raise _no_run(identifier)
        run_id, name, experiment, status, parent_id, deleted_us = row
        deleted = None if deleted_us is None else instant(deleted_us)
        return RunBrief(run_id, name, experiment or UNKNOWN, status, parent_id, deleted)

    def list_runs(
        self,
        experiment_id: str | None = None,
        *,
        limit: int = 100,
        after: str | None = None,
        deleted: bool = False,
    ) -> Page[Run]:
        """Runs of an experiment, or of all, newest first; those in the trash if asked."""
        statement = sa.select(RUNS.c.started_us, RUNS.c.id).where(_thrown_away(RUNS.c.deleted_us, deleted))
        if experiment_id is not None:
            statement = statement.where(RUNS.c.experiment_id == experiment_id)
        if after is not None:
            started, last_id = opened(after, int, str)
            # As a comparison of rows the index is entered at the right place.
            statement = statement.where(sa.tuple_(RUNS.c.started_us, RUNS.c.id) < (started, last_id))
        statement = statement.order_by(RUNS.c.started_us.desc(), RUNS.c.id.desc()).limit(limit + 1)
        with self._database.connect() as connection:
            rows = list(raw_rows(connection, statement))
            return Page[Run].model_construct(
                items=runs_of_ids(connection, [run_id for _, run_id in rows[:limit]]),
                next=sealed(list(rows[limit - 1])) if len(rows) > limit else None,
            )

    def search(
        self, query: str = "", *, experiment: str | None = None, limit: int = 100, after: str | None = None
    ) -> Page[Run]:
        """Runs that a search finds; the language is described in `nbproof.tracking.query`.

        Parameters
        ----------
        query : str
        experiment : str, optional
            An experiment's id.
        limit : int
        after : str, optional
            The `next` of the page before, with the same query.

        Raises
        ------
        Invalid
            A query that cannot be read: column and what was expected are named.
        """
        with self._database.connect() as connection:
            found = self._search(connection, query, experiment)
            ids, following = found.page(connection, limit, after, self._clock.now_us(), self._versions(query))
            return Page[Run].model_construct(items=runs_of_ids(connection, ids), next=following)

    def search_frame(self, query: str, *, experiment: str | None, limit: int) -> pandas.DataFrame:
        """What `search` finds, as the frame that users get, made without a `Run` for each."""
        with self._database.moment() as connection:
            found = self._search(connection, query, experiment)
            ids, _ = found.page(connection, limit, None, self._clock.now_us(), self._versions(query))
            return runs_frame_of(connection, ids)

    def complete_search(self, query: str, cursor: int | None, *, limit: int) -> Completions:
        """What may be written at a place in a search."""
        with self._database.connect() as connection:
            at = len(query) if cursor is None else cursor
            return completions(connection, query, at, limit, self._versions(query))

    def leaderboard(
        self,
        metric: str,
        *,
        query: str,
        experiment: str | None,
        group_by: Sequence[str],
        over: Sequence[str],
        value: str,
        top: int,
    ) -> Leaderboard:
        """Groups of runs by the mean of a metric; raises `Invalid` and `NotFound`."""
        asked = Asked(metric, value, group_by, over, top)
        with self._database.connect() as connection:
            search = self._search(connection, query, experiment)
            return leaderboard(connection, search, asked, self._clock.now_us(), self._versions(query))

    def list_searches(self) -> Page[SavedSearch]:
        """Saved searches, by name."""
        with self._database.connect() as connection:
            return Page[SavedSearch](items=saved_searches(connection))

    def check_search(self, query: str, name: str) -> None:
        """Raise `Invalid` for a search that could not be used under a name."""
        with self._database.connect() as connection:
            saved = {each.name: each.query for each in saved_searches(connection)} if "@" in query else {}
            _parsed(connection, query, {**saved, name: query})

    def _versions(self, query: str) -> DatasetVersions | None:
        # A saved search may name datasets, too.
        named = self._datasets is not None and ("dataset" in query.lower() or "@" in query)
        return self._datasets() if named and self._datasets is not None else None

    def _search(self, connection: Connection, query: str, experiment: str | None) -> Search:
        saved = {each.name: each.query for each in saved_searches(connection)} if "@" in query else {}
        return search_of(_parsed(connection, query, saved), self._database.dialect, experiment)

    def active_since(self, time_us: int, *, limit: int = 1000) -> list[tuple[str, int]]:
        """Ids of runs whose newest record is younger, with its time; newest first."""
        statement = (
            sa.select(RUNS.c.id, RUNS.c.active_us)
            # By experiment, as an index has them: a server asks this whenever somebody wrote.
            .where(RUNS.c.active_us > time_us, RUNS.c.experiment_id.in_(sa.select(EXPERIMENTS.c.id)))
            .order_by(RUNS.c.active_us.desc())
            .limit(limit)
        )
        with self._database.connect() as connection:
            return [(str(run), int(when)) for run, when in connection.execute(statement)]

    # -- what belongs to runs ----------------------------------------------------------------------

    @property
    def trash(self) -> TrashRepository:
        """What the rules of the trash ask."""
        return TrashRepository(self._database)

    def children_of(self, identifier: str, metrics: Sequence[str] = (), *, deep: bool = False) -> Children:
        """How many runs are nested in a run, and metrics over them: the children, or all below."""
        with self._database.connect() as connection:
            return children_of(connection, identifier, metrics, deep)

    def param_history(self, identifier: str, key: str) -> ParamHistory:
        """Every value of a param in the order of time; raises `NotFound`."""
        with self._database.connect() as connection:
            return param_values(connection, identifier, key)

    def params_in_time(self, run_id: str) -> dict[str, list[tuple[int, Any]]]:
        """Every value that each param of a run had; see `family.params_in_time`."""
        with self._database.connect() as connection:
            return params_in_time(connection, run_id)

    def cancelled_of(self, writer_id: str) -> list[str]:
        """The live runs in the hands of a process that somebody asked to stop."""
        asked = sa.and_(
            RUNS.c.writer_id == writer_id, RUNS.c.status == "running", RUNS.c.cancel_us.is_not(None)
        )
        with self._database.connect() as connection:
            return list(connection.execute(sa.select(RUNS.c.id).where(asked).order_by(RUNS.c.id)).scalars())

    # -- artifacts -------------------------------------------------------------------------------

    def get_artifact(self, identifier: str, reference: str) -> Artifact:
        """An artifact by name or ``name@v2``; raises `NotFound` with near names."""
        return ArtifactRecords(self._database).get(identifier, reference)

    def list_artifacts(self, identifier: str, **which: Any) -> Page[Artifact]:
        """A page of a run's artifacts; see `ArtifactRecords.page`."""
        return ArtifactRecords(self._database).page(identifier, **which)

    def preview_artifact(
        self, identifier: str, reference: str, read: Callable[[str], BinaryIO]
    ) -> ArtifactPreview:
        """A small look at an artifact; see `nbproof.tracking.previews`."""
        records = ArtifactRecords(self._database)
        artifact = records.get(identifier, reference)
        told, versions = records.told(identifier, artifact)
        return preview_of(artifact, told, lambda: read(artifact.location), versions)

    def artifacts_kept(self, locations: Iterable[str] | None = None) -> list[KeptArtifact]:
        """Artifacts of all runs by their content; see `ArtifactRecords.kept`."""
        return ArtifactRecords(self._database).kept(locations)

    def artifacts_of(self, run_id: str) -> list[tuple[Artifact, Any, bool]]:
        """Every version of a run's artifacts; see `ArtifactRecords.all_of`."""
        return ArtifactRecords(self._database).all_of(run_id)

    def environment_of_run(self, identifier: str) -> Environment | None:
        """The environment a run was started in; None where it was not recorded."""
        with self._database.connect() as connection:
            row = connection.execute(
                sa.select(ENVIRONMENTS)
                .join_from(RUNS, ENVIRONMENTS, RUNS.c.environment == ENVIRONMENTS.c.hash)
                .where(RUNS.c.id == identifier)
            ).mappings().first()  # fmt: skip
        return None if row is None else environment_of(row)

    # -- metrics ---------------------------------------------------------------------------------

    def metrics_of(self, identifier: str) -> list[Metric]:
        """The state of every metric of a run, by name."""
        with self._database.connect() as connection:
            of_run = sa.select(*measured(METRICS)).where(METRICS.c.run_id == identifier)
            return [metric_of(*row) for row in raw_rows(connection, of_run.order_by(METRICS.c.name))]

    def last_steps(self, identifier: str, names: Sequence[str] | None = None) -> dict[str, int]:
        """The step logged last of metrics of a run, of all by default; what it does not have is left out."""
        m = METRICS.c
        statement = sa.select(m.name, m.step).where(m.run_id == identifier)
        with self._database.connect() as connection:
            if names is None:
                return dict(raw_rows(connection, statement))
            wanted = {clean(name): name for name in names}
            return {
                wanted[name]: step
                for some in portions(list(wanted))
                for name, step in connection.execute(statement.where(m.name.in_(some)))
            }

    def metric_history(
        self,
        identifier: str,
        name: str,
        *,
        max_points: int | None = None,
        limit: int = 100_000,
        after: str | None = None,
    ) -> MetricHistory:
        """Points of one metric in the order logged.

        Parameters
        ----------
        identifier, name : str
            A run's id and a metric of it.
        max_points : int, optional
            Thin to at most so many, keeping the least and greatest of each stretch; the answer is then one
            page.
        limit : int
            Points in a page, where they are not thinned.
        after : str, optional
            The `next` of the page before.

        Raises
        ------
        NotFound
            The run has no such metric.
        """
        start = 0 if after is None or max_points is not None else int(opened(after, int)[0])
        end = None if max_points is not None else start + limit
        line = self._line(identifier, name, most=max_points, start=start, end=end)
        points = line.points
        items = [
            MetricPoint.model_construct(step=step, time=instant(time), value=value)
            for step, time, value in zip(
                points.steps.tolist(), points.times.tolist(), points.values.tolist(), strict=True
            )
        ]
        following = end if end is not None and end < line.count else None
        return MetricHistory.model_construct(
            name=name, count=line.count, items=items, next=None if following is None else sealed([following])
        )

    def metric_columns(
        self, identifier: str, name: str
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Every point of one metric as columns: steps, times in µs, values; raises `NotFound`."""
        steps, times, values = self._line(identifier, name).points
        return steps, times, values

    def packed_metrics(self, identifier: str, names: Sequence[str] | None = None) -> list[PackedMetric]:
        """Metrics of a run as they are kept; see `Histories.packed`.

        Raises
        ------
        NotFound
            Metrics are named, and the run has none of them.
        """
        found = self._histories.packed(identifier, names)
        if names and not found:
            raise self._no_metric(identifier, names)
        return found

    def columns_of(self, identifier: str, names: Sequence[str] | None = None) -> dict[str, Points]:
        """Every point of several metrics of a run by name, of all by default; see `packed_metrics`."""
        return {each.name: each.points() for each in self.packed_metrics(identifier, names)}

    def metric_lines(
        self,
        runs: Sequence[str],
        names: Sequence[str],
        *,
        max_points: int,
        axis: Axis = "step",
        low: float | None = None,
        high: float | None = None,
    ) -> MetricLines:
        """Metrics of runs, thinned, for one chart; a metric that a run does not have is left out."""
        window = None if low is None and high is None else Window(axis, low, high)
        found = self._histories.lines(runs, names, most=max_points, window=window)
        known: dict[str, tuple[str, int]] = {}
        with self._database.connect() as connection:
            for some in portions(list(dict.fromkeys(run for run, _ in found))):
                rows = sa.select(RUNS.c.id, RUNS.c.name, RUNS.c.started_us).where(RUNS.c.id.in_(some))
                known |= {run: (name, started) for run, name, started in connection.execute(rows)}
        return lines_of(found, known, axis)

    def waiting_run(self, reference: str) -> str | None:
        """The id of a run that began in a journal and is in no table yet."""
        return self._histories.waiting_run(reference)

    def _line(self, identifier: str, name: str, **which: Any) -> Line:
        found = self._histories.lines([identifier], [name], **which).get((identifier, clean(name)))
        if found is None:
            raise self._no_metric(identifier, [name])
        return found

    def _no_metric(self, identifier: str, names: Sequence[str]) -> NotFound:
        known = sorted(self._histories.names(identifier))
        near = near_names(names[0], known)
        return NotFound(
            f"the run {short(identifier)} has no metric {' or '.join(map(repr, names))}",
            hint=hint_of(near, known, "it has"),
            details={"near": near},
        )

"""The records of tracking: reading them, and bringing the journal into them.

Reading is `RunRepository`; `TrackingApplier` writes what a drain read, in the drain's transaction.  Bulk goes
through the driver's own ``executemany``: five times faster than Core, and the ORM is not used at all.
"""

from __future__ import annotations

import base64
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from nbproof.core.clock import Clock, SystemClock, datetime_of
from nbproof.core.errors import Conflict, Invalid, NotFound, PlatformError, near_names
from nbproof.core.events import Changed
from nbproof.core.ids import short
from nbproof.core.operation import Page
from nbproof.storage.database import Database
from nbproof.storage.tables import dump_json, table_of
from nbproof.tracking import query as language
from nbproof.tracking.domain import ENDINGS, less_is_better, param_text
from nbproof.tracking.models import Artifact, Experiment, GitState, Metric, MetricHistory, MetricPoint, Run
from nbproof.tracking.names import kind_name
from nbproof.tracking.points import CHUNK, RECORD, Points, pack, sparkle, thinned, unpack
from nbproof.tracking.tables import (
    ArtifactRow,
    ExperimentRow,
    MetricChunkRow,
    MetricRow,
    MetricSeriesRow,
    ParamHistoryRow,
    ParamRow,
    RunRow,
    TagRow,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy.engine import Connection, RowMapping

    from nbproof.storage.journal.reader import Batch

__all__ = ["RunRepository", "TrackingApplier"]

T = TypeVar("T")

_EXPERIMENTS = table_of(ExperimentRow)
_RUNS = table_of(RunRow)
_PARAMS = table_of(ParamRow)
_TAGS = table_of(TagRow)
_METRICS = table_of(MetricRow)
_ARTIFACTS = table_of(ArtifactRow)
_CHUNKS = table_of(MetricChunkRow)
_SERIES = table_of(MetricSeriesRow)
_PARAM_HISTORY = table_of(ParamHistoryRow)

# Codes of MetricRow.special: what a column of numbers does not hold on every database.
_NAN, _INFINITY, _MINUS_INFINITY = 1, 2, 3
_SPECIALS = {_NAN: math.nan, _INFINITY: math.inf, _MINUS_INFINITY: -math.inf}
_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

_SOME = 1000  # ids in one IN list
_MOST_CANDIDATES = 20
_UNKNOWN = "(not known yet)"


# -- reading ----------------------------------------------------------------------------------------------


class RunRepository:
    """Experiments, runs and what belongs to them, as recorded.

    Laws: safe from any thread; every answer is of one moment on SQLite; nothing here writes, except
    `create_experiment`.

    Parameters
    ----------
    database : Database
    clock : Clock, optional
        For searches that say how long ago.
    """

    def __init__(self, database: Database, *, clock: Clock | None = None) -> None:
        self._database = database
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
            "name": _clean(name),
            "description": _clean(description),
            "tags": dict(tags or {}),
            "created_us": created_us,
        }
        try:
            with self._database.begin() as connection:
                connection.execute(sa.insert(_EXPERIMENTS), row)
        except IntegrityError as error:
            there = self.get_experiment(name)
            raise Conflict(
                f"there is an experiment {name!r} already",
                hint="start runs in it, or choose another name",
                details={"id": there.id, "name": there.name},
            ) from error
        return _experiment({**row, "run_count": 0, "active_us": None})

    def get_experiment(self, reference: str) -> Experiment:
        """An experiment by id or name; raises `NotFound` with near names."""
        wanted = _clean(reference)
        with self._database.connect() as connection:
            found = connection.execute(
                _experiments().where(sa.or_(_EXPERIMENTS.c.id == wanted, _EXPERIMENTS.c.name == wanted))
            ).mappings()
            rows = sorted(found, key=lambda row: row["id"] != wanted)
            if rows:
                return _experiment(rows[0])
            names = connection.execute(
                sa.select(_EXPERIMENTS.c.name).order_by(_EXPERIMENTS.c.id.desc()).limit(2000)
            ).scalars()
            near = near_names(reference, names)
        raise NotFound(
            f"no experiment {reference!r}",
            hint=f"did you mean {near[0]!r}?" if near else "list them with: nbproof experiments list",
            details={"near": near},
        )

    def list_experiments(self, *, limit: int = 100, after: str | None = None) -> Page[Experiment]:
        """Experiments, the one with the newest activity first."""
        listed = _experiments().subquery()
        active = sa.func.coalesce(listed.c.active_us, listed.c.created_us)
        statement = sa.select(listed).order_by(active.desc(), listed.c.id.desc()).limit(limit + 1)
        if after is not None:
            last_active, last_id = _opened(after, int, str)
            statement = statement.where(
                sa.or_(active < last_active, sa.and_(active == last_active, listed.c.id < last_id))
            )
        with self._database.connect() as connection:
            rows = connection.execute(statement).mappings().all()
        last = rows[limit - 1] if len(rows) > limit else None
        return Page[Experiment](
            items=[_experiment(row) for row in rows[:limit]],
            next=_sealed([last["active_us"] or last["created_us"], last["id"]]) if last else None,
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
        wanted = _clean(reference)
        if wanted.startswith("@"):
            return self._resolve_word(wanted)
        with self._database.connect() as connection:
            ids = sa.select(_RUNS.c.id)
            if connection.execute(ids.where(_RUNS.c.id == wanted)).scalar() is not None:
                return wanted
            meant = [_RUNS.c.name == wanted]
            digits = wanted.lower()
            if set(digits) <= set("0123456789abcdef"):
                if len(digits) == 6:
                    meant.append(_RUNS.c.ending == digits)
                if 6 <= len(digits) < 32:
                    meant.append(_RUNS.c.id.between(digits.ljust(32, "0"), digits.ljust(32, "f")))
            # One query per index: SQLite looks through the whole table for an OR across columns.
            found = sa.union(*(ids.where(condition) for condition in meant)).subquery()
            rows = connection.execute(
                sa.select(
                    _RUNS.c.id,
                    _RUNS.c.name,
                    _RUNS.c.status,
                    _RUNS.c.started_us,
                    _EXPERIMENTS.c.name.label("experiment"),
                )
                .join_from(_RUNS, _EXPERIMENTS, _RUNS.c.experiment_id == _EXPERIMENTS.c.id, isouter=True)
                .where(_RUNS.c.id.in_(sa.select(found.c.id)))
                .order_by(_RUNS.c.started_us.desc(), _RUNS.c.id.desc())
                .limit(_MOST_CANDIDATES + 1)
            ).all()
            if len(rows) == 1:
                return str(rows[0].id)
            if not rows:
                names = connection.execute(
                    sa.select(_RUNS.c.name).order_by(_RUNS.c.started_us.desc()).limit(2000)
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
                "started": _instant(row.started_us).isoformat(),
            }
            for row in rows[:_MOST_CANDIDATES]
        ]
        several = f"more than {_MOST_CANDIDATES}" if len(rows) > _MOST_CANDIDATES else str(len(rows))
        raise Conflict(
            f"{several} runs are called {reference!r}",
            hint="use the last 6 digits of one: "
            + ", ".join(f"{short(row.id)} ({row.experiment or _UNKNOWN})" for row in rows[:5]),
            details={"candidates": candidates},
        )

    def _resolve_word(self, wanted: str) -> str:
        word, _, rest = wanted.partition(":")
        newest = [_RUNS.c.started_us.desc(), _RUNS.c.id.desc()]
        if word == "@best" and rest:
            least = less_is_better(rest)
            statement = (
                sa.select(_METRICS.c.run_id)
                .join_from(_METRICS, _RUNS, _METRICS.c.run_id == _RUNS.c.id)
                .where(
                    _METRICS.c.name == rest, sa.or_(_METRICS.c.special.is_(None), _METRICS.c.special != _NAN)
                )
                .order_by(
                    _rank_special(not least),
                    _METRICS.c.value.asc() if least else _METRICS.c.value.desc(),
                    *newest,
                )
                .limit(1)
            )
            known = sa.select(_METRICS.c.name).distinct().limit(2000)
            missing = f"no run has the metric {rest!r}"
        elif word == "@last" or (word.startswith("@last~") and word[6:].isascii() and word[6:].isdigit()):
            back = int(word[6:][:9] or "0")
            statement = sa.select(_RUNS.c.id).order_by(*newest).offset(back).limit(1)
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
            rows = connection.execute(_runs().where(_RUNS.c.id == identifier)).mappings().all()
            if rows:
                return _views(connection, rows)[0]
        raise NotFound(
            f"no run {identifier!r}", hint="find runs with: nbproof runs search", details={"near": []}
        )

    def list_runs(
        self, experiment_id: str | None = None, *, limit: int = 100, after: str | None = None
    ) -> Page[Run]:
        """Runs of an experiment, or of all, newest first."""
        statement = _runs()
        if experiment_id is not None:
            statement = statement.where(_RUNS.c.experiment_id == experiment_id)
        if after is not None:
            started, last_id = _opened(after, int, str)
            # As a comparison of rows the index is entered at the right place.
            statement = statement.where(sa.tuple_(_RUNS.c.started_us, _RUNS.c.id) < (started, last_id))
        statement = statement.order_by(_RUNS.c.started_us.desc(), _RUNS.c.id.desc()).limit(limit + 1)
        with self._database.connect() as connection:
            rows = connection.execute(statement).mappings().all()
            last = rows[limit - 1] if len(rows) > limit else None
            return Page[Run].model_construct(
                items=_views(connection, rows[:limit]),
                next=_sealed([last["started_us"], last["id"]]) if last else None,
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
        compiled = _Search(language.parse(query), self._clock.now_us(), self._database.dialect)
        statement = compiled.statement(experiment, after).limit(limit + 1)
        with self._database.connect() as connection:
            rows = connection.execute(statement).mappings().all()
            last = rows[limit - 1] if len(rows) > limit else None
            return Page[Run].model_construct(
                items=_views(connection, rows[:limit]), next=compiled.seal(last) if last else None
            )

    def active_since(self, time_us: int, *, limit: int = 1000) -> list[tuple[str, int]]:
        """Ids of runs whose newest record is younger, with its time; newest first."""
        statement = (
            sa.select(_RUNS.c.id, _RUNS.c.active_us)
            .where(_RUNS.c.active_us > time_us, _RUNS.c.experiment_id.is_not(None))
            .order_by(_RUNS.c.active_us.desc())
            .limit(limit)
        )
        with self._database.connect() as connection:
            return [(str(run), int(when)) for run, when in connection.execute(statement)]

    # -- metrics ---------------------------------------------------------------------------------

    def metrics_of(self, identifier: str) -> list[Metric]:
        """The state of every metric of a run, by name."""
        with self._database.connect() as connection:
            rows = connection.execute(
                sa.select(_METRICS).where(_METRICS.c.run_id == identifier).order_by(_METRICS.c.name)
            ).mappings()
            return [_metric(row) for row in rows]

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
        start = 0 if after is None or max_points is not None else int(_opened(after, int)[0])
        end = None if max_points is not None else start + limit
        count, points = self._points(identifier, name, start, end)
        if max_points is not None:
            points = thinned(points, max_points)
        items = [
            MetricPoint.model_construct(step=step, time=_instant(time), value=value)
            for step, time, value in zip(
                points.steps.tolist(), points.times.tolist(), points.values.tolist(), strict=True
            )
        ]
        following = end if end is not None and end < count else None
        return MetricHistory.model_construct(
            name=name, count=count, items=items, next=None if following is None else _sealed([following])
        )

    def metric_columns(
        self, identifier: str, name: str
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Every point of one metric as columns: steps, times in µs, values; raises `NotFound`."""
        steps, times, values = self._points(identifier, name, 0, None)[1]
        return steps, times, values

    def _points(self, identifier: str, name: str, start: int, end: int | None) -> tuple[int, Points]:
        with self._database.connect() as connection:
            count = connection.execute(
                sa.select(_METRICS.c.count).where(
                    _METRICS.c.run_id == identifier, _METRICS.c.name == _clean(name)
                )
            ).scalar()
            if count is None:
                known = connection.execute(
                    sa.select(_METRICS.c.name).where(_METRICS.c.run_id == identifier).limit(2000)
                ).scalars()
                near = near_names(name, known)
                raise NotFound(
                    f"the run {short(identifier)} has no metric {name!r}",
                    hint=f"did you mean {near[0]!r}?" if near else None,
                    details={"near": near},
                )
            statement = (
                sa.select(_CHUNKS.c.blob)
                .where(
                    _CHUNKS.c.run_id == identifier,
                    _CHUNKS.c.name == _clean(name),
                    _CHUNKS.c.seq >= start // CHUNK,
                )
                .order_by(_CHUNKS.c.seq)
            )
            if end is not None:
                statement = statement.where(_CHUNKS.c.seq <= (end - 1) // CHUNK)
            blobs = connection.execute(statement).scalars().all()
        points = Points.joined([unpack(bytes(blob)) for blob in blobs])
        skipped = start // CHUNK * CHUNK
        return count, points.at(slice(start - skipped, None if end is None else end - skipped))


# -- rows to views ------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _experiments() -> sa.Select[Any]:
    of_runs = (
        sa.select(
            _RUNS.c.experiment_id,
            sa.func.count().label("run_count"),
            sa.func.max(_RUNS.c.active_us).label("active_us"),
        )
        .group_by(_RUNS.c.experiment_id)
        .subquery()
    )
    return sa.select(
        _EXPERIMENTS, sa.func.coalesce(of_runs.c.run_count, 0).label("run_count"), of_runs.c.active_us
    ).join_from(_EXPERIMENTS, of_runs, _EXPERIMENTS.c.id == of_runs.c.experiment_id, isouter=True)


@lru_cache(maxsize=1)
def _runs() -> sa.Select[Any]:
    return sa.select(_RUNS, _EXPERIMENTS.c.name.label("experiment")).join_from(
        _RUNS, _EXPERIMENTS, _RUNS.c.experiment_id == _EXPERIMENTS.c.id, isouter=True
    )


def _experiment(row: Mapping[Any, Any]) -> Experiment:
    return Experiment(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        tags=row["tags"],
        created=_instant(row["created_us"]),
        run_count=row["run_count"],
        last_activity=None if row["active_us"] is None else _instant(row["active_us"]),
    )


def _views(connection: Connection, rows: Sequence[RowMapping]) -> list[Run]:
    """Runs with all that belongs to them: one query a table for the whole page, however long."""
    ids = [row["id"] for row in rows]
    params: dict[str, dict[str, Any]] = defaultdict(dict)
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    metrics: dict[str, dict[str, float]] = defaultdict(dict)
    artifacts: dict[str, list[Artifact]] = defaultdict(list)
    newest: dict[str, Metric] = {}
    p, t, m, a = _PARAMS.c, _TAGS.c, _METRICS.c, _ARTIFACTS.c
    # Text columns as the driver gives them: the JSON is read below, which is faster by half.
    value = sa.type_coerce(p.value, sa.Text)
    for some in _portions(ids):
        given = sa.select(p.run_id, p.key, value).where(p.run_id.in_(some)).order_by(p.run_id, p.key)
        for run_id, key, text in connection.execute(given).all():
            params[run_id][key] = _param(text)
        labels = sa.select(t.run_id, t.key, t.value).where(t.run_id.in_(some)).order_by(t.run_id, t.key)
        for run_id, key, text in connection.execute(labels).all():
            tags[run_id][key] = text
        latest = (
            sa.select(m.run_id, m.name, m.value, m.special)
            .where(m.run_id.in_(some))
            .order_by(m.run_id, m.name)
        )
        for run_id, name, number, special in connection.execute(latest).all():
            metrics[run_id][name] = number if special is None else _SPECIALS[special]
        kept = sa.select(_ARTIFACTS).where(a.run_id.in_(some)).order_by(a.run_id, a.name)
        for row in connection.execute(kept).mappings():
            artifacts[row["run_id"]].append(_artifact(row))
        logged_last = (
            sa.select(_METRICS)
            .join_from(_RUNS, _METRICS, sa.and_(m.run_id == _RUNS.c.id, m.name == _RUNS.c.newest_metric))
            .where(_RUNS.c.id.in_(some))
        )
        for row in connection.execute(logged_last).mappings():
            newest[row["run_id"]] = _metric(row)
    # What comes from our own tables was checked on its way in.
    return [
        Run.model_construct(
            id=row["id"],
            name=row["name"],
            experiment_id=row["experiment_id"] or "",
            experiment=row["experiment"] or _UNKNOWN,
            status=row["status"],
            started=_instant(row["started_us"]),
            ended=None if row["ended_us"] is None else _instant(row["ended_us"]),
            parent_id=row["parent_id"],
            notes=row["notes"],
            params=params.get(row["id"], {}),
            metrics=metrics.get(row["id"], {}),
            tags=tags.get(row["id"], {}),
            artifacts=artifacts.get(row["id"], []),
            git=None
            if row["git_commit"] is None and row["git_branch"] is None
            else GitState(commit=row["git_commit"], branch=row["git_branch"], dirty=row["git_dirty"]),
            code=row["code"],
            source=row["source"],
            user=row["user_name"],
            host=row["host"],
            python=row["python"],
            newest_metric=newest.get(row["id"]),
        )
        for row in rows
    ]


def _metric(row: Mapping[Any, Any]) -> Metric:
    value = row["value"] if row["special"] is None else _SPECIALS[row["special"]]
    spark = [_from_special(each) for each in row["spark"]["values"]]
    if (row["count"] - 1) % row["spark"]["stride"]:
        spark.append(value)
    return Metric.model_construct(
        name=row["name"],
        value=value,
        step=row["step"],
        time=_instant(row["time_us"]),
        min=row["min"],
        max=row["max"],
        count=row["count"],
        spark=spark,
    )


def _artifact(row: Mapping[Any, Any]) -> Artifact:
    return Artifact.model_construct(
        name=row["name"],
        size_bytes=row["size_bytes"],
        media_type=row["media_type"],
        hash=row["hash"],
        created=_instant(row["created_us"]),
        location=row["location"],
    )


# What is read was written by us, without spaces around it: the scanner alone does, at a third of the cost.
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # there, but not in the stubs


def _param(text: str) -> Any:
    value = _scan(text, 0)[0]
    return _from_special(value) if isinstance(value, dict | list) else value


def _from_special(value: Any) -> Any:
    """Plain values with ``{"$float": "NaN"}`` read as what it stands for."""
    if isinstance(value, dict):
        if len(value) == 1 and value.get("$float") in _FLOATS:
            return _FLOATS[value["$float"]]
        return {key: _from_special(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_from_special(item) for item in value]
    return value


def _to_special(value: Any) -> Any:
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return {"$float": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}


_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def _instant(microseconds: int) -> datetime:
    """The datetime; a time that users gave may lie beyond the years 1 to 9999, and is shown as their end."""
    try:
        return datetime_of(microseconds)
    except OverflowError:
        return _FIRST if microseconds < 0 else _LAST


@overload
def _clean(text: str) -> str: ...
@overload
def _clean(text: str | None) -> str | None: ...
def _clean(text: str | None) -> str | None:
    """Text that every database takes: without NUL, without half a surrogate pair."""
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def _portions(items: Sequence[T], size: int = _SOME) -> Iterable[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _sealed(key: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def _opened(cursor: str, *kinds: type) -> list[Any]:
    """What `_sealed` closed; raises `Invalid` for anything else."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
        fits = type(key) is list and [type(part) for part in key] == list(kinds)
        if fits and all(not isinstance(part, int) or -(2**63) <= part < 2**63 for part in key):
            return [_clean(part) if isinstance(part, str) else part for part in key]
    except (ValueError, RecursionError):
        pass
    raise Invalid(
        "the page asked for is not known", hint="begin again without `after`", details={"field": "after"}
    )


# -- searching --------------------------------------------------------------------------------------------


def _rank_special(descending: bool) -> sa.ColumnElement[int]:
    """Where specials stand among the values of a metric: infinities at their ends, NaN last."""
    first, last = (_INFINITY, _MINUS_INFINITY) if descending else (_MINUS_INFINITY, _INFINITY)
    return _special_rank(_METRICS.c.special, first, last)


def _special_rank(special: Any, first: int, last: int) -> sa.ColumnElement[int]:
    return sa.case((special.is_(None), 1), (special == first, 0), (special == last, 2), else_=3)


class _Search:
    """A parsed search as SQL; every value is bound, none is spelled.

    Each metric, param and tag that is named becomes one outer join by its key.  To go on after a page, the
    last row's sort key is compared part by part; no part is ever NULL, so rows without a value keep a place.
    """

    def __init__(self, query: language.Query, now_us: int, dialect: str) -> None:
        self._query = query
        self._now = now_us
        self._sqlite = dialect == "sqlite"
        self._joined: dict[language.Field, Any] = {}
        self._where = None if query.where is None else self._condition(query.where)
        self._key: list[tuple[sa.ColumnElement[Any], bool, type]] = []
        for order in query.order:
            self._key += self._sort_key(order)
        self._key += [(_RUNS.c.started_us, True, int), (_RUNS.c.id, True, str)]

    def statement(self, experiment_id: str | None, after: str | None) -> sa.Select[Any]:
        source = _RUNS.outerjoin(_EXPERIMENTS, _RUNS.c.experiment_id == _EXPERIMENTS.c.id)
        for found, table in self._joined.items():
            name = table.c.name if found.group == "metrics" else table.c.key
            source = source.outerjoin(
                table, sa.and_(table.c.run_id == _RUNS.c.id, name == _clean(found.name))
            )
        keys = [part.label(f"key_{place}") for place, (part, _, _) in enumerate(self._key)]
        statement = sa.select(_RUNS, _EXPERIMENTS.c.name.label("experiment"), *keys).select_from(source)
        if self._where is not None:
            statement = statement.where(self._where)
        if experiment_id is not None:
            statement = statement.where(_RUNS.c.experiment_id == experiment_id)
        if after is not None:
            statement = statement.where(self._beyond(_opened(after, *(kind for _, _, kind in self._key))))
        return statement.order_by(*(part.desc() if down else part.asc() for part, down, _ in self._key))

    def seal(self, row: RowMapping) -> str:
        """The cursor that goes on after a row."""
        return _sealed([kind(row[f"key_{place}"]) for place, (_, _, kind) in enumerate(self._key)])

    def _beyond(self, last: Sequence[Any]) -> sa.ColumnElement[bool]:
        options = []
        for place, (part, down, _) in enumerate(self._key):
            same = [earlier == last[number] for number, (earlier, _, _) in enumerate(self._key[:place])]
            options.append(sa.and_(*same, part < last[place] if down else part > last[place]))
        return sa.or_(*options)

    # -- conditions ------------------------------------------------------------------------------

    def _condition(self, node: language.Condition) -> sa.ColumnElement[bool]:
        match node:
            case language.And(items):
                return sa.and_(*(self._condition(item) for item in items))
            case language.Or(items):
                return sa.or_(*(self._condition(item) for item in items))
            case language.Not(item):
                return sa.not_(self._condition(item))
            case language.IsNull(field):
                return self._is_null(field)
            case language.Like(field, pattern, minds_case):
                return _surely(self._like(self._text(field), _clean(pattern), minds_case))
            case language.OneOf(field, values):
                return _surely(sa.or_(*(self._compared(field, "=", value) for value in values)))
            case language.Comparison(field, operator, value):
                return _surely(self._compared(field, operator, value))

    def _compared(
        self, field: language.Field, operator: language.Operator, value: language.Value
    ) -> sa.ColumnElement[bool]:
        match field.group, value:
            case "metrics", language.Number(number):
                return self._metric_compared(self._join(field), operator, number)
            case "params", _:
                return self._param_compared(self._join(field), operator, value)
            case _, language.Text(text) if field == language.Field("run", "id") and len(text) == 6:
                return _operate(_RUNS.c.ending, operator, text.lower())
            case _, language.Text(text):
                return _operate(self._text(field), operator, _clean(text))
            case _, language.Number(number):
                return _operate(self._seconds(), operator, number)
            case _, language.Moment(start, end):
                return _operate_span(self._time(field), operator, start, end)
            case _, language.Ago(microseconds):
                moment = max(self._now - microseconds, -(2**63))
                return _operate_span(self._time(field), operator, moment, moment + 1)
        raise AssertionError(f"the parser lets no {value} through for {field}")

    def _metric_compared(
        self, table: Any, operator: language.Operator, number: float
    ) -> sa.ColumnElement[bool]:
        value, special = table.c.value, table.c.special
        if math.isnan(number):
            # NaN equals NaN here: people look for runs that went wrong.  It is neither more nor less.
            if operator in ("=", "<=", ">="):
                return sa.and_(special == _NAN)
            if operator == "!=":
                return sa.and_(table.c.run_id.is_not(None), sa.func.coalesce(special, 0) != _NAN)
            return sa.false()
        among = [_code for _code, each in _SPECIALS.items() if _holds(each, operator, number)]
        if math.isinf(number):
            finite = special.is_(None) if _holds(0.0, operator, number) else sa.false()
            finite = sa.and_(finite, value.is_not(None))
        else:
            finite = _operate(value, operator, number)
        return sa.or_(finite, special.in_(among)) if among else finite

    def _param_compared(
        self, table: Any, operator: language.Operator, value: language.Value
    ) -> sa.ColumnElement[bool]:
        written = sa.type_coerce(table.c.value, sa.Text)
        match value:
            case language.Text(text):
                return _operate(table.c.text, operator, _clean(text))
            case language.Truth(truth):
                return _operate(written, operator, "true" if truth else "false")
            case language.Number(number, text):
                if math.isnan(number):
                    return _operate(written, operator, '{"$float":"NaN"}')
                bare = text.lstrip("+")
                if abs(number) > 2**53 and bare.lstrip("-").isdigit() and operator in ("=", "!="):
                    # A float would take neighbours for the same.
                    return sa.and_(table.c.number.is_not(None), _operate(written, operator, bare))
                return _operate(table.c.number, operator, number)
        raise AssertionError(f"the parser lets no {value} through for params")

    def _is_null(self, field: language.Field) -> sa.ColumnElement[bool]:
        if field.name == "duration" and field.group == "run":
            return sa.false()
        if field.group != "run":
            column = self._join(field).c.run_id
        else:
            column = self._time(field) if language.ATTRIBUTES[field.name] == "time" else self._text(field)
        return sa.and_(column.is_(None))

    def _like(self, column: Any, pattern: str, minds_case: bool) -> sa.ColumnElement[bool]:
        if self._sqlite and minds_case:
            # SQLite's LIKE does not mind case; its GLOB does, with signs of its own.
            glob = "".join(
                {"%": "*", "_": "?"}.get(sign, f"[{sign}]" if sign in "*?[" else sign) for sign in pattern
            )
            return sa.and_(column.op("GLOB", is_comparison=True)(glob))
        escaped = pattern.replace("\\", "\\\\")
        if minds_case or self._sqlite:
            return sa.and_(column.like(escaped, escape="\\"))
        return sa.and_(column.ilike(escaped, escape="\\"))

    # -- fields ----------------------------------------------------------------------------------

    def _join(self, field: language.Field) -> Any:
        if field not in self._joined:
            table = {"metrics": _METRICS, "params": _PARAMS, "tags": _TAGS}[field.group]
            self._joined[field] = table.alias(f"{field.group}_{len(self._joined)}")
        return self._joined[field]

    def _text(self, field: language.Field) -> Any:
        if field.group == "params":
            return self._join(field).c.text
        if field.group == "tags":
            return self._join(field).c.value
        if field.name == "experiment":
            return _EXPERIMENTS.c.name
        column = {"parent": "parent_id", "user": "user_name"}.get(field.name, field.name)
        # One order and one idea of equality on both databases, whatever the server's language is.
        return _RUNS.c[column] if self._sqlite else sa.collate(_RUNS.c[column], "C")

    def _time(self, field: language.Field) -> Any:
        return _RUNS.c.started_us if field.name == "started" else _RUNS.c.ended_us

    def _seconds(self) -> Any:
        ended = sa.func.coalesce(_RUNS.c.ended_us, sa.bindparam("now", self._now, sa.BigInteger, unique=True))
        return (ended - _RUNS.c.started_us) * sa.literal(1e-6, sa.Double)

    def _sort_key(self, order: language.Order) -> list[tuple[sa.ColumnElement[Any], bool, type]]:
        field, down = order.field, order.descending
        if field.group == "metrics":
            table = self._join(field)
            first, last = (_INFINITY, _MINUS_INFINITY) if down else (_MINUS_INFINITY, _INFINITY)
            rank = sa.case((table.c.run_id.is_(None), 4), else_=_special_rank(table.c.special, first, last))
            return [(rank, False, int), (_or_else(table.c.value, 0.0), down, float)]
        if field.group == "params":
            table = self._join(field)
            rank = sa.case((table.c.number.is_not(None), 0), (table.c.run_id.is_not(None), 1), else_=2)
            number = _or_else(table.c.number, 0.0)
            # Among numbers the text decides nothing; it would only break ties in a strange order.
            text = sa.case((table.c.number.is_(None), _or_else(table.c.text, "")), else_="")
            return [(rank, False, int), (number, down, float), (text, down, str)]
        kind = "text" if field.group == "tags" else language.ATTRIBUTES[field.name]
        if kind == "seconds":
            return [(self._seconds(), down, float)]
        column = self._time(field) if kind == "time" else self._text(field)
        missing = sa.case((column.is_(None), 1), else_=0)
        return [
            (missing, False, int),
            (_or_else(column, 0 if kind == "time" else ""), down, int if kind == "time" else str),
        ]


def _surely(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """A condition that is false, not unknown, where there is nothing to compare: `not` then brings those."""
    return sa.func.coalesce(condition, sa.false())


def _or_else(column: Any, value: Any) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(column, value)


def _holds(one: float, operator: language.Operator, other: float) -> bool:
    return {
        "=": one == other,
        "!=": one != other,
        ">": one > other,
        ">=": one >= other,
        "<": one < other,
        "<=": one <= other,
    }[operator]


def _operate(column: Any, operator: language.Operator, value: Any) -> sa.ColumnElement[bool]:
    found: sa.ColumnElement[bool] = {
        "=": column.__eq__,
        "!=": column.__ne__,
        ">": column.__gt__,
        ">=": column.__ge__,
        "<": column.__lt__,
        "<=": column.__le__,
    }[operator](value)
    return found


def _operate_span(column: Any, operator: language.Operator, start: int, end: int) -> sa.ColumnElement[bool]:
    match operator:
        case "=":
            return sa.and_(column >= start, column < end)
        case "!=":
            return sa.or_(column < start, column >= end)
        case ">":
            return sa.and_(column >= end)
        case ">=":
            return sa.and_(column >= start)
        case "<":
            return sa.and_(column < start)
        case "<=":
            return sa.and_(column < end)


# -- writing: what a drain read -----------------------------------------------------------------------------


@dataclass(slots=True)
class _Gathered:
    """What the events of a batch say, until it is written: in order within, by run and name without."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    params: list[tuple[str, str, Any, int]] = field(default_factory=list)
    tags: list[tuple[str, str, str | None, int]] = field(default_factory=list)
    artifacts: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    series: dict[int, tuple[str, str]] = field(default_factory=dict)
    active: dict[str, int] = field(default_factory=dict)

    def touch(self, run_id: str, time_us: int) -> None:
        self.active[run_id] = max(self.active.get(run_id, time_us), time_us)


class TrackingApplier:
    """Brings runs, params, tags, artifacts and points from a journal into the tables.

    Writers are drained one by one, in any order, so what belongs together may arrive apart: points of a run
    before its start.  Such a run is kept as a promise (a row without an experiment) until its start comes;
    what overwrites is decided by the time of the event, not by when it was drained.
    """

    kinds = frozenset(
        {
            "run.start",
            "run.resume",
            "run.end",
            "run.update",
            "run.provenance",
            "params",
            "tags",
            "series",
            "artifact",
        }
    )

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock: Clock = clock or SystemClock()

    def apply(self, connection: Connection, batch: Batch) -> Iterable[Changed]:
        """Write a batch; raises `Invalid` for what cannot be, and then the caller undoes all of it."""
        gathered = _Gathered()
        for event in batch.events:
            if event.get("kind") in self.kinds:
                _gather(gathered, event, batch.writer.id)
        _insert_series(connection, batch.writer.id, gathered.series)
        points = _grouped_points(connection, batch)
        for (run_id, _), series in points.items():
            # Users may give any time; activity is not in the future.
            gathered.touch(run_id, min(int(series.times.max()), self._clock.now_us()))
        if not gathered.active:
            return []
        runs = _locked_runs(connection, gathered.active)
        experiments = _change_runs(connection, runs, gathered)
        _write_params(connection, gathered.params)
        _write_tags(connection, gathered.tags)
        _write_artifacts(connection, gathered.artifacts)
        _write_points(connection, points)
        for run_id, name in points:
            runs[run_id]["newest_metric"] = name
        _update_runs(connection, runs)
        changes = [Changed("run", tuple(gathered.active))]
        if experiments:
            changes.append(Changed("experiment", tuple(experiments)))
        return changes

    def writer_died(self, connection: Connection, writer_id: str, time_us: int) -> Iterable[Changed]:
        """Mark the runs of a dead process interrupted, ended at their last sign of life."""
        running = sa.and_(_RUNS.c.writer_id == writer_id, _RUNS.c.status == "running")
        rows = connection.execute(
            sa.select(_RUNS.c.id, _RUNS.c.started_us, _RUNS.c.active_us)
            .where(running)
            .order_by(_RUNS.c.id)
            .with_for_update()
        ).all()
        if not rows:
            return []
        connection.execute(
            sa.update(_RUNS)
            .where(_RUNS.c.id == sa.bindparam("run"))
            .values(status="interrupted", ended_us=sa.bindparam("last")),
            [{"run": row.id, "last": max(row.started_us, min(row.active_us, time_us))} for row in rows],
        )
        return [Changed("run", tuple(row.id for row in rows))]


def _gather(gathered: _Gathered, event: dict[str, Any], writer_id: str) -> None:
    try:
        kind, run_id, time_us = event["kind"], event["run"], event.get("time", 0)
        if type(run_id) is not str or len(run_id) != 32 or type(time_us) is not int:
            raise ValueError("a run is an id of 32 digits, a time a number of microseconds")
        if kind == "series":
            gathered.series[int(event["series"])] = (run_id, _clean(event["key"]))
            return
        gathered.touch(run_id, time_us)
        match kind:
            case "params":
                gathered.params += [
                    (run_id, _clean(key), value, time_us) for key, value in event["values"].items()
                ]
            case "tags":
                gathered.tags += [
                    (run_id, _clean(key), None if value is None else _clean(str(value)), time_us)
                    for key, value in event["values"].items()
                ]
            case "artifact":
                gathered.artifacts[run_id, _clean(event["name"])] = {
                    "size_bytes": int(event["size"]),
                    "media_type": _clean(event["media_type"]),
                    "hash": _clean(event["hash"]),
                    "location": _clean(event["location"]),
                    "created_us": time_us,
                }
            case "run.start":
                if not isinstance(event["experiment"]["name"], str) or not isinstance(event["name"], str):
                    raise ValueError("names are text")
                gathered.runs.append({**event, "writer": None if event.get("detached") else writer_id})
                gathered.params += [
                    (run_id, _clean(key), value, time_us)
                    for key, value in (event.get("params") or {}).items()
                ]
                gathered.tags += [
                    (run_id, _clean(key), _clean(str(value)), time_us)
                    for key, value in (event.get("tags") or {}).items()
                ]
            case "run.end" if event["status"] not in ENDINGS:
                raise ValueError(f"no run ends as {event['status']!r}")
            case _:
                gathered.runs.append({**event, "writer": writer_id})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Invalid(
            f"an event {event.get('kind')!r} cannot be understood: {type(error).__name__} {error}",
            details={"seq": event.get("seq")},
        ) from error


def _insert_series(connection: Connection, writer_id: str, series: Mapping[int, tuple[str, str]]) -> None:
    _put(
        connection,
        _SERIES,
        [(writer_id, number, run_id, name) for number, (run_id, name) in series.items()],
    )


def _grouped_points(connection: Connection, batch: Batch) -> dict[tuple[str, str], Points]:
    """The points of a batch by run and metric, the metric logged last at the end."""
    if not batch.points:
        return {}
    records = np.frombuffer(batch.points, RECORD)
    meant: dict[int, tuple[str, str]] = {}
    for some in _portions(np.unique(records["series"]).tolist()):
        for number, run_id, name in connection.execute(
            sa.select(_SERIES.c.series, _SERIES.c.run_id, _SERIES.c.name).where(
                _SERIES.c.writer_id == batch.writer.id, _SERIES.c.series.in_(some)
            )
        ):
            meant[number] = (run_id, name)
    unknown = ~np.isin(records["series"], list(meant))
    if unknown.any():
        reason = "no event says which metric these points belong to"
        batch.refuse(reason, records["seq"][unknown].tolist())
        records = records[~unknown]
    # A metric may have several numbers: after a resume, or where a definition was written twice.
    own: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, key in meant.items():
        own[key].append(number)
    if len(own) == 1:
        return {key: _points_of(records) for key in own}
    # One sort for all; it is stable, so each series keeps the order logged.
    order = np.argsort(records["series"], kind="stable")
    ordered = records["series"][order]
    places = {}
    for key, numbers in own.items():
        parts = [
            order[np.searchsorted(ordered, number, "left") : np.searchsorted(ordered, number, "right")]
            for number in numbers
        ]
        places[key] = parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))
    by_age = sorted(places.items(), key=lambda each: int(each[1][-1]))
    return {key: _points_of(records[where]) for key, where in by_age}


def _points_of(records: NDArray[Any]) -> Points:
    return Points(
        np.ascontiguousarray(records["step"], np.int64),
        np.ascontiguousarray(records["time"], np.int64),
        np.ascontiguousarray(records["value"], np.float64),
    )


def _locked_runs(connection: Connection, active: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """The rows of the runs of a batch, made where they are missing, kept from other drains till its end."""
    ids = sorted(active)
    _put(
        connection,
        _RUNS,
        [
            (run_id, short(run_id), kind_name(run_id), "running", active[run_id], active[run_id])
            for run_id in ids
        ],
        columns=("id", "ending", "name", "status", "started_us", "active_us"),
        replace=False,
    )
    runs = {}
    for some in _portions(ids):
        # Always in the order of the ids: two drains that share runs wait for each other, and never both.
        for row in connection.execute(
            sa.select(_RUNS).where(_RUNS.c.id.in_(some)).order_by(_RUNS.c.id).with_for_update(key_share=True)
        ).mappings():
            runs[row["id"]] = dict(row)
    for run_id, run in runs.items():
        run["active_us"] = max(run["active_us"], active[run_id])
    return runs


def _change_runs(
    connection: Connection, runs: Mapping[str, dict[str, Any]], gathered: _Gathered
) -> list[str]:
    """Let the events change the rows, in order; gives the experiments that are new."""
    starts = [event for event in gathered.runs if event["kind"] == "run.start"]
    experiments, new = _experiment_ids(connection, starts)
    for event in gathered.runs:
        run, time_us = runs[event["run"]], event.get("time", 0)
        match event["kind"]:
            case "run.start":
                if run["experiment_id"] is not None:
                    continue
                if run["name"] == kind_name(run["id"]):
                    run["name"] = _clean(event["name"])
                if run["notes"] is None:
                    run["notes"] = _clean(event.get("notes"))
                run["experiment_id"] = experiments[_clean(event["experiment"]["name"])]
                run["started_us"] = time_us
                run["parent_id"] = event.get("parent")
                for column, name in (("user_name", "user"), ("host", "host"), ("source", "source"),
                                     ("python", "python"), ("nbproof", "nbproof")):  # fmt: skip
                    run[column] = _clean(event.get(name))
                if run["resumed_us"] is None:
                    run["writer_id"] = event["writer"]
            case "run.resume":
                run.update(status="running", ended_us=None, resumed_us=time_us, writer_id=event["writer"])
            case "run.end":
                # An end from before the run was resumed, drained late, ends nothing.
                if run["resumed_us"] is None or time_us >= run["resumed_us"]:
                    run.update(status=event["status"], ended_us=time_us)
            case "run.update":
                if event.get("name"):
                    run["name"] = _clean(event["name"])
                if event.get("notes") is not None:
                    run["notes"] = _clean(event["notes"]) or None
            case "run.provenance":
                git = event.get("git") or {}
                run["git_commit"], run["git_branch"] = _clean(git.get("commit")), _clean(git.get("branch"))
                run["git_dirty"] = git.get("dirty")
                run["code"] = _clean(event.get("code"))
    return new


def _experiment_ids(
    connection: Connection, starts: Sequence[dict[str, Any]]
) -> tuple[dict[str, str], list[str]]:
    """The id of each experiment by name, made where there is none, and which are new."""
    wanted: dict[str, tuple[str, int]] = {}
    for event in starts:
        wanted.setdefault(
            _clean(event["experiment"]["name"]), (event["experiment"]["id"], event.get("time", 0))
        )
    _put(
        connection,
        _EXPERIMENTS,
        [(identifier, name, "{}", created) for name, (identifier, created) in sorted(wanted.items())],
        columns=("id", "name", "tags", "created_us"),
        replace=False,
    )
    found: dict[str, str] = {}
    for some in _portions(list(wanted)):
        found |= {
            name: identifier
            for identifier, name in connection.execute(
                sa.select(_EXPERIMENTS.c.id, _EXPERIMENTS.c.name).where(_EXPERIMENTS.c.name.in_(some))
            )
        }
    return found, [found[name] for name, (identifier, _) in wanted.items() if found[name] == identifier]


def _write_params(connection: Connection, given: Sequence[tuple[str, str, Any, int]]) -> None:
    if not given:
        return
    shown: dict[tuple[str, str], tuple[str, int]] = {}
    for some in _portions(sorted({run_id for run_id, _, _, _ in given})):
        for run_id, key, text, time_us in connection.execute(
            sa.select(
                _PARAMS.c.run_id, _PARAMS.c.key, sa.type_coerce(_PARAMS.c.value, sa.Text), _PARAMS.c.time_us
            ).where(_PARAMS.c.run_id.in_(some))
        ):
            shown[run_id, key] = (text, time_us)
    history, changed = [], {}
    for run_id, key, value, time_us in given:
        text = dump_json(value)
        before = shown.get((run_id, key))
        if before is not None and time_us < before[1]:
            history.append((run_id, key, text, time_us))
            continue
        if before is not None and before[0] != text:
            history.append((run_id, key, *before))
        shown[run_id, key] = (text, time_us)
        plain = _from_special(value)
        changed[run_id, key] = (run_id, key, text, _clean(param_text(plain)), _number(plain), time_us)
    _put(connection, _PARAMS, list(changed.values()))
    _put(
        connection,
        _PARAM_HISTORY,
        history,
        columns=("run_id", "key", "value", "time_us"),
        replace=None,
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    return None if math.isnan(number) else number


def _write_tags(connection: Connection, given: Sequence[tuple[str, str, str | None, int]]) -> None:
    if not given:
        return
    shown: dict[tuple[str, str], int] = {}
    for some in _portions(sorted({run_id for run_id, _, _, _ in given})):
        for run_id, key, time_us in connection.execute(
            sa.select(_TAGS.c.run_id, _TAGS.c.key, _TAGS.c.time_us).where(_TAGS.c.run_id.in_(some))
        ):
            shown[run_id, key] = time_us
    changed: dict[tuple[str, str], tuple[str, int] | None] = {}
    for run_id, key, value, time_us in given:
        if time_us >= shown.get((run_id, key), time_us):
            shown[run_id, key] = time_us
            changed[run_id, key] = None if value is None else (value, time_us)
    _put(connection, _TAGS, [(*key, *value) for key, value in changed.items() if value is not None])
    gone = [{"run": run_id, "name": key} for (run_id, key), value in changed.items() if value is None]
    if gone:
        connection.execute(
            sa.delete(_TAGS).where(
                _TAGS.c.run_id == sa.bindparam("run"), _TAGS.c.key == sa.bindparam("name")
            ),
            gone,
        )


def _write_artifacts(connection: Connection, given: Mapping[tuple[str, str], dict[str, Any]]) -> None:
    columns = ("run_id", "name", "size_bytes", "media_type", "hash", "location", "created_us")
    _put(connection, _ARTIFACTS, [(*key, *kept.values()) for key, kept in given.items()], columns=columns)


def _write_points(connection: Connection, grouped: Mapping[tuple[str, str], Points]) -> None:
    if not grouped:
        return
    before: dict[tuple[str, str], Any] = {}
    for some in _portions(sorted({run_id for run_id, _ in grouped})):
        for row in connection.execute(sa.select(_METRICS).where(_METRICS.c.run_id.in_(some))).mappings():
            if (row["run_id"], row["name"]) in grouped:
                before[row["run_id"], row["name"]] = row
    metrics: list[tuple[Any, ...]] = []
    chunks: list[tuple[Any, ...]] = []
    for (run_id, name), points in grouped.items():
        state = before.get((run_id, name))
        count = state["count"] if state else 0
        chunks += _chunks(connection, run_id, name, count, points)
        metrics.append(_metric_row(run_id, name, state, count, points))
        if len(chunks) >= 256:
            _put(connection, _CHUNKS, chunks)
            chunks = []
    _put(connection, _CHUNKS, chunks)
    _put(connection, _METRICS, metrics)


def _chunks(
    connection: Connection, run_id: str, name: str, count: int, points: Points
) -> list[tuple[Any, ...]]:
    seq, filled = divmod(count, CHUNK)
    if filled:
        blob = connection.execute(_open_chunk(), {"run": run_id, "metric": name, "place": seq}).scalar()
        if blob is None:
            raise PlatformError(f"the last points of metric {name!r} of run {short(run_id)} are missing")
        points = Points.joined([unpack(bytes(blob)), points])
    return [
        (run_id, name, seq + place, part.n, pack(part))
        for place, part in enumerate(points.at(slice(at, at + CHUNK)) for at in range(0, points.n, CHUNK))
    ]


@lru_cache(maxsize=1)
def _open_chunk() -> sa.Select[Any]:
    return sa.select(_CHUNKS.c.blob).where(
        _CHUNKS.c.run_id == sa.bindparam("run"),
        _CHUNKS.c.name == sa.bindparam("metric"),
        _CHUNKS.c.seq == sa.bindparam("place"),
    )


def _metric_row(run_id: str, name: str, before: Any, count: int, points: Points) -> tuple[Any, ...]:
    value = float(points.values[-1])
    special = None
    if not math.isfinite(value):
        special = _NAN if math.isnan(value) else _INFINITY if value > 0 else _MINUS_INFINITY
    extremes = []
    for reduce, column in ((np.fmin.reduce, "min"), (np.fmax.reduce, "max")):
        extreme = float(reduce(points.values))
        if before is not None and before[column] is not None:
            extreme = float(reduce(np.array([extreme, before[column]])))
        extremes.append(None if math.isnan(extreme) else extreme)
    spark: dict[str, Any] = before["spark"] if before is not None else {"stride": 1, "values": []}
    stride, values = sparkle(spark["stride"], spark["values"], count, points.values)
    spelled = dump_json({"stride": stride, "values": [_to_special(each) for each in values]})
    latest = (None if special is not None else value, special, int(points.steps[-1]), int(points.times[-1]))
    return (run_id, name, *latest, *extremes, count + points.n, spelled)


def _update_runs(connection: Connection, runs: Mapping[str, dict[str, Any]]) -> None:
    columns = [column.name for column in _RUNS.columns if column.name not in ("id", "ending")]
    mark = _MARKS[connection.dialect.name]
    assignments = ", ".join(f'"{column}" = {mark}' for column in columns)
    if runs:
        connection.exec_driver_sql(
            f"UPDATE runs SET {assignments} WHERE id = {mark}",
            [(*(run[column] for column in columns), run_id) for run_id, run in runs.items()],
        )


# How the drivers write a bound value; names are put in quotes always, some are words of SQL.
_MARKS = {"sqlite": "?", "postgresql": "%s"}


def _put(
    connection: Connection,
    table: Any,
    rows: list[tuple[Any, ...]],
    *,
    columns: Sequence[str] | None = None,
    replace: bool | None = True,
) -> None:
    """Insert rows by the driver; where the key is there, replace it, leave it (False), or fail (None)."""
    if not rows:
        return
    connection.exec_driver_sql(
        _insertion(connection.dialect.name, table.name, tuple(columns or ()), replace), rows
    )


@lru_cache(maxsize=64)
def _insertion(dialect: str, table_name: str, columns: tuple[str, ...], replace: bool | None) -> str:
    table = ExperimentRow.metadata.tables[table_name]
    columns = columns or tuple(column.name for column in table.columns)
    names, marks = ", ".join(map(_quoted, columns)), ", ".join([_MARKS[dialect]] * len(columns))
    sql = f"INSERT INTO {_quoted(table_name)} ({names}) VALUES ({marks})"
    if replace is None:
        return sql
    keys = [column.name for column in table.primary_key]
    changed = ", ".join(f"{_quoted(name)} = excluded.{_quoted(name)}" for name in columns if name not in keys)
    if replace and changed:
        return f"{sql} ON CONFLICT ({', '.join(map(_quoted, keys))}) DO UPDATE SET {changed}"
    return f"{sql} ON CONFLICT DO NOTHING"


def _quoted(name: str) -> str:
    return f'"{name}"'

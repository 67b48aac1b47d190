"""From rows to what users see: experiments, runs, metrics and artifacts."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from nbproof.core.clock import datetime_of
from nbproof.core.operation import View
from nbproof.tracking.artifacts import kind_of
from nbproof.tracking.domain import SYSTEM
from nbproof.tracking.models import (
    Artifact,
    ArtifactList,
    Environment,
    Experiment,
    GitState,
    Metric,
    Run,
)
from nbproof.tracking.repository.stored import (
    ARTIFACTS,
    EXPERIMENTS,
    METRICS,
    PARAMS,
    RUNS,
    SPECIALS,
    TAGS,
    from_special,
    portions,
)

if TYPE_CHECKING:
    import pandas
    from sqlalchemy.engine import Connection, RowMapping

T = TypeVar("T")
V = TypeVar("V", bound=View)

UNKNOWN = "(not known yet)"

LONG, _PREVIEW = 1000, 200
"""Characters of JSON beyond which a param is shown in lists by its beginning, and how much of it."""


@lru_cache(maxsize=1)
def select_experiments() -> sa.Select[Any]:
    """The rows that `experiment_of` takes."""
    kept = sa.and_(RUNS.c.experiment_id == EXPERIMENTS.c.id, RUNS.c.deleted_us.is_(None))
    # One by one: for a single experiment only its own part of the index is read.
    count = sa.select(sa.func.count()).select_from(RUNS).where(kept).correlate(EXPERIMENTS)
    active = sa.select(sa.func.max(RUNS.c.active_us)).where(kept).correlate(EXPERIMENTS)
    return sa.select(
        EXPERIMENTS,
        count.scalar_subquery().label("run_count"),
        active.scalar_subquery().label("active_us"),
    )


@lru_cache(maxsize=1)
def select_runs() -> sa.Select[Any]:
    """The rows that `runs_of_rows` takes."""
    return sa.select(RUNS, EXPERIMENTS.c.name.label("experiment")).join_from(
        RUNS, EXPERIMENTS, RUNS.c.experiment_id == EXPERIMENTS.c.id, isouter=True
    )


def experiment_of(row: Mapping[Any, Any]) -> Experiment:
    """The experiment of a row."""
    return Experiment(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        tags=row["tags"],
        created=instant(row["created_us"]),
        run_count=row["run_count"],
        last_activity=None if row["active_us"] is None else instant(row["active_us"]),
        deleted=None if row["deleted_us"] is None else instant(row["deleted_us"]),
    )


def runs_of_ids(connection: Connection, ids: Sequence[str]) -> list[Run]:
    """Runs by id, in the order of the ids."""
    asked = connection.execute(select_runs().where(_among(connection, RUNS.c.id)), _told(connection, ids))
    rows = {row["id"]: row for row in asked.mappings()}
    return runs_of_rows(connection, [rows[each] for each in ids if each in rows])


def runs_of_rows(connection: Connection, rows: Sequence[RowMapping], *, whole: bool = False) -> list[Run]:
    """Runs with all that belongs to them: one query a table for the whole page, however long.

    Of params longer than `LONG` only the beginning is read, unless they are wanted `whole`.
    """
    ids = [row["id"] for row in rows]
    told = _told(connection, ids)
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    metrics: dict[str, dict[str, float]] = defaultdict(dict)
    artifacts: dict[str, list[Artifact]] = defaultdict(list)
    newest: dict[str, Metric] = {}
    t, m, a = TAGS.c, METRICS.c, ARTIFACTS.c
    params, previews = params_of(connection, ids, whole=whole)
    labels = sa.select(t.run_id, t.key, t.value).where(_among(connection, t.run_id))
    for run_id, key, text in _raw(connection, labels, told):
        tags[run_id][key] = text
    latest = sa.select(m.run_id, m.name, m.value, m.special).where(
        _among(connection, m.run_id), sa.not_(m.name.startswith(SYSTEM))
    )
    for run_id, name, number, special in _raw(connection, latest, told):
        metrics[run_id][name] = number if special is None else SPECIALS[special]
    kept = sa.select(ARTIFACTS).where(_among(connection, a.run_id)).order_by(a.run_id, a.name)
    for row in connection.execute(kept, told).mappings():
        artifacts[row["run_id"]].append(artifact_of(row))
    logged_last = (
        sa.select(METRICS)
        .join_from(RUNS, METRICS, sa.and_(m.run_id == RUNS.c.id, m.name == RUNS.c.newest_metric))
        .where(_among(connection, RUNS.c.id))
    )
    for row in connection.execute(logged_last, told).mappings():
        newest[row["run_id"]] = metric_of(row)
    # What comes from our own tables was checked on its way in.
    return [
        _made(
            Run,
            id=row["id"],
            name=row["name"],
            experiment_id=row["experiment_id"] or "",
            experiment=row["experiment"] or UNKNOWN,
            status=row["status"],
            started=instant(row["started_us"]),
            ended=None if row["ended_us"] is None else instant(row["ended_us"]),
            parent_id=row["parent_id"],
            notes=row["notes"],
            params=params.get(row["id"], {}),
            metrics=_by_name(metrics.get(row["id"])),
            tags=_by_name(tags.get(row["id"])),
            artifacts=ArtifactList(artifacts.get(row["id"], ())),
            git=None
            if row["git_commit"] is None and row["git_branch"] is None
            else _made(
                GitState,
                commit=row["git_commit"],
                branch=row["git_branch"],
                dirty=row["git_dirty"],
                remote=row["git_remote"],
            ),
            code=row["code"],
            entry=row["entry"],
            command=row["command"],
            environment_hash=row["environment"],
            os=row["os"],
            gpu=row["gpu"],
            redacted=row["redacted"],
            source=row["source"],
            user=row["user_name"],
            host=row["host"],
            python=row["python"],
            newest_metric=newest.get(row["id"]),
            group=row["group_name"],
            deleted=None if row["deleted_us"] is None else instant(row["deleted_us"]),
            cancel_requested=None if row["cancel_us"] is None else instant(row["cancel_us"]),
            previews=previews.get(row["id"], {}),
        )
        for row in rows
    ]


def _beginnings(ids: Sequence[str]) -> sa.Select[Any]:
    """How the long params of runs begin, as they read, and how long they are."""
    p = PARAMS.c
    return sa.select(p.run_id, p.key, sa.func.substr(p.text, 1, _PREVIEW), sa.func.length(p.text)).where(
        p.run_id.in_(ids), sa.func.length(sa.type_coerce(p.value, sa.Text)) > LONG
    )


def environment_of(row: Mapping[Any, Any]) -> Environment:
    """The environment of a row."""
    return Environment.model_validate({**row["facts"], "hash": row["hash"]})


def runs_frame_of(connection: Connection, ids: Sequence[str]) -> pandas.DataFrame:
    """Runs by id as a frame, one query a table and a thousand runs."""
    from nbproof.tracking.frames import RunColumns

    columns, told = RunColumns(ids), _told(connection, ids)
    r, t, m = RUNS.c, TAGS.c, METRICS.c
    given = sa.select(r.id, r.name, EXPERIMENTS.c.name, r.status, r.started_us, r.ended_us).join_from(
        RUNS, EXPERIMENTS, r.experiment_id == EXPERIMENTS.c.id, isouter=True
    )
    columns.add_runs(connection.execute(given.where(_among(connection, r.id)), told).all())
    columns.add_params(params_of(connection, ids, by_name=False)[0])
    values = sa.select(m.run_id, m.name, m.value, m.special).where(_among(connection, m.run_id))
    columns.add_metrics(_raw(connection, values, told), SPECIALS)
    labels = sa.select(t.run_id, t.key, t.value).where(_among(connection, t.run_id))
    columns.add_tags(_raw(connection, labels, told))
    return columns.frame(UNKNOWN)


def params_of(
    connection: Connection, ids: Sequence[str], *, by_name: bool = True, whole: bool = False
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, int]]]:
    """The params of some runs, in the order of their names or in any, and how long those are that were cut.

    The database joins them to one JSON object a run: to read that is faster than thousands of rows.
    """
    p = PARAMS.c
    value: sa.ColumnElement[str] = sa.type_coerce(p.value, sa.Text)
    length = sa.func.length(value)
    if not whole:
        value = sa.case((length > LONG, "null"), else_=value)
    if connection.dialect.name == "sqlite":
        joined = sa.func.group_concat(sa.func.json_quote(p.key).concat(":").concat(value))
    else:
        pair = sa.cast(sa.func.to_json(p.key), sa.Text).concat(":").concat(value)
        joined = sa.func.string_agg(pair, ",")
    given = sa.select(p.run_id, joined, sa.func.max(length)).where(_among(connection, p.run_id))
    params: dict[str, dict[str, Any]] = {}
    long: list[str] = []
    for run_id, text, longest in _raw(connection, given.group_by(p.run_id), _told(connection, ids)):
        found = json.loads(f"{{{text}}}")
        if "{" in text or "[" in text:
            found = {key: from_special(value) for key, value in found.items()}
        params[run_id] = _by_name(found) if by_name else found
        if longest > LONG and not whole:
            long.append(run_id)
    previews: dict[str, dict[str, int]] = {run_id: {} for run_id in long}
    for some in portions(long):
        for run_id, key, beginning, size in connection.execute(_beginnings(some)):
            params[run_id][key] = f"{beginning}... ({size:,} characters)"
            previews[run_id][key] = size
    return params, previews


@lru_cache(maxsize=50)
def _among_ids(dialect: str, column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    if dialect == "sqlite":
        told = sa.func.json_each(sa.bindparam("ids", type_=sa.Text)).table_valued("value", name="told")
        return column.in_(sa.select(told.c.value))
    return column == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Text)))


def _among(connection: Connection, column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Whether a column has one of the ids that `_told` spells: one value to bind, however many they are."""
    return _among_ids(connection.dialect.name, column)


def _told(connection: Connection, ids: Sequence[str]) -> dict[str, Any]:
    return {"ids": json.dumps(ids) if connection.dialect.name == "sqlite" else list(ids)}


def _raw(connection: Connection, statement: sa.Select[Any], told: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Rows as the driver makes them: a third of the time goes into dressing them."""
    with closing(connection.execute(statement, told)) as result:
        cursor: Any = result.cursor
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _by_name(values: dict[str, T] | None) -> dict[str, T]:
    return {} if values is None else {name: values[name] for name in sorted(values)}


def metric_of(row: Mapping[Any, Any]) -> Metric:
    """The state of a metric, from its row."""
    value = row["value"] if row["special"] is None else SPECIALS[row["special"]]
    spark = [from_special(each) for each in row["spark"]["values"]]
    if (row["count"] - 1) % row["spark"]["stride"]:
        spark.append(value)
    return _made(
        Metric,
        name=row["name"],
        value=value,
        step=row["step"],
        time=instant(row["time_us"]),
        min=row["min"],
        max=row["max"],
        best=row["best"],
        best_step=row["best_step"],
        count=row["count"],
        spark=spark,
    )


def artifact_of(row: Mapping[Any, Any]) -> Artifact:
    """An artifact, from a row of either of its tables."""
    return _made(
        Artifact,
        name=row["name"],
        version=row["version"],
        kind=row["kind"] or kind_of(row["media_type"]),
        size_bytes=row["size_bytes"],
        media_type=row["media_type"],
        hash=row["hash"],
        created=instant(row["created_us"]),
        step=row["step"],
        metadata=from_special(row["metadata"] or {}),
        reference=row["reference"],
        location=row["location"],
    )


def _made(view_kind: type[V], /, **values: Any) -> V:
    """A view of values that are complete and right: `model_construct` would look at each default anew."""
    view = view_kind.__new__(view_kind)
    put = object.__setattr__
    defaults, private = _defaults(view_kind)
    # In the order of the fields, which is that of the JSON.
    put(view, "__dict__", defaults | values)
    put(view, "__pydantic_fields_set__", set(values))
    put(view, "__pydantic_extra__", None)
    put(view, "__pydantic_private__", dict(private) if private else None)
    return view


@lru_cache(maxsize=20)
def _defaults(kind: type[View]) -> tuple[dict[str, Any], dict[str, Any]]:
    fields = {
        name: None if each.is_required() else each.get_default(call_default_factory=True)
        for name, each in kind.model_fields.items()
    }
    return fields, {name: each.get_default() for name, each in kind.__private_attributes__.items()}


_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def instant(microseconds: int) -> datetime:
    """The datetime; a time that users gave may lie beyond the years 1 to 9999, and is shown as their end."""
    try:
        return datetime_of(microseconds)
    except OverflowError:
        return _FIRST if microseconds < 0 else _LAST

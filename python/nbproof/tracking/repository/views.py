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
from nbproof.tracking.models import Artifact, Experiment, GitState, Metric, Run
from nbproof.tracking.repository.stored import (
    ARTIFACTS,
    EXPERIMENTS,
    METRICS,
    PARAMS,
    RUNS,
    SPECIALS,
    TAGS,
    from_special,
)

if TYPE_CHECKING:
    import pandas
    from sqlalchemy.engine import Connection, RowMapping

T = TypeVar("T")
V = TypeVar("V", bound=View)

UNKNOWN = "(not known yet)"


@lru_cache(maxsize=1)
def select_experiments() -> sa.Select[Any]:
    """The rows that `experiment_of` takes."""
    of_runs = (
        sa.select(
            RUNS.c.experiment_id,
            sa.func.count().label("run_count"),
            sa.func.max(RUNS.c.active_us).label("active_us"),
        )
        .group_by(RUNS.c.experiment_id)
        .subquery()
    )
    return sa.select(
        EXPERIMENTS, sa.func.coalesce(of_runs.c.run_count, 0).label("run_count"), of_runs.c.active_us
    ).join_from(EXPERIMENTS, of_runs, EXPERIMENTS.c.id == of_runs.c.experiment_id, isouter=True)


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
    )


def runs_of_ids(connection: Connection, ids: Sequence[str]) -> list[Run]:
    """Runs by id, in the order of the ids."""
    asked = connection.execute(select_runs().where(_among(connection, RUNS.c.id)), _told(connection, ids))
    rows = {row["id"]: row for row in asked.mappings()}
    return runs_of_rows(connection, [rows[each] for each in ids if each in rows])


def runs_of_rows(connection: Connection, rows: Sequence[RowMapping]) -> list[Run]:
    """Runs with all that belongs to them: one query a table for the whole page, however long."""
    ids = [row["id"] for row in rows]
    told = _told(connection, ids)
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    metrics: dict[str, dict[str, float]] = defaultdict(dict)
    artifacts: dict[str, list[Artifact]] = defaultdict(list)
    newest: dict[str, Metric] = {}
    t, m, a = TAGS.c, METRICS.c, ARTIFACTS.c
    params = params_of(connection, ids)
    labels = sa.select(t.run_id, t.key, t.value).where(_among(connection, t.run_id))
    for run_id, key, text in _raw(connection, labels, told):
        tags[run_id][key] = text
    latest = sa.select(m.run_id, m.name, m.value, m.special).where(_among(connection, m.run_id))
    for run_id, name, number, special in _raw(connection, latest, told):
        metrics[run_id][name] = number if special is None else SPECIALS[special]
    kept = sa.select(ARTIFACTS).where(_among(connection, a.run_id)).order_by(a.run_id, a.name)
    for row in connection.execute(kept, told).mappings():
        artifacts[row["run_id"]].append(_artifact(row))
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
            _RUN,
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
            artifacts=artifacts.get(row["id"], []),
            git=None
            if row["git_commit"] is None and row["git_branch"] is None
            else _made(
                GitState, None, commit=row["git_commit"], branch=row["git_branch"], dirty=row["git_dirty"]
            ),
            code=row["code"],
            source=row["source"],
            user=row["user_name"],
            host=row["host"],
            python=row["python"],
            newest_metric=newest.get(row["id"]),
        )
        for row in rows
    ]


def runs_frame_of(connection: Connection, ids: Sequence[str]) -> pandas.DataFrame:
    """Runs by id as a frame, one query a table and a thousand runs."""
    from nbproof.tracking.frames import RunColumns

    columns, told = RunColumns(ids), _told(connection, ids)
    r, t, m = RUNS.c, TAGS.c, METRICS.c
    given = sa.select(r.id, r.name, EXPERIMENTS.c.name, r.status, r.started_us, r.ended_us).join_from(
        RUNS, EXPERIMENTS, r.experiment_id == EXPERIMENTS.c.id, isouter=True
    )
    columns.add_runs(connection.execute(given.where(_among(connection, r.id)), told).all())
    columns.add_params(params_of(connection, ids, by_name=False))
    values = sa.select(m.run_id, m.name, m.value, m.special).where(_among(connection, m.run_id))
    columns.add_metrics(_raw(connection, values, told), SPECIALS)
    labels = sa.select(t.run_id, t.key, t.value).where(_among(connection, t.run_id))
    columns.add_tags(_raw(connection, labels, told))
    return columns.frame(UNKNOWN)


def params_of(
    connection: Connection, ids: Sequence[str], *, by_name: bool = True
) -> dict[str, dict[str, Any]]:
    """The params of some runs, in the order of their names or in any.

    The database joins them to one JSON object a run: to read that is faster than thousands of rows.
    """
    p = PARAMS.c
    value = sa.type_coerce(p.value, sa.Text)
    if connection.dialect.name == "sqlite":
        joined = sa.func.group_concat(sa.func.json_quote(p.key).concat(":").concat(value))
    else:
        pair = sa.cast(sa.func.to_json(p.key), sa.Text).concat(":").concat(value)
        joined = sa.func.string_agg(pair, ",")
    given = sa.select(p.run_id, joined).where(_among(connection, p.run_id)).group_by(p.run_id)
    params = {}
    for run_id, text in _raw(connection, given, _told(connection, ids)):
        found = json.loads(f"{{{text}}}")
        if "{" in text or "[" in text:
            found = {key: from_special(value) for key, value in found.items()}
        params[run_id] = _by_name(found) if by_name else found
    return params


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
        None,
        name=row["name"],
        value=value,
        step=row["step"],
        time=instant(row["time_us"]),
        min=row["min"],
        max=row["max"],
        count=row["count"],
        spark=spark,
    )


def _artifact(row: Mapping[Any, Any]) -> Artifact:
    return _made(
        Artifact,
        None,
        name=row["name"],
        size_bytes=row["size_bytes"],
        media_type=row["media_type"],
        hash=row["hash"],
        created=instant(row["created_us"]),
        location=row["location"],
    )


_RUN: dict[str, Any] = {"_history": None, "_measure": None}


def _made(kind: type[V], private: dict[str, Any] | None, **values: Any) -> V:
    """A view of values that are complete and right: `model_construct` would look at each default anew."""
    view = kind.__new__(kind)
    put = object.__setattr__
    # In the order of the fields, which is that of the JSON.
    put(view, "__dict__", _defaults(kind) | values)
    put(view, "__pydantic_fields_set__", set(values))
    put(view, "__pydantic_extra__", None)
    put(view, "__pydantic_private__", None if private is None else dict(private))
    return view


@lru_cache(maxsize=20)
def _defaults(kind: type[View]) -> dict[str, Any]:
    return {
        name: None if each.is_required() else each.get_default(call_default_factory=True)
        for name, each in kind.model_fields.items()
    }


_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def instant(microseconds: int) -> datetime:
    """The datetime; a time that users gave may lie beyond the years 1 to 9999, and is shown as their end."""
    try:
        return datetime_of(microseconds)
    except OverflowError:
        return _FIRST if microseconds < 0 else _LAST

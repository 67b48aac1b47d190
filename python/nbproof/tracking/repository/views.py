"""From rows to what users see: experiments, runs, metrics and artifacts."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
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
    portions,
)

if TYPE_CHECKING:
    import pandas
    from sqlalchemy.engine import Connection, RowMapping

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
    rows = {
        row["id"]: row
        for some in portions(ids)
        for row in connection.execute(select_runs().where(RUNS.c.id.in_(some))).mappings()
    }
    return runs_of_rows(connection, [rows[each] for each in ids])


def runs_of_rows(connection: Connection, rows: Sequence[RowMapping]) -> list[Run]:
    """Runs with all that belongs to them: one query a table for the whole page, however long."""
    ids = [row["id"] for row in rows]
    params: dict[str, dict[str, Any]] = {}
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    metrics: dict[str, dict[str, float]] = defaultdict(dict)
    artifacts: dict[str, list[Artifact]] = defaultdict(list)
    newest: dict[str, Metric] = {}
    t, m, a = TAGS.c, METRICS.c, ARTIFACTS.c
    for some in portions(ids):
        params |= params_of(connection, some)
        labels = sa.select(t.run_id, t.key, t.value).where(t.run_id.in_(some)).order_by(t.run_id, t.key)
        for run_id, key, text in connection.execute(labels).all():
            tags[run_id][key] = text
        latest = (
            sa.select(m.run_id, m.name, m.value, m.special)
            .where(m.run_id.in_(some))
            .order_by(m.run_id, m.name)
        )
        for run_id, name, number, special in connection.execute(latest).all():
            metrics[run_id][name] = number if special is None else SPECIALS[special]
        kept = sa.select(ARTIFACTS).where(a.run_id.in_(some)).order_by(a.run_id, a.name)
        for row in connection.execute(kept).mappings():
            artifacts[row["run_id"]].append(_artifact(row))
        logged_last = (
            sa.select(METRICS)
            .join_from(RUNS, METRICS, sa.and_(m.run_id == RUNS.c.id, m.name == RUNS.c.newest_metric))
            .where(RUNS.c.id.in_(some))
        )
        for row in connection.execute(logged_last).mappings():
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
            metrics=metrics.get(row["id"], {}),
            tags=tags.get(row["id"], {}),
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

    columns = RunColumns(ids)
    r, t, m = RUNS.c, TAGS.c, METRICS.c
    for some in portions(ids):
        given = sa.select(r.id, r.name, EXPERIMENTS.c.name, r.status, r.started_us, r.ended_us).join_from(
            RUNS, EXPERIMENTS, r.experiment_id == EXPERIMENTS.c.id, isouter=True
        )
        columns.add_runs(connection.execute(given.where(r.id.in_(some))).all())
        columns.add_params(params_of(connection, some))
        values = sa.select(m.run_id, m.name, m.value, m.special).where(m.run_id.in_(some))
        columns.add_metrics(connection.execute(values).all(), SPECIALS)
        labels = sa.select(t.run_id, t.key, t.value).where(t.run_id.in_(some))
        columns.add_tags(connection.execute(labels).all())
    return columns.frame(UNKNOWN)


def params_of(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The params of some runs, by name.

    The database joins them to one JSON object a run: to read that is faster than thousands of rows.
    """
    p = PARAMS.c
    value = sa.type_coerce(p.value, sa.Text)
    if connection.dialect.name == "sqlite":
        joined = sa.func.group_concat(sa.func.json_quote(p.key).concat(":").concat(value))
    else:
        pair = sa.cast(sa.func.to_json(p.key), sa.Text).concat(":").concat(value)
        joined = sa.func.string_agg(pair, ",")
    given = sa.select(p.run_id, joined).where(p.run_id.in_(ids)).group_by(p.run_id)
    params = {}
    for run_id, text in connection.execute(given).all():
        found = json.loads(f"{{{text}}}")
        params[run_id] = {key: plain(found[key]) for key in sorted(found)}
    return params


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


def plain(value: Any) -> Any:
    """What a param's JSON stands for."""
    return from_special(value) if isinstance(value, dict | list) else value


_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def instant(microseconds: int) -> datetime:
    """The datetime; a time that users gave may lie beyond the years 1 to 9999, and is shown as their end."""
    try:
        return datetime_of(microseconds)
    except OverflowError:
        return _FIRST if microseconds < 0 else _LAST

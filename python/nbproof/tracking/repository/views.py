"""From rows to what users see: experiments, runs, metrics and artifacts."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from nbproof.core.clock import datetime_of
from nbproof.tracking.domain import SYSTEM
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
    from sqlalchemy.engine import Connection, RowMapping

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


def runs_of_rows(connection: Connection, rows: Sequence[RowMapping]) -> list[Run]:
    """Runs with all that belongs to them: one query a table for the whole page, however long."""
    ids = [row["id"] for row in rows]
    params: dict[str, dict[str, Any]] = defaultdict(dict)
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    metrics: dict[str, dict[str, float]] = defaultdict(dict)
    artifacts: dict[str, list[Artifact]] = defaultdict(list)
    newest: dict[str, Metric] = {}
    p, t, m, a = PARAMS.c, TAGS.c, METRICS.c, ARTIFACTS.c
    # Text columns as the driver gives them: the JSON is read below, which is faster by half.
    value = sa.type_coerce(p.value, sa.Text)
    for some in portions(ids):
        given = sa.select(p.run_id, p.key, value).where(p.run_id.in_(some)).order_by(p.run_id, p.key)
        for run_id, key, text in connection.execute(given).all():
            params[run_id][key] = _param(text)
        labels = sa.select(t.run_id, t.key, t.value).where(t.run_id.in_(some)).order_by(t.run_id, t.key)
        for run_id, key, text in connection.execute(labels).all():
            tags[run_id][key] = text
        latest = (
            sa.select(m.run_id, m.name, m.value, m.special)
            .where(m.run_id.in_(some), sa.not_(m.name.startswith(SYSTEM)))
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
        Run.model_construct(
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


def metric_of(row: Mapping[Any, Any]) -> Metric:
    """The state of a metric, from its row."""
    value = row["value"] if row["special"] is None else SPECIALS[row["special"]]
    spark = [from_special(each) for each in row["spark"]["values"]]
    if (row["count"] - 1) % row["spark"]["stride"]:
        spark.append(value)
    return Metric.model_construct(
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


def _artifact(row: Mapping[Any, Any]) -> Artifact:
    return Artifact.model_construct(
        name=row["name"],
        size_bytes=row["size_bytes"],
        media_type=row["media_type"],
        hash=row["hash"],
        created=instant(row["created_us"]),
        location=row["location"],
    )


# What is read was written by us, without spaces around it: the scanner alone does, at a third of the cost.
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # there, but not in the stubs


def _param(text: str) -> Any:
    value = _scan(text, 0)[0]
    return from_special(value) if isinstance(value, dict | list) else value


_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def instant(microseconds: int) -> datetime:
    """The datetime; a time that users gave may lie beyond the years 1 to 9999, and is shown as their end."""
    try:
        return datetime_of(microseconds)
    except OverflowError:
        return _FIRST if microseconds < 0 else _LAST

"""From rows to what users see: experiments, runs, metrics and artifacts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from nbproof.core.clock import datetime_of
from nbproof.core.operation import View
from nbproof.storage.tables import load_json
from nbproof.tracking.artifacts import kind_of
from nbproof.tracking.models import (
    Artifact,
    ArtifactList,
    Environment,
    Experiment,
    GitState,
    Metric,
    Run,
)
from nbproof.tracking.repository.belongings import ManyRuns, latest_of, params_of, tags_of, told
from nbproof.tracking.repository.stored import (
    ARTIFACTS,
    EXPERIMENTS,
    METRICS,
    RUNS,
    SPECIALS,
    from_special,
)

if TYPE_CHECKING:
    import pandas
    from sqlalchemy.engine import Connection

T = TypeVar("T")
V = TypeVar("V", bound=View)

UNKNOWN = "(not known yet)"


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


def runs_of_ids(connection: Connection, ids: Sequence[str], *, whole: bool = False) -> list[Run]:
    """Runs with all that belongs to them, in the order of their ids; those that are gone are left out.

    Of long params only the beginning is read, unless they are wanted `whole`.
    """
    many = ManyRuns(connection, ids)
    params: list[dict[str, Any]] = [{} for _ in ids]
    metrics: list[dict[str, float]] = [{} for _ in ids]
    tags: list[dict[str, str]] = [{} for _ in ids]
    artifacts: list[ArtifactList] = [ArtifactList() for _ in ids]
    children: list[dict[str, int]] = [{} for _ in ids]
    alike, previews = params_of(many, whole=whole)
    for keys, places, rows in alike:
        for place, values in zip(places, rows, strict=True):
            params[place] = dict(zip(keys, values, strict=True))
    for place, name, number in latest_of(many):
        metrics[place][name] = math.nan if number is None else number
    for place, key, text in tags_of(many):
        tags[place][key] = text
    for kept in many.mappings(_artifacts(many.dialect)):
        artifacts[kept["place"]].append(artifact_of(kept))
    for place, status, count in many.rows(_children(many.dialect)):
        children[place][status] = count
    runs: dict[int, Run] = {}
    for (
        place, run_id, name, experiment_id, experiment, status, started, ended, parent_id, notes,
        commit, branch, dirty, remote, code, entry, command, environment, os, gpu, redacted,
        source, user, host, python, group, deleted, cancelled, *newest,
    ) in many.rows(_runs(many.dialect)):  # fmt: skip
        # What comes from our own tables was checked on its way in.
        runs[place] = _made(
            Run,
            id=run_id,
            name=name,
            experiment_id=experiment_id or "",
            experiment=experiment or UNKNOWN,
            status=status,
            started=instant(started),
            ended=None if ended is None else instant(ended),
            parent_id=parent_id,
            notes=notes,
            params=params[place],
            metrics=_by_name(metrics[place]),
            tags=_by_name(tags[place]),
            artifacts=artifacts[place],
            git=None
            if commit is None and branch is None
            else _made(
                GitState,
                commit=commit,
                branch=branch,
                dirty=None if dirty is None else bool(dirty),
                remote=remote,
            ),
            code=code,
            entry=entry,
            command=command,
            environment_hash=environment,
            os=os,
            gpu=gpu,
            redacted=redacted,
            source=source,
            user=user,
            host=host,
            python=python,
            newest_metric=None if newest[0] is None else metric_of(*newest),
            group=group,
            children=children[place],
            deleted=None if deleted is None else instant(deleted),
            cancel_requested=None if cancelled is None else instant(cancelled),
            previews=previews.get(place, {}),
        )
    return [runs[place] for place in sorted(runs)]


@lru_cache(maxsize=2)
def _runs(dialect: str) -> sa.Select[Any]:
    given, place, run_id = told(dialect)
    r = RUNS.c
    newest = METRICS.alias("newest")
    return (
        sa.select(
            place, r.id, r.name, r.experiment_id, EXPERIMENTS.c.name, r.status, r.started_us, r.ended_us,
            r.parent_id, r.notes, r.git_commit, r.git_branch, r.git_dirty, r.git_remote, r.code, r.entry,
            r.command, r.environment, r.os, r.gpu, r.redacted, r.source, r.user_name, r.host, r.python,
            r.group_name, r.deleted_us, r.cancel_us, *measured(newest),
        )
        .join_from(given, RUNS, r.id == run_id)
        .outerjoin(EXPERIMENTS, EXPERIMENTS.c.id == r.experiment_id)
        .outerjoin(newest, sa.and_(newest.c.run_id == r.id, newest.c.name == r.newest_metric))
    )  # fmt: skip


@lru_cache(maxsize=2)
def _artifacts(dialect: str) -> sa.Select[Any]:
    given, place, run_id = told(dialect)
    kept = sa.select(place.label("place"), ARTIFACTS).join_from(
        given, ARTIFACTS, ARTIFACTS.c.run_id == run_id
    )
    return kept.order_by(ARTIFACTS.c.name)


@lru_cache(maxsize=2)
def _children(dialect: str) -> sa.Select[Any]:
    """How many runs are nested in each, by status; those in the trash are not counted."""
    given, place, run_id = told(dialect)
    return (
        sa.select(place, RUNS.c.status, sa.func.count())
        .join_from(given, RUNS, RUNS.c.parent_id == run_id)
        .where(RUNS.c.deleted_us.is_(None))
        .group_by(place, RUNS.c.status)
        .order_by(RUNS.c.status)
    )


def environment_of(row: Mapping[Any, Any]) -> Environment:
    """The environment of a row."""
    return Environment.model_validate({**row["facts"], "hash": row["hash"]})


def runs_frame_of(connection: Connection, ids: Sequence[str]) -> pandas.DataFrame:
    """Runs by id as a frame."""
    from nbproof.tracking.frames import RunColumns

    many = ManyRuns(connection, ids)
    columns = RunColumns(len(ids))
    columns.add_runs(many.rows(_known(many.dialect)))
    for alike in params_of(many)[0]:
        columns.add_params(*alike)
    columns.add_metrics(latest_of(many))
    columns.add_tags(tags_of(many))
    return columns.frame(UNKNOWN)


@lru_cache(maxsize=2)
def _known(dialect: str) -> sa.Select[Any]:
    given, place, run_id = told(dialect)
    r = RUNS.c
    return (
        sa.select(place, r.id, r.name, EXPERIMENTS.c.name, r.status, r.started_us, r.ended_us)
        .join_from(given, RUNS, r.id == run_id)
        .outerjoin(EXPERIMENTS, EXPERIMENTS.c.id == r.experiment_id)
    )


def _by_name(values: dict[str, T]) -> dict[str, T]:
    names = sorted(values)
    return values if names == list(values) else {name: values[name] for name in names}


def measured(table: Any) -> list[sa.ColumnElement[Any]]:
    """The columns that `metric_of` takes."""
    m = table.c
    return [
        m.name, m.value, m.special, m.step, m.time_us, m.min, m.max, m.count,
        sa.type_coerce(m.spark, sa.Text), m.best, m.best_step,
    ]  # fmt: skip


def metric_of(
    name: str,
    number: float | None,
    special: int | None,
    step: int,
    time_us: int,
    least: float | None,
    greatest: float | None,
    count: int,
    spark: str,
    best: float | None,
    best_step: int | None,
) -> Metric:
    """The state of a metric, from its row."""
    value = number if special is None else SPECIALS[special]
    drawn = load_json(spark)
    values = [from_special(each) for each in drawn["values"]]
    if (count - 1) % drawn["stride"]:
        values.append(value)
    return _made(
        Metric,
        name=name,
        value=value,
        step=step,
        time=instant(time_us),
        min=least,
        max=greatest,
        best=best,
        best_step=best_step,
        count=count,
        spark=values,
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

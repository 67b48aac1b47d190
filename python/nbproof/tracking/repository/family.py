"""Runs that are nested in runs, counted and summed up; and the values a param had."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from nbproof.core.errors import NotFound, near_names
from nbproof.core.ids import short
from nbproof.tracking.domain import less_is_better
from nbproof.tracking.repository.stored import (
    METRICS,
    PARAM_HISTORY,
    PARAMS,
    RUNS,
    clean,
    from_special,
    portions,
)
from nbproof.tracking.repository.views import instant
from nbproof.tracking.trash_models import Children, ParamHistory, ParamValue, RolledMetric

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["children_of", "param_values", "params_in_time"]


def children_of(connection: Connection, identifier: str, metrics: Sequence[str], deep: bool) -> Children:
    """How many runs are nested in a run, and the metrics named, over them."""
    levels: list[list[str]] = []
    seen = {identifier}
    statuses: dict[str, int] = defaultdict(int)
    above = [identifier]
    while above:  # level by level: a ring, which only a forged journal could have, ends too
        level = []
        for some in portions(above):
            for run_id, status in connection.execute(
                sa.select(RUNS.c.id, RUNS.c.status)
                .where(RUNS.c.parent_id.in_(some), RUNS.c.deleted_us.is_(None))
                .order_by(RUNS.c.id)
            ):
                if run_id in seen:
                    continue
                seen.add(run_id)
                level.append(run_id)
                if not levels:
                    statuses[status] += 1
        if level:
            levels.append(level)
        above = level
    direct = levels[0] if levels else []
    everyone = [run_id for level in levels for run_id in level]
    over = everyone if deep else direct
    return Children(
        id=identifier,
        count=len(direct),
        statuses=dict(sorted(statuses.items())),
        descendants=len(everyone),
        metrics=[_rolled(connection, name, over) for name in metrics],
    )


def _rolled(connection: Connection, name: str, runs: Sequence[str]) -> RolledMetric:
    values: list[tuple[float, str]] = []
    for some in portions(runs):
        values += [
            (value, run_id)
            for value, run_id in connection.execute(
                sa.select(METRICS.c.value, METRICS.c.run_id).where(
                    METRICS.c.run_id.in_(some), METRICS.c.name == clean(name), METRICS.c.special.is_(None)
                )
            )
        ]
    if not values:
        return RolledMetric(name=name, count=0)
    numbers = [value for value, _ in values]
    # Of equals the run started last, as @best has it; ids sort by time.
    sign = 1 if less_is_better(name) else -1
    newest_first = sorted(values, key=lambda each: each[1], reverse=True)
    best, best_run = min(newest_first, key=lambda each: sign * each[0])
    column = np.array(numbers)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(column.mean())
        std = float(column.std(ddof=1)) if len(numbers) > 1 else None
    return RolledMetric(
        name=name,
        count=len(values),
        best=best,
        best_run=best_run,
        mean=mean,
        std=std,
        min=min(numbers),
        max=max(numbers),
    )


def params_in_time(connection: Connection, run_id: str) -> dict[str, list[tuple[int, Any]]]:
    """Every value of every param of a run in the order of time, each as ``(time_us, value)``."""
    found: dict[str, list[tuple[int, Any]]] = defaultdict(list)
    h, p = PARAM_HISTORY.c, PARAMS.c
    for statement in (
        sa.select(h.key, sa.type_coerce(h.value, sa.Text), h.time_us)
        .where(h.run_id == run_id)
        .order_by(h.time_us, h.id),
        sa.select(p.key, sa.type_coerce(p.value, sa.Text), p.time_us).where(p.run_id == run_id),
    ):
        for key, text, time_us in connection.execute(statement):
            found[key].append((time_us, from_special(json.loads(text))))
    return dict(found)


def param_values(connection: Connection, identifier: str, key: str) -> ParamHistory:
    """Every value of a param in the order of time; raises `NotFound` with near names."""
    wanted = clean(key)
    text = sa.type_coerce(PARAM_HISTORY.c.value, sa.Text)
    before = connection.execute(
        sa.select(text, PARAM_HISTORY.c.time_us)
        .where(PARAM_HISTORY.c.run_id == identifier, PARAM_HISTORY.c.key == wanted)
        .order_by(PARAM_HISTORY.c.time_us, PARAM_HISTORY.c.id)
    ).all()
    shown = connection.execute(
        sa.select(sa.type_coerce(PARAMS.c.value, sa.Text), PARAMS.c.time_us).where(
            PARAMS.c.run_id == identifier, PARAMS.c.key == wanted
        )
    ).one_or_none()
    if shown is None:
        known = (
            sa.select(PARAMS.c.key).where(PARAMS.c.run_id == identifier).order_by(PARAMS.c.key).limit(2000)
        )
        near = near_names(key, connection.execute(known).scalars())
        raise NotFound(
            f"the run {short(identifier)} has no param {key!r}",
            hint=f"did you mean {near[0]!r}?" if near else None,
            details={"near": near},
        )
    return ParamHistory(
        key=key,
        items=[
            ParamValue(value=from_special(json.loads(value)), time=instant(time_us))
            for value, time_us in [*before, shown]
        ],
    )

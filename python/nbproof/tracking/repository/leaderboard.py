"""The runs that a leaderboard ranks, from the records."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from nbproof.core.errors import Invalid, NotFound, hint_of, near_names
from nbproof.tracking import query as language
from nbproof.tracking.domain import less_is_better
from nbproof.tracking.leaderboard import Scored, ranked
from nbproof.tracking.models import Leaderboard
from nbproof.tracking.repository.belongings import ManyRuns, params_of
from nbproof.tracking.repository.completion import known_names, near_fields
from nbproof.tracking.repository.datasets import DatasetVersions
from nbproof.tracking.repository.search import Search
from nbproof.tracking.repository.stored import METRICS, SPECIALS, clean, from_special

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["Asked", "leaderboard"]

_VALUES = ("last", "min", "max", "best")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a leaderboard is of."""

    metric: str
    value: str
    group_by: Sequence[str]
    over: Sequence[str]
    top: int


def leaderboard(
    connection: Connection,
    search: Search,
    asked: Asked,
    now_us: int,
    datasets: DatasetVersions | None = None,
) -> Leaderboard:
    """The best groups of what a search finds."""
    _check(asked)
    fields = [_field(connection, each, "group_by") for each in asked.group_by]
    over = [_field(connection, each, "over") for each in asked.over]
    if wrong := [text for text, field in zip(asked.over, over, strict=True) if field.group != "params"]:
        raise Invalid(
            f"over takes params, found {wrong[0]!r}", hint="like params.seed", details={"field": "over"}
        )
    figure = ("min" if less_is_better(asked.metric) else "max") if asked.value == "best" else asked.value
    rows = search.scores(connection, clean(asked.metric), figure, fields, now_us, datasets)
    if not rows:
        _nothing(connection, asked.metric)
    scored = []
    for run_id, name, started_us, number, special, *values in rows:
        value = number if special is None else SPECIALS[special]
        if value is not None:
            scored.append((values, Scored(run_id, name, started_us, float(value))))
    runs: list[tuple[Hashable, Mapping[str, Any], Scored]]
    if over:
        runs, group_by = _but_for(connection, [run for _, run in scored], {field.name for field in over})
    elif fields:
        shown = {text: _shown(field) for text, field in zip(asked.group_by, fields, strict=True)}
        runs = []
        for values, run in scored:
            keys = {text: show(value) for (text, show), value in zip(shown.items(), values, strict=True)}
            runs.append((tuple(values), keys, run))
        group_by = list(asked.group_by)
    else:
        runs = [(run.run_id, {"run": run.name}, run) for _, run in scored]
        group_by = ["run"]
    groups = ranked(runs, less_is_better=less_is_better(asked.metric))
    return Leaderboard(
        metric=asked.metric,
        value=asked.value,
        less_is_better=less_is_better(asked.metric),
        group_by=group_by,
        groups=groups[: asked.top],
        total_groups=len(groups),
        total_runs=len(runs),
    )


def _check(asked: Asked) -> None:
    if not isinstance(asked.metric, str) or not asked.metric:
        raise Invalid("a leaderboard is by a metric, named by text", details={"field": "metric"})
    if asked.value not in _VALUES:
        raise Invalid(
            f"no value {asked.value!r} of a run",
            hint=f"one of: {', '.join(_VALUES)}",
            details={"field": "value"},
        )
    if asked.group_by and asked.over:
        raise Invalid(
            "group_by and over exclude each other",
            hint="name what runs have in common, or what they differ in",
            details={"field": "over"},
        )
    if not isinstance(asked.top, int) or asked.top < 1:
        raise Invalid(f"top must be a number from 1, found {asked.top!r}", details={"field": "top"})


def _field(connection: Connection, text: str, name: str) -> language.Field:
    near: list[str] = []
    try:
        field = language.field_of(text)
        if field.group not in ("metrics", "dataset"):  # of datasets a run may have several
            return field
    except Invalid as error:
        if "unknown" in error.details:
            near = near_fields(connection, text, ("params", "tags"))
    raise Invalid(
        f"{text!r} is nothing that runs can be grouped by",
        hint=f"did you mean {near[0]}?"
        if near
        else "like params.model, tags.owner, experiment or git.branch",
        details={"field": name, "near": near},
    )


def _shown(field: language.Field) -> Any:
    if field.group == "params":
        return lambda text: None if text is None else from_special(json.loads(text))
    return lambda value: value


def _but_for(
    connection: Connection, runs: Sequence[Scored], left_out: set[str]
) -> tuple[list[tuple[Hashable, Mapping[str, Any], Scored]], list[str]]:
    """Runs by all of their params but some; what is the same in all of them is not shown."""
    kept: dict[str, dict[str, Any]] = {run.run_id: {} for run in runs}
    for keys, places, rows in params_of(ManyRuns(connection, list(kept)), whole=True)[0]:
        for place, row in zip(places, rows, strict=True):
            pairs = zip(keys, row, strict=True)
            kept[runs[place].run_id] = {key: value for key, value in pairs if key not in left_out}
    spelled = {run_id: json.dumps(each, sort_keys=True) for run_id, each in kept.items()}
    values: dict[str, set[str]] = {}
    for each in kept.values():
        for key, value in each.items():
            values.setdefault(key, set()).add(json.dumps(value, sort_keys=True))
    everywhere = {key for key in values if all(key in each for each in kept.values())}
    differing = [key for key in sorted(values) if len(values[key]) > 1 or key not in everywhere]
    columns = differing or sorted(values)
    return (
        [
            (
                spelled[run.run_id],
                {f"params.{key}": kept[run.run_id].get(key) for key in columns},
                run,
            )
            for run in runs
        ],
        [f"params.{key}" for key in columns],
    )


def _nothing(connection: Connection, metric: str) -> None:
    """Say so where the metric is unknown; where only the search finds nothing, the board is empty."""
    if connection.execute(
        sa.select(METRICS.c.run_id).where(METRICS.c.name == clean(metric)).limit(1)
    ).first():
        return
    known = list(known_names(connection, "metrics", metric))
    near = near_names(metric, known)
    raise NotFound(
        f"no run has the metric {metric!r}", hint=hint_of(near, known, "there are"), details={"near": near}
    )

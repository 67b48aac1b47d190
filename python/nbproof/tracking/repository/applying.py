"""Bringing what a drain read into the tables; points are brought by `nbproof.tracking.repository.harvest`."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from nbproof.core.clock import Clock, SystemClock
from nbproof.core.errors import Invalid
from nbproof.core.events import Changed
from nbproof.core.ids import short
from nbproof.storage.garbage import PURGED
from nbproof.storage.tables import dump_json
from nbproof.tracking.domain import ENDINGS, SYSTEM, param_text
from nbproof.tracking.environment import environment_hash
from nbproof.tracking.models import Environment
from nbproof.tracking.names import kind_name
from nbproof.tracking.points import RECORD
from nbproof.tracking.repository.artifacts import ArtifactChange, artifact_change, write_artifacts
from nbproof.tracking.repository.bulk import MARKS as _MARKS
from nbproof.tracking.repository.bulk import put as _put
from nbproof.tracking.repository.harvest import Harvest, sorted_points, write_points
from nbproof.tracking.repository.stored import (
    ENVIRONMENTS,
    EXPERIMENTS,
    PACKAGES,
    PARAM_HISTORY,
    PARAMS,
    RUNS,
    SERIES,
    TAGS,
    clean,
    from_special,
    portions,
    start_of,
)
from nbproof.tracking.repository.trash import purged_among

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from nbproof.storage.journal.reader import Batch

__all__ = ["TrackingApplier"]


@dataclass(slots=True)
class _Gathered:
    """What the events of a batch say, until it is written: in order within, by run and name without."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    params: list[tuple[str, str, Any, int]] = field(default_factory=list)
    tags: list[tuple[str, str, str | None, int]] = field(default_factory=list)
    artifacts: list[ArtifactChange] = field(default_factory=list)
    series: dict[int, tuple[str, str]] = field(default_factory=dict)
    active: dict[str, int] = field(default_factory=dict)
    redacted: dict[str, int] = field(default_factory=lambda: defaultdict(int))

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
            "run.environment",
            "params",
            "tags",
            "series",
            "artifact",
            "artifact.delete",
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
        points = sorted_points(connection, batch, gathered.series)
        now = self._clock.now_us()
        for run_id, time_us in points.latest():
            # Users may give any time; activity is not in the future.
            gathered.touch(run_id, min(time_us, now))
        points = _refuse_purged(connection, batch, gathered, points)
        if not gathered.active:
            return []
        runs = _locked_runs(connection, gathered.active)
        experiments = _change_runs(connection, runs, gathered)
        for run_id, count in gathered.redacted.items():
            runs[run_id]["redacted"] += count
        _write_environments(connection, gathered.runs)
        _write_params(connection, gathered.params)
        _write_tags(connection, gathered.tags)
        write_artifacts(connection, gathered.artifacts, _put)
        write_points(connection, points)
        for place in points.by_age:
            run_id, name = points.keys[place]
            if not name.startswith(SYSTEM):
                runs[run_id]["newest_metric"] = name
        _update_runs(connection, runs)
        changes = [Changed("run", tuple(gathered.active))]
        if experiments:
            changes.append(Changed("experiment", tuple(experiments)))
        return changes

    def writer_died(self, connection: Connection, writer_id: str, time_us: int) -> Iterable[Changed]:
        """Mark the runs of a dead process interrupted, ended at their last sign of life."""
        running = sa.and_(RUNS.c.writer_id == writer_id, RUNS.c.status == "running")
        rows = connection.execute(
            sa.select(RUNS.c.id, RUNS.c.started_us, RUNS.c.active_us)
            .where(running)
            .order_by(RUNS.c.id)
            .with_for_update()
        ).all()
        if not rows:
            return []
        connection.execute(
            sa.update(RUNS)
            .where(RUNS.c.id == sa.bindparam("run"))
            .values(status="interrupted", ended_us=sa.bindparam("last")),
            [{"run": row.id, "last": max(row.started_us, min(row.active_us, time_us))} for row in rows],
        )
        return [Changed("run", tuple(row.id for row in rows))]

    def writer_returned(self, connection: Connection, writer_id: str) -> Iterable[Changed]:
        """Let the runs go on that `writer_died` marked; what ended by its own word has no writer any more.

        One that was thrown away meanwhile stays interrupted: nothing in the trash is live.  What its process
        writes is kept, and when it is brought back it goes on at the next sign of life.
        """
        marked = sa.and_(
            RUNS.c.writer_id == writer_id, RUNS.c.status == "interrupted", RUNS.c.deleted_us.is_(None)
        )
        rows = connection.execute(sa.select(RUNS.c.id).where(marked).order_by(RUNS.c.id).with_for_update())
        ids = tuple(rows.scalars())
        if not ids:
            return []
        connection.execute(sa.update(RUNS).where(marked).values(status="running", ended_us=None))
        return [Changed("run", ids)]


def _gather(gathered: _Gathered, event: dict[str, Any], writer_id: str) -> None:
    try:
        kind, run_id, time_us = event["kind"], event["run"], event.get("time", 0)
        if type(run_id) is not str or len(run_id) != 32 or type(time_us) is not int:
            raise ValueError("a run is an id of 32 digits, a time a number of microseconds")
        if kind == "series":
            gathered.series[int(event["series"])] = (run_id, clean(event["key"]))
            return
        gathered.touch(run_id, time_us)
        if kind != "run.start":  # a start may be told twice, and counts once
            gathered.redacted[run_id] += int(event.get("redacted") or 0)
        match kind:
            case "params":
                gathered.params += [
                    (run_id, clean(key), value, time_us) for key, value in event["values"].items()
                ]
            case "tags":
                gathered.tags += [
                    (run_id, clean(key), None if value is None else clean(str(value)), time_us)
                    for key, value in event["values"].items()
                ]
            case "artifact" | "artifact.delete":
                gathered.artifacts.append(artifact_change(event, run_id, time_us))
            case "run.start":
                if not isinstance(event["experiment"]["name"], str) or not isinstance(event["name"], str):
                    raise ValueError("names are text")
                gathered.runs.append({**event, "writer": None if event.get("detached") else writer_id})
                gathered.params += [
                    (run_id, clean(key), value, time_us) for key, value in (event.get("params") or {}).items()
                ]
                gathered.tags += [
                    (run_id, clean(key), clean(str(value)), time_us)
                    for key, value in (event.get("tags") or {}).items()
                ]
            case "run.end" if event["status"] not in ENDINGS:
                raise ValueError(f"no run ends as {event['status']!r}")
            case "run.environment":
                _check_text(event, "environment", "os", "gpu")
                facts = event.get("facts")
                if facts is not None:
                    if environment_hash(facts) != event["environment"]:
                        raise ValueError("the facts of an environment are not those of its hash")
                    Environment.model_validate({**facts, "hash": event["environment"]})
                gathered.runs.append(event)
            case "run.provenance":
                git = event.get("git") or {}
                _check_text(git, "commit", "branch", "remote")
                _check_text(event, "code", "entry", "command")
                gathered.runs.append(event)
            case _:
                gathered.runs.append({**event, "writer": None if event.get("detached") else writer_id})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Invalid(
            f"an event {event.get('kind')!r} cannot be understood: {type(error).__name__} {error}",
            details={"seq": event.get("seq")},
        ) from error


def _refuse_purged(connection: Connection, batch: Batch, gathered: _Gathered, points: Harvest) -> Harvest:
    """Put aside what is said of runs that are gone for good: it must not make them anew."""
    gone = purged_among(connection, gathered.active)
    if not gone:
        return points
    told = [event["seq"] for event in batch.events if event.get("run") in gone]
    numbers = [
        number
        for (number,) in connection.execute(
            sa.select(SERIES.c.series).where(SERIES.c.writer_id == batch.writer.id, SERIES.c.run_id.in_(gone))
        )
    ]
    if numbers and batch.points:
        records = np.frombuffer(batch.points, RECORD)
        theirs = np.isin(records["series"], numbers)
        told += records["seq"][theirs].tolist()
        points = sorted_points(connection, replace(batch, points=records[~theirs].tobytes()), gathered.series)
    batch.refuse(PURGED, told)
    gathered.runs = [event for event in gathered.runs if event["run"] not in gone]
    gathered.params = [each for each in gathered.params if each[0] not in gone]
    gathered.tags = [each for each in gathered.tags if each[0] not in gone]
    gathered.artifacts = [each for each in gathered.artifacts if each.run_id not in gone]
    for run_id in gone:
        del gathered.active[run_id]
        gathered.redacted.pop(run_id, None)
    return points


def _check_text(given: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if not isinstance(given.get(name), str | None):
            raise ValueError(f"{name} is text")


def _insert_series(connection: Connection, writer_id: str, series: Mapping[int, tuple[str, str]]) -> None:
    _put(
        connection,
        SERIES,
        [(writer_id, number, run_id, name) for number, (run_id, name) in series.items()],
    )


def _locked_runs(connection: Connection, active: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """The rows of the runs of a batch, made where they are missing, kept from other drains till its end."""
    ids = sorted(active)
    _put(
        connection,
        RUNS,
        [
            (run_id, short(run_id), kind_name(run_id), "running", active[run_id], active[run_id])
            for run_id in ids
        ],
        columns=("id", "ending", "name", "status", "started_us", "active_us"),
        replace=False,
    )
    runs = {}
    for some in portions(ids):
        # Always in the order of the ids: two drains that share runs wait for each other, and never both.
        for row in connection.execute(
            sa.select(RUNS).where(RUNS.c.id.in_(some)).order_by(RUNS.c.id).with_for_update(key_share=True)
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
                    run["name"] = clean(event["name"])
                if run["notes"] is None:
                    run["notes"] = clean(event.get("notes"))
                run["experiment_id"] = experiments[clean(event["experiment"]["name"])]
                run["redacted"] += int(event.get("redacted") or 0)
                run["started_us"] = time_us
                run["parent_id"] = event.get("parent")
                run["group_name"] = clean(event.get("group"))
                for column, name in (("user_name", "user"), ("host", "host"), ("source", "source"),
                                     ("python", "python"), ("nbproof", "nbproof")):  # fmt: skip
                    run[column] = clean(event.get(name))
                if run["resumed_us"] is None:
                    run["writer_id"] = event["writer"]
            case "run.resume":
                run.update(status="running", ended_us=None, resumed_us=time_us, writer_id=event["writer"])
                run["cancel_us"] = None
            case "run.end":
                # An end from before the run was resumed, drained late, ends nothing.
                if run["resumed_us"] is None or time_us >= run["resumed_us"]:
                    run.update(status=event["status"], ended_us=time_us, writer_id=None)
            case "run.update":
                if event.get("name"):
                    run["name"] = clean(event["name"])
                if event.get("notes") is not None:
                    run["notes"] = clean(event["notes"]) or None
                if event.get("group") is not None:
                    run["group_name"] = clean(event["group"]) or None
            case "run.provenance":
                git = event.get("git") or {}
                run["git_commit"], run["git_branch"] = clean(git.get("commit")), clean(git.get("branch"))
                run["git_dirty"], run["git_remote"] = git.get("dirty"), clean(git.get("remote"))
                for column in ("code", "entry", "command"):
                    run[column] = clean(event.get(column))
            case "run.environment":
                for column in ("environment", "os", "gpu"):
                    run[column] = clean(event.get(column))
    return new


def _write_environments(connection: Connection, events: Sequence[dict[str, Any]]) -> None:
    """Keep the environments that are told whole; one that is there already is the same."""
    told = {
        event["environment"]: event
        for event in events
        if event["kind"] == "run.environment" and event.get("facts") is not None
    }
    _put(
        connection,
        ENVIRONMENTS,
        [
            (hash_, clean(facts.get("python")), dump_json(facts), event.get("time", 0))
            for hash_, event in sorted(told.items())
            if (facts := event["facts"]) is not None
        ],
        replace=False,
    )
    packages = [
        (hash_, clean(str(name)), clean(str(version)))
        for hash_, event in sorted(told.items())
        for name, version in (event["facts"].get("packages") or {}).items()
    ]
    _put(connection, PACKAGES, packages, replace=False)


def _experiment_ids(
    connection: Connection, starts: Sequence[dict[str, Any]]
) -> tuple[dict[str, str], list[str]]:
    """The id of each experiment by name, made where there is none, and which are new."""
    wanted: dict[str, tuple[str, int]] = {}
    for event in starts:
        wanted.setdefault(
            clean(event["experiment"]["name"]), (event["experiment"]["id"], event.get("time", 0))
        )
    _put(
        connection,
        EXPERIMENTS,
        [(identifier, name, "{}", created) for name, (identifier, created) in sorted(wanted.items())],
        columns=("id", "name", "tags", "created_us"),
        replace=False,
    )
    found: dict[str, str] = {}
    for some in portions(list(wanted)):
        # A new run in an experiment that was thrown away brings it back, or nobody would see the run.
        connection.execute(
            sa.update(EXPERIMENTS)
            .where(EXPERIMENTS.c.name.in_(some), EXPERIMENTS.c.deleted_us.is_not(None))
            .values(deleted_us=None)
        )
        found |= {
            name: identifier
            for identifier, name in connection.execute(
                sa.select(EXPERIMENTS.c.id, EXPERIMENTS.c.name).where(EXPERIMENTS.c.name.in_(some))
            )
        }
    return found, [found[name] for name, (identifier, _) in wanted.items() if found[name] == identifier]


def _write_params(connection: Connection, given: Sequence[tuple[str, str, Any, int]]) -> None:
    if not given:
        return
    shown: dict[tuple[str, str], tuple[str, int]] = {}
    for some in portions(sorted({run_id for run_id, _, _, _ in given})):
        for run_id, key, text, time_us in connection.execute(
            sa.select(
                PARAMS.c.run_id, PARAMS.c.key, sa.type_coerce(PARAMS.c.value, sa.Text), PARAMS.c.time_us
            ).where(PARAMS.c.run_id.in_(some))
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
        plain = from_special(value)
        shown_text, number = clean(param_text(plain)), _number(plain)
        changed[run_id, key] = (run_id, key, text, shown_text, number, time_us, start_of(shown_text, number))
    _put(connection, PARAMS, list(changed.values()))
    _put(
        connection,
        PARAM_HISTORY,
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
    for some in portions(sorted({run_id for run_id, _, _, _ in given})):
        for run_id, key, time_us in connection.execute(
            sa.select(TAGS.c.run_id, TAGS.c.key, TAGS.c.time_us).where(TAGS.c.run_id.in_(some))
        ):
            shown[run_id, key] = time_us
    changed: dict[tuple[str, str], tuple[str, int] | None] = {}
    for run_id, key, value, time_us in given:
        if time_us >= shown.get((run_id, key), time_us):
            shown[run_id, key] = time_us
            changed[run_id, key] = None if value is None else (value, time_us)
    _put(connection, TAGS, [(*key, *value) for key, value in changed.items() if value is not None])
    gone = [{"run": run_id, "name": key} for (run_id, key), value in changed.items() if value is None]
    if gone:
        connection.execute(
            sa.delete(TAGS).where(TAGS.c.run_id == sa.bindparam("run"), TAGS.c.key == sa.bindparam("name")),
            gone,
        )


def _update_runs(connection: Connection, runs: Mapping[str, dict[str, Any]]) -> None:
    columns = [column.name for column in RUNS.columns if column.name not in ("id", "ending")]
    mark = _MARKS[connection.dialect.name]
    assignments = ", ".join(f'"{column}" = {mark}' for column in columns)
    if runs:
        connection.exec_driver_sql(
            f"UPDATE runs SET {assignments} WHERE id = {mark}",
            [(*(run[column] for column in columns), run_id) for run_id, run in runs.items()],
        )

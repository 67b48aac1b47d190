"""Runs side by side: values, environments, code, and courses for charts."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbproof.core.clock import microseconds_of
from nbproof.core.errors import NotFound, hint_of, near_names
from nbproof.plots.smoothing import smoothed
from nbproof.tracking.domain import best_is
from nbproof.tracking.git import CHANGES, commit_difference
from nbproof.tracking.models import (
    CodeDifference,
    ComparedCourse,
    ComparedMetric,
    ComparedValues,
    Comparison,
    Environment,
    Run,
)
from nbproof.tracking.points import Points, thinned

if TYPE_CHECKING:
    from nbproof.tracking.repository import RunRepository

__all__ = ["MOST_CHARTS", "code_differences", "compare", "courses_of", "environments_of"]

MOST_CHARTS = 12
"""Metrics that get a chart where none are named."""

_POINTS_IN_A_CHART = 4000
_MOST_STATES = 10  # states of the code that are compared with the first
_MOST_CODE_BYTES = 200_000


def compare(
    runs: Sequence[Run],
    *,
    environments: Sequence[Environment | None] = (),
    charts: Sequence[ComparedMetric] = (),
    more_metrics: int = 0,
    code: Sequence[CodeDifference] = (),
    parents: Mapping[str, str] | None = None,
) -> Comparison:
    """Params, metrics, tags, git and environments of runs; those that differ first, then by name."""
    git = [_known({**(run.git.model_dump() if run.git else {}), "code": run.code}) for run in runs]
    blank: list[Environment | None] = [None] * len(runs)
    packages = _rows([each.packages if each else {} for each in environments])
    return Comparison(
        runs=list(runs),
        params=_rows([run.params for run in runs]),
        metrics=[_with_best(row) for row in _rows([run.metrics for run in runs])],
        tags=_rows([run.tags for run in runs]),
        git=_rows(git),
        environment=_rows([_facts(run, each) for run, each in zip(runs, environments or blank, strict=True)]),
        packages=[row for row in packages if row.differs],
        same_packages=sum(not row.differs for row in packages),
        charts=list(charts),
        more_metrics=more_metrics,
        code_differences=list(code),
        parents=dict(parents or {}),
    )


def _facts(run: Run, environment: Environment | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"host": run.host, "user": run.user, "entry": run.entry, "command": run.command}
    if environment is not None:
        facts |= environment.model_dump(exclude={"hash", "packages", "gpus"})
        facts["gpu"] = run.gpu
    return _known(facts)


def _known(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if value is not None}


# -- values ----------------------------------------------------------------------------------------


def _rows(columns: Sequence[Mapping[str, Any]]) -> list[ComparedValues]:
    keys = dict.fromkeys(key for column in columns for key in column)
    rows = []
    for key in keys:
        values = [column.get(key) for column in columns]
        first = values[0]
        rows.append(
            ComparedValues(key=key, values=values, differs=any(not _same(first, each) for each in values[1:]))
        )
    return sorted(rows, key=lambda row: (not row.differs, row.key))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    return type(one) is type(other) and bool(one == other)


def _with_best(row: ComparedValues) -> ComparedValues:
    numbers = [
        (value, place)
        for place, value in enumerate(row.values)
        if isinstance(value, (int, float)) and not math.isnan(value)
    ]
    side = best_is(row.key)
    if side is None or not numbers or not row.differs:
        return row
    choose = min if side == "least" else max
    best = choose(numbers, key=lambda pair: pair[0])[1]
    return row.model_copy(update={"best": best})


# -- environments ------------------------------------------------------------------------------------


def environments_of(records: RunRepository, runs: Sequence[Run]) -> list[Environment | None]:
    """The environment of each run; equal ones are read once."""
    known: dict[str | None, Environment | None] = {None: None}
    for run in runs:
        if run.environment_hash not in known:
            known[run.environment_hash] = records.environment_of_run(run.id)
    return [known[run.environment_hash] for run in runs]


# -- courses -----------------------------------------------------------------------------------------


def courses_of(
    records: RunRepository,
    runs: Sequence[Run],
    *,
    metrics: Sequence[str] | None = None,
    smoothing: float = 0.0,
    points: int | None = None,
) -> tuple[list[ComparedMetric], int]:
    """The courses of metrics in all runs that have them, thinned, and how many metrics got none.

    Parameters
    ----------
    records : RunRepository
    runs : sequence of Run
    metrics : sequence of str, optional
        By default those with more than one point in some run: what most runs have first, at most
        `MOST_CHARTS`.
    smoothing : float
        Every point counts for it, whatever is thinned afterwards.
    points : int, optional
        Most points of a course; by default the more runs, the fewer.
    """
    counts = [{each.name: each.count for each in records.metrics_of(run.id)} for run in runs]
    left_out = 0
    for name in metrics or ():
        if not any(name in count for count in counts):
            known = sorted({each for count in counts for each in count})
            near = near_names(name, known)
            raise NotFound(
                f"none of the runs has the metric {name!r}",
                hint=hint_of(near, known, "they have"),
                details={"near": near},
            )
    if metrics is None:
        having: dict[str, int] = {}
        for count in counts:
            for name, n in count.items():
                if n > 1:
                    having[name] = having.get(name, 0) + 1
        ordered = sorted(having, key=lambda name: (-having[name], name))
        metrics, left_out = ordered[:MOST_CHARTS], len(ordered[MOST_CHARTS:])
    most = points if points is not None else max(20, min(200, _POINTS_IN_A_CHART // len(runs)))
    found = []
    for name in metrics:
        courses = [
            _course(records, run, place, name, most, smoothing)
            for place, run in enumerate(runs)
            if name in counts[place]
        ]
        found.append(ComparedMetric(name=name, courses=courses))
    return found, left_out


def _course(
    records: RunRepository, run: Run, place: int, name: str, most: int, smoothing: float
) -> ComparedCourse:
    steps, times, values = records.metric_columns(run.id, name)
    # Thinning says which points stay; their numbers take the place of the steps.
    kept = thinned(Points(np.arange(len(steps)), times, values), most).steps
    soft = smoothed(values.tolist(), smoothing) if smoothing else []
    seconds = (times[kept] - microseconds_of(run.started)) / 1e6
    return ComparedCourse.model_construct(
        run=place,
        count=len(steps),
        steps=steps[kept].tolist(),
        seconds=seconds.tolist(),
        values=values[kept].tolist(),
        smoothed=[soft[each] for each in kept.tolist()] if soft else [],
    )


# -- code ----------------------------------------------------------------------------------------------


def code_differences(
    runs: Sequence[Run], read: Callable[[str, str], str | None], repository: Path | None
) -> list[CodeDifference]:
    """How the code of the first run and that of the others differ, one for each state of the code.

    Parameters
    ----------
    runs : sequence of Run
    read : callable
        Text of a run's artifact by run and name; None where it is gone or too large.
    repository : Path, optional
        Where git may be asked what changed between two commits.
    """
    states: dict[tuple[str | None, str | None], list[int]] = {}
    for place, run in enumerate(runs):
        states.setdefault(_state(run), []).append(place)
    base = states[_state(runs[0])]
    found = []
    for others in list(states.values())[:_MOST_STATES]:
        if others is base:
            continue
        patch, missing = _difference(runs[0], runs[others[0]], read, repository)
        found.append(CodeDifference(runs=others, patch=patch or None, missing=missing))
    return found


def _state(run: Run) -> tuple[str | None, str | None]:
    changes = next((each.hash for each in run.artifacts if each.name == CHANGES), None)
    return (run.git.commit if run.git else None, changes)


def _difference(
    one: Run, other: Run, read: Callable[[str, str], str | None], repository: Path | None
) -> tuple[str, str | None]:
    (commit, changes), (other_commit, other_changes) = _state(one), _state(other)
    parts: list[str] = []
    missing = None
    if commit is None or other_commit is None:
        missing = "the commit of one of them is not known"
    elif commit != other_commit:
        text = (
            commit_difference(repository, commit, other_commit, most_bytes=_MOST_CODE_BYTES)
            if repository is not None
            else None
        )
        if text is None:
            missing = "the repository is not at hand, or lacks one of the commits"
        elif text:
            parts.append(f"# from commit {commit[:10]} to {other_commit[:10]}\n{text}")
    if changes != other_changes:
        texts = [
            "" if hash_ is None else read(run.id, CHANGES)
            for run, hash_ in ((one, changes), (other, other_changes))
        ]
        if texts[0] is None or texts[1] is None:
            missing = "what was not committed is gone, or too large to compare"
        else:
            text = _patch_difference(texts[0], texts[1])
            if text:
                parts.append(f"# what was not committed\n{text}")
    whole = "\n".join(parts)
    if len(whole) > _MOST_CODE_BYTES:
        whole = whole[:_MOST_CODE_BYTES].rsplit("\n", 1)[0]
        missing = "the end was cut off: the difference is too large"
    return whole, missing


def _patch_difference(one: str, other: str) -> str:
    """Two patches file by file: what only the second changes as it is, what both do as a diff of the two."""
    before, after = _by_file(one), _by_file(other)
    lines: list[str] = []
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name, []), after.get(name, [])
        if old == new:
            continue
        if not old:
            lines += new
            continue
        lines += difflib.unified_diff(
            old, new, f"{name} (first run)", f"{name} (other run)", n=2, lineterm=""
        )
    return "\n".join(lines)


def _by_file(patch: str) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {}
    part: list[str] = []
    for line in patch.splitlines():
        if line.startswith("diff --"):
            part = files.setdefault(line.rsplit(" ", 1)[-1].removeprefix("b/"), [])
        elif line.startswith("#"):
            part = files.setdefault("files without content here", [])
        elif line.startswith("index "):
            continue  # hashes of what is compared anyway
        part.append(line)
    return files

"""Points of a batch on their way into the tables: sorted by metric, then written.

Batches come in two shapes: many points of few metrics (a training loop), and one point of each of very many
(a sweep of short runs).  So what is done for each metric is plain Python on prepared lists, and what is done
for each point is numpy over all metrics at once.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from nbproof.core.errors import PlatformError
from nbproof.core.ids import short
from nbproof.storage.tables import dump_json
from nbproof.tracking.domain import less_is_better
from nbproof.tracking.points import (
    CHUNK,
    OUTLINE,
    RECORD,
    TAIL,
    TAIL_POINT_BYTES,
    Points,
    extent,
    pack,
    sparkle,
    tails,
    thinned,
    unpack,
)
from nbproof.tracking.repository.bulk import put
from nbproof.tracking.repository.stored import (
    CHUNKS,
    INFINITY,
    METRICS,
    MINUS_INFINITY,
    NAN,
    SERIES,
    portions,
    to_special,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy.engine import Connection

    from nbproof.storage.journal.reader import Batch

__all__ = ["Harvest", "meanings", "sorted_points", "write_points"]

Key = tuple[str, str]  # a run and a metric

# Bytes of chunks that are kept before they are written.
_CHUNKS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Harvest:
    """Points of many metrics, one metric after the other, each in the order logged.

    Attributes
    ----------
    points : Points
    keys : list of (run, metric)
    starts, ends : list of int
        Where in the points each metric's lie.
    by_age : list of int
        Places in `keys`, the metric logged last at the end.
    """

    points: Points
    keys: list[Key]
    starts: list[int]
    ends: list[int]
    by_age: list[int]

    def latest(self) -> list[tuple[str, int]]:
        """Each metric's run and latest time."""
        if not self.keys:
            return []
        times = np.maximum.reduceat(self.points.times, self.starts).tolist()
        return [(run_id, time) for (run_id, _), time in zip(self.keys, times, strict=True)]

    def of(self, place: int) -> Points:
        """One metric's points."""
        return self.points.at(slice(self.starts[place], self.ends[place]))


_NOTHING = Harvest(Points.none(), [], [], [], [])


def sorted_points(connection: Connection, batch: Batch, told: Mapping[int, Key]) -> Harvest:
    """The points of a batch by run and metric; those of no known metric are refused.

    Parameters
    ----------
    told : mapping
        What the batch itself says that numbers stand for; others are asked of the table.
    """
    if not batch.points:
        return _NOTHING
    records = np.frombuffer(batch.points, RECORD)
    numbers = np.ascontiguousarray(records["series"])
    order, starts = _grouping(numbers)
    found = numbers[order[starts]].tolist()
    meant = meanings(connection, batch.writer.id, found, told)
    if len(meant) < len(found):
        known = np.isin(numbers, list(meant))
        batch.refuse("no event says which metric these points belong to", records["seq"][~known].tolist())
        records = records[known]
        if not len(records):
            return _NOTHING
        numbers = numbers[known]
        order, starts = _grouping(numbers)
        found = numbers[order[starts]].tolist()
    first: dict[Key, int] = {}
    for number in found:
        first.setdefault(meant[number], number)
    if len(first) < len(found):
        # A metric may have several numbers: after a resume, or where a definition was written twice.
        alike = np.array([first[meant[number]] for number in found], np.uint32)
        numbers = alike[np.searchsorted(np.array(found, np.uint32), numbers)]
        order, starts = _grouping(numbers)
        found = numbers[order[starts]].tolist()
    ends = np.append(starts[1:], len(order))
    ordered = records[order] if len(found) > 1 else records
    return Harvest(
        Points(
            np.ascontiguousarray(ordered["step"], np.int64),
            np.ascontiguousarray(ordered["time"], np.int64),
            np.ascontiguousarray(ordered["value"], np.float64),
        ),
        [meant[number] for number in found],
        starts.tolist(),
        ends.tolist(),
        np.argsort(order[ends - 1]).tolist(),
    )


def _grouping(numbers: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """An order that brings equal numbers together, each group's kept as it was, and where groups begin."""
    least = numbers.min()
    span = int(numbers.max()) - int(least)
    if span == 0:
        return np.arange(len(numbers)), np.zeros(1, np.int64)
    # Of 16 bits numpy sorts by counting, without a comparison.
    small = (numbers - least).astype(np.uint16) if span < 1 << 16 else numbers
    order = np.argsort(small, kind="stable")
    ordered = numbers[order]
    return order, np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])


def meanings(
    connection: Connection, writer_id: str, numbers: list[int], told: Mapping[int, Key]
) -> dict[int, Key]:
    """Which metric of which run each number of a writer stands for, as far as that is known."""
    meant = {number: told[number] for number in numbers if number in told}
    for some in portions([number for number in numbers if number not in meant]):
        rows = sa.select(SERIES.c.series, SERIES.c.run_id, SERIES.c.name).where(
            SERIES.c.writer_id == writer_id, SERIES.c.series.in_(some)
        )
        for number, run_id, name in connection.execute(rows):
            meant[number] = (run_id, name)
    return meant


def write_points(connection: Connection, harvest: Harvest) -> None:
    """Put points behind those that are there, and bring each metric's row up to date."""
    if not harvest.keys:
        return
    before = _states(connection, harvest.keys)
    steps, times, values = (column[np.array(harvest.ends) - 1].tolist() for column in harvest.points)
    # The reduction of a metric without any number is NaN.
    least = np.fmin.reduceat(harvest.points.values, harvest.starts).tolist()
    greatest = np.fmax.reduceat(harvest.points.values, harvest.starts).tolist()
    fresh = tails(harvest.points, harvest.starts, harvest.ends)
    metrics: list[tuple[Any, ...]] = []
    chunks: list[tuple[Any, ...]] = []
    for place, (run_id, name) in enumerate(harvest.keys):
        state = before.get((run_id, name), _NEW)
        n = harvest.ends[place] - harvest.starts[place]
        old_tail = state["tail"] or b""
        waiting = len(old_tail) // TAIL_POINT_BYTES
        if waiting + n <= TAIL:
            tail: bytes | None = old_tail + fresh[place][1:] if waiting else fresh[place]
        else:
            points = harvest.of(place)
            if waiting:
                points = Points.joined([unpack(old_tail), points])
            chunks += _chunks(connection, run_id, name, state["count"] - waiting, points)
            tail = None
        metrics.append(
            (
                run_id,
                name,
                *_latest(values[place]),
                steps[place],
                times[place],
                *_bounds(state, least[place], greatest[place]),
                state["count"] + n,
                _spark(state, harvest, place, values[place]),
                *_best(state, name, harvest, place, least[place], greatest[place]),
                tail,
            )
        )
        if len(chunks) >= _CHUNKS_AT_ONCE:
            put(connection, CHUNKS, chunks, columns=_CHUNK_COLUMNS)
            chunks = []
    put(connection, CHUNKS, chunks, columns=_CHUNK_COLUMNS)
    put(connection, METRICS, metrics, columns=_METRIC_COLUMNS)


_METRIC_COLUMNS = (
    "run_id", "name", "value", "special", "step", "time_us", "min", "max", "count", "spark", "best",
    "best_step", "tail",
)  # fmt: skip
_CHUNK_COLUMNS = (
    "run_id", "name", "seq", "n", "blob", "first_step", "last_step", "first_us", "last_us", "min", "max",
    "outline",
)  # fmt: skip

# The state of a metric that was not logged before.
_NEW: dict[str, Any] = {
    "count": 0, "tail": None, "min": None, "max": None, "best": None, "best_step": None, "spark": None,
}  # fmt: skip


def _states(connection: Connection, keys: list[Key]) -> dict[Key, Mapping[str, Any]]:
    """The rows of metrics that are there already."""
    names: dict[str, list[str]] = defaultdict(list)
    for run_id, name in keys:
        names[run_id].append(name)
    wanted, m = set(keys), METRICS.c
    if len(names) <= 16:
        # A run may have very many metrics, of which a batch touches few.
        where = [
            sa.and_(m.run_id == run_id, m.name.in_(some))
            for run_id, own in names.items()
            for some in portions(own)
        ]
    else:
        where = [m.run_id.in_(some) for some in portions(sorted(names))]
    found: dict[Key, Mapping[str, Any]] = {}
    rows = sa.select(m.run_id, m.name, m.count, m.tail, m.min, m.max, m.best, m.best_step, m.spark)
    for condition in where:
        for row in connection.execute(rows.where(condition)).mappings():
            if (row["run_id"], row["name"]) in wanted:
                found[row["run_id"], row["name"]] = dict(row)
    return found


def _latest(value: float) -> tuple[float | None, int | None]:
    """A value as the columns ``value`` and ``special``."""
    if math.isfinite(value):
        return value, None
    return None, NAN if value != value else INFINITY if value > 0 else MINUS_INFINITY


def _bounds(state: Mapping[str, Any], least: float, greatest: float) -> tuple[float | None, float | None]:
    low, high = state["min"], state["max"]
    if least == least:
        low = least if low is None or least < low else low
        high = greatest if high is None or greatest > high else high
    return low, high


def _best(
    state: Mapping[str, Any], name: str, harvest: Harvest, place: int, least: float, greatest: float
) -> tuple[float | None, int | None]:
    """The best value and its step: of equals the first."""
    less = _less_is_better(name)
    best, known = least if less else greatest, state["best"]
    if best != best or (known is not None and not (best < known if less else best > known)):
        return known, state["best_step"]
    start, end = harvest.starts[place], harvest.ends[place]
    if end - start > 1:
        start += int((harvest.points.values[start:end] == best).argmax())
    return best, int(harvest.points.steps[start])


_less_is_better = lru_cache(maxsize=10_000)(less_is_better)


def _spark(state: Mapping[str, Any], harvest: Harvest, place: int, value: float) -> str:
    start, end = harvest.starts[place], harvest.ends[place]
    if state["spark"] is None and end - start == 1 and math.isfinite(value):
        return f'{{"stride":1,"values":[{value!r}]}}'  # what the general way gives, for very many
    known = state["spark"] or {"stride": 1, "values": []}
    stride, values = sparkle(
        known["stride"], known["values"], state["count"], harvest.points.values[start:end]
    )
    return dump_json({"stride": stride, "values": [to_special(each) for each in values]})


def _chunks(
    connection: Connection, run_id: str, name: str, count: int, points: Points
) -> list[tuple[Any, ...]]:
    """The rows of new chunks, the first of them with what the last one there has already."""
    seq, filled = divmod(count, CHUNK)
    if filled:
        blob = connection.execute(_open_chunk(), {"run": run_id, "metric": name, "place": seq}).scalar()
        if blob is None:
            raise PlatformError(f"the last points of metric {name!r} of run {short(run_id)} are missing")
        points = Points.joined([unpack(bytes(blob)), points])
    rows: list[tuple[Any, ...]] = []
    for at in range(0, points.n, CHUNK):
        part = points.at(slice(at, at + CHUNK))
        outline = pack(thinned(part, OUTLINE)) if part.n == CHUNK else None
        rows.append((run_id, name, seq + at // CHUNK, part.n, pack(part), *extent(part), outline))
    return rows


@lru_cache(maxsize=1)
def _open_chunk() -> sa.Select[Any]:
    return sa.select(CHUNKS.c.blob).where(
        CHUNKS.c.run_id == sa.bindparam("run"),
        CHUNKS.c.name == sa.bindparam("metric"),
        CHUNKS.c.seq == sa.bindparam("place"),
    )

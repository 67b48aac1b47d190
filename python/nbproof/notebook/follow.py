"""What the panel of a live run shows: read from the journal that this process writes.

The journal is the one place that holds what was acknowledged, and reading it needs neither the database nor
any lock that a log call takes.  A look reads a bounded number of bytes; a process that logs faster than that
is shown in samples.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbproof.storage.journal.format import (
    POINT,
    POINT_BYTES,
    events_name,
    parse_line,
    points_name,
    segment_number,
    valid_points,
)
from nbproof.tracking.display import MetricCard, RunCard

if TYPE_CHECKING:
    from nbproof.tracking.active import ActiveRun

__all__ = ["Follower", "JournalFollower", "RecordsFollower", "follower_of"]

_POINTS_PER_LOOK = 2048
_EVENT_BYTES_PER_LOOK = 1 << 20
_COURSE = 240
_ASK_EVERY_SECONDS = 2.0


@dataclass(slots=True)
class Course:
    """One metric: its newest value, its extremes, and a thinned course of ``(step, value)``."""

    name: str
    value: float = math.nan
    step: int = 0
    points: list[tuple[int, float]] = field(default_factory=list)
    _every: int = 1
    _seen: int = 0

    def add(self, step: int, value: float) -> None:
        """The next point."""
        self.value, self.step = value, step
        if self._seen % self._every == 0:
            self.points.append((step, value))
            if len(self.points) >= 2 * _COURSE:
                # Every second is dropped, and from now on every second is taken.
                self.points = self.points[::2]
                self._every *= 2
        self._seen += 1

    def course(self) -> list[tuple[int, float]]:
        """The points, the newest among them."""
        newest = (self.step, self.value)
        return self.points if self.points and self.points[-1] is newest else [*self.points[:-1], newest]


class Follower:
    """Follows one live run; `card` is what is known of it."""

    def __init__(self, run: ActiveRun) -> None:
        self.run = run
        self.started_us: int | None = None
        self.ended_us: int | None = None
        self.params: dict[str, Any] = {}
        self.tags: dict[str, str] = {}
        self.artifacts: dict[str, int] = {}
        self.notes: str | None = None
        self.courses: dict[str, Course] = {}

    def look(self) -> None:
        """Read what is new."""

    def card(self) -> RunCard:
        """What is shown."""
        if self.run.status != "running" and self.ended_us is None:
            self.ended_us = time.time_ns() // 1000
        return RunCard(
            id=self.run.id,
            name=self.run.name,
            experiment=self.run.experiment,
            status=self.run.status,
            started_us=self.started_us,
            ended_us=self.ended_us if self.run.status != "running" else None,
            params=self.params,
            metrics=[
                MetricCard(each.name, each.value, each.step, recent=[value for _, value in each.course()])
                for each in self.courses.values()
            ],
            tags=self.tags,
            artifacts=list(self.artifacts.items()),
            notes=self.notes,
            unacknowledged=self.run.unacknowledged,
        )


class JournalFollower(Follower):
    """Follows a run in the journal of this process.

    Parameters
    ----------
    run : ActiveRun
    path : callable
        Gives the folder of this process in the journal; it changes when the journal is begun anew.
    """

    def __init__(self, run: ActiveRun, path: Callable[[], Path]) -> None:
        super().__init__(run)
        self._path = path
        self._folder: Path | None = None
        self._series: dict[int, str] = {}
        self._events = (0, 0)  # number of the file, bytes read
        self._points = (0, 0)
        self._unknown: list[tuple[int, int, float]] = []

    def look(self) -> None:
        """Read what is new: at most 2,048 points and 1 MiB of events."""
        folder = self._path()
        if folder != self._folder:
            self._folder = folder
            self._series.clear()
            self._events = self._points = (0, 0)
        try:
            names = os.listdir(folder)
        except OSError:
            return
        found: dict[str, list[int]] = {"events": [], "points": []}
        for name in names:
            segment = segment_number(name)
            if segment is not None:
                found[segment[0]].append(segment[1])
        self._read_events(folder, sorted(found["events"]))
        self._read_points(folder, sorted(found["points"]))

    def _read_events(self, folder: Path, numbers: list[int]) -> None:
        left = _EVENT_BYTES_PER_LOOK
        for number in numbers:
            at = self._events[1] if number == self._events[0] else 0
            if number < self._events[0] or left <= 0:
                continue
            data = _read(folder / events_name(number), at, left)
            whole = data[: data.rfind(b"\n") + 1]
            for line in whole.splitlines():
                event = parse_line(line)
                if event is not None and event.get("run") == self.run.id:
                    self._take(event)
            self._events = (number, at + len(whole))
            left -= len(data)

    def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("kind")
        if kind == "run.start":
            self.started_us = event.get("time")
            self.params.update(_plain(event.get("params") or {}))
            self._tag(event.get("tags") or {})
            self.notes = event.get("notes")
        elif kind == "run.update":
            self.notes = event.get("notes", self.notes) or None
        elif kind == "run.resume":
            self.started_us = self.started_us or event.get("time")
            self.ended_us = None
        elif kind == "params":
            self.params.update(_plain(event.get("values") or {}))
        elif kind == "tags":
            self._tag(event.get("values") or {})
        elif kind == "series":
            self._series[event["series"]] = str(event["key"])
        elif kind == "artifact":
            self.artifacts[str(event["name"])] = int(event.get("size", 0))
        elif kind == "artifact.delete" and event.get("version") is None:
            self.artifacts.pop(str(event["name"]), None)
        elif kind == "run.end":
            self.ended_us = event.get("time")

    def _tag(self, values: dict[str, str | None]) -> None:
        for key, value in values.items():
            if value is None:
                self.tags.pop(key, None)
            else:
                self.tags[key] = value

    def _read_points(self, folder: Path, numbers: list[int]) -> None:
        # What came before its series was read; the definition is in the journal before the point is.
        for series, step, value in self._unknown:
            self._add(series, step, value)
        self._unknown = []
        if not numbers:
            return
        number = numbers[-1]
        path = folder / points_name(number)
        at = self._points[1] if number == self._points[0] else 0
        end = _end_of_points(path, at)
        start = max(at, end - _POINTS_PER_LOOK * POINT_BYTES)
        data, used = valid_points(_read(path, start, end - start))
        for series, _, step, _, value, _ in POINT.iter_unpack(data):
            if series in self._series:
                self._add(series, step, value)
            else:
                self._unknown.append((series, step, value))
        # Other runs of this process have series that stay unknown here; only the fresh ones may be ours.
        self._unknown = self._unknown[-64:]
        self._points = (number, start + used if used else at)

    def _add(self, series: int, step: int, value: float) -> None:
        key = self._series.get(series)
        if key is not None:
            self.courses.setdefault(key, Course(key)).add(step, value)


class RecordsFollower(Follower):
    """Follows a run behind a server, by asking for it."""

    def __init__(self, run: ActiveRun) -> None:
        super().__init__(run)
        self._again = 0.0

    def look(self) -> None:
        """Ask for the run, every other second and once more when it has ended."""
        from nbproof.core.clock import microseconds_of
        from nbproof.core.errors import PlatformError

        if self.run.status == "running" and time.monotonic() < self._again:
            return
        self._again = time.monotonic() + _ASK_EVERY_SECONDS
        try:
            run = self.run.read()
        except PlatformError:
            return  # the server is away: the panel keeps what it has
        self.started_us = microseconds_of(run.started)
        self.params, self.tags, self.notes = dict(run.params), dict(run.tags), run.notes
        self.artifacts = {artifact.name: artifact.size_bytes for artifact in run.artifacts}
        for name, value in run.metrics.items():
            course = self.courses.setdefault(name, Course(name))
            if not course.points or course.value != value:
                course.add(course.step + bool(course.points), value)


def follower_of(run: ActiveRun) -> Follower:
    """The follower that fits where the run is written."""
    journal = run.journal
    if hasattr(journal, "path"):
        return JournalFollower(run, lambda: journal.path)
    return RecordsFollower(run)


def _read(path: Path, at: int, size: int) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(at)
            return file.read(size) or b""
    except OSError:
        return b""


def _end_of_points(path: Path, at: int) -> int:
    """Where the records end: a mapped file has zeros behind them."""
    try:
        with path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size // POINT_BYTES

            def written(place: int) -> bool:
                file.seek(place * POINT_BYTES)
                return any(file.read(POINT_BYTES))

            low, high = at // POINT_BYTES, size
            while low < high:
                middle = (low + high) // 2
                if written(middle):
                    low = middle + 1
                else:
                    high = middle
            return low * POINT_BYTES
    except OSError:
        return at


def _plain(value: Any) -> Any:
    """Special floats as the journal spells them, turned back."""
    if isinstance(value, dict):
        if set(value) == {"$float"}:
            return float(str(value["$float"]))
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value

"""Reads the journals of other processes while they are being written.

Without holes
-------------
A writer gives out its sequence numbers in order and puts each record in place before it gives out the next
number; but it writes two files, and reading takes time.  So `read_batch` reads the end of the points, then
the events, then the points once more, and cuts at S, the highest number seen in the first two readings.  An
event below S was in place before the first reading ended, a point below S before the second one ended: both
are found by the reading that followed.  A number below S that is still missing will never come: it is
damaged, and counted.

Memory stays bounded by `limit`: what is left over is for the next batch.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nbproof.storage.journal.format import (
    FORMAT,
    IDENTITY,
    POINT,
    POINT_BYTES,
    events_name,
    parse_line,
    points_name,
    segment_number,
    valid_points,
)
from nbproof.storage.journal.process import Process, is_dead

__all__ = [
    "Batch",
    "Cursor",
    "WriterInfo",
    "drained_segments",
    "has_news",
    "last_seq",
    "read_batch",
    "read_writer",
    "torn_records",
    "writer_ids",
]

_POINTS_LIMIT = 100_000
_EVENTS_LIMIT_BYTES = 8 << 20
_PIECE = (1 << 18) // POINT_BYTES * POINT_BYTES
_NOTHING = bytes(1 << 12)


@dataclass(frozen=True, slots=True)
class WriterInfo:
    """Who wrote a journal, from its ``writer.json``.

    Attributes
    ----------
    id : str
    process : Process
    version : str
        Of nbproof.
    created_us : int
    closed_us : int or None
        When it said that it was done; nothing comes after that.
    """

    id: str
    process: Process
    version: str
    created_us: int
    closed_us: int | None = None

    def is_dead(self) -> bool:
        """Whether the process has certainly ended without closing; False where that cannot be known."""
        return self.closed_us is None and is_dead(self.process)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a journal was read: all up to and with `seq`.

    The rest says where in the files that is; with zeros the whole journal is looked through, slower and with
    the same result.
    """

    seq: int = 0
    events_number: int = 0
    events_at: int = 0
    points_number: int = 0
    points_at: int = 0

    def as_json(self) -> dict[str, int]:
        """The places, without the sequence number."""
        return {
            "events_number": self.events_number,
            "events_at": self.events_at,
            "points_number": self.points_number,
            "points_at": self.points_at,
        }

    @classmethod
    def of(cls, seq: int, places: Any) -> Cursor:
        """A cursor from what `as_json` gave; what cannot be understood counts as zeros."""
        names = ("events_number", "events_at", "points_number", "points_at")
        if isinstance(places, dict) and all(
            type(places.get(name)) is int and places[name] >= 0 for name in names
        ):
            return cls(seq, *(places[name] for name in names))
        return cls(seq)


@dataclass(frozen=True, slots=True)
class Batch:
    """All records of a journal with ``from_ < seq <= to``.

    Attributes
    ----------
    writer : WriterInfo
    from_, to : int
    events : list of dict
        By ``seq``.
    points : bytes
        Valid point records (`nbproof.storage.journal.format.POINT`), by ``seq``.
    bad : int
        Numbers whose records are damaged.
    cursor : Cursor
        Where the next batch begins.
    """

    writer: WriterInfo
    from_: int
    to: int
    events: list[dict[str, Any]]
    points: bytes = field(repr=False)
    bad: int
    cursor: Cursor
    refused: list[tuple[str, tuple[int, ...]]] = field(default_factory=list, repr=False)

    def refuse(self, reason: str, seqs: Iterable[int]) -> None:
        """Say that records cannot be applied: they are put aside with the reason, the rest is kept.

        Quicker than raising, where one reason holds for many points.
        """
        if numbers := tuple(seqs):
            self.refused.append((reason, numbers))

    @property
    def point_count(self) -> int:
        """How many points there are."""
        return len(self.points) // POINT_BYTES

    def iter_points(self) -> Iterator[tuple[int, int, int, int, float]]:
        """Each point as ``(series, seq, step, time_us, value)``."""
        for series, seq, step, time_us, value, _ in POINT.iter_unpack(self.points):
            yield series, seq, step, time_us, value

    def part(self, from_: int, to: int) -> Batch:
        """The records of this batch with ``from_ < seq <= to``."""
        points = self.points[_first_above(self.points, from_) : _first_above(self.points, to)]
        events = [event for event in self.events if from_ < event["seq"] <= to]
        return replace(self, from_=from_, to=to, events=events, points=points, bad=0, refused=[])


def writer_ids(folder: Path) -> list[str]:
    """The journals in a journal folder, oldest first."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name
                for entry in entries
                if len(entry.name) == 32 and entry.is_dir(follow_symlinks=False)
            )
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_writer(path: Path) -> WriterInfo | None:
    """Who wrote the journal in this folder; None while that is not written yet, or was never.

    Raises
    ------
    ValueError
        ``writer.json`` is of a later format than this nbproof reads, or damaged.
    """
    try:
        text = (path / IDENTITY).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    facts = json.loads(text)
    if not isinstance(facts, dict) or facts.get("id") != path.name:
        raise ValueError(f"{path / IDENTITY} does not describe this journal")
    if facts.get("format") != FORMAT:
        raise ValueError(
            f"{path} has format {facts.get('format')!r}, written by nbproof {facts.get('version')}; "
            f"this nbproof reads format {FORMAT}"
        )
    try:
        closed = facts.get("closed_us")
        return WriterInfo(
            id=path.name,
            process=Process(
                host=str(facts["host"]),
                boot_id=str(facts["boot_id"]),
                pid=int(facts["pid"]),
                pid_started=str(facts["pid_started"]),
                pid_space=str(facts.get("pid_space", "")),
            ),
            version=str(facts["version"]),
            created_us=int(facts["created_us"]),
            closed_us=None if closed is None else int(closed),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path / IDENTITY} lacks {error}") from None


# -- batches -----------------------------------------------------------------------------------------------


def read_batch(
    path: Path,
    writer: WriterInfo,
    cursor: Cursor,
    limit: int = _POINTS_LIMIT,
    *,
    patience_seconds: float = 0.05,
) -> Batch | None:
    """The next records of a journal, or None where there are none.

    Parameters
    ----------
    path : Path
        The writer's folder.
    writer : WriterInfo
    cursor : Cursor
        Where the last batch ended.
    limit : int
        At most so many points, and events of about 80 times as many bytes (8 MB at least).
    patience_seconds : float
        How long to look again for a missing record before it counts as damaged.  Processors may show the
        writer's stores out of order for a moment.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        batch = _read_once(path, writer, cursor, limit)
        if batch is None or not batch.bad or time.monotonic() >= deadline:
            return batch
        time.sleep(0.01)


def _read_once(path: Path, writer: WriterInfo, cursor: Cursor, limit: int) -> Batch | None:
    points = _Points(path, cursor, limit)
    # No batch goes beyond points that the limit cut off: then later events need not be looked at.
    stop = points.last if points.more else None
    events = _read_events(path, cursor, max(_EVENTS_LIMIT_BYTES, 80 * limit), stop)
    to = max(points.last, events.last)
    if to <= cursor.seq:
        return None
    # What the limit cut off has higher numbers than what was read.
    if points.more:
        to = min(to, points.last)
    if events.more:
        to = min(to, events.last)
    points.look_again(limit)
    if points.more:
        to = min(to, points.last)
    data, points_number, points_at = points.up_to(to)
    kept = [event for event in events.found if event["seq"] <= to]
    events_number, events_at = events.places[len(kept)]
    count = len(kept) + len(data) // POINT_BYTES
    return Batch(
        writer=writer,
        from_=cursor.seq,
        to=to,
        events=kept,
        points=data,
        bad=max(0, to - cursor.seq - count),
        cursor=Cursor(to, events_number, events_at, points_number, points_at),
    )


def has_news(path: Path, cursor: Cursor) -> bool:
    """Whether a journal may hold more than was read: a few microseconds, and wrong only to say yes.

    A record damaged at the very place of the cursor hides what follows it until the file ends or grows.
    """
    try:
        if os.stat(path / events_name(cursor.events_number or 1)).st_size > cursor.events_at:
            return True
    except OSError:
        return True
    number = cursor.points_number or 1
    try:
        with open(path / points_name(number), "rb", buffering=0) as file:
            if any(_pread(file.fileno(), POINT_BYTES, cursor.points_at)):
                return True
    except FileNotFoundError:
        if cursor.points_number:
            return True
    return any(
        (path / name).exists()
        for name in (events_name((cursor.events_number or 1) + 1), points_name(number + 1))
    )


def last_seq(path: Path) -> int:
    """The highest sequence number in a journal, from the ends of its last files; 0 if there is none."""
    highest = 0
    for number in reversed(_numbers(path, "points")):
        found = _last_point(path / points_name(number))
        if found:
            highest = found
            break
    for number in reversed(_numbers(path, "events")):
        found = _last_event(path / events_name(number))
        if found:
            return max(highest, found)
    return highest


def torn_records(path: Path, cursor: Cursor) -> int:
    """Damaged records behind the last good one of a journal that nobody writes any more."""
    count = 0
    for number in _numbers(path, "points"):
        if number < cursor.points_number:
            continue
        at = cursor.points_at if number == cursor.points_number else 0
        for raw, _ in _pieces(path / points_name(number), at):
            for start in range(0, len(raw), POINT_BYTES):
                record = raw[start : start + POINT_BYTES]
                count += any(record) and not valid_points(record)[0]
    for number in _numbers(path, "events"):
        if number < cursor.events_number:
            continue
        at = cursor.events_at if number == cursor.events_number else 0
        with suppress(FileNotFoundError), open(path / events_name(number), "rb") as file:
            file.seek(at)
            count += sum(1 for line in file if line.strip() and parse_line(line.rstrip(b"\n")) is None)
    return count


def drained_segments(path: Path, cursor: Cursor) -> list[Path]:
    """The files of which everything was read and to which nothing more is written."""
    names = [(points_name, number) for number in _numbers(path, "points") if number < cursor.points_number]
    names += [(events_name, number) for number in _numbers(path, "events") if number < cursor.events_number]
    return [path / name(number) for name, number in names]


# -- points --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Piece:
    number: int
    at: int  # where in the file it begins
    data: bytes  # its valid records that were not read before
    raw: bytes | None  # all of it, where that is not the same: then places have to be looked for
    full: bool = True  # it reaches up to the next piece; else more may have come behind it since

    def place_after(self, seq: int, cut: int) -> int:
        """Where in the file the record behind those up to a number begins."""
        if self.raw is None:
            return self.at + cut
        end = 0
        for start in range(0, len(self.raw), POINT_BYTES):
            record = self.raw[start : start + POINT_BYTES]
            if _seq(record, 0) <= seq and valid_points(record)[0]:
                end = start + POINT_BYTES
        return self.at + end


class _Points:
    """What was read of the points, in pieces; the last of them can be read again."""

    def __init__(self, path: Path, cursor: Cursor, limit: int) -> None:
        self._path = path
        self._cursor = cursor
        self._pieces: list[_Piece] = []
        self.more = False
        self._read(cursor.points_number, cursor.points_at, limit)

    @property
    def last(self) -> int:
        """The highest number seen, or that of the cursor."""
        for piece in reversed(self._pieces):
            if piece.data:
                return _seq(piece.data, len(piece.data) - POINT_BYTES)
        return self._cursor.seq

    def look_again(self, limit: int) -> None:
        """Read again whatever was not final when it was read: from the first damage or empty place on."""
        if not self._pieces:
            self._read(self._cursor.points_number, self._cursor.points_at, limit)
            return
        unsure = (i for i, piece in enumerate(self._pieces) if piece.raw is not None or not piece.full)
        first = next(unsure, None)
        if first is None:
            if self.more:
                return
            first = len(self._pieces) - 1
        again = self._pieces[first]
        del self._pieces[first:]
        self._read(again.number, again.at, limit)

    def _read(self, number: int, at: int, limit: int) -> None:
        self.more = False
        room = limit * POINT_BYTES - sum(len(piece.data) for piece in self._pieces)
        for found in _numbers(self._path, "points"):
            if found < number:
                continue
            start = at if found == number else 0
            for raw, place in _pieces(self._path / points_name(found), start):
                valid, end = valid_points(raw)
                fresh = valid[_first_above(valid, self._cursor.seq) :]
                clean = len(valid) == end == len(raw) and len(fresh) == len(valid)
                # A later piece may have been filled before it was read, and after this one was.
                full = len(raw) == _PIECE
                self._pieces.append(_Piece(found, place, fresh, None if clean else raw, full))
                room -= len(fresh)
                if room <= 0:
                    self.more = True
                    return

    def up_to(self, seq: int) -> tuple[bytes, int, int]:
        """The records up to a number, and a place in front of all others."""
        number, at = self._cursor.points_number, self._cursor.points_at
        kept: list[bytes] = []
        for piece in self._pieces:
            if not piece.data and piece.raw is None:
                continue  # nothing was there yet: what comes there is in front of what follows
            cut = _first_above(piece.data, seq)
            if piece.data and not cut:
                break  # nor is what may have come behind the piece before to be passed over
            kept.append(piece.data[:cut])
            number, at = piece.number, piece.place_after(seq, cut)
            if cut < len(piece.data):
                break
        return b"".join(kept), number, at


def _pieces(path: Path, at: int) -> Iterator[tuple[bytes, int]]:
    """What is in a file of points from `at`, each piece without its empty end, and where it begins."""
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed below, and may be missing
    except FileNotFoundError:
        return
    with file:
        fd = file.fileno()
        while raw := _pread(fd, _PIECE, at):
            used = _used(raw)
            yield raw[: min(used, len(raw) // POINT_BYTES * POINT_BYTES)], at
            at += len(raw) // POINT_BYTES * POINT_BYTES
            if len(raw) < _PIECE:
                return


def _used(raw: bytes) -> int:
    """Bytes up to the end of the last record in which there is something.

    A file is mostly empty as long as it is young: block by block that is seen much faster than by `rstrip`.
    """
    end = len(raw)
    while end >= len(_NOTHING) and raw[end - len(_NOTHING) : end] == _NOTHING:
        end -= len(_NOTHING)
    last = max(0, end - len(_NOTHING))
    return -(-(last + len(raw[last:end].rstrip(b"\0"))) // POINT_BYTES) * POINT_BYTES


def _last_point(path: Path) -> int:
    try:
        size = path.stat().st_size // POINT_BYTES * POINT_BYTES
        with open(path, "rb", buffering=0) as file:
            while size > 0:
                start = max(0, size - _PIECE)
                raw = _pread(file.fileno(), size - start, start)
                valid, _ = valid_points(raw[: _used(raw)])
                if valid:
                    return _seq(valid, len(valid) - POINT_BYTES)
                size = start
    except FileNotFoundError:
        pass
    return 0


def _seq(points: bytes, at: int) -> int:
    return int.from_bytes(points[at + 4 : at + 12], "little")


def _first_above(points: bytes, seq: int) -> int:
    """Where in valid records the first one with a higher number begins."""
    low, high = 0, len(points) // POINT_BYTES
    while low < high:
        middle = (low + high) // 2
        if _seq(points, middle * POINT_BYTES) > seq:
            high = middle
        else:
            low = middle + 1
    return low * POINT_BYTES


# -- events --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Events:
    found: list[dict[str, Any]]
    # places[n]: a place behind the n-th event found and in front of the next one.
    places: list[tuple[int, int]]
    last: int
    more: bool = False


def _read_events(path: Path, cursor: Cursor, limit_bytes: int, stop: int | None) -> _Events:
    events = _Events([], [(cursor.events_number, cursor.events_at)], cursor.seq)
    read = 0
    for number in _numbers(path, "events"):
        if number < cursor.events_number:
            continue
        at = cursor.events_at if number == cursor.events_number else 0
        events.places[-1] = (number, at)
        with suppress(FileNotFoundError), open(path / events_name(number), "rb") as file:
            file.seek(at)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # still being written, or torn by the death of the writer
                at += len(line)
                event = parse_line(line[:-1])
                if event is not None and event["seq"] > events.last:
                    events.found.append(event)
                    events.last = event["seq"]
                    events.places.append((number, at))
                    read += len(line)
                    if read >= limit_bytes or (stop is not None and events.last > stop):
                        events.more = True
                        return events
                else:
                    events.places[-1] = (number, at)
    return events


def _last_event(path: Path) -> int:
    try:
        size = path.stat().st_size
        with open(path, "rb", buffering=0) as file:
            length = 1 << 14
            while True:
                start = max(0, size - length)
                lines = _pread(file.fileno(), size - start, start).split(b"\n")
                for line in reversed(lines):
                    event = parse_line(line)
                    if event is not None:
                        return int(event["seq"])
                if start == 0:
                    return 0
                length *= 4
    except FileNotFoundError:
        return 0


def _numbers(path: Path, kind: str) -> list[int]:
    """The numbers of the segments of a kind, in order."""
    try:
        with os.scandir(path) as entries:
            found = [segment_number(entry.name) for entry in entries]
    except FileNotFoundError:
        return []
    return sorted(segment[1] for segment in found if segment is not None and segment[0] == kind)


def _pread(fd: int, length: int, at: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(fd, length, at)
    os.lseek(fd, at, os.SEEK_SET)
    return os.read(fd, length)

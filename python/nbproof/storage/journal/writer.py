"""Writes a process's journal: the only write on the user's hot path.

What is promised
----------------
- When `Series.log` or `JournalWriter.event` has returned, the record survives the death of the process.
- They raise `OSError` where the machine fails (then the record is not in the journal), and nothing else that
  a caller who passes the right types could not foresee.
- Threads may share a writer.  A forked child writes a journal of its own, never its parent's.
- A signal handler or a ``__del__`` that logs while the same thread is inside the writer works, too.

How the last one works
----------------------
The lock is reentrant, so code that runs *within* a write may write.  Every write therefore prepares its bytes
first and then, in one stretch of bytecode without a call (where CPython runs neither signal handlers nor
finalizers nor other threads), checks that nobody wrote meanwhile, claims the sequence number, and calls the
one C function that puts the bytes in place.  Where somebody did write, it prepares anew.  The slow ways
(making the folder, growing, rotating, mending) follow the same rule: prepare aside, check, swap.

So sequence numbers never appear out of order: a reader that sees number n can count on finding every smaller
one, unless it is damaged.

Why a mapping
-------------
``os.write`` gives up the interpreter lock; beside a busy Python thread it takes up to 5 ms to get it back.
Points go to a shared mapping of their file instead, which the kernel keeps when the process is killed.  (Many
at once are appended by one ``os.write``: copied into the mapping they might appear in any order.)  The
mapping covers only bytes that were written as zeros before, so that a full disk is an `OSError` at growth and
never a SIGBUS.  On disks where that does not hold (network mounts, copy-on-write) points go by ``os.write``.
"""

from __future__ import annotations

import errno
import itertools
import json
import mmap
import os
import struct
import sys
import threading
import weakref
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from nbproof._version import __version__
from nbproof.core.clock import Clock
from nbproof.core.ids import new_id
from nbproof.storage.journal.format import (
    BODY,
    FORMAT,
    IDENTITY,
    POINT,
    POINT_BYTES,
    SEGMENT_BYTES,
    encode_event,
    event_line,
    events_name,
    points_name,
)
from nbproof.storage.journal.process import this_process
from nbproof.storage.mounts import holds_mappings

__all__ = ["JournalWriter", "Series"]

_GROW_BYTES = 1 << 20
_ZEROS = bytes(_GROW_BYTES)
_AT_ONCE = 1 << 16  # points of `Series.log_many` in one write: other threads wait for 10 ms at most
# After so many points the writer looks whether its file still has a name (1 µs, so not at each).
_LOOK_EVERY = 512 * POINT_BYTES
_MADV_POPULATE_WRITE = 23  # Linux 5.14; not in Python's mmap yet
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOINHERIT", 0)

# Looked up once: the hot path below spends its time in these.
_pack = BODY.pack
_pack_into = POINT.pack_into
_pack_whole = POINT.pack
_crc32 = zlib.crc32
_struct_error = struct.error
_write = os.write
_fstat = os.fstat
_ftruncate = os.ftruncate

_INT64 = range(-(2**63), 2**63)
_NO_SPACE = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


class _File:
    """An open file, closed when nobody holds it any more.

    Not before: a write that was interrupted by one that rotated must not find its descriptor closed, or given
    to another file.
    """

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self, _close: Callable[[int], None] = os.close) -> None:
        with suppress(OSError):
            _close(self.fd)


class _Segment:
    """A file of the journal; its identity tells whether somebody swapped it meanwhile."""

    __slots__ = ("fd", "file", "number", "size")

    def __init__(self, file: _File, number: int, size: int = 0) -> None:
        self.file = file
        self.fd = file.fd
        self.number = number
        self.size = size  # of points: how much of the file may be mapped


class Series:
    """One metric of one run, as its writer knows it.

    Attributes
    ----------
    run, key : str
    id : int
        Its number in this writer's records.
    last : int
        The step logged last; -1 before the first.
    """

    __slots__ = ("_defined_in", "_writer", "id", "key", "last", "run")

    def __init__(self, writer: JournalWriter, number: int, run: str, key: str, last: int = -1) -> None:
        self._writer = writer
        self._defined_in: object = None
        self.id = number
        self.run = run
        self.key = key
        self.last = last

    def log(self, value: float, step: int | None = None, time_us: int | None = None) -> None:
        """Record a point.

        Parameters
        ----------
        value : float
            NaN and ±inf too.
        step : int, optional
            Any int64; by default the last one + 1.
        time_us : int, optional
            Microseconds since 1970 UTC; by default the writer's clock.

        Raises
        ------
        OSError
            The machine failed; the point is not in the journal.
        OverflowError
            Step or time is not an int64.
        TypeError
            Something that is no number.
        """
        writer = self._writer
        with writer.lock:
            while True:
                if self._defined_in is not writer.epoch:
                    self._define()
                seq = writer.seq + 1
                at = writer.offset
                view = writer.view
                number = self.last + 1 if step is None else step
                when = writer.now_us() if time_us is None else time_us
                try:
                    crc = _crc32(_pack(self.id, seq, number, when, value))
                except _struct_error:
                    raise _unfit(value, number, when) from None
                if at >= writer.limit:
                    if writer._slow_point(self.id, number, when, value):
                        self.last = number
                        return
                    continue
                # From here to the call of `_pack_into` nothing may call anything: see the module's docstring.
                if writer.seq + 1 != seq or writer.view is not view:
                    continue
                writer.seq = seq
                writer.offset = at + POINT_BYTES
                self.last = number
                _pack_into(view, at, self.id, seq, number, when, value, crc)
                return

    def reserve(self, count: int) -> int:
        """Take so many steps behind the last one, which no other thread gets then; the first of them.

        Raises
        ------
        OverflowError
            They do not fit 64 bits.
        """
        with self._writer.lock:
            # Nothing is called from here to the assignment, so no signal handler takes the same ones.
            first = self.last + 1
            last = self.last + count
            if last >= 9223372036854775808:
                raise OverflowError("the step does not fit 64 bits")
            self.last = last
            return first

    def count_on(self, last: int) -> None:
        """Let default steps follow this one, if it is behind the last one known here."""
        with self._writer.lock:
            if last > self.last:
                self.last = last

    def log_many(self, count: int, encode: Callable[[int, int, slice], tuple[bytes, int | None]]) -> None:
        """Record many points whose records somebody else makes, as only he knows a fast way.

        They are written in blocks, each of them by one call, and other threads may record between two.  The
        promises are those of `log` for each block.

        Parameters
        ----------
        count : int
        encode : callable
            Given the number of the series, the sequence number of the first and which points, their valid
            records (`nbproof.storage.journal.format.POINT`) and the step of the last; None if reserved.

        Raises
        ------
        OSError
            The machine failed; points at the end, or all, are not in the journal.
        """
        start, size = 0, _AT_ONCE
        while start < count:
            part = slice(start, min(start + size, count))
            if self._log_block(part, encode):
                start, size = part.stop, _AT_ONCE
            else:
                # A signal handler came between that logs, too; the less is made, the less it spoils.
                size = max(1, size // 2)

    def _log_block(self, part: slice, encode: Callable[[int, int, slice], tuple[bytes, int | None]]) -> bool:
        writer = self._writer
        with writer.lock:
            points = None
            while points is None:
                if self._defined_in is not writer.epoch:
                    self._define()
                points = writer._ready_to_append()
            seq = writer.seq + 1
            block, last = encode(self.id, seq, part)
            if self._defined_in is not writer.epoch or not writer._append(points, seq, block):
                return False
            if last is not None:
                self.last = last
            return True

    def _define(self) -> None:
        writer = self._writer
        while self._defined_in is not writer.epoch:
            writer._ensure()
            epoch = writer.epoch
            writer.event("series", series=self.id, run=self.run, key=self.key)
            # A fork, a close or a mending in between began a new epoch: then once more.
            self._defined_in = epoch


def _unfit(value: object, step: object, when: object) -> Exception:
    for name, number in (("step", step), ("time", when)):
        if isinstance(number, int) and number not in _INT64:
            return OverflowError(f"the {name} does not fit 64 bits")
        if not isinstance(number, int):
            return TypeError(f"a {name} is an int, found {type(number).__name__}")
    return TypeError(f"a value is a float, found {type(value).__name__}")


class JournalWriter:
    """The journal of this process in one workspace.

    Parameters
    ----------
    folder : Path
        ``<workspace>/journal``; made with the first record, like everything in it.
    clock : Clock
        Stamps events and points that bring no time.
    on_failure : callable, optional
        Told of an `OSError` that no caller could be given (while closing).
    on_restored : callable, optional
        Called after somebody deleted the journal under us and it was written anew; runs that began before
        may be announced again.
    way : {"auto", "map", "write"}
        How points are written; "auto" decides by the disk.

    Attributes
    ----------
    id : str
        Name of this process's folder in the journal.  A forked child, and a writer that goes on after
        `close`, have a new one.
    """

    __slots__ = (
        "__weakref__",
        "_asked_way",
        "_base",
        "_clock",
        "_events",
        "_made",
        "_mapped",
        "_numbers",
        "_on_failure",
        "_on_restored",
        "_points",
        "_room",
        "_unsettled",
        "_writes",
        "epoch",
        "folder",
        "id",
        "limit",
        "lock",
        "now_us",
        "offset",
        "seq",
        "view",
    )

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock,
        on_failure: Callable[[OSError], None] | None = None,
        on_restored: Callable[[], None] | None = None,
        way: Literal["auto", "map", "write"] = "auto",
    ) -> None:
        self.folder = Path(os.path.abspath(folder))
        self.now_us = clock.now_us
        self._clock = clock
        self._on_failure = on_failure
        self._on_restored = on_restored
        self._asked_way = way
        self._numbers = itertools.count(1)
        self.lock = threading.RLock()
        self.id = ""
        self.seq = 0
        self.view: mmap.mmap | bytearray = bytearray()
        self.offset = 0  # where in `view` the next point goes; where points are not mapped, the file's size
        self.limit = 0  # up to where in `view` points go without another look; 0 where points are not mapped
        self.epoch: object = None  # series are defined once in each
        self._base = 0  # where in the file `view` begins
        self._room = 0  # up to where in `view` there is room; where points are not mapped, when to look again
        self._events: _Segment | None = None
        self._points: _Segment | None = None
        self._mapped = False
        self._made = False  # files that `sync` has not made durable in their folder
        self._unsettled = False  # a line of events is being written
        self._begin()
        _writers.add(self)

    def _begin(self) -> tuple[str, _Segment | None, _Segment | None, bool, int]:
        """Let go of the folder without touching it; the next record makes a new one.

        Returns its id, events, points, whether these are mapped, and where they end.
        """
        was = self.id
        identifier, view, epoch = new_id(), bytearray(), object()
        # No calls from here: whoever runs within this must find all of it done or none.
        if self.id != was:
            return was, None, None, False, 0  # somebody did it meanwhile
        events = self._events
        points = self._points
        mapped = self._mapped
        end = self._base + self.offset
        self.id = identifier
        self.seq = 0
        # A new object each time: it is what tells a write in progress that the ground has changed.
        self.view = view
        self.offset = self.limit = self._base = self._room = 0
        self.epoch = epoch
        self._events = self._points = None
        self._mapped = self._made = self._unsettled = False
        return was, events, points, mapped, end

    # -- writing ---------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        """The folder of this process in the journal."""
        return self.folder / self.id

    def series(self, run_id: str, key: str, last: int = -1) -> Series:
        """Begin a series of points; written down with its first point.

        Parameters
        ----------
        run_id, key : str
            Which metric of which run.
        last : int
            Its last step, where the run is resumed.
        """
        return Series(self, next(self._numbers), run_id, key, last)

    def event(self, kind: str, /, **fields: object) -> int:
        """Record an event.

        Parameters
        ----------
        kind : str
        **fields
            What JSON can hold; NaN and ±inf are spelled.  `time` (µs) is the clock's unless given.

        Returns
        -------
        int
            Its sequence number.

        Raises
        ------
        OSError
            The machine failed; the event is not in the journal.
        TypeError, ValueError
            JSON cannot hold a field; nothing was written.
        """
        if "seq" in fields:
            raise ValueError("an event's sequence number is the journal's to give")
        encoded = encode_event({"kind": kind, "time": self.now_us(), **fields})
        with self.lock:
            while True:
                events = self._events
                if events is None:
                    self._ensure()
                    continue
                before = _fstat(events.fd)
                if before.st_nlink == 0:
                    self._mend()
                    continue
                if before.st_size >= SEGMENT_BYTES:
                    self._rotate_events(events)
                    continue
                seq = self.seq + 1
                line = event_line(seq, encoded)
                if self._unsettled:
                    # We run within a write of an event (or after one that was interrupted): whether its
                    # line is whole is not known yet, so ours must not be glued to it.
                    line = b"\n" + line
                size = len(line)
                fd = events.fd
                # No calls from here to `_write`.
                if self.seq + 1 != seq or self._events is not events:
                    continue
                self.seq = seq
                self._unsettled = True
                try:
                    written = _write(fd, line)
                except OSError:
                    if self.seq == seq:
                        self.seq = seq - 1
                        self._unsettled = False
                    raise
                if written == size:
                    self._unsettled = False
                    return seq
                self._cut_back(events, seq, before.st_size, written)
                raise _no_space(self.path / events_name(events.number))

    def _cut_back(self, segment: _Segment, seq: int, size: int, written: int) -> None:
        """Undo a short write, unless somebody has written behind it; then a reader skips what is torn."""
        fd = segment.fd
        last = _fstat(fd).st_size == size + written
        if last and self.seq == seq and self._events is segment:
            self.seq = seq - 1
            self._unsettled = False
            os.ftruncate(fd, size)

    def sync(self) -> None:
        """See to it that what was recorded survives a power cut.

        Raises
        ------
        OSError
            The disk failed.
        """
        with self.lock:
            self._look()
            identifier = self.id
            events = self._events
            points = self._points
            made = self._made
            self._made = False
        # Not under the lock: nobody who logs waits for the disk.
        for segment in (events, points):
            if segment is not None:
                _sync_data(segment.fd)
        if made:
            _sync_folder(self.folder / identifier)
            _sync_folder(self.folder)

    def close(self) -> None:
        """Give back the unused end of the last file and say that this writer is done.

        What is recorded afterwards begins a new journal.  Closing twice does nothing; a failure is given to
        `on_failure`.
        """
        life = _life
        with self.lock:
            try:
                self._look()
            except OSError as error:
                self._failed(error)
            identifier, events, points, mapped, end = self._begin()
            try:
                if points is not None and mapped:
                    os.ftruncate(points.fd, end)
                if events is not None:
                    self._write_identity(identifier, life, closed_us=self.now_us())
            except OSError as error:
                self._failed(error)

    def _failed(self, error: OSError) -> None:
        if self._on_failure is not None:
            self._on_failure(error)

    # -- the slow ways: prepare aside, check that nobody did it meanwhile, swap ------------------------------

    def _ensure(self) -> None:
        """Make the folder and the first file of events."""
        life = _life
        identifier = self.id
        if self._events is not None:
            return
        path = self.folder / identifier
        path.mkdir(parents=True, exist_ok=True)
        self._write_identity(identifier, life)
        writes = self._asked_way == "write" or (
            self._asked_way == "auto" and (os.name == "nt" or not holds_mappings(path))
        )
        segment = _Segment(*_create(path, events_name, 1))
        if not self._begins_with(segment, writes, identifier):
            _unlink(path / events_name(segment.number), life)

    def _begins_with(self, events: _Segment, writes: bool, identifier: str) -> bool:
        if self._events is not None or self.id != identifier:
            return False
        self._writes = writes
        self._made = True
        self._events = events
        return True

    def _write_identity(self, identifier: str, life: object, *, closed_us: int | None = None) -> None:
        path = self.folder / identifier
        me = this_process()
        facts: dict[str, object] = {
            "format": FORMAT,
            "id": identifier,
            "host": me.host,
            "boot_id": me.boot_id,
            "pid": me.pid,
            "pid_started": me.pid_started,
            "pid_space": me.pid_space,
            "version": __version__,
            "created_us": int(identifier[:12], 16) * 1000,
        }
        if closed_us is not None:
            facts["closed_us"] = closed_us
        content = (json.dumps(facts, indent=1) + "\n").encode("ascii")
        target = path / IDENTITY
        partial, final = _partial(target), str(target)
        flags = _FLAGS | os.O_EXCL
        if _life is not life:
            return
        fd = os.open(partial, flags, 0o666)
        file = _File(fd)
        if _life is not life:
            return
        written = _write(fd, content)
        if written != len(content):
            _unlink(partial, life)
            raise _no_space(target)
        del file  # Windows renames closed files only
        if _life is life:
            os.replace(partial, final)

    def _rotate_events(self, old: _Segment) -> None:
        life = _life
        path = self.path
        segment = _Segment(*_create(path, events_name, old.number + 1))
        if self._events is not old:
            _unlink(path / events_name(segment.number), life)
            return
        self._events = segment
        self._made = True

    def _slow_point(self, series: int, step: int, when: int, value: float) -> bool:
        """Make room for a point; where points go by ``os.write``, write it and return True."""
        points = self._points
        if points is None:
            self._ensure()
            self._grow()
            return False
        if self._mapped:
            # Every 512 points, or where the mapping ends.
            self._look()
            if self._points is not points:
                return False
            if self.offset >= self._room:
                self._grow()
                return False
            limit = self.offset + _LOOK_EVERY
            self.limit = limit if limit < self._room else self._room
            return False
        if not self._writes:
            self._grow()  # points were appended meanwhile; from here on they are mapped again
            return False
        if self.offset >= self._room:
            self._look()
            self._room = self.offset + _LOOK_EVERY
            return False
        if self.offset + POINT_BYTES > SEGMENT_BYTES:
            self._grow()
            return False
        return self._write_point(points, series, step, when, value)

    def _write_point(self, points: _Segment, series: int, step: int, when: int, value: float) -> bool:
        seq = self.seq + 1
        record = _pack_whole(series, seq, step, when, value, _crc32(_pack(series, seq, step, when, value)))
        return self._append(points, seq, record)

    def _append(self, points: _Segment, seq: int, records: bytes) -> bool:
        """Write records, the first of them with this number, behind all others; False if one came between.

        A file grows from its front to its end, so whoever reads meanwhile sees no record before those in
        front of it.
        """
        fd = points.fd
        at = self.offset
        size = len(records)
        last = seq - 1 + size // POINT_BYTES
        # Another object: whoever was interrupted while he made room behind the old end sees that it moved.
        longer = _Segment(points.file, points.number, at + size)
        # No calls from here to `_write`.
        if self.seq + 1 != seq or self._points is not points or self._mapped:
            return False
        self.seq = last
        self.offset = at + size
        self._points = longer
        try:
            written = _write(fd, records)
        except OSError:
            if self.seq == last and self._points is longer:
                self.seq = seq - 1
                self.offset = longer.size = at
            raise
        if written == size:
            return True
        if self.seq == last and self._points is longer:
            # Somebody may have read the whole ones already: their numbers are never given out again.
            whole = written // POINT_BYTES
            self.seq = seq - 1 + whole
            self.offset = longer.size = at + whole * POINT_BYTES
            os.ftruncate(fd, at + whole * POINT_BYTES)
        raise _no_space(self.path / points_name(points.number))

    def _ready_to_append(self) -> _Segment | None:
        """The file that the next records may be appended to; None where another look is needed first."""
        points = self._points
        if points is None:
            self._ensure()
            self._grow()
            return None
        self._look()
        if self._points is not points:
            return None
        if self._base + self.offset + POINT_BYTES > SEGMENT_BYTES:
            self._grow()
            return None
        if self._mapped or (not self._writes and _fstat(points.fd).st_size != self.offset):
            # What was interrupted by us may have made room meanwhile, too.
            self._unmap(points)
            return None
        return points

    def _unmap(self, old: _Segment) -> None:
        """Give back the empty end of the file, to append records to it; the next point maps it again."""
        end = self._base + self.offset
        new = _Segment(old.file, old.number, end)
        fd = new.fd
        view = bytearray()
        # No calls from here to `ftruncate`.
        if self._points is not old or self._base + self.offset != end:
            return
        self._points = new
        self.view = view
        self._base = 0
        self.offset = self._room = end
        self.limit = 0
        self._mapped = False
        _ftruncate(fd, end)

    def _grow(self) -> None:
        """Room for more points: a larger mapping, or the next file."""
        life = _life
        identifier = self.id
        old = self._points
        end = self._base + self.offset
        path = self.folder / identifier
        if old is None or end + POINT_BYTES > SEGMENT_BYTES:
            new = _Segment(*_create(path, points_name, 1 if old is None else old.number + 1))
            at = 0
        else:
            new = _Segment(old.file, old.number, old.size)
            at = end
        fresh = old is None or new.file is not old.file
        maps = not self._writes
        view: mmap.mmap | bytearray = bytearray()
        base = 0
        try:
            if maps:
                if not self._extend(old, new, life):
                    return
                view, base = _mapping(new, at)
        except ValueError:
            # Who interrupted us has given back the room.
            if self._points is old:
                raise
            return
        except BaseException:
            if fresh:
                _unlink(path / points_name(new.number), life)
            raise
        room = new.size - base - POINT_BYTES + 1 if maps else _LOOK_EVERY
        limit = min(room, at - base + _LOOK_EVERY) if maps else 0
        # No calls from here to the last of the assignments.
        if self._points is not old or self._base + self.offset != end or self.id != identifier:
            if fresh:
                _unlink(path / points_name(new.number), life)
            return
        self._points = new
        self.view = view
        self._base = base
        self.offset = at - base
        self._room = room
        self.limit = limit
        self._mapped = maps
        self._made = True
        if fresh and old is not None and maps:
            os.ftruncate(old.fd, end)

    def _extend(self, old: _Segment | None, new: _Segment, life: object) -> bool:
        """Write zeros behind the file's end; False where somebody else did meanwhile.

        Zeros that are on the disk can be written over even when it is full.  When there is no room for a
        whole step, the last few pages are used, too.
        """
        size, fd = new.size, new.fd
        for length in (_GROW_BYTES, 1 << 16, mmap.PAGESIZE):
            length = min(length, SEGMENT_BYTES - size)
            zeros = memoryview(_ZEROS)
            done = 0
            try:
                # The file was opened for appending: nobody's records are written over, come what may.
                while done < length:
                    done += _write(fd, zeros[: length - done])
                new.size = size + length
                return True
            except OSError as error:
                if self._points is not old or _life is not life:
                    return False
                os.ftruncate(fd, size)
                if error.errno not in _NO_SPACE or length <= mmap.PAGESIZE:
                    raise
        return False

    # -- a journal that was deleted under us -----------------------------------------------------------------

    def _look(self) -> None:
        """Mend the journal if its files have lost their names."""
        for segment in (self._events, self._points):
            if segment is not None and _fstat(segment.fd).st_nlink == 0:
                self._mend()
                return

    def _mend(self) -> None:
        """Write the open files anew under their old names.

        The kernel keeps an open file that was deleted, so what is in it can be copied: numbers and positions
        stay as they are, and a drainer goes on where it was.
        """
        life = _life
        identifier = self.id
        path = self.folder / identifier
        if not self.folder.parent.is_dir():
            # Not the journal alone, the workspace is gone: somebody meant it.
            gone = "the workspace was deleted or moved"
            raise FileNotFoundError(errno.ENOENT, gone, str(self.folder.parent))
        path.mkdir(parents=True, exist_ok=True)
        if not (path / IDENTITY).exists():
            self._write_identity(identifier, life)
        self._mend_events(path, life)
        self._mend_points(path, life)
        self.epoch = object()
        self._made = True
        if self._on_restored is not None:
            self._on_restored()

    def _mend_events(self, path: Path, life: object) -> None:
        old = self._events
        if old is None or _fstat(old.fd).st_nlink > 0:
            return
        target = path / events_name(old.number)
        seq = self.seq
        copy = _copied(old.fd, target, _fstat(old.fd).st_size, life)
        if copy is None:
            return
        new, partial, final = _Segment(copy[0], old.number), copy[1], str(target)
        if self._events is old and self.seq == seq:
            os.replace(partial, final)
            if self._events is old and self.seq == seq:
                self._events = new
                return
        # Somebody wrote meanwhile; whoever called looks again.
        _unlink(partial, life)

    def _mend_points(self, path: Path, life: object) -> None:
        old = self._points
        if old is None or _fstat(old.fd).st_nlink > 0:
            return
        target = path / points_name(old.number)
        seq, maps, end = self.seq, self._mapped, self._base + self.offset
        copy = _copied(old.fd, target, old.size if maps else end, life)
        if copy is None:
            return
        new, partial, final = _Segment(copy[0], old.number, old.size), copy[1], str(target)
        view, base = _mapping(new, end) if maps else (bytearray(), 0)
        room = new.size - base - POINT_BYTES + 1 if maps else end + _LOOK_EVERY
        if self._points is old and self.seq == seq:
            os.replace(partial, final)
            if self._points is old and self.seq == seq:
                self._points = new
                self.view = view
                self._base = base
                self.offset = end - base
                self._room = room
                self.limit = 0  # sends the next point by the slow way, which sets it
                return
        _unlink(partial, life)

    # -- fork ------------------------------------------------------------------------------------------------

    def _after_fork(self) -> None:
        # Another thread of the parent may have held the lock: it does not exist here, so nobody would free
        # it.  The parent's mapping is let go of, never written.
        self.lock = threading.RLock()
        self._begin()


# -- files -----------------------------------------------------------------------------------------------


def _create(path: Path, name: Callable[[int], str], number: int) -> tuple[_File, int]:
    """Open a new file with the first free number; the file and the number."""
    while True:
        try:
            return _File(os.open(path / name(number), _FLAGS | os.O_EXCL, 0o666)), number
        except FileExistsError:
            number += 1


def _no_space(path: Path) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def _mapping(points: _Segment, at: int) -> tuple[mmap.mmap, int]:
    """A mapping of the end of the file, and where in the file it begins."""
    base = at - at % mmap.ALLOCATIONGRANULARITY
    view = mmap.mmap(points.fd, points.size - base, offset=base)
    if sys.platform == "linux":
        with suppress(OSError):
            # Else every hundredth point would wait for a page.
            view.madvise(_MADV_POPULATE_WRITE)
    return view, base


def _partial(target: Path) -> str:
    """A name beside `target` that nobody else uses."""
    return f"{target}.{new_id()}.part"


def _copied(source: int, target: Path, size: int, life: object) -> tuple[_File, str] | None:
    """A copy of an open file beside `target`, and its name; None in a child that was forked meanwhile."""
    partial = _partial(target)
    flags = _FLAGS | os.O_EXCL
    if _life is not life:
        return None
    fd = os.open(partial, flags, 0o666)
    file = _File(fd)
    try:
        at = 0
        while at < size:
            piece = os.pread(source, min(_GROW_BYTES, size - at), at)
            if not piece:
                break
            at += len(piece)
            while piece:
                if _life is not life:
                    return None
                written = _write(fd, piece)
                piece = piece[written:]
    except BaseException:
        _unlink(partial, life)
        raise
    return file, partial


def _unlink(path: Path | str, life: object) -> None:
    name = str(path)
    if _life is life:
        try:  # noqa: SIM105 - a call of suppress would come between the check and the deed
            os.unlink(name)
        except FileNotFoundError:
            pass


def _sync_data(fd: int) -> None:
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)  # there fsync stops at the disk's own memory
    elif sys.platform == "linux":
        os.fdatasync(fd)
    else:
        os.fsync(fd)


def _sync_folder(path: Path) -> None:
    if os.name == "nt":
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


# -- fork ------------------------------------------------------------------------------------------------

_writers: weakref.WeakSet[JournalWriter] = weakref.WeakSet()

# Another object in every process.  A signal handler may fork while the thread it interrupts is in one of
# the slow ways; the child then goes on in there with the names of its parent's files.  Whatever would
# replace, cut or delete one of them checks first that it is still the same process that began.  (Names are
# made to text before the check: the text of a Path is made by Python code, where a signal may come in.)
_life = object()


def _renew_after_fork() -> None:
    global _life
    _life = object()
    for writer in list(_writers):
        writer._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)

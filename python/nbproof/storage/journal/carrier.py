"""Carries journals somewhere else, record by record in order, and deletes what has arrived.

Where that is, a subclass knows: the tables of this workspace, or a server.  In both places one rule keeps
every record from arriving twice: whoever takes a batch moves the writer's mark from where the batch begins
to where it ends, in the transaction that takes it, and refuses the batch (`Overtaken`) where the mark is
elsewhere.  So any number of processes may carry at any time, and one that is killed has carried all of a
batch or nothing.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nbproof.storage.journal.format import IDENTITY
from nbproof.storage.journal.reader import (
    Batch,
    Cursor,
    WriterInfo,
    drained_segments,
    has_news,
    last_seq,
    read_batch,
    read_writer,
    writer_ids,
)

__all__ = ["Carrier", "Known", "Overtaken"]

_log = logging.getLogger("nbproof.storage.journal")

_NAMELESS_SECONDS = 3600.0


class Overtaken(Exception):
    """Another one was faster: the mark is elsewhere."""


@dataclass(slots=True)
class Known:
    """What is remembered of a journal between two looks."""

    info: WriterInfo
    stamp: int
    cursor: Cursor | None = None  # None: whoever keeps the marks knows
    over: bool = False  # closed, or its process is dead: nothing more will come
    finished: bool = False  # all of it has arrived, and its end


class Carrier(ABC):
    """Carries all journals of a folder.

    Laws: an idle look costs well under a millisecond and asks nobody; not safe from several threads at once,
    beside other processes it is.

    Parameters
    ----------
    folder : Path
        The folder of journals.
    limit : int
        Points in a batch.
    """

    def __init__(self, folder: Path, *, limit: int) -> None:
        self._folder = Path(folder)
        self._limit = limit
        self._known: dict[str, Known] = {}
        self._unreadable: dict[str, str] = {}

    # -- what a subclass does --------------------------------------------------------------------------------

    @abstractmethod
    def _cursor_of(self, info: WriterInfo) -> Cursor:
        """Where the mark of a writer is; a writer that is not known begins there."""

    @abstractmethod
    def _commit(self, batch: Batch, known: Known) -> None:
        """Take a batch and move the mark; raises `Overtaken` where it is elsewhere."""

    @abstractmethod
    def _finish(self, known: Known) -> None:
        """All records have arrived and no more will come: settle the end, set `known.finished`, delete."""

    def _delete(self, paths: Sequence[Path]) -> None:
        """Delete files and folders whose records have arrived."""
        for path in paths:
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    # -- looking ---------------------------------------------------------------------------------------------

    def _carry(self) -> set[str]:
        """Carry what was in the journals when this was called, and perhaps more; the journals there are."""
        ids = writer_ids(self._folder)
        work = [known for identifier in ids if (known := self._look_at(identifier)) is not None]
        for gone in self._known.keys() - set(ids):
            del self._known[gone]
        if work:
            # A journal may tell of things that an older one began (a forked child of its parent's run).  The
            # end of the younger one is looked up first: whatever it knew of is below the older one's end.
            ends = {known.info.id: last_seq(self._path(known)) for known in reversed(work)}
            for known in work:
                self._carry_one(known, ends[known.info.id])
        return set(ids)

    def _path(self, known: Known) -> Path:
        return self._folder / known.info.id

    def _look_at(self, identifier: str) -> Known | None:
        """What is known of a journal, if there is something to do about it."""
        path = self._folder / identifier
        try:
            stamp = os.stat(path / IDENTITY).st_mtime_ns
        except OSError:
            self._sweep(path)
            return None
        known = self._known.get(identifier)
        if known is None or known.stamp != stamp:
            try:
                info = read_writer(path)
            except ValueError as error:
                if identifier not in self._unreadable:
                    _log.warning("a journal can't be read: %s", error)
                self._unreadable[identifier] = str(error)
                return None
            if info is None:
                return None
            self._unreadable.pop(identifier, None)
            known = Known(info, stamp, known.cursor if known is not None else None)
            self._known[identifier] = known
        if known.finished:
            return None
        # Whether it is over is asked before reading: then what is read is all there will ever be.
        known.over = known.over or known.info.closed_us is not None or known.info.is_dead()
        if known.over or known.cursor is None or has_news(path, known.cursor):
            return known
        return None

    def _sweep(self, path: Path) -> None:
        # A folder without a name: its process is about to write one, or was killed before it could.
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _NAMELESS_SECONDS:
                shutil.rmtree(path)

    def _carry_one(self, known: Known, end: int) -> None:
        path = self._path(known)
        while True:
            if known.cursor is None:
                known.cursor = self._cursor_of(known.info)
            batch = read_batch(path, known.info, known.cursor, self._limit)
            if batch is None:
                break
            try:
                self._commit(batch, known)
            except Overtaken:
                known.cursor = None
                continue
            old, known.cursor = known.cursor, batch.cursor
            if (old.points_number, old.events_number) != (
                known.cursor.points_number,
                known.cursor.events_number,
            ):
                self._delete(drained_segments(path, known.cursor))
            if batch.to >= end and not known.over:
                break
        if known.over:
            self._finish(known)

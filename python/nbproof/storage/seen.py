"""Which files were kept before: so that an unchanged one is known without reading it again.

A file is taken for unchanged if its path, device, inode, size, time of modification and time of change are
what they were.  Two writes within one tick of the file system's clock could not be told apart by that, so a
file is remembered only if it had rested for two seconds when it was read; until then it is read each time.
What remains is a file whose content was changed behind the back of the file system, such as by a write to
the disk itself: that is not noticed.

What is written here is a help and no record: lost or damaged, files are read again.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from json.encoder import encode_basestring_ascii
from pathlib import Path

__all__ = ["SeenFiles"]

_REST_NS = 2_000_000_000
_WORTH_BYTES = 64 << 10
_MANY = 2_000  # lines more than files, before the list is written anew

Marks = tuple[int, int, int, int, int]


class SeenFiles:
    """Remembers the content of files by path, for all processes of a workspace.

    Laws: safe from any thread and beside other processes; never raises for what the disk does.

    Parameters
    ----------
    path : Path
        A list of JSON lines, the last of a file counts; made with the first line.
    worth_bytes : int
        Smaller files are not remembered: they are read as fast as they are looked up, unless there are many.
    """

    def __init__(self, path: Path, *, worth_bytes: int = _WORTH_BYTES) -> None:
        self._path = path
        self._worth_bytes = worth_bytes
        self._known: dict[str, tuple[Marks, str, int]] = {}
        self._read_up_to = 0
        self._identity: tuple[int, int] | None = None
        self._lines = 0
        self._lock = threading.Lock()

    def recall(self, path: Path | str, state: os.stat_result) -> tuple[str, int] | None:
        """Hash and size of a file that is as it was, or None."""
        return self.recall_all([(path, state)])[0]

    def recall_all(self, files: Sequence[tuple[Path | str, os.stat_result]]) -> list[tuple[str, int] | None]:
        """`recall` for many."""
        with self._lock:
            if any(state.st_size >= self._worth_bytes for _, state in files):
                self._catch_up()
            known = [self._known.get(_name(path)) for path, _ in files]
        return [
            (found[1], found[2])
            if found is not None and state.st_size >= self._worth_bytes and found[0] == _marks(state)
            else None
            for (_, state), found in zip(files, known, strict=True)
        ]

    def remember(self, path: Path | str, state: os.stat_result, hash: str) -> None:
        """Note the content of a file, as it was by `state` before and after it was read."""
        self.remember_all([(path, state, hash)])

    def remember_all(self, files: Iterable[tuple[Path | str, os.stat_result, str]]) -> None:
        """`remember` for many."""
        now = time.time_ns()
        lines = []
        with self._lock:
            for path, state, hash in files:
                rested = now - max(state.st_mtime_ns, state.st_ctime_ns)
                if state.st_size < self._worth_bytes or rested < _REST_NS:
                    continue
                name, marks = _name(path), _marks(state)
                self._known[name] = (marks, hash, state.st_size)
                told = ", ".join(map(str, marks))
                # As `json.dumps` writes it, several times as fast.
                lines.append(f'[{encode_basestring_ascii(name)}, [{told}], "{hash}", {state.st_size}]\n')
            if lines:
                with suppress(OSError):
                    self._append(lines)
                    if self._lines > len(self._known) + _MANY:
                        self._write_anew()

    def _catch_up(self) -> None:
        """Read what this and other processes have added."""
        with suppress(OSError), self._path.open("rb") as file:
            state = os.fstat(file.fileno())
            if (state.st_dev, state.st_ino) != self._identity or state.st_size < self._read_up_to:
                self._identity = (state.st_dev, state.st_ino)
                self._read_up_to = self._lines = 0
            if state.st_size == self._read_up_to:
                return
            file.seek(self._read_up_to)
            added = file.read()
            whole = added.rfind(b"\n") + 1
            self._read_up_to += whole
            for line in added[:whole].splitlines():
                self._lines += 1
                # A line that was torn or damaged is a file that is read again.
                with suppress(ValueError, TypeError):
                    name, marks, hash, size = json.loads(line)
                    self._known[str(name)] = (tuple(marks), str(hash), int(size))

    def _append(self, lines: Sequence[str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        added = "".join(lines).encode()
        with open(self._path, "ab", buffering=0) as file:
            file.write(added)
            state = os.fstat(file.fileno())
            if not self._read_up_to:
                self._identity = (state.st_dev, state.st_ino)
            # What stands right behind what was read is not read again.
            read_up_to = self._read_up_to + len(added)
            if (state.st_dev, state.st_ino) == self._identity and file.tell() == read_up_to:
                self._read_up_to = read_up_to
                self._lines += len(lines)

    def _write_anew(self) -> None:
        # What another process adds meanwhile may go missing: then it reads a file once more.
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        whole = b"".join(json.dumps([name, *known]).encode() + b"\n" for name, known in self._known.items())
        try:
            with fresh.open("wb") as file:
                file.write(whole)
                state = os.fstat(file.fileno())
            os.replace(fresh, self._path)
            self._identity, self._read_up_to = (state.st_dev, state.st_ino), len(whole)
            self._lines = len(self._known)
        finally:
            fresh.unlink(missing_ok=True)


def _name(path: Path | str) -> str:
    told = os.fspath(path)
    # What is one already, as most are, is told at a glance; that counts with thousands of files.
    plain = told.startswith("/") and "/." not in told and "//" not in told and not told.endswith("/")
    return told if plain else os.path.abspath(told)


def _marks(state: os.stat_result) -> Marks:
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns

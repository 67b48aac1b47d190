"""Content that is about to be referred to: what `gc` leaves alone, by no clock.

Who puts content says so first, in a file of its process, and takes it back when the record that refers to the
content is written.  Whoever deletes looks twice: before the journals are drained, and again for each piece of
content when that has been taken from its place.  Between the two looks any word about the content counts, so
there is no moment at which nobody knows that it is needed.  The words of a process that has ended count for
nothing: it writes no record any more, and those that it wrote are drained.

One line a word: ``+NAME`` and ``-NAME``.  When nothing is held any more the words are cut off, and a number
before them counts up, before that and after.  `EVERYTHING` stands for all there is: a backup that reads.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from nbproof.storage.journal.process import Process, is_dead, this_process

__all__ = ["EVERYTHING", "Held", "Holds", "holds_in"]

EVERYTHING = "*"

_FORGOTTEN_SECONDS = 30 * 24 * 3600
_DIGITS = 16
_MANY_FILES = 64  # then those of dead processes are cleared away by others than gc


@dataclass(frozen=True, slots=True)
class Held:
    """What was held at one look."""

    names: frozenset[str]
    ends: dict[str, tuple[bytes, int]] = field(repr=False)  # the number in each file, how far it was read

    def __contains__(self, name: str) -> bool:
        return name in self.names or EVERYTHING in self.names


class Holds:
    """The files of a folder, and this process's own.

    Laws: safe from any thread and after a fork; `take` has reached the others when it returns.

    Parameters
    ----------
    folder : Path
        Made when something is first held.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._descriptor = -1
        self._bytes = self._empty_bytes = self._emptied = 0
        self._path: Path | None = None

    def take(self, name: str) -> None:
        """Say that a name is needed; raises `OSError` where that cannot be written."""
        self._after_fork()
        with self._lock:
            if self._descriptor < 0:
                self._open()
            self._say(f"+{name}")
            if os.fstat(self._descriptor).st_nlink == 0:
                # Somebody who could not see this process cleared its file away.
                self._open()
                self._say(f"+{name}")
            self._counts[name] += 1

    def give_back(self, name: str) -> None:
        """Take back one `take`; nothing where this process holds no such name."""
        self._after_fork()
        with self._lock:
            if not self._counts[name]:
                del self._counts[name]
                return
            self._counts[name] -= 1
            if not self._counts[name]:
                del self._counts[name]
            with suppress(OSError):  # then it is held until this process ends
                if self._counts:
                    self._say(f"-{name}")
                else:
                    self._empty()

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Hold a name for the time of a block."""
        self.take(name)
        try:
            yield
        finally:
            self.give_back(name)

    def look(self) -> Held:
        """What processes that may be alive hold now; files of dead ones are cleared away."""
        names: set[str] = set()
        ends: dict[str, tuple[bytes, int]] = {}
        for path in self._files():
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue  # cleared away: its process had ended
            if _clear_if_dead(path, content):
                continue
            whole = content[: content.rfind(b"\n") + 1]
            counts: Counter[str] = Counter()
            for line in whole.decode("utf-8", "replace").splitlines()[2:]:
                counts[line[1:]] += {"+": 1, "-": -1}.get(line[:1], 0)
            names |= {name for name, count in counts.items() if count > 0}
            ends[path.name] = (_emptied(whole), len(whole))
        return Held(frozenset(names), ends)

    def mentioned(self, name: str, since: Held) -> bool:
        """Whether a name was held at a look, or anything was said about it since; True where nobody knows."""
        if name in since:
            return True
        wanted = {f"{sign}{each}".encode() for sign in "+-" for each in (name, EVERYTHING)}
        present = self._files()
        if not since.ends.keys() <= {path.name for path in present}:
            return True
        for path in present:
            try:
                content = path.read_bytes()
            except OSError:
                return True
            emptied, end = since.ends.get(path.name, (b"0" * _DIGITS, 0))
            if _emptied(content) != emptied:
                return True  # of what was said meanwhile nobody knows
            said = content[end:]
            if said and not wanted.isdisjoint(said.splitlines()):
                return True
        return False

    # -- inside ------------------------------------------------------------------------------------

    def _files(self) -> list[Path]:
        try:
            return sorted(self._folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _after_fork(self) -> None:
        if self._pid != os.getpid():
            if self._descriptor >= 0:
                os.close(self._descriptor)  # the parent has its own
            self._begin_anew()

    def _open(self) -> None:
        self._end_file()
        self._folder.mkdir(parents=True, exist_ok=True)
        files = self._files()
        if len(files) > _MANY_FILES:
            for path in files:
                with suppress(OSError):
                    _clear_if_dead(path, path.read_bytes())
        path = self._folder / secrets.token_hex(16)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        self._path, self._bytes, self._emptied = path, 0, 0
        try:
            self._write(json.dumps(asdict(this_process())) + "\n")
            self._write(f"{self._emptied:0{_DIGITS}}\n")
            self._empty_bytes = self._bytes
            for each in self._counts.elements():
                self._say(f"+{each}")
        except BaseException:
            self._end_file()  # one without a beginning would be nobody's
            raise

    def _end_file(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink()  # who was reading it takes it that everything was said
            self._path = None

    def _empty(self) -> None:
        # The number changes before and after: whoever looks in between sees that it is another one later,
        # and whoever compares in between that it was another one before.
        self._count_up()
        os.ftruncate(self._descriptor, self._empty_bytes)
        self._bytes = self._empty_bytes
        self._count_up()

    def _count_up(self) -> None:
        self._emptied += 1
        os.lseek(self._descriptor, self._empty_bytes - _DIGITS - 1, os.SEEK_SET)
        os.write(self._descriptor, f"{self._emptied:0{_DIGITS}}".encode())

    def _say(self, word: str) -> None:
        # Of a word that a full disk cut off, the next one must not become a part.
        self._write(f"\n{word}\n")

    def _write(self, line: str) -> None:
        data = line.encode("utf-8")
        os.lseek(self._descriptor, self._bytes, os.SEEK_SET)  # over a word that a full disk cut off
        if os.write(self._descriptor, data) != len(data):
            raise OSError(28, "the disk is full")
        self._bytes += len(data)


@cache
def holds_in(folder: Path) -> Holds:
    """One for a folder in a process: who lets go may have come by another way than who took."""
    return Holds(folder)


def _emptied(content: bytes) -> bytes:
    """The number in a file, or what there is of one that is just being begun."""
    return content.split(b"\n", 2)[1] if content.count(b"\n") > 1 else b""


def _clear_if_dead(path: Path, content: bytes) -> bool:
    try:
        dead = is_dead(Process(**json.loads(content[: content.index(b"\n")])))
        # Of another machine nobody can tell; should it live, it notices and begins anew.
        dead = dead or time.time() - path.stat().st_mtime > _FORGOTTEN_SECONDS
    except (ValueError, TypeError, OSError):
        return False  # it is just being begun, or gone
    if dead:
        with suppress(OSError):
            path.unlink()
    return dead

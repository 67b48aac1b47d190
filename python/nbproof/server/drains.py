"""Empties the journals of every workspace under the server's root, twice a second."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbproof.core.events import Changed

if TYPE_CHECKING:
    from pathlib import Path

    from nbproof.jobs.service import Jobs
    from nbproof.platform.directory import Directory
    from nbproof.platform.workspace import Workspace

__all__ = ["Drains", "Elsewhere"]

_LONGEST_WAIT = 30.0
_LOOK_AROUND_SECONDS = 1.0
_TICK_SECONDS = 0.1
_THREADS = 2
_ASK_SECONDS = 1.0
_OVERLAP_US = 2_000_000


@dataclass(slots=True)
class _Watch:
    """One workspace as the supervisor sees it."""

    id: str
    folder: Path
    due: float = 0.0
    wait: float = 0.0
    busy: bool = False
    good: float | None = None
    trouble: str | None = None
    elsewhere: Elsewhere | None = None
    serving: Jobs | None = None


class Drains:
    """The supervisor.

    Laws: a workspace that fails is tried again after twice the time, up to half a minute, is logged
    once until it works again, and holds up none of the others; a workspace without a journal is not
    opened, unless there may be jobs to take up.

    Parameters
    ----------
    seconds : float
        From the end of one look at a workspace to the next.
    log : logger
    """

    def __init__(self, seconds: float, *, log: logging.Logger) -> None:
        self._seconds = seconds
        self._log = log
        self._watched: dict[str, _Watch] = {}
        self._lock = threading.Lock()
        self._some_jobs = False
        # Threads of its own: a locked database may hold one for seconds, and requests should not wait.
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="nbproof-drain")

    async def run(self, directory: Directory) -> None:
        """Drain until cancelled."""
        from nbproof.storage.announce import runtime_dir

        loop = asyncio.get_running_loop()
        looked = -_LOOK_AROUND_SECONDS
        announced, seen = runtime_dir(), -1
        while True:
            now = time.monotonic()
            # Whoever makes a workspace announces it, and somebody may be waiting for its first run.
            before, seen = seen, _changed_ns(announced)
            if seen != before or now - looked >= _LOOK_AROUND_SECONDS:
                looked = now
                try:
                    await loop.run_in_executor(self._pool, self._look_around, directory)
                except Exception:
                    self._log.exception("nbproof: looking for workspaces failed")
                    looked += _LONGEST_WAIT
            for each in list(self._watched.values()):
                if not each.busy and each.due <= time.monotonic():
                    each.busy = True
                    loop.run_in_executor(self._pool, self._drain, directory, each)
            await asyncio.sleep(self._pause())

    def state(self) -> dict[str, Any]:
        """How far behind the records are, for /health.

        ``behind_seconds`` is the time since the workspace looked at least recently was last found or
        made empty; null before the first time.
        """
        now = time.monotonic()
        watched = list(self._watched.values())
        good = [each.good for each in watched if each.good is not None]
        troubles = {each.id: each.trouble for each in watched if each.trouble is not None}
        behind = None if len(good) < len(watched) or not good else round(now - min(good), 3)
        return {"workspaces": len(watched), "behind_seconds": behind, "failing": troubles}

    def close(self, directory: Directory) -> None:
        """Wait for what is going on, then drain what is open a last time; blocks."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for workspace in directory.opened():
            try:
                workspace.catch_up()
            except Exception as error:
                # The journals keep everything; whoever comes next drains them.
                self._log.warning("nbproof: the last drain of %s failed: %s", workspace.root, error)

    # -- in worker threads ---------------------------------------------------------------------------

    def _look_around(self, directory: Directory) -> None:
        from nbproof.platform.directory import workspace_id
        from nbproof.platform.rooms import ROOMS

        self._some_jobs = any(room.job_kinds() for room in ROOMS)
        found = {workspace_id(each.root): each.folder for each in directory.locations()}
        for workspace in directory.opened():
            found[workspace_id(workspace.root)] = workspace.folder
        with self._lock:
            for identifier, folder in found.items():
                self._watched.setdefault(identifier, _Watch(identifier, folder))
            for identifier in [each for each in self._watched if each not in found]:
                del self._watched[identifier]

    def _drain(self, directory: Directory, watch: _Watch) -> None:
        try:
            self._drain_one(directory, watch)
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            if watch.trouble is None:
                self._log.warning(
                    "nbproof: draining %s failed, will be tried again: %s",
                    watch.folder,
                    said,
                    exc_info=not _is_known(error),
                )
            watch.trouble = said
            watch.wait = min(max(watch.wait * 2, self._seconds), _LONGEST_WAIT)
        else:
            if watch.trouble is not None:
                self._log.info("nbproof: draining %s works again", watch.folder)
            watch.trouble = None
            watch.wait = self._seconds
            watch.good = time.monotonic()
        finally:
            watch.due = time.monotonic() + watch.wait
            watch.busy = False

    def _drain_one(self, directory: Directory, watch: _Watch) -> None:
        if watch.elsewhere is None and not _has_journal(watch.folder) and not self._may_have_jobs(watch):
            return
        workspace = directory.get(watch.id)
        report = workspace.catch_up()
        workspace.look_after_writers()
        if self._some_jobs and workspace.exists and watch.serving is not workspace.jobs:
            watch.serving = workspace.jobs  # others after the workspace was deleted and made anew
            watch.serving.start()
        if watch.elsewhere is None:
            watch.elsewhere = Elsewhere(workspace)
        told = {each for change in report.changed for each in change.ids} if report else set()
        watch.elsewhere.look(told)

    def _may_have_jobs(self, watch: _Watch) -> bool:
        # Work that a dead process left is taken up even where nobody logs any more.
        return self._some_jobs and (watch.folder / "meta.db").exists()

    def _pause(self) -> float:
        return min(self._seconds / 2, _TICK_SECONDS)


class _Known:
    """The newest records of one kind of thing."""

    def __init__(self, name: str, active_since: Callable[[int], list[tuple[str, int]]]) -> None:
        self.name = name
        self._active_since = active_since
        self._times: dict[str, int] = {}
        self._newest = 0

    def news(self, told: set[str]) -> list[str]:
        """Ids of what changed since the last call, apart from what was told already."""
        # A little overlap: two processes do not write in the order of their clocks.
        found = self._active_since(max(0, self._newest - _OVERLAP_US))
        fresh = [each for each, when in found if self._times.get(each) != when and each not in told]
        self._times = dict(found)
        self._newest = max([self._newest, *self._times.values()])
        return fresh


class Elsewhere:
    """Notices what other processes brought into the records, and publishes it as a change.

    Whoever reads drains first: a kernel that logs and then searches leaves nothing for the server's drain,
    but the panel wants to know all the same; and datasets are recorded by whoever registers them.  The files
    of a SQLite database tell that somebody wrote; runs and datasets then tell by the time of their newest
    record which they are.

    Parameters
    ----------
    workspace : Workspace
        What is there when this is made counts as known.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stamp: object = None
        self._kinds = [
            _Known("run", lambda since: workspace.runs.active_since(since)),
            _Known("dataset", workspace.datasets.active_since),
        ]
        self._due = 0.0
        for kind in self._kinds:
            kind.news(set())
        self._stamp = self._files()

    def look(self, told: set[str]) -> None:
        """Publish what changed since the last look, apart from what was told already."""
        stamp = self._files()
        if stamp is None:
            # Not a file of ours (PostgreSQL): asking is cheap, but not free.
            if time.monotonic() < self._due:
                return
            self._due = time.monotonic() + _ASK_SECONDS
        elif stamp == self._stamp:
            return
        self._stamp = stamp
        for kind in self._kinds:
            self._workspace.changes.publish(Changed(kind.name, tuple(kind.news(told))))

    def _files(self) -> object:
        stamps = []
        for name in ("meta.db", "meta.db-wal"):
            try:
                state = os.stat(self._workspace.folder / name)
            except OSError:
                continue
            stamps.append((state.st_size, state.st_mtime_ns))
        return stamps or None


def _changed_ns(folder: Path) -> int:
    """When something was last put into a folder or taken out."""
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


def _has_journal(folder: Path) -> bool:
    try:
        return any((folder / "journal").iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False


def _is_known(error: Exception) -> bool:
    from nbproof.core.errors import PlatformError

    return isinstance(error, PlatformError)

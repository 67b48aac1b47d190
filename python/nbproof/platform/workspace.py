"""An open workspace: one object from which every service of every room hangs.

Opening costs nothing: the journal, the database, the settings' model and the services are made when
they are first needed, so that a kernel which only logs never loads a database.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar, cast

from nbproof.core.clock import Clock, SystemClock
from nbproof.core.configuration import SETTINGS_FILE, read_settings_file
from nbproof.core.errors import Conflict, NotFound, PlatformError, Unavailable
from nbproof.core.events import Changes
from nbproof.platform.location import Location, find_location, running_source
from nbproof.platform.rooms import ROOMS
from nbproof.storage.journal.writer import JournalWriter
from nbproof.tracking.joining import Signals
from nbproof.tracking.provenance import Capture, Origin
from nbproof.tracking.service import ExperimentTracker

if TYPE_CHECKING:
    from nbproof.core.operation import Ask, Operation
    from nbproof.core.settings import Settings
    from nbproof.datasets.repository import DatasetRepository
    from nbproof.datasets.service import DataVersionControl
    from nbproof.jobs.service import Jobs
    from nbproof.lineage.service import Lineage
    from nbproof.platform.directory import Directory
    from nbproof.platform.intake import Intake
    from nbproof.platform.remote import RemoteWorkspace
    from nbproof.storage.content.ends import StorageBackend
    from nbproof.storage.content.logged import PackedObjects
    from nbproof.storage.content.moving import Moved
    from nbproof.storage.content.store import ContentStore
    from nbproof.storage.database import Database
    from nbproof.storage.drain import Drain, DrainReport
    from nbproof.storage.witness import Witness
    from nbproof.tracking.repository import RunRepository
    from nbproof.tracking.transfer.service import RunTransfer

__all__ = ["FORMAT", "Workspace", "close_current", "current", "drain", "open_workspace", "use"]

Service = TypeVar("Service")

FORMAT = 1
"""Format of the workspace folder that this version writes."""

_TOML = """\
# Settings of this nbproof workspace; meant to be committed.
# What can be set: docs/reference/settings.md, or `nbproof doctor`.
format = {format}
"""
_GITIGNORE = "# Records and content stay out of git; settings go in.\n*\n!.gitignore\n!nbproof.toml\n"


_log = logging.getLogger("nbproof.platform")

# So long the first opening moves artifacts of an older layout; the next one goes on.
_MOVING_SECONDS = 10.0

# So long a reader that could do without it waits for a drain.
_GLANCE_SECONDS = 0.2

_opened: weakref.WeakSet[Workspace | RemoteWorkspace] = weakref.WeakSet()


class Workspace:
    """The workspace at a location, on this machine.

    Laws: safe from any thread; nothing is created before the first write; reading a workspace that
    does not exist finds it empty.

    Parameters
    ----------
    location : Location
    clock : Clock, optional
    say : callable, optional
        Tells the user one line, such as where a new workspace was made.
    environ : mapping, optional
        Instead of `os.environ`.
    """

    def __init__(
        self,
        location: Location,
        *,
        clock: Clock | None = None,
        say: Callable[[str], None] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.location = location
        self.folder = location.folder
        self.root = location.root
        self.clock: Clock = clock or SystemClock()
        self.changes = Changes()
        self._say = say or _say
        self._environ: Mapping[str, str] = os.environ if environ is None else environ
        self._lock = threading.RLock()
        self._made = False
        self._database: Database | None = None
        self._content: ContentStore | None = None
        self._opened_file: tuple[int, int] | None = None
        self._drain: Drain | None = None
        self._witness: Witness | None = None
        _opened.add(self)
        self._directory: Directory | None = None
        self._empty: Database | None = None
        self._nowhere: TemporaryDirectory[str] | None = None

    # -- what a log call needs -----------------------------------------------------------------------

    @cached_property
    def journal(self) -> JournalWriter:
        """The journal of this process."""
        return JournalWriter(self.folder / "journal", clock=self.clock, on_restored=self._journal_restored)

    @cached_property
    def tracker(self) -> ExperimentTracker:
        """Experiments and runs."""
        raw = self._raw_settings()
        given = self._environ.get("NBPROOF_SYSTEM_METRICS_SECONDS", raw.get("system_metrics_seconds"))
        return ExperimentTracker(
            self.journal,
            lambda: self.runs,
            self.catch_up,
            lambda: self.storage,
            clock=self.clock,
            origin=_origin,
            experiment=self._environ.get("NBPROOF_EXPERIMENT") or raw.get("experiment"),
            capture=Capture.from_settings(raw, self._environ),
            prepare=self.make,
            ended=self._run_ended,
            signals=self._signals(raw),
            environ=self._environ,
            repository=self.root,
            glance=self.glance,
            sampler=lambda run: self._sample(run, _seconds(given)),
            system_metrics=_truth(
                self._environ.get("NBPROOF_SYSTEM_METRICS", raw.get("system_metrics", False))
            ),
        )

    def _signals(self, raw: Mapping[str, Any]) -> Signals:
        # Where the records are a server's, who asks a run to stop may be on another machine.
        elsewhere = self._environ.get("NBPROOF_DATABASE") or raw.get("database")
        return Signals(self.folder, (lambda run: self.tracker.was_cancelled(run)) if elsewhere else None)

    def make(self) -> None:
        """Make the folder with its settings and ``.gitignore``, and announce it; again is nothing."""
        with self._lock:
            moved = self._move()
            new = not self.folder.is_dir()
            if self._made and not new:
                return
            if self._made:
                self._forget()  # somebody deleted it; what was open is gone with it
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, text in ((SETTINGS_FILE, _TOML.format(format=FORMAT)), (".gitignore", _GITIGNORE)):
                path = self.folder / name
                if not path.exists():
                    path.write_text(text, encoding="utf-8")
            self._made = True
            if self._empty is not None:
                self.__dict__.pop("jobs", None)  # those of the empty records that were looked at before
        if new:
            self._say(f"nbproof: new workspace {self.folder} ({self.location.why})")
        elif moved:
            self._say(f"nbproof: recording into {self.folder} ({self.location.why})")
        from nbproof.storage.announce import announce_workspace

        announce_workspace(self.root)

    def _move(self) -> bool:
        """Go on where records can be written, if they can't be here: what was there is not shown any more."""
        instead = self.location.instead
        if instead is None:
            return False
        self._forget()
        for name in ("journal", "storage", "datasets"):
            self.__dict__.pop(name, None)
        self.location, self.folder, self.root = instead, instead.folder, instead.root
        if "tracker" in self.__dict__:
            self.tracker.record_into(self.journal)
        return True

    def _forget(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database = self._drain = self._witness = None
        jobs = self.__dict__.pop("jobs", None)
        if jobs is not None:
            # Its workers are waited for elsewhere: they may need what is locked here.
            threading.Thread(target=jobs.close, name="nbproof-jobs-close", daemon=True).start()
        self.__dict__.pop("settings", None)

    def _forget_if_deleted(self) -> None:
        # An open SQLite file lives on after its name is gone: what is drained into it is lost.
        known = self._opened_file if self._database is not None else None
        if known is not None and known != _file(self.folder / "meta.db"):
            self._forget()

    # -- what reading needs --------------------------------------------------------------------------

    @property
    def exists(self) -> bool:
        """Whether the folder is there."""
        return self.folder.is_dir()

    @cached_property
    def settings(self) -> Settings:
        """The checked settings; raises `Invalid` for a malformed file or variable."""
        from nbproof.core.settings import load_settings

        return load_settings(self.folder, self._environ)

    @property
    def database(self) -> Database:
        """The records; opened, made or upgraded on first use."""
        with self._lock:
            self._forget_if_deleted()
            if self._database is None:
                from nbproof.storage.database import open_database

                if not self.exists and self.settings.database is None:
                    # Someone looks before anything was recorded: an empty answer, and no trace on disk.
                    if self._empty is None:
                        self._nowhere = TemporaryDirectory(prefix="nbproof-empty-")
                        self._empty = open_database(Path(self._nowhere.name) / "meta.db")
                    return self._empty
                self.refuse_the_future()
                if self._empty is not None:
                    self.__dict__.pop("jobs", None)  # another process made the workspace meanwhile
                url: str | Path = self.settings.database or self.folder / "meta.db"
                self._database = open_database(url, backup_dir=self.folder / "backups")
                self._opened_file = _file(url) if isinstance(url, Path) else None
                self.move_old_objects(_MOVING_SECONDS)
            return self._database

    def move_old_objects(self, seconds: float | None = None) -> Moved | None:
        """Bring artifacts of an older layout into the content store; what is left is read where it is."""
        from nbproof.storage.content.moving import move_in

        if not (self.folder / "content" / "objects").is_dir() or self.database.read_only:
            return None
        try:
            return move_in(self.content, self.folder / "content", seconds=seconds, say=self._say)
        except (PlatformError, OSError) as error:
            _log.warning("artifacts could not be moved into the content store: %s", error)
            return None

    def _moved_object(self, location: str) -> str | Path:
        """Where an artifact of the older layout is: in the content store, or still a file."""
        from nbproof.storage.content.moving import moved_to
        from nbproof.storage.spool import SpooledObjects

        try:
            return SpooledObjects(self.folder / "content").path(location)
        except NotFound:
            found = moved_to(self.database, {location}).get(location)
            if found is None:
                raise
            return found

    def refuse_the_future(self) -> None:
        """Raise `Conflict` where a later nbproof wrote the folder in a format that this one does not know."""
        _refuse_format(read_settings_file(self.folder / SETTINGS_FILE), self.folder)

    @property
    def runs(self) -> RunRepository:
        """The records of runs."""
        from nbproof.tracking.repository import RunRepository

        return RunRepository(
            self.database, clock=self.clock, journal=self.folder / "journal", datasets=self._versions
        )

    def _versions(self) -> DatasetRepository:
        from nbproof.datasets.repository import DatasetRepository

        return DatasetRepository(self.database)

    @cached_property
    def storage(self) -> PackedObjects:
        """Content of artifacts: what logging needs of the content store."""
        from nbproof.storage.content.logged import LoggedIndex, PackedObjects
        from nbproof.storage.content.store import Receiver

        folder = self.folder / "content"
        on_a_server = self._told("database") is not None
        end = self._content_end()
        index = LoggedIndex(
            end,
            None if on_a_server else self.folder / "meta.db",
            folder,
            elsewhere=(lambda: self.content.index) if on_a_server else None,
        )
        return PackedObjects(
            Receiver(end, index, folder),
            index,
            lambda kind, **fields: self.journal.event(kind, **fields),
            lambda: self.content,
            self.catch_up,
            moved=self._moved_object,
        )

    def _content_end(self) -> StorageBackend:
        from nbproof.storage.content.ends import backend_of

        if self._told("content") is None:
            return backend_of(self.folder / "content", None)  # who logs reads no settings for that
        return backend_of(self.folder / "content", self.settings.content, self.settings.content_options)

    def _told(self, name: str) -> Any:
        """What a setting is given as, before it is checked."""
        given = self._environ.get(f"NBPROOF_{name.upper()}")
        with suppress(PlatformError):  # a broken file is told of by whoever starts a run
            given = given or read_settings_file(self.folder / SETTINGS_FILE).get(name)
        return given

    @property
    def content(self) -> ContentStore:
        """The content store: chunks of artifacts and datasets."""
        with self._lock:
            database = self.database
            if self._content is None or self._content.index.database is not database:
                from nbproof.storage.content.index import ContentIndex
                from nbproof.storage.content.store import ContentStore

                self._content = ContentStore(
                    self._content_end(), ContentIndex(database), self.folder / "content"
                )
            return self._content

    @property
    def content_address(self) -> str | None:
        """Where content is; None for the workspace's folder."""
        return self.settings.content

    @cached_property
    def datasets(self) -> DataVersionControl:
        """Datasets."""
        from nbproof.datasets.service import DataVersionControl

        return DataVersionControl(
            self._versions,
            lambda: self.content,
            self.folder / "content" / "copies",
            clock=self.clock,
            lineage=lambda: self.lineage,
            prepare=self._make_and_glance,
            run_id=lambda: self.tracker.live.id if self.tracker.live is not None else None,
            changes=self.changes,
            root=self.root,
        )

    def _make_and_glance(self) -> None:
        self.make()
        self.glance()  # what was logged just now is in the index then, and need not be kept twice

    @cached_property
    def jobs(self) -> Jobs:
        """Long work."""
        from nbproof.jobs.repository import JobRepository
        from nbproof.jobs.service import Jobs

        return Jobs(
            JobRepository(self.database),
            [kind for room in ROOMS for kind in room.job_kinds()],
            clock=self.clock,
            changes=self.changes,
            supply=self.service,
        )

    @cached_property
    def lineage(self) -> Lineage:
        """Where things come from and what was made of them."""
        from nbproof.datasets.lineage import DatasetLineage
        from nbproof.datasets.repository import DriftReportRepository
        from nbproof.lineage.repository import LineageRepository
        from nbproof.lineage.service import Lineage
        from nbproof.tracking.repository import RunLineage

        runs = RunLineage(lambda: self.database, lambda: self.runs)
        versions = DatasetLineage(self._versions, lambda: DriftReportRepository(self.database))
        return Lineage(
            lambda: LineageRepository(self.database),
            self.catch_up,
            clock=self.clock,
            changes=self.changes,
            sources=[runs],
            labels=[runs, versions],
            resolvers=[runs, versions],
            root=self.root,
        )

    @cached_property
    def transfer(self) -> RunTransfer:
        """Runs out of and into this workspace."""
        from nbproof.tracking.transfer.service import RunTransfer

        return RunTransfer(
            self.tracker,
            self.journal,
            lambda: self.runs,
            self.catch_up,
            lambda: self.storage,
            lambda: self.jobs,
            self.folder / "transfers",
            clock=self.clock,
            prepare=self.make,
            lineage=lambda: self.lineage,
        )

    def service(self, kind: type[Service]) -> Service:
        """The service of that class: what an operation's or a job's first parameter is given."""
        for room in ROOMS:
            if any(each.service is kind for each in room.declared()):
                return cast(Service, room.service(self))
        raise LookupError(f"no room has a service {kind.__name__}")

    @property
    def directory(self) -> Directory:
        """The workspaces that can be reached from here."""
        if self._directory is None:
            from nbproof.platform.directory import Directory

            self._directory = Directory(Path.cwd(), clock=self.clock)
        return self._directory

    @directory.setter
    def directory(self, directory: Directory) -> None:
        self._directory = directory

    def glance(self) -> None:
        """Drain if that can be done at once; for readers that look into the journals themselves."""
        with suppress(Unavailable):
            self.catch_up(wait_seconds=_GLANCE_SECONDS)

    @cached_property
    def intake(self) -> Intake:
        """What takes journals of other machines."""
        from nbproof.platform.intake import Intake

        return Intake(self._drain_of_all, lambda: self.storage, lambda: self.runs, clock=self.clock)

    def catch_up(self, *, wait_seconds: float | None = None) -> DrainReport | None:
        """Drain the journals of every process that writes here; cheap when there is nothing new."""
        if not self.exists and (self._drain is None or self._opened_file is not None):
            return None
        return self._drain_of_all().run_once(wait_seconds=wait_seconds)

    def _drain_of_all(self) -> Drain:
        with self._lock:
            self._forget_if_deleted()
            if self._drain is None:
                from nbproof.storage.content.applying import ContentApplier
                from nbproof.storage.content.index import ContentIndex
                from nbproof.storage.drain import Drain
                from nbproof.tracking.repository import (
                    SavedSearchApplier,
                    TrackingApplier,
                    TrashApplier,
                )

                self._drain = Drain(
                    self.folder / "journal",
                    self.database,
                    [
                        ContentApplier(ContentIndex(self.database)),
                        TrackingApplier(self.clock),
                        TrashApplier(),
                        SavedSearchApplier(),
                    ],
                    clock=self.clock,
                    changes=self.changes,
                )
            return self._drain

    def look_after_writers(self) -> None:
        """Say which writers of this machine live, and miss those of others; for servers, who do it often."""
        if "intake" in self.__dict__:
            self.intake.let_go_of_old()
        with self._lock:
            self._forget_if_deleted()
            if self._witness is None:
                if not self.exists:
                    return
                from nbproof.storage.mounts import on_network_mount
                from nbproof.storage.witness import Witness
                from nbproof.tracking.repository import TrackingApplier

                shared = self.database.dialect == "postgresql" or on_network_mount(self.folder)
                self._witness = Witness(
                    self.database, [TrackingApplier(self.clock)], clock=self.clock, shared=shared
                )
            witness = self._witness
        for change in witness.look():
            self.changes.publish(change)

    def call(self, operation: Operation, ask: Ask) -> Any:
        """Do what an operation asks, here."""
        if operation.action != "read" and not self.exists:
            self.make()
        return operation(self.service(operation.service), ask)

    def close(self, status: str = "finished") -> None:
        """End live runs and let go of files and connections."""
        if "tracker" in self.__dict__:
            self.tracker.close(status)
        if "jobs" in self.__dict__:
            self.jobs.close()
        if "journal" in self.__dict__:
            self.journal.close()
        for database in (self._database, self._empty):
            if database is not None:
                database.close()
        if self._nowhere is not None:
            self._nowhere.cleanup()
        self._nowhere = None
        self._database = self._empty = self._drain = self._witness = None

    def renew_after_fork(self) -> None:
        """Let go of locks that a thread of the parent may have held; for a forked child."""
        self._lock = threading.RLock()
        self.__dict__.pop("storage", None)
        self._content = None
        self.changes.renew_after_fork()
        if "tracker" in self.__dict__:
            self.tracker.renew_after_fork()

    def __repr__(self) -> str:
        return f"<workspace {self.folder}>"

    # -- inside --------------------------------------------------------------------------------------

    def _raw_settings(self) -> dict[str, Any]:
        # A broken settings file must not keep anyone from logging: defaults hold, and it is said.
        try:
            raw = read_settings_file(self.folder / SETTINGS_FILE)
            _refuse_format(raw, self.folder)
        except PlatformError as error:
            from nbproof.core.callers import users_stacklevel

            warnings.warn(
                f"nbproof: {error} Recording goes on with default settings.", stacklevel=users_stacklevel()
            )
            return {}
        return raw

    def _journal_restored(self) -> None:
        # The folder vanished under us and the journal began anew: it must know our runs again.
        with self._lock:
            self._made = False
        if "tracker" in self.__dict__:
            self.tracker.announce_again()

    def _sample(self, run_id: str, seconds: float) -> Callable[[], None]:
        from nbproof.tracking.system_metrics import sample_in_background

        return sample_in_background(self.folder / "journal", run_id, seconds)

    def _run_ended(self) -> None:
        from nbproof.storage.announce import server_alive

        if not server_alive(self.root):
            from nbproof.storage.background import drain_in_background

            drain_in_background(self.root)


def _file(path: Path) -> tuple[int, int] | None:
    # Which file a name stands for; None for none.
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _refuse_format(raw: Mapping[str, Any], folder: Path) -> None:
    written = raw.get("format", FORMAT)
    if isinstance(written, int) and written > FORMAT:
        raise Conflict(
            f"the workspace {folder} has format {written}; this nbproof knows formats up to {FORMAT}.",
            hint="pip install -U nbproof",
            details={"format": written, "known": FORMAT},
        )


# -- the workspace of this process -------------------------------------------------------------------

_current: Workspace | RemoteWorkspace | None = None
_opening = threading.RLock()


def current() -> Workspace | RemoteWorkspace:
    """The workspace of this process, found on first use by the rules of `find_location`."""
    global _current
    if _current is None:
        with _opening:
            if _current is None:
                _current = open_workspace()
                atexit.register(close_current)
    return _current


def use(workspace: Workspace | RemoteWorkspace | None) -> Workspace | RemoteWorkspace | None:
    """Make a workspace the one of this process, or None to find it anew; returns the one before."""
    global _current
    with _opening:
        before, _current = _current, workspace
    return before


def open_workspace(
    start: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    say: Callable[[str], None] | None = None,
) -> Workspace | RemoteWorkspace:
    """The workspace of a folder, by default of the notebook or script that is running."""
    location = find_location(start or running_source(environ)[0], environ)
    if location.url is not None:
        from nbproof.platform.remote import RemoteWorkspace

        remote = RemoteWorkspace(
            location.url, token=(environ or os.environ).get("NBPROOF_TOKEN"), clock=clock, environ=environ
        )
        _opened.add(remote)
        return remote
    return Workspace(location, clock=clock, say=say, environ=environ)


def close_current() -> None:
    """End what is live; what runs when the interpreter exits."""
    workspace = _current
    if workspace is None:
        return
    try:
        workspace.close(_ending())
    except Exception as error:
        # At exit nobody can act on a traceback; the journal has what was acknowledged.
        sys.stderr.write(f"nbproof: closing the workspace failed: {error}\n")


def _ending() -> str:
    """How runs end that are live when the process does: as well as its last piece of work did."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None:
        # A cell that was cut off, by the restart of its kernel too, or that failed: nobody said it was done.
        return "finished" if getattr(shell, "last_execution_succeeded", True) else "interrupted"
    cause = getattr(sys, "last_type", None)
    if cause is None or sys.flags.interactive:
        return "finished"
    return "cancelled" if issubclass(cause, KeyboardInterrupt) else "failed"


def _renew_after_fork() -> None:
    global _opening
    _opening = threading.RLock()
    for workspace in list(_opened):
        workspace.renew_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)


def drain(root: str) -> None:
    """Drain the journals of the workspace whose root folder this is; for the child process."""
    workspace = Workspace(Location(Path(root), True, "named"))
    if workspace.exists:
        workspace.catch_up()
        workspace.close()


def _origin() -> Origin:
    folder, source = running_source()
    return Origin(folder, source)


def _truth(value: object) -> bool:
    return str(value).strip().lower() not in ("0", "false", "no", "off")


def _seconds(value: object, default: float = 5.0) -> float:
    """A setting that recording reads before the settings are checked: what is no number is not taken."""
    try:
        found = float(str(value))
    except ValueError:
        return default
    return found if 0 < found <= 3600 else default


def _say(line: str) -> None:
    (sys.stdout if "ipykernel" in sys.modules else sys.stderr).write(line + "\n")

"""Looking after a workspace: garbage, backups, and making a workspace of a backup."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from nbproof.core.errors import NotFound, Unavailable
from nbproof.core.operation import Ask, Download, JobAccepted, View, operation
from nbproof.jobs.service import JobContext, job

if TYPE_CHECKING:
    from nbproof.platform.workspace import Workspace
    from nbproof.storage.backup import Backup
    from nbproof.storage.database import Database

__all__ = ["CollectGarbage", "GarbageReport", "Maintenance", "collect_garbage", "restore_workspace"]


_CLAIMS_DAYS = 30


class CollectGarbage(Ask):
    """What may go."""

    dry_run: bool = Field(False, description="Only say what would go.")
    grace_hours: float = Field(
        24.0, ge=0, le=24 * 365, description="Content of what was deleted later than so long ago stays."
    )


class GarbageReport(View):
    """Content that nothing refers to, deleted, or with `dry_run` only counted.

    Content is counted in stretches: a small file is one, a large one many, and what several files have in
    common is counted once.
    """

    objects: int = Field(0, description="Stretches of content that nothing refers to.")
    bytes: int = Field(0, description="By which the store shrinks.")
    left_bytes: int = Field(
        0, description="Not needed either; they go when most of their pack is, or nobody writes to it."
    )
    graced_bytes: int = Field(
        0, description="By which it would shrink more without the grace; counted with `dry_run` alone."
    )
    kept_objects: int = Field(0, description="Referred to.")
    kept_bytes: int = Field(0, description="That those take in the store.")
    waiting: bool = Field(
        False, description="Content was being taken in all the while: the rest goes the next time."
    )
    series: int = Field(0, description="Names of metrics that purged runs left behind.")
    environments: int = Field(
        0, description="Environments that no run has any more; they stay while any process records."
    )
    dry_run: bool = False


class MakeBackup(Ask):
    """All of the workspace."""


class GetBackup(Ask):
    """Which backup, by the id of its job."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=200), Field(description="The job's id.")]


class BackupReport(View):
    """What a backup holds."""

    path: str
    size_bytes: int = Field(description="Of the file.")
    files: int
    content_bytes: int = Field(description="What its entries take when unpacked.")
    created: str
    version: str = Field(description="Of the nbproof that made it.")
    database: str = Field(description="What the records were kept in: sqlite or postgresql.")
    content: str | None = Field(None, description="Where packs were kept, if not in the workspace's folder.")
    missing_packs: int = Field(0, description="Packs that were lost before the backup was made.")


class Maintenance:
    """The chores of one workspace.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def collect_garbage(self, *, dry_run: bool = False, grace_hours: float = 24.0) -> GarbageReport:
        """Delete the content of purged runs, replaced artifacts and deleted datasets that nothing refers to.

        Beside it what purged runs left in the tables: names of metrics that came late, unused environments.

        Raises
        ------
        Unavailable
            A journal, or what a dataset version consists of, can't be read, so nobody knows what it refers
            to; nothing of its kind is deleted then.
        """
        from dataclasses import asdict

        from nbproof.platform.content import ContentCare
        from nbproof.storage.garbage import Garbage, collect
        from nbproof.storage.spool import SpooledObjects

        workspace = self._workspace
        if not workspace.exists:
            return GarbageReport(dry_run=dry_run)
        loose = Garbage()
        if not dry_run:
            workspace.move_old_objects()
            self._forget_claims()
        if (workspace.folder / "content" / "objects").is_dir():
            loose = collect(
                SpooledObjects(workspace.folder / "content"),
                workspace.database,
                workspace.folder / "journal" / "rejected",
                self._drain,
                grace_seconds=grace_hours * 3600,
                now_us=workspace.clock.now_us(),
                dry_run=dry_run,
            )
        left = workspace.runs.trash.forget_leftovers(dry_run=dry_run)
        care, now_us = ContentCare(workspace), workspace.clock.now_us()
        packs = care.collect(now_us - round(grace_hours * 3600e6), dry_run=dry_run, drain=self._drain)
        graced = 0
        if dry_run and grace_hours and not packs.waiting:
            graced = care.collect(now_us, dry_run=True, drain=self._drain).bytes - packs.bytes
        return GarbageReport(
            **asdict(left),
            objects=packs.objects + packs.chunks + loose.objects,
            bytes=packs.bytes + loose.bytes,
            left_bytes=packs.left_bytes + loose.young_bytes,
            graced_bytes=max(graced, 0),
            kept_objects=packs.kept + loose.kept_objects,
            kept_bytes=packs.kept_bytes + loose.kept_bytes,
            waiting=packs.waiting,
            dry_run=dry_run,
        )

    def back_up(self, file: Path, *, progress: Callable[[str, int, int], object] | None = None) -> Backup:
        """Copy the workspace into one file while it is in use; see `nbproof.storage.backup`."""
        from nbproof.storage.backup import back_up

        self._require_workspace()
        workspace = self._workspace
        return back_up(
            workspace.folder,
            workspace.database,
            Path(file),
            workspace.catch_up,
            now_us=workspace.clock.now_us(),
            packs=workspace.content,
            content=workspace.content_address,
            progress=progress,
        )

    def submit_backup(self, ask: MakeBackup) -> JobAccepted:
        """Queue a backup; its file is fetched with `backed_up`."""
        self._require_workspace()
        queued = self._workspace.jobs.submit("maintenance.backup", ask)
        return JobAccepted(id=queued.id, status=queued.status)

    def backed_up(self, id: str) -> Path:
        """The file of a backup that is done; see `RunTransfer.fetchable`."""
        return self._workspace.transfer.fetchable(id, "maintenance.backup", "backup")

    def _require_workspace(self) -> None:
        if not self._workspace.exists:
            raise NotFound(
                f"there is no workspace {self._workspace.folder}", hint="nothing was recorded here yet"
            )

    def run_backup(self, context: JobContext) -> BackupReport:
        """Back up as a job, into a file that waits a day to be fetched."""
        from dataclasses import asdict

        transfer = self._workspace.transfer
        transfer.sweep()
        file = transfer.file_of(context.id)
        file.unlink(missing_ok=True)  # of an attempt whose process died

        def tell(doing: str, done: int, total: int) -> None:
            context.progress(done / total if total else None, doing)

        made = self.back_up(file, progress=tell)
        return BackupReport(**{**asdict(made), "path": file.name})

    def _forget_claims(self) -> None:
        """Delete the files by which processes agreed who starts or stops a run, when long over."""
        import time
        from contextlib import suppress

        before = time.time() - _CLAIMS_DAYS * 86_400
        for name in ("claims", "cancel"):
            with suppress(OSError):
                for path in (self._workspace.folder / name).iterdir():
                    with suppress(OSError):
                        if path.stat().st_mtime < before:
                            path.unlink()

    def _drain(self) -> None:
        report = self._workspace.catch_up()
        if report is not None and report.unreadable:
            raise Unavailable(
                f"nothing is deleted while a journal can't be read: {report.unreadable[0]}",
                hint="pip install -U nbproof, if a later nbproof wrote it; see: nbproof doctor",
            )


def restore_workspace(
    file: Path,
    root: Path,
    *,
    now_us: int,
    database: str | None = None,
    progress: Callable[[str, int, int], object] | None = None,
) -> Backup:
    """Make a workspace of a backup in a folder that has none; what was live then is interrupted.

    Its records go into a SQLite file, or into the empty PostgreSQL `database`.
    """
    from nbproof.platform.location import FOLDER
    from nbproof.storage.backup import restore
    from nbproof.storage.drain import end_all_writers
    from nbproof.tracking.repository import TrackingApplier

    def settle(database: Database) -> None:
        end_all_writers(database, [TrackingApplier()], now_us)

    return restore(
        Path(file), Path(root), folder_name=FOLDER, settle=settle, database=database, progress=progress
    )


@operation("maintenance.backup", "POST /backups", action="backup")
def make_backup(maintenance: Maintenance, ask: MakeBackup) -> JobAccepted:
    """Back up the workspace into one file, while it is in use."""
    return maintenance.submit_backup(ask)


@operation("maintenance.backed_up", "GET /backups/{id}", action="backup")
def get_backup(maintenance: Maintenance, ask: GetBackup) -> Download:
    """Download the file of a backup whose job is done."""
    return Download(maintenance.backed_up(ask.id), "backup.zip", "application/zip")


@job("maintenance.backup", restartable=True)
def making_backup(ask: MakeBackup, context: JobContext) -> BackupReport:
    """Write the file."""
    return context.service(Maintenance).run_backup(context)


@operation("maintenance.gc", "POST /gc", action="write", python="collect_garbage", cli="gc")
def collect_garbage(maintenance: Maintenance, ask: CollectGarbage) -> GarbageReport:
    """Delete content of purged runs, replaced artifacts and deleted datasets that nothing refers to."""
    return maintenance.collect_garbage(dry_run=ask.dry_run, grace_hours=ask.grace_hours)

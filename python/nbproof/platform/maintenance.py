"""Looking after a workspace: garbage, backups, and making a workspace of a backup."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from nbproof.core.errors import NotFound, Unavailable
from nbproof.core.operation import Ask, View, operation

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
        24.0, ge=0, le=24 * 365, description="Content that was put later than so long ago stays."
    )


class GarbageReport(View):
    """Content that nothing refers to, deleted, or with `dry_run` only counted."""

    objects: int = 0
    bytes: int = 0
    young_objects: int = Field(
        0, description="Not referred to either, but younger than the grace period, or just being recorded."
    )
    young_bytes: int = 0
    kept_objects: int = Field(0, description="Referred to.")
    kept_bytes: int = 0
    series: int = Field(0, description="Names of metrics that purged runs left behind.")
    environments: int = Field(
        0, description="Environments that no run has any more; they stay while any process records."
    )
    dry_run: bool = False


class Maintenance:
    """The chores of one workspace.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def collect_garbage(self, *, dry_run: bool = False, grace_hours: float = 24.0) -> GarbageReport:
        """Delete the content of purged runs and of replaced artifacts that nothing refers to.

        Beside it what purged runs left in the tables: names of metrics that came late, unused environments.

        Raises
        ------
        Unavailable
            A journal can't be read, so nobody knows what it refers to; nothing is deleted then.
        """
        from dataclasses import asdict

        from nbproof.storage.garbage import collect

        workspace = self._workspace
        if not workspace.exists:
            return GarbageReport(dry_run=dry_run)
        found = collect(
            workspace.storage,
            workspace.database,
            workspace.folder / "journal" / "rejected",
            self._drain,
            grace_seconds=grace_hours * 3600,
            now_us=workspace.clock.now_us(),
            dry_run=dry_run,
        )
        if not dry_run:
            self._forget_claims()
        left = workspace.runs.trash.forget_leftovers(dry_run=dry_run)
        return GarbageReport(**asdict(found), **asdict(left), dry_run=dry_run)

    def back_up(self, file: Path, *, progress: Callable[[str, int, int], object] | None = None) -> Backup:
        """Copy the workspace into one file while it is in use; see `nbproof.storage.backup`."""
        from nbproof.storage.backup import back_up

        workspace = self._workspace
        if not workspace.exists:
            raise NotFound(f"there is no workspace {workspace.folder}", hint="nothing was recorded here yet")
        return back_up(
            workspace.folder,
            workspace.database,
            Path(file),
            workspace.catch_up,
            now_us=workspace.clock.now_us(),
            progress=progress,
        )

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


@operation("maintenance.gc", "POST /gc", action="write", python="collect_garbage", cli="gc")
def collect_garbage(maintenance: Maintenance, ask: CollectGarbage) -> GarbageReport:
    """Delete content of purged runs and replaced artifacts that nothing refers to."""
    return maintenance.collect_garbage(dry_run=ask.dry_run, grace_hours=ask.grace_hours)

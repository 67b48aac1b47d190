"""Moving runs out of and into a workspace that a server keeps: files go over HTTP, the work is its jobs'."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from nbproof.core.clock import Clock
from nbproof.core.errors import Conflict, PlatformError, error_of
from nbproof.core.operation import validated
from nbproof.tracking.transfer.archive import write_archive
from nbproof.tracking.transfer.models import ExportReport, ImportReport, ImportRuns
from nbproof.tracking.transfer.portable import Step
from nbproof.tracking.transfer.progress import shown
from nbproof.tracking.transfer.service import not_taken
from nbproof.tracking.transfer.sources import open_source

__all__ = ["RemoteTransfer"]

_PAUSE_SECONDS = 0.2


class RemoteTransfer:
    """The verbs of `RunTransfer` for a workspace behind a server.

    A store of another tool is read here, where it lies, and sent as one file of runs.

    Parameters
    ----------
    ask : callable
        Calls an operation of the server by its name.
    catch_up : callable
        Sends what was recorded here and waits.
    clock : Clock
    """

    def __init__(self, ask: Callable[..., Any], catch_up: Callable[[], object], *, clock: Clock) -> None:
        self._ask = ask
        self._catch_up = catch_up
        self._clock = clock

    def export_runs(
        self,
        *ids: str,
        query: str | None = None,
        experiment: str | None = None,
        output: str | os.PathLike[str],
        force: bool = False,
        step: Step | None = None,
    ) -> ExportReport:
        """Write runs into one file, artifacts included; see `nbproof.export_runs`."""
        target = Path(output).expanduser()
        if target.exists() and not force:
            raise Conflict(
                f"{str(target)!r} is there already",
                hint="replace it with --force (force=True), or name another file",
                details={"field": "output"},
            )
        self._catch_up()
        accepted = self._ask("runs.export", id=list(ids), query=query, experiment=experiment)
        job = self._followed(accepted.id, "exporting", step)
        _fetch(self._ask("runs.exported", id=job.id), target)
        report = ExportReport.model_validate(job.result)
        return report.model_copy(update={"path": str(target.absolute())})

    def back_up(self, target: Path, step: Step | None = None) -> dict[str, Any]:
        """Have the server back its workspace up, and fetch the file; what it holds."""
        if target.exists():
            raise Conflict(
                f"{str(target)!r} is there already, and a backup overwrites nothing",
                hint="name another file",
                details={"field": "file"},
            )
        self._catch_up()
        job = self._followed(self._ask("maintenance.backup").id, "backing up", step)
        _fetch(self._ask("maintenance.backed_up", id=job.id), target)
        return {**job.result, "path": str(target.absolute())}

    def import_runs(
        self,
        path: str | os.PathLike[str],
        *,
        from_: str | None = None,
        name: str | None = None,
        experiment: str | None = None,
        new_ids: bool = False,
        deleted: bool = False,
        artifacts: str | os.PathLike[str] | None = None,
        rows: str | None = None,
        column: Mapping[str, str] | None = None,
        dry_run: bool = False,
        step: Step | None = None,
    ) -> ImportReport:
        """Bring runs in from a file or folder; see `nbproof.import_runs`."""
        ask = validated(
            ImportRuns,
            {
                "path": path, "from_": from_, "name": name, "experiment": experiment, "new_ids": new_ids,
                "deleted": deleted, "artifacts": artifacts, "rows": rows, "column": dict(column or {}),
                "dry_run": dry_run,
            },
        )  # fmt: skip
        source = open_source(ask)
        self._catch_up()
        try:
            if source.format == "archive":
                return self._sent(ask, ask.path.expanduser(), step)
            with tempfile.TemporaryDirectory(prefix="nbproof-") as folder:
                file = Path(folder, "runs.zip")
                write_archive(
                    file,
                    source.runs(),
                    source.experiments(),
                    now_us=self._clock.now_us(),
                    findings=source.findings,
                    total=len(source.run_ids),
                )
                report = self._sent(ask, file, step)
            return report.model_copy(
                update={
                    "path": ask.name or str(ask.path),
                    "format": source.format,
                    "not_taken": [*not_taken(source.findings), *report.not_taken],
                    "notes": [*source.findings.notes, *report.notes],
                }
            )
        finally:
            source.close()

    def _sent(self, ask: ImportRuns, file: Path, step: Step | None) -> ImportReport:
        accepted = self._ask(
            "runs.import",
            path=file,
            name=ask.name or file.name,
            experiment=ask.experiment,
            new_ids=ask.new_ids,
            dry_run=ask.dry_run,
        )
        return ImportReport.model_validate(self._followed(accepted.id, "importing", step).result)

    def _followed(self, identifier: str, what: str, step: Step | None) -> Any:
        if step is None:
            with shown(what) as bar:
                return self._followed(identifier, what, bar)
        try:
            while True:
                job = self._ask("jobs.get", id=identifier)
                step(job.progress or 0.0, job.message or job.status)
                if job.status == "done":
                    return job
                if job.status in ("failed", "cancelled", "interrupted"):
                    raise _error(job)
                time.sleep(_PAUSE_SECONDS)
        except KeyboardInterrupt:
            with suppress(PlatformError):
                self._ask("jobs.cancel", id=identifier)
            raise


def _fetch(download: Any, target: Path) -> None:
    """Bring a downloaded file to its place, whole or not at all."""
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        shutil.copyfile(download.path, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
        with suppress(OSError):
            download.path.unlink()
            download.path.parent.rmdir()


def _error(job: Any) -> PlatformError:
    if isinstance(job.error, dict):
        return error_of({"error": job.error})
    return PlatformError(f"the job {job.id[-6:]} is {job.status}")

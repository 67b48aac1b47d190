"""The verbs of moving runs, for every face: over HTTP each is a job."""

from __future__ import annotations

from nbproof.core.operation import Download, JobAccepted, operation
from nbproof.jobs.service import JobContext, job
from nbproof.tracking.transfer.models import ExportReport, ExportRuns, GetExport, ImportReport, ImportRuns
from nbproof.tracking.transfer.service import RunTransfer

__all__ = ["export_runs", "exported", "exporting", "import_runs", "importing"]


@operation("runs.export", "POST /runs/export", action="write", python="export_runs", cli="runs export")
def export_runs(transfer: RunTransfer, ask: ExportRuns) -> JobAccepted:
    """Write runs into one file, artifacts included, which can be read without nbproof."""
    return transfer.submit_export(ask)


@operation("runs.exported", "GET /runs/exports/{id}", action="read")
def exported(transfer: RunTransfer, ask: GetExport) -> Download:
    """Download the file of an export whose job is done."""
    return Download(transfer.exported(ask.id), "runs.zip", "application/zip")


@operation(
    "runs.import", "POST /runs/import", action="write", python="import_runs", cli="runs import", upload="path"
)
def import_runs(transfer: RunTransfer, ask: ImportRuns) -> JobAccepted:
    """Bring in exported runs, or those of MLflow, TensorBoard or a CSV."""
    return transfer.submit_import(ask)


@job("runs.export", restartable=True)
def exporting(ask: ExportRuns, context: JobContext) -> ExportReport:
    """Write the file."""
    return context.service(RunTransfer).run_export(ask, context)


@job("runs.import", restartable=True)
def importing(ask: ImportRuns, context: JobContext) -> ImportReport:
    """Read the file and record what is new."""
    return context.service(RunTransfer).run_import(ask, context)

"""The verbs of drift reports, for every face."""

from __future__ import annotations

from pydantic import ValidationError

from nbproof.core.errors import Invalid
from nbproof.core.operation import Page, operation
from nbproof.datasets.drift_models import AddDriftReport, DriftReport, GetDriftReport, ListDriftReports
from nbproof.datasets.drift_reports import DriftReports

__all__ = ["add_drift_report", "get_drift_report", "list_drift_reports"]


@operation(
    "drift_reports.list",
    "GET /drift-reports",
    action="read",
    python="list_drift_reports",
    cli="drift-reports list",
)
def list_drift_reports(reports: DriftReports, ask: ListDriftReports) -> Page[DriftReport]:
    """List the drift reports that are kept, latest first."""
    return reports.list_drift_reports(ask.dataset, limit=ask.limit, after=ask.after)


@operation("drift_reports.add", "POST /drift-reports", action="write", creates=True)
def add_drift_report(reports: DriftReports, ask: AddDriftReport) -> DriftReport:
    """Keep a drift report that was made elsewhere, such as of a frame that is not registered."""
    try:
        report = DriftReport.model_validate(ask.report)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, ("report", *first["loc"])))
        raise Invalid(f"{place}: {first['msg']}", details={"field": place}) from None
    return reports.keep(report, ask.columns)


@operation(
    "drift_reports.get",
    "GET /drift-reports/{id}",
    action="read",
    python="get_drift_report",
    cli="drift-reports show",
)
def get_drift_report(reports: DriftReports, ask: GetDriftReport) -> DriftReport:
    """Show a drift report that is kept."""
    return reports.get_drift_report(ask.id)

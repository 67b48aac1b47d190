"""What comparing two tables by their distributions answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from nbproof.core.errors import NotFound, hint_of, near_names
from nbproof.core.operation import Ask, Instant, Number, Positional, View
from nbproof.datasets.models import Reference, RunId

__all__ = [
    "AddDriftReport",
    "ColumnDriftView",
    "DetectDrift",
    "DriftFinding",
    "DriftReport",
    "DriftTogether",
    "GetDriftReport",
    "ListDriftReports",
    "Severity",
]

Severity = Literal["none", "low", "medium", "high", "critical"]


class DriftFinding(View):
    """One thing that has changed in a column."""

    code: str = Field(description="shift, missing, new, vanished, unit, type, spike, ...")
    severity: Severity
    score: Number
    sentence: str
    action: str


class ColumnDriftView(View):
    """What has changed in a column, or that nothing has."""

    name: str
    kind: str
    severity: Severity = "none"
    score: Number = 0.0
    sentence: str = ""
    action: str = ""
    findings: list[DriftFinding] = Field(default_factory=list, description="The worst first.")
    test: str = ""
    statistic: Number | None = None
    p_value: Number | None = None
    p_adjusted: Number | None = Field(None, description="After Benjamini and Hochberg, over all columns.")
    effect: str = Field("", description="Which of the effects is the main one.")
    effects: dict[str, Number] = Field(default_factory=dict)
    threshold: Number | None = None
    reference_count: int = 0
    current_count: int = 0
    too_few_rows: bool = False
    smallest_effect: Number | None = Field(None, description="What so many rows show in four of five cases.")
    edges: list[Number] = Field(default_factory=list, description="Of the bars, where it is numbers.")
    labels: list[str] = Field(default_factory=list, description="Of the bars, where it is values.")
    reference_bars: list[Number] = Field(default_factory=list, description="The share of rows in each bar.")
    current_bars: list[Number] = Field(default_factory=list)

    @property
    def drifted(self) -> bool:
        """Whether there is a change that is neither chance nor negligible."""
        return self.severity != "none"

    def listed(self) -> dict[str, object]:
        """A row of the table of columns."""
        return {
            "column": self.name,
            "severity": self.severity,
            "score": round(self.score, 3),
            "what": self.sentence,
            "what to do": self.action,
        }


class DriftTogether(View):
    """How well new rows can be told from old ones by all columns together."""

    auc: Number
    severity: Severity
    sentence: str
    action: str
    causes: list[tuple[str, Number]] = Field(default_factory=list)
    left_out: list[str] = Field(default_factory=list)


class DriftReport(View):
    """What has changed between two tables: in each column, and together."""

    id: str
    reference: str = Field(description="What was compared with, such as sales@v1.")
    current: str
    reference_id: str | None = Field(None, description="Of the dataset version; null for a frame.")
    current_id: str | None = None
    severity: Severity
    score: Number = Field(description="From 0 to 1: half the worst column's, half the mean of all.")
    share_drifted: Number = Field(description="Of the columns, those of medium severity or more.")
    sentence: str
    action: str
    exact: bool = Field(description="Whether the data were read, not their stored profiles.")
    reference_rows: int
    current_rows: int
    columns: list[ColumnDriftView]
    together: DriftTogether | None = Field(None, description="Where the data were read.")
    run_id: str | None = None
    created_at: Instant

    @property
    def drifted(self) -> list[ColumnDriftView]:
        """The columns that drifted, the worst first."""
        return sorted((each for each in self.columns if each.drifted), key=lambda each: -each.score)

    def column(self, name: str) -> ColumnDriftView:
        """The column of this name."""
        for each in self.columns:
            if each.name == name:
                return each
        names = [each.name for each in self.columns]
        near = near_names(name, names)
        raise NotFound(
            f"the report has no column {name!r}", hint=hint_of(near, names, "it has"), details={"near": near}
        )

    def listed(self) -> dict[str, object]:
        """A row of the list of reports."""
        return {
            "id": self.id[-6:],
            "reference": self.reference,
            "current": self.current,
            "severity": self.severity,
            "drifted": len(self.drifted),
            "columns": len(self.columns),
            "found": self.sentence,
            "created": self.created_at,
        }

    def __str__(self) -> str:
        from nbproof.datasets.drift_display import drift_text

        return drift_text(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from nbproof.datasets.drift_display import drift_html, drift_text

        return {"text/plain": drift_text(self), "text/html": drift_html(self)}


class DetectDrift(Ask):
    """Two versions, the older first."""

    reference: Annotated[Reference, Positional]
    current: Annotated[Reference, Positional]
    exact: bool = Field(False, description="Read the data: exact, and all columns together too.")
    columns: list[str] | None = Field(None, description="Only these; by default all.")
    run_id: RunId | None = Field(None, description="The run that asks; it is kept with the report.")


class AddDriftReport(Ask):
    """A report that was made elsewhere, such as of a frame that is not registered."""

    report: dict[str, Any] = Field(description="A `DriftReport`, as an answer shows it.")
    columns: list[str] | None = Field(None, description="Which were asked for; by default all.")


class ListDriftReports(Ask):
    """Which reports."""

    dataset: str | None = Field(None, description="Only those of versions of this dataset.")
    limit: int = Field(50, ge=1, le=1000)
    after: str | None = Field(None, description="`next` of the page before.")


class GetDriftReport(Ask):
    """One report."""

    id: Annotated[str, Field(min_length=6, max_length=32, description="Or its last 6 digits.")]

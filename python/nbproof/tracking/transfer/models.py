"""What crosses the boundary of moving runs: asks and reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from nbproof.core.operation import Ask, Positional, View
from nbproof.tracking.domain import NAME_LIMIT
from nbproof.tracking.models import ExperimentRef, Name, RunRef

__all__ = [
    "ExportReport",
    "ExportRuns",
    "Format",
    "GetExport",
    "ImportReport",
    "ImportRuns",
    "ImportedRun",
    "NotTaken",
    "Outcome",
    "Role",
]

Format = Literal["archive", "mlflow", "tensorboard", "csv"]
Outcome = Literal["taken", "completed", "there already", "differs"]
Role = Literal[
    "run",
    "id",
    "experiment",
    "status",
    "started",
    "ended",
    "notes",
    "step",
    "time",
    "metric",
    "param",
    "tag",
    "skip",
]


class NotTaken(View):
    """Things of one kind that were left out for one reason."""

    kind: str = Field(description="What they are: artifact, run, dataset, histogram, ...")
    reason: str
    count: int
    names: list[str] = Field(description="The first of them.")


class ImportedRun(View):
    """What became of one run."""

    id: str
    name: str
    experiment: str
    outcome: Outcome = Field(
        description="taken; completed: the rest of it was brought; there already: nothing was missing; "
        "differs: another run of this id is here, and was left alone."
    )
    differences: list[str] = Field(default_factory=list, description="Where it differs, for people.")


class ImportReport(View):
    """What was taken and what was not."""

    path: str
    format: Format
    dry_run: bool = Field(False, description="Nothing was recorded: this is what would be.")
    outcomes: dict[Outcome, int] = Field(description="How many runs there were of each outcome.")
    taken: dict[str, int] = Field(
        description="What was recorded: runs, params, tags, metrics, points, artifacts."
    )
    runs: list[ImportedRun] = Field(description="The first 1,000 runs.")
    not_taken: list[NotTaken] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list, description="How it was read.")

    def __str__(self) -> str:
        from nbproof.tracking.transfer.display import import_text

        return import_text(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from nbproof.tracking.transfer.display import import_html, import_text

        return {"text/plain": import_text(self), "text/html": import_html(self)}


class ExportReport(View):
    """What a file of runs holds."""

    path: str
    size_bytes: int
    taken: dict[str, int] = Field(
        description="What it holds: runs, params, tags, metrics, points, artifacts."
    )
    not_taken: list[NotTaken] = Field(default_factory=list)

    def __str__(self) -> str:
        from nbproof.tracking.transfer.display import export_text

        return export_text(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from nbproof.tracking.transfer.display import export_html, export_text

        return {"text/plain": export_text(self), "text/html": export_html(self)}


class ExportRuns(Ask):
    """Which runs go into the file; without any of these, all."""

    id: Annotated[
        list[RunRef],
        Positional,
        Field(
            description="Runs, each with the runs nested in it: name, last 6 digits, id, @last, @best:METRIC."
        ),
    ] = Field(default_factory=list)
    query: str | None = Field(None, description="The runs that a search finds, in the search language.")
    experiment: ExperimentRef | None = None


class GetExport(Ask):
    """Which export, by the id of its job."""

    id: Annotated[
        str, StringConstraints(min_length=1, max_length=NAME_LIMIT), Field(description="The job's id.")
    ]


class ImportRuns(Ask):
    """What to bring in, and how to read it."""

    path: Annotated[
        Path,
        Positional,
        Field(
            description="A file of exported runs, an mlruns folder or mlflow.db, a TensorBoard folder, a CSV."
        ),
    ]
    from_: Format | None = Field(None, description="What it is; by default it is looked at.")
    name: Name | None = Field(None, description="What the file is called, instead of its own name.")
    experiment: Name | None = Field(None, description="Put the runs into this experiment.")
    new_ids: bool = Field(False, description="Take every run as a new one, whatever is here already.")
    deleted: bool = Field(False, description="Of MLflow: take deleted runs, too.")
    artifacts: Path | None = Field(
        None, description="Of MLflow: the folder of its artifacts, where that is not beside the store."
    )
    rows: Literal["runs", "steps"] | None = Field(None, description="Of a CSV: what a row is.")
    column: dict[str, Role] = Field(
        default_factory=dict, description="Of a CSV: what a column is, such as lr=param; * means the others."
    )
    dry_run: bool = Field(False, description="Say what would be taken, and record nothing.")

"""Asks and views of the trash, of cancelling, of nested runs and of a param's history."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nbproof.core.ids import short
from nbproof.core.operation import Ask, Instant, Json, Number, Positional, View
from nbproof.tracking.models import ExperimentRef, Name, RunRef

__all__ = [
    "CancelRun",
    "Children",
    "DeleteExperiment",
    "DeleteRun",
    "DeleteRuns",
    "GetChildren",
    "GetParamHistory",
    "ParamHistory",
    "ParamValue",
    "PurgeRuns",
    "Purged",
    "RestoreExperiment",
    "RestoreRun",
    "RestoreRuns",
    "RolledMetric",
    "TouchedRuns",
]


class TouchedRuns(View):
    """The runs that were thrown away or brought back, those nested in them too."""

    count: int
    ids: list[str]

    def told(self) -> dict[str, object]:
        """What is shown of it."""
        return {"runs": self.count, "ids": [short(each) for each in self.ids]}


class Purged(View):
    """What is gone for good, or with `dry_run` would be."""

    runs: int
    experiments: int = Field(description="Experiments of the trash without a run left.")
    points: int
    artifacts: int
    artifact_bytes: int = Field(description="Their size; `nbproof gc` frees what nothing else refers to.")
    dry_run: bool = False


class RolledMetric(View):
    """One metric over the runs nested in a run: the value each logged last, NaN and infinities left out."""

    name: str
    count: int = Field(description="Runs that have such a value.")
    best: Number | None = Field(None, description="The greatest; of a loss or an error the least.")
    best_run: str | None = Field(None, description="Id of the run that has it.")
    mean: Number | None = None
    std: Number | None = Field(None, description="Standard deviation of a sample; null below two runs.")
    min: Number | None = None
    max: Number | None = None

    def listed(self) -> dict[str, object]:
        """What a list shows of it."""
        return {
            "metric": self.name,
            "runs": self.count,
            "best": self.best,
            "of run": short(self.best_run) if self.best_run else None,
            "mean": self.mean,
            "std": self.std,
            "least": self.min,
            "greatest": self.max,
        }


class Children(View):
    """The runs nested in a run, counted; those in the trash left out."""

    id: str
    count: int = Field(description="Runs nested in it directly.")
    statuses: dict[str, int] = Field(default_factory=dict, description="How many of these, by status.")
    descendants: int = Field(description="Runs nested in it at any depth.")
    metrics: list[RolledMetric] = Field(default_factory=list)

    def told(self) -> dict[str, object]:
        """What is shown of it."""
        from nbproof.tracking.display import children_text

        deeper = self.descendants - self.count
        return {
            "nested runs": children_text(self.statuses) or "none",
            "nested in these": deeper or None,
            "metrics": [metric.listed() for metric in self.metrics],
        }


class ParamValue(View):
    """A value that a param had."""

    value: Json
    time: Instant


class ParamHistory(View):
    """Every value of a param, the one that shows last."""

    key: str
    items: list[ParamValue]


# -- asks -----------------------------------------------------------------------------------------


class DeleteRun(Ask):
    """Which run goes to the trash."""

    id: RunRef


class DeleteRuns(Ask):
    """Which runs go to the trash."""

    id: Annotated[list[RunRef], Positional, Field(min_length=1, max_length=10_000)]


class RestoreRun(Ask):
    """Which run comes back from the trash."""

    id: RunRef


class RestoreRuns(Ask):
    """Which runs come back from the trash."""

    id: Annotated[list[RunRef], Positional, Field(min_length=1, max_length=10_000)]


class PurgeRuns(Ask):
    """Which runs of the trash go for good."""

    id: Annotated[list[RunRef], Positional] = Field(
        default_factory=list, max_length=10_000, description="By default all in the trash."
    )
    older_than_days: float | None = Field(None, ge=0, description="Only those thrown away so long ago.")
    dry_run: bool = Field(False, description="Only say what would go.")
    yes: bool = Field(False, description="Do it: what is purged can't be brought back.")


class DeleteExperiment(Ask):
    """Which experiment goes to the trash."""

    id: ExperimentRef


class RestoreExperiment(Ask):
    """Which experiment comes back from the trash."""

    id: ExperimentRef


class CancelRun(Ask):
    """Which run is asked to stop."""

    id: RunRef


class GetChildren(Ask):
    """Whose children, and which metrics of theirs."""

    id: RunRef
    metric: list[Name] = Field(
        default_factory=list, max_length=100, description="Metrics whose best, mean and more are told."
    )
    deep: bool = Field(False, description="Metrics of the runs nested at any depth, not only the children.")


class GetParamHistory(Ask):
    """Which param of which run."""

    id: RunRef
    key: Name

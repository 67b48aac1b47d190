"""Comparing versions as long work: with progress, and cancelled by whoever looks no longer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nbproof.core.errors import Invalid
from nbproof.core.operation import Ask, JobAccepted, operation
from nbproof.datasets.diff_models import DatasetDiff
from nbproof.datasets.leakage import LeakageReport
from nbproof.datasets.models import Reference
from nbproof.datasets.service import DataVersionControl
from nbproof.jobs.service import JobContext, Jobs, job

__all__ = ["CompareVersions", "compare_versions", "comparing"]


class CompareVersions(Ask):
    """Two versions, the older or the training set first."""

    a: Reference
    b: Reference
    find: Literal["differences", "leakage"] = Field(
        "differences", description="What the job answers: a DatasetDiff, or a LeakageReport."
    )
    key: list[str] = Field(
        default_factory=list, description="Of differences: columns that name a row; by default whole rows."
    )
    entity: list[str] = Field(default_factory=list, description="Of leakage: whom or what a row is about.")
    time: Annotated[str | None, Field(description="Of leakage: the column that says when.")] = None


@operation("datasets.compare", "POST /datasets/comparisons", action="write")
def compare_versions(jobs: Jobs, ask: CompareVersions) -> JobAccepted:
    """Compare two versions in a job: its result is what `datasets.diff` or `datasets.leakage` answers."""
    odd = [
        name
        for name, of in (("key", "differences"), ("entity", "leakage"), ("time", "leakage"))
        if getattr(ask, name) and ask.find != of
    ]
    if odd:
        raise Invalid(f"{odd[0]} says nothing where {ask.find} is asked for", details={"field": odd[0]})
    # Said at once: of a job nobody asks what became of it before a picture has turned for a while.
    datasets = jobs.service(DataVersionControl)
    for id in (ask.a, ask.b):
        datasets.describe(id)
    queued = jobs.submit("datasets.compare", ask)
    return JobAccepted(id=queued.id, status=queued.status)


@job("datasets.compare", restartable=True)
def comparing(ask: CompareVersions, context: JobContext) -> DatasetDiff | LeakageReport:
    """Read what differs, or both."""
    datasets = context.service(DataVersionControl)
    context.progress(None, "reading")
    if ask.find == "leakage":
        return datasets.check_leakage(
            ask.a, ask.b, entity=ask.entity, time=ask.time, progress=context.progress
        )
    return datasets.diff_versions(ask.a, ask.b, key=ask.key, progress=context.progress)

"""What crosses the boundary of jobs: asks and the view."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nbproof.core.operation import Ask, Instant, Json, View
from nbproof.jobs.domain import JobStatus

__all__ = ["CancelJob", "GetJob", "Job", "ListJobs"]

JobRef = Annotated[str, Field(min_length=1, max_length=500, description="A job's id, or its last 6 digits.")]


class Job(View):
    """A piece of long work, as it was when it was read."""

    id: str
    kind: str
    status: JobStatus
    progress: float | None = Field(None, description="From 0 to 1; null where it cannot be told.")
    message: str | None = None
    result: Json | None = Field(None, description="What it found, once it is done.")
    error: Json | None = Field(None, description="Code, message, hint and details, if it failed.")
    created: Instant
    started: Instant | None = None
    ended: Instant | None = None


class ListJobs(Ask):
    """Which jobs to list, newest first."""

    status: JobStatus | None = None
    limit: Annotated[int, Field(ge=1, le=1000, description="Items in a page.")] = 100
    after: Annotated[str | None, Field(description="The `next` of the page before.")] = None


class GetJob(Ask):
    """Which job to show."""

    id: JobRef


class CancelJob(Ask):
    """Which job to cancel."""

    id: JobRef

"""The rules of jobs: what a job is, who may run it, and when its process counts as dead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from nbproof.storage.journal.process import Process, is_dead

__all__ = ["ENDED", "MOST_ATTEMPTS", "STATUSES", "JobRecord", "JobStatus", "is_abandoned"]

JobStatus = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
STATUSES: tuple[str, ...] = get_args(JobStatus)
ENDED = frozenset({"done", "failed", "cancelled", "interrupted"})

MOST_ATTEMPTS = 3
"""A job that took three processes down with it is not tried a fourth time."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as recorded; see `nbproof.jobs.tables.JobRow`."""

    id: str
    kind: str
    ask: Any
    status: JobStatus
    created_us: int
    restartable: bool
    progress: float | None = None
    message: str | None = None
    result: Any = None
    error: Any = None
    started_us: int | None = None
    ended_us: int | None = None
    cancel_asked: bool = False
    attempt: int = 0
    owner_id: str | None = None
    owner: Process | None = None
    lease_us: int | None = None


def is_abandoned(job: JobRecord, here: Process, now_us: int) -> bool:
    """Whether the process that has a job will certainly not go on with it.

    On this machine the process itself is looked at, and a sleeping laptop loses nothing.  What runs
    elsewhere, or in another container, cannot be looked at: it is dead when its lease has run out.
    """
    if job.owner is None:
        return job.owner_id is None
    if (job.owner.host, job.owner.pid_space) == (here.host, here.pid_space):
        return is_dead(job.owner)
    return job.lease_us is None or job.lease_us < now_us

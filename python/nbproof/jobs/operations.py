"""The verbs of jobs, for every face."""

from __future__ import annotations

from nbproof.core.operation import Page, operation
from nbproof.jobs.models import CancelJob, GetJob, Job, ListJobs
from nbproof.jobs.service import Jobs

__all__ = ["cancel_job", "get_job", "list_jobs"]


@operation("jobs.list", "GET /jobs", action="read", cli="jobs list")
def list_jobs(jobs: Jobs, ask: ListJobs) -> Page[Job]:
    """List jobs, newest first."""
    return jobs.list(status=ask.status, limit=ask.limit, after=ask.after)


@operation("jobs.get", "GET /jobs/{id}", action="read", cli="jobs show")
def get_job(jobs: Jobs, ask: GetJob) -> Job:
    """Show a job: its status, progress, and its result or error."""
    return jobs.get(ask.id)


@operation("jobs.cancel", "DELETE /jobs/{id}", action="write", cli="jobs cancel")
def cancel_job(jobs: Jobs, ask: CancelJob) -> None:
    """Cancel a job: at once if it is queued, else as soon as it looks."""
    jobs.cancel(ask.id)

"""Waits for long work and shows how far it is."""

from __future__ import annotations

import sys
import time
from typing import Any

from nbproof.cli.session import Session
from nbproof.core.errors import PlatformError

__all__ = ["wait_for"]

_OVER = frozenset({"done", "failed", "cancelled", "interrupted"})
_PAUSE_SECONDS = 0.2


def wait_for(session: Session, accepted: Any) -> Any:
    """Follow a job to its end, with a bar on stderr; Ctrl-C cancels it.

    Raises
    ------
    PlatformError
        The job failed, or was cancelled by somebody else.
    KeyboardInterrupt
        After the job was cancelled.
    """
    try:
        job = _followed(session, accepted)
    except KeyboardInterrupt:
        session.ask("jobs.cancel", id=accepted.id)
        session.note(f"nbproof: cancelled job {accepted.id[-6:]}")
        raise
    if job.status != "done":
        told = job.error if isinstance(job.error, dict) else {"message": job.error}
        reason = told.get("message") or "no reason was recorded"
        raise PlatformError(
            f"job {job.id[-6:]} ({job.kind}) is {job.status}: {reason}",
            hint=told.get("hint"),
            details={"job": job.id, "status": job.status},
        )
    return job


def _followed(session: Session, accepted: Any) -> Any:
    from tqdm import tqdm  # type: ignore[import-untyped]  # it has no stubs

    quiet = session.json or not sys.stderr.isatty()
    look = "{desc}{percentage:3.0f}% |{bar}| {elapsed}"
    with tqdm(total=100, leave=False, disable=quiet, bar_format=look) as bar:
        while True:
            job = session.ask("jobs.get", id=accepted.id)
            bar.n = round(100 * (job.progress or 0))
            bar.set_description_str(f"{job.kind} {job.message or job.status} ", refresh=True)
            if job.status in _OVER:
                return job
            time.sleep(_PAUSE_SECONDS)

"""A room whose verbs take long."""

from __future__ import annotations

import time
from typing import Annotated

from nbproof.core.errors import Conflict
from nbproof.core.operation import Ask, JobAccepted, Positional, operation
from nbproof.jobs.service import JobContext, Jobs, job


class Dig(Ask):
    """How deep."""

    depth: Annotated[int, Positional]


@job("labour.dig")
def digging(ask: Dig, context: JobContext) -> dict[str, int]:
    """Dig; rock begins at 100."""
    for metre in range(ask.depth):
        context.progress(metre / ask.depth, f"{metre} m")
        if metre >= 100:
            raise Conflict("there is rock", hint="dig elsewhere")
        time.sleep(0.001 if ask.depth != 99 else 0.2)
    return {"dug": ask.depth}


@operation("labour.dig", "POST /holes", action="write", cli="labour dig")
def dig(jobs: Jobs, ask: Dig) -> JobAccepted:
    """Dig a hole."""
    submitted = jobs.submit("labour.dig", ask)
    return JobAccepted(id=submitted.id, status=submitted.status)

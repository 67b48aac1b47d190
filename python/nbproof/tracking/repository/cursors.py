"""Where a page ended, sealed: what a caller passes back to go on after it."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from nbproof.core.errors import Invalid
from nbproof.tracking.repository.stored import clean


def sealed(key: Sequence[Any]) -> str:
    """The cursor of a sort key, for `opened`."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def opened(cursor: str, *kinds: type) -> list[Any]:
    """What `sealed` closed; raises `Invalid` for anything else."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
        fits = type(key) is list and [type(part) for part in key] == list(kinds)
        if fits and all(not isinstance(part, int) or -(2**63) <= part < 2**63 for part in key):
            return [clean(part) if isinstance(part, str) else part for part in key]
    except (ValueError, RecursionError):
        pass
    raise Invalid(
        "the page asked for is not known", hint="begin again without `after`", details={"field": "after"}
    )

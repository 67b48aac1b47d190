"""Words and rules of tracking that need neither pydantic nor a database: the hot path imports this."""

from __future__ import annotations

from typing import Literal, get_args

__all__ = [
    "ENDINGS",
    "NAME_LIMIT",
    "STATUSES",
    "Ending",
    "Status",
    "param_text",
]

Status = Literal["running", "finished", "failed", "interrupted", "cancelled"]
Ending = Literal["finished", "failed", "interrupted", "cancelled"]

STATUSES: tuple[str, ...] = get_args(Status)
ENDINGS: tuple[str, ...] = get_args(Ending)

NAME_LIMIT = 500
"""Characters in a name of an experiment, run, param, metric, tag or artifact.  An index entry of PostgreSQL
holds 2,700 bytes: 500 characters of 4 bytes and an id fit."""


def param_text(value: object) -> str:
    """How a param's value reads in a table: text as it is, the rest as JSON."""
    import json

    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)

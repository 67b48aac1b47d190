"""Words and rules of tracking that need neither pydantic nor a database: the hot path imports this."""

from __future__ import annotations

import re
from typing import Literal, get_args

__all__ = [
    "ENDINGS",
    "NAME_LIMIT",
    "STATUSES",
    "SYSTEM",
    "Ending",
    "Status",
    "less_is_better",
    "param_text",
]

Status = Literal["running", "finished", "failed", "interrupted", "cancelled"]
Ending = Literal["finished", "failed", "interrupted", "cancelled"]

STATUSES: tuple[str, ...] = get_args(Status)
ENDINGS: tuple[str, ...] = get_args(Ending)

NAME_LIMIT = 500
"""Characters in a name of an experiment, run, param, metric, tag or artifact.  An index entry of PostgreSQL
holds 2,700 bytes: 500 characters of 4 bytes and an id fit."""

SYSTEM = "system/"
"""What names of metrics of the machine begin with.  They are kept apart from those of the user: a run's
`metrics` do not have them, `list_metrics` and the search do."""

_ERRORS = frozenset(
    "error errors err mse rmse mae mape smape rmsle msle medae wape crps nll ppl perplexity deviance "
    "brier".split()
)


def less_is_better(metric: str) -> bool:
    """Whether a metric's name says that it is a loss or an error.

    Of all others the greatest value counts as the best.

    Examples
    --------
    >>> [name for name in ("auc", "val_loss", "RMSE", "test/logloss", "mean_squared_error", "glossary")
    ...     if less_is_better(name)]
    ['val_loss', 'RMSE', 'test/logloss', 'mean_squared_error']
    """
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", metric).lower())
    return any(word in _ERRORS or word.endswith(("loss", "losses")) for word in words)


def param_text(value: object) -> str:
    """How a param's value reads in a table: text as it is, the rest as JSON."""
    import json

    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)

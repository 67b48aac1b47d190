"""Words and rules of tracking that need neither pydantic nor a database: the hot path imports this."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "ENDINGS",
    "NAME_LIMIT",
    "STATUSES",
    "SYSTEM",
    "Ending",
    "RunBrief",
    "Status",
    "best_is",
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


class RunBrief(NamedTuple):
    """What whoever writes to a run must know of it."""

    id: str
    name: str
    experiment: str
    status: str
    parent_id: str | None
    deleted: datetime | None


_ERRORS = frozenset(
    "error errors err mse rmse mae mape smape rmsle msle medae wape crps nll ppl perplexity deviance "
    "brier".split()
)
_SCORES = frozenset(
    "acc accuracy auc auroc roc auprc prauc ap map precision recall sensitivity specificity f1 fbeta fscore "
    "score scores r2 rsquared iou miou dice jaccard mcc kappa gini bleu rouge meteor ndcg mrr psnr ssim "
    "reward rewards likelihood loglik elbo silhouette".split()
)


def less_is_better(metric: str) -> bool:
    """Whether a metric's name says that it is a loss or an error.

    Where a best value is asked for, the greatest is taken of all others; see `best_is` for what is known.

    Examples
    --------
    >>> [name for name in ("auc", "val_loss", "RMSE", "test/logloss", "mean_squared_error", "glossary")
    ...     if less_is_better(name)]
    ['val_loss', 'RMSE', 'test/logloss', 'mean_squared_error']
    """
    return best_is(metric) == "least"


def best_is(metric: str) -> Literal["least", "greatest"] | None:
    """Which value of a metric is the best, as far as its name says; None where it says nothing.

    Examples
    --------
    >>> [best_is(name) for name in ("val_loss", "test/F1", "recall@10", "learning_rate", "epoch")]
    ['least', 'greatest', 'greatest', None, None]
    """
    words = re.findall(r"[a-z]+[0-9]*", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", metric).lower())
    bare = [word.rstrip("0123456789") for word in words]
    if any(word in _ERRORS or word.endswith(("loss", "losses")) for word in bare):
        return "least"
    if any(word in _SCORES for word in (*words, *bare)):
        return "greatest"
    return None


def param_text(value: object) -> str:
    """How a param's value reads in a table: text as it is, the rest as JSON."""
    import json

    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)

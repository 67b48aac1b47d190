"""A course without its noise: the exponential moving average, debiased.

Plain averages of this kind start at zero and creep up to the data.  Dividing by the weight gathered so far
(as in Kingma and Ba, "Adam", 2015, section 3) takes that away: the first smoothed value is the first value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["smoothed"]


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """The moving average ``s = weight * s + (1 - weight) * value``, divided by ``1 - weight ** n``.

    Parameters
    ----------
    values : sequence of float
        In the order logged.  NaN and the infinities are passed on as they are and move nothing.
    weight : float
        How much of the past stays: from 0, which changes nothing, to below 1.

    Examples
    --------
    >>> smoothed([1.0, 3.0], 0.5)
    [1.0, 2.3333333333333335]
    >>> smoothed([2.0, 2.0, 2.0], 0.9)
    [2.0, 2.0, 2.0]
    """
    if not 0.0 <= weight < 1.0:
        raise ValueError(f"a weight of smoothing lies from 0 to below 1, found {weight!r}")
    if weight == 0.0:
        return list(values)
    total = gathered = 0.0
    found = []
    for value in values:
        if not math.isfinite(value):
            found.append(value)
            continue
        total = weight * total + (1.0 - weight) * value
        gathered = weight * gathered + (1.0 - weight)
        found.append(total / gathered)
    return found

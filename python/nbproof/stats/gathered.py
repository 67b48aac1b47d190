"""A column's profile from what an engine has counted where the rows are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nbproof.stats.profile import (
    TOP,
    ColumnProfile,
    Kind,
    Value,
    edges_of,
    moments,
    shown,
    text_kind,
)

__all__ = ["profile_from"]

_KINDS: dict[str, Kind] = {
    "integer": "numeric",
    "float": "numeric",
    "decimal": "numeric",
    "boolean": "boolean",
    "text": "categorical",
    "bytes": "categorical",
    "list": "nested",
    "nested": "nested",
    "null": "null",
}


def profile_from(figures: Mapping[str, Any]) -> ColumnProfile:
    """A profile as `nbproof.stats.profile.profile_column` makes it, without its sketch.

    Parameters
    ----------
    figures : mapping
        The fields of an engine's figures of a column, its `column` and `lengths` mappings as well.

    Examples
    --------
    >>> column = {"name": "x", "form": "integer", "type": "int64"}
    >>> counts = {"rows": 3, "missing": 0, "nans": 0, "infinities": 0, "zeros": 0, "minimum": 1, "maximum": 2}
    >>> values = {"distinct": 2, "distinct_exact": True, "points": [(1, 0, 2), (2, 2, 3)], "complete": True}
    >>> profile_from({"column": column, **counts, **values}).mean
    1.3333333333333333
    """
    column = figures["column"]
    form, told = column["form"], column["type"]
    count = figures["rows"] - figures["missing"] - figures["nans"] - figures["infinities"]
    found: dict[str, Any] = {
        name: figures[name]
        for name in ("rows", "missing", "nans", "infinities", "zeros", "distinct", "distinct_exact")
    }
    if form in ("boolean", "text", "bytes"):
        found["top"] = _counted(form, figures.get("top", ()))
        found["other"] = count - sum(each for _, each in found["top"])
    elif form in ("list", "nested"):
        found["other"] = count
    elif form != "null" and count:
        found |= _number(figures, count)
    kind = _KINDS.get(form, "datetime")
    if form in ("text", "bytes"):
        kind = text_kind(told, figures["distinct"], count)
    lengths = figures.get("lengths")
    found["lengths"] = None if lengths is None else profile_from(lengths)
    return ColumnProfile(column["name"], told, kind, **found)


def _number(figures: Mapping[str, Any], count: int) -> dict[str, Any]:
    points = figures["points"]
    values = np.array([value for value, _, _ in points], np.float64)
    below = np.array([below for _, below, _ in points], np.int64)
    upto = np.array([upto for _, _, upto in points], np.int64)
    found: dict[str, Any] = {
        "minimum": figures["minimum"],
        "maximum": figures["maximum"],
        "mean": figures.get("mean"),
        "m2": figures.get("m2"),
        "other": count + figures["infinities"],
        **edges_of(values, below, upto),
    }
    if figures["complete"] and len(points):
        found |= moments(values, upto - below)
        if figures["distinct"] <= TOP:
            held = [(value, upto - below) for value, below, upto in points]
            # Floats cannot hold large integers, which are therefore counted as they are.
            held = [(value, each) for value, _, each in figures.get("top", ())] or held
            found["top"] = tuple(sorted(held, key=lambda each: (-each[1], each[0])))
            found["other"] = figures["infinities"]
    return found


def _counted(form: str, top: Sequence[tuple[Any, str | None, int]]) -> tuple[tuple[Value, int], ...]:
    import pyarrow as pa

    found: list[tuple[Value, int]] = []
    kind = pa.string() if form == "text" else pa.binary()
    for value, digest, count in top:
        if form == "boolean":
            found.append((value, count))
        elif digest is None:
            found.append((shown(pa.scalar(value, kind)), count))
        else:
            # The whole never came here.
            start = str(shown(pa.scalar(value, kind))).rpartition(" (")[0]
            found.append((f"{start} (md5 {digest})", count))
    found.sort(key=lambda each: (-each[1], str(each[0])))
    return tuple(found)

"""How values stand in the tables: what is written and what is read back agree here."""

from __future__ import annotations

import math
from typing import Any, overload

from nbproof.storage.tables import portions as portions
from nbproof.storage.tables import table_of
from nbproof.tracking.tables import (
    ArtifactRow,
    ArtifactVersionRow,
    EnvironmentPackageRow,
    EnvironmentRow,
    ExperimentRow,
    MetricChunkRow,
    MetricRow,
    MetricSeriesRow,
    ParamHistoryRow,
    ParamRow,
    PurgedRunRow,
    RunRow,
    SavedSearchRow,
    TagRow,
)

EXPERIMENTS = table_of(ExperimentRow)
RUNS = table_of(RunRow)
PARAMS = table_of(ParamRow)
TAGS = table_of(TagRow)
METRICS = table_of(MetricRow)
ARTIFACTS = table_of(ArtifactRow)
ARTIFACT_VERSIONS = table_of(ArtifactVersionRow)
CHUNKS = table_of(MetricChunkRow)
SERIES = table_of(MetricSeriesRow)
SAVED_SEARCHES = table_of(SavedSearchRow)
PARAM_HISTORY = table_of(ParamHistoryRow)
PURGED = table_of(PurgedRunRow)
ENVIRONMENTS = table_of(EnvironmentRow)
PACKAGES = table_of(EnvironmentPackageRow)

# Codes of MetricRow.special: what a column of numbers does not hold on every database.
NAN, INFINITY, MINUS_INFINITY = 1, 2, 3
SPECIALS = {NAN: math.nan, INFINITY: math.inf, MINUS_INFINITY: -math.inf}
_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def from_special(value: Any) -> Any:
    """Plain values with ``{"$float": "NaN"}`` read as what it stands for."""
    if isinstance(value, dict):
        if len(value) == 1 and value.get("$float") in _FLOATS:
            return _FLOATS[value["$float"]]
        return {key: from_special(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_special(item) for item in value]
    return value


def to_special(value: Any) -> Any:
    """A float that JSON does not know, as what `from_special` reads; anything else as it is."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return {"$float": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}


@overload
def clean(text: str) -> str: ...
@overload
def clean(text: str | None) -> str | None: ...
def clean(text: str | None) -> str | None:
    """Text that every database takes: without NUL, without half a surrogate pair."""
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def start_of(text: str, number: float | None) -> str | None:
    """What the index of params holds of a text; nothing of a number."""
    return text[:64] if number is None else None

"""Whether the columns of two tables still come from the same distributions, and what to do if not.

A test says whether a difference may be chance; with a million rows nearly none is.  Effect sizes say
whether it matters.  A column drifts only if both say so; each that does gets one sentence and one action.
The method, its thresholds and its sources are in docs/explanation/drift.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nbproof.core.listing import count_text
from nbproof.stats import measures
from nbproof.stats.categories import Categories, categories_of_counts, categories_of_profiles
from nbproof.stats.columns import SEVERITIES, ColumnDrift, Draft, Finding, Severity, drafted, judged
from nbproof.stats.compare import numbered, paired
from nbproof.stats.measures import Distribution, FromProfile, Sorted
from nbproof.stats.multivariate import MultivariateDrift, detect_multivariate_drift
from nbproof.stats.profile import ColumnProfile, Counts, examined

__all__ = [
    "SEVERITIES",
    "ColumnDrift",
    "DriftResult",
    "Finding",
    "Severity",
    "detect_drift",
    "detect_drift_exact",
]


@dataclass(frozen=True)
class DriftResult:
    """What has changed between two tables.

    Parameters
    ----------
    columns : tuple of ColumnDrift
        In the order of the reference, then those that were added.
    severity : str
        That of the worst column; one step less if columns as bad as that carry less than a tenth of the
        weight.  Or that of the columns together, if that is worse.
    score : float
        From 0 to 1: half the worst column's, half the mean of all, weighted by importance.
    share_drifted : float
        The share of columns of medium severity or more, weighted by importance.
    sentence, action : str
    reference_rows, current_rows : int
    exact : bool
        Whether the data were read, not profiles of them.
    multivariate : MultivariateDrift or None
    """

    columns: tuple[ColumnDrift, ...]
    severity: Severity
    score: float
    share_drifted: float
    sentence: str
    action: str
    reference_rows: int
    current_rows: int
    exact: bool = False
    multivariate: MultivariateDrift | None = None

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        """The columns that drifted, the worst first."""
        return tuple(sorted((each for each in self.columns if each.drifted), key=lambda each: -each.score))

    def column(self, name: str) -> ColumnDrift:
        """The column of this name, the first of several."""
        return next(each for each in self.columns if each.name == name)

    def to_json(self) -> dict[str, Any]:
        """As plain values, for `json.dumps`."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> DriftResult:
        """From what `to_json` gave."""
        given = dict(found)
        given["columns"] = tuple(ColumnDrift.from_json(each) for each in found["columns"])
        if found.get("multivariate") is not None:
            given["multivariate"] = MultivariateDrift.from_json(found["multivariate"])
        return cls(**given)


def detect_drift(
    reference: Sequence[ColumnProfile],
    current: Sequence[ColumnProfile],
    *,
    importances: Mapping[str, float] | None = None,
    past: Mapping[str, Sequence[float]] | None = None,
    multivariate: MultivariateDrift | None = None,
    progress: Callable[[float], object] | None = None,
) -> DriftResult:
    """Compare two tables by their profiles, without their data.

    Parameters
    ----------
    reference, current : sequence of ColumnProfile
        The order of the columns does not matter; of several of one name the first meets the first.
    importances : mapping of str to float, optional
        What columns weigh in the table's score, for instance a model's importances; all the same otherwise.
    past : mapping of str to sequence of float, optional
        Main effects of earlier comparisons by column; of five and more a threshold is learned.
    multivariate : MultivariateDrift, optional
        What `detect_multivariate_drift` has found.
    progress : callable, optional
        Told the share of the columns that is done, from 0 to 1; what it raises ends the comparison.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from nbproof.stats.profile import profile_table
    >>> reference = pa.table({"price": [float(number) for number in range(1, 1001)]})
    >>> current = pa.table({"price": [1000.0 * number for number in range(1, 1001)]})
    >>> result = detect_drift(profile_table(reference), profile_table(current))
    >>> result.columns[0].severity, result.columns[0].sentence
    ('critical', 'price: median 500 → 500,000 (×1,000): has the unit changed?')
    """
    pairs = paired(reference, current)
    made = (drafted(one, other, _numbers_of_profiles, categories_of_profiles) for one, other in pairs)
    drafts = list(_told(made, len(pairs), progress))
    rows = [max((each.rows for each in profiles), default=0) for profiles in (reference, current)]
    return _result(drafts, (rows[0], rows[1]), importances, past, exact=False, multivariate=multivariate)


def detect_drift_exact(
    reference: Any,
    current: Any,
    *,
    importances: Mapping[str, float] | None = None,
    past: Mapping[str, Sequence[float]] | None = None,
    multivariate: bool = False,
    threads: int = 2,
    progress: Callable[[float], object] | None = None,
) -> DriftResult:
    """Compare two tables by their data; every statistic is exact.

    Parameters
    ----------
    reference, current : pyarrow.Table, or mapping of str to array
    importances, past : optional
        As for `detect_drift`.
    multivariate : bool
        Whether to look at the columns together as well.
    threads : int
        How many columns are looked at together.
    progress : callable, optional
        As for `detect_drift`.
    """
    one, other = _table(reference), _table(current)
    names = [numbered(table.schema.names) for table in (one, other)]
    columns = [
        dict(zip(keys, table.columns, strict=True)) for keys, table in zip(names, (one, other), strict=True)
    ]

    def draft(key: tuple[str, int]) -> Draft:
        looked = [
            examined(key[0], side[key], sketched=False) if key in side else (None, None) for side in columns
        ]
        made_of = [each for _, each in looked]

        def numbers(_: ColumnProfile, __: ColumnProfile) -> tuple[Distribution, Distribution]:
            before, after = made_of
            assert isinstance(before, np.ndarray)
            assert isinstance(after, np.ndarray)
            return Sorted(before), Sorted(after)

        def categories(before: ColumnProfile, after: ColumnProfile) -> Categories:
            known, others = made_of
            if isinstance(known, Counts) and isinstance(others, Counts):
                return categories_of_counts(known, others)
            return categories_of_profiles(before, after)

        return drafted(looked[0][0], looked[1][0], numbers, categories)

    with ThreadPoolExecutor(max(threads, 1), "nbproof-drift") as pool:
        keys = dict.fromkeys([*names[0], *names[1]])
        drafts = list(_told(pool.map(draft, keys), len(keys), progress))
    rows = one.num_rows, other.num_rows
    together = detect_multivariate_drift(one, other) if multivariate else None
    return _result(drafts, rows, importances, past, exact=True, multivariate=together)


def _told(made: Iterable[Draft], total: int, progress: Callable[[float], object] | None) -> Iterator[Draft]:
    for number, each in enumerate(made, 1):
        yield each
        if progress is not None:
            progress(number / total)


def _table(given: Any) -> Any:
    import pyarrow as pa

    if isinstance(given, Mapping):
        return pa.table({name: pa.array(values) for name, values in given.items()})
    return given


def _numbers_of_profiles(
    reference: ColumnProfile, current: ColumnProfile
) -> tuple[Distribution, Distribution]:
    return FromProfile(reference), FromProfile(current)


# ------------------------------------------------------------------------------------------------- together


def _result(
    drafts: Sequence[Draft],
    rows: tuple[int, int],
    importances: Mapping[str, float] | None,
    past: Mapping[str, Sequence[float]] | None,
    *,
    exact: bool,
    multivariate: MultivariateDrift | None,
) -> DriftResult:
    tests = [(place, name) for place, draft in enumerate(drafts) for name in draft.chances]
    chances = measures.adjusted([drafts[place].chances[name] for place, name in tests])
    after: list[dict[str, float]] = [{} for _ in drafts]
    for (place, name), chance in zip(tests, chances, strict=True):
        after[place][name] = chance
    columns = tuple(
        judged(draft, known, (past or {}).get(draft.found.name, ()))
        for draft, known in zip(drafts, after, strict=True)
    )
    weights = [
        max(float((importances or {}).get(each.name, 0.0 if importances else 1.0)), 0.0) for each in columns
    ]
    return _summed(columns, weights, rows[0], rows[1], exact=exact, multivariate=multivariate)


def _summed(
    columns: tuple[ColumnDrift, ...],
    weights: list[float],
    rows: int,
    other_rows: int,
    *,
    exact: bool,
    multivariate: MultivariateDrift | None,
) -> DriftResult:
    total = sum(weights)
    weighed = [(each, weight / total) for each, weight in zip(columns, weights, strict=True)] if total else []
    counted = [(each, weight) for each, weight in weighed if weight]
    worst = max((each.score for each, _ in counted), default=0.0)
    score = (worst + sum(each.score * weight for each, weight in counted)) / 2
    share = sum(weight for each, weight in counted if SEVERITIES.index(each.severity) >= 2)
    level = max((SEVERITIES.index(each.severity) for each, _ in counted), default=0)
    as_bad = sum(weight for each, weight in counted if SEVERITIES.index(each.severity) >= level)
    if level > 1 and as_bad < 0.1:
        level -= 1
    together = SEVERITIES.index(multivariate.severity) if multivariate else 0
    drifted = sorted((each for each in columns if each.drifted), key=lambda each: -each.score)
    few = sum(each.too_few_rows and not each.drifted for each in columns)
    silent = sum(not (each.drifted or (each.reference_count and each.current_count)) for each in columns)
    if rows and not other_rows:
        level, score, share = len(SEVERITIES) - 1, 1.0, 1.0
        sentence = f"No rows are left of {count_text(rows, 'row')}."
        action = "Find out what stopped filling the table; what needs it has nothing to work on."
    elif not columns:
        sentence, action = "No columns to compare.", ""
    elif drifted:
        names = ", ".join(each.name for each in drifted[:3]) + (
            f" and {len(drifted) - 3} more" if len(drifted) > 3 else ""
        )
        sentence = f"{len(drifted)} of {len(columns)} columns drifted: {names}."
        action = drifted[0].action
    elif multivariate and together:
        sentence, action = multivariate.sentence, multivariate.action
    elif few == len(columns):
        sentence, action = "Too few rows to tell.", "Wait for more rows, or take several windows together."
    elif silent == len(columns):
        sentence, action = "No column has values to compare.", ""
    else:
        sentence, action = f"None of {len(columns)} columns drifted.", ""
    return DriftResult(
        columns=columns,
        severity=SEVERITIES[max(level, together)],
        score=max(score, multivariate.score if multivariate else 0.0),
        share_drifted=share,
        sentence=sentence,
        action=action,
        reference_rows=rows,
        current_rows=other_rows,
        exact=exact,
        multivariate=multivariate,
    )

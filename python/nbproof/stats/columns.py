"""What has changed in one column: findings in words, graded by effect, kept if they are real."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from nbproof.core.type_words import retyped_words, stored_alike, type_words
from nbproof.stats import measures, words
from nbproof.stats.categories import Categories
from nbproof.stats.measures import Distribution, FromProfile
from nbproof.stats.profile import ColumnProfile

__all__ = [
    "SEVERITIES",
    "CategoriesOf",
    "ColumnDrift",
    "Draft",
    "Finding",
    "NumbersOf",
    "Severity",
    "drafted",
    "judged",
]

Severity: TypeAlias = Literal["none", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

_Q = 0.05
_FEW = 200
_PAST = 5
_NEVER = math.inf
#: From which size on an effect is low, medium, high, critical.
_LIMITS: dict[str, tuple[float, float, float, float]] = {
    "distance": (0.03, 0.1, 0.2, 0.5),
    "stability_index": (0.02, 0.1, 0.25, _NEVER),
    "cramers_v": (0.05, 0.1, 0.25, _NEVER),
    "total_variation": (0.03, 0.1, 0.2, 0.5),
    "missing": (0.005, 0.02, 0.1, _NEVER),
    "infinite": (0.001, 0.01, 0.1, _NEVER),
    "new": (0.01, 0.02, 0.05, 0.5),
    "vanished": (0.03, 0.1, 0.25, _NEVER),
    "out_of_range": (0.01, 0.05, 0.2, _NEVER),
    "spike": (0.03, 0.1, 0.25, _NEVER),
}
#: What one unit is in another: the column was multiplied by the first number, then the second was added.
_UNITS: tuple[tuple[float, float, str], ...] = (
    *((10.0**k, 0.0, f"×{10**k:,}") for k in (3, 6, 9, 2, 1, 4, 5)),
    *((10.0**-k, 0.0, f"÷{10**k:,}") for k in (3, 6, 9, 2, 1, 4, 5)),
    *((by, 0.0, f"×{by:g}") for by in (60.0, 3600.0, 86_400.0, 24.0, 1024.0, 1_048_576.0, 12.0)),
    *((1 / by, 0.0, f"÷{by:g}") for by in (60.0, 3600.0, 86_400.0, 24.0, 1024.0, 1_048_576.0, 12.0)),
    (2.2046226, 0.0, "×2.205, kg to lb"),
    (0.45359237, 0.0, "×0.4536, lb to kg"),
    (2.54, 0.0, "×2.54, inch to cm"),
    (1 / 2.54, 0.0, "÷2.54, cm to inch"),
    (1.609344, 0.0, "×1.609, mile to km"),
    (1 / 1.609344, 0.0, "÷1.609, km to mile"),
    (0.3048, 0.0, "×0.3048, foot to m"),
    (1 / 0.3048, 0.0, "÷0.3048, m to foot"),
    (1.8, 32.0, "×1.8 + 32, °C to °F"),
    (1 / 1.8, -32 / 1.8, "(− 32) ÷ 1.8, °F to °C"),
    (1.0, 273.15, "+ 273.15, °C to K"),
    (1.0, -273.15, "− 273.15, K to °C"),
)
_FAMILIES = {"categorical": "text", "text": "text"}


@dataclass(frozen=True)
class Finding:
    """One thing that has changed in a column.

    Parameters
    ----------
    code : str
        shift, spread, shape, categories, missing, infinite, new, vanished, out_of_range, outliers, spike,
        constant, unit, type, removed, added, empty, lengths, time, identifier.
    severity : str
        none for what is worth a word and no drift.
    score : float
        From 0 to 1; low begins at 0.25, medium at 0.5, high at 0.75, and critical is 1.
    sentence, action : str
    """

    code: str
    severity: Severity
    score: float
    sentence: str
    action: str


@dataclass(frozen=True)
class ColumnDrift:
    """What has changed in a column, or that nothing has.

    Parameters
    ----------
    name, kind : str
        The kind is that of the reference, or of the current data if there is no reference.
    severity, score
        Those of the worst finding.
    sentence, action : str
        Those of the worst finding.
    findings : tuple of Finding
        The worst first.
    test : str
        Kolmogorov-Smirnov, chi-square, G-test, chi-square by permutation; empty where none was possible.
    statistic, p_value : float or None
        Of the values' distribution.
    p_adjusted : float or None
        After Benjamini and Hochberg, over the tests of all columns.
    effect : str
        Which of the effects is the main one: distance (D) of numbers, total_variation of categories.
    effects : mapping of str to float
        Effect sizes by name, and the shares that stand in the sentences.
    threshold : float or None
        From where on the main effect is medium.
    own_threshold : float or None
        The same as learned from this column's past: mean and three standard deviations.
    reference_count, current_count : int
        Rows with a value.
    too_few_rows : bool
        Less than 200 on some side.
    smallest_effect : float or None
        What so many rows show in four of five cases.
    """

    name: str
    kind: str
    severity: Severity = "none"
    score: float = 0.0
    sentence: str = ""
    action: str = ""
    findings: tuple[Finding, ...] = ()
    test: str = ""
    statistic: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    effect: str = ""
    effects: Mapping[str, float] = field(default_factory=dict)
    threshold: float | None = None
    own_threshold: float | None = None
    reference_count: int = 0
    current_count: int = 0
    too_few_rows: bool = False
    smallest_effect: float | None = None

    @property
    def drifted(self) -> bool:
        """Whether there is a change that is neither chance nor negligible."""
        return self.severity != "none"

    @property
    def above_own_threshold(self) -> bool | None:
        """Whether the main effect is larger than the past lets expect; None without a past."""
        if self.own_threshold is None or self.effect not in self.effects:
            return None
        return self.effects[self.effect] > self.own_threshold

    def to_json(self) -> dict[str, Any]:
        """As plain values, for `json.dumps`."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> ColumnDrift:
        """From what `to_json` gave."""
        return cls(**{**found, "findings": tuple(Finding(**each) for each in found["findings"])})


@dataclass
class _Claim:
    """A finding that holds if its test, if it has one, is significant."""

    finding: Finding
    evidence: str = ""


@dataclass
class Draft:
    """What is known of a column before the tests of all columns are adjusted together."""

    found: ColumnDrift
    chances: dict[str, float] = field(default_factory=dict)
    claims: list[_Claim] = field(default_factory=list)
    effects: dict[str, float] = field(default_factory=dict)

    def claim(
        self,
        code: str,
        severity: Severity,
        sentence: str,
        action: str,
        *,
        evidence: str = "",
        score: float | None = None,
    ) -> None:
        """Add a finding."""
        if score is None:
            score = SEVERITIES.index(severity) / 4
        told = f"{self.found.name}: {sentence}"
        self.claims.append(_Claim(Finding(code, severity, score, told, action), evidence))


NumbersOf: TypeAlias = Callable[[ColumnProfile, ColumnProfile], tuple[Distribution, Distribution]]
CategoriesOf: TypeAlias = Callable[[ColumnProfile, ColumnProfile], Categories]


def drafted(
    reference: ColumnProfile | None,
    current: ColumnProfile | None,
    numbers: NumbersOf,
    categories: CategoriesOf,
) -> Draft:
    """What there is to say of a column, before it is known what of it may be chance.

    Parameters
    ----------
    reference, current : ColumnProfile or None
        Not both are None.
    numbers, categories : function
        How the values of both are to be had.
    """
    # Numbers of 10^308 are nobody's data; where they overflow, an effect is infinite or left out.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return _drafted(reference, current, numbers, categories)


def _drafted(
    reference: ColumnProfile | None,
    current: ColumnProfile | None,
    numbers: NumbersOf,
    categories: CategoriesOf,
) -> Draft:
    if reference is None:
        assert current is not None
        draft = Draft(ColumnDrift(current.name, current.kind, current_count=current.count))
        draft.claim(
            "added",
            "low",
            f"a new column ({type_words(current.type)}).",
            "Nothing that was fitted before knows it: leave it out, or fit anew.",
        )
        return draft
    if current is None:
        draft = Draft(ColumnDrift(reference.name, reference.kind, reference_count=reference.count))
        draft.claim(
            "removed",
            "critical",
            "the column is gone.",
            "Find out where it was lost; what needs it cannot run.",
        )
        return draft
    kind = reference.kind if reference.kind != "null" else current.kind
    draft = Draft(
        ColumnDrift(
            reference.name,
            kind,
            reference_count=reference.count,
            current_count=current.count,
            too_few_rows=min(reference.rows, current.rows) < _FEW
            or 0 < min(reference.count, current.count) < _FEW,
        )
    )
    _missing(draft, reference, current)
    families = {_FAMILIES.get(each.kind, each.kind) for each in (reference, current) if each.kind != "null"}
    if len(families) > 1:
        was, now = retyped_words(reference.type, current.type)
        draft.claim(
            "type",
            "critical",
            f"was {was}, is {now}.",
            "Convert it back where it is read, or mend the source; nothing else of it can be compared.",
        )
        return draft
    _type(draft, reference, current)
    if not reference.count or not current.count:
        return draft
    if kind in ("numeric", "datetime"):
        if not reference.edges or not current.edges:  # whoever made the profile left the distribution out
            return draft
        _numbers(draft, reference, current, *numbers(reference, current))
    elif kind in ("boolean", "categorical") or "categorical" in (reference.kind, current.kind):
        if not reference.top or not current.top:
            return draft
        _categories(draft, categories(reference, current))
    elif reference.lengths and current.lengths and reference.lengths.count and current.lengths.count:
        _lengths(draft, reference.lengths, current.lengths)
    return draft


def _graded(effect: str, size: float) -> tuple[Severity, float]:
    """Severity and score of an effect's size."""
    limits = _LIMITS[effect]
    level = sum(size >= limit for limit in limits)
    if level == 4:
        return "critical", 1.0
    low, high = (0.0, *limits)[level], limits[level]
    part = (size - low) / (high - low) if math.isfinite(high) else 1 - low / size
    return SEVERITIES[level], min((level + part) / 4, 0.9999)


def _worst(effects: Iterable[tuple[str, float]]) -> tuple[Severity, float]:
    return max((_graded(*each) for each in effects), key=lambda each: each[1])


def _missing(draft: Draft, reference: ColumnProfile, current: ColumnProfile) -> None:
    """Nulls and NaN are both values that are not there."""
    effects = draft.effects
    one, other = reference.missing + reference.nans, current.missing + current.nans
    if reference.rows and current.rows:
        before, after = one / reference.rows, other / current.rows
        effects |= {"missing_reference": before, "missing_current": after, "missing_change": after - before}
        if one or other:
            draft.chances["missing"] = measures.proportions_p(one, reference.rows, other, current.rows)
        severity, score = _graded("missing", abs(after - before))
        if after - before >= 0.15 and after >= 5 * before:
            severity, score = "critical", 1.0
        shares = f"{words.percent(before)} → {words.percent(after)}"
        points = f"missing {shares} ({100 * (after - before):+.1f} points)."
        if after == 1 and before < 1:
            draft.claim(
                "empty",
                "critical",
                f"{points[:-1]}: it is empty.",
                "Find out what stopped filling it.",
                evidence="missing",
            )
        elif severity != "none":
            action = (
                "Find out what stopped filling it; to fill gaps is safe only where the model knew gaps."
                if after > before
                else "Find out what fills it now, and whether that means the same as the values before."
            )
            draft.claim("missing", severity, points, action, evidence="missing", score=score)
    if reference.infinities or current.infinities:
        before = reference.infinities / max(reference.rows, 1)
        after = current.infinities / max(current.rows, 1)
        effects["infinite_change"] = after - before
        draft.chances["infinite"] = measures.proportions_p(
            reference.infinities, reference.rows, current.infinities, current.rows
        )
        severity, score = _graded("infinite", abs(after - before))
        if severity != "none":
            draft.claim(
                "infinite",
                severity,
                f"infinite {words.percent(before)} → {words.percent(after)}.",
                "Look for a division by zero where it is computed.",
                evidence="infinite",
                score=score,
            )


def _type(draft: Draft, reference: ColumnProfile, current: ColumnProfile) -> None:
    """Of one family, yet not the same: some changes of type matter, most do not."""
    if reference.type == current.type or "null" in (reference.kind, current.kind):
        return
    one, other = (_plain_type(each.type) for each in (reference, current))
    if one == other:
        return
    zones = "timestamp" in one and "timestamp" in other
    was, now = retyped_words(reference.type, current.type)
    draft.claim(
        "type",
        "medium" if zones else "low",
        f"was {was}, is {now}.",
        "Say the time zone where it is read."
        if zones
        else "Convert it where it is read, so that both are the same.",
    )


def _plain_type(told: str) -> str:
    """A type without what makes no difference to its values: width, unit, way of storing."""
    if told.startswith("dictionary<values="):
        told = told.removeprefix("dictionary<values=").partition(",")[0]
    told = stored_alike(told)
    if told.startswith("timestamp["):
        return "timestamp" + (" with zone" if "tz=" in told else "")
    for prefix, plain in (
        ("int", "int"),
        ("uint", "int"),
        ("half", "float"),
        ("float", "float"),
        ("double", "float"),
    ):
        if told.startswith(prefix):
            return plain
    return told.partition("(")[0].partition("[")[0].rstrip("0123456789")


def _numbers(
    draft: Draft, reference: ColumnProfile, current: ColumnProfile, one: Distribution, other: Distribution
) -> None:
    distance = measures.kolmogorov_smirnov(one, other)
    counts = measures.bins(one, other)
    effects = draft.effects
    effects |= {
        "distance": distance,
        "stability_index": measures.stability_index(*counts),
        "jensen_shannon": measures.jensen_shannon(*counts),
        "median_reference": one.quantile(0.5),
        "median_current": other.quantile(0.5),
    }
    way = measures.wasserstein(one, other)
    scale = one.quantile(0.75) - one.quantile(0.25) or one.quantile(0.999) - one.quantile(0.001)
    if scale > 0 and math.isfinite(way / scale):
        effects["wasserstein_iqr"] = way / scale
    elif way == 0:
        effects["wasserstein_iqr"] = 0.0
    chance = measures.kolmogorov_smirnov_p(distance, one, other)
    draft.chances["values"] = chance
    draft.found = replace(
        draft.found,
        test="Kolmogorov-Smirnov",
        statistic=distance,
        p_value=chance,
        effect="distance",
        threshold=_LIMITS["distance"][1],
        smallest_effect=measures.detectable_distance(one.count, other.count),
    )
    write = words.writer(reference)
    if _moves_by_itself(draft, reference, current, one, other, write):
        return
    severity, score = _worst((each, effects[each]) for each in ("distance", "stability_index"))
    if severity != "none":
        unit = _unit(reference, current, one, other, distance)
        if unit:
            median = f"median {write(one.quantile(0.5))} → {write(other.quantile(0.5))}"
            draft.claim(
                "unit",
                "critical",
                f"{median} ({unit}): has the unit changed?",
                "Convert it back, or mend the source, before anything reads it.",
                evidence="values",
            )
        wide = words.span if reference.kind == "datetime" else words.number
        code, told = _movement(one, other, write, wide)
        draft.claim(
            code,
            severity,
            f"{told} (D {distance:.3f}, PSI {effects['stability_index']:.3f}).",
            _ADVICE[severity],
            evidence="values",
            score=score,
        )
    _out_of_range(draft, one, other, write)
    _spikes(draft, reference, current, one, other, write)


_ADVICE: dict[Severity, str] = {
    "low": "Keep an eye on it; nothing needs to be done yet.",
    "medium": "Compare the model's error on new rows with that on old ones; fit anew if it grew.",
    "high": "Find out what changed at the source; fit anew if the change is to stay.",
    "critical": "Stop using what was fitted on the reference until it is known what changed at the source.",
}


def _moves_by_itself(
    draft: Draft,
    reference: ColumnProfile,
    current: ColumnProfile,
    one: Distribution,
    other: Distribution,
    write: Callable[[float], str],
) -> bool:
    """Dates go forward and running numbers grow: that is no drift."""
    if reference.type.startswith(("timestamp", "date")):
        if other.quantile(0.5) > one.quantile(0.5):
            draft.claim(
                "time",
                "none",
                f"{write(one.quantile(0))} – {write(one.quantile(1))} before, "
                f"now {write(other.quantile(0))} – {write(other.quantile(1))}: "
                "time goes on, which is no drift.",
                "",
                evidence="values",
            )
            return True
        return False
    unique = all(
        "int" in each.type and each.distinct >= 0.97 * each.count and each.count >= _FEW
        for each in (reference, current)
    )
    if unique and (other.quantile(0) > one.quantile(1) or other.quantile(1) < one.quantile(0)):
        draft.claim(
            "identifier",
            "none",
            "each value comes once, and none comes again: a running number, it seems.",
            "",
        )
        return True
    return False


def _movement(
    one: Distribution, other: Distribution, write: Callable[[float], str], wide: Callable[[float], str]
) -> tuple[str, str]:
    """What a change of numbers looks like, in words."""
    middle, other_middle = one.quantile(0.5), other.quantile(0.5)
    width = one.quantile(0.75) - one.quantile(0.25)
    other_width = other.quantile(0.75) - other.quantile(0.25)
    if abs(other_middle - middle) > 0.05 * width:
        way = "up" if other_middle > middle else "down"
        return "shift", f"values went {way}, median {write(middle)} → {write(other_middle)}"
    if width > 0 and not 0.8 < other_width / width < 1.25:
        how = "wider" if other_width > width else "narrower"
        return (
            "spread",
            f"values are spread {how}, the middle half over {wide(width)} → {wide(other_width)}",
        )
    return "shape", "values are distributed in another way"


def _unit(
    reference: ColumnProfile, current: ColumnProfile, one: Distribution, other: Distribution, distance: float
) -> str:
    """By what the reference must be multiplied to look like the current data, if there is such a thing."""
    if distance < 0.2 or reference.kind != "numeric":
        return ""
    middle, other_middle = one.quantile(0.5), other.quantile(0.5)
    width = one.quantile(0.75) - one.quantile(0.25)
    other_width = other.quantile(0.75) - other.quantile(0.25)
    known = FromProfile(current)
    for factor, offset, told in _UNITS:
        # Half of what matters is not looked at any closer.
        if width > 0 and not 0.7 < other_width / (width * factor) < 1.4:
            continue
        wanted = middle * factor + offset
        if abs(other_middle - wanted) > max(0.3 * abs(wanted), 0.5 * other_width):
            continue
        if measures.kolmogorov_smirnov(FromProfile(reference, factor, offset), known) <= min(
            0.1, distance / 3
        ):
            return told
    return ""


def _out_of_range(
    draft: Draft, one: Distribution, other: Distribution, write: Callable[[float], str]
) -> None:
    low, high = one.quantile(0), one.quantile(1)
    below, upto = other.at(np.array([low, high]))
    beyond = round(float(below[0] + other.count - upto[1]))
    share = beyond / other.count
    effects = draft.effects
    effects["out_of_range"] = share
    if not beyond:
        return
    draft.chances["range"] = measures.out_of_range_p(beyond, one.count, other.count)
    severity, score = _graded("out_of_range", share)
    told = (
        f"{words.percent(share)} of the values lie outside {write(low)} – {write(high)}, "
        f"the whole range before; they reach from {write(other.quantile(0))} to {write(other.quantile(1))}."
    )
    if severity != "none":
        draft.claim(
            "out_of_range",
            severity,
            told,
            "Check these rows; a model has seen nothing like them.",
            evidence="range",
            score=score,
        )
    else:
        draft.claim("outliers", "none", told, "Look at these rows; the rest has not moved.", evidence="range")


_EXPLAINED = {"values": "distance", "range": "out_of_range"}


def _spikes(
    draft: Draft,
    reference: ColumnProfile,
    current: ColumnProfile,
    one: Distribution,
    other: Distribution,
    write: Callable[[float], str],
) -> None:
    """A value that suddenly comes often: a default, a sentinel, a sensor that hangs."""
    if current.distinct == 1 and reference.distinct > 1:
        severity, score = _at_least(draft, "high", 0.75, "values", "range")
        draft.claim(
            "constant",
            severity,
            f"always {write(other.quantile(0.5))} now.",
            "Find out why it no longer varies: a default, a filter, a broken source.",
            evidence="values",
            score=score,
        )
        return
    edges, start, end = current.distribution
    at = (end - start) / current.count
    often = np.flatnonzero(at >= _LIMITS["spike"][0])
    if not len(often):
        return
    points = edges[often]
    (below, upto), (other_below, other_upto) = one.at(points), other.at(points)
    before, after = (upto - below) / one.count, (other_upto - other_below) / other.count
    place = int(np.argmax(after - before))
    grown = float(after[place] - before[place])
    effects = draft.effects
    effects["spike"] = max(grown, 0.0)
    severity, score = _graded("spike", grown)
    if severity == "none" or after[place] < 2 * before[place]:
        return
    explained = [test for test, size in _EXPLAINED.items() if 0.8 * effects[size] <= grown]
    severity, score = _at_least(draft, severity, score, *explained)
    chance = measures.proportions_p(
        round(float(upto[place] - below[place])),
        one.count,
        round(float(other_upto[place] - other_below[place])),
        other.count,
    )
    draft.chances["spike"] = min(chance * len(current.edges), 1.0)
    draft.claim(
        "spike",
        severity,
        f"{words.percent(float(before[place]))} → {words.percent(float(after[place]))} of the values are "
        f"exactly {write(float(points[place]))}: a new spike.",
        "Find out whether it stands for a missing value or a default, and treat it as such.",
        evidence="spike",
        score=score,
    )


def _at_least(draft: Draft, severity: Severity, score: float, *explained: str) -> tuple[Severity, float]:
    """As bad as what it explains, the findings of some tests: it tells more of the same rows."""
    worse = [
        each.finding for each in draft.claims if each.evidence in explained and each.finding.score > score
    ]
    if not worse:
        return severity, score
    worst = max(worse, key=lambda each: each.score)
    return worst.severity, worst.score


def _categories(draft: Draft, table: Categories) -> None:
    effects = draft.effects
    one, other = table.reference, table.current
    test, statistic, chance = measures.chi_square(one, other)
    strength, variation = measures.association(one, other)
    known = one > 0
    effects |= {
        "cramers_v": strength,
        "total_variation": variation,
        "stability_index": measures.stability_index(one[known], other[known]) if known.any() else 0.0,
        "jensen_shannon": measures.jensen_shannon(one, other),
        "new_share": table.new_rows / max(other.sum(), 1),
        "vanished_share": table.vanished_rows / max(one.sum(), 1),
    }
    draft.chances["values"] = chance
    draft.found = replace(
        draft.found,
        test=test,
        statistic=statistic,
        p_value=chance,
        effect="total_variation",
        threshold=_LIMITS["total_variation"][1],
        smallest_effect=measures.detectable_difference(
            draft.found.reference_count, draft.found.current_count, len(one)
        ),
    )
    severity, score = _worst((each, effects[each]) for each in ("cramers_v", "total_variation"))
    if severity != "none":
        before, after = one / one.sum(), other / other.sum()
        place = int(np.argmax(np.abs(after - before)))
        name = repr(table.values[place]) if place < len(table.values) else "all rare values"
        draft.claim(
            "categories",
            severity,
            f"the share of {name} went {words.percent(before[place])} → {words.percent(after[place])} "
            f"(V {strength:.3f}, total variation {variation:.3f}).",
            _ADVICE[severity],
            evidence="values",
            score=score,
        )
    if table.new_rows:
        draft.chances["new"] = measures.share_p(table.new_rows, round(float(other.sum())), table.unseen)
        share = effects["new_share"]
        severity, score = _graded("new", share)
        if severity == "none":
            score = 0.0
        else:
            severity, score = _at_least(
                draft, severity, score, *(["values"] if 0.8 * variation <= share else [])
            )
        names = words.some(table.new)
        draft.claim(
            "new",
            severity,
            f"{words.percent(share)} of the rows hold values that never came before: {names}.",
            "Map them to known ones, or fit anew: an encoder from before does not know them.",
            evidence="new",
            score=score,
        )
    if table.vanished_rows:
        severity, score = _graded("vanished", effects["vanished_share"])
        if severity != "none":
            draft.claim(
                "vanished",
                severity,
                f"what {words.percent(effects['vanished_share'])} of the rows held does not come any more: "
                f"{words.some(table.vanished)}.",
                "Find out whether they were renamed, filtered, or are really gone.",
                evidence="values",
                score=score,
            )


def _lengths(draft: Draft, reference: ColumnProfile, current: ColumnProfile) -> None:
    """Of texts that hardly come twice, and of lists, what can be compared is how long they are."""
    one, other = FromProfile(reference), FromProfile(current)
    distance = measures.kolmogorov_smirnov(one, other)
    chance = measures.kolmogorov_smirnov_p(distance, one, other)
    effects = draft.effects
    effects |= {
        "distance": distance,
        "median_reference": one.quantile(0.5),
        "median_current": other.quantile(0.5),
    }
    draft.chances["values"] = chance
    draft.found = replace(
        draft.found,
        test="Kolmogorov-Smirnov",
        statistic=distance,
        p_value=chance,
        effect="distance",
        threshold=_LIMITS["distance"][1],
        smallest_effect=measures.detectable_distance(one.count, other.count),
    )
    severity, score = _graded("distance", distance)
    if severity != "none":
        draft.claim(
            "lengths",
            severity,
            f"lengths changed, median {words.number(one.quantile(0.5))} → "
            f"{words.number(other.quantile(0.5))} (D {distance:.3f}).",
            "Read some of the new values: are they cut, padded, of another language?",
            evidence="values",
            score=score,
        )


def judged(draft: Draft, chances: Mapping[str, float], past: Sequence[float]) -> ColumnDrift:
    """What remains of a draft, when the p-values of all columns have been adjusted together."""
    effects = {name: float(size) for name, size in draft.effects.items()}
    found = replace(draft.found, p_adjusted=chances.get("values"), effects=effects)
    if len(past) >= _PAST:
        found = replace(found, own_threshold=statistics.fmean(past) + 3 * statistics.stdev(past))
    held = [each.finding for each in draft.claims if not each.evidence or chances[each.evidence] <= _Q]
    held.sort(key=lambda each: (-SEVERITIES.index(each.severity), -each.score, _ORDER.index(each.code)))
    if held and held[0].severity != "none":
        first = held[0]
        found = replace(
            found, severity=first.severity, score=first.score, sentence=first.sentence, action=first.action
        )
        return replace(found, findings=tuple(held))
    if not found.reference_count or not found.current_count:
        return replace(found, sentence=f"{found.name}: no values to compare.", findings=tuple(held))
    if found.too_few_rows and found.test:
        rows = f"{found.reference_count:,} against {found.current_count:,}"
        least = f"{'D' if found.effect == 'distance' else 'V'} from {found.smallest_effect:.2f} on"
        few = f"{found.name}: too few rows to tell ({rows}); only {least} would show."
        return replace(
            found,
            sentence=few,
            action="Wait for more rows, or take several windows together.",
            findings=tuple(held),
        )
    if held:
        return replace(found, sentence=held[0].sentence, action=held[0].action, findings=tuple(held))
    if not found.test:
        return replace(
            found, sentence=f"{found.name}: only gaps and type could be compared, and they are as before."
        )
    # What is significant and too small to matter still has its place on the scale.
    score = 0.0
    if chances.get("values", 1.0) <= _Q and found.effect:
        score = _graded(found.effect, found.effects[found.effect])[1]
    return replace(found, score=min(score, 0.2499), sentence=f"{found.name}: no drift.")


_ORDER = (
    "removed empty type unit constant missing new spike infinite out_of_range categories shift spread shape "
    "lengths vanished added outliers time identifier"
).split()

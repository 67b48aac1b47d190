"""Whether all columns together have changed: can a classifier tell new rows from old ones?

Columns can each look as before while what binds them is gone.  A classifier that is right about rows it has
not seen has found something; what it goes by is the cause (Rabanser, Günnemann, Lipton, "Failing Loudly",
2019).  Ours is a gradient-boosted one, of trees that ask one question a level, in numpy: the same on every
machine.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nbproof.stats.hashing import hash_column
from nbproof.stats.profile import plain_column

__all__ = ["MultivariateDrift", "detect_multivariate_drift"]

Floats = npt.NDArray[np.float64]
_Codes = npt.NDArray[np.int64]

_BINS = 32
_DEPTH = 3
_TREES = 30
_RATE = 0.3
_FOLDS = 3
_COLUMNS = 200
_FEW = 200
_PAIRS = 3
_LIMITS = (0.55, 0.65, 0.8)
_DEVIATIONS = 3.0


@dataclass(frozen=True)
class MultivariateDrift:
    """How well new rows can be told from old ones, and by what.

    Parameters
    ----------
    auc : float
        Of rows that the classifier had not seen; 0.5 is chance.
    noise : float
        The standard deviation that chance gives it.
    severity : str
        low from 0.55 on, medium from 0.65, high from 0.8; none below, and within three deviations of chance.
    score : float
        From 0 to 1.
    causes : tuple of (column, share)
        What it goes by: the part of what it knows that is lost when the column is shuffled.  Two names with
        ``×`` stand for what binds these columns.
    pairs : tuple of (column, column, before, after)
        Rank correlations that changed most.
    left_out : tuple of str
        Columns that would tell new rows from old ones by themselves, dates and identifiers, or are of no use.
    reference_rows, current_rows : int
        How many rows were looked at.
    sentence, action : str
    """

    auc: float
    noise: float
    severity: Literal["none", "low", "medium", "high", "critical"]
    score: float
    causes: tuple[tuple[str, float], ...]
    pairs: tuple[tuple[str, str, float, float], ...]
    left_out: tuple[str, ...]
    reference_rows: int
    current_rows: int
    sentence: str
    action: str

    def to_json(self) -> dict[str, Any]:
        """As plain values, for `json.dumps`."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> MultivariateDrift:
        """From what `to_json` gave."""
        lists = {name: tuple(map(tuple, found[name])) for name in ("causes", "pairs")}
        return cls(**{**found, **lists, "left_out": tuple(found["left_out"])})


@dataclass
class _Feature:
    """A column as small numbers: 0 where there is no value, then quantiles or categories."""

    name: str
    codes: _Codes
    ranks: Floats | None = None  # of numbers: from -0.5 to 0.5
    ordered: bool = False


def detect_multivariate_drift(
    reference: Any, current: Any, *, sample: int = 50_000, seed: int = 0
) -> MultivariateDrift:
    """Train a classifier to tell the rows of two tables apart, and try it on rows it has not seen.

    Parameters
    ----------
    reference, current : pyarrow.Table
        Columns that both have are used, and no more than 200, those that differ most.
    sample : int
        How many rows are looked at, of both together.
    seed : int
        For the sample and the parts it is tried on.
    """
    random = np.random.default_rng(seed)
    tables = [_sampled(table, sample // 2, random) for table in (reference, current)]
    rows = [table.num_rows for table in tables]
    features, left_out = _features(*tables)
    if min(rows) < _FEW or not features:
        told = (
            "Too few rows to look at the columns together." if features else "No columns to look at together."
        )
        return MultivariateDrift(0.5, 0.0, "none", 0.0, (), (), tuple(left_out), rows[0], rows[1], told, "")
    labels = np.repeat([0.0, 1.0], rows)
    if len(features) > _COLUMNS:
        features.sort(key=lambda each: -_apart(each.codes, labels))
        left_out += [each.name for each in features[_COLUMNS:]]
        features = features[:_COLUMNS]
    pairs = _pairs([each for each in features if each.ranks is not None], labels)
    known = {each.name: each for each in features}
    for one, other, _, _ in pairs:
        product = known[one].ranks * known[other].ranks  # type: ignore[operator]  # both have ranks
        features.append(
            _Feature(f"{one} × {other}", _quantiles(product, np.ones(len(product), bool)), ordered=True)
        )
    auc, causes = _tried(features, labels, random)
    noise = math.sqrt((sum(rows) + 1) / (12 * rows[0] * rows[1]))
    level = sum(auc >= limit for limit in _LIMITS) if auc - 0.5 > _DEVIATIONS * noise else 0
    severity: Any = ("none", "low", "medium", "high")[level]
    score = 0.0
    if auc - 0.5 > _DEVIATIONS * noise:
        steps = (0.5, *_LIMITS, 1.0)
        score = min((level + (auc - steps[level]) / (steps[level + 1] - steps[level])) / 4, 0.9999)
    sentence, action = _told(auc, level, causes, pairs)
    return MultivariateDrift(
        auc,
        noise,
        severity,
        score,
        causes if level else (),
        pairs,
        tuple(left_out),
        rows[0],
        rows[1],
        sentence,
        action,
    )


def _told(
    auc: float,
    level: int,
    causes: Sequence[tuple[str, float]],
    pairs: Sequence[tuple[str, str, float, float]],
) -> tuple[str, str]:
    if not level:
        return f"New rows cannot be told from old ones (AUC {auc:.2f}).", ""
    by = ", ".join(f"{name} ({100 * share:.0f} %)" for name, share in causes[:3])
    sentence = f"New rows can be told from old ones (AUC {auc:.2f}){', by ' if by else ''}{by}."
    for one, other, before, after in pairs[:1]:
        sentence += (
            f" {one} and {other} go together differently: rank correlation {before:.2f} → {after:.2f}."
        )
    return (
        sentence,
        f"Look at {causes[0][0]} first; a model's figures from before need not hold for these rows.",
    )


def _sampled(table: Any, rows: int, random: np.random.Generator) -> Any:
    if table.num_rows <= rows:
        return table
    return table.take(np.sort(random.choice(table.num_rows, rows, replace=False)))


def _features(reference: Any, current: Any) -> tuple[list[_Feature], list[str]]:
    import pyarrow.types as t

    found, left_out = [], []
    every = reference.schema.names
    names = [name for name, count in Counter(every).items() if count == 1]
    others = set(current.schema.names)
    for name in names:
        if name not in others or len(current.schema.get_all_field_indices(name)) != 1:
            continue
        one, other = plain_column(reference.column(name)), plain_column(current.column(name))
        kinds = (one.type, other.type)
        if any(t.is_timestamp(kind) or t.is_date(kind) for kind in kinds):
            left_out.append(name)
            continue
        numeric = [t.is_integer(k) or t.is_floating(k) or t.is_decimal(k) or t.is_temporal(k) for k in kinds]
        if all(numeric) and not any(t.is_interval(k) for k in kinds):
            feature = _numeric(name, one, other)
        elif any(numeric) or any(t.is_nested(k) or t.is_null(k) or t.is_interval(k) for k in kinds):
            feature = None
        else:
            feature = _categorical(name, one, other)
        if feature is None:
            left_out.append(name)
        else:
            found.append(feature)
    return found, left_out


def _numeric(name: str, one: Any, other: Any) -> _Feature | None:
    import pyarrow.types as t

    values = np.concatenate([_reals(one), _reals(other)])
    held = np.isfinite(values)
    if not held.any():
        return None
    if t.is_integer(one.type) and len(np.unique(values[held])) == len(values) and _disjoint(one, other):
        return None  # a running number
    ranks = np.zeros(len(values))
    ordered = np.sort(values[held])
    left, right = (
        np.searchsorted(ordered, values[held], "left"),
        np.searchsorted(ordered, values[held], "right"),
    )
    ranks[held] = (left + right) / 2 / len(ordered) - 0.5
    return _Feature(name, _quantiles(values, held), ranks, ordered=True)


def _disjoint(one: Any, other: Any) -> bool:
    import pyarrow.compute as pc

    before, after = pc.min_max(one).as_py(), pc.min_max(other).as_py()
    if before["min"] is None or after["min"] is None:
        return False
    return bool(after["min"] > before["max"] or after["max"] < before["min"])


def _reals(column: Any) -> Floats:
    """Values in their places, NaN where there is none."""
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_temporal(column.type):
        column = column.cast(pa.int32() if column.type.bit_width == 32 else pa.int64())
    found: Floats = column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
    return found


def _quantiles(values: Floats, held: npt.NDArray[np.bool_]) -> _Codes:
    ordered = np.sort(values[held])
    cuts = np.unique(ordered[np.linspace(0, len(ordered) - 1, _BINS + 1).astype(np.int64)[1:-1]])
    codes = np.zeros(len(values), np.int64)
    codes[held] = 1 + np.searchsorted(cuts, values[held])
    return codes


def _categorical(name: str, one: Any, other: Any) -> _Feature | None:
    hashes = np.concatenate([hash_column(one), hash_column(other)])
    unique, codes, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    if len(unique) > 0.9 * len(hashes) and len(unique) > _BINS:
        return None  # an identifier, or text
    places = np.full(len(unique), _BINS)
    most = np.argsort(-counts, kind="stable")[: _BINS - 1]
    places[most] = np.arange(1, len(most) + 1)
    found = places[codes]
    found[np.concatenate([each.is_null().to_numpy() for each in (one, other)])] = 0
    return _Feature(name, found)


def _apart(codes: _Codes, labels: Floats) -> float:
    """Total variation between both tables."""
    one, other = (np.bincount(codes[labels == side], minlength=_BINS + 2) for side in (0.0, 1.0))
    return float(np.abs(one / max(one.sum(), 1) - other / max(other.sum(), 1)).sum() / 2)


def _pairs(features: list[_Feature], labels: Floats) -> tuple[tuple[str, str, float, float], ...]:
    """Rank correlations that differ by a tenth or more, and by more than chance (Fisher's z)."""
    if len(features) < 2:
        return ()
    ranks = np.array([each.ranks for each in features])
    sides = []
    for side in (0.0, 1.0):
        held = ranks[:, labels == side]
        held = held - held.mean(axis=1, keepdims=True)
        size = np.sqrt((held**2).sum(axis=1))
        size[size == 0] = 1
        held /= size[:, None]
        sides.append(np.clip(held @ held.T, -0.999999, 0.999999))
    one, other = np.triu_indices(len(features), 1)
    before, after = sides[0][one, other], sides[1][one, other]
    rows = [np.count_nonzero(labels == side) for side in (0.0, 1.0)]
    deviation = math.sqrt(1 / (rows[0] - 3) + 1 / (rows[1] - 3))
    real = np.abs(np.arctanh(before) - np.arctanh(after)) > deviation * math.sqrt(
        2 * math.log(20 * len(one)) + 1
    )
    apart = np.where(real, np.abs(before - after), 0)
    best = [k for k in np.argsort(-apart, kind="stable")[:_PAIRS] if apart[k] >= 0.1]
    return tuple(
        (features[one[k]].name, features[other[k]].name, float(before[k]), float(after[k])) for k in best
    )


def _tried(
    features: list[_Feature], labels: Floats, random: np.random.Generator
) -> tuple[float, tuple[tuple[str, float], ...]]:
    """The AUC of rows left out of training, and what it goes by."""
    codes = np.array([each.codes for each in features])
    fold = random.permutation(len(labels)) % _FOLDS
    scores = np.zeros(len(labels))
    models = []
    for part in range(_FOLDS):
        held, tried = fold != part, np.flatnonzero(fold == part)
        # Categories have no order of their own; they get the one in which they tell most.
        orders = [None if each.ordered else _order(each.codes[held], labels[held]) for each in features]
        placed = np.array(
            [one if order is None else order[one] for one, order in zip(codes, orders, strict=True)]
        )
        model = _boosted(placed[:, held], labels[held])
        models.append((model, placed, tried))
        scores[tried] = _scores(model, placed[:, tried])
    auc = _auc(scores, labels)
    gains = np.zeros(len(features))
    for model, _, _ in models:
        for tree in model:
            for question in tree.questions:
                gains[question[0]] += question[2]
    causes = []
    for place in np.argsort(-gains)[:5]:
        if gains[place] <= 0 or auc <= 0.5:
            continue
        without = scores.copy()
        for model, placed, tried in models:
            shuffled = placed[:, tried].copy()
            shuffled[place] = random.permutation(shuffled[place])
            without[tried] = _scores(model, shuffled)
        lost = (auc - _auc(without, labels)) / (auc - 0.5)
        if lost >= 0.01:
            causes.append((features[place].name, float(min(lost, 1.0))))
    causes.sort(key=lambda each: -each[1])
    return auc, tuple(causes)


def _order(codes: _Codes, labels: Floats) -> _Codes:
    """A new code for each: by the share of new rows among its own."""
    rows = np.bincount(codes, minlength=_BINS + 2)
    new = np.bincount(codes, labels, minlength=_BINS + 2)
    found = np.empty(_BINS + 2, np.int64)
    found[np.argsort((new + 1) / (rows + 2), kind="stable")] = np.arange(_BINS + 2)
    return found


@dataclass
class _Tree:
    questions: list[tuple[int, int, float]]  # feature, the largest code that answers no, gain
    leaves: Floats


def _boosted(codes: npt.NDArray[np.int64], labels: Floats) -> list[_Tree]:
    """Trees for the logistic loss, both tables weighing the same; each level of a tree asks one question."""
    width = _BINS + 2
    weights = np.where(labels == 1, 0.5 / max(labels.mean(), 1e-9), 0.5 / max(1 - labels.mean(), 1e-9))
    scores = np.zeros(len(labels))
    trees = []
    for _ in range(_TREES):
        chance = 1 / (1 + np.exp(-scores))
        slope, bend = weights * (labels - chance), weights * chance * (1 - chance)
        leaf = np.zeros(len(labels), np.int64)
        questions = []
        for level in range(_DEPTH):
            best = (-1, -1, -math.inf)
            base = leaf * width
            for place, feature in enumerate(codes):
                at = base + feature
                shape = (1 << level, width)
                up = np.bincount(at, slope, shape[0] * width).reshape(shape).cumsum(axis=1)
                down = np.bincount(at, bend, shape[0] * width).reshape(shape).cumsum(axis=1)
                gain = up**2 / (down + 1) + (up[:, -1:] - up) ** 2 / (down[:, -1:] - down + 1)
                gain -= up[:, -1:] ** 2 / (down[:, -1:] + 1)
                total = gain.sum(axis=0)[:-1]
                cut = int(total.argmax())
                if total[cut] > best[2]:
                    best = (place, cut, float(total[cut]))
            questions.append(best)
            leaf = leaf * 2 + (codes[best[0]] > best[1])
        up = np.bincount(leaf, slope, 1 << _DEPTH)
        down = np.bincount(leaf, bend, 1 << _DEPTH)
        tree = _Tree(questions, _RATE * up / (down + 1))
        scores += tree.leaves[leaf]
        trees.append(tree)
    return trees


def _scores(trees: list[_Tree], codes: npt.NDArray[np.int64]) -> Floats:
    found = np.zeros(codes.shape[1])
    for tree in trees:
        leaf = np.zeros(codes.shape[1], np.int64)
        for place, cut, _ in tree.questions:
            leaf = leaf * 2 + (codes[place] > cut)
        found += tree.leaves[leaf]
    return found


def _auc(scores: Floats, labels: Floats) -> float:
    """How often a new row has the higher score; equal ones count half."""
    old, new = np.sort(scores[labels == 0]), scores[labels == 1]
    higher = np.searchsorted(old, new, "left").sum() + np.searchsorted(old, new, "right").sum()
    return float(higher / 2 / len(old) / len(new))

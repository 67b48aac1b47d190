"""What is known of a column without its data: some 25 kilobytes that tell its statistics and its drift.

A profile is made of one slab of a column in one pass, stored, and merged with those of other slabs.  Numbers
are kept as their empirical distribution function at no more than 1001 edges, which is exact there; other
values as their counts.  See docs/explanation/drift.md for what follows from it.
"""

from __future__ import annotations

import hashlib
import math
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from nbproof.stats.hashing import Hashes, distinct, hash_column, hash_numbers
from nbproof.stats.sketch import Sketching, estimate, joined, sketch_of

__all__ = [
    "EDGES",
    "TOP",
    "ColumnProfile",
    "Counts",
    "Kind",
    "Value",
    "distribution_at",
    "edges_of",
    "examined",
    "is_text",
    "merge",
    "moments",
    "plain_column",
    "profile_column",
    "profile_table",
    "shown",
    "text_kind",
    "texts_repeat",
]

Kind: TypeAlias = Literal["numeric", "boolean", "datetime", "categorical", "text", "nested", "null"]
Value: TypeAlias = bool | int | float | str
_Floats: TypeAlias = npt.NDArray[np.float64]
_Counts: TypeAlias = npt.NDArray[np.int64]

EDGES = 1001
TOP = 1000
_SLAB = 1 << 22  # rows that are held at once
_SHOWN = 200  # characters of a value
_SAMPLE = 10_000
_MOST_DISTINCT = 0.9  # of a sample: half a million rows then have about 50,000 values
_BLOCK = 1 << 15  # values that are looked at at once
_SCRATCH_BYTES = 8 << 20
_WHOLE = 1 << 53  # up to here floats hold every integer
_MICROSECONDS = {"s": 1_000_000, "ms": 1000, "us": 1, "ns": -1000}  # below zero: to be divided by
_DAY = 86_400_000_000


@dataclass(frozen=True)
class ColumnProfile:
    """What is known of a column.

    Parameters
    ----------
    name, type : str
        The type is Arrow's, as text.
    kind : str
        numeric; boolean; datetime (also time of day and duration); categorical and text (strings and bytes,
        text where most values differ); nested (lists, structs, maps); null (a column of nothing else).
    rows, missing : int
        All rows, and those that are null.  NaN is a number that is none: it is counted in `nans` alone.
    distinct : int
        How many different values there are, null and NaN left out.
    distinct_exact : bool
        False where slabs were merged that could not know: then it is estimated, to a standard error of 2.3 %.
    minimum, maximum, mean, m2 : number or None
        Of the finite numbers; times are microseconds (since 1970, since midnight, or long).  `m2` is the sum
        of squared deviations from the mean.
    zeros, nans, infinities : int
    edges : tuple of float
        Some finite values in order, the first and last among them; all of them where there are at most 1001.
    below, upto : tuple of int
        How many finite values are smaller than each edge, and how many are no larger.
    rank_error : int
        By how many rows `below` and `upto` may be wrong at most: 0 for a profile that was never merged.
    top : tuple of (value, count)
        The most frequent values, most frequent first: all of them where there are at most 1000.  Empty for
        numbers and times with more, and for nested values.  A long text is cut and bears its digest.
    other : int
        Rows with a value that isn't in `top`.
    top_error : int
        By how many rows a count in `top` may be too small at most: 0 for a profile that was never merged.
    lengths : ColumnProfile or None
        Of strings: their characters, of bytes and of lists: their items, as a numeric column.
    sketch : str
        A HyperLogLog of the values.
    """

    name: str
    type: str
    kind: Kind
    rows: int
    missing: int
    distinct: int
    distinct_exact: bool = True
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    m2: float | None = None
    zeros: int = 0
    nans: int = 0
    infinities: int = 0
    edges: tuple[float, ...] = ()
    below: tuple[int, ...] = ()
    upto: tuple[int, ...] = ()
    rank_error: int = 0
    top: tuple[tuple[Value, int], ...] = ()
    other: int = 0
    top_error: int = 0
    lengths: ColumnProfile | None = None
    sketch: str = ""

    @property
    def count(self) -> int:
        """Rows with a value: neither null nor NaN nor infinite."""
        return self.rows - self.missing - self.nans - self.infinities

    @property
    def std(self) -> float | None:
        """The sample's standard deviation; None of less than two values."""
        return None if self.m2 is None or self.count < 2 else math.sqrt(self.m2 / (self.count - 1))

    @cached_property
    def distribution(self) -> tuple[_Floats, _Counts, _Counts]:
        """`edges`, `below` and `upto` as arrays."""
        below, upto = np.array(self.below, np.int64), np.array(self.upto, np.int64)
        return np.array(self.edges, np.float64), below, upto

    @cached_property
    def knows_all_values(self) -> bool:
        """Whether the counts of all values are known, so that nothing is estimated."""
        if self.edges:
            _, below, upto = self.distribution
            return self.rank_error == 0 and int((upto - below).sum()) == self.count
        return self.other == 0 and self.top_error == 0 and self.kind != "nested"

    def quantile(self, share: float) -> float | None:
        """The value that a share of the finite numbers does not exceed; between two edges, on a line.

        Examples
        --------
        >>> import pyarrow as pa
        >>> profile_column("x", pa.array([1, 2, 3, 4, 100])).quantile(0.5)
        3.0
        """
        if not self.edges:
            return None
        rank = min(max(share * self.count, 1.0), float(self.count))
        place = bisect_left(self.upto, rank)
        if place == 0 or rank > self.below[place]:
            return self.edges[place]
        left, right = self.upto[place - 1], self.below[place]
        part = (rank - left) / (right - left) if right > left else 1.0
        # Not left + part * (right - left): that may overflow.
        return self.edges[place - 1] * (1 - part) + self.edges[place] * part

    def to_json(self) -> dict[str, Any]:
        """As plain values, for `json.dumps`; what is not finite is a text.

        Examples
        --------
        >>> import pyarrow as pa
        >>> profile = profile_column("x", pa.array([1.5, None]))
        >>> ColumnProfile.from_json(profile.to_json()) == profile
        True
        """
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("minimum", "maximum", "mean", "m2"):
            found[name] = _plain(found[name])
        at = [upto - below for below, upto in zip(self.below, self.upto, strict=True)]
        between = [below - upto for upto, below in zip((0, *self.upto), self.below, strict=False)]
        # Differences are half as long as sums, and mostly each edge is the value of one row.
        found["edges"], found["at"], found["between"] = list(self.edges), at, between
        if at and set(at) == {1}:
            found["at"] = 1
        odd = any(isinstance(value, float) and not math.isfinite(value) for value, _ in self.top)
        found["top"] = [[_plain(value), count] for value, count in self.top] if odd else list(self.top)
        found["lengths"] = self.lengths and self.lengths.to_json()
        del found["below"], found["upto"]
        return found

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> ColumnProfile:
        """From what `to_json` gave; what a later version adds is left out."""
        given = {field.name: found[field.name] for field in fields(cls) if field.name in found}
        for name in ("minimum", "maximum", "mean", "m2"):
            given[name] = _number(given.get(name))
        between = np.array(found.get("between", ()), np.int64)
        at = np.broadcast_to(np.array(found.get("at", ()), np.int64), between.shape)
        sums = np.cumsum(np.stack([between, at], axis=1))
        given["edges"] = tuple(given.get("edges", ()))
        given["below"], given["upto"] = tuple(sums[0::2].tolist()), tuple(sums[1::2].tolist())
        number = given["kind"] in ("numeric", "datetime")
        given["top"] = tuple((_number(value) if number else value, count) for value, count in given["top"])
        lengths = given.get("lengths")
        given["lengths"] = None if lengths is None else cls.from_json(lengths)
        return cls(**given)


_FIELDS = tuple(each.name for each in fields(ColumnProfile))


def profile_table(table: Any, *, threads: int = 2) -> list[ColumnProfile]:
    """A profile of each column, in their order.

    Parameters
    ----------
    table : pyarrow.Table or pyarrow.RecordBatch
        Two columns may have the same name.
    threads : int
        How many columns are looked at together.
    """
    columns = list(zip(table.schema.names, table.columns, strict=True))
    if threads <= 1 or len(columns) <= 1:
        return [profile_column(name, column) for name, column in columns]
    with ThreadPoolExecutor(min(threads, len(columns)), "nbproof-profile") as pool:
        return list(pool.map(lambda each: profile_column(*each), columns))


def profile_column(name: str, column: Any, *, coded: Any = None) -> ColumnProfile:
    """A profile of one column, in one pass over its rows.

    No more than about four million rows are held at once; the profiles of longer columns are merged.

    Parameters
    ----------
    name : str
    column : pyarrow.Array or pyarrow.ChunkedArray
        Of any type.
    coded : pyarrow.DictionaryArray, optional
        The same texts as a dictionary with different values, where somebody has made one already.

    Examples
    --------
    >>> import pyarrow as pa
    >>> profile = profile_column("price", pa.array([3.0, 1.0, None, 3.0]))
    >>> profile.kind, profile.rows, profile.missing, profile.distinct, profile.mean
    ('numeric', 4, 1, 2, 2.3333333333333335)
    >>> profile.top
    ((3.0, 2), (1.0, 1))
    """
    if len(column) > _SLAB:
        return merge(
            [examined(name, column.slice(row, _SLAB), kept=False)[0] for row in range(0, len(column), _SLAB)]
        )
    if coded is not None:
        start = ColumnProfile(name, str(column.type), "categorical", len(column), column.null_count, 0)
        counts = np.bincount(coded.indices.drop_null().to_numpy(), minlength=len(coded.dictionary))
        return _of_counts(start, Counts(coded.dictionary, counts.astype(np.int64)), True)[0]
    if is_text(column.type) and len(column) > 4 * TOP and not texts_repeat(column):
        return _of_hashes(
            ColumnProfile(name, str(column.type), "text", len(column), column.null_count, 0), column
        )
    return examined(name, column, kept=False)[0]


def texts_repeat(column: Any) -> bool:
    """Whether a column of texts seems to hold few different ones, from some of its rows."""
    if len(column) <= _SAMPLE:
        return len(column.unique()) <= len(column) // 2
    sample = column.take(np.arange(_SAMPLE) * (len(column) // _SAMPLE))
    return len(sample.unique()) <= _SAMPLE * _MOST_DISTINCT


def merge(profiles: Sequence[ColumnProfile]) -> ColumnProfile:
    """The profile of all the rows of which these are profiles: slabs of one column.

    Counts, minimum, maximum, mean and deviation are exact.  So is all the rest while there are at most 1000
    different values; beyond, `rank_error` and `top_error` say how far it may be off, and `distinct` is
    estimated.

    Parameters
    ----------
    profiles : sequence of ColumnProfile
        At least one; a column that has only nulls in some slab may have the type null there.

    Raises
    ------
    ValueError
        If there is none, or their types differ.
    """
    if not profiles:
        raise ValueError("a merge needs at least one profile")
    typed = [each for each in profiles if each.kind != "null"] or [profiles[0]]
    if len(types := {each.type for each in typed}) > 1:
        raise ValueError(
            f"profiles of column {typed[0].name!r} have different types: {', '.join(sorted(types))}"
        )
    if len(profiles) == 1:
        return profiles[0]
    rows, missing = sum(each.rows for each in profiles), sum(each.missing for each in profiles)
    first = typed[0]
    typed = [each for each in typed if each.rows > each.missing]
    if not typed:
        return _with(first, rows=rows, missing=missing)
    found = {
        "rows": rows,
        "missing": missing,
        "zeros": sum(each.zeros for each in typed),
        "nans": sum(each.nans for each in typed),
        "infinities": sum(each.infinities for each in typed),
        **_merged_moments(typed),
        **_merged_edges(typed),
        **_merged_top(typed),
    }
    lengths = [each.lengths for each in typed if each.lengths is not None]
    found["lengths"] = merge(lengths) if lengths else None
    found["sketch"] = joined(sketches) if (sketches := [each.sketch for each in typed if each.sketch]) else ""
    if not found["distinct_exact"]:
        most = max(each.distinct for each in typed)
        told = estimate(found["sketch"]) if len(sketches) == len(typed) else 0
        found["distinct"] = min(max(told, most), sum(each.distinct for each in typed))
    merged = _with(first, **found)
    if merged.kind in ("categorical", "text"):
        merged = _with(merged, kind=text_kind(merged.type, merged.distinct, merged.count))
    return merged


# ------------------------------------------------------------------------------------------------- one slab


@dataclass(frozen=True)
class Counts:
    """Different values, an Arrow array, and how often each comes."""

    values: Any
    counts: _Counts


def examined(
    name: str, column: Any, *, sketched: bool = True, kept: bool = True
) -> tuple[ColumnProfile, _Floats | Counts | None]:
    """The profile of a column, and what it was made of, so that nobody has to sort or count again.

    Parameters
    ----------
    name : str
    column : pyarrow.Array or pyarrow.ChunkedArray
        All of it is held at once.
    sketched : bool
        Whether the profile is to be merged with others.
    kept : bool
        Whether the numbers in order are asked for.

    Returns
    -------
    tuple
        The profile; the finite numbers in order, the counts of other values, or None of lists and the like.
    """
    import pyarrow.types as t

    told, rows = str(column.type), len(column)
    column = plain_column(column)
    kind = column.type
    start = ColumnProfile(name, told, "null", rows, column.null_count, 0)
    if t.is_null(kind):
        return _with(start, missing=rows), None
    if _is_nested(kind):
        return _nested(_with(start, kind="nested"), column), None
    values = column.drop_null() if column.null_count else column
    if t.is_decimal(kind):
        return _decimals(_with(start, kind="numeric"), values)
    if t.is_dictionary(kind):
        return _coded(_with(start, kind="categorical"), values, sketched)
    if t.is_boolean(kind) or is_text(kind):
        kind = "boolean" if t.is_boolean(kind) else "categorical"
        return _counted(_with(start, kind=kind), values, sketched)
    numbers, scale = _numpy(values)
    kind = "datetime" if t.is_temporal(kind) else "numeric"
    return _numbers(_with(start, kind=kind), numbers, scale, sketched=sketched, kept=kept)


def plain_column(column: Any) -> Any:
    """The column without what Arrow has wrapped around its values."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    while isinstance(column.type, pa.BaseExtensionType):
        chunked = isinstance(column, pa.ChunkedArray)
        column = column.cast(column.type.storage_type) if chunked else column.storage
    if t.is_run_end_encoded(column.type):
        column = pc.run_end_decode(column)
    if column.type in (pa.string_view(), pa.binary_view()):  # few of Arrow's functions know them
        column = column.cast(pa.large_string() if column.type == pa.string_view() else pa.large_binary())
    if isinstance(column, pa.ChunkedArray) and column.nbytes >= 1 << 31:  # more than their offsets reach
        wide = {pa.string(): pa.large_string(), pa.binary(): pa.large_binary()}
        column = column.cast(wide.get(column.type, column.type))
    return column


def _numpy(values: Any) -> tuple[npt.NDArray[Any], int]:
    """Numbers or times without nulls, and what one of them is worth."""
    import pyarrow as pa
    import pyarrow.types as t

    kind = values.type
    if not t.is_temporal(kind):
        return values.to_numpy(), 1
    days = _DAY if t.is_date32(kind) else _MICROSECONDS["ms"] if t.is_date64(kind) else 0
    ticks = values.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    return ticks.to_numpy(), days or _MICROSECONDS[kind.unit]


def _numbers(
    start: ColumnProfile, values: npt.NDArray[Any], scale: int, *, sketched: bool = True, kept: bool = True
) -> tuple[ColumnProfile, _Floats]:
    """Everything follows from the values in order, and sorting is what processors do best.

    Of what is long a part is looked at at a time: to fetch memory anew takes as long as to compute.
    """
    ordered = np.sort(values) if kept else _sorted_here(values)
    nans = infinities = 0
    infinite: list[float] = []
    if ordered.dtype.kind == "f":
        nans = int(np.count_nonzero(np.isnan(ordered[np.searchsorted(ordered, np.inf, "right") :])))
        ordered = ordered[: len(ordered) - nans]
        left, right = np.searchsorted(ordered, -np.inf, "right"), np.searchsorted(ordered, np.inf, "left")
        infinities = int(left + len(ordered) - right)
        infinite = [*([-math.inf] if left else ()), *([math.inf] if right < len(ordered) else ())]
        ordered = ordered[left:right]
    start = _with(start, nans=nans, infinities=infinities)
    sketching = Sketching()
    distinct, few = _different(ordered, sketching if sketched else None)
    found: dict[str, Any] = {"distinct": distinct + len(infinite), "other": len(ordered) + infinities}
    if sketched:
        sketching.add(hash_numbers(np.array(infinite, ordered.dtype)))
        found["sketch"] = sketching.text()
    if not len(ordered):
        return _with(start, **{**found, "other": 0}), np.empty(0)
    low, high = ordered[0].item(), ordered[-1].item()
    found |= {"minimum": _scaled(low, scale), "maximum": _scaled(high, scale), **_moments(ordered, scale)}
    zeros = np.searchsorted(ordered, 0, "right") - np.searchsorted(ordered, 0, "left")
    if distinct + len(infinite) <= TOP:
        counts = np.diff(np.searchsorted(ordered, few), append=len(ordered))
        if scale < 0:  # several nanoseconds are one microsecond
            few, first = np.unique(few // -scale, return_index=True)
            counts = np.add.reduceat(counts, first)
        ranked = np.argsort(-counts, kind="stable")
        worth = max(scale, 1)
        values_ranked = [_scaled(each, worth) for each in few[ranked].tolist()]
        found["top"] = tuple(zip(values_ranked, counts[ranked].tolist(), strict=True))
        found["other"] = infinities
    exact = ordered.dtype.kind == "f" or (scale > 0 and max(-low, high) * scale <= _WHOLE)
    placed = ordered
    if not exact:
        # Large integers and nanoseconds may coincide as floats.
        placed = _reals(ordered, scale)
        distinct, few = _different(placed, None)
    points = few if distinct <= EDGES else np.unique(placed[_ranks(len(placed))])
    below, upto = np.searchsorted(placed, points), np.searchsorted(placed, points, "right")
    edges = edges_of(_reals(points, scale) if exact else points, below, upto)
    return _with(start, zeros=int(zeros), **found, **edges), (_reals(ordered, scale) if kept else np.empty(0))


class _Scratch(threading.local):
    memory: npt.NDArray[np.uint8] = np.empty(0, np.uint8)


_scratch = _Scratch()


def _sorted_here(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """In order, until the next call of the same thread."""
    if values.nbytes > _SCRATCH_BYTES:
        return np.sort(values)
    if len(_scratch.memory) < values.nbytes:
        _scratch.memory = np.empty(_SCRATCH_BYTES, np.uint8)
    ordered = _scratch.memory[: values.nbytes].view(values.dtype)
    ordered[:] = values
    ordered.sort()
    return ordered


def _different(ordered: npt.NDArray[Any], sketching: Sketching | None) -> tuple[int, npt.NDArray[Any]]:
    """How many different values there are; and which, unless there are more than are kept."""
    count = 0
    few: list[npt.NDArray[Any]] = [ordered[:0]]
    for place in range(0, len(ordered), _BLOCK):
        part = ordered[place : place + _BLOCK]
        fresh = np.empty(len(part), np.bool_)
        fresh[0] = place == 0 or part[0] != ordered[place - 1]
        np.not_equal(part[1:], part[:-1], out=fresh[1:])
        values = part[fresh]
        if count <= EDGES:
            few.append(values)
        count += len(values)
        if sketching is not None:
            sketching.add(hash_numbers(values))
    return count, np.concatenate(few) if count <= EDGES else ordered[:0]


def _unique(ordered: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], _Counts]:
    """Different values of an ordered array, and where each of them begins."""
    if not len(ordered):
        return ordered, np.empty(0, np.int64)
    firsts = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    starts = np.concatenate([np.zeros(1, np.int64), firsts])
    return ordered[starts], starts


def _reals(values: npt.NDArray[Any], scale: int) -> _Floats:
    if scale < 0:
        values = values // -scale
    reals: _Floats = values.astype(np.float64, copy=False)
    return reals * scale if scale > 1 else reals


def _scaled(value: float, scale: int) -> float:
    """A plain number, exact."""
    return value // -scale if scale < 0 else value * scale if scale > 1 else value


def moments(values: _Floats, counts: _Counts) -> dict[str, float]:
    """Mean and sum of squared deviations, in two steps, which loses no digits to large means."""
    total = int(counts.sum())
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(values @ counts / total)
        if not math.isfinite(mean):
            mean = float((values / total) @ counts)
        apart = values - mean
        return {"mean": mean, "m2": float((apart * apart) @ counts)}


def _moments(values: npt.NDArray[Any], scale: int) -> dict[str, float]:
    """The same of values that come once each."""
    parts = [values[place : place + _BLOCK] for place in range(0, len(values), _BLOCK)]
    with np.errstate(over="ignore", invalid="ignore"):
        mean = sum(float(_reals(part, scale).sum()) for part in parts) / len(values)
        if not math.isfinite(mean):
            mean = sum(float((_reals(part, scale) / len(values)).sum()) for part in parts)
        # Not `apart @ apart`: BLAS wakes threads for it, and those of the pool have the processors.
        m2 = sum(float(np.square(_reals(part, scale) - mean).sum()) for part in parts)
    return {"mean": mean, "m2": m2}


def edges_of(points: _Floats, below: _Counts, upto: _Counts, error: int = 0) -> dict[str, Any]:
    """The distribution function at all points, or at a thousand quantiles and some points in the tails."""
    if len(points) > EDGES:
        kept = np.unique(np.searchsorted(upto, _ranks(int(upto[-1])), "right"))
        points, below, upto = points[kept], below[kept], upto[kept]
    return {
        "edges": tuple(points.tolist()),
        "below": tuple(below.tolist()),
        "upto": tuple(upto.tolist()),
        "rank_error": error,
    }


def _ranks(count: int) -> _Counts:
    """Which of so many values in order are kept."""
    tail = 2 ** np.arange(max(int(math.log2(max(count / TOP, 1))), 0) + 1)
    steps = EDGES - 2 * len(tail) - 1
    evenly = np.arange(steps + 1) * (count - 1) // steps  # in integers: the same in every engine
    return np.concatenate([evenly, tail, count - 1 - tail])


def _decimals(start: ColumnProfile, values: Any) -> tuple[ColumnProfile, _Floats]:
    """As floats; their number is counted as it is, since floats of many digits may coincide."""
    found, ordered = _numbers(start, _decimal_reals(values), 1)
    hashes = distinct(hash_column(values))
    found = _with(found, distinct=len(hashes), sketch=sketch_of(hashes))
    return (found if len(hashes) <= TOP else _with(found, top=(), other=found.count)), ordered


def _decimal_reals(values: Any) -> _Floats:
    """The nearest floats, as Python and every engine have them; Arrow's own are off in the last digit."""
    import pyarrow as pa
    import pyarrow.types as t

    scale = values.type.scale
    if not t.is_decimal256(values.type) and 0 <= scale <= 22:  # powers of ten that floats hold
        plain = values.cast(pa.decimal128(values.type.precision, scale))
        chunks = plain.chunks if isinstance(plain, pa.ChunkedArray) else [plain]
        words = [np.empty((0, 2), np.int64)]
        for chunk in chunks:
            if len(chunk):
                held = np.frombuffer(chunk.buffers()[1], np.int64).reshape(-1, 2)
                words.append(held[chunk.offset : chunk.offset + len(chunk)])
        low, high = np.concatenate(words).T
        small = not len(low) or -(1 << 53) < low.min() <= low.max() < 1 << 53
        if small and np.array_equal(low >> 63, high):
            exact: _Floats = low / 10.0**scale
            return exact
    parsed: _Floats = values.cast(pa.string()).cast(pa.float64()).to_numpy()
    return parsed


def is_text(kind: Any) -> bool:
    """Whether an Arrow type is one of strings or bytes, without views."""
    import pyarrow.types as t

    return bool(
        t.is_string(kind)
        or t.is_large_string(kind)
        or t.is_binary(kind)
        or t.is_large_binary(kind)
        or t.is_fixed_size_binary(kind)
    )


def _is_nested(kind: Any) -> bool:
    import pyarrow.types as t

    plain = t.is_primitive(kind) or t.is_decimal(kind) or t.is_boolean(kind) or is_text(kind)
    return t.is_interval(kind) or not (plain or t.is_dictionary(kind))


def _counted(start: ColumnProfile, values: Any, sketched: bool) -> tuple[ColumnProfile, Counts]:
    """Values that are no numbers, counted by Arrow."""
    import pyarrow.compute as pc

    struct = pc.value_counts(values)
    counts = struct.field(1).to_numpy(zero_copy_only=False)
    return _of_counts(start, Counts(struct.field(0), counts), sketched)


def _coded(
    start: ColumnProfile, values: Any, sketched: bool
) -> tuple[ColumnProfile, _Floats | Counts | None]:
    """A dictionary's values, which may be long, are looked at once each, not once a row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(values, pa.ChunkedArray):
        kind = values.type
        if values.num_chunks:
            values = values.unify_dictionaries().combine_chunks()
        else:  # of which older releases make no array
            none = pa.array([], kind.index_type), pa.array([], kind.value_type)
            values = pa.DictionaryArray.from_arrays(*none)
    known = values.dictionary
    if not (is_text(known.type) or len(known) <= TOP):
        plain, made_of = examined(start.name, values.cast(known.type), sketched=sketched)
        missing = start.missing + plain.missing
        return _with(plain, type=start.type, rows=start.rows, missing=missing), made_of
    counts = np.bincount(values.indices.cast(pa.int64()).to_numpy(), minlength=len(known)).astype(np.int64)
    present = np.flatnonzero(counts)
    known, counts = known.take(pa.array(present)), counts[present]
    if known.null_count:  # nobody forbids a null among the values
        held = known.is_valid().to_numpy(zero_copy_only=False)
        start = _with(start, missing=start.missing + int(counts[~held].sum()))
        known, counts = known.drop_null(), counts[held]
    if pc.count_distinct(known).as_py() < len(known):
        coded = known.dictionary_encode()
        counts = np.bincount(coded.indices.to_numpy(), counts).astype(np.int64)
        known = coded.dictionary
    return _of_counts(start, Counts(known, counts), sketched)


def _of_counts(start: ColumnProfile, made_of: Counts, sketched: bool) -> tuple[ColumnProfile, Counts]:
    import pyarrow as pa

    values, counts = made_of.values, made_of.counts
    hashes = hash_column(values) if sketched or len(counts) > TOP else np.zeros(len(counts), np.uint64)
    total = int(counts.sum())
    ranked = _ranked(counts, hashes)
    top = [
        (shown(value), int(count))
        for value, count in zip(values.take(pa.array(ranked)), counts[ranked], strict=True)
    ]
    return _of_texts(start, top, values, counts, hashes if sketched else None, total), made_of


def _of_texts(
    start: ColumnProfile,
    top: list[tuple[Value, int]],
    values: Any,
    counts: _Counts | None,
    hashes: Hashes | None,
    total: int,
) -> ColumnProfile:
    """What is kept of values that are no numbers: all of them, or each with its count."""
    import pyarrow.compute as pc
    import pyarrow.types as t

    top.sort(key=lambda each: (-each[1], str(each[0])))
    distinct = len(values) if hashes is None else len(hashes)
    found: dict[str, Any] = {
        "distinct": distinct,
        "sketch": "" if hashes is None else sketch_of(hashes),
        "top": tuple(top),
        "other": total - sum(count for _, count in top),
    }
    if is_text(values.type):
        spoken = t.is_string(values.type) or t.is_large_string(values.type)
        sizes = (pc.utf8_length if spoken else pc.binary_length)(values)
        found["lengths"] = _sizes(sizes.to_numpy(zero_copy_only=False), counts)
        found["kind"] = text_kind(start.type, distinct, total)
    return _with(start, **found)


def _ranked(counts: _Counts, hashes: Hashes) -> _Counts:
    """Places of the most frequent values, among equals of the smallest fingerprints, as in every slab."""
    return np.lexsort((hashes, -counts))[:TOP] if len(counts) <= 4 * TOP else _most(counts, hashes)


def _of_hashes(start: ColumnProfile, column: Any) -> ColumnProfile:
    """Texts of which most come once: their fingerprints are counted, which is quicker than they are."""
    import pyarrow as pa

    values = column.drop_null() if column.null_count else column
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    hashes = hash_column(values)
    unique, starts = _unique(np.sort(hashes))
    counts = np.diff(starts, append=len(hashes))
    ranked = _ranked(counts, unique)
    # The values of those: by a coarse look first, which leaves few rows.
    wanted = np.sort(unique[ranked])
    coarse = np.zeros(1 << 16, np.bool_)
    coarse[wanted >> np.uint64(48)] = True
    rows = np.flatnonzero(coarse[hashes >> np.uint64(48)])
    places = np.minimum(np.searchsorted(wanted, hashes[rows]), len(wanted) - 1)
    first = np.empty(len(wanted), np.int64)
    same = wanted[places] == hashes[rows]
    first[places[same][::-1]] = rows[same][::-1]
    top = [
        (shown(value), int(count))
        for value, count in zip(
            values.take(pa.array(first[np.searchsorted(wanted, unique[ranked])])), counts[ranked], strict=True
        )
    ]
    return _of_texts(start, top, values, None, unique, len(hashes))


def _most(counts: _Counts, hashes: Hashes) -> _Counts:
    """Places of the most frequent values, without ordering all of them."""
    least = np.partition(counts, -TOP)[-TOP]
    sure = np.flatnonzero(counts > least)
    equal = np.flatnonzero(counts == least)
    wanted = TOP - len(sure)
    if wanted < len(equal):
        equal = equal[np.argpartition(hashes[equal], wanted)[:wanted]]
    return np.concatenate([sure, equal])


def text_kind(told: str, distinct: int, count: int) -> Kind:
    """Text is what nearly never comes twice."""
    return (
        "text"
        if distinct > TOP and distinct > count / 2 and not told.startswith("dictionary")
        else "categorical"
    )


def shown(scalar: Any) -> Value:
    """A value as it is kept; a long text without a copy of the whole."""
    if not is_text(scalar.type):
        try:
            value = scalar.as_py()
        # A year that Python has no date for; a zone that nobody knows, for some libraries a missing key.
        except (ValueError, OverflowError, LookupError):
            return _beyond_python(scalar)
        return value if isinstance(value, bool | int | float) else str(value)
    whole = memoryview(scalar.as_buffer() or b"")
    start = bytes(whole[: 4 * _SHOWN])
    try:
        if "string" not in str(scalar.type):
            raise UnicodeDecodeError("utf-8", start, 0, 0, "not said to be text")
        told = start.decode("utf-8", "strict" if len(whole) <= len(start) else "replace")
    except UnicodeDecodeError:
        told = "0x" + start.hex()
    if len(told) <= _SHOWN and len(whole) <= len(start):
        return told
    return f"{told[:_SHOWN]}… ({hashlib.blake2b(whole, digest_size=8).hexdigest()})"


def _beyond_python(scalar: Any) -> str:
    """A date, time or duration as numpy writes it, which for its years has room."""
    import pyarrow.types as t

    kind = scalar.type
    if not t.is_temporal(kind) or t.is_interval(kind):
        return f"a value of type {kind}"
    unit: Any = "D" if t.is_date32(kind) else "ms" if t.is_date64(kind) else kind.unit
    if t.is_timestamp(kind) or t.is_date(kind):
        return str(np.datetime64(scalar.value, unit)).replace("T", " ")
    return str(np.timedelta64(scalar.value, unit))


def _sizes(sizes: npt.NDArray[Any], counts: _Counts | None = None) -> ColumnProfile:
    """Of lengths, each with how often it comes."""
    if len(sizes) and sizes.max() <= _SLAB:
        every = np.bincount(sizes, counts).astype(np.int64)
        points = np.flatnonzero(every)
        each = every[points]
    else:
        points, places = np.unique(sizes.astype(np.int64), return_inverse=True)
        each = np.bincount(places, counts, len(points)).astype(np.int64)
    rows = int(each.sum())
    start = ColumnProfile(
        "length", "int64", "numeric", rows, 0, len(points), sketch=sketch_of(hash_numbers(points))
    )
    if not rows:
        return start
    found: dict[str, Any] = {"other": rows, "minimum": int(points[0]), "maximum": int(points[-1])}
    found |= moments(points.astype(np.float64), each)
    found["zeros"] = int(each[0]) if points[0] == 0 else 0
    if len(points) <= TOP:
        ranked = np.argsort(-each, kind="stable")
        found |= {"top": tuple((int(points[k]), int(each[k])) for k in ranked), "other": 0}
    ends = np.cumsum(each)
    return _with(start, **found, **edges_of(points.astype(np.float64), ends - each, ends))


def _nested(start: ColumnProfile, values: Any) -> ColumnProfile:
    import pyarrow.compute as pc

    hashes = hash_column(values)
    if values.null_count:
        hashes = hashes[values.is_valid().to_numpy(zero_copy_only=False)]
    found: dict[str, Any] = {"other": len(hashes)}
    hashes = distinct(hashes)
    found |= {"distinct": len(hashes), "sketch": sketch_of(hashes)}
    if "list" in str(values.type).partition("<")[0]:
        try:
            sizes = pc.list_value_length(values).drop_null()
        except NotImplementedError:  # views of lists, in older releases
            return _with(start, **found)
        found["lengths"] = _sizes(sizes.to_numpy() if len(sizes) else np.empty(0, np.int64))
    return _with(start, **found)


# ------------------------------------------------------------------------------------------------- merging


def _with(profile: ColumnProfile, **changes: Any) -> ColumnProfile:
    """`dataclasses.replace`, which is slow with so many fields."""
    return ColumnProfile(**{**{name: profile.__dict__[name] for name in _FIELDS}, **changes})


def _merged_moments(profiles: Sequence[ColumnProfile]) -> dict[str, float | None]:
    """Chan, Golub, LeVeque, "Updating formulae ... for computing sample variances" (1979)."""
    total, mean, m2 = 0, 0.0, 0.0
    low: list[float] = []
    high: list[float] = []
    for each in profiles:
        if each.minimum is None or each.maximum is None or each.mean is None or each.m2 is None:
            continue
        apart, before = each.mean - mean, total
        total += each.count
        mean += apart * (each.count / total)
        m2 += each.m2 + apart * apart * (before * each.count / total)
        low.append(each.minimum)
        high.append(each.maximum)
    if not total:
        return {"minimum": None, "maximum": None, "mean": None, "m2": None}
    return {"minimum": min(low), "maximum": max(high), "mean": mean, "m2": m2}


def _merged_edges(profiles: Sequence[ColumnProfile]) -> dict[str, Any]:
    held = [each for each in profiles if each.edges]
    if not held:
        return {}
    points = np.unique(np.concatenate([each.distribution[0] for each in held]))
    below, upto = np.zeros(len(points)), np.zeros(len(points))
    error = 0
    for each in held:
        at_below, at_upto, most = distribution_at(each, points)
        below += at_below
        upto += at_upto
        error += each.rank_error + most
    return edges_of(points, np.rint(below).astype(np.int64), np.rint(upto).astype(np.int64), error)


def distribution_at(profile: ColumnProfile, points: _Floats) -> tuple[_Floats, _Floats, int]:
    """How many values lie below points and up to them, and by how many rows that may be wrong.

    It is exact at the profile's edges; between two of them the rows there are taken to be spread evenly, so
    it is wrong by less than there are.
    """
    edges, below, upto = profile.distribution
    right = edges.searchsorted(points)
    inner = np.minimum(right, len(edges) - 1)
    at_below, at_upto = below[inner].astype(np.float64), upto[inner].astype(np.float64)
    apart = (edges[inner] != points).nonzero()[0]
    if not len(apart):
        return at_below, at_upto, 0
    right, inner, points = right[apart], inner[apart], points[apart]
    before = np.maximum(right - 1, 0)
    start, low = edges[before], upto[before]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        part = ((points - start) / (edges[inner] - start)).clip(0, 1)
    part[np.isnan(part)] = 0.5
    rows = below[inner] - low
    between = low + part * rows
    between[right == 0] = 0
    between[right == len(edges)] = upto[-1]
    at_below[apart] = at_upto[apart] = between
    # Outside of all edges there are no rows between two of them.
    return at_below, at_upto, int(rows.max(initial=0))


def _merged_top(profiles: Sequence[ColumnProfile]) -> dict[str, Any]:
    total = sum(each.rows - each.missing - each.nans for each in profiles)
    numbers = profiles[0].kind in ("numeric", "datetime")
    if profiles[0].kind == "nested" or (numbers and any(each.distinct > TOP for each in profiles)):
        return {"top": (), "other": total, "distinct_exact": False}
    counts: Counter[Value] = Counter()
    error = 0
    for each in profiles:
        for value, count in each.top:
            counts[value] += count
        # What is not among a slab's top values may come there as often as the least of them.
        error += each.top_error + (each.top[-1][1] if each.other and not numbers and each.top else 0)
    # Nanoseconds and long decimals may differ and be shown as one value.
    exact = not error and all(
        each.distinct_exact and (not numbers or each.distinct <= len(each.top) + 2 * bool(each.infinities))
        for each in profiles
    )
    most = sorted(counts.items(), key=lambda each: (-each[1], each[0] if numbers else str(each[0])))
    if numbers and len(most) > TOP:
        return {"top": (), "other": total, "distinct_exact": False}
    top = tuple(most[:TOP])
    infinite = exact and numbers and any(each.infinities for each in profiles)
    return {
        "top": top,
        "other": total - sum(count for _, count in top),
        "top_error": error,
        "distinct": len(most),
        "distinct_exact": exact and len(most) <= TOP and not infinite,
    }


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) else value

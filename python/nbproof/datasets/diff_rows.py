"""Which rows of two tables differ: by a key, or by all that they hold.

Columns are read one at a time, and of those only the slabs that the other table does not have; what stays in
memory is eight bytes a row.  Rows are compared by 64-bit fingerprints: null is equal to null, NaN to NaN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from nbproof.core.errors import Invalid
from nbproof.stats.common_types import in_type
from nbproof.stats.hashing import Hashes, hash_column, mixed
from nbproof.stats.profile import shown

if TYPE_CHECKING:
    import pyarrow as pa

    from nbproof.datasets.handle import DatasetHandle

__all__ = ["Changed", "RowDiff", "Rows", "StoredRows", "TableRows", "diff_by_key", "diff_by_rows"]

_Places = npt.NDArray[np.int64]
_SLAB = 1 << 19
_EXAMPLES = 10
OnSlab = Callable[[], object]
Casts: TypeAlias = "Mapping[str, pa.DataType]"
_SMALL = 16_000_000  # bytes
_HELD = 20_000_000  # values whose fingerprints are kept, of eight bytes each


class Rows(Protocol):
    """A table in slabs."""

    name: str

    @property
    def lengths(self) -> list[int]:
        """Rows of each slab."""

    def mark(self, column: str, slab: int) -> object:
        """Equal only for slabs of columns that are equal."""

    def read(self, column: str, slab: int) -> pa.ChunkedArray:
        """The values of a column in a slab."""


class StoredRows:
    """The slabs of a version."""

    def __init__(self, handle: DatasetHandle) -> None:
        self.name = handle.name
        self._handle = handle
        self._is_small = len(handle.slabs) == 1 and handle.version.size_bytes <= _SMALL
        self._types = {each.name: str(each.type) for each in handle.schema}

    @property
    def lengths(self) -> list[int]:
        """Rows of each slab."""
        return self._handle.slabs

    def mark(self, column: str, slab: int) -> object:
        """Where the slab's content is, and of what type: the same bytes are other values of another."""
        return self._handle.slab_file(column, slab), self._types[column]

    def read(self, column: str, slab: int) -> pa.ChunkedArray:
        """The values of a column in a slab; a small table is read once as a whole."""
        if self._is_small:
            return self._table.column(column)
        return self._handle.read_slab(column, slab)

    @cached_property
    def _table(self) -> pa.Table:
        return self._handle.read_slabs(self._handle.schema, 0)


class TableRows:
    """A table in memory, in slabs."""

    def __init__(self, name: str, table: pa.Table) -> None:
        self.name = name
        self._table = table
        rows = table.num_rows
        self.lengths = [min(_SLAB, rows - start) for start in range(0, rows, _SLAB)] or [0]

    def mark(self, column: str, slab: int) -> object:
        """Only itself."""
        return id(self), column, slab

    def read(self, column: str, slab: int) -> pa.ChunkedArray:
        """The values of a column in a slab."""
        return self._table.column(column).slice(slab * _SLAB, _SLAB)


@dataclass(frozen=True)
class Changed:
    """A row that was and is: its place before and now, and its values by column, before and now."""

    before: int
    after: int
    key: dict[str, Any]
    values: dict[str, tuple[Any, Any]]


@dataclass
class RowDiff:
    """How rows differ.

    Attributes
    ----------
    columns : dict
        How many of the changed rows differ in a column.
    changes, added_rows, removed_rows : list
        The first of them, with their values.
    moved : bool
        Where all rows are in both: whether they stand in another order.
    """

    added: int = 0
    removed: int = 0
    changed: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    changes: list[Changed] = field(default_factory=list)
    added_rows: list[dict[str, Any]] = field(default_factory=list)
    removed_rows: list[dict[str, Any]] = field(default_factory=list)
    moved: bool = False


# -- by a key ----------------------------------------------------------------------------------------------


def diff_by_key(
    one: Rows, other: Rows, key: Sequence[str], columns: Sequence[str], casts: Casts, on_slab: OnSlab
) -> RowDiff:
    """Rows with the same key are the same row.

    Parameters
    ----------
    one, other : Rows
    key, columns : sequence of str
        Columns that both have, of comparable types.
    casts : mapping of str to pyarrow.DataType
        What columns are cast to before they are compared; see `common_types`.
    on_slab : callable
        Called for each part that was read.

    Raises
    ------
    Invalid
        A key comes more than once.
    """
    reader = _Reader(casts, on_slab)
    keys = [reader.rows(each, key) for each in (one, other)]
    order = np.argsort(keys[0], kind="stable")
    ordered = keys[0][order]
    for side, hashes, rows in ((one, ordered, order), (other, *_in_order(keys[1]))):
        _refuse_repeats(side, hashes, rows, key)
    places = np.searchsorted(ordered, keys[1])
    places[places == len(ordered)] = 0
    known = ordered[places] == keys[1] if len(ordered) else np.zeros(len(keys[1]), bool)
    after: _Places = np.flatnonzero(known)
    before: _Places = order[places[known]]
    gone = np.ones(len(keys[0]), bool)
    gone[before] = False
    found = RowDiff(added=int((~known).sum()), removed=int(gone.sum()))
    still = one.lengths == other.lengths and np.array_equal(before, after) and len(after) == len(keys[1])
    differs = np.zeros(len(after), bool)
    for name in columns:
        if name in key or (still and _same_content(one, other, name)):
            continue
        apart = reader.column(one, name)[before] != reader.column(other, name)[after]
        if count := int(apart.sum()):
            found.columns[name] = count
            differs |= apart
    found.changed = int(differs.sum())
    found.moved = len(after) == len(keys[1]) == len(before) and not np.array_equal(before, after)
    some = np.flatnonzero(differs)[:_EXAMPLES]
    _tell(found, one, other, before[some], after[some], columns, key)
    found.added_rows = _values(other, np.flatnonzero(~known)[:_EXAMPLES], columns)
    found.removed_rows = _values(one, np.flatnonzero(gone)[:_EXAMPLES], columns)
    return found


def _in_order(hashes: Hashes) -> tuple[Hashes, _Places]:
    order = np.argsort(hashes, kind="stable")
    return hashes[order], order


def _refuse_repeats(side: Rows, ordered: Hashes, rows: _Places, key: Sequence[str]) -> None:
    again = np.flatnonzero(ordered[1:] == ordered[:-1])
    if not len(again):
        return
    example = _values(side, rows[again[:1]], key)[0]
    told = ", ".join(f"{name} = {value!r}" for name, value in example.items())
    raise Invalid(
        f"{len(again):,} of the rows of {side.name} have a key that another row has too, such as {told}",
        hint="a key names one row: add a column to it, or leave it out to compare whole rows",
        details={"field": "key"},
    )


# -- by all that rows hold ---------------------------------------------------------------------------------


def diff_by_rows(one: Rows, other: Rows, columns: Sequence[str], casts: Casts, on_slab: OnSlab) -> RowDiff:
    """Equal rows are the same row, as often as they come; of two that are left at one place one changed."""
    reader = _Reader(casts, on_slab)
    slabs, others = _without_equal(one, other, columns)
    apart: set[str] = set()
    wanted: list[list[tuple[int, _Places]]] = [[], []]
    for place in range(max(len(slabs), len(others))):
        left = slabs[place] if place < len(slabs) else None
        right = others[place] if place < len(others) else None
        if left is None or right is None or one.lengths[left] != other.lengths[right]:
            apart.update(columns)
            for rows, slab, side in ((one, left, 0), (other, right, 1)):
                if slab is not None:
                    wanted[side].append((slab, np.arange(rows.lengths[slab])))
            continue
        differs = np.zeros(one.lengths[left], bool)
        for name in columns:
            if one.mark(name, left) != other.mark(name, right):
                apart.add(name)
                differs |= reader.slab(one, name, left) != reader.slab(other, name, right)
        found = np.flatnonzero(differs)
        wanted[0].append((left, found))
        wanted[1].append((right, found))
    sides = [_Left.of(rows, parts) for rows, parts in zip((one, other), wanted, strict=True)]
    names = [name for name in columns if name in apart]
    hashes = [each.hashes(reader, names) for each in sides]
    rest = [name for name in columns if name not in apart]
    if rest and (maybe := [np.isin(hashes[0], hashes[1]), np.isin(hashes[1], hashes[0])])[0].any():
        # What is equal in the columns that were looked at has to be looked at in the others too.
        for left_over, flags, each in zip(sides, maybe, hashes, strict=True):
            each[flags] = mixed(each[flags] ^ left_over.some(flags).hashes(reader, rest))
    keep = _not_in_both(*hashes)
    sides = [each.some(flags) for each, flags in zip(sides, keep, strict=True)]
    paired = _paired(reader, one, other, sides, columns, names)
    if not (len(sides[0].places) or len(sides[1].places)):
        paired.moved = any(not _same_column(reader, one, other, name) for name in columns)
    return paired


def _without_equal(one: Rows, other: Rows, columns: Sequence[str]) -> tuple[list[int], list[int]]:
    """The slabs that the other side does not have."""
    marks = [
        [tuple(rows.mark(name, slab) for name in columns) for slab in range(len(rows.lengths))]
        for rows in (one, other)
    ]
    both = Counter(marks[0]) & Counter(marks[1])
    left = []
    for side in marks:
        known = Counter(both)
        found = []
        for slab, mark in enumerate(side):
            if known[mark]:
                known[mark] -= 1
            else:
                found.append(slab)
        left.append(found)
    return left[0], left[1]


def _same_column(reader: _Reader, one: Rows, other: Rows, name: str) -> bool:
    """Whether the values are the same and in the same order."""
    if one.lengths == other.lengths:
        return all(
            one.mark(name, slab) == other.mark(name, slab)
            or np.array_equal(reader.slab(one, name, slab), reader.slab(other, name, slab))
            for slab in range(len(one.lengths))
        )
    return np.array_equal(reader.column(one, name), reader.column(other, name))


@dataclass(frozen=True)
class _Left:
    """Rows of a side that are still to be explained."""

    rows: Rows
    slabs: npt.NDArray[np.int64]  # of each row
    order: npt.NDArray[np.int64]  # the how manieth of the slabs that are left this is
    places: _Places  # within the slab

    @classmethod
    def of(cls, rows: Rows, parts: Sequence[tuple[int, _Places]]) -> _Left:
        def joined(values: list[Any]) -> Any:
            return np.concatenate(values) if values else np.empty(0, np.int64)

        return cls(
            rows,
            joined([np.full(len(places), slab) for slab, places in parts]),
            joined([np.full(len(places), order) for order, (_, places) in enumerate(parts)]),
            joined([places for _, places in parts]),
        )

    def some(self, flags: npt.NDArray[Any]) -> _Left:
        return _Left(self.rows, self.slabs[flags], self.order[flags], self.places[flags])

    def hashes(self, reader: _Reader, columns: Sequence[str]) -> Hashes:
        found = np.zeros(len(self.places), np.uint64)
        for name in columns:
            found = mixed(found ^ self.column(reader, name))
        return found

    def column(self, reader: _Reader, name: str) -> Hashes:
        found = np.zeros(len(self.places), np.uint64)
        for slab in np.unique(self.slabs):
            mine = self.slabs == slab
            found[mine] = reader.slab(self.rows, name, int(slab))[self.places[mine]]
        return found

    @property
    def whole(self) -> _Places:
        """Places within the table."""
        starts = np.concatenate([[0], np.cumsum(self.rows.lengths)])
        return np.asarray(starts[self.slabs] + self.places, np.int64)


def _not_in_both(one: Hashes, other: Hashes) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Which rows are left once each has met an equal one, as often as there is one; the last are left."""
    values, codes = np.unique(np.concatenate([one, other]), return_inverse=True)
    codes = codes.reshape(-1)
    sides = (codes[: len(one)], codes[len(one) :])
    both = np.minimum(*(np.bincount(each, minlength=len(values)) for each in sides))
    keep = []
    for each in sides:
        order = np.argsort(each, kind="stable")
        ordered = each[order]
        starts = np.searchsorted(ordered, ordered, side="left")
        flags = np.empty(len(each), bool)
        flags[order] = np.arange(len(each)) - starts >= both[ordered]
        keep.append(flags)
    return keep[0], keep[1]


def _paired(
    reader: _Reader,
    one: Rows,
    other: Rows,
    sides: Sequence[_Left],
    columns: Sequence[str],
    names: Sequence[str],
) -> RowDiff:
    """Of rows left over at the same place in both, those with half of their values equal have changed."""
    where: list[_Places] = [each.order << 32 | each.places for each in sides]
    _, before, after = np.intersect1d(where[0], where[1], assume_unique=True, return_indices=True)
    apart = {}
    for name in names:  # the others are equal wherever rows are at the same place
        apart[name] = sides[0].some(before).column(reader, name) != sides[1].some(after).column(reader, name)
    differ = sum((each.astype(np.int64) for each in apart.values()), np.zeros(len(before), np.int64))
    same = differ * 2 <= len(columns)
    before, after = before[same], after[same]
    found = RowDiff(
        added=len(where[1]) - len(after), removed=len(where[0]) - len(before), changed=len(before)
    )
    found.columns = {name: count for name, flags in apart.items() if (count := int(flags[same].sum()))}
    order = np.argsort(sides[0].whole[before], kind="stable")[:_EXAMPLES]
    _tell(found, one, other, sides[0].whole[before[order]], sides[1].whole[after[order]], columns, ())
    for side, taken, name in ((sides[1], after, "added_rows"), (sides[0], before, "removed_rows")):
        alone = np.ones(len(side.places), bool)
        alone[taken] = False
        setattr(found, name, _values(side.rows, np.sort(side.whole[alone])[:_EXAMPLES], columns))
    return found


# -- reading -----------------------------------------------------------------------------------------------


class _Reader:
    """Fingerprints of columns, of which those that were looked at last are kept."""

    def __init__(self, casts: Casts, on_slab: OnSlab) -> None:
        self._casts = casts
        self._known: dict[object, Hashes] = {}
        self._held = 0
        self._on_slab = on_slab

    def slab(self, rows: Rows, column: str, slab: int) -> Hashes:
        cast = self._casts.get(column)
        mark = rows.mark(column, slab), cast  # columns of the same values have the same place
        found = self._known.pop(mark, None)
        if found is None:
            values = rows.read(column, slab)
            found = hash_column(values if cast is None else in_type(values, cast))
            self._on_slab()
            self._held += len(found)
            while self._known and self._held > _HELD:
                self._held -= len(self._known.pop(next(iter(self._known))))
        self._known[mark] = found  # the last one in the order of the dictionary
        return found

    def column(self, rows: Rows, column: str) -> Hashes:
        return np.concatenate([self.slab(rows, column, slab) for slab in range(len(rows.lengths))])

    def rows(self, rows: Rows, columns: Sequence[str]) -> Hashes:
        found = np.zeros(sum(rows.lengths), np.uint64)
        for name in columns:
            found = mixed(found ^ self.column(rows, name))
        return found


def _same_content(one: Rows, other: Rows, column: str) -> bool:
    return all(one.mark(column, slab) == other.mark(column, slab) for slab in range(len(one.lengths)))


def _tell(
    found: RowDiff,
    one: Rows,
    other: Rows,
    before: _Places,
    after: _Places,
    columns: Sequence[str],
    key: Sequence[str],
) -> None:
    changed = [name for name in columns if name in found.columns]
    keys = _values(other, after, key)
    old, new = _values(one, before, changed), _values(other, after, changed)
    for number, (was, now) in enumerate(zip(before, after, strict=True)):
        values = {
            name: (old[number][name], new[number][name])
            for name in changed
            if not _equal(old[number][name], new[number][name])
        }
        found.changes.append(Changed(int(was), int(now), keys[number], values))


def _values(rows: Rows, places: _Places, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Some rows, as plain values."""
    found: list[dict[str, Any]] = [{} for _ in places]
    if not len(places):
        return found
    ends = np.cumsum(rows.lengths)
    slabs = np.searchsorted(ends, places, side="right")
    for name in columns:
        read: dict[int, Any] = {}
        for number, (slab, place) in enumerate(zip(slabs.tolist(), places.tolist(), strict=True)):
            if slab not in read:
                read = {slab: rows.read(name, slab)}
            scalar = read[slab][place - (int(ends[slab]) - rows.lengths[slab])]
            found[number][name] = shown(scalar) if scalar.is_valid else None
    return found


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are the same to whoever reads them: NaN is NaN, and -0.0 is 0.0."""
    return bool(one == other) or (one != one and other != other) or repr(one) == repr(other)

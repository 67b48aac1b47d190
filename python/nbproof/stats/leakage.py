"""Whether a test set knows something of the training set that it should not.

Rows are compared by 64-bit fingerprints, so that a million against a million takes seconds.  What counts as
nearly the same is told at `check_leakage`; what cannot be told from chance is not reported.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nbproof.core.listing import some_of
from nbproof.core.type_words import retyped_words, type_words
from nbproof.stats.columns import SEVERITIES, Severity
from nbproof.stats.common_types import are_comparable, common_type, in_type
from nbproof.stats.hashing import Hashes, distinct, hash_column, hash_numbers, mixed
from nbproof.stats.profile import plain_column
from nbproof.stats.words import moment, number, percent

__all__ = ["LeakageFinding", "LeakageResult", "UnusableColumn", "check_leakage"]

_Flags = npt.NDArray[np.bool_]

_GROUPS = 24  # of columns, of which one may differ
_HELD = 50_000_000  # fingerprints that are held at once
_GRID = 1000  # parts of a spread that are told apart
_SAMPLE = 100_000
_EXAMPLES = 5
_CHANCE = 0.001  # of the test rows may be found by chance alone; where it is more, nothing is told
_COARSE = 0.5
_NAMED_ID = re.compile(
    r"(^|[_\W])(id|ids|uid|uuid|guid|key|code|e?mail|phone|ssn|iban|account|user|customer|client|patient|member|person"
    r"|subject|device|session|order|household|vin|url)([_\W]|$)|Id$|ID$",
)


class UnusableColumn(ValueError):
    """A column that was asked for can't be looked at.

    Parameters
    ----------
    message : str
    name : str
        Of the column.
    hint : str, optional
        What to do about it.
    """

    def __init__(self, message: str, name: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.name, self.hint = name, hint


@dataclass(frozen=True)
class LeakageFinding:
    """One way in which the test set is not new.

    Parameters
    ----------
    code : str
        duplicate, near_duplicate, one_column_differs, entity, time.
    severity : str
        low, medium (from a thousandth of the test set on), high (from a hundredth).
    rows : int
        How many rows of the test set.
    share : float
        Which part of it.
    sentence, action : str
    columns : tuple of str
        Which columns it is about; none if it is about whole rows.
    guessed : bool
        Whether these columns were guessed.
    examples : tuple of (test row, training row)
        Some pairs, by their places from 0 on.
    """

    code: Literal["duplicate", "near_duplicate", "one_column_differs", "entity", "time"]
    severity: Severity
    rows: int
    share: float
    sentence: str
    action: str
    columns: tuple[str, ...] = ()
    guessed: bool = False
    examples: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class LeakageResult:
    """What a test set shares with the training set.

    Parameters
    ----------
    findings : tuple of LeakageFinding
        The worst first.
    severity : str
        That of the worst.
    sentence : str
        All in one line.
    notes : tuple of str
        What could not be looked at, and why.
    train_rows, test_rows : int
    columns : tuple of str
        What was compared: columns of both, apart from those that number the rows.
    """

    findings: tuple[LeakageFinding, ...]
    severity: Severity
    sentence: str
    notes: tuple[str, ...]
    train_rows: int
    test_rows: int
    columns: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values, for `json.dumps`."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> LeakageResult:
        """From what `to_json` gave."""
        findings = tuple(
            LeakageFinding(
                **{
                    **each,
                    "columns": tuple(each["columns"]),
                    "examples": tuple((one, other) for one, other in each["examples"]),
                }
            )
            for each in found["findings"]
        )
        lists = {name: tuple(found[name]) for name in ("notes", "columns")}
        return cls(**{**found, **lists, "findings": findings})


@dataclass
class _Column:
    """A column that both have; it keeps fingerprints only as long as they are needed."""

    name: str
    train: Any
    test: Any
    numbers: bool
    hashes: tuple[Hashes, Hashes]
    distinct: int  # of the training set
    repeats: float  # how likely two of its rows have the same value
    numbering: bool = False
    rounded: tuple[Hashes, Hashes] | None = None
    rounded_repeats: float = 1.0


class _Rows:
    """Sums of fingerprints over columns: of the values, and of the rounded values for each group of columns.

    What is held does not grow with the number of columns.
    """

    def __init__(self, rows: tuple[int, int], groups: int) -> None:
        self.rows = rows
        self.exact = (np.zeros(rows[0], np.uint64), np.zeros(rows[1], np.uint64))
        self.groups: list[tuple[Hashes, Hashes] | None] = [None] * groups
        self.names: list[list[str]] = [[] for _ in range(groups)]
        self.repeats = 1.0
        self.group_repeats = [1.0] * groups

    def add(self, group: int, column: _Column) -> None:
        """Add a column, whose fingerprints are those of its place already."""
        assert column.rounded is not None, "it was looked at"
        for side in (0, 1):
            self.exact[side][:] += column.hashes[side]
        held = self.groups[group]
        if held is None:
            held = self.groups[group] = (np.zeros_like(self.exact[0]), np.zeros_like(self.exact[1]))
        for side in (0, 1):
            held[side][:] += column.rounded[side]
        self.names[group].append(column.name)
        self.repeats *= column.repeats
        self.group_repeats[group] *= column.rounded_repeats

    def rounded(self) -> tuple[Hashes, Hashes]:
        """The sums over all groups."""
        found = (np.zeros_like(self.exact[0]), np.zeros_like(self.exact[1]))
        for held in self.groups:
            if held is not None:
                found[0][:] += held[0]
                found[1][:] += held[1]
        return found


def check_leakage(
    train: Any,
    test: Any,
    *,
    entity: str | Sequence[str] | None = None,
    time: str | None = None,
    threads: int = 2,
    progress: Callable[[float], object] | None = None,
) -> LeakageResult:
    """Look for rows, entities and times that a test set shares with the training set.

    Parameters
    ----------
    train, test : pyarrow.Table
        Columns of the same name are compared.
    entity : str or sequence of str, optional
        The columns that say whom or what a row is about, each by itself.  Without it they are guessed: texts
        and integers that are named like identifiers and have many values, and texts of which most come once.
    time : str, optional
        The column that says when.  Without it every column of dates and times is looked at.
    threads : int
        How many columns are looked at together.
    progress : callable, optional
        Told the share of the columns that were looked at; what it raises ends the check.

    Returns
    -------
    LeakageResult
        duplicate
            The row is in the training set: all values are equal.
        near_duplicate
            So it is once numbers are rounded to a thousandth of their column's spread (between the 5 % and
            95 % quantiles), and texts are compared by their letters and digits alone, in lower case.
        one_column_differs
            So it is but for one column.  With more than 24 columns it is one group of neighbouring columns.
        entity, time
            Shared entities; a test set that is not behind the training set in time.

        Rows that have too few possible values are not compared: there equal ones are expected by chance.

    Raises
    ------
    UnusableColumn
        If `entity` or `time` is no column of both, or of types that have nothing in common; or if `time`
        holds neither times nor numbers.

    Examples
    --------
    >>> import pyarrow as pa
    >>> train = pa.table({"user": ["ann", "bob", "eve"], "spent": [10.25, 3.5, 99.0]})
    >>> test = pa.table({"user": ["bob", "joe"], "spent": [3.5, 7.75]})
    >>> check_leakage(train, test, entity="user").sentence
    '50.0 % of the test rows are in the training set; 50.0 % share their user with it.'
    """
    wanted = [entity] if isinstance(entity, str) else list(entity or ())
    names = _common(train, test)
    types = {name: (train.schema.field(name).type, test.schema.field(name).type) for name in names}
    for name in [*wanted, *([time] if time else ())]:
        _check_asked(name, types, is_time=name == time)
    apart = [name for name, pair in types.items() if not are_comparable(*pair)]
    names = [name for name in names if name not in apart]
    notes: list[str] = []
    if apart:
        notes.append(f"not compared, because their types have nothing in common: {some_of(apart)}")
    rows = (train.num_rows, test.num_rows)
    if not all(rows) or not names:
        none = "No columns that can be compared." if apart else "No columns that both tables have."
        what = "No rows to compare." if names else none
        return LeakageResult((), "none", what, tuple(notes), rows[0], rows[1], tuple(names))
    count = max(min(len(names), _GROUPS, _HELD // max(sum(rows), 1)), 2)
    sums = _Rows(rows, count)
    findings: list[LeakageFinding] = []
    threads = max(threads, 1)
    with ThreadPoolExecutor(threads, "nbproof-leakage") as pool:
        for start in range(0, len(names), 4 * threads):
            places = range(start, min(start + 4 * threads, len(names)))

            def looked_at(place: int) -> tuple[_Column, list[LeakageFinding], list[str]]:
                name = names[place]
                return _looked_at(name, train.column(name), test.column(name), rows, wanted, time, place)

            for place, (column, found, told) in zip(places, pool.map(looked_at, places), strict=True):
                findings += found
                notes += told
                if not column.numbering:
                    sums.add(place * count // len(names), column)
                if progress is not None:
                    progress((place + 1) / len(names))
        compared = [name for group in sums.names for name in group]
        if compared:
            findings = [*_rows_in_common(sums, notes, pool.map), *findings]
    findings.sort(key=lambda found: (-SEVERITIES.index(found.severity), -found.share))
    return LeakageResult(
        tuple(findings),
        findings[0].severity if findings else "none",
        _summary(findings),
        tuple(notes),
        rows[0],
        rows[1],
        tuple(compared),
    )


def _check_asked(name: str, types: Mapping[str, tuple[Any, Any]], *, is_time: bool) -> None:
    import pyarrow.types as t

    if name not in types:
        raise UnusableColumn(
            f"no column {name!r} that both tables have once; they share: {', '.join(types) or 'none'}", name
        )
    if not are_comparable(*types[name]):
        one, other = retyped_words(*map(str, types[name]))
        raise UnusableColumn(
            f"{name!r} is {one} in the training set and {other} in the test set: no values are equal",
            name,
            "convert one of both",
        )
    for kind in types[name] if is_time else ():
        if not (t.is_timestamp(kind) or t.is_date(kind) or t.is_integer(kind) or t.is_floating(kind)):
            told = type_words(str(kind))
            raise UnusableColumn(
                f"{name!r} holds {told}, neither times nor numbers: nothing can be later by it",
                name,
                "convert it to times, or name another column",
            )


def _common(train: Any, test: Any) -> list[str]:
    once = [
        {name for name, count in Counter(table.schema.names).items() if count == 1} for table in (train, test)
    ]
    return [name for name in train.schema.names if name in once[0] and name in once[1]]


def _looked_at(
    name: str,
    train: Any,
    test: Any,
    rows: tuple[int, int],
    wanted: Sequence[str],
    time: str | None,
    place: int,
) -> tuple[_Column, list[LeakageFinding], list[str]]:
    """Everything about one column: its own findings, and its part of the fingerprints of rows."""
    column = _column(name, train, test)
    notes: list[str] = []
    findings: list[LeakageFinding] = []
    column.numbering = _numbers_rows(column, *rows)
    if name in wanted or (not wanted and _is_entity(column, rows[0])):
        findings += _shared(column, rows, guessed=not wanted, notes=notes)
    if name == time or (time is None and _is_time(column)):
        findings += _overlap(column, guessed=time is None)
    if not column.numbering:
        rounded, column.rounded_repeats = _rounded(column)
        plain = _placed(column.hashes, place)
        column.rounded = plain if rounded is column.hashes else _placed(rounded, place)
        column.hashes = plain
    column.train = column.test = None
    return column, findings, notes


def _column(name: str, train: Any, test: Any) -> _Column:
    import pyarrow.types as t

    train, test = (_coded(plain_column(each)) for each in (train, test))
    kinds = train.type, test.type
    numbers = all(t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind) for kind in kinds)
    if (kind := common_type(*kinds)) is not None:
        train, test = in_type(train, kind), in_type(test, kind)
    hashes = hash_column(train), hash_column(test)
    return _Column(name, train, test, numbers, hashes, *_repeats(hashes[0]))


def _values(column: Any) -> Any:
    """The type of its values, be they written once a row or once."""
    import pyarrow.types as t

    return column.type.value_type if t.is_dictionary(column.type) else column.type


def _coded(column: Any) -> Any:
    """Texts that come often are written once: what is done with each value is then done once."""
    import pyarrow.types as t

    if not (t.is_string(column.type) or t.is_large_string(column.type)):
        return column
    start = column.slice(0, _SAMPLE // 10)
    return column.dictionary_encode() if len(start.unique()) < len(start) / 2 else column


def _repeats(hashes: Hashes) -> tuple[int, float]:
    """How many different values there are, and how likely two different rows have the same."""
    ordered = np.sort(hashes)
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1).astype(np.float64)
    counts = np.diff(ends, prepend=-1.0)
    rows = len(hashes)
    return len(counts), float(counts @ (counts - 1)) / (rows * (rows - 1)) if rows > 1 else 1.0


def _numbers_rows(column: _Column, train: int, test: int) -> bool:
    """A value of its own for each row, as keys and indexes have; a measurement may have that, too."""
    import pyarrow.types as t

    kind = _values(column.train)
    if column.distinct < train or not (t.is_integer(kind) or t.is_string(kind) or t.is_large_string(kind)):
        return False
    if len(distinct(column.hashes[1])) < test:
        return False
    if t.is_integer(kind):
        running = _consecutive(column.train) and _consecutive(column.test)
        return running or bool(_NAMED_ID.search(column.name))
    return bool(_NAMED_ID.search(column.name))


def _begins_anew(column: _Column) -> bool:
    import pyarrow.compute as pc

    if not (_consecutive(column.train) and _consecutive(column.test)):
        return False
    return bool(pc.min(column.train) == pc.min(column.test))


def _consecutive(values: Any) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_integer(values.type):  # the other table's column of that name may be anything
        return False
    ends = pc.min_max(values).as_py()
    return ends["min"] is not None and ends["max"] - ends["min"] == len(values) - 1 and len(values) > 1


# ----------------------------------------------------------------------------------------------------- rows


def _rows_in_common(
    sums: _Rows, notes: list[str], each: Callable[..., Iterable[Any]]
) -> list[LeakageFinding]:
    findings = []
    expected = sums.rows[0] * sums.repeats
    if expected > _CHANCE:
        notes.append(
            "Rows were not compared: they have so few possible values that "
            f"{percent(min(expected, 1.0))} of them are expected to be equal to others by chance."
        )
        return []
    same = _among(sums.exact[1], sums.exact[0])
    if same.any():
        findings.append(
            _finding(
                "duplicate",
                same,
                sums.exact,
                "of the test rows are in the training set",
                "Drop them from the test set, or split anew after dropping duplicates.",
            )
        )
    if sums.rows[0] * math.prod(sums.group_repeats) > _CHANCE:
        notes.append("Nearly equal rows were not looked for: rounded, rows are equal by chance.")
        return findings
    rounded = sums.rounded()
    near = _among(rounded[1], rounded[0]) & ~same
    if near.any():
        findings.append(
            _finding(
                "near_duplicate",
                near,
                rounded,
                "of the test rows are nearly in the training set: equal once numbers are rounded and texts "
                "simplified",
                "Look at some of the pairs; if they are the same cases, split by what they have in common.",
            )
        )
    if sum(map(len, sums.names)) < 3:
        return findings
    differing, most = _one_differs(sums, rounded, same | near, each)
    if differing.any():
        findings.append(
            _finding(
                "one_column_differs",
                differing,
                None,
                f"of the test rows are in the training set but for "
                f"{'one column' if len(most) == 1 else 'a few columns'}, mostly {', '.join(most[:3])}",
                "Look at some of them; the same case measured twice belongs on one side of the split.",
                most,
            )
        )
    return findings


def _placed(hashes: tuple[Hashes, Hashes], place: int) -> tuple[Hashes, Hashes]:
    """The same value is something else in another column; sums of these can lose one column again."""
    own = mixed(np.full(1, place, np.uint64))
    return mixed(hashes[0] ^ own), mixed(hashes[1] ^ own)


def _rounded(column: _Column) -> tuple[tuple[Hashes, Hashes], float]:
    """Fingerprints of values without what makes no difference, and how likely two of them are equal."""
    import pyarrow.types as t

    kinds = _values(column.train), _values(column.test)
    if column.numbers and column.distinct > 50:
        hashes = _on_a_grid(column)
    elif all(t.is_string(kind) or t.is_large_string(kind) for kind in kinds):
        hashes = _simplified(column.train), _simplified(column.test)
    else:
        return column.hashes, column.repeats
    return hashes, _repeats(hashes[0])[1]


def _on_a_grid(column: _Column) -> tuple[Hashes, Hashes]:
    import pyarrow as pa

    train, test = (
        each.cast(pa.float64(), safe=False).to_numpy().astype(np.float64, copy=False)
        for each in (column.train, column.test)
    )
    sample = train[:: max(len(train) // _SAMPLE, 1)]
    sample = np.sort(sample[np.isfinite(sample)])
    if not len(sample):
        return column.hashes
    spread = sample[int(0.95 * (len(sample) - 1))] - sample[int(0.05 * (len(sample) - 1))]
    if not spread > 0 or not math.isfinite(spread):
        return column.hashes
    with np.errstate(invalid="ignore", over="ignore"):
        one, other = (hash_numbers(np.rint(values / (spread / _GRID))) for values in (train, test))
    return one, other


def _simplified(texts: Any) -> Hashes:
    """By letters and digits alone; each different text is looked at once."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    coded = texts if t.is_dictionary(texts.type) else texts.dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.unify_dictionaries().combine_chunks()
    if isinstance(coded, pa.ChunkedArray):  # of no chunk, in older releases
        return hash_column(texts)
    plain = pc.utf8_lower(pc.utf8_normalize(coded.dictionary, form="NFKC"))
    plain = pc.replace_substring_regex(plain, pattern=r"[^\pL\pN]+", replacement="")
    return hash_column(pa.DictionaryArray.from_arrays(coded.indices, plain))


def _one_differs(
    sums: _Rows, rounded: tuple[Hashes, Hashes], known: _Flags, each: Callable[..., Iterable[Any]]
) -> tuple[_Flags, tuple[str, ...]]:
    """Rows whose fingerprint is in the training set without a group of columns, and the commonest group."""

    def without(group: int) -> _Flags | None:
        held = sums.groups[group]
        others = [repeats for place, repeats in enumerate(sums.group_repeats) if place != group]
        expected = sums.rows[0] * math.prod(others)
        if held is None or expected > _CHANCE:
            return None
        train, test = rounded[0] - held[0], rounded[1] - held[1]
        found = _among(test, train) & ~known
        by_chance = expected * sums.rows[1]
        if np.count_nonzero(found) <= 2 * by_chance + 4 * math.sqrt(by_chance):
            return None
        # Columns that go together make rows less different than they look: then the training set, too,
        # has many that are alike.
        ordered = np.sort(train)
        alike = np.count_nonzero(ordered[1:] == ordered[:-1]) / len(ordered)
        return None if alike > _COARSE else found

    found = np.zeros(sums.rows[1], bool)
    most, best = 0, 0
    for group, flags in enumerate(each(without, range(len(sums.groups)))):
        if flags is None:
            continue
        found |= flags
        if (count := int(np.count_nonzero(flags))) > most:
            most, best = count, group
    return found, tuple(sums.names[best])


def _among(wanted: Hashes, known: Hashes) -> _Flags:
    """Which fingerprints are known; a table of bits sorts out most that are not."""
    bits = np.uint64(64 - min(max(int(math.log2(max(len(known), 1))) + 4, 10), 27))
    seen = np.zeros(1 << (64 - int(bits)), bool)
    seen[known >> bits] = True
    maybe = np.flatnonzero(seen[wanted >> bits])
    found = np.zeros(len(wanted), bool)
    if len(maybe):
        ordered = np.sort(known)
        places = np.searchsorted(ordered, wanted[maybe])
        places[places == len(ordered)] = 0
        found[maybe] = ordered[places] == wanted[maybe]
    return found


def _finding(
    code: Any,
    rows: _Flags,
    keys: tuple[Hashes, ...] | None,
    what: str,
    action: str,
    columns: tuple[str, ...] = (),
) -> LeakageFinding:
    count = int(np.count_nonzero(rows))
    share = count / len(rows)
    examples: list[tuple[int, int]] = []
    if keys is not None:
        for row in np.flatnonzero(rows)[:_EXAMPLES]:
            examples.append((int(row), int(np.flatnonzero(keys[0] == keys[1][row])[0])))
    return LeakageFinding(
        code,
        _graded(share),
        count,
        share,
        f"{percent(share)} {what} ({count:,}).",
        action,
        columns,
        examples=tuple(examples),
    )


def _graded(share: float) -> Severity:
    return "high" if share >= 0.01 else "medium" if share >= 0.001 else "low"


# ----------------------------------------------------------------------------------------- entities and time


def _is_entity(column: _Column, rows: int) -> bool:
    """Whether a column seems to say whom or what a row is about."""
    import pyarrow.types as t

    kind = _values(column.train)
    texts = t.is_string(kind) or t.is_large_string(kind) or t.is_binary(kind) or t.is_fixed_size_binary(kind)
    if not texts and not t.is_integer(kind):
        return False
    if _NAMED_ID.search(column.name) and column.distinct >= max(0.02 * rows, 2):
        return True
    return bool(texts and column.distinct >= 0.5 * rows > 5)


def _shared(
    column: _Column, rows: tuple[int, int], *, guessed: bool, notes: list[str]
) -> list[LeakageFinding]:
    import pyarrow.types as t

    known = column.train.is_valid().to_numpy(zero_copy_only=False) if column.train.null_count else slice(None)
    shared = _among(column.hashes[1], column.hashes[0][known])
    if column.test.null_count:
        shared &= column.test.is_valid().to_numpy(zero_copy_only=False)
    count = int(np.count_nonzero(shared))
    if not count:
        return []
    # Only where nobody said what the column is: numbers that begin anew in each table name rows, not things.
    if guessed and column.numbering and t.is_integer(column.train.type) and _begins_anew(column):
        notes.append(f"{column.name} numbers the rows of each table anew, so it says nothing.")
        return []
    share = count / rows[1]
    entities = len(distinct(column.hashes[1][shared]))
    every = len(distinct(column.hashes[1]))
    examples = [
        (int(row), int(np.flatnonzero(column.hashes[0] == column.hashes[1][row])[0]))
        for row in np.flatnonzero(shared)[:_EXAMPLES]
    ]
    return [
        LeakageFinding(
            "entity",
            _graded(share),
            count,
            share,
            f"{entities:,} of {every:,} values of {column.name} in the test set are in the training set too: "
            f"{percent(share)} of its rows{' (guessed to be an identifier)' if guessed else ''}.",
            f"Split by {column.name}, so that each is on one side only.",
            (column.name,),
            guessed,
            tuple(examples),
        )
    ]


def _is_time(column: _Column) -> bool:
    import pyarrow.types as t

    return all(t.is_timestamp(each.type) or t.is_date(each.type) for each in (column.train, column.test))


def _overlap(column: _Column, *, guessed: bool) -> list[LeakageFinding]:
    import pyarrow.compute as pc

    train, test = column.train.drop_null(), column.test.drop_null()
    if not len(train) or not len(test):
        return []
    last, first = pc.max(train), pc.min(test)
    early = int(pc.sum(pc.less_equal(test, last.cast(test.type))).as_py() or 0)
    late = int(pc.sum(pc.greater_equal(train, first.cast(train.type))).as_py() or 0)
    if not early or not late:
        return []
    share, other = early / len(column.test), late / len(column.train)
    mingled = min(share, other) > 0.9
    told = f"{percent(share)} of the test rows are not later by {column.name} than the last training row"
    if mingled:
        # A split by chance is no mistake, unless the future is to be foretold.
        sentence = f"{told}: both cover the same time."
        action = "If the model is to tell the future, split by time; else this is as it should be."
        severity: Severity = "low" if guessed else "high"
    else:
        sentence = (
            f"{told} ({_when(last)}), and {percent(other)} of the training rows are not earlier than the "
            f"first test row ({_when(first)})."
        )
        action = "The split was by time, it seems, and is not clean: cut both at one moment."
        severity = _graded(max(share, other))
    return [LeakageFinding("time", severity, early, share, sentence, action, (column.name,), guessed)]


def _when(scalar: Any) -> str:
    import pyarrow.types as t

    timed = t.is_timestamp(scalar.type) or t.is_date(scalar.type)
    return moment(scalar) if timed else number(scalar.as_py())


def _summary(findings: list[LeakageFinding]) -> str:
    if not findings:
        return "The test set shares no rows, entities or times with the training set."
    first, *others = findings
    begun = f"{percent(first.share)} of the test rows {_words(first, 'the training set')}"
    return "; ".join([begun, *(f"{percent(each.share)} {_words(each)}" for each in others)]) + "."


def _words(found: LeakageFinding, training: str | None = None) -> str:
    """What is so of a part of the test rows; without a name for the training set one stands before."""
    it = training or "it"
    if found.code == "entity":
        return f"share their {found.columns[0]} with {it}{' (guessed)' if found.guessed else ''}"
    if found.code == "time":
        return f"are not later than {it} by {found.columns[0]}"
    if found.code == "duplicate":
        return "are in the training set"
    if found.code == "near_duplicate":
        return f"are nearly in {it}" if training else "nearly so"
    return f"are in {it} but for one column" if training else "but for one column"

"""Statistics of columns where their rows are: a plan that is told to each engine in its own SQL.

The plan is columns by statistics.  It becomes a handful of statements of at most a hundred columns each, and
one or two for each column that count its different values; only aggregates come back.  sqlglot writes them
for the engine, and quotes every name.  See docs/explanation/engines.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

__all__ = [
    "STATISTICS",
    "Column",
    "ColumnFigures",
    "Engine",
    "Form",
    "ProfilePlan",
    "Statistic",
    "gather",
    "is_number",
    "quoted",
]

Form: TypeAlias = Literal[
    "integer",
    "float",
    "decimal",
    "date",
    "timestamp",
    "nanoseconds",
    "time",
    "duration",
    "boolean",
    "text",
    "bytes",
    "list",
    "nested",
    "null",
]
Statistic: TypeAlias = Literal["moments", "values", "lengths"]
STATISTICS: tuple[Statistic, ...] = ("moments", "values", "lengths")

POINTS = 1001  # at most, of a distribution function
TOP = 1000  # most frequent values
EXACT_ROWS = 1 << 22  # up to here quantiles and numbers of different values are exact in every engine
_COLUMNS = 100  # in one statement
_LONG = 4096  # characters; of a longer text only the start comes back
_FEW = 200_000  # different values that are cheap to count
_SAMPLE = 200_000  # rows, to choose points of a long column's distribution by
_SAFE = 1 << 53  # integers up to here are floats too
_NUMBERS = ("integer", "float", "decimal")
_TIMES = ("date", "timestamp", "nanoseconds", "time", "duration")


class Engine(Protocol):
    """What runs a plan: DuckDB, PostgreSQL, and any other that speaks a dialect of sqlglot's.

    Attributes
    ----------
    dialect : str
        The name that sqlglot has for its SQL.
    table : tuple of str
        The table's name, after its schema's if there is one.
    columns : tuple of Column
    """

    @property
    def dialect(self) -> str: ...  # noqa: D102

    @property
    def table(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def columns(self) -> tuple[Column, ...]: ...  # noqa: D102

    def run(self, sql: str) -> Sequence[Sequence[Any]]:
        """The rows that a statement gives, in Python's types."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an engine's table.

    Parameters
    ----------
    name : str
    form : str
        What may be asked of its values.
    type : str
        Arrow's name of the type.
    sql_name : str, optional
        Its name in the engine, where that differs.
    """

    name: str
    form: Form
    type: str
    sql_name: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnFigures:
    """What an engine says of a column, in plain values; `nbproof.stats` makes a profile of it.

    Parameters
    ----------
    column : Column
    rows, missing, nans, infinities, zeros : int
    minimum, maximum, mean, m2 : number or None
        Of finite numbers; of times, in microseconds.
    distinct : int
        NaN and null are no values.
    distinct_exact : bool
    points : tuple of (value, below, upto)
        The distribution function: how many finite values are smaller than a value, and how many no larger.
    complete : bool
        Whether `points` has every value.
    top : tuple of (value, digest, count)
        Of what is no number, and of numbers that floats cannot hold.  The digest is the MD5 of a long text,
        of which the value is the start.
    lengths : ColumnFigures or None
        Of texts, bytes and lists.
    """

    column: Column
    rows: int
    missing: int
    nans: int = 0
    infinities: int = 0
    zeros: int = 0
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    m2: float | None = None
    distinct: int = 0
    distinct_exact: bool = True
    points: tuple[tuple[float, int, int], ...] = ()
    complete: bool = True
    top: tuple[tuple[Any, str | None, int], ...] = ()
    lengths: ColumnFigures | None = None

    @property
    def count(self) -> int:
        """Rows with a value: neither null nor NaN nor infinite."""
        return self.rows - self.missing - self.nans - self.infinities


# ---------------------------------------------------------------------------------------------- statements

# Aliases must not be looked up among the columns of the source: there they may be anything.  So whatever
# reads the source groups by a place, and names of ours are used one level further out.
_VALUES = """
WITH counted (v, n) AS (SELECT :value, COUNT(*) FROM source WHERE :held GROUP BY 1),
ranked AS (
    SELECT v, n, CAST(SUM(n) OVER (ORDER BY v ROWS UNBOUNDED PRECEDING) AS BIGINT) AS upto,
           COUNT(*) OVER () AS points
    FROM counted
)
SELECT v, n, upto, points FROM ranked WHERE :kept ORDER BY v
"""
_TOP = """
WITH counted (v, n) AS (SELECT :value, COUNT(*) FROM source WHERE :held GROUP BY 1),
most AS (SELECT v, n, COUNT(*) OVER () AS points FROM counted ORDER BY n DESC, v LIMIT 1000)
SELECT :shown, :digest, n, points FROM most
"""


class ProfilePlan:
    """The statements that tell statistics of columns, in an engine's SQL.

    Parameters
    ----------
    table : sequence of str
        The table's name, after its schema's.
    columns : sequence of Column
    statistics : collection of {"moments", "values", "lengths"}
        Counts of rows, nulls, NaN, zeros, minimum and maximum are always among them.
    dialect : str
        One of sqlglot's.

    Examples
    --------
    >>> plan = ProfilePlan(["sales"], [Column("price", "float", "double")], dialect="duckdb")
    >>> plan.counts(plan.columns).partition(",")[0]
    'SELECT COUNT(*)'
    """

    def __init__(
        self,
        table: Sequence[str],
        columns: Iterable[Column],
        statistics: Iterable[Statistic] = STATISTICS,
        dialect: str = "duckdb",
    ) -> None:
        self.table, self.columns, self.dialect = tuple(table), tuple(columns), dialect
        self.statistics = frozenset(statistics)
        if unknown := sorted(self.statistics.difference(STATISTICS)):
            raise ValueError(
                f"there is no statistic {unknown[0]!r} of columns: expected some of {', '.join(STATISTICS)}"
            )

    @property
    def estimates(self) -> bool:
        """Whether the engine can look at a sample, and estimate numbers of different values."""
        return self.dialect == "duckdb"

    def counts(self, columns: Sequence[Column]) -> str:
        """Rows; and of each column: how many are not null, NaN, infinite, minus infinite and zero; minimum,
        maximum, and about how many different ones there are.

        Always eight figures a column; those that make no sense are null.
        """
        sql = _sql()
        found = [sql.func("COUNT", sql.Star())]
        for each in columns:
            column, number = self._column(each), is_number(each)
            value, held = self._value(each), self._held(each)
            floats = each.form in ("float", "decimal")
            infinite = [value.eq(_float(sign * math.inf)) for sign in (1, -1)]
            if calendar := self._has_infinite_days(each):
                epoch = sql.cast(sql.Literal.string("1970-01-01"), "date")
                infinite = [sql.and_(sql.not_(held), side) for side in (column > epoch, column < epoch)]
            found += [
                sql.func("COUNT", column),
                _count(value.eq(_float(math.nan))) if floats else sql.null(),
                *(_count(side) if floats or calendar else sql.null() for side in infinite),
                _count(sql.and_(held, value.eq(0))) if number else sql.null(),
                *(sql.func(name, _case(held, value)) if number else sql.null() for name in ("MIN", "MAX")),
                sql.func("APPROX_COUNT_DISTINCT", column, dialect="duckdb")
                if self.estimates and number
                else sql.null(),
            ]
        return self._text(sql.select(*found).from_(self._source()))

    def values(self, column: Column, count: int, *, rounded: bool = False) -> str:
        """The distribution function of a column of numbers or times, or of the lengths of texts.

        Parameters
        ----------
        column : Column
        count : int
            Of finite values.  Where more than a thousand differ, those at a thousand quantiles are told.
        rounded : bool
            Whether large integers become floats first, and may coincide.
        """
        sql = _sql()
        kept = sql.or_(sql.column("points") <= POINTS, *_at_ranks(count)) if count > POINTS else sql.true()
        value = sql.cast(self._value(column), "double") if rounded else self._value(column)
        return self._filled(_VALUES, column, value=value, kept=kept)

    def top(self, column: Column) -> str:
        """The most frequent values, and how many different ones there are."""
        sql = _sql()
        number = is_number(column)
        value: Any = self._value(column) if number else self._column(column)
        shown: Any = sql.column("v")
        digest: Any = sql.null()
        if column.form == "text":
            value = sql.cast(value, "text")
            if self.dialect == "postgres":
                # Bytes are compared, as everywhere else, and not what some language holds to be equal.
                value = sql.Collate(this=value, expression=sql.to_identifier("C", quoted=True))
            digest = _case(sql.func("LENGTH", shown) > _LONG, sql.func("MD5", shown))
            shown = sql.func("SUBSTRING", shown, sql.Literal.number(1), sql.Literal.number(_LONG))
        elif column.form == "bytes":
            digest = _case(_octets(shown) > _LONG, sql.Anonymous(this="MD5", expressions=[shown]))
            if self.dialect == "postgres":
                coded = [shown, sql.Literal.string("hex")]
                shown = sql.Anonymous(this="ENCODE", expressions=coded)
            else:
                shown = sql.func("LOWER", sql.Anonymous(this="HEX", expressions=[shown]))
            shown = sql.func("SUBSTRING", shown, sql.Literal.number(1), sql.Literal.number(2 * _LONG))
        return self._filled(_TOP, column, value=value, shown=shown, digest=digest)

    def distinct(self, column: Column) -> str:
        """How many different values there are."""
        sql = _sql()
        value: Any = self._column(column)
        if column.form in ("list", "nested") and self.dialect != "duckdb":
            value = sql.cast(value, "text")  # not every type has equality
        counted = sql.Count(this=sql.Distinct(expressions=[value]))
        return self._text(sql.select(counted).from_(self._source()))

    def sums(self, columns: Sequence[tuple[Column, float]]) -> str:
        """The sum of each column's values, divided by a power of two that keeps it finite."""
        sql = _sql()
        found = [sql.func("SUM", self._scaled(column, scale)) for column, scale in columns]
        return self._text(sql.select(*found).from_(self._source()))

    def deviations(self, columns: Sequence[tuple[Column, float, float]]) -> str:
        """The sums of deviations from what is nearly the mean, and of their squares, of scaled values."""
        sql = _sql()
        inner = [
            sql.alias_(self._scaled(column, scale) - _float(mean / scale), f"d{place}")
            for place, (column, scale, mean) in enumerate(columns)
        ]
        found = []
        for place in range(len(columns)):
            apart = sql.column(f"d{place}")
            # PostgreSQL holds it for an error when a product is too small to be told from zero.
            large = sql.func("ABS", apart.copy()) > _float(1e-150)
            found += [sql.func("SUM", apart), sql.func("SUM", _case(large, apart * apart.copy()))]
        return self._text(sql.select(*found).from_(sql.select(*inner).from_(self._source()).subquery("s")))

    def sample(self, columns: Sequence[Column], rows: int) -> str:
        """Quantiles of a sample of rows: where a distribution is worth to be known (DuckDB only)."""
        sql = _sql()
        shares = [rank / (_SAMPLE - 1) for rank in _ranks(_SAMPLE)]
        found = [
            sql.Anonymous(
                this="QUANTILE_DISC",
                expressions=[_case(self._held(each), self._value(each)), _floats(shares)],
            )
            for each in columns
        ]
        sample = sql.TableSample(
            method=sql.var("BERNOULLI"),
            percent=sql.Literal.number(repr(min(100 * _SAMPLE / rows, 100.0))),
            seed=sql.Literal.number(1),
        )
        source = self._source()
        source.set("sample", sample)
        return self._text(sql.select(*found).from_(source))

    def histogram(self, columns: Sequence[tuple[Column, Sequence[float]]]) -> str:
        """How many values lie up to each bound and above the one before (DuckDB only)."""
        sql = _sql()
        found = [
            sql.Anonymous(
                this="HISTOGRAM",
                expressions=[
                    _case(self._held(column), sql.cast(self._value(column), "double")),
                    _floats(bounds),
                ],
            )
            for column, bounds in columns
        ]
        return self._text(sql.select(*found).from_(self._source()))

    # ------------------------------------------------------------------------------------------- expressions

    def _source(self) -> Any:
        return quoted(self.table)

    def _column(self, column: Column) -> Any:
        return _sql().column(column.sql_name or column.name, quoted=True)

    def _has_infinite_days(self, column: Column) -> bool:
        return column.form in ("date", "timestamp") and self.dialect in ("duckdb", "postgres")

    def _value(self, column: Column) -> Any:
        """The number that a value is or has: an integer or a float."""
        sql, value = _sql(), self._column(column)
        if column.form in ("float", "decimal"):
            return sql.cast(value, "double")
        if column.form == "text":
            return sql.func("LENGTH", sql.cast(value, "text"))
        if column.form == "bytes":
            return _octets(value)
        if column.form == "list":
            name = "LEN" if self.dialect == "duckdb" else "CARDINALITY"
            return sql.Anonymous(this=name, expressions=[value])
        if column.form not in _TIMES:
            return value
        if self.dialect == "duckdb" and column.form == "nanoseconds":
            # Rounded down, as everywhere; a division would round towards zero.
            exact = sql.Anonymous(this="EPOCH_NS", expressions=[value])
            rest = sql.paren(sql.paren(exact.copy() % 1000) + 1000) % 1000
            return sql.IntDiv(this=sql.paren(exact - sql.paren(rest)), expression=sql.Literal.number(1000))
        if self.dialect == "duckdb":
            return sql.Anonymous(this="EPOCH_US", expressions=[value])
        if self.dialect == "postgres":
            seconds = sql.Extract(this=sql.var("EPOCH"), expression=value)
            return sql.cast(seconds * sql.Literal.number(1_000_000), "bigint")
        return sql.Anonymous(this="UNIX_MICROS", expressions=[sql.cast(value, "timestamp")])

    def _held(self, column: Column) -> Any:
        """Whether there is a value, and it is finite."""
        sql = _sql()
        if column.form in ("float", "decimal"):
            value = self._value(column)
            # NaN is the largest number to each of these engines.
            return sql.and_(value > _float(-math.inf), value.copy() < _float(math.inf))
        if self._has_infinite_days(column):
            return sql.Anonymous(this="ISFINITE", expressions=[self._column(column)])
        return sql.not_(self._column(column).is_(sql.null()))

    def _scaled(self, column: Column, scale: float) -> Any:
        sql = _sql()
        value, held = sql.cast(self._value(column), "double"), self._held(column)
        if scale == 1.0:
            return _case(held, value)
        small = sql.func("ABS", value.copy()) <= _float(scale * 1e-200)
        return (
            sql.Case()
            .when(sql.and_(held, small), _float(0.0))
            .when(held.copy(), sql.Div(this=value, expression=_float(scale), typed=True))
        )

    def _filled(self, template: str, column: Column, **parts: Any) -> str:
        sql = _sql()
        statement = sql.replace_placeholders(_parsed(template), held=self._held(column), **parts)
        for table in list(statement.find_all(sql.Table)):
            if table.name == "source" and not table.db:
                table.replace(self._source())
        return self._text(statement)

    def _text(self, statement: Any) -> str:
        text: str = statement.sql(dialect=self.dialect, identify=True)
        return text


def is_number(column: Column) -> bool:
    """Whether the values are numbers, or times, which are counted in microseconds."""
    return column.form in _NUMBERS or column.form in _TIMES


def quoted(table: Sequence[str]) -> Any:
    """A table as sqlglot has it: its name, after its schema's and catalog's."""
    *place, name = table
    db, catalog = [*reversed(place), None, None][:2]
    return _sql().table_(name, db=db, catalog=catalog, quoted=True)


def _sql() -> Any:
    from sqlglot import exp

    return exp


@cache
def _parsed(template: str) -> Any:
    from sqlglot import parse_one

    return parse_one(template)


def _float(value: float) -> Any:
    """A float as it is: written as a number it would be a decimal to some."""
    name = (
        "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity" if math.isinf(value) else None
    )
    return _sql().cast(_sql().Literal.string(name or repr(value)), "double")


def _floats(values: Iterable[float]) -> Any:
    """Many of them, in one text: statements of thousands of numbers take long to write and read."""
    sql = _sql()
    return sql.cast(sql.Literal.string(f"[{', '.join(map(repr, values))}]"), "double[]", dialect="duckdb")


def _case(condition: Any, value: Any) -> Any:
    return _sql().Case().when(condition, value)


def _count(condition: Any) -> Any:
    return _sql().func("COUNT", _case(condition, _sql().Literal.number(1)))


def _octets(value: Any) -> Any:
    return _sql().Anonymous(this="OCTET_LENGTH", expressions=[value])


def _tail(count: int) -> list[int]:
    return [1 << power for power in range(max(int(math.log2(max(count / TOP, 1))), 0) + 1)]


def _ranks(count: int) -> list[int]:
    """Of how many ordered values which are looked at: evenly, and closer at both ends."""
    tail = _tail(count)
    steps = POINTS - 2 * len(tail) - 1
    evenly = {step * (count - 1) // steps for step in range(steps + 1)}
    return sorted(evenly.union(tail, (count - 1 - each for each in tail)))


def _at_ranks(count: int) -> Iterator[Any]:
    """Whether a value has one of those ranks.

    The evenly spaced ones need no list: as many of them are smaller than x as multiples of the step.
    """
    sql = _sql()
    tail = _tail(count)
    steps = POINTS - 2 * len(tail) - 1

    def smaller(place: Any) -> Any:
        above = sql.paren(sql.paren(place) * steps + (count - 2))
        return sql.paren(sql.IntDiv(this=above, expression=sql.Literal.number(count - 1)))

    upto, below = sql.column("upto"), sql.column("upto") - sql.column("n")
    yield smaller(upto) > smaller(below)
    for rank in [*tail, *(count - 1 - each for each in tail)]:
        yield sql.and_(sql.paren(below.copy()) <= rank, sql.column("upto") > rank)


# ----------------------------------------------------------------------------------------------- execution


@dataclass(slots=True)
class _Work:
    """A column on its way, or the lengths of one."""

    asked: Column
    figures: ColumnFigures
    infinite: int = 0  # different ones
    estimate: int = 0
    incomplete: bool = False

    def learn(self, **found: Any) -> None:
        self.figures = replace(self.figures, **found)


def gather(
    engine: Engine,
    columns: Iterable[str] | None = None,
    statistics: Iterable[Statistic] = STATISTICS,
    *,
    exact: bool | None = None,
) -> list[ColumnFigures]:
    """Statistics of an engine's columns; only aggregates leave the engine.

    Parameters
    ----------
    engine : Engine
    columns : iterable of str, optional
        Names; all columns without.
    statistics : iterable of {"moments", "values", "lengths"}
    exact : bool, optional
        Whether the points of a distribution are exact quantiles, and different values are counted.  Without,
        that is so up to four million rows; beyond, an engine that can looks at a sample to choose the points
        and estimates how many values differ, where those are many.  What is said of the points is exact
        either way.

    Returns
    -------
    list of ColumnFigures
        In the order of the columns.

    Raises
    ------
    ValueError
        If a column or statistic isn't known.
    """
    chosen = list(engine.columns)
    if columns is not None:
        known = {each.name: each for each in engine.columns}
        names = list(columns)
        if missing := [name for name in names if name not in known]:
            raise ValueError(f"there is no column {missing[0]!r}: expected some of {', '.join(known)}")
        chosen = [known[name] for name in names]
    plan = ProfilePlan(engine.table, chosen, statistics, engine.dialect)
    work = [each for part in _parts(chosen) for each in _counts(engine, plan, part)]
    _values(engine, plan, work, exact)
    lengths = _lengths(engine, plan, work) if "lengths" in plan.statistics else {}
    if "moments" in plan.statistics:
        for part in _parts([each for each in (*work, *lengths.values()) if each.incomplete]):
            _moments(engine, plan, part)
    for place, each in lengths.items():
        work[place].learn(lengths=each.figures)
    return [each.figures for each in work]


_T = TypeVar("_T")


def _parts(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), _COLUMNS):
        yield items[start : start + _COLUMNS]


def _counts(engine: Engine, plan: ProfilePlan, columns: Sequence[Column]) -> Iterator[_Work]:
    ((rows, *found),) = engine.run(plan.counts(columns))
    for place, column in enumerate(columns):
        held, nans, most, least, zeros, low, high, estimate = found[8 * place : 8 * place + 8]
        if column.form == "null":
            yield _Work(column, ColumnFigures(column, rows, rows))
            continue
        infinities = (most or 0) + (least or 0)
        figures = ColumnFigures(column, rows, rows - held, nans or 0, infinities, zeros or 0, low, high)
        yield _Work(column, figures, bool(most) + bool(least), estimate or 0)


def _values(engine: Engine, plan: ProfilePlan, work: Sequence[_Work], exact: bool | None) -> None:
    long: list[_Work] = []
    for each in work:
        figures, column = each.figures, each.asked
        if figures.rows == figures.missing:
            continue
        if "values" not in plan.statistics:
            ((distinct,),) = engine.run(plan.distinct(column))
            each.incomplete = is_number(column) and figures.count > 0
            each.learn(distinct=distinct - bool(figures.nans), complete=False)
        elif column.form in ("list", "nested"):
            ((distinct,),) = engine.run(plan.distinct(column))
            each.learn(distinct=distinct, complete=False)
        elif not is_number(column):
            each.learn(**_top(engine, plan, column), complete=False)
        elif not figures.count:
            each.learn(distinct=each.infinite)
        elif plan.estimates and each.estimate > _FEW and _may_estimate(figures, exact):
            long.append(each)
        else:
            _distribution(engine, plan, each)
    for part in _parts(long):
        _estimated(engine, plan, part)


def _may_estimate(figures: ColumnFigures, exact: bool | None) -> bool:
    return figures.rows > EXACT_ROWS if exact is None else not exact


def _top(engine: Engine, plan: ProfilePlan, column: Column) -> dict[str, Any]:
    found = engine.run(plan.top(column))
    coded = column.form == "bytes"
    top = tuple((bytes.fromhex(value) if coded else value, digest, n) for value, digest, n, _ in found)
    return {"top": top, "distinct": found[0][3] if found else 0}


def _distribution(engine: Engine, plan: ProfilePlan, each: _Work) -> None:
    figures, column = each.figures, each.asked
    ends = [abs(end) for end in (figures.minimum, figures.maximum) if end is not None]
    large = column.form not in ("float", "decimal") and max(ends, default=0) > _SAFE
    found = engine.run(plan.values(column, figures.count, rounded=large))
    every = found[0][3]
    each.learn(points=_points(found), complete=every <= POINTS, distinct=every + each.infinite)
    each.incomplete = not each.figures.complete
    if large or column.form in ("decimal", "nanoseconds"):
        # Different values may be the same as floats or microseconds.
        ((distinct,),) = engine.run(plan.distinct(column))
        each.learn(distinct=distinct - bool(figures.nans))
        if distinct <= TOP and large:
            each.learn(top=_top(engine, plan, column)["top"])


def _points(found: Sequence[Sequence[Any]]) -> tuple[tuple[float, int, int], ...]:
    return tuple((value, upto - n, upto) for value, n, upto, _ in found)


def _estimated(engine: Engine, plan: ProfilePlan, work: Sequence[_Work]) -> None:
    rows = work[0].figures.rows
    (sampled,) = engine.run(plan.sample([each.asked for each in work], rows))
    asked: list[tuple[Column, list[float]]] = []
    edges: list[list[float]] = []
    for each, quantiles in zip(work, sampled, strict=True):
        ends = (each.figures.minimum, each.figures.maximum)
        edges.append(sorted({float(value) for value in (*(quantiles or ()), *ends) if value is not None}))
        # A bound just below each point: so what is as large as the point has a place of its own.
        asked.append(
            (each.asked, sorted({*edges[-1], *(math.nextafter(edge, -math.inf) for edge in edges[-1])}))
        )
    (counted,) = engine.run(plan.histogram(asked))
    for each, points, (_, bounds), counts in zip(work, edges, asked, counted, strict=True):
        upto = dict(zip(bounds, accumulate(counts.get(bound, 0) for bound in bounds), strict=True))
        told = tuple((edge, upto[math.nextafter(edge, -math.inf)], upto[edge]) for edge in points)
        distinct = min(each.estimate, each.figures.count)
        each.learn(points=told, complete=False, distinct=distinct, distinct_exact=False)
        each.incomplete = True


def _lengths(engine: Engine, plan: ProfilePlan, work: Sequence[_Work]) -> dict[int, _Work]:
    lengths = {}
    for place, each in enumerate(work):
        if each.asked.form not in ("text", "bytes", "list"):
            continue
        count = each.figures.count
        figures = ColumnFigures(Column("length", "integer", "int64"), count, 0)
        lengths[place] = found = _Work(each.asked, figures)
        if not count:
            continue
        counted = engine.run(plan.values(each.asked, count))
        points, every = _points(counted), counted[0][3]
        found.learn(points=points, complete=every <= POINTS, distinct=every)
        found.learn(minimum=points[0][0], maximum=points[-1][0], zeros=0 if points[0][0] else points[0][2])
        found.incomplete = not found.figures.complete
    return lengths


def _moments(engine: Engine, plan: ProfilePlan, work: Sequence[_Work]) -> None:
    """In two passes: so no digits are lost to large means, and nothing overflows on the way."""
    scales = [_scale(each.figures) for each in work]
    asked = [each.asked for each in work]
    (sums,) = engine.run(plan.sums(list(zip(asked, scales, strict=True))))
    means = [
        total / each.figures.count * scale for each, total, scale in zip(work, sums, scales, strict=True)
    ]
    (apart,) = engine.run(plan.deviations(list(zip(asked, scales, means, strict=True))))
    for place, each in enumerate(work):
        count, scale = each.figures.count, scales[place]
        total, squares = apart[2 * place : 2 * place + 2]
        m2 = max((squares or 0.0) - total * (total / count), 0.0) * scale * scale
        each.learn(mean=means[place] + total / count * scale, m2=m2)


def _scale(figures: ColumnFigures) -> float:
    """One for ordinary numbers; of others the power of two that is about the largest."""
    largest = max(abs(float(figures.minimum or 0)), abs(float(figures.maximum or 0)))
    return 1.0 if 1e-100 < largest < 1e100 or not largest else math.ldexp(1.0, math.frexp(largest)[1] - 1)

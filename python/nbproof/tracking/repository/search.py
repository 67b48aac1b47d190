"""The search language as SQL; the language itself is `nbproof.tracking.query`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from nbproof.tracking import query as language
from nbproof.tracking.repository.cursors import opened, sealed
from nbproof.tracking.repository.stored import (
    EXPERIMENTS,
    INFINITY,
    METRICS,
    MINUS_INFINITY,
    NAN,
    PARAMS,
    RUNS,
    SPECIALS,
    TAGS,
    clean,
)

if TYPE_CHECKING:
    from sqlalchemy.engine import RowMapping


def rank_special(descending: bool) -> sa.ColumnElement[int]:
    """Where specials stand among the values of a metric: infinities at their ends, NaN last."""
    first, last = (INFINITY, MINUS_INFINITY) if descending else (MINUS_INFINITY, INFINITY)
    return _special_rank(METRICS.c.special, first, last)


def _special_rank(special: Any, first: int, last: int) -> sa.ColumnElement[int]:
    return sa.case((special.is_(None), 1), (special == first, 0), (special == last, 2), else_=3)


class Search:
    """A parsed search as SQL; every value is bound, none is spelled.

    Each metric, param and tag that is named becomes one outer join by its key.  To go on after a page, the
    last row's sort key is compared part by part; no part is ever NULL, so rows without a value keep a place.
    """

    def __init__(self, query: language.Query, now_us: int, dialect: str) -> None:
        self._query = query
        self._now = now_us
        self._sqlite = dialect == "sqlite"
        self._joined: dict[language.Field, Any] = {}
        self._named: set[language.Field] = set()  # times
        self._where = None if query.where is None else self._condition(query.where)
        self._key: list[tuple[sa.ColumnElement[Any], bool, type]] = []
        for order in query.order:
            self._key += self._sort_key(order)
        self._key += [(RUNS.c.started_us, True, int), (RUNS.c.id, True, str)]

    def statement(self, experiment_id: str | None, after: str | None) -> sa.Select[Any]:
        """What finds the rows, in order; each has the parts of its sort key as ``key_0``, ``key_1``..."""
        source = RUNS.outerjoin(EXPERIMENTS, RUNS.c.experiment_id == EXPERIMENTS.c.id)
        for found, table in self._joined.items():
            name = table.c.name if found.group == "metrics" else table.c.key
            source = source.outerjoin(table, sa.and_(table.c.run_id == RUNS.c.id, name == clean(found.name)))
        keys = [part.label(f"key_{place}") for place, (part, _, _) in enumerate(self._key)]
        statement = sa.select(RUNS, EXPERIMENTS.c.name.label("experiment"), *keys).select_from(source)
        if self._where is not None:
            statement = statement.where(self._where)
        if language.Field("run", "deleted") not in self._named:
            statement = statement.where(RUNS.c.deleted_us.is_(None))
        if experiment_id is not None:
            statement = statement.where(RUNS.c.experiment_id == experiment_id)
        if after is not None:
            statement = statement.where(self._beyond(opened(after, *(kind for _, _, kind in self._key))))
        return statement.order_by(*(part.desc() if down else part.asc() for part, down, _ in self._key))

    def seal(self, row: RowMapping) -> str:
        """The cursor that goes on after a row."""
        return sealed([kind(row[f"key_{place}"]) for place, (_, _, kind) in enumerate(self._key)])

    def _beyond(self, last: Sequence[Any]) -> sa.ColumnElement[bool]:
        options = []
        for place, (part, down, _) in enumerate(self._key):
            same = [earlier == last[number] for number, (earlier, _, _) in enumerate(self._key[:place])]
            options.append(sa.and_(*same, part < last[place] if down else part > last[place]))
        return sa.or_(*options)

    # -- conditions ------------------------------------------------------------------------------

    def _condition(self, node: language.Condition) -> sa.ColumnElement[bool]:
        match node:
            case language.And(items):
                return sa.and_(*(self._condition(item) for item in items))
            case language.Or(items):
                return sa.or_(*(self._condition(item) for item in items))
            case language.Not(item):
                return sa.not_(self._condition(item))
            case language.IsNull(field):
                return self._is_null(field)
            case language.Like(field, pattern, minds_case):
                return _surely(self._like(self._text(field), clean(pattern), minds_case))
            case language.OneOf(field, values):
                return _surely(sa.or_(*(self._compared(field, "=", value) for value in values)))
            case language.Comparison(field, operator, value):
                return _surely(self._compared(field, operator, value))

    def _compared(
        self, field: language.Field, operator: language.Operator, value: language.Value
    ) -> sa.ColumnElement[bool]:
        match field.group, value:
            case "metrics", language.Number(number):
                return self._metric_compared(self._join(field), operator, number)
            case "params", _:
                return self._param_compared(self._join(field), operator, value)
            case _, language.Text(text) if field == language.Field("run", "id") and len(text) == 6:
                return _operate(RUNS.c.ending, operator, text.lower())
            case _, language.Text(text):
                return _operate(self._text(field), operator, clean(text))
            case _, language.Number(number):
                return _operate(self._seconds(), operator, number)
            case _, language.Moment(start, end):
                return _operate_span(self._time(field), operator, start, end)
            case _, language.Ago(microseconds):
                moment = max(self._now - microseconds, -(2**63))
                return _operate_span(self._time(field), operator, moment, moment + 1)
        raise AssertionError(f"the parser lets no {value} through for {field}")

    def _metric_compared(
        self, table: Any, operator: language.Operator, number: float
    ) -> sa.ColumnElement[bool]:
        value, special = table.c.value, table.c.special
        if math.isnan(number):
            # NaN equals NaN here: people look for runs that went wrong.  It is neither more nor less.
            if operator in ("=", "<=", ">="):
                return sa.and_(special == NAN)
            if operator == "!=":
                return sa.and_(table.c.run_id.is_not(None), sa.func.coalesce(special, 0) != NAN)
            return sa.false()
        among = [_code for _code, each in SPECIALS.items() if _holds(each, operator, number)]
        if math.isinf(number):
            finite = special.is_(None) if _holds(0.0, operator, number) else sa.false()
            finite = sa.and_(finite, value.is_not(None))
        else:
            finite = _operate(value, operator, number)
        return sa.or_(finite, special.in_(among)) if among else finite

    def _param_compared(
        self, table: Any, operator: language.Operator, value: language.Value
    ) -> sa.ColumnElement[bool]:
        written = sa.type_coerce(table.c.value, sa.Text)
        match value:
            case language.Text(text):
                return _operate(table.c.text, operator, clean(text))
            case language.Truth(truth):
                return _operate(written, operator, "true" if truth else "false")
            case language.Number(number, text):
                if math.isnan(number):
                    return _operate(written, operator, '{"$float":"NaN"}')
                bare = text.lstrip("+")
                if abs(number) > 2**53 and bare.lstrip("-").isdigit() and operator in ("=", "!="):
                    # A float would take neighbours for the same.
                    return sa.and_(table.c.number.is_not(None), _operate(written, operator, bare))
                return _operate(table.c.number, operator, number)
        raise AssertionError(f"the parser lets no {value} through for params")

    def _is_null(self, field: language.Field) -> sa.ColumnElement[bool]:
        if field.name == "duration" and field.group == "run":
            return sa.false()
        if field.group != "run":
            column = self._join(field).c.run_id
        else:
            column = self._time(field) if language.ATTRIBUTES[field.name] == "time" else self._text(field)
        return sa.and_(column.is_(None))

    def _like(self, column: Any, pattern: str, minds_case: bool) -> sa.ColumnElement[bool]:
        if self._sqlite and minds_case:
            # SQLite's LIKE does not mind case; its GLOB does, with signs of its own.
            glob = "".join(
                {"%": "*", "_": "?"}.get(sign, f"[{sign}]" if sign in "*?[" else sign) for sign in pattern
            )
            return sa.and_(column.op("GLOB", is_comparison=True)(glob))
        escaped = pattern.replace("\\", "\\\\")
        if minds_case or self._sqlite:
            return sa.and_(column.like(escaped, escape="\\"))
        return sa.and_(column.ilike(escaped, escape="\\"))

    # -- fields ----------------------------------------------------------------------------------

    def _join(self, field: language.Field) -> Any:
        if field not in self._joined:
            table = {"metrics": METRICS, "params": PARAMS, "tags": TAGS}[field.group]
            self._joined[field] = table.alias(f"{field.group}_{len(self._joined)}")
        return self._joined[field]

    def _text(self, field: language.Field) -> Any:
        if field.group == "params":
            return self._join(field).c.text
        if field.group == "tags":
            return self._join(field).c.value
        if field.name == "experiment":
            return EXPERIMENTS.c.name
        renamed = {"parent": "parent_id", "user": "user_name", "group": "group_name"}
        column = renamed.get(field.name, field.name)
        # One order and one idea of equality on both databases, whatever the server's language is.
        return RUNS.c[column] if self._sqlite else sa.collate(RUNS.c[column], "C")

    def _time(self, field: language.Field) -> Any:
        self._named.add(field)
        return RUNS.c[f"{field.name}_us"]

    def _seconds(self) -> Any:
        ended = sa.func.coalesce(RUNS.c.ended_us, sa.bindparam("now", self._now, sa.BigInteger, unique=True))
        return (ended - RUNS.c.started_us) * sa.literal(1e-6, sa.Double)

    def _sort_key(self, order: language.Order) -> list[tuple[sa.ColumnElement[Any], bool, type]]:
        field, down = order.field, order.descending
        if field.group == "metrics":
            table = self._join(field)
            first, last = (INFINITY, MINUS_INFINITY) if down else (MINUS_INFINITY, INFINITY)
            rank = sa.case((table.c.run_id.is_(None), 4), else_=_special_rank(table.c.special, first, last))
            return [(rank, False, int), (_or_else(table.c.value, 0.0), down, float)]
        if field.group == "params":
            table = self._join(field)
            rank = sa.case((table.c.number.is_not(None), 0), (table.c.run_id.is_not(None), 1), else_=2)
            number = _or_else(table.c.number, 0.0)
            # Among numbers the text decides nothing; it would only break ties in a strange order.
            text = sa.case((table.c.number.is_(None), _or_else(table.c.text, "")), else_="")
            return [(rank, False, int), (number, down, float), (text, down, str)]
        kind = "text" if field.group == "tags" else language.ATTRIBUTES[field.name]
        if kind == "seconds":
            return [(self._seconds(), down, float)]
        column = self._time(field) if kind == "time" else self._text(field)
        missing = sa.case((column.is_(None), 1), else_=0)
        return [
            (missing, False, int),
            (_or_else(column, 0 if kind == "time" else ""), down, int if kind == "time" else str),
        ]


def _surely(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """A condition that is false, not unknown, where there is nothing to compare: `not` then brings those."""
    return sa.func.coalesce(condition, sa.false())


def _or_else(column: Any, value: Any) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(column, value)


def _holds(one: float, operator: language.Operator, other: float) -> bool:
    return {
        "=": one == other,
        "!=": one != other,
        ">": one > other,
        ">=": one >= other,
        "<": one < other,
        "<=": one <= other,
    }[operator]


def _operate(column: Any, operator: language.Operator, value: Any) -> sa.ColumnElement[bool]:
    found: sa.ColumnElement[bool] = {
        "=": column.__eq__,
        "!=": column.__ne__,
        ">": column.__gt__,
        ">=": column.__ge__,
        "<": column.__lt__,
        "<=": column.__le__,
    }[operator](value)
    return found


def _operate_span(column: Any, operator: language.Operator, start: int, end: int) -> sa.ColumnElement[bool]:
    match operator:
        case "=":
            return sa.and_(column >= start, column < end)
        case "!=":
            return sa.or_(column < start, column >= end)
        case ">":
            return sa.and_(column >= end)
        case ">=":
            return sa.and_(column >= start)
        case "<":
            return sa.and_(column < start)
        case "<=":
            return sa.and_(column < end)

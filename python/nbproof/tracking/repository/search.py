"""The search language as SQL; the language itself is `nbproof.tracking.query`.

How it is fast
--------------
Each condition on a metric, param or tag looks up a row by key, a few microseconds a run; the rest is to look
at few runs.  Most searches want the best of a metric: they are *led* by its index, which is read in the order
asked for until a page is full.  Where a condition leaves few runs these are looked at instead: it is counted
before, up to a bound and in the index.  That choice is made here and not left to the databases: without
statistics SQLite cannot make it, and PostgreSQL guesses wrong too often.  A page finds ids first; whole runs
are read for those alone.  To spell a statement takes longer than to answer it, and a table that shows a
search asks again and again: what was spelled for a search is kept, with places for the time and for where the
page before ended.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import sqlalchemy as sa

from nbproof.core.pattern import Pattern
from nbproof.tracking import query as language
from nbproof.tracking.domain import less_is_better
from nbproof.tracking.repository.belongings import raw_rows
from nbproof.tracking.repository.cursors import opened, sealed
from nbproof.tracking.repository.datasets import (
    ANY,
    Asked,
    DatasetVersions,
    asked_by,
    asked_of,
    told_of,
    users_of,
)
from nbproof.tracking.repository.stored import (
    ENVIRONMENTS,
    EXPERIMENTS,
    INFINITY,
    METRICS,
    MINUS_INFINITY,
    NAN,
    PACKAGES,
    PARAMS,
    RUNS,
    SPECIALS,
    TAGS,
    clean,
    start_of,
)
from nbproof.tracking.versions import COMPARISONS, matching

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["COLUMNS", "Search", "rank_special", "search_of", "shown_runs"]

_TABLES = {"metrics": METRICS, "params": PARAMS, "tags": TAGS, "runs": RUNS}
_OWN_NAMES = (
    "name", "status", "id", "host", "notes", "source", "code", "python", "nbproof",
    "os", "gpu", "entry", "command", "environment",
)  # fmt: skip
COLUMNS: dict[str, sa.Column[Any]] = {
    **{name: RUNS.c[name] for name in _OWN_NAMES},
    "parent": RUNS.c.parent_id,
    "user": RUNS.c.user_name,
    "started": RUNS.c.started_us,
    "ended": RUNS.c.ended_us,
    "active": RUNS.c.active_us,
    "group": RUNS.c.group_name,
    "deleted": RUNS.c.deleted_us,
    "git.remote": RUNS.c.git_remote,
    "git.commit": RUNS.c.git_commit,
    "git.branch": RUNS.c.git_branch,
    "git.dirty": RUNS.c.git_dirty,
    "experiment": EXPERIMENTS.c.name,
    "experiment.id": EXPERIMENTS.c.id,
    "experiment.description": EXPERIMENTS.c.description,
    "experiment.created": EXPERIMENTS.c.created_us,
}
# What an environment knows, by its name among the facts.
FACTS = {"cpu": "cpu", "cpu_count": "cpu_count", "memory": "memory_bytes"}
# What says no where a field stands alone; in lower case, and as JSON is written by `param_text`.
_NO = ("", "0", "false", "no", "off", "none", "null", "[]", "{}")
_COUNTED = 5_000  # matches of one condition that are counted before it is said to be no help
# What is told when a statement is executed.
_NOW = sa.bindparam("now", type_=sa.BigInteger)
_LIMIT = sa.bindparam("limit", type_=sa.Integer)
_BOUND = {int: sa.BigInteger, float: sa.Double, str: sa.Text}

Build = Callable[[Any], sa.ColumnElement[bool]]
T = TypeVar("T")


def shown_runs(query: language.Query) -> list[sa.ColumnElement[bool]]:
    """What must be true of every run that is found: not in the trash, unless that is asked about."""
    return [] if language.names(query, language.Field("run", "deleted")) else [RUNS.c.deleted_us.is_(None)]


def rank_special(descending: bool) -> sa.ColumnElement[int]:
    """Where specials stand among the values of a metric: infinities at their ends, NaN last."""
    first, last = (INFINITY, MINUS_INFINITY) if descending else (MINUS_INFINITY, INFINITY)
    return _special_rank(METRICS.c.special, first, last)


def _special_rank(special: Any, first: int, last: int) -> sa.ColumnElement[int]:
    return sa.case((special.is_(None), 1), (special == first, 0), (special == last, 2), else_=3)


class _Part(NamedTuple):
    """A part of a sort key; never NULL, so rows without a value keep a place."""

    column: sa.ColumnElement[Any]
    down: bool
    kind: type


@lru_cache(maxsize=32)
def search_of(query: language.Query, dialect: str, experiment: str | None) -> Search:
    """The search of a query; one that was asked lately is spelled already."""
    return Search(query, dialect, experiment=experiment)


class Search:
    """A parsed search as SQL; every value is bound, none is spelled.  Safe from any thread.

    Parameters
    ----------
    query : Query
    dialect : str
    experiment : str, optional
        The id of the one experiment that is searched.
    """

    def __init__(self, query: language.Query, dialect: str, *, experiment: str | None = None) -> None:
        self._query = query
        self._sqlite = dialect == "sqlite"
        self._experiment = experiment
        self._kinds = [part.kind for part in self._sort_key(self._orders(), {})]
        self._versions = {each: f"versions_{at}" for at, each in enumerate(_versions_asked(query))}
        self._datasets = {each: f"datasets_{at}" for at, each in enumerate(asked_of(query))}
        self._spelled: dict[tuple[Any, ...], Any] = {}
        # Of the statement that is being spelled, one at a time:
        self._spelling = threading.RLock()
        self._experiments = False  # whether their table is needed
        self._rows_named = 0
        # The field by whose index runs are found just now, its row, and whether its value is finite.
        self._lead: tuple[language.Field, Any, bool] | None = None

    def page(
        self,
        connection: Connection,
        limit: int,
        after: str | None,
        now_us: int,
        datasets: DatasetVersions | None = None,
    ) -> tuple[list[str], str | None]:
        """Ids of the runs of one page, and the cursor that goes on after it; ``-7d`` is before `now_us`."""
        last = None if after is None else opened(after, *self._kinds)
        rows = self._rows(connection, limit + 1, last, self._values(connection, now_us, datasets))
        following = sealed(list(rows[limit - 1])[1:]) if len(rows) > limit else None
        return [row[0] for row in rows[:limit]], following

    def scores(
        self,
        connection: Connection,
        metric: str,
        figure: str,
        fields: Sequence[language.Field],
        now_us: int,
        datasets: DatasetVersions | None = None,
    ) -> list[tuple[Any, ...]]:
        """All runs found that have a metric, in no order.

        Rows have ``id, name, started_us, value, special``, then what runs have of each field (of a param its
        JSON).
        """
        with self._spelling:
            statement = self._scores(metric, figure, fields)
        return list(raw_rows(connection, statement, self._values(connection, now_us, datasets)))

    def _scores(self, metric: str, figure: str, fields: Sequence[language.Field]) -> sa.Select[Any]:
        aliases: dict[language.Field, Any] = {}
        columns = []
        for field in fields:
            if field.group == "packages":
                columns.append(self._version(field))
            elif field.group in ("params", "tags"):
                table = aliases.setdefault(field, _alias(field.group, f"by_{len(aliases)}"))
                columns.append(sa.type_coerce(table.c.value, sa.Text))
            elif field.group == "run":
                columns.append(self._value(field))
            else:
                columns.append(self._text(field, None))
        score = _alias("metrics", "score")
        special = score.c.special if figure == "last" else sa.null()
        value = score.c.value if figure == "last" else score.c[figure]
        where = self._wheres()
        source: Any = sa.join(score, RUNS, RUNS.c.id == score.c.run_id)
        source = self._with_aliases(self._with_experiments(source), aliases)
        labelled = [column.label(f"field_{at}") for at, column in enumerate(columns)]
        return (
            sa.select(
                RUNS.c.id,
                RUNS.c.name,
                RUNS.c.started_us,
                value.label("value"),
                sa.cast(special, sa.Integer).label("special"),
                *labelled,
            )
            .select_from(source)
            .where(score.c.name == metric, *where)
        )

    # -- which way ---------------------------------------------------------------------------------

    def _rows(
        self, connection: Connection, limit: int, last: Sequence[Any] | None, values: dict[str, Any]
    ) -> list[tuple[Any, ...]]:
        lead = self._query.order[0].field if self._query.order else None
        led = lead is not None and lead.figure == "last" and lead.group in ("metrics", "params")
        few = self._few(connection, limit, lead if led else None, values)
        values = {**values, "limit": limit}
        values |= {f"last_{at}": each for at, each in enumerate(last or ())}
        if few is None and led:
            return self._led_rows(connection, limit, last, values)
        statement = self._once(("sorted", few, last is None), lambda: self._sorted(few, last is not None))
        return list(raw_rows(connection, statement, values))

    def _values(
        self, connection: Connection, now_us: int, datasets: DatasetVersions | None
    ) -> dict[str, Any]:
        """What is told whenever the search is asked: the time, and the versions there are that match."""
        values: dict[str, Any] = {"now": now_us, **told_of(connection, datasets, self._datasets)}
        known: dict[language.Field, list[str]] = {}
        for (field, operator, wanted), name in self._versions.items():
            if field not in known:
                known[field] = [each for (each,) in raw_rows(connection, _known_versions(field))]
            found = matching(known[field], operator, wanted)
            values[name] = json.dumps(found) if self._sqlite else found
        return values

    def _once(self, key: tuple[Any, ...], spell: Callable[[], T]) -> T:
        """What is spelled the same each time."""
        try:
            found: T = self._spelled[key]
        except KeyError:
            with self._spelling:
                found = self._spelled[key] = spell()
        return found

    def _orders(self) -> list[language.Order]:
        return list(self._query.order)

    def _last(self) -> list[sa.BindParameter[Any]]:
        """The sort key of the last row of the page before."""
        return [sa.bindparam(f"last_{at}", type_=_BOUND[kind]) for at, kind in enumerate(self._kinds)]

    def _sorted(self, few: int | None, goes_on: bool) -> sa.Select[Any]:
        """All that is found, sorted; among the few that a condition leaves, if one is named."""
        aliases: dict[language.Field, Any] = {}
        key = self._sort_key(self._orders(), aliases)
        where = self._wheres()
        if few is not None:
            where.append(RUNS.c.id.in_(self._countable()[few][1]))
        if goes_on:
            where.append(_beyond(key, self._last()))
        source = self._with_aliases(self._with_experiments(RUNS), aliases)
        return (
            sa.select(RUNS.c.id, *(part.column.label(f"key_{at}") for at, part in enumerate(key)))
            .select_from(source)
            .where(*where)
            .order_by(*map(_ordered, key))
            .limit(_LIMIT)
        )

    def _led_rows(
        self, connection: Connection, limit: int, last: Sequence[Any] | None, values: dict[str, Any]
    ) -> list[tuple[Any, ...]]:
        """A page in the order of the index of the first field: its stretches one after the other."""
        first, *others = self._orders()
        stretches = self._once(("stretches",), lambda: self._stretches(first))
        rows: list[tuple[Any, ...]] = []
        for rank, stretch in enumerate(stretches):
            if last is not None and rank < last[0]:
                continue
            beyond = self._last()[1:] if last is not None and rank == last[0] else None
            statement = self._once((rank, beyond is None), lambda: stretch(rank, others, beyond))  # noqa: B023
            if statement is not None:
                rows += raw_rows(connection, statement, {**values, "limit": limit - len(rows)})
            if len(rows) >= limit:
                break
        return rows

    def _stretches(self, first: language.Order) -> list[Callable[..., sa.Select[Any] | None]]:
        """Where runs stand by their value of a field, in order: as `_sort_key` ranks them."""
        table = _alias(first.field.group, "lead")
        zero = sa.literal(0.0, sa.Double)

        def present(condition: Any, *parts: _Part, finite: bool = True) -> Callable[..., sa.Select[Any]]:
            lead = (first.field, table, finite)
            return lambda rank, others, last: self._stretch(
                first.field, lead, condition, rank, parts, others, last
            )

        def missing(rank: int, others: Any, last: Any) -> sa.Select[Any] | None:
            if first.field in _required(self._query.where):
                return None
            parts = [_Part(zero, first.descending, float)]
            if first.field.group == "params":
                parts.append(_Part(sa.literal("", sa.Text), first.descending, str))
            return self._stretch(first.field, None, None, rank, parts, others, last)

        if first.field.group == "params":
            empty = sa.literal("", sa.Text)
            return [
                present(
                    table.c.number.is_not(None),
                    _Part(table.c.number, first.descending, float),
                    _Part(empty, first.descending, str),
                ),
                present(
                    table.c.number.is_(None),
                    _Part(zero, first.descending, float),
                    _Part(table.c.text, first.descending, str),
                    finite=False,
                ),
                missing,
            ]
        ends = (INFINITY, MINUS_INFINITY) if first.descending else (MINUS_INFINITY, INFINITY)
        special = [
            present(
                sa.and_(table.c.value.is_(None), table.c.special == code),
                _Part(zero, first.descending, float),
                finite=False,
            )
            for code in (*ends, NAN)
        ]
        finite = present(table.c.value.is_not(None), _Part(table.c.value, first.descending, float))
        return [special[0], finite, special[1], special[2], missing]

    def _stretch(
        self,
        field: language.Field,
        lead: tuple[language.Field, Any, bool] | None,
        condition: Any,
        rank: int,
        parts: Sequence[_Part],
        others: Sequence[language.Order],
        last: Sequence[Any] | None,
    ) -> sa.Select[Any]:
        aliases: dict[language.Field, Any] = {}
        key = [*parts, *self._sort_key(others, aliases)]
        self._lead = lead
        where = self._wheres()
        self._lead = None
        if lead is None:
            where.append(sa.not_(self._exists(field, lambda row: sa.true())))
            source: Any = RUNS
        else:
            table = lead[1]
            where += [_key_of(table) == clean(field.name), condition]
            source = sa.join(table, RUNS, RUNS.c.id == table.c.run_id)
        if last is not None:
            where.append(_beyond(key, last))
        source = self._with_aliases(self._with_experiments(source), aliases)
        labelled = [part.column.label(f"key_{at}") for at, part in enumerate(key, 1)]
        return (
            sa.select(RUNS.c.id, sa.literal(rank, sa.Integer).label("key_0"), *labelled)
            .select_from(source)
            .where(*where)
            # What is the same in a whole stretch orders nothing, and PostgreSQL takes a number for a place.
            .order_by(*(_ordered(part) for part in key if not isinstance(part.column, sa.BindParameter)))
            .limit(_LIMIT)
        )

    def _few(
        self, connection: Connection, limit: int, lead: language.Field | None, values: dict[str, Any]
    ) -> int | None:
        """Which condition leaves few runs, where looking at these beats reading in order."""
        counting = self._once(("counts",), self._counts)
        if counting is None:
            return None
        [(roughly, *found)] = raw_rows(connection, counting, values)
        total = max(int(roughly or 0), *found, 1)
        # Beyond what was counted, half of all is a fair guess.
        guessed = [max(number, total / 2) if number >= _COUNTED else number for number in found]
        share = math.prod(number / total for number in guessed)
        fewest = min(range(len(found)), key=found.__getitem__)
        if found[fewest] >= _COUNTED:
            return None
        read_in_order = min(total, limit / max(share, 1e-9))
        ordered = lead is not None or not self._query.order
        return fewest if not ordered or 2 * found[fewest] < read_in_order else None

    def _counts(self) -> sa.Select[Any] | None:
        """About how many runs there are, and how many match each condition that can be counted."""
        counts = [
            sa.select(sa.func.count()).select_from(each.limit(_COUNTED).subquery()).scalar_subquery()
            for each, _ in self._countable()
        ]
        return sa.select(self._total(), *counts) if counts else None

    def _countable(self) -> list[tuple[sa.Select[Any], sa.Select[Any]]]:
        """Of some conditions what counts their matches in an index alone, and what finds them."""
        if self._query.where is None:
            return []
        found = map(self._counted, _conjuncts(self._query.where))
        return [each for each in found if each is not None][:4]

    def _total(self) -> Any:
        """About how many runs there are, without counting them."""
        if self._sqlite:
            return sa.select(sa.func.max(sa.literal_column("rowid"))).select_from(RUNS).scalar_subquery()
        return sa.literal_column("(SELECT reltuples FROM pg_class WHERE oid = 'runs'::regclass)")

    def _counted(self, item: language.Condition) -> tuple[sa.Select[Any], sa.Select[Any]] | None:
        if _is_of_datasets(item) and not (isinstance(item, language.Comparison) and item.operator == "!="):
            # Where runs are to be found that have no datasets, `asked_by` finds the others.
            if isinstance(item, language.IsNull):
                return None
            users = self._users(asked_by(item)).subquery()
            found = sa.select(users.c.run)
            return found, found
        if not isinstance(item, language.Comparison):
            return None
        field, operator, value = item.field, item.operator, item.value
        if field.group == "metrics" and field.figure == "last" and isinstance(value, language.Number):
            if operator == "!=" or not math.isfinite(value.value):
                return None
            table = _alias("metrics", "few")
            ids = sa.select(table.c.run_id).where(table.c.name == clean(field.name))
            finite = ids.where(_operate(table.c.value, operator, value.value))
            special = [code for code, each in SPECIALS.items() if COMPARISONS[operator](each, value.value)]
            if not special:
                return finite, finite
            rest = ids.where(table.c.value.is_(None), table.c.special.in_(special))
            both = sa.union_all(finite, rest).subquery()
            return finite, sa.select(both.c.run_id)
        if field.group == "params" and operator != "!=":
            table = _alias("params", "few")
            ids = sa.select(table.c.run_id).where(table.c.key == clean(field.name))
            if isinstance(value, language.Number) and math.isfinite(value.value):
                found = ids.where(self._param_compared(table, operator, value))
                return found, found
            if isinstance(value, language.Text) and operator == "=":
                text = clean(value.value)
                found = ids.where(table.c.number.is_(None), table.c.start == start_of(text, None))
                found = found.where(table.c.text == text)
                # A number has a text as well, but it is found as a number.
                return None if _reads_as_number(text) else (found, found)
        if field == language.Field("run", "name") and operator == "=" and isinstance(value, language.Text):
            table = _alias("runs", "few")
            named = sa.select(table.c.id).where(table.c.name == clean(value.value))
            return named, named
        return None

    def _with_experiments(self, source: Any) -> Any:
        if not self._experiments:
            return source
        return source.outerjoin(EXPERIMENTS, RUNS.c.experiment_id == EXPERIMENTS.c.id)

    def _with_aliases(self, source: Any, aliases: dict[language.Field, Any]) -> Any:
        for field, table in aliases.items():
            own = sa.and_(table.c.run_id == RUNS.c.id, _key_of(table) == clean(field.name))
            source = source.outerjoin(table, own)
        return source

    # -- conditions ------------------------------------------------------------------------------

    def _wheres(self) -> list[sa.ColumnElement[bool]]:
        self._rows_named = 0
        wheres = shown_runs(self._query)
        if self._experiment is not None:
            wheres.append(RUNS.c.experiment_id == self._experiment)
        if self._query.where is not None:
            wheres += [self._condition(item) for item in _conjuncts(self._query.where)]
        return wheres

    def _condition(self, node: language.Condition) -> sa.ColumnElement[bool]:
        if _is_of_datasets(node):
            return self._of_datasets(node)
        match node:
            case language.And(items):
                return sa.and_(sa.true(), *(self._condition(item) for item in items))
            case language.Or(items):
                return sa.or_(*(self._condition(item) for item in items))
            case language.Not(item):
                return sa.not_(self._condition(item))
            case language.IsNull(field):
                return sa.not_(self._of(field, lambda each: each.is_not(None)))
            case language.Found(field):
                return self._found(field)
            case language.Words(words):
                return sa.and_(*(self._said(clean(word)) for word in words))
            case language.Like(field, pattern, minds_case):
                return self._of(field, lambda text: self._like(text, clean(pattern), minds_case))
            case language.Match(field, pattern):
                return self._of(field, lambda text: self._matches(text, clean(pattern)))
            case language.OneOf(field, values):
                return sa.or_(*(self._compared(field, "=", value) for value in values))
            case language.Comparison(field, operator, value):
                return self._compared(field, operator, value)

    def _of_datasets(self, node: language.Condition) -> sa.ColumnElement[bool]:
        # So dressed, PostgreSQL reads the users once and looks runs up among them; bare, it makes a join of
        # it, and guesses wrong how many they are.
        used = _surely(RUNS.c.id.in_(self._users(asked_by(node))))
        match node:
            case language.Comparison(_, "!="):
                return sa.and_(_surely(RUNS.c.id.in_(self._users(ANY))), sa.not_(used))
            case language.IsNull():
                return sa.not_(used)
            case _:
                return used

    def _users(self, asked: Asked) -> sa.CompoundSelect[Any]:
        return users_of(self._datasets[asked], sqlite=self._sqlite)

    def _of(self, field: language.Field, build: Build) -> sa.ColumnElement[bool]:
        """What is true of the text or value of a field; false where a run does not have it.

        False, not unknown: `not` then brings the runs that have nothing to compare.
        """
        match field.group:
            case "run" if field.name in FACTS:
                fact = self._fact(field.name)
                return _surely(RUNS.c.environment.in_(sa.select(ENVIRONMENTS.c.hash).where(build(fact))))
            case "run":
                return _surely(build(self._value(field)))
            case "packages":
                having = sa.select(PACKAGES.c.environment).where(PACKAGES.c.name == clean(field.name))
                return _surely(RUNS.c.environment.in_(having.where(build(PACKAGES.c.version))))
            case "experiment.tags":
                self._experiments = True
                each = "json_each" if self._sqlite else "json_each_text"
                tags = EXPERIMENTS.c.tags
                given: Any = getattr(sa.func, each)(
                    sa.type_coerce(tags, sa.Text) if self._sqlite else sa.cast(tags, sa.JSON)
                ).table_valued(sa.column("key", sa.Text), sa.column("value", sa.Text), name="given")
                return sa.exists().where(
                    self._plain(given.c.key) == clean(field.name), build(self._plain(given.c.value))
                )
            case "metrics":
                return self._exists(field, lambda row: build(_figure(row, field)))
            case "params":
                return self._exists(field, lambda row: build(row.c.text))
            case _:
                return self._exists(field, lambda row: build(self._plain(row.c.value)))

    def _exists(self, field: language.Field, build: Build) -> sa.ColumnElement[bool]:
        """What is true of the row of a metric, param or tag; false where there is none."""
        if self._lead is not None and self._lead[0] == field:
            condition = build(self._lead[1])
            # What is finite is never unknown; said plainly, its range of the index is read alone.
            return condition if self._lead[2] else _surely(condition)
        row = self._row(field.group)
        own = sa.and_(row.c.run_id == RUNS.c.id, _key_of(row) == clean(field.name))
        if self._sqlite:
            return sa.exists().where(own, build(row)).correlate_except(row)
        # PostgreSQL turns EXISTS into a join of whole tables and reads all to find a page; of this it
        # supposes that half the runs pass, and goes through the index that we have in mind.
        one: Any = sa.select(sa.true()).where(own, build(row)).correlate_except(row)
        return sa.func.coalesce(one.scalar_subquery(), sa.false())

    def _row(self, group: str) -> Any:
        self._rows_named += 1
        return _alias(group, f"{group}_{self._rows_named}")

    def _compared(
        self, field: language.Field, operator: language.Operator, value: language.Value
    ) -> sa.ColumnElement[bool]:
        match field.group, value:
            case "metrics", language.Number(number, text):
                if field.figure == "last":
                    return self._exists(field, lambda row: self._metric_compared(row, operator, number))
                exact = text.lstrip("+-").isdigit() and -(2**63) <= int(text) < 2**63
                # As it is written: a float would take neighbours beyond 2^53 for the same.
                bound: Any = sa.literal(int(text), sa.BigInteger) if exact else sa.literal(number, sa.Double)
                if math.isnan(number):
                    return sa.false()
                return self._of(field, lambda figure: _operate(figure, operator, bound))
            case "params", _:
                return self._exists(field, lambda row: self._param_compared(row, operator, value))
            case _, language.Text(text) if field == language.Field("run", "id") and len(text) == 6:
                return _operate(RUNS.c.ending, operator, text.lower())
            case _, language.Text(text) if field == language.Field("run", "parent") and len(text) == 6:
                return _surely(_operate(sa.func.substr(RUNS.c.parent_id, 27, 6), operator, text.lower()))
            case _, language.Text(text) if language.kind_of(field) == "version":
                name = self._versions[field, operator, text]
                return self._of(field, lambda version: self._one_told(version, name))
            case _, language.Text(text):
                return self._of(field, lambda column: _operate(column, operator, clean(text)))
            case _, language.Number(number):
                return self._of(
                    field, lambda column: _operate(column, operator, sa.literal(number, sa.Double))
                )
            case _, language.Truth(truth):
                return self._of(field, lambda column: column == (truth is (operator == "=")))
            case _, language.Moment(start, end):
                return self._of(field, lambda column: _operate_span(column, operator, start, end))
            case _, language.Ago(microseconds):
                moment = _NOW - sa.literal(microseconds, sa.BigInteger)
                after = _NOW - sa.literal(microseconds - 1, sa.BigInteger)
                return self._of(field, lambda column: _operate_span(column, operator, moment, after))
        raise AssertionError(f"the parser lets no {value} through for {field}")

    def _metric_compared(
        self, table: Any, operator: language.Operator, number: float
    ) -> sa.ColumnElement[bool]:
        value, special = table.c.value, table.c.special
        if math.isnan(number):
            # NaN equals NaN here: people look for runs that went wrong.  It is neither more nor less.
            if operator in ("=", "<=", ">="):
                return _surely(special == NAN)
            return sa.func.coalesce(special, 0) != NAN if operator == "!=" else sa.false()
        among = [_code for _code, each in SPECIALS.items() if COMPARISONS[operator](each, number)]
        if math.isinf(number):
            finite = value.is_not(None) if COMPARISONS[operator](0.0, number) else sa.false()
        else:
            finite = _operate(value, operator, number)
        if self._lead is not None and self._lead[1] is table:
            # A stretch of the index has finite values or special ones; said so, its range is read alone.
            return finite if self._lead[2] else sa.and_(special.in_(among))
        return sa.or_(finite, special.in_(among)) if among else finite

    def _param_compared(
        self, table: Any, operator: language.Operator, value: language.Value
    ) -> sa.ColumnElement[bool]:
        written = sa.type_coerce(table.c.value, sa.Text)
        match value:
            case language.Text(text):
                same = _operate(table.c.text, operator, clean(text))
                if operator == "=" and not self._sqlite and not _reads_as_number(text):
                    # So that PostgreSQL can use the index.
                    start = start_of(clean(text), None)
                    return sa.and_(table.c.number.is_(None), table.c.start == start, same)
                return same
            case language.Truth(truth):
                # Only true and false have these spellings without quotes.
                same = written == ("true" if truth else "false")
                return same if operator == "=" else sa.and_(written.in_(("true", "false")), sa.not_(same))
            case language.Number(number, text):
                if math.isnan(number):
                    if operator not in ("=", "!="):
                        return sa.false()
                    return _operate(written, operator, '{"$float":"NaN"}')
                bare = text.lstrip("+")
                if abs(number) > 2**53 and bare.lstrip("-").isdigit() and operator in ("=", "!="):
                    # A float would take neighbours for the same.
                    return sa.and_(table.c.number.is_not(None), _operate(written, operator, bare))
                return _operate(table.c.number, operator, number)
        raise AssertionError(f"the parser lets no {value} through for params")

    def _found(self, field: language.Field) -> sa.ColumnElement[bool]:
        match language.kind_of(field):
            case "version":
                return self._of(field, lambda column: column.is_not(None))
            case "number":
                if field.figure != "last" or field.group == "run":
                    return self._of(field, lambda figure: figure != 0)
                return self._exists(field, lambda row: sa.func.coalesce(row.c.value, 1.0) != 0.0)
            case "any":
                return self._exists(
                    field,
                    lambda row: sa.case(
                        (row.c.number.is_not(None), row.c.number != 0.0),
                        else_=sa.func.lower(row.c.text).not_in(_NO),
                    ),
                )
            case "truth":
                return self._of(field, lambda column: column.is_(True))
            case "seconds":
                return self._of(field, lambda column: column > 0)
            case "time":
                return self._of(field, lambda column: column.is_not(None))
            case _:
                return self._of(field, lambda text: sa.func.lower(text).not_in(_NO))

    def _said(self, word: str) -> sa.ColumnElement[bool]:
        """Whether a word is in a run's name or notes, in a tag, or in a param that is no number."""
        pattern = "%" + "".join(f"\\{sign}" if sign in "%_\\" else sign for sign in word) + "%"

        def has(text: Any) -> sa.ColumnElement[bool]:
            return _surely(self._any_case(text, pattern))

        tag, param = self._row("tags"), self._row("params")
        return sa.or_(
            has(self._attribute("name")),
            has(self._attribute("notes")),
            sa.exists().where(tag.c.run_id == RUNS.c.id, has(self._plain(tag.c.value))).correlate_except(tag),
            sa.exists()
            .where(param.c.run_id == RUNS.c.id, param.c.number.is_(None), has(param.c.text))
            .correlate_except(param),
        )

    def _matches(self, text: Any, pattern: str) -> sa.ColumnElement[bool]:
        if self._sqlite:
            return sa.func.nbproof_matches(pattern, text) == sa.literal_column("1")
        return sa.and_(text.op("~", is_comparison=True)(Pattern(pattern).postgresql))

    def _like(self, column: Any, pattern: str, minds_case: bool) -> sa.ColumnElement[bool]:
        if self._sqlite and minds_case:
            # SQLite's LIKE does not mind case; its GLOB does, with signs of its own.
            glob = "".join(
                {"%": "*", "_": "?"}.get(sign, f"[{sign}]" if sign in "*?[" else sign) for sign in pattern
            )
            return sa.and_(column.op("GLOB", is_comparison=True)(glob))
        escaped = pattern.replace("\\", "\\\\")
        if minds_case:
            return sa.and_(column.like(escaped, escape="\\"))
        return self._any_case(column, escaped)

    def _any_case(self, column: Any, escaped: str) -> sa.ColumnElement[bool]:
        if self._sqlite:
            return sa.and_(column.like(escaped, escape="\\"))
        return sa.and_(column.ilike(escaped, escape="\\"))

    # -- fields ----------------------------------------------------------------------------------

    def _attribute(self, name: str) -> Any:
        column = COLUMNS[name]
        if column.table is EXPERIMENTS:
            self._experiments = True
        return self._plain(column) if isinstance(column.type, sa.String) else column

    def _value(self, field: language.Field) -> Any:
        """What a run has of an attribute."""
        if field.name == "duration":
            return self._seconds()
        if field.name in FACTS:
            of_run = sa.select(self._fact(field.name)).where(ENVIRONMENTS.c.hash == RUNS.c.environment)
            return of_run.correlate(RUNS).scalar_subquery()
        return self._attribute(field.name)

    def _version(self, field: language.Field) -> Any:
        """The version of a package that a run had."""
        of_run = sa.select(PACKAGES.c.version).where(
            PACKAGES.c.environment == RUNS.c.environment, PACKAGES.c.name == clean(field.name)
        )
        return of_run.correlate(RUNS).scalar_subquery()

    def _fact(self, name: str) -> Any:
        facts = ENVIRONMENTS.c.facts
        number = language.ATTRIBUTES[name] == "number"
        if self._sqlite:
            return sa.func.json_extract(sa.type_coerce(facts, sa.Text), f"$.{FACTS[name]}")
        fact = sa.cast(facts, sa.JSON).op("->>")(sa.literal(FACTS[name], sa.Text))
        return sa.cast(fact, sa.Double) if number else self._plain(sa.cast(fact, sa.Text))

    def _one_told(self, column: Any, name: str) -> sa.ColumnElement[bool]:
        """Whether a column has one of the texts that are told under a name."""
        if not self._sqlite:
            among: sa.ColumnElement[bool] = column == sa.any_(sa.bindparam(name, type_=sa.ARRAY(sa.Text)))
            return among
        told = sa.func.json_each(sa.bindparam(name, type_=sa.Text)).table_valued("value", name=name)
        return sa.and_(column.in_(sa.select(told.c.value)))

    def _plain(self, column: Any) -> Any:
        # One order and one idea of equality on both databases, whatever the server's language is.
        return column if self._sqlite else sa.collate(column, "C")

    def _seconds(self) -> Any:
        ended = sa.func.coalesce(RUNS.c.ended_us, _NOW)
        return (ended - RUNS.c.started_us) * sa.literal(1e-6, sa.Double)

    def _sort_key(self, orders: Sequence[language.Order], aliases: dict[language.Field, Any]) -> list[_Part]:
        parts = [part for order in orders for part in self._sort_parts(order, aliases)]
        return [*parts, _Part(RUNS.c.started_us, True, int), _Part(RUNS.c.id, True, str)]

    def _sort_parts(self, order: language.Order, aliases: dict[language.Field, Any]) -> list[_Part]:
        field, down = order.field, order.descending
        if field.group in ("metrics", "params", "tags") and field not in aliases:
            aliases[field] = _alias(field.group, f"by_{len(aliases)}")
        table: Any = aliases.get(field)
        if field.group == "metrics" and field.figure == "last":
            first, last = (INFINITY, MINUS_INFINITY) if down else (MINUS_INFINITY, INFINITY)
            rank = sa.case((table.c.run_id.is_(None), 4), else_=_special_rank(table.c.special, first, last))
            return [_Part(rank, False, int), _Part(_or_else(table.c.value, 0.0), down, float)]
        if field.group == "params":
            rank = sa.case((table.c.number.is_not(None), 0), (table.c.run_id.is_not(None), 1), else_=2)
            # Among numbers the text decides nothing; it would only break ties in a strange order.
            text = sa.case((table.c.number.is_(None), _or_else(table.c.text, "")), else_="")
            number = _or_else(table.c.number, 0.0)
            return [_Part(rank, False, int), _Part(number, down, float), _Part(text, down, str)]
        kind: type
        match language.kind_of(field):
            case "number":
                column, kind = _figure(table, field), int if field.figure in ("count", "step") else float
            case "seconds":
                return [_Part(self._seconds(), down, float)]
            case "time":
                column, kind = self._attribute(field.name), int
            case "truth":
                column, kind = sa.cast(self._attribute(field.name), sa.Integer), int
            case _:
                column, kind = self._text(field, table), str
        missing = sa.case((column.is_(None), 1), else_=0)
        return [_Part(missing, False, int), _Part(_or_else(column, kind()), down, kind)]

    def _text(self, field: language.Field, table: Any) -> Any:
        if field.group == "tags":
            return self._plain(table.c.value)
        if field.group == "experiment.tags":
            self._experiments = True
            given: Any = getattr(sa.func, "json_each" if self._sqlite else "json_each_text")(
                sa.type_coerce(EXPERIMENTS.c.tags, sa.Text)
                if self._sqlite
                else sa.cast(EXPERIMENTS.c.tags, sa.JSON)
            ).table_valued(sa.column("key", sa.Text), sa.column("value", sa.Text), name="given")
            value = sa.select(given.c.value).where(given.c.key == clean(field.name)).scalar_subquery()
            return self._plain(value)
        return self._attribute(field.name)


# -- pieces ---------------------------------------------------------------------------------------------


def _is_of_datasets(node: language.Condition) -> bool:
    match node:
        case language.Words() | language.Not() | language.And() | language.Or():
            return False
        case _:
            return node.field.group == "dataset"


def _conjuncts(where: language.Condition) -> tuple[language.Condition, ...]:
    """Conditions that must all be true."""
    if isinstance(where, language.And):
        return tuple(inner for item in where.items for inner in _conjuncts(item))
    return (where,)


def _required(where: language.Condition | None) -> set[language.Field]:
    """Fields that every run has that is found."""
    return {
        item.field
        for item in (() if where is None else _conjuncts(where))
        if isinstance(
            item, language.Comparison | language.OneOf | language.Found | language.Like | language.Match
        )
    }


def _versions_asked(query: language.Query) -> list[tuple[language.Field, str, str]]:
    """Fields that hold versions, each with an operator and a version that it is compared with."""
    asked: dict[tuple[language.Field, str, str], None] = {}
    for node in language.conditions(query.where):
        match node:
            case language.Comparison(field, operator, language.Text(text)):
                compared = [(operator, text)]
            case language.OneOf(field, values):
                compared = [("=", each.value) for each in values if isinstance(each, language.Text)]
            case _:
                continue
        if language.kind_of(field) == "version":
            asked |= dict.fromkeys((field, *each) for each in compared)
    return list(asked)


def _known_versions(field: language.Field) -> sa.Select[Any]:
    """The versions there are: few, whatever the number of runs."""
    if field.group == "packages":
        return sa.select(PACKAGES.c.version).where(PACKAGES.c.name == clean(field.name)).distinct()
    column = COLUMNS[field.name]
    return sa.select(column).where(column.is_not(None)).distinct()


@lru_cache(maxsize=500)
def _alias(group: str, name: str) -> Any:
    """A table under another name; making one costs more than asking SQLite for a page."""
    return _TABLES[group].alias(name)


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _key_of(table: Any) -> Any:
    """The column of the name in a table of metrics, params or tags."""
    return table.c.name if "name" in table.c else table.c.key


def _figure(row: Any, field: language.Field) -> Any:
    figure: str = field.figure
    if figure == "last":
        # Present wherever there is a row: what is compared is compared by `_metric_compared`.
        return row.c.run_id
    if figure == "best":
        figure = "min" if less_is_better(field.name) else "max"
    return row.c[figure]


def _ordered(part: _Part) -> sa.ColumnElement[Any]:
    return part.column.desc() if part.down else part.column.asc()


def _beyond(key: Sequence[_Part], last: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Rows behind the last one of the page before."""
    options = []
    for place, part in enumerate(key):
        same = [earlier.column == last[number] for number, earlier in enumerate(key[:place])]
        options.append(sa.and_(*same, part.column < last[place] if part.down else part.column > last[place]))
    # Said once more about the first part alone, so that an index is entered at the right place.
    first = key[0].column <= last[0] if key[0].down else key[0].column >= last[0]
    return sa.and_(first, sa.or_(*options))


def _surely(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """A condition that is false, not unknown, where there is nothing to compare."""
    return sa.func.coalesce(condition, sa.false())


def _or_else(column: Any, value: Any) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(column, value)


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


def _operate_span(column: Any, operator: language.Operator, start: Any, end: Any) -> sa.ColumnElement[bool]:
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

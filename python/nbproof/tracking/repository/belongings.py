"""What belongs to many runs at once: rows, one statement a table however many runs there are.

Rows name a run by its place in the list of ids, and come as the driver makes them: on the way to ten thousand
runs most of the time goes into making rows and the texts in them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from nbproof.tracking.domain import SYSTEM
from nbproof.tracking.repository.stored import INFINITY, METRICS, MINUS_INFINITY, PARAMS, TAGS, from_special

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, RowMapping

__all__ = ["LONG", "Alike", "ManyRuns", "latest_of", "params_of", "raw_rows", "tags_of", "told"]

LONG, _PREVIEW = 1000, 200
"""Characters of JSON beyond which a param is shown in lists by its beginning, and how much of it."""

_BETWEEN = "\x1f"  # no JSON holds it as it is
_LAST_SIGN = "\U0010ffff"


@lru_cache(maxsize=2)
def told(dialect: str) -> Any:
    """The table of the ids asked about, with its columns of places and ids: one value to bind in all."""
    if dialect == "sqlite":
        given: Any = sa.func.json_each(sa.bindparam("ids", type_=sa.Text))
        each = given.table_valued("key", "value", name="told")
        return each, each.c.key, each.c.value
    given = sa.func.unnest(sa.bindparam("ids", type_=sa.ARRAY(sa.Text)))
    each = given.table_valued("value", with_ordinality="place", name="told").render_derived()
    return each, each.c.place - sa.literal_column("1"), each.c.value


class ManyRuns:
    """Ids of runs, and the connection on which they are asked about.

    Parameters
    ----------
    connection : Connection
    ids : sequence of str
    """

    def __init__(self, connection: Connection, ids: Sequence[str]) -> None:
        self.ids = ids
        self.connection = connection
        self.dialect = connection.dialect.name
        self._told = {"ids": json.dumps(ids) if self.dialect == "sqlite" else list(ids)}

    def rows(self, statement: sa.Select[Any]) -> Iterator[tuple[Any, ...]]:
        """Rows of a statement that reads from `told`."""
        return raw_rows(self.connection, statement, self._told)

    def mappings(self, statement: sa.Select[Any]) -> Iterator[RowMapping]:
        """The same, by name and with JSON read: for what there are few of."""
        yield from self.connection.execute(statement, self._told).mappings()


def raw_rows(
    connection: Connection, statement: sa.Select[Any], values: dict[str, Any] | None = None
) -> Iterator[tuple[Any, ...]]:
    """Rows as the driver makes them, one by one: a third of the time goes into dressing and keeping them."""
    with closing(connection.execute(statement, values or {})) as result:
        yield from result.cursor  # type: ignore[misc]  # the driver's, which can be iterated


class Alike(NamedTuple):
    """Runs with params of the same names."""

    keys: list[str]
    places: list[int]
    rows: list[list[Any]]


def params_of(many: ManyRuns, *, whole: bool = False) -> tuple[list[Alike], dict[int, dict[str, int]]]:
    """The params of runs, names sorted; and by place how long those are that were cut.

    Of params longer than `LONG` only the beginning is read, unless they are wanted `whole`.  The database
    joins the names of a run to one text and the values to another: to read these is faster than thousands of
    rows, and as most runs have the same names those are read once.
    """
    alike: dict[str, tuple[list[int], list[str]]] = {}
    special: set[int] = set()
    long: list[int] = []
    for place, text in many.rows(_joined_params(many.dialect, whole)):
        if text is None:
            continue
        names, values, longest = text.split(_BETWEEN)
        places, texts = alike.setdefault(names, ([], []))
        places.append(place)
        texts.append(values)
        if "{" in values or "[" in values:
            special.add(place)
        if not whole and int(longest) > LONG:
            long.append(place)
    found = []
    for names, (places, texts) in alike.items():
        keys: list[str] = json.loads(f"[{names}]")
        rows: list[list[Any]] = json.loads(f"[[{'],['.join(texts)}]]")
        if special:
            rows = [
                [from_special(value) for value in row] if place in special else row
                for place, row in zip(places, rows, strict=True)
            ]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        if order != list(range(len(keys))):
            keys, rows = [keys[at] for at in order], [[row[at] for at in order] for row in rows]
        found.append(Alike(keys, places, rows))
    return found, _cut(many, found, long) if long else {}


def tags_of(many: ManyRuns) -> Iterator[tuple[int, str, str]]:
    """Rows of place, key and value."""
    return many.rows(_tags(many.dialect))


def latest_of(many: ManyRuns) -> Iterator[tuple[int, str, float | None]]:
    """Rows of place, name and value logged last, NaN as None or as it is; without metrics of the machine."""
    return many.rows(_latest(many.dialect))


def _cut(many: ManyRuns, found: Sequence[Alike], long: Sequence[int]) -> dict[int, dict[str, int]]:
    """Put the beginnings of long params where they belong; gives their lengths."""
    rows = {
        place: (each.keys, row) for each in found for place, row in zip(each.places, each.rows, strict=True)
    }
    lengths: dict[int, dict[str, int]] = {place: {} for place in long}
    some = ManyRuns(many.connection, [many.ids[place] for place in long])
    for at, key, beginning, length in some.rows(_beginnings(many.dialect)):
        keys, row = rows[long[at]]
        row[keys.index(key)] = f"{beginning}... ({length:,} characters)"
        lengths[long[at]][key] = length
    return lengths


# -- statements -----------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _joined_params(dialect: str, whole: bool) -> sa.Select[Any]:
    given, place, run_id = told(dialect)
    value: sa.ColumnElement[str] = sa.type_coerce(PARAMS.c.value, sa.Text)
    length = sa.func.length(value)
    if not whole:
        value = sa.case((length > LONG, "null"), else_=value)
    if dialect == "sqlite":
        names, values = sa.func.group_concat(sa.func.json_quote(PARAMS.c.key)), sa.func.group_concat(value)
    else:
        name = sa.cast(sa.func.to_json(PARAMS.c.key), sa.Text)
        names, values = sa.func.string_agg(name, ","), sa.func.string_agg(value, ",")
    longest = sa.cast(sa.func.max(length), sa.Text)
    joined = names.concat(_BETWEEN).concat(values).concat(_BETWEEN).concat(longest)
    # A run at a time: to group all at once they would be sorted first.
    of_run = sa.select(joined).where(PARAMS.c.run_id == run_id).correlate(given)
    return sa.select(place, of_run.scalar_subquery()).select_from(given)


@lru_cache(maxsize=2)
def _beginnings(dialect: str) -> sa.Select[Any]:
    """How the long params of runs begin, as they read, and how long they are."""
    given, place, run_id = told(dialect)
    p = PARAMS.c
    return (
        sa.select(place, p.key, sa.func.substr(p.text, 1, _PREVIEW), sa.func.length(p.text))
        .join_from(given, PARAMS, p.run_id == run_id)
        .where(sa.func.length(sa.type_coerce(p.value, sa.Text)) > LONG)
    )


@lru_cache(maxsize=2)
def _tags(dialect: str) -> sa.Select[Any]:
    given, place, run_id = told(dialect)
    return sa.select(place, TAGS.c.key, TAGS.c.value).join_from(given, TAGS, TAGS.c.run_id == run_id)


@lru_cache(maxsize=2)
def _latest(dialect: str) -> sa.Select[Any]:
    given, place, run_id = told(dialect)
    m = METRICS.c
    special = sa.case(
        (m.special == INFINITY, sa.literal(math.inf, sa.Double)),
        (m.special == MINUS_INFINITY, sa.literal(-math.inf, sa.Double)),
        else_=sa.literal(math.nan, sa.Double),  # which SQLite takes for NULL
    )
    return (
        sa.select(place, m.name, sa.func.coalesce(m.value, special))
        .join_from(given, METRICS, m.run_id == run_id)
        .where(sa.or_(m.name < SYSTEM, m.name > SYSTEM + _LAST_SIGN))
    )

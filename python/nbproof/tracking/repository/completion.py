"""What may be written at a place in a search.

The parser tells what may follow (`nbproof.tracking.query.wanted`); here the names and values that this
workspace has are put in.  Names are read by leaps through an index, values from the newest runs, so that ten
thousand runs take no longer than ten.  What only runs in the trash have is not offered.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from nbproof.core.errors import near_names
from nbproof.tracking import query as language
from nbproof.tracking.domain import STATUSES
from nbproof.tracking.models import Completion, Completions
from nbproof.tracking.repository.datasets import DatasetVersions
from nbproof.tracking.repository.saved import saved_searches
from nbproof.tracking.repository.search import COLUMNS, FACTS
from nbproof.tracking.repository.stored import (
    ENVIRONMENTS,
    EXPERIMENTS,
    PACKAGES,
    PARAMS,
    RUNS,
    TAGS,
    clean,
)

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["completions", "known_names", "near_fields"]

_MOST_NAMES = 1_000
_NEWEST = 2_000  # runs whose values are offered
_NEWEST_FACTS = 50  # environments whose values are: each is some kilobytes
_GROUPS = {
    "metrics": ("metrics", "name"),
    "params": ("params", "key"),
    "tags": ("tags", "key"),
    "packages": ("environment_packages", "name"),
}
_NAMED = ("metrics", "params", "tags")  # what may be written without its group by mistake
_LOOKED_AT = 50  # runs of a name, before all of them are
_BARE = re.compile(r"[\w\-/.]+")
_WORD = re.compile(r"@?[\w\-/.]*\Z")
_OPERATORS = ("=", "!=", ">", ">=", "<", "<=", "in (", "is null", "is not null")
_TEXT_OPERATORS = ("=", "!=", "~", "!~", "like", "ilike", "in (", "is null", "is not null")
_LIKELY = ("value", "pattern", "operator", "condition", "field", "joint", "direction", "order")
_TIMES = ("-1h", "-1d", "-7d", "-30d")
_SPANS = ("10s", "1m", "10m", "1h")


def completions(
    connection: Connection,
    query: str,
    cursor: int,
    limit: int,
    datasets: DatasetVersions | None = None,
) -> Completions:
    """What may take the place of the word before a cursor."""
    written = query[:cursor]
    start = _start_of_word(written)
    head, word = written[:start], written[start:]
    saved = {each.name: each.query for each in saved_searches(connection)}
    found: dict[str, Completion] = {}
    for want in sorted(language.wanted(head, saved), key=lambda want: _LIKELY.index(want.what)):
        for each in _offered(connection, want, word, saved, datasets):
            found.setdefault(each.text, each)
    wanted = [(rank, each) for each in found.values() if (rank := _rank(word, each.text)) is not None]
    # Those that begin so, then those that hold it; within, in the order offered.
    wanted.sort(key=lambda pair: pair[0])
    return Completions(start=start, end=len(written), items=[each for _, each in wanted[:limit]])


def near_fields(connection: Connection, name: str, groups: Iterable[str] = _NAMED) -> list[str]:
    """What a name without its group may mean here: a metric, param or tag of that name, else what is near.

    Parameters
    ----------
    connection : Connection
    name : str
    groups : iterable of str, optional
        Where it is looked for; the first that has it comes first.
    """
    fields: dict[str, list[str]] = {}
    for group in groups:
        for each in known_names(connection, group, name):
            fields.setdefault(each, []).append(f"{group}.{_name(each)}")
    for each in (*language.ATTRIBUTES, "dataset"):
        fields.setdefault(each, []).append(each)
    if name in fields:
        return fields[name]
    return [field for near in near_names(name, fields, most=1) for field in fields[near]]


def _start_of_word(written: str) -> int:
    """Where the word or the quoted text begins that ends here."""
    quote, opened = "", 0
    for at, sign in enumerate(written):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'`":
            quote, opened = sign, at
    if not quote:
        found = _WORD.search(written)
        return len(written) if found is None else found.start()
    if written[opened - 1 : opened] in (".", "@"):  # a quoted name
        before = _WORD.search(written[:opened])
        return opened if before is None else before.start()
    return opened


def _rank(word: str, text: str) -> int | None:
    written, offered = (re.sub(r"[\"'`]", "", each).lower() for each in (word, text))
    if offered.startswith(written):
        return 0
    group, _, name = written.rpartition(".")
    return 1 if offered.startswith(group) and name in offered else None


def _offered(
    connection: Connection,
    want: language.Want,
    word: str,
    saved: dict[str, str],
    datasets: DatasetVersions | None,
) -> Iterator[Completion]:
    match want.what:
        case "condition":
            yield from _fields(connection, word)
            yield Completion(text="not", kind="word")
            for name, query in saved.items():
                yield Completion(text=f"@{_name(name)}", kind="search", detail=query)
        case "field":
            yield from _fields(connection, word)
        case "operator" if want.field is not None:
            texts = language.kind_of(want.field) in ("text", "any", "version")
            operators = _TEXT_OPERATORS if language.kind_of(want.field) == "text" else _OPERATORS
            for each in dict.fromkeys((*operators, *(_TEXT_OPERATORS if texts else ()))):
                yield Completion(text=each, kind="operator")
        case "value" | "pattern" if want.field is not None and want.field.group == "dataset":
            written = word.lstrip("\"'`").replace('""', '"') if want.what == "value" else ""
            for text, detail in [] if datasets is None else datasets.references(connection, written):
                yield Completion(text=_quoted(text), kind="value", detail=detail or None)
        case "value" | "pattern" if want.field is not None:
            yield from _values(connection, want.field)
        case "joint":
            for each in ("and", "or", "order by"):
                yield Completion(text=each, kind="word")
        case "order":
            yield Completion(text="order by", kind="word")
        case "direction":
            for each in ("desc", "asc"):
                yield Completion(text=each, kind="word")


def _fields(connection: Connection, word: str) -> Iterator[Completion]:
    group, dot, written = word.partition(".")
    if dot and group.lower() in _GROUPS:
        group = group.lower()
        for name in known_names(connection, group, written.strip("\"'`")):
            yield Completion(text=f"{group}.{_name(name)}", kind="field")
        return
    if word.lower().startswith("experiment.tags."):
        for name in sorted({key for tags in _experiment_tags(connection) for key in tags}):
            yield Completion(text=f"experiment.tags.{_name(name)}", kind="field")
    for group in _GROUPS:
        yield Completion(text=f"{group}.", kind="field", detail=f"the {group} of a run, by name")
    for name, kind in language.ATTRIBUTES.items():
        yield Completion(text=name, kind="field", detail=_KINDS[kind])
    yield Completion(text="dataset", kind="field", detail="a dataset that a run read or wrote")
    if word:  # perhaps a name without its group
        for group in _NAMED:
            for name in known_names(connection, group, word):
                yield Completion(text=f"{group}.{_name(name)}", kind="field")


_KINDS = {
    "text": "text", "version": "version", "number": "number", "time": "time", "seconds": "duration",
    "truth": "true or false",
}  # fmt: skip


def _name(name: str) -> str:
    return name if _BARE.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def known_names(connection: Connection, group: str, written: str) -> Iterable[str]:
    """Names of metrics, params or tags: those that begin as it is written, then all."""
    table, column = _GROUPS[group]
    # An index has a name once for each run: from each name we leap to the next.
    leaps = sa.text(
        f"""
        WITH RECURSIVE leaps (name, place) AS (
            SELECT min({column}), 1 FROM {table} WHERE {column} >= :start
            UNION ALL
            SELECT (SELECT min(one.{column}) FROM {table} AS one WHERE one.{column} > leaps.name), place + 1
            FROM leaps WHERE leaps.name IS NOT NULL AND place < :most
        )
        SELECT name FROM leaps WHERE name IS NOT NULL {_kept(connection, group)}
        """
    )
    found: dict[str, None] = {}
    for start in dict.fromkeys((clean(written), "")):
        rows = connection.execute(leaps, {"start": start, "most": _MOST_NAMES}).scalars()
        found |= dict.fromkeys(rows)
    return found


def _kept(connection: Connection, group: str) -> str:
    """The condition that a run has a name which is not in the trash."""
    thrown = sa.select(RUNS.c.id).where(RUNS.c.deleted_us.is_not(None)).limit(1)
    if group == "packages" or connection.execute(thrown).first() is None:
        return ""
    table, column = _GROUPS[group]
    # Said so, SQLite goes from the names to the runs, and not through all the runs.
    having = f"FROM {table} AS one CROSS JOIN runs WHERE runs.id = one.run_id AND one.{column} = leaps.name"
    # Some are looked at before all: mostly the oldest runs are thrown away; values are in no such order.
    order = "run_id DESC" if column == "key" else "value"
    some = f"SELECT runs.deleted_us {having} ORDER BY one.{order} LIMIT {_LOOKED_AT}"
    kept = f"EXISTS (SELECT 1 FROM ({some}) AS looked_at WHERE looked_at.deleted_us IS NULL)"
    kept = f"({kept} OR EXISTS (SELECT 1 {having} AND runs.deleted_us IS NULL))"
    return f"AND {kept}"


def _values(connection: Connection, field: language.Field) -> Iterator[Completion]:
    kind = language.kind_of(field)
    plain: tuple[str, ...] = ()
    if kind == "time":
        plain = _TIMES
    elif kind == "seconds":
        plain = _SPANS
    elif kind == "truth":
        plain = ("true", "false")
    elif field.group == "run" and field.name == "status":
        plain = tuple(f'"{each}"' for each in STATUSES)
    for each in plain:
        yield Completion(text=each, kind="value")
    if plain or field.group == "metrics":
        return
    counted = Counter(_newest_values(connection, field))
    for text, number in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])):
        if len(text) <= 200:
            yield Completion(text=text, kind="value", detail=_counted(field, number))


def _counted(field: language.Field, number: int) -> str | None:
    if field.group == "packages" or (field.group == "run" and field.name in FACTS):
        return None  # environments, each once however many runs had it
    return f"{number} of the newest runs"


def _newest_values(connection: Connection, field: language.Field) -> Iterator[str]:
    if field.group == "experiment.tags":
        values = (tags[field.name] for tags in _experiment_tags(connection) if field.name in tags)
        yield from map(_quoted, values)
    elif field.group == "params":
        p = PARAMS.c
        rows = connection.execute(
            sa.select(p.text, p.number, sa.type_coerce(p.value, sa.Text))
            .join_from(PARAMS, RUNS, RUNS.c.id == p.run_id)
            .where(p.key == clean(field.name), RUNS.c.deleted_us.is_(None))
            .order_by(p.run_id.desc())
            .limit(_NEWEST)
        )
        for text, number, written in rows:
            yield text if number is not None or written in ("true", "false") else _quoted(text)
    elif field.group == "tags":
        newest = sa.select(TAGS.c.value).join_from(TAGS, RUNS, RUNS.c.id == TAGS.c.run_id)
        newest = newest.where(TAGS.c.key == clean(field.name), RUNS.c.deleted_us.is_(None))
        newest = newest.order_by(TAGS.c.run_id.desc()).limit(_NEWEST)
        yield from map(_quoted, connection.execute(newest).scalars())
    elif field.group == "packages":
        versions = sa.select(PACKAGES.c.version).where(PACKAGES.c.name == clean(field.name)).distinct()
        yield from map(_quoted, connection.execute(versions).scalars())
    elif field.name in FACTS:
        newest = (
            sa.select(ENVIRONMENTS.c.facts).order_by(ENVIRONMENTS.c.created_us.desc()).limit(_NEWEST_FACTS)
        )
        facts = (each.get(FACTS[field.name]) for each in connection.execute(newest).scalars())
        number = language.kind_of(field) == "number"
        yield from (str(each) if number else _quoted(each) for each in facts if each is not None)
    elif COLUMNS[field.name].table is EXPERIMENTS:
        column = COLUMNS[field.name]
        newest = sa.select(column).where(column.is_not(None), EXPERIMENTS.c.deleted_us.is_(None))
        newest = newest.order_by(EXPERIMENTS.c.id.desc())
        yield from map(_quoted, connection.execute(newest.limit(_NEWEST)).scalars())
    else:
        kept = sa.select(COLUMNS[field.name]).where(RUNS.c.deleted_us.is_(None))
        newest = kept.order_by(RUNS.c.started_us.desc()).limit(_NEWEST)
        yield from (_quoted(each) for each in connection.execute(newest).scalars() if each)


def _experiment_tags(connection: Connection) -> list[dict[str, Any]]:
    kept = sa.select(EXPERIMENTS.c.tags).where(EXPERIMENTS.c.deleted_us.is_(None))
    newest = kept.order_by(EXPERIMENTS.c.id.desc()).limit(_NEWEST)
    return list(connection.execute(newest).scalars())


def _quoted(text: Any) -> str:
    return '"' + str(text).replace('"', '""') + '"'

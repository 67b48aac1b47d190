"""The datasets that a search names, and the runs that read or wrote them.

Which versions a name means is known to the room of datasets, which is no floor below; so it is asked through
`DatasetVersions`.  What a run had to do with a version is an edge of lineage.  The versions meant are told to
a statement as the keys by which the table of edges is searched, each time that it is executed: a statement is
kept, while an alias moves and versions are added.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import sqlalchemy as sa

from nbproof.core.errors import Invalid, PlatformError
from nbproof.core.pattern import Pattern
from nbproof.lineage.domain import Node, key_of
from nbproof.lineage.tables import LineageRow
from nbproof.storage.tables import table_of
from nbproof.tracking import query as language
from nbproof.tracking.models import DatasetUse

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["Asked", "DatasetVersions", "asked_of", "told_of", "users_of", "uses_of"]

_EDGES = table_of(LineageRow)
_KIND = "dataset_version"


class DatasetVersions(Protocol):
    """Whoever knows which versions a name means; on the connection, and so of the moment, of the search."""

    def names(self, connection: Connection) -> Sequence[str]:
        """The names of all datasets."""
        ...

    def ids_of(self, connection: Connection, names: Sequence[str] | None) -> Sequence[str]:
        """The versions that datasets have ever had, or those that all have had; deleted ones included."""
        ...

    def ids_meant(self, connection: Connection, reference: str) -> Sequence[str]:
        """The versions that somebody means, deleted ones included: of a bare name all of them.

        Raises
        ------
        NotFound, Conflict, Invalid
            There is none, several may be meant, or it is no name.
        """
        ...

    def names_of(self, connection: Connection, ids: Sequence[str]) -> Mapping[str, str]:
        """What versions are called, such as ``sales@v3``, by id; deleted ones included."""
        ...

    def references(self, connection: Connection, written: str) -> Sequence[tuple[str, str]]:
        """How versions may be named by somebody who has written so much, each with a word about it."""
        ...


class _AnyDataset:
    """That a run has datasets at all."""


ANY = _AnyDataset()
Asked: TypeAlias = tuple[language.DatasetName, ...] | language.Like | language.Match | _AnyDataset


def asked_of(query: language.Query) -> list[Asked]:
    """What a search wants to know of datasets, each once."""
    found: dict[Asked, None] = {}
    for node in language.conditions(query.where):
        match node:
            case language.Comparison(_, operator, language.DatasetName() as name):
                found[(name,)] = None
                if operator == "!=":
                    found[ANY] = None
            case language.OneOf(language.Field("dataset"), values):
                found[_named(values)] = None
            case language.Like(language.Field("dataset")) | language.Match(language.Field("dataset")):
                found[node] = None
            case language.IsNull(language.Field("dataset")) | language.Found(language.Field("dataset")):
                found[ANY] = None
    return list(found)


def asked_by(node: language.Condition) -> Asked:
    """What a condition about datasets asks first; see `asked_of`."""
    match node:
        case language.Comparison(_, _, language.DatasetName() as name):
            return (name,)
        case language.OneOf(_, values):
            return _named(values)
        case language.Like() | language.Match():
            return node
    return ANY


def _named(values: Iterable[language.Value]) -> tuple[language.DatasetName, ...]:
    return tuple(each for each in values if isinstance(each, language.DatasetName))


def told_of(
    connection: Connection, versions: DatasetVersions | None, asked: Mapping[Asked, str]
) -> dict[str, Any]:
    """The keys and ids of the versions that a search means, under the names that `users_of` gave them.

    Raises
    ------
    Invalid
        A name means no dataset; the nearest are offered.
    """
    sqlite = connection.dialect.name == "sqlite"
    told: dict[str, Any] = {}
    for each, name in asked.items():
        ids = list(dict.fromkeys(_ids(connection, versions, each)))
        keys = [key_of(Node(_KIND, id)) for id in ids]
        told[f"{name}_keys"] = json.dumps(keys) if sqlite else keys
        told[f"{name}_ids"] = json.dumps(ids) if sqlite else ids
    return told


def _ids(connection: Connection, versions: DatasetVersions | None, asked: Asked) -> Iterable[str]:
    matches: Callable[[str], object]
    match asked:
        case language.Like(_, pattern, minds_case):
            regular = "".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in pattern)
            flags = re.DOTALL if minds_case else re.DOTALL | re.IGNORECASE | re.ASCII
            matches = re.compile(regular, flags).fullmatch
        case language.Match(_, pattern):
            matches = Pattern(pattern).matches
        case _AnyDataset():
            return [] if versions is None else versions.ids_of(connection, None)
        case _:
            return [id for each in asked for id in _meant(connection, versions, each)]
    if versions is None:
        return []
    return versions.ids_of(connection, [each for each in versions.names(connection) if matches(each)])


def _meant(
    connection: Connection, versions: DatasetVersions | None, name: language.DatasetName
) -> Iterable[str]:
    try:
        if versions is not None:
            return versions.ids_meant(connection, name.text)
        raise Invalid("there are no datasets here")
    except PlatformError as error:
        # Whatever is wrong with a name, it is the search that can't be understood, at a place.
        column = {} if name.column is None else {"column": name.column}
        where = f"column {name.column} of the search: " if column else ""
        details = {**error.details, "field": "query", **column, "expected": "a dataset"}
        raise Invalid(where + error.message, hint=error.hint, details=details) from error


def uses_of(connection: Connection, versions: DatasetVersions, run_id: str) -> list[DatasetUse]:
    """The versions that a run read, then those that it wrote, each in the order of time."""
    run, columns = key_of(Node("run", run_id)), _EDGES.c
    ways = (
        ("read", columns.source_id, columns.source_kind, columns.target_key, columns.target_id),
        ("wrote", columns.target_id, columns.target_kind, columns.source_key, columns.source_id),
    )
    found: list[tuple[str, str]] = []
    for how, version, kind, key, id in ways:
        statement = sa.select(version).where(key == run, id == run_id, kind == _KIND)
        rows = connection.execute(statement.order_by(columns.created_us, version)).scalars()
        found += [(how, each) for each in dict.fromkeys(rows)]
    names = versions.names_of(connection, [id for _, id in found]) if found else {}
    return [DatasetUse(id=id, name=names[id], how=how) for how, id in found if id in names]


def users_of(name: str, *, sqlite: bool) -> sa.CompoundSelect[Any]:
    """Ids of the runs that read or wrote the versions told under a name; a run may come twice."""
    columns = _EDGES.c

    def among(column: Any, told: str) -> sa.ColumnElement[bool]:
        kind: Any = sa.BigInteger if told.endswith("_keys") else sa.Text
        if not sqlite:
            found: sa.ColumnElement[bool] = column == sa.any_(sa.bindparam(told, type_=sa.ARRAY(kind)))
            return found
        each = sa.func.json_each(sa.bindparam(told, type_=sa.Text)).table_valued(sa.column("value", kind))
        return sa.and_(column.in_(sa.select(each.c.value)))

    # By the key an index is entered; the id is compared as well, because two nodes may have one key.
    read = sa.select(columns.target_id.label("run")).where(
        among(columns.source_key, f"{name}_keys"),
        among(columns.source_id, f"{name}_ids"),
        columns.source_kind == _KIND,
        columns.target_kind == "run",
    )
    wrote = sa.select(columns.source_id.label("run")).where(
        among(columns.target_key, f"{name}_keys"),
        among(columns.target_id, f"{name}_ids"),
        columns.target_kind == _KIND,
        columns.source_kind == "run",
    )
    return sa.union_all(read, wrote)

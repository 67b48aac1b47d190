"""The records of lineage: writing edges once, and following them in the database itself.

Everything reachable is found by one recursive statement whose ``UNION`` drops what was found before, so a
ring ends as a chain does, and each edge is read once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from nbproof.core.garbage import uncollected
from nbproof.lineage.domain import Edge, Node, key_of
from nbproof.lineage.tables import LineageRow
from nbproof.storage.database import Database
from nbproof.storage.tables import portions, table_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["LineageRepository", "forget_runs"]

LINEAGE = table_of(LineageRow)

_ROWS = 2000  # edges read or written at once

_PLAIN = (
    LINEAGE.c.source_kind,
    LINEAGE.c.source_id,
    LINEAGE.c.target_kind,
    LINEAGE.c.target_id,
    LINEAGE.c.relation,
    LINEAGE.c.label,
    LINEAGE.c.run_id,
    LINEAGE.c.cell_id,
    LINEAGE.c.created_us,
)
_Key = tuple[int, int, str]

# How many rows each step of a recursion gives is not known to the planner of PostgreSQL.  Where it guesses
# that they are many, it reads the whole table at each step: 20 seconds for a chain of 10,000 edges.
_BY_INDEX = "SELECT " + ", ".join(
    f"set_config('{setting}', 'off', true)"
    for setting in ("enable_hashjoin", "enable_mergejoin", "enable_seqscan", "jit")
)


class LineageRepository:
    """Edges as recorded.

    Laws: safe from any thread and beside other processes; an edge is told apart by its two ends and its
    relation, and written again only its last time changes; nothing here loops, whatever was written.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, edges: Sequence[Edge], *, now_us: int) -> int:
        """Keep edges, all or none; how many of them are new."""
        rows: dict[_Key, dict[str, Any]] = {}
        for edge in edges:
            row = _row(edge, now_us)
            rows.setdefault((row["source_key"], row["target_key"], row["relation"]), row)
        if not rows:
            return 0
        insert: Any = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        new = 0
        # In one order, so that two writers of the same edges wait for each other in turn, never in a ring.
        ordered = [rows[key] for key in sorted(rows)]
        again = (
            sa.update(LINEAGE)
            .where(
                LINEAGE.c.source_key == sa.bindparam("b_source"),
                LINEAGE.c.target_key == sa.bindparam("b_target"),
                LINEAGE.c.relation == sa.bindparam("b_relation"),
                LINEAGE.c.last_us < sa.bindparam("b_last"),
            )
            .values(last_us=sa.bindparam("b_last"))
        )
        with self._database.begin() as connection:
            for some in portions(ordered, _ROWS):
                kept = insert(LINEAGE).on_conflict_do_nothing()
                done = connection.execute(kept, some, execution_options={"preserve_rowcount": True}).rowcount
                new += done
                if done < len(some):
                    connection.execute(
                        again,
                        [
                            {
                                "b_source": row["source_key"],
                                "b_target": row["target_key"],
                                "b_relation": row["relation"],
                                "b_last": row["last_us"],
                            }
                            for row in some
                        ],
                    )
        return new

    @uncollected()
    def reach(
        self, nodes: Collection[Node], direction: Literal["upstream", "downstream"], limit: int
    ) -> list[Edge]:
        """Every edge on a way to these nodes (upstream) or away from them; a few more than `limit` at most.

        What two of many nodes have in common may be there twice.
        """
        near, far = _ends(direction)
        found: list[Edge] = []
        for some in portions([key_of(node) for node in nodes]):
            reached = sa.select(near.label("key")).where(near.in_(some)).cte("reached", recursive=True)
            reached = reached.union(sa.select(far).where(near == reached.c.key))
            statement = sa.select(*_PLAIN).select_from(reached).join(LINEAGE, near == reached.c.key)
            found += self._read(statement.limit(limit + 1), _BY_INDEX)
            if len(found) > limit:
                break
        return found

    def step(
        self, nodes: Collection[Node], direction: Literal["upstream", "downstream"], limit: int
    ) -> list[Edge]:
        """The edges that lead straight to these nodes (upstream) or away from them."""
        near, _ = _ends(direction)
        found: list[Edge] = []
        for some in portions([key_of(node) for node in nodes]):
            found += self._read(sa.select(*_PLAIN).where(near.in_(some)).limit(limit + 1))
            if len(found) > limit:
                break
        return found

    def knows(self, node: Node) -> bool:
        """Whether any edge has it for an end."""
        statement = sa.select(LINEAGE.c.relation).where(_has(node))
        with self._database.connect() as connection:
            return connection.execute(statement.limit(1)).first() is not None

    def every(self) -> Iterator[Edge]:
        """All edges, without code and details, in the order of their keys; of as many moments as parts."""
        after: _Key = (-(2**63), -(2**63), "")
        place = sa.tuple_(LINEAGE.c.source_key, LINEAGE.c.target_key, LINEAGE.c.relation)
        while True:
            statement = sa.select(*place.clauses, *_PLAIN).where(place > after).order_by(*place.clauses)
            with self._database.connect() as connection:
                rows = connection.execute(statement.limit(_ROWS)).all()
            yield from _edges((row[3:] for row in rows), {})
            if len(rows) < _ROWS:
                return
            after = (rows[-1][0], rows[-1][1], rows[-1][2])

    def whole(self, edges: Sequence[Edge]) -> list[Edge]:
        """The same edges with all that is kept of them; those that are not kept here as they are."""
        found = {}
        place = sa.tuple_(LINEAGE.c.source_key, LINEAGE.c.target_key, LINEAGE.c.relation)
        with self._database.connect() as connection:
            for some in portions(edges, 300):
                keys = [(key_of(edge.source), key_of(edge.target), edge.relation) for edge in some]
                for row in connection.execute(sa.select(LINEAGE).where(place.in_(keys))):
                    edge = _edge(row)
                    found[edge[:3]] = edge
        return [found.get(edge[:3], edge) for edge in edges]

    def forget(self, node: Node) -> int:
        """Remove every edge of a node; how many there were."""
        with self._database.begin() as connection:
            gone = connection.execute(sa.delete(LINEAGE).where(_has(node)))
        return int(gone.rowcount)

    def of_run(self, run_id: str, artifacts: Sequence[str]) -> list[Edge]:
        """The edges of a run and of its artifacts, and what came about in it, with all that is kept."""
        keys = [
            key_of(node) for node in (Node("run", run_id), *(Node("artifact", each) for each in artifacts))
        ]
        found: dict[tuple[Node, Node, str], Edge] = {}
        with self._database.connect() as connection:
            for some in portions(keys):
                for which in (LINEAGE.c.source_key.in_(some), LINEAGE.c.target_key.in_(some)):
                    for row in connection.execute(sa.select(LINEAGE).where(which)):
                        edge = _edge(row)
                        found[edge[:3]] = edge
            for row in connection.execute(sa.select(LINEAGE).where(LINEAGE.c.run_id == run_id)):
                edge = _edge(row)
                found[edge[:3]] = edge
        return list(found.values())

    def _read(self, statement: sa.Select[Any], settings: str | None = None) -> list[Edge]:
        with self._database.connect() as connection:
            if settings is not None and self._database.dialect == "postgresql":
                connection.exec_driver_sql(settings)
            edges: list[Edge] = []
            nodes: dict[str, Node] = {}
            # From the driver itself: all columns are texts and whole numbers, of which nothing is to be made.
            cursor = connection.execute(statement).cursor
            assert cursor is not None
            while rows := cursor.fetchmany(500):
                edges += _edges(rows, nodes)
            return edges


def forget_runs(connection: Connection, ids: Sequence[str]) -> None:
    """Remove the edges of runs that are gone for good, and of their artifacts.

    What came about in such a run and has other ends stays, and no longer names it.
    """
    for which in _touching(ids):
        connection.execute(sa.delete(LINEAGE).where(which))
    connection.execute(sa.update(LINEAGE).where(LINEAGE.c.run_id.in_(ids)).values(run_id=None))


def _touching(runs: Sequence[str]) -> Iterable[sa.ColumnElement[bool]]:
    """Conditions under which an edge has one of these runs, or one of their artifacts, for an end."""
    keys = [key_of(Node("run", run)) for run in runs]
    for kind, identifier, key in (
        (LINEAGE.c.source_kind, LINEAGE.c.source_id, LINEAGE.c.source_key),
        (LINEAGE.c.target_kind, LINEAGE.c.target_id, LINEAGE.c.target_key),
    ):
        yield key.in_(keys)
        yield sa.and_(kind == "artifact", sa.func.substr(identifier, 1, 32).in_(runs))


def _has(node: Node) -> sa.ColumnElement[bool]:
    """The condition under which an edge has this node for an end."""
    columns = LINEAGE.c
    return sa.or_(
        sa.and_(
            columns.source_key == key_of(node), columns.source_kind == node.kind, columns.source_id == node.id
        ),
        sa.and_(
            columns.target_key == key_of(node), columns.target_kind == node.kind, columns.target_id == node.id
        ),
    )


def _ends(
    direction: Literal["upstream", "downstream"],
) -> tuple[sa.Column[int], sa.Column[int]]:
    """The column of the end one stands at, and that of the end one goes to."""
    if direction == "upstream":
        return LINEAGE.c.target_key, LINEAGE.c.source_key
    return LINEAGE.c.source_key, LINEAGE.c.target_key


def _row(edge: Edge, now_us: int) -> dict[str, Any]:
    created_us = now_us if edge.created_us is None else edge.created_us
    return {
        "source_key": key_of(edge.source),
        "target_key": key_of(edge.target),
        "relation": edge.relation,
        "source_kind": edge.source.kind,
        "source_id": edge.source.id,
        "target_kind": edge.target.kind,
        "target_id": edge.target.id,
        "label": edge.label,
        "code": edge.code,
        "details": edge.details,
        "run_id": edge.run_id,
        "cell_id": edge.cell_id,
        "created_us": created_us,
        "last_us": max(created_us, created_us if edge.last_us is None else edge.last_us),
    }


def _edges(rows: Iterable[Sequence[Any]], nodes: dict[str, Node]) -> list[Edge]:
    """Rows of `_PLAIN`; `nodes` are those that were met before, by their ids.

    Of thousands of edges each microsecond counts: a named tuple is made as a tuple is.
    """
    new, known = tuple.__new__, nodes.get
    found = []
    for source_kind, source_id, target_kind, target_id, relation, label, run_id, cell_id, created_us in rows:
        source, target = known(source_id), known(target_id)
        if source is None or source[0] != source_kind:
            source = nodes[source_id] = Node(source_kind, source_id)
        if target is None or target[0] != target_kind:
            target = nodes[target_id] = Node(target_kind, target_id)
        found.append(
            new(Edge, (source, target, relation, label, None, None, run_id, cell_id, created_us, None))
        )
    return found


def _edge(row: Any) -> Edge:
    return Edge(
        Node(row.source_kind, row.source_id),
        Node(row.target_kind, row.target_id),
        row.relation,
        row.label,
        row.code,
        row.details,
        row.run_id,
        row.cell_id,
        row.created_us,
        row.last_us,
    )

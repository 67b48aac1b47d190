"""Lineage of 10,000 edges on both databases: followed to its end, as a graph with labels, drawn."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import process_time

from nbproof.lineage.domain import Edge, Node
from nbproof.lineage.repository import LineageRepository
from nbproof.lineage.service import Lineage
from nbproof.storage.database import Database, open_database
from tests.benchmarks.bench_search import timed
from tests.benchmarks.table import Row, Table
from tests.support.plain_user import PlainUser
from tests.support.postgres import PostgresServer, find_postgres

_EDGES = 10_000
_DATABASES = ("SQLite", "PostgreSQL")
_SHAPES = ("chain", "ring", "net")

ROWS = {
    **{
        f"{shape} {name}": Row(f"{_EDGES:,} edges of a {shape} followed, {name}", "ms", at_most=50)
        for name in _DATABASES
        for shape in _SHAPES
    },
    **{
        f"{what} {name}": Row(f"{_EDGES:,} edges {told}, {name}", "ms")
        for name in _DATABASES
        for what, told in (("graph", "as a graph with labels"), ("shown", "as a cell shows them"))
    },
    **{f"one {name}": Row(f"one step among {5 * _EDGES:,} edges, {name}", "ms") for name in _DATABASES},
    **{f"added {name}": Row(f"{_EDGES:,} edges added, {name}", "edges/s") for name in _DATABASES},
}


def edges_of(shape: str) -> list[Edge]:
    """Edges of one shape; the first one's source leads to all of them."""

    def node(number: int) -> Node:
        return Node("dataset_version", f"{_SHAPES.index(shape):02x}{number:030x}")

    if shape == "chain":
        return [Edge(node(number), node(number + 1), "derived") for number in range(_EDGES)]
    if shape == "ring":
        return [Edge(node(number), node((number + 1) % _EDGES), "derived") for number in range(_EDGES)]
    random = Random(0)
    pairs: dict[tuple[int, int], None] = {(0, 1): None}
    for number in range(2, _EDGES):
        pairs[random.randrange(max(0, number - 500), number), number] = None
        pairs[random.randrange(max(0, number - 500), number), number] = None
        if len(pairs) >= _EDGES:
            break
    return [Edge(node(one), node(other), "derived") for one, other in list(pairs)[:_EDGES]]


def measure(table: Table, database: Database, name: str) -> None:
    """All lines of one database."""
    records = LineageRepository(database)
    lineage = Lineage(lambda: records)
    for shape in _SHAPES:
        edges = edges_of(shape)
        if shape == "chain":
            milliseconds, _ = timed(_adding(lineage, edges), 1)
            table.line(f"added {name}", len(edges) / milliseconds * 1e3)
        lineage.add_edges(edges)
    for shape in _SHAPES:
        start = edges_of(shape)[0].source
        assert len(records.reach([start], "downstream", _EDGES)) == _EDGES
        began = process_time()
        middle, slowest = timed(lambda start=start: records.reach([start], "downstream", _EDGES))  # type: ignore[misc]  # its own
        ours = (process_time() - began) / 16 * 1e3
        note = f"slowest {slowest:.0f} ms; {ours:.0f} ms of our processor time"
        table.line(f"{shape} {name}", middle, note=note)
    start = edges_of("net")[0].source
    graph = lineage.downstream(start)
    assert len(graph.edges) == _EDGES and graph.complete
    table.line(f"graph {name}", timed(lambda: lineage.downstream(start))[0])
    table.line(f"shown {name}", timed(graph._repr_mimebundle_, 3)[0])
    table.line(f"one {name}", timed(lambda: lineage.around(start, 1))[0])


def _adding(lineage: Lineage, edges: list[Edge]) -> Callable[[], object]:
    """Adds other edges of the same form each time."""
    rounds = iter(range(100))

    def add() -> None:
        mark = f"{next(rounds) + 16:02x}"

        def moved(node: Node) -> Node:
            return Node(node.kind, mark + node.id[2:])

        lineage.add_edges(Edge(moved(edge.source), moved(edge.target), edge.relation) for edge in edges)

    return add


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table(ROWS)
    with tempfile.TemporaryDirectory() as folder, open_database(Path(folder) / "meta.db") as database:
        measure(table, database, "SQLite")
    programs, user = find_postgres(), PlainUser()
    if programs is None or user.open_the_way():
        print("lineage on PostgreSQL was not measured: it is not installed")
        return table.exit_code
    server = PostgresServer(programs, user)
    try:
        with open_database(server.create_database()) as database:
            measure(table, database, "PostgreSQL")
    finally:
        server.close()
        user.close()
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())

"""The verbs of lineage, for every face."""

from __future__ import annotations

from nbproof.core.operation import operation
from nbproof.lineage.domain import Node
from nbproof.lineage.models import AddEdges, EdgesAdded, GetLineage, LineageGraph
from nbproof.lineage.service import Lineage

__all__ = ["add_edges", "get_graph"]


@operation(
    "lineage.graph",
    "GET /lineage",
    action="read",
    python="lineage_graph",
    cli="lineage show",
    magic="lineage",
)
def get_graph(lineage: Lineage, ask: GetLineage) -> LineageGraph:
    """Show what something came of, and what came of it: a run, a dataset, a file."""
    node = lineage.resolve(ask.id) if ask.kind is None else Node(ask.kind, ask.id)
    return lineage.graph(node, ask.direction, ask.depth, limit=ask.limit)


@operation("lineage.add", "POST /lineage", action="write", python="add_lineage", creates=True)
def add_edges(lineage: Lineage, ask: AddEdges) -> EdgesAdded:
    """Keep edges: that one thing came of another."""
    return lineage.add_edges(ask.edges)

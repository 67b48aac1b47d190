"""The verbs of lineage, for every face."""

from __future__ import annotations

from io import BufferedReader

from nbproof.core.errors import Invalid
from nbproof.core.generated import Generated
from nbproof.core.operation import Download, operation
from nbproof.lineage.display import drawing_of
from nbproof.lineage.domain import Node
from nbproof.lineage.models import (
    AddEdges,
    EdgesAdded,
    ExportLineage,
    GetLineage,
    ImportLineage,
    LineageGraph,
    LineageImport,
)
from nbproof.lineage.service import Lineage

__all__ = ["add_edges", "export_lineage", "get_graph", "import_lineage"]


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
    graph = lineage.graph(node, ask.direction, ask.depth, limit=ask.limit)
    return graph.model_copy(update={"drawing": drawing_of(graph)}) if ask.drawing else graph


@operation("lineage.add", "POST /lineage", action="write", python="add_lineage", creates=True)
def add_edges(lineage: Lineage, ask: AddEdges) -> EdgesAdded:
    """Keep edges: that one thing came of another."""
    return lineage.add_edges(ask.edges)


@operation("lineage.export", "GET /lineage/export", action="read", cli="lineage export")
def export_lineage(lineage: Lineage, ask: ExportLineage) -> Download:
    """Write lineage as OpenLineage events, one to a line: all of it, or around one thing."""
    node = None
    if ask.id is not None:
        node = lineage.resolve(ask.id) if ask.kind is None else Node(ask.kind, ask.id)
    elif ask.kind is not None:
        raise Invalid("a kind belongs to an id", details={"field": "id"})
    stream = BufferedReader(Generated(lineage.export_events(node)), 1 << 16)
    return Download(None, "lineage.jsonl", "application/x-ndjson", stream=stream)


@operation(
    "lineage.import",
    "POST /lineage/import",
    action="write",
    python="import_lineage",
    cli="lineage import",
    upload="path",
)
def import_lineage(lineage: Lineage, ask: ImportLineage) -> LineageImport:
    """Take the edges that a file of OpenLineage events tells of, ours or those of other tools."""
    return lineage.import_events(ask.path)

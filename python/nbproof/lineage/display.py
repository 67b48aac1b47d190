"""How lineage looks in a cell: a picture, the same in words, and in Mermaid for who draws with that."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from nbproof.core.ids import is_id, short
from nbproof.plots.figure import Entry, colour_of, drawn
from nbproof.plots.graph import (
    HEIGHT,
    WIDTH,
    Graph,
    GraphEdge,
    GraphNode,
    folded,
    laid_out,
    mermaid_text,
    plot_graph,
    shape_of,
    tree_text,
)

if TYPE_CHECKING:
    from nbproof.lineage.models import LineageDrawing, LineageGraph, LineageNode

__all__ = ["drawing_of", "graph_bundle", "graph_html", "graph_mermaid", "graph_text"]

_MOST = 60  # nodes that can be read in one picture
# One colour for a kind, in every picture.
_COLOURS = {
    "run": 0, "file": 8, "dataset_version": 2, "cell": 4, "artifact": 1, "feature": 5, "model_version": 6,
    "card": 7, "monitor": 9, "alert": 3, "external": 8, "drift_report": 3,
}  # fmt: skip


def graph_bundle(graph: LineageGraph) -> dict[str, str]:
    """What a cell shows."""
    small = folded(_drawing(graph), _MOST)
    return {
        "text/plain": _text(graph, small),
        "text/html": _html(graph, small),
        "text/vnd.mermaid": mermaid_text(small),
    }


def graph_text(graph: LineageGraph) -> str:
    """Two trees: what it came of, and what came of it."""
    return _text(graph, folded(_drawing(graph), _MOST))


def graph_html(graph: LineageGraph) -> str:
    """The picture, its legend, and what is left out."""
    return _html(graph, folded(_drawing(graph), _MOST))


def drawing_of(graph: LineageGraph) -> LineageDrawing:
    """Where the nodes and edges of the picture lie, for who draws it otherwise."""
    from nbproof.lineage.models import DrawnEdge, DrawnNode, LineageDrawing

    known = {_name(node.kind, node.id): node for node in graph.nodes}
    layout = laid_out(folded(_drawing(graph), _MOST))
    nodes = []
    for node in layout.graph.nodes:
        one = known.get(node.name)
        x, y = layout.places[node.name]
        nodes.append(
            DrawnNode(
                kind=node.kind.replace(" ", "_") if one is None else one.kind,
                id=None if one is None else one.id,
                label=node.label,
                link=None if one is None else one.link,
                count=node.count,
                x=x,
                y=y,
            )
        )
    edges = [
        DrawnEdge(relation=edge.label, back=back, **shape_of(edge, points, back)._asdict())
        for edge, points, back in layout.routes
    ]
    return LineageDrawing(
        width=layout.width,
        height=layout.height,
        node_width=WIDTH,
        node_height=HEIGHT,
        nodes=nodes,
        edges=edges,
    )


def graph_mermaid(graph: LineageGraph) -> str:
    """The graph as Mermaid writes it."""
    return mermaid_text(folded(_drawing(graph), _MOST))


def _name(kind: str, identifier: str) -> str:
    return f"{kind}:{identifier}"


def _drawing(graph: LineageGraph) -> Graph:
    return Graph(
        [
            GraphNode(
                _name(node.kind, node.id),
                node.label,
                _kind(node.kind),
                colour_of(_COLOURS.get(node.kind, 8)),
                _said(node),
            )
            for node in graph.nodes
        ],
        [
            GraphEdge(
                _name(edge.source.kind, edge.source.id),
                _name(edge.target.kind, edge.target.id),
                edge.relation.replace("_", " "),
            )
            for edge in graph.edges
        ],
        _name(graph.of.kind, graph.of.id),
    )


def _kind(kind: str) -> str:
    return kind.replace("_", " ")


def _said(node: LineageNode) -> str:
    identifier = short(node.id) if is_id(node.id) else node.id
    return f"{node.label}\n{_kind(node.kind)} {identifier[:300]}"


def _text(graph: LineageGraph, small: Graph) -> str:
    focus = small.focus or ""
    lines = [f"{' '.join(graph.of.label.split())} ({_kind(graph.of.kind)})"]
    for upstream, title in ((True, "came of"), (False, "led to")):
        if tree := tree_text(small, focus, upstream=upstream):
            lines += [f"  {title}", *(f"    {line}" for line in tree)]
    if len(lines) == 1:
        lines.append(f"  {_nothing(graph)}")
    return "\n".join([*lines, *_left_out(graph)])


def _html(graph: LineageGraph, small: Graph) -> str:
    if not graph.edges:
        said = f"{escape(graph.of.label)} ({_kind(graph.of.kind)}): {_nothing(graph)}"
        return f'<div class="nbproof-lineage">{said}</div>'
    kinds = dict.fromkeys((node.kind, node.colour) for node in small.nodes)
    figure = plot_graph(
        laid_out(small),
        said=f"Lineage of {graph.of.label}: {len(graph.nodes)} nodes, {len(graph.edges)} edges",
        legend=[Entry(kind, colour) for kind, colour in kinds] if len(kinds) > 1 else (),
    )
    notes = "".join(
        f'<div style="color:var(--jp-ui-font-color2,#808080);font-size:11px">{escape(line.strip())}</div>'
        for line in _left_out(graph)
    )
    return (
        f'<div class="nbproof-lineage" style="overflow-x:auto;max-width:100%">{drawn(figure.svg)}</div>'
        f"{figure.legend_html()}{notes}"
    )


def _nothing(graph: LineageGraph) -> str:
    if graph.depth == 0:
        return "at a depth of 0 it stands alone"
    where = {"upstream": "about what it came of", "downstream": "about what came of it"}
    return f"nothing is recorded {where.get(graph.direction, 'about what it came of or led to')}"


def _left_out(graph: LineageGraph) -> list[str]:
    if graph.complete:
        return []
    return [f"  there are more than these {len(graph.edges):,} edges: ask for less depth, or a higher limit"]

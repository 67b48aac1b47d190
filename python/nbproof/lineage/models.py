"""What crosses the boundary of lineage: nodes, edges, graphs, and what is asked about them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints

from nbproof.core.operation import Ask, Instant, Json, Positional, View
from nbproof.lineage.domain import FEW_EDGES, MOST_DEPTH, MOST_EDGES, MOST_ID, Direction, NodeKind

__all__ = [
    "AddEdges",
    "DrawnEdge",
    "DrawnNode",
    "EdgesAdded",
    "ExportLineage",
    "GetLineage",
    "ImportLineage",
    "LineageDrawing",
    "LineageEdge",
    "LineageGraph",
    "LineageImport",
    "LineageNode",
    "NodeRef",
    "UnreadLine",
]


class NodeRef(View):
    """A node by its kind and id."""

    kind: str = Field(
        description="file, dataset_version, drift_report, cell, run, artifact, feature, model_version, card, "
        "monitor, alert or external."
    )
    id: str = Field(
        description="Of the record; of a file its path or address, of something external its namespace/name."
    )


class LineageNode(NodeRef):
    """A node with what it is called."""

    label: str
    link: str | None = Field(None, description="Where more is told, below the API's base, or an address.")


def _node(value: Any) -> Any:
    """``("file", "/data/a.csv")`` as what it stands for."""
    if isinstance(value, (tuple, list)) and len(value) == 2:  # a `Node` is one too
        return {"kind": value[0], "id": value[1]}
    return value


_Ref = Annotated[NodeRef, BeforeValidator(_node)]


class LineageEdge(View):
    """That one thing came of another; unique by its two ends and its relation.

    Examples
    --------
    >>> edge = LineageEdge(source=("file", "sales.csv"), target=("external", "dwh/sales"), relation="copied")
    >>> edge.source.id, edge.relation
    ('sales.csv', 'copied')
    """

    source: _Ref = Field(description="What was there.")
    target: _Ref = Field(description="What was made of it, or by it.")
    relation: str = Field(description="A word: read, wrote, derived, trained, evaluated, copied, ...")
    label: str | None = None
    code: str | None = Field(
        None,
        description="What made it; secrets are blanked.  Graphs of more than "
        f"{FEW_EDGES} edges leave out code, details and times.",
    )
    details: Json | None = None
    run_id: str | None = Field(None, description="The run in which it came about.")
    cell_id: str | None = Field(None, description="The execution of a cell in which it came about.")
    created: Instant | None = Field(None, description="By default now.")
    last: Instant | None = Field(None, description="When it came about again, last.")


class DrawnNode(View):
    """A node of a picture: where its middle lies, and how many nodes it stands for."""

    kind: str
    id: str | None = Field(description="Null where it stands for several.")
    label: str
    link: str | None = None
    count: int = 1
    x: float
    y: float


class DrawnEdge(View):
    """An edge of a picture, as SVG writes lines."""

    relation: str
    path: str
    head: str = Field(description="Corners of the head of its arrow.")
    x: float = Field(description="Where a word has room beside it.")
    y: float
    back: bool = Field(description="It closes a ring, and leads from right to left.")


class LineageDrawing(View):
    """A graph as a picture that can be read: of many nodes that are alike one stands for the rest."""

    width: float
    height: float
    node_width: float
    node_height: float
    nodes: list[DrawnNode]
    edges: list[DrawnEdge]


class LineageGraph(View):
    """What a node came of, what came of it, or both."""

    of: LineageNode
    direction: Direction
    depth: int | None = Field(None, description="Steps from the node; null for all of them.")
    nodes: list[LineageNode] = Field(description="The node itself first, then the others by their distance.")
    edges: list[LineageEdge]
    complete: bool = Field(True, description="False where there are more edges than were asked for.")
    drawing: LineageDrawing | None = Field(None, description="Where it was asked for.")

    @property
    def mermaid(self) -> str:
        """The graph as Mermaid writes it, for a page or a README."""
        from nbproof.lineage.display import graph_mermaid

        return graph_mermaid(self)

    def __str__(self) -> str:
        from nbproof.lineage.display import graph_text

        return graph_text(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from nbproof.lineage.display import graph_bundle

        return graph_bundle(self)


Reference = Annotated[str, StringConstraints(min_length=1, max_length=MOST_ID)]


class GetLineage(Ask):
    """Which lineage to show."""

    id: Annotated[
        Reference,
        Positional,
        Field(description="What it is called: a run, a dataset (name@v3), a file; with a kind, its id."),
    ]
    kind: NodeKind | None = Field(None, description="What it is; without it, `id` is looked up.")
    direction: Direction = "both"
    depth: int | None = Field(
        None, ge=0, le=MOST_DEPTH, description="So many steps only; by default all there are."
    )
    limit: int = Field(10_000, ge=1, le=MOST_EDGES, description="Edges at most.")
    drawing: bool = Field(False, description="Where the nodes of a picture lie, too.")


class AddEdges(Ask):
    """Edges to keep; all or none."""

    edges: Annotated[list[LineageEdge], Positional] = Field(min_length=1, max_length=10_000)


class EdgesAdded(View):
    """What became of edges."""

    added: int = Field(description="So many are new.")
    known: int = Field(description="So many were there already; they are marked as seen again.")


class ExportLineage(Ask):
    """Which lineage to write; by default all of it."""

    id: Annotated[
        Reference | None,
        Positional,
        Field(description="What came of this, and what it came of; by default everything."),
    ] = None
    kind: NodeKind | None = Field(None, description="What it is; without it, `id` is looked up.")


class ImportLineage(Ask):
    """A file of OpenLineage events, one to a line."""

    path: Annotated[Path, Positional, Field(description="The file, JSON Lines.")]


class UnreadLine(View):
    """A line that was not taken."""

    line: int = Field(description="Its number, from 1.")
    problem: str


class LineageImport(View):
    """What was taken of a file of events."""

    events: int = Field(description="Lines that were taken.")
    added: int = Field(description="Edges that are new.")
    known: int = Field(description="Edges that were there already.")
    skipped: int = Field(0, description="Events that tell of no edge.")
    malformed: int = Field(0, description="Lines that could not be read.")
    problems: list[UnreadLine] = Field(default_factory=list, description="The first 100 of those.")

    def told(self) -> dict[str, object]:
        """What a cell and a terminal show."""
        told = super().told()
        told["without an edge"] = told.pop("skipped")
        return {
            **{name: value for name, value in told.items() if name != "problems"},
            "problems": told["problems"],
        }

"""The graph of where things come from, kept as edges and asked in both directions.

What stands in other tables is not copied: rooms tell such edges when somebody asks (`EdgeSource`), as they
tell what their things are called (`Labels`) and what people mean by a word (`Resolver`).
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from pydantic import TypeAdapter

from nbproof.core.clock import Clock, SystemClock, datetime_of, microseconds_of
from nbproof.core.errors import Invalid, NotFound, Unavailable, hint_of, near_names
from nbproof.core.events import Changed, Changes
from nbproof.core.garbage import uncollected
from nbproof.core.operation import validated
from nbproof.lineage.domain import (
    FEW_EDGES,
    MOST_CODE,
    MOST_DEPTH,
    MOST_EDGES,
    NODE_KINDS,
    Direction,
    Edge,
    EdgeSource,
    Known,
    Labels,
    Node,
    Resolver,
    checked_edge,
    checked_node,
    fallback_label,
)
from nbproof.lineage.models import (
    EdgesAdded,
    LineageEdge,
    LineageGraph,
    LineageImport,
    LineageNode,
    NodeRef,
    UnreadLine,
)
from nbproof.lineage.openlineage import (
    Activity,
    activities,
    edge_of,
    edges_of,
    events_of,
    read_event,
    told_of,
)

if TYPE_CHECKING:
    from nbproof.lineage.repository import LineageRepository

__all__ = ["Lineage"]

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_Place = tuple[Node, Node, str]
_Side = Literal["upstream", "downstream"]
_SIDES: tuple[_Side, ...] = ("upstream", "downstream")

_MANY = 1000  # edges that are written at once
_TOLD = 100  # activities whose nodes are named at once
_LONGEST_LINE = 16 << 20
_MOST_PROBLEMS = 100

# Many at once: that is several times as quick as one after the other.
_NODES = TypeAdapter(list[LineageNode])


class Lineage:
    """Where things come from and what was made of them.

    Laws: safe from any thread; edges told twice are kept once; a ring, or an edge from a thing to itself, is
    kept as it was told, and no question about it takes longer than its edges.

    Parameters
    ----------
    records : callable
        Gives the `LineageRepository`.
    catch_up : callable, optional
        Brings in what was recorded and is in no table yet; called before every answer.
    clock : Clock, optional
    changes : Changes, optional
        Told about every node whose edges changed.
    sources : sequence of EdgeSource
    labels : sequence of Labels
    resolvers : sequence of Resolver
    root : Path, optional
        The project: paths of files are also looked for from there.
    """

    def __init__(
        self,
        records: Callable[[], LineageRepository],
        catch_up: Callable[[], object] | None = None,
        *,
        clock: Clock | None = None,
        changes: Changes | None = None,
        sources: Sequence[EdgeSource] = (),
        labels: Sequence[Labels] = (),
        resolvers: Sequence[Resolver] = (),
        root: Path | None = None,
    ) -> None:
        self._records = records
        self._catch_up = catch_up or (lambda: None)
        self._clock: Clock = clock or SystemClock()
        self._changes = changes
        self._sources = tuple(sources)
        self._labels = tuple(labels)
        self._resolvers = tuple(resolvers)
        self._root = root

    # -- writing -------------------------------------------------------------------------------------

    def add_edges(self, edges: Iterable[LineageEdge | Edge]) -> EdgesAdded:
        """Keep edges, all or none; one that is known is marked as seen again.

        Raises
        ------
        Invalid
            An edge can't be kept; ``details["field"]`` says which, and what of it.
        """
        checked = [checked_edge(_plain(edge), f"edges[{place}]") for place, edge in enumerate(edges)]
        added = self._records().add(checked, now_us=self._clock.now_us())
        if self._changes is not None:
            ends = dict.fromkeys(end.id for edge in checked for end in (edge.source, edge.target))
            self._changes.publish(Changed("lineage", tuple(ends)))
        return EdgesAdded(added=added, known=len(checked) - added)

    def forget(self, node: Node | NodeRef | tuple[str, str]) -> int:
        """Remove every edge of a node; how many there were."""
        found = _node(node)
        gone = self._records().forget(found)
        if gone and self._changes is not None:
            self._changes.publish(Changed("lineage", (found.id,)))
        return gone

    # -- asking --------------------------------------------------------------------------------------

    def upstream(
        self, node: Node | NodeRef | tuple[str, str], depth: int | None = None, *, limit: int = 10_000
    ) -> LineageGraph:
        """What a node came of.

        Parameters
        ----------
        node : Node, or pair of kind and id
        depth : int, optional
            So many steps only.
        limit : int
            Edges at most; where there are more, the answer is not ``complete``.
        """
        return self.graph(node, "upstream", depth, limit=limit)

    def downstream(
        self, node: Node | NodeRef | tuple[str, str], depth: int | None = None, *, limit: int = 10_000
    ) -> LineageGraph:
        """What came of a node; see `upstream`."""
        return self.graph(node, "downstream", depth, limit=limit)

    def around(
        self, node: Node | NodeRef | tuple[str, str], depth: int | None = None, *, limit: int = 10_000
    ) -> LineageGraph:
        """What a node came of, and what came of it; see `upstream`."""
        return self.graph(node, "both", depth, limit=limit)

    def graph(
        self,
        node: Node | NodeRef | tuple[str, str],
        direction: Direction = "both",
        depth: int | None = None,
        *,
        limit: int = 10_000,
    ) -> LineageGraph:
        """The graph around a node in one direction or in both.

        Raises
        ------
        Invalid
            There is no such kind of node, the id is none, or direction, depth or limit make no sense.
        """
        start = _node(node)
        _check(direction, depth, limit)
        self._catch_up()
        with uncollected():
            return self._graph(start, direction, depth, limit)

    def _graph(self, start: Node, direction: Direction, depth: int | None, limit: int) -> LineageGraph:
        sides: tuple[_Side, ...] = _SIDES if direction == "both" else (direction,)
        complete = True
        nodes: dict[Node, int] = {start: 0}
        found: dict[_Place, Edge] = {}
        for side in sides:
            walked, whole = self._walk(start, side, depth, limit)
            complete = complete and whole
            for node, distance in walked.nodes.items():
                nodes[node] = min(distance, nodes.get(node, distance))
            for edge in walked.edges:
                found[edge.source, edge.target, edge.relation] = edge
        if len(found) > limit:
            complete = False
        edges = self._in_full(list(found.values())[:limit])
        if not complete:
            ends = {start, *(edge.source for edge in edges), *(edge.target for edge in edges)}
            nodes = {node: distance for node, distance in nodes.items() if node in ends}
        views = self._views(sorted(nodes, key=nodes.__getitem__))
        return LineageGraph.model_construct(
            of=views[start],
            direction=direction,
            depth=depth,
            nodes=list(views.values()),
            edges=_edge_views(edges, views),
            complete=complete,
        )

    def path(
        self, start: Node | NodeRef | tuple[str, str], end: Node | NodeRef | tuple[str, str]
    ) -> list[LineageEdge]:
        """The edges of a shortest way from one node to another, in order; none if there is no way."""
        first, last = _node(start, "start"), _node(end, "end")
        self._catch_up()
        walked, _ = self._walk(first, "downstream", None, MOST_EDGES)
        # The nearest come first, so the first edge that led to a node is one of a shortest way.
        came: dict[Node, Edge] = {}
        for edge in walked.edges:
            came.setdefault(edge.target, edge)
        way: list[Edge] = []
        at = last
        while at in came and (at != first or not way):
            way.append(came[at])
            at = came[at].source
        if at != first:
            return []
        way = self._in_full(way[::-1])
        return _edge_views(way, self._views(dict.fromkeys(end for edge in way for end in edge[:2])))

    def _in_full(self, edges: list[Edge]) -> list[Edge]:
        """With code, details and times, where edges are few enough to be read one by one."""
        if len(edges) > FEW_EDGES:
            return edges
        whole = self._records().whole(edges)
        return whole if sum(len(each.code or "") for each in whole) <= MOST_CODE else edges

    def resolve(self, reference: str) -> Node:
        """The node that people mean by a word.

        That is ``kind:id``, the name of a run or of another thing that a room knows, an address, or the path
        of a file that lineage knows, from here or from the root of the project.

        Raises
        ------
        NotFound
            Nothing is called that.
        Conflict
            Several things are.
        """
        kind, colon, identifier = reference.partition(":")
        if colon and kind in NODE_KINDS and not identifier.startswith("//"):
            return checked_node(Node(kind, identifier), "id")
        self._catch_up()
        hints: list[str] = []
        if not _ADDRESS.match(reference):
            for each in self._resolvers:
                try:
                    return each.resolve(reference)
                except NotFound as error:
                    hints += [error.hint] if error.hint else []
        for file in self._files(reference):
            if self._records().knows(file) or any(
                True for source in self._sources for _ in source.edges([file], "upstream", 1)
            ):
                return file
        near = near_names(kind, NODE_KINDS) if colon else []
        if near:
            hints.insert(0, f"did you mean {near[0]}:{identifier}?")
        raise NotFound(
            f"nothing with a lineage is called {reference[:200]!r}",
            hint=hints[0]
            if hints
            else "name a run, a dataset (name@v3), a file that was read or written, or kind:id",
            details={"field": "id"},
        )

    def code_of(self, edge: LineageEdge | Edge) -> str | None:
        """The code that belongs to an edge: large graphs leave it out."""
        return self._records().whole([_plain(edge)])[0].code

    def labels(self, nodes: Collection[Node]) -> dict[Node, Known]:
        """What is known about nodes by those whose they are."""
        by_kind: dict[str, list[str]] = defaultdict(list)
        for node in nodes:
            by_kind[node.kind].append(node.id)
        found: dict[Node, Known] = {}
        for kind, ids in by_kind.items():
            known: dict[str, Known] = {}
            for labels in self._labels:
                known.update(labels.labels(kind, ids))
            for identifier, each in known.items():
                found[Node(kind, identifier)] = each
        return {node: found.get(node) or Known(fallback_label(node)) for node in nodes}

    # -- moving --------------------------------------------------------------------------------------

    def export_events(
        self, node: Node | NodeRef | tuple[str, str] | None = None
    ) -> Generator[bytes, None, None]:
        """OpenLineage events as lines of JSON: of all lineage, or of what a node came of and led to."""
        start = None if node is None else _node(node)
        self._catch_up()
        edges = self._all_edges() if start is None else self._around(start)
        return _lines(self, self._records(), activities(edges))

    def import_events(self, path: str | os.PathLike[str]) -> LineageImport:
        """Take the edges that OpenLineage events tell of, ours or others', one event to a line.

        What can't be read is counted and named by its line; the rest is taken.  The same file again changes
        nothing but when its edges were last seen.

        Raises
        ------
        NotFound
            There is no such file.
        Unavailable
            It can't be read.
        """
        events = added = known = skipped = malformed = number = 0
        problems: list[UnreadLine] = []
        waiting: list[Edge] = []
        with _opened(Path(path)) as file:
            while line := file.readline(_LONGEST_LINE + 1):
                number += 1
                try:
                    if len(line) > _LONGEST_LINE:
                        while line and not line.endswith(b"\n"):
                            line = file.readline(_LONGEST_LINE)
                        raise Invalid(f"longer than {_LONGEST_LINE:,} bytes")
                    text = _decoded(line, first=number == 1)
                    if not text:
                        continue
                    edges = edges_of(read_event(text))
                except Invalid as error:
                    malformed += 1
                    if len(problems) < _MOST_PROBLEMS:
                        problems.append(UnreadLine(line=number, problem=error.message[:500]))
                    continue
                events += 1
                skipped += not edges
                waiting += edges
                if len(waiting) >= _MANY:
                    done = self.add_edges(waiting)
                    added, known, waiting = added + done.added, known + done.known, []
        if waiting:
            done = self.add_edges(waiting)
            added, known = added + done.added, known + done.known
        return LineageImport(
            events=events,
            added=added,
            known=known,
            skipped=skipped,
            malformed=malformed,
            problems=problems,
        )

    def told_of_run(self, run_id: str, artifacts: Sequence[str]) -> list[dict[str, Any]]:
        """The edges that are kept of a run and of its artifacts, as JSON: what goes with it when it moves."""
        return [told_of(edge) for edge in self._records().of_run(run_id, artifacts)]

    def take_of_run(self, told: Sequence[Any], renamed: Callable[[str], str]) -> None:
        """Keep edges that `told_of_run` gave, runs under the ids that they have here.

        Raises
        ------
        Invalid
            They can't be understood; none is kept.
        """

        def here(node: Node) -> Node:
            if node.kind not in ("run", "artifact"):
                return node
            run, slash, rest = node.id.partition("/")
            return Node(node.kind, f"{renamed(run)}{slash}{rest}")

        self.add_edges(
            edge._replace(
                source=here(edge.source),
                target=here(edge.target),
                run_id=None if edge.run_id is None else renamed(edge.run_id),
            )
            for edge in map(edge_of, told)
        )

    # -- inside --------------------------------------------------------------------------------------

    def _files(self, reference: str) -> Iterator[Node]:
        if _ADDRESS.match(reference):
            yield checked_node(Node("file", reference), "id")
            return
        path = os.path.expanduser(reference)
        places = [os.path.abspath(path)]
        if self._root is not None:
            places.append(os.path.abspath(self._root / path))
        for place in dict.fromkeys(places):
            yield checked_node(Node("file", place), "id")

    def _walk(self, start: Node, side: _Side, depth: int | None, limit: int) -> tuple[_Walked, bool]:
        """What lies on all ways from a node, and whether that is all.

        Without a depth the database follows the edges that it keeps to their end; rooms are asked about all
        nodes found, and what they tell may lead on from there.  With a depth both are asked step by step.
        """
        records = self._records()
        found: dict[_Place, Edge] = {}
        seen = {start}
        frontier = [start]
        level = 0
        whole = True
        while frontier and whole and (depth is None or level < depth):
            stored = (records.reach if depth is None else records.step)(frontier, side, limit)
            ends = dict.fromkeys(_far(edge, side) for edge in stored)
            # A ring leads back to where it began; nobody is asked about the same node twice.
            asked = dict.fromkeys(frontier)
            if depth is None:
                asked.update((end, None) for end in ends if end not in seen)
                seen.update(ends)
                ends = {}
            told = [edge for source in self._sources for edge in source.edges(asked, side, limit)]
            for edge in (*stored, *told):
                found[edge.source, edge.target, edge.relation] = edge
            whole = len(found) <= limit
            ends.update((_far(edge, side), None) for edge in told)
            frontier = [end for end in ends if end not in seen]
            seen.update(frontier)
            level += 1
        return _by_distance(start, side, found.values()), whole

    def _around(self, start: Node) -> list[Edge]:
        found: dict[_Place, Edge] = {}
        for side in _SIDES:
            walked, whole = self._walk(start, side, None, MOST_EDGES)
            if not whole:
                raise Invalid(
                    f"more than {MOST_EDGES:,} edges lead to or from {start.id[:200]!r}",
                    hint="export all of lineage, without a name",
                )
            found.update((edge[:3], edge) for edge in walked.edges)
        return list(found.values())

    def _all_edges(self) -> list[Edge]:
        """All edges that are kept, and what rooms tell of their ends and of what that leads to."""
        found: dict[_Place, Edge] = {edge[:3]: edge for edge in self._records().every()}
        ends = dict.fromkeys(end for edge in found.values() for end in edge[:2])
        seen = set(ends)
        while ends:
            told = [
                edge
                for source in self._sources
                for side in _SIDES
                for edge in source.edges(ends, side, MOST_EDGES)
            ]
            found.update((edge[:3], edge) for edge in told if edge[:3] not in found)
            ends = dict.fromkeys(end for edge in told for end in edge[:2] if end not in seen)
            seen.update(ends)
        return list(found.values())

    def _views(self, nodes: Collection[Node]) -> dict[Node, LineageNode]:
        known = self.labels(nodes)
        views = _NODES.validate_python(
            [
                {"kind": node.kind, "id": node.id, "label": each.label, "link": each.link}
                for node, each in known.items()
            ]
        )
        return dict(zip(known, views, strict=True))


def _lines(
    lineage: Lineage, records: LineageRepository, told: Sequence[Activity]
) -> Generator[bytes, None, None]:
    for start in range(0, len(told), _TOLD):
        some = told[start : start + _TOLD]
        known = lineage.labels(dict.fromkeys(node for activity in some for node in activity.nodes))
        for activity in some:
            whole = Activity(
                activity.subject, records.whole(activity.inputs), records.whole(activity.outputs)
            )
            for event in events_of(whole, known):
                yield json.dumps(event, separators=(",", ":")).encode() + b"\n"


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.expanduser().open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"there is no file {str(path)!r}", details={"field": "path"}) from None
    except OSError as error:
        raise Unavailable(
            f"{str(path)!r} can't be read: {error.strerror or error}", details={"field": "path"}
        ) from error


def _decoded(line: bytes, *, first: bool) -> str:
    try:
        return line.decode("utf-8-sig" if first else "utf-8").strip()
    except UnicodeDecodeError as error:
        raise Invalid(f"not UTF-8: {error.reason}") from None


class _Walked(NamedTuple):
    """What a walk found, the nearest first: nodes with their distance, and edges."""

    nodes: dict[Node, int]
    edges: list[Edge]


def _far(edge: Edge, side: _Side) -> Node:
    return edge.source if side == "upstream" else edge.target


def _by_distance(start: Node, side: _Side, edges: Iterable[Edge]) -> _Walked:
    """What a node is really joined to; this also drops what only has the key of a node in common with it."""
    up = side == "upstream"
    leaving: dict[Node, list[Edge]] = defaultdict(list)
    for edge in edges:
        leaving[edge.target if up else edge.source].append(edge)
    distances = {start: 0}
    ordered: list[Edge] = []
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for edge in leaving.get(node, ()):
            ordered.append(edge)
            far = edge.source if up else edge.target
            if far not in distances:
                distances[far] = distances[node] + 1
                queue.append(far)
    return _Walked(distances, ordered)


def _edge_views(edges: Sequence[Edge], nodes: Mapping[Node, LineageNode]) -> list[LineageEdge]:
    """Edges as people are shown them; what comes from the tables was checked when it was written."""
    made = LineageEdge.of_checked
    return [
        made(
            {
                "source": nodes[source],
                "target": nodes[target],
                "relation": relation,
                "label": label,
                "code": code,
                "details": details,
                "run_id": run_id,
                "cell_id": cell_id,
                "created": None if created_us is None else datetime_of(created_us),
                "last": None if last_us is None else datetime_of(last_us),
            }
        )
        for source, target, relation, label, code, details, run_id, cell_id, created_us, last_us in edges
    ]


def _plain(edge: LineageEdge | Edge) -> Edge:
    if isinstance(edge, Edge):
        return edge
    if not isinstance(edge, LineageEdge):
        told: Mapping[str, Any] = edge
        edge = validated(LineageEdge, told)
    return Edge(
        Node(edge.source.kind, edge.source.id),
        Node(edge.target.kind, edge.target.id),
        edge.relation,
        edge.label,
        edge.code,
        edge.details,
        edge.run_id,
        edge.cell_id,
        None if edge.created is None else microseconds_of(edge.created),
        None if edge.last is None else microseconds_of(edge.last),
    )


def _node(node: Node | NodeRef | tuple[str, str], field: str = "node") -> Node:
    return checked_node(Node(node.kind, node.id) if isinstance(node, (Node, NodeRef)) else Node(*node), field)


def _check(direction: str, depth: int | None, limit: int) -> None:
    if direction not in get_args(Direction):
        raise Invalid(
            f"there is no direction {direction!r}",
            hint=hint_of(near_names(str(direction), get_args(Direction)), get_args(Direction), "there are"),
            details={"field": "direction"},
        )
    if depth is not None and not 0 <= depth <= MOST_DEPTH:
        raise Invalid(
            f"depth is 0 to {MOST_DEPTH} steps, or nothing for all, found {depth}",
            details={"field": "depth"},
        )
    if not 1 <= limit <= MOST_EDGES:
        raise Invalid(f"limit is 1 to {MOST_EDGES:,} edges, found {limit:,}", details={"field": "limit"})

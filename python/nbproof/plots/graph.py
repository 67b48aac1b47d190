"""Graphs that lead from left to right: where their nodes lie, and pictures of that.

`folded` makes a large graph small enough to be read, `laid_out` gives each node a layer and a place in it
(layers by the longest way, places by the middle of the neighbours), `plot_graph` draws that as SVG.
`tree_text` and `mermaid_text` tell the same in characters.  Rings are allowed everywhere.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise
from typing import NamedTuple

from nbproof.plots.figure import DIM, TEXT, Entry, Figure, shortened

__all__ = [
    "HEIGHT",
    "WIDTH",
    "Graph",
    "GraphEdge",
    "GraphNode",
    "Layout",
    "Shape",
    "folded",
    "laid_out",
    "mermaid_text",
    "plot_graph",
    "shape_of",
    "tree_text",
]

WIDTH, HEIGHT = 156, 36  # of a node, in pixels
_ACROSS, _BETWEEN = 70, 12  # from layer to layer, from node to node
_MARGIN = 10
_BESIDE = 9
_SWEEPS = 6
_FEW_EDGES = 24  # so many have their label written beside them
_FONT = "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:11px"
_GROUND = "var(--jp-layout-color1, Canvas)"
_LINE = "var(--jp-ui-font-color3, #8a8a8a)"


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node.

    Attributes
    ----------
    name : str
        What edges call it.
    label : str
        What people call it.
    kind : str
        What it is, written below the label.
    colour : str
        Any CSS colour.
    said : str
        What is said under the pointer; by default label and kind.
    count : int
        How many nodes it stands for, if not one.
    """

    name: str
    label: str
    kind: str = ""
    colour: str = "#7a8794"
    said: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """A line from one node to another, and a word for it."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True)
class Graph:
    """Nodes, in the order in which they matter, and edges between them; `focus` is the node it is about."""

    nodes: Sequence[GraphNode]
    edges: Sequence[GraphEdge]
    focus: str | None = None


# -- folding ---------------------------------------------------------------------------------------


def folded(graph: Graph, most: int = 60) -> Graph:
    """The graph with at most about so many nodes: of many that are alike one stands for the rest.

    Alike are nodes of one kind whose neighbours are alike.  Where that does not help, what is far from the
    focus is left out and counted.

    Examples
    --------
    >>> nodes = [GraphNode("sweep", "sweep", "run"), *(GraphNode(f"r{n}", f"r{n}", "run") for n in range(44))]
    >>> small = folded(Graph(nodes, [GraphEdge("sweep", f"r{n}") for n in range(44)], "sweep"), 10)
    >>> [node.label for node in small.nodes]
    ['sweep', 'r0', 'r1', 'r2', 'r3', 'and 40 more']
    """
    if len(graph.nodes) <= most:
        return graph
    layers = _layers([node.name for node in graph.nodes], _pairs(graph))
    for rounds, kept in ((8, 4), (2, 4), (0, 3)):
        groups = _alike(graph, layers, rounds)
        small = _without(graph, _beyond(graph, groups, kept))
        if len(small.nodes) <= most:
            return small
    return _without(graph, _far_from_focus(graph, layers, most))


def _alike(graph: Graph, layers: Mapping[str, int], rounds: int) -> dict[str, Hashable]:
    """A class for each node: first its kind and layer, then also the classes of its neighbours."""
    classes: dict[str, Hashable] = {
        node.name: (node.kind, layers[node.name], node.name == graph.focus) for node in graph.nodes
    }
    before, after = _neighbours(graph)
    for _ in range(rounds):
        known: dict[Hashable, int] = {}
        finer: dict[str, Hashable] = {}
        for name, own in classes.items():
            told = (
                own,
                frozenset(classes[each] for each in before[name]),
                frozenset(classes[each] for each in after[name]),
            )
            finer[name] = known.setdefault(told, len(known))
        if len(known) == len(set(classes.values())):
            break
        classes = finer
    return classes


def _beyond(graph: Graph, groups: Mapping[str, Hashable], kept: int) -> dict[str, Hashable]:
    """Which nodes are one too many of their group, and in which node they are counted."""
    members: dict[Hashable, list[str]] = defaultdict(list)
    for node in graph.nodes:
        members[groups[node.name]].append(node.name)
    return {
        name: ("more", group)
        for group, names in members.items()
        if len(names) > kept + 1
        for name in names[kept:]
        if name != graph.focus
    }


def _far_from_focus(graph: Graph, layers: Mapping[str, int], most: int) -> dict[str, Hashable]:
    focus = graph.focus if graph.focus is not None else graph.nodes[0].name
    before, after = _neighbours(graph)
    near = {focus: None}
    waiting = deque([focus])
    while waiting:
        name = waiting.popleft()
        for each in (*before[name], *after[name]):
            if each not in near:
                near[each] = None
                waiting.append(each)
    order = [*near, *(node.name for node in graph.nodes if node.name not in near)]
    return {name: ("far", layers[name] < layers[focus]) for name in order[most - 2 :]}


def _without(graph: Graph, gone: Mapping[str, Hashable]) -> Graph:
    """The graph with some nodes counted in others."""
    stands: dict[str, str] = {}  # which node stands for one that is gone
    counts: Counter[Hashable] = Counter()
    kinds: dict[Hashable, set[str]] = defaultdict(set)
    places = {group: f"more {place}" for place, group in enumerate(dict.fromkeys(gone.values()))}
    nodes: list[GraphNode | Hashable] = []
    by_group: dict[Hashable, GraphNode] = {}
    for node in graph.nodes:
        group = gone.get(node.name)
        if group is None:
            nodes.append(node)
            continue
        if group not in by_group:
            by_group[group] = node
            nodes.append(group)
        stands[node.name] = places[group]
        counts[group] += node.count
        kinds[group].add(node.kind)
    made = [
        each
        if isinstance(each, GraphNode)
        else replace(
            by_group[each],
            name=places[each],
            label=f"and {counts[each]:,} more",
            kind=by_group[each].kind if len(kinds[each]) == 1 else "of several kinds",
            said=f"{counts[each]:,} more",
            count=counts[each],
        )
        for each in nodes
    ]
    edges = dict.fromkeys(
        GraphEdge(source, target, edge.label)
        for edge in graph.edges
        if (source := stands.get(edge.source, edge.source))
        != (target := stands.get(edge.target, edge.target))
        or edge.source == edge.target
    )
    return Graph(made, list(edges), graph.focus)


# -- layout ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """Where nodes and edges lie, in pixels.

    Attributes
    ----------
    graph : Graph
    width, height : int
    places : mapping of str to (x, y)
        The middle of each node.
    routes : list of (edge, points, back)
        The points that the line of an edge goes through, from its source to its target; `back` says that it
        leads from right to left, as one edge of every ring does.
    """

    graph: Graph
    width: int
    height: int
    places: Mapping[str, tuple[float, float]]
    routes: Sequence[tuple[GraphEdge, Sequence[tuple[float, float]], bool]]


def laid_out(graph: Graph) -> Layout:
    """A place for each node: what comes of it lies to its right.

    Examples
    --------
    >>> graph = Graph([GraphNode(name, name) for name in "abc"], [GraphEdge("a", "b"), GraphEdge("b", "c")])
    >>> [round(laid_out(graph).places[name][0]) for name in "abc"]
    [88, 314, 540]
    """
    names = [node.name for node in graph.nodes]
    forward, backward = _without_rings(names, _pairs(graph))
    layers = _layers(names, forward)
    rows, joints, chains = _rows(names, forward, layers)
    _order(rows, joints)
    heights = _heights(rows, joints)
    x = {name: _MARGIN + WIDTH / 2 + layers[name] * (WIDTH + _ACROSS) for name in names}
    places = {name: (x[name], heights[name]) for name in names}
    routes: list[tuple[GraphEdge, Sequence[tuple[float, float]], bool]] = []
    for edge in graph.edges:
        pair = (edge.source, edge.target)
        back = pair in backward and pair[0] != pair[1]
        if pair[0] == pair[1]:
            at = places[edge.source]
            routes.append((edge, [at, at], False))
            continue
        way = chains[pair[::-1] if back else pair]
        # Beside the line that may lead the other way.
        beside = _BESIDE if back else 0
        points = [
            (_MARGIN + WIDTH / 2 + layer * (WIDTH + _ACROSS), heights[name] + beside) for name, layer in way
        ]
        routes.append((edge, points[::-1] if back else points, back))
    layer_count = max(layers.values(), default=0) + 1
    lowest = max(heights.values(), default=0.0)
    return Layout(
        graph,
        round(2 * _MARGIN + layer_count * WIDTH + (layer_count - 1) * _ACROSS),
        round(lowest + HEIGHT / 2 + _MARGIN),
        places,
        routes,
    )


_Pair = tuple[str, str]


def _pairs(graph: Graph) -> list[_Pair]:
    return list(dict.fromkeys((edge.source, edge.target) for edge in graph.edges))


def _neighbours(graph: Graph) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for source, target in _pairs(graph):
        after[source].append(target)
        before[target].append(source)
    return before, after


def _without_rings(names: Sequence[str], pairs: Iterable[_Pair]) -> tuple[list[_Pair], set[_Pair]]:
    """The edges with those turned round that close a ring, and which those are (as they were told)."""
    after: dict[str, list[str]] = defaultdict(list)
    entered: Counter[str] = Counter()
    for source, target in pairs:
        after[source].append(target)
        entered[target] += 1
    forward: dict[_Pair, None] = {}
    backward: set[_Pair] = set()
    state: dict[str, int] = {}  # 1: on the way that is being gone, 2: done
    for root in sorted(names, key=lambda name: entered[name] > 0):  # what nothing leads to begins
        if root in state:
            continue
        state[root] = 1
        way = [(root, iter(after[root]))]
        while way:
            name, rest = way[-1]
            far = next(rest, None)
            if far is None:
                state[name] = 2
                way.pop()
            elif state.get(far) == 1:
                backward.add((name, far))
                if name != far:
                    forward[far, name] = None
            else:
                forward[name, far] = None
                if far not in state:
                    state[far] = 1
                    way.append((far, iter(after[far])))
    return list(forward), backward


def _layers(names: Sequence[str], pairs: Iterable[_Pair]) -> dict[str, int]:
    """A layer for each node, right of all it came of; what came of nothing lies beside what it led to."""
    forward, _ = _without_rings(names, pairs)
    after: dict[str, list[str]] = defaultdict(list)
    missing: Counter[str] = Counter()
    for source, target in forward:
        after[source].append(target)
        missing[target] += 1
    layers = dict.fromkeys(names, 0)
    first = [name for name in names if not missing[name]]
    ready = deque(first)
    while ready:
        name = ready.popleft()
        for target in after[name]:
            layers[target] = max(layers[target], layers[name] + 1)
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    for name in first:
        if after[name]:
            layers[name] = min(layers[target] for target in after[name]) - 1
    return layers


_Way = list[tuple[str, int]]


def _rows(
    names: Sequence[str], pairs: Sequence[_Pair], layers: Mapping[str, int]
) -> tuple[list[list[str]], list[_Pair], dict[_Pair, _Way]]:
    """The nodes of each layer, with a joint in every layer that an edge crosses; and each edge's way."""
    rows: list[list[str]] = [[] for _ in range(max(layers.values(), default=0) + 1)]
    for name in names:
        rows[layers[name]].append(name)
    joints: list[_Pair] = []
    chains: dict[_Pair, _Way] = {}
    for place, (source, target) in enumerate(pairs):
        way: _Way = [(source, layers[source])]
        for layer in range(layers[source] + 1, layers[target]):
            joint = f"\0{place} {layer}"
            rows[layer].append(joint)
            way.append((joint, layer))
        way.append((target, layers[target]))
        chains[source, target] = way
        joints += [(one, other) for (one, _), (other, _) in pairwise(way)]
    return rows, joints, chains


def _order(rows: list[list[str]], joints: Sequence[_Pair]) -> None:
    """Put the nodes of each layer into an order with few crossings, by the middle of their neighbours."""
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for source, target in joints:
        before[target].append(source)
        after[source].append(target)
    best, least = [list(row) for row in rows], _crossings(rows, after)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        beside = before if forward else after
        for layer in range(1, len(rows)) if forward else range(len(rows) - 2, -1, -1):
            fixed = {name: place for place, name in enumerate(rows[layer - 1 if forward else layer + 1])}
            middle = {
                name: sum(fixed[each] for each in beside[name]) / len(beside[name]) if beside[name] else place
                for place, name in enumerate(rows[layer])
            }
            rows[layer].sort(key=middle.__getitem__)
        crossings = _crossings(rows, after)
        if crossings < least:
            best, least = [list(row) for row in rows], crossings
    rows[:] = best


def _crossings(rows: Sequence[Sequence[str]], after: Mapping[str, Sequence[str]]) -> int:
    """How often lines between neighbouring layers cross."""
    count = 0
    for row, following in pairwise(rows):
        place = {name: at for at, name in enumerate(following)}
        seen: list[int] = []
        for name in row:
            ends = sorted(place[each] for each in after.get(name, ()))
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            seen = sorted(seen + ends)
    return count


def _heights(rows: Sequence[Sequence[str]], joints: Sequence[_Pair]) -> dict[str, float]:
    """How far down each node lies: as near to its neighbours as those above and below it let it."""
    beside: dict[str, list[str]] = defaultdict(list)
    for source, target in joints:
        beside[source].append(target)
        beside[target].append(source)
    heights: dict[str, float] = {}
    for row in rows:
        at = 0.0
        for place, name in enumerate(row):
            at += _apart(row[place - 1], name) if place else 0.0
            heights[name] = at
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [
                sum(heights[each] for each in beside[name]) / len(beside[name])
                if beside[name]
                else heights[name]
                for name in row
            ]
            heights.update(zip(row, _kept_apart(row, wanted), strict=True))
    top = min(heights.values(), default=0.0)
    return {name: round(height - top + _MARGIN + HEIGHT / 2, 1) for name, height in heights.items()}


def _apart(above: str, below: str) -> float:
    # Lines need less room than nodes.
    room = [_BETWEEN if name.startswith("\0") else HEIGHT for name in (above, below)]
    return sum(room) / 2 + _BETWEEN


def _kept_apart(row: Sequence[str], wanted: Sequence[float]) -> list[float]:
    """The heights nearest to those wanted at which nothing overlaps: least squares, in the order given."""
    offsets = [0.0]
    for above, below in pairwise(row):
        offsets.append(offsets[-1] + _apart(above, below))
    blocks: list[tuple[float, int]] = []  # sum and count of neighbours that touch
    for height, offset in zip(wanted, offsets, strict=False):
        total, count = height - offset, 1
        while blocks and blocks[-1][0] * count >= total * blocks[-1][1]:
            before, so_many = blocks.pop()
            total, count = total + before, count + so_many
        blocks.append((total, count))
    found = [total / count for total, count in blocks for _ in range(count)]
    return [height + offset for height, offset in zip(found, offsets, strict=False)]


# -- pictures --------------------------------------------------------------------------------------


def plot_graph(layout: Layout, *, said: str = "", text: str = "", legend: Sequence[Entry] = ()) -> Figure:
    """The picture, in its own size: a wide one is scrolled and not made small."""
    graph = layout.graph
    labelled = len(graph.edges) <= _FEW_EDGES
    shapes = [_edge_svg(edge, points, back, labelled) for edge, points, back in layout.routes]
    shapes += [_node_svg(node, layout.places[node.name], node.name == graph.focus) for node in graph.nodes]
    width, height = layout.width, layout.height
    svg = (
        f'<svg role="img" aria-label="{escape(said)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" style="display:block;{_FONT}">{"".join(shapes)}</svg>'
    )
    return Figure(svg, text, tuple(legend))


def _node_svg(node: GraphNode, place: tuple[float, float], focus: bool) -> str:
    left, top = place[0] - WIDTH / 2, place[1] - HEIGHT / 2
    behind = ""
    if node.count > 1:  # a pile
        behind = _box_svg(left + 4, top + 4, node.colour, 1)
    label = (
        f'<text x="{left + 12:g}" y="{top + 15:g}" fill="{TEXT}" font-weight="{"700" if focus else "400"}">'
        f"{escape(shortened(node.label, 23))}</text>"
    )
    kind = f'<text x="{left + 12:g}" y="{top + 29:g}" fill="{DIM}">{escape(shortened(node.kind, 23))}</text>'
    return (
        f"<g><title>{escape(node.said or f'{node.label} ({node.kind})')}</title>{behind}"
        f"{_box_svg(left, top, node.colour, 2.5 if focus else 1)}"
        f'<rect x="{left:g}" y="{top:g}" width="5" height="{HEIGHT}" rx="2" fill="{escape(node.colour)}"/>'
        f"{label}{kind}</g>"
    )


def _box_svg(left: float, top: float, colour: str, width: float) -> str:
    return (
        f'<rect x="{left:g}" y="{top:g}" width="{WIDTH}" height="{HEIGHT}" rx="4" fill="{_GROUND}" '
        f'stroke="{escape(colour)}" stroke-width="{width:g}"/>'
    )


class Shape(NamedTuple):
    """What the line of an edge looks like: the line, its head, and where a word has room beside it."""

    path: str
    head: str
    x: float
    y: float


def shape_of(edge: GraphEdge, points: Sequence[tuple[float, float]], back: bool) -> Shape:
    """A route of a `Layout` as an SVG path, and the corners of its head."""
    turn = -1 if back else 1
    (x1, y1), (x2, y2) = points[0], points[-1]
    if edge.source == edge.target:
        top, right = y1 - HEIGHT / 2, x1 + WIDTH / 2
        path = (
            f"M{right:g},{y1 - 8:g} C{right + 34:g},{y1 - 8:g} {right + 10:g},{top - 26:g} "
            f"{right - 25:g},{top - 6:g}"
        )
        head = f"{right - 30:g},{top:g} {right - 25:g},{top - 7:g} {right - 21:g},{top - 1:g}"
        return Shape(path, head, right + 8, top)
    start, end = x1 + turn * WIDTH / 2, x2 - turn * (WIDTH / 2 + 6)
    # Joints are as wide as nodes, so that a line passes between nodes level.
    through = [(start, y1)]
    for x, y in points[1:-1]:
        through += [(x - turn * WIDTH / 2, y), (x + turn * WIDTH / 2, y)]
    through.append((end, y2))
    path = f"M{start:g},{y1:g}"
    for place, ((ax, ay), (bx, by)) in enumerate(pairwise(through)):
        half = (ax + bx) / 2
        path += f" L{bx:g},{by:g}" if place % 2 else f" C{half:g},{ay:g} {half:g},{by:g} {bx:g},{by:g}"
    tip = end + turn * 6
    head = f"{tip:g},{y2:g} {end:g},{y2 - 4:g} {end:g},{y2 + 4:g}"
    (ax, ay), (bx, by) = through[-2], through[-1]
    return Shape(path, head, (ax + bx) / 2, (ay + by) / 2)


def _edge_svg(edge: GraphEdge, points: Sequence[tuple[float, float]], back: bool, labelled: bool) -> str:
    shape = shape_of(edge, points, back)
    dashes = ' stroke-dasharray="5 3"' if back else ""
    label = ""
    if labelled and edge.label:
        # An outline in the colour of the ground keeps words apart from the line they stand on.
        label = (
            f'<text x="{shape.x:g}" y="{shape.y + 3:g}" text-anchor="middle" font-size="10" fill="{DIM}" '
            f'paint-order="stroke" stroke="{_GROUND}" stroke-width="4">'
            f"{escape(shortened(edge.label, 14))}</text>"
        )
    return (
        f"<g><title>{escape(edge.label)}</title>"
        f'<path d="{shape.path}" fill="none" stroke="{_LINE}" stroke-width="1.3"{dashes}/>'
        f'<polygon points="{shape.head}" fill="{_LINE}"/>{label}</g>'
    )


# -- words -----------------------------------------------------------------------------------------


def tree_text(graph: Graph, root: str, *, upstream: bool = False, most: int = 200) -> list[str]:
    r"""The lines of a tree: what comes of a node, or what it came of; `root` itself is not among them.

    A node that is there already is told again without what follows it, so a ring ends.

    Examples
    --------
    >>> edges = [GraphEdge(*each) for each in ("ab", "ac", "ba")]
    >>> graph = Graph([GraphNode(each, each) for each in "abc"], edges)
    >>> print("\n".join(tree_text(graph, "a")))
    ├─ b
    │  └─ a ↑
    └─ c
    """
    nodes = {node.name: node for node in graph.nodes}
    following: dict[str, list[GraphEdge]] = defaultdict(list)
    for edge in graph.edges:
        following[edge.target if upstream else edge.source].append(edge)
    lines: list[str] = []
    seen = {root}
    left_out = 0
    waiting: list[tuple[str, GraphEdge, bool]] = _branches("", following[root])
    while waiting:
        stem, edge, last = waiting.pop()
        node = nodes[edge.source if upstream else edge.target]
        if len(lines) >= most:
            left_out += 1
            continue
        facts = ", ".join(_one_line(each) for each in (node.kind, edge.label) if each)
        told = f" ({facts})" if facts else ""
        again = node.name in seen
        lines.append(f"{stem}{'└─' if last else '├─'} {_one_line(node.label)}{told}{' ↑' if again else ''}")
        if not again:
            seen.add(node.name)
            waiting += _branches(f"{stem}{'   ' if last else '│  '}", following[node.name])
    if left_out:
        lines.append(f"… and {left_out:,} more")
    return lines


def _branches(stem: str, edges: Sequence[GraphEdge]) -> list[tuple[str, GraphEdge, bool]]:
    return [(stem, edge, place == len(edges) - 1) for place, edge in enumerate(edges)][::-1]


def _one_line(text: str) -> str:
    line = shortened(" ".join(text.split()), 80)
    return line if line.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in line)


def mermaid_text(graph: Graph) -> str:
    """The graph as Mermaid writes it.

    Examples
    --------
    >>> nodes = [GraphNode("a", 'say "hi"', "run"), GraphNode("b", "b")]
    >>> print(mermaid_text(Graph(nodes, [GraphEdge("a", "b", "wrote")])))
    flowchart LR
      n0["say #34;hi#34;<br/>run"]
      n1["b"]
      n0 -->|wrote| n1
    """
    places = {node.name: f"n{place}" for place, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for node in graph.nodes:
        told = "<br/>".join(_mermaid(each, 60) for each in (node.label, node.kind) if each.strip())
        lines.append(f'  {places[node.name]}["{told or " "}"]')
    for edge in graph.edges:
        label = f'|"{_mermaid(edge.label, 40)}"|' if not _WORD.fullmatch(edge.label) else f"|{edge.label}|"
        lines.append(f"  {places[edge.source]} -->{label if edge.label else ''} {places[edge.target]}")
    if graph.focus in places:
        lines.append(f"  style {places[graph.focus]} stroke-width:3px")
    return "\n".join(lines)


# What may be a reserved word of Mermaid or end a label is written in quotes and by number.
_WORD = re.compile("(?!end|click|style|class|graph|subgraph|default)[a-z]+")
_HARMLESS = re.compile(r"[A-Za-z0-9 ._/,+=\-]|[^\x00-\x7f]")


def _mermaid(text: str, most: int) -> str:
    """Words that Mermaid takes for nothing but words."""
    line = shortened(" ".join(text.split()), most)
    return "".join(sign if _HARMLESS.fullmatch(sign) else _numbered(sign) for sign in line)


def _numbered(sign: str) -> str:
    if ord(sign) < 32:
        return " "
    # Two of these, or one and an n, still mean something to it: a space without width comes between.
    apart = "\u200b" if sign in "\\$" else ""
    return f"#{ord(sign)};{apart}"

"""Graphs are drawn from left to right without overlaps, made small where they are large, and end where they
are rings."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    tree_text,
)


def graph_of(edges, focus=None, kinds=None):
    """A graph from texts like ``"a>b b>c"``."""
    pairs = [tuple(each.split(">")) for each in edges.split()]
    names = dict.fromkeys(name for pair in pairs for name in pair)
    nodes = [GraphNode(name, name, (kinds or {}).get(name, "")) for name in names]
    return Graph(nodes, [GraphEdge(*pair) for pair in pairs], focus)


@st.composite
def graphs(draw, most=14):
    """Graphs of any form: rings, edges to oneself, parts apart, two edges between the same nodes."""
    count = draw(st.integers(1, most))
    names = [f"n{number}" for number in range(count)]
    ends = st.sampled_from(names)
    edges = draw(st.lists(st.builds(GraphEdge, ends, ends, st.sampled_from(["", "read"])), max_size=30))
    kinds = draw(st.lists(st.sampled_from(["run", "file"]), min_size=count, max_size=count))
    nodes = [GraphNode(name, name, kind) for name, kind in zip(names, kinds, strict=True)]
    return Graph(nodes, edges, draw(st.none() | ends))


@given(graphs())
def test_no_nodes_overlap_and_all_lie_in_the_picture(graph):
    layout = laid_out(graph)

    places = list(layout.places.values())
    assert len(places) == len(graph.nodes)
    for number, (x, y) in enumerate(places):
        assert WIDTH / 2 <= x <= layout.width - WIDTH / 2 and HEIGHT / 2 <= y <= layout.height - HEIGHT / 2
        for other_x, other_y in places[:number]:
            assert abs(x - other_x) >= WIDTH or abs(y - other_y) >= HEIGHT


@given(graphs())
def test_every_edge_leads_from_its_source_to_its_target(graph):
    layout = laid_out(graph)

    assert [edge for edge, _, _ in layout.routes] == list(graph.edges)
    for edge, points, back in layout.routes:
        xs = [x for x, _ in points]
        assert (xs[0], xs[-1]) == (layout.places[edge.source][0], layout.places[edge.target][0])
        if edge.source != edge.target:
            assert all((one > other) if back else (one < other) for one, other in pairwise(xs))


@given(graphs())
def test_without_a_ring_no_edge_leads_back(graph):
    onward = [edge for edge in graph.edges if int(edge.source[1:]) < int(edge.target[1:])]

    assert not any(back for _, _, back in laid_out(Graph(graph.nodes, onward)).routes)


@given(graphs())
def test_the_picture_is_xml_and_trees_and_mermaid_name_every_edge(graph):
    svg = plot_graph(laid_out(graph), said='a "graph"').svg
    root = ElementTree.fromstring(svg)
    assert len(root.findall("g")) == len(graph.nodes) + len(graph.edges)

    focus = graph.nodes[0].name
    lines = tree_text(graph, focus)
    reached = {focus}
    while more := {edge.target for edge in graph.edges if edge.source in reached} - reached:
        reached |= more
    assert len(lines) == sum(edge.source in reached for edge in graph.edges)
    assert mermaid_text(graph).count("-->") == len(graph.edges)


@given(graphs(most=40), st.integers(4, 12))
def test_a_large_graph_becomes_small_and_counts_what_it_left_out(graph, most):
    small = folded(graph, most)

    assert len(small.nodes) <= most
    assert sum(node.count for node in small.nodes) == len(graph.nodes)
    assert graph.focus is None or graph.focus in {node.name for node in small.nodes}
    names = {node.name for node in small.nodes}
    assert all({edge.source, edge.target} <= names for edge in small.edges)


def test_what_leads_on_alike_is_folded_alike():
    runs = " ".join(f"sweep>r{n} r{n}>m{n}" for n in range(44))
    kinds = {f"r{n}": "run" for n in range(44)} | {f"m{n}": "model" for n in range(44)}

    small = folded(graph_of(runs, "sweep", kinds), 20)

    assert [node.label for node in small.nodes] == [
        "sweep", "r0", "m0", "r1", "m1", "r2", "m2", "r3", "m3", "and 40 more", "and 40 more",
    ]  # fmt: skip
    assert [(node.kind, node.count) for node in small.nodes[-2:]] == [("run", 40), ("model", 40)]
    assert small.edges[-2:] == [
        GraphEdge("sweep", small.nodes[-2].name),
        GraphEdge(small.nodes[-2].name, small.nodes[-1].name),
    ]


def test_of_a_long_chain_what_is_near_the_focus_stays():
    chain = graph_of(" ".join(f"s{n}>s{n + 1}" for n in range(1000)), "s500")

    small = folded(chain, 30)

    kept = {node.name for node in small.nodes if node.count == 1}
    assert kept == {f"s{n}" for n in range(486, 514)}
    assert sorted(node.count for node in small.nodes)[-2:] == [486, 487]


def test_a_small_graph_has_no_needless_crossing():
    # a over b, c over d: told in the other order.
    layout = laid_out(graph_of("a>d b>c a>c b>d a>e b>f e>g f>h"))
    places = layout.places
    assert (places["a"][1] < places["b"][1]) == (places["e"][1] < places["f"][1])
    assert (places["e"][1] < places["f"][1]) == (places["g"][1] < places["h"][1])


def test_a_ring_of_thousands_is_laid_out_and_told():
    ring = graph_of(" ".join(f"s{n}>s{(n + 1) % 3000}" for n in range(3000)), "s0")

    assert sum(back for _, _, back in laid_out(ring).routes) == 1
    lines = tree_text(ring, "s0", most=50)
    assert len(lines) == 51 and lines[-1] == "… and 1 more"


ODD = [
    'say "hi"', "`md`", '%%{init: {"theme":"dark"}}%%', "a]b[c{d}e(f)|g", "end", "<script>alert(1)</script>",
    "x; y: #35; &lt;", "style a:#fff;", "--> n1", "line\nbreak", "💥 ü", '"]; n9["x', "$$x^2$$", "C:\\new",
    "\x00\x1b[31m",
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_mermaid_takes_odd_names_for_words(odd):
    told = mermaid_text(
        Graph([GraphNode("a", odd, odd), GraphNode("b", "b")], [GraphEdge("a", "b", odd)], "a")
    )

    head, node, other, edge, style = told.split("\n")
    assert (head, other, style) == ("flowchart LR", '  n1["b"]', "  style n0 stroke-width:3px")
    harmless = r"(?:[A-Za-z0-9 ._/,+=\-]|[^\x00-\x7f]|#\d+;)*"
    assert re.fullmatch(rf'  n0\["{harmless}<br/>{harmless}"\]', node)
    assert re.fullmatch(rf'  n0 -->\|"{harmless}"\| n1', edge)
    assert "$$" not in told.replace("\u200b", "") and "\\n" not in told


@pytest.mark.parametrize("odd", ODD)
def test_pictures_and_trees_take_odd_names_for_words(odd):
    graph = Graph([GraphNode("a", odd, odd, said=odd), GraphNode("b", odd)], [GraphEdge("a", "b", odd)], "a")
    figure = plot_graph(laid_out(graph), said=odd)

    assert "<script" not in figure.svg
    if "\x00" not in odd:
        told = "".join(ElementTree.fromstring(figure.svg).itertext())
        assert odd in told
    assert all(line.isprintable() for line in tree_text(graph, "a"))

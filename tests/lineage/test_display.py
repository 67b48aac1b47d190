"""How lineage looks in a cell."""

from __future__ import annotations

import pytest

from nbproof.lineage.display import drawing_of
from nbproof.lineage.models import LineageEdge, LineageGraph, LineageNode


def graph_of(nodes, edges, **facts):
    known = {name: LineageNode(kind=kind, id=name, label=label) for name, kind, label in nodes}
    told = [
        LineageEdge(source=known[source], target=known[target], relation=relation)
        for source, relation, target in edges
    ]
    return LineageGraph(
        of=next(iter(known.values())),
        **{"direction": "both", "nodes": list(known.values()), "edges": told, **facts},
    )


@pytest.fixture
def trained():
    return graph_of(
        [("t", "run", "train"), ("s", "file", "sales.csv"), ("m", "model_version", "delays v4")],
        [("s", "read", "t"), ("t", "trained", "m"), ("m", "evaluated", "t")],
    )


def test_a_graph_is_two_trees_in_words(trained):
    assert str(trained) == (
        "train (run)\n"
        "  came of\n"
        "    ├─ sales.csv (file, read)\n"
        "    └─ delays v4 (model version, evaluated)\n"
        "       └─ train (run, trained) ↑\n"
        "  led to\n"
        "    └─ delays v4 (model version, trained)\n"
        "       └─ train (run, evaluated) ↑"
    )


def test_a_cell_shows_a_picture_with_words_and_mermaid_beside_it(trained):
    bundle = trained._repr_mimebundle_()

    assert set(bundle) == {"text/plain", "text/html", "text/vnd.mermaid"}
    assert bundle["text/plain"] == str(trained)
    assert bundle["text/vnd.mermaid"] == trained.mermaid
    assert trained.mermaid.startswith('flowchart LR\n  n0["train<br/>run"]\n')
    html = bundle["text/html"]
    assert 'aria-label="Lineage of train: 3 nodes, 3 edges"' in html and "overflow-x:auto" in html
    assert html.count("<svg") == 1 and "--jp-" in html and ">model version<" in html


def test_nothing_recorded_is_said_so():
    alone = graph_of([("t", "run", "<train>")], [], direction="upstream")

    assert str(alone) == "<train> (run)\n  nothing is recorded about what it came of"
    html = alone._repr_mimebundle_()["text/html"]
    assert "&lt;train&gt; (run): nothing is recorded" in html and "<train>" not in html
    assert str(alone.model_copy(update={"depth": 0})).endswith("at a depth of 0 it stands alone")


def test_what_is_left_out_is_told(trained):
    part = trained.model_copy(update={"complete": False})

    assert str(part).endswith("  there are more than these 3 edges: ask for less depth, or a higher limit")
    assert "more than these 3 edges" in part._repr_mimebundle_()["text/html"]


def test_three_hundred_nodes_are_folded_until_they_can_be_read():
    wide = graph_of(
        [("p", "run", "sweep"), *((f"r{n}", "run", f"trial {n}") for n in range(300))],
        [("p", "nested", f"r{n}") for n in range(300)],
    )

    assert str(wide).count("\n") < 10 and "└─ and 296 more (run, nested)" in str(wide)
    assert ">and 296 more<" in wide._repr_mimebundle_()["text/html"]


def test_a_drawing_has_a_place_for_each_node_and_a_line_for_each_edge(trained):
    drawing = drawing_of(trained)

    assert [(node.kind, node.id, node.count) for node in drawing.nodes] == [
        ("run", "t", 1),
        ("file", "s", 1),
        ("model_version", "m", 1),
    ]
    assert [(edge.relation, edge.back) for edge in drawing.edges] == [
        ("read", False),
        ("trained", False),
        ("evaluated", True),
    ]
    assert all(0 < node.x < drawing.width and 0 < node.y < drawing.height for node in drawing.nodes)
    assert all(edge.path.startswith("M") and edge.head.count(",") == 3 for edge in drawing.edges)


def test_what_stands_for_many_nodes_in_a_drawing_has_no_id():
    wide = graph_of(
        [("p", "run", "sweep"), *((f"r{n}", "dataset_version", f"d{n}") for n in range(300))],
        [("p", "wrote", f"r{n}") for n in range(300)],
    )

    last = drawing_of(wide).nodes[-1]

    assert (last.kind, last.id, last.label, last.count) == ("dataset_version", None, "and 296 more", 296)

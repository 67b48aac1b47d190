"""Edges are kept once, followed in both directions and any number of steps, and never in circles."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import Any

import pytest

from nbproof.core.errors import Invalid, NotFound
from nbproof.core.events import Changes
from nbproof.lineage import service as module
from nbproof.lineage.domain import FEW_EDGES, Edge, Known, Node
from nbproof.lineage.models import LineageEdge
from nbproof.lineage.repository import LineageRepository
from nbproof.lineage.service import Lineage
from nbproof.storage.database import open_database


@pytest.fixture
def records(database_url):
    with open_database(database_url) as database:
        yield LineageRepository(database)


@pytest.fixture
def lineage(records, clock):
    return Lineage(lambda: records, clock=clock)


def data(name):
    return Node("external", f"ns/{name}")


def edge(source, target, relation="derived", **facts):
    return Edge(data(source), data(target), relation, **facts)


def chain(names):
    return [edge(source, target) for source, target in pairwise(names)]


def drawn(graph):
    """The edges of a graph by the last part of their ends' ids."""
    return {
        f"{each.source.id.removeprefix('ns/')}>{each.target.id.removeprefix('ns/')}" for each in graph.edges
    }


def named(graph):
    return [node.id.removeprefix("ns/") for node in graph.nodes]


def test_what_something_came_of_and_what_came_of_it(lineage):
    lineage.add_edges([*chain("abcd"), edge("x", "c"), edge("c", "y")])

    up, down, both = (ask(data("c")) for ask in (lineage.upstream, lineage.downstream, lineage.around))

    assert (drawn(up), drawn(down)) == ({"a>b", "b>c", "x>c"}, {"c>d", "c>y"})
    assert drawn(both) == drawn(up) | drawn(down)
    assert (both.of.id, both.direction, both.depth, both.complete) == ("ns/c", "both", None, True)
    assert named(up)[0] == "c" and named(up)[-1] == "a"


@pytest.mark.parametrize(
    ("depth", "found"), [(0, set()), (1, {"b>c"}), (2, {"a>b", "b>c"}), (100, {"a>b", "b>c"})]
)
def test_only_so_many_steps(lineage, depth, found):
    lineage.add_edges(chain("abcd"))

    graph = lineage.upstream(data("c"), depth)

    assert drawn(graph) == found and graph.depth == depth
    assert len(graph.nodes) == len(found) + 1


def test_an_edge_told_twice_is_kept_once_and_only_its_last_time_changes(lineage, clock):
    first = edge("a", "b", label="one", code="b = a", details={"rows": 3}, run_id="0" * 32)
    told = lineage.add_edges([first, edge("a", "b", "copied"), first])
    before = clock.now_us()
    clock.advance(5)

    again = lineage.add_edges([edge("a", "b", label="two", code="other"), edge("b", "c")])

    assert (told.added, told.known, again.added, again.known) == (2, 1, 1, 1)
    records = lineage._records()
    (kept,) = [each for each in records.whole(list(records.every())) if each.label == "one"]
    assert kept == first._replace(created_us=before, last_us=clock.now_us())


def test_edges_of_one_call_are_kept_all_or_none(lineage):
    with pytest.raises(Invalid) as caught:
        lineage.add_edges([edge("a", "b"), edge("b", "c", "NOT A WORD")])

    assert caught.value.details["field"] == "edges[1].relation"
    assert lineage.around(data("a")).edges == []


def test_a_direction_that_there_is_not_is_refused_with_the_near_one(lineage):
    with pytest.raises(Invalid, match="there is no direction 'upsteam'") as refused:
        lineage.graph(data("c"), "upsteam")
    assert refused.value.hint == "did you mean 'upstream'?" and refused.value.details["field"] == "direction"


@pytest.mark.parametrize("depth", [None, 1, 7, 100])
def test_a_ring_and_an_edge_to_oneself_end(lineage, depth):
    lineage.add_edges([*chain("abca"), edge("b", "b"), edge("c", "d")])

    down, up = lineage.downstream(data("a"), depth), lineage.upstream(data("a"), depth)

    if depth == 1:
        assert (drawn(down), drawn(up)) == ({"a>b"}, {"c>a"})
    else:
        assert drawn(down) == {"a>b", "b>b", "b>c", "c>a", "c>d"}
        assert drawn(up) == {"a>b", "b>b", "b>c", "c>a"}


def test_a_ring_of_ten_thousand_edges_is_read_once_around(lineage):
    names = [str(number) for number in range(10_000)]
    told = lineage.add_edges(chain([*names, "0"]))
    assert told.added == 10_000

    graph = lineage.upstream(data("77"))

    assert (len(graph.nodes), len(graph.edges), graph.complete) == (10_000, 10_000, True)
    assert len(lineage.path(data("5"), data("4"))) == 9_999
    assert not lineage.upstream(data("77"), limit=9_999).complete


def test_more_edges_than_asked_for_are_left_out_and_that_is_said(lineage):
    lineage.add_edges([edge("a", f"leaf {number}") for number in range(50)])

    graph = lineage.downstream(data("a"), limit=20)
    assert (len(graph.edges), len(graph.nodes), graph.complete) == (20, 21, False)
    graph = lineage.around(data("a"), 1, limit=50)
    assert (len(graph.edges), graph.complete) == (50, True)


def test_a_shortest_way(lineage):
    lineage.add_edges([*chain("abcde"), edge("a", "d", "copied"), edge("e", "a")])

    assert [each.relation for each in lineage.path(data("a"), data("e"))] == ["copied", "derived"]
    assert [each.target.id for each in lineage.path(data("b"), data("b"))] == [
        "ns/c",
        "ns/d",
        "ns/e",
        "ns/a",
        "ns/b",
    ]
    assert lineage.path(data("a"), data("nowhere")) == []


def test_nodes_of_one_number_are_not_taken_for_each_other(lineage, monkeypatch):
    real = module.Lineage
    monkeypatch.setattr("nbproof.lineage.repository.key_of", lambda node: len(node.id) % 2)
    assert real is Lineage
    lineage.add_edges([edge("a", "bb"), edge("c", "dd", "copied")])

    assert drawn(lineage.downstream(data("a"))) == {"a>bb"}
    assert drawn(lineage.upstream(data("dd"), 1)) == {"c>dd"}
    assert lineage.forget(data("a")) == 1
    assert drawn(lineage.around(data("c"))) == {"c>dd"}


def test_a_forgotten_node_has_no_edges(lineage):
    lineage.add_edges([*chain("abc"), edge("b", "b")])

    assert lineage.forget(("external", "ns/b")) == 3
    assert lineage.forget(data("b")) == 0
    assert lineage.around(data("a")).edges == []


def test_code_and_details_are_kept_without_secrets(lineage):
    told = LineageEdge(
        source=("file", "https://ann:hunter2pass@host/sales.csv"),
        target=("external", "dwh/sales"),
        relation="read",
        code='key = "AKIAIOSFODNN7EXAMPLE"\nload(key)',
        details={"password": "hunter2pass", "rows": 3},
    )
    lineage.add_edges([told])

    (found,) = lineage.around(("external", "dwh/sales")).edges
    assert found.source.id == "https://host/sales.csv"
    assert found.code == lineage.code_of(found) == 'key = "[redacted]"\nload(key)'
    assert found.details == {"password": "[redacted]", "rows": 3}
    assert lineage.path(("file", "https://host/sales.csv"), ("external", "dwh/sales"))[0].code == found.code


def test_of_many_edges_the_code_is_read_one_by_one(lineage):
    many = [
        LineageEdge(source=data(f"d{number}"), target=data("all"), relation="read", code="x = 1")
        for number in range(FEW_EDGES + 1)
    ]
    lineage.add_edges(many)

    edges = lineage.upstream(data("all")).edges

    assert len(edges) == FEW_EDGES + 1 and {edge.code for edge in edges} == {None}
    assert lineage.code_of(edges[0]) == "x = 1"


@pytest.mark.parametrize(
    ("node", "field"),
    [
        (("dataset", "x"), "kind"),
        (("", "x"), "kind"),
        (("file", ""), "id"),
        (("file", "x" * 1_000_000), "id"),
        (("file", "/a\0b"), "id"),
        (("file", "/a\ud800b"), "id"),
    ],
)
def test_what_is_no_node_is_refused_everywhere(lineage, node, field):
    asks = (
        lambda: lineage.around(node),
        lambda: lineage.forget(node),
        lambda: lineage.path(node, ("run", "x")),
        lambda: lineage.add_edges([LineageEdge(source=node, target=("run", "x"), relation="read")]),
    )
    for ask in asks:
        with pytest.raises(Invalid) as caught:
            ask()
        assert caught.value.details["field"].endswith(f".{field}")
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "facts",
    [
        {"label": "x" * 1001},
        {"code": "x" * 1_000_001},
        {"code": "a\0b"},
        {"details": {"x": float("nan")}},
        {"details": {"x": "y" * 1_000_000}},
        {"details": object()},
        {"run_id": "mine"},
        {"cell_id": "x" * 32},
        {"relation": ""},
        {"relation": "x" * 65},
    ],
)
def test_what_is_no_edge_is_refused_with_the_field_named(lineage, facts):
    (field,) = facts
    with pytest.raises(Invalid) as caught:
        lineage.add_edges([edge("a", "b")._replace(**facts)])
    assert caught.value.details["field"] == f"edges[0].{field}"


@pytest.mark.parametrize("asked", [{"depth": -1}, {"depth": 101}, {"limit": 0}, {"limit": 100_001}])
def test_no_depth_and_no_limit_without_sense(lineage, asked):
    (field,) = asked
    with pytest.raises(Invalid) as caught:
        lineage.around(data("a"), **asked)
    assert caught.value.details["field"] == field


def test_ids_may_have_any_signs_and_the_length_of_a_path(lineage):
    odd = ["/data/a b/ü/💥/\n'\";--.csv", "/" + "long/" * 819, "s3://bucket/key%20x?y=z#1"]
    lineage.add_edges(
        LineageEdge(source=("file", each), target=("run", "f" * 32), relation="read") for each in odd
    )

    graph = lineage.upstream(("run", "f" * 32))

    assert {each.source.id for each in graph.edges} == set(odd)
    assert lineage.downstream(("file", odd[1])).edges[0].target.id == "f" * 32


def test_many_writers_of_the_same_edges_keep_each_once(lineage):
    edges = chain([str(number) for number in range(300)])
    added, failures = [], []

    def write(order):
        try:
            added.append(lineage.add_edges(order).added)
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=write, args=(edges if number % 2 else list(reversed(edges)),))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == [] and sum(added) == len(edges)
    assert len(lineage.downstream(data("0")).edges) == len(edges)


def test_who_listens_is_told_the_ends_of_what_changed(records):
    changes, told = Changes(), list[Any]()
    changes.subscribe(told.append)
    lineage = Lineage(lambda: records, changes=changes)

    lineage.add_edges([edge("a", "b")])
    lineage.forget(data("a"))
    lineage.forget(data("a"))

    assert [(each.kind, each.ids) for each in told] == [("lineage", ("ns/a", "ns/b")), ("lineage", ("ns/a",))]


# -- what other rooms tell ---------------------------------------------------------------------------------


class Room:
    """Knows cells, which follow each other without a table, and calls them by their number."""

    def __init__(self):
        self.asked = []

    def labels(self, kind, ids):
        return {each: Known(f"cell {int(each)}", f"/cells/{each}") for each in ids} if kind == "cell" else {}

    def edges(self, nodes, direction, limit):
        self.asked += nodes
        step = -1 if direction == "upstream" else 1
        for node in nodes:
            if node.kind == "cell" and 0 <= int(node.id) + step <= 3:
                other = Node("cell", str(int(node.id) + step))
                yield Edge(node, other, "before") if step > 0 else Edge(other, node, "before")

    def resolve(self, reference):
        if not reference.startswith("In "):
            raise NotFound(f"no cell {reference!r}", hint="say In 3")
        return Node("cell", reference.removeprefix("In "))


@pytest.fixture
def room():
    return Room()


@pytest.fixture
def with_room(records, room, tmp_path):
    return Lineage(lambda: records, sources=[room], labels=[room], resolvers=[room], root=tmp_path)


@pytest.mark.parametrize("depth", [None, 6])
def test_edges_that_a_room_tells_lead_on_and_nobody_is_asked_twice(with_room, room, depth):
    cells = [Node("cell", str(number)) for number in range(4)]
    with_room.add_edges(
        [
            Edge(data("a"), cells[1], "read"),
            Edge(cells[3], data("b"), "wrote"),
            Edge(data("b"), data("c"), "derived"),
            Edge(data("c"), cells[0], "read"),
        ]
    )

    graph = with_room.downstream(data("a"), depth)

    assert [(node.kind, node.label) for node in graph.nodes] == [
        ("external", "a"),
        ("cell", "cell 1"),
        ("cell", "cell 2"),
        ("cell", "cell 3"),
        ("external", "b"),
        ("external", "c"),
        ("cell", "cell 0"),
    ]
    assert graph.nodes[1].link == "/cells/1"
    assert len(room.asked) == len(set(room.asked))


def test_a_word_is_a_kind_and_an_id_what_a_room_calls_so_or_a_file_that_is_known(
    with_room, tmp_path, monkeypatch
):
    sales = str(tmp_path / "sales.csv")
    with_room.add_edges(
        [
            LineageEdge(source=("file", sales), target=("cell", "1"), relation="read"),
            LineageEdge(source=("file", "s3://b/k"), target=("cell", "1"), relation="read"),
        ]
    )

    assert with_room.resolve("In 2") == Node("cell", "2")
    assert with_room.resolve("run:x") == Node("run", "x")
    assert with_room.resolve("s3://b/k") == Node("file", "s3://b/k")
    assert with_room.resolve("sales.csv") == with_room.resolve(sales) == Node("file", sales)
    monkeypatch.chdir(tmp_path.parent)
    assert with_room.resolve(f"{tmp_path.name}/sales.csv") == Node("file", sales)
    with pytest.raises(NotFound, match=r"nothing with a lineage is called 'other\.csv'") as caught:
        with_room.resolve("other.csv")
    assert caught.value.hint == "say In 3"
    with pytest.raises(NotFound) as caught:
        with_room.resolve("runs:x")
    assert caught.value.hint == "did you mean run:x?"

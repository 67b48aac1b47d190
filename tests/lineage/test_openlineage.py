"""Lineage leaves as OpenLineage events and comes back the same; events of other tools are taken as well."""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime
from typing import Any

import pytest

from nbproof.core.errors import Invalid, NotFound
from nbproof.core.ids import new_id
from nbproof.lineage.domain import Edge, Known, Node
from nbproof.lineage.openlineage import dataset_of, node_of
from nbproof.lineage.repository import LineageRepository
from nbproof.lineage.service import Lineage
from nbproof.storage.database import open_database

RUN, PARENT, CELL, VERSION, MODEL = (new_id() for _ in range(5))


class Names:
    """Knows a dataset version and a run."""

    def labels(self, kind, ids):
        known = {
            ("dataset_version", VERSION): Known(
                "sales@v3",
                version="3",
                columns={"price": "double", "at": "timestamp[us]"},
                place="/data/sales.csv",
            ),
            ("run", RUN): Known("train", job="notebooks/train.ipynb"),
        }
        return {each: known[kind, each] for each in ids if (kind, each) in known}


@pytest.fixture
def lineage(database_url, clock):
    with open_database(database_url) as database:
        yield Lineage(lambda: LineageRepository(database), clock=clock, labels=[Names()])


@pytest.fixture
def elsewhere(tmp_path):
    with open_database(tmp_path / "elsewhere.db") as database:
        yield Lineage(lambda: LineageRepository(database))


def run(identifier=RUN):
    return Node("run", identifier)


EDGES = [
    Edge(Node("file", "/data/säles 💥.csv"), Node("dataset_version", VERSION), "derived", code="read()"),
    Edge(Node("file", "s3://bucket/a b/c.parquet"), run(), "read", label="weather", details={"rows": 2**60}),
    Edge(Node("dataset_version", VERSION), run(), "read", created_us=1_700_000_000_123_456),
    Edge(run(PARENT), run(), "started"),
    Edge(run(), Node("model_version", MODEL), "trained", code="fit()", run_id=RUN, cell_id=CELL),
    Edge(run(), Node("external", "postgres://db:5432/shop.public.scores"), "wrote"),
    Edge(Node("cell", CELL), run(), "started"),
    Edge(Node("model_version", MODEL), Node("card", "x"), "described"),
    Edge(Node("alert", "a"), Node("alert", "a"), "copied"),
    Edge(run(), run(), "resumed", details={"text": "\ud800"}),
]  # fmt: skip


def events(lineage, node=None):
    return [json.loads(line) for line in b"".join(lineage.export_events(node)).splitlines()]


def kept(lineage):
    records = lineage._records()
    return sorted(records.whole(list(records.every())), key=lambda edge: edge[:3])


@pytest.mark.parametrize("node", [None, run()])
def test_export_and_import_give_the_same_graph(lineage, elsewhere, tmp_path, node):
    lineage.add_edges(EDGES)
    file = tmp_path / "lineage.jsonl"
    file.write_bytes(b"".join(lineage.export_events(node)))

    told = elsewhere.import_events(file)
    again = elsewhere.import_events(file)

    expected = [edge for edge in kept(lineage) if node is None or edge.source.kind != "alert"]
    assert kept(elsewhere) == expected
    assert (told.added, told.known, told.malformed) == (len(expected), 0, 0)
    assert (again.added, again.known) == (0, len(expected))
    for each in (run(), Node("dataset_version", VERSION)):
        ends = [
            {(edge.source.id, edge.relation, edge.target.id) for edge in graph.edges}
            for graph in (lineage.around(each), elsewhere.around(each))
        ]
        assert ends[0] == ends[1] != set()


FIELDS = {"eventType", "eventTime", "run", "job", "inputs", "outputs", "producer", "schemaURL"}


def test_events_are_what_the_specification_asks_for(lineage):
    lineage.add_edges(EDGES)

    told = events(lineage)

    for event in told:
        assert set(event) == FIELDS
        assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
        assert datetime.fromisoformat(event["eventTime"]).utcoffset() is not None
        uuid.UUID(event["run"]["runId"])
        assert event["job"]["namespace"] and event["job"]["name"]
        for dataset in (*event["inputs"], *event["outputs"]):
            assert dataset["namespace"] and dataset["name"]
        for facets in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
            for facet in facets["facets"].values():
                assert (
                    re.fullmatch(r"https://\S+", facet["_producer"])
                    and facet["_schemaURL"].count("#/$defs/") == 1
                )
    kinds: dict[str, list[str]] = {}
    for event in told:
        kinds.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert set(map(tuple, kinds.values())) == {("START", "COMPLETE")}


def test_a_run_is_told_with_its_job_its_parent_and_what_is_known_of_its_data(lineage):
    lineage.add_edges(EDGES)

    start, complete = (each for each in events(lineage) if each["run"]["runId"] == str(uuid.UUID(RUN)))

    assert (start["job"]["namespace"], start["job"]["name"]) == ("nbproof", "notebooks/train.ipynb")
    assert start["run"]["facets"]["parent"]["run"]["runId"] in {str(uuid.UUID(PARENT)), str(uuid.UUID(CELL))}
    assert complete["job"]["facets"]["sourceCode"]["sourceCode"] == "fit()"
    inputs = {(each["namespace"], each["name"]): each["facets"] for each in start["inputs"]}
    assert set(inputs) == {("s3://bucket", "a b/c.parquet"), ("nbproof", "sales")}
    sales = inputs["nbproof", "sales"]
    assert sales["version"]["datasetVersion"] == "3"
    assert sales["schema"]["fields"] == [
        {"name": "price", "type": "double"},
        {"name": "at", "type": "timestamp[us]"},
    ]
    assert sales["dataSource"]["uri"] == "file:///data/sales.csv"
    assert inputs["s3://bucket", "a b/c.parquet"]["dataSource"]["uri"] == "s3://bucket/a%20b/c.parquet"
    assert start["outputs"] == [] and {(each["namespace"], each["name"]) for each in complete["outputs"]} == {
        ("nbproof", f"model_version/{MODEL}"),
        ("postgres://db:5432", "shop.public.scores"),
    }


SPARK = {
    "eventType": "START",
    "eventTime": "2026-03-01T10:00:00.123Z",
    "run": {
        "runId": "0195505c-9d2a-7c4e-9b1f-2d4f6a8b0c1d",
        "facets": {
            "parent": {
                "_producer": "https://github.com/OpenLineage/OpenLineage/tree/1.40.0/integration/spark",
                "_schemaURL": "https://openlineage.io/spec/facets/1-1-0/ParentRunFacet.json",
                "run": {"runId": "0195505c-0000-7c4e-9b1f-2d4f6a8b0c1d"},
                "job": {"namespace": "spark", "name": "nightly"},
            },
            "spark_properties": {
                "_producer": "x:y",
                "_schemaURL": "x:y",
                "properties": {"a": "b"},
            },
        },
    },
    "job": {
        "namespace": "spark",
        "name": "nightly.execute_insert_into_hadoop_fs",
        "facets": {},
    },
    "inputs": [
        {"namespace": "s3a://lake", "name": "raw/orders", "facets": {}, "inputFacets": {}},
        {"namespace": "file", "name": "/mnt/rates.csv"},
    ],
    "outputs": [{"namespace": "hdfs://nn:8020", "name": "/dwh/orders", "outputFacets": {}}],
    "producer": "https://github.com/OpenLineage/OpenLineage/tree/1.40.0/integration/spark",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
}
MARQUEZ = {
    "eventType": "COMPLETE",
    "eventTime": "2026-03-01T11:00:00+01:00",
    "run": {"runId": "d46e465b-d358-4d32-83d4-df660ff614dd"},
    "job": {"namespace": "my-namespace", "name": "my-job"},
    "inputs": [{"namespace": "my-namespace", "name": "my-input"}],
    "outputs": [{"namespace": "postgres://db:5432", "name": "shop.public.orders"}],
    "producer": "https://github.com/OpenLineage/OpenLineage/blob/v1-0-0/client",
    "schemaURL": "https://openlineage.io/spec/1-0-5/OpenLineage.json#/definitions/RunEvent",
}


def written(path, *lines):
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def ends(lineage):
    return {(*edge.source, edge.relation, *edge.target) for edge in kept(lineage)}


def test_events_of_spark_and_marquez_are_edges_to_and_from_their_jobs(lineage, tmp_path):
    told = lineage.import_events(
        written(tmp_path / "e.jsonl", SPARK, {**SPARK, "eventType": "COMPLETE"}, MARQUEZ)
    )

    job = "job:spark/nightly.execute_insert_into_hadoop_fs"
    assert ends(lineage) == {
        ("external", "job:spark/nightly", "started", "external", job),
        ("file", "s3a://lake/raw/orders", "read", "external", job),
        ("file", "/mnt/rates.csv", "read", "external", job),
        ("external", job, "wrote", "file", "hdfs://nn:8020/dwh/orders"),
        ("external", "my-namespace/my-input", "read", "external", "job:my-namespace/my-job"),
        ("external", "job:my-namespace/my-job", "wrote", "external", "postgres://db:5432/shop.public.orders"),
    }
    assert (told.events, told.added, told.known) == (3, 6, 4)
    edge = next(each for each in kept(lineage) if each.target.id == "job:my-namespace/my-job")
    assert edge.created_us == 1772359200_000_000
    assert edge.details["openlineage"]["run"] == MARQUEZ["run"]["runId"]  # type: ignore[index]  # it is one


def test_what_was_imported_from_others_is_exported_and_comes_back(lineage, elsewhere, tmp_path):
    lineage.import_events(written(tmp_path / "e.jsonl", SPARK, MARQUEZ))
    file = tmp_path / "again.jsonl"
    file.write_bytes(b"".join(lineage.export_events()))

    elsewhere.import_events(file)

    assert kept(elsewhere) == kept(lineage)


def test_what_a_failed_run_meant_to_write_was_not_written(lineage, tmp_path):
    failed = {**MARQUEZ, "eventType": "FAIL"}
    alone = {"eventTime": MARQUEZ["eventTime"], "dataset": {"namespace": "a", "name": "b"}, "producer": "x:y"}
    static = {key: MARQUEZ[key] for key in ("eventTime", "inputs", "producer")}
    static["job"] = {"namespace": "s", "name": "j"}

    told = lineage.import_events(written(tmp_path / "e.jsonl", failed, alone, static))

    assert {each[2] for each in ends(lineage)} == {"read"}
    assert (told.events, told.added, told.skipped) == (3, 2, 1)


BAD: dict[str, Any] = {
    "{": "no JSON",
    '"text"': "found str",
    "[{}]": "jq -c '.[]'",
    "{}": "eventTime is an instant",
    json.dumps({"eventTime": MARQUEZ["eventTime"]}): "job as an object",
    json.dumps({**MARQUEZ, "eventTime": "yesterday"}): "eventTime is an instant",
    json.dumps({**MARQUEZ, "job": {"namespace": "", "name": "x"}}): "job has a namespace and a name",
    json.dumps({**MARQUEZ, "inputs": {"a": 1}}): "inputs is a list",
    json.dumps({**MARQUEZ, "inputs": [1]}): "inputs[0] as an object",
    json.dumps({**MARQUEZ, "outputs": [{"namespace": "n", "name": "x" * 5000}]}): "1 to 4,096 characters",
    json.dumps({**MARQUEZ, "run": {"facets": {"nbproof_lineage": {"edges": [{"source": 1}]}}}}): "source",
    json.dumps({**MARQUEZ, "run": []}): "run is an object",
    "[" * 100_000: "no JSON",
}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad[:40])
def test_a_malformed_line_is_told_by_its_number_and_the_rest_is_taken(lineage, tmp_path, bad):
    told = lineage.import_events(written(tmp_path / "e.jsonl", "\ufeff", MARQUEZ, "", bad, SPARK))

    (problem,) = told.problems
    assert (problem.line, told.malformed, told.events) == (4, 1, 2)
    assert BAD[bad] in problem.problem and len(problem.problem) <= 500
    assert told.added == 6


def test_lines_that_are_no_text_or_never_end_are_told_too(lineage, tmp_path, monkeypatch):
    monkeypatch.setattr("nbproof.lineage.service._LONGEST_LINE", 5000)
    file = tmp_path / "e.jsonl"
    file.write_bytes(b"\xff\xfe\n" + b"x" * 20_000 + b"\n" + json.dumps(MARQUEZ).encode())

    told = lineage.import_events(file)

    assert [each.line for each in told.problems] == [1, 2]
    assert (told.events, told.added) == (1, 2)


def test_a_file_that_is_not_there_is_said_so(lineage, tmp_path):
    with pytest.raises(NotFound, match="there is no file"):
        lineage.import_events(tmp_path / "none.jsonl")


def test_many_malformed_lines_are_counted_and_the_first_named(lineage, tmp_path):
    told = lineage.import_events(written(tmp_path / "e.jsonl", *["{"] * 250))

    assert (told.malformed, len(told.problems), told.problems[-1].line) == (250, 100, 100)


def test_a_node_that_others_name_has_the_same_name_when_it_leaves():
    for namespace, name in (
        ("file", "/data/a b.csv"),
        ("s3://bucket", "a/b.csv"),
        ("postgres://db:5432", "shop.public.orders"),
        ("my-namespace", "my/input"),
    ):
        assert dataset_of(node_of(namespace, name)) == (namespace, name)


def test_too_much_around_one_thing_is_refused_whole(lineage, monkeypatch):
    monkeypatch.setattr("nbproof.lineage.service.MOST_EDGES", 3)
    lineage.add_edges(EDGES)

    with pytest.raises(Invalid, match="more than 3 edges"):
        list(lineage.export_events(run()))

"""Runs are found by the datasets that they read or wrote, which is recorded without being asked for."""

from __future__ import annotations

import json
import re
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nbproof.core.errors import Invalid
from nbproof.datasets.repository import DatasetRepository
from nbproof.lineage.domain import Edge, Node
from nbproof.lineage.repository import LineageRepository
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace
from nbproof.storage.database import open_database
from nbproof.tracking.repository import RunRepository
from tests.benchmarks.generated import fill


@pytest.fixture
def workspace(project, clock, database_url):
    opened = Workspace(
        Location(project, False, "a test"),
        clock=clock,
        say=lambda line: None,
        environ={"NBPROOF_DATABASE": database_url, "NBPROOF_CAPTURE_GIT": "0"},
    )
    yield opened
    opened.close()


@pytest.fixture
def find(workspace):
    """The names of the runs that a search finds, in their own order; a letter each."""

    def find(query):
        return "".join(sorted(run.name for run in workspace.tracker.find_runs(query)))

    return find


@pytest.fixture
def story(workspace, clock):
    """a reads sales@v1, b writes sales@v2 (prod), c writes trips@v1 and reads sales@v2, d does nothing."""
    tracker, datasets = workspace.tracker, workspace.datasets
    sales = pd.DataFrame({"price": [1.0, 2.0]})
    datasets.register_dataset(sales, "sales")
    with tracker.start_run("a", experiment="e"):
        datasets.get_dataset("sales")
    with tracker.start_run("b", experiment="e"):
        datasets.register_dataset(sales * 2, "sales", aliases=["prod"])
    with tracker.start_run("c", experiment="e"):
        datasets.get_dataset("sales@prod").to_pandas()
        datasets.register_dataset(sales * 3, "trips")
    with tracker.start_run("d", experiment="e"):
        tracker.log_metric("auc", 0.5)
    return datasets


def test_a_version_finds_the_runs_that_read_or_wrote_it(find, story):
    digest = story.describe("sales@v2").digest

    found = {
        query: find(f"dataset {query}")
        for query in (
            '= "sales@v1"', '= "sales@v2"', '= "sales@prod"', '= "sales@latest"', f'= "{digest[:10]}"',
            '= "sales"', '!= "sales"', '!= "sales@v1"', 'in ("sales@v1", "trips")', 'not in ("sales@v1")',
            'like "%s"', 'ilike "SAL_S"', '~ "^t"', "is null", "is not null", "", '= "sales@2026-12-31"',
        )
    }  # fmt: skip

    assert found == {
        '= "sales@v1"': "a", '= "sales@v2"': "bc", '= "sales@prod"': "bc", '= "sales@latest"': "bc",
        f'= "{digest[:10]}"': "bc", '= "sales"': "abc", '!= "sales"': "", '!= "sales@v1"': "bc",
        'in ("sales@v1", "trips")': "ac", 'not in ("sales@v1")': "bcd",
        'like "%s"': "abc", 'ilike "SAL_S"': "abc", '~ "^t"': "c", "is null": "d", "is not null": "abc",
        "": "abc", '= "sales@2026-12-31"': "bc",
    }  # fmt: skip
    assert find('dataset = "sales" and not (dataset = "trips" or name = "b")') == "a"
    assert find('metrics.auc > 0 or dataset = "sales@v1"') == "ad"


def test_an_alias_means_what_it_points_at_when_the_search_is_asked(find, story):
    assert find('dataset = "sales@prod"') == "bc"

    story.set_alias("sales@v1", "prod")

    assert find('dataset = "sales@prod"') == "a"


def test_runs_of_a_deleted_version_are_still_found(find, story):
    story.delete_dataset("sales@v1")

    assert (find('dataset = "sales@v1"'), find('dataset = "sales"')) == ("a", "abc")


def test_a_run_has_read_what_is_read_while_it_is_live_whenever_it_was_opened(workspace, find, story):
    sales = story.get_dataset("sales@v1")

    with workspace.tracker.start_run("e", experiment="e"):
        sales.to_arrow()
        sales.to_pandas()

    assert find('dataset = "sales@v1"') == "ae"
    assert [(each.name, each.how) for each in workspace.tracker.get_run("e").datasets] == [
        ("sales@v1", "read")
    ]


def test_a_transformation_told_of_in_a_run_is_of_that_run(workspace, find, story):
    with workspace.tracker.start_run("e", experiment="e"):
        story.track_transformation(["sales@v1"], "trips", "sales * 3")

    assert (find('dataset = "sales@v1"'), find('dataset = "trips"')) == ("ae", "ce")


def test_a_run_tells_what_it_read_and_wrote(workspace, story):
    run = workspace.tracker.get_run("c")

    assert [(each.name, each.how) for each in run.datasets] == [("sales@v2", "read"), ("trips@v1", "wrote")]
    assert [each.id for each in run.datasets] == [story.describe(name).id for name in ("sales@v2", "trips")]
    assert json.loads(run.model_dump_json())["datasets"][0]["name"] == "sales@v2"
    assert "sales@v2" in run._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    ("query", "message", "hint"),
    [
        ('name = "x" and dataset = "slaes"', "column 26 of the search: no dataset 'slaes'", "mean 'sales'?"),
        ('dataset != "sales@v9"', "column 12 of the search: 'sales' has no version v9", "its latest is v2"),
        ('dataset in ("trips", "sales@prd")', "column 22 of the search: 'sales' has no alias", "'prod'"),
        ('dataset = "sales@??"', "column 11 of the search: '??' in 'sales@??' names no version", "sales@v3"),
        ('dataset = ""', "column 11 of the search: a dataset needs a name", "register_dataset"),
        ('dataset = "sales@2020-01-01"', "column 11 of the search: 'sales' had no version then", "v2"),
    ],
)  # fmt: skip
def test_what_is_no_dataset_is_told_with_the_nearest(workspace, story, query, message, hint):
    with pytest.raises(Invalid) as caught:
        workspace.tracker.find_runs(query)

    assert message in caught.value.message and hint in (caught.value.hint or "")
    assert caught.value.details["field"] == "query" and isinstance(caught.value.details["column"], int)


def test_a_saved_search_is_told_by_what_it_says(workspace, find, story):
    workspace.tracker.save_search("on_sales", 'dataset = "sales@prod"')
    workspace.tracker.save_search("lost", 'dataset = "slaes"')

    assert find("@on_sales and name = 'c'") == "c"
    with pytest.raises(Invalid, match=r"^no dataset 'slaes'"):
        workspace.tracker.find_runs("@lost")


def test_a_leaderboard_is_of_the_runs_of_a_dataset_and_is_not_grouped_by_them(workspace, story):
    with workspace.tracker.start_run("e", experiment="e"):
        story.get_dataset("sales@v1")
        workspace.tracker.log_metric("auc", 0.7)

    board = workspace.tracker.leaderboard("auc", query='dataset = "sales@v1"')

    assert [group.mean for group in board.groups] == [0.7]
    with pytest.raises(Invalid, match="'dataset' is nothing that runs can be grouped by"):
        workspace.tracker.leaderboard("auc", group_by=["dataset"])


def test_datasets_their_aliases_and_versions_are_offered(workspace, story):
    def complete(query):
        return [(each.text, each.detail) for each in workspace.tracker.complete_search(query).items]

    assert ("dataset", "a dataset that a run read or wrote") in complete("data")
    assert [text for text, _ in complete("dataset ")][:4] == ["=", "!=", "~", "!~"]
    assert complete("dataset = ") == [('"sales"', "latest v2"), ('"trips"', "latest v1")]
    assert complete('dataset = "tr') == [('"trips"', "latest v1")]
    assert complete('dataset in ("sales@') == [
        ('"sales@prod"', "v2"),
        ('"sales@v2"', None),
        ('"sales@v1"', None),
    ]


class ElevenVersions(DatasetRepository):
    """Who knows eleven versions by their numbers."""

    ids = tuple(f"{number:032x}" for number in range(11))

    def ids_meant(self, connection: Connection, reference: str) -> list[str]:
        return [self.ids[int(reference.partition("@v")[2]) - 1]]


def test_of_ten_thousand_runs_those_of_a_dataset_are_found_by_an_index(database_url):
    with open_database(database_url) as database:
        fill(database, 10_000, params=1, metrics=4, points=False)
        records = RunRepository(database, datasets=lambda: ElevenVersions(database))
        runs = [run.id for run in records.search("", limit=10_000).items]
        versions = [Node("dataset_version", each) for each in ElevenVersions.ids]
        read = [Edge(versions[at % 10], Node("run", run), "read") for at, run in enumerate(runs)]
        wrote = [Edge(Node("run", run), versions[10], "wrote") for run in runs[::250]]
        LineageRepository(database).add([*read, *wrote], now_us=0)
        statements: list[tuple[str, Any]] = []
        sa.event.listen(
            database.engine,
            "before_cursor_execute",
            lambda connection, cursor, statement, values, *_: statements.append((statement, values)),
        )

        common = records.search('dataset = "sales@v3" order by metrics.m3 desc', limit=2000).items
        rare = records.search('dataset = "sales@v11" order by metrics.m3', limit=50).items

        assert (len(common), {run.id for run in rare}) == (1000, set(runs[::250]))
        plans: list[str] = []
        asked = list(statements)
        with database.connect() as connection:
            if database.dialect == "postgresql":
                connection.exec_driver_sql("ANALYZE data_lineage")
            for statement, values in asked:
                if "data_lineage" in statement:
                    explain = "EXPLAIN" if database.dialect == "postgresql" else "EXPLAIN QUERY PLAN"
                    plans += map(str, connection.exec_driver_sql(f"{explain} {statement}", values).all())
        assert plans and not [each for each in plans if re.search(r"(SCAN|Seq Scan on) data_lineage", each)]

"""What is offered while a search is written."""

import pytest

from nbproof.core.errors import Invalid
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace


@pytest.fixture
def tracker(project, clock):
    workspace = Workspace(Location(project, False, "a test"), clock=clock, say=lambda line: None)
    yield workspace.tracker
    workspace.close()


@pytest.fixture
def complete(tracker):
    for number in range(6):
        params = {"model": "xgb" if number else 'the "old"', "depth": number, "deep": number > 2}
        tags = {"owner": "ann", "val/x": "y"}
        with tracker.start_run(f"r{number}", experiment="churn", params=params, tags=tags):
            tracker.log_metrics({"auc": 0.5, "val_auc": 0.4, "val loss": 1.0})
    tracker.save_search("good", "metrics.auc > 0.9")

    def complete(query, cursor=None):
        found = tracker.complete_search(query, cursor)
        return found.start, [each.text for each in found.items]

    return complete


def test_names_of_this_workspace_are_offered_after_the_dot(complete):
    assert complete("metrics.") == (0, ["metrics.auc", 'metrics."val loss"', "metrics.val_auc"])
    assert complete("name = 'x' and params.de") == (15, ["params.deep", "params.depth", "params.model"])
    assert complete("tags.x") == (0, ["tags.val/x"])


def test_what_only_runs_in_the_trash_have_is_not_offered(complete, tracker):
    with tracker.start_run("thrown", params={"depth": 99, "lost": 1}, tags={"gone": "x", "owner": "bob"}):
        tracker.log_metric("forgotten", 1)
    assert "params.lost" in complete("params.")[1]

    tracker.delete_runs(["thrown"])

    assert complete("metrics.") == (0, ["metrics.auc", 'metrics."val loss"', "metrics.val_auc"])
    assert complete("params.") == (0, ["params.deep", "params.depth", "params.model"])
    assert complete("tags.") == (0, ["tags.owner", "tags.val/x"])
    assert complete("params.depth = 9")[1] == []
    assert complete("tags.owner = ")[1] == ['"ann"']


def test_packages_and_their_versions_are_offered(complete, tracker):
    run = tracker.open_run("churn").id
    facts = {
        "python": "3.11.7",
        "packages": {"numpy": "2.1.0", "num2words": "1"},
        "cpu": "Fast 9",
        "cpu_count": 8,
    }
    tracker.set_provenance(run, environment=facts)

    assert complete("packages.nump")[1] == ["packages.numpy"]
    assert {">=", "<", "like", "~"} <= set(complete("packages.numpy ")[1])
    assert '"2.1.0"' in complete("packages.numpy >= ")[1]
    assert '"Fast 9"' in complete("cpu = ")[1]
    assert "8" in complete("cpu_count > ")[1]


def test_those_that_begin_as_it_is_written_come_first(complete):
    assert complete("metrics.a")[1] == ["metrics.auc", 'metrics."val loss"', "metrics.val_auc"]


def test_a_name_is_found_without_its_group(complete):
    assert complete("auc")[1] == ["metrics.auc", "metrics.val_auc"]


def test_a_quoted_name_may_be_open(complete):
    assert complete('metrics."val') == (0, ['metrics."val loss"', "metrics.val_auc"])


def test_at_the_beginning_all_kinds_of_fields_are_offered(complete):
    start, texts = complete("")

    assert start == 0
    assert {"metrics.", "params.", "tags.", "name", "git.branch", "not", "@good"} <= set(texts)


def test_operators_follow_a_field(complete):
    assert complete("metrics.auc ")[1][:6] == ["=", "!=", ">", ">=", "<", "<="]
    assert complete("name ")[1][:4] == ["=", "!=", "~", "!~"]


def test_values_are_those_of_the_newest_runs_the_most_frequent_first(complete):
    assert complete("params.model = ") == (15, ['"xgb"', '"the ""old"""'])
    assert complete('params.model = "the') == (15, ['"the ""old"""'])
    assert complete("params.depth in (1, ")[1] == ["0", "1", "2", "3", "4", "5"]
    assert complete("params.deep = ")[1] == ["false", "true"]
    assert complete("tags.owner ~ ")[1] == ['"ann"']
    assert complete("experiment = ")[1] == ['"churn"']
    assert complete("status = fi") == (9, ['"finished"'])
    assert complete("git.dirty = ")[1] == ["true", "false"]
    assert complete("started > -")[1] == ["-1h", "-1d", "-7d", "-30d"]


def test_a_condition_is_followed_by_a_joint(complete):
    assert complete("metrics.auc > 0.9 ")[1] == ["and", "or", "order by"]
    assert complete("metrics.auc > 0.9 o")[1] == ["or", "order by"]


def test_an_order_is_by_a_field_and_has_a_direction(complete):
    assert complete("order by metrics.v")[1] == ['metrics."val loss"', "metrics.val_auc"]
    assert "not" not in complete("order by ")[1]
    assert complete("order by name ")[1] == ["desc", "asc"]


def test_saved_searches_are_offered_after_the_at(complete):
    assert complete("name = 'x' or @") == (14, ["@good"])


def test_only_what_stands_before_the_cursor_counts(complete):
    query = 'params.mo and name = "x"'

    assert complete(query, 9) == (0, ["params.model"])


@pytest.mark.parametrize(
    "query", ["name = = ", "((", "'", "metrics.auc > 'x' ", "§", "@lost ", "x" * 9_000, '"""']
)
def test_what_makes_no_sense_has_no_completion_and_no_error(complete, query):
    for cursor in (0, 1, len(query), 10**6):
        complete(query, cursor)


def test_a_query_is_text(complete):
    with pytest.raises(Invalid, match="a query is text"):
        complete(5)


def test_a_hundred_thousand_names_are_not_all_read(project, clock):
    workspace = Workspace(Location(project, False, "another test"), clock=clock, say=lambda line: None)
    tracker = workspace.tracker
    with tracker.start_run("many", experiment="e"):
        tracker.log_params({f"p{number:05}": number for number in range(3_000)})

    found = tracker.complete_search("params.p029", limit=5).items

    assert [each.text for each in found] == [f"params.p0290{digit}" for digit in range(5)]
    workspace.close()

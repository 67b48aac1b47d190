"""Searches under a name."""

import pytest

from nbproof.core.errors import Invalid, NotFound
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace


@pytest.fixture
def workspace(project, clock):
    workspace = Workspace(Location(project, False, "a test"), clock=clock, say=lambda line: None)
    yield workspace
    workspace.close()


@pytest.fixture
def tracker(workspace):
    tracker = workspace.tracker
    for number in range(4):
        with tracker.start_run(f"r{number}", experiment="e", params={"depth": number}):
            tracker.log_metric("auc", 0.5 + number / 10)
    return tracker


def found(tracker, query):
    return [run.name for run in tracker.find_runs(query).items]


def test_a_saved_search_stands_for_its_condition_and_its_order(tracker):
    saved = tracker.save_search("good ones", "metrics.auc > 0.55 order by metrics.auc desc")

    assert (saved.name, saved.query) == ("good ones", "metrics.auc > 0.55 order by metrics.auc desc")
    assert found(tracker, '@"good ones"') == ["r3", "r2", "r1"]
    assert found(tracker, '@"good ones" and params.depth < 3') == ["r2", "r1"]
    assert found(tracker, 'not @"good ones" or params.depth = 3 order by name') == ["r0", "r3"]


def test_its_order_gives_way_to_one_that_is_written(tracker):
    tracker.save_search("good", "metrics.auc > 0.55 order by metrics.auc desc")

    assert found(tracker, "@good order by name") == ["r1", "r2", "r3"]


def test_saved_searches_use_each_other(tracker):
    tracker.save_search("good", "metrics.auc > 0.55")
    tracker.save_search("good-and-deep", "@good and params.depth >= 2")

    assert found(tracker, "@good-and-deep order by name") == ["r2", "r3"]


def test_one_of_the_same_name_is_replaced(tracker, clock):
    tracker.save_search("mine", "name = 'r0'")
    clock.advance(seconds=1)
    tracker.save_search("mine", "name = 'r1'")

    assert [each.query for each in tracker.list_searches().items] == ["name = 'r1'"]
    assert found(tracker, "@mine") == ["r1"]


def test_an_empty_one_finds_all(tracker):
    tracker.save_search("all", "")

    assert len(found(tracker, "@all")) == 4


def test_one_that_cannot_be_read_is_not_saved(tracker):
    with pytest.raises(Invalid, match="column 15"):
        tracker.save_search("bad", "metrics.auc > high")
    with pytest.raises(Invalid, match="name"):
        tracker.save_search("", "name = 'x'")

    assert tracker.list_searches().items == []


def test_one_that_uses_itself_is_not_saved(tracker):
    tracker.save_search("a", "name = 'r0'")
    tracker.save_search("b", "@a or name = 'r1'")

    with pytest.raises(Invalid, match="can be read") as caught:
        tracker.save_search("a", "@b")

    assert "does not use itself" in str(caught.value)
    assert found(tracker, "@a") == ["r0"]


def test_an_unknown_name_is_told_with_near_ones(tracker):
    tracker.save_search("good", "name = 'r0'")

    with pytest.raises(Invalid) as caught:
        tracker.find_runs("name = 'x' or @god")

    assert (caught.value.details["column"], caught.value.hint) == (15, "did you mean @good?")


def test_a_deleted_one_is_gone_and_stays_gone(tracker):
    tracker.save_search("good", "name = 'r0'")

    tracker.delete_search("good")

    assert tracker.list_searches().items == []
    with pytest.raises(NotFound, match="good"):
        tracker.delete_search("good")
    with pytest.raises(Invalid, match="saved search"):
        tracker.find_runs("@good")
    tracker.save_search("good", "name = 'r1'")
    assert found(tracker, "@good") == ["r1"]


def test_a_save_that_is_drained_late_does_not_undo_what_came_after(workspace, tracker):
    from nbproof.core.ids import new_id
    from nbproof.storage.journal.process import this_process
    from nbproof.storage.journal.reader import Batch, Cursor, WriterInfo
    from nbproof.tracking.repository import SavedSearchApplier

    tracker.save_search("good", "name = 'r0'")
    tracker.delete_search("good")
    older = {"seq": 1, "kind": "search.save", "name": "good", "query": "name = 'x'", "time": 0}
    batch = Batch(WriterInfo(new_id(), this_process(), "0.1.0", 0), 0, 10, [older], b"", 0, Cursor())

    with workspace.database.begin() as connection:
        SavedSearchApplier().apply(connection, batch)

    assert tracker.list_searches().items == []

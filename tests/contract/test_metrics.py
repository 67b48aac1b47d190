"""What the records of metrics must do, on SQLite and PostgreSQL: through journal and drain, and back."""

from __future__ import annotations

import math
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from nbproof.core.errors import Invalid, NotFound, Unavailable
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace
from nbproof.tracking.points import CHUNK, TAIL
from nbproof.tracking.repository import RunRepository

BEGAN = 1_767_225_600  # 2026-01-01, in seconds


@pytest.fixture
def workspace(project: Path, database_url: str) -> Iterator[Workspace]:
    opened = Workspace(
        Location(project, False, "a test"),
        say=lambda line: None,
        environ={"NBPROOF_DATABASE": database_url, "NBPROOF_CAPTURE_GIT": "0"},
    )
    yield opened
    opened.close()


@pytest.fixture
def run(workspace: Workspace) -> Any:
    return workspace.tracker.start_run("r", experiment="e")


def points(workspace: Workspace, name: str) -> list[tuple[int, int, float]]:
    steps, times, values = workspace.tracker.get_run("r").metric_arrays(name)
    return list(zip(steps.tolist(), times.view("int64").tolist(), values.tolist(), strict=True))


def same(found: list[Any], meant: list[Any]) -> bool:
    """Equal, with NaN equal to itself."""
    return repr(found) == repr(meant)


def rows(workspace: Workspace, statement: str) -> list[Any]:
    with workspace.database.connect() as connection:
        return list(connection.execute(sa.text(statement)).all())


@contextmanager
def locked(workspace: Workspace) -> Iterator[None]:
    """Somebody else is writing and does not come to an end."""
    with workspace.database.begin() as connection:
        if workspace.database.dialect == "postgresql":
            connection.exec_driver_sql("LOCK TABLE writers IN EXCLUSIVE MODE")
        yield


@contextmanager
def read_only(workspace: Workspace) -> Iterator[None]:
    workspace.database.read_only = True
    yield
    workspace.database.read_only = False


# -- as logged -------------------------------------------------------------------------------------------

ODD = [
    (5, 0, 1.0),
    (5, 0, 1.0),  # the same again
    (5, 1_000_000, 2.0),  # a step repeated
    (3, -1_000_000, math.nan),  # backwards, before 1970
    (2**63 - 1, 0, math.inf),
    (-(2**63), 4_102_444_800_000_000, -math.inf),
    (0, 0, -0.0),
    (0, 0, 5e-324),
    (0, 0, 1.7976931348623157e308),
]


@pytest.mark.parametrize("repeats", [1, 3, 1000], ids=["a tail", "a chunk", "chunks"])
def test_whatever_was_logged_comes_back_in_the_order_logged(workspace, run, repeats):
    meant = ODD * repeats
    for step, time_us, value in meant:
        run.log_metric("odd", value, step, time=time_us / 1e6)
    waiting = points(workspace, "odd")
    workspace.tracker.end_run()

    assert same(waiting, meant) and same(points(workspace, "odd"), meant)
    metric = workspace.tracker.list_metrics("r")[0]
    assert (metric.count, metric.min, metric.max) == (len(meant), -math.inf, math.inf)


def test_a_metric_of_a_few_points_needs_no_chunk(workspace, run):
    for name in ("a", "b"):
        for value in range(TAIL):
            run.log_metric(name, value)
            workspace.catch_up()
    assert rows(workspace, "SELECT * FROM metric_chunks") == []
    run.log_metric("b", TAIL)

    assert [value for _, _, value in points(workspace, "a")] == list(map(float, range(TAIL)))
    assert [value for _, _, value in points(workspace, "b")] == list(map(float, range(TAIL + 1)))
    assert rows(workspace, "SELECT name, n FROM metric_chunks") == [("b", TAIL + 1)]


def test_a_history_is_read_in_pages_across_chunks_tail_and_journal(workspace, run):
    run.log_history("loss", np.arange(CHUNK + 100.0))
    workspace.catch_up()
    run.log_history("loss", np.arange(CHUNK + 100.0, CHUNK + 105.0))
    workspace.catch_up()
    with locked(workspace):
        run.log_history("loss", np.arange(CHUNK + 105.0, CHUNK + 300.0))
        for size in (700, CHUNK, 10_000):
            found, after = [], None
            while True:
                page = workspace.tracker.metric_history("r", "loss", limit=size, after=after)
                assert page.count == CHUNK + 300
                found += [point.value for point in page.items]
                after = page.next
                if after is None:
                    break
            assert found == list(map(float, range(CHUNK + 300)))


def test_whoever_writes_to_a_run_of_nobody_reads_only_the_metrics_that_count_on(workspace, monkeypatch):
    run = workspace.tracker.open_run("e", name="of nobody").id
    workspace.tracker.log_frame({f"m{number}": [1.0, 2.0] for number in range(30)}, run_id=run)
    workspace.catch_up()
    other = Workspace(workspace.location, say=lambda line: None, environ=workspace._environ)
    other.tracker.log_metric("m4", 3.0, 17, run_id=run)
    other.close()
    counted = []
    last_steps = RunRepository.last_steps

    def noted(records: RunRepository, run: str, names: Any = None) -> dict[str, int]:
        counted.append(names)
        return last_steps(records, run, names)

    def too_much(*_: Any) -> Any:
        raise AssertionError("all that belongs to the run was read")

    with monkeypatch.context() as patched:
        patched.setattr(RunRepository, "last_steps", noted)
        patched.setattr(RunRepository, "get_run", too_much)
        patched.setattr(RunRepository, "metrics_of", too_much)
        tracker = workspace.tracker
        tracker.log_metric("m3", 3.0, run_id=run)
        tracker.log_metric("m3", 4.0, 9, run_id=run)
        tracker.log_metrics({"m4": 4.0, "new": 0.0}, run_id=run)
        tracker.log_history("m5", [3.0, 4.0], run_id=run)
        tracker.log_frame({"m5": [5.0], "m6": [3.0]}, run_id=run)
        tracker.log_frame({"at": [40], "m6": [4.0]}, step="at", run_id=run)
        tracker.log_param("p", 1, run_id=run)
        tracker.set_tag("t", "1", run_id=run)
        tracker.end_run(run_id=run)

    assert counted == [["m3"], ["m4", "new"], ["m5"], ["m5", "m6"]]
    found = workspace.tracker.metric_histories(run, ["m3", "m4", "new", "m5", "m6"])
    assert found.groupby("metric", sort=False).step.apply(list).to_dict() == {
        "m3": [0, 1, 2, 9],
        "m4": [0, 1, 17, 18],
        "new": [0],
        "m5": [0, 1, 2, 3, 4],
        "m6": [0, 1, 2, 40],
    }


@pytest.mark.parametrize("name", ["a\0", "a\ud800", 7])
def test_an_impossible_name_is_refused_for_a_run_of_nobody_too(workspace, name):
    run = workspace.tracker.open_run("e", name="of nobody").id
    with pytest.raises(Invalid, match="the name of a metric"):
        workspace.tracker.log_metric(name, 1.0, run_id=run)


def test_a_history_goes_out_as_it_is_kept_with_what_is_still_in_the_journal(workspace, run):
    run.log_history("loss", np.arange(3 * CHUNK + 100.0))
    run.log_history("system/cpu", np.arange(3.0))
    workspace.catch_up()
    run.log_history("loss", np.arange(3 * CHUNK + 100.0, 3 * CHUNK + 105.0))
    run.log_metric("auc", 0.5)
    workspace.catch_up()
    with locked(workspace):
        run.log_history("loss", np.arange(3 * CHUNK + 105.0, 5 * CHUNK))
        run.log_metric("late", math.nan)
        found = workspace.runs.columns_of(run.id)
        named = workspace.runs.columns_of(run.id, ["late", "none", "system/cpu"])

    assert {name: points.n for name, points in found.items()} == {"auc": 1, "late": 1, "loss": 5 * CHUNK}
    assert found["loss"].values.tolist() == found["loss"].steps.tolist() == list(range(5 * CHUNK))
    assert {name: points.n for name, points in named.items()} == {"late": 1, "system/cpu": 3}
    with pytest.raises(NotFound, match="has no metric 'los' or 'lot'") as unknown:
        workspace.runs.columns_of(run.id, ["los", "lot"])
    assert unknown.value.details["near"] == ["loss"]


def test_what_is_logged_while_a_history_goes_out_is_not_in_it(workspace, run):
    run.log_history("loss", np.arange(CHUNK + 10.0))
    workspace.catch_up()
    [packed] = workspace.runs.packed_metrics(run.id)
    run.log_history("loss", np.arange(2.0 * CHUNK))
    workspace.catch_up()

    assert packed.count == CHUNK + 10
    assert packed.points().values.tolist() == list(range(CHUNK + 10))


def test_a_history_whose_run_is_purged_while_it_goes_out_is_an_error(workspace, run):
    run.log_history("loss", np.arange(2.0 * CHUNK))
    workspace.tracker.end_run()
    workspace.catch_up()
    [packed] = workspace.runs.packed_metrics(run.id)
    workspace.tracker.delete_run(run.id)
    workspace.tracker.purge_runs([run.id], yes=True)

    with pytest.raises(Unavailable, match="went while they were read"):
        packed.points()


def test_a_long_history_goes_out_in_bounded_memory(workspace, run):
    count = 200 * CHUNK
    run.log_history("loss", np.random.default_rng(0).normal(size=count))
    workspace.catch_up()
    stream = workspace.tracker.stream_points("r", ["loss"]).open()
    tracemalloc.start()
    try:
        size = sum(len(block) for block in iter(lambda: stream.read(1 << 20), b""))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        stream.close()

    assert size > 5_000_000  # of points 19 MB
    assert most < size


# -- what is known of a metric ---------------------------------------------------------------------------


def test_a_chunk_knows_between_what_it_lies_and_a_full_one_has_an_outline(workspace, run):
    values = np.arange(CHUNK + 20.0)
    values[7] = math.nan
    run.log_history("loss", values, steps=np.arange(CHUNK + 20) * 2, times=BEGAN + np.arange(CHUNK + 20.0))
    workspace.catch_up()

    first, second = rows(
        workspace,
        "SELECT n, first_step, last_step, first_us, last_us, min, max, outline IS NOT NULL"
        " FROM metric_chunks ORDER BY seq",
    )
    end = BEGAN + CHUNK
    assert tuple(first) == (CHUNK, 0, 2 * CHUNK - 2, BEGAN * 10**6, (end - 1) * 10**6, 0, CHUNK - 1, True)
    assert tuple(second) == (
        20, 2 * CHUNK, 2 * CHUNK + 38, end * 10**6, (end + 19) * 10**6, CHUNK, CHUNK + 19, False,
    )  # fmt: skip


def test_chunks_of_before_there_were_bounds_are_read_all_the_same(workspace, run):
    values = np.sin(np.arange(300_000.0))
    run.log_history("loss", values)
    workspace.catch_up()
    with workspace.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE metric_chunks SET first_step = NULL, last_step = NULL, first_us = NULL, last_us = NULL,"
            " min = NULL, max = NULL, outline = NULL"
        )

    assert (workspace.tracker.get_run("r").metric_arrays("loss").value == values).all()
    thin = workspace.tracker.metric_history("r", "loss", max_points=100)
    found = [point.value for point in thin.items]
    assert (min(found), max(found)) == (values.min(), values.max())


def test_the_best_of_a_loss_is_the_least_of_anything_else_the_greatest(workspace, run):
    for value in (2.0, math.nan, 1.0, 3.0, 1.0, 3.0):
        for name in ("val_loss", "auc"):
            run.log_metric(name, value)
        workspace.catch_up()
    run.log_history("val_loss", [5.0, 0.5, 0.5])
    run.log_metric("empty", math.nan)

    auc, empty, loss = workspace.tracker.list_metrics("r")
    assert (auc.best, auc.best_step) == (3.0, 3)
    assert (loss.best, loss.best_step) == (0.5, 7)
    assert (empty.best, empty.best_step, empty.min) == (None, None, None)


def test_a_long_history_is_thinned_from_outlines_and_keeps_its_spikes_and_gaps(workspace, run):
    values = np.sin(np.arange(300_000.0) / 1000)
    values[123_456], values[234_567] = 99.0, -99.0
    values[200_000:200_010] = math.nan
    run.log_history("loss", values)
    workspace.catch_up()

    thin = workspace.tracker.metric_history("r", "loss", max_points=1000)
    found = {point.step: point.value for point in thin.items}

    assert 500 < len(found) <= 1000 and thin.count == 300_000
    assert (found[123_456], found[234_567]) == (99.0, -99.0)
    assert math.isnan(found[200_000])
    assert {0, 299_999} <= found.keys()
    assert all(same([values[step].item()], [value]) for step, value in found.items())


@pytest.mark.parametrize("axis", ["step", "time", "relative"])
def test_a_stretch_of_a_long_metric_is_thinned_alone(workspace, run, axis):
    # Enough for outlines to stand for chunks where all is asked for; the last points wait in the journal.
    began = workspace.tracker.get_run("r").started.timestamp()
    values = np.sin(np.arange(300_000))
    run.log_history("loss", values, times=np.arange(300_000) + began)
    workspace.catch_up()
    run.log_history("loss", [7.0, 8.0], steps=[300_000, 300_001], times=[began + 300_000, began + 300_001])
    start = began if axis == "time" else 0

    def look(low, high, most=1000):
        ends = {"low": None if low is None else start + low, "high": None if high is None else start + high}
        (line,) = workspace.tracker.metric_lines(["r"], ["loss"], axis=axis, max_points=most, **ends).items
        assert line.count == 300_002
        return [round(x - start) for x in line.x], line.y

    assert look(100_000.5, 100_300.5) == (
        list(range(100_001, 100_301)),
        values[100_001:100_301].tolist(),
    )
    assert look(299_998.5, None) == ([299_999, 300_000, 300_001], [values[-1], 7.0, 8.0])
    places, _ = look(None, 150_000.5)
    assert 500 < len(places) <= 1000 and places[-1] == 150_000
    assert look(400_000, 500_000) == ([], [])


# -- straight from the journal ---------------------------------------------------------------------------


@pytest.mark.parametrize("hindered", [locked, read_only])
def test_points_in_the_journal_show_once_while_the_database_takes_none(workspace, run, hindered):
    for _ in range(40):
        run.log_metric("loss", 0.5)
    assert workspace.tracker.metric_history("r", "loss").count == 40
    found = workspace.tracker.get_run("r")
    with hindered(workspace):
        for _ in range(30):
            run.log_metric("loss", 0.5)
        run.log_metric("fresh", 1.0)

        assert found.metric_arrays("loss").step.tolist() == list(range(70))
        history = workspace.tracker.metric_history("r", "loss")
        assert [point.step for point in history.items] == list(range(70))
        lines = workspace.tracker.metric_lines(["r"], ["loss", "fresh"])
        assert [(line.metric, line.count) for line in lines.items] == [("loss", 70), ("fresh", 1)]
        with pytest.raises(NotFound, match="loss"):
            workspace.tracker.metric_history("r", "los")

    assert workspace.tracker.get_run("r").metric_arrays("loss").step.tolist() == list(range(70))


def test_a_run_that_began_while_the_database_was_locked_has_its_history(workspace, run):
    workspace.catch_up()
    with locked(workspace):
        late = workspace.tracker.start_run("late", experiment="e")
        late.log_history("loss", [3.0, 2.0])

        for reference in ("late", late.id, late.id[-6:]):
            history = workspace.tracker.metric_history(reference, "loss")
            assert [point.value for point in history.items] == [3.0, 2.0]
        with pytest.raises(NotFound):
            workspace.tracker.metric_history("nobody", "loss")


def test_readers_see_a_beginning_without_holes_while_others_log_and_drain(workspace, run):
    run.log_metric("loss", 0.0)
    workspace.catch_up()
    records, stop = workspace.runs, threading.Event()

    def again_and_again(work: Callable[[], object]) -> threading.Thread:
        def until_stopped() -> None:
            while not stop.wait(0.005):
                work()

        thread = threading.Thread(target=until_stopped)
        thread.start()
        return thread

    # Enough for tails, growing chunks and new ones.
    threads = [
        again_and_again(lambda: run.log_history("loss", np.zeros(37))),
        again_and_again(workspace.catch_up),
    ]
    try:
        seen = 0
        for _ in range(40):
            steps = records.metric_columns(run.id, "loss")[0]
            assert steps.tolist() == list(range(len(steps)))
            assert len(steps) >= seen
            seen = len(steps)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


# -- many ------------------------------------------------------------------------------------------------


@pytest.mark.newest
def test_a_hundred_thousand_metrics_of_one_run(workspace, run):
    for number in range(100_000):
        run.log_metric(f"m{number}", number)
    workspace.catch_up()
    run.log_metric("m7", 8)

    found = workspace.tracker.list_metrics("r")
    assert len(found) == 100_000
    assert {metric.name: (metric.value, metric.count) for metric in found}["m7"] == (8.0, 2)
    assert workspace.tracker.metric_history("r", "m99999").items[0].value == 99_999.0


def test_many_series_of_many_runs_come_in_one_batch(workspace):
    ids = []
    for number in range(60):
        with workspace.tracker.start_run(f"r{number}", experiment="e") as each:
            each.log_metrics({f"m{key}": number * 100 + key for key in range(20)})
            each.log_history("long", np.arange(100.0) + number)
        ids.append(each.id)
    with workspace.tracker.start_run(resume=ids[3]) as again:  # another number for the same metric
        again.log_metric("m1", 7)
        again.log_history("long", np.arange(50.0))

    assert workspace.tracker.get_run(ids[59]).metrics["m19"] == 5919.0
    resumed = workspace.tracker.get_run(ids[3])
    assert resumed.metric_arrays("m1").value.tolist() == [301.0, 7.0]
    assert resumed.metric_arrays("long").step.tolist() == list(range(150))
    assert workspace.tracker.get_run(ids[58]).metric_arrays("long").value.tolist() == [
        58.0 + n for n in range(100)
    ]

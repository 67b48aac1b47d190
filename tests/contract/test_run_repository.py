"""What the records of tracking must do, on SQLite and on PostgreSQL."""

import itertools
import json
import math
import threading
from datetime import UTC, datetime

import numpy as np
import pytest
import sqlalchemy as sa

from nbproof.core.errors import Conflict, Invalid, NotFound
from nbproof.core.ids import new_id
from nbproof.storage.database import open_database
from nbproof.storage.journal.process import this_process
from nbproof.storage.journal.reader import Batch, Cursor, WriterInfo
from nbproof.tracking.points import CHUNK, RECORD, TAIL_POINT_BYTES
from nbproof.tracking.repository import RunRepository, TrackingApplier

START = 1_767_225_600_000_000  # 2026-01-01


@pytest.fixture
def database(database_url):
    with open_database(database_url) as database:
        yield database


@pytest.fixture
def records(database, clock):
    return RunRepository(database, clock=clock)


class Writer:
    """A process that logs: its events and points go through the applier in one batch at `drain`."""

    def __init__(self, database, clock):
        self.id = new_id()
        self.database = database
        self.applier = TrackingApplier(clock)
        self.seq = itertools.count(1)
        self.now = START
        self.events, self.points, self.series = [], [], {}

    def event(self, kind, run, **fields):
        self.now += 1_000_000
        self.events.append({"seq": next(self.seq), "kind": kind, "time": self.now, "run": run, **fields})

    def start(self, name="first", experiment="delays", **fields):
        run = new_id()
        self.event("run.start", run, experiment={"id": new_id(), "name": experiment}, name=name, **fields)
        return run

    def log(self, run, key, *values, step=0, time=None):
        if (run, key) not in self.series:
            number = self.series[run, key] = len(self.series) + 1
            self.events.append(
                {
                    "seq": next(self.seq),
                    "kind": "series",
                    "time": self.now,
                    "series": number,
                    "run": run,
                    "key": key,
                }
            )
        for place, value in enumerate(values):
            self.now += 1
            when = self.now if time is None else time
            self.points.append((self.series[run, key], next(self.seq), step + place, when, value, 0))

    def batch(self):
        points = np.array(self.points, RECORD).tobytes() if self.points else b""
        info = WriterInfo(self.id, this_process(), "0.1.0", START)
        batch = Batch(info, 0, 2**40, self.events, points, 0, Cursor())
        self.events, self.points = [], []
        return batch

    def drain(self):
        batch = self.batch()
        with self.database.begin() as connection:
            changed = list(self.applier.apply(connection, batch))
        assert batch.refused == []
        return changed

    def die(self, time_us=2**62):
        with self.database.begin() as connection:
            return list(self.applier.writer_died(connection, self.id, time_us))


@pytest.fixture
def writer(database, clock):
    return Writer(database, clock)


# -- experiments ------------------------------------------------------------------------------------------


def test_an_experiment_is_found_by_name_and_by_id(records):
    made = records.create_experiment(
        "a" * 32, "größe 🎈/x", description="why", tags={"k": "v"}, created_us=START
    )

    assert records.get_experiment("größe 🎈/x") == made == records.get_experiment("a" * 32)
    assert (made.description, made.tags, made.run_count, made.last_activity) == ("why", {"k": "v"}, 0, None)


def test_a_second_experiment_of_the_same_name_is_a_conflict(records):
    records.create_experiment("a" * 32, "delays", created_us=START)

    with pytest.raises(Conflict, match="delays") as caught:
        records.create_experiment("b" * 32, "delays", created_us=START)

    assert caught.value.details["id"] == "a" * 32


def test_an_unknown_experiment_brings_near_names(records):
    records.create_experiment("a" * 32, "delays", created_us=START)

    with pytest.raises(NotFound) as caught:
        records.get_experiment("delay")

    assert caught.value.details["near"] == ["delays"]


def test_experiments_are_listed_by_activity_in_pages(records, writer):
    for number in range(5):
        writer.start(experiment=f"e{number}")
    writer.event("params", writer.start(experiment="e1"), values={"a": 1})
    writer.drain()

    pages, after = [], None
    while True:
        page = records.list_experiments(limit=2, after=after)
        pages.append([each.name for each in page.items])
        after = page.next
        if after is None:
            break

    assert pages == [["e1", "e4"], ["e3", "e2"], ["e0"]]
    assert records.get_experiment("e1").run_count == 2


# -- runs ---------------------------------------------------------------------------------------------------


def test_a_run_comes_back_as_it_was_written(records, writer):
    run = writer.start(
        "first", tags={"team": "blue"}, params={"depth": 3}, notes="# why", host="lab", user="ada",
        source="a.ipynb", python="3.11.7", nbproof="0.1.0", parent="f" * 32,
    )  # fmt: skip
    writer.event("params", run, values={"rate": 0.1, "layers": [1, {"a": None}], "name": "x"})
    writer.event("tags", run, values={"team": "red", "gone": "x"})
    writer.event("tags", run, values={"gone": None})
    writer.event(
        "artifact",
        run,
        name="plots/roc.png",
        size=12,
        media_type="image/png",
        hash="ab",
        location="objects/x",
    )
    writer.event(
        "run.provenance", run, git={"commit": "c0ffee", "branch": "main", "dirty": True}, code="beef"
    )
    writer.log(run, "auc", 0.5, 0.75)
    writer.event("run.end", run, status="finished")

    changed = writer.drain()
    found = records.get_run(run)

    assert (found.name, found.experiment, found.status) == ("first", "delays", "finished")
    assert found.params == {"depth": 3, "layers": [1, {"a": None}], "name": "x", "rate": 0.1}
    assert found.tags == {"team": "red"}
    assert found.metrics == {"auc": 0.75}
    assert (found.notes, found.host, found.user, found.source, found.parent_id) == (
        "# why", "lab", "ada", "a.ipynb", "f" * 32,
    )  # fmt: skip
    assert [(each.name, each.size_bytes, each.location) for each in found.artifacts] == [
        ("plots/roc.png", 12, "objects/x")
    ]
    assert found.git.model_dump() == {"commit": "c0ffee", "branch": "main", "dirty": True, "remote": None}
    assert found.code == "beef"
    assert (found.newest_metric.name, found.newest_metric.count) == ("auc", 2)
    assert found.started < found.ended
    assert {change.kind for change in changed} == {"run", "experiment"}


def test_values_that_json_or_a_database_would_spoil_are_kept(records, writer):
    big = 2**200 + 1
    run = writer.start(
        params={"big": big, "nan": {"$float": "NaN"}, "deep": [{"x": {"$float": "-Infinity"}}]}
    )
    writer.event(
        "params", run, values={"nul": "a\0b", "half": "\ud800", "text": "'\"; DROP TABLE runs; -- %s ?"}
    )
    writer.event("tags", run, values={"t": "nul \0 half \ud800"})
    writer.drain()

    found = records.get_run(run)

    assert found.params["big"] == big
    assert math.isnan(found.params["nan"])
    assert found.params["deep"] == [{"x": -math.inf}]
    assert found.params["nul"] == "a\0b"
    assert found.params["text"] == "'\"; DROP TABLE runs; -- %s ?"
    assert found.tags["t"] == "nul \ufffd half ?"
    json.loads(found.model_dump_json(exclude={"params"}))


def test_a_param_given_again_shows_last_and_keeps_what_it_was(records, writer, database):
    run = writer.start(params={"depth": 3})
    writer.drain()
    writer.event("params", run, values={"depth": 4})
    writer.event("params", run, values={"depth": 4})
    writer.event("params", run, values={"depth": "five"})
    writer.drain()

    with database.connect() as connection:
        history = connection.execute(sa.text("SELECT value FROM param_history ORDER BY id")).scalars().all()

    assert records.get_run(run).params == {"depth": "five"}
    assert history == ["3", "4"]


def test_an_artifact_of_the_same_name_replaces_the_first(records, writer):
    run = writer.start()
    for size in (1, 2):
        writer.event(
            "artifact", run, name="model.bin", size=size, media_type="x/y", hash=str(size), location="l"
        )
    writer.drain()

    assert [(each.name, each.size_bytes) for each in records.get_run(run).artifacts] == [("model.bin", 2)]


def test_runs_of_one_experiment_name_share_it_whoever_made_it(records, writer, database, clock):
    other = Writer(database, clock)
    one, two = writer.start(experiment="same"), other.start(experiment="same")
    writer.drain()
    other.drain()

    assert records.get_run(one).experiment_id == records.get_run(two).experiment_id
    assert len(records.list_experiments().items) == 1


def test_a_run_is_renamed_and_its_notes_removed(records, writer):
    run = writer.start(notes="old")
    writer.event("run.update", run, name="second")
    writer.event("run.update", run, notes="")
    writer.drain()

    found = records.get_run(run)
    assert (found.name, found.notes) == ("second", None)


def test_what_arrives_before_its_run_waits_for_it(records, writer, database, clock):
    child = Writer(database, clock)
    run = writer.start("first", params={"a": 1})
    child.now = writer.now + 10_000_000
    child.log(run, "loss", 1.0)
    child.event("params", run, values={"a": 2})
    child.event("run.end", run, status="finished")

    child.drain()
    early = records.get_run(run)
    writer.drain()
    late = records.get_run(run)

    assert (early.experiment_id, early.metrics) == ("", {"loss": 1.0})
    assert (late.name, late.experiment, late.status) == ("first", "delays", "finished")
    assert late.params == {"a": 2}
    assert late.started < early.started


def test_a_resumed_run_is_not_ended_by_what_was_drained_late(records, writer, database, clock):
    second = Writer(database, clock)
    run = writer.start()
    writer.drain()
    writer.event("run.end", run, status="failed")
    second.now = writer.now + 5_000_000
    second.event("run.resume", run)

    second.drain()
    writer.drain()
    writer.die()

    assert records.get_run(run).status == "running"
    second.die()
    assert records.get_run(run).status == "interrupted"


def test_a_dead_process_leaves_its_running_runs_interrupted_at_their_last_sign_of_life(
    records, writer, database, clock
):
    other = Writer(database, clock)
    done, open_, detached = writer.start("done"), writer.start("open"), writer.start("rest", detached=True)
    elsewhere = other.start("elsewhere")
    writer.event("run.end", done, status="finished")
    writer.log(open_, "loss", 1.0)
    last = writer.now
    writer.drain()
    other.drain()

    changed = writer.die()

    assert [change.ids for change in changed] == [(open_,)]
    found = records.get_run(open_)
    assert found.status == "interrupted"
    assert found.ended == datetime.fromtimestamp(last / 1e6, UTC)
    assert [records.get_run(run).status for run in (done, detached, elsewhere)] == [
        "finished",
        "running",
        "running",
    ]
    assert writer.die() == []


def test_a_time_that_users_gave_does_not_move_the_end_of_a_run_into_the_future(records, writer, clock):
    run = writer.start()
    writer.log(run, "loss", 1.0, time=2**62)
    writer.drain()

    writer.die(clock.now_us())

    found = records.get_run(run)
    assert found.ended <= datetime(2026, 1, 3, tzinfo=UTC)
    assert found.newest_metric.time.year == 9999


def test_an_event_that_cannot_be_understood_is_refused_and_nothing_of_its_batch_is_kept(
    records, writer, database
):
    run = writer.start()
    writer.event("run.end", run, status="exploded")

    with pytest.raises(Invalid, match="exploded"):
        writer.drain()

    with pytest.raises(NotFound):
        records.get_run(run)


@pytest.mark.parametrize(
    "fields",
    [{}, {"values": None}, {"values": {"a": None}, "run": 5}, {"values": {}, "time": "now"}],
)
def test_malformed_events_are_invalid_whatever_is_wrong(writer, fields):
    writer.event("params", new_id(), **{key: fields[key] for key in fields if key not in ("run", "time")})
    writer.events[-1].update(fields)

    with pytest.raises(Invalid):
        writer.drain()


def test_two_drains_at_once_of_writers_that_share_a_run_lose_nothing(records, writer, database, clock):
    run = writer.start()
    writer.drain()
    writers = [Writer(database, clock) for _ in range(4)]
    failures = []

    def drain(each):
        try:
            for _ in range(5):
                each.log(run, "loss", 1.0, 2.0)
                each.log(new_id(), "own", 1.0)
                each.drain()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=drain, args=(each,)) for each in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert records.metric_history(run, "loss").count == 40
    assert len(records.metric_columns(run, "loss")[0]) == 40


# -- finding runs -------------------------------------------------------------------------------------------


def test_a_run_is_found_by_id_name_last_digits_and_first_digits(records, writer):
    run, other = writer.start("alpha"), writer.start("beta")
    writer.drain()

    assert {records.resolve_run(word) for word in (run, "alpha", run[-6:], run[-6:].upper(), run[:31])} == {
        run
    }
    assert records.resolve_run(other[-6:]) == other


def test_a_name_of_several_runs_is_a_conflict_that_lists_them(records, writer):
    runs = [writer.start("same", experiment=f"e{number}") for number in range(3)]
    writer.drain()

    with pytest.raises(Conflict) as caught:
        records.resolve_run("same")

    candidates = caught.value.details["candidates"]
    assert [each["id"] for each in candidates] == runs[::-1]
    assert candidates[0]["experiment"] == "e2"
    assert runs[0][-6:] in str(caught.value.hint)


def test_an_unknown_run_brings_near_names(records, writer):
    writer.start("amber-fox")
    writer.drain()

    with pytest.raises(NotFound) as caught:
        records.resolve_run("amber-foks")

    assert caught.value.details["near"] == ["amber-fox"]


def test_last_and_best_name_runs(records, writer):
    first, second, third = (writer.start(name) for name in "abc")
    writer.log(first, "auc", 0.9)
    writer.log(second, "auc", 0.95)
    writer.log(third, "auc", math.nan)
    writer.drain()

    assert records.resolve_run("@last") == third
    assert records.resolve_run("@last~2") == first
    assert records.resolve_run("@best:auc") == second
    writer.log(first, "auc", math.inf)
    writer.drain()
    assert records.resolve_run("@best:auc") == first


@pytest.mark.parametrize(
    ("word", "error"),
    [
        ("@last~9", NotFound),
        ("@best:nothing", NotFound),
        ("@first", Invalid),
        ("@last~x", Invalid),
        ("@best", Invalid),
        ("@last~" + "9" * 400, NotFound),
        ("", NotFound),
        ("\0", NotFound),
        ("\ud800", NotFound),
        ("a" * 10_000, NotFound),
    ],
)
def test_words_that_name_no_run_are_told_as_such(records, writer, word, error):
    writer.start()
    writer.drain()

    with pytest.raises(error):
        records.resolve_run(word)


def test_runs_are_listed_newest_first_in_pages_that_do_not_overlap(records, writer):
    runs = [writer.start(f"r{number}") for number in range(7)]
    writer.start(experiment="other")
    writer.drain()
    experiment = records.get_experiment("delays").id

    found, after = [], None
    while True:
        page = records.list_runs(experiment, limit=3, after=after)
        found += [run.id for run in page.items]
        writer.start("late")
        writer.drain()
        after = page.next
        if after is None:
            break

    assert found == runs[::-1]


@pytest.mark.parametrize("cursor", ["", "x", "bnVsbA", "WzEsMl0", "🎈", "W10", "W3RydWUsIngiXQ"])
def test_a_cursor_that_was_never_given_out_is_invalid(records, cursor):
    for ask in (records.list_runs, records.list_experiments, records.search):
        with pytest.raises(Invalid, match="page"):
            ask(after=cursor)


# -- metrics ------------------------------------------------------------------------------------------------


def test_points_come_back_exactly_in_the_order_logged(records, writer):
    run = writer.start()
    writer.log(run, "loss", 1.0, math.nan, -math.inf, math.inf, -0.0, 5e-324)
    writer.drain()
    writer.log(run, "loss", 2.0, step=2**63 - 1, time=-(2**63))
    writer.log(run, "loss", 3.0, step=-(2**63), time=2**63 - 1)
    writer.drain()

    steps, times, values = records.metric_columns(run, "loss")

    assert steps.tolist() == [0, 1, 2, 3, 4, 5, 2**63 - 1, -(2**63)]
    assert times.tolist()[-2:] == [-(2**63), 2**63 - 1]
    np.testing.assert_array_equal(values, [1.0, math.nan, -math.inf, math.inf, -0.0, 5e-324, 2.0, 3.0])
    assert math.copysign(1, values[4]) == -1
    history = records.metric_history(run, "loss")
    assert (history.count, len(history.items), history.next) == (8, 8, None)
    json.loads(history.model_dump_json())


def test_the_state_of_a_metric_leaves_nan_out_of_least_and_greatest(records, writer):
    run = writer.start()
    writer.log(run, "loss", math.nan, 3.0, 1.0)
    writer.log(run, "bad", math.nan)
    writer.drain()
    writer.log(run, "loss", 2.0, math.nan)
    writer.drain()

    bad, loss = records.metrics_of(run)

    assert (loss.min, loss.max, loss.count, loss.step) == (1.0, 3.0, 5, 1)
    assert math.isnan(loss.value)
    assert (bad.name, bad.min, bad.max) == ("bad", None, None)
    assert math.isnan(records.get_run(run).metrics["loss"])


@pytest.mark.parametrize("sizes", [[1] * 40, [CHUNK, 1], [CHUNK - 1, 2, CHUNK * 2], [10_000, 1, 10_000]])
def test_chunks_are_filled_whatever_the_batches(records, writer, database, sizes):
    run = writer.start()
    for at, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
        writer.log(run, "loss", *map(float, range(at, at + size)), step=int(at))
        writer.drain()
    total = sum(sizes)

    steps, _, values = records.metric_columns(run, "loss")

    assert steps.tolist() == list(range(total))
    assert values.tolist() == list(range(total))
    with database.connect() as connection:
        filled = connection.execute(sa.text("SELECT n FROM metric_chunks ORDER BY seq")).scalars().all()
        tail = connection.execute(sa.text("SELECT tail FROM metrics")).scalar() or b""
    assert all(n == CHUNK for n in filled[:-1]) and (not filled or filled[-1] <= CHUNK)
    assert sum(filled) + len(tail) // TAIL_POINT_BYTES == total


def test_series_of_one_batch_do_not_mix_and_the_last_one_logged_is_the_newest(records, writer):
    run, other = writer.start(), writer.start()
    for number in range(50):
        writer.log(run, "a", float(number), step=number)
        writer.log(other, "a", float(-number), step=number)
        writer.log(run, "b", float(2 * number), step=number)
    writer.log(run, "a", 99.0, step=50)
    writer.drain()

    assert records.metric_columns(run, "a")[2].tolist() == [*map(float, range(50)), 99.0]
    assert records.metric_columns(run, "b")[2].tolist() == [2.0 * number for number in range(50)]
    assert records.metric_columns(other, "a")[2].tolist() == [float(-number) for number in range(50)]
    assert records.get_run(run).newest_metric.name == "a"


def test_a_metric_that_has_two_numbers_in_a_batch_keeps_its_order(records, writer):
    run = writer.start()
    writer.log(run, "a", 1.0)
    writer.series.clear()
    writer.series["taken", "number"] = 1
    writer.log(run, "a", 2.0)
    writer.series[run, "a"] = 1
    writer.log(run, "a", 3.0)
    writer.drain()

    assert records.metric_columns(run, "a")[2].tolist() == [1.0, 2.0, 3.0]


def test_points_of_an_unknown_series_are_put_aside_and_the_rest_is_kept(records, writer, database):
    run = writer.start()
    writer.log(run, "a", 1.0)
    writer.points.append((77, 500, 0, START, 5.0, 0))
    batch = writer.batch()

    with database.begin() as connection:
        list(writer.applier.apply(connection, batch))

    assert [seqs for _, seqs in batch.refused] == [(500,)]
    assert records.get_run(run).metrics == {"a": 1.0}


def test_a_history_is_read_in_pages(records, writer):
    run = writer.start()
    writer.log(run, "loss", *map(float, range(CHUNK + 10)))
    writer.drain()

    pages, after = [], None
    while True:
        page = records.metric_history(run, "loss", limit=CHUNK // 2 + 1, after=after)
        pages.append([item.step for item in page.items])
        after = page.next
        if after is None:
            break

    assert [len(page) for page in pages] == [2049, 2049, 8]
    assert list(itertools.chain(*pages)) == list(range(CHUNK + 10))


def test_a_thinned_history_keeps_ends_and_extremes(records, writer):
    values = np.sin(np.arange(10_000) / 50)
    values[[1234, 7777]] = [50.0, -50.0]
    run = writer.start()
    writer.log(run, "wave", *values.tolist())
    writer.drain()

    history = records.metric_history(run, "wave", max_points=100)

    found = [item.value for item in history.items]
    assert history.count == 10_000
    assert len(found) <= 100
    assert {50.0, -50.0} <= set(found)
    assert (history.items[0].step, history.items[-1].step) == (0, 9999)


def test_an_unknown_metric_brings_near_names(records, writer):
    run = writer.start()
    writer.log(run, "accuracy", 1.0)
    writer.drain()

    for ask in (records.metric_history, records.metric_columns):
        with pytest.raises(NotFound) as caught:
            ask(run, "acuracy")
        assert caught.value.details["near"] == ["accuracy"]


def test_names_of_the_greatest_length_fit_into_every_index(records, writer):
    name = "🎈" * 500
    run = writer.start(name, experiment=name, tags={name: "x"}, params={name: "x" * 10_000})
    writer.log(run, name, 1.0)
    writer.event("artifact", run, name=name, size=1, media_type="x/y", hash="h", location="l")
    writer.drain()

    found = records.get_run(records.resolve_run(name))
    assert list(found.params) == list(found.tags) == list(found.metrics) == [name]

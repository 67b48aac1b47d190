from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nbproof.core.clock import FixedClock, SystemClock
from nbproof.storage.journal import writer as writer_module
from nbproof.storage.journal.format import POINT_BYTES
from nbproof.storage.journal.process import this_process
from nbproof.storage.journal.reader import read_writer, writer_ids
from nbproof.storage.journal.writer import JournalWriter
from tests.support.journals import all_events, all_points, all_values, new_writer, read_all


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_nothing_is_on_the_disk_before_the_first_record(folder: Path) -> None:
    writer = new_writer(folder)
    writer.series("run", "loss")
    writer.sync()
    writer.close()
    assert not folder.exists()


def test_a_journal_says_which_process_writes_it(folder: Path) -> None:
    writer = new_writer(folder)
    writer.event("note")
    info = read_writer(writer.path)
    assert info is not None
    assert (info.id, info.process, info.closed_us) == (writer.id, this_process(), None)
    assert json.loads((writer.path / "writer.json").read_text())["format"] == 1


@pytest.mark.parametrize("way", ["map", "write"])
def test_what_was_logged_is_read_back(folder: Path, way: str) -> None:
    writer = new_writer(folder, way=way)
    writer.event("run.start", run="r", params={"depth": 3})
    loss = writer.series("r", "loss")
    loss.log(0.5)
    loss.log(math.inf, step=-(2**63), time_us=2**63 - 1)
    loss.log(math.nan)
    assert all_points(folder)[:2] == [
        (loss.id, 3, 0, all_points(folder)[0][3], 0.5),
        (loss.id, 4, -(2**63), 2**63 - 1, math.inf),
    ]
    assert math.isnan(all_values(folder)[2])
    assert all_points(folder)[2][2] == -(2**63) + 1
    kinds = [(event["seq"], event["kind"]) for event in all_events(folder)]
    assert kinds == [(1, "run.start"), (2, "series")]


def test_special_floats_in_events_are_spelled(folder: Path) -> None:
    writer = new_writer(folder)
    writer.event("params", values={"a": math.nan, "b": [math.inf, {"c": -math.inf}], "d": 1.5})
    (event,) = all_events(folder)
    assert event["values"] == {
        "a": {"$float": "NaN"},
        "b": [{"$float": "Infinity"}, {"c": {"$float": "-Infinity"}}],
        "d": 1.5,
    }


def test_any_text_survives_the_way_through_the_journal(folder: Path) -> None:
    writer = new_writer(folder)
    text = "a\nb\0c\u2028\ud800🙂" + "x" * 300_000
    writer.event("note", text=text)
    writer.event("note", text="after")
    assert [event["text"] for event in all_events(folder)] == [text, "after"]


def test_what_json_cannot_hold_is_refused_before_anything_is_written(folder: Path) -> None:
    writer = new_writer(folder)
    with pytest.raises(TypeError):
        writer.event("note", value=object())
    with pytest.raises(ValueError, match="sequence"):
        writer.event("note", seq=7)
    assert writer.event("note") == 1


def test_events_take_the_time_of_the_clock_unless_they_bring_one(folder: Path) -> None:
    clock = FixedClock(1_000)
    writer = JournalWriter(folder, clock=clock)
    writer.event("a")
    writer.event("b", time=5)
    assert [event["time"] for event in all_events(folder)] == [1_000, 5]


@pytest.mark.parametrize(
    ("value", "step", "time_us", "error"),
    [
        (1.0, 2**63, None, OverflowError),
        (1.0, -(2**63) - 1, None, OverflowError),
        (1.0, 0, 2**63, OverflowError),
        (1.0, 1.5, None, TypeError),
        ("1", 0, None, TypeError),
    ],
)
def test_a_point_that_does_not_fit_is_refused(
    folder: Path, value: float, step: int, time_us: int | None, error: type[Exception]
) -> None:
    series = new_writer(folder).series("r", "loss")
    with pytest.raises(error):
        series.log(value, step, time_us)
    series.log(1.0)
    assert [point[2] for point in all_points(folder)] == [0]


def test_the_step_behind_the_last_int64_is_refused(folder: Path) -> None:
    series = new_writer(folder).series("r", "loss", last=2**63 - 1)
    with pytest.raises(OverflowError, match="step"):
        series.log(1.0)


def test_a_resumed_series_counts_on(folder: Path) -> None:
    series = new_writer(folder).series("r", "loss", last=41)
    series.log(1.0)
    assert all_points(folder)[0][2] == 42


def test_a_clock_that_steps_back_is_written_down_as_it_is(folder: Path) -> None:
    clock = FixedClock(1_000_000)
    writer = JournalWriter(folder, clock=clock)
    series = writer.series("r", "loss")
    series.log(1.0)
    clock.advance(-0.5)
    series.log(2.0)
    writer.event("note")
    assert [(point[1], point[3]) for point in all_points(folder)] == [(2, 1_000_000), (3, 500_000)]
    assert all_events(folder)[-1]["time"] == 500_000


def test_threads_share_a_writer_without_losing_or_doubling_a_step(folder: Path) -> None:
    writer = new_writer(folder)
    series = writer.series("r", "loss")

    def work() -> None:
        for number in range(2_000):
            series.log(float(number))
            if number % 100 == 0:
                writer.event("note")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (batch,) = read_all(folder)
    assert (batch.to, batch.bad) == (8_000 + 80 + 1, 0)
    assert [step for _, _, step, _, _ in batch.iter_points()] == list(range(8_000))


def test_the_file_of_points_grows_and_is_cut_to_size_at_the_end(folder: Path) -> None:
    writer = new_writer(folder)
    series = writer.series("r", "loss")
    for number in range(60_000):  # more than two steps of growth
        series.log(float(number))
    file = writer.path / "points-1.bin"
    assert file.stat().st_size == 3 << 20
    writer.close()
    assert file.stat().st_size == 60_000 * POINT_BYTES
    assert all_values(folder) == [float(number) for number in range(60_000)]


@pytest.mark.parametrize("way", ["map", "write"])
def test_full_files_are_followed_by_the_next_ones(
    folder: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "SEGMENT_BYTES", 100_000)
    writer = new_writer(folder, way=way)
    series = writer.series("r", "loss")
    for number in range(6_000):
        series.log(float(number))
        if number % 100 == 0:
            writer.event("note", text="x" * 3_000)
    names = {path.name for path in writer.path.iterdir()}
    assert {"points-1.bin", "points-2.bin", "points-3.bin", "events-1.jsonl", "events-2.jsonl"} <= names
    assert (writer.path / "points-1.bin").stat().st_size == 2_500 * POINT_BYTES
    for limit in (100, 100_000):
        batches = read_all(folder, limit)
        assert [value for batch in batches for *_, value in batch.iter_points()] == list(
            map(float, range(6_000))
        )
        assert sum(len(batch.events) for batch in batches) == 61
        assert sum(batch.bad for batch in batches) == 0


def test_a_closed_journal_says_so_and_what_follows_begins_a_new_one(folder: Path) -> None:
    writer = new_writer(folder)
    series = writer.series("r", "loss")
    series.log(1.0)
    first = writer.id
    writer.close()
    writer.close()
    info = read_writer(folder / first)
    assert info is not None
    assert info.closed_us is not None
    series.log(2.0)
    assert writer_ids(folder) == [first, writer.id]
    assert [(point[2], point[4]) for point in all_points(folder)] == [(0, 1.0), (1, 2.0)]
    assert [event["key"] for event in all_events(folder)] == ["loss", "loss"]


@pytest.mark.parametrize("way", ["map", "write"])
def test_a_journal_deleted_under_us_is_written_anew(folder: Path, way: str) -> None:
    restored: list[str] = []
    writer = new_writer(folder, way=way, on_restored=lambda: restored.append("restored"))
    series = writer.series("r", "loss")
    for number in range(100):
        series.log(float(number))
    for path in writer.path.iterdir():
        path.unlink()
    writer.path.rmdir()
    for number in range(100, 2_000):
        series.log(float(number))
    writer.event("note")
    assert len(restored) == 1
    assert all_values(folder) == [float(number) for number in range(2_000)]
    assert sum(batch.bad for batch in read_all(folder)) == 0
    assert [event["kind"] for event in all_events(folder)] == ["series", "series", "note"]


def test_an_event_notices_at_once_that_the_journal_was_deleted(folder: Path) -> None:
    writer = new_writer(folder)
    writer.event("note", text="before")
    (writer.path / "events-1.jsonl").unlink()
    writer.event("note", text="after")
    assert [event["text"] for event in all_events(folder)] == ["before", "after"]


def test_a_deleted_workspace_is_not_raised_from_the_dead(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    writer = new_writer(workspace / "journal")
    writer.event("note")
    for path in (*writer.path.iterdir(), writer.path, writer.folder, workspace):
        path.unlink() if path.is_file() else path.rmdir()
    with pytest.raises(FileNotFoundError, match="deleted or moved"):
        writer.event("note")
    failures: list[OSError] = []
    writer._on_failure = failures.append
    writer.close()
    assert failures
    assert not workspace.exists()


def test_a_workspace_that_was_moved_takes_its_journal_along(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "old" / "journal")
    series = writer.series("r", "loss")
    series.log(1.0)
    (tmp_path / "old").rename(tmp_path / "new")
    series.log(2.0)
    writer.event("note")
    assert not (tmp_path / "old").exists()
    assert all_values(tmp_path / "new" / "journal") == [1.0, 2.0]


def test_sync_makes_files_and_folder_durable(folder: Path) -> None:
    writer = new_writer(folder)
    writer.series("r", "loss").log(1.0)
    before = set(os.listdir("/proc/self/fd")) if sys.platform == "linux" else set()
    writer.sync()
    writer.sync()
    if before:
        assert set(os.listdir("/proc/self/fd")) == before


def test_a_folder_that_cannot_be_made_raises_and_a_later_one_works(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file is in the way")
    writer = new_writer(tmp_path / "journal")
    series = writer.series("r", "loss")
    with pytest.raises(OSError, match="journal"):
        series.log(1.0)
    (tmp_path / "journal").unlink()
    series.log(2.0)
    assert [(point[1], point[2], point[4]) for point in all_points(tmp_path / "journal")] == [(2, 0, 2.0)]


def test_the_writer_loads_the_standard_library_only() -> None:
    program = (
        "import sys; from nbproof.storage.journal.writer import JournalWriter;"
        "bad = {'sqlalchemy', 'pydantic', 'numpy', 'pandas', 'subprocess', 'socket'} & set(sys.modules);"
        "sys.exit(' '.join(bad) or None)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_writers_at_once_keep_apart(folder: Path) -> None:
    one, two = new_writer(folder), JournalWriter(folder, clock=SystemClock())
    one.event("note", of=1)
    two.event("note", of=2)
    assert sorted(str(event["of"]) for event in all_events(folder)) == ["1", "2"]
    assert one.id != two.id

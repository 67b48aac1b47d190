"""Full and vanished disks: an error that can be caught, nothing lost of what was acknowledged."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.journals import all_events, all_values, new_writer, read_all


def until_full(write: Callable[[int], object]) -> int:
    """Write until the disk is full; how often that went well."""
    for number in range(10_000_000):
        try:
            write(number)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return number
    raise AssertionError("the disk is larger than was thought")


def fill(path: Path) -> None:
    """Leave no page of the disk free."""
    with open(path, "wb", buffering=0) as file:
        until_full(lambda _: file.write(bytes(4096)))


@pytest.fixture
def ballast(small_disk: Path) -> Path:
    """A file to delete when room is wanted."""
    file = small_disk / "ballast"
    file.write_bytes(bytes(1 << 20))
    return file


@pytest.mark.parametrize("way", ["map", "write"])
def test_points_on_a_full_disk_raise_and_go_on_when_there_is_room(ballast: Path, way: str) -> None:
    folder = ballast.parent / "workspace" / "journal"
    writer = new_writer(folder, way=way)
    series = writer.series("r", "loss")
    acknowledged = until_full(lambda number: series.log(float(number)))
    # Nearly all of the disk was used before giving up.
    assert acknowledged * 40 > 5 << 19
    for _ in range(3):
        with pytest.raises(OSError, match="No space left"):
            series.log(-1.0)
    assert all_values(folder) == [float(number) for number in range(acknowledged)]
    ballast.unlink()
    series.log(float(acknowledged))
    writer.close()
    assert all_values(folder)[-1] == float(acknowledged)
    assert sum(batch.bad for batch in read_all(folder)) == 0


@pytest.mark.parametrize("way", ["map", "write"])
def test_events_on_a_full_disk_raise_and_leave_whole_lines(ballast: Path, way: str) -> None:
    folder = ballast.parent / "workspace" / "journal"
    writer = new_writer(folder, way=way)
    acknowledged = until_full(lambda number: writer.event("note", number=number, text="x" * 3_001))
    assert (writer.path / "events-1.jsonl").read_bytes().endswith(b"\n")
    assert [event["number"] for event in all_events(folder)] == list(range(acknowledged))
    ballast.unlink()
    writer.event("note", number=acknowledged)
    assert [event["number"] for event in all_events(folder)] == list(range(acknowledged + 1))
    assert sum(batch.bad for batch in read_all(folder)) == 0


def test_a_journal_cannot_begin_on_a_full_disk_and_begins_when_there_is_room(ballast: Path) -> None:
    fill(ballast.parent / "more")
    series = new_writer(ballast.parent / "workspace" / "journal").series("r", "loss")
    with pytest.raises(OSError, match="No space left"):
        series.log(1.0)
    ballast.unlink()
    series.log(2.0)
    assert all_values(ballast.parent / "workspace" / "journal") == [2.0]


def test_points_already_mapped_do_not_crash_on_a_disk_that_is_full_meanwhile(small_disk: Path) -> None:
    folder = small_disk / "workspace" / "journal"
    writer = new_writer(folder)
    series = writer.series("r", "loss")
    series.log(0.0)
    fill(small_disk / "more")
    for number in range(1, 26_000):  # what 1 MiB holds
        series.log(float(number))
    assert len(all_values(folder)) == 26_000


def test_a_limit_on_the_size_of_files_raises_too(tmp_path: Path) -> None:
    program = """
import errno, resource, sys
from pathlib import Path
from nbproof.core.clock import SystemClock
from nbproof.storage.journal.writer import JournalWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
writer = JournalWriter(Path(sys.argv[1]), clock=SystemClock())
series = writer.series("r", "loss")
points = events = 0
try:
    while True:
        series.log(float(points)); points += 1
except OSError as error:
    assert error.errno == errno.EFBIG, error
try:
    while True:
        writer.event("note", text="x" * 999); events += 1
except OSError as error:
    assert error.errno in (errno.EFBIG, errno.ENOSPC), error
print(points, events)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "journal"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    points, events = map(int, done.stdout.split())
    assert len(all_values(tmp_path / "journal")) == points > 1_000
    assert len(all_events(tmp_path / "journal")) == events + 1 > 50


def test_without_descriptors_an_error_is_raised_and_later_records_are_kept(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "journal")
    series = writer.series("r", "loss")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 64
    resource.setrlimit(resource.RLIMIT_NOFILE, (used, hard))
    hogs = []
    try:
        while True:
            try:
                hogs.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        with pytest.raises(OSError, match="Too many open files"):
            series.log(1.0)
    finally:
        for fd in hogs:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    series.log(2.0)
    assert all_values(tmp_path / "journal") == [2.0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_raises(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir(mode=0o500)
    with pytest.raises(PermissionError):
        new_writer(tmp_path / "workspace" / "journal").event("note")

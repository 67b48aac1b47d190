"""Content that is about to be referred to is left alone by gc, by no clock and whoever is killed."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nbproof.core.errors import NotFound
from nbproof.storage.holds import EVERYTHING, Holds
from nbproof.storage.spool import SpooledObjects

NEVER = float("inf")  # no content is young


@pytest.fixture
def storage(tmp_path: Path) -> SpooledObjects:
    return SpooledObjects(tmp_path / "content")


def put(storage, content=b"model"):
    return storage.put(io.BytesIO(content)).location


# -- words of processes ---------------------------------------------------------------------------------


def test_a_name_is_held_until_it_was_given_back_as_often_as_it_was_taken(tmp_path):
    holds, other = Holds(tmp_path), Holds(tmp_path)
    assert "a" not in other.look()
    holds.take("a")
    holds.take("a")
    holds.give_back("a")
    assert "a" in other.look() and "b" not in other.look()
    holds.give_back("a")
    holds.give_back("a")  # once too often is nothing
    assert "a" not in other.look()


def test_whatever_was_said_since_a_look_counts(tmp_path):
    holds, other = Holds(tmp_path), Holds(tmp_path)
    holds.take("before")
    look = other.look()
    assert not other.mentioned("a", look) and other.mentioned("before", look)
    holds.take("a")
    holds.give_back("a")  # its record was written meanwhile
    assert other.mentioned("a", look) and not other.mentioned("b", look)
    third = Holds(tmp_path)  # a process that begins only now
    third.take("b")
    assert other.mentioned("b", look)
    with third.held(EVERYTHING):
        assert other.mentioned("c", look) and "c" in other.look()
    assert other.mentioned("c", look) and "c" not in other.look()


def test_of_a_file_that_has_gone_nobody_knows_what_it_said(tmp_path):
    holds, other = Holds(tmp_path), Holds(tmp_path)
    holds.take("a")
    look = other.look()
    next(tmp_path.iterdir()).unlink()
    assert other.mentioned("b", look)


def test_a_process_whose_file_was_cleared_away_says_all_again(tmp_path):
    holds, other = Holds(tmp_path), Holds(tmp_path)
    holds.take("a")
    next(tmp_path.iterdir()).unlink()
    holds.take("b")
    look = other.look()
    assert "a" in look and "b" in look


def test_what_a_killed_process_held_is_free(tmp_path):
    script = """
import os, signal, sys
from pathlib import Path
from nbproof.storage.holds import Holds
Holds(Path(sys.argv[1])).take("a")
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], timeout=60, check=False)
    assert len(list(tmp_path.iterdir())) == 1
    assert "a" not in Holds(tmp_path).look()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_words_of_its_own(tmp_path):
    holds = Holds(tmp_path)
    holds.take("parent's")
    pid = os.fork()
    if pid == 0:
        holds.take("child's")
        os._exit(0)
    os.waitpid(pid, 0)
    look = Holds(tmp_path).look()
    assert "parent's" in look and "child's" not in look  # the child has ended
    holds.give_back("parent's")
    assert "parent's" not in Holds(tmp_path).look()


def test_a_full_disk_is_told_and_what_was_held_stays_held(small_disk):
    holds, other = Holds(small_disk / "holds"), Holds(small_disk / "holds")
    holds.take("a")
    with (small_disk / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(1 << 12))
    third = Holds(small_disk / "holds")
    with contextlib.suppress(OSError):
        for number in range(100_000):
            holds.take(f"name {number}")
    with pytest.raises(OSError, match=r"[Ss]pace|full"):
        third.take("b")
    assert "a" in other.look() and "b" not in other.look()
    (small_disk / "ballast").unlink()
    for each in (holds, third):
        each.take("c")
        assert "c" in other.look()
        each.give_back("c")
    assert "a" in other.look() and "c" not in other.look()


def test_a_file_does_not_grow_when_all_was_given_back(tmp_path):
    holds = Holds(tmp_path)
    sizes = set()
    for number in range(100):
        holds.take(f"name {number}")
        holds.give_back(f"name {number}")
        sizes.add(sum(path.stat().st_size for path in tmp_path.iterdir()))
    assert len(sizes) == 1


def test_of_words_that_were_cut_off_since_a_look_nobody_knows_what_they_were(tmp_path):
    holds, other = Holds(tmp_path), Holds(tmp_path)
    look = other.look()  # before its file is begun
    with holds.held("a"):
        pass
    assert other.mentioned("a", look)
    look = other.look()
    assert not other.mentioned("a", look)
    with holds.held("a"):
        pass
    holds.take("b")  # as long as the one that was cut off
    assert other.mentioned("a", look)


def test_while_words_are_cut_off_whoever_compares_knows_that_they_were_said(tmp_path, monkeypatch):
    holds, other = Holds(tmp_path), Holds(tmp_path)
    with holds.held("before"):
        pass
    look = other.look()
    cut, seen = os.ftruncate, []

    def cut_and_compared(descriptor, size):
        cut(descriptor, size)
        seen.append((other.mentioned("a", look), other.look()))

    monkeypatch.setattr(os, "ftruncate", cut_and_compared)
    with holds.held("a"):
        pass
    ((mentioned, between),) = seen
    assert mentioned and "a" not in between and other.mentioned("a", between)


# -- content --------------------------------------------------------------------------------------------


def test_content_is_held_from_its_putting_until_it_is_let_go(storage, tmp_path):
    (tmp_path / "a").write_bytes(b"of a file")
    (tmp_path / "b").write_bytes(b"of another")
    files = [kept.location for kept in storage.put_many([tmp_path / "a", tmp_path / "b", tmp_path / "a"])]
    again = storage.find(storage.put(io.BytesIO(b"model")).hash).location
    for location in {*files, again}:
        assert not storage.discard(location, NEVER, storage.holds.look())
    for location in (*files, again, again):
        assert location in storage.holds.look()
        storage.let_go(location)
        # Twice put, or put and found: it is free when each has let go.
    for location in {*files, again}:
        assert storage.discard(location, NEVER, storage.holds.look())


def test_of_files_that_were_put_together_those_never_asked_for_are_let_go(storage, tmp_path):
    for name in "abc":
        (tmp_path / name).write_bytes(name.encode())
    kept = storage.put_many([tmp_path / name for name in "abc"])
    first = next(kept)
    kept.close()
    held = {each.location for each in storage.iter() if each.location in storage.holds.look()}
    assert held == {first.location}


@pytest.mark.parametrize("moment", ["before it leaves its place", "after", "when it is gone"])
def test_who_puts_at_any_moment_of_the_deletion_has_the_content(storage, monkeypatch, moment):
    """By a clock that stands still, so that nothing looks young."""
    location = put(storage)
    storage.let_go(location)
    held = storage.holds.look()
    writer = SpooledObjects(storage._root)
    rename, unlink = os.rename, Path.unlink

    def write():
        monkeypatch.undo()
        assert put(writer) == location
        os.utime(writer.path(location), (0, 0))

    def renaming(source, target):
        if moment.startswith("before"):
            write()
        rename(source, target)
        if moment == "after":
            write()

    def unlinking(path, **options):
        unlink(path, **options)
        write()

    if moment.startswith("when"):
        monkeypatch.setattr(Path, "unlink", unlinking)
    else:
        monkeypatch.setattr(os, "rename", renaming)
    storage.discard(location, NEVER, held)
    assert storage.path(location).read_bytes() == b"model"


@pytest.mark.parametrize("call", ["open", "path", "find", "put", "exists", "the next gc"])
def test_content_of_which_the_deletion_was_killed_is_brought_back_by_whoever_wants_it(storage, call):
    kept = storage.put(io.BytesIO(b"model"))
    script = """
import os, signal, sys
from pathlib import Path
from nbproof.storage.spool import SpooledObjects
Path.unlink = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
SpooledObjects(Path(sys.argv[1])).discard(sys.argv[2], float("inf"))
"""
    words = [sys.executable, "-c", script, str(storage._root), kept.location]
    assert subprocess.run(words, timeout=60, check=False).returncode == -signal.SIGKILL
    place = storage._root / kept.location
    assert not place.exists()
    match call:
        case "open":
            storage.open(kept.location).close()
        case "path":
            assert storage.path(kept.location) == place
        case "find":
            assert storage.find(kept.hash) == kept
        case "put":
            assert storage.put(io.BytesIO(b"model")) == kept
        case "exists":
            assert storage.exists(kept.location)
        case _:
            storage.bring_all_back()
    assert place.read_bytes() == b"model"
    assert not any((storage._root / "leaving").iterdir())


def test_content_that_is_not_there_is_not_brought_back(storage):
    location = put(storage)
    storage.let_go(location)
    assert storage.discard(location, NEVER, storage.holds.look())
    assert not storage.exists(location)
    with pytest.raises(NotFound):
        storage.open(location)


def test_writers_and_collectors_at_once(storage):
    """Each writer finds what it put until it lets go, though two others delete all the time."""
    wrong: list[str] = []
    over = threading.Event()

    def make_old(location):
        while True:
            with contextlib.suppress(
                FileNotFoundError
            ):  # a collector looks at it elsewhere, and puts it back
                return os.utime(storage.path(location), (0, 0))

    def write(number):
        for turn in range(150):
            location = put(storage, b"shared %d" % (turn % 3))
            make_old(location)
            if not storage.exists(location):
                wrong.append(f"writer {number}, turn {turn}")
            storage.let_go(location)

    def collect():
        while not over.is_set():
            held = storage.holds.look()
            for each in list(storage.iter()):
                storage.discard(each.location, NEVER, held)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    collectors = [threading.Thread(target=collect) for _ in range(2)]
    for thread in [*writers, *collectors]:
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    for thread in collectors:
        thread.join()
    assert wrong == []

"""Files that were kept before are known without being read; whatever is doubtful is read again."""

from __future__ import annotations

import json
import os
import time
from itertools import pairwise
from pathlib import Path

import pytest

from nbproof.storage.seen import SeenFiles
from nbproof.storage.spool import SpooledObjects

SIZE = 200_000


def rested(path: Path, content: bytes = b"x" * SIZE) -> Path:
    """A file that has not been changed for a while, as far as its own time tells."""
    path.write_bytes(content)
    old = time.time() - 60
    os.utime(path, (old, old))
    return path


@pytest.fixture
def seen(tmp_path, monkeypatch):
    # The time of change can't be set by hand; here it is taken for that of the modification.
    monkeypatch.setattr("nbproof.storage.seen._REST_NS", -(10**18))
    return SeenFiles(tmp_path / "seen.jsonl")


def test_a_file_that_is_as_it_was_is_known_to_every_process(seen, tmp_path):
    file = rested(tmp_path / "model.bin")
    seen.remember(file, file.stat(), "ab")
    assert seen.recall(file, file.stat()) == ("ab", SIZE)
    assert SeenFiles(tmp_path / "seen.jsonl").recall(file, file.stat()) == ("ab", SIZE)


def test_a_list_that_was_written_anew_is_not_written_anew_with_each_few_files(seen, tmp_path, monkeypatch):
    monkeypatch.setattr("nbproof.storage.seen._MANY", 10)
    file, sizes = rested(tmp_path / "model.bin"), []
    for number in range(100):
        seen.remember(file, file.stat(), f"{number:02x}")
        sizes.append((tmp_path / "seen.jsonl").stat().st_size)

    assert sum(after < before for before, after in pairwise(sizes)) <= 10
    assert seen.recall(file, file.stat()) == ("63", SIZE)
    assert SeenFiles(tmp_path / "seen.jsonl").recall(file, file.stat()) == ("63", SIZE)


def test_what_another_process_adds_is_seen_here(seen, tmp_path):
    first, second = rested(tmp_path / "a"), rested(tmp_path / "b")
    seen.remember(first, first.stat(), "aa")
    SeenFiles(tmp_path / "seen.jsonl").remember(second, second.stat(), "bb")
    assert seen.recall(second, second.stat()) == ("bb", SIZE)


@pytest.mark.parametrize("change", ["size", "content", "time", "another file"])
def test_a_file_that_changed_is_not_known(seen, tmp_path, change):
    file = rested(tmp_path / "model.bin")
    seen.remember(file, file.stat(), "ab")
    if change == "size":
        rested(file, b"x" * (SIZE + 1))
    elif change == "content":
        rested(file, b"y" * SIZE)  # the time of modification is set back, the time of change is not
    elif change == "time":
        os.utime(file, (1, 1))
    else:
        os.replace(rested(tmp_path / "other"), file)
    assert seen.recall(file, file.stat()) is None


def test_a_file_that_was_changed_a_moment_ago_is_read_each_time(tmp_path):
    seen = SeenFiles(tmp_path / "seen.jsonl")
    file = tmp_path / "model.bin"
    file.write_bytes(b"x" * SIZE)
    seen.remember(file, file.stat(), "ab")
    assert seen.recall(file, file.stat()) is None


def test_small_files_are_not_remembered(seen, tmp_path):
    file = rested(tmp_path / "note.txt", b"small")
    seen.remember(file, file.stat(), "ab")
    assert not (tmp_path / "seen.jsonl").exists()


def test_a_damaged_list_means_only_that_files_are_read_again(seen, tmp_path):
    file = rested(tmp_path / "model.bin")
    seen.remember(file, file.stat(), "ab")
    with (tmp_path / "seen.jsonl").open("ab") as listed:
        listed.write(b'\xff\xfe nonsense\n[1]\n["torn')
    assert SeenFiles(tmp_path / "seen.jsonl").recall(file, file.stat()) == ("ab", SIZE)
    (tmp_path / "seen.jsonl").write_bytes(b"\0" * 100 + b"\n")
    assert SeenFiles(tmp_path / "seen.jsonl").recall(file, file.stat()) is None


def test_the_list_is_written_anew_when_it_is_mostly_old(seen, tmp_path, monkeypatch):
    monkeypatch.setattr("nbproof.storage.seen._MANY", 5)
    file = rested(tmp_path / "model.bin")
    for number in range(30):
        os.utime(file, (number, number))
        seen.recall(file, file.stat())
        seen.remember(file, file.stat(), f"{number:02}")
    assert len((tmp_path / "seen.jsonl").read_text().splitlines()) < 10
    assert SeenFiles(tmp_path / "seen.jsonl").recall(file, file.stat()) == ("29", SIZE)


def test_a_list_that_cannot_be_written_harms_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr("nbproof.storage.seen._REST_NS", -(10**18))
    (tmp_path / "file").write_text("where the folder should be")
    seen = SeenFiles(tmp_path / "file" / "seen.jsonl")
    file = rested(tmp_path / "model.bin")
    seen.remember(file, file.stat(), "ab")
    assert seen.recall(file, file.stat()) == ("ab", SIZE)


def test_an_unchanged_file_is_not_read_and_takes_no_space(tmp_path, monkeypatch):
    monkeypatch.setattr("nbproof.storage.seen._REST_NS", -(10**18))
    storage = SpooledObjects(tmp_path / "content")
    file = rested(tmp_path / "model.bin")
    first = storage.put(file)
    taken: list[int] = []
    assert storage.put(file, on_bytes=taken.append) == first
    assert taken == []
    again = SpooledObjects(tmp_path / "content")  # another process
    assert again.put(file, on_bytes=taken.append) == first
    assert taken == []
    assert len(list(storage.iter())) == 1


def test_content_that_is_gone_is_kept_again_though_its_file_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr("nbproof.storage.seen._REST_NS", -(10**18))
    storage = SpooledObjects(tmp_path / "content")
    file = rested(tmp_path / "model.bin")
    kept = storage.put(file)
    storage.delete(kept.location)
    assert storage.put(file) == kept
    assert storage.exists(kept.location)


def test_a_list_holds_paths_of_any_name(seen, tmp_path):
    file = rested(tmp_path / "größe \n 🎈.bin")
    seen.remember(file, file.stat(), "ab")
    assert SeenFiles(tmp_path / "seen.jsonl").recall(file, file.stat()) == ("ab", SIZE)
    json.loads((tmp_path / "seen.jsonl").read_text())

"""What every end of the content store must do; so far there is one."""

import io
import os
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc
from pathlib import Path

import pytest
from blake3 import blake3

from nbproof.core.errors import Invalid, NotFound, Unavailable
from nbproof.storage.spool import SpooledObjects


@pytest.fixture
def storage(tmp_path) -> SpooledObjects:
    return SpooledObjects(tmp_path / "content")


def test_content_comes_back_under_its_hash(storage):
    kept = storage.put(io.BytesIO(b"plot"))

    with storage.open(kept.location) as stream:
        assert stream.read() == b"plot"
    assert kept.hash == blake3(b"plot").hexdigest()
    assert kept.size_bytes == 4
    assert storage.exists(kept.location)
    assert storage.path(kept.location).read_bytes() == b"plot"


def test_a_file_is_kept_and_left_where_it_was(storage, tmp_path):
    (tmp_path / "größe 🎈.txt").write_bytes(b"")

    kept = storage.put(tmp_path / "größe 🎈.txt")

    assert kept.size_bytes == 0
    assert (tmp_path / "größe 🎈.txt").exists()


def test_the_same_bytes_are_kept_once(storage, tmp_path):
    first, second = (storage.put(io.BytesIO(b"same")) for _ in range(2))

    assert first == second
    assert list(storage.iter()) == [first]
    assert not list((tmp_path / "content" / "incoming").iterdir())


def test_a_stream_is_kept_from_where_it_stands(storage):
    stream = io.BytesIO(b"head body")
    stream.seek(5)

    assert storage.put(stream).size_bytes == 4


def test_what_is_deleted_is_gone_and_open_streams_read_on(storage):
    kept = storage.put(io.BytesIO(b"x"))

    with storage.open(kept.location) as stream:
        storage.delete(kept.location)
        assert stream.read() == b"x"
    storage.delete(kept.location)
    assert not storage.exists(kept.location)
    for ask in (storage.open, storage.path):
        with pytest.raises(NotFound):
            ask(kept.location)


@pytest.mark.parametrize(
    "location",
    ["", "/etc/passwd", "../x", "objects/../../x", "objects/ab/" + "c" * 61, "objects/AB/" + "C" * 62, "\0",
     "objects/ab/" + "c" * 62 + "\n", None, "objects/ab/../" + "c" * 62],
)  # fmt: skip
def test_a_location_leads_nowhere_else(storage, location):
    for ask in (storage.open, storage.path, storage.exists, storage.delete):
        with pytest.raises(Invalid):
            ask(location)


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_not_a_file_is_refused(storage, tmp_path, kind):
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)

    with pytest.raises((Invalid, NotFound)):
        storage.put(path)

    assert list(storage.iter()) == []


def test_a_source_that_fails_leaves_nothing(storage, tmp_path):
    class Broken(io.RawIOBase):
        pieces = 2

        def read(self, size=-1):
            self.pieces -= 1
            if self.pieces < 0:
                raise OSError("the cable was pulled")
            return b"x" * 1000

    with pytest.raises(OSError, match="cable"):
        storage.put(Broken())

    assert list(storage.iter()) == []
    assert not list((tmp_path / "content" / "incoming").iterdir())


def test_memory_is_bounded_whatever_the_size(storage, tmp_path):
    with open(tmp_path / "big", "wb") as file:
        file.truncate(100 << 20)
    tracemalloc.start()
    storage.put(tmp_path / "big")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 10 << 20


def test_threads_put_the_same_and_different_things_at_once(storage):
    contents = [bytes([number % 5]) * 300_000 for number in range(20)]
    threads = [threading.Thread(target=storage.put, args=(io.BytesIO(content),)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    kept = list(storage.iter())
    assert len(kept) == 5
    for each in kept:
        assert blake3(storage.path(each.location).read_bytes()).hexdigest() == each.hash


def test_a_process_killed_in_the_middle_leaves_nothing_that_is_read(storage, tmp_path):
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from nbproof.storage.spool import SpooledObjects

        class Endless:
            pieces = 0
            def read(self, size):
                self.pieces += 1
                if self.pieces == 3:
                    print("writing", flush=True)
                return b"x" * size

        SpooledObjects(Path(sys.argv[1])).put(Endless())
    """)
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "content")], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    child.kill()
    child.wait()
    child.stdout.close()

    assert list(storage.iter()) == []
    [partial] = (tmp_path / "content" / "incoming").iterdir()

    # It may belong to somebody who is still writing; after a day without a byte it does not.
    storage.put(io.BytesIO(b"soon after"))
    assert partial.exists()
    yesterday = time.time() - 25 * 60 * 60
    os.utime(partial, (yesterday, yesterday))
    storage.put(io.BytesIO(b"a day later"))
    assert not partial.exists()
    assert len(list(storage.iter())) == 2


def test_what_others_put_beside_the_partial_files_stays(storage, tmp_path):
    incoming = tmp_path / "content" / "incoming"
    (incoming / ("a" * 32)).mkdir(parents=True)
    (incoming / "README").write_text("mine")
    for path in incoming.iterdir():
        os.utime(path, (0, 0))

    storage.put(io.BytesIO(b"x"))

    assert {path.name for path in incoming.iterdir()} == {"a" * 32, "README"}


def test_content_that_was_cut_off_is_mended_by_putting_it_again(storage):
    assert isinstance(storage, SpooledObjects)
    kept = storage.put(io.BytesIO(b"content"))
    path = storage.path(kept.location)
    path.chmod(0o644)
    path.write_bytes(b"con")

    storage.put(io.BytesIO(b"content"))
    assert storage.path(kept.location).read_bytes() == b"content"


def test_a_place_that_cannot_be_written_is_unavailable(tmp_path):
    (tmp_path / "content").write_text("a file where the folder should be")

    with pytest.raises(Unavailable) as caught:
        SpooledObjects(tmp_path / "content").put(io.BytesIO(b"x"))

    assert caught.value.details["free_bytes"] > 0


# -- files: progress, cancelling, many at once ------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_who_waits_is_told_of_every_byte(storage, tmp_path, kind):
    (tmp_path / "big").write_bytes(bytes(20_000_000))
    taken: list[int] = []

    source = tmp_path / "big" if kind == "file" else io.BytesIO(bytes(20_000_000))
    kept = storage.put(source, on_bytes=taken.append)

    assert sum(taken) == kept.size_bytes == 20_000_000
    assert len(taken) > 10


@pytest.mark.parametrize("kind", ["file", "stream", "files"])
def test_an_interruption_leaves_nothing(storage, tmp_path, kind):
    for number in range(20):
        (tmp_path / f"big{number}").write_bytes(bytes([number]) * 3_000_000)

    def interrupted(size):
        raise KeyboardInterrupt

    take = {
        "file": lambda: storage.put(tmp_path / "big0", on_bytes=interrupted),
        "stream": lambda: storage.put(io.BytesIO(bytes(3_000_000)), on_bytes=interrupted),
        "files": lambda: list(storage.put_many(sorted(tmp_path.glob("big*")), on_bytes=interrupted)),
    }
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        take[kind]()

    assert list(storage.iter()) == []
    assert not list((tmp_path / "content" / "incoming").iterdir())
    assert threading.active_count() <= before


def test_many_files_are_kept_in_order_and_the_same_ones_once(storage, tmp_path):
    files = []
    for number in range(400):
        files.append(tmp_path / f"{number}")
        files[-1].write_bytes(b"%d" % (number % 300))

    kept = list(storage.put_many(files))

    assert [storage.path(each.location).read_bytes() for each in kept] == [
        file.read_bytes() for file in files
    ]
    assert len(list(storage.iter())) == 300
    assert list(storage.put_many(files)) == kept
    assert not list((tmp_path / "content" / "incoming").iterdir())


def test_a_file_among_many_that_is_missing_is_named_and_leaves_no_half(storage, tmp_path):
    files = [tmp_path / f"{number}" for number in range(30)]
    for file in files[:-1]:
        file.write_bytes(file.name.encode())

    with pytest.raises(NotFound, match="29"):
        list(storage.put_many(files))

    assert not list((tmp_path / "content" / "incoming").iterdir())


@pytest.mark.parametrize("trouble", ["no such call", "another disk"])
def test_where_the_kernel_cannot_copy_it_is_done_by_hand(storage, tmp_path, monkeypatch, trouble):
    (tmp_path / "big").write_bytes(os.urandom(3_000_000))
    if trouble == "no such call":
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    else:

        def other_disk(*_: object) -> int:
            raise OSError(18, "Invalid cross-device link")

        monkeypatch.setattr(os, "copy_file_range", other_disk, raising=False)

    kept = storage.put(tmp_path / "big")

    assert storage.path(kept.location).read_bytes() == (tmp_path / "big").read_bytes()
    assert kept.hash == blake3((tmp_path / "big").read_bytes()).hexdigest()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_file_that_tells_no_size_is_kept_with_its_content(storage):
    kept = storage.put(Path("/proc/self/status"))

    assert storage.path(kept.location).read_text().startswith("Name:")


def test_what_is_kept_has_its_hash_while_somebody_writes(storage, tmp_path):
    file = tmp_path / "growing"
    file.write_bytes(bytes(4_000_000))
    stop = threading.Event()

    def write():
        with file.open("r+b", buffering=0) as target:
            number = 0
            while not stop.is_set():
                number += 1
                target.seek(number * 7_919 % 4_000_000)
                target.write(b"%d" % number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        kept = [storage.put(file) for _ in range(5)]
    finally:
        stop.set()
        writer.join()

    for each in kept:
        content = storage.path(each.location).read_bytes()
        assert blake3(content).hexdigest() == each.hash


def test_changing_a_file_that_was_kept_does_not_change_what_is_kept(storage, tmp_path):
    (tmp_path / "mine").write_bytes(b"before" * 100_000)
    kept = storage.put(tmp_path / "mine")

    with (tmp_path / "mine").open("r+b") as file:
        file.write(b"after!")

    assert storage.path(kept.location).read_bytes() == b"before" * 100_000


def test_a_full_disk_is_unavailable_and_nothing_is_left(small_disk, tmp_path):
    (tmp_path / "source").mkdir(exist_ok=True)
    storage = SpooledObjects(small_disk / "content")
    fits = storage.put(io.BytesIO(bytes(1_000_000)))

    with pytest.raises(Unavailable, match="No space left"):
        storage.put(io.BytesIO(os.urandom(8_000_000)))

    assert list(storage.iter()) == [fits]
    assert not list((small_disk / "content" / "incoming").iterdir())
    assert storage.put(io.BytesIO(b"small")).size_bytes == 5

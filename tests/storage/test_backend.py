"""What every end of the content store must do; so far there is one."""

import hashlib
import io
import os
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc

import pytest

from nbproof.core.errors import Invalid, NotFound, Unavailable
from nbproof.storage.backend import FileSystemStorage, StorageBackend


@pytest.fixture
def storage(tmp_path) -> StorageBackend:
    return FileSystemStorage(tmp_path / "content")


def test_content_comes_back_under_its_hash(storage):
    kept = storage.put(io.BytesIO(b"plot"))

    with storage.open(kept.location) as stream:
        assert stream.read() == b"plot"
    assert kept.hash == hashlib.blake2b(b"plot", digest_size=32).hexdigest()
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
        file.truncate(200 << 20)
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
        assert (
            hashlib.blake2b(storage.path(each.location).read_bytes(), digest_size=32).hexdigest() == each.hash
        )


def test_a_process_killed_in_the_middle_leaves_nothing_that_is_read(storage, tmp_path):
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from nbproof.storage.backend import FileSystemStorage

        class Endless:
            pieces = 0
            def read(self, size):
                self.pieces += 1
                if self.pieces == 3:
                    print("writing", flush=True)
                return b"x" * size

        FileSystemStorage(Path(sys.argv[1])).put(Endless())
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


def test_damage_is_found_by_verify_and_mended_by_putting_again(storage):
    assert isinstance(storage, FileSystemStorage)
    kept = storage.put(io.BytesIO(b"content"))
    path = storage.path(kept.location)
    path.chmod(0o644)
    path.write_bytes(b"con")

    assert [verdict.intact for verdict in storage.verify()] == [False]
    storage.put(io.BytesIO(b"content"))
    assert [verdict.intact for verdict in storage.verify()] == [True]


def test_a_place_that_cannot_be_written_is_unavailable(tmp_path):
    (tmp_path / "content").write_text("a file where the folder should be")

    with pytest.raises(Unavailable) as caught:
        FileSystemStorage(tmp_path / "content").put(io.BytesIO(b"x"))

    assert caught.value.details["free_bytes"] > 0

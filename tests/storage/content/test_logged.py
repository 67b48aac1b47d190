"""Objects that processes log: kept in packs without the database, which is told of them later."""

from __future__ import annotations

import io
import os
import random
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from blake3 import blake3

from nbproof.core.errors import Invalid, NotFound, Unavailable
from nbproof.storage.content.applying import ContentApplier
from nbproof.storage.content.ends import FileSystemStorage, StorageBackend
from nbproof.storage.content.index import ContentIndex
from nbproof.storage.content.logged import LoggedIndex, PackedObjects
from nbproof.storage.content.store import ContentStore, Receiver
from nbproof.storage.content.upkeep import collect, verify
from nbproof.storage.database import Database, open_database
from nbproof.storage.objects import ObjectStorage, StoredObject

NOISE = random.Random(1).randbytes(700_000)


class Process:
    """One process of a workspace: what it logs, its journal, and what drains that."""

    def __init__(self, end: StorageBackend, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.journal: list[dict[str, object]] = []
        self.store = ContentStore(end, ContentIndex(database), folder, pack_bytes=1 << 20)
        elsewhere = None if database.path else lambda: self.store.index
        index = LoggedIndex(end, database.path, folder, elsewhere=elsewhere)
        receiver = Receiver(end, index, folder, pack_bytes=1 << 20)
        self.objects: ObjectStorage = PackedObjects(
            receiver, index, self._event, lambda: self.store, self.drain
        )

    def _event(self, kind: str, **fields: object) -> None:
        self.journal.append({"kind": kind, "seq": len(self.journal), **fields})

    def drain(self) -> None:
        events, self.journal = self.journal, []
        with self.database.begin() as connection:
            ContentApplier(self.store.index).apply(connection, SimpleNamespace(events=events))  # type: ignore[arg-type]

    def records(self) -> int:
        with self.database.connect() as connection:
            return int(connection.execute(sa.text("SELECT count(*) FROM content_records")).scalar_one())

    def packed_bytes(self) -> int:
        return sum(size for _, size, _ in self.store.end.packs())


Starter = Callable[[], Process]


@pytest.fixture
def start(end: Callable[[], StorageBackend], database_url: str, tmp_path: Path) -> Iterator[Starter]:
    """Begins a process of the workspace."""
    databases: list[Database] = []

    def started() -> Process:
        databases.append(open_database(database_url))
        return Process(end(), databases[-1], tmp_path / "content")

    yield started
    for each in databases:
        each.close()


@pytest.fixture
def process(start: Starter) -> Process:
    return start()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Starter]:
    """Begins a process of a workspace in a folder, with SQLite."""
    databases: list[Database] = []

    def started() -> Process:
        databases.append(open_database(tmp_path / "meta.db"))
        return Process(FileSystemStorage(tmp_path / "content"), databases[-1], tmp_path / "content")

    yield started
    for each in databases:
        each.close()


# -- the laws, on every end and both databases --------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"plot", b"words, " * 40_000, NOISE], ids=len)
@pytest.mark.parametrize("drained", [True, False])
def test_content_comes_back_under_its_hash(process, content, drained):
    kept = process.objects.put(io.BytesIO(content))
    if drained:
        process.drain()

    assert (kept.hash, kept.size_bytes) == (blake3(content).hexdigest(), len(content))
    with process.objects.open(kept.location) as stream:
        assert stream.read() == content
        assert stream.seek(len(content) // 2) == len(content) // 2
        assert stream.read(100) == content[len(content) // 2 :][:100]
    assert process.objects.path(kept.location).read_bytes() == content
    assert process.objects.exists(kept.location) and process.objects.find(kept.hash) == kept


def test_the_same_content_is_kept_once_drained_or_not_by_any_process(start):
    one, other = start(), start()
    first = one.objects.put(io.BytesIO(NOISE))
    size = one.packed_bytes()
    assert one.objects.put(io.BytesIO(NOISE)) == first
    assert one.packed_bytes() == size  # the index does not know of it, its process does
    one.drain()
    assert other.objects.put(io.BytesIO(NOISE)) == first
    assert other.packed_bytes() == size and other.journal == []


def test_what_a_dataset_has_too_is_kept_once(process):
    with process.store.intake() as intake:
        intake.put(io.BytesIO(NOISE))
        intake.commit()
    size = process.packed_bytes()
    process.objects.put(io.BytesIO(NOISE))
    assert process.packed_bytes() == size


def test_text_is_compressed_and_noise_is_not(process):
    process.objects.put(io.BytesIO(b"an epoch, its loss\n" * 50_000))
    assert process.packed_bytes() < 200_000
    before = process.packed_bytes()
    process.objects.put(io.BytesIO(NOISE))
    assert process.packed_bytes() - before < len(NOISE) * 1.01


def test_many_files_are_kept_in_order_and_the_same_ones_once(process, tmp_path):
    files = []
    for number in range(600):
        files.append(tmp_path / f"{number}.txt")
        files[-1].write_bytes(b"%d" % (number % 300))
    kept = list(process.objects.put_many(files))
    process.drain()
    assert [process.store.read(each.location) for each in kept] == [each.read_bytes() for each in files]
    assert process.records() == 300


def test_content_that_is_not_here_is_not_found(process):
    location = f"b3/{'0' * 64}"
    for ask in (process.objects.open, process.objects.path):
        with pytest.raises(NotFound):
            ask(location)
    assert not process.objects.exists(location)
    assert process.objects.find("0" * 64) is None
    kept = process.objects.put(io.BytesIO(b"x"))
    assert process.objects.missing([location, kept.location]) == {location}


@pytest.mark.parametrize("location", ["", "/etc/passwd", "../x", "b3/../../x", f"b3/{'G' * 64}", None])
def test_a_location_leads_nowhere_else(process, location):
    for ask in (process.objects.open, process.objects.path, process.objects.exists):
        with pytest.raises(Invalid):
            ask(location)


def test_content_that_is_held_or_referred_to_survives_garbage_collection(process):
    held = process.objects.put(io.BytesIO(b"about to be referred to"))
    needed = process.objects.put(io.BytesIO(b"referred to"))
    process.objects.let_go(needed.location)
    gone = process.objects.put(io.BytesIO(NOISE))
    process.objects.let_go(gone.location)

    done = collect(process.store, lambda: {needed.location}, process.drain, erase=True)

    assert not done.waiting and done.bytes > 600_000
    for each in (held, needed):
        assert process.store.exists(each.location)
    assert not process.store.exists(gone.location)


def test_what_went_with_a_collection_is_kept_anew_by_the_process_that_wrote_it(process):
    kept = process.objects.put(io.BytesIO(NOISE))
    process.objects.let_go(kept.location)
    collect(process.store, set, process.drain, erase=True)
    assert not process.store.exists(kept.location)

    assert process.objects.put(io.BytesIO(NOISE)) == kept
    process.drain()
    assert process.store.read(kept.location) == NOISE


# -- one process, many threads, memory ----------------------------------------------------------------


def test_threads_put_the_same_and_different_things_at_once(here):
    process = here()
    contents = [bytes([number % 5]) * 300_000 for number in range(20)]
    threads = [threading.Thread(target=process.objects.put, args=(io.BytesIO(each),)) for each in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    process.drain()
    for content in contents:
        assert process.store.read(f"b3/{blake3(content).hexdigest()}") == content


def test_memory_is_bounded_whatever_the_size(here, tmp_path):
    process = here()
    with open(tmp_path / "big", "wb") as file:
        for _ in range(15):
            file.write(random.randbytes(10 << 20))
    tracemalloc.start()
    process.objects.put(tmp_path / "big")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20


def test_an_unchanged_file_is_not_read_again(here, tmp_path):
    process = here()
    (tmp_path / "model.bin").write_bytes(NOISE)
    os.utime(tmp_path / "model.bin", (1e9, 1e9))
    process.objects.put(tmp_path / "model.bin")
    read: list[int] = []
    process.store.seen.remember(  # as if it had rested for a while
        tmp_path / "model.bin", _rested(tmp_path / "model.bin"), blake3(NOISE).hexdigest()
    )
    process.objects.put(tmp_path / "model.bin", on_bytes=read.append)
    assert sum(read) == len(NOISE)


def _rested(path: Path) -> os.stat_result:
    return path.stat()


def test_an_interruption_leaves_nothing(here, tmp_path):
    process = here()
    process.objects.put(io.BytesIO(b"before"))
    size = process.packed_bytes()
    (tmp_path / "big").write_bytes(random.randbytes(9_000_000))

    def interrupted(done: int) -> None:
        raise KeyboardInterrupt

    for source in (tmp_path / "big", io.BytesIO((tmp_path / "big").read_bytes())):
        with pytest.raises(KeyboardInterrupt):
            process.objects.put(source, on_bytes=interrupted)
    assert process.packed_bytes() == size and len(process.journal) == 1
    assert not [name for name in process.store.holds.look().names if name.startswith("intake:")]


def test_a_source_that_fails_leaves_nothing(here):
    process = here()

    class Broken(io.RawIOBase):
        left = 90

        def read(self, size: int = -1) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise OSError("the cable was pulled")
            return b"x" * 100_000

    with pytest.raises(OSError, match="cable"):
        process.objects.put(Broken())
    assert process.journal == [] and process.packed_bytes() == 0


def test_a_journal_that_cannot_be_written_leaves_garbage_and_no_reference(here):
    process = here()
    tell = process._event

    def full(kind: str, **fields: object) -> None:
        raise OSError(28, "No space left on device")

    process.objects._tell = full
    with pytest.raises(OSError, match="No space"):
        process.objects.put(io.BytesIO(NOISE))
    process.objects._tell = tell

    assert not [each for each in process.store.holds.look().names if each.startswith("b3/")]
    kept = process.objects.put(io.BytesIO(NOISE))  # what it had written is not believed
    process.drain()
    assert process.store.read(kept.location) == NOISE


def test_without_a_database_logging_goes_on(tmp_path, here):
    process = here()
    index = LoggedIndex(process.store.end, tmp_path / "no such.db", process.folder)
    assert index.known([b"x" * 32]) == set() and index.indexed_of("0" * 32) == 0
    (tmp_path / "torn.db").write_bytes(b"no database")
    index = LoggedIndex(process.store.end, tmp_path / "torn.db", process.folder)
    assert index.known([b"x" * 32]) == set() and index.indexed_of("0" * 32) == 0


def test_a_server_that_does_not_answer_is_not_waited_for_at_every_call(here):
    process = here()
    asked: list[int] = []

    def away() -> ContentIndex:
        asked.append(1)
        raise Unavailable("PostgreSQL does not answer")

    index = LoggedIndex(process.store.end, None, process.folder, elsewhere=away)
    for _ in range(5):
        assert index.known([b"x" * 32]) == set()
    assert len(asked) == 1


def test_a_folder_that_was_deleted_is_noticed(here, tmp_path):
    import shutil

    process = here()
    process.objects.put(io.BytesIO(NOISE))
    shutil.rmtree(tmp_path / "content")
    process.objects.put(io.BytesIO(NOISE))
    assert process.packed_bytes() > 700_000


# -- the index is told by journals --------------------------------------------------------------------


def test_drained_twice_nothing_changes(here):
    process = here()
    process.objects.put(io.BytesIO(NOISE))
    events = list(process.journal)
    process.drain()
    before = process.records()
    process.journal = events
    process.drain()
    assert process.records() == before and verify(process.store).damaged == []


@pytest.mark.parametrize(
    "fields",
    [{}, {"pack": "x", "records": ""}, {"pack": "0" * 32, "records": "!"},
     {"pack": "0" * 32, "records": "AAAA"}, {"pack": "0" * 32, "records": 3}],
)  # fmt: skip
def test_an_event_that_is_none_is_refused(here, fields):
    process = here()
    process.journal = [{"kind": "content", "seq": 1, **fields}]
    with pytest.raises(Invalid, match="cannot be understood"):
        process.drain()


def test_of_a_process_that_died_before_its_journal_knew_the_rest_goes_on(here):
    one = here()
    one.objects.let_go(one.objects.put(io.BytesIO(NOISE)).location)
    one.journal = []  # it never came so far

    other = here()
    kept = other.objects.put(io.BytesIO(NOISE[:300_000]))
    other.objects.let_go(kept.location)
    collect(other.store, lambda: {kept.location}, other.drain, erase=True)

    assert other.store.read(kept.location) == NOISE[:300_000]
    assert other.packed_bytes() < 400_000


def test_what_is_logged_while_packs_are_rewritten_is_not_lost(here):
    """Between the second look and the rewriting somebody fills the pack that is about to be rewritten."""
    process, other = here(), here()
    gone = process.objects.put(io.BytesIO(NOISE))
    process.objects.let_go(gone.location)
    process.drain()
    late: list[str] = []

    def settle() -> None:
        process.drain()
        other.drain()
        if not late:
            kept = other.objects.put(io.BytesIO(NOISE[::-1]))  # its event is not drained yet
            late.append(kept.location)

    def referred() -> set[str]:
        return set()

    collect(process.store, referred, settle)
    other.drain()
    assert process.store.read(late[0]) == NOISE[::-1]
    assert verify(process.store).damaged == []


def test_what_was_logged_after_a_collection_began_and_is_logged_again_while_it_deletes_is_not_lost(here):
    process = here()
    again: list[StoredObject] = []
    looks: list[None] = []

    def settle() -> None:
        looks.append(None)
        if len(looks) == 1:
            process.objects.let_go(process.objects.put(io.BytesIO(NOISE)).location)  # nobody refers to it
        process.drain()
        if len(looks) == 2:
            again.append(process.objects.put(io.BytesIO(NOISE)))

    collect(process.store, set, settle, erase=True)
    process.drain()

    assert process.store.read(again[0].location) == NOISE
    assert verify(process.store).damaged == []


def test_what_went_with_a_collection_is_missing_for_the_process_that_wrote_it(process):
    kept = process.objects.put(io.BytesIO(NOISE))
    process.objects.let_go(kept.location)
    collect(process.store, set, process.drain, erase=True)
    assert not process.objects.exists(kept.location)
    with pytest.raises(NotFound):
        process.objects.open(kept.location)

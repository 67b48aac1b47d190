"""What every content store does, wherever its packs and its index are."""

import io
import os
import random
import threading
import tracemalloc
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbproof.core.errors import Invalid, NotFound, Unavailable
from nbproof.storage.content.chunking import cut
from nbproof.storage.content.packs import Damaged, digest
from nbproof.storage.content.store import location_of
from nbproof.storage.tables import ContentRecordRow


def content_of(size, seed=0):
    return random.Random(seed).randbytes(size)


def kept_in(store, *contents):
    with store.intake() as intake:
        kept = [intake.put(io.BytesIO(each)) for each in contents]
        intake.commit()
    return kept


def pack_bytes(store):
    return sum(size for _, size, _ in store.end.packs())


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 300_000, 5_000_000])
def test_content_comes_back_under_its_hash(store, opener, size):
    import blake3

    content = content_of(size)
    (kept,) = kept_in(store, content)

    assert kept.hash == blake3.blake3(content).hexdigest()
    assert kept.size_bytes == size
    other = opener()
    assert other.read(kept.location) == content
    assert other.size_bytes(kept.location) == size
    with other.open(kept.location) as stream:
        stream.seek(size // 2)
        assert stream.read() == content[size // 2 :]
        stream.seek(0)
        assert stream.read(10) == content[:10]


def test_the_same_content_is_kept_once_however_it_comes(store, opener, tmp_path):
    content = content_of(400_000)
    (tmp_path / "file").write_bytes(content)
    (first,) = kept_in(store, content)
    before = pack_bytes(store)

    other = opener()
    with other.intake() as intake:
        again = [intake.put(tmp_path / "file"), intake.put(content), intake.put(memoryview(content))]
        intake.commit()

    assert again == [first] * 3
    assert intake.new_bytes == 0
    assert pack_bytes(other) == before


def test_content_that_shares_most_costs_little(store):
    content = content_of(3_000_000)
    kept_in(store, content)
    before = pack_bytes(store)

    changed = content[:1_000_000] + b"an insertion" + content[1_000_000:] + b"and more at the end"
    (kept,) = kept_in(store, changed)

    assert store.read(kept.location) == changed
    assert pack_bytes(store) - before < 600_000


def test_what_compresses_is_compressed_and_what_is_compressed_is_not_tried(store):
    text = b"the same words again and again, " * 40_000
    zipped = b"PK\x03\x04" + bytes(200_000)

    kept = kept_in(store, text, zipped)

    assert [store.read(each.location) for each in kept] == [text, zipped]
    assert 200_000 < pack_bytes(store) < 300_000


def test_many_small_files_are_kept_in_order_and_known_again(store, opener, tmp_path):
    paths = []
    for number in range(300):
        paths.append(tmp_path / f"{number}.txt")
        paths[-1].write_bytes(f"{number % 200} words".encode() * (number % 50) * 100)
        os.utime(paths[-1], (1, 1))
    with store.intake() as intake:
        kept = intake.put_many(paths)
        intake.commit()

    assert [store.read(each.location) for each in kept] == [each.read_bytes() for each in paths]
    other = opener()
    with other.intake() as intake:
        assert intake.put_many(paths) == kept
        intake.commit()
    assert intake.new_bytes == 0


def test_what_is_not_entered_is_taken_back(store):
    kept_in(store, content_of(100_000))
    before = pack_bytes(store)

    def interrupted():
        with store.intake() as intake:
            intake.put(io.BytesIO(content_of(500_000, 1)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert pack_bytes(store) == before
    (kept,) = kept_in(store, content_of(200_000, 2))
    assert store.read(kept.location) == content_of(200_000, 2)


def test_a_transaction_that_fails_shows_nothing(store):
    def failing():
        with store.intake() as intake:
            intake.put(io.BytesIO(b"x" * 100_000))
            intake.sync()
            with store.index.database.begin() as connection:
                intake.enter(connection)
                raise LookupError("of the caller")

    with pytest.raises(LookupError):
        failing()

    assert not store.exists(location_of(digest(b"x" * 100_000)))
    (again,) = kept_in(store, b"x" * 100_000)
    assert store.read(again.location) == b"x" * 100_000


def test_a_source_that_fails_leaves_nothing(store):
    class Broken(io.RawIOBase):
        pieces = 20

        def read(self, size=-1):
            self.pieces -= 1
            if self.pieces < 0:
                raise OSError("the cable was pulled")
            return os.urandom(100_000)

    with pytest.raises(OSError, match="cable"), store.intake() as intake:
        intake.put(Broken())

    assert pack_bytes(store) <= 32


def test_a_full_pack_is_finished_and_another_begun(store, opener):
    contents = [content_of(700_000, seed) for seed in range(5)]
    kept = [kept_in(store, each)[0] for each in contents]

    assert sum(finished for _, _, finished in store.end.packs()) >= 2
    other = opener()
    assert [other.read(each.location) for each in kept] == contents


@pytest.mark.parametrize(
    "location", ["", "b3/", "b3/" + "g" * 64, "b3/" + "a" * 63, "b3/" + "A" * 64, "../x", None]
)
def test_a_location_leads_nowhere_else(store, location):
    for ask in (store.open, store.read, store.exists, store.size_bytes):
        with pytest.raises(Invalid):
            ask(location)


def test_what_is_not_here_is_not_found(store):
    for ask in (store.open, store.read, store.size_bytes):
        with pytest.raises(NotFound, match="not in the store"):
            ask(location_of(bytes(32)))


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "unreadable"])
def test_what_is_not_a_file_is_refused(store, tmp_path, kind):
    path: Path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "unreadable":
        path = Path("/proc/self/mem")

    with pytest.raises((Invalid, NotFound)), store.intake() as intake:
        intake.put(path)

    assert list(store.end.packs()) == []


def test_threads_take_in_at_once(store, opener):
    contents = [content_of(300_000, number % 5) for number in range(15)]
    kept: dict[int, str] = {}

    def put(number):
        kept[number] = kept_in(store, contents[number])[0].location

    threads = [threading.Thread(target=put, args=(number,)) for number in range(15)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    other = opener()
    assert [other.read(kept[number]) for number in range(15)] == contents


def test_memory_is_bounded_whatever_the_size(store, tmp_path):
    with open(tmp_path / "big", "wb") as file:
        for seed in range(60):
            file.write(content_of(1 << 20, seed % 3))
    tracemalloc.start()
    with store.intake() as intake:
        kept = intake.put(tmp_path / "big")
        intake.commit()
    with store.open(kept.location) as stream:
        while stream.read(1 << 20):
            pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 50 << 20


def test_a_list_of_parts_that_is_long_is_kept_in_chunks_itself(store, opener, monkeypatch):
    for name, many in (("_LISTED", 10), ("_LEAST_LISTED", 2), ("_MOST_LISTED", 4)):
        monkeypatch.setattr(f"nbproof.storage.content.store.{name}", many)
    content = content_of(9_000_000)

    (kept,) = kept_in(store, content)

    other = opener()
    assert other.reader.recipe(bytes.fromhex(kept.hash)).level >= 1
    assert other.read(kept.location) == content


def test_a_flipped_bit_is_never_given_out(local):
    store = local()
    (kept,) = kept_in(store, content_of(300_000))
    (path,) = Path(store.end._root).glob("packs/open/*.pack")
    damaged = bytearray(path.read_bytes())
    damaged[150_000] ^= 1
    path.write_bytes(damaged)

    with pytest.raises(Damaged):
        local().read(kept.location)


def test_an_index_that_points_elsewhere_is_noticed(local):
    store = local()
    kept = kept_in(store, content_of(50_000, 1), content_of(50_000, 2))
    with store.index.database.begin() as connection:
        connection.execute(sa.update(ContentRecordRow).values(place=32))

    with pytest.raises(Damaged):
        store.read(kept[1].location)


def test_a_full_disk_is_unavailable_and_nothing_is_left(small_disk, tmp_path):
    from nbproof.storage.content.ends import FileSystemStorage
    from nbproof.storage.content.index import ContentIndex
    from nbproof.storage.content.store import ContentStore
    from nbproof.storage.database import open_database

    with open_database(tmp_path / "meta.db") as database:
        store = ContentStore(FileSystemStorage(small_disk), ContentIndex(database), tmp_path / "told")
        (fits,) = kept_in(store, content_of(100_000))
        before = pack_bytes(store)

        with pytest.raises(Unavailable, match="No space left"):
            kept_in(store, os.urandom(20_000_000))

        assert pack_bytes(store) == before
        (small,) = kept_in(store, content_of(1000, 1))
        assert store.read(fits.location) == content_of(100_000)
        assert store.read(small.location) == content_of(1000, 1)


def test_a_read_only_folder_is_unavailable(tmp_path):
    from nbproof.storage.content.ends import FileSystemStorage

    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(Unavailable):
        FileSystemStorage(tmp_path / "file" / "below").begin()


_BEFORE = content_of(12_000_000)
_AFTER = {
    "the same": _BEFORE,
    "more": _BEFORE + b"more",
    "much more": _BEFORE + content_of(9_000_000, 1),
    "more, and an edit that few chunks tell": _BEFORE[:5_000_000] + b"edit" + _BEFORE[5_000_004:] + b"more",
    "an edit": _BEFORE[:5_000_000] + b"edit" + _BEFORE[5_000_004:],
    "another end": _BEFORE[:-4] + b"edit",
    "another end, and more": _BEFORE[:-4] + b"edit and more",
    "an insertion": _BEFORE[:5_000_000] + b"inserted" + _BEFORE[5_000_000:],
    "less": _BEFORE[:-1],
    "something else": content_of(12_000_000, 2),
    "nothing": b"",
}


@pytest.mark.parametrize("change", _AFTER)
def test_a_file_is_kept_the_same_whatever_it_is_said_to_resemble(store, tmp_path, change):
    (before,) = kept_in(store, _BEFORE)
    path = tmp_path / "file"
    path.write_bytes(_AFTER[change])
    told: list[int] = []
    with store.intake() as intake:
        (kept,) = intake.put_many([path], like=before.location, on_bytes=told.append)
        intake.commit()

    assert kept.hash == digest(_AFTER[change]).hex()
    assert store.read(kept.location) == _AFTER[change]
    assert sum(told) == len(_AFTER[change])
    (alone,) = kept_in(store, _AFTER[change])
    assert alone == kept
    cuts = [length for _, length in store.parts(kept.location)]
    assert cuts == (cut(memoryview(_AFTER[change])) or [0])


def test_of_a_file_that_grew_only_the_end_is_hashed_in_chunks(local, tmp_path, monkeypatch):
    from nbproof.storage.content import chunking, store

    kept_here = local()
    (before,) = kept_in(kept_here, _BEFORE)
    path = tmp_path / "file"
    path.write_bytes(_AFTER["more"])
    hashed = []

    def counted(content):
        hashed.append(len(content))
        return digest(content)

    monkeypatch.setattr(store, "digest", counted)
    monkeypatch.setattr(store, "digests", lambda contents: [counted(each) for each in contents])
    monkeypatch.setattr(chunking, "digest", counted)
    with kept_here.intake() as intake:
        intake.put_many([path], like=before.location)
        intake.commit()
    assert sum(hashed) < len(_BEFORE) / 4


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 400_000), st.integers(0, 60_000)), max_size=6))
def test_edits_of_all_kinds_read_back_exactly(local, edits):
    store = local()
    content = content_of(500_000)
    history = []
    for kind, place, size in edits:
        place = min(place, len(content))
        if kind == 0:
            content = content[:place] + content_of(size, place) + content[place:]
        elif kind == 1:
            content = content[:place] + content[place + size :]
        elif kind == 2:
            content = content + content[:size]
        else:
            content = content[:place] + bytes(size) + content[place + size :]
        history.append((kept_in(store, content)[0].location, content))

    for location, was in history:
        assert store.read(location) == was

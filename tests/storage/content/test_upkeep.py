"""Verify, garbage, erasing, the index made anew; and what a killed or crashed process leaves."""

import io
import random
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from nbproof.core.errors import NotFound
from nbproof.storage.content.packs import HEADER_BYTES, Damaged
from nbproof.storage.content.store import ContentStore
from nbproof.storage.content.upkeep import catch_up, collect, rebuild, stored, verify


def content_of(size, seed=0):
    return random.Random(seed).randbytes(size)


def put(store: ContentStore, content: bytes) -> str:
    with store.intake() as intake:
        kept = intake.put(io.BytesIO(content))
        intake.commit()
    return kept.location


def pack_bytes(store):
    return sum(size for _, size, _ in store.end.packs())


def lose_the_index(store):
    with store.index.database.begin() as connection:
        for pack in store.index.indexed():
            store.index.forget_pack(connection, pack)


def nothing():
    pass


def test_what_nobody_refers_to_is_deleted_and_the_rest_stays(store, opener):
    contents = [content_of(500_000, seed) for seed in range(6)]
    locations = [put(store, each) for each in contents]
    before = pack_bytes(store)
    needed = set(locations[:1])

    told = collect(store, lambda: needed, nothing, dry_run=True)
    assert pack_bytes(store) == before
    done = collect(store, lambda: needed, nothing)

    assert done.objects == 5
    assert abs(before - pack_bytes(store) - done.bytes) < 1000
    assert done.bytes > 2_400_000
    assert abs(told.bytes - done.bytes) < 1000
    other = opener()
    assert other.read(locations[0]) == contents[0]
    for gone in locations[1:]:
        with pytest.raises(NotFound):
            other.read(gone)
    assert verify(other).damaged == []
    # What was deleted can be kept again.
    assert other.read(put(other, contents[5])) == contents[5]


def test_what_is_shared_with_something_needed_stays(store):
    content = content_of(800_000)
    old = put(store, content)
    new = put(store, content + b"more")

    collect(store, lambda: {new}, nothing)

    assert store.read(new) == content + b"more"
    with pytest.raises(NotFound):
        store.read(old)


def test_who_takes_in_while_garbage_goes_is_waited_for(store, opener):
    content = content_of(600_000)
    location = put(store, content)
    other = opener()
    needed: set[str] = set()
    began, may_end = threading.Event(), threading.Event()

    def take_in_again():
        with store.intake() as intake:
            again = intake.put(io.BytesIO(content))
            began.set()
            may_end.wait(20)
            intake.commit()
            needed.add(again.location)

    thread = threading.Thread(target=take_in_again)
    thread.start()
    began.wait(20)
    looked: list[None] = []

    def referred():
        looked.append(None)
        if len(looked) == 1:
            may_end.set()
        return set(needed)

    collect(other, referred, nothing)
    thread.join()

    assert needed == {location}
    assert other.read(location) == content


def test_what_is_kept_anew_after_the_last_look_is_not_deleted_with_what_it_was_before(store):
    content = content_of(500_000)
    location = put(store, content)
    looks: list[None] = []

    def referred():
        looks.append(None)
        if len(looks) == 2:
            put(store, content)  # its record is written when it has been looked already
        return set()

    collect(store, referred, nothing)

    assert store.read(location) == content
    assert verify(store).damaged == []


def test_who_never_ends_taking_in_delays_the_deletion_only(store, opener):
    content = content_of(600_000)
    put(store, content)
    other = opener()

    with store.intake():
        done = collect(other, set, nothing, patience_seconds=0)
        assert done.waiting and done.bytes == 0 and done.left_bytes > 500_000
    # Condemned content is not shared by who comes now.
    again = put(store, content)
    collect(other, lambda: {again}, nothing)

    assert other.read(again) == content


def test_what_was_condemned_in_vain_and_is_needed_again_is_shared_again(store, opener):
    content = content_of(600_000)
    put(store, content)
    other = opener()

    with store.intake() as intake:
        kept = intake.put(io.BytesIO(content))  # shared, before it is condemned
        assert collect(other, set, nothing, patience_seconds=0).waiting
        intake.commit()
    collect(other, lambda: {kept.location}, nothing)

    with other.intake() as intake:
        intake.put(io.BytesIO(content))
        assert intake.new_bytes == 0


def test_erasing_leaves_no_byte_behind(local):
    store = local()
    secret = content_of(200_000, 7)
    location = put(store, secret)
    rest = [put(store, content_of(200_000, seed)) for seed in range(3)]

    collect(store, lambda: set(rest), nothing, erase=True)

    everything = b"".join(path.read_bytes() for path in Path(store.end._root).rglob("*.pack"))
    assert secret[100_000:100_100] not in everything
    with pytest.raises(NotFound):
        store.read(location)
    assert [store.read(each) for each in rest] == [content_of(200_000, seed) for seed in range(3)]


def test_the_index_is_made_anew_from_the_packs(store):
    contents = [content_of(400_000, seed) for seed in range(5)]
    locations = [put(store, each) for each in contents]

    lose_the_index(store)
    assert not store.exists(locations[0])
    assert rebuild(store).records >= 5

    assert [store.read(each) for each in locations] == contents
    assert catch_up(store) == 0


def test_verify_names_what_is_damaged_and_putting_it_again_mends_it(local):
    store = local()
    shared = content_of(300_000)
    locations = [
        put(store, shared),
        put(store, shared + content_of(200_000, 1)),
        put(store, content_of(90_000, 2)),
    ]
    path = max(Path(store.end._root).rglob("*.pack"), key=lambda path: path.stat().st_size)
    damaged = bytearray(path.read_bytes())
    damaged[HEADER_BYTES + 100] ^= 4
    path.write_bytes(damaged)

    found = verify(store)

    assert found.damaged_records == 1
    assert set(locations[:2]) <= set(found.damaged)
    assert locations[2] not in found.damaged
    with pytest.raises(Damaged):
        store.read(locations[0])
    put(store, shared)
    assert store.read(locations[1]) == shared + content_of(200_000, 1)


def test_a_part_of_the_records_can_be_verified(store):
    for seed in range(4):
        put(store, content_of(400_000, seed))

    all_of_them, some = verify(store), verify(store, share=0.3, seed=1)

    assert 0 < some.records < all_of_them.records
    assert verify(store, share=0.3, seed=1) == some


def test_a_lost_pack_is_damage_of_what_was_in_it(store):
    locations = [put(store, content_of(700_000, seed)) for seed in range(3)]
    lost = next(iter(store.end.packs()))[0]
    store.end.delete(lost)

    found = verify(store)

    assert found.damaged and set(found.damaged) & set(locations)
    assert put(store, content_of(10, 9))


def test_figures_say_what_sharing_and_compression_save(store):
    text = b"words, " * 100_000
    locations = [put(store, text), put(store, text), put(store, text + b"more")]

    found = stored(store, locations)

    assert found.logical_bytes == 2_100_004
    assert (found.dedup_ratio or 0) > 2
    assert (found.compression_ratio or 0) > 3
    assert found.packs >= 1


# -- killed, torn, cut ---------------------------------------------------------------------------------------

_WRITER = textwrap.dedent(
    """
    import io, random, sys
    from pathlib import Path
    from nbproof.storage.content.ends import FileSystemStorage
    from nbproof.storage.content.index import ContentIndex
    from nbproof.storage.content.store import ContentStore
    from nbproof.storage.database import open_database

    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    database = open_database(folder / "meta.db")
    end = FileSystemStorage(folder / "content")
    store = ContentStore(end, ContentIndex(database), folder, pack_bytes=1 << 20)
    chance = random.Random(seed)
    while True:
        content = chance.randbytes(chance.randrange(400_000))
        with store.intake() as intake:
            kept = intake.put(io.BytesIO(content))
            intake.commit()
        print(kept.location, flush=True)
    """
)


def test_nothing_committed_is_lost_whenever_writers_are_killed(tmp_path, local):
    chance = random.Random(5)
    acknowledged: list[str] = []
    local()  # makes the database
    for round_number in range(3):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", _WRITER, str(tmp_path), str(round_number * 2 + number)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(2)
        ]
        for each in writers:
            assert each.stdout is not None
            for _ in range(chance.randrange(2, 8)):
                acknowledged.append(each.stdout.readline().strip())
        for each in writers:
            each.send_signal(signal.SIGKILL)
            rest, _ = each.communicate()
            acknowledged += rest.splitlines()

    store = local()
    whole = [each for each in acknowledged if len(each) == 67]
    assert len(whole) >= 6
    for location in whole:
        store.read(location)
    assert verify(store).damaged == []
    # The packs of the dead are gone on with.
    put(store, content_of(10))
    assert sum(not finished for _, _, finished in store.end.packs()) <= 2
    collect(store, lambda: set(whole), nothing)
    for location in whole:
        store.read(location)


@pytest.mark.parametrize("cut_off", [1, 20, 51, 52, 53, 100_000])
def test_a_torn_tail_is_cut_off_and_the_pack_goes_on(local, cut_off):
    store = local()
    first = put(store, content_of(150_000, 1))
    with store.intake() as intake:  # written, and never entered
        intake.put(io.BytesIO(content_of(150_000, 2)))
        intake.entered = True
    (path,) = Path(store.end._root).glob("packs/open/*.pack")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - cut_off)

    other = local()
    second = put(other, content_of(150_000, 3))

    assert other.read(first) == content_of(150_000, 1)
    assert other.read(second) == content_of(150_000, 3)
    assert rebuild(other).packs_in_use == 0 and verify(other).damaged == []
    assert other.read(second) == content_of(150_000, 3)


def test_garbage_at_the_end_of_a_pack_is_cut_off(local):
    store = local()
    first = put(store, content_of(150_000, 1))
    (path,) = Path(store.end._root).glob("packs/open/*.pack")
    with path.open("ab") as file:
        file.write(bytes(5000))

    other = local()
    second = put(other, content_of(150_000, 3))

    assert other.read(first) + other.read(second) == content_of(150_000, 1) + content_of(150_000, 3)
    assert len(list(store.end.packs())) == 1


def test_nothing_is_added_behind_damage_in_what_was_whole(local):
    store = local()
    put(store, content_of(150_000, 1))
    (path,) = Path(store.end._root).glob("packs/open/*.pack")
    with path.open("r+b") as file:
        file.seek(HEADER_BYTES)
        file.write(b"\0" * 60)

    other = local()
    second = put(other, content_of(150_000, 3))

    assert other.read(second) == content_of(150_000, 3)
    assert len(list(other.end.packs())) == 2

"""What may happen to a store: killed at any byte, a flipped bit, a read-only disk, forks."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from nbproof.core.errors import NotFound, Unavailable
from nbproof.storage.content.packs import Damaged
from nbproof.storage.content.store import ContentStore
from nbproof.storage.content.upkeep import collect, rebuild, verify


def put(store: ContentStore, content: bytes) -> str:
    with store.intake() as intake:
        kept = intake.put(io.BytesIO(content))
        intake.commit()
    return kept.location


# Writes, and dies within the write that brings it to so many bytes, which is cut there.
_DYING = textwrap.dedent(
    """
    import io, os, random, signal, sys
    from pathlib import Path
    from nbproof.storage.content.ends import FileSystemStorage
    from nbproof.storage.content.index import ContentIndex
    from nbproof.storage.content.store import ContentStore
    from nbproof.storage.database import open_database

    folder, seed, left = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    write = os.write

    def dying(descriptor, parts):
        global left
        data = b"".join(parts)
        if len(data) > left:
            write(descriptor, bytes(data)[:left])
            os.kill(os.getpid(), signal.SIGKILL)
        left -= len(data)
        return write(descriptor, data)

    store = ContentStore(
        FileSystemStorage(folder / "content"), ContentIndex(open_database(folder / "meta.db")),
        folder / "content", pack_bytes=1 << 20,
    )
    os.write, os.writev = lambda descriptor, data: dying(descriptor, [data]), dying
    chance = random.Random(seed)
    while True:
        content = chance.randbytes(chance.randrange(300_000))
        with store.intake() as intake:
            kept = intake.put(io.BytesIO(content))
            intake.commit()
        print(kept.location, flush=True)
    """
)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing is killed so here")
@pytest.mark.parametrize("kills", [6, pytest.param(200, marks=pytest.mark.soak)])
def test_killed_at_any_byte_of_a_write_nothing_committed_is_lost(tmp_path, local, kills):
    chance = random.Random(kills)
    committed: list[str] = []
    local()  # makes the database
    for number in range(kills):
        command = [sys.executable, "-c", _DYING, str(tmp_path), str(number), str(chance.randrange(2_000_000))]
        died = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        assert died.returncode == -signal.SIGKILL
        committed += died.stdout.split()
        store = local()
        for location in committed[-3:]:
            store.read(location)
        if number % 5 == 4:
            collect(store, set(committed).copy, lambda: None)

    store = local()
    assert len(committed) >= kills
    assert len([None for _, _, finished in store.end.packs() if not finished]) <= 1
    assert verify(store).damaged == []
    assert rebuild(store).packs_in_use == 0
    for location in committed:
        store.read(location)  # is compared with its hash


@pytest.mark.parametrize("flips", [40, pytest.param(2000, marks=pytest.mark.soak)])
def test_a_flipped_bit_is_told_of_and_never_gives_wrong_bytes(local, flips):
    chance = random.Random(flips)
    store = local()
    contents = {}
    for number in range(8):
        content = chance.randbytes(90_000) if number % 2 else b"words, " * chance.randrange(20_000)
        contents[put(store, content)] = content
    rebuild(store)  # finishes the pack
    (path,) = Path(store.end._root).rglob("*.pack")
    path.chmod(0o644)
    whole = path.read_bytes()
    for number in range(flips):
        place, bit = chance.randrange(len(whole)), 1 << chance.randrange(8)
        damaged = bytearray(whole)
        damaged[place] ^= bit
        path.write_bytes(damaged)
        failed = {each for each, content in contents.items() if not is_read(store, each, content)}
        assert failed <= set(verify(store).damaged), f"bit {bit} of byte {place}"
        if number % 10 == 0:
            # An index that is made of it leads to nothing wrong either.
            rebuild(store)
            for location, content in contents.items():
                is_read(store, location, content)
        path.chmod(0o644)
        path.write_bytes(whole)
        if number % 10 == 0:
            rebuild(store)
    assert verify(store).damaged == []
    assert all(is_read(store, location, content) for location, content in contents.items())


def is_read(store: ContentStore, location: str, content: bytes) -> bool:
    """Whether it can be read; what is read is right."""
    try:
        found = store.read(location)
    except (Damaged, NotFound):
        return False
    assert found == content
    return True


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_is_told_before_anything_is_read(local):
    store = local()
    intakes = store.folder / "intakes"
    intakes.mkdir(parents=True)
    intakes.chmod(0o555)
    try:
        for work in (lambda: put(store, b"more"), lambda: collect(store, set, lambda: None)):
            with pytest.raises(Unavailable, match="Permission denied") as told:
                work()
            assert told.value.hint == "make the folder writable for the user who runs this"
    finally:
        intakes.chmod(0o755)
    assert store.read(put(store, b"more")) == b"more"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_disk_is_an_error_and_reading_goes_on(local):
    store = local()
    kept = put(store, b"kept")
    folders = [Path(store.end._root) / "packs" / "open", Path(store.end._root) / "packs"]
    files = list(folders[0].glob("*.pack"))
    for each in files + folders:
        each.chmod(0o555)
    try:
        other = local()
        assert other.read(kept) == b"kept"
        with pytest.raises(Unavailable) as told:
            put(other, b"more")
        assert "writable" in str(told.value.hint)
        assert len(other.index.indexed()) == 1
    finally:
        for each in reversed(files + folders):
            each.chmod(0o755)
    assert store.read(put(local(), b"more")) == b"more"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_while_content_is_taken_in_spoils_nothing(local):
    store = local()
    of_parent, of_child = random.Random(1).randbytes(300_000), random.Random(2).randbytes(300_000)
    came, told = os.pipe()
    with store.intake() as intake:
        first = intake.put(io.BytesIO(of_parent))
        child = os.fork()
        if not child:
            os.write(told, put(local(), of_child).encode())
            os._exit(0)
        os.waitpid(child, 0)
        second = intake.put(io.BytesIO(of_parent + b"more"))
        intake.commit()
    location = os.read(came, 100).decode()
    os.close(came)
    os.close(told)
    other = local()
    assert other.read(location) == of_child
    assert other.read(first.location) == of_parent and other.read(second.location) == of_parent + b"more"
    assert verify(other).damaged == [] and rebuild(other).packs_in_use == 0

"""Where content is cut."""

import io
import random
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbproof.storage.content import chunking
from nbproof.storage.content.chunking import (
    MAXIMUM_BYTES,
    MINIMUM_BYTES,
    Foreseen,
    cut,
    cut_in_numpy,
    pieces,
)
from nbproof.storage.content.packs import digest


def content_of(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize(
    "content",
    [b"", b"x", content_of(MINIMUM_BYTES), content_of(MINIMUM_BYTES + 1), content_of(700_001), bytes(600_000),
     b"ab" * 300_000, content_of(65_535, 1), content_of(65_537, 2)],
    ids=len,
)  # fmt: skip
def test_both_cutters_cut_at_the_same_places(content):
    assert cut(memoryview(content)) == cut_in_numpy(memoryview(content))


def test_chunks_have_a_least_and_a_largest_length():
    lengths = cut(memoryview(content_of(3_000_000)))

    assert sum(lengths) == 3_000_000
    assert all(MINIMUM_BYTES <= length <= MAXIMUM_BYTES for length in lengths[:-1])
    assert 40_000 < 3_000_000 / len(lengths) < 160_000


@given(
    st.integers(0, 1_200_000), st.integers(2 * MAXIMUM_BYTES, 900_000), st.integers(1, 70_000), st.booleans()
)
def test_a_stream_is_cut_where_a_buffer_is_however_it_is_read(size, block_bytes, some, ahead):
    content = content_of(size)
    stream = io.BytesIO(content)

    with ThreadPoolExecutor(1) as thread:
        found = list(
            pieces(lambda target: stream.readinto(target[:some]), block_bytes, thread if ahead else None)
        )

    assert b"".join(bytes(block) for block, _ in found) == content
    assert [length for _, lengths in found for length in lengths] == cut(memoryview(content))


def test_nothing_is_read_any_more_when_nobody_wants_pieces():
    stream, second, go_on, done = io.BytesIO(content_of(3_000_000)), Event(), Event(), []

    def read(target):
        if stream.tell() > 600_000:
            second.set()
            go_on.wait()
            done.append("read")
        return stream.readinto(target)

    def close():
        found.close()
        done.append("closed")

    with ThreadPoolExecutor(1) as thread:
        found = pieces(read, 600_001, thread)
        next(found)
        second.wait()
        closing = Thread(target=close)
        closing.start()
        go_on.set()
        closing.join()

    assert done == ["read", "closed"]


def test_an_insertion_moves_few_cuts():
    before = content_of(2_000_000)
    after = before[:900_000] + b"inserted" * 1000 + before[900_000:]

    def chunks(content):
        start, found = 0, set()
        for length in cut(memoryview(content)):
            found.add(content[start : start + length])
            start += length
        return found

    assert len(chunks(after) - chunks(before)) <= 3


def parts_of(content: bytes) -> list[tuple[bytes, int]]:
    start, found = 0, []
    for length in cut(memoryview(content)):
        found.append((digest(content[start : start + length]), length))
        start += length
    return found


def cut_as_foreseen(
    content: bytes, like: list[tuple[bytes, int]], block_bytes: int
) -> list[tuple[bytes, int]]:
    """Its parts, of which those whose hash the cutter found are given with that."""
    foreseen, found = Foreseen(like), []
    for block, lengths in pieces(io.BytesIO(content).readinto, block_bytes, None, foreseen):
        start = 0
        for place, length in enumerate(lengths):
            told = foreseen.hashes[place] if place < len(foreseen.hashes) else None
            found.append((told or digest(block[start : start + length]), length))
            start += length
    return found


@given(
    st.integers(0, 1_500_000),
    st.lists(
        st.tuples(st.integers(0, 1_500_000), st.integers(0, 300_000), st.integers(0, 300_000)), max_size=3
    ),
    st.integers(2 * MAXIMUM_BYTES, 900_000),
)
def test_what_resembles_other_content_is_cut_as_if_it_did_not(size, edits, block_bytes):
    before = after = content_of(size)
    for seed, (place, gone, added) in enumerate(edits, 1):
        after = after[:place] + content_of(added, seed) + after[place + gone :]

    assert cut_as_foreseen(after, parts_of(before), block_bytes) == parts_of(after)


@pytest.mark.parametrize("length", [0, MAXIMUM_BYTES + 1])
def test_what_another_cutter_made_of_other_lengths_is_no_guess(length):
    content = content_of(2_000_000)

    assert cut_as_foreseen(content, [(b"h" * 32, length)] * 9, 600_000) == parts_of(content)


@pytest.mark.parametrize("like", [content_of(1_000_000, 7), bytes(1_000_000), b"", b"x"], ids=len)
def test_a_wrong_guess_what_content_resembles_changes_no_cut(like):
    content = content_of(1_000_000) + bytes(600_000)

    assert cut_as_foreseen(content, parts_of(like), 600_000) == parts_of(content)


def test_only_what_is_new_is_looked_through(monkeypatch):
    before = content_of(8_000_000)
    after = before[:3_000_000] + b"inserted" * 1000 + before[3_000_000:] + content_of(10_000, 1)
    parts, looked = parts_of(before), []

    def counted(data):
        looked.append(len(data))
        return cut(data)

    monkeypatch.setattr(chunking, "cut", counted)

    cut_as_foreseen(after, parts, 600_000)
    assert sum(looked) < 2_000_000

"""Where content is cut."""

import io
import random
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbproof.storage.content.chunking import MAXIMUM_BYTES, MINIMUM_BYTES, cut, cut_in_numpy, pieces


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

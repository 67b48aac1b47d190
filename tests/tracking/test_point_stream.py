"""Whole histories as a stream: all of it comes back bit by bit, or it is an error."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbproof.core.errors import Unavailable
from nbproof.core.generated import Generated
from nbproof.tracking.point_stream import PackedMetric, frames_of, points_from
from nbproof.tracking.points import CHUNK, Points, pack, tails

INT64 = st.integers(-(2**63), 2**63 - 1)
POINTS = st.lists(st.tuples(INT64, INT64, st.floats()), max_size=40)


def points_of(rows: list[tuple[int, int, float]]) -> Points:
    return Points(*(np.array([row[at] for row in rows], kind) for at, kind in enumerate("qqd")))


def packed(name: str, *parts: Points) -> PackedMetric:
    return PackedMetric(name, sum(part.n for part in parts), map(pack, parts))


def stream_of(*metrics: PackedMetric) -> bytes:
    return b"".join(frames_of(metrics))


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.lists(POINTS, max_size=3), max_size=3))
def test_every_point_of_every_metric_comes_back_bit_by_bit(given_: dict[str, Any]) -> None:
    metrics = {name: [points_of(rows) for rows in parts] for name, parts in given_.items()}
    stream = Generated(frames_of(packed(name, *parts) for name, parts in metrics.items()))

    found = points_from(io.BufferedReader(stream, 64))

    assert list(found) == list(metrics)
    for name, parts in metrics.items():
        for column, meant in zip(found[name], Points.joined(parts), strict=True):
            assert column.tobytes() == meant.tobytes()


WHOLE = stream_of(
    packed("loss", points_of([(1, 2, 3.0), (2, 3, float("nan"))]), points_of([(2**63 - 1, 0, 1.0)])),
    PackedMetric("auc", 2, iter(tails(points_of([(0, 0, 0.5), (1, 1, 0.75)]), [0], [2]))),
)


def test_a_stream_that_ends_anywhere_before_its_end_is_not_taken_for_a_whole_one() -> None:
    for end in range(len(WHOLE)):
        with pytest.raises(Unavailable, match="cut off"):
            points_from(io.BytesIO(WHOLE[:end]))


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_a_flipped_bit_is_seen(at: int, bit: int) -> None:
    bad = bytearray(WHOLE)
    bad[at] ^= 1 << bit
    with pytest.raises(Unavailable):
        points_from(io.BytesIO(bytes(bad)))


@pytest.mark.parametrize(
    "wrong",
    [
        WHOLE + b"x",
        stream_of(PackedMetric("a", 2, iter([pack(points_of([(0, 0, 1.0)]))]))),  # fewer than announced
        stream_of(packed("a"), packed("a")),
        b"<html>a page of a proxy</html>",
    ],
    ids=["more behind it", "a chunk is missing", "a metric twice", "something else"],
)
def test_what_does_not_fit_together_is_refused(wrong: bytes) -> None:
    with pytest.raises(Unavailable):
        points_from(io.BytesIO(wrong))


def test_no_more_is_unpacked_than_a_chunk_can_hold() -> None:
    large = Points(*(np.zeros(CHUNK + 1, kind) for kind in "qqd"))
    with pytest.raises(Unavailable, match="damaged"):
        points_from(io.BytesIO(stream_of(packed("a", large))))


def test_nothing_is_made_before_it_is_read_and_what_is_open_is_closed() -> None:
    seen: list[object] = []

    def blobs() -> Iterator[bytes]:
        try:
            for number in range(5):
                seen.append(number)
                yield pack(points_of([(number, 0, 0.0)]))
        finally:
            seen.append("closed")

    stream = io.BufferedReader(Generated(frames_of([PackedMetric("a", 5, blobs())])), 8)
    assert seen == []
    stream.read(60)
    stream.close()
    assert seen == [0, "closed"]

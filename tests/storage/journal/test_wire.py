"""Stretches of journals on their way: they arrive as they were, or are refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbproof.storage.journal.reader import Batch
from nbproof.storage.journal.wire import Sent, decode, encode
from tests.support.journals import new_writer, read_all


def a_batch(folder: Path) -> Batch:
    writer = new_writer(folder)
    writer.event("note", text="zeile\r\nzwei \x85 💥", value={"$float": "NaN"})
    series = writer.series("r", "loss")
    for value in (1.0, math.nan, -math.inf):
        series.log(value, step=2**63 - 1)
    (batch,) = read_all(folder)
    return batch


def test_what_was_sent_arrives_as_it_was(tmp_path):
    batch = a_batch(tmp_path)

    arrived = decode(encode(Sent(batch, "closed", durable=True, torn=2)))

    assert (arrived.ended, arrived.durable, arrived.torn) == ("closed", True, 2)
    assert arrived.batch.events == batch.events
    assert arrived.batch.points == batch.points
    assert (arrived.batch.from_, arrived.batch.to, arrived.batch.bad) == (batch.from_, batch.to, batch.bad)
    assert arrived.batch.writer == batch.writer


@given(data=st.data())
def test_whatever_is_damaged_on_the_way_is_refused_or_means_the_same(tmp_path_factory, data):
    whole = encode(Sent(a_batch(tmp_path_factory.mktemp("journal"))))
    at = data.draw(st.integers(0, len(whole) - 1))
    how = data.draw(st.sampled_from(["cut", "flip", "double"]))
    broken = {
        "cut": whole[:at],
        "flip": whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :],
        "double": whole + whole[at:],
    }[how]
    try:
        arrived = decode(broken)
    except ValueError:
        return
    # The head has no checksum: a letter of the host's name may have changed, records never.
    assert (arrived.batch.events, arrived.batch.points) == (
        decode(whole).batch.events,
        decode(whole).batch.points,
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 99}, "format 99"),
        ({"from": -1}, "misspells"),
        ({"from": True}, "misspells"),
        ({"to": 0}, "damaged"),
        ({"from": 10**6}, "contradicts"),
        ({"bad": 10**6}, "contradicts"),
        ({"ended": "perhaps"}, "contradicts"),
        ({"points_bytes": 1}, "announces"),
        ({"writer": {}}, "lacks"),
        ({"writer": None}, "lacks or misspells"),
    ],
)
def test_a_first_line_that_makes_no_sense_is_refused(tmp_path, change, said):
    head, _, rest = encode(Sent(a_batch(tmp_path))).partition(b"\n")
    with pytest.raises(ValueError, match=said):
        decode(json.dumps({**json.loads(head), **change}).encode() + b"\n" + rest)


def test_bytes_of_something_else_are_refused():
    for body in (b"", b"\n", b"[]\n", b"x" * 100_000, b"{}\n"):
        with pytest.raises(ValueError):  # noqa: PT011 - any of its sentences
            decode(body)

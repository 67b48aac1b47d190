"""Columns of tables as files: what comes back is what was given, of its type."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pyarrow as pa
import pytest

from nbproof.storage.content import columns
from nbproof.storage.content.columns import Slabs, decoded, encoded, fingerprint

_BEYOND = textwrap.dedent(
    """
    import hashlib, sys
    import pyarrow as pa
    from nbproof.datasets.taking import slab_of
    from nbproof.stats.profile import profile_column
    from nbproof.storage.content.columns import decoded, encoded, fingerprint, one_array

    value = {
        "string": lambda number: chr(65 + number) * (1 << 20),
        "binary": lambda number: bytes([number]) * (1 << 20),
    }[sys.argv[1]]
    kind = {"string": pa.string(), "binary": pa.binary()}[sys.argv[1]]

    def told(column):
        # Text by text: together they are more than one array holds.
        made = hashlib.sha256()
        for chunk in column.chunks:
            for each in chunk:
                made.update(str(each.as_py()).encode())
        return column.type, len(column), made.hexdigest()

    chunk = pa.array([value(number) for number in range(32)], kind)
    column = pa.chunked_array([chunk] * 66)  # 2.06 GiB of text, of which 32 MiB are in memory
    before, key = told(column), fingerprint(column)
    hashed, _ = slab_of("text", column)
    again = decoded(encoded(one_array(column), repeats=True), kind)
    assert told(again) == before, again.type
    again.validate(full=True)
    assert fingerprint(again) == key
    profile = profile_column("text", again)
    assert (profile.type, profile.rows, profile.missing, profile.distinct) == (sys.argv[1], 66 * 32, 0, 32)
    """
)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["string", "binary"])
def test_texts_beyond_what_offsets_of_their_type_reach_come_back_as_they_were(kind):
    subprocess.run([sys.executable, "-c", _BEYOND, kind], check=True, timeout=900)


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", None, "", "bcd", "ü"]),
        pa.array([b"a", None, b"", b"bcd"]),
        pa.array([["a", None], None, [], ["bcd", "e"]]),
        pa.array(
            [{"x": "a", "y": [1]}, {"x": "", "y": [2, 3]}, {"x": None, "y": None}, {"x": "bcd", "y": []}]
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("repeats", [False, True])
def test_what_had_to_be_large_comes_back_in_parts_of_its_type(column, repeats, monkeypatch):
    from nbproof.storage.content import columns

    cast = columns._cast

    def small(array, kind):
        # As Arrow does for more than 2 GiB, where three rows are too many.
        if len(array) > 2:
            raise pa.ArrowInvalid("input array too large")
        return cast(array, kind)

    monkeypatch.setattr(columns, "_cast", small)
    content = encoded(column.cast(columns._wide(column.type)), repeats=repeats)
    again = decoded(content, column.type)
    assert again.type == column.type and again.num_chunks > 1
    assert again.to_pylist() == column.to_pylist()
    again.validate(full=True)
    assert fingerprint(again) == fingerprint(pa.chunked_array([column]))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1.5, None, 3.0, float("nan")] * 5),
        pa.array([True, None, False, True, True] * 5),
        pa.array([True, False, False] * 7),
        pa.array(["a", None, "", "é" * 300, "b" * 127] * 5),
        pa.array(["a" * 255, "b" * 254, "c" * 256] * 5, pa.large_string()),
    ],
    ids=lambda column: str(column.type),
)
def test_a_column_has_one_fingerprint_however_it_lies_in_memory(column):
    whole = fingerprint(pa.chunked_array([column]))
    for place in range(1, len(column)):
        parts = pa.chunked_array([column[:place], column[place:]])
        assert fingerprint(parts) == whole
        moved = pa.concat_arrays([column[:place], column])[place:]
        assert fingerprint(pa.chunked_array([moved])) == whole


def test_columns_that_differ_have_different_fingerprints():
    # fmt: off
    columns = [
        pa.array(values, kind)
        for kind in (pa.string(), pa.large_string(), pa.binary())
        for values in (
            ["ab", "c"], ["a", "bc"], ["abc", ""], ["", "abc"], ["abc", None], [None, "abc"], ["abc"],
            ["x" * 255, ""], ["", "x" * 255], ["x" * 254, "x"], ["x", "x" * 254], ["x" * 300, "x" * 260],
            ["x" * 260, "x" * 300], ["x" * 560, ""],
        )
    ] + [
        pa.array(values, kind)
        for kind in (pa.int8(), pa.int64(), pa.float64())
        for values in ([0, 1], [1, 0], [0, None], [None, 0], [0], [0, 0], [None, None])
    ] + [pa.array(values) for values in ([True, False], [False, True], [True, None], [None, True], [True])]
    # fmt: on

    assert len({fingerprint(pa.chunked_array([each])) for each in columns}) == len(columns)


def slabs_of(table, cuts=(), lengths=()):
    slabs = Slabs(table.to_batches(max_chunksize=100_000), table.schema, ["id"], cuts, lengths)
    return [len(slab) for slab in slabs], slabs.cuts


@pytest.mark.parametrize("change", ["none", "inserted", "taken away", "appended", "others"])
def test_slabs_end_where_they_ended_whether_their_lengths_are_told_or_not(change):
    def rows(start, many):
        return pa.table({"id": np.arange(start, start + many, dtype="int64") * 7_919})

    before = rows(0, 3_000_000)
    after = {
        "none": before,
        "inserted": pa.concat_tables([before[:1_200_000], rows(10**9, 30_000), before[1_200_000:]]),
        "taken away": pa.concat_tables([before[:1_200_000], before[1_230_000:]]),
        "appended": pa.concat_tables([before, rows(3_000_000, 30_000)]),
        "others": rows(10**9, 3_000_000),
    }[change]
    lengths, cuts = slabs_of(before)

    assert len(lengths) > 3
    assert slabs_of(after, cuts, lengths) == slabs_of(after, cuts)
    assert (slabs_of(after, cuts, lengths)[0][0] == lengths[0]) == (change != "others")


def test_the_same_rows_are_not_looked_through_for_the_ends_of_slabs(monkeypatch):
    table = pa.table({"id": np.arange(3_000_000, dtype="int64") * 7_919})
    lengths, cuts = slabs_of(table)
    looked = []

    def counted(rows, by, hashes=columns._row_hashes):
        looked.append(len(rows))
        return hashes(rows, by)

    monkeypatch.setattr(columns, "_row_hashes", counted)
    assert slabs_of(table, cuts, lengths) == (lengths, cuts)
    assert sum(looked) == len(cuts)

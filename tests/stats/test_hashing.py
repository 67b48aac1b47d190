"""A fingerprint for each value of an Arrow column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbproof.stats.hashing import hash_column, hash_numbers
from tests.stats.columns import ONE_OF_EACH


@pytest.mark.parametrize("column", ONE_OF_EACH, ids=lambda each: str(each.type)[:30])
def test_equal_values_have_equal_fingerprints_wherever_they_lie(column):
    """The columns are [value, null, the same value]."""
    first, null, third = hash_column(column)
    assert first == third != null
    twice = pa.chunked_array([column, column, column.slice(2)])
    assert hash_column(twice).tolist() == [first, null, first] * 2 + [first]
    assert hash_column(column.slice(1)).tolist() == [null, first]
    assert len(hash_column(column.slice(3))) == len(hash_column(pa.chunked_array([], column.type))) == 0


@given(st.lists(st.text() | st.none(), max_size=30), st.integers(0, 5))
def test_texts_share_a_fingerprint_only_if_they_are_the_same(texts, start):
    column = pa.array(["x" * 3, *texts], pa.string()).slice(min(start, len(texts)))
    hashes = hash_column(column)
    assert len(set(hashes.tolist())) == len(set(column.to_pylist()))


@example([[0, 0], [1, 1]])
@given(st.lists(st.lists(st.integers(-2, 2) | st.none(), max_size=4) | st.none(), max_size=30))
def test_lists_share_a_fingerprint_only_if_they_are_the_same(lists):
    for kind in (pa.list_(pa.int8()), pa.large_list(pa.int8())):
        hashes = hash_column(pa.array(lists, kind))
        assert len(set(hashes.tolist())) == len({repr(each) for each in lists})


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 15, 16, 17, 1023, 1024, 1025, 5000])
def test_each_byte_of_a_text_counts(length):
    texts = ["a" * length] + ["a" * place + "b" + "a" * (length - place - 1) for place in range(length)]
    assert len(set(hash_column(pa.array(texts)).tolist())) == length + 1


def test_a_dictionary_and_its_values_have_the_same_fingerprints():
    plain = pa.array(["b", None, "a", "b"])
    assert (hash_column(plain) == hash_column(plain.dictionary_encode())).all()
    assert (hash_column(plain) == hash_column(plain.cast(pa.large_string()))).all()
    assert (hash_column(plain) == hash_column(plain.cast(pa.string_view()))).all()


def test_zeros_are_one_and_nans_are_one():
    odd = np.array([np.nan], np.float64).view(np.uint64) | np.uint64(1)
    values = np.concatenate([[0.0, -0.0, np.nan], odd.view(np.float64)])
    zero, minus, nan, other = hash_numbers(values)
    assert zero == minus and nan == other != zero


def test_numbers_of_any_width_have_the_fingerprint_of_the_widest():
    for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64()):
        assert hash_column(pa.array([-3], kind)) == hash_column(pa.array([-3]))
    for kind in (pa.float32(), pa.float64()):
        assert hash_column(pa.array([0.5], kind)) == hash_column(pa.array([0.5]))


def test_fields_of_a_struct_are_not_exchanged():
    kind = pa.struct([("a", pa.int64()), ("b", pa.int64())])
    one, other = hash_column(pa.array([{"a": 1, "b": 2}, {"a": 2, "b": 1}], kind))
    assert one != other


def test_the_columns_are_what_they_are_said_to_be():
    kinds = {str(each.type).partition("<")[0].partition("[")[0].partition("(")[0] for each in ONE_OF_EACH}
    assert kinds >= set("bool int8 uint64 halffloat float double decimal128 date32 time64 timestamp".split())
    assert kinds >= set("duration string string_view binary dictionary list struct map extension".split())
    assert all(len(each) == 3 and each.null_count == 1 for each in ONE_OF_EACH)
    assert ONE_OF_EACH[0].to_pylist()[0] == ONE_OF_EACH[0].to_pylist()[2]

"""Types of columns as they are shown."""

from __future__ import annotations

import pyarrow as pa
import pytest

from nbproof.core.type_words import retyped_words, type_words


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (pa.int8(), "int8"),
        (pa.uint64(), "uint64"),
        (pa.float16(), "float16"),
        (pa.float32(), "float32"),
        (pa.float64(), "float64"),
        (pa.bool_(), "bool"),
        (pa.large_string(), "string"),
        (pa.string_view(), "string"),
        (pa.large_binary(), "binary"),
        (pa.binary(16), "binary of 16 bytes"),
        (pa.date32(), "date"),
        (pa.date64(), "date"),
        (pa.time64("us"), "time of day"),
        (pa.timestamp("ns"), "timestamp"),
        (pa.timestamp("us", "Europe/Oslo"), "timestamp in Europe/Oslo"),
        (pa.duration("ns"), "duration"),
        (pa.decimal128(10, -2), "decimal(10, -2)"),
        (pa.decimal256(50, 2), "decimal(50, 2)"),
        (pa.null(), "null"),
        (pa.dictionary(pa.int32(), pa.large_string()), "category of string"),
        (pa.dictionary(pa.int8(), pa.int64(), ordered=True), "ordered category of int64"),
        (pa.large_list(pa.string()), "list of string"),
        (pa.list_view(pa.int8()), "list of int8"),
        (pa.list_(pa.float32(), 3), "list of 3 float32"),
        (pa.list_(pa.field("item", pa.int8(), nullable=False)), "list of int8"),
        (pa.map_(pa.string(), pa.list_(pa.int64())), "map of string to list of int64"),
        (
            pa.struct([("x", pa.struct([])), ("y z", pa.date32())]),
            "struct of x: struct of nothing, y z: date",
        ),
        (pa.run_end_encoded(pa.int32(), pa.string()), "string"),
        (pa.uuid(), "uuid"),
    ],
    ids=str,
)
def test_a_type_is_said_in_words(kind: pa.DataType, words: str) -> None:
    assert type_words(str(kind)) == words


@pytest.mark.parametrize(
    "told",
    [
        "",
        "VARCHAR",
        "dictionary<values=string",
        "struct<a, b: <x: int64>",
        "list<item: money>",
        "int64 and more",
        str(pa.dense_union([pa.field("a", pa.int64())])),
    ],
)
def test_a_type_that_is_not_known_stays_as_it_is(told: str) -> None:
    assert type_words(told) == told


def test_of_two_types_that_are_alike_in_words_the_difference_is_shown() -> None:
    assert retyped_words("string", "large_string") == ("string", "large_string")
    assert retyped_words("string", "dictionary<values=string, indices=int8, ordered=0>") == (
        "string",
        "category of string",
    )

"""Whether a test set knows something of the training set that it should not."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbproof.stats.leakage import LeakageFinding, LeakageResult, check_leakage
from tests.stats.columns import ONE_OF_EACH

CITIES = np.array(["Oslo", "São Paulo", "New York", "Graz", "Kyoto"])


def rows(count: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "height": random.normal(170, 10, count),
            "weight": random.normal(70, 10, count),
            "income": random.lognormal(10, 1, count),
            "age": random.integers(1, 90, count),
            "city": random.choice(CITIES, count),
            "married": random.random(count) < 0.5,
        }
    )


def checked(train: pa.Table, test: pa.Table, **options: Any) -> LeakageResult:
    found = check_leakage(train, test, **options)
    assert LeakageResult.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert found.severity == (found.findings[0].severity if found.findings else "none")
    assert found == check_leakage(train, test, **options, threads=1)
    for each in found.findings:
        assert each.sentence.endswith(".") and each.action
        assert each.share == pytest.approx(each.rows / test.num_rows)
    return found


def only(found: LeakageResult) -> LeakageFinding:
    (finding,) = found.findings
    return finding


def changed(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)


TRAIN, FRESH = rows(3000, 0), rows(900, 1)


def with_some(table: pa.Table) -> pa.Table:
    """A test set of which a tenth are these rows."""
    return pa.concat_tables([FRESH, table])


# ----------------------------------------------------------------------------------------------------- rows


def test_rows_that_are_all_new():
    found = checked(TRAIN, FRESH)
    assert found.findings == () and found.severity == "none" and found.notes == ()
    assert found.sentence == "The test set shares no rows, entities or times with the training set."
    assert found.columns == tuple(TRAIN.column_names)


def test_rows_that_are_in_both():
    found = only(checked(TRAIN, with_some(TRAIN.slice(40, 100))))
    assert (found.code, found.severity, found.rows, found.share) == ("duplicate", "high", 100, 0.1)
    assert found.sentence == "10.0 % of the test rows are in the training set (100)."
    assert found.examples[0] == (900, 40) and len(found.examples) == 5


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: changed(rows, "height", pa.array(rows["height"].to_numpy() * (1 + 1e-9))),
        lambda rows: changed(rows, "city", pa.array([f"  {each.as_py().upper()}" for each in rows["city"]])),
        lambda rows: changed(
            rows, "city", pa.array([each.as_py().replace(" ", "-") for each in rows["city"]])
        ),
    ],
)
def test_rows_that_are_nearly_in_both(change):
    """Numbers that were rounded on their way, texts that are written otherwise."""
    moved = change(TRAIN.slice(0, 100))
    found = checked(TRAIN, with_some(moved))
    near = next(each for each in found.findings if each.code == "near_duplicate")
    same = [each.rows for each in found.findings if each.code == "duplicate"]
    assert near.rows + sum(same) >= 99 and near.examples[0][0] - 900 == near.examples[0][1]


@pytest.mark.parametrize("name", TRAIN.column_names)
def test_rows_that_differ_in_one_column(name):
    part = TRAIN.slice(0, 100)
    other = TRAIN.slice(100, 100)[name]
    differing = np.count_nonzero(np.array(part[name].to_pylist()) != np.array(other.to_pylist()))
    found = checked(TRAIN, with_some(changed(part, name, other)))
    codes = {each.code: each for each in found.findings}
    near = (
        codes["near_duplicate"].rows if "near_duplicate" in codes else 0
    )  # rounded, the others may be equal
    assert codes["one_column_differs"].rows + near == differing and near <= 3
    assert (
        codes["one_column_differs"].columns == (name,)
        and f"mostly {name}" in codes["one_column_differs"].sentence
    )
    assert sum(each.rows for each in found.findings) == 100


def test_rows_are_found_whatever_order_and_type_their_columns_have():
    other = TRAIN.select(TRAIN.column_names[::-1]).slice(0, 100)
    other = changed(other, "age", other["age"].cast(pa.float64()))
    other = changed(other, "city", other["city"].dictionary_encode())
    assert only(checked(TRAIN, other)).rows == 100


def test_rows_with_few_possible_values_are_not_compared():
    table = TRAIN.select(["city", "married"])
    found = checked(table, table.slice(0, 500))
    assert found.findings == () and len(found.notes) == 1 and "few possible values" in found.notes[0]


def test_a_column_that_decides_alone_is_not_taken_for_chance():
    """Without the only column that tells rows apart all rows are alike."""
    table = TRAIN.select(["height", "city", "married"])
    other = FRESH.select(["height", "city", "married"])
    assert checked(table, other).findings == ()


def test_of_many_columns_a_few_may_differ():
    random = np.random.default_rng(0)
    train = pa.table({f"c{k}": random.normal(size=500) for k in range(60)})
    part = train.slice(0, 50)
    found = only(checked(train, changed(part, "c7", pa.array(random.normal(size=50)))))
    assert (found.code, found.rows) == ("one_column_differs", 50) and "c7" in found.columns
    assert 2 <= len(found.columns) <= 3


@pytest.mark.newest
def test_of_two_thousand_columns():
    random = np.random.default_rng(0)
    train = pa.table({f"c{k}": random.normal(size=300) for k in range(2000)})
    found = only(checked(train, train.slice(0, 30)))
    assert (found.code, found.rows) == ("duplicate", 30)


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.text(max_size=3)), min_size=1, max_size=30),
    st.integers(0, 30),
)
@settings(max_examples=40)
def test_exactly_the_shared_rows_are_found(cases, shared):
    shared = min(shared, len(cases))
    train = pa.table(
        {"a": [case[0] for case in cases], "b": [case[1] for case in cases], "c": [0.5] * len(cases)}
    )
    new = pa.table({"a": [-1 - k for k in range(20)], "b": ["never"] * 20, "c": [0.5] * 20})
    found = check_leakage(train, pa.concat_tables([new, train.slice(0, shared)]))
    if not found.notes:
        assert sum(each.rows for each in found.findings if each.code == "duplicate") == shared


# ------------------------------------------------------------------------------------------------- entities


def people(numbers: Any) -> pa.Table:
    return rows(len(numbers), int(numbers[0])).append_column("patient_id", pa.array(numbers))


def test_an_entity_on_both_sides():
    train, test = people(np.arange(1000) // 2), people(np.arange(950, 1450) // 2)
    found = only(checked(train, test, entity="patient_id"))
    assert (found.code, found.severity, found.rows) == ("entity", "high", 50) and not found.guessed
    assert found.sentence == (
        "25 of 250 values of patient_id in the test set are in the training set too: 10.0 % of its rows."
    )
    assert found.columns == ("patient_id",) and found.action.startswith("Split by patient_id")
    one, other = found.examples[0]
    assert test["patient_id"][one] == train["patient_id"][other]


def test_identifiers_are_guessed_and_that_is_said():
    train, test = people(np.arange(1000) // 2), people(np.arange(950, 1450) // 2)
    found = checked(train, test)
    assert only(found).guessed and "(guessed to be an identifier)" in only(found).sentence
    assert found.sentence == "10.0 % of the test rows share their patient_id with the training set (guessed)."
    unnamed = [table.rename_columns([*table.column_names[:-1], "thing"]) for table in (train, test)]
    assert checked(*unnamed).findings == ()  # integers that come twice may be anything
    texts = [changed(table, "thing", table["thing"].cast(pa.string())) for table in unnamed]
    assert only(checked(*texts)).columns == ("thing",)  # texts of which half come once are names of something


def test_few_values_are_no_entities_unless_it_is_said():
    train, test = (
        table.append_column("store_id", pa.array(np.arange(len(table)) % 7)) for table in (TRAIN, FRESH)
    )
    assert checked(train, test).findings == ()
    assert only(checked(train, test, entity=["store_id"])).share == 1.0


def test_rows_that_are_numbered_anew():
    """The numbers are the same in every table, and the rows are compared without them."""
    train, test = (
        table.append_column("row_id", pa.array(np.arange(len(table))))
        for table in (TRAIN, with_some(TRAIN.slice(0, 100)))
    )
    found = checked(train, test)
    assert only(found).code == "duplicate" and only(found).rows == 100
    assert found.notes == ("row_id numbers the rows of each table anew, so it says nothing.",)
    assert "row_id" not in found.columns


def test_numbers_name_things_where_it_is_said_or_where_they_do_not_begin_anew():
    train, anew, some = (
        table.append_column("id", pa.array(range(first, first + len(table))))
        for table, first in ((TRAIN, 0), (FRESH, 0), (FRESH, 2))
    )
    assert checked(train, anew).findings == ()
    assert only(checked(train, anew, entity=["id"])).share == 1.0
    guess = only(checked(train, some))
    assert guess.code == "entity" and guess.guessed and guess.share == 1.0


def test_a_column_of_numbers_may_be_one_of_texts_in_the_other_table():
    train = pa.table({"id": list(range(100)), "x": [float(number) for number in range(100)]})
    test = pa.table({"id": [f"{number}" for number in range(20)], "x": [200.0 + n for n in range(20)]})
    assert check_leakage(train, test).severity == "none"


def test_rows_that_are_numbered_on():
    train = TRAIN.append_column("row_id", pa.array(np.arange(3000)))
    assert checked(train, FRESH.append_column("row_id", pa.array(np.arange(3000, 3900)))).notes == ()


def test_missing_entities_are_none():
    train = TRAIN.slice(0, 4).append_column("user", pa.array(["a", None, "b", None]))
    test = FRESH.slice(0, 3).append_column("user", pa.array([None, None, "c"]))
    assert checked(train, test, entity="user").findings == ()


# ----------------------------------------------------------------------------------------------------- time


def dated(table: pa.Table, first: int) -> pa.Table:
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    moments = [start + dt.timedelta(hours=first + hour) for hour in range(len(table))]
    return table.append_column("when", pa.array(moments, pa.timestamp("us", "UTC")))


def test_a_test_set_behind_the_training_set():
    assert checked(dated(TRAIN, 0), dated(FRESH, 3000)).findings == ()


def test_a_test_set_that_begins_too_early():
    found = only(checked(dated(TRAIN, 0), dated(FRESH, 2910)))
    assert (found.code, found.severity, found.rows, found.guessed) == ("time", "high", 90, True)
    assert found.sentence == (
        "10.0 % of the test rows are not later by when than the last training row (2024-05-04 23:00:00), "
        "and 3.0 % of the training rows are not earlier than the first test row (2024-05-01 06:00:00)."
    )


def test_a_split_by_chance_covers_the_same_time():
    table = dated(rows(2000, 5), 0)
    order = np.random.default_rng(0).permutation(2000)
    train, test = table.take(order[:1500]), table.take(order[1500:])
    assert only(checked(train, test)).severity == "low"
    told = only(checked(train, test, time="when"))
    assert told.severity == "high" and not told.guessed and "both cover the same time" in told.sentence


def test_days_and_moments_of_other_units():
    train, test = dated(TRAIN, 0), dated(FRESH, 2910)
    days = [changed(table, "when", table["when"].cast(pa.date32())) for table in (train, test)]
    assert only(checked(*days)).code == "time"
    seconds = changed(test, "when", test["when"].cast(pa.timestamp("s", "UTC")))
    assert only(checked(train, seconds)).rows == 90


# ----------------------------------------------------------------------------------------------- odd tables


def test_all_in_one_line():
    train = people(np.arange(1000) // 2)
    test = pa.concat_tables([people(np.arange(1000, 1900)), train.slice(0, 100)])
    assert checked(train, test).sentence == (
        "10.0 % of the test rows are in the training set; 10.0 % share their patient_id with it (guessed)."
    )


def test_columns_that_are_not_there():
    with pytest.raises(
        ValueError, match="no column 'user' that both tables have once; they share: height, weight"
    ):
        check_leakage(TRAIN, FRESH, entity="user")
    with pytest.raises(ValueError, match="no column 'when'"):
        check_leakage(TRAIN, FRESH, time="when")


def test_tables_with_little_in_them():
    assert checked(TRAIN.slice(0, 0), FRESH).sentence == "No rows to compare."
    assert checked(TRAIN, FRESH.slice(0, 0)).sentence == "No rows to compare."
    assert checked(pa.table({}), pa.table({})).sentence == "No columns that both tables have."
    twice = pa.table([pa.array([1]), pa.array([2])], ["x", "x"])
    assert checked(twice, twice).sentence == "No columns that both tables have."
    nulls = pa.table({"x": pa.nulls(5), "y": pa.array([None] * 5, pa.float64())})
    assert checked(nulls, nulls).findings == ()
    odd = pa.table({"x": [np.nan, np.inf, -np.inf] * 50, "y": np.arange(150.0)})
    assert only(checked(odd, odd)).rows == 150


@pytest.mark.parametrize("column", ONE_OF_EACH, ids=lambda each: str(each.type)[:30])
def test_of_any_type(column):
    table = TRAIN.slice(0, 3).append_column("x", column)
    codes = {each.code: each.rows for each in checked(table, table).findings}
    assert codes["duplicate"] == 3


def test_columns_whose_types_have_nothing_in_common_are_named_and_left_out():
    train = pa.table({"id": [1, 2, 3], "spent": [0.125, 0.25, 0.5]})
    test = pa.table({"id": ["1", "2", "3"], "spent": [0.125, 0.25, 0.5]})
    found = check_leakage(train, test)
    assert found.columns == ("spent",)
    assert found.notes[0] == "not compared, because their types have nothing in common: id"
    alone = check_leakage(train.select(["id"]), test.select(["id"]))
    assert alone.sentence == "No columns that can be compared." and "id" in alone.notes[0]


@pytest.mark.parametrize(
    ("kind", "other"),
    [
        (pa.int64(), pa.float64()),
        (pa.int32(), pa.uint64()),
        (pa.decimal128(9, 2), pa.float64()),
        (pa.decimal128(9, 2), pa.int64()),
        (pa.decimal128(9, 2), pa.decimal128(12, 4)),
    ],
)
def test_entities_are_the_same_whatever_kind_of_number_they_are(kind, other):
    train = pa.table({"user": pa.array([101.0, 102.0, 103.0]).cast(kind)})
    test = pa.table({"user": pa.array([103.0, 104.0]).cast(other)})
    (found,) = [each for each in check_leakage(train, test, entity="user").findings if each.code == "entity"]
    assert (found.rows, found.share) == (1, 0.5)


def test_numbers_may_say_when():
    train, test = pa.table({"step": range(100)}), pa.table({"step": range(90, 110)})
    found = check_leakage(train, test, time="step").findings
    assert [each.rows for each in found if each.code == "time"] == [10]
    assert any("(99)" in each.sentence for each in found if each.code == "time")


def test_the_line_begins_with_the_test_rows_whatever_is_found_first():
    random = np.random.default_rng(3)
    values = {f"x{number}": random.normal(size=400) for number in range(4)}
    train = pa.table(values)
    test = pa.table({name: each[:200] + 1e-9 for name, each in values.items()})
    found = check_leakage(train, test)
    assert found.sentence.startswith("100.0 % of the test rows are nearly in the training set")

"""What versions have to keep to: checked at registration, warned of or refused, and proposed."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nbproof.core.errors import Invalid, NotFound

RULES = {
    "columns": {
        "id": {"type": "integer", "nullable": False},
        "city": {"type": "text", "values": ["Oslo", "Rome"]},
        "price": {"type": "double", "min": 0, "max": 100},
        "when": {"type": "time", "min": "2026-01-01"},
        "note": {"required": False},
    },
    "key": ["id"],
    "min_rows": 2,
    "max_rows": 1000,
    "extra_columns": False,
}


@pytest.fixture
def good():
    return pd.DataFrame(
        {
            "id": [1, 2, 3],
            "city": ["Oslo", "Rome", None],
            "price": [0.0, 100.0, np.nan],
            "when": [pd.Timestamp("2026-01-01"), pd.Timestamp("2026-02-01"), pd.NaT],
        }
    )


def test_what_keeps_to_its_contract_is_registered_in_silence(datasets, good):
    datasets.contracts.set_contract("sales", RULES, on_breach="refuse")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        version = datasets.register_dataset(good, "sales")

    assert version.breaches == []
    assert datasets.contracts.get_contract("sales").contract["on_breach"] == "refuse"
    (listed,) = datasets.list_datasets()
    assert listed.contract["key"] == ["id"]


def broken(good):
    yield good.assign(id=[1, 1, 1]), ["key id: 2 rows repeat that of an earlier row"]
    yield (
        good.assign(id=[1, 2, None]),
        [
            "id: type float64, integer is expected",
        ],
    )
    yield (
        good.assign(city=["Oslo", "Bonn", "Bern"]),
        ["city: 2 rows have values that are not allowed: 'Bern', 'Bonn'"],
    )
    yield (
        good.assign(price=[-1.0, 101.0, np.inf]),
        [
            "price: 1 values are infinite",
            "price: the least is -1, at least 0 is expected",
            "price: the greatest is 101, at most 100 is expected",
        ],
    )
    yield (
        good.assign(when=pd.Timestamp("2025-12-31")),
        ["when: the least is 2025-12-31T00:00:00+00:00, at least 2026-01-01 is expected"],
    )
    yield (
        good.drop(columns="city").assign(town="x"),
        [
            "city: the column is missing",
            "town: the column is not expected",
        ],
    )
    yield good[:1], ["1 row, at least 2 are expected"]
    yield pd.concat([good] * 400).assign(id=range(1200)), ["1,200 rows, at most 1,000 are expected"]
    yield good.drop(columns="id"), ["id: the column is missing", "key id: there is no column id"]


@pytest.mark.parametrize("case", range(9))
def test_a_breach_is_warned_of_and_recorded_or_refused(datasets, content, good, case):
    frame, told = list(broken(good))[case]
    datasets.contracts.set_contract("sales", RULES)

    with pytest.warns(UserWarning, match="nbproof: sales breaks its contract: ") as warned:
        version = datasets.register_dataset(frame, "sales")

    assert sorted(version.breaches) == sorted(told) and len(warned) == len(told)
    assert datasets.describe("sales@v1").breaches == version.breaches
    datasets.contracts.set_contract("strict", RULES, on_breach="refuse")
    with pytest.raises(Invalid, match="strict breaks its contract") as refused:
        datasets.register_dataset(frame, "strict")
    assert sorted(refused.value.details["breaches"]) == sorted(told)
    with pytest.raises(NotFound):
        datasets.describe("strict")


def test_a_contract_comes_with_the_table_and_stays(datasets, good):
    contract = {"columns": {"price": {"min": 0}}, "on_breach": "refuse"}
    datasets.register_dataset(good, "sales", contract=contract)

    with pytest.raises(Invalid, match="price: the least is -3"):
        datasets.register_dataset(good.assign(price=-3.0), "sales")
    with pytest.raises(Invalid, match="the least is 0"):
        datasets.register_dataset(
            good.assign(id=9), "sales", contract={**contract, "columns": {"price": {"min": 1}}}
        )
    assert [each.version for each in datasets.list_versions("sales")] == [1]
    assert datasets.contracts.get_contract("sales").contract["columns"] == {"price": {"min": 0}}
    datasets.contracts.set_contract("sales", None)
    assert datasets.register_dataset(good.assign(price=-3.0), "sales").breaches == []


def test_a_key_of_several_columns_in_several_batches(datasets):
    table = pa.table({"a": [1, 1, 2, 2], "b": ["x", "y", "x", "x"]})
    batches = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=1))

    with pytest.warns(UserWarning, match="key a, b: 1 row repeats that of an earlier row"):
        datasets.register_dataset(batches, "keyed", contract={"key": ["a", "b"]})


def test_a_bound_and_what_breaks_it_are_told_to_the_same_digits(datasets):
    contract = {"columns": {"x": {"max": 2**53}}}
    with pytest.warns(UserWarning, match=f"the greatest is {2**53 + 2}, at most {2**53} is expected"):
        datasets.register_dataset(pa.table({"x": [2**53 + 2]}), "large", contract=contract)


def test_a_version_keeps_to_the_contract_that_is_made_of_it(datasets, good):
    frame = good.assign(paid=[True, False, True], big=[2**62, -1, 0])
    datasets.register_dataset(frame, "sales")

    proposal = datasets.contracts.contract_of("sales@v1")

    assert proposal["key"] == ["id"] and proposal["columns"]["city"]["values"] == ["Oslo", "Rome"]
    assert proposal["columns"]["price"] == {"type": "float64", "min": 0.0, "max": 100.0}
    datasets.contracts.set_contract("sales", proposal, on_breach="refuse")
    datasets.register_dataset(frame.iloc[::-1].reset_index(drop=True), "sales")
    with pytest.raises(Invalid, match="the greatest is 101"):
        datasets.register_dataset(frame.assign(price=101.0), "sales")
    assert datasets.contracts.get_contract("sales", propose=True).proposed


def test_a_file_keeps_to_the_contract_that_is_made_of_its_frame(datasets, tmp_path):
    frame = pd.DataFrame(
        {
            "id": [1, 2, 3],
            "city": ["a", "b", "c"],
            "size": pd.Categorical(["s", "m", "s"]),
            "price": [1.5, 2.0, 3.0],
            "when": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"]),
        }
    )
    datasets.register_dataset(frame, "sales")
    proposal = datasets.contracts.contract_of("sales@v1")
    assert {name: rule["type"] for name, rule in proposal["columns"].items()} == {
        "id": "int64",
        "city": "text",
        "size": "text",
        "price": "float64",
        "when": "time",
    }
    datasets.contracts.set_contract("sales", proposal, on_breach="refuse")
    file = tmp_path / "sales.csv"
    frame.to_csv(file, index=False)

    assert datasets.register_dataset(file, "sales").breaches == []
    assert (
        datasets.register_dataset(pa.Table.from_pandas(frame, preserve_index=False), "sales").breaches == []
    )


@pytest.mark.parametrize("wanted", ["string", "large_string", "list<item: string>"])
def test_how_texts_are_stored_breaks_no_contract(datasets, wanted):
    texts = {"a": {"type": wanted}}
    nested = wanted.startswith("list")
    for number, kind in enumerate((pa.string(), pa.large_string())):
        values = pa.array([["x"]], pa.list_(kind)) if nested else pa.array(["x"], kind)
        table = pa.table({"a": values, "n": [number]})
        assert datasets.register_dataset(table, "texts", contract={"columns": texts}).breaches == []


@pytest.mark.parametrize(
    ("contract", "field"),
    [
        ({"column": {}}, "column"),
        ({"columns": {"a": {"typ": "int64"}}}, "columns.a.typ"),
        ({"columns": {"a": {"min": "yesterday"}}}, "columns.a"),
        ({"columns": {"a": {"min": float("nan")}}}, "columns.a.min"),
        ({"columns": {"a": {"max": float("inf")}}}, "columns.a.max"),
        ({"columns": {"a": {"min": True}}}, "columns.a.min"),
        ({"columns": {"a": {"values": ["x", None]}}}, "columns.a.values"),
        ({"columns": {"a": {"values": [1.5, float("nan")]}}}, "columns.a.values"),
        ({"min_rows": -1}, "min_rows"),
        ({"on_breach": "cry"}, "on_breach"),
        ([1], "contract"),
    ],
)
def test_what_no_contract_can_say_is_refused(datasets, contract, field):
    with pytest.raises(Invalid) as refused:
        datasets.contracts.set_contract("sales", contract)
    assert refused.value.details["field"] == field
    with pytest.raises(NotFound, match="no dataset 'sales'"):
        datasets.contracts.get_contract("sales")


def test_for_a_name_without_dataset_the_nearest_is_offered(datasets):
    datasets.register_dataset(pa.table({"a": [1]}), "sales")
    with pytest.raises(NotFound, match="no dataset 'salse'") as refused:
        datasets.contracts.get_contract("salse")
    assert refused.value.hint == "did you mean 'sales'?"


def test_tables_without_rows_or_columns(datasets):
    rules = {"columns": {"x": {"type": "double", "nullable": False, "min": 0, "values": [1.0]}}, "key": ["x"]}
    datasets.contracts.set_contract("none", rules, on_breach="refuse")

    assert datasets.register_dataset(pa.table({"x": pa.array([], pa.float64())}), "none").breaches == []
    with pytest.raises(Invalid, match="x: the column is missing"):
        datasets.register_dataset(pa.table({}), "none")


# -- files -------------------------------------------------------------------------------------------------


def write_rows(path: Path, frame: pd.DataFrame) -> None:
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False)


GOOD = pd.DataFrame({"id": [1, 2, 3], "price": [0.5, 1.5, 2.5]})
OF_FILES = {"columns": {"id": {"type": "integer"}, "price": {"min": 0}}, "key": ["id"]}


@pytest.mark.parametrize("reference", [False, True], ids=["copied", "by reference"])
@pytest.mark.parametrize("name", ["orders.csv", "orders.parquet", "orders.jsonl", "orders"])
def test_a_file_of_rows_has_to_keep_to_its_contract(datasets, content, tmp_path, name, reference):
    path = tmp_path / name
    place = path
    if not path.suffix:
        path.mkdir()
        write_rows(path / "one.csv", GOOD)
        place = path / "two.csv"
    datasets.contracts.set_contract("orders", OF_FILES, on_breach="refuse")
    for bad, words in [
        (GOOD.assign(id=[7, 8, 9], price=[-1.0, 0.5, 1.5]), "price: the least is -1"),
        (GOOD.assign(id=[7, 7, 7]), "key id: 2 rows repeat that of an earlier row"),
        (GOOD.assign(id=[7, 8, 9])[["id"]], "price: the column is missing"),
    ]:
        write_rows(place, bad)
        if place != path and "missing" in words:
            continue  # the first file says which columns a folder has
        with pytest.raises(Invalid, match=words):
            datasets.register_dataset(path, "orders", reference=reference)
    assert datasets.list_datasets().items == []
    assert sum(size for _, size, _ in content.end.packs()) < 64  # the head of a pack in which nothing is

    write_rows(place, GOOD.assign(id=[7, 8, 9]))
    version = datasets.register_dataset(path, "orders", reference=reference)
    assert (version.breaches, version.rows) == ([], 3 if place == path else 6)
    assert [field.name for field in version.fields] == ["id", "price"]
    assert datasets.get_dataset("orders").profile[1].maximum == 2.5


def test_a_file_that_is_no_table_breaks_every_contract(datasets, tmp_path):
    (tmp_path / "orders.parquet").write_bytes(b"no Parquet")
    (tmp_path / "notes.txt").write_text("some words")
    with pytest.warns(UserWarning, match="can't be read as Parquet"):
        broken = datasets.register_dataset(tmp_path / "orders.parquet", contract=OF_FILES)
    assert broken.rows is None and len(broken.breaches) == 1
    with pytest.warns(UserWarning, match="a file is no table, so that its contract could not be checked"):
        datasets.register_dataset(tmp_path / "notes.txt", contract=OF_FILES)


def test_a_file_breach_is_warned_of_and_recorded(datasets, tmp_path):
    write_rows(tmp_path / "orders.csv", GOOD.assign(price=-1.0))
    with pytest.warns(UserWarning, match="orders breaks its contract: price: the least is -1"):
        version = datasets.register_dataset(tmp_path / "orders.csv", contract=OF_FILES)
    assert version.breaches == ["price: the least is -1, at least 0 is expected"]


@pytest.mark.parametrize(
    ("contract", "words"),
    [
        ({"columns": {"id": {"type": "intger"}}}, "no type is called 'intger'; did you mean 'integer'"),
        (
            {"columns": {"id": {"mn": 0}}},
            r"field 'columns.id.mn' is not known; did you mean 'min'[?] [(]fields: type, .*min",
        ),
        ({"columns": {"id": {"min": "soon"}}}, "a bound is a number, or a time as ISO 8601"),
        ({"columns": {"id": {"min": 3, "max": 2}}}, "min 3 is greater than max 2"),
        ({"columns": {"when": {"min": "2026-01-01", "max": 2}}}, "two numbers or two times"),
        ({"min_rows": 5, "max_rows": 2}, "field 'max_rows' is wrong: it is less than min_rows 5"),
    ],
)
def test_a_contract_that_nothing_could_keep_to_is_refused(datasets, contract, words):
    with pytest.raises(Invalid, match=words):
        datasets.contracts.set_contract("sales", contract)


@pytest.mark.parametrize(
    "type",
    ["date", "date32[day]", "timestamp in UTC", "decimal128(21, 1)", "double", "uuid", "struct<x: int64>"],
)
def test_every_type_that_is_shown_can_be_asked_for(datasets, type):
    assert datasets.contracts.set_contract("sales", {"columns": {"x": {"type": type}}}).contract

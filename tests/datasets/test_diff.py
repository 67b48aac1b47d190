"""How two versions differ: against a diff by brute force, and how it is told."""

from collections import Counter

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings

import nbproof.datasets.diff_rows as module
from nbproof.core.errors import Invalid, NotFound
from nbproof.datasets.diff_models import DatasetDiff
from nbproof.datasets.diff_rows import TableRows, diff_by_key, diff_by_rows
from nbproof.storage.content.columns import SLAB_ROWS

VALUES = st.sampled_from([None, float("nan"), 0.0, -0.0, 1.5, 2.0])
TEXTS = st.sampled_from([None, "", "a", "b"])
TABLES = st.lists(st.tuples(st.integers(0, 8), VALUES, TEXTS), max_size=12)


def table_of(rows):
    columns = [list(each) for each in zip(*rows, strict=True)] or [[], [], []]
    types = [pa.int64(), pa.float64(), pa.string()]
    return pa.table({
        name: pa.array(values, kind, from_pandas=False)
        for name, values, kind in zip("kxt", columns, types, strict=True)
    })  # fmt: skip


def plain(row):
    """A row as it is compared: NaN is NaN, and both zeros are one."""
    return tuple(
        "nan" if value != value else value + 0.0 if isinstance(value, float) else value for value in row
    )


def in_slabs(rows, size=3):
    """A table in memory, in slabs that are as small as the test."""
    found = TableRows("t", table_of(rows))
    found.lengths = [min(size, len(rows) - start) for start in range(0, len(rows), size)] or [0]
    return found


@given(TABLES, TABLES)
@example([*[(0, None, None)] * 8, (0, -0.0, None)], [*[(0, None, None)] * 8, (0, 0.0, "")])  # one zero
@settings(max_examples=300)
def test_rows_without_a_key_are_a_multiset(one, other):
    original, module._SLAB = module._SLAB, 3
    try:
        found = diff_by_rows(in_slabs(one), in_slabs(other), ["k", "x", "t"], {}, lambda: None)
    finally:
        module._SLAB = original

    before, after = Counter(map(plain, one)), Counter(map(plain, other))
    assert found.added + found.changed == (after - before).total()
    assert found.removed + found.changed == (before - after).total()
    for change in found.changes:
        was, now = plain(one[change.before]), plain(other[change.after])
        assert sum(old != new for old, new in zip(was, now, strict=True)) == 1
        assert set(change.values) == {
            name for name, old, new in zip("kxt", was, now, strict=True) if old != new
        }
    assert sum(found.columns.values()) == found.changed
    assert found.moved == (before == after and list(map(plain, one)) != list(map(plain, other)))


@given(TABLES, TABLES)
@settings(max_examples=300)
def test_rows_with_a_key_are_matched_by_it(one, other):
    original, module._SLAB = module._SLAB, 3
    try:
        keys = [[row[0] for row in rows] for rows in (one, other)]
        if any(len(set(each)) < len(each) for each in keys):
            with pytest.raises(Invalid, match="have a key that another row has too"):
                diff_by_key(in_slabs(one), in_slabs(other), ["k"], ["k", "x", "t"], {}, lambda: None)
            return
        found = diff_by_key(in_slabs(one), in_slabs(other), ["k"], ["k", "x", "t"], {}, lambda: None)
    finally:
        module._SLAB = original

    before, after = ({row[0]: plain(row) for row in rows} for rows in (one, other))
    both = before.keys() & after.keys()
    changed = {key for key in both if before[key] != after[key]}
    assert (found.added, found.removed) == (len(after.keys() - both), len(before.keys() - both))
    assert found.changed == len(changed) and {each.key["k"] for each in found.changes} <= changed
    for name, place in (("x", 1), ("t", 2)):
        assert found.columns.get(name, 0) == sum(before[key][place] != after[key][place] for key in both)


@pytest.fixture
def big():
    """More than two slabs."""
    chance = np.random.default_rng(5)
    rows = 3 * SLAB_ROWS
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "price": chance.normal(100, 10, rows),
            "whole": chance.integers(0, 10**9, rows),
            "word": chance.choice(["alpha", "beta", "gamma"], rows),
        }
    )


def reads(handle_class, monkeypatch):
    """The columns that are read from now on, one for each slab."""
    found = []
    original = handle_class.read_slab

    def counting(self, column, slab):
        found.append((self.name, column))
        return original(self, column, slab)

    monkeypatch.setattr(handle_class, "read_slab", counting)
    return found


def test_only_what_differs_is_read(datasets, big, monkeypatch):
    datasets.register_dataset(big, "big")
    edited = big.copy()
    edited.loc[[7, 8, 900_000], "price"] = [1.0, 2.0, 3.0]
    datasets.register_dataset(edited, "big")
    appended = pd.concat([edited, edited[:5].assign(id=-1)], ignore_index=True)
    datasets.register_dataset(appended, "big")
    read = reads(type(datasets.get_dataset("big")), monkeypatch)

    same = datasets.diff_versions("big@v1", "big@v1")
    assert (same.same, read) == (True, [])

    diff = datasets.diff_versions("big@v1", "big@v2", key="id")
    assert (diff.rows_added, diff.rows_removed, diff.rows_changed) == (0, 0, 3)
    assert [(each.before, each.key, list(each.values)) for each in diff.changes] == [
        (place, {"id": place}, ["price"]) for place in (7, 8, 900_000)
    ]
    assert {column for _, column in read} == {"id", "price"}

    read.clear()
    diff = datasets.diff_versions("big@v1", "big@v2")
    assert (diff.rows_added, diff.rows_removed, diff.rows_changed) == (0, 0, 3)
    assert diff.changes[0].values == {"price": (float(big["price"][7]), 1.0)}
    assert {column for _, column in read} == {"price"}

    read.clear()
    diff = datasets.diff_versions("big@v2", "big@v3")
    assert (diff.rows_added, diff.rows_removed, diff.rows_changed) == (5, 0, 0)
    assert diff.added[0]["id"] == -1 and diff.rows_after == len(appended)


@pytest.fixture
def sales():
    return pd.DataFrame({"city": ["Oslo", "Rome", "Bonn"], "visits": [3, 5, 8], "share": [0.5, None, 0.25]})


def test_columns_rows_and_statistics_are_told(datasets, sales):
    datasets.register_dataset(sales, "sales")
    changed = sales.assign(visits=[3, 5, 9], share=["a", "b", "c"], when=[1, 2, 3])
    changed = pd.concat([changed, changed[:1].assign(city="Bern | <b>")], ignore_index=True)
    datasets.register_dataset(changed, "sales")

    diff = datasets.diff_versions("sales@v1", datasets.describe("sales@v2"), key="city")

    assert [each.name for each in diff.columns_added] == ["when"] and not diff.columns_removed
    assert [(each.name, each.before) for each in diff.columns_retyped] == [("share", "double")]
    assert (diff.rows_added, diff.rows_removed, diff.rows_changed) == (1, 0, 1)
    assert diff.changes[0].key == {"city": "Bonn"} and diff.changes[0].values == {"visits": (8, 9)}
    visits = next(each for each in diff.columns if each.name == "visits")
    assert (visits.rows, visits.before["maximum"], visits.after["maximum"]) == (1, 8, 9)
    assert DatasetDiff.model_validate_json(diff.model_dump_json()) == diff
    text = diff.to_markdown()
    assert text.startswith("### sales\\@v1 → sales\\@v2\n")
    assert "- rows: 3 → 4: 1 added, 0 removed, 1 changed (by city)" in text
    assert "Bern \\| \\<b\\>" in text and "visits: 8 → 9" in text
    assert "3 → 4: 1 added" in str(diff)
    page = diff._repr_mimebundle_()["text/html"]
    assert "Bern | &lt;b&gt;" in page and "<b>" not in page


def test_what_is_equal_is_said_to_be(datasets, sales):
    datasets.register_dataset(sales, "sales")

    diff = datasets.diff_versions("sales@v1", "sales@v1")

    assert (diff.same, diff.rows_changed, diff.notes) == (True, 0, [])
    assert diff.to_markdown().endswith("Nothing differs.\n")


def test_the_same_rows_in_another_order_are_said_to_be_that(datasets, sales):
    datasets.register_dataset(sales, "shuffled")
    datasets.register_dataset(sales[::-1].reset_index(drop=True), "shuffled")

    for key in (None, "city"):
        diff = datasets.diff_versions("shuffled@v1", "shuffled@v2", key=key)
        assert (diff.rows_added, diff.rows_removed, diff.rows_changed) == (0, 0, 0)
        assert not diff.same and diff.notes == ["the same rows, in another order"]
        assert "the same rows, in another order" in str(diff) and "the same rows" in diff.to_markdown()


def test_the_same_columns_in_another_order_are_said_to_be_that(datasets, sales):
    datasets.register_dataset(sales, "turned")
    datasets.register_dataset(sales[sales.columns[::-1]], "turned")

    diff = datasets.diff_versions("turned@v1", "turned@v2")

    assert not diff.same and diff.notes == ["the same columns, in another order"]


def test_what_differs_in_its_storage_alone_is_the_same_and_it_is_said_why(datasets):
    datasets.register_dataset(pd.DataFrame({"x": [0.0, 1.0]}), "zeros")
    datasets.register_dataset(pd.DataFrame({"x": [-0.0, 1.0]}), "zeros")

    diff = datasets.diff_versions("zeros@v1", "zeros@v2")

    assert diff.same and "how they are stored" in str(diff) and "how they are stored" in diff.to_markdown()


DAY = 86_400_000_000
ALIKE = {
    "texts of pandas and of Arrow": (pa.large_string(), pa.string(), ["a", "b", "c"], ["a", "x", "c"]),
    "views of texts": (pa.string_view(), pa.string(), ["a", "b", "c"], ["a", "x", "c"]),
    "a category and texts": (pa.dictionary(pa.int8(), pa.string()), pa.string(), list("abc"), list("axc")),
    "a category of integers and floats": (
        pa.dictionary(pa.int8(), pa.int64()),
        pa.float64(),
        [1, 2, 3],
        [1, 5, 3],
    ),
    "integers of two widths": (pa.int32(), pa.int64(), [1, -2, 3], [1, 5, 3]),
    "integers and floats": (pa.int64(), pa.float64(), [1, 2, 3], [1, 2.5, 3]),
    "small integers and small floats": (pa.uint8(), pa.float32(), [1, 2, 3], [1, 2.5, 3]),
    "integers with and without a sign": (pa.uint64(), pa.int64(), [1, 2**64 - 1, 3], [1, -1, 3]),
    "dates and times": (pa.date32(), pa.timestamp("us"), [18262, 18263, None], [18262 * DAY, 5, None]),
    "two zones": (
        pa.timestamp("s", "UTC"),
        pa.timestamp("ns", "Europe/Rome"),
        [1, 2, 3],
        [10**9, 5, 3 * 10**9],
    ),
    "times of day": (pa.time32("s"), pa.time64("ns"), [1, 2, 3], [10**9, 5, 3 * 10**9]),
    "durations": (pa.duration("s"), pa.duration("ms"), [1, 2, 3], [1000, 5, 3000]),
    "bytes": (pa.binary(1), pa.large_binary(), [b"a", b"b", b"c"], [b"a", b"x", b"c"]),
    "lists": (
        pa.list_(pa.large_string()),
        pa.large_list(pa.string()),
        [["a"], ["b"], []],
        [["a"], ["x"], []],
    ),
}


@pytest.mark.parametrize("case", ALIKE)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_values_are_compared_however_they_are_stored(datasets, case):
    kind, other, before, after = ALIKE[case]
    datasets.register_dataset(pa.table({"k": [1, 2, 3], "x": pa.array(before, kind)}), "alike")
    datasets.register_dataset(pa.table({"k": [1, 2, 3], "x": pa.array(after, other)}), "alike")

    for key in (None, "k"):
        diff = datasets.diff_versions("alike@v1", "alike@v2", key=key)
        assert (diff.rows_added, diff.rows_removed, diff.rows_changed) == (0, 0, 1)
        assert [each.after for each in diff.changes] == [1] and list(diff.changes[0].values) == ["x"]
        assert not any("not compared" in note for note in diff.notes)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_texts_of_pandas_and_of_a_file_may_be_the_key(datasets, tmp_path):
    frame = pd.DataFrame({"city": ["Oslo", "Rome"], "visits": [1, 2]})
    datasets.register_dataset(frame, "visits")
    file = tmp_path / "visits.csv"
    frame.assign(visits=[1, 5]).to_csv(file, index=False)
    datasets.register_dataset(file, "visits of a file")

    diff = datasets.diff_versions("visits", "visits of a file", key="city")

    assert (diff.columns_retyped, diff.rows_changed, diff.changes[0].key) == ([], 1, {"city": "Rome"})


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_columns_that_can_not_be_compared_are_named(datasets):
    datasets.register_dataset(pa.table({"k": [1, 2], "x": [1, 2], "old": [1, 1]}), "odd")
    datasets.register_dataset(pa.table({"k": [1, 2], "x": ["1", "2"], "new": [1, 1]}), "odd")

    diff = datasets.diff_versions("odd@v1", "odd@v2")

    assert not diff.same
    assert diff.notes == [
        "rows were compared by the columns that both have",
        "not compared: the values of x, whose types have nothing in common",
    ]
    with pytest.raises(Invalid, match=r"its type changed from int64 to string \(.*convert one of both"):
        datasets.diff_versions("odd@v1", "odd@v2", key="x")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_numbers_that_look_alike_are_shown_in_full(datasets):
    datasets.register_dataset(
        pa.table({"x": [0.3, 1 / 3, 2.0], "k": [1, 2, 3], "n": ["a", "b", "c"]}), "near"
    )
    after = pa.table({"x": [0.1 + 0.2, 1 / 3, 2.0], "k": [1, 2, 3], "n": ["a", "b", "c"]})
    datasets.register_dataset(after, "near")
    datasets.register_dataset(pa.table({"x": [0.3, 1 / 3], "k": [7, 8], "n": ["y", "z"]}), "other")

    assert "x: 0.3 → 0.30000000000000004" in str(datasets.diff_versions("near@v1", "near@v2"))
    told = datasets.diff_versions("near@v2", "other").told()
    assert [row["x"] for row in told["new rows"]] == ["0.3", "0.3333333333333333"]
    assert [row["x"] for row in told["rows gone"]] == ["0.30000000000000004", "0.3333333333333333", "2.0"]


def test_the_markdown_of_many_columns_names_some_and_counts_the_others(datasets):
    table = {f"c{number}": [number] for number in range(120)}
    datasets.register_dataset(pa.table(table), "wide")
    datasets.register_dataset(pa.table({name: [value + 1] for (name, (value,)) in table.items()}), "wide")

    told = datasets.diff_versions("wide@v1", "wide@v2").to_markdown()

    assert "| c49 |" in told and "| c50 |" not in told and "and 70 more" in told


def test_folders_are_compared_by_their_files(datasets, tmp_path):
    root = tmp_path / "pictures"
    for name in ("same/a.txt", "same/deep/b.txt", "c.txt", "old/d.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    datasets.register_dataset(root)
    (root / "c.txt").write_text("longer than it was")
    (root / "old/d.txt").unlink()
    (root / "new").mkdir()
    (root / "new/e.txt").write_text("e")
    datasets.register_dataset(root)

    diff = datasets.diff_versions("pictures@v1", "pictures@v2")

    assert [(each.path, each.change, each.before_bytes, each.after_bytes) for each in diff.files] == [
        ("c.txt", "changed", 5, 18),
        ("new/e.txt", "added", None, 1),
        ("old/d.txt", "removed", 9, None),
    ]
    assert (diff.files_added, diff.files_removed, diff.files_changed) == (1, 1, 1)
    assert "files: 1 added, 1 removed, 1 changed" in diff.to_markdown()


def test_files_of_rows_are_compared_by_rows_and_others_by_size(datasets, tmp_path):
    for text in ("city,visits\nOslo,3\n", "city,visits\nOslo,4\n"):
        (tmp_path / "a.csv").write_text(text)
        datasets.register_dataset(tmp_path / "a.csv")
    for content in (b"\x00", b"\x00\x01"):
        (tmp_path / "b.bin").write_bytes(content)
        datasets.register_dataset(tmp_path / "b.bin")

    assert datasets.diff_versions("a@v1", "a@v2", key="city").changes[0].values == {"visits": (3, 4)}
    diff = datasets.diff_versions("b@v1", "b@v2")
    assert (diff.same, diff.bytes_before, diff.bytes_after) == (False, 1, 2)
    assert "no tables" in diff.notes[0]


def test_what_can_not_be_compared_is_told(datasets, sales, tmp_path):
    datasets.register_dataset(sales, "sales")
    datasets.register_dataset(pd.concat([sales, sales[:1]]).reset_index(drop=True), "sales")
    (tmp_path / "folder").mkdir()
    datasets.register_dataset(tmp_path / "folder")

    with pytest.raises(
        Invalid, match="of sales@v2 have a key that another row has too, such as city = 'Oslo'"
    ):
        datasets.diff_versions("sales@v1", "sales@v2", key="city")
    with pytest.raises(NotFound, match="sales@v1 has no column 'cty' to be the key") as failed:
        datasets.diff_versions("sales@v1", "sales@v2", key=["cty"])
    assert failed.value.details == {"field": "key", "near": ["city"]}
    with pytest.raises(Invalid, match="sales@v1 is a table and folder@v1 a folder"):
        datasets.diff_versions("sales@v1", "folder")
    with pytest.raises(NotFound, match="no dataset 'sale'"):
        datasets.diff_versions("sale", "sales")
    datasets.register_dataset(sales.rename(columns=str.upper), "sales")
    apart = datasets.diff_versions("sales@v1", "sales@v3")
    assert apart.rows_added is None and "no column that both have" in apart.notes[0]
    datasets.register_dataset(sales[:0], "sales")
    assert datasets.diff_versions("sales@v1", "sales@v4").rows_removed == 3
    assert datasets.diff_versions("sales@v4", "sales@v1", key="city").rows_added == 3


@pytest.mark.newest
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_two_thousand_columns(datasets):
    table = pa.table({f"c{number}": [1, 2, 3] for number in range(2_000)})
    datasets.register_dataset(table, "wide")
    datasets.register_dataset(table.set_column(7, "c7", [pa.array([1, 2, 4])]), "wide")

    diff = datasets.diff_versions("wide@v1", "wide@v2")

    assert [each.name for each in diff.columns] == ["c7"] and diff.rows_changed == 1


@pytest.mark.parametrize("key", [None, "id"])
def test_a_diff_tells_how_far_it_is_and_ends_where_it_is_told_to(datasets, key):
    for factor in (1, 2):
        table = {
            "id": np.arange(100),
            **{f"x{number}": np.arange(100) * factor + number for number in range(5)},
        }
        datasets.register_dataset(pa.table(table), "wide")
    told: list[float] = []

    datasets.diff_versions("wide@v1", "wide@v2", key=key, progress=told.append)

    assert told == sorted(told) and len(told) >= 10 and told[0] > 0 and told[-1] <= 1

    def enough(share):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        datasets.diff_versions("wide@v1", "wide@v2", key=key, progress=enough)


def test_statistics_that_differ_are_told_as_counts_and_times(datasets):
    before = pd.DataFrame(
        {
            "when": pd.date_range("2026-01-01", periods=4),
            "took": pd.to_timedelta([1, 2, 3, 4], unit="h"),
            "price": [1.0, 2.0, 3.0, 4.0],
        }
    )
    after = before.assign(
        when=before["when"] + pd.Timedelta(days=1), took=before["took"] * 3, price=[1.0, 2.0, 2.0, 4.5]
    )
    datasets.register_dataset(before, "sales")
    datasets.register_dataset(after, "sales")

    told = {
        each.name: each.listed()["statistics"]
        for each in datasets.diff_versions("sales@v1", "sales@v2").columns
    }

    assert told == {
        "when": "mean 2026-01-02 12:00:00 → 2026-01-03 12:00:00, minimum 2026-01-01 00:00:00 → "
        "2026-01-02 00:00:00, median 2026-01-02 00:00:00 → 2026-01-03 00:00:00",
        "took": "mean 2.5 h → 7.5 h, std 77.5 min → 3.87 h, minimum 60 min → 3 h",
        "price": "distinct 4 → 3, mean 2.5 → 2.375, std 1.29099 → 1.49304",
    }

"""Files of text as tables: their columns have types that every row fits, and what is no text is told."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from nbproof.core.errors import Invalid
from nbproof.core.serving import serving
from nbproof.datasets.service import DataVersionControl
from nbproof.datasets.text_types import json_schema

# More than Arrow looks at before it guesses.
EARLY = 200_000


def write_late(path: Path, early: Any, late: Any) -> None:
    with path.open("w") as file:
        if path.suffix == ".jsonl":
            file.writelines([json.dumps({"v": early, "n": 1}) + "\n"] * EARLY)
            file.write(json.dumps({"v": late, "n": 2}) + "\n")
        else:
            file.writelines(["v,n\n", *[f"{early},1\n"] * EARLY, f"{late},2\n"])


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize(
    ("early", "late", "kind", "first", "last"),
    [
        ("7", "1.5", "double", 7.0, 1.5),
        ("007", "A1", "string", "007", "A1"),
        ("1.50", "x", "string", "1.50", "x"),
        ("true", "perhaps", "string", "true", "perhaps"),
        ("true", "0", "bool", True, False),
        ("", "4", "int64", None, 4),
        ("", "A1", "string", None, "A1"),
        ("2024-01-01", "2024-01-01 10:00:00", "timestamp[s]", None, None),
        ("0x10", "1.5", "string", "0x10", "1.5"),
        ('"a, ""b""\nc"', '"d\ne"', "string", 'a, "b"\nc', "d\ne"),
    ],
)
def test_a_column_of_csv_has_a_type_that_its_last_value_fits_too(
    datasets, tmp_path, reference, early, late, kind, first, last
):
    write_late(tmp_path / "late.csv", early, late)
    version = datasets.register_dataset(tmp_path / "late.csv", reference=reference)

    handle = datasets.get_dataset("late")
    table = handle.to_arrow()
    assert [str(each) for each in table.schema.types] == [kind, "int64"] and len(table) == EARLY + 1
    assert table.schema == handle.schema == handle.to_arrow(columns=["v", "n"]).schema
    if last is not None:
        assert (table["v"][0].as_py(), table["v"][-1].as_py()) == (first, last)
    assert [str(each.type) for each in handle.profile] == [kind, "int64"]
    assert len(handle.to_pandas()) == EARLY + 1
    if reference:
        assert [field.type for field in version.fields] == [kind, "int64"] and version.rows == EARLY + 1


def test_polars_and_duckdb_are_given_the_wider_types_too(datasets, tmp_path):
    pytest.importorskip("polars")
    write_late(tmp_path / "late.csv", "1", "A1")
    datasets.register_dataset(tmp_path / "late.csv")
    handle = datasets.get_dataset("late")
    assert handle.to_polars()["v"][-1] == "A1"
    assert handle.relation().filter("v = 'A1'").fetchall() == [("A1", 2)]


@pytest.mark.parametrize(
    ("early", "late", "kind"),
    [
        (1, 1.5, "double"),
        (None, "x", "string"),
        ("2024-01-01", "soon", "string"),
        ({"a": 1}, {"a": 2.5, "b": "x"}, "struct<a: double, b: string>"),
        ([], [1], "list<item: int64>"),
    ],
)
def test_a_column_of_json_lines_has_a_type_that_its_last_value_fits_too(
    datasets, tmp_path, early, late, kind
):
    write_late(tmp_path / "late.jsonl", early, late)
    datasets.register_dataset(tmp_path / "late.jsonl")

    table = datasets.get_dataset("late").to_arrow()
    assert (str(table.schema.field("v").type), len(table)) == (kind, EARLY + 1)
    assert table["v"][-1].as_py() == late
    assert datasets.get_dataset("late").to_arrow(columns=["n"])["n"].to_pylist()[-1] == 2


def test_a_name_that_only_later_lines_of_json_have_is_a_column(datasets, tmp_path):
    (tmp_path / "late.jsonl").write_text('{"a": 1}\n' * EARLY + '{"a": 2, "b": "new"}\n')
    datasets.register_dataset(tmp_path / "late.jsonl")
    table = datasets.get_dataset("late").to_arrow()
    assert table.slice(EARLY - 1).to_pylist() == [{"a": 1, "b": None}, {"a": 2, "b": "new"}]


def test_numbers_and_texts_in_one_column_of_json_lines_are_told(datasets, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "a.jsonl").write_text('{"v": {"w": "x"}}\n')
    (folder / "b.jsonl").write_text('{"v": {"w": 1}}\n')
    words = "can't be read as JSON lines: 'v.w' is string in some rows and int64 in others"
    with pytest.warns(UserWarning, match=words):
        datasets.register_dataset(folder)
    with pytest.raises(Invalid, match=words):
        datasets.get_dataset("mixed").to_arrow()


def test_a_line_of_json_may_be_longer_than_what_is_read_at_once(tmp_path):
    (tmp_path / "long.jsonl").write_text(json.dumps({"a": "x" * 10_000_000}) + "\n" + '{"a": "y"}')
    assert json_schema([(tmp_path / "long.jsonl").open("rb")]) == pa.schema([("a", pa.string())])


def test_the_files_of_a_folder_agree_on_a_type_for_each_column(datasets, tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "a.csv").write_text("code,n\n")
    (folder / "b.csv").write_text("code,n\n1,1\n")
    (folder / "c.csv").write_text("code,n\nA1,1.5\n")
    datasets.register_dataset(folder)
    assert datasets.get_dataset("parts").to_pandas().to_dict("list") == {"code": ["1", "A1"], "n": [1.0, 1.5]}


def test_wider_types_are_those_of_diffs_downloads_and_statistics(datasets, tmp_path):
    write_late(tmp_path / "late.csv", "1", "A1")
    datasets.register_dataset(tmp_path / "late.csv")
    write_late(tmp_path / "late.csv", "1", "B1")
    datasets.register_dataset(tmp_path / "late.csv")

    diff = datasets.diff_versions("late@v1", "late@v2")
    assert (diff.rows_changed, diff.columns_retyped) == (1, [])
    assert datasets.summarize_columns("late").rows == EARLY + 1
    with datasets.content_of("late", format="csv").stream as stream:
        assert pd.read_csv(stream, dtype=str)["v"].iloc[-1] == "B1"
    assert datasets.detect_drift("late@v1", "late@v2").columns[0].name == "v"


NOT_UTF8 = {
    "header.csv": "città,v\nForlì,1\n".encode("latin-1"),
    "value.csv": "citta,v\nForlì,1\n".encode("latin-1"),
    "late.csv": ("citta,v\n" + "Roma,1\n" * EARLY + "Forlì,1\n").encode("latin-1"),
    "name.jsonl": '{"città": 1}\n'.encode("latin-1"),
    "value.jsonl": '{"a": {"b": ["Forlì"]}}\n'.encode("latin-1"),
}


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("name", NOT_UTF8)
@pytest.mark.filterwarnings("ignore:nbproof")
def test_text_that_is_not_utf8_is_kept_and_says_so_when_rows_are_asked_for(
    datasets, tmp_path, name, reference
):
    (tmp_path / name).write_bytes(NOT_UTF8[name])
    version = datasets.register_dataset(tmp_path / name, "latin", reference=reference)
    assert (version.fields, version.rows) == ([], None)

    handle = datasets.get_dataset("latin")
    asked = [
        handle.to_pandas,
        handle.to_polars,
        lambda: handle.schema,
        lambda: handle.profile,
        lambda: datasets.summarize_columns("latin"),
        lambda: datasets.content_of("latin", format="parquet"),
    ]
    for each in asked:
        with pytest.raises(Invalid, match=r"latin@v1 can't be read as .*: not UTF-8 \(convert it to UTF-8"):
            each()
    assert handle.path().read_bytes() == NOT_UTF8[name]


UNREADABLE = {
    "garbage.parquet": b"garbage",
    "garbage.feather": b"garbage",
    "ragged.csv": b"a,b\n1,2,3\n",
    "empty.csv": b"",
    "broken.jsonl": b'{"a": \n',
    **{name: content for name, content in NOT_UTF8.items() if name != "late.csv"},
}


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("name", UNREADABLE)
def test_whoever_registers_rows_that_can_not_be_read_is_warned(datasets, tmp_path, name, reference):
    (tmp_path / name).write_bytes(UNREADABLE[name])
    with pytest.warns(UserWarning, match=f"{name} can't be read as .*without columns and statistics"):
        version = datasets.register_dataset(tmp_path / name, "it", reference=reference)
    assert len(version.notes) == 1 and f"{name} can't be read as" in str(version)
    assert datasets.describe("it").notes == []


@pytest.mark.parametrize("reference", [False, True])
def test_a_file_of_a_folder_that_can_not_be_read_is_warned_of(datasets, tmp_path, reference):
    folder = tmp_path / "parts"
    folder.mkdir()
    pd.DataFrame({"a": [1]}).to_parquet(folder / "a.parquet")
    (folder / "b.parquet").write_bytes(b"garbage")
    with pytest.warns(UserWarning, match="parts can't be read as Parquet"):
        datasets.register_dataset(folder, reference=reference)


def test_the_answer_of_a_server_says_what_can_not_be_read(datasets, content, tmp_path, clock):
    (tmp_path / "bad.csv").write_text("a,b\n1,2,3\n")
    served = DataVersionControl(
        datasets._repository, lambda: content, tmp_path / "copies", clock=clock, root=tmp_path
    )
    with serving(tmp_path), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        version = served.register_dataset("bad.csv", reference=True)
    assert "bad.csv can't be read as CSV: Row #2: Expected 2 columns, got 3" in version.notes[0]


def test_what_was_found_of_a_file_is_not_looked_for_again(datasets, tmp_path):
    write_late(tmp_path / "late.csv", "1", "A1")
    datasets.register_dataset(tmp_path / "late.csv")
    found = datasets.get_dataset("late").schema
    datasets.get_dataset("late").path().unlink()  # the copy, of which nothing is read
    assert datasets.get_dataset("late").schema == found

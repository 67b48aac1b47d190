"""Datasets: registered, named, read back, compared by their digests, deleted."""

import json
import os
import threading
import weakref
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal

from nbproof.core.errors import Conflict, Invalid, NotFound, Unavailable
from nbproof.datasets.repository import DatasetRepository
from nbproof.datasets.service import DataVersionControl
from nbproof.lineage.domain import Node
from nbproof.storage.content.columns import SLAB_ROWS
from nbproof.storage.content.ends import FileSystemStorage
from nbproof.storage.content.index import DAMAGED, ContentIndex
from nbproof.storage.content.store import ContentStore
from nbproof.storage.database import open_database


@pytest.fixture
def sales() -> pd.DataFrame:
    return pd.DataFrame(
        {"city": ["Oslo", "Rome", None], "visits": [3, 5, 8], "share": [0.1, np.nan, 0.3]},
        index=pd.Index([10, 20, 30], name="key"),
    )


def pack_bytes(content):
    return sum(size for _, size, _ in content.end.packs())


def wide(rows, seed=0):
    chance = np.random.default_rng(seed)
    return pa.table(
        {
            "number": chance.normal(size=rows),
            "whole": chance.integers(0, 1000, rows),
            "word": pa.array(chance.choice(np.array(["alpha", "beta", "gamma"]), rows)),
        }
    )


def test_a_frame_comes_back_exactly(datasets, sales):
    version = datasets.register_dataset(sales, "sales", description="of May", tags={"owner": "ann"})

    assert (version.name, version.kind, version.rows, version.columns) == ("sales@v1", "table", 3, 4)
    assert (version.description, version.tags) == ("of May", {"owner": "ann"})
    handle = datasets.get_dataset("sales@v1")
    assert_frame_equal(handle.to_pandas(), sales)
    assert_frame_equal(handle.to_object(), sales)
    assert handle.relation().aggregate("sum(visits)").fetchall() == [(16,)]
    assert len(handle) == 3


def test_a_frame_is_read_as_one_of_polars(datasets, sales):
    pytest.importorskip("polars")
    datasets.register_dataset(sales, "sales")

    assert datasets.get_dataset("sales").to_polars()["visits"].to_list() == [3, 5, 8]


def test_without_polars_it_is_said_what_to_install(datasets, sales, monkeypatch):
    datasets.register_dataset(sales, "sales")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(Unavailable, match="polars is not installed") as failed:
        datasets.get_dataset("sales").to_polars()
    assert "pip install polars" in (failed.value.hint or "")


def test_only_the_columns_that_are_asked_for_are_read(datasets, sales):
    datasets.register_dataset(sales, "sales")
    handle = datasets.get_dataset("sales")

    assert handle.to_arrow(["visits", "city"]).column_names == ["visits", "city"]
    with pytest.raises(NotFound, match="no column 'visit'") as failed:
        handle.to_arrow(["visit"])
    assert failed.value.hint == "did you mean 'visits'?"


def test_unchanged_content_makes_no_version_and_says_so(datasets, content, sales):
    first = datasets.register_dataset(sales, "sales")
    before = pack_bytes(content)

    again = datasets.register_dataset(sales.copy(), "sales", tags={"seen": "twice"})

    assert again.unchanged and again.version == 1 and again.tags == {"seen": "twice"}
    assert "unchanged" in str(again)
    assert pack_bytes(content) == before
    changed = datasets.register_dataset(sales.assign(visits=[3, 5, 9]), "sales")
    assert (changed.version, changed.unchanged) == (2, False)
    # What was there before the latest is a new version again, and costs next to nothing.
    back = datasets.register_dataset(sales, "sales")
    assert (back.version, back.digest) == (3, first.digest)


def test_of_a_changed_table_only_what_changed_is_kept(datasets, content):
    table = wide(400_000)
    first = datasets.register_dataset(table, "big")
    edited = table.set_column(1, "whole", pa.array(np.arange(400_000)))

    second = datasets.register_dataset(edited, "big")
    third = datasets.register_dataset(edited.append_column("more", table["number"]), "big")

    assert second.new_bytes < first.new_bytes / 2
    assert third.new_bytes < 20_000  # the column is another's content
    assert datasets.get_dataset("big@v1").to_arrow().equals(table)
    assert datasets.get_dataset("big@v2").to_arrow().equals(edited)


def test_inserted_rows_leave_most_slabs_as_they_are(datasets):
    table = wide(SLAB_ROWS * 3)
    first = datasets.register_dataset(table, "big")
    middle = SLAB_ROWS // 2
    inserted = pa.concat_tables([table.slice(0, middle), wide(1000, 1), table.slice(middle)])

    second = datasets.register_dataset(inserted, "big")

    assert second.new_bytes < first.new_bytes / 10
    assert datasets.get_dataset("big").to_arrow().equals(inserted)


def test_how_rows_come_in_batches_says_nothing(datasets):
    table = wide(SLAB_ROWS * 2)
    first = datasets.register_dataset(table, "big")

    batches = table.to_batches(max_chunksize=37_777)
    streamed = datasets.register_dataset(pa.RecordBatchReader.from_batches(table.schema, batches), "big")

    assert (streamed.rows, streamed.size_bytes) == (first.rows, first.size_bytes)
    assert streamed.new_bytes < 5_000


@pytest.mark.parametrize(
    "reference", ["sales@v1", "sales@prod", "sales@2026-11-18", "DIGEST", "SHORT"]
)  # fmt: skip
def test_a_version_has_several_names(datasets, clock, sales, reference):
    first = datasets.register_dataset(sales, "sales", aliases=["prod"])
    clock.advance(3 * 86_400)
    datasets.register_dataset(sales.head(2), "sales")
    named = reference.replace("DIGEST", first.digest[:10]).replace("SHORT", first.id[-6:])

    assert datasets.get_dataset(named).version.version == 1
    assert datasets.get_dataset("sales").version.version == 2
    assert datasets.get_dataset("sales@latest").version.version == 2


@pytest.mark.parametrize(
    ("reference", "error", "words", "hint"),
    [
        ("slaes", NotFound, "no dataset 'slaes'", "did you mean 'sales'?"),
        ("sales@v7", NotFound, "no version v7", "its latest is v1"),
        ("sales@prdo", NotFound, "no alias 'prdo'", "did you mean 'prod'?"),
        ("sales@2020-01-01", NotFound, "no version then", "its latest is v1"),
        ("sales@2020-13-01", Invalid, "is no date", None),
        ("sales@?!", Invalid, "names no version", None),
        ("", Invalid, "needs a name", None),
    ],
)
def test_an_unknown_version_is_told_with_what_there_is(datasets, sales, reference, error, words, hint):
    datasets.register_dataset(sales, "sales", aliases=["prod"])

    with pytest.raises(error, match=words) as failed:
        datasets.get_dataset(reference)
    assert hint is None or hint in (failed.value.hint or "")


def test_an_alias_moves(datasets, sales):
    datasets.register_dataset(sales, "sales", aliases=["prod"])
    datasets.register_dataset(sales.head(1), "sales")

    assert datasets.set_alias("sales@v2", "prod").aliases == ["prod"]

    assert datasets.describe("sales@v1").aliases == []
    for wrong in ("v3", "latest", "1st", "a b", ""):
        with pytest.raises(Invalid, match="can't be an alias"):
            datasets.set_alias("sales", wrong)


def test_one_text_is_one_alias(datasets, sales):
    datasets.register_dataset(sales, "sales", aliases=["p", "r"])

    second = datasets.register_dataset(sales.head(1), "sales", aliases="prod")

    assert second.aliases == ["prod"] and datasets.describe("sales@v1").aliases == ["p", "r"]


@pytest.mark.parametrize(
    ("given", "field"),
    [({"aliases": 3}, "alias"), ({"aliases": [None]}, "alias"), ({"aliases": ["a b"]}, "alias"),
     ({"tags": ["prod"]}, "tags"), ({"tags": "prod"}, "tags")],
)  # fmt: skip
def test_aliases_and_tags_that_are_none_are_refused_and_nothing_is_registered(datasets, sales, given, field):
    with pytest.raises(Invalid) as refused:
        datasets.register_dataset(sales, "sales", **given)
    assert refused.value.details["field"] == field and len(datasets.list_datasets()) == 0


@pytest.mark.parametrize("reference", [5, None, ["sales"], b"sales", 1.5])
def test_what_is_no_text_names_no_version(datasets, sales, reference):
    datasets.register_dataset(sales, "sales")
    for ask in (datasets.get_dataset, datasets.describe, datasets.get_lineage, datasets.delete_dataset):
        with pytest.raises(Invalid, match="a version is named by a text, found"):
            ask(reference)


@pytest.mark.parametrize("name", ["sales/2026.v1", "größe 🎈", "a" * 200])
def test_names_may_have_nearly_everything(datasets, sales, name):
    assert datasets.register_dataset(sales, name).name == f"{name}@v1"
    assert datasets.get_dataset(f"{name}@v1").version.dataset == name


@pytest.mark.parametrize("name", ["", " ", "a@b", "a\nb", " a", "a" * 201, "a\0b", 3])
def test_a_name_that_could_not_be_said_again_is_refused(datasets, sales, name):
    with pytest.raises(Invalid):
        datasets.register_dataset(sales, name)
    assert len(datasets.list_datasets()) == 0


@pytest.mark.parametrize("thing", [3, object(), None, {"a": [1]}, [1, 2]])
def test_what_is_no_table_is_refused(datasets, content, thing):
    with pytest.raises(Invalid):
        datasets.register_dataset(thing, "x")
    assert list(content.end.packs()) == [] and len(datasets.list_datasets()) == 0


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame({"a": []}), pd.DataFrame(index=[1, 2])])
def test_empty_frames_come_back(datasets, frame):
    datasets.register_dataset(frame, "empty")

    assert_frame_equal(datasets.get_dataset("empty").to_pandas(), frame)


def test_a_dictionary_with_a_null_among_its_values_comes_back(datasets):
    coded = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0]), pa.array(["a", None]))
    table = pa.table({"plain": coded, "nested": pa.ListArray.from_arrays([0, 2, 2, 3, 4], coded)})
    datasets.register_dataset(table, "coded")
    found = datasets.get_dataset("coded").to_arrow()
    assert found.schema == table.schema and found.to_pylist() == table.to_pylist()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1, None], None], pa.list_(pa.field("item", pa.int64()))),
        pa.array([{"a": ["x"]}, None], pa.struct([("a", pa.large_list(pa.field("part", pa.string())))])),
        pa.array([Decimal(100), None], pa.decimal128(7, -2)),
        pa.array([[Decimal(100)], None], pa.list_(pa.decimal128(7, -2))),
        pa.array([], pa.large_string()).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
def test_types_come_back_to_the_names_of_their_items_and_their_profiles_with_them(datasets, column):
    table = pa.table({"x": column})
    datasets.register_dataset(table, "typed")
    found = datasets.get_dataset("typed")
    schema, batches = found.batches()
    told = {str(each.schema.field(0).type) for each in batches} or {str(column.type)}
    assert told == {str(schema.field(0).type)} == {str(column.type)} == {found.profile[0].type}
    assert found.to_arrow().to_pylist() == table.to_pylist()


@pytest.mark.newest
def test_two_thousand_columns_come_back(datasets):
    table = pa.table({f"c{number}": [number, number + 1] for number in range(2000)})

    datasets.register_dataset(table, "wide")

    assert datasets.get_dataset("wide").to_arrow().equals(table)
    assert datasets.get_dataset("wide").to_arrow(["c7"]).to_pydict() == {"c7": [7, 8]}


@pytest.mark.newest
def test_a_text_of_100_megabytes_comes_back(datasets):
    table = pa.table({"text": pa.array(["x" * 100_000_000, "short"], pa.large_string())})

    datasets.register_dataset(table, "text")

    assert datasets.get_dataset("text").to_arrow().equals(table)


def test_statistics_are_kept_with_the_version(datasets, sales):
    datasets.register_dataset(sales, "sales")

    told = datasets.get_dataset("sales").statistics

    assert told.loc["visits", ["min", "median", "max", "missing"]].tolist() == [3, 5, 8, 0]
    assert told.loc["city", "missing"] == 1
    (city, visits, *_) = datasets.summarize_columns("sales").columns
    assert (city.name, city.distinct) == ("city", 2)
    assert sum(visits.bars) == 3 and visits.edges[0] == 3 and visits.edges[-1] == 8


def test_statistics_of_times_are_times(datasets):
    times = pd.to_datetime(["2026-01-01 10:00", "2026-01-03 10:00", "NaT", "2026-01-02 10:00"])
    frame = pd.DataFrame(
        {
            "when": times,
            "there": times.tz_localize("Europe/Rome"),
            "day": pd.Series([date(2026, 1, 1), date(2026, 1, 2)] * 2, dtype=pd.ArrowDtype(pa.date32())),
            "took": pd.to_timedelta([1, 3, None, 2], unit="h"),
            "at": pd.Series([time(1), time(3), None, time(2)], dtype=pd.ArrowDtype(pa.time64("us"))),
            "price": [1.0, 2.0, 3.0, 4.0],
        }
    )
    datasets.register_dataset(frame, "times")

    told = datasets.get_dataset("times").statistics

    assert told.loc["when", ["min", "median", "mean", "max"]].tolist() == [
        pd.Timestamp(f"2026-01-0{day} 10:00") for day in (1, 2, 2, 3)
    ]
    assert told.loc["when", "std"] == pd.Timedelta(days=1)
    assert told.loc["there", "max"] == pd.Timestamp("2026-01-03 10:00", tz="Europe/Rome")
    assert str(told.loc["there", "max"].tz) == "Europe/Rome"
    assert told.loc["day", "min"] == pd.Timestamp("2026-01-01")
    assert told.loc["took", ["min", "max"]].tolist() == [pd.Timedelta(hours=1), pd.Timedelta(hours=3)]
    assert told.loc["at", ["min", "median", "max"]].tolist() == [time(1), time(2), time(3)]
    assert told.loc["price", "mean"] == 2.5
    assert "2026-01-03 10:00" in told.to_string() and "e+15" not in told.to_string()


def test_statistics_of_many_slabs_are_those_of_the_whole(datasets):
    table = wide(SLAB_ROWS * 2)
    datasets.register_dataset(table, "big")

    told = datasets.get_dataset("big").statistics

    numbers = table["number"].to_numpy()
    assert told.loc["number", "mean"] == pytest.approx(numbers.mean())
    assert told.loc["number", "std"] == pytest.approx(numbers.std(ddof=1))
    assert told.loc["number", "median"] == pytest.approx(np.median(numbers), abs=0.01)
    assert told.loc["word", "distinct"] == 3


# -- files and folders -------------------------------------------------------------------------------------


def test_a_file_comes_back_byte_for_byte(datasets, tmp_path):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "sales.csv"
    path.write_bytes(b"city,visits\nOslo,3\nRome,5\n")

    version = datasets.register_dataset(path)

    assert (version.name, version.kind, version.source) == ("sales@v1", "file", str(path))
    handle = datasets.get_dataset("sales")
    assert handle.path().read_bytes() == path.read_bytes()
    assert handle.path().name == "sales.csv"
    assert handle.checkout(tmp_path / "out").read_bytes() == path.read_bytes()
    assert handle.to_pandas()["visits"].tolist() == [3, 5]
    assert handle.schema.names == ["city", "visits"]
    assert handle.statistics.loc["visits", "max"] == 5
    with pytest.raises(Conflict, match="is there already"):
        handle.checkout(tmp_path / "out")
    handle.checkout(tmp_path / "out", force=True)
    # The same bytes under another name are the same content.
    path.rename(path.with_name("other.csv"))
    assert datasets.register_dataset(path.with_name("other.csv"), "sales").unchanged


def test_equal_files_have_their_own_names_where_they_are_copied(datasets, tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("word\nyes\n")
        datasets.register_dataset(tmp_path / name)

    assert [datasets.get_dataset(name).path().name for name in ("a", "b")] == ["a.csv", "b.csv"]
    assert datasets.get_dataset("a").path().read_text() == datasets.get_dataset("b").path().read_text()


def test_a_folder_of_files_of_rows_is_read_as_one_table(datasets, tmp_path):
    folder = tmp_path / "parts"
    (folder / "more").mkdir(parents=True)
    for number, name in enumerate(["a.jsonl", "b.jsonl", "more/c.jsonl", "_done", ".hidden"]):
        (folder / name).write_text(f'{{"n": {number}}}\n')
    datasets.register_dataset(folder)

    assert datasets.get_dataset("parts").to_pandas()["n"].tolist() == [0, 1, 2]
    assert datasets.get_dataset("parts").profile[0].rows == 3
    (folder / "notes.txt").write_text("no rows")
    datasets.register_dataset(folder)
    with pytest.raises(Invalid, match="no table"):
        datasets.get_dataset("parts").to_pandas()


def test_a_parquet_file_is_kept_as_it_is_and_read_by_column(datasets, tmp_path):
    pq.write_table(wide(1000), tmp_path / "t.parquet")

    datasets.register_dataset(tmp_path / "t.parquet", "t")

    assert datasets.get_dataset("t").to_arrow(["whole"]).equals(wide(1000).select(["whole"]))


def test_what_is_no_table_says_so_when_rows_are_asked_for(datasets, tmp_path):
    (tmp_path / "notes.bin").write_bytes(b"\0\1\2")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and then nothing")
    datasets.register_dataset(tmp_path / "notes.bin")
    with pytest.warns(UserWarning, match="kept as it is, without columns"):
        datasets.register_dataset(tmp_path / "broken.parquet")

    with pytest.raises(Invalid, match="no table"):
        datasets.get_dataset("notes").to_pandas()
    with pytest.raises(Invalid, match="can't be read as Parquet: Parquet magic bytes not found") as refused:
        datasets.get_dataset("broken").to_pandas()
    assert str(datasets.get_dataset("broken").path()) not in str(refused.value)
    assert datasets.get_dataset("broken").path().read_bytes() == b"PAR1 and then nothing"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    (root / "deep" / "empty").mkdir(parents=True)
    (root / "a.txt").write_bytes(b"a")
    (root / "größe 🎈.bin").write_bytes(os.urandom(200_000))
    (root / "deep" / "b.txt").write_bytes(b"")
    return root


def test_a_folder_comes_back_with_all_that_is_in_it(datasets, folder, tmp_path):
    version = datasets.register_dataset(folder)

    assert (version.kind, version.files, version.size_bytes) == ("folder", 3, 200_001)
    handle = datasets.get_dataset("pictures")
    assert sorted(handle.files()) == [("a.txt", 1), ("deep/b.txt", 0), ("größe 🎈.bin", 200_000)]
    out = handle.checkout(tmp_path / "out")
    found = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    was = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == was
    assert (out / "deep" / "empty").is_dir()
    assert handle.path().is_dir()
    assert datasets.register_dataset(folder).unchanged
    (folder / "a.txt").write_bytes(b"b")
    changed = datasets.register_dataset(folder)
    assert changed.version == 2 and changed.new_bytes < 5_000


def test_a_link_that_leads_in_a_circle_is_told(datasets, content, folder):
    (folder / "deep" / "loop").symlink_to(folder)

    with pytest.raises(Invalid, match="a link to a folder that holds it"):
        datasets.register_dataset(folder)
    assert pack_bytes(content) <= 32


NO_COLUMNS = {
    "range": lambda: pd.DataFrame(index=range(5)),
    "steps": lambda: pd.DataFrame(index=pd.RangeIndex(3, 13, 2)),
    "arrow": lambda: pa.table({"a": pa.nulls(5)}).select([]),
    "reader": lambda: pa.table({"a": pa.nulls(5)}).select([]).to_reader(),
    "numpy": lambda: np.empty((5, 0)),
}


@pytest.mark.parametrize("kind", NO_COLUMNS)
def test_a_table_without_columns_has_rows(datasets, kind):
    version = datasets.register_dataset(NO_COLUMNS[kind](), "bare")

    assert (version.rows, version.columns, "5 rows, 0 columns" in str(version)) == (5, 0, True)
    handle = datasets.get_dataset("bare")
    assert len(handle) == handle.to_arrow().num_rows == len(handle.to_pandas()) == 5
    assert sum(len(batch) for batch in handle.batches()[1]) == 5
    assert datasets.summarize_columns("bare").rows == 5 and handle.statistics.empty
    more = datasets.register_dataset(pd.DataFrame(index=range(6)), "bare")
    diff = datasets.diff_versions("bare@v1", more)
    assert (diff.rows_before, diff.rows_after, diff.same) == (5, 6, False)
    contract = {"min_rows": 6, "on_breach": "refuse"}
    with pytest.raises(Invalid, match="bare breaks its contract: 5 rows"):
        datasets.register_dataset(NO_COLUMNS[kind](), "bare", contract=contract)


def test_many_rows_without_columns_come_back(datasets):
    frame = pd.DataFrame(index=range(3_000_001))
    assert datasets.register_dataset(frame, "bare").rows == 3_000_001
    pd.testing.assert_frame_equal(datasets.get_dataset("bare").to_pandas(), frame)


@pytest.mark.parametrize("reference", [False, True])
def test_a_link_that_leads_nowhere_is_told_as_one(datasets, tmp_path, folder, reference):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "there").symlink_to(tmp_path / "back")
    (tmp_path / "back").symlink_to(tmp_path / "there")
    (tmp_path / "dangling").symlink_to("gone")
    for name, words in (
        ("loop", "loop' is a link that leads back to itself"),
        ("there", "there' is a link that leads back to itself"),
        ("dangling", "dangling' is a link that leads nowhere: to 'gone'"),
    ):
        with pytest.raises(NotFound, match=words) as refused:
            datasets.register_dataset(tmp_path / name, reference=reference)
        assert "did you mean" not in str(refused.value)
        (folder / "link").symlink_to(tmp_path / name)
        with pytest.raises(Invalid, match="pictures/link' is a link that leads"):
            datasets.register_dataset(folder, reference=reference)
        (folder / "link").unlink()


@pytest.mark.parametrize("reference", [False, True])
def test_what_a_workspace_writes_to_is_no_dataset_and_left_out_of_folders(datasets, tmp_path, reference):
    project = tmp_path / "project"
    own = project / ".nbproof"
    for path in (own / "meta.db", own / "content" / "packs" / "a.pack", project / "rows.csv"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a\n1\n")
    (project / "deep").mkdir()
    (project / "deep" / "link").symlink_to(own)
    for path in (own, own / "content", own / "meta.db", project / "deep" / "link"):
        with pytest.raises(Invalid, match="is where a workspace keeps its records and content"):
            datasets.register_dataset(path, "own", reference=reference)

    datasets.register_dataset(project, reference=reference)
    assert [path for path, _ in datasets.get_dataset("project").files()] == ["rows.csv"]


def test_the_copy_of_a_version_can_be_registered(datasets, tmp_path):
    copy = tmp_path / ".nbproof" / "content" / "copies" / "digest" / "rows.csv"
    copy.parent.mkdir(parents=True)
    copy.write_text("a\n1\n")
    assert datasets.register_dataset(copy, "again").version == 1


@pytest.mark.parametrize("trouble", ["dangling", "pipe", "unreadable"])
def test_what_can_not_be_read_is_named(datasets, content, folder, trouble):
    path = folder / "x"
    if trouble == "dangling":
        path.symlink_to(folder / "nothing")
    elif trouble == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(b"secret")
        path.chmod(0)

    with pytest.raises(Invalid, match="/x"):
        datasets.register_dataset(folder)
    assert len(datasets.list_datasets()) == 0


def test_a_file_that_changes_while_it_is_read_is_not_registered(datasets, tmp_path, monkeypatch):
    path = tmp_path / "growing.txt"
    path.write_bytes(b"x" * 300_000)
    from nbproof.storage.content.chunking import pieces

    def meanwhile(read, *more):
        with path.open("ab") as file:
            file.write(b"more")
        return pieces(read, *more)

    monkeypatch.setattr("nbproof.storage.content.store.pieces", meanwhile)

    with pytest.raises(Conflict, match=r"growing\.txt changed while being read"):
        datasets.register_dataset(path)
    assert len(datasets.list_datasets()) == 0


def test_a_file_that_grew_adds_what_is_new(datasets, tmp_path):
    path = tmp_path / "growing.txt"
    lines = b"".join(b"%d,%d\n" % (row, row * row) for row in range(200_000))
    path.write_bytes(lines)
    first = datasets.register_dataset(path)
    path.write_bytes(lines[:1_000_000] + b"9,9\n" + lines[1_000_000:] + b"10,10\n")
    second = datasets.register_dataset(path)

    assert (second.version, second.size_bytes) == (2, first.size_bytes + 10)
    assert second.new_bytes < first.new_bytes / 5
    assert datasets.get_dataset("growing@v2").path().read_bytes() == path.read_bytes()
    assert datasets.get_dataset("growing@v1").path().read_bytes() == lines


def test_of_a_file_that_grew_only_what_is_new_is_looked_through(datasets, tmp_path, monkeypatch):
    from nbproof.storage.content import chunking

    path, looked = tmp_path / "growing.txt", []
    path.write_bytes(b"".join(b"%d,%d\n" % (row, row * row) for row in range(300_000)))
    datasets.register_dataset(path)
    with path.open("ab") as file:
        file.write(b"1,1\n")

    def counted(data, cut=chunking.cut):
        looked.append(len(data))
        return cut(data)

    monkeypatch.setattr(chunking, "cut", counted)
    assert datasets.register_dataset(path).version == 2
    assert sum(looked) < path.stat().st_size / 3


@pytest.mark.parametrize("kind", ["file", "table"])
def test_where_the_version_before_is_lost_the_next_is_taken_in_whole(datasets, content, tmp_path, kind):
    path = tmp_path / "growing.txt"
    path.write_bytes(b"".join(b"%d,%d\n" % (row, row * row) for row in range(100_000)))

    def register(rows):
        with path.open("ab") as file:
            file.write(b"1,1\n")
        return datasets.register_dataset(path if kind == "file" else wide(rows), "growing")

    first = register(1000)
    for pack in tmp_path.rglob("*.pack"):
        pack.unlink()
    with content.index.database.begin() as connection:
        for pack in content.index.indexed():
            content.index.mark(
                connection,
                [(each.hash, each.kind) for each in content.index.of_pack(connection, pack)],
                DAMAGED,
            )

    second = register(1001)
    assert second.version == 2 and second.new_bytes >= first.new_bytes / 2
    handle = datasets.get_dataset("growing@v2")
    if kind == "file":
        assert handle.path().read_bytes() == path.read_bytes()
    else:
        assert handle.to_arrow().equals(wide(1001))


def test_a_file_that_resembles_one_whose_content_was_lost_is_taken_in_whole(datasets, tmp_path):
    path = tmp_path / "growing.txt"
    path.write_bytes(b"".join(b"%d,%d\n" % (row, row * row) for row in range(100_000)))
    datasets.register_dataset(path, reference=True)
    with path.open("ab") as file:
        file.write(b"1,1\n")

    assert datasets.register_dataset(path).version == 2
    assert datasets.get_dataset("growing").path().read_bytes() == path.read_bytes()


def test_nothing_at_a_path_offers_what_is_near(datasets, tmp_path):
    (tmp_path / "sales.csv").write_bytes(b"")

    with pytest.raises(NotFound, match="nothing at") as failed:
        datasets.register_dataset(tmp_path / "slaes.csv")
    assert failed.value.hint == "did you mean 'sales.csv'?"


# -- lists, deleting ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["a,b\n1,2\n" * 1000, "~nobody-of-this-name/sales.csv"])
@pytest.mark.parametrize("reference", [False, True])
def test_text_that_can_be_no_path_is_told(datasets, source, reference):
    with pytest.raises(Invalid, match="can't be looked at"):
        datasets.register_dataset(source, "odd", reference=reference)


def test_lists_come_in_pages(datasets, sales):
    for number in range(5):
        datasets.register_dataset(sales.head(1 + number % 3), f"d{number}")
    for rows in (1, 2, 3):
        datasets.register_dataset(sales.head(rows), "d9")

    first = datasets.list_datasets(limit=4)
    rest = datasets.list_datasets(limit=4, after=first.next)

    assert [each.name for each in [*first, *rest]] == ["d0", "d1", "d2", "d3", "d4", "d9"]
    assert rest.next is None
    assert [each.name for each in datasets.list_datasets("D9")] == ["d9"]
    versions = datasets.list_versions("d9", limit=2)
    assert [each.version for each in versions] == [3, 2]
    assert {*sales.columns} <= {field.name for field in versions[0].fields}
    bare = datasets.list_versions("d9", fields=False)
    assert [(each.version, each.fields) for each in bare] == [(3, []), (2, []), (1, [])]
    assert [each.version for each in datasets.list_versions("d9", after=versions.next)] == [1]
    with pytest.raises(NotFound):
        datasets.list_versions("nothing")


def test_a_deleted_version_is_gone_and_its_number_is_not_given_again(datasets, sales):
    datasets.register_dataset(sales, "sales")
    datasets.register_dataset(sales.head(2), "sales", aliases=["prod"])

    datasets.delete_dataset("sales@prod")

    with pytest.raises(NotFound):
        datasets.get_dataset("sales@v2")
    assert datasets.register_dataset(sales.head(1), "sales").version == 3
    datasets.delete_dataset("sales", all=True)
    assert len(datasets.list_datasets()) == 0
    assert datasets.register_dataset(sales, "sales").version == 4


def test_a_name_whose_versions_are_gone_is_not_proposed(datasets, sales):
    datasets.contracts.set_contract("sales-to-come", {"min_rows": 1})
    datasets.register_dataset(sales, "sales")
    datasets.delete_dataset("sales")

    with pytest.raises(NotFound) as unknown:
        datasets.get_dataset("sales")
    assert "did you mean" not in str(unknown.value)


def test_an_address_is_not_taken_for_a_path(datasets):
    with pytest.raises(Invalid, match="by reference only") as refused:
        datasets.register_dataset("https://ann:secret@example.org/sales.csv", "sales")
    assert "reference=True" in str(refused.value) and "secret" not in str(refused.value)


def test_threads_register_at_once_and_every_number_is_given_once(datasets, sales):
    versions = []

    def register(number):
        versions.append(datasets.register_dataset(sales.assign(visits=number), "sales").version)

    threads = [threading.Thread(target=register, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(versions) == list(range(1, 9))


def test_content_of_every_version_is_named_for_garbage_collection(datasets, content, sales, folder):
    datasets.register_dataset(sales, "sales")
    datasets.register_dataset(folder, "pictures")

    named = set(datasets.locations(0))

    from nbproof.storage.content.upkeep import collect

    collect(content, lambda: named, lambda: None)
    assert_frame_equal(datasets.get_dataset("sales").to_pandas(), sales)
    assert len(list(datasets.get_dataset("pictures").files())) == 3
    datasets.get_dataset("pictures").path()
    assert datasets.get_dataset("sales").profile


def test_a_full_disk_registers_nothing_and_loses_nothing(small_disk, tmp_path, sales):
    from nbproof.datasets.repository import DatasetRepository
    from nbproof.datasets.service import DataVersionControl
    from nbproof.storage.content.ends import FileSystemStorage
    from nbproof.storage.content.index import ContentIndex
    from nbproof.storage.content.store import ContentStore
    from nbproof.storage.database import open_database

    with open_database(tmp_path / "meta.db") as database:
        store = ContentStore(FileSystemStorage(small_disk), ContentIndex(database), tmp_path)
        datasets = DataVersionControl(lambda: DatasetRepository(database), lambda: store, tmp_path / "copies")
        datasets.register_dataset(sales, "sales")

        with pytest.raises(Unavailable, match="No space left"):
            datasets.register_dataset(pa.table({"x": np.random.default_rng(0).normal(size=2_000_000)}), "big")

        assert [each.name for each in datasets.list_datasets()] == ["sales"]
        assert_frame_equal(datasets.get_dataset("sales").to_pandas(), sales)


def test_some_columns_of_a_frame_have_its_index(datasets):
    days = pd.date_range("2026-01-01", periods=3, name="day")
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "y"]}, index=days)
    datasets.register_dataset(frame, "days")
    assert_frame_equal(datasets.get_dataset("days").to_pandas(columns=["b"]), frame[["b"]])


# -- lineage -----------------------------------------------------------------------------------------------


@pytest.fixture
def drawn(content, tmp_path, clock):
    """Datasets whose lineage is drawn, while a run is live."""
    from nbproof.datasets.lineage import DatasetLineage
    from nbproof.datasets.repository import DatasetRepository, DriftReportRepository
    from nbproof.datasets.service import DataVersionControl
    from nbproof.lineage.repository import LineageRepository
    from nbproof.lineage.service import Lineage

    database = content.index.database
    names = DatasetLineage(lambda: DatasetRepository(database), lambda: DriftReportRepository(database))
    lineage = Lineage(lambda: LineageRepository(database), clock=clock, labels=[names], resolvers=[names])
    return DataVersionControl(
        lambda: DatasetRepository(database), lambda: content, tmp_path / "copies", clock=clock,
        lineage=lambda: lineage, run_id=lambda: "0" * 31 + "7",
    )  # fmt: skip


def relations(graph):
    return {(edge.source.kind, edge.relation, edge.target.kind) for edge in graph.edges}


def test_a_drift_report_came_of_both_versions_and_of_the_run_that_compared(drawn, sales):
    one, two = drawn.register_dataset(sales, "sales"), drawn.register_dataset(sales[:2], "sales")
    report = drawn.detect_drift("sales@v1", "sales@v2")
    drawn.detect_drift("sales@v1", "sales@v2")  # the same report

    lineage = drawn._lineage()
    node = Node("drift_report", report.id)
    told = {(edge.source.id, edge.relation, edge.label) for edge in lineage.upstream(node, 1).edges}
    assert told == {
        (one.id, "compared", "reference"), (two.id, "compared", "current"), ("0" * 31 + "7", "wrote", None)
    }  # fmt: skip
    assert node in [(each.kind, each.id) for each in lineage.downstream(("dataset_version", one.id)).nodes]
    assert lineage.labels([node])[node].label == "no drift: sales@v1 → sales@v2"
    assert lineage.resolve(f"drift_report:{report.id}") == node
    events = [json.loads(line) for line in lineage.export_events(node)]
    (compared,) = [each for each in events if each["inputs"] and "compared" in each["job"]["name"]][-1:]
    assert {each["facets"]["version"]["datasetVersion"] for each in compared["inputs"]} == {"v1", "v2"}
    assert [each["name"] for each in compared["outputs"]] == [f"drift_report/{report.id}"]


def test_a_frame_compared_with_a_version_has_that_version_in_its_lineage(drawn, sales):
    version = drawn.register_dataset(sales, "sales")
    report = drawn.detect_drift("sales", sales[:2])

    upstream = drawn._lineage().upstream(("drift_report", report.id), 1)
    assert {(edge.source.id, edge.label) for edge in upstream.edges if edge.relation == "compared"} == {
        (version.id, "reference")
    }


def test_reports_of_erased_content_leave_the_lineage(drawn, sales):
    drawn.register_dataset(sales, "sales")
    report = drawn.detect_drift("sales", sales[:2])

    drawn.forget_versions(drawn.to_forget("sales@v1"))

    assert drawn._lineage().around(("drift_report", report.id)).edges == []


def test_what_a_run_reads_and_writes_is_linked_to_it(drawn, sales, tmp_path):
    (tmp_path / "raw.csv").write_text("a,b\n1,2\n")
    drawn.register_dataset(tmp_path / "raw.csv")
    drawn.get_dataset("raw")
    version = drawn.register_dataset(sales, "sales")

    assert version.run_id == "0" * 31 + "7"
    assert relations(drawn.get_lineage("sales", "upstream")) == {
        ("file", "read", "dataset_version"),
        ("run", "wrote", "dataset_version"),
        ("dataset_version", "read", "run"),
    }
    labels = {node.label for node in drawn.get_lineage("sales").nodes}
    assert {"sales@v1", "raw@v1"} <= labels


def test_a_transformation_is_told_with_its_code(drawn, sales):
    def without_missing(frame):
        return frame.dropna()

    drawn.register_dataset(sales, "raw")
    handle = drawn.get_dataset("raw")
    made = drawn.register_dataset(without_missing(handle.to_pandas()), "clean")

    drawn.track_transformation([handle], made, without_missing)
    with pytest.raises(Invalid, match="can't be made of itself"):
        drawn.track_transformation([handle, made], made)

    (edge,) = [each for each in drawn.get_lineage("clean", "upstream", 1).edges if each.relation == "derived"]
    assert (edge.source.label, edge.target.label, edge.label) == ("raw@v1", "clean@v1", "without_missing")
    assert "frame.dropna()" in (drawn._lineage().code_of(edge) or "")
    for wrong, error in (([], Invalid), ([3], Invalid), (["nothing"], NotFound)):
        with pytest.raises(error):
            drawn.track_transformation(wrong, made)


def test_of_a_stream_only_some_slabs_are_in_memory(datasets):
    held: set[int] = set()
    most = 0

    def batches():
        nonlocal most
        for number in range(100):
            values = np.arange(number << 16, (number + 1) << 16)
            weakref.finalize(values, held.discard, number)
            held.add(number)
            most = max(most, len(held))
            yield pa.record_batch([pa.array(values)], names=["number"])

    schema = pa.schema([("number", pa.int64())])
    version = datasets.register_dataset(pa.RecordBatchReader.from_batches(schema, batches()), "stream")

    assert version.rows == 100 << 16
    assert most < 5 * SLAB_ROWS >> 16


def test_a_table_has_the_same_digest_whatever_was_kept_before(datasets, tmp_path):
    values = [1.5, 2.5, None]
    datasets.register_dataset(pa.table({"price": values}), "before")
    (tmp_path / "other").mkdir()
    database = open_database(tmp_path / "other" / "meta.db")
    folder = tmp_path / "other" / "content"
    store = ContentStore(FileSystemStorage(folder), ContentIndex(database), folder)
    repository = DatasetRepository(database)
    other = DataVersionControl(lambda: repository, lambda: store, tmp_path / "other" / "copies")

    renamed = datasets.register_dataset(pa.table({"cost": values}), "renamed")

    assert renamed.digest == other.register_dataset(pa.table({"cost": values}), "alone").digest
    database.close()


def test_a_profile_that_was_collected_as_garbage_meanwhile_is_made_again(datasets, monkeypatch):
    table = pa.table({"price": [1.5, 2.5, None], "city": ["Oslo", "Rome", "Oslo"]})
    datasets.register_dataset(table, "first")
    monkeypatch.setattr(DatasetRepository, "slab_profiles", lambda self, fingerprints: {})

    datasets.register_dataset(table, "second")

    assert datasets.get_dataset("second").profile == datasets.get_dataset("first").profile


_STRICT = pa.field("x", pa.int64(), nullable=False)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        (_STRICT, pa.array([1, None])),
        (pa.field("x", pa.struct([_STRICT])), pa.array([None, {"x": None}], pa.struct([("x", pa.int64())]))),
        (pa.field("x", pa.list_(_STRICT)), pa.array([[1], None, [None]], pa.list_(pa.int64()))),
    ],
    ids=["column", "struct", "list"],
)
def test_a_column_that_has_nulls_where_it_says_that_it_has_none_is_named(datasets, field, values):
    array, kind = values, field.type
    if pa.types.is_struct(kind):
        array = pa.StructArray.from_arrays([values.field(0)], fields=[_STRICT], mask=pa.array([True, False]))
    elif pa.types.is_list(kind):
        array = pa.Array.from_buffers(kind, len(values), values.buffers()[:2], children=[values.values])
    good = pa.array(range(len(values)))
    table = pa.Table.from_arrays([good, array], schema=pa.schema([pa.field("good", good.type), field]))

    with pytest.raises(Invalid, match="column 'x' is said to be not null") as refused:
        datasets.register_dataset(table, "strict")
    assert refused.value.details["field"] == "x"


def test_nulls_above_what_may_not_be_null_are_kept(datasets):
    kind = pa.struct([_STRICT])
    table = pa.table({"x": pa.array([None, {"x": 1}], kind)})
    datasets.register_dataset(table, "lenient")
    assert datasets.get_dataset("lenient").to_arrow().to_pylist() == [{"x": None}, {"x": {"x": 1}}]


def test_a_parquet_copy_of_a_table_is_written_and_its_rows_are_read_slab_by_slab(
    datasets, monkeypatch, tmp_path
):
    rows = SLAB_ROWS * 3
    table = pa.table({"n": pa.array(range(rows)), "word": pa.array(["a", "b", None] * (rows // 3))})
    datasets.register_dataset(table, "long")
    handle = datasets.get_dataset("long")
    assert len(handle.slabs) > 1

    def whole(*_):
        raise AssertionError("all of it is in memory")

    monkeypatch.setattr(type(handle), "to_arrow", whole)
    written = pq.read_table(handle.checkout(tmp_path / "copy"))
    assert written.equals(table)
    with datasets.content_of("long", format="parquet", columns=["word"]).open() as stream:
        file = pq.ParquetFile(stream)
        assert file.read().equals(table.select(["word"])) and file.num_row_groups > 1

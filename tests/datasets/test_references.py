"""Versions by reference: nothing is copied, and whoever reads is told when the content is another one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nbproof.core.errors import Conflict, Invalid, NotAllowed, NotFound
from nbproof.core.serving import serving
from nbproof.datasets import references
from nbproof.datasets.references import ReferenceHandle, state_of
from nbproof.datasets.service import DataVersionControl


def pack_bytes(content):
    return sum(size for _, size, _ in content.end.packs())


def write(path: Path, rows: int = 1000, seed: int = 0) -> pa.Table:
    chance = np.random.default_rng(seed)
    table = pa.table({"price": chance.normal(size=rows), "city": chance.choice(["Oslo", "Rome"], rows)})
    pq.write_table(table, path)
    return table


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    folder = tmp_path / "lake"
    folder.mkdir()
    return folder


def touched(path: Path, seconds: int) -> None:
    os.utime(path, (seconds, seconds))


def test_of_a_file_by_reference_no_byte_is_copied(datasets, content, lake):
    (lake / "noise.bin").write_bytes(np.random.default_rng(0).bytes(1_000_000))
    version = datasets.register_dataset(lake / "noise.bin", reference=True)

    assert (version.name, version.kind, version.size_bytes) == ("noise@v1", "file", 1_000_000)
    assert version.reference and version.reference["target"] == str(lake / "noise.bin")
    assert pack_bytes(content) < 2000 and version.new_bytes < 1000
    handle = datasets.get_dataset("noise")
    assert handle.path() == lake / "noise.bin"
    with handle.open() as stream:
        assert stream.read() == (lake / "noise.bin").read_bytes()
    assert "by reference" in str(version) and str(lake) in str(version)
    (listed,) = datasets.list_versions("noise")
    assert listed.listed()["kind"] == "file, by reference"


def test_a_table_by_reference_has_rows_and_statistics(datasets, lake):
    table = write(lake / "sales.parquet")
    version = datasets.register_dataset(lake / "sales.parquet", reference=True)

    assert (version.rows, version.columns) == (1000, 2)
    assert [field.name for field in version.fields] == ["price", "city"]
    handle = datasets.get_dataset("sales")
    assert handle.to_arrow(columns=["city"]).equals(table.select(["city"]))
    assert handle.relation().aggregate("count(*)").fetchall() == [(1000,)]
    (lake / "sales.parquet").unlink()
    assert datasets.get_dataset("sales").profile[0].rows == 1000
    assert datasets.summarize_columns("sales").rows == 1000


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_rows_of_text_are_looked_at_as_they_stream_by(datasets, lake, name):
    frame = pd.DataFrame({"n": range(200_000), "word": ["a", "b"] * 100_000})
    if name.endswith("csv"):
        frame.to_csv(lake / name, index=False)
    else:
        frame.to_json(lake / name, orient="records", lines=True)
    version = datasets.register_dataset(lake / name, reference=True)

    assert (version.rows, version.columns) == (200_000, 2)
    number = datasets.get_dataset("rows").profile[0]
    assert (number.rows, number.minimum, number.maximum) == (200_000, 0, 199_999)


def test_the_same_content_makes_no_version_wherever_it_is(datasets, lake):
    write(lake / "a.parquet")
    first = datasets.register_dataset(lake / "a.parquet", "sales", reference=True)
    assert datasets.register_dataset(lake / "a.parquet", "sales", reference=True).unchanged

    (lake / "a.parquet").rename(lake / "b.parquet")
    with pytest.raises(NotFound, match=r"nothing at .*a\.parquet any more"):
        datasets.get_dataset("sales").to_pandas()
    again = datasets.register_dataset(lake / "b.parquet", "sales", reference=True)
    assert again.unchanged and again.version == 1 and again.digest == first.digest
    assert again.reference["target"] == str(lake / "b.parquet")
    assert len(datasets.get_dataset("sales").to_pandas()) == 1000
    copied = datasets.register_dataset(lake / "b.parquet", "sales")
    assert (copied.version, copied.reference) == (2, None)


def test_who_reads_what_has_changed_is_told_what_was_there_and_what_is(datasets, lake):
    write(lake / "sales.parquet")
    touched(lake / "sales.parquet", 1_700_000_000)
    datasets.register_dataset(lake / "sales.parquet", reference=True)
    handle = datasets.get_dataset("sales")
    write(lake / "sales.parquet", rows=2000)

    for read in (handle.to_pandas, handle.path, handle.open, lambda: handle.checkout(lake / "copy")):
        with pytest.raises(Conflict) as refused:
            read()
        told = str(refused.value)
        assert told.startswith("sales@v1 was registered by reference, and ")
        assert "modified 2023-11-14T22:13:20+00:00" in told and "found" in told
        assert "register_dataset(" in told and "as the next version" in told
        assert refused.value.details["state"] == "changed"
    assert not (lake / "copy" / "sales.parquet").exists()


def test_a_file_of_the_same_size_and_another_content_is_seen(datasets, lake):
    (lake / "a.csv").write_text("n\n1\n2\n")
    datasets.register_dataset(lake / "a.csv", reference=True)
    (lake / "a.csv").write_text("n\n1\n3\n")
    touched(lake / "a.csv", 1)

    with pytest.raises(Conflict, match="with another content"):
        datasets.get_dataset("a").to_pandas()


@pytest.mark.parametrize("how", ["written in place", "another file in its place"])
def test_another_content_of_the_same_size_and_time_is_seen(datasets, lake, how):
    file = lake / "a.csv"
    file.write_text("n\n1\n2\n")
    datasets.register_dataset(file, reference=True)
    (lake / "folder").mkdir()
    shutil.copy2(file, lake / "folder" / "b.csv")
    datasets.register_dataset(lake / "folder", reference=True)
    for each in (file, lake / "folder" / "b.csv"):
        times = os.stat(each)
        target = each if how == "written in place" else each.with_name("new")
        target.write_text("n\n1\n3\n")
        os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
        if target != each:
            target.rename(each)

    for name in ("a", "folder"):
        with pytest.raises(Conflict, match="with another content"):
            datasets.get_dataset(name).to_pandas()


def test_what_was_read_and_is_the_same_is_remembered_for_all(datasets, lake, monkeypatch):
    (lake / "a.csv").write_text("n\n1\n2\n")
    before = datasets.register_dataset(lake / "a.csv", reference=True).reference["mark"]
    os.chmod(lake / "a.csv", 0o600)
    shutil.copy2(lake / "a.csv", lake / "copy.csv")
    (lake / "copy.csv").rename(lake / "a.csv")

    assert len(datasets.get_dataset("a").to_pandas()) == 2

    assert datasets.describe("a").reference["mark"] != before
    monkeypatch.setattr(references, "_hashes", lambda *_: pytest.fail("it was read again"))
    assert len(datasets.get_dataset("a").to_pandas()) == 2


def test_a_file_that_was_only_touched_is_read_once_and_is_the_same(datasets, lake):
    (lake / "a.csv").write_text("n\n1\n2\n")
    datasets.register_dataset(lake / "a.csv", reference=True)
    touched(lake / "a.csv", 1)

    assert datasets.get_dataset("a").to_pandas()["n"].tolist() == [1, 2]


def test_the_state_of_what_hides_its_change_behind_its_time_is_changed(datasets, lake):
    (lake / "a.csv").write_text("n\n1\n2\n")
    touched(lake / "a.csv", 1_700_000_000)
    datasets.register_dataset(lake / "a.csv", reference=True)
    (lake / "a.csv").write_text("n\n1\n3\n")
    touched(lake / "a.csv", 1_700_000_000)

    (handle,) = datasets.references()
    assert state_of(handle, read=False) == state_of(handle, read=True) == "changed"


@pytest.fixture
def folder(lake: Path) -> Path:
    inside = lake / "parts"
    (inside / "more").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "more/c.csv"):
        (inside / name).write_text(f"word\n{name}\n")
    return inside


def test_a_folder_by_reference_is_one_table_and_comes_back(datasets, content, folder, tmp_path):
    version = datasets.register_dataset(folder, reference=True)

    assert (version.kind, version.files, version.rows) == ("folder", 3, 3)
    handle = datasets.get_dataset("parts")
    assert handle.path() == folder
    assert handle.to_pandas()["word"].tolist() == ["a.csv", "b.csv", "more/c.csv"]
    copy = handle.checkout(tmp_path / "copy")
    assert (copy / "more" / "c.csv").read_text() == "word\nmore/c.csv\n"
    with datasets.content_of("parts").open() as stream:
        assert stream.read(2) == b"PK"


def test_a_folder_that_is_read_file_by_file_is_listed_once(datasets, folder, monkeypatch):
    for number in range(20):
        (folder / f"{number}.csv").write_text(f"word\n{number}\n")
    datasets.register_dataset(folder, reference=True)
    listed = []
    files = references._LocalFiles.files

    def listing(self):
        listed.append(self)
        return files(self)

    monkeypatch.setattr(references._LocalFiles, "files", listing)

    handle = datasets.get_dataset("parts")
    for path, _ in handle.files():
        with handle.open(path) as stream:
            assert stream.read() == (folder / path).read_bytes()
    assert len(listed) == 1
    with pytest.raises(NotFound, match=r"no file 'x\.csv'"):
        handle.open("x.csv")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda path: path.unlink(), "'b.csv' gone"),
        (lambda path: path.write_text("word\nlonger\n"), "'b.csv' of another size"),
        (lambda path: path.write_text("word\nB.csv\n"), "another content of 'b.csv'"),
    ],
)
def test_a_file_that_changes_while_its_folder_is_read_is_noticed(datasets, folder, change, words):
    touched(folder / "b.csv", 1)
    datasets.register_dataset(folder, reference=True)
    handle = datasets.get_dataset("parts")
    handle.open("a.csv").close()
    change(folder / "b.csv")

    with pytest.raises(Conflict, match=words):
        handle.open("b.csv")
    handle.open("a.csv").close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "a.csv").unlink(), "'a.csv' gone"),
        (lambda folder: (folder / "d.csv").write_text("x"), "'d.csv' new"),
        (lambda folder: (folder / "a.csv").write_text("word\nlonger\n"), "'a.csv' of another size"),
        (lambda folder: (folder / "a.csv").write_text("word\nA.csv\n"), "another content of 'a.csv'"),
    ],
)
def test_what_changed_in_a_folder_is_named(datasets, folder, change, words):
    datasets.register_dataset(folder, reference=True)
    change(folder)
    touched(folder / "b.csv", 1)

    with pytest.raises(Conflict, match=words):
        datasets.get_dataset("parts").to_pandas()


def test_versions_by_reference_are_compared_like_others(datasets, lake):
    write(lake / "a.parquet")
    write(lake / "b.parquet", seed=1)
    datasets.register_dataset(lake / "a.parquet", "sales", reference=True)
    datasets.register_dataset(lake / "b.parquet", "sales", reference=True)
    datasets.register_dataset(lake / "a.parquet", "copied")

    assert datasets.diff_versions("sales@v1", "sales@v2").rows_after == 1000
    assert datasets.diff_versions("sales@v1", "copied").same
    assert datasets.detect_drift("sales@v1", "sales@v2").severity == "none"
    (lake / "a.parquet").unlink()
    assert datasets.detect_drift("sales@v1", "sales@v2").severity == "none"
    with pytest.raises(NotFound, match="sales@v1 was registered by reference"):
        datasets.diff_versions("sales@v1", "sales@v2")


def test_garbage_collection_keeps_what_a_copy_needs_beside_a_reference(datasets, folder):
    datasets.register_dataset(folder, "by reference", reference=True)
    datasets.register_dataset(folder, "copied")

    needed = set(datasets.locations(0))
    for record in datasets.live_versions():
        assert set(datasets.content_of_version(record)) <= needed
    copied = next(each for each in datasets.live_versions() if each.reference is None)
    files = {place for _, _, place in datasets.get_dataset("copied")._listed()}
    assert files <= set(datasets.content_of_version(copied)) and files <= needed
    other = next(each for each in datasets.live_versions() if each.reference is not None)
    assert files.isdisjoint(datasets.content_of_version(other))


def test_a_contract_is_checked_of_a_reference(datasets, lake):
    write(lake / "sales.parquet")
    contract = {"columns": {"price": {"min": 1000}}, "on_breach": "refuse"}
    with pytest.raises(Invalid, match="price: the least is"):
        datasets.register_dataset(lake / "sales.parquet", contract=contract, reference=True)
    with pytest.raises(NotFound):
        datasets.describe("sales")


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        (pd.DataFrame({"x": [1]}), Invalid, "a reference is a path or an address, found a DataFrame"),
        ("nothing.parquet", NotFound, "there is nothing at"),
        ("memory://nothing/at.all", NotFound, "there is nothing at memory://"),
        ("s3://user:secret@bucket/key", Invalid, "a password or a key"),
        ("nosuchthing://bucket/key", Invalid, "is no address"),
    ],
    ids=["a frame", "no file", "no object", "a password", "no such store"],
)
def test_what_can_not_be_referred_to_is_told(datasets, content, source, error, words):
    with pytest.raises(error, match=words) as refused:
        datasets.register_dataset(source, "odd", reference=True)
    assert "secret" not in str(refused.value)
    assert list(datasets.list_datasets()) == [] and pack_bytes(content) == 0


def test_an_object_at_an_address_is_referred_to(datasets, lake):
    memory = fsspec.filesystem("memory")
    table = write(lake / "sales.parquet")
    memory.pipe("/lake/sales.parquet", (lake / "sales.parquet").read_bytes())
    version = datasets.register_dataset("memory://lake/sales.parquet", reference=True)

    assert (version.name, version.rows, version.source) == ("sales@v1", 1000, "memory://lake/sales.parquet")
    handle = datasets.get_dataset("sales")
    assert handle.to_arrow(columns=["city"]).equals(table.select(["city"]))
    assert handle.path().name == "sales.parquet"
    memory.pipe("/lake/sales.parquet", b"something else")
    with pytest.raises(Conflict, match="found 14 B"):
        datasets.get_dataset("sales").to_arrow()
    memory.rm("/lake/sales.parquet")
    with pytest.raises(NotFound, match="any more"):
        datasets.get_dataset("sales").to_arrow()


def test_a_bucket_of_s3_is_referred_to(datasets, s3, lake, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3.port}")
    s3.bucket("lake-of-references")
    store = fsspec.filesystem("s3", endpoint_url=f"http://127.0.0.1:{s3.port}")
    for name in ("a", "b"):
        write(lake / f"{name}.parquet", seed=ord(name))
        store.put_file(str(lake / f"{name}.parquet"), f"lake-of-references/sales/{name}.parquet")
    version = datasets.register_dataset("s3://lake-of-references/sales", reference=True)

    assert (version.kind, version.files, version.rows) == ("folder", 2, 2000)
    assert len(datasets.get_dataset("sales").to_pandas(columns=["city"])) == 2000
    store.rm("lake-of-references/sales/b.parquet")
    with pytest.raises(Conflict, match=r"'b\.parquet' gone"):
        datasets.get_dataset("sales").to_pandas()


def test_somebody_elsewhere_refers_to_what_is_served_and_nothing_else(datasets, content, tmp_path, clock):
    served = tmp_path / "served"
    (served / "data").mkdir(parents=True)
    (served / ".nbproof").mkdir()
    (served / ".nbproof" / "meta.db").write_text("records")
    (tmp_path / "secret.csv").write_text("x\n1\n")
    (served / "link.csv").symlink_to(tmp_path / "secret.csv")
    (served / "data" / "inside.csv").write_text("x\n1\n")
    (served / "outward").mkdir()
    (served / "outward" / "link.csv").symlink_to(tmp_path / "secret.csv")
    here = DataVersionControl(
        datasets._repository, lambda: content, tmp_path / "copies", clock=clock, root=served
    )
    with serving(served):
        version = here.register_dataset("data/inside.csv", reference=True)
        assert version.reference["target"] == str(served / "data" / "inside.csv")
        for path in (
            "../secret.csv", str(tmp_path / "secret.csv"), "link.csv", "outward", ".nbproof/meta.db",
            "s3://bucket/key", f"file://{tmp_path}/secret.csv", "/etc/passwd",
        ):  # fmt: skip
            with pytest.raises(NotAllowed):
                here.register_dataset(path, "stolen", reference=True)
        with pytest.raises(NotFound, match="on the server's machine"):
            here.register_dataset("data/nothing.csv", reference=True)


def test_handles_of_references_are_of_their_own_kind(datasets, lake):
    write(lake / "sales.parquet")
    datasets.register_dataset(lake / "sales.parquet", reference=True)
    assert isinstance(datasets.get_dataset("sales"), ReferenceHandle)

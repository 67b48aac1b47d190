"""The records of artifacts, on SQLite and PostgreSQL: versions, what shows, what is deleted, folders."""

# ruff: noqa: F811 - fixtures are imported, and asked for by their names

from __future__ import annotations

import pytest
import sqlalchemy as sa

from nbproof.core.errors import Invalid, NotFound
from tests.contract.test_run_repository import Writer, database, records, writer  # noqa: F401 - fixtures


def log(writer, run, name, content="a", **fields):
    location = f"objects/{content}"
    told = {"size": len(content), "media_type": "x/y", "hash": content, "location": location}
    writer.event("artifact", run, name=name, **{**told, **fields})


def names(page):
    return [f"{each.name}@v{each.version}" for each in page.items]


@pytest.fixture
def run(writer):
    return writer.start()


def test_a_name_logged_again_shows_the_last_and_keeps_the_first(records, writer, run):
    for content in ("one", "three"):
        log(writer, run, "plots/roc.png", content)
    writer.drain()
    log(writer, run, "plots/roc.png", "fifth")
    writer.drain()

    assert names(records.list_artifacts(run)) == ["plots/roc.png@v3"]
    assert names(records.list_artifacts(run, versions=True)) == [f"plots/roc.png@v{n}" for n in (1, 2, 3)]
    for wanted, content in (("", "fifth"), ("@latest", "fifth"), ("@v1", "one"), ("@v2", "three")):
        assert records.get_artifact(run, f"plots/roc.png{wanted}").hash == content
    assert [each.hash for each in records.get_run(run).artifacts] == ["fifth"]


def test_the_same_content_logged_again_is_no_new_version(records, writer, run):
    for _ in range(2):
        log(writer, run, "a.txt", step=1, metadata={"q": 0.5})
        writer.drain()
        log(writer, run, "a.txt", step=1, metadata={"q": 0.5})
    writer.drain()
    assert names(records.list_artifacts(run, versions=True)) == ["a.txt@v1"]
    log(writer, run, "a.txt", step=2, metadata={"q": 0.5})
    writer.drain()
    assert names(records.list_artifacts(run, versions=True)) == ["a.txt@v1", "a.txt@v2"]


def test_what_is_told_of_an_artifact_comes_back(records, writer, run):
    log(
        writer,
        run,
        "größe 🎈.png",
        type="figure",
        step=2**63 - 1,
        metadata={"caption": "ü \0", "nan": {"$float": "NaN"}},
        reference="s3://b/k",
    )
    writer.drain()
    found = records.get_artifact(run, "größe 🎈.png")
    assert (found.kind, found.step, found.reference) == ("figure", 2**63 - 1, "s3://b/k")
    assert found.metadata["caption"] == "ü \0" and found.metadata["nan"] != found.metadata["nan"]


def test_an_event_of_an_older_version_is_an_artifact_of_the_kind_its_type_says(
    records,
    writer,
    run,
):
    log(writer, run, "roc.png", media_type="image/png")
    writer.drain()
    found = records.get_artifact(run, "roc.png")
    assert (found.kind, found.version, found.step, found.metadata) == ("image", 1, None, {})


def test_of_two_writers_versions_the_younger_shows_whoever_is_drained_last(
    records,
    writer,
    database,
    clock,
    run,
):
    other = Writer(database, clock)
    log(writer, run, "model.bin", "old")
    log(other, run, "model.bin", "older", time=1)
    writer.drain()
    other.drain()
    assert records.get_artifact(run, "model.bin").hash == "old"
    assert records.get_artifact(run, "model.bin@v2").hash == "older"


def test_a_deleted_version_is_gone_and_its_number_is_not_given_again(records, writer, run):
    for content in ("one", "two"):
        log(writer, run, "a.txt", content)
    writer.event("artifact.delete", run, name="a.txt", version=2)
    writer.drain()
    assert names(records.list_artifacts(run, versions=True)) == ["a.txt@v1"]
    assert records.get_artifact(run, "a.txt").hash == "one"
    with pytest.raises(NotFound, match="deleted"):
        records.get_artifact(run, "a.txt@v2")
    log(writer, run, "a.txt", "two")
    writer.drain()
    assert records.get_artifact(run, "a.txt").version == 3


def test_a_deleted_name_is_gone_with_all_versions(records, writer, run):
    for content in ("one", "two"):
        log(writer, run, "a.txt", content)
    log(writer, run, "b.txt")
    writer.drain()
    writer.event("artifact.delete", run, name="a.txt", version=None)
    log(writer, run, "c.txt")
    writer.drain()
    assert names(records.list_artifacts(run, versions=True)) == ["b.txt@v1", "c.txt@v1"]
    assert [each.name for each in records.get_run(run).artifacts] == ["b.txt", "c.txt"]


def test_what_was_logged_after_a_deletion_that_arrives_late_stays(
    records,
    writer,
    database,
    clock,
    run,
):
    other = Writer(database, clock)
    log(writer, run, "a.txt", "one", time=10)
    log(writer, run, "a.txt", "two", time=30)
    writer.drain()
    other.event("artifact.delete", run, name="a.txt", version=None, time=20)
    other.drain()
    assert names(records.list_artifacts(run, versions=True)) == ["a.txt@v2"]
    assert records.get_artifact(run, "a.txt").hash == "two"


def test_a_deletion_of_nothing_deletes_nothing(records, writer, run):
    writer.event("artifact.delete", run, name="a.txt", version=7)
    writer.drain()
    assert records.list_artifacts(run).items == []


def test_artifacts_are_listed_by_name_in_pages(records, writer, run):
    for name in ("b", "B", "a/x", "a/ü", "ab", "%"):
        log(writer, run, name)
    writer.drain()
    pages, after = [], None
    while True:
        page = records.list_artifacts(run, limit=4, after=after)
        pages.append([each.name for each in page.items])
        after = page.next
        if after is None:
            break
    assert pages == [["%", "B", "a/x", "a/ü"], ["ab", "b"]]
    assert names(records.list_artifacts(run, prefix="a")) == ["a/x@v1", "a/ü@v1", "ab@v1"]
    assert names(records.list_artifacts(run, prefix="%")) == ["%@v1"]
    with pytest.raises(Invalid):
        records.list_artifacts(run, after="nonsense")


def test_a_folder_shows_its_files_and_folders_with_their_size(records, writer, run):
    for name in ("top.txt", "plots/a.png", "plots/deep/b.png", "plots/deep/c.png", "plotsnot/d"):
        log(writer, run, name, "12345")
    writer.drain()
    top = records.list_artifacts(run, folder="")
    assert [(each.name, each.kind, each.size_bytes) for each in top.items] == [
        ("plots/", "folder", 15),
        ("plotsnot/", "folder", 5),
        ("top.txt", "file", 5),
    ]
    assert top.items[0].metadata == {"files": 3}
    inside = records.list_artifacts(run, folder="plots/")
    assert [each.name for each in inside.items] == ["plots/a.png", "plots/deep/"]
    first = records.list_artifacts(run, folder="", limit=2)
    assert [each.name for each in records.list_artifacts(run, folder="", after=first.next).items] == [
        "top.txt"
    ]
    with pytest.raises(NotFound, match="nowhere"):
        records.list_artifacts(run, folder="nowhere")


def test_an_unknown_name_or_version_brings_what_there_is(records, writer, run):
    for content in ("one", "two"):
        log(writer, run, "model.bin", content)
    writer.drain()
    with pytest.raises(NotFound, match=r"did you mean 'model\.bin'"):
        records.get_artifact(run, "modle.bin")
    with pytest.raises(NotFound, match="there are v1, v2"):
        records.get_artifact(run, "model.bin@v9")


def test_an_event_that_makes_no_sense_is_refused(writer, run, database):
    for fields in ({"size": "many"}, {"step": "first"}, {"hash": 3}):
        log(writer, run, "a", **fields)
        with pytest.raises(Invalid, match="cannot be understood"), database.begin() as connection:
            list(writer.applier.apply(connection, writer.batch()))


def test_ten_thousand_artifacts_arrive_in_one_batch(records, writer, run, database):
    for number in range(10_000):
        log(writer, run, f"parts/{number:05}")
    writer.drain()
    assert records.list_artifacts(run, folder="").items[0].metadata == {"files": 10_000}
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM artifact_versions")).scalar() == 10_000

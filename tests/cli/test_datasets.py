"""Datasets from a shell: lists for people, lineage as trees, errors that say what to do."""

from __future__ import annotations

import pytest


@pytest.fixture
def run(nbproof, project):
    for rows in (3, 4):
        (project / "sales.csv").write_text(
            "id,price\n" + "".join(f"{row},{row / 2}\n" for row in range(rows))
        )
        assert nbproof("datasets", "register", "sales.csv").code == 0
    return nbproof


def test_a_list_of_datasets_is_for_people(run):
    titles, row = run("datasets", "list").out.splitlines()[:2]
    assert titles.split() == ["NAME", "LATEST", "VERSIONS", "KIND", "ROWS", "SIZE", "STORED", "UPDATED"]
    assert row.split()[:4] == ["sales", "v2", "2", "file"]


def test_a_list_of_drift_reports_names_them_as_they_can_be_asked_for(run):
    assert run("datasets", "drift", "sales@v1", "sales@v2").code == 0
    titles, row = run("drift-reports", "list").out.splitlines()[:2]
    assert titles.split()[:3] == ["ID", "REFERENCE", "CURRENT"]
    short, *versions = row.split()[:3]
    assert versions == ["sales@v1", "sales@v2"]
    assert run("drift-reports", "show", short).code == 0


@pytest.mark.parametrize("command", [("datasets", "lineage"), ("lineage", "show")])
def test_lineage_is_printed_as_a_tree(run, command):
    lines = run(*command, "sales@v2").out.splitlines()
    assert lines[:3] == ["sales@v2 (dataset version)", "  came of", "    └─ sales.csv (file, read)"]


def test_a_bare_name_of_several_versions_is_not_deleted_by_chance(run):
    told = run("datasets", "delete", "sales")
    assert told.code == 2 and "'sales' has several versions" in told.err
    assert "sales@v2" in told.err and "--all" in told.err
    assert run("forget", "sales", "--yes").code == 2
    assert run("datasets", "delete", "sales@v1").out == "deleted: sales@v1; nbproof gc frees the space\n"
    assert run("datasets", "delete", "sales").code == 0  # there is but one that it can mean
    gone = run("datasets", "show", "sales")
    assert gone.code == 3 and "did you mean" not in gone.err


def test_a_contract_that_is_not_there_or_no_json_is_told_as_such(run, project):
    told = run("datasets", "set-contract", "sales", "nothing.json")
    assert told.code == 3 and "there is no contract at 'nothing.json'" in told.err
    (project / "wrong.json").write_text("{wrong")
    assert run("datasets", "set-contract", "sales", "wrong.json").code == 2


@pytest.mark.parametrize("more", [(), ("--reference",)])
def test_rows_that_can_not_be_read_are_told_when_they_are_registered_and_when_they_are_asked_for(
    nbproof, project, more
):
    (project / "latin.csv").write_bytes("città,v\nForlì,1\n".encode("latin-1"))
    told = nbproof("datasets", "register", "latin.csv", *more)
    assert told.code == 0 and "latin.csv can't be read as CSV: not UTF-8" in told.err
    (project / "latin.csv").write_bytes("città,v\nForlì,2\n".encode("latin-1"))
    assert nbproof("datasets", "register", "latin.csv", *more).code == 0
    for asked in (["columns", "latin"], ["get", "latin", "--format", "parquet", "--output", "x.parquet"]):
        refused = nbproof("datasets", *asked)
        assert refused.code == 2 and "latin@v2 can't be read as CSV: not UTF-8" in refused.err
    diff = nbproof("datasets", "diff", "latin@v1", "latin@v2")
    assert "a fault in nbproof" not in diff.err

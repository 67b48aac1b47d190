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

"""Moving runs on the command line, here and to and from a server."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.served import Served

STORES = Path(__file__).resolve().parents[1] / "tracking" / "assets"


@pytest.fixture
def recorded(nbproof):
    """A workspace with a run."""
    assert nbproof("runs", "start", "e", "--name", "r", "--param", "depth=3").code == 0
    assert nbproof("runs", "log-metric", "r", "auc", "0.9").code == 0
    assert nbproof("runs", "end", "r").code == 0


def test_runs_go_out_and_in(nbproof, project, recorded):
    done = nbproof("runs", "export", "r", "--output", "runs.zip")
    assert done.code == 0, done.err
    assert "taken: 1 runs, 1 params, 0 tags, 1 metrics, 1 points, 0 artifacts" in done.out
    (project / "other").mkdir()

    told = nbproof("runs", "import", "runs.zip", "--workspace", "other", "--json")

    assert told.code == 0, told.err
    assert told.json["outcomes"] == {"taken": 1}
    assert nbproof("runs", "show", "r", "--workspace", "other", "--json").json["params"] == {"depth": 3}
    again = nbproof("runs", "import", "runs.zip", "--workspace", "other")
    assert "1 there already" in again.out


def test_an_export_names_its_file_and_replaces_only_if_asked(nbproof, project, recorded):
    assert "--output" in nbproof("runs", "export").err
    assert nbproof("runs", "export", "--output", "runs.zip").code == 0
    assert nbproof("runs", "export", "--output", "runs.zip").code == 4
    assert nbproof("runs", "export", "--query", "metrics.auc > 2", "--output", "none.zip").code == 3
    done = nbproof("runs", "export", "--experiment", "e", "--output", "runs.zip", "--force", "--json")
    assert done.json["taken"]["runs"] == 1 and done.json["path"] == str(project / "runs.zip")


def test_a_csv_is_told_what_its_columns_are(nbproof, project):
    (project / "results.csv").write_text("name,lr,auc\na,0.1,0.8\n")
    asked = nbproof("runs", "import", "results.csv")
    assert asked.code == 2 and "--column lr=param" in asked.err
    done = nbproof(
        "runs", "import", "results.csv", "--from", "csv", "--column", "lr=param", "--dry-run", "--json"
    )
    assert done.code == 0, done.err
    assert done.json["dry_run"] and done.json["taken"]["params"] == 1
    assert nbproof("runs", "import", "results.csv", "--column", "lr=param").code == 0
    assert nbproof("runs", "show", "a", "--json").json["params"] == {"lr": 0.1}
    assert nbproof("runs", "import", "results.csv", "--from", "excel").code == 2


def test_a_damaged_file_is_an_invalid_use(nbproof, project):
    (project / "runs.zip").write_bytes(b"PK\x03\x04")
    done = nbproof("runs", "import", "runs.zip", "--json")
    assert done.code == 2 and done.error["code"] == "invalid"
    assert not (project / ".nbproof").exists()


@pytest.fixture(scope="module")
def server(plain_user) -> Iterator[Served]:
    served = Served(plain_user, plain_user.folder("served"))
    yield served
    served.close()


def test_a_server_takes_what_lies_here_and_gives_it_back(nbproof, project, server):
    with zipfile.ZipFile(STORES / "mlflow-3-files.zip") as packed:
        packed.extractall(project / "store")
    there = {"NBPROOF_TOKEN": server.token}

    told = nbproof("runs", "import", "store", "--url", server.url, "--json", **there)

    assert told.code == 0, told.err
    assert (told.json["format"], told.json["outcomes"]) == ("mlflow", {"taken": 4})
    assert [each["kind"] for each in told.json["not_taken"]] == ["run"]
    assert told.json["taken"]["artifacts"] == 3
    again = nbproof("runs", "import", "store", "--url", server.url, "--json", **there)
    assert again.json["outcomes"] == {"there already": 4}
    done = nbproof("runs", "export", "forest", "--output", "back.zip", "--url", server.url, "--json", **there)
    assert done.code == 0, done.err
    assert done.json["path"] == str(project / "back.zip")
    assert nbproof("runs", "import", "back.zip", "--json").json["taken"]["artifacts"] == 3
    # What the server kept for these is its own again.
    left = list((server.root / ".nbproof" / "transfers").iterdir())
    assert [each.name for each in left if each.is_dir()] == []


def test_the_workspace_of_a_server_is_backed_up_from_afar(nbproof, project, server):
    (project / "steps.csv").write_text("epoch,loss\n0,0.5\n1,0.25\n")
    there = {"NBPROOF_URL": server.url, "NBPROOF_TOKEN": server.token}
    assert nbproof("runs", "import", "steps.csv", **there).code == 0

    done = nbproof("backup", "copy.zip", "--json", **there)

    assert done.code == 0, done.err
    assert done.json["path"] == str(project / "copy.zip")
    assert done.json["size_bytes"] == (project / "copy.zip").stat().st_size
    assert nbproof("backup", "copy.zip", **there).code == 4
    assert nbproof("restore", "copy.zip", "here").code == 0
    shown = nbproof("runs", "show", "steps", "--json", NBPROOF_WORKSPACE=str(project / "here"))
    assert shown.json["metrics"] == {"loss": 0.25}


def test_a_server_refuses_with_its_reason(nbproof, project, server):
    (project / "runs.zip").write_bytes(b"PK\x03\x04 no more")
    done = nbproof("runs", "import", "runs.zip", "--url", server.url, NBPROOF_TOKEN=server.token)
    assert done.code == 2 and "no zip" in done.err
    missing = nbproof(
        "runs", "export", "nobody", "--output", "x.zip", "--url", server.url, NBPROOF_TOKEN=server.token
    )
    assert missing.code == 3 and not (project / "x.zip").exists()

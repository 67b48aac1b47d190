"""The example of a dataset's life, executed in a real kernel, records the life that it tells of."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace
from tests.docs.markdown import REPOSITORY
from tests.support.plain_user import PlainUser

NAME = "data_versioning_example.ipynb"


@pytest.fixture(scope="module")
def project(_any_plain_user: PlainUser) -> Path:
    user = _any_plain_user
    if reason := user.open_the_way():
        pytest.skip(reason)
    project = user.folder("data-example") / "project"
    shutil.copytree(REPOSITORY / "examples", project, ignore=shutil.ignore_patterns(".nbproof"))
    user.own(project)
    user.run(
        [sys.executable, "-m", "jupyter", "execute", "--inplace", "--timeout=120", NAME],
        cwd=project,
        timeout=280,
        check=True,
    )
    return project


@pytest.fixture
def workspace(project: Path) -> Iterator[Workspace]:
    workspace = Workspace(Location(project, True, "the example's"), say=lambda line: None)
    yield workspace
    workspace.close()


def test_every_version_of_the_story_is_kept(workspace, project):
    datasets = workspace.datasets

    assert [each.version for each in datasets.list_versions("penguins")] == [3, 2, 1]
    first, spoilt, mended = (datasets.describe(f"penguins@v{number}") for number in (1, 2, 3))
    assert first.digest == mended.digest != spoilt.digest
    assert mended.new_bytes == 0
    birds = pd.read_csv(project / "data" / "penguins.csv").dropna().reset_index(drop=True)
    kept = datasets.get_dataset("penguins@prod").to_pandas()
    assert kept["bill_length_mm"].tolist() == birds["bill_length_mm"].tolist()
    assert kept["sex"].tolist() == birds["sex"].tolist()
    assert (
        datasets.get_dataset("penguins-raw").path().read_bytes()
        == (project / "data" / "penguins.csv").read_bytes()
    )


def test_the_change_of_unit_is_found_and_named(workspace):
    report = workspace.datasets.detect_drift("penguins@v1", "penguins@v2")

    assert report.severity == "critical"
    (column,) = [each for each in report.columns if each.severity == "critical"]
    assert column.name == "body_mass_g" and "unit" in column.sentence


def test_the_number_is_linked_to_the_published_file(workspace):
    graph = workspace.datasets.get_lineage("penguins-test", "upstream")

    assert {"penguins-test@v1", "penguins@v1", "penguins-raw@v1"} <= {node.label for node in graph.nodes}
    assert any(node.kind == "file" and node.id.endswith("penguins.csv") for node in graph.nodes)
    led_to = workspace.datasets.get_lineage("penguins-test", "downstream")
    assert "mean of each species" in {node.label for node in led_to.nodes}

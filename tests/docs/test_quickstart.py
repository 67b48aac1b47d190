"""The quickstart, executed by a plain user in a real kernel, records what it says it records."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace
from tests.docs.markdown import REPOSITORY
from tests.support.plain_user import PlainUser

EXAMPLES = REPOSITORY / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


@pytest.fixture(scope="module")
def executed(_any_plain_user: PlainUser) -> tuple[Path, float]:
    user = _any_plain_user
    if reason := user.open_the_way():
        pytest.skip(reason)
    project = user.folder("quickstart") / "project"
    shutil.copytree(EXAMPLES, project, ignore=shutil.ignore_patterns(".nbproof", "predictions.csv"))
    user.own(project)
    start = time.monotonic()
    user.run(
        [sys.executable, "-m", "jupyter", "execute", "--inplace", "--timeout=60", "quickstart.ipynb"],
        cwd=project,
        timeout=280,
        check=True,
    )
    return project, time.monotonic() - start


@pytest.fixture
def workspace(executed: tuple[Path, float]) -> Iterator[Workspace]:
    workspace = Workspace(Location(executed[0], True, "the quickstart's"), say=lambda line: None)
    yield workspace
    workspace.close()


@pytest.mark.newest
@pytest.mark.timeout(300)
class TestQuickstart:
    def test_it_takes_less_than_half_a_minute(self, executed: tuple[Path, float]) -> None:
        assert executed[1] < 30

    def test_no_cell_warns(self, executed: tuple[Path, float]) -> None:
        notebook = nbformat.read(executed[0] / "quickstart.ipynb", as_version=4)
        said = [output for cell in notebook.cells for output in cell.get("outputs", ())]
        assert [each.text for each in said if each.output_type == "stream" and each.name == "stderr"] == []

    def test_every_run_is_recorded_and_finished(self, workspace: Workspace) -> None:
        runs = workspace.tracker.find_runs("order by started").items
        assert [run.name for run in runs] == [
            "the mean",
            "learning rates",
            "rate 0.001",
            "rate 0.01",
            "rate 0.1",
            "with species",
            "species and sex",
        ]
        assert {run.status for run in runs} == {"finished"}
        assert {run.experiment for run in runs} == {"penguins"}

    def test_the_rates_are_inside_their_run(self, workspace: Workspace) -> None:
        parent = workspace.tracker.get_run("learning rates")
        inside = workspace.tracker.find_runs(f'parent = "{parent.id}"').items
        assert {run.params["learning_rate"] for run in inside} == {0.001, 0.01, 0.1}
        assert parent.params["chosen"] == 0.1

    def test_curves_and_files_are_complete(self, workspace: Workspace) -> None:
        best = workspace.tracker.get_run("@best:r2")
        assert best.name == "species and sex"
        assert best.metric_history("rmse_g")["step"].tolist() == list(range(60))
        assert [artifact.name for artifact in best.artifacts] == ["predictions.csv"]
        path, media_type = workspace.tracker.get_artifact(best.id, "predictions.csv")
        assert (len(path.read_text().splitlines()), media_type) == (334, "text/csv")

    def test_its_conclusion_is_what_was_measured(self, workspace: Workspace) -> None:
        ruler = workspace.tracker.get_run("rate 0.1").metrics["rmse_g"]
        everything = workspace.tracker.get_run("species and sex").metrics["rmse_g"]
        assert ruler > 400
        assert 0.2 < 1 - everything / ruler < 0.3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_kept_without_outputs_and_with_lasting_cell_ids(path: Path) -> None:
    notebook: Any = json.loads(path.read_text(encoding="utf-8"))
    nbformat.validate(nbformat.from_dict(notebook))
    for cell in notebook["cells"]:
        assert cell["id"].replace("-", "").isalpha(), f"a random id: {cell['id']}"
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_the_data_are_small_and_say_where_they_come_from() -> None:
    described = (EXAMPLES / "data" / "README.md").read_text(encoding="utf-8")
    for path in (EXAMPLES / "data").iterdir():
        assert path.stat().st_size < 100_000
        assert path.name == "README.md" or f"`{path.name}`" in described

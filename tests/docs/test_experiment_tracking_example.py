"""The example of a model comparison, executed in a real kernel, records the comparison that it tells of."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace
from tests.docs.markdown import REPOSITORY
from tests.support.plain_user import PlainUser

NAME = "experiment_tracking_example.ipynb"
MODELS = {"nearest bird", "seven birds", "naive Bayes", "logistic"}


@pytest.fixture(scope="module")
def project(_any_plain_user: PlainUser) -> Path:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    user = _any_plain_user
    if reason := user.open_the_way():
        pytest.skip(reason)
    project = user.folder("example") / "project"
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
    yield from opened(project)


@pytest.fixture
def colleague(project: Path) -> Iterator[Workspace]:
    yield from opened(project / "colleague")


def opened(folder: Path) -> Iterator[Workspace]:
    workspace = Workspace(Location(folder, True, "the example's"), say=lambda line: None)
    yield workspace
    workspace.close()


def said_by(project: Path, cell_id: str) -> str:
    notebook = nbformat.read(project / NAME, as_version=4)
    (cell,) = [cell for cell in notebook.cells if cell["id"] == cell_id]
    return "\n".join(
        output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs
    )


@pytest.mark.newest
@pytest.mark.timeout(300)
class TestExperimentTrackingExample:
    def test_each_model_has_a_run_a_seed_with_its_folds_inside(self, workspace: Workspace) -> None:
        runs = workspace.tracker.find_runs("@contest").items
        assert {run.name for run in runs} == {f"{name}, seed {seed}" for name in MODELS for seed in range(3)}
        assert len(runs) == 12
        for run in (workspace.tracker.get_run(found.id) for found in runs):
            assert (run.experiment, run.group, run.children) == ("male or female", "round 1", {"finished": 5})
            assert (run.params["data.folds"], run.params["seed"]) == (5, int(run.name[-1]))
            kept = [(each.name, each.kind) for each in run.artifacts]
            assert {("how sure.json", "histogram"), ("predictions.csv", "table")} <= set(kept)

    def test_a_fold_has_a_point_for_each_epoch_of_its_model(self, workspace: Workspace) -> None:
        folds = workspace.tracker.find_runs('tags.kind = "fold"', limit=100).items
        epochs = {
            run.id: 100 if run.name.startswith("logistic") else 1
            for run in workspace.tracker.find_runs("@contest").items
        }
        assert len(folds) == 60
        for fold in folds:
            assert fold.experiment == "male or female"
            metrics = {each.name: each.count for each in workspace.tracker.list_metrics(fold.id)}
            assert fold.parent_id is not None
            assert metrics == dict.fromkeys(("accuracy", "log_loss"), epochs[fold.parent_id])

    def test_its_conclusion_is_what_was_measured(self, workspace: Workspace) -> None:
        board = workspace.tracker.leaderboard("accuracy", query="@contest", over="params.seed")
        found = {group.keys["params.model.name"]: group for group in board.groups}
        assert {group.n for group in board.groups} == {3}
        mean = {name: group.mean or 0.0 for name, group in found.items()}
        assert mean["seven birds"] > 0.9 and mean["logistic"] > 0.9
        assert abs(mean["seven birds"] - mean["logistic"]) < 0.01
        assert mean["naive Bayes"] < 0.8 < mean["nearest bird"] < 0.9
        by_loss = workspace.tracker.leaderboard("log_loss", query="@contest", group_by="params.model.name")
        assert by_loss.groups[0].keys == {"params.model.name": "logistic"}

    def test_the_chosen_run_has_its_figure_its_verdict_and_its_environment(
        self, workspace: Workspace
    ) -> None:
        (chosen,) = workspace.tracker.find_runs('tags.verdict = "chosen"').items
        chosen = workspace.tracker.get_run(chosen.id)
        assert (chosen.name, chosen.status) == ("logistic, seed 0", "finished")
        assert chosen.artifacts["learning.png"].read_bytes().startswith(b"\x89PNG")
        assert "knows how sure it is" in chosen.artifacts["verdict.md"].read_text()
        assert len(chosen.artifacts["predictions.csv"].to_pandas()) == 333
        assert chosen.environment is not None and "numpy" in chosen.environment.packages

    def test_the_password_is_nowhere_and_the_run_is_back_from_the_trash(
        self, workspace: Workspace, project: Path
    ) -> None:
        slip = workspace.tracker.get_run("a slip")
        assert (slip.params, slip.redacted) == ({"db": "postgresql://ann:[redacted]@islands/birds"}, 1)
        assert slip.deleted is None
        for folder in (project / ".nbproof", project / "colleague" / ".nbproof"):
            for path in folder.rglob("*"):
                assert not path.is_file() or b"hunter2" not in path.read_bytes(), path

    def test_the_colleague_has_every_run_and_point(self, workspace: Workspace, colleague: Workspace) -> None:
        ours, theirs = (
            {
                run.id: (run.name, run.params, run.metrics, run.redacted)
                for run in each.tracker.find_runs("", limit=100).items
            }
            for each in (workspace, colleague)
        )
        assert len(ours) == 73
        assert theirs == ours

    def test_cells_say_what_was_found(self, project: Path) -> None:
        assert re.search(r"accuracy: 0\.9\d+ ± 0\.\d+ over 5 folds", said_by(project, "children"))
        assert "fold " in said_by(project, "search") and "naive Bayes, seed" in said_by(project, "search")
        assert "in the trash: a slip" in said_by(project, "trash")
        assert "blanked what looks like a secret" in said_by(project, "secret")
        assert "73 taken" in said_by(project, "colleague")
        assert "not taken" not in said_by(project, "export") + said_by(project, "colleague")

"""Which value of a metric is the best, wherever that is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbproof.platform.workspace import Workspace, open_workspace
from nbproof.tracking.domain import best_is, less_is_better


@pytest.mark.parametrize(
    "name", ["loss", "val_loss", "trainLoss", "test/logloss", "RMSE", "rmse_g", "mean absolute error"]
)
def test_of_losses_and_errors_the_least_is_best(name: str) -> None:
    assert less_is_better(name)


@pytest.mark.parametrize("name", ["auc", "r2", "accuracy", "f1", "glossary", "lossless_share", "terror"])
def test_of_everything_else_the_greatest_is_best(name: str) -> None:
    assert not less_is_better(name)


@pytest.mark.parametrize(
    "name",
    ["auc", "val/AUC", "r2", "F1", "f1_macro", "top5Accuracy", "recall@10", "mAP50"],
)
def test_names_of_scores_say_that_the_greatest_is_best(name: str) -> None:
    assert best_is(name) == "greatest"


@pytest.mark.parametrize("name", ["learning_rate", "lr", "epoch", "duration", "batch_size", "scored", "x"])
def test_other_names_say_nothing_of_the_best(name: str) -> None:
    assert best_is(name) is None


def test_the_run_called_best_is_the_one_a_comparison_marks(project: Path) -> None:
    workspace = open_workspace(project, say=lambda line: None)
    assert isinstance(workspace, Workspace)
    tracker = workspace.tracker
    ids: list[str] = []
    for rmse, auc in ((0.5, 0.7), (float("-inf"), float("nan")), (0.4, 0.9)):
        with tracker.start_run(experiment="best") as run:
            run.log_metrics({"rmse": rmse, "auc": auc, "learning_rate": len(ids)})
        ids.append(run.id)
    compared = {row.key: row for row in tracker.compare_runs(*ids).metrics}
    for metric, place in (("rmse", 1), ("auc", 2)):
        assert compared[metric].best == place
        assert tracker.get_run(f"@best:{metric}").id == ids[place]
    assert compared["learning_rate"].differs
    assert compared["learning_rate"].best is None
    workspace.close()

"""MLflow on SQLite, its default; ``async`` gives a metric to a thread and does not wait."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import mlflow
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

_MOST = 1000  # that a call takes


class Adapter:
    def __init__(self, variant: str) -> None:
        self.synchronous = variant != "async"
        mlflow.set_tracking_uri("sqlite:///mlflow.db")

    def start(self) -> None:
        mlflow.set_experiment("bench")
        mlflow.start_run()

    def log(self, value: float, step: int) -> None:
        mlflow.log_metric("auc", value, step=step, synchronous=self.synchronous)

    def log_many(self, values: dict[str, float], step: int) -> None:
        mlflow.log_metrics(values, step=step, synchronous=self.synchronous)

    def log_history(self, values: list[float]) -> None:
        client, run = MlflowClient(), mlflow.active_run()
        for start in range(0, len(values), _MOST):
            now = int(time.time() * 1000)
            part = enumerate(values[start : start + _MOST], start)
            client.log_batch(run.info.run_id, [Metric("auc", value, now, step) for step, value in part])

    def end(self) -> None:
        mlflow.end_run()

    def read(self) -> Sequence[float]:
        client = MlflowClient()
        found = client.get_experiment_by_name("bench").experiment_id
        [run] = client.search_runs([found], order_by=["attributes.start_time DESC"], max_results=1)
        return [point.value for point in client.get_metric_history(run.info.run_id, "auc")]

    def log_artifact(self, path: Path) -> None:
        mlflow.log_artifact(str(path))

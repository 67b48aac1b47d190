"""Aim in a local repository.

What a run has written is seen by others only after the repository was indexed, by `aim up` or by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aim
from aim.storage.context import Context


class Adapter:
    def __init__(self, variant: str) -> None:
        self.run: Any = None

    def start(self) -> None:
        # As the others: no sampling of the machine, no copy of what is printed.
        self.run = aim.Run(
            repo=".", experiment="bench", system_tracking_interval=None, capture_terminal_logs=False
        )
        self.run.set_artifacts_uri((Path.cwd() / "artifacts").as_uri())

    def log(self, value: float, step: int) -> None:
        self.run.track(value, name="auc", step=step)

    def log_many(self, values: dict[str, float], step: int) -> None:
        self.run.track(values, step=step)

    def log_history(self, values: list[float]) -> None:
        for step, value in enumerate(values):
            self.run.track(value, name="auc", step=step)

    def end(self) -> None:
        self.run.close()

    def settle(self) -> None:
        aim.Repo.from_path(".")._recreate_index()  # `aim storage reindex`

    def read(self) -> Sequence[float]:
        found = max(aim.Repo(".").iter_runs(), key=lambda run: run.creation_time)
        metric = found.get_metric("auc", Context({}))
        return metric.values.values_list() if metric is not None else []

    def log_artifact(self, path: Path) -> None:
        self.run.log_artifact(str(path), name=path.name)

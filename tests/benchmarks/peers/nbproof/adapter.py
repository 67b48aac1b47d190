"""nbproof, as a user calls it."""

from __future__ import annotations

from collections.abc import Sized
from pathlib import Path

import nbproof as nbp


class Adapter:
    def __init__(self, variant: str) -> None:
        pass

    def start(self) -> None:
        nbp.start_run(experiment="bench")

    def log(self, value: float, step: int) -> None:
        nbp.log_metric("auc", value, step=step)

    def log_many(self, values: dict[str, float], step: int) -> None:
        nbp.log_metrics(values, step=step)

    def log_history(self, values: list[float]) -> None:
        nbp.log_history("auc", values)

    def end(self) -> None:
        nbp.end_run()

    def settle(self) -> None:
        # Into the records, as the server does twice a second and a process of its own at the end.
        nbp.get_run("@last")

    def read(self) -> Sized:
        return nbp.get_run("@last").metric_arrays("auc").value

    def log_artifact(self, path: Path) -> None:
        nbp.log_artifact(path)

"""DVCLive without a DVC repository: one line of a table a metric; what it cannot do there has no method."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dvclive import Live

_FOLDER = "dvclive"


class Adapter:
    def __init__(self, variant: str) -> None:
        self.live: Any = None

    def start(self) -> None:
        self.live = Live(_FOLDER, save_dvc_exp=False, dvcyaml=None, report=None)

    def log(self, value: float, step: int) -> None:
        self.live.step = step
        self.live.log_metric("auc", value)

    def log_many(self, values: dict[str, float], step: int) -> None:
        self.live.step = step
        for name, value in values.items():
            self.live.log_metric(name, value)

    def log_history(self, values: list[float]) -> None:
        for step, value in enumerate(values):
            self.log(value, step)

    def end(self) -> None:
        self.live.end()

    def read(self) -> Sequence[float]:
        # It has no call for it; this is the quickest way to read its table with what Python brings.
        text = Path(_FOLDER, "plots", "metrics", "auc.tsv").read_text()
        return [float(line.rpartition("\t")[2]) for line in text.splitlines()[1:]]

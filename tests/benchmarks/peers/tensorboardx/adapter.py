"""tensorboardX writes, TensorBoard reads."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tensorboardX import SummaryWriter


class Adapter:
    def __init__(self, variant: str) -> None:
        self.writer: Any = None

    def start(self) -> None:
        self.writer = SummaryWriter(f"runs/{time.time_ns()}")

    def log(self, value: float, step: int) -> None:
        self.writer.add_scalar("auc", value, step)

    def log_many(self, values: dict[str, float], step: int) -> None:
        # `add_scalars` makes a file for each name.
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def log_history(self, values: list[float]) -> None:
        for step, value in enumerate(values):
            self.writer.add_scalar("auc", value, step)

    def end(self) -> None:
        self.writer.close()

    def read(self) -> Sequence[float]:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        newest = max(Path("runs").iterdir())
        events = EventAccumulator(str(newest), size_guidance={"scalars": 0, "tensors": 0})
        events.Reload()
        return [event.value for event in events.Scalars("auc")] if "auc" in events.scalars.Keys() else []

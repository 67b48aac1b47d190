"""Trackio in a local folder, without a space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import trackio
from trackio.sqlite_storage import SQLiteStorage


class Adapter:
    def __init__(self, variant: str) -> None:
        pass

    def start(self) -> None:
        trackio.init(project="bench")

    def log(self, value: float, step: int) -> None:
        trackio.log({"auc": value}, step=step)

    def log_many(self, values: dict[str, float], step: int) -> None:
        trackio.log(values, step=step)

    def log_history(self, values: list[float]) -> None:
        for step, value in enumerate(values):
            trackio.log({"auc": value}, step=step)

    def end(self) -> None:
        trackio.finish()

    def read(self) -> Sequence[float]:
        # What its dashboard and its command line call.
        found = SQLiteStorage.get_run_records("bench")
        rows = SQLiteStorage.get_logs("bench", found[-1]["name"], run_id=found[-1]["id"]) if found else []
        return [row["auc"] for row in rows if "auc" in row]

    def log_artifact(self, path: Path) -> None:
        trackio.log_artifact(path, name=path.stem)

"""W&B offline: its helper process writes a file that only its server reads; so we read it ourselves."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import wandb

_BLOCK = 32768
_HEADER = 7
_FULL, _FIRST, _LAST = 1, 2, 4


class Adapter:
    def __init__(self, variant: str) -> None:
        self.run: Any = None

    def start(self) -> None:
        self.run = wandb.init(project="bench", mode="offline", settings=wandb.Settings(x_disable_stats=True))

    def log(self, value: float, step: int) -> None:
        self.run.log({"auc": value}, step=step)

    def log_many(self, values: dict[str, float], step: int) -> None:
        self.run.log(values, step=step)

    def log_history(self, values: list[float]) -> None:
        for step, value in enumerate(values):
            self.run.log({"auc": value}, step=step)

    def end(self) -> None:
        self.run.finish()

    def read(self) -> Sequence[float]:
        from wandb.proto import wandb_internal_pb2 as messages

        newest = max(Path("wandb").glob("offline-run-*/*.wandb"), key=lambda path: path.stat().st_ctime)
        values = []
        for data in _records(newest.read_bytes()):
            record = messages.Record.FromString(data)
            if record.WhichOneof("record_type") == "history":
                for item in record.history.item:
                    if "auc" in (item.key, *item.nested_key):
                        values.append(json.loads(item.value_json))
        return values

    def log_artifact(self, path: Path) -> None:
        artifact = wandb.Artifact(path.stem, type="model")
        artifact.add_file(str(path))
        self.run.log_artifact(artifact)


def _records(data: bytes) -> Iterator[bytes]:
    """Records of LevelDB's log format, up to one that was cut off."""
    place = _HEADER
    parts: list[bytes] = []
    while place + _HEADER <= len(data):
        if _BLOCK - place % _BLOCK < _HEADER:
            place += _BLOCK - place % _BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", data, place)
        place += _HEADER
        part = data[place : place + length]
        place += length
        if len(part) < length or not kind:
            return
        if kind in (_FULL, _FIRST):
            parts = []
        parts.append(part)
        if kind in (_FULL, _LAST):
            yield b"".join(parts)

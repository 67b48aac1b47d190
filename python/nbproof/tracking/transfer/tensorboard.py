"""Runs of TensorBoard: every folder that holds event files is one.

Scalars become metrics, the hparams plugin's values params, images, sounds and texts artifacts.  TensorBoard
knows no name, no owner and, but for the hparams plugin, no end of a run; what is made up for them is said
in the report.
"""

from __future__ import annotations

import io
import math
import os
import re
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nbproof.core.clock import datetime_of
from nbproof.core.errors import Invalid, PlatformError
from nbproof.tracking.points import Points
from nbproof.tracking.transfer.event_files import (
    Damaged,
    Event,
    Value,
    encoded,
    event_of,
    hyperparameters,
    is_event_file,
    numbers,
    records,
    strings,
)
from nbproof.tracking.transfer.portable import (
    PIECE,
    Findings,
    PortableArtifact,
    PortableExperiment,
    PortableRun,
    Step,
    derived_id,
)
from nbproof.tracking.values import artifact_name

__all__ = ["TensorBoardSource", "is_tensorboard"]

_MARK = ".tfevents."
_ENDINGS = {
    b"\x89PNG": (".png", "image/png"),
    b"\xff\xd8\xff": (".jpg", "image/jpeg"),
    b"GIF8": (".gif", "image/gif"),
    b"RIFF": (".wav", "audio/wav"),
}
_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_799  # the years 1 and 9999, in seconds


def is_tensorboard(path: Path) -> bool:
    """Whether a file is an event file, or a folder holds one somewhere."""
    if path.is_file():
        return (_MARK in path.name or path.suffix == "") and is_event_file(path)
    return any(True for _ in _folders(path))


def _folders(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    for place, folders, names in os.walk(root):
        folders.sort()
        files = [Path(place, name) for name in sorted(names) if _MARK in name]
        if files:
            yield Path(place), files


@dataclass(slots=True)
class _Columns:
    steps: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))


class TensorBoardSource:
    """The runs of a folder of TensorBoard, or of one event file.

    Raises
    ------
    Invalid
        There is no event file.
    """

    format = "tensorboard"

    def __init__(self, path: Path, *, name: str | None = None) -> None:
        self.findings = Findings()
        root = path if path.is_dir() else path.parent
        found = list(_folders(path)) if path.is_dir() else [(root, [path])]
        if not found:
            raise Invalid(
                f"{str(path)!r} holds no event files of TensorBoard (named like events.out.tfevents.123)",
                hint="name the folder that was given to tensorboard --logdir",
                details={"field": "path"},
            )
        self._root = name or root.resolve().name or "tensorboard"
        self._runs: dict[str, tuple[str, list[Path]]] = {}
        for folder, files in found:
            called = folder.relative_to(root).as_posix() if folder != root else self._root
            first = _first_seconds(files[0])
            # Event files are named by time and host, so a folder may be moved; a file may have been sent.
            file = files[0].name if path.is_dir() else name or path.name
            identifier = derived_id("tensorboard", file, repr(first), started_us=_microseconds(first))
            if identifier in self._runs:
                self.findings.skip("run", called, "it is a copy of another one in this folder")
            else:
                self._runs[identifier] = (called, files)
        self.findings.note(
            "TensorBoard does not say how a run ended: it is finished unless its hparams say otherwise"
        )

    @property
    def run_ids(self) -> Collection[str]:
        """Ids of the runs."""
        return self._runs

    def experiments(self) -> list[PortableExperiment]:
        """Nothing is known of them."""
        return []

    def check(self, step: Step) -> None:
        """What is damaged is found when it is read."""

    def close(self) -> None:
        """Nothing stays open."""

    def runs(self) -> Iterator[PortableRun]:
        """The runs, folder by folder."""
        for identifier, (name, files) in self._runs.items():
            yield _Reading(self.findings, name, files).run(identifier, self._root)


class _Reading:
    """One pass over the files of a run."""

    def __init__(self, findings: Findings, name: str, files: list[Path]) -> None:
        self._findings = findings
        self._name = name
        self._files = files
        self._metrics: dict[str, _Columns] = {}
        self._params: dict[str, Any] = {}
        self._artifacts: dict[str, PortableArtifact] = {}
        self._status = "finished"
        self._first = math.inf
        self._last = -math.inf

    def run(self, identifier: str, experiment: str) -> PortableRun:
        for file in self._files:
            self._read(file)
        if self._first > self._last:
            self._first = self._last = 0.0
        columns = {
            tag: Points(
                np.frombuffer(read.steps, np.int64),
                np.frombuffer(read.times, np.int64),
                np.frombuffer(read.values, np.float64),
            )
            for tag, read in self._metrics.items()
        }
        return PortableRun(
            id=identifier,
            name=self._name,
            experiment=experiment,
            started_us=_microseconds(self._first),
            ended_us=_microseconds(self._last),
            status=self._status,
            params=self._params,
            tags={"tensorboard.file": self._files[0].name},
            artifacts=list(self._artifacts.values()),
            points=lambda: iter(columns.items()),
        )

    def _read(self, file: Path) -> None:
        try:
            with file.open("rb", buffering=PIECE) as stream:
                for at, data in records(stream):
                    if data is None:
                        self._skip("record", f"{file.name}, byte {at}", "its checksum is wrong")
                        continue
                    try:
                        event = event_of(data)
                        for value in event.values:
                            self._take(file, at, data, event, value)
                    except Damaged as error:
                        self._skip("record", f"{file.name}, byte {at}", str(error))
                        continue
                    if event.other not in ("", "file version", "session"):
                        self._skip(event.other, "", "it is not taken")
                    if _EARLIEST < event.seconds < _LATEST:
                        self._first = min(self._first, event.seconds)
                        self._last = max(self._last, event.seconds)
        except EOFError as error:
            self._skip("record", f"{file.name}, byte {error.args[0]}", "the file ends in the middle of it")
        except Damaged as error:
            self._skip("rest of a file", f"{file.name}, from byte {error.args[1]}", str(error.args[0]))
        except OSError as error:
            self._skip("file", file.name, f"it can't be read: {error.strerror or error}")

    def _take(self, file: Path, at: int, data: bytes, event: Event, value: Value) -> None:
        plugin = value.plugin
        if plugin == "hparams":
            params, ending, seconds = hyperparameters(data, value)
            self._params |= params
            self._status = ending or self._status
            if seconds is not None and _EARLIEST < seconds < _LATEST:
                self._last = max(self._last, seconds)
        elif value.kind == "scalar":
            self._point(event, value.tag, value.number)
        elif value.kind in ("image", "audio"):
            span = encoded(data, value)
            if span is not None:
                self._file(file, at, span, data, event, value)
        elif value.kind == "tensor" and plugin in ("", "scalars"):
            found = numbers(data, value)
            if found is not None and len(found) == 1:
                self._point(event, value.tag, found[0])
            else:
                self._skip("tensor", value.tag, "it is not one number")
        elif value.kind == "tensor" and plugin == "text":
            texts = strings(data, value) or []
            self._bytes(
                f"text/{_part(value.tag)}/{event.step}.md", b"\n\n".join(texts), "text/markdown", event
            )
        elif value.kind == "tensor" and plugin == "images":
            # The first two say width and height.
            for number, image in enumerate((strings(data, value) or [])[2:]):
                ending, kind = _kind_of(image)
                more = f"-{number}" if number else ""
                self._bytes(f"images/{_part(value.tag)}/{event.step}{more}{ending}", image, kind, event)
        else:
            self._skip(plugin or value.kind or "value", value.tag, "it is not taken")

    def _point(self, event: Event, tag: str, number: float) -> None:
        columns = self._metrics.setdefault(tag, _Columns())
        columns.steps.append(event.step)
        columns.times.append(_microseconds(event.seconds))
        columns.values.append(number)

    def _file(
        self, file: Path, at: int, span: tuple[int, int], data: bytes, event: Event, value: Value
    ) -> None:
        start, end = span
        ending, kind = _kind_of(data[start : start + 4])
        folder = "images" if value.kind == "image" else "audio"

        def opened() -> BinaryIO:
            with file.open("rb") as stream:
                stream.seek(at + start)
                return io.BytesIO(stream.read(end - start))

        self._add(f"{folder}/{_part(value.tag)}/{event.step}{ending}", opened, end - start, kind, event)

    def _bytes(self, name: str, content: bytes, kind: str, event: Event) -> None:
        self._add(name, lambda: io.BytesIO(content), len(content), kind, event)

    def _add(self, name: str, opened: Any, size: int, kind: str, event: Event) -> None:
        try:
            name = artifact_name(name)
        except PlatformError as error:
            self._skip("artifact", name, error.message)
            return
        facts = {"media_type": kind, "created": _rfc3339(_microseconds(event.seconds))}
        self._artifacts[name] = PortableArtifact(name, opened, size, facts=facts)

    def _skip(self, kind: str, what: str, reason: str) -> None:
        self._findings.skip(kind, f"{self._name}: {what}" if what else self._name, reason)


def _first_seconds(file: Path) -> float:
    """When the first event of a file was; 0 where there is none."""
    try:
        with file.open("rb") as stream:
            for _, data in records(stream):
                return event_of(data).seconds if data is not None else 0.0
    except (OSError, EOFError, Damaged):
        pass
    return 0.0


def _part(tag: str) -> str:
    """A tag as a part of an artifact's name."""
    return "/".join(re.sub(r"^\.+$|[\x00-\x1f\x7f\\]", "_", part) or "_" for part in tag.split("/"))


def _kind_of(content: bytes) -> tuple[str, str]:
    for begins, kind in _ENDINGS.items():
        if content.startswith(begins):
            return kind
    return ".bin", "application/octet-stream"


def _microseconds(seconds: float) -> int:
    return round(seconds * 1_000_000) if _EARLIEST < seconds < _LATEST else 0


def _rfc3339(microseconds: int) -> str:
    return datetime_of(microseconds).isoformat().replace("+00:00", "Z")

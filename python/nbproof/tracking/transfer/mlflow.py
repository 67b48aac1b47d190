"""Runs of an MLflow store: a folder ``mlruns`` or a database ``mlflow.db``.

The store is read as files and by SQL, without MLflow; nothing in it is executed or unpickled, and it is not
changed. Artifacts are looked for beside the store only: an address that points elsewhere is reported, never
followed.

MLflow keeps params as text.  One that is exactly how Python writes a number, a boolean or None is taken as
that, so that searches can compare it; any other stays text.
"""

from __future__ import annotations

import math
import os
import re
import sqlite3
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import unquote, urlsplit

import numpy as np

from nbproof.core.clock import datetime_of
from nbproof.core.errors import Invalid, PlatformError
from nbproof.core.ids import is_id
from nbproof.tracking.points import Points
from nbproof.tracking.transfer.portable import (
    Findings,
    PortableArtifact,
    PortableExperiment,
    PortableRun,
    Step,
    derived_id,
)
from nbproof.tracking.values import artifact_name

__all__ = ["MlflowDatabase", "MlflowFiles", "is_mlflow_database", "is_mlflow_folder"]

_ENDINGS = {
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "cancelled",
    "RUNNING": "running",
    "SCHEDULED": "running",
}
_STATUS_BY_NUMBER = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
# Tags that say what a run has a place for.
_TOLD = {
    "mlflow.runName": "name",
    "mlflow.note.content": "notes",
    "mlflow.parentRunId": "parent",
    "mlflow.user": "user",
    "mlflow.source.name": "source",
    "mlflow.source.git.commit": "commit",
    "mlflow.source.git.branch": "branch",
}
_MOST_META = 4 << 20
_ROWS = 1 << 16


def is_mlflow_folder(path: Path) -> bool:
    """Whether a folder is a store of files, or holds one called ``mlruns``."""
    return _store_in(path) is not None


def _store_in(path: Path) -> Path | None:
    for folder in (path, path / "mlruns"):
        if folder.is_dir() and any(folder.glob("*/meta.yaml")):
            return folder
    return None


def is_mlflow_database(path: Path) -> bool:
    """Whether a file is a SQLite database with MLflow's tables."""
    try:
        with path.open("rb") as file:
            if file.read(16) != b"SQLite format 3\0":
                return False
        with closing(_connected(path)) as connection:
            return {"experiments", "runs"} <= _tables(connection)
    except (OSError, sqlite3.Error):
        return False


@dataclass(slots=True)
class _Told:
    """What a store says of a run."""

    id: str
    experiment_id: str
    name: str | None
    status: str
    started_ms: int | None
    ended_ms: int | None
    artifact_uri: str
    params: dict[str, str]
    tags: dict[str, str]
    user: str | None = None
    source: str | None = None
    commit: str | None = None
    deleted: bool = False


@dataclass(slots=True)
class _Model:
    """A logged model of MLflow 3: its files lie apart from those of the run that logged it."""

    id: str
    name: str
    experiment_id: str
    run_id: str | None
    uri: str


@dataclass(slots=True)
class _Experiment:
    id: str
    name: str
    tags: dict[str, str] = field(default_factory=dict)
    deleted: bool = False


class _MlflowStore:
    """What both kinds of store share."""

    format = "mlflow"

    def __init__(self, roots: Sequence[Path], *, deleted: bool) -> None:
        self.findings = Findings()
        self._roots = [root.resolve() for root in roots if root.is_dir()]
        self._deleted = deleted
        self._experiments: dict[str, _Experiment] = {}
        self._models: dict[str, list[_Model]] = {}

    def check(self, step: Step) -> None:
        """A store is read run by run; what is damaged is found then."""

    def close(self) -> None:
        """Nothing stays open."""

    def experiments(self) -> list[PortableExperiment]:
        """Experiments with description and tags."""
        return [
            PortableExperiment(
                each.name,
                each.tags.get("mlflow.note.content"),
                {key: text for key, text in each.tags.items() if key != "mlflow.note.content"},
            )
            for each in self._experiments.values()
            if self._deleted or not each.deleted
        ]

    def _portable(self, told: _Told) -> PortableRun | None:
        experiment = self._experiments[told.experiment_id]
        said = {place: told.tags.pop(tag) for tag, place in _TOLD.items() if tag in told.tags}
        name = told.name or said.get("name") or told.id[:8]
        if (told.deleted or experiment.deleted) and not self._deleted:
            self.findings.skip(
                "run", f"{name} ({told.id})", "it is deleted in MLflow; deleted runs are taken if asked"
            )
            return None
        if told.started_ms is None:
            self.findings.note(f"run {name!r} has no start in MLflow: 1970 stands for it")
        started_us = (told.started_ms or 0) * 1000
        run = PortableRun(
            id=_run_id(told.id),
            name=name,
            experiment=experiment.name,
            started_us=started_us,
            ended_us=None if told.ended_ms is None else told.ended_ms * 1000,
            status=_ENDINGS.get(told.status, "finished"),
            parent_id=_run_id(parent) if (parent := said.get("parent")) else None,
            notes=said.get("notes"),
            params={key: _typed(text) for key, text in told.params.items()},
            tags={**told.tags, "mlflow.runId": told.id},
        )
        if told.deleted or experiment.deleted:
            run.tags["mlflow.lifecycleStage"] = "deleted"
        for place in ("user", "source"):
            if value := said.get(place) or getattr(told, place):
                run.facts[place] = value
        commit, branch = said.get("commit") or told.commit, said.get("branch")
        if commit or branch:
            run.git = {"commit": commit or None, "branch": branch or None, "dirty": None}
        run.artifacts = list(self._artifacts(run, told))
        return run

    # -- artifacts -----------------------------------------------------------------------------------

    def _artifacts(self, run: PortableRun, told: _Told) -> Iterator[PortableArtifact]:
        places = [(told.artifact_uri, [told.experiment_id, told.id, "artifacts"], "")]
        places += [
            (model.uri, [told.experiment_id, "models", model.id, "artifacts"], f"{model.name}/")
            for model in self._models.get(told.id, [])
        ]
        taken: set[str] = set()
        for uri, usual, prefix in places:
            folder = self._folder(uri, usual)
            if folder is not None:
                for artifact in self._files(run, *folder, prefix):
                    if artifact.name not in taken:
                        taken.add(artifact.name)
                        yield artifact
            elif _is_elsewhere(uri):
                what = f"{run.name}: {prefix or 'all'}"
                self.findings.skip(
                    "artifact", what, f"MLflow keeps it at {uri.split('?')[0]}, not beside the store"
                )

    def _folder(self, uri: str, usual: list[str]) -> tuple[Path, Path] | None:
        """The folder of an address below one of our roots, and that root: the store may have been moved."""
        parts = [part for part in unquote(urlsplit(uri).path).replace("\\", "/").split("/") if part]
        tries = [usual, *(parts[-number:] for number in range(min(len(parts), 6), 1, -1))]
        for root in self._roots:
            for each in tries:
                if ".." in each:
                    continue
                folder = root.joinpath(*each)
                if folder.is_dir() and folder.resolve().is_relative_to(root):
                    return folder, root
        return None

    def _files(self, run: PortableRun, folder: Path, root: Path, prefix: str) -> Iterator[PortableArtifact]:
        for place, folders, names in os.walk(folder):
            folders.sort()
            for file_name in sorted(names):
                file = Path(place, file_name)
                name = prefix + file.relative_to(folder).as_posix()
                shown = f"{run.name}: {name}"
                try:
                    if not file.resolve(strict=True).is_relative_to(root):
                        self.findings.skip("artifact", shown, "it is a link that leads out of the store")
                        continue
                    if not file.is_file():
                        self.findings.skip("artifact", shown, "it is no regular file")
                        continue
                    state = file.stat()
                    yield PortableArtifact(
                        artifact_name(name),
                        lambda file=file: cast(BinaryIO, file.open("rb")),  # type: ignore[misc]
                        state.st_size,
                        facts={"created": _rfc3339(state.st_mtime_ns // 1000)},
                    )
                except PlatformError as error:
                    self.findings.skip("artifact", shown, error.message)
                except OSError as error:
                    self.findings.skip("artifact", shown, f"it can't be read: {error.strerror or error}")


class MlflowFiles(_MlflowStore):
    """The runs of a folder ``mlruns``.

    Parameters
    ----------
    path : Path
        The store, or the folder that holds ``mlruns``.
    artifacts : Path, optional
        Where else its artifacts lie.
    deleted : bool
        Whether deleted runs are taken, too.

    Raises
    ------
    Invalid
        It is no such store.
    """

    def __init__(self, path: Path, *, artifacts: Path | None = None, deleted: bool = False) -> None:
        store = _store_in(path)
        if store is None:
            raise Invalid(
                f"{str(path)!r} is no MLflow store: none of its folders has a meta.yaml",
                hint="name the folder mlruns, or the file mlflow.db",
                details={"field": "path"},
            )
        super().__init__([*([artifacts] if artifacts else []), store, store.parent], deleted=deleted)
        self._runs: dict[str, tuple[Path, str]] = {}
        for folder in [*sorted(store.iterdir()), *sorted((store / ".trash").glob("*"))]:
            if (folder / "meta.yaml").is_file():
                self._experiment(folder)

    @property
    def run_ids(self) -> Collection[str]:
        """Ids of the runs."""
        return [_run_id(identifier) for identifier in self._runs]

    def runs(self) -> Iterator[PortableRun]:
        """The runs, experiment by experiment."""
        for identifier, (folder, experiment_id) in self._runs.items():
            told = self._told(identifier, folder, experiment_id)
            run = None if told is None else self._portable(told)
            if run is not None:
                run.points = lambda folder=folder, run=run: self._points(folder, run)  # type: ignore[misc]
                if run.ended_us is None:
                    run.ended_us = max((int(p.times.max()) for _, p in run.points()), default=run.started_us)
                yield run

    def _experiment(self, folder: Path) -> None:
        meta = self._meta(folder)
        if meta is None:
            return
        identifier = str(meta.get("experiment_id", folder.name))
        deleted = folder.parent.name == ".trash" or meta.get("lifecycle_stage") == "deleted"
        name = str(meta.get("name") or identifier)
        self._experiments[identifier] = _Experiment(identifier, name, self._texts(folder / "tags"), deleted)
        for each in sorted(folder.iterdir()):
            if each.name in ("tags", "models", "datasets", "traces") or not each.is_dir():
                continue
            if (each / "meta.yaml").is_file():
                self._runs[each.name] = (each, identifier)
        for each in sorted((folder / "models").glob("*")):
            model = self._meta(each) if (each / "meta.yaml").is_file() else None
            if model is not None:
                self._model(
                    _Model(
                        str(model.get("model_id", each.name)),
                        str(model.get("name") or each.name),
                        identifier,
                        str(model["source_run_id"]) if model.get("source_run_id") else None,
                        str(model.get("artifact_location") or model.get("artifact_uri") or ""),
                    )
                )
        for kind in ("datasets", "traces"):
            for each in (folder / kind).glob("*"):
                self.findings.skip(kind.removesuffix("s"), f"{name}: {each.name}", "it is not taken yet")

    def _told(self, identifier: str, folder: Path, experiment_id: str) -> _Told | None:
        meta = self._meta(folder)
        if meta is None:
            return None
        status = meta.get("status")
        for entry in (folder / "inputs").glob("*"):
            self.findings.skip("dataset of a run", f"{identifier}: {entry.name}", "it is not taken yet")
        return _Told(
            id=str(meta.get("run_id") or meta.get("run_uuid") or identifier),
            experiment_id=experiment_id,
            name=str(meta["run_name"]) if meta.get("run_name") else str(meta.get("name") or "") or None,
            status=_STATUS_BY_NUMBER.get(status, "FINISHED") if isinstance(status, int) else str(status),
            started_ms=_integer(meta.get("start_time")),
            ended_ms=_integer(meta.get("end_time")),
            artifact_uri=str(meta.get("artifact_uri") or ""),
            params=self._texts(folder / "params"),
            tags=self._texts(folder / "tags"),
            user=str(meta["user_id"]) if meta.get("user_id") else None,
            source=str(meta["source_name"]) if meta.get("source_name") else None,
            commit=str(meta["source_version"]) if meta.get("source_version") else None,
            deleted=meta.get("lifecycle_stage") == "deleted",
        )

    def _model(self, model: _Model) -> None:
        if model.run_id is None:
            self.findings.skip("logged model", f"{model.name} ({model.id})", "no run says that it logged it")
        else:
            self._models.setdefault(model.run_id, []).append(model)

    def _meta(self, folder: Path) -> dict[str, Any] | None:
        import yaml  # type: ignore[import-untyped]  # it has no stubs

        file = folder / "meta.yaml"
        try:
            if file.stat().st_size > _MOST_META:
                raise ValueError(f"it has {file.stat().st_size:,} bytes")
            told = yaml.safe_load(file.read_bytes())
            if not isinstance(told, dict):
                raise ValueError("it is no mapping")
            return told
        except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
            first = str(error).partition("\n")[0]
            self.findings.skip("run", folder.name, f"its meta.yaml can't be read: {first}")
            return None

    def _texts(self, folder: Path) -> dict[str, str]:
        """Params or tags: a file each, named by its path."""
        found = {}
        for file in _files_of(folder):
            try:
                found[file.relative_to(folder).as_posix()] = file.read_text("utf-8").removesuffix("\n")
            except (OSError, UnicodeDecodeError) as error:
                kind = folder.name.removesuffix("s")
                self.findings.skip(kind, f"{folder.parent.name}: {file.name}", f"it can't be read: {error}")
        return found

    def _points(self, folder: Path, run: PortableRun) -> Iterator[tuple[str, Points]]:
        for file in _files_of(folder / "metrics"):
            name = file.relative_to(folder / "metrics").as_posix()
            rows: list[tuple[int, int, float]] = []
            with file.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    try:
                        rows.append(_point_of(line))
                    except (ValueError, IndexError, OverflowError):
                        shown = f"{run.name}: {name}, line {number}"
                        self.findings.skip("point", shown, "the line can't be read")
                    if len(rows) >= _ROWS:
                        yield name, _points_of(rows)
                        rows = []
            if rows:
                yield name, _points_of(rows)


class MlflowDatabase(_MlflowStore):
    """The runs of a database ``mlflow.db``, of any MLflow from 0.9 on.

    Parameters
    ----------
    path : Path
    artifacts : Path, optional
        Where else its artifacts lie.
    deleted : bool
        Whether deleted runs are taken, too.
    beside : bool
        Whether artifacts may be looked for beside the file; not where it came from afar.
    """

    def __init__(
        self, path: Path, *, artifacts: Path | None = None, deleted: bool = False, beside: bool = True
    ) -> None:
        folder = path.resolve().parent
        near = [folder, folder / "mlruns", folder / "mlartifacts"] if beside else []
        super().__init__([*([artifacts] if artifacts else []), *near], deleted=deleted)
        self._path = path
        self._ids: list[str] = []
        try:
            with closing(_connected(path)) as connection:
                self._look(connection)
        except sqlite3.Error as error:
            raise self._unreadable(error) from None

    @property
    def run_ids(self) -> Collection[str]:
        """Ids of the runs."""
        return [_run_id(identifier) for identifier in self._ids]

    def runs(self) -> Iterator[PortableRun]:
        """The runs, the oldest first."""
        try:
            with closing(_connected(self._path)) as connection:
                for identifier in self._ids:
                    run = self._run(connection, identifier)
                    if run is not None:
                        yield run
        except sqlite3.Error as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: sqlite3.Error) -> Invalid:
        return Invalid(
            f"{self._path.name!r} can't be read as a database of MLflow: {error}",
            hint="a file like mlflow.db, not in use by a server that is writing",
            details={"field": "path"},
        )

    def _look(self, connection: sqlite3.Connection) -> None:
        tables = _tables(connection)
        if not {"experiments", "runs", "metrics", "params", "tags"} <= tables:
            missing = sorted({"experiments", "runs", "metrics", "params", "tags"} - tables)
            raise Invalid(
                f"{self._path.name!r} is no database of MLflow: it has no table {missing[0]!r}",
                details={"field": "path"},
            )
        for row in _rows(connection, "experiments"):
            self._experiments[str(row["experiment_id"])] = _Experiment(
                str(row["experiment_id"]),
                str(row["name"]),
                deleted=row.get("lifecycle_stage") == "deleted",
            )
        if "experiment_tags" in tables:
            for row in _rows(connection, "experiment_tags"):
                if str(row["experiment_id"]) in self._experiments:
                    self._experiments[str(row["experiment_id"])].tags[str(row["key"])] = str(row["value"])
        if "logged_models" in tables:
            for row in _rows(connection, "logged_models"):
                model = _Model(
                    str(row["model_id"]),
                    str(row["name"]),
                    str(row["experiment_id"]),
                    str(row["source_run_id"]) if row.get("source_run_id") else None,
                    str(row.get("artifact_location") or ""),
                )
                if model.run_id is None:
                    self.findings.skip(
                        "logged model", f"{model.name} ({model.id})", "no run says that it logged it"
                    )
                else:
                    self._models.setdefault(model.run_id, []).append(model)
        for table, kind in (
            ("inputs", "dataset of a run"),
            ("trace_info", "trace"),
            ("registered_models", "registered model"),
            ("model_versions", "model version"),
        ):
            if table in tables:
                for number, row in enumerate(_rows(connection, table)):
                    name = row.get("name") or row.get("request_id") or row.get("input_uuid") or number
                    self.findings.skip(
                        kind, f"{name} {row.get('version') or ''}".strip(), "it is not taken yet"
                    )
        self._ids = [
            str(row["run_uuid"])
            for row in _rows(connection, "runs")
            if str(row["experiment_id"]) in self._experiments
        ]

    def _run(self, connection: sqlite3.Connection, identifier: str) -> PortableRun | None:
        row = next(iter(_rows(connection, "runs", "run_uuid = ?", identifier)), None)
        if row is None:
            return None
        status = row["status"]
        run = self._portable(
            _Told(
                id=identifier,
                experiment_id=str(row["experiment_id"]),
                name=row.get("name") or None,
                status=_STATUS_BY_NUMBER.get(status, "FINISHED") if isinstance(status, int) else str(status),
                started_ms=_integer(row["start_time"]),
                ended_ms=_integer(row["end_time"]),
                artifact_uri=str(row.get("artifact_uri") or ""),
                params=_pairs(connection, "params", identifier),
                tags=_pairs(connection, "tags", identifier),
                user=row.get("user_id") or None,
                source=row.get("source_name") or None,
                commit=row.get("source_version") or None,
                deleted=row.get("lifecycle_stage") == "deleted",
            )
        )
        if run is None:
            return None
        run.points = lambda: self._points(identifier)
        if run.ended_us is None:
            latest = connection.execute(
                "SELECT max(timestamp) FROM metrics WHERE run_uuid = ?", (identifier,)
            ).fetchone()[0]
            run.ended_us = max(run.started_us, (_integer(latest) or 0) * 1000)
        return run

    def _points(self, identifier: str) -> Iterator[tuple[str, Points]]:
        # A connection of its own: the runs are being read meanwhile.
        with closing(_connected(self._path)) as connection:
            columns = _columns(connection, "metrics")
            step = "step" if "step" in columns else "0"
            is_nan = "is_nan" if "is_nan" in columns else "0"
            found = connection.execute(
                f"SELECT key, {step} AS at, timestamp, value, {is_nan} FROM metrics WHERE run_uuid = ? "
                "ORDER BY key, timestamp, at, value",
                (identifier,),
            )
            name = ""
            rows: list[tuple[int, int, float]] = []
            for key, at, milliseconds, value, nan in found:
                if rows and (str(key) != name or len(rows) >= _ROWS):
                    yield name, _points_of(rows)
                    rows = []
                name = str(key)
                try:
                    rows.append(_checked(at or 0, milliseconds or 0, math.nan if nan else _unclamped(value)))
                except (TypeError, ValueError, OverflowError):
                    self.findings.skip("point", f"{identifier}: {name}", "the row can't be read")
            if rows:
                yield name, _points_of(rows)


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)
    # Nothing that the file's author wrote into its schema runs here.
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA query_only = ON")
    return connection


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]


def _rows(
    connection: sqlite3.Connection, table: str, where: str = "1", *values: object
) -> Iterator[Mapping[str, Any]]:
    """Rows of a table with the columns it has: they differ from one MLflow to the next."""
    columns = _columns(connection, table)
    order = " ORDER BY start_time, run_uuid" if table == "runs" else ""
    for row in connection.execute(f'SELECT * FROM "{table}" WHERE {where}{order}', values):
        yield dict(zip(columns, row, strict=True))


def _pairs(connection: sqlite3.Connection, table: str, identifier: str) -> dict[str, str]:
    found = connection.execute(
        f'SELECT key, value FROM "{table}" WHERE run_uuid = ? ORDER BY key', (identifier,)
    )
    return {str(key): "" if value is None else str(value) for key, value in found}


def _files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _point_of(line: bytes) -> tuple[int, int, float]:
    # time in ms, value, and the step; what follows names a dataset
    words = line.split()
    return _checked(int(words[2]) if len(words) > 2 else 0, int(words[0]), float(words[1]))


def _checked(step: Any, milliseconds: Any, value: float) -> tuple[int, int, float]:
    """A point, or an error where step or time is no integer of 64 bits."""
    point = int(step), int(milliseconds) * 1000, value
    if not (-(2**63) <= point[0] < 2**63 and -(2**63) <= point[1] < 2**63):
        raise OverflowError
    return point


def _points_of(rows: Sequence[tuple[int, int, float]]) -> Points:
    steps, times, values = zip(*rows, strict=True)
    return Points(np.array(steps, np.int64), np.array(times, np.int64), np.array(values, np.float64))


def _unclamped(value: Any) -> float:
    """MLflow's databases keep the greatest float in place of infinity."""
    number = float(value)
    return math.copysign(math.inf, number) if abs(number) == sys.float_info.max else number


def _typed(text: str) -> Any:
    """A param as what Python would have written so."""
    if text in ("True", "False", "None"):
        return {"True": True, "False": False, "None": None}[text]
    if re.fullmatch(r"-?\d{1,400}", text) and str(int(text)) == text:
        return int(text)
    if re.fullmatch(r"-?(\d+\.\d+|\d(\.\d+)?e[+-]\d+|inf)|nan", text) and repr(float(text)) == text:
        return float(text)
    return text


def _run_id(identifier: str) -> str:
    return identifier if is_id(identifier) else derived_id("mlflow", identifier)


def _integer(value: Any) -> int | None:
    """A time in ms, if it is one of the years 1970 to 9999."""
    return value if isinstance(value, int) and 0 <= value < 253_402_300_800_000 else None


def _is_elsewhere(uri: str) -> bool:
    return urlsplit(uri).scheme not in ("", "file", "mlflow-artifacts") and not re.match(r"^[A-Za-z]:", uri)


def _rfc3339(microseconds: int) -> str:
    return datetime_of(microseconds).isoformat().replace("+00:00", "Z")

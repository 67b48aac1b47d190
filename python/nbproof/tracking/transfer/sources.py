"""Opens what is to be imported, by what it says it is or by what it looks like."""

from __future__ import annotations

import os
from pathlib import Path

from nbproof.core.errors import Invalid, near_names
from nbproof.tracking.transfer.archive import ArchiveSource, is_archive
from nbproof.tracking.transfer.event_files import is_event_file
from nbproof.tracking.transfer.mlflow import (
    MlflowDatabase,
    MlflowFiles,
    is_mlflow_database,
    is_mlflow_folder,
)
from nbproof.tracking.transfer.models import Format, ImportRuns
from nbproof.tracking.transfer.portable import Source
from nbproof.tracking.transfer.tables import CsvSource, is_csv
from nbproof.tracking.transfer.tensorboard import TensorBoardSource, is_tensorboard

__all__ = ["open_source"]

_KNOWN = (
    "a file made by `nbproof runs export`, a folder mlruns, a file mlflow.db, a folder of TensorBoard, a CSV"
)


def open_source(ask: ImportRuns, *, from_afar: bool = False) -> Source:
    """The source of an import.

    Parameters
    ----------
    ask : ImportRuns
    from_afar : bool
        The file was sent over HTTP: nothing beside it belongs to it.

    Raises
    ------
    Invalid
        There is no such file, it is none of those known, or it is damaged.
    """
    path = ask.path.expanduser()
    if not path.exists():
        near = near_names(path.name, os.listdir(path.parent)) if path.parent.is_dir() else []
        raise Invalid(
            f"there is no file or folder {str(ask.path)!r}",
            hint=f"did you mean {near[0]!r}?" if near else None,
            details={"field": "path", "near": near},
        )
    if not path.is_file() and not path.is_dir():
        raise Invalid(f"{str(ask.path)!r} is neither a file nor a folder", details={"field": "path"})
    if ask.artifacts is not None and from_afar:
        raise Invalid(
            "a folder of artifacts can be named only where it lies: import on that machine",
            details={"field": "artifacts"},
        )
    if ask.artifacts is not None and not ask.artifacts.expanduser().is_dir():
        raise Invalid(f"there is no folder {str(ask.artifacts)!r}", details={"field": "artifacts"})
    artifacts = None if ask.artifacts is None else ask.artifacts.expanduser()
    try:
        match ask.from_ or _look(path):
            case "archive":
                return ArchiveSource(path)
            case "mlflow" if path.is_dir() and is_mlflow_folder(path):
                return MlflowFiles(path, artifacts=artifacts, deleted=ask.deleted)
            case "mlflow":
                file = path / "mlflow.db" if (path / "mlflow.db").is_file() else path
                if file.is_dir():
                    return MlflowFiles(file)  # says what is missing
                return MlflowDatabase(file, artifacts=artifacts, deleted=ask.deleted, beside=not from_afar)
            case "tensorboard":
                return TensorBoardSource(path, name=ask.name)
            case _:
                if path.is_dir():
                    raise Invalid(f"{str(path)!r} is a folder; a CSV is a file", details={"field": "path"})
                return CsvSource(path, name=ask.name, rows=ask.rows, column=ask.column)
    except OSError as error:
        raise Invalid(
            f"{str(ask.path)!r} can't be read: {error.strerror or error}", details={"field": "path"}
        ) from None


def _look(path: Path) -> Format:
    if path.is_dir():
        if is_mlflow_folder(path) or is_mlflow_database(path / "mlflow.db"):
            return "mlflow"
        if is_tensorboard(path):
            return "tensorboard"
    elif is_archive(path):
        return "archive"
    elif is_mlflow_database(path):
        return "mlflow"
    elif is_event_file(path):
        return "tensorboard"
    elif is_csv(path):
        return "csv"
    raise Invalid(
        f"{str(path)!r} looks like nothing that can be imported",
        hint=f"known are {_KNOWN}; --from (from_=) says which it is",
        details={"field": "path"},
    )

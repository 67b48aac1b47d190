"""Workspaces to move runs between, and stores that other tools wrote."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbproof.core.clock import FixedClock
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace

ASSETS = Path(__file__).resolve().parents[1] / "assets"

Open = Callable[..., Workspace]


@pytest.fixture
def workspace(project: Path) -> Iterator[Open]:
    """Opens workspaces by name; all are closed after the test."""
    opened: list[Workspace] = []

    def open_(name: str, *, database: str | None = None, clock: FixedClock | None = None) -> Workspace:
        folder = project / name
        folder.mkdir(exist_ok=True)
        environ = {"NBPROOF_CAPTURE_GIT": "0", **({"NBPROOF_DATABASE": database} if database else {})}
        made = Workspace(
            Location(folder, False, "a test"), say=lambda line: None, environ=environ, clock=clock
        )
        opened.append(made)
        return made

    yield open_
    for each in opened:
        each.close()


@pytest.fixture
def store(tmp_path: Path) -> Callable[[str], Path]:
    """Unpacks a store of another tool, somewhere else than it was written."""

    def unpack(name: str) -> Path:
        folder = tmp_path / "stores" / name
        with zipfile.ZipFile(ASSETS / f"{name}.zip") as packed:
            packed.extractall(folder)
        return folder

    return unpack

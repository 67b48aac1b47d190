"""Examples in docstrings do what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import nbproof
from nbproof.platform.workspace import open_workspace, use

ROOMS = ("core", "jobs", "platform", "plots", "stats", "storage", "tracking")


def modules() -> list[str]:
    found = ["nbproof", "nbproof.api"]
    for room in ROOMS:
        package = importlib.import_module(f"nbproof.{room}")
        found.append(package.__name__)
        found += [
            each.name
            for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
            # Alembic alone may import these.
            if ".migrations." not in each.name
        ]
    return found


def examples(module: ModuleType) -> list[doctest.DocTest]:
    return [test for test in doctest.DocTestFinder().find(module, module.__name__) if test.examples]


@pytest.fixture
def _workspace(project: Path) -> Iterator[None]:
    workspace = open_workspace(project, say=lambda line: None)
    before = use(workspace)
    yield
    use(before)
    workspace.close()


@pytest.mark.usefixtures("_workspace")
@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    for test in examples(module):
        runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)


def test_there_are_examples_to_run() -> None:
    assert sum(len(examples(importlib.import_module(name))) for name in modules()) >= 10


@pytest.mark.parametrize("name", nbproof.__all__)
def test_every_public_name_says_what_it_gives(name: str) -> None:
    if name == "__version__":
        return
    first = (getattr(nbproof, name).__doc__ or "").strip().partition("\n")[0]
    assert first[-1:] in (".", ":", ";", ",") or first, f"{name} has no docstring"

"""What the code imports and what the package asks for are the same."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain

import pytest

from tests.support.plain_user import REPOSITORY

# Used where they are there: a kernel has the one, a script need not; whoever logs a figure has its library
# loaded, and who wants Arrow tables has Arrow.
OPTIONAL = {"ipykernel", "matplotlib", "polars", "yaml"}
# A part of another that is asked for.
PARTS = {"pydantic-core": "pydantic"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def asked() -> set[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    every = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    return {normal(re.split(r"[\[<>=]", line)[0]) for line in every} - {"nbproof"}


@pytest.fixture(scope="module")
def imported() -> set[str]:
    names: set[str] = set()
    for file in (REPOSITORY / "python" / "nbproof").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.partition(".")[0])
    names -= {*sys.stdlib_module_names, "nbproof", *OPTIONAL}
    homes = packages_distributions()
    found = {normal(homes[name][0]) if name in homes else name for name in names}
    return {PARTS.get(name, name) for name in found}


def test_every_package_that_is_imported_is_asked_for(imported, asked):
    assert imported <= asked


def test_every_package_that_is_asked_for_is_used(imported, asked):
    # SQLAlchemy and fsspec load what the URL names; PyYAML is imported as yaml.
    assert asked - imported <= {"psycopg", "pyyaml", "s3fs"}

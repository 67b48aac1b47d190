"""JupyterLab in one environment, the kernel in another, their nbproofs one release apart."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.lab import Lab
from tests.support.other_version import make_other_version
from tests.support.plain_user import REPOSITORY, PlainUser
from tests.support.window import Window

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

pytestmark = [pytest.mark.ui, pytest.mark.timeout(300)]

RECORD = """\
import nbproof as nbp
with nbp.start_run({name!r}, experiment="work", params={{"depth": 3}}) as run:
    for step in range(10):
        run.log_metric("auc", step / 10)
nbp.__version__"""
READ = "import nbproof as nbp\nsorted(nbp.search_runs()['name'])"


@pytest.fixture(scope="module")
def newer(plain_user: PlainUser) -> Path:
    """A folder with nbproof 0.1.1 and its migration."""
    folder = make_other_version(plain_user.folder("newer"), "0.1.1")
    plain_user.own(folder)
    return folder


@pytest.fixture(scope="module")
def future(plain_user: PlainUser) -> Path:
    """A folder with nbproof 0.2.0."""
    folder = make_other_version(plain_user.folder("future"), "0.2.0")
    plain_user.own(folder)
    return folder


def kernel(name: str, pythonpath: Path) -> dict[str, Any]:
    return {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": name,
        "language": "python",
        "env": {"PYTHONPATH": str(pythonpath)},
    }


@pytest.fixture(scope="module")
def kernels(newer: Path, future: Path) -> dict[str, dict[str, Any]]:
    return {
        "present": kernel("nbproof 0.1.0", REPOSITORY / "python"),
        "newer": kernel("nbproof 0.1.1", newer),
        "future": kernel("nbproof 0.2.0", future),
    }


@pytest.fixture(scope="module")
def present_lab(plain_user: PlainUser, kernels: dict[str, dict[str, Any]]) -> Iterator[Lab]:
    lab = Lab(plain_user, kernels=kernels)
    lab.wait()
    yield lab
    lab.stop()


@pytest.fixture(scope="module")
def newer_lab(plain_user: PlainUser, newer: Path, kernels: dict[str, dict[str, Any]]) -> Iterator[Lab]:
    lab = Lab(plain_user, kernels=kernels, pythonpath=newer)
    lab.wait()
    yield lab
    lab.stop()


def revision(lab: Lab, folder: str) -> str:
    """The revision of a workspace's tables."""
    with closing(sqlite3.connect(lab.root / folder / ".nbproof" / "meta.db")) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_runs_of_a_newer_kernel_appear_in_an_older_jupyterlab(
    present_lab: Lab, new_window: Callable[[Lab], Window]
) -> None:
    lab, window = present_lab, new_window(present_lab)
    assert lab.ask("GET", "health")["version"] != "0.1.1"
    notebook = lab.notebook("skew/work.ipynb", RECORD.format(name="by 0.1.1"), READ, kernel="newer")
    window.open(notebook)
    assert "0.1.1" in window.run_cell(0)
    names = window.panel.locator(".jp-nbproof-Run-name")
    expect(names).to_have_text(["by 0.1.1"])

    # The older one made the tables and has them open while the newer one upgrades them by reading.
    before = revision(lab, "skew")
    assert "by 0.1.1" in window.run_cell(1)
    assert revision(lab, "skew") > before
    window.run_cell(0)
    expect(names).to_have_text(["by 0.1.1", "by 0.1.1"])
    window.screenshot("newer-kernel")
    assert list((lab.root / "skew" / ".nbproof" / "backups").iterdir())

    # And the present nbproof still writes and reads there.
    other = lab.notebook("skew/other.ipynb", RECORD.format(name="by 0.1.0"), READ, kernel="present")
    window.open_notebook(other)
    window.run_cell(0)
    assert "by 0.1.0" in window.run_cell(1)
    expect(names).to_have_text(["by 0.1.0", "by 0.1.1", "by 0.1.1"])


def test_runs_of_an_older_kernel_appear_in_a_newer_jupyterlab(
    newer_lab: Lab, new_window: Callable[[Lab], Window]
) -> None:
    lab, window = newer_lab, new_window(newer_lab)
    assert lab.ask("GET", "health")["version"] == "0.1.1"
    notebook = lab.notebook("skew/work.ipynb", RECORD.format(name="by 0.1.0"), READ, kernel="present")
    window.open(notebook)
    assert "0.1.1" not in window.run_cell(0)
    names = window.panel.locator(".jp-nbproof-Run-name")
    expect(names).to_have_text(["by 0.1.0"])
    assert "by 0.1.0" in window.run_cell(1)
    window.run_cell(0)
    expect(names).to_have_text(["by 0.1.0", "by 0.1.0"])
    (newest, _) = lab.runs("skew")
    assert newest["metrics"] == {"auc": 0.9}
    assert newest["params"] == {"depth": 3}


def test_a_workspace_of_a_newer_series_is_refused_with_a_hint_and_loses_nothing(
    present_lab: Lab, new_window: Callable[[Lab], Window], plain_user: PlainUser, future: Path
) -> None:
    lab, window = present_lab, new_window(present_lab)
    notebook = lab.notebook("future/work.ipynb", RECORD.format(name="by 0.2.0"), READ, kernel="future")
    # Its tables are made by 0.2.0, before the server has heard of the workspace.
    make = "import nbproof as nbp; nbp.start_run('first').end(); nbp.search_runs()"
    elsewhere = plain_user.environment(PYTHONPATH=str(future))
    plain_user.run([sys.executable, "-c", make], cwd=lab.root / "future", env=elsewhere, check=True)
    window.open(notebook)
    assert "0.2.0" in window.run_cell(0)
    assert "by 0.2.0" in window.run_cell(1)
    expect(window.panel).to_contain_text("The workspace was written by nbproof 0.2.0")
    expect(window.panel).to_contain_text("pip install -U nbproof", ignore_case=True)
    window.both_themes("workspace-from-the-future")

    # A kernel of today goes on recording; reading says why it cannot.
    try_to_read = (
        "try:\n    nbp.search_runs()\nexcept nbp.Conflict as error:\n    print(error, '|', error.hint)"
    )
    other = lab.notebook("future/other.ipynb", RECORD.format(name="by 0.1.0"), try_to_read, kernel="present")
    window.open_notebook(other)
    window.run_cell(0)
    said = window.run_cell(1)
    assert "written by nbproof 0.2.0" in said
    assert "pip install -U nbproof" in said

    # Nothing is lost: who knows that series finds both runs whole.
    window.open_notebook(notebook)
    assert window.run_cell(1) == "['by 0.1.0', 'by 0.2.0', 'first']"

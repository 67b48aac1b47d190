"""Many projects under one JupyterLab: each notebook records into its own, and the panel goes along."""

from __future__ import annotations

import pytest

from tests.support.lab import Lab
from tests.support.plain_user import PlainUser
from tests.support.window import Window

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

pytestmark = [pytest.mark.ui, pytest.mark.timeout(300)]

RECORD = """\
import nbproof as nbp
with nbp.start_run({name!r}, experiment="work"):
    nbp.log_metric("auc", {value})"""


def git_repository(lab: Lab, user: PlainUser, folder: str) -> None:
    (lab.root / folder).mkdir(parents=True)
    user.own(lab.root / folder.partition("/")[0])
    user.run(["git", "init", "-q"], cwd=lab.root / folder, check=True)


def test_each_of_ten_projects_keeps_its_own_runs_and_the_panel_follows_the_notebook(
    window: Window, lab: Lab, plain_user: PlainUser
) -> None:
    numbers = range(10)
    notebooks = []
    for number in numbers:
        # Half of them are git repositories with the notebook in a folder below.
        folder = f"ten/project{number}"
        if number % 2:
            git_repository(lab, plain_user, folder)
            folder += "/notebooks"
        cell = RECORD.format(name=f"run of {number}", value=number / 10)
        notebooks.append(lab.notebook(f"{folder}/work.ipynb", cell))

    window.open(notebooks[0])
    for number, notebook in enumerate(notebooks):
        window.open_notebook(notebook)
        window.run_cell(0)
        expect(window.panel.locator(".jp-nbproof-Run-name")).to_have_text([f"run of {number}"])
        assert window.workspace == f"project{number}"
    for number in (7, 2):
        window.open_notebook(notebooks[number])
        expect(window.panel.locator(".jp-nbproof-Run-name")).to_have_text([f"run of {number}"])

    for number, notebook in enumerate(notebooks):
        assert (lab.root / f"ten/project{number}/.nbproof").is_dir()
        assert [run["name"] for run in lab.runs(notebook)] == [f"run of {number}"]
    assert not (lab.root / "ten" / ".nbproof").exists()
    assert not (lab.root / ".nbproof").exists()
    listed = {one["path"] for one in lab.ask("GET", "workspaces")["items"]}
    assert {f"ten/project{number}" for number in numbers} <= listed


def test_a_pinned_workspace_stays_while_other_notebooks_come_to_the_front(window: Window, lab: Lab) -> None:
    first = lab.notebook("pinned/one/a.ipynb", RECORD.format(name="in one", value=1))
    second = lab.notebook("pinned/two/b.ipynb", RECORD.format(name="in two", value=2))
    window.open(first)
    window.run_cell(0)
    names = window.panel.locator(".jp-nbproof-Run-name")
    expect(names).to_have_text(["in one"])
    pin = window.panel.get_by_label("Keep this workspace")
    pin.click()
    expect(pin).to_have_attribute("aria-pressed", "true")
    window.open_notebook(second)
    window.run_cell(0)
    expect(names).to_have_text(["in one"])
    pin.click()
    expect(names).to_have_text(["in two"])


def test_a_moved_notebook_records_where_it_was_until_its_kernel_is_restarted(
    window: Window, lab: Lab, plain_user: PlainUser
) -> None:
    """A kernel knows the path it was started with; the panel knows the new one at once."""
    for project in ("moved/from", "moved/to"):
        git_repository(lab, plain_user, project)
    cell = "import nbproof as nbp\nnbp.log_metric('auc', 0.5)\nnbp.end_run()"
    notebook = lab.notebook("moved/from/study.ipynb", cell)
    window.open(notebook)
    window.run_cell(0)
    runs = window.panel.locator(".jp-nbproof-Run")
    expect(runs).to_have_count(1)
    assert window.workspace == "from"

    window.page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.context.save(); }")
    window.page.evaluate(
        """async () => {
            const { contents } = window.jupyterapp.serviceManager;
            await contents.rename('moved/from/study.ipynb', 'moved/to/study.ipynb');
        }"""
    )
    expect(window.panel).to_contain_text("No workspace yet")
    window.run_cell(0)
    assert [len(lab.runs(f"moved/{place}")) for place in ("from", "to")] == [2, 0]

    window.restart_kernel()
    window.run_cell(0)
    expect(runs).to_have_count(1)
    assert window.workspace == "to"
    assert [len(lab.runs(f"moved/{place}")) for place in ("from", "to")] == [2, 1]

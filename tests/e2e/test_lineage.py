"""Lineage of a run in a real JupyterLab: in a cell, and as a tab that is moved, zoomed and leads on."""

from __future__ import annotations

import sys

import pytest

from tests.support.lab import Lab
from tests.support.plain_user import PlainUser
from tests.support.window import Window

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

pytestmark = [pytest.mark.ui, pytest.mark.timeout(300)]

RECORD = """\
import nbproof as nbp
with nbp.start_run("the sweep", experiment="lineage") as sweep:
    for number in range(30):
        with nbp.start_run(f"trial {number}", nested=True):
            nbp.log_text("weights", "model.txt")
with nbp.start_run("alone", experiment="lineage"):
    pass
data = ("file", "/data/sales & <b>.csv")
nbp.add_lineage([
    nbp.LineageEdge(source=data, target=("external", "warehouse/sales"), relation="copied"),
    nbp.LineageEdge(source=("external", "warehouse/sales"), target=("run", sweep.id), relation="read"),
    nbp.LineageEdge(source=("run", sweep.id), target=data, relation="derived"),
])
"""


@pytest.fixture(scope="module")
def notebook(lab: Lab, plain_user: PlainUser) -> str:
    """A folder below the root with runs that have a lineage, and a notebook in it."""
    notebook = lab.notebook("lineage/story.ipynb", "%load_ext nbproof\n%lineage the\\ sweep")
    folder = lab.root / "lineage"
    plain_user.run([sys.executable, "-c", RECORD], cwd=folder, env=lab.environment(), timeout=120, check=True)
    return notebook


def test_the_lineage_of_a_run_is_a_tab_that_is_moved_and_leads_on(window: Window, notebook: str) -> None:
    window.open(notebook)
    window.panel.get_by_label("Filter runs").fill('name = "the sweep" or name = "alone"')
    window.panel.locator(".jp-nbproof-Run", has_text="the sweep").click()
    page = window.page
    view = page.locator(".jp-nbproof-RunView:visible")
    view.get_by_role("tab", name="Lineage").click()
    canvas = view.locator(".jp-nbproof-Lineage-canvas")
    labels = canvas.locator(".jp-nbproof-Lineage-label")
    expect(labels.filter(has_text="the sweep")).to_be_attached()
    expect(labels.filter(has_text="sales & <b>.csv")).to_be_attached()
    expect(labels.filter(has_text="and 26 more")).to_have_count(2)
    window.both_themes("lineage")

    def seen() -> list[float]:
        return [float(each) for each in str(canvas.get_attribute("viewBox")).split()]

    whole = seen()
    view.get_by_role("button", name="Zoom in").click()
    assert seen()[2] < whole[2]
    canvas.focus()
    page.keyboard.press("-")
    assert seen()[2] == pytest.approx(whole[2], abs=1)
    page.keyboard.press("ArrowLeft")
    assert seen()[0] < whole[0]
    page.keyboard.press("0")
    assert seen() == whole
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 58, box["y"] + 28)
    page.mouse.up()
    assert seen()[0] < whole[0] and seen()[1] < whole[1]
    view.get_by_role("button", name="Show all").click()

    canvas.get_by_role("link", name="trial 0, run").press("Enter")
    expect(view.get_by_role("heading", name="trial 0", exact=True)).to_be_visible()
    view.get_by_role("tab", name="Lineage").click()
    canvas.get_by_role("link", name="model.txt@v1, artifact").click()
    expect(view.get_by_role("tab", name="Artifacts")).to_have_attribute("aria-selected", "true")
    expect(view).to_contain_text("weights")


def test_a_run_with_nothing_around_it_has_no_such_tab(window: Window, notebook: str) -> None:
    window.open(notebook)
    window.panel.locator(".jp-nbproof-Run", has_text="alone").click()
    view = window.page.locator(".jp-nbproof-RunView:visible")
    expect(view.get_by_role("tab", name="Code")).to_be_visible()
    expect(view.get_by_role("tab", name="Lineage")).to_have_count(0)


def test_a_cell_shows_the_picture(window: Window, notebook: str) -> None:
    window.open(notebook)
    window.run_cell(0)
    output = window.page.locator(".jp-OutputArea-output .nbproof-lineage")
    expect(output).to_be_visible()
    expect(output.locator("svg text", has_text="the sweep").first).to_be_visible()
    window.both_themes("lineage-cell")

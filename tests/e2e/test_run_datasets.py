"""A run leads to the datasets that it read and wrote, and the filter box finds the runs of a dataset."""

from __future__ import annotations

import sys

import pytest
from playwright.sync_api import expect

from tests.support.lab import Lab
from tests.support.plain_user import PlainUser
from tests.support.window import Window

SCRIPT = """
import nbproof as nbp, pyarrow as pa
nbp.register_dataset(pa.table({"x": [1, 2, 3]}), "raw trips")
with nbp.start_run("cleaning", experiment="data"):
    nbp.get_dataset("raw trips").to_arrow()
    nbp.register_dataset(pa.table({"x": [1, 2]}), "clean", aliases=["prod"])
    nbp.register_dataset(pa.table({"x": [2, 3]}), "clean")
    nbp.detect_drift("clean@v1", "clean@v2")
with nbp.start_run("other", experiment="data"):
    nbp.log_metric("auc", 0.5)
"""


@pytest.fixture(scope="module")
def notebook(lab: Lab, plain_user: PlainUser) -> str:
    path = lab.notebook("uses/first.ipynb", "1 + 1")
    plain_user.run(
        [sys.executable, "-c", SCRIPT],
        cwd=lab.root / "uses",
        env=lab.environment(),
        timeout=120,
        check=True,
    )
    return path


def test_a_run_leads_to_its_datasets(window: Window, notebook: str) -> None:
    window.open(notebook)
    box = window.panel.get_by_label("Filter runs")
    box.fill('dataset = "raw')
    expect(window.page.get_by_role("option", name="raw trips")).to_be_visible()
    box.fill('dataset = "raw trips@v1"')
    found = window.panel.locator(".jp-nbproof-Run")
    expect(found).to_have_count(1)
    found.click()
    run = window.page.locator(".jp-nbproof-RunView:visible")
    facts = run.locator(".jp-nbproof-Facts")
    expect(facts).to_contain_text("Read")
    expect(facts.get_by_role("link", name="raw trips@v1")).to_be_visible()
    window.both_themes("run-datasets")

    run.get_by_role("tab", name="Lineage").click()
    run.get_by_role("link", name="drift: clean@v1 → clean@v2").click()
    view = window.page.locator(".jp-nbproof-DatasetView:visible")
    expect(view.get_by_role("tab", name="Compare", selected=True)).to_be_visible()
    expect(view).to_contain_text("Against")

    window.command("nbproof:open-run", run="cleaning")
    facts.get_by_role("link", name="clean@v1").click()

    expect(window.page.locator(".jp-nbproof-DatasetView:visible")).to_contain_text("clean")

"""The panel of the live run below its cell."""

from __future__ import annotations

import re

import pytest

from tests.support.lab import Lab
from tests.support.window import Window

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

pytestmark = pytest.mark.ui

CELLS = (
    "%load_ext nbproof",
    "%start_run --name careful-otter --experiment flights --param model=xgboost --param layers=[64, 32]",
    "import nbproof as nbp, math, time\n"
    "for step in range(60):\n"
    "    nbp.log_metric('loss', math.exp(-step / 20))\n"
    "    nbp.log_metric('auc', 1 - math.exp(-step / 30) if step != 40 else math.nan)\n"
    "    time.sleep(0.01)",
    "%end_run",
    "nbp.get_run('@last')",
    "with nbp.start_run('other', experiment='flights', params={'model': 'linear'}):\n"
    "    nbp.log_metrics({'auc': 0.71, 'loss': 0.3})\n"
    "nbp.compare_runs('other', 'careful-otter')",
)


def test_a_run_is_drawn_while_it_lives_and_stays_as_plain_html(window: Window, lab: Lab):
    window.open(lab.notebook("live/panel.ipynb", *CELLS), panel=False)
    for cell in (0, 1, 2):
        window.run_cell(cell)
    page = window.page
    panel = page.locator(".nbproof-run")
    panel.locator(".nbproof-run-metric-name", has_text="auc").wait_for()
    panel.locator(".nbproof-run-ends", has_text="step 59").first.wait_for()
    expect(panel.locator(".nbproof-run-status")).to_have_text("running")
    # The value that was NaN is a gap: two strokes.
    course = panel.locator(".nbproof-run-metric", has_text="auc").locator("path")
    expect(course).to_have_attribute("d", re.compile("^M[^M]+M[^M]+$"))
    expect(panel).to_contain_text("[64, 32]")
    window.both_themes("live-run")

    for cell in (3, 4, 5):
        window.run_cell(cell)
    page.locator(".nbproof-run").wait_for(state="detached")
    card = page.locator(".nbproof-card").first
    expect(card).to_contain_text("finished")
    expect(card.locator("svg polyline").first).to_be_attached()
    expect(page.locator(".nbproof-best")).to_have_count(2)
    window.both_themes("ended-run")

"""The panel of the live run below its cell."""

from __future__ import annotations

import pytest

from tests.support.lab import Lab
from tests.support.window import Window

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
    assert panel.locator(".nbproof-run-status").inner_text() == "running"
    # The value that was NaN is a gap: two strokes.
    course = panel.locator(".nbproof-run-metric", has_text="auc").locator("path").get_attribute("d")
    assert course is not None
    assert course.count("M") == 2
    assert "[64, 32]" in panel.inner_text()
    window.both_themes("live-run")

    for cell in (3, 4, 5):
        window.run_cell(cell)
    page.locator(".nbproof-run").wait_for(state="detached")
    card = page.locator(".nbproof-card").first
    assert "finished" in card.inner_text()
    assert card.locator("svg polyline").count() > 0
    assert page.locator(".nbproof-best").count() == 2
    window.both_themes("ended-run")

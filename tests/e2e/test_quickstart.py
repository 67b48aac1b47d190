"""The quickstart as a newcomer meets it: cells run one by one, runs appear beside them."""

from __future__ import annotations

import json
import shutil
import statistics

import pytest

from tests.support.lab import Lab
from tests.support.plain_user import REPOSITORY, PlainUser
from tests.support.window import Window

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

pytestmark = [pytest.mark.ui, pytest.mark.timeout(300)]

FRESH_SECONDS = 1.0

# Notes, by the clock that the kernel reads too, when a text is first seen in the sidebar.
WATCH = """\
() => {
    const panel = document.querySelector('#nbproof-runs');
    window.seen = {};
    const look = () => {
        for (const value of panel.querySelectorAll('.jp-nbproof-Run-value, .jp-nbproof-Run-name')) {
            window.seen[value.textContent] ??= Date.now();
        }
    };
    new MutationObserver(look).observe(panel, {subtree: true, childList: true, characterData: true});
}"""


@pytest.fixture
def quickstart(lab: Lab, plain_user: PlainUser) -> str:
    """A copy of the example with its data, outputs cleared; its path below the root."""
    folder = lab.root / "quickstart"
    if folder.exists():
        shutil.rmtree(folder)
    ignored = shutil.ignore_patterns(".nbproof", ".ipynb_checkpoints", "*.csv", "kubernetes")
    shutil.copytree(REPOSITORY / "examples", folder, ignore=ignored)
    shutil.copy(REPOSITORY / "examples" / "data" / "penguins.csv", folder / "data")
    notebook = folder / "quickstart.ipynb"
    document = json.loads(notebook.read_text())
    for cell in document["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    notebook.write_text(json.dumps(document))
    plain_user.own(folder)
    return "quickstart/quickstart.ipynb"


def test_the_quickstart_runs_and_its_runs_appear_beside_it(window: Window, lab: Lab, quickstart: str) -> None:
    window.open(quickstart)
    panel = window.panel
    expect(panel).to_contain_text("No workspace yet")
    cells = json.loads((lab.root / quickstart).read_text())["cells"]
    names = panel.locator(".jp-nbproof-Run-name")
    for index, cell in enumerate(cells):
        if cell["cell_type"] != "code":
            continue
        window.run_cell(index)
        if cell["id"] == "baseline":
            row = panel.locator(".jp-nbproof-Run", has_text="the mean")
            expect(row).to_have_attribute("data-status", "finished")
            expect(row).to_contain_text("r2")
        if cell["id"] == "rates":
            for rate in ("0.001", "0.01", "0.1"):
                expect(names.get_by_text(f"rate {rate}", exact=True)).to_be_visible()
    expect(panel.locator(".jp-nbproof-Experiment")).to_contain_text("penguins")
    expect(panel.locator(".jp-nbproof-Sparkline").first).to_be_visible()
    window.both_themes("quickstart-panel")
    assert len(lab.runs(quickstart)) == len({run["id"] for run in lab.runs(quickstart)}) == 7

    panel.locator(".jp-nbproof-Run", has_text="species and sex").click()
    view = window.page.locator(".jp-nbproof-RunView:visible")
    expect(view.get_by_role("heading", name="species and sex", exact=True)).to_be_visible()
    for said in ("learning_rate", "rmse_g", "r2", "predictions.csv", "kind", "linear"):
        expect(view).to_contain_text(said)
    expect(view.locator("svg[role=img]").first).to_be_visible()
    expect(view.locator(".jp-nbproof-isLoading")).to_have_count(0)
    window.both_themes("run-view")


def test_a_metric_is_seen_within_a_second_of_the_cell_that_logged_it(
    window: Window, lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    first = "import time, nbproof as nbp\nrun = nbp.start_run('live', experiment='speed')\n"
    log = "nbp.log_metric('loss', {value})\nprint(time.time())"
    values = [f"0.{399 - number}" for number in range(9)]  # no zero at the end, which is not shown
    cells = [first + log.format(value=values[0]), *(log.format(value=value) for value in values[1:])]
    window.open(lab.notebook("speed/live.ipynb", *cells, "nbp.end_run()"))
    window.page.evaluate(WATCH)
    late = []
    for index, value in enumerate(values):
        logged = float(window.run_cell(index).splitlines()[-1])
        expect(window.panel.locator(".jp-nbproof-Run-value")).to_have_text(value)
        seen = window.page.evaluate("value => window.seen[value]", value) / 1000
        late.append(seen - logged)
    with capsys.disabled():
        print(
            f"\nfrom log_metric to the sidebar: first {late[0]:.2f} s (a new workspace),"
            f" then median {statistics.median(late[1:]):.2f} s, at most {max(late[1:]):.2f} s"
        )
    window.run_cell(len(values))
    expect(window.panel.locator(".jp-nbproof-Run")).to_have_attribute("data-status", "finished")
    assert statistics.median(late[1:]) <= FRESH_SECONDS


def test_a_run_view_that_is_open_follows_the_live_run(window: Window, lab: Lab) -> None:
    begin = "import nbproof as nbp\nrun = nbp.start_run('followed', experiment='speed')\n"
    begin += "run.log_metric('loss', 4.0)"
    more = "for step in range(1, 30): run.log_metric('loss', 4.0 / (step + 1))"
    window.open(
        lab.notebook("follow/live.ipynb", begin, more, "run.log_metric('accuracy', 0.75)", "nbp.end_run()")
    )
    window.run_cell(0)
    window.panel.locator(".jp-nbproof-Run").click()
    view = window.page.locator(".jp-nbproof-RunView:visible")
    expect(view).to_contain_text("Running")
    window.command("docmanager:open", path="follow/live.ipynb")
    window.run_cell(1)
    window.run_cell(2)
    window.run_cell(3)
    window.panel.locator(".jp-nbproof-Run").click()
    expect(view).to_contain_text("Finished")
    expect(view).to_contain_text("accuracy")
    expect(view.locator("tr[data-metric=loss]")).to_contain_text("30")


def test_the_live_panel_in_the_cell_leaves_plain_html_behind(window: Window, lab: Lab) -> None:
    cell = (
        "import nbproof as nbp\n%load_ext nbproof\n"
        "with nbp.start_run('in the cell', experiment='speed') as run:\n"
        "    display(run)\n"
        "    for step in range(50): run.log_metric('loss', 1 / (step + 1))"
    )
    window.open(lab.notebook("cell/live.ipynb", cell))
    window.run_cell(0)
    output = window.page.locator(".jp-OutputArea-output", has_text="in the cell")
    expect(output).to_contain_text("loss")
    window.both_themes("cell-panel")
    html = window.page.evaluate(
        """() => window.jupyterapp.shell.currentWidget.content.widgets[0].model.outputs.toJSON()
            .map(output => output.data?.['text/html'] ?? '').join('')"""
    )
    assert "in the cell" in "".join(html)

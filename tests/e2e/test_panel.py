"""The sidebar in a real JupyterLab: filter, keyboard, and the states between nothing and everything."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.lab import Lab
from tests.support.plain_user import PlainUser
from tests.support.window import Window

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

pytestmark = [pytest.mark.ui, pytest.mark.timeout(300)]

RUNS = """\
import nbproof as nbp
for number in range(12):
    with nbp.start_run(f"try {number}", experiment="forests", params={"depth": number}) as run:
        for step in range(20):
            run.log_metric("auc", 0.5 + number / 30 + step / 200)
"""


@pytest.fixture(scope="module")
def forests(lab: Lab, plain_user: PlainUser) -> str:
    """A folder below the root with twelve runs, and a notebook in it."""
    notebook = lab.notebook("forests/analysis.ipynb", "1 + 1")
    folder = lab.root / "forests"
    plain_user.run([sys.executable, "-c", RUNS], cwd=folder, env=lab.environment(), timeout=120, check=True)
    return notebook


def test_the_filter_box_finds_runs_and_explains_what_it_does_not_understand(
    window: Window, forests: str
) -> None:
    window.open(forests)
    panel = window.panel
    expect(panel.locator(".jp-nbproof-Run")).not_to_have_count(0)
    box = panel.get_by_label("Filter runs")

    box.fill("params.depth >= 9 order by metrics.auc desc")
    names = panel.locator(".jp-nbproof-Run-name")
    expect(names).to_have_text(["try 11", "try 10", "try 9"])
    window.screenshot("filter-good")

    box.fill("metrics.auc >")
    alert = panel.get_by_role("alert")
    expect(alert).to_be_visible()
    expect(alert.locator("mark")).to_be_attached()
    expect(names).to_have_count(3)  # the last answer stays while one types
    window.both_themes("filter-bad")

    box.fill('name = "nobody"')
    expect(panel).to_contain_text("No run matches")
    window.screenshot("filter-nothing")
    panel.get_by_role("button", name="Clear the filter").last.click()
    expect(names).not_to_have_count(0)
    expect(box).to_have_value("")


def test_a_run_is_found_and_opened_with_the_keyboard_alone(window: Window, forests: str) -> None:
    window.open(forests)
    panel, keyboard = window.panel, window.page.keyboard
    tree = panel.get_by_role("tree")
    expect(panel.locator(".jp-nbproof-Run")).not_to_have_count(0)
    window.command("nbproof:show-runs")
    expect(tree).to_be_focused()

    keyboard.press("/")
    box = panel.get_by_label("Filter runs")
    expect(box).to_be_focused()
    keyboard.type("params.depth < 3 order by params.depth")
    expect(panel.locator(".jp-nbproof-Run-name")).to_have_text(["try 0", "try 1", "try 2"])
    keyboard.press("ArrowDown")
    expect(tree).to_be_focused()
    selected = panel.locator("[role=treeitem][aria-selected=true] .jp-nbproof-Run-name")
    expect(selected).to_have_text("try 0")
    keyboard.press("ArrowDown")
    expect(selected).to_have_text("try 1")
    window.screenshot("keyboard")
    keyboard.press("Enter")

    view = window.page.locator(".jp-nbproof-RunView:visible")
    expect(view.get_by_role("heading", name="try 1")).to_be_visible()
    expect(view).to_contain_text("depth")

    # Back, and out of the filter.
    window.command("nbproof:show-runs")
    keyboard.press("/")
    keyboard.press("Escape")
    expect(box).to_have_value("")
    expect(panel.locator(".jp-nbproof-Experiment")).to_have_count(1)


def test_an_experiment_folds_and_unfolds_by_the_arrow_keys(window: Window, forests: str) -> None:
    window.open(forests)
    panel, keyboard = window.panel, window.page.keyboard
    expect(panel.locator(".jp-nbproof-Run")).not_to_have_count(0)
    window.command("nbproof:show-runs")
    keyboard.press("Home")
    keyboard.press("ArrowLeft")
    expect(panel.locator(".jp-nbproof-Run")).to_have_count(0)
    expect(panel.locator(".jp-nbproof-Experiment")).to_have_attribute("aria-expanded", "false")
    keyboard.press("ArrowRight")
    expect(panel.locator(".jp-nbproof-Run")).not_to_have_count(0)


NESTED = """\
import nbproof as nbp
with nbp.start_run("before", experiment="searches"):
    pass
notes = '''# What we saw

The **smallest** rate is `0.01`; see [the table](data/table.csv).

- first line
- second line

<img src="x" onerror="window.attacked = true"><script>window.attacked = true</script>
'''
with nbp.start_run("the search", experiment="searches", notes=notes):
    for number in range(3):
        with nbp.start_run(f"part {number}", nested=True) as run:
            run.log_metric("loss", 1 / (number + 1))
            if number == 1:
                with nbp.start_run("part of a part", nested=True):
                    pass
with nbp.start_run("after", experiment="searches"):
    pass
"""


@pytest.fixture(scope="module")
def searches(lab: Lab, plain_user: PlainUser) -> str:
    """A folder below the root with a run that has parts, and a notebook in it."""
    notebook = lab.notebook("searches/analysis.ipynb", "1 + 1")
    folder = lab.root / "searches"
    plain_user.run([sys.executable, "-c", NESTED], cwd=folder, env=lab.environment(), timeout=120, check=True)
    return notebook


def test_the_parts_of_a_run_stand_beneath_it_and_fold_by_key_and_by_click(
    window: Window, searches: str
) -> None:
    window.open(searches)
    panel, keyboard = window.panel, window.page.keyboard
    names = panel.locator(".jp-nbproof-Run-name")
    all_names = ["after", "the search", "part 2", "part 1", "part of a part", "part 0", "before"]
    expect(names).to_have_text(all_names)
    rows = panel.locator(".jp-nbproof-Run")
    levels = rows.evaluate_all("rows => rows.map(row => row.getAttribute('aria-level'))")
    assert levels == ["2", "2", "3", "3", "4", "3", "2"]
    window.both_themes("nested")

    window.command("nbproof:show-runs")
    selected = panel.locator("[role=treeitem][aria-selected=true] .jp-nbproof-Run-name")
    for _ in range(5):  # from the first row, which the focus chose
        keyboard.press("ArrowDown")
    expect(selected).to_have_text("part of a part")
    keyboard.press("ArrowLeft")
    expect(selected).to_have_text("part 1")
    keyboard.press("ArrowLeft")
    expect(names).to_have_text([name for name in all_names if name != "part of a part"])
    keyboard.press("ArrowLeft")
    expect(selected).to_have_text("the search")
    search = panel.locator("[role=treeitem]", has_text="the search")
    expect(search).to_have_attribute("aria-expanded", "true")
    keyboard.press("ArrowLeft")
    expect(search).to_have_attribute("aria-expanded", "false")
    expect(names).to_have_text(["after", "the search", "before"])
    window.screenshot("nested-folded")
    keyboard.press("ArrowRight")
    expect(names).to_have_count(6)
    keyboard.press("ArrowRight")
    expect(selected).to_have_text("part 2")

    search.locator(".jp-nbproof-Run-caret").click()
    expect(names).to_have_count(3)
    expect(window.page.locator(".jp-nbproof-RunView")).to_have_count(0)

    # A search has an order of its own.
    panel.get_by_label("Filter runs").fill("metrics.loss > 0 order by metrics.loss desc")
    expect(names).to_have_text(["part 0", "part 1", "part 2"])
    expect(rows.first).to_have_attribute("aria-level", "1")


def test_a_part_leads_to_its_run_whose_notes_are_markdown_that_cannot_act(
    window: Window, searches: str
) -> None:
    window.open(searches)
    window.panel.locator(".jp-nbproof-Run", has_text="part 0").click()
    view = window.page.locator(".jp-nbproof-RunView:visible")
    expect(view.get_by_role("heading", name="part 0", exact=True)).to_be_visible()
    window.screenshot("part-of")
    view.get_by_role("link", name="the search").click()

    expect(view.get_by_role("heading", name="the search", exact=True)).to_be_visible()
    notes = view.locator(".jp-nbproof-Notes")
    expect(notes.locator("strong")).to_have_text("smallest")
    expect(notes.locator("li")).to_have_text(["first line", "second line"])
    expect(notes.locator("img")).not_to_have_attribute("onerror", "window.attacked = true")
    expect(notes.locator("script")).to_have_count(0)
    assert window.page.evaluate("window.attacked") is None
    # A link is meant from the workspace's folder, and JupyterLab opens it.
    expect(notes.get_by_role("link", name="the table")).to_have_attribute(
        "href", re.compile("files/searches/data/table.csv")
    )
    window.both_themes("notes")
    # Closing the page takes the notes with it, and nothing complains.
    window.command("application:close")
    expect(view.get_by_role("heading", name="part 0", exact=True)).to_be_visible()


def test_a_fresh_folder_says_how_to_begin_and_the_offered_cell_works(window: Window, lab: Lab) -> None:
    window.open(lab.notebook("fresh/first.ipynb", ""))
    panel = window.panel
    expect(panel).to_contain_text("No workspace yet")
    window.both_themes("empty")
    panel.get_by_role("button", name="Insert this cell").click()
    window.run_cell(0)
    window.page.evaluate(
        """async () => {
            const app = window.jupyterapp;
            await app.commands.execute('notebook:insert-cell-below');
            const cell = app.shell.currentWidget.content.activeCell;
            cell.model.sharedModel.setSource('import nbproof as nbp\\nnbp.log_metric("auc", 0.91)');
        }"""
    )
    window.run_cell(1)
    row = panel.locator(".jp-nbproof-Run")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("auc")
    expect(row).to_contain_text("0.91")


def test_while_the_server_is_away_the_runs_stay_and_afterwards_they_are_fresh_again(
    new_window: Callable[[Lab], Window], plain_user: PlainUser
) -> None:
    lab = Lab(plain_user)
    lab.wait()
    try:
        notebook = lab.notebook("away/work.ipynb", "1")
        script = (
            "import nbproof as nbp\nwith nbp.start_run('{}', experiment='e'): nbp.log_metric('loss', 0.5)"
        )
        record = [sys.executable, "-c"]
        folder = lab.root / "away"
        plain_user.run([*record, script.format("before")], cwd=folder, env=lab.environment(), check=True)
        window = new_window(lab)
        window.open(notebook)
        panel = window.panel
        expect(panel.locator(".jp-nbproof-Run")).to_have_count(1)

        lab.stop()
        window.dismiss_dialogs()
        expect(panel).to_contain_text("The server does not answer")
        expect(panel.locator(".jp-nbproof-Run")).to_have_count(1)
        window.screenshot("offline")  # the other theme would have to come from the server
        plain_user.run([*record, script.format("meanwhile")], cwd=folder, env=lab.environment(), check=True)

        lab.start()
        lab.wait()
        # The panel asks ever less often, at least every half minute.
        expect(panel.locator(".jp-nbproof-Run-name")).to_have_text(["meanwhile", "before"], timeout=45_000)
        expect(panel).not_to_contain_text("The server does not answer")
    finally:
        lab.stop()


def test_a_request_that_fails_is_explained_and_can_be_tried_again(window: Window, forests: str) -> None:
    trouble = (
        '{"error": {"code": "unavailable", "message": "the disk that holds meta.db is full",'
        ' "hint": "free some space; what was logged waits in the journal", "details": null}}'
    )
    pattern = "**/nbproof/api/v1/experiments*"
    window.page.route(pattern, lambda route: route.fulfill(status=503, body=trouble))
    window.open(forests)
    panel = window.panel
    expect(panel).to_contain_text("The disk that holds meta.db is full")
    expect(panel).to_contain_text("Free some space")
    window.both_themes("error")
    window.page.unroute(pattern)
    panel.get_by_role("button", name="Retry").click()
    expect(panel.locator(".jp-nbproof-Run")).not_to_have_count(0)


def test_a_server_without_the_extension_is_told_from_one_that_is_away(window: Window, forests: str) -> None:
    window.page.route(
        "**/nbproof/api/v1/**", lambda route: route.fulfill(status=404, body='{"message": "Not Found"}')
    )
    window.open(forests)
    expect(window.panel).to_contain_text("nbproof is not running in this Jupyter server")
    window.screenshot("missing")


@pytest.fixture(scope="module")
def bare_python(plain_user: PlainUser) -> Path:
    """An environment with ipykernel and without nbproof."""
    folder = plain_user.folder("bare")
    plain_user.run([sys.executable, "-m", "venv", "--without-pip", folder], timeout=120, check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "-q"]
    done = plain_user.run([*pip, "install", "ipykernel"], timeout=240)
    if done.returncode:
        pytest.skip(f"pip cannot install ipykernel here: {done.stderr.strip().splitlines()[-1]}")
    return python


@pytest.fixture(scope="module")
def lab_with_bare_kernel(plain_user: PlainUser, bare_python: Path) -> Iterator[Lab]:
    argv = [str(bare_python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    lab = Lab(
        plain_user,
        kernels={"bare": {"argv": argv, "display_name": "Bare Python", "language": "python"}},
    )
    lab.wait()
    yield lab
    lab.stop()


def test_a_kernel_without_nbproof_is_noticed_and_the_install_line_is_offered(
    lab_with_bare_kernel: Lab, new_window: Callable[[Lab], Window]
) -> None:
    window = new_window(lab_with_bare_kernel)
    window.open(lab_with_bare_kernel.notebook("bare/work.ipynb", "", kernel="bare"))
    panel = window.panel
    expect(panel).to_contain_text("This kernel does not have nbproof")
    expect(panel).to_contain_text("Bare Python")
    window.both_themes("kernel-without-nbproof")
    panel.get_by_role("button", name="Insert install line").click()
    source = window.page.evaluate(
        "window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.getSource()"
    )
    assert source == "%pip install nbproof"

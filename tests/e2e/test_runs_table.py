"""The runs table, the compare view and a run's tabs in a real JupyterLab, with ten thousand runs."""

from __future__ import annotations

import re
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from tests.support.lab import Lab
from tests.support.plain_user import PlainUser
from tests.support.window import Window

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Route

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

pytestmark = [pytest.mark.ui, pytest.mark.timeout(300)]

MANY = 10_000
SCRIPT = Path(__file__).resolve().parents[1] / "support" / "many_runs.py"


@pytest.fixture(scope="module")
def studies(lab: Lab, plain_user: PlainUser) -> str:
    """The id of a workspace with ten thousand runs."""
    folder = lab.root / "studies"
    folder.mkdir()
    plain_user.own(folder)
    plain_user.run(
        [sys.executable, SCRIPT, str(MANY)], cwd=folder, env=lab.environment(), timeout=240, check=True
    )
    return str(lab.ask("GET", "workspaces/resolve?path=studies")["id"])


def open_table(window: Window, workspace: str, link: str = "") -> Locator:
    """The runs table in a fresh JupyterLab."""
    window.open(panel=False)
    window.command("nbproof:open-runs-table", workspace=workspace, **({"link": link} if link else {}))
    table = window.page.locator(".jp-nbproof-RunsTable:visible")
    expect(table.locator("[data-run]")).not_to_have_count(0)
    return table


def names(table: Locator) -> Locator:
    return table.locator(".jp-nbproof-Grid-open")


def test_ten_thousand_runs_are_scrolled_filtered_and_sorted_with_few_rows_in_the_page(
    window: Window, studies: str
) -> None:
    table = open_table(window, studies)
    grid = table.get_by_role("grid")
    rows = table.locator(".jp-nbproof-Grid-row")
    expect(table).to_contain_text("of 10,012 runs")
    window.both_themes("runs-table")

    # To the end: page by page the rest comes, and never more than the view's rows are in the page.
    grid.evaluate(SCROLL_DOWN)
    expect(table.locator(".jp-nbproof-RunsTable-foot")).to_contain_text("10,012 runs", timeout=120_000)
    expect(table.get_by_text("trial 0", exact=True)).to_be_attached()
    assert rows.count() < 100
    grid.evaluate("grid => { grid.scrollTop = 0; }")

    head = table.get_by_role("columnheader", name="auc", exact=True)
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(table).to_contain_text("more while scrolling")
    best = column(table, "metrics.auc")
    assert best == sorted(best, reverse=True)
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(table.locator("[data-column='metrics.auc']").first).not_to_have_text(str(best[0]))

    box = table.get_by_label("Filter runs")
    box.fill('params.model = "net" and metrics.auc > 0.9 order by params.depth')
    expect(table.get_by_role("columnheader", name="depth")).to_have_attribute("aria-sort", "ascending")
    expect(table.locator("[data-column='params.depth']").first).to_have_text("2")
    window.screenshot("runs-table-filter")
    box.fill("metrics.auc >")
    expect(table.get_by_role("alert")).to_be_visible()
    window.screenshot("runs-table-filter-bad")
    box.fill('name = "nobody"')
    expect(table).to_contain_text("No run matches")
    window.screenshot("runs-table-nothing")


SCROLL_DOWN = """
grid => new Promise(done => {
    const step = () => {
        grid.scrollTop = grid.scrollHeight;
        if (grid.closest('.jp-nbproof-RunsTable').textContent.includes('more while scrolling')) {
            requestAnimationFrame(step);
        } else {
            done();
        }
    };
    step();
})
"""


def column(table: Locator, key: str) -> list[float]:
    """The numbers that stand in a column, of the rows in the page."""
    return [
        float(text) for text in table.locator(f"[data-run] [data-column='{key}']").all_inner_texts() if text
    ]


def test_the_filter_box_offers_what_may_come_next(window: Window, studies: str) -> None:
    table = open_table(window, studies)
    keyboard = window.page.keyboard
    box = table.get_by_label("Filter runs")
    box.click()
    keyboard.type("params.mo")
    options = table.locator(".jp-nbproof-Options-one")
    expect(options).to_have_text(["params.model"])
    keyboard.press("Tab")
    keyboard.type("= ")
    expect(options.filter(has_text="boost")).to_be_visible()
    window.screenshot("runs-table-completion")
    keyboard.type("bo")
    expect(options).to_have_text([re.compile("boost")])
    keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    keyboard.press("Enter")
    expect(box).to_have_value('params.model = "boost" ')
    keyboard.press("Escape")
    keyboard.press("Enter")
    expect(table.locator("[data-column='params.model']").first).to_have_text("boost")


def test_keys_typed_faster_than_the_page_is_drawn_stand_in_the_filter_box_in_order(
    window: Window, studies: str
) -> None:
    window.page.add_init_script(SLOW_FRAMES)
    table = open_table(window, studies)
    keyboard = window.page.keyboard
    box = table.get_by_label("Filter runs")
    box.click()
    keyboard.type("params.mo")
    expect(table.locator(".jp-nbproof-Options-one")).to_have_text(["params.model"])
    keyboard.press("Tab")
    keyboard.type('= "net" and metrics.auc')
    for _ in range(len("metrics.auc")):
        keyboard.press("ArrowLeft")
    keyboard.type("not ")
    expect(box).to_have_value('params.model = "net" and not metrics.auc')
    expect(table.locator("[data-column='params.model']").first).to_have_text("net")
    keyboard.press("Escape")
    keyboard.press("Escape")
    expect(box).to_have_value("")


SLOW_FRAMES = """
const draw = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = then => draw(() => setTimeout(() => then(performance.now()), 400));
"""


def test_runs_are_chosen_and_opened_with_the_keyboard_and_grouped_pinned_and_hidden(
    window: Window, studies: str
) -> None:
    table = open_table(window, studies)
    keyboard = window.page.keyboard
    grid = table.get_by_role("grid")
    expect(grid).to_be_focused()
    keyboard.press("ArrowDown")
    keyboard.press("Space")
    keyboard.press("Shift+ArrowDown")
    keyboard.press("Shift+ArrowDown")
    expect(table).to_contain_text("3 runs selected")
    expect(table.locator("[aria-selected=true]")).to_have_count(3)
    keyboard.press("ArrowRight")
    keyboard.press("ArrowRight")
    current = table.locator("[data-cursor=true]")
    expect(current).to_have_attribute("data-column", "run.duration")
    assert grid.get_attribute("aria-activedescendant") == current.get_attribute("id")
    window.both_themes("runs-table-keyboard")

    first = str(names(table).first.inner_text())
    tools = table.get_by_role("toolbar")
    tools.get_by_role("button", name="Pin").click()
    expect(names(table).first).not_to_have_text(first)
    expect(table.locator("[data-pinned]")).to_have_count(3)
    tools.get_by_role("button", name="Hide").click()
    expect(table).to_contain_text("3 hidden")
    expect(names(table).first).to_have_text(first)

    table.get_by_label("Group").select_option("params.model")
    groups = table.locator(".jp-nbproof-Grid-group")
    expect(groups.first).to_contain_text("±")
    expect(table.locator(".jp-nbproof-RunsTable-foot")).not_to_contain_text("more while", timeout=120_000)
    groups.first.locator(".jp-nbproof-Grid-label").click()
    expect(groups).to_have_count(2)
    window.both_themes("runs-table-grouped")

    table.get_by_label("Group").select_option("")
    grid.focus()
    keyboard.press("Control+Home")
    keyboard.press("Enter")
    expect(
        window.page.locator(".jp-nbproof-RunView:visible").get_by_role("heading", name=first)
    ).to_be_visible()


COURSES = 'experiment = "courses" order by name'


def test_charts_show_the_selected_runs_and_the_view_has_an_address_that_opens_it_again(
    window: Window, lab: Lab, studies: str
) -> None:
    table = open_table(window, studies)
    table.get_by_label("Filter runs").fill(COURSES)
    expect(names(table).first).to_have_text("course 0")
    table.get_by_role("button", name="Columns").click()
    picker = window.page.get_by_role("dialog", name="Columns")
    picker.get_by_label("Find a column").fill("tea")
    picker.get_by_role("checkbox", name="team").click()
    window.both_themes("runs-table-columns")
    window.page.keyboard.press("Escape")
    expect(picker).to_have_count(0)
    for name in ("course 1", "course 2", "course 3"):
        row = table.locator("[data-run]", has=window.page.get_by_text(name, exact=True))
        row.locator("[data-part=check]").click()
    table.get_by_role("button", name="Both").click()
    card = table.locator(".jp-nbproof-Curve[data-metric=auc]")
    expect(card.locator("[data-run] .jp-nbproof-Overlay-line")).to_have_count(3)
    table.get_by_label("Smoothing").fill("0.6")
    table.get_by_role("group", name="Scale").get_by_role("button", name="Log").click()
    expect(card.locator(".jp-nbproof-Overlay-faint")).to_have_count(3)
    chart = card.get_by_role("slider")
    chart.hover(position={"x": 150, "y": 80})
    expect(card.locator(".jp-nbproof-Readout-line")).to_have_count(3)
    window.both_themes("runs-table-charts")
    chart.focus()
    window.page.keyboard.press("Home")
    expect(chart).to_have_attribute("aria-valuetext", re.compile("course 1 "))
    window.page.keyboard.press("+")
    expect(card.get_by_role("button", name="Reset zoom")).to_be_visible()
    stretch = [chart.get_attribute(f"aria-value{end}") for end in ("min", "max")]
    card.get_by_role("button", name="Table").click()
    expect(card.get_by_role("row")).to_have_count(4)
    # Of a metric that each of them logged once, the numbers say all.
    single = table.locator(".jp-nbproof-Curve[data-metric='best auc']")
    expect(single.locator(".jp-nbproof-Values dd")).to_have_text(["0.905", "0.91", "0.915"])

    link = copied_link(window, table)
    assert "token" not in link
    window.page.goto(link)
    window.page.wait_for_function("window.jupyterapp?.restored")
    again = window.page.locator(".jp-nbproof-RunsTable:visible")
    expect(again.get_by_label("Filter runs")).to_have_value(COURSES)
    expect(again.locator("[aria-selected=true]")).to_have_count(3)
    expect(again.get_by_role("columnheader", name="team")).to_be_attached()
    expect(again.locator(".jp-nbproof-Overlay-line").first).to_be_attached()
    expect(again.get_by_label("Smoothing")).to_have_value("0.6")
    zoomed = again.locator(".jp-nbproof-Curve[data-metric=auc]")
    for end, value in zip(("min", "max"), stretch, strict=True):
        expect(zoomed.get_by_role("slider")).to_have_attribute(f"aria-value{end}", value)
    again.get_by_role("group", name="X axis").get_by_role("button", name="Relative time").click()
    expect(zoomed.get_by_role("button", name="Reset zoom")).to_have_count(0)
    assert "nbproof=" not in window.page.url

    # And a reload shows what was there, by the layout that JupyterLab remembers.
    again.get_by_role("button", name="Charts", exact=True).click()
    expect(again.get_by_role("grid")).to_have_count(0)
    again.get_by_role("group", name="Kind of chart").get_by_role("button", name="Scatter").click()
    expect(again.locator(".jp-nbproof-Scatter-dot")).to_have_count(3)
    saved = "async () => JSON.stringify(await window.jupyterapp.serviceManager.workspaces.list())"
    deadline = time.monotonic() + 60
    while "plot=scatter" not in window.page.evaluate(saved):
        assert time.monotonic() < deadline, "JupyterLab did not keep the layout"
        window.page.wait_for_timeout(200)
    window.page.reload()
    expect(window.page.locator(".jp-nbproof-RunsTable:visible .jp-nbproof-Scatter-dot")).to_have_count(3)
    window.both_themes("runs-table-scatter")


def test_columns_are_moved_by_dragging_by_key_and_in_the_list_of_columns(
    window: Window, studies: str
) -> None:
    table = open_table(
        window,
        studies,
        f"runs?workspace={studies}&column=params.depth&column=params.model&column=metrics.auc",
    )
    keyboard = window.page.keyboard
    heads = table.get_by_role("columnheader")
    expect(heads).to_have_text(["Name", "depth", "model", "auc"])
    drag(window, heads.nth(3), heads.nth(1))
    expect(heads).to_have_text(["Name", "auc", "depth", "model"])
    # What was dragged was not clicked.
    expect(heads.nth(1)).to_have_attribute("aria-sort", "none")

    table.get_by_role("grid").focus()
    keyboard.press("Control+Home")
    keyboard.press("ArrowUp")
    keyboard.press("ArrowRight")
    keyboard.press("Shift+ArrowRight")
    expect(heads).to_have_text(["Name", "depth", "auc", "model"])
    keyboard.press("Shift+ArrowRight")
    expect(heads).to_have_text(["Name", "depth", "model", "auc"])
    keyboard.press("Enter")
    expect(heads.nth(3)).to_have_attribute("aria-sort", "descending")

    table.get_by_role("button", name="Columns").click()
    picker = window.page.get_by_role("dialog", name="Columns")
    chosen = picker.locator("[data-column]")
    drag(window, chosen.nth(2), chosen.nth(0))
    expect(heads).to_have_text(["Name", "auc", "depth", "model"])
    picker.get_by_role("button", name="Move model to the left").press("Enter")
    expect(heads).to_have_text(["Name", "auc", "model", "depth"])


def drag(window: Window, what: Locator, onto: Locator) -> None:
    """Drag to the near edge of something, by its left or upper quarter."""
    from_box, to_box = what.bounding_box(), onto.bounding_box()
    assert from_box and to_box
    mouse = window.page.mouse
    mouse.move(from_box["x"] + from_box["width"] / 4, from_box["y"] + from_box["height"] / 2)
    mouse.down()
    mouse.move(to_box["x"] + to_box["width"] / 4, to_box["y"] + to_box["height"] / 4, steps=8)
    mouse.up()


LONG = """\
import numpy as np, nbproof as nbp
values = np.sin(np.arange(1_000_000) / 50_000)
values[700_123] = 9.0
with nbp.start_run("long", experiment="long") as run:
    run.log_history("wave", values)
"""


def test_a_million_points_are_drawn_thinned_and_a_closer_look_has_finer_ones(
    window: Window, lab: Lab, plain_user: PlainUser
) -> None:
    folder = lab.root / "long"
    folder.mkdir()
    plain_user.own(folder)
    plain_user.run([sys.executable, "-c", LONG], cwd=folder, env=lab.environment(), timeout=120, check=True)
    run = lab.runs("long")[0]
    workspace = lab.ask("GET", "workspaces/resolve?path=long")["id"]
    window.open(panel=False)
    asked: list[str] = []
    window.page.on("request", lambda request: asked.append(request.url) if "/lines?" in request.url else None)
    window.page.evaluate(WATCH)
    window.command("nbproof:open-run", workspace=workspace, run=run["id"], tab="charts")
    card = window.page.locator(".jp-nbproof-RunView:visible .jp-nbproof-Curve[data-metric=wave]")
    line = card.locator(".jp-nbproof-Overlay-line")
    expect(line).to_have_count(1)
    print("million points:", window.page.evaluate("window.measured()"))
    # The server sent some hundreds of them, and the one that stands out is among these.
    assert 200 < points_in(line) <= 800
    expect(card).to_contain_text("max9")
    whole = str(line.get_attribute("d"))

    chart = card.get_by_role("slider", name="wave")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    mouse = window.page.mouse
    mouse.move(box["x"] + box["width"] * 0.40, box["y"] + 60)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 0.44, box["y"] + 60, steps=4)
    with window.page.expect_response(lambda response: "low=" in response.url) as answer:
        mouse.up()
    (found,) = answer.value.json()["items"]
    assert 200 < len(found["x"]) <= 800
    assert found["x"][-1] - found["x"][0] < 150_000
    # Of the whole course some thirty points would lie in this part.
    window.page.wait_for_function(
        "([card]) => card.querySelector('.jp-nbproof-Overlay-line').getAttribute('d').length > 1500",
        arg=[card.element_handle()],
    )
    window.screenshot("run-charts-closer")

    window.page.evaluate(WATCH)
    window.page.keyboard.down("Shift")
    mouse.move(box["x"] + 200, box["y"] + 60)
    mouse.down()
    mouse.move(box["x"] + 100, box["y"] + 60, steps=30)
    mouse.up()
    window.page.keyboard.up("Shift")
    print("moved along:", window.page.evaluate("window.measured()"))

    chart.focus()
    window.page.keyboard.press("Escape")
    expect(card.get_by_role("button", name="Reset zoom")).to_have_count(0)
    expect(line).to_have_attribute("d", whole)
    assert not [url for url in asked if "max_points=800" not in url]


WATCH = """
() => {
    const began = performance.now();
    const tasks = [];
    const frames = [];
    let drawn = null;
    let last = began;
    new PerformanceObserver(list => tasks.push(...list.getEntries().map(one => Math.round(one.duration))))
        .observe({ type: 'longtask' });
    const look = now => {
        frames.push(now - last);
        last = now;
        if (drawn === null && document.querySelector('.jp-nbproof-Overlay-line')) {
            drawn = Math.round(now - began);
        }
        if (now - began < 60000) {
            requestAnimationFrame(look);
        }
    };
    requestAnimationFrame(look);
    window.measured = () => {
        const sorted = [...frames].sort((a, b) => a - b);
        const at = share => Math.round(sorted[Math.floor((sorted.length - 1) * share)]);
        return `drawn after ${drawn} ms, frames ${at(0.5)} ms median, ${at(0.95)} ms p95,`
            + ` long tasks ${tasks.join(', ') || 'none'}`;
    };
}
"""


def points_in(line: Locator) -> int:
    """How many points a path goes through."""
    return len(re.findall("[ML]", str(line.get_attribute("d"))))


def test_a_run_is_renamed_tagged_noted_and_brought_back_from_the_trash(
    window: Window, lab: Lab, plain_user: PlainUser
) -> None:
    folder = lab.root / "edited"
    folder.mkdir()
    plain_user.own(folder)
    script = "import nbproof as nbp\nwith nbp.start_run('before', experiment='e'): nbp.log_metric('auc', 1)"
    plain_user.run([sys.executable, "-c", script], cwd=folder, env=lab.environment(), timeout=60, check=True)
    workspace = lab.ask("GET", "workspaces/resolve?path=edited")["id"]
    run = lab.runs("edited")[0]["id"]
    window.open(panel=False)
    window.command("nbproof:open-run", workspace=workspace, run=run)
    view = window.page.locator(".jp-nbproof-RunView:visible")
    keyboard = window.page.keyboard

    view.get_by_role("button", name="Rename the run").press("Enter")
    box = view.get_by_label("Name of the run")
    expect(box).to_be_focused()
    box.fill("after <b>")
    box.press("Enter")
    expect(view.get_by_role("heading", name="after <b>", exact=True)).to_be_visible()
    expect(view.get_by_role("button", name="Rename the run")).to_be_focused()

    view.get_by_role("button", name="Write notes").press("Enter")
    notes = view.get_by_label("Notes, in Markdown")
    expect(notes).to_be_focused()
    keyboard.insert_text("The **best** so far.")
    window.screenshot("run-edited")
    keyboard.press("Control+Enter")
    expect(view.locator(".jp-nbproof-Notes strong")).to_have_text("best")

    view.get_by_role("button", name="Change the group").press("Enter")
    group = view.get_by_label("Group of the run")
    expect(group).to_be_focused()
    group.fill("seeds")
    group.press("Enter")
    expect(view.locator(".jp-nbproof-GroupName")).to_have_text("seeds")
    expect(view.get_by_role("button", name="Change the group")).to_be_focused()

    view.get_by_role("button", name="Add a tag").press("Enter")
    keyboard.insert_text("owner = ann")
    keyboard.press("Enter")
    expect(view.locator(".jp-nbproof-Tags li")).to_have_text(["ownerann"])
    found = lab.ask("GET", f"runs/{run}?workspace={workspace}")
    assert (found["name"], found["group"], found["notes"], found["tags"]) == (
        "after <b>",
        "seeds",
        "The **best** so far.",
        {"owner": "ann"},
    )
    view.get_by_role("button", name="Change the group").press("Enter")
    group.fill("")
    group.press("Enter")
    expect(view.locator(".jp-nbproof-GroupName")).to_have_text("none")
    assert lab.ask("GET", f"runs/{run}?workspace={workspace}")["group"] is None
    view.get_by_role("button", name="Remove the tag owner").press("Enter")
    expect(view.locator(".jp-nbproof-Tags li")).to_have_count(0)

    lab.ask("DELETE", f"runs/{run}?workspace={workspace}")
    expect(view).to_contain_text("This run is in the trash")
    window.screenshot("run-trash")
    view.get_by_role("button", name="Restore").click()
    expect(view).not_to_contain_text("This run is in the trash")
    assert [each["name"] for each in lab.runs("edited")] == ["after <b>"]

    lab.ask("DELETE", f"runs/{run}?workspace={workspace}")
    lab.ask("POST", f"runs/purge?workspace={workspace}", {"yes": True})
    expect(view).to_contain_text("This run is not here")
    window.screenshot("run-purged")


def copied_link(window: Window, view: Locator) -> str:
    """The address that a view's button puts on the clipboard."""
    window.page.evaluate(
        """() => {
            document.addEventListener('copy', event => {
                window.copied = event.clipboardData.getData('text/plain');
            }, { once: true });
        }"""
    )
    view.get_by_role("button", name="Copy a link to this view").click()
    window.page.wait_for_function("window.copied")
    return str(window.page.evaluate("window.copied"))


def test_runs_are_compared_side_by_side_and_in_plots(window: Window, lab: Lab, studies: str) -> None:
    table = open_table(window, studies)
    table.get_by_label("Filter runs").fill(COURSES)
    expect(names(table).first).to_have_text("course 0")
    table.get_by_role("button", name="Select all runs").click()
    table.get_by_role("toolbar").get_by_role("button", name="Compare").click()

    view = window.page.locator(".jp-nbproof-CompareView:visible")
    rows = view.locator("tr[data-row]")
    expect(rows).not_to_have_count(0)
    expect(view.locator("tr[data-row='best auc'] [data-best]")).to_have_count(1)
    expect(view.locator("tr[data-row='rate'] [data-best]")).to_have_count(0)
    for theme in ("Dark", "Light"):
        window.theme(f"JupyterLab {theme}")
        for tab in ("Table", "Curves", "Parallel", "Scatter", "Box"):
            view.get_by_role("tab", name=tab).click()
            expect(view.locator(".jp-nbproof-isLoading")).to_have_count(0)
            window.screenshot(f"compare-{tab.lower()}-{theme.lower()}")
    expect(view.locator(".jp-nbproof-Box")).not_to_have_count(0)
    link = copied_link(window, view)
    window.page.goto(link)
    expect(window.page.locator(".jp-nbproof-CompareView:visible .jp-nbproof-Box")).not_to_have_count(0)


def test_the_tabs_of_a_run_show_its_courses_files_and_code(window: Window, lab: Lab, studies: str) -> None:
    run = lab.runs("studies", 'name = "course 11"')[0]
    window.open(panel=False)
    window.command("nbproof:open-run", workspace=studies, run=run["id"])
    view = window.page.locator(".jp-nbproof-RunView:visible")
    expect(view.get_by_role("heading", name="course 11", exact=True)).to_be_visible()
    window.both_themes("run-overview")
    tab = view.get_by_role("tab")
    tab.filter(has_text="Charts").click()
    expect(view.locator(".jp-nbproof-Overlay-line").first).to_be_attached()
    expect(view.locator(".jp-nbproof-isLoading")).to_have_count(0)
    window.both_themes("run-charts")

    tab.filter(has_text="Artifacts").click()
    image = view.get_by_role("img", name="curve.svg")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 240
    window.both_themes("run-artifacts")
    view.get_by_role("button", name="scores.csv", exact=True).click()
    expect(view.get_by_role("cell", name="row 29")).to_be_attached()
    window.screenshot("run-artifact-table")
    # A figure of plotly is drawn by what plotly brought for JupyterLab, other JSON as a tree.
    view.get_by_role("button", name="roc.html", exact=True).click()
    view.get_by_role("button", name="Show the figure").click()
    expect(view.locator(".jp-nbproof-Preview-data .js-plotly-plot .scatterlayer .js-line")).to_be_attached()
    window.screenshot("run-artifact-figure")
    view.get_by_role("button", name="weights.json", exact=True).click()
    histogram = view.get_by_role("img", name="weights.json: 64 bins")
    expect(histogram.locator(".jp-nbproof-Bar")).to_have_count(64)
    expect(histogram).to_contain_text("count")
    expect(view.get_by_label("Step")).to_have_attribute("aria-valuetext", "2")
    view.get_by_label("Step").fill("0")
    expect(view.get_by_label("Step")).to_have_attribute("aria-valuetext", "0")
    window.screenshot("run-artifact-histogram")
    asked: list[str] = []

    def outside(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=204)

    window.page.route("http://outside.invalid/**", outside)
    view.get_by_role("button", name="report.html", exact=True).click()
    frame = view.locator("iframe")
    expect(frame).to_have_attribute("sandbox", "")
    expect(view.frame_locator("iframe").get_by_role("heading", name="Report")).to_be_visible()
    view.get_by_role("button", name="Run its scripts").click()
    expect(frame).to_have_attribute("sandbox", "allow-scripts")
    expect(view.frame_locator("iframe").get_by_role("heading", name="Report")).to_be_visible()
    # Its script ran and was kept out; nobody outside has learned that the page was looked at.
    expect(view.frame_locator("iframe").locator("title")).to_have_js_property("text", "kept out")
    assert window.page.title() != "reached"
    assert asked == []
    window.screenshot("run-artifact-page")

    # A folder is folded and fetched whole by the keyboard.
    folder = view.get_by_role("button", name="model, folder of 2 files")
    folder.focus()
    window.page.keyboard.press("Enter")
    expect(view.get_by_role("button", name="model/config.yaml")).to_have_count(0)
    window.page.keyboard.press("Enter")
    expect(view.get_by_role("button", name="model/config.yaml", exact=True)).to_be_visible()
    expect(folder).to_be_focused()
    window.page.keyboard.press("Tab")
    with window.page.expect_download() as fetched:
        window.page.keyboard.press("Enter")
    assert fetched.value.suggested_filename == "model.zip"
    with ZipFile(fetched.value.path()) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "model/config.yaml": b"depth: 6\n",
            "model/weights/part-1.bin": bytes(range(256)),
        }

    tab.filter(has_text="Code").click()
    # Who runs this beside changes that are not committed has a diff of these, too.
    diff = view.get_by_role("region", name="work.diff")
    expect(diff.locator("[data-kind=added]")).to_have_text("+rate = 0.01\n")
    window.both_themes("run-code")
    tab.filter(has_text="Params").click()
    window.screenshot("run-params")
    tab.filter(has_text="Environment").click()
    packages = view.get_by_role("list", name="Packages and their versions").get_by_role("listitem")
    view.get_by_label("Find a package").fill("sqlalchemy")
    expect(packages).to_have_count(1)
    expect(packages).to_have_text(re.compile(r"sqlalchemy\d"))
    window.screenshot("run-environment")
    tab.filter(has_text="Code").click()
    link = copied_link(window, view)
    window.page.goto(link)
    again = window.page.locator(".jp-nbproof-RunView:visible")
    expect(again.get_by_role("tab", selected=True)).to_have_text("Code")


def test_a_run_that_starts_meanwhile_appears_and_the_selected_runs_are_tagged_grouped_and_cancelled(
    window: Window, lab: Lab, plain_user: PlainUser
) -> None:
    folder = lab.root / "meanwhile"
    folder.mkdir()
    plain_user.own(folder)
    script = "import nbproof as nbp\nwith nbp.start_run('before', experiment='e'): nbp.log_metric('loss', 1)"
    plain_user.run([sys.executable, "-c", script], cwd=folder, env=lab.environment(), check=True)
    workspace = str(lab.ask("GET", "workspaces/resolve?path=meanwhile")["id"])
    table = open_table(window, workspace)
    expect(names(table)).to_have_text(["before"])
    lab.ask("POST", f"experiments/e/runs?workspace={workspace}", {"name": "meanwhile"})
    expect(names(table)).to_have_text(["meanwhile", "before"])

    table.locator("[data-run] [data-part=check]").first.click()
    tools = table.get_by_role("toolbar")
    tools.get_by_role("button", name="Tag…").click()
    dialog = window.page.get_by_role("dialog")
    dialog.locator("input").fill("owner = ann")
    dialog.get_by_role("button", name="Set").click()
    table.get_by_label("Group").select_option("tags.owner")
    expect(table.locator(".jp-nbproof-Grid-label")).to_have_text(["ann", "(nothing)"])
    tools.get_by_role("button", name="Group…").click()
    dialog.locator("input").fill("seeds")
    dialog.get_by_role("button", name="Set").click()
    table.get_by_label("Group").select_option("run.group")
    expect(table.locator(".jp-nbproof-Grid-label")).to_have_text(["seeds", "(nothing)"])
    tools.get_by_role("button", name="Cancel…").click()
    dialog.get_by_role("button", name="Cancel the runs").click()
    expect(table.get_by_role("img", name="Cancelled")).to_be_visible()
    assert lab.runs("meanwhile")[0]["status"] == "cancelled"


def test_a_workspace_that_is_deleted_while_its_table_is_open_leaves_an_empty_one_that_fills_again(
    window: Window, lab: Lab, plain_user: PlainUser
) -> None:
    folder = lab.root / "deleted"
    folder.mkdir()
    plain_user.own(folder)
    script = "import nbproof as nbp\nwith nbp.start_run({!r}, experiment='e'): nbp.log_metric('loss', 1)"

    def record(name: str) -> None:
        plain_user.run(
            [sys.executable, "-c", script.format(name)], cwd=folder, env=lab.environment(), check=True
        )

    record("first")
    table = open_table(window, str(lab.ask("GET", "workspaces/resolve?path=deleted")["id"]))
    expect(names(table)).to_have_text(["first"])
    shutil.rmtree(folder / ".nbproof")
    refresh = table.get_by_role("button", name="Refresh")
    refresh.click()
    expect(table).to_contain_text("No runs yet")
    record("second")
    refresh.click()
    expect(names(table)).to_have_text(["second"])

"""Pictures of every page and state of the panel, to be looked at: ``python -m tests.e2e.gallery [PART]...``

Each is taken in JupyterLab's light, dark and high-contrast theme, in a wide and a narrow window, and kept in
``tests/output/gallery``.  With arguments only those whose name contains one of them are taken.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from playwright.sync_api import expect, sync_playwright

from tests.support.lab import Lab
from tests.support.plain_user import REPOSITORY, PlainUser
from tests.support.window import Window

if TYPE_CHECKING:
    from playwright.sync_api import Locator

FOLDER = REPOSITORY / "tests" / "output" / "gallery"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark", "contrast": "JupyterLab Dark High Contrast"}
SIZES = {"wide": (1400, 900), "narrow": (900, 700)}
SUPPORT = Path(__file__).resolve().parents[1] / "support"


class Gallery:
    """Takes the pictures."""

    def __init__(self, window: Window, wanted: list[str]) -> None:
        self.window = window
        self._wanted = wanted

    def wants(self, name: str) -> bool:
        """Whether a picture was asked for."""
        return not self._wanted or any(part in name for part in self._wanted)

    def take(self, name: str, prepare: Callable[[], object] = lambda: None) -> None:
        """One state in each theme and size; `prepare` brings back what a change of these puts away."""
        if not self.wants(name):
            return
        page = self.window.page
        for theme, called in THEMES.items():
            self.window.theme(called)
            for size, (width, height) in SIZES.items():
                page.set_viewport_size({"width": width, "height": height})
                prepare()
                # Charts are drawn to the new size within a frame or two of it.
                page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 300)))")
                page.screenshot(path=FOLDER / f"{name}-{theme}-{size}.png", animations="disabled")
        page.set_viewport_size({"width": 1400, "height": 900})
        print(name, flush=True)

    def settle(self) -> None:
        """Until nothing that is in view is still being fetched."""
        self.window.page.wait_for_function(
            """() => [...document.querySelectorAll('.jp-nbproof-isLoading')].every(one => {
                const { top, height } = one.getBoundingClientRect();
                return height === 0 || top > innerHeight;
            })"""
        )

    def run(self, workspace: str, run: str, tab: str = "overview") -> Locator:
        """A run's page."""
        self.window.command("nbproof:open-run", workspace=workspace, run=run, tab=tab)
        view = self.window.page.locator(".jp-nbproof-RunView:visible")
        expect(view.get_by_role("tab", selected=True)).to_be_visible()
        return view

    def dataset(self, workspace: str, dataset: str, tab: str = "columns", **words: str) -> Locator:
        """A dataset's page."""
        self.window.command("nbproof:open-dataset", workspace=workspace, dataset=dataset, tab=tab, **words)
        view = self.window.page.locator(".jp-nbproof-DatasetView:visible")
        expect(view.get_by_role("tab", selected=True)).to_be_visible()
        return view

    def table(self, workspace: str, **words: str) -> Locator:
        """The runs table as a link shows it."""
        link = f"runs?{urlencode({'workspace': workspace, **words})}"
        self.window.command("nbproof:open-runs-table", workspace=workspace, link=link)
        table = self.window.page.locator(".jp-nbproof-RunsTable:visible")
        expect(table.locator(".jp-nbproof-RunsTable-foot")).to_be_visible()
        return table


@contextmanager
def jupyterlab() -> Iterator[tuple[Lab, Window]]:
    user = PlainUser()
    if reason := user.open_the_way():
        raise SystemExit(reason)
    lab = Lab(user)
    try:
        lab.wait()
        for name, script, argument in (
            ("studies", "many_runs.py", "2000"),
            ("oddities", "odd_runs.py", ""),
            ("data", "odd_datasets.py", ""),
        ):
            folder = lab.root / name
            folder.mkdir()
            user.own(folder)
            user.run(
                [sys.executable, "-P", SUPPORT / script, *argument.split()],
                cwd=folder, env=lab.environment(), timeout=240, check=True,
            )  # fmt: skip
        workspace = lab.ask("GET", "workspaces/resolve?path=oddities")["id"]
        live = lab.ask("POST", f"experiments/odd/runs?workspace={workspace}", {"name": "still running"})
        lab.ask("POST", f"runs/{live['id']}/metrics?workspace={workspace}", {"key": "loss", "value": 0.5})
        lab.notebook("studies/study.ipynb", "1 + 1")
        lab.notebook("oddities/odd.ipynb", "1 + 1")
        lab.notebook("data/data.ipynb", "1 + 1")
        lab.notebook("fresh/first.ipynb", "")
        program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
        expect.set_options(timeout=20_000)
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            yield lab, Window(browser, lab)
            browser.close()
    finally:
        lab.stop()
        user.close()


def main(wanted: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with jupyterlab() as (lab, window):
        gallery = Gallery(window, wanted)
        studies, oddities, data = (
            str(lab.ask("GET", f"workspaces/resolve?path={name}")["id"])
            for name in ("studies", "oddities", "data")
        )
        take_panel(gallery)
        window.open(panel=False)
        take_table(gallery, studies, oddities)
        take_comparison(gallery, lab, studies, oddities)
        take_run(gallery, lab, studies, oddities)
        take_dataset(gallery, data)
        take_dataset_trouble(gallery, data)
        take_trouble(gallery, lab, studies)


def take_panel(gallery: Gallery) -> None:
    if not gallery.wants("panel"):
        return
    window = gallery.window
    window.open("fresh/first.ipynb")
    expect(window.panel).to_contain_text("No workspace yet")
    gallery.take("panel-empty")
    window.open("oddities/odd.ipynb")
    expect(window.panel.locator(".jp-nbproof-Run")).not_to_have_count(0)
    gallery.take("panel-nested")
    box = window.panel.get_by_label("Filter runs")
    box.fill("metrics.auc >")
    expect(window.panel.get_by_role("alert")).to_be_visible()
    gallery.take("panel-filter-error")


def take_table(gallery: Gallery, studies: str, oddities: str) -> None:
    table = gallery.table(studies)
    gallery.take("table")
    box = table.get_by_label("Filter runs")

    def complete() -> None:
        box.fill("")
        box.press_sequentially("params.")
        expect(table.locator(".jp-nbproof-Options-one").first).to_be_visible()

    gallery.take("table-completion", complete)
    box.fill("metrics.auc >")
    expect(table.get_by_role("alert")).to_be_visible()
    gallery.take("table-filter-error")
    box.fill('name = "nobody"')
    expect(table).to_contain_text("No run matches")
    gallery.take("table-nothing")

    table = gallery.table(studies, group="params.model")
    expect(table.locator(".jp-nbproof-Grid-group")).not_to_have_count(0)
    gallery.take("table-grouped")

    table = gallery.table(studies, query='experiment = "courses"', layout="both")
    gallery.settle()
    for name in ("course 1", "course 2", "course 3"):
        row = table.locator("[data-run]", has=gallery.window.page.get_by_text(name, exact=True))
        row.locator("[data-part=check]").click()
    gallery.take(
        "table-charts", lambda: table.locator(".jp-nbproof-Overlay").first.hover(position={"x": 150, "y": 80})
    )
    gallery.take("table-columns", lambda: _pick_columns(table))
    gallery.window.page.keyboard.press("Escape")

    for plot in ("parallel", "scatter", "box"):
        gallery.table(studies, layout="charts", plot=plot)
        gallery.take(f"table-{plot}")
    gallery.table(oddities)
    gallery.take("table-odd")


def _pick_columns(table: Locator) -> None:
    button = table.get_by_role("button", name="Columns")
    if button.get_attribute("aria-expanded") != "true":
        button.click()


def take_comparison(gallery: Gallery, lab: Lab, studies: str, oddities: str) -> None:
    found = lab.runs("studies", 'experiment = "courses" order by name')
    for name, workspace, runs in (
        ("compare", studies, found[:5]),
        ("compare-many", studies, found),
        ("compare-odd", oddities, lab.runs("oddities")[:6]),
    ):
        tabs = ("table", "curves", "parallel", "scatter", "box") if name == "compare" else ("table", "curves")
        for tab in tabs:
            if not gallery.wants(f"{name}-{tab}"):
                continue
            words = {"workspace": workspace, "runs": " ".join(run["id"] for run in runs), "tab": tab}
            gallery.window.command("nbproof:open-link", link=f"compare?{urlencode(words)}")
            view = gallery.window.page.locator(".jp-nbproof-CompareView:visible")
            expect(view.get_by_role("tab", selected=True)).to_be_visible()
            gallery.settle()
            gallery.take(f"{name}-{tab}")


def take_run(gallery: Gallery, lab: Lab, studies: str, oddities: str) -> None:
    run = lab.runs("studies", 'name = "course 11"')[0]["id"]
    for tab in ("overview", "charts", "params", "artifacts", "environment", "code", "lineage"):
        view = gallery.run(studies, run, tab)
        gallery.settle()
        gallery.take(f"run-{tab}")
    for word, button in (("name", "Rename the run"), ("group", "Change the group")):
        if gallery.wants(f"run-edit-{word}"):
            view = gallery.run(studies, run)
            view.get_by_role("button", name=button).click()
            gallery.take(f"run-edit-{word}")
            view.get_by_role("button", name="Cancel").click()
    if gallery.wants("run-zoom"):
        words = {"workspace": studies, "run": run, "tab": "charts", "zoom": "40 90 auc"}
        gallery.window.command("nbproof:open-link", link=f"run?{urlencode(words)}")
        gallery.settle()
        gallery.take("run-zoom")
    typed = lab.runs("oddities", 'name = "everything"')[0]
    view = gallery.run(oddities, typed["id"], "artifacts")
    for artifact in typed["artifacts"]:
        name = artifact["name"]
        word = "".join(sign if sign.isalnum() else "-" for sign in name)
        if gallery.wants(f"run-artifact-{word}"):
            view.locator(".jp-nbproof-Artifacts").get_by_role("button", name=name, exact=True).click()
            gallery.settle()
            gallery.take(f"run-artifact-{word}")
    for name, query in (
        ("run-wide", 'name = "five hundred metrics"'),
        ("run-nan", 'name = "not a number"'),
        ("run-odd", 'name ilike "%quotes%"'),
        ("run-live", 'status = "running"'),
    ):
        identifier = lab.runs("oddities", query)[0]["id"]
        for tab in ("overview", "charts", "params"):
            if gallery.wants(f"{name}-{tab}"):
                gallery.run(oddities, identifier, tab)
                gallery.take(f"{name}-{tab}")


def take_dataset(gallery: Gallery, data: str) -> None:
    if not gallery.wants("dataset"):
        return
    window = gallery.window
    for name, dataset, tab in (
        ("dataset-columns", "orders@v2", "columns"),
        ("dataset-versions", "orders", "versions"),
        ("dataset-lineage", "orders", "lineage"),
        ("dataset-wide", "wide", "columns"),
        ("dataset-odd", "🎈 party/raw/2026", "columns"),
        (
            "dataset-long-name",
            "a name that is so long that no sidebar has room for the whole of it / v2",
            "columns",
        ),
        ("dataset-folder", "files", "columns"),
        ("dataset-many", "many", "versions"),
        ("dataset-unasked", "orders@v2", "compare"),
        ("dataset-alone", "🎈 party/raw/2026", "compare"),
    ):
        if gallery.wants(name):
            gallery.dataset(data, dataset, tab)
            gallery.settle()
            gallery.take(name)
    take_dataset_comparison(gallery, data)
    if gallery.wants("dataset-list"):
        window.open("data/data.ipynb")
        expect(window.panel.locator(".jp-nbproof-Dataset")).not_to_have_count(0)
        gallery.take("dataset-list")
        window.panel.get_by_label("Filter datasets").fill("nothing like it")
        expect(window.panel).to_contain_text("No dataset has")
        gallery.take("dataset-list-nothing")
        window.open(panel=False)


def take_dataset_comparison(gallery: Gallery, data: str) -> None:
    for name, dataset, key in (
        ("dataset-drifted", "orders@v2", "order"),
        ("dataset-mended", "orders@v3", "order"),
        ("dataset-files", "files", ""),
        ("dataset-wide-drift", "wide", ""),
    ):
        if not gallery.wants(name):
            continue
        view = gallery.dataset(data, dataset, "compare")
        if key and not view.get_by_role("button", name=f"Match no longer by {key}").is_visible():
            view.get_by_label("Rows match by").fill(key)
            view.get_by_label("Rows match by").press("Enter")
        view.get_by_role("button", name="Compare", exact=True).click()
        counts = view.locator(".jp-nbproof-Counts")
        expect(counts).to_be_visible(timeout=60_000)
        gallery.take(name)
        if dataset == "files":
            continue
        columns = view.get_by_role("region", name="Columns")
        expect(columns.locator("[data-column]")).not_to_have_count(0)
        first = columns.locator(".jp-nbproof-Drift-name").first
        first.click()
        gallery.take(f"{name}-columns", columns.get_by_role("heading").scroll_into_view_if_needed)
        detail = columns.locator(".jp-nbproof-Drift-detail")
        gallery.take(
            f"{name}-detail", partial(detail.evaluate, "one => one.scrollIntoView({block: 'center'})")
        )
    if gallery.wants("dataset-leakage"):
        view = gallery.dataset(data, "orders@v3", "compare", against="orders@v2")
        view.get_by_role("button", name="Check for leakage").click()
        expect(view.get_by_role("region", name="Leakage")).to_contain_text("was taken as the training set")
        gallery.take("dataset-leakage")


def take_dataset_trouble(gallery: Gallery, data: str) -> None:
    if not gallery.wants("dataset"):
        return
    page = gallery.window.page
    for name, dataset in (("dataset-gone", "ordres"), ("dataset-no-version", "orders@v99")):
        if gallery.wants(name):
            gallery.window.command("nbproof:open-dataset", workspace=data, dataset=dataset)
            expect(page.locator(".jp-nbproof-DatasetView:visible")).to_contain_text("Retry")
            gallery.take(name)
    if gallery.wants("dataset-other-gone"):
        view = gallery.dataset(data, "orders", "compare", against="train@v1")
        expect(view.get_by_role("alert")).to_be_visible()
        gallery.take("dataset-other-gone")
    if gallery.wants("dataset-working"):
        page.route("**/nbproof/api/v1/jobs/*", lambda route: route.fulfill(json=_JOB))
        page.route("**/nbproof/api/v1/datasets/drift?*", lambda route: None)
        view = gallery.dataset(data, "orders@v2", "compare", against="orders@v3")
        view.get_by_role("button", name="Compare", exact=True).click()
        expect(view.get_by_role("progressbar")).to_have_count(2)
        gallery.take("dataset-working")
        page.unroute("**/nbproof/api/v1/jobs/*")
        page.unroute("**/nbproof/api/v1/datasets/drift?*")
    columns = "**/nbproof/api/v1/datasets/*/columns?*"
    if gallery.wants("dataset-loading"):
        page.route(columns, lambda route: None)
        gallery.dataset(data, "many@v7")
        gallery.take("dataset-loading")
        page.unroute(columns)
    if gallery.wants("dataset-error"):
        trouble = '{"error": {"code": "unavailable", "message": "the disk is away", "hint": "mount it"}}'
        page.route(columns, lambda route: route.fulfill(status=503, body=trouble))
        view = gallery.dataset(data, "many@v8")
        expect(view).to_contain_text("The statistics could not be read")
        gallery.take("dataset-error")
        page.unroute(columns)
    if gallery.wants("dataset-offline"):
        view = gallery.dataset(data, "orders@v1")
        gallery.settle()
        page.route("**/nbproof/api/v1/**", lambda route: route.abort())
        view.get_by_role("button", name="Refresh").click()
        expect(view).to_contain_text("does not answer")
        gallery.take("dataset-offline")
        page.unroute("**/nbproof/api/v1/**")


_JOB = {
    "id": "0" * 32, "kind": "datasets.compare", "status": "running", "progress": 0.42, "message": None,
    "result": None, "error": None, "created": "2026-11-01T00:00:00Z", "started": None, "ended": None,
}  # fmt: skip


def take_trouble(gallery: Gallery, lab: Lab, studies: str) -> None:
    if not any(gallery.wants(name) for name in ("gone-run", "loading-table", "error-table", "offline-table")):
        return
    window = gallery.window
    page = window.page
    window.command("nbproof:open-run", workspace=studies, run="0" * 32)
    expect(page.locator(".jp-nbproof-RunView:visible")).to_contain_text("Retry")
    gallery.take("gone-run")
    search = "**/nbproof/api/v1/runs/search?*"
    page.route(search, lambda route: None)
    window.command("nbproof:open-runs-table", workspace=studies, link=f"runs?workspace={studies}&query=a")
    gallery.take("loading-table")
    page.unroute(search)
    trouble = '{"error": {"code": "unavailable", "message": "the disk is full", "hint": "free some space"}}'
    page.route(search, lambda route: route.fulfill(status=503, body=trouble))
    window.command("nbproof:open-runs-table", workspace=studies, link=f"runs?workspace={studies}&query=b")
    expect(page.locator(".jp-nbproof-RunsTable:visible")).to_contain_text("Retry")
    gallery.take("error-table")
    page.unroute(search)
    gallery.table(studies)
    page.route("**/nbproof/api/v1/**", lambda route: route.abort())
    page.locator(".jp-nbproof-RunsTable:visible").get_by_role("button", name="Refresh").click()
    expect(page.locator(".jp-nbproof-RunsTable:visible")).to_contain_text("does not answer")
    gallery.take("offline-table")


if __name__ == "__main__":
    main(sys.argv[1:])

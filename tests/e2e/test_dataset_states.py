"""Datasets in a real JupyterLab when something is away, gone, long, odd or very large."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.lab import Lab
from tests.support.plain_user import PlainUser
from tests.support.window import Window

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Route

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

pytestmark = [pytest.mark.ui, pytest.mark.timeout(300)]

ODD = Path(__file__).resolve().parents[1] / "support" / "odd_datasets.py"
SMALL = (
    "import nbproof as nbp, pyarrow as pa\nfor n in range(2): nbp.register_dataset(pa.table({'a': [n]}), %r)"
)


def _made(lab: Lab, user: PlainUser, folder: str, *argv: str) -> str:
    """A notebook in a folder in which a program has registered datasets."""
    notebook = lab.notebook(f"{folder}/first.ipynb", "1 + 1")
    user.run(
        [sys.executable, "-P", *argv], cwd=lab.root / folder, env=lab.environment(), timeout=240, check=True
    )
    return notebook


def _workspace(lab: Lab, folder: str) -> str:
    return str(lab.ask("GET", f"workspaces/resolve?path={folder}")["id"])


def _view(window: Window) -> Locator:
    return window.page.locator(".jp-nbproof-DatasetView:visible")


@pytest.fixture(scope="module")
def odd(lab: Lab, plain_user: PlainUser) -> str:
    return _made(lab, plain_user, "odd", str(ODD), "wide", "names", "many")


@pytest.fixture
def own_lab(plain_user: PlainUser) -> Iterator[Lab]:
    lab = Lab(plain_user)
    lab.wait()
    yield lab
    lab.stop()


def test_while_the_server_is_away_it_is_said_and_what_was_fetched_stays(
    own_lab: Lab, plain_user: PlainUser, new_window: Callable[[Lab], Window]
) -> None:
    notebook = _made(own_lab, plain_user, "shop", "-c", SMALL % "sales")
    window = new_window(own_lab)
    window.open(notebook)
    section = window.panel.get_by_role("region", name="Datasets")
    expect(section.get_by_role("option")).to_contain_text("v2")
    window.command(
        "nbproof:open-dataset", workspace=_workspace(own_lab, "shop"), dataset="sales", tab="compare"
    )
    view = _view(window)
    expect(view.get_by_label("Against")).to_have_value("sales@v1")
    expect(view.get_by_role("region", name="From sales@v1 to sales@v2")).to_be_visible()
    window.dismiss_dialogs()

    own_lab.stop()
    expect(window.panel.get_by_role("status")).to_contain_text("The server does not answer")
    view.get_by_role("button", name="Compare", exact=True).click()
    expect(view.get_by_role("region", name="Rows").get_by_role("alert")).to_contain_text(
        "The server does not answer"
    )
    view.get_by_role("button", name="Refresh").click()
    expect(view.get_by_role("alert").first).to_contain_text("What you see is from before")
    expect(view.get_by_role("heading", name="sales", exact=True)).to_be_visible()
    expect(section.get_by_role("option")).to_contain_text("v2")
    window.screenshot("dataset-offline")  # a theme could not be saved now

    _made(own_lab, plain_user, "shop", "-c", SMALL % "made meanwhile")
    own_lab.start()
    own_lab.wait()
    # Nobody has to ask again.
    expect(section.get_by_role("option")).to_have_count(2, timeout=60_000)
    expect(view.get_by_text("What you see is from before")).to_have_count(0, timeout=60_000)
    rows = view.get_by_role("region", name="Rows")
    rows.get_by_role("button", name="Retry").click()
    expect(rows.locator(".jp-nbproof-Counts")).to_be_visible()


def test_what_could_not_be_fetched_is_fetched_once_the_server_is_back(
    own_lab: Lab, plain_user: PlainUser, new_window: Callable[[Lab], Window]
) -> None:
    notebook = _made(own_lab, plain_user, "shop", "-c", SMALL % "sales")
    _made(own_lab, plain_user, "shop", "-c", SMALL % "other")
    window = new_window(own_lab)
    window.open(notebook)
    workspace = _workspace(own_lab, "shop")
    window.command("nbproof:open-dataset", workspace=workspace, dataset="sales", tab="compare")
    view = _view(window)
    expect(view.get_by_role("region", name="From sales@v1 to sales@v2")).to_be_visible()
    window.dismiss_dialogs()

    own_lab.stop()
    view.get_by_label("Against").select_option("Another version or dataset…")
    view.get_by_label("Compare with the dataset or version").fill("other@v1")
    view.get_by_role("button", name="Choose").click()
    found = view.get_by_role("region", name="From other@v1 to sales@v2")
    expect(view.get_by_role("tabpanel").get_by_role("alert")).to_contain_text("The server does not answer")
    expect(found).to_have_count(0)

    own_lab.start()
    own_lab.wait()
    expect(found).to_be_visible(timeout=60_000)
    expect(view.get_by_role("alert")).to_have_count(0)


def test_a_dataset_that_somebody_else_deletes_is_said_to_be_gone(
    window: Window, lab: Lab, plain_user: PlainUser
) -> None:
    notebook = _made(lab, plain_user, "ruins", "-c", SMALL % "old/🎈")
    workspace = _workspace(lab, "ruins")
    window.open(notebook)
    section = window.panel.get_by_role("region", name="Datasets")
    section.get_by_role("option").click()
    view = _view(window)
    expect(view.get_by_role("heading", name="old/🎈")).to_be_visible()
    view.get_by_label("Version", exact=True).select_option("1")

    lab.ask("DELETE", f"datasets/old%2F%F0%9F%8E%88@v1?workspace={workspace}")
    expect(view).to_contain_text("has no version v1")
    view.get_by_role("button", name="Show the latest version").click()
    expect(view.locator(".jp-nbproof-DatasetView-code code")).to_contain_text("@v2")

    lab.ask("DELETE", f"datasets/old%2F%F0%9F%8E%88?all=true&workspace={workspace}")
    expect(view).to_contain_text("No dataset 'old/🎈'")
    expect(view.get_by_role("button", name="Retry")).to_be_visible()
    expect(section).to_contain_text("No datasets yet")
    window.both_themes("dataset-gone")


def test_of_two_thousand_columns_some_are_drawn_and_any_is_found(window: Window, lab: Lab, odd: str) -> None:
    window.open(panel=False)
    window.command("nbproof:open-dataset", workspace=_workspace(lab, "odd"), dataset="wide")
    view = _view(window)
    rows = view.locator("[data-column]")
    expect(rows).to_have_count(100)
    expect(rows.first.get_by_role("img")).to_be_visible(timeout=60_000)
    box = view.get_by_label("Find a column")
    box.fill("sensor_1999")
    expect(rows).to_have_count(1)
    expect(rows.get_by_role("img")).to_have_accessible_name(re.compile("^sensor_1999: from"))
    box.fill("")
    expect(view.get_by_role("button", name="Show all 2,000 columns")).to_be_visible()

    view.get_by_role("tab", name="Compare").click()
    view.get_by_role("button", name="Compare", exact=True).click()
    columns = view.get_by_role("region", name="Columns")
    # The worst come first.
    expect(columns.locator("[data-column]")).to_have_count(50, timeout=90_000)
    expect(columns.locator("[data-column]").nth(19).locator(".jp-nbproof-Severity")).not_to_have_text("None")
    expect(columns.locator("[data-column]").nth(20).locator(".jp-nbproof-Severity")).to_have_text("None")
    columns.get_by_label("Find a compared column").fill("sensor_0007")
    expect(columns.locator("[data-column]")).to_have_count(1)
    window.both_themes("dataset-wide")


def test_of_ten_thousand_versions_a_page_is_fetched_and_any_is_shown_by_its_number(
    window: Window, lab: Lab, odd: str
) -> None:
    window.open(panel=False)
    window.command("nbproof:open-dataset", workspace=_workspace(lab, "odd"), dataset="many", tab="versions")
    view = _view(window)
    versions = view.locator("tr[data-version]")
    expect(versions).to_have_count(50)
    expect(versions.first).to_contain_text("v10000")
    view.get_by_role("button", name="Show older versions").click()
    expect(versions).to_have_count(100)

    picker = view.get_by_label("Version", exact=True)
    picker.select_option(label="Another version…")
    box = view.get_by_label("Number of the version")
    expect(box).to_be_focused()
    box.fill("4711")
    box.press("Enter")
    expect(view.locator(".jp-nbproof-DatasetView-code code")).to_have_text('nbp.get_dataset("many@v4711")')
    expect(picker).to_have_value("4711")
    expect(picker).to_be_focused()


def test_names_with_emoji_slashes_and_markup_are_names(window: Window, lab: Lab, odd: str) -> None:
    window.open(odd)
    section = window.panel.get_by_role("region", name="Datasets")
    expect(section.get_by_role("option")).to_have_count(4)
    section.locator("[data-dataset='🎈 party/raw/2026']").click()
    view = _view(window)
    expect(view.get_by_role("heading", name="🎈 party/raw/2026")).to_be_visible()
    expect(view.locator("[data-column='größe <b>&']")).to_contain_text("größe <b>&")
    # A column without a name is still one.
    expect(view.locator("[data-column='']").get_by_role("rowheader")).to_contain_text("string")
    window.both_themes("dataset-odd-names")
    long = section.get_by_role("option", name=re.compile("a name that is so long"))
    assert long.evaluate("one => one.scrollWidth <= one.clientWidth")


def test_long_work_shows_how_far_it_is_and_can_be_cancelled(
    window: Window, lab: Lab, plain_user: PlainUser
) -> None:
    _made(lab, plain_user, "slow", "-c", SMALL % "slow")
    window.open(panel=False)
    window.command("nbproof:open-dataset", workspace=_workspace(lab, "slow"), dataset="slow", tab="compare")
    view, page = _view(window), window.page
    job = {"id": "0" * 32, "kind": "datasets.compare", "status": "running", "progress": 0.42, "created": ""}

    # Work that takes as long as the test wants: the server's answers about it are held at 42 %.
    def held(route: Route) -> None:
        if route.request.method == "GET":
            route.fulfill(json=job)
        else:
            route.continue_()

    page.route("**/nbproof/api/v1/jobs/*", held)
    view.get_by_role("button", name="Compare", exact=True).click()
    rows = view.get_by_role("region", name="Rows")
    bar = rows.get_by_role("progressbar", name="Comparing what they hold…")
    expect(bar).to_have_attribute("aria-valuenow", "42")
    window.both_themes("dataset-working")
    with page.expect_request(lambda request: request.method == "DELETE" and "/jobs/" in request.url):
        rows.get_by_role("button", name="Cancel").click()
    expect(rows).to_have_count(0)

    page.unroute("**/nbproof/api/v1/jobs/*")
    view.get_by_role("button", name="Compare", exact=True).click()
    expect(rows.locator(".jp-nbproof-Counts")).to_be_visible()

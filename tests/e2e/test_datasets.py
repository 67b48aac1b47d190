"""Datasets in a real JupyterLab: their list in the sidebar, and the page of one."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.lab import Lab
from tests.support.plain_user import PlainUser
from tests.support.window import Window

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

pytestmark = [pytest.mark.ui, pytest.mark.timeout(300)]

SOME = Path(__file__).resolve().parents[1] / "support" / "some_datasets.py"


@pytest.fixture(scope="module")
def shop(lab: Lab, plain_user: PlainUser) -> str:
    """A folder below the root with datasets of every kind, and a notebook in it."""
    notebook = lab.notebook("shop/analysis.ipynb", "import nbproof as nbp\nnbp.register_dataset({}, 'x')")
    plain_user.run(
        [sys.executable, "-c", SOME.read_text()],
        cwd=lab.root / "shop",
        env=lab.environment(),
        timeout=240,
        check=True,
    )
    return notebook


def _workspace(lab: Lab) -> str:
    return str(lab.ask("GET", "workspaces/resolve?path=shop")["id"])


def test_the_sidebar_lists_datasets_filters_them_and_opens_one_by_the_keyboard(
    window: Window, shop: str
) -> None:
    window.open(shop)
    panel, keyboard = window.panel, window.page.keyboard
    section = panel.get_by_role("region", name="Datasets")
    rows = section.get_by_role("option")
    expect(rows).to_have_count(3)
    sales = section.locator("[data-dataset=sales]")
    expect(sales).to_contain_text("v3")
    expect(sales).to_contain_text("Table · 4,040 rows")
    expect(section.locator("[data-dataset=photos]")).to_contain_text("Folder · 3 files")
    window.both_themes("datasets-list")

    box = section.get_by_label("Filter datasets")
    box.fill("nothing like it")
    expect(section).to_contain_text("No dataset has “nothing like it” in its name.")
    box.fill("AL")
    expect(rows).to_have_count(1)
    box.press("ArrowDown")
    expect(section.get_by_role("listbox")).to_be_focused()
    expect(sales).to_have_attribute("aria-selected", "true")
    keyboard.press("Enter")
    view = window.page.locator(".jp-nbproof-DatasetView:visible")
    expect(view.get_by_role("heading", name="sales")).to_be_visible()

    # Folded away, and back.
    head = section.get_by_role("button", name="Datasets", exact=False).first
    head.click()
    expect(rows).to_have_count(0)
    head.click()
    expect(rows).to_have_count(1)


def test_a_page_shows_columns_with_histograms_in_words_too(window: Window, lab: Lab, shop: str) -> None:
    window.open(panel=False)
    window.command("nbproof:open-dataset", workspace=_workspace(lab), dataset="sales@v2")
    view = window.page.locator(".jp-nbproof-DatasetView:visible")
    expect(view).to_contain_text("Prices with tax.")
    price = view.locator("[data-column=price]")
    expect(price).to_contain_text("float64")
    expect(price.get_by_role("img", name=re.compile(r"^price: from .+ to .+; most, .+ rows"))).to_be_visible()
    expect(view.locator("[data-column=city]")).to_contain_text("category of string")
    expect(view.locator("[data-column=city]")).to_contain_text("Oslo")
    expect(
        view.locator("[data-column=city]").get_by_role("img", name=re.compile("most often “Oslo”"))
    ).to_be_visible()
    expect(view.locator("[data-column=ordered]")).to_contain_text("2026-")
    expect(view.locator("[data-column=temperature] td").nth(1)).to_have_text(re.compile(r"^[78]\.?\d* %$"))
    expect(view.locator("[data-column=constant]").get_by_role("img")).to_have_accessible_name(
        "constant: always 1"
    )
    window.both_themes("dataset-columns")


def test_versions_say_what_keeping_them_cost_and_an_alias_moves(window: Window, lab: Lab, shop: str) -> None:
    window.open(panel=False)
    window.command("nbproof:open-dataset", workspace=_workspace(lab), dataset="sales", tab="versions")
    view = window.page.locator(".jp-nbproof-DatasetView:visible")
    versions = view.locator("tr[data-version]")
    expect(versions).to_have_count(3)
    expect(versions.nth(1)).to_contain_text("prod")
    listed = lab.ask("GET", f"datasets/sales/versions?workspace={_workspace(lab)}")["items"]
    assert listed[1]["new_bytes"] < listed[2]["new_bytes"] / 2  # one column changed

    # The latest is shown: the alias comes here, and goes from the version that had it.
    view.get_by_role("button", name="Set an alias").click()
    view.get_by_label("Alias of version 3").fill("prod")
    view.get_by_role("button", name="Set", exact=True).click()
    expect(versions.nth(0)).to_contain_text("prod")
    expect(versions.nth(1)).not_to_contain_text("prod")
    window.both_themes("dataset-versions")
    view.get_by_role("button", name="Set an alias").click()
    view.get_by_label("Alias of version 3").fill("v7")
    view.get_by_role("button", name="Set", exact=True).click()
    dialog = window.page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("can't be an alias")
    dialog.get_by_role("button").last.click()
    view.get_by_role("button", name="Cancel").click()
    view.get_by_role("button", name="Take the alias prod away").click()
    expect(versions.nth(0)).not_to_contain_text("prod")
    expect(view.get_by_role("button", name="Set an alias")).to_be_visible()

    view.get_by_role("button", name="Show version 1").click()
    expect(view.get_by_label("Version", exact=True)).to_have_value("1")
    expect(view).to_contain_text("Orders of the web shop")
    expect(view.locator(".jp-nbproof-DatasetView-code code")).to_have_text('nbp.get_dataset("sales@v1")')


def test_what_is_said_of_a_version_is_edited_where_it_stands(window: Window, lab: Lab, shop: str) -> None:
    window.open(panel=False)
    window.command("nbproof:open-dataset", workspace=_workspace(lab), dataset="photos")
    view = window.page.locator(".jp-nbproof-DatasetView:visible")
    view.get_by_role("button", name="Write a description").click()
    view.get_by_label("Description, in Markdown").fill("Of the *harbour*.")
    view.get_by_role("button", name="Save").click()
    expect(view.locator(".jp-nbproof-Notes em")).to_have_text("harbour")
    view.get_by_role("button", name="Add a tag").click()
    box = view.get_by_label("Name of the tag")
    box.fill("camera")
    expect(view.get_by_role("button", name="Add", exact=True)).to_be_disabled()  # a tag is not a name alone
    box.fill("camera = old")
    box.press("Enter")
    expect(view.locator(".jp-nbproof-Tags")).to_contain_text("old")
    view.get_by_role("button", name="Remove the tag camera").click()
    expect(view).to_contain_text("No tags.")
    shown = lab.ask("GET", f"datasets/photos?workspace={_workspace(lab)}")
    assert (shown["description"], shown["tags"]) == ("Of the *harbour*.", {})


def test_a_link_opens_a_version_and_a_download_is_its_content(
    window: Window, lab: Lab, shop: str, tmp_path: Path
) -> None:
    window.open(panel=False)
    words = {"workspace": _workspace(lab), "dataset": "sales@v1"}
    window.command("nbproof:open-link", link=f"dataset?{urlencode(words)}")
    page = window.page
    view = page.locator(".jp-nbproof-DatasetView:visible")
    expect(view.get_by_label("Version", exact=True)).to_have_value("1")
    view.get_by_label("Format of the download").select_option("csv")
    with page.expect_download() as waiting:
        view.get_by_role("button", name="Download", exact=True).click()
    assert waiting.value.suggested_filename == "sales-v1.csv"
    kept = tmp_path / "kept.csv"
    waiting.value.save_as(kept)
    with kept.open(newline="") as lines:
        assert sum(1 for _ in csv.reader(lines)) == 4001

    # A name with a slash, a blank and an emoji is a name as any other.
    window.command("nbproof:open-dataset", workspace=words["workspace"], dataset="orders/raw 🎈")
    expect(view.get_by_role("heading", name="orders/raw 🎈")).to_be_visible()
    expect(view.locator("[data-column=price]")).to_be_visible()

    window.command("nbproof:open-dataset", workspace=words["workspace"], dataset="sales@v99")
    expect(view.get_by_text("has no version v99")).to_be_visible()
    view.get_by_role("button", name="Show the latest version").click()
    expect(view.get_by_label("Version", exact=True)).to_have_value("")


REGISTER = "import nbproof as nbp, pyarrow as pa\nnbp.register_dataset(pa.table({'a': [1, 2]}), 'made here');"


def test_without_datasets_it_says_how_to_make_one_and_that_one_appears_by_itself(
    window: Window, lab: Lab
) -> None:
    window.open(lab.notebook("garden/first.ipynb", "%load_ext nbproof", REGISTER))
    window.run_cell(0)
    section = window.panel.get_by_role("region", name="Datasets")
    expect(section).to_contain_text('nbp.register_dataset(frame, "sales")')
    window.both_themes("datasets-empty")
    window.run_cell(1)
    expect(section.get_by_role("option")).to_contain_text("Table · 2 rows")


def test_a_deleted_dataset_leaves_the_list_and_its_page_closes(
    window: Window, lab: Lab, plain_user: PlainUser
) -> None:
    notebook = lab.notebook("cellar/first.ipynb", "1 + 1")
    script = (
        "import nbproof as nbp, pyarrow as pa\n"
        "for number in range(2): nbp.register_dataset(pa.table({'a': [number]}), 'old')\n"
    )
    plain_user.run(
        [sys.executable, "-c", script],
        cwd=lab.root / "cellar",
        env=lab.environment(),
        timeout=120,
        check=True,
    )
    window.open(notebook)
    section = window.panel.get_by_role("region", name="Datasets")
    section.get_by_role("option").click()
    page = window.page
    view = page.locator(".jp-nbproof-DatasetView")
    dialog = page.locator(".jp-Dialog")
    view.get_by_role("button", name="Delete…").click()
    expect(dialog).to_contain_text("Delete old@v2?")
    dialog.get_by_role("button", name="Back").click()
    expect(section.get_by_role("option")).to_contain_text("v2")

    view.get_by_role("button", name="Delete…").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(section.get_by_role("option")).to_contain_text("v1")
    expect(view.locator(".jp-nbproof-DatasetView-code code")).to_have_text('nbp.get_dataset("old@v1")')
    view.get_by_role("button", name="Delete…").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(view).to_have_count(0)
    expect(section).to_contain_text("No datasets yet")


TRIPS = """
import nbproof as nbp, numpy as np, pyarrow as pa
draw = np.random.default_rng(1)
amount, calm = draw.normal(0, 1, 2000), draw.normal(0, 1, 2000).round(3)
first = {"id": np.arange(2000), "amount": amount, "calm": calm}
nbp.register_dataset(pa.table(first), "trips", aliases=["train"])
mended = calm.copy()
mended[3] = 7.125
more = {"id": np.arange(1, 2001), "amount": amount + 3, "calm": np.append(mended[1:], 0.5)}
with nbp.start_run("shifts", experiment="e"):
    nbp.register_dataset(pa.table({**more, "city": ["Oslo"] * 2000}), "trips")
nbp.register_dataset(pa.table(first), "copy of trips")
"""


@pytest.fixture(scope="module")
def trips(lab: Lab, plain_user: PlainUser) -> str:
    """Id of a workspace with two versions of a dataset, of which a run made the second."""
    lab.notebook("drift/first.ipynb", "1 + 1")
    plain_user.run(
        [sys.executable, "-c", TRIPS], cwd=lab.root / "drift", env=lab.environment(), timeout=120, check=True
    )
    return str(lab.ask("GET", "workspaces/resolve?path=drift")["id"])


def test_two_versions_are_compared_by_columns_values_and_rows(window: Window, trips: str) -> None:
    window.open(panel=False)
    window.command("nbproof:open-dataset", workspace=trips, dataset="trips", tab="compare")
    view = window.page.locator(".jp-nbproof-DatasetView:visible")
    expect(view.get_by_label("Against")).to_have_value("trips@v1")
    expect(view.get_by_role("list", name="Changes of columns")).to_contain_text("city new, string")

    view.get_by_label("Rows match by").fill("id")
    view.get_by_label("Rows match by").press("Enter")
    expect(view.get_by_role("button", name="Match no longer by id")).to_be_visible()
    view.get_by_role("button", name="Compare", exact=True).click()

    columns = view.get_by_role("region", name="Columns")
    legend = columns.get_by_role("list", name="Legend")
    expect(legend).to_contain_text("Before: trips@v1 2,000 rows")
    expect(legend).to_contain_text("Now: trips@v2 2,000 rows")
    amount = columns.locator("[data-column=amount]")
    expect(amount.locator(".jp-nbproof-Severity")).to_have_text(re.compile("High|Critical"))
    expect(amount.get_by_role("img")).to_have_accessible_name(
        re.compile(r"amount: before most rows from .+ to .+ \(\d.* %\); now from .+ to .+ \(\d.* %\)")
    )
    expect(columns.locator("[data-column=calm] .jp-nbproof-Severity")).to_have_text("None")

    rows = view.get_by_role("region", name="Rows")
    expect(rows.locator(".jp-nbproof-Counts [data-kind=added] dd")).to_have_text("1")
    expect(rows.locator(".jp-nbproof-Counts [data-kind=removed] dd")).to_have_text("1")
    expect(rows.locator(".jp-nbproof-Counts [data-kind=changed] dd")).to_have_text("1,999")
    changed = rows.get_by_role("group", name="Changed rows: the first 10 of 1,999").get_by_role("row")
    expect(changed.nth(3).get_by_role("rowheader")).to_have_text("3")
    expect(changed.nth(3)).to_contain_text("→7.125")
    expect(columns.locator("[data-column=calm]")).to_contain_text("1 row changed")
    window.both_themes("dataset-compare")

    # By the keyboard: the name of a column opens its figures below it.
    name = columns.get_by_role("button", name="amount", exact=True)
    name.focus()
    name.press("Enter")
    expect(name).to_have_attribute("aria-expanded", "true")
    detail = columns.locator(".jp-nbproof-Drift-detail")
    expect(detail.locator(".jp-nbproof-Chart-tick").first).to_contain_text("%")
    detail.locator("svg.jp-nbproof-Paired").hover(position={"x": 120, "y": 100})
    expect(detail.locator(".jp-nbproof-Plot-note")).to_have_text(
        re.compile(r"from .+ to .+: .+ % before, .+ % now")
    )
    expect(detail).to_contain_text("values before")
    window.both_themes("dataset-compare-column")


def test_versions_of_two_datasets_are_compared_and_leakage_is_told(window: Window, trips: str) -> None:
    window.open(panel=False)
    window.command("nbproof:open-dataset", workspace=trips, dataset="copy of trips", tab="compare")
    view = window.page.locator(".jp-nbproof-DatasetView:visible")
    expect(view).to_contain_text("There is no other version yet")
    expect(view.get_by_role("button", name="Compare", exact=True)).to_be_disabled()

    view.get_by_label("Against").select_option(label="Another version or dataset…")
    box = view.get_by_label("Compare with the dataset or version")
    expect(box).to_be_focused()
    box.fill("tripz@v1")
    box.press("Enter")
    expect(view.get_by_role("alert")).to_contain_text("No dataset 'tripz'")
    expect(view.get_by_role("alert")).to_contain_text("trips")

    view.get_by_label("Against").select_option(label="Another version or dataset…")
    box.fill("trips@train")
    box.press("Enter")
    expect(view.get_by_label("Against")).to_be_focused()
    view.get_by_role("button", name="Check for leakage").click()
    leakage = view.get_by_role("region", name="Leakage")
    expect(leakage).to_contain_text("100.0 % of the test rows are in the training set")
    expect(leakage).to_contain_text(
        "trips@v1 was taken as the training set, copy of trips@v1 as the test set."
    )
    view.get_by_role("button", name="Compare", exact=True).click()
    expect(view.get_by_role("region", name="Rows")).to_contain_text("Nothing differs.")
    window.both_themes("dataset-leakage")


def test_the_lineage_of_a_version_leads_to_the_run(window: Window, trips: str) -> None:
    window.open(panel=False)
    window.command("nbproof:open-dataset", workspace=trips, dataset="trips", tab="lineage")
    view = window.page.locator(".jp-nbproof-DatasetView:visible")
    expect(view.get_by_role("link", name="shifts, Run")).to_be_visible()
    window.screenshot("dataset-lineage")
    view.get_by_role("link", name="shifts, Run").click()
    expect(
        window.page.locator(".jp-nbproof-RunView:visible").get_by_role("heading", name="shifts")
    ).to_be_visible()

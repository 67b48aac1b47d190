"""What the pages say is true: blocks run, links lead somewhere, words are explained, tables are fresh."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.docs.markdown import REPOSITORY, Page, pages
from tests.docs.reader import RUN, is_run
from tests.support.plain_user import PlainUser

PAGES = pages()
WITH_BLOCKS = [page for page in PAGES if any(map(is_run, page.blocks)) and page.name != "CONTRIBUTING.md"]

# What a page may show without running it: the shapes of things, and the page's own remarks say why.
NOT_RUN = ("", "text", "mermaid", "sh", "jsonc")

# The words that are the project's own: one meaning each, one home.
WORDS = """
experiment, run, step, metric, param, tag, artifact; cell execution, slice, replay, verdict;
dataset, dataset version, alias, lineage, drift; entity, feature, feature view, feature service,
offline store, online store, materialize, point-in-time join, freshness;
registered model, model version, model card; study, trial, pruner, objective;
monitor, baseline, reference window, current window, alert, rule; document, report; job; workspace
"""


def name_of(page: Page) -> str:
    return page.name


@pytest.mark.newest
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", WITH_BLOCKS, ids=name_of)
def test_what_a_page_says_can_be_done_by_a_newcomer(page: Page, plain_user: PlainUser) -> None:
    folder = plain_user.folder(f"docs-{page.path.stem}")
    done = plain_user.run(
        [sys.executable, "-m", "tests.docs.reader", page.path, folder],
        cwd=folder,
        env=plain_user.environment(PYTHONPATH=str(REPOSITORY)),
        timeout=280,
    )
    assert done.returncode == 0, f"{done.stderr}\n{done.stdout}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_has_a_language_that_is_run_or_meant_to_be_shown(page: Page) -> None:
    assert [(b.line, b.language) for b in page.blocks if b.language not in (*RUN, *NOT_RUN)] == [] or (
        page.name == "CONTRIBUTING.md"
    )


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Page) -> None:
    known = {each.path: each for each in PAGES}
    broken = []
    for link in page.links:
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.path.parent / target).resolve() if target else page.path
        if not path.exists() or (anchor and anchor not in known[path].anchors):
            broken.append(link)
    assert broken == []


def test_every_page_is_found_from_the_index() -> None:
    known = {page.path: page for page in PAGES if page.path.is_relative_to(REPOSITORY / "docs")}
    start = REPOSITORY / "docs" / "index.md"
    seen, ahead = {start}, [start]
    while ahead:
        page = known[ahead.pop()]
        for link in page.links:
            path = (page.path.parent / link.partition("#")[0]).resolve()
            if path in known and path not in seen:
                seen.add(path)
                ahead.append(path)
    assert sorted(set(known) - seen) == []


def test_the_glossary_explains_every_word_once() -> None:
    glossary = Page(REPOSITORY / "docs" / "glossary.md").text
    explained = re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \|$", glossary, re.MULTILINE)
    words = [word for word, _ in explained]
    assert len(words) == len(set(words))
    assert all(meaning.endswith(".") for _, meaning in explained)
    wanted = {word.strip() for word in re.split(r"[,;]", WORDS)}
    assert wanted - set(words) == set()


def test_the_grammar_on_the_page_is_that_of_the_parser() -> None:
    from nbproof.tracking import query

    page = Page(REPOSITORY / "docs" / "experiment_tracking_usage.md")
    [block] = [block for block in page.blocks if block.remark == "from: nbproof.tracking.query"]
    said = re.sub(r"^    ", "", query.__doc__ or "", flags=re.MULTILINE)
    assert block.text in said


def test_generated_pages_and_tables_are_what_the_operations_say() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nbproof.platform.reference", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_has_the_tables_and_both_pictures() -> None:
    readme = Page(REPOSITORY / "README.md")
    for table in ("endpoints", "commands", "magics"):
        assert re.search(rf"<!-- generated: {table} -->\n\|", readme.text)
    pictures = [link for link in readme.links if link.endswith(".png")]
    assert len(pictures) == 2
    assert all((REPOSITORY / picture).stat().st_size < 300_000 for picture in pictures)

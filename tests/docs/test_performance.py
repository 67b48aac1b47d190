"""The page of figures shows what is measured, and a figure is judged by its row's bar."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.benchmarks import environments
from tests.benchmarks.page import BENCHES, bench, rows, rows_of_page, write
from tests.benchmarks.table import Row, Table
from tests.docs.markdown import REPOSITORY, Page

PAGE = Page(REPOSITORY / "docs" / "explanation" / "performance.md")


def test_the_page_has_the_rows_and_bars_that_the_benches_define() -> None:
    assert rows_of_page(PAGE.text) == rows()


def test_every_bench_is_measured() -> None:
    files = (REPOSITORY / "tests" / "benchmarks").glob("bench_*.py")
    assert sorted(BENCHES) == sorted(file.stem.removeprefix("bench_") for file in files)


def test_no_two_rows_have_the_same_words() -> None:
    words = [what for what, _ in rows()]
    assert len(words) == len(set(words))


@pytest.mark.parametrize("name", environments.NAMES)
def test_the_page_names_the_versions_that_are_installed(name: str) -> None:
    wanted = (environments.HERE / "peers" / name / "requirements.txt").read_text()
    pinned = re.search(r"==(\S+)", wanted)
    assert pinned is not None
    assert f"{environments.title(name)} {pinned[1]}" in PAGE.text


@pytest.mark.parametrize(
    ("row", "figures", "kept"),
    [
        (Row("x", "ms", at_most=2), {"ours": 2.0}, True),
        (Row("x", "ms", at_most=2), {"ours": 2.1}, False),
        (Row("x", "points/s", at_least=2), {"ours": 2.0}, True),
        (Row("x", "points/s", at_least=2), {"ours": 1.9}, False),
        (Row("x", "points", all=True), {"ours": 9, "of": 9}, True),
        (Row("x", "points", all=True), {"ours": 8, "of": 9}, False),
        (Row("x", "points", all=True), {"ours": 10, "of": 9}, False),
        (Row("x", "ms", at_most=9, ahead=True), {"ours": 3.0, "peers": {"a": 4.0, "b": "not there"}}, True),
        (Row("x", "ms", at_most=9, ahead=True), {"ours": 3.0, "peers": {"a": 4.0, "b": 2.0}}, False),
        (Row("x", "ms", ahead=True), {"ours": 3.0, "peers": {"a": "not there"}}, False),
        (Row("x", "ms"), {"ours": 3.0, "peers": {"a": 1.0}}, None),
    ],
)
def test_a_figure_is_judged_by_the_bar_of_its_row(
    row: Row, figures: dict[str, object], kept: bool | None, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table({"row": row})
    table.line("row", **figures)  # type: ignore[arg-type]  # as the benches give them
    printed = capsys.readouterr().out
    assert table.exit_code == (kept is False)
    assert ("PASS" in printed, "FAIL" in printed) == (kept is True, kept is False)


def test_a_page_keeps_all_but_what_was_measured_and_says_what_was_missed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Words\n\n<!-- measured -->\nfigures of before\n<!-- end of measured -->\n\nmore words\n"
    )
    measured = {
        what: {
            "what": what, "unit": "ms", "at_most": 1.0, "at_least": None, "all": False, "ahead": False,
            "ours": 2.0, "passed": False, "note": "",
            "peers": {"Aim": 1.0, "MLflow": "not installed: no wheel"},
        }
        for what, _ in rows()[:1]
    }  # fmt: skip
    facts = {"cores": 2, "processor": "p", "memory": "24 GiB", "system": "Linux 6", "python": "3.11.7"}
    write(
        page,
        {"time": 0, "machine": facts, "load": [0.0, 0.0], "versions": {}, "lines": list(measured.values())},
    )
    text = page.read_text()
    assert text.startswith("# Words\n") and text.endswith("more words\n") and "figures of before" not in text
    assert rows_of_page(text) == rows()
    assert "0 of 1 bars are kept" in text and "**missed**" in text
    assert "Aim (1 ms against 2 ms)" in text and "not installed: no wheel" in text
    assert "not measured" in text


def test_parts_that_were_measured_by_themselves_take_the_place_of_theirs(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- measured -->\n<!-- end of measured -->\n")
    facts = {"cores": 2, "processor": "p", "memory": "24 GiB", "system": "Linux 6", "python": "3.11.7"}

    def result(ours: float, aim: float, time: int, name: str) -> dict[str, object]:
        lines = [
            {
                "what": row.what, "unit": row.unit, "at_most": 1.0, "at_least": None,
                "all": False, "ahead": False, "ours": ours, "passed": ours <= 1, "note": "",
                "peers": {"Aim": aim},
            }
            for row in bench(name).ROWS.values()
        ]  # fmt: skip
        return {"time": time, "machine": facts, "load": [0.0, 0.0], "versions": {}, "lines": lines}

    write(page, result(2.0, 1.5, 0, "lineage"))
    many = len(bench("lineage").ROWS)
    assert f"0 of {many} bars are kept" in page.read_text() and "Aim (1.5 " in page.read_text()

    write(page, result(1.0, 1.0, 86_400 * 365, "lineage"), ["lineage"])
    write(page, result(3.0, 1.5, 86_400 * 365, "drift"), ["drift"])

    text = page.read_text()
    assert rows_of_page(text) == rows()
    assert f"{many} of {many + len(bench('drift').ROWS)} bars are kept" in text
    assert text.count("Measured on 1 January 1971") == 2 and text.count("Measured on 1 January 1970") == 1
    assert text.count("Aim (1.5 ") == len(bench("drift").ROWS)

"""Drift between two versions: from what is stored of them or from their data, and kept as a report."""

import json
import re
from datetime import date, timedelta
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import nbproof.datasets.handle as handles
from nbproof.core.errors import Invalid, NotFound
from nbproof.datasets.drift_models import DriftReport
from nbproof.stats.drift import detect_drift, detect_drift_exact
from nbproof.stats.profile import profile_table

ROWS = 2_000


@pytest.fixture
def before():
    chance = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "price": chance.normal(100, 10, ROWS),
            "age": chance.normal(40, 5, ROWS),
            "city": chance.choice(["Oslo", "Rome"], ROWS),
            "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(chance.integers(0, 9**6, ROWS), "s"),
            "paid": chance.random(ROWS) < 0.3,
        }
    )


@pytest.fixture
def after(before):
    changed = before.copy()
    changed["price"] = changed["price"] * 1000
    changed.loc[: ROWS // 10, "city"] = "Bonn <b>"
    changed.loc[: ROWS // 5, "age"] = np.nan
    return changed


@pytest.fixture
def two(datasets, before, after):
    return datasets.register_dataset(before, "sales"), datasets.register_dataset(after, "sales")


def same(report, result):
    """Whether a report tells what pure statistics have found."""
    return (
        [(each.name, each.severity, each.sentence, each.statistic, each.p_value) for each in report.columns]
        == [
            (each.name, each.severity, each.sentence, each.statistic, each.p_value) for each in result.columns
        ]
    ) and (report.severity, report.score, report.sentence) == (result.severity, result.score, result.sentence)


def test_two_versions_are_compared_without_reading_their_data(datasets, two, before, after, monkeypatch):
    def read(*_, **__):
        raise AssertionError("the data were read")

    monkeypatch.setattr(handles.DatasetHandle, "to_arrow", read)

    report = datasets.detect_drift("sales@v1", "sales@v2")

    profiles = [profile_table(pa.Table.from_pandas(each, preserve_index=False)) for each in (before, after)]
    assert same(report, detect_drift(*profiles))
    assert {each.name for each in report.drifted} == {"price", "age", "city"} and not report.exact
    assert (report.reference, report.current) == ("sales@v1", "sales@v2")
    assert (report.reference_id, report.current_id) == tuple(each.id for each in two)
    assert (report.reference_rows, report.together) == (ROWS, None)


def test_the_data_are_read_where_exactness_is_asked_for(datasets, two, before, after):
    report = datasets.detect_drift(*two, exact=True)

    tables = [pa.Table.from_pandas(each, preserve_index=False) for each in (before, after)]
    assert same(report, detect_drift_exact(*tables, multivariate=True))
    assert report.exact and report.together.severity == "high"
    assert report.together.causes[0][0] == "price"


def test_frames_are_looked_at_without_being_registered(datasets, two, after):
    report = datasets.detect_drift(datasets.get_dataset("sales@v1"), after)

    assert (report.current, report.current_id) == ("a frame", None)
    assert report.columns == datasets.detect_drift(*two).columns
    assert [each.version for each in datasets.list_versions("sales")] == [2, 1]


def test_only_the_columns_that_are_asked_for_are_looked_at(datasets, two, after):
    for exact in (False, True):
        report = datasets.detect_drift(*two, columns=["city", "paid"], exact=exact)
        assert [each.name for each in report.columns] == ["city", "paid"]
    assert [each.name for each in datasets.detect_drift(two[0], after, columns="age").columns] == ["age"]
    with pytest.raises(NotFound, match="neither sales@v1 nor sales@v2 has a column 'cty'") as failed:
        datasets.detect_drift(*two, columns=["cty"])
    assert failed.value.details == {"field": "columns", "near": ["city"]}


def test_a_report_is_kept_once_for_each_way_of_asking(datasets, two, clock):
    first = datasets.detect_drift(*two)
    clock.advance(1)
    again = datasets.detect_drift(*two)
    clock.advance(1)
    exact = datasets.detect_drift(*two, exact=True)
    clock.advance(1)
    one = datasets.detect_drift(*two, columns=["age"])

    assert first.id == again.id and len({first.id, exact.id, one.id}) == 3
    assert again.created_at > first.created_at
    reports = datasets.drift_reports
    assert [each.id for each in reports.list_drift_reports()] == [one.id, exact.id, first.id]
    page = reports.list_drift_reports("sales", limit=2)
    assert [each.id for each in page] == [one.id, exact.id]
    assert [each.id for each in reports.list_drift_reports("sales@v1", after=page.next)] == [first.id]
    assert reports.get_drift_report(exact.id) == exact == reports.get_drift_report(exact.id[-6:])
    with pytest.raises(NotFound, match="no drift report '%%%%%%'"):
        reports.get_drift_report("%%%%%%")
    with pytest.raises(NotFound, match="no dataset 'sale'"):
        reports.list_drift_reports("sale")


def test_what_is_forgotten_is_in_no_report_any_more(datasets, two):
    datasets.detect_drift(*two)
    repository = datasets._repository()
    repository.delete([repository.resolve("sales@v2")], now_us=1, forget=True)

    assert datasets.drift_reports.list_drift_reports().items == []


def test_a_report_survives_json_with_all_that_json_can_not_say(datasets):
    old = pd.DataFrame({"x": [1.0, np.inf, -np.inf, np.nan] * 100, "big": [2**62, 1] * 200})
    report = datasets.detect_drift(old, old.assign(x=-old["x"], big=old["big"] // 2))

    assert DriftReport.model_validate_json(report.model_dump_json()) == report
    json.loads(report.model_dump_json(), parse_constant=pytest.fail)


def test_shares_of_bars_are_those_of_the_rows(datasets, two, before, after):
    report = datasets.detect_drift(*two)
    columns = {each.name: each for each in report.columns}

    price = columns["price"]
    found, _ = np.histogram(before["price"], price.edges)
    assert np.abs(np.array(price.reference_bars) - found / ROWS).max() < 0.01
    city = columns["city"]
    told = dict(zip(city.labels, city.current_bars, strict=True))
    assert told == pytest.approx(after["city"].value_counts(normalize=True).to_dict(), abs=1e-6)


def test_a_cell_shows_signs_words_and_pictures(datasets, two):
    report = datasets.detect_drift(*two)
    shown = report._repr_mimebundle_()

    assert shown["text/plain"].startswith("● critical: 3 of 5 columns drifted: price, age, city.")
    assert "from stored profiles" in shown["text/plain"]
    page = shown["text/html"]
    assert page.count("<tr>") == 4 and "●</span> critical" in page and "has the unit changed?" in page
    assert "Bonn &lt;b&gt;" in page and "<b>Bonn" not in page
    pictures = re.findall(r"<svg .*?</svg>", page, re.DOTALL)
    assert len(pictures) == 3
    for each in pictures:
        assert len(ElementTree.fromstring(each).findall("path")) == 1


def test_nothing_new_is_said_in_a_line(datasets, two):
    report = datasets.detect_drift("sales@v1", "sales@v1")

    assert (report.severity, report.drifted) == ("none", [])
    assert str(report).startswith("○ None of 5 columns drifted.")
    assert "<table" not in report._repr_mimebundle_()["text/html"].partition("</style>")[2]


def test_tables_without_common_columns_rows_or_columns(datasets):
    apart = datasets.detect_drift(pd.DataFrame({"a": range(300)}), pd.DataFrame({"b": range(300)}))
    assert {(each.name, each.findings[0].code) for each in apart.columns} == {
        ("a", "removed"),
        ("b", "added"),
    }

    empty = datasets.detect_drift(pd.DataFrame({"a": []}), pd.DataFrame({"a": []}))
    assert (empty.severity, empty.sentence) == ("none", "Too few rows to tell.")
    nothing = datasets.detect_drift(pa.table({}), pa.table({}))
    assert nothing.sentence == "No columns to compare."


@pytest.mark.newest
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_two_thousand_columns(datasets):
    names = [f"c{number}" for number in range(2_000)]
    one = pa.table({name: np.arange(250) for name in names})
    report = datasets.detect_drift(one, one.set_column(7, "c7", [pa.array(np.arange(250) * 1000)]))

    assert [each.name for each in report.drifted] == ["c7"]
    assert len(report._repr_mimebundle_()["text/html"]) < 100_000


def test_files_of_rows_are_compared_and_others_are_refused(datasets, before, tmp_path):
    before.to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "b.bin").write_bytes(b"\x00\x01")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.bin").write_bytes(b"\x00")
    for name in ("a.csv", "b.bin", "folder"):
        datasets.register_dataset(tmp_path / name)

    assert not datasets.detect_drift("a", before[["price", "age", "city"]], columns=["price", "city"]).drifted
    for name in ("b", "folder"):
        with pytest.raises(Invalid, match=f"{name}@v1 is a .* and no table"):
            datasets.detect_drift("a", name)
    with pytest.raises(Invalid, match="can't be compared") as failed:
        datasets.detect_drift("a", 3)
    assert failed.value.details == {"field": "current"}
    with pytest.raises(NotFound, match="'a' has no version v9"):
        datasets.detect_drift("a@v9", "a")


_BEYOND = {
    "moments": pa.array([0, 568_971_820_800], pa.int64()).view(pa.timestamp("s")),
    "moments at the ends": pa.array([-(2**62), 2**62], pa.int64()).view(pa.timestamp("s")),
    "days": pa.array([-(2**31), 2**31 - 1], pa.int32()).view(pa.date32()),
    "durations": pa.array([-(2**62), 2**62], pa.int64()).view(pa.duration("s")),
    "an unknown zone": pa.array([0, 10**9], pa.int64()).view(pa.timestamp("us", tz="Mars/Crater")),
    "a list": pa.array([[date(2026, 1, 1)], None]).cast(pa.list_(pa.date32())),
}


@pytest.mark.parametrize("kind", _BEYOND)
def test_times_that_python_has_no_word_for_are_looked_at_as_others_are(datasets, kind):
    first, last = _BEYOND[kind][:1], _BEYOND[kind][1:]
    ids = pa.array(range(80))
    datasets.register_dataset(pa.table({"id": ids, "x": pa.concat_arrays([first, last] * 40)}), "odd")
    datasets.register_dataset(pa.table({"id": ids, "x": pa.concat_arrays([first] * 70 + [last] * 10)}), "odd")

    diff = datasets.diff_versions("odd@v1", "odd@v2", key="id")
    assert diff.rows_changed == 40 and "x: " in str(diff) and "x: " in diff.to_markdown()
    assert len(datasets.get_dataset("odd").statistics) == 2
    assert datasets.summarize_columns("odd").columns[1].name == "x"
    for exact in (False, True):
        assert len(datasets.detect_drift("odd@v1", "odd@v2", exact=exact).columns) == 2
    assert datasets.check_leakage("odd@v1", "odd@v2").severity


def test_how_far_times_are_spread_is_told_as_a_length():
    def table(days):
        steps = [timedelta(days=days * (place - 500) / 500) for place in range(1001)]
        return pa.table({"took": pa.array(steps, pa.duration("us"))})

    (column,) = detect_drift(profile_table(table(4)), profile_table(table(16))).columns
    assert "the middle half over 4 days → 16 days" in column.sentence

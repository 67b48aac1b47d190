"""Leakage between two versions, told in a line and one by one."""

import numpy as np
import pandas as pd
import pytest

from nbproof.core.errors import Invalid, NotFound
from nbproof.datasets.leakage import LeakageReport


@pytest.fixture
def split():
    chance = np.random.default_rng(2)
    rows = pd.DataFrame(
        {
            "customer": [f"person-{number}" for number in chance.integers(0, 400, 1000)],
            "spent": chance.normal(100, 30, 1000),
            "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(1000), "h"),
        }
    )
    train, test = rows[:800], rows[800:]
    return train, pd.concat([test, train[:20]], ignore_index=True)


def test_versions_and_frames_are_looked_at_alike(datasets, split):
    train, test = split
    datasets.register_dataset(train, "train")
    datasets.register_dataset(test, "test")

    report = datasets.check_leakage("train", "test@v1", entity="customer", time="when")

    assert (report.train, report.test) == ("train@v1", "test@v1")
    assert (report.train_rows, report.test_rows) == (800, 220)
    duplicate = next(each for each in report.findings if each.code == "duplicate")
    assert (duplicate.rows, duplicate.examples[0]) == (20, (200, 0))
    assert {each.code for each in report.findings} == {"duplicate", "entity", "time"}
    frames = datasets.check_leakage(train, test, entity=["customer"], time="when")
    assert frames.findings == report.findings
    assert LeakageReport.model_validate_json(report.model_dump_json()) == report


def test_a_cell_shows_one_line_and_folds_the_rest(datasets, split):
    report = datasets.check_leakage(*split, entity="customer")
    shown = report._repr_mimebundle_()

    assert shown["text/plain"].splitlines()[0] == f"◕ high: {report.sentence}"
    head, _, more = shown["text/html"].partition("<details>")
    assert report.sentence in head and more.count("<li>") == len(report.findings) + len(report.notes)


def test_a_clean_split_is_said_to_be_clean(datasets):
    chance = np.random.default_rng(3)
    train, test = (pd.DataFrame({"x": chance.normal(size=500), "y": chance.normal(size=500)}) for _ in "ab")

    report = datasets.check_leakage(train, test)

    assert (report.severity, report.findings) == ("none", [])
    assert str(report) == "○ none: The test set shares no rows, entities or times with the training set."


def test_what_can_not_be_looked_at_is_told(datasets, split):
    train, test = split
    with pytest.raises(Invalid, match="no column 'who'") as failed:
        datasets.check_leakage(train, test, entity="who")
    assert failed.value.details == {"field": "entity"}
    with pytest.raises(Invalid, match="no column 'then'") as failed:
        datasets.check_leakage(train, test, entity="customer", time="then")
    assert failed.value.details == {"field": "time"}
    with pytest.raises(NotFound, match="no dataset 'train'"):
        datasets.check_leakage("train", test)
    numbered = test.assign(customer=range(len(test)))
    with pytest.raises(Invalid, match="is string in the training set and int64 in the test set") as failed:
        datasets.check_leakage(train, numbered, entity="customer")
    assert failed.value.details == {"field": "entity"} and failed.value.hint == "convert one of both"
    with pytest.raises(Invalid, match="'customer' holds string, neither times nor numbers") as failed:
        datasets.check_leakage(train, test, time="customer")
    assert failed.value.details == {"field": "time"} and "to times" in str(failed.value)
    apart = datasets.check_leakage(train, test.rename(columns=str.upper))
    assert apart.sentence == "No columns that both tables have."
    assert datasets.check_leakage(train, test[:0]).sentence == "No rows to compare."


def test_the_check_tells_how_far_it_is_and_ends_where_it_is_told_to(datasets):
    draw = np.random.default_rng(5)
    frame = pd.DataFrame({f"x{number}": draw.random(200) for number in range(20)})
    told: list[float] = []

    datasets.check_leakage(frame, frame, progress=told.append)

    assert told == sorted(told) and len(told) == 20 and told[-1] == 1

    def enough(share):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        datasets.check_leakage(frame, frame, progress=enough)

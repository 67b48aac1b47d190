"""Whole histories and frames: logged in one call, read back as arrays, tables and frames."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbproof.core.errors import Invalid, NotFound, Unavailable
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace

WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture
def workspace(project: Path) -> Iterator[Workspace]:
    opened = Workspace(
        Location(project, False, "a test"), say=lambda line: None, environ={"NBPROOF_CAPTURE_GIT": "0"}
    )
    yield opened
    opened.close()


@pytest.fixture
def tracker(workspace: Workspace) -> Any:
    return workspace.tracker


def values(tracker: Any, name: str, run: str = "@last") -> Any:
    return tracker.get_run(run).metric_arrays(name).value.tolist()


def steps(tracker: Any, name: str, run: str = "@last") -> Any:
    return tracker.get_run(run).metric_arrays(name).step.tolist()


class Tensor:
    """What a tensor of torch shows of itself."""

    def __init__(self, *numbers: float) -> None:
        self._numbers = np.array(numbers)
        self.shape = self._numbers.shape

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self._numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[float]:
        return iter(self._numbers.tolist())


# -- logging ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        [0.5, 1, True],
        (0.5, 1.0, 1.0),
        np.array([0.5, 1, 1], np.float32),
        np.array([0.5, 1, 1])[::1],
        pd.Series([0.5, 1, 1], index=[7, 8, 9]),
        pd.array([0.5, 1, 1], dtype="Float64"),
        (number for number in (0.5, 1, 1)),
        Tensor(0.5, 1, 1),
        [np.float32(0.5), np.int64(1), np.bool_(True)],
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_history_is_a_column_of_numbers_of_any_kind(tracker, given):
    tracker.log_history("loss", given)

    assert values(tracker, "loss") == [0.5, 1.0, 1.0]
    assert steps(tracker, "loss") == [0, 1, 2]


def test_steps_count_on_from_whatever_was_logged_before(tracker):
    tracker.log_metric("loss", 1, 10)
    tracker.log_history("loss", np.array([2.0, 3.0]))
    tracker.log_history("loss", [4.0, 5.0], steps=[3, 2])
    tracker.log_metric("loss", 6)

    assert steps(tracker, "loss") == [10, 11, 12, 3, 2, 3]


@pytest.mark.parametrize(
    "times",
    [
        [WHEN, WHEN],
        [WHEN.timestamp()] * 2,
        np.array([WHEN.timestamp()] * 2),
        np.array(["2026-01-02T03:04:05.678901"] * 2, "datetime64[us]"),
        pd.Series(pd.to_datetime(["2026-01-02T04:04:05.678901+01:00"] * 2)),
        pd.DatetimeIndex(["2026-01-02T03:04:05.678901"] * 2),
    ],
    ids=["datetimes", "seconds", "array of seconds", "datetime64", "a zone", "an index"],
)
def test_times_are_datetimes_or_seconds(tracker, times):
    tracker.log_history("loss", [1.0, 2.0], times=times)

    found = tracker.metric_history("@last", "loss").items
    assert [point.time for point in found] == [WHEN, WHEN]


@pytest.mark.parametrize(
    ("key", "given", "more", "field"),
    [
        ("loss", ["0.5"], {}, "value"),
        ("loss", np.array(["0.5"]), {}, "value"),
        ("loss", [1.0, None], {}, "value"),
        ("loss", [1j], {}, "value"),
        ("loss", np.array([1j]), {}, "value"),
        ("loss", np.ones((2, 2)), {}, "values"),
        ("loss", [[1.0], [2.0, 3.0]], {}, "value"),
        ("loss", 0.5, {}, "values"),
        ("loss", "12", {}, "values"),
        ("loss", [1.0, 2.0], {"steps": [1]}, "steps"),
        ("loss", [1.0], {"steps": [0.5]}, "step"),
        ("loss", [1.0], {"steps": [2**63]}, "step"),
        ("loss", [1.0], {"steps": np.array([2**63], np.uint64)}, "step"),
        ("loss", [1.0], {"times": [1e300]}, "times"),
        ("loss", [1.0], {"times": np.array(["NaT"], "datetime64[us]")}, "times"),
        ("", [1.0], {}, "key"),
    ],
)  # fmt: skip
def test_what_is_no_column_of_numbers_is_refused_before_a_run_starts(tracker, key, given, more, field):
    with pytest.raises(Invalid) as refused:
        tracker.log_history(key, given, **more)

    assert refused.value.details["field"] in (field, "name", "time")
    assert tracker.live is None


def test_the_columns_of_a_frame_become_metrics(tracker):
    frame = pd.DataFrame(
        {
            "epoch": [1, 2, 4],
            "when": pd.to_datetime([1, 2, 3], unit="s", utc=True),
            "loss": [0.9, math.nan, 0.5],
            "auc": pd.array([None, 0.7, 0.8], dtype="Float64"),
            "n": pd.array([1, None, 3], dtype="Int64"),
        }
    )
    tracker.log_frame(frame, step="epoch", time="when")

    assert repr(values(tracker, "loss")) == "[0.9, nan, 0.5]"
    assert (values(tracker, "auc"), steps(tracker, "auc")) == ([0.7, 0.8], [2, 4])
    assert (values(tracker, "n"), steps(tracker, "n")) == ([1.0, 3.0], [1, 4])
    assert [point.time.second for point in tracker.metric_history("@last", "n").items] == [1, 3]
    assert {metric.name for metric in tracker.list_metrics("@last")} == {"loss", "auc", "n"}


def test_a_mapping_of_columns_is_a_frame(tracker):
    tracker.log_frame({"loss": [0.9, None, 0.5], "auc": np.array([0.7, 0.8, 0.9])})

    assert (values(tracker, "loss"), steps(tracker, "loss")) == ([0.9, 0.5], [0, 1])
    assert values(tracker, "auc") == [0.7, 0.8, 0.9]


@pytest.mark.parametrize(
    ("frame", "more", "said"),
    [
        (pd.DataFrame({"model": ["a"], "auc": [0.5]}), {}, "model"),
        (pd.DataFrame({"epoch": [1], "auc": [0.5]}), {"step": "epohc"}, "did you mean 'epoch'"),
        (pd.DataFrame({"epoch": [1]}), {"step": "epoch"}, "no column to log"),
        ({"a": [1], "b": [1, 2]}, {}, "2 rows"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {}, "two columns"),
        ([1, 2], {}, "found list"),
    ],
)
def test_a_frame_with_a_column_that_is_no_metric_is_refused_whole(tracker, frame, more, said):
    with pytest.raises(Invalid, match=said):
        tracker.log_frame(frame, **more)

    assert tracker.live is None


def test_lists_are_logged_without_loading_numpy(project):
    program = """
import sys
import nbproof as nbp
with nbp.start_run("r", experiment="e"):
    nbp.log_history("loss", [3, 2, 1], steps=[1, 2, 3], times=[1, 2, 3])
    nbp.log_frame({"a": [1, None], "b": [0.5, float("nan")]})
assert "numpy" not in sys.modules and "pandas" not in sys.modules
print(nbp.get_run("r").metric_arrays("loss").value.tolist())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[3.0, 2.0, 1.0]"


# -- reading ---------------------------------------------------------------------------------------------


@pytest.fixture
def two_runs(tracker: Any) -> None:
    for name in ("a", "b"):
        with tracker.start_run(name, experiment="e"):
            tracker.log_history("loss", [3.0, 2.0, math.nan], steps=[0, 10, 5])
            if name == "a":
                tracker.log_metric("auc", 0.5)


def test_a_history_is_read_as_arrays(tracker, two_runs):
    step, time, value = tracker.get_run("a").metric_arrays("loss")

    assert (step.dtype, time.dtype, value.dtype) == (np.int64, np.dtype("datetime64[us]"), np.float64)
    assert step.tolist() == [0, 10, 5] and repr(value.tolist()) == "[3.0, 2.0, nan]"
    frame = tracker.get_run("a").metric_history("loss")
    assert (frame["time"].dt.tz_convert(None) == time).all()


def test_a_history_is_read_as_an_arrow_table(tracker, two_runs):
    pytest.importorskip("pyarrow")
    table = tracker.get_run("a").metric_table("loss")

    assert table.column_names == ["step", "time", "value"]
    assert table["step"].to_pylist() == [0, 10, 5]
    assert table["time"].to_pylist()[0].tzinfo is not None


def test_without_pyarrow_the_error_names_what_to_install(tracker, two_runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Unavailable, match="pip install pyarrow"):
        tracker.get_run("a").metric_table("loss")


def test_metrics_of_several_runs_come_in_one_frame(tracker, two_runs):
    frame = tracker.metric_histories(["a", "b"], ["loss", "auc"])

    assert frame.columns.tolist() == ["run", "name", "metric", "step", "time", "relative", "value"]
    assert frame.groupby(["name", "metric"]).size().to_dict() == {
        ("a", "auc"): 1, ("a", "loss"): 3, ("b", "loss"): 3,
    }  # fmt: skip
    assert (frame["relative"] >= pd.Timedelta(0)).all()
    assert len(tracker.metric_histories("a")) == 4
    assert len(tracker.metric_histories(["a", "b"], "loss", max_points=2)) == 4
    with pytest.raises(NotFound, match="los"):
        tracker.metric_histories(["a"], "los")


@pytest.mark.parametrize(
    ("axis", "x"), [("step", [0, 1]), ("time", [100.0, 160.0]), ("relative", [40.0, 100.0])]
)
def test_lines_of_a_chart_run_by_step_time_or_relative_time(project, clock, axis, x):
    clock.set(60_000_000)
    workspace = Workspace(
        Location(project, False, "a test"),
        clock=clock,
        say=lambda line: None,
        environ={"NBPROOF_CAPTURE_GIT": "0"},
    )
    tracker = workspace.tracker
    with tracker.start_run("a", experiment="e"):
        tracker.log_history("loss", [3.0, 2.0], times=[100, 160])

    (line,) = tracker.metric_lines(["a", "@last"], ["loss", "nothing"], axis=axis).items
    assert (line.run, line.metric, line.count, line.x, line.y) == ("a", "loss", 2, x, [3.0, 2.0])
    workspace.close()

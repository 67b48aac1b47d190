"""Runs side by side, from a real workspace and real repositories."""

from __future__ import annotations

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from nbproof.core.errors import Invalid, NotFound
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace, use
from nbproof.plots.smoothing import smoothed
from nbproof.tracking.comparison import MOST_CHARTS
from nbproof.tracking.environment import environment_facts
from nbproof.tracking.models import Comparison

NASTY = "<img src=x onerror=alert(1)>\"'&"


@pytest.fixture
def workspace(project):
    opened = Workspace(Location(project, False, "a test"), say=lambda line: None)
    before = use(opened)
    yield opened
    use(before)
    opened.close()


@pytest.fixture
def tracker(workspace):
    return workspace.tracker


def record(tracker, name, *, params=None, metrics=None, steps=1):
    """A run with all that its thread found out."""
    with tracker.start_run(name, params=params or {}) as run:
        for step in range(steps):
            for key, value in (metrics or {}).items():
                run.log_metric(key, value + step, step=step)
    for thread in tracker._capturing:
        thread.join()
    return run.id


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def rows_of(rows):
    return {row.key: row.values for row in rows if row.differs}


# -- courses -----------------------------------------------------------------------------------------


def test_courses_of_all_runs_are_there_for_one_chart(tracker):
    record(tracker, "a", metrics={"loss": 1.0, "once": 1.0}, steps=3)
    record(tracker, "b", metrics={"loss": 5.0}, steps=2)
    tracker.log_metric("single", 1.0, run_id=tracker.open_run("e", name="c").id)
    comparison = tracker.compare_runs("a", "b", "c")
    loss, once = comparison.charts
    assert [(each.run, each.steps, each.values) for each in loss.courses] == [
        (0, [0, 1, 2], [1.0, 2.0, 3.0]),
        (1, [0, 1], [5.0, 6.0]),
    ]
    assert (loss.name, once.name) == ("loss", "once")  # what more runs have comes first
    assert all(seconds >= 0 for seconds in loss.courses[0].seconds)
    assert "single" not in {chart.name for chart in comparison.charts}


def test_long_courses_are_thinned_after_they_were_smoothed(tracker):
    values = np.sin(np.arange(5000) / 50) + np.random.default_rng(1).normal(0, 0.1, 5000)
    with tracker.start_run("a") as run:
        for value in values.tolist():
            run.log_metric("wave", value)
    record(tracker, "b")
    (chart,) = tracker.compare_runs("a", "b", smoothing=0.9, points=100).charts
    (course,) = chart.courses
    assert course.count == 5000 and len(course.steps) <= 100
    assert {values.min(), values.max()} <= set(course.values)
    soft = smoothed(values.tolist(), 0.9)
    assert course.smoothed == [soft[step] for step in course.steps]


def test_chosen_metrics_are_charted_and_of_many_the_rest_is_counted(tracker):
    for name in ("a", "b"):
        record(tracker, name, metrics={f"m{number:02d}": 1.0 for number in range(20)}, steps=2)
    assert [chart.name for chart in tracker.compare_runs("a", "b", metrics=["m17"]).charts] == ["m17"]
    with pytest.raises(NotFound, match="did you mean 'm17'"):
        tracker.compare_runs("a", "b", metrics=["m17_"])
    comparison = tracker.compare_runs("a", "b")
    assert len(comparison.charts) == MOST_CHARTS and comparison.more_metrics == 20 - MOST_CHARTS


@pytest.mark.parametrize("given", [{"smoothing": 1.0}, {"smoothing": -1}, {"metrics": [""]}])
def test_what_cannot_be_charted_is_refused(tracker, given):
    record(tracker, "a")
    record(tracker, "b")
    with pytest.raises(Invalid):
        tracker.compare_runs("a", "b", **given)


@pytest.mark.parametrize("count", [0, 1, 101])
def test_too_few_and_too_many_runs_are_refused(tracker, count):
    with pytest.raises(Invalid, match="comparing takes"):
        tracker.compare_runs(*["a"] * count)


# -- environments --------------------------------------------------------------------------------------


def test_packages_that_were_added_removed_or_changed_stand_beside_each_other(tracker):
    for name, packages in (
        ("a", {"numpy": "1", "old": "3", "same": "1"}),
        ("b", {"numpy": "2", "new": "1", "same": "1"}),
    ):
        tracker.open_run("e", name=name)
        facts = {**environment_facts(), "packages": packages, "os": f"system {name}"}
        tracker.set_provenance(name, environment=facts)
    comparison = tracker.compare_runs("a", "b")
    assert rows_of(comparison.packages) == {"numpy": ["1", "2"], "new": [None, "1"], "old": ["3", None]}
    assert comparison.same_packages == 1
    assert rows_of(comparison.environment) == {"os": ["system a", "system b"]}


def test_a_run_without_an_environment_is_compared_all_the_same(tracker):
    tracker.open_run("e", name="bare")
    record(tracker, "full")
    comparison = tracker.compare_runs("bare", "full")
    assert rows_of(comparison.environment)["machine"][0] is None


# -- code ------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(project):
    git(project, "init", "-q", "-b", "main")
    (project / "train.py").write_text("depth = 1\nrate = 1\n")
    (project / "other.py").write_text("x = 1\n")
    git(project, "add", "train.py", "other.py")
    git(project, "commit", "-qm", "first")
    return project


def test_runs_of_the_same_code_have_no_difference(tracker, repository):
    record(tracker, "a")
    record(tracker, "b")
    assert tracker.compare_runs("a", "b").code_differences == []


def test_what_was_not_committed_is_compared_file_by_file(tracker, repository):
    (repository / "other.py").write_text("x = 2\n")
    (repository / "train.py").write_text("depth = 2\nrate = 1\n")
    record(tracker, "a")
    (repository / "train.py").write_text("depth = 3\nrate = 1\n")
    record(tracker, "b")
    (difference,) = tracker.compare_runs("a", "b").code_differences
    assert difference.runs == [1] and difference.missing is None
    assert "-+depth = 2" in difference.patch and "++depth = 3" in difference.patch
    assert "x = 2" not in difference.patch


def test_commits_are_compared_by_git_and_runs_of_one_state_share_the_answer(tracker, repository):
    record(tracker, "a")
    (repository / "train.py").write_text("depth = 2\nrate = 1\n")
    git(repository, "commit", "-qam", "second")
    record(tracker, "b")
    record(tracker, "c")
    (difference,) = tracker.compare_runs("a", "b", "c").code_differences
    assert difference.runs == [1, 2]
    assert "-depth = 1\n+depth = 2" in difference.patch
    assert len(rows_of(tracker.compare_runs("a", "b").git)["commit"]) == 2


def test_without_the_repository_it_is_said_what_is_missing(tracker, repository):
    record(tracker, "a")
    tracker.open_run("e", name="elsewhere")
    tracker.set_provenance("elsewhere", git={"commit": "c0ffee0" * 5, "branch": "main", "dirty": False})
    tracker.open_run("e", name="bare")
    elsewhere, bare = tracker.compare_runs("a", "elsewhere", "bare").code_differences
    assert (elsewhere.patch, bare.patch) == (None, None)
    assert "repository" in elsewhere.missing and "not known" in bare.missing


# -- figures -----------------------------------------------------------------------------------------------


@pytest.fixture
def comparison(tracker):
    for number in range(4):
        record(
            tracker,
            f"r{number}",
            params={"lr": 10.0**-number, "model": ["xgb", "forest"][number % 2], "seed": 1},
            metrics={"auc": number / 10},
            steps=3,
        )
    return tracker.compare_runs("r0", "r1", "r2", "r3")


def test_a_comparison_draws_itself_in_every_way(comparison):
    for x in ("step", "time", "relative"):
        assert comparison.line("auc", x=x, smoothing=0.5, log=True).svg.count("<polyline") == 8
    assert "lr" in comparison.parallel().svg
    assert comparison.scatter("lr", log_x=True).svg.count("<circle") == 4
    assert "forest: median" in comparison.box("model").text


def test_a_wrong_name_hints_at_the_near_one(comparison):
    with pytest.raises(NotFound, match="auc"):
        comparison.line("au")
    with pytest.raises(NotFound, match="model"):
        comparison.box("modle")
    with pytest.raises(Invalid, match="relative"):
        comparison.line("auc", x="epoch")
    with pytest.raises(Invalid, match="smoothing"):
        comparison.line("auc", smoothing=2)


def test_runs_that_do_not_differ_have_no_parallel_coordinates(tracker):
    record(tracker, "a")
    record(tracker, "b")
    with pytest.raises(Invalid):
        tracker.compare_runs("a", "b").parallel()


def test_parallel_coordinates_begin_with_the_params_that_all_runs_have(tracker):
    record(tracker, "a", params={"alone": 1, "model": "xgb"}, metrics={"auc": 0.8})
    record(tracker, "b", params={"model": "forest", "trees": 5}, metrics={"auc": 0.9})
    figure = tracker.compare_runs("a", "b").parallel()
    assert figure.text.splitlines()[0].split() == ["model", "auc"]


@pytest.mark.parametrize(
    ("draw", "message", "hint"),
    [
        (lambda found: found.scatter("auc", "depth"), "no metric 'depth'", "name the param first"),
        (lambda found: found.box("auc", "depth"), "no metric 'depth'", "name the param first"),
        (lambda found: found.parallel("depth"), "no metric 'depth'", "'depth' is a param"),
        (lambda found: found.parallel(["depth"], "auc"), "found list", "params=['depth']"),
        (lambda found: found.parallel("auc", "depth"), "found the text 'depth'", "params=['depth']"),
        (lambda found: found.scatter("deptt"), "no param 'deptt'", "did you mean 'depth'"),
        (lambda found: found.scatter("zzzzzz"), "no param 'zzzzzz'", "the params are 'depth'"),
        (lambda found: found.box(3), "name of a param, found int 3", "the params are 'depth'"),
    ],
)
def test_wrong_names_for_a_figure_are_told_with_what_is_there(tracker, draw, message, hint):
    for depth in (1, 2):
        record(tracker, f"d{depth}", params={"depth": depth}, metrics={"auc": depth / 10})
    with pytest.raises((Invalid, NotFound)) as told:
        draw(tracker.compare_runs("d1", "d2"))
    assert message in str(told.value) and hint in str(told.value.hint)


def test_folds_of_one_name_are_told_apart_by_their_parents(tracker):
    ids = []
    for model in ("forest", "xgb"):
        with tracker.start_run(model), tracker.start_run("fold 0", nested=True) as fold:
            tracker.log_metric("auc", 0.5 if model == "xgb" else 0.6)
        ids.append(fold.id)
    alone = record(tracker, "fold 1")
    found = tracker.compare_runs(*ids, alone)
    assert found.labels() == ["fold 0 (forest)", "fold 0 (xgb)", "fold 1"]
    expected = [
        f"fold 0 (forest, {ids[0][-6:]})", f"fold 0 (xgb, {ids[1][-6:]})", f"fold 1 ({alone[-6:]})",
    ]  # fmt: skip
    assert found.to_frame().columns.tolist() == expected
    assert all(label in str(found).splitlines()[0] for label in expected)
    assert "fold 0 (forest)</span>" in found._repr_mimebundle_()["text/html"]
    with tracker.start_run(parent="forest", name="fold 0") as again:
        pass
    same = tracker.compare_runs(ids[0], again.id)
    assert same.labels() == [f"fold 0 (forest, {run[-6:]})" for run in (ids[0], again.id)]
    heads = same._repr_mimebundle_()["text/html"].partition("</thead>")[0]
    assert [heads.count(run[-6:]) for run in (ids[0], again.id)] == [1, 1]


def test_a_frame_has_a_row_for_each_value_that_was_compared(comparison):
    frame = comparison.to_frame()
    assert frame.loc[("params", "model")].tolist() == ["xgb", "forest", "xgb", "forest"]
    assert set(frame.index.get_level_values("kind")) >= {"params", "metrics", "environment"}


# -- in a cell ---------------------------------------------------------------------------------------------


class Balanced(HTMLParser):
    """Fails where tags are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def html_of(comparison: Comparison) -> tuple[str, list[str]]:
    html = comparison._repr_mimebundle_()["text/html"]
    parser = Balanced()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return html, parser.seen


def test_few_runs_stand_in_columns_with_charts_figures_and_what_is_the_same(comparison):
    html, seen = html_of(comparison)
    assert seen.count("polyline") >= 8
    for part in ("Charts", "Parallel coordinates to auc", "auc by param", "the same in all"):
        assert part in html


def test_many_runs_stand_in_rows(tracker):
    names = [f"r{number}" for number in range(8)]
    for number, name in enumerate(names):
        tracker.open_run("e", name=name, params={"depth": number})
    comparison = tracker.compare_runs(*names)
    html, _ = html_of(comparison)
    assert '<th scope="col"><span class="nbproof-dim">params</span> depth</th>' in html
    assert comparison._repr_mimebundle_()["text/plain"].splitlines()[2].split()[0] == "r1"


def test_a_hundred_runs_make_a_page_of_bounded_size(tracker):
    names = []
    for number in range(100):
        name = tracker.open_run(
            "e", name=f"r{number}", params={"depth": number, "kind": f"k{number % 3}"}
        ).name
        run = tracker._handle(name)
        for step in range(200):
            run.log_metrics({"loss": 1 / (step + 1 + number), "auc": number + step / 200}, step=step)
        names.append(name)
    comparison = tracker.compare_runs(*names)
    html, _ = html_of(comparison)
    assert len(html) < 1_000_000
    assert sum(len(each.steps) for each in comparison.charts[0].courses) <= 4000


def test_everything_that_a_user_may_have_named_is_escaped(tracker):
    for value in ("1", "2", "3"):
        record(
            tracker, f"{NASTY}{value}", params={NASTY: NASTY + value}, metrics={NASTY: float(value)}, steps=2
        )
    html, _ = html_of(tracker.compare_runs(*(f"{NASTY}{value}" for value in ("1", "2", "3"))))
    assert "<img src=x" not in html and "&lt;img src=x" in html
    assert "<img" not in re.sub('<img alt="[^"<>]*" style="[^"]*" src="data:[^"]*"/>', "", html)


def test_a_difference_of_code_is_shown_and_escaped(tracker, repository):
    record(tracker, "a")
    (repository / "train.py").write_text(f"depth = '{NASTY}'\n")
    record(tracker, "b")
    html, seen = html_of(tracker.compare_runs("a", "b"))
    assert "Code: from a to b" in html and "img" not in seen
    assert 'class="nbproof-minus"' in html
    assert "code of b: +" in tracker.compare_runs("a", "b")._repr_mimebundle_()["text/plain"]

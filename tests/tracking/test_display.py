"""How runs look in a cell."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

from IPython.lib.pretty import pretty

from nbproof.core.operation import Page
from nbproof.tracking.comparison import compare
from nbproof.tracking.display import children_text, leaderboard_cells, run_html, run_text
from nbproof.tracking.display_comparison import comparison_html, comparison_text
from nbproof.tracking.models import (
    Artifact,
    ArtifactList,
    Experiment,
    GitState,
    Leaderboard,
    LeaderboardGroup,
    Metric,
    MetricHistory,
    MetricLine,
    MetricLines,
    MetricPoint,
    Run,
)
from nbproof.tracking.trash_models import Children, RolledMetric, TouchedRuns

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NASTY = "<img src=x onerror=alert(1)>\"'&"


def run(name: str = "first", **fields: object) -> Run:
    given: dict[str, object] = {
        "id": "0190" + "a" * 22 + "b84237",
        "name": name,
        "experiment_id": "0" * 32,
        "experiment": "digits",
        "status": "finished",
        "started": NOW,
        "ended": NOW.replace(second=9),
        **fields,
    }
    return Run.model_validate(given)


class Balanced(HTMLParser):
    """Fails where tags are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in ("br", "wbr"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(html: str) -> Balanced:
    parser = Balanced()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


def test_text_has_the_head_and_every_part():
    text = run_text(
        run(
            params={"lr": 0.1, "layers": [64, 32]},
            metrics={"auc": 0.91},
            tags={"team": "a"},
            artifacts=[
                Artifact(name="roc.png", size_bytes=1500, media_type="image/png", hash="0", created=NOW)
            ],
            git=GitState(commit="c" * 40, branch="main", dirty=True),
        )
    )
    assert text.splitlines()[0] == "✓ run first (b84237) of digits: finished, took 4.0 s"
    for part in (
        "lr      0.1",
        "layers  [64, 32]",
        "0.91",
        "team  a",
        "1.5 kB",
        "cccccccccc (main) with changes",
    ):
        assert part in text


def test_html_escapes_everything_that_a_user_may_have_named():
    html = run_html(
        run(
            NASTY,
            experiment=NASTY,
            notes=NASTY,
            params={NASTY: NASTY},
            metrics={NASTY: float("nan")},
            tags={NASTY: NASTY},
            source=NASTY,
            newest_metric=Metric(
                name=NASTY, value=float("nan"), step=1, time=NOW, count=2, spark=[1.0, float("nan"), 2.0]
            ),
        )
    )
    assert "img" not in parsed(html).seen
    assert "svg" in parsed(html).seen
    assert "NaN" in html


def test_html_takes_its_colours_from_the_theme_and_has_fallbacks():
    html = run_html(run(metrics={"auc": 0.9}))
    assert re.findall(r"var\(--jp-[\w-]+\)", html) == []
    assert "var(--jp-success-color1, #388e3c)" in html


def test_many_params_are_folded_away_and_long_values_cut():
    html = run_html(run(params={f"p{number}": "x" * 1000 for number in range(100)}))
    assert "60 more" in html
    assert "x" * 300 not in html
    assert "and 60 more" in run_text(run(params={f"p{number}": 1 for number in range(100)}))


def test_a_comparison_shows_what_differs_folds_the_rest_and_marks_the_best():
    runs = [
        run("one", params={"lr": 0.1, "same": 1}, metrics={"auc": 0.8}),
        run("two", params={"lr": 0.2, "same": 1}, metrics={"auc": 0.9}),
    ]
    html, text = comparison_html(compare(runs)), comparison_text(compare(runs))
    parsed(html)
    assert '<td class="nbproof-best">0.9 ★</td>' in html
    assert html.index("lr</th>") < html.index("<details>") < html.index("same</th>")
    assert "0.9 ★" in text
    assert "same" not in text.splitlines()[0]


def test_a_comparison_of_nasty_names_is_escaped():
    html = comparison_html(compare([run(NASTY, params={NASTY: NASTY}), run("b", tags={NASTY: NASTY})]))
    assert "img" not in parsed(html).seen


def test_a_list_of_runs_shows_how_they_stand():
    newest = Metric(name=NASTY, value=0.9, step=3, time=NOW, count=4)
    bundle = Page[Run](items=[run(newest_metric=newest), run("second", ended=None)])._repr_mimebundle_()
    assert "img" not in parsed(bundle["text/html"]).seen
    first, second = bundle["text/plain"].splitlines()[1:]
    assert first.startswith("first   b84237  digits      ✓ finished  2026-01-02 03:04:05 UTC  4.0 s")
    assert first.endswith("0.9") and "4.0 s" not in second


def test_a_list_of_experiments_shows_how_many_runs_they_have():
    experiment = Experiment(id="0" * 26 + "c0ffee", name="digits", run_count=12, created=NOW)
    lines = str(Page[Experiment](items=[experiment])).splitlines()
    assert lines[0].split() == ["experiment", "id", "runs", "last", "activity"]
    assert lines[1].startswith("digits      c0ffee    12  2026-01-02")


def test_notes_stand_below_the_head():
    text = run_text(run(notes="Baseline.\n\nAll columns.", params={"lr": 0.1}))
    assert text.splitlines()[1:5] == ["  Baseline.", "", "  All columns.", "  params"]
    assert "Baseline." in run_html(run(notes="Baseline."))


def test_artifacts_of_a_run_are_a_table():
    artifacts = ArtifactList(
        [
            Artifact(
                name="roc.png", kind="figure", size_bytes=1500, media_type="image/png", hash="0", created=NOW
            ),
            Artifact(
                name="s3", size_bytes=0, media_type="x/y", hash="", created=NOW, reference="s3://bucket"
            ),
        ]
    )
    assert [line.split() for line in pretty(artifacts).splitlines()] == [
        ["artifact", "version", "kind", "size", "created", "reference"],
        ["roc.png", "v1", "figure", "1.5", "kB", "2026-01-02", "03:04:05", "UTC"],
        ["s3", "v1", "file", "0", "B", "2026-01-02", "03:04:05", "UTC", "s3://bucket"],
    ]
    assert parsed(artifacts._repr_html_()).seen.count("tr") == 3


def test_a_history_is_a_curve_that_says_of_how_many_points():
    points = [MetricPoint(step=step, time=NOW, value=1 / (step + 1)) for step in range(3)]
    bundle = MetricHistory(name="loss", count=3, items=points)._repr_mimebundle_()
    assert bundle["text/plain"].splitlines()[0] == "loss, 3 points"
    assert "loss: 0.333333" in bundle["text/plain"] and "svg" in parsed(bundle["text/html"]).seen
    assert str(MetricHistory(name="loss", count=5000, items=points)).startswith("loss, 3 of 5,000 points")
    assert str(MetricHistory(name="loss", count=0, items=[])).startswith("loss, 0 points")


def test_lines_of_several_runs_are_a_figure_for_each_metric():
    lines = MetricLines(
        axis="step",
        items=[
            MetricLine(run_id="a" * 32, run="same", metric="loss", count=2, x=[0, 1], y=[3.0, 2.0]),
            MetricLine(run_id="b" * 32, run="same", metric="loss", count=2, x=[0, 1], y=[4.0, 1.0]),
            MetricLine(run_id="a" * 32, run="same", metric="auc", count=2, x=[0, 1], y=[0.5, 0.9]),
        ],
    )
    bundle = lines._repr_mimebundle_()
    assert [line for line in bundle["text/plain"].splitlines() if not line.startswith(" ")] == ["loss", "auc"]
    assert "same (bbbbbb): 1" in bundle["text/plain"]
    assert parsed(bundle["text/html"]).seen.count("svg") >= 2


def test_nested_runs_and_what_was_touched_are_told_in_words():
    rolled = RolledMetric(name="auc", count=2, best=0.9, best_run="c" * 32, mean=0.85, std=0.07)
    children = Children(id="a" * 32, count=2, statuses={"finished": 2}, descendants=5, metrics=[rolled])
    assert str(children).splitlines() == [
        "nested runs      2 finished",
        "nested in these  3",
        "metrics",
        "  metric  runs  best  of run  mean   std",
        "  auc        2   0.9  cccccc  0.85  0.07",
    ]
    assert str(Children(id="a" * 32, count=0, descendants=0)) == "nested runs  none"
    assert children_text({"finished": 2, "failed": 1}) == "3 (2 finished, 1 failed)"
    assert str(TouchedRuns(count=2, ids=["a" * 32, "b" * 32])).splitlines() == [
        "runs  2",
        "ids   aaaaaa, bbbbbb",
    ]


def test_of_many_columns_a_leaderboard_shows_those_that_most_groups_have():
    keys = [f"params.p{number}" for number in range(10)]
    groups = [
        LeaderboardGroup(rank=1, keys=dict.fromkeys(keys[3:], 1), n=1, mean=0.9),
        LeaderboardGroup(rank=2, keys=dict.fromkeys(keys, 2), n=1, mean=0.8),
    ]
    board = Leaderboard(
        metric="auc", less_is_better=False, group_by=keys, groups=groups, total_groups=2, total_runs=2
    )
    lines = str(board).splitlines()
    assert lines[1].split()[1:7] == keys[3:9]
    assert lines[-1] == "4 more columns tell them apart: .to_frame()"
    html = board._repr_mimebundle_()["text/html"]
    assert lines[-1] in html and parsed(html).seen.count("th") == 12
    assert leaderboard_cells(board, whole=True)[0][1:11] == keys

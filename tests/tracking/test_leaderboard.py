"""Groups of runs by the mean of a metric, compared with pandas."""

import math
import random

import numpy as np
import pandas as pd
import pytest

from nbproof.core.errors import Invalid, NotFound
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace
from nbproof.tracking.display import spread_text


@pytest.fixture
def tracker(project, clock):
    workspace = Workspace(Location(project, False, "a test"), clock=clock, say=lambda line: None)
    yield workspace.tracker
    workspace.close()


def record(tracker, name, params, *, experiment="e", tags=None, **metrics):
    with tracker.start_run(name, experiment=experiment, params=params, tags=tags):
        for key, values in metrics.items():
            for value in values if isinstance(values, list) else [values]:
                tracker.log_metric(key, value)


def test_groups_have_mean_and_spread_and_the_best_is_first(tracker):
    for seed, (xgb, forest) in enumerate([(0.8, 0.7), (0.9, 0.75), (0.85, 0.95)]):
        record(tracker, f"x{seed}", {"model": "xgb", "seed": seed}, auc=xgb)
        record(tracker, f"f{seed}", {"model": "forest", "seed": seed}, auc=forest)

    board = tracker.leaderboard("auc", group_by="params.model")

    assert [group.keys for group in board.groups] == [{"params.model": "xgb"}, {"params.model": "forest"}]
    first, second = board.groups
    assert (first.rank, first.n, first.min, first.max, first.best_name) == (1, 3, 0.8, 0.9, "x1")
    assert (first.mean, first.std) == (pytest.approx(0.85), pytest.approx(0.05))
    assert second.best_name == "f2"
    assert (board.total_groups, board.total_runs, board.less_is_better) == (2, 6, False)


def test_of_a_loss_the_least_is_best(tracker):
    record(tracker, "a", {"model": "a"}, val_loss=0.5)
    record(tracker, "b", {"model": "b"}, val_loss=0.25)

    board = tracker.leaderboard("val_loss", group_by="params.model")

    assert [group.keys["params.model"] for group in board.groups] == ["b", "a"]
    assert board.less_is_better


def test_one_run_has_no_spread(tracker):
    record(tracker, "a", {}, auc=0.5)

    (group,) = tracker.leaderboard("auc", group_by="experiment").groups

    assert (group.n, group.mean, group.std) == (1, 0.5, None)
    assert "one run has no std" in str(tracker.leaderboard("auc"))


def test_equal_values_have_no_spread_at_all(tracker):
    for seed in range(3):
        record(tracker, f"s{seed}", {"model": "a", "seed": seed}, auc=307 / 333)
    (group,) = tracker.leaderboard("auc", over="params.seed").groups
    assert (group.mean, group.std) == (307 / 333, 0.0)


def test_over_seeds_is_the_mean_of_runs_that_differ_in_nothing_else(tracker):
    for seed in range(3):
        for depth in (3, 4):
            record(
                tracker,
                f"d{depth}s{seed}",
                {"depth": depth, "seed": seed, "lr": 0.1},
                auc=depth / 10 + seed / 100,
            )

    board = tracker.leaderboard("auc", over="params.seed")

    assert board.group_by == ["params.depth"]  # what is the same everywhere tells nothing
    assert [(group.keys, group.n) for group in board.groups] == [
        ({"params.depth": 4}, 3),
        ({"params.depth": 3}, 3),
    ]


def test_without_groups_each_run_is_by_itself(tracker):
    for number in range(5):
        record(tracker, f"r{number}", {}, auc=number / 10)

    board = tracker.leaderboard("auc", top=2)

    assert [group.keys["run"] for group in board.groups] == ["r4", "r3"]
    assert board.total_groups == 5


def test_any_value_of_a_run_may_count(tracker):
    record(tracker, "a", {}, val_loss=[0.5, 0.1, 0.3])

    values = {value: tracker.leaderboard("val_loss", value=value).groups[0].mean for value in
              ("last", "min", "max", "best")}  # fmt: skip

    assert values == {"last": 0.3, "min": 0.1, "max": 0.5, "best": 0.1}


def test_nan_is_counted_and_infinity_has_no_spread(tracker):
    for value in (math.nan, 1.0, math.inf):
        record(tracker, "r", {"model": "a"}, auc=value)
    record(tracker, "n", {"model": "nothing"}, auc=math.nan)

    first, last = tracker.leaderboard("auc", group_by="params.model").groups

    assert (first.n, first.nan, first.mean, first.std) == (2, 1, math.inf, None)
    assert (last.n, last.nan, last.mean, last.best_run) == (0, 1, None, None)


def test_it_is_of_the_runs_that_a_search_finds(tracker):
    record(tracker, "a", {"model": "a"}, tags={"owner": "ann"}, auc=0.5)
    record(tracker, "b", {"model": "b"}, auc=0.9)
    record(tracker, "c", {"model": "c"}, experiment="other", tags={"owner": "ann"}, auc=0.9)

    board = tracker.leaderboard(
        "auc", query="tags.owner", experiment="e", group_by=["params.model", "tags.owner"]
    )

    assert [group.keys for group in board.groups] == [{"params.model": "a", "tags.owner": "ann"}]
    assert tracker.leaderboard("auc", query="name = 'nobody'").groups == []


def test_random_runs_have_the_figures_that_pandas_has(tracker):
    chance = random.Random(3)
    rows = []
    for number in range(120):
        params = {"model": chance.choice(["a", "b", "c"]), "depth": chance.choice([1, 2.5, "2", None])}
        value = chance.choice([chance.gauss(0, 1), chance.gauss(0, 1e6), 0.5, math.nan])
        record(tracker, f"r{number}", params, auc=value)
        rows.append({"params.model": params["model"], "params.depth": repr(params["depth"]), "auc": value})
    theirs = (
        pd.DataFrame(rows)
        .groupby(["params.model", "params.depth"])["auc"]
        .agg(["count", "mean", "std", "min", "max"])
        .sort_values("mean", ascending=False)
    )

    ours = tracker.leaderboard("auc", group_by=["params.model", "params.depth"], top=100).to_frame()

    assert [(a, repr(b)) for a, b in zip(ours["params.model"], ours["params.depth"], strict=True)] == list(
        theirs.index
    )
    assert ours["n"].tolist() == theirs["count"].tolist()
    for column in ("mean", "std", "min", "max"):
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-12)


def test_it_is_a_table_in_a_cell_and_nothing_in_it_is_markup(tracker):
    record(tracker, "<b>", {"model": "<script>"}, auc=0.5)

    shown = tracker.leaderboard("auc", group_by="params.model")._repr_mimebundle_()

    assert "&lt;script&gt;" in shown["text/html"] and "<script>" not in shown["text/html"]
    assert "0.5" in shown["text/plain"]
    assert ">params.<wbr>model</th>" in shown["text/html"]


def test_people_see_mean_and_spread_to_the_digits_that_count(tracker):
    for value in (0.851, 0.8634, 0.8391):
        record(tracker, "r", {"model": "seeds"}, auc=value)
    record(tracker, "r", {"model": "alone"}, auc=0.7)
    record(tracker, "r", {"model": "lost"}, auc=math.nan)
    record(tracker, "r", {"model": "lost"}, auc=math.nan)

    board = tracker.leaderboard("auc", group_by="params.model")
    head, seeds, alone, lost = str(board).splitlines()[1:]

    assert "mean ± std" in head
    assert "0.851 ± 0.012" in seeds and "±" not in alone + lost and "nan" not in alone + lost
    assert "0.7" in alone and "0 (+2 NaN)" in lost and "NaN in all" in lost
    assert "0.851 ± 0.012" in board._repr_mimebundle_()["text/html"]
    assert board.to_frame()["std"].iloc[0] == pytest.approx(
        np.std([0.851, 0.8634, 0.8391], ddof=1)
    )  # programs have every digit


@pytest.mark.parametrize("exponent", [-320, -308, -20, -6, -5, -1, 0, 4, 5, 6, 20, 300, 307])
def test_a_spread_of_any_size_reads_as_it_is(exponent):
    mean, std = float(f"1.23456e{exponent}"), float(f"1.2e{exponent - 2}")
    shown = spread_text(mean, std)
    middle, _, rest = shown.strip("(").partition(" ± ")
    spread, closed, power = rest.partition(")")
    factor = power if closed else ""
    assert float(middle + factor) == pytest.approx(mean, rel=5e-3)
    assert exponent == -320 or float(spread + factor) == pytest.approx(std, rel=1e-6)
    assert len(shown) < 25


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"group_by": "metrics.auc"}, "group_by"),
        ({"group_by": "nothing"}, "group_by"),
        ({"group_by": "params.model desc"}, "group_by"),
        ({"group_by": "name, status"}, "group_by"),
        ({"group_by": "name", "over": "params.seed"}, "over"),
        ({"over": "tags.seed"}, "over"),
        ({"value": "median"}, "value"),
        ({"top": 0}, "top"),
        ({"query": "nonsense"}, "query"),
    ],
)
def test_what_makes_no_sense_is_told(tracker, values, field):
    record(tracker, "a", {}, auc=0.5)

    with pytest.raises(Invalid) as caught:
        tracker.leaderboard("auc", **values)

    assert caught.value.details["field"] == field


def test_an_unknown_metric_is_told_with_near_names(tracker):
    record(tracker, "a", {}, auc=0.5)

    with pytest.raises(NotFound, match="acu") as caught:
        tracker.leaderboard("acu")

    assert caught.value.details["near"] == ["auc"]
    assert caught.value.hint == "did you mean 'auc'?"
    with pytest.raises(NotFound, match="there are 'auc'"):
        tracker.leaderboard("nothing")


def test_what_is_grouped_by_may_lack_its_group_and_is_told_with_it(tracker):
    record(tracker, "a", {"model": "x"}, auc=0.5)

    for values in ({"group_by": "model"}, {"over": "modle"}):
        with pytest.raises(Invalid) as caught:
            tracker.leaderboard("auc", **values)
        assert caught.value.hint == "did you mean params.model?"

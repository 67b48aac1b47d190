"""Whether columns still come from the same distributions."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nbproof.stats.drift import ColumnDrift, DriftResult, detect_drift, detect_drift_exact
from nbproof.stats.profile import profile_table
from tests.stats.columns import ONE_OF_EACH
from tests.stats.disagreements import DISAGREEMENTS


def drift(reference: Any, current: Any, *, exact: bool = False, **options: Any) -> DriftResult:
    one, other = (each if isinstance(each, pa.Table) else pa.table(each) for each in (reference, current))
    if exact:
        found = detect_drift_exact(one, other, **options)
    else:
        found = detect_drift(profile_table(one), profile_table(other), **options)
    # Whatever was found can be kept.
    assert DriftResult.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found
    assert 0 <= found.score <= 1 and all(0 <= each.score <= 1 for each in found.columns)
    for each in found.drifted:
        assert (
            each.sentence.startswith(f"{each.name}: ") and each.sentence.endswith((".", "?")) and each.action
        )
    return found


def column(reference: Any, current: Any, **options: Any) -> ColumnDrift:
    (found,) = drift({"x": reference}, {"x": current}, **options).columns
    return found


def normal(rows: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, size=rows)


# ------------------------------------------------------------------------------------------ right answers


@pytest.mark.parametrize("rows", [50_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("case", DISAGREEMENTS)
def test_where_tests_disagree_the_answer_is_right(case, rows):
    make, severities, code = DISAGREEMENTS[case]
    reference, current = make(np.random.default_rng(7), rows)
    for exact in (False, True):
        found = column(reference, current, exact=exact)
        assert found.severity in severities, found.sentence
        assert [each.code for each in found.findings[:1]] == ([code] if code else [])


@pytest.mark.soak
def test_no_drift_is_hardly_ever_called_drift():
    """200 comparisons of samples of one distribution, a million rows each; 5 % of p-values are below 0.05."""
    random = np.random.default_rng(0)
    makers: list[Any] = [
        lambda n: random.normal(size=n),
        lambda n: random.standard_t(2, n),
        lambda n: random.poisson(3, n),
        lambda n: pa.array(random.random(n) < 0.3),
        lambda n: pa.array([f"c{k}" for k in range(30)]).take(pa.array(random.integers(0, 30, n))),
    ]
    called = compared = 0
    for _ in range(200):
        tables = [pa.table({str(k): make(1_000_000) for k, make in enumerate(makers)}) for _ in range(2)]
        found = drift(*tables)
        called += len(found.drifted)
        compared += len(found.columns)
    assert called <= compared / 100


@pytest.mark.parametrize("rows", [60, 300, 3000])
def test_of_few_rows_no_drift_is_hardly_ever_called_drift(rows):
    """There effects are large by chance alone, and the tests have to hold them back."""
    random = np.random.default_rng(rows)
    called = compared = 0
    for _ in range(40):
        tables = []
        for _ in range(2):
            codes = random.zipf(1.5, rows) % 50
            tables.append(
                {
                    "normal": random.normal(size=rows),
                    "heavy": random.standard_t(2, rows),
                    "counts": random.poisson(2, rows),
                    "gaps": pa.array(random.normal(size=rows), mask=random.random(rows) < 0.05),
                    "codes": pa.array([f"c{k}" for k in codes]),
                    "truth": pa.array(random.random(rows) < 0.1),
                }
            )
        found = drift(*tables)
        called += len(found.drifted)
        compared += len(found.columns)
    assert called <= 0.02 * compared


def test_statistics_are_scipys():
    random = np.random.default_rng(0)
    words = pa.array([f"c{k}" for k in range(200)])
    tables = [
        pa.table(
            {
                "normal": random.normal(shift, 1, 20_000),
                "codes": words.take(pa.array(random.zipf(1.5 + shift, 20_000) % 200)),
                "truth": pa.array(random.random(20_000) < 0.3 + shift),
            }
        )
        for shift in (0.0, 0.05)
    ]
    columns = [[each.to_pylist() for each in table.columns] for table in tables]
    distance = stats.ks_2samp(columns[0][0], columns[1][0]).statistic
    counts = [[values.count(f"c{k}") for k in range(200)] for values in (columns[0][1], columns[1][1])]
    table = np.array(counts)[:, np.argsort(-np.sum(counts, axis=0), kind="stable")]
    pooled = np.column_stack([table[:, :50], table[:, 50:].sum(axis=1)])
    codes = stats.chi2_contingency(pooled)
    truth = stats.chi2_contingency(
        [[values.count(True), values.count(False)] for values in (columns[0][2], columns[1][2])]
    )
    for exact, error in ((True, 1e-12), (False, 1e-3)):
        found = drift(*tables, exact=exact)
        assert found.exact == exact
        assert found.column("normal").statistic == pytest.approx(distance, abs=error)
        assert found.column("codes").statistic == pytest.approx(codes.statistic, rel=1e-12)
        assert found.column("codes").p_value == pytest.approx(codes.pvalue, rel=1e-9)
        assert found.column("truth").statistic == pytest.approx(truth.statistic, rel=1e-12)


# ----------------------------------------------------------------------------------------------- findings


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    ("change", "code", "severity", "told"),
    [
        (lambda x: x + 0.4, "shift", "medium", "values went up"),
        (lambda x: x - 1.5, "shift", "critical", "values went down"),
        (lambda x: (x - 10) * 1.5 + 10, "spread", "medium", "spread wider"),
        (lambda x: (x - 10) / 3 + 10, "spread", "high", "spread narrower"),
        (lambda x: x * 1000, "unit", "critical", "(×1,000): has the unit changed?"),
        (lambda x: x / 60, "unit", "critical", "(÷60)"),
        (lambda x: x * 1.8 + 32, "unit", "critical", "°C to °F"),
        (lambda x: x * 2.2046226, "unit", "critical", "kg to lb"),
        (lambda x: np.full(len(x), 10.0), "constant", "critical", "always 10 now"),
        (lambda x: np.where(np.arange(len(x)) % 5, x, -999.0), "spike", "high", "exactly -999"),
        (
            lambda x: np.where(np.arange(len(x)) % 10, x, np.inf),
            "infinite",
            "high",
            "infinite 0.0 % → 10.0 %",
        ),
        (lambda x: np.where(np.arange(len(x)) % 12, x, np.nan), "missing", "medium", "missing 0.0 % → 8.3 %"),
        (lambda x: np.full(len(x), np.nan), "empty", "critical", "it is empty"),
        (lambda x: np.where(np.arange(len(x)) % 40, x, 1e4 * x), "out_of_range", "low", "outside 6.1"),
    ],
)
def test_of_numbers(change, code, severity, told, exact):
    found = column(normal(4000, 0, 10.0), change(normal(4000, 1, 10.0)), exact=exact)
    assert (found.findings[0].code, found.severity) == (code, severity), found.sentence
    assert told in found.sentence


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    ("before", "after", "code", "severity", "told"),
    [
        ({"a": 500, "b": 500}, {"a": 800, "b": 200}, "categories", "high", "'a' went 50.0 % → 80.0 %"),
        (
            {"a": 500, "b": 500},
            {"a": 450, "b": 450, "c": 100},
            "new",
            "high",
            "10.0 % of the rows hold values",
        ),
        ({"a": 500, "b": 500}, {"c": 1000}, "new", "critical", "never came before: 'c'"),
        (
            {"a": 900, "b": 600, "c": 500},
            {"a": 1200, "b": 800},
            "vanished",
            "high",
            "does not come any more: 'c'",
        ),
        ({"a": 500, "b": 500}, {"a": 510, "b": 490}, None, "none", "no drift"),
    ],
)
def test_of_categories(before, after, code, severity, told, exact):
    columns = [[value for value, count in each.items() for _ in range(count)] for each in (before, after)]
    found = column(*columns, exact=exact)
    assert code in {None, *(each.code for each in found.findings)} and found.severity == severity, (
        found.sentence
    )
    assert told in " ".join([found.sentence, *(each.sentence for each in found.findings)])
    coded = column(*(pa.array(each).dictionary_encode() for each in columns), exact=exact)
    assert (coded.severity, coded.sentence) == (found.severity, found.sentence)


def test_new_categories_are_expected_where_many_come_once():
    """Names of which most come once: most of the next ones have never come before, and that is no drift."""
    random = np.random.default_rng(0)
    one, other = ([f"n{k}" for k in random.zipf(1.4, 3000) % 10_000] for _ in range(2))
    assert not column(one, other).drifted and not column(one, other, exact=True).drifted


def test_of_texts_the_lengths_are_compared():
    one = [f"a text of some length {number}" for number in range(3000)]
    found = column(one, [each[:12] + each[-4:] for each in one])
    assert (found.kind, found.findings[0].code, found.severity) == ("text", "lengths", "critical")
    assert not column(one, [each.replace("some", "good") for each in one]).drifted


def test_types():
    numbers = list(range(1000))
    assert column(pa.array(numbers, pa.int64()), pa.array(numbers, pa.int32())).severity == "none"
    assert column(pa.array(numbers, pa.int64()), pa.array(numbers, pa.float64())).severity == "low"
    words = pa.array([f"c{k % 9}" for k in numbers])
    assert column(words, words.dictionary_encode()).severity == "none"
    assert column(words, words.cast(pa.large_string())).severity == "none"
    broken = column(pa.array(numbers), pa.array(numbers).cast(pa.string()))
    assert (broken.severity, broken.sentence) == ("critical", "x: was int64, is string.")
    moments = pa.array(numbers, pa.timestamp("us"))
    assert column(moments, moments.cast(pa.timestamp("us", "UTC"))).severity == "medium"
    assert column(moments, moments.cast(pa.timestamp("ns"))).severity == "none"
    assert column(pa.array(numbers), pa.nulls(1000)).findings[0].code == "empty"


def test_columns_come_and_go():
    numbers = list(range(1000))
    found = drift({"a": numbers, "b": numbers}, {"c": numbers, "a": numbers})
    assert [each.name for each in found.columns] == ["a", "b", "c"]
    assert [each.severity for each in found.columns] == ["none", "critical", "low"]
    assert found.column("b").sentence == "b: the column is gone."
    assert found.sentence == "2 of 3 columns drifted: b, c."
    assert found.severity == "critical" and found.action == found.column("b").action


def test_dates_go_forward_and_numbers_run():
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    before = [start + dt.timedelta(hours=hour) for hour in range(1000)]
    after = [each + dt.timedelta(days=60) for each in before]
    forward = column(before, after)
    assert not forward.drifted and "time goes on" in forward.sentence
    assert forward.sentence.startswith("x: 2024-01-01 00:00:00 UTC – 2024-02-11 15:00:00 UTC before")
    nowhere = [[each.replace(tzinfo=None) for each in times] for times in (before, after)]
    assert column(*nowhere).sentence.startswith("x: 2024-01-01 00:00:00 – 2024-02-11 15:00:00 before")
    assert column(after, before).severity == "critical"
    assert not column(list(range(1000)), list(range(1000, 2000))).drifted
    assert column([float(k) for k in range(1000)], [float(k) for k in range(1000, 2000)]).drifted


# --------------------------------------------------------------------------------------------- evidence


@pytest.mark.parametrize("exact", [False, True])
def test_a_table_that_has_lost_all_its_rows_is_the_worst_there_is(exact):
    found = drift({"x": normal(5000, 0)}, pa.table({"x": pa.array([], pa.float64())}), exact=exact)
    assert (found.severity, found.score) == ("critical", 1.0)
    assert found.sentence == "No rows are left of 5,000 rows."


@pytest.mark.parametrize("exact", [False, True])
def test_of_columns_without_a_number_it_is_not_said_that_rows_are_few(exact):
    found = drift({"x": np.full(5000, np.inf)}, {"x": np.full(5000, -np.inf)}, exact=exact)
    assert found.severity == "none" and not found.columns[0].too_few_rows
    assert found.sentence == "No column has values to compare."
    assert found.columns[0].sentence == "x: no values to compare."


def test_too_few_rows_are_told():
    found = column(normal(60, 0), normal(90, 1))
    assert found.too_few_rows and not found.drifted
    assert found.sentence == "x: too few rows to tell (60 against 90); only D from 0.30 on would show."
    assert found.action.startswith("Wait for more rows")
    words = column(["a", "b"] * 30, ["a", "b", "b"] * 20)
    assert words.sentence.startswith("x: too few rows to tell (60 against 60); only V from 0.26 on")
    # What is large enough is seen all the same.
    assert column(normal(60, 0), normal(90, 1, 5.0)).severity == "critical"
    assert drift({"x": normal(60, 0)}, {"x": normal(90, 1)}).sentence == "Too few rows to tell."


def test_chance_is_adjusted_over_all_columns():
    """One of forty columns has p = 0.004 and an effect: alone it counts, among forty it may be chance."""
    one, other = normal(300, 0), normal(300, 0, 0.3)
    many = [{f"c{k}": normal(300, seed + k) for k in range(40)} for seed in (100, 200)]
    alone = column(one, other)
    assert alone.p_value is not None and 0.002 < alone.p_value < 0.01 and alone.severity != "none"
    among = drift({**many[0], "x": one}, {**many[1], "x": other}).column("x")
    assert among.p_value == alone.p_value
    assert among.p_adjusted is not None and among.p_adjusted > 0.05 and among.severity == "none"


def test_an_own_threshold_is_learned_from_five_comparisons():
    one, other = normal(5000, 0), normal(5000, 1, 0.15)
    assert column(one, other, past={"x": [0.01] * 4}).own_threshold is None
    found = column(one, other, past={"x": [0.010, 0.012, 0.009, 0.011, 0.010]})
    assert found.own_threshold == pytest.approx(0.0138, abs=1e-4) and found.above_own_threshold
    assert (found.threshold, found.severity) == (0.1, "low")
    calm = column(one, other, past={"x": [0.05, 0.08, 0.02, 0.09, 0.03]})
    assert calm.above_own_threshold is False and calm.severity == "low"
    assert column(one, other).above_own_threshold is None


def test_the_score_grows_with_the_effect_and_says_the_severity():
    scores = []
    for shift in (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2):
        found = column(normal(20_000, 0), normal(20_000, 1, shift))
        scores.append(found.score)
        assert found.severity == ("none", "low", "medium", "high", "critical")[int(found.score * 4)]
    assert scores == sorted(scores) and scores[0] < 0.1 and scores[-1] == 1


def test_importances_weigh_the_columns():
    names = [f"c{k}" for k in range(20)]
    one = {name: normal(2000, k) for k, name in enumerate(names)}
    other = {name: normal(2000, 50 + k, 2.0 if k == 0 else 0.0) for k, name in enumerate(names)}
    plain = drift(one, other)
    assert plain.share_drifted == pytest.approx(0.05) and plain.column("c0").severity == "critical"
    assert plain.severity == "high"  # one step less: it is one of twenty
    heavy = drift(one, other, importances={"c0": 0.9, "c1": 0.1})
    assert heavy.share_drifted == pytest.approx(0.9) and heavy.severity == "critical"
    light = drift(one, other, importances={"c1": 1.0})
    assert (light.score, light.severity, light.share_drifted) == (light.column("c1").score, "none", 0)
    assert heavy.score > plain.score > light.score


# ------------------------------------------------------------------------------------------- odd tables


@pytest.mark.parametrize("each", ONE_OF_EACH, ids=lambda each: str(each.type)[:30])
def test_of_any_type(each):
    for exact in (False, True):
        same = column(each, each, exact=exact)
        assert not same.drifted
        many = pa.chunked_array([each] * 200)
        assert not column(many, many, exact=exact).drifted
        gone = column(many, pa.nulls(600, each.type), exact=exact)
        assert (gone.findings[0].code, gone.severity) == ("empty", "critical")


@pytest.mark.parametrize("exact", [False, True])
def test_tables_with_little_in_them(exact):
    assert drift({}, {}, exact=exact).sentence == "No columns to compare."
    empty = pa.table({"x": pa.array([], pa.float64()), "y": pa.array([], pa.string())})
    assert drift(empty, empty, exact=exact).severity == "none"
    found = drift(empty, {"x": normal(500, 0), "y": ["a"] * 500}, exact=exact)
    assert [each.sentence for each in found.columns] == [
        "x: no values to compare.",
        "y: no values to compare.",
    ]
    assert not column([None, None], [None], exact=exact).drifted
    assert not column([5.0] * 300, [5.0] * 300, exact=exact).drifted
    assert column([5.0] * 300, [6.0] * 300, exact=exact).severity == "critical"
    assert not column([np.nan, np.inf] * 200, [np.nan, np.inf] * 200, exact=exact).drifted
    assert column([1e308, -1e308] * 200, [1e308, -1e308, 0] * 200, exact=exact).severity == "high"


@pytest.mark.parametrize("exact", [False, True])
def test_columns_of_one_name_meet_in_their_order(exact):
    one = pa.table([pa.array(normal(500, 0)), pa.array(["a"] * 500)], ["x", "x"])
    assert not drift(one, one, exact=exact).drifted
    other = pa.table([pa.array(normal(500, 1)), pa.array(["b"] * 500)], ["x", "x"])
    assert [each.severity for each in drift(one, other, exact=exact).columns] == ["none", "critical"]


@pytest.mark.parametrize("exact", [False, True])
def test_numbers_as_large_as_there_are(exact):
    large = np.finfo(np.float64).max
    values = [
        np.linspace(-1, 1, 400) * large,
        normal(400, 0),
        np.array([large, -large] * 200),
        np.full(400, 5e-324),
    ]
    for one in values:
        assert not column(one, one, exact=exact).drifted
        for other in values:
            found = column(one, other, exact=exact)
            assert found.drifted == (one is not other)


def test_what_could_not_be_compared_is_said():
    """Structs, and columns of which somebody else has made a profile without the distribution."""
    told = "x: only gaps and type could be compared, and they are as before."
    structs = [{"a": number} for number in range(300)]
    assert column(structs, structs).sentence == told
    for values in ([float(number) for number in range(300)], ["a", "b"] * 150):
        (whole,) = profile_table(pa.table({"x": values}))
        part = replace(whole, edges=(), below=(), upto=(), top=(), other=300)
        (found,) = detect_drift([whole], [part]).columns
        assert (found.sentence, found.severity, found.test) == (told, "none", "")


@pytest.mark.newest
def test_of_two_thousand_columns():
    (profile,) = profile_table(pa.table({"x": normal(300, 0)}))
    many = [replace(profile, name=f"c{number}") for number in range(2000)]
    found = detect_drift(many, many[::-1])
    assert len(found.columns) == 2000 and not found.drifted


def test_numpy_columns_will_do():
    found = detect_drift_exact({"x": normal(500, 0)}, {"x": normal(500, 1, 3.0)})
    assert found.severity == "critical" and found.exact


@given(
    st.lists(st.floats() | st.none(), max_size=40),
    st.lists(st.floats() | st.none(), max_size=40),
)
@settings(max_examples=60)
def test_of_any_numbers(one, other):
    columns = [pa.array(each, pa.float64()) for each in (one, other)]
    near, exact = column(*columns), column(*columns, exact=True)
    assert near.severity == exact.severity
    assert near.statistic == pytest.approx(exact.statistic, abs=1e-12)
    assert near.p_value == pytest.approx(exact.p_value)


@given(
    st.lists(st.sampled_from("abcdefg") | st.none(), max_size=60),
    st.lists(st.sampled_from("abcdefg") | st.none(), max_size=60),
)
@settings(max_examples=40)
def test_of_any_texts(one, other):
    columns = [pa.array(each, pa.string()) for each in (one, other)]
    near, exact = column(*columns), column(*columns, exact=True)
    assert near == exact

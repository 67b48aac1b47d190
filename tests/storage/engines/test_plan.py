"""One plan tells the same of a column in every engine, and what is told of the same rows in memory."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import tempfile
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from nbproof.core.errors import Invalid, Unavailable
from nbproof.stats.gathered import profile_from
from nbproof.stats.profile import ColumnProfile, merge, profile_column, profile_table
from nbproof.storage.engines import plan as module
from nbproof.storage.engines.duck import DuckEngine
from nbproof.storage.engines.plan import Column, Engine, ProfilePlan, gather
from nbproof.storage.engines.postgres import PostgresEngine
from tests.stats.columns import ONE_OF_EACH

MOMENT = dt.datetime(2020, 2, 29, 1, 2, 3, 456789, tzinfo=dt.UTC)
FLOATS = st.floats(width=64) | st.sampled_from([0.0, -0.0, 1.0, 2.5]) | st.none()
SMALL = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0]) | st.none()
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5) | st.none()
FEW_AND_SLOW = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def profiles(engine: Engine, **options: Any) -> list[ColumnProfile]:
    return [profile_from(asdict(each)) for each in gather(engine, **options)]


def without_sketch(profile: ColumnProfile) -> ColumnProfile:
    lengths = profile.lengths and replace(profile.lengths, sketch="")
    return replace(profile, sketch="", lengths=lengths)


def assert_same(found: ColumnProfile, expected: ColumnProfile) -> None:
    """Every figure; sums of floats depend on their order."""
    expected = without_sketch(expected)
    same: dict[str, Any] = {"type": "", "mean": None, "m2": None, "lengths": None}
    assert replace(found, **same) == replace(expected, **same)
    assert_moments(found, expected)
    assert (found.lengths is None) == (expected.lengths is None)
    if found.lengths and expected.lengths:
        assert_same(found.lengths, expected.lengths)
    assert ColumnProfile.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


def assert_moments(found: ColumnProfile, expected: ColumnProfile) -> None:
    assert (found.mean is None) == (expected.mean is None)
    if found.mean is None or found.minimum is None or found.maximum is None:
        return
    scale = max(abs(float(found.minimum)), abs(float(found.maximum)))
    assert found.mean == pytest.approx(expected.mean, rel=1e-12, abs=1e-12 * scale)
    if scale < 1e150:
        assert found.m2 == pytest.approx(expected.m2, rel=1e-9, abs=1e-12 * scale**2)


class Tables:
    """Puts rows into an engine."""

    def __init__(self, url: str | None) -> None:
        self.url = url
        self.engines: list[PostgresEngine] = []

    def __call__(self, table: pa.Table, name: str = "rows") -> Engine:
        if self.url is None:
            return DuckEngine.of_arrow(table)
        self.close()
        with psycopg.connect(self.url) as connection:
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name)))
            columns = [
                sql.Identifier(each.name) + sql.SQL(" " + self.sql_type(each.type)) for each in table.schema
            ]
            connection.execute(
                sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(name), sql.SQL(", ").join(columns))
            )
            marks = sql.SQL(", ").join([sql.Placeholder()] * table.num_columns)
            with connection.cursor() as cursor:
                cursor.executemany(
                    sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier(name), marks),
                    list(zip(*(column.to_pylist() for column in table.columns), strict=True)),
                )
        self.engines.append(PostgresEngine(self.url, name))
        return self.engines[-1]

    @staticmethod
    def sql_type(kind: Any) -> str:
        if pa.types.is_decimal(kind):
            return f"numeric({kind.precision}, {kind.scale})"
        if pa.types.is_list(kind):
            return Tables.sql_type(kind.value_type) + "[]"
        return {
            "bool": "boolean",
            "int8": "smallint",
            "int16": "smallint",
            "int32": "integer",
            "int64": "bigint",
            "float": "real",
            "double": "double precision",
            "string": "text",
            "binary": "bytea",
            "date32[day]": "date",
            "time64[us]": "time",
            "timestamp[us]": "timestamp",
            "timestamp[us, tz=UTC]": "timestamptz",
        }[str(kind)]

    def close(self) -> None:
        while self.engines:
            self.engines.pop().close()


@pytest.fixture(params=["duckdb", "postgres"])
def tables(request):
    made = Tables(request.getfixturevalue("postgres_database") if request.param == "postgres" else None)
    yield made
    made.close()


# ------------------------------------------------------------------------------------- the same everywhere

ODD = {
    'quoted "twice"': pa.array([1.5, None, -0.0, 0.0, math.nan, math.inf, -math.inf, 5e-324, 1e300]),
    "it's 50% off; --": pa.array([2**63 - 1, -(2**63), 2**53 + 1, 2**53, 0, None, 1, 1, 2**63 - 2]),
    "ünï 🙂": pa.array(["ä", "🙂", "", "it's", 'a "b"', None, "\\", "%s", "ä"]),
    "select": pa.array([MOMENT, None, *[MOMENT.replace(year=1968)] * 7], pa.timestamp("us", "UTC")),
    "v": pa.array([-62_135_596_800_000_000, 253_402_300_799_999_999, *[None] * 7]).cast(pa.timestamp("us")),
    "n": pa.array([dt.date(1969, 12, 31), dt.date(2020, 2, 29), None, *[dt.date(1, 1, 1)] * 6]),
    "time": pa.array([dt.time(23, 59, 59, 999999), dt.time(0), *[None] * 7], pa.time64("us")),
    "decimal": pa.array(
        [Decimal("1.10"), Decimal("-2.25"), None, *[Decimal("0.00")] * 6], pa.decimal128(9, 2)
    ),
    "many digits": pa.array(
        [Decimal("1.00000000000000000001"), Decimal("1.00000000000000000002"), *[None] * 7]
    ),
    "truth": pa.array([True, False, None, *[True] * 6]),
    "Truth": pa.array([None] * 9, pa.bool_()),
    "bytes": pa.array([b"", b"\x00\xff", None, *[b"a"] * 6]),
    "real": pa.array([0.1, None, 2.5, *[math.nan] * 6], pa.float32()),
    "small": pa.array([1, 2, 3, *[None] * 6], pa.int16()),
    "list": pa.array([[1, 2], [], None, *[[3]] * 6], pa.list_(pa.int64())),
}


def test_of_columns_of_any_name_and_type(tables):
    table = pa.table(list(ODD.values()), list(ODD))
    found = profiles(tables(table, 'all "of" it\'s'))
    assert [each.name for each in found] == list(ODD)
    for each, expected in zip(found, profile_table(table), strict=True):
        assert_same(each, expected)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_of_few_rows(tables, rows):
    table = pa.table(list(ODD.values()), list(ODD)).slice(0, rows)
    for each, expected in zip(profiles(tables(table)), profile_table(table), strict=True):
        assert_same(each, expected)


@pytest.mark.parametrize(
    "values", [[None], [math.nan, None], [math.inf, -math.inf, math.inf], [math.inf, 1.0], [math.nan, 2.0]]
)
def test_of_what_is_hardly_a_number(tables, values):
    (found,) = profiles(tables(pa.table({"x": pa.array(values, pa.float64())})))
    assert_same(found, profile_column("x", pa.array(values, pa.float64())))


@FEW_AND_SLOW
@given(st.lists(st.tuples(FLOATS, TEXTS, st.integers(-(2**63), 2**63 - 1) | st.none()), max_size=30))
def test_of_any_rows(tables, rows):
    kinds = {"float": pa.float64(), "text": pa.string(), "integer": pa.int64()}
    table = pa.table(
        {
            name: pa.array([row[place] for row in rows], kind)
            for place, (name, kind) in enumerate(kinds.items())
        }
    )
    for found, expected in zip(profiles(tables(table)), profile_table(table), strict=True):
        assert_same(found, expected)


@FEW_AND_SLOW
@given(st.lists(FLOATS, max_size=30) | st.lists(SMALL, max_size=30))
def test_moments_by_the_engine_neither_overflow_nor_lose_digits(tables, values):
    column = pa.array(values, pa.float64())
    (found,) = profiles(tables(pa.table({"x": column})), statistics=["moments"])
    expected = profile_column("x", column)
    assert (found.edges, found.distinct) == ((), expected.distinct)
    assert_moments(found, expected)


def test_a_small_deviation_from_a_large_mean(tables):
    column = pa.array(1e12 + np.arange(5000) / 7)
    (found,) = profiles(tables(pa.table({"x": column})))
    expected = profile_column("x", column)
    assert found.mean == pytest.approx(expected.mean, rel=1e-15)
    assert found.m2 == pytest.approx(expected.m2, rel=1e-9)


def many() -> pa.Table:
    random = np.random.default_rng(0)
    count = 5000
    numbers = random.normal(size=count)
    numbers[:700] = 0.25
    numbers[:5] = [math.nan, math.inf, -math.inf, math.inf, 1e9]
    words = [f"word {number}" for number in random.zipf(1.3, count) % 1500]
    return pa.table(
        {
            "float": pa.array(numbers, mask=random.random(count) < 0.1),
            "real": pa.array(random.random(count).astype(np.float32)),
            "integer": pa.array(random.integers(0, 10**6, count)),
            "large": pa.array(random.integers(-(2**63), 2**63 - 1, count)),
            "moment": pa.array(random.integers(0, 10**15, count)).cast(pa.timestamp("us", "UTC")),
            "day": pa.array(random.integers(0, 4000, count).astype(np.int32)).cast(pa.date32()),
            "decimal": pa.array([Decimal(int(each)) / 100 for each in random.integers(0, 10**6, count)]),
            "words": pa.array(words),
            "texts": pa.array([f"{number:0{number}}" for number in range(count)]),
        }
    )


def test_of_many_values(tables):
    table = many()
    for found, expected in zip(profiles(tables(table)), profile_table(table), strict=True):
        assert len(found.edges) <= 1001 and len(found.top) <= 1000
        if found.top and found.other:  # among those that are equally frequent any may be told
            least = found.top[-1][1]
            assert [each for each in found.top if each[1] > least] == [
                each for each in expected.top if each[1] > least
            ]
            expected = replace(expected, top=found.top)
        assert_same(found, expected)


def test_the_engines_agree_on_long_texts_that_stay_where_they_are(tables):
    texts = ["a" * 4096, "b" * 4097, "b" * 4098, "b" * 4097]
    table = pa.table({"text": texts, "bytes": [each.encode() for each in texts]})
    text, coded = profiles(tables(table))
    digests = [hashlib.md5(each.encode()).hexdigest() for each in texts[1:3]]
    expected = profile_column("text", table["text"])
    assert dict(text.top) == {
        f"{'b' * 200}… (md5 {digests[0]})": 2,
        f"{'b' * 200}… (md5 {digests[1]})": 1,
        next(str(value) for value, _ in expected.top if str(value).startswith("a")): 1,  # came whole
    }
    assert [count for _, count in coded.top] == [2, 1, 1] and f"(md5 {digests[0]})" in str(coded.top[0][0])
    assert_same(replace(text, top=expected.top), expected)


# -------------------------------------------------------------------------------------- what is asked for


class Recorded:
    """An engine that keeps what it was asked and told."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dialect, self.table, self.columns = engine.dialect, engine.table, engine.columns
        self.told: list[tuple[str, Any]] = []

    def run(self, sql: str) -> Any:
        rows = self.engine.run(sql)
        self.told.append((sql, rows))
        return rows


def test_only_aggregates_come_back(tables):
    engine = Recorded(tables(many()))
    gather(engine)
    assert max(len(rows) for _, rows in engine.told) <= 1001


def test_a_statement_has_no_more_than_a_hundred_columns(tables):
    table = pa.table({f"c{number}": [number, None] for number in range(120)})
    engine = Recorded(tables(table))
    found = profiles(engine, statistics=["moments"])
    assert [each.mean for each in found] == list(range(120))
    sizes = [len(rows[0]) for _, rows in engine.told if len(rows[0]) > 1]
    assert sorted(sizes) == [20, 40, 100, 161, 200, 801]


def test_some_columns_and_statistics(tables):
    engine = Recorded(tables(pa.table({"a": ["x"], "b": [2.0], "A": [3]})))
    (b, a) = profiles(engine, columns=["b", "a"], statistics=["values"])
    assert (b.name, b.minimum, a.name, a.top, a.lengths) == ("b", 2.0, "a", (("x", 1),), None)
    assert not any('"A"' in sql or '"c2"' in sql for sql, _ in engine.told)
    with pytest.raises(ValueError, match="no column 'c': expected some of a, b, A"):
        gather(engine, ["c"])
    with pytest.raises(ValueError, match="no statistic 'mode' of columns: expected some of moments, values"):
        gather(engine, statistics=["mode"])  # type: ignore[list-item]  # that is the point


def test_a_table_of_nothing():
    assert gather(DuckEngine.of_arrow(pa.table({}))) == []


def test_a_profile_of_an_engine_is_merged_with_others(tables):
    (found,) = profiles(tables(pa.table({"x": [1.0, 2.0]})))
    both = merge([found, profile_column("x", pa.array([2.0, 3.0]))])
    assert (both.rows, both.distinct, both.mean) == (4, 3, 2.0)


# ------------------------------------------------------------------------------------------------ estimates


def test_points_chosen_by_a_sample_are_exact_all_the_same(monkeypatch):
    monkeypatch.setattr(module, "_FEW", 1000)
    monkeypatch.setattr(module, "_SAMPLE", 4000)
    random = np.random.default_rng(0)
    numbers = np.concatenate([random.normal(size=20_000), np.full(2000, 0.25), [math.nan, math.inf, 1e6]])
    whole = random.integers(-(2**40), 2**40, len(numbers))
    times = pa.array(np.abs(whole)).cast(pa.timestamp("us"))
    engine = Recorded(DuckEngine.of_arrow(pa.table({"x": numbers, "i": whole, "t": times})))
    found = profiles(engine, exact=False)
    assert any("HISTOGRAM" in sql for sql, _ in engine.told)
    for each, values in zip(found, [numbers[np.isfinite(numbers)], whole, np.abs(whole)], strict=True):
        ordered = np.sort(values.astype(np.float64))
        assert 900 < len(each.edges) <= 1003 and each.rank_error == 0 and not each.distinct_exact
        assert each.below == tuple(np.searchsorted(ordered, each.edges, "left"))
        assert each.upto == tuple(np.searchsorted(ordered, each.edges, "right"))
        assert (each.minimum, each.maximum) == (ordered[0], ordered[-1]) == (each.edges[0], each.edges[-1])
        assert max(np.diff(each.below)) < len(ordered) / 200 or 0.25 in each.edges
        assert abs(each.distinct / len(np.unique(ordered)) - 1) < 0.2
        assert each.mean == pytest.approx(values.mean(), rel=1e-9)
        assert each.std == pytest.approx(values.std(ddof=1), rel=1e-9)
    (exact, *_) = profiles(engine, exact=True)
    assert_same(exact, profile_column("x", pa.array(numbers)))


def test_a_short_column_is_counted_though_its_table_be_long(monkeypatch):
    monkeypatch.setattr(module, "EXACT_ROWS", 100)
    table = pa.table({"few": np.arange(1000) % 7})
    (found,) = profiles(DuckEngine.of_arrow(table))
    assert_same(found, profile_column("few", table["few"]))


# -------------------------------------------------------------------------------------------------- sources


def test_files_are_read_by_duckdb(tmp_path):
    table = pa.table({"a": [1, 2, None], 'b "c"': ["x", "it's", None]})
    path = tmp_path / "it's.parquet"
    pyarrow.parquet.write_table(table, path)
    expected = [without_sketch(each) for each in profile_table(table)]
    assert profiles(DuckEngine.of_parquet(path)) == expected
    both = profiles(DuckEngine.of_parquet([path, path]))
    assert [each.rows for each in both] == [6, 6]
    pyarrow.csv.write_csv(table, tmp_path / "rows.csv")
    assert profiles(DuckEngine.of_csv(tmp_path / "rows.csv")) == expected


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(Invalid, match=r"broken\.parquet cannot be read: Invalid"):
        DuckEngine.of_parquet(tmp_path / "broken.parquet")
    with pytest.raises(Invalid, match=r"away\.csv cannot be read: IO Error: No files found"):
        DuckEngine.of_csv(tmp_path / "away.csv")


@pytest.mark.newest  # 1.3 puts less aside
def test_what_does_not_fit_goes_to_a_folder_that_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    numbers = np.random.default_rng(0).permutation(1_500_000)
    pyarrow.parquet.write_table(pa.table({"x": numbers}), tmp_path / "a.parquet", row_group_size=100_000)
    engine = DuckEngine.of_parquet(tmp_path / "a.parquet", memory_bytes=64 << 20, threads=1)
    (found,) = profiles(engine, exact=True)
    assert (found.distinct, found.minimum, found.maximum) == (1_500_000, 0, 1_499_999)
    assert list((tmp_path / "temporary").iterdir())
    del engine
    assert not list((tmp_path / "temporary").iterdir())


def test_too_little_memory_is_told(tmp_path):
    pyarrow.parquet.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    engine = DuckEngine.of_parquet(tmp_path / "a.parquet", memory_bytes=30 << 20, threads=1)
    with pytest.raises(Unavailable, match="may not hold as much memory as it needs: Out of Memory") as told:
        engine.run("SELECT list(range) FROM range(20000000)")
    assert "memory_bytes" in str(told.value)


def test_memory_is_bounded_by_a_setting(tmp_path):
    pyarrow.parquet.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    engine = DuckEngine.of_parquet(tmp_path / "a.parquet", memory_bytes=300 << 20, threads=1)
    ((limit, threads),) = engine.run(
        "SELECT current_setting('memory_limit'), current_setting('threads') FROM nbproof_source"
    )
    assert (limit, threads) == ("300.0 MiB", 1)


def test_a_relation_is_asked_in_its_own_connection():
    import duckdb

    connection = duckdb.connect()
    connection.execute("CREATE TABLE t AS SELECT range AS x FROM range(10)")
    (found,) = profiles(DuckEngine(connection.table("t").filter("x > 4")))
    assert (found.name, found.type, found.minimum, found.rows) == ("x", "int64", 5, 5)


@pytest.mark.parametrize("column", ONE_OF_EACH, ids=lambda each: str(each.type)[:30])
def test_of_any_type_of_arrow(column):
    table = pa.table({"x": column})
    expected = profile_column("x", column)
    kind = str(column.type)
    if kind.startswith("decimal256"):
        with pytest.raises(Invalid, match="column 'x' has the type decimal256"):
            DuckEngine.of_arrow(table)
        return
    (found,) = profiles(DuckEngine.of_arrow(table))
    assert found.type == kind
    if "uuid" in kind:  # told as people write it
        assert found.top == (("61616161-6161-6161-6161-616161616161", 2),)
    elif kind.startswith("dictionary<values=int"):  # numbers all the same
        assert_same(found, profile_column("x", column.cast(pa.int64())))
    else:
        assert_same(found, expected)


def test_nanoseconds_are_rounded_down():
    column = pa.array([-1, -1000, 999, None], pa.timestamp("ns"))
    (found,) = profiles(DuckEngine.of_arrow(pa.table({"x": column})))
    expected = profile_column("x", column)
    assert (found.minimum, found.maximum, found.distinct) == (-1, 0, 3)
    assert (found.edges, found.below, found.upto) == (expected.edges, expected.below, expected.upto)


class TestPostgres:
    def test_days_without_end_are_infinite(self, postgres_database):
        with psycopg.connect(postgres_database) as connection:
            connection.execute("CREATE TABLE t (day date, moment timestamptz)")
            connection.execute(
                "INSERT INTO t VALUES ('infinity', '-infinity'), ('1970-01-02', '1970-01-02+00')"
            )
        with PostgresEngine(postgres_database, "t") as engine:
            for each in profiles(engine):
                assert (each.infinities, each.minimum, each.maximum) == (1, 86_400_000_000, 86_400_000_000)
                assert (each.rows, each.distinct, each.other) == (2, 2, 1)

    def test_types_of_its_own_are_what_they_read_like(self, postgres_database):
        with psycopg.connect(postgres_database) as connection:
            connection.execute("CREATE TYPE mood AS ENUM ('sad', 'glad')")
            connection.execute("CREATE TABLE t (m mood, u uuid, j json, c char(3), k numeric, i interval)")
            connection.execute(
                "INSERT INTO t VALUES ('glad', '00000000-0000-0000-0000-000000000001', '{}', 'a', 'NaN', '1')"
            )
        with PostgresEngine(postgres_database, "t") as engine:
            mood, uuid, json_, char, number, interval = profiles(engine)
        assert (mood.top, uuid.top) == ((("glad", 1),), (("00000000-0000-0000-0000-000000000001", 1),))
        assert (json_.kind, json_.distinct, interval.kind, interval.distinct) == ("nested", 1, "nested", 1)
        assert (char.kind, number.kind, number.type, number.nans) == ("categorical", "numeric", "decimal", 1)

    def test_a_schema_may_be_named(self, postgres_database):
        with psycopg.connect(postgres_database) as connection:
            connection.execute('CREATE SCHEMA "o\'dd"')
            connection.execute('CREATE TABLE "o\'dd"."T" (x int)')
        with PostgresEngine(postgres_database, "T", "o'dd") as engine:
            assert [each.rows for each in profiles(engine)] == [0]

    def test_all_statements_see_the_same_rows_and_none_writes(self, postgres_database):
        with psycopg.connect(postgres_database) as connection:
            connection.execute("CREATE TABLE t (x int)")
        with PostgresEngine(postgres_database, "t") as engine:
            with psycopg.connect(postgres_database) as connection:
                connection.execute("INSERT INTO t VALUES (1)")
            assert [each.rows for each in gather(engine)] == [0]
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                engine.run("DELETE FROM t RETURNING x")

    def test_what_cannot_be_read_is_told(self, postgres_database):
        with pytest.raises(
            Unavailable, match='the table nothing cannot be read: relation "nothing" does not'
        ):
            PostgresEngine(postgres_database, "nothing")
        with pytest.raises(Unavailable, match="cannot be reached") as told:
            PostgresEngine("postgresql://nobody:secret@localhost:1/none", "t")
        assert "secret" not in str(told.value)


# ---------------------------------------------------------------------------------------------- other engines


def test_the_plan_is_told_in_the_words_of_spark():
    from sqlglot import parse_one

    columns = [
        Column('we"ird `x`', "float", "double"),
        Column("when", "timestamp", "timestamp[us]"),
        Column("word", "text", "string"),
        Column("raw", "bytes", "binary"),
    ]
    plan = ProfilePlan(["lake", "sales"], columns, dialect="spark")
    statements = [
        plan.counts(columns),
        plan.values(columns[0], 10**6),
        plan.values(columns[1], 10),
        plan.top(columns[2]),
        plan.top(columns[3]),
        plan.distinct(columns[2]),
        plan.sums([(columns[0], 1.0)]),
        plan.deviations([(columns[0], 2.0, 1.0)]),
    ]
    for each in statements:
        assert "FROM `lake`.`sales`" in each and '"' not in each.replace('we"ird', "")
        assert parse_one(each, read="spark").sql(dialect="spark", identify=True) == each
    assert '`we"ird ``x```' in statements[0] and "UNIX_MICROS(CAST(`when` AS TIMESTAMP))" in statements[0]
    assert "`points` <= 1001 OR" in statements[1] and "LIMIT 1000" in statements[3]
    assert "HEX(" in statements[4]
    assert statements[5] == "SELECT COUNT(DISTINCT `word`) FROM `lake`.`sales`"

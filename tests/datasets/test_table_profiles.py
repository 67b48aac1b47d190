"""Tables that stay in PostgreSQL or DuckDB: their figures are those of the same rows in memory."""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import psycopg
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from nbproof.core.errors import Invalid, NotFound, Unavailable
from nbproof.datasets.statistics import statistics_of
from nbproof.datasets.summaries import summary_of
from nbproof.stats.profile import profile_table
from nbproof.storage.engines.postgres import PostgresEngine

ROWS = 5_000
TYPES = {
    "price": "double precision", "age": "bigint", "city": "text", "paid": "boolean", "day": "timestamp"
}  # fmt: skip


def rows(shift=0.0, scale=1.0):
    chance = np.random.default_rng(3)
    price = chance.normal(100 + shift, 10, ROWS) * scale
    return pa.table(
        {
            "price": pa.array(price, mask=chance.random(ROWS) < 0.02),
            "age": chance.integers(18, 90, ROWS),
            "city": chance.choice(["Oslo", "Rome", 'Bonn "x"'], ROWS),
            "paid": chance.random(ROWS) < 0.3,
            "day": pa.array(
                [
                    dt.datetime(2026, 1, 1)  # noqa: DTZ001 - without a zone, as a column of timestamps has it
                    + dt.timedelta(hours=int(hour))
                    for hour in chance.integers(0, 900, ROWS)
                ]
            ),
        }
    )


@pytest.fixture
def shop(postgres_database):
    """A PostgreSQL database with the rows in two tables: as they were, and a thousandfold."""
    with psycopg.connect(postgres_database) as connection, connection.cursor() as cursor:
        cursor.execute('CREATE SCHEMA "the shop"')
        for name, table in (("Orders", rows()), ("Cents", rows(scale=1000))):
            columns = ", ".join(f'"{column}" {kind}' for column, kind in TYPES.items())
            cursor.execute(f'CREATE TABLE "the shop"."{name}" ({columns})')
            with cursor.copy(f'COPY "the shop"."{name}" FROM STDIN') as copy:
                for row in table.to_pylist():
                    copy.write_row(tuple(row.values()))
    return postgres_database


@pytest.fixture
def version(datasets):
    return datasets.register_dataset(rows(), "orders")


@pytest.fixture(params=["PostgreSQL", "DuckDB"])
def there(request, datasets):
    """The profiles of both tables where they are."""
    if request.param == "PostgreSQL":
        url = request.getfixturevalue("shop")
        return [datasets.profile_table(url, f"the shop.{name}") for name in ("Orders", "Cents")]
    return [datasets.profile_table(duckdb.from_arrow(table)) for table in (rows(), rows(scale=1000))]


def test_the_figures_are_those_of_the_rows_in_memory(there):
    here = statistics_of(profile_table(rows()))
    found = there[0].statistics

    assert there[0].rows == len(there[0]) == ROWS
    exact = ["type", "rows", "missing", "distinct", "min", "25%", "median", "75%", "max", "most frequent"]
    assert_frame_equal(found[exact], here[exact], check_exact=True)
    assert_frame_equal(found[["mean", "std"]], here[["mean", "std"]], rtol=1e-12)
    bars = [each.bars for each in there[0].columns.columns]
    assert bars == [summary_of(each).bars for each in profile_table(rows())]


def test_a_version_is_compared_with_a_live_table(datasets, version, there):
    same, thousandfold = (datasets.detect_drift("orders@v1", each) for each in there)

    assert (same.severity, same.reference_id, same.current_id) == ("none", version.id, None)
    assert thousandfold.severity == "critical"
    assert "has the unit changed?" in thousandfold.column("price").sentence
    assert [each.name for each in thousandfold.drifted] == ["price"]
    here = datasets.detect_drift("orders@v1", rows(scale=1000))
    assert thousandfold.column("price").effects == pytest.approx(here.column("price").effects, rel=1e-9)
    assert datasets.drift_reports.get_drift_report(thousandfold.id).current == there[1].name


def test_two_live_tables_are_compared_with_each_other_and_some_columns_only(datasets, there):
    report = datasets.detect_drift(*there, columns=["price", "city"])

    assert [each.name for each in report.columns] == ["price", "city"]
    assert report.severity == "critical"


def test_only_aggregates_leave_the_database(datasets, version, shop, monkeypatch):
    counts = []
    run = PostgresEngine.run

    def counted(self, sql):
        found = run(self, sql)
        counts.append(len(found))
        return found

    monkeypatch.setattr(PostgresEngine, "run", counted)
    datasets.detect_drift("orders@v1", datasets.profile_table(shop, "the shop.Orders"))

    assert counts and max(counts) <= 1001


def test_the_profile_is_of_the_moment_and_the_table_may_go_on(datasets, version, shop):
    before = datasets.profile_table(shop, "the shop.Orders", columns=["price"])
    with psycopg.connect(shop) as connection:
        connection.execute('UPDATE "the shop"."Orders" SET price = price + 500')

    after = datasets.profile_table(shop, "the shop.Orders", columns=["price"])

    assert datasets.detect_drift("orders", before, columns=["price"]).severity == "none"
    assert datasets.detect_drift("orders", after, columns=["price"]).severity == "critical"


def test_a_relation_is_compared_as_it_is_and_its_rows_are_read_for_exactness(datasets, version):
    relation = duckdb.from_arrow(rows())

    assert datasets.detect_drift("orders", relation).severity == "none"
    report = datasets.detect_drift("orders", duckdb.from_arrow(rows(shift=50)), exact=True)
    assert report.exact and report.together is not None and report.column("price").severity == "critical"


def test_it_shows_itself_without_secrets(datasets, shop):
    told = datasets.profile_table(shop, "the shop.Orders", columns=["price"])

    assert str(told).startswith("the shop.Orders of postgresql://")
    assert str(told).endswith(": 5,000 rows, 1 column")
    assert "<table" in told._repr_html_()
    assert "nbproof@" not in f"{told!r} {told.place}"


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda d, url: d.profile_table(url), Invalid, "which table of the database"),
        (lambda d, url: d.profile_table(url, "a.b.c"), Invalid, "'a.b.c' is no name of a table"),
        (lambda d, url: d.profile_table(url, ""), Invalid, "'' is no name of a table"),
        (lambda d, url: d.profile_table(url, "the shop.Oders"), Unavailable, "the shop.Oders cannot be read"),
        (lambda d, url: d.profile_table("mysql://x/y", "t"), Invalid, "in PostgreSQL, not in mysql"),
        (lambda d, url: d.profile_table("://", "t"), Invalid, "no address of a database"),
        (lambda d, url: d.profile_table(rows()), Invalid, "is no table that can be"),
        (lambda d, url: d.profile_table(url, "the shop.Orders", columns=["prise"]), NotFound, "'prise'"),
        (lambda d, url: d.profile_table(duckdb.sql("SELECT 1"), "t"), Invalid, "is a table already"),
        (
            lambda d, url: d.detect_drift(rows(), d.profile_table(url, "the shop.Orders"), exact=True),
            Invalid,
            "the rows of the shop.Orders stay where they are",
        ),
        (
            lambda d, url: d.check_leakage(rows(), d.profile_table(url, "the shop.Orders")),
            Invalid,
            "the rows of the shop.Orders stay where they are",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_told(datasets, shop, ask, error, message):
    with pytest.raises(error, match=message) as caught:
        ask(datasets, shop)
    assert caught.value.hint


def test_a_database_that_is_away_is_told_without_its_password(datasets):
    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        datasets.profile_table("postgresql://ann:secret@localhost:1/none", "t")
    assert "secret" not in f"{caught.value} {caught.value.hint} {caught.value.details}"


def test_a_table_without_columns_and_one_without_rows(datasets, postgres_database):
    with psycopg.connect(postgres_database) as connection:
        connection.execute("CREATE TABLE nothing ()")
        connection.execute("CREATE TABLE empty (x int)")

    assert datasets.profile_table(postgres_database, "empty").rows == 0
    with pytest.raises(Invalid, match="nothing has no columns"):
        datasets.profile_table(postgres_database, "nothing")

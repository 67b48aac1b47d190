"""The search language: what it reads, what it finds, and what it says about the rest."""

import contextlib
import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nbproof.core.clock import FixedClock, microseconds_of
from nbproof.core.errors import Conflict, Invalid
from nbproof.core.ids import new_id
from nbproof.storage.database import open_database
from nbproof.storage.journal.process import this_process
from nbproof.storage.journal.reader import Batch, Cursor, WriterInfo
from nbproof.tracking.points import RECORD
from nbproof.tracking.query import And, Comparison, Field, Moment, Number, Order, Text, parse
from nbproof.tracking.repository import RunRepository, TrackingApplier

# Name: metrics, params, tags, seconds it took (None: still running).
RUNS: dict[str, tuple[dict[str, float], dict[str, object], dict[str, str], int | None]] = {
    "a": ({"auc": 0.9, "val loss": 1.0}, {"depth": 3, "model": "xgb", "on": True}, {"team": "blue"}, 10),
    "b": (
        {"auc": 0.8, "val loss": math.nan},
        {"depth": 10, "model": "lgbm", "on": False},
        {"team": "red"},
        100,
    ),
    "c": ({"auc": 0.7}, {"depth": "3", "model": "XGB"}, {}, 1000),
    "d": ({"val loss": math.inf}, {"model": "50%_*?[x]"}, {"team": "Blue"}, None),
    "e": ({"auc": -math.inf}, {"depth": 2**60 + 1, "none": None, "list": [1, 2]}, {}, 86400),
}


def fill(database, clock):
    """The runs above, a day apart, the last one starting at the clock's time."""
    events: list[dict[str, object]] = []
    points: list[tuple[int, int, int, int, float]] = []
    seq = 0
    for place, name in enumerate(RUNS):
        metrics, params, tags, seconds = RUNS[name]
        run, time = new_id(), clock.now_us() - (len(RUNS) - 1 - place) * 86_400_000_000
        seq += 10
        start: dict[str, object] = {
            "experiment": {"id": new_id(), "name": "delays" if name < "d" else "other"},
            "name": name,
        }
        if name == "a":
            start["notes"] = "A *fine* run."
        start |= {"params": params, "tags": tags, "host": "lab", "user": "ada", "detached": True}
        events.append({"seq": seq, "kind": "run.start", "time": time, "run": run, **start})
        if name in "abc":
            git = {"commit": f"c0ffee{place}", "branch": "main", "dirty": name != "b"}
            events.append({"seq": seq + 1, "kind": "run.provenance", "time": time, "run": run, "git": git})
        if seconds is not None:
            events.append(
                {
                    "seq": seq + 1,
                    "kind": "run.end",
                    "time": time + seconds * 1_000_000,
                    "run": run,
                    "status": "finished",
                }
            )
        for key, value in metrics.items():
            events.append(
                {
                    "seq": seq + 2,
                    "kind": "series",
                    "time": time,
                    "series": len(points),
                    "run": run,
                    "key": key,
                }
            )
            points.append((len(points), seq + 3, 0, time, value))
    raw = np.array([(*point, 0) for point in points], RECORD).tobytes()
    batch = Batch(WriterInfo(new_id(), this_process(), "0.1.0", 0), 0, 10**6, events, raw, 0, Cursor())
    with contextlib.suppress(Conflict):  # filled a second time
        RunRepository(database).create_experiment(
            new_id(), "delays", description="How late?", tags={"area": "air", 'ü "x"': "y"}, created_us=0
        )
    with database.begin() as connection:
        list(TrackingApplier(clock).apply(connection, batch))


@pytest.fixture
def records(database_url, clock):
    with open_database(database_url) as database:
        fill(database, clock)
        yield RunRepository(database, clock=clock)


FOUND = {
    "": "edcba",
    "metrics.auc > 0.75": "ba",
    "metrics.auc >= 0.9": "a",
    "metrics.auc = 0.8": "b",
    "metrics.auc != 0.8": "eca",
    "metrics.auc < 0.75": "ec",
    "metrics.auc = -inf": "e",
    "metrics.auc > -inf": "cba",
    "not metrics.auc > -inf": "ed",
    'metrics."val loss" = nan': "b",
    "metrics.`val loss` != nan": "da",
    "metrics.`val loss` > 5": "d",
    "metrics.auc is null": "d",
    "metrics.auc is not null": "ecba",
    "params.depth > 2": "eba",
    "params.depth >= 3 and params.depth < 4": "a",
    "params.depth = 3": "a",
    'params.depth = "3"': "ca",
    "params.depth != 3": "eb",
    "not params.depth = 3": "edcb",
    f"params.depth = {2**60 + 1}": "e",
    f"params.depth = {2**60}": "",
    "params.on = true": "a",
    "params.on != true": "b",
    'params.model = "xgb"': "a",
    "params.model = 'xgb'": "a",
    'params.model like "%g%"': "ba",
    'params.model ilike "xgb"': "ca",
    'params.model like "50\\%%"': "",
    'params.model like "__%_*?[x]"': "d",
    'params.model like "50%?[x]"': "d",
    'params.model not like "%g%"': "edc",
    'params.model in ("xgb", "lgbm")': "ba",
    "params.depth in (3, 10)": "ba",
    "params.depth not in (3, 10)": "edc",
    'params.list = "[1, 2]"': "e",
    "params.none is not null": "e",
    'tags.team = "blue"': "a",
    'tags.team != "blue"': "db",
    'tags.team > "b"': "ba",
    "tags.team is null": "ec",
    'name = "a" or name = "c"': "ca",
    'name > "b" and (status = "running" or duration > 20000)': "ed",
    'status = "running"': "d",
    "STATUS != 'running' AND Metrics.auc IS NULL": "",
    'experiment = "other"': "ed",
    'host = "lab" and user = "ada"': "edcba",
    "parent is null and notes is null": "edcb",
    "ended is null": "d",
    "duration > 1m": "edcb",
    "duration <= 10": "a",
    "started > -25h": "ed",
    "started <= -2d": "cba",
    "started = 2026-01-01": "d",
    "started != 2026-01-01": "ecba",
    "started > 2026-01-01": "e",
    "started >= 2026-01-01": "ed",
    "started < 2026-01-01T03:04:05Z": "cba",
    'started <= "2026-01-01T04:04:05+01:00"': "dcba",
    "order by name": "abcde",
    "order by name desc": "edcba",
    "order by metrics.auc": "ecbad",
    "order by metrics.auc desc": "abced",
    "order by metrics.`val loss`": "adbec",
    "order by metrics.`val loss` desc, name": "dabce",
    "order by params.depth": "abecd",
    "order by params.depth desc": "ebacd",
    "order by tags.team, name desc": "dabec",
    "order by duration desc": "edcba",
    "order by experiment, started": "abcde",
    "order by ended": "abced",
    "metrics.auc > 0 order by metrics.auc desc": "abc",
    # Regular expressions.
    'params.model ~ "g"': "ba",
    'params.model !~ "g"': "edc",
    'tags.team ~ "(?i)^bl" and not name ~ "d$"': "a",
    'params.model ~ "[?]\\[x\\]$"': "d",
    'experiment ~ "^(delays|nothing)$"': "cba",
    # A field alone.
    "params.on": "a",
    "not params.on": "edcb",
    "tags.team and metrics.auc": "ba",
    "ended order by name": "abce",
    "params.none": "",
    "git.dirty": "ca",
    "git.dirty = false": "b",
    "git.dirty != false": "ca",
    "git.dirty is null": "ed",
    'git.branch = "main" order by git.commit': "abc",
    # Other figures of a metric.
    "min(metrics.auc) < 0.75": "ec",
    "max(metrics.`val loss`) = inf": "d",
    "count(metrics.auc) = 1 and step(metrics.auc) <= 0": "ecba",
    "best(metrics.auc) > 0.75 order by best(metrics.auc)": "ba",
    "last(metrics.auc) = 0.8": "b",
    "order by min(metrics.auc) desc": "abced",
    # Words.
    '"XGB"': "ca",
    '"lgbm red"': "b",
    '"50%"': "d",
    '"fine"': "a",
    "name = 'b' or 'nothing like it'": "b",
    # The experiment.
    'experiment.description like "How%"': "cba",
    'experiment.tags.area = "air"': "cba",
    "not experiment.tags.area": "ed",
    "experiment.tags.area is null order by experiment.tags.area": "ed",
    "order by experiment.tags.area desc, name": "abcde",
    "experiment.created >= 1970-01-02": "ed",
    # As MLflow writes it.
    "attributes.status = 'FINISHED' and metric.auc > 0.75": "ba",
    "attributes.run_name = 'a' OR run.`name` LIKE 'b%'": "ba",
    "attribute.start_time >= 1767225600000 and parameters.depth = '2'": "",
    "start_time < 1767225600000": "cba",
    "params.model ILIKE 'xg%' AND tags.team IN ('blue', 'red')": "a",
    "tag.`team` != 'blue' order by attributes.end_time desc": "bd",
}


@pytest.fixture(scope="module")
def sqlite_records(tmp_path_factory):
    clock = FixedClock("2026-01-02T03:04:05Z")
    with open_database(tmp_path_factory.mktemp("query") / "meta.db") as database:
        fill(database, clock)
        yield RunRepository(database, clock=clock)


def names(page):
    return "".join(run.name for run in page.items)


def test_searches_find_what_they_say(records):
    found = {query: names(records.search(query)) for query in FOUND}

    assert found == FOUND


def test_pages_of_a_search_join_without_gap_or_overlap(records):
    for query, whole in FOUND.items():
        parts, after = "", None
        for _ in range(10):
            page = records.search(query, limit=2, after=after)
            parts += names(page)
            after = page.next
            if after is None:
                break
        assert parts == whole, query


def test_pages_go_on_where_they_ended_while_runs_are_added(database_url, clock):
    with open_database(database_url) as database:
        fill(database, clock)
        records = RunRepository(database, clock=clock)
        for query in ("order by metrics.auc desc", "order by params.depth", "order by name", ""):
            before = {run.id for run in records.search(query).items}
            seen, after = [], None
            while True:
                page = records.search(query, limit=2, after=after)
                seen += [run.id for run in page.items]
                after = page.next
                if after is None:
                    break
                if len(seen) < 6:
                    fill(database, clock)  # the same values again: every place is tied
            assert len(seen) == len(set(seen)), query
            assert before <= set(seen), query


def test_a_search_can_be_kept_to_one_experiment(records):
    within = records.get_experiment("delays").id

    assert names(records.search("metrics.auc > -inf order by name", experiment=within)) == "abc"


def test_a_cursor_of_another_search_is_refused(records):
    after = records.search("order by name", limit=1).next

    with pytest.raises(Invalid, match="page"):
        records.search("order by metrics.auc", after=after)


def test_the_tree_says_what_was_written():
    query = parse('metrics.auc > 0.9 AND params."a ""b""" = \'it\'\'s\' ORDER BY started DESC, metrics.3d/x')

    assert query.where == And(
        (
            Comparison(Field("metrics", "auc"), ">", Number(0.9, "0.9")),
            Comparison(Field("params", 'a "b"'), "=", Text("it's")),
        )
    )
    assert query.order == (Order(Field("run", "started"), True), Order(Field("metrics", "3d/x"), False))


def test_a_day_is_a_span_and_an_instant_is_not():
    day = parse("started = 2026-01-02").where
    instant = parse("started = 2026-01-02T00:00:00Z").where

    assert isinstance(day, Comparison)
    assert isinstance(instant, Comparison)
    assert isinstance(day.value, Moment)
    assert isinstance(instant.value, Moment)
    assert day.value.to_us - day.value.from_us == 86_400_000_000
    assert instant.value.to_us - instant.value.from_us == 1
    assert instant.value.from_us == microseconds_of(datetime(2026, 1, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("query", "column", "expected", "hint"),
    [
        ("metrics.auc >", 14, "a value", None),
        ("metrics.auc 3", 13, "one of = !=", None),
        ("metrics", 8, "a dot and a name", None),
        ("metrics.", 9, "the name", None),
        ("metrics.auc > 'x'", 15, "a number", None),
        ("metrics.auc > 1 metrics.b > 2", 17, '"and"', 'join conditions by "and"'),
        ("metrix.auc > 1", 1, "metrics., params. or tags.", "did you mean 'metrics'?"),
        ("statu = 'running'", 1, "an attribute of the run", "did you mean 'status'?"),
        ("min(loss) > 3", 5, "a metric: min(metrics.NAME)", "did you mean min(metrics.loss)?"),
        ("status = 'runing'", 10, "a status", None),
        ("name = xgb", 8, "a value", 'text needs quotes: "xgb"'),
        ("name = 5", 8, "text in quotes", None),
        ('name = "x', 8, "a value", "has no end"),
        ('params."x = 1', 8, "the closing quote", None),
        ("name ~ 'a(b'", 12, "the closing parenthesis of position 2", None),
        ("name !~ 'it''s*{2}'", 16, "one number of times", None),
        ('name ~ "\\q"', 9, "one of \\d", None),
        ("metrics.auc ~ 'x'", 13, "not text", None),
        ("min(params.x) > 3", 5, "a metric: min(metrics.NAME)", None),
        ("git.comit = 'x'", 1, "one of git.remote, git.commit", "did you mean 'git.commit'?"),
        ("git.dirty = 1", 13, "true or false", None),
        ("dataset = 5", 11, "a dataset in quotes", None),
        ("dataset = sales", 11, "a value", 'text needs quotes: "sales"'),
        ('dataset > "sales"', 9, "datasets have no order", None),
        ('dataset.name = "sales"', 1, "an operator after dataset", 'dataset = "sales@v3"'),
        ("order by dataset", 10, "a field to order by", None),
        ("datset = 'sales'", 1, "a field", "did you mean 'dataset'?"),
        ("@lost and name = 'x'", 1, "the name of a saved search", "searches save"),
        ("started > 2026", 11, "a date", None),
        ("status = 'SCHEDULED'", 10, "a status", None),
        ("''", 1, "1 to 50 words", None),
        ("params.on > true", 13, "true and false have no order", None),
        ("started > 7d", 11, "with a minus", None),
        ("started > 2026-13-01", 11, "a date", None),
        ("duration > 'x'", 12, "a duration", None),
        ("metrics.auc like 'x'", 13, "not text", None),
        ("(name = 'x'", 12, '")"', None),
        ("name in ('x'", 13, '")"', None),
        ("name is 5", 9, '"null"', None),
        ("name not 5", 10, '"like"', None),
        ("order name", 7, '"by"', None),
        ("order by", 9, "a field", None),
        ("order by name up", 15, '","', None),
        ("'auc' > 1", 1, "a field", None),
        ("§", 1, "a field", None),
    ],
)
def test_what_cannot_be_read_is_told_by_column(query, column, expected, hint):
    with pytest.raises(Invalid) as caught:
        parse(query)

    assert caught.value.details["column"] == column
    assert expected in caught.value.details["expected"]
    assert f"column {column} of the search" in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    "query",
    [
        "x" * 10_001,
        " and ".join(["name = 'x'"] * 51),
        "order by " + ", ".join(["name"] * 51),
        "(" * 40 + "name = 'x'" + ")" * 40,
        "not " * 1000 + "name = 'x'",
        f"name in ({', '.join(['1'] * 2000)})",
        "params.x in (" + ", ".join(["1"] * 1500) + ")",
    ],
)
def test_searches_beyond_every_measure_are_invalid(query):
    with pytest.raises(Invalid):
        parse(query)


WORDS = (
    "metrics. params. tags. metrics.auc params.depth params.model tags.team name status started ended "
    "duration id experiment and or not in like ilike is null order by asc desc true false nan inf ( ) , "
    "= != > >= < <= ~ . ! 0 1 -3 1e999 9223372036854775808 -7d 5m 99999999999999w 2026-01-02 0000-00-00 "
    "9999-12-31 2026-01-02T03:04:05Z 'x' \"x\" `x` ' \" ` % \\ \0 \ud800 🎈 '\0' '\ud800' '%_*?[' "
    "metrics.`\0` params.'\ud800' '9999-12-31' '0001-01-01T00:00:00+23:59' !~ '(' '^x' '[a-' @ @x @'x' "
    "min( max(metrics.auc) count( git. git.dirty experiment. experiment.tags.area attributes.status run. "
    "'FINISHED' 1767225600000 'a b' notes"
).split(" ")


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join), st.text(max_size=60)))
@example("started > -99999999999999w")
@example("metrics.auc = 1e999 or params.depth = " + "9" * 400)
@example("started = '0001-01-01T00:00:00+23:59' order by started")
@example("name like '" + "%" * 200 + "'")
def test_any_text_is_answered_or_invalid(sqlite_records, text):
    with contextlib.suppress(Invalid):
        sqlite_records.search(text)


def test_odd_but_valid_searches_are_answered_by_both_databases(records):
    for query in (
        "started > -99999999999999w",
        "metrics.auc = 1e999 or params.depth = " + "9" * 400,
        "started = '0001-01-01T00:00:00+23:59' order by started",
        "started < 9999-12-31",
        "name = '\0' or params.'\ud800' = '\ud800' or metrics.`\0` > 1",
        "name like '" + "%" * 200 + "\\'",
        "duration < inf order by duration desc, id, status, host, user, parent, notes, ended",
        "params.depth in (1, 'x', true, nan) or tags.team in ('a')",
        " and ".join(f"metrics.m{number} is null" for number in range(50)),
        "not " * 30 + "name = 'x'",
        "max(metrics.auc) > inf or min(metrics.auc) <= nan",
        "count(metrics.auc) < -inf or step(metrics.a) = 1e300",
        "count(metrics.auc) = 99999999999999999999 or step(metrics.auc) != 9223372036854775807",
        "name ~ '[^\0\ud800]' or notes !~ '\U0001f388+' or params.x ~ '^$|[]-]|\\\\'",
        "experiment.tags.`\0` = '\ud800' order by experiment.tags.x, git.dirty desc, duration",
        "'\0 \ud800 %' or '" + " ".join("abcdefghij") + "'",
        "name ~ '" + "(a|b)*" * 30 + "'",
        "notes ~ '" + "(.*)*" * 8 + "x$'",
    ):
        records.search(query)


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("auc > 0.9", "did you mean metrics.auc?"),
        ("name = 'a' and acu > 0.9", "did you mean metrics.auc?"),
        ("model = 'xgb'", "did you mean params.model?"),
        ("team = 'blue'", "did you mean tags.team?"),
        ("statsu = 'running'", "did you mean status?"),
        ("order by val_loss", 'did you mean metrics."val loss"?'),
        ("lss > 0.9", "a metric is written metrics.lss, a param params.lss, a tag tags.lss"),
    ],
)
def test_a_bare_name_is_told_how_it_is_written_in_this_workspace(records, query, hint):
    with pytest.raises(Invalid) as told:
        records.search(query)
    assert told.value.hint == hint
    with pytest.raises(Invalid) as told:
        records.check_search(query, "saved")
    assert told.value.hint == hint


@pytest.mark.parametrize("name", ["auc", "loss", "learning_rate", "val.loss"])
def test_a_bare_name_is_told_how_a_metric_and_a_param_are_written(name):
    with pytest.raises(Invalid) as told:
        parse(f"{name} > 0.9")
    assert f"metrics.{name}, a param params.{name}" in (told.value.hint or "")

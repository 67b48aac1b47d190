"""Random searches over random runs: both databases answer as a few lines of Python do.

Each search is made as text together with what it means, a Python function of a run; neither parser nor
compiler takes part in the meaning.  What has no meaning here (any field with any operator, any text) is asked
of both databases, which have to say the same.  `make soak` asks 20,000 searches of each kind.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from nbproof.core.clock import FixedClock
from nbproof.core.errors import Invalid
from nbproof.core.ids import new_id
from nbproof.datasets.domain import NewVersion
from nbproof.datasets.repository import DatasetRepository
from nbproof.lineage.domain import Edge, Node
from nbproof.lineage.repository import LineageRepository
from nbproof.storage.database import open_database
from nbproof.storage.journal.process import this_process
from nbproof.storage.journal.reader import Batch, Cursor, WriterInfo
from nbproof.tracking.environment import environment_hash
from nbproof.tracking.points import RECORD
from nbproof.tracking.query import ATTRIBUTES, field_of, kind_of
from nbproof.tracking.repository import RunRepository, TrackingApplier

NOW = FixedClock("2026-03-01T12:00:00Z")
DAY = 86_400_000_000
SECOND = 1_000_000
NUMBERS = (-math.inf, -1.5, 0.0, 0.25, 1.0, 2.0, math.inf, math.nan)
TEXTS = ("xgb", "XGB", "xg%", "forest", "", "no", "3", "ünï_code", "a b", 'it\'s "x"')
PARAMS: tuple[Any, ...] = (*TEXTS, 0, 3, 2.5, True, False, None, [1, 2], 2**60 + 1)
ENVIRONMENTS: tuple[dict[str, Any] | None, ...] = (
    None,
    {
        "python": "3.9.1",
        "packages": {"scikit-learn": "1.10.0", "torch": "2.3.0+cu121"},
        "cpu": "AMD",
        "cpu_count": 4,
    },
    {"python": "3.11.7", "packages": {"scikit-learn": "1.9"}, "cpu": None, "memory_bytes": 16 << 30},
    {
        "python": "3.13.0",
        "packages": {"scikit-learn": "1.5rc1", "torch": "nightly"},
        "cpu": "Intel",
        "cpu_count": 64,
    },
)
VERSIONS = ("1.9", "1.10", "1.5", "2.3.0", "2.3.0+cu121", "3.9", "3.11.7")
PATTERNS = (
    "g",
    "^x",
    "(?i)^XG",
    "[0-9]$",
    "^$",
    "o.e|b$",
    r"^\w+$",
    "x{1,2}g?",
    "ï",
    r"\bx",
    r"e\b",
    r"\B[gï]",
    r"\x67\b|\A3\Z",
)
# Each with its digest; one content is two versions.  Deleted is what nobody can resolve, but did use.
VERSIONS_OF_DATA = {
    "sales@v1": "aaaaaa11" + "0" * 56,
    "sales@v2": "bbbbbb22" + "0" * 56,
    "sales@v3": "aaaaaa11" + "0" * 56,
    "Sales/eu_a b@v1": "cccccc33" + "0" * 56,
    "tr%ps@v1": "dddddd44" + "0" * 56,
}
ALIASES = {"sales@prod": "sales@v2"}
UNUSED = "unused@v1"
DATASETS_MEANT = (
    *VERSIONS_OF_DATA,
    *ALIASES,
    UNUSED,
    "sales",
    "unused",
    "sales@latest",
    "aaaaaa",
    "bbbbbb",
    "cccccc33",
)
LIKES = ("x%", "%g%", "%", "_", "X__", "%o_e%", "xg%", "")
WORDS = ("xgb", "xgb forest", "night", "SMALL", "%", "_", "ï", "blue no")


@dataclass
class Known:
    """A run, as this test made it."""

    id: str
    name: str
    experiment: str
    started: int
    status: str
    ended: int | None
    notes: str | None
    dirty: bool | None
    environment: dict[str, Any] | None = None
    params: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    datasets: set[str] = field(default_factory=set)  # "sales@v1"


def make_runs() -> list[Known]:
    chance = random.Random(11)
    runs = []
    for number in range(70):
        started = NOW.now_us() - chance.choice((0, 1, 1, 2, 5, 9)) * DAY  # many at the same instant
        ended = None if chance.random() < 0.2 else started + chance.choice((0, 5, 600, 7200)) * SECOND
        run = Known(
            id=new_id(),
            name=chance.choice(("small", "night run", "xgb_1", "r")) + chance.choice(("", "", str(number))),
            experiment=chance.choice(("churn", "price")),
            started=started,
            status="running" if ended is None else chance.choice(("finished", "failed")),
            ended=ended,
            notes=chance.choice((None, "", "A small *night*", "xgb, 100%")),
            dirty=chance.choice((None, True, False)),
            environment=chance.choice(ENVIRONMENTS),
        )
        for key in ("p", "q"):
            if chance.random() < 0.8:
                run.params[key] = chance.choice(PARAMS)
        for key in ("t", "owner"):
            if chance.random() < 0.7:
                run.tags[key] = chance.choice(TEXTS)
        for key in ("auc", "val_loss"):
            if chance.random() < 0.8:
                run.metrics[key] = [chance.choice(NUMBERS) for _ in range(chance.randrange(1, 4))]
        for version in VERSIONS_OF_DATA:
            if chance.random() < 0.25:
                run.datasets.add(version)
        runs.append(run)
    return runs


RUNS = make_runs()
EXPERIMENTS = {name: new_id() for name in ("churn", "price")}
# What no meaning below speaks of.
OTHER_FACTS: tuple[dict[str, Any], ...] = (
    {"host": "small", "user": "ann", "group": "xgb"},
    {"host": "Ünï", "parent": RUNS[0].id, "command": "python train.py"},
    {"group": "XGB", "parent": RUNS[1].id, "user": "", "source": "script"},
)


def fill(database: Any) -> None:
    events: list[dict[str, Any]] = []
    points: list[tuple[int, int, int, int, float, int]] = []
    RunRepository(database).create_experiment(
        EXPERIMENTS["churn"], "churn", description="Who goes?", tags={"area": "xgb"}, created_us=0
    )
    for number, run in enumerate(RUNS):
        seq = len(events) + len(points) + 1

        def tell(kind: str, run: Known = run, time: int | None = None, **fields: Any) -> None:
            told = {"seq": len(events) + len(points) + 1, "kind": kind, "run": run.id}
            events.append({**told, "time": run.started if time is None else time, **fields})

        experiment = {"id": EXPERIMENTS[run.experiment], "name": run.experiment}
        tell("run.start", experiment=experiment, name=run.name, params=run.params, tags=run.tags,
             notes=run.notes, detached=True, **OTHER_FACTS[number % len(OTHER_FACTS)])  # fmt: skip
        if run.dirty is not None:
            tell("run.provenance", git={"commit": "c0ffee", "branch": "main", "dirty": run.dirty})
        if run.environment is not None:
            facts = {**run.environment, "hash": environment_hash(run.environment)}
            tell("run.environment", environment=facts.pop("hash"), facts=facts, os=None, gpu=None)
        for key, values in run.metrics.items():
            series = 1000 * seq + len(points)
            tell("series", series=series, key=key)
            for step, value in enumerate(values):
                points.append((series, len(events) + len(points) + 1, step, run.started, value, 0))
        if run.ended is not None:
            tell("run.end", time=run.ended, status=run.status)
    raw = np.array(points, RECORD).tobytes()
    batch = Batch(WriterInfo(new_id(), this_process(), "0.1.0", 0), 0, 10**6, events, raw, 0, Cursor())
    with database.begin() as connection:
        list(TrackingApplier(NOW).apply(connection, batch))
    assert batch.refused == []
    fill_datasets(database)


def fill_datasets(database: Any) -> None:
    """Versions, and which runs read or wrote them."""
    versions = DatasetRepository(database)
    ids: dict[str, str] = {}
    for version, digest in {**VERSIONS_OF_DATA, UNUSED: "eeeeee55" + "0" * 56}.items():
        new = NewVersion("table", digest, digest, None, 1, 1, None, 1, 1, [], None, {}, None)
        with database.begin() as connection:
            record = versions.add(connection, version.partition("@")[0], new, now_us=NOW.now_us())
        ids[version] = record.id
        for alias, aliased in ALIASES.items():
            if aliased == version:
                versions.set_alias(record, alias.partition("@")[2], now_us=NOW.now_us())
    versions.delete([versions.resolve("sales@v3")], now_us=NOW.now_us())
    edges = []
    for number, run in enumerate(RUNS):
        for at, version in enumerate(sorted(run.datasets)):
            kept, user = Node("dataset_version", ids[version]), Node("run", run.id)
            if (number + at) % 3 != 1:
                edges.append(Edge(kept, user, "read"))
            if (number + at) % 3 != 0:
                edges.append(Edge(user, kept, "wrote"))
    # What is not a run, or not a version, has nothing to do with it.
    edges.append(Edge(Node("dataset_version", ids[UNUSED]), Node("external", RUNS[0].id), "read"))
    edges.append(Edge(Node("file", ids[UNUSED]), Node("run", RUNS[0].id), "read"))
    LineageRepository(database).add(edges, now_us=NOW.now_us())


@contextlib.contextmanager
def filled(url: str) -> Iterator[RunRepository]:
    with open_database(url) as database:
        fill(database)
        yield RunRepository(database, clock=NOW, datasets=lambda: DatasetRepository(database))


@pytest.fixture(scope="module")
def in_sqlite(tmp_path_factory):
    with filled(f"sqlite:///{tmp_path_factory.mktemp('compared') / 'meta.db'}") as records:
        yield records


@pytest.fixture(scope="module")
def in_postgresql(postgres_server):
    with filled(postgres_server.create_database()) as records:
        yield records


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def records(request):
    return request.getfixturevalue(f"in_{request.param}")


# -- what searches mean ---------------------------------------------------------------------------------

Means = Callable[[Known], bool]
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
}
FIGURES: dict[str, Callable[[str, list[float]], float | None]] = {
    "last": lambda name, values: values[-1],
    "min": lambda name, values: least(values, min),
    "max": lambda name, values: least(values, max),
    "best": lambda name, values: least(values, min if "loss" in name else max),
    "count": lambda name, values: len(values),
    "step": lambda name, values: len(values) - 1,
}


def least(values: list[float], choose: Callable[[list[float]], float]) -> float | None:
    numbers = [value for value in values if value == value]
    return choose(numbers) if numbers else None


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def spelled(number: float) -> str:
    return "nan" if number != number else str(number).replace("infinity", "inf")


def says_no(text: str) -> bool:
    return text.lower() in ("", "0", "false", "no", "off", "none", "null", "[]", "{}")


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def like(text: str, pattern: str, *, any_case: bool) -> bool:
    regular = "".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in pattern)
    return re.fullmatch(regular, text, re.DOTALL | (re.IGNORECASE | re.ASCII if any_case else 0)) is not None


def lower(text: str) -> str:
    return "".join(sign.lower() if sign.isascii() else sign for sign in text)


TEXT_FIELDS: dict[str, Callable[[Known], str | None]] = {
    "name": lambda run: run.name,
    "notes": lambda run: run.notes,
    "experiment": lambda run: run.experiment,
    "attributes.run_name": lambda run: run.name,
    "tags.t": lambda run: run.tags.get("t"),
    "tag.`owner`": lambda run: run.tags.get("owner"),
    "params.p": lambda run: text_of(run.params["p"]) if "p" in run.params else None,
}


@st.composite
def text_condition(draw) -> tuple[str, Means]:
    spelling = draw(st.sampled_from(sorted(TEXT_FIELDS)))
    read = TEXT_FIELDS[spelling]
    way = draw(st.sampled_from(("compare", "like", "ilike", "~", "!~", "in", "null", "alone")))
    if way == "compare":
        operator, value = (
            draw(st.sampled_from(sorted(COMPARE))),
            draw(st.sampled_from((*TEXTS, "small", "churn"))),
        )
        return (
            f"{spelling} {operator} {quoted(value)}",
            lambda run: (text := read(run)) is not None and COMPARE[operator](text, value),
        )
    if way in ("like", "ilike"):
        pattern, no = draw(st.sampled_from(LIKES)), draw(st.booleans())
        return (
            f"{spelling} {'not ' if no else ''}{way} {quoted(pattern)}",
            lambda run: (
                no is not ((text := read(run)) is not None and like(text, pattern, any_case=way == "ilike"))
            ),
        )
    if way in ("~", "!~"):
        pattern = draw(st.sampled_from(PATTERNS))
        return (
            f"{spelling} {way} {quoted(pattern)}",
            lambda run: (
                (way == "!~")
                is not (
                    (text := read(run)) is not None
                    and re.search(pattern.replace("$", r"\Z"), text, re.DOTALL | re.ASCII) is not None
                )
            ),
        )
    if way == "in":
        values = draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3))
        return f"{spelling} in ({', '.join(map(quoted, values))})", lambda run: read(run) in values
    if way == "null":
        return f"{spelling} is not null", lambda run: read(run) is not None
    if spelling == "params.p":
        return (
            spelling,
            lambda run: (
                "p" in run.params
                and (
                    run.params["p"] != 0
                    if is_number(run.params["p"])
                    else not says_no(text_of(run.params["p"]))
                )
            ),
        )
    return spelling, lambda run: (text := read(run)) is not None and not says_no(text)


@st.composite
def metric_condition(draw) -> tuple[str, Means]:
    name, figure = draw(st.sampled_from(("auc", "val_loss"))), draw(st.sampled_from(sorted(FIGURES)))
    spelling = f"metrics.{name}" if figure == "last" else f"{figure}(metrics.{name})"
    operator: str = draw(st.sampled_from(sorted(COMPARE)))
    number: float = draw(st.sampled_from(NUMBERS))

    def value(run: Known) -> float | None:
        return FIGURES[figure](name, run.metrics[name]) if name in run.metrics else None

    def means(run: Known) -> bool:
        found = value(run)
        if found is None:
            return False
        if number != number and figure == "last":  # NaN equals NaN, and is neither more nor less
            if operator in ("=", "<=", ">="):
                return math.isnan(found)
            return operator == "!=" and not math.isnan(found)
        if number != number:
            return False
        if found != found:
            return operator == "!="
        return bool(COMPARE[operator](found, number))

    way = draw(st.sampled_from(("compare", "compare", "compare", "null", "alone")))
    if way == "null":
        return f"{spelling} is null", lambda run: value(run) is None
    if way == "alone":
        return spelling, lambda run: value(run) is not None and value(run) != 0
    return f"{spelling} {operator} {spelled(number)}", means


@st.composite
def param_condition(draw) -> tuple[str, Means]:
    name = draw(st.sampled_from(("p", "q")))
    operator = draw(st.sampled_from(sorted(COMPARE)))
    number: Any = draw(st.sampled_from((0, 2.5, 3, 2**60 + 1, -math.inf, True, False)))
    if isinstance(number, bool):
        operator = draw(st.sampled_from(("=", "!=")))
        return (
            f"params.{name} {operator} {str(number).lower()}",
            lambda run: isinstance(value := run.params.get(name), bool) and COMPARE[operator](value, number),
        )
    return (
        f"params.{name} {operator} {number}",
        lambda run: is_number(value := run.params.get(name)) and COMPARE[operator](value, number),
    )


@st.composite
def other_condition(draw) -> tuple[str, Means]:
    now = NOW.now_us()
    way = draw(st.sampled_from(("started", "ended", "duration", "status", "dirty", "words")))
    if way == "started":
        days, operator = draw(st.sampled_from((0, 1, 2, 7))), draw(st.sampled_from(sorted(COMPARE)))
        return f"started {operator} -{days}d", lambda run: COMPARE[operator](run.started, now - days * DAY)
    if way == "ended":
        return "ended", lambda run: run.ended is not None
    if way == "duration":
        operator = draw(st.sampled_from((">", "<=", "<")))
        return f"duration {operator} 5m", lambda run: COMPARE[operator](
            (now if run.ended is None else run.ended) - run.started, 300 * SECOND
        )
    if way == "status":
        status = draw(st.sampled_from(("running", "FINISHED", "Failed")))
        return f"attributes.status != '{status}'", lambda run: run.status != status.lower()
    if way == "dirty":
        return "git.dirty != true", lambda run: run.dirty is False
    words = draw(st.sampled_from(WORDS))

    def said(run: Known) -> bool:
        params = [value for value in run.params.values() if not is_number(value)]
        texts = [run.name, run.notes or "", *run.tags.values(), *map(text_of, params)]
        return all(any(lower(word) in lower(text) for text in texts) for word in words.split())

    return quoted(words), said


def meant(reference: str) -> set[str]:
    """The versions that a text means."""
    if reference in ALIASES:
        return {ALIASES[reference]}
    if reference in (*VERSIONS_OF_DATA, UNUSED):
        return {reference}
    if reference == "sales@latest":
        return {"sales@v2"}
    of_name = {each for each in VERSIONS_OF_DATA if each.partition("@")[0] == reference}
    return of_name or {each for each, digest in VERSIONS_OF_DATA.items() if digest.startswith(reference)}


@st.composite
def dataset_condition(draw) -> tuple[str, Means]:
    reference = st.sampled_from(DATASETS_MEANT)
    way = draw(st.sampled_from(("=", "=", "!=", "in", "like", "ilike", "~", "null", "not null", "alone")))
    if way == "=":
        one = draw(reference)
        return f"dataset = {quoted(one)}", lambda run: bool(run.datasets & meant(one))
    if way == "!=":
        one = draw(reference)
        return (
            f"DATASET <> {quoted(one)}",
            lambda run: run.datasets != set() and not run.datasets & meant(one),
        )
    if way == "in":
        several = draw(st.lists(reference, min_size=1, max_size=3))
        no = draw(st.sampled_from(("", "not ")))
        return (
            f"dataset {no}in ({', '.join(map(quoted, several))})",
            lambda run: bool(no) is not bool(run.datasets & set().union(*map(meant, several))),
        )
    if way in ("like", "ilike"):
        pattern = draw(st.sampled_from(("s%", "%S%", "sales", "tr_ps", "%/eu_a b", "")))
        return f"dataset {way} {quoted(pattern)}", lambda run: any(
            like(each.partition("@")[0], pattern, any_case=way == "ilike") for each in run.datasets
        )
    if way == "~":
        pattern = draw(st.sampled_from(("^s", "%", "(?i)^S", "/eu", "^$")))
        return f"dataset ~ {quoted(pattern)}", lambda run: any(
            re.search(pattern, each.partition("@")[0]) for each in run.datasets
        )
    if way == "null":
        return "dataset is null", lambda run: not run.datasets
    return "dataset is not null" if way == "not null" else "dataset", lambda run: bool(run.datasets)


def version_of(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


@st.composite
def environment_condition(draw) -> tuple[str, Means]:
    way = draw(
        st.sampled_from(("package", "package", "in", "null", "like", "alone", "cpu", "cpu_count", "memory"))
    )
    name = draw(st.sampled_from(("scikit-learn", "torch", "missing")))
    operator = draw(st.sampled_from(sorted(COMPARE)))
    wanted = draw(st.sampled_from(VERSIONS))
    spelling = f"packages.{name.replace('-', draw(st.sampled_from('-_.')))}"

    def version(run: Known) -> str | None:
        return ((run.environment or {}).get("packages") or {}).get(name)

    def compares(run: Known, operator: str, wanted: str) -> bool:
        text = version(run)
        if text is None:
            return False
        found, other = version_of(text), Version(wanted)
        if found is None:
            return operator == "!="
        return bool(COMPARE[operator](found if other.local else Version(found.public), other))

    if way == "package":
        return f"{spelling} {operator} {quoted(wanted)}", lambda run: compares(run, operator, wanted)
    if way == "in":
        return (
            f"{spelling} in ({quoted(wanted)}, '1.5')",
            lambda run: compares(run, "=", wanted) or compares(run, "=", "1.5"),
        )
    if way == "null":
        return f"{spelling} is null", lambda run: version(run) is None
    if way == "like":
        return f'{spelling} like "%.%0"', lambda run: like(version(run) or "", "%.%0", any_case=False)
    if way == "alone":
        return spelling, lambda run: version(run) is not None
    if way == "cpu":
        return (
            f'cpu {operator} "AMD"',
            lambda run: (
                (cpu := (run.environment or {}).get("cpu")) is not None and COMPARE[operator](cpu, "AMD")
            ),
        )
    field, number = ("cpu_count", 4) if way == "cpu_count" else ("memory_bytes", 16 << 30)
    return (
        f"{way} {operator} {number}",
        lambda run: (
            (found := (run.environment or {}).get(field)) is not None and COMPARE[operator](found, number)
        ),
    )


LEAF = st.one_of(
    text_condition(),
    metric_condition(),
    param_condition(),
    other_condition(),
    environment_condition(),
    dataset_condition(),
)
CONDITION = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        inner.map(lambda one: (f"not ({one[0]})", lambda run: not one[1](run))),
        st.tuples(inner, inner).map(
            lambda two: (f"({two[0][0]} or {two[1][0]})", lambda run: two[0][1](run) or two[1][1](run))
        ),
        st.tuples(inner, inner).map(
            lambda two: (f"({two[0][0]}) and ({two[1][0]})", lambda run: two[0][1](run) and two[1][1](run))
        ),
    ),
    max_leaves=4,
)


def by_metric(name: str, down: bool) -> Callable[[Known], tuple[Any, ...]]:
    def key(run: Known) -> tuple[Any, ...]:
        if name not in run.metrics:
            return (2, 0.0)
        value = run.metrics[name][-1]
        return (1, 0.0) if value != value else (0, -value if down else value)

    return key


def by_param(name: str, down: bool) -> Callable[[Known], tuple[Any, ...]]:
    def key(run: Known) -> tuple[Any, ...]:
        if name not in run.params:
            return (2,)
        value = run.params[name]
        if is_number(value):
            return (0, -float(value) if down else float(value))
        return (1, *(-ord(sign) for sign in text_of(value)), 1) if down else (1, *map(ord, text_of(value)))

    return key


ORDERS: dict[str, Callable[[Known], tuple[Any, ...]] | None] = {
    "": None,
    "order by metrics.auc": by_metric("auc", False),
    "order by metrics.auc desc": by_metric("auc", True),
    "order by metrics.val_loss desc": by_metric("val_loss", True),
    "order by params.p": by_param("p", False),
    "order by params.p desc": by_param("p", True),
    "order by metrics.auc desc, params.q": lambda run: (
        by_metric("auc", True)(run),
        by_param("q", False)(run),
    ),
    "order by name": lambda run: tuple(map(ord, run.name)),
    "order by tags.t": lambda run: (1,) if "t" not in run.tags else (0, *map(ord, run.tags["t"])),
    "order by max(metrics.val_loss) desc": lambda run: (
        (1, 0.0) if (most := least(run.metrics.get("val_loss", []), max)) is None else (0, -most)
    ),
    "order by duration desc, count(metrics.auc)": lambda run: (
        run.started - (NOW.now_us() if run.ended is None else run.ended),
        (1, 0) if "auc" not in run.metrics else (0, len(run.metrics["auc"])),
    ),
}


def pages(records: RunRepository, query: str, limit: int) -> list[str]:
    """Ids of all runs that a search finds, read page by page."""
    found: list[str] = []
    after = None
    while True:
        page = records.search(query, limit=limit, after=after)
        found += [run.id for run in page.items]
        after = page.next
        if after is None:
            return found


def check_meaning(records: RunRepository, condition: tuple[str, Means], order: str, limit: int) -> None:
    text, means = condition
    newest_first = sorted(RUNS, key=lambda run: (run.started, run.id), reverse=True)
    key = ORDERS[order]
    expected = [
        run.id for run in (newest_first if key is None else sorted(newest_first, key=key)) if means(run)
    ]

    assert pages(records, f"{text} {order}", limit) == expected, f"{text} {order}"


MEANT = given(CONDITION, st.sampled_from(sorted(ORDERS)), st.sampled_from((3, 10, 100)))
FEW = settings(max_examples=60, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=20_000, suppress_health_check=list(HealthCheck))


@FEW
@MEANT
def test_a_search_finds_what_it_means_in_the_order_it_says_page_by_page(records, condition, order, limit):
    check_meaning(records, condition, order, limit)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@MANY
@MEANT
def test_20_000_searches_find_what_they_mean(records, condition, order, limit):
    check_meaning(records, condition, order, limit)


# -- what both databases say ----------------------------------------------------------------------------

FIELDS = (
    *ATTRIBUTES,
    "dataset",
    *(f"{figure}(metrics.{name})" for figure in FIGURES for name in ("auc", "val_loss", "missing")),
    *("metrics.auc", "metrics.`val_loss`", "params.p", "params.q", "params.missing"),
    *("tags.t", "tags.owner", "tags.missing"),
    *("packages.torch", "packages.scikit_learn", "packages.missing", "experiment.tags.area"),
)
NUMBERS_WRITTEN = (
    "0",
    "-1.5",
    "2.5",
    "3",
    "1e999",
    "-inf",
    "nan",
    str(2**60),
    str(2**60 + 1),
    str(2**63),
    "4",
)
TEXTS_WRITTEN = tuple(
    map(quoted, (*TEXTS, "small", "churn", "c0ffee", "main", "AMD", RUNS[0].id, RUNS[0].id[26:], "\0", "%"))
)
TIMES_WRITTEN = ("-7d", "-1d", "-3h", "2026-02-28", '"2026-02-27T12:00:00Z"', "9999-12-31", "1772280000000")
DATASETS_WRITTEN = tuple(map(quoted, (*DATASETS_MEANT, "sales@2026-03-01")))
STATUSES_WRITTEN = ('"running"', "'FINISHED'", '"failed"', "'killed'")
VALUES_WRITTEN: dict[str, tuple[str, ...]] = {
    "number": NUMBERS_WRITTEN,
    "any": (*NUMBERS_WRITTEN, *TEXTS_WRITTEN, "true", "false"),
    "text": TEXTS_WRITTEN,
    "version": tuple(map(quoted, VERSIONS)),
    "time": TIMES_WRITTEN,
    "seconds": ("0", "5", "5m", "2h", "1e999", "-1"),
    "truth": ("true", "false"),
}


@st.composite
def any_condition(draw) -> str:
    spelling = draw(st.sampled_from(FIELDS))
    kind = kind_of(field_of(spelling))
    own = {"status": STATUSES_WRITTEN, "dataset": DATASETS_WRITTEN}
    written = own.get(spelling) or VALUES_WRITTEN[kind]
    if kind == "number" and spelling in ATTRIBUTES:  # only a metric can be NaN
        written = tuple(each for each in written if each != "nan")
    values = st.sampled_from(written)
    no = draw(st.sampled_from(("", "not ")))
    ordered = kind != "truth" and spelling != "dataset"
    ways = ["=", "!=", *((">", ">=", "<", "<=") if ordered else ()), "in", "null", "alone"]
    if kind in ("text", "version", "any"):
        ways += ["like", "ilike", "~", "!~"]
    way = draw(st.sampled_from(ways))
    if way == "in":
        return f"{spelling} {no}in ({', '.join(draw(st.lists(values, min_size=1, max_size=3)))})"
    if way == "null":
        return f"{spelling} is {no}null"
    if way == "alone":
        return f"{no}{spelling}"
    if way in ("like", "ilike"):
        return f"{spelling} {no}{way} {quoted(draw(st.sampled_from((*LIKES, '100%', 'c0%'))))}"
    if way in ("~", "!~"):
        return f"{spelling} {way} {quoted(draw(st.sampled_from(PATTERNS)))}"
    value = draw(values.filter(lambda text: way in ("=", "!=") or text not in ("true", "false")))
    return f"{no}{spelling} {way} {value}"


ANY_CONDITION = st.recursive(
    any_condition() | st.sampled_from(WORDS).map(quoted),
    lambda inner: st.one_of(
        inner.map("not ({})".format),
        st.tuples(inner, inner).map("({0[0]} or {0[1]})".format),
        st.tuples(inner, inner).map("({0[0]} and {0[1]})".format),
    ),
    max_leaves=4,
)
NOT_ORDERED = ("packages.", "dataset", "cpu", "memory")
ANY_ORDER = st.lists(
    st.tuples(
        st.sampled_from([field for field in FIELDS if not field.startswith(NOT_ORDERED)]),
        st.sampled_from(("", " asc", " desc")),
    ).map("".join),
    max_size=3,
).map(lambda orders: f"order by {', '.join(orders)}" if orders else "")
# Pieces that make sense together often enough, and nonsense.
PIECES = (
    *("metrics.auc", "params.p", "tags.t", "name", "status", "started", "duration", "git.dirty", "id", "("),
    *("and", "or", "not", "in", "like", "ilike", "is", "null", "order by", "asc", "desc", ")", "((", ","),
    *(
        "=",
        "!=",
        ">",
        "<=",
        "~",
        "!~",
        "0.5",
        "-3",
        "1e999",
        "9223372036854775808",
        "-7d",
        "5m",
        "true",
        "nan",
    ),
    *("'xgb'", '"x"', "`x`", "'", '"', "`", "%", "\\", "\0", "\ud800", "🎈", "@", "@x", "min(", "count("),
    *("dataset", "'sales'", "'sales@v1'", "'sales@'", "'@v1'", "'slaes'", "'aaaa'"),
    *("2026-03-01", "0000-00-00", "9999-12-31", "attributes.", "experiment.tags.area", ";", "--", "/*", "$1"),
)
ANY_TEXT = st.one_of(st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join), st.text(max_size=60))


def told_by(records: RunRepository, query: str) -> list[str] | str:
    try:
        return pages(records, query, 25)
    except Invalid as error:
        return str(error)


def check_same(in_sqlite: RunRepository, in_postgresql: RunRepository, query: str) -> list[str] | str:
    found = told_by(in_sqlite, query)
    assert told_by(in_postgresql, query) == found, query
    return found


ANY_SEARCH = given(ANY_CONDITION, ANY_ORDER)


@FEW
@ANY_SEARCH
def test_both_databases_answer_any_search_with_the_same_runs(in_sqlite, in_postgresql, condition, order):
    assert isinstance(check_same(in_sqlite, in_postgresql, f"{condition} {order}"), list)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@MANY
@ANY_SEARCH
def test_both_databases_answer_20_000_searches_with_the_same_runs(in_sqlite, in_postgresql, condition, order):
    assert isinstance(check_same(in_sqlite, in_postgresql, f"{condition} {order}"), list)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@MANY
@given(ANY_TEXT)
def test_both_databases_say_the_same_of_20_000_texts(in_sqlite, in_postgresql, text):
    check_same(in_sqlite, in_postgresql, text)

"""Fixtures for all rooms.

====================  =================================================================================
`clock`               a clock that stands still until it is moved
`project`             an empty folder which is the current one, without git and without workspace
`plain_user`          runs programs as somebody who is not root (see `support.plain_user.PlainUser`)
`small_disk`          an empty folder on a disk of 4 MiB
`postgres_server`     makes and drops databases
`postgres_url`        URL of a real PostgreSQL server, one for all tests
`postgres_database`   URL of a new empty database on it, dropped after the test
`lent_database`       URL of one with nbproof's tables and no rows, given back after the test
`s3`                  an object store that speaks S3, its credentials in the environment
`empty_database_url`  the test runs twice: with a new SQLite file and with a new PostgreSQL database
`database_url`        the same, the PostgreSQL database with nbproof's tables in it already
====================  =================================================================================

No test sees the user's own Jupyter, IPython, git or nbproof settings.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from nbproof.core.clock import FixedClock
from tests.support.plain_user import PlainUser
from tests.support.postgres import PostgresServer, find_postgres
from tests.support.s3 import CREDENTIALS, ObjectStore, object_store
from tests.support.small_disk import mount_small_disk, unmount

# Session-wide, since fixtures of any scope may call git.
os.environ["GIT_CONFIG_GLOBAL"] = str(Path(__file__).parent / "support" / "gitconfig")

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("nbproof", deadline=None)
hypothesis.settings.load_profile("nbproof")

pytest_plugins = ["pytest_jupyter.jupyter_server"]


@pytest.fixture(autouse=True)
def _nobodys_settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.getbasetemp() / "settings"
    (home / "ipython").mkdir(parents=True, exist_ok=True)  # else IPython warns
    home.mkdir(exist_ok=True)  # IPython warns of a folder that it can't make itself
    for name in [name for name in os.environ if name.startswith("NBPROOF_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(home / "ipython"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    for kind in ("config", "data", "runtime"):
        monkeypatch.setenv(f"JUPYTER_{kind.upper()}_DIR", str(home / "jupyter" / kind))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock("2026-01-02T03:04:05Z")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def _any_plain_user() -> Iterator[PlainUser]:
    user = PlainUser()
    yield user
    user.close()


@pytest.fixture(scope="session")
def plain_user(_any_plain_user: PlainUser) -> PlainUser:
    if reason := _any_plain_user.open_the_way():
        pytest.skip(reason)
    return _any_plain_user


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    prepared = os.environ.get("TEST_SMALL_DISK")
    disk = Path(prepared) if prepared else mount_small_disk(tmp_path)
    if disk is None:
        pytest.skip("a small disk can be mounted by root only, and not in every container")
    yield disk
    if not prepared:
        return unmount(disk)
    for child in disk.iterdir():
        shutil.rmtree(child) if child.is_dir() else child.unlink()


@pytest.fixture(scope="session")
def postgres_server(_any_plain_user: PlainUser) -> Iterator[PostgresServer]:
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra `postgres`)", exc_type=ImportError)
    programs = find_postgres()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    server = PostgresServer(programs, _any_plain_user)
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    return postgres_server.url()


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(scope="session")
def _object_store() -> Iterator[ObjectStore]:
    pytest.importorskip("moto", reason="no object store beside the oldest dependencies")
    with object_store() as found:
        yield found


@pytest.fixture
def s3(_object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """An object store, and its credentials in the environment."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return _object_store


@pytest.fixture
def lent_database(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.lend_database()
    yield url
    postgres_server.give_back(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return _url(request, tmp_path, "lent_database")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return _url(request, tmp_path, "postgres_database")


def _url(request: pytest.FixtureRequest, folder: Path, postgres: str) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{folder / 'meta.db'}"
    url: str = request.getfixturevalue(postgres)
    return url


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is run by `make soak` and `make bench`, unless asked for by `-m`."""
    asked = config.getoption("markexpr", "")
    apart = [mark for mark in ("soak", "bench") if mark not in asked]
    left_out = [item for item in items if any(item.get_closest_marker(mark) for mark in apart)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped, and why."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        where = report.longrepr
        reasons[where[2] if isinstance(where, tuple) else str(where)] += 1
    if reasons:
        terminalreporter.section(f"{reasons.total()} skipped")
        for reason, number in reasons.most_common():
            terminalreporter.line(f"{number:5d}  {reason.removeprefix('Skipped: ')}")

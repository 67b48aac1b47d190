"""The database of records: SQLite in the workspace, or PostgreSQL.

Opening
-------
An empty database is created from the tables and stamped (replaying every migration would cost seconds); an
older one is copied and upgraded; one with a revision this nbproof does not know is used as it is while it is
of the same minor series, because such revisions only add.  The check is one plain query; Alembic is imported
only to upgrade.  Each transaction asks for the revision again, one row: while a server has the database open,
the kernel of a later series may upgrade it, and then the server must leave it alone.

Transactions
------------
`Database.begin` writes, `Database.connect` reads.  On SQLite a write takes the lock at once (``BEGIN
IMMEDIATE``): a transaction that reads first and writes later cannot be made to wait, it fails.  What the
machine does to us (locked, full, read-only, unreachable, damaged) arrives as `Unavailable` with a hint.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import time
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL, Connection, Engine, make_url

from nbproof._version import __version__
from nbproof.core.errors import Conflict, Invalid, NotAllowed, PlatformError, Unavailable, near_names
from nbproof.core.pattern import matches
from nbproof.storage.migrations import HEAD, REVISIONS
from nbproof.storage.mounts import on_network_mount
from nbproof.storage.tables import MetaRow, all_tables

__all__ = ["Database", "DatabaseState", "check", "current", "open_database", "series_of", "upgrade"]

_log = logging.getLogger("nbproof.storage")

_STAMP = sa.table("alembic_version", sa.column("version_num"))
_REVISION = "SELECT version_num FROM alembic_version"  # in each transaction: nothing is built for it
# Any number would do; every nbproof must use the same one.
_POSTGRESQL_LOCK = 0x6E6270726F6F66

# SQLite tells its failures by words; the first match wins.
_SQLITE_TROUBLES: tuple[tuple[str, str, str], ...] = (
    (
        "is locked",
        "another program has kept {where} locked",
        "try again; if it lasts, close the program that holds it",
    ),
    (
        "readonly database",
        "{where} cannot be written",
        "make the file and its folder writable, or copy the workspace",
    ),
    (
        "unable to open database file",
        "{where} cannot be opened",
        "check that its folder exists and may be written",
    ),
    ("is not a database", "{where} is not a database, or is damaged", "{restore}"),
    ("malformed", "{where} is damaged", "{restore}"),
    (
        "is full",
        "the disk that holds {where} is full",
        "free some space; what was logged waits in the journal",
    ),
    (
        "disk i/o error",
        "the disk that holds {where} failed",
        "check the disk; a network mount must support file locks",
    ),
    (
        "locking protocol",
        "the disk that holds {where} has no file locks",
        "keep the workspace on a local disk, or set a PostgreSQL database in nbproof.toml",
    ),
)
_RESTORE = (
    "move the file away and put back a copy from the folder backups beside it; without a copy a new one is "
    "made, and journals that still exist are read again"
)

_WRONG_OPTION = re.compile(
    r'invalid (\w+) value: |invalid (port) number: |invalid integer value ".*" for connection option "(\w+)"'
)

_open: weakref.WeakSet[Database] = weakref.WeakSet()
_inherited: list[object] = []


def series_of(version: str) -> str:
    """The minor series of a version: ``"0.1"`` of ``"0.1.7"``."""
    return ".".join(version.split(".")[:2])


class Database:
    """Connections to one database.

    Laws: safe from any thread; a fork leaves the parent's connections alone and the child makes its own;
    nothing is opened before the first `begin` or `connect`.

    Parameters
    ----------
    url : str or Path
        A path of a SQLite file, or a URL: ``sqlite:///...``, ``postgresql://...``, or ``sqlite://`` for one
        in memory, which is gone when it is closed.
    busy_timeout_seconds : float
        How long a writer waits for another one on SQLite.
    """

    def __init__(self, url: str | Path, *, busy_timeout_seconds: float = 10.0) -> None:
        self._url = _checked_url(url)
        self.dialect: Literal["sqlite", "postgresql"] = (
            "sqlite" if self._url.get_backend_name() == "sqlite" else "postgresql"
        )
        in_a_file = self.dialect == "sqlite" and self._url.database
        self.path: Path | None = Path(self._url.database or "") if in_a_file else None
        self.read_only = self.path is not None and _is_read_only(self.path)
        self._busy_timeout = busy_timeout_seconds
        self.engine = self._sqlite_engine() if self.dialect == "sqlite" else self._postgresql_engine()
        self._writing = self.engine.execution_options(nbproof_write=True)
        self._revision: str | None = None  # what `open_database` found
        _open.add(self)

    def __repr__(self) -> str:
        return f"Database({self.where!r})"

    @property
    def where(self) -> str:
        """Where it is, for people: a path, or a URL without its password."""
        if self.dialect == "sqlite":
            return str(self.path) if self.path else "a database in memory"
        return _without_password(self._url)

    @contextmanager
    def begin(self, *, wait_seconds: float | None = None, durable: bool = False) -> Iterator[Connection]:
        """A transaction that may write: committed at the end, rolled back if the block raises.

        Parameters
        ----------
        wait_seconds : float, optional
            How long to wait for what another one holds; by default `busy_timeout_seconds`, and on PostgreSQL
            as long as it takes.
        durable : bool
            What was committed survives a power cut, not only the death of the process.  PostgreSQL always
            does that; SQLite then waits for the disk.

        Raises
        ------
        Unavailable
            The database is locked for too long, full, read-only, away or damaged.
        Conflict
            A later series of nbproof has upgraded it since it was opened.
        """
        if self.read_only:
            raise self._cannot_write()
        writing = self._writing
        if durable:
            writing = writing.execution_options(nbproof_durable=True)
        if wait_seconds is not None:
            writing = writing.execution_options(nbproof_wait=wait_seconds)
        with self.told(), writing.begin() as connection:
            if wait_seconds is not None and self.dialect == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, round(wait_seconds * 1000))}")
            self._refuse_the_future(connection)
            yield connection

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection for reading; on SQLite everything read through it is of one moment.

        Raises
        ------
        Unavailable
            The database is away or damaged.
        Conflict
            A later series of nbproof has upgraded it since it was opened.
        """
        with self.told(), self.engine.connect() as connection:
            self._refuse_the_future(connection)
            yield connection

    @contextmanager
    def moment(self) -> Iterator[Connection]:
        """A connection for reading through which all is of one moment, on PostgreSQL too."""
        with self.told(), self.engine.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            self._refuse_the_future(connection)
            yield connection

    def close(self) -> None:
        """Close the connections: those in use as soon as they are given back; the next use opens new ones."""
        pool = self.engine.pool
        # A pool that was disposed of would take back what is in use now, and leave it open for ever.
        sa.event.listen(pool, "checkin", _close_connection)
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def told(self) -> Iterator[None]:
        """Failures of the machine inside the block become `Unavailable`; mistakes stay what they are."""
        try:
            yield
        except exc.DBAPIError as error:
            trouble = self._trouble(error)
            if trouble is None:
                raise
            # The driver's own words are for a log: people are told what to do.
            _log.debug("the database failed", exc_info=error)
            raise trouble from None
        except exc.TimeoutError as error:
            raise Unavailable(
                f"all connections to {self.where} are in use", hint="try again in a moment"
            ) from error

    def _refuse_the_future(self, connection: Connection) -> None:
        # In the transaction itself, so that no upgrade can come between.
        if self._revision is not None and connection.exec_driver_sql(_REVISION).scalar() != self._revision:
            self._revision = _state(self, connection).revision

    def _cannot_write(self) -> PlatformError:
        return Unavailable(
            f"{self.where} is on a read-only place and can only be read",
            hint="make the file and its folder writable, or copy the workspace",
        )

    def _trouble(self, error: exc.DBAPIError) -> PlatformError | None:
        said = str(error.orig)
        if self.dialect == "sqlite":
            for words, message, hint in _SQLITE_TROUBLES:
                if words in said.lower():
                    missing = self.path is not None and not self.path.parent.is_dir()
                    if self.path and missing and words == "unable to open database file":
                        hint = f"the folder {self.path.parent} does not exist; make it, or run: nbproof init"
                    return Unavailable(
                        message.format(where=self.where),
                        hint=hint.format(restore=_RESTORE),
                        details={"said": said},
                    )
            return None
        if "permission denied" in said and isinstance(error, exc.ProgrammingError):
            return NotAllowed(
                f"the user of {self.where} may not do that",
                hint="grant it the schema's tables",
                details={"said": said},
            )
        if wrong := _WRONG_OPTION.search(said):
            # The driver looks at values only when it connects.
            return _unreadable_url(
                f"{self.where}: the option {wrong[1] or wrong[2] or wrong[3]!r} has a value that the driver "
                "does not know"
            )
        if isinstance(error, exc.OperationalError | exc.InterfaceError):
            return Unavailable(
                f"PostgreSQL at {self.where} does not answer",
                hint="check that the server runs, and its address, user and password in nbproof.toml",
                details={"said": said.strip()},
            )
        return None

    def _sqlite_engine(self) -> Engine:
        path = self.path
        network = path is not None and on_network_mount(path.parent)
        mode = "wal" if not network else "delete"
        location = ":memory:" if path is None else path.as_uri()
        settled = path is None or self.read_only

        def connect() -> sqlite3.Connection:
            nonlocal settled
            query = ""
            if path is not None and self.read_only:
                # Without -wal beside it nobody is writing: then SQLite may do without the files that it
                # would otherwise have to create.  True for a moment only, hence no pool below.
                query = "?mode=ro" if _sibling(path, "-wal").exists() else "?immutable=1"
            connection = sqlite3.connect(
                location + query,
                timeout=self._busy_timeout,
                isolation_level=None,
                check_same_thread=False,
                uri=True,
            )
            try:
                connection.execute("PRAGMA synchronous = NORMAL")  # see `_begin` below
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute("PRAGMA cache_size = -16000")
                # Not as REGEXP: SQLAlchemy puts Python's own `re` there, which some patterns keep busy.
                connection.create_function("nbproof_matches", 2, matches, deterministic=True)
                if not settled:
                    _settle_journal_mode(connection, mode, self._busy_timeout)
                    settled = True
            except BaseException:
                connection.close()
                raise
            return connection

        pool: dict[str, Any] = {"poolclass": sa.pool.QueuePool}
        if path is None:
            # The connection is the database: there is one, and everybody waits for it.
            pool |= {"pool_size": 1, "max_overflow": 0}
        elif self.read_only:
            pool = {"poolclass": sa.pool.NullPool}
        engine = sa.create_engine("sqlite://", creator=connect, **pool)

        # The driver must not begin transactions by itself: it would begin the wrong kind, and late.
        @sa.event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            options = connection.get_execution_options()
            write = options.get("nbproof_write", False)
            # With a rollback journal only FULL survives a power cut without damage.
            level = "FULL" if network or options.get("nbproof_durable") else "NORMAL"
            if connection.info.get("nbproof_synchronous", "NORMAL") != level:
                connection.exec_driver_sql(f"PRAGMA synchronous = {level}")
                connection.info["nbproof_synchronous"] = level
            wait = options.get("nbproof_wait", self._busy_timeout)
            if connection.info.get("nbproof_wait", self._busy_timeout) != wait:
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(wait * 1000)}")
                connection.info["nbproof_wait"] = wait
            connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

        return engine

    def _postgresql_engine(self) -> Engine:
        try:
            _check_options(self._url)
            return sa.create_engine(
                self._url.set(drivername="postgresql+psycopg"),
                pool_pre_ping=True,
                connect_args={"connect_timeout": 10, "application_name": "nbproof"},
            )
        except ImportError as error:
            raise Unavailable(
                "a PostgreSQL database needs the package psycopg, which is not installed here",
                hint='pip install "nbproof[postgres]"',
            ) from error
        except (exc.ArgumentError, ValueError):  # such as two hosts and one port; the words may hold the URL
            raise _unreadable_url("its URL cannot be read") from None


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What a database is: ``nbproof db current``."""

    where: str
    revision: str | None  # None: no tables of ours
    head: str
    series: str | None
    version: str | None
    pending: tuple[str, ...]
    others: tuple[str, ...] = ()
    """Tables that are not ours, where ours are not."""


def open_database(
    url: str | Path, *, backup_dir: Path | None = None, busy_timeout_seconds: float = 10.0
) -> Database:
    """Open a database, creating or upgrading its tables where needed.

    Any number of processes may do so at once: one creates or upgrades, the others wait and find it done.

    Parameters
    ----------
    url : str or Path
        See `Database`.
    backup_dir : Path, optional
        Where the copy goes that is made before an upgrade; by default ``backups`` beside a SQLite file.

    Raises
    ------
    Conflict
        Written by a newer series of nbproof, or the tables of another program.
    Unavailable
        It cannot be reached, read or written.
    """
    database = Database(url, busy_timeout_seconds=busy_timeout_seconds)
    try:
        state = current(database)
        if state.revision != HEAD and not _is_of_a_friend(state):
            state = upgrade(database, backup_dir=backup_dir)
        if database.dialect == "postgresql" or database.path is not None:  # in memory nobody else can
            database._revision = state.revision
    except BaseException:
        database.close()
        raise
    return database


def current(database: Database) -> DatabaseState:
    """The revision, series and version of a database, read without changing anything."""
    if database.path is not None and not database.path.exists():
        if not database.path.parent.is_dir():
            raise Unavailable(
                f"{database.path} cannot be made: the folder {database.path.parent} does not exist",
                hint="make the folder, or run: nbproof init",
            )
        return DatabaseState(database.where, None, HEAD, None, None, REVISIONS)
    if database.path is not None and database.path.is_dir():
        raise Unavailable(f"{database.path} is a folder, not a database", hint="move the folder away")
    with database.connect() as connection:
        return _state(database, connection)


def upgrade(database: Database, *, backup_dir: Path | None = None) -> DatabaseState:
    """Bring a database to the newest revision; a copy is made first where rows exist.

    Returns
    -------
    DatabaseState
        What it is now.
    """
    if database.read_only:
        if current(database).revision is None:
            raise database._cannot_write()
        raise Unavailable(
            f"{database.where} was written by an older nbproof and cannot be upgraded: it is read-only",
            hint="copy the workspace to a place that can be written",
        )
    with database.told(), _alone(database) as connection:
        # Asked again under the lock: another process may have been faster.
        state = _state(database, connection)
        if state.revision == HEAD or _is_of_a_friend(state):
            return state
        if state.revision is None:
            for statement in _creation(database.dialect):
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(
                "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
            )
            connection.execute(sa.insert(_STAMP).values(version_num=HEAD))
        else:
            _copy_before(database, state.revision, backup_dir)
            _migrate(connection)
            _log.info("upgraded %s from revision %s to %s", database.where, state.revision, HEAD)
        _remember_version(connection)
        return _state(database, connection)


@cache
def _creation(dialect: str) -> list[str]:
    """What makes all tables: written out once, since that takes longer than to carry it out."""
    statements: list[str] = []

    def written(statement: Any, *_: object) -> None:
        statements.append(str(statement.compile(dialect=engine.dialect)))

    driver = {"postgresql": "postgresql+psycopg"}.get(dialect, dialect)
    engine = sa.create_mock_engine(f"{driver}://", written)
    all_tables().create_all(engine, checkfirst=False)
    # In one go, for who is far away; the driver of SQLite takes one statement at a time.
    return [";\n".join(statements)] if dialect == "postgresql" else statements


def check(database: Database) -> list[str]:
    """Everything about the tables that is not as it should be, one sentence each; empty when all is well."""
    state = current(database)
    if state.revision is None:
        return ["the database is empty; it is filled when it is first used"]
    found = [f"revision {revision} has not been applied" for revision in state.pending]
    with database.connect() as connection:
        if database.dialect == "sqlite":
            answers = connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all()
            found += [f"damaged: {answer}" for answer in answers if answer != "ok"]
            orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            found += [
                f"row {row[1]} of {row[0]} points to a row of {row[2]} that is gone" for row in orphans[:20]
            ]
        if state.revision == HEAD:
            found += _differences(connection)
    return found


def _differences(connection: Connection) -> list[str]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "target_metadata": all_tables()}
    )
    return [
        f"the tables differ from their description: {change}"
        for change in compare_metadata(context, all_tables())
    ]


def _state(database: Database, connection: Connection) -> DatabaseState:
    tables = set(sa.inspect(connection).get_table_names())
    # The inspector's answers are kept per connection object, not in the database: nothing to clear.
    revision = series = version = None
    if "alembic_version" in tables:
        revision = connection.exec_driver_sql(_REVISION).scalar()
    if MetaRow.__tablename__ in tables:
        meta = {row.key: row.value for row in connection.execute(sa.select(MetaRow.key, MetaRow.value))}
        series, version = meta.get("series"), meta.get("version")
    ours = tables & set(all_tables().tables)
    if (revision is None and ours) or (revision is not None and MetaRow.__tablename__ not in tables):
        raise Conflict(
            f"{database.where} holds the tables of another program"
            + (f": {', '.join(sorted(ours)[:5])}" if ours else ""),
            hint="give nbproof a database, or a PostgreSQL schema, of its own",
        )
    if revision is not None and revision not in REVISIONS and _is_newer(series):
        raise Conflict(
            f"the workspace was written by nbproof {version}, this is nbproof {__version__}",
            hint="pip install -U nbproof",
            details={"version": version, "revision": revision},
        )
    done = 0 if revision is None else len(REVISIONS)
    if revision in REVISIONS:
        done = REVISIONS.index(revision) + 1
    others = tuple(sorted(tables)) if revision is None else ()
    return DatabaseState(database.where, revision, HEAD, series, version, REVISIONS[done:], others)


def _is_of_a_friend(state: DatabaseState) -> bool:
    """Whether a revision that is not ours comes from a newer release of our own series."""
    return state.revision is not None and state.revision not in REVISIONS


def _is_newer(series: str | None) -> bool:
    def numbers(text: str) -> tuple[int, ...]:
        return tuple(int(part) if part.isdigit() else 0 for part in text.split("."))

    return series is None or numbers(series) > numbers(series_of(__version__))


def _remember_version(connection: Connection) -> None:
    facts = {"series": series_of(__version__), "version": __version__}
    connection.execute(sa.delete(MetaRow).where(MetaRow.key.in_(facts)))
    connection.execute(sa.insert(MetaRow), [{"key": key, "value": value} for key, value in facts.items()])


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """A write transaction that no other opener can be in at the same time."""
    if database.dialect == "postgresql":
        with database._writing.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_POSTGRESQL_LOCK)))
            yield connection
        return
    with database.engine.connect() as connection:
        # Batch migrations drop and remake tables; with enforcement on, that would take the rows that
        # point to them along.  The switch has no effect inside a transaction, hence before it.
        driver: Any = connection.connection.dbapi_connection
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.execution_options(nbproof_write=True).begin():
                yield connection
        finally:
            driver.execute("PRAGMA foreign_keys = ON")


def _migrate(connection: Connection, revision: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).resolve().parent / "migrations").replace("%", "%%")
    )
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _copy_before(database: Database, revision: str, backup_dir: Path | None) -> None:
    if database.dialect == "postgresql" or database.path is None:
        _log.warning(
            "upgrading %s from revision %s without a copy: backups of a PostgreSQL database are its server's",
            database.where,
            revision,
        )
        return
    folder = backup_dir or database.path.parent / "backups"
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = folder / f"{database.path.stem}-{revision}-{stamp}{database.path.suffix}"
    partial = _sibling(target, ".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (
            closing(sqlite3.connect(f"{database.path.as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(partial)) as copy,
        ):
            source.backup(copy)
            # One file, readable by anyone with SQLite, no -wal beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
        with open(partial, "rb") as written:
            os.fsync(written.fileno())
        partial.replace(target)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            partial.unlink()
        raise Unavailable(
            f"{database.path} was not upgraded: no copy could be made in {folder}",
            hint="make the folder writable and free some space",
            details={"said": str(error)},
        ) from error
    _log.info("copied %s to %s before upgrading it", database.path, target)


def _settle_journal_mode(connection: sqlite3.Connection, mode: str, patience_seconds: float) -> None:
    # The mode is a property of the file.  Changing it needs the file alone for a moment, and SQLite does not
    # wait for that by itself: two first openers meet here.
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0].lower() != mode:
                connection.execute(f"PRAGMA journal_mode = {mode}")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _checked_url(url: str | Path) -> URL:
    if isinstance(url, Path) or "://" not in url:
        return URL.create("sqlite", database=str(Path(url).expanduser().absolute()))
    try:
        parsed = make_url(f"postgresql{url[8:]}" if url.startswith("postgres://") else url)
        backend = parsed.get_backend_name()
    except (exc.ArgumentError, ValueError):  # the words may hold the URL, and a ValueError a part of it
        raise _unreadable_url("its URL cannot be read") from None
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        return URL.create("sqlite")
    if backend == "sqlite" and parsed.database:
        return parsed.set(database=str(Path(parsed.database).expanduser().absolute()))
    if backend == "postgresql":
        if parsed.port is not None and not 0 < parsed.port < 65536:
            raise _unreadable_url(f"{_without_password(parsed)}: there is no port {parsed.port}")
        return parsed
    raise Invalid(
        f"nbproof cannot keep its records in {_without_password(parsed)}",
        hint="use a SQLite file (sqlite:///folder/meta.db) or postgresql://user:password@host:5432/name",
        details={"field": "database"},
    )


def _check_options(url: URL) -> None:
    """Refuse options of a PostgreSQL URL that its driver does not know; only their names are shown."""
    from psycopg.pq import Conninfo

    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    for name in url.query:
        if name not in known:
            near = near_names(name, known)
            raise Invalid(
                f"the setting 'database': its URL has the option {name!r}, which PostgreSQL does not know",
                hint=f"did you mean {near[0]!r}?" if near else "leave it out",
                details={"field": "database", "option": name, "near": near},
            )


def _unreadable_url(message: str) -> Invalid:
    return Invalid(
        f"the setting 'database': {message}",
        hint="write it like postgresql://user:password@host:5432/name?sslmode=require, special characters "
        "of the password percent-encoded",
        details={"field": "database"},
    )


def _without_password(url: URL) -> str:
    # It may also be among the options: postgresql://host/name?password=..., misspelt too.
    hidden = [name for name in url.query if "pass" in name.lower()]
    return url.difference_update_query(hidden).render_as_string(hide_password=True)


def _close_connection(_: object, record: sa.pool.ConnectionPoolEntry) -> None:
    record.invalidate()


def _is_read_only(path: Path) -> bool:
    if not path.exists():
        return False
    return not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _sibling(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _renew_after_fork() -> None:
    for database in list(_open):
        # Closing a parent's SQLite connection in the child is as harmful as using it: keep it, unused.
        _inherited.append(database.engine.pool)
        database.engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)

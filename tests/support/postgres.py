"""A real PostgreSQL server, made in a temporary folder and run by a plain user."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .plain_user import PlainUser, stop

__all__ = ["PostgresServer", "find_postgres"]

_MOST_BYTES = 24_000_000  # deleted rows keep their place: one with many is not lent again
_State = tuple[list[Any], dict[str, list[Any]]]
"""Which columns the tables of a database have, and the rows of those that are not empty."""


def find_postgres() -> Path | None:
    """The folder of the newest PostgreSQL server programs, in PATH or where Debian and Red Hat put them."""

    def version(folder: Path) -> list[int]:
        return [int(n) for n in re.findall(r"\d+", str(folder))]

    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=version, reverse=True)
    folders += sorted(Path("/usr").glob("pgsql-*/bin"), key=version, reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


class PostgresServer:
    """Listens on a unix socket in its own folder only, so that no port can be taken."""

    def __init__(self, programs: Path, user: PlainUser) -> None:
        self._user = user
        self._numbers = count(1)
        self._free: list[str] = []
        self._state: _State | None = None
        self.folder = user.folder("pg")
        data = self.folder / "data"
        options = [
            "-U",
            "nbproof",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
        ]
        user.run([programs / "initdb", "-D", data, *options], timeout=120, check=True)
        self._log = (self.folder / "log").open("w")
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "off",  # the machine may fail; the tests would fail with it
            "full_page_writes": "off",
            "autovacuum": "off",
            "max_connections": "200",
            "timezone": "UTC",
        }
        self._process = user.start(
            [programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        self._wait_until_it_answers(60)

    def url(self, database: str = "postgres") -> str:
        """Where a database of this server is."""
        return f"postgresql://nbproof@/{database}?host={quote(str(self.folder), safe='')}"

    def create_database(self) -> str:
        """A new empty database; its URL."""
        name = f"test_{next(self._numbers)}"
        self._ask(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return self.url(name)

    def lend_database(self) -> str:
        """A database with nbproof's tables and no rows of theirs; its URL.

        To create one takes longer than most tests, so those that were given back are lent again.
        """
        from nbproof.storage.database import open_database

        if self._free:
            return self._free.pop()
        url = self.create_database()
        open_database(url).close()
        if self._state is None:
            self._state = self._state_of(url)
        return url

    def give_back(self, url: str) -> None:
        """Empty what was lent; one whose tables are no longer as they were is removed."""
        import psycopg

        name = url.partition("@/")[2].partition("?")[0]
        self._ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        assert self._state is not None
        columns, filled = self._state
        every = {table for table, _ in columns}
        emptied = "; ".join(f'DELETE FROM "{table}"' for table in sorted(every - set(filled)))
        try:
            self._ask(
                # Without its triggers, which would ask the other tables about each row.
                f"SET session_replication_role = replica; {emptied}; "
                "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'",
                url,
            )
        except psycopg.ProgrammingError:  # a table is gone
            return self.drop_database(url)
        if self._state_of(url) == self._state and self._size_of(name) < _MOST_BYTES:
            self._free.append(url)
        else:
            self.drop_database(url)

    def drop_database(self, url: str) -> None:
        """Remove a database with whatever is still connected to it."""
        name = url.partition("@/")[2].partition("?")[0]
        self._ask(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def close(self) -> None:
        """Stop at once; the folder goes with the plain user's."""
        stop(self._process, signal.SIGQUIT)
        self._log.close()

    def _size_of(self, name: str) -> int:
        import psycopg

        with psycopg.connect(self.url()) as connection:
            found = connection.execute("SELECT pg_database_size(%s)", [name]).fetchone()
        return int(found[0]) if found else 0

    def _state_of(self, url: str) -> _State:
        import psycopg

        with psycopg.connect(url) as connection:
            columns = connection.execute(
                "SELECT table_name, column_name FROM information_schema.columns "
                "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
            ).fetchall()
            filled = {}
            for table in sorted({table for table, _ in columns}):
                if rows := connection.execute(f'SELECT * FROM "{table}"').fetchall():
                    filled[table] = rows
        return columns, filled

    def _ask(self, statement: str, url: str | None = None) -> None:
        import psycopg

        with psycopg.connect(url or self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def _wait_until_it_answers(self, seconds: float) -> None:
        import psycopg

        deadline = time.monotonic() + seconds
        while True:
            try:
                return self._ask("SELECT 1")
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    text = Path(self._log.name).read_text()
                    raise RuntimeError(f"the PostgreSQL server did not start:\n{text}") from None
                time.sleep(0.05)

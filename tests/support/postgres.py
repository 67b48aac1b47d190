"""A real PostgreSQL server, made in a temporary folder and run by a plain user."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from itertools import count
from pathlib import Path
from urllib.parse import quote

from .plain_user import PlainUser, stop

__all__ = ["PostgresServer", "find_postgres"]


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

    def drop_database(self, url: str) -> None:
        """Remove a database with whatever is still connected to it."""
        name = url.partition("@/")[2].partition("?")[0]
        self._ask(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def close(self) -> None:
        """Stop at once; the folder goes with the plain user's."""
        stop(self._process, signal.SIGQUIT)
        self._log.close()

    def _ask(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
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

"""Opening the database: created, read-only, damaged, locked, away; each trouble is told with the way out."""

import os
import re
import sqlite3
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from nbproof.core.errors import Conflict, Invalid, Unavailable
from nbproof.storage import database as module
from nbproof.storage.database import Database, check, current, open_database
from nbproof.storage.migrations import HEAD
from nbproof.storage.mounts import on_network_mount
from nbproof.storage.tables import JsonText


def make(path):
    open_database(path).close()
    return path


def test_an_empty_database_gets_every_table_and_is_stamped(empty_database_url):
    with open_database(empty_database_url) as database:
        state = current(database)
        tables = set(sa.inspect(database.engine).get_table_names())

        assert (state.revision, state.pending, state.series) == (HEAD, (), "0.1")
        assert {
            "experiments",
            "runs",
            "params",
            "metrics",
            "metric_chunks",
            "tags",
            "artifacts",
            "jobs",
        } <= tables
        assert check(database) == []


def test_a_connection_in_use_is_closed_when_it_is_given_back_after_the_close(empty_database_url):
    database = open_database(empty_database_url)
    with database.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        database.close()
        assert connection.execute(sa.select(1)).scalar() == 1

    with pytest.raises(Exception, match="closed"):
        driver.cursor()


def test_reading_and_writing_in_a_new_database_takes_no_alembic(tmp_path):
    program = textwrap.dedent("""
        import sys
        from nbproof.storage.database import open_database
        from nbproof.tracking.repository import RunRepository
        with open_database(sys.argv[1]) as database:
            assert RunRepository(database).list_runs().items == []
        print("alembic" in sys.modules)
    """)
    told = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "meta.db")], capture_output=True, text=True, check=True
    )

    assert told.stdout.strip() == "False"


def test_many_processes_open_an_empty_database_at_once(empty_database_url):
    program = textwrap.dedent("""
        import sys
        from nbproof.storage.database import current, open_database
        with open_database(sys.argv[1]) as database:
            print(current(database).revision)
    """)
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_database_url], stdout=subprocess.PIPE, text=True
        )
        for _ in range(5)
    ]
    answers = [opener.communicate()[0].strip() for opener in openers]

    assert answers == [HEAD] * 5


def test_sqlite_is_set_up_for_several_processes(tmp_path):
    with open_database(tmp_path / "meta.db") as database, database.connect() as connection:
        told = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }

    assert told == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 10_000}


def test_a_network_mount_gets_a_rollback_journal(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "on_network_mount", lambda path: True)
    with open_database(tmp_path / "meta.db") as database, database.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_local_folder_is_no_network_mount(tmp_path):
    assert not on_network_mount(tmp_path)
    assert not on_network_mount(tmp_path / "not" / "yet" / "there")


def test_a_failing_block_leaves_nothing_behind(empty_database_url):
    def fails(database):
        with database.begin() as connection:
            connection.execute(sa.text("INSERT INTO workspace_meta VALUES ('a', 'b')"))
            raise KeyError

    with open_database(empty_database_url) as database:
        with pytest.raises(KeyError):
            fails(database)
        with database.connect() as connection:
            rows = connection.execute(sa.text("SELECT key FROM workspace_meta WHERE key = 'a'")).all()

    assert rows == []


def test_a_writer_waits_for_another_one(tmp_path):
    path = make(tmp_path / "meta.db")
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.5, holder.execute, ["COMMIT"])

    with open_database(path, busy_timeout_seconds=60) as database:
        release.start()
        with database.begin() as connection:
            assert not holder.in_transaction
            connection.execute(sa.text("INSERT INTO workspace_meta VALUES ('a', 'b')"))

    release.join()
    holder.close()


def test_a_database_that_stays_locked_is_unavailable_and_readers_do_not_care(tmp_path):
    path = make(tmp_path / "meta.db")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    with open_database(path, busy_timeout_seconds=0.1) as database:
        with pytest.raises(Unavailable, match=r"kept .* locked") as caught, database.begin():
            pass
        assert current(database).revision == HEAD

    assert "try again" in str(caught.value.hint)
    holder.close()


def test_a_file_that_is_no_database_is_told_so(tmp_path):
    path = tmp_path / "meta.db"
    path.write_bytes(b"These are my notes, not a database." * 100)

    with pytest.raises(Unavailable, match="is not a database, or is damaged") as caught:
        open_database(path)

    assert "backups" in str(caught.value.hint)
    assert path.read_bytes().startswith(b"These are my notes")


def test_a_damaged_database_is_told_so(tmp_path):
    path = make(tmp_path / "meta.db")
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(bytes(content))

    with pytest.raises(Unavailable, match="damaged"):
        open_database(path)


def test_a_missing_folder_is_told_so(tmp_path):
    with pytest.raises(Unavailable, match=r"folder .*gone does not exist") as caught:
        open_database(tmp_path / "gone" / "meta.db")

    assert "nbproof init" in str(caught.value.hint)


def test_a_folder_in_the_place_of_the_database_is_told_so(tmp_path):
    (tmp_path / "meta.db").mkdir()

    with pytest.raises(Unavailable, match="is a folder"):
        open_database(tmp_path / "meta.db")


def test_tables_of_another_program_are_left_alone(empty_database_url):
    with Database(empty_database_url) as database:
        with database.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE jobs (mine INTEGER)")
        with pytest.raises(Conflict, match="tables of another program"):
            open_database(empty_database_url)
        assert sa.inspect(database.engine).get_table_names() == ["jobs"]


@pytest.mark.parametrize("url", ["mysql://root@localhost/x", "redis://x", "://", "nonsense://"])
def test_a_url_of_something_else_is_invalid(url):
    with pytest.raises(Invalid) as caught:
        Database(url)

    assert "postgresql://user:password@host" in str(caught.value.hint)


def test_an_absent_postgresql_server_is_unavailable_without_its_password():
    with pytest.raises(Unavailable, match="does not answer") as caught:
        open_database("postgresql://me:secret@127.0.0.1:9/x")

    assert "secret" not in f"{caught.value} {caught.value.details}"


@pytest.mark.parametrize(
    ("rest", "named"),
    [
        ("127.0.0.1:9/x?sslmod=require", "'sslmod'.*did you mean 'sslmode'"),
        ("127.0.0.1:9/x?colour=blue", "'colour'"),
        ("127.0.0.1:9/x?passwrod=secret", "'passwrod'"),
        ("127.0.0.1:9/x?sslmode=sometimes", "'sslmode'"),
        ("127.0.0.1/x?port=99999", "'port'"),
        ("127.0.0.1:9/x?keepalives=soon", "'keepalives'"),
        ("/x?host=a,b&port=1", "cannot be read"),
        ("127.0.0.1:99999/x", "no port 99999"),
        ("127.0.0.1:many/x", "cannot be read"),
        ("127.0.0.1/x?port=many", "cannot be read"),
    ],
)
def test_a_wrong_part_of_a_postgresql_url_is_named_without_the_password(rest, named):
    with pytest.raises(Invalid) as caught:
        open_database(f"postgresql://me:secret@{rest}")

    assert re.search(named, str(caught.value))
    assert "the setting 'database'" in str(caught.value) and caught.value.details["field"] == "database"
    assert "secret" not in f"{caught.value} {caught.value.details}"
    assert caught.value.__cause__ is None


def test_a_missing_driver_names_the_extra():
    program = textwrap.dedent("""
        import sys
        sys.modules["psycopg"] = None
        from nbproof.storage.database import Database
        try:
            Database("postgresql://localhost/x")
        except Exception as error:
            print(type(error).__name__, error.hint)
    """)
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == 'Unavailable pip install "nbproof[postgres]"'


def test_a_database_that_can_only_be_read_is_read(plain_user):
    path = make(plain_user.folder("workspace") / "meta.db")
    path.chmod(0o444)
    path.parent.chmod(0o555)
    program = textwrap.dedent("""
        import sys
        from nbproof.storage.database import open_database
        from nbproof.tracking.repository import RunRepository
        with open_database(sys.argv[1]) as database:
            print(database.read_only, RunRepository(database).list_runs().items)
            try:
                with database.begin():
                    pass
            except Exception as error:
                print(type(error).__name__, error)
    """)
    told = plain_user.run([sys.executable, "-c", program, path])

    assert told.stdout.startswith("True []\nUnavailable"), told.stderr
    assert sorted(each.name for each in path.parent.iterdir()) == ["meta.db"]


def test_a_database_in_memory_serves_all_threads_and_is_gone_when_closed():
    with open_database("sqlite://") as database:
        found: list[int] = []

        def write(number):
            with database.begin() as connection:
                connection.execute(sa.text("INSERT INTO workspace_meta VALUES (:k, 'v')"), {"k": str(number)})
            with database.connect() as connection:
                found.append(connection.execute(sa.text("SELECT count(*) FROM workspace_meta")).scalar_one())

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert max(found) == 10
    assert current(database).revision is None
    database.close()


def test_a_forked_child_opens_its_own_connections(tmp_path):
    with open_database(tmp_path / "meta.db") as database:
        with database.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
        child = os.fork()
        if child == 0:
            try:
                with database.begin() as connection:
                    connection.execute(sa.text("INSERT INTO workspace_meta VALUES ('child', 'v')"))
                os._exit(0)
            except BaseException:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        with database.connect() as connection:
            told = connection.execute(
                sa.text("SELECT value FROM workspace_meta WHERE key = 'child'")
            ).scalar()

    assert (status, told) == (0, "v")


def test_a_relative_path_stays_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_database("meta.db") as database:
        monkeypatch.chdir("/")
        assert current(database).revision == HEAD

    assert Path(tmp_path / "meta.db").exists()


def test_names_with_odd_characters_are_paths_like_others(tmp_path):
    for name in ("a b", "a?b#c%20", "größe 🎈"):
        (tmp_path / name).mkdir()
        make(tmp_path / name / "meta.db")
        assert (tmp_path / name / "meta.db").is_file()


def test_check_finds_what_is_wrong(tmp_path):
    path = make(tmp_path / "meta.db")
    with sqlite3.connect(path) as connection:
        connection.execute("DROP INDEX ix_runs_name")
        connection.execute("INSERT INTO tags VALUES ('no run', 'k', 'v', 0)")
    connection.close()

    with Database(path) as database:
        found = "\n".join(check(database))

    assert "ix_runs_name" in found
    assert "points to a row of runs that is gone" in found


def test_a_full_disk_is_told_so(tmp_path):
    def fills(database):
        with database.begin() as connection:
            # SQLite answers the same whether the disk or this bound is reached.
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}")
            big = {"v": "x" * 100_000}
            connection.execute(sa.text("INSERT INTO workspace_meta VALUES ('big', :v)"), big)

    with (
        open_database(tmp_path / "meta.db") as database,
        pytest.raises(Unavailable, match="is full") as caught,
    ):
        fills(database)

    assert "waits in the journal" in str(caught.value.hint)


def test_json_comes_back_as_it_was_and_stays_ascii(tmp_path):
    kind = JsonText()
    value = {"a": [2**200, "\0", "\ud800", "é", None, True]}

    written = kind.process_bind_param(value, sqlite.dialect())

    assert written is not None
    assert written.isascii()
    assert kind.process_result_value(written, sqlite.dialect()) == value

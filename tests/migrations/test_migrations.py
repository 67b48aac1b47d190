"""The migrations lead to the tables, on both databases, from every revision that was ever released."""

import shutil
import sqlite3
import subprocess
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from nbproof.core.errors import Conflict, Unavailable
from nbproof.storage import database as module
from nbproof.storage.database import Database, check, current, open_database, upgrade
from nbproof.storage.migrations import HEAD, REVISIONS

ASSETS = Path(__file__).parent / "assets"


def schema_of(url):
    """Everything the database says about its tables, in an order of our own."""
    database = Database(url)
    inspector = sa.inspect(database.engine)
    schema: dict[str, dict[str, object]] = {}
    for table in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        schema[table] = {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            },
            "key": inspector.get_pk_constraint(table),
            "indexes": sorted(
                (
                    index["name"],
                    tuple(map(str, index["column_names"] or index.get("expressions", ()))),
                    index["unique"],
                )
                for index in inspector.get_indexes(table)
            ),
            "foreign": sorted(str(sorted(key.items(), key=str)) for key in inspector.get_foreign_keys(table)),
            "unique": sorted(
                str(sorted(key.items(), key=str)) for key in inspector.get_unique_constraints(table)
            ),
        }
    if database.dialect == "sqlite":
        with database.connect() as connection:
            rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
            for name, sql in rows:
                schema.setdefault(name, {})["without rowid"] = "WITHOUT ROWID" in sql
                schema[name]["order"] = sql.upper().count(" DESC")
    database.close()
    schema.pop("alembic_version", None)
    return schema


def revision_of(path):
    with Database(path) as database:
        return current(database).revision


def replayed(url, revision="head"):
    """A database made by the migrations alone."""
    database = Database(url)
    with module._alone(database) as connection:
        module._migrate(connection, revision)
        module._remember_version(connection)
    database.close()


def loaded(revision, folder):
    """The SQLite workspace saved at a revision."""
    path = folder / "meta.db"
    with sqlite3.connect(path) as connection:
        connection.executescript((ASSETS / f"sqlite-{revision}.sql").read_text(encoding="utf-8"))
    connection.close()
    return path


def test_the_list_of_revisions_is_the_chain_of_migrations():
    config = Config()
    config.set_main_option("script_location", str(Path(module.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)

    chain = [script.revision for script in scripts.walk_revisions()]

    assert tuple(reversed(chain)) == REVISIONS
    assert len(scripts.get_heads()) == 1


def test_every_migration_says_what_happens_to_existing_rows():
    for path in (Path(module.__file__).parent / "migrations" / "versions").glob("*.py"):
        assert "Existing rows:" in path.read_text(encoding="utf-8"), path.name


def test_replayed_migrations_give_the_tables_that_an_empty_database_gets(
    empty_database_url, tmp_path, request
):
    open_database(empty_database_url).close()
    created = schema_of(empty_database_url)
    if empty_database_url.startswith("sqlite"):
        other = f"sqlite:///{tmp_path / 'replayed.db'}"
    else:
        other = empty_database_url
        engine = Database(other).engine
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        engine.dispose()

    replayed(other)

    assert schema_of(other) == created
    with Database(other) as database:
        assert check(database) == []


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_a_workspace_saved_at_an_older_revision_is_copied_and_upgraded(revision, tmp_path):
    path = loaded(revision, tmp_path)
    before = path.read_bytes()

    database = open_database(path)

    assert current(database).revision == HEAD
    assert check(database) == []
    copies = list((tmp_path / "backups").iterdir())
    assert [copy.name.startswith(f"meta-{revision}-") for copy in copies] == [True]
    assert len(before) == copies[0].stat().st_size
    with sqlite3.connect(copies[0]) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == (revision,)
        assert copy.execute("SELECT count(*) FROM runs").fetchone()[0] > 0
    copy.close()
    with database.connect() as connection:
        newest = connection.exec_driver_sql("SELECT name, newest_metric FROM runs ORDER BY name").all()
    database.close()
    assert newest == [("amber-fox", "loss"), ("brave-owl", None)]


def test_a_postgresql_database_saved_at_the_first_revision_is_upgraded(postgres_database, caplog):
    engine = Database(postgres_database).engine
    with engine.begin() as connection:
        for statement in (ASSETS / "postgresql-0001.sql").read_text(encoding="utf-8").split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement.replace("%", "%%"))
    engine.dispose()

    database = open_database(postgres_database)

    assert current(database).revision == HEAD
    assert check(database) == []
    assert "backups of a PostgreSQL database are its server's" in caplog.text
    with database.connect() as connection:
        newest = connection.exec_driver_sql("SELECT name, newest_metric FROM runs ORDER BY name").all()
    database.close()
    assert newest == [("amber-fox", "loss"), ("brave-owl", None)]


def test_a_workspace_is_not_upgraded_where_no_copy_can_be_made(tmp_path):
    path = loaded("0001", tmp_path)
    (tmp_path / "backups").write_text("a file where the folder should be")

    with pytest.raises(Unavailable, match="no copy could be made"):
        open_database(path)

    assert revision_of(path) == "0001"


def test_a_failing_migration_changes_nothing(tmp_path, monkeypatch):
    path = loaded("0001", tmp_path)
    real = module._migrate

    def fails_after(connection, revision="head"):
        real(connection, revision)
        raise RuntimeError("power cut")

    monkeypatch.setattr(module, "_migrate", fails_after)
    with pytest.raises(RuntimeError, match="power cut"):
        open_database(path)

    assert revision_of(path) == "0001"
    with sqlite3.connect(path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
    connection.close()
    assert "newest_metric" not in columns


def test_several_openers_at_once_upgrade_once(tmp_path):
    path = loaded("0001", tmp_path)
    failures = []

    def opens():
        try:
            open_database(path).close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=opens) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(list((tmp_path / "backups").iterdir())) == 1
    assert revision_of(path) == HEAD


def write_stamp(url, revision, series, version):
    database = open_database(url)
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
        connection.execute(
            sa.text("UPDATE workspace_meta SET value = :s WHERE key = 'series'"), {"s": series}
        )
        connection.execute(
            sa.text("UPDATE workspace_meta SET value = :v WHERE key = 'version'"), {"v": version}
        )
    database.close()


def test_a_newer_revision_of_the_same_series_is_used_as_it_is(empty_database_url):
    write_stamp(empty_database_url, "0999", "0.1", "0.1.9")

    database = open_database(empty_database_url)

    assert current(database).revision == "0999"
    assert upgrade(database).version == "0.1.9"
    assert check(database) == []
    database.close()


@pytest.mark.parametrize("series", ["0.2", "0.10", "1.0"])
def test_a_workspace_from_the_future_is_refused_with_the_way_out(empty_database_url, series):
    write_stamp(empty_database_url, "0999", series, f"{series}.3")

    with pytest.raises(Conflict, match=rf"written by nbproof {series}\.3") as caught:
        open_database(empty_database_url)

    assert caught.value.hint == "pip install -U nbproof"


def test_one_that_is_open_while_a_later_series_upgrades_it_is_left_alone_from_then_on(empty_database_url):
    with open_database(empty_database_url) as database:
        with database.connect() as connection:
            connection.execute(sa.text("SELECT count(*) FROM runs"))
        write_stamp(empty_database_url, "0999", "0.2", "0.2.0")

        for transaction in (database.begin, database.connect, database.begin):
            with pytest.raises(Conflict, match=r"written by nbproof 0\.2\.0") as caught, transaction():
                pytest.fail("it was let in")  # pragma: no cover
            assert caught.value.hint == "pip install -U nbproof"


def test_one_that_is_open_while_a_later_release_of_the_series_upgrades_it_goes_on(empty_database_url):
    with open_database(empty_database_url) as database:
        write_stamp(empty_database_url, "0999", "0.1", "0.1.9")
        for _ in range(2):
            with database.begin() as connection:
                connection.execute(sa.text("UPDATE workspace_meta SET value = 'x' WHERE key = 'none'"))
        assert current(database).revision == "0999"


def test_the_saved_workspaces_are_complete():
    released = {path.stem.removeprefix("sqlite-") for path in ASSETS.glob("sqlite-*.sql")}

    assert released == set(REVISIONS[:-1]) or released == set(REVISIONS)


def test_saved_workspaces_open_in_the_sqlite_program_too(tmp_path):
    program = shutil.which("sqlite3")
    if program is None:
        pytest.skip("no sqlite3 program here")
    done = subprocess.run(
        [program, str(tmp_path / "x.db")],
        input=(ASSETS / "sqlite-0001.sql").read_text(),
        text=True,
        check=False,
    )
    assert done.returncode == 0

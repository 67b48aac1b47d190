"""The ground the other tests stand on."""

import os
import sys

import pytest

from nbproof.lineage.domain import Edge, Node
from nbproof.lineage.repository import LineageRepository
from nbproof.storage.database import open_database


def test_a_plain_user_is_not_root_and_cannot_read_what_is_closed(plain_user):
    folder = plain_user.folder("closed")
    secret = folder / "secret"
    secret.write_text("x")
    plain_user.own(secret)
    secret.chmod(0)

    who = plain_user.run([sys.executable, "-c", "import os; print(os.geteuid())"], check=True)
    read = plain_user.run([sys.executable, "-c", f"open({str(secret)!r})"])

    assert int(who.stdout) != 0
    assert "PermissionError" in read.stderr


def test_a_plain_users_programs_import_nbproof_and_write_in_their_home_only(plain_user):
    script = "import nbproof, os, pathlib; pathlib.Path('x').write_text('y'); print(os.environ['HOME'])"

    done = plain_user.run([sys.executable, "-c", script], check=True)

    assert done.stdout.strip() == str(plain_user.home)
    assert (plain_user.home / "x").read_text() == "y"


def test_a_new_database_is_empty_and_gone_afterwards(postgres_database, postgres_server):
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(postgres_database) as connection:
        connection.execute("CREATE TABLE t (a int)")
    with psycopg.connect(postgres_server.create_database()) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 't'").fetchone()
    assert tables == (0,)


def test_what_was_lent_has_no_rows_when_it_is_lent_again(postgres_server):
    lent = postgres_server.lend_database()
    with open_database(lent) as database:
        edge = Edge(Node("file", "/a"), Node("file", "/b"), "copied")
        assert LineageRepository(database).add([edge], now_us=1) == 1
    postgres_server.give_back(lent)

    again = postgres_server.lend_database()
    with open_database(again) as database:
        assert list(LineageRepository(database).every()) == []
    postgres_server.give_back(again)
    assert again == lent


@pytest.mark.parametrize("change", ["ALTER TABLE runs ADD COLUMN mine int", "DROP TABLE runs CASCADE"])
def test_what_was_lent_and_has_other_tables_now_is_not_lent_again(postgres_server, change):
    psycopg = pytest.importorskip("psycopg")
    lent = postgres_server.lend_database()
    with psycopg.connect(lent) as connection:
        connection.execute(change)
    postgres_server.give_back(lent)

    other = postgres_server.lend_database()
    postgres_server.give_back(other)
    assert other != lent


def test_no_test_sees_the_users_settings(monkeypatch):
    assert not [name for name in os.environ if name.startswith("NBPROOF_")]
    assert not os.environ["JUPYTER_CONFIG_DIR"].startswith(os.path.expanduser("~/"))


def test_a_test_asks_for_both_databases(database_url):
    assert database_url.startswith(("sqlite:///", "postgresql://"))


def test_a_small_disk_is_soon_full(small_disk):
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "big").write_bytes(bytes(5 << 20))

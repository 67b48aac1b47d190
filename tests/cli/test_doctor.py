"""The doctor finds what is broken, and never falls ill."""

from __future__ import annotations

import os
import sys

import pytest

import nbproof as nbp
from nbproof.platform import workspace


def verdicts(told, about):
    return {each["verdict"] for each in told["findings"] if each["about"] == about}


def messages(told):
    return " | ".join(f"{each['message']} {each['mend'] or ''}" for each in told["findings"])


def test_a_healthy_workspace_has_nothing_that_failed(nbproof, project):
    nbproof("runs", "start", "digits")
    done = nbproof("doctor", "--json")
    assert done.code == 0
    told = done.json
    assert told["ok"] is True
    assert {"python", "packages", "jupyter", "workspace", "settings", "disk", "database", "journal"} <= {
        each["about"] for each in told["findings"]
    }
    assert str(project / ".nbproof") in messages(told)
    printed = nbproof("doctor").out
    assert "* the nearest .nbproof upward" in printed
    assert sys.executable in printed


def test_looking_leaves_nothing_behind(nbproof, project):
    assert nbproof("doctor").code == 0
    assert list(project.iterdir()) == []
    nbproof("init")
    before = {path.name for path in (project / ".nbproof").iterdir()}
    nbproof("doctor")
    after = {path.name for path in (project / ".nbproof").iterdir()}
    assert after - before <= {"meta.db-shm", "meta.db-wal"}  # SQLite's own, while it is looked into


def test_all_rules_are_shown_and_the_one_that_was_taken(nbproof, project):
    rules = next(
        each["facts"]["rules"]
        for each in nbproof("doctor", "--json", NBPROOF_WORKSPACE=str(project)).json["findings"]
        if each["facts"].get("rules")
    )
    assert [rule["rule"] for rule in rules if rule["chosen"]] == ["NBPROOF_WORKSPACE"]
    assert len(rules) == 6


@pytest.mark.parametrize(
    ("text", "about", "said"),
    [
        ("format = = 1", "settings", "is not valid TOML"),
        ("format = 99", "settings", "pip install -U nbproof"),
        ("drain_secs = 1", "settings", "drain_seconds"),
    ],
)
def test_broken_settings_are_a_finding(nbproof, project, text, about, said):
    nbproof("init")
    (project / ".nbproof" / "nbproof.toml").write_text(text)
    done = nbproof("doctor", "--json")
    assert done.code == 1
    assert "fail" in verdicts(done.json, about)
    assert said in messages(done.json)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:hush@127.0.0.1:1/records",
        "postgresql://127.0.0.1:1/records?user=a&password=hush&connect_timeout=2",
    ],
)
def test_the_database_s_password_is_not_shown(nbproof, project, url):
    nbproof("init")
    (project / ".nbproof" / "nbproof.toml").write_text(f'format = 1\ndatabase = "{url}"\n')
    for words in (["doctor"], ["doctor", "--json"], ["db", "current"]):
        done = nbproof(*words)
        assert "127.0.0.1" in done.out + done.err
        assert "hush" not in done.out + done.err


def test_a_damaged_database_is_a_finding(nbproof, project):
    nbproof("init")
    for ending in ("-wal", "-shm"):
        (project / ".nbproof" / f"meta.db{ending}").unlink(missing_ok=True)
    (project / ".nbproof" / "meta.db").write_bytes(b"not a database" * 1000)
    done = nbproof("doctor", "--json")
    assert done.code == 1
    assert "fail" in verdicts(done.json, "database")


def test_a_folder_in_place_of_a_workspace_is_a_finding(nbproof, project):
    (project / "file").write_text("")
    done = nbproof("doctor", "--json", NBPROOF_WORKSPACE=str(project / "file"))
    assert done.code == 1
    assert "not a folder" in messages(done.json)


def test_a_server_that_is_away_is_a_finding(nbproof):
    done = nbproof("doctor", "--json", "--url", "http://127.0.0.1:9")
    assert done.code == 1
    assert "fail" in verdicts(done.json, "server")


def test_what_waits_in_the_journal_is_counted(nbproof, project):
    before = workspace.use(None)
    try:
        with nbp.start_run("waits", experiment="digits"):
            for _ in range(10):
                nbp.log_metric("loss", 1.0)
            facts = next(
                each["facts"]
                for each in nbproof("doctor", "--json").json["findings"]
                if each["about"] == "journal"
            )
    finally:
        opened = workspace.use(before)
        assert opened is not None
        opened.close()
    assert facts["writers"] == 1
    assert facts["undrained"] >= 12


def test_a_workspace_that_cannot_be_written_is_a_finding(plain_user):
    folder = plain_user.folder("closed")
    plain_user.run([sys.executable, "-m", "nbproof", "init", folder], check=True)
    plain_user.run(["chmod", "-R", "a-w", folder], check=True)
    done = plain_user.run([sys.executable, "-m", "nbproof", "doctor"], cwd=folder)
    plain_user.run(["chmod", "-R", "u+w", folder], check=True)
    assert done.returncode == 1
    assert "can't be written" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_panel_of_another_version_is_a_finding(nbproof, project, monkeypatch):
    described = project / "data" / "labextensions" / "nbproof"
    described.mkdir(parents=True)
    (described / "package.json").write_text('{"version": "9.9.9"}')
    monkeypatch.setenv("JUPYTER_PATH", str(project / "data"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", os.devnull)
    told = nbproof("doctor", "--json").json
    assert "the panel is of nbproof 9.9.9" in messages(told)


def test_packs_that_are_damaged_or_gone_are_findings(nbproof, project):
    (project / "a.bin").write_bytes(os.urandom(200_000))
    assert nbproof("datasets", "register", "a.bin").code == 0
    told = nbproof("doctor", "--json").json
    assert "1 pack of content" in messages(told) and "1 unfinished" in messages(told)
    assert verdicts(told, "content") == {"ok"}

    (pack,) = (project / ".nbproof" / "content" / "packs" / "open").glob("*.pack")
    content = bytearray(pack.read_bytes())
    content[200] ^= 1
    pack.write_bytes(content)
    assert nbproof("datasets", "verify").code == 1
    assert "found by the last verify" in messages(nbproof("doctor", "--json").json)

    pack.unlink()
    told = nbproof("doctor", "--json").json
    assert "are not there" in messages(told) and not told["ok"]


def test_packs_that_the_index_does_not_have_are_a_finding(nbproof, project):
    (project / "a.bin").write_bytes(os.urandom(200_000))
    nbproof("datasets", "register", "a.bin")
    assert nbproof("datasets", "rebuild-index").code == 0  # finishes the pack
    (project / ".nbproof" / "meta.db").unlink()
    assert nbproof("experiments", "list").code == 0
    assert "does not have all of 1 packs" in messages(nbproof("doctor", "--json").json)
    assert nbproof("datasets", "rebuild-index").code == 0
    assert verdicts(nbproof("doctor", "--json").json, "content") == {"ok"}

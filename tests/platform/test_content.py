"""The content of datasets: garbage, backups, verify, figures, erasing for good."""

from __future__ import annotations

import json
import secrets
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nbproof as nbp
from nbproof.cli.main import run
from nbproof.core.errors import Invalid, NotFound, Unavailable
from nbproof.platform.content import ContentCare
from nbproof.platform.location import Location
from nbproof.platform.maintenance import Maintenance, restore_workspace
from nbproof.platform.workspace import Workspace, use
from nbproof.storage.content.upkeep import condition, undisturbed


def opened(root, **environ):
    return Workspace(Location(Path(root), False, "a test"), say=lambda line: None, environ=environ)


@pytest.fixture
def workspace(project, request):
    environ = {}
    if getattr(request, "param", "sqlite") == "postgresql":
        environ["NBPROOF_DATABASE"] = request.getfixturevalue("lent_database")
    found = opened(project, **environ)
    before = use(found)
    yield found
    use(before)
    found.close()


on_both = pytest.mark.parametrize("workspace", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def chores(workspace):
    return Maintenance(workspace)


@pytest.fixture
def care(workspace):
    return ContentCare(workspace)


def frame(seed=0, rows=20_000):
    chance = np.random.default_rng(seed)
    return pd.DataFrame({"a": chance.standard_normal(rows), "b": chance.integers(0, 1 << 40, rows)})


def packs(workspace):
    return sum(size for _, size, _ in workspace.content.end.packs())


def pack_files(workspace):
    return sorted((workspace.folder / "content" / "packs").rglob("*.pack"))


def damage(path, at):
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


# -- garbage ----------------------------------------------------------------------------------------


@on_both
def test_content_of_a_deleted_version_goes_after_the_grace_and_what_another_shares_stays(workspace, chores):
    both = frame(0)
    nbp.register_dataset(both, "kept")
    nbp.register_dataset(pd.concat([both, frame(1)], axis=1).set_axis(list("abcd"), axis=1), "gone")
    before = packs(workspace)
    workspace.datasets.delete_dataset("gone@v1")

    assert chores.collect_garbage().bytes == 0  # it was deleted within the grace
    young = chores.collect_garbage(dry_run=True)
    told = chores.collect_garbage(grace_hours=0, dry_run=True)
    assert packs(workspace) == before
    done = chores.collect_garbage(grace_hours=0)

    assert told.bytes == pytest.approx(done.bytes, abs=1000) and done.bytes > 250_000
    assert (young.bytes, young.graced_bytes) == (0, told.bytes)
    assert before - packs(workspace) == pytest.approx(done.bytes, abs=1000)
    assert done.kept_bytes == pytest.approx(packs(workspace), abs=1000)
    pd.testing.assert_frame_equal(nbp.get_dataset("kept@v1").to_pandas(), both)
    # What was forgotten is encoded anew, and not believed to be there.
    again = nbp.register_dataset(frame(1), "again")
    pd.testing.assert_frame_equal(nbp.get_dataset(again.name).to_pandas(), frame(1))


def test_the_report_says_in_words_what_was_freed(workspace, capsys):
    nbp.register_dataset(frame(0), "gone")
    workspace.datasets.delete_dataset("gone@v1")

    assert run(["gc", "--dry-run"], workspace=workspace) == 0
    shown = capsys.readouterr().out
    assert "of what was deleted wait until their grace is over" in shown and "nothing refers" not in shown
    assert run(["gc", "--grace-hours", "0", "--dry-run"], workspace=workspace) == 0
    assert "freed; nothing was changed" in capsys.readouterr().out
    assert run(["gc", "--grace-hours", "0"], workspace=workspace) == 0
    shown = capsys.readouterr().out
    assert "deleted: " in shown and " freed" in shown and "0 stretches in use (0 B)" in shown
    assert run(["gc", "--json"], workspace=workspace) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == 0


def test_nothing_goes_while_a_manifest_cannot_be_read(workspace, chores):
    nbp.register_dataset(frame(0), "whole")
    nbp.register_dataset(frame(1), "gone")
    workspace.datasets.delete_dataset("gone@v1")
    (record,) = [each for each in workspace.datasets.live_versions() if each.dataset == "whole"]
    forget_object(workspace, record.manifest)

    before = packs(workspace)
    with pytest.raises(Unavailable, match=r"nothing is deleted .* what whole@v1 consists of"):
        chores.collect_garbage(grace_hours=0)
    assert packs(workspace) == before


def forget_object(workspace, location):
    """As if the pack with it had been lost."""
    from nbproof.storage.content.index import CONDEMNED
    from nbproof.storage.content.packs import Kind
    from nbproof.storage.content.store import hash_of

    index = workspace.content.index
    with index.database.begin() as connection:
        key = (hash_of(location), Kind.CHUNK)
        index.mark(connection, [key], CONDEMNED)
        index.forget(connection, [key])


# -- backup and restore -----------------------------------------------------------------------------


@on_both
@pytest.mark.parametrize("into", ["sqlite", "postgresql"])
def test_a_dataset_reads_back_after_a_restore(workspace, chores, tmp_path, into, postgres_server):
    first, second = frame(0), frame(1)
    nbp.register_dataset(first, "sales", aliases=["prod"])
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.bin").write_bytes(first["a"].to_numpy().tobytes())
    nbp.register_dataset(folder, "pictures")
    workspace.content.writer.pack_bytes = 1  # the next ones are finished at once
    nbp.register_dataset(second, "sales")
    nbp.register_dataset(frame(7), "sales-unfinished")
    workspace.content.writer.pack_bytes = 64 << 20
    nbp.register_dataset(frame(8), "sales-unfinished")
    assert {finished for _, _, finished in workspace.content.end.packs()} == {False, True}

    made = chores.back_up(tmp_path / "copy.zip")
    assert (made.content, made.missing_packs) == (None, 0)
    target = postgres_server.create_database() if into == "postgresql" else None
    try:
        restore_workspace(tmp_path / "copy.zip", tmp_path / "there", now_us=2**60, database=target)
        there = opened(tmp_path / "there", **({"NBPROOF_DATABASE": target} if target else {}))
        pd.testing.assert_frame_equal(there.datasets.get_dataset("sales@prod").to_pandas(), first)
        pd.testing.assert_frame_equal(there.datasets.get_dataset("sales@v2").to_pandas(), second)
        path = there.datasets.get_dataset("pictures").checkout(tmp_path / "out")
        assert (path / "a.bin").read_bytes() == (folder / "a.bin").read_bytes()
        assert ContentCare(there).verify().damaged_records == 0
        # It goes on: packs grow, and what is there is shared.
        again = there.datasets.register_dataset(first, "other")
        assert again.new_bytes < 20_000
        there.datasets.register_dataset(frame(2), "sales")
        pd.testing.assert_frame_equal(there.datasets.get_dataset("sales@v3").to_pandas(), frame(2))
        there.close()
    finally:
        if target:
            postgres_server.drop_database(target)


def test_only_what_is_needed_is_in_a_backup_and_copies_are_not(workspace, chores, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"content" * 1000)
    nbp.register_dataset(tmp_path / "a.bin")
    assert nbp.get_dataset("a").path().exists()

    chores.back_up(tmp_path / "copy.zip")
    with zipfile.ZipFile(tmp_path / "copy.zip") as archive:
        names = archive.namelist()
    assert any(name.startswith("content/packs/open/") for name in names)
    assert not any(name.startswith(("content/copies", "content/intakes", "content/seen")) for name in names)


def test_garbage_collection_beside_a_backup_moves_no_pack(workspace, chores, tmp_path):
    nbp.register_dataset(frame(0), "kept")
    nbp.register_dataset(frame(1), "gone")
    workspace.datasets.delete_dataset("gone@v1")
    before = packs(workspace)

    with undisturbed(workspace.content):
        done = ContentCare(workspace).collect(2**62, patience_seconds=0)
    assert done.waiting and packs(workspace) == before
    assert chores.collect_garbage(grace_hours=0).bytes > 250_000


def test_a_backup_waits_for_packs_that_are_being_moved(workspace):
    nbp.register_dataset(frame(0), "kept")
    store = workspace.content
    with (
        store.holds.held("sweep:of another"),
        pytest.raises(Unavailable, match="garbage is being deleted"),
        undisturbed(store, patience_seconds=0),
    ):
        raise AssertionError("somebody moves packs")
    with undisturbed(store, patience_seconds=0):
        pass


def test_a_damaged_pack_in_a_backup_is_reported_and_makes_nothing(workspace, chores, tmp_path):
    nbp.register_dataset(frame(0), "sales")
    chores.back_up(tmp_path / "copy.zip")
    (pack,) = pack_files(workspace)
    content = bytearray((tmp_path / "copy.zip").read_bytes())
    content[content.index(pack.read_bytes()[1000:1100])] ^= 1
    (tmp_path / "damaged.zip").write_bytes(content)

    with pytest.raises(Invalid, match=r"damaged.*packs"):
        restore_workspace(tmp_path / "damaged.zip", tmp_path / "there", now_us=0)
    assert not (tmp_path / "there" / ".nbproof").exists()


def test_packs_that_were_lost_before_are_counted(workspace, chores, tmp_path, capsys):
    nbp.register_dataset(frame(0), "sales")
    for path in pack_files(workspace):
        path.unlink()

    assert run(["backup", str(tmp_path / "copy.zip")], workspace=workspace) == 0
    assert "1 packs were lost before" in capsys.readouterr().out


# -- verify, figures, the index -----------------------------------------------------------------------


@on_both
def test_verify_names_the_versions_that_are_damaged_and_registering_again_mends_them(workspace, care, capsys):
    sound, hurt = frame(0), frame(1)
    nbp.register_dataset(hurt, "hurt")
    (path,) = pack_files(workspace)
    damage(path, 200)
    nbp.register_dataset(sound, "sound")

    found = care.verify()
    assert found.damaged == ["hurt@v1"] and found.damaged_records == 1
    assert run(["datasets", "verify"], workspace=workspace) == 1
    shown = capsys.readouterr().out
    assert "hurt@v1" in shown and "log the same content again" in shown and "sound" not in shown
    with pytest.raises(Unavailable):
        nbp.get_dataset("hurt@v1").to_pandas()

    nbp.register_dataset(hurt, "again")
    pd.testing.assert_frame_equal(nbp.get_dataset("hurt@v1").to_pandas(), hurt)
    assert care.verify().damaged == [] and condition(workspace.content).damaged_records == 0
    assert run(["datasets", "verify", "--percent", "50"], workspace=workspace) == 0
    assert "everything is as it was written" in capsys.readouterr().out


def test_figures_are_told_in_words(workspace, care):
    nbp.register_dataset(frame(0), "one")
    nbp.register_dataset(frame(0).assign(c=1), "two")

    found = care.stats()
    assert found.versions == 2 and found.dedup_ratio > 1.5 and found.stored_bytes == packs(workspace)
    assert "each byte is used" in str(found) and "dataset versions  2" in str(found)


def test_figures_of_a_workspace_that_is_not_there(project):
    found = opened(project)
    assert ContentCare(found).stats().versions == 0
    assert ContentCare(found).verify().records == 0
    found.close()


@on_both
def test_a_lost_index_is_made_anew(workspace, care):
    nbp.register_dataset(frame(0), "sales")
    index = workspace.content.index
    with index.database.begin() as connection:
        for pack in index.indexed():
            index.forget_pack(connection, pack)
    with pytest.raises(NotFound):
        nbp.get_dataset("sales").to_pandas()

    assert care.rebuild_index().packs == 1
    pd.testing.assert_frame_equal(nbp.get_dataset("sales").to_pandas(), frame(0))


def test_the_index_made_anew_tells_of_packs_that_are_gone(workspace, care):
    nbp.register_dataset(frame(0), "sales")
    for path in pack_files(workspace):
        path.unlink()

    assert care.rebuild_index().packs_missing == 1
    nbp.register_dataset(frame(0), "again")  # nothing is shared with what is gone
    pd.testing.assert_frame_equal(nbp.get_dataset("sales").to_pandas(), frame(0))


# -- erasing for good -----------------------------------------------------------------------------------


def everything(workspace):
    return b"".join(path.read_bytes() for path in pack_files(workspace))


@on_both
def test_what_is_forgotten_is_in_no_byte_and_the_version_stays_in_the_lists(workspace, tmp_path):
    secret = np.random.default_rng(5).bytes(300_000)
    (tmp_path / "secret.bin").write_bytes(secret)
    nbp.register_dataset(tmp_path / "secret.bin", "secret", aliases=["prod"])
    assert nbp.get_dataset("secret").path().read_bytes() == secret
    nbp.register_dataset(frame(0), "other")

    told = nbp.forget_dataset("secret@v1", dry_run=True)
    assert told.erased_bytes > 300_000 and told.shared_with == [] and secret[:50] in everything(workspace)
    done = nbp.forget_dataset("secret@v1", yes=True)

    assert done.complete and done.versions == ["secret@v1"] and done.freed_bytes > 290_000
    assert secret[100_000:100_050] not in everything(workspace)
    assert not any(path.is_file() for path in (workspace.folder / "content" / "copies").rglob("*"))
    (version,) = nbp.list_versions("secret")
    assert version.forgotten and "erased" in str(nbp.list_versions("secret"))
    with pytest.raises(NotFound, match="was erased"):
        nbp.get_dataset("secret@prod").path()
    pd.testing.assert_frame_equal(nbp.get_dataset("other").to_pandas(), frame(0))
    # Registered again it is a new version.
    assert nbp.register_dataset(tmp_path / "secret.bin", "secret").version == 2


def test_bytes_that_another_version_has_too_stay_and_that_is_said(workspace):
    nbp.register_dataset(frame(0), "sales")
    nbp.register_dataset(frame(0).assign(c=np.random.default_rng(3).standard_normal(20_000)), "sales")

    done = nbp.forget_dataset("sales@v2", yes=True)
    assert done.shared_with == ["sales@v1"] and done.shared_bytes > 200_000
    assert "sales@v1 has too" in str(done)
    pd.testing.assert_frame_equal(nbp.get_dataset("sales@v1").to_pandas(), frame(0))


def test_it_has_to_be_meant(workspace, capsys):
    nbp.register_dataset(frame(0), "sales")
    with pytest.raises(Invalid, match="can't be undone"):
        nbp.forget_dataset("sales@v1")
    with pytest.raises(Invalid, match="can't be undone") as refused:
        run(["forget", "sales@v1"], workspace=workspace)
    assert "--yes" in str(refused.value.hint)
    assert run(["forget", "sales", "--all", "--dry-run"], workspace=workspace) == 0
    assert "would be erased" in capsys.readouterr().out
    assert run(["forget", "sales", "--all", "--yes"], workspace=workspace) == 0
    assert "sales@v1" in capsys.readouterr().out
    with pytest.raises(NotFound):
        nbp.forget_dataset("nobody@v1", yes=True)


def test_what_was_deleted_and_collected_before_is_erased_too(workspace, chores, tmp_path):
    """Garbage stays in a pack of which most is needed, but not after it was forgotten."""
    secret = np.random.default_rng(5).bytes(60_000)
    (tmp_path / "secret.bin").write_bytes(secret)
    nbp.register_dataset(frame(0, rows=60_000), "large")
    nbp.register_dataset(tmp_path / "secret.bin", "secret")
    workspace.datasets.delete_dataset("secret@v1")
    chores.collect_garbage(grace_hours=0)
    assert secret[:50] in everything(workspace)

    assert nbp.forget_dataset("secret@v1", yes=True).complete
    assert secret[:50] not in everything(workspace)
    pd.testing.assert_frame_equal(nbp.get_dataset("large").to_pandas(), frame(0, rows=60_000))


def test_while_somebody_registers_it_is_said_that_bytes_are_left(workspace, care, tmp_path):
    nbp.register_dataset(frame(0), "sales")
    record = care._workspace.datasets.to_forget("sales@v1")
    workspace.datasets.forget_versions(record)
    with workspace.content.intake():
        assert care.collect(2**62, erase=True, patience_seconds=0).waiting
    done = nbp.forget_dataset("sales@v1", yes=True)  # said again, it comes to its end
    assert done.complete and packs(workspace) < 1000


# -- in an object store ---------------------------------------------------------------------------------


@pytest.fixture
def in_bucket(project, s3):
    environ = {
        "NBPROOF_CONTENT": s3.bucket(secrets.token_hex(8)),
        "NBPROOF_CONTENT_OPTIONS": json.dumps(s3.options),
    }
    found = opened(project, **environ)
    before = use(found)
    yield found
    use(before)
    found.close()


def test_content_in_a_bucket_is_kept_collected_forgotten_and_backed_up(in_bucket, tmp_path, capsys):
    nbp.register_dataset(frame(0), "kept")
    nbp.register_dataset(frame(1), "gone")
    assert not pack_files(in_bucket) and packs(in_bucket) > 500_000
    pd.testing.assert_frame_equal(nbp.get_dataset("kept").to_pandas(), frame(0))
    assert nbp.content_stats().place == in_bucket.settings.content

    in_bucket.datasets.delete_dataset("gone@v1")
    assert Maintenance(in_bucket).collect_garbage(grace_hours=0).bytes > 250_000
    assert run(["backup", str(tmp_path / "copy.zip")], workspace=in_bucket) == 0
    assert f"fetched from {in_bucket.settings.content}" in capsys.readouterr().out
    restore_workspace(tmp_path / "copy.zip", tmp_path / "there", now_us=2**60)
    there = opened(tmp_path / "there")
    pd.testing.assert_frame_equal(there.datasets.get_dataset("kept").to_pandas(), frame(0))
    assert pack_files(there)
    there.close()

    assert nbp.forget_dataset("kept@v1", yes=True).complete and packs(in_bucket) < 1000


def test_the_settings_name_the_bucket_and_a_backup_does_not(project, s3, tmp_path):
    found = opened(project)
    found.make()
    settings = found.folder / "nbproof.toml"
    url = s3.bucket(secrets.token_hex(8))
    table = f'[content_options]\nendpoint_url = "http://127.0.0.1:{s3.port}"\n'
    settings.write_text(f'{settings.read_text()}content = "{url}"\nexperiment = "e"\n{table}')
    found.close()
    found = opened(project)
    found.datasets.register_dataset(frame(0), "sales")
    assert not pack_files(found)
    made = Maintenance(found).back_up(tmp_path / "copy.zip")
    found.close()

    assert made.content == url
    restore_workspace(tmp_path / "copy.zip", tmp_path / "there", now_us=2**60)
    there = opened(tmp_path / "there")
    assert (there.settings.content, there.settings.content_options, there.settings.experiment) == (
        None,
        {},
        "e",
    )
    pd.testing.assert_frame_equal(there.datasets.get_dataset("sales").to_pandas(), frame(0))
    there.close()


# -- by reference ------------------------------------------------------------------------------------------


@pytest.fixture
def lake(project):
    folder = project / "lake"
    folder.mkdir()
    for number in range(3):
        frame(number, 1000).to_parquet(folder / f"{number}.parquet")
    return folder


@on_both
def test_verify_tells_which_references_have_changed_and_which_are_missing(workspace, care, lake, capsys):
    for name in ("0", "1", "2"):
        nbp.register_dataset(lake / f"{name}.parquet", f"part-{name}", reference=True)
    whole = care.verify()
    assert (whole.references, whole.changed, whole.missing) == (3, [], [])
    assert "everything is as it was written" in str(whole)
    assert run(["datasets", "verify"], workspace=workspace) == 0

    frame(7, 1000).to_parquet(lake / "1.parquet")
    (lake / "2.parquet").unlink()
    for percent in (100.0, 1.0):
        found = care.verify(percent=percent)
        assert (found.changed, found.missing, found.damaged) == (["part-1@v1"], ["part-2@v1"], [])
    assert run(["datasets", "verify"], workspace=workspace) == 1
    assert "part-2@v1" in capsys.readouterr().out


@on_both
def test_references_take_no_room_and_survive_garbage_collection(workspace, chores, care, lake):
    size = sum(path.stat().st_size for path in lake.iterdir())
    version = nbp.register_dataset(lake, reference=True)
    nbp.register_dataset(lake, "copied")
    nbp.delete_dataset("copied", all=True)
    collected = chores.collect_garbage(grace_hours=0)
    assert collected.bytes > 0
    stats = care.stats()
    assert (stats.referenced_versions, stats.referenced_bytes) == (1, size)
    assert stats.stored_bytes < size / 2 and "0 bytes of them are kept" in str(stats)
    assert len(nbp.get_dataset("lake").to_pandas()) == 3000
    forgotten = care.forget(version.name, yes=True)
    assert forgotten.versions == ["lake@v1"] and len(list(lake.iterdir())) == 3
    with pytest.raises(NotFound):
        nbp.get_dataset("lake")


def test_a_backup_has_references_and_not_their_files(workspace, chores, lake, tmp_path):
    nbp.register_dataset(lake, reference=True)
    chores.back_up(tmp_path / "copy.zip")
    assert (tmp_path / "copy.zip").stat().st_size < sum(path.stat().st_size for path in lake.iterdir()) * 2
    restore_workspace(tmp_path / "copy.zip", tmp_path / "there", now_us=2**60)
    there = opened(tmp_path / "there")
    assert len(there.datasets.get_dataset("lake").to_pandas()) == 3000
    there.close()


@pytest.mark.parametrize("terminal", ["xterm", "dumb"])
def test_a_command_refers_to_a_file(workspace, lake, capsys, monkeypatch, terminal):
    monkeypatch.setenv("TERM", terminal)  # below a cell lines are as long as they are, whatever it says
    assert run(["datasets", "register", "lake/0.parquet", "--reference", "--json"], workspace=workspace) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["dataset"], told["rows"]) == ("0", 1000) and told["reference"]["target"].endswith(
        "0.parquet"
    )
    assert run(["datasets", "show", "0"], workspace=workspace) == 0
    assert "by reference" in capsys.readouterr().out
    assert run(["datasets", "versions", "0"], workspace=workspace) == 0
    assert "file, by reference" in capsys.readouterr().out
    fsspec = pytest.importorskip("fsspec").filesystem("memory")
    fsspec.pipe("/of-a-command/a.csv", b"n\n1\n")
    words = ["datasets", "register", "memory://of-a-command/a.csv", "--reference", "--json"]
    assert run(words, workspace=workspace) == 0
    assert json.loads(capsys.readouterr().out)["source"] == "memory://of-a-command/a.csv"

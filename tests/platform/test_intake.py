"""Journals of other machines: what they say is looked at by the same rules as what is recorded here."""

from __future__ import annotations

import io
import warnings

import pytest

from nbproof.core.ids import new_id
from nbproof.platform.location import Location
from nbproof.platform.maintenance import Maintenance
from nbproof.platform.workspace import Workspace
from nbproof.storage.journal.wire import Sent, encode
from tests.support.journals import new_writer, read_all

SECRET = "hunter2-correct-horse"
ADDRESS = f"postgresql://ann:{SECRET}@db/birds"


@pytest.fixture
def workspace(project, clock):
    (project / "here").mkdir()
    workspace = Workspace(Location(project / "here", False, "a test"), say=lambda line: None, clock=clock)
    workspace.make()
    yield workspace
    workspace.close()


def told_without_blanking(folder):
    """The journal of a program that blanks nothing: a run, with a secret wherever words can be."""
    writer, run = new_writer(folder), new_id()
    start = {"experiment": {"id": new_id(), "name": "e"}, "name": "careless", "redacted": 1}
    words = {"params": {"db": ADDRESS, "lr": 0.1}, "tags": {"api_key": SECRET}, "notes": f"it was {ADDRESS}"}
    writer.event("run.start", time=1, run=run, **start, **words)
    writer.event("params", time=2, run=run, values={"service": {"password": SECRET}, "depth": 3})
    writer.event("tags", time=3, run=run, values={"source": ADDRESS, "gone": None})
    writer.event(
        "run.provenance",
        time=4,
        run=run,
        git={
            "commit": "c0ffee",
            "branch": "main",
            "dirty": False,
            "remote": f"https://ann:{SECRET}@host/x.git",
        },
        command=f"python train.py --password {SECRET}",
    )
    writer.event(
        "artifact",
        time=5,
        run=run,
        name="birds",
        size=0,
        media_type="text/plain",
        hash="",
        location="",
        reference=ADDRESS,
        metadata={"password": SECRET},
    )
    writer.series(run, "loss").log(0.5)
    (batch,) = read_all(folder)
    return batch, run


def test_secrets_in_a_journal_that_comes_over_the_network_are_blanked_here(workspace, project):
    batch, run_id = told_without_blanking(project / "afar")
    stretch = project / "stretch"
    stretch.write_bytes(encode(Sent(batch)))

    for _ in range(2):  # its answer was lost, it is sent again
        assert workspace.intake.take_journal(batch.writer.id, stretch).drained == batch.to

    run = workspace.tracker.get_run(run_id)
    said = run.model_dump_json() + "".join(each.model_dump_json() for each in run.artifacts)
    assert SECRET not in said and run.notes == "it was postgresql://ann:[redacted]@db/birds"
    assert run.params["lr"] == 0.1 and run.params["depth"] == 3 and run.git.commit == "c0ffee"
    assert run.artifacts["birds"].metadata == {"password": "[redacted]"}
    assert run.redacted == 1 + 3 + 1 + 1 + 1 + 2
    assert run.metrics["loss"] == 0.5
    assert SECRET.encode() not in b"".join(
        path.read_bytes() for path in workspace.folder.rglob("*") if path.is_file()
    )


def test_what_is_put_aside_is_blanked_too(workspace, project):
    writer = new_writer(project / "afar")
    writer.event("params", time=1, run="no id", values={"password": SECRET})
    writer.event("run.start", time=2, run=["x"], params=ADDRESS, notes=[ADDRESS], tags=3)
    (batch,) = read_all(project / "afar")
    (project / "stretch").write_bytes(encode(Sent(batch)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert workspace.intake.take_journal(batch.writer.id, project / "stretch").drained == batch.to

    aside = b"".join(path.read_bytes() for path in (workspace.folder / "journal" / "rejected").iterdir())
    assert aside.count(b"[redacted]") == 3 and SECRET.encode() not in aside


def test_a_journal_without_secrets_is_taken_as_it_is(project):
    from nbproof.tracking.blanking import blanked

    writer = new_writer(project / "afar")
    writer.event("params", time=1, run=new_id(), values={"lr": 0.1, "note": "all is well"})
    (batch,) = read_all(project / "afar")
    assert blanked(batch) is batch


# -- content that a journal is about to name -----------------------------------------------------------


@pytest.fixture
def content(workspace):
    """Content that nothing refers to and nobody holds."""
    kept = workspace.storage.put(io.BytesIO(b"model" * 1000))
    workspace.storage.let_go(kept.location)
    workspace.catch_up()
    return kept


def naming(folder, content, *, times=1):
    """A journal's stretch that names content."""
    writer, run = new_writer(folder), new_id()
    writer.event("run.start", time=1, run=run, experiment={"id": new_id(), "name": "e"}, name=folder.name)
    for number in range(times):
        told = {"hash": content.hash, "location": content.location, "size": content.size_bytes}
        writer.event("artifact", time=2, run=run, name=f"{number}.bin", media_type="x/y", **told)
    writer.event("run.end", time=3, run=run, status="finished")
    (batch,) = read_all(folder)
    stretch = folder.with_suffix(".stretch")
    stretch.write_bytes(encode(Sent(batch)))
    return batch, stretch, run


def is_held(workspace, content):
    return content.location in workspace.storage._receiver.holds.look()


def test_content_is_held_once_however_often_it_is_asked_for_and_sent(workspace, content, project):
    batch, stretch, run = naming(project / "afar", content)
    (project / "model").write_bytes(b"model" * 1000)
    for _ in range(5):  # answers were lost
        workspace.intake.find_content(content.hash, batch.writer.id)
        workspace.intake.keep_content(content.hash, project / "model", batch.writer.id)
    assert is_held(workspace, content)
    workspace.intake.take_journal(batch.writer.id, stretch)
    assert not is_held(workspace, content)
    chores = Maintenance(workspace)
    assert chores.collect_garbage(grace_hours=0).objects == 0
    workspace.tracker.delete_run(run)
    workspace.tracker.purge_runs(yes=True)
    assert chores.collect_garbage(grace_hours=0).objects == 1


def test_content_stays_for_a_journal_though_that_of_another_was_taken(workspace, content, project):
    first, stretch, _ = naming(project / "first", content, times=2)
    second, other, _ = naming(project / "second", content)
    for batch in (first, second):
        workspace.intake.find_content(content.hash, batch.writer.id)
    workspace.intake.take_journal(first.writer.id, stretch)
    assert is_held(workspace, content)
    workspace.intake.take_journal(second.writer.id, other)
    assert not is_held(workspace, content)


def test_content_is_let_go_also_where_its_sender_did_not_say_for_which_journal(workspace, content, project):
    batch, stretch, _ = naming(project / "afar", content)
    workspace.intake.find_content(content.hash)
    workspace.intake.take_journal(batch.writer.id, stretch)
    assert not is_held(workspace, content)


def test_content_stays_while_the_journal_that_names_it_was_not_taken(workspace, content, project):
    batch, stretch, _ = naming(project / "afar", content)
    later = project / "later.stretch"
    later.write_bytes(encode(Sent(batch.part(1, batch.to))))
    workspace.intake.find_content(content.hash, batch.writer.id)
    assert workspace.intake.take_journal(batch.writer.id, later).drained == 0  # its beginning is missing
    assert is_held(workspace, content)
    assert workspace.intake.take_journal(batch.writer.id, stretch).drained == batch.to
    assert not is_held(workspace, content)


def test_content_that_no_journal_names_is_let_go_after_an_hour(workspace, content, clock):
    chores = Maintenance(workspace)
    workspace.intake.find_content(content.hash, "a" * 32)
    clock.advance(1800)
    workspace.intake.find_content(content.hash, "a" * 32)  # it is still about to come
    clock.advance(3599)
    workspace.look_after_writers()
    assert is_held(workspace, content) and chores.collect_garbage(grace_hours=0).objects == 0
    clock.advance(1)
    workspace.look_after_writers()  # as a server does all the time
    assert not is_held(workspace, content) and chores.collect_garbage(grace_hours=0).objects == 1

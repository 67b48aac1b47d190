"""Files that wait for a job or to be fetched: cleared away after a day, and not while they are needed."""

from __future__ import annotations

import os
import time

from nbproof.tracking.transfer.models import ExportRuns, ImportRuns

TWO_DAYS = 2 * 24 * 3600


def uploaded(workspace, name, content):
    """A file as the server hands it on: it lies where the bodies of requests are kept."""
    folder = workspace.transfer._folder.parent / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return workspace.transfer.submit_import(ImportRuns(path=folder / name, column={"*": "metric"}))


def grow_old(workspace):
    then = time.time() - TWO_DAYS
    for each in workspace.transfer._folder.glob("**/*"):
        os.utime(each, (then, then))


def test_what_a_queued_import_waits_for_stays_however_long_it_waits(workspace, monkeypatch):
    target = workspace("target")
    monkeypatch.setattr(target.jobs, "_threads", 0)  # all workers are busy
    first = uploaded(target, "first.csv", b"step,loss\n0,1.0\n1,0.5\n")
    (target.transfer._folder / "import.lock").touch()
    (target.transfer._folder / "nobody fetched it.zip").touch()
    grow_old(target)

    second = uploaded(target, "second.csv", b"step,loss\n0,2.0\n")

    kept = {each.name for each in target.transfer._folder.glob("**/*")}
    assert {"first.csv", "second.csv", "import.lock"} <= kept and "nobody fetched it.zip" not in kept
    monkeypatch.setattr(target.jobs, "_threads", 2)
    assert [target.jobs.wait(each.id).status for each in (first, second)] == ["done", "done"]
    assert target.tracker.get_run("first").metrics == {"loss": 0.5}
    assert not list(target.transfer._folder.glob("**/*.csv"))


def test_an_exported_file_is_cleared_away_after_a_day(workspace):
    source = workspace("source")
    source.tracker.start_run("one", experiment="e").end()
    exported = source.jobs.wait(source.transfer.submit_export(ExportRuns()).id)
    assert source.transfer.exported(exported.id).is_file()
    grow_old(source)

    again = source.jobs.wait(source.transfer.submit_export(ExportRuns()).id)

    kept = [each.name for each in source.transfer._folder.glob("*.zip")]
    assert kept == [f"{again.id}.zip"]

"""What goes on without being asked: drains and events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbproof.core.events import Changed
from nbproof.platform.directory import Directory
from nbproof.platform.location import Location
from nbproof.platform.workspace import Workspace
from nbproof.server.changes import SCHEMA, ChangeEvents
from nbproof.server.drains import Drains, Elsewhere


async def _until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, "not within the time"
        await asyncio.sleep(0.01)


async def test_changes_that_come_together_are_one_event_with_each_id_once() -> None:
    seen: list[tuple[str, str, list[str]]] = []
    events = ChangeEvents(lambda *event: seen.append(event))
    events.bind(asyncio.get_running_loop())
    for ids in (("a", "b"), ("b", "c")):
        await asyncio.to_thread(events.add, "w", Changed("run", ids))
    events.add("v", Changed("run", ("a",)))
    await _until(lambda: len(seen) == 2)
    assert sorted(seen) == [("v", "run", ["a"]), ("w", "run", ["a", "b", "c"])]


async def test_many_ids_go_into_several_events() -> None:
    seen: list[list[str]] = []
    events = ChangeEvents(lambda workspace, kind, ids: seen.append(ids))
    events.bind(asyncio.get_running_loop())
    events.add("w", Changed("run", tuple(map(str, range(1201)))))
    await _until(lambda: len(seen) == 3)
    assert [len(ids) for ids in seen] == [500, 500, 201]


async def test_nothing_is_told_after_the_end() -> None:
    seen: list[object] = []
    events = ChangeEvents(lambda *event: seen.append(event))
    events.bind(asyncio.get_running_loop())
    events.add("w", Changed("run", ("a",)))
    events.close()
    events.add("w", Changed("run", ("b",)))
    await asyncio.sleep(0.2)
    assert seen == []


def test_an_event_carries_ids_and_nothing_else() -> None:
    assert set(SCHEMA["properties"]) == {"workspace", "kind", "ids"}
    assert SCHEMA["additionalProperties"] is False


def _project(root: Path, name: str) -> Workspace:
    workspace = Workspace(Location(root / name, False, "named"), say=lambda line: None)
    workspace.tracker.start_run(f"run of {name}", experiment="e")
    workspace.tracker.end_run()
    return workspace


async def test_a_workspace_that_fails_is_logged_once_and_holds_up_none_of_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = _project(tmp_path, "good"), _project(tmp_path, "bad")
    (bad.folder / "meta.db").mkdir()
    directory = Directory(tmp_path)
    drains = Drains(0.05, log=logging.getLogger("nbproof.tests"))
    task = asyncio.ensure_future(drains.run(directory))
    try:
        await _until(lambda: bool(drains.state()["failing"]))
        await _until(lambda: good.runs.list_runs().items != [])
        await asyncio.sleep(0.5)
        assert caplog.text.count("draining") == 1
        assert drains.state()["workspaces"] == 2
        (bad.folder / "meta.db").rmdir()
        await _until(lambda: not drains.state()["failing"])
        assert "works again" in caplog.text or caplog.text.count("draining") == 1
        await _until(lambda: [run.name for run in bad.runs.list_runs().items] == ["run of bad"])
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(drains.close, directory)
        directory.close()
        good.close()
        bad.close()


async def test_a_folder_without_a_journal_is_not_opened(tmp_path: Path) -> None:
    from nbproof.storage.announce import announce_workspace

    (tmp_path / "quiet" / ".nbproof").mkdir(parents=True)
    announce_workspace(tmp_path / "quiet")
    directory = Directory(tmp_path)
    drains = Drains(0.05, log=logging.getLogger("nbproof.tests"))
    task = asyncio.ensure_future(drains.run(directory))
    try:
        await _until(lambda: drains.state()["workspaces"] == 1)
        await _until(lambda: drains.state()["behind_seconds"] is not None)
        assert directory.opened() == []
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(drains.close, directory)


def test_what_another_process_brought_in_is_noticed_once(tmp_path: Path) -> None:
    here = _project(tmp_path, "shared")
    here.catch_up()
    seen: list[Any] = []
    here.changes.subscribe(seen.append)
    elsewhere = Elsewhere(here)
    elsewhere.look(set())
    assert seen == []
    there = Workspace(here.location, say=lambda line: None)
    run = there.tracker.start_run("theirs", experiment="e")
    there.tracker.end_run()
    there.catch_up()
    elsewhere.look(set())
    elsewhere.look(set())
    # One change; the run that was there before may be told again, having been active just now.
    (change,) = seen
    assert change.kind == "run"
    assert run.id in change.ids

    seen.clear()
    (tmp_path / "noted.txt").write_text("noted\n")
    version = there.datasets.register_dataset(tmp_path / "noted.txt", "noted")
    dataset = there.datasets.list_datasets().items[0].id
    elsewhere.look(set())
    elsewhere.look(set())
    assert [(each.kind, each.ids) for each in seen if each.kind == "dataset"] == [("dataset", (dataset,))]
    there.datasets.set_alias(version.name, "prod")
    there.datasets.delete_dataset(version.name)
    elsewhere.look(set())
    assert [each.kind for each in seen if each.kind == "dataset"] == ["dataset", "dataset"]
    there.close()
    here.close()


async def test_a_workspace_is_found_when_it_is_announced_and_not_only_at_the_next_look_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbproof.server.drains._LOOK_AROUND_SECONDS", 3600.0)
    old = _project(tmp_path, "old")
    directory = Directory(tmp_path)
    drains = Drains(0.05, log=logging.getLogger("nbproof.tests"))
    task = asyncio.ensure_future(drains.run(directory))
    try:
        await _until(lambda: old.root in [each.root for each in directory.opened()])  # by the first look
        new = await asyncio.to_thread(_project, tmp_path, "new")
        await _until(lambda: new.root in [each.root for each in directory.opened()])
        new.close()
        old.close()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(drains.close, directory)
        directory.close()

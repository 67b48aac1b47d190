"""`nbproof sync`: bring what is on this machine to the server, now."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbproof.cli.session import Session

if TYPE_CHECKING:
    from nbproof.platform.remote import RemoteWorkspace
    from nbproof.platform.workspace import Workspace
    from nbproof.tracking.models import Run

__all__ = ["sync"]

_AT_ONCE = 500  # runs in one file, and in one question


def sync(session: Session, values: Mapping[str, Any]) -> int:
    """Send a server's queue and the runs of the workspace here; without a server, tell what waits."""
    from nbproof.platform.remote import RemoteWorkspace

    workspace = session.workspace if session.environ.get("NBPROOF_URL") else None
    if not isinstance(workspace, RemoteWorkspace):
        return _list(session)
    told = _send(session, workspace) | _push(session, workspace)
    if session.json:
        session.print_json(told)
    else:
        _say(told)
    return 1 if told["refused"] or told["differ"] else 0


def _send(session: Session, workspace: RemoteWorkspace) -> dict[str, Any]:
    """What was recorded for this server."""
    from tqdm import tqdm  # type: ignore[import-untyped]  # it has no stubs

    queue = workspace.queue
    waiting = queue.waiting() if queue.exists else 0
    hidden = session.json or not sys.stderr.isatty()
    with tqdm(total=waiting, unit=" records", leave=False, disable=hidden) as bar:
        workspace.sender.run_once(told=bar.update)
    queue.tell_trouble(None)
    report = workspace.sender.report
    return {
        "server": queue.address,
        "sent": report.records,
        "refused": report.refused,
        "rejected": str(queue.journal / "rejected") if report.refused else None,
        "waiting": queue.waiting(),
    }


def _push(session: Session, workspace: RemoteWorkspace) -> dict[str, Any]:
    """Runs that were recorded into the workspace of this folder."""
    local = _local(session)
    told: dict[str, Any] = {"workspace": None, "runs": 0, "differ": 0}
    if local is None:
        return told
    try:
        told["workspace"] = str(local.folder)
        runs = _runs(local)
        while some := list(islice(runs, _AT_ONCE)):
            missing = _missing(workspace, some)
            if not missing:
                continue
            with tempfile.TemporaryDirectory(prefix="nbproof-sync-") as folder:
                file = Path(folder, "runs.zip")
                unseen = _unseen if session.json else None
                local.transfer.export_runs(*missing, output=file, step=unseen)
                report = workspace.transfer.import_runs(file, step=unseen)
            told["runs"] += report.outcomes.get("taken", 0) + report.outcomes.get("completed", 0)
            told["differ"] += report.outcomes.get("differs", 0)
    finally:
        local.close()
    return told


def _local(session: Session) -> Workspace | None:
    from nbproof.platform.location import find_location
    from nbproof.platform.workspace import Workspace

    environ = {name: value for name, value in session.environ.items() if name != "NBPROOF_URL"}
    location = find_location(Path.cwd(), environ)
    if not location.exists:
        return None
    return Workspace(location, say=session.note, environ=environ)


def _runs(local: Workspace) -> Iterator[Run]:
    after = None
    while True:
        page = local.tracker.find_runs("", limit=_AT_ONCE, after=after)
        yield from page.items
        after = page.next
        if after is None:
            return


def _missing(workspace: RemoteWorkspace, runs: Sequence[Run]) -> list[str]:
    """Those that the server lacks, or that may have grown since it was given them."""
    asked = ", ".join(f'"{run.id}"' for run in runs)
    there = {
        run.id: run.status
        for run in workspace.ask("runs.search", query=f"id in ({asked})", limit=_AT_ONCE).items
    }
    return [run.id for run in runs if there.get(run.id) != run.status or run.status == "running"]


def _say(told: Mapping[str, Any]) -> None:
    if told["sent"]:
        print(f"sent {told['sent']:,} records that waited for {told['server']}")
    if told["refused"]:
        print(f"  {told['refused']:,} were refused and lie in {told['rejected']}")
    if told["runs"]:
        print(f"sent {told['runs']:,} runs of {told['workspace']}")
    if told["differ"]:
        print(f"  {told['differ']:,} runs are there with other values and were left alone")
    if not (told["sent"] or told["refused"] or told["runs"] or told["differ"]):
        print(f"{told['server']} has everything already")


def _unseen(fraction: float, message: str) -> None:
    """Whoever reads JSON looks at no bar."""


def _list(session: Session) -> int:
    from nbproof.platform.queue import all_queues

    queues = all_queues(session.environ)
    if session.json:
        session.print_json(
            {
                "queues": [
                    {"server": each.address, "waiting": each.waiting(), "trouble": each.trouble()}
                    for each in queues
                ]
            }
        )
        return 0
    waiting = [(each, count) for each in queues if (count := each.waiting())]
    if not waiting:
        print("nothing waits for any server")
    for queue, count in waiting:
        print(f"{count:,} records wait for {queue.address}")
        if trouble := queue.trouble():
            print(f"  {trouble}")
    if waiting:
        print("  send them with: nbproof sync --url URL, and the server's token in NBPROOF_TOKEN")
    return 0

"""`nbproof sync`: send now what waits on this machine for a server."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from nbproof.cli.session import Session

__all__ = ["sync"]


def sync(session: Session, values: Mapping[str, Any]) -> int:
    """Send the queue of the server that is named; without one, tell what waits for which."""
    from nbproof.platform.remote import RemoteWorkspace

    workspace = session.workspace if session.environ.get("NBPROOF_URL") else None
    if isinstance(workspace, RemoteWorkspace):
        return _send(session, workspace)
    return _list(session)


def _send(session: Session, workspace: Any) -> int:
    from tqdm import tqdm  # type: ignore[import-untyped]  # it has no stubs

    queue = workspace.queue
    waiting = queue.waiting() if queue.exists else 0
    with tqdm(
        total=waiting, unit=" records", leave=False, disable=session.json or not sys.stderr.isatty()
    ) as bar:
        workspace.sender.run_once(told=bar.update)
    report = workspace.sender.report
    queue.tell_trouble(None)
    if session.json:
        session.print_json(
            {
                "server": queue.address,
                "sent": report.records,
                "refused": report.refused,
                "waiting": queue.waiting(),
            }
        )
    elif waiting == report.records == 0:
        print(f"nothing waits for {queue.address}")
    else:
        print(f"sent {report.records:,} records to {queue.address}")
        if report.refused:
            print(f"  {report.refused:,} were refused and lie in {queue.journal / 'rejected'}")
    return 1 if report.refused else 0


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

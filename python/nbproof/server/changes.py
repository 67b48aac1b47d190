"""From changes in worker threads to events on Jupyter's event stream."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from nbproof.core.events import Changed

__all__ = ["SCHEMA", "SCHEMA_ID", "ChangeEvents"]

SCHEMA_ID = "https://nbproof.dev/events/changed/v1"

SCHEMA: dict[str, Any] = {
    "$id": SCHEMA_ID,
    "version": "1",
    "title": "Something changed in an nbproof workspace",
    "personal-data": False,
    "description": "Ids of things that changed. Every subscriber of the server sees every event, so it "
    "carries ids and nothing else: who wants to know more asks, and may be refused.",
    "type": "object",
    "required": ["workspace", "kind", "ids"],
    "additionalProperties": False,
    "properties": {
        "workspace": {"type": "string", "description": "Id of the workspace."},
        "kind": {"type": "string", "description": "What changed: run, experiment, search, job, dataset, ..."},
        "ids": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Which; empty if it is not known which.",
        },
    },
}

_GATHER_SECONDS = 0.05
_MOST_IDS = 500


class ChangeEvents:
    """Gathers changes for a moment and emits them on the loop, each id once.

    Laws: `add` is safe from any thread and never blocks; nothing is emitted before `bind` or after
    `close`; an event holds at most 500 ids, more go into further events.
    """

    def __init__(self, emit: Callable[[str, str, list[str]], None]) -> None:
        self._emit = emit
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], dict[str, None]] = {}
        self._scheduled = False

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop to emit on."""
        self._loop = loop

    def close(self) -> None:
        """Emit nothing more."""
        self._loop = None

    def add(self, workspace: str, change: Changed) -> None:
        """Something changed."""
        with self._lock:
            self._waiting.setdefault((workspace, change.kind), {}).update(dict.fromkeys(change.ids))
            loop = self._loop
            if self._scheduled or loop is None:
                return
            self._scheduled = True
        try:
            loop.call_soon_threadsafe(loop.call_later, _GATHER_SECONDS, self._flush)
        except RuntimeError:
            # The loop was closed between our look and the call: nobody listens any more.
            self._loop = None

    def _flush(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            self._scheduled = False
        if self._loop is None:
            return
        for (workspace, kind), found in waiting.items():
            ids = list(found)
            for start in range(0, max(len(ids), 1), _MOST_IDS):
                self._emit(workspace, kind, ids[start : start + _MOST_IDS])

"""Changes: what tells a panel or a widget that something it shows is no longer fresh.

A change carries ids and nothing else; whoever wants to know more asks through an operation.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["Changed", "Changes", "merged"]

_log = logging.getLogger("nbproof")


@dataclass(frozen=True, slots=True)
class Changed:
    """Things of one kind that changed: ``Changed("run", ("0190...",))``."""

    kind: str
    ids: tuple[str, ...]


class Changes:
    """Passes changes from those who make them to those who listen, in the caller's thread.

    Laws: a listener that raises is logged and does not disturb the others; `subscribe` returns the
    function that ends the subscription; safe from any thread.
    """

    def __init__(self) -> None:
        self._listeners: dict[object, Callable[[Changed], None]] = {}
        self._lock = threading.Lock()

    def renew_after_fork(self) -> None:
        """Let go of a lock that a thread of the parent may have held; for a forked child."""
        self._lock = threading.Lock()

    def subscribe(self, listener: Callable[[Changed], None]) -> Callable[[], None]:
        """Call `listener` for every change from now on; returns the way out."""
        token = object()
        with self._lock:
            self._listeners[token] = listener

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.pop(token, None)

        return unsubscribe

    def publish(self, change: Changed) -> None:
        """Tell every listener."""
        if not change.ids:
            return
        with self._lock:
            listeners = list(self._listeners.values())
        for listener in listeners:
            try:
                listener(change)
            except Exception:
                _log.exception("a listener to changes of %s failed", change.kind)


def merged(changes: Iterable[Changed]) -> list[Changed]:
    """The same changes, one per kind, each id once, in the order of first sight."""
    kinds: dict[str, dict[str, None]] = {}
    for change in changes:
        kinds.setdefault(change.kind, {}).update(dict.fromkeys(change.ids))
    return [Changed(kind, tuple(ids)) for kind, ids in kinds.items()]

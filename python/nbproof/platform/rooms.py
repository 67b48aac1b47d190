"""The rooms: which exist, where their operations are declared, how their service is made.

A new room is one line here; its operations are then on every face.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbproof.core.operation import Operation
    from nbproof.platform.workspace import Workspace

__all__ = ["ROOMS", "Room", "added", "find_operation", "operations", "python_verbs", "room_of"]


@dataclass(frozen=True)
class Room:
    """One capability.

    Attributes
    ----------
    name : str
    operations : str or module
        The module that declares its operations; by name it is imported when first needed.
    service : callable
        Makes the room's service for a workspace.
    verbs : mapping
        Python verbs by name that can be found without importing `operations`: what makes
        ``import nbproof`` and the first log call light.
    """

    name: str
    operations: str | ModuleType
    service: Callable[[Workspace], Any]
    verbs: tuple[str, ...] = ()

    def declared(self) -> list[Operation]:
        """Its operations, in the order declared."""
        from nbproof.core.operation import Operation

        module = self.operations
        if isinstance(module, str):
            module = importlib.import_module(module)
        return [each for each in vars(module).values() if isinstance(each, Operation)]


ROOMS: list[Room] = [
    Room(
        "tracking",
        "nbproof.tracking.operations",
        lambda workspace: workspace.tracker,
        verbs=(
            "start_run",
            "end_run",
            "log_metric",
            "log_metrics",
            "log_param",
            "log_params",
            "set_tag",
            "set_tags",
            "log_artifact",
            "update_run",
            "create_experiment",
            "get_experiment",
            "list_experiments",
            "get_run",
            "list_runs",
            "search_runs",
            "compare_runs",
            "list_metrics",
            "metric_history",
        ),
    ),
    Room("jobs", "nbproof.jobs.operations", lambda workspace: workspace.jobs),
    Room("workspaces", "nbproof.platform.operations", lambda workspace: workspace.directory),
]


@contextmanager
def added(room: Room) -> Iterator[Room]:
    """A room for the length of a block: how tests see a new operation on every face."""
    ROOMS.append(room)
    try:
        yield room
    finally:
        ROOMS.remove(room)


def operations() -> list[Operation]:
    """Every operation of every room; two of one name, route, command, magic or verb are refused."""
    found: list[Operation] = []
    taken: dict[tuple[str, object], str] = {}
    for room in ROOMS:
        for each in room.declared():
            spellings: list[tuple[str, object]] = [
                ("name", each.name),
                ("route", (each.method, each.path)),
                ("command", each.cli),
                ("magic", each.magic),
                ("verb", each.python),
            ]
            for kind, spelling in spellings:
                if spelling is None:
                    continue
                if (kind, spelling) in taken:
                    raise ValueError(
                        f"{each.name} and {taken[kind, spelling]} have the same {kind} {spelling!r}"
                    )
                taken[kind, spelling] = each.name
            found.append(each)
    return found


def find_operation(name: str) -> Operation:
    """The operation of that name."""
    return next(each for each in operations() if each.name == name)


def room_of(operation: Operation) -> Room:
    """The room that declared an operation."""
    return next(room for room in ROOMS if any(each is operation for each in room.declared()))


def python_verbs() -> dict[str, Operation]:
    """Operations by their name in ``nbp.``."""
    return {each.python: each for each in operations() if each.python}

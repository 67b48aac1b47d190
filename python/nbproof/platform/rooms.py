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
    from nbproof.jobs.service import JobKind
    from nbproof.platform.workspace import Workspace

__all__ = ["ROOMS", "Room", "added", "find_operation", "magic_names", "operations", "python_verbs"]


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
    """

    name: str
    operations: str | ModuleType
    service: Callable[[Workspace], Any]

    def declared(self) -> list[Operation]:
        """Its operations in the order declared, those of the module itself before the imported ones."""
        from nbproof.core.operation import Operation

        module = self._module()
        found = [each for each in vars(module).values() if isinstance(each, Operation)]
        return sorted(found, key=lambda each: each.function.__module__ != module.__name__)

    def job_kinds(self) -> list[JobKind]:
        """The kinds of long work declared beside its operations."""
        from nbproof.jobs.service import JobKind

        return [each for each in vars(self._module()).values() if isinstance(each, JobKind)]

    def _module(self) -> ModuleType:
        if isinstance(self.operations, str):
            return importlib.import_module(self.operations)
        return self.operations


def _maintenance(workspace: Workspace) -> Any:
    from nbproof.platform.maintenance import Maintenance

    return Maintenance(workspace)


def _content(workspace: Workspace) -> Any:
    from nbproof.platform.content import ContentCare

    return ContentCare(workspace)


ROOMS: list[Room] = [
    Room(
        "tracking",
        "nbproof.tracking.operations",
        lambda workspace: workspace.tracker,
    ),
    Room("transfer", "nbproof.tracking.transfer.operations", lambda workspace: workspace.transfer),
    Room("lineage", "nbproof.lineage.operations", lambda workspace: workspace.lineage),
    Room("datasets", "nbproof.datasets.operations", lambda workspace: workspace.datasets),
    Room("content", "nbproof.platform.content", _content),
    Room(
        "contracts",
        "nbproof.datasets.contract_operations",
        lambda workspace: workspace.datasets.contracts,
    ),
    Room(
        "drift_reports",
        "nbproof.datasets.drift_operations",
        lambda workspace: workspace.datasets.drift_reports,
    ),
    Room("comparisons", "nbproof.datasets.comparing", lambda workspace: workspace.jobs),
    Room("jobs", "nbproof.jobs.operations", lambda workspace: workspace.jobs),
    Room("maintenance", "nbproof.platform.maintenance", _maintenance),
    Room("workspaces", "nbproof.platform.operations", lambda workspace: workspace.directory),
    Room("intake", "nbproof.platform.intake", lambda workspace: workspace.intake),
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


def magic_names() -> list[str]:
    """Names of all magics."""
    return [each.magic for each in operations() if each.magic]


def python_verbs() -> dict[str, Operation]:
    """Operations by their name in ``nbp.``."""
    return {each.python: each for each in operations() if each.python}

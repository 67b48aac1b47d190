"""The workspaces that lie under one folder: what a server offers and drains."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbproof.core.clock import Clock
from nbproof.core.errors import Invalid, NotFound
from nbproof.core.operation import Page
from nbproof.platform.location import FOLDER, Location, find_location
from nbproof.platform.models import WorkspaceView

if TYPE_CHECKING:
    from nbproof.platform.workspace import Workspace

__all__ = ["Directory", "workspace_id"]


def workspace_id(root: Path) -> str:
    """A short name of a workspace's place, for requests: 12 hex digits of its absolute path."""
    return hashlib.blake2b(str(root.resolve()).encode(), digest_size=6).hexdigest()


class Directory:
    """Finds, opens and keeps the workspaces under a root folder.

    Laws: safe from any thread; gives out nothing that does not belong to a folder under the root; a
    workspace is opened once.

    Parameters
    ----------
    root : Path
        The server's root folder.
    home_workspace : Path, optional
        Folder whose workspace is meant where a request names none; by default the root.
    opened : callable, optional
        Called with each workspace when it is opened.
    """

    def __init__(
        self,
        root: Path,
        *,
        home_workspace: Path | None = None,
        clock: Clock | None = None,
        opened: Callable[[Workspace], None] | None = None,
    ) -> None:
        self.root = root.resolve()
        self._start = (home_workspace or root).resolve()
        self._clock = clock
        self._opened = opened or (lambda workspace: None)
        self._lock = threading.RLock()
        self._known: dict[str, Location] = {}
        self._open: dict[str, Workspace] = {}

    def default(self) -> Location:
        """The workspace of the root folder itself."""
        return self._remember(self._find(self._start))

    def resolve(self, path: str) -> Location:
        """The workspace of a notebook or folder, by its path relative to the root.

        Raises
        ------
        Invalid
            The path leaves the root.
        """
        if "\x00" in path:
            raise Invalid("a path can't hold a zero byte", details={"field": "path"})
        target = (self.root / path.lstrip("/")).resolve()
        if not target.is_relative_to(self.root):
            raise Invalid(
                f"the path {path!r} leaves the folder that is served",
                hint="give a path relative to it",
                details={"field": "path"},
            )
        folder = target if target.is_dir() else target.parent
        return self._remember(self._find(folder))

    def locations(self) -> list[Location]:
        """Those that are announced and lie under the root, and those that were asked for."""
        from nbproof.storage.announce import announced_workspaces

        self.default()
        for root in announced_workspaces():
            if (root / FOLDER).is_dir() and root.resolve().is_relative_to(self.root):
                self._remember(Location(root.resolve(), True, "announced"))
        with self._lock:
            known = list(self._known.values())
        existing = [Location(each.root, each.folder.is_dir(), each.why) for each in known]
        return sorted((each for each in existing if each.exists), key=lambda each: str(each.root))

    def get(self, identifier: str | None = None) -> Workspace:
        """The open workspace of that id; without an id the default one.

        Raises
        ------
        NotFound
            No workspace here has that id.
        """
        from nbproof.platform.workspace import Workspace

        location = self.default() if identifier is None else self._known.get(identifier)
        if location is None:
            self.locations()
            location = self._known.get(str(identifier))
        if location is None:
            raise NotFound(
                f"no workspace {identifier!r} is served here",
                hint="list them with GET /workspaces; GET /workspaces/resolve?path= finds a notebook's",
                details={"field": "workspace"},
            )
        key = workspace_id(location.root)
        with self._lock:
            workspace = self._open.get(key)
            if workspace is None:
                workspace = Workspace(
                    location, clock=self._clock, say=lambda line: None, environ=_no_workspace()
                )
                workspace.directory = self
                self._open[key] = workspace
                self._opened(workspace)
        return workspace

    def opened(self) -> list[Workspace]:
        """Workspaces that are open now."""
        with self._lock:
            return list(self._open.values())

    def view(self, location: Location) -> WorkspaceView:
        """A location as the outside sees it."""
        root = location.root.resolve()
        path = root.relative_to(self.root).as_posix() if root.is_relative_to(self.root) else None
        return WorkspaceView(
            id=workspace_id(root),
            name=root.name or str(root),
            path="" if path == "." else path,
            root=str(root),
            exists=location.folder.is_dir(),
            why=location.why,
        )

    def page(self) -> Page[WorkspaceView]:
        """Every workspace under the root."""
        return Page[WorkspaceView](items=[self.view(each) for each in self.locations()])

    def close(self) -> None:
        """Close what was opened."""
        with self._lock:
            for workspace in self._open.values():
                workspace.close()
            self._open.clear()

    def _find(self, folder: Path) -> Location:
        # A server looks at folders, not at its own variables: kernels may have others.
        # What can only be read is not recorded into elsewhere: a request has named its workspace.
        return replace(find_location(folder, _no_workspace()), instead=None)

    def _remember(self, location: Location) -> Location:
        with self._lock:
            self._known[workspace_id(location.root)] = location
        return location


def _no_workspace() -> dict[str, str]:
    import os

    return {
        key: value for key, value in os.environ.items() if key not in ("NBPROOF_URL", "NBPROOF_WORKSPACE")
    }

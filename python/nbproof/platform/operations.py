"""Which workspaces there are."""

from __future__ import annotations

from nbproof.core.operation import Page, operation
from nbproof.platform.directory import Directory
from nbproof.platform.models import ListWorkspaces, ResolveWorkspace, WorkspaceView


@operation(
    "workspaces.list", "GET /workspaces", action="read", python="list_workspaces", cli="workspaces list"
)
def list_workspaces(directory: Directory, ask: ListWorkspaces) -> Page[WorkspaceView]:
    """List the workspaces under this folder that were used from here."""
    return directory.page()


@operation("workspaces.resolve", "GET /workspaces/resolve", action="read", cli="workspaces resolve")
def resolve_workspace(directory: Directory, ask: ResolveWorkspace) -> WorkspaceView:
    """Tell which workspace a notebook belongs to."""
    return directory.view(directory.resolve(ask.path))

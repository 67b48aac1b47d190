"""Asks and views of the platform itself: which workspaces there are."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nbproof.core.operation import Ask, Positional, View

__all__ = ["ListWorkspaces", "ResolveWorkspace", "WorkspaceView"]


class WorkspaceView(View):
    """A workspace as a server offers it."""

    id: str = Field(description="Names it in requests: `?workspace=ID`.")
    name: str
    path: str | None = Field(description="Its folder relative to the served folder; null outside of it.")
    root: str = Field(description="Its folder on the server's machine.")
    exists: bool = Field(description="False: it is made by the first thing recorded.")
    why: str = Field(description="Which rule found it.")


class ListWorkspaces(Ask):
    """Nothing has to be said."""


class ResolveWorkspace(Ask):
    """Which notebook or folder."""

    path: Annotated[
        str,
        Positional,
        Field(max_length=4096, description="A notebook or folder, relative to the served folder."),
    ] = ""

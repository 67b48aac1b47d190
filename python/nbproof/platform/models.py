"""Asks and views of the platform itself: which workspaces there are, and what other machines send."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from nbproof.core.operation import Ask, Positional, View

__all__ = [
    "FindContent",
    "FoundContent",
    "KeepContent",
    "KeptContent",
    "ListWorkspaces",
    "ResolveWorkspace",
    "TakeJournal",
    "TakenJournal",
    "WorkspaceView",
]


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


ContentHash = Annotated[
    str, StringConstraints(pattern="^[0-9a-f]{64}$"), Field(description="BLAKE3-256 of the bytes, hex.")
]

_WriterId = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]


class TakeJournal(Ask):
    """A stretch of the journal of a process on another machine."""

    writer: _WriterId = Field(description="The name of the journal.")
    path: Path = Field(description="The stretch, in the format of docs/explanation/journal-format.md.")


class TakenJournal(View):
    """How far a journal has arrived."""

    drained: int = Field(
        description="The number of its last record here; if that is not the stretch's, nothing was taken."
    )
    cancel: list[str] = Field(
        default_factory=list, description="Runs of that process which somebody asked to stop."
    )


class KeepContent(Ask):
    """Bytes to keep under their hash."""

    hash: ContentHash
    path: Path = Field(description="A file of this machine.")
    writer: _WriterId | None = Field(None, description="The name of the journal that is to name the content.")


class FindContent(Ask):
    """Which content."""

    hash: ContentHash
    writer: _WriterId | None = Field(None, description="The name of the journal that is to name the content.")


class FoundContent(View):
    """Whether content is here."""

    hash: str
    location: str | None = Field(
        None, description="What an artifact's record names; null where it is not here."
    )


class KeptContent(View):
    """Content that is here."""

    hash: str
    size_bytes: int
    location: str = Field(description="What an artifact's record names.")

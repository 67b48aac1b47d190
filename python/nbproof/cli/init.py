"""`nbproof init`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbproof.cli.session import Session
from nbproof.core.errors import Invalid, Unavailable
from nbproof.platform.location import FOLDER, Location
from nbproof.platform.workspace import Workspace

__all__ = ["init"]


def init(session: Session, values: Mapping[str, Any]) -> int:
    """Make a workspace in a folder; where there is one already, say so."""
    root = (
        Path(values.get("folder") or session.environ.get("NBPROOF_WORKSPACE") or ".").expanduser().absolute()
    )
    if root.name == FOLDER:
        root = root.parent
    place = root.resolve()
    if place in (Path.home().resolve(), Path(place.anchor)):
        raise Invalid(
            f"{place} is no place for a workspace: it would take in every project below",
            hint="go to a project's folder, or name one: nbproof init FOLDER",
            details={"field": "folder"},
        )
    if root.exists() and not root.is_dir():
        raise Invalid(f"{root} is a file", hint="name a folder", details={"field": "folder"})
    existed = (root / FOLDER).is_dir()
    workspace = Workspace(Location(root, existed, "nbproof init"), say=lambda line: None)
    try:
        workspace.make()
        # Opening the records now shows here, not in a notebook, that the disk can hold a database.
        where = workspace.database.where
    except OSError as error:
        raise Unavailable(
            f"no workspace can be made in {root}: {error.strerror or error}",
            hint="choose a folder that you may write",
        ) from None
    finally:
        workspace.close()
    if session.json:
        session.print_json(
            {"root": str(root), "folder": str(root / FOLDER), "made": not existed, "database": where}
        )
    elif existed:
        print(f"the workspace {root / FOLDER} is there already")
    else:
        print(f"made the workspace {root / FOLDER}")
        print("  nbproof.toml in it holds its settings and is meant to be committed; git ignores the rest")
        print("  next: %load_ext nbproof in a notebook below it, or: nbproof doctor")
    return 0

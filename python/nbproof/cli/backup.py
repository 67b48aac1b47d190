"""`nbproof backup` and `nbproof restore`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nbproof.cli.session import Session

__all__ = ["backup", "restore"]


def backup(session: Session, values: Mapping[str, Any]) -> int:
    """Copy the workspace into one file, and read it back."""
    from nbproof.core.listing import size_text
    from nbproof.platform.maintenance import Maintenance
    from nbproof.platform.workspace import Workspace
    from nbproof.storage.backup import Backup

    workspace, file = session.workspace, Path(values["file"]).expanduser()
    if isinstance(workspace, Workspace):
        with _progress(session) as progress:
            made = Maintenance(workspace).back_up(file, progress=progress)
    else:
        made = Backup(**workspace.transfer.back_up(file))
    if session.json:
        session.print_json(asdict(made))
        return 0
    print(f"{made.path}: {size_text(made.size_bytes)}, {made.files} files, read back and whole")
    if made.database == "postgresql":
        print("  the records of PostgreSQL are in it as a SQLite file, ready for: nbproof restore,")
        print("  or for another PostgreSQL database: nbproof restore --database URL")
    if made.content:
        print(f"  content was fetched from {made.content};")
        print("  restored, it is in the workspace's folder, and the address is not in the settings")
    if made.missing_packs:
        print(f"  {made.missing_packs} packs were lost before and are not in it:")
        print("  nbproof datasets verify names what is touched")
    return 0


def restore(session: Session, values: Mapping[str, Any]) -> int:
    """Make a workspace of a backup."""
    from nbproof.core.clock import SystemClock
    from nbproof.platform.location import FOLDER
    from nbproof.platform.maintenance import restore_workspace

    root = Path(values.get("folder") or ".").expanduser().absolute()
    if root.name == FOLDER:
        root = root.parent
    with _progress(session) as progress:
        made = restore_workspace(
            Path(values["file"]).expanduser(),
            root,
            now_us=SystemClock().now_us(),
            database=values.get("database"),
            progress=progress,
        )
    if session.json:
        session.print_json({**asdict(made), "folder": str(root / FOLDER)})
    else:
        print(f"made the workspace {root / FOLDER}, as it was on {made.created} (nbproof {made.version})")
        if values.get("database"):
            print(f"  tell it where its records are: database = ... in {root / FOLDER / 'nbproof.toml'}")
            print("  or NBPROOF_DATABASE; the address was not written down, because it may hold a password")
    return 0


@contextmanager
def _progress(session: Session) -> Iterator[Callable[[str, int, int], object] | None]:
    if session.json or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm  # type: ignore[import-untyped]  # it has no stubs

    with tqdm(leave=False, unit="B", unit_scale=True) as bar:

        def tell(doing: str, done: int, total: int) -> None:
            bar.set_description_str(doing, refresh=False)
            bar.total, bar.n = total or None, done
            bar.update(0)

        yield tell

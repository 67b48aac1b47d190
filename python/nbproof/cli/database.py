"""`nbproof db ...`: the database of records, for those who look after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nbproof.cli.session import Session
from nbproof.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from nbproof.platform.workspace import Workspace
    from nbproof.storage.database import Database, DatabaseState

__all__ = ["db_check", "db_current", "db_upgrade", "db_vacuum"]


def db_current(session: Session, values: Mapping[str, Any]) -> int:
    """Show the revision."""
    from nbproof.storage.database import current

    _, database = _database(session)
    try:
        state = current(database)
    finally:
        database.close()
    if session.json:
        session.print_json(asdict(state))
        return 0
    print(state.where)
    print(f"  revision     {state.revision or _without_revision(state)}")
    print(f"  newest       {state.head}")
    if state.version:
        print(f"  brought here by nbproof {state.version}")
    if state.revision and state.pending:
        print(f"  pending      {', '.join(state.pending)}; run: nbproof db upgrade")
    return 0


def db_upgrade(session: Session, values: Mapping[str, Any]) -> int:
    """Bring it to the newest revision."""
    from nbproof.storage.database import current, upgrade

    workspace, database = _database(session)
    try:
        before = current(database)
        after = upgrade(database, backup_dir=workspace.folder / "backups")
    finally:
        database.close()
    if session.json:
        session.print_json({"before": before.revision, **asdict(after)})
    elif before.revision == after.revision:
        print(f"{after.where} is at revision {after.revision} already")
    else:
        print(f"{after.where}: from {before.revision or 'empty'} to revision {after.revision}")
    return 0


def db_check(session: Session, values: Mapping[str, Any]) -> int:
    """Look for damage."""
    from nbproof.storage.database import check

    _, database = _database(session)
    try:
        found = check(database)
    finally:
        database.close()
    if session.json:
        session.print_json({"where": database.where, "found": found})
    elif found:
        for sentence in found:
            print(sentence)
    else:
        print(f"{database.where} is as it should be")
    return 1 if found else 0


def db_vacuum(session: Session, values: Mapping[str, Any]) -> int:
    """Write the database anew, without its free pages."""
    from nbproof.core.listing import size_text
    from nbproof.storage.vacuum import free_pages, vacuum

    _, database = _database(session)
    try:
        before = free_pages(database)
        vacuum(database)
        after = free_pages(database)
    finally:
        database.close()
    freed = before.size_bytes - after.size_bytes
    if session.json:
        session.print_json({"before_bytes": before.size_bytes, "after_bytes": after.size_bytes})
    else:
        print(f"{database.where}: {size_text(after.size_bytes)}, {size_text(max(0, freed))} given back")
    return 0


def _without_revision(state: DatabaseState) -> str:
    if state.others:
        more = f" and {len(state.others) - 5} more" if len(state.others) > 5 else ""
        return (
            f"none: no tables of this nbproof, but others: {', '.join(state.others[:5])}{more}; "
            "if another program's, or those of a later nbproof, give nbproof a database of its own"
        )
    return "none: the database is empty; it is filled when it is first used"


def _database(session: Session) -> tuple[Workspace, Database]:
    from nbproof.platform.workspace import Workspace
    from nbproof.storage.database import Database

    workspace = session.workspace
    if not isinstance(workspace, Workspace):
        raise Invalid("a server looks after its own database", hint="run this on the server's machine")
    workspace.refuse_the_future()  # its settings may have another meaning, and say where the database is
    url = workspace.settings.database
    if not workspace.exists and url is None:
        raise NotFound(f"there is no workspace {workspace.folder}", hint="make one with: nbproof init")
    return workspace, Database(url or workspace.folder / "meta.db")

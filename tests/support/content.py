"""What happens to content that nobody wants to happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from nbproof.platform.workspace import Workspace

__all__ = ["lose"]


def lose(workspace: Workspace, location: str) -> None:
    """Have the store know nothing of some content any more."""
    with workspace.database.begin() as connection:
        connection.execute(
            sa.text("DELETE FROM content_records WHERE hash = :hash"), {"hash": bytes.fromhex(location[3:])}
        )

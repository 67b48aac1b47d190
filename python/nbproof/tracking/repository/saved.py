"""Saved searches: their records, and bringing them there from the journal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import sqlalchemy as sa

from nbproof.core.clock import datetime_of
from nbproof.core.errors import Invalid
from nbproof.core.events import Changed
from nbproof.tracking.models import SavedSearch
from nbproof.tracking.repository.stored import SAVED_SEARCHES, clean

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from nbproof.storage.journal.reader import Batch

__all__ = ["SavedSearchApplier", "saved_searches"]

_S = SAVED_SEARCHES.c


def saved_searches(connection: Connection) -> list[SavedSearch]:
    """All of them, by name."""
    rows = connection.execute(sa.select(SAVED_SEARCHES).where(_S.deleted.is_(False)).order_by(_S.name))
    return [SavedSearch(name=row.name, query=row.query, saved=datetime_of(row.time_us)) for row in rows]


class SavedSearchApplier:
    """Brings ``search.save`` and ``search.delete`` into the table; of one name the latest counts."""

    kinds = frozenset({"search.save", "search.delete"})

    def apply(self, connection: Connection, batch: Batch) -> Iterable[Changed]:
        """Write a batch; raises `Invalid` for what cannot be understood."""
        names = []
        for event in batch.events:
            if event.get("kind") in self.kinds:
                names.append(_put(connection, event))
        return [Changed("search", tuple(names))] if names else []

    def writer_died(self, connection: Connection, writer_id: str, time_us: int) -> Iterable[Changed]:
        """A saved search belongs to no process."""
        return []

    def writer_returned(self, connection: Connection, writer_id: str) -> Iterable[Changed]:
        """Nothing was changed by `writer_died`."""
        return []


def _put(connection: Connection, event: dict[str, object]) -> str:
    name, time_us, query = event.get("name"), event.get("time"), event.get("query", "")
    if type(name) is not str or type(time_us) is not int or type(query) is not str:
        raise Invalid("a saved search has a name, a query and a time")
    values = {"query": clean(query), "time": time_us, "deleted": event["kind"] == "search.delete"}
    name = clean(name)
    connection.execute(_PUT, {"name": name, **values})
    return name


# The same words on both databases; two drains at once cannot both find it missing.
_PUT = sa.text(
    """
    INSERT INTO saved_searches (name, query, time_us, deleted) VALUES (:name, :query, :time, :deleted)
    ON CONFLICT (name) DO UPDATE
    SET query = excluded.query, time_us = excluded.time_us, deleted = excluded.deleted
    WHERE saved_searches.time_us <= excluded.time_us
    """
)

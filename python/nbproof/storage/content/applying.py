"""The content store's hand in the drain: what processes put into packs comes into the index."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import TYPE_CHECKING

from nbproof.core.errors import Invalid
from nbproof.core.ids import is_id
from nbproof.storage.content.index import ContentIndex
from nbproof.storage.content.logged import EVENT
from nbproof.storage.content.packs import HEADER_BYTES, ZSTD, Kind, Record, unpacked_records

if TYPE_CHECKING:
    import sqlalchemy as sa

    from nbproof.core.events import Changed
    from nbproof.storage.journal.reader import Batch

__all__ = ["ContentApplier"]


class ContentApplier:
    """Takes events of the kind ``content``; see `nbproof.storage.drain.Applier`.

    Parameters
    ----------
    index : ContentIndex
    """

    kinds = frozenset({EVENT})

    def __init__(self, index: ContentIndex) -> None:
        self._index = index

    def apply(self, connection: sa.Connection, batch: Batch) -> Iterable[Changed]:
        """Enter the records of a batch into the index."""
        found: dict[str, list[Record]] = {}
        for event in batch.events:
            if event.get("kind") == EVENT:
                pack, records = _told(event)
                found.setdefault(pack, []).extend(records)
        self._index.add(connection, found)
        return []

    def writer_died(self, connection: sa.Connection, writer_id: str, time_us: int) -> Iterable[Changed]:
        """Nothing: what it had not told is garbage."""
        return []

    def writer_returned(self, connection: sa.Connection, writer_id: str) -> Iterable[Changed]:
        """Nothing."""
        return []


def _told(event: dict[str, object]) -> tuple[str, list[Record]]:
    try:
        pack, packed = event["pack"], event["records"]
        if not isinstance(pack, str) or not is_id(pack) or not isinstance(packed, str):
            raise ValueError("a pack has an id, and its records are text")
        records = unpacked_records(base64.b64decode(packed, validate=True))
        for each in records:
            if each.kind not in (Kind.CHUNK, Kind.OBJECT) or each.codec > ZSTD or each.offset < HEADER_BYTES:
                raise ValueError("a record is none")
    except (KeyError, ValueError, binascii.Error) as error:
        raise Invalid(
            f"an event {EVENT!r} cannot be understood: {type(error).__name__} {error}",
            details={"seq": event.get("seq")},
        ) from error
    return pack, records

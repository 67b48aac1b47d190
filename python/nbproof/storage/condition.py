"""How the journals of a workspace are: for `nbproof doctor`, which changes nothing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from nbproof.storage.database import Database, current
from nbproof.storage.journal.reader import last_seq, read_writer, writer_ids
from nbproof.storage.tables import WriterRow

__all__ = ["JournalCondition", "journal_condition"]


@dataclass(frozen=True, slots=True)
class JournalCondition:
    """What was found in a journal folder.

    Attributes
    ----------
    writers : int
        Processes that write, or have written what is not settled yet.
    undrained : int
        Records that are not in the tables yet.
    size_bytes : int
        Of all journals on the disk.
    bad, rejected : int
        Damaged records that were skipped, and those that could not be applied, since the beginning.
    unreadable : tuple of str
        Journals of a later format, or without a description.
    """

    writers: int
    undrained: int
    size_bytes: int
    bad: int
    rejected: int
    unreadable: tuple[str, ...]


def journal_condition(folder: Path, database: Database) -> JournalCondition:
    """Look at every journal in ``<workspace>/journal``, and at what the tables know of them."""
    drained: dict[str, int] = {}
    bad = rejected = 0
    if current(database).revision is not None:
        with database.connect() as connection:
            rows = sa.select(WriterRow.id, WriterRow.drained, WriterRow.bad, WriterRow.rejected)
            for row in connection.execute(rows):
                drained[row.id] = row.drained
                bad += row.bad
                rejected += row.rejected
    undrained = size = 0
    unreadable: list[str] = []
    identifiers = writer_ids(folder)
    for identifier in identifiers:
        path = folder / identifier
        try:
            if read_writer(path) is None:
                unreadable.append(f"{path} has no writer.json")
        except ValueError as error:
            unreadable.append(str(error))
            continue
        undrained += max(0, last_seq(path) - drained.get(identifier, 0))
        with suppress(OSError):  # a journal that is drained to its end goes away under us
            # Blocks that are really taken: files of points are made larger than what is in them.
            size += sum(getattr(file.stat(), "st_blocks", 0) * 512 for file in path.iterdir())
    return JournalCondition(len(identifiers), undrained, size, bad, rejected, tuple(unreadable))

"""Free pages of a SQLite file: what deleted records leave, and how the disk gets it back."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from nbproof.core.errors import Invalid, Unavailable
from nbproof.storage.database import Database

__all__ = ["FreePages", "free_pages", "vacuum"]

# SQLite fills free pages again; only many of them are worth writing the whole file anew.
_WORTH_RATIO = 0.25
_WORTH_BYTES = 10 << 20


@dataclass(frozen=True, slots=True)
class FreePages:
    """What a database takes on the disk, and how much of it holds nothing."""

    size_bytes: int
    free_bytes: int

    @property
    def ratio(self) -> float:
        """The free part."""
        return self.free_bytes / self.size_bytes if self.size_bytes else 0.0

    @property
    def worth_it(self) -> bool:
        """Whether to advise a vacuum."""
        return self.ratio > _WORTH_RATIO and self.free_bytes > _WORTH_BYTES


def free_pages(database: Database) -> FreePages:
    """Look at a SQLite database."""
    _refuse_postgresql(database)
    with database.connect() as connection:
        page = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    return FreePages(pages * page, free * page)


def vacuum(database: Database) -> None:
    """Write a SQLite database anew without free pages; others wait meanwhile, and lose nothing.

    Raises
    ------
    Unavailable
        The disk has no room for the second copy that this needs for a moment, or somebody is writing.
    """
    found = free_pages(database)
    if database.path is not None:
        room = shutil.disk_usage(database.path.parent).free
        # The new file and, for a moment, the write-ahead log of it.
        needed = 2 * (found.size_bytes - found.free_bytes)
        if room < needed:
            raise Unavailable(
                f"a vacuum needs {needed:,} bytes for a moment, {room:,} are free",
                hint="free some space first",
                details={"needed_bytes": needed, "free_bytes": room},
            )
    with database.told(), database.engine.connect() as connection:
        # Not inside a transaction, which SQLAlchemy would begin.
        driver = connection.connection.dbapi_connection
        assert driver is not None
        cursor = driver.cursor()
        try:
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            cursor.close()


def _refuse_postgresql(database: Database) -> None:
    if database.dialect != "sqlite":
        raise Invalid(
            "PostgreSQL gives free pages back by itself (autovacuum)",
            hint="to shrink its files at once, run VACUUM FULL there",
        )

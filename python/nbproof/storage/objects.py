"""Content under its hash, as rooms see it: artifacts now, models later.

`ObjectStorage` is the seam.  A workspace keeps objects in its content store
(`nbproof.storage.content.logged.PackedObjects`), the queue to a server as plain files until they are sent
(`nbproof.storage.spool.SpooledObjects`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

__all__ = ["ObjectStorage", "OnBytes", "StoredObject"]

OnBytes = Callable[[int], object]
"""Told how many more bytes were taken in; what it raises ends the taking in, and nothing is kept."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Content that is kept.

    Attributes
    ----------
    hash : str
        BLAKE3-256 of the bytes, 64 hex digits.
    size_bytes : int
    location : str
        What `ObjectStorage.open` takes; opaque, and never a path of this machine.
    """

    hash: str
    size_bytes: int
    location: str


class ObjectStorage(Protocol):
    """Keeps bytes under their hash.

    Laws
    ----
    - Safe from any thread, and beside other processes on the same store.
    - `put` is atomic: a reader sees all of an object or nothing, whenever the machine stops.  When it has
      returned, the bytes survive a power cut.
    - The same bytes are kept once; putting them again gives the same location.
    - Objects do not change.
    - A location leads to nothing outside the store, whoever wrote it.
    - Memory is bounded, whatever the size of the content.
    - Writing waits for no database.
    - The disk's failures are `Unavailable`; an unknown location is `NotFound`; a malformed one `Invalid`.
    """

    def put(self, source: BinaryIO | Path, *, on_bytes: OnBytes | None = None) -> StoredObject:
        """Keep the bytes of a binary stream, from where it stands, or of a file."""
        ...

    def put_many(self, sources: Sequence[Path], *, on_bytes: OnBytes | None = None) -> Iterator[StoredObject]:
        """Keep files, in order; faster than one by one, because they become durable together."""
        ...

    def open(self, location: str) -> BinaryIO:
        """A binary stream of the content that can seek; the caller closes it."""
        ...

    def path(self, location: str) -> Path:
        """A local file with the content, to be read and not to be changed."""
        ...

    def exists(self, location: str) -> bool:
        """Whether the content is here."""
        ...

    def missing(self, locations: Iterable[str]) -> set[str]:
        """Those of the locations whose content is not here."""
        ...

    def find(self, hash: str) -> StoredObject | None:
        """The content of that hash, if it is here."""
        ...

    def let_go(self, location: str) -> None:
        """Say that the record which refers to content is written, or never will be.

        Until then `put`, `put_many` and `find` keep what they gave from being cleared away as garbage.
        """
        ...

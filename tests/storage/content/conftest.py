"""Stores of every kind: packs in a folder and behind fsspec, an index in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbproof.storage.content.ends import FileSystemStorage, FsspecStorage, StorageBackend
from nbproof.storage.content.index import ContentIndex
from nbproof.storage.content.store import ContentStore
from nbproof.storage.database import open_database

Opener = Callable[[], ContentStore]


@pytest.fixture(params=["folder", "memory"])
def end(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], StorageBackend]:
    if request.param == "folder":
        return lambda: FileSystemStorage(tmp_path / "content")
    return lambda: FsspecStorage(f"memory://{tmp_path.name}")


@pytest.fixture
def opener(end: Callable[[], StorageBackend], database_url: str, tmp_path: Path) -> Iterator[Opener]:
    """Opens the store anew, as another process would."""
    databases = []

    def opened() -> ContentStore:
        databases.append(open_database(database_url))
        # Packs are full soon, so that small tests have several.
        return ContentStore(end(), ContentIndex(databases[-1]), tmp_path / "content", pack_bytes=1 << 20)

    yield opened
    for each in databases:
        each.close()


@pytest.fixture
def store(opener: Opener) -> ContentStore:
    return opener()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Opener]:
    """Opens one in a folder with SQLite."""
    databases = []

    def opened() -> ContentStore:
        databases.append(open_database(tmp_path / "meta.db"))
        end = FileSystemStorage(tmp_path / "content")
        return ContentStore(end, ContentIndex(databases[-1]), tmp_path / "content", pack_bytes=1 << 20)

    yield opened
    for each in databases:
        each.close()

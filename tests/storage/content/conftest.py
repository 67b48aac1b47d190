"""Stores of every kind: packs in a folder and behind fsspec, an index in SQLite and in PostgreSQL."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbproof.storage.content.ends import FileSystemStorage, FsspecStorage, StorageBackend
from nbproof.storage.content.index import ContentIndex
from nbproof.storage.content.store import ContentStore
from nbproof.storage.database import open_database
from tests.support.s3 import ObjectStore

Opener = Callable[[], ContentStore]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Where packs are and where the index is have nothing to do with each other: this pair is left out.
    def is_needless(item: pytest.Item) -> bool:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        return (params.get("end"), params.get("database_url")) == ("s3", "postgresql")

    items[:] = [each for each in items if not is_needless(each)]


@pytest.fixture(params=["folder", "memory", "s3"])
def end(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], StorageBackend]:
    if request.param == "folder":
        return lambda: FileSystemStorage(tmp_path / "content")
    if request.param == "memory":
        return lambda: FsspecStorage(f"memory://{tmp_path.name}")
    store: ObjectStore = request.getfixturevalue("s3")
    url = store.bucket(secrets.token_hex(8))
    return lambda: FsspecStorage(url, store.options)


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

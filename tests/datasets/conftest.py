"""A workspace's datasets, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbproof.core.clock import FixedClock
from nbproof.datasets.repository import DatasetRepository
from nbproof.datasets.service import DataVersionControl
from nbproof.storage.content.ends import FileSystemStorage
from nbproof.storage.content.index import ContentIndex
from nbproof.storage.content.store import ContentStore
from nbproof.storage.database import open_database


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(1_795_000_000_000_000)


@pytest.fixture
def content(database_url: str, tmp_path: Path) -> Iterator[ContentStore]:
    database = open_database(database_url)
    yield ContentStore(FileSystemStorage(tmp_path / "content"), ContentIndex(database), tmp_path / "content")
    database.close()


@pytest.fixture
def datasets(content: ContentStore, tmp_path: Path, clock: FixedClock) -> DataVersionControl:
    repository = DatasetRepository(content.index.database)
    return DataVersionControl(lambda: repository, lambda: content, tmp_path / "copies", clock=clock)

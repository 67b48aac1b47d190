"""Packs in an object store that goes away, or gets half an upload; over real connections."""

from __future__ import annotations

import io
import multiprocessing
import random
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from nbproof.core.errors import Invalid, Unavailable
from nbproof.storage.content.ends import FsspecStorage
from nbproof.storage.content.index import ContentIndex
from nbproof.storage.content.store import ContentStore
from nbproof.storage.database import open_database
from tests.support.s3 import ObjectStore


@contextmanager
def opened(folder: Path, url: str, options: dict[str, Any]) -> Iterator[ContentStore]:
    with open_database(folder / "meta.db") as database:
        yield ContentStore(FsspecStorage(url, options), ContentIndex(database), folder / "content")


def put(store: ContentStore, content: bytes) -> str:
    with store.intake() as intake:
        kept = intake.put(io.BytesIO(content))
        intake.commit()
    return kept.location


class Wire:
    """A port that leads to a server until so many bytes were sent to it: then each connection is cut."""

    def __init__(self, port: int) -> None:
        self.bytes_left: float = float("inf")
        self._to = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                threading.Thread(target=self._carry, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._carry, args=(server, client, False), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(1 << 16):
                if counted:
                    self.bytes_left -= len(piece)
                    if self.bytes_left < 0:
                        break
                target.sendall(piece)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture
def wire(s3: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    import s3fs  # type: ignore[import-untyped]  # it has no stubs

    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)  # a server that stays away is asked five times
    found = Wire(s3.port)
    yield found
    found.close()


def through(wire: Wire, s3: ObjectStore) -> dict[str, Any]:
    return {**s3.options, "endpoint_url": f"http://127.0.0.1:{wire.port}"}


def test_half_an_upload_is_an_error_and_leaves_nothing(tmp_path, s3, wire):
    url = s3.bucket(secrets.token_hex(8))
    content = random.Random(1).randbytes(900_000)
    with opened(tmp_path, url, through(wire, s3)) as store:
        kept = put(store, b"before")
        packs = len(list(store.end.packs()))
        wire.bytes_left = 300_000
        with pytest.raises(Unavailable, match=r"s3://.*"):
            put(store, content)
        wire.bytes_left = float("inf")

        assert len(list(store.end.packs())) == packs == len(store.index.indexed())
        # The next one goes on.
        location = put(store, content)
        assert store.read(location) == content and store.read(kept) == b"before"


def test_a_server_that_is_away_is_told_of_and_nothing_is_half(tmp_path, s3, wire):
    url = s3.bucket(secrets.token_hex(8))
    with opened(tmp_path, url, through(wire, s3)) as store:
        location = put(store, b"content" * 100_000)
        wire.bytes_left = 0
        with pytest.raises(Unavailable) as told:
            store.read(location)
        assert url in str(told.value) and "connection" in str(told.value.hint)
        with pytest.raises(Unavailable):
            put(store, b"other")
        wire.bytes_left = float("inf")
        assert store.read(location) == b"content" * 100_000
        assert len(store.index.indexed()) == 1


def in_a_fork(store: ContentStore, location: str, content: bytes) -> None:
    assert store.read(location) == content
    put(store, content + b"more")


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_a_fork_goes_on_by_itself(tmp_path, s3):
    with opened(tmp_path, s3.bucket(secrets.token_hex(8)), s3.options) as store:
        content = random.Random(1).randbytes(200_000)
        location = put(store, content)
        child = multiprocessing.get_context("fork").Process(target=in_a_fork, args=(store, location, content))
        child.start()
        child.join(60)
        assert child.exitcode == 0
        assert store.read(location) == content
        assert len(list(store.end.packs())) == 2


def test_an_address_with_a_password_is_refused():
    with pytest.raises(Invalid, match="holds a user or a password"):
        FsspecStorage("s3://user:password@bucket/prefix")

"""What waits on this machine for a server: the same journals and content that a workspace here would have.

::

    <your data folder>/nbproof/queues/<host>-<digest>/
        queue.json     the address, never a token
        journal/       one folder a process, as in a workspace
        content/       artifacts
        sender.json    the process that sends
        state.json     what keeps it from sending, where something does

A kernel writes to the journal and goes on; `nbproof.platform.sender` carries it to the server and deletes
what has arrived.  Standard library only: a kernel uses this when a run starts.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nbproof.platform.connection import Connection
from nbproof.platform.location import user_folder
from nbproof.storage.background import start_in_background
from nbproof.storage.journal.process import Process, is_dead, this_process
from nbproof.storage.journal.reader import last_seq, writer_ids

__all__ = ["Queue", "all_queues"]


class Queue:
    """The queue of one server's workspace.

    Parameters
    ----------
    folder : Path
    address : str
        The API's base with its query; what `Connection` takes.
    """

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address
        self._warned: str | None = None

    @classmethod
    def of(cls, connection: Connection, environ: Mapping[str, str] | None = None) -> Queue:
        """The queue of what a connection leads to; nothing is made."""
        address = f"{connection.url}?{connection.query}" if connection.query else connection.url
        # Not hashlib: loading OpenSSL takes longer than everything else that a first run needs.
        encoded = address.encode()
        digest = f"{zlib.crc32(encoded):08x}{zlib.adler32(encoded):08x}"
        host = "".join(each if each.isalnum() or each in "-." else "_" for each in urlsplit(address).netloc)
        return cls(user_folder(environ) / "queues" / f"{host[-60:]}-{digest}", address)

    @property
    def journal(self) -> Path:
        """The folder of journals."""
        return self.folder / "journal"

    @property
    def content(self) -> Path:
        """The folder of content."""
        return self.folder / "content"

    @property
    def exists(self) -> bool:
        """Whether anything was ever queued."""
        return self.folder.is_dir()

    def make(self) -> None:
        """Make the folder, for this user's eyes only; again is nothing."""
        if not (self.folder / "queue.json").exists():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(self.folder / "queue.json", {"address": self.address})

    # -- the sender ------------------------------------------------------------------------------------------

    def see_to_sender(self) -> None:
        """Start the process that sends, where none lives; waits for nothing."""
        if self.sender() is None:
            start_in_background("nbproof.platform.sender", str(self.folder))

    def sender(self) -> Process | None:
        """The living process that sends, if there is one."""
        told = _read(self.folder / "sender.json")
        try:
            process = Process(**told) if told else None
        except TypeError:
            return None
        return None if process is None or is_dead(process) else process

    def announce_sender(self) -> bool:
        """Say that this process sends; False where another one lives."""
        if self.sender() is not None:
            return False
        _write(self.folder / "sender.json", asdict(this_process()))
        return True

    def withdraw_sender(self) -> None:
        """Take back what `announce_sender` said."""
        with suppress(OSError):
            (self.folder / "sender.json").unlink(missing_ok=True)

    # -- how it stands ---------------------------------------------------------------------------------------

    def waiting(self) -> int:
        """How many records have not arrived, as far as is known on this machine."""
        count = 0
        for identifier in writer_ids(self.journal):
            path = self.journal / identifier
            count += max(0, last_seq(path) - int((_read(path / "sent.json") or {}).get("seq", 0)))
        return count

    def tell_trouble(self, message: str | None) -> None:
        """Leave word of what keeps records from being sent; None: nothing does."""
        path = self.folder / "state.json"
        if message is None:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        elif self.trouble() != message:
            _write(path, {"trouble": message, "since_us": time.time_ns() // 1000})

    def trouble(self) -> str | None:
        """What kept the sender from sending when it last tried."""
        told = _read(self.folder / "state.json")
        return None if told is None else str(told.get("trouble"))

    def fresh_trouble(self) -> str | None:
        """`trouble`, once for each kind."""
        trouble = self.trouble()
        if trouble == self._warned:
            return None
        self._warned = trouble
        return trouble


def all_queues(environ: Mapping[str, str] | None = None) -> list[Queue]:
    """Every queue of this user."""
    found = []
    for path in sorted((user_folder(environ) / "queues").glob("*/queue.json")):
        told = _read(path)
        if told and isinstance(told.get("address"), str):
            found.append(Queue(path.parent, told["address"]))
    return found


def _write(path: Path, facts: dict[str, Any]) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    partial.write_text(json.dumps(facts), encoding="utf-8")
    partial.replace(path)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None

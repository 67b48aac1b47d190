"""A body on its way in: a file that grows with what arrives and vanishes if the rest never does."""

from __future__ import annotations

import errno
import shutil
import threading
import time
from pathlib import Path

from nbproof.core.errors import Unavailable
from nbproof.core.ids import new_id

__all__ = ["Spool", "remove_left_over"]

_LEFT_OVER_SECONDS = 24 * 3600


class Spool:
    """Receives the bytes of one upload.

    Laws: safe from any thread; after `remove` nothing is left on disk, and late bytes are dropped.

    Parameters
    ----------
    folder : Path
        Where uploads are put; on the disk they will stay on.
    name : str
        Name of the file, for verbs that look at it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder / new_id()
        self.path = self._folder / name
        self.size = 0
        self._lock = threading.Lock()
        self._removed = False
        try:
            self._folder.mkdir(parents=True)
            # Unbuffered: what was written is on its way to the disk, and a full one is noticed here.
            self._file = self.path.open("xb", buffering=0)
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise _unavailable(error) from None

    def write(self, data: bytes) -> None:
        """Append; `Unavailable` if the disk is full."""
        with self._lock:
            if self._removed:
                return
            view = memoryview(data)
            try:
                while view:
                    view = view[self._file.write(view) :]
            except OSError as error:
                raise _unavailable(error) from None
            self.size += len(data)

    def close(self) -> None:
        """All has arrived."""
        with self._lock:
            self._file.close()

    def remove(self) -> None:
        """Away with it; again is nothing."""
        with self._lock:
            if not self._removed:
                self._removed = True
                self._file.close()
                shutil.rmtree(self._folder, ignore_errors=True)


def remove_left_over(folder: Path) -> None:
    """Remove what a killed server left behind a day ago or longer."""
    if not folder.is_dir():
        return
    oldest = time.time() - _LEFT_OVER_SECONDS
    for each in folder.iterdir():
        if each.stat().st_mtime < oldest:
            shutil.rmtree(each, ignore_errors=True)


def _unavailable(error: OSError) -> Unavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable("the server's disk is full", hint="make room and send the file again")
    return Unavailable(f"the server can't keep the file: {error.strerror or error}")

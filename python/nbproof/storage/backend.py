"""Where content is kept: artifacts now, datasets and models later.

`StorageBackend` is the seam.  `FileSystemStorage` keeps whole files by their hash; what replaces its inside
later (chunks, packs, buckets) keeps the protocol, and the locations that were given out stay valid.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from nbproof.core.errors import Invalid, NotFound, Unavailable

__all__ = ["FileSystemStorage", "StorageBackend", "StoredObject", "Verdict"]

_PIECE = 1 << 20
_PARTIAL = re.compile(r"[0-9a-f]{32}")
# Who writes touches the file with every piece: one that rested so long belongs to nobody.
_ABANDONED_SECONDS = 24 * 60 * 60
_LOCATION = re.compile(r"objects/([0-9a-f]{2})/([0-9a-f]{62})")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Content that is kept.

    Attributes
    ----------
    hash : str
        BLAKE2b-256 of the bytes, 64 hex digits.
    size_bytes : int
    location : str
        What `StorageBackend.open` takes; opaque, and never a path of this machine.
    """

    hash: str
    size_bytes: int
    location: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `FileSystemStorage.verify` found about one object."""

    location: str
    intact: bool


class StorageBackend(Protocol):
    """Keeps bytes under their hash.

    Laws
    ----
    - Safe from any thread, and beside other processes on the same store.
    - `put` is atomic: a reader sees all of an object or nothing, whenever the machine stops.  When it has
      returned, the bytes survive a power cut.
    - The same bytes are kept once; putting them again gives the same location.
    - Objects do not change.  A stream from `open` stays readable even if the object is deleted meanwhile.
    - A location leads to nothing outside the store, whoever wrote it.
    - Memory is bounded, whatever the size of the content.
    - The disk's failures are `Unavailable`; an unknown location is `NotFound`; a malformed one `Invalid`.
    """

    def put(self, source: BinaryIO | Path) -> StoredObject:
        """Keep the bytes of a binary stream, from where it stands, or of a file."""
        ...

    def open(self, location: str) -> BinaryIO:
        """A binary stream of the content, which the caller closes."""
        ...

    def path(self, location: str) -> Path:
        """A local file with the content, to be read and not to be changed."""
        ...

    def exists(self, location: str) -> bool:
        """Whether the content is here."""
        ...

    def find(self, hash: str) -> StoredObject | None:
        """The content of that hash, if it is here."""
        ...

    def delete(self, location: str) -> None:
        """Forget the content; nothing happens if it is not here."""
        ...

    def iter(self) -> Iterator[StoredObject]:
        """All that is kept, in the order of the hashes."""
        ...


class FileSystemStorage:
    """A store in a folder: ``objects/ab/cdef...``, one read-only file for each content.

    Parameters
    ----------
    root : Path
        Made when something is first put.

    Notes
    -----
    Content is written in ``incoming/`` first.  A process that is killed leaves its partial file there; `put`
    deletes those to which nothing was added for a day.

    Examples
    --------
    >>> import io, tempfile
    >>> storage = FileSystemStorage(Path(tempfile.mkdtemp()))
    >>> kept = storage.put(io.BytesIO(b"plot"))
    >>> with storage.open(kept.location) as stream:
    ...     kept.size_bytes, stream.read()
    (4, b'plot')
    """

    def __init__(self, root: Path) -> None:
        self._root = Path(root).absolute()

    def __repr__(self) -> str:
        return f"FileSystemStorage({str(self._root)!r})"

    def put(self, source: BinaryIO | Path) -> StoredObject:
        """Keep the bytes of a binary stream, from where it stands, or of a file.

        Raises
        ------
        NotFound, Invalid
            `source` is a path without a file, or of something that is not a file.
        Unavailable
            The disk is full, read-only or away; nothing is kept then.
        OSError
            Reading `source` failed: that is for the caller to explain.
        """
        if isinstance(source, Path):
            try:
                # Asked before opening: to open a pipe is to wait for somebody who writes.
                if not stat.S_ISREG(source.stat().st_mode):
                    raise Invalid(f"{source} is not a regular file", details={"field": "path"})
                stream = source.open("rb")
            except FileNotFoundError:
                raise NotFound(f"no file {source}", details={"field": "path"}) from None
            except OSError as error:
                raise Invalid(
                    f"{source} cannot be read: {error.strerror}", details={"field": "path"}
                ) from error
            with stream:
                return self._put(stream)
        return self._put(source)

    def open(self, location: str) -> BinaryIO:
        """A binary stream of the content, which the caller closes."""
        path = self._place(location)
        try:
            return open(path, "rb")
        except FileNotFoundError:
            raise _gone(location) from None
        except OSError as error:
            raise self._trouble(error) from error

    def path(self, location: str) -> Path:
        """The file that holds the content; it is read-only and must stay so."""
        path = self._place(location)
        if not path.is_file():
            raise _gone(location)
        return path

    def exists(self, location: str) -> bool:
        """Whether the content is here."""
        return self._place(location).is_file()

    def find(self, hash: str) -> StoredObject | None:
        """The content of that hash, if it is here."""
        location = f"objects/{hash[:2]}/{hash[2:]}"
        with suppress(FileNotFoundError):
            return StoredObject(hash, self._place(location).stat().st_size, location)
        return None

    def delete(self, location: str) -> None:
        """Forget the content; nothing happens if it is not here."""
        path = self._place(location)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise self._trouble(error) from error

    def iter(self) -> Iterator[StoredObject]:
        """All that is kept, in the order of the hashes."""
        for folder in sorted(self._root.glob("objects/[0-9a-f][0-9a-f]")):
            for path in sorted(folder.iterdir()):
                location = f"objects/{folder.name}/{path.name}"
                if _LOCATION.fullmatch(location):
                    with suppress(FileNotFoundError):  # deleted meanwhile
                        yield StoredObject(folder.name + path.name, path.stat().st_size, location)

    def verify(self) -> Iterator[Verdict]:
        """Read everything and compare it with its hash."""
        for kept in self.iter():
            digest = _digest()
            with suppress(NotFound), self.open(kept.location) as stream:
                while piece := stream.read(_PIECE):
                    digest.update(piece)
                yield Verdict(kept.location, digest.hexdigest() == kept.hash)

    # -- inside ------------------------------------------------------------------------------------

    def _put(self, stream: BinaryIO) -> StoredObject:
        incoming = self._root / "incoming"
        partial = incoming / secrets.token_hex(16)
        digest, size = _digest(), 0
        try:
            try:
                incoming.mkdir(parents=True, exist_ok=True)
                # Made for us alone: nobody can have put a link there.
                target = os.open(
                    partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o444
                )
            except OSError as error:
                raise self._trouble(error) from error
            with open(target, "wb", buffering=0) as file:
                # Before the first byte: what a killed process left may be why the disk is full.
                _clear_abandoned(incoming, os.fstat(target).st_mtime)
                while piece := stream.read(_PIECE):
                    digest.update(piece)
                    size += len(piece)
                    self._write(file, piece)
                return self._settle(partial, file.fileno(), digest.hexdigest(), size)
        finally:
            with suppress(OSError):
                partial.unlink()

    def _write(self, file: BinaryIO, piece: bytes) -> None:
        rest = memoryview(piece)
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError as error:
            raise self._trouble(error) from error

    def _settle(self, partial: Path, descriptor: int, name: str, size: int) -> StoredObject:
        location = f"objects/{name[:2]}/{name[2:]}"
        place = self._place(location)
        kept = StoredObject(name, size, location)
        try:
            # Damage is mended by putting the content again: what is there must at least have its size.
            if place.is_file() and place.stat().st_size == size:
                return kept
            os.fsync(descriptor)
            fresh = not place.parent.is_dir()
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(partial, place)
            _sync_folder(place.parent)
            if fresh:
                _sync_folder(place.parent.parent)
        except OSError as error:
            raise self._trouble(error) from error
        return kept

    def _place(self, location: str) -> Path:
        found = _LOCATION.fullmatch(location) if isinstance(location, str) else None
        if found is None:
            raise Invalid(
                f"{str(location)[:80]!r} is not a place in the store", details={"field": "location"}
            )
        return self._root / "objects" / found[1] / found[2]

    def _trouble(self, error: OSError) -> Unavailable:
        hint = {
            errno.ENOSPC: "free some space on the disk",
            errno.EDQUOT: "free some space: the quota is used up",
            errno.EROFS: "the disk is read-only; copy the workspace to another",
            errno.EACCES: "make the folder writable for the user who runs this",
            errno.EPERM: "make the folder writable for the user who runs this",
        }.get(error.errno or 0, "check the disk")
        return Unavailable(
            f"content cannot be kept or read in {self._root}: {error.strerror or error}",
            hint=hint,
            details={"free_bytes": _free_bytes(self._root)},
        )


def _clear_abandoned(incoming: Path, now: float) -> None:
    """Delete partial files of processes that were killed; `now` by the clock that dates the files."""
    with suppress(OSError), os.scandir(incoming) as entries:
        for entry in entries:
            # One that goes meanwhile, or may not be deleted, is left to the next who writes.
            with suppress(OSError):
                if (
                    _PARTIAL.fullmatch(entry.name)
                    and now - entry.stat(follow_symlinks=False).st_mtime > _ABANDONED_SECONDS
                ):
                    os.unlink(entry.path)


def _digest() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=32)


def _gone(location: str) -> NotFound:
    return NotFound(
        f"the content {location} is not in the store",
        hint="it was deleted, or the workspace was copied without its folder content",
    )


def _sync_folder(folder: Path) -> None:
    # A rename survives a power cut only with its folder; Windows has no such call and needs none.
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _free_bytes(folder: Path) -> int | None:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None

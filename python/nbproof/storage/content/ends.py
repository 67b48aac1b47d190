"""Where packs are kept: a folder of this machine, or a bucket or server that fsspec reaches."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from nbproof.core.errors import Invalid, NotFound, Unavailable
from nbproof.core.ids import is_id, new_id

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = [
    "FileSystemStorage",
    "FsspecStorage",
    "PackSink",
    "StorageBackend",
    "backend_of",
    "locked",
    "trouble",
]

_SUFFIX = ".pack"
_PARTS = 512  # that the operating system writes in one go: it takes 1024
_MUCH_BYTES = 256 << 10
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "adl", "oss", "memory"})


class PackSink(Protocol):
    """A pack that one writer alone adds to.

    Attributes
    ----------
    pack : str
        Its id.
    position : int
        Bytes in it.
    """

    pack: str
    position: int

    def append(self, data: Sequence[bytes | memoryview]) -> None:
        """Add bytes, given in parts; where that fails nothing of them stays."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Bytes that were added."""
        ...

    def cut(self, position: int) -> None:
        """Forget what was added since a position."""
        ...

    def sync(self) -> None:
        """Make what was added durable, where the end can before a pack is finished."""
        ...

    def finish(self) -> None:
        """Make the pack durable and final."""
        ...

    def leave(self) -> None:
        """Stop: another writer may go on with it, or it is forgotten where packs can't be continued."""
        ...


class StorageBackend(Protocol):
    """Keeps packs by their ids: an end of the content store.

    Laws
    ----
    - Safe from any thread, and beside other processes on the same place.
    - A pack has one writer at a time; when that process is killed, another can go on, or finds nothing.
    - What `sync` (where `appends`) or `finish` returned from survives a power cut.
    - A finished pack never changes; it is deleted whole.
    - Failures of the machine or the network are `Unavailable`; a pack that is not there is `NotFound`.
    """

    appends: bool
    """Whether an unfinished pack is durable and can be read; otherwise each commit finishes one."""

    def begin(self, *, anew: bool = False) -> PackSink:
        """A pack to add to: one that was left, unless `anew`, or an empty one."""
        ...

    def adopt(self, pack: str) -> PackSink | None:
        """An unfinished pack that nobody adds to any more."""
        ...

    def read(self, pack: str, offset: int, length: int) -> bytes:
        """Bytes of a pack; fewer at its end."""
        ...

    def has(self, pack: str) -> bool:
        """Whether a pack is there; True also where asking costs more than it may."""
        ...

    def packs(self) -> Iterator[tuple[str, int, bool]]:
        """Id, size in bytes, and whether it is finished, of each pack."""
        ...

    def delete(self, pack: str) -> None:
        """Forget a pack; nothing happens if it is not there."""
        ...


def backend_of(folder: Path, url: str | None, options: dict[str, Any] | None = None) -> StorageBackend:
    """The end at an address; without one that in a folder."""
    return FileSystemStorage(folder) if url is None else FsspecStorage(url, options)


def trouble(where: str, error: BaseException) -> Unavailable:
    """What a failing disk or network is called."""
    number = error.errno if isinstance(error, OSError) else None
    hint = {
        errno.ENOSPC: "free some space on the disk",
        errno.EDQUOT: "free some space: the quota is used up",
        errno.EROFS: "the disk is read-only; copy the workspace to another",
        errno.EACCES: "make the folder writable for the user who runs this",
        errno.EPERM: "make the folder writable for the user who runs this",
    }.get(number or 0, "check the disk or the connection")
    said = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return Unavailable(f"content cannot be kept or read in {where}: {said}", hint=hint)


class FileSystemStorage:
    """Packs in a folder: ``packs/`` and, while they may grow, ``packs/open/``.

    Parameters
    ----------
    root : Path
        Made when something is first kept.

    Notes
    -----
    Who adds to a pack holds a lock of the operating system on it, which ends with the process.  So the next
    one goes on with a pack that was left, or whose writer was killed: there are never more unfinished packs
    than there were writers at once.
    """

    appends = True

    def __init__(self, root: Path) -> None:
        self._root = Path(root).absolute()
        self._finished = self._root / "packs"
        self._open = self._finished / "open"

    def __repr__(self) -> str:
        return f"FileSystemStorage({str(self._root)!r})"

    def begin(self, *, anew: bool = False) -> PackSink:
        """A pack to add to; see `StorageBackend`."""
        try:
            self._open.mkdir(parents=True, exist_ok=True)
            if not anew:
                for path in sorted(self._open.glob(f"*{_SUFFIX}")):
                    if (taken := self.adopt(path.stem)) is not None:
                        return taken
            while True:
                pack = new_id()
                path = self._open / (pack + _SUFFIX)
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o644)
                if locked(descriptor):
                    _sync_folder(self._open)
                    return _LocalSink(self, pack, descriptor, 0)
                os.close(descriptor)  # somebody adopted it at once; unlikely, and fine
        except OSError as error:
            raise trouble(str(self._root), error) from error

    def adopt(self, pack: str) -> PackSink | None:
        """An unfinished pack that nobody adds to any more; None where somebody does, or there is none."""
        path = self._open / (pack + _SUFFIX)
        try:
            descriptor = os.open(path, os.O_RDWR | _BINARY)
        except OSError:
            return None
        with suppress(OSError):
            if locked(descriptor):
                state = os.fstat(descriptor)
                if os.path.samestat(state, path.stat()):  # else it was finished while we asked
                    return _LocalSink(self, pack, descriptor, state.st_size)
        os.close(descriptor)
        return None

    def read(self, pack: str, offset: int, length: int) -> bytes:
        """Bytes of a pack; fewer at its end."""
        try:
            # Opened for each stretch: that costs some microseconds, and nobody keeps a deleted pack's bytes.
            with self._opened(pack) as file:
                file.seek(offset)
                parts = []
                while length > 0 and (piece := file.read(length)):
                    parts.append(piece)
                    length -= len(piece)
        except OSError as error:
            raise trouble(str(self._root), error) from error
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def has(self, pack: str) -> bool:
        """Whether a pack is there."""
        name = _checked(pack) + _SUFFIX
        return os.path.exists(self._open / name) or os.path.exists(self._finished / name)

    def packs(self) -> Iterator[tuple[str, int, bool]]:
        """Id, size in bytes, and whether it is finished, of each pack."""
        # The unfinished first: one that is finished meanwhile is met again, and not missed.
        for folder, finished in ((self._open, False), (self._finished, True)):
            with suppress(FileNotFoundError, NotADirectoryError):
                for path in sorted(folder.iterdir()):
                    if path.suffix == _SUFFIX and is_id(path.stem):
                        with suppress(FileNotFoundError):
                            yield path.stem, path.stat().st_size, finished

    def delete(self, pack: str) -> None:
        """Forget a pack; nothing happens if it is not there."""
        try:
            for folder in (self._finished, self._open):
                (folder / (_checked(pack) + _SUFFIX)).unlink(missing_ok=True)
        except OSError as error:
            raise trouble(str(self._root), error) from error

    # -- inside ------------------------------------------------------------------------------------

    def _opened(self, pack: str) -> BinaryIO:
        name = _checked(pack) + _SUFFIX
        # It may be finished, and so move, between two looks.
        for folder in (self._finished, self._open, self._finished):
            with suppress(FileNotFoundError):
                return open(folder / name, "rb", buffering=0)
        raise NotFound(
            f"the pack {pack} is not in {self._root}",
            hint="it was deleted, or the workspace was copied without its folder content",
        )

    def finish(self, pack: str, descriptor: int) -> None:
        """Move a durable pack to where nobody adds to it."""
        name = pack + _SUFFIX
        os.replace(self._open / name, self._finished / name)
        os.chmod(self._finished / name, 0o444)
        _sync_folder(self._finished)
        _sync_folder(self._open)


class _LocalSink:
    """An unfinished pack of a folder, locked."""

    def __init__(self, end: FileSystemStorage, pack: str, descriptor: int, position: int) -> None:
        self.pack = pack
        self.position = position
        self._end = end
        self._descriptor = descriptor
        self._pid = os.getpid()

    def append(self, data: Sequence[bytes | memoryview]) -> None:
        self._check_process()
        try:
            os.lseek(self._descriptor, self.position, os.SEEK_SET)
            for start in range(0, len(data), _PARTS):
                _write_all(self._descriptor, data[start : start + _PARTS])
        except BaseException as error:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self.position)
            if isinstance(error, OSError):
                raise trouble(repr(self._end), error) from error
            raise
        size = sum(map(len, data))
        if size >= _MUCH_BYTES and hasattr(os, "posix_fadvise"):
            with suppress(OSError):
                # The disk begins to write at once, and not when `sync` waits for it.
                os.posix_fadvise(self._descriptor, self.position, size, os.POSIX_FADV_DONTNEED)
        self.position += size

    def read(self, offset: int, length: int) -> bytes:
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        parts = []
        while length > 0 and (piece := os.read(self._descriptor, length)):
            parts.append(piece)
            length -= len(piece)
        return b"".join(parts)

    def cut(self, position: int) -> None:
        self._check_process()
        try:
            os.ftruncate(self._descriptor, position)
        except OSError as error:
            raise trouble(repr(self._end), error) from error
        self.position = position

    def sync(self) -> None:
        self._check_process()
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise trouble(repr(self._end), error) from error

    def finish(self) -> None:
        self.sync()
        try:
            self._end.finish(self.pack, self._descriptor)
        except OSError as error:
            raise trouble(repr(self._end), error) from error
        self.leave()

    def leave(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)  # in a forked child too: the lock stays with the parent
            self._descriptor = -1

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            raise RuntimeError("a pack of the parent process was written to by a fork")


class FsspecStorage:
    """Packs below an address that fsspec knows: ``s3://bucket/prefix``, ``gs://...``, ``memory://...``.

    Parameters
    ----------
    url : str
    options : mapping, optional
        For the file system, such as ``endpoint_url``.  Credentials are never among them: they come from the
        environment, as the provider's own tools read them.

    Notes
    -----
    A pack is collected in a temporary file and sent whole when it is committed.
    """

    appends = False

    def __init__(self, url: str, options: dict[str, Any] | None = None) -> None:
        self._url = url
        self._options = options or {}
        self._pid = os.getpid()
        self._opened, self._root = _file_system(url, self._options)
        protocols = (self._fs.protocol,) if isinstance(self._fs.protocol, str) else self._fs.protocol
        self._at_once = not _OBJECT_STORES.isdisjoint(protocols)

    def __repr__(self) -> str:
        return f"FsspecStorage({self._url!r})"

    @property
    def _fs(self) -> AbstractFileSystem:
        if self._pid != os.getpid():
            # Connections and the thread that serves them are the parent's.
            fresh = {**self._options, "skip_instance_cache": True}
            if "memory" not in self._opened.protocol:
                self._opened, _ = _file_system(self._url, fresh)
            self._pid = os.getpid()
        return self._opened

    def begin(self, *, anew: bool = False) -> PackSink:
        """An empty pack."""
        return _RemoteSink(self, new_id())

    def adopt(self, pack: str) -> PackSink | None:
        """None: nothing unfinished is ever there."""
        return None

    def read(self, pack: str, offset: int, length: int) -> bytes:
        """Bytes of a pack; fewer at its end."""
        with _told(self._url, pack):
            return bytes(self._fs.cat_file(self._path(pack), start=offset, end=offset + length))

    def has(self, pack: str) -> bool:
        """True: that would be a request each time."""
        return True

    def packs(self) -> Iterator[tuple[str, int, bool]]:
        """Id, size in bytes and True for each pack."""
        with _told(self._url):
            try:
                self._fs.invalidate_cache()
                found = self._fs.ls(f"{self._root}/packs", detail=True)
            except FileNotFoundError:
                found = []
        for each in sorted(found, key=lambda each: str(each["name"])):
            name = str(each["name"]).rpartition("/")[2]
            if name.endswith(_SUFFIX) and is_id(name[: -len(_SUFFIX)]):
                yield name[: -len(_SUFFIX)], int(each["size"]), True

    def delete(self, pack: str) -> None:
        """Forget a pack; nothing happens if it is not there."""
        with suppress(NotFound), _told(self._url, pack):
            self._fs.rm_file(self._path(pack))

    def send(self, pack: str, file: str) -> None:
        """Bring a whole pack there."""
        target = self._path(pack)
        with _told(self._url):
            if self._at_once:
                self._fs.put_file(file, target)
            else:
                # A store that shows files while they grow gets the name when all is there.
                self._fs.makedirs(f"{self._root}/packs", exist_ok=True)
                self._fs.put_file(file, f"{target}.part")
                self._fs.mv(f"{target}.part", target)
            self._fs.invalidate_cache()
            size = int(self._fs.info(target)["size"])
        if size != os.path.getsize(file):
            self.delete(pack)
            raise Unavailable(
                f"{self._url} kept {size:,} of {os.path.getsize(file):,} bytes", hint="try again"
            )

    def _path(self, pack: str) -> str:
        return f"{self._root}/packs/{_checked(pack)}{_SUFFIX}"


class _RemoteSink:
    """A pack on its way to a remote end."""

    def __init__(self, end: FsspecStorage, pack: str) -> None:
        self.pack = pack
        self.position = 0
        self._end = end
        self._pid = os.getpid()
        self._file = tempfile.NamedTemporaryFile(prefix="nbproof-", suffix=_SUFFIX)  # noqa: SIM115 - closed by leave

    def append(self, data: Sequence[bytes | memoryview]) -> None:
        try:
            self._file.seek(self.position)
            self._file.writelines(data)
        except OSError as error:
            raise trouble(tempfile.gettempdir(), error) from error
        self.position += sum(map(len, data))

    def read(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(length)

    def cut(self, position: int) -> None:
        self._file.truncate(position)
        self.position = position

    def sync(self) -> None:
        pass

    def finish(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            raise trouble(tempfile.gettempdir(), error) from error
        self._end.send(self.pack, self._file.name)
        self.leave()

    def leave(self) -> None:
        if self._pid == os.getpid():
            self._file.close()
        else:
            os.close(self._file.fileno())  # the parent deletes it


class _told:
    """Failures inside become `Unavailable`, what is missing `NotFound`."""

    def __init__(self, url: str, pack: str | None = None) -> None:
        self._url, self._pack = url, pack

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        if isinstance(error, FileNotFoundError) and self._pack is not None:
            raise NotFound(f"the pack {self._pack} is not in {self._url}") from error
        # Each provider has error classes of its own.
        if isinstance(error, Exception) and not isinstance(error, (Invalid, NotFound, Unavailable)):
            raise trouble(self._url, error) from error


def _file_system(url: str, options: dict[str, Any]) -> tuple[AbstractFileSystem, str]:
    import fsspec

    if "@" in url.partition("://")[2].partition("/")[0]:
        raise Invalid(
            "the address of the content store holds a user or a password",
            hint="set the provider's own environment variables, such as AWS_ACCESS_KEY_ID",
            details={"field": "content"},
        )
    try:
        file_system, root = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        raise Unavailable(
            f"{url.partition(':')[0]}:// needs a library that is not installed: {error}",
            hint='pip install "nbproof[s3]" for s3://; for others see fsspec',
        ) from error
    except ValueError as error:
        raise Invalid(
            f"{url!r} is no address of a content store: {error}", details={"field": "content"}
        ) from error
    return file_system, str(root).rstrip("/")


_BINARY = getattr(os, "O_BINARY", 0)


def locked(descriptor: int) -> bool:
    """Whether the file is ours alone now; it stays so until it is closed."""
    try:
        import fcntl
    except ImportError:
        return _locked_on_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Where a mount has no locks a pack is never gone on with: it may have a writer.
        return (
            error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS) and os.fstat(descriptor).st_size == 0
        )
    return True


def _locked_on_windows(descriptor: int) -> bool:
    import msvcrt

    locking: Any = msvcrt
    try:
        os.lseek(descriptor, 1 << 40, os.SEEK_SET)  # beyond its end: what is locked can't be read by others
        locking.locking(descriptor, locking.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def _write_all(descriptor: int, parts: Sequence[bytes | memoryview]) -> None:
    written = os.writev(descriptor, parts) if hasattr(os, "writev") else 0
    if written == sum(map(len, parts)):
        return
    rest = memoryview(b"".join(parts))[written:]
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # it has no such call and needs none
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checked(pack: str) -> str:
    if not is_id(pack):
        raise Invalid(f"{pack[:80]!r} is not the id of a pack", details={"field": "pack"})
    return pack

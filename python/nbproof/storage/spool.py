"""Content as plain files, each under its hash: what waits to be sent to a server.

Workspaces kept their artifacts so, before they had a content store; what still lies there is read from here
until it is moved (`nbproof.storage.content.moving`).
"""

from __future__ import annotations

import errno
import math
import os
import re
import secrets
import shutil
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from blake3 import blake3

from nbproof.core.errors import Invalid, NotFound, Unavailable
from nbproof.storage.holds import Held, holds_in
from nbproof.storage.objects import OnBytes, StoredObject
from nbproof.storage.seen import SeenFiles

__all__ = ["SpooledObjects"]

T = TypeVar("T")

_PIECE = 1 << 20
_LOOKS = 5  # for content that somebody else moves aside and back at this moment
_STRETCH = 8 << 20  # what the kernel copies in one go
_TOGETHER = 128  # files that are made durable at once; each keeps a descriptor
_THREADS = 16
_PARTIAL = re.compile(r"[0-9a-f]{32}")
# Who writes touches the file with every piece: one that rested so long belongs to nobody.
_ABANDONED_SECONDS = 24 * 60 * 60
_NO_SIZE_BYTES = 1 << 30  # taken at most from a file that tells no size
_CANNOT_COPY = (
    errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EBADF, errno.EOVERFLOW,
    getattr(errno, "EOPNOTSUPP", errno.ENOSYS),
)  # fmt: skip
_LOCATION = re.compile(r"objects/([0-9a-f]{2})/([0-9a-f]{62})")


class SpooledObjects:
    """A store in a folder: ``objects/ab/cdef...``, one read-only file for each content.

    Parameters
    ----------
    root : Path
        Made when something is first put.

    Notes
    -----
    Content is written in ``incoming/`` first.  A process that is killed leaves its partial file there; `put`
    deletes those to which nothing was added for a day.  What is being looked at to be deleted lies in
    ``leaving/`` meanwhile; whoever asks for it brings it back.

    Examples
    --------
    >>> import io, tempfile
    >>> storage = SpooledObjects(Path(tempfile.mkdtemp()))
    >>> kept = storage.put(io.BytesIO(b"plot"))
    >>> with storage.open(kept.location) as stream:
    ...     kept.size_bytes, stream.read()
    (4, b'plot')
    """

    def __init__(self, root: Path) -> None:
        self._root = Path(root).absolute()
        self._seen = SeenFiles(self._root / "seen.jsonl")
        self.holds = holds_in(self._root / "holds")

    def __repr__(self) -> str:
        return f"SpooledObjects({str(self._root)!r})"

    def put(self, source: BinaryIO | Path, *, on_bytes: OnBytes | None = None) -> StoredObject:
        """Keep the bytes of a binary stream, from where it stands, or of a file.

        A file that is as it was when it was put before is not read again; see `nbproof.storage.seen`.

        Raises
        ------
        NotFound, Invalid
            `source` is a path without a file, or of something that is not a file or cannot be read.
        Unavailable
            The disk is full, read-only or away; nothing is kept then.
        OSError
            Reading a stream failed: that is for the caller to explain.
        """
        if not isinstance(source, Path):
            with self._begin() as partial:
                return self._settle(partial, self._take_stream(source, partial, on_bytes))
        with _opened(source) as stream:
            before = os.fstat(stream.fileno())
            if (kept := self._recalled(source, before)) is not None:
                return kept
            content = _small_content(source, stream, before.st_size)
            if content is not None and self._is_here(there := _stored(content)):
                return there
            with self._begin() as partial:
                # While one thread makes the copy durable, this one reads it for its hash.
                with _Syncing(partial.descriptor) as syncing:
                    kept = self._read_in(source, stream, content, partial, on_bytes, syncing.more)
                self._settle(partial, kept)
            if _same(before, after := os.fstat(stream.fileno())):
                self._seen.remember(source, after, kept.hash)
            return kept

    def put_many(self, sources: Sequence[Path], *, on_bytes: OnBytes | None = None) -> Iterator[StoredObject]:
        """Keep files, in order; faster than one by one, because they become durable together.

        What was given before an error or an interruption is kept.
        """
        for start in range(0, len(sources), _TOGETHER):
            yield from self._put_together(sources[start : start + _TOGETHER], on_bytes)

    def open(self, location: str) -> BinaryIO:
        """A binary stream of the content, which the caller closes."""
        path = self._place(location)
        try:
            for _ in range(_LOOKS):
                with suppress(FileNotFoundError):
                    return open(path, "rb")
                self._bring_back(path)
            raise _gone(location)
        except OSError as error:
            raise self._trouble(error) from error

    def path(self, location: str) -> Path:
        """The file that holds the content; it is read-only and must stay so."""
        path = self._place(location)
        if not self.exists(location):
            raise _gone(location)
        return path

    def exists(self, location: str) -> bool:
        """Whether the content is here."""
        place = self._place(location)
        for _ in range(_LOOKS):
            if place.is_file():
                return True
            self._bring_back(place)
        return False

    def missing(self, locations: Iterable[str]) -> set[str]:
        """Those of the locations whose content is not here."""
        return {each for each in locations if not self.exists(each)}

    def find(self, hash: str) -> StoredObject | None:
        """The content of that hash, if it is here."""
        location = f"objects/{hash[:2]}/{hash[2:]}"
        place = self._place(location)
        self._take(location)  # who asks is about to refer to it
        with suppress(OSError):
            self._make_young(place)
            return StoredObject(hash, place.stat().st_size, location)
        self.let_go(location)
        return None

    def let_go(self, location: str) -> None:
        """Say that the record which refers to content is written, or never will be."""
        self.holds.give_back(location)

    def delete(self, location: str) -> None:
        """Forget the content; nothing happens if it is not here."""
        path = self._place(location)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise self._trouble(error) from error

    def rested_since(self, location: str) -> float:
        """When content was last put, by the disk's clock; the far future where it is not here."""
        try:
            return self._place(location).stat().st_mtime
        except OSError:
            return math.inf

    def disk_time(self) -> float:
        """Seconds since 1970 by the clock that dates the files: on a network mount another machine's."""
        probe = self._root / "incoming" / secrets.token_hex(16)
        try:
            probe.parent.mkdir(parents=True, exist_ok=True)
            probe.touch(exist_ok=False)
            now = probe.stat().st_mtime
            probe.unlink()
        except OSError as error:
            raise self._trouble(error) from error
        return now

    def discard(self, location: str, before: float, held: Held | None = None) -> bool:
        """Delete content that nobody has put again since a time or holds since a look; whether it is gone.

        Safe beside `put`: see `nbproof.storage.garbage`.  Wherever this is stopped, the content is in its
        place or is brought back by whoever wants it.
        """
        place = self._place(location)
        # A name of our own: what another one takes away later, this one cannot delete.
        aside = self._root / "leaving" / f"{place.parent.name}{place.name}.{secrets.token_hex(8)}"
        try:
            aside.parent.mkdir(parents=True, exist_ok=True)
            os.rename(place, aside)
            wanted = held is not None and self.holds.mentioned(location, held)
            if wanted or aside.stat().st_mtime >= before:
                if place.exists():  # put anew meanwhile
                    aside.unlink()
                else:
                    os.rename(aside, place)
                return False
            aside.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._trouble(error) from error
        return True

    def bring_all_back(self) -> None:
        """Put back what somebody was deleting when he was stopped."""
        with suppress(FileNotFoundError):
            for aside in sorted((self._root / "leaving").iterdir()):
                hash = aside.name.partition(".")[0]
                if _LOCATION.fullmatch(f"objects/{hash[:2]}/{hash[2:]}"):
                    self._bring_back(self._root / "objects" / hash[:2] / hash[2:])

    def _bring_back(self, place: Path) -> bool:
        """Give content its place again that is just being looked at to be deleted; whether there was any."""
        leaving = self._root / "leaving"
        try:
            names = os.listdir(leaving)
        except OSError:
            return False
        start = f"{place.parent.name}{place.name}."
        for name in names:
            if name.startswith(start):
                with suppress(OSError):  # it has gone for good
                    os.rename(leaving / name, place)
                    return True
        return False

    def iter(self) -> Iterator[StoredObject]:
        """All that is kept, in the order of the hashes."""
        for folder in sorted(self._root.glob("objects/[0-9a-f][0-9a-f]")):
            for path in sorted(folder.iterdir()):
                location = f"objects/{folder.name}/{path.name}"
                if _LOCATION.fullmatch(location):
                    with suppress(FileNotFoundError):  # deleted meanwhile
                        yield StoredObject(folder.name + path.name, path.stat().st_size, location)

    # -- inside ------------------------------------------------------------------------------------

    def _recalled(self, source: Path, state: os.stat_result) -> StoredObject | None:
        known = self._seen.recall(source, state)
        if known is None:
            return None
        kept = _object(*known)
        return kept if self._is_here(kept) else None

    def _take(self, location: str) -> None:
        try:
            self.holds.take(location)
        except OSError as error:
            raise self._trouble(error) from error

    def _is_here(self, kept: StoredObject) -> bool:
        """Whether content is here; then it is held, too."""
        place = self._place(kept.location)
        self._take(kept.location)
        here = False
        try:
            # Damage is mended by putting the content again: what is there must at least have its size.
            self._make_young(place)
            here = place.stat().st_size == kept.size_bytes
        except (FileNotFoundError, PermissionError):  # just taken away, or somebody else's: it is kept anew
            pass
        except OSError as error:
            raise self._trouble(error) from error
        finally:
            if not here:
                self.let_go(kept.location)
        return here

    def _make_young(self, place: Path) -> None:
        try:
            os.utime(place)  # see nbproof.storage.garbage
        except FileNotFoundError:
            if not self._bring_back(place):
                raise
            os.utime(place)

    def _begin(self, *, sweep: bool = True) -> _Partial:
        incoming = self._root / "incoming"
        try:
            incoming.mkdir(parents=True, exist_ok=True)
            partial = _Partial(incoming / secrets.token_hex(16))
        except OSError as error:
            raise self._trouble(error) from error
        if sweep:
            # Before the first byte: what a killed process left may be why the disk is full.
            _clear_abandoned(incoming, os.fstat(partial.descriptor).st_mtime)
        return partial

    def _take_stream(self, stream: BinaryIO, partial: _Partial, on_bytes: OnBytes | None) -> StoredObject:
        digest, size = _digest(), 0
        while piece := stream.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            self._write(partial, piece)
            if on_bytes is not None:
                on_bytes(len(piece))
        return _object(digest.hexdigest(), size)

    def _read_in(
        self,
        source: Path,
        stream: BinaryIO,
        content: bytes | None,
        partial: _Partial,
        on_bytes: OnBytes | None,
        on_stretch: Callable[[], object] | None = None,
    ) -> StoredObject:
        """Bring a file, or its `content` where that has been read, into a partial one."""
        if content is None:
            return self._take_file(source, stream, partial, on_bytes, on_stretch)
        self._write(partial, content)
        if on_bytes is not None:
            on_bytes(len(content))
        return _stored(content)

    def _take_file(
        self,
        source: Path,
        stream: BinaryIO,
        partial: _Partial,
        on_bytes: OnBytes | None,
        on_stretch: Callable[[], object] | None = None,
    ) -> StoredObject:
        """Copy a file, within the kernel where that can (disks that can share the blocks); hash the copy.

        The copy and not the file: what is kept has the hash it is kept under, whoever writes meanwhile.
        """
        digest, size = _digest(), 0
        # At most so much as there is now: somebody may add for ever.  Files of /proc tell no size.
        left = os.fstat(stream.fileno()).st_size or _NO_SIZE_BYTES
        in_kernel = hasattr(os, "copy_file_range") and left != _NO_SIZE_BYTES
        while left > 0:
            if in_kernel:
                try:
                    done = os.copy_file_range(stream.fileno(), partial.descriptor, min(left, _STRETCH))
                except OSError as error:
                    if error.errno not in _CANNOT_COPY:
                        raise self._trouble(error) from error
                    in_kernel = False  # another disk, an old kernel: the offsets stand behind what was copied
                    continue
                for piece in self._read_back(partial, size, done):
                    digest.update(piece)
                    if on_bytes is not None:
                        on_bytes(len(piece))
            else:
                try:
                    piece = stream.read(min(_PIECE, left))
                except OSError as error:
                    raise _unreadable(source, error) from error
                done = len(piece)
                digest.update(piece)
                self._write(partial, piece)
                if on_bytes is not None:
                    on_bytes(done)
            if done == 0:
                break  # it became shorter
            size += done
            left -= done
            if on_stretch is not None and left > 0:
                on_stretch()
        return _object(digest.hexdigest(), size)

    def _read_back(self, partial: _Partial, start: int, length: int) -> Iterator[bytes]:
        try:
            for offset in range(start, start + length, _PIECE):
                yield os.pread(partial.descriptor, min(_PIECE, start + length - offset), offset)
        except OSError as error:
            raise self._trouble(error) from error

    def _write(self, partial: _Partial, piece: bytes) -> None:
        rest = memoryview(piece)
        try:
            while rest:
                rest = rest[os.write(partial.descriptor, rest) :]
        except OSError as error:
            raise self._trouble(error) from error

    def _settle(self, partial: _Partial, kept: StoredObject) -> StoredObject:
        """Give a partial file its place; durable and held when this has returned."""
        if self._is_here(kept):
            return kept
        self._take(kept.location)
        try:
            os.fsync(partial.descriptor)
            for folder in self._move(partial, kept):
                _sync_folder(folder)
        except BaseException as error:
            self.let_go(kept.location)
            if isinstance(error, OSError):
                raise self._trouble(error) from error
            raise
        return kept

    def _move(self, partial: _Partial, kept: StoredObject) -> list[Path]:
        """Put a durable file in its place; the folders that must become durable, too."""
        place = self._place(kept.location)
        fresh = not place.parent.is_dir()
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.close()
        os.replace(partial.path, place)
        return [place.parent, place.parent.parent] if fresh else [place.parent]

    def _put_together(self, sources: Sequence[Path], on_bytes: OnBytes | None) -> Iterator[StoredObject]:
        """Keep files that become durable at once: the disk brings many with the effort for a few."""
        found: list[StoredObject] = []
        given = 0
        try:
            for kept in self._all_put(sources, on_bytes, found):
                given += 1
                yield kept
        finally:
            # Who stopped before it had these refers to none of them.
            for kept in found[given:]:
                self.let_go(kept.location)

    def _all_put(
        self, sources: Sequence[Path], on_bytes: OnBytes | None, found: list[StoredObject]
    ) -> list[StoredObject]:
        waiting: dict[str, tuple[_Partial, StoredObject]] = {}
        seen: list[tuple[Path, os.stat_result, str]] = []
        with ExitStack() as partials:
            for source in sources:
                with _opened(source) as stream:
                    before = os.fstat(stream.fileno())
                    kept = self._recalled(source, before)
                    content = None if kept else _small_content(source, stream, before.st_size)
                    if content is not None and self._is_here(there := _stored(content)):
                        kept = there
                    if kept is None:
                        partial = partials.enter_context(self._begin(sweep=not waiting))
                        kept = self._read_in(source, stream, content, partial, on_bytes)
                        if kept.hash in waiting:
                            self._take(kept.location)
                            partial.close()
                        elif self._is_here(kept):
                            partial.close()
                        else:
                            self._take(kept.location)
                            waiting[kept.hash] = (partial, kept)
                        if _same(before, after := os.fstat(stream.fileno())):
                            seen.append((source, after, kept.hash))
                found.append(kept)
            try:
                _at_once(os.fsync, [partial.descriptor for partial, _ in waiting.values()])
                folders = {
                    folder for partial, kept in waiting.values() for folder in self._move(partial, kept)
                }
                _at_once(_sync_folder, sorted(folders))
            except OSError as error:
                raise self._trouble(error) from error
        for source, state, hash in seen:
            self._seen.remember(source, state, hash)
        return found

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


class _Partial:
    """A file that is being written; gone after its block if it was not given its place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Made for us alone: nobody can have put a link there.
        self.descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o444
        )

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> _Partial:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        with suppress(OSError):
            self.path.unlink()


class _Syncing:
    """Brings what is written to a file to the disk, in a thread that lives as long as the block.

    It only takes work from the last `fsync`, which says whether all went well.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._more = threading.Event()
        self._over = False
        self._thread: threading.Thread | None = None

    def more(self) -> None:
        """There is more to bring."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="nbproof-fsync", daemon=True)
            self._thread.start()
        self._more.set()

    def _run(self) -> None:
        while self._more.wait() and not self._over:
            self._more.clear()
            with suppress(OSError):
                getattr(os, "fdatasync", os.fsync)(self._descriptor)

    def __enter__(self) -> _Syncing:
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._more.set()
        if self._thread is not None:
            self._thread.join()  # the descriptor is in use


def _opened(source: Path) -> BinaryIO:
    try:
        # Asked before opening: to open a pipe is to wait for somebody who writes.
        if not stat.S_ISREG(source.stat().st_mode):
            raise Invalid(f"{source} is not a regular file", details={"field": "path"})
        return open(source, "rb", buffering=0)
    except FileNotFoundError:
        raise NotFound(f"no file {source}", details={"field": "path"}) from None
    except OSError as error:
        raise _unreadable(source, error) from error


def _unreadable(source: Path, error: OSError) -> Invalid:
    return Invalid(f"{str(source)!r} can't be read: {error.strerror}", details={"field": "path"})


def _small_content(source: Path, stream: BinaryIO, size: int) -> bytes | None:
    """What a small file holds; None for others and for files that tell no size.

    Its hash is known before anything is written: what is kept already costs the disk nothing.
    """
    if not 0 < size <= _PIECE:
        return None
    try:
        return stream.read(size)
    except OSError as error:
        raise _unreadable(source, error) from error


def _stored(content: bytes) -> StoredObject:
    digest = _digest()
    digest.update(content)
    return _object(digest.hexdigest(), len(content))


def _object(hash: str, size: int) -> StoredObject:
    return StoredObject(hash, size, f"objects/{hash[:2]}/{hash[2:]}")


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_size,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )


def _at_once(act: Callable[[T], object], things: Sequence[T]) -> None:
    """Do it to all of them from several threads; raises the first error after all have ended."""
    if len(things) < 2:
        for thing in things:
            act(thing)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(len(things), _THREADS), thread_name_prefix="nbproof-fsync") as pool:
        for done in [pool.submit(act, thing) for thing in things]:
            done.result()


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


def _digest() -> blake3:
    return blake3()


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

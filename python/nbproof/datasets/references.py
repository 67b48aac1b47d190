"""Versions by reference: content that stays where it is, and whether it is still the same.

Of a reference the manifest is kept, with the BLAKE3 of each file, and for files of rows the statistics; no
byte of the files.  The record says where they are and by which marks they are known again without being
read: size and time of a local file, the tag of an object.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, cast
from urllib.parse import unquote, urlsplit

from nbproof.core.clock import datetime_of
from nbproof.core.errors import Conflict, Invalid, NotAllowed, NotFound, PlatformError, Unavailable
from nbproof.core.listing import count_text, size_text
from nbproof.core.serving import served_root
from nbproof.datasets.handle import DatasetHandle
from nbproof.datasets.rows import RowFiles, row_files
from nbproof.datasets.taking import (
    Taken,
    Tree,
    folder_manifest,
    look_at_rows,
    manifest_of,
    marks_in,
    marks_of,
    refuse_changed,
    walked,
)
from nbproof.storage.addresses import FarFiles, is_address
from nbproof.storage.content.store import location_of
from nbproof.storage.content.writing import pool
from nbproof.storage.progress import Progress

if TYPE_CHECKING:
    from nbproof.datasets.contracts import KeyWatch
    from nbproof.storage.content.store import Intake

__all__ = ["ReferenceHandle", "ReferenceState", "name_of_target", "state_of", "take_reference", "target_of"]

ReferenceState = Literal["same", "changed", "missing", "unreachable"]

_BLOCK = 1 << 20


class _Files(Protocol):
    """A file, or the files below a folder, wherever they are."""

    is_folder: bool

    def files(self) -> Iterator[tuple[str, int, str]]:
        """Path, size and mark of each, in order."""
        ...

    def marks(self, path: str) -> tuple[int, str]: ...

    def open(self, path: str) -> BinaryIO: ...

    def place(self, path: str) -> str: ...


class _LocalFiles:
    """Files of this machine."""

    filesystem = None

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            raise NotFound(f"there is nothing at {str(path)!r}", details={"field": "source"})
        self.is_folder = path.is_dir()

    def files(self) -> Iterator[tuple[str, int, str]]:
        if not self.is_folder:
            yield self._path.name, *_size_and_mark(marks_of(self._path))
            return
        for parts, found, _ in walked(self._path, (), set()):
            for _, name, state in found:
                yield "/".join((*parts, name)), *_size_and_mark(marks_in(state))

    def marks(self, path: str) -> tuple[int, str]:
        return _size_and_mark(marks_of(self.place(path)))

    def place(self, path: str) -> str:
        return str(self._path / path) if self.is_folder else str(self._path)

    def open(self, path: str) -> BinaryIO:
        try:
            return Path(self.place(path)).open("rb")
        except FileNotFoundError:
            raise NotFound(f"there is nothing at {self.place(path)!r}") from None
        except OSError as error:
            raise Invalid(
                f"{self.place(path)!r} can't be read: {error.strerror}", details={"field": "source"}
            ) from error


def _size_and_mark(marks: tuple[int, ...]) -> tuple[int, str]:
    # Whoever copies with its times (cp -p, rsync -t) changes neither size nor time of modification.
    _, inode, size, modified_ns, changed_ns = marks
    return size, f"modified {modified_ns} changed {changed_ns} inode {inode}"


def _files_at(target: str) -> Any:
    return FarFiles(target) if is_address(target) else _LocalFiles(Path(target))


# -- registering -------------------------------------------------------------------------------------------


def target_of(source: Any, root: Path | None, path_of: Callable[[Any], Path | None]) -> str:
    """The absolute path or the address that somebody wants to refer to.

    Parameters
    ----------
    source : path-like
    root : Path, optional
        From where paths are meant that somebody elsewhere gives.
    path_of : callable
        Finds a path of this machine.

    Raises
    ------
    NotAllowed
        Somebody elsewhere names what is not below the folder that is served.
    """
    if not isinstance(source, (str, os.PathLike)):
        raise Invalid(
            f"a reference is a path or an address, found a {type(source).__qualname__}",
            hint="leave out reference=True to keep what is in memory",
            details={"field": "source"},
        )
    text = os.fspath(source)
    if is_address(text) and urlsplit(text).scheme.lower() == "file":
        text = unquote(urlsplit(text).path)
    served = served_root()
    if served is not None:
        return str(_contained(text, served, root or served))
    if is_address(text):
        return text
    found = path_of(text)
    assert found is not None
    return str(found)


def _contained(text: str, served: Path, root: Path) -> Path:
    """A path below the folder that is served; nothing else is looked at for somebody elsewhere."""
    if is_address(text):
        raise NotAllowed(
            "a server refers to no addresses",
            hint="register it in a workspace of your own machine, or give a path below the server's root",
            details={"field": "path"},
        )
    path = Path(os.path.abspath(root / text))
    try:
        inside = path.resolve()
        contained = inside.is_relative_to(served.resolve()) and ".nbproof" not in inside.parts
        there = contained and path.exists()
    except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, links in a circle
        raise Invalid(f"{text[:80]!r} is no path: {error}", details={"field": "path"}) from error
    if not contained:
        raise NotAllowed(
            f"{text!r} is not below the folder that the server shows",
            hint="a reference is a path on the server's machine, from the workspace's folder on",
            details={"field": "path"},
        )
    if not there:
        raise NotFound(
            f"there is nothing at {text!r} on the server's machine",
            hint="a reference is a path on the server's machine; leave out reference=True to send the file",
            details={"field": "path"},
        )
    if path.is_dir():
        for parts, files, below in walked(path, (), set()):
            for name in (*(name for _, name, _ in files), *below):
                each = path.joinpath(*parts, name)
                if not each.resolve().is_relative_to(served.resolve()):
                    raise NotAllowed(
                        f"{str(each.relative_to(path))!r} leads out of the folder that the server shows",
                        hint="take the link away",
                        details={"field": "path"},
                    )
    return path


def name_of_target(target: str) -> str:
    """What the file or folder at a path or an address is called."""
    return target.replace("\\", "/").rstrip("/").rpartition("/")[2]


def take_reference(intake: Intake, target: str, watch: KeyWatch | None) -> Taken:
    """Look at what stays where it is: its hashes, and of files of rows the statistics.

    Raises
    ------
    Conflict
        Something changed while it was read.
    """
    files = _files_at(target)
    before = list(files.files())
    size = sum(size for _, size, _ in before)
    with Progress(f"reading {name_of_target(target)}", size) as progress:
        hashes = _hashes(files, before, progress)
    if files.is_folder:
        manifest = folder_manifest(intake, _tree(before, hashes), reference=True)
        taken = Taken(manifest, "folder", size, files=len(before))
    else:
        ((path, _, _),) = before
        told = {"kind": "file", "size": size, "file": location_of(hashes[path]), "reference": True}
        taken = Taken(manifest_of(told), "file", size, files=1)
    look_at_rows(taken, _rows_of(files, [path for path, _, _ in before]), name_of_target(target), watch)
    after = list(_files_at(target).files())
    if after != before:
        changed = sorted(path for path, _, _ in set(after) ^ set(before))
        raise refuse_changed(list(dict.fromkeys(changed)))
    taken.reference = {"target": target, "size_bytes": size, "files": len(before), **_mark(before, files)}
    return taken


def _mark(found: Sequence[tuple[str, int, str]], files: _Files) -> dict[str, Any]:
    """By what files are known again; nothing where one of them has no mark."""
    if not all(mark for _, _, mark in found):
        return {}
    if files.is_folder:
        listing = hashlib.blake2b(digest_size=32)
        for path, size, mark in found:
            listing.update(f"{path}\0{size}\0{mark}\n".encode())
        return {"mark": f"listing {listing.hexdigest()}"}
    return {"mark": found[0][2]}


def _rows_of(files: Any, paths: Sequence[str]) -> RowFiles | None:
    named = {files.place(path): path for path in paths}
    return row_files(
        [(path, place) for place, path in named.items()],
        folder=files.is_folder,
        opened=lambda place: files.open(named[place]),
        filesystem=files.filesystem,
    )


def _hashes(
    files: _Files, found: Sequence[tuple[str, int, str]], on_bytes: Callable[[int], object]
) -> dict[str, bytes]:
    import blake3

    def hash_of(path: str) -> bytes:
        made = blake3.blake3()
        try:
            with files.open(path) as stream:
                while block := stream.read(_BLOCK):
                    made.update(block)
                    on_bytes(len(block))
        except PlatformError:
            raise
        except Exception as error:  # of the disk, or of whatever the store's library raises
            raise Unavailable(f"{files.place(path)} can't be read to its end: {error}") from error
        return made.digest()

    paths = [path for path, _, _ in found]
    return dict(zip(paths, pool().map(hash_of, paths), strict=True))


def _tree(found: Sequence[tuple[str, int, str]], hashes: Mapping[str, bytes]) -> Tree:
    files: dict[tuple[str, ...], list[tuple[str, int, str]]] = {(): []}
    below: dict[tuple[str, ...], set[str]] = {(): set()}
    for path, size, _ in found:
        *inside, name = PurePosixPath(path).parts
        for depth in range(len(inside)):
            below.setdefault(tuple(inside[:depth]), set()).add(inside[depth])
            files.setdefault(tuple(inside[: depth + 1]), [])
        files[tuple(inside)].append((name, size, location_of(hashes[path])))
    return {parts: (sorted(files[parts]), sorted(below.get(parts, ()))) for parts in files}


# -- reading -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """What is at a reference now."""

    files: Any
    listed: list[tuple[str, int, str]]


class ReferenceHandle(DatasetHandle):
    """A version whose content stays where it is: before each reading it is seen whether it is the same."""

    _seen: str | None = None  # the mark of what was read and found to be the same
    remember: Callable[[str], object] | None = None  # told such a mark, so that nobody has to read it again
    _looked_at: tuple[Any, dict[str, tuple[int, str]]] | None = None  # a folder, and what marks its files had

    def _local(self) -> Path:
        """The file or folder itself; of an address a local copy."""
        if is_address(self._target):
            return super()._local()
        self.check()
        return Path(self._target)

    def check(self, *, read: bool = False) -> _Found:
        """See whether the content is what was registered.

        Parameters
        ----------
        read : bool
            Read it, also where size and time or tag say that nothing changed.

        Raises
        ------
        NotFound
            There is nothing any more.
        Conflict
            There is something else now.
        Unavailable
            It can't be reached.
        """
        told: Mapping[str, Any] = self.version.reference or {}
        try:
            files = _files_at(self._target)
            listed = list(files.files())
        except NotFound:
            raise self._missing() from None
        if files.is_folder is not (self.kind == "folder"):
            raise self._changed(f"a {'folder' if files.is_folder else 'file'}")
        now = _mark(listed, files).get("mark")
        sizes = sum(size for _, size, _ in listed)
        known_again = now is not None and now in (told.get("mark"), self._seen)
        if known_again and not read and sizes == told.get("size_bytes"):
            return _Found(files, listed)
        known = {path: (size, location) for path, size, location in self._listed()}
        own = {(path if self.kind == "folder" else self.file_name): size for path, size, _ in listed}
        if differing := _differing(known, own):
            raise self._changed(
                f"{size_text(sizes)}; {differing}" if self.kind == "folder" else size_text(sizes)
            )
        with Progress(f"checking {self.name}", sizes) as progress:
            hashes = _hashes(files, listed, progress)
        for path, hash in hashes.items():
            called = path if self.kind == "folder" else self.file_name
            if location_of(hash) != known[called][1]:
                other = f"{size_text(sizes)} with another content"
                raise self._changed(f"{other} of {path!r}" if self.kind == "folder" else other)
        self._seen = now
        if now is not None and now != told.get("mark") and self.remember is not None:
            self.remember(now)
        return _Found(files, listed)

    @property
    def _target(self) -> str:
        return str((self.version.reference or {}).get("target", ""))

    def _missing(self) -> NotFound:
        return NotFound(
            f"{self.name} was registered by reference, and there is nothing at {self._target} any more: "
            f"it was {self._was()}",
            hint=f"bring it back, or register it from where it is now: {self._again('reference=True')}",
            details={"version": self.name, "target": self._target, "state": "missing"},
        )

    def _changed(self, found: str) -> Conflict:
        return Conflict(
            f"{self.name} was registered by reference, and {self._target} has changed since: "
            f"it was {self._was()}, found {found}",
            hint=f"bring the old content back, or register the new as the next version: "
            f"{self._again('reference=True')}",
            details={"version": self.name, "target": self._target, "state": "changed"},
        )

    def _was(self) -> str:
        told = self.version.reference or {}
        size = size_text(int(told.get("size_bytes") or 0))
        kind, _, mark = str(told.get("mark") or "").partition(" ")
        if self.kind == "folder":
            return f"{count_text(told.get('files', 0), 'file')}, {size}"
        modified = mark.partition(" ")[0]
        if kind == "modified" and modified.isdigit():
            size += f", modified {datetime_of(int(modified) // 1000).isoformat(timespec='seconds')}"
        return f"{size}, BLAKE3 {self.content_hash[:12]}"

    def _again(self, more: str) -> str:
        return f'register_dataset("{self._target}", "{self.version.dataset}", {more})'

    def _rows(self) -> RowFiles:
        found = self.check()
        rows = _rows_of(found.files, [path for path, _, _ in found.listed])
        if rows is None:
            raise self._no_table()
        return rows

    def kept_elsewhere(self) -> dict[str, tuple[int, Callable[[], BinaryIO]]]:
        """The files, by the places that they would have in the store."""
        return {
            location: (size, partial(self._open_file, path, location))
            for path, size, location in self._listed()
        }

    def _open_file(self, path: str, location: str) -> BinaryIO:
        if self.kind != "folder":
            found = self.check()
            return cast(BinaryIO, found.files.open(found.listed[0][0]))
        # The folder is listed once, not for each of its files: then a file is looked at by itself.
        if self._looked_at is None or not _is_as_before(*self._looked_at, path):
            found = self.check()
            self._looked_at = found.files, {name: (size, mark) for name, size, mark in found.listed}
        return cast(BinaryIO, self._looked_at[0].open(path))

    def _stream_file(self, path: str, location: str) -> Iterator[bytes | memoryview]:
        with self._open_file(path, location) as stream:
            while block := stream.read(_BLOCK):
                yield block

    def _read_files(self, files: Sequence[tuple[str, str]]) -> Iterator[bytes]:
        found = self.check()
        for path, _ in files:
            with found.files.open(path) as stream:
                yield stream.read()


def _is_as_before(files: _Files, marks: Mapping[str, tuple[int, str]], path: str) -> bool:
    """Whether a file still has the mark that it had; not where it has none."""
    before = marks.get(path)
    try:
        return before is not None and bool(before[1]) and files.marks(path) == before
    except PlatformError:
        return False  # whoever looks at all of them says what is wrong


def _differing(known: Mapping[str, tuple[int, str]], own: Mapping[str, int]) -> str:
    """What names and sizes say of a difference; nothing where they are equal."""
    gone, new = sorted(known.keys() - own.keys()), sorted(own.keys() - known.keys())
    other = sorted(path for path, size in own.items() if path in known and known[path][0] != size)
    told = [(gone, "gone"), (new, "new"), (other, "of another size")]
    return ", ".join(f"{names[0]!r}{_more(names)} {word}" for names, word in told if names)


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 1:,} more" if len(names) > 1 else ""


def state_of(handle: ReferenceHandle, *, read: bool) -> ReferenceState:
    """Whether a reference holds."""
    try:
        handle.check(read=read)
    except NotFound:
        return "missing"
    except Conflict:
        return "changed"
    except (Unavailable, Invalid):
        return "unreachable"
    return "same"

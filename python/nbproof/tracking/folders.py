"""A folder of a run's artifacts as a whole: one zip that is made while it is read, or files in a folder."""

from __future__ import annotations

import io
import stat
import tempfile
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from nbproof.core.errors import Conflict, Invalid, NotFound, Unavailable, hint_of, near_names
from nbproof.core.ids import short
from nbproof.tracking.contents import opened, put_into
from nbproof.tracking.values import artifact_name

if TYPE_CHECKING:
    from nbproof.core.operation import Page
    from nbproof.tracking.models import Artifact

__all__ = ["arrived", "artifacts_below", "put_below", "require_content", "unzip_below", "zipped"]

_BLOCK = 1 << 20
_NAMES = 1000  # looked at for the hint of a folder that is not there


def artifacts_below(
    listed: Callable[..., Page[Artifact]], run_id: str, folder: str
) -> list[tuple[str, Artifact]]:
    """The artifacts whose content is kept in a folder, each with its name in what is made of the folder.

    That name begins with the last part of the folder's.  References are left out: they have no content.

    Raises
    ------
    NotFound
        There is no such folder; near names are in the hint.
    Conflict
        There is, and only references are in it.
    """
    folder = folder.strip("/")
    above = len(folder.rpartition("/")[0])
    found = list(_all(listed, run_id, f"{folder}/")) if folder else []
    if not found:
        known = _folders(listed(run_id, limit=_NAMES).items)
        near = near_names(folder, known)
        raise NotFound(
            f"the run {short(run_id)} has no artifacts in a folder {folder!r}",
            hint=hint_of(near, known, "it has the folders"),
            details={"near": near},
        )
    # Checked again: what another machine tells must not leave the folder here either.
    kept = [(artifact_name(each.name)[above:].lstrip("/"), each) for each in found if each.reference is None]
    if not kept:
        raise Conflict(
            f"the folder {folder!r} has references only: their content is not kept here",
            hint="fetch it from where they lead",
        )
    return kept


def require_content(
    artifacts: Sequence[tuple[str, Artifact]], missing: Callable[[Iterable[str]], set[str]]
) -> None:
    """Raise `NotFound` where the content of one is gone; `missing` tells which of some locations are."""
    gone = missing([each.location for _, each in artifacts])
    for _, each in artifacts:
        if each.location in gone:
            raise NotFound(
                f"the content of {each.name!r} is gone from the store", hint="run `nbproof doctor`"
            )


def put_below(files: Iterable[tuple[str, Callable[[], IO[bytes]]]], folder: Path) -> Path:
    """Copy files, each a name and what opens it, into a folder; gives the folder that was made in it.

    Raises
    ------
    Conflict
        There is a file with other content, or a link, in the way.
    """
    made = folder
    for name, open_file in files:
        *parents, last = name.split("/")
        place = folder
        for part in parents:
            place = place / part
            # A link would lead what is written out of the folder.
            if place.is_symlink() or (place.exists() and not place.is_dir()):
                raise Conflict(
                    f"{str(place)!r} is there already and is no folder",
                    hint="name another folder, or delete it",
                    details={"field": "folder"},
                )
        with open_file() as source:
            put_into(source, place, last)
        made = folder / parents[0]
    return made


def arrived(stream: IO[bytes], folder: Path) -> IO[bytes]:
    """All of a stream as a file without a name, on the disk of a folder that may still have to be made."""
    near = next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
    try:
        file = tempfile.TemporaryFile(dir=near)  # noqa: SIM115 - closed by whoever reads it, and gone with it
    except OSError as error:
        raise _no_room(near, error) from error
    try:
        while block := stream.read(_BLOCK):
            try:
                file.write(block)
            except OSError as error:
                raise _no_room(near, error) from error
    except BaseException:
        with suppress(OSError):  # what it still held in memory has no room either
            file.close()
        raise
    return file


def unzip_below(file: IO[bytes], folder: Path) -> Path:
    """Unpack a zip that `zipped` made on another machine into a folder; gives the folder that was made in it.

    All names are looked at before the first file is written.  Of the content only a block is in memory.

    Raises
    ------
    Unavailable
        It was cut off, or is no such zip.
    Conflict
        As `put_below`.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = _checked(archive)
            return put_below([(each.filename, partial(archive.open, each)) for each in entries], folder)
    except zipfile.BadZipFile as error:
        raise Unavailable(
            "the files of the folder were cut off or damaged on the way",
            hint="the connection broke; ask again",
        ) from error


def _checked(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files of an archive, if all of them are plain ones that stay in one folder."""
    entries = archive.infolist()
    for each in entries:
        if not _is_sound(each):
            raise Unavailable(
                f"the server sent {each.filename!r}, which no folder of artifacts holds; nothing was kept",
                hint="a plain file whose name stays in the folder was expected; look at that server",
            )
    if not entries or len({each.filename.partition("/")[0] for each in entries}) > 1:
        raise Unavailable("the server sent something else than one folder; nothing was kept")
    return entries


def _is_sound(entry: zipfile.ZipInfo) -> bool:
    name, kind = entry.filename, stat.S_IFMT(entry.external_attr >> 16)
    try:
        contained = artifact_name(name) == name == entry.orig_filename and "/" in name
    except Invalid:
        return False
    # What is not packed can't grow beyond what was sent, either.
    as_it_is = entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits & 1
    return contained and as_it_is and kind in (0, stat.S_IFREG)


def _no_room(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"what was fetched can't be kept in {str(folder)!r}: {error.strerror or error}",
        hint="make room there, or name another folder",
    )


def zipped(artifacts: Sequence[tuple[str, Artifact]]) -> Generator[bytes, None, None]:
    """Artifacts as a zip archive: never more than a block of it is in memory."""
    made = _Made()
    # Not compressed: pictures, models and Parquet are already, and the server has others to answer.
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, artifact in artifacts:
            entry = zipfile.ZipInfo(name, artifact.created.timetuple()[:6])
            entry.external_attr = 0o100644 << 16
            with opened(artifact) as source, archive.open(entry, "w", force_zip64=True) as target:
                while block := source.read(_BLOCK):
                    target.write(block)
                    yield made.taken()
            yield made.taken()
    yield made.taken()


class _Made(io.RawIOBase):
    """Where a zip is written to: it cannot be rewound, and what is there is taken away."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: bytes) -> int:  # type: ignore[override]  # any buffer of bytes
        self._parts.append(bytes(piece))
        return len(piece)

    def taken(self) -> bytes:
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole


def _all(listed: Callable[..., Page[Artifact]], run_id: str, prefix: str) -> Iterator[Artifact]:
    after = None
    while True:
        page = listed(run_id, prefix=prefix, limit=1000, after=after)
        yield from page.items
        after = page.next
        if after is None:
            return


def _folders(artifacts: Sequence[Artifact]) -> list[str]:
    """Every folder that a name goes through."""
    found: dict[str, None] = {}
    for each in artifacts:
        parts = each.name.split("/")
        found.update(("/".join(parts[:length]), None) for length in range(1, len(parts)))
    return list(found)

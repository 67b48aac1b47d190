"""Content that stays where it is: what is known of it, and whether it is still the same.

Only the process that logs or checks a reference looks at what it names; a server keeps the words and follows
none of them.  Of an address on the web the headers are asked, never the content.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from blake3 import blake3

from nbproof.core.errors import Invalid, near_names
from nbproof.core.links import broken_link
from nbproof.storage.progress import Progress

__all__ = ["ReferenceState", "Referenced", "is_url", "look_at", "state_of"]

ReferenceState = Literal["unchanged", "changed", "vanished", "unknown"]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PIECE = 1 << 20
_SECONDS = 5.0
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Referenced:
    """What a reference names.

    Attributes
    ----------
    target : str
        An absolute path or an address, without user and password.
    hash : str, optional
        BLAKE3-256 of the content, where it could be read here.
    size_bytes : int, optional
    metadata : dict
        What tells a change where there is no hash: the ``etag`` of an address, the ``listing`` of a folder.
    """

    target: str
    hash: str | None = None
    size_bytes: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


def is_url(text: str) -> bool:
    """Whether it is an address rather than a path."""
    return _URL.match(text) is not None


def look_at(source: object) -> Referenced:
    """What is known of a path or an address now; `Invalid` if it is neither, or there is no such file."""
    if isinstance(source, str) and is_url(source):
        if len(source) > _LONGEST:
            raise Invalid(f"an address has at most {_LONGEST:,} characters", details={"field": "path"})
        if urlsplit(source).scheme.lower() != "file":
            return _of_address(_without_secret(source))
        source = unquote(urlsplit(source).path)
    try:
        path = Path(source)  # type: ignore[arg-type]  # what it is not is told below
    except TypeError:
        raise Invalid(
            f"a reference is a path or an address, found {type(source).__name__}", details={"field": "path"}
        ) from None
    path = Path(os.path.abspath(path))
    if broken := broken_link(path):
        raise Invalid(f"{str(path)!r} {broken}", details={"field": "path"})
    if not path.exists():
        near = near_names(path.name, os.listdir(path.parent)) if path.parent.is_dir() else []
        raise Invalid(
            f"there is nothing at {str(path)!r}",
            hint=f"did you mean {near[0]!r}?" if near else "an address is kept whether it answers or not",
            details={"field": "path", "near": near},
        )
    return _of_path(path)


def state_of(target: str, hash: str, size_bytes: int, metadata: dict[str, Any]) -> ReferenceState:
    """Whether what a reference names is what it was when it was logged."""
    if is_url(target):
        found = _of_address(target)
        status = found.metadata.get("status")
        if status in (404, 410):
            return "vanished"
        if status != 200:
            return "unknown"
        for mark in ("etag", "modified"):
            if mark in metadata and mark in found.metadata:
                return "unchanged" if metadata[mark] == found.metadata[mark] else "changed"
        return "changed" if size_bytes and found.size_bytes not in (None, size_bytes) else "unknown"
    path = Path(target)
    if not path.exists():
        return "vanished"
    if not path.is_dir() and hash and path.stat().st_size != size_bytes:
        return "changed"
    found, older = _looked_at(path, anew=False)
    before, now = (hash or metadata.get("listing")), (found.hash or found.metadata.get("listing"))
    if not before or not now:
        return "unknown"
    return "unchanged" if before in (now, older) else "changed"


def _of_path(path: Path) -> Referenced:
    return _looked_at(path, anew=True)[0]


def _looked_at(path: Path, *, anew: bool) -> tuple[Referenced, str | None]:
    """What is at a path, and, unless it is logged anew, the hash that an earlier nbproof took of such."""
    if path.is_dir():
        return _of_folder(path), None
    if not path.is_file():
        raise Invalid(f"{str(path)!r} is not a regular file", details={"field": "path"})
    try:
        size = path.stat().st_size
        digest, older = blake3(), hashlib.blake2b(digest_size=32)
        with open(path, "rb", buffering=0) as file, Progress(path.name, size) as progress:
            while piece := file.read(_PIECE):
                digest.update(piece)
                if not anew:
                    older.update(piece)
                progress(len(piece))
    except OSError:
        return Referenced(str(path)), None
    return Referenced(str(path), digest.hexdigest(), size), None if anew else older.hexdigest()


def _of_folder(folder: Path) -> Referenced:
    """Names, sizes and times of all files; their content is not read."""
    digest, size, files = hashlib.blake2b(digest_size=32), 0, 0
    for inside, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(inside, name)
            try:
                state = os.stat(path)
            except OSError:
                continue
            relative = os.path.relpath(path, folder)
            digest.update(f"{relative}\0{state.st_size}\0{state.st_mtime_ns}\n".encode(errors="replace"))
            size, files = size + state.st_size, files + 1
    return Referenced(str(folder), None, size, {"listing": digest.hexdigest(), "files": files})


def _of_address(address: str) -> Referenced:
    if urlsplit(address).scheme.lower() not in ("http", "https"):
        return Referenced(address)
    import http.client
    import urllib.error
    import urllib.request

    request = urllib.request.Request(address, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            headers, status = answer.headers, answer.status
    except urllib.error.HTTPError as error:
        with error:
            return Referenced(address, metadata={"status": error.code})
    except (OSError, ValueError, http.client.HTTPException):
        return Referenced(address)
    length = headers.get("Content-Length", "")
    told = {"status": status, "etag": headers.get("ETag"), "modified": headers.get("Last-Modified")}
    return Referenced(
        address,
        None,
        int(length) if length.isascii() and length.isdigit() else None,
        {key: value for key, value in told.items() if value is not None},
    )


def _without_secret(address: str) -> str:
    """The address without user and password."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

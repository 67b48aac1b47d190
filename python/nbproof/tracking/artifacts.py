"""What users hand to ``log_artifact``, and how it is kept: files, folders, streams, bytes, references.

Standard library only: whoever logs a file loads nothing else.
"""

from __future__ import annotations

import os
import re
import stat
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from nbproof.core.callers import users_stacklevel
from nbproof.core.errors import Invalid, near_names
from nbproof.core.links import broken_link
from nbproof.core.redaction import redact_text, redact_value, without_credentials
from nbproof.storage.progress import Progress
from nbproof.tracking.references import Referenced, is_url, look_at
from nbproof.tracking.values import artifact_name, name_of, plain, step_of

if TYPE_CHECKING:
    from nbproof.storage.objects import ObjectStorage, StoredObject

__all__ = [
    "Item",
    "items_of",
    "kept",
    "kind_of",
    "media_type_of",
    "split_version",
    "told_reference",
    "versioned_name",
]

_VERSIONED = re.compile(r"(.+)@(v[1-9][0-9]{0,8}|latest)", re.DOTALL)
_KIND = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_METADATA_BYTES = 16 << 10
_TOGETHER = 128
_SHOWN = 400
_SOME = 3  # files named in a message

# Of what Python's own table lacks on some machines; those are asked second.
_MEDIA_TYPES = {
    ".arrow": "application/vnd.apache.arrow.file",
    ".csv": "text/csv",
    ".diff": "text/x-diff",
    ".feather": "application/vnd.apache.arrow.file",
    ".gif": "image/gif",
    ".htm": "text/html",
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".patch": "text/x-diff",
    ".png": "image/png",
    ".py": "text/x-python",
    ".svg": "image/svg+xml",
    ".toml": "application/toml",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".wav": "audio/wav",
    ".webp": "image/webp",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}
_TABLES = frozenset(
    {
        "text/csv",
        "text/tab-separated-values",
        "application/x-ndjson",
        "application/vnd.apache.parquet",
        "application/vnd.apache.arrow.file",
    }
)
_DATA = frozenset({"application/json", "application/yaml", "application/toml", "text/xml", "application/xml"})


def media_type_of(name: str) -> str:
    """The media type that a name's suffix says.

    Examples
    --------
    >>> media_type_of("tables/scores.parquet"), media_type_of("weights")
    ('application/vnd.apache.parquet', 'application/octet-stream')
    """
    known = _MEDIA_TYPES.get(os.path.splitext(name)[1].lower())
    if known is not None:
        return known
    import mimetypes

    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def kind_of(media_type: str) -> str:
    """The kind of an artifact of which nobody said one.

    Examples
    --------
    >>> [kind_of(each) for each in ("image/png", "text/csv", "application/json", "text/plain", "x/y")]
    ['image', 'table', 'data', 'text', 'file']
    """
    plain_type = media_type.partition(";")[0].strip().lower()
    family = plain_type.partition("/")[0]
    if family in ("image", "audio", "video"):
        return family
    if plain_type in ("text/html", "application/xhtml+xml"):
        return "html"
    if plain_type in _TABLES:
        return "table"
    if plain_type in _DATA or plain_type.endswith("+json"):
        return "data"
    return "text" if family == "text" else "file"


def split_version(reference: str) -> tuple[str, int | None]:
    """Name and version that ``name@v2`` means; no version for ``name@latest`` and a bare name.

    Examples
    --------
    >>> split_version("plots/roc.png@v2"), split_version("roc.png@latest"), split_version("photo@2x.png")
    (('plots/roc.png', 2), ('roc.png', None), ('photo@2x.png', None))
    """
    found = _VERSIONED.fullmatch(reference)
    if found is None:
        return reference, None
    return found[1], None if found[2] == "latest" else int(found[2][1:])


def versioned_name(name: object) -> str:
    """A name that an artifact can be given, or `Invalid`."""
    checked = artifact_name(cast(str, name))
    if _VERSIONED.fullmatch(checked):
        raise Invalid(
            f"the artifact name {checked[-80:]!r} ends like a version",
            hint="versions are counted by themselves: log the same name again",
            details={"field": "name"},
        )
    return checked


@dataclass(frozen=True, slots=True)
class Item:
    """One artifact on its way in.

    Attributes
    ----------
    name : str
    source : Path, binary stream or None
        Where its bytes are; None for a reference.
    kind : str, optional
        By default what the media type says.
    preview : optional
        Plain values that show what it is without reading it.
    """

    name: str
    source: Path | BinaryIO | None
    media_type: str
    kind: str | None = None
    step: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    preview: Any = None
    reference: Referenced | None = None

    def fields(self, stored: StoredObject | None, changed: bool) -> dict[str, Any]:
        """What the journal is told of it beside run and time; optional fields only where there are any.

        What looks like a secret in its metadata or in the address of a reference is blanked, and counted.
        """
        fields: dict[str, Any] = {"name": self.name, "media_type": self.media_type}
        if stored is not None:
            fields |= {"size": stored.size_bytes, "hash": stored.hash, "location": stored.location}
        elif self.reference is not None:
            fields |= {
                "size": self.reference.size_bytes or 0,
                "hash": self.reference.hash or "",
                "location": "",
            }
        metadata = self.metadata | ({"changed_while_read": True} if changed else {})
        metadata, blanked = redact_value("", metadata)
        if self.reference is not None:
            fields["reference"], in_address = redact_text(self.reference.target)
            blanked += in_address
        for key, value in (
            ("type", self.kind),
            ("step", self.step),
            ("metadata", metadata or None),
            ("preview", self.preview),
            ("redacted", blanked or None),
        ):
            if value is not None:
                fields[key] = value
        return fields


def items_of(
    source: Any,
    name: str | None,
    *,
    kind: str | None = None,
    step: int | None = None,
    metadata: Mapping[str, Any] | None = None,
    reference: bool = False,
    preview: Any = None,
    media_type: str | None = None,
) -> list[Item]:
    """The artifacts that a user means, all of them checked; `Invalid` for what cannot be kept.

    Parameters
    ----------
    source : path-like, bytes, file-like
        A folder is every file below it.
    name : str, optional
        By default the file's own name; content without a file needs one.
    """
    if kind is not None:
        _check_kind(kind)
    if step is not None:
        step = step_of(step)
    told = _metadata(metadata)

    def item(called: str, content: Path | BinaryIO | None, referenced: Referenced | None = None) -> Item:
        more = referenced.metadata if referenced is not None else {}
        found = media_type or media_type_of(called)
        return Item(called, content, found, kind, step, {**more, **told}, preview, referenced)

    if reference:
        referenced = look_at(source)
        own = referenced.target.partition("?")[0].rstrip("/").rpartition("/")[2]
        return [item(versioned_name(own if name is None else name), None, referenced)]
    content = _content(source)
    if content is not None:
        own_name = getattr(source, "name", None)
        if name is None and isinstance(own_name, str) and own_name:
            name = os.path.basename(own_name)
        if name is None:
            raise Invalid(
                "content without a file needs a name",
                hint='log_artifact(content, name="model.bin")',
                details={"field": "name"},
            )
        return [item(versioned_name(name), content)]
    path = _path(source)
    called = versioned_name(name if name is not None else os.path.basename(os.path.realpath(path)))
    return [item(file_name, file) for file, file_name in _files(path, called)]


def kept(items: Sequence[Item], storage: Callable[[], ObjectStorage]) -> Iterator[dict[str, Any]]:
    """Keep the content of items; gives the fields of each event when its content is durable.

    What was given before an error or Ctrl-C is kept, of the rest nothing is left.
    """
    sizes = [_size(item.source) for item in items]
    total = None if None in sizes else sum(cast(list[int], sizes))
    what = items[0].name if len(items) == 1 else f"{len(items)} files"
    with Progress(what, total) as progress:
        if len(items) == 1 or not all(isinstance(item.source, Path) for item in items):
            for item in items:
                yield _keep_one(item, storage, progress)
            return
        changed = []
        for start in range(0, len(items), _TOGETHER):
            group = items[start : start + _TOGETHER]
            paths = [cast(Path, item.source) for item in group]
            before = [_marks(path) for path in paths]
            for item, was, stored in zip(
                group, before, storage().put_many(paths, on_bytes=progress), strict=True
            ):
                differs = _marks(cast(Path, item.source)) != was
                if differs:
                    changed.append(item.name)
                yield item.fields(stored, differs)
        _warn_changed(changed)


def told_reference(
    target: str,
    name: str | None,
    hash: str | None,
    size_bytes: int | None,
    kind: str | None,
    step: int | None,
    metadata: Mapping[str, Any] | None,
) -> Item:
    """A reference as somebody tells it; nothing is looked at."""
    checked = name_of(target[:_SHOWN], "a reference", "target") + target[_SHOWN:]
    own = target.partition("?")[0].rstrip("/\\").replace("\\", "/").rpartition("/")[2]
    called = versioned_name(own if name is None else name)
    if kind is not None:
        _check_kind(kind)
    return Item(
        called, None, media_type_of(called), kind, step, _metadata(metadata),
        reference=Referenced(without_credentials(checked), hash, size_bytes),
    )  # fmt: skip


def _keep_one(item: Item, storage: Callable[[], ObjectStorage], progress: Progress) -> dict[str, Any]:
    if item.source is None:
        return item.fields(None, changed=False)
    if not isinstance(item.source, Path):
        with _from_start(item.source):
            return item.fields(storage().put(item.source, on_bytes=progress), changed=False)
    before = _marks(item.source)
    stored = storage().put(item.source, on_bytes=progress)
    changed = _marks(item.source) != before
    if changed:
        _warn_changed([item.name])
    return item.fields(stored, changed)


def _warn_changed(names: Sequence[str]) -> None:
    if names:
        warnings.warn(
            f"nbproof: {_listed(names)} changed while being read; what was read is kept, under its own hash. "
            "Log it again when nobody writes to it.",
            UserWarning,
            stacklevel=users_stacklevel(),
        )


# -- what content is in --------------------------------------------------------------------------------


def _content(source: object) -> BinaryIO | None:
    """A binary stream of content that is no file on disk, or None."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return BytesIO(source)
    if callable(getattr(source, "read", None)):
        return cast(BinaryIO, _Stream(source))
    return None


class _Stream:
    """A user's file-like object: text becomes UTF-8, whatever it raises becomes `Invalid`."""

    def __init__(self, source: Any) -> None:
        self.source = source

    def read(self, size: int = -1) -> bytes:
        try:
            piece = self.source.read(size)
        except Exception as error:  # anybody's class: a connection that was cut, a closed file
            raise Invalid(
                f"reading the {type(self.source).__name__} failed: {error}",
                hint="nothing of it was kept",
                details={"field": "path"},
            ) from error
        if isinstance(piece, str):
            return piece.encode("utf-8", "surrogatepass")
        if isinstance(piece, (bytes, bytearray, memoryview)):
            return bytes(piece)
        if piece is None:
            return b""
        raise Invalid(
            f"read() of the {type(self.source).__name__} gave {type(piece).__name__}, not bytes",
            details={"field": "path"},
        )


class _from_start:
    """A stream that can is read from its start, and stands afterwards where it stood.

    Who has just written to a buffer leaves it at its end: nothing would be kept.
    """

    def __init__(self, stream: object) -> None:
        self._source: Any = stream.source if isinstance(stream, _Stream) else stream
        self._stood: int | None = None

    def __enter__(self) -> None:
        try:
            if self._source.seekable():
                self._stood = self._source.tell()
                self._source.seek(0)
        except (AttributeError, OSError, ValueError):
            self._stood = None

    def __exit__(self, *_: object) -> None:
        if self._stood is not None:
            with suppress(OSError, ValueError):  # it may have been closed by its last read
                self._source.seek(self._stood)


def _size(source: Path | BinaryIO | None) -> int | None:
    if isinstance(source, Path):
        try:
            return source.stat().st_size
        except OSError:
            return None
    if isinstance(source, BytesIO):
        return source.getbuffer().nbytes
    return None if source is not None else 0


def _marks(path: Path) -> tuple[int, ...] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns


def _path(source: object) -> Path:
    try:
        path = Path(cast(Any, source))
        if not str(source) or "\0" in str(source):
            raise Invalid(
                f"{str(source)!r} is no path", hint="name a file or a folder", details={"field": "path"}
            )
    except TypeError:
        raise Invalid(
            f"an artifact is a path, bytes or a file-like object, found {type(source).__name__}",
            hint=_HINTS.get(type(source).__module__.partition(".")[0], "write the object to a file first"),
            details={"field": "path"},
        ) from None
    if isinstance(source, str) and is_url(source):
        raise Invalid(
            f"{source!r} is an address", hint="log_artifact(..., reference=True)", details={"field": "path"}
        )
    return path


_HINTS = {
    "matplotlib": "log_figure takes figures",
    "plotly": "log_figure takes figures",
    "PIL": "log_image takes pictures",
    "numpy": "log_image, log_table or log_histogram take arrays; or np.save it to a file first",
    "pandas": "log_table takes frames",
    "polars": "log_table takes frames",
    "pyarrow": "log_table takes tables",
    "builtins": "log_dict takes mappings and lists, log_text text",
}


# -- folders ---------------------------------------------------------------------------------------------


def _files(source: Path, name: str) -> list[tuple[Path, str]]:
    """The file, or every file of a folder, with its name in the run."""
    if source.is_dir():
        return _below(source, name)
    if source.is_file():
        if not os.access(source, os.R_OK):
            raise Invalid(f"{str(source)!r} can't be read: Permission denied", details={"field": "path"})
        return [(source, name)]
    if os.path.lexists(source):
        what = broken_link(source) or "is not a regular file"
        raise Invalid(f"{str(source)!r} {what}", details={"field": "path"})
    near = near_names(source.name, os.listdir(source.parent)) if source.parent.is_dir() else []
    raise Invalid(
        f"there is no file {str(source)!r} (looked in {Path.cwd()})",
        hint=f"did you mean {near[0]!r}?" if near else None,
        details={"field": "path", "near": near},
    )


def _below(folder: Path, name: str) -> list[tuple[Path, str]]:
    """Every file of a folder.

    A link to a file that is in the folder, too, is kept like a file.  Links to folders are not followed: what
    is inside is kept anyway, and so no cycle has to be found.  What leads out of the folder, or is no file,
    is left out, and that is said.
    """
    root = os.path.realpath(folder)
    found: list[tuple[Path, str]] = []
    left_out: list[str] = []
    unreadable: list[str] = []
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(os.path.join(root, inside)) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            unreadable.append(inside or str(folder))
            continue
        for entry in listed:
            relative = f"{inside}/{entry.name}" if inside else entry.name
            verdict = _look(entry, root)
            if verdict == "folder":
                if entry.name != ".nbproof":
                    waiting.append(relative)
            elif verdict == "file":
                found.append((Path(entry.path), f"{name}/{relative}"))
            elif verdict == "unreadable":
                unreadable.append(relative)
            elif verdict == "outside":
                left_out.append(relative)
    if unreadable:
        raise Invalid(
            f"{_listed(unreadable)} in {str(folder)!r} can't be read",
            hint="make them readable, or log the other files one by one; nothing was kept",
            details={"field": "path", "unreadable": sorted(unreadable)[:100]},
        )
    if left_out:
        warnings.warn(
            f"nbproof: {_listed(left_out)} in {str(folder)!r} left out: links that lead out of the folder or "
            "nowhere, or no regular files. Log what is meant by its own path.",
            UserWarning,
            stacklevel=users_stacklevel(),
        )
    if not found:
        raise Invalid(f"the folder {str(folder)!r} has no files", details={"field": "path"})
    return [(path, versioned_name(called)) for path, called in sorted(found, key=lambda pair: pair[1])]


def _look(entry: os.DirEntry[str], root: str) -> str:
    try:
        if entry.is_symlink():
            target = os.path.realpath(entry.path)
            if os.path.commonpath([root, target]) != root or not os.path.exists(target):
                return "outside"
            if os.path.isdir(target):
                return "inside"
            path, mode = target, os.stat(target).st_mode
        else:
            path, mode = entry.path, entry.stat(follow_symlinks=False).st_mode
    except (OSError, ValueError):
        return "outside"
    if stat.S_ISDIR(mode):
        return "folder"
    if not stat.S_ISREG(mode):
        return "outside"
    return "file" if os.access(path, os.R_OK) else "unreadable"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(each if len(each) <= 80 else f"{each[:77]}...") for each in sorted(names)[:_SOME])
    return shown if len(names) <= _SOME else f"{shown} and {len(names) - _SOME} more"


def _check_kind(kind: object) -> None:
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise Invalid(
            f"a kind is a short word in small letters, such as image or model; found {kind!r}",
            details={"field": "kind"},
        )


def _metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise Invalid(
            f"metadata must be a mapping, found {type(metadata).__name__}", details={"field": "metadata"}
        )
    import json

    told = {name_of(key, "a piece of metadata", "metadata"): plain(value) for key, value in metadata.items()}
    size = len(json.dumps(told))
    if size > _METADATA_BYTES:
        raise Invalid(
            f"metadata has {size:,} bytes, at most {_METADATA_BYTES:,} are kept beside an artifact",
            hint="log_dict keeps any amount as an artifact of its own",
            details={"field": "metadata"},
        )
    return told

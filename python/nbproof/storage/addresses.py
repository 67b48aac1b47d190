"""Files at addresses, such as ``s3://bucket/key``, which stay there: looked at and read through fsspec."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from nbproof.core.errors import Invalid, NotFound, PlatformError, Unavailable
from nbproof.core.redaction import redact_text

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["FarFiles", "is_address"]

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# How stores call what tells one content of a file from another, the surest first.
_TAGS = ("ETag", "etag", "md5Hash", "content_md5")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")


def is_address(text: str) -> bool:
    """Whether it is an address rather than a path.

    Examples
    --------
    >>> is_address("s3://lake/sales.parquet"), is_address("C:/sales.parquet")
    (True, False)
    """
    return _ADDRESS.match(text) is not None


class FarFiles:
    """A file, or all files below a folder, at an address.

    Credentials come from the environment, as the provider's own tools read them, and are in no address.

    Parameters
    ----------
    address : str

    Attributes
    ----------
    filesystem : fsspec.AbstractFileSystem
    is_folder : bool

    Raises
    ------
    Invalid
        It is no address, or holds a password or a key.
    NotFound
        There is nothing.
    Unavailable
        It can't be reached, or needs a library that is not installed.
    """

    def __init__(self, address: str) -> None:
        import fsspec

        self.address = address
        if "@" in address.partition("://")[2].partition("/")[0] or redact_text(address).value != address:
            raise Invalid(
                "the address holds a user, a password or a key, which is never recorded",
                hint="set the provider's own environment variables, such as AWS_ACCESS_KEY_ID",
                details={"field": "source"},
            )
        try:
            # What others do to the files is to be seen, so nothing is remembered of listings.
            found, path = fsspec.core.url_to_fs(address, use_listings_cache=False)
        except ImportError as error:
            raise Unavailable(
                f"{address.partition(':')[0]}:// needs a library that is not installed: {error}",
                hint='pip install "nbproof[s3]" for s3://; for others see fsspec',
            ) from error
        except ValueError as error:
            raise Invalid(
                f"{address!r} is no address: {error}",
                hint="a path of this machine, or an address that fsspec knows, such as s3://bucket/key",
                details={"field": "source"},
            ) from error
        self.filesystem: AbstractFileSystem = found
        self._root = str(path)
        with self._told():
            self.filesystem.invalidate_cache()
            self._info: Mapping[str, Any] = self.filesystem.info(self._root)
        self.is_folder = self._info.get("type") == "directory"

    def files(self) -> Iterator[tuple[str, int, str]]:
        """Path below the folder (of a file its own name), size, and what changes with the content."""
        if not self.is_folder:
            yield self._root.rstrip("/").rpartition("/")[2], *_marks_of(self._info)
            return
        root = self._root.rstrip("/")
        with self._told():
            found = self.filesystem.find(root, detail=True)
        for path, info in sorted(cast("dict[str, Any]", found).items()):
            below = path.removeprefix(self.filesystem._strip_protocol(root)).lstrip("/")
            if below and info.get("type") == "file":
                yield below, *_marks_of(info)

    def marks(self, path: str) -> tuple[int, str]:
        """The size of a file that `files` listed, and what changes with its content, as they are now."""
        with self._told():
            return _marks_of(self.filesystem.info(self.place(path)))

    def place(self, path: str) -> str:
        """What the file system calls a file that `files` listed."""
        return f"{self._root.rstrip('/')}/{path}" if self.is_folder else self._root

    def open(self, path: str) -> BinaryIO:
        """A file as a stream that can seek; whoever asks closes it."""
        with self._told():
            return cast(BinaryIO, self.filesystem.open(self.place(path), "rb"))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except PlatformError:
            raise
        except FileNotFoundError:
            raise NotFound(f"there is nothing at {self.address}", details={"field": "source"}) from None
        except Exception as error:  # each provider has error classes of its own
            told = f"{type(error).__name__}: {error}"
            raise Unavailable(
                f"{self.address} can't be read: {redact_text(told).value}",
                hint="check the network and the provider's environment variables",
            ) from error


def _marks_of(info: Mapping[str, Any]) -> tuple[int, str]:
    size = int(info.get("size") or 0)
    for words, kind in ((_TAGS, "etag"), (_TIMES, "modified")):
        for word in words:
            if info.get(word):
                return size, f"{kind} {info[word]}"
    return size, ""

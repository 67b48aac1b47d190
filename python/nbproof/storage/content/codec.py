"""Zstandard, one context for each thread: its contexts may not be used by two at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import zstandard

__all__ = ["compress", "decompress", "decompressed", "packed", "worth_packing"]

_LEVEL = 1  # measured on CSV: level 3 takes three times as long for no fewer bytes
_WORTH = 0.95

# What begins like this is compressed already: it is not tried.
_COMPRESSED = (
    b"PAR1", b"\x89PNG", b"\xff\xd8\xff", b"PK\x03\x04", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh",
    b"\xfd7zXZ\0", b"\x04\x22\x4d\x18", b"GIF8", b"7z\xbc\xaf", b"OggS", b"fLaC", b"wOF2",
)  # fmt: skip


class _Contexts(threading.local):
    compressor: zstandard.ZstdCompressor | None = None
    decompressor: zstandard.ZstdDecompressor | None = None


_contexts = _Contexts()


def compress(content: bytes | memoryview) -> bytes:
    """The content as one Zstandard frame."""
    if _contexts.compressor is None:
        import zstandard

        _contexts.compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False)
    return _contexts.compressor.compress(content)


def decompress(content: Any, size: int) -> bytes:
    """What a Zstandard frame of that content size holds; `ValueError` for another size."""
    import zstandard

    # Asked first: a damaged header must not make us ask for its gigabytes.
    if zstandard.frame_content_size(content) != size:
        raise ValueError("the frame has another size")
    if _contexts.decompressor is None:
        _contexts.decompressor = zstandard.ZstdDecompressor()
    return _contexts.decompressor.decompress(content, max_output_size=size)


def decompressed(content: bytes) -> bytes:
    """What `compress` was given."""
    import zstandard

    return decompress(content, zstandard.frame_content_size(content))


def packed(content: bytes | memoryview) -> bytes | None:
    """The content compressed, or None where that saves no more than 5 %."""
    found = compress(content)
    return found if len(found) <= len(content) * _WORTH else None


def worth_packing(start: bytes | memoryview) -> bool:
    """Whether content that begins so may be worth compressing."""
    head = bytes(start[:12])
    return not (head.startswith(_COMPRESSED) or head[8:12] == b"WEBP" or head[4:8] == b"ftyp")

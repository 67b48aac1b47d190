"""Zstandard, one context for each thread: its contexts may not be used by two at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import zstandard

__all__ = ["compress", "decompress", "decompressed", "packed", "worth_packing"]

_LEVEL = 1  # measured on CSV: level 3 takes longer for no fewer bytes
# Of text, matches of at least seven bytes, which level 1 looks for only in what is large, are found faster
# than shorter ones, with fewer bytes; of columns of numbers they leave more bytes.
_TEXT = {"source_size": 256 << 10, "min_match": 7}
_LOOK_BYTES = 256
_WORTH = 0.95

# What begins like this is compressed already: it is not tried.
_COMPRESSED = (
    b"PAR1", b"\x89PNG", b"\xff\xd8\xff", b"PK\x03\x04", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh",
    b"\xfd7zXZ\0", b"\x04\x22\x4d\x18", b"GIF8", b"7z\xbc\xaf", b"OggS", b"fLaC", b"wOF2",
)  # fmt: skip


class _Contexts(threading.local):
    compressor: zstandard.ZstdCompressor | None = None
    of_text: zstandard.ZstdCompressor | None = None
    decompressor: zstandard.ZstdDecompressor | None = None


_contexts = _Contexts()


def compress(content: bytes | memoryview) -> bytes:
    """The content as one Zstandard frame."""
    return _compressor([content]).compress(content)


def _compressor(contents: Sequence[bytes | memoryview]) -> zstandard.ZstdCompressor:
    import zstandard

    if all(b"\0" not in bytes(each[:_LOOK_BYTES]) for each in contents):
        if _contexts.of_text is None:
            _contexts.of_text = zstandard.ZstdCompressor(
                compression_params=zstandard.ZstdCompressionParameters.from_level(
                    _LEVEL, write_checksum=False, **_TEXT
                )
            )
        return _contexts.of_text
    if _contexts.compressor is None:
        _contexts.compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False)
    return _contexts.compressor


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


def packed(contents: Sequence[bytes | memoryview]) -> list[bytes | memoryview | None]:
    """The contents compressed, each by itself; None where that saves no more than 5 %."""
    import zstandard

    if "multi_compress_to_buffer" not in zstandard.backend_features or not any(contents):
        found: Iterable[bytes | memoryview] = map(compress, contents)
    else:
        # In one call: what goes back and forth between threads is not a call for each small file.
        together: Any = _compressor(contents).multi_compress_to_buffer(list(contents), threads=1)
        found = map(memoryview, together)
    return [
        each if len(each) <= len(content) * _WORTH else None
        for each, content in zip(found, contents, strict=True)
    ]


def worth_packing(start: bytes | memoryview) -> bool:
    """Whether content that begins so may be worth compressing."""
    head = bytes(start[:12])
    return not (head.startswith(_COMPRESSED) or head[8:12] == b"WEBP" or head[4:8] == b"ftyp")

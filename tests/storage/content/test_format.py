"""What docs/explanation/storage-format.md says of the bytes, read by nothing of nbproof."""

import io
import random
import struct
import zlib
from pathlib import Path

import blake3
import zstandard

from nbproof.storage.content.upkeep import rebuild


def test_a_pack_is_read_as_its_page_says(local):
    store = local()
    contents = [b"words, " * 10_000, random.Random(1).randbytes(700_000), b""]
    with store.intake() as intake:
        locations = [intake.put(io.BytesIO(each)).location for each in contents]
        intake.commit()
    rebuild(store)  # finishes the pack
    (path,) = Path(store.end._root).glob("packs/*.pack")
    pack = path.read_bytes()

    assert pack[:12] == b"nbpPACK\0\1\0\0\0" and pack[12:28].hex() == path.stem
    assert struct.unpack_from("<I", pack, 28)[0] == zlib.crc32(pack[:28])
    chunks: dict[bytes, bytes] = {}
    lists: dict[bytes, bytes] = {}
    listed = []
    at = 32
    while True:
        assert pack[at : at + 4] == b"nbpR"
        kind, codec, stored, raw, hash, check = struct.unpack_from("<BBxxII32sI", pack, at + 4)
        assert check == zlib.crc32(pack[at : at + 48])
        content = pack[at + 52 : at + 52 + stored]
        if codec == 1:
            content = zstandard.ZstdDecompressor().decompress(content)
        assert len(content) == raw
        if kind == 2:
            break
        listed.append(struct.pack("<32sBBxxIIQ", hash, kind, codec, stored, raw, at))
        (chunks, lists)[kind][hash] = content
        at += 52 + stored
    assert content == b"".join(listed) and hash == blake3.blake3(content).digest()
    place = struct.pack("<Q", at)
    assert pack[at + 52 + stored :] == place + struct.pack("<I", zlib.crc32(place)) + b"nbpE"
    assert all(blake3.blake3(each).digest() == hash for hash, each in chunks.items())

    for location, expected in zip(locations, contents, strict=True):
        hash = bytes.fromhex(location.removeprefix("b3/"))
        if hash in chunks:
            assert chunks[hash] == expected
            continue
        told = lists[hash]
        assert told[:16] == blake3.blake3(told[16:]).digest()[:16]
        size, level = struct.unpack_from("<QB7x", told, 16)
        parts = list(struct.iter_unpack("<32sI", told[32:]))
        assert (size, level) == (len(expected), 0)
        assert [len(chunks[each]) for each, _ in parts] == [length for _, length in parts]
        assert b"".join(chunks[each] for each, _ in parts) == expected

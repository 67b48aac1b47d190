"""Stretches of columns on their way to a server: what is hostile costs it no memory."""

from __future__ import annotations

from contextlib import suppress

import pyarrow as pa
import pytest
import zstandard

from nbproof.core.errors import Invalid
from nbproof.datasets import streams
from nbproof.datasets.streams import packed_stream, table_in

_COLUMNS = {
    "texts": pa.array(["a", None, "ü" * 300]),
    "few words": pa.array(["x", "y", "x"]).dictionary_encode(),
    "lists": pa.array([[1, 2], None, []]),
    "none": pa.array([], pa.int64()),
}


def plain(table, compression=None):
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def framed(content):
    return zstandard.ZstdCompressor().compress(content)


@pytest.mark.parametrize("column", _COLUMNS)
def test_a_stretch_arrives_as_it_was(column):
    table = pa.table({"column": _COLUMNS[column]})

    assert table_in(bytes(packed_stream(table)), "column").equals(table, check_metadata=True)


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
@pytest.mark.parametrize("column", ["texts", "few words", "lists"])
def test_what_arrow_compressed_is_not_unpacked(column, compression, monkeypatch):
    content = framed(plain(pa.table({"column": _COLUMNS[column]}), compression))
    monkeypatch.setattr(pa.ipc, "open_stream", lambda *_: pytest.fail("it was read"))

    with pytest.raises(Invalid, match="compressed twice"):
        table_in(content, "column")


def test_more_than_a_server_takes_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(streams, "_MOST_BYTES", 1 << 20)
    bomb = framed(bytes(3 << 20))
    assert len(bomb) < 1000

    with pytest.raises(Invalid, match=r"'column' has 0.0 GB, a server takes at most 0.0 GB"):
        table_in(bomb, "column")
    with pytest.raises(Invalid, match="register it on the server's machine"):
        packed_stream(pa.table({"column": ["x" * (2 << 20)]}))


def test_a_frame_that_does_not_say_how_long_it_is_is_refused():
    table = pa.table({"column": _COLUMNS["texts"]})
    content = zstandard.ZstdCompressor(write_content_size=False).compress(plain(table))

    with pytest.raises(Invalid, match="column 'column' of the parcel can't be read"):
        table_in(content, "column")


def test_damage_anywhere_is_refused_or_harmless():
    table = pa.table({"column": _COLUMNS["few words"]})
    whole = bytes(plain(table))
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        for content in (framed(bytes(damaged)), framed(whole[:place])):
            with suppress(Invalid):
                table_in(content, "column")

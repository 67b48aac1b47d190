"""TensorBoard's event files: records framed as TFRecord, each a protobuf message, read without either
library.

A record is its length (8 bytes), a masked CRC-32C of these, the data, and a masked CRC-32C of the data, all
little endian.  Of the messages only the few fields are read that say when, at which step, under which tag
and what.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

__all__ = [
    "Damaged",
    "Event",
    "Value",
    "crc32c",
    "encoded",
    "event_of",
    "fields",
    "hyperparameters",
    "is_event_file",
    "numbers",
    "records",
    "strings",
]

_LENGTH = struct.Struct("<QI")
_CRC = struct.Struct("<I")
_MOST = 256 << 20  # bytes of one record
_ROW = 256  # bytes that are summed at a time, of long data


class Damaged(ValueError):
    """Bytes that are no such record or message."""


# -- CRC-32C ------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _table() -> tuple[int, ...]:
    table = []
    for number in range(256):
        crc = number
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


@lru_cache(maxsize=1)
def _shifted() -> list[list[int]]:
    """What a row of zeros makes of each byte of a register."""
    table = np.array(_table(), np.uint32)
    registers = (
        np.arange(256, dtype=np.uint32)[None, :] << (8 * np.arange(4, dtype=np.uint32))[:, None]
    ).ravel()
    for _ in range(_ROW):
        registers = table[registers & 0xFF] ^ (registers >> 8)
    found: list[list[int]] = registers.reshape(4, 256).tolist()
    return found


def crc32c(data: bytes) -> int:
    """The CRC-32C (Castagnoli) of some bytes.

    Examples
    --------
    >>> hex(crc32c(b"123456789")), crc32c(b"1" * 5000) == crc32c(b"1" * 5000)
    ('0xe3069283', True)
    """
    if len(data) < 4 * _ROW:
        table, crc = _table(), 0xFFFFFFFF
        for byte in data:
            crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
        return crc ^ 0xFFFFFFFF
    # Zeros in front change no register that begins with 0, and to begin with ones is to flip the first 32
    # bits.  So the data becomes rows of equal length, summed side by side and then joined.
    rows = -(-len(data) // _ROW)
    matrix = np.zeros(rows * _ROW, np.uint8)
    begin = len(matrix) - len(data)
    matrix[begin:] = np.frombuffer(data, np.uint8)
    matrix[begin : begin + 4] ^= 0xFF
    steps = np.array(_table(), np.uint32)
    registers = np.zeros(rows, np.uint32)
    for column in matrix.reshape(rows, _ROW).T:
        registers = steps[(registers ^ column) & 0xFF] ^ (registers >> 8)
    (a, b, c, d), crc = _shifted(), 0
    for register in registers.tolist():
        crc = a[crc & 0xFF] ^ b[crc >> 8 & 0xFF] ^ c[crc >> 16 & 0xFF] ^ d[crc >> 24] ^ register
    return crc ^ 0xFFFFFFFF


def _masked(data: bytes) -> int:
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


# -- records ------------------------------------------------------------------------------------------


def records(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The records of a file: where the data of each begins, and the data, or None where it is damaged.

    A last record that is cut off ends the file: a writer is at it, or died.

    Raises
    ------
    Damaged
        A record's length is not what was written: what follows cannot be found.  `args[1]` is where.
    """
    at = 0
    while head := stream.read(_LENGTH.size):
        if len(head) < _LENGTH.size:
            raise EOFError(at)
        length, crc = _LENGTH.unpack(head)
        if _masked(head[:8]) != crc or length > _MOST:
            raise Damaged("the length of a record is damaged", at)
        body = stream.read(length + _CRC.size)
        if len(body) < length + _CRC.size:
            raise EOFError(at)
        data = body[:length]
        intact = _masked(data) == _CRC.unpack_from(body, length)[0]
        yield at + _LENGTH.size, data if intact else None
        at += _LENGTH.size + length + _CRC.size


def is_event_file(path: Path) -> bool:
    """Whether a file begins with a record as event files do."""
    try:
        with path.open("rb") as file:
            head = file.read(_LENGTH.size)
    except OSError:
        return False
    return len(head) == _LENGTH.size and _masked(head[:8]) == _LENGTH.unpack(head)[1]


# -- messages -----------------------------------------------------------------------------------------


def fields(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int, Any]]:
    """The fields of a message: number, wire type and value.

    A value is an unsigned integer (types 0, 1 and 5) or a pair of places in `data` (type 2).
    """
    at, end = start, len(data) if end is None else end
    while at < end:
        key, at = _varint(data, at, end)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at, end)
            yield number, wire, value
        elif wire == 2:
            length, at = _varint(data, at, end)
            if at + length > end:
                raise Damaged("a field is longer than its message")
            yield number, wire, (at, at + length)
            at += length
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            if at + size > end:
                raise Damaged("a field is longer than its message")
            yield number, wire, int.from_bytes(data[at : at + size], "little")
            at += size
        else:
            raise Damaged(f"there is no wire type {wire}")


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise Damaged("a number is cut off")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _double(bits: int) -> float:
    return float(struct.unpack("<d", bits.to_bytes(8, "little"))[0])


def _float(bits: int) -> float:
    return float(struct.unpack("<f", bits.to_bytes(4, "little"))[0])


def _string(data: bytes, span: tuple[int, int]) -> str:
    return data[span[0] : span[1]].decode("utf-8", "replace")


@dataclass(slots=True)
class Value:
    """One value of a summary.

    Attributes
    ----------
    kind : str
        ``scalar``, ``tensor``, ``image``, ``audio``, ``histogram``, or empty.
    number : float
        Of a scalar.
    span : (int, int)
        Where in the record's data the message of any other kind lies.
    plugin, content
        Which plugin of TensorBoard it is for, and what it is told.
    """

    tag: str = ""
    kind: str = ""
    number: float = 0.0
    span: tuple[int, int] = (0, 0)
    plugin: str = ""
    content: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Event:
    """One record of an event file."""

    seconds: float = 0.0
    step: int = 0
    other: str = ""
    values: list[Value] = field(default_factory=list)


_OTHERS = {3: "file version", 4: "graph", 6: "log message", 7: "session", 8: "run metadata", 9: "meta graph"}
_KINDS = {4: "image", 5: "histogram", 6: "audio", 8: "tensor"}


def event_of(data: bytes) -> Event:
    """Read a record.

    Raises
    ------
    Damaged
        It is no event.
    """
    event = Event()
    try:
        for number, wire, value in fields(data):
            if number == 1 and wire == 1:
                event.seconds = _double(value)
            elif number == 2 and wire == 0:
                event.step = _signed(value)
            elif number == 5 and wire == 2:
                event.values += [
                    _value(data, *span) for n, w, span in fields(data, *value) if n == 1 and w == 2
                ]
            elif number in _OTHERS:
                event.other = _OTHERS[number]
    except (TypeError, OverflowError, struct.error) as error:
        raise Damaged(str(error)) from None
    return event


def _value(data: bytes, start: int, end: int) -> Value:
    value = Value()
    for number, wire, told in fields(data, start, end):
        if number == 1 and wire == 2:
            value.tag = _string(data, told)
        elif number == 2 and wire == 5:
            value.kind, value.number = "scalar", _float(told)
        elif number in _KINDS and wire == 2:
            value.kind, value.span = _KINDS[number], told
        elif number == 9 and wire == 2:
            for n, w, plugin in fields(data, *told):
                if n == 1 and w == 2:
                    for m, x, part in fields(data, *plugin):
                        if m == 1 and x == 2:
                            value.plugin = _string(data, part)
                        elif m == 2 and x == 2:
                            value.content = part
    return value


def encoded(data: bytes, value: Value) -> tuple[int, int] | None:
    """Where in the data the file of an image or a sound lies."""
    for number, wire, told in fields(data, *value.span):
        if number == 4 and wire == 2:
            return int(told[0]), int(told[1])
    return None


# TensorFlow's numbers of types, and how their raw bytes are read.
_TYPES = {
    1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 10: "?", 17: "<u2", 19: "<f2",
    22: "<u4", 23: "<u8",
}  # fmt: skip
_LISTS = {5: "<f4", 6: "<f8"}  # fields of the tensor that hold numbers of fixed size


def numbers(data: bytes, value: Value) -> list[float] | None:
    """The numbers of a tensor; None where it holds none, or what is not read here."""
    kind, raw = 0, b""
    found: list[float] = []
    for number, wire, told in fields(data, *value.span):
        if number == 1 and wire == 0:
            kind = told
        elif number == 4 and wire == 2:
            raw = data[told[0] : told[1]]
        elif number in _LISTS:
            if wire == 2:
                found += np.frombuffer(data[told[0] : told[1]], _LISTS[number]).astype(float).tolist()
            else:
                found.append(_float(told) if wire == 5 else _double(told))
        elif number in (7, 10, 11, 16, 17):  # int, int64, bool, uint32, uint64
            if wire == 0:
                found.append(float(told if number > 10 else _signed(told)))
            elif wire == 2:
                at = told[0]
                while at < told[1]:
                    one, at = _varint(data, at, told[1])
                    found.append(float(one if number > 10 else _signed(one)))
    if kind not in _TYPES:
        return None
    if raw:
        try:
            return [float(each) for each in np.frombuffer(raw, _TYPES[kind]).tolist()]
        except ValueError as error:
            raise Damaged(str(error)) from None
    return found


def strings(data: bytes, value: Value) -> list[bytes] | None:
    """The texts of a tensor, or the bytes of its images; None where it holds none."""
    kind, found = 0, []
    for number, wire, told in fields(data, *value.span):
        if number == 1 and wire == 0:
            kind = told
        elif number == 8 and wire == 2:
            found.append(data[told[0] : told[1]])
    return found if kind == 7 else None


def hyperparameters(data: bytes, value: Value) -> tuple[dict[str, Any], str | None, float | None]:
    """What the hparams plugin says: params, how the session ended if it did, and when (seconds)."""
    params: dict[str, Any] = {}
    ending: str | None = None
    seconds: float | None = None
    for number, wire, told in fields(data, *value.content):
        if number == 3 and wire == 2:
            for n, w, entry in fields(data, *told):
                if n == 1 and w == 2:
                    key, plain = _entry(data, *entry)
                    params[key] = plain
        elif number == 4 and wire == 2:
            ending = "finished"
            for n, w, said in fields(data, *told):
                if n == 1 and w == 0:
                    ending = {2: "failed", 3: "running"}.get(said, "finished")
                elif n == 2 and w == 1:
                    seconds = _double(said)
    return params, ending, seconds


def _entry(data: bytes, start: int, end: int) -> tuple[str, Any]:
    key = ""
    plain: Any = None
    for number, wire, told in fields(data, start, end):
        if number == 1 and wire == 2:
            key = _string(data, told)
        elif number == 2 and wire == 2:
            for n, w, said in fields(data, *told):
                if n == 2 and w == 1:
                    plain = _double(said)
                elif n == 3 and w == 2:
                    plain = _string(data, said)
                elif n == 4 and w == 0:
                    plain = bool(said)
    return key, plain

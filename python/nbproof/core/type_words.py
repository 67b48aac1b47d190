"""Arrow's types as people say them.

Read from Arrow's own text, so that a type that is only recorded can be shown where Arrow is not imported.
"""

from __future__ import annotations

import re
from typing import NoReturn

__all__ = ["TYPE_WORDS", "is_misspelt", "retyped_words", "stored_alike", "type_words"]

_PLAIN = {
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
    "large_string": "string",
    "string_view": "string",
    "large_binary": "binary",
    "binary_view": "binary",
    "month_day_nano_interval": "interval",
    "month_interval": "interval",
    "day_time_interval": "interval",
    "extension<arrow.uuid>": "uuid",
    "extension<arrow.json>": "json",
}
_ALIKE = {"bool", "string", "binary", "null"}
_ALIKE |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_MEASURED = {
    "date32": "date",
    "date64": "date",
    "time32": "time of day",
    "time64": "time of day",
    "duration": "duration",
}
TYPE_WORDS = frozenset({*_PLAIN, *_PLAIN.values(), *_ALIKE, *_MEASURED.values(), "timestamp"})
_LISTS = ("list", "large_list", "list_view", "large_list_view", "fixed_size_list")
_STORED = re.compile(r"\blarge_(?=string|binary|list)|(?<=string)_view\b|(?<=binary)_view\b|(?<=list)_view\b")
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_EXTENSION = re.compile(r"extension<[\w.]+>")
_BRACKETS = re.compile(r"\[([^\]]*)\]")
_DIGITS = re.compile(r"\((-?\d+, -?\d+)\)")


def is_misspelt(told: str) -> bool:
    """Whether a type is one word, and none that is known.  Of longer texts nobody can say.

    Examples
    --------
    >>> is_misspelt("intger"), is_misspelt("int64"), is_misspelt("string"), is_misspelt("list of int64")
    (True, False, False, False)
    """
    return bool(_WORD.fullmatch(told)) and told not in TYPE_WORDS


def stored_alike(told: str) -> str:
    """A type without the width of its offsets, which is the writer's business: texts are texts.

    Examples
    --------
    >>> stored_alike("list<item: large_string>"), stored_alike("timestamp[us]")
    ('list<item: string>', 'timestamp[us]')
    """
    return _STORED.sub("", told)


def type_words(told: str) -> str:
    """A type in words; what the way of storing adds to it (width of codes and offsets, units) is left out.

    Parameters
    ----------
    told : str
        Arrow's text of the type.  What is not known is given back as it is.

    Examples
    --------
    >>> type_words("dictionary<values=string, indices=int8, ordered=0>")
    'category of string'
    >>> type_words("timestamp[us, tz=UTC]"), type_words("double")
    ('timestamp in UTC', 'float64')
    >>> type_words("list<item: struct<x: int64, when: date32[day]>>")
    'list of struct of x: int64, when: date'
    """
    try:
        words, rest = _read(told)
    except ValueError:
        return told
    return told if rest else words


def retyped_words(before: str, after: str) -> tuple[str, str]:
    """Two types that differ, in words that differ too.

    Examples
    --------
    >>> retyped_words("int64", "double")
    ('int64', 'float64')
    >>> retyped_words("timestamp[us]", "timestamp[ns]")
    ('timestamp[us]', 'timestamp[ns]')
    """
    words = type_words(before), type_words(after)
    return words if words[0] != words[1] else (before, after)


def _read(told: str) -> tuple[str, str]:
    """The type at the beginning, and what comes after it; `ValueError` where there is none that is known."""
    if found := _EXTENSION.match(told):
        return _PLAIN.get(found[0]) or _unknown(told), told[found.end() :]
    found = _WORD.match(told)
    name = found[0] if found else ""
    rest = told[len(name) :]
    if rest.startswith("<"):
        return _nested(name, rest[1:])
    if name.startswith("decimal") and (found := _DIGITS.match(rest)):
        return f"decimal({found[1]})", rest[found.end() :]
    if found := _BRACKETS.match(rest):
        return _measured(name, found[1]), rest[found.end() :]
    return _PLAIN.get(name) or (name if name in _ALIKE else _unknown(told)), rest


def _measured(name: str, inside: str) -> str:
    """A type with a unit or a width."""
    if name == "timestamp":
        _, _, zone = inside.partition(", tz=")
        return f"timestamp in {zone}" if zone else "timestamp"
    if name == "fixed_size_binary":
        return f"binary of {inside} bytes"
    return _MEASURED.get(name) or _unknown(name)


def _nested(name: str, rest: str) -> tuple[str, str]:
    """A type made of others; `rest` begins behind its bracket."""
    if name == "dictionary":
        values, rest = _read(_after(rest, "values="))
        _, rest = _read(_after(rest, ", indices="))
        rest = _after(rest, ", ordered=")
        return f"{'ordered ' if rest[:1] == '1' else ''}category of {values}", _after(rest[1:], ">")
    if name == "run_end_encoded":
        _, rest = _read(_after(rest, "run_ends: "))
        values, rest = _read(_after(rest, ", values: "))
        return values, _after(rest, ">")
    if name == "map":
        key, rest = _read(rest)
        value, rest = _read(_after(rest, ", "))
        return f"map of {key} to {value}", _after(rest.removeprefix(", keys_sorted"), ">")
    if name in _LISTS:
        (_, words), rest = _field(rest)
        rest = _after(rest, ">")
        length = _BRACKETS.match(rest) if name == "fixed_size_list" else None
        return (
            (f"list of {words}", rest)
            if length is None
            else (f"list of {length[1]} {words}", rest[length.end() :])
        )
    return _struct(rest) if name == "struct" else _unknown(name)


def _struct(rest: str) -> tuple[str, str]:
    if rest.startswith(">"):
        return "struct of nothing", rest[1:]
    fields = []
    while True:
        (name, words), rest = _field(rest)
        fields.append(f"{name}: {words}")
        if rest.startswith(">"):
            return f"struct of {', '.join(fields)}", rest[1:]
        rest = _after(rest, ", ")


def _field(told: str) -> tuple[tuple[str, str], str]:
    """Name and type of a field.  A name with a colon in it makes a text that is not known."""
    name, colon, rest = told.partition(": ")
    words, rest = _read(rest if colon else _unknown(told))
    return (name, words), rest.removeprefix(" not null")


def _after(told: str, start: str) -> str:
    return told[len(start) :] if told.startswith(start) else _unknown(told)


def _unknown(told: str) -> NoReturn:
    raise ValueError(told)

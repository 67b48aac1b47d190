"""Versions of packages and of Python, compared as people expect: 1.10 after 1.9, 2.0rc1 before 2.0."""

from __future__ import annotations

import operator as of
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from packaging.version import InvalidVersion, Version

__all__ = ["COMPARISONS", "is_version", "matching"]

#: What the comparing operators of a search mean, of anything that has an order.
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": of.eq,
    "!=": of.ne,
    ">": of.gt,
    ">=": of.ge,
    "<": of.lt,
    "<=": of.le,
}


@lru_cache(maxsize=10_000)
def _read(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def is_version(text: str) -> bool:
    """Whether a text can be ordered among versions."""
    return _read(text) is not None


def matching(known: Iterable[str], operator: str, wanted: str) -> list[str]:
    """Those of the known versions that compare so with the one that is wanted.

    The order is that of PEP 440, which pip has too; a build such as ``+cu121`` counts only if it is wanted.
    What is no version equals its own text, and has no order.

    Examples
    --------
    >>> matching(["1.9", "1.10", "1.5rc1", "1.5", "2.0+cpu", "?"], ">=", "1.5")
    ['1.9', '1.10', '1.5', '2.0+cpu']
    >>> matching(["2.0.0", "2.0+cpu", "2.0.1"], "=", "2.0")
    ['2.0.0', '2.0+cpu']
    """
    return [each for each in known if _compare(each, operator, wanted)]


def _compare(found: str, operator: str, wanted: str) -> bool:
    one, other = _read(found), _read(wanted)
    if one is None or other is None:
        return operator in ("=", "!=") and (found == wanted) is (operator == "=")
    if other.local is None and one.local is not None:
        one = Version(one.public)
    return COMPARISONS[operator](one, other)

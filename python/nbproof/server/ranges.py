"""Which part of a file a ``Range`` header means."""

from __future__ import annotations

import re

from nbproof.server.refusals import Refused

__all__ = ["byte_range"]

_ONE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)", re.ASCII | re.IGNORECASE)


def byte_range(wanted: str, size: int) -> tuple[int, int] | None:
    """Start and length of the part; None where the whole file is the answer.

    That is so for several ranges at once and for what is no range: RFC 9110 lets a server answer with all.

    Raises
    ------
    Refused
        416: the part begins behind the end.

    Examples
    --------
    >>> [byte_range(wanted, 100) for wanted in ("bytes=0-9", "bytes=90-", "bytes=-5", "lines=1-2")]
    [(0, 10), (90, 10), (95, 5), None]
    """
    found = _ONE.fullmatch(wanted.strip())
    if found is None or found[1] == found[2] == "" or max(map(len, found.groups())) > 20:
        return None
    if not found[1]:
        length = min(int(found[2]), size)
        first, last = size - length, size - 1
    else:
        first = int(found[1])
        last = min(int(found[2]), size - 1) if found[2] else size - 1
        if found[2] and int(found[2]) < first:
            return None
    if first >= size or last < first:
        raise Refused(
            416,
            f"the file has {size:,} bytes; the range {wanted[:60]!r} begins behind its end",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return first, last - first + 1
